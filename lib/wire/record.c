#include "wire/record.h"

#include <string.h>

#include "base/addr.h"
#include "base/assert.h"
#include "identity/keypair.h"

#define TIME_MAX (INT64_MAX / 2) /* wall-clock fields are 62 bits: no sign to get wrong, and no sum with a tolerance */

/* ---- hosts ---- */

static bool is_zero(const struct kith_key *key)
{
	uint8_t all = 0;
	for (size_t i = 0; i < sizeof key->b; i++)
		all |= key->b[i];
	return all == 0;
}

void kith_host_write(struct kith_writer *w, const struct kith_host *host)
{
	if (is_zero(&host->dh))
		w->bad = true;
	kith_write_bytes(w, host->dh.b, sizeof host->dh.b);
	kith_endpoints_write(w, host->endpoints, host->endpoints_n, KITH_HOST_ENDPOINTS_MAX);
}

void kith_host_read(struct kith_reader *r, struct kith_host *out)
{
	memset(out, 0, sizeof *out);
	kith_read_bytes(r, out->dh.b, sizeof out->dh.b);
	if (is_zero(&out->dh))
		r->bad = true;
	out->endpoints_n = kith_endpoints_read(r, out->endpoints, KITH_HOST_ENDPOINTS_MAX);
}

int kith_host_parse(struct kith_host *out, struct kith_span bytes)
{
	memset(out, 0, sizeof *out);
	if (bytes.len == 0)
		return KITH_EPROTO;
	struct kith_reader r = kith_reader_of_span(bytes);
	kith_host_read(&r, out);
	return kith_reader_done(&r) ? 0 : KITH_EPROTO;
}

size_t kith_host_make(uint8_t out[KITH_HOST_LEN_MAX], const struct kith_host *host)
{
	struct kith_writer w = kith_writer_of(out, KITH_HOST_LEN_MAX);
	kith_host_write(&w, host);
	KITH_ASSERT(!w.bad);
	return kith_writer_len(&w);
}

void kith_host_add(struct kith_host *host, const struct kith_endpoint *endpoint)
{
	if (host->endpoints_n == KITH_HOST_ENDPOINTS_MAX)
		return;
	for (uint8_t i = 0; i < host->endpoints_n; i++) {
		if (host->endpoints[i].kind == endpoint->kind &&
		    host->endpoints[i].addr.family == endpoint->addr.family)
			return;
	}
	host->endpoints[host->endpoints_n++] = *endpoint;
}

void kith_home_tag(const struct kith_suite *suite, uint8_t out[KITH_HOME_TAG_LEN], const struct kith_key *sign)
{
	const struct kith_span part = { sign->b, sizeof sign->b };
	const struct kith_span no_key = { NULL, 0 };
	suite->blake2b(out, KITH_HOME_TAG_LEN, no_key, &part, 1);
}

/* ---- what the signed objects share ---- */

static int object_begin(struct kith_reader *r, struct kith_span bytes, enum kith_record_object type, size_t len_max)
{
	if (bytes.len > len_max)
		return KITH_EPROTO;
	return kith_object_begin(r, bytes, (enum kith_object_type)type);
}

/* Starts a writer that keeps room for the signature: kith_object_sign appends it. */
static struct kith_writer object_writer(uint8_t *out, size_t cap, enum kith_record_object type)
{
	struct kith_writer w = kith_writer_of(out, cap);
	kith_object_write_header(&w, (enum kith_object_type)type);
	return w;
}

/* Extensions and signature. The length, or an error. */
static int object_sign(const struct kith_suite *suite, struct kith_writer *w, struct kith_span ext, const char *label,
		       const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	kith_object_write_ext(w, ext);
	return kith_object_sign(suite, w, label, sign_sk);
}

static int object_end(struct kith_reader *r, struct kith_span bytes, struct kith_signed *s)
{
	return r->bad ? KITH_EPROTO : kith_object_end(r, bytes, s);
}

static void write_long(struct kith_writer *w, struct kith_span s)
{
	kith_write_u16(w, (uint16_t)s.len);
	kith_write_span(w, s);
}

static struct kith_span read_long(struct kith_reader *r)
{
	return kith_read_span(r, kith_read_u16(r));
}

