#include "leaf/homes.h"

#include "base/addr.h"
#include "leaf/observed.h"
#include "link/connect.h"

#define SETTLE_US (50 * KITH_US_PER_MS)
#define MOVE_US (500 * KITH_US_PER_MS) /* a home that leaves: time for its successor to be in the same record */
#define IMPATIENT_US (3 * KITH_US_PER_S) /* for one supernode to answer; others may be better */
enum { PATIENT_AFTER = 20 }; /* failures in a row, more than a cache has hosts: our own line is slow then */
#define RETRY_US (KITH_US_PER_S / 2)
#define DOUBT_US (5 * KITH_US_PER_S) /* without an answer of one home, while another does */
#define LOOK_US (KITH_US_PER_S / 2)

static const struct kith_span nothing = { NULL, 0 };

unsigned kith_homes_count(const struct kith_core *c)
{
	unsigned n = 0;
	for (size_t i = 0; i < KITH_HOMES; i++)
		n += c->leaf.homes[i].state == KITH_HOME_ATTACHED;
	return n;
}

void kith_homes_wake(struct kith_core *c, kith_time_us at)
{
	struct kith_timer *t = &c->leaf.timer;
	if (kith_timer_is_set(t) && t->at <= at)
		return;
	if (kith_timers_set(&c->timers, t, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

static void publish_by(struct kith_core *c, kith_time_us at)
{
	if (c->leaf.publish_at > at)
		c->leaf.publish_at = at;
	kith_homes_wake(c, c->leaf.publish_at);
}

static void tell_homes(struct kith_core *c)
{
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_ATTACHED);
	if (ev != NULL)
		ev->count = kith_homes_count(c);
	c->leaf.findable = c->leaf.findable && kith_homes_count(c) > 0;
}

struct kith_session *kith_homes_session(struct kith_core *c, const struct kith_home_slot *home)
{
	return home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
}

struct kith_session *kith_homes_primary(struct kith_core *c)
{
	struct kith_session *s = kith_homes_session(c, &c->leaf.homes[c->leaf.primary]);
	for (uint8_t i = 0; s == NULL && i < KITH_HOMES; i++) {
		s = kith_homes_session(c, &c->leaf.homes[i]);
		if (s != NULL)
			c->leaf.primary = i;
	}
	return s;
}

/* ---- attaching ---- */

static bool in_use(const struct kith_core *c, const struct kith_host *host)
{
	static const struct kith_key no_key; /* bootstrap hosts not spoken to yet have none, and are all different */
	bool keyed = memcmp(&host->dh, &no_key, sizeof no_key) != 0;
	for (size_t i = 0; i < KITH_HOMES + KITH_SPARES; i++) {
		const struct kith_home_slot *home =
			i < KITH_HOMES ? &c->leaf.homes[i] : &c->leaf.spares[i - KITH_HOMES];
		bool same_key = keyed && memcmp(&home->host.dh, &host->dh, sizeof host->dh) == 0;
		if (home->state != KITH_HOME_FREE &&
		    (same_key || kith_endpoint_equal(&home->host.endpoints[0], &host->endpoints[0])))
			return true;
	}
	return false;
}

/* A home of ours was reached through another entry of its: the entry learns the key and is merged with the home's own,
 * or is left alone for a while. */
static void set_aside(struct kith_core *c, int i, const struct kith_host *host)
{
	static const struct kith_key no_key;
	for (size_t k = 0; k < KITH_HOMES; k++) {
		const struct kith_home_slot *home = &c->leaf.homes[k];
		if (home->state == KITH_HOME_ATTACHED && memcmp(&host->dh, &no_key, sizeof no_key) == 0 &&
		    kith_endpoint_equal(&home->host.endpoints[0], &host->endpoints[0]) &&
		    kith_hostcache_learn(&c->leaf.cache, i, &home->host.dh) == KITH_EEXIST)
			return;
	}
	kith_hostcache_failed(&c->leaf.cache, i, c->now.mono_us, c->random);
}

/* The next supernode to try: as different from the homes there are as the cache allows. */
static int pick(struct kith_core *c, struct kith_host *host)
{
	for (;;) {
		int i = kith_hostcache_pick(&c->leaf.cache, c->now.mono_us, c->random, KITH_PICK_ANY);
		if (i < 0)
			return KITH_ENOENT;
		kith_hostcache_get(&c->leaf.cache, i, host);
		if (!in_use(c, host))
			return i;
		set_aside(c, i, host);
	}
}

static void attach(struct kith_core *c, struct kith_home_slot *home, const struct kith_host *host, int cached)
{
	const struct kith_msg_attach first = { .publish = false }; /* our record names our homes: it comes later */
	uint8_t body[8];
	*home = (struct kith_home_slot){ .state = KITH_HOME_CONNECTING, .host = *host, .since = c->now.mono_us };
	kith_hostcache_use(&c->leaf.cache, cached, true);
	size_t len = kith_msg_attach_write(body, sizeof body, &first);
	int err = kith_connect_request(c, host, KITH_USE_HOME, KITH_REQ_ATTACH, (struct kith_span){ body, len },
				       kith_token(KITH_TOKEN_ATTACH, 0), &home->session);
	if (err == 0) {
		struct kith_session *s = kith_sessions_get(&c->sessions, home->session);
		kith_homes_wake(c, home->since + IMPATIENT_US);
		if (s != NULL && s->state == KITH_SESSION_INITIATING && c->leaf.attempts < PATIENT_AFTER) {
			s->hs->give_up_at = c->now.mono_us + IMPATIENT_US;
			kith_session_touch(c, s);
		}
		return;
	}
	home->state = KITH_HOME_FREE;
	kith_hostcache_failed(&c->leaf.cache, cached, c->now.mono_us, c->random);
	kith_hostcache_use(&c->leaf.cache, cached, false);
}

/* How many supernodes are tried beside those chosen: none as long as nothing failed, and none when our own line is
 * slow. */
static unsigned spares_wanted(const struct kith_core *c)
{
	unsigned homes = kith_homes_count(c);
	if (homes == KITH_HOMES || (homes == 0 && c->leaf.attempts >= PATIENT_AFTER))
		return 0;
	return c->leaf.attempts < KITH_SPARES ? c->leaf.attempts : KITH_SPARES;
}

static void fill_slots(struct kith_core *c)
{
	unsigned spares = spares_wanted(c);
	for (unsigned i = 0; i < KITH_HOMES + spares; i++) {
		struct kith_home_slot *slot = i < KITH_HOMES ? &c->leaf.homes[i] : &c->leaf.spares[i - KITH_HOMES];
		struct kith_host host;
		if (slot->state != KITH_HOME_FREE)
			continue;
		int cached = pick(c, &host);
		if (cached < 0)
			break;
		attach(c, slot, &host, cached);
	}
	kith_time_us retry = kith_hostcache_retry_at(&c->leaf.cache);
	if (kith_homes_count(c) < KITH_HOMES && retry != KITH_TIME_NEVER)
		kith_homes_wake(c, retry > c->now.mono_us ? retry : c->now.mono_us + RETRY_US);
}

static struct kith_home_slot *slot_of(struct kith_core *c, uint32_t session)
{
	for (size_t i = 0; i < KITH_HOMES + KITH_SPARES; i++) {
		struct kith_home_slot *slot = i < KITH_HOMES ? &c->leaf.homes[i] : &c->leaf.spares[i - KITH_HOMES];
		if (slot->state != KITH_HOME_FREE && slot->session == session)
			return slot;
	}
	return NULL;
}

static void learn_hosts(struct kith_core *c, struct kith_spans hosts, const struct kith_key *from)
{
	for (size_t i = 0; i < hosts.n; i++) {
		struct kith_host host;
		if (kith_host_parse(&host, hosts.at[i]) != 0 || memcmp(host.dh.b, c->self.dh_pk, 32) == 0)
			continue;
		int err = kith_hostcache_add(&c->leaf.cache, &host, kith_hostcache_source(from), 0);
		(void)err; /* full: those known are as good */
	}
}

/* The entry of a home in the host cache, or below 0. */
static int cached(const struct kith_core *c, const struct kith_home_slot *home)
{
	static const struct kith_key no_key;
	bool keyed = memcmp(&home->host.dh, &no_key, sizeof no_key) != 0;
	int i = keyed ? kith_hostcache_find(&c->leaf.cache, &home->host.dh) : KITH_ENOENT;
	for (int k = 0; i < 0 && k < c->leaf.cache.n;
	     k++) { /* a bootstrap host without a key is found by its address */
		struct kith_host host;
		kith_hostcache_get(&c->leaf.cache, k, &host);
		if (kith_endpoint_equal(&host.endpoints[0], &home->host.endpoints[0]))
			i = k;
	}
	return i;
}

static void give_up(struct kith_core *c, struct kith_home_slot *home)
{
	int i = cached(c, home);
	if (i >= 0) {
		kith_hostcache_failed(&c->leaf.cache, i, c->now.mono_us, c->random);
		kith_hostcache_use(&c->leaf.cache, i, false);
	}
	home->state = KITH_HOME_FREE;
	c->leaf.attempts++;
	kith_homes_wake(c, c->now.mono_us);
}

void kith_homes_let_go(struct kith_core *c, struct kith_home_slot *slot)
{
	struct kith_session *s = kith_sessions_get(&c->sessions, slot->session);
	int i = cached(c, slot);
	if (i >= 0)
		kith_hostcache_use(&c->leaf.cache, i, false);
	slot->state = KITH_HOME_FREE;
	if (s == NULL || s->state == KITH_SESSION_CLOSED)
		return;
	s->use &= (uint8_t)~KITH_USE_HOME;
	if (s->use == 0)
		kith_session_end(c, s, KITH_CLOSE_CANCELED, false);
}

/* A supernode has answered, and takes a place among the homes. An attempt that has the place goes on as a spare. NULL:
 * there are homes enough. */
static struct kith_home_slot *promote(struct kith_core *c, struct kith_home_slot *slot)
{
	struct kith_home_slot *place = NULL;
	if (slot >= c->leaf.homes && slot < c->leaf.homes + KITH_HOMES)
		return slot;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->state == KITH_HOME_FREE || (home->state == KITH_HOME_CONNECTING && place == NULL))
			place = home;
	}
	if (place == NULL)
		return NULL;
	struct kith_home_slot waiting = *place;
	*place = *slot;
	*slot = waiting;
	return place;
}

