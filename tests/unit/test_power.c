/* What speaks against serving: batteries and modems, as files of a machine that there is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#include "host/power.h"

static char root[64];

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/kith-power.XXXXXX");
	assert_non_null(mkdtemp(root));
	return 0;
}

static int teardown(void **state)
{
	char command[128];
	(void)state;
	(void)snprintf(command, sizeof command, "rm -r '%s'", root);
	return system(command);
}

/* A file of that machine, with the directories above it. */
static void put(const char *path, const char *text)
{
	char whole[256];
	(void)snprintf(whole, sizeof whole, "%s/%s", root, path);
	for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(whole, 0700);
		*slash = '/';
	}
	FILE *f = fopen(whole, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void put_supply(const char *name, const char *type, const char *key, const char *value)
{
	char path[128], text[64];
	(void)snprintf(path, sizeof path, "sys/class/power_supply/%s/type", name);
	(void)snprintf(text, sizeof text, "%s\n", type);
	put(path, text);
	(void)snprintf(path, sizeof path, "sys/class/power_supply/%s/%s", name, key);
	(void)snprintf(text, sizeof text, "%s\n", value);
	put(path, text);
}

static unsigned look(void)
{
	const struct kith_power_way ways[KITH_POWER_WAYS] = { { 2, "eth0" }, { 3, "wwp0s20" } };
	return kith_power_read(root, ways);
}

static void a_machine_that_says_nothing_is_fit(void **state)
{
	(void)state;
	assert_int_equal(look(), 0);
}

static void a_battery_that_discharges_speaks_against_it_unless_there_is_mains(void **state)
{
	(void)state;
	put_supply("BAT0", "Battery", "status", "Charging");
	assert_int_equal(look(), 0);
	put_supply("BAT0", "Battery", "status", "Discharging");
	assert_int_equal(look(), KITH_HINDRANCE_BATTERY);
	put_supply("AC", "Mains", "online", "0");
	assert_int_equal(look(), KITH_HINDRANCE_BATTERY);
	put_supply("AC", "Mains", "online", "1"); /* a load that is too large for the plug */
	assert_int_equal(look(), 0);
}

static void an_uninterruptible_supply_counts_and_the_battery_of_a_mouse_does_not(void **state)
{
	(void)state;
	put_supply("hidpp_battery_0", "Battery", "status", "Discharging");
	put("sys/class/power_supply/hidpp_battery_0/scope", "Device\n");
	assert_int_equal(look(), 0);
	put_supply("ups", "UPS", "status", "Discharging");
	assert_int_equal(look(), KITH_HINDRANCE_BATTERY);
}

static void a_modem_is_metered(void **state)
{
	(void)state;
	put("sys/class/net/eth0/uevent", "INTERFACE=eth0\nIFINDEX=2\n");
	put("sys/class/net/eth0/type", "1\n");
	put("sys/class/net/wwp0s20/uevent", "DEVTYPE=wlan\nINTERFACE=wwp0s20\n");
	assert_int_equal(look(), 0);
	put("sys/class/net/wwp0s20/uevent", "INTERFACE=wwp0s20\nDEVTYPE=wwan\n");
	assert_int_equal(look(), KITH_HINDRANCE_METERED);
	put("sys/class/net/wwp0s20/uevent", "DEVTYPE=wwan2\n");
	assert_int_equal(look(), 0);
	put("sys/class/net/eth0/type", "519\n"); /* raw IP */
	assert_int_equal(look(), KITH_HINDRANCE_METERED);
}

static void a_modem_that_is_not_the_way_out_does_not_matter(void **state)
{
	(void)state;
	put("sys/class/net/wwan0/uevent", "DEVTYPE=wwan\n");
	assert_int_equal(look(), 0);
}

static void a_telephone_that_shares_its_network_is_metered(void **state)
{
	(void)state;
	put("run/systemd/netif/leases/4", "VENDOR_SPECIFIC=414e44524f49445f4d455445524544\n");
	put("run/systemd/netif/leases/2", "ADDRESS=192.168.43.7\nVENDOR_SPECIFIC=0102\n");
	assert_int_equal(look(), 0);
	put("run/systemd/netif/leases/2", "ADDRESS=192.168.43.7\nVENDOR_SPECIFIC=414E44524F49445F4D455445524544\n");
	assert_int_equal(look(), KITH_HINDRANCE_METERED);
}

static void a_file_of_any_length_and_a_name_of_any_kind_do_no_harm(void **state)
{
	const struct kith_power_way odd[KITH_POWER_WAYS] = { { 0, "../class" }, { 9, "" } };
	char *much = malloc(10000);
	(void)state;
	memset(much, 'x', 9999);
	much[9999] = '\0';
	put("sys/class/power_supply/BAT0/type", much);
	put("sys/class/net/eth0/uevent", much);
	put("sys/class/net/eth0/type", "");
	put("run/systemd/netif/leases/2", "=\n\n\n");
	assert_int_equal(look(), 0);
	assert_int_equal(kith_power_read(root, odd), 0);
	free(much);
}

/* ---- again and again ---- */

struct watcher {
	uv_loop_t loop;
	struct kith_power_watch w;
	unsigned told[4], told_n;
	bool closed;
};

static void on_ways(void *ctx, struct kith_power_way out[KITH_POWER_WAYS])
{
	(void)ctx;
	(void)snprintf(out[0].name, sizeof out[0].name, "eth0");
	out[0].interface = 2;
}

static void on_changed(void *ctx, unsigned hindrances)
{
	struct watcher *x = ctx;
	assert_true(x->told_n < 4);
	x->told[x->told_n++] = hindrances;
}

static void on_closed(struct kith_power_watch *w)
{
	((struct watcher *)w->ctx)->closed = true;
}

static void begin(struct watcher *x)
{
	memset(x, 0, sizeof *x);
	assert_int_equal(uv_loop_init(&x->loop), 0);
	x->w = (struct kith_power_watch){ .root = root, .ways_of = on_ways, .changed = on_changed, .ctx = x };
	assert_int_equal(kith_power_watch_start(&x->w, &x->loop), 0);
}

/* One reading, and what follows. */
static void read_once(struct watcher *x)
{
	while (x->w.busy)
		(void)uv_run(&x->loop, UV_RUN_ONCE);
}

static void end(struct watcher *x)
{
	kith_power_watch_stop(&x->w, on_closed);
	while (!x->closed)
		(void)uv_run(&x->loop, UV_RUN_ONCE);
	(void)uv_run(&x->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&x->loop), 0);
}