/* Sequence and expiry, and that they fit each other: the one rule about times that needs no clock. */
static bool times_fit(uint64_t seq, int64_t expires_ms, int64_t life_ms)
{
	return seq <= TIME_MAX && expires_ms > 0 && expires_ms <= TIME_MAX && expires_ms - life_ms <= (int64_t)seq;
}

static void read_times(struct kith_reader *r, uint64_t *seq, int64_t *expires_ms, int64_t life_ms)
{
	*seq = kith_read_u64(r);
	uint64_t expires = kith_read_u64(r);
	if (expires > TIME_MAX || !times_fit(*seq, (int64_t)expires, life_ms))
		r->bad = true;
	*expires_ms = r->bad ? 0 : (int64_t)expires;
}

static int check_times(uint64_t seq, int64_t expires_ms, int64_t life_ms, const struct kith_now *now)
{
	if (expires_ms < now->unix_ms - KITH_CLOCK_TOLERANCE_MS)
		return KITH_EEXPIRED;
	if (!now->unix_trusted)
		return 0;
	if ((int64_t)seq > now->unix_ms + KITH_CLOCK_TOLERANCE_MS)
		return KITH_ENOTYET;
	if (expires_ms > now->unix_ms + KITH_CLOCK_TOLERANCE_MS + life_ms)
		return KITH_ENOTYET;
	return 0;
}

int kith_object_end_chain(struct kith_reader *r, struct kith_span bytes, struct kith_signed *s, struct kith_span chain,
			  struct kith_key *device, struct kith_key *sign)
{
	struct kith_chain parsed;
	int err = object_end(r, bytes, s);
	if (err == 0)
		err = kith_chain_parse(&parsed, chain);
	if (err != 0)
		return err;
	*device = parsed.device.dh;
	*sign = parsed.device.sign;
	return 0;
}

/* kith_trust_check, or _once. */
typedef int check_fn(struct kith_trust *trust, const struct kith_now *now, struct kith_span chain,
		     struct kith_person *person);

/* What record and entry have in common when they are verified, before the signature: times and chain. */
static int check_signer(uint64_t seq, int64_t expires_ms, int64_t life_ms, struct kith_span chain, check_fn *check,
			struct kith_trust *trust, const struct kith_now *now, struct kith_person *person)
{
	int err = check_times(seq, expires_ms, life_ms, now);
	return err != 0 ? err : check(trust, now, chain, person);
}

/* ---- presence records ---- */

static bool homes_fit(const struct kith_record *record)
{
	return record->homes_n <= KITH_HOMES && (record->homes_n == 0) == ((record->flags & KITH_RECORD_OFFLINE) != 0);
}

static struct kith_span guard_ext(uint8_t out[2 + KITH_FOLLOW_LEN], const struct kith_record *record)
{
	out[0] = KITH_EXT_RECORD_GUARD;
	out[1] = KITH_FOLLOW_LEN;
	memcpy(out + 2, record->guard, KITH_FOLLOW_LEN);
	return (struct kith_span){ out, 2 + KITH_FOLLOW_LEN };
}

/* A guard of another length is one that nobody can have a token for. */
static void read_guard(struct kith_record *out)
{
	struct kith_reader r = kith_reader_of_span(out->s.ext);
	while (kith_reader_left(&r) > 0) {
		uint8_t type = kith_read_u8(&r);
		struct kith_span value = kith_read_span(&r, kith_read_u8(&r));
		if (type != KITH_EXT_RECORD_GUARD)
			continue;
		out->guarded = true;
		if (value.len == KITH_FOLLOW_LEN)
			memcpy(out->guard, value.p, KITH_FOLLOW_LEN);
	}
}

