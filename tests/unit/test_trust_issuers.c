/* Issuers that trust knows: how many, which of them is dropped for another, and who succeeds whom. */
#include "identity_net.h"

static bool knows_issuer(const struct kith_trust *t, const uint8_t id[KITH_ISSUER_ID_LEN])
{
	for (size_t i = 0; i < t->issuers_n; i++) {
		if (memcmp(t->issuers[i].id, id, KITH_ISSUER_ID_LEN) == 0)
			return true;
	}
	return false;
}

/* A world whose issuer is another one of the same root. */
static void other_issuer(struct world *w, uint8_t n)
{
	world_signer(w, &w->issuer, n);
	w->issuer_cert.issuer = w->issuer.pk;
	w->issuer_cert.serial = n;
	kith_ids_issuer(w->suite, w->name_cert.issuer_id, &w->issuer.pk);
	world_sign(w);
}

static void issuers_are_bounded_and_one_with_a_list_is_not_dropped(void **state)
{
	struct net n;
	struct world w[4];
	struct kith_now now = world_now(0);
	(void)state;
	net_init_as(&n, false, 2, 4, 4);
	for (size_t i = 0; i < 4; i++) {
		w[i] = n.w;
		other_issuer(&w[i], (uint8_t)(120 + i));
	}
	assert_int_equal(check(&n, w[0].full), 0);
	assert_int_equal(check(&n, w[1].full), 0);
	assert_int_equal(check(&n, w[0].full), 0);
	assert_int_equal(check(&n, w[2].full), 0); /* takes the place of 1 */
	assert_int_equal(n.trust.issuers_n, 2);
	assert_true(knows_issuer(&n.trust, w[0].name_cert.issuer_id));
	assert_false(knows_issuer(&n.trust, w[1].name_cert.issuer_id));

	n.w = w[0];
	assert_int_equal(revoke(&n, false, 1, NULL, NULL), 1);
	n.w = w[2];
	assert_int_equal(revoke(&n, false, 1, NULL, NULL), 1);
	/* Both have lists now. A third is verified, but not remembered. */
	assert_int_equal(check(&n, w[3].full), 0);
	assert_int_equal(check(&n, w[3].by_id), KITH_ECHAIN);
	assert_int_equal(kith_trust_issuer_add(&n.trust, &now, w[3].issuer_span), KITH_EFULL);
	/* When the root revokes one, there is room. */
	n.w = w[0];
	assert_int_equal(revoke(&n, true, 1, NULL, &w[0].issuer.pk), 1);
	assert_int_equal(kith_trust_issuer_add(&n.trust, &now, w[3].issuer_span), 0);
	assert_false(knows_issuer(&n.trust, w[0].name_cert.issuer_id));
	assert_int_equal(check(&n, w[3].by_id), 0);
	assert_int_equal(check(&n, w[0].full), KITH_EREVOKED);
	net_deinit(&n);
}

static void renewed_issuer_supersedes_and_keeps_its_list(void **state)
{
	struct net n;
	struct kith_issuer_cert held;
	struct kith_serial_range name = { 4711, 4711 };
	(void)state;
	net_init(&n);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(revoke(&n, false, 1, &name, NULL), 1);
	struct world old = n.w, renewed = n.w;
	renewed.issuer_cert.serial = 8;
	renewed.name_cert.serial = 4712;
	world_sign(&renewed);
	assert_int_equal(check(&n, renewed.full), 0);
	assert_int_equal(n.trust.issuers_n, 1);
	assert_int_equal(kith_issuer_cert_parse(&held, kith_blob_span(n.trust.issuers[0].cert)), 0);
	assert_int_equal(held.serial, 8);
	assert_non_null(n.trust.issuers[0].list);
	assert_int_equal(check(&n, old.full), KITH_EREVOKED);
	/* The older certificate, still valid, does not come back. */
	old.name_cert.serial = 4713;
	world_sign(&old);
	assert_int_equal(check(&n, old.full), 0);
	assert_int_equal(kith_issuer_cert_parse(&held, kith_blob_span(n.trust.issuers[0].cert)), 0);
	assert_int_equal(held.serial, 8);
	net_deinit(&n);
}

static void successor_of_an_issuer_takes_nothing_from_it_until_it_is_revoked(void **state)
{
	struct net n;
	(void)state;
	net_init(&n);
	struct world next = n.w;
	other_issuer(&next, 77);
	next.issuer_cert.serial = n.w.issuer_cert.serial + 1;
	world_sign(&next);
	assert_int_equal(check(&n, next.full), 0);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(check(&n, n.w.by_id), 0);
	assert_int_equal(check(&n, next.by_id), 0);
	/* A list by the former is about its own names only: the same serial by the successor stands. */
	struct kith_serial_range serial = { n.w.name_cert.serial, n.w.name_cert.serial };
	assert_int_equal(revoke(&n, false, 1, &serial, NULL), 1);
	assert_int_equal(check(&n, n.w.full), KITH_EREVOKED);
	assert_int_equal(check(&n, next.full), 0);
	/* Revoked by its key, whatever certificate it has or gets; the successor stands. */
	assert_int_equal(revoke(&n, true, 1, NULL, &n.w.issuer.pk), 1);
	n.w.name_cert.serial++;
	n.w.issuer_cert.serial += 2;
	world_sign(&n.w);
	assert_int_equal(check(&n, n.w.full), KITH_EREVOKED);
	assert_int_equal(revoke(&n, false, 2, &serial, NULL), KITH_EREVOKED);
	assert_int_equal(check(&n, next.full), 0);
	net_deinit(&n);
}

static void issuer_certificates_are_verified_before_they_are_kept(void **state)
{
	struct net n;
	struct kith_now now = world_now(0);
	(void)state;
	net_init(&n);
	for (size_t bit = 0; bit < 8 * n.w.issuer_span.len; bit++) {
		n.w.issuer_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(kith_trust_issuer_add(&n.trust, &now, n.w.issuer_span) < 0);
		n.w.issuer_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(n.trust.issuers_n, 0);
	now = world_now(91 * INT64_C(86400000));
	assert_int_equal(kith_trust_issuer_add(&n.trust, &now, n.w.issuer_span), KITH_EEXPIRED);
	now = world_now(-41 * INT64_C(86400000));
	assert_int_equal(kith_trust_issuer_add(&n.trust, &now, n.w.issuer_span), KITH_ENOTYET);
	now = world_now(0);
	assert_int_equal(kith_trust_issuer_add(&n.trust, &now, n.w.issuer_span), 0);
	assert_int_equal(check(&n, n.w.by_id), 0);
	assert_int_equal(revoke(&n, true, 1, NULL, &n.w.issuer.pk), 1);
	assert_int_equal(kith_trust_issuer_add(&n.trust, &now, n.w.issuer_span), KITH_EREVOKED);
	net_deinit(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(issuers_are_bounded_and_one_with_a_list_is_not_dropped),
		cmocka_unit_test(renewed_issuer_supersedes_and_keeps_its_list),
		cmocka_unit_test(successor_of_an_issuer_takes_nothing_from_it_until_it_is_revoked),
		cmocka_unit_test(issuer_certificates_are_verified_before_they_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
