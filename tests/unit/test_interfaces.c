/* Interface addresses: which are of use, in which order, and that a change is noticed at once. */
#include <arpa/inet.h>
#include <sched.h>
#include <unistd.h>

#include "support.h"

#include "host/interfaces.h"
#include "host/sockaddr.h"
#include "host/system.h"

static uv_interface_address_t entry(const char *addr, const char *mask)
{
	uv_interface_address_t a;
	memset(&a, 0, sizeof a);
	if (strchr(addr, ':') == NULL) {
		a.address.address4.sin_family = a.netmask.netmask4.sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, addr, &a.address.address4.sin_addr), 1);
		assert_int_equal(inet_pton(AF_INET, mask, &a.netmask.netmask4.sin_addr), 1);
	} else {
		a.address.address6.sin6_family = a.netmask.netmask6.sin6_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, addr, &a.address.address6.sin6_addr), 1);
		assert_int_equal(inet_pton(AF_INET6, mask, &a.netmask.netmask6.sin6_addr), 1);
	}
	return a;
}

static void expect(const struct kith_interface_list *list, size_t i, const char *addr, unsigned bits)
{
	char text[KITH_ADDR_TEXT_MAX];
	assert_true(i < list->n);
	assert_string_equal(kith_addr_format(&list->addrs[i], text), addr);
	assert_int_equal(list->prefix_bits[i], bits);
}

static void useful_addresses_are_kept_public_ones_first(void **state)
{
	uv_interface_address_t found[] = {
		entry("127.0.0.1", "255.0.0.0"),	   entry("192.168.1.7", "255.255.255.0"),
		entry("169.254.3.4", "255.255.0.0"),	   entry("93.184.216.34", "255.255.255.240"),
		entry("192.168.1.7", "255.255.255.0"),	   entry("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
		entry("fe80::1", "ffff:ffff:ffff:ffff::"), entry("fd00::1", "ffff:ffff:ffff:ffff::"),
		entry("2600:1f18::5", "ffff:ffff:ffff::"),
	};
	struct kith_interfaces got;
	(void)state;
	kith_interfaces_sort_out(&got, found, sizeof found / sizeof found[0], false);
	assert_int_equal(got.v4.n, 2);
	expect(&got.v4, 0, "93.184.216.34:0", 28);
	expect(&got.v4, 1, "192.168.1.7:0", 24);
	assert_int_equal(got.v6.n, 2);
	expect(&got.v6, 0, "[2600:1f18::5]:0", 48);
	expect(&got.v6, 1, "[fd00::1]:0", 64);
	kith_interfaces_sort_out(&got, found, sizeof found / sizeof found[0], true);
	expect(&got.v4, 2, "127.0.0.1:0", 8);
	expect(&got.v6, 2, "[::1]:0", 128);
}

static void too_many_addresses_leave_the_best(void **state)
{
	uv_interface_address_t found[40];
	struct kith_interfaces got;
	char text[32];
	(void)state;
	for (int i = 0; i < 40; i++) {
		(void)snprintf(text, sizeof text, i % 4 == 3 ? "93.184.216.%d" : "10.0.0.%d", i + 1);
		found[i] = entry(text, "255.255.255.0");
	}
	kith_interfaces_sort_out(&got, found, 40, false);
	assert_int_equal(got.v4.n, KITH_INTERFACE_ADDRS_MAX);
	for (size_t i = 0; i < KITH_INTERFACE_ADDRS_MAX; i++)
		assert_int_equal(got.v4.addrs[i].ip[0], 93);
	assert_int_equal(got.v4.addrs[0].ip[3], 4);
}

struct watcher {
	struct kith_interface_watch w;
	uv_timer_t guard;
	int changes;
	bool closed, late;
};

static void changed(void *ctx, const struct kith_interfaces *now)
{
	struct watcher *t = ctx;
	assert_ptr_equal(now, &t->w.last);
	t->changes++;
}

static void watch_closed(void *ctx)
{
	((struct watcher *)ctx)->closed = true;
}

static void on_guard(uv_timer_t *timer)
{
	((struct watcher *)timer->data)->late = true;
}

/* In a network namespace of its own, where addresses may come and go. Needs root; skipped without. */
static void a_new_address_is_noticed_within_a_second(void **state)
{
	struct watcher t;
	uv_loop_t loop;
	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0 || system("ip link set lo up 2>/dev/null") != 0)
		skip();
	memset(&t, 0, sizeof t);
	assert_int_equal(uv_loop_init(&loop), 0);
	t.w.random = kith_system_random();
	t.w.changed = changed;
	t.w.ctx = &t;
	assert_int_equal(kith_interfaces_read(&t.w.last, false), 0);
	assert_int_equal(t.w.last.v4.n, 0);
	assert_int_equal(kith_interface_watch_start(&t.w, &loop), 0);
	if (t.w.fd < 0)
		skip();
	assert_int_equal(uv_timer_init(&loop, &t.guard), 0);
	t.guard.data = &t;
	uv_timer_start(&t.guard, on_guard, 1000, 0);
	assert_int_equal(system("ip addr add 203.0.113.5/24 dev lo"), 0);
	while (t.changes == 0 && !t.late)
		(void)uv_run(&loop, UV_RUN_ONCE);
	assert_false(t.late);
	assert_int_equal(t.w.last.v4.n, 1);
	expect(&t.w.last.v4, 0, "203.0.113.5:0", 24);

	kith_interface_watch_stop(&t.w, watch_closed);
	uv_close((uv_handle_t *)&t.guard, NULL);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_true(t.closed);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(useful_addresses_are_kept_public_ones_first),
		cmocka_unit_test(too_many_addresses_leave_the_best),
		cmocka_unit_test(a_new_address_is_noticed_within_a_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
