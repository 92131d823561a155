/* Members that no certificate calls supernodes: with attestations they count, without they are nobody. */
#include "attest_world.h"

#include "overlay/gossip.h"
#include "overlay/members.h"
#include "sim/suite_sim.h"

enum { SEEDS = 5 };

static struct ow w;
static struct ow_node seeds[SEEDS], alice, bob;
static const struct ow_node *const witnesses[SEEDS] = { &seeds[0], &seeds[1], &seeds[2], &seeds[3], &seeds[4] };
static struct kith_members ms;
static uint8_t buf[KITH_MEMBER_LEN_MAX], list[KITH_ATTESTS_LEN_MAX];

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sim());
	for (uint32_t i = 0; i < SEEDS; i++)
		ow_node(&w, &seeds[i], 10 + i);
	ow_node_flags(&w, &alice, 1, 0);
	ow_node_flags(&w, &bob, 2, 0);
	kith_members_init(&ms, &w.mem.alloc, &w.blobs, &w.trust, 100, ow_seed);
	for (uint32_t i = 0; i < SEEDS; i++)
		assert_int_equal(kith_members_merge(&ms, &w.now, ow_entry(&w, &seeds[i], buf, 0), NULL),
				 KITH_MERGE_NEW);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_members_deinit(&ms);
	ow_deinit(&w);
	return 0;
}

static int merge_of(const struct ow_node *node, const struct kith_member_entry *e)
{
	return kith_members_merge(&ms, &w.now, ow_entry_sign(&w, node, buf, e), NULL);
}

static struct kith_member_entry elected(const struct ow_node *node, size_t n)
{
	struct kith_member_entry e = ow_entry_of(&w, node);
	e.attest = aw_list(&w, list, node, witnesses, n);
	return e;
}

static void with_three_attestations_it_is_a_member(void **state)
{
	(void)state;
	struct kith_member_entry e = elected(&alice, 3);
	assert_int_equal(merge_of(&alice, &e), KITH_MERGE_NEW);
	e.seq++;
	e.flags = KITH_MEMBER_LEFT;
	assert_int_equal(merge_of(&alice, &e), KITH_MERGE_UPDATED);
}

/* Nobody dials it and nobody passes it on: it is in no table. */
static void with_fewer_it_is_nobody(void **state)
{
	(void)state;
	for (size_t n = 0; n < KITH_ATTESTS_NEEDED; n++) {
		struct kith_member_entry e = elected(&alice, n);
		assert_int_equal(merge_of(&alice, &e), KITH_EACCES);
	}
	assert_int_equal(ms.n, SEEDS);
}

static void attestations_of_somebody_else_or_elsewhere_do_not_count(void **state)
{
	(void)state;
	struct kith_member_entry e = ow_entry_of(&w, &alice);
	e.attest = aw_list(&w, list, &bob, witnesses, 3);
	assert_int_equal(merge_of(&alice, &e), KITH_EACCES);
	e = elected(&alice, 3);
	e.endpoints[0] = kith_endpoint_udp(&bob.addr); /* it says that it is where it was not reached */
	assert_int_equal(merge_of(&alice, &e), KITH_EACCES);
	e = elected(&alice, 3);
	list[3] ^= 1;
	assert_int_equal(merge_of(&alice, &e), KITH_EACCES);
}

static void a_witness_that_is_not_known_yet_is_waited_for(void **state)
{
	(void)state;
	struct kith_members young;
	struct kith_member_entry e = elected(&alice, 3);
	uint8_t own[KITH_MEMBER_LEN_MAX];
	struct kith_span entry = ow_entry_sign(&w, &alice, own, &e);
	kith_members_init(&young, &w.mem.alloc, &w.blobs, &w.trust, 100, ow_seed);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(kith_members_merge(&young, &w.now, entry, NULL), KITH_ENOENT);
		assert_int_equal(kith_members_merge(&young, &w.now, ow_entry(&w, &seeds[i], buf, 0), NULL),
				 KITH_MERGE_NEW);
	}
	assert_int_equal(kith_members_merge(&young, &w.now, entry, NULL), KITH_MERGE_NEW);
	kith_members_deinit(&young);
}

static int merge_into(struct kith_members *into, const struct ow_node *node, const struct kith_member_entry *e)
{
	uint8_t own[KITH_MEMBER_LEN_MAX];
	return kith_members_merge(into, &w.now, ow_entry_sign(&w, node, own, e), NULL);
}

