/* Operations of the application: each ends exactly once, whatever happens to it, and leaves nothing behind. */
#include "core_world.h"

#include "base/limits.h"
#include "role/dial.h"

/* How an operation ended: 1 if it opened a session, else its error; and that it did so once. */
static int outcome(const struct core_world *w, int node, kith_op op, int since)
{
	int ends = 0, result = 0;
	for (int i = since; i < w->events_n; i++) {
		const struct kith_event *ev = &w->events[i].ev;
		if (w->events[i].node != node || ev->op != op)
			continue;
		if (ev->type == KITH_EVENT_OPENED || ev->type == KITH_EVENT_OP_DONE) {
			ends++;
			result = ev->type == KITH_EVENT_OPENED ? 1 : ev->err;
		}
	}
	assert_int_equal(ends, 1);
	return result;
}

/* Sessions of applications, in whatever state. */
static int calls_held(const struct core_world *w, int node)
{
	uint32_t it = 0;
	const struct kith_session *s;
	int n = 0;
	while ((s = kith_table_next(&w->nodes[node].core->sessions.by_index, &it)) != NULL)
		n += (s->use & KITH_USE_PEER) != 0;
	return n;
}

static int ops_held(const struct core_world *w, int node)
{
	int n = 0;
	for (size_t i = 0; w->nodes[node].core->ops != NULL && i < KITH_OPS_MAX; i++)
		n += w->nodes[node].core->ops[i].kind != KITH_OP_FREE;
	return n;
}

static void nobody_has_that_name(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "nobody", 0), found;
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "nobody", &found), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_ENOENT);
	assert_int_equal(outcome(&w, WORLD_ALICE, found, since), KITH_ENOENT);
	core_world_deinit(&w);
}

static void whoever_said_goodbye_is_offline_at_once(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_core_leave(w.nodes[WORLD_BOB].core, world_clock(&w), 2 * KITH_US_PER_S);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_BOB, KITH_EVENT_LEFT, 0));
	world_stop(&w, WORLD_BOB);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EOFFLINE);
	core_world_deinit(&w);
}

static void whoever_vanished_is_unreachable_and_then_offline(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_BOB].muted = true;
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 5 * KITH_US_PER_S);
	world_run(&w, 6 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_ETIMEDOUT);
	world_run(&w, KITH_LEAF_VANISH_US);
	since = w.events_n;
	op = world_dial(&w, WORLD_ALICE, "bob", 5 * KITH_US_PER_S);
	world_run(&w, 6 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EOFFLINE);
	core_world_deinit(&w);
}

static void a_leaf_that_never_had_a_home_is_told_so(void **state)
{
	struct core_world w;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 1);
	w.bootstrap = 10; /* nobody there */
	int i = world_start(&w, "alice", false);
	world_run(&w, KITH_US_PER_S);
	int since = w.events_n;
	kith_op op = world_dial(&w, i, "bob", 5 * KITH_US_PER_S);
	world_run(&w, 6 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, i, op, since), KITH_EDETACHED);
	core_world_deinit(&w);
}

static void a_leaf_that_is_cut_off_ends_its_calls_in_time(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_ALICE].muted = true;
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 12 * KITH_US_PER_S);
	world_run(&w, 13 * KITH_US_PER_S);
	int err = outcome(&w, WORLD_ALICE, op, since);
	assert_true(err == KITH_ETIMEDOUT || err == KITH_EDETACHED);
	/* An operation begun now knows that there is no home. */
	world_run(&w, 60 * KITH_US_PER_S);
	since = w.events_n;
	op = world_dial(&w, WORLD_ALICE, "bob", 5 * KITH_US_PER_S);
	world_run(&w, 6 * KITH_US_PER_S);
	err = outcome(&w, WORLD_ALICE, op, since);
	assert_true(err == KITH_ETIMEDOUT || err == KITH_EDETACHED);
	core_world_deinit(&w);
}

