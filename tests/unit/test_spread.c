/* Sockets for one peer: asked for, a packet from each, and closed again but for those that carry a path. */
#include "call_world.h"

#include "call/spread.h"
#include "core/settle.h"

#define MS KITH_US_PER_MS
#define S KITH_US_PER_S
enum { FIRST_ID = 100, PORTS_MAX = 300 };

struct fixture {
	struct core_world w;
	struct kith_core *c; /* alice's, behind the NAT with random ports */
	struct kith_session *s; /* with bob */
	struct kith_addr bob;
	uint16_t ids[PORTS_MAX]; /* transports that are open */
	unsigned n;
	uint32_t effect; /* that opened them */
	uint16_t path; /* one of them that carries a path, and its probes */
	unsigned closed, refused;
	bool refuses; /* to close one */
};

static int no_direct(struct core_world *w, struct world_packet *p)
{
	const struct kith_addr a = world_addr(WORLD_ALICE), b = world_addr(WORLD_BOB);
	(void)w;
	return (kith_addr_equal(&p->from, &a) && kith_addr_equal(&p->to, &b)) ||
			       (kith_addr_equal(&p->from, &b) && kith_addr_equal(&p->to, &a))
		       ? 0
		       : 1;
}

static struct kith_punch *punch(const struct fixture *f)
{
	return (struct kith_punch *)(uintptr_t)kith_pathset_punch(&f->s->paths);
}

/* A relayed session, whose punch has found that a spread is what helps. */
static void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	world_alice_and_bob_sim(&f->w);
	f->w.tap = no_direct;
	const kith_session_id id = world_call(&f->w, WORLD_ALICE, WORLD_BOB, NULL);
	f->c = f->w.nodes[WORLD_ALICE].core;
	f->s = kith_sessions_get(&f->c->sessions, id);
	f->bob = world_addr(WORLD_BOB);
	assert_non_null(f->s);
	assert_non_null(punch(f));
	assert_false(kith_pathset_is_direct(&f->s->paths));
	punch(f)->plan.spread = punch(f)->spread_of = KITH_SPREAD_SOCKETS;
	punch(f)->attested = f->bob;
	punch(f)->spread_tries.n = 1;
}

static void fixture_deinit(struct fixture *f)
{
	world_drain(&f->w, WORLD_ALICE);
	core_world_deinit(&f->w);
}

static void tell(struct fixture *f, uint16_t id, uint32_t effect, bool closed)
{
	struct kith_transport t = { .id = id,
				    .kind = KITH_TRANSPORT_UDP,
				    .family = KITH_FAMILY_V4,
				    .purpose = KITH_PURPOSE_PUNCH,
				    .up = !closed,
				    .closed = closed,
				    .effect = effect,
				    .locals_n = 1 };
	t.locals[0] = (struct kith_local){ world_addr(WORLD_ALICE), KITH_ADDR_HOST, 24 };
	t.locals[0].addr.port = (uint16_t)(20000 + id);
	assert_int_equal(kith_core_transport(f->c, world_clock(&f->w), &t), 0);
}

static uint32_t begin(struct fixture *f, uint16_t *count)
{
	struct kith_effect e;
	kith_core_enter(f->c, world_clock(&f->w));
	kith_spread_begin(f->c, f->s);
	kith_core_settle(f->c);
	if (!kith_core_effect(f->c, &e))
		return 0;
	assert_true(e.type == KITH_EFFECT_OPEN && e.purpose == KITH_PURPOSE_PUNCH && e.kind == KITH_TRANSPORT_UDP);
	*count = e.count;
	return e.id;
}

static void opened(struct fixture *f, uint32_t effect, unsigned n)
{
	f->effect = effect;
	for (f->n = 0; f->n < n; f->n++) {
		f->ids[f->n] = (uint16_t)(FIRST_ID + f->n);
		tell(f, f->ids[f->n], effect, false);
	}
	kith_core_complete(f->c, world_clock(&f->w), effect, n > 0 ? 0 : KITH_EIO, NULL);
}

