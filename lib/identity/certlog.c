/* The log of name certificates; see <kith/certlog.h>. Proofs are made and checked as RFC 6962 and RFC 9162, sections
 * 2.1.3 and 2.1.4, have it. */
#include "identity/certlog.h"

#include "base/assert.h"
#include "identity/keypair.h"

/* Labels that end in a NUL keep leaves, inner nodes and the empty tree apart, whatever a certificate says. */
#define LEAF_LABEL "kith log leaf v1"
#define NODE_LABEL "kith log node v1"
#define EMPTY_LABEL "kith log empty v1"

#define TIME_MS_MAX (((uint64_t)1 << 62) - 1)

KITH_STATIC_ASSERT(2 + KITH_ISSUER_ID_LEN + 8 + 32 + 8 + 1 + KITH_EXT_MAX + KITH_SIG_LEN <= KITH_CERTLOG_HEAD_LEN_MAX,
		   "a head fits");

static void hash(struct kith_certlog_hash *out, const char *label, size_t label_len, struct kith_span a,
		 struct kith_span b)
{
	const struct kith_span no_key = { NULL, 0 };
	const struct kith_span parts[] = { { (const uint8_t *)label, label_len }, a, b };
	kith_suite_sodium()->blake2b(out->b, sizeof out->b, no_key, parts, 3);
}

static struct kith_span bytes_of(const struct kith_certlog_hash *h)
{
	return (struct kith_span){ h->b, sizeof h->b };
}

static const struct kith_span nothing = { NULL, 0 };

static void node(struct kith_certlog_hash *out, const struct kith_certlog_hash *left,
		 const struct kith_certlog_hash *right)
{
	hash(out, NODE_LABEL, sizeof NODE_LABEL, bytes_of(left), bytes_of(right));
}

void kith_certlog_leaf(struct kith_certlog_hash *out, struct kith_span cert)
{
	hash(out, LEAF_LABEL, sizeof LEAF_LABEL, cert, nothing);
}

/* The largest power of two below n, which is at least 2. */
static size_t split(size_t n)
{
	size_t k = 1;
	while (k < n - k)
		k *= 2;
	return k;
}

/* Leaves are taken in one by one; the roots of whole subtrees wait for their right neighbours: one for each bit of the
 * number so far. */
void kith_certlog_root(struct kith_certlog_hash *out, const struct kith_certlog_hash leaves[], size_t n)
{
	struct kith_certlog_hash waiting[64];
	size_t depth = 0;
	if (n == 0) {
		hash(out, EMPTY_LABEL, sizeof EMPTY_LABEL, nothing, nothing);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		waiting[depth++] = leaves[i];
		for (size_t whole = i + 1; whole % 2 == 0; whole /= 2, depth--)
			node(&waiting[depth - 2], &waiting[depth - 2], &waiting[depth - 1]);
	}
	for (; depth > 1; depth--)
		node(&waiting[depth - 2], &waiting[depth - 2], &waiting[depth - 1]);
	*out = waiting[0];
}

/* The steps come from the root down, and stand in a proof from the leaf up. */
static void turn(struct kith_certlog_hash proof[], size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct kith_certlog_hash h = proof[i];
		proof[i] = proof[n - 1 - i];
		proof[n - 1 - i] = h;
	}
}

int kith_certlog_inclusion(struct kith_certlog_hash proof[KITH_CERTLOG_PROOF_MAX],
			   const struct kith_certlog_hash leaves[], size_t n, size_t index)
{
	size_t steps = 0;
	if (index >= n)
		return KITH_EINVAL;
	while (n > 1) {
		size_t k = split(n);
		KITH_ASSERT(steps < KITH_CERTLOG_PROOF_MAX);
		if (index < k) {
			kith_certlog_root(&proof[steps++], leaves + k, n - k);
			n = k;
		} else {
			kith_certlog_root(&proof[steps++], leaves, k);
			leaves += k;
			index -= k;
			n -= k;
		}
	}
	turn(proof, steps);
	return (int)steps;
}

int kith_certlog_consistency(struct kith_certlog_hash proof[KITH_CERTLOG_PROOF_MAX],
			     const struct kith_certlog_hash leaves[], size_t n, size_t first)
{
	size_t steps = 0;
	bool whole = true; /* the part that is looked at begins where the first tree does */
	if (first > n)
		return KITH_EINVAL;
	if (first == 0 || first == n)
		return 0;
	while (first < n) {
		size_t k = split(n);
		KITH_ASSERT(steps < KITH_CERTLOG_PROOF_MAX - 1);
		if (first <= k) {
			kith_certlog_root(&proof[steps++], leaves + k, n - k);
			n = k;
		} else {
			kith_certlog_root(&proof[steps++], leaves, k);
			leaves += k;
			first -= k;
			n -= k;
			whole = false;
		}
	}
	if (!whole)
		kith_certlog_root(&proof[steps++], leaves, n);
	turn(proof, steps);
	return (int)steps;
}

static int equal(const struct kith_certlog_hash *a, const struct kith_certlog_hash *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0 ? 0 : KITH_EAUTH;
}

