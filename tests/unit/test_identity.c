/* The public functions of <kith/identity.h>: a network made with nothing else, armour, descriptions. */
#include "support.h"

#include <kith/identity.h>

static struct kith_seed seed_of(int n)
{
	struct kith_seed s;
	memset(s.b, n, sizeof s.b);
	return s;
}

static struct kith_span made(const uint8_t *p, int len)
{
	assert_true(len > 0);
	return test_span(p, (size_t)len);
}

struct certs {
	struct kith_seed root, issuer, identity, device;
	struct kith_id network;
	uint8_t issuer_buf[KITH_CERT_MAX], name_buf[KITH_CERT_MAX], device_buf[KITH_CERT_MAX],
		chain_buf[KITH_CHAIN_MAX];
	struct kith_span issuer_cert, name_cert, device_cert, chain;
};

static void certs_init(struct certs *c)
{
	struct kith_key root;
	struct kith_issuer_cert issuer = { .serial = 1, .expires_s = 1900000000, .constraint = ".example" };
	struct kith_name_cert name = { .name = "bob.example", .serial = 2, .expires_s = 1900000000 };
	struct kith_device_cert device = { .expires_s = 1900000000 };
	c->root = seed_of(1);
	c->issuer = seed_of(2);
	c->identity = seed_of(3);
	c->device = seed_of(4);
	kith_seed_public(&root, &c->root);
	kith_network_id(&c->network, &root);
	kith_seed_public(&issuer.issuer, &c->issuer);
	kith_seed_public(&name.identity, &c->identity);
	kith_seed_device(&device.dh, &device.sign, &c->device);
	c->issuer_cert = made(c->issuer_buf, kith_issuer_cert_make(c->issuer_buf, &issuer, &c->root));
	c->name_cert = made(c->name_buf, kith_name_cert_make(c->name_buf, &name, &c->issuer));
	c->device_cert = made(c->device_buf, kith_device_cert_make(c->device_buf, &device, &c->identity));
	c->chain = made(c->chain_buf,
			kith_chain_make(c->chain_buf, &c->network, c->issuer_cert, c->name_cert, c->device_cert));
}

static void network_can_be_made_with_public_functions_alone(void **state)
{
	struct certs c;
	struct kith_chain chain;
	struct kith_key issuer;
	uint8_t id[KITH_ISSUER_ID_LEN];
	(void)state;
	certs_init(&c);
	assert_int_equal(kith_chain_parse(&chain, c.chain), 0);
	assert_int_equal(chain.kind, KITH_CHAIN_FULL);
	kith_seed_public(&issuer, &c.issuer);
	kith_issuer_id(id, &issuer);
	assert_memory_equal(chain.name.issuer_id, id, sizeof id);
	assert_string_equal(chain.name.name, "bob.example");
}

static void known_network_ids_do_not_change(void **state)
{
	/* Made once with Python's hashlib.blake2b(digest_size=32). */
	struct kith_id id;
	struct kith_key key;
	char text[KITH_KEY_TEXT_LEN + 1], name[KITH_NAME_MAX + 1];
	(void)state;
	memset(key.b, 0, sizeof key.b);
	kith_network_id(&id, &key);
	assert_string_equal(kith_key_format(id.b, text), "rhvq22ukneo24lgrl3idngjrzyfjjhwk7jod7e7ycimdgzdocxbq");
	assert_int_equal(kith_network_id_open(&id, "kith"), 0);
	assert_string_equal(kith_key_format(id.b, text), "izuzhqctkilhnnzzpqk5xbmgevxeibc56mgrtmvt3laswiaefr5a");
	assert_string_equal(kith_fingerprint(&key, name), "rhvq22ukneo24lgrl3idngjrzyfjjhwk");
	struct kith_id key_id;
	kith_directory_key(&key_id, &id, "alice");
	assert_string_equal(kith_key_format(key_id.b, text), "brvvrevlhk2bgxufhbcactf76smmusnv2nhofyvyj7fn7xbpx24a");
	uint8_t placement[KITH_PLACEMENT_LEN] = { 0 };
	kith_supernode_id(&key_id, &id, placement);
	assert_string_equal(kith_key_format(key_id.b, text), "dmytdyoh65jxblnbm66p3wce66bl4os4poz5pei3dbnhkrtvob2q");
}

