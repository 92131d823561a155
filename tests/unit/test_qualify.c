/* What attestations are worth. */
#include "attest_world.h"

enum { DAY_S = 86400, WITNESSES = 5 };

static struct ow w;
static struct ow_node alice, at[WITNESSES];
static struct kith_vouch vouches[WITNESSES];
static struct kith_qualify_who who;
static struct kith_endpoint endpoint;

/* Signs the attestation of witness i anew, after a test changed it. */
static void sign(int i)
{
	static uint8_t buf[WITNESSES][KITH_ATTEST_LEN_MAX];
	int len = kith_attest_make(w.suite, buf[i], &vouches[i].attest, at[i].device.sign.sk);
	assert_true(len > 0);
	assert_int_equal(kith_attest_parse(&vouches[i].attest, test_span(buf[i], (size_t)len)), 0);
}

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sodium());
	ow_node_flags(&w, &alice, 1, 0);
	who = (struct kith_qualify_who){ alice.device.sign.pk, alice.identity.pk };
	endpoint = kith_endpoint_udp(&alice.addr);
	for (int i = 0; i < WITNESSES; i++) {
		ow_node(&w, &at[i], 10 + (uint32_t)i);
		vouches[i] = (struct kith_vouch){ .attest = aw_attest(&w, &alice, &at[i]),
						  .known = true,
						  .sign = at[i].device.sign.pk,
						  .identity = at[i].identity.pk,
						  .prefix = kith_addr_diversity_prefix(&at[i].addr) };
		sign(i);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ow_deinit(&w);
	return 0;
}

static int qualify(size_t n, struct kith_qualification *q)
{
	return kith_qualify(w.suite, &w.now, &who, &endpoint, vouches, n, q);
}

static void three_witnesses_qualify_and_two_do_not(void **state)
{
	(void)state;
	struct kith_qualification q;
	assert_int_equal(qualify(2, &q), KITH_EACCES);
	assert_int_equal(q.until_ms, 0);
	assert_int_equal(qualify(3, &q), 0);
	assert_int_equal(q.witnesses, 3);
	assert_int_equal(q.until_ms, OW_NOW_MS + 25 * 3600 * 1000);
	assert_int_equal(q.up, 1000000);
	assert_int_equal(q.first_seen_s, OW_NOW_MS / 1000 - 10 * DAY_S);
	assert_int_equal(q.availability, 200);
	assert_true(kith_endpoint_equal(&q.endpoint, &endpoint));
}

/* A friend among the witnesses makes nothing of it, upwards; two who are slower count. */
static void one_witness_that_lies_by_ten_changes_nothing(void **state)
{
	(void)state;
	struct kith_qualification q;
	vouches[0].attest.up = vouches[0].attest.down = 10000000;
	vouches[0].attest.first_seen_s = OW_NOW_MS / 1000 - 3000 * DAY_S;
	vouches[0].attest.availability = 255;
	sign(0);
	assert_int_equal(qualify(3, &q), 0);
	assert_int_equal(q.up, 1000000);
	assert_int_equal(q.down, 1000000);
	assert_int_equal(q.first_seen_s, OW_NOW_MS / 1000 - 10 * DAY_S);
	assert_int_equal(q.availability, 200);
	vouches[1].attest.up = 10000000; /* two of four: the lower median is that of the honest ones */
	sign(1);
	assert_int_equal(qualify(4, &q), 0);
	assert_int_equal(q.up, 1000000);
}

static void who_counts_counts_once(void **state)
{
	(void)state;
	struct kith_qualification q;
	vouches[2].prefix = vouches[1].prefix;
	assert_int_equal(qualify(3, &q), KITH_EACCES);
	assert_int_equal(qualify(4, &q), 0);
	vouches[2].prefix++;
	vouches[2].identity = vouches[0].identity; /* two supernodes of one identity */
	assert_int_equal(qualify(3, &q), KITH_EACCES);
	vouches[2] = vouches[1]; /* the same one twice */
	assert_int_equal(qualify(3, &q), KITH_EACCES);
}

static void what_is_not_genuine_does_not_count(void **state)
{
	(void)state;
	struct kith_qualification q;
	vouches[2].sign = at[3].device.sign.pk; /* somebody else signed */
	assert_int_equal(qualify(3, &q), KITH_EACCES);
	vouches[2].sign = at[2].device.sign.pk;
	vouches[2].identity = alice.identity.pk; /* nobody attests himself */
	assert_int_equal(qualify(3, &q), KITH_EACCES);
	vouches[2].identity = at[2].identity.pk;
	assert_int_equal(qualify(3, &q), 0);
	vouches[2].attest.candidate[0] ^= 1; /* of another candidate */
	sign(2);
	assert_int_equal(qualify(3, &q), KITH_EACCES);
}

