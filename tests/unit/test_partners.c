/* With whom a supernode gossips, and what that costs. */
#include "super_world.h"

#include "super/partners.h"
#include "super/members.h"

enum { SUPERS = 8 };

struct seen {
	uint64_t hellos, packets;
};

static int count_tap(struct core_world *w, struct world_packet *p)
{
	struct seen *s = w->tap_ctx;
	s->packets++;
	s->hellos += p->data[KITH_PACKET_HEADROOM] == KITH_PKT_HELLO;
	return 1;
}

static void network(struct core_world *w)
{
	world_network(w, kith_suite_sodium(), 1, SUPERS, (const char *const[]){ NULL });
	world_run(w, 2 * KITH_MEMBERS_NEWCOMER_US);
}

/* Two minutes in which nothing happens: exchanges by the score, and handshakes only where a session is needed that
 * there was none of: now and then a bootstrap host, and no partner. */
static void exchanges_go_over_sessions_that_are_there(void **state)
{
	struct core_world w;
	struct seen seen = { 0, 0 };
	(void)state;
	network(&w);
	unsigned before = w.nodes[0].core->super->exchanges;
	w.tap = count_tap;
	w.tap_ctx = &seen;
	world_run(&w, 120 * KITH_US_PER_S);
	unsigned exchanges = w.nodes[0].core->super->exchanges - before;
	printf("  %u exchanges of one, %llu handshakes of all\n", exchanges, (unsigned long long)seen.hellos);
	assert_in_range(exchanges, 25, 60);
	assert_true(seen.hellos <= SUPERS * 4);
	core_world_deinit(&w);
}

/* An entry is signed anew, and says nothing else: no record is brought again, no watch renewed. */
static void an_entry_that_is_renewed_is_no_news(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	struct kith_supernode *sn = w.nodes[1].core->super;
	uint64_t seq = w.nodes[2].core->super->entry_seq;
	kith_time_us changed = sn->changed_at;
	world_clock(&w);
	assert_int_equal(kith_super_make_entry(w.nodes[2].core, 0), 0);
	world_run(&w, 60 * KITH_US_PER_S);
	const struct kith_member *m = kith_members_get(&sn->members, &w.nodes[2].core->super->id);
	assert_true(m->seq > seq);
	assert_true(sn->changed_at == changed);
	assert_true(sn->republish_at == KITH_TIME_NEVER);
	core_world_deinit(&w);
}

static void the_hosts_told_are_such_as_were_heard_lately(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	for (int i = 2; i < SUPERS; i += 2)
		w.nodes[i].muted = true;
	world_run(&w, 25 * KITH_US_PER_S); /* too soon for three to agree who is dead */
	struct kith_core *c = w.nodes[1].core;
	for (int round = 0; round < 50; round++) {
		struct kith_super_named room;
		struct kith_spans named = kith_super_named(c, &room, KITH_MEMBERS_TOLD_MAX);
		assert_true(named.n > 0);
		struct kith_member_entry first;
		assert_int_equal(kith_member_parse(&first, named.at[0]), 0);
		int node = world_node_at(&w, &first.endpoints[0].addr);
		assert_true(node >= 0 && !w.nodes[node].muted);
	}
	core_world_deinit(&w);
}

/* A partner on either side of the own sector, whenever others are chosen, as far as there are such. */
static void a_partner_is_chosen_on_either_side_of_the_sector(void **state)
{
	struct core_world w;
	unsigned checked = 0;
	(void)state;
	network(&w);
	for (int i = 0; i < SUPERS; i++) {
		struct kith_core *c = w.nodes[i].core;
		struct kith_members *ms = &c->super->members;
		unsigned there[2] = { 0, 0 };
		ms->sectors.bits = 2;
		ms->sectors.since = c->now.mono_us;
		for (uint32_t k = 0; k < ms->n; k++) {
			int side = kith_sectors_side(&ms->sectors, kith_sectors_place(ms->at[k]->id.b));
			if (side != 0 && kith_sectors_near(&ms->sectors, ms->at[k]->id.b))
				there[side > 0]++;
		}
		memset(c->super->partners, 0, sizeof c->super->partners);
		world_run(&w, 10 * KITH_US_PER_S); /* some exchanges */
		for (unsigned slot = 1; slot <= 2; slot++) {
			const struct kith_partner *p = &c->super->partners[slot];
			if (there[slot - 1] < 2) /* the only one may be a partner already, as anybody */
				continue;
			assert_true(p->taken);
			assert_int_equal(kith_sectors_side(&ms->sectors, kith_sectors_place(p->id.b)),
					 slot == 1 ? -1 : 1);
			checked++;
		}
	}
	assert_true(checked >= SUPERS / 2);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges_go_over_sessions_that_are_there),
		cmocka_unit_test(an_entry_that_is_renewed_is_no_news),
		cmocka_unit_test(a_partner_is_chosen_on_either_side_of_the_sector),
		cmocka_unit_test(the_hosts_told_are_such_as_were_heard_lately),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