int kith_record_make(const struct kith_suite *suite, uint8_t out[KITH_RECORD_LEN_MAX], const struct kith_record *record,
		     const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	if (!homes_fit(record) || !times_fit(record->seq, record->expires_ms, KITH_RECORD_LIFE_MS))
		return KITH_EINVAL;
	if (record->status.len > KITH_RECORD_STATUS_MAX || record->devices.len > KITH_DEVICES_LEN_MAX ||
	    record->chain.len > KITH_CHAIN_MAX)
		return KITH_EINVAL;
	struct kith_writer w = object_writer(out, KITH_RECORD_LEN_MAX, KITH_OBJECT_RECORD);
	kith_write_u16(&w, record->flags);
	kith_write_bytes(&w, record->key.b, sizeof record->key.b);
	kith_write_u64(&w, record->seq);
	kith_write_u64(&w, (uint64_t)record->expires_ms);
	kith_write_u8(&w, record->homes_n);
	for (uint8_t i = 0; i < record->homes_n; i++) {
		struct kith_writer host = w;
		kith_host_write(&w, &record->homes[i].host);
		if (w.bad)
			return kith_writer_space(&host) < KITH_HOST_LEN_MAX ? KITH_EMSGSIZE : KITH_EINVAL;
		kith_write_bytes(&w, record->homes[i].tag, KITH_HOME_TAG_LEN);
	}
	kith_write_u8(&w, (uint8_t)record->status.len);
	kith_write_span(&w, record->status);
	write_long(&w, record->devices);
	write_long(&w, record->chain);
	uint8_t guard[2 + KITH_FOLLOW_LEN];
	const struct kith_span ext = record->guarded ? guard_ext(guard, record) : record->s.ext;
	int len = object_sign(suite, &w, ext, KITH_SIGN_RECORD, sign_sk);
	struct kith_record parsed;
	if (len > 0 && kith_record_parse(&parsed, (struct kith_span){ out, (size_t)len }) != 0)
		return KITH_EINVAL;
	return len;
}

int kith_record_parse(struct kith_record *out, struct kith_span bytes)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = object_begin(&r, bytes, KITH_OBJECT_RECORD, KITH_RECORD_LEN_MAX);
	if (err != 0)
		return err;
	out->bytes = bytes;
	out->flags = kith_read_u16(&r);
	kith_read_bytes(&r, out->key.b, sizeof out->key.b);
	read_times(&r, &out->seq, &out->expires_ms, KITH_RECORD_LIFE_MS);
	out->homes_n = kith_read_u8(&r);
	if (!homes_fit(out))
		r.bad = true;
	for (uint8_t i = 0; i < out->homes_n && !r.bad; i++) {
		kith_host_read(&r, &out->homes[i].host);
		kith_read_bytes(&r, out->homes[i].tag, KITH_HOME_TAG_LEN);
	}
	uint8_t status_len = kith_read_u8(&r);
	if (status_len > KITH_RECORD_STATUS_MAX)
		r.bad = true;
	out->status = kith_read_span(&r, status_len);
	out->devices = read_long(&r);
	out->chain = read_long(&r);
	err = kith_object_end_chain(&r, bytes, &out->s, out->chain, &out->device, &out->sign);
	if (err == 0)
		read_guard(out);
	return err;
}

/* A device list that comes along may be newer than the one that the chain was checked against, and may leave this
 * device out. */
static int learn_devices(const struct kith_record *record, struct kith_trust *trust, const struct kith_now *now,
			 const struct kith_person *person)
{
	if (record->devices.len == 0)
		return 0;
	int taken = kith_trust_devices_add(trust, now, &person->identity, record->devices, false);
	if (taken == KITH_EFULL || taken == KITH_ENOMEM)
		return 0;
	return taken > 0 ? kith_trust_recheck(trust, now, person) : taken;
}

bool kith_record_is_open_to(const struct kith_record *record, const struct kith_suite *suite, struct kith_span tokens)
{
	return !record->guarded || kith_follow_opens(suite, tokens, record->guard);
}

int kith_record_verify(const struct kith_record *record, struct kith_trust *trust, const struct kith_now *now,
		       struct kith_person *person)
{
	int err = check_signer(record->seq, record->expires_ms, KITH_RECORD_LIFE_MS, record->chain, kith_trust_check,
			       trust, now, person);
	if (err != 0)
		return err;
	struct kith_id key;
	kith_ids_directory(trust->suite, &key, &trust->network, person->name);
	if (memcmp(key.b, record->key.b, sizeof key.b) != 0)
		return KITH_ENAME;
	err = kith_object_verify(trust->suite, &record->s, KITH_SIGN_RECORD, &person->device_sign);
	return err != 0 ? err : learn_devices(record, trust, now, person);
}

kith_time_us kith_record_life_us(const struct kith_record *record, const struct kith_now *now)
{
	int64_t left_ms = record->expires_ms + KITH_CLOCK_TOLERANCE_MS - now->unix_ms;
	int64_t whole_ms = record->expires_ms - (int64_t)record->seq;
	if (left_ms > whole_ms)
		left_ms = whole_ms;
	return left_ms > 0 ? left_ms * KITH_US_PER_MS : 0;
}

