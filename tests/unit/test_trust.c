/* Trust: whose chain holds, every refusal, what the cache remembers, bounds. */
#include "identity_net.h"

static void chain_says_who_it_is_and_for_how_long(void **state)
{
	struct net n;
	struct kith_person p;
	struct kith_now now = world_now(0);
	(void)state;
	net_init(&n);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), 0);
	assert_string_equal(p.name, "alice.example");
	assert_memory_equal(p.identity.b, n.w.identity.pk.b, 32);
	assert_memory_equal(p.device_dh.b, n.w.device.dh_pk.b, 32);
	assert_memory_equal(p.device_sign.b, n.w.device.sign.pk.b, 32);
	assert_memory_equal(p.issuer.b, n.w.issuer.pk.b, 32);
	assert_memory_equal(p.placement, n.w.name_cert.placement, KITH_PLACEMENT_LEN);
	assert_int_equal(p.issuer_serial, 7);
	assert_int_equal(p.name_serial, 4711);
	assert_int_equal(p.flags, KITH_NAME_SUPERNODE);
	assert_int_equal(p.not_before_ms, n.w.device_cert.not_before_s * 1000);
	assert_int_equal(p.expires_ms, n.w.device_cert.expires_s * 1000);

	/* The earliest expiry, whosever it is. */
	n.w.issuer_cert.expires_s = WORLD_NOW_S + 5;
	n.w.issuer_cert.serial++;
	world_sign(&n.w);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), 0);
	assert_int_equal(p.expires_ms, (WORLD_NOW_S + 5) * 1000);
	net_deinit(&n);
}

static void a_supernode_is_what_the_root_lets_an_issuer_make(void **state)
{
	struct net n;
	struct kith_person p;
	struct kith_now now = world_now(0);
	(void)state;
	net_init(&n);
	n.w.issuer_cert.flags = (uint8_t)~KITH_ISSUER_SUPERNODES;
	n.w.name_cert.flags = 0xff;
	world_sign(&n.w);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), 0);
	assert_int_equal(p.flags, 0xff & ~KITH_NAME_SUPERNODE);
	/* The same name, once the root grants it: with a constraint or without one. */
	n.w.issuer_cert.flags = KITH_ISSUER_SUPERNODES;
	n.w.issuer_cert.serial++;
	world_sign(&n.w);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), 0);
	assert_int_equal(p.flags, 0xff);
	net_deinit(&n);
}

static void placement_survives_renewal(void **state)
{
	struct net n;
	struct kith_person before, after;
	struct kith_id a, b;
	struct kith_now now = world_now(0);
	(void)state;
	net_init(&n);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &before), 0);
	struct kith_name_cert parsed;
	assert_int_equal(kith_name_cert_parse(&parsed, n.w.name_span), 0);
	parsed.serial++;
	parsed.expires_s += 86400;
	n.w.name_cert = parsed;
	world_sign(&n.w);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &after), 0);
	assert_int_equal(after.name_serial, before.name_serial + 1);
	kith_ids_supernode(n.w.suite, &a, &n.trust.network, before.placement);
	kith_ids_supernode(n.w.suite, &b, &n.trust.network, after.placement);
	assert_memory_equal(a.b, b.b, KITH_ID_LEN);
	net_deinit(&n);
}

static void issuer_goes_by_id_once_it_was_seen(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	assert_int_equal(check(&n, n.w.by_id), KITH_ECHAIN);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(check(&n, n.w.by_id), 0);
	net_deinit(&n);
}

static void another_root_is_another_network(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	struct world other = n.w;
	world_signer(&other, &other.root, 99);
	kith_ids_network(other.suite, &other.network, &other.root.pk);
	world_sign(&other);
	assert_int_equal(check(&n, other.full), KITH_ENETWORK);
	assert_int_equal(check(&n, other.by_id), KITH_ENETWORK);
	assert_int_equal(check(&n, n.w.open), KITH_ENETWORK);
	/* One that lies about its network fails at the signature. */
	other.network = n.w.network;
	world_sign(&other);
	assert_int_equal(check(&n, other.full), KITH_ESIGNATURE);
	assert_int_equal(n.trust.issuers_n, 0);
	assert_int_equal(n.trust.chains.n, 0);
	net_deinit(&n);
}

