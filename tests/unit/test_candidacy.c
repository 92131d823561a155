/* A node that consents to serve: what it asks for, lets in, sends, and keeps. */
#include "candidacy_world.h"

#include "core/save.h"
#include "core/serving.h"
#include "wire/message_attest.h"

static const struct kith_candidacy_options no_caps;
static struct cw cw;

static void start(void)
{
	memset(&cw, 0, sizeof cw);
	cw_start(&cw);
}

static void who_does_not_consent_asks_nobody(void **state)
{
	(void)state;
	struct kith_candidacy_info info;
	start();
	world_run(&cw.w, 150 * KITH_US_PER_S);
	assert_false(kith_candidacy_info(cw.w.nodes[CW_ALICE].core, &info));
	assert_int_equal(cw.hellos, 0);
	core_world_deinit(&cw.w);
}

static void who_consents_no_more_forgets(void **state)
{
	(void)state;
	uint8_t list[KITH_ATTESTS_LEN_MAX];
	struct kith_endpoint at;
	start();
	(void)cw_attest(&cw, &no_caps);
	struct kith_core *c = cw.w.nodes[CW_ALICE].core;
	kith_core_enter(c, world_clock(&cw.w));
	assert_int_equal(kith_candidacy_begin(c, &no_caps), KITH_ESTATE);
	kith_candidacy_end(c);
	kith_candidacy_end(c); /* a second time changes nothing */
	kith_core_settle(c);
	world_drain(&cw.w, CW_ALICE);
	assert_int_equal(kith_candidacy_attests(c, list, &at), 0);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	core_world_deinit(&cw.w);
}

/* It stops in the middle of being measured, and nothing is left behind; likewise when it leaves. */
static void ending_at_any_moment_of_being_measured_is_harmless(void **state)
{
	(void)state;
	for (int ms = 0; ms < 4000; ms += 130) {
		start();
		cw.rate = 250000;
		cw.queue = KITH_US_PER_S;
		cw_consent(&cw, &no_caps);
		while (cw.hellos == 0)
			world_run(&cw.w, 10 * KITH_US_PER_MS);
		world_run(&cw.w, ms * KITH_US_PER_MS);
		struct kith_core *c = cw.w.nodes[CW_ALICE].core;
		if (ms % 260 == 0) {
			kith_core_enter(c, world_clock(&cw.w));
			kith_candidacy_end(c);
			kith_core_settle(c);
		} else {
			kith_core_leave(c, world_clock(&cw.w), KITH_US_PER_S);
		}
		world_drain(&cw.w, CW_ALICE);
		world_run(&cw.w, 30 * KITH_US_PER_S);
		core_world_deinit(&cw.w);
	}
}

/* A stranger with a certificate, to whom she is a witness's candidate for the moment, is no caller all the same. */
static void a_call_does_not_come_in_by_the_door_of_the_witnesses(void **state)
{
	(void)state;
	start();
	cw_consent(&cw, &no_caps);
	while (cw.hellos == 0)
		world_run(&cw.w, 10 * KITH_US_PER_MS);
	struct kith_core *alice = cw.w.nodes[CW_ALICE].core;
	assert_true(alice->now.mono_us < alice->witnesses_until);
	int outside = 0;
	while (outside == cw_home_of(&cw, 0) || outside == cw_home_of(&cw, 1) || outside == cw_home_of(&cw, 2))
		outside++;
	struct kith_core *c = cw.w.nodes[outside].core;
	struct kith_record record;
	assert_int_equal(kith_record_parse(&record, kith_blob_span(alice->leaf.record)), 0);
	kith_core_enter(c, world_clock(&cw.w));
	struct kith_session *s = kith_connect_peer(c, &record.device, "chat", &(struct kith_early){ 0 });
	assert_non_null(s);
	s->peer = KITH_NEW(c->alloc, struct kith_peer);
	s->use |= KITH_USE_PEER;
	const struct kith_hop straight = { .remote = cw.w.nodes[CW_ALICE].addr };
	int since = cw.w.events_n;
	uint64_t refused = world_stat(&cw.w, CW_ALICE, KITH_STAT_REFUSE_NOT_VIA_HOME);
	kith_connect_send(c, s, &straight);
	kith_core_settle(c);
	world_drain(&cw.w, outside);
	world_run(&cw.w, 100 * KITH_US_PER_MS);
	assert_null(world_event(&cw.w, CW_ALICE, KITH_EVENT_INCOMING, since));
	assert_true(world_stat(&cw.w, CW_ALICE, KITH_STAT_REFUSE_NOT_VIA_HOME) > refused);
	core_world_deinit(&cw.w);
}

/* The state file that a core asks to be saved next. */
static size_t saved(int node, uint8_t *out, size_t cap)
{
	struct kith_core *c = cw.w.nodes[node].core;
	struct kith_effect effect;
	size_t len = 0;
	kith_core_enter(c, world_clock(&cw.w));
	kith_state_save(c);
	kith_core_settle(c);
	while (kith_core_effect(c, &effect)) {
		if (effect.type == KITH_EFFECT_SAVE && effect.what == KITH_SAVE_STATE) {
			assert_true(effect.bytes.len <= cap);
			len = effect.bytes.len;
			memcpy(out, effect.bytes.p, len);
		}
		kith_core_complete(c, world_clock(&cw.w), effect.id, 0, NULL);
	}
	world_drain(&cw.w, node);
	return len;
}

