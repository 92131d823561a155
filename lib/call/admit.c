#include "call/admit.h"

#include "call/routes.h"
#include "leaf/homes.h"
#include "link/via.h"
#include "relay/fwd.h"

enum { BODY_MAX = 32 };

static bool wish(struct kith_core *c, struct kith_session *home, uint64_t tunnel, enum kith_fwd_wish what)
{
	uint8_t body[BODY_MAX];
	const struct kith_msg_admit m = { .tunnel = tunnel, .wish = (uint8_t)what };
	size_t len = kith_msg_admit_write(body, sizeof body, &m);
	return kith_session_request(c, home, KITH_REQ_ADMIT, (struct kith_span){ body, len },
				    kith_token(KITH_TOKEN_IGNORE, 0)) == 0;
}

static bool asked_for(const struct kith_peer *peer, const struct kith_hop *hop)
{
	for (size_t i = 0; i < peer->hops_n; i++) {
		if (kith_hop_equal(&peer->hops[i], hop))
			return true;
	}
	return false;
}

void kith_admit_all(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop)
{
	struct kith_peer *peer = s->peer;
	struct kith_session *home = peer != NULL ? kith_via_home_of(c, hop) : NULL;
	if (home == NULL || asked_for(peer, hop))
		return;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		if (peer->admitted[i].tunnel == hop->tunnel && peer->admitted[i].home == home->index)
			return;
	}
	if (!wish(c, home, hop->tunnel, KITH_FWD_WISH_ALL))
		return;
	peer->admitted[peer->admitted_next] = (struct kith_admitted){ hop->tunnel, home->index };
	peer->admitted_next = (uint8_t)((peer->admitted_next + 1) % KITH_HOMES);
}

void kith_admit_paths(struct kith_core *c, struct kith_session *s)
{
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_hop hop = kith_pathset_path(&s->paths, i)->hop;
		if (hop.tunnel != 0 && s->state == KITH_SESSION_OPEN)
			kith_admit_all(c, s, &hop);
	}
}

void kith_admit_over(struct kith_core *c, const struct kith_session *s)
{
	const bool blocked = kith_contacts_blocked(&c->contacts, s->peer->name);
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_admitted *a = &s->peer->admitted[i];
		struct kith_session *home = a->tunnel != 0 ? kith_sessions_get(&c->sessions, a->home) : NULL;
		uint32_t it = 0;
		if (home == NULL || kith_homes_slot(c, home) < 0)
			continue;
		struct kith_hop hop = *kith_session_hop(home);
		hop.tunnel = a->tunnel;
		if (kith_routes_next(c, &hop, &it) == NULL) /* else another session goes through it */
			(void)wish(c, home, a->tunnel, blocked ? KITH_FWD_WISH_END : KITH_FWD_WISH_CALL);
	}
}

void kith_admit_end(struct kith_core *c, const struct kith_hop *hop)
{
	struct kith_session *home = kith_via_home_of(c, hop);
	if (home != NULL)
		(void)wish(c, home, hop->tunnel, KITH_FWD_WISH_END);
}

/* ---- who may call ---- */

/* Writes those that are refused, or, *only, those that alone are not. */
static size_t callers(const struct kith_core *c, uint8_t out[KITH_ADMIT_LEN * KITH_ADMIT_MAX], bool *only)
{
	size_t n = 0;
	*only = c->presence == KITH_PRESENCE_CONTACTS && c->contacts.n <= KITH_ADMIT_MAX;
	for (uint32_t i = 0; i < c->contacts.n && n < KITH_ADMIT_MAX; i++) {
		const struct kith_contact *contact = &c->contacts.items[i];
		const bool blocked = (contact->flags & KITH_CONTACT_BLOCKED) != 0;
		if (blocked != *only)
			memcpy(out + KITH_ADMIT_LEN * n++, contact->identity.b, KITH_ADMIT_LEN);
	}
	return KITH_ADMIT_LEN * n;
}

void kith_admit_tell(struct kith_core *c, struct kith_session *s)
{
	uint8_t who[KITH_ADMIT_LEN * KITH_ADMIT_MAX], body[KITH_REQUEST_MAX];
	struct kith_msg_admit m = { .has_who = true };
	int slot = kith_homes_slot(c, s);
	struct kith_home_slot *home = slot >= 0 ? &c->leaf.homes[slot] : NULL;
	if (home == NULL || home->admit_told == c->admit_number || kith_serves(c))
		return;
	m.who = (struct kith_span){ who, callers(c, who, &m.only) };
	if (m.who.len == 0 && !m.only && home->admit_told == 0)
		return; /* as it takes for granted */
	size_t len = kith_msg_admit_write(body, sizeof body, &m);
	if (kith_session_request(c, s, KITH_REQ_ADMIT, (struct kith_span){ body, len },
				 kith_token(KITH_TOKEN_IGNORE, 0)) == 0)
		home->admit_told = c->admit_number;
}

void kith_admit_changed(struct kith_core *c)
{
	c->admit_number = (uint8_t)(c->admit_number % UINT8_MAX + 1);
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
		if (s != NULL && s->state == KITH_SESSION_OPEN)
			kith_admit_tell(c, s);
	}
}
