#include "leaf/homes.h"

#include "base/addr.h"
#include "base/rng.h"
#include "leaf/choice.h"
#include "leaf/doubt.h"
#include "leaf/homeless.h"
#include "leaf/hosts.h"
#include "leaf/observed.h"
#include "leaf/places.h"
#include "leaf/turn.h"
#include "link/connect.h"

#define SETTLE_US (50 * KITH_US_PER_MS)
#define MOVE_US (500 * KITH_US_PER_MS) /* a home that leaves: time for its successor to be in the same record */
#define IMPATIENT_US (3 * KITH_US_PER_S) /* for one supernode to answer; others may be better */
#define SCOUT_US (1 * KITH_US_PER_S) /* without an answer of any home: others are tried */
#define RETRY_US (KITH_US_PER_S / 2)
#define PART_US (3 * KITH_US_PER_S) /* a home whose place was taken: time for the record that names its successor */

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

enum { PLACE_BODY = 8 };

/* Our record names our homes: it comes later. */
static struct kith_span for_a_place(uint8_t body[PLACE_BODY])
{
	const struct kith_msg_attach first = { .publish = false };
	return (struct kith_span){ body, kith_msg_attach_write(body, PLACE_BODY, &first) };
}

static void attach(struct kith_core *c, struct kith_home_slot *home, const struct kith_host *host, int cached)
{
	uint8_t body[PLACE_BODY];
	*home = (struct kith_home_slot){ .state = KITH_HOME_CONNECTING, .host = *host, .since = c->now.mono_us };
	c->leaf.alone_at = c->now.mono_us;
	kith_hostcache_use(&c->leaf.cache, cached, true);
	int err = kith_connect_request(c, host, KITH_USE_HOME, KITH_REQ_ATTACH, for_a_place(body),
				       kith_token(KITH_TOKEN_ATTACH, 0), &home->session);
	if (err == 0) {
		struct kith_session *s = kith_sessions_get(&c->sessions, home->session);
		kith_homes_wake(c, home->since + KITH_STAGGER_US);
		if (s != NULL && s->state == KITH_SESSION_INITIATING && c->leaf.attempts < KITH_CHOICE_PATIENT) {
			s->hs->give_up_at = c->now.mono_us + IMPATIENT_US;
			kith_session_touch(c, s);
		}
		return;
	}
	home->state = KITH_HOME_FREE;
	kith_hostcache_failed(&c->leaf.cache, cached, c->now.mono_us, c->random, KITH_EUNREACHABLE);
	kith_hostcache_use(&c->leaf.cache, cached, false);
}

/* There are homes enough. */
static void give_spares_back(struct kith_core *c)
{
	for (unsigned i = KITH_HOMES; i < kith_places(c); i++)
		if (kith_place(c, i)->state != KITH_HOME_FREE)
			kith_homes_let_go(c, kith_place(c, i));
	kith_places_shrink(c);
}

/* Homes answer again: the line was gone, and nothing is held against those that were tried meanwhile. */
static void end_scouts(struct kith_core *c)
{
	bool moving = false;
	if (c->leaf.spares == NULL)
		return;
	for (unsigned i = KITH_HOMES; i < kith_places(c); i++) {
		struct kith_home_slot *spare = kith_place(c, i);
		if (spare->state != KITH_HOME_FREE && spare->moves == 0)
			kith_homes_let_go(c, spare);
		moving = moving || spare->state != KITH_HOME_FREE;
	}
	if (!moving)
		kith_places_shrink(c);
	c->leaf.attempts = 0;
}

/* How many homes there are to do with: none, if none of them answers. */
static unsigned homes_answering(struct kith_core *c)
{
	return kith_doubt_all(c, SCOUT_US) ? 0 : kith_homes_count(c);
}

