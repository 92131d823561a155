/* The outbox: frames share packets where they may, order holds, and a full one loses only what says so. */
#include "support.h"

#include "base/stats.h"
#include "wire/outbox.h"
#include "wire/packet.h"

enum { SLOTS = 8 };

struct box {
	struct test_alloc alloc;
	struct kith_stats stats;
	struct kith_outbox ob;
	int owner;
};

static void box_init(struct box *b)
{
	memset(b, 0, sizeof *b);
	test_alloc_init(&b->alloc);
	assert_int_equal(kith_outbox_init(&b->ob, &b->alloc.alloc, SLOTS), 0);
	kith_outbox_claim(&b->ob, &b->owner, &b->stats);
}

static void box_deinit(struct box *b)
{
	kith_outbox_deinit(&b->ob);
	test_alloc_check(&b->alloc);
}

static void write_frame(struct box *b, uint32_t session, const struct kith_hop *hop, enum kith_frame_type type,
			size_t len)
{
	struct kith_writer *w = kith_outbox_begin(&b->ob, session, hop, 0, type, len);
	kith_write_zeros(w, len);
	kith_outbox_end(&b->ob);
}

/* Seals nothing, queues each open packet as it is, and takes all away. Returns how many packets there were. */
static size_t drain(struct box *b, struct kith_packet out[64])
{
	static const struct kith_hop anywhere = { .remote = { .family = KITH_FAMILY_V4, .port = 1 } };
	const struct kith_open_packet *p;
	while ((p = kith_outbox_next_open(&b->ob)) != NULL)
		kith_outbox_ready(&b->ob, p->pinned ? &p->hop : &anywhere, p->ttl, p->frames, p->len);
	size_t n = kith_outbox_poll(&b->ob, out, 64);
	assert_int_equal(kith_outbox_poll(&b->ob, out + n, 64 - n), 0);
	return n;
}

static void frames_of_one_session_and_way_share_a_packet(void **state)
{
	struct box b;
	struct kith_packet out[64];
	struct kith_hop hop = { .tunnel = 0, .remote = { .family = KITH_FAMILY_V4, .port = 9 } };
	(void)state;
	box_init(&b);
	write_frame(&b, 1, NULL, KITH_FRAME_PROBE, 10);
	write_frame(&b, 1, NULL, KITH_FRAME_PROBE, 10);
	write_frame(&b, 2, NULL, KITH_FRAME_PROBE, 10); /* another session */
	write_frame(&b, 2, &hop, KITH_FRAME_PROBE, 10); /* another way */
	write_frame(&b, 2, &hop, KITH_FRAME_PROBE, 10);
	hop.tunnel = 5;
	write_frame(&b, 2, &hop, KITH_FRAME_PROBE, 10);
	assert_int_equal(drain(&b, out), 4);
	assert_int_equal(out[0].len, 26);
	assert_int_equal(out[1].len, 13);
	assert_int_equal(out[2].len, 26);
	assert_int_equal(out[3].len, 13 + KITH_TUNNEL_HEADER);
	box_deinit(&b);
}

static void a_packet_is_filled_to_the_last_byte_and_no_further(void **state)
{
	struct box b;
	struct kith_packet out[64];
	(void)state;
	box_init(&b);
	write_frame(&b, 1, NULL, KITH_FRAME_DATAGRAM, KITH_FRAMES_MAX - 3 - 3);
	write_frame(&b, 1, NULL, KITH_FRAME_IDLE, 0); /* exactly fits */
	write_frame(&b, 1, NULL, KITH_FRAME_IDLE, 0);
	assert_int_equal(drain(&b, out), 2);
	assert_int_equal(out[0].len, KITH_FRAMES_MAX);
	assert_int_equal(out[1].len, 3);
	box_deinit(&b);
}

static void data_is_marked_so_that_it_is_tracked(void **state)
{
	struct box b;
	(void)state;
	box_init(&b);
	write_frame(&b, 1, NULL, KITH_FRAME_PROBE, 10);
	assert_false(kith_outbox_next_open(&b.ob)->data);
	assert_null(kith_outbox_next_open(&b.ob));
	write_frame(&b, 1, NULL, KITH_FRAME_PROBE, 10);
	write_frame(&b, 1, NULL, KITH_FRAME_DATAGRAM, 10);
	assert_true(kith_outbox_next_open(&b.ob)->data);
	assert_null(kith_outbox_next_open(&b.ob));
	box_deinit(&b);
}

