#include "link/rekey.h"

void kith_rekey_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_rekey asked;
	struct kith_msg_rekeyed answer;
	uint8_t body[64], status = KITH_STATUS_MALFORMED;
	size_t len = 0;
	if (kith_msg_rekey_read(&asked, request->body) == 0) {
		int err = kith_rekey_answer(s, &c->self, c->alloc, c->now.mono_us, asked.epoch, asked.ephemeral.b,
					    answer.ephemeral.b);
		status = err == 0 ? KITH_STATUS_OK : err == KITH_EEXIST ? KITH_STATUS_STALE : KITH_STATUS_FAILED;
		if (err == 0)
			len = kith_msg_rekeyed_write(body, sizeof body, &answer);
	}
	kith_session_answer(c, s, request->id, status, (struct kith_span){ body, len });
}

void kith_rekey_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_msg_rekeyed theirs;
	if (answer->err == 0 && kith_msg_rekeyed_read(&theirs, answer->body) == 0 &&
	    kith_rekey_finish(s, &c->self, c->now.mono_us, theirs.ephemeral.b) == 0)
		kith_stats_add(c->stats, KITH_STAT_REKEYS, 1);
	else
		kith_rekey_abandon(s, c->now.mono_us);
}

void kith_rekey_begin(struct kith_core *c, struct kith_session *s)
{
	struct kith_msg_rekey m;
	uint8_t body[64];
	if (kith_rekey_ask(s, &c->self, c->alloc, m.ephemeral.b) != 0)
		return;
	m.epoch = (uint8_t)(s->epoch + 1);
	size_t len = kith_msg_rekey_write(body, sizeof body, &m);
	if (kith_session_request(c, s, KITH_REQ_REKEY, (struct kith_span){ body, len },
				 kith_token(KITH_TOKEN_REKEY, 0)) != 0)
		kith_rekey_abandon(s, c->now.mono_us);
}
