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
	struct kith_interfaces got = { .v4.n = 0 };
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
	uv_interface_address_t found[80];
	struct kith_interfaces got = { .v4.n = 0 };
	char text[32];
	(void)state;
	for (int i = 0; i < 80; i++) {
		(void)snprintf(text, sizeof text, i % 4 == 3 ? "93.184.216.%d" : "10.0.0.%d", i + 1);
		found[i] = entry(text, "255.255.255.0");
	}
	kith_interfaces_sort_out(&got, found, 80, false);
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

static void the_address_of_the_way_out_is_the_first(void **state)
{
	uv_interface_address_t found[] = { entry("93.184.216.34", "255.255.255.240"),
					   entry("192.168.1.7", "255.255.255.0"), entry("10.1.1.1", "255.255.255.0") };
	struct kith_interfaces got = { .v4.n = 0 };
	(void)state;
	assert_int_equal(kith_addr_parse(&got.out_v4.source, "10.1.1.1:0"), 0);
	kith_interfaces_sort_out(&got, found, 3, false);
	expect(&got.v4, 0, "10.1.1.1:0", 24);
	expect(&got.v4, 1, "93.184.216.34:0", 28);
	expect(&got.v4, 2, "192.168.1.7:0", 24);
}

/* Begins to watch a network namespace of its own, where addresses may come and go. Needs root; skipped without. */
static void watcher_init(struct watcher *t, uv_loop_t *loop, const char *prepare)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0 || system("ip link set lo up 2>/dev/null") != 0)
		skip();
	assert_int_equal(system(prepare), 0);
	memset(t, 0, sizeof *t);
	assert_int_equal(uv_loop_init(loop), 0);
	t->w.random = kith_system_random();
	t->w.changed = changed;
	t->w.ctx = t;
	assert_int_equal(kith_interfaces_read(&t->w.last, false), 0);
	assert_int_equal(kith_interface_watch_start(&t->w, loop), 0);
	if (t->w.fd < 0)
		skip();
	assert_int_equal(uv_timer_init(loop, &t->guard), 0);
	t->guard.data = t;
}

/* How many changes the watcher tells of within a time; it waits for no more than one. */
static int changes_in(struct watcher *t, uv_loop_t *loop, uint64_t ms)
{
	t->late = false;
	t->changes = 0;
	uv_timer_start(&t->guard, on_guard, ms, 0);
	while (t->changes == 0 && !t->late)
		(void)uv_run(loop, UV_RUN_ONCE);
	return t->changes;
}

static void watcher_deinit(struct watcher *t, uv_loop_t *loop)
{
	kith_interface_watch_stop(&t->w, watch_closed);
	uv_close((uv_handle_t *)&t->guard, NULL);
	assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
	assert_true(t->closed);
	assert_int_equal(uv_loop_close(loop), 0);
}

static void a_new_address_is_noticed_within_a_second(void **state)
{
	struct watcher t;
	uv_loop_t loop;
	(void)state;
	watcher_init(&t, &loop, "true");
	assert_int_equal(t.w.last.v4.n, 0);
	assert_int_equal(system("ip addr add 203.0.113.5/24 dev lo"), 0);
	assert_int_equal(changes_in(&t, &loop, 1000), 1);
	assert_int_equal(t.w.last.v4.n, 1);
	expect(&t.w.last.v4, 0, "203.0.113.5:0", 24);
	watcher_deinit(&t, &loop);
}

/* Two interfaces that are both up, and stay so. Addresses of IPv6 would come by and by, and be signs of their own. */
#define TWO_WAYS                                                                                                       \
	"sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 && "                         \
	"ip link add up0 type veth peer name far0 && ip link add up1 type veth peer name far1 && "                     \
	"ip addr add 10.1.0.2/24 dev up0 && ip addr add 10.2.0.2/24 dev up1 && "                                       \
	"for i in up0 far0 up1 far1; do ip link set $i up; done && ip route add default via 10.1.0.1"

static void another_default_route_is_another_way_out(void **state)
{
	struct watcher t;
	uv_loop_t loop;
	(void)state;
	watcher_init(&t, &loop, TWO_WAYS);
	expect(&t.w.last.v4, 0, "10.1.0.2:0", 24);
	while (changes_in(&t, &loop, 1200) > 0) {} /* links come up late */
	assert_int_equal(system("ip route replace default via 10.2.0.1"), 0);
	assert_int_equal(changes_in(&t, &loop, 1000), 1);
	expect(&t.w.last.v4, 0, "10.2.0.2:0", 24);
	assert_int_equal(system("ip route replace default via 10.2.0.9"), 0);
	assert_int_equal(changes_in(&t, &loop, 1000), 1);
	assert_int_equal(system("ip route add 10.77.0.0/16 via 10.1.0.1"), 0);
	assert_int_equal(changes_in(&t, &loop, 500), 0);
	watcher_deinit(&t, &loop);
}

/* Down and up again before anybody looks, with the same addresses and routes: there may be another NAT behind it. */
static void a_way_out_that_was_down_is_told_again(void **state)
{
	struct watcher t;
	uv_loop_t loop;
	(void)state;
	watcher_init(&t, &loop, TWO_WAYS);
	while (changes_in(&t, &loop, 1200) > 0) {}
	const struct kith_interfaces before = t.w.last;
	assert_int_equal(system("ip link set up1 down && ip link set up1 up"), 0); /* nothing leaves by it */
	assert_int_equal(changes_in(&t, &loop, 500), 0);
	assert_int_equal(system("ip link set up0 down && ip link set up0 up && ip route add default via 10.1.0.1"), 0);
	assert_int_equal(changes_in(&t, &loop, 1000), 1);
	assert_int_equal(t.w.last.v4.n, before.v4.n);
	assert_int_equal(t.w.last.out_v4.interface, before.out_v4.interface);
	assert_int_equal(changes_in(&t, &loop, 500), 0); /* once */
	watcher_deinit(&t, &loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(useful_addresses_are_kept_public_ones_first),
		cmocka_unit_test(too_many_addresses_leave_the_best),
		cmocka_unit_test(the_address_of_the_way_out_is_the_first),
		cmocka_unit_test(a_new_address_is_noticed_within_a_second),
		cmocka_unit_test(another_default_route_is_another_way_out),
		cmocka_unit_test(a_way_out_that_was_down_is_told_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
