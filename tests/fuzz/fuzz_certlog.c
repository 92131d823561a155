/* Heads of logs, forks, and proofs, on arbitrary bytes: what parses comes back the same, and a proof of a tree that is
 * made here holds as it is made, and never with another step in it. The first byte picks; of proofs the second one
 * says how many leaves there are, the third which one. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "identity/params.h"
#include "identity/posted.h"

/* Parameters of a network that parse are made anew as the same bytes. */
static void check_params(struct kith_span in)
{
	static const uint8_t sk[KITH_SIGN_SK_LEN] = { 1 };
	uint8_t out[KITH_PARAMS_LEN_MAX];
	struct kith_params p;
	if (kith_params_parse(&p, in) != 0)
		return;
	int len = kith_params_sign(kith_suite_sodium(), out, &p, sk);
	KITH_ASSERT(len == (int)in.len && memcmp(out, in.p, p.s.body.len) == 0);
}

/* What parses is what is made of its two heads. */
static void check_fork(struct kith_span in)
{
	uint8_t out[KITH_FORK_LEN_MAX];
	struct kith_span heads[2];
	if (kith_fork_parse(heads, in) != 0)
		return;
	size_t len = kith_fork_make(out, heads[1], heads[0]);
	KITH_ASSERT(len == in.len && memcmp(out, in.p, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(struct kith_span in)
{
	uint8_t out[KITH_CERTLOG_HEAD_LEN_MAX];
	struct kith_certlog_head head;
	if (kith_certlog_head_parse(&head, in) != 0)
		return;
	struct kith_writer w = kith_writer_of(out, sizeof out);
	kith_certlog_head_write(&w, &head);
	KITH_ASSERT(!w.bad && kith_writer_len(&w) == head.s.body.len && head.s.body.len + KITH_SIG_LEN == in.len);
	KITH_ASSERT(memcmp(out, in.p, head.s.body.len) == 0);
}

static void check_proofs(const uint8_t *data, size_t size)
{
	static struct kith_certlog_hash leaves[256], proof[KITH_CERTLOG_PROOF_MAX], other[KITH_CERTLOG_PROOF_MAX];
	struct kith_certlog_hash root, first;
	size_t n = 1 + data[0], index = data[1] % n, given = (size - 2) / sizeof other[0];
	for (size_t i = 0; i < n; i++)
		kith_certlog_leaf(&leaves[i], (struct kith_span){ (const uint8_t *)&(const uint8_t){ (uint8_t)i }, 1 });
	kith_certlog_root(&root, leaves, n);
	kith_certlog_root(&first, leaves, index);
	if (given > KITH_CERTLOG_PROOF_MAX)
		given = KITH_CERTLOG_PROOF_MAX;
	memcpy(other, data + 2, given * sizeof other[0]);

	int steps = kith_certlog_inclusion(proof, leaves, n, index);
	KITH_ASSERT(steps >= 0 && kith_certlog_included(&root, n, &leaves[index], index, proof, (size_t)steps) == 0);
	bool same = given == (size_t)steps && memcmp(proof, other, given * sizeof other[0]) == 0;
	KITH_ASSERT(same || kith_certlog_included(&root, n, &leaves[index], index, other, given) != 0);
	steps = kith_certlog_consistency(proof, leaves, n, index);
	KITH_ASSERT(steps >= 0 && kith_certlog_consistent(&first, index, &root, n, proof, (size_t)steps) == 0);
	same = given == (size_t)steps && memcmp(proof, other, given * sizeof other[0]) == 0;
	KITH_ASSERT(same || kith_certlog_consistent(&first, index, &root, n, other, given) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	if (data[0] % 8 == 6)
		check_params((struct kith_span){ data + 1, size - 1 });
	else if (data[0] % 4 == 2)
		check_fork((struct kith_span){ data + 1, size - 1 });
	else if (data[0] % 2 == 0)
		check_head((struct kith_span){ data + 1, size - 1 });
	else
		check_proofs(data + 1, size - 1);
	return 0;
}