int64_t kith_record_time(int64_t unix_ms, bool guarded)
{
	return unix_ms - unix_ms % (guarded ? KITH_PRESENCE_STEP_MS : KITH_RECORD_GRAIN_MS);
}

int64_t kith_record_step(int64_t unix_ms)
{
	return unix_ms / KITH_PRESENCE_STEP_MS;
}

kith_time_us kith_record_step_left_us(int64_t unix_ms)
{
	return (KITH_PRESENCE_STEP_MS - unix_ms % KITH_PRESENCE_STEP_MS) * KITH_US_PER_MS;
}

static uint64_t next_seq(uint64_t last, int64_t wall_ms)
{
	uint64_t wall = wall_ms > 0 ? (uint64_t)wall_ms : 0;
	return last + 1 > wall ? last + 1 : wall;
}

uint64_t kith_record_next_seq(uint64_t last, const struct kith_now *now, bool guarded)
{
	return next_seq(last, kith_record_time(now->unix_ms, guarded));
}

uint64_t kith_member_next_seq(uint64_t last, const struct kith_now *now)
{
	return next_seq(last, now->unix_ms);
}

bool kith_record_seq_is_ahead(uint64_t seq, const struct kith_now *now)
{
	return now->unix_trusted && seq <= TIME_MAX && (int64_t)seq > now->unix_ms + KITH_CLOCK_TOLERANCE_MS;
}

/* ---- vanish reports ---- */

int kith_vanish_make(const struct kith_suite *suite, uint8_t out[KITH_VANISH_LEN_MAX], const struct kith_vanish *vanish,
		     const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	if (vanish->at_ms < 0 || vanish->at_ms > TIME_MAX)
		return KITH_EINVAL;
	struct kith_writer w = object_writer(out, KITH_VANISH_LEN_MAX, KITH_OBJECT_VANISH);
	kith_write_bytes(&w, vanish->key.b, sizeof vanish->key.b);
	kith_write_bytes(&w, vanish->device.b, sizeof vanish->device.b);
	kith_write_u64(&w, vanish->seq);
	kith_write_u64(&w, (uint64_t)vanish->at_ms);
	kith_write_bytes(&w, vanish->home.b, sizeof vanish->home.b);
	return object_sign(suite, &w, vanish->s.ext, KITH_SIGN_VANISH, sign_sk);
}

int kith_vanish_parse(struct kith_vanish *out, struct kith_span bytes)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = object_begin(&r, bytes, KITH_OBJECT_VANISH, KITH_VANISH_LEN_MAX);
	if (err != 0)
		return err;
	out->bytes = bytes;
	kith_read_bytes(&r, out->key.b, sizeof out->key.b);
	kith_read_bytes(&r, out->device.b, sizeof out->device.b);
	out->seq = kith_read_u64(&r);
	uint64_t at_ms = kith_read_u64(&r);
	kith_read_bytes(&r, out->home.b, sizeof out->home.b);
	if (at_ms > TIME_MAX)
		r.bad = true;
	out->at_ms = r.bad ? 0 : (int64_t)at_ms;
	return object_end(&r, bytes, &out->s);
}

int kith_vanish_verify(const struct kith_vanish *vanish, const struct kith_record *record, unsigned known,
		       const struct kith_suite *suite, const struct kith_now *now)
{
	if (vanish->seq != record->seq || memcmp(vanish->key.b, record->key.b, sizeof record->key.b) != 0 ||
	    !kith_key_equal(&vanish->device, &record->device))
		return KITH_ENOENT;
	uint8_t tag[KITH_HOME_TAG_LEN];
	int home = 0;
	kith_home_tag(suite, tag, &vanish->home);
	while (home < record->homes_n && memcmp(record->homes[home].tag, tag, sizeof tag) != 0)
		home++;
	if (home == record->homes_n)
		return KITH_EACCES;
	if ((known >> home & 1) != 0)
		return KITH_EEXIST;
	if ((uint64_t)vanish->at_ms + KITH_CLOCK_TOLERANCE_MS < record->seq) /* which is of the leaf's clock */
		return KITH_EEXPIRED;
	if (now->unix_trusted && vanish->at_ms > now->unix_ms + KITH_CLOCK_TOLERANCE_MS)
		return KITH_ENOTYET;
	int err = kith_object_verify(suite, &vanish->s, KITH_SIGN_VANISH, &vanish->home);
	return err != 0 ? err : home;
}

