#include "call/dial.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "base/text.h"
#include "call/crossing.h"
#include "call/early.h"
#include "call/find.h"
#include "call/near.h"
#include "call/op.h"
#include "call/relays.h"
#include "call/ringing.h"
#include "leaf/beyond.h"
#include "leaf/caught.h"
#include "leaf/homes.h"
#include "link/connect.h"
#include "super/query.h"

#define CUT_OFF_RETRY_US (KITH_US_PER_S / 4)
#define LOOKUP_HEDGE_US (KITH_US_PER_S + KITH_US_PER_S / 2) /* no answer: another home is asked too */
/* All that should know a record know one so old: a minute, and what its sequence may be too early by. Of a guarded one
 * both are a step more. */
#define KNOWN_MS (60 * 1000 + KITH_RECORD_GRAIN_MS)
enum {
	REFRESH_EVERY = 4, /* handshake repetitions between two look-ups of newer homes */
	STRANGERS = 2 /* supernodes that are no homes, and are asked as well when homes know of nobody */
};

/* Looks the operation's name up, through another home at each try. */
static void look_up(struct kith_core *c, struct kith_operation *op)
{
	unsigned used;
	op->asked = 0;
	if (kith_serves(c)) {
		op->tries++;
		kith_op_arm(c, op, op->give_up_at);
		if (kith_query_for_op(c, &op->key, op->id) != 0)
			kith_op_done(c, op->id, KITH_EFULL, false);
		return;
	}
	struct kith_session *s = kith_find_ask(c, &op->key, kith_token(KITH_TOKEN_LOOKUP, op->id),
					       op->first + op->tries, op->denied, &used);
	if (s != NULL) {
		op->tries = (uint8_t)(op->tries + used);
		op->asked = s->index;
		op->alone_at = 0;
		kith_op_arm(c, op, op->tries < kith_find_tries(c) ? c->now.mono_us + LOOKUP_HEDGE_US : op->give_up_at);
		return;
	}
	op->last_err = KITH_EDETACHED;
	if (op->alone_at == 0 || kith_homes_count(c) > 0) /* there are homes, and they have too much to do now */
		op->alone_at = c->now.mono_us;
	if (c->now.mono_us - op->alone_at >= KITH_DIAL_ALONE_US)
		kith_op_done(c, op->id, KITH_EDETACHED, false);
	else
		kith_op_arm(c, op, c->now.mono_us + CUT_OFF_RETRY_US);
}

int kith_dial_begin(struct kith_core *c, enum kith_op_kind kind, const char *name, const char *service,
		    kith_time_us timeout_us, struct kith_span early, kith_op *out)
{
	if (!kith_name_valid(name))
		return KITH_ENAME;
	if (kind == KITH_OP_CALL && (service == NULL || service[0] == '\0' || strlen(service) > KITH_SERVICE_MAX))
		return KITH_EINVAL;
	if (c->leaving)
		return KITH_ESTATE;
	int err = kith_op_new(c, kind, name, timeout_us > 0 ? timeout_us : KITH_DIAL_TIMEOUT_US, out);
	if (err != 0)
		return err;
	struct kith_operation *op = kith_op_get(c, *out);
	if (early.len > 0)
		op->early = kith_blob_intern(&c->shared->blobs, early.p, early.len);
	if (early.len > 0 && op->early == NULL) {
		kith_op_done(c, op->id, 0, true);
		return KITH_ENOMEM;
	}
	if (service != NULL)
		kith_text_copy(op->service, sizeof op->service, service);
	kith_ids_directory(c->suite, &op->key, &c->self.network, name);
	op->first = (uint8_t)kith_rng_below(c->random, KITH_HOMES);
	if (kind == KITH_OP_CALL && kith_ringing_answer(c, op))
		return 0;
	kith_near_begin(c, op);
	look_up(c, op);
	return 0;
}

void kith_dial_fell_through(struct kith_core *c, kith_op id, struct kith_session *other)
{
	struct kith_operation *op = kith_op_get(c, id);
	if (op == NULL)
		return;
	op->session = other != NULL ? other->index : 0;
	if (other != NULL)
		return;
	if (op->early_went) { /* it may have arrived, and comes once at most */
		kith_op_done(c, op->id, KITH_EUNREACHABLE, false);
		return;
	}
	op->tries = 0; /* we had not called yet: now we do */
	kith_op_arm(c, op, c->now.mono_us);
}

