/* What is wrong with a node's own key, certificates and role is found before it starts, and named by its part. */
#include <time.h>

#include "support.h"

#include "host/check.h"
#include "host/system.h"

#define DAY_S INT64_C(86400)

/* A network with an authority, and a device in it whose certificates the tests change before they are made. */
struct net {
	struct kith_seed root, issuer, identity, device;
	struct kith_key root_pk;
	struct kith_issuer_cert issuer_cert;
	struct kith_name_cert name_cert;
	struct kith_device_cert device_cert;
	uint8_t chain[KITH_CHAIN_MAX], issuer_buf[KITH_CERT_MAX], list[512];
	struct kith_span revocation;
	struct kith_node_options o;
	enum kith_part part;
	char why[256];
};

static void seed_fill(struct kith_seed *seed, uint8_t byte)
{
	memset(seed->b, byte, sizeof seed->b);
}

static void net_init(struct net *n)
{
	int64_t now_s = (int64_t)time(NULL);
	memset(n, 0, sizeof *n);
	seed_fill(&n->root, 1);
	seed_fill(&n->issuer, 2);
	seed_fill(&n->identity, 3);
	seed_fill(&n->device, 4);
	kith_seed_public(&n->root_pk, &n->root);
	n->issuer_cert.serial = n->name_cert.serial = 7;
	kith_seed_public(&n->issuer_cert.issuer, &n->issuer);
	kith_seed_public(&n->name_cert.identity, &n->identity);
	kith_seed_device(&n->device_cert.dh, &n->device_cert.sign, &n->device);
	n->issuer_cert.not_before_s = n->name_cert.not_before_s = n->device_cert.not_before_s = now_s - DAY_S;
	n->issuer_cert.expires_s = now_s + 3 * DAY_S;
	n->name_cert.expires_s = now_s + 2 * DAY_S;
	n->device_cert.expires_s = now_s + DAY_S;
	strcpy(n->name_cert.name, "s1");
	n->name_cert.flags = KITH_NAME_SUPERNODE;
	n->issuer_cert.flags = KITH_ISSUER_SUPERNODES;
	kith_node_options_init(&n->o);
	n->o.role = KITH_ROLE_SUPERNODE;
	n->o.has_root = true;
	n->o.root = n->root_pk;
	n->o.has_device = true;
	n->o.device = n->device;
}

static struct kith_span span(const uint8_t *p, int len)
{
	assert_true(len > 0);
	return (struct kith_span){ p, (size_t)len };
}

/* Certifies, and checks. */
static int check(struct net *n)
{
	uint8_t name[KITH_CERT_MAX], device[KITH_CERT_MAX];
	struct kith_id network;
	kith_network_id(&network, &n->root_pk);
	struct kith_span issuer = span(n->issuer_buf, kith_issuer_cert_make(n->issuer_buf, &n->issuer_cert, &n->root));
	struct kith_span name_span = span(name, kith_name_cert_make(name, &n->name_cert, &n->issuer));
	struct kith_span device_span = span(device, kith_device_cert_make(device, &n->device_cert, &n->identity));
	n->o.chain = span(n->chain, kith_chain_make(n->chain, &network, issuer, name_span, device_span));
	return kith_node_options_check(&n->o, &n->part, n->why, sizeof n->why);
}