/* Two that attested each other, with others that are not known: taken on a word, and looked at when all are there. */
static void a_newcomer_takes_a_word_for_it_and_looks_later(void **state)
{
	(void)state;
	struct kith_members young;
	uint8_t other[KITH_ATTESTS_LEN_MAX];
	const struct ow_node *const of_alice[] = { &bob, &seeds[0], &seeds[1] };
	const struct ow_node *const of_bob[] = { &alice, &seeds[1], &seeds[2] };
	struct kith_member_entry a = ow_entry_of(&w, &alice), b = ow_entry_of(&w, &bob);
	bool more;
	a.attest = aw_list(&w, list, &alice, of_alice, 3);
	b.attest = aw_list(&w, other, &bob, of_bob, 3);
	for (int with_all = 0; with_all < 2; with_all++) {
		kith_members_init(&young, &w.mem.alloc, &w.blobs, &w.trust, 100, ow_seed);
		assert_int_equal(merge_into(&young, &alice, &a), KITH_ENOENT);
		young.word = true;
		assert_int_equal(merge_into(&young, &alice, &a), KITH_MERGE_NEW);
		assert_int_equal(merge_into(&young, &bob, &b), KITH_MERGE_NEW);
		struct kith_member_entry none = ow_entry_of(&w, &alice);
		none.seq++;
		assert_int_equal(merge_into(&young, &alice, &none), KITH_EACCES); /* no word is enough for that */
		young.word = false;
		for (uint32_t i = 0; i < 2 + (uint32_t)with_all; i++)
			assert_int_equal(kith_members_merge(&young, &w.now, ow_entry(&w, &seeds[i], buf, 0), NULL),
					 KITH_MERGE_NEW);
		uint32_t gone = 0;
		do
			gone += kith_members_recheck(&young, &w.now, 1, &more);
		while (more);
		assert_int_equal(gone > 0, !with_all);
		assert_int_equal(kith_members_live(&young), with_all ? 5 : 4 - gone);
		kith_members_deinit(&young);
	}
}

/* A witness that has left the office is none. */
static void a_witness_that_left_does_not_count(void **state)
{
	(void)state;
	struct kith_member_entry gone = ow_entry_of(&w, &seeds[0]);
	gone.seq++;
	gone.flags = KITH_MEMBER_LEFT;
	assert_int_equal(merge_of(&seeds[0], &gone), KITH_MERGE_UPDATED);
	struct kith_member_entry e = elected(&alice, 3);
	assert_int_equal(merge_of(&alice, &e), KITH_ENOENT);
	e.attest = aw_list(&w, list, &alice, witnesses + 1, 3);
	assert_int_equal(merge_of(&alice, &e), KITH_MERGE_NEW);
}

static void when_they_end_the_entry_cannot_be_renewed(void **state)
{
	(void)state;
	struct kith_member_entry e = elected(&alice, 3);
	w.now.unix_ms += 26 * 3600 * 1000;
	e.seq = (uint64_t)w.now.unix_ms;
	e.expires_ms = w.now.unix_ms + KITH_MEMBER_LIFE_MS;
	assert_int_equal(merge_of(&alice, &e), KITH_EACCES);
}

/* Both devices have one identity, and so one place: the second waits until the first has gone. */
static void one_device_of_an_identity_serves(void **state)
{
	(void)state;
	struct kith_member_entry e = elected(&alice, 3);
	struct ow_node other = alice;
	const struct kith_seed seed = ow_seed_of(5, 1);
	uint8_t device_buf[KITH_CERT_MAX];
	struct kith_chain chain;
	assert_int_equal(merge_of(&alice, &e), KITH_MERGE_NEW);
	kith_device_keys_from_seed(&other.device, w.suite, &seed);
	struct kith_device_cert dc = { .dh = other.device.dh_pk,
				       .sign = other.device.sign.pk,
				       .not_before_s = OW_NOW_MS / 1000 - 3600,
				       .expires_s = OW_NOW_MS / 1000 + 86400 };
	int len = kith_device_cert_sign(w.suite, device_buf, &dc, other.identity.sk);
	assert_true(len > 0);
	assert_int_equal(kith_chain_parse(&chain, alice.chain), 0);
	len = kith_chain_join(w.suite, other.chain_buf, &w.network, w.issuer_cert,
			      test_span(chain.name.s.body.p, chain.name.s.body.len + KITH_SIG_LEN),
			      test_span(device_buf, (size_t)len));
	assert_true(len > 0);
	other.chain = test_span(other.chain_buf, (size_t)len);
	struct kith_member_entry second = elected(&other, 3);
	second.seq++;
	assert_int_equal(merge_of(&other, &second), KITH_EEXIST);
	e.seq++;
	e.flags = KITH_MEMBER_LEFT;
	e.attest = aw_list(&w, list, &alice, witnesses, 3);
	assert_int_equal(merge_of(&alice, &e), KITH_MERGE_UPDATED);
	second = elected(&other, 3);
	second.seq += 2;
	assert_int_equal(merge_of(&other, &second), KITH_MERGE_UPDATED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(with_three_attestations_it_is_a_member),
		T(with_fewer_it_is_nobody),
		T(attestations_of_somebody_else_or_elsewhere_do_not_count),
		T(a_witness_that_is_not_known_yet_is_waited_for),
		T(a_newcomer_takes_a_word_for_it_and_looks_later),
		T(a_witness_that_left_does_not_count),
		T(when_they_end_the_entry_cannot_be_renewed),
		T(one_device_of_an_identity_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