static void it_counts_where_it_was_measured_and_as_long_as_it_holds(void **state)
{
	(void)state;
	struct kith_qualification q;
	endpoint.addr.port++;
	assert_int_equal(qualify(WITNESSES, &q), KITH_EACCES);
	endpoint.addr.port--;
	endpoint.addr.ip[3]++;
	assert_int_equal(qualify(WITNESSES, &q), KITH_EACCES);
	endpoint.addr.ip[3]--;
	vouches[0].attest.hours = 1; /* the first that ends ends all */
	sign(0);
	assert_int_equal(qualify(3, &q), 0);
	assert_int_equal(q.until_ms, OW_NOW_MS + 3600 * 1000);
	w.now.unix_ms += 2 * 3600 * 1000;
	assert_int_equal(qualify(3, &q), KITH_EACCES);
	assert_int_equal(qualify(4, &q), 0);
}

static void a_witness_that_is_not_known_yet_may_be_known_later(void **state)
{
	(void)state;
	struct kith_qualification q;
	vouches[1].known = false;
	assert_int_equal(qualify(3, &q), KITH_ENOENT);
	assert_int_equal(qualify(4, &q), 0);
	assert_int_equal(qualify(2, &q), KITH_EACCES);
}

static void history(size_t n, int64_t *first_seen_s, uint8_t *availability)
{
	struct kith_history h;
	kith_qualify_history(w.suite, &w.now, &who, vouches, n, &h);
	*first_seen_s = h.first_seen_s;
	*availability = h.availability;
}

static void renewing_does_not_begin_again(void **state)
{
	(void)state;
	int64_t first_seen_s;
	uint8_t availability;
	w.now.unix_ms += DAY_S * INT64_C(1000);
	history(3, &first_seen_s, &availability);
	assert_int_equal(first_seen_s, OW_NOW_MS / 1000 - 10 * DAY_S);
	assert_int_equal(availability, 205); /* ten days of 200 and one of 255 */
	endpoint.addr.port++; /* of what address it was then is not asked */
	history(3, &first_seen_s, &availability);
	assert_int_equal(first_seen_s, OW_NOW_MS / 1000 - 10 * DAY_S);
}

static void an_absence_counts_against_it(void **state)
{
	(void)state;
	int64_t first_seen_s;
	uint8_t availability;
	w.now.unix_ms += 10 * DAY_S * INT64_C(1000);
	history(3, &first_seen_s, &availability);
	assert_int_equal(first_seen_s, OW_NOW_MS / 1000 - 10 * DAY_S);
	assert_int_equal(availability, 100); /* ten days of 200, ten of nothing */
	w.now.unix_ms += 21 * DAY_S * INT64_C(1000); /* so long ago that it is forgotten */
	history(3, &first_seen_s, &availability);
	assert_int_equal(first_seen_s, w.now.unix_ms / 1000);
	assert_int_equal(availability, KITH_AVAILABILITY_FULL);
}

static void a_candidate_alone_cannot_raise_it(void **state)
{
	(void)state;
	int64_t first_seen_s;
	uint8_t availability;
	vouches[0].attest.first_seen_s -= 1000 * DAY_S;
	vouches[0].attest.availability = 255;
	sign(0);
	history(1, &first_seen_s, &availability); /* the one that it likes best */
	assert_int_equal(first_seen_s, OW_NOW_MS / 1000);
	history(2, &first_seen_s, &availability);
	assert_int_equal(first_seen_s, OW_NOW_MS / 1000 - 10 * DAY_S);
	assert_int_equal(availability, 200);
	vouches[0] = vouches[1]; /* the same one twice is one */
	history(2, &first_seen_s, &availability);
	assert_int_equal(first_seen_s, OW_NOW_MS / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(three_witnesses_qualify_and_two_do_not, setup, teardown),
		cmocka_unit_test_setup_teardown(one_witness_that_lies_by_ten_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(who_counts_counts_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_genuine_does_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(it_counts_where_it_was_measured_and_as_long_as_it_holds, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_witness_that_is_not_known_yet_may_be_known_later, setup, teardown),
		cmocka_unit_test_setup_teardown(renewing_does_not_begin_again, setup, teardown),
		cmocka_unit_test_setup_teardown(an_absence_counts_against_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_candidate_alone_cannot_raise_it, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