static void fill_slots(struct kith_core *c)
{
	bool single;
	kith_time_us calm_until = kith_homeless_calm(c, &single);
	const unsigned homes = homes_answering(c);
	unsigned spares = single ? 0 : kith_choice_spares(c, homes);
	if (homes == 0 && spares == 0 && kith_homes_count(c) == KITH_HOMES)
		spares = 1; /* no place is free to try another for */
	kith_time_us turn = kith_turn_next(c, homes);
	if (c->now.mono_us < calm_until || c->now.mono_us < turn) {
		kith_homes_wake(c, calm_until > turn ? calm_until : turn);
		return;
	}
	for (unsigned i = 0; i < KITH_HOMES || (i < KITH_HOMES + spares && kith_places_grow(c)); i++) {
		struct kith_home_slot *slot = kith_place(c, i);
		struct kith_host host;
		if (slot->state != KITH_HOME_FREE && single)
			return; /* one at a time; it is waited for what becomes of this one */
		if (slot->state != KITH_HOME_FREE)
			continue;
		int cached = kith_choice_next(c, &host);
		const bool vain = cached < 0 || c->leaf.attempts >= KITH_CHOICE_PATIENT;
		if (vain && i < KITH_HOMES && kith_homes_count(c) > 0)
			kith_homes_wake(c, kith_hosts_lacking(c));
		if (cached < 0)
			break;
		attach(c, slot, &host, cached);
		turn = kith_turn_next(c, homes);
		if (turn > c->now.mono_us)
			kith_homes_wake(c, turn);
		if (single || turn > c->now.mono_us)
			return;
	}
	kith_time_us retry = kith_hostcache_retry_at(&c->leaf.cache);
	if (kith_homes_count(c) < KITH_HOMES && retry != KITH_TIME_NEVER)
		kith_homes_wake(c, retry > c->now.mono_us ? retry : c->now.mono_us + RETRY_US);
}

/* A bootstrap host whose key is not known has another entry when somebody named it: both are the one that is full. What
 * BUSY says names no address, so it does not tell the key of this one. */
static void full_too(struct kith_core *c, const struct kith_home_slot *home)
{
	for (int i = 0; i < c->leaf.cache.n; i++) {
		struct kith_host host;
		kith_hostcache_get(&c->leaf.cache, i, &host);
		if ((c->leaf.cache.at[i].flags & KITH_HOST_USED) == 0 &&
		    kith_endpoint_equal(&host.endpoints[0], &home->host.endpoints[0]))
			kith_hostcache_full(&c->leaf.cache, i, c->now.mono_us, c->random,
					    home->retry_s * KITH_US_PER_S);
	}
}

