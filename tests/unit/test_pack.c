#include "support.h"

#include "codec/pack.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Parses from a heap block of exactly the right size, so that the sanitizer sees any read past the end. */
static int parse_exact(struct kith_unpacked *out, const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len + (len == 0));
	assert_non_null(copy);
	memcpy(copy, p, len);
	int err = kith_unpack_parse(out, test_span(copy, len));
	free(copy);
	return err;
}

static int parse_hex(const char *hex)
{
	struct kith_unpacked pk;
	uint8_t bytes[256];
	return parse_exact(&pk, bytes, test_hex(bytes, sizeof bytes, hex));
}

static size_t sample(uint8_t *out, size_t cap)
{
	struct kith_packer w;
	kith_packer_init(&w, out, cap);
	struct kith_pack_map outer = kith_pack_map_begin(&w);
	kith_pack_key(&w, 0);
	kith_pack_uint(&w, UINT64_MAX);
	kith_pack_key(&w, 1);
	kith_pack_bytes(&w, (const uint8_t *)"alice", 5);
	kith_pack_key(&w, 5);
	kith_pack_bytes(&w, (const uint8_t *)"\0\1\2", 3);
	kith_pack_key(&w, 200);
	kith_pack_array(&w, 3);
	kith_pack_uint(&w, 7);
	struct kith_pack_map inner = kith_pack_map_begin(&w);
	kith_pack_key(&w, 9);
	kith_pack_bool(&w, false);
	kith_pack_map_end(&w, inner);
	kith_pack_uint(&w, 300);
	kith_pack_key(&w, 70000);
	kith_pack_bool(&w, true);
	kith_pack_key(&w, UINT32_MAX);
	kith_pack_bytes(&w, NULL, 0);
	kith_pack_map_end(&w, outer);
	return w.bad ? 0 : w.len;
}

static void what_is_packed_is_read_back(void **state)
{
	(void)state;
	uint8_t buf[128], fixed[3];
	struct kith_unpacked pk;
	uint64_t num = 0;
	bool flag = false;
	struct kith_span bytes;
	size_t len = sample(buf, sizeof buf);
	assert_true(len > 0);
	assert_int_equal(kith_unpack_parse(&pk, test_span(buf, len)), 0);
	const struct kith_unpack_item *root = kith_unpack_root(&pk);
	assert_int_equal(root->type, KITH_UNPACK_MAP);
	assert_int_equal(root->count, 6);
	assert_int_equal(root->next, pk.n);
	assert_true(kith_unpack_get_uint(&pk, root, 0, UINT64_MAX, &num));
	assert_true(num == UINT64_MAX);
	assert_true(kith_unpack_get_bytes(&pk, root, 1, 5, &bytes));
	assert_memory_equal(bytes.p, "alice", 5);
	assert_true(kith_unpack_get_bytes(&pk, root, 5, 3, &bytes));
	assert_int_equal(bytes.len, 3);
	assert_true(bytes.p > buf && bytes.p < buf + len);
	assert_true(kith_unpack_get_fixed(&pk, root, 5, fixed, 3));
	assert_memory_equal(fixed, "\0\1\2", 3);
	assert_true(kith_unpack_get_bool(&pk, root, 70000, &flag));
	assert_true(flag);
	assert_true(kith_unpack_get_bytes(&pk, root, UINT32_MAX, 0, &bytes));
	assert_int_equal(bytes.len, 0);
	assert_non_null(bytes.p);

	const struct kith_unpack_item *array = kith_unpack_get(&pk, root, 200);
	assert_int_equal(array->type, KITH_UNPACK_ARRAY);
	assert_int_equal(array->count, 3);
	const struct kith_unpack_item *item = kith_unpack_first(&pk, array);
	assert_true(item->type == KITH_UNPACK_UINT && item->num == 7);
	item = kith_unpack_after(&pk, item);
	assert_true(kith_unpack_get_bool(&pk, item, 9, &flag));
	assert_false(flag);
	item = kith_unpack_after(&pk, item);
	assert_true(item->type == KITH_UNPACK_UINT && item->num == 300);
}

static void packed_bytes_are_as_the_format_says(void **state)
{
	(void)state;
	uint8_t buf[128], want[128];
	size_t want_len = test_hex(want, sizeof want,
				   "8600cfffffffffffffffff01c405616c69636505c403000102"
				   "ccc893078109c2cd012cce00011170c3ceffffffffc400");
	assert_int_equal(sample(buf, sizeof buf), want_len);
	assert_memory_equal(buf, want, want_len);
}

