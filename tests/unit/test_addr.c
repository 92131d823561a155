#include "support.h"

#include "base/addr.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct kith_addr addr_of(const char *text)
{
	struct kith_addr a;
	if (kith_addr_parse(&a, text) != 0)
		fail_msg("does not parse: %s", text);
	return a;
}

static const struct {
	const char *text;
	enum kith_addr_scope scope;
} scope_rows[] = {
	{ "0.0.0.0:1", KITH_SCOPE_NONE },
	{ "0.255.255.255:1", KITH_SCOPE_NONE },
	{ "1.0.0.0:1", KITH_SCOPE_PUBLIC },
	{ "9.255.255.255:1", KITH_SCOPE_PUBLIC },
	{ "10.0.0.0:1", KITH_SCOPE_PRIVATE },
	{ "10.255.255.255:1", KITH_SCOPE_PRIVATE },
	{ "11.0.0.0:1", KITH_SCOPE_PUBLIC },
	{ "100.63.255.255:1", KITH_SCOPE_PUBLIC },
	{ "100.64.0.0:1", KITH_SCOPE_PRIVATE },
	{ "100.127.255.255:1", KITH_SCOPE_PRIVATE },
	{ "100.128.0.0:1", KITH_SCOPE_PUBLIC },
	{ "126.255.255.255:1", KITH_SCOPE_PUBLIC },
	{ "127.0.0.0:1", KITH_SCOPE_LOOPBACK },
	{ "127.0.0.1:1", KITH_SCOPE_LOOPBACK },
	{ "127.255.255.255:1", KITH_SCOPE_LOOPBACK },
	{ "128.0.0.0:1", KITH_SCOPE_PUBLIC },
	{ "169.253.255.255:1", KITH_SCOPE_PUBLIC },
	{ "169.254.0.0:1", KITH_SCOPE_LINK },
	{ "169.254.255.255:1", KITH_SCOPE_LINK },
	{ "169.255.0.0:1", KITH_SCOPE_PUBLIC },
	{ "172.15.255.255:1", KITH_SCOPE_PUBLIC },
	{ "172.16.0.0:1", KITH_SCOPE_PRIVATE },
	{ "172.31.255.255:1", KITH_SCOPE_PRIVATE },
	{ "172.32.0.0:1", KITH_SCOPE_PUBLIC },
	{ "192.0.0.0:1", KITH_SCOPE_PRIVATE },
	{ "192.0.0.7:1", KITH_SCOPE_PRIVATE },
	{ "192.0.0.8:1", KITH_SCOPE_PUBLIC },
	{ "192.167.255.255:1", KITH_SCOPE_PUBLIC },
	{ "192.168.0.0:1", KITH_SCOPE_PRIVATE },
	{ "192.168.255.255:1", KITH_SCOPE_PRIVATE },
	{ "192.169.0.0:1", KITH_SCOPE_PUBLIC },
	{ "223.255.255.255:1", KITH_SCOPE_PUBLIC },
	{ "224.0.0.0:1", KITH_SCOPE_NONE },
	{ "239.255.255.255:1", KITH_SCOPE_NONE },
	{ "240.0.0.0:1", KITH_SCOPE_NONE },
	{ "255.255.255.254:1", KITH_SCOPE_NONE },
	{ "255.255.255.255:1", KITH_SCOPE_NONE },
	{ "[::]:1", KITH_SCOPE_NONE },
	{ "[::1]:1", KITH_SCOPE_LOOPBACK },
	{ "[::2]:1", KITH_SCOPE_NONE },
	{ "[::8.8.8.8]:1", KITH_SCOPE_NONE },
	{ "[::ffff:8.8.8.8]:1", KITH_SCOPE_NONE },
	{ "[::ffff:127.0.0.1]:1", KITH_SCOPE_NONE },
	{ "[64:ff9b::8.8.8.8]:1", KITH_SCOPE_PUBLIC },
	{ "[64:ff9b::127.0.0.1]:1", KITH_SCOPE_NONE },
	{ "[64:ff9b::192.168.1.1]:1", KITH_SCOPE_NONE },
	{ "[64:ff9b:1::8.8.8.8]:1", KITH_SCOPE_NONE },
	{ "[100::1]:1", KITH_SCOPE_NONE },
	{ "[1fff:ffff::]:1", KITH_SCOPE_NONE },
	{ "[2000::]:1", KITH_SCOPE_PUBLIC },
	{ "[2001:db8::1]:1", KITH_SCOPE_PUBLIC },
	{ "[2002:808:808::1]:1", KITH_SCOPE_PUBLIC },
	{ "[2002:7f00:1::1]:1", KITH_SCOPE_NONE },
	{ "[2002:a00:1::1]:1", KITH_SCOPE_NONE },
	{ "[3fff:ffff::]:1", KITH_SCOPE_PUBLIC },
	{ "[4000::]:1", KITH_SCOPE_NONE },
	{ "[fbff::1]:1", KITH_SCOPE_NONE },
	{ "[fc00::]:1", KITH_SCOPE_PRIVATE },
	{ "[fdff:ffff::1]:1", KITH_SCOPE_PRIVATE },
	{ "[fe00::1]:1", KITH_SCOPE_NONE },
	{ "[fe7f:ffff::1]:1", KITH_SCOPE_NONE },
	{ "[fe80::]:1", KITH_SCOPE_LINK },
	{ "[febf:ffff::1]:1", KITH_SCOPE_LINK },
	{ "[fec0::1]:1", KITH_SCOPE_NONE },
	{ "[ff00::]:1", KITH_SCOPE_NONE },
	{ "[ff02::1]:1", KITH_SCOPE_NONE },
	{ "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1", KITH_SCOPE_NONE },
};

