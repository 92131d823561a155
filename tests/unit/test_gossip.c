#include "overlay_world.h"

#include "overlay/gossip.h"
#include "overlay/pick.h"
#include "sim/suite_sim.h"

enum { NODES = 200, STEPS_MAX = 60 };

static const struct kith_gossip_to stranger = { .partner = KITH_MEMBERS_STRANGER };
static const struct kith_gossip_to whole = { .partner = KITH_MEMBERS_STRANGER, .digests = true };
static struct ow w;
static struct ow_node nodes[NODES];
static struct kith_members tables[NODES];
static uint8_t buf[KITH_MEMBER_LEN_MAX];
static size_t bytes_moved, requests_made;

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sim());
	for (uint32_t i = 0; i < NODES; i++) {
		ow_node(&w, &nodes[i], i);
		kith_members_init(&tables[i], &w.mem.alloc, &w.blobs, &w.trust, 1000, ow_seed);
	}
	bytes_moved = requests_made = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NODES; i++)
		kith_members_deinit(&tables[i]);
	ow_deinit(&w);
	return 0;
}

static void learn_seq(uint32_t table, uint32_t node, uint64_t seq_add)
{
	assert_true(kith_members_merge(&tables[table], &w.now, ow_entry(&w, &nodes[node], buf, seq_add), NULL) >= 0);
}

static void learn(uint32_t table, uint32_t node)
{
	learn_seq(table, node, 0);
}

struct message {
	uint32_t from, to;
	size_t len;
	uint8_t body[KITH_GOSSIP_REQUEST_MAX];
};

/* One exchange that a begins with b, and all that follows from it. Each request or its answer is lost with that chance.
 * Returns how many requests there were. */
static int exchange_lossy(uint32_t a, uint32_t b, bool digests, unsigned loss_percent)
{
	static struct message queue[STEPS_MAX + 2];
	static uint8_t answer[KITH_ANSWER_MAX];
	int done = 0, queued = 1;
	w.now.mono_us += 3 * KITH_US_PER_S; /* exchanges are so far apart */
	queue[0] = (struct message){ .from = a, .to = b };
	queue[0].len =
		kith_gossip_request(&tables[a], &w.now, &w.rnd.random, digests ? &whole : &stranger, queue[0].body);
	for (; done < queued; done++) {
		struct kith_gossip_result r;
		struct message *m = &queue[done];
		assert_true(done < STEPS_MAX); /* every exchange ends */
		assert_true(m->len <= KITH_GOSSIP_REQUEST_MAX);
		bytes_moved += m->len;
		requests_made++;
		if (test_random_next(&w.rnd) % 100 < loss_percent)
			continue;
		int len = kith_gossip_answer(&tables[m->to], &w.now, &stranger, test_span(m->body, m->len), answer,
					     sizeof answer, &r);
		assert_in_range(len, 1, KITH_ANSWER_MAX);
		bytes_moved += (size_t)len;
		if (r.follow_len > 0) {
			queue[queued] = (struct message){ .from = m->to, .to = m->from, .len = r.follow_len };
			memcpy(queue[queued++].body, r.follow, r.follow_len);
		}
		assert_int_equal(kith_gossip_answered(&tables[m->from], &w.now, KITH_MEMBERS_STRANGER,
						      test_span(answer, (size_t)len), &r),
				 0);
		assert_int_equal(r.refused, 0);
		if (r.follow_len > 0) {
			queue[queued] = (struct message){ .from = m->from, .to = m->to, .len = r.follow_len };
			memcpy(queue[queued++].body, r.follow, r.follow_len);
		}
	}
	return done;
}

static int exchange(uint32_t a, uint32_t b)
{
	return exchange_lossy(a, b, true, 0);
}

static void forget_news(uint32_t table)
{
	memset(tables[table].recent, 0, sizeof tables[table].recent);
}

static bool same(const struct kith_members *a, const struct kith_members *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		if (memcmp(&a->at[i]->id, &b->at[i]->id, KITH_ID_LEN) != 0 || a->at[i]->seq != b->at[i]->seq)
			return false;
	}
	return true;
}

static void equal_tables_cost_one_small_exchange(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NODES; i++) {
		learn(0, i);
		learn(1, i);
	}
	forget_news(0);
	forget_news(1);
	assert_int_equal(exchange(0, 1), 1);
	assert_true(bytes_moved < 200);
	bytes_moved = 0;
	assert_int_equal(exchange_lossy(0, 1, false, 0), 1);
	assert_true(bytes_moved < 40);
}