void kith_dial_give_up(struct kith_core *c, struct kith_operation *op, int err)
{
	struct kith_session *s = kith_peer_get(c, op->session), *other = kith_crossing_taken(c, op);
	kith_op_done(c, op->id, err, false);
	if (s != NULL)
		kith_crossing_give_way(c, s);
	if (other != NULL && other != s)
		kith_crossing_give_way(c, other);
}

void kith_dial_leave(struct kith_core *c)
{
	for (struct kith_operation *op = c->ops; op != NULL; op = op->next) {
		if (op->kind == KITH_OP_CALL && kith_has_room(c))
			kith_dial_give_up(c, op, KITH_ECANCELED);
	}
}

/* Whether the contact list lets us call this key under this name. */
static int check_contact(struct kith_core *c, const struct kith_person *person)
{
	int err = kith_contacts_check(&c->contacts, person->name, &person->identity);
	if (err == KITH_EPINNED) {
		struct kith_event *ev = kith_event_push(c, KITH_EVENT_IDENTITY_CHANGED);
		if (ev != NULL) {
			memcpy(ev->name, person->name, sizeof ev->name);
			ev->identity = person->identity;
		}
		return err;
	}
	return kith_contacts_blocked(&c->contacts, person->name) ? KITH_EACCES : 0;
}

/* Why no supernode may be asked for a tunnel to that peer. */
static int unreached(const struct kith_peer *peer)
{
	return peer->relay_only ? KITH_ERELAYONLY : KITH_EUNREACHABLE;
}

/* Calls a device that was found: through the homes in its record; or, without one, where it answered on the local
 * network. */
static int call(struct kith_core *c, struct kith_operation *op, const struct kith_person *person,
		const struct kith_found *found, const struct kith_hop *near)
{
	int err = check_contact(c, person);
	if (err != 0)
		return err;
	if (kith_trust_lists_age(&c->trust, &c->now, person->issuer_id, NULL) == KITH_LISTS_TOO_OLD)
		return KITH_ESTALE;
	struct kith_peer *peer = KITH_NEW(c->alloc, struct kith_peer);
	if (peer == NULL)
		return KITH_ENOMEM;
	memcpy(peer->name, op->name, sizeof peer->name);
	memcpy(peer->service, op->service, sizeof peer->service);
	peer->op = op->id;
	peer->identity = person->identity;
	const struct kith_contact *contact = kith_contacts_get(&c->contacts, op->name);
	peer->relay_only = contact != NULL && (contact->flags & KITH_CONTACT_RELAY_ONLY);
	if (found != NULL)
		kith_relays_homes(peer, &found->record, found->doubted);
	else
		peer->near = *near;
	bool reached = found == NULL || kith_relays_reach(c, peer);
	const struct kith_early early = kith_early_along(c, op, peer, person);
	struct kith_session *s = reached ? kith_connect_peer(c, &person->device_dh, op->service, &early) : NULL;
	if (s == NULL) {
		err = reached ? KITH_EFULL : unreached(peer);
		KITH_FREE(c->alloc, peer);
		return err;
	}
	s->use = KITH_USE_PEER;
	s->peer = peer;
	kith_early_take(op, s);
	char shown[KITH_NAME_MAX + 1];
	KITH_LOG(c->log, KITH_LOG_DEBUG, "calling name=%s op=%u session=%08x homes=%u",
		 kith_log_name(c->log, op->name, shown), op->id, s->index, peer->homes_n);
	op->session = s->index;
	kith_op_arm(c, op, op->give_up_at);
	kith_relays_carry(c, s);
	return 0;
}

/* The best device to call: online, and the newest record among those. */
static const struct kith_found *best(const struct kith_found found[], size_t n)
{
	const struct kith_found *b = NULL;
	for (size_t i = 0; i < n; i++) {
		if (found[i].online && (b == NULL || found[i].record.seq > b->record.seq))
			b = &found[i];
	}
	return b;
}

static void try_again(struct kith_core *c, struct kith_operation *op, int err)
{
	op->last_err = err;
	if (kith_find_tries(c) == 1 || c->now.mono_us + CUT_OFF_RETRY_US >= op->give_up_at) {
		kith_op_done(c, op->id, err, false);
		return;
	}
	op->tries = (uint8_t)(op->tries % kith_find_tries(c));
	kith_op_arm(c, op, c->now.mono_us + CUT_OFF_RETRY_US);
}