static void lists_and_enrolment_work_from_seeds(void **state)
{
	struct certs c;
	struct kith_key dh, sign, issuer, identity;
	uint8_t buf[KITH_REVOCATION_LEN_MAX];
	struct kith_devices devices;
	struct kith_revocation list = { .signer = KITH_REVOKED_BY_ISSUER, .number = 1, .next_update_s = 5 }, parsed;
	struct kith_serial_range range = { 5, 9 };
	(void)state;
	certs_init(&c);
	kith_seed_device(&dh, &sign, &c.device);
	kith_seed_public(&issuer, &c.issuer);
	kith_seed_public(&identity, &c.identity);
	assert_int_equal(kith_devices_parse(&devices, made(buf, kith_devices_make(buf, 3, &sign, 1, &c.identity))), 0);
	assert_true(kith_devices_has(&devices, &sign));
	int len = kith_revocation_make(buf, sizeof buf, &list, &range, 1, &identity, 1, &c.issuer);
	assert_int_equal(kith_revocation_parse(&parsed, made(buf, len)), 0);
	assert_true(kith_revocation_has_serial(&parsed, 7));
	assert_true(kith_revocation_has_key(&parsed, &identity));
	uint8_t id[KITH_ISSUER_ID_LEN];
	kith_issuer_id(id, &issuer);
	assert_memory_equal(parsed.signer_id, id, sizeof id);
	list.signer = KITH_REVOKED_BY_ROOT;
	len = kith_revocation_make(buf, sizeof buf, &list, &range, 1, NULL, 0, &c.root);
	assert_int_equal(kith_revocation_parse(&parsed, made(buf, len)), 0);
	assert_memory_equal(parsed.signer_id, c.network.b, sizeof parsed.signer_id);

	struct kith_enrol request = { .network = c.network, .name = "bob.example", .nonce = { 1, 2, 3 } }, seen;
	struct kith_name_cert terms = { .serial = 8, .expires_s = 99 }, got;
	uint8_t answer[KITH_CERT_MAX];
	memcpy(request.issuer_id, id, sizeof id);
	len = kith_enrol_make(buf, &request, &c.identity);
	assert_int_equal(kith_enrol_check(&seen, made(buf, len), &c.network, &issuer, request.nonce), 0);
	len = kith_enrol_grant(answer, &seen, &terms, &c.issuer);
	assert_int_equal(kith_enrol_accept(&got, made(answer, len), &seen, &issuer), 0);
	assert_int_equal(got.serial, 8);
	assert_memory_equal(got.identity.b, identity.b, KITH_KEY_LEN);
}

/* ---- armour ---- */