static void one_difference_is_found_in_either_direction(void **state)
{
	(void)state;
	for (uint32_t direction = 0; direction < 2; direction++) {
		for (uint32_t kind = 0; kind < 2; kind++) { /* missing, older */
			for (uint32_t i = 0; i < NODES; i++) {
				learn(0, i);
				learn(1, i);
			}
			uint32_t odd = 17 + direction + 2 * kind;
			if (kind == 1)
				learn_seq(direction, odd, 1);
			else
				kith_members_deinit(&tables[direction]);
			for (uint32_t i = 0; kind == 0 && i < NODES; i++) {
				if (i != odd)
					learn(direction, i);
			}
			forget_news(0);
			forget_news(1);
			bytes_moved = 0;
			assert_false(same(&tables[0], &tables[1]));
			assert_true(exchange(0, 1) <= 4);
			assert_true(same(&tables[0], &tables[1]));
			assert_true(bytes_moved < 3000);
			kith_members_deinit(&tables[0]);
			kith_members_deinit(&tables[1]);
		}
	}
}

static void news_is_told_without_comparing_tables(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		learn(0, i);
		learn(1, i);
	}
	forget_news(0);
	forget_news(1);
	learn_seq(0, 5, 7);
	assert_int_equal(exchange_lossy(0, 1, false, 0), 2);
	assert_true(same(&tables[0], &tables[1]));
	learn_seq(0, 6, 7);
	assert_true(exchange_lossy(1, 0, false, 0) <= 3); /* the answerer tells too */
	assert_true(same(&tables[0], &tables[1]));
}

static void news_is_told_a_bounded_number_of_times(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 16; i++)
		learn(0, i);
	size_t told = 0;
	for (int i = 0; i < 100; i++) {
		uint8_t body[KITH_GOSSIP_REQUEST_MAX];
		struct kith_msg_gossip m;
		size_t len = kith_gossip_request(&tables[0], &w.now, &w.rnd.random, &stranger, body);
		assert_int_equal(kith_msg_gossip_read(&m, test_span(body, len)), 0);
		told += m.offers.len / KITH_GOSSIP_OFFER_LEN;
	}
	assert_in_range(told, 16 * 3, 16 * 8);
}

/* A newcomer learns of more at once than news have places, and nobody else can tell of it. It tells that first. */
static void our_own_entry_is_told_whatever_was_learnt_since(void **state)
{
	enum { SELF = 150 };
	(void)state;
	struct kith_members *ms = &tables[0];
	struct kith_member *own;
	assert_int_equal(kith_members_merge(ms, &w.now, ow_entry(&w, &nodes[SELF], buf, 0), &own), KITH_MERGE_NEW);
	const struct kith_id id = own->id;
	ms->sectors.self = kith_sectors_place(id.b);
	kith_members_tell(ms, &id, 0, true);
	for (uint32_t i = 0; i < SELF; i++)
		learn(0, i);
	assert_true(SELF > KITH_MEMBERS_RECENT);
	assert_null(kith_members_get(&tables[1], &id));
	(void)exchange_lossy(0, 1, false, 0);
	assert_non_null(kith_members_get(&tables[1], &id));
}

/* However many ranges there are, so many requests have room for them. */
static void all_that_is_near_takes_as_many_requests_as_there_are(void **state)
{
	(void)state;
	struct kith_members *ms = &tables[0];
	for (ms->sectors.bits = 0; ms->sectors.bits <= KITH_SECTOR_BITS_MAX; ms->sectors.bits++) {
		uint8_t body[KITH_GOSSIP_REQUEST_MAX];
		struct kith_msg_gossip m;
		size_t len = kith_gossip_request(ms, &w.now, &w.rnd.random, &whole, body);
		assert_int_equal(kith_msg_gossip_read(&m, test_span(body, len)), 0);
		size_t told = m.digests.len / KITH_GOSSIP_DIGEST_LEN, all = kith_sectors_ranges(&ms->sectors);
		assert_true(told * kith_gossip_requests(ms) >= all);
		assert_true(told * (kith_gossip_requests(ms) - 1) < all);
	}
}

static void a_newcomer_pages_through_all(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NODES; i++)
		learn(0, i);
	learn(1, 3);
	forget_news(0);
	int steps = exchange(1, 0);
	assert_true(same(&tables[0], &tables[1]));
	assert_true(steps < 25);
	/* The other way round, the one that knows all is asked by the newcomer in turn. */
	learn(2, 7);
	for (int i = 0; i < 20 && !same(&tables[0], &tables[2]); i++)
		(void)exchange(0, 2);
	assert_true(same(&tables[0], &tables[2]));
}