/* Whether a home that both have may still come about: one of them has not found all of its homes yet. A supernode has
 * no home but itself. */
static bool may_meet(const struct kith_core *c, const struct kith_record *record)
{
	for (size_t i = 0; i < record->homes_n; i++) {
		if (kith_key_equal(&record->homes[i].host.dh, &record->device))
			return false;
	}
	return record->homes_n < KITH_HOMES || kith_homes_count(c) < KITH_HOMES;
}

static void reach(struct kith_core *c, struct kith_operation *op, const struct kith_found *f)
{
	op->asked = 0;
	int err = call(c, op, &f->person, f, NULL);
	/* A home of whom ours do not know yet may be one that they know in a moment. */
	if ((err == KITH_ERELAYONLY && may_meet(c, &f->record)) || err == KITH_EUNREACHABLE)
		try_again(c, op, err);
	else if (err != 0)
		kith_op_done(c, op->id, err, false);
}

/* What an operation comes to when nobody of that name is online. */
static int nobody(const struct kith_operation *op)
{
	if (!op->known)
		return KITH_ENOENT;
	return op->kind == KITH_OP_LOOKUP ? 0 : KITH_EOFFLINE;
}

static void go_beyond(struct kith_core *c, struct kith_operation *op, struct kith_spans named)
{
	if (op->went)
		return;
	op->went = true;
	op->beyond = (uint8_t)kith_beyond_ask(c, &op->key, kith_token(KITH_TOKEN_BEYOND, op->id), named, STRANGERS);
}

/* A home says that there is nobody of that name, or that nobody is online. Homes may lie, or not know yet: that
 * counts when none is left that has not said so, and others say so too. */
static void denied(struct kith_core *c, struct kith_operation *op, unsigned home, struct kith_spans named)
{
	op->denied |= (uint8_t)home;
	if (!kith_serves(c)) {
		if (op->asked != 0)
			return; /* another one is asked already */
		look_up(c, op);
		if (op->asked != 0)
			return;
		go_beyond(c, op, named);
		if (op->beyond > 0)
			return;
	}
	kith_op_done(c, op->id, nobody(op), false);
}

/* What a look-up found is told as soon as it is known, and again only if it changed for the better. */
static void tell_found(struct kith_core *c, struct kith_operation *op, const struct kith_found found[], size_t n)
{
	bool online = best(found, n) != NULL;
	for (size_t i = 0; i < n && (online || !op->known); i++)
		kith_find_tell(c, op->id, &found[i]);
}

/* Whether the name was found under several identities, in this answer or in those before; the application is told. */
static bool is_twice(struct kith_core *c, struct kith_operation *op, const struct kith_found found[], size_t n)
{
	if (!op->known && n > 0)
		op->identity = found[0].person.identity;
	for (size_t i = 0; i < n && !op->twice; i++) {
		if (kith_key_equal(&found[i].person.identity, &op->identity))
			continue;
		op->twice = true;
		struct kith_event *ev = kith_event_push(c, KITH_EVENT_NAME_TWICE);
		if (ev == NULL)
			break;
		ev->op = op->id;
		memcpy(ev->name, op->name, sizeof ev->name);
		ev->identity = op->identity;
		ev->found.identity = found[i].person.identity;
	}
	return op->twice;
}

/* Of the records of a name that has several identities those of the pinned one, if there are any. How many. */
static size_t keep_pinned(const struct kith_core *c, const char *name, struct kith_found found[], size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (kith_contacts_check(&c->contacts, name, &found[i].person.identity) == 0)
			found[kept++] = found[i];
	}
	return kept > 0 ? kept : n;
}

/* Homes said that there is no such name, and there is one, since longer than news take. Or its own homes lie, and it
 * was found at one of them alone. */
static void blame(struct kith_core *c, const struct kith_operation *op, const struct kith_found *f)
{
	int64_t age_ms = c->now.unix_ms - (int64_t)f->record.seq;
	if (age_ms > KNOWN_MS + (f->record.guarded ? 2 * KITH_PRESENCE_STEP_MS : 0))
		kith_caught_unsure_all(c, op->absent, KITH_LIE_DENIES);
}

