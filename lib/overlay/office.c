#include "overlay/office.h"

#include <string.h>

#include <kith/err.h>

void kith_office_init(struct kith_office *o, enum kith_role role, const struct kith_terms *terms, kith_time_us now)
{
	memset(o, 0, sizeof *o);
	o->role = (uint8_t)role;
	o->terms = *terms;
	o->since = now;
}

int kith_office_check(enum kith_role role, const struct kith_terms *t)
{
	if (role != KITH_ROLE_LEAF && role != KITH_ROLE_SUPERNODE && role != KITH_ROLE_AUTO)
		return KITH_EINVAL;
	if (t->consent != KITH_CONSENT_ASK && t->consent != KITH_CONSENT_YES && t->consent != KITH_CONSENT_NO)
		return KITH_EINVAL;
	return t->memory_max == 0 || t->memory_max >= KITH_SERVING_MEMORY_LEAST ? 0 : KITH_EINVAL;
}

/* ---- may it ---- */

static enum kith_role_reason hindered(const struct kith_office *o)
{
	if ((o->hindrances & KITH_HINDRANCE_BATTERY) != 0 && !o->terms.on_battery)
		return KITH_ROLE_WHY_BATTERY;
	if ((o->hindrances & KITH_HINDRANCE_METERED) != 0 && !o->terms.on_metered)
		return KITH_ROLE_WHY_METERED;
	return KITH_ROLE_WHY_NONE;
}

/* What the user, the operator and the machine say; the network is another matter. */
static enum kith_role_reason forbidden(const struct kith_office *o)
{
	if (o->role == KITH_ROLE_LEAF)
		return KITH_ROLE_WHY_LEAF;
	if (o->barred)
		return KITH_ROLE_WHY_NETWORK;
	if (o->role == KITH_ROLE_SUPERNODE)
		return KITH_ROLE_WHY_NONE;
	return o->terms.consent == KITH_CONSENT_NO ? KITH_ROLE_WHY_REFUSED : hindered(o);
}

static bool is_found(const struct kith_office *o, kith_time_us now)
{
	return o->found.addr.family != KITH_FAMILY_NONE && now < o->found_until;
}

enum kith_role_reason kith_office_obstacle(const struct kith_office *o, kith_time_us now)
{
	enum kith_role_reason why = forbidden(o);
	if (why == KITH_ROLE_WHY_NONE && o->role == KITH_ROLE_AUTO && o->leaves_max < KITH_OFFICE_LEAVES_LEAST)
		return KITH_ROLE_WHY_SMALL;
	if (why != KITH_ROLE_WHY_NONE || is_found(o, now) || (o->certified && o->configured))
		return why;
	return KITH_ROLE_WHY_UNPROVEN;
}

static bool is_asked(const struct kith_office *o, kith_time_us now)
{
	return o->asked && now < o->asked_until;
}

enum kith_role_reason kith_office_why(const struct kith_office *o, kith_time_us now, bool seen)
{
	if (o->serving)
		return o->role == KITH_ROLE_SUPERNODE || o->changed == KITH_ROLE_WHY_NONE ? KITH_ROLE_WHY_CONFIGURED
											  : o->changed;
	enum kith_role_reason why = kith_office_obstacle(o, now);
	if (why == KITH_ROLE_WHY_UNPROVEN && !o->configured && !seen)
		return KITH_ROLE_WHY_NO_ADDRESS;
	if (why != KITH_ROLE_WHY_NONE)
		return why;
	return is_asked(o, now) ? KITH_ROLE_WHY_CONSENT : KITH_ROLE_WHY_NOT_ASKED;
}

/* ---- what is left behind ---- */

static void wish_begin(struct kith_office *o, enum kith_role_reason why)
{
	o->asked = false;
	o->end = KITH_ROLE_WHY_NONE;
	o->begin = o->serving ? KITH_ROLE_WHY_NONE : (uint8_t)why;
}

static void wish_end(struct kith_office *o, enum kith_role_reason why)
{
	o->asked = false;
	o->begin = KITH_ROLE_WHY_NONE;
	o->end = o->serving ? (uint8_t)why : KITH_ROLE_WHY_NONE;
}

/* Ends what may not be. */
static void look_again(struct kith_office *o)
{
	enum kith_role_reason why = forbidden(o);
	if (why != KITH_ROLE_WHY_NONE)
		wish_end(o, why);
}

void kith_office_bar(struct kith_office *o, bool barred)
{
	o->barred = barred;
	look_again(o);
}

void kith_office_set(struct kith_office *o, enum kith_role role, const struct kith_terms *terms, kith_time_us now)
{
	o->role = (uint8_t)role;
	kith_office_consent(o, terms->consent, now);
	o->terms = *terms;
	look_again(o);
}

