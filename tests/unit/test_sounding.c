/* A leaf learns what NAT it is behind without a packet more, and sounds it out when a call needs it. */
#include "leaf_world.h"

#include "leaf/sounding.h"

enum { SUPERNODES = 8, ALICE = SUPERNODES, BOB = SUPERNODES + 1, FLOWS = 64, FIRST_PORT = 30000 };

/* In front of alice: a port for each destination (step apart), or one for all (step 0), or none at all. */
struct steps {
	bool on;
	uint16_t step, next;
	struct kith_addr to[FLOWS];
	uint16_t port[FLOWS];
	int n;
	int sent; /* packets of alice */
};

static const struct kith_addr outside = { .family = KITH_FAMILY_V4, .ip = { 50, 0, 0, 1 } };

static uint16_t port_for(struct steps *nat, const struct kith_addr *to)
{
	for (int i = 0; i < nat->n; i++) {
		if (nat->step == 0 || kith_addr_equal(&nat->to[i], to))
			return nat->port[i];
	}
	assert_true(nat->n < FLOWS);
	nat->to[nat->n] = *to;
	nat->port[nat->n++] = nat->next;
	nat->next = (uint16_t)(nat->next + nat->step);
	return nat->port[nat->n - 1];
}

static int translate(struct core_world *w, struct world_packet *p)
{
	struct steps *nat = w->tap_ctx;
	const struct kith_addr *inside = &w->nodes[ALICE].addr;
	if (!nat->on)
		return 1;
	if (kith_addr_equal(&p->from, inside)) {
		uint16_t port = port_for(nat, &p->to);
		nat->sent++;
		p->from = outside;
		p->from.port = port;
		return 1;
	}
	if (memcmp(p->to.ip, outside.ip, sizeof outside.ip) != 0)
		return 1;
	for (int i = 0; i < nat->n; i++) {
		if (nat->port[i] == p->to.port && (nat->step == 0 || kith_addr_equal(&nat->to[i], &p->from))) {
			p->to = *inside;
			return 1;
		}
	}
	return 0;
}

static void start(struct core_world *w, struct steps *nat, bool on, uint16_t step)
{
	core_world_init(w, kith_suite_sim(), 1);
	*nat = (struct steps){ .on = on, .step = step, .next = FIRST_PORT };
	for (int i = 0; i < SUPERNODES; i++) {
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		world_start(w, name, true);
	}
	world_run(w, 10 * KITH_US_PER_S);
	w->tap = translate;
	w->tap_ctx = nat;
	world_start(w, "alice", false);
	world_start(w, "bob", false);
	world_run(w, 10 * KITH_US_PER_S);
	assert_int_equal(homes_of(w, ALICE), KITH_HOMES);
}

static struct kith_nat_info info(const struct core_world *w, int node)
{
	struct kith_core_info out;
	kith_core_info(w->nodes[node].core, &out);
	return out.nat;
}