/* The answer's own certificates tell the key of a home that was configured by its address alone. */
static void learn_key(struct kith_core *c, struct kith_session *s, struct kith_home_slot *home)
{
	struct kith_person person;
	if (!kith_session_person(c, s, &person))
		return;
	for (int i = 0; i < c->leaf.cache.n; i++) {
		struct kith_host host;
		kith_hostcache_get(&c->leaf.cache, i, &host);
		if (kith_endpoint_equal(&host.endpoints[0], &home->host.endpoints[0]) &&
		    memcmp(&host.dh, &home->host.dh, sizeof host.dh) == 0) {
			int err = memcmp(&host.dh, &person.device_dh, sizeof host.dh) != 0
					  ? kith_hostcache_learn(&c->leaf.cache, i, &person.device_dh)
					  : 0;
			(void)err;
			break;
		}
	}
	home->host.dh = person.device_dh;
	int i = kith_hostcache_find(&c->leaf.cache, &home->host.dh);
	if (i >= 0) {
		kith_hostcache_use(&c->leaf.cache, i, true);
		kith_hostcache_succeeded(&c->leaf.cache, i, &c->now);
	}
}

/* Two slots may have led to one supernode (a bootstrap address and its entry): the second is given back. */
static bool twice(struct kith_core *c, const struct kith_home_slot *home)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *other = &c->leaf.homes[i];
		if (other != home && other->state == KITH_HOME_ATTACHED &&
		    memcmp(&other->host.dh, &home->host.dh, 32) == 0)
			return true;
	}
	return false;
}