static void open_network_names_people_by_their_key(void **state)
{
	struct net n;
	struct kith_person p;
	struct kith_now now = world_now(0);
	char name[KITH_NAME_MAX + 1];
	(void)state;
	net_init_as(&n, true, 1, 4, 4);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.open, &p), 0);
	kith_ids_fingerprint(n.w.suite, name, &n.w.identity.pk);
	assert_string_equal(p.name, name);
	assert_int_equal(p.flags, 0);
	assert_int_equal(verifications, 1);

	assert_int_equal(check(&n, n.w.full), KITH_ENETWORK);
	assert_int_equal(check(&n, n.w.by_id), KITH_ENETWORK);
	struct kith_id other;
	uint8_t buf[KITH_CHAIN_MAX];
	assert_int_equal(kith_ids_network_open(n.w.suite, &other, "elsewhere"), 0);
	int len = kith_chain_make_open(buf, &other, &n.w.identity.pk, n.w.device_span);
	assert_int_equal(check(&n, world_made(buf, len)), KITH_ENETWORK);
	/* Another's identity key in front of this device. */
	len = kith_chain_make_open(buf, &n.trust.network, &n.w.root.pk, n.w.device_span);
	assert_int_equal(check(&n, world_made(buf, len)), KITH_ESIGNATURE);
	/* No authority, no revocation by one; but the identity's own list counts. */
	assert_int_equal(revoke(&n, true, 1, NULL, &n.w.identity.pk), KITH_ENETWORK);
	assert_int_equal(kith_trust_issuer_add(&n.trust, &now, n.w.issuer_span), KITH_ENETWORK);
	assert_int_equal(list_devices(&n, &n.w.identity, 1, NULL, 0, false), 1);
	assert_int_equal(check(&n, n.w.open), KITH_EREVOKED);
	net_deinit(&n);
}

