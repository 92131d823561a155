#include "leaf/gauge.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "leaf/homes.h"
#include "wire/message_attest.h"

#define OPEN_US (2 * KITH_US_PER_S)
#define ROUND_US (800 * KITH_US_PER_MS) /* longer than a round trip to a home, and one from there to a member */

enum {
	SOCKETS = KITH_ECHO_DELAYS_MAX,
	ROUNDS = 4, /* of each kind of question, unless it is answered; Linux takes a flow for one after 2 s */
	SURE = 2, /* packets that were sent, and did not come: one may be lost */
	/* Which sockets ask what besides. */
	OTHER = 0,
	PORT = 1,
	ONE = 2,
	ANOTHER = 3,
	SHORTEST_S = 10, /* less than the shortest delay */
	KEEP_PERCENT = 75 /* of the lifetime, with a tenth of jitter */
};

enum step {
	STEP_OPENING,
	STEP_ASKING,
	STEP_NOW, /* each socket's packet is to come back at once */
	STEP_LOOK, /* filtering and hairpin */
	STEP_WAIT /* for the delays */
};

struct spare {
	uint16_t id;
	bool open; /* not closed by us yet */
	bool heard; /* came back at once */
	bool back; /* after its delay */
	bool failed; /* it did not, though the home sends back what comes now */
	uint8_t tries; /* questions whether it does */
	struct kith_addr seen;
};

struct kith_gauge {
	struct spare at[SOCKETS];
	uint8_t n, step, rounds;
	uint8_t other_sent, port_sent; /* as the home says */
	bool other, port, hairpin; /* came */
	uint32_t opening; /* effect; 0: it has ended */
	uint32_t effect; /* that opened the sockets */
	uint32_t session; /* of the home */
	struct kith_hop home;
	uint64_t number;
	kith_time_us next_at, since; /* since: the delays began */
};

static const uint8_t delays[SOCKETS] = KITH_GAUGE_DELAYS;

kith_time_us kith_gauge_keepalive_us(uint16_t lifetime_s)
{
	const kith_time_us us = lifetime_s * KITH_US_PER_S / 100 * KEEP_PERCENT;
	if (lifetime_s == 0)
		return KITH_KEEPALIVE_US;
	return us < KITH_KEEPALIVE_LEAST_US  ? KITH_KEEPALIVE_LEAST_US
	       : us > KITH_KEEPALIVE_MOST_US ? KITH_KEEPALIVE_MOST_US
					     : us;
}

static void set_lifetime(struct kith_core *c, uint16_t lifetime_s)
{
	if (c->nat.lifetime_s == lifetime_s)
		return;
	c->nat.lifetime_s = lifetime_s;
	c->env.keepalive_us = lifetime_s != 0 ? (uint32_t)kith_gauge_keepalive_us(lifetime_s) : 0;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
		if (s != NULL && c->leaf.homes[i].state == KITH_HOME_ATTACHED && s->state == KITH_SESSION_OPEN)
			kith_pathset_rearm(&s->paths, kith_env(c, s));
	}
}

void kith_gauge_lost(struct kith_core *c)
{
	if (c->nat.lifetime_s > SHORTEST_S)
		set_lifetime(c, c->nat.lifetime_s / 2 > SHORTEST_S ? c->nat.lifetime_s / 2 : SHORTEST_S);
}

/* ---- sockets ---- */

static const struct kith_transport_kept *kept(const struct kith_core *c, uint16_t id, uint32_t effect)
{
	for (uint16_t i = 0; i < c->transports.n; i++)
		if (c->transports.at[i].id == id && c->transports.at[i].effect == effect)
			return &c->transports.at[i];
	return NULL;
}

/* False: others are under way; again later. */
static bool close_spare(struct kith_core *c, struct spare *s)
{
	const struct kith_effect e = { .type = KITH_EFFECT_CLOSE,
				       .deadline = c->now.mono_us + OPEN_US,
				       .transport = s->id };
	uint32_t id;
	if (s->open && kept(c, s->id, c->leaf.gauge->effect) != NULL &&
	    kith_effects_begin(&c->effects, &e, KITH_OWNER_NONE, 0, &id) != 0)
		return false;
	s->open = false;
	return true;
}