static void base64_agrees_with_rfc_4648(void **state)
{
	static const struct {
		const char *plain, *text;
	} vectors[] = { { "f", "Zg==" },	{ "fo", "Zm8=" },	 { "foo", "Zm9v" },
			{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
	(void)state;
	for (size_t i = 0; i < 6; i++) {
		char text[128], expected[128];
		snprintf(expected, sizeof expected, "-----BEGIN KITH CHAIN-----\n%s\n-----END KITH CHAIN-----\n",
			 vectors[i].text);
		struct kith_span plain = test_span(vectors[i].plain, strlen(vectors[i].plain));
		int len = kith_armor_encode(text, sizeof text, KITH_ARMOR_CHAIN, plain);
		assert_int_equal(len, strlen(expected));
		assert_string_equal(text, expected);
	}
}

static void armour_returns_what_it_was_given_at_every_length(void **state)
{
	struct test_random random;
	uint8_t bytes[300], back[300];
	char text[700];
	(void)state;
	test_random_init(&random, 8);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		enum kith_armor kind = (enum kith_armor)(n % 8), seen;
		size_t used;
		random.random.fill(random.random.ctx, bytes, n);
		size_t size = kith_armor_size(kind, n);
		assert_true(size <= sizeof text);
		assert_int_equal(kith_armor_encode(text, size - 1, kind, test_span(bytes, n)), KITH_EMSGSIZE);
		assert_int_equal(kith_armor_encode(text, size, kind, test_span(bytes, n)), (int)size - 1);
		assert_int_equal(strlen(text), size - 1);
		assert_int_equal(kith_armor_decode(&seen, back, n, text, size - 1, &used), (int)n);
		assert_int_equal(seen, kind);
		assert_int_equal(used, size - 1);
		assert_memory_equal(back, bytes, n);
		if (n > 0)
			assert_int_equal(kith_armor_decode(&seen, back, n - 1, text, size - 1, &used), KITH_EMSGSIZE);
		for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
			assert_true(strchr(line, '\n') - line <= 64);
	}
}

static void several_blocks_are_found_among_other_text(void **state)
{
	static const char text[] = "To: bob\r\n\r\nhere they are\r\n"
				   "-----BEGIN KITH NAME CERTIFICATE-----\r\nZm9v\r\n"
				   "-----END KITH NAME CERTIFICATE-----\r\nand\n"
				   "-----BEGIN KITH KEY FILE-----\nZm\n9vYg==\n-----END KITH KEY FILE-----";
	enum kith_armor kind;
	uint8_t out[8];
	size_t used, at;
	(void)state;
	assert_int_equal(kith_armor_decode(&kind, out, sizeof out, text, strlen(text), &used), 3);
	assert_int_equal(kind, KITH_ARMOR_NAME);
	assert_memory_equal(text + used, "and\n", 4);
	at = used;
	assert_int_equal(kith_armor_decode(&kind, out, sizeof out, text + at, strlen(text) - at, &used), 4);
	assert_int_equal(kind, KITH_ARMOR_KEYS);
	assert_int_equal(at + used, strlen(text));
	assert_int_equal(kith_armor_decode(&kind, out, sizeof out, text + strlen(text), 0, NULL), KITH_ENOENT);
}

static void broken_armour_is_refused(void **state)
{
	static const char *const broken[] = {
		"-----BEGIN KITH CHAIN-----\nZm9v\n",
		"-----BEGIN KITH CHAIN-----\nZm9v\n-----END KITH CHAIN----",
		"-----BEGIN KITH CHAIN-----\nZm9v\n-----END KITH KEY FILE-----\n",
		"-----BEGIN KITH NONSENSE-----\nZm9v\n-----END KITH NONSENSE-----\n",
		"-----BEGIN KITH CHAIN-----\nZm9\n-----END KITH CHAIN-----\n",
		"-----BEGIN KITH CHAIN-----\nZm9*\n-----END KITH CHAIN-----\n",
		"-----BEGIN KITH CHAIN-----\nZg=\n-----END KITH CHAIN-----\n",
		"-----BEGIN KITH CHAIN-----\nZg==Zg==\n-----END KITH CHAIN-----\n",
		"-----BEGIN KITH CHAIN-----\nZ===\n-----END KITH CHAIN-----\n",
		"-----BEGIN KITH CHAIN-----\n====\n-----END KITH CHAIN-----\n",
		"-----BEGIN KITH CHAIN-----\nZg=a\n-----END KITH CHAIN-----\n",
		"-----BEGIN KITH CHAIN-----\nZh==\n-----END KITH CHAIN-----\n", /* spare bits */
		"-----BEGIN KITH CHAIN-----\nZm9=\n-----END KITH CHAIN-----\n",
	};
	enum kith_armor kind;
	uint8_t out[16];
	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
		assert_int_equal(kith_armor_decode(&kind, out, sizeof out, broken[i], strlen(broken[i]), NULL),
				 KITH_EPROTO);
	assert_int_equal(kith_armor_decode(&kind, out, sizeof out, "no block", 8, NULL), KITH_ENOENT);
}

static void every_truncation_of_armour_is_refused(void **state)
{
	struct certs c;
	char text[1024];
	uint8_t out[KITH_CHAIN_MAX];
	enum kith_armor kind;
	(void)state;
	certs_init(&c);
	int len = kith_armor_encode(text, sizeof text, KITH_ARMOR_CHAIN, c.chain);
	assert_true(len > 0);
	for (size_t cut = 0; cut + 1 < (size_t)len; cut++) {
		char *exact = malloc(cut + 1);
		assert_non_null(exact);
		memcpy(exact, text, cut);
		assert_true(kith_armor_decode(&kind, out, sizeof out, exact, cut, NULL) < 0);
		free(exact);
	}
}

/* ---- descriptions ---- */

static void descriptions_say_what_is_in_it(void **state)
{
	struct certs c;
	char text[4096];
	(void)state;
	certs_init(&c);
	int len = kith_identity_describe(c.chain, text, sizeof text);
	assert_int_equal(len, strlen(text));
	static const char *const expected[] = { "type: chain\nkind: full\n",
						"type: issuer certificate\n",
						"names: .example\n",
						"type: name certificate\nname: bob.example\n",
						"serial: 2\n",
						"type: device certificate\nx25519 key: ",
						"not before: 1970-01-01 00:00:00Z\n",
						"expires: 2030-03-17 17:46:40Z\n" };
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		assert_non_null(strstr(text, expected[i]));
	char small[40];
	assert_int_equal(kith_identity_describe(c.chain, small, sizeof small), KITH_EMSGSIZE);
	assert_int_equal(strlen(small), sizeof small - 1);
	assert_int_equal(kith_identity_describe(c.chain, small, 0), KITH_EMSGSIZE);
	assert_int_equal(kith_identity_describe(test_span("\1\143", 2), text, sizeof text), KITH_EPROTO);
	assert_int_equal(kith_identity_describe(test_span(NULL, 0), text, sizeof text), KITH_EPROTO);
	assert_string_equal(text, "");
}

static void dates_agree_with_the_calendar(void **state)
{
	/* date -u -d @n */
	static const struct {
		int64_t s;
		const char *text;
	} dates[] = { { 0, "1970-01-01 00:00:00Z" },	      { 951782399, "2000-02-28 23:59:59Z" },
		      { 951782400, "2000-02-29 00:00:00Z" },  { 951868800, "2000-03-01 00:00:00Z" },
		      { 4107542399, "2100-02-28 23:59:59Z" }, { 4107542400, "2100-03-01 00:00:00Z" },
		      { 1735689599, "2024-12-31 23:59:59Z" }, { KITH_UNIX_S_MAX, "36812-02-20 00:36:15Z" } };
	(void)state;
	for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
		struct kith_device_cert cert = { .expires_s = dates[i].s };
		struct kith_seed seed = seed_of(3);
		uint8_t buf[KITH_CERT_MAX];
		char text[1024], expected[64];
		int len = kith_device_cert_make(buf, &cert, &seed);
		assert_true(kith_identity_describe(made(buf, len), text, sizeof text) > 0);
		snprintf(expected, sizeof expected, "expires: %s\n", dates[i].text);
		assert_non_null(strstr(text, expected));
	}
}

