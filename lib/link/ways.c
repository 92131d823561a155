#include "link/ways.h"

#include "base/addr.h"
#include "path/candidate.h"
#include "path/nat64.h"

static bool configured(const struct kith_core *c, const struct kith_addr *addr)
{
	for (size_t i = 0; i < c->bootstrap_n; i++) {
		if (kith_addr_equal(&c->bootstrap[i].at.addr, addr))
			return true;
	}
	return false;
}

/* Whether a first message (1200 bytes, several times) may go to an endpoint that the author of a host entry names. The
 * rule is that for candidates of peers. */
static bool may_contact(struct kith_core *c, const struct kith_host *host, const struct kith_endpoint *at)
{
	struct kith_candidates theirs = { .n = host->endpoints_n };
	struct kith_own_list ours;
	struct kith_candidate cand = { .at = *at, .kind = KITH_ADDR_HOST };
	if (configured(c, &at->addr))
		return true;
	ours.n = (uint8_t)kith_own_candidates(c, ours.list, KITH_OWN_MAX);
	for (unsigned i = 0; i < host->endpoints_n; i++)
		theirs.list[i].at = host->endpoints[i];
	bool allowed = kith_candidate_check(&cand, &theirs, &ours, kith_allowed_scopes(c)) == KITH_REFUSAL_NONE;
	if (!allowed)
		kith_stats_add(c->stats, KITH_STAT_HOSTS_REFUSED, 1);
	return allowed;
}

/* Whether a NAT64 that was not seen yet is tried: there is no home, and nobody known has IPv6, or some were tried in
 * vain. Tried sooner it would hold up who has none. */
static bool guesses_nat64(const struct kith_core *c)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		if (c->leaf.homes[i].state == KITH_HOME_ATTACHED)
			return false;
	}
	for (int i = 0; i < c->leaf.cache.n; i++) {
		struct kith_host host;
		kith_hostcache_get(&c->leaf.cache, i, &host);
		for (unsigned k = 0; k < host.endpoints_n; k++) {
			if (host.endpoints[k].addr.family == KITH_FAMILY_V6)
				return c->leaf.attempts >= KITH_HOMES;
		}
	}
	return true;
}

static uint8_t add(const struct kith_core *c, const struct kith_endpoint *at, const uint16_t *from, bool guess,
		   struct kith_hop out[KITH_HOST_ENDPOINTS_MAX], uint8_t n)
{
	struct kith_hop hop = { 0 };
	if (n == KITH_HOST_ENDPOINTS_MAX || kith_transports_reach(&c->transports, at, guess, &hop) != 0)
		return n;
	hop.transport = from != NULL ? *from : hop.transport;
	for (uint8_t i = 0; i < n; i++) {
		if (kith_hop_equal(&out[i], &hop))
			return n;
	}
	out[n] = hop;
	return (uint8_t)(n + 1);
}

/* The same address by other kinds of transport than its entry says. Not by WebSockets, nor of one that is reached by
 * them: these are reached by a URL, and the web server there is another's. */
static uint8_t add_other_kinds(const struct kith_core *c, const struct kith_endpoint *at, bool guess,
			       struct kith_hop out[KITH_HOST_ENDPOINTS_MAX], uint8_t n)
{
	for (uint16_t i = 0; at->kind != KITH_TRANSPORT_TLS && i < c->transports.n; i++) {
		const struct kith_endpoint other = { at->addr, c->transports.at[i].kind, 0 };
		if (other.kind != at->kind && other.kind != KITH_TRANSPORT_TLS)
			n = add(c, &other, NULL, guess, out, n);
	}
	return n;
}

/* In the order of the entry. guess: through a NAT64 that was not seen yet, too. */
static uint8_t collect(struct kith_core *c, const struct kith_host *host, const uint16_t *from, bool guess,
		       struct kith_hop out[KITH_HOST_ENDPOINTS_MAX])
{
	uint8_t n = 0;
	for (unsigned i = 0; i < host->endpoints_n; i++) {
		struct kith_hop any;
		if (kith_transports_reach(&c->transports, &host->endpoints[i], guess, &any) == 0 &&
		    may_contact(c, host, &host->endpoints[i]))
			n = add(c, &host->endpoints[i], from, guess, out, n);
	}
	for (unsigned i = 0; from == NULL && i < host->endpoints_n; i++) {
		if (configured(c, &host->endpoints[i].addr))
			n = add_other_kinds(c, &host->endpoints[i], guess, out, n);
	}
	return n;
}

static uint8_t kind_of(const struct kith_core *c, const struct kith_hop *hop)
{
	return kith_transports_kind(&c->transports, hop->transport);
}

/* The first way at or behind that place that counts, moved to it; the others keep their order. */
static void bring(struct kith_hop ways[], uint8_t to, uint8_t from)
{
	const struct kith_hop way = ways[from];
	for (uint8_t i = from; i > to; i--)
		ways[i] = ways[i - 1];
	ways[to] = way;
}

