/* Packets in a stream of bytes: whole or not at all, however the bytes come and leave. */
#include "support.h"

#include "base/alloc.h"
#include "host/tcp_stream.h"

struct fixture {
	struct test_alloc alloc;
	struct kith_tcp_in in;
	struct kith_tcp_out out;
	uint8_t bytes[65536];
	size_t len;
};

static void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	test_alloc_init(&f->alloc);
}

static void fixture_deinit(struct fixture *f)
{
	kith_tcp_in_deinit(&f->in, &f->alloc.alloc);
	kith_tcp_out_deinit(&f->out, &f->alloc.alloc);
	test_alloc_check(&f->alloc);
}

/* A packet that can be told from others: its number, again and again. */
static void add(struct fixture *f, uint8_t number, size_t len)
{
	kith_tcp_length(f->bytes + f->len, len);
	memset(f->bytes + f->len + KITH_TCP_LENGTH, number, len);
	f->len += KITH_TCP_LENGTH + len;
}

static unsigned put(struct fixture *f, uint8_t number, size_t len, size_t max)
{
	uint8_t packet[KITH_TCP_PACKET_MAX];
	memset(packet, number, len);
	return kith_tcp_out_put(&f->out, &f->alloc.alloc, packet, len, 0, max);
}

/* The numbers of all packets that wait, which are whole. */
static size_t waiting(struct fixture *f, uint8_t numbers[], size_t n)
{
	const uint8_t *packet;
	size_t at = f->out.begun, found = 0;
	int len;
	while ((len = kith_tcp_cut(f->out.bytes + f->out.at, f->out.len, &at, &packet)) > 0) {
		assert_true(found < n);
		for (int i = 0; i < len; i++)
			assert_int_equal(packet[i], packet[0]);
		numbers[found++] = packet[0];
	}
	assert_int_equal(len, 0);
	assert_int_equal(at, f->out.len);
	return found;
}

static void packets_come_whole_in_pieces_of_any_size(void **state)
{
	static const size_t lengths[] = { 1, 1200, 2048, 2, 300, 255, 256, 257 };
	(void)state;
	for (size_t piece = 1; piece <= 5000; piece = piece < 20 ? piece + 1 : piece * 3) {
		struct fixture f;
		uint8_t room[KITH_TCP_UNIT_MAX + 5000];
		size_t seen = 0;
		fixture_init(&f);
		for (uint8_t i = 0; i < 8; i++)
			add(&f, (uint8_t)(i + 1), lengths[i]);
		for (size_t from = 0; from < f.len; from += piece) {
			size_t len = kith_tcp_in_begin(&f.in, &f.alloc.alloc, room), at = 0;
			size_t now = f.len - from < piece ? f.len - from : piece;
			const uint8_t *packet;
			int cut;
			memcpy(room + len, f.bytes + from, now);
			len += now;
			while ((cut = kith_tcp_cut(room, len, &at, &packet)) > 0) {
				assert_true(seen < 8);
				assert_int_equal(cut, lengths[seen]);
				for (int i = 0; i < cut; i++)
					assert_int_equal(packet[i], seen + 1);
				seen++;
			}
			assert_int_equal(cut, 0);
			assert_int_equal(kith_tcp_in_end(&f.in, &f.alloc.alloc, room + at, len - at), 0);
		}
		assert_int_equal(seen, 8);
		assert_null(f.in.part); /* nothing is held between packets */
		fixture_deinit(&f);
	}
}

static void a_length_of_nothing_or_of_too_much_is_none(void **state)
{
	static const uint8_t empty[] = { 0, 0, 1 }, long_one[] = { 0x08, 0x01 }, longest[] = { 0x08, 0x00 };
	const uint8_t *packet;
	size_t at = 0;
	(void)state;
	assert_int_equal(kith_tcp_cut(empty, sizeof empty, &at, &packet), KITH_EPROTO);
	assert_int_equal(kith_tcp_cut(long_one, sizeof long_one, &at, &packet), KITH_EPROTO);
	assert_int_equal(kith_tcp_cut(longest, sizeof longest, &at, &packet), 0); /* it may still come */
	assert_int_equal(kith_tcp_cut(longest, 1, &at, &packet), 0);
	assert_int_equal(at, 0);
}

static void what_came_in_part_needs_memory(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	f.alloc.fail_after = 0;
	assert_int_equal(kith_tcp_in_end(&f.in, &f.alloc.alloc, f.bytes, 1), KITH_ENOMEM);
	assert_int_equal(kith_tcp_in_end(&f.in, &f.alloc.alloc, f.bytes, 0), 0);
	fixture_deinit(&f);
}

