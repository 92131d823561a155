#include "wire/where.h"

#include <string.h>

#include "base/assert.h"

KITH_STATIC_ASSERT(KITH_HERE_LEN < KITH_WHERE_LEN && KITH_WHERE_LEN <= KITH_UDP_PAYLOAD,
		   "no more goes back than came, and both are packets");

#define LABEL_KEY "kith where key v1" /* with its NUL */
enum { SIGNED_MAX = KITH_ID_LEN + 2 * KITH_KEY_LEN + KITH_WHERE_HEADER + 8 };

static struct kith_span text(const char *label)
{
	return (struct kith_span){ (const uint8_t *)label, strlen(label) };
}

void kith_where_key(const struct kith_suite *suite, uint8_t out[KITH_WHERE_KEY_LEN], const struct kith_id *network,
		    const struct kith_key *sought)
{
	const struct kith_span parts[3] = { { (const uint8_t *)LABEL_KEY, sizeof LABEL_KEY },
					    { network->b, sizeof network->b },
					    { sought->b, sizeof sought->b } };
	suite->blake2b(out, KITH_WHERE_KEY_LEN, (struct kith_span){ NULL, 0 }, parts, 3);
}

/* A key for one use: label, and what else it depends on. */
static void derive(const struct kith_suite *suite, uint8_t *out, size_t out_len, const uint8_t key[KITH_WHERE_KEY_LEN],
		   const char *label, struct kith_span of)
{
	const struct kith_span parts[2] = { text(label), of };
	suite->blake2b(out, out_len, (struct kith_span){ key, KITH_WHERE_KEY_LEN }, parts, 2);
}

static bool parse(struct kith_where_header *out, struct kith_span packet, uint8_t type)
{
	const bool where = type == KITH_PKT_WHERE;
	struct kith_reader r = kith_reader_of_span(packet);
	memset(out, 0, sizeof *out);
	if (packet.len != (where ? KITH_WHERE_LEN : KITH_HERE_LEN) || kith_read_u8(&r) != type ||
	    kith_read_u8(&r) != KITH_WIRE_VERSION)
		return false;
	out->port = kith_read_u16(&r);
	out->index = kith_read_u32(&r);
	out->number = kith_read(&r, KITH_XNONCE_LEN);
	out->head = (struct kith_span){ packet.p, KITH_WHERE_HEADER };
	out->tag = where ? kith_read(&r, KITH_WHERE_TAG_LEN) : NULL;
	out->sealed = kith_read_rest(&r);
	return !r.bad && (out->port != 0) == where;
}

bool kith_where_parse(struct kith_where_header *out, struct kith_span packet)
{
	return parse(out, packet, KITH_PKT_WHERE);
}

bool kith_here_parse(struct kith_where_header *out, struct kith_span packet)
{
	return parse(out, packet, KITH_PKT_HERE);
}

bool kith_where_is_for(const struct kith_suite *suite, const struct kith_where_header *h,
		       const uint8_t key[KITH_WHERE_KEY_LEN])
{
	uint8_t tag[KITH_WHERE_TAG_LEN];
	derive(suite, tag, sizeof tag, key, "tag", h->head);
	return kith_equal_secret(tag, h->tag, sizeof tag);
}

static int open_body(const struct kith_suite *suite, const struct kith_where_header *h,
		     const uint8_t sealing[KITH_AEAD_KEY_LEN], uint8_t plain[KITH_WHERE_BODY],
		     struct kith_where_body *out)
{
	if (suite->xopen(plain, sealing, h->number, h->head, h->sealed.p, h->sealed.len) != 0)
		return KITH_EAUTH;
	struct kith_reader r = kith_reader_of(plain, KITH_WHERE_BODY);
	const uint64_t made = kith_read_u64(&r);
	out->made_ms = (int64_t)made;
	kith_read_bytes(&r, out->signature, sizeof out->signature);
	out->chain = kith_read_span(&r, kith_read_u16(&r));
	const struct kith_span rest = kith_read_rest(&r);
	bool zero = true;
	for (size_t i = 0; i < rest.len; i++)
		zero = zero && rest.p[i] == 0;
	return r.bad || !zero || made > INT64_MAX / 2 ? KITH_EPROTO : 0;
}

int kith_where_open(const struct kith_suite *suite, const struct kith_where_header *h,
		    const uint8_t key[KITH_WHERE_KEY_LEN], uint8_t plain[KITH_WHERE_BODY], struct kith_where_body *out)
{
	uint8_t sealing[KITH_AEAD_KEY_LEN];
	derive(suite, sealing, sizeof sealing, key, "where", h->head);
	int err = open_body(suite, h, sealing, plain, out);
	kith_wipe(sealing, sizeof sealing);
	return err;
}

int kith_here_open(const struct kith_suite *suite, const struct kith_where_header *h,
		   const uint8_t key[KITH_WHERE_KEY_LEN], const uint8_t asked[KITH_XNONCE_LEN],
		   uint8_t plain[KITH_WHERE_BODY], struct kith_where_body *out)
{
	uint8_t sealing[KITH_AEAD_KEY_LEN];
	derive(suite, sealing, sizeof sealing, key, "here", (struct kith_span){ asked, KITH_XNONCE_LEN });
	int err = open_body(suite, h, sealing, plain, out);
	kith_wipe(sealing, sizeof sealing);
	return err;
}

/* ---- signatures ---- */

