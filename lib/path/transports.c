#include "path/transports.h"

#include <string.h>

#include <kith/err.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "path/nat64.h"

enum { FIRST = 1, TCP_LOCALS = 3 };

int kith_transports_init(struct kith_transports *ts, const struct kith_alloc *alloc)
{
	*ts = (struct kith_transports){ .alloc = alloc, .cap = FIRST, .locals_cap = FIRST };
	ts->at = KITH_NEW_ARRAY(alloc, struct kith_transport_kept, FIRST);
	ts->locals = KITH_NEW_ARRAY(alloc, struct kith_local, FIRST);
	if (ts->at != NULL && ts->locals != NULL)
		return 0;
	kith_transports_deinit(ts);
	return KITH_ENOMEM;
}

void kith_transports_deinit(struct kith_transports *ts)
{
	if (ts->alloc != NULL) {
		KITH_FREE_ARRAY(ts->alloc, ts->at, ts->cap);
		KITH_FREE_ARRAY(ts->alloc, ts->locals, ts->locals_cap);
	}
	*ts = (struct kith_transports){ .alloc = ts->alloc };
}

static uint16_t find(const struct kith_transports *ts, uint16_t id)
{
	uint16_t i = 0;
	while (i < ts->n && ts->at[i].id != id)
		i++;
	return i;
}

/* Where the local addresses of the transport at i begin. */
static size_t locals_at(const struct kith_transports *ts, uint16_t i)
{
	size_t at = 0;
	for (uint16_t k = 0; k < i; k++)
		at += ts->at[k].locals_n;
	return at;
}

bool kith_transports_get(const struct kith_transports *ts, uint16_t id, struct kith_transport *out)
{
	uint16_t i = find(ts, id);
	if (i == ts->n)
		return false;
	const struct kith_transport_kept *t = &ts->at[i];
	*out = (struct kith_transport){ .id = t->id,
					.kind = t->kind,
					.family = t->family,
					.purpose = t->purpose,
					.cost_ms = t->cost_ms,
					.up = t->up,
					.effect = t->effect,
					.remote = t->remote,
					.locals_n = t->locals_n };
	memcpy(out->locals, &ts->locals[locals_at(ts, i)], t->locals_n * sizeof out->locals[0]);
	return true;
}

uint8_t kith_transports_cost(const struct kith_transports *ts, uint16_t id)
{
	const uint16_t i = find(ts, id);
	return i < ts->n ? ts->at[i].cost_ms : 0;
}

uint8_t kith_transports_kind(const struct kith_transports *ts, uint16_t id)
{
	uint16_t i = find(ts, id);
	return i < ts->n ? ts->at[i].kind : KITH_TRANSPORT_NONE;
}

bool kith_transports_is_for_homes(const struct kith_transports *ts, uint16_t id)
{
	uint16_t i = find(ts, id);
	return i < ts->n && ts->at[i].purpose == KITH_PURPOSE_HOMES;
}

bool kith_transports_is_relayed(const struct kith_transports *ts, uint16_t id)
{
	uint16_t i = find(ts, id);
	return i < ts->n && ts->at[i].purpose == KITH_PURPOSE_RELAYED;
}

bool kith_transports_relayed(const struct kith_transports *ts, uint8_t family, uint16_t *id)
{
	for (uint16_t i = 0; i < ts->n; i++) {
		const struct kith_transport_kept *t = &ts->at[i];
		if (t->purpose != KITH_PURPOSE_RELAYED || !t->up || t->family != family)
			continue;
		*id = t->id;
		return true;
	}
	return false;
}

bool kith_transports_moves_with(const struct kith_transports *ts, uint16_t id, uint16_t other)
{
	uint16_t i = find(ts, id), k = find(ts, other);
	return id == other || (i < ts->n && k < ts->n && ts->at[i].purpose == KITH_PURPOSE_PUNCH &&
			       ts->at[i].kind == ts->at[k].kind && ts->at[i].family == ts->at[k].family);
}