/* What the core asks to be closed is closed, or not. */
static void close_asked(struct fixture *f)
{
	struct kith_effect e;
	while (kith_core_effect(f->c, &e)) {
		if (e.type == KITH_EFFECT_OPEN && e.count == KITH_ECHO_DELAYS_MAX) { /* to gauge the NAT (leaf/gauge) */
			kith_core_complete(f->c, world_clock(&f->w), e.id, KITH_EIO, NULL);
			continue;
		}
		assert_int_equal(e.type, KITH_EFFECT_CLOSE);
		unsigned i = 0;
		while (i < f->n && f->ids[i] != e.transport)
			i++;
		assert_true(i < f->n); /* each once */
		f->refused += f->refuses;
		if (!f->refuses) {
			f->ids[i] = f->ids[--f->n];
			f->closed++;
			tell(f, e.transport, f->effect, true);
		}
		kith_core_complete(f->c, world_clock(&f->w), e.id, f->refuses ? KITH_EIO : 0, NULL);
	}
}

/* Lets alice alone act for so long. Returns how many packets left through her sockets, one at most through each. */
static unsigned act(struct fixture *f, kith_time_us us, unsigned *most_at_once)
{
	static unsigned by[PORTS_MAX];
	const kith_time_us end = f->w.now + us;
	unsigned all = 0;
	memset(by, 0, sizeof by);
	for (;;) {
		struct kith_packet out[16];
		size_t n;
		unsigned now = 0;
		kith_core_tick(f->c, world_clock(&f->w));
		while ((n = kith_core_poll(f->c, world_clock(&f->w), out, 16)) > 0) {
			for (size_t i = 0; i < n; i++) {
				if (out[i].transport < FIRST_ID || out[i].transport == f->path)
					continue;
				assert_true(kith_addr_equal(&out[i].remote, &f->bob));
				assert_int_equal(out[i].ttl, KITH_PUNCH_TTL);
				assert_true(out[i].len <= 60);
				assert_int_equal(++by[out[i].transport - FIRST_ID], 1);
				now++;
			}
		}
		all += now;
		*most_at_once = now > *most_at_once ? now : *most_at_once;
		close_asked(f);
		const kith_time_us next = kith_core_deadline(f->c);
		if (next >= end)
			break;
		f->w.now = next > f->w.now ? next : f->w.now + 1;
	}
	f->w.now = end;
	return all;
}

/* A probe of bob's has come in by that socket, and was answered. */
static void hit(struct fixture *f, uint16_t id)
{
	const struct kith_hop hop = { .transport = id, .remote = f->bob };
	f->path = id;
	kith_core_enter(f->c, world_clock(&f->w));
	assert_int_equal(kith_pathset_add(&f->s->paths, kith_env(f->c, f->s), &hop), 0);
	for (unsigned i = 0; i < kith_pathset_count(&f->s->paths); i++) {
		struct kith_path *p = (struct kith_path *)(uintptr_t)kith_pathset_path(&f->s->paths, i);
		if (p->hop.transport == id)
			kith_path_set_state(p, KITH_PATH_LIVE);
	}
	kith_spread_look(f->c, f->s);
	kith_core_settle(f->c);
}

static void a_packet_leaves_from_each_and_all_are_closed_that_did_not_hit(void **state)
{
	struct fixture f;
	uint16_t count = 0;
	unsigned most = 0;
	(void)state;
	fixture_init(&f);
	const uint32_t effect = begin(&f, &count);
	assert_int_equal(count, KITH_SPREAD_SOCKETS);
	opened(&f, effect, count);
	assert_int_equal(act(&f, 300 * MS, &most), KITH_SPREAD_SOCKETS);
	assert_int_equal(most, KITH_SPREAD_BURST);
	assert_int_equal(act(&f, 300 * MS, &most), 0);
	assert_int_equal(f.closed, 0);
	hit(&f, FIRST_ID + 77);
	close_asked(&f);
	assert_int_equal(f.closed, count - 1u); /* at once */
	assert_true(f.n == 1 && f.ids[0] == FIRST_ID + 77);
	assert_int_equal(f.c->env.sockets, KITH_SPREAD_SOCKETS); /* for another session */
	kith_core_close(f.c, world_clock(&f.w), f.s->index, KITH_CLOSE_NORMAL);
	close_asked(&f);
	assert_int_equal(f.n, 0);
	assert_null(f.c->spread);
	fixture_deinit(&f);
}