static void a_lookup_tells_each_device_and_then_ends(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob", &op), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), 0);
	const struct world_event *found = world_event(&w, WORLD_ALICE, KITH_EVENT_FOUND, since);
	assert_non_null(found);
	assert_int_equal(found->ev.op, op);
	assert_true(found->ev.found.online);
	assert_memory_equal(&found->ev.found.device, &w.nodes[WORLD_BOB].id.device_dh, 32);
	assert_memory_equal(&found->ev.found.identity, &w.nodes[WORLD_BOB].id.identity, 32);
	assert_int_equal(found->ev.found.homes_n, 3);
	core_world_deinit(&w);
}

/* ---- deciding ---- */

static struct {
	kith_session_id session;
	int rings;
} ringing;

static void let_ring(struct core_world *w, int node, const struct kith_event *ev)
{
	(void)w;
	(void)node;
	if (ev->type == KITH_EVENT_INCOMING) {
		ringing.session = ev->session;
		ringing.rings++;
	}
}

static void a_call_may_be_accepted_late(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	memset(&ringing, 0, sizeof ringing);
	w.on_event = let_ring;
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(ringing.rings, 1);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since));
	assert_int_equal(kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w), ringing.session), 0);
	world_drain(&w, WORLD_BOB);
	assert_int_equal(kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w), ringing.session), KITH_ESTATE);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), 1);
	assert_int_equal(ringing.rings, 1);
	core_world_deinit(&w);
}

static void a_call_nobody_answers_ends_on_both_sides(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	memset(&ringing, 0, sizeof ringing);
	w.on_event = let_ring;
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, KITH_DIAL_TIMEOUT_US + KITH_CANCEL_US + KITH_US_PER_S);
	int err = outcome(&w, WORLD_ALICE, op, since);
	assert_true(err == KITH_ETIMEDOUT || err == KITH_EUNREACHABLE);
	assert_int_equal(ringing.rings, 1);
	const struct world_event *closed = world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.session, ringing.session);
	assert_int_equal(kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w), ringing.session), KITH_ENOENT);
	assert_int_equal(calls_held(&w, WORLD_ALICE) + calls_held(&w, WORLD_BOB), 0);
	assert_int_equal(w.nodes[WORLD_BOB].core->deciding, 0);
	core_world_deinit(&w);
}

