/* Certificates and chains; see cert.h, and PROTOCOL.md section 8 for the layouts. */
#include "identity/cert.h"

#include "base/assert.h"
#include "base/limits.h"
#include "identity/keypair.h"

/* Version, type, key, serial, times, constraint, flags, extensions, signature at their longest. */
KITH_STATIC_ASSERT(2 + 32 + 8 + 10 + 1 + KITH_CONSTRAINT_MAX + 1 + 1 + KITH_EXT_MAX + 64 <= KITH_CERT_MAX, "issuer");
KITH_STATIC_ASSERT(2 + 8 + 1 + KITH_NAME_MAX + 32 + 8 + 10 + 16 + 2 + 1 + KITH_EXT_MAX + 64 <= KITH_CERT_MAX, "name");
KITH_STATIC_ASSERT(2 + 64 + 10 + 1 + KITH_EXT_MAX + 64 <= KITH_CERT_MAX, "device");

enum { NETWORK_HINT_LEN = 4 };

/* "" or '.' and more; no name can end in anything else than name characters. */
static bool constraint_valid(const char *constraint)
{
	struct kith_span text = { (const uint8_t *)constraint, strlen(constraint) };
	return text.len == 0 || (text.len > 1 && constraint[0] == '.' && kith_name_valid_span(text));
}

bool kith_constraint_allows(const char *constraint, const char *name)
{
	size_t suffix = strlen(constraint), len = strlen(name);
	return suffix == 0 || (len > suffix && memcmp(name + len - suffix, constraint, suffix) == 0);
}

int kith_issuer_cert_parse(struct kith_issuer_cert *out, struct kith_span cert)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = kith_object_begin(&r, cert, KITH_OBJECT_ISSUER);
	if (err != 0)
		return err;
	kith_read_bytes(&r, out->issuer.b, KITH_KEY_LEN);
	out->serial = kith_read_u64(&r);
	kith_object_read_validity(&r, &out->not_before_s, &out->expires_s);
	kith_object_read_text(&r, out->constraint, sizeof out->constraint);
	out->flags = kith_read_u8(&r);
	err = kith_object_end(&r, cert, &out->s);
	if (err != KITH_EPROTO && !constraint_valid(out->constraint))
		return KITH_ENAME;
	return err;
}

int kith_name_cert_parse(struct kith_name_cert *out, struct kith_span cert)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = kith_object_begin(&r, cert, KITH_OBJECT_NAME);
	if (err != 0)
		return err;
	kith_read_bytes(&r, out->issuer_id, KITH_ISSUER_ID_LEN);
	kith_object_read_text(&r, out->name, sizeof out->name);
	kith_read_bytes(&r, out->identity.b, KITH_KEY_LEN);
	out->serial = kith_read_u64(&r);
	kith_object_read_validity(&r, &out->not_before_s, &out->expires_s);
	kith_read_bytes(&r, out->placement, KITH_PLACEMENT_LEN);
	out->flags = kith_read_u8(&r);
	err = kith_object_end(&r, cert, &out->s);
	if (err != KITH_EPROTO && !kith_name_valid(out->name))
		return KITH_ENAME;
	return err;
}

int kith_device_cert_parse(struct kith_device_cert *out, struct kith_span cert)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = kith_object_begin(&r, cert, KITH_OBJECT_DEVICE);
	if (err != 0)
		return err;
	kith_read_bytes(&r, out->dh.b, KITH_KEY_LEN);
	kith_read_bytes(&r, out->sign.b, KITH_KEY_LEN);
	kith_object_read_validity(&r, &out->not_before_s, &out->expires_s);
	return kith_object_end(&r, cert, &out->s);
}

void kith_issuer_cert_write(struct kith_writer *w, const struct kith_issuer_cert *c)
{
	kith_object_write_header(w, KITH_OBJECT_ISSUER);
	kith_write_bytes(w, c->issuer.b, KITH_KEY_LEN);
	kith_write_u64(w, c->serial);
	kith_object_write_time(w, c->not_before_s);
	kith_object_write_time(w, c->expires_s);
	kith_object_write_text(w, c->constraint, KITH_CONSTRAINT_MAX);
	kith_write_u8(w, c->flags);
	kith_object_write_ext(w, c->s.ext);
}

void kith_name_cert_write(struct kith_writer *w, const struct kith_name_cert *c)
{
	kith_object_write_header(w, KITH_OBJECT_NAME);
	kith_write_bytes(w, c->issuer_id, KITH_ISSUER_ID_LEN);
	kith_object_write_text(w, c->name, KITH_NAME_MAX);
	kith_write_bytes(w, c->identity.b, KITH_KEY_LEN);
	kith_write_u64(w, c->serial);
	kith_object_write_time(w, c->not_before_s);
	kith_object_write_time(w, c->expires_s);
	kith_write_bytes(w, c->placement, KITH_PLACEMENT_LEN);
	kith_write_u8(w, c->flags);
	kith_object_write_ext(w, c->s.ext);
}