int kith_certlog_included(const struct kith_certlog_hash *root, uint64_t size, const struct kith_certlog_hash *leaf,
			  uint64_t index, const struct kith_certlog_hash proof[], size_t steps)
{
	struct kith_certlog_hash at = *leaf;
	if (index >= size)
		return KITH_EAUTH;
	uint64_t last = size - 1;
	for (size_t i = 0; i < steps; i++) {
		if (last == 0)
			return KITH_EAUTH;
		if (index % 2 == 1 || index == last) {
			node(&at, &proof[i], &at);
			while (index % 2 == 0 && index != 0) {
				index /= 2;
				last /= 2;
			}
		} else {
			node(&at, &at, &proof[i]);
		}
		index /= 2;
		last /= 2;
	}
	return last == 0 ? equal(&at, root) : KITH_EAUTH;
}

/* Both roots are made from the steps that both trees share; the second one from the others too. */
int kith_certlog_consistent(const struct kith_certlog_hash *first_root, uint64_t first,
			    const struct kith_certlog_hash *root, uint64_t size, const struct kith_certlog_hash proof[],
			    size_t steps)
{
	struct kith_certlog_hash empty;
	size_t i = 0;
	if (first > size)
		return KITH_EAUTH;
	if (first == 0) {
		kith_certlog_root(&empty, NULL, 0);
		return steps == 0 ? equal(first_root, &empty) : KITH_EAUTH;
	}
	if (first == size)
		return steps == 0 ? equal(first_root, root) : KITH_EAUTH;
	uint64_t at = first - 1, last = size - 1;
	while (at % 2 == 1) {
		at /= 2;
		last /= 2;
	}
	if (at > 0 && steps == 0)
		return KITH_EAUTH;
	struct kith_certlog_hash before = at > 0 ? proof[i++] : *first_root, after = before;
	for (; i < steps; i++) {
		if (last == 0)
			return KITH_EAUTH;
		if (at % 2 == 1 || at == last) {
			node(&before, &proof[i], &before);
			node(&after, &proof[i], &after);
			while (at % 2 == 0 && at != 0) {
				at /= 2;
				last /= 2;
			}
		} else {
			node(&after, &after, &proof[i]);
		}
		at /= 2;
		last /= 2;
	}
	int err = last == 0 ? equal(&before, first_root) : KITH_EAUTH;
	return err != 0 ? err : equal(&after, root);
}

/* ---- heads ---- */

void kith_certlog_head_write(struct kith_writer *w, const struct kith_certlog_head *head)
{
	kith_object_write_header(w, KITH_OBJECT_LOG_HEAD);
	kith_write_bytes(w, head->issuer_id, sizeof head->issuer_id);
	kith_write_u64(w, head->size);
	kith_write_bytes(w, head->root.b, sizeof head->root.b);
	kith_write_u64(w, (uint64_t)head->time_ms);
	kith_object_write_ext(w, head->s.ext);
}

int kith_certlog_head_make(uint8_t out[KITH_CERTLOG_HEAD_LEN_MAX], const struct kith_certlog_head *head,
			   const struct kith_seed *issuer)
{
	const struct kith_suite *suite = kith_suite_sodium();
	struct kith_writer w = kith_writer_of(out, KITH_CERTLOG_HEAD_LEN_MAX);
	struct kith_certlog_head own = *head;
	struct kith_signer signer;
	kith_signer_from_seed(&signer, suite, issuer);
	kith_ids_issuer(suite, own.issuer_id, &signer.pk);
	kith_certlog_head_write(&w, &own);
	int len = kith_object_sign(suite, &w, KITH_SIGN_LOG_HEAD, signer.sk);
	kith_signer_wipe(&signer);
	struct kith_span whole = { out, len > 0 ? (size_t)len : 0 };
	return len > 0 && kith_certlog_head_parse(&own, whole) == 0 ? len : KITH_EINVAL;
}

int kith_certlog_head_parse(struct kith_certlog_head *out, struct kith_span head)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = kith_object_begin(&r, head, KITH_OBJECT_LOG_HEAD);
	if (err != 0)
		return err;
	kith_read_bytes(&r, out->issuer_id, sizeof out->issuer_id);
	out->size = kith_read_u64(&r);
	kith_read_bytes(&r, out->root.b, sizeof out->root.b);
	uint64_t time_ms = kith_read_u64(&r);
	if (time_ms > TIME_MS_MAX || out->size > INT64_MAX)
		r.bad = true;
	out->time_ms = r.bad ? 0 : (int64_t)time_ms;
	return kith_object_end(&r, head, &out->s);
}

int kith_certlog_head_check(struct kith_certlog_head *out, struct kith_span head, const struct kith_key *issuer)
{
	const struct kith_suite *suite = kith_suite_sodium();
	uint8_t id[KITH_ISSUER_ID_LEN];
	int err = kith_certlog_head_parse(out, head);
	if (err != 0)
		return err;
	kith_ids_issuer(suite, id, issuer);
	if (memcmp(id, out->issuer_id, sizeof id) != 0)
		return KITH_ECHAIN;
	return kith_object_verify(suite, &out->s, KITH_SIGN_LOG_HEAD, issuer);
}

bool kith_certlog_contradict(const struct kith_certlog_head *a, const struct kith_certlog_head *b)
{
	if (memcmp(a->issuer_id, b->issuer_id, sizeof a->issuer_id) != 0)
		return false;
	if (a->size == b->size)
		return memcmp(&a->root, &b->root, sizeof a->root) != 0;
	return a->size < b->size ? a->time_ms >= b->time_ms : b->time_ms >= a->time_ms;
}