static void a_service_that_is_not_offered_is_refused_without_ringing(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	assert_int_equal(kith_core_call(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob", "voice", 0, &op), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_DIAL_TIMEOUT_US + 5 * KITH_US_PER_S); /* so long the answer can be repeated */
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EREJECTED);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
	assert_int_equal(calls_held(&w, WORLD_ALICE) + calls_held(&w, WORLD_BOB), 0);
	core_world_deinit(&w);
}

/* ---- giving up at every moment ---- */

/* What one side does after so many milliseconds of a call. */
enum deed { CANCEL, CLOSE_CALLEE, REJECT, MUTE_CALLER, MUTE_CALLEE, DEEDS_N };

static void act(struct core_world *w, enum deed deed, kith_op op)
{
	switch (deed) {
	case CANCEL: {
		int err = kith_core_cancel(w->nodes[WORLD_ALICE].core, world_clock(w), op);
		assert_true(err == 0 || err == KITH_ENOENT);
		world_drain(w, WORLD_ALICE);
		break;
	}
	case CLOSE_CALLEE:
		(void)kith_core_close(w->nodes[WORLD_BOB].core, world_clock(w), ringing.session, KITH_CLOSE_BUSY);
		world_drain(w, WORLD_BOB);
		break;
	case REJECT:
		(void)kith_core_reject(w->nodes[WORLD_BOB].core, world_clock(w), ringing.session, KITH_CLOSE_BUSY);
		world_drain(w, WORLD_BOB);
		break;
	case MUTE_CALLER:
		w->nodes[WORLD_ALICE].muted = true;
		break;
	case MUTE_CALLEE:
		w->nodes[WORLD_BOB].muted = true;
		break;
	case DEEDS_N:
		break;
	}
}

static void accept_after_30_ms(struct core_world *w, int node, const struct kith_event *ev)
{
	let_ring(w, node, ev);
	(void)w;
}

static void whatever_happens_in_the_middle_of_a_call_each_side_hears_of_its_end_once(void **state)
{
	(void)state;
	for (int deed = 0; deed < DEEDS_N; deed++) {
		for (int ms = 0; ms < 260; ms += deed == CANCEL ? 5 : 20) {
			struct core_world w;
			world_alice_and_bob(&w);
			memset(&ringing, 0, sizeof ringing);
			w.on_event = accept_after_30_ms;
			int since = w.events_n;
			bool accepted = false, done = false;
			kith_op op = world_dial(&w, WORLD_ALICE, "bob", 10 * KITH_US_PER_S);
			kith_time_us rang = 0;
			for (int t = 0; t <= 300; t++) {
				if (t >= ms && !done) {
					act(&w, (enum deed)deed, op);
					done = true;
				}
				if (ringing.rings > 0 && rang == 0)
					rang = w.now;
				if (rang != 0 && !accepted && w.now >= rang + 30 * KITH_US_PER_MS) {
					accepted = true;
					int err = kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w),
								   ringing.session);
					assert_true(err == 0 || err == KITH_ENOENT || err == KITH_ESTATE);
					world_drain(&w, WORLD_BOB);
				}
				world_run(&w, KITH_US_PER_MS);
			}
			/* An end that only listens on a relay finds out when its tunnel is closed. */
			bool mute = deed == MUTE_CALLER || deed == MUTE_CALLEE;
			world_run(&w, mute ? KITH_TUNNEL_IDLE_US + 60 * KITH_US_PER_S : 60 * KITH_US_PER_S);
			(void)outcome(&w, WORLD_ALICE, op, since);
			assert_int_equal(ops_held(&w, WORLD_ALICE), 0);
			assert_int_equal(w.nodes[WORLD_BOB].core->deciding, 0);
			/* What the application was told of as begun, it was told the end of, or it is still there on
			 * both sides. */
			for (int n = WORLD_ALICE; n <= WORLD_BOB; n++) {
				int open = world_events(&w, n, KITH_EVENT_OPENED, since),
				    closed = world_events(&w, n, KITH_EVENT_CLOSED, since);
				assert_true(open <= 1 && closed <= 1);
				if (open > closed)
					assert_int_equal(calls_held(&w, n), 1);
				else
					assert_int_equal(calls_held(&w, n), 0);
			}
			if (mute || deed == CANCEL)
				assert_int_equal(calls_held(&w, WORLD_ALICE), calls_held(&w, WORLD_BOB));
			core_world_deinit(&w);
		}
	}
}

static void a_canceled_operation_is_gone(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	assert_int_equal(kith_core_cancel(w.nodes[WORLD_ALICE].core, world_clock(&w), op), 0);
	assert_int_equal(kith_core_cancel(w.nodes[WORLD_ALICE].core, world_clock(&w), op), KITH_ENOENT);
	world_drain(&w, WORLD_ALICE);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_ECANCELED);
	world_run(&w, KITH_US_PER_S);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
	core_world_deinit(&w);
}

/* ---- bounds ---- */

static void more_operations_than_there_is_room_for_are_refused_and_the_others_all_end(void **state)
{
	struct core_world w;
	kith_op ops[KITH_OPS_MAX], more;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	for (int i = 0; i < KITH_OPS_MAX; i++) {
		char name[32];
		snprintf(name, sizeof name, "nobody-%d", i);
		assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), name, &ops[i]), 0);
		world_drain(&w, WORLD_ALICE);
	}
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "nobody", &more), KITH_EFULL);
	world_run(&w, 60 * KITH_US_PER_S);
	for (int i = 0; i < KITH_OPS_MAX; i++)
		(void)outcome(&w, WORLD_ALICE, ops[i], since);
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob", &more), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, more, since), 0);
	core_world_deinit(&w);
}

static void a_caller_without_room_for_a_session_is_told(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_ALICE].core->sessions.by_index.max = w.nodes[WORLD_ALICE].core->sessions.by_index.n;
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EFULL);
	core_world_deinit(&w);
}

