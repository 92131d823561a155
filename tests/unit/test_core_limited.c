/* Who is limited at a relay is told, and finds it in what explains the session; nobody else can say so, and no flood of
 * such words costs much. */
#include "core_tap.h"

#include "path/journal.h"

#define WORD_GAP_US (KITH_US_PER_S / KITH_GONE_PER_S) /* between two words of one relay that are heard */

struct limited {
	struct core_world w;
	kith_session_id session, theirs; /* alice's with bob, and bob's with alice */
	struct kith_hop hop; /* of alice's sending path */
	int relay; /* the node there */
};

static struct kith_session *session_of(struct limited *l)
{
	struct kith_session *s = kith_sessions_get(&l->w.nodes[WORLD_ALICE].core->sessions, l->session);
	assert_non_null(s);
	return s;
}

/* Alice and bob talk through relays only. */
static void talk(struct limited *l)
{
	struct core_world *w = &l->w;
	world_relayed(w);
	l->session = world_call(w, WORLD_ALICE, WORLD_BOB, &l->theirs);
	const struct kith_path *p = kith_pathset_sending(&session_of(l)->paths);
	assert_non_null(p);
	l->hop = p->hop;
	assert_true(l->hop.tunnel != 0);
	l->relay = world_node_at(w, &l->hop.remote);
}

/* From here on the relay carries so many bytes a second for one identity, or in all. */
static void limit(struct limited *l, uint64_t owner_rate, uint64_t rate)
{
	struct kith_fwd *fwd = &l->w.nodes[l->relay].core->super->fwd;
	struct kith_fwd_limits limits = fwd->limits;
	limits.owner_rate = limits.owner_burst = owner_rate;
	limits.rate = limits.burst = rate;
	kith_fwd_limit(fwd, &limits);
}

/* Alice sends n packets into her tunnel at once; the relay does not look at what is inside. */
static void push(struct limited *l, unsigned n)
{
	uint8_t packet[1000] = { 0 };
	kith_tunnel_write(packet, l->hop.tunnel);
	while (n-- > 0)
		inject(&l->w, l->relay, &l->w.nodes[WORLD_ALICE].addr, packet, sizeof packet);
}

/* Rows of the journal that say so; the last of them in *last. */
static unsigned rows(struct limited *l, struct kith_journal_entry *last)
{
	const struct kith_journal_entry *e;
	uint32_t it = 0;
	unsigned n = 0;
	while ((e = kith_journal_read(kith_pathset_journal(&session_of(l)->paths), &it)) != NULL) {
		if (e->what != KITH_JOURNAL_RELAY_LIMITED)
			continue;
		n++;
		if (last != NULL)
			*last = *e;
	}
	return n;
}

/* A node writes n frames on a session of its own: what only a relay should do, or a relay that lies. */
static void say(struct core_world *w, int from, const struct kith_session *s, uint64_t tunnel, uint8_t limit,
		size_t len, unsigned n)
{
	struct kith_core *c = w->nodes[from].core;
	uint8_t body[16] = { 0 };
	struct kith_writer b = kith_writer_of(body, sizeof body);
	kith_write_u64(&b, tunnel);
	kith_write_u8(&b, limit);
	assert_non_null(s);
	kith_core_tick(c, world_clock(w));
	world_drain(w, from);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	while (n-- > 0) {
		struct kith_writer *f =
			kith_outbox_begin(&w->shared->outbox, s->index, NULL, 0, KITH_FRAME_RELAY_LIMITED, len);
		kith_write_bytes(f, body, len);
		kith_outbox_end(&w->shared->outbox);
	}
	kith_core_tick(c, world_clock(w)); /* seals */
	world_drain(w, from);
	world_run(w, 2 * WORLD_DELAY_US);
}

static struct kith_session *infrastructure(struct core_world *w, int at, int with)
{
	return kith_sessions_of(&w->nodes[at].core->sessions, w->nodes[with].core->self.dh_pk);
}

static void relay_says(struct limited *l, uint64_t tunnel, uint8_t limit, size_t len, unsigned n)
{
	say(&l->w, l->relay, infrastructure(&l->w, l->relay, WORLD_ALICE), tunnel, limit, len, n);
}

/* ---- at the relay ---- */

static void who_is_limited_is_told_once_a_second(void **state)
{
	struct limited l;
	(void)state;
	talk(&l);
	push(&l, 3);
	world_run(&l.w, 2 * KITH_US_PER_S);
	assert_int_equal(world_stat(&l.w, l.relay, KITH_STAT_TUNNELS_LIMITED), 0); /* below the rate nothing is told */
	assert_int_equal(rows(&l, NULL), 0);
	limit(&l, 2000, 0);
	push(&l, 50);
	assert_int_equal(world_stat(&l.w, l.relay, KITH_STAT_TUNNELS_LIMITED), 1);
	assert_true(world_stat(&l.w, l.relay, KITH_STAT_DROP_TUNNEL_LIMIT) >= 48);
	for (unsigned told = 1; told <= 4; told++) {
		for (int i = 0; i < 9; i++) {
			world_run(&l.w, KITH_US_PER_S / 10);
			push(&l, 5);
			assert_int_equal(world_stat(&l.w, l.relay, KITH_STAT_TUNNELS_LIMITED), told);
			assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED), told);
		}
		world_run(&l.w, KITH_US_PER_S / 10);
		push(&l, 5);
	}
	assert_int_equal(world_stat(&l.w, WORLD_BOB, KITH_STAT_RELAY_LIMITED), 0); /* it sends nothing too much */
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), 0);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_SKIP_UNKNOWN_FRAME), 0);
	core_world_deinit(&l.w);
}

