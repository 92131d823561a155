#include "path/connections.h"

#include "base/addr.h"

bool kith_connections_named(const struct kith_candidates *cs)
{
	for (unsigned i = 0; i < cs->n; i++) {
		if (kith_connections_takes(&cs->list[i]))
			return true;
	}
	return false;
}

/* One that is reached from everywhere; what is predicted may be no more than hope. */
static bool names(const struct kith_candidates *cs, enum kith_transport_kind kind)
{
	for (unsigned i = 0; i < cs->n; i++) {
		if (cs->list[i].at.kind == kind && cs->list[i].kind != KITH_ADDR_PREDICTED &&
		    cs->list[i].kind != KITH_ADDR_RELAYED && kith_addr_scope(&cs->list[i].at.addr) == KITH_SCOPE_PUBLIC)
			return true;
	}
	return false;
}

bool kith_connections_open(const struct kith_candidates *cs)
{
	return names(cs, KITH_TRANSPORT_TCP);
}

/* Whether one of them is on a network of ours, or on this very machine. */
static bool is_beside(const struct kith_candidates *cs, const struct kith_transports *ours)
{
	for (unsigned i = 0; i < cs->n; i++) {
		const struct kith_candidate *c = &cs->list[i];
		if (c->at.kind == KITH_TRANSPORT_UDP && c->kind != KITH_ADDR_PREDICTED &&
		    c->kind != KITH_ADDR_RELAYED &&
		    (kith_addr_scope(&c->at.addr) == KITH_SCOPE_LOOPBACK || kith_transports_on_link(ours, &c->at.addr)))
			return true;
	}
	return false;
}

bool kith_connections_alone(const struct kith_candidates *theirs, const struct kith_transports *ours)
{
	if (ours != NULL && !kith_transports_has_udp(ours))
		return true;
	return !names(theirs, KITH_TRANSPORT_UDP) && (ours == NULL || !is_beside(theirs, ours));
}

static bool may_again(const struct kith_connection_tried *t, kith_time_us now)
{
	return now - t->when >= (t->tries >= KITH_CONNECT_TRIES ? KITH_CONNECT_REST_US : KITH_CONNECT_AGAIN_US);
}

int kith_connections_place(const struct kith_connections *cs, const struct kith_addr *at, kith_time_us now)
{
	int place = -1;
	for (int i = 0; i < KITH_CONNECT_ADDRESSES; i++) {
		const struct kith_connection_tried *t = &cs->tried[i];
		if (t->when != 0 && kith_addr_equal(&t->at, at))
			return may_again(t, now) ? i : -1;
		if (t->when != 0 && now - t->when < KITH_CONNECT_AGAIN_US)
			continue;
		if (place < 0 || t->when < cs->tried[place].when)
			place = i;
	}
	return place;
}

void kith_connections_note(struct kith_connections *cs, int place, const struct kith_addr *at, kith_time_us now)
{
	struct kith_connection_tried *t = &cs->tried[place];
	const bool same = t->when != 0 && kith_addr_equal(&t->at, at);
	t->tries = (uint8_t)(same ? t->tries % KITH_CONNECT_TRIES + 1 : 1);
	t->at = *at;
	t->when = now;
}
