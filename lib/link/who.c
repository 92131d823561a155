#include "link/who.h"

#include "link/connect_internal.h"
#include "link/refuse.h"
#include "link/ways.h"

void kith_who_on_question(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	struct kith_who who;
	size_t len = KITH_HS_HEADER + c->self.chain.len;
	if (!kith_who_parse(&who, packet)) {
		kith_drop(c, KITH_STAT_DROP_TOO_SHORT, from, "who_header");
		return;
	}
	if (!kith_serves(c) || from->tunnel != 0) {
		kith_drop(c, KITH_STAT_REFUSE_NOT_VIA_HOME, from, "who");
		return;
	}
	if (who.version != KITH_WIRE_VERSION) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_VERSION, from, "version");
		kith_refuse_version(c, who.sender, packet.len, from, KITH_WHY_VERSION);
		return;
	}
	if (packet.len < len) { /* its source may be forged: no more goes back than came */
		kith_drop(c, KITH_STAT_DROP_TOO_SHORT, from, "who");
		return;
	}
	switch (kith_guard_who(&c->guard, c->now.mono_us, &who, from)) {
	case KITH_GUARD_BAD_MAC:
		kith_drop(c, KITH_STAT_DROP_BAD_MAC, from, "who");
		kith_refuse_version(c, who.sender, packet.len, from, KITH_WHY_STRANGE);
		return;
	case KITH_GUARD_LIMITED:
	case KITH_GUARD_COOKIE:
		kith_drop(c, KITH_STAT_DROP_RATE_LIMITED, from, "who");
		return;
	case KITH_GUARD_PASS:
		break;
	}
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, from, len);
	if (out == NULL)
		return;
	kith_hs_write(out, KITH_PKT_IAM, 0, who.sender);
	memcpy(out + KITH_HS_HEADER, c->self.chain.p, c->self.chain.len);
}

/* The home that we have, or greet already, at another address of the same supernode. A second session would replace the
 * first, whatever that is reached by. */
static bool is_home_already(const struct kith_core *c, const struct kith_session *s, const struct kith_key *key)
{
	const struct kith_session *held = kith_sessions_of(&c->sessions, key->b);
	return (s->use & KITH_USE_HOME) != 0 && held != NULL && held != s && held->initiator &&
	       (held->use & KITH_USE_HOME) != 0 && held->state != KITH_SESSION_CLOSED;
}

void kith_who_on_answer(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	uint32_t receiver;
	struct kith_span chain;
	struct kith_person person;
	struct kith_session *s = NULL;
	if (kith_iam_parse(&receiver, &chain, packet))
		s = kith_sessions_get(&c->sessions, receiver);
	if (s == NULL || s->state != KITH_SESSION_INITIATING || !s->hs->who) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, from, "iam_index");
		return;
	}
	if (!kith_connect_may_prove(c, s, from)) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "iam_source");
		return;
	}
	int err = kith_connect_check_chain(c, chain, NULL, from, &person);
	if (err == 0 && memcmp(person.device_dh.b, c->self.dh_pk, sizeof person.device_dh.b) == 0) {
		kith_drop(c, KITH_STAT_REFUSE_LOOP, from, "own_key"); /* a bootstrap address that is our own */
		err = KITH_EINVAL;
	}
	if (err == 0 && !c->trust.open && !(person.flags & KITH_NAME_SUPERNODE)) {
		kith_drop(c, KITH_STAT_REFUSE_NAME, from, "no_supernode");
		err = KITH_ENAME;
	}
	s->hs->why = (int8_t)err;
	if (err == 0 && is_home_already(c, s, &person.device_dh)) {
		memcpy(s->device, person.device_dh.b, sizeof s->device);
		kith_ways_answered(c, s->hs, from);
		s->hs->why = KITH_EEXIST;
		kith_session_end(c, s, KITH_CLOSE_REPLACED, false);
		return;
	}
	if (err != 0)
		kith_session_end(c, s, KITH_CLOSE_CERTIFICATE, false);
	else
		kith_connect_greet(c, s, person.device_dh.b, from);
}
