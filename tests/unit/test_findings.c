/* What is found is told whole, however much it is; members are what is left out. */
#include "query_world.h"

#include "base/limits.h"
#include "super/query.h"

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
			host->endpoints_n = 2;
			host->endpoints[0] = kith_endpoint_udp(&w->nodes[h].addr);
			host->endpoints[1] = (struct kith_endpoint){
				{ .family = KITH_FAMILY_V6, .port = 4500, .ip = { 0x2a, 1 } }, KITH_TRANSPORT_UDP, 0
			};
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
		e.flags = (uint16_t)((of->super->run ^ 0xffu) << 8); /* started again, whatever it drew */
		e.seq = of->super->entry_seq + 1;
		e.flags = (uint16_t)((uint8_t)(of->super->run + 1) << 8); /* started again: no mere renewal */
		e.expires_ms = (int64_t)e.seq + KITH_MEMBER_LIFE_MS;
		e.endpoints_n = 1;
		e.endpoints[0] = kith_endpoint_udp(&w->nodes[i].addr);
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
	const struct kith_span listed = { unknown.b, KITH_MEMBER_ID_PREFIX };
	const struct kith_msg_find m = { .key = crowded, .nearer = { &listed, 1 } };
	size_t len = kith_msg_find_write(body, sizeof body, &m);
	kith_core_tick(c, world_clock(&w));
	world_drain(&w, 1);
	kith_outbox_claim(&w.shared->outbox, c, c->stats);
	struct kith_session *s = kith_sessions_of(&c->sessions, w.nodes[0].id.device_dh.b);
	assert_non_null(s);
	w.tap = long_packets_tap;
	w.tap_ctx = &n;
	assert_int_equal(
		kith_session_request(c, s, KITH_REQ_FIND, test_span(body, len), kith_token(KITH_TOKEN_IGNORE, 0)), 0);
	kith_core_tick(c, world_clock(&w));
	world_drain(&w, 1);
	world_run(&w, 2 * WORLD_DELAY_US); /* no longer: gossip of the changed entries is as long */
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
		int n = world_add(&w, "team", false);
		world_certify(&w, n, &(struct world_cert){ .name = "team" });
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

/* Replicas answer in any order, and one of them may have slept. */
static void the_newest_record_of_a_device_is_kept(void **state)
{
	(void)state;
	for (int newest = 0; newest < 2; newest++) {
		struct core_world w;
		uint8_t bytes[2][KITH_RECORD_LEN_MAX];
		struct kith_record records[2];
		struct kith_findings found = { .n = 0 };
		world_alice_and_bob(&w);
		for (int i = 0; i < 2; i++) {
			const struct kith_leaf *leaf = &w.nodes[WORLD_BOB].core->leaf;
			const struct kith_span made = kith_blob_span(leaf->record);
			memcpy(bytes[i], made.p, made.len);
			assert_int_equal(kith_record_parse(&records[i], test_span(bytes[i], made.len)), 0);
			world_run(&w, KITH_RECORD_REFRESH_US + 60 * KITH_US_PER_S);
		}
		assert_true(records[0].seq < records[1].seq);
		kith_findings_record(w.nodes[0].core, &found, &records[newest]);
		kith_findings_record(w.nodes[0].core, &found, &records[1 - newest]);
		assert_int_equal(found.n, 1);
		assert_int_equal(found.at[0].seq, records[1].seq);
		struct kith_record kept;
		assert_int_equal(kith_record_parse(&kept, kith_blob_span(found.at[0].record)), 0);
		assert_int_equal(kept.seq, records[1].seq);
		kith_findings_clear(w.nodes[0].core, &found);
		core_world_deinit(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_that_would_be_too_long_names_fewer_members),
		cmocka_unit_test(the_newest_record_of_a_device_is_kept),
		cmocka_unit_test(a_name_with_many_devices_is_told_whole_under_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
