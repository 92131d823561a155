#include "call/challenge.h"

#include "base/alloc.h"
#include "base/text.h"
#include "call/op.h"
#include "identity/challenge.h"

static const struct kith_span nothing = { NULL, 0 };

int kith_challenge_begin(struct kith_core *c, struct kith_session *s, const char *context, kith_op *op)
{
	struct kith_challenge ch;
	struct kith_person person;
	uint8_t bytes[KITH_CHALLENGE_LEN_MAX];
	memset(&ch, 0, sizeof ch);
	if (strlen(context) > KITH_CONTEXT_MAX)
		return KITH_EINVAL;
	if (s->peer->challenge != NULL)
		return KITH_ESTATE;
	if (!kith_session_person(c, s, &person))
		return KITH_ESTATE;
	ch.network = c->self.network;
	ch.asker = c->me.identity;
	ch.asked = person.identity;
	c->random->fill(c->random->ctx, ch.nonce, sizeof ch.nonce);
	kith_text_copy(ch.context, sizeof ch.context, context);
	int n = kith_challenge_write(bytes, &ch);
	if (n < 0)
		return n;
	s->peer->challenge = kith_blob_intern(&c->shared->blobs, bytes, (size_t)n);
	if (s->peer->challenge == NULL)
		return KITH_ENOMEM;
	int err = kith_op_new(c, KITH_OP_CHALLENGE, s->peer->name, KITH_REQUEST_TIMEOUT_US + KITH_US_PER_S, op);
	if (err == 0) {
		err = kith_session_request(c, s, KITH_REQ_CHALLENGE, (struct kith_span){ bytes, (size_t)n },
					   kith_token(KITH_TOKEN_CHALLENGE, *op));
		if (err != 0)
			kith_op_done(c, *op, err, true);
	}
	if (err != 0) {
		kith_blob_unref(&c->shared->blobs, s->peer->challenge);
		s->peer->challenge = NULL;
	}
	return err;
}

void kith_challenge_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_challenge expected;
	struct kith_person person;
	struct kith_signer device;
	uint8_t proof[KITH_PROOF_LEN_MAX];
	memset(&expected, 0, sizeof expected);
	if (!kith_session_person(c, s, &person)) {
		kith_session_answer(c, s, request->id, KITH_STATUS_NOT_ALLOWED, nothing);
		return;
	}
	expected.network = c->self.network;
	expected.asker = person.identity;
	expected.asked = c->me.identity;
	memcpy(device.sk, c->self.sign_sk, sizeof device.sk);
	memcpy(device.pk.b, c->self.sign_pk, sizeof device.pk.b);
	int n = kith_challenge_answer(c->suite, proof, request->body, &expected, &device, c->self.chain);
	kith_wipe(&device, sizeof device);
	if (n < 0)
		kith_session_answer(c, s, request->id, n == KITH_EPROTO ? KITH_STATUS_MALFORMED : KITH_STATUS_INVALID,
				    nothing);
	else
		kith_session_answer(c, s, request->id, KITH_STATUS_OK, (struct kith_span){ proof, (size_t)n });
}

void kith_challenge_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_person person;
	kith_op op = (kith_op)kith_token_value(answer->token);
	if (s->peer == NULL || s->peer->challenge == NULL) {
		kith_op_done(c, op, KITH_ECLOSED, false);
		return;
	}
	int err = answer->err;
	if (err == 0)
		err = kith_challenge_check(&c->trust, &c->now, kith_blob_span(s->peer->challenge), answer->body,
					   &person);
	kith_blob_unref(&c->shared->blobs, s->peer->challenge);
	s->peer->challenge = NULL;
	kith_op_done(c, op, err, false);
}