static void nonsense_is_refused_at_once(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	assert_int_equal(kith_core_call(c, world_clock(&w), "Bob!", "chat", 0, &op), KITH_ENAME);
	assert_int_equal(kith_core_call(c, world_clock(&w), "bob", "", 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, world_clock(&w), "bob", "a-name-longer-than-sixteen", 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, world_clock(&w), "alice", "chat", 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_lookup(c, world_clock(&w), "", &op), KITH_ENAME);
	assert_int_equal(kith_core_cancel(c, world_clock(&w), 12345), KITH_ENOENT);
	core_world_deinit(&w);
}

/* ---- both at once ---- */

/* The network between two who call each other: loses and delays what it likes, by a seed. */
struct weather {
	struct test_random random;
	unsigned loss_percent;
	kith_time_us late_us; /* at most */
};

static int weather_tap(struct core_world *w, struct world_packet *p)
{
	struct weather *weather = w->tap_ctx;
	if (test_random_next(&weather->random) % 100 < weather->loss_percent)
		return 0;
	if (weather->late_us > 0)
		p->at += (kith_time_us)(test_random_next(&weather->random) % (uint64_t)weather->late_us);
	return 1;
}

/* The one session that an application has at a node. */
static const struct kith_session *only_call(const struct core_world *w, int node)
{
	uint32_t it = 0;
	const struct kith_session *s, *found = NULL;
	while ((s = kith_table_next(&w->nodes[node].core->sessions.by_index, &it)) != NULL) {
		if (s->use & KITH_USE_PEER) {
			assert_null(found);
			found = s;
		}
	}
	assert_non_null(found);
	return found;
}

/* Both calls ended well, with the same session at both sides, and nothing rings, waits or is told of any more. */
static void expect_one_session(struct core_world *w, const kith_op op[2], int since)
{
	const struct kith_session *s[2];
	for (int i = 0; i < 2; i++) {
		int node = WORLD_ALICE + i;
		int incoming = world_events(w, node, KITH_EVENT_INCOMING, since);
		assert_int_equal(outcome(w, node, op[i], since), 1);
		assert_int_equal(world_events(w, node, KITH_EVENT_OPENED, since), 1);
		/* A prompt that was there already is taken back when the call that it is about becomes our own. */
		assert_true(incoming <= 1);
		assert_int_equal(world_events(w, node, KITH_EVENT_CLOSED, since), incoming);
		assert_int_equal(w->nodes[node].core->deciding, 0);
		assert_null(w->nodes[node].core->ringing);
		assert_int_equal(ops_held(w, node), 0);
		s[i] = only_call(w, node);
		assert_int_equal(s[i]->state, KITH_SESSION_OPEN);
	}
	assert_int_equal(s[0]->peer_index, s[1]->index);
	assert_int_equal(s[1]->peer_index, s[0]->index);
	assert_int_equal(s[0]->initiator + s[1]->initiator, 1);
}

/* Alice calls, and bob after so many milliseconds; nobody answers a call. */
static void cross(int first, int ms, struct weather *weather, kith_time_us settle_us)
{
	struct core_world w;
	kith_op op[2];
	world_alice_and_bob(&w);
	memset(&ringing, 0, sizeof ringing);
	w.on_event = let_ring;
	w.tap = weather_tap;
	w.tap_ctx = weather;
	int since = w.events_n, second = WORLD_ALICE + WORLD_BOB - first;
	op[first - WORLD_ALICE] = world_dial(&w, first, w.nodes[second].name, 100 * KITH_US_PER_S);
	world_run(&w, ms * KITH_US_PER_MS);
	op[second - WORLD_ALICE] = world_dial(&w, second, w.nodes[first].name, 100 * KITH_US_PER_S);
	world_run(&w, settle_us);
	weather->loss_percent = 0;
	world_run(&w, KITH_DIAL_TIMEOUT_US + 5 * KITH_US_PER_S);
	expect_one_session(&w, op, since);
	if (ms == 0 && weather->late_us == 0) { /* at the same instant nothing has rung yet */
		assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_INCOMING, since), 0);
		assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_INCOMING, since), 0);
	}
	core_world_deinit(&w);
}

