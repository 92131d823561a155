#include "call/relays.h"

#include "base/addr.h"
#include "base/rng.h"
#include "call/op.h"
#include "call/routes.h"
#include "link/connect.h"
#include "link/via.h"

/* Key of an allowance: all relays together. */
#define ALL_RELAYS UINT64_C(0x72656c6179730001)

static const struct kith_span nothing = { NULL, 0 };

bool kith_relays_reach(struct kith_core *c, const struct kith_peer *peer)
{
	for (size_t i = 0; i < peer->homes_n; i++) {
		if (kith_via_allowed(c, peer, &peer->homes[i]))
			return true;
	}
	return peer->homes_n > 0 && kith_via_chain(c, peer, 0) != NULL;
}

void kith_relays_homes(struct kith_peer *peer, const struct kith_record *record, uint8_t doubted)
{
	peer->homes_n = peer->homes_doubted = 0;
	for (size_t i = 0; i < record->homes_n; i++) {
		const struct kith_host *host = &record->homes[i].host;
		if (peer->relay_only && memcmp(host->dh.b, record->device.b, KITH_DEVICE_ID_LEN) == 0)
			continue;
		peer->homes_doubted |= (uint8_t)((doubted >> i & 1u) << peer->homes_n);
		peer->homes[peer->homes_n++] = *host;
	}
}

/* Notes a tunnel that was opened for us, in place of another one when there are many. */
static void remember(struct kith_peer *peer, const struct kith_hop *hop)
{
	unsigned i = peer->hops_n < KITH_HOMES ? peer->hops_n++ : peer->hops_next % KITH_HOMES;
	peer->hops[i] = *hop;
}

/* A tunnel to the other side of s was opened. */
static void take(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop)
{
	remember(s->peer, hop);
	if (s->state == KITH_SESSION_OPEN &&
	    kith_pathset_add(&s->paths, kith_env(c, s), hop) == KITH_ENOMEM) /* else: it has enough already */
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

/* The callee is a leaf of this very supernode: the tunnel has one leg, which ends here, under a number of our own. */
static int reach_leaf(struct kith_core *c, struct kith_session *s)
{
	const struct kith_session *leaf = kith_sessions_of(&c->sessions, s->device);
	if (leaf == NULL || !(leaf->use & KITH_USE_LEAF) || leaf->state != KITH_SESSION_OPEN)
		return KITH_ENOENT;
	struct kith_hop hop = *kith_session_hop(leaf);
	hop.tunnel = (uint64_t)c->sessions.shard << 56 | (kith_rng_u64(c->random) >> 8 | 1);
	take(c, s, &hop);
	return 0;
}

int kith_relays_ask(struct kith_core *c, struct kith_session *s, const struct kith_host *host, struct kith_span packet)
{
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_msg_introduce m = { .packet = packet };
	struct kith_session *own = NULL;
	if (!kith_via_allowed(c, s->peer, host)) {
		own = kith_via_chain(c, s->peer, s->peer->chain_turn++);
		if (own == NULL)
			return s->peer->relay_only ? KITH_ERELAYONLY : KITH_EUNREACHABLE;
		m.chained = true;
		m.via = host->dh;
	}
	if (memcmp(host->dh.b, c->self.dh_pk, sizeof host->dh.b) == 0)
		return reach_leaf(c, s);
	memcpy(m.device, s->device, sizeof m.device);
	size_t len = kith_msg_introduce_write(body, sizeof body, &m);
	if (len == 0)
		return KITH_EMSGSIZE;
	if (own != NULL)
		return kith_session_request_through(c, own, KITH_REQ_INTRODUCE, (struct kith_span){ body, len },
						    kith_token(KITH_TOKEN_INTRODUCE, s->index));
	uint32_t via;
	return kith_connect_request(c, host, KITH_USE_TUNNEL, KITH_REQ_INTRODUCE, (struct kith_span){ body, len },
				    kith_token(KITH_TOKEN_INTRODUCE, s->index), &via);
}

void kith_relays_on_answer(struct kith_core *c, struct kith_session *via, const struct kith_answer *answer)
{
	struct kith_session *s = kith_peer_get(c, (kith_session_id)kith_token_value(answer->token));
	struct kith_msg_introduced m;
	if (s == NULL)
		return;
	bool good = answer->err == 0 && kith_msg_introduced_read(&m, answer->body) == 0;
	if (good && m.tunnel == 0)
		return; /* the supernode itself is the callee, and answers by itself */
	struct kith_hop hop = *kith_session_hop(via);
	hop.tunnel = good ? m.tunnel : 0;
	if (good && s->peer->relay_only) /* since the request left, perhaps */
		good = kith_via_relay(c, s, &hop);
	KITH_LOG(c->log, KITH_LOG_DEBUG, "introduced session=%08x via=%08x err=%d", s->index, via->index,
		 good ? 0 : answer->err);
	kith_session_touch(c, s);
	if (good)
		take(c, s, &hop);
	else if (s->state == KITH_SESSION_INITIATING)
		kith_relays_refused(c, s);
	else if (s->peer->outage.since != 0)
		(void)kith_relays_next(c, s, nothing); /* at once through another home */
}

/* Whether a relay's word is heard. Many relays know a supernode: there all of them share a rate. */
static bool may_tell(struct kith_core *c, const struct kith_session *s)
{
	kith_time_us now = c->now.mono_us;
	struct kith_allowance *a = &c->allowance;
	if (kith_allowance_spend(a, now, kith_device_key(s->device), KITH_CHARGE_RELAY_HINT) &&
	    (!kith_serves(c) || kith_allowance_spend(a, now, ALL_RELAYS, KITH_CHARGE_RELAY_HINT)))
		return true;
	kith_stats_add(c->stats, KITH_STAT_DROP_RATE_LIMITED, 1);
	return false;
}

void kith_relays_show(struct kith_core *c, const struct kith_session *s)
{
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		uint32_t it = 0;
		struct kith_session *via;
		if (!kith_path_is_relay(p) || p->state == KITH_PATH_DEAD)
			continue;
		while ((via = kith_table_next(&c->sessions.by_device, &it)) != NULL) {
			const struct kith_hop *hop = kith_session_hop(via);
			if (via->state != KITH_SESSION_OPEN || (via->use & KITH_USE_PEER) || hop->tunnel != 0 ||
			    !kith_addr_equal(&hop->remote, &p->hop.remote))
				continue;
			struct kith_writer *w = kith_outbox_begin(&c->shared->outbox, via->index, NULL, 0,
								  KITH_FRAME_LEG, KITH_LEG_BODY);
			kith_write_u64(w, p->hop.tunnel);
			kith_outbox_end(&c->shared->outbox);
			kith_session_touch(c, via);
		}
	}
}

