/* The token machine of the Noise framework, for the pattern that kith speaks. Section numbers are of revision 34. */
#include "crypto/noise.h"

#include <string.h>

#include "base/assert.h"

enum token { END = 0, E, S, EE, ES, SE, SS };

enum { STEPS = 2, TOKENS_MAX = 5, MESSAGE_MAX = 65535 /* section 3 */ };

#define NAME "Noise_IK_25519_ChaChaPoly_SHA256"
KITH_STATIC_ASSERT(sizeof NAME - 1 == KITH_SHA256_LEN, "it is h as it stands (section 5.2)");

/* clang-format off */
static const uint8_t tokens[STEPS][TOKENS_MAX] = {
	{ E, ES, S, SS, END }, /* -> e, es, s, ss */
	{ E, EE, SE, END }, /* <- e, ee, se */
};
/* clang-format on */

static const struct kith_span nothing = { NULL, 0 };

static struct kith_span span_of(const uint8_t *p, size_t len)
{
	const struct kith_span s = { p, len };
	return s;
}

void kith_noise_hkdf2(const struct kith_suite *suite, const uint8_t ck[KITH_SHA256_LEN], struct kith_span ikm,
		      uint8_t out1[KITH_SHA256_LEN], uint8_t out2[KITH_SHA256_LEN])
{
	const uint8_t one = 1, two = 2;
	uint8_t temp[KITH_SHA256_LEN] = { 0 };
	const struct kith_span temp_key = span_of(temp, sizeof temp);
	const struct kith_span first = span_of(&one, 1);
	const struct kith_span second[] = { span_of(out1, KITH_SHA256_LEN), span_of(&two, 1) };
	suite->hmac(temp, span_of(ck, KITH_SHA256_LEN), &ikm, 1);
	suite->hmac(out1, temp_key, &first, 1);
	suite->hmac(out2, temp_key, second, 2);
	kith_wipe(temp, sizeof temp);
}

static void mix_hash(struct kith_noise *n, struct kith_span data)
{
	const struct kith_span parts[] = { span_of(n->h, sizeof n->h), data };
	n->suite->sha256(n->h, parts, 2);
}

static int mix_dh(struct kith_noise *n, const uint8_t sk[KITH_DH_LEN], const uint8_t pk[KITH_DH_LEN])
{
	uint8_t shared[KITH_DH_LEN];
	int err = n->suite->dh(shared, sk, pk);
	if (err == 0) {
		kith_noise_hkdf2(n->suite, n->ck, span_of(shared, sizeof shared), n->ck, n->k);
		n->nonce = 0;
		n->has_key = true;
	}
	kith_wipe(shared, sizeof shared);
	return err;
}

static size_t tag_len(bool has_key)
{
	return has_key ? KITH_AEAD_TAG_LEN : 0;
}

/* Writes len bytes and a tag once there is a key. in may be out. */
static size_t encrypt_and_hash(struct kith_noise *n, uint8_t *out, const uint8_t *in, size_t len)
{
	const size_t out_len = len + tag_len(n->has_key);
	if (n->has_key)
		n->suite->seal(out, n->k, n->nonce++, span_of(n->h, sizeof n->h), in, len);
	else if (len > 0)
		memmove(out, in, len);
	mix_hash(n, span_of(out, out_len));
	return out_len;
}

/* Reads len bytes, tag included once there is a key. in may be out. */
static int decrypt_and_hash(struct kith_noise *n, uint8_t *out, const uint8_t *in, size_t len)
{
	uint8_t h[KITH_SHA256_LEN];
	memcpy(h, n->h, sizeof h);
	/* Before opening, because opening in place overwrites the ciphertext; a failure drops the whole state anyway.
	 */
	mix_hash(n, span_of(in, len));
	if (n->has_key)
		return n->suite->open(out, n->k, n->nonce++, span_of(h, sizeof h), in, len);
	if (len > 0)
		memmove(out, in, len);
	return 0;
}

