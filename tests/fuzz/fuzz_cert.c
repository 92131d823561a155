/* Certificates and chains on arbitrary bytes: whatever parses has its texts within bounds, borrows from the input
 * only, comes back the same bytes when it is written again, and can be described. The first byte of the input picks
 * what it is read as. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "identity/cert.h"
#include "identity/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was written, and the signature that was read, against the bytes that were parsed. */
static void same(const struct kith_writer *w, const struct kith_signed *s)
{
	KITH_ASSERT(!w->bad && kith_writer_len(w) == s->body.len);
	KITH_ASSERT(memcmp(w->start, s->body.p, s->body.len) == 0);
	KITH_ASSERT(s->sig == s->body.p + s->body.len);
}

static void check_issuer(const struct kith_issuer_cert *c)
{
	uint8_t out[KITH_CERT_MAX];
	struct kith_writer w = kith_writer_of(out, sizeof out);
	kith_issuer_cert_write(&w, c);
	same(&w, &c->s);
	KITH_ASSERT(strlen(c->constraint) <= KITH_CONSTRAINT_MAX && c->not_before_s <= c->expires_s);
}

static void check_name(const struct kith_name_cert *c)
{
	uint8_t out[KITH_CERT_MAX];
	struct kith_writer w = kith_writer_of(out, sizeof out);
	kith_name_cert_write(&w, c);
	same(&w, &c->s);
	KITH_ASSERT(kith_name_valid(c->name) && c->not_before_s <= c->expires_s);
}

static void check_device(const struct kith_device_cert *c)
{
	uint8_t out[KITH_CERT_MAX];
	struct kith_writer w = kith_writer_of(out, sizeof out);
	kith_device_cert_write(&w, c);
	same(&w, &c->s);
	KITH_ASSERT(c->not_before_s <= c->expires_s);
}

static void check_chain(const struct kith_chain *c, struct kith_span chain)
{
	uint8_t out[KITH_CHAIN_MAX];
	struct kith_writer w = kith_writer_of(out, sizeof out);
	const struct kith_signed *links[] = { &c->issuer.s, &c->name.s, &c->device.s };
	if (c->kind == KITH_CHAIN_FULL)
		check_issuer(&c->issuer);
	if (c->kind != KITH_CHAIN_OPEN)
		check_name(&c->name);
	check_device(&c->device);
	kith_object_write_header(&w, KITH_OBJECT_CHAIN);
	kith_write_u8(&w, c->kind);
	kith_write_bytes(&w, c->network, sizeof c->network);
	if (c->kind == KITH_CHAIN_OPEN)
		kith_write_bytes(&w, c->identity.b, KITH_KEY_LEN);
	for (size_t i = c->kind == KITH_CHAIN_FULL ? 0 : c->kind == KITH_CHAIN_BY_ID ? 1 : 2; i < 3; i++) {
		struct kith_span whole = kith_signed_whole(links[i]);
		kith_write_u16(&w, (uint16_t)whole.len);
		kith_write_span(&w, whole);
	}
	KITH_ASSERT(!w.bad && kith_writer_len(&w) == chain.len && memcmp(out, chain.p, chain.len) == 0);
	int len = kith_chain_shorten(out, chain);
	KITH_ASSERT(len > 0 && (size_t)len <= chain.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct kith_span in = { data + 1, size - 1 };
	struct kith_issuer_cert issuer;
	struct kith_name_cert name;
	struct kith_device_cert device;
	struct kith_chain chain;
	struct kith_challenge challenge;
	struct kith_enrol enrol;
	char text[8192];

	switch (data[0] % 6) {
	case 0:
		if (kith_issuer_cert_parse(&issuer, in) == 0)
			check_issuer(&issuer);
		break;
	case 1:
		if (kith_name_cert_parse(&name, in) == 0)
			check_name(&name);
		break;
	case 2:
		if (kith_device_cert_parse(&device, in) == 0)
			check_device(&device);
		break;
	case 3:
		if (kith_chain_parse(&chain, in) == 0)
			check_chain(&chain, in);
		break;
	case 4:
		if (kith_challenge_parse(&challenge, in) == 0) {
			uint8_t out[KITH_CHALLENGE_LEN_MAX];
			int len = kith_challenge_write(out, &challenge);
			KITH_ASSERT(len > 0 && (size_t)len == in.len && memcmp(out, in.p, in.len) == 0);
		}
		break;
	default:
		if (kith_enrol_parse(&enrol, in) == 0)
			KITH_ASSERT(kith_name_valid(enrol.name) && enrol.s.body.len + KITH_SIG_LEN == in.len);
	}
	int len = kith_identity_describe(in, text, sizeof text);
	KITH_ASSERT(len < 0 || strlen(text) == (size_t)len);
	return 0;
}
