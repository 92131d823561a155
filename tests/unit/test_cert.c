/* Certificates and chains: layouts, bounds, extensions, and that nothing altered parses and verifies. */
#include "identity_world.h"

static void sizes_leave_room_for_two_chains_in_a_first_packet(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	strcpy(w.issuer_cert.constraint, "");
	strcpy(w.name_cert.name, "alice");
	world_sign(&w);
	assert_int_equal(w.full.len, 421);
	assert_int_equal(w.by_id.len, 300);
	/* What is left of 1200 bytes for headers, handshake and frames. */
	assert_true(w.full.len + w.by_id.len <= 1200 - 400);
}

static void layouts_are_those_of_the_protocol(void **state)
{
	struct world w;
	const uint8_t *p;
	(void)state;
	world_init(&w);

	p = w.issuer_span.p;
	assert_int_equal(w.issuer_span.len, 2 + 32 + 8 + 5 + 5 + 1 + 8 + 1 + 1 + 64);
	assert_int_equal(p[0], 1);
	assert_int_equal(p[1], 1);
	assert_memory_equal(p + 2, w.issuer.pk.b, 32);
	assert_memory_equal(p + 34, "\0\0\0\0\0\0\0\7", 8);
	struct kith_reader r = kith_reader_of(p + 42, 10);
	assert_int_equal(kith_read_uint(&r, 5), w.issuer_cert.not_before_s);
	assert_int_equal(kith_read_uint(&r, 5), w.issuer_cert.expires_s);
	assert_memory_equal(p + 52, "\10.example\1\0", 11);

	p = w.name_span.p;
	assert_int_equal(w.name_span.len, 2 + 8 + 1 + 13 + 32 + 8 + 5 + 5 + 16 + 1 + 1 + 64);
	assert_memory_equal(p, "\1\2", 2);
	assert_memory_equal(p + 2, w.name_cert.issuer_id, 8);
	assert_memory_equal(p + 10, "\15alice.example", 14);
	assert_memory_equal(p + 24, w.identity.pk.b, 32);
	assert_memory_equal(p + 74, w.name_cert.placement, 16);
	assert_memory_equal(p + 90, "\1\0", 2);

	p = w.device_span.p;
	assert_int_equal(w.device_span.len, 2 + 32 + 32 + 5 + 5 + 1 + 64);
	assert_memory_equal(p, "\1\3", 2);
	assert_memory_equal(p + 2, w.device.dh_pk.b, 32);
	assert_memory_equal(p + 34, w.device.sign.pk.b, 32);
	r = kith_reader_of(p + 66, 10);
	assert_int_equal(kith_read_uint(&r, 5), w.device_cert.not_before_s);
	assert_int_equal(kith_read_uint(&r, 5), w.device_cert.expires_s);
	assert_int_equal(p[76], 0);

	p = w.full.p;
	assert_memory_equal(p, "\1\4\1", 3);
	assert_memory_equal(p + 3, w.network.b, 4);
	assert_int_equal(p[7] << 8 | p[8], w.issuer_span.len);
	assert_memory_equal(p + 9, w.issuer_span.p, w.issuer_span.len);
	assert_int_equal(w.full.len, 7 + 2 + w.issuer_span.len + 2 + w.name_span.len + 2 + w.device_span.len);
	assert_int_equal(w.by_id.len, 7 + 2 + w.name_span.len + 2 + w.device_span.len);
	assert_int_equal(w.open.len, 7 + 32 + 2 + w.device_span.len);
}