static int grow(struct kith_transports *ts)
{
	if (ts->n == KITH_TRANSPORTS_MAX)
		return KITH_EFULL;
	if (ts->n < ts->cap)
		return 0;
	/* Half as many again: those that are opened to measure a NAT are nine in all. */
	uint16_t cap = (uint16_t)(ts->cap + (ts->cap > 1 ? ts->cap / 2 : 1));
	struct kith_transport_kept *at = kith_alloc_resize(ts->alloc, ts->at, ts->cap * sizeof *at, cap * sizeof *at);
	if (at == NULL)
		return KITH_ENOMEM;
	ts->at = at;
	ts->cap = cap;
	return 0;
}

/* What many transports took is given back when they are closed. */
static void shrink(struct kith_transports *ts)
{
	enum { FEW = 2 };
	const uint16_t cap = (uint16_t)(ts->n < FEW ? FEW : ts->n),
		       locals = (uint16_t)(ts->locals_n + (ts->locals_n == 0));
	if (ts->cap <= 4 * cap)
		return;
	struct kith_transport_kept *at = kith_alloc_resize(ts->alloc, ts->at, ts->cap * sizeof *at, cap * sizeof *at);
	struct kith_local *l = kith_alloc_resize(ts->alloc, ts->locals, ts->locals_cap * sizeof *l, locals * sizeof *l);
	if (at != NULL) {
		ts->at = at;
		ts->cap = cap;
	}
	if (l != NULL) {
		ts->locals = l;
		ts->locals_cap = locals;
	}
}

/* Makes n of the local addresses of the transport at i, which had `had`; they are to be written by the caller. */
static int resize_locals(struct kith_transports *ts, uint16_t i, size_t had, size_t n)
{
	const size_t all = ts->locals_n - had + n;
	if (all > ts->locals_cap) {
		struct kith_local *l =
			kith_alloc_resize(ts->alloc, ts->locals, ts->locals_cap * sizeof *l, all * sizeof *l);
		if (l == NULL)
			return KITH_ENOMEM;
		ts->locals = l;
		ts->locals_cap = (uint16_t)all;
	}
	struct kith_local *l = &ts->locals[locals_at(ts, i)];
	memmove(l + n, l + had, (size_t)(ts->locals + ts->locals_n - (l + had)) * sizeof *l);
	ts->locals_n = (uint16_t)all;
	return 0;
}

int kith_transports_set(struct kith_transports *ts, const struct kith_transport *t)
{
	uint16_t i = find(ts, t->id);
	const bool known = i < ts->n;
	const size_t had = known ? ts->at[i].locals_n : 0;
	if (t->kind == KITH_TRANSPORT_NONE || t->locals_n > KITH_LOCALS_MAX || (t->up && t->closed) ||
	    t->cost_ms > KITH_TRANSPORT_COST_MAX_MS || (t->family != KITH_FAMILY_V4 && t->family != KITH_FAMILY_V6))
		return KITH_EINVAL;
	kith_transports_mute(ts, t->id, false);
	if (t->family == KITH_FAMILY_V6 && t->purpose == KITH_PURPOSE_ANY)
		ts->nat64 = false; /* another network, perhaps */
	if (t->purpose == KITH_PURPOSE_LAN && t->id >= 16)
		return KITH_EINVAL;
	if (t->closed && !known)
		return 0;
	int err = known ? 0 : grow(ts);
	if (err == 0)
		err = resize_locals(ts, i, had, t->closed ? 0 : t->locals_n);
	if (err != 0)
		return err;
	const uint16_t lan = t->id < 16 ? (uint16_t)(1u << t->id) : 0;
	ts->lan = (uint16_t)(!t->closed && t->purpose == KITH_PURPOSE_LAN ? ts->lan | lan : ts->lan & ~lan);
	if (t->closed) {
		ts->n--;
		memmove(&ts->at[i], &ts->at[i + 1], (size_t)(ts->n - i) * sizeof ts->at[0]);
		shrink(ts);
		return 0;
	}
	ts->at[i] = (struct kith_transport_kept){ .remote = t->remote,
						  .effect = t->effect,
						  .id = t->id,
						  .kind = t->kind,
						  .family = t->family,
						  .purpose = t->purpose,
						  .locals_n = (uint8_t)t->locals_n,
						  .cost_ms = t->cost_ms,
						  .up = t->up };
	memcpy(&ts->locals[locals_at(ts, i)], t->locals, t->locals_n * sizeof t->locals[0]);
	ts->n = (uint16_t)(ts->n + !known);
	return 0;
}

