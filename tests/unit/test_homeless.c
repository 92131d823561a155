/* Why a leaf has no home, told within five seconds; and attachments that end right away, which are tried calmly. */
#include "leaf_world.h"

#include "leaf/homeless.h"

static const struct world_event *told(const struct core_world *w, int node, enum kith_event_type type, int since)
{
	for (int i = since; i < w->events_n; i++)
		if (w->events[i].node == node && w->events[i].ev.type == type)
			return &w->events[i];
	return NULL;
}

/* Three supernodes, and a leaf that is about to start. */
static int prepare(struct core_world *w, struct kith_core_options *o)
{
	core_world_init(w, kith_suite_sodium(), 1);
	for (int k = 0; k < 3; k++) {
		char name[] = { 's', (char)('0' + k), '\0' };
		world_start(w, name, true);
	}
	world_run(w, 10 * KITH_US_PER_S);
	int leaf = world_add(w, "alice", false);
	world_options(w, leaf, o);
	return leaf;
}

/* What the leaf says five seconds after its start; it is not said again as long as nothing changes. */
static struct kith_homeless reason(struct core_world *w, int leaf, const struct kith_core_options *o)
{
	struct kith_core_info info;
	int since = w->events_n;
	assert_int_equal(world_try_start(w, leaf, o), 0);
	world_run(w, 4900 * KITH_US_PER_MS);
	kith_core_info(w->nodes[leaf].core, &info);
	assert_int_equal(info.homeless.err, 0);
	world_run(w, 200 * KITH_US_PER_MS);
	kith_core_info(w->nodes[leaf].core, &info);
	const struct world_event *e = told(w, leaf, KITH_EVENT_HOMELESS, since);
	assert_non_null(e);
	assert_int_equal(e->ev.err, info.homeless.err);
	since = w->events_n;
	world_run(w, 60 * KITH_US_PER_S);
	assert_null(told(w, leaf, KITH_EVENT_HOMELESS, since));
	return info.homeless;
}

static void silence_is_told_and_how_many_are_silent(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	int leaf = prepare(&w, &o);
	for (int k = 0; k < 3; k++)
		w.nodes[k].muted = true;
	struct kith_homeless why = reason(&w, leaf, &o);
	assert_int_equal(why.err, KITH_ETIMEDOUT);
	assert_int_equal(why.hosts, 3);
	assert_int_equal(why.silent, 3);
	/* It ends with the first home, and begins anew when all are lost. */
	for (int k = 0; k < 3; k++)
		w.nodes[k].muted = false;
	world_run(&w, 130 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, leaf), 3);
	struct kith_core_info info;
	kith_core_info(w.nodes[leaf].core, &info);
	assert_int_equal(info.homeless.err, 0);
	int since = w.events_n;
	for (int k = 0; k < 3; k++)
		w.nodes[k].muted = true;
	world_run(&w, 120 * KITH_US_PER_S);
	assert_non_null(told(&w, leaf, KITH_EVENT_HOMELESS, since));
	core_world_deinit(&w);
}

static void a_node_that_knows_nobody_says_so(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	int leaf = prepare(&w, &o);
	o.bootstrap_n = 0;
	assert_int_equal(reason(&w, leaf, &o).err, KITH_ENOENT);
	core_world_deinit(&w);
}

static void a_wrong_network_is_told(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	struct kith_bootstrap hosts[3];
	struct kith_simpki other;
	(void)state;
	int leaf = prepare(&w, &o);
	kith_simpki_init(&other, kith_suite_sodium(), 99, WORLD_UNIX_MS / 1000);
	kith_simpki_issue(&other, 9, "alice", false, &w.nodes[leaf].id);
	world_options(&w, leaf, &o);
	o.root = &other.root.pk;
	memcpy(hosts, o.bootstrap, sizeof hosts);
	o.bootstrap = hosts;
	struct kith_homeless why = reason(&w, leaf, &o); /* one is asked for its key, two are greeted */
	assert_int_equal(why.err, KITH_ENETWORK);
	assert_int_equal(why.network, 3);
	core_world_deinit(&w);
}

/* An address whose supernode has another key now. */
static void a_key_that_is_not_theirs_is_told(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	struct kith_bootstrap hosts[3];
	(void)state;
	int leaf = prepare(&w, &o);
	memcpy(hosts, o.bootstrap, sizeof hosts);
	for (int k = 0; k < 3; k++) {
		hosts[k].has_key = true;
		hosts[k].key = w.nodes[leaf].id.device_dh;
		hosts[k].key.b[1] ^= (uint8_t)(k + 1);
	}
	o.bootstrap = hosts;
	struct kith_homeless why = reason(&w, leaf, &o);
	assert_int_equal(why.err, KITH_ENETWORK);
	assert_int_equal(why.network, 3);
	core_world_deinit(&w);
}

