/* Watchers are told what there is, and nobody else is. */
#include "core_world.h"

#include "base/limits.h"
#include "core/settle.h"
#include "leaf/leaf.h"
#include "super/interests.h"
#include "super/notify.h"
#include "super/query.h"
#include "super/replica.h"

/* Counts packets from one node to another that are long enough to hold a record. */
struct counted {
	int from, to, n;
};

static int count_tap(struct core_world *w, struct world_packet *p)
{
	struct counted *c = w->tap_ctx;
	c->n += p->len > 500 && kith_addr_equal(&p->from, &w->nodes[c->from].addr) &&
		kith_addr_equal(&p->to, &w->nodes[c->to].addr);
	return 1;
}

/* One home for both: carol's coming is told to alice, and later to bob, who watches what the home watches already. */
static void a_further_watcher_is_told_what_there_is_and_nobody_else_is(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ "alice", "bob", "carol", NULL });
	assert_int_equal(kith_core_watch(w.nodes[1].core, world_clock(&w), "carol"), 0);
	world_drain(&w, 1);
	world_run(&w, 10 * KITH_US_PER_S);
	const struct world_event *ev = world_event(&w, 1, KITH_EVENT_PRESENCE, 0);
	assert_non_null(ev);
	assert_true(ev->ev.online);
	struct counted to_alice = { 0, 1, 0 };
	w.tap = count_tap;
	w.tap_ctx = &to_alice;
	int since = w.events_n;
	assert_int_equal(kith_core_watch(w.nodes[2].core, world_clock(&w), "carol"), 0);
	world_drain(&w, 2);
	world_run(&w, 2 * KITH_US_PER_S);
	ev = world_event(&w, 2, KITH_EVENT_PRESENCE, since);
	assert_non_null(ev);
	assert_true(ev->ev.online);
	assert_int_equal(to_alice.n, 0);
	core_world_deinit(&w);
}

/* Under load carol's news of five seconds reach alice as one, within the time that they may wait; nothing is lost. */
static void under_load_news_wait_and_the_newest_goes_out(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ "alice", "carol", NULL });
	assert_int_equal(kith_core_watch(w.nodes[1].core, world_clock(&w), "carol"), 0);
	world_drain(&w, 1);
	world_run(&w, 10 * KITH_US_PER_S);
	struct kith_supernode *sn = w.nodes[0].core->super;
	sn->overload.level = KITH_OVERLOAD_PRESENCE;
	sn->load.told.busy_permille = 910;
	sn->load.told_at = w.now + 86400 * KITH_US_PER_S;
	world_run(&w, 6 * KITH_US_PER_S); /* the figures are looked at */
	struct counted to_alice = { 0, 1, 0 };
	w.tap = count_tap;
	w.tap_ctx = &to_alice;
	int since = w.events_n;
	for (int i = 0; i < 5; i++) { /* five records in five seconds */
		w.nodes[2].core->leaf.publish_at = w.now;
		kith_leaf_tick(w.nodes[2].core);
		kith_core_tick(w.nodes[2].core, world_clock(&w));
		world_drain(&w, 2);
		world_run(&w, KITH_US_PER_S);
	}
	assert_int_equal(to_alice.n, 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(to_alice.n, 1);
	/* The news that count most: she goes. */
	kith_core_leave(w.nodes[2].core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, 2);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_null(world_event(&w, 1, KITH_EVENT_PRESENCE, since));
	world_run(&w, 12 * KITH_US_PER_S);
	const struct world_event *ev = world_event(&w, 1, KITH_EVENT_PRESENCE, since);
	assert_non_null(ev);
	assert_false(ev->ev.online);
	core_world_deinit(&w);
}

