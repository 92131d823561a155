#include "relay/fwd.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/rng.h"
#include "base/shares.h"
#include "codec/cursor.h"
#include "relay/bucket.h"
#include "relay/order.h"
#include "wire/packet.h"

#define NONE KITH_ORDER_END
#define RATE_MAX UINT64_C(10000000000) /* times REFILL_MAX_US it fits 64 bits */
#define BURST_MAX UINT64_C(1000000000000)
#define TOUCH_US (KITH_TUNNEL_IDLE_US / 8)

enum {
	LEG_PROVEN = 1 << 0,
	LEG_DRAINING = 1 << 1, /* kept in leg 0 for the whole tunnel */
	LEG_UNWANTED = 1 << 2, /* kept in leg 1 for the whole tunnel */
	LEG_WAITING = 1 << 3, /* for kith_fwd_join */
	LEG_ANSWERED = 1 << 4, /* kept in leg 1: it was wanted once, so that it is no call that waits for an answer */
	LEG_FLAGS = 0xff,
	LEG_LEFT = 8, /* from this bit on: packets that may still come in while the tunnel is not wanted */

	TUNNELS_FIRST = 8, /* capacity of the first allocation */
	INDEX_PER_TUNNEL = 4, /* two legs, load at most one half */
	OWNERS_SWEPT = 16 /* slots looked at per kith_fwd_expire */
};

KITH_STATIC_ASSERT(sizeof(struct kith_fwd_tunnel) <= KITH_FWD_TUNNEL_BYTES, "the memory stated per tunnel");

struct fwd_session {
	uint32_t session;
	uint32_t head; /* leg number */
};

/* ---- the index of legs ---- */

static struct kith_fwd_leg *leg_at(const struct kith_fwd *fwd, uint32_t number)
{
	return &fwd->tunnels[number / 2].leg[number % 2];
}

/* The slot that holds the id, or the empty one where it would go. Ids are our own random numbers: no further hash. */
static uint32_t index_slot(const struct kith_fwd *fwd, uint64_t id)
{
	uint32_t mask = fwd->index_cap - 1;
	uint32_t i = (uint32_t)id & mask;
	while (fwd->index[i] != 0 && leg_at(fwd, fwd->index[i] - 1)->id != id)
		i = (i + 1) & mask;
	return i;
}

/* The number of the leg with that id, or NONE. */
static uint32_t index_find(const struct kith_fwd *fwd, uint64_t id)
{
	if (fwd->n == 0)
		return NONE;
	uint32_t held = fwd->index[index_slot(fwd, id)];
	return held != 0 ? held - 1 : NONE;
}

static void index_remove(struct kith_fwd *fwd, uint64_t id)
{
	uint32_t mask = fwd->index_cap - 1;
	uint32_t i = index_slot(fwd, id);
	KITH_ASSERT(fwd->index[i] != 0);
	for (uint32_t j = (i + 1) & mask; fwd->index[j] != 0; j = (j + 1) & mask) {
		uint32_t home = (uint32_t)leg_at(fwd, fwd->index[j] - 1)->id & mask;
		if (((j - home) & mask) >= ((j - i) & mask)) {
			fwd->index[i] = fwd->index[j];
			i = j;
		}
	}
	fwd->index[i] = 0;
}

static uint64_t new_id(const struct kith_fwd *fwd, uint64_t other)
{
	for (;;) {
		uint64_t id = (uint64_t)fwd->shard << 56 | kith_rng_u64(fwd->random) >> 8;
		if (id != 0 && id != other && index_find(fwd, id) == NONE)
			return id;
	}
}

/* ---- lists of tunnels ---- */

static bool is_draining(const struct kith_fwd_tunnel *t)
{
	return (t->leg[0].flags & LEG_DRAINING) != 0;
}

static struct kith_fwd_list *list_of(struct kith_fwd *fwd, const struct kith_fwd_tunnel *t)
{
	return is_draining(t) ? &fwd->draining : &fwd->active;
}