void kith_device_cert_write(struct kith_writer *w, const struct kith_device_cert *c)
{
	kith_object_write_header(w, KITH_OBJECT_DEVICE);
	kith_write_bytes(w, c->dh.b, KITH_KEY_LEN);
	kith_write_bytes(w, c->sign.b, KITH_KEY_LEN);
	kith_object_write_time(w, c->not_before_s);
	kith_object_write_time(w, c->expires_s);
	kith_object_write_ext(w, c->s.ext);
}

/* Signs what was written, if the result is one that parse (given as its verdict) accepts. */
static int made(int len, int parsed)
{
	if (len < 0)
		return KITH_EINVAL;
	if (parsed != 0)
		return parsed == KITH_ENAME ? KITH_ENAME : KITH_EINVAL;
	return len;
}

static struct kith_span first_bytes(const uint8_t *p, int len)
{
	struct kith_span s = { p, len > 0 ? (size_t)len : 0 };
	return s;
}

int kith_issuer_cert_sign(const struct kith_suite *suite, uint8_t out[KITH_CERT_MAX], const struct kith_issuer_cert *c,
			  const uint8_t root_sk[KITH_SIGN_SK_LEN])
{
	struct kith_writer w = kith_writer_of(out, KITH_CERT_MAX);
	struct kith_issuer_cert check;
	kith_issuer_cert_write(&w, c);
	int len = kith_object_sign(suite, &w, KITH_SIGN_ISSUER, root_sk);
	return made(len, kith_issuer_cert_parse(&check, first_bytes(out, len)));
}

int kith_name_cert_sign(const struct kith_suite *suite, uint8_t out[KITH_CERT_MAX], const struct kith_name_cert *c,
			const uint8_t issuer_sk[KITH_SIGN_SK_LEN])
{
	struct kith_writer w = kith_writer_of(out, KITH_CERT_MAX);
	struct kith_name_cert check;
	kith_name_cert_write(&w, c);
	int len = kith_object_sign(suite, &w, KITH_SIGN_NAME, issuer_sk);
	return made(len, kith_name_cert_parse(&check, first_bytes(out, len)));
}

int kith_device_cert_sign(const struct kith_suite *suite, uint8_t out[KITH_CERT_MAX], const struct kith_device_cert *c,
			  const uint8_t identity_sk[KITH_SIGN_SK_LEN])
{
	struct kith_writer w = kith_writer_of(out, KITH_CERT_MAX);
	struct kith_device_cert check;
	kith_device_cert_write(&w, c);
	int len = kith_object_sign(suite, &w, KITH_SIGN_DEVICE, identity_sk);
	return made(len, kith_device_cert_parse(&check, first_bytes(out, len)));
}

/* ---- chains ---- */

static void chain_write_header(struct kith_writer *w, enum kith_chain_kind kind, const uint8_t *network)
{
	kith_object_write_header(w, KITH_OBJECT_CHAIN);
	kith_write_u8(w, (uint8_t)kind);
	kith_write_bytes(w, network, NETWORK_HINT_LEN);
}

static void chain_write_link(struct kith_writer *w, struct kith_span cert)
{
	kith_write_u16(w, (uint16_t)cert.len);
	kith_write_span(w, cert);
}

static int chain_written(const struct kith_writer *w)
{
	return w->bad ? KITH_EMSGSIZE : (int)kith_writer_len(w);
}

int kith_chain_join(const struct kith_suite *suite, uint8_t out[KITH_CHAIN_MAX], const struct kith_id *network,
		    struct kith_span issuer, struct kith_span name, struct kith_span device)
{
	struct kith_issuer_cert issuer_cert;
	struct kith_name_cert name_cert;
	struct kith_device_cert device_cert;
	uint8_t id[KITH_ISSUER_ID_LEN];
	bool full = issuer.len > 0;
	int err = full ? kith_issuer_cert_parse(&issuer_cert, issuer) : 0;
	if (err == 0)
		err = kith_name_cert_parse(&name_cert, name);
	if (err == 0)
		err = kith_device_cert_parse(&device_cert, device);
	if (err != 0)
		return err;
	if (full) {
		kith_ids_issuer(suite, id, &issuer_cert.issuer);
		if (memcmp(id, name_cert.issuer_id, sizeof id) != 0)
			return KITH_ECHAIN;
	}
	struct kith_writer w = kith_writer_of(out, KITH_CHAIN_MAX);
	chain_write_header(&w, full ? KITH_CHAIN_FULL : KITH_CHAIN_BY_ID, network->b);
	if (full)
		chain_write_link(&w, issuer);
	chain_write_link(&w, name);
	chain_write_link(&w, device);
	return chain_written(&w);
}