/* Our certificates are refused by hosts that revoked us; we have not heard of that. */
static void certificates_that_are_refused_are_told(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	int leaf = prepare(&w, &o);
	for (int k = 0; k < 3; k++)
		w.nodes[k].skew_ms = INT64_C(1000) * 86400 * 300; /* for them we have expired, and they have not */
	(void)leaf;
	world_run(&w, 10 * KITH_US_PER_S);
	struct kith_homeless why = reason(&w, leaf, &o);
	assert_int_equal(why.err, KITH_EREJECTED);
	assert_true(why.rejected > 0);
	core_world_deinit(&w);
}

static void another_version_is_told(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	int leaf = prepare(&w, &o);
	assert_int_equal(world_try_start(&w, leaf, &o), 0);
	/* Three that speak version 2 only: they answer our HELLOs so. */
	struct kith_core *c = w.nodes[leaf].core;
	for (int k = 0; k < 3; k++)
		w.nodes[k].muted = true;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		world_run(&w, 600 * KITH_US_PER_MS); /* the next one is tried when the one before has not answered */
		uint8_t packet[KITH_PACKET_HEADROOM + KITH_VERSION_PACKET_LEN];
		struct kith_packet in = { .data = packet + KITH_PACKET_HEADROOM, .len = KITH_VERSION_PACKET_LEN };
		kith_version_write(in.data, c->leaf.homes[i].session, KITH_WHY_VERSION);
		in.data[1] = in.data[2] = KITH_WIRE_VERSION + 1;
		in.remote = c->leaf.homes[i].host.endpoints[0].addr;
		kith_core_input(c, world_clock(&w), &in, 1);
		world_drain(&w, leaf);
	}
	world_run(&w, 5 * KITH_US_PER_S);
	struct kith_core_info info;
	kith_core_info(c, &info);
	assert_int_equal(info.homeless.err, KITH_EVERSION);
	assert_int_equal(info.homeless.version, 3);
	/* That was a lie: nothing is held against them. */
	for (int k = 0; k < 3; k++)
		w.nodes[k].muted = false;
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, leaf), 3);
	core_world_deinit(&w);
}

/* HELLOs of a leaf that are sent in a time. */
static int hello_tap(struct core_world *w, struct world_packet *p)
{
	unsigned *n = w->tap_ctx;
	int from = world_node_at(w, &p->from);
	if (from >= 3 && p->data[KITH_PACKET_HEADROOM] == KITH_PKT_HELLO)
		n[from - 3]++;
	return 1;
}

/* The same profile runs at two addresses: each takes the other's homes. */
static void one_profile_at_two_places_is_told_at_both_and_stays_calm(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	unsigned hellos[2] = { 0, 0 };
	(void)state;
	int first = prepare(&w, &o);
	assert_int_equal(world_try_start(&w, first, &o), 0);
	world_run(&w, 120 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, first), 3);
	int second = w.n++;
	w.nodes[second] = w.nodes[first];
	w.nodes[second].addr = world_addr(second);
	world_options(&w, second, &o);
	assert_int_equal(world_try_start(&w, second, &o), 0);
	world_run(&w, 300 * KITH_US_PER_S);
	for (int k = 0; k < 2; k++) {
		const struct world_event *e = told(&w, first + k, KITH_EVENT_ATTACH_FAILING, 0);
		assert_non_null(e);
		assert_int_equal(e->ev.err, KITH_EEXIST);
	}
	w.tap = hello_tap;
	w.tap_ctx = hellos;
	world_run(&w, 600 * KITH_US_PER_S);
	assert_true(hellos[0] + hellos[1] > 0);
	assert_true(hellos[0] <= 2 * 10 && hellos[1] <= 2 * 10); /* an attempt a minute, of at most two packets */
	/* One of them ends: the other has its homes again. */
	world_stop(&w, first);
	world_run(&w, 300 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, second), 3);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_told_and_how_many_are_silent),
		cmocka_unit_test(a_node_that_knows_nobody_says_so),
		cmocka_unit_test(a_wrong_network_is_told),
		cmocka_unit_test(a_key_that_is_not_theirs_is_told),
		cmocka_unit_test(certificates_that_are_refused_are_told),
		cmocka_unit_test(another_version_is_told),
		cmocka_unit_test(one_profile_at_two_places_is_told_at_both_and_stays_calm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