/* What found no room goes nowhere, is counted, and disturbs nothing that did. */
static void a_full_box_drops_and_counts(void **state)
{
	struct box b;
	struct kith_packet out[64];
	(void)state;
	box_init(&b);
	for (uint32_t i = 0; i < SLOTS + 3; i++) {
		assert_int_equal(kith_outbox_has_room(&b.ob, 1), i < SLOTS);
		write_frame(&b, i + 1, NULL, KITH_FRAME_PROBE, 10);
	}
	assert_int_equal(b.stats.counter[KITH_STAT_OUTBOX_FULL], 3);
	assert_null(kith_outbox_raw(&b.ob, &(struct kith_hop){ 0 }, 10));
	assert_int_equal(drain(&b, out), SLOTS);
	assert_true(kith_outbox_has_room(&b.ob, SLOTS));
	box_deinit(&b);
}

/* A frame that did not fit must not be continued in the last packet, though that one has room. */
static void what_is_dropped_does_not_end_up_in_the_packet_before(void **state)
{
	struct box b;
	struct kith_packet out[64];
	(void)state;
	box_init(&b);
	for (uint32_t i = 0; i < SLOTS; i++)
		write_frame(&b, 1, &(struct kith_hop){ .tunnel = i + 1 }, KITH_FRAME_PROBE, 10);
	write_frame(&b, 2, NULL, KITH_FRAME_DATAGRAM, 50);
	write_frame(&b, 1, &(struct kith_hop){ .tunnel = SLOTS }, KITH_FRAME_PROBE, 10); /* fits the last one */
	assert_int_equal(drain(&b, out), SLOTS);
	assert_int_equal(out[SLOTS - 1].len, 26 + KITH_TUNNEL_HEADER);
	box_deinit(&b);
}

static void finished_packets_come_out_in_order_and_slots_are_free_again_only_then(void **state)
{
	struct box b;
	struct kith_packet out[64];
	const struct kith_hop hop = { .remote = { .family = KITH_FAMILY_V4, .port = 5 }, .transport = 3 };
	(void)state;
	box_init(&b);
	for (uint8_t i = 0; i < SLOTS; i++) {
		uint8_t *p = kith_outbox_raw(&b.ob, &hop, 4);
		assert_non_null(p);
		memset(p, i, 4);
	}
	assert_false(kith_outbox_has_room(&b.ob, 1));
	assert_int_equal(kith_outbox_poll(&b.ob, out, 3), 3);
	assert_int_equal(kith_outbox_poll(&b.ob, out + 3, 61), SLOTS - 3);
	assert_false(kith_outbox_has_room(&b.ob, 1)); /* the last batch is still being sent */
	for (uint8_t i = 0; i < SLOTS; i++) {
		assert_int_equal(out[i].data[0], i);
		assert_int_equal(out[i].len, 4);
		assert_int_equal(out[i].transport, 3);
		assert_true(kith_addr_equal(&out[i].remote, &hop.remote));
	}
	assert_int_equal(kith_outbox_poll(&b.ob, out, 64), 0);
	assert_true(kith_outbox_has_room(&b.ob, SLOTS));
	assert_int_equal(b.stats.counter[KITH_STAT_PACKETS_OUT], SLOTS);
	assert_int_equal(b.stats.counter[KITH_STAT_BYTES_OUT], 4 * SLOTS);
	box_deinit(&b);
}

static void a_packet_may_leave_on_several_ways_with_its_own_tunnel_each(void **state)
{
	struct box b;
	struct kith_packet out[64];
	struct kith_hop hop[3] = { { .tunnel = 0 }, { .tunnel = 7 }, { .tunnel = 8 } };
	(void)state;
	box_init(&b);
	write_frame(&b, 1, NULL, KITH_FRAME_DATAGRAM, 5);
	const struct kith_open_packet *p = kith_outbox_next_open(&b.ob);
	for (int i = 1; i < 3; i++) {
		uint8_t *copy = kith_outbox_room(&b.ob);
		assert_non_null(copy);
		memcpy(copy, p->frames, p->len);
		kith_outbox_ready(&b.ob, &hop[i], i == 2 ? 9 : 0, copy, p->len);
	}
	kith_outbox_ready(&b.ob, &hop[0], 0, p->frames, p->len);
	assert_null(kith_outbox_next_open(&b.ob));
	assert_int_equal(kith_outbox_poll(&b.ob, out, 64), 3);
	uint64_t tunnel;
	struct kith_span inner;
	for (int i = 0; i < 2; i++) {
		assert_true(kith_tunnel_parse(&tunnel, &inner, test_span(out[i].data, out[i].len)));
		assert_int_equal(tunnel, 7 + i);
		assert_memory_equal(inner.p, out[2].data, out[2].len);
	}
	assert_int_equal(out[1].ttl, 9);
	box_deinit(&b);
}

