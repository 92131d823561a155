/* What a look-up finds, and what it tells of it. */
#include "call_world.h"
#include "super_world.h"

#include "base/limits.h"
#include "call/dial.h"
#include "call/find.h"
#include "call/op.h"
#include "core/settle.h"
#include "leaf/homes.h"

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

/* ---- an issuer that certified a name twice ---- */

enum { IMPOSTOR = WORLD_BOB + 1, CALLS = 20 };

/* Somebody else is certified as bob as well, and online: the newer record is his. */
static void impostor(struct core_world *w)
{
	struct kith_core_options o;
	world_alice_and_bob(w);
	assert_int_equal(world_add(w, "bob", false), IMPOSTOR);
	world_certify(w, IMPOSTOR, &(struct world_cert){ .name = "bob" });
	world_options(w, IMPOSTOR, &o);
	assert_int_equal(world_try_start(w, IMPOSTOR, &o), 0);
	world_run(w, 5 * KITH_US_PER_S);
}

static void a_name_of_two_identities_is_told_and_not_called(void **state)
{
	struct core_world w;
	kith_op lookup;
	(void)state;
	impostor(&w);
	for (int i = 0; i < CALLS; i++) {
		int since = w.events_n;
		kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
		world_run(&w, 3 * KITH_US_PER_S);
		assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_ETWICE);
		assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_NAME_TWICE, since), 1);
		assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
		assert_null(world_event(&w, IMPOSTOR, KITH_EVENT_INCOMING, since));
	}
	int since = w.events_n;
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob", &lookup), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, lookup, since), 0);
	const struct world_event *twice = world_event(&w, WORLD_ALICE, KITH_EVENT_NAME_TWICE, since);
	assert_non_null(twice);
	assert_int_equal(twice->ev.op, lookup);
	assert_string_equal(twice->ev.name, "bob");
	assert_memory_not_equal(&twice->ev.identity, &twice->ev.found.identity, 32);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_FOUND, since), 2); /* both, for who asks */
	core_world_deinit(&w);
}

static void a_pinned_name_is_reached_whoever_else_has_it(void **state)
{
	struct core_world w;
	(void)state;
	impostor(&w);
	struct kith_core *alice = w.nodes[WORLD_ALICE].core;
	assert_int_equal(kith_core_pin(alice, world_clock(&w), "bob", &w.nodes[WORLD_BOB].id.identity, 0, false), 0);
	for (int i = 0; i < CALLS; i++) {
		int since = w.events_n;
		(void)world_dial(&w, WORLD_ALICE, "bob", 0);
		world_run(&w, 3 * KITH_US_PER_S);
		const struct world_event *incoming = world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since);
		assert_non_null(incoming);
		assert_null(world_event(&w, IMPOSTOR, KITH_EVENT_INCOMING, since));
		assert_int_equal(kith_core_close(w.nodes[WORLD_BOB].core, world_clock(&w), incoming->ev.session,
						 KITH_CLOSE_NORMAL),
				 0);
		world_drain(&w, WORLD_BOB);
		world_run(&w, 2 * KITH_US_PER_S);
	}
	core_world_deinit(&w);
}

/* ---- homes that lie ---- */

/* The home that was asked answers, whatever it knows, that there is nobody. */
static void says_nobody_and(struct core_world *w, int node, kith_op id, struct kith_span body)
{
	struct kith_core *c = w->nodes[node].core;
	const struct kith_operation *op = kith_op_get(c, id);
	assert_non_null(op);
	struct kith_session *home = kith_sessions_get(&c->sessions, op->asked);
	assert_non_null(home);
	kith_core_enter(c, world_clock(w));
	kith_request_cancel(home->requests, kith_env(c, home), kith_token(KITH_TOKEN_LOOKUP, id));
	const struct kith_answer lie = { .token = kith_token(KITH_TOKEN_LOOKUP, id), .err = KITH_ENOENT, .body = body };
	kith_dial_on_found(c, home, &lie);
	kith_core_settle(c);
	world_drain(w, node);
}

static void says_nobody(struct core_world *w, kith_op id)
{
	says_nobody_and(w, WORLD_ALICE, id, test_span(NULL, 0));
}

