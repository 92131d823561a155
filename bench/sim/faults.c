/* What goes wrong, and when: a schedule that is drawn at the start, and what each entry does. */
#include "sim/internal.h"

#include <string.h>

#include "core/serving.h"
#include "core/settle.h"
#include "sim/simlife.h"

#define COUNTRY_LAB 13u /* where all are who are nowhere: Greenwich */

static uint64_t draw(const struct kith_sim *sim, uint64_t kind, uint64_t number)
{
	return kith_draw(kith_draw_hash(sim->options.faults.seed, KITH_SIM_DRAW_FAULT, 0), kind, number);
}

static uint32_t pick_super(const struct kith_sim *sim, uint64_t d)
{
	return kith_draw_below(d, sim->options.supernodes);
}

static uint32_t pick_leaf(const struct kith_sim *sim, uint64_t d)
{
	return sim->options.supernodes + kith_draw_below(d, sim->options.leaves);
}

/* A beginning within [from, until), and an end after at most longest, not later than until. */
static void span(const struct kith_sim *sim, uint64_t kind, uint64_t number, kith_time_us longest, kith_time_us *begin,
		 kith_time_us *end)
{
	const struct kith_simfaults *f = &sim->options.faults;
	*begin = f->from_us + kith_sim_draw_time(draw(sim, kind, number * 2), f->until_us - f->from_us - 1);
	*end = *begin + longest / 8 + kith_sim_draw_time(draw(sim, kind, number * 2 + 1), longest - longest / 8);
	if (*end > f->until_us)
		*end = f->until_us;
}

static void at(struct kith_sim *sim, kith_time_us when, enum kith_simcontrol_kind kind, uint32_t a, uint32_t b)
{
	struct kith_simcontrol c = { .kind = kind, .a = a, .b = b, .since = when };
	kith_sim_control_at(sim, when, &c);
}

/* number nodes go down and come back. */
static void downs(struct kith_sim *sim, uint32_t number, enum kith_simcontrol_kind kind, bool supers)
{
	uint64_t stream = (uint64_t)kind * 2 + supers;
	for (uint32_t i = 0; i < number; i++) {
		kith_time_us begin, end;
		uint64_t who = draw(sim, stream + 100, i);
		uint32_t node = supers ? pick_super(sim, who) : pick_leaf(sim, who);
		span(sim, stream, i, sim->options.faults.down_us, &begin, &end);
		at(sim, begin, kind, node, (uint32_t)(who & 1));
		at(sim, end, KITH_SIM_START, node, 0);
	}
}

static void partitions(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < sim->options.faults.partitions_n; i++) {
		kith_time_us begin, end;
		uint64_t who = draw(sim, 201, i);
		uint32_t groups = sim->nodes_n < KITH_SIM_GROUPS ? sim->nodes_n : KITH_SIM_GROUPS;
		uint32_t a = kith_draw_below(who, groups), b = kith_draw_below(who << 20, groups);
		span(sim, 200, i, sim->options.faults.partition_us, &begin, &end);
		if (i % 3 == 2)
			b = KITH_SIM_NONE;
		at(sim, begin, KITH_SIM_PARTITION, a, b);
		at(sim, end, KITH_SIM_HEAL, a, b);
		if ((who & 1) != 0 && b != KITH_SIM_NONE) {
			at(sim, begin, KITH_SIM_PARTITION, b, a);
			at(sim, end, KITH_SIM_HEAL, b, a);
		}
	}
}

static void moves(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < sim->options.faults.moves_n; i++) {
		kith_time_us begin, end;
		span(sim, 210, i, 1, &begin, &end);
		at(sim, begin, i % 2 == 0 ? KITH_SIM_RENUMBER : KITH_SIM_ROAM, pick_leaf(sim, draw(sim, 211, i)), 0);
	}
}

static void silences(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < sim->options.faults.silences_n; i++) {
		kith_time_us begin, end;
		uint32_t node = pick_super(sim, draw(sim, 221, i));
		span(sim, 220, i, sim->options.faults.silence_us, &begin, &end);
		at(sim, begin, KITH_SIM_MUTE, node, 0);
		at(sim, end, KITH_SIM_UNMUTE, node, 0);
	}
}