static void lists_and_requests_are_described(void **state)
{
	struct kith_seed seed = seed_of(1);
	struct kith_key key;
	struct kith_revocation list = { .signer = KITH_REVOKED_BY_ROOT, .number = 6, .next_update_s = 86400 };
	struct kith_serial_range range = { 5, UINT64_MAX };
	struct kith_enrol request = { .name = "carol", .flags = KITH_NAME_SUPERNODE };
	uint8_t buf[2048];
	char text[2048];
	(void)state;
	kith_seed_public(&key, &seed);
	int len = kith_revocation_make(buf, sizeof buf, &list, &range, 1, &key, 1, &seed);
	assert_true(kith_identity_describe(made(buf, len), text, sizeof text) > 0);
	assert_non_null(strstr(text, "signer: root\n"));
	assert_non_null(strstr(text, "serials: 5-18446744073709551615\n"));
	assert_non_null(strstr(text, "next update: 1970-01-02 00:00:00Z\n"));
	len = kith_devices_make(buf, 9, &key, 1, &seed);
	assert_true(kith_identity_describe(made(buf, len), text, sizeof text) > 0);
	assert_non_null(strstr(text, "number: 9\ntags: 3\ntag: "));
	len = kith_enrol_make(buf, &request, &seed);
	assert_true(kith_identity_describe(made(buf, len), text, sizeof text) > 0);
	assert_non_null(strstr(text, "name: carol\n"));
	assert_non_null(strstr(text, "supernode: yes\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(network_can_be_made_with_public_functions_alone),
		cmocka_unit_test(known_network_ids_do_not_change),
		cmocka_unit_test(lists_and_enrolment_work_from_seeds),
		cmocka_unit_test(base64_agrees_with_rfc_4648),
		cmocka_unit_test(armour_returns_what_it_was_given_at_every_length),
		cmocka_unit_test(several_blocks_are_found_among_other_text),
		cmocka_unit_test(broken_armour_is_refused),
		cmocka_unit_test(every_truncation_of_armour_is_refused),
		cmocka_unit_test(descriptions_say_what_is_in_it),
		cmocka_unit_test(dates_agree_with_the_calendar),
		cmocka_unit_test(lists_and_requests_are_described),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
