/* A leaf takes connections in while a session wants that: asked of the host, named to peers, and given up again. */
#include "call_world.h"

#include "call/listening.h"
#include "core/settle.h"

#define S KITH_US_PER_S

struct fixture {
	struct core_world w;
	struct kith_core *c; /* alice's */
};

static void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	world_alice_and_bob_sim(&f->w);
	f->c = f->w.nodes[WORLD_ALICE].core;
}

static void fixture_deinit(struct fixture *f)
{
	world_drain(&f->w, WORLD_ALICE);
	core_world_deinit(&f->w);
}

static void want(struct fixture *f)
{
	kith_core_enter(f->c, world_clock(&f->w));
	kith_listening_want(f->c);
	kith_core_settle(f->c);
}

/* The next effect of that type; 0: there is none. */
static uint32_t taken(struct fixture *f, enum kith_effect_type type, struct kith_effect *e)
{
	while (kith_core_effect(f->c, e)) {
		if (e->type == type)
			return e->id;
		kith_core_complete(f->c, world_clock(&f->w), e->id, 0, NULL);
	}
	return 0;
}

static void tell(struct fixture *f, const struct kith_effect *asked, bool closed)
{
	struct kith_transport t = { .id = 100,
				    .kind = KITH_TRANSPORT_TCP,
				    .family = KITH_FAMILY_V4,
				    .purpose = KITH_PURPOSE_IN,
				    .up = !closed,
				    .closed = closed,
				    .effect = asked->id,
				    .cost_ms = 30,
				    .locals_n = closed ? 0 : 1 };
	t.locals[0] = (struct kith_local){ world_addr(WORLD_ALICE), KITH_ADDR_HOST, 24 };
	t.locals[0].addr.port = 20100;
	assert_int_equal(kith_core_transport(f->c, world_clock(&f->w), &t), 0);
}

static bool is_offered(const struct fixture *f)
{
	struct kith_candidate own[KITH_OWN_MAX];
	const size_t n = kith_own_candidates(f->c, own, KITH_OWN_MAX);
	bool found = false;
	for (size_t i = 0; i < n; i++)
		found = found || (own[i].at.kind == KITH_TRANSPORT_TCP && own[i].at.addr.port == 20100);
	return found;
}

static void it_is_asked_for_once_offered_and_closed_when_nobody_wants_it(void **state)
{
	(void)state;
	struct fixture f;
	struct kith_effect four, six, e;
	struct kith_endpoint to = { world_addr(WORLD_BOB), KITH_TRANSPORT_TCP, 0 };
	uint16_t id;
	fixture_init(&f);
	want(&f);
	want(&f);
	assert_int_not_equal(taken(&f, KITH_EFFECT_OPEN, &four), 0);
	assert_true(four.kind == KITH_TRANSPORT_TCP && four.family == KITH_FAMILY_V4 &&
		    four.purpose == KITH_PURPOSE_IN && four.count == 1);
	assert_int_not_equal(taken(&f, KITH_EFFECT_OPEN, &six), 0);
	assert_int_equal(six.family, KITH_FAMILY_V6);
	assert_int_equal(taken(&f, KITH_EFFECT_OPEN, &e), 0);
	tell(&f, &four, false);
	kith_core_complete(f.c, world_clock(&f.w), four.id, 0, NULL);
	kith_core_complete(f.c, world_clock(&f.w), six.id, KITH_ENOTSUP, NULL);
	assert_true(is_offered(&f));
	/* What takes in is no way out. */
	assert_int_equal(kith_transports_for(&f.c->transports, &to, &id), KITH_ENOENT);
	f.w.now += KITH_LISTEN_KEEP_US - S;
	kith_core_tick(f.c, world_clock(&f.w));
	want(&f); /* still wanted: its time begins anew */
	f.w.now += 2 * S;
	kith_core_tick(f.c, world_clock(&f.w));
	assert_int_equal(taken(&f, KITH_EFFECT_CLOSE, &e), 0);
	f.w.now += KITH_LISTEN_KEEP_US;
	kith_core_tick(f.c, world_clock(&f.w));
	assert_int_not_equal(taken(&f, KITH_EFFECT_CLOSE, &e), 0);
	assert_int_equal(e.transport, 100);
	tell(&f, &four, true);
	kith_core_complete(f.c, world_clock(&f.w), e.id, 0, NULL);
	assert_false(is_offered(&f));
	kith_core_tick(f.c, world_clock(&f.w));
	assert_null(f.c->listening); /* and holds nothing */
	fixture_deinit(&f);
}

static void a_host_that_refuses_is_not_asked_again_at_once(void **state)
{
	(void)state;
	struct fixture f;
	struct kith_effect e;
	fixture_init(&f);
	want(&f);
	for (uint32_t id; (id = taken(&f, KITH_EFFECT_OPEN, &e)) != 0;)
		kith_core_complete(f.c, world_clock(&f.w), id, KITH_ENOTSUP, NULL);
	want(&f);
	assert_int_equal(taken(&f, KITH_EFFECT_OPEN, &e), 0);
	f.w.now += KITH_LISTEN_KEEP_US + S;
	kith_core_tick(f.c, world_clock(&f.w));
	want(&f);
	assert_int_not_equal(taken(&f, KITH_EFFECT_OPEN, &e), 0);
	fixture_deinit(&f);
}

static void where_the_host_listens_by_itself_nothing_is_asked_for(void **state)
{
	(void)state;
	struct fixture f;
	struct kith_effect e;
	struct kith_transport t = { .id = 5,
				    .kind = KITH_TRANSPORT_TCP,
				    .family = KITH_FAMILY_V4,
				    .purpose = KITH_PURPOSE_ANY,
				    .up = true,
				    .cost_ms = 30,
				    .locals_n = 1 };
	fixture_init(&f);
	t.locals[0] = (struct kith_local){ world_addr(WORLD_ALICE), KITH_ADDR_HOST, 24 };
	assert_int_equal(kith_core_transport(f.c, world_clock(&f.w), &t), 0);
	want(&f);
	assert_int_not_equal(taken(&f, KITH_EFFECT_OPEN, &e), 0);
	assert_int_equal(e.family, KITH_FAMILY_V6);
	assert_int_equal(taken(&f, KITH_EFFECT_OPEN, &e), 0);
	fixture_deinit(&f);
}

static void who_leaves_does_not_listen(void **state)
{
	(void)state;
	struct fixture f;
	struct kith_effect e;
	fixture_init(&f);
	f.c->leaving = true;
	want(&f);
	assert_int_equal(taken(&f, KITH_EFFECT_OPEN, &e), 0);
	assert_null(f.c->listening);
	f.c->leaving = false;
	fixture_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_asked_for_once_offered_and_closed_when_nobody_wants_it),
		cmocka_unit_test(a_host_that_refuses_is_not_asked_again_at_once),
		cmocka_unit_test(where_the_host_listens_by_itself_nothing_is_asked_for),
		cmocka_unit_test(who_leaves_does_not_listen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