static void demotions(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < sim->options.faults.demotions_n; i++) {
		kith_time_us begin, end;
		uint32_t node = pick_super(sim, draw(sim, 261, i));
		span(sim, 260, i, sim->options.faults.demotion_us, &begin, &end);
		at(sim, begin, KITH_SIM_DEMOTE, node, 0);
		at(sim, end, KITH_SIM_PROMOTE, node, 0);
	}
}

static void split(struct kith_sim *sim)
{
	const struct kith_simfaults *f = &sim->options.faults;
	uint32_t groups = (uint32_t)((uint64_t)KITH_SIM_GROUPS * f->split_ppm / KITH_PPM);
	at(sim, f->split_at_us, KITH_SIM_SPLIT, groups, 0);
	at(sim, f->split_at_us + f->split_us, KITH_SIM_JOIN, groups, 0);
}

/* ---- who is up when ---- */

static bool awake(const struct kith_sim *sim, uint32_t node, kith_time_us when, uint64_t d)
{
	uint8_t country = COUNTRY_LAB;
	if (!sim->options.faults.day)
		return true;
	if (sim->options.world)
		country = kith_delay_pick_country(kith_sim_draw(sim, KITH_SIM_DRAW_COUNTRY, node, 0));
	return kith_draw_hit(d, kith_simlife_day_ppm(KITH_SIM_UNIX_MS * KITH_US_PER_MS + when, country));
}

/* When a node that is away from then on comes again: after a while without memory, and, by the day, when its hour has
 * come. number: a different one each time. */
static kith_time_us comes(const struct kith_sim *sim, const struct kith_simnode *n, kith_time_us from, uint64_t number)
{
	const struct kith_simfaults *f = &sim->options.faults;
	const kith_time_us away = kith_sim_is_super(n) ? f->super_away_us : f->leaf_away_us;
	uint64_t stream = kith_draw_hash(KITH_SIM_DRAW_DAY, n->id, number);
	kith_time_us when = from;
	for (uint64_t i = 0; when < f->until_us; i++) {
		uint64_t e_q16 = kith_simlife_exponential_q16(draw(sim, stream, 2 * i));
		when += KITH_US_PER_S +
			(kith_time_us)((uint64_t)(away / KITH_US_PER_MS) * e_q16 >> 16) * KITH_US_PER_MS;
		if (kith_sim_is_super(n) || awake(sim, n->id, when, draw(sim, stream, 2 * i + 1)))
			return when;
	}
	return f->until_us;
}

static void start_first(struct kith_sim *sim, const struct kith_simnode *n)
{
	kith_time_us from = kith_sim_is_super(n) ? 0 : KITH_US_PER_S + sim->options.join_from_us;
	kith_time_us within = kith_sim_is_super(n) ? KITH_US_PER_S : sim->options.join_us;
	kith_time_us when = from + kith_sim_draw_time(kith_sim_draw(sim, KITH_SIM_DRAW_JOIN, n->id, 0), within);
	if (!kith_sim_is_super(n) && !awake(sim, n->id, when, draw(sim, KITH_SIM_DRAW_DAY, n->id)))
		when = comes(sim, n, when, 0);
	at(sim, when, KITH_SIM_START, n->id, 0);
}

bool kith_sim_chosen(const struct kith_sim *sim, uint64_t stream, uint32_t super, uint32_t ppm)
{
	uint32_t supers = sim->options.supernodes, before = 0;
	for (uint32_t k = 0; k < supers; k++)
		before += draw(sim, stream, k) < draw(sim, stream, super);
	return before < (uint32_t)((uint64_t)supers * ppm / KITH_PPM);
}

unsigned kith_simlie_find(const char *name)
{
	static const char *const names[] = {
#define KITH_SIM_LIE_NAME(name, text, what) text,
		KITH_SIM_LIE_MAP(KITH_SIM_LIE_NAME)
#undef KITH_SIM_LIE_NAME
	};
	unsigned i = 0;
	while (i < KITH_SIM_LIES_N && strcmp(names[i], name) != 0)
		i++;
	return i;
}

