/* Challenge and answer, and enrolment; see challenge.h. */
#include "identity/challenge.h"

#include "base/assert.h"

KITH_STATIC_ASSERT(2 + KITH_ID_LEN + KITH_ISSUER_ID_LEN + KITH_NONCE_LEN + KITH_KEY_LEN + 1 + KITH_NAME_MAX + 1 + 1 +
				   KITH_EXT_MAX + KITH_SIG_LEN <=
			   KITH_ENROL_LEN_MAX,
		   "a request fits");

int kith_challenge_write(uint8_t out[KITH_CHALLENGE_LEN_MAX], const struct kith_challenge *c)
{
	struct kith_writer w = kith_writer_of(out, KITH_CHALLENGE_LEN_MAX);
	struct kith_challenge check;
	kith_object_write_header(&w, KITH_OBJECT_CHALLENGE);
	kith_write_bytes(&w, c->network.b, KITH_ID_LEN);
	kith_write_bytes(&w, c->asker.b, KITH_KEY_LEN);
	kith_write_bytes(&w, c->asked.b, KITH_KEY_LEN);
	kith_write_bytes(&w, c->nonce, KITH_NONCE_LEN);
	kith_object_write_text(&w, c->context, KITH_CONTEXT_MAX);
	kith_object_write_ext(&w, c->ext);
	struct kith_span whole = { out, kith_writer_len(&w) };
	return w.bad || kith_challenge_parse(&check, whole) != 0 ? KITH_EINVAL : (int)whole.len;
}

int kith_challenge_parse(struct kith_challenge *out, struct kith_span challenge)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = kith_object_begin(&r, challenge, KITH_OBJECT_CHALLENGE);
	if (err != 0)
		return err;
	kith_read_bytes(&r, out->network.b, KITH_ID_LEN);
	kith_read_bytes(&r, out->asker.b, KITH_KEY_LEN);
	kith_read_bytes(&r, out->asked.b, KITH_KEY_LEN);
	kith_read_bytes(&r, out->nonce, KITH_NONCE_LEN);
	kith_object_read_text(&r, out->context, sizeof out->context);
	err = kith_object_ext(&r, &out->ext);
	return kith_reader_done(&r) ? err : KITH_EPROTO;
}

/* What the device signs: the challenge as it came, then the answer up to its signature. */
static struct kith_span proof_message(uint8_t *buf, size_t cap, struct kith_span challenge,
				      struct kith_span answer_body)
{
	struct kith_writer w = kith_writer_of(buf, cap);
	kith_write_span(&w, challenge);
	kith_write_span(&w, answer_body);
	KITH_ASSERT(!w.bad); /* both parsed, so both are within their bounds */
	struct kith_span message = { buf, kith_writer_len(&w) };
	return message;
}

int kith_challenge_answer(const struct kith_suite *suite, uint8_t out[KITH_PROOF_LEN_MAX], struct kith_span challenge,
			  const struct kith_challenge *expected, const struct kith_signer *device,
			  struct kith_span chain)
{
	struct kith_challenge c;
	struct kith_chain parsed;
	uint8_t buf[KITH_CHALLENGE_LEN_MAX + KITH_PROOF_LEN_MAX];
	int err = kith_challenge_parse(&c, challenge);
	if (err == 0)
		err = kith_chain_parse(&parsed, chain);
	if (err != 0)
		return err;
	if (memcmp(c.network.b, expected->network.b, KITH_ID_LEN) != 0)
		return KITH_ENETWORK;
	if (!kith_key_equal(&c.asked, &expected->asked) || !kith_key_equal(&c.asker, &expected->asker))
		return KITH_EAUTH;
	const struct kith_key *own = parsed.kind == KITH_CHAIN_OPEN ? &parsed.identity : &parsed.name.identity;
	if (!kith_key_equal(own, &expected->asked) || !kith_key_equal(&parsed.device.sign, &device->pk))
		return KITH_EINVAL; /* our own chain does not fit our own keys */
	struct kith_writer w = kith_writer_of(out, KITH_PROOF_LEN_MAX);
	const struct kith_span no_ext = { NULL, 0 };
	kith_object_write_header(&w, KITH_OBJECT_ANSWER);
	kith_write_u16(&w, (uint16_t)chain.len);
	kith_write_span(&w, chain);
	kith_object_write_ext(&w, no_ext);
	struct kith_span body = { out, kith_writer_len(&w) };
	uint8_t *sig = kith_write(&w, KITH_SIG_LEN);
	KITH_ASSERT(sig != NULL);
	kith_sign(suite, sig, KITH_SIGN_CHALLENGE, proof_message(buf, sizeof buf, challenge, body), device->sk);
	return (int)kith_writer_len(&w);
}

