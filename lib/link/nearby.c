#include "link/nearby.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "link/connect_internal.h"
#include "wire/where.h"

enum { LEAST_PORT = 1024 }; /* as of addresses that peers name */

void kith_nearby_deinit(struct kith_core *c)
{
	KITH_FREE(c->alloc, c->nearby);
	c->nearby = NULL;
}

bool kith_nearby_may(const struct kith_core *c, const char *name, const struct kith_key *identity, bool accepted)
{
	const struct kith_contact *contact = kith_contacts_get(&c->contacts, name);
	const unsigned never = KITH_CONTACT_BLOCKED | KITH_CONTACT_RELAY_ONLY;
	return contact != NULL && kith_key_equal(&contact->identity, identity) && (contact->flags & never) == 0 &&
	       (!accepted || (contact->flags & KITH_CONTACT_ACCEPTED) != 0);
}

/* ---- asking ---- */

/* Whether somebody must not learn our address. All on the link hear a question, and one of them who knows the identity
 * that is asked for reads whose it is. */
static bool hides(const struct kith_core *c)
{
	for (uint32_t i = 0; i < c->contacts.n; i++) {
		if (c->contacts.items[i].flags & KITH_CONTACT_RELAY_ONLY)
			return true;
	}
	return false;
}

/* The port at which answers over a family come in; 0: at none. */
static uint16_t port_of(const struct kith_core *c, uint8_t family)
{
	struct kith_transport t;
	for (uint16_t i = 0; kith_transports_next(&c->transports, KITH_PURPOSE_ANY, &i, &t);) {
		if (t.family == family && t.remote.family == KITH_FAMILY_NONE && t.locals_n > 0)
			return t.locals[t.locals_n - 1].addr.port; /* the last one is no mapped one */
	}
	return 0;
}

bool kith_nearby_ask(struct kith_core *c, struct kith_question *question)
{
	struct kith_transport lan;
	const struct kith_where_parties parties = { c->self.network, c->me.identity, question->identity };
	const struct kith_where_body body = { .made_ms = kith_stamp(c), .chain = c->self.chain };
	bool asked = false;
	if (hides(c)) /* before anything else: nothing of it shows */
		return false;
	for (uint16_t i = 0; kith_transports_next(&c->transports, KITH_PURPOSE_LAN, &i, &lan);) {
		const struct kith_hop hop = { .remote = lan.remote, .transport = lan.id };
		const uint16_t port = port_of(c, lan.family);
		if (port == 0 || lan.locals_n == 0)
			continue;
		if (!asked && !kith_allowance_spend(&c->allowance, c->now.mono_us, kith_device_key(c->self.dh_pk),
						    KITH_CHARGE_NEARBY))
			return false;
		uint8_t *number = question->numbers[question->tries % KITH_NEARBY_TRIES];
		if (!asked)
			c->random->fill(c->random->ctx, number, KITH_XNONCE_LEN);
		asked = true;
		uint8_t *out = kith_outbox_raw(&c->shared->outbox, &hop, KITH_WHERE_LEN);
		if (out != NULL)
			kith_where_write(c->suite, out, port, question->index, number, &parties, &body,
					 c->self.sign_sk);
		kith_stats_add(c->stats, KITH_STAT_NEARBY_ASKED, out != NULL);
	}
	return asked;
}

/* ---- what comes from the link ---- */

/* A number for one address. */
static uint64_t address_key(const struct kith_addr *addr)
{
	struct kith_addr a = *addr;
	uint64_t key = a.family;
	for (size_t i = 0; i < sizeof a.ip; i++)
		key = (key ^ a.ip[i]) * UINT64_C(0x100000001b3);
	return key;
}

/* What costs next to nothing: the packet came to all on the link, or not, as it should; from the link; and it is not
 * one too many. */
static bool is_heard(struct kith_core *c, const struct kith_hop *from, bool to_all, const char *what)
{
	struct kith_allowance *a = &c->allowance;
	if (from->tunnel != 0 || kith_transports_is_lan(&c->transports, from->transport) != to_all ||
	    !kith_transports_on_link(&c->transports, &from->remote)) {
		kith_drop(c, KITH_STAT_DROP_OFF_LINK, from, what);
		return false;
	}
	if (!kith_allowance_spend(a, c->now.mono_us, address_key(&from->remote), KITH_CHARGE_NEARBY_OF) ||
	    !kith_allowance_spend(a, c->now.mono_us, kith_device_key(c->self.dh_pk), KITH_CHARGE_NEARBY_ALL)) {
		kith_drop(c, KITH_STAT_DROP_RATE_LIMITED, from, what);
		return false;
	}
	return true;
}