void kith_homes_refused(struct kith_core *c, const struct kith_session *s, const struct kith_busy *busy)
{
	struct kith_home_slot *home = kith_place_of(c, s->index);
	if (home == NULL)
		return;
	home->retry_s = (uint8_t)busy->retry_s;
	for (uint8_t i = 0; i < busy->hosts_n; i++) {
		const struct kith_host *host = &busy->hosts[i];
		if (host->endpoints_n == 0 || memcmp(host->dh.b, c->self.dh_pk, 32) == 0)
			continue;
		int err = kith_hostcache_add(&c->leaf.cache, host, kith_hostcache_source(&busy->device), 0);
		(void)err; /* full: those known are as good */
	}
	full_too(c, home);
	KITH_LOG(c->log, KITH_LOG_DEBUG, "home_full session=%08x retry_s=%u alternates=%u", s->index, busy->retry_s,
		 busy->hosts_n);
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

static void free_slot(struct kith_core *c, struct kith_home_slot *slot)
{
	slot->state = KITH_HOME_FREE;
	if (kith_place_is_home(c, slot))
		kith_wall_heard(&c->wall, (unsigned)(slot - c->leaf.homes), &c->now, 0);
}

/* A host that is full is there, and so is our own line: no reason to try more of them at once, or to be patient. */
static void give_up(struct kith_core *c, struct kith_home_slot *home, int err)
{
	int i = cached(c, home);
	if (i >= 0 && err == KITH_EFULL)
		kith_hostcache_full(&c->leaf.cache, i, c->now.mono_us, c->random, home->retry_s * KITH_US_PER_S);
	else if (i >= 0)
		kith_hostcache_failed(&c->leaf.cache, i, c->now.mono_us, c->random, err);
	if (i >= 0)
		kith_hostcache_use(&c->leaf.cache, i, false);
	const bool was_home = home->state == KITH_HOME_ATTACHED;
	free_slot(c, home);
	if (was_home)
		kith_turn_again(c);
	if (err != KITH_EFULL)
		kith_turn_failed(c, kith_homes_count(c));
	kith_homes_wake(c, c->now.mono_us);
}

void kith_homes_let_go(struct kith_core *c, struct kith_home_slot *slot)
{
	struct kith_session *s = kith_sessions_get(&c->sessions, slot->session);
	int i = cached(c, slot);
	if (i >= 0)
		kith_hostcache_use(&c->leaf.cache, i, false);
	free_slot(c, slot);
	if (s == NULL || s->state == KITH_SESSION_CLOSED)
		return;
	s->use &= (uint8_t)~KITH_USE_HOME;
	if (s->use == 0)
		kith_session_end(c, s, KITH_CLOSE_CANCELED, false);
}

/* Ends what is left of a home whose place was taken, unless it has a place again: its session is used for that. */
static void settle_parting(struct kith_core *c)
{
	struct kith_session *s = c->leaf.parting != 0 ? kith_sessions_get(&c->sessions, c->leaf.parting) : NULL;
	if (c->leaf.parting == 0 || c->now.mono_us < c->leaf.part_at)
		return;
	c->leaf.parting = 0;
	if (s == NULL || s->state != KITH_SESSION_OPEN || kith_place_of(c, s->index) != NULL)
		return;
	s->use &= (uint8_t)~KITH_USE_HOME;
	if (s->use == 0)
		kith_session_end(c, s, KITH_CLOSE_NORMAL, false);
}

/* The home in that slot has a successor, and is let go when the record says so. One that is parting goes now. */
static void part(struct kith_core *c, struct kith_home_slot *home)
{
	int i = cached(c, home);
	if (i >= 0)
		kith_hostcache_use(&c->leaf.cache, i, false);
	c->leaf.part_at = c->now.mono_us;
	settle_parting(c);
	c->leaf.parting = home->session;
	c->leaf.part_at = c->now.mono_us + PART_US;
	home->state = KITH_HOME_FREE;
	kith_homes_wake(c, c->leaf.part_at);
}

/* A supernode has answered, and takes a place among the homes. An attempt that has the place goes on as a spare. NULL:
 * there are homes enough. */
static struct kith_home_slot *promote(struct kith_core *c, struct kith_home_slot *slot)
{
	struct kith_home_slot *place = NULL;
	if (kith_place_is_home(c, slot))
		return slot;
	if (slot->moves != 0 && c->leaf.homes[slot->moves - 1].state == KITH_HOME_ATTACHED)
		part(c, &c->leaf.homes[slot->moves - 1]);
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
	uint8_t author[KITH_HOME_TAG_LEN];
	if (!kith_session_person(c, s, &person))
		return;
	kith_home_tag(c->suite, author, &person.device_sign);
	for (int i = 0; i < c->leaf.cache.n; i++) {
		struct kith_host host;
		kith_hostcache_get(&c->leaf.cache, i, &host);
		if (kith_endpoint_equal(&host.endpoints[0], &home->host.endpoints[0]) &&
		    memcmp(&host.dh, &home->host.dh, sizeof host.dh) == 0) {
			int err = kith_hostcache_learn(&c->leaf.cache, i, &person.device_dh, author);
			(void)err; /* no memory: it is learnt another time */
			break;
		}
	}
	home->host.dh = person.device_dh;
	int i = kith_hostcache_find(&c->leaf.cache, &home->host.dh);
	if (i >= 0)
		kith_hostcache_use(&c->leaf.cache, i, true);
}

/* The address that answered is one of the home's, whether its entry names that kind of transport or not. */
static void learn_way(struct kith_core *c, const struct kith_session *s, struct kith_home_slot *home)
{
	const struct kith_hop *hop = kith_session_hop(s);
	const struct kith_endpoint at = { hop->remote, kith_transports_kind(&c->transports, hop->transport), 0 };
	if (hop->tunnel == 0 && kith_endpoint_kind_known(at.kind))
		kith_host_add(&home->host, &at);
	kith_transports_reached(&c->transports, &hop->remote);
}

/* A home does what it is for. One that failed before has to hold for a while until that is forgotten: who takes us and
 * throws us out again is asked more and more seldom. */
static void works(struct kith_core *c, const struct kith_home_slot *home)
{
	int i = cached(c, home);
	if (i >= 0 && (c->leaf.cache.at[i].failures == 0 || c->now.mono_us - home->since >= KITH_HOME_BRIEF_US))
		kith_hostcache_succeeded(&c->leaf.cache, i, &c->now);
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
	struct kith_transport t;
	if (at->kind == KITH_TRANSPORT_NONE || !kith_transports_get(&c->transports, told.transport, &t) ||
	    at->kind != t.kind || t.purpose == KITH_PURPOSE_OUT || t.purpose == KITH_PURPOSE_HOMES)
		return; /* nobody could come in there */
	if (home->state == KITH_HOME_ATTACHED)
		kith_homes_wake(c, kith_observed_told(c, s, &told));
	else
		kith_observed_attached(c, (unsigned)(home - c->leaf.homes), &told);
}

/* Another home has a record of ours: then it is no fault of ours that this one does not take it. */
static bool another_took(const struct kith_core *c, const struct kith_home_slot *home)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *other = &c->leaf.homes[i];
		if (other != home && other->state == KITH_HOME_ATTACHED && other->took)
			return true;
	}
	return false;
}

