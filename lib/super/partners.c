#include "super/partners.h"

#include "base/addr.h"
#include "base/rng.h"
#include "link/connect.h"
#include "link/lists.h"
#include "overlay/far.h"
#include "overlay/pick.h"
#include "super/bulletin.h"
#include "super/members.h"
#include "super/suspect.h"

enum {
	CHOSEN = KITH_PARTNERS_CHOSEN,
	/* With sectors the first is of our own, then there is one on either side of it, as far as somebody is there:
	 * one whose sectors are narrower than ours is not near all that is near us. The last is anybody, for what goes
	 * round the whole ring. */
	BEFORE = 1,
	AFTER = 2,
	FAR = CHOSEN - 1,
	STRANGER = KITH_MEMBERS_STRANGER,
	FULL_EVERY = 8, /* exchanges between two that compare the whole tables ... */
	FULL_EVERY_CALM = 40, /* ... when nothing changed for a while */
	ISLAND_ODDS = 5, /* one exchange in so many, and fewer in larger networks, is with a bootstrap host */
	GOODBYES = 3
};
#define CALM_US (60 * KITH_US_PER_S)
#define MISSED_US (20 * KITH_US_PER_S)

static const struct kith_span nothing = { NULL, 0 };

/* ---- partners ---- */

static struct kith_member *member_at(struct kith_core *c, unsigned slot)
{
	const struct kith_partner *p = &c->super->partners[slot];
	return p->taken ? kith_members_get(&c->super->members, &p->id) : NULL;
}

static void take_slot(struct kith_core *c, unsigned slot, const struct kith_member *m)
{
	struct kith_supernode *sn = c->super;
	sn->partners[slot] = (struct kith_partner){ .taken = true,
						    .id = m->id,
						    .device = kith_device_key(m->blob->bytes),
						    .since = c->now.mono_us,
						    .used_at = c->now.mono_us };
	kith_members_partner(&sn->members, slot, &m->id);
	kith_suspicion_partner(&sn->suspicion, slot);
	kith_bulletin_partner(c, slot);
}

/* The slot of the member at the other end; it may take one. STRANGER: no member, or no room. */
static unsigned slot_of(struct kith_core *c, const struct kith_session *s)
{
	struct kith_supernode *sn = c->super;
	uint64_t device = kith_device_key(s->device);
	unsigned oldest = CHOSEN;
	for (unsigned i = 0; i < KITH_MEMBERS_PARTNERS; i++) {
		struct kith_partner *p = &sn->partners[i];
		if (p->taken && p->device == device && member_at(c, i) != NULL) {
			p->used_at = i < CHOSEN ? p->used_at : c->now.mono_us;
			return i;
		}
		if (i >= CHOSEN && sn->partners[oldest].taken &&
		    (!p->taken || p->used_at < sn->partners[oldest].used_at))
			oldest = i;
	}
	const struct kith_partner *o = &sn->partners[oldest];
	const struct kith_member *m = !o->taken ? kith_super_member_of(c, s) : NULL;
	if (m == NULL)
		return STRANGER;
	take_slot(c, oldest, m);
	return oldest;
}

static unsigned partner_slot(const struct kith_core *c, const struct kith_member *m)
{
	for (unsigned i = 0; i < KITH_MEMBERS_PARTNERS; i++) {
		const struct kith_partner *p = &c->super->partners[i];
		if (p->taken && memcmp(p->id.b, m->id.b, KITH_ID_LEN) == 0)
			return i;
	}
	return STRANGER;
}

/* Which of them is taken: the first that is no partner yet, of the slot's side if there is one. n: none. */
static uint32_t pick_new(const struct kith_core *c, unsigned slot, const struct kith_member *const picked[], uint32_t n)
{
	const int side = slot == BEFORE ? -1 : slot == AFTER ? 1 : 0;
	uint32_t first = n;
	for (uint32_t i = 0; i < n; i++) {
		if (partner_slot(c, picked[i]) != STRANGER)
			continue;
		first = first == n ? i : first;
		if (side == 0 ||
		    kith_sectors_side(&c->super->members.sectors, kith_sectors_place(picked[i]->id.b)) == side)
			return i;
	}
	return first;
}