/* ---- answering ---- */

static bool is_timely(const struct kith_core *c, int64_t made_ms)
{
	return made_ms >= c->now.unix_ms - KITH_CLOCK_TOLERANCE_MS &&
	       (!c->now.unix_trusted || made_ms <= c->now.unix_ms + KITH_CLOCK_TOLERANCE_MS);
}

static struct kith_nearby_heard *heard_of(struct kith_nearby *n, uint64_t device)
{
	for (size_t i = 0; n != NULL && i < n->heard_n; i++) {
		if (n->heard[i].device == device)
			return &n->heard[i];
	}
	return NULL;
}

/* Where a device's question is to be remembered: its own place, a new one, or that of one whose questions are too old
 * to be heard again. NULL: there is none. */
static struct kith_nearby_heard *place_for(struct kith_core *c, uint64_t device)
{
	struct kith_nearby *n = c->nearby;
	struct kith_nearby_heard *at = heard_of(n, device);
	if (at != NULL)
		return at;
	if (n->heard_n < KITH_NEARBY_HEARD_MAX)
		return &n->heard[n->heard_n++];
	for (size_t i = 0; i < n->heard_n; i++) {
		if (n->heard[i].made_ms < c->now.unix_ms - KITH_CLOCK_TOLERANCE_MS)
			return &n->heard[i];
	}
	return NULL;
}

static void let_in(struct kith_core *c, const struct kith_hop *from, const struct kith_person *person)
{
	struct kith_nearby_let_in *at = NULL;
	for (size_t i = 0; i < KITH_NEARBY_LET_IN_MAX; i++) {
		struct kith_nearby_let_in *l = &c->nearby->let_in[i];
		if (l->until != 0 && kith_hop_equal(&l->from, from)) {
			at = l;
			break;
		}
		at = at == NULL || l->until < at->until ? l : at;
	}
	at->from = *from;
	at->identity = person->identity;
	memcpy(at->name, person->name, sizeof at->name);
	at->until = c->now.mono_us + KITH_NEARBY_LET_IN_US;
}

/* Who asks, if that is somebody whom we answer; what is against it was counted. */
static bool may_ask(struct kith_core *c, const struct kith_where_header *h, const struct kith_where_body *body,
		    const struct kith_hop *from, struct kith_person *person)
{
	if (kith_connect_check_chain(c, body->chain, NULL, from, person) != 0)
		return false;
	if (memcmp(person->device_dh.b, c->self.dh_pk, sizeof person->device_dh.b) == 0) {
		kith_drop(c, KITH_STAT_REFUSE_LOOP, from, "where");
		return false;
	}
	const struct kith_where_parties parties = { c->self.network, person->identity, c->me.identity };
	if (kith_where_verify(c->suite, &parties, h, body, &person->device_sign) != 0) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "where_signature");
		return false;
	}
	if (!kith_nearby_may(c, person->name, &person->identity, true)) {
		kith_drop(c, KITH_STAT_REFUSE_BLOCKED, from, "where");
		return false;
	}
	return true;
}

/* The question is remembered, so that no copy of it is answered. False: it is one, or there is no room. */
static bool take_note(struct kith_core *c, const struct kith_person *person, int64_t made_ms,
		      const struct kith_hop *from)
{
	if (c->nearby == NULL)
		c->nearby = KITH_NEW(c->alloc, struct kith_nearby);
	if (c->nearby == NULL) {
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return false;
	}
	const uint64_t device = kith_device_key(person->device_dh.b);
	struct kith_nearby_heard *at = place_for(c, device);
	if (at == NULL || (at->device == device && at->made_ms >= made_ms)) {
		kith_drop(c, at == NULL ? KITH_STAT_REFUSE_TABLE_FULL : KITH_STAT_DROP_REPLAYED, from, "where");
		return false;
	}
	*at = (struct kith_nearby_heard){ device, made_ms };
	return true;
}

