/* Key pairs, base32, names and ids. */
#include "identity_world.h"

static void base32_agrees_with_rfc_4648(void **state)
{
	/* Section 10, in lower case and without padding. */
	static const struct {
		const char *plain, *text;
	} vectors[] = { { "", "" },
			{ "f", "my" },
			{ "fo", "mzxq" },
			{ "foo", "mzxw6" },
			{ "foob", "mzxw6yq" },
			{ "fooba", "mzxw6ytb" },
			{ "foobar", "mzxw6ytboi" } };
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		char text[32];
		uint8_t back[16];
		size_t len = strlen(vectors[i].plain);
		kith_base32_encode(text, (const uint8_t *)vectors[i].plain, len);
		assert_string_equal(text, vectors[i].text);
		assert_int_equal(kith_base32_decode(back, sizeof back, text, strlen(text)), (int)len);
		assert_memory_equal(back, vectors[i].plain, len);
	}
}

static void base32_refuses_every_other_spelling(void **state)
{
	uint8_t out[16];
	(void)state;
	assert_int_equal(kith_base32_decode(out, sizeof out, "MZXQ", 4), KITH_EINVAL); /* upper case */
	assert_int_equal(kith_base32_decode(out, sizeof out, "mzx0", 4), KITH_EINVAL);
	assert_int_equal(kith_base32_decode(out, sizeof out, "mzx8", 4), KITH_EINVAL);
	assert_int_equal(kith_base32_decode(out, sizeof out, "my======", 8), KITH_EINVAL);
	assert_int_equal(kith_base32_decode(out, sizeof out, "m\0aa", 4), KITH_EINVAL);
	assert_int_equal(kith_base32_decode(out, sizeof out, "mz", 2), KITH_EINVAL); /* spare bits set */
	assert_int_equal(kith_base32_decode(out, sizeof out, "a", 1), KITH_EINVAL); /* no whole byte */
	assert_int_equal(kith_base32_decode(out, sizeof out, "aaa", 3), KITH_EINVAL);
	assert_int_equal(kith_base32_decode(out, sizeof out, "aaaaaa", 6), KITH_EINVAL);
	assert_int_equal(kith_base32_decode(out, 2, "mzxw6", 5), KITH_EMSGSIZE);
}

static void base32_returns_what_it_was_given(void **state)
{
	struct test_random random;
	(void)state;
	test_random_init(&random, 1);
	for (size_t len = 0; len <= 64; len++) {
		uint8_t bytes[64], back[64];
		char text[104];
		random.random.fill(random.random.ctx, bytes, len);
		kith_base32_encode(text, bytes, len);
		assert_int_equal(strlen(text), (8 * len + 4) / 5);
		assert_int_equal(kith_base32_decode(back, len, text, strlen(text)), (int)len);
		assert_memory_equal(back, bytes, len);
	}
}

static void key_text_is_52_characters_and_parses_back(void **state)
{
	uint8_t key[32], back[32], untouched[32];
	char text[KITH_KEY_TEXT_LEN + 1], wrong[KITH_KEY_TEXT_LEN + 2];
	(void)state;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(i * 37);
	assert_ptr_equal(kith_key_format(key, text), text);
	assert_int_equal(strlen(text), KITH_KEY_TEXT_LEN);
	assert_int_equal(kith_key_parse(back, text), 0);
	assert_memory_equal(back, key, sizeof key);

	memset(untouched, 0x77, sizeof untouched);
	memcpy(back, untouched, sizeof back);
	assert_int_equal(kith_key_parse(back, NULL), KITH_EINVAL);
	assert_int_equal(kith_key_parse(back, ""), KITH_EINVAL);
	snprintf(wrong, sizeof wrong, "%sa", text);
	assert_int_equal(kith_key_parse(back, wrong), KITH_EINVAL);
	wrong[KITH_KEY_TEXT_LEN - 1] = '\0';
	assert_int_equal(kith_key_parse(back, wrong), KITH_EINVAL);
	memcpy(wrong, text, sizeof text);
	wrong[KITH_KEY_TEXT_LEN - 1] = 'b'; /* spare bits */
	assert_int_equal(kith_key_parse(back, wrong), KITH_EINVAL);
	assert_memory_equal(back, untouched, sizeof back);
}