static void assert_blamed(struct net *n, int err, enum kith_part part, const char *words)
{
	assert_int_equal(check(n), err);
	assert_int_equal(n->part, part);
	if (strstr(n->why, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, n->why);
}

static void what_is_good_is_found_good(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	assert_blamed(&n, 0, KITH_PART_NONE, "");
	n.o.role = KITH_ROLE_LEAF;
	n.name_cert.flags = 0;
	assert_blamed(&n, 0, KITH_PART_NONE, "");
	n.o.has_device = false; /* and neither a key file */
	assert_blamed(&n, KITH_ENOENT, KITH_PART_KEY, "");
}

static void a_name_that_is_no_supernode_is_told(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	n.name_cert.flags = 0;
	assert_blamed(&n, KITH_EACCES, KITH_PART_ROLE, "s1 is not certified as a supernode");
	net_init(&n);
	n.issuer_cert.flags = 0;
	assert_blamed(&n, KITH_EACCES, KITH_PART_ROLE, "s1 is not certified as a supernode");
}

static void the_certificate_that_is_out_of_its_time_is_named(void **state)
{
	struct net n;
	int64_t now_s = (int64_t)time(NULL);
	(void)state;
	net_init(&n);
	n.device_cert.expires_s = now_s - DAY_S / 2;
	assert_blamed(&n, KITH_EEXPIRED, KITH_PART_CHAIN, "the device's certificate ended on ");
	net_init(&n);
	n.name_cert.expires_s = now_s - DAY_S / 2;
	assert_blamed(&n, KITH_EEXPIRED, KITH_PART_CHAIN, "the name's certificate ended on ");
	net_init(&n);
	n.issuer_cert.expires_s = now_s - DAY_S / 2;
	assert_blamed(&n, KITH_EEXPIRED, KITH_PART_CHAIN, "the issuer's certificate ended on ");
	net_init(&n);
	n.name_cert.not_before_s = now_s + DAY_S;
	assert_blamed(&n, KITH_ENOTYET, KITH_PART_CHAIN, "the name's certificate begins on ");
}

static void another_network_and_another_key_are_told(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	seed_fill(&n.root, 9);
	kith_seed_public(&n.o.root, &n.root);
	seed_fill(&n.root, 1);
	assert_blamed(&n, KITH_ENETWORK, KITH_PART_CHAIN, "another network");
	net_init(&n);
	n.o.has_root = false;
	n.o.open_label = "playground";
	assert_blamed(&n, KITH_ENETWORK, KITH_PART_CHAIN, "another network");
	net_init(&n);
	seed_fill(&n.o.device, 9);
	assert_blamed(&n, KITH_EAUTH, KITH_PART_KEY, "another device");
}

static void a_list_that_is_not_good_is_told(void **state)
{
	struct net n;
	struct kith_span garbage = { (const uint8_t *)"garbage", 7 };
	(void)state;
	net_init(&n);
	n.o.issuers = &garbage;
	n.o.issuers_n = 1;
	assert_int_equal(check(&n) < 0, true);
	assert_int_equal(n.part, KITH_PART_LIST);
	assert_non_null(strstr(n.why, "issuer's certificate 1 is refused"));
	n.o.issuers_n = 0;
	n.o.revocations = &garbage;
	n.o.revocations_n = 1;
	assert_int_equal(check(&n) < 0, true);
	assert_int_equal(n.part, KITH_PART_LIST);
	assert_non_null(strstr(n.why, "revocation list 1 is refused"));
}

static void a_name_that_is_revoked_is_told(void **state)
{
	struct net n;
	struct kith_serial_range range = { 7, 7 };
	int64_t now_s = (int64_t)time(NULL);
	struct kith_revocation list = {
		.signer = KITH_REVOKED_BY_ISSUER, .number = 1, .issued_s = now_s - 60, .next_update_s = now_s + DAY_S
	};
	(void)state;
	net_init(&n);
	n.revocation = span(n.list, kith_revocation_make(n.list, sizeof n.list, &list, &range, 1, NULL, 0, &n.issuer));
	n.o.revocations = &n.revocation;
	n.o.revocations_n = 1;
	assert_blamed(&n, KITH_EREVOKED, KITH_PART_CHAIN, "revokes this very name");
}

static void arguments_are_checked(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	assert_int_equal(kith_node_options_check(NULL, &n.part, n.why, sizeof n.why), KITH_EINVAL);
	assert_int_equal(kith_node_options_check(&n.o, NULL, n.why, sizeof n.why), KITH_EINVAL);
	assert_int_equal(kith_node_options_check(&n.o, &n.part, NULL, 0), KITH_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_good_is_found_good),
					    cmocka_unit_test(a_name_that_is_no_supernode_is_told),
					    cmocka_unit_test(the_certificate_that_is_out_of_its_time_is_named),
					    cmocka_unit_test(another_network_and_another_key_are_told),
					    cmocka_unit_test(a_list_that_is_not_good_is_told),
					    cmocka_unit_test(a_name_that_is_revoked_is_told),
					    cmocka_unit_test(arguments_are_checked) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
