#include "role/ring.h"

#include "base/alloc.h"
#include "role/connect.h"
#include "role/crossing.h"
#include "role/tell.h"

static bool serves(const struct kith_core *c, const char *service)
{
	for (size_t i = 0; i < c->services_n; i++) {
		if (strcmp(c->services[i], service) == 0)
			return true;
	}
	return false;
}

void kith_ring_stop(struct kith_core *c, struct kith_session *s)
{
	for (struct kith_session **p = &c->ringing; *p != NULL; p = &(*p)->peer->ring_next) {
		if (*p == s) {
			*p = s->peer->ring_next;
			return;
		}
	}
}

unsigned kith_ring_count(const struct kith_core *c, const struct kith_key *identity)
{
	unsigned n = 0;
	for (const struct kith_session *s = c->ringing; s != NULL; s = s->peer->ring_next)
		n += kith_key_equal(&s->peer->identity, identity);
	return n;
}

bool kith_ring_answer(struct kith_core *c, struct kith_operation *op)
{
	struct kith_session *s = c->ringing;
	while (s != NULL && (strcmp(s->peer->name, op->name) != 0 || strcmp(s->peer->service, op->service) != 0))
		s = s->peer->ring_next;
	if (s == NULL)
		return false;
	kith_tell_closed(c, s, KITH_CLOSE_REPLACED, false); /* it goes on as the application's own call */
	kith_crossing_take(c, op->id, s);
	kith_connect_decide(c, s, 0);
	return true;
}

bool kith_ring_incoming(struct kith_core *c, struct kith_session *s, const struct kith_person *person,
			struct kith_span service, kith_op op, unsigned *verdict)
{
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
	bool stranger = contact == NULL && !c->answer_strangers && op == 0;
	if (stranger || (contact != NULL && (contact->flags & KITH_CONTACT_BLOCKED))) {
		kith_stats_add(c->stats, KITH_STAT_REFUSE_BLOCKED, 1);
		return false;
	}
	*verdict = KITH_CLOSE_NO_SERVICE;
	if (op == 0 && !serves(c, s->peer->service))
		return false;
	*verdict = KITH_CLOSE_LEAVING;
	if (c->leaving)
		return false;
	s->peer->relay_only = contact != NULL && (contact->flags & KITH_CONTACT_RELAY_ONLY);
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
	return true;
}