static void names_are_1_to_32_of_the_allowed_characters(void **state)
{
	(void)state;
	assert_true(kith_name_valid("a"));
	assert_true(kith_name_valid("alice-2.home_net"));
	assert_true(kith_name_valid("01234567890123456789012345678901"));
	assert_false(kith_name_valid("012345678901234567890123456789012"));
	assert_false(kith_name_valid(""));
	assert_false(kith_name_valid(NULL));
	for (int c = 1; c < 256; c++) {
		char name[3] = { 'a', (char)c, '\0' };
		bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
		assert_int_equal(kith_name_valid(name), allowed);
	}
}

static void device_keys_follow_from_the_seed_alone(void **state)
{
	struct world w;
	struct kith_device_keys again, other;
	struct kith_seed seed = world_seed(4), other_seed = world_seed(5);
	struct kith_signer plain;
	uint8_t a[32], b[32];
	(void)state;
	world_init(&w);
	kith_device_keys_from_seed(&again, w.suite, &seed);
	assert_memory_equal(&again, &w.device, sizeof again);
	kith_device_keys_from_seed(&other, w.suite, &other_seed);
	assert_memory_not_equal(other.dh_pk.b, again.dh_pk.b, KITH_KEY_LEN);
	assert_memory_not_equal(other.sign.pk.b, again.sign.pk.b, KITH_KEY_LEN);

	/* The seed's own Ed25519 key is another one: a device's seed is not an identity's. */
	kith_signer_from_seed(&plain, w.suite, &seed);
	assert_memory_not_equal(plain.pk.b, again.sign.pk.b, KITH_KEY_LEN);

	assert_int_equal(w.suite->dh(a, again.dh_sk, other.dh_pk.b), 0);
	assert_int_equal(w.suite->dh(b, other.dh_sk, again.dh_pk.b), 0);
	assert_memory_equal(a, b, sizeof a);
}

static void wiping_leaves_no_key(void **state)
{
	struct world w;
	static const struct kith_device_keys no_keys;
	static const struct kith_signer no_signer;
	(void)state;
	world_init(&w);
	kith_device_keys_wipe(&w.device);
	assert_memory_equal(&w.device, &no_keys, sizeof no_keys);
	kith_signer_wipe(&w.root);
	assert_memory_equal(&w.root, &no_signer, sizeof no_signer);
}

static void ids_are_hashes_of_exactly_their_parts(void **state)
{
	struct world w;
	struct kith_id id, expected, other;
	uint8_t issuer_id[KITH_ISSUER_ID_LEN], parts[49], placement[KITH_PLACEMENT_LEN];
	char name[KITH_NAME_MAX + 1], text[KITH_KEY_TEXT_LEN + 1];
	const struct kith_span no_key = { NULL, 0 };
	(void)state;
	world_init(&w);

	struct kith_span part = test_span(w.root.pk.b, KITH_KEY_LEN);
	w.suite->blake2b(expected.b, 32, no_key, &part, 1);
	kith_ids_network(w.suite, &id, &w.root.pk);
	assert_memory_equal(id.b, expected.b, KITH_ID_LEN);
	kith_ids_issuer(w.suite, issuer_id, &w.root.pk);
	assert_memory_equal(issuer_id, expected.b, sizeof issuer_id);
	kith_ids_fingerprint(w.suite, name, &w.root.pk);
	kith_key_format(expected.b, text);
	assert_int_equal(strlen(name), 32);
	assert_memory_equal(name, text, 32);
	assert_true(kith_name_valid(name));

	part = test_span("open\0label", 10);
	w.suite->blake2b(expected.b, 32, no_key, &part, 1);
	assert_int_equal(kith_ids_network_open(w.suite, &id, "label"), 0);
	assert_memory_equal(id.b, expected.b, KITH_ID_LEN);

	memset(placement, 3, sizeof placement);
	memcpy(parts, w.network.b, 32);
	memset(parts + 32, 3, 16);
	parts[48] = 0;
	part = test_span(parts, 49);
	w.suite->blake2b(expected.b, 32, no_key, &part, 1);
	kith_ids_supernode(w.suite, &id, &w.network, placement);
	assert_memory_equal(id.b, expected.b, KITH_ID_LEN);
	placement[0] = 4;
	kith_ids_supernode(w.suite, &other, &w.network, placement);
	assert_memory_not_equal(id.b, other.b, KITH_ID_LEN);

	memcpy(parts + 32, "bob", 3);
	part = test_span(parts, 35);
	w.suite->blake2b(expected.b, 32, no_key, &part, 1);
	kith_ids_directory(w.suite, &id, &w.network, "bob");
	assert_memory_equal(id.b, expected.b, KITH_ID_LEN);
}