/* ---- owners and sessions ---- */

static struct kith_fwd_owner *owner_get(struct kith_fwd *fwd, kith_time_us now, const struct kith_fwd_owner_key *key)
{
	struct kith_fwd_owner *o = kith_table_get(&fwd->owners, key);
	if (o != NULL)
		return o;
	o = KITH_NEW(fwd->alloc, struct kith_fwd_owner);
	if (o == NULL)
		return NULL;
	o->key = *key;
	o->bucket = (struct kith_fwd_bucket){ fwd->limits.owner_burst * TOKENS_PER_BYTE, now };
	o->told = now - KITH_TUNNEL_TELL_US;
	if (kith_table_put(&fwd->owners, o) != 0) {
		KITH_FREE(fwd->alloc, o);
		return NULL;
	}
	return o;
}

/* An owner without legs is forgotten once its bucket is full: if sooner, closing a tunnel would refill it. */
static bool owner_is_idle(struct kith_fwd *fwd, kith_time_us now, struct kith_fwd_owner *o)
{
	return o->legs == 0 && kith_bucket_has(&o->bucket, now, fwd->limits.owner_rate, fwd->limits.owner_burst,
					       fwd->limits.owner_burst);
}

static void owner_forget(struct kith_fwd *fwd, struct kith_fwd_owner *o)
{
	(void)kith_table_remove(&fwd->owners, &o->key);
	KITH_FREE(fwd->alloc, o);
}

/* Looks at up to max owners from where the last sweep ended. Removing may move one that was not looked at to a slot
 * already passed; the next round finds it. */
static void owners_sweep(struct kith_fwd *fwd, kith_time_us now, uint32_t max)
{
	while (max-- > 0) {
		struct kith_fwd_owner *o = kith_table_next(&fwd->owners, &fwd->owner_sweep);
		if (o == NULL) {
			fwd->owner_sweep = 0;
			return;
		}
		if (owner_is_idle(fwd, now, o)) {
			owner_forget(fwd, o);
			fwd->owner_sweep--;
		}
	}
}

static struct fwd_session *session_get(struct kith_fwd *fwd, uint32_t session)
{
	struct fwd_session *s = kith_table_get(&fwd->sessions, &session);
	if (s != NULL)
		return s;
	s = KITH_NEW(fwd->alloc, struct fwd_session);
	if (s == NULL)
		return NULL;
	s->session = session;
	s->head = NONE;
	if (kith_table_put(&fwd->sessions, s) != 0) {
		KITH_FREE(fwd->alloc, s);
		return NULL;
	}
	return s;
}

static void session_release(struct kith_fwd *fwd, uint32_t session)
{
	struct fwd_session *s = kith_table_get(&fwd->sessions, &session);
	if (s != NULL && s->head == NONE) {
		(void)kith_table_remove(&fwd->sessions, &session);
		KITH_FREE(fwd->alloc, s);
	}
}

static void leg_link(struct kith_fwd *fwd, struct fwd_session *s, uint32_t number)
{
	struct kith_fwd_leg *leg = leg_at(fwd, number);
	leg->session_prev = NONE;
	leg->session_next = s->head;
	if (s->head != NONE)
		leg_at(fwd, s->head)->session_prev = number;
	s->head = number;
}

static void leg_unlink(struct kith_fwd *fwd, uint32_t number)
{
	struct kith_fwd_leg *leg = leg_at(fwd, number);
	if (leg->session_next != NONE)
		leg_at(fwd, leg->session_next)->session_prev = leg->session_prev;
	if (leg->session_prev != NONE) {
		leg_at(fwd, leg->session_prev)->session_next = leg->session_next;
		return;
	}
	struct fwd_session *s = kith_table_get(&fwd->sessions, &leg->session);
	KITH_ASSERT(s != NULL && s->head == number);
	s->head = leg->session_next;
	session_release(fwd, leg->session);
}