/* No home takes our records: our clock is wrong, or our certificates are. Other homes would say the same, so these are
 * kept, for look-ups, and asked again. */
static void ask_again(struct kith_core *c, const struct kith_home_slot *home)
{
	if (kith_record_seq_is_ahead(c->leaf.record_seq, &c->now))
		c->leaf.record_seq = 0;
	if (home == &c->leaf.homes[c->leaf.primary]) /* another may be the first that takes one, and would publish it */
		c->leaf.primary = (uint8_t)((c->leaf.primary + 1) % KITH_HOMES);
	if (c->leaf.refusals < UINT8_MAX)
		c->leaf.refusals++;
	if (c->leaf.refusals >= KITH_HOMES)
		kith_homeless_failing(c, KITH_CLOSE_NORMAL,
				      kith_wall_homes_differ(&c->wall) ? KITH_ESKEW : KITH_EREJECTED);
	unsigned doublings = c->leaf.refusals < 5 ? c->leaf.refusals : 5;
	publish_by(c, c->now.mono_us + kith_rng_jitter(c->random, MOVE_US << doublings, 10));
}

/* A home does not take us, or not our record. */
static void refused(struct kith_core *c, struct kith_session *s, struct kith_home_slot *home, int err)
{
	bool record = home->state == KITH_HOME_ATTACHED;
	home->took = false;
	if (record && err == KITH_ESIGNATURE && !another_took(c, home)) {
		ask_again(c, home);
		return;
	}
	s->use &= (uint8_t)~KITH_USE_HOME;
	kith_time_us since = home->since;
	give_up(c, home, err);
	if (record)
		kith_homeless_ended(c, since, KITH_CLOSE_NORMAL, err);
	publish_by(c, c->now.mono_us + SETTLE_US);
}

static void give_silent_up(struct kith_core *c)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &c->leaf.homes[i];
		struct kith_session *s = kith_homes_session(c, home);
		if (s == NULL || !kith_doubt_silent(c, home))
			continue;
		s->use &= (uint8_t)~KITH_USE_HOME;
		give_up(c, home, KITH_ETIMEDOUT);
		if (s->use == 0)
			kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
	}
	tell_homes(c);
	publish_by(c, c->now.mono_us + MOVE_US);
}

/* Another takes us, so it is not the line that is silent, unless homes answer presently: then it is asked once more. */
static bool must_wait(struct kith_core *c, struct kith_home_slot *spare)
{
	if (kith_place_is_home(c, spare) || !kith_doubt_all(c, 0))
		return false;
	spare->waits = true;
	if (c->leaf.grace_at == 0)
		c->leaf.grace_at = kith_doubt_grace(c);
	kith_homes_wake(c, c->leaf.grace_at);
	return true;
}

/* Those that wait are asked once more if no home has answered, and have their places. */
static void settle_waiting(struct kith_core *c)
{
	uint8_t body[PLACE_BODY];
	if (c->leaf.grace_at == 0 || c->now.mono_us < c->leaf.grace_at)
		return;
	c->leaf.grace_at = 0;
	if (kith_doubt_all(c, 0))
		give_silent_up(c);
	for (unsigned i = KITH_HOMES; i < kith_places(c); i++) {
		struct kith_home_slot *spare = kith_place(c, i);
		struct kith_session *s = spare->state == KITH_HOME_CONNECTING && spare->waits
						 ? kith_sessions_get(&c->sessions, spare->session)
						 : NULL;
		spare->waits = false;
		if (s == NULL || s->state != KITH_SESSION_OPEN)
			continue;
		if (kith_session_request(c, s, KITH_REQ_ATTACH, for_a_place(body), kith_token(KITH_TOKEN_ATTACH, 0)) !=
		    0)
			kith_homes_let_go(c, spare);
	}
}

