/* Lists in trust: revocations and the devices of an identity, whose numbers only rise, and who may write them. */
#include "identity_net.h"

#include "identity/posted.h"

#include "identity/revocation.h"

static void numbers_of_revocation_lists_only_rise(void **state)
{
	struct net n;
	struct kith_serial_range name = { 4711, 4711 };
	(void)state;
	net_init(&n);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(revoke(&n, false, 5, &name, NULL), 1);
	verifications = 0;
	assert_int_equal(revoke(&n, false, 5, NULL, NULL), 0);
	assert_int_equal(revoke(&n, false, 4, NULL, NULL), 0);
	assert_int_equal(verifications, 0);
	assert_int_equal(check(&n, n.w.full), KITH_EREVOKED);
	/* A later list is whole: what it no longer names is no longer revoked. */
	assert_int_equal(revoke(&n, false, 6, NULL, NULL), 1);
	assert_int_equal(check(&n, n.w.full), 0);
	net_deinit(&n);
}

static void revocation_lists_by_strangers_are_refused(void **state)
{
	struct net n;
	uint8_t buf[1024];
	struct kith_now now = world_now(0);
	struct kith_serial_range range = { 0, UINT64_MAX };
	struct kith_revocation list = {
		.signer = KITH_REVOKED_BY_ISSUER, .number = 1, .issued_s = WORLD_NOW_S, .next_update_s = WORLD_NOW_S
	};
	(void)state;
	net_init(&n);
	memcpy(list.signer_id, n.w.name_cert.issuer_id, sizeof list.signer_id);
	int len = kith_revocation_sign(n.w.suite, buf, sizeof buf, &list, &range, 1, NULL, 0, n.w.issuer.sk);
	assert_int_equal(kith_trust_revocation_add(&n.trust, &now, world_made(buf, len)), KITH_ECHAIN);
	assert_int_equal(check(&n, n.w.full), 0);
	for (size_t bit = 0; bit < 8 * (size_t)len; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* An altered number or another issuer's id may be told early, but nothing is taken. */
		assert_true(kith_trust_revocation_add(&n.trust, &now, test_span(buf, (size_t)len)) < 0);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	len = kith_revocation_sign(n.w.suite, buf, sizeof buf, &list, &range, 1, NULL, 0, n.w.identity.sk);
	assert_int_equal(kith_trust_revocation_add(&n.trust, &now, world_made(buf, len)), KITH_ESIGNATURE);
	/* The issuer may not speak for the root. */
	list.signer = KITH_REVOKED_BY_ROOT;
	memcpy(list.signer_id, n.w.network.b, sizeof list.signer_id);
	len = kith_revocation_sign(n.w.suite, buf, sizeof buf, &list, &range, 1, NULL, 0, n.w.issuer.sk);
	assert_int_equal(kith_trust_revocation_add(&n.trust, &now, world_made(buf, len)), KITH_ESIGNATURE);
	list.signer_id[0] ^= 1;
	len = kith_revocation_sign(n.w.suite, buf, sizeof buf, &list, &range, 1, NULL, 0, n.w.root.sk);
	assert_int_equal(kith_trust_revocation_add(&n.trust, &now, world_made(buf, len)), KITH_ENETWORK);
	assert_int_equal(check(&n, n.w.full), 0);
	/* A revoked issuer may revoke no more. */
	assert_int_equal(revoke(&n, true, 1, NULL, &n.w.issuer.pk), 1);
	assert_int_equal(revoke(&n, false, 1, NULL, NULL), KITH_EREVOKED);
	net_deinit(&n);
}

static void lists_from_the_future_are_refused_and_stale_ones_still_revoke(void **state)
{
	struct net n;
	struct kith_serial_range name = { 4711, 4711 };
	struct kith_now now = world_now(-60000 - KITH_CLOCK_TOLERANCE_MS - 1);
	uint8_t buf[256];
	struct kith_revocation list = { .signer = KITH_REVOKED_BY_ROOT,
					.number = 1,
					.issued_s = WORLD_NOW_S - 60,
					.next_update_s = WORLD_NOW_S + 86400 };
	(void)state;
	net_init(&n);
	memcpy(list.signer_id, n.w.network.b, sizeof list.signer_id);
	int len = kith_revocation_sign(n.w.suite, buf, sizeof buf, &list, NULL, 0, NULL, 0, n.w.root.sk);
	assert_int_equal(kith_trust_revocation_add(&n.trust, &now, world_made(buf, len)), KITH_ENOTYET);
	now.unix_trusted = false;
	assert_int_equal(kith_trust_revocation_add(&n.trust, &now, world_made(buf, len)), 1);

	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(revoke(&n, false, 1, &name, NULL), 1);
	assert_int_equal(check_at(&n, n.w.full, 2 * 86400 * 1000), KITH_EREVOKED);
	net_deinit(&n);
}

static void the_newest_list_of_each_signer_is_there_to_be_handed_on(void **state)
{
	struct net n, open;
	struct kith_now now = world_now(0), expired = world_now(INT64_C(4000) * 86400 * 1000);
	static const uint8_t nobody[KITH_ISSUER_ID_LEN] = { 1 };
	struct kith_trust_list l;
	(void)state;
	net_init(&n);
	assert_true(kith_trust_list_at(&n.trust, &now, 0, &l)); /* the root, without a list */
	assert_memory_equal(l.id, n.w.network.b, sizeof l.id);
	assert_true(l.valid && l.number == 0 && l.list.len == 0 && l.cert.len == 0);
	assert_true(kith_trust_list_at(&n.trust, &now, 1, &l) && l.number == 0);
	assert_false(kith_trust_list_at(&n.trust, &now, KITH_POSTED_MAX, &l));
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(revoke(&n, false, 5, NULL, NULL), 1);
	assert_int_equal(revoke(&n, false, 7, NULL, NULL), 1);
	assert_int_equal(revoke(&n, true, 3, NULL, NULL), 1);
	assert_true(kith_trust_list_at(&n.trust, &now, 0, &l) && l.number == 3);
	assert_true(kith_trust_list_of(&n.trust, &now, n.w.name_cert.issuer_id, &l));
	assert_true(l.valid && l.number == 7 && l.list.len > 0 && l.cert.len > 0);
	assert_false(kith_trust_list_of(&n.trust, &now, nobody, &l));

	/* Nobody would take the list of an issuer that has expired or is revoked. */
	assert_true(kith_trust_list_of(&n.trust, &expired, n.w.name_cert.issuer_id, &l));
	assert_true(!l.valid && l.number == 0 && l.list.len == 0);
	assert_int_equal(revoke(&n, true, 4, NULL, &n.w.issuer.pk), 1);
	assert_true(kith_trust_list_of(&n.trust, &now, n.w.name_cert.issuer_id, &l));
	assert_true(!l.valid && l.number == 0 && l.list.len == 0);
	net_deinit(&n);
	net_init_as(&open, true, 4, 4, 4);
	assert_false(kith_trust_list_at(&open.trust, &now, 0, &l));
	net_deinit(&open);
}

/* ---- how old lists may be ---- */

enum { GRACE_S = 3600, DUE_S = 100 };

/* A list that is due in DUE_S, and by the root with a bound on all; ext_len 0: without one. */
static int dated(struct net *n, bool root, uint64_t number, int64_t issued_s, size_t ext_len)
{
	static const uint8_t ext[] = { KITH_EXT_LIST_GRACE, 4, 0, 0, GRACE_S >> 8, GRACE_S & 0xff };
	struct kith_revocation list = { .signer = root ? KITH_REVOKED_BY_ROOT : KITH_REVOKED_BY_ISSUER,
					.number = number,
					.issued_s = issued_s,
					.next_update_s = issued_s + DUE_S,
					.s.ext = { ext, ext_len } };
	struct kith_now now = { 0, issued_s * 1000, true };
	uint8_t buf[512];
	memcpy(list.signer_id, root ? n->w.network.b : n->w.name_cert.issuer_id, sizeof list.signer_id);
	int len = kith_revocation_sign(n->w.suite, buf, sizeof buf, &list, NULL, 0, NULL, 0,
				       root ? n->w.root.sk : n->w.issuer.sk);
	return kith_trust_revocation_add(&n->trust, &now, world_made(buf, len));
}

static enum kith_lists_age fresh_at(const struct net *n, int64_t after_due_ms, const uint8_t *issuer)
{
	struct kith_now now = world_now(DUE_S * 1000 + KITH_CLOCK_TOLERANCE_MS + after_due_ms);
	return kith_trust_lists_age(&n->trust, &now, issuer, NULL);
}

static void lists_are_late_and_then_too_old_where_the_root_sets_a_bound(void **state)
{
	static const uint8_t other[KITH_ISSUER_ID_LEN] = { 1 };
	struct net n;
	int64_t due_ms = 0;
	struct kith_now later = world_now(86400000);
	(void)state;
	net_init(&n);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(fresh_at(&n, 86400000, NULL), KITH_LISTS_FRESH); /* there is none */
	assert_int_equal(dated(&n, true, 1, WORLD_NOW_S, 0), 1);
	assert_int_equal(fresh_at(&n, 86400000, NULL), KITH_LISTS_FRESH); /* no bound */
	assert_int_equal(dated(&n, true, 2, WORLD_NOW_S, 6), 1);
	assert_int_equal(fresh_at(&n, 0, NULL), KITH_LISTS_FRESH);
	assert_int_equal(fresh_at(&n, 1, NULL), KITH_LISTS_LATE);
	assert_int_equal(fresh_at(&n, GRACE_S * 1000, other), KITH_LISTS_LATE);
	assert_int_equal(fresh_at(&n, GRACE_S * 1000 + 1, other), KITH_LISTS_TOO_OLD);
	assert_int_equal(kith_trust_lists_age(&n.trust, &later, NULL, &due_ms), KITH_LISTS_TOO_OLD);
	assert_int_equal(due_ms, (WORLD_NOW_S + DUE_S) * 1000);

	/* An issuer's list concerns its own names; the root's all. */
	assert_int_equal(dated(&n, false, 1, WORLD_NOW_S, 0), 1);
	assert_int_equal(dated(&n, true, 3, WORLD_NOW_S + 86400, 6), 1);
	assert_int_equal(fresh_at(&n, GRACE_S * 1000 + 1, n.w.name_cert.issuer_id), KITH_LISTS_TOO_OLD);
	assert_int_equal(fresh_at(&n, GRACE_S * 1000 + 1, NULL), KITH_LISTS_TOO_OLD);
	assert_int_equal(fresh_at(&n, GRACE_S * 1000 + 1, other), KITH_LISTS_FRESH);
	assert_int_equal(dated(&n, false, 2, WORLD_NOW_S + 86400, 0), 1);
	assert_int_equal(fresh_at(&n, GRACE_S * 1000 + 1, NULL), KITH_LISTS_FRESH);
	net_deinit(&n);
}

static void a_bound_that_is_no_bound_is_no_list(void **state)
{
	static const uint8_t ext[] = { KITH_EXT_LIST_GRACE, 3, 0, 0, 1 };
	struct world w;
	struct kith_revocation list = { .signer = KITH_REVOKED_BY_ROOT, .number = 1, .s.ext = { ext, sizeof ext } };
	uint8_t buf[512];
	(void)state;
	world_init(&w);
	assert_int_equal(kith_revocation_sign(w.suite, buf, sizeof buf, &list, NULL, 0, NULL, 0, w.root.sk),
			 KITH_EINVAL);
}

static void device_absent_from_the_highest_list_is_refused(void **state)
{
	struct net n;
	struct kith_person p;
	struct kith_now now = world_now(0);
	struct kith_key keys[2];
	(void)state;
	net_init(&n);
	keys[0] = n.w.device.sign.pk;
	keys[1] = n.w.root.pk;
	assert_int_equal(list_devices(&n, &n.w.identity, 10, keys, 2, false), 1);
	assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), 0);
	assert_int_equal(list_devices(&n, &n.w.identity, 9, keys + 1, 1, false), 0);
	assert_int_equal(list_devices(&n, &n.w.identity, 10, keys + 1, 1, false), 0);
	assert_int_equal(check(&n, n.w.full), 0);
	uint32_t epoch = n.trust.epoch;
	assert_int_equal(list_devices(&n, &n.w.identity, 10, keys + 1, 1, false), 0);
	assert_int_equal(n.trust.epoch, epoch);
	assert_int_equal(list_devices(&n, &n.w.identity, 11, keys + 1, 1, false), 1);
	assert_int_not_equal(n.trust.epoch, epoch);
	assert_int_equal(kith_trust_recheck_chain(&n.trust, &now, n.w.full), KITH_EREVOKED);
	assert_int_equal(check(&n, n.w.full), KITH_EREVOKED);
	assert_int_equal(kith_trust_recheck(&n.trust, &now, &p), KITH_EREVOKED);
	assert_int_equal(list_devices(&n, &n.w.identity, 12, keys, 1, false), 1);
	assert_int_equal(check(&n, n.w.full), 0);
	net_deinit(&n);
}