static void one_home_that_says_nobody_is_not_believed(void **state)
{
	(void)state;
	for (int call = 0; call < 2; call++) {
		struct core_world w;
		kith_op op;
		world_alice_and_bob(&w);
		struct kith_core *c = w.nodes[WORLD_ALICE].core;
		int since = w.events_n;
		if (call)
			op = world_dial(&w, WORLD_ALICE, "bob", 0);
		else
			assert_int_equal(kith_core_lookup(c, world_clock(&w), "bob", &op), 0);
		world_drain(&w, WORLD_ALICE);
		uint32_t first = kith_op_get(c, op)->asked;
		says_nobody(&w, op);
		assert_non_null(kith_op_get(c, op));
		assert_int_not_equal(kith_op_get(c, op)->asked, first);
		world_run(&w, 2 * KITH_US_PER_S);
		assert_int_equal(outcome(&w, WORLD_ALICE, op, since), call);
		core_world_deinit(&w);
	}
}

static void that_nobody_is_there_counts_when_all_homes_say_so(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	for (int i = 0; i < KITH_HOMES; i++)
		says_nobody(&w, op);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_ENOENT);
	core_world_deinit(&w);
}

/* Six supernodes; alice's homes are three of them, which all lie. */
static void that_nobody_is_there_counts_when_supernodes_that_are_no_homes_say_so_too(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_far_apart(&w);
	struct kith_core *c = w.nodes[WORLD_FAR_ALICE].core;
	world_run(&w, 120 * KITH_US_PER_S); /* bob's record is an old hat */
	for (int round = 0; round < 3; round++) {
		int since = w.events_n;
		assert_int_equal(kith_core_lookup(c, world_clock(&w), "bob", &op), 0);
		world_drain(&w, WORLD_FAR_ALICE);
		for (int i = 0; i < KITH_HOMES; i++)
			says_nobody_and(&w, WORLD_FAR_ALICE, op, test_span(NULL, 0));
		assert_non_null(kith_op_get(c, op)); /* not yet */
		world_run(&w, 2 * KITH_US_PER_S);
		assert_int_equal(outcome(&w, WORLD_FAR_ALICE, op, since), 0);
		assert_non_null(world_event(&w, WORLD_FAR_ALICE, KITH_EVENT_FOUND, since));
		assert_int_equal(world_events(&w, WORLD_FAR_ALICE, KITH_EVENT_CAUGHT, since), round < 2 ? 0 : 3);
		world_run(&w, 30 * KITH_US_PER_S);
	}
	core_world_deinit(&w);
}

/* Nobody but her homes is known to alice; the last of them names replicas. */
static void a_replica_that_a_home_names_is_asked_by_the_leaf_itself(void **state)
{
	struct core_world w;
	uint8_t body[KITH_ANSWER_MAX];
	struct kith_span entries[2];
	kith_op op;
	(void)state;
	world_far_apart(&w);
	struct kith_core *c = w.nodes[WORLD_FAR_ALICE].core;
	for (int i = 0; i < c->leaf.cache.n; i++)
		c->leaf.cache.at[i].flags |= KITH_HOST_USED;
	for (int i = 0; i < 2; i++) {
		const struct kith_supernode *sn = w.nodes[i].core->super;
		entries[i] = test_span(sn->entry, sn->entry_len);
	}
	const struct kith_msg_found m = { .members = { entries, 2 } };
	size_t len = kith_msg_found_write(body, sizeof body, &m);
	int since = w.events_n;
	assert_int_equal(kith_core_lookup(c, world_clock(&w), "bob", &op), 0);
	world_drain(&w, WORLD_FAR_ALICE);
	for (int i = 0; i < KITH_HOMES; i++)
		says_nobody_and(&w, WORLD_FAR_ALICE, op, test_span(body, len));
	assert_int_equal(kith_op_get(c, op)->beyond, 2);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_FAR_ALICE, KITH_EVENT_FOUND, since));
	core_world_deinit(&w);
}

