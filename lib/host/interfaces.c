/* Interface addresses; see interfaces.h. */
#include "host/interfaces.h"

#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/rng.h"
#include "host/sockaddr.h"
#include "host/system.h"

static uint8_t prefix_bits(const uint8_t *mask, size_t len)
{
	unsigned bits = 0;
	while (bits < len * 8 && (mask[bits / 8] & (0x80u >> bits % 8)) != 0)
		bits++;
	return (uint8_t)bits;
}

static uint8_t bits_of(const uv_interface_address_t *a)
{
	uint8_t mask[16];
	if (a->address.address4.sin_family == AF_INET) {
		memcpy(mask, &a->netmask.netmask4.sin_addr, 4);
		return prefix_bits(mask, 4);
	}
	memcpy(mask, &a->netmask.netmask6.sin6_addr, 16);
	return prefix_bits(mask, 16);
}

/* The address of the way out comes first, then the order is that of scopes. */
static int rank(const struct kith_addr *addr, const struct kith_addr *way_out)
{
	return kith_addr_equal(addr, way_out) ? KITH_SCOPE_PUBLIC + 1 : (int)kith_addr_scope(addr);
}

/* Inserts by rank; among equals the system's order stays. */
static void insert(struct kith_interface_list *list, const struct kith_addr *way_out, const struct kith_addr *addr,
		   uint8_t bits)
{
	size_t at = 0;
	for (size_t i = 0; i < list->n; i++)
		if (kith_addr_equal(&list->addrs[i], addr))
			return;
	while (at < list->n && rank(&list->addrs[at], way_out) >= rank(addr, way_out))
		at++;
	if (at == KITH_INTERFACE_ADDRS_MAX)
		return;
	size_t moved = (list->n < KITH_INTERFACE_ADDRS_MAX ? list->n : KITH_INTERFACE_ADDRS_MAX - 1) - at;
	memmove(&list->addrs[at + 1], &list->addrs[at], moved * sizeof list->addrs[0]);
	memmove(&list->prefix_bits[at + 1], &list->prefix_bits[at], moved);
	list->addrs[at] = *addr;
	list->prefix_bits[at] = bits;
	if (list->n < KITH_INTERFACE_ADDRS_MAX)
		list->n++;
}

void kith_interfaces_sort_out(struct kith_interfaces *out, const uv_interface_address_t found[], int n,
			      bool allow_loopback)
{
	out->v4.n = out->v6.n = 0;
	for (int i = 0; i < n; i++) {
		struct kith_addr addr;
		if (!kith_sockaddr_get(&addr, (const struct sockaddr *)&found[i].address))
			continue;
		addr.port = 0;
		enum kith_addr_scope scope = kith_addr_scope(&addr);
		if (scope == KITH_SCOPE_NONE || scope == KITH_SCOPE_LINK ||
		    (scope == KITH_SCOPE_LOOPBACK && !allow_loopback))
			continue;
		if (addr.family == KITH_FAMILY_V4)
			insert(&out->v4, &out->out_v4.source, &addr, bits_of(&found[i]));
		else
			insert(&out->v6, &out->out_v6.source, &addr, bits_of(&found[i]));
	}
}

int kith_interfaces_read(struct kith_interfaces *out, bool allow_loopback)
{
	uv_interface_address_t *found;
	int n;
	memset(out, 0, sizeof *out);
	int err = uv_interface_addresses(&found, &n);
	if (err != 0)
		return kith_system_uv_err(err);
	kith_interfaces_sys_way_out(KITH_FAMILY_V4, &out->out_v4);
	kith_interfaces_sys_way_out(KITH_FAMILY_V6, &out->out_v6);
	kith_interfaces_sort_out(out, found, n, allow_loopback);
	uv_free_interface_addresses(found, n);
	return 0;
}

