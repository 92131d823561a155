#include "role/dial.h"

#include "base/alloc.h"
#include "base/text.h"
#include "role/connect.h"
#include "role/introduce.h"
#include "role/peer.h"
#include "role/query.h"

#define CUT_OFF_RETRY_US (KITH_US_PER_S / 4)
#define LOOKUP_HEDGE_US (KITH_US_PER_S + KITH_US_PER_S / 2) /* no answer: another home is asked as well */
#define LOOKUPS_MAX 4 /* of one operation, through one home after the other */

struct kith_operation *kith_dial_get(struct kith_core *c, kith_op id)
{
	for (size_t i = 0; c->ops != NULL && id != 0 && i < KITH_OPS_MAX; i++) {
		if (c->ops[i].kind != KITH_OP_FREE && c->ops[i].id == id)
			return &c->ops[i];
	}
	return NULL;
}

static struct kith_operation *new_op(struct kith_core *c)
{
	if (c->ops == NULL)
		c->ops = KITH_NEW_ARRAY(c->alloc, struct kith_operation, KITH_OPS_MAX);
	for (size_t i = 0; c->ops != NULL && i < KITH_OPS_MAX; i++) {
		if (c->ops[i].kind == KITH_OP_FREE)
			return &c->ops[i];
	}
	return NULL;
}