/* Where the home sees the transport that leads to it. */
static void learn_observed(struct kith_core *c, const struct kith_endpoint *at, struct kith_session *s,
			   const struct kith_home_slot *home)
{
	const struct kith_seen told = { at->addr, kith_session_hop(s)->transport };
	if (at->kind == KITH_TRANSPORT_NONE || at->kind != kith_transports_kind(&c->transports, told.transport))
		return;
	if (home->state == KITH_HOME_ATTACHED)
		kith_homes_wake(c, kith_observed_told(c, s, &told));
	else
		kith_observed_attached(c, (unsigned)(home - c->leaf.homes), &told);
}

void kith_homes_on_attached(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_home_slot *home = slot_of(c, s->index);
	struct kith_msg_room room;
	struct kith_msg_attached m;
	if (home == NULL)
		return;
	home->asking = false;
	if (answer->err == KITH_EEXIST && home->state == KITH_HOME_ATTACHED)
		return; /* a newer record of ours overtook this one */
	if (answer->err != 0 || kith_msg_attached_read(&m, &room, answer->body) != 0) {
		if (answer->err != KITH_ECLOSED) { /* closed: kith_homes_lost replaces the home */
			s->use &= (uint8_t)~KITH_USE_HOME;
			give_up(c, home);
			publish_by(c, c->now.mono_us + SETTLE_US);
		}
		return;
	}
	struct kith_home_slot *spare = home;
	home = promote(c, home);
	if (home == NULL) {
		kith_homes_let_go(c, spare);
		return;
	}
	learn_observed(c, &m.observed, s, home);
	learn_hosts(c, m.hosts, &home->host.dh);
	if (home->state == KITH_HOME_ATTACHED) { /* it took a new record */
		bool publishes = c->leaving || home == &c->leaf.homes[c->leaf.primary];
		c->leaf.published = c->leaf.published || publishes;
		if (publishes && !c->leaf.findable && !c->leaving) {
			c->leaf.findable = true;
			(void)kith_event_push(c, KITH_EVENT_PUBLISHED);
		}
		return;
	}
	learn_key(c, s, home);
	if (twice(c, home)) {
		home->state = KITH_HOME_FREE;
		kith_homes_wake(c, c->now.mono_us);
		return;
	}
	home->state = KITH_HOME_ATTACHED;
	KITH_LOG(c->log, KITH_LOG_INFO, "home_attached session=%08x homes=%u", s->index, kith_homes_count(c));
	c->leaf.attempts = 0;
	kith_session_use(c, s, KITH_USE_HOME);
	tell_homes(c);
	publish_by(c, c->now.mono_us + SETTLE_US);
	kith_homes_wake(c, c->now.mono_us);
	kith_save_soon(c);
	for (size_t i = 0; kith_homes_count(c) == KITH_HOMES && i < KITH_SPARES; i++) {
		if (c->leaf.spares[i].state != KITH_HOME_FREE)
			kith_homes_let_go(c, &c->leaf.spares[i]);
	}
}

