/* Look-ups on somebody's behalf, with supernodes that are dead, and answers of every size. */
#include "core_world.h"

#include "base/limits.h"
#include "role/query.h"

static int look_up(struct core_world *w, int node, const char *name, kith_time_us wait, int *found)
{
	kith_op op;
	int since = w->events_n;
	assert_int_equal(kith_core_lookup(w->nodes[node].core, world_clock(w), name, &op), 0);
	world_drain(w, node);
	world_run(w, wait);
	const struct world_event *done = world_event(w, node, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.op, op);
	if (found != NULL)
		*found = world_events(w, node, KITH_EVENT_FOUND, since);
	return done->ev.err;
}

static void a_name_is_found_through_any_home_and_by_supernodes(void **state)
{
	struct core_world w;
	int found;
	(void)state;
	world_far_apart(&w);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(look_up(&w, i, "bob", 2 * KITH_US_PER_S, &found), 0);
		assert_int_equal(found, 1);
	}
	assert_int_equal(look_up(&w, WORLD_FAR_ALICE, "bob", 2 * KITH_US_PER_S, &found), 0);
	assert_int_equal(found, 1);
	assert_int_equal(look_up(&w, WORLD_FAR_ALICE, "nobody", 8 * KITH_US_PER_S, &found), KITH_ENOENT);
	core_world_deinit(&w);
}

/* Half of the replicas have died, and nobody knows yet. */
static void a_name_is_found_though_half_of_the_replicas_are_dead(void **state)
{
	(void)state;
	for (int dead = 0; dead < 3; dead++) {
		struct core_world w;
		int found;
		world_far_apart(&w);
		for (int i = 0; i < 3; i++) /* not the homes of both alike */
			w.nodes[(dead + 2 * i) % 6].muted = true;
		assert_int_equal(look_up(&w, WORLD_FAR_ALICE, "bob", 25 * KITH_US_PER_S, &found), 0);
		assert_int_equal(found, 1);
		core_world_deinit(&w);
	}
}

/* The replicas of a name by a supernode's view, as nodes. Returns how many. */
static uint32_t replicas_of(const struct core_world *w, int view, const char *name, uint32_t group,
			    int out[KITH_REPLICAS])
{
	const struct kith_core *c = w->nodes[view].core;
	const struct kith_member *list[KITH_REPLICAS];
	struct kith_id key;
	kith_ids_directory(c->suite, &key, &c->self.network, name);
	uint32_t n = kith_replicas_find(&c->super->members, &key, group, list);
	for (uint32_t k = 0; k < n; k++) {
		out[k] = -1;
		for (int i = 0; i < w->n; i++) {
			if (w->nodes[i].supernode &&
			    memcmp(w->nodes[i].core->super->id.b, list[k]->id.b, KITH_ID_LEN) == 0)
				out[k] = i;
		}
		assert_true(out[k] >= 0);
	}
	return n;
}

/* The three that are asked first have just died: the others are asked long before those are given up. */
static void a_name_is_found_in_a_second_though_those_asked_first_are_dead(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 14, (const char *const[]){ "bob", NULL });
	int out[KITH_REPLICAS], asker = -1;
	assert_int_equal(replicas_of(&w, 0, "bob", 0, out), KITH_REPLICAS);
	for (int i = 0; i < 14; i++) {
		bool replica = kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[14].id.device_dh.b) != NULL;
		for (int k = 0; k < KITH_REPLICAS; k++)
			replica |= out[k] == i;
		asker = replica ? asker : i;
	}
	assert_true(asker >= 0);
	for (int k = 0; k < 3; k++)
		w.nodes[out[k]].muted = true;
	int found, since = w.events_n;
	kith_time_us t0 = w.now;
	assert_int_equal(look_up(&w, asker, "bob", 4 * KITH_US_PER_S, &found), 0);
	assert_int_equal(found, 1);
	assert_true(world_event(&w, asker, KITH_EVENT_OP_DONE, since)->at - t0 <= KITH_US_PER_S);
	core_world_deinit(&w);
}

/* ---- an answer that would be too long ---- */

static struct kith_id crowded = { { 0x77, 1, 2, 3 } };

