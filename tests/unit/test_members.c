#include "overlay_world.h"

#include "overlay/members.h"
#include "sim/suite_sim.h"

enum { NODES = 60 };

static struct ow w;
static struct ow_node nodes[NODES];
static struct kith_members ms;
static uint8_t buf[KITH_MEMBER_LEN_MAX];

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sim());
	for (uint32_t i = 0; i < NODES; i++)
		ow_node(&w, &nodes[i], i);
	kith_members_init(&ms, &w.mem.alloc, &w.blobs, &w.trust, 100, ow_seed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_members_deinit(&ms);
	ow_deinit(&w);
	return 0;
}

static int merge(struct kith_span entry)
{
	return kith_members_merge(&ms, &w.now, entry, NULL);
}

static void fill_all(void)
{
	for (uint32_t i = 0; i < NODES; i++)
		assert_int_equal(merge(ow_entry(&w, &nodes[i], buf, 0)), KITH_MERGE_NEW);
}

static struct kith_id id_of(const struct ow_node *node)
{
	struct kith_member_entry e;
	struct kith_id id;
	uint8_t own[KITH_MEMBER_LEN_MAX];
	assert_int_equal(kith_member_parse(&e, ow_entry(&w, node, own, 0)), 0);
	assert_int_equal(kith_member_id(&e, &w.trust, &id), 0);
	return id;
}

static struct kith_home home_at(const struct ow_node *node)
{
	struct kith_home home = { .host = { .endpoints = { kith_endpoint_udp(&node->addr) }, .endpoints_n = 1 } };
	home.host.dh = node->device.dh_pk;
	kith_home_tag(w.suite, home.tag, &node->device.sign.pk);
	return home;
}

static void a_record_s_home_is_a_member_where_its_entry_says(void **state)
{
	(void)state;
	fill_all();
	struct kith_home home = home_at(&nodes[7]);
	assert_false(kith_members_refute(&ms, &home));
	home.host.endpoints[0].addr.port++;
	assert_false(kith_members_refute(&ms, &home));
	home.host.endpoints[home.host.endpoints_n++] = kith_endpoint_udp(&nodes[8].addr);
	assert_true(kith_members_refute(&ms, &home));
	home = home_at(&nodes[7]);
	home.host.dh.b[0] ^= 1;
	assert_true(kith_members_refute(&ms, &home));
	home = home_at(&nodes[7]);
	home.tag[0] ^= 1; /* of nobody */
	assert_true(kith_members_refute(&ms, &home));
	ms.sectors.bits = 1; /* one of another sector, perhaps */
	assert_false(kith_members_refute(&ms, &home));
	ms.sectors.bits = 0;
}

static void a_member_that_moves_or_leaves_is_no_home_where_it_was(void **state)
{
	(void)state;
	fill_all();
	const struct kith_home was = home_at(&nodes[7]);
	nodes[7].addr.ip[3] ^= 1;
	assert_int_equal(merge(ow_entry(&w, &nodes[7], buf, 1)), KITH_MERGE_UPDATED);
	const struct kith_home is = home_at(&nodes[7]);
	assert_true(kith_members_refute(&ms, &was));
	assert_false(kith_members_refute(&ms, &is));
	w.now.unix_ms += 2 * KITH_MEMBER_LIFE_MS;
	w.now.mono_us += 2 * KITH_MEMBER_LIFE_MS * KITH_US_PER_MS;
	assert_true(kith_members_expire(&ms, &w.now) > 0);
	assert_true(kith_members_refute(&ms, &is));
}