static void arm(struct kith_core *c, struct kith_operation *op, kith_time_us at)
{
	if (at > op->give_up_at)
		at = op->give_up_at;
	if (kith_timers_set(&c->timers, &op->timer, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

/* Sends a LOOKUP through an attached home, beginning with number first. Returns its session, NULL when cut off. */
static struct kith_session *ask_home(struct kith_core *c, const struct kith_id *key, uint64_t token, unsigned first,
				     unsigned *used)
{
	uint8_t body[64];
	struct kith_packer pk;
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 1);
	kith_pack_key(&pk, KITH_B_FIND_KEY);
	kith_pack_bytes(&pk, key->b, KITH_ID_LEN);
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[(first + i) % KITH_HOMES];
		struct kith_session *s =
			home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
		if (s == NULL ||
		    kith_session_request(c, s, KITH_REQ_LOOKUP, (struct kith_span){ body, pk.len }, token) != 0)
			continue;
		*used = i + 1;
		return s;
	}
	return NULL;
}

/* Looks the operation's name up, through another home at each try. */
static void look_up(struct kith_core *c, struct kith_operation *op)
{
	unsigned used;
	op->asked = 0;
	if (c->super != NULL) {
		op->tries++;
		arm(c, op, op->give_up_at);
		kith_query_for_op(c, &op->key, op->id);
		return;
	}
	struct kith_session *s = ask_home(c, &op->key, kith_token(KITH_TOKEN_LOOKUP, op->id), op->tries, &used);
	if (s != NULL) {
		op->tries = (uint8_t)(op->tries + used);
		op->asked = s->index;
		arm(c, op, op->tries < LOOKUPS_MAX ? c->now.mono_us + LOOKUP_HEDGE_US : op->give_up_at);
		return;
	}
	op->last_err = KITH_EDETACHED;
	arm(c, op, c->now.mono_us + CUT_OFF_RETRY_US);
}

int kith_dial_new_op(struct kith_core *c, enum kith_op_kind kind, const char *name, kith_time_us timeout_us,
		     kith_op *out)
{
	struct kith_operation *op = new_op(c);
	if (op == NULL)
		return KITH_EFULL;
	memset(op, 0, sizeof *op);
	op->kind = (uint8_t)kind;
	op->id = ++c->next_op != 0 ? c->next_op : ++c->next_op;
	op->timer.kind = KITH_TIMER_OP;
	op->give_up_at = c->now.mono_us + timeout_us;
	kith_text_copy(op->name, sizeof op->name, name);
	arm(c, op, op->give_up_at);
	*out = op->id;
	return 0;
}

int kith_dial_begin(struct kith_core *c, enum kith_op_kind kind, const char *name, const char *service,
		    kith_time_us timeout_us, kith_op *out)
{
	if (!kith_name_valid(name))
		return KITH_ENAME;
	if (kind == KITH_OP_CALL && (service == NULL || service[0] == '\0' || strlen(service) > KITH_SERVICE_MAX))
		return KITH_EINVAL;
	if (c->leaving)
		return KITH_ESTATE;
	int err = kith_dial_new_op(c, kind, name, timeout_us > 0 ? timeout_us : KITH_DIAL_TIMEOUT_US, out);
	if (err != 0)
		return err;
	struct kith_operation *op = kith_dial_get(c, *out);
	if (service != NULL)
		kith_text_copy(op->service, sizeof op->service, service);
	kith_ids_directory(c->suite, &op->key, &c->self.network, name);
	if (kind != KITH_OP_CALL || !kith_peer_answer_ringing(c, op))
		look_up(c, op);
	return 0;
}

/* ---- both at once ---- */

/* Their session that is taken as the answer to an operation already, or NULL. */
static struct kith_session *taken_for(struct kith_core *c, const struct kith_operation *op)
{
	struct kith_session *s = kith_peer_get(c, op->session);
	if (s == NULL)
		return NULL;
	return s->initiator ? kith_peer_get(c, s->peer->rival) : s;
}

static bool same_service(const struct kith_operation *op, struct kith_span service)
{
	return strlen(op->service) == service.len && memcmp(op->service, service.p, service.len) == 0;
}

enum kith_crossing kith_dial_crossing(struct kith_core *c, const struct kith_hello *hello,
				      const struct kith_person *person, kith_op *out)
{
	*out = 0;
	for (size_t i = 0; c->ops != NULL && i < KITH_OPS_MAX; i++) {
		const struct kith_operation *op = &c->ops[i];
		if (op->kind != KITH_OP_CALL || strcmp(op->name, person->name) != 0 ||
		    !same_service(op, hello->service))
			continue;
		const struct kith_session *ours = kith_peer_get(c, op->session), *taken = taken_for(c, op);
		if (ours != NULL && !kith_key_equal(&ours->peer->identity, &person->identity))
			continue;
		if (taken != NULL && memcmp(taken->device, person->device_dh.b, KITH_DEVICE_ID_LEN) != 0)
			continue; /* another device of theirs came first */
		*out = op->id;
		/* One that they took back and made anew counts, an older one does not. */
		if (taken != NULL && taken->hs != NULL)
			return hello->timestamp_ms > taken->hs->timestamp_ms ? KITH_CROSSING_THEIRS
									     : KITH_CROSSING_OURS;
		bool sent = ours != NULL && memcmp(ours->device, person->device_dh.b, KITH_DEVICE_ID_LEN) == 0;
		return sent && memcmp(c->self.dh_pk, person->device_dh.b, sizeof person->device_dh.b) < 0
			       ? KITH_CROSSING_OURS
			       : KITH_CROSSING_THEIRS;
	}
	return KITH_CROSSING_NONE;
}

void kith_dial_take(struct kith_core *c, kith_op id, struct kith_session *s)
{
	struct kith_operation *op = kith_dial_get(c, id);
	struct kith_session *ours = kith_peer_get(c, op->session), *before = taken_for(c, op);
	if (before != NULL)
		kith_peer_give_way(c, before);
	s->peer->op = id;
	if (ours != NULL && ours->initiator) {
		s->peer->rival = ours->index;
		ours->peer->rival = s->index;
	} else {
		op->session = s->index;
	}
	arm(c, op, op->give_up_at);
}

void kith_dial_fell_through(struct kith_core *c, kith_op id, struct kith_session *other)
{
	struct kith_operation *op = kith_dial_get(c, id);
	if (op == NULL)
		return;
	op->session = other != NULL ? other->index : 0;
	if (other != NULL)
		return;
	op->tries = 0; /* we had not called yet: now we do */
	arm(c, op, c->now.mono_us);
}

void kith_dial_give_up(struct kith_core *c, struct kith_operation *op, int err)
{
	struct kith_session *s = kith_peer_get(c, op->session), *other = taken_for(c, op);
	kith_dial_done(c, op->id, err, false);
	if (s != NULL)
		kith_peer_give_way(c, s);
	if (other != NULL && other != s)
		kith_peer_give_way(c, other);
}

void kith_dial_leave(struct kith_core *c)
{
	for (size_t i = 0; c->ops != NULL && i < KITH_OPS_MAX; i++) {
		if (c->ops[i].kind == KITH_OP_CALL && kith_has_room(c))
			kith_dial_give_up(c, &c->ops[i], KITH_ECANCELED);
	}
}

void kith_dial_done(struct kith_core *c, kith_op id, int err, bool told)
{
	struct kith_operation *op = kith_dial_get(c, id);
	if (op == NULL)
		return;
	kith_timers_stop(&c->timers, &op->timer);
	if (c->super == NULL && op->asked != 0) {
		struct kith_session *s = kith_sessions_get(&c->sessions, op->asked);
		if (s != NULL) {
			struct kith_path_env env = kith_env(c, s);
			kith_request_cancel(s->requests, &env, kith_token(KITH_TOKEN_LOOKUP, id));
		}
	}
	op->kind = KITH_OP_FREE;
	if (told)
		return;
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_OP_DONE);
	if (ev == NULL)
		return;
	ev->op = id;
	ev->err = err;
	memcpy(ev->name, op->name, sizeof ev->name);
}