static void every_flipped_bit_of_a_chain_is_refused(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	uint8_t altered[KITH_CHAIN_MAX];
	for (unsigned round = 0; round < 3; round++) {
		/* The later rounds know the true chain and its issuer: nothing near them may profit from that. */
		const struct kith_span chain = round < 2 ? n.w.full : n.w.by_id;
		if (round > 0) {
			assert_int_equal(check(&n, n.w.full), 0);
			assert_int_equal(check(&n, n.w.by_id), 0);
		}
		for (size_t bit = 0; bit < 8 * chain.len; bit++) {
			memcpy(altered, chain.p, chain.len);
			altered[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(check(&n, test_span(altered, chain.len)), 0);
		}
		for (size_t len = 0; len < chain.len; len++)
			assert_int_not_equal(check(&n, test_span(chain.p, len)), 0);
		assert_int_equal(n.trust.chains.n, round == 0 ? 0 : 2);
	}
	net_deinit(&n);
}

static void a_chain_that_is_checked_once_is_not_remembered(void **state)
{
	struct net n;
	struct kith_person person;
	const struct kith_now now = world_now(0);
	(void)state;
	net_init(&n);
	assert_int_equal(kith_trust_check_once(&n.trust, &now, n.w.full, &person), 0);
	assert_int_not_equal(person.name[0], 0);
	assert_int_equal(n.trust.chains.n, 0);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(n.trust.chains.n, 1);
	net_deinit(&n);
}

static void open_chain_is_no_way_around_the_authority(void **state)
{
	struct net n;
	uint8_t buf[KITH_CHAIN_MAX];
	(void)state;
	/* With this network's own hint: only the kind tells. */
	net_init(&n);
	int len = kith_chain_make_open(buf, &n.trust.network, &n.w.identity.pk, n.w.device_span);
	assert_int_equal(check(&n, world_made(buf, len)), KITH_ENETWORK);
	net_deinit(&n);
	net_init_as(&n, true, 1, 4, 4);
	n.w.network = n.trust.network;
	world_sign(&n.w);
	assert_int_equal(check(&n, n.w.full), KITH_ENETWORK);
	assert_int_equal(check(&n, n.w.by_id), KITH_ENETWORK);
	net_deinit(&n);
}

static void signatures_by_the_wrong_key_are_refused(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	struct kith_signer mallory;
	world_signer(&n.w, &mallory, 66);
	struct world forged = n.w;
	forged.identity = mallory; /* a device of Mallory's under Alice's name */
	world_sign(&forged);
	assert_int_equal(check(&n, forged.full), KITH_ESIGNATURE);
	forged = n.w;
	forged.issuer.pk = n.w.issuer.pk;
	memcpy(forged.issuer.sk, mallory.sk, sizeof mallory.sk); /* a name that the issuer never signed */
	world_sign(&forged);
	assert_int_equal(check(&n, forged.full), KITH_ESIGNATURE);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(check(&n, forged.full), KITH_ESIGNATURE);
	assert_int_equal(check(&n, forged.by_id), KITH_ESIGNATURE);
	net_deinit(&n);
}

static void issuer_that_the_name_does_not_state_is_refused(void **state)
{
	struct net n;
	uint8_t buf[KITH_CHAIN_MAX], other_issuer[KITH_CERT_MAX];
	(void)state;
	net_init(&n);
	struct kith_issuer_cert other = n.w.issuer_cert;
	struct kith_signer key;
	world_signer(&n.w, &key, 50);
	other.issuer = key.pk;
	int len = kith_issuer_cert_sign(n.w.suite, other_issuer, &other, n.w.root.sk);
	struct kith_writer out = kith_writer_of(buf, sizeof buf);
	kith_write_bytes(&out, n.w.full.p, 7);
	kith_write_u16(&out, (uint16_t)len);
	kith_write_bytes(&out, other_issuer, (size_t)len);
	kith_write_bytes(&out, n.w.by_id.p + 7, n.w.by_id.len - 7);
	assert_false(out.bad);
	assert_int_equal(check(&n, test_span(buf, kith_writer_len(&out))), KITH_ECHAIN);
	net_deinit(&n);
}

static void names_outside_of_the_constraint_are_refused(void **state)
{
	struct net n;
	static const struct {
		const char *name;
		int err;
	} cases[] = { { "bob.example", 0 },	  { "bob.example.org", KITH_ENAME }, { "example", KITH_ENAME },
		      { ".example", KITH_ENAME }, { "bobexample", KITH_ENAME },	     { "bob", KITH_ENAME } };
	(void)state;
	net_init(&n);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		strcpy(n.w.name_cert.name, cases[i].name);
		world_sign(&n.w);
		assert_int_equal(check(&n, n.w.full), cases[i].err);
		assert_int_equal(check(&n, n.w.by_id), cases[i].err);
	}
	/* A name that is none, properly signed. */
	strcpy(n.w.name_cert.name, "BOB.example");
	struct kith_writer name = kith_writer_of(n.w.name_buf, sizeof n.w.name_buf);
	kith_name_cert_write(&name, &n.w.name_cert);
	int len = kith_object_sign(n.w.suite, &name, KITH_SIGN_NAME, n.w.issuer.sk);
	uint8_t chain[KITH_CHAIN_MAX];
	struct kith_writer out = kith_writer_of(chain, sizeof chain);
	kith_write_bytes(&out, n.w.by_id.p, 7);
	kith_write_u16(&out, (uint16_t)len);
	kith_write_bytes(&out, n.w.name_buf, (size_t)len);
	kith_write_u16(&out, (uint16_t)n.w.device_span.len);
	kith_write_span(&out, n.w.device_span);
	assert_int_equal(check(&n, test_span(chain, kith_writer_len(&out))), KITH_ENAME);
	net_deinit(&n);
}

static void validity_is_widened_by_the_tolerance_and_no_more(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	int64_t from = (n.w.device_cert.not_before_s - WORLD_NOW_S) * 1000;
	int64_t to = (n.w.device_cert.expires_s - WORLD_NOW_S) * 1000;
	assert_int_equal(check_at(&n, n.w.full, to), 0);
	assert_int_equal(check_at(&n, n.w.full, to + KITH_CLOCK_TOLERANCE_MS), 0);
	assert_int_equal(check_at(&n, n.w.full, to + KITH_CLOCK_TOLERANCE_MS + 1), KITH_EEXPIRED);
	assert_int_equal(check_at(&n, n.w.full, from - KITH_CLOCK_TOLERANCE_MS), 0);
	assert_int_equal(check_at(&n, n.w.full, from - KITH_CLOCK_TOLERANCE_MS - 1), KITH_ENOTYET);
	net_deinit(&n);
}