/* The callee was found on the local network before the look-up was answered: the call goes through its homes as well,
 * as that is what works if the two do not hear each other. */
static void join(struct kith_core *c, struct kith_operation *op, const struct kith_msg_found *m)
{
	struct kith_session *s = kith_peer_get(c, op->session);
	struct kith_found found[KITH_DIAL_DEVICES_MAX];
	if (s == NULL || !s->initiator || s->state != KITH_SESSION_INITIATING || s->peer->homes_n > 0)
		return;
	size_t n = kith_find_read(c, &op->key, op->name, m, found);
	for (size_t i = 0; i < n; i++) {
		if (!found[i].online || memcmp(found[i].record.device.b, s->device, KITH_DEVICE_ID_LEN) != 0)
			continue;
		kith_relays_homes(s->peer, &found[i].record, found[i].doubted);
		kith_relays_carry(c, s);
		return;
	}
}

void kith_dial_found(struct kith_core *c, kith_op id, int err, const struct kith_msg_found *m, unsigned home)
{
	struct kith_operation *op = kith_op_get(c, id);
	struct kith_found found[KITH_DIAL_DEVICES_MAX];
	if (op == NULL)
		return;
	if (op->session != 0) {
		if (err == 0)
			join(c, op, m);
		return;
	}
	if (err != 0 && err != KITH_ENOENT) {
		op->asked = 0;
		try_again(c, op, err);
		return;
	}
	size_t n = err == 0 ? kith_find_read(c, &op->key, op->name, m, found) : 0;
	if (is_twice(c, op, found, n) && op->kind == KITH_OP_CALL) {
		if (kith_contacts_get(&c->contacts, op->name) == NULL) {
			kith_op_done(c, op->id, KITH_ETWICE, false);
			return;
		}
		n = keep_pinned(c, op->name, found, n);
	}
	const struct kith_found *f = best(found, n);
	if (op->kind == KITH_OP_LOOKUP)
		tell_found(c, op, found, n);
	op->known |= n > 0;
	op->absent |= (uint8_t)(n == 0 ? home : 0);
	if (n > 0)
		blame(c, op, &found[0]);
	if (f == NULL)
		denied(c, op, home, m->members);
	else if (op->kind == KITH_OP_LOOKUP)
		kith_op_done(c, op->id, 0, false);
	else
		reach(c, op, f);
}

/* That there is nobody may come without a body. */
static void read_found(struct kith_msg_found *m, struct kith_msg_room *room, const struct kith_answer *answer, int *err)
{
	int read = *err == 0 || *err == KITH_ENOENT ? kith_msg_found_read(m, room, answer->body) : KITH_EPROTO;
	if (read != 0)
		memset(m, 0, sizeof *m);
	if (*err == 0)
		*err = read;
}

void kith_dial_on_found(struct kith_core *c, const struct kith_session *via, const struct kith_answer *answer)
{
	struct kith_msg_room room;
	struct kith_msg_found m;
	struct kith_operation *op = kith_op_get(c, (kith_op)kith_token_value(answer->token));
	int err = answer->err;
	if (op == NULL)
		return;
	read_found(&m, &room, answer, &err);
	if (op->asked == via->index)
		op->asked = 0;
	if (err == KITH_ETIMEDOUT)
		kith_find_unanswered(c, via);
	kith_dial_found(c, op->id, err, &m, kith_find_home(c, via));
}

void kith_dial_on_beyond(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_msg_room room;
	struct kith_msg_found m;
	struct kith_operation *op = kith_op_get(c, (kith_op)kith_token_value(answer->token));
	int err = answer->err;
	if (op == NULL || op->beyond == 0)
		return;
	op->beyond--;
	read_found(&m, &room, answer, &err);
	kith_dial_found(c, op->id, err == 0 ? 0 : KITH_ENOENT, &m, 0); /* one who is silent knows nobody, either */
}

/* The device answered while it is called through its homes. */
static void also_near(struct kith_core *c, struct kith_session *s, const struct kith_person *person,
		      const struct kith_hop *from)
{
	if (!s->initiator || s->state != KITH_SESSION_INITIATING || s->hs->cancel || s->peer->relay_only ||
	    memcmp(s->device, person->device_dh.b, KITH_DEVICE_ID_LEN) != 0)
		return;
	s->peer->near = *from;
	kith_connect_send(c, s, from);
}