/* Since when a session has not answered; KITH_TIME_NEVER: no question is out on it. */
static kith_time_us silent_since(const struct kith_session *s)
{
	const struct kith_path *p = kith_pathset_sending(&s->paths);
	return p != NULL && p->state == KITH_PATH_SUSPECT ? p->since : KITH_TIME_NEVER;
}

/* One home does not answer: perhaps more are gone, and not due for a keepalive yet. */
static void check_others(struct kith_core *c)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
		if (s == NULL || s->state != KITH_SESSION_OPEN)
			continue;
		kith_pathset_check(&s->paths, kith_env(c, s));
	}
}

void kith_homes_look(struct kith_core *c, struct kith_session *s)
{
	struct kith_home_slot *home = slot_of(c, s->index);
	if (home == NULL || home->state != KITH_HOME_ATTACHED || home->doubted || silent_since(s) == KITH_TIME_NEVER)
		return;
	home->doubted = true;
	check_others(c); /* comes here again for each of those, and doubts each once */
	kith_homes_wake(c, silent_since(s) + LOOK_US);
}

static bool other_answers(struct kith_core *c, const struct kith_home_slot *home, kith_time_us since)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
		if (s != NULL && &c->leaf.homes[i] != home && silent_since(s) == KITH_TIME_NEVER &&
		    kith_session_heard_at(s) > since)
			return true;
	}
	return false;
}