/* ---- life ---- */

void kith_fwd_init(struct kith_fwd *fwd, const struct kith_alloc *alloc, const struct kith_random *random,
		   const struct kith_fwd_limits *limits, uint8_t shard, const uint64_t seed[2])
{
	KITH_ASSERT(limits->rate <= RATE_MAX && limits->owner_rate <= RATE_MAX && limits->tunnels_max < (1u << 26));
	KITH_ASSERT(limits->burst <= BURST_MAX && limits->owner_burst <= BURST_MAX);
	*fwd = (struct kith_fwd){
		.alloc = alloc,
		.random = random,
		.limits = *limits,
		.bucket = { limits->burst * TOKENS_PER_BYTE, 0 },
		.free_head = NONE,
		.active = { NONE, NONE },
		.draining = { NONE, NONE },
		.shard = shard,
	};
	/* Twice as many owners as can have legs: the others wait for their buckets to fill. */
	kith_table_init(&fwd->owners, alloc, 4 * limits->tunnels_max, KITH_TABLE_KEY(struct kith_fwd_owner, key), seed);
	kith_table_init(&fwd->sessions, alloc, 2 * limits->tunnels_max, KITH_TABLE_KEY(struct fwd_session, session),
			seed);
}

void kith_fwd_limit(struct kith_fwd *fwd, const struct kith_fwd_limits *limits)
{
	KITH_ASSERT(limits->rate <= RATE_MAX && limits->owner_rate <= RATE_MAX && limits->tunnels_max < (1u << 26));
	KITH_ASSERT(limits->burst <= BURST_MAX && limits->owner_burst <= BURST_MAX);
	fwd->limits = *limits;
	fwd->owners.max = 4 * limits->tunnels_max;
	fwd->sessions.max = 2 * limits->tunnels_max;
}

void kith_fwd_deinit(struct kith_fwd *fwd)
{
	uint32_t it = 0;
	struct kith_fwd_owner *o;
	while ((o = kith_table_next(&fwd->owners, &it)) != NULL)
		KITH_FREE(fwd->alloc, o);
	struct fwd_session *s;
	it = 0;
	while ((s = kith_table_next(&fwd->sessions, &it)) != NULL)
		KITH_FREE(fwd->alloc, s);
	kith_table_deinit(&fwd->owners);
	kith_table_deinit(&fwd->sessions);
	KITH_FREE_ARRAY(fwd->alloc, fwd->tunnels, fwd->cap);
	KITH_FREE_ARRAY(fwd->alloc, fwd->index, fwd->index_cap);
	fwd->tunnels = NULL;
	fwd->index = NULL;
	fwd->n = fwd->cap = fwd->index_cap = 0;
}

/* Doubles the tunnels and their index, or leaves both as they were. */
static int fwd_grow(struct kith_fwd *fwd)
{
	uint32_t cap = fwd->cap > 0 ? 2 * fwd->cap : TUNNELS_FIRST;
	uint32_t index_cap = INDEX_PER_TUNNEL * cap;
	uint32_t *index = KITH_NEW_ARRAY(fwd->alloc, uint32_t, index_cap);
	if (index == NULL)
		return KITH_ENOMEM;
	struct kith_fwd_tunnel *tunnels =
		kith_alloc_resize(fwd->alloc, fwd->tunnels, fwd->cap * sizeof *tunnels, cap * sizeof *tunnels);
	if (tunnels == NULL) {
		KITH_FREE_ARRAY(fwd->alloc, index, index_cap);
		return KITH_ENOMEM;
	}
	uint32_t *old = fwd->index;
	uint32_t old_cap = fwd->index_cap;
	fwd->tunnels = tunnels;
	fwd->index = index;
	fwd->index_cap = index_cap;
	for (uint32_t i = 0; i < old_cap; i++) {
		if (old[i] != 0)
			index[index_slot(fwd, leg_at(fwd, old[i] - 1)->id)] = old[i];
	}
	KITH_FREE_ARRAY(fwd->alloc, old, old_cap);
	for (uint32_t i = cap; i-- > fwd->cap;) { /* the lowest is used first */
		tunnels[i] = (struct kith_fwd_tunnel){ .next = fwd->free_head };
		fwd->free_head = i;
	}
	fwd->cap = cap;
	return 0;
}