void kith_homes_on_attached(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_home_slot *home = kith_place_of(c, s->index);
	struct kith_msg_attached m;
	if (home == NULL)
		return;
	home->asking = false;
	if (answer->err == KITH_EEXIST && home->state == KITH_HOME_ATTACHED)
		return; /* a newer record of ours overtook this one */
	if (answer->err != 0 || kith_msg_attached_read(&m, answer->body) != 0) {
		if (answer->err != KITH_ECLOSED) /* closed: kith_homes_lost replaces the home */
			refused(c, s, home, answer->err != 0 ? answer->err : KITH_EPROTO);
		return;
	}
	struct kith_home_slot *spare = home;
	if (must_wait(c, home))
		return;
	home = promote(c, home);
	if (home == NULL) {
		kith_homes_let_go(c, spare);
		return;
	}
	kith_wall_heard(&c->wall, (unsigned)(home - c->leaf.homes), &c->now, m.unix_ms);
	learn_observed(c, &m.observed, s, home);
	if (home->state == KITH_HOME_ATTACHED) { /* it took a new record */
		home->took = true;
		c->leaf.refusals = 0;
		works(c, home);
		bool publishes = (c->leaf.audit.publishers & 1u << (home - c->leaf.homes)) != 0;
		c->leaf.published = c->leaf.published || publishes;
		if (publishes && !c->leaf.findable && !c->leaving) {
			c->leaf.findable = true;
			(void)kith_event_push(c, KITH_EVENT_PUBLISHED);
		}
		return;
	}
	learn_key(c, s, home);
	learn_way(c, s, home);
	if (twice(c, home)) {
		free_slot(c, home);
		kith_homes_wake(c, c->now.mono_us);
		return;
	}
	home->state = KITH_HOME_ATTACHED;
	home->took = false;
	home->since = c->now.mono_us;
	KITH_LOG(c->log, KITH_LOG_INFO, "home_attached session=%08x homes=%u", s->index, kith_homes_count(c));
	kith_turn_again(c);
	c->leaf.attempts = 0;
	kith_session_use(c, s, KITH_USE_HOME);
	kith_hosts_attached(c, s, kith_turn_told(c, m.wait_ms));
	tell_homes(c);
	publish_by(c, c->now.mono_us + kith_turn_record(c, kith_homes_count(c)));
	kith_homes_wake(c, c->now.mono_us);
	kith_save_soon(c);
	if (kith_homes_count(c) == KITH_HOMES)
		give_spares_back(c);
}

int kith_homes_replace(struct kith_core *c, const struct kith_session *s, const struct kith_host *host)
{
	const struct kith_home_slot *home = kith_place_of(c, s->index);
	struct kith_home_slot *spare = NULL;
	if (home == NULL || home->state != KITH_HOME_ATTACHED || !kith_place_is_home(c, home))
		return KITH_ENOENT;
	if (kith_place_in_use(c, host))
		return KITH_EEXIST;
	for (size_t i = 0; i < KITH_SPARES && kith_places_grow(c); i++)
		spare = c->leaf.spares[i].state == KITH_HOME_FREE ? &c->leaf.spares[i] : spare;
	int i = spare == NULL ? KITH_EFULL
			      : kith_hostcache_add_tried(&c->leaf.cache, host, kith_hostcache_source(&home->host.dh));
	if (i < 0)
		return KITH_EFULL;
	attach(c, spare, host, i);
	spare->moves = (uint8_t)(home - c->leaf.homes + 1);
	return spare->state == KITH_HOME_CONNECTING ? 0 : KITH_EUNREACHABLE;
}

void kith_homes_look(struct kith_core *c, struct kith_session *s)
{
	kith_time_us at = kith_doubt_look(c, s);
	if (at != KITH_TIME_NEVER)
		kith_homes_wake(c, at);
}

/* A request on a session that is old, and perhaps dead, is not waited for until its own time limit. */
static void settle_attempts(struct kith_core *c)
{
	for (unsigned i = 0; i < kith_places(c); i++) {
		struct kith_home_slot *slot = kith_place(c, i);
		struct kith_session *s =
			slot->state == KITH_HOME_CONNECTING ? kith_sessions_get(&c->sessions, slot->session) : NULL;
		if (s == NULL || s->state != KITH_SESSION_OPEN || c->leaf.attempts >= KITH_CHOICE_PATIENT)
			continue;
		if (c->now.mono_us - slot->since < IMPATIENT_US) {
			kith_homes_wake(c, slot->since + IMPATIENT_US);
			continue;
		}
		kith_request_cancel(s->requests, kith_env(c, s), kith_token(KITH_TOKEN_ATTACH, 0));
		s->use &= (uint8_t)~KITH_USE_HOME;
		give_up(c, slot, KITH_ETIMEDOUT);
	}
}