/* What a home answers, read at the leaf before anything is made of it. */
static void a_home_that_finds_nobody_names_replicas(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_far_apart(&w);
	struct kith_core *c = w.nodes[WORLD_FAR_ALICE].core;
	for (int i = 0; i < c->leaf.cache.n; i++)
		c->leaf.cache.at[i].flags |= KITH_HOST_USED;
	int since = w.events_n;
	assert_int_equal(kith_core_lookup(c, world_clock(&w), "nobody", &op), 0);
	world_drain(&w, WORLD_FAR_ALICE);
	bool asked = false;
	for (int step = 0; step < 1000; step++) {
		world_run(&w, KITH_US_PER_S / 100);
		for (int i = 0; i < 3; i++) /* that are no homes of hers */
			asked = asked || kith_sessions_of(&c->sessions, w.nodes[i].id.device_dh.b) != NULL;
	}
	assert_int_equal(outcome(&w, WORLD_FAR_ALICE, op, since), KITH_ENOENT);
	assert_true(asked);
	for (int i = 0; i < 3; i++) /* who was asked once is not kept */
		assert_null(kith_sessions_of(&c->sessions, w.nodes[i].id.device_dh.b));
	core_world_deinit(&w);
}

static void a_home_that_does_not_answer_while_others_do_has_failed(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	struct kith_core *c = w.nodes[WORLD_FAR_ALICE].core;
	world_run(&w, 120 * KITH_US_PER_S);
	struct kith_session *s = kith_homes_session(c, &c->leaf.homes[0]);
	kith_core_enter(c, world_clock(&w));
	kith_find_unanswered(c, s); /* nobody was heard lately: the line may be down */
	kith_core_settle(c);
	assert_int_equal(c->leaf.homes[0].points, 0);
	kith_op op;
	for (int i = 0; i < 6; i++) { /* one of them is drawn */
		assert_int_equal(kith_core_lookup(c, world_clock(&w), "bob", &op), 0);
		world_drain(&w, WORLD_FAR_ALICE);
	}
	world_run(&w, KITH_US_PER_S);
	kith_core_enter(c, world_clock(&w));
	kith_find_unanswered(c, s);
	kith_core_settle(c);
	assert_true(c->leaf.homes[0].points > 0);
	core_world_deinit(&w);
}

/* So that a liar is not asked by everybody, and not always by the same. */
static void the_home_that_is_asked_first_is_drawn(void **state)
{
	struct core_world w;
	unsigned asked = 0;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = 0; i < 30; i++) {
		kith_op op = world_dial(&w, WORLD_ALICE, "nobody", 0);
		struct kith_core *c = w.nodes[WORLD_ALICE].core;
		asked |= kith_find_home(c, kith_sessions_get(&c->sessions, kith_op_get(c, op)->asked));
		world_run(&w, KITH_US_PER_S);
	}
	assert_int_equal(asked, (1u << KITH_HOMES) - 1);
	core_world_deinit(&w);
}

/* A vanish report of bob's by one of his homes. */
static struct kith_span report_by(struct core_world *w, int home, const struct kith_record *record, uint8_t *out)
{
	const struct kith_core *c = w->nodes[home].core;
	struct kith_vanish v = {
		.key = record->key, .device = record->device, .seq = record->seq, .at_ms = c->now.unix_ms
	};
	memcpy(v.home.b, c->self.sign_pk, sizeof v.home.b);
	int len = kith_vanish_make(c->suite, out, &v, c->self.sign_sk);
	assert_true(len > 0);
	return test_span(out, (size_t)len);
}

static void two_of_three_homes_must_report_a_device_gone(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	const struct kith_leaf *bob = &w.nodes[WORLD_BOB].core->leaf;
	struct kith_span bytes = kith_blob_span(bob->record), reports[3];
	struct kith_record record;
	struct kith_found found[KITH_DIAL_DEVICES_MAX];
	uint8_t buf[3][KITH_VANISH_LEN_MAX];
	assert_int_equal(kith_record_parse(&record, bytes), 0);
	for (int i = 0; i < 3; i++)
		reports[i] = report_by(&w, i, &record, buf[i]);
	const struct kith_span twice[2] = { reports[0], reports[0] };
	for (unsigned n = 0; n <= 3; n++) {
		const struct kith_msg_found m = { .records = { &bytes, 1 }, .vanished = { reports, n } };
		assert_int_equal(kith_find_read(c, &record.key, "bob", &m, found), 1);
		assert_int_equal(found[0].online, n < 2);
	}
	const struct kith_msg_found m = { .records = { &bytes, 1 }, .vanished = { twice, 2 } };
	assert_int_equal(kith_find_read(c, &record.key, "bob", &m, found), 1);
	assert_true(found[0].online);
	core_world_deinit(&w);
}