static void what_waits_leaves_in_order(void **state)
{
	struct fixture f;
	uint8_t numbers[4];
	(void)state;
	fixture_init(&f);
	for (uint8_t i = 1; i <= 4; i++)
		assert_int_equal(put(&f, i, 1000, 8192), 0);
	assert_int_equal(waiting(&f, numbers, 4), 4);
	kith_tcp_out_left(&f.out, &f.alloc.alloc, 1002 + 500); /* one, and half of the next */
	assert_int_equal(f.out.begun, 502);
	assert_int_equal(waiting(&f, numbers, 4), 2);
	assert_true(numbers[0] == 3 && numbers[1] == 4);
	kith_tcp_out_left(&f.out, &f.alloc.alloc, 502 + 1002 + 1002);
	assert_null(f.out.bytes);
	fixture_deinit(&f);
}

/* A second of delay helps nobody: the oldest go. */
static void when_it_is_full_the_oldest_go(void **state)
{
	struct fixture f;
	uint8_t numbers[4];
	(void)state;
	fixture_init(&f);
	for (uint8_t i = 1; i <= 4; i++)
		assert_int_equal(put(&f, i, 998, 4000), 0);
	assert_int_equal(put(&f, 5, 500, 4000), 1);
	assert_int_equal(put(&f, 6, 1998, 4000), 2);
	assert_int_equal(waiting(&f, numbers, 4), 3);
	assert_true(numbers[0] == 4 && numbers[1] == 5 && numbers[2] == 6);
	assert_true(f.out.len <= 4000);
	fixture_deinit(&f);
}

static void what_has_left_in_part_is_finished(void **state)
{
	struct fixture f;
	uint8_t numbers[4];
	(void)state;
	fixture_init(&f);
	for (uint8_t i = 1; i <= 4; i++)
		assert_int_equal(put(&f, i, 998, 4000), 0);
	kith_tcp_out_left(&f.out, &f.alloc.alloc, 10);
	assert_int_equal(put(&f, 5, 998, 4000), 1); /* the second, since the first has begun */
	assert_int_equal(f.out.begun, 990);
	for (size_t i = 0; i < f.out.begun; i++)
		assert_int_equal(f.out.bytes[f.out.at + i], 1);
	assert_int_equal(waiting(&f, numbers, 4), 3);
	assert_true(numbers[0] == 3 && numbers[1] == 4 && numbers[2] == 5);
	fixture_deinit(&f);
}

static void a_packet_that_left_in_part_waits_for_the_rest(void **state)
{
	struct fixture f;
	uint8_t packet[100], numbers[4];
	(void)state;
	fixture_init(&f);
	memset(packet, 7, sizeof packet);
	assert_int_equal(kith_tcp_out_put(&f.out, &f.alloc.alloc, packet, 100, 1, 4000), 0);
	assert_int_equal(f.out.begun, 101);
	assert_int_equal(f.out.bytes[f.out.at], 100); /* the second byte of its length */
	assert_int_equal(put(&f, 8, 998, 4000), 0);
	assert_int_equal(waiting(&f, numbers, 4), 1);
	kith_tcp_out_left(&f.out, &f.alloc.alloc, 101);
	assert_int_equal(f.out.begun, 0);
	fixture_deinit(&f);
}

static void what_is_alone_too_much_is_dropped(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	assert_int_equal(put(&f, 1, 1000, 1001), 1);
	assert_null(f.out.bytes);
	f.alloc.fail_after = 0;
	assert_int_equal(put(&f, 1, 1000, 4000), 1);
	assert_int_equal(f.out.len, 0);
	fixture_deinit(&f);
}

/* Many times the bound goes through, and never is more held than twice of it. */
static void room_does_not_grow_with_what_goes_through(void **state)
{
	struct fixture f;
	unsigned dropped = 0;
	(void)state;
	fixture_init(&f);
	for (unsigned i = 0; i < 5000; i++) {
		dropped += put(&f, (uint8_t)i, 700 + i % 300, 20000);
		if (i % 3 == 0)
			kith_tcp_out_left(&f.out, &f.alloc.alloc, f.out.len < 900 ? f.out.len : 900);
		assert_true(f.out.len <= 20000 && f.out.cap <= 65536);
	}
	assert_true(dropped > 1000);
	fixture_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_come_whole_in_pieces_of_any_size),
		cmocka_unit_test(a_length_of_nothing_or_of_too_much_is_none),
		cmocka_unit_test(what_came_in_part_needs_memory),
		cmocka_unit_test(what_waits_leaves_in_order),
		cmocka_unit_test(when_it_is_full_the_oldest_go),
		cmocka_unit_test(what_has_left_in_part_is_finished),
		cmocka_unit_test(a_packet_that_left_in_part_waits_for_the_rest),
		cmocka_unit_test(what_is_alone_too_much_is_dropped),
		cmocka_unit_test(room_does_not_grow_with_what_goes_through),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