/* Whom we chose is not chosen any more when it fails, or after a while; then another one is. */
static bool choose(struct kith_core *c, unsigned slot)
{
	struct kith_supernode *sn = c->super;
	const struct kith_member *picked[KITH_MEMBERS_PARTNERS + 1], *m = member_at(c, slot);
	enum kith_pick_from from = slot == 0	 ? KITH_PICK_FROM_SECTOR
				   : slot == FAR ? KITH_PICK_FROM_ALL
						 : KITH_PICK_FROM_NEAR;
	bool good = m != NULL && kith_member_live(m) && !kith_member_suspect(m, c->now.mono_us) &&
		    kith_members_is_in(&sn->members, from, m);
	if (good && c->now.mono_us - sn->partners[slot].since < KITH_PARTNER_US)
		return false;
	uint32_t n = kith_members_pick_from(&sn->members, from, c->random, c->now.mono_us, &sn->id, picked,
					    KITH_MEMBERS_PARTNERS + 1);
	const uint32_t fresh = pick_new(c, slot, picked, n);
	if (fresh < n) {
		take_slot(c, slot, picked[fresh]);
		return true;
	}
	for (uint32_t i = 0; i < n && !good; i++) { /* in a small network, one that chose us */
		unsigned has = partner_slot(c, picked[i]);
		if (has >= CHOSEN) {
			sn->partners[has].taken = false;
			take_slot(c, slot, picked[i]);
			return true;
		}
	}
	if (good)
		sn->partners[slot].since = c->now.mono_us; /* there is no other */
	else
		sn->partners[slot].taken = false;
	return false;
}

/* Whoever chose us speaks to us every 12 s. Who does not has chosen others, or is gone. */
static void miss(struct kith_core *c)
{
	for (unsigned i = CHOSEN; i < KITH_MEMBERS_PARTNERS; i++) {
		struct kith_partner *p = &c->super->partners[i];
		const struct kith_member *m = member_at(c, i);
		if (!p->taken || c->now.mono_us - p->used_at < MISSED_US)
			continue;
		p->taken = false;
		if (m != NULL && c->now.mono_us - m->heard_at >= MISSED_US)
			kith_suspect_test(c, m);
	}
}

static uint16_t chosen_bits(const struct kith_core *c)
{
	uint16_t bits = 0;
	for (unsigned i = 0; i < CHOSEN; i++)
		bits |= (uint16_t)(c->super->partners[i].taken << i);
	return bits;
}

static uint16_t waiting(struct kith_core *c, bool urgent)
{
	const struct kith_supernode *sn = c->super;
	uint16_t bits = chosen_bits(c);
	return kith_members_untold(&sn->members, bits, urgent) | kith_suspicion_untold(&sn->suspicion, bits) |
	       kith_bulletin_untold(c, bits);
}

/* ---- beginning ---- */

/* The member at an address, or NULL: it need not be asked whose it is, and a session with it may be there. */
static const struct kith_member *member_with(const struct kith_core *c, const struct kith_endpoint *at)
{
	const struct kith_members *ms = &c->super->members;
	struct kith_host host;
	for (uint32_t i = 0; i < ms->n; i++) {
		if (!kith_member_live(ms->at[i]))
			continue;
		kith_member_host(ms->at[i], &host);
		for (unsigned k = 0; k < host.endpoints_n; k++) {
			if (kith_endpoint_equal(&host.endpoints[k], at))
				return ms->at[i];
		}
	}
	return NULL;
}

/* A bootstrap host other than ourselves, at random. */
static bool pick_bootstrap(struct kith_core *c, struct kith_host *host)
{
	if (c->bootstrap_n == 0)
		return false;
	const struct kith_bootstrap *b = &c->bootstrap[kith_rng_below(c->random, (uint32_t)c->bootstrap_n)];
	for (size_t i = 0; i < c->endpoints_n; i++) {
		if (kith_endpoint_equal(&b->at, &c->endpoints[i]))
			return false; /* ourselves: another next time */
	}
	const struct kith_member *known = b->has_key ? NULL : member_with(c, &b->at);
	if (known != NULL) {
		kith_member_host(known, host);
		return true;
	}
	memset(host, 0, sizeof *host);
	host->endpoints_n = 1;
	host->endpoints[0] = b->at;
	if (b->has_key)
		host->dh = b->key;
	return true;
}

/* The chosen partner that waits for news, the one that was asked longest ago first. STRANGER: there is none. */
static unsigned pick_partner(struct kith_core *c, bool *fresh)
{
	struct kith_supernode *sn = c->super;
	unsigned best = STRANGER;
	miss(c);
	for (unsigned i = 0; i < CHOSEN; i++)
		*fresh = choose(c, i) || *fresh;
	uint16_t urgent = waiting(c, true), any = chosen_bits(c);
	for (unsigned i = 0; i < CHOSEN; i++) {
		bool can = ((urgent != 0 ? urgent : any) >> i & 1) != 0;
		if (can && (best == STRANGER || sn->partners[i].used_at < sn->partners[best].used_at))
			best = i;
	}
	if (best != STRANGER)
		sn->partners[best].used_at = c->now.mono_us;
	return best;
}