/* The header takes 1, 3 or 5 bytes; what follows it must not be hurt. */
static void a_map_counts_its_entries_whatever_their_number(void **state)
{
	(void)state;
	static const struct {
		uint32_t entries;
		const char *header;
	} rows[] = { { 0, "80" }, { 1, "81" }, { 15, "8f" }, { 16, "de0010" }, { 300, "de012c" } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t buf[2048], header[5];
		size_t header_len = test_hex(header, sizeof header, rows[i].header);
		struct kith_packer w;
		kith_packer_init(&w, buf, sizeof buf);
		struct kith_pack_map outer = kith_pack_map_begin(&w);
		kith_pack_key(&w, 5);
		struct kith_pack_map inner = kith_pack_map_begin(&w);
		size_t entries_len = 0;
		for (uint32_t key = 0; key < rows[i].entries; key++) {
			kith_pack_key(&w, key);
			kith_pack_bool(&w, true);
			entries_len += (key < 128 ? 2u : key < 256 ? 3u : 4u);
		}
		kith_pack_map_end(&w, inner);
		kith_pack_key(&w, 6);
		kith_pack_bool(&w, false);
		kith_pack_map_end(&w, outer);
		assert_false(w.bad);
		assert_memory_equal(buf, "\x82\x05", 2);
		assert_memory_equal(buf + 2, header, header_len);
		assert_memory_equal(buf + w.len - 2, "\x06\xc2", 2);
		assert_int_equal(w.len, 2 + header_len + entries_len + 2);
	}
}

static void absent_or_mistyped_values_leave_the_output_alone(void **state)
{
	(void)state;
	uint8_t buf[128], fixed[4] = { 9, 9, 9, 9 };
	struct kith_unpacked pk;
	uint64_t num = 42;
	bool flag = true;
	struct kith_span bytes = { NULL, 77 };
	assert_int_equal(kith_unpack_parse(&pk, test_span(buf, sample(buf, sizeof buf))), 0);
	const struct kith_unpack_item *root = kith_unpack_root(&pk);
	assert_false(kith_unpack_get_uint(&pk, root, 2, UINT64_MAX, &num)); /* absent */
	assert_false(kith_unpack_get_uint(&pk, root, 9, UINT64_MAX, &num)); /* a key of the inner map only */
	assert_false(kith_unpack_get_uint(&pk, root, 0, UINT64_MAX - 1, &num)); /* above max */
	assert_false(kith_unpack_get_uint(&pk, root, 70000, UINT64_MAX, &num)); /* a bool */
	assert_false(kith_unpack_get_uint(&pk, NULL, 0, UINT64_MAX, &num));
	assert_false(kith_unpack_get_bool(&pk, root, 0, &flag));
	assert_false(kith_unpack_get_bytes(&pk, root, 5, 2, &bytes)); /* longer than allowed */
	assert_false(kith_unpack_get_fixed(&pk, root, 5, fixed, 2));
	assert_false(kith_unpack_get_fixed(&pk, root, 5, fixed, 4));
	assert_null(kith_unpack_get(&pk, kith_unpack_get(&pk, root, 200), 9)); /* an array is no map */
	assert_null(kith_unpack_first(&pk, root)); /* a map is no array */
	assert_null(kith_unpack_first(&pk, NULL));
	assert_null(kith_unpack_after(&pk, NULL));
	assert_null(kith_unpack_after(&pk, root));
	assert_int_equal(num, 42);
	assert_true(flag);
	assert_int_equal(bytes.len, 77);
	assert_memory_equal(fixed, "\x09\x09\x09\x09", 4);
}

/* No body of ours has one; one of a later version may. */
static void text_is_well_formed_and_is_not_bytes(void **state)
{
	(void)state;
	struct kith_unpacked pk;
	struct kith_span bytes;
	uint8_t body[] = { 0x82, 0x01, 0xa3, 'a', 0, 'b', 0x02, 0xc4, 0x00 };
	assert_int_equal(kith_unpack_parse(&pk, test_span(body, sizeof body)), 0);
	const struct kith_unpack_item *root = kith_unpack_root(&pk);
	assert_int_equal(kith_unpack_get(&pk, root, 1)->type, KITH_UNPACK_TEXT);
	assert_false(kith_unpack_get_bytes(&pk, root, 1, 100, &bytes));
	assert_true(kith_unpack_get_bytes(&pk, root, 2, 100, &bytes));
}