void kith_gauge_deinit(struct kith_core *c)
{
	KITH_FREE(c->alloc, c->leaf.gauge);
	c->leaf.gauge = NULL;
}

void kith_gauge_stop(struct kith_core *c)
{
	struct kith_gauge *g = c->leaf.gauge;
	if (g == NULL)
		return;
	if (g->opening != 0)
		kith_effects_cancel(&c->effects, g->opening);
	for (uint8_t i = 0; i < g->n; i++)
		if (!close_spare(c, &g->at[i]))
			kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1); /* one stays open until the node ends */
	kith_gauge_deinit(c);
}

static void finish(struct kith_core *c, kith_time_us again_us, const char *how)
{
	char text[KITH_NATCLASS_TEXT_MAX];
	KITH_LOG(c->log, KITH_LOG_INFO, "nat gauged=%s class=\"%s\"", how, kith_natclass_format(&c->nat, text));
	kith_gauge_stop(c);
	c->leaf.gauge_at = c->now.mono_us + again_us;
}

/* ---- what was found ---- */

static struct kith_session *home_of(struct kith_core *c)
{
	struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.gauge->session);
	return s != NULL && s->state == KITH_SESSION_OPEN && kith_homes_slot(c, s) >= 0 ? s : NULL;
}

static void judge_look(struct kith_core *c)
{
	const struct kith_gauge *g = c->leaf.gauge;
	if (g->other)
		c->nat.filtering = KITH_NATCLASS_FILTERING_NONE;
	else if (g->other_sent >= SURE && g->port)
		c->nat.filtering = KITH_NATCLASS_FILTERING_ADDRESS;
	else if (g->other_sent >= SURE && g->port_sent >= SURE)
		c->nat.filtering = KITH_NATCLASS_FILTERING_PORT;
	else
		c->nat.filtering = KITH_NATCLASS_FILTERING_UNKNOWN;
	/* Where each destination sees another address, they cannot know each other's. */
	if (g->hairpin)
		c->nat.hairpin = KITH_NATCLASS_HAIRPIN_YES;
	else if (c->nat.mapping == KITH_NATCLASS_MAPPING_INDEPENDENT && g->at[ONE].heard && g->at[ANOTHER].heard)
		c->nat.hairpin = KITH_NATCLASS_HAIRPIN_NO;
	else
		c->nat.hairpin = KITH_NATCLASS_HAIRPIN_UNKNOWN;
}

static kith_time_us late_at(const struct kith_gauge *g, uint8_t i)
{
	return g->since + delays[i] * KITH_US_PER_S + KITH_GAUGE_LATE_US * (1 + g->at[i].tries);
}

/* Whether it is not decided yet what came of that delay. */
static bool is_open(const struct kith_gauge *g, uint8_t i, kith_time_us now)
{
	const struct spare *s = &g->at[i];
	return s->heard && !s->back && !s->failed && (s->tries < ROUNDS || late_at(g, i) > now);
}

/* By the delays that are over: the longest that worked. A mapping that is lost is noticed before all are. */
static void judge_delays(struct kith_core *c)
{
	const struct kith_gauge *g = c->leaf.gauge;
	uint16_t longest_s = 0;
	uint8_t failed = 0, left = 0;
	for (uint8_t i = 0; i < g->n; i++) {
		if (g->at[i].back)
			longest_s = delays[i];
		failed = (uint8_t)(failed + g->at[i].failed);
		left = (uint8_t)(left + is_open(g, i, c->now.mono_us));
	}
	if (longest_s == 0 && failed >= SURE)
		longest_s = SHORTEST_S;
	if (longest_s != 0 && (left == 0 || failed > 0))
		set_lifetime(c, longest_s);
}

/* ---- questions ---- */

static void ask(struct kith_core *c, uint8_t i, uint8_t what, const struct kith_addr *to)
{
	const struct kith_gauge *g = c->leaf.gauge;
	const struct kith_echo e = { .what = what,
				     .number = g->number,
				     .paid = what == KITH_ECHO_OTHER || what == KITH_ECHO_PORT };
	const struct kith_hop hop = { .remote = *to, .transport = g->at[i].id };
	if (i >= g->n || !g->at[i].open || kept(c, g->at[i].id, g->effect) == NULL)
		return;
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, &hop, e.paid ? KITH_ECHO_PAID_LEN : KITH_ECHO_PACKET_LEN);
	if (out != NULL)
		kith_echo_write(out, &e);
}

