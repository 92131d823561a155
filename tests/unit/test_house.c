/* Certificates as time passes. */
#include "core_world.h"

#include "base/limits.h"
#include "core/house.h"

/* Alice's certificate ends in half an hour. */
static int start_short_lived(struct core_world *w, int64_t seconds)
{
	struct kith_core_options o;
	world_network(w, kith_suite_sodium(), 1, 3, (const char *const[]){ "bob", NULL });
	int i = world_add(w, "alice", false);
	world_certify(w, i, &(struct world_cert){ .name = "alice", .from_s = -3600, .until_s = seconds });
	world_options(w, i, &o);
	assert_int_equal(world_try_start(w, i, &o), 0);
	world_run(w, 5 * KITH_US_PER_S);
	return i;
}

static void a_node_is_warned_once_before_its_own_certificate_ends(void **state)
{
	struct core_world w;
	(void)state;
	int alice = start_short_lived(&w, 1800);
	world_run(&w, 3 * KITH_HOUSE_US);
	assert_int_equal(world_events(&w, alice, KITH_EVENT_CERT_EXPIRING, 0), 1);
	assert_int_equal(world_event(&w, alice, KITH_EVENT_CERT_EXPIRING, 0)->ev.expires_ms,
			 WORLD_UNIX_MS + 1800 * 1000);
	assert_int_equal(world_events(&w, 3, KITH_EVENT_CERT_EXPIRING, 0), 0); /* bob has months */
	core_world_deinit(&w);
}

static void a_live_session_ends_when_the_other_certificate_does(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	int alice = start_short_lived(&w, 1800), bob = 3;
	world_call(&w, alice, bob, &theirs);
	int since = w.events_n;
	world_run(&w, 1500 * KITH_US_PER_S);
	assert_null(world_event(&w, bob, KITH_EVENT_CLOSED, since));
	world_run(&w, 300 * KITH_US_PER_S + (kith_time_us)KITH_CLOCK_TOLERANCE_MS * KITH_US_PER_MS + KITH_HOUSE_US +
			      KITH_US_PER_S);
	const struct world_event *closed = world_event(&w, bob, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.session, theirs);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_CERTIFICATE);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_is_warned_once_before_its_own_certificate_ends),
		cmocka_unit_test(a_live_session_ends_when_the_other_certificate_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