static void parsing_returns_what_was_signed(void **state)
{
	struct world w;
	struct kith_chain c;
	(void)state;
	world_init(&w);
	assert_int_equal(kith_chain_parse(&c, w.full), 0);
	assert_int_equal(c.kind, KITH_CHAIN_FULL);
	assert_memory_equal(c.network, w.network.b, 4);
	assert_memory_equal(c.issuer.issuer.b, w.issuer.pk.b, 32);
	assert_int_equal(c.issuer.serial, 7);
	assert_string_equal(c.issuer.constraint, ".example");
	assert_int_equal(c.issuer.flags, KITH_ISSUER_SUPERNODES);
	assert_int_equal(c.issuer.not_before_s, w.issuer_cert.not_before_s);
	assert_int_equal(c.issuer.expires_s, w.issuer_cert.expires_s);
	assert_string_equal(c.name.name, "alice.example");
	assert_memory_equal(c.name.identity.b, w.identity.pk.b, 32);
	assert_memory_equal(c.name.placement, w.name_cert.placement, KITH_PLACEMENT_LEN);
	assert_int_equal(c.name.serial, 4711);
	assert_int_equal(c.name.flags, KITH_NAME_SUPERNODE);
	assert_memory_equal(c.device.dh.b, w.device.dh_pk.b, 32);
	assert_memory_equal(c.device.sign.b, w.device.sign.pk.b, 32);
	assert_int_equal(kith_object_verify(w.suite, &c.issuer.s, KITH_SIGN_ISSUER, &w.root.pk), 0);
	assert_int_equal(kith_object_verify(w.suite, &c.name.s, KITH_SIGN_NAME, &w.issuer.pk), 0);
	assert_int_equal(kith_object_verify(w.suite, &c.device.s, KITH_SIGN_DEVICE, &w.identity.pk), 0);
	/* Not under another label, nor by another key. */
	assert_int_equal(kith_object_verify(w.suite, &c.name.s, KITH_SIGN_DEVICE, &w.issuer.pk), KITH_ESIGNATURE);
	assert_int_equal(kith_object_verify(w.suite, &c.name.s, KITH_SIGN_NAME, &w.root.pk), KITH_ESIGNATURE);

	assert_int_equal(kith_chain_parse(&c, w.by_id), 0);
	assert_int_equal(c.kind, KITH_CHAIN_BY_ID);
	assert_string_equal(c.name.name, "alice.example");
	assert_int_equal(kith_chain_parse(&c, w.open), 0);
	assert_int_equal(c.kind, KITH_CHAIN_OPEN);
	assert_memory_equal(c.identity.b, w.identity.pk.b, 32);
}

static void every_truncation_and_every_longer_one_is_refused(void **state)
{
	struct world w;
	uint8_t longer[KITH_CHAIN_MAX + 1];
	(void)state;
	world_init(&w);
	const struct kith_span all[] = { w.issuer_span, w.name_span, w.device_span, w.full, w.by_id, w.open };
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		for (size_t len = 0; len <= all[i].len + 1; len++) {
			struct kith_issuer_cert issuer;
			struct kith_name_cert name;
			struct kith_device_cert device;
			struct kith_chain chain;
			/* An exact allocation, so that reading past the end is seen. */
			uint8_t *exact = malloc(len > 0 ? len : 1);
			assert_non_null(exact);
			memset(exact, 0, len > 0 ? len : 1);
			memcpy(exact, all[i].p, len < all[i].len ? len : all[i].len);
			struct kith_span s = test_span(exact, len);
			bool whole = len == all[i].len;
			assert_int_equal(kith_issuer_cert_parse(&issuer, s) == 0, whole && i == 0);
			assert_int_equal(kith_name_cert_parse(&name, s) == 0, whole && i == 1);
			assert_int_equal(kith_device_cert_parse(&device, s) == 0, whole && i == 2);
			assert_int_equal(kith_chain_parse(&chain, s) == 0, whole && i >= 3);
			free(exact);
		}
	}
	memset(longer, 0, sizeof longer);
	memcpy(longer, w.full.p, w.full.len);
	struct kith_chain chain;
	assert_int_equal(kith_chain_parse(&chain, test_span(longer, sizeof longer)), KITH_EPROTO);
	assert_int_equal(kith_chain_parse(&chain, test_span(NULL, 0)), KITH_EPROTO);
}