static void open_network_needs_a_label_of_1_to_64(void **state)
{
	struct world w;
	struct kith_id id;
	char label[KITH_NETWORK_LABEL_MAX + 2];
	(void)state;
	world_init(&w);
	memset(label, 'x', sizeof label);
	label[sizeof label - 1] = '\0';
	assert_int_equal(kith_ids_network_open(w.suite, &id, label), KITH_EINVAL);
	label[KITH_NETWORK_LABEL_MAX] = '\0';
	assert_int_equal(kith_ids_network_open(w.suite, &id, label), 0);
	assert_int_equal(kith_ids_network_open(w.suite, &id, ""), KITH_EINVAL);
	assert_int_equal(kith_ids_network_open(w.suite, &id, NULL), KITH_EINVAL);
}

static void open_supernode_id_depends_on_the_prefix_and_not_on_the_host(void **state)
{
	struct world w;
	struct kith_id a, b, c, d;
	struct kith_addr addr = { .family = KITH_FAMILY_V4, .port = 1, .ip = { 203, 0, 113, 5 } };
	(void)state;
	world_init(&w);
	assert_int_equal(kith_ids_supernode_open(w.suite, &a, &w.network, &w.identity.pk, &addr), 0);
	addr.ip[3] = 77;
	addr.port = 2;
	assert_int_equal(kith_ids_supernode_open(w.suite, &b, &w.network, &w.identity.pk, &addr), 0);
	assert_memory_equal(a.b, b.b, KITH_ID_LEN);
	addr.ip[2] = 114;
	assert_int_equal(kith_ids_supernode_open(w.suite, &c, &w.network, &w.identity.pk, &addr), 0);
	assert_memory_not_equal(a.b, c.b, KITH_ID_LEN);
	addr.family = KITH_FAMILY_V6;
	assert_int_equal(kith_ids_supernode_open(w.suite, &c, &w.network, &w.identity.pk, &addr), 0);
	addr.ip[5] = 1;
	assert_int_equal(kith_ids_supernode_open(w.suite, &d, &w.network, &w.identity.pk, &addr), 0);
	assert_memory_not_equal(c.b, d.b, KITH_ID_LEN);
	addr.ip[6] = 1;
	assert_int_equal(kith_ids_supernode_open(w.suite, &c, &w.network, &w.identity.pk, &addr), 0);
	assert_memory_equal(c.b, d.b, KITH_ID_LEN);
	addr.family = KITH_FAMILY_NONE;
	assert_int_equal(kith_ids_supernode_open(w.suite, &c, &w.network, &w.identity.pk, &addr), KITH_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base32_agrees_with_rfc_4648),
		cmocka_unit_test(base32_refuses_every_other_spelling),
		cmocka_unit_test(base32_returns_what_it_was_given),
		cmocka_unit_test(key_text_is_52_characters_and_parses_back),
		cmocka_unit_test(names_are_1_to_32_of_the_allowed_characters),
		cmocka_unit_test(device_keys_follow_from_the_seed_alone),
		cmocka_unit_test(wiping_leaves_no_key),
		cmocka_unit_test(ids_are_hashes_of_exactly_their_parts),
		cmocka_unit_test(open_network_needs_a_label_of_1_to_64),
		cmocka_unit_test(open_supernode_id_depends_on_the_prefix_and_not_on_the_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
