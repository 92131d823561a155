/* What goes wrong, and when: a schedule that is drawn at the start, and what each entry does. */
#include "sim/internal.h"

#include <string.h>

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

/* Whether a supernode is among the first ppm of a random order; which they are does not depend on how many. */
static bool chosen(const struct kith_sim *sim, uint64_t stream, uint32_t super, uint32_t ppm)
{
	uint32_t supers = sim->options.supernodes, before = 0;
	for (uint32_t k = 0; k < supers; k++)
		before += draw(sim, stream, k) < draw(sim, stream, super);
	return before < (uint32_t)((uint64_t)supers * ppm / KITH_PPM);
}

enum kith_simlie kith_simlie_find(const char *name)
{
	static const char *const names[] = {
#define KITH_SIM_LIE_NAME(name, text, what) text,
		KITH_SIM_LIE_MAP(KITH_SIM_LIE_NAME)
#undef KITH_SIM_LIE_NAME
	};
	unsigned i = 0;
	while (i < KITH_SIM_LIES_N && strcmp(names[i], name) != 0)
		i++;
	return (enum kith_simlie)i;
}

void kith_sim_liars(struct kith_sim *sim)
{
	uint32_t lies = sim->options.faults.lies;
	if (lies == 0)
		lies = 1u << KITH_SIM_LIE_DENY | 1u << KITH_SIM_LIE_OMIT;
	for (uint32_t i = 0; i < sim->options.supernodes; i++)
		sim->nodes[i].lies = chosen(sim, 240, i, sim->options.faults.liars_ppm) ? lies : 0;
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++)
		sim->nodes[i].lies = kith_draw_hit(draw(sim, 241, i), sim->options.faults.posers_ppm);
}

static void kills(struct kith_sim *sim)
{
	const struct kith_simfaults *f = &sim->options.faults;
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		if (chosen(sim, 230, i, f->kill_ppm))
			at(sim, f->kill_at_us, KITH_SIM_KILL, i, 0);
	}
}

bool kith_sim_faults(struct kith_sim *sim)
{
	const struct kith_simfaults *f = &sim->options.faults;
	for (uint32_t i = 0; i < sim->nodes_n; i++) {
		kith_time_us begin =
			kith_sim_is_super(&sim->nodes[i]) ? KITH_US_PER_S : KITH_US_PER_S + sim->options.join_us;
		kith_time_us from = kith_sim_is_super(&sim->nodes[i]) ? 0 : KITH_US_PER_S;
		at(sim, from + kith_sim_draw_time(kith_sim_draw(sim, KITH_SIM_DRAW_JOIN, i, 0), begin - from),
		   KITH_SIM_START, i, 0);
	}
	if (f->until_us > f->from_us) {
		downs(sim, f->leaf_crashes_n, KITH_SIM_CRASH, false);
		downs(sim, f->super_crashes_n, KITH_SIM_CRASH, true);
		downs(sim, f->leaf_stops_n, KITH_SIM_STOP, false);
		downs(sim, f->super_stops_n, KITH_SIM_STOP, true);
		partitions(sim);
		moves(sim);
		silences(sim);
		/* Whoever is down then comes back; nothing else begins after it. */
		for (uint32_t i = 0; i < sim->nodes_n; i++)
			at(sim, f->until_us, KITH_SIM_START, i, 0);
	}
	if (f->kill_ppm > 0)
		kills(sim);
	if (!kith_sim_silence_schedule(sim))
		return false;
	if (sim->options.verify_us > 0)
		at(sim, sim->options.duration_us - sim->options.verify_us, KITH_SIM_VERIFY, 0, 0);
	at(sim, KITH_US_PER_S, KITH_SIM_SAMPLE, 0, 0);
	return true;
}

void kith_sim_life(struct kith_sim *sim, const struct kith_simnode *n)
{
	const struct kith_simfaults *f = &sim->options.faults;
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
	kith_sim_disturb(sim, n);
	/* A home whose address changed does not know; a host that joined another network does. */
	if (n->core != NULL && (roam || n->nat == 0)) {
		kith_sim_node_transport(sim, n);
		kith_sim_node_drain(sim, n);
	}
}

/* Checks that may have to wait for quiet come round again. */
static void sample(struct kith_sim *sim)
{
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

void kith_sim_control(struct kith_sim *sim, const struct kith_simcontrol *c)
{
	struct kith_simnode *n = c->a < sim->nodes_n ? &sim->nodes[c->a] : NULL;
	switch (c->kind) {
	case KITH_SIM_START:
		if (sim->counts.starts == 0)
			kith_sim_mutate_supernodes(sim);
		kith_sim_node_start(sim, n);
		break;
	case KITH_SIM_CRASH:
		kith_sim_node_crash(sim, n, c->b != 0);
		break;
	case KITH_SIM_STOP:
		kith_sim_node_stop(sim, n);
		break;
	case KITH_SIM_KILL:
		n->killed = true;
		kith_sim_node_crash(sim, n, false);
		break;
	case KITH_SIM_PARTITION:
	case KITH_SIM_HEAL:
		partition(sim, c->a, c->b, c->kind == KITH_SIM_PARTITION);
		break;
	case KITH_SIM_RENUMBER:
	case KITH_SIM_ROAM:
		move(sim, n, c->kind == KITH_SIM_ROAM);
		break;
	case KITH_SIM_MUTE:
	case KITH_SIM_UNMUTE:
		mute(sim, n, c->kind == KITH_SIM_MUTE);
		break;
	case KITH_SIM_READDRESS:
	case KITH_SIM_REBIND:
	case KITH_SIM_CUT:
	case KITH_SIM_UNCUT:
	case KITH_SIM_HEARD:
		kith_sim_silence_control(sim, c);
		break;
	case KITH_SIM_SAMPLE:
		sample(sim);
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
	case KITH_SIM_VERIFY:
		verify(sim);
		break;
	}
}