static void two_who_call_each_other_have_one_session_whoever_was_first(void **state)
{
	(void)state;
	for (int first = WORLD_ALICE; first <= WORLD_BOB; first++) {
		for (int ms = 0; ms <= 300; ms += 5) {
			struct weather fair = { .loss_percent = 0 };
			cross(first, ms, &fair, 3 * KITH_US_PER_S);
		}
	}
}

static void two_who_call_each_other_have_one_session_in_bad_weather(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 200; seed++) {
		struct weather bad = { .loss_percent = seed % 4 * 10, .late_us = seed % 3 * 150 * KITH_US_PER_MS };
		test_random_init(&bad.random, seed);
		cross(seed % 2 == 0 ? WORLD_ALICE : WORLD_BOB, (int)(seed % 23) * 10, &bad, 20 * KITH_US_PER_S);
	}
}

/* Holds back the first messages that are brought to a node until some time, and a second longer. */
struct hold {
	int node;
	kith_time_us until;
};

static int hold_hello(struct core_world *w, struct world_packet *p)
{
	const uint8_t *inner = p->data + KITH_PACKET_HEADROOM;
	const struct hold *hold = w->tap_ctx;
	if (inner[0] == KITH_PKT_TUNNEL && inner[KITH_TUNNEL_HEADER] == KITH_PKT_HELLO && w->now < hold->until &&
	    kith_addr_equal(&p->to, &w->nodes[hold->node].addr))
		p->at = hold->until + KITH_US_PER_S;
	return 1;
}

static void a_crossed_call_that_comes_after_all_is_settled_does_not_ring(void **state)
{
	(void)state;
	for (int node = WORLD_ALICE; node <= WORLD_BOB; node++) {
		struct core_world w;
		kith_op op[2];
		world_alice_and_bob(&w);
		memset(&ringing, 0, sizeof ringing);
		w.on_event = let_ring;
		struct hold hold = { node, w.now + 2 * KITH_US_PER_S };
		w.tap = hold_hello;
		w.tap_ctx = &hold;
		int since = w.events_n;
		op[0] = world_dial(&w, WORLD_ALICE, "bob", 0);
		op[1] = world_dial(&w, WORLD_BOB, "alice", 0);
		world_run(&w, 10 * KITH_US_PER_S);
		expect_one_session(&w, op, since);
		assert_int_equal(ringing.rings, 0);
		core_world_deinit(&w);
	}
}

/* Every session of an application at one side is open and has its other end at the other. */
static void expect_both_ends(const struct core_world *w)
{
	for (int node = WORLD_ALICE; node <= WORLD_BOB; node++) {
		const struct kith_sessions *others = &w->nodes[WORLD_ALICE + WORLD_BOB - node].core->sessions;
		const struct kith_session *s;
		uint32_t it = 0;
		while ((s = kith_table_next(&w->nodes[node].core->sessions.by_index, &it)) != NULL) {
			if (!(s->use & KITH_USE_PEER))
				continue;
			const struct kith_session *other = kith_sessions_get(others, s->peer_index);
			assert_int_equal(s->state, KITH_SESSION_OPEN);
			assert_non_null(other);
			assert_int_equal(other->peer_index, s->index);
			assert_int_equal(other->state, KITH_SESSION_OPEN);
		}
	}
}