int kith_chain_make_open(uint8_t out[KITH_CHAIN_MAX], const struct kith_id *network, const struct kith_key *identity,
			 struct kith_span device)
{
	struct kith_device_cert device_cert;
	int err = kith_device_cert_parse(&device_cert, device);
	if (err != 0)
		return err;
	struct kith_writer w = kith_writer_of(out, KITH_CHAIN_MAX);
	chain_write_header(&w, KITH_CHAIN_OPEN, network->b);
	kith_write_bytes(&w, identity->b, KITH_KEY_LEN);
	chain_write_link(&w, device);
	return chain_written(&w);
}

bool kith_chain_is_newer(const struct kith_chain *chain, const struct kith_chain *than)
{
	const bool full = chain->kind == KITH_CHAIN_FULL && than->kind == KITH_CHAIN_FULL;
	const int64_t device_s = chain->device.expires_s - than->device.expires_s;
	const int64_t name_s = chain->name.expires_s - than->name.expires_s;
	const int64_t issuer_s = full ? chain->issuer.expires_s - than->issuer.expires_s : 0;
	return device_s >= 0 && name_s >= 0 && issuer_s >= 0 && (device_s > 0 || name_s > 0 || issuer_s > 0);
}

int kith_chain_shorten(uint8_t out[KITH_CHAIN_MAX], struct kith_span chain)
{
	struct kith_chain c;
	int err = kith_chain_parse(&c, chain);
	if (err != 0)
		return err;
	struct kith_writer w = kith_writer_of(out, KITH_CHAIN_MAX);
	if (c.kind == KITH_CHAIN_FULL) {
		chain_write_header(&w, KITH_CHAIN_BY_ID, c.network);
		chain_write_link(&w, kith_signed_whole(&c.name.s));
		chain_write_link(&w, kith_signed_whole(&c.device.s));
	} else {
		kith_write_span(&w, chain);
	}
	return chain_written(&w);
}

struct kith_span kith_chain_brief(struct kith_span chain, uint8_t buf[KITH_CHAIN_MAX])
{
	const int n = kith_chain_shorten(buf, chain);
	return n < 0 ? chain : (struct kith_span){ buf, (size_t)n };
}

/* The next certificate, which must be of that type: another one there is a chain out of order. */
static int chain_read_link(struct kith_reader *r, enum kith_object_type type, struct kith_span *cert)
{
	size_t len = kith_read_u16(r);
	*cert = kith_read_span(r, len);
	if (r->bad)
		return KITH_EPROTO;
	if (cert->len < KITH_OBJECT_HEADER_LEN || cert->p[1] != (uint8_t)type)
		return KITH_ECHAIN;
	return 0;
}

int kith_chain_parse(struct kith_chain *out, struct kith_span chain)
{
	struct kith_reader r;
	struct kith_span cert;
	memset(out, 0, sizeof *out);
	if (chain.len > KITH_CHAIN_MAX)
		return KITH_EPROTO;
	int err = kith_object_begin(&r, chain, KITH_OBJECT_CHAIN);
	if (err != 0)
		return err;
	out->kind = kith_read_u8(&r);
	kith_read_bytes(&r, out->network, NETWORK_HINT_LEN);
	if (out->kind < KITH_CHAIN_FULL || out->kind > KITH_CHAIN_OPEN)
		return KITH_EPROTO;
	if (out->kind == KITH_CHAIN_OPEN)
		kith_read_bytes(&r, out->identity.b, KITH_KEY_LEN);
	if (out->kind == KITH_CHAIN_FULL) {
		err = chain_read_link(&r, KITH_OBJECT_ISSUER, &cert);
		if (err == 0)
			err = kith_issuer_cert_parse(&out->issuer, cert);
	}
	if (err == 0 && out->kind != KITH_CHAIN_OPEN) {
		err = chain_read_link(&r, KITH_OBJECT_NAME, &cert);
		if (err == 0)
			err = kith_name_cert_parse(&out->name, cert);
	}
	if (err == 0)
		err = chain_read_link(&r, KITH_OBJECT_DEVICE, &cert);
	if (err == 0)
		err = kith_device_cert_parse(&out->device, cert);
	if (err != 0)
		return err;
	return kith_reader_done(&r) ? 0 : KITH_EPROTO;
}