/* Eight devices with as much in their records as there may be, and a report by each of their homes. */
static void crowd(struct core_world *w, int at, int first_device)
{
	struct kith_core *c = w->nodes[at].core;
	uint8_t status[KITH_RECORD_STATUS_MAX] = { 1 };
	for (int d = 0; d < KITH_STORE_DEVICES; d++) {
		const struct world_node *n = &w->nodes[first_device + d];
		struct kith_record r;
		struct kith_device_keys keys;
		uint8_t bytes[KITH_RECORD_LEN_MAX];
		memset(&r, 0, sizeof r);
		r.key = crowded;
		r.seq = (uint64_t)c->now.unix_ms;
		r.expires_ms = (int64_t)r.seq + KITH_RECORD_LIFE_MS;
		r.chain = test_span(n->id.chain, n->id.chain_len);
		r.devices = test_span(n->id.devices, n->id.devices_len);
		r.status = test_span(status, sizeof status);
		r.homes_n = KITH_HOMES;
		for (int h = 0; h < KITH_HOMES; h++) {
			struct kith_host *host = &r.homes[h].host;
			struct kith_key sign;
			memcpy(sign.b, w->nodes[h].core->self.sign_pk, sizeof sign.b);
			host->dh = w->nodes[h].id.device_dh;
			host->addrs_n = 2;
			host->addrs[0] = w->nodes[h].addr;
			host->addrs[1] =
				(struct kith_addr){ .family = KITH_FAMILY_V6, .port = 4500, .ip = { 0x2a, 1 } };
			kith_home_tag(c->suite, r.homes[h].tag, &sign);
		}
		kith_device_keys_from_seed(&keys, c->suite, &n->id.device);
		int len = kith_record_make(c->suite, bytes, &r, keys.sign.sk);
		assert_true(len > 800);
		assert_int_equal(kith_record_parse(&r, test_span(bytes, (size_t)len)), 0);
		assert_int_equal(kith_store_put(&c->super->store, &c->now, &r), KITH_PUT_NEW);
		for (int h = 0; h < KITH_HOMES; h++) {
			struct kith_vanish v = {
				.key = crowded, .device = r.device, .seq = r.seq, .at_ms = c->now.unix_ms
			};
			memcpy(v.home.b, w->nodes[h].core->self.sign_pk, sizeof v.home.b);
			len = kith_vanish_make(c->suite, bytes, &v, w->nodes[h].core->self.sign_sk);
			assert_true(len > 0);
			struct kith_vanish parsed;
			assert_int_equal(kith_vanish_parse(&parsed, test_span(bytes, (size_t)len)), 0);
			assert_int_equal(kith_store_vanish(&c->super->store, &c->now, c->suite, &parsed, NULL), 1);
		}
	}
}

/* Entries of the supernodes with attestations in them, as a later version may write. */
static void attest(struct core_world *w, int at, int supernodes)
{
	struct kith_core *c = w->nodes[at].core;
	uint8_t attest[400] = { 1 }, bytes[KITH_MEMBER_LEN_MAX];
	for (int i = 0; i < supernodes; i++) {
		const struct kith_core *of = w->nodes[i].core;
		struct kith_member_entry e;
		memset(&e, 0, sizeof e);
		e.seq = of->super->entry_seq + 1;
		e.expires_ms = (int64_t)e.seq + KITH_MEMBER_LIFE_MS;
		e.addrs_n = 1;
		e.addrs[0] = w->nodes[i].addr;
		e.chain = of->self.chain;
		e.attest = test_span(attest, sizeof attest);
		int len = kith_member_make(c->suite, bytes, &e, of->self.sign_sk);
		assert_true(len > 800);
		assert_int_equal(kith_members_merge(&c->super->members, &c->now, test_span(bytes, (size_t)len), NULL),
				 KITH_MERGE_UPDATED);
	}
}

static int long_packets_tap(struct core_world *w, struct world_packet *p)
{
	int *n = w->tap_ctx;
	*n += p->len > 1000 && kith_addr_equal(&p->from, &w->nodes[0].addr) &&
	      kith_addr_equal(&p->to, &w->nodes[1].addr);
	return 1;
}

static void an_answer_that_would_be_too_long_names_fewer_members(void **state)
{
	struct core_world w;
	static const struct kith_id unknown;
	uint8_t body[128];
	struct kith_packer pk;
	int n = 0;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 7, (const char *const[]){ NULL });
	int first = w.n;
	for (int d = 0; d < KITH_STORE_DEVICES; d++) {
		char name[16];
		snprintf(name, sizeof name, "device-%d", d);
		w.nodes[world_add(&w, name, false)].core = NULL;
	}
	crowd(&w, 0, first);
	attest(&w, 0, 7);
	struct kith_core *c = w.nodes[1].core;
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 2);
	kith_pack_key(&pk, KITH_B_FIND_KEY);
	kith_pack_bytes(&pk, crowded.b, KITH_ID_LEN);
	kith_pack_key(&pk, KITH_B_FIND_NEARER);
	kith_pack_array(&pk, 1);
	kith_pack_bytes(&pk, unknown.b, KITH_MEMBER_ID_PREFIX);
	kith_core_tick(c, world_clock(&w));
	world_drain(&w, 1);
	kith_outbox_claim(&w.shared->outbox, c, c->stats);
	struct kith_session *s = kith_sessions_of(&c->sessions, w.nodes[0].id.device_dh.b);
	assert_non_null(s);
	w.tap = long_packets_tap;
	w.tap_ctx = &n;
	assert_int_equal(
		kith_session_request(c, s, KITH_REQ_FIND, test_span(body, pk.len), kith_token(KITH_TOKEN_IGNORE, 0)),
		0);
	kith_core_tick(c, world_clock(&w));
	world_drain(&w, 1);
	world_run(&w, 200 * KITH_US_PER_MS);
	/* All that was found, 8 records and 24 reports, and at most 16 KiB. */
	assert_true(n >= 11 && n <= KITH_ANSWER_MAX / KITH_ANSWER_FRAGMENT);
	core_world_deinit(&w);
}