/* How many of bob's homes bring his record to the replicas. */
static void two_homes_publish_a_record(void **state)
{
	struct core_world w;
	int publishers = 0;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = 0; i < 3; i++) {
		struct kith_supernode *sn = w.nodes[i].core->super;
		const struct kith_attached *bob = NULL;
		struct kith_id key;
		kith_ids_directory(w.pki.suite, &key, &w.pki.network, "bob");
		bob = kith_table_get(&sn->attached, key.b);
		assert_non_null(bob);
		publishers += bob->publish;
	}
	assert_int_equal(publishers, 2);
	core_world_deinit(&w);
}

/* What a stranger is shown of bob: sequences and reports that tell more than a minute, and how many were read. */
struct shown {
	int records, reports, too_fine;
	uint64_t seq;
};

/* What replicas keep is what their answers have, byte for byte. */
static void look(struct core_world *w, struct shown *shown)
{
	struct kith_id key;
	kith_ids_directory(w->pki.suite, &key, &w->pki.network, "bob");
	for (int i = 0; i < WORLD_ALICE; i++) {
		const struct kith_stored *st = kith_store_get(&w->nodes[i].core->super->store, &key);
		struct kith_record r;
		struct kith_vanish v;
		if (st == NULL)
			continue;
		assert_int_equal(kith_record_parse(&r, kith_blob_span(st->record)), 0);
		shown->records += r.seq != shown->seq;
		shown->seq = r.seq;
		shown->too_fine +=
			r.seq % KITH_RECORD_GRAIN_MS > 20 || r.expires_ms != (int64_t)r.seq + KITH_RECORD_LIFE_MS;
		for (size_t h = 0; h < KITH_HOMES; h++) {
			if (kith_stored_report(st, (unsigned)h) == NULL)
				continue;
			assert_int_equal(kith_vanish_parse(&v, kith_blob_span(kith_stored_report(st, (unsigned)h))), 0);
			shown->reports++;
			shown->too_fine += v.at_ms % KITH_RECORD_GRAIN_MS != 0;
		}
	}
}

/* Every second for ten minutes: bob comes, changes, falls silent and comes again at odd moments. */
static void whoever_looks_every_second_reads_no_time_finer_than_a_minute(void **state)
{
	struct core_world w;
	struct shown shown = { .seq = 0 };
	(void)state;
	world_alice_and_bob(&w);
	for (int s = 0; s < 600; s++) {
		world_run(&w, KITH_US_PER_S + 37 * KITH_US_PER_MS);
		if (s == 61 || s == 401) /* he is started again, with what he saved lost */
			restart(&w, WORLD_BOB);
		if (s == 130)
			w.nodes[WORLD_BOB].muted = true;
		if (s == 290)
			w.nodes[WORLD_BOB].muted = false;
		look(&w, &shown);
	}
	assert_true(shown.records >= 4);
	assert_true(shown.reports > 0);
	assert_int_equal(shown.too_fine, 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_has_that_name),
		cmocka_unit_test(whoever_said_goodbye_is_offline_at_once),
		cmocka_unit_test(a_lookup_tells_each_device_and_then_ends),
		cmocka_unit_test(a_name_of_two_identities_is_told_and_not_called),
		cmocka_unit_test(a_pinned_name_is_reached_whoever_else_has_it),
		cmocka_unit_test(one_home_that_says_nobody_is_not_believed),
		cmocka_unit_test(that_nobody_is_there_counts_when_all_homes_say_so),
		cmocka_unit_test(that_nobody_is_there_counts_when_supernodes_that_are_no_homes_say_so_too),
		cmocka_unit_test(a_replica_that_a_home_names_is_asked_by_the_leaf_itself),
		cmocka_unit_test(a_home_that_finds_nobody_names_replicas),
		cmocka_unit_test(a_home_that_does_not_answer_while_others_do_has_failed),
		cmocka_unit_test(the_home_that_is_asked_first_is_drawn),
		cmocka_unit_test(two_homes_publish_a_record),
		cmocka_unit_test(whoever_looks_every_second_reads_no_time_finer_than_a_minute),
		cmocka_unit_test(two_of_three_homes_must_report_a_device_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