static void a_packer_without_room_turns_bad_and_writes_no_byte_too_many(void **state)
{
	(void)state;
	uint8_t buf[128], whole[128];
	size_t len = sample(whole, sizeof whole);
	for (size_t cap = 0; cap < len; cap++) {
		memset(buf, 0xee, sizeof buf);
		assert_int_equal(sample(buf, cap), 0);
		for (size_t i = cap; i < sizeof buf; i++)
			assert_int_equal(buf[i], 0xee);
	}
	assert_int_equal(sample(buf, len), len);
}

static void a_packer_refuses_what_no_one_would_read(void **state)
{
	(void)state;
	static uint8_t buf[KITH_PACK_LEN_MAX + 100], bytes[KITH_PACK_LEN_MAX];
	struct kith_packer w;
	kith_packer_init(&w, buf, sizeof buf);
	kith_pack_bytes(&w, bytes, KITH_PACK_LEN_MAX - 3);
	assert_false(w.bad);
	assert_int_equal(w.len, KITH_PACK_LEN_MAX);
	kith_pack_bool(&w, true);
	assert_true(w.bad);
	kith_packer_init(&w, buf, sizeof buf);
#if SIZE_MAX > UINT32_MAX
	kith_pack_bytes(&w, bytes, (size_t)UINT32_MAX + 2); /* would be cut to 32 bits */
	assert_true(w.bad);
	kith_packer_init(&w, buf, sizeof buf);
#endif
	kith_pack_bytes(&w, bytes, SIZE_MAX);
	assert_true(w.bad);
	assert_int_equal(w.len, 0);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	uint8_t buf[128];
	struct kith_unpacked pk;
	size_t len = sample(buf, sizeof buf);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(parse_exact(&pk, buf, cut), KITH_EPROTO);
	assert_int_equal(parse_exact(&pk, buf, len), 0);
	buf[len] = 0xc0;
	assert_int_equal(parse_exact(&pk, buf, len + 1), KITH_EPROTO);
}

struct malformed {
	const char *hex, *why;
};

static void expect_refused(const struct malformed *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (parse_hex(rows[i].hex) != KITH_EPROTO)
			fail_msg("accepted: %s (%s)", rows[i].hex, rows[i].why);
	}
}

static void bodies_of_another_shape_are_refused(void **state)
{
	static const struct malformed rows[] = {
		{ "", "empty" },
		{ "c0", "nil root" },
		{ "00", "number root" },
		{ "90", "array root" },
		{ "9180", "array root around a map" },
		{ "a0", "text root" },
		{ "c400", "bytes root" },
		{ "c1", "reserved byte" },
		{ "8101c1", "reserved byte as value" },
		{ "8000", "trailing byte" },
		{ "8080", "trailing map" },
		{ "81", "no key" },
		{ "8101", "no value" },
		{ "820101", "second entry missing" },
		{ "8201000100", "duplicate key" },
		{ "8202000100", "descending keys" },
		{ "820000cc0000", "duplicate key in another width" },
		{ "81018205000500", "duplicate key in an inner map" },
		{ "81a000", "text as key" },
		{ "81c40000", "bytes as key" },
		{ "81c000", "nil as key" },
		{ "81c200", "false as key" },
		{ "81c300", "true as key" },
		{ "818000", "map as key" },
		{ "819000", "array as key" },
		{ "81ff00", "negative key" },
		{ "81cf000000010000000000", "key of 33 bits" },
	};
	(void)state;
	expect_refused(rows, COUNT(rows));
}

static void values_of_another_type_are_refused(void **state)
{
	static const struct malformed rows[] = {
		{ "8101ff", "negative fixint" },
		{ "8101e0", "negative fixint, lowest" },
		{ "8101d080", "negative int8" },
		{ "8101d1ffff", "negative int16" },
		{ "8101d2ffffffff", "negative int32" },
		{ "8101d3ffffffffffffffff", "negative int64" },
		{ "8101ca3f800000", "float" },
		{ "8101cb3ff0000000000000", "double" },
		{ "8101d40000", "fixext 1" },
		{ "8101d5000000", "fixext 2" },
		{ "8101d60000000000", "fixext 4, a timestamp" },
		{ "8101d7000000000000000000", "fixext 8" },
		{ "8101d80000000000000000000000000000000000", "fixext 16" },
		{ "8101c70000", "ext 8" },
		{ "8101c8000000", "ext 16" },
		{ "8101c90000000000", "ext 32" },
		{ "8101c9ffffffff00", "ext 32 whose length overflows" },
	};
	(void)state;
	expect_refused(rows, COUNT(rows));
}