static int loss_tap(struct core_world *w, struct world_packet *p)
{
	(void)p;
	return test_random_next(&w->random) % 5 == 0 ? 0 : 1;
}

/* Eight devices of one name: an answer of several fragments, some of which are lost. */
static void a_name_with_many_devices_is_told_whole_under_loss(void **state)
{
	struct core_world w;
	int found;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ "alice", NULL });
	for (int i = 0; i < KITH_DIAL_DEVICES_MAX; i++) {
		struct kith_core_options o;
		char label[16];
		int n = world_add(&w, "team", false);
		snprintf(label, sizeof label, "device-%d", i);
		world_certify(&w, n, &(struct world_cert){ .name = "team", .label = label });
		world_options(&w, n, &o);
		assert_int_equal(world_try_start(&w, n, &o), 0);
	}
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(look_up(&w, 3, "team", 3 * KITH_US_PER_S, &found), 0);
	assert_int_equal(found, KITH_DIAL_DEVICES_MAX);
	w.tap = loss_tap;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(look_up(&w, 3, "team", 20 * KITH_US_PER_S, &found), 0);
		assert_int_equal(found, KITH_DIAL_DEVICES_MAX);
	}
	w.tap = NULL;
	core_world_deinit(&w);
}

static void who_looks_up_too_much_waits_and_nobody_else_does(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n, begun = 0, refused = 0;
	for (int i = 0; i < 600; i++) {
		char name[32];
		snprintf(name, sizeof name, "name-%d", i);
		int err = kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), name, &op);
		begun += err == 0;
		refused += err == KITH_EFULL;
		world_drain(&w, WORLD_ALICE);
		world_run(&w, 5 * KITH_US_PER_MS);
	}
	assert_int_equal(begun + refused, 600);
	/* What one device is served at once by each of its homes, and what it earns in three seconds. */
	int served = world_events(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_true(served <= KITH_HOMES * (KITH_LOOKUPS_BURST + 4 * KITH_LOOKUPS_PER_S));
	uint64_t limited = 0;
	for (int i = 0; i < 3; i++)
		limited += world_stat(&w, i, KITH_STAT_REQUESTS_LIMITED);
	assert_true(limited > 0);
	assert_int_equal(look_up(&w, WORLD_BOB, "alice", KITH_US_PER_S, NULL), 0);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since), begun);
	core_world_deinit(&w);
}

static void devices_of_one_identity_share_its_look_ups(void **state)
{
	struct core_world w;
	kith_op op;
	int device[3];
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	for (int i = 0; i < 3; i++)
		device[i] = world_further(&w, "alice", i == 0 ? "phone" : i == 1 ? "tablet" : "laptop", 1);
	world_run(&w, 5 * KITH_US_PER_S);
	int since = w.events_n, done = 0;
	for (int i = 0; i < 3 * KITH_LOOKUPS_BURST; i++) {
		char name[32];
		snprintf(name, sizeof name, "name-%d", i);
		int err = kith_core_lookup(w.nodes[device[i % 3]].core, world_clock(&w), name, &op);
		assert_true(err == 0 || err == KITH_EFULL);
		world_drain(&w, device[i % 3]);
		world_run(&w, 10 * KITH_US_PER_MS);
	}
	for (int i = 0; i < 3; i++)
		done += world_events(&w, device[i], KITH_EVENT_OP_DONE, since);
	assert_true(done >= KITH_LOOKUPS_BURST && done <= KITH_LOOKUPS_BURST + 4 * KITH_LOOKUPS_PER_S);
	core_world_deinit(&w);
}

static void a_record_that_nobody_refreshes_is_gone_after_its_life(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_BOB].muted = true;
	world_run(&w, (kith_time_us)KITH_RECORD_LIFE_MS * KITH_US_PER_MS + 60 * KITH_US_PER_S);
	assert_int_equal(look_up(&w, WORLD_ALICE, "bob", 8 * KITH_US_PER_S, NULL), KITH_ENOENT);
	for (int i = 0; i < 3; i++) {
		struct kith_core_info info;
		kith_core_info(w.nodes[i].core, &info);
		assert_true(info.records <= 4); /* alice and the supernodes themselves */
	}
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_found_through_any_home_and_by_supernodes),
		cmocka_unit_test(a_name_is_found_though_half_of_the_replicas_are_dead),
		cmocka_unit_test(a_name_is_found_in_a_second_though_those_asked_first_are_dead),
		cmocka_unit_test(an_answer_that_would_be_too_long_names_fewer_members),
		cmocka_unit_test(devices_of_one_identity_share_its_look_ups),
		cmocka_unit_test(a_name_with_many_devices_is_told_whole_under_loss),
		cmocka_unit_test(who_looks_up_too_much_waits_and_nobody_else_does),
		cmocka_unit_test(a_record_that_nobody_refreshes_is_gone_after_its_life),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