static void scope_of_every_range_and_its_borders(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scope_rows); i++) {
		struct kith_addr a = addr_of(scope_rows[i].text);
		if (kith_addr_scope(&a) != scope_rows[i].scope)
			fail_msg("%s: scope %d, not %d", scope_rows[i].text, (int)kith_addr_scope(&a),
				 (int)scope_rows[i].scope);
	}
}

static void no_address_and_unknown_families_have_no_scope(void **state)
{
	(void)state;
	struct kith_addr a = { 0 };
	assert_int_equal(kith_addr_scope(&a), KITH_SCOPE_NONE);
	a = addr_of("8.8.8.8:1");
	a.family = 5;
	assert_int_equal(kith_addr_scope(&a), KITH_SCOPE_NONE);
}

static void mapped_addresses_become_v4_and_others_stay(void **state)
{
	(void)state;
	struct kith_addr mapped = addr_of("[::ffff:10.1.2.3]:77"), plain = addr_of("10.1.2.3:77");
	kith_addr_normalise(&mapped);
	assert_memory_equal(&mapped, &plain, sizeof plain);
	static const char *const others[] = { "10.1.2.3:77", "[::fffe:10.1.2.3]:77", "[::1]:77",
					      "[1::ffff:10.1.2.3]:77", "[2001:db8::1]:77" };
	for (size_t i = 0; i < COUNT(others); i++) {
		struct kith_addr before = addr_of(others[i]), after = before;
		kith_addr_normalise(&after);
		assert_memory_equal(&before, &after, sizeof before);
	}
}