/* Whoever stole the identity key cannot sign the last list there is. */
static void a_device_list_ahead_of_the_clock_is_refused_and_locks_nobody_out(void **state)
{
	struct net n;
	struct kith_person p;
	struct kith_now now = world_now(0), unset = world_now(-86400 * 1000);
	const struct kith_key *owner = NULL, thief = { { 9 } };
	uint64_t latest = (uint64_t)now.unix_ms + KITH_CLOCK_TOLERANCE_MS;
	(void)state;
	net_init(&n);
	owner = &n.w.device.sign.pk;
	assert_int_equal(list_devices(&n, &n.w.identity, UINT64_MAX, &thief, 1, true), KITH_ENOTYET);
	assert_int_equal(list_devices(&n, &n.w.identity, latest + 1, &thief, 1, true), KITH_ENOTYET);
	assert_int_equal(n.trust.device_lists.n, 0);
	assert_int_equal(list_devices(&n, &n.w.identity, latest, &thief, 1, false), 1);
	assert_int_equal(check(&n, n.w.full), KITH_EREVOKED);
	assert_int_equal(list_devices(&n, &n.w.identity, (uint64_t)now.unix_ms, owner, 1, false), 0);
	now.unix_ms += 1; /* the next number that the owner can take */
	assert_int_equal(list_devices_at(&n, &now, &n.w.identity, latest + 1, owner, 1, false), 1);
	assert_int_equal(check(&n, n.w.full), 0);

	/* What a clock that was not set let pass counts no more once it is set. */
	unset.unix_trusted = false;
	assert_int_equal(list_devices_at(&n, &unset, &n.w.identity, UINT64_MAX, &thief, 1, false), 1);
	assert_int_equal(kith_trust_check(&n.trust, &unset, n.w.full, &p), KITH_EREVOKED);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(list_devices(&n, &n.w.identity, 5, &thief, 1, false), 1);
	assert_int_equal(check(&n, n.w.full), KITH_EREVOKED);
	net_deinit(&n);
}

