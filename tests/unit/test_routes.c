/* The sessions of a tunnel are found by its number, at a cost that does not grow with the sessions there are; what has
 * come to nothing is not found, and does not pile up. */
#include "support.h"

#include "call/routes.h"
#include "session/sessions.h"

enum { SESSIONS = 4096, SLOTS_MAX = 32 /* of the table at load one half, however unlucky */ };

struct bare {
	struct kith_core c;
	struct kith_stats stats;
	struct test_alloc memory;
	struct test_random random;
	struct kith_session *s[SESSIONS];
};

static struct kith_hop hop_of(uint32_t relay, uint64_t tunnel)
{
	struct kith_hop hop = { .remote = { .family = KITH_FAMILY_V4, .port = 4 }, .tunnel = tunnel };
	memcpy(hop.remote.ip, &relay, 4);
	return hop;
}

static struct kith_session *talk_over(struct bare *b, uint32_t relay, uint64_t tunnel)
{
	struct kith_session *s = kith_sessions_new(&b->c.sessions, KITH_SESSION_OPEN);
	const struct kith_hop hop = hop_of(relay, tunnel);
	assert_non_null(s);
	s->use = KITH_USE_PEER;
	kith_pathset_init(&s->paths, 0, &hop, true, KITH_PATHSET_PEER);
	assert_true((s->paths.news & KITH_NEWS_TUNNEL) != 0);
	kith_routes_note(&b->c, s);
	return s;
}

static void bare_init(struct bare *b)
{
	memset(b, 0, sizeof *b);
	test_alloc_init(&b->memory);
	test_random_init(&b->random, 1);
	b->c.alloc = &b->memory.alloc;
	b->c.stats = &b->stats;
	b->c.env.alloc = b->c.alloc;
	kith_sessions_init(&b->c.sessions, b->c.alloc, &b->random.random, SESSIONS, 0);
	for (uint32_t i = 0; i < SESSIONS; i++)
		b->s[i] = talk_over(b, i % 3, 1 + i);
}

static void end(struct bare *b, struct kith_session **s)
{
	if (*s != NULL)
		kith_sessions_remove(&b->c.sessions, NULL, &b->c.env, *s);
	*s = NULL;
}

static void bare_deinit(struct bare *b)
{
	for (uint32_t i = 0; i < SESSIONS; i++)
		end(b, &b->s[i]);
	kith_routes_deinit(&b->c);
	kith_sessions_deinit(&b->c.sessions);
	test_alloc_check(&b->memory);
}

static uint32_t looked_at(const struct bare *b, const struct kith_hop *hop, const struct kith_session *found)
{
	uint32_t it = 0;
	assert_ptr_equal(kith_routes_next(&b->c, hop, &it), found);
	if (found != NULL)
		assert_null(kith_routes_next(&b->c, hop, &it));
	return it;
}

static void a_tunnel_is_found_among_thousands_in_a_few_steps(void **state)
{
	static struct bare b;
	uint64_t steps = 0;
	(void)state;
	bare_init(&b);
	for (uint32_t i = 0; i < SESSIONS; i++) {
		const struct kith_hop hop = hop_of(i % 3, 1 + i), absent = hop_of(i % 3, 1 + i + SESSIONS);
		uint32_t here = looked_at(&b, &hop, b.s[i]), not_here = looked_at(&b, &absent, NULL);
		assert_true(here <= SLOTS_MAX && not_here <= SLOTS_MAX);
		steps += here + not_here;
	}
	print_message("%.2f of %u slots are looked at for a tunnel of %d sessions\n", (double)steps / (2 * SESSIONS),
		      b.c.routes.cap, SESSIONS);
	assert_true(steps < 2 * 4 * SESSIONS);
	bare_deinit(&b);
}

static void a_number_at_another_address_finds_nothing(void **state)
{
	static struct bare b;
	(void)state;
	bare_init(&b);
	const struct kith_hop other = hop_of(1, 1);
	(void)looked_at(&b, &other, NULL);
	assert_true(kith_routes_through(&b.c, &other.remote));
	const struct kith_hop nobodys = hop_of(9, 1);
	assert_false(kith_routes_through(&b.c, &nobodys.remote));
	bare_deinit(&b);
}

static void two_sessions_in_one_tunnel_are_both_found(void **state)
{
	static struct bare b;
	(void)state;
	bare_init(&b);
	end(&b, &b.s[9]);
	b.s[9] = talk_over(&b, 1, 8); /* as the one with number 7 does */
	const struct kith_hop hop = hop_of(1, 8);
	uint32_t it = 0, found = 0;
	while (kith_routes_next(&b.c, &hop, &it) != NULL)
		found++;
	assert_int_equal(found, 2);
	bare_deinit(&b);
}

static void what_is_over_is_not_found_and_does_not_pile_up(void **state)
{
	static struct bare b;
	(void)state;
	bare_init(&b);
	uint32_t cap = b.c.routes.cap;
	for (uint32_t i = 1; i < SESSIONS; i++) {
		const struct kith_hop hop = hop_of(i % 3, 1 + i);
		end(&b, &b.s[i]);
		(void)looked_at(&b, &hop, NULL);
	}
	for (uint32_t i = 0; i < 4 * cap; i++) { /* one call after the other */
		end(&b, &b.s[1]);
		b.s[1] = talk_over(&b, 1, SESSIONS + i);
	}
	assert_true(b.c.routes.cap <= 32);
	const struct kith_hop first = hop_of(0, 1);
	(void)looked_at(&b, &first, b.s[0]);
	bare_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_is_found_among_thousands_in_a_few_steps),
		cmocka_unit_test(a_number_at_another_address_finds_nothing),
		cmocka_unit_test(two_sessions_in_one_tunnel_are_both_found),
		cmocka_unit_test(what_is_over_is_not_found_and_does_not_pile_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
