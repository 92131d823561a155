/* A small internet in one process: packets find their link, through NATs and back, after the links' delays. */
#include "natlab/box.h"
#include "natlab/ippacket.h"

#include "support.h"

#define MS KITH_US_PER_MS
enum { LEN = 28, HOPS = 6, GOT_MAX = 8, SEED = 1 };

/* Two homes and a server: links 0 and 1 behind NATs (or one), 2 on a public address. */
struct world {
	struct test_alloc mem;
	struct kith_box *box;
	int n;
	struct {
		int link;
		struct kith_ip_packet p;
	} got[GOT_MAX];
};

static struct kith_addr end(const char *text)
{
	struct kith_addr a;
	assert_int_equal(kith_addr_parse(&a, text), 0);
	return a;
}

static void add_link(struct world *w, int nat, const char *address, uint32_t loss_ppm)
{
	struct kith_box_link_options o = { .nat = nat, .nets_n = 1 };
	o.nets[0] = (struct kith_box_net){ end(address), 32 };
	o.access.delay_us = 10 * MS;
	o.access.faults.loss_ppm = loss_ppm;
	assert_true(kith_box_add_link(w->box, &o) >= 0);
}

static void world_init(struct world *w, bool together, bool hairpin, uint32_t loss_ppm)
{
	struct kith_nat_options o;
	memset(w, 0, sizeof *w);
	test_alloc_init(&w->mem);
	w->box = kith_box_new(&w->mem.alloc, SEED, HOPS);
	assert_non_null(w->box);
	kith_nat_options_init(&o);
	o.hairpin = hairpin;
	struct kith_addr a = end("61.1.0.1:0"), b = end("62.1.0.1:0");
	assert_int_equal(kith_box_add_nat(w->box, &o, &a), 0);
	assert_int_equal(kith_box_add_nat(w->box, &o, &b), 1);
	add_link(w, 0, "100.64.0.2:0", loss_ppm);
	add_link(w, together ? 0 : 1, "100.64.0.3:0", 0);
	add_link(w, KITH_BOX_NO_NAT, "11.1.0.1:0", 0);
}

static void world_deinit(struct world *w)
{
	kith_box_free(w->box);
	test_alloc_check(&w->mem);
}

static void take(void *user, int link, const uint8_t *bytes, size_t len)
{
	struct world *w = user;
	assert_true(w->n < GOT_MAX);
	assert_true(kith_ip_read(&w->got[w->n].p, bytes, len));
	w->got[w->n++].link = link;
}

/* A datagram without data, at a time. */
static void send_with(struct world *w, kith_time_us at, int link, struct kith_addr src, struct kith_addr dst,
		      uint8_t hops)
{
	uint8_t bytes[LEN] = { 0x45, 0, 0, LEN, 0, 0, 0, 0, hops, KITH_IP_UDP };
	memcpy(bytes + 12, src.ip, 4);
	memcpy(bytes + 16, dst.ip, 4);
	bytes[20] = (uint8_t)(src.port >> 8);
	bytes[21] = (uint8_t)src.port;
	bytes[22] = (uint8_t)(dst.port >> 8);
	bytes[23] = (uint8_t)dst.port;
	bytes[25] = 8;
	kith_box_input(w->box, at, link, bytes, sizeof bytes);
}

static void send(struct world *w, kith_time_us at, int link, const char *src, const char *dst)
{
	send_with(w, at, link, end(src), end(dst), 64);
}

/* How many arrive by then. */
static int arrived(struct world *w, kith_time_us by)
{
	w->n = 0;
	kith_box_run(w->box, by, take, w);
	return w->n;
}

static void a_packet_takes_both_delays_and_is_translated(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false, false, 0);
	send(&w, 0, 0, "100.64.0.2:5000", "11.1.0.1:7");
	assert_int_equal(kith_box_due(w.box), 10 * MS);
	assert_int_equal(arrived(&w, 20 * MS - 1), 0);
	assert_int_equal(arrived(&w, 20 * MS), 1);
	struct kith_addr seen = end("61.1.0.1:5000");
	assert_int_equal(w.got[0].link, 2);
	assert_true(kith_addr_equal(&w.got[0].p.src, &seen));
	assert_int_equal(w.got[0].p.hops, 64 - 1 - HOPS);
	send_with(&w, 20 * MS, 2, end("11.1.0.1:7"), seen, 64);
	assert_int_equal(arrived(&w, 40 * MS), 1);
	assert_int_equal(w.got[0].link, 0);
	assert_int_equal(w.got[0].p.dst.port, 5000);
	assert_int_equal(kith_box_flow(w.box, 0, 2).packets, 1);
	assert_int_equal(kith_box_flow(w.box, 2, 0).bytes, LEN);
	assert_int_equal(kith_box_flow(w.box, 0, 1).packets, 0);
	assert_int_equal(kith_box_due(w.box), KITH_TIME_NEVER);
	world_deinit(&w);
}