/* Far more than fit one answer differ: each exchange gets further, and none goes on for ever. */
static void large_differences_go_away_in_several_exchanges(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NODES; i++) {
		learn_seq(0, i, i % 2);
		learn_seq(1, i, (i + 1) % 2);
	}
	forget_news(0);
	forget_news(1);
	int rounds = 0;
	for (; rounds < 20 && !same(&tables[0], &tables[1]); rounds++)
		(void)exchange((uint32_t)rounds % 2, 1 - (uint32_t)rounds % 2);
	assert_true(same(&tables[0], &tables[1]));
	assert_true(rounds <= 12);
}

/* In a network of thousands a first digit has too many members for a list: differences are looked for deeper down. */
static void a_few_differences_among_thousands_are_found_digit_by_digit(void **state)
{
	enum { MANY = 3000, APART = 250 };
	(void)state;
	for (uint32_t t = 0; t < 2; t++) {
		kith_members_deinit(&tables[t]);
		kith_members_init(&tables[t], &w.mem.alloc, &w.blobs, &w.trust, 2 * MANY, ow_seed);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		struct ow_node node;
		ow_node(&w, &node, i);
		for (uint32_t t = 0; t < 2; t++) {
			/* Every so often one lacks it, or has it older. */
			if (i % APART == t)
				continue;
			bool older = i % APART == 2 + t;
			struct kith_span entry = ow_entry(&w, &node, buf, older ? 0 : 1);
			assert_true(kith_members_merge(&tables[t], &w.now, entry, NULL) >= 0);
		}
	}
	forget_news(0);
	forget_news(1);
	assert_false(same(&tables[0], &tables[1]));
	int rounds = 0;
	for (; rounds < 20 && !same(&tables[0], &tables[1]); rounds++)
		(void)exchange((uint32_t)rounds % 2, 1 - (uint32_t)rounds % 2);
	assert_true(same(&tables[0], &tables[1]));
	assert_true(rounds <= 8);
	assert_true(bytes_moved < MANY * 24); /* much less than the names of all */
	printf("48 differences among %d: %d exchanges, %zu bytes\n", MANY, rounds, bytes_moved);
}

/* Members near both tables that the one has, and the other lacks. */
static uint32_t differ(const struct kith_members *a, const struct kith_members *b)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct kith_member *m = a->at[i];
		n += kith_member_near(a, m) && kith_member_near(b, m) && kith_members_get(b, &m->id) == NULL;
	}
	return n;
}

/* Sectors of any width compare what is near both, with a full view too. */
static void sectors_agree_on_what_is_near_both(void **state)
{
	(void)state;
	const uint8_t bits[][2] = { { 3, 3 }, { 2, 4 }, { 4, 2 }, { 5, 5 }, { 0, 4 }, { 4, 0 }, { 4, 5 }, { 5, 4 } };
	for (size_t k = 0; k < sizeof bits / sizeof bits[0]; k++) {
		/* Each lacks some that the other has. */
		for (unsigned t = 0; t < 2; t++) {
			kith_members_deinit(&tables[t]);
			kith_members_init(&tables[t], &w.mem.alloc, &w.blobs, &w.trust, 1000, ow_seed);
			tables[t].sectors.size = 1000;
			tables[t].sectors.guides = 0;
			tables[t].sectors.self = UINT64_C(0x9999) << 48;
			for (uint32_t i = 0; i < NODES; i++) {
				if (i % 7 != t)
					learn(t, i);
			}
			tables[t].sectors.bits = bits[k][t];
			forget_news(t);
		}
		assert_true(differ(&tables[0], &tables[1]) > 0 && differ(&tables[1], &tables[0]) > 0);
		for (uint32_t round = 0; round < 40; round++) {
			(void)exchange(0, 1); /* whichever is the wider */
			forget_news(0);
			forget_news(1);
		}
		assert_int_equal(differ(&tables[0], &tables[1]) + differ(&tables[1], &tables[0]), 0);
	}
}

