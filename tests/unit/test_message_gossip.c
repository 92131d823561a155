#include "support.h"

#include "message_cases.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static int read_hex(struct message *m, uint8_t *body, size_t cap, enum message_kind kind, const char *hex)
{
	return message_read(m, kind, test_span(body, test_hex(body, cap, hex)));
}

static void parts_of_another_type_or_length_make_a_body_malformed(void **state)
{
	(void)state;
	static const struct {
		enum message_kind kind;
		const char *hex, *why;
	} rows[] = {
		{ MESSAGE_gossip, "810105", "digests: a number" },
		{ MESSAGE_gossip, "8101c40100", "digests: one byte" },
		{ MESSAGE_gossip, "8102c0", "offers: nil" },
		{ MESSAGE_gossip, "8102c40100", "offers: one byte" },
		{ MESSAGE_gossip, "810390", "wants: a list" },
		{ MESSAGE_gossip, "8103c40100", "wants: one byte" },
		{ MESSAGE_gossip, "8104b0000102030405060708090a0b0c0d0e0f", "cursor: text" },
		{ MESSAGE_gossip, "8104c40100", "cursor: one byte" },
		{ MESSAGE_gossip, "8104c4200001020304050607080910111213141500010203040506070809101112131415",
		  "cursor: two" },
		{ MESSAGE_gossiped, "8101c2", "digests: a truth value" },
		{ MESSAGE_gossiped, "810200", "lists: a number" },
		{ MESSAGE_gossiped, "8102c405010000000f", "lists: a header cut short" },
		{ MESSAGE_gossiped, "8102c406010000000f01", "lists: an offer missing" },
		{ MESSAGE_gossiped, "8102c406000000000000", "lists: of everything" },
		{ MESSAGE_gossiped, "8102c406010000001000", "lists: a path of two digits at depth 1" },
		{ MESSAGE_gossiped, "8102c406090000000000", "lists: nine digits" },
		{ MESSAGE_gossiped, "8104c40100", "cursor: one byte" },
		{ MESSAGE_gossiped, "8106c40100", "offers: one byte" },
	};
	static struct message m;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t body[64];
		if (read_hex(&m, body, sizeof body, rows[i].kind, rows[i].hex) != KITH_EPROTO)
			fail_msg("%s: %s", message_name(rows[i].kind), rows[i].why);
	}
}

static void numbers_and_entries_of_another_type_count_as_absent(void **state)
{
	(void)state;
	static struct message m;
	uint8_t body[64];
	assert_int_equal(read_hex(&m, body, sizeof body, MESSAGE_gossip, "8100a0"), 0);
	assert_true(m.as.gossip.salt == 0);
	assert_int_equal(read_hex(&m, body, sizeof body, MESSAGE_gossiped, "8205cf0000000100000000069101"),
			 KITH_EPROTO); /* an array of offers */
	assert_int_equal(read_hex(&m, body, sizeof body, MESSAGE_gossiped, "830392c4017f0505cf000000010000000006c400"),
			 0);
	assert_int_equal(m.as.gossiped.count, 0); /* more than 32 bits */
	assert_int_equal(m.as.gossiped.entries.n, 1);
	assert_int_equal(m.as.gossiped.entries.at[0].p[0], 0x7f);
	assert_null(m.as.gossiped.offers.p); /* no bytes are no offers */
}

/* A body with one part of n equal digests under key 1. */
static int read_digests(enum message_kind kind, uint8_t depth, uint32_t path, unsigned n)
{
	static uint8_t part[32 * KITH_GOSSIP_DIGEST_LEN], body[sizeof part + 16];
	static struct message m;
	struct kith_gossip_digest d = { .range = { depth, path } };
	struct kith_writer w = kith_writer_of(part, sizeof part);
	for (unsigned i = 0; i < n; i++)
		kith_gossip_digest_write(&w, &d);
	memset(&m, 0, sizeof m);
	m.kind = kind;
	struct kith_span digests = { part, kith_writer_len(&w) };
	if (kind == MESSAGE_gossip)
		m.as.gossip.digests = digests;
	else
		m.as.gossiped.digests = digests;
	size_t len = message_write(body, sizeof body, &m);
	assert_true(len > 0);
	return message_read(&m, kind, test_span(body, len));
}

