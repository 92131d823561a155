/* The log of name certificates: roots, proofs and heads, held against the definitions of RFC 6962. */
#include "identity_world.h"

#include "identity/certlog.h"

enum { LEAVES = 70 };

static struct kith_certlog_hash leaves[LEAVES];

static int setup(void **state)
{
	(void)state;
	assert_int_equal(kith_suite_sodium_init(), 0);
	for (size_t i = 0; i < LEAVES; i++) {
		uint8_t cert[2] = { (uint8_t)i, 0xce };
		kith_certlog_leaf(&leaves[i], test_span(cert, sizeof cert));
	}
	return 0;
}

static void hash_of(struct kith_certlog_hash *out, const char *label, struct kith_span a, struct kith_span b)
{
	const struct kith_span no_key = { NULL, 0 }, parts[] = { test_span(label, strlen(label) + 1), a, b };
	kith_suite_sodium()->blake2b(out->b, 32, no_key, parts, 3);
}

/* MTH of RFC 6962, section 2.1, word by word. */
static struct kith_certlog_hash mth(const struct kith_certlog_hash *d, size_t n)
{
	const struct kith_span none = { NULL, 0 };
	struct kith_certlog_hash out, left, right;
	if (n == 0) {
		hash_of(&out, "kith log empty v1", none, none);
		return out;
	}
	if (n == 1)
		return d[0];
	size_t k = 1;
	while (2 * k < n)
		k *= 2;
	left = mth(d, k);
	right = mth(d + k, n - k);
	hash_of(&out, "kith log node v1", test_span(left.b, 32), test_span(right.b, 32));
	return out;
}

static void roots_are_those_of_the_definition(void **state)
{
	struct kith_certlog_hash root, leaf;
	(void)state;
	for (size_t n = 0; n <= LEAVES; n++) {
		struct kith_certlog_hash expected = mth(leaves, n);
		kith_certlog_root(&root, leaves, n);
		assert_memory_equal(root.b, expected.b, 32);
	}
	hash_of(&leaf, "kith log leaf v1", test_span("\7\xce", 2), test_span(NULL, 0));
	assert_memory_equal(leaves[7].b, leaf.b, 32);
}

static void every_leaf_of_every_tree_is_proven_and_no_other(void **state)
{
	struct kith_certlog_hash proof[KITH_CERTLOG_PROOF_MAX], root;
	(void)state;
	for (size_t n = 1; n <= LEAVES; n++) {
		kith_certlog_root(&root, leaves, n);
		for (size_t i = 0; i < n; i++) {
			int steps = kith_certlog_inclusion(proof, leaves, n, i);
			assert_in_range(steps, 0, 7);
			assert_int_equal(kith_certlog_included(&root, n, &leaves[i], i, proof, (size_t)steps), 0);
			assert_int_equal(
				kith_certlog_included(&root, n, &leaves[(i + 1) % LEAVES], i, proof, (size_t)steps),
				KITH_EAUTH);
			if (n > 1)
				assert_int_equal(
					kith_certlog_included(&root, n, &leaves[i], (i + 1) % n, proof, (size_t)steps),
					KITH_EAUTH);
			if (steps > 0)
				assert_int_equal(
					kith_certlog_included(&root, n, &leaves[i], i, proof, (size_t)steps - 1),
					KITH_EAUTH);
			proof[steps] = root;
			assert_int_equal(kith_certlog_included(&root, n, &leaves[i], i, proof, (size_t)steps + 1),
					 KITH_EAUTH);
		}
		assert_int_equal(kith_certlog_inclusion(proof, leaves, n, n), KITH_EINVAL);
		assert_int_equal(kith_certlog_included(&root, n, &leaves[0], n, proof, 0), KITH_EAUTH);
	}
}