static void each_certificate_of_the_chain_can_expire(void **state)
{
	struct net n;
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		net_init(&n);
		int64_t *fields[] = { &n.w.issuer_cert.expires_s,  &n.w.name_cert.expires_s,
				      &n.w.device_cert.expires_s,  &n.w.issuer_cert.not_before_s,
				      &n.w.name_cert.not_before_s, &n.w.device_cert.not_before_s };
		*fields[i] = WORLD_NOW_S + (i < 3 ? -700 : 700);
		world_sign(&n.w);
		assert_int_equal(check(&n, n.w.full), i < 3 ? KITH_EEXPIRED : KITH_ENOTYET);
		assert_int_equal(n.trust.issuers_n, 0);
		net_deinit(&n);
	}
}

static void untrusted_clock_proves_expiry_but_not_the_future(void **state)
{
	struct net n;
	struct kith_person p;
	(void)state;
	net_init(&n);
	struct kith_now now = { 0, 0, false };
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), 0);
	now.unix_ms = (n.w.device_cert.expires_s + 601) * 1000;
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), KITH_EEXPIRED);
	net_deinit(&n);
}

static void repeated_checks_cost_no_signature(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(verifications, 3);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(verifications, 3);
	/* The same certificates by id are another chain, of a known issuer. */
	assert_int_equal(check(&n, n.w.by_id), 0);
	assert_int_equal(verifications, 5);
	assert_int_equal(check(&n, n.w.by_id), 0);
	assert_int_equal(verifications, 5);
	/* For a live session not even those of a chain that was forgotten meanwhile. */
	struct kith_now now = world_now(0);
	n.w.name_cert.serial++;
	world_sign(&n.w);
	assert_int_equal(kith_trust_recheck_chain(&n.trust, &now, n.w.full), 0);
	assert_int_equal(verifications, 5);
	net_deinit(&n);
}

static void cache_remembers_no_more_than_its_bound_and_drops_the_longest_unused(void **state)
{
	struct net n;
	struct world w[5];
	(void)state;
	net_init(&n);
	for (size_t i = 0; i < 5; i++) {
		w[i] = n.w;
		w[i].name_cert.serial = 5000 + i;
		world_sign(&w[i]);
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(check(&n, w[i].full), 0);
	assert_int_equal(check(&n, w[0].full), 0); /* now w[1] is the longest unused */
	assert_int_equal(check(&n, w[4].full), 0);
	assert_int_equal(n.trust.chains.n, 4);
	verifications = 0;
	assert_int_equal(check(&n, w[0].full), 0);
	assert_int_equal(check(&n, w[2].full), 0);
	assert_int_equal(check(&n, w[4].full), 0);
	assert_int_equal(verifications, 0);
	assert_int_equal(check(&n, w[1].full), 0);
	assert_int_equal(verifications, 2);
	net_deinit(&n);
}

static void expiry_and_recheck_agree(void **state)
{
	struct net n;
	struct kith_person p;
	struct kith_now now = world_now(0);
	(void)state;
	net_init(&n);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), 0);
	now.unix_ms = p.expires_ms + KITH_CLOCK_TOLERANCE_MS;
	assert_int_equal(kith_trust_recheck(&n.trust, &now, &p), 0);
	now.unix_ms++;
	assert_int_equal(kith_trust_recheck(&n.trust, &now, &p), KITH_EEXPIRED);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), KITH_EEXPIRED);
	net_deinit(&n);
}