/* The DH tokens name the initiator's key first. */
static int mix_dh_token(struct kith_noise *n, enum token t)
{
	bool own_static = false, other_static = false;
	switch (t) {
	case EE:
		break;
	case ES: /* initiator's e, responder's s */
		own_static = !n->initiator;
		other_static = n->initiator;
		break;
	case SE: /* initiator's s, responder's e */
		own_static = n->initiator;
		other_static = !n->initiator;
		break;
	case SS:
		own_static = other_static = true;
		break;
	case END:
	case E:
	case S:
		KITH_ASSERT(false);
	}
	KITH_ASSERT(!other_static || n->have_rs);
	return mix_dh(n, own_static ? n->s_sk : n->e_sk, other_static ? n->rs : n->re);
}

void kith_noise_init(struct kith_noise *n, const struct kith_suite *suite, const uint8_t *rs, struct kith_span prologue,
		     const uint8_t s_sk[KITH_DH_LEN], const uint8_t s_pk[KITH_DH_LEN])
{
	memset(n, 0, sizeof *n);
	n->suite = suite;
	n->initiator = rs != NULL;
	memcpy(n->h, NAME, sizeof n->h);
	memcpy(n->ck, NAME, sizeof n->ck);
	memcpy(n->s_sk, s_sk, sizeof n->s_sk);
	memcpy(n->s_pk, s_pk, sizeof n->s_pk);
	mix_hash(n, prologue);
	if (rs != NULL) {
		memcpy(n->rs, rs, sizeof n->rs);
		n->have_rs = true;
	}
	/* <- s */
	mix_hash(n, span_of(rs != NULL ? n->rs : n->s_pk, KITH_DH_LEN));
}

bool kith_noise_done(const struct kith_noise *n)
{
	return n->suite != NULL && n->step == STEPS;
}

/* The tokens of the message that is due. */
static const uint8_t *tokens_due(const struct kith_noise *n)
{
	return tokens[n->step];
}

static bool may_write(const struct kith_noise *n)
{
	return n->suite != NULL && !kith_noise_done(n) && (n->step % 2 == 0) == n->initiator;
}

static bool may_read(const struct kith_noise *n)
{
	return n->suite != NULL && !kith_noise_done(n) && (n->step % 2 == 0) != n->initiator;
}

size_t kith_noise_overhead(const struct kith_noise *n)
{
	bool has_key = n->has_key;
	size_t len = 0;
	if (n->suite == NULL || kith_noise_done(n))
		return 0;
	for (const uint8_t *t = tokens_due(n); *t != END; t++) {
		if (*t == E)
			len += KITH_DH_LEN;
		else if (*t == S)
			len += KITH_DH_LEN + tag_len(has_key);
		else
			has_key = true;
	}
	return len + tag_len(has_key);
}

/* Takes over the state after a message; what no later message needs goes at once. */
static void commit(struct kith_noise *n, struct kith_noise *next)
{
	next->step++;
	if (kith_noise_done(next)) {
		kith_wipe(next->e_sk, sizeof next->e_sk);
		kith_wipe(next->s_sk, sizeof next->s_sk);
		kith_wipe(next->k, sizeof next->k);
		next->has_key = false;
	}
	memcpy(n, next, sizeof *n);
}

static int write_token(struct kith_noise *n, uint8_t t, uint8_t **out, const uint8_t *e_sk)
{
	switch ((enum token)t) {
	case E:
		KITH_ASSERT(e_sk != NULL);
		memcpy(n->e_sk, e_sk, sizeof n->e_sk);
		n->suite->dh_public(n->e_pk, n->e_sk);
		memcpy(*out, n->e_pk, sizeof n->e_pk);
		*out += sizeof n->e_pk;
		mix_hash(n, span_of(n->e_pk, sizeof n->e_pk));
		return 0;
	case S:
		*out += encrypt_and_hash(n, *out, n->s_pk, sizeof n->s_pk);
		return 0;
	case EE:
	case ES:
	case SE:
	case SS:
		return mix_dh_token(n, (enum token)t);
	case END:
		break;
	}
	KITH_ASSERT(false);
	return KITH_ESTATE;
}

