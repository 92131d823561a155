/* Tunnels of the forwarding table in an order: that in which they were used, or will end.
 *
 * Never: a tunnel in two orders.
 */
#ifndef KITH_RELAY_ORDER_H
#define KITH_RELAY_ORDER_H

#include "relay/fwd.h"

#define KITH_ORDER_END UINT32_MAX

static inline void kith_order_append(struct kith_fwd *fwd, struct kith_fwd_list *l, uint32_t i)
{
	struct kith_fwd_tunnel *t = &fwd->tunnels[i];
	t->next = KITH_ORDER_END;
	t->prev = l->tail;
	if (l->tail != KITH_ORDER_END)
		fwd->tunnels[l->tail].next = i;
	else
		l->head = i;
	l->tail = i;
}

static inline void kith_order_remove(struct kith_fwd *fwd, struct kith_fwd_list *l, uint32_t i)
{
	struct kith_fwd_tunnel *t = &fwd->tunnels[i];
	if (t->prev != KITH_ORDER_END)
		fwd->tunnels[t->prev].next = t->next;
	else
		l->head = t->next;
	if (t->next != KITH_ORDER_END)
		fwd->tunnels[t->next].prev = t->prev;
	else
		l->tail = t->prev;
}

#endif
