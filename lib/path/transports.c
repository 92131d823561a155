#include "path/transports.h"

#include <kith/err.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"

enum { FIRST = 1 };

int kith_transports_init(struct kith_transports *ts, const struct kith_alloc *alloc)
{
	*ts = (struct kith_transports){ .alloc = alloc, .at = KITH_NEW_ARRAY(alloc, struct kith_transport, FIRST) };
	if (ts->at == NULL)
		return KITH_ENOMEM;
	ts->cap = FIRST;
	return 0;
}

void kith_transports_deinit(struct kith_transports *ts)
{
	if (ts->alloc != NULL)
		KITH_FREE_ARRAY(ts->alloc, ts->at, ts->cap);
	ts->at = NULL;
	ts->n = ts->cap = 0;
}

static uint16_t find(const struct kith_transports *ts, uint16_t id)
{
	uint16_t i = 0;
	while (i < ts->n && ts->at[i].id != id)
		i++;
	return i;
}

const struct kith_transport *kith_transports_get(const struct kith_transports *ts, uint16_t id)
{
	uint16_t i = find(ts, id);
	return i < ts->n ? &ts->at[i] : NULL;
}

uint8_t kith_transports_kind(const struct kith_transports *ts, uint16_t id)
{
	uint16_t i = find(ts, id);
	return i < ts->n ? ts->at[i].kind : KITH_TRANSPORT_NONE;
}

static int grow(struct kith_transports *ts)
{
	if (ts->n == KITH_TRANSPORTS_MAX)
		return KITH_EFULL;
	if (ts->n < ts->cap)
		return 0;
	uint16_t cap = (uint16_t)(2 * ts->cap);
	struct kith_transport *at = kith_alloc_resize(ts->alloc, ts->at, ts->cap * sizeof *at, cap * sizeof *at);
	if (at == NULL)
		return KITH_ENOMEM;
	ts->at = at;
	ts->cap = cap;
	return 0;
}

int kith_transports_set(struct kith_transports *ts, const struct kith_transport *t)
{
	uint16_t i = find(ts, t->id);
	if (t->kind == KITH_TRANSPORT_NONE || t->locals_n > KITH_LOCALS_MAX || (t->up && t->closed) ||
	    t->cost_ms > KITH_TRANSPORT_COST_MAX_MS || (t->family != KITH_FAMILY_V4 && t->family != KITH_FAMILY_V6))
		return KITH_EINVAL;
	kith_transports_mute(ts, t->id, false);
	if (t->closed) {
		if (i < ts->n) {
			ts->n--;
			memmove(&ts->at[i], &ts->at[i + 1], (size_t)(ts->n - i) * sizeof ts->at[0]);
		}
		return 0;
	}
	int err = i == ts->n ? grow(ts) : 0;
	if (err != 0)
		return err;
	ts->at[i] = *t;
	ts->n = (uint16_t)(ts->n + (i == ts->n));
	return 0;
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

/* ---- which one reaches an endpoint ---- */

static bool reaches(const struct kith_transport *t, const struct kith_endpoint *to)
{
	bool any = t->purpose == KITH_PURPOSE_ANY || t->purpose == KITH_PURPOSE_OUT;
	if (!t->up || !any || t->kind != to->kind || t->family != to->addr.family)
		return false;
	return t->remote.family == KITH_FAMILY_NONE || kith_addr_equal(&t->remote, &to->addr);
}

/* How many bits of the address are the network of one of the transport's interfaces; 0: of none. */
static unsigned nearness(const struct kith_transport *t, const struct kith_addr *addr)
{
	unsigned most = 0;
	for (size_t i = 0; i < t->locals_n; i++) {
		const struct kith_local *l = &t->locals[i];
		unsigned bits = kith_prefix_bits(addr->family, l->prefix_bits);
		if (l->kind == KITH_ADDR_HOST && bits > most && kith_addr_same_prefix(&l->addr, addr, bits))
			most = bits;
	}
	return most;
}

int kith_transports_for(const struct kith_transports *ts, const struct kith_endpoint *to, uint16_t *id)
{
	const struct kith_transport *best = NULL;
	unsigned best_near = 0;
	for (uint16_t i = 0; i < ts->n; i++) {
		if (!reaches(&ts->at[i], to))
			continue;
		unsigned near = nearness(&ts->at[i], &to->addr);
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

/* ---- where we may be reachable ---- */

static void add(struct kith_candidate out[], size_t n, size_t *used, const struct kith_transport *t,
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
static bool takes_strangers(const struct kith_transport *t)
{
	return t->up && t->purpose == KITH_PURPOSE_ANY && t->remote.family == KITH_FAMILY_NONE &&
	       kith_endpoint_kind_known(t->kind);
}

static bool may_offer(const struct kith_addr *addr, bool loopback)
{
	enum kith_addr_scope scope = kith_addr_scope(addr);
	return scope == KITH_SCOPE_PRIVATE || scope == KITH_SCOPE_PUBLIC || (scope == KITH_SCOPE_LOOPBACK && loopback);
}

size_t kith_transports_candidates(const struct kith_transports *ts, const struct kith_seen seen[], size_t seen_n,
				  bool loopback, struct kith_candidate out[], size_t n)
{
	size_t used = 0;
	for (size_t i = 0; i < seen_n; i++) {
		const struct kith_transport *t = kith_transports_get(ts, seen[i].transport);
		if (seen[i].addr.family != KITH_FAMILY_NONE && t != NULL && takes_strangers(t))
			add(out, n, &used, t, &seen[i].addr, KITH_ADDR_OBSERVED, 0);
	}
	KITH_ASSERT(ts->n == 0 || ts->at != NULL);
	for (uint16_t i = 0; i < ts->n; i++) {
		const struct kith_transport *t = &ts->at[i];
		for (size_t k = 0; takes_strangers(t) && k < t->locals_n; k++) {
			const struct kith_local *l = &t->locals[k];
			if (may_offer(&l->addr, loopback))
				add(out, n, &used, t, &l->addr, l->kind, l->prefix_bits);
		}
	}
	return used;
}
