#include "call/ringing.h"

#include "base/alloc.h"
#include "call/admit.h"
#include "call/crossing.h"
#include "call/early.h"
#include "call/op.h"
#include "call/tell.h"
#include "link/respond.h"
#include "link/via.h"

static bool serves(const struct kith_core *c, const char *service)
{
	for (size_t i = 0; i < c->services_n; i++) {
		if (strcmp(c->services[i], service) == 0)
			return true;
	}
	return false;
}

void kith_ringing_stop(struct kith_core *c, struct kith_session *s)
{
	for (struct kith_session **p = &c->ringing; *p != NULL; p = &(*p)->peer->ring_next) {
		if (*p == s) {
			*p = s->peer->ring_next;
			return;
		}
	}
}

/* How many calls of an identity wait for the application. */
static unsigned ringing_of(const struct kith_core *c, const struct kith_key *identity)
{
	unsigned n = 0;
	for (const struct kith_session *s = c->ringing; s != NULL; s = s->peer->ring_next)
		n += s->state == KITH_SESSION_DECIDING && kith_key_equal(&s->peer->identity, identity);
	return n;
}

void kith_ringing_decide(struct kith_core *c, struct kith_session *s, uint16_t verdict)
{
	struct kith_crossed crossed;
	KITH_ASSERT(s->state == KITH_SESSION_DECIDING);
	if (s->peer == NULL) { /* there was no memory for it */
		kith_respond_reply(c, s, verdict, 0, NULL);
		return;
	}
	/* Both called at once, and this answer also stands for the answer to our own call. It names our call, so that
	 * the other side knows late copies of that. */
	const struct kith_session *ours = kith_peer_get(c, s->peer->rival);
	bool both = ours != NULL && ours->hs != NULL;
	if (both) {
		crossed.timestamp_ms = ours->hs->timestamp_ms;
		memcpy(crossed.call_id, ours->hs->call_id, sizeof crossed.call_id);
	}
	kith_ringing_stop(c, s);
	if (verdict == 0) /* before the caller can say anything */
		kith_admit_all(c, s, kith_session_hop(s));
	kith_respond_reply(c, s, verdict, 0, both ? &crossed : NULL);
}

bool kith_ringing_answer(struct kith_core *c, struct kith_operation *op)
{
	struct kith_session *s = c->ringing;
	while (s != NULL && (s->state != KITH_SESSION_DECIDING || strcmp(s->peer->name, op->name) != 0 ||
			     strcmp(s->peer->service, op->service) != 0))
		s = s->peer->ring_next;
	if (s == NULL)
		return false;
	kith_tell_closed(c, s, KITH_CLOSE_REPLACED, false); /* this session goes on as the application's own call */
	kith_crossing_take(c, op->id, s);
	kith_ringing_decide(c, s, 0);
	return true;
}

/* True: the application was told, and decides. False: *verdict answers at once. s->peer is set either way, unless there
 * is no memory. op: our own call of that person, which this one answers; 0: none. */