/* An attempt has led to a home of ours by another address of it: nothing failed, and the home has one way more, which
 * may be a better one (leaf/reach). */
static void found_again(struct kith_core *c, struct kith_home_slot *slot, const struct kith_session *s)
{
	int i = cached(c, slot);
	bool merged = false;
	if (i >= 0)
		kith_hostcache_use(&c->leaf.cache, i, false);
	for (size_t k = 0; k < KITH_HOMES; k++) {
		struct kith_home_slot *home = &c->leaf.homes[k];
		if (home->state != KITH_HOME_ATTACHED || memcmp(home->host.dh.b, s->device, sizeof s->device) != 0)
			continue;
		kith_host_add(&home->host, &slot->host.endpoints[0]);
		merged = i >= 0 && kith_choice_merge(c, i, home);
		c->leaf.reach_at = c->now.mono_us;
		c->leaf.reach_asked = false;
	}
	if (i >= 0 && !merged)
		kith_hostcache_failed(&c->leaf.cache, i, c->now.mono_us, c->random, 0);
	free_slot(c, slot);
	kith_homes_wake(c, c->now.mono_us);
}

void kith_homes_lost(struct kith_core *c, const struct kith_session *s, enum kith_close_reason reason)
{
	struct kith_home_slot *home = kith_place_of(c, s->index);
	if (home == NULL)
		return;
	bool was_home = home->state == KITH_HOME_ATTACHED;
	kith_time_us since = home->since;
	int err = kith_homeless_cause(s, reason);
	if (!was_home && s->hs != NULL && s->hs->why == KITH_EEXIST) {
		found_again(c, home, s);
		return;
	}
	if (was_home && home->took)
		works(c, home);
	give_up(c, home, err);
	if (!was_home)
		return;
	if (s->ended.remote)
		kith_homeless_ended(c, since, reason, err);
	if (reason == KITH_CLOSE_TIMED_OUT)
		kith_doubt_ask(c);
	KITH_LOG(c->log, KITH_LOG_INFO, "home_lost session=%08x reason=%u homes=%u", s->index, reason,
		 kith_homes_count(c));
	tell_homes(c);
	publish_by(c, c->now.mono_us + MOVE_US);
}

void kith_homes_dismiss(struct kith_core *c)
{
	c->leaf.caught = false;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &c->leaf.homes[i];
		struct kith_session *s = home->caught ? kith_homes_session(c, home) : NULL;
		if (s == NULL)
			continue;
		s->use &= (uint8_t)~KITH_USE_HOME;
		give_up(c, home, KITH_EPROTO);
		tell_homes(c);
		publish_by(c, c->now.mono_us + MOVE_US);
	}
}

int kith_homes_slot(const struct kith_core *c, const struct kith_session *s)
{
	for (int i = 0; i < KITH_HOMES; i++) {
		if (c->leaf.homes[i].state == KITH_HOME_ATTACHED && c->leaf.homes[i].session == s->index)
			return i;
	}
	return -1;
}

void kith_homes_on_leave(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_room room;
	struct kith_msg_leave m;
	struct kith_home_slot *home = kith_place_of(c, s->index);
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
	if (home == NULL)
		return;
	if (kith_msg_leave_read(&m, &room, request->body) == 0)
		(void)kith_hosts_learn(c, s, m.members);
	s->use &= (uint8_t)~KITH_USE_HOME; /* the end of this session is no loss: its slot goes to another home now */
	give_up(c, home, KITH_EDETACHED);
	tell_homes(c);
	publish_by(c, c->now.mono_us + MOVE_US);
}

void kith_homes_tick(struct kith_core *c)
{
	kith_time_us doubt = kith_doubt_tick(c);
	if (doubt != KITH_TIME_NEVER)
		kith_homes_wake(c, doubt);
	else if (kith_homes_count(c) == KITH_HOMES)
		end_scouts(c);
	settle_attempts(c);
	settle_waiting(c);
	settle_parting(c);
	if (c->leaf.parting != 0)
		kith_homes_wake(c, c->leaf.part_at);
	kith_time_us again = kith_homeless_tick(c, kith_homes_count(c));
	fill_slots(c);
	if (again != KITH_TIME_NEVER)
		kith_homes_wake(c, again);
}