static void text_is_canonical_and_parses_back(void **state)
{
	(void)state;
	/* What is written, and the RFC 5952 form of it. */
	static const char *const rows[][2] = {
		{ "1.2.3.4:5", "1.2.3.4:5" },
		{ "0.0.0.0:0", "0.0.0.0:0" },
		{ "255.255.255.255:65535", "255.255.255.255:65535" },
		{ "[::]:0", "[::]:0" },
		{ "[::1]:65535", "[::1]:65535" },
		{ "[1::]:1", "[1::]:1" },
		{ "[0:0:0:0:0:0:0:1]:1", "[::1]:1" },
		{ "[2001:DB8:0000:0000:0000:0000:0002:0001]:1", "[2001:db8::2:1]:1" },
		{ "[2001:db8:0:1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1" },
		{ "[2001:db8::1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1" },
		{ "[2001:0:0:1:0:0:0:1]:1", "[2001:0:0:1::1]:1" },
		{ "[2001:db8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1" },
		{ "[1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:8]:1" },
		{ "[1:2:3:4:5:6:0:0]:1", "[1:2:3:4:5:6::]:1" },
		{ "[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1" },
		{ "[::2:3:4:5:6:7:8]:1", "[0:2:3:4:5:6:7:8]:1" },
		{ "[0:0:3:4:5:6:7:8]:1", "[::3:4:5:6:7:8]:1" },
		{ "[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1" },
		{ "[::ffff:102:304]:1", "[::ffff:1.2.3.4]:1" },
		{ "[::ffff:0.0.0.0]:1", "[::ffff:0.0.0.0]:1" },
		{ "[1:2:3:4:5:6:1.2.3.4]:1", "[1:2:3:4:5:6:102:304]:1" },
		{ "[::1.2.3.4]:1", "[::102:304]:1" },
		{ "[fe80::ABCD]:1", "[fe80::abcd]:1" },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char out[KITH_ADDR_TEXT_MAX];
		struct kith_addr a = addr_of(rows[i][0]);
		assert_ptr_equal(kith_addr_format(&a, out), out);
		assert_string_equal(out, rows[i][1]);
		struct kith_addr b = addr_of(out);
		assert_memory_equal(&a, &b, sizeof a);
	}
	char out[KITH_ADDR_TEXT_MAX];
	struct kith_addr none = { 0 };
	assert_string_equal(kith_addr_format(&none, out), "none");
}

static void fields_are_filled_in_network_and_host_order(void **state)
{
	(void)state;
	struct kith_addr a = addr_of("1.2.3.4:258");
	assert_int_equal(a.family, KITH_FAMILY_V4);
	assert_int_equal(a.reserved, 0);
	assert_int_equal(a.port, 258);
	assert_memory_equal(a.ip, "\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	a = addr_of("[102:304::f0e]:258");
	assert_int_equal(a.family, KITH_FAMILY_V6);
	assert_memory_equal(a.ip, "\1\2\3\4\0\0\0\0\0\0\0\0\0\0\x0f\x0e", 16);
}

static void text_that_is_no_address_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	/* clang-format off */
	static const char *const rows[] = {
		"", ":", "none", "1.2.3.4", "1.2.3.4:", "1.2.3:4", "1.2.3.4.5:6", "1.2.3.:4", ".1.2.3:4", "1..2.3:4",
		"256.1.1.1:1", "1.2.3.999:1", "1.2.3.1000:1", "01.2.3.4:1", "1.2.3.00:1", "0x1.2.3.4:1",
		"1.2.3.4:99999", "1.2.3.4:4294967297", "1.2.3.4:-1", "1.2.3.4:+1", "1.2.3.4:01", "1.2.3.4:1 ",
		"1.2.3.4:1x", "1.2.3.4 :1", "1.2.3.4::1", "a.b.c.d:1", "localhost:1", "1.2.3.4:http", "::1", "::1:80",
		"[]:1", "[:]:1", "[:::]:1", "[::1]", "[::1]:", "[::1", "[::1:1", "[::1]1", "[::1]]:1", "[::1]:65536",
		"[::1]:-1", "[1]:1", "[1:2:3:4:5:6:7]:1", "[1:2:3:4:5:6:7:8:9]:1", "[1:2:3:4:5:6:7:8::]:1",
		"[::1:2:3:4:5:6:7:8]:1", "[1:2:3:4::5:6:7:8]:1", "[1::2::3]:1", "[1:::2]:1", "[:1:2:3:4:5:6:7]:1",
		"[:1::]:1", "[1:2:3:4:5:6:7:]:1", "[1::2:]:1", "[12345::]:1", "[g::]:1", "[-1::]:1", "[::1%eth0]:1",
		"[fe80::1%1]:1", "[::1/64]:1", "[1.2.3.4]:1", "[::1.2.3]:1", "[::1.2.3.4.5]:1", "[::1.2.3.256]:1",
		"[::1.2.3.4:1]:1", "[1:2:3:4:5:6:7:1.2.3.4]:1", "[1:2:3:4:5:1.2.3.4]:1", "[1.2.3.4::]:1",
		"[::1. 2.3.4]:1", "[::a1.2.3.4]:1", "[1:2:3:4:5:6:7:8:1.2.3.4]:1", "[ ::1]:1", "[::1 ]:1", "[[::1]]:1",
		"1.2.3.4:65536", " 1.2.3.4:1", "[::01.2.3.4]:1",
	};
	/* clang-format on */
	struct kith_addr before, a;
	memset(&before, 0x5a, sizeof before);
	for (size_t i = 0; i < COUNT(rows); i++) {
		a = before;
		if (kith_addr_parse(&a, rows[i]) != KITH_EINVAL)
			fail_msg("parses: %s", rows[i]);
		assert_memory_equal(&a, &before, sizeof a);
	}
	assert_int_equal(kith_addr_parse(&a, NULL), KITH_EINVAL);
}