static void what_changed_counts_when_it_is_read_twice_and_the_first_at_once(void **state)
{
	struct watcher x;
	(void)state;
	put_supply("BAT0", "Battery", "status", "Discharging");
	begin(&x);
	read_once(&x);
	assert_int_equal(x.told_n, 1);
	assert_int_equal(x.told[0], KITH_HINDRANCE_BATTERY);
	put_supply("BAT0", "Battery", "status", "Charging");
	kith_power_watch_look(&x.w);
	read_once(&x);
	assert_int_equal(x.told_n, 1);
	assert_true(uv_timer_get_due_in(&x.w.timer) <= KITH_POWER_SETTLE_MS);
	kith_power_watch_look(&x.w);
	read_once(&x);
	assert_int_equal(x.told_n, 2);
	assert_int_equal(x.told[1], 0);
	assert_true(uv_timer_get_due_in(&x.w.timer) > KITH_POWER_SETTLE_MS);
	/* Pulled, and put back before it is read again. */
	put_supply("BAT0", "Battery", "status", "Discharging");
	kith_power_watch_look(&x.w);
	read_once(&x);
	put_supply("BAT0", "Battery", "status", "Full");
	kith_power_watch_look(&x.w);
	read_once(&x);
	assert_int_equal(x.told_n, 2);
	end(&x);
}

static void a_watch_ends_while_it_reads(void **state)
{
	struct watcher x;
	(void)state;
	put_supply("BAT0", "Battery", "status", "Discharging");
	begin(&x);
	assert_true(x.w.busy);
	end(&x);
	assert_int_equal(x.told_n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_machine_that_says_nothing_is_fit),
		TEST(a_battery_that_discharges_speaks_against_it_unless_there_is_mains),
		TEST(an_uninterruptible_supply_counts_and_the_battery_of_a_mouse_does_not),
		TEST(a_modem_is_metered),
		TEST(a_modem_that_is_not_the_way_out_does_not_matter),
		TEST(a_telephone_that_shares_its_network_is_metered),
		TEST(a_file_of_any_length_and_a_name_of_any_kind_do_no_harm),
		TEST(what_changed_counts_when_it_is_read_twice_and_the_first_at_once),
		TEST(a_watch_ends_while_it_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