static void what_does_not_hit_in_time_is_closed(void **state)
{
	struct fixture f;
	uint16_t count = 0;
	unsigned most = 0;
	(void)state;
	fixture_init(&f);
	assert_int_equal(f.c->env.sockets, KITH_SPREAD_SOCKETS);
	const uint32_t effect = begin(&f, &count);
	assert_int_equal(f.c->env.sockets, 0); /* one at a time */
	assert_int_equal(begin(&f, &count), 0);
	opened(&f, effect, 100); /* no more files */
	assert_int_equal(act(&f, KITH_SPREAD_WAIT_US - S, &most), 100);
	assert_int_equal(f.closed, 0);
	assert_int_equal(act(&f, 2 * S, &most), 0);
	assert_int_equal(f.closed, 100);
	assert_null(f.c->spread);
	assert_int_equal(f.c->env.sockets, KITH_SPREAD_SOCKETS);
	fixture_deinit(&f);
}

static void too_few_are_not_used(void **state)
{
	struct fixture f;
	uint16_t count = 0;
	unsigned most = 0;
	(void)state;
	fixture_init(&f);
	opened(&f, begin(&f, &count), KITH_SPREAD_MIN - 1);
	assert_int_equal(act(&f, S, &most), 0);
	assert_int_equal(f.closed, KITH_SPREAD_MIN - 1);
	opened(&f, begin(&f, &count), 0);
	assert_null(f.c->spread);
	fixture_deinit(&f);
}

/* The contact was blocked, or has moved: whoever is at that address now is spared. */
static void nothing_leaves_when_no_relay_says_that_the_peer_is_there(void **state)
{
	struct fixture f;
	uint16_t count = 0;
	unsigned most = 0;
	(void)state;
	fixture_init(&f);
	opened(&f, begin(&f, &count), 256);
	punch(&f)->attested.ip[0] ^= 1;
	assert_int_equal(act(&f, S, &most), 0);
	assert_int_equal(f.closed, 256);
	fixture_deinit(&f);
}

static void the_end_of_the_session_ends_it(void **state)
{
	struct fixture f;
	struct kith_effect e;
	uint16_t count = 0;
	(void)state;
	fixture_init(&f);
	uint32_t effect = begin(&f, &count);
	kith_core_close(f.c, world_clock(&f.w), f.s->index, KITH_CLOSE_NORMAL);
	assert_true(kith_core_effect(f.c, &e));
	assert_true(e.type == KITH_EFFECT_CANCEL && e.id == effect); /* what was opened is closed by the host */
	assert_null(f.c->spread);
	fixture_deinit(&f);
	fixture_init(&f);
	opened(&f, begin(&f, &count), 256);
	kith_core_close(f.c, world_clock(&f.w), f.s->index, KITH_CLOSE_NORMAL);
	close_asked(&f);
	assert_int_equal(f.closed, 256);
	assert_null(f.c->spread);
	fixture_deinit(&f);
}

static void one_that_cannot_be_closed_is_tried_again_later(void **state)
{
	struct fixture f;
	uint16_t count = 0;
	unsigned most = 0;
	(void)state;
	fixture_init(&f);
	opened(&f, begin(&f, &count), 40);
	f.refuses = true;
	hit(&f, FIRST_ID);
	close_asked(&f);
	assert_int_equal(f.refused, 39); /* each once */
	f.refuses = false;
	act(&f, 31 * S, &most);
	assert_int_equal(f.closed, 40); /* and the one of the path, which has died meanwhile */
	assert_null(f.c->spread);
	fixture_deinit(&f);
}

static void none_is_opened_on_a_line_that_is_paid_by_the_byte(void **state)
{
	static struct kith_office office;
	struct fixture f;
	uint16_t count = 0;
	(void)state;
	fixture_init(&f);
	assert_null(f.c->office); /* of a leaf for good, which is not told what its way out costs */
	f.c->office = &office;
	kith_office_hinder(&office, KITH_HINDRANCE_METERED);
	kith_spread_allow(f.c);
	f.c->office = NULL;
	assert_int_equal(f.c->env.sockets, 0);
	assert_int_equal(begin(&f, &count), 0);
	assert_null(f.c->spread);
	kith_spread_allow(f.c);
	assert_int_equal(f.c->env.sockets, KITH_SPREAD_SOCKETS);
	fixture_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_leaves_from_each_and_all_are_closed_that_did_not_hit),
		cmocka_unit_test(what_does_not_hit_in_time_is_closed),
		cmocka_unit_test(too_few_are_not_used),
		cmocka_unit_test(nothing_leaves_when_no_relay_says_that_the_peer_is_there),
		cmocka_unit_test(the_end_of_the_session_ends_it),
		cmocka_unit_test(one_that_cannot_be_closed_is_tried_again_later),
		cmocka_unit_test(none_is_opened_on_a_line_that_is_paid_by_the_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
