#include "super/help.h"

#include "base/rng.h"
#include "link/connect.h"
#include "overlay/pick.h"
#include "super/members.h"
#include "super/partners.h"
#include "super/seek.h"
#include "super/sponsor.h"
#include "super/tunnels.h"

#define STEP_US (1 * KITH_US_PER_S)
#define NEWS_US (5 * KITH_US_PER_S) /* a newcomer begins, and is heard of */
#define WIDEN_US (60 * KITH_US_PER_S)
#define DRAIN_US (180 * KITH_US_PER_S)
enum {
	SHARE = 20, /* one leaf in so many a second */
	SHARE_CALM = 100, /* where there is no hurry: one that moves is as much work as one that stays for minutes */
	RELIEVED = 500, /* permille: no more are moved */
	WIDEN_BELOW = 650 /* permille: what a newcomer is to have in the end, and some room */
};

/* ---- asking ---- */

static int ask(struct kith_core *c, struct kith_session *s)
{
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_person person;
	if (!kith_session_person(c, s, &person))
		return KITH_ECHAIN;
	int n = kith_seek_help_body(c, &person.device_dh, body);
	if (n < 0)
		return n;
	c->super->help.newcomer = (struct kith_host){ .dh = person.device_dh,
						      .endpoints_n = 1,
						      .endpoints = { kith_sponsor_figures(c, s)->endpoint } };
	return kith_session_request(c, s, KITH_REQ_HELP, (struct kith_span){ body, (size_t)n },
				    kith_token(KITH_TOKEN_HELP, s->index));
}

/* The best of our leaves. */
static bool ask_own(struct kith_core *c, bool near)
{
	struct kith_session *own[KITH_ELECTION_CANDIDATES];
	size_t n = kith_seek_own(c, near, own);
	struct kith_session *best = kith_seek_best(c, own, n);
	c->super->help.asking = best != NULL && ask(c, best) == 0;
	KITH_LOG(c->log, best != NULL ? KITH_LOG_INFO : KITH_LOG_WARN,
		 "help_wanted load=%u leaves=%u candidates=%zu near=%d", c->super->load.smooth, c->super->leaves, n,
		 (int)near);
	return c->super->help.asking;
}

/* The best of other members' leaves; when there is none left, ours that fall silent with us. */
static void ask_sought(struct kith_core *c)
{
	struct kith_help *h = &c->super->help;
	struct kith_host home;
	uint8_t body[KITH_REQUEST_MAX];
	uint32_t session;
	while (kith_seek_next(c, &h->newcomer, &home)) {
		int n = kith_seek_help_body(c, &h->newcomer.dh, body);
		kith_super_introduce(c, &home);
		if (n > 0 && kith_connect_request(c, &home, KITH_USE_MEMBER, KITH_REQ_HELP,
						  (struct kith_span){ body, (size_t)n },
						  kith_token(KITH_TOKEN_SOUGHT, 0), &session) == 0) {
			h->asking = true;
			return;
		}
	}
	(void)ask_own(c, true);
}

static void help_comes(struct kith_core *c, uint64_t places, uint32_t share)
{
	struct kith_help *h = &c->super->help;
	const uint32_t half = c->super->leaves / 2;
	kith_seek_end(c);
	h->left = places < half ? (uint32_t)places : half;
	h->share = share;
	h->next_at = c->now.mono_us + NEWS_US;
	h->round++;
	KITH_LOG(c->log, KITH_LOG_INFO, "help_comes leaves=%u", h->left);
	kith_super_wake(c, h->next_at);
}

/* What the members say of their loads, and what we know of ours. */
static struct kith_census census(const struct kith_core *c)
{
	const struct kith_supernode *sn = c->super;
	const struct kith_member *self = kith_members_get(&sn->members, &sn->id);
	struct kith_census all = { .own = sn->load.smooth };
	for (uint32_t i = 0; i < sn->members.n; i++) {
		const struct kith_member *m = sn->members.at[i];
		const uint32_t load = m == self ? all.own : kith_election_load_permille(m->load);
		if (!kith_member_live(m))
			continue;
		all.n++;
		all.above += load > KITH_ELECTION_ASK;
		all.sum += load;
	}
	return all;
}