static void leg_set(struct kith_fwd *fwd, uint32_t number, const struct kith_fwd_leg_spec *spec,
		    struct kith_fwd_owner *owner, struct fwd_session *session, uint64_t id)
{
	struct kith_fwd_leg *leg = leg_at(fwd, number);
	*leg = (struct kith_fwd_leg){
		.id = id,
		.out_id = spec->out_id != 0 ? spec->out_id : id,
		.owner = owner,
		.remote = spec->remote,
		.transport = spec->transport,
		.flags = (uint16_t)((spec->proven ? LEG_PROVEN : 0) | (spec->waits ? LEG_WAITING : 0)),
		.session = spec->session,
		.credit = spec->credit,
	};
	owner->legs++;
	fwd->index[index_slot(fwd, id)] = number + 1;
	leg_link(fwd, session, number);
}

/* By the numbers that they know their legs by: of a chained one that of the next supernode. */
static void ends_of(const struct kith_fwd_tunnel *t, struct kith_fwd_ends *ends)
{
	if (ends != NULL) {
		*ends = (struct kith_fwd_ends){ { t->leg[0].out_id, t->leg[1].out_id },
						{ t->leg[0].session, t->leg[1].session } };
	}
}

static void tunnel_close(struct kith_fwd *fwd, uint32_t i, struct kith_fwd_ends *ends)
{
	struct kith_fwd_tunnel *t = &fwd->tunnels[i];
	KITH_ASSERT(t->leg[0].owner != NULL);
	ends_of(t, ends);
	kith_order_remove(fwd, list_of(fwd, t), i);
	t->leg[0].owner->tunnels--;
	for (uint32_t side = 0; side < 2; side++) {
		index_remove(fwd, t->leg[side].id);
		leg_unlink(fwd, 2 * i + side);
		t->leg[side].owner->legs--;
	}
	*t = (struct kith_fwd_tunnel){ .next = fwd->free_head };
	fwd->free_head = i;
	fwd->n--;
}

/* ---- before it is wanted ---- */

static bool is_unwanted(const struct kith_fwd_tunnel *t)
{
	return (t->leg[1].flags & LEG_UNWANTED) != 0;
}

static uint32_t left_of(const struct kith_fwd_leg *leg)
{
	return leg->flags >> LEG_LEFT;
}

static void set_left(struct kith_fwd_leg *leg, uint32_t packets)
{
	leg->flags = (uint16_t)((leg->flags & LEG_FLAGS) | packets << LEG_LEFT);
}

/* Whether so many packets more come in before the tunnel is wanted. Whoever rings for long repeats himself: when the
 * tunnel is due to be moved in its list, there are a few more. */
static bool may_call(const struct kith_fwd *fwd, kith_time_us now, const struct kith_fwd_tunnel *t,
		     struct kith_fwd_leg *in, uint32_t packets)
{
	if (left_of(in) < fwd->limits.call_packets / 2 && now - t->at >= TOUCH_US)
		set_left(in, fwd->limits.call_packets / 2);
	return left_of(in) >= packets;
}

static void unwanted(struct kith_fwd_tunnel *t, uint32_t packets)
{
	t->leg[1].flags |= LEG_UNWANTED;
	set_left(&t->leg[0], packets);
	set_left(&t->leg[1], packets);
}

/* How many packets a new tunnel of that owner's towards the session has before it is wanted: the second as many as the
 * first, for a call that was refused and is made again; further ones half of those before. Who is called by too many
 * that it has not answered loses the one that is oldest, of that owner's if these are too many. */
