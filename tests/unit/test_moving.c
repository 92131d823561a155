/* A leaf moves to another home: it has as many at every moment, is found all the time, and does not let itself be led
 * anywhere. */
#include "core_world.h"

#include "base/limits.h"
#include "core/settle.h"
#include "leaf/homes.h"
#include "leaf/moving.h"

enum { SUPERS = 5, ALICE = SUPERS, BOB = SUPERS + 1 };

static bool is_home(const struct core_world *w, int leaf, int super)
{
	const struct kith_core *c = w->nodes[leaf].core;
	for (int i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->state == KITH_HOME_ATTACHED &&
		    memcmp(home->host.dh.b, w->nodes[super].core->self.dh_pk, 32) == 0)
			return true;
	}
	return false;
}

/* The first supernode that is, or is not, a home of alice. */
static int some(const struct core_world *w, bool home)
{
	for (int i = 0; i < SUPERS; i++) {
		if (is_home(w, ALICE, i) == home)
			return i;
	}
	fail();
	return -1;
}

static struct kith_session *session_at(const struct core_world *w, int super, int leaf)
{
	return kith_sessions_of(&w->nodes[super].core->sessions, w->nodes[leaf].core->self.dh_pk);
}

static void ask(struct core_world *w, int home, const struct kith_host *newcomer)
{
	struct kith_core *c = w->nodes[home].core;
	uint8_t entry[KITH_HOST_LEN_MAX], body[256];
	struct kith_span host = { entry, kith_host_make(entry, newcomer) };
	const struct kith_msg_leave m = { .hosts = { &host, 1 } };
	size_t len = kith_msg_leave_write(body, sizeof body, &m);
	kith_core_enter(c, world_clock(w));
	assert_int_equal(kith_session_request(c, session_at(w, home, ALICE), KITH_REQ_MOVE,
					      (struct kith_span){ body, len }, kith_token(KITH_TOKEN_IGNORE, 0)),
			 0);
	kith_core_settle(c);
	world_drain(w, home);
}

static struct kith_host host_of(const struct core_world *w, int i)
{
	struct kith_host host = { .endpoints_n = 1, .endpoints = { world_endpoint(i) } };
	memcpy(host.dh.b, w->nodes[i].core->self.dh_pk, KITH_KEY_LEN);
	return host;
}

static void begin(struct core_world *w)
{
	world_network(w, kith_suite_sodium(), 1, SUPERS, (const char *const[]){ "alice", "bob", NULL });
	assert_int_equal(kith_homes_count(w->nodes[ALICE].core), KITH_HOMES);
}

static void it_has_three_homes_at_every_moment_and_is_called_meanwhile(void **state)
{
	struct core_world w;
	(void)state;
	begin(&w);
	int old = some(&w, true), next = some(&w, false);
	struct kith_host host = host_of(&w, next);
	ask(&w, old, &host);
	int both = 0;
	for (int i = 0; i < 600; i++) {
		world_run(&w, 10 * KITH_US_PER_MS);
		assert_int_equal(kith_homes_count(w.nodes[ALICE].core), KITH_HOMES);
		both += session_at(&w, old, ALICE) != NULL && is_home(&w, ALICE, next);
		if (i % 100 == 50)
			world_call(&w, BOB, ALICE, NULL);
	}
	assert_true(both > 30); /* make before break: three seconds of both, in which she was called */
	assert_true(is_home(&w, ALICE, next) && !is_home(&w, ALICE, old));
	assert_null(session_at(&w, old, ALICE));
	/* Nobody was told that she had vanished. */
	assert_int_equal(world_stat(&w, BOB, KITH_STAT_EVENTS_DROPPED), 0);
	core_world_deinit(&w);
}