void kith_sim_liars(struct kith_sim *sim)
{
	uint32_t lies = sim->options.faults.lies;
	if (lies == 0)
		lies = 1u << KITH_SIM_LIE_DENY | 1u << KITH_SIM_LIE_OMIT;
	for (uint32_t i = 0; i < sim->options.supernodes; i++)
		sim->nodes[i].lies = kith_sim_chosen(sim, 240, i, sim->options.faults.liars_ppm) ? lies : 0;
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		uint64_t spy = kith_sim_draw(sim, KITH_SIM_DRAW_SPY, i, 0);
		sim->nodes[i].lies = kith_draw_hit(draw(sim, 241, i), sim->options.faults.posers_ppm);
		sim->nodes[i].spies = kith_draw_hit(spy, sim->options.workload.spies_ppm);
	}
}

static void silent_for_good(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		if ((sim->nodes[i].lies & 1u << KITH_SIM_LIE_MUTE) != 0)
			at(sim, sim->options.faults.lies_from_us, KITH_SIM_MUTE, i, 0);
	}
}

static void kills(struct kith_sim *sim)
{
	const struct kith_simfaults *f = &sim->options.faults;
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		if (kith_sim_chosen(sim, 230, i, f->kill_ppm))
			at(sim, f->kill_at_us, KITH_SIM_KILL, i, 0);
	}
}

bool kith_sim_faults(struct kith_sim *sim)
{
	const struct kith_simfaults *f = &sim->options.faults;
	for (uint32_t i = 0; i < sim->nodes_n; i++)
		start_first(sim, &sim->nodes[i]);
	if (f->until_us > f->from_us) {
		downs(sim, f->leaf_crashes_n, KITH_SIM_CRASH, false);
		downs(sim, f->super_crashes_n, KITH_SIM_CRASH, true);
		downs(sim, f->leaf_stops_n, KITH_SIM_STOP, false);
		downs(sim, f->super_stops_n, KITH_SIM_STOP, true);
		partitions(sim);
		moves(sim);
		silences(sim);
		demotions(sim);
		/* Whoever is down then comes back; nothing else begins after it. */
		for (uint32_t i = 0; i < sim->nodes_n; i++)
			at(sim, f->until_us, KITH_SIM_START, i, 0);
	}
	if (f->split_ppm > 0)
		split(sim);
	if (f->kill_ppm > 0)
		kills(sim);
	silent_for_good(sim);
	kith_sim_attack_schedule(sim);
	kith_sim_list_schedule(sim);
	kith_sim_candidates_schedule(sim);
	if (!kith_sim_silence_schedule(sim))
		return false;
	if (sim->options.verify_us > 0)
		at(sim, sim->options.duration_us - sim->options.verify_us, KITH_SIM_VERIFY, 0, 0);
	at(sim, KITH_US_PER_S, KITH_SIM_SAMPLE, 0, 0);
	return true;
}

/* A session as measured: the first one is met when the run begins, and has lasted for a while. */
static void session(struct kith_sim *sim, const struct kith_simnode *n, kith_time_us median_us)
{
	const struct kith_simfaults *f = &sim->options.faults;
	uint64_t d = draw(sim, kith_draw_hash(KITH_SIM_DRAW_LIFE, n->id, 0), n->boots);
	bool met = n->boots == 1 && sim->now <= KITH_US_PER_S + sim->options.join_from_us + sim->options.join_us;
	kith_time_us lasts = met ? kith_simlife_residual(d, median_us) : kith_simlife_session(d, median_us);
	kith_time_us end = sim->now + lasts > f->from_us ? sim->now + lasts : f->from_us;
	if (end >= f->until_us)
		return;
	d = kith_draw_hash(d, 1, 0);
	at(sim, end, (d & 2) != 0 ? KITH_SIM_CRASH : KITH_SIM_STOP, n->id, (uint32_t)(d & 1));
	at(sim, comes(sim, n, end, n->boots), KITH_SIM_START, n->id, 0);
}