/* One of some that are drawn, which has less to do, takes leaves of ours. Any of them, and not the one with the least:
 * others look for one at the same time. */
static void lean(struct kith_core *c, const struct kith_census *all)
{
	const struct kith_member *drawn[KITH_ELECTION_CANDIDATES];
	const uint32_t n = kith_members_pick(&c->super->members, c->random, c->now.mono_us, &c->super->id, drawn,
					     KITH_ELECTION_CANDIDATES);
	uint32_t leaves = 0;
	for (uint32_t i = 0; i < n && leaves == 0; i++) {
		leaves = kith_election_evens(&c->super->help.looks, all, c->super->leaves,
					     kith_election_load_permille(drawn[i]->load));
		if (leaves > 0)
			kith_member_host(drawn[i], &c->super->help.newcomer);
	}
	if (leaves > 0)
		help_comes(c, leaves, SHARE_CALM);
}

static void ask_best(struct kith_core *c)
{
	const struct kith_census all = census(c);
	if (!kith_election_promotes(&c->super->help.looks, &all, c->random)) {
		lean(c, &all);
		return;
	}
	if (!ask_own(c, false) && !kith_seek_begin(c))
		(void)ask_own(c, true);
	kith_super_wake(c, kith_seek_until(c));
}

void kith_help_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_msg_helped m;
	if (!kith_serves(c))
		return;
	struct kith_help *h = &c->super->help;
	h->asking = false;
	if (answer->err == 0 && kith_msg_helped_read(&m, answer->body) == 0) {
		help_comes(c, m.places, SHARE);
		return;
	}
	kith_seek_refused(c, s);
	h->need.asked_at = 0; /* the next best, in the next second */
	KITH_LOG(c->log, KITH_LOG_INFO, "help_refused session=%08x err=%d", s->index, answer->err);
}

void kith_help_on_nominated(struct kith_core *c, const struct kith_answer *answer)
{
	if (kith_serves(c) && kith_seek_heard(c, answer))
		ask_sought(c);
}

void kith_help_on_sought(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_msg_helped m;
	if (!kith_serves(c))
		return;
	c->super->help.asking = false;
	if (answer->err == 0 && kith_msg_helped_read(&m, answer->body) == 0)
		help_comes(c, m.places, SHARE);
	else
		ask_sought(c);
}

/* ---- leaves that go ---- */

static size_t hand_over_body(const struct kith_host *host, uint8_t *out, size_t cap)
{
	uint8_t entry[KITH_HOST_LEN_MAX];
	struct kith_span bytes = { entry, kith_host_make(entry, host) };
	const struct kith_msg_leave m = { .hosts = { &bytes, 1 } };
	return kith_msg_leave_write(out, cap, &m);
}