int kith_challenge_check(struct kith_trust *t, const struct kith_now *now, struct kith_span challenge,
			 struct kith_span answer, struct kith_person *out)
{
	struct kith_reader r;
	struct kith_challenge c;
	struct kith_signed s;
	uint8_t buf[KITH_CHALLENGE_LEN_MAX + KITH_PROOF_LEN_MAX];
	memset(out, 0, sizeof *out);
	int err = kith_challenge_parse(&c, challenge);
	if (err == 0)
		err = kith_object_begin(&r, answer, KITH_OBJECT_ANSWER);
	if (err != 0)
		return err;
	if (memcmp(c.network.b, t->network.b, KITH_ID_LEN) != 0)
		return KITH_ENETWORK;
	size_t chain_len = kith_read_u16(&r);
	struct kith_span chain = kith_read_span(&r, chain_len);
	if (chain.len > KITH_CHAIN_MAX)
		return KITH_EPROTO;
	err = kith_object_end(&r, answer, &s);
	if (err == 0)
		err = kith_trust_check(t, now, chain, out);
	if (err != 0)
		return err;
	struct kith_span message = proof_message(buf, sizeof buf, challenge, s.body);
	if (!kith_key_equal(&out->identity, &c.asked))
		err = KITH_EAUTH;
	else if (kith_verify(t->suite, s.sig, KITH_SIGN_CHALLENGE, message, out->device_sign.b) != 0)
		err = KITH_ESIGNATURE;
	if (err != 0)
		memset(out, 0, sizeof *out);
	return err;
}

/* ---- enrolment ---- */

int kith_enrol_sign(const struct kith_suite *suite, uint8_t out[KITH_ENROL_LEN_MAX], const struct kith_enrol *request,
		    const struct kith_signer *identity)
{
	struct kith_writer w = kith_writer_of(out, KITH_ENROL_LEN_MAX);
	struct kith_enrol check;
	kith_object_write_header(&w, KITH_OBJECT_ENROL);
	kith_write_bytes(&w, request->network.b, KITH_ID_LEN);
	kith_write_bytes(&w, request->issuer_id, KITH_ISSUER_ID_LEN);
	kith_write_bytes(&w, request->nonce, KITH_NONCE_LEN);
	kith_write_bytes(&w, identity->pk.b, KITH_KEY_LEN);
	kith_object_write_text(&w, request->name, KITH_NAME_MAX);
	kith_write_u8(&w, request->flags);
	kith_object_write_ext(&w, request->s.ext);
	int len = kith_object_sign(suite, &w, KITH_SIGN_ENROL, identity->sk);
	if (len < 0)
		return KITH_EINVAL;
	struct kith_span whole = { out, (size_t)len };
	int err = kith_enrol_parse(&check, whole);
	return err == 0 ? len : err == KITH_ENAME ? KITH_ENAME : KITH_EINVAL;
}

int kith_enrol_parse(struct kith_enrol *out, struct kith_span request)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = kith_object_begin(&r, request, KITH_OBJECT_ENROL);
	if (err != 0)
		return err;
	kith_read_bytes(&r, out->network.b, KITH_ID_LEN);
	kith_read_bytes(&r, out->issuer_id, KITH_ISSUER_ID_LEN);
	kith_read_bytes(&r, out->nonce, KITH_NONCE_LEN);
	kith_read_bytes(&r, out->identity.b, KITH_KEY_LEN);
	kith_object_read_text(&r, out->name, sizeof out->name);
	out->flags = kith_read_u8(&r);
	err = kith_object_end(&r, request, &out->s);
	if (err != KITH_EPROTO && !kith_name_valid(out->name))
		return KITH_ENAME;
	return err;
}

int kith_enrol_verify(const struct kith_suite *suite, struct kith_enrol *out, struct kith_span request,
		      const struct kith_id *network, const struct kith_key *issuer, const uint8_t nonce[KITH_NONCE_LEN])
{
	uint8_t id[KITH_ISSUER_ID_LEN];
	int err = kith_enrol_parse(out, request);
	if (err != 0)
		return err;
	kith_ids_issuer(suite, id, issuer);
	if (memcmp(out->network.b, network->b, KITH_ID_LEN) != 0)
		return KITH_ENETWORK;
	if (memcmp(out->issuer_id, id, sizeof id) != 0)
		return KITH_ECHAIN;
	if (!kith_equal_secret(out->nonce, nonce, KITH_NONCE_LEN))
		return KITH_EAUTH;
	return kith_object_verify(suite, &out->s, KITH_SIGN_ENROL, &out->identity);
}

int kith_enrol_issue(const struct kith_suite *suite, uint8_t out[KITH_CERT_MAX], const struct kith_enrol *request,
		     const struct kith_name_cert *terms, const struct kith_signer *issuer)
{
	struct kith_name_cert cert = *terms;
	kith_ids_issuer(suite, cert.issuer_id, &issuer->pk);
	memcpy(cert.name, request->name, sizeof cert.name);
	cert.identity = request->identity;
	return kith_name_cert_sign(suite, out, &cert, issuer->sk);
}

int kith_enrol_receive(const struct kith_suite *suite, struct kith_name_cert *out, struct kith_span answer,
		       const struct kith_enrol *request, const struct kith_key *issuer)
{
	uint8_t id[KITH_ISSUER_ID_LEN];
	int err = kith_name_cert_parse(out, answer);
	if (err != 0)
		return err;
	kith_ids_issuer(suite, id, issuer);
	if (memcmp(out->issuer_id, id, sizeof id) != 0)
		return KITH_ECHAIN;
	if (strcmp(out->name, request->name) != 0)
		return KITH_ENAME;
	if (!kith_key_equal(&out->identity, &request->identity))
		return KITH_EAUTH;
	return kith_object_verify(suite, &out->s, KITH_SIGN_NAME, issuer);
}