static uint32_t call_packets(struct kith_fwd *fwd, const struct kith_fwd_owner_key *owner, uint32_t session)
{
	const struct fwd_session *s = kith_table_get(&fwd->sessions, &session);
	uint32_t n = 0, same = 0, oldest = NONE, oldest_same = NONE;
	for (uint32_t number = s != NULL ? s->head : NONE; number != NONE;) { /* the newest first */
		const struct kith_fwd_tunnel *t = &fwd->tunnels[number / 2];
		if (number % 2 == 1 && is_unwanted(t) && (t->leg[1].flags & LEG_ANSWERED) == 0) {
			n++;
			oldest = number / 2;
			if (memcmp(&t->leg[0].owner->key, owner, sizeof *owner) == 0) {
				same++;
				oldest_same = number / 2;
			}
		}
		number = leg_at(fwd, number)->session_next;
	}
	if (same >= fwd->limits.calls_per_owner && oldest_same != NONE)
		tunnel_close(fwd, oldest_same, NULL);
	else if (n >= fwd->limits.calls && oldest != NONE)
		tunnel_close(fwd, oldest, NULL);
	uint32_t packets = same < 8 ? fwd->limits.call_packets >> (same > 0 ? same - 1 : 0) : 0;
	return packets > 0 ? packets : 1;
}

bool kith_fwd_admit(struct kith_fwd *fwd, uint32_t session, uint64_t id, enum kith_fwd_wish wish)
{
	uint32_t number = index_find(fwd, id);
	if (number == NONE || leg_at(fwd, number)->session != session || (number % 2 == 0 && wish != KITH_FWD_WISH_END))
		return false;
	struct kith_fwd_tunnel *t = &fwd->tunnels[number / 2];
	if (wish == KITH_FWD_WISH_END)
		tunnel_close(fwd, number / 2, NULL);
	else if (wish == KITH_FWD_WISH_ALL)
		t->leg[1].flags = (uint16_t)((t->leg[1].flags & ~LEG_UNWANTED) | LEG_ANSWERED);
	else if (fwd->limits.call_packets > 0)
		unwanted(t, fwd->limits.call_packets);
	return true;
}

int kith_fwd_open(struct kith_fwd *fwd, kith_time_us now, const struct kith_fwd_leg_spec *a,
		  const struct kith_fwd_leg_spec *b, uint64_t ids[2])
{
	if (fwd->closing)
		return KITH_ESTATE;
	const bool calls = b->called && fwd->limits.call_packets > 0;
	const uint32_t packets = calls ? call_packets(fwd, &a->owner, b->session) : 0;
	if (fwd->n >= fwd->limits.tunnels_max)
		return KITH_EFULL;
	if (fwd->owners.n + 2 > fwd->owners.max)
		owners_sweep(fwd, now, fwd->owners.max);
	struct kith_fwd_owner *owner_a = owner_get(fwd, now, &a->owner);
	struct kith_fwd_owner *owner_b = owner_get(fwd, now, &b->owner);
	struct fwd_session *session_a = session_get(fwd, a->session);
	struct fwd_session *session_b = session_get(fwd, b->session);
	int err = owner_a == NULL || owner_b == NULL || session_a == NULL || session_b == NULL ? KITH_ENOMEM : 0;
	if (err == 0 && owner_a->tunnels >= fwd->limits.tunnels_per_owner)
		err = KITH_ELIMIT;
	if (err == 0 && !kith_shares_reserve(fwd->n, fwd->limits.tunnels_max, KITH_TABLES_RESERVE, owner_a->tunnels))
		err = KITH_EFULL;
	if (err == 0 && fwd->free_head == NONE)
		err = fwd_grow(fwd);
	if (err != 0) {
		/* Owners just made have full buckets and go with the next sweep; sessions have nothing that would sweep
		 * them. */
		session_release(fwd, a->session);
		session_release(fwd, b->session);
		return err;
	}
	ids[0] = new_id(fwd, 0);
	ids[1] = new_id(fwd, ids[0]);
	uint32_t i = fwd->free_head;
	struct kith_fwd_tunnel *t = &fwd->tunnels[i];
	fwd->free_head = t->next;
	leg_set(fwd, 2 * i, a, owner_a, session_a, ids[0]);
	leg_set(fwd, 2 * i + 1, b, owner_b, session_b, ids[1]);
	if (calls)
		unwanted(t, packets);
	owner_a->tunnels++;
	t->at = now;
	kith_order_append(fwd, &fwd->active, i);
	fwd->n++;
	return 0;
}