static void random_addresses_survive_format_and_parse(void **state)
{
	(void)state;
	struct test_random rnd;
	test_random_init(&rnd, 9);
	for (unsigned i = 0; i < 20000; i++) {
		char out[KITH_ADDR_TEXT_MAX];
		struct kith_addr a = { 0 }, b;
		uint64_t r = test_random_next(&rnd);
		a.family = r % 2 == 0 ? KITH_FAMILY_V4 : KITH_FAMILY_V6;
		a.port = (uint16_t)(r >> 8);
		test_random_fill(&rnd, a.ip, a.family == KITH_FAMILY_V4 ? 4 : 16);
		/* Zero groups in all places. */
		for (unsigned g = 0; g < 8 && a.family == KITH_FAMILY_V6; g++) {
			if ((r >> (24 + g) & 1) != 0)
				a.ip[2 * g] = a.ip[2 * g + 1] = 0;
		}
		assert_int_equal(kith_addr_parse(&b, kith_addr_format(&a, out)), 0);
		assert_memory_equal(&a, &b, sizeof a);
	}
}

/* Cut, changed or spliced text must never be read beyond its end; the sanitizer is the judge. */
static void mutilated_text_is_parsed_or_refused_within_its_bounds(void **state)
{
	(void)state;
	static const char alphabet[] = "[]:.0123456789abcdef%";
	struct test_random rnd;
	unsigned parsed = 0;
	test_random_init(&rnd, 10);
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = (size_t)(test_random_next(&rnd) % 24);
		char *text = malloc(len + 1), out[KITH_ADDR_TEXT_MAX];
		struct kith_addr a, b;
		assert_non_null(text);
		for (size_t j = 0; j < len; j++)
			text[j] = alphabet[test_random_next(&rnd) % (sizeof alphabet - 1)];
		if (len > 5 && i % 2 == 0) {
			memcpy(text, "[::", 3);
			memcpy(text + len - 3, "]:1", 3);
		}
		text[len] = '\0';
		if (kith_addr_parse(&a, text) == 0) {
			parsed++;
			assert_int_equal(kith_addr_parse(&b, kith_addr_format(&a, out)), 0);
			assert_true(kith_addr_equal(&a, &b));
		}
		free(text);
	}
	assert_true(parsed > 100);
}

static void order_is_by_family_then_address_then_port(void **state)
{
	(void)state;
	static const char *const sorted[] = { "1.2.3.4:1", "1.2.3.4:2", "1.2.3.5:1",   "128.0.0.0:1", "255.0.0.0:0",
					      "[::]:9",	   "[::1]:1",	"[::1]:65535", "[8000::]:1" };
	struct kith_addr none = { 0 };
	for (size_t i = 0; i < COUNT(sorted); i++) {
		struct kith_addr a = addr_of(sorted[i]);
		assert_true(kith_addr_compare(&none, &a) < 0);
		for (size_t j = 0; j < COUNT(sorted); j++) {
			struct kith_addr b = addr_of(sorted[j]);
			int order = kith_addr_compare(&a, &b);
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(kith_addr_equal(&a, &b), i == j);
		}
	}
}