static bool incoming(struct kith_core *c, struct kith_session *s, const struct kith_first *first, kith_op op,
		     unsigned *verdict)
{
	const struct kith_person *person = &first->person;
	const struct kith_span service = first->hello.service;
	*verdict = KITH_CLOSE_LIMIT;
	s->peer = KITH_NEW(c->alloc, struct kith_peer);
	if (s->peer == NULL) {
		s->use &= (uint8_t)~KITH_USE_PEER;
		return false;
	}
	memcpy(s->peer->name, person->name, sizeof s->peer->name);
	memcpy(s->peer->service, service.p, service.len);
	s->peer->identity = person->identity;
	int pinned = kith_contacts_check(&c->contacts, person->name, &person->identity);
	const struct kith_contact *contact = kith_contacts_get(&c->contacts, person->name);
	*verdict = KITH_CLOSE_NOT_CONTACT;
	if (pinned == KITH_EPINNED) {
		kith_tell_identity_changed(c, person);
		return false;
	}
	if (contact == NULL && !c->answer_strangers && op == 0) {
		kith_stats_add(c->stats, KITH_STAT_REFUSE_BLOCKED, 1);
		return false;
	}
	*verdict = KITH_CLOSE_CERTIFICATE; /* whether it is good is not known */
	if (kith_trust_lists_age(&c->trust, &c->now, person->issuer_id, NULL) == KITH_LISTS_TOO_OLD)
		return false;
	*verdict = KITH_CLOSE_NO_SERVICE;
	if (op == 0 && !serves(c, s->peer->service))
		return false;
	*verdict = KITH_CLOSE_LEAVING;
	if (c->leaving)
		return false;
	s->peer->relay_only = contact != NULL && (contact->flags & KITH_CONTACT_RELAY_ONLY);
	*verdict = KITH_CLOSE_REJECTED;
	if (s->peer->relay_only && !kith_via_relay(c, s, kith_session_hop(s))) { /* straight, to a supernode */
		kith_stats_add(c->stats, KITH_STAT_REFUSE_BLOCKED, 1);
		return false;
	}
	kith_early_keep(c, s, first->hello.early);
	if (op != 0) { /* whoever calls has consented */
		*verdict = 0;
		kith_crossing_take(c, op, s);
		return false;
	}
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_INCOMING);
	*verdict = KITH_CLOSE_BUSY;
	if (ev == NULL)
		return false;
	kith_tell_person(ev, s, person);
	ev->remote = true;
	s->peer->told = true;
	s->peer->ring_next = c->ringing;
	c->ringing = s;
	if (first->proven)
		kith_early_tell(c, s);
	return true;
}

/* Whether the owner lets contacts only find this device. Who is none may know it from before. */
static bool is_hidden_from(const struct kith_core *c, const struct kith_person *person)
{
	return c->presence == KITH_PRESENCE_CONTACTS &&
	       kith_contacts_check(&c->contacts, person->name, &person->identity) != 0;
}

/* Whether its calls that were accepted are as many as may be. */
static bool talks_enough(const struct kith_core *c, const struct kith_person *person)
{
	return kith_allowance_held(&c->allowance, kith_identity_key(&person->identity), KITH_HOLDING_PEER) >=
	       KITH_PEERS_PER_IDENTITY;
}

/* Whether a new call may ring here. *op: our own call that the new one answers, or 0. */
static bool may_ring(struct kith_core *c, const struct kith_first *first, kith_op *op)
{
	const struct kith_hello *hello = &first->hello;
	const struct kith_person *person = &first->person;
	enum kith_stat refusal = KITH_STAT_DROP_RATE_LIMITED;
	if (kith_contacts_blocked(&c->contacts, person->name)) /* a refusal would tell that somebody is there */
		refusal = KITH_STAT_REFUSE_BLOCKED;
	else if (kith_crossing_judge(c, hello, person, op) == KITH_CROSSING_OURS)
		refusal = KITH_STAT_REFUSE_CROSSED;
	else if (*op == 0 && is_hidden_from(c, person))
		refusal = KITH_STAT_REFUSE_BLOCKED;
	else if (!kith_allowance_spend(&c->allowance, c->now.mono_us, kith_identity_key(&person->identity),
				       KITH_CHARGE_CALL))
		refusal = KITH_STAT_DROP_RATE_LIMITED;
	else if (c->deciding >= KITH_INCOMING_MAX)
		refusal = KITH_STAT_REFUSE_TABLE_FULL;
	else if (*op == 0 && (ringing_of(c, &person->identity) >= KITH_INCOMING_PER_CALLER || talks_enough(c, person)))
		refusal = KITH_STAT_REFUSE_CALLER;
	else
		return true;
	kith_drop(c, refusal, NULL, "call");
	if (refusal == KITH_STAT_REFUSE_BLOCKED)
		kith_admit_end(c, &first->from);
	return false;
}

void kith_ringing_on_call(struct kith_core *c, const struct kith_first *first)
{
	kith_op op = 0;
	unsigned verdict;
	if (!may_ring(c, first, &op))
		return;
	struct kith_session *s = kith_respond_begin(c, first, true);
	if (s == NULL)
		return;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "called session=%08x", s->index);
	if (!incoming(c, s, first, op, &verdict))
		kith_ringing_decide(c, s, (uint16_t)verdict);
}
