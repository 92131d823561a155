#include "leaf/choice.h"

#include "base/addr.h"
#include "leaf/places.h"
#include "link/ways.h"

/* Classes of host cache entries by the transport that leads to them; what is silent has one more for each attempt. */
enum { FREE, COSTLY, SILENT, CLASS_MAX = SILENT + KITH_HOMES + KITH_SPARES };

bool kith_choice_merge(struct kith_core *c, int i, const struct kith_home_slot *home)
{
	struct kith_person person;
	uint8_t author[KITH_HOME_TAG_LEN];
	const struct kith_session *s = kith_sessions_get(&c->sessions, home->session);
	if (s == NULL || !kith_session_person(c, s, &person))
		return false;
	kith_home_tag(c->suite, author, &person.device_sign);
	return kith_hostcache_learn(&c->leaf.cache, i, &person.device_dh, author) == KITH_EEXIST;
}

/* A home of ours was reached through another entry of its: the entry learns the key and is merged with the home's own,
 * or is left alone for a while. */
static void set_aside(struct kith_core *c, int i, const struct kith_host *host)
{
	static const struct kith_key no_key;
	for (size_t k = 0; k < KITH_HOMES; k++) {
		const struct kith_home_slot *home = &c->leaf.homes[k];
		if (home->state == KITH_HOME_ATTACHED && memcmp(&host->dh, &no_key, sizeof no_key) == 0 &&
		    kith_endpoint_equal(&home->host.endpoints[0], &host->endpoints[0]) && kith_choice_merge(c, i, home))
			return;
	}
	kith_hostcache_failed(&c->leaf.cache, i, c->now.mono_us, c->random, 0);
}

/* What a place says about a transport: a home that is reached by it, or an attempt that it brought no answer of. */
struct word {
	bool home, silent;
};

static struct word word_of(struct kith_core *c, const struct kith_home_slot *place, uint16_t transport)
{
	struct word word = { false, false };
	const struct kith_session *s =
		place->state != KITH_HOME_FREE ? kith_sessions_get(&c->sessions, place->session) : NULL;
	if (s == NULL)
		return word;
	if (s->state == KITH_SESSION_OPEN)
		word.home = kith_session_hop(s)->transport == transport;
	for (uint8_t i = 0; kith_ways_silent(s) && i < s->hs->tries && i < s->hs->ways_n; i++)
		word.silent = word.silent || s->hs->ways[i].transport == transport;
	return word;
}

static uint8_t class_of(struct kith_core *c, const struct kith_host *host)
{
	uint16_t transport;
	unsigned silent = 0;
	if (!kith_ways_transport(c, host, &transport))
		return FREE;
	for (unsigned i = 0; i < kith_places(c); i++) {
		const struct word word = word_of(c, kith_place(c, i), transport);
		if (word.home)
			return FREE;
		silent += word.silent;
	}
	if (silent > 0 || kith_transports_is_mute(&c->transports, transport))
		return (uint8_t)(SILENT + silent);
	return kith_transports_cost(&c->transports, transport) > 0 ? COSTLY : FREE;
}

static unsigned class_at(void *core, int i)
{
	struct kith_core *c = core;
	struct kith_host host;
	kith_hostcache_get(&c->leaf.cache, i, &host);
	return class_of(c, &host);
}

int kith_choice_next(struct kith_core *c, struct kith_host *host)
{
	const struct kith_hostcache_classes classes = { class_at, c, CLASS_MAX + 1 };
	for (;;) {
		int i = kith_hostcache_pick_by(&c->leaf.cache, c->now.mono_us, c->random, KITH_PICK_ANY, &classes);
		if (i < 0 || c->leaf.cache.at[i].failures > 0) {
			int drawn = kith_hostcache_draw(&c->leaf.cache, c->now.mono_us, c->random);
			i = drawn >= 0 ? drawn : i;
		}
		if (i < 0)
			return KITH_ENOENT;
		kith_hostcache_get(&c->leaf.cache, i, host);
		if (!kith_place_in_use(c, host))
			return i;
		set_aside(c, i, host);
	}
}

bool kith_choice_elsewhere(struct kith_core *c)
{
	for (int i = 0; i < c->leaf.cache.n; i++) {
		const struct kith_hostcache_entry *e = &c->leaf.cache.at[i];
		const bool away = (e->flags & KITH_HOST_USED) != 0 || (e->failures > 0 && e->retry_at > c->now.mono_us);
		if (!away && class_at(c, i) < SILENT)
			return true;
	}
	return false;
}

/* Whether that attempt has been silent for long enough, and no home is reached as it was tried. */
static bool is_cut_off(struct kith_core *c, const struct kith_home_slot *place)
{
	const struct kith_session *s =
		place->state == KITH_HOME_CONNECTING ? kith_sessions_get(&c->sessions, place->session) : NULL;
	bool cut_off = s != NULL && kith_ways_silent(s) && c->now.mono_us - place->since >= KITH_STAGGER_US;
	for (unsigned i = 0; cut_off && i < kith_places(c); i++)
		cut_off = !word_of(c, kith_place(c, i), s->hs->ways[0].transport).home;
	return cut_off;
}

unsigned kith_choice_spares(struct kith_core *c, unsigned homes)
{
	unsigned n = 0;
	if (homes == KITH_HOMES || c->leaf.attempts >= KITH_CHOICE_PATIENT)
		return 0;
	for (unsigned i = 0; c->now.mono_us >= c->leaf.eased_until && i < kith_places(c); i++)
		n += is_cut_off(c, kith_place(c, i));
	if (n > 0 && !kith_choice_elsewhere(c))
		n = 0;
	n = n > c->leaf.attempts ? n : c->leaf.attempts;
	return n < KITH_SPARES ? n : KITH_SPARES;
}