int kith_noise_write(struct kith_noise *n, uint8_t *out, size_t cap, struct kith_span payload, const uint8_t *e_sk)
{
	struct kith_noise next;
	const size_t overhead = kith_noise_overhead(n);
	uint8_t *p = out;
	int err = 0;
	if (!may_write(n))
		return KITH_ESTATE;
	if (payload.len > MESSAGE_MAX - overhead || cap < overhead + payload.len)
		return KITH_EMSGSIZE;
	memcpy(&next, n, sizeof next);
	for (const uint8_t *t = tokens_due(n); *t != END && err == 0; t++)
		err = write_token(&next, *t, &p, e_sk);
	if (err == 0) {
		p += encrypt_and_hash(&next, p, payload.p, payload.len);
		KITH_ASSERT((size_t)(p - out) == overhead + payload.len);
		commit(n, &next);
	}
	kith_wipe(&next, sizeof next);
	return err != 0 ? err : (int)(overhead + payload.len);
}

static int read_token(struct kith_noise *n, uint8_t t, const uint8_t **in)
{
	const size_t s_len = KITH_DH_LEN + tag_len(n->has_key);
	int err;
	switch ((enum token)t) {
	case E:
		memcpy(n->re, *in, sizeof n->re);
		*in += sizeof n->re;
		mix_hash(n, span_of(n->re, sizeof n->re));
		return 0;
	case S:
		err = decrypt_and_hash(n, n->rs, *in, s_len);
		*in += s_len;
		n->have_rs = err == 0;
		return err;
	case EE:
	case ES:
	case SE:
	case SS:
		return mix_dh_token(n, (enum token)t);
	case END:
		break;
	}
	KITH_ASSERT(false);
	return KITH_ESTATE;
}

int kith_noise_read(struct kith_noise *n, uint8_t *out, size_t cap, struct kith_span message)
{
	struct kith_noise next;
	const size_t overhead = kith_noise_overhead(n);
	const uint8_t *p = message.p;
	int err = 0;
	if (!may_read(n))
		return KITH_ESTATE;
	if (message.len < overhead || message.len > MESSAGE_MAX)
		return KITH_EPROTO;
	if (cap < message.len - overhead)
		return KITH_EMSGSIZE;
	memcpy(&next, n, sizeof next);
	for (const uint8_t *t = tokens_due(n); *t != END && err == 0; t++)
		err = read_token(&next, *t, &p);
	if (err == 0)
		err = decrypt_and_hash(&next, out, p, message.len - (size_t)(p - message.p));
	if (err == 0)
		commit(n, &next);
	kith_wipe(&next, sizeof next);
	return err != 0 ? err : (int)(message.len - overhead);
}

void kith_noise_split(const struct kith_noise *n, uint8_t tx_key[KITH_AEAD_KEY_LEN], uint8_t rx_key[KITH_AEAD_KEY_LEN],
		      uint8_t chain[KITH_SHA256_LEN])
{
	static const uint8_t label[] = { 'k', 'i', 't', 'h', ' ', 'r', 'e', 'k', 'e', 'y' };
	uint8_t unused[KITH_SHA256_LEN];
	KITH_ASSERT(kith_noise_done(n));
	/* The first key is the initiator's for sending (section 5.2). */
	kith_noise_hkdf2(n->suite, n->ck, nothing, n->initiator ? tx_key : rx_key, n->initiator ? rx_key : tx_key);
	kith_noise_hkdf2(n->suite, n->ck, span_of(label, sizeof label), chain, unused);
	kith_wipe(unused, sizeof unused);
}

void kith_noise_wipe(struct kith_noise *n)
{
	kith_wipe(n, sizeof *n);
}
