/* What a core asks of its host in the simulator ends once and no more: done, in vain, late; or not at all, when it was
 * cancelled or its core is gone. Whatever outcome.c gives to owners is counted on its way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/settle.h"
#include "scenario.h"
#include "sim/internal.h"

enum { ENDS_MAX = 64, LEAF = SCENARIO_SUPERNODES, SOCKETS = 20 };

#include "effects_told.h"

struct world {
	struct kith_sim *sim;
	struct kith_simnode *node;
};

/* No leaf measures its NAT, for which it would ask for sockets (leaf/gauge). */
static void nobody_gauges(struct kith_sim *sim)
{
	const kith_time_us later = kith_sim_time(sim) + 24 * 3600 * KITH_US_PER_S;
	for (uint32_t i = LEAF; i < sim->nodes_n; i++) {
		struct kith_core *c = sim->nodes[i].core;
		if (c != NULL && c->leaf.gauge_at != KITH_TIME_NEVER)
			c->leaf.gauge_at = later;
	}
}

static void world_run(struct world *w, kith_time_us for_us)
{
	const kith_time_us end = kith_sim_time(w->sim) + for_us;
	while (kith_sim_time(w->sim) < end) {
		const kith_time_us next = kith_sim_time(w->sim) + KITH_US_PER_S;
		assert_true(kith_sim_run(w->sim, next < end ? next : end));
		nobody_gauges(w->sim);
	}
}

static void world_init(struct world *w, enum kith_simeffects how)
{
	struct kith_simoptions o;
	memset(&told, 0, sizeof told);
	scenario_calm(&o, 7);
	o.effects = how;
	w->sim = kith_sim_new(&o);
	assert_non_null(w->sim);
	world_run(w, 20 * KITH_US_PER_S);
	w->node = &w->sim->nodes[LEAF];
	assert_non_null(w->node->core);
}

/* To the end: the invariants of the run hold, and all memory is back. */
static void world_deinit(struct world *w)
{
	assert_true(kith_sim_finish(w->sim));
	kith_sim_free(w->sim);
}

static uint32_t begin(struct world *w, struct kith_effect what, kith_time_us in)
{
	struct kith_core *c = w->node->core;
	uint32_t id = 0;
	kith_core_enter(c, kith_sim_node_now(w->sim, w->node));
	what.deadline = c->now.mono_us + in;
	assert_int_equal(kith_effects_begin(&c->effects, &what, KITH_OWNER_NONE, 0, &id), 0);
	kith_core_settle(c);
	kith_sim_node_drain(w->sim, w->node);
	return id;
}

static void cancel(struct world *w, uint32_t id)
{
	struct kith_core *c = w->node->core;
	kith_core_enter(c, kith_sim_node_now(w->sim, w->node));
	kith_effects_cancel(&c->effects, id);
	kith_core_settle(c);
	kith_sim_node_drain(w->sim, w->node);
}

static struct kith_effect open_sockets(uint16_t count)
{
	return (struct kith_effect){ .type = KITH_EFFECT_OPEN,
				     .count = count,
				     .kind = KITH_TRANSPORT_UDP,
				     .family = KITH_FAMILY_V4,
				     .purpose = KITH_PURPOSE_PUNCH };
}

static struct kith_effect on_transport(enum kith_effect_type type, uint16_t transport)
{
	return (struct kith_effect){ .type = type, .transport = transport };
}

/* The end of an effect; it was told once. */
static const struct kith_effect_end *end_of(uint32_t id)
{
	const struct kith_effect_end *found = NULL;
	for (unsigned i = 0; i < told.n; i++) {
		if (told.at[i].id == id) {
			assert_null(found);
			found = &told.at[i];
		}
	}
	return found;
}

static unsigned transports_of(const struct world *w, uint32_t effect)
{
	unsigned n = 0;
	const struct kith_transports *ts = &w->node->core->transports;
	for (uint16_t i = 0; i < ts->n; i++) {
		if (ts->at[i].effect == effect) {
			struct kith_transport t;
			assert_true(kith_transports_get(ts, ts->at[i].id, &t));
			assert_true(t.up && t.purpose == KITH_PURPOSE_PUNCH);
			assert_int_equal(t.locals[0].addr.port, kith_sim_port(w->node, t.id));
			n++;
		}
	}
	return n;
}

