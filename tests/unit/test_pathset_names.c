/* Which name the packets on each path carry, and who can make a session use names up. */
#include "path_world.h"

enum { FIRST = 100, SPARE = 200, FRESH = 300 };

static uint64_t new_name(const struct kith_path_env *env)
{
	(void)env;
	return FRESH;
}

/* A leaf's session to its home, with a spare name of the home's. */
static struct world *named(void)
{
	struct world *w = w_leaf_and_home(1);
	w->node[0].env.new_name = new_name;
	kith_pathset_name(&w->node[0].ps, FIRST, SPARE);
	return w;
}

static uint64_t name_now(const struct world *w)
{
	return kith_pathset_name_on(&w->node[0].ps, &w->node[0].ps.first.hop);
}

static bool tells(struct world *w)
{
	uint8_t bytes[KITH_NAME_ROOM];
	struct kith_writer wr = kith_writer_of(bytes, sizeof bytes);
	struct w_node *n = &w->node[0];
	kith_pathset_tell_name(&n->ps, test_at(&n->env, w->now), &n->ps.first.hop, &wr);
	return kith_writer_len(&wr) > 0;
}

static int hear(struct world *w, uint8_t type, uint64_t name, size_t len, bool renewed)
{
	uint8_t body[8];
	struct w_node *n = &w->node[0];
	struct kith_writer wr = kith_writer_of(body, sizeof body);
	kith_write_u64(&wr, name);
	n->env.renewed = renewed;
	const struct kith_frame f = { type, test_span(body, len) };
	return kith_pathset_on_frame(&n->ps, test_at(&n->env, w->now), &n->ps.first.hop, &f);
}

static void a_spare_name_serves_one_move(void **state)
{
	(void)state;
	struct world *w = named();
	assert_false(tells(w));
	kith_pathset_moved(&w->node[0].ps, w_transports(), W_TRANSPORT + 1); /* nothing of this session goes there */
	assert_int_equal(name_now(w), FIRST);
	kith_pathset_moved(&w->node[0].ps, w_transports(), W_TRANSPORT);
	assert_int_equal(name_now(w), SPARE);
	assert_true(tells(w));
	kith_pathset_moved(&w->node[0].ps, w_transports(), W_TRANSPORT);
	assert_int_equal(name_now(w), SPARE); /* there is none: it tells its own all the same */
	assert_true(tells(w));
	w_free(w);
}

/* Sockets that were opened for a punch are where the others are: one spare serves them all, and both families. */
static void what_moves_along_is_renamed_too(void **state)
{
	enum { PUNCH = W_TRANSPORT + 5, OTHER = W_TRANSPORT + 6 };
	(void)state;
	struct world *w = named();
	struct w_node *n = &w->node[0];
	struct kith_transport_kept at[] = {
		{ .id = W_TRANSPORT, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4 },
		{ .id = PUNCH, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4, .purpose = KITH_PURPOSE_PUNCH },
		{ .id = OTHER, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V6 },
	};
	const struct kith_transports ts = { .at = at, .n = 3, .cap = 3 };
	const struct kith_hop punch = { .remote = w_addr(71, 1, 1, 1, 999), .transport = PUNCH };
	const struct kith_hop other = { .remote = w_addr(72, 1, 1, 1, 999), .transport = OTHER };
	n->ps.spare = 0; /* or the first path through another transport takes it */
	assert_int_equal(kith_pathset_add(&n->ps, test_at(&n->env, w->now), &punch), 0);
	assert_int_equal(kith_pathset_add(&n->ps, test_at(&n->env, w->now), &other), 0);
	n->ps.spare = SPARE;
	kith_pathset_moved(&n->ps, &ts, W_TRANSPORT);
	assert_int_equal(name_now(w), SPARE);
	assert_int_equal(kith_pathset_name_on(&n->ps, &punch), SPARE);
	assert_int_equal(kith_pathset_name_on(&n->ps, &other), FIRST);
	kith_pathset_moved(&n->ps, &ts, OTHER);
	assert_int_equal(kith_pathset_name_on(&n->ps, &other), SPARE);
	kith_outbox_drop(&n->outbox);
	w_free(w);
}