static void which_limit_it_is_can_be_read(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct limited l;
		struct kith_journal_entry e;
		char text[8192], addr[KITH_ADDR_TEXT_MAX], line[200];
		talk(&l);
		limit(&l, all ? 0 : 2000, all ? 2000 : 0);
		push(&l, 5);
		world_run(&l.w, 2 * WORLD_DELAY_US);
		assert_int_equal(rows(&l, &e), 1);
		assert_true(e.relay && kith_addr_equal(&e.addr, &l.hop.remote));
		assert_int_equal(e.value, all ? KITH_RELAY_LIMIT_ALL : KITH_RELAY_LIMIT_OWNER);
		kith_core_explain(l.w.nodes[WORLD_ALICE].core, world_clock(&l.w), l.session, text, sizeof text);
		snprintf(line, sizeof line, " ms ago: relay %s: the relay drops what we send through it: %s\n",
			 kith_addr_format(&l.hop.remote, addr),
			 all ? "more than it carries in all" : "more than it carries for one person");
		assert_non_null(strstr(text, line));
		kith_core_explain(l.w.nodes[WORLD_BOB].core, world_clock(&l.w), l.theirs, text, sizeof text);
		assert_null(strstr(text, "the relay drops"));
		core_world_deinit(&l.w);
	}
}

/* Towards an address that is not proven nothing may leave but what it paid for. */
static void who_is_not_confirmed_is_not_told(void **state)
{
	struct limited l;
	(void)state;
	talk(&l);
	limit(&l, 2000, 0);
	struct kith_session *s = infrastructure(&l.w, l.relay, WORLD_ALICE);
	s->state = KITH_SESSION_UNCONFIRMED;
	push(&l, 5);
	assert_int_equal(world_stat(&l.w, l.relay, KITH_STAT_TUNNELS_LIMITED), 0);
	s->state = KITH_SESSION_OPEN;
	world_run(&l.w, KITH_US_PER_S);
	push(&l, 5);
	assert_int_equal(world_stat(&l.w, l.relay, KITH_STAT_TUNNELS_LIMITED), 1);
	core_world_deinit(&l.w);
}

/* ---- at who is told ---- */

static void a_lasting_limit_is_written_down_ever_more_seldom(void **state)
{
	static const int seconds[] = { 0, 10, 30, 70 };
	struct limited l;
	(void)state;
	talk(&l);
	for (int t = 0; t < 100; t++) {
		unsigned wanted = 0;
		relay_says(&l, l.hop.tunnel, KITH_RELAY_LIMIT_OWNER, KITH_RELAY_LIMITED_BODY, 1);
		while (wanted < sizeof seconds / sizeof seconds[0] && seconds[wanted] <= t)
			wanted++;
		assert_int_equal(rows(&l, NULL), wanted);
		world_run(&l.w, KITH_US_PER_S - 2 * WORLD_DELAY_US);
	}
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED), 100);
	core_world_deinit(&l.w);
}

static void a_peer_and_a_leaf_have_nothing_to_say_of_relays(void **state)
{
	struct limited l;
	(void)state;
	talk(&l);
	const struct kith_session *theirs = kith_sessions_get(&l.w.nodes[WORLD_BOB].core->sessions, l.theirs);
	for (int role = KITH_ROLE_LEAF; role <= KITH_ROLE_SUPERNODE; role++) {
		uint64_t refused = world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME);
		session_of(&l)->role = (unsigned)role & 0x0f; /* even one that is a supernode as well */
		say(&l.w, WORLD_BOB, theirs, l.hop.tunnel, KITH_RELAY_LIMIT_OWNER, KITH_RELAY_LIMITED_BODY, 1);
		assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), refused + 1);
	}
	/* A leaf to its home; and a home that turns out to be none. */
	say(&l.w, WORLD_ALICE, infrastructure(&l.w, WORLD_ALICE, l.relay), l.hop.tunnel, KITH_RELAY_LIMIT_OWNER,
	    KITH_RELAY_LIMITED_BODY, 1);
	assert_int_equal(world_stat(&l.w, l.relay, KITH_STAT_DROP_MALFORMED_FRAME), 0); /* it may have been one */
	assert_int_equal(world_stat(&l.w, l.relay, KITH_STAT_RELAY_LIMITED_UNKNOWN), 1);
	infrastructure(&l.w, WORLD_ALICE, l.relay)->role = KITH_ROLE_LEAF;
	relay_says(&l, l.hop.tunnel, KITH_RELAY_LIMIT_OWNER, KITH_RELAY_LIMITED_BODY, 1);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), 2);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED_UNKNOWN), 1);
	assert_int_equal(rows(&l, NULL), 0);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED), 0);
	core_world_deinit(&l.w);
}

