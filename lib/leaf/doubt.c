#include "leaf/doubt.h"

#include "leaf/places.h"

#define DOUBT_US (5 * KITH_US_PER_S) /* without an answer of one home, while another does */
#define ANSWER_US (3 * KITH_US_PER_S / 2) /* from the first answer of any: in doubt, each is asked once a second */
#define GRACE_US                                                                                                       \
	(300 * KITH_US_PER_MS) /* for homes to answer when another does, that the line brought back with them */
#define LOOK_US (KITH_US_PER_S / 2)

static struct kith_session *session(struct kith_core *c, size_t i)
{
	const struct kith_home_slot *home = &c->leaf.homes[i];
	return home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
}

/* Since when a session has not answered; KITH_TIME_NEVER: no question is out on it. */
static kith_time_us silent_since(const struct kith_session *s)
{
	const struct kith_path *p = kith_pathset_sending(&s->paths);
	return p != NULL && p->state == KITH_PATH_SUSPECT ? p->since : KITH_TIME_NEVER;
}

void kith_doubt_ask(struct kith_core *c)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_session *s = session(c, i);
		if (s != NULL && s->state == KITH_SESSION_OPEN)
			kith_pathset_check(&s->paths, kith_env(c, s));
	}
}

kith_time_us kith_doubt_look(struct kith_core *c, const struct kith_session *s)
{
	struct kith_home_slot *place = kith_place_of(c, s->index);
	kith_time_us since = silent_since(s);
	if (place == NULL || place->doubted || place->state != KITH_HOME_ATTACHED || since == KITH_TIME_NEVER)
		return KITH_TIME_NEVER;
	place->doubted = true;
	kith_doubt_ask(c); /* comes here again for each of those, and doubts each once */
	return c->now.mono_us + LOOK_US;
}

/* Whether a home has been heard since any was in doubt. */
static bool any_answers(struct kith_core *c, kith_time_us since)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_session *s = session(c, i);
		if (s != NULL && silent_since(s) == KITH_TIME_NEVER && kith_session_heard_at(s) > since)
			return true;
	}
	return false;
}

/* Since when the home has been silent that was for longest; NEVER: each answers, or there is none. */
static kith_time_us first_silence(struct kith_core *c)
{
	kith_time_us first = KITH_TIME_NEVER;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_session *s = session(c, i);
		kith_time_us since = s != NULL ? silent_since(s) : KITH_TIME_NEVER;
		first = since < first ? since : first;
	}
	return first;
}

/* Since when homes answer while others are in doubt; NEVER: none does. */
static kith_time_us answering_since(struct kith_core *c)
{
	const kith_time_us first = first_silence(c);
	if (first == KITH_TIME_NEVER || !any_answers(c, first))
		c->leaf.answered_at = KITH_TIME_NEVER;
	else if (c->leaf.answered_at == KITH_TIME_NEVER)
		c->leaf.answered_at = c->now.mono_us;
	return c->leaf.answered_at;
}

kith_time_us kith_doubt_tick(struct kith_core *c)
{
	kith_time_us now = c->now.mono_us, again = KITH_TIME_NEVER;
	kith_time_us answered = answering_since(c);
	bool line = answered != KITH_TIME_NEVER && now - answered >= ANSWER_US;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &c->leaf.homes[i];
		struct kith_session *s = home->doubted ? session(c, i) : NULL;
		kith_time_us since = s != NULL ? silent_since(s) : KITH_TIME_NEVER;
		if (since == KITH_TIME_NEVER)
			home->doubted = false;
		else if (line && now - since >= DOUBT_US)
			kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
		else
			again = now + LOOK_US;
	}
	return again;
}

bool kith_doubt_all(struct kith_core *c, kith_time_us for_us)
{
	unsigned homes = 0;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_session *s = session(c, i);
		kith_time_us since = s != NULL ? silent_since(s) : 0;
		if (since == KITH_TIME_NEVER || c->now.mono_us - since < for_us)
			return false;
		homes += s != NULL;
	}
	return homes > 0;
}

kith_time_us kith_doubt_grace(struct kith_core *c)
{
	kith_time_us wait = GRACE_US;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_session *s = session(c, i);
		if (s == NULL)
			continue;
		kith_pathset_again(&s->paths, kith_env(c, s));
		kith_time_us period = kith_path_period(kith_pathset_sending(&s->paths));
		wait = wait < period ? period : wait;
	}
	return c->now.mono_us + wait;
}

bool kith_doubt_silent(struct kith_core *c, const struct kith_home_slot *home)
{
	const struct kith_session *s = session(c, (size_t)(home - c->leaf.homes));
	return s != NULL && silent_since(s) != KITH_TIME_NEVER;
}
