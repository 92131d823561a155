#include "call/outage.h"

#include "base/addr.h"
#include "call/dial.h"
#include "call/relays.h"
#include "stream/stream.h"

#define FIRST_RETRY_US (KITH_US_PER_S / 2)
#define CALLEE_LATER_US KITH_US_PER_S /* one tunnel is enough: the caller asks first */
#define RETRY_MIN_US KITH_US_PER_S
#define RETRY_MAX_US (60 * KITH_US_PER_S)

/* ---- ways back ---- */

/* Whether the session is with a supernode that one of the peer's paths leads through. */
static bool relays_for(const struct kith_session *via, const struct kith_session *s)
{
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		if (kith_path_is_relay(p) && kith_addr_equal(&kith_session_hop(via)->remote, &p->hop.remote))
			return true;
	}
	return false;
}

/* Our homes, and the supernodes that relay for the session: if our own address has changed they do not know it, and
 * send what is for us to the old one until they hear from us. */
static void ask_supernodes(struct kith_core *c, const struct kith_session *s)
{
	uint32_t it = 0;
	struct kith_session *via;
	while ((via = kith_table_next(&c->sessions.by_device, &it)) != NULL) {
		if (via->state == KITH_SESSION_OPEN && ((via->use & KITH_USE_HOME) != 0 || relays_for(via, s)))
			kith_pathset_check(&via->paths, kith_env(c, via));
	}
}

/* Another tunnel; when all homes of the peer were asked, they are asked again, and perhaps it has others by now. */
static void look_for_a_way(struct kith_core *c, struct kith_session *s)
{
	static const struct kith_span nothing = { NULL, 0 };
	if (kith_relays_next(c, s, nothing))
		return;
	s->peer->homes_used = 0;
	kith_dial_refresh(c, s);
	(void)kith_relays_next(c, s, nothing);
}

static kith_time_us next_retry(const struct kith_outage *o, kith_time_us now)
{
	kith_time_us wait = (now - o->since) / 2;
	wait = wait > RETRY_MIN_US ? wait : RETRY_MIN_US;
	return now + (wait < RETRY_MAX_US ? wait : RETRY_MAX_US);
}

/* ---- beginning and end ---- */

static kith_time_us patience_of(const struct kith_peer *peer)
{
	return peer->patience_us != 0 ? peer->patience_us : KITH_PATIENCE_US;
}

static void set_end(struct kith_peer *peer)
{
	kith_time_us patience = patience_of(peer);
	peer->outage.give_up_at =
		patience < KITH_TIME_NEVER - peer->outage.since ? peer->outage.since + patience : KITH_TIME_NEVER;
}

static void begin(struct kith_core *c, struct kith_session *s)
{
	struct kith_outage *o = &s->peer->outage;
	*o = (struct kith_outage){ .since = c->now.mono_us, .heard_at = kith_session_heard_at(s) };
	o->retry_at = o->since + FIRST_RETRY_US + (s->initiator ? 0 : CALLEE_LATER_US);
	set_end(s->peer);
	ask_supernodes(c, s);
}

static void tell(struct kith_core *c, struct kith_session *s, enum kith_event_type type)
{
	struct kith_event *ev = kith_event_push(c, type);
	if (ev == NULL)
		return;
	ev->session = s->index;
	ev->silent_us = c->now.mono_us - s->peer->outage.heard_at;
}

static void over(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer *peer = s->peer;
	bool told = peer->outage.told;
	if (told)
		tell(c, s, KITH_EVENT_RESUMED);
	kith_outage_stop(c, s);
	if (told && peer->streams != NULL)
		kith_streams_resumed(peer->streams, c->now.mono_us);
}

void kith_outage_look(struct kith_core *c, struct kith_session *s)
{
	bool lost = kith_pathset_in_doubt(&s->paths);
	if (lost && s->peer->outage.since == 0)
		begin(c, s);
	else if (!lost && s->peer->outage.since != 0)
		over(c, s);
}

void kith_outage_stop(struct kith_core *c, struct kith_session *s)
{
	if (s->peer->outage.told)
		c->interrupted--;
	s->peer->outage = (struct kith_outage){ 0 };
}

void kith_outage_patience(struct kith_core *c, struct kith_session *s, kith_time_us patience_us)
{
	s->peer->patience_us = patience_us;
	if (s->peer->outage.since != 0)
		set_end(s->peer);
	kith_session_touch(c, s);
}

/* ---- time ---- */

kith_time_us kith_outage_deadline(const struct kith_session *s)
{
	const struct kith_outage *o = &s->peer->outage;
	if (o->since == 0)
		return KITH_TIME_NEVER;
	kith_time_us at = o->retry_at < o->give_up_at ? o->retry_at : o->give_up_at;
	if (!o->told && o->since + KITH_INTERRUPTED_US < at)
		at = o->since + KITH_INTERRUPTED_US;
	return at;
}

void kith_outage_tick(struct kith_core *c, struct kith_session *s)
{
	struct kith_outage *o = &s->peer->outage;
	const kith_time_us now = c->now.mono_us;
	if (o->since == 0)
		return;
	bool tells = !o->told && now - o->since >= KITH_INTERRUPTED_US;
	if (o->give_up_at <= now || (tells && c->interrupted == KITH_INTERRUPTED_MAX)) {
		kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
		return;
	}
	if (tells) {
		tell(c, s, KITH_EVENT_INTERRUPTED);
		o->told = true;
		c->interrupted++;
		kith_pathset_interrupted(&s->paths, kith_env(c, s));
	}
	if (o->retry_at <= now) {
		look_for_a_way(c, s);
		o->retry_at = next_retry(o, now);
	}
}

/* ---- all at once ---- */

static struct kith_session *next_of(struct kith_core *c, uint32_t *it)
{
	struct kith_session *s;
	while ((s = kith_table_next(&c->sessions.by_index, it)) != NULL) {
		if (s->state == KITH_SESSION_OPEN && (s->use & (KITH_USE_PEER | KITH_USE_HOME)) != 0)
			return s;
	}
	return NULL;
}

void kith_outage_hurry(struct kith_core *c)
{
	uint32_t it = 0;
	struct kith_session *s;
	while ((s = next_of(c, &it)) != NULL) {
		if ((s->use & KITH_USE_PEER) == 0 || s->peer->outage.since == 0)
			continue;
		s->peer->homes_used = 0;
		s->peer->outage.retry_at = c->now.mono_us;
		kith_pathset_again(&s->paths, kith_env(c, s));
	}
}

void kith_outage_woken(struct kith_core *c)
{
	uint32_t it = 0;
	struct kith_session *s;
	while ((s = next_of(c, &it)) != NULL) {
		kith_pathset_again(&s->paths, kith_env(c, s));
		struct kith_outage *o = (s->use & KITH_USE_PEER) != 0 ? &s->peer->outage : NULL;
		if (o == NULL || o->since == 0)
			continue;
		kith_time_us least = c->now.mono_us + KITH_PATH_ALL_DEAD_US;
		o->give_up_at = o->give_up_at > least ? o->give_up_at : least;
		o->retry_at = c->now.mono_us;
	}
}