/* Its issuer gave an identity certificates with two placements. Whichever is seen first, the same one is left. */
static void an_identity_has_one_place_and_all_agree_on_which(void **state)
{
	struct ow_node twice[2];
	struct kith_id ids[2];
	struct kith_name_cert low, high;
	struct kith_chain chain;
	(void)state;
	for (uint32_t i = 0; i < 2; i++)
		ow_node_placed(&w, &twice[i], 70, KITH_NAME_SUPERNODE, 500 + i);
	assert_int_equal(kith_chain_parse(&chain, twice[0].chain), 0);
	low = chain.name;
	assert_int_equal(kith_chain_parse(&chain, twice[1].chain), 0);
	high = chain.name;
	if (memcmp(low.placement, high.placement, sizeof low.placement) > 0) {
		struct ow_node first = twice[0];
		twice[0] = twice[1];
		twice[1] = first;
		twice[0].chain.p = twice[0].chain_buf;
		twice[1].chain.p = twice[1].chain_buf;
	}
	for (int i = 0; i < 2; i++)
		ids[i] = id_of(&twice[i]);
	assert_int_equal(merge(ow_entry(&w, &twice[1], buf, 0)), KITH_MERGE_NEW);
	assert_true(kith_member_live(kith_members_get(&ms, &ids[1])));
	assert_int_equal(merge(ow_entry(&w, &twice[0], buf, 0)), KITH_MERGE_NEW);
	assert_true(kith_member_live(kith_members_get(&ms, &ids[0])));
	assert_false(kith_member_live(kith_members_get(&ms, &ids[1])));
	assert_int_equal(kith_members_live(&ms), 1);
	/* Nor does it come back, however new. */
	assert_int_equal(merge(ow_entry(&w, &twice[1], buf, 1000)), KITH_EACCES);
	assert_int_equal(merge(ow_entry(&w, &twice[0], buf, 1000)), KITH_MERGE_RENEWED);
	assert_int_equal(kith_members_live(&ms), 1);
	/* What is over holds no place. */
	w.now.unix_ms += KITH_MEMBER_LIFE_MS + 2000 + KITH_CLOCK_TOLERANCE_MS;
	w.now.mono_us += KITH_MEMBERS_SWEEP_US;
	assert_true(kith_members_expire(&ms, &w.now) > 0);
	assert_int_equal(merge(ow_entry(&w, &twice[1], buf, 2000)), KITH_MERGE_NEW);
	assert_true(kith_member_live(kith_members_get(&ms, &ids[1])));
}

static void members_are_kept_in_the_order_of_their_ids(void **state)
{
	(void)state;
	fill_all();
	assert_int_equal(ms.n, NODES);
	for (uint32_t i = 1; i < ms.n; i++)
		assert_true(memcmp(&ms.at[i - 1]->id, &ms.at[i]->id, KITH_ID_LEN) < 0);
	for (uint32_t i = 0; i < NODES; i++) {
		struct kith_id id = id_of(&nodes[i]);
		struct kith_member *m = kith_members_get(&ms, &id);
		struct kith_member_facts facts;
		assert_non_null(m);
		assert_ptr_equal(kith_members_get_prefix(&ms, id.b), m);
		kith_member_facts(m, &facts);
		assert_memory_equal(&facts.dh, &nodes[i].device.dh_pk, KITH_KEY_LEN);
		assert_memory_equal(&facts.sign, &nodes[i].device.sign.pk, KITH_KEY_LEN);
		assert_int_equal(facts.endpoints_n, 1);
		assert_true(kith_addr_equal(&facts.endpoints[0].addr, &nodes[i].addr));
		id.b[31] ^= 1;
		assert_null(kith_members_get(&ms, &id));
	}
}

static void the_higher_sequence_wins_whatever_the_order(void **state)
{
	(void)state;
	uint8_t older[KITH_MEMBER_LEN_MAX];
	struct kith_span first = ow_entry(&w, &nodes[0], older, 0);
	struct kith_member *m;
	assert_int_equal(merge(first), KITH_MERGE_NEW);
	assert_int_equal(merge(first), KITH_MERGE_KNOWN);
	assert_int_equal(kith_members_merge(&ms, &w.now, ow_entry(&w, &nodes[0], buf, 5), &m), KITH_MERGE_RENEWED);
	assert_true(m->seq == (uint64_t)OW_NOW_MS + 5);
	assert_int_equal(kith_members_merge(&ms, &w.now, first, &m), KITH_MERGE_KNOWN);
	assert_true(m->seq == (uint64_t)OW_NOW_MS + 5);
	assert_int_equal(ms.n, 1);
}

static void a_forged_entry_changes_nothing(void **state)
{
	(void)state;
	struct kith_span first = ow_entry(&w, &nodes[0], buf, 0);
	assert_int_equal(merge(first), KITH_MERGE_NEW);
	struct kith_member_entry e = ow_entry_of(&w, &nodes[0]);
	e.seq += 10;
	int len = kith_member_make(w.suite, buf, &e, nodes[1].device.sign.sk);
	assert_int_equal(merge(test_span(buf, (size_t)len)), KITH_ESIGNATURE);
	e.flags = KITH_MEMBER_LEFT;
	len = kith_member_make(w.suite, buf, &e, nodes[1].device.sign.sk);
	assert_int_equal(merge(test_span(buf, (size_t)len)), KITH_ESIGNATURE);
	assert_int_equal(kith_members_live(&ms), 1);
	assert_true(ms.at[0]->seq == (uint64_t)OW_NOW_MS);
	assert_int_equal(merge(test_span(buf, 20)), KITH_EPROTO);
}