/* ---- chained ---- */

bool kith_fwd_waiting(const struct kith_fwd *fwd, uint64_t id, struct kith_fwd_ends *ends)
{
	uint32_t number = index_find(fwd, id);
	if (number == NONE || (leg_at(fwd, number)->flags & LEG_WAITING) == 0)
		return false;
	ends_of(&fwd->tunnels[number / 2], ends);
	return true;
}

int kith_fwd_join(struct kith_fwd *fwd, uint64_t id, const struct kith_fwd_leg_spec *spec)
{
	uint32_t number = index_find(fwd, id);
	struct fwd_session *session = number != NONE ? session_get(fwd, spec->session) : NULL;
	if (session == NULL)
		return number != NONE ? KITH_ENOMEM : KITH_ENOENT;
	struct kith_fwd_leg *leg = leg_at(fwd, number);
	if (leg->session != spec->session) {
		leg_unlink(fwd, number);
		leg->session = spec->session;
		leg_link(fwd, session, number);
	}
	leg->remote = spec->remote;
	leg->transport = spec->transport;
	leg->out_id = spec->out_id;
	leg->flags = (uint16_t)((leg->flags & ~LEG_WAITING) | LEG_PROVEN);
	return 0;
}

bool kith_fwd_close_leg(struct kith_fwd *fwd, uint32_t session, uint64_t id, struct kith_fwd_ends *ends)
{
	uint32_t number = index_find(fwd, id);
	if (number == NONE || leg_at(fwd, number)->session != session)
		return false;
	tunnel_close(fwd, number / 2, ends);
	return true;
}

size_t kith_fwd_close_session(struct kith_fwd *fwd, uint32_t session, struct kith_fwd_ends out[], size_t max)
{
	size_t n = 0;
	struct fwd_session *s;
	while (n < max && (s = kith_table_get(&fwd->sessions, &session)) != NULL)
		tunnel_close(fwd, s->head / 2, &out[n++]);
	return n;
}

size_t kith_fwd_rebind(struct kith_fwd *fwd, uint32_t session, const struct kith_addr *remote, uint16_t transport,
		       bool proven)
{
	size_t n = 0;
	const struct fwd_session *s = kith_table_get(&fwd->sessions, &session);
	for (uint32_t number = s != NULL ? s->head : NONE; number != NONE; n++) {
		struct kith_fwd_leg *leg = leg_at(fwd, number);
		number = leg->session_next;
		if (leg->flags & LEG_WAITING)
			continue;
		if (leg->transport != transport || !kith_addr_equal(&leg->remote, remote)) {
			leg->remote = *remote;
			leg->transport = transport;
			leg->flags &= (uint16_t)~LEG_PROVEN;
			leg->credit = 0;
		}
		if (proven)
			leg->flags |= LEG_PROVEN;
	}
	return n;
}

/* ---- packets ---- */