/* Forty watch the first one, and there are 32 packets: nobody waits until his notice would be repeated. */
static void all_watchers_are_told_at_once_also_when_there_are_more_of_them_than_packets(void **state)
{
	enum { LEAVES = 41 };
	struct core_world w;
	(void)state;
	core_world_init_with(&w, kith_suite_sim(), 1, 32);
	world_start(&w, "s0", true);
	world_run(&w, 10 * KITH_US_PER_S);
	for (int i = 1; i <= LEAVES; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i);
		world_start(&w, name, false);
		world_run(&w, KITH_US_PER_S);
		if (i == 1)
			continue;
		assert_int_equal(kith_core_watch(w.nodes[i].core, world_clock(&w), "n1"), 0);
		world_drain(&w, i);
	}
	world_run(&w, 20 * KITH_US_PER_S);
	int since = w.events_n, told = 0;
	kith_time_us first = KITH_TIME_NEVER, last = 0;
	kith_core_leave(w.nodes[1].core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, 1);
	world_run(&w, 2 * KITH_US_PER_S);
	for (int i = since; i < w.events_n; i++) {
		const struct world_event *e = &w.events[i];
		if (e->ev.type != KITH_EVENT_PRESENCE || e->ev.online)
			continue;
		told++;
		first = e->at < first ? e->at : first;
		last = e->at;
	}
	assert_int_equal(told, LEAVES - 1);
	assert_in_range(last - first, 0, 20 * KITH_US_PER_MS);
	core_world_deinit(&w);
}

/* The homes are replicas of the key beside each other: one could hear from the other what it must tell by itself. */
static int to_alice_only(struct core_world *w, struct world_packet *p)
{
	return world_node_at(w, &p->to) == WORLD_FAR_ALICE;
}