static bool list_equal(const struct kith_interface_list *a, const struct kith_interface_list *b)
{
	if (a->n != b->n || memcmp(a->prefix_bits, b->prefix_bits, a->n) != 0)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!kith_addr_equal(&a->addrs[i], &b->addrs[i]))
			return false;
	return true;
}

static bool way_equal(const struct kith_way_out *a, const struct kith_way_out *b)
{
	return a->interface == b->interface && kith_addr_equal(&a->gateway, &b->gateway) &&
	       kith_addr_equal(&a->source, &b->source);
}

static bool is_as_before(const struct kith_interfaces *now, const struct kith_interfaces *last)
{
	return list_equal(&now->v4, &last->v4) && list_equal(&now->v6, &last->v6) &&
	       way_equal(&now->out_v4, &last->out_v4) && way_equal(&now->out_v6, &last->out_v6);
}

static void arm_repeat(struct kith_interface_watch *w);

static void look(uv_timer_t *timer)
{
	struct kith_interface_watch *w = timer->data;
	struct kith_interfaces now;
	arm_repeat(w);
	if (kith_interfaces_read(&now, w->allow_loopback) != 0)
		return;
	if (is_as_before(&now, &w->last) && !w->flapped)
		return;
	w->flapped = false;
	w->last = now;
	w->changed(w->ctx, &w->last);
}

/* Without a routing socket the timer looks again and again; with one, only when there is reason to. */
static void arm_repeat(struct kith_interface_watch *w)
{
	if (w->fd < 0) {
		kith_time_us in = kith_rng_jitter(w->random, KITH_INTERFACES_POLL_MS * KITH_US_PER_MS, 10);
		(void)uv_timer_start(&w->timer, look, (uint64_t)(in / KITH_US_PER_MS), 0);
	}
}

static void hear(uv_poll_t *poll, int status, int events)
{
	struct kith_interface_watch *w = poll->data;
	(void)events;
	if (status != 0) {
		/* The socket is of no use any more (the kernel ran out of room for it, say): the timer takes over. */
		(void)uv_poll_stop(&w->poll);
		(void)close(w->fd);
		w->fd = -1;
		arm_repeat(w);
		return;
	}
	if (kith_interfaces_sys_read(w->fd, &w->last, &w->flapped) && !uv_is_active((uv_handle_t *)&w->timer))
		(void)uv_timer_start(&w->timer, look, KITH_INTERFACES_SETTLE_MS, 0);
}

int kith_interface_watch_start(struct kith_interface_watch *w, uv_loop_t *loop)
{
	if (uv_timer_init(loop, &w->timer) != 0)
		return KITH_EIO;
	w->timer.data = w;
	w->handles = 1;
	w->fd = kith_interfaces_sys_open();
	if (w->fd >= 0 && uv_poll_init(loop, &w->poll, w->fd) != 0) {
		(void)close(w->fd);
		w->fd = -1;
	}
	if (w->fd >= 0) {
		w->poll.data = w;
		w->handles = 2;
		(void)uv_poll_start(&w->poll, UV_READABLE, hear);
	}
	arm_repeat(w);
	return 0;
}

void kith_interface_watch_hint(struct kith_interface_watch *w)
{
	if (w->fd < 0 && w->handles > 0 && uv_timer_get_due_in(&w->timer) > KITH_INTERFACES_HINT_MS)
		(void)uv_timer_start(&w->timer, look, KITH_INTERFACES_HINT_MS, 0);
}

static void handle_closed(uv_handle_t *handle)
{
	struct kith_interface_watch *w = handle->data;
	if (--w->handles == 0)
		w->closed(w->ctx);
}

void kith_interface_watch_stop(struct kith_interface_watch *w, void (*closed)(void *ctx))
{
	bool polled = w->handles == 2;
	w->closed = closed;
	if (polled)
		uv_close((uv_handle_t *)&w->poll, handle_closed);
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
	uv_close((uv_handle_t *)&w->timer, handle_closed);
}