static void next_exchange(struct kith_core *c, bool alone)
{
	struct kith_supernode *sn = c->super;
	kith_time_us pause = alone		      ? KITH_US_PER_S
			     : waiting(c, true) != 0  ? KITH_GOSSIP_URGENT_US
			     : waiting(c, false) != 0 ? KITH_GOSSIP_NEWS_US
						      : KITH_GOSSIP_US;
	sn->gossip_at = c->now.mono_us + kith_rng_jitter(c->random, pause, 20);
	kith_super_wake(c, sn->gossip_at);
}

/* With sectors a part is compared at a time: then it is twice as often for each request that the whole takes, and at
 * random, since in turn it would always be with the same partner. */
static bool compares(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	const struct kith_sectors *sectors = &sn->members.sectors;
	bool calm = c->now.mono_us - sn->changed_at > CALM_US && c->now.mono_us - sectors->since > CALM_US;
	unsigned every = calm ? FULL_EVERY_CALM : FULL_EVERY, turn = sn->exchanges++;
	return sectors->bits < 2 ? turn % every == 0
				 : kith_rng_below(c->random, every / 2) < kith_gossip_requests(&sn->members);
}

/* While no member is known, and now and then later, the exchange is with a bootstrap host, since supernodes that met
 * each other first may have formed an island. A larger network asks these few hosts more seldom, since all of it shares
 * them. */
void kith_partners_exchange(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	uint8_t doubts[KITH_GOSSIP_DOUBTS_LEN_MAX], editions[KITH_EDITIONS_LEN_MAX], body[KITH_GOSSIP_REQUEST_MAX];
	struct kith_host host;
	bool alone = kith_members_live(&sn->members) <= 1, fresh = false;
	bool island = waiting(c, true) == 0 &&
		      kith_rng_below(c->random, ISLAND_ODDS + kith_members_estimate(&sn->members) / 4) == 0;
	struct kith_gossip_to to = { .partner = STRANGER };
	bool found = (alone || island) && pick_bootstrap(c, &host);
	if (!found) {
		to.partner = pick_partner(c, &fresh);
		island = false;
		found = to.partner != STRANGER;
		if (found)
			kith_member_host(member_at(c, to.partner), &host);
	}
	to.digests = alone || island || fresh || sn->members.news_lost || compares(c);
	sn->members.news_lost = false;
	if (found) {
		bool all;
		to.doubts = kith_suspect_tell(c, to.partner, NULL, doubts);
		to.editions = kith_bulletin_tell(c, to.partner, 0, KITH_LISTS_TOLD_LEN, &all, editions);
		to.editions_sum = to.digests ? kith_bulletin_sum(c) : 0;
		size_t n = kith_gossip_request(&sn->members, &c->now, c->random, &to, body);
		kith_super_gossip_with(c, &host, (struct kith_span){ body, n }, KITH_GOSSIP_TIMEOUT_US);
	}
	next_exchange(c, alone);
}

void kith_partners_greet(struct kith_core *c, const struct kith_host *host)
{
	const struct kith_gossip_to to = { .partner = STRANGER, .digests = true, .editions_sum = kith_bulletin_sum(c) };
	uint8_t request[KITH_GOSSIP_REQUEST_MAX];
	size_t len = kith_gossip_request(&c->super->members, &c->now, c->random, &to, request);
	kith_super_gossip_with(c, host, (struct kith_span){ request, len }, KITH_GOSSIP_TIMEOUT_US);
}

void kith_partners_goodbye(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	const struct kith_member *partners[GOODBYES];
	uint32_t told = kith_members_pick(&sn->members, c->random, c->now.mono_us, &sn->id, partners, GOODBYES);
	for (uint32_t i = 0; i < told; i++) {
		struct kith_host host;
		kith_member_host(partners[i], &host);
		kith_partners_greet(c, &host);
	}
}

/* ---- hearing ---- */

static void learnt(struct kith_core *c, const struct kith_gossip_result *result)
{
	if (result->fresh + result->updated + result->returned > 0)
		kith_super_learnt(c);
	if (result->returned > 0)
		kith_suspect_returned(c);
}