static void every_flipped_bit_fails_to_parse_or_to_verify(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	for (size_t bit = 0; bit < 8 * w.issuer_span.len; bit++) {
		struct kith_issuer_cert c;
		w.issuer_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (kith_issuer_cert_parse(&c, w.issuer_span) == 0)
			assert_int_equal(kith_object_verify(w.suite, &c.s, KITH_SIGN_ISSUER, &w.root.pk),
					 KITH_ESIGNATURE);
		w.issuer_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * w.name_span.len; bit++) {
		struct kith_name_cert c;
		w.name_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (kith_name_cert_parse(&c, w.name_span) == 0)
			assert_int_equal(kith_object_verify(w.suite, &c.s, KITH_SIGN_NAME, &w.issuer.pk),
					 KITH_ESIGNATURE);
		w.name_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * w.device_span.len; bit++) {
		struct kith_device_cert c;
		w.device_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (kith_device_cert_parse(&c, w.device_span) == 0)
			assert_int_equal(kith_object_verify(w.suite, &c.s, KITH_SIGN_DEVICE, &w.identity.pk),
					 KITH_ESIGNATURE);
		w.device_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static int parse_with_ext(struct world *w, const char *ext, size_t len)
{
	/* Built by hand: what we sign must parse, so hostile extensions cannot be made with kith_device_cert_sign. */
	struct kith_writer out = kith_writer_of(w->device_buf, sizeof w->device_buf);
	struct kith_device_cert c = w->device_cert;
	c.s.ext = test_span(ext, len);
	kith_device_cert_write(&out, &c);
	int made = kith_object_sign(w->suite, &out, KITH_SIGN_DEVICE, w->identity.sk);
	assert_true(made > 0);
	int err = kith_device_cert_parse(&c, test_span(w->device_buf, (size_t)made));
	if (err == 0) {
		assert_int_equal(c.s.ext.len, len);
		assert_int_equal(kith_object_verify(w->suite, &c.s, KITH_SIGN_DEVICE, &w->identity.pk), 0);
	}
	return err;
}

static void unknown_extensions_are_skipped_and_critical_ones_refuse(void **state)
{
	struct world w;
	char longest[KITH_EXT_MAX];
	(void)state;
	world_init(&w);
	assert_int_equal(parse_with_ext(&w, "", 0), 0);
	assert_int_equal(parse_with_ext(&w, "\1\0", 2), 0);
	assert_int_equal(parse_with_ext(&w, "\1\3abc\5\0", 7), 0);
	assert_int_equal(parse_with_ext(&w, "\0\0\177\0", 4), 0);
	assert_int_equal(parse_with_ext(&w, "\201\0", 2), KITH_ENOTSUP);
	assert_int_equal(parse_with_ext(&w, "\1\0\202\1x", 5), KITH_ENOTSUP);
	/* Malformed: cut short, out of order, twice, twice with either bit. */
	assert_int_equal(parse_with_ext(&w, "\1", 1), KITH_EPROTO);
	assert_int_equal(parse_with_ext(&w, "\1\1", 2), KITH_EPROTO);
	assert_int_equal(parse_with_ext(&w, "\2\0\1\0", 4), KITH_EPROTO);
	assert_int_equal(parse_with_ext(&w, "\2\0\2\0", 4), KITH_EPROTO);
	assert_int_equal(parse_with_ext(&w, "\2\0\202\0", 4), KITH_EPROTO);
	memset(longest, 7, sizeof longest);
	longest[0] = 1;
	longest[1] = KITH_EXT_MAX - 2;
	assert_int_equal(parse_with_ext(&w, longest, sizeof longest), 0);
	w.device_cert.s.ext = test_span("\201\0", 2);
	assert_int_equal(kith_device_cert_sign(w.suite, w.device_buf, &w.device_cert, w.identity.sk), KITH_EINVAL);
}

static void too_long_extensions_are_refused_on_both_sides(void **state)
{
	struct world w;
	uint8_t buf[KITH_CERT_MAX + 64];
	char ext[KITH_EXT_MAX + 1] = { 1, KITH_EXT_MAX - 1 };
	(void)state;
	world_init(&w);
	w.device_cert.s.ext = test_span(ext, sizeof ext);
	assert_int_equal(kith_device_cert_sign(w.suite, w.device_buf, &w.device_cert, w.identity.sk), KITH_EINVAL);

	size_t fixed = w.device_span.len - KITH_SIG_LEN - 1;
	world_init(&w);
	memcpy(buf, w.device_span.p, fixed);
	buf[fixed] = sizeof ext;
	memcpy(buf + fixed + 1, ext, sizeof ext);
	memset(buf + fixed + 1 + sizeof ext, 0, KITH_SIG_LEN);
	struct kith_device_cert c;
	assert_int_equal(kith_device_cert_parse(&c, test_span(buf, fixed + 1 + sizeof ext + KITH_SIG_LEN)),
			 KITH_EPROTO);
}

static void another_version_says_so(void **state)
{
	struct world w;
	struct kith_chain c;
	(void)state;
	world_init(&w);
	w.full_buf[0] = 2;
	assert_int_equal(kith_chain_parse(&c, w.full), KITH_EVERSION);
	w.full_buf[0] = 1;
	w.full_buf[9] = 2;
	assert_int_equal(kith_chain_parse(&c, w.full), KITH_EVERSION);
}

static void making_refuses_what_parsing_would(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	w.name_cert.expires_s = w.name_cert.not_before_s - 1;
	assert_int_equal(kith_name_cert_sign(w.suite, w.name_buf, &w.name_cert, w.issuer.sk), KITH_EINVAL);
	w.name_cert.expires_s = w.name_cert.not_before_s; /* one second is a period */
	assert_true(kith_name_cert_sign(w.suite, w.name_buf, &w.name_cert, w.issuer.sk) > 0);
	w.name_cert.expires_s = KITH_UNIX_S_MAX;
	assert_true(kith_name_cert_sign(w.suite, w.name_buf, &w.name_cert, w.issuer.sk) > 0);
	w.name_cert.expires_s = KITH_UNIX_S_MAX + 1;
	assert_int_equal(kith_name_cert_sign(w.suite, w.name_buf, &w.name_cert, w.issuer.sk), KITH_EINVAL);

	static const char *const bad_names[] = { "", "Alice.example", "al ice.example", "al\300.example" };
	for (size_t i = 0; i < 4; i++) {
		world_init(&w);
		strcpy(w.name_cert.name, bad_names[i]);
		int err = kith_name_cert_sign(w.suite, w.name_buf, &w.name_cert, w.issuer.sk);
		assert_true(err == KITH_ENAME || err == KITH_EINVAL);
	}
	world_init(&w);
	memset(w.name_cert.name, 'a', sizeof w.name_cert.name); /* no end */
	assert_int_equal(kith_name_cert_sign(w.suite, w.name_buf, &w.name_cert, w.issuer.sk), KITH_EINVAL);

	static const char *const bad_constraints[] = { ".", "example", ".Example", "a.example", ".exa mple" };
	for (size_t i = 0; i < 5; i++) {
		world_init(&w);
		strcpy(w.issuer_cert.constraint, bad_constraints[i]);
		assert_int_equal(kith_issuer_cert_sign(w.suite, w.issuer_buf, &w.issuer_cert, w.root.sk), KITH_ENAME);
	}
}

static void longest_fields_fit_one_certificate_and_one_chain(void **state)
{
	struct world w;
	struct kith_chain c;
	(void)state;
	world_init(&w);
	memset(w.issuer_cert.constraint, 'x', KITH_CONSTRAINT_MAX);
	w.issuer_cert.constraint[0] = '.';
	memset(w.name_cert.name, 'x', KITH_NAME_MAX);
	w.name_cert.name[1] = '.';
	world_sign(&w);
	assert_true(w.full.len <= KITH_CHAIN_MAX);
	assert_int_equal(kith_chain_parse(&c, w.full), 0);
	assert_int_equal(strlen(c.name.name), KITH_NAME_MAX);
	assert_true(kith_constraint_allows(c.issuer.constraint, c.name.name));
}

static void chain_that_is_too_long_is_not_made(void **state)
{
	struct world w;
	char ext[KITH_EXT_MAX] = { 1, KITH_EXT_MAX - 2 };
	(void)state;
	world_init(&w);
	w.name_cert.s.ext = w.device_cert.s.ext = test_span(ext, sizeof ext);
	w.name_span = world_made(w.name_buf, kith_name_cert_sign(w.suite, w.name_buf, &w.name_cert, w.issuer.sk));
	w.device_span =
		world_made(w.device_buf, kith_device_cert_sign(w.suite, w.device_buf, &w.device_cert, w.identity.sk));
	assert_int_equal(kith_chain_join(w.suite, w.full_buf, &w.network, w.issuer_span, w.name_span, w.device_span),
			 KITH_EMSGSIZE);
	assert_true(kith_chain_join(w.suite, w.full_buf, &w.network, test_span(NULL, 0), w.name_span, w.device_span) >
		    0);
}

static void chains_out_of_order_or_incomplete_are_told_apart_from_garbage(void **state)
{
	struct world w;
	struct kith_chain c;
	uint8_t buf[KITH_CHAIN_MAX];
	(void)state;
	world_init(&w);
	const struct kith_span i = w.issuer_span, n = w.name_span, d = w.device_span;
	const struct {
		uint8_t kind;
		struct kith_span links[3];
		size_t count;
		int err;
	} cases[] = {
		{ KITH_CHAIN_FULL, { i, n, d }, 3, 0 },
		{ KITH_CHAIN_FULL, { n, i, d }, 3, KITH_ECHAIN },
		{ KITH_CHAIN_FULL, { i, d, n }, 3, KITH_ECHAIN },
		{ KITH_CHAIN_FULL, { i, i, d }, 3, KITH_ECHAIN },
		{ KITH_CHAIN_FULL, { n, d, d }, 3, KITH_ECHAIN },
		{ KITH_CHAIN_FULL, { i, n }, 2, KITH_EPROTO },
		{ KITH_CHAIN_BY_ID, { n, d }, 2, 0 },
		{ KITH_CHAIN_BY_ID, { i, n, d }, 3, KITH_ECHAIN },
		{ KITH_CHAIN_BY_ID, { d, n }, 2, KITH_ECHAIN },
		{ KITH_CHAIN_BY_ID, { n }, 1, KITH_EPROTO },
		{ KITH_CHAIN_BY_ID, { n, d, d }, 3, KITH_EPROTO },
		{ KITH_CHAIN_BY_ID, { { i.p, 0 }, d }, 2, KITH_ECHAIN },
		{ KITH_CHAIN_BY_ID, { { n.p, 1 }, d }, 2, KITH_ECHAIN },
		{ KITH_CHAIN_BY_ID, { { n.p, 20 }, d }, 2, KITH_EPROTO },
		{ 0, { i, n, d }, 3, KITH_EPROTO },
		{ 4, { i, n, d }, 3, KITH_EPROTO },
	};
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct kith_writer out = kith_writer_of(buf, sizeof buf);
		kith_object_write_header(&out, KITH_OBJECT_CHAIN);
		kith_write_u8(&out, cases[k].kind);
		kith_write_bytes(&out, w.network.b, 4);
		for (size_t j = 0; j < cases[k].count; j++) {
			kith_write_u16(&out, (uint16_t)cases[k].links[j].len);
			kith_write_span(&out, cases[k].links[j]);
		}
		assert_false(out.bad);
		assert_int_equal(kith_chain_parse(&c, test_span(buf, kith_writer_len(&out))), cases[k].err);
	}
}

static void joining_refuses_an_issuer_that_the_name_does_not_state(void **state)
{
	struct world w;
	uint8_t buf[KITH_CHAIN_MAX];
	(void)state;
	world_init(&w);
	w.issuer_cert.issuer = w.root.pk;
	int len = kith_issuer_cert_sign(w.suite, w.issuer_buf, &w.issuer_cert, w.root.sk);
	struct kith_span other = world_made(w.issuer_buf, len);
	assert_int_equal(kith_chain_join(w.suite, buf, &w.network, other, w.name_span, w.device_span), KITH_ECHAIN);
	assert_int_equal(kith_chain_join(w.suite, buf, &w.network, w.name_span, w.name_span, w.device_span),
			 KITH_EPROTO);
	assert_int_equal(kith_chain_make_open(buf, &w.network, &w.identity.pk, w.name_span), KITH_EPROTO);
}

static void shortening_drops_only_the_issuer(void **state)
{
	struct world w;
	uint8_t buf[KITH_CHAIN_MAX];
	(void)state;
	world_init(&w);
	int len = kith_chain_shorten(buf, w.full);
	assert_int_equal(len, w.by_id.len);
	assert_memory_equal(buf, w.by_id.p, w.by_id.len);
	len = kith_chain_shorten(buf, w.open);
	assert_int_equal(len, w.open.len);
	assert_memory_equal(buf, w.open.p, w.open.len);
	assert_int_equal(kith_chain_shorten(buf, w.name_span), KITH_EPROTO);
	assert_int_equal(kith_chain_brief(w.full, buf).len, w.by_id.len);
	assert_memory_equal(buf, w.by_id.p, w.by_id.len);
	assert_ptr_equal(kith_chain_brief(w.name_span, buf).p, w.name_span.p);
}

static void constraint_is_a_suffix_with_something_before_it(void **state)
{
	(void)state;
	assert_true(kith_constraint_allows("", "anybody"));
	assert_true(kith_constraint_allows(".example", "a.example"));
	assert_true(kith_constraint_allows(".example", "a.b.example"));
	assert_false(kith_constraint_allows(".example", ".example"));
	assert_false(kith_constraint_allows(".example", "example"));
	assert_false(kith_constraint_allows(".example", "aexample"));
	assert_false(kith_constraint_allows(".example", "a.example.org"));
	assert_false(kith_constraint_allows(".example", "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_leave_room_for_two_chains_in_a_first_packet),
		cmocka_unit_test(layouts_are_those_of_the_protocol),
		cmocka_unit_test(parsing_returns_what_was_signed),
		cmocka_unit_test(every_truncation_and_every_longer_one_is_refused),
		cmocka_unit_test(every_flipped_bit_fails_to_parse_or_to_verify),
		cmocka_unit_test(unknown_extensions_are_skipped_and_critical_ones_refuse),
		cmocka_unit_test(too_long_extensions_are_refused_on_both_sides),
		cmocka_unit_test(another_version_says_so),
		cmocka_unit_test(making_refuses_what_parsing_would),
		cmocka_unit_test(longest_fields_fit_one_certificate_and_one_chain),
		cmocka_unit_test(chain_that_is_too_long_is_not_made),
		cmocka_unit_test(chains_out_of_order_or_incomplete_are_told_apart_from_garbage),
		cmocka_unit_test(joining_refuses_an_issuer_that_the_name_does_not_state),
		cmocka_unit_test(shortening_drops_only_the_issuer),
		cmocka_unit_test(constraint_is_a_suffix_with_something_before_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