static void every_tree_is_consistent_with_those_before_it(void **state)
{
	struct kith_certlog_hash proof[KITH_CERTLOG_PROOF_MAX], first, root;
	(void)state;
	for (size_t n = 0; n <= LEAVES; n++) {
		kith_certlog_root(&root, leaves, n);
		for (size_t m = 0; m <= n; m++) {
			kith_certlog_root(&first, leaves, m);
			int steps = kith_certlog_consistency(proof, leaves, n, m);
			assert_in_range(steps, 0, 8);
			assert_int_equal(kith_certlog_consistent(&first, m, &root, n, proof, (size_t)steps), 0);
			for (int i = 0; i < steps; i++) {
				proof[i].b[9] ^= 4;
				assert_int_equal(kith_certlog_consistent(&first, m, &root, n, proof, (size_t)steps),
						 KITH_EAUTH);
				proof[i].b[9] ^= 4;
			}
			if (steps > 0)
				assert_int_equal(kith_certlog_consistent(&first, m, &root, n, proof, (size_t)steps - 1),
						 KITH_EAUTH);
			first.b[0] ^= 1;
			assert_int_equal(kith_certlog_consistent(&first, m, &root, n, proof, (size_t)steps),
					 KITH_EAUTH);
		}
		assert_int_equal(kith_certlog_consistency(proof, leaves, n, n + 1), KITH_EINVAL);
		assert_int_equal(kith_certlog_consistent(&root, n + 1, &root, n, proof, 0), KITH_EAUTH);
	}
}

/* An issuer that takes a certificate out, or puts another in its place, cannot show that its log only grew. */
static void a_log_that_was_changed_is_consistent_with_none_before(void **state)
{
	struct kith_certlog_hash proof[KITH_CERTLOG_PROOF_MAX], first, root, kept = leaves[3];
	(void)state;
	for (size_t m = 4; m < 40; m++) {
		kith_certlog_root(&first, leaves, m);
		leaves[3] = leaves[50];
		kith_certlog_root(&root, leaves, 40);
		int steps = kith_certlog_consistency(proof, leaves, 40, m);
		leaves[3] = kept;
		assert_true(steps > 0);
		assert_int_equal(kith_certlog_consistent(&first, m, &root, 40, proof, (size_t)steps), KITH_EAUTH);
	}
}

static void a_head_is_its_issuers_and_every_altered_bit_shows(void **state)
{
	struct kith_seed seed = world_seed(2);
	struct kith_key issuer, other;
	uint8_t buf[KITH_CERTLOG_HEAD_LEN_MAX];
	struct kith_certlog_head head = { .size = 40, .time_ms = WORLD_NOW_S * 1000 }, got;
	(void)state;
	kith_seed_public(&issuer, &seed);
	kith_certlog_root(&head.root, leaves, 40);
	int len = kith_certlog_head_make(buf, &head, &seed);
	assert_int_equal(len, 2 + 8 + 8 + 32 + 8 + 1 + 64);
	assert_int_equal(kith_certlog_head_check(&got, test_span(buf, (size_t)len), &issuer), 0);
	assert_int_equal(got.size, 40);
	assert_int_equal(got.time_ms, head.time_ms);
	assert_memory_equal(got.root.b, head.root.b, 32);
	other = issuer;
	other.b[0] ^= 1;
	assert_int_equal(kith_certlog_head_check(&got, test_span(buf, (size_t)len), &other), KITH_ECHAIN);
	for (size_t bit = 0; bit < 8 * (size_t)len; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(kith_certlog_head_check(&got, test_span(buf, (size_t)len), &issuer) < 0);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < (size_t)len; cut++)
		assert_int_not_equal(kith_certlog_head_parse(&got, test_span(buf, cut)), 0);
	head.time_ms = -1;
	assert_int_equal(kith_certlog_head_make(buf, &head, &seed), KITH_EINVAL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(roots_are_those_of_the_definition),
		T(every_leaf_of_every_tree_is_proven_and_no_other),
		T(every_tree_is_consistent_with_those_before_it),
		T(a_log_that_was_changed_is_consistent_with_none_before),
		T(a_head_is_its_issuers_and_every_altered_bit_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