static void relayed_packets_need_no_slot_and_have_their_own_counters(void **state)
{
	struct box b;
	struct kith_packet out[64], p = { .len = 100 };
	(void)state;
	box_init(&b);
	for (int i = 0; i < 2 * SLOTS + 1; i++)
		kith_outbox_relay(&b.ob, &p);
	assert_int_equal(b.stats.counter[KITH_STAT_RELAYED_PACKETS], 2 * SLOTS);
	assert_int_equal(b.stats.counter[KITH_STAT_RELAYED_BYTES], 200 * SLOTS);
	assert_int_equal(b.stats.counter[KITH_STAT_OUTBOX_FULL], 1);
	assert_int_equal(kith_outbox_poll(&b.ob, out, 64), 2 * SLOTS);
	box_deinit(&b);
}

static void what_was_forgotten_is_not_found_by_the_next_owner(void **state)
{
	struct box b;
	struct kith_packet out[64];
	(void)state;
	box_init(&b);
	write_frame(&b, 1, NULL, KITH_FRAME_PROBE, 10);
	(void)kith_outbox_raw(&b.ob, &(struct kith_hop){ 0 }, 10);
	kith_outbox_drop(&b.ob);
	kith_outbox_claim(&b.ob, &state, &b.stats);
	assert_int_equal(kith_outbox_poll(&b.ob, out, 64), 0);
	assert_true(kith_outbox_has_room(&b.ob, SLOTS));
	box_deinit(&b);
}

static void without_memory_there_is_no_box_and_no_leak(void **state)
{
	struct test_alloc a;
	struct kith_outbox ob;
	(void)state;
	test_alloc_init(&a);
	for (long n = 0; n < 3; n++) {
		a.fail_after = n;
		assert_int_equal(kith_outbox_init(&ob, &a.alloc, SLOTS), KITH_ENOMEM);
		test_alloc_check(&a);
	}
}

static void at_rest_it_holds_nothing_and_is_as_full(void **state)
{
	struct box b;
	struct kith_packet out[64];
	(void)state;
	box_init(&b);
	write_frame(&b, 1, NULL, KITH_FRAME_PROBE, 10);
	assert_false(kith_outbox_is_empty(&b.ob));
	assert_int_equal(drain(&b, out), 1);
	assert_true(kith_outbox_is_empty(&b.ob));
	kith_outbox_rest(&b.ob);
	assert_int_equal(b.alloc.live_bytes, 0);
	assert_false(kith_outbox_has_room(&b.ob, 1));
	assert_null(kith_outbox_raw(&b.ob, &(struct kith_hop){ 0 }, 10));
	write_frame(&b, 1, NULL, KITH_FRAME_PROBE, 10); /* goes nowhere */
	assert_int_equal(drain(&b, out), 0);
	/* Without memory it stays so, and then it is as it was. */
	for (long n = 0; n < 3; n++) {
		b.alloc.fail_after = n;
		assert_false(kith_outbox_wake(&b.ob));
		assert_int_equal(b.alloc.live_bytes, 0);
	}
	b.alloc.fail_after = -1;
	assert_true(kith_outbox_wake(&b.ob));
	assert_true(kith_outbox_has_room(&b.ob, SLOTS));
	write_frame(&b, 1, NULL, KITH_FRAME_PROBE, 10);
	assert_int_equal(drain(&b, out), 1);
	box_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_one_session_and_way_share_a_packet),
		cmocka_unit_test(a_packet_is_filled_to_the_last_byte_and_no_further),
		cmocka_unit_test(data_is_marked_so_that_it_is_tracked),
		cmocka_unit_test(a_full_box_drops_and_counts),
		cmocka_unit_test(what_is_dropped_does_not_end_up_in_the_packet_before),
		cmocka_unit_test(finished_packets_come_out_in_order_and_slots_are_free_again_only_then),
		cmocka_unit_test(a_packet_may_leave_on_several_ways_with_its_own_tunnel_each),
		cmocka_unit_test(relayed_packets_need_no_slot_and_have_their_own_counters),
		cmocka_unit_test(what_was_forgotten_is_not_found_by_the_next_owner),
		cmocka_unit_test(without_memory_there_is_no_box_and_no_leak),
		cmocka_unit_test(at_rest_it_holds_nothing_and_is_as_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