/* A relay speaks of its own tunnels, and only of those that lead somewhere. */
static void a_tunnel_that_nobody_uses_is_counted_and_no_more(void **state)
{
	struct limited l;
	(void)state;
	talk(&l);
	relay_says(&l, l.hop.tunnel + 1, KITH_RELAY_LIMIT_OWNER, KITH_RELAY_LIMITED_BODY, 1);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED_UNKNOWN), 1);
	int other = (l.relay + 1) % 3;
	say(&l.w, other, infrastructure(&l.w, other, WORLD_ALICE), l.hop.tunnel, KITH_RELAY_LIMIT_OWNER,
	    KITH_RELAY_LIMITED_BODY, 1);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED_UNKNOWN), 2);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED), 0);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), 0);
	assert_int_equal(rows(&l, NULL), 0);
	core_world_deinit(&l.w);
}

static void what_is_cut_is_malformed_and_what_is_new_is_taken(void **state)
{
	struct limited l;
	struct kith_journal_entry e;
	char line[160];
	(void)state;
	talk(&l);
	for (size_t len = 0; len < KITH_RELAY_LIMITED_BODY; len++) {
		relay_says(&l, l.hop.tunnel, KITH_RELAY_LIMIT_OWNER, len, 1);
		assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), len + 1);
	}
	/* No tunnel is no tunnel: a direct path over the same address is not what a relay may speak of. */
	relay_says(&l, 0, KITH_RELAY_LIMIT_OWNER, KITH_RELAY_LIMITED_BODY, 1);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), KITH_RELAY_LIMITED_BODY + 1);
	assert_int_equal(rows(&l, NULL), 0);
	world_run(&l.w, WORD_GAP_US);
	relay_says(&l, l.hop.tunnel, 77, KITH_RELAY_LIMITED_BODY + 3, 1); /* appended fields, another limit */
	assert_int_equal(rows(&l, &e), 1);
	assert_non_null(strstr(kith_journal_describe(&e, line, sizeof line), ": over a limit not known"));
	core_world_deinit(&l.w);
}

static void a_flood_is_heard_at_a_rate_and_makes_one_row(void **state)
{
	struct limited l;
	(void)state;
	talk(&l);
	uint64_t searched = 2 * KITH_GONE_PER_S;
	relay_says(&l, l.hop.tunnel, KITH_RELAY_LIMIT_OWNER, KITH_RELAY_LIMITED_BODY, 1000);
	assert_true(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED) >= searched);
	assert_true(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED) <= searched + 1);
	assert_true(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_RATE_LIMITED) >= 1000 - searched - 1);
	assert_int_equal(rows(&l, NULL), 1);
	/* It costs another relay none of its words. */
	int other = (l.relay + 1) % 3;
	say(&l.w, other, infrastructure(&l.w, other, WORLD_ALICE), 5, KITH_RELAY_LIMIT_OWNER, KITH_RELAY_LIMITED_BODY,
	    1);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_RELAY_LIMITED_UNKNOWN), 1);
	core_world_deinit(&l.w);
}

/* There a search looks at many sessions: however many relays speak, it is made so often. */
static void at_a_supernode_all_relays_share_one_rate(void **state)
{
	struct limited l;
	(void)state;
	talk(&l);
	for (int from = 1; from <= 2; from++)
		say(&l.w, from, infrastructure(&l.w, from, 0), 5, KITH_RELAY_LIMIT_OWNER, KITH_RELAY_LIMITED_BODY, 200);
	uint64_t heard = world_stat(&l.w, 0, KITH_STAT_RELAY_LIMITED_UNKNOWN);
	assert_true(heard >= 2 * KITH_GONE_PER_S && heard <= 2 * KITH_GONE_PER_S + 1);
	assert_int_equal(world_stat(&l.w, 0, KITH_STAT_DROP_RATE_LIMITED), 400 - heard);
	core_world_deinit(&l.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_limited_is_told_once_a_second),
		cmocka_unit_test(which_limit_it_is_can_be_read),
		cmocka_unit_test(who_is_not_confirmed_is_not_told),
		cmocka_unit_test(a_lasting_limit_is_written_down_ever_more_seldom),
		cmocka_unit_test(a_peer_and_a_leaf_have_nothing_to_say_of_relays),
		cmocka_unit_test(a_tunnel_that_nobody_uses_is_counted_and_no_more),
		cmocka_unit_test(what_is_cut_is_malformed_and_what_is_new_is_taken),
		cmocka_unit_test(a_flood_is_heard_at_a_rate_and_makes_one_row),
		cmocka_unit_test(at_a_supernode_all_relays_share_one_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