void kith_sim_life(struct kith_sim *sim, const struct kith_simnode *n)
{
	const struct kith_simfaults *f = &sim->options.faults;
	const kith_time_us median_us = kith_sim_is_super(n) ? f->super_session_us : f->leaf_session_us;
	if (median_us > 0 && !sim->failed) {
		session(sim, n, median_us);
		return;
	}
	if (f->leaf_life_us == 0 || kith_sim_is_super(n) || sim->failed)
		return;
	uint64_t d = draw(sim, kith_draw_hash(KITH_SIM_DRAW_LIFE, n->id, 0), n->boots);
	kith_time_us end = sim->now + f->leaf_life_us / 4 + kith_sim_draw_time(d, f->leaf_life_us * 3 / 2);
	if (end < f->from_us)
		end = f->from_us;
	kith_time_us back = end + KITH_US_PER_S + kith_sim_draw_time(d * 3, f->down_us);
	if (end >= f->until_us)
		return;
	at(sim, end, (d & 2) != 0 ? KITH_SIM_CRASH : KITH_SIM_STOP, n->id, (uint32_t)(d & 1));
	at(sim, back < f->until_us ? back : f->until_us, KITH_SIM_START, n->id, 0);
}

static void partition(struct kith_sim *sim, uint32_t a, uint32_t b, bool cut)
{
	sim->partitions = cut ? sim->partitions + 1 : sim->partitions - 1;
	kith_sim_disturb(sim, NULL);
	for (uint32_t g = 0; g < KITH_SIM_GROUPS; g++) {
		if (g != a && (b == KITH_SIM_NONE || g == b))
			kith_net_partition(sim->net, (uint8_t)a, (uint8_t)g, cut);
	}
}

/* The first groups lose all others, or have them again. */
static void piece(struct kith_sim *sim, uint32_t groups, bool cut)
{
	sim->partitions = cut ? sim->partitions + 1 : sim->partitions - 1;
	kith_sim_disturb(sim, NULL);
	for (uint32_t a = 0; a < groups; a++) {
		for (uint32_t b = groups; b < KITH_SIM_GROUPS; b++) {
			kith_net_partition(sim->net, (uint8_t)a, (uint8_t)b, cut);
			kith_net_partition(sim->net, (uint8_t)b, (uint8_t)a, cut);
		}
	}
}

/* By the library's own calls: when a node should do so is what elections are about, and not decided here. */
static void change_role(struct kith_sim *sim, struct kith_simnode *n, bool rest)
{
	if (n->core == NULL || n->leaving || n->resting == rest)
		return;
	int err = 0;
	kith_core_enter(n->core, kith_sim_node_now(sim, n));
	if (rest)
		kith_serving_end(n->core, KITH_ROLE_WHY_IDLE);
	else
		err = kith_serving_begin(n->core, KITH_ROLE_WHY_HELP);
	kith_core_settle(n->core);
	if (err != 0)
		kith_sim_violate(sim, KITH_SIM_NODE_STARTS, n->id, KITH_SIM_NONE, "serving again: %s",
				 kith_strerror(err));
	n->resting = rest;
	n->disturbed_at = sim->now;
	kith_sim_disturb(sim, NULL);
	sim->counts.demotions += rest;
	kith_sim_node_drain(sim, n);
}

static void mute(struct kith_sim *sim, struct kith_simnode *n, bool on)
{
	n->mute = on;
	kith_sim_disturb(sim, NULL);
}

static void move(struct kith_sim *sim, struct kith_simnode *n, bool roam)
{
	const uint16_t port = n->local.port;
	/* Timers of an interface are ordered by its number, which stays. */
	if (!(roam ? kith_sim_roam(sim, n) : kith_sim_renumber(sim, n))) {
		kith_sim_out_of_memory(sim);
		return;
	}
	n->local.port = port;
	if (roam) {
		n->place++;
		n->hasty = sim->now - n->joined_at < KITH_SIM_LINK_STAY_US;
		n->joined_at = sim->now;
	}
	kith_sim_disturb(sim, n);
	/* A home whose address changed does not know; a host that joined another network does. */
	if (n->core != NULL && (roam || n->nat == 0)) {
		kith_sim_node_transport(sim, n);
		kith_sim_node_drain(sim, n);
	}
}

/* Checks that may have to wait for quiet come round again. */
static void look(struct kith_sim *sim, const struct kith_simcontrol *c)
{
	if (c->kind == KITH_SIM_ORPHANS) {
		kith_sim_orphans(sim);
		return;
	}
	kith_time_us gap = sim->nodes_n > 20000 ? 10 * KITH_US_PER_S : KITH_US_PER_S;
	kith_sim_check_sample(sim);
	at(sim, sim->now + gap, KITH_SIM_SAMPLE, 0, 0);
}

