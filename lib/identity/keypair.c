/* Key pairs, names and ids; see keypair.h. */
#include "identity/keypair.h"

#include <string.h>

static const char base32_alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

static struct kith_span bytes_of(const void *p, size_t len)
{
	struct kith_span s = { p, len };
	return s;
}

static struct kith_span text_of(const char *text)
{
	return bytes_of(text, strlen(text));
}

static void hash32(const struct kith_suite *s, uint8_t out[32], const struct kith_span parts[], size_t n)
{
	s->blake2b(out, 32, bytes_of(NULL, 0), parts, n);
}

void kith_signer_from_seed(struct kith_signer *out, const struct kith_suite *suite, const struct kith_seed *seed)
{
	suite->sign_keypair(out->pk.b, out->sk, seed->b);
}

void kith_signer_wipe(struct kith_signer *s)
{
	kith_wipe(s, sizeof *s);
}

void kith_device_keys_from_seed(struct kith_device_keys *out, const struct kith_suite *suite,
				const struct kith_seed *seed)
{
	const struct kith_span dh = text_of("kith device x25519 v1"), sign = text_of("kith device ed25519 v1");
	struct kith_seed sign_seed;
	suite->blake2b(out->dh_sk, KITH_DH_LEN, bytes_of(seed->b, sizeof seed->b), &dh, 1);
	suite->dh_public(out->dh_pk.b, out->dh_sk);
	suite->blake2b(sign_seed.b, sizeof sign_seed.b, bytes_of(seed->b, sizeof seed->b), &sign, 1);
	kith_signer_from_seed(&out->sign, suite, &sign_seed);
	kith_wipe(&sign_seed, sizeof sign_seed);
}

void kith_device_keys_wipe(struct kith_device_keys *keys)
{
	kith_wipe(keys, sizeof *keys);
}

void kith_base32_encode(char *out, const uint8_t *p, size_t len)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < len; i++) {
		acc = acc << 8 | p[i];
		bits += 8;
		while (bits >= 5) {
			bits -= 5;
			*out++ = base32_alphabet[acc >> bits & 31];
		}
		acc &= (UINT32_C(1) << bits) - 1;
	}
	if (bits > 0)
		*out++ = base32_alphabet[acc << (5 - bits) & 31];
	*out = '\0';
}

int kith_base32_decode(uint8_t *out, size_t cap, const char *text, size_t len)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		const char *at = text[i] != '\0' ? strchr(base32_alphabet, text[i]) : NULL;
		if (at == NULL)
			return KITH_EINVAL;
		acc = acc << 5 | (uint32_t)(at - base32_alphabet);
		bits += 5;
		if (bits >= 8) {
			if (n == cap)
				return KITH_EMSGSIZE;
			bits -= 8;
			out[n++] = (uint8_t)(acc >> bits);
			acc &= (UINT32_C(1) << bits) - 1;
		}
	}
	/* A whole spare character, or bits that no encoder sets: not the one spelling of these bytes. */
	return bits >= 5 || acc != 0 ? KITH_EINVAL : (int)n;
}

bool kith_name_valid_span(struct kith_span name)
{
	if (name.len == 0 || name.len > KITH_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'))
			return false;
	}
	return true;
}

bool kith_name_valid(const char *name)
{
	return name != NULL && kith_name_valid_span(text_of(name));
}

const char *kith_key_format(const uint8_t key[32], char out[KITH_KEY_TEXT_LEN + 1])
{
	kith_base32_encode(out, key, 32);
	return out;
}

int kith_key_parse(uint8_t key[32], const char *text)
{
	uint8_t bytes[32];
	if (text == NULL || strlen(text) != KITH_KEY_TEXT_LEN ||
	    kith_base32_decode(bytes, sizeof bytes, text, KITH_KEY_TEXT_LEN) != (int)sizeof bytes)
		return KITH_EINVAL;
	memcpy(key, bytes, sizeof bytes);
	return 0;
}

void kith_ids_network(const struct kith_suite *s, struct kith_id *out, const struct kith_key *root)
{
	const struct kith_span parts[] = { bytes_of(root->b, KITH_KEY_LEN) };
	hash32(s, out->b, parts, 1);
}

int kith_ids_network_open(const struct kith_suite *s, struct kith_id *out, const char *label)
{
	if (label == NULL || label[0] == '\0' || strlen(label) > KITH_NETWORK_LABEL_MAX)
		return KITH_EINVAL;
	/* "open" goes with its NUL, so that no label can continue it. */
	const struct kith_span parts[] = { bytes_of("open", 5), text_of(label) };
	hash32(s, out->b, parts, 2);
	return 0;
}

void kith_ids_fingerprint(const struct kith_suite *s, char out[KITH_NAME_MAX + 1], const struct kith_key *identity)
{
	const struct kith_span parts[] = { bytes_of(identity->b, KITH_KEY_LEN) };
	uint8_t digest[32];
	hash32(s, digest, parts, 1);
	kith_base32_encode(out, digest, 20);
}

void kith_ids_directory(const struct kith_suite *s, struct kith_id *out, const struct kith_id *network,
			const char *name)
{
	const struct kith_span parts[] = { bytes_of(network->b, KITH_ID_LEN), text_of(name) };
	hash32(s, out->b, parts, 2);
}

void kith_ids_supernode(const struct kith_suite *s, struct kith_id *out, const struct kith_id *network,
			const uint8_t placement[KITH_PLACEMENT_LEN])
{
	/* No name has a NUL: an issuer cannot put a supernode where a name's directory key is by giving it that name as
	 * placement. */
	static const uint8_t nul = 0;
	const struct kith_span parts[] = { bytes_of(network->b, KITH_ID_LEN), bytes_of(placement, KITH_PLACEMENT_LEN),
					   bytes_of(&nul, 1) };
	hash32(s, out->b, parts, 3);
}

int kith_ids_supernode_open(const struct kith_suite *s, struct kith_id *out, const struct kith_id *network,
			    const struct kith_key *identity, const struct kith_addr *witnessed)
{
	size_t prefix_len = witnessed->family == KITH_FAMILY_V4 ? 3 : witnessed->family == KITH_FAMILY_V6 ? 6 : 0;
	if (prefix_len == 0)
		return KITH_EINVAL;
	const struct kith_span parts[] = { bytes_of(network->b, KITH_ID_LEN), bytes_of(identity->b, KITH_KEY_LEN),
					   bytes_of(&witnessed->family, 1), bytes_of(witnessed->ip, prefix_len) };
	hash32(s, out->b, parts, 4);
	return 0;
}

void kith_ids_issuer(const struct kith_suite *s, uint8_t out[KITH_ISSUER_ID_LEN], const struct kith_key *issuer)
{
	const struct kith_span parts[] = { bytes_of(issuer->b, KITH_KEY_LEN) };
	uint8_t digest[32];
	hash32(s, digest, parts, 1);
	memcpy(out, digest, KITH_ISSUER_ID_LEN);
}