static void a_tombstone_is_not_live_and_keeps_older_entries_out(void **state)
{
	(void)state;
	fill_all();
	struct kith_member_entry e = ow_entry_of(&w, &nodes[3]);
	e.seq += 2;
	e.flags = KITH_MEMBER_LEFT;
	assert_int_equal(merge(ow_entry_sign(&w, &nodes[3], buf, &e)), KITH_MERGE_UPDATED);
	assert_int_equal(kith_members_live(&ms), NODES - 1);
	assert_int_equal(merge(ow_entry(&w, &nodes[3], buf, 1)), KITH_MERGE_KNOWN);
	struct kith_member_walk walk;
	struct kith_id key = id_of(&nodes[3]);
	uint32_t n = 0;
	const struct kith_member *m;
	for (kith_member_walk_init(&walk, &ms, &key); (m = kith_member_walk_next(&walk)) != NULL; n++)
		assert_true(kith_member_live(m));
	assert_int_equal(n, NODES - 1);
	assert_int_equal(merge(ow_entry(&w, &nodes[3], buf, 3)), KITH_MERGE_UPDATED); /* it is back */
	assert_int_equal(kith_members_live(&ms), NODES);
}

static void expired_members_are_swept_and_no_others(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NODES; i++) {
		struct kith_member_entry e = ow_entry_of(&w, &nodes[i]);
		e.expires_ms = OW_NOW_MS + 1000 * (int64_t)i;
		assert_int_equal(merge(ow_entry_sign(&w, &nodes[i], buf, &e)), KITH_MERGE_NEW);
	}
	w.now.mono_us += KITH_MEMBERS_SWEEP_US;
	assert_int_equal(kith_members_expire(&ms, &w.now), 0);
	w.now.unix_ms += KITH_CLOCK_TOLERANCE_MS + 20 * 1000;
	assert_int_equal(kith_members_expire(&ms, &w.now), 0); /* swept just now */
	w.now.mono_us = kith_members_next_deadline(&ms);
	assert_int_equal(kith_members_expire(&ms, &w.now), 20);
	assert_int_equal(ms.n, NODES - 20);
	for (uint32_t i = 0; i < NODES; i++) {
		struct kith_id id = id_of(&nodes[i]);
		assert_int_equal(kith_members_get(&ms, &id) != NULL, i >= 20);
	}
}

static void a_full_table_refuses_the_newcomer_and_takes_updates(void **state)
{
	(void)state;
	ms.max = 10;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(merge(ow_entry(&w, &nodes[i], buf, 0)), KITH_MERGE_NEW);
	w.now.mono_us += KITH_MEMBERS_SWEEP_US;
	assert_int_equal(merge(ow_entry(&w, &nodes[10], buf, 0)), KITH_EFULL);
	w.now.unix_ms += 2000;
	assert_int_equal(merge(ow_entry(&w, &nodes[5], buf, 1)), KITH_MERGE_RENEWED);
	w.now.unix_ms += KITH_MEMBER_LIFE_MS + KITH_CLOCK_TOLERANCE_MS - 1000;
	w.now.mono_us += KITH_MEMBERS_SWEEP_US;
	assert_int_equal(merge(ow_entry(&w, &nodes[10], buf, 0)), KITH_MERGE_NEW); /* all but node 5 had expired */
	assert_int_equal(ms.n, 2);
}

/* |a - b| on the ring, by plain arithmetic on the upper 64 bits, which tell these few apart. */
static uint64_t head(const struct kith_id *id)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | id->b[i];
	return v;
}

static uint64_t ring(uint64_t a, uint64_t b)
{
	return a - b < b - a ? a - b : b - a;
}

