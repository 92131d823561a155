#include "link/via.h"

#include "base/assert.h"

/* Whether packets to or from that session's other side use the address of a hop. */
static bool speaks(const struct kith_session *via, const struct kith_hop *hop)
{
	if (via == NULL || (via->use & KITH_USE_PEER) || via->state == KITH_SESSION_CLOSED)
		return false;
	const struct kith_hop *at = kith_session_hop(via);
	bool same = at->transport == hop->transport && kith_addr_equal(&at->remote, &hop->remote);
	for (unsigned i = 0; !same && via->hs != NULL && i < via->hs->ways_n; i++)
		same = via->hs->ways[i].transport == hop->transport &&
		       kith_addr_equal(&via->hs->ways[i].remote, &hop->remote);
	return same;
}

/* The session of a home of ours, NULL while the slot has none. */
static struct kith_session *home_session(const struct kith_core *c, size_t slot)
{
	const struct kith_home_slot *home = &c->leaf.homes[slot];
	struct kith_session *s =
		home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
	return s != NULL && s->state == KITH_SESSION_OPEN && s->role == KITH_ROLE_SUPERNODE ? s : NULL;
}

struct kith_session *kith_via_home_of(const struct kith_core *c, const struct kith_hop *hop)
{
	for (size_t i = 0; hop->tunnel != 0 && i < KITH_HOMES; i++) {
		struct kith_session *home = home_session(c, i);
		if (speaks(home, hop))
			return home;
	}
	return NULL;
}

bool kith_via_home(const struct kith_core *c, const struct kith_hop *hop)
{
	return kith_via_home_of(c, hop) != NULL;
}

/* Whether this home of ours may relay to the peer: a relay-only contact's own supernode may not. */
static bool discreet(struct kith_core *c, const struct kith_peer *peer, const struct kith_session *home)
{
	struct kith_key identity;
	return home != NULL && (!peer->relay_only || (kith_session_identity(c, home, &identity) &&
						      !kith_key_equal(&identity, &peer->identity)));
}

static bool through_own_home(struct kith_core *c, const struct kith_session *s, const struct kith_hop *hop)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_session *home = home_session(c, i);
		if (speaks(home, hop) && discreet(c, s->peer, home))
			return true;
	}
	return false;
}

/* The initiator's side: whether the tunnel was opened by a supernode that it asked, or asks. */
static bool was_asked_for(struct kith_core *c, const struct kith_session *s, const struct kith_hop *hop)
{
	for (size_t i = 0; i < s->peer->hops_n; i++) {
		if (kith_hop_equal(&s->peer->hops[i], hop))
			return true;
	}
	for (size_t i = 0; i < s->peer->homes_n; i++) {
		if (speaks(kith_sessions_of(&c->sessions, s->peer->homes[i].dh.b), hop))
			return true;
	}
	/* A leaf of this very supernode: the tunnel ends here. */
	const struct kith_session *leaf = kith_sessions_of(&c->sessions, s->device);
	return leaf != NULL && (leaf->use & KITH_USE_LEAF) && speaks(leaf, hop);
}

bool kith_via_relay(struct kith_core *c, const struct kith_session *s, const struct kith_hop *hop)
{
	if (hop->tunnel == 0 || !(s->use & KITH_USE_PEER) || s->peer == NULL)
		return false;
	if (through_own_home(c, s, hop))
		return true;
	return !s->peer->relay_only && s->initiator && was_asked_for(c, s, hop);
}

bool kith_via_callee(struct kith_core *c, const struct kith_session *s, const struct kith_hop *hop)
{
	if (hop->tunnel != 0)
		return kith_via_relay(c, s, hop);
	return !s->peer->relay_only &&
	       (kith_hop_equal(&s->peer->near, hop) || speaks(kith_sessions_of(&c->sessions, s->device), hop));
}

bool kith_via_walled(const struct kith_core *c)
{
	unsigned homes = 0, web = 0;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_session *home = home_session(c, i);
		homes += home != NULL;
		web += home != NULL &&
		       kith_transports_kind(&c->transports, kith_session_hop(home)->transport) == KITH_TRANSPORT_TLS;
	}
	return homes > 0 && web == homes;
}

static bool has_session(const struct kith_core *c, const struct kith_host *host)
{
	const struct kith_session *s = kith_sessions_of(&c->sessions, host->dh.b);
	return s != NULL && s->state == KITH_SESSION_OPEN;
}

/* Whether it is to be believed that the host is where the record says. With whom there is a session, that one is used,
 * wherever the record says that it is. */
static bool believed(const struct kith_core *c, const struct kith_peer *peer, const struct kith_host *host)
{
	const struct kith_session *s = kith_sessions_of(&c->sessions, host->dh.b);
	bool doubted = false;
	for (uint8_t i = 0; i < peer->homes_n; i++) {
		if (peer->homes_doubted & 1u << i)
			doubted = doubted || kith_key_equal(&peer->homes[i].dh, &host->dh);
	}
	return !doubted || (s != NULL && s->state == KITH_SESSION_OPEN && s->role == KITH_ROLE_SUPERNODE);
}

bool kith_via_allowed(struct kith_core *c, const struct kith_peer *peer, const struct kith_host *host)
{
	if (!peer->relay_only)
		return believed(c, peer, host) && (!kith_via_walled(c) || has_session(c, host));
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_session *home = home_session(c, i);
		bool same = home != NULL && memcmp(home->device, host->dh.b, KITH_DEVICE_ID_LEN) == 0;
		if (same && discreet(c, peer, home))
			return true;
	}
	return false;
}

struct kith_session *kith_via_chain(struct kith_core *c, const struct kith_peer *peer, unsigned turn)
{
	bool wanted = peer->relay_only || peer->homes_doubted != 0 || kith_via_walled(c);
	for (unsigned i = 0; wanted && i < KITH_HOMES; i++) {
		struct kith_session *home = home_session(c, (turn + i) % KITH_HOMES);
		if (discreet(c, peer, home))
			return home;
	}
	return NULL;
}

bool kith_via_of_env(const struct kith_path_env *env, const struct kith_hop *hop)
{
	struct kith_core *c = KITH_CONTAINER_OF((struct kith_path_env *)(uintptr_t)env, struct kith_core, env);
	const struct kith_session *s = kith_sessions_get(&c->sessions, env->session);
	return s != NULL && kith_via_relay(c, s, hop);
}
