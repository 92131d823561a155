/* Verification of chains and the lists that it needs; see trust.h. */
#include "identity/trust.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/timer.h"
#include "identity/devices.h"
#include "identity/keypair.h"
#include "identity/revocation.h"
#include "identity/trust_internal.h"

KITH_STATIC_ASSERT(KITH_LISTS_MAX == 1 + KITH_TRUST_ISSUERS_MAX, "one of the root, and one of each issuer");

struct trust_devices {
	struct kith_trust_link link; /* first: in lists_lru or kept_lru */
	struct kith_key identity;
	struct kith_blob *list;
	bool kept;
};

struct trust_chain {
	struct kith_trust_link link; /* first: in chains_lru */
	uint8_t digest[KITH_TRUST_DIGEST_LEN];
};

/* ---- order of use ---- */

static void lru_init(struct kith_trust_link *head)
{
	head->prev = head->next = head;
}

static void lru_remove(struct kith_trust_link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
}

static void lru_append(struct kith_trust_link *head, struct kith_trust_link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

static struct trust_devices *devices_of(struct kith_trust_link *link)
{
	return KITH_CONTAINER_OF(link, struct trust_devices, link);
}

static struct trust_chain *chain_of(struct kith_trust_link *link)
{
	return KITH_CONTAINER_OF(link, struct trust_chain, link);
}

static void devices_touch(struct kith_trust *t, struct trust_devices *d)
{
	lru_remove(&d->link);
	lru_append(d->kept ? &t->kept_lru : &t->lists_lru, &d->link);
}

/* ---- life ---- */

int kith_trust_init(struct kith_trust *t, const struct kith_trust_options *o)
{
	memset(t, 0, sizeof *t);
	if (o->issuers_max == 0 || o->issuers_max > KITH_TRUST_ISSUERS_MAX || o->device_lists_max == 0 ||
	    o->chains_max == 0)
		return KITH_EINVAL;
	t->suite = o->suite;
	t->alloc = o->alloc;
	t->blobs = o->blobs;
	t->issuers_max = o->issuers_max;
	t->open = o->root == NULL;
	if (t->open && kith_ids_network_open(t->suite, &t->network, o->open_label) != 0) {
		memset(t, 0, sizeof *t); /* so that it can be told from one that wants a deinit */
		return KITH_EINVAL;
	}
	if (o->root != NULL) {
		t->root = *o->root;
		kith_ids_network(t->suite, &t->network, o->root);
	}
	kith_table_init(&t->device_lists, t->alloc, o->device_lists_max, KITH_TABLE_KEY(struct trust_devices, identity),
			o->seed);
	kith_table_init(&t->chains, t->alloc, o->chains_max, KITH_TABLE_KEY(struct trust_chain, digest), o->seed);
	struct kith_writer key = kith_writer_of(t->chains_key, sizeof t->chains_key);
	kith_write_u64(&key, o->seed[0]);
	kith_write_u64(&key, o->seed[1]);
	kith_placements_init(&t->placements, t->alloc, o->seed);
	lru_init(&t->lists_lru);
	lru_init(&t->kept_lru);
	lru_init(&t->chains_lru);
	return 0;
}

static void devices_free(struct kith_trust *t, struct trust_devices *d)
{
	lru_remove(&d->link);
	(void)kith_table_remove(&t->device_lists, d->identity.b);
	kith_blob_unref(t->blobs, d->list);
	KITH_FREE(t->alloc, d);
}

static void chain_free(struct kith_trust *t, struct trust_chain *c)
{
	lru_remove(&c->link);
	(void)kith_table_remove(&t->chains, c->digest);
	KITH_FREE(t->alloc, c);
}

static void issuer_free(struct kith_trust *t, size_t i)
{
	kith_blob_unref(t->blobs, t->issuers[i].cert);
	kith_blob_unref(t->blobs, t->issuers[i].list);
	kith_blob_unref(t->blobs, t->issuers[i].head);
	kith_blob_unref(t->blobs, t->issuers[i].fork);
	t->issuers[i] = t->issuers[--t->issuers_n];
}

void kith_trust_deinit(struct kith_trust *t)
{
	while (t->lists_lru.next != &t->lists_lru)
		devices_free(t, devices_of(t->lists_lru.next));
	while (t->kept_lru.next != &t->kept_lru)
		devices_free(t, devices_of(t->kept_lru.next));
	while (t->chains_lru.next != &t->chains_lru)
		chain_free(t, chain_of(t->chains_lru.next));
	while (t->issuers_n > 0)
		issuer_free(t, 0);
	KITH_FREE_ARRAY(t->alloc, t->issuers, t->issuers_cap);
	kith_blob_unref(t->blobs, t->root_list);
	kith_blob_unref(t->blobs, t->params);
	kith_placements_deinit(&t->placements);
	kith_table_deinit(&t->device_lists);
	kith_table_deinit(&t->chains);
	memset(t, 0, sizeof *t);
}

/* ---- what holds now ---- */

int kith_trust_times(const struct kith_now *now, int64_t not_before_ms, int64_t expires_ms)
{
	if (now->unix_ms > expires_ms + KITH_CLOCK_TOLERANCE_MS)
		return KITH_EEXPIRED;
	/* An untrusted clock is a lower bound: it can prove that a date has passed, not that one has yet to come. */
	if (now->unix_trusted && now->unix_ms < not_before_ms - KITH_CLOCK_TOLERANCE_MS)
		return KITH_ENOTYET;
	return 0;
}

bool kith_trust_revokes(const struct kith_blob *blob, uint64_t serial, const struct kith_key *key)
{
	struct kith_revocation list;
	if (blob == NULL)
		return false;
	int err = kith_revocation_view(&list, kith_blob_span(blob));
	KITH_ASSERT(err == 0); /* it parsed when it was taken */
	return kith_revocation_has_serial(&list, serial) || kith_revocation_has_key(&list, key);
}

struct kith_trust_issuer *kith_trust_issuer_of(const struct kith_trust *t, const uint8_t id[KITH_ISSUER_ID_LEN])
{
	for (size_t i = 0; i < t->issuers_n; i++)
		if (memcmp(t->issuers[i].id, id, KITH_ISSUER_ID_LEN) == 0)
			return &t->issuers[i];
	return NULL;
}

void kith_trust_issuer_cert(const struct kith_trust_issuer *issuer, struct kith_issuer_cert *out)
{
	int err = kith_issuer_cert_parse(out, kith_blob_span(issuer->cert));
	KITH_ASSERT(err == 0);
}

/* Numbers of device lists are unix ms, so that whoever stole an identity key cannot sign the last one there is and lock
 * its owner out. An untrusted clock cannot tell. */
static bool is_ahead(const struct kith_devices *list, const struct kith_now *now)
{
	return now->unix_trusted && list->number > (uint64_t)now->unix_ms + KITH_CLOCK_TOLERANCE_MS;
}

/* The device list that counts for an identity, if one does. */
static bool devices_held(const struct kith_trust *t, const struct kith_now *now, const struct kith_key *identity,
			 struct kith_devices *out)
{
	const struct trust_devices *d = kith_table_get(&t->device_lists, identity->b);
	if (d == NULL)
		return false;
	int err = kith_devices_parse(out, kith_blob_span(d->list));
	KITH_ASSERT(err == 0); /* it parsed when it was taken */
	return !is_ahead(out, now);
}

/* What holds but for the date. */
static int lists_check(const struct kith_trust *t, const struct kith_now *now, const struct kith_person *person)
{
	struct kith_devices list;
	if (!t->open) {
		const struct kith_trust_issuer *issuer = kith_trust_issuer_of(t, person->issuer_id);
		if (kith_trust_revokes(t->root_list, person->issuer_serial, &person->issuer))
			return KITH_EREVOKED;
		if (issuer != NULL && kith_trust_revokes(issuer->list, person->name_serial, &person->identity))
			return KITH_EREVOKED;
	}
	if (devices_held(t, now, &person->identity, &list) &&
	    !kith_devices_holds(t->suite, &list, &person->device_sign))
		return KITH_EREVOKED;
	return 0;
}

int kith_trust_recheck(const struct kith_trust *t, const struct kith_now *now, const struct kith_person *person)
{
	int err = lists_check(t, now, person);
	return err != 0 ? err : kith_trust_times(now, person->not_before_ms, person->expires_ms);
}

/* ---- issuers ---- */

/* Room for one more issuer, at the cost of one that can be missed. */
static int issuer_make_room(struct kith_trust *t, const struct kith_now *now)
{
	if (t->issuers_n < t->issuers_cap)
		return 0;
	if (t->issuers_cap < t->issuers_max) {
		uint16_t cap = t->issuers_cap == 0 ? 2 : (uint16_t)(t->issuers_cap * 2);
		if (cap > t->issuers_max)
			cap = t->issuers_max;
		void *issuers = kith_alloc_resize(t->alloc, t->issuers, t->issuers_cap * sizeof *t->issuers,
						  cap * sizeof *t->issuers);
		if (issuers == NULL)
			return KITH_ENOMEM;
		t->issuers = issuers;
		t->issuers_cap = cap;
		return 0;
	}
	size_t victim = t->issuers_n;
	for (size_t i = 0; i < t->issuers_n; i++) {
		struct kith_issuer_cert cert;
		kith_trust_issuer_cert(&t->issuers[i], &cert);
		if (kith_trust_times(now, 0, cert.expires_s * 1000) != 0 ||
		    kith_trust_revokes(t->root_list, cert.serial, &cert.issuer)) {
			victim = i;
			break;
		}
		if (t->issuers[i].list == NULL &&
		    (victim == t->issuers_n || t->issuers[i].used < t->issuers[victim].used))
			victim = i;
	}
	if (victim == t->issuers_n)
		return KITH_EFULL;
	issuer_free(t, victim);
	return 0;
}

/* Remembers a verified certificate. */
static int issuer_remember(struct kith_trust *t, const struct kith_now *now, const uint8_t id[KITH_ISSUER_ID_LEN],
			   const struct kith_issuer_cert *cert)
{
	struct kith_trust_issuer *issuer = kith_trust_issuer_of(t, id);
	struct kith_span whole = kith_signed_whole(&cert->s);
	if (issuer != NULL) {
		struct kith_issuer_cert held;
		kith_trust_issuer_cert(issuer, &held);
		issuer->used = ++t->uses;
		bool superseded =
			cert->serial > held.serial || kith_trust_revokes(t->root_list, held.serial, &held.issuer);
		/* Another key under the same eight bytes: its list could not be told apart. First come, first kept. */
		if (!superseded || !kith_key_equal(&held.issuer, &cert->issuer))
			return 0;
		struct kith_blob *blob = kith_blob_intern(t->blobs, whole.p, whole.len);
		if (blob == NULL)
			return KITH_ENOMEM;
		kith_blob_unref(t->blobs, issuer->cert);
		issuer->cert = blob;
		return 0;
	}
	int err = issuer_make_room(t, now);
	if (err != 0)
		return err;
	struct kith_blob *blob = kith_blob_intern(t->blobs, whole.p, whole.len);
	if (blob == NULL)
		return KITH_ENOMEM;
	issuer = &t->issuers[t->issuers_n++];
	memset(issuer, 0, sizeof *issuer);
	memcpy(issuer->id, id, KITH_ISSUER_ID_LEN);
	issuer->cert = blob;
	issuer->used = ++t->uses;
	return 0;
}

/* The signature of an issuer's certificate; none is verified that is held already. */
static int issuer_verify(const struct kith_trust *t, const uint8_t id[KITH_ISSUER_ID_LEN],
			 const struct kith_issuer_cert *cert)
{
	const struct kith_trust_issuer *held = kith_trust_issuer_of(t, id);
	struct kith_span whole = kith_signed_whole(&cert->s);
	if (held != NULL && held->cert->len == whole.len && memcmp(held->cert->bytes, whole.p, whole.len) == 0)
		return 0;
	return kith_object_verify(t->suite, &cert->s, KITH_SIGN_ISSUER, &t->root);
}

int kith_trust_issuer_add(struct kith_trust *t, const struct kith_now *now, struct kith_span span)
{
	struct kith_issuer_cert cert;
	uint8_t id[KITH_ISSUER_ID_LEN];
	if (t->open)
		return KITH_ENETWORK;
	int err = kith_issuer_cert_parse(&cert, span);
	if (err != 0)
		return err;
	if (kith_trust_revokes(t->root_list, cert.serial, &cert.issuer))
		return KITH_EREVOKED;
	err = kith_trust_times(now, cert.not_before_s * 1000, cert.expires_s * 1000);
	if (err != 0)
		return err;
	kith_ids_issuer(t->suite, id, &cert.issuer);
	err = issuer_verify(t, id, &cert);
	return err != 0 ? err : issuer_remember(t, now, id, &cert);
}

/* ---- chains ---- */

static int chain_belongs(const struct kith_trust *t, const struct kith_chain *c)
{
	if (memcmp(c->network, t->network.b, sizeof c->network) != 0 || t->open != (c->kind == KITH_CHAIN_OPEN))
		return KITH_ENETWORK;
	return 0;
}

/* Puts the issuer's certificate into the chain when it went by id, and checks that it is the one the name asks for. */
static int chain_complete(const struct kith_trust *t, struct kith_chain *c)
{
	uint8_t id[KITH_ISSUER_ID_LEN];
	if (c->kind == KITH_CHAIN_OPEN)
		return 0;
	if (c->kind == KITH_CHAIN_BY_ID) {
		const struct kith_trust_issuer *issuer = kith_trust_issuer_of(t, c->name.issuer_id);
		if (issuer == NULL)
			return KITH_ECHAIN;
		kith_trust_issuer_cert(issuer, &c->issuer);
		return 0;
	}
	kith_ids_issuer(t->suite, id, &c->issuer.issuer);
	return memcmp(id, c->name.issuer_id, sizeof id) == 0 ? 0 : KITH_ECHAIN;
}

static void narrow(struct kith_person *p, int64_t not_before_s, int64_t expires_s)
{
	if (not_before_s * 1000 > p->not_before_ms)
		p->not_before_ms = not_before_s * 1000;
	if (expires_s * 1000 < p->expires_ms)
		p->expires_ms = expires_s * 1000;
}

static void person_fill(const struct kith_trust *t, const struct kith_chain *c, struct kith_person *p)
{
	p->not_before_ms = 0;
	p->expires_ms = KITH_UNIX_S_MAX * 1000;
	if (c->kind == KITH_CHAIN_OPEN) {
		p->identity = c->identity;
		kith_ids_fingerprint(t->suite, p->name, &c->identity);
	} else {
		memcpy(p->name, c->name.name, sizeof p->name);
		p->identity = c->name.identity;
		p->issuer = c->issuer.issuer;
		memcpy(p->issuer_id, c->name.issuer_id, sizeof p->issuer_id);
		memcpy(p->placement, c->name.placement, sizeof p->placement);
		p->issuer_serial = c->issuer.serial;
		p->name_serial = c->name.serial;
		p->flags = c->name.flags;
		/* A supernode serves everybody, not only the names of its issuer: the root decides who makes one. */
		if ((c->issuer.flags & KITH_ISSUER_SUPERNODES) == 0)
			p->flags &= (uint8_t)~KITH_NAME_SUPERNODE;
		narrow(p, c->issuer.not_before_s, c->issuer.expires_s);
		narrow(p, c->name.not_before_s, c->name.expires_s);
	}
	p->device_dh = c->device.dh;
	p->device_sign = c->device.sign;
	narrow(p, c->device.not_before_s, c->device.expires_s);
}

static int signatures_verify(const struct kith_trust *t, const struct kith_chain *c, const struct kith_key *identity)
{
	int err = 0;
	if (c->kind == KITH_CHAIN_FULL)
		err = issuer_verify(t, c->name.issuer_id, &c->issuer);
	if (err == 0 && c->kind != KITH_CHAIN_OPEN)
		err = kith_object_verify(t->suite, &c->name.s, KITH_SIGN_NAME, &c->issuer.issuer);
	return err != 0 ? err : kith_object_verify(t->suite, &c->device.s, KITH_SIGN_DEVICE, identity);
}

/* What a check is to mind, and to leave behind. */
enum { DATED = 1 << 0, REMEMBERED = 1 << 1 };

static void chain_remember(struct kith_trust *t, const uint8_t digest[KITH_TRUST_DIGEST_LEN])
{
	if (t->chains.n == t->chains.max)
		chain_free(t, chain_of(t->chains_lru.next));
	struct trust_chain *fresh = KITH_NEW(t->alloc, struct trust_chain);
	if (fresh == NULL)
		return; /* it will be verified again */
	memcpy(fresh->digest, digest, sizeof fresh->digest);
	if (kith_table_put(&t->chains, fresh) != 0) {
		KITH_FREE(t->alloc, fresh);
		return;
	}
	lru_append(&t->chains_lru, &fresh->link);
}

/* Signatures, from memory if this very chain held before under this very issuer. */
static int chain_verify(struct kith_trust *t, const struct kith_chain *c, struct kith_span chain,
			const struct kith_key *identity, unsigned how)
{
	const struct kith_span key = { t->chains_key, sizeof t->chains_key };
	const struct kith_span parts[] = { chain, { c->issuer.issuer.b, KITH_KEY_LEN } };
	uint8_t digest[KITH_TRUST_DIGEST_LEN];
	t->suite->blake2b(digest, sizeof digest, key, parts, 2);
	struct trust_chain *known = kith_table_get(&t->chains, digest);
	if (known != NULL) {
		lru_remove(&known->link);
		lru_append(&t->chains_lru, &known->link);
		return 0;
	}
	int err = signatures_verify(t, c, identity);
	if (err == 0 && (how & REMEMBERED) != 0)
		chain_remember(t, digest);
	return err;
}

/* Everything but the signatures, and but the date if it is not dated. */
static int chain_check(const struct kith_trust *t, const struct kith_now *now, bool dated, struct kith_span chain,
		       struct kith_chain *c, struct kith_person *out)
{
	int err = kith_chain_parse(c, chain);
	if (err == 0)
		err = chain_belongs(t, c);
	if (err == 0)
		err = chain_complete(t, c);
	if (err != 0)
		return err;
	if (c->kind != KITH_CHAIN_OPEN && !kith_constraint_allows(c->issuer.constraint, c->name.name))
		return KITH_ENAME;
	person_fill(t, c, out);
	return dated ? kith_trust_recheck(t, now, out) : lists_check(t, now, out);
}

int kith_trust_recheck_chain(const struct kith_trust *t, const struct kith_now *now, struct kith_span chain)
{
	struct kith_chain c;
	struct kith_person person;
	memset(&person, 0, sizeof person);
	return chain_check(t, now, true, chain, &c, &person);
}

static int check(struct kith_trust *t, const struct kith_now *now, unsigned how, struct kith_span chain,
		 struct kith_person *out)
{
	struct kith_chain c;
	int err = chain_check(t, now, (how & DATED) != 0, chain, &c, out);
	if (err == 0)
		err = chain_verify(t, &c, chain, &out->identity, how);
	if (err != 0)
		return err;
	if (!t->open)
		(void)issuer_remember(t, now, out->issuer_id, &c.issuer);
	struct trust_devices *d = kith_table_get(&t->device_lists, out->identity.b);
	if (d != NULL)
		devices_touch(t, d);
	return 0;
}

static int check_clean(struct kith_trust *t, const struct kith_now *now, unsigned how, struct kith_span chain,
		       struct kith_person *out)
{
	memset(out, 0, sizeof *out);
	int err = check(t, now, how, chain, out);
	if (err != 0)
		memset(out, 0, sizeof *out);
	return err;
}

int kith_trust_check(struct kith_trust *t, const struct kith_now *now, struct kith_span chain, struct kith_person *out)
{
	return check_clean(t, now, DATED | REMEMBERED, chain, out);
}

int kith_trust_check_once(struct kith_trust *t, const struct kith_now *now, struct kith_span chain,
			  struct kith_person *out)
{
	return check_clean(t, now, DATED, chain, out);
}

int kith_trust_check_undated(struct kith_trust *t, const struct kith_now *now, struct kith_span chain,
			     struct kith_person *out)
{
	return check_clean(t, now, REMEMBERED, chain, out);
}

/* ---- lists ---- */

int kith_trust_revocation_add(struct kith_trust *t, const struct kith_now *now, struct kith_span span)
{
	struct kith_revocation list, held;
	struct kith_blob **slot = &t->root_list;
	struct kith_key key = t->root;
	int err = kith_revocation_parse(&list, span);
	if (err != 0)
		return err;
	if (t->open)
		return KITH_ENETWORK;
	if (list.signer == KITH_REVOKED_BY_ISSUER) {
		struct kith_issuer_cert cert;
		struct kith_trust_issuer *issuer = kith_trust_issuer_of(t, list.signer_id);
		if (issuer == NULL)
			return KITH_ECHAIN;
		kith_trust_issuer_cert(issuer, &cert);
		if (kith_trust_revokes(t->root_list, cert.serial, &cert.issuer))
			return KITH_EREVOKED;
		key = cert.issuer;
		slot = &issuer->list;
	} else if (memcmp(list.signer_id, t->network.b, sizeof list.signer_id) != 0) {
		return KITH_ENETWORK;
	}
	if (*slot != NULL) {
		err = kith_revocation_view(&held, kith_blob_span(*slot));
		KITH_ASSERT(err == 0);
		if (held.number >= list.number)
			return 0;
	}
	/* One that is past its next update still revokes; one from the future shows a broken clock at one end. */
	if (now->unix_trusted && now->unix_ms < list.issued_s * 1000 - KITH_CLOCK_TOLERANCE_MS)
		return KITH_ENOTYET;
	err = kith_object_verify(t->suite, &list.s, KITH_SIGN_REVOCATION, &key);
	if (err != 0)
		return err;
	struct kith_blob *blob = kith_blob_intern(t->blobs, span.p, span.len);
	if (blob == NULL)
		return KITH_ENOMEM;
	kith_blob_unref(t->blobs, *slot);
	*slot = blob;
	t->epoch++;
	return 1;
}

/* The next update of a list, if it is earlier than those before. */
static void due_of(const struct kith_blob *blob, int64_t *due_ms)
{
	struct kith_revocation list;
	if (blob == NULL)
		return;
	int err = kith_revocation_view(&list, kith_blob_span(blob));
	KITH_ASSERT(err == 0);
	if (list.next_update_s * 1000 < *due_ms)
		*due_ms = list.next_update_s * 1000;
}

enum kith_lists_age kith_trust_lists_age(const struct kith_trust *t, const struct kith_now *now,
					 const uint8_t issuer[KITH_ISSUER_ID_LEN], int64_t *due_ms)
{
	struct kith_revocation root;
	int64_t due = KITH_UNIX_S_MAX * 1000;
	uint32_t grace_s = 0;
	if (t->root_list == NULL || kith_revocation_view(&root, kith_blob_span(t->root_list)) != 0 ||
	    kith_revocation_grace(&root, &grace_s) <= 0)
		return KITH_LISTS_FRESH;
	due_of(t->root_list, &due);
	for (size_t i = 0; i < t->issuers_n; i++)
		if (issuer == NULL || memcmp(t->issuers[i].id, issuer, KITH_ISSUER_ID_LEN) == 0)
			due_of(t->issuers[i].list, &due);
	int64_t late_ms = now->unix_ms - KITH_CLOCK_TOLERANCE_MS - due;
	if (late_ms <= 0)
		return KITH_LISTS_FRESH;
	if (due_ms != NULL)
		*due_ms = due;
	return late_ms > (int64_t)grace_s * 1000 ? KITH_LISTS_TOO_OLD : KITH_LISTS_LATE;
}

/* A new entry, linked; an old one makes room. */
static int devices_new(struct kith_trust *t, const struct kith_key *identity, bool keep, struct trust_devices **out)
{
	bool full = t->device_lists.n == t->device_lists.max;
	struct kith_trust_link *victim = t->lists_lru.next;
	if (victim == &t->lists_lru)
		victim = t->kept_lru.next;
	if (full && !keep && devices_of(victim)->kept)
		return KITH_EFULL;
	struct trust_devices *d = KITH_NEW(t->alloc, struct trust_devices);
	if (d == NULL)
		return KITH_ENOMEM;
	if (full)
		devices_free(t, devices_of(victim));
	d->identity = *identity;
	d->kept = keep;
	int err = kith_table_put(&t->device_lists, d);
	if (err != 0) {
		KITH_FREE(t->alloc, d);
		return err;
	}
	lru_append(keep ? &t->kept_lru : &t->lists_lru, &d->link);
	*out = d;
	return 0;
}

int kith_trust_devices_add(struct kith_trust *t, const struct kith_now *now, const struct kith_key *identity,
			   struct kith_span span, bool keep)
{
	struct kith_devices list, held;
	int err = kith_devices_parse(&list, span);
	if (err != 0)
		return err;
	if (is_ahead(&list, now))
		return KITH_ENOTYET;
	struct trust_devices *d = kith_table_get(&t->device_lists, identity->b);
	if (d != NULL) {
		if (keep && !d->kept) {
			d->kept = true;
			devices_touch(t, d);
		}
		if (devices_held(t, now, identity, &held) && held.number >= list.number)
			return 0;
	}
	err = kith_object_verify(t->suite, &list.s, KITH_SIGN_DEVICES, identity);
	if (err != 0)
		return err;
	struct kith_blob *blob = kith_blob_intern(t->blobs, span.p, span.len);
	if (blob == NULL)
		return KITH_ENOMEM;
	if (d == NULL)
		err = devices_new(t, identity, keep, &d);
	if (err != 0) {
		kith_blob_unref(t->blobs, blob);
		return err;
	}
	kith_blob_unref(t->blobs, d->list);
	d->list = blob;
	devices_touch(t, d);
	t->epoch++;
	return 1;
}
