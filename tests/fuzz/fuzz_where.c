/* A question to the local network and its answer. The first byte says which, and how: 0 and 1 a whole packet WHERE or
 * HERE; 2 and 3 what is sealed in one, which the target seals by itself, so that what lies behind the seal is reached
 * without a key. What opens has its chain within the plaintext, and written again it opens as the same. */
#include "fuzz_support.h"

#include "wire/where.h"

static const uint8_t asked[KITH_XNONCE_LEN] = { 1 };
static uint8_t key[KITH_WHERE_KEY_LEN];

static void check_header(const struct kith_where_header *h, struct kith_span packet, bool where)
{
	KITH_ASSERT(packet.len == (where ? KITH_WHERE_LEN : KITH_HERE_LEN));
	KITH_ASSERT((h->port != 0) == where && (h->tag != NULL) == where);
	KITH_ASSERT(h->head.p == packet.p && h->head.len == KITH_WHERE_HEADER);
	KITH_ASSERT(h->sealed.p + h->sealed.len == packet.p + packet.len);
	KITH_ASSERT(h->sealed.len == KITH_WHERE_BODY + KITH_AEAD_TAG_LEN);
}

static int read(const struct kith_suite *suite, struct kith_span packet, bool where, uint8_t plain[KITH_WHERE_BODY],
		struct kith_where_body *body)
{
	struct kith_where_header h;
	if (!(where ? kith_where_parse(&h, packet) : kith_here_parse(&h, packet)))
		return KITH_EPROTO;
	check_header(&h, packet, where);
	if (where && !kith_where_is_for(suite, &h, key))
		return KITH_EAUTH;
	return where ? kith_where_open(suite, &h, key, plain, body)
		     : kith_here_open(suite, &h, key, asked, plain, body);
}

/* Made as the module makes it, around any plaintext: version, port and index are of no matter here. */
static size_t enclose(const struct kith_suite *suite, uint8_t packet[KITH_WHERE_LEN], bool where,
		      const uint8_t plain[KITH_WHERE_BODY])
{
	uint8_t sealing[KITH_AEAD_KEY_LEN];
	const struct kith_span whose = { key, sizeof key }, head = { packet, KITH_WHERE_HEADER };
	const struct kith_span parts[2] = { { (const uint8_t *)(where ? "where" : "here"), where ? 5 : 4 },
					    where ? head : (struct kith_span){ asked, sizeof asked } };
	const struct kith_span tagged[2] = { { (const uint8_t *)"tag", 3 }, head };
	const size_t at = KITH_WHERE_HEADER + (where ? KITH_WHERE_TAG_LEN : 0);
	memset(packet, 0, KITH_WHERE_HEADER);
	packet[0] = where ? KITH_PKT_WHERE : KITH_PKT_HERE;
	packet[1] = KITH_WIRE_VERSION;
	packet[2] = where ? 0x10 : 0;
	suite->blake2b(packet + KITH_WHERE_HEADER, KITH_WHERE_TAG_LEN, whose, tagged, 2);
	suite->blake2b(sealing, sizeof sealing, whose, parts, 2);
	suite->xseal(packet + at, sealing, packet + 8, head, plain, KITH_WHERE_BODY);
	return at + KITH_WHERE_BODY + KITH_AEAD_TAG_LEN;
}

static void sealed(const struct kith_suite *suite, bool where, const uint8_t *data, size_t size)
{
	uint8_t plain[KITH_WHERE_BODY] = { 0 }, out[KITH_WHERE_BODY], packet[KITH_WHERE_LEN];
	const struct kith_where_parties parties = { { { 0 } }, { { 0 } }, { { 0 } } };
	uint8_t pk[KITH_KEY_LEN], sk[KITH_SIGN_SK_LEN];
	const uint8_t seed[KITH_SEED_LEN] = { 0 };
	struct kith_where_body body, again;
	memcpy(plain, data, size < sizeof plain ? size : sizeof plain);
	int err = read(suite, (struct kith_span){ packet, enclose(suite, packet, where, plain) }, where, out, &body);
	KITH_ASSERT(err == 0 || err == KITH_EPROTO);
	if (err != 0)
		return;
	KITH_ASSERT(body.chain.len <= KITH_CHAIN_MAX && body.made_ms >= 0);
	KITH_ASSERT(body.chain.p >= out && body.chain.p + body.chain.len <= out + sizeof out);
	struct kith_where_header h;
	suite->sign_keypair(pk, sk, seed);
	const struct kith_key device = { { 0 } };
	if (where) { /* random bytes are no signature */
		KITH_ASSERT(kith_where_parse(&h, (struct kith_span){ packet, KITH_WHERE_LEN }));
		KITH_ASSERT(kith_where_verify(suite, &parties, &h, &body, &device) != 0);
		kith_where_write(suite, packet, 1024, 0, asked, &parties, &body, sk);
	} else {
		KITH_ASSERT(kith_here_verify(suite, &parties, asked, &body, &device) != 0);
		kith_here_write(suite, packet, 0, asked, asked, &parties, &body, sk);
	}
	err = read(suite, (struct kith_span){ packet, where ? KITH_WHERE_LEN : KITH_HERE_LEN }, where, plain, &again);
	KITH_ASSERT(err == 0 && again.made_ms == body.made_ms && again.chain.len == body.chain.len);
	KITH_ASSERT(body.chain.len == 0 || memcmp(again.chain.p, body.chain.p, body.chain.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kith_suite *suite = kith_suite_sodium();
	const struct kith_id network = { { 0 } };
	const struct kith_key sought = { { 0 } };
	uint8_t plain[KITH_WHERE_BODY];
	struct kith_where_body body;
	KITH_ASSERT(kith_suite_sodium_init() == 0);
	kith_where_key(suite, key, &network, &sought);
	if (size == 0)
		return 0;
	if (data[0] >= 2)
		sealed(suite, data[0] % 2 == 0, data + 1, size - 1);
	else
		(void)read(suite, (struct kith_span){ data + 1, size - 1 }, data[0] == 0, plain, &body);
	return 0;
}