static void a_newcomer_that_is_silent_or_takes_nobody_changes_nothing(void **state)
{
	struct core_world w;
	(void)state;
	begin(&w);
	int old = some(&w, true), next = some(&w, false);
	struct kith_host host = host_of(&w, next);
	w.nodes[next].muted = true;
	ask(&w, old, &host);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_true(is_home(&w, ALICE, old));
	assert_int_equal(kith_homes_count(w.nodes[ALICE].core), KITH_HOMES);
	w.nodes[next].muted = false;
	world_run(&w, KITH_MOVE_US);
	w.nodes[next].core->super->overload.level = KITH_OVERLOAD_ATTACHES;
	ask(&w, old, &host);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_true(is_home(&w, ALICE, old) && !is_home(&w, ALICE, next));
	core_world_deinit(&w);
}

/* One home must not put its own friends in the places of the others. */
static void homes_lead_it_nowhere_near_each_other_and_not_all_the_time(void **state)
{
	struct core_world w;
	(void)state;
	begin(&w);
	int old = some(&w, true), next = some(&w, false);
	struct kith_host host = host_of(&w, next), true_host = host;
	int other = -1;
	for (int i = 0; i < SUPERS; i++)
		other = i != old && is_home(&w, ALICE, i) ? i : other;
	host.endpoints[0].addr.ip[0] = w.nodes[other].addr.ip[0]; /* beside another home */
	host.endpoints[0].addr.ip[1] = w.nodes[other].addr.ip[1];
	ask(&w, old, &host);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(w.nodes[ALICE].core->leaf.moved_at, 0);
	host = host_of(&w, other); /* one that is a home already */
	ask(&w, old, &host);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(w.nodes[ALICE].core->leaf.moved_at, 0);
	ask(&w, old, &true_host);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_true(is_home(&w, ALICE, next));
	/* A second time within the minute she stays. */
	int third = some(&w, false);
	host = host_of(&w, third);
	ask(&w, next, &host);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_true(is_home(&w, ALICE, next) && !is_home(&w, ALICE, third));
	core_world_deinit(&w);
}

static void throw_out(struct core_world *w, int home)
{
	struct kith_core *c = w->nodes[home].core;
	kith_core_enter(c, world_clock(w));
	kith_session_end(c, session_at(w, home, ALICE), KITH_CLOSE_NORMAL, false);
	kith_core_settle(c);
	world_drain(w, home);
}

/* The home that let her go is another's successor within the three seconds that it still has: over the same session,
 * which must not end then. */
static void a_home_that_was_let_go_and_is_taken_again_stays(void **state)
{
	struct core_world w;
	(void)state;
	begin(&w);
	int old = some(&w, true), next = some(&w, false), other = -1;
	for (int i = 0; i < SUPERS; i++) {
		other = i != old && is_home(&w, ALICE, i) ? i : other;
		w.nodes[i].muted = !is_home(&w, ALICE, i) && i != next;
	}
	struct kith_host host = host_of(&w, next);
	ask(&w, old, &host);
	for (int i = 0; i < 100 && is_home(&w, ALICE, old); i++)
		world_run(&w, 10 * KITH_US_PER_MS);
	const uint32_t before = session_at(&w, old, ALICE)->index;
	throw_out(&w, other);
	w.nodes[other].muted = true;
	for (int i = 0; i < 250 && !is_home(&w, ALICE, old); i++)
		world_run(&w, 10 * KITH_US_PER_MS);
	assert_true(is_home(&w, ALICE, old));
	assert_int_equal(session_at(&w, old, ALICE)->index, before);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_true(is_home(&w, ALICE, old));
	assert_non_null(session_at(&w, old, ALICE));
	assert_int_equal(session_at(&w, old, ALICE)->use & KITH_USE_LEAF, KITH_USE_LEAF);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_three_homes_at_every_moment_and_is_called_meanwhile),
		cmocka_unit_test(a_newcomer_that_is_silent_or_takes_nobody_changes_nothing),
		cmocka_unit_test(a_home_that_was_let_go_and_is_taken_again_stays),
		cmocka_unit_test(homes_lead_it_nowhere_near_each_other_and_not_all_the_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
