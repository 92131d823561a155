#include "super/knock.h"

#include "base/addr.h"
#include "base/table.h"
#include "link/connect.h"
#include "overlay/pick.h"
#include "super/members.h"

static const struct kith_span nothing = { NULL, 0 };

void kith_knock_begin(struct kith_core *c, struct kith_knock *k, const struct kith_endpoint *at, uint64_t name)
{
	*k = (struct kith_knock){ .what = { .endpoint = *at, .name = name } };
	do
		k->what.number = kith_rng_u64(c->random);
	while (k->what.number == 0);
}

bool kith_knock_is_of(const struct kith_knock *k, const struct kith_session *s)
{
	return k->n > 0 && k->knockers[k->n - 1] == s->index;
}

static bool was_asked(const struct kith_knock *k, const struct kith_session *s)
{
	for (uint8_t i = 0; i < k->n; i++) {
		if (k->knockers[i] == s->index)
			return true;
	}
	return false;
}

/* A leaf that has consented for a while, and whose packets come from elsewhere than ours and the candidate's. Of two
 * that have just begun each could be drawn to knock at the other, and so have spoken to it. */
static bool is_stranger(const struct kith_core *c, const struct kith_session *s, const struct kith_addr *to)
{
	if ((s->use & KITH_USE_LEAF) == 0 || s->state != KITH_SESSION_OPEN || s->attached->candidate == NULL ||
	    c->now.mono_us - s->attached->candidate->since < kith_pace_wait(c, KITH_KNOCK_SETTLED_US))
		return false;
	const struct kith_hop *hop = kith_session_hop(s);
	const uint64_t prefix = kith_addr_limit_prefix(&hop->remote);
	if (hop->tunnel != 0 || kith_transports_kind(&c->transports, hop->transport) != KITH_TRANSPORT_UDP ||
	    hop->remote.family != to->family || prefix == kith_addr_limit_prefix(to))
		return false;
	for (uint8_t i = 0; i < c->endpoints_n; i++) {
		if (prefix == kith_addr_limit_prefix(&c->endpoints[i].addr))
			return false;
	}
	return true;
}

/* The one of them that the number chooses, of those that were not asked yet; NULL: there is none. */
static struct kith_session *leaf_for(struct kith_core *c, const struct kith_knock *k)
{
	const uint64_t seed[2] = { k->what.number, k->what.name };
	struct kith_session *s, *chosen = NULL;
	uint64_t highest = 0;
	uint32_t it = 0;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (was_asked(k, s) || !is_stranger(c, s, &k->what.endpoint.addr))
			continue;
		uint64_t place = kith_hash64(seed, s->device, sizeof s->device);
		if (chosen == NULL || place > highest) {
			chosen = s;
			highest = place;
		}
	}
	return chosen;
}

/* The next of some that are drawn when the first is wanted. */
static int ask_member(struct kith_core *c, struct kith_knock *k, struct kith_span body, uint64_t token,
		      uint32_t *session)
{
	const struct kith_members *ms = &c->super->members;
	const struct kith_member *drawn[KITH_KNOCK_MEMBERS], *m;
	struct kith_host host;
	if (k->members_n == 0) {
		k->members_n = (uint8_t)kith_members_pick(ms, c->random, c->now.mono_us, &c->super->id, drawn,
							  KITH_KNOCK_MEMBERS);
		for (uint8_t i = 0; i < k->members_n; i++)
			k->members[i] = drawn[i]->id;
	}
	if (k->members_at == k->members_n)
		return KITH_ENOENT;
	m = kith_members_get(ms, &k->members[k->members_at++]);
	if (m == NULL)
		return KITH_EUNREACHABLE;
	kith_member_host(m, &host);
	kith_super_introduce(c, &host);
	return kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_KNOCK, body, token, session);
}

int kith_knock_ask(struct kith_core *c, struct kith_knock *k, bool another, uint64_t token)
{
	uint8_t bytes[64];
	const struct kith_span body = { bytes, kith_msg_knock_write(bytes, sizeof bytes, &k->what) };
	struct kith_session *s = another || k->n == 0 ? NULL : kith_sessions_get(&c->sessions, k->knockers[k->n - 1]);
	if (s != NULL && s->state == KITH_SESSION_OPEN)
		return kith_session_request(c, s, KITH_REQ_KNOCK, body, token);
	int err = KITH_EUNREACHABLE;
	while (err != 0 && err != KITH_ENOENT && k->n < KITH_KNOCKERS_MAX) {
		uint32_t *session = &k->knockers[k->n];
		s = leaf_for(c, k);
		if (s == NULL) {
			err = ask_member(c, k, body, token, session);
		} else {
			*session = s->index;
			err = kith_session_request(c, s, KITH_REQ_KNOCK, body, token);
		}
		if (err == 0 || s != NULL)
			k->n++;
	}
	return err;
}

/* The member hears that it is done as soon as a leaf was asked: whether it was, the candidate says. */
static uint8_t knock(struct kith_core *c, struct kith_span body)
{
	struct kith_knock k = { .n = 0 };
	if (kith_msg_knock_read(&k.what, body) != 0)
		return KITH_STATUS_MALFORMED;
	if (c->leaving)
		return KITH_STATUS_LEAVING;
	struct kith_session *s = leaf_for(c, &k);
	if (s == NULL)
		return KITH_STATUS_NOT_FOUND;
	return kith_session_request(c, s, KITH_REQ_KNOCK, body, kith_token(KITH_TOKEN_IGNORE, 0)) == 0
		       ? KITH_STATUS_OK
		       : KITH_STATUS_FULL;
}

void kith_knock_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	kith_session_answer(c, s, request->id, knock(c, request->body), nothing);
}
