/* Between the core and the sockets: packets in, and out what the core has ready: events and packets.
 *
 * What is drained is copied (events) or handed on (packets), as it may lie in buffers that the next receive uses again.
 * Nothing here calls the application: that is the pump's, later in the same turn of the loop.
 */
#include "host/internal.h"

#include <string.h>

#include "base/alloc.h"

/* ---- events ---- */

static bool room_for_event(struct kith_node *node)
{
	if (node->events_n < node->events_cap)
		return true;
	size_t cap = node->events_cap == 0 ? 16 : node->events_cap * 2;
	void *p = kith_alloc_resize(node->alloc, node->events, node->events_cap * sizeof *node->events,
				    cap * sizeof *node->events);
	if (p == NULL)
		return false;
	node->events = p;
	node->events_cap = cap;
	return true;
}

static bool room_for_data(struct kith_node *node, size_t len)
{
	if (node->event_data_cap - node->event_data_len >= len)
		return true;
	size_t cap = node->event_data_cap == 0 ? 4096 : node->event_data_cap;
	while (cap - node->event_data_len < len)
		cap *= 2;
	void *p = kith_alloc_resize(node->alloc, node->event_data, node->event_data_cap, cap);
	if (p == NULL)
		return false;
	node->event_data = p;
	node->event_data_cap = cap;
	return true;
}

static void collect_events(struct kith_node *node)
{
	struct kith_event ev;
	while (kith_core_event(node->core, &ev)) {
		if (!room_for_event(node) || !room_for_data(node, ev.data.len)) {
			node->stats.counter[KITH_STAT_EVENTS_DROPPED]++;
			continue;
		}
		struct kith_pending_event *p = &node->events[node->events_n++];
		p->event = ev;
		p->data_at = node->event_data_len;
		if (ev.data.len > 0)
			memcpy(node->event_data + node->event_data_len, ev.data.p, ev.data.len);
		node->event_data_len += ev.data.len;
	}
}

void kith_exchange_rest(struct kith_node *node)
{
	if (node->events_n > 0 || !kith_thrift_used(&node->thrift, kith_node_now(node).mono_us))
		return;
	kith_shared_rest(node->shared);
	KITH_FREE_ARRAY(node->alloc, node->events, node->events_cap);
	kith_alloc_free(node->alloc, node->event_data, node->event_data_cap);
	node->events = NULL;
	node->event_data = NULL;
	node->events_cap = node->event_data_cap = node->event_data_len = 0;
}

/* ---- out ---- */

bool kith_exchange_blocked(const struct kith_node *node)
{
	const struct kith_socket *s;
	for (uint16_t it = 0; (s = kith_socket_next(node, &it)) != NULL;)
		if (s->blocked)
			return true;
	return false;
}

static void send_by(struct kith_socket *s, const struct kith_packet packets[], size_t n)
{
	s->blocked = s->carrier->send(s->self, packets, n);
}

/* Hands a batch to its sockets; neighbours for the same one together, in one call. */
static void send_batch(struct kith_node *node, struct kith_packet packets[], size_t n)
{
	for (size_t at = 0; at < n;) {
		uint16_t transport = packets[at].transport;
		size_t run = 1;
		while (at + run < n && packets[at + run].transport == transport)
			run++;
		struct kith_socket *s = kith_socket_find(node, transport);
		if (s != NULL && s->self != NULL)
			send_by(s, &packets[at], run);
		at += run;
	}
}

/* What could not be sent, and where to, is told to the core. */
static void report_errors(struct kith_node *node)
{
	struct kith_socket *s;
	for (uint16_t it = 0; (s = kith_socket_next(node, &it)) != NULL;) {
		struct kith_carrier_error e = { .err = 0 };
		while (s->self != NULL && s->carrier->error(s->self, &e)) {
			if (e.err == KITH_EMSGSIZE) { /* they go in fragments now */
				kith_plight_mtu(node, &e.remote);
				continue;
			}
			if (e.by_proxy)
				kith_plight_proxy(node, e.err);
			if (e.why != NULL)
				kith_plight_web(node, &e);
			kith_core_send_error(node->core, kith_node_now(node), s->id, &e.remote, e.err);
			kith_interface_watch_hint(&node->watch);
			kith_node_touch(node);
		}
	}
}

/* Packets: batch after batch, until the core has none. */
static void send_packets(struct kith_node *node)
{
	struct kith_packet packets[KITH_HOST_BATCH];
	size_t n;
	while ((n = kith_core_poll(node->core, kith_node_now(node), packets, KITH_HOST_BATCH)) > 0)
		send_batch(node, packets, n);
}

void kith_exchange_flush(struct kith_node *node)
{
	collect_events(node); /* first, as they may borrow from what came in */
	send_packets(node);
}

void kith_exchange_drain(struct kith_node *node)
{
	kith_exchange_flush(node);
	report_errors(node);
}

/* ---- in ---- */

static void receive(struct kith_socket *s)
{
	struct kith_node *node = s->node;
	struct kith_packet packets[KITH_HOST_BATCH];
	for (int batch = 0; batch < KITH_HOST_BATCHES; batch++) {
		int got = s->carrier->receive(s->self, packets, KITH_HOST_BATCH);
		if (got <= 0)
			return; /* nothing, or no memory now, or broken: the pump looks after that */
		size_t n = kith_node_stun_take(s, packets, (size_t)got);
		if (n > 0)
			kith_core_input(node->core, kith_node_now(node), packets, n);
		/* Before the buffers are used again: what is relayed, and what events tell, lies in them. */
		kith_exchange_drain(node);
		if (got < KITH_HOST_BATCH / 8)
			return; /* probably all; if not, the loop comes back */
	}
}

/* Connections whose datagrams had to wait for our queue are told, by the pump. */
void kith_exchange_unblocked(struct kith_socket *s)
{
	struct kith_node *node = s->node;
	s->blocked = false;
	if (kith_exchange_blocked(node))
		return;
	for (struct kith_link *l = node->all_conns.next; l != &node->all_conns; l = l->next) {
		struct kith_conn *conn = KITH_LINKED(l, struct kith_conn, all_link);
		if (conn->refused && kith_link_empty(&conn->work_link))
			kith_link_append(&node->closing_conns, &conn->work_link);
	}
}

void kith_exchange_ready(void *socket, unsigned ready)
{
	struct kith_socket *s = socket;
	if (s->node->core == NULL)
		return;
	if ((ready & KITH_CARRIER_ROOM) != 0)
		kith_exchange_unblocked(s);
	if ((ready & KITH_CARRIER_LOCALS) != 0) {
		s->node->locals_due = true;
		kith_ice_look(s->node);
	}
	if ((ready & KITH_CARRIER_INPUT) != 0) {
		receive(s);
		if (s->carrier->rest != NULL && kith_thrift_used(&s->thrift, kith_node_now(s->node).mono_us))
			s->carrier->rest(s->self);
	}
	kith_node_touch(s->node);
}