bool kith_relays_on_leg(struct kith_core *c, const struct kith_session *s, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	struct kith_hop hop = *kith_session_hop(s);
	struct kith_addr at;
	hop.tunnel = kith_read_u64(&r);
	kith_addr_read(&r, &at);
	if (r.bad || hop.tunnel == 0 || (s->use & KITH_USE_PEER))
		return false;
	if (s->role != KITH_ROLE_SUPERNODE || !may_tell(c, s)) /* it is one no more, perhaps */
		return true;
	uint32_t it = 0;
	struct kith_session *peer;
	while ((peer = kith_routes_next(c, &hop, &it)) != NULL) {
		kith_pathset_attested(&peer->paths, kith_env(c, peer), &hop, &at);
		kith_session_touch(c, peer);
	}
	return true;
}

bool kith_relays_on_limited(struct kith_core *c, const struct kith_session *s, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	struct kith_hop hop = *kith_session_hop(s);
	hop.tunnel = kith_read_u64(&r);
	uint8_t limit = kith_read_u8(&r);
	if (r.bad || hop.tunnel == 0 || (s->use & KITH_USE_PEER))
		return false;
	if (s->role != KITH_ROLE_SUPERNODE) { /* it is one no more, perhaps */
		kith_stats_add(c->stats, KITH_STAT_RELAY_LIMITED_UNKNOWN, 1);
		return true;
	}
	if (!may_tell(c, s))
		return true;
	uint32_t it = 0;
	struct kith_session *peer;
	bool found = false;
	while ((peer = kith_routes_next(c, &hop, &it)) != NULL)
		found |= kith_pathset_relay_limited(&peer->paths, kith_env(c, peer), &hop, limit);
	kith_stats_add(c->stats, found ? KITH_STAT_RELAY_LIMITED : KITH_STAT_RELAY_LIMITED_UNKNOWN, 1);
	return true;
}

/* Whether that hop is a path of the session, and whether it has another live one. */
static bool runs_through(const struct kith_session *s, const struct kith_hop *hop, bool *other)
{
	bool found = false;
	*other = false;
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		bool same = kith_hop_equal(&p->hop, hop);
		found |= same;
		*other |= !same && p->state == KITH_PATH_LIVE;
	}
	return found;
}

/* Whether any session went through that tunnel of the supernode's. */
static bool give_up(struct kith_core *c, const struct kith_hop *hop)
{
	uint32_t it = 0;
	struct kith_session *peer;
	bool found = false;
	while ((peer = kith_routes_next(c, hop, &it)) != NULL) {
		bool other;
		if (!runs_through(peer, hop, &other))
			continue;
		found = true;
		if (other)
			kith_pathset_drop(&peer->paths, kith_env(c, peer), hop);
		else /* the only path: used until another is found, or until it is really gone */
			kith_pathset_link_event(&peer->paths, kith_env(c, peer), hop->transport, hop,
						KITH_EUNREACHABLE);
		if (peer->initiator && peer->peer->relay_at == KITH_TIME_NEVER)
			peer->peer->relay_at = c->now.mono_us;
	}
	return found;
}

/* A supernode says that a tunnel of its own ends: every session that uses the tunnel must do without. Its own are those
 * at its address, where a session that came through a tunnel itself is not. */