/* One verified record of an answer. */
struct found {
	struct kith_record record;
	struct kith_person person;
	bool online;
};

static bool vanished(struct kith_core *c, const struct kith_unpacked *pk, const struct kith_record *record)
{
	struct kith_unpack_list list = kith_unpack_list(pk, kith_unpack_root(pk), KITH_B_FOUND_VANISHED);
	struct kith_span bytes;
	unsigned homes = 0;
	while (kith_unpack_list_next(&list, &bytes)) {
		struct kith_vanish vanish;
		if (kith_vanish_parse(&vanish, bytes) != 0)
			continue;
		int home = kith_vanish_verify(&vanish, record, c->suite, &c->now);
		if (home >= 0)
			homes |= 1u << home;
	}
	return (unsigned)__builtin_popcount(homes) * 2 > record->homes_n;
}

static size_t read_found(struct kith_core *c, const struct kith_id *key, const char *name,
			 const struct kith_unpacked *pk, struct found out[KITH_DIAL_DEVICES_MAX])
{
	size_t n = 0;
	struct kith_unpack_list list = kith_unpack_list(pk, kith_unpack_root(pk), KITH_B_FOUND_RECORDS);
	struct kith_span bytes;
	while (n < KITH_DIAL_DEVICES_MAX && kith_unpack_list_next(&list, &bytes)) {
		struct found *f = &out[n];
		if (kith_record_parse(&f->record, bytes) != 0)
			continue;
		if (kith_record_verify(&f->record, &c->trust, &c->now, &f->person) != 0 ||
		    memcmp(f->record.key.b, key->b, KITH_ID_LEN) != 0 || strcmp(f->person.name, name) != 0)
			continue;
		f->online = f->record.homes_n > 0 && !(f->record.flags & KITH_RECORD_OFFLINE) &&
			    !vanished(c, pk, &f->record);
		n++;
	}
	return n;
}

static void tell_found(struct kith_core *c, kith_op op, const struct found *f)
{
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_FOUND);
	if (ev == NULL)
		return;
	ev->op = op;
	memcpy(ev->name, f->person.name, sizeof ev->name);
	memcpy(ev->found.label, f->person.label, sizeof ev->found.label);
	ev->found.device = f->person.device_dh;
	ev->found.identity = f->person.identity;
	ev->found.online = f->online;
	ev->found.seq = f->record.seq;
	ev->found.expires_ms = f->record.expires_ms;
	ev->found.homes_n = f->record.homes_n;
	for (size_t i = 0; i < f->record.homes_n; i++)
		ev->found.homes[i] = f->record.homes[i].host.addrs[0];
}

/* Whether the contact list lets us call this key under this name. */
static int check_contact(struct kith_core *c, const struct found *f)
{
	int err = kith_contacts_check(&c->contacts, f->person.name, &f->person.identity);
	if (err == KITH_EPINNED) {
		struct kith_event *ev = kith_event_push(c, KITH_EVENT_IDENTITY_CHANGED);
		if (ev != NULL) {
			memcpy(ev->name, f->person.name, sizeof ev->name);
			ev->identity = f->person.identity;
		}
		return err;
	}
	const struct kith_contact *contact = kith_contacts_get(&c->contacts, f->person.name);
	return contact != NULL && (contact->flags & KITH_CONTACT_BLOCKED) ? KITH_EACCES : 0;
}

static int call(struct kith_core *c, struct kith_operation *op, const struct found *f)
{
	int err = check_contact(c, f);
	if (err != 0)
		return err;
	struct kith_peer *peer = KITH_NEW(c->alloc, struct kith_peer);
	if (peer == NULL)
		return KITH_ENOMEM;
	struct kith_session *s = kith_connect_peer(c, &f->record, op->service);
	if (s == NULL) {
		KITH_FREE(c->alloc, peer);
		return KITH_EFULL;
	}
	memcpy(peer->name, op->name, sizeof peer->name);
	memcpy(peer->service, op->service, sizeof peer->service);
	peer->op = op->id;
	peer->identity = f->person.identity;
	const struct kith_contact *contact = kith_contacts_get(&c->contacts, op->name);
	peer->relay_only = contact != NULL && (contact->flags & KITH_CONTACT_RELAY_ONLY);
	peer->homes_n = f->record.homes_n;
	for (size_t i = 0; i < f->record.homes_n; i++)
		peer->homes[i] = f->record.homes[i].host;
	s->use = KITH_USE_PEER;
	s->peer = peer;
	char shown[KITH_NAME_MAX + 1];
	KITH_LOG(c->log, KITH_LOG_DEBUG, "calling name=%s op=%u session=%08x homes=%u",
		 kith_log_name(c->log, op->name, shown), op->id, s->index, peer->homes_n);
	op->session = s->index;
	arm(c, op, op->give_up_at);
	kith_peer_redial(c, s);
	return 0;
}