/* The next local address from *i on that is, or is not, mapped; NULL: there is none. */
static const struct kith_local *next_local(const struct kith_transport *t, size_t *i, bool mapped)
{
	while (*i < t->locals_n && (t->locals[*i].kind == KITH_ADDR_MAPPED) != mapped)
		(*i)++;
	return *i < t->locals_n ? &t->locals[(*i)++] : NULL;
}

static bool same_locals(const struct kith_transport *a, const struct kith_transport *b, bool mapped)
{
	const struct kith_local *x, *y;
	size_t i = 0, k = 0;
	do {
		x = next_local(a, &i, mapped);
		y = next_local(b, &k, mapped);
	} while (x != NULL && y != NULL && kith_addr_equal(&x->addr, &y->addr) && x->prefix_bits == y->prefix_bits);
	return x == NULL && y == NULL;
}

bool kith_transports_only_mapped(const struct kith_transport *before, const struct kith_transport *t)
{
	return before->up && t->up && same_locals(before, t, false) && !same_locals(before, t, true);
}

/* ---- which one is mute ---- */

static uint16_t mute_bit(uint16_t id)
{
	return id < 16 ? (uint16_t)(1u << id) : 0;
}

void kith_transports_mute(struct kith_transports *ts, uint16_t id, bool mute)
{
	ts->mute = (uint16_t)(mute ? ts->mute | mute_bit(id) : ts->mute & ~mute_bit(id));
}

bool kith_transports_is_mute(const struct kith_transports *ts, uint16_t id)
{
	return (ts->mute & mute_bit(id)) != 0;
}

bool kith_transports_has_udp(const struct kith_transports *ts)
{
	for (uint16_t i = 0; i < ts->n; i++) {
		const struct kith_transport_kept *t = &ts->at[i];
		if (t->up && t->purpose == KITH_PURPOSE_ANY && t->kind == KITH_TRANSPORT_UDP &&
		    !kith_transports_is_mute(ts, t->id))
			return true;
	}
	return false;
}

/* ---- which one reaches an endpoint ---- */

static bool reaches(const struct kith_transport_kept *t, const struct kith_endpoint *to)
{
	bool any = t->purpose == KITH_PURPOSE_ANY || t->purpose == KITH_PURPOSE_OUT || t->purpose == KITH_PURPOSE_HOMES;
	if (!t->up || !any || t->kind != to->kind || t->family != to->addr.family)
		return false;
	return t->remote.family == KITH_FAMILY_NONE || kith_addr_equal(&t->remote, &to->addr);
}

/* How many bits of the address are the network of one of the transport's interfaces; 0: of none. */
static unsigned nearness(const struct kith_transports *ts, uint16_t i, const struct kith_addr *addr)
{
	unsigned most = 0;
	const size_t from = locals_at(ts, i);
	for (size_t k = from; k < from + ts->at[i].locals_n; k++) {
		const struct kith_local *l = &ts->locals[k];
		unsigned bits = kith_prefix_bits(addr->family, l->prefix_bits);
		if (l->kind == KITH_ADDR_HOST && bits > most && kith_addr_same_prefix(&l->addr, addr, bits))
			most = bits;
	}
	return most;
}

int kith_transports_for(const struct kith_transports *ts, const struct kith_endpoint *to, uint16_t *id)
{
	const struct kith_transport_kept *best = NULL;
	unsigned best_near = 0;
	for (uint16_t i = 0; i < ts->n; i++) {
		if (!reaches(&ts->at[i], to))
			continue;
		unsigned near = nearness(ts, i, &to->addr);
		if (best == NULL || near > best_near) {
			best = &ts->at[i];
			best_near = near;
		}
	}
	if (best == NULL)
		return KITH_ENOENT;
	*id = best->id;
	return 0;
}