/* The tunnel id, when every segment begins with the very same and well-formed header. */
static enum kith_fwd_verdict read_header(const uint8_t *data, size_t len, size_t segment_len, uint64_t *id)
{
	struct kith_reader r = kith_reader_of(data, len);
	uint8_t type = kith_read_u8(&r);
	uint64_t reserved = kith_read_uint(&r, 3);
	*id = kith_read_u64(&r);
	if (r.bad || type != KITH_PKT_TUNNEL || reserved != 0 || kith_reader_left(&r) == 0)
		return KITH_FWD_MALFORMED;
	for (size_t at = segment_len; at < len; at += segment_len) {
		/* Each segment is judged by itself: anybody could join a bad one to others, which it must not cost. */
		if (segment_len <= KITH_TUNNEL_HEADER || len - at <= KITH_TUNNEL_HEADER ||
		    memcmp(data, data + at, KITH_TUNNEL_HEADER) != 0)
			return KITH_FWD_MIXED;
	}
	return KITH_FWD_FORWARD;
}

static void write_ids(uint8_t *data, size_t len, size_t segment_len, uint64_t id)
{
	enum { ID_LEN = 8, ID_AT = KITH_TUNNEL_HEADER - ID_LEN };
	for (size_t at = 0; at < len; at += segment_len) {
		struct kith_writer w = kith_writer_of(data + at + ID_AT, ID_LEN);
		kith_write_u64(&w, id);
	}
}

/* Limits in the order of what they cost to others; nothing is taken until all say yes. This is where deficit round
 * robin goes once packets can wait here: an owner's queue instead of a drop. */
static enum kith_fwd_verdict admit(struct kith_fwd *fwd, kith_time_us now, const struct kith_fwd_leg *in,
				   const struct kith_fwd_leg *to, size_t len, struct kith_fwd_out *out)
{
	const struct kith_fwd_limits *l = &fwd->limits;
	struct kith_fwd_owner *owner = in->owner;
	enum kith_fwd_verdict verdict = KITH_FWD_FORWARD;
	if (to->remote.family == KITH_FAMILY_NONE || ((to->flags & LEG_PROVEN) == 0 && to->credit < len))
		return KITH_FWD_NO_CREDIT;
	if (!kith_bucket_has(&owner->bucket, now, l->owner_rate, l->owner_burst, len))
		verdict = KITH_FWD_LIMITED_OWNER;
	else if (!kith_bucket_has(&fwd->bucket, now, l->rate, l->burst, len))
		verdict = KITH_FWD_LIMITED_ALL;
	if (verdict != KITH_FWD_FORWARD && now - owner->told >= KITH_TUNNEL_TELL_US) {
		owner->told = now;
		out->tell = true;
	}
	return verdict;
}

enum kith_fwd_verdict kith_fwd_train(struct kith_fwd *fwd, kith_time_us now, uint8_t *data, size_t len,
				     size_t segment_len, const struct kith_addr *src, uint16_t transport,
				     struct kith_fwd_out *out)
{
	uint64_t id;
	*out = (struct kith_fwd_out){ 0 };
	if (segment_len == 0 || segment_len > len)
		segment_len = len;
	enum kith_fwd_verdict verdict = read_header(data, len, segment_len, &id);
	if (verdict != KITH_FWD_FORWARD)
		return verdict;
	uint32_t number = index_find(fwd, id);
	if (number == NONE)
		return KITH_FWD_UNKNOWN;
	uint32_t i = number / 2;
	struct kith_fwd_tunnel *t = &fwd->tunnels[i];
	struct kith_fwd_leg *in = &t->leg[number % 2], *to = &t->leg[1 - number % 2];
	out->session = in->session;
	out->tunnel = id;
	if (in->transport != transport || !kith_addr_equal(&in->remote, src))
		return KITH_FWD_WRONG_SOURCE;
	const uint32_t segments = (uint32_t)((len + segment_len - 1) / segment_len);
	if (is_unwanted(t) && !may_call(fwd, now, t, in, segments))
		return segments > 1 ? KITH_FWD_MIXED : KITH_FWD_UNWANTED;
	if ((in->flags & LEG_PROVEN) == 0)
		in->credit = len < UINT32_MAX - in->credit ? in->credit + (uint32_t)len : UINT32_MAX;
	verdict = admit(fwd, now, in, to, len, out);
	if (verdict != KITH_FWD_FORWARD)
		return verdict;