/* Packets of no known type that supernodes got: nobody but this test sends such. */
static uint64_t strange(const struct world *w)
{
	const uint64_t *counter = kith_sim_stats(w->sim, KITH_ROLE_SUPERNODE)->counter;
	return counter[KITH_STAT_DROP_TOO_SHORT] + counter[KITH_STAT_DROP_UNKNOWN_TYPE];
}

/* Sends one byte from a supernode's transport to another's port, and says whether its core got it. */
static bool reaches(struct world *w, struct kith_simnode *from, uint16_t transport, struct kith_simnode *to,
		    uint16_t port)
{
	uint8_t byte[KITH_PACKET_HEADROOM + 1] = { 0 };
	struct kith_packet p = { .data = &byte[KITH_PACKET_HEADROOM], .len = 1, .transport = transport };
	uint64_t before = strange(w);
	p.remote = to->public;
	p.remote.port = port;
	kith_sim_send(w->sim, from, &p);
	world_run(w, KITH_US_PER_S);
	return strange(w) > before;
}

static void sockets_are_opened_used_and_closed(void **state)
{
	struct world w;
	(void)state;
	world_init(&w, KITH_SIM_EFFECTS_OK);
	w.node = &w.sim->nodes[1]; /* a supernode: nothing stands between it and others */
	w.sim->options.ignored = 1u << KITH_SIM_NO_GARBAGE; /* one byte is no packet */
	uint32_t id = begin(&w, open_sockets(SOCKETS), 10 * KITH_US_PER_S);
	assert_int_equal(transports_of(&w, id), 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(end_of(id)->err, 0);
	assert_int_equal(transports_of(&w, id), SOCKETS);
	uint16_t transport = w.node->core->transports.at[SOCKETS / 2].id;
	uint16_t port = kith_sim_port(w.node, transport);
	assert_true(port != 0 && kith_sim_transport(w.node, port) == transport);
	assert_true(reaches(&w, &w.sim->nodes[0], KITH_SIM_TRANSPORT, w.node, port));
	assert_true(reaches(&w, w.node, transport, &w.sim->nodes[0], KITH_SIM_SUPER_PORT));

	uint32_t closed = begin(&w, on_transport(KITH_EFFECT_CLOSE, transport), 10 * KITH_US_PER_S);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(end_of(closed)->err, 0);
	assert_int_equal(transports_of(&w, id), SOCKETS - 1);
	assert_false(reaches(&w, &w.sim->nodes[0], KITH_SIM_TRANSPORT, w.node, port));
	assert_false(reaches(&w, w.node, transport, &w.sim->nodes[0], KITH_SIM_SUPER_PORT));
	uint32_t again = begin(&w, on_transport(KITH_EFFECT_CLOSE, transport), 10 * KITH_US_PER_S);
	uint32_t hosts = begin(&w, on_transport(KITH_EFFECT_CLOSE, KITH_SIM_TRANSPORT), 10 * KITH_US_PER_S);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(end_of(again)->err, KITH_ENOENT);
	assert_int_equal(end_of(hosts)->err, KITH_EACCES);
	assert_int_equal(told.n, 4);
	world_deinit(&w);
}

static void no_more_sockets_are_opened_than_a_host_has(void **state)
{
	struct world w;
	(void)state;
	world_init(&w, KITH_SIM_EFFECTS_OK);
	uint32_t many = begin(&w, open_sockets(KITH_SIM_PORTS_MAX + 9), 10 * KITH_US_PER_S);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(end_of(many)->err, 0); /* some are what was asked for */
	assert_int_equal(transports_of(&w, many), KITH_SIM_PORTS_MAX);
	uint32_t full = begin(&w, open_sockets(1), 10 * KITH_US_PER_S);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(end_of(full)->err, KITH_EFULL);
	world_deinit(&w);
}

static void a_port_is_mapped_where_the_router_at_home_has_the_address(void **state)
{
	struct world w;
	(void)state;
	world_init(&w, KITH_SIM_EFFECTS_OK);
	struct kith_simnode *n = w.node;
	for (uint32_t i = LEAF; n->nat == 0 || n->nat != n->public_nat || n->core == NULL; i++)
		n = &w.sim->nodes[i];
	w.node = n;
	uint32_t id = begin(&w, on_transport(KITH_EFFECT_MAP, KITH_SIM_TRANSPORT), 10 * KITH_US_PER_S);
	uint32_t unknown = begin(&w, on_transport(KITH_EFFECT_MAP, 99), 10 * KITH_US_PER_S);
	world_run(&w, KITH_US_PER_S);
	const struct kith_effect_end *end = end_of(id);
	assert_int_equal(end->err, 0);
	assert_int_equal(end->result.addrs_n, 1);
	assert_int_equal(end->result.addrs[0].port, n->local.port);
	assert_memory_equal(end->result.addrs[0].ip, n->public.ip, sizeof n->public.ip);
	assert_true(end->result.life_us > 0);
	assert_int_equal(end_of(unknown)->err, KITH_ENOENT);
	world_deinit(&w);
}

static void a_port_is_mapped_by_nobody_where_there_is_no_router(void **state)
{
	struct world w;
	(void)state;
	world_init(&w, KITH_SIM_EFFECTS_OK);
	w.node = &w.sim->nodes[0];
	uint32_t id = begin(&w, on_transport(KITH_EFFECT_MAP, KITH_SIM_TRANSPORT), 10 * KITH_US_PER_S);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(end_of(id)->err, KITH_ENOTSUP);
	world_deinit(&w);
}

/* One of each kind. */
static void begin_all(struct world *w, kith_time_us in, uint32_t ids[3])
{
	ids[0] = begin(w, open_sockets(3), in);
	ids[1] = begin(w, on_transport(KITH_EFFECT_CLOSE, 99), in);
	ids[2] = begin(w, on_transport(KITH_EFFECT_MAP, KITH_SIM_TRANSPORT), in);
}

static void failure_is_told_once_and_leaves_nothing_open(void **state)
{
	struct world w;
	uint32_t ids[3];
	(void)state;
	world_init(&w, KITH_SIM_EFFECTS_FAIL);
	begin_all(&w, 10 * KITH_US_PER_S, ids);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(told.n, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(end_of(ids[i])->err, KITH_EIO);
	assert_int_equal(w.node->core->transports.n, 1);
	world_deinit(&w);
}

static void the_deadline_ends_what_is_never_answered(void **state)
{
	struct world w;
	uint32_t ids[3];
	(void)state;
	world_init(&w, KITH_SIM_EFFECTS_NEVER);
	begin_all(&w, 3 * KITH_US_PER_S, ids);
	kith_time_us due = kith_sim_node_now(w.sim, w.node).mono_us + 3 * KITH_US_PER_S;
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(told.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(end_of(ids[i])->err, KITH_ETIMEDOUT);
		assert_true(told.when[i] == due);
	}
	assert_null(w.node->work); /* the host was told that it works in vain */
	world_deinit(&w);
}

static void what_is_slow_is_late_only_for_who_cannot_wait(void **state)
{
	struct world w;
	(void)state;
	world_init(&w, KITH_SIM_EFFECTS_SLOW);
	uint32_t late = begin(&w, open_sockets(2), KITH_US_PER_S / 2);
	uint32_t patient = begin(&w, open_sockets(2), 10 * KITH_US_PER_S);
	world_run(&w, KITH_US_PER_S * 9 / 10);
	assert_int_equal(end_of(late)->err, KITH_ETIMEDOUT);
	assert_null(end_of(patient));
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(end_of(patient)->err, 0);
	assert_int_equal(transports_of(&w, patient), 2);
	assert_int_equal(transports_of(&w, late), 0);
	assert_int_equal(told.n, 2);
	world_deinit(&w);
}

static void what_is_cancelled_ends_silently(void **state)
{
	struct world w;
	uint32_t ids[3];
	(void)state;
	world_init(&w, KITH_SIM_EFFECTS_OK);
	begin_all(&w, 10 * KITH_US_PER_S, ids);
	for (int i = 0; i < 3; i++)
		cancel(&w, ids[i]);
	assert_null(w.node->work);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(told.n, 0);
	assert_int_equal(w.node->core->transports.n, 1);
	world_deinit(&w);
}

static void a_core_that_leaves_or_is_freed_takes_its_effects_with_it(void **state)
{
	for (int crash = 0; crash < 2; crash++) {
		struct world w;
		uint32_t ids[3];
		(void)state;
		world_init(&w, KITH_SIM_EFFECTS_SLOW);
		uint32_t open = begin(&w, open_sockets(3), 10 * KITH_US_PER_S);
		world_run(&w, 10 * KITH_US_PER_S);
		assert_int_equal(transports_of(&w, open), 3);
		begin_all(&w, 60 * KITH_US_PER_S, ids);
		if (crash)
			kith_sim_node_crash(w.sim, w.node, true);
		else
			kith_sim_node_stop(w.sim, w.node);
		world_run(&w, 6 * KITH_US_PER_S); /* longer than the grace, and than any answer */
		assert_null(w.node->core);
		assert_true(w.node->work == NULL && w.node->ports_n == 0);
		for (int i = 0; i < 3; i++)
			(void)end_of(ids[i]); /* once, or not at all */
		unsigned before = told.n;
		assert_true(before <= 4 && (!crash || before == 1));
		kith_sim_node_start(w.sim, w.node); /* its ids begin again at 1 */
		uint32_t fresh = begin(&w, open_sockets(1), 10 * KITH_US_PER_S);
		world_run(&w, 20 * KITH_US_PER_S);
		assert_int_equal(told.n, before + 1);
		assert_int_equal(told.at[before].id, fresh);
		assert_int_equal(told.at[before].type, KITH_EFFECT_OPEN);
		world_deinit(&w);
	}
}

static void mixed_run(uint8_t hash[32])
{
	struct world w;
	world_init(&w, KITH_SIM_EFFECTS_MIXED);
	for (int i = 0; i < 40; i++) {
		(void)begin(&w, open_sockets(1), 8 * KITH_US_PER_S);
		world_run(&w, KITH_US_PER_S);
	}
	world_run(&w, 9 * KITH_US_PER_S);
	assert_int_equal(told.n, 40);
	assert_true(kith_sim_finish(w.sim));
	kith_sim_hash(w.sim, hash);
	kith_sim_free(w.sim);
}

static void a_mixture_is_the_same_in_every_run(void **state)
{
	uint8_t first[32], second[32];
	int errs[40], well = 0, lost = 0, late = 0;
	(void)state;
	mixed_run(first);
	for (int i = 0; i < 40; i++) {
		errs[i] = told.at[i].err;
		well += errs[i] == 0;
		lost += errs[i] == KITH_EIO;
		late += errs[i] == KITH_ETIMEDOUT;
	}
	assert_true(well > 0 && lost > 0 && late > 0);
	assert_int_equal(well + lost + late, 40);
	mixed_run(second);
	for (int i = 0; i < 40; i++)
		assert_int_equal(told.at[i].err, errs[i]);
	assert_memory_equal(first, second, sizeof first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_opened_used_and_closed),
		cmocka_unit_test(no_more_sockets_are_opened_than_a_host_has),
		cmocka_unit_test(a_port_is_mapped_where_the_router_at_home_has_the_address),
		cmocka_unit_test(a_port_is_mapped_by_nobody_where_there_is_no_router),
		cmocka_unit_test(failure_is_told_once_and_leaves_nothing_open),
		cmocka_unit_test(the_deadline_ends_what_is_never_answered),
		cmocka_unit_test(what_is_slow_is_late_only_for_who_cannot_wait),
		cmocka_unit_test(what_is_cancelled_ends_silently),
		cmocka_unit_test(a_core_that_leaves_or_is_freed_takes_its_effects_with_it),
		cmocka_unit_test(a_mixture_is_the_same_in_every_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