static void lengths_beyond_the_body_are_refused(void **state)
{
	static const struct malformed rows[] = {
		{ "8101dbffffffff", "text of 4 GiB" },
		{ "8101c6ffffffff00", "bytes of 4 GiB" },
		{ "8101c5ffff00", "bytes of 64 KiB" },
		{ "8101a261", "text cut short" },
		{ "8101d9", "text without its length" },
		{ "8101cdff", "number cut short" },
		{ "dfffffffff", "map of 2^32 - 1" },
		{ "df80000000", "map of 2^31: twice that wraps" },
		{ "deffff", "map of 2^16 - 1" },
		{ "8101ddffffffff00000000000000000000", "array of 2^32 - 1 in 16 bytes" },
		{ "8101dcffff", "array of 2^16 - 1" },
	};
	(void)state;
	expect_refused(rows, COUNT(rows));
}

static void unusual_but_correct_encodings_are_read(void **state)
{
	(void)state;
	/* clang-format off */
	static const char *const rows[] = {
		"80", "de0000", "df00000000", /* empty maps */
		"8101c0", "810190", "810180", "8101dc0000", "8101dd00000000", "8101a0", "8101d900", "8101da0000",
		"8101db00000000", "8101c400", "8101c50000", "8101c600000000",
		"81cc0100", "81cd000100", "81ce0000000100", "81cf000000000000000100", "81d00100", /* the key 1 */
		"8101d07f", "8101d17fff", "8101d27fffffff", "8101d37fffffffffffffff",
		"820081050006810500", /* one key in two maps */
		"81ceffffffff00", /* the highest key */
	};
	/* clang-format on */
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (parse_hex(rows[i]) != 0)
			fail_msg("refused: %s", rows[i]);
	}
}

static void a_zero_length_value_after_a_long_one_is_empty(void **state)
{
	(void)state;
	struct kith_unpacked pk;
	uint8_t body[32];
	size_t len = test_hex(body, sizeof body, "8401a361626302a003c40004d900");
	assert_int_equal(kith_unpack_parse(&pk, test_span(body, len)), 0);
	for (uint32_t key = 2; key <= 4; key++)
		assert_int_equal(kith_unpack_get(&pk, kith_unpack_root(&pk), key)->bytes.len, 0);
	/* Its pointer is into the body even if nothing came before it. */
	len = test_hex(body, sizeof body, "8101a0");
	assert_int_equal(kith_unpack_parse(&pk, test_span(body, len)), 0);
	assert_ptr_equal(kith_unpack_get(&pk, kith_unpack_root(&pk), 1)->bytes.p, body);
}

/* depth containers, each in the one before; the innermost is empty or holds a number. */
static int parse_nested(unsigned depth, bool arrays, bool empty)
{
	uint8_t body[64];
	size_t n = 0;
	struct kith_unpacked pk;
	for (unsigned i = 1; i <= depth; i++) {
		bool array = arrays && i > 1, last = i == depth;
		body[n++] = (uint8_t)((array ? 0x90 : 0x80) | !(last && empty));
		if (!array && !(last && empty))
			body[n++] = 1;
	}
	if (!empty)
		body[n++] = 1;
	return parse_exact(&pk, body, n);
}

static void depth_ends_at_its_bound(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth <= 20; depth++) {
		for (unsigned how = 0; how < 4; how++) {
			int want = depth <= KITH_PACK_DEPTH_MAX ? 0 : KITH_EPROTO;
			assert_int_equal(parse_nested(depth, how / 2 == 1, how % 2 == 1), want);
		}
	}
}