static void device_lists_by_others_are_refused(void **state)
{
	struct net n;
	struct kith_now now = world_now(0);
	uint8_t buf[KITH_DEVICES_LEN_MAX];
	(void)state;
	net_init(&n);
	int len = kith_devices_sign(n.w.suite, buf, 1, NULL, 0, test_span(NULL, 0), n.w.issuer.sk);
	assert_int_equal(kith_trust_devices_add(&n.trust, &now, &n.w.identity.pk, world_made(buf, len), false),
			 KITH_ESIGNATURE);
	len = kith_devices_sign(n.w.suite, buf, 1, &n.w.root.pk, 1, test_span(NULL, 0), n.w.identity.sk);
	for (size_t bit = 0; bit < 8 * (size_t)len; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(kith_trust_devices_add(&n.trust, &now, &n.w.identity.pk, test_span(buf, (size_t)len),
						   true) < 0);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(n.trust.device_lists.n, 0);
	assert_int_equal(check(&n, n.w.full), 0);
	net_deinit(&n);
}

static void kept_device_lists_are_not_evicted_for_strangers(void **state)
{
	struct net n;
	struct kith_signer s[8];
	(void)state;
	net_init(&n); /* four lists */
	for (size_t i = 0; i < 8; i++)
		world_signer(&n.w, &s[i], (uint8_t)(100 + i));
	assert_int_equal(list_devices(&n, &s[0], 1, NULL, 0, true), 1);
	for (size_t i = 1; i < 8; i++)
		assert_int_equal(list_devices(&n, &s[i], 1, NULL, 0, false), 1);
	assert_int_equal(n.trust.device_lists.n, 4);
	assert_non_null(kith_table_get(&n.trust.device_lists, s[0].pk.b));
	for (size_t i = 1; i < 5; i++)
		assert_null(kith_table_get(&n.trust.device_lists, s[i].pk.b));
	/* All become kept: no room for strangers; another contact takes the place of the longest unused. */
	for (size_t i = 5; i < 8; i++)
		assert_int_equal(list_devices(&n, &s[i], 1, NULL, 0, true), 0);
	assert_int_equal(list_devices(&n, &s[1], 1, NULL, 0, false), KITH_EFULL);
	assert_int_equal(list_devices(&n, &s[1], 1, NULL, 0, true), 1);
	assert_null(kith_table_get(&n.trust.device_lists, s[0].pk.b));
	assert_int_equal(n.trust.device_lists.n, 4);
	net_deinit(&n);
}

static void revocation_applies_after_the_cache_and_to_live_sessions(void **state)
{
	struct net n;
	struct kith_person p;
	struct kith_now now = world_now(0);
	struct kith_serial_range name = { 4711, 4711 }, issuer = { 0, 7 };
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		net_init(&n);
		assert_int_equal(kith_trust_check(&n.trust, &now, n.w.full, &p), 0);
		assert_int_equal(kith_trust_recheck(&n.trust, &now, &p), 0);
		assert_int_equal(kith_trust_recheck_chain(&n.trust, &now, n.w.full), 0);
		uint32_t epoch = n.trust.epoch;
		switch (i) {
		case 0:
			assert_int_equal(revoke(&n, false, 1, &name, NULL), 1);
			break;
		case 1:
			assert_int_equal(revoke(&n, false, 1, NULL, &n.w.identity.pk), 1);
			break;
		case 2:
			assert_int_equal(revoke(&n, true, 1, &issuer, NULL), 1);
			break;
		default:
			assert_int_equal(revoke(&n, true, 1, NULL, &n.w.issuer.pk), 1);
		}
		assert_int_not_equal(n.trust.epoch, epoch);
		assert_int_equal(check(&n, n.w.full), KITH_EREVOKED);
		assert_int_equal(check(&n, n.w.by_id), KITH_EREVOKED);
		assert_int_equal(kith_trust_recheck(&n.trust, &now, &p), KITH_EREVOKED);
		assert_int_equal(kith_trust_recheck_chain(&n.trust, &now, n.w.full), KITH_EREVOKED);
		net_deinit(&n);
	}
}