/* Sends a request to up to n leaves that had none of this round; returns how many. */
static uint32_t tell(struct kith_core *c, uint8_t kind, struct kith_span body, uint32_t n)
{
	struct kith_help *h = &c->super->help;
	struct kith_session *s;
	uint32_t told = 0, it = 0;
	while (told < n && (s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (!(s->use & KITH_USE_LEAF) || s->state != KITH_SESSION_OPEN || s->attached->round == h->round ||
		    memcmp(s->device, h->newcomer.dh.b, KITH_DEVICE_ID_LEN) == 0)
			continue;
		s->attached->round = h->round;
		told += kith_session_request(c, s, kind, body, kith_token(KITH_TOKEN_IGNORE, 0)) == 0;
	}
	return told;
}

static uint32_t share_of(uint32_t leaves, uint32_t share)
{
	return leaves >= share ? leaves / share : 1;
}

static void hand_over(struct kith_core *c)
{
	struct kith_help *h = &c->super->help;
	uint8_t body[256];
	if (h->left == 0 || c->now.mono_us < h->next_at)
		return;
	h->next_at = c->now.mono_us + STEP_US;
	size_t len = hand_over_body(&h->newcomer, body, sizeof body);
	uint32_t n = share_of(c->super->leaves, h->share);
	n = n < h->left ? n : h->left;
	uint32_t told = tell(c, KITH_REQ_MOVE, (struct kith_span){ body, len }, n);
	const struct kith_load *load = &c->super->load; /* one second says nothing while the mean is too much */
	const bool relieved = load->permille < RELIEVED && load->smooth < KITH_ELECTION_ASK;
	h->left = told < n || relieved ? 0 : h->left - told;
}

/* ---- office ---- */

void kith_help_elected(struct kith_core *c, uint32_t places)
{
	struct kith_help *h = &c->super->help;
	h->elected = true;
	h->tenure = (struct kith_tenure){ .since = kith_paced(c) };
	h->places = h->places_step = places;
	h->places_at = kith_paced(c);
}

/* More places, as long as those that are taken are no burden. */
static void widen(struct kith_core *c)
{
	struct kith_help *h = &c->super->help;
	uint32_t most = c->super->leaves_max;
	if (h->places == 0 || kith_paced(c) - h->places_at < WIDEN_US)
		return;
	h->places_at = kith_paced(c);
	if (c->super->load.smooth < WIDEN_BELOW)
		h->places = most - h->places > h->places_step ? h->places + h->places_step : most;
}

/* Looks at what all have to do. */
static bool is_time_to_go(struct kith_core *c)
{
	struct kith_help *h = &c->super->help;
	if (h->draining || kith_paced(c) - h->looked_at < KITH_ELECTION_LOOK_US)
		return false;
	h->looked_at = kith_paced(c);
	const struct kith_census all = census(c);
	kith_election_look(&h->looks, &all);
	return h->elected && c->office->role != KITH_ROLE_SUPERNODE &&
	       kith_election_goes(&h->tenure, kith_paced(c), &h->looks, &all, c->random);
}

static void begin_drain(struct kith_core *c)
{
	struct kith_help *h = &c->super->help;
	h->draining = true;
	h->left = 0;
	h->round++;
	h->drain_by = c->now.mono_us + DRAIN_US;
	h->next_at = c->now.mono_us;
	h->drained_at_once = share_of(c->super->leaves, SHARE_CALM);
	memset(&h->newcomer, 0, sizeof h->newcomer);
	KITH_LOG(c->log, KITH_LOG_INFO, "office_ends load=%u leaves=%u", c->super->load.smooth, c->super->leaves);
	if (kith_super_make_entry(c, KITH_MEMBER_LEFT) == 0)
		kith_partners_goodbye(c);
	kith_tunnels_drain(c, KITH_TUNNEL_DRAIN_US);
}

static void drain(struct kith_core *c)
{
	struct kith_help *h = &c->super->help;
	uint8_t body[KITH_REQUEST_MAX];
	if (!h->draining || h->done || c->now.mono_us < h->next_at)
		return;
	h->next_at = c->now.mono_us + STEP_US;
	size_t len = kith_super_leave_write(c, DRAIN_US / KITH_US_PER_MS, body);
	(void)tell(c, KITH_REQ_LEAVE, (struct kith_span){ body, len }, h->drained_at_once);
	h->done = (c->super->leaves == 0 && kith_tunnels_count(c, NULL) == 0) || c->now.mono_us >= h->drain_by;
}

/* A second of calm is none while the mean of half a minute is too much: load varies. */
static bool has_too_much(struct kith_core *c)
{
	const struct kith_load *l = &c->super->load;
	return kith_election_asks(&c->super->help.need, kith_paced(c),
				  l->permille > l->smooth ? l->permille : l->smooth,
				  l->utilisation[KITH_RESOURCE_WAIT]);
}

kith_time_us kith_help_look(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	struct kith_help *h = &sn->help;
	if (c->leaving || sn->ending)
		return KITH_TIME_NEVER;
	if (kith_seek_active(c) && !h->asking && c->now.mono_us >= kith_seek_until(c))
		ask_sought(c);
	if (!h->draining && !h->asking && h->left == 0 && !kith_seek_active(c) && has_too_much(c))
		ask_best(c);
	hand_over(c);
	widen(c);
	if (is_time_to_go(c))
		begin_drain(c);
	drain(c);
	return (h->left > 0 || h->draining) && !h->done ? h->next_at : KITH_TIME_NEVER;
}