static void a_spare_is_taken_when_it_was_waited_for(void **state)
{
	(void)state;
	struct world *w = named();
	assert_int_equal(hear(w, KITH_FRAME_SPARE, 7, 8, true), 0); /* nothing was told */
	assert_int_equal(w->node[0].ps.spare, SPARE);
	kith_pathset_moved(&w->node[0].ps, w_transports(), W_TRANSPORT);
	assert_int_equal(hear(w, KITH_FRAME_SPARE, 7, 8, false), 0); /* answers what was told before the move */
	assert_int_equal(w->node[0].ps.spare, 0);
	assert_true(tells(w));
	assert_int_equal(hear(w, KITH_FRAME_SPARE, 8, 8, true), 0);
	assert_int_equal(w->node[0].ps.spare, 8);
	assert_false(tells(w));
	w_free(w);
}

static void a_name_that_is_told_is_used_and_one_that_is_none_is_malformed(void **state)
{
	(void)state;
	struct world *w = named();
	for (size_t len = 0; len < 8; len++)
		assert_int_equal(hear(w, KITH_FRAME_NAME, 9, len, true), KITH_EPROTO);
	assert_int_equal(hear(w, KITH_FRAME_NAME, 0, 8, true), KITH_EPROTO);
	assert_int_equal(name_now(w), FIRST);
	assert_int_equal(hear(w, KITH_FRAME_NAME, 9, 8, true), 0);
	assert_int_equal(name_now(w), 9);
	assert_int_equal(w->node[0].ps.spare, SPARE);
	w_free(w);
}

/* Whoever repeats a genuine packet from elsewhere makes a path, but uses no name up. */
static void only_a_path_of_ones_own_takes_the_spare(void **state)
{
	(void)state;
	struct world *w = named();
	struct w_node *n = &w->node[0];
	struct kith_hop stranger = { .remote = w_addr(70, 1, 1, 1, 999), .transport = W_TRANSPORT + 1 };
	struct kith_hop own = { .remote = w_addr(71, 1, 1, 1, 999), .transport = W_TRANSPORT + 2 };
	kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &stranger, 1000, false, 60);
	assert_int_equal(kith_pathset_count(&n->ps), 2);
	assert_int_equal(kith_pathset_name_on(&n->ps, &stranger), FIRST);
	assert_int_equal(n->ps.spare, SPARE);
	assert_int_equal(kith_pathset_add(&n->ps, test_at(&n->env, w->now), &own), 0);
	assert_int_equal(kith_pathset_name_on(&n->ps, &own), SPARE);
	assert_int_equal(n->ps.spare, 0);
	kith_outbox_drop(&n->outbox);
	w_free(w);
}

/* The other side moved twice, and the first way is still the sending one: what is told on the second holds for the
 * third as well, or whoever sees both would know it again. */
static void a_new_hop_is_named_like_the_one_that_was_heard_last(void **state)
{
	(void)state;
	enum { TOLD = 400 };
	struct world *w = named();
	struct w_node *n = &w->node[0];
	const struct kith_hop second = { .remote = w_addr(70, 1, 1, 1, 999), .transport = W_TRANSPORT };
	const struct kith_hop third = { .remote = w_addr(71, 1, 1, 1, 999), .transport = W_TRANSPORT };
	uint8_t body[8];
	struct kith_writer wr = kith_writer_of(body, sizeof body);
	kith_write_u64(&wr, TOLD);
	const struct kith_frame name = { KITH_FRAME_NAME, test_span(body, sizeof body) };
	w->now += S;
	kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &second, 1000, false, 60);
	assert_int_equal(kith_pathset_name_on(&n->ps, &second), FIRST);
	assert_int_equal(kith_pathset_on_frame(&n->ps, test_at(&n->env, w->now), &second, &name), 0);
	w->now += S;
	kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &third, 1001, false, 60);
	assert_int_equal(kith_pathset_name_on(&n->ps, &third), TOLD);
	assert_int_equal(name_now(w), FIRST);
	w_drain(w, 0);
	w_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spare_name_serves_one_move),
		cmocka_unit_test(what_moves_along_is_renamed_too),
		cmocka_unit_test(a_spare_is_taken_when_it_was_waited_for),
		cmocka_unit_test(a_name_that_is_told_is_used_and_one_that_is_none_is_malformed),
		cmocka_unit_test(only_a_path_of_ones_own_takes_the_spare),
		cmocka_unit_test(a_new_hop_is_named_like_the_one_that_was_heard_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