/* Our own outer address, as a home says; still nothing is sent where no packet of a session could come from. */
static void ask_hairpin(struct kith_core *c, uint8_t from, uint8_t to)
{
	const struct kith_gauge *g = c->leaf.gauge;
	if (g->at[from].heard && g->at[to].heard && c->nat.mapping != KITH_NATCLASS_MAPPING_NONE &&
	    kith_candidate_check_source(&g->at[to].seen, kith_allowed_scopes(c)) == KITH_REFUSAL_NONE)
		ask(c, from, KITH_ECHO_HAIRPIN, &g->at[to].seen);
}

static uint8_t unheard(const struct kith_gauge *g)
{
	uint8_t n = 0;
	for (uint8_t i = 0; i < g->n; i++)
		n = (uint8_t)(n + !g->at[i].heard);
	return n;
}

static void begin_delays(struct kith_core *c)
{
	struct kith_gauge *g = c->leaf.gauge;
	judge_look(c);
	g->step = STEP_WAIT;
	g->since = c->now.mono_us;
	for (uint8_t i = 0; i < g->n; i++)
		if (g->at[i].heard)
			ask(c, i, (uint8_t)(i + 1), &g->home.remote);
}

static void look(struct kith_core *c)
{
	struct kith_gauge *g = c->leaf.gauge;
	if (g->rounds == ROUNDS) {
		begin_delays(c);
		return;
	}
	g->rounds++;
	g->next_at = c->now.mono_us + ROUND_US;
	if (!g->other && g->at[OTHER].heard)
		ask(c, OTHER, KITH_ECHO_OTHER, &g->home.remote);
	if (!g->port && g->at[PORT].heard)
		ask(c, PORT, KITH_ECHO_PORT, &g->home.remote);
	if (!g->hairpin) {
		ask_hairpin(c, ONE, ANOTHER);
		ask_hairpin(c, ANOTHER, ONE);
	}
}

static void ask_at_once(struct kith_core *c)
{
	struct kith_gauge *g = c->leaf.gauge;
	const uint8_t left = unheard(g);
	if (left == 0 || (g->rounds == ROUNDS && left < g->n)) {
		g->step = STEP_LOOK;
		g->rounds = 0;
		look(c);
		return;
	}
	if (g->rounds == ROUNDS) {
		finish(c, KITH_GAUGE_AGAIN_US, "nothing");
		return;
	}
	g->rounds++;
	g->next_at = c->now.mono_us + ROUND_US;
	for (uint8_t i = 0; i < g->n; i++)
		if (!g->at[i].heard)
			ask(c, i, KITH_ECHO_AT_ONCE, &g->home.remote);
}

/* ---- the course of it ---- */

/* A home that is reached over UDP and IPv4, by the socket that all use. */
static struct kith_session *some_home(struct kith_core *c)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &c->leaf.homes[i];
		struct kith_session *s = home->state == KITH_HOME_ATTACHED ? kith_homes_session(c, home) : NULL;
		struct kith_transport t;
		if (s == NULL || s->state != KITH_SESSION_OPEN)
			continue;
		const struct kith_hop *hop = kith_session_hop(s);
		if (hop->tunnel == 0 && hop->remote.family == KITH_FAMILY_V4 &&
		    kith_transports_get(&c->transports, hop->transport, &t) && t.kind == KITH_TRANSPORT_UDP &&
		    t.purpose == KITH_PURPOSE_ANY)
			return s;
	}
	return NULL;
}