/* What is signed: the network, both identities, what the question is known by, and when it was made. */
static struct kith_span signed_bytes(uint8_t out[SIGNED_MAX], const struct kith_where_parties *p, struct kith_span of,
				     int64_t made_ms)
{
	struct kith_writer w = kith_writer_of(out, SIGNED_MAX);
	kith_write_bytes(&w, p->network.b, sizeof p->network.b);
	kith_write_bytes(&w, p->asker.b, sizeof p->asker.b);
	kith_write_bytes(&w, p->sought.b, sizeof p->sought.b);
	kith_write_span(&w, of);
	kith_write_u64(&w, (uint64_t)made_ms);
	KITH_ASSERT(!w.bad);
	return (struct kith_span){ out, kith_writer_len(&w) };
}

int kith_where_verify(const struct kith_suite *suite, const struct kith_where_parties *parties,
		      const struct kith_where_header *h, const struct kith_where_body *body,
		      const struct kith_key *device)
{
	uint8_t bytes[SIGNED_MAX];
	return kith_verify(suite, body->signature, KITH_SIGN_WHERE,
			   signed_bytes(bytes, parties, h->head, body->made_ms), device->b) == 0
		       ? 0
		       : KITH_ESIGNATURE;
}

int kith_here_verify(const struct kith_suite *suite, const struct kith_where_parties *parties,
		     const uint8_t asked[KITH_XNONCE_LEN], const struct kith_where_body *body,
		     const struct kith_key *device)
{
	uint8_t bytes[SIGNED_MAX];
	const struct kith_span of = { asked, KITH_XNONCE_LEN };
	return kith_verify(suite, body->signature, KITH_SIGN_HERE, signed_bytes(bytes, parties, of, body->made_ms),
			   device->b) == 0
		       ? 0
		       : KITH_ESIGNATURE;
}

/* ---- writing ---- */

static void write_header(struct kith_writer *w, uint8_t type, uint16_t port, uint32_t index,
			 const uint8_t number[KITH_XNONCE_LEN])
{
	kith_write_u8(w, type);
	kith_write_u8(w, KITH_WIRE_VERSION);
	kith_write_u16(w, port);
	kith_write_u32(w, index);
	kith_write_bytes(w, number, KITH_XNONCE_LEN);
}

/* Seals what is signed and padded with zeros behind at bytes, of which the first KITH_WHERE_HEADER are the header. */
static void seal(const struct kith_suite *suite, uint8_t *packet, size_t at, const uint8_t sealing[KITH_AEAD_KEY_LEN],
		 const struct kith_where_body *body, const uint8_t signature[KITH_SIG_LEN])
{
	uint8_t plain[KITH_WHERE_BODY] = { 0 };
	struct kith_writer w = kith_writer_of(plain, sizeof plain);
	kith_write_u64(&w, (uint64_t)body->made_ms);
	kith_write_bytes(&w, signature, KITH_SIG_LEN);
	kith_write_u16(&w, (uint16_t)body->chain.len);
	kith_write_span(&w, body->chain);
	KITH_ASSERT(!w.bad);
	suite->xseal(packet + at, sealing, packet + 8, (struct kith_span){ packet, KITH_WHERE_HEADER }, plain,
		     sizeof plain);
}

void kith_where_write(const struct kith_suite *suite, uint8_t out[KITH_WHERE_LEN], uint16_t port, uint32_t index,
		      const uint8_t number[KITH_XNONCE_LEN], const struct kith_where_parties *parties,
		      const struct kith_where_body *body, const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	uint8_t key[KITH_WHERE_KEY_LEN], sealing[KITH_AEAD_KEY_LEN], signature[KITH_SIG_LEN], bytes[SIGNED_MAX];
	struct kith_writer w = kith_writer_of(out, KITH_WHERE_HEADER);
	write_header(&w, KITH_PKT_WHERE, port, index, number);
	const struct kith_span head = { out, KITH_WHERE_HEADER };
	kith_where_key(suite, key, &parties->network, &parties->sought);
	derive(suite, out + KITH_WHERE_HEADER, KITH_WHERE_TAG_LEN, key, "tag", head);
	derive(suite, sealing, sizeof sealing, key, "where", head);
	kith_sign(suite, signature, KITH_SIGN_WHERE, signed_bytes(bytes, parties, head, body->made_ms), sign_sk);
	seal(suite, out, KITH_WHERE_HEADER + KITH_WHERE_TAG_LEN, sealing, body, signature);
	kith_wipe(key, sizeof key);
	kith_wipe(sealing, sizeof sealing);
}

void kith_here_write(const struct kith_suite *suite, uint8_t out[KITH_HERE_LEN], uint32_t index,
		     const uint8_t number[KITH_XNONCE_LEN], const uint8_t asked[KITH_XNONCE_LEN],
		     const struct kith_where_parties *parties, const struct kith_where_body *body,
		     const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	uint8_t key[KITH_WHERE_KEY_LEN], sealing[KITH_AEAD_KEY_LEN], signature[KITH_SIG_LEN], bytes[SIGNED_MAX];
	const struct kith_span of = { asked, KITH_XNONCE_LEN };
	struct kith_writer w = kith_writer_of(out, KITH_WHERE_HEADER);
	write_header(&w, KITH_PKT_HERE, 0, index, number);
	kith_where_key(suite, key, &parties->network, &parties->sought);
	derive(suite, sealing, sizeof sealing, key, "here", of);
	kith_sign(suite, signature, KITH_SIGN_HERE, signed_bytes(bytes, parties, of, body->made_ms), sign_sk);
	seal(suite, out, KITH_WHERE_HEADER, sealing, body, signature);
	kith_wipe(key, sizeof key);
	kith_wipe(sealing, sizeof sealing);
}