/* Whoever has taken a call and calls back all the same may want two sessions; but both sides have the same. */
static void calls_that_are_answered_while_they_cross_leave_nothing_half_open(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 200; seed++) {
		struct core_world w;
		struct weather bad = { .loss_percent = seed % 4 * 10, .late_us = seed % 3 * 150 * KITH_US_PER_MS };
		int first = seed % 2 == 0 ? WORLD_ALICE : WORLD_BOB, second = WORLD_ALICE + WORLD_BOB - first;
		test_random_init(&bad.random, seed);
		world_alice_and_bob(&w);
		w.tap = weather_tap;
		w.tap_ctx = &bad;
		int since = w.events_n;
		kith_op a = world_dial(&w, first, w.nodes[second].name, 100 * KITH_US_PER_S);
		world_run(&w, (kith_time_us)(seed % 23) * 10 * KITH_US_PER_MS);
		kith_op b = world_dial(&w, second, w.nodes[first].name, 100 * KITH_US_PER_S);
		world_run(&w, 20 * KITH_US_PER_S);
		bad.loss_percent = 0;
		world_run(&w, 2 * KITH_DIAL_TIMEOUT_US);
		assert_int_equal(outcome(&w, first, a, since), 1);
		assert_int_equal(outcome(&w, second, b, since), 1);
		assert_true(calls_held(&w, first) >= 1);
		expect_both_ends(&w);
		core_world_deinit(&w);
	}
}

/* One of two who called each other gives up: the other one's call goes on, rings, and can be taken. */
static void when_one_of_two_crossed_calls_is_given_up_the_other_goes_on(void **state)
{
	(void)state;
	for (int quitter = WORLD_ALICE; quitter <= WORLD_BOB; quitter++) {
		for (int ms = 0; ms <= 240; ms += 5) {
			struct core_world w;
			kith_op op[2];
			world_alice_and_bob(&w);
			memset(&ringing, 0, sizeof ringing);
			w.on_event = world_accept;
			int since = w.events_n, other = WORLD_ALICE + WORLD_BOB - quitter;
			op[0] = world_dial(&w, WORLD_ALICE, "bob", 0);
			op[1] = world_dial(&w, WORLD_BOB, "alice", 0);
			world_run(&w, ms * KITH_US_PER_MS);
			(void)kith_core_cancel(w.nodes[quitter].core, world_clock(&w), op[quitter - WORLD_ALICE]);
			world_drain(&w, quitter);
			world_run(&w, KITH_DIAL_TIMEOUT_US + 20 * KITH_US_PER_S);
			int err = outcome(&w, quitter, op[quitter - WORLD_ALICE], since);
			assert_true(err == 1 || err == KITH_ECANCELED);
			(void)outcome(&w, other, op[other - WORLD_ALICE], since);
			/* Whoever gave up is not connected all the same, but by a call that it was asked about. */
			assert_true(world_events(&w, quitter, KITH_EVENT_OPENED, since) <=
				    world_events(&w, quitter, KITH_EVENT_INCOMING, since) + (err == 1));
			assert_int_equal(calls_held(&w, WORLD_ALICE), calls_held(&w, WORLD_BOB));
			assert_true(calls_held(&w, WORLD_ALICE) <= 1);
			for (int n = WORLD_ALICE; n <= WORLD_BOB; n++) {
				assert_int_equal(world_events(&w, n, KITH_EVENT_OPENED, since) -
							 world_events(&w, n, KITH_EVENT_CLOSED, since),
						 calls_held(&w, n));
				assert_int_equal(ops_held(&w, n), 0);
			}
			core_world_deinit(&w);
		}
	}
}

/* ---- giving up ---- */

static void a_callee_stops_ringing_when_the_caller_gives_up(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 30; seed++) {
		struct core_world w;
		struct weather weather = { .loss_percent = seed % 3 * 10 };
		test_random_init(&weather.random, seed);
		world_alice_and_bob(&w);
		memset(&ringing, 0, sizeof ringing);
		w.on_event = let_ring;
		w.tap = weather_tap;
		w.tap_ctx = &weather;
		int since = w.events_n;
		/* By hand, or because the time that it was given is over. */
		kith_op op = world_dial(&w, WORLD_ALICE, "bob", (seed % 2 == 0 ? 20 : 6) * KITH_US_PER_S);
		world_run(&w, 5 * KITH_US_PER_S);
		assert_int_equal(ringing.rings, 1);
		assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since));
		if (seed % 2 == 0)
			assert_int_equal(kith_core_cancel(w.nodes[WORLD_ALICE].core, world_clock(&w), op), 0);
		world_drain(&w, WORLD_ALICE);
		world_run(&w, KITH_US_PER_S + KITH_CANCEL_US + KITH_US_PER_S);
		const struct world_event *closed = world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since);
		assert_non_null(closed);
		assert_int_equal(closed->ev.session, ringing.session);
		assert_int_equal(closed->ev.reason, KITH_CLOSE_CANCELED);
		assert_true(closed->ev.remote);
		assert_int_equal(outcome(&w, WORLD_ALICE, op, since), seed % 2 == 0 ? KITH_ECANCELED : KITH_ETIMEDOUT);
		assert_int_equal(ringing.rings, 1); /* and no copy that comes late rings again */
		assert_int_equal(w.nodes[WORLD_BOB].core->deciding, 0);
		assert_int_equal(calls_held(&w, WORLD_ALICE) + calls_held(&w, WORLD_BOB), 0);
		core_world_deinit(&w);
	}
}