static void a_hole_is_punched_from_both_sides_only(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false, false, 0);
	send(&w, 0, 0, "100.64.0.2:5000", "62.1.0.1:6000");
	assert_int_equal(arrived(&w, 30 * MS), 0);
	assert_int_equal(kith_box_counters(w.box)->refused, 1);
	send(&w, 30 * MS, 1, "100.64.0.3:6000", "61.1.0.1:5000");
	send(&w, 30 * MS, 0, "100.64.0.2:5000", "62.1.0.1:6000");
	assert_int_equal(arrived(&w, 60 * MS), 2);
	world_deinit(&w);
}

static void a_packet_of_few_hops_ends_in_the_core(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false, false, 0);
	send_with(&w, 0, 0, end("100.64.0.2:5000"), end("11.1.0.1:7"), HOPS + 1);
	assert_int_equal(arrived(&w, 30 * MS), 0);
	assert_int_equal(kith_box_counters(w.box)->hops, 1);
	send_with(&w, 30 * MS, 0, end("100.64.0.2:5000"), end("11.1.0.1:7"), HOPS + 2);
	assert_int_equal(arrived(&w, 60 * MS), 1);
	world_deinit(&w);
}

static void neighbours_behind_one_nat_meet_by_hairpin_only(void **state)
{
	(void)state;
	for (int hairpin = 0; hairpin < 2; hairpin++) {
		struct world w;
		world_init(&w, true, hairpin != 0, 0);
		send(&w, 0, 1, "100.64.0.3:6000", "61.1.0.1:5000");
		send(&w, 0, 0, "100.64.0.2:5000", "61.1.0.1:6000");
		int n = arrived(&w, 60 * MS);
		assert_int_equal(n, hairpin != 0 ? 1 : 0); /* the first came before there was a hole */
		if (n == 1) {
			assert_int_equal(w.got[0].link, 1);
			assert_int_equal(w.got[0].p.src.port, 5000);
		}
		/* Past the NAT nobody gets to the other, by its inside address. */
		send(&w, 60 * MS, 0, "100.64.0.2:5000", "100.64.0.3:6000");
		assert_int_equal(arrived(&w, 120 * MS), 0);
		world_deinit(&w);
	}
}

static void what_is_nobodys_is_dropped_and_counted(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false, false, 0);
	send(&w, 0, 2, "11.1.0.1:7", "99.9.9.9:1");
	send(&w, 0, 2, "11.1.0.2:7", "61.1.0.1:1");
	kith_box_input(w.box, 0, 2, (const uint8_t *)"\x45", 1);
	assert_int_equal(arrived(&w, 60 * MS), 0);
	assert_int_equal(kith_box_counters(w.box)->unroutable, 2);
	assert_int_equal(kith_box_counters(w.box)->unread, 1);
	world_deinit(&w);
}

static void a_link_loses_its_share_and_a_full_box_drops(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false, false, 1000000);
	send(&w, 0, 0, "100.64.0.2:5000", "11.1.0.1:7");
	assert_int_equal(arrived(&w, 60 * MS), 0);
	assert_int_equal(kith_box_counters(w.box)->lost, 1);
	for (unsigned i = 0; i <= KITH_BOX_PACKETS_MAX; i++)
		send(&w, 60 * MS, 2, "11.1.0.1:7", "62.1.0.1:1");
	assert_int_equal(kith_box_counters(w.box)->full, 1);
	world_deinit(&w); /* and what is on its way is freed */
}