	if (is_unwanted(t))
		set_left(in, left_of(in) - segments);
	kith_bucket_take(&in->owner->bucket, fwd->limits.owner_rate, len);
	kith_bucket_take(&fwd->bucket, fwd->limits.rate, len);
	if ((to->flags & LEG_PROVEN) == 0)
		to->credit -= (uint32_t)len;
	if (!is_draining(t) && now - t->at >= TOUCH_US) {
		kith_order_remove(fwd, &fwd->active, i);
		t->at = now;
		kith_order_append(fwd, &fwd->active, i);
	}
	write_ids(data, len, segment_len, to->out_id);
	out->remote = to->remote;
	out->transport = to->transport;
	fwd->packets += segments;
	fwd->bytes += len;
	return KITH_FWD_FORWARD;
}

/* ---- ends ---- */

static void tunnel_drain(struct kith_fwd *fwd, kith_time_us now, uint32_t i, struct kith_fwd_ends *ends)
{
	struct kith_fwd_tunnel *t = &fwd->tunnels[i];
	ends_of(t, ends);
	kith_order_remove(fwd, &fwd->active, i);
	t->leg[0].flags |= LEG_DRAINING;
	t->at = now + KITH_TUNNEL_DRAIN_US;
	kith_order_append(fwd, &fwd->draining, i);
}

bool kith_fwd_leg(const struct kith_fwd *fwd, uint64_t id, uint32_t session, struct kith_addr *at, uint64_t *other_id,
		  uint32_t *other_session)
{
	uint32_t number = index_find(fwd, id);
	if (number == NONE)
		return false;
	const struct kith_fwd_leg *own = leg_at(fwd, number), *other = leg_at(fwd, number ^ 1u);
	if (own->session != session || (own->flags & LEG_PROVEN) == 0 || own->remote.family == KITH_FAMILY_NONE)
		return false;
	*at = own->remote;
	*other_id = other->id;
	*other_session = other->session;
	return true;
}

size_t kith_fwd_drain_all(struct kith_fwd *fwd, kith_time_us now, struct kith_fwd_ends out[], size_t max)
{
	size_t n = 0;
	fwd->closing = true;
	while (n < max && fwd->active.head != NONE)
		tunnel_drain(fwd, now, fwd->active.head, &out[n++]);
	return n;
}

/* A packet less than TOUCH_US after the last move did not move it: that much more, so that nothing closes early. */
static kith_time_us active_deadline(const struct kith_fwd *fwd)
{
	uint32_t i = fwd->active.head;
	return i != NONE ? fwd->tunnels[i].at + KITH_TUNNEL_IDLE_US + TOUCH_US : KITH_TIME_NEVER;
}

static kith_time_us draining_deadline(const struct kith_fwd *fwd)
{
	uint32_t i = fwd->draining.head;
	return i != NONE ? fwd->tunnels[i].at : KITH_TIME_NEVER;
}

kith_time_us kith_fwd_next_deadline(const struct kith_fwd *fwd)
{
	kith_time_us a = active_deadline(fwd), d = draining_deadline(fwd);
	return a < d ? a : d;
}

size_t kith_fwd_expire(struct kith_fwd *fwd, kith_time_us now, struct kith_fwd_ends out[], size_t max)
{
	size_t n = 0;
	while (n < max && kith_fwd_next_deadline(fwd) <= now) {
		uint32_t i = draining_deadline(fwd) <= now ? fwd->draining.head : fwd->active.head;
		tunnel_close(fwd, i, out != NULL ? &out[n] : NULL);
		n++;
	}
	owners_sweep(fwd, now, OWNERS_SWEPT);
	return n;
}