static void a_call_that_comes_after_its_own_end_does_not_ring(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	memset(&ringing, 0, sizeof ringing);
	w.on_event = let_ring;
	struct hold hold = { WORLD_BOB, w.now + 500 * KITH_US_PER_MS };
	w.tap = hold_hello;
	w.tap_ctx = &hold;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 500 * KITH_US_PER_MS);
	assert_int_equal(kith_core_cancel(w.nodes[WORLD_ALICE].core, world_clock(&w), op), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(ringing.rings, 0);
	assert_true(world_stat(&w, WORLD_BOB, KITH_STAT_REFUSE_STALE) > 0);
	core_world_deinit(&w);
}

static void a_call_for_another_service_is_another_call(void **state)
{
	struct core_world w;
	kith_op a, b;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = WORLD_ALICE; i <= WORLD_BOB; i++)
		assert_int_equal(kith_core_serve(w.nodes[i].core, "voice"), 0);
	int since = w.events_n;
	a = world_dial(&w, WORLD_ALICE, "bob", 0);
	assert_int_equal(kith_core_call(w.nodes[WORLD_BOB].core, world_clock(&w), "alice", "voice", 0, &b), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, a, since), 1);
	assert_int_equal(outcome(&w, WORLD_BOB, b, since), 1);
	assert_int_equal(calls_held(&w, WORLD_ALICE), 2);
	assert_int_equal(calls_held(&w, WORLD_BOB), 2);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_has_that_name),
		cmocka_unit_test(whoever_said_goodbye_is_offline_at_once),
		cmocka_unit_test(whoever_vanished_is_unreachable_and_then_offline),
		cmocka_unit_test(a_leaf_that_never_had_a_home_is_told_so),
		cmocka_unit_test(a_leaf_that_is_cut_off_ends_its_calls_in_time),
		cmocka_unit_test(a_lookup_tells_each_device_and_then_ends),
		cmocka_unit_test(a_call_may_be_accepted_late),
		cmocka_unit_test(a_call_nobody_answers_ends_on_both_sides),
		cmocka_unit_test(a_service_that_is_not_offered_is_refused_without_ringing),
		cmocka_unit_test(whatever_happens_in_the_middle_of_a_call_each_side_hears_of_its_end_once),
		cmocka_unit_test(a_canceled_operation_is_gone),
		cmocka_unit_test(more_operations_than_there_is_room_for_are_refused_and_the_others_all_end),
		cmocka_unit_test(a_caller_without_room_for_a_session_is_told),
		cmocka_unit_test(nonsense_is_refused_at_once),
		cmocka_unit_test(two_who_call_each_other_have_one_session_whoever_was_first),
		cmocka_unit_test(two_who_call_each_other_have_one_session_in_bad_weather),
		cmocka_unit_test(a_crossed_call_that_comes_after_all_is_settled_does_not_ring),
		cmocka_unit_test(calls_that_are_answered_while_they_cross_leave_nothing_half_open),
		cmocka_unit_test(when_one_of_two_crossed_calls_is_given_up_the_other_goes_on),
		cmocka_unit_test(a_call_for_another_service_is_another_call),
		cmocka_unit_test(a_callee_stops_ringing_when_the_caller_gives_up),
		cmocka_unit_test(a_call_that_comes_after_its_own_end_does_not_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
