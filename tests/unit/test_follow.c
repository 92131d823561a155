/* Who may follow somebody's comings and goings: contacts, who are given a token when they are talked to. */
#include "core_world.h"

#include "base/limits.h"
#include "core/save.h"
#include "leaf/audit.h"
#include "link/follow.h"

#define STEP_US (KITH_PRESENCE_STEP_MS * KITH_US_PER_MS)
#define GUARDED_US (KITH_RECORD_REFRESH_US + 60 * KITH_US_PER_S) /* by then a new device's record is guarded */

enum { ALICE = WORLD_FAR_ALICE, BOB = WORLD_FAR_BOB, CAROL = 8 };

static void pin(struct core_world *w, int of, int who, uint8_t flags)
{
	assert_int_equal(kith_core_pin(w->nodes[of].core, world_clock(w), w->nodes[who].name,
				       &w->nodes[who].id.identity, flags, false),
			 0);
	world_drain(w, of);
}

static void watch(struct core_world *w, int node, const char *name)
{
	assert_int_equal(kith_core_watch(w->nodes[node].core, world_clock(w), name), 0);
	world_drain(w, node);
}

static void leave(struct core_world *w, int node)
{
	kith_core_leave(w->nodes[node].core, world_clock(w), 2 * KITH_US_PER_S);
	world_drain(w, node);
}

/* Goes on to so long after the beginning of a step. */
static void to_step(struct core_world *w, kith_time_us after)
{
	world_run(w, kith_record_step_left_us(world_clock(w).unix_ms) + after);
}

/* Whether a look-up by the node finds the name online now; -1: it finds no such name. */
static int looks_up(struct core_world *w, int node, const char *name)
{
	kith_op op;
	int since = w->events_n, found = -1;
	assert_int_equal(kith_core_lookup(w->nodes[node].core, world_clock(w), name, &op), 0);
	world_drain(w, node);
	world_run(w, 12 * KITH_US_PER_S);
	for (int i = since; i < w->events_n; i++) {
		const struct world_event *e = &w->events[i];
		if (e->node == node && e->ev.type == KITH_EVENT_FOUND && found < 1)
			found = e->ev.found.online;
	}
	return found;
}

/* The last that node was told of the name since then: 1 online, 0 offline, -1 nothing. */
static int told(const struct core_world *w, int node, const char *name, int since, kith_time_us *at)
{
	int last = -1;
	for (int i = since; i < w->events_n; i++) {
		const struct world_event *e = &w->events[i];
		if (e->node != node || e->ev.type != KITH_EVENT_PRESENCE || strcmp(e->ev.name, name) != 0)
			continue;
		last = e->ev.online;
		*at = e->at;
	}
	return last;
}