/* The first of the ways from 1 on that is of another family than the first, or of another kind, comes second. */
static bool bring_second(const struct kith_core *c, struct kith_hop ways[], uint8_t n, bool by_family)
{
	for (uint8_t i = 1; i < n; i++) {
		const bool kind = kind_of(c, &ways[i]) != kind_of(c, &ways[0]);
		const bool family = ways[i].remote.family != ways[0].remote.family;
		if (by_family ? family && !kind : kind) {
			bring(ways, 1, i);
			return true;
		}
	}
	return false;
}

/* Through a NAT64, too. */
static bool is_ipv4(const struct kith_hop *way)
{
	return way->remote.family == KITH_FAMILY_V4 || kith_nat64_is(&way->remote);
}

/* IPv4 of the same kind comes before IPv6. */
static void bring_ipv4(const struct kith_core *c, struct kith_hop ways[], uint8_t n)
{
	for (uint8_t i = 0; i < n; i++) {
		if (is_ipv4(&ways[i]) && kind_of(c, &ways[i]) == kind_of(c, &ways[0])) {
			bring(ways, 0, i);
			return;
		}
	}
}

uint8_t kith_ways_to(struct kith_core *c, const struct kith_host *host, const uint16_t *from,
		     struct kith_hop out[KITH_HOST_ENDPOINTS_MAX])
{
	uint8_t n = collect(c, host, from, guesses_nat64(c), out), speaking = 0;
	for (uint8_t i = 0; i < n; i++) {
		if (!kith_transports_is_mute(&c->transports, out[i].transport))
			bring(out, speaking++, i);
	}
	if (!kith_serves(c))
		bring_ipv4(c, out, speaking);
	if (!bring_second(c, out, speaking, true))
		(void)bring_second(c, out, n, false);
	return n;
}

uint8_t kith_ways_better(struct kith_core *c, const struct kith_host *host, const struct kith_hop *than,
			 struct kith_hop out[KITH_HOST_ENDPOINTS_MAX])
{
	const bool costly = kith_transports_cost(&c->transports, than->transport) > 0, wants_ipv4 = !is_ipv4(than);
	uint8_t better = 0, n = costly || wants_ipv4 ? collect(c, host, NULL, true, out) : 0;
	for (uint8_t i = 0; i < n; i++) {
		if (kith_transports_cost(&c->transports, out[i].transport) == 0 && (costly || is_ipv4(&out[i])))
			out[better++] = out[i];
	}
	return better;
}

bool kith_ways_transport(const struct kith_core *c, const struct kith_host *host, uint16_t *out)
{
	struct kith_hop best = { 0 };
	bool found = false;
	for (uint8_t i = 0; i < host->endpoints_n; i++) {
		struct kith_hop hop = { 0 };
		if (kith_transports_reach(&c->transports, &host->endpoints[i], false, &hop) != 0)
			continue;
		const bool mute = kith_transports_is_mute(&c->transports, hop.transport),
			   before = found && kith_transports_is_mute(&c->transports, best.transport);
		const bool ipv4 =
			!kith_serves(c) && is_ipv4(&hop) && !is_ipv4(&best) && kind_of(c, &hop) == kind_of(c, &best);
		if (!found || (before && !mute) || (before == mute && ipv4))
			best = hop;
		found = true;
	}
	*out = found ? best.transport : *out;
	return found;
}

bool kith_ways_silent(const struct kith_session *s)
{
	return s->state == KITH_SESSION_INITIATING && s->hs != NULL && !s->hs->answered;
}

/* Somebody is reached over that transport. */
static bool is_used(struct kith_core *c, uint16_t transport)
{
	uint32_t it = 0;
	const struct kith_session *s;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		const struct kith_path *p = s->state == KITH_SESSION_OPEN ? kith_pathset_sending(&s->paths) : NULL;
		if (p != NULL && p->hop.transport == transport && p->state == KITH_PATH_LIVE)
			return true;
	}
	return false;
}

void kith_ways_answered(struct kith_core *c, const struct kith_handshake *hs, const struct kith_hop *from)
{
	uint16_t first = hs->ways[0].transport;
	if (from->tunnel != 0)
		return;
	kith_transports_mute(&c->transports, from->transport, false);
	/* A supernode has more sessions than are looked through for this. */
	if (hs->ways_n > 1 && hs->tries > 1 && first != from->transport && !kith_serves(c) && !is_used(c, first))
		kith_transports_mute(&c->transports, first, true);
}

int kith_ways_other(const struct kith_core *c, const struct kith_handshake *hs)
{
	for (int i = 0; i < hs->ways_n; i++) {
		if (kind_of(c, &hs->ways[i]) != kind_of(c, &hs->ways[hs->way]))
			return i;
	}
	return -1;
}