static void the_class_is_known_when_homes_are(void **state)
{
	static const struct {
		bool on;
		uint16_t step;
		const char *mapping, *allocation;
		uint16_t told;
	} want[] = {
		{ false, 0, "none", "unknown", 0 },  { true, 0, "independent", "unknown", 0 },
		{ true, 1, "port", "step", 1 },	     { true, 3, "port", "step", 3 },
		{ true, 9001, "port", "random", 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		struct core_world w;
		struct steps nat;
		start(&w, &nat, want[i].on, want[i].step);
		struct kith_nat_info got = info(&w, ALICE);
		assert_string_equal(got.mapping, want[i].mapping);
		assert_string_equal(got.allocation, want[i].allocation);
		assert_int_equal(got.step, want[i].told);
		assert_string_equal(info(&w, 0).mapping, "unknown"); /* a supernode has no homes */
		core_world_deinit(&w);
	}
}

static struct kith_session *session_of(struct core_world *w, int node, kith_session_id id)
{
	return kith_sessions_get(&w->nodes[node].core->sessions, id);
}

/* Of kind predicted, in what alice would name to that session's peer. */
static const struct kith_candidate *predicted(struct core_world *w, kith_session_id id,
					      struct kith_candidate list[KITH_OWN_MAX])
{
	const struct kith_core *c = w->nodes[ALICE].core;
	size_t n = kith_own_candidates(c, list, KITH_OWN_MAX);
	n = kith_sounding_predict(c, session_of(w, ALICE, id), list, n, KITH_OWN_MAX);
	for (size_t i = 0; i < n; i++) {
		if (list[i].kind == KITH_ADDR_PREDICTED)
			return &list[i];
	}
	return NULL;
}

/* A call in which alice says something as soon as it is open. */
static kith_session_id call_and_say(struct core_world *w)
{
	const int since = w->events_n;
	const struct world_event *opened = NULL;
	world_dial(w, ALICE, "bob", 0);
	for (unsigned i = 0; i < 3000 && opened == NULL; i++) {
		world_run(w, KITH_US_PER_MS);
		opened = world_event(w, ALICE, KITH_EVENT_OPENED, since);
	}
	assert_non_null(opened);
	const kith_session_id call = opened->ev.session;
	assert_int_equal(world_say(w, ALICE, call, "x", 1), 0);
	world_run(w, 3 * KITH_US_PER_S);
	return call;
}

static void check_sounded_out(bool says)
{
	struct core_world w;
	struct steps nat;
	struct kith_candidate list[KITH_OWN_MAX];
	start(&w, &nat, true, 2);
	nat.next = (uint16_t)(nat.next + 200); /* others took many since then: what homes see is of no use */
	kith_session_id call = says ? call_and_say(&w) : world_call(&w, ALICE, BOB, NULL);
	const struct kith_candidates *told = &kith_pathset_punch(&session_of(&w, ALICE, call)->paths)->ours;
	const struct kith_candidate *next = NULL;
	for (unsigned i = 0; i < told->n; i++)
		next = told->list[i].kind == KITH_ADDR_PREDICTED ? &told->list[i] : next;
	assert_non_null(next);
	assert_int_equal(told->nat.step, 2);
	/* The flow to bob is the one that was named, or one soon after. */
	uint16_t port = 0;
	for (int i = 0; i < nat.n; i++)
		port = kith_addr_equal(&nat.to[i], &w.nodes[BOB].addr) ? nat.port[i] : port;
	assert_in_range(port - next->at.addr.port, 0, 2 * (KITH_PLAN_GUESSES - 1));
	assert_non_null(predicted(&w, call, list));
	core_world_deinit(&w);
}

static void a_call_is_sounded_out_and_the_next_port_named(void **state)
{
	(void)state;
	check_sounded_out(false);
}

static void a_sounding_is_waited_for_when_something_is_said_at_once(void **state)
{
	(void)state;
	check_sounded_out(true);
}

static void where_a_peer_saw_us_is_named_to_that_peer_alone(void **state)
{
	struct core_world w;
	struct steps nat;
	struct kith_candidate list[KITH_OWN_MAX];
	(void)state;
	start(&w, &nat, true, 1);
	kith_session_id call = world_call(&w, ALICE, BOB, NULL);
	struct kith_core *c = w.nodes[ALICE].core;
	struct kith_session *s = session_of(&w, ALICE, call);
	size_t n = kith_own_candidates(c, list, KITH_OWN_MAX);
	const struct kith_seen told = { { .family = KITH_FAMILY_V4, .ip = { 50, 0, 0, 1 }, .port = 31999 }, 0 };
	kith_sounding_met(c, s, &told);
	for (unsigned other = 0; other < 2; other++) {
		bool named = false;
		struct kith_session stranger = *s;
		stranger.device[0] ^= (uint8_t)other;
		size_t more = kith_sounding_predict(c, &stranger, list, n, KITH_OWN_MAX);
		for (size_t i = n; i < more; i++)
			named = named || list[i].at.addr.port == 31999;
		assert_int_equal(named, other == 0);
	}
	core_world_deinit(&w);
}

static void behind_any_other_nat_nothing_is_sounded_out(void **state)
{
	struct core_world w;
	struct steps nat;
	struct kith_candidate list[KITH_OWN_MAX];
	(void)state;
	start(&w, &nat, true, 0);
	kith_session_id call = world_call(&w, ALICE, BOB, NULL);
	assert_null(predicted(&w, call, list));
	assert_null(w.nodes[ALICE].core->leaf.sounding);
	assert_false(kith_sounding_begin(w.nodes[ALICE].core));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_class_is_known_when_homes_are),
		cmocka_unit_test(a_call_is_sounded_out_and_the_next_port_named),
		cmocka_unit_test(a_sounding_is_waited_for_when_something_is_said_at_once),
		cmocka_unit_test(where_a_peer_saw_us_is_named_to_that_peer_alone),
		cmocka_unit_test(behind_any_other_nat_nothing_is_sounded_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