/* ---- member entries ---- */

int kith_member_make(const struct kith_suite *suite, uint8_t out[KITH_MEMBER_LEN_MAX],
		     const struct kith_member_entry *entry, const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	if (!times_fit(entry->seq, entry->expires_ms, KITH_MEMBER_LIFE_MS) || entry->chain.len > KITH_CHAIN_MAX)
		return KITH_EINVAL;
	if (entry->attest.len > KITH_MEMBER_LEN_MAX)
		return KITH_EMSGSIZE;
	struct kith_writer w = object_writer(out, KITH_MEMBER_LEN_MAX, KITH_OBJECT_MEMBER);
	kith_write_u16(&w, entry->flags);
	kith_write_u8(&w, entry->load);
	kith_write_u64(&w, entry->seq);
	kith_write_u64(&w, (uint64_t)entry->expires_ms);
	kith_endpoints_write(&w, entry->endpoints, entry->endpoints_n, KITH_MEMBER_ENDPOINTS_MAX);
	if (w.bad)
		return KITH_EINVAL; /* what was written so far always fits */
	write_long(&w, entry->attest);
	write_long(&w, entry->chain);
	int len = object_sign(suite, &w, entry->s.ext, KITH_SIGN_MEMBER, sign_sk);
	struct kith_member_entry parsed;
	if (len > 0 && kith_member_parse(&parsed, (struct kith_span){ out, (size_t)len }) != 0)
		return KITH_EINVAL;
	return len;
}

/* The first one decides about ids and prefixes: all must read the same, whatever kinds and families they know. */
static void read_endpoints(struct kith_reader *r, struct kith_member_entry *out)
{
	struct kith_endpoint e;
	struct kith_reader first = *r;
	(void)kith_read_u8(&first); /* how many */
	if (!kith_endpoint_read(&first, &e) || e.kind != KITH_TRANSPORT_UDP)
		r->bad = true;
	out->endpoints_n = kith_endpoints_read(r, out->endpoints, KITH_MEMBER_ENDPOINTS_MAX);
}

int kith_member_parse(struct kith_member_entry *out, struct kith_span bytes)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = object_begin(&r, bytes, KITH_OBJECT_MEMBER, KITH_MEMBER_LEN_MAX);
	if (err != 0)
		return err;
	out->bytes = bytes;
	out->flags = kith_read_u16(&r);
	out->load = kith_read_u8(&r);
	read_times(&r, &out->seq, &out->expires_ms, KITH_MEMBER_LIFE_MS);
	read_endpoints(&r, out);
	out->attest = read_long(&r);
	out->chain = read_long(&r);
	return kith_object_end_chain(&r, bytes, &out->s, out->chain, &out->device, &out->sign);
}

int kith_member_id(const struct kith_member_entry *entry, const struct kith_trust *trust, struct kith_id *out)
{
	struct kith_chain chain;
	int err = kith_chain_parse(&chain, entry->chain);
	if (err != 0)
		return err;
	if (chain.kind == KITH_CHAIN_OPEN) {
		return kith_ids_supernode_open(trust->suite, out, &trust->network, &chain.identity,
					       &entry->endpoints[0].addr);
	}
	kith_ids_supernode(trust->suite, out, &trust->network, chain.name.placement);
	return 0;
}

static int member_verify(const struct kith_member_entry *entry, check_fn *check, struct kith_trust *trust,
			 const struct kith_now *now, struct kith_person *person)
{
	int err = check_signer(entry->seq, entry->expires_ms, KITH_MEMBER_LIFE_MS, entry->chain, check, trust, now,
			       person);
	if (err != 0)
		return err;
	if (!trust->open && (person->flags & KITH_NAME_SUPERNODE) == 0 && entry->attest.len == 0)
		return KITH_EACCES;
	return kith_object_verify(trust->suite, &entry->s, KITH_SIGN_MEMBER, &person->device_sign);
}

int kith_member_verify(const struct kith_member_entry *entry, struct kith_trust *trust, const struct kith_now *now,
		       struct kith_person *person)
{
	return member_verify(entry, kith_trust_check, trust, now, person);
}

int kith_member_verify_once(const struct kith_member_entry *entry, struct kith_trust *trust, const struct kith_now *now,
			    struct kith_person *person)
{
	return member_verify(entry, kith_trust_check_once, trust, now, person);
}