int kith_office_ask(struct kith_office *o, kith_time_us now, kith_time_us patience_us)
{
	if (o == NULL)
		return KITH_EACCES;
	if (o->serving)
		return KITH_ESTATE;
	if (kith_office_obstacle(o, now) != KITH_ROLE_WHY_NONE)
		return KITH_EACCES;
	if (o->terms.consent == KITH_CONSENT_YES || o->role == KITH_ROLE_SUPERNODE) {
		wish_begin(o, KITH_ROLE_WHY_HELP);
		return 0;
	}
	if (is_asked(o, now))
		return KITH_EAGAIN;
	if (now < o->ask_again_at)
		return KITH_EACCES; /* the user has not answered last time, and is left alone for a while */
	o->asked = o->tell_asked = true;
	o->asked_until = now + patience_us;
	o->ask_again_at = now + KITH_OFFICE_ASK_US;
	return KITH_EAGAIN;
}

void kith_office_consent(struct kith_office *o, enum kith_consent consent, kith_time_us now)
{
	bool asked = is_asked(o, now);
	o->terms.consent = consent;
	if (consent == KITH_CONSENT_YES && asked && forbidden(o) == KITH_ROLE_WHY_NONE)
		wish_begin(o, KITH_ROLE_WHY_HELP);
	if (consent != KITH_CONSENT_ASK)
		o->asked = o->tell_asked = false;
	look_again(o);
}

void kith_office_hinder(struct kith_office *o, unsigned hindrances)
{
	if (o == NULL)
		return;
	o->hindrances = (uint8_t)(hindrances & (KITH_HINDRANCE_BATTERY | KITH_HINDRANCE_METERED));
	look_again(o);
}

void kith_office_resign(struct kith_office *o)
{
	if (o != NULL && o->role != KITH_ROLE_SUPERNODE)
		wish_end(o, KITH_ROLE_WHY_IDLE);
}

/* ---- what others found ---- */

void kith_office_found(struct kith_office *o, const struct kith_endpoint *at, kith_time_us until)
{
	if (o == NULL)
		return;
	memset(&o->found, 0, sizeof o->found);
	o->found_until = until;
	if (at != NULL)
		o->found = *at;
}

static struct kith_office_trial *trial_of(const struct kith_office *o, const struct kith_endpoint *at)
{
	for (size_t i = 0; i < KITH_OFFICE_TRIALS; i++)
		if (kith_endpoint_equal(&o->trials[i].at, at))
			return (struct kith_office_trial *)(uintptr_t)&o->trials[i];
	return NULL;
}

/* One that works and was told so, in turn; else the next in turn. */
static struct kith_office_trial *make_room(struct kith_office *o)
{
	for (unsigned i = 0; i < KITH_OFFICE_TRIALS; i++) {
		unsigned at = (o->trials_at + i) % KITH_OFFICE_TRIALS;
		if (o->trials[at].err != 0 || o->trials[at].told != 0)
			continue;
		o->trials_at = (uint8_t)((at + 1) % KITH_OFFICE_TRIALS);
		return &o->trials[at];
	}
	struct kith_office_trial *t = &o->trials[o->trials_at];
	o->trials_at = (uint8_t)((o->trials_at + 1u) % KITH_OFFICE_TRIALS);
	return t;
}

void kith_office_tried(struct kith_office *o, const struct kith_endpoint *at, int err)
{
	struct kith_office_trial *t = o != NULL ? trial_of(o, at) : NULL;
	if (o == NULL || (t == NULL && err == 0))
		return;
	if (t == NULL) {
		t = make_room(o);
		memset(t, 0, sizeof *t);
		t->at = *at;
	}
	t->err = err;
}

bool kith_office_is_failing(const struct kith_office *o, const struct kith_endpoint *at)
{
	const struct kith_office_trial *t = trial_of(o, at);
	return t != NULL && t->err != 0;
}

struct kith_office_trial *kith_office_untold(struct kith_office *o)
{
	for (size_t i = 0; i < KITH_OFFICE_TRIALS; i++)
		if (o->trials[i].err != o->trials[i].told)
			return &o->trials[i];
	return NULL;
}

/* ---- what is ---- */

static void become(struct kith_office *o, bool serving, enum kith_role_reason why, kith_time_us now)
{
	o->serving = serving;
	o->changed = (uint8_t)why;
	o->since = now;
	o->err = 0;
	o->begin = o->end = KITH_ROLE_WHY_NONE;
	o->asked = o->tell_asked = false;
	o->load = 0;
}

void kith_office_began(struct kith_office *o, enum kith_role_reason why, kith_time_us now)
{
	become(o, true, why, now);
}

void kith_office_ended(struct kith_office *o, enum kith_role_reason why, kith_time_us now)
{
	become(o, false, why, now);
}

void kith_office_failed(struct kith_office *o, int err)
{
	o->begin = KITH_ROLE_WHY_NONE;
	o->changed = KITH_ROLE_WHY_FAILED;
	o->err = err;
}