static void prefix_numbers_are_equal_exactly_for_equal_prefixes(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool diversity, limit;
	} rows[] = {
		{ "1.2.3.4:1", "1.2.3.4:2", true, true },	  { "1.2.3.4:1", "1.2.3.255:1", true, true },
		{ "1.2.3.4:1", "1.2.4.4:1", true, false },	  { "1.2.3.4:1", "1.3.3.4:1", false, false },
		{ "[1:2:3:4::]:1", "[1:2:3:5::]:2", true, true }, { "[1:2:3::]:1", "[1:2:4::]:1", true, false },
		{ "[1:2:3::]:1", "[1:3:3::]:1", false, false },	  { "0.0.0.0:1", "[::]:1", false, false },
		{ "1.2.3.4:1", "[0:102:0::]:1", false, false },	  { "1.2.3.4:1", "[0:1:203::]:1", false, false },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct kith_addr a = addr_of(rows[i].a), b = addr_of(rows[i].b);
		assert_int_equal(kith_addr_diversity_prefix(&a) == kith_addr_diversity_prefix(&b), rows[i].diversity);
		assert_int_equal(kith_addr_limit_prefix(&a) == kith_addr_limit_prefix(&b), rows[i].limit);
	}
	struct kith_addr none = { 0 }, zero = addr_of("0.0.0.0:0");
	assert_true(kith_addr_limit_prefix(&none) != kith_addr_limit_prefix(&zero));
}

static void same_prefix_compares_that_many_bits(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		unsigned common; /* leading bits that are equal */
	} rows[] = {
		{ "0.0.0.0:1", "128.0.0.0:1", 0 },
		{ "10.0.0.0:1", "10.128.0.0:2", 8 },
		{ "10.0.0.0:1", "10.0.1.0:2", 23 },
		{ "10.0.0.0:1", "10.0.0.1:2", 31 },
		{ "[::]:1", "[8000::]:1", 0 },
		{ "[2001:db8::]:1", "[2001:db9::]:1", 31 },
		{ "[2001:db8::]:1", "[2001:db8::1]:1", 127 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct kith_addr a = addr_of(rows[i].a), b = addr_of(rows[i].b);
		for (unsigned bits = 0; bits <= 200; bits++)
			assert_int_equal(kith_addr_same_prefix(&a, &b, bits), bits <= rows[i].common);
		for (unsigned bits = 0; bits <= 200; bits++)
			assert_true(kith_addr_same_prefix(&a, &a, bits));
	}
	struct kith_addr v4 = addr_of("0.0.0.0:1"), v6 = addr_of("[::]:1"), none = { 0 };
	assert_false(kith_addr_same_prefix(&v4, &v6, 0));
	assert_false(kith_addr_same_prefix(&none, &none, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scope_of_every_range_and_its_borders),
		cmocka_unit_test(no_address_and_unknown_families_have_no_scope),
		cmocka_unit_test(mapped_addresses_become_v4_and_others_stay),
		cmocka_unit_test(text_is_canonical_and_parses_back),
		cmocka_unit_test(fields_are_filled_in_network_and_host_order),
		cmocka_unit_test(text_that_is_no_address_is_refused_and_changes_nothing),
		cmocka_unit_test(random_addresses_survive_format_and_parse),
		cmocka_unit_test(mutilated_text_is_parsed_or_refused_within_its_bounds),
		cmocka_unit_test(order_is_by_family_then_address_then_port),
		cmocka_unit_test(prefix_numbers_are_equal_exactly_for_equal_prefixes),
		cmocka_unit_test(same_prefix_compares_that_many_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