void kith_relays_on_close(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_tunnel_close m;
	struct kith_hop hop = *kith_session_hop(s);
	uint8_t status = KITH_STATUS_OK;
	if (kith_msg_tunnel_close_read(&m, request->body) != 0 || m.tunnel == 0) {
		status = KITH_STATUS_MALFORMED;
	} else if (!kith_session_spend(c, s, KITH_CHARGE_TUNNEL_CLOSING)) {
		status = KITH_STATUS_LIMITED;
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	}
	kith_session_answer(c, s, request->id, status, nothing);
	bool direct = hop.tunnel == 0;
	hop.tunnel = m.tunnel;
	if (status == KITH_STATUS_OK && !(direct && give_up(c, &hop)))
		kith_stats_add(c->stats, KITH_STAT_TUNNEL_CLOSE_UNKNOWN, 1);
}

/* The next home of the callee that was not asked yet, or -1. */
static int next_home(const struct kith_peer *peer)
{
	for (int i = 0; i < peer->homes_n; i++) {
		if (!(peer->homes_used & 1u << i))
			return i;
	}
	return -1;
}

/* Whether a path goes through that home, or with dead: has gone. */
static bool goes_through(const struct kith_session *s, const struct kith_host *home, bool dead)
{
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		if (!kith_path_is_relay(p) || (p->state == KITH_PATH_DEAD && !dead))
			continue;
		for (unsigned k = 0; k < home->endpoints_n; k++) {
			if (kith_addr_equal(&home->endpoints[k].addr, &p->hop.remote))
				return true;
		}
	}
	return false;
}

static uint8_t homes_in_use(const struct kith_session *s, bool dead)
{
	uint8_t used = 0;
	for (unsigned i = 0; i < s->peer->homes_n; i++)
		used |= (uint8_t)((unsigned)goes_through(s, &s->peer->homes[i], dead) << i);
	return used;
}

bool kith_relays_anew(struct kith_session *s)
{
	s->peer->homes_used = homes_in_use(s, true); /* what has just died is asked when there is nobody else */
	if (next_home(s->peer) < 0)
		s->peer->homes_used = homes_in_use(s, false);
	return next_home(s->peer) >= 0;
}

bool kith_relays_next(struct kith_core *c, struct kith_session *s, struct kith_span packet)
{
	int home;
	while ((home = next_home(s->peer)) >= 0) {
		s->peer->homes_used |= (uint8_t)(1u << home);
		if (kith_relays_ask(c, s, &s->peer->homes[home], packet) == 0)
			return true;
	}
	return false;
}

/* The HELLO goes this way as well. */
static void copy(struct kith_core *c, const struct kith_session *s, const struct kith_hop *hop)
{
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, hop, s->hs->len);
	if (out != NULL)
		memcpy(out, s->hs->packet, s->hs->len);
}

/* The message that cancels a call goes over every tunnel there is, since any of them may have brought the call. */
static void carry_canceled(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer *peer = s->peer;
	for (unsigned i = 0; i + 1 < peer->hops_n; i++)
		copy(c, s, &peer->hops[i]);
	peer->hops_next = (uint8_t)(peer->hops_n > 0 ? peer->hops_n - 1 : 0);
}

void kith_relays_carry(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer *peer = s->peer;
	struct kith_span hello = { s->hs->packet, s->hs->len };
	bool wanted = !s->hs->cancel; /* else the ways there are will do */
	if ((wanted || peer->hops_n == 0) && !kith_relays_next(c, s, hello) && peer->hops_n == 0)
		peer->homes_used = 0; /* all failed: begin again with the first */
	if (!wanted)
		carry_canceled(c, s);
	const bool near = peer->near.remote.family != KITH_FAMILY_NONE;
	if (near && peer->hops_n > 0)
		copy(c, s, &peer->near);
	if (peer->hops_n > 0) /* in turn: a tunnel may end at an address that the callee has left */
		kith_connect_send(c, s, &peer->hops[peer->hops_next++ % peer->hops_n]);
	else if (near)
		kith_connect_send(c, s, &peer->near);
	else
		kith_connect_waited(c, s);
}

void kith_relays_refused(struct kith_core *c, struct kith_session *s)
{
	if (next_home(s->peer) >= 0 && s->hs->next_at > c->now.mono_us)
		s->hs->next_at = c->now.mono_us; /* at once through another home */
}

bool kith_relays_in_use(const struct kith_core *c, const struct kith_session *via)
{
	return kith_routes_through(c, &kith_session_hop(via)->remote);
}

void kith_relays_withdraw(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer *peer = s->peer;
	uint8_t kept = 0;
	for (unsigned i = 0; i < peer->hops_n; i++) {
		if (kith_via_relay(c, s, &peer->hops[i]))
			peer->hops[kept++] = peer->hops[i];
	}
	peer->hops_n = kept;
	for (unsigned i = 0; i < peer->homes_n; i++) {
		struct kith_session *via = kith_sessions_of(&c->sessions, peer->homes[i].dh.b);
		if (via != NULL && via->use == KITH_USE_TUNNEL && !kith_via_allowed(c, peer, &peer->homes[i]) &&
		    !kith_relays_in_use(c, via))
			kith_session_end(c, via, KITH_CLOSE_NORMAL, true);
	}
}