static void begin(struct kith_core *c)
{
	struct kith_session *s = some_home(c);
	const struct kith_effect e = { .type = KITH_EFFECT_OPEN,
				       .deadline = c->now.mono_us + OPEN_US,
				       .count = SOCKETS,
				       .kind = KITH_TRANSPORT_UDP,
				       .family = KITH_FAMILY_V4,
				       .purpose = KITH_PURPOSE_PUNCH };
	c->leaf.gauge_at = c->now.mono_us + KITH_GAUGE_RETRY_US;
	if (s == NULL || !c->leaf.published)
		return;
	struct kith_gauge *g = c->leaf.gauge = KITH_NEW(c->alloc, struct kith_gauge);
	if (g == NULL) {
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return;
	}
	g->session = s->index;
	g->home = *kith_session_hop(s);
	g->next_at = KITH_TIME_NEVER; /* the effect ends, and the request does */
	if (kith_effects_begin(&c->effects, &e, KITH_OWNER_GAUGE, 0, &g->opening) != 0)
		finish(c, KITH_GAUGE_RETRY_US, "no_effect");
}

void kith_gauge_opened(struct kith_core *c, const struct kith_effect_end *end)
{
	struct kith_gauge *g = c->leaf.gauge;
	uint8_t body[32];
	struct kith_msg_echo m = { .n = SOCKETS };
	if (g == NULL || end->id != g->opening)
		return;
	g->effect = g->opening;
	g->opening = 0;
	for (uint16_t i = 0; i < c->transports.n && g->n < SOCKETS; i++)
		if (c->transports.at[i].effect == g->effect)
			g->at[g->n++] = (struct spare){ .id = c->transports.at[i].id, .open = true };
	struct kith_session *s = home_of(c);
	memcpy(m.delays_s, delays, sizeof delays);
	const struct kith_span bytes = { body, kith_msg_echo_write(body, sizeof body, &m) };
	g->step = STEP_ASKING;
	if (g->n == 0)
		finish(c, KITH_GAUGE_AGAIN_US, "no_sockets");
	else if (s == NULL || kith_session_request(c, s, KITH_REQ_ECHO, bytes, kith_token(KITH_TOKEN_ECHO, 0)) != 0)
		finish(c, KITH_GAUGE_RETRY_US, "no_home");
}

void kith_gauge_on_answer(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_gauge *g = c->leaf.gauge;
	struct kith_msg_echoed m;
	if (g == NULL || g->step != STEP_ASKING)
		return;
	if (answer->err != 0 || kith_msg_echoed_read(&m, answer->body) != 0) {
		finish(c, answer->err == KITH_ENOTSUP ? KITH_GAUGE_AGAIN_US : KITH_GAUGE_RETRY_US, "refused");
		return;
	}
	g->number = m.number;
	g->step = STEP_NOW;
	g->rounds = 0;
	ask_at_once(c);
	if (c->leaf.gauge != NULL)
		kith_homes_wake(c, g->next_at);
}

static void wait_on(struct kith_core *c)
{
	struct kith_gauge *g = c->leaf.gauge;
	if (home_of(c) == NULL) {
		finish(c, KITH_GAUGE_RETRY_US, "home_lost");
		return;
	}
	judge_delays(c);
	g->next_at = KITH_TIME_NEVER;
	for (uint8_t i = 0; i < g->n; i++) {
		const bool over = !is_open(g, i, c->now.mono_us);
		if (over && close_spare(c, &g->at[i]))
			continue;
		if (!over && late_at(g, i) <= c->now.mono_us) { /* is it the NAT, or is the home gone? */
			g->at[i].tries++;
			ask(c, i, KITH_ECHO_AT_ONCE, &g->home.remote);
		}
		const kith_time_us at = over ? c->now.mono_us + OPEN_US : late_at(g, i);
		g->next_at = at < g->next_at ? at : g->next_at;
	}
	if (g->next_at == KITH_TIME_NEVER)
		finish(c, c->nat.lifetime_s != 0 ? KITH_GAUGE_AGAIN_US : KITH_GAUGE_RETRY_US, "done");
}

kith_time_us kith_gauge_tick(struct kith_core *c)
{
	struct kith_gauge *g = c->leaf.gauge;
	if (g == NULL && c->leaf.gauge_at <= c->now.mono_us)
		begin(c);
	else if (g != NULL && g->next_at <= c->now.mono_us && g->step == STEP_NOW)
		ask_at_once(c);
	else if (g != NULL && g->next_at <= c->now.mono_us && g->step == STEP_LOOK)
		look(c);
	if (c->leaf.gauge != NULL && c->leaf.gauge->step == STEP_WAIT)
		wait_on(c);
	return c->leaf.gauge != NULL ? c->leaf.gauge->next_at : c->leaf.gauge_at;
}