static void send(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	const uint64_t token = kith_token(KITH_TOKEN_GOSSIP, 0);
	if (body.len == 0 || s->state == KITH_SESSION_CLOSED)
		return;
	int err = s->state == KITH_SESSION_OPEN
			  ? kith_session_request_for(c, s, KITH_REQ_GOSSIP, body, token, KITH_GOSSIP_TIMEOUT_US)
			  : kith_request_embed(&s->requests, kith_env(c, s), KITH_REQ_GOSSIP, body, token,
					       KITH_REQUEST_TIMEOUT_US, NULL);
	(void)err; /* the next round is soon */
}

/* What the other side has is not told to it. */
static void tell_editions(struct kith_core *c, struct kith_gossip_to *to, const struct kith_msg_gossip *in,
			  uint8_t out[KITH_EDITIONS_LEN_MAX])
{
	bool all;
	kith_bulletin_knows(c, to->partner, in->editions, false);
	to->editions = kith_bulletin_tell(c, to->partner, in->editions_sum, KITH_EDITIONS_LEN_MAX, &all, out);
	to->editions_sum = all ? kith_bulletin_sum(c) : 0;
}

void kith_partners_on_gossip(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	uint8_t body[KITH_ANSWER_MAX], doubts[KITH_GOSSIP_DOUBTS_LEN_MAX], editions[KITH_EDITIONS_LEN_MAX];
	struct kith_gossip_result result;
	struct kith_msg_gossip in;
	kith_session_use(c, s, KITH_USE_MEMBER);
	struct kith_gossip_to to = { .partner = slot_of(c, s) };
	struct kith_member *m = to.partner != STRANGER	     ? member_at(c, to.partner)
				: c->super->members.dead > 0 ? kith_super_member_of(c, s)
							     : NULL;
	if (m != NULL && s->state == KITH_SESSION_OPEN) {
		kith_suspect_alive(c, m);
		c->super->answered_at = c->now.mono_us;
	}
	if (kith_msg_gossip_read(&in, request->body) == 0) {
		(void)kith_suspect_on_doubts(c, to.partner, in.doubts); /* a refutation is in the answer */
		tell_editions(c, &to, &in, editions);
	}
	to.doubts = kith_suspect_tell(c, to.partner, m, doubts);
	int n = kith_gossip_answer(&c->super->members, &c->now, &to, request->body, body, sizeof body, &result);
	if (n < 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, (struct kith_span){ body, (size_t)n });
	learnt(c, &result);
	kith_lists_hear(c, s, result.editions);
	send(c, s, (struct kith_span){ result.follow, result.follow_len });
}

/* Whether a session is with a supernode that its certificate calls so. */
static bool is_seed(struct kith_core *c, const struct kith_session *s)
{
	struct kith_person person;
	return kith_session_person(c, s, &person) && kith_members_seeds(&c->super->members, &person);
}

void kith_partners_on_gossiped(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_gossip_result result;
	kith_super_heard_of(c, s, answer->err);
	if (!kith_serves(c) || answer->err != 0)
		return;
	struct kith_gossip_to to = { .partner = slot_of(c, s) };
	struct kith_member *m = to.partner != STRANGER ? member_at(c, to.partner) : NULL;
	if (m != NULL)
		kith_suspect_alive(c, m);
	struct kith_members *ms = &c->super->members;
	ms->word = kith_super_is_young(c) && is_seed(c, s);
	ms->teller = kith_addr_diversity_prefix(&kith_session_hop(s)->remote);
	int err = kith_gossip_answered(ms, &c->now, to.partner, answer->body, &result);
	ms->word = false;
	ms->teller = 0;
	if (err != 0)
		return;
	if (m != NULL)
		kith_far_told(ms, c->now.mono_us, kith_sectors_place(m->id.b), result.count);
	learnt(c, &result);
	kith_bulletin_knows(c, to.partner, result.editions, result.editions_all);
	kith_lists_hear(c, s, result.editions);
	bool refuted = kith_suspect_on_doubts(c, to.partner, result.doubts);
	send(c, s, (struct kith_span){ result.follow, result.follow_len });
	if (refuted) { /* whoever holds us for dead is told at once */
		uint8_t body[KITH_GOSSIP_REQUEST_MAX];
		to.partner = STRANGER;
		size_t n = kith_gossip_request(&c->super->members, &c->now, c->random, &to, body);
		send(c, s, (struct kith_span){ body, n });
	}
}