/* A home does not watch at itself. Bob's goodbye comes to alice's home as to a replica, and to nobody else. */
static void a_home_that_is_a_replica_of_a_key_tells_its_own_leaves(void **state)
{
	struct core_world w;
	struct kith_record record;
	(void)state;
	world_far_apart(&w);
	struct world_node *alice = &w.nodes[WORLD_FAR_ALICE], *bob = &w.nodes[WORLD_FAR_BOB];
	bob->core->presence = KITH_PRESENCE_PUBLIC; /* alice is not his contact */
	assert_int_equal(kith_core_watch(alice->core, world_clock(&w), "bob"), 0);
	world_drain(&w, WORLD_FAR_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	bob->muted = true;
	kith_core_leave(bob->core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, WORLD_FAR_BOB);
	assert_int_equal(kith_record_parse(&record, kith_blob_span(bob->core->leaf.record)), 0);
	assert_true(record.flags & KITH_RECORD_OFFLINE);
	w.tap = to_alice_only;
	int since = w.events_n, told = 0;
	for (int i = 0; i < 6; i++) {
		struct kith_core *c = w.nodes[i].core;
		if (kith_watches_count(&c->super->interests, &record.key) == 0)
			continue;
		told++;
		assert_true(kith_replicas_near(&c->super->members, &record.key, &c->super->id));
		kith_core_enter(c, world_clock(&w));
		kith_replica_take(c, &record);
		kith_core_settle(c);
		world_drain(&w, i);
	}
	assert_int_equal(told, KITH_SUBSCRIPTIONS);
	world_run(&w, KITH_US_PER_S);
	const struct world_event *ev = world_event(&w, WORLD_FAR_ALICE, KITH_EVENT_PRESENCE, since);
	assert_non_null(ev);
	assert_false(ev->ev.online);
	core_world_deinit(&w);
}

/* ---- what other supernodes make up ---- */

enum { SUPERNODES = 4, CAROL = SUPERNODES, WATCHERS = 5 };

struct fan {
	struct core_world w;
	struct kith_id key; /* carol's */
	struct kith_blob *record; /* hers, as the homes know it */
	uint64_t in, out; /* bytes of notices told by a supernode, and of packets to leaves */
};

static int fan_tap(struct core_world *w, struct world_packet *p)
{
	struct fan *f = w->tap_ctx;
	if (world_node_at(w, &p->from) < SUPERNODES && world_node_at(w, &p->to) >= SUPERNODES)
		f->out += p->len;
	return 1;
}

/* Five leaves watch carol, who has three homes of four. */
static void fan_init(struct fan *f)
{
	struct core_world *w = &f->w;
	world_network(w, kith_suite_sodium(), 1, SUPERNODES,
		      (const char *const[]){ "carol", "v", "w", "x", "y", "z", NULL });
	for (int i = 1; i <= WATCHERS; i++) {
		assert_int_equal(kith_core_watch(w->nodes[CAROL + i].core, world_clock(w), "carol"), 0);
		world_drain(w, CAROL + i);
	}
	world_run(w, 20 * KITH_US_PER_S);
	f->record = w->nodes[CAROL].core->leaf.record;
	kith_ids_directory(w->pki.suite, &f->key, &w->nodes[0].core->self.network, "carol");
	for (int i = 1; i <= WATCHERS; i++)
		assert_true(w->nodes[CAROL + i].core->watched[0].online);
	f->in = f->out = 0;
	w->tap = fan_tap;
	w->tap_ctx = f;
}

static int homes_of(const struct fan *f, int home)
{
	uint32_t refs[WATCHERS];
	return (int)kith_watches_of(&f->w.nodes[home].core->super->interests, &f->key, 0, refs, WATCHERS);
}

/* A supernode tells every home with watchers of it; whether it is still heard. */
static bool tell(struct fan *f, int from, const struct kith_msg_notice *m)
{
	struct core_world *w = &f->w;
	bool heard = true;
	uint8_t body[KITH_REQUEST_MAX];
	for (int home = 0; home < SUPERNODES; home++) {
		struct kith_core *c = w->nodes[home].core;
		struct kith_session *s = kith_sessions_of(&c->sessions, w->nodes[from].core->self.dh_pk);
		if (home == from || homes_of(f, home) == 0)
			continue;
		heard = heard && s != NULL;
		if (s == NULL)
			continue;
		kith_core_tick(c, world_clock(w));
		world_drain(w, home);
		kith_outbox_claim(&w->shared->outbox, c, c->stats);
		kith_notify_pass_on(c, s, m);
		f->in += kith_msg_notice_write(body, sizeof body, m);
		kith_core_tick(c, world_clock(w));
		world_drain(w, home);
	}
	return heard;
}

/* A report by `signer` in the name of `home`, of carol's record or one so much later. */
static bool tell_report(struct fan *f, int from, int home, int signer, uint64_t later, int64_t at_ms)
{
	struct core_world *w = &f->w;
	struct kith_record r;
	struct kith_vanish v = { .key = f->key, .at_ms = at_ms };
	uint8_t bytes[KITH_VANISH_LEN_MAX];
	assert_int_equal(kith_record_parse(&r, kith_blob_span(f->record)), 0);
	v.device = r.device;
	v.seq = r.seq + later;
	memcpy(v.home.b, w->nodes[home].core->self.sign_pk, sizeof v.home.b);
	int len = kith_vanish_make(w->pki.suite, bytes, &v, w->nodes[signer].core->self.sign_sk);
	assert_true(len > 0);
	const struct kith_span span = test_span(bytes, (size_t)len);
	const struct kith_msg_notice m = { .has_key = true, .key = f->key, .vanished = { &span, 1 } };
	return tell(f, from, &m);
}

/* Whether the supernode is one of carol's homes. */
static bool is_home(const struct fan *f, int node)
{
	uint8_t tag[KITH_HOME_TAG_LEN];
	struct kith_record r;
	struct kith_key sign;
	bool found = false;
	assert_int_equal(kith_record_parse(&r, kith_blob_span(f->record)), 0);
	assert_int_equal(r.homes_n, KITH_HOMES);
	memcpy(sign.b, f->w.nodes[node].core->self.sign_pk, sizeof sign.b);
	kith_home_tag(f->w.pki.suite, tag, &sign);
	for (int i = 0; i < r.homes_n; i++)
		found = found || memcmp(tag, r.homes[i].tag, sizeof tag) == 0;
	return found;
}

static int some(const struct fan *f, bool home)
{
	int i = 0;
	while (is_home(f, i) != home)
		i++;
	assert_true(i < SUPERNODES);
	return i;
}

static uint64_t refused(const struct fan *f)
{
	uint64_t n = 0;
	for (int i = 0; i < SUPERNODES; i++)
		n += world_stat(&f->w, i, KITH_STAT_VANISH_REFUSED);
	return n;
}

static void assert_all_see_carol(struct fan *f)
{
	world_run(&f->w, 2 * KITH_US_PER_S);
	for (int i = 1; i <= WATCHERS; i++)
		assert_true(f->w.nodes[CAROL + i].core->watched[0].online);
}

static void forged_reports_are_told_to_nobody(void **state)
{
	static struct fan f;
	(void)state;
	fan_init(&f);
	int64_t now_ms = world_clock(&f.w).unix_ms;
	int liar = some(&f, false), home = some(&f, true);
	for (int i = 0; i < 100; i++) {
		assert_true(tell_report(&f, liar, liar, liar, 0, now_ms + i)); /* it is no home of hers */
		assert_true(tell_report(&f, liar, home, home, 1 + (uint64_t)i, now_ms)); /* of no record there is */
		assert_true(tell_report(&f, liar, home, home, 0, now_ms - 3600000 - i)); /* of before the record */
	}
	assert_true(refused(&f) >= 300);
	for (int i = 0; i < 200 && tell_report(&f, liar, home, liar, 0, now_ms + i); i++)
		;
	assert_false(tell_report(&f, liar, home, liar, 0, now_ms)); /* who forges signatures is cut off */
	print_message("%llu bytes of forged reports: %llu bytes to %d watchers\n", (unsigned long long)f.in,
		      (unsigned long long)f.out, WATCHERS);
	assert_int_equal(f.out, 0);
	assert_all_see_carol(&f);
	core_world_deinit(&f.w);
}

/* One home of three lies, well signed: each watcher hears of it once, and believes two. */
static void a_home_that_lies_is_told_once_and_not_believed(void **state)
{
	static struct fan f;
	(void)state;
	fan_init(&f);
	int64_t now_ms = world_clock(&f.w).unix_ms;
	int liar = some(&f, true), other = some(&f, false);
	for (int i = 0; i < 50; i++)
		assert_true(tell_report(&f, other, liar, liar, 0, now_ms + i));
	world_run(&f.w, KITH_US_PER_S);
	assert_true(f.out > 0 && f.out < WATCHERS * 2 * KITH_UDP_PAYLOAD);
	assert_all_see_carol(&f);
	for (int i = 0; i < SUPERNODES; i++) { /* and the second one is */
		if (i != liar && is_home(&f, i))
			(void)tell_report(&f, other, i, i, 0, now_ms);
	}
	world_run(&f.w, KITH_US_PER_S);
	for (int i = 1; i <= WATCHERS; i++)
		assert_false(f.w.nodes[CAROL + i].core->watched[0].online);
	core_world_deinit(&f.w);
}

/* Records of the last minutes hold still, and were told: one after the other they would push out what is remembered. */
static void old_records_are_told_to_nobody_again(void **state)
{
	static struct fan f;
	struct kith_blob *old[KITH_WATCH_TOLD + 2];
	(void)state;
	fan_init(&f);
	struct core_world *w = &f.w;
	struct kith_core *carol = w->nodes[CAROL].core;
	for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
		old[i] = kith_blob_ref(carol->leaf.record);
		carol->leaf.publish_at = w->now;
		kith_leaf_tick(carol);
		kith_core_tick(carol, world_clock(w));
		world_drain(w, CAROL);
		world_run(w, KITH_US_PER_S);
	}
	f.in = f.out = 0;
	for (size_t i = 0; i < 20 * sizeof old / sizeof old[0]; i++) {
		const struct kith_span span = kith_blob_span(old[i % (sizeof old / sizeof old[0])]);
		const struct kith_msg_notice m = { .has_key = true, .key = f.key, .records = { &span, 1 } };
		assert_true(tell(&f, some(&f, false), &m));
	}
	assert_int_equal(f.out, 0);
	for (size_t i = 0; i < sizeof old / sizeof old[0]; i++)
		kith_blob_unref(&w->shared->blobs, old[i]);
	core_world_deinit(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forged_reports_are_told_to_nobody),
		cmocka_unit_test(a_home_that_lies_is_told_once_and_not_believed),
		cmocka_unit_test(old_records_are_told_to_nobody_again),
		cmocka_unit_test(under_load_news_wait_and_the_newest_goes_out),
		cmocka_unit_test(all_watchers_are_told_at_once_also_when_there_are_more_of_them_than_packets),
		cmocka_unit_test(a_home_that_is_a_replica_of_a_key_tells_its_own_leaves),
		cmocka_unit_test(a_further_watcher_is_told_what_there_is_and_nobody_else_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