void kith_dial_on_here(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	struct kith_person person;
	struct kith_operation *op = kith_near_found(c, packet, from, &person);
	struct kith_session *s = op != NULL ? kith_peer_get(c, op->session) : NULL;
	if (op == NULL)
		return;
	if (s != NULL) {
		also_near(c, s, &person, from);
		return;
	}
	int err = call(c, op, &person, NULL, from);
	if (err != 0)
		kith_op_done(c, op->id, err, false);
}

void kith_dial_refresh(struct kith_core *c, struct kith_session *s)
{
	struct kith_id key;
	unsigned used;
	kith_ids_directory(c->suite, &key, &c->self.network, s->peer->name);
	/* Not possible now: kith_talk_tick comes back to it. */
	(void)kith_find_ask(c, &key, kith_token(KITH_TOKEN_REFRESH, s->index), s->peer->refreshes++, 0, &used);
}

void kith_dial_redial(struct kith_core *c, struct kith_session *s)
{
	/* Perhaps the callee has moved since its record was read. */
	if (!s->hs->cancel && s->hs->tries % REFRESH_EVERY == REFRESH_EVERY - 1)
		kith_dial_refresh(c, s);
	kith_relays_carry(c, s);
}

void kith_dial_on_refreshed(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_session *s = kith_peer_get(c, (kith_session_id)kith_token_value(answer->token));
	struct kith_found found[KITH_DIAL_DEVICES_MAX];
	struct kith_msg_room room;
	struct kith_msg_found m;
	struct kith_id key;
	if (s == NULL || answer->err != 0 || kith_msg_found_read(&m, &room, answer->body) != 0)
		return;
	kith_ids_directory(c->suite, &key, &c->self.network, s->peer->name);
	size_t n = kith_find_read(c, &key, s->peer->name, &m, found);
	for (size_t i = 0; i < n; i++) {
		const struct kith_record *record = &found[i].record;
		if (memcmp(record->device.b, s->device, KITH_DEVICE_ID_LEN) != 0 || record->homes_n == 0)
			continue;
		kith_relays_homes(s->peer, record, found[i].doubted);
		bool more = kith_relays_anew(s) && kith_relays_reach(c, s->peer);
		s->peer->relay_at = more ? c->now.mono_us : KITH_TIME_NEVER; /* never: until a path dies */
		if (s->state == KITH_SESSION_INITIATING)
			kith_relays_refused(c, s);
		kith_session_touch(c, s);
	}
}

/* What an operation ends with whose time is over. */
static int late(struct kith_core *c, const struct kith_operation *op)
{
	const struct kith_session *s = kith_peer_get(c, op->session);
	if (op->last_err == KITH_EDETACHED && op->tries == 0)
		return KITH_EDETACHED;
	if (s == NULL && op->denied != 0)
		return nobody(op);
	if (s != NULL && s->peer->near.remote.family != KITH_FAMILY_NONE)
		return KITH_ETIMEDOUT;
	bool found_none = s != NULL && s->initiator && s->peer->relay_only && s->peer->hops_n == 0;
	if (s != NULL && (found_none || (s->initiator && !kith_relays_reach(c, s->peer))))
		return unreached(s->peer);
	if (s == NULL && (op->last_err == KITH_ERELAYONLY || op->last_err == KITH_EUNREACHABLE))
		return op->last_err;
	return KITH_ETIMEDOUT;
}

void kith_dial_tick(struct kith_core *c, struct kith_operation *op)
{
	if (c->now.mono_us >= op->give_up_at) {
		kith_dial_give_up(c, op, late(c, op));
		return;
	}
	kith_near_tick(c, op);
	if (c->now.mono_us < op->due_at) {
		kith_op_arm(c, op, op->due_at);
		return;
	}
	bool once_more = op->tries < kith_find_tries(c);
	if (op->kind != KITH_OP_CHALLENGE && op->session == 0 && !kith_serves(c) && op->tries >= KITH_HOMES)
		go_beyond(c, op, (struct kith_spans){ NULL, 0 }); /* all are silent */
	if (op->kind != KITH_OP_CHALLENGE && op->session == 0 && once_more)
		look_up(c, op);
	else
		kith_op_arm(c, op, op->give_up_at);
}