static void digests_end_at_their_number_and_depth(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 20; n++) {
		assert_int_equal(read_digests(MESSAGE_gossip, 0, 0, n), n <= 7 ? 0 : KITH_EPROTO);
		assert_int_equal(read_digests(MESSAGE_gossiped, 1, 15, n), n <= 16 ? 0 : KITH_EPROTO);
	}
	for (uint8_t depth = 0; depth < 10; depth++) {
		uint32_t above = depth < 8 ? UINT32_C(1) << (4 * depth) : 0;
		assert_int_equal(read_digests(MESSAGE_gossip, depth, above - 1, 1), depth <= 7 ? 0 : KITH_EPROTO);
		assert_int_equal(read_digests(MESSAGE_gossip, depth, above, 1), KITH_EPROTO);
	}
	assert_int_equal(read_digests(MESSAGE_gossip, 255, 0, 1), KITH_EPROTO);
}

static void a_walk_gives_back_what_was_written(void **state)
{
	(void)state;
	uint8_t bytes[2 * KITH_GOSSIP_DIGEST_LEN], prefix[KITH_MEMBER_ID_PREFIX];
	struct kith_gossip_digest d = { .range = { 7, 0x0fffffff } }, got;
	memset(prefix, 0xa5, sizeof prefix);
	for (unsigned i = 0; i < KITH_GOSSIP_FANOUT; i++)
		d.x[i] = UINT64_MAX - i;
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_gossip_digest_write(&w, &d);
	kith_gossip_digest_write(&w, &d);
	assert_true(kith_writer_len(&w) == sizeof bytes && !w.bad);
	struct kith_reader r = kith_reader_of(bytes, sizeof bytes);
	for (int i = 0; i < 2; i++) {
		assert_true(kith_gossip_digest_next(&r, &got));
		assert_int_equal(got.range.depth, 7);
		assert_int_equal(got.range.path, 0x0fffffff);
		assert_memory_equal(got.x, d.x, sizeof d.x);
	}
	assert_false(kith_gossip_digest_next(&r, &got));
	assert_true(kith_reader_done(&r));

	w = kith_writer_of(bytes, sizeof bytes);
	kith_gossip_list_header_write(&w, (struct kith_gossip_range){ 8, UINT32_MAX }, 2);
	kith_gossip_offer_write(&w, prefix, 1);
	kith_gossip_offer_write(&w, prefix, UINT64_MAX);
	assert_int_equal(kith_writer_len(&w), KITH_GOSSIP_LIST_HEADER_LEN + 2 * KITH_GOSSIP_OFFER_LEN);
	r = kith_reader_of(bytes, kith_writer_len(&w));
	struct kith_gossip_list list;
	struct kith_gossip_offer offer;
	assert_true(kith_gossip_list_next(&r, &list));
	assert_int_equal(list.range.depth, 8);
	assert_true(list.range.path == UINT32_MAX);
	assert_int_equal(list.n, 2);
	assert_false(kith_gossip_list_next(&r, &list));
	assert_true(kith_reader_done(&r));
	r = kith_reader_of_span(list.offers);
	assert_true(kith_gossip_offer_next(&r, &offer));
	assert_true(offer.seq == 1);
	assert_true(kith_gossip_offer_next(&r, &offer));
	assert_true(offer.seq == UINT64_MAX);
	assert_memory_equal(offer.prefix, prefix, sizeof prefix);
	assert_false(kith_gossip_offer_next(&r, &offer));
	assert_true(kith_reader_done(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_another_type_or_length_make_a_body_malformed),
		cmocka_unit_test(numbers_and_entries_of_another_type_count_as_absent),
		cmocka_unit_test(digests_end_at_their_number_and_depth),
		cmocka_unit_test(a_walk_gives_back_what_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