static size_t has_tokens(struct core_world *w, int node, const char *name)
{
	struct kith_id key;
	uint8_t out[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	struct kith_core *c = w->nodes[node].core;
	kith_ids_directory(c->suite, &key, &c->self.network, name);
	return kith_follow_for(c, &key, out).len / KITH_FOLLOW_LEN;
}

/* Alice and bob, whose homes are others, and carol. All are new. */
static void world(struct core_world *w)
{
	world_far_apart(w);
	assert_int_equal(world_start(w, "carol", false), CAROL);
	world_run(w, 5 * KITH_US_PER_S);
}

/* Alice and bob are contacts, and have talked. */
static void friends(struct core_world *w)
{
	world(w);
	pin(w, ALICE, BOB, KITH_CONTACT_ACCEPTED);
	pin(w, BOB, ALICE, KITH_CONTACT_ACCEPTED);
	kith_session_id s = world_call(w, ALICE, BOB, NULL);
	(void)kith_core_close(w->nodes[ALICE].core, world_clock(w), s, KITH_CLOSE_NORMAL);
	world_drain(w, ALICE);
	world_run(w, KITH_US_PER_S);
}

static void a_token_is_known_by_its_guard_and_by_no_other(void **state)
{
	(void)state;
	const struct kith_suite *suite = kith_suite_sodium();
	uint8_t sk[KITH_SIGN_SK_LEN] = { 1 }, tokens[2][KITH_FOLLOW_LEN], guard[KITH_FOLLOW_LEN];
	kith_follow_token(suite, tokens[0], sk, 1);
	kith_follow_token(suite, tokens[1], sk, 2);
	assert_memory_not_equal(tokens[0], tokens[1], KITH_FOLLOW_LEN);
	kith_follow_guard(suite, guard, tokens[1]);
	assert_false(kith_follow_opens(suite, test_span(NULL, 0), guard));
	assert_false(kith_follow_opens(suite, test_span(tokens[0], KITH_FOLLOW_LEN), guard));
	assert_false(kith_follow_opens(suite, test_span(guard, KITH_FOLLOW_LEN), guard));
	assert_false(kith_follow_opens(suite, test_span(tokens[1], KITH_FOLLOW_LEN - 1), guard));
	assert_true(kith_follow_opens(suite, test_span(tokens, sizeof tokens), guard));
	sk[0] = 2; /* another device */
	kith_follow_token(suite, tokens[0], sk, 2);
	assert_memory_not_equal(tokens[0], tokens[1], KITH_FOLLOW_LEN);
}

static void contacts_give_each_other_their_tokens_and_strangers_do_not(void **state)
{
	struct core_world w;
	(void)state;
	friends(&w);
	assert_int_equal(has_tokens(&w, ALICE, "bob"), 1);
	assert_int_equal(has_tokens(&w, BOB, "alice"), 1);
	world_call(&w, CAROL, BOB, NULL);
	assert_int_equal(has_tokens(&w, CAROL, "bob"), 0);
	/* That each knows the other's key is not enough. */
	pin(&w, BOB, CAROL, 0);
	pin(&w, CAROL, BOB, 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(has_tokens(&w, CAROL, "bob"), 0);
	assert_int_equal(kith_core_unpin(w.nodes[CAROL].core, world_clock(&w), "bob"), 0);
	world_drain(&w, CAROL);
	/* Bob accepts her; she gives him what he gave her when he is a contact of hers. */
	pin(&w, BOB, CAROL, KITH_CONTACT_ACCEPTED);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(has_tokens(&w, CAROL, "bob"), 0);
	pin(&w, CAROL, BOB, KITH_CONTACT_ACCEPTED);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(has_tokens(&w, CAROL, "bob"), 1);
	assert_int_equal(has_tokens(&w, BOB, "carol"), 1);
	/* Who is a contact no more, cannot be followed any more. */
	assert_int_equal(kith_core_unpin(w.nodes[CAROL].core, world_clock(&w), "bob"), 0);
	world_drain(&w, CAROL);
	assert_int_equal(has_tokens(&w, CAROL, "bob"), 0);
	core_world_deinit(&w);
}

/* Of the supernodes at which homes watch the name, those that were shown a token. *all: how many there are. */
static int watched_with_tokens(struct core_world *w, const char *name, int *all)
{
	struct kith_id key;
	uint8_t out[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	int n = 0;
	*all = 0;
	for (int i = 0; i < 6; i++) {
		const struct kith_core *c = w->nodes[i].core;
		kith_ids_directory(c->suite, &key, &c->self.network, name);
		*all += kith_watches_count(&c->super->watches, &key) > 0;
		n += kith_watches_tokens(&c->super->watches, c->suite, &key, out) > 0;
	}
	return n;
}

static void homes_show_replicas_the_tokens_of_their_leaves_whenever_they_watch(void **state)
{
	struct core_world w;
	int all;
	(void)state;
	friends(&w);
	watch(&w, CAROL, "bob");
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(watched_with_tokens(&w, "bob", &all), 0);
	assert_true(all > 0);
	watch(&w, ALICE, "bob");
	world_run(&w, 5 * KITH_US_PER_S);
	assert_true(watched_with_tokens(&w, "bob", &all) > 0);
	world_run(&w, KITH_SUBSCRIPTION_US); /* renewed twice */
	assert_true(watched_with_tokens(&w, "bob", &all) > 0);
	core_world_deinit(&w);
}

static void a_contact_is_told_at_once_and_a_stranger_in_steps(void **state)
{
	struct core_world w;
	kith_time_us at = 0;
	(void)state;
	friends(&w);
	watch(&w, ALICE, "bob");
	watch(&w, CAROL, "bob");
	world_run(&w, GUARDED_US);
	to_step(&w, 10 * KITH_US_PER_S);
	int since = w.events_n;
	kith_time_us left_at = w.now;
	leave(&w, BOB);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(told(&w, ALICE, "bob", since, &at), 0);
	assert_true(at - left_at < KITH_US_PER_S);
	assert_int_equal(looks_up(&w, ALICE, "bob"), 0);
	assert_int_equal(looks_up(&w, CAROL, "bob"), 1);
	world_run(&w, STEP_US - (w.now - left_at) - 11 * KITH_US_PER_S);
	assert_int_equal(told(&w, CAROL, "bob", since, &at), -1);
	to_step(&w, 0);
	assert_int_equal(looks_up(&w, CAROL, "bob"), 0);
	/* Its home asks every five minutes. */
	world_run(&w, KITH_SUBSCRIPTION_US / 2 + 10 * KITH_US_PER_S);
	assert_int_equal(told(&w, CAROL, "bob", since, &at), 0);
	assert_true(at - left_at < 2 * STEP_US + 10 * KITH_US_PER_S);
	core_world_deinit(&w);
}

static size_t state_of(struct core_world *w, int node, uint8_t *out, size_t cap)
{
	struct kith_effect effect;
	struct kith_core *c = w->nodes[node].core;
	size_t len = 0;
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	kith_state_save(c);
	while (kith_core_effect(c, &effect)) {
		if (effect.type == KITH_EFFECT_SAVE && effect.what == KITH_SAVE_STATE) {
			assert_true(effect.bytes.len <= cap);
			memcpy(out, effect.bytes.p, len = effect.bytes.len);
		}
		kith_core_complete(c, world_clock(w), effect.id, 0, NULL);
	}
	world_drain(w, node);
	return len;
}

static void restart(struct core_world *w, int node, struct kith_span file, enum kith_presence presence)
{
	struct kith_core_options o;
	world_stop(w, node);
	world_options(w, node, &o);
	o.state = file;
	o.presence = presence;
	assert_int_equal(world_try_start(w, node, &o), 0);
}

static void somebody_who_comes_is_seen_by_strangers_when_the_step_is_over(void **state)
{
	struct core_world w;
	static uint8_t file[1 << 20];
	(void)state;
	friends(&w);
	size_t len = state_of(&w, BOB, file, sizeof file);
	leave(&w, BOB);
	world_run(&w, KITH_RECORD_LIFE_MS * KITH_US_PER_MS + KITH_CLOCK_TOLERANCE_MS * KITH_US_PER_MS);
	to_step(&w, 10 * KITH_US_PER_S);
	restart(&w, BOB, test_span(file, len), KITH_PRESENCE_STEPS);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(looks_up(&w, ALICE, "bob"), 1);
	assert_int_equal(looks_up(&w, CAROL, "bob"), -1);
	/* He himself sees at once that the directory has his record, whomever he asked first, and suspects no home. */
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_not_equal(w.nodes[BOB].core->leaf.audit.step, KITH_AUDIT_AGAIN);
	assert_int_equal(w.nodes[BOB].core->leaf.audit.denied, 0);
	assert_true(w.nodes[BOB].core->leaf.audit.at == KITH_TIME_NEVER);
	to_step(&w, 0);
	assert_int_equal(looks_up(&w, CAROL, "bob"), 1);
	world_call(&w, CAROL, BOB, NULL);
	core_world_deinit(&w);
}

static void whoever_is_blocked_is_a_stranger_at_once_and_others_when_they_talk(void **state)
{
	struct core_world w;
	kith_time_us at = 0;
	(void)state;
	friends(&w);
	pin(&w, CAROL, BOB, KITH_CONTACT_ACCEPTED);
	pin(&w, BOB, CAROL, KITH_CONTACT_ACCEPTED);
	world_call(&w, CAROL, BOB, NULL); /* and goes on */
	watch(&w, ALICE, "bob");
	watch(&w, CAROL, "bob");
	world_run(&w, GUARDED_US);
	pin(&w, BOB, ALICE, KITH_CONTACT_ACCEPTED | KITH_CONTACT_BLOCKED);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(has_tokens(&w, ALICE, "bob"), 1);
	assert_int_equal(has_tokens(&w, BOB, "alice"), 0);
	to_step(&w, 10 * KITH_US_PER_S);
	int since = w.events_n;
	kith_time_us left_at = w.now;
	leave(&w, BOB);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(told(&w, CAROL, "bob", since, &at), 0);
	assert_true(at - left_at < KITH_US_PER_S);
	assert_int_equal(looks_up(&w, ALICE, "bob"), 1);
	world_run(&w, STEP_US - (w.now - left_at) - 11 * KITH_US_PER_S);
	assert_int_equal(told(&w, ALICE, "bob", since, &at), -1);
	world_run(&w, STEP_US + 20 * KITH_US_PER_S);
	assert_int_equal(told(&w, ALICE, "bob", since, &at), 0);
	core_world_deinit(&w);
}

static void a_device_for_contacts_is_found_by_them_and_by_nobody_else(void **state)
{
	struct core_world w;
	static uint8_t file[1 << 20];
	(void)state;
	friends(&w);
	size_t len = state_of(&w, BOB, file, sizeof file);
	restart(&w, BOB, test_span(file, len), KITH_PRESENCE_CONTACTS);
	pin(&w, BOB, ALICE, KITH_CONTACT_ACCEPTED); /* they are in another file */
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(looks_up(&w, CAROL, "bob"), -1);
	to_step(&w, 0);
	assert_int_equal(looks_up(&w, CAROL, "bob"), -1);
	assert_int_equal(looks_up(&w, ALICE, "bob"), 1);
	world_call(&w, ALICE, BOB, NULL);
	core_world_deinit(&w);
}

static void a_device_for_contacts_does_not_answer_a_stranger_who_knows_where_it_is(void **state)
{
	struct core_world w;
	(void)state;
	friends(&w);
	w.nodes[BOB].core->presence = KITH_PRESENCE_CONTACTS; /* its record is of before */
	int since = w.events_n;
	kith_op op = world_dial(&w, CAROL, "bob", 10 * KITH_US_PER_S);
	world_run(&w, 12 * KITH_US_PER_S);
	assert_null(world_event(&w, BOB, KITH_EVENT_INCOMING, since));
	assert_null(world_event(&w, CAROL, KITH_EVENT_OPENED, since));
	const struct world_event *done = world_event(&w, CAROL, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.op, op);
	assert_int_equal(done->ev.err, KITH_ETIMEDOUT);
	world_call(&w, BOB, CAROL, NULL); /* whom he calls himself */
	core_world_deinit(&w);
}

static void tokens_outlive_a_restart(void **state)
{
	struct core_world w;
	static uint8_t file[1 << 20];
	(void)state;
	friends(&w);
	w.nodes[ALICE].core->follow_number = 7;
	size_t len = state_of(&w, ALICE, file, sizeof file);
	restart(&w, ALICE, test_span(file, len), KITH_PRESENCE_STEPS);
	assert_int_equal(has_tokens(&w, ALICE, "bob"), 1);
	assert_true(w.nodes[ALICE].core->follow_number == 7);
	for (size_t cut = 0; cut < len; cut++)
		assert_true(kith_state_check(kith_suite_sodium(), test_span(file, cut)) < 0);
	core_world_deinit(&w);
}

static void a_directory_without_tokens_finds_the_own_record_all_the_same(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	world_run(&w, 3 * KITH_RECORD_REFRESH_US);
	for (int i = 0; i < 2; i++) {
		const struct kith_core *c = w.nodes[i == 0 ? ALICE : BOB].core;
		struct kith_record r;
		assert_int_equal(kith_record_parse(&r, kith_blob_span(c->leaf.record)), 0);
		assert_true(r.guarded);
		assert_true(c->leaf.published);
		for (size_t h = 0; h < KITH_HOMES; h++)
			assert_int_equal(c->leaf.homes[h].state, KITH_HOME_ATTACHED);
		assert_int_equal(world_events(&w, i == 0 ? ALICE : BOB, KITH_EVENT_CAUGHT, 0), 0);
	}
	core_world_deinit(&w);
}

/* ---- hours of it ---- */

enum { DAVE = 9, POLL_S = 10, ROUNDS = 16, CONTACT_P50_MS = 300, CONTACT_MOST_MS = 2000 };

/* What one who looks again and again knows. */
struct follower {
	int node;
	int seen; /* online by the last answer */
	unsigned changes, in_time; /* seen; and seen in the first moments of a step */
};

/* How long the step had lasted then: a question may be asked before it begins, and answered after. */
static kith_time_us into_step(const struct core_world *w, kith_time_us at)
{
	int64_t unix_ms = world_clock(w).unix_ms - (int64_t)((w->now - at) / KITH_US_PER_MS);
	return STEP_US - kith_record_step_left_us(unix_ms);
}

static void poll(struct core_world *w, struct follower f[], size_t n)
{
	kith_op op;
	int since = w->events_n;
	for (size_t k = 0; k < n; k++) {
		assert_int_equal(kith_core_lookup(w->nodes[f[k].node].core, world_clock(w), "bob", &op), 0);
		world_drain(w, f[k].node);
	}
	world_run(w, POLL_S * KITH_US_PER_S);
	for (size_t k = 0; k < n; k++) {
		int online = 0;
		kith_time_us at = 0;
		for (int i = since; i < w->events_n; i++) {
			const struct world_event *e = &w->events[i];
			if (e->node == f[k].node &&
			    (e->ev.type == KITH_EVENT_FOUND || e->ev.type == KITH_EVENT_OP_DONE))
				at = e->at;
			online |= e->node == f[k].node && e->ev.type == KITH_EVENT_FOUND && e->ev.found.online;
		}
		assert_int_not_equal(at, 0);
		if (online != f[k].seen) {
			f[k].changes++;
			f[k].in_time += into_step(w, at) < 3 * POLL_S * KITH_US_PER_S;
		}
		f[k].seen = online;
	}
}

static int by_value(const void *a, const void *b)
{
	const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	return x < y ? -1 : x > y;
}

/* Bob comes and goes for hours. Carol, whom he does not know, and dave, whom he blocked, look for him every ten
 * seconds; alice, his contact, watches him. */
static void a_follower_learns_comings_and_goings_in_steps_and_a_contact_at_once(void **state)
{
	static struct core_world w;
	static uint8_t file[1 << 20];
	unsigned late_ms[2 * ROUNDS], n = 0;
	struct follower f[] = { { .node = CAROL, .seen = 1 }, { .node = DAVE, .seen = 1 } };
	(void)state;
	friends(&w);
	assert_int_equal(world_start(&w, "dave", false), DAVE);
	world_run(&w, 5 * KITH_US_PER_S);
	pin(&w, BOB, DAVE, KITH_CONTACT_ACCEPTED);
	pin(&w, DAVE, BOB, KITH_CONTACT_ACCEPTED);
	world_call(&w, DAVE, BOB, NULL);
	world_run(&w, KITH_US_PER_S);
	pin(&w, BOB, DAVE, KITH_CONTACT_BLOCKED);
	kith_session_id s = world_call(&w, ALICE, BOB, NULL); /* she has the token of now */
	(void)kith_core_close(w.nodes[ALICE].core, world_clock(&w), s, KITH_CLOSE_NORMAL);
	world_drain(&w, ALICE);
	watch(&w, ALICE, "bob");
	world_run(&w, GUARDED_US);
	size_t len = 0;
	for (unsigned i = 0; i < 2 * ROUNDS; i++) {
		kith_time_us at = 0;
		for (unsigned k = kith_rng_below(&w.random.random, 60) + 3; k > 0; k--)
			poll(&w, f, 2);
		world_run(&w, kith_rng_below(&w.random.random, POLL_S * 1000) * KITH_US_PER_MS);
		w.events_n = 0; /* there is not room for all of them */
		kith_time_us then = w.now;
		if (i % 2 == 0) {
			leave(&w, BOB);
		} else {
			restart(&w, BOB, test_span(file, len), KITH_PRESENCE_STEPS);
			pin(&w, BOB, ALICE, KITH_CONTACT_ACCEPTED);
		}
		world_run(&w, 5 * KITH_US_PER_S);
		if (i % 2 == 0) {
			len = state_of(&w, BOB, file, sizeof file);
			world_stop(&w, BOB);
		}
		assert_int_equal(told(&w, ALICE, "bob", 0, &at), i % 2);
		const struct world_event *home = world_event(&w, BOB, KITH_EVENT_ATTACHED, 0);
		if (i % 2 == 1) { /* somebody who comes is there when he has a home */
			assert_non_null(home);
			then = home->at;
		}
		late_ms[n++] = (unsigned)((at - then) / KITH_US_PER_MS);
	}
	qsort(late_ms, n, sizeof late_ms[0], by_value);
	print_message("contact: %u changes after %u ms (median), %u ms (most)\n", n, late_ms[n / 2], late_ms[n - 1]);
	for (size_t k = 0; k < 2; k++) {
		print_message("%s: %u changes seen, %u when a step began\n", k == 0 ? "stranger" : "blocked",
			      f[k].changes, f[k].in_time);
		assert_true(f[k].changes >= ROUNDS / 2);
		assert_int_equal(f[k].in_time, f[k].changes);
	}
	assert_true(late_ms[n / 2] <= CONTACT_P50_MS && late_ms[n - 1] <= CONTACT_MOST_MS);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_known_by_its_guard_and_by_no_other),
		cmocka_unit_test(contacts_give_each_other_their_tokens_and_strangers_do_not),
		cmocka_unit_test(homes_show_replicas_the_tokens_of_their_leaves_whenever_they_watch),
		cmocka_unit_test(a_contact_is_told_at_once_and_a_stranger_in_steps),
		cmocka_unit_test(somebody_who_comes_is_seen_by_strangers_when_the_step_is_over),
		cmocka_unit_test(whoever_is_blocked_is_a_stranger_at_once_and_others_when_they_talk),
		cmocka_unit_test(a_device_for_contacts_is_found_by_them_and_by_nobody_else),
		cmocka_unit_test(a_device_for_contacts_does_not_answer_a_stranger_who_knows_where_it_is),
		cmocka_unit_test(tokens_outlive_a_restart),
		cmocka_unit_test(a_directory_without_tokens_finds_the_own_record_all_the_same),
		cmocka_unit_test(a_follower_learns_comings_and_goings_in_steps_and_a_contact_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