/* Two that know no one else of their own sector, by chance, hear of the rest through one who is far. */
static void an_island_hears_of_its_sector_from_one_who_is_far(void **state)
{
	enum { BITS = 4 };
	(void)state;
	for (uint32_t t = 0; t < 2; t++) {
		tables[t].sectors = (struct kith_sectors){
			.size = 1000, .guides = 8, .bits = BITS, .self = UINT64_C(0x9999) << 48
		};
	}
	tables[1].sectors.self = UINT64_C(0x1111) << 48;
	for (uint32_t i = 0; i < NODES; i++)
		learn(1, i);
	forget_news(1);
	uint32_t before = kith_members_near(&tables[0]);
	(void)exchange_lossy(0, 1, false, 0); /* news alone, of which there are none */
	assert_int_equal(kith_members_near(&tables[0]), before);
	(void)exchange(0, 1);
	assert_int_equal(kith_members_near(&tables[0]), before + 2);
}

static void two_hundred_members_agree_in_twenty_rounds_with_a_fifth_lost(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NODES; i++) {
		learn(i, i);
		learn(i, (uint32_t)(test_random_next(&w.rnd) % NODES));
		learn(i, (uint32_t)(test_random_next(&w.rnd) % NODES));
	}
	int rounds = 0;
	bool agreed = false;
	for (; rounds < 20 && !agreed; rounds++) {
		w.now.mono_us += 10 * KITH_US_PER_S;
		for (uint32_t i = 0; i < NODES; i++) {
			const struct kith_member *peer;
			struct kith_member_facts facts;
			uint32_t to = 0;
			struct kith_member_entry own;
			struct kith_id self;
			assert_int_equal(kith_member_parse(&own, ow_entry(&w, &nodes[i], buf, 0)), 0);
			assert_int_equal(kith_member_id(&own, &w.trust, &self), 0);
			if (kith_members_pick(&tables[i], &w.rnd.random, w.now.mono_us, &self, &peer, 1) == 0)
				continue;
			kith_member_facts(peer, &facts);
			while (memcmp(&nodes[to].device.dh_pk, &facts.dh, sizeof facts.dh) != 0)
				to++;
			(void)exchange_lossy(i, to, true, 20);
		}
		agreed = true;
		for (uint32_t i = 0; i < NODES; i++)
			agreed &= tables[i].n == NODES && same(&tables[0], &tables[i]);
	}
	printf("agreed after %d rounds, %zu requests, %zu bytes a node and round\n", rounds, requests_made,
	       bytes_moved / NODES / (size_t)rounds);
	assert_true(agreed);
	/* One change reaches all by rumour alone. */
	learn_seq(3, 3, 50);
	for (rounds = 0, agreed = false; rounds < 20 && !agreed; rounds++) {
		agreed = true;
		for (uint32_t i = 0; i < NODES; i++) {
			(void)exchange_lossy(i, (uint32_t)(test_random_next(&w.rnd) % NODES), false, 20);
			agreed &= same(&tables[3], &tables[i]);
		}
	}
	assert_true(agreed);
}

static void a_full_table_asks_for_nobody_new(void **state)
{
	(void)state;
	tables[1].max = 10;
	for (uint32_t i = 0; i < 30; i++)
		learn(0, i);
	for (uint32_t i = 0; i < 10; i++)
		learn(1, i);
	forget_news(0);
	forget_news(1);
	learn_seq(0, 4, 3);
	assert_true(exchange(1, 0) <= 3);
	assert_int_equal(tables[1].n, 10);
	(void)exchange(0, 1);
	struct kith_member *m = NULL;
	assert_int_equal(kith_members_merge(&tables[1], &w.now, ow_entry(&w, &nodes[4], buf, 0), &m), KITH_MERGE_KNOWN);
	assert_true(m->seq == (uint64_t)OW_NOW_MS + 3);
}

static void what_has_expired_is_neither_compared_nor_told(void **state)
{
	(void)state;
	struct kith_member_entry e = ow_entry_of(&w, &nodes[0]);
	e.expires_ms = OW_NOW_MS + 1000;
	assert_true(kith_members_merge(&tables[0], &w.now, ow_entry_sign(&w, &nodes[0], buf, &e), NULL) > 0);
	for (uint32_t i = 1; i < 20; i++) {
		learn(0, i);
		learn(1, i);
	}
	w.now.unix_ms += 1001;
	(void)exchange(0, 1);
	(void)exchange(1, 0);
	assert_int_equal(tables[1].n, 19);
	forget_news(0);
	forget_news(1);
	assert_int_equal(exchange(1, 0), 1);
}