static void revoking_others_leaves_one_alone(void **state)
{
	struct net n;
	struct kith_serial_range others = { 4712, UINT64_MAX }, issuers = { 8, 100 };
	(void)state;
	net_init(&n);
	assert_int_equal(check(&n, n.w.full), 0);
	assert_int_equal(revoke(&n, false, 1, &others, &n.w.device.sign.pk), 1);
	assert_int_equal(revoke(&n, true, 1, &issuers, &n.w.identity.pk), 1);
	assert_int_equal(check(&n, n.w.full), 0);
	net_deinit(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_revocation_lists_only_rise),
		cmocka_unit_test(revocation_lists_by_strangers_are_refused),
		cmocka_unit_test(lists_from_the_future_are_refused_and_stale_ones_still_revoke),
		cmocka_unit_test(the_newest_list_of_each_signer_is_there_to_be_handed_on),
		cmocka_unit_test(lists_are_late_and_then_too_old_where_the_root_sets_a_bound),
		cmocka_unit_test(a_bound_that_is_no_bound_is_no_list),
		cmocka_unit_test(device_absent_from_the_highest_list_is_refused),
		cmocka_unit_test(a_device_list_ahead_of_the_clock_is_refused_and_locks_nobody_out),
		cmocka_unit_test(device_lists_by_others_are_refused),
		cmocka_unit_test(kept_device_lists_are_not_evicted_for_strangers),
		cmocka_unit_test(revocation_applies_after_the_cache_and_to_live_sessions),
		cmocka_unit_test(revoking_others_leaves_one_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