/* A map of one array with so many numbers: three items more. */
static int parse_array_of(uint32_t numbers)
{
	static uint8_t body[1024];
	struct kith_packer w;
	struct kith_unpacked pk;
	kith_packer_init(&w, body, sizeof body);
	struct kith_pack_map map = kith_pack_map_begin(&w);
	kith_pack_key(&w, 1);
	kith_pack_array(&w, numbers);
	for (uint32_t i = 0; i < numbers; i++)
		kith_pack_uint(&w, i % 100);
	kith_pack_map_end(&w, map);
	assert_false(w.bad);
	return parse_exact(&pk, body, w.len);
}

static void items_end_at_their_bound(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(parse_array_of(i), i + 3 <= KITH_PACK_ITEMS_MAX ? 0 : KITH_EPROTO);
}

/* Each announced count fits by itself, and their sum does not. */
static void items_end_at_their_bound_in_nested_containers_too(void **state)
{
	(void)state;
	static uint8_t body[1024];
	for (uint32_t inner = 40; inner < 80; inner++) {
		struct kith_packer w;
		struct kith_unpacked pk;
		kith_packer_init(&w, body, sizeof body);
		struct kith_pack_map map = kith_pack_map_begin(&w);
		kith_pack_key(&w, 1);
		kith_pack_array(&w, 200);
		kith_pack_array(&w, inner);
		for (uint32_t i = 0; i < inner + 199; i++)
			kith_pack_uint(&w, 1);
		kith_pack_map_end(&w, map);
		uint32_t items = 3 + 200 + inner;
		assert_int_equal(parse_exact(&pk, body, w.len), items <= KITH_PACK_ITEMS_MAX ? 0 : KITH_EPROTO);
	}
}

static void the_last_entry_of_a_full_map_is_found(void **state)
{
	(void)state;
	static uint8_t body[1024];
	const uint32_t entries = (KITH_PACK_ITEMS_MAX - 1) / 2;
	struct kith_packer w;
	struct kith_unpacked pk;
	kith_packer_init(&w, body, sizeof body);
	struct kith_pack_map map = kith_pack_map_begin(&w);
	for (uint32_t i = 0; i < entries; i++) {
		kith_pack_key(&w, i * 3);
		kith_pack_uint(&w, i * 3 + 1); /* values that are not taken for keys */
	}
	kith_pack_map_end(&w, map);
	assert_int_equal(kith_unpack_parse(&pk, test_span(body, w.len)), 0);
	for (uint32_t key = 0; key < entries * 3; key++) {
		uint64_t v = 0;
		assert_int_equal(kith_unpack_get_uint(&pk, kith_unpack_root(&pk), key, UINT64_MAX, &v), key % 3 == 0);
		assert_int_equal(v, key % 3 == 0 ? key + 1 : 0);
	}
}

static void a_body_longer_than_the_bound_is_refused(void **state)
{
	(void)state;
	static uint8_t body[KITH_PACK_LEN_MAX + 1] = { 0x81, 0x01, 0xc5 };
	struct kith_unpacked pk;
	for (size_t len = KITH_PACK_LEN_MAX; len <= sizeof body; len++) {
		body[3] = (uint8_t)((len - 5) >> 8);
		body[4] = (uint8_t)(len - 5);
		assert_int_equal(kith_unpack_parse(&pk, test_span(body, len)),
				 len <= KITH_PACK_LEN_MAX ? 0 : KITH_EPROTO);
	}
}

/* Walks one value through its public face; returns the index after it. Asserts what every caller relies on. */
static size_t walk(const struct kith_unpacked *pk, size_t at, struct kith_span body)
{
	const struct kith_unpack_item *item = &pk->items[at];
	assert_true(at < pk->n && item->next > at && item->next <= pk->n);
	size_t after = at + 1;
	if (item->type == KITH_UNPACK_BYTES || item->type == KITH_UNPACK_TEXT) {
		assert_true(item->bytes.p >= body.p && item->bytes.len <= body.len);
		assert_true(item->bytes.p + item->bytes.len <= body.p + body.len);
	} else if (item->type == KITH_UNPACK_ARRAY) {
		for (unsigned i = 0; i < item->count; i++)
			after = walk(pk, after, body);
	} else if (item->type == KITH_UNPACK_MAP) {
		for (unsigned i = 0; i < item->count; i++) {
			assert_int_equal(pk->items[after].type, KITH_UNPACK_UINT);
			assert_ptr_equal(kith_unpack_get(pk, item, (uint32_t)pk->items[after].num),
					 &pk->items[after + 1]);
			after = walk(pk, after + 1, body);
		}
	}
	assert_int_equal(item->next, after);
	return after;
}