int kith_transports_reach(const struct kith_transports *ts, const struct kith_endpoint *to, bool guess,
			  struct kith_hop *hop)
{
	struct kith_endpoint wrapped = *to;
	hop->remote = to->addr;
	if (kith_transports_for(ts, to, &hop->transport) == 0)
		return 0;
	if ((!ts->nat64 && !guess) || !kith_nat64_wrap(&wrapped.addr) ||
	    kith_transports_for(ts, &wrapped, &hop->transport) != 0)
		return KITH_ENOENT;
	hop->remote = wrapped.addr;
	return 0;
}

void kith_transports_reached(struct kith_transports *ts, const struct kith_addr *remote)
{
	ts->nat64 = ts->nat64 || kith_nat64_is(remote);
}

/* ---- those of the link ---- */

bool kith_transports_next(const struct kith_transports *ts, uint8_t purpose, uint16_t *i, struct kith_transport *out)
{
	while (*i < ts->n) {
		const struct kith_transport_kept *t = &ts->at[(*i)++];
		if (t->up && t->purpose == purpose && t->kind == KITH_TRANSPORT_UDP)
			return kith_transports_get(ts, t->id, out);
	}
	return false;
}

bool kith_transports_on_link(const struct kith_transports *ts, const struct kith_addr *addr)
{
	for (uint16_t i = 0; i < ts->n; i++) {
		if (ts->at[i].up && nearness(ts, i, addr) > 0)
			return true;
	}
	return false;
}

/* ---- where we may be reachable ---- */

/* A few bits are enough: two addresses that share them are both named a little earlier. */
static uint8_t short_of(const struct kith_addr *addr)
{
	uint32_t h = 2166136261U ^ addr->family;
	for (size_t i = 0; i < sizeof addr->ip; i++)
		h = (h ^ addr->ip[i]) * 16777619U;
	const uint8_t folded = (uint8_t)(h >> 24 ^ h >> 12 ^ h);
	return folded == 0 ? 1 : folded;
}

static bool has_met(const struct kith_transports *ts, uint8_t what)
{
	for (size_t i = 0; i < KITH_TRANSPORTS_MET; i++) {
		if (ts->met[i] == what)
			return true;
	}
	return false;
}

static bool is_own(const struct kith_transports *ts, const struct kith_addr *addr)
{
	for (uint16_t i = 0; i < ts->locals_n; i++) {
		const struct kith_local *l = &ts->locals[i];
		if (l->kind == KITH_ADDR_HOST && l->addr.family == addr->family &&
		    memcmp(l->addr.ip, addr->ip, sizeof addr->ip) == 0)
			return true;
	}
	return false;
}

void kith_transports_met(struct kith_transports *ts, const struct kith_addr *addr)
{
	const uint8_t what = short_of(addr);
	if (has_met(ts, what) || !is_own(ts, addr))
		return;
	memmove(&ts->met[1], &ts->met[0], sizeof ts->met - sizeof ts->met[0]);
	ts->met[0] = what;
}

static void add(struct kith_candidate out[], size_t n, size_t *used, const struct kith_transport_kept *t,
		const struct kith_addr *addr, uint8_t kind, uint8_t prefix_bits)
{
	struct kith_candidate c = {
		.at = { *addr, t->kind, 0 }, .transport = t->id, .kind = kind, .prefix_bits = prefix_bits
	};
	for (size_t i = 0; i < *used; i++) {
		if (kith_endpoint_equal(&out[i].at, &c.at))
			return;
	}
	if (*used < n)
		out[(*used)++] = c;
}