static void answer(struct kith_core *c, const struct kith_where_header *h, const struct kith_hop *from,
		   const struct kith_person *person)
{
	uint8_t number[KITH_XNONCE_LEN];
	struct kith_hop back = { .remote = from->remote };
	back.remote.port = h->port;
	const struct kith_endpoint to = kith_endpoint_udp(&back.remote);
	if (kith_transports_for(&c->transports, &to, &back.transport) != 0)
		return;
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, &back, KITH_HERE_LEN);
	if (out == NULL)
		return;
	const struct kith_where_parties parties = { c->self.network, person->identity, c->me.identity };
	const struct kith_where_body body = { .made_ms = c->now.unix_ms, .chain = c->self.chain };
	c->random->fill(c->random->ctx, number, sizeof number);
	kith_here_write(c->suite, out, h->index, number, h->number, &parties, &body, c->self.sign_sk);
	let_in(c, &back, person);
	kith_stats_add(c->stats, KITH_STAT_NEARBY_ANSWERED, 1);
}

void kith_nearby_on_where(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	uint8_t key[KITH_WHERE_KEY_LEN], plain[KITH_WHERE_BODY];
	struct kith_where_header h;
	struct kith_where_body body;
	struct kith_person person;
	if (!kith_where_parse(&h, packet) || h.port < LEAST_PORT) {
		kith_drop(c, KITH_STAT_DROP_TOO_SHORT, from, "where");
		return;
	}
	if (!is_heard(c, from, true, "where"))
		return;
	kith_where_key(c->suite, key, &c->self.network, &c->me.identity);
	if (!kith_where_is_for(c->suite, &h, key)) {
		kith_stats_add(c->stats, KITH_STAT_NEARBY_OTHERS, 1);
		return;
	}
	int err = kith_where_open(c->suite, &h, key, plain, &body);
	if (err != 0 || c->leaving) {
		kith_drop(c, err != 0 ? KITH_STAT_DROP_NOT_AUTHENTIC : KITH_STAT_REFUSE_BLOCKED, from, "where_body");
		return;
	}
	if (!is_timely(c, body.made_ms)) {
		kith_drop(c, KITH_STAT_REFUSE_STALE, from, "where");
		return;
	}
	if (may_ask(c, &h, &body, from, &person) && take_note(c, &person, body.made_ms, from))
		answer(c, &h, from, &person);
}

bool kith_nearby_lets_in(const struct kith_core *c, const struct kith_hop *from, const struct kith_key *identity)
{
	for (size_t i = 0; c->nearby != NULL && i < KITH_NEARBY_LET_IN_MAX; i++) {
		const struct kith_nearby_let_in *l = &c->nearby->let_in[i];
		if (l->until > c->now.mono_us && kith_hop_equal(&l->from, from) &&
		    (identity == NULL || kith_key_equal(&l->identity, identity)))
			return kith_nearby_may(c, l->name, &l->identity, true);
	}
	return false;
}

/* ---- the answer ---- */

uint32_t kith_nearby_answers(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	struct kith_where_header h;
	if (!kith_here_parse(&h, packet)) {
		kith_drop(c, KITH_STAT_DROP_TOO_SHORT, from, "here");
		return 0;
	}
	return is_heard(c, from, false, "here") ? h.index : 0;
}

bool kith_nearby_read(struct kith_core *c, const struct kith_question *question, struct kith_span packet,
		      const struct kith_hop *from, struct kith_person *person)
{
	uint8_t key[KITH_WHERE_KEY_LEN], plain[KITH_WHERE_BODY];
	struct kith_where_header h;
	struct kith_where_body body;
	const struct kith_where_parties parties = { c->self.network, c->me.identity, question->identity };
	const uint8_t *asked = NULL;
	if (!kith_here_parse(&h, packet))
		return false;
	kith_where_key(c->suite, key, &c->self.network, &question->identity);
	for (uint8_t i = 0; asked == NULL && i < question->tries; i++) {
		if (kith_here_open(c->suite, &h, key, question->numbers[i], plain, &body) == 0)
			asked = question->numbers[i];
	}
	if (asked == NULL) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "here_seal");
		return false;
	}
	if (kith_connect_check_chain(c, body.chain, NULL, from, person) != 0)
		return false;
	if (!kith_key_equal(&person->identity, &question->identity) ||
	    memcmp(person->device_dh.b, c->self.dh_pk, sizeof person->device_dh.b) == 0 ||
	    kith_here_verify(c->suite, &parties, asked, &body, &person->device_sign) != 0) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "here_signature");
		return false;
	}
	kith_stats_add(c->stats, KITH_STAT_NEARBY_FOUND, 1);
	return true;
}