static void the_core_does_to_a_way_what_it_was_told(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false, false, 0);
	struct kith_net_way slow = { .extra_us = 380 * MS }, small = { .most_bytes = LEN - 1 }, cut = { .cut = true },
			    nothing = { 0 };
	kith_box_set_way(w.box, 0, 2, &slow);
	send(&w, 0, 0, "100.64.0.2:5000", "11.1.0.1:7");
	send(&w, 0, 1, "100.64.0.3:5000", "11.1.0.1:7");
	assert_int_equal(arrived(&w, 20 * MS), 1); /* another way is not slower */
	assert_int_equal(arrived(&w, 400 * MS - 1), 0);
	assert_int_equal(arrived(&w, 400 * MS), 1);
	kith_box_set_way(w.box, 0, 2, &small);
	send(&w, 400 * MS, 0, "100.64.0.2:5000", "11.1.0.1:7");
	assert_int_equal(arrived(&w, 500 * MS), 0);
	assert_int_equal(kith_box_counters(w.box)->lost, 1);
	small.most_bytes = LEN;
	kith_box_set_way(w.box, 0, 2, &small);
	send(&w, 500 * MS, 0, "100.64.0.2:5000", "11.1.0.1:7");
	assert_int_equal(arrived(&w, 600 * MS), 1);
	kith_box_set_way(w.box, 0, 2, &cut);
	send(&w, 600 * MS, 0, "100.64.0.2:5000", "11.1.0.1:7");
	send(&w, 600 * MS, 2, "11.1.0.1:7", "61.1.0.1:5000"); /* the other direction */
	assert_int_equal(arrived(&w, 700 * MS), 1);
	kith_box_set_way(w.box, 0, 2, &nothing);
	send(&w, 700 * MS, 0, "100.64.0.2:5000", "11.1.0.1:7");
	assert_int_equal(arrived(&w, 800 * MS), 1);
	world_deinit(&w);
}

/* Of packets from the server to a home: how many are there after so long. */
static int in_time(struct world *w, kith_time_us start, int packets, kith_time_us within_us)
{
	int n = 0;
	for (int i = 0; i < packets; i++) {
		const kith_time_us at = start + 100 * i * MS;
		send(w, at, 0, "100.64.0.2:5000", "11.1.0.1:7"); /* the binding stays */
		(void)arrived(w, at + 20 * MS);
		send(w, at + 20 * MS, 2, "11.1.0.1:7", "61.1.0.1:5000");
		n += arrived(w, at + 20 * MS + within_us);
		(void)arrived(w, at + 99 * MS);
	}
	return n;
}

static void a_way_loses_and_holds_back_its_share(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false, false, 0);
	struct kith_net_way way = { .faults = { .loss_ppm = 300000 } };
	kith_box_set_way(w.box, 2, 0, &way);
	assert_in_range(in_time(&w, 0, 1000, 20 * MS), 650, 750); /* of 700; three and a half standard deviations */
	way.faults = (struct kith_access_faults){ .reorder_ppm = 200000, .reorder_delay_us = 30 * MS };
	kith_box_set_way(w.box, 2, 0, &way);
	assert_in_range(in_time(&w, 100 * KITH_US_PER_S, 1000, 20 * MS), 755, 845); /* of 800 */
	assert_int_equal(in_time(&w, 200 * KITH_US_PER_S, 100, 50 * MS), 100); /* and none is lost */
	world_deinit(&w);
}

static void nothing_passes_a_link_that_is_cut(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false, false, 0);
	send(&w, 0, 0, "100.64.0.2:5000", "11.1.0.1:7");
	assert_int_equal(arrived(&w, 100 * MS), 1);
	kith_box_cut(w.box, 0, true);
	send(&w, 100 * MS, 0, "100.64.0.2:5000", "11.1.0.1:7");
	send(&w, 100 * MS, 2, "11.1.0.1:7", "61.1.0.1:5000");
	assert_int_equal(arrived(&w, 200 * MS), 0);
	kith_box_cut(w.box, 0, false);
	send(&w, 200 * MS, 2, "11.1.0.1:7", "61.1.0.1:5000");
	assert_int_equal(arrived(&w, 300 * MS), 1);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_takes_both_delays_and_is_translated),
		cmocka_unit_test(a_hole_is_punched_from_both_sides_only),
		cmocka_unit_test(a_packet_of_few_hops_ends_in_the_core),
		cmocka_unit_test(neighbours_behind_one_nat_meet_by_hairpin_only),
		cmocka_unit_test(what_is_nobodys_is_dropped_and_counted),
		cmocka_unit_test(a_link_loses_its_share_and_a_full_box_drops),
		cmocka_unit_test(the_core_does_to_a_way_what_it_was_told),
		cmocka_unit_test(a_way_loses_and_holds_back_its_share),
		cmocka_unit_test(nothing_passes_a_link_that_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
