/* A replica keeps what belongs to it, and no more. */
#include "super_world.h"

#include "base/limits.h"
#include "core/settle.h"
#include "link/connect.h"
#include "overlay/members_vouched.h"
#include "super/super.h"

/* Sends a leaf's record to one supernode from another, as a home would to a replica. */
static void store_at(struct core_world *w, int from, int to, int leaf)
{
	struct kith_core *c = w->nodes[from].core;
	const struct kith_leaf *l = &w->nodes[leaf].core->leaf;
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_host host = { .dh = w->nodes[to].id.device_dh,
				  .endpoints_n = 1,
				  .endpoints = { kith_endpoint_udp(&w->nodes[to].addr) } };
	uint32_t session;
	const struct kith_span record = kith_blob_span(l->record);
	const struct kith_msg_notice m = { .records = { &record, 1 } };
	size_t len = kith_msg_notice_write(body, sizeof body, &m);
	assert_true(len > 0);
	kith_core_tick(c, world_clock(w));
	world_drain(w, from);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	assert_int_equal(kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_STORE, test_span(body, len),
					      kith_token(KITH_TOKEN_IGNORE, 0), &session),
			 0);
	kith_core_tick(c, world_clock(w));
	world_drain(w, from);
	world_run(w, 500 * KITH_US_PER_MS);
}

static void records_are_kept_by_those_near_their_key_only(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 16, (const char *const[]){ "bob", NULL });
	struct kith_id key = key_of_name(&w, "bob");
	int kept = 0, before = 0;
	for (int i = 0; i < 16; i++)
		before += holds(&w, i, &key);
	assert_int_equal(before, KITH_REPLICAS);
	for (int i = 0; i < 16; i++) {
		bool near = kith_replicas_near(&w.nodes[i].core->super->members, &key, &w.nodes[i].core->super->id);
		uint64_t refused = world_stat(&w, i, KITH_STAT_STORE_REFUSED);
		store_at(&w, i == 0 ? 1 : 0, i, 16);
		assert_int_equal(holds(&w, i, &key), near);
		assert_int_equal(world_stat(&w, i, KITH_STAT_STORE_REFUSED) - refused, !near);
		kept += near;
	}
	assert_int_equal(kept, 2 * KITH_REPLICAS);
	core_world_deinit(&w);
}

/* One supernode asks another for keys, eight at a time: to be told of their changes. */
static void watch_at(struct core_world *w, int from, int to, uint32_t keys)
{
	struct kith_core *c = w->nodes[from].core;
	struct kith_host host = { .dh = w->nodes[to].id.device_dh,
				  .endpoints_n = 1,
				  .endpoints = { kith_endpoint_udp(&w->nodes[to].addr) } };
	for (uint32_t i = 0; i < keys; i++) {
		uint8_t body[KITH_REQUEST_MAX];
		uint32_t session;
		const struct kith_msg_find m = { .key = { { 5, (uint8_t)from, (uint8_t)i } } };
		size_t len = kith_msg_find_write(body, sizeof body, &m);
		kith_core_enter(c, world_clock(w));
		assert_int_equal(kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_WATCH, test_span(body, len),
						      kith_token(KITH_TOKEN_IGNORE, 0), &session),
				 0);
		kith_core_settle(c);
		world_drain(w, from);
		if (i % 4 == 3)
			world_run(w, 200 * KITH_US_PER_MS);
	}
	world_run(w, 500 * KITH_US_PER_MS);
}

/* Five supernodes of one person, which by themselves would each be let have a fifth of the watches and more. */
static void five_devices_of_one_identity_do_not_fill_the_watches(void **state)
{
	enum { MALLORY = 2, DEVICES = 5, TABLE = 100 };
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sim(), 1, 2, (const char *const[]){ NULL });
	for (int d = 0; d < DEVICES; d++) {
		struct kith_core_options o;
		int i = world_add(&w, "mallory", true);
		world_certify(&w, i, &(struct world_cert){ .name = "mallory", .of = MALLORY });
		world_options(&w, i, &o);
		assert_int_equal(world_try_start(&w, i, &o), 0);
	}
	world_run(&w, 5 * KITH_US_PER_S);
	const struct kith_core *c = w.nodes[0].core;
	c->super->watches.max = TABLE;
	for (int d = 0; d < DEVICES; d++)
		watch_at(&w, MALLORY + d, 0, TABLE / 2);
	const uint64_t mallory = kith_identity_key(&w.nodes[MALLORY].id.identity);
	assert_int_equal(kith_allowance_held(&c->allowance, mallory, KITH_HOLDING_WATCH), TABLE / 5);
	assert_int_equal(c->super->watches.n, TABLE / 5);
	assert_int_equal(world_stat(&w, 0, KITH_STAT_REQUESTS_LIMITED), DEVICES * TABLE / 2 - TABLE / 5);
	watch_at(&w, 1, 0, TABLE / 10); /* an honest one finds room */
	assert_int_equal(c->super->watches.n, TABLE / 5 + TABLE / 10);
	core_world_deinit(&w);
}

/* Members that a supernode which knows only one other has learnt of by its answer to FIND. */
static uint32_t learnt_by_find(uint64_t members)
{
	struct core_world w;
	uint8_t body[KITH_REQUEST_MAX];
	uint32_t session;
	world_network(&w, kith_suite_sodium(), 1, 16, (const char *const[]){ "bob", NULL });
	struct kith_core *c = w.nodes[0].core;
	struct kith_members *ms = &c->super->members;
	const struct kith_id other = w.nodes[1].core->super->id;
	for (uint32_t i = ms->n; i-- > 0;) {
		if (memcmp(ms->at[i]->id.b, other.b, KITH_ID_LEN) != 0)
			kith_members_drop(ms, i);
	}
	const struct kith_span own = { c->super->id.b, KITH_MEMBER_ID_PREFIX };
	const struct kith_msg_find m = { .key = key_of_name(&w, "bob"), .nearer = { &own, 1 }, .members = members };
	struct kith_host host;
	kith_member_host(ms->at[0], &host);
	kith_core_enter(c, world_clock(&w));
	c->super->gossip_at = w.now + KITH_US_PER_S;
	size_t len = kith_msg_find_write(body, sizeof body, &m);
	assert_int_equal(kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_FIND, test_span(body, len),
					      kith_token(KITH_TOKEN_VOUCH, 0), &session),
			 0);
	kith_core_settle(c);
	world_drain(&w, 0);
	world_run(&w, 200 * KITH_US_PER_MS);
	uint32_t learnt = ms->n - 1;
	core_world_deinit(&w);
	return learnt;
}

static void an_answer_names_as_many_members_as_are_wanted(void **state)
{
	(void)state;
	assert_in_range(learnt_by_find(0), KITH_REPLICAS - 2, KITH_REPLICAS);
	assert_int_equal(learnt_by_find(1), 1);
	assert_int_equal(learnt_by_find(3), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_kept_by_those_near_their_key_only),
		cmocka_unit_test(five_devices_of_one_identity_do_not_fill_the_watches),
		cmocka_unit_test(an_answer_names_as_many_members_as_are_wanted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