/* Homes that were in doubt answer again, or are given up. */
static void settle_doubts(struct kith_core *c)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &c->leaf.homes[i];
		struct kith_session *s = home->doubted ? kith_homes_session(c, home) : NULL;
		kith_time_us since = s != NULL ? silent_since(s) : KITH_TIME_NEVER;
		if (since == KITH_TIME_NEVER) {
			home->doubted = false;
		} else if (c->now.mono_us - since >= DOUBT_US && other_answers(c, home, since)) {
			kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
		} else {
			kith_homes_wake(c, c->now.mono_us + LOOK_US);
		}
	}
}

/* A request on a session that is old, and perhaps dead, is not waited for until its own time limit. */
static void settle_attempts(struct kith_core *c)
{
	for (size_t i = 0; i < KITH_HOMES + KITH_SPARES; i++) {
		struct kith_home_slot *slot = i < KITH_HOMES ? &c->leaf.homes[i] : &c->leaf.spares[i - KITH_HOMES];
		struct kith_session *s =
			slot->state == KITH_HOME_CONNECTING ? kith_sessions_get(&c->sessions, slot->session) : NULL;
		if (s == NULL || s->state != KITH_SESSION_OPEN || c->leaf.attempts >= PATIENT_AFTER)
			continue;
		if (c->now.mono_us - slot->since < IMPATIENT_US) {
			kith_homes_wake(c, slot->since + IMPATIENT_US);
			continue;
		}
		kith_request_cancel(s->requests, kith_env(c, s), kith_token(KITH_TOKEN_ATTACH, 0));
		s->use &= (uint8_t)~KITH_USE_HOME;
		give_up(c, slot);
	}
}

void kith_homes_lost(struct kith_core *c, const struct kith_session *s, enum kith_close_reason reason)
{
	struct kith_home_slot *home = slot_of(c, s->index);
	if (home == NULL)
		return;
	bool was_home = home->state == KITH_HOME_ATTACHED;
	give_up(c, home);
	if (!was_home)
		return;
	if (reason == KITH_CLOSE_TIMED_OUT)
		check_others(c);
	KITH_LOG(c->log, KITH_LOG_INFO, "home_lost session=%08x reason=%u homes=%u", s->index, reason,
		 kith_homes_count(c));
	tell_homes(c);
	publish_by(c, c->now.mono_us + MOVE_US);
}

void kith_homes_on_leave(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_room room;
	struct kith_msg_leave m;
	struct kith_home_slot *home = slot_of(c, s->index);
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
	if (home == NULL)
		return;
	if (kith_msg_leave_read(&m, &room, request->body) == 0)
		learn_hosts(c, m.hosts, &home->host.dh);
	s->use &= (uint8_t)~KITH_USE_HOME; /* the end of this session is no loss: its slot goes to another home now */
	give_up(c, home);
	tell_homes(c);
	publish_by(c, c->now.mono_us + MOVE_US);
}

void kith_homes_tick(struct kith_core *c)
{
	settle_doubts(c);
	settle_attempts(c);
	fill_slots(c);
}