/* Others can reach it: it is no connection, not for ways out only, nor one of the many of a punch. */
static bool takes_strangers(const struct kith_transport_kept *t)
{
	return t->up &&
	       (t->purpose == KITH_PURPOSE_ANY || t->purpose == KITH_PURPOSE_IN ||
		t->purpose == KITH_PURPOSE_RELAYED) &&
	       t->remote.family == KITH_FAMILY_NONE && kith_endpoint_kind_known(t->kind);
}

bool kith_transports_listens(const struct kith_transports *ts, uint8_t kind, uint8_t family)
{
	for (uint16_t i = 0; i < ts->n; i++) {
		if (ts->at[i].kind == kind && ts->at[i].family == family && takes_strangers(&ts->at[i]))
			return true;
	}
	return false;
}

static bool may_offer(const struct kith_addr *addr, bool loopback)
{
	enum kith_addr_scope scope = kith_addr_scope(addr);
	return scope == KITH_SCOPE_PRIVATE || scope == KITH_SCOPE_PUBLIC || (scope == KITH_SCOPE_LOOPBACK && loopback);
}

/* Where a NAT shows us, our port of TCP may be forwarded to us, by the hand of whoever has the router. */
static void add_forwarded(const struct kith_transports *ts, const struct kith_seen seen[], size_t seen_n,
			  struct kith_candidate out[], size_t n, size_t *used)
{
	size_t from = 0;
	for (uint16_t i = 0; i < ts->n; from += ts->at[i++].locals_n) {
		const struct kith_transport_kept *t = &ts->at[i];
		size_t k = 0;
		if (t->kind != KITH_TRANSPORT_TCP || t->family != KITH_FAMILY_V4 || !takes_strangers(t) ||
		    t->locals_n == 0 || ts->locals[from].kind != KITH_ADDR_HOST ||
		    kith_addr_scope(&ts->locals[from].addr) != KITH_SCOPE_PRIVATE)
			continue;
		while (k < seen_n &&
		       (seen[k].addr.family != KITH_FAMILY_V4 || kith_addr_scope(&seen[k].addr) != KITH_SCOPE_PUBLIC))
			k++;
		if (k == seen_n)
			continue;
		struct kith_addr at = seen[k].addr;
		at.port = ts->locals[from].addr.port;
		add(out, n, used, t, &at, KITH_ADDR_PREDICTED, 0);
	}
}

size_t kith_transports_candidates(const struct kith_transports *ts, const struct kith_seen seen[], size_t seen_n,
				  bool loopback, struct kith_candidate out[], size_t n)
{
	size_t used = 0;
	for (size_t i = 0; i < seen_n; i++) {
		const uint16_t at = find(ts, seen[i].transport);
		if (seen[i].addr.family != KITH_FAMILY_NONE && at < ts->n && takes_strangers(&ts->at[at]) &&
		    ts->at[at].kind != KITH_TRANSPORT_TCP && ts->at[at].purpose != KITH_PURPOSE_RELAYED)
			add(out, n, &used, &ts->at[at], &seen[i].addr, KITH_ADDR_OBSERVED, 0);
	}
	KITH_ASSERT(ts->n == 0 || ts->at != NULL);
	/* One of each in turn: a transport with many addresses does not crowd the others out. */
	for (size_t k = 0; k < KITH_LOCALS_MAX; k++) {
		size_t from = 0;
		for (uint16_t i = 0; i < ts->n; from += ts->at[i++].locals_n) {
			const struct kith_transport_kept *t = &ts->at[i];
			if (!takes_strangers(t) || k >= t->locals_n ||
			    (t->kind == KITH_TRANSPORT_TCP && k >= TCP_LOCALS))
				continue;
			const struct kith_local *l = &ts->locals[from + k];
			if (may_offer(&l->addr, loopback))
				add(out, n, &used, t, &l->addr, l->kind, l->prefix_bits);
			if (used > 0 && l->kind == KITH_ADDR_HOST && kith_addr_equal(&out[used - 1].at.addr, &l->addr))
				out[used - 1].worked = has_met(ts, short_of(&l->addr));
		}
	}
	add_forwarded(ts, seen, seen_n, out, n, &used);
	return used;
}