/* A restart, also one with a later version of the program, does not make her a stranger. */
static void what_others_saw_of_former_days_outlives_a_restart(void **state)
{
	(void)state;
	static uint8_t file[1 << 20];
	struct kith_core_options o;
	start();
	struct kith_candidacy_info before = cw_attest(&cw, &no_caps);
	size_t len = saved(CW_ALICE, file, sizeof file);
	assert_true(len > 0);
	world_stop(&cw.w, CW_ALICE);
	world_run(&cw.w, KITH_WITNESS_AGAIN_US);
	world_options(&cw.w, CW_ALICE, &o);
	o.state = test_span(file, len);
	assert_int_equal(world_try_start(&cw.w, CW_ALICE, &o), 0);
	assert_int_equal(saved(CW_ALICE, file, sizeof file), len); /* kept although it has not consented yet */
	world_run(&cw.w, 5 * KITH_US_PER_S);
	cw_consent(&cw, &no_caps);
	assert_int_equal(cw_info(&cw).attestations, before.attestations);
	world_run(&cw.w, 150 * KITH_US_PER_S);
	struct kith_candidacy_info after = cw_info(&cw);
	assert_int_equal(after.reached, KITH_REACHED_YES);
	assert_true(after.figures.until_ms > before.figures.until_ms);
	assert_int_equal(after.figures.first_seen_s, before.figures.first_seen_s);
	core_world_deinit(&cw.w);
}

static struct kith_candidacy_info tried(int node, const struct kith_candidacy_options *o)
{
	struct kith_core *c = cw.w.nodes[node].core;
	struct kith_candidacy_info info;
	kith_core_enter(c, world_clock(&cw.w));
	assert_int_equal(kith_candidacy_begin(c, o), 0);
	kith_core_settle(c);
	world_drain(&cw.w, node);
	world_run(&cw.w, 150 * KITH_US_PER_S);
	assert_true(kith_candidacy_info(c, &info));
	return info;
}

/* One that was configured as a supernode finds out in the same way whether its advertised address works. */
static void a_supernode_has_its_advertised_address_tried(void **state)
{
	(void)state;
	start();
	const struct kith_candidacy_options good = { .endpoint = world_endpoint(0) };
	struct kith_candidacy_options bad = { .endpoint = world_endpoint(1) };
	bad.endpoint.addr.port++;
	assert_int_equal(tried(0, &good).reached, KITH_REACHED_YES);
	assert_int_equal(tried(1, &bad).reached, KITH_REACHED_NOBODY);
	core_world_deinit(&cw.w);
}

/* Packets of a measurement on any other session are malformed. */
static void a_burst_outside_of_a_measurement_is_malformed(void **state)
{
	(void)state;
	start();
	struct kith_core *home = cw.w.nodes[cw_home_of(&cw, 0)].core;
	struct kith_session *s = kith_sessions_of(&home->sessions, cw.w.nodes[CW_ALICE].core->self.dh_pk);
	uint64_t dropped = world_stat(&cw.w, CW_ALICE, KITH_STAT_DROP_MALFORMED_FRAME);
	kith_core_enter(home, world_clock(&cw.w));
	kith_session_burst(home, s, 1, 0, 7);
	kith_core_settle(home);
	world_drain(&cw.w, cw_home_of(&cw, 0));
	world_run(&cw.w, KITH_US_PER_S);
	assert_int_equal(world_stat(&cw.w, CW_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), dropped + 1);
	core_world_deinit(&cw.w);
}

/* What it may be follows at once, and not when no more witnesses are let in: its homes know then, and may ask. */
static void it_may_be_asked_as_soon_as_three_have_attested_it(void **state)
{
	const struct kith_terms terms = { .consent = KITH_CONSENT_YES };
	(void)state;
	start();
	struct kith_core *c = cw.w.nodes[CW_ALICE].core;
	kith_core_enter(c, world_clock(&cw.w));
	assert_int_equal(kith_serving_init(c, KITH_ROLE_AUTO, &terms), 0);
	kith_core_settle(c);
	world_drain(&cw.w, CW_ALICE);
	for (int s = 0; c->candidacy == NULL || cw_info(&cw).attestations < KITH_ATTESTS_NEEDED; s++) {
		assert_true(s < 90);
		world_run(&cw.w, KITH_US_PER_S);
	}
	assert_true(c->witnesses_until > cw.w.now + 30 * KITH_US_PER_S);
	assert_int_equal(kith_office_obstacle(c->office, cw.w.now), KITH_ROLE_WHY_NONE);
	core_world_deinit(&cw.w);
}

static void a_home_that_has_others_measured_is_asked_again_in_a_minute(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < CW_SUPERNODES; i++)
		cw.w.nodes[i].core->super->sponsored_at = cw.w.now + 100 * KITH_US_PER_S;
	cw_consent(&cw, &no_caps);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	assert_int_equal(cw_info(&cw).reached, KITH_REACHED_UNKNOWN);
	assert_int_equal(cw.hellos, 0);
	world_run(&cw.w, 180 * KITH_US_PER_S);
	assert_true(cw_info(&cw).attestations >= KITH_ATTESTS_NEEDED);
	core_world_deinit(&cw.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_does_not_consent_asks_nobody),
		cmocka_unit_test(who_consents_no_more_forgets),
		cmocka_unit_test(ending_at_any_moment_of_being_measured_is_harmless),
		cmocka_unit_test(a_call_does_not_come_in_by_the_door_of_the_witnesses),
		cmocka_unit_test(what_others_saw_of_former_days_outlives_a_restart),
		cmocka_unit_test(a_supernode_has_its_advertised_address_tried),
		cmocka_unit_test(a_burst_outside_of_a_measurement_is_malformed),
		cmocka_unit_test(it_may_be_asked_as_soon_as_three_have_attested_it),
		cmocka_unit_test(a_home_that_has_others_measured_is_asked_again_in_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