static void what_is_held_can_be_saved_and_fed_back(void **state)
{
	struct net a, b;
	struct kith_now now = world_now(0);
	struct kith_serial_range name = { 4711, 4711 }, none = { 99, 99 };
	(void)state;
	net_init(&a);
	net_init(&b);
	assert_int_equal(check(&a, a.w.full), 0);
	assert_int_equal(revoke(&a, true, 1, &none, NULL), 1);
	assert_int_equal(revoke(&a, false, 1, &name, NULL), 1);
	assert_int_equal(kith_trust_revocation_add(&b.trust, &now, kith_blob_span(a.trust.root_list)), 1);
	assert_int_equal(kith_trust_issuer_add(&b.trust, &now, kith_blob_span(a.trust.issuers[0].cert)), 0);
	assert_int_equal(kith_trust_revocation_add(&b.trust, &now, kith_blob_span(a.trust.issuers[0].list)), 1);
	assert_int_equal(check(&b, b.w.by_id), KITH_EREVOKED);
	assert_int_equal(a.trust.issuers_n, 1);
	net_deinit(&a);
	net_deinit(&b);
}

static void without_memory_chains_still_verify_and_nothing_leaks(void **state)
{
	struct net n;
	(void)state;
	for (long fail = 0; fail < 12; fail++) {
		net_init(&n);
		n.alloc.fail_after = fail;
		assert_int_equal(check(&n, n.w.full), 0);
		int err = list_devices(&n, &n.w.identity, 1, &n.w.device.sign.pk, 1, false);
		assert_true(err == 1 || err == KITH_ENOMEM);
		err = revoke(&n, true, 1, NULL, &n.w.root.pk);
		assert_true(err == 1 || err == KITH_ENOMEM);
		n.alloc.fail_after = -1;
		assert_int_equal(check(&n, n.w.full), 0);
		net_deinit(&n);
	}
}

static void options_out_of_bounds_are_refused(void **state)
{
	struct net n;
	struct kith_trust t;
	(void)state;
	net_init(&n);
	struct kith_trust_options good = { .suite = n.w.suite,
					   .alloc = &n.alloc.alloc,
					   .blobs = &n.blobs,
					   .root = &n.w.root.pk,
					   .issuers_max = 1,
					   .device_lists_max = 1,
					   .chains_max = 1 };
	struct kith_trust_options o = good;
	assert_int_equal(kith_trust_init(&t, &o), 0);
	kith_trust_deinit(&t);
	o.issuers_max = 0;
	assert_int_equal(kith_trust_init(&t, &o), KITH_EINVAL);
	o.issuers_max = KITH_TRUST_ISSUERS_MAX + 1;
	assert_int_equal(kith_trust_init(&t, &o), KITH_EINVAL);
	o = good;
	o.device_lists_max = 0;
	assert_int_equal(kith_trust_init(&t, &o), KITH_EINVAL);
	o = good;
	o.chains_max = 0;
	assert_int_equal(kith_trust_init(&t, &o), KITH_EINVAL);
	o = good;
	o.root = NULL;
	assert_int_equal(kith_trust_init(&t, &o), KITH_EINVAL);
	net_deinit(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_says_who_it_is_and_for_how_long),
		cmocka_unit_test(a_supernode_is_what_the_root_lets_an_issuer_make),
		cmocka_unit_test(placement_survives_renewal),
		cmocka_unit_test(issuer_goes_by_id_once_it_was_seen),
		cmocka_unit_test(another_root_is_another_network),
		cmocka_unit_test(open_network_names_people_by_their_key),
		cmocka_unit_test(every_flipped_bit_of_a_chain_is_refused),
		cmocka_unit_test(open_chain_is_no_way_around_the_authority),
		cmocka_unit_test(signatures_by_the_wrong_key_are_refused),
		cmocka_unit_test(issuer_that_the_name_does_not_state_is_refused),
		cmocka_unit_test(names_outside_of_the_constraint_are_refused),
		cmocka_unit_test(validity_is_widened_by_the_tolerance_and_no_more),
		cmocka_unit_test(each_certificate_of_the_chain_can_expire),
		cmocka_unit_test(untrusted_clock_proves_expiry_but_not_the_future),
		cmocka_unit_test(repeated_checks_cost_no_signature),
		cmocka_unit_test(cache_remembers_no_more_than_its_bound_and_drops_the_longest_unused),
		cmocka_unit_test(expiry_and_recheck_agree),
		cmocka_unit_test(what_is_held_can_be_saved_and_fed_back),
		cmocka_unit_test(a_chain_that_is_checked_once_is_not_remembered),
		cmocka_unit_test(without_memory_chains_still_verify_and_nothing_leaks),
		cmocka_unit_test(options_out_of_bounds_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