static void garbage_is_refused_or_harmless(void **state)
{
	(void)state;
	static uint8_t answer[KITH_ANSWER_MAX], bent[KITH_ANSWER_MAX];
	uint8_t request[KITH_GOSSIP_REQUEST_MAX];
	struct kith_gossip_result r;
	for (uint32_t i = 0; i < 120; i++) {
		learn(0, i);
		learn_seq(1, i, i % 3);
	}
	for (int round = 0; round < 3000; round++) {
		size_t len = kith_gossip_request(&tables[0], &w.now, &w.rnd.random, &whole, request);
		bool bend_request = round % 2 == 0;
		if (bend_request)
			request[test_random_next(&w.rnd) % len] ^= (uint8_t)(1u << test_random_next(&w.rnd) % 8);
		int got = kith_gossip_answer(&tables[1], &w.now, &stranger, test_span(request, len), answer,
					     sizeof answer, &r);
		assert_true(got > 0 || got == KITH_EPROTO);
		if (got < 0)
			continue;
		memcpy(bent, answer, (size_t)got);
		bent[test_random_next(&w.rnd) % (size_t)got] ^= (uint8_t)(1u << test_random_next(&w.rnd) % 8);
		got = kith_gossip_answered(&tables[0], &w.now, KITH_MEMBERS_STRANGER, test_span(bent, (size_t)got), &r);
		assert_true(got == 0 || got == KITH_EPROTO);
		assert_true(r.follow_len <= KITH_GOSSIP_REQUEST_MAX);
	}
	for (uint32_t i = 0; i < tables[0].n; i++) /* nothing but what was signed got in */
		assert_true(tables[0].at[i]->seq <= (uint64_t)OW_NOW_MS + 2);
	assert_int_equal(
		kith_gossip_answer(&tables[0], &w.now, &stranger, test_span(NULL, 0), answer, sizeof answer, &r),
		KITH_EPROTO);
	assert_int_equal(kith_gossip_answer(&tables[0], &w.now, &stranger, test_span("\x80", 1), answer, 100, &r),
			 KITH_EMSGSIZE);
	assert_true(kith_gossip_answer(&tables[0], &w.now, &stranger, test_span("\x80", 1), answer, 4096, &r) > 0);
	assert_int_equal(kith_gossip_answered(&tables[0], &w.now, KITH_MEMBERS_STRANGER, test_span("\xc0", 1), &r),
			 KITH_EPROTO);
}

static void running_out_of_memory_loses_entries_and_nothing_else(void **state)
{
	(void)state;
	static uint8_t answer[KITH_ANSWER_MAX];
	struct kith_gossip_result r;
	for (uint32_t i = 0; i < 40; i++)
		learn(0, i);
	learn(1, 0);
	uint8_t page[32];
	static const uint8_t first[KITH_MEMBER_ID_PREFIX] = { 0 };
	struct kith_msg_gossip m = { .cursor = { first, sizeof first } };
	size_t page_len = kith_msg_gossip_write(page, sizeof page, &m);
	int len =
		kith_gossip_answer(&tables[0], &w.now, &stranger, test_span(page, page_len), answer, sizeof answer, &r);
	assert_true(len > 0);
	for (long fail = 0; fail < 200; fail++) {
		w.mem.fail_after = fail;
		assert_int_equal(kith_gossip_answered(&tables[1], &w.now, KITH_MEMBERS_STRANGER,
						      test_span(answer, (size_t)len), &r),
				 0);
		w.mem.fail_after = -1;
		if (r.refused == 0)
			return;
	}
	fail_msg("never went well");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(equal_tables_cost_one_small_exchange),
		T(one_difference_is_found_in_either_direction),
		T(news_is_told_without_comparing_tables),
		T(news_is_told_a_bounded_number_of_times),
		T(our_own_entry_is_told_whatever_was_learnt_since),
		T(all_that_is_near_takes_as_many_requests_as_there_are),
		T(a_newcomer_pages_through_all),
		T(large_differences_go_away_in_several_exchanges),
		T(a_few_differences_among_thousands_are_found_digit_by_digit),
		T(sectors_agree_on_what_is_near_both),
		T(an_island_hears_of_its_sector_from_one_who_is_far),
		T(two_hundred_members_agree_in_twenty_rounds_with_a_fifth_lost),
		T(a_full_table_asks_for_nobody_new),
		T(what_has_expired_is_neither_compared_nor_told),
		T(garbage_is_refused_or_harmless),
		T(running_out_of_memory_loses_entries_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