/* The best device to call: online, and the newest record among those. */
static const struct found *best(const struct found found[], size_t n)
{
	const struct found *b = NULL;
	for (size_t i = 0; i < n; i++) {
		if (found[i].online && (b == NULL || found[i].record.seq > b->record.seq))
			b = &found[i];
	}
	return b;
}

static void try_again(struct kith_core *c, struct kith_operation *op, int err)
{
	op->last_err = err;
	if (c->super != NULL || c->now.mono_us + CUT_OFF_RETRY_US >= op->give_up_at) {
		kith_dial_done(c, op->id, err, false);
		return;
	}
	op->tries = (uint8_t)(op->tries % LOOKUPS_MAX);
	arm(c, op, c->now.mono_us + CUT_OFF_RETRY_US);
}

void kith_dial_on_found(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_operation *op = kith_dial_get(c, (kith_op)kith_token_value(answer->token));
	struct found found[KITH_DIAL_DEVICES_MAX];
	struct kith_unpacked pk;
	if (op == NULL || op->session != 0)
		return;
	op->asked = 0;
	if (answer->err == KITH_ENOENT) {
		kith_dial_done(c, op->id, KITH_ENOENT, false);
		return;
	}
	if (answer->err != 0 || kith_unpack_parse(&pk, answer->body) != 0) {
		try_again(c, op, answer->err != 0 ? answer->err : KITH_EPROTO);
		return;
	}
	size_t n = read_found(c, &op->key, op->name, &pk, found);
	if (op->kind == KITH_OP_LOOKUP) {
		for (size_t i = 0; i < n; i++)
			tell_found(c, op->id, &found[i]);
		kith_dial_done(c, op->id, n > 0 ? 0 : KITH_ENOENT, false);
		return;
	}
	const struct found *f = best(found, n);
	int err = f != NULL ? call(c, op, f) : n > 0 ? KITH_EOFFLINE : KITH_ENOENT;
	if (err != 0)
		kith_dial_done(c, op->id, err, false);
}

void kith_dial_refresh(struct kith_core *c, struct kith_session *s)
{
	struct kith_id key;
	unsigned used;
	kith_ids_directory(c->suite, &key, &c->self.network, s->peer->name);
	/* Not possible now: kith_peer_tick comes back to it. */
	if (c->super == NULL)
		(void)ask_home(c, &key, kith_token(KITH_TOKEN_REFRESH, s->index), s->peer->refreshes++, &used);
}

void kith_dial_on_refreshed(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_session *s = kith_peer_get(c, (kith_session_id)kith_token_value(answer->token));
	struct found found[KITH_DIAL_DEVICES_MAX];
	struct kith_unpacked pk;
	struct kith_id key;
	if (s == NULL || answer->err != 0 || kith_unpack_parse(&pk, answer->body) != 0)
		return;
	kith_ids_directory(c->suite, &key, &c->self.network, s->peer->name);
	size_t n = read_found(c, &key, s->peer->name, &pk, found);
	for (size_t i = 0; i < n; i++) {
		const struct kith_record *record = &found[i].record;
		if (memcmp(record->device.b, s->device, KITH_DEVICE_ID_LEN) != 0 || record->homes_n == 0)
			continue;
		s->peer->homes_n = record->homes_n;
		s->peer->homes_used = 0;
		for (size_t h = 0; h < record->homes_n; h++)
			s->peer->homes[h] = record->homes[h].host;
		s->peer->relay_at = c->now.mono_us;
		if (s->state == KITH_SESSION_INITIATING)
			(void)kith_peer_dial_via(c, s, NULL);
		kith_session_arm(c, s);
	}
}

void kith_dial_tick(struct kith_core *c, struct kith_operation *op)
{
	if (c->now.mono_us >= op->give_up_at) {
		kith_dial_give_up(c, op,
				  op->last_err == KITH_EDETACHED && op->tries == 0 ? KITH_EDETACHED : KITH_ETIMEDOUT);
		return;
	}
	bool once_more = c->super == NULL ? op->tries < LOOKUPS_MAX : op->tries == 0;
	if (op->kind != KITH_OP_CHALLENGE && op->session == 0 && once_more)
		look_up(c, op);
	else
		arm(c, op, op->give_up_at);
}