static void a_walk_visits_all_in_the_order_of_ring_distance(void **state)
{
	(void)state;
	fill_all();
	for (int round = 0; round < 300; round++) {
		struct kith_id key;
		struct kith_member_walk walk;
		const struct kith_member *m;
		uint64_t last = 0;
		uint32_t n = 0;
		bool seen[NODES] = { false };
		w.rnd.random.fill(&w.rnd, key.b, sizeof key.b);
		if (round == 0)
			memset(&key, 0, sizeof key);
		if (round == 1)
			memset(&key, 0xff, sizeof key);
		if (round > 200)
			key = ms.at[round % NODES]->id;
		for (kith_member_walk_init(&walk, &ms, &key); (m = kith_member_walk_next(&walk)) != NULL; n++) {
			uint64_t d = ring(head(&m->id), head(&key));
			assert_true(d >= last);
			last = d;
			for (uint32_t i = 0; i < NODES; i++) {
				if (ms.at[i] == m) {
					assert_false(seen[i]);
					seen[i] = true;
				}
			}
		}
		assert_int_equal(n, NODES);
	}
}

static void suspicion_doubles_and_ends_with_news(void **state)
{
	(void)state;
	struct kith_member *m;
	assert_int_equal(kith_members_merge(&ms, &w.now, ow_entry(&w, &nodes[0], buf, 0), &m), KITH_MERGE_NEW);
	kith_time_us now = 0, last = 0;
	for (int i = 0; i < 20; i++) {
		kith_member_failed(m, now);
		assert_true(kith_member_suspect(m, now));
		assert_true(m->suspect_until - now >= last && m->suspect_until - now <= 3840 * KITH_US_PER_S);
		last = m->suspect_until - now;
		now = m->suspect_until;
		assert_false(kith_member_suspect(m, now));
	}
	assert_int_equal(last, 3840 * KITH_US_PER_S);
	kith_member_failed(m, now);
	kith_member_alive(m, now);
	assert_false(kith_member_suspect(m, now));
	kith_member_failed(m, now);
	assert_int_equal(m->suspect_until - now, 30 * KITH_US_PER_S);
	assert_int_equal(merge(ow_entry(&w, &nodes[0], buf, 9)), KITH_MERGE_RENEWED);
	assert_false(kith_member_suspect(m, now));
}

static void a_host_entry_has_one_address_of_each_family(void **state)
{
	(void)state;
	struct kith_member_entry e = ow_entry_of(&w, &nodes[0]);
	struct kith_member *m;
	struct kith_host host;
	e.endpoints_n = 3;
	e.endpoints[1] = ow_endpoint(9, 9);
	e.endpoints[2] = (struct kith_endpoint){ { .family = KITH_FAMILY_V6, .port = 3, .ip = { 0x20, 1, 7 } },
						 KITH_TRANSPORT_UDP,
						 0 };
	assert_int_equal(kith_members_merge(&ms, &w.now, ow_entry_sign(&w, &nodes[0], buf, &e), &m), KITH_MERGE_NEW);
	kith_member_host(m, &host);
	assert_int_equal(host.endpoints_n, 2);
	assert_true(kith_endpoint_equal(&host.endpoints[0], &e.endpoints[0]));
	assert_true(kith_endpoint_equal(&host.endpoints[1], &e.endpoints[2]));
	assert_memory_equal(&host.dh, &nodes[0].device.dh_pk, KITH_KEY_LEN);
}

static void running_out_of_memory_leaves_the_table_as_it_was(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 30; i++) {
		for (long fail = 0;; fail++) {
			uint32_t n = ms.n;
			w.mem.fail_after = fail;
			int err = merge(ow_entry(&w, &nodes[i % 20], buf, i / 20));
			w.mem.fail_after = -1;
			if (err > 0)
				break;
			assert_int_equal(err, KITH_ENOMEM);
			assert_int_equal(ms.n, n);
			assert_true(fail < 50);
		}
	}
	assert_int_equal(ms.n, 20);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_record_s_home_is_a_member_where_its_entry_says),
		T(a_member_that_moves_or_leaves_is_no_home_where_it_was),
		T(an_identity_has_one_place_and_all_agree_on_which),
		T(members_are_kept_in_the_order_of_their_ids),
		T(the_higher_sequence_wins_whatever_the_order),
		T(a_forged_entry_changes_nothing),
		T(a_tombstone_is_not_live_and_keeps_older_entries_out),
		T(expired_members_are_swept_and_no_others),
		T(a_full_table_refuses_the_newcomer_and_takes_updates),
		T(a_walk_visits_all_in_the_order_of_ring_distance),
		T(suspicion_doubles_and_ends_with_news),
		T(a_host_entry_has_one_address_of_each_family),
		T(running_out_of_memory_leaves_the_table_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
