/* Somebody who watches every packet tries to find a node again that has moved to another network: by names of sessions,
 * by counters, and by equal bytes. What goes through tunnels is another matter (PROTOCOL.md, 16.4).
 */
#include "core_tap.h"

#include "base/alloc.h"

enum { SEEN_MAX = 60000, SAMPLE = 8, NEAR = 1000 };

struct seen {
	uint64_t name, hidden, sample; /* name, counter's field and first sealed bytes, as they are in the packet */
	int place; /* of the node that is watched */
};

struct watcher {
	int node; /* who is watched */
	int place; /* where it is: counts its moves */
	struct kith_addr at[128]; /* its addresses so far */
	struct seen *seen;
	int n;
	unsigned loss, twice, late; /* of 100 packets */
	struct test_random chance;
};

static uint64_t number_at(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | p[i];
	return v;
}

static void see(struct watcher *o, const struct world_packet *p)
{
	const uint8_t *data = p->data + KITH_PACKET_HEADROOM;
	if (data[0] != KITH_PKT_DATA || p->len < KITH_TRANSPORT_HEADER + SAMPLE)
		return;
	for (int place = 0; place <= o->place; place++) {
		if (!kith_addr_equal(&p->from, &o->at[place]) && !kith_addr_equal(&p->to, &o->at[place]))
			continue;
		assert_true(o->n < SEEN_MAX);
		o->seen[o->n++] = (struct seen){ number_at(data + 8, 8), number_at(data + 1, 7),
						 number_at(data + KITH_TRANSPORT_HEADER, SAMPLE), place };
		return;
	}
}

static int watch_tap(struct core_world *w, struct world_packet *p)
{
	struct watcher *o = w->tap_ctx;
	uint64_t r = test_random_next(&o->chance);
	see(o, p);
	if (r % 100 < o->loss)
		return 0;
	if (r / 100 % 100 < o->late)
		p->at += (kith_time_us)(r / 10000 % 60000);
	return r / 1000000000 % 100 < o->twice ? 2 : 1;
}

/* How many packets at later places say by themselves that they are of somebody who was at an earlier one. */
static unsigned links(const struct watcher *o)
{
	unsigned n = 0;
	for (int i = 0; i < o->n; i++) {
		for (int k = 0; k < o->n && o->seen[k].place < o->seen[i].place; k++) {
			const struct seen *a = &o->seen[k], *b = &o->seen[i];
			uint64_t ahead = b->hidden - a->hidden;
			if (a->name == b->name || a->sample == b->sample || ahead + NEAR <= 2 * NEAR) {
				n++;
				break;
			}
		}
	}
	return n;
}

/* The node is at another address, its host has said so, and others find it there. */
static void move(struct core_world *w, struct watcher *o, int node)
{
	struct kith_addr *addr = &w->nodes[node].addr;
	addr->ip[1]++;
	addr->ip[3] ^= 9;
	if (o->node == node)
		o->at[++o->place] = *addr;
	world_link(w, node, 0, true);
}

static void begin(struct watcher *o, struct core_world *w, int node, uint64_t seed)
{
	*o = (struct watcher){ .node = node, .seen = calloc(SEEN_MAX, sizeof *o->seen) };
	assert_non_null(o->seen);
	test_random_init(&o->chance, seed);
	o->at[0] = w->nodes[node].addr;
	w->tap = watch_tap;
	w->tap_ctx = o;
}

static unsigned finish(struct core_world *w, struct watcher *o)
{
	unsigned n = links(o), later = 0;
	for (int i = 0; i < o->n; i++)
		later += o->seen[i].place > 0;
	assert_true(later >= 10); /* it was seen again, if not recognised */
	w->tap = NULL;
	free(o->seen);
	return n;
}

static void a_leaf_that_moves_is_not_found_again_by_its_homes_packets(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct core_world w;
		struct watcher o;
		world_alice_and_bob(&w);
		begin(&o, &w, WORLD_ALICE, seed);
		o.loss = o.twice = o.late = seed > 2 ? 10 : 0;
		world_run(&w, 60 * KITH_US_PER_S);
		for (int i = 0; i < 3; i++) {
			move(&w, &o, WORLD_ALICE);
			world_run(&w, 90 * KITH_US_PER_S);
		}
		assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_CLOSED, 0), 0);
		assert_int_equal(finish(&w, &o), 0);
		core_world_deinit(&w);
	}
}

/* Data goes both ways all the time, so that packets are on their way at the moment of the move. */
static void talk(struct core_world *w, kith_session_id ours, kith_session_id theirs, kith_time_us us)
{
	for (kith_time_us t = 0; t < us; t += 10 * KITH_US_PER_MS) {
		(void)world_say(w, WORLD_ALICE, ours, "to bob", 6);
		(void)world_say(w, WORLD_BOB, theirs, "to alice", 8);
		world_run(w, 10 * KITH_US_PER_MS);
		if (w->events_n < WORLD_EVENTS / 2)
			continue;
		assert_null(world_event(w, WORLD_ALICE, KITH_EVENT_CLOSED, 0));
		w->events_n = 0;
	}
}

static void a_talk_goes_on_where_one_moves_or_both_do_and_is_not_found_again(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct core_world w;
		struct watcher o;
		kith_session_id theirs;
		world_alice_and_bob(&w);
		kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
		begin(&o, &w, WORLD_ALICE, seed);
		o.loss = o.twice = o.late = seed % 2 == 0 ? 5 : 0;
		talk(&w, ours, theirs, 5 * KITH_US_PER_S);
		for (int i = 0; i < 3; i++) {
			move(&w, &o, WORLD_ALICE);
			if (seed > 3)
				move(&w, &o, WORLD_BOB);
			talk(&w, ours, theirs, 8 * KITH_US_PER_S);
		}
		assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, 0));
		assert_int_equal(finish(&w, &o), 0);
		core_world_deinit(&w);
	}
}

static void fifty_moves_in_a_minute_use_fifty_names(void **state)
{
	struct core_world w;
	struct watcher o;
	(void)state;
	world_alice_and_bob(&w);
	begin(&o, &w, WORLD_ALICE, 1);
	for (int i = 0; i < 50; i++) {
		world_run(&w, 1200 * KITH_US_PER_MS);
		move(&w, &o, WORLD_ALICE);
	}
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(finish(&w, &o), 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_that_moves_is_not_found_again_by_its_homes_packets),
		cmocka_unit_test(a_talk_goes_on_where_one_moves_or_both_do_and_is_not_found_again),
		cmocka_unit_test(fifty_moves_in_a_minute_use_fifty_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