static void mutated_bodies_are_refused_or_stay_within_their_bounds(void **state)
{
	(void)state;
	struct test_random rnd;
	uint8_t whole[128], buf[128];
	size_t len = sample(whole, sizeof whole);
	unsigned parsed = 0, refused = 0;
	test_random_init(&rnd, 11);
	for (unsigned round = 0; round < 50000; round++) {
		struct kith_unpacked pk;
		uint64_t r = test_random_next(&rnd);
		memcpy(buf, whole, len);
		for (unsigned i = 0; i <= r % 3; i++)
			buf[test_random_next(&rnd) % len] = (uint8_t)test_random_next(&rnd);
		if (kith_unpack_parse(&pk, test_span(buf, len)) == 0) {
			parsed++;
			assert_int_equal(walk(&pk, 0, test_span(buf, len)), pk.n);
		} else {
			refused++;
		}
	}
	assert_true(parsed > 1000 && refused > 1000);
}

static void a_list_gives_the_byte_strings_of_an_array_and_skips_the_rest(void **state)
{
	uint8_t body[64];
	struct kith_packer pk;
	struct kith_unpacked p;
	struct kith_span bytes;
	(void)state;
	kith_packer_init(&pk, body, sizeof body);
	struct kith_pack_map map = kith_pack_map_begin(&pk);
	kith_pack_key(&pk, 1);
	kith_pack_array(&pk, 4);
	kith_pack_uint(&pk, 7);
	kith_pack_bytes(&pk, (const uint8_t *)"ab", 2);
	kith_pack_array(&pk, 1); /* an inner array is passed over whole */
	kith_pack_bytes(&pk, (const uint8_t *)"inner", 5);
	kith_pack_bytes(&pk, (const uint8_t *)"c", 1);
	kith_pack_key(&pk, 2);
	kith_pack_uint(&pk, 9);
	kith_pack_map_end(&pk, map);
	assert_int_equal(kith_unpack_parse(&p, test_span(body, pk.len)), 0);
	struct kith_unpack_list l = kith_unpack_list(&p, kith_unpack_root(&p), 1);
	assert_true(kith_unpack_list_next(&l, &bytes));
	assert_int_equal(bytes.len, 2);
	assert_memory_equal(bytes.p, "ab", 2);
	assert_true(kith_unpack_list_next(&l, &bytes));
	assert_int_equal(bytes.len, 1);
	assert_memory_equal(bytes.p, "c", 1);
	assert_false(kith_unpack_list_next(&l, &bytes));
	l = kith_unpack_list(&p, kith_unpack_root(&p), 2); /* no array */
	assert_false(kith_unpack_list_next(&l, &bytes));
	l = kith_unpack_list(&p, kith_unpack_root(&p), 3); /* absent */
	assert_false(kith_unpack_list_next(&l, &bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_gives_the_byte_strings_of_an_array_and_skips_the_rest),
		cmocka_unit_test(what_is_packed_is_read_back),
		cmocka_unit_test(packed_bytes_are_as_the_format_says),
		cmocka_unit_test(a_map_counts_its_entries_whatever_their_number),
		cmocka_unit_test(absent_or_mistyped_values_leave_the_output_alone),
		cmocka_unit_test(text_is_well_formed_and_is_not_bytes),
		cmocka_unit_test(a_packer_without_room_turns_bad_and_writes_no_byte_too_many),
		cmocka_unit_test(a_packer_refuses_what_no_one_would_read),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(bodies_of_another_shape_are_refused),
		cmocka_unit_test(values_of_another_type_are_refused),
		cmocka_unit_test(lengths_beyond_the_body_are_refused),
		cmocka_unit_test(unusual_but_correct_encodings_are_read),
		cmocka_unit_test(a_zero_length_value_after_a_long_one_is_empty),
		cmocka_unit_test(depth_ends_at_its_bound),
		cmocka_unit_test(items_end_at_their_bound),
		cmocka_unit_test(items_end_at_their_bound_in_nested_containers_too),
		cmocka_unit_test(the_last_entry_of_a_full_map_is_found),
		cmocka_unit_test(a_body_longer_than_the_bound_is_refused),
		cmocka_unit_test(mutated_bodies_are_refused_or_stay_within_their_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