/* Whether one of n places is at that address; or, without one, the first place there is at all. NULL: none. */
static const struct kith_addr *seen_at(const struct kith_core *c, const uint8_t *ip)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_addr *seen = &c->leaf.seen[i].addr;
		if (c->leaf.homes[i].state == KITH_HOME_ATTACHED && seen->family == KITH_FAMILY_V4 &&
		    (ip == NULL || memcmp(ip, seen->ip, sizeof c->leaf.gauged_ip) == 0))
			return seen;
	}
	return NULL;
}

kith_time_us kith_gauge_look(struct kith_core *c)
{
	struct kith_leaf *leaf = &c->leaf;
	const struct kith_addr *seen = leaf->published && !kith_serves(c) ? seen_at(c, NULL) : NULL;
	if (seen == NULL)
		return KITH_TIME_NEVER;
	if (leaf->gauge_at != KITH_TIME_NEVER && seen_at(c, leaf->gauged_ip) != NULL)
		return leaf->gauge_at;
	memcpy(leaf->gauged_ip, seen->ip, sizeof leaf->gauged_ip);
	kith_gauge_stop(c);
	set_lifetime(c, 0);
	c->nat.filtering = KITH_NATCLASS_FILTERING_UNKNOWN;
	c->nat.hairpin = KITH_NATCLASS_HAIRPIN_UNKNOWN;
	leaf->gauge_at = c->now.mono_us + KITH_GAUGE_AFTER_US;
	if (leaf->eased_until > c->now.mono_us) /* homes have much to do: others have come as well, and gauge, too */
		leaf->gauge_at += kith_rng_below(c->random, (uint32_t)KITH_GAUGE_CROWD_US);
	return leaf->gauge_at;
}

/* ---- answers ---- */

static void heard(struct kith_core *c, struct spare *s, const struct kith_echo *e, const struct kith_hop *from)
{
	struct kith_gauge *g = c->leaf.gauge;
	const bool home = kith_addr_equal(&from->remote, &g->home.remote);
	const bool same_ip = memcmp(from->remote.ip, g->home.remote.ip, sizeof from->remote.ip) == 0;
	const uint8_t i = (uint8_t)(s - g->at);
	if (home && e->what == KITH_ECHO_AT_ONCE && s->tries > 0) {
		s->failed = !s->back;
		g->next_at = c->now.mono_us;
	} else if (home && e->what == KITH_ECHO_AT_ONCE) {
		s->heard = true;
		s->seen = e->seen;
		if (g->step == STEP_NOW && unheard(g) == 0)
			g->next_at = c->now.mono_us;
	} else if (home && g->step == STEP_WAIT && e->what == i + 1) {
		s->back = true;
		g->next_at = c->now.mono_us; /* to be closed */
	} else if (e->what == KITH_ECHO_OTHER && i == OTHER) {
		g->other_sent = (uint8_t)(g->other_sent + home);
		g->other = g->other || !same_ip;
	} else if (e->what == KITH_ECHO_PORT && i == PORT) {
		g->port_sent = (uint8_t)(g->port_sent + home);
		g->port = g->port || (same_ip && !home);
	} else if (e->what == KITH_ECHO_HAIRPIN && (i == ONE || i == ANOTHER)) {
		g->hairpin = true;
	}
}

void kith_gauge_on_packet(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	struct kith_gauge *g = c->leaf.gauge;
	struct kith_echo e;
	bool ours = g != NULL && from->tunnel == 0 && kith_echo_parse(&e, packet) && e.number == g->number && !e.paid &&
		    (e.seen.family == KITH_FAMILY_NONE) == (e.what == KITH_ECHO_HAIRPIN);
	for (uint8_t i = 0; ours && i < g->n; i++) {
		if (g->at[i].id != from->transport)
			continue;
		heard(c, &g->at[i], &e, from);
		kith_homes_wake(c, g->next_at);
		return;
	}
	kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, from, "echo");
}