static void verify(struct kith_sim *sim)
{
	sim->verifying = true;
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++)
		kith_sim_app_verify(sim, &sim->nodes[i]);
}

/* What lasts: each kind but floods and lists has another that ends it. */
static void begin_or_end(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simcontrol *c)
{
	if (c->kind == KITH_SIM_PARTITION || c->kind == KITH_SIM_HEAL)
		partition(sim, c->a, c->b, c->kind == KITH_SIM_PARTITION);
	else if (c->kind == KITH_SIM_SPLIT || c->kind == KITH_SIM_JOIN)
		piece(sim, c->a, c->kind == KITH_SIM_SPLIT);
	else if (c->kind == KITH_SIM_MUTE || c->kind == KITH_SIM_UNMUTE)
		mute(sim, n, c->kind == KITH_SIM_MUTE);
	else if (c->kind == KITH_SIM_AIM)
		kith_sim_attack_aim(sim, n);
	else if (c->kind == KITH_SIM_FLOOD)
		kith_sim_attack_flood(sim, n);
	else if (c->kind == KITH_SIM_LIST)
		kith_sim_list_give(sim);
	else if (c->kind == KITH_SIM_LOOK)
		kith_sim_candidates_look(sim);
	else if (c->kind == KITH_SIM_VERIFY)
		verify(sim);
	else
		change_role(sim, n, c->kind == KITH_SIM_DEMOTE);
}

static void start(struct kith_sim *sim, struct kith_simnode *n)
{
	if (sim->counts.starts == 0)
		kith_sim_mutate_supernodes(sim);
	kith_sim_node_start(sim, n);
}

static void kill_for_good(struct kith_sim *sim, struct kith_simnode *n)
{
	n->killed = true;
	kith_sim_node_crash(sim, n, false);
}

void kith_sim_control(struct kith_sim *sim, const struct kith_simcontrol *c)
{
	struct kith_simnode *n = c->a < sim->nodes_n ? &sim->nodes[c->a] : NULL;
	switch (c->kind) {
	case KITH_SIM_START:
		start(sim, n);
		break;
	case KITH_SIM_CRASH:
		kith_sim_node_crash(sim, n, c->b != 0);
		break;
	case KITH_SIM_STOP:
		kith_sim_node_stop(sim, n);
		break;
	case KITH_SIM_KILL:
		kill_for_good(sim, n);
		break;
	case KITH_SIM_RENUMBER:
	case KITH_SIM_ROAM:
		move(sim, n, c->kind == KITH_SIM_ROAM);
		break;
	case KITH_SIM_PARTITION:
	case KITH_SIM_HEAL:
	case KITH_SIM_SPLIT:
	case KITH_SIM_JOIN:
	case KITH_SIM_MUTE:
	case KITH_SIM_UNMUTE:
	case KITH_SIM_DEMOTE:
	case KITH_SIM_PROMOTE:
	case KITH_SIM_AIM:
	case KITH_SIM_FLOOD:
	case KITH_SIM_LIST:
	case KITH_SIM_LOOK:
	case KITH_SIM_VERIFY:
		begin_or_end(sim, n, c);
		break;
	case KITH_SIM_READDRESS:
	case KITH_SIM_REBIND:
	case KITH_SIM_CUT:
	case KITH_SIM_UNCUT:
	case KITH_SIM_HEARD:
		kith_sim_silence_control(sim, c);
		break;
	case KITH_SIM_SAMPLE:
	case KITH_SIM_ORPHANS:
		look(sim, c);
		break;
	case KITH_SIM_CHECK_OFFLINE:
	case KITH_SIM_CHECK_GOODBYE:
		kith_sim_check_gone(sim, c);
		break;
	case KITH_SIM_LEAVE_END:
		if (n->core != NULL && n->leaving && n->boots == c->b)
			kith_sim_violate(sim, KITH_SIM_LEAVE_FINISHES, c->a, KITH_SIM_NONE, "no LEFT after the grace");
		break;
	case KITH_SIM_EFFECT:
		kith_sim_effect_due(sim, n, c->b);
		break;
	}
}
