/* One person floods a supernode with all that she has: thirty devices that attach, keep sessions and ask for all that
 * there is; and one supernode stores, watches and gossips as fast as it can. Others come meanwhile, attach, and look
 * each other up. Printed is what they got, without the flood and with it, and what the two held and had refused.
 */
#include "core_world.h"

#include "base/limits.h"

enum {
	FLOODER = 2, /* a supernode */
	ALICE = 3, /* her first device */
	DEVICES = 30,
	HONEST = 8,
	SESSIONS = 64, /* the table of the first supernode */
	FLOOD_PER_S = 400 /* of which a session takes eight in a round trip: 200 */
};

struct outcome {
	int homes, found, asked;
	uint32_t leaves, others; /* of alice, at most, where she floods */
	uint64_t limited, of_members, sessions;
};

static struct kith_session *session_at(struct core_world *w, int from, int to)
{
	struct kith_core *c = w->nodes[from].core;
	struct kith_session *s = kith_sessions_of(&c->sessions, w->nodes[to].core->self.dh_pk);
	return s != NULL && s->state == KITH_SESSION_OPEN ? s : NULL;
}

/* What is asked on a session whose owner does not wait for answers. */
static void ask(struct core_world *w, int from, uint8_t kind, struct kith_span body)
{
	struct kith_core *c = w->nodes[from].core;
	kith_core_tick(c, world_clock(w));
	world_drain(w, from);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	struct kith_session *s = session_at(w, from, 0);
	if (s == NULL)
		return;
	int err = kith_session_request_for(c, s, kind, body, kith_token(KITH_TOKEN_IGNORE, 0), KITH_US_PER_S);
	(void)err; /* more than may wait are not sent */
	kith_core_tick(c, world_clock(w));
	world_drain(w, from);
}

/* A tenth of a second of it. */
static void flood(struct core_world *w)
{
	static const uint8_t kinds[] = { KITH_REQ_STORE,  KITH_REQ_WATCH,  KITH_REQ_GOSSIP, KITH_REQ_GOSSIP,
					 KITH_REQ_GOSSIP, KITH_REQ_GOSSIP, KITH_REQ_GOSSIP, KITH_REQ_GOSSIP };
	uint8_t bytes[64];
	for (uint32_t i = 0; i < FLOOD_PER_S / 10; i++) {
		const struct kith_msg_find find = { .key = { { (uint8_t)i, (uint8_t)(i >> 8), (uint8_t)w->now } } };
		ask(w, FLOODER, kinds[i % 8], test_span(bytes, kith_msg_find_write(bytes, sizeof bytes, &find)));
	}
	for (int d = 0; d < DEVICES; d++) {
		const struct kith_msg_members members = { .n = 15 };
		ask(w, ALICE + d, KITH_REQ_MEMBERS,
		    test_span(bytes, kith_msg_members_write(bytes, sizeof bytes, &members)));
	}
}

static uint64_t key_of(const struct core_world *w, int node)
{
	return kith_identity_key(&w->nodes[node].id.identity);
}

static void run_on(struct core_world *w, bool floods, kith_time_us us, struct outcome *out)
{
	const struct kith_core *c = w->nodes[0].core;
	for (kith_time_us until = w->now + us; w->now < until;) {
		if (floods)
			flood(w);
		world_run(w, KITH_US_PER_S / 10);
		if (!floods)
			continue;
		uint32_t leaves = kith_allowance_held(&c->allowance, key_of(w, ALICE), KITH_HOLDING_LEAF);
		uint32_t others = kith_allowance_held(&c->allowance, key_of(w, ALICE), KITH_HOLDING_SESSION);
		out->leaves = leaves > out->leaves ? leaves : out->leaves;
		out->others = others > out->others ? others : out->others;
	}
}

static void lookup(struct core_world *w, int from, const char *name, bool floods, struct outcome *out)
{
	const int since = w->events_n;
	kith_op op;
	assert_int_equal(kith_core_lookup(w->nodes[from].core, world_clock(w), name, &op), 0);
	world_drain(w, from);
	run_on(w, floods, 2 * KITH_US_PER_S, out);
	const struct world_event *found = world_event(w, from, KITH_EVENT_FOUND, since);
	out->asked++;
	out->found += found != NULL && found->ev.op == op;
}

static void scenario(bool floods, struct outcome *out)
{
	static struct core_world w;
	int honest[HONEST];
	char text[8];
	memset(out, 0, sizeof *out);
	world_network(&w, kith_suite_sim(), 1, 3, (const char *const[]){ NULL });
	for (int i = 0; i < 3; i++)
		w.nodes[i].core->sessions.by_index.max = SESSIONS;
	for (int d = 0; floods && d < DEVICES; d++) {
		struct kith_core_options o;
		int i = world_add(&w, "alice", false);
		world_certify(&w, i, &(struct world_cert){ .name = "alice", .of = ALICE });
		world_options(&w, i, &o);
		assert_int_equal(world_try_start(&w, i, &o), 0);
	}
	run_on(&w, floods, 5 * KITH_US_PER_S, out);
	for (int k = 0; k < HONEST; k++) {
		snprintf(text, sizeof text, "n%d", k);
		honest[k] = world_start(&w, text, false);
		run_on(&w, floods, KITH_US_PER_S, out);
	}
	run_on(&w, floods, 5 * KITH_US_PER_S, out);
	for (int k = 0; k < HONEST; k++) {
		snprintf(text, sizeof text, "n%d", (k + 1) % HONEST);
		lookup(&w, honest[k], text, floods, out);
	}
	for (int k = 0; k < HONEST; k++) {
		struct kith_core_info info;
		kith_core_info(w.nodes[honest[k]].core, &info);
		out->homes += (int)info.homes;
	}
	out->limited = world_stat(&w, 0, KITH_STAT_REQUESTS_LIMITED);
	out->of_members = world_stat(&w, 0, KITH_STAT_SUPERNODES_LIMITED);
	out->sessions = world_stat(&w, 0, KITH_STAT_SESSIONS_LIMITED);
	core_world_deinit(&w);
}

static void print(const char *what, const struct outcome *r)
{
	printf("  %-8s %d leaves have %d homes, %d of %d look-ups found; alice held %u places and %u sessions; %llu "
	       "requests "
	       "limited, %llu of supernodes, %llu sessions\n",
	       what, HONEST, r->homes, r->found, r->asked, r->leaves, r->others, (unsigned long long)r->limited,
	       (unsigned long long)r->of_members, (unsigned long long)r->sessions);
}

static void one_person_takes_nothing_from_others(void **state)
{
	struct outcome calm, r;
	(void)state;
	scenario(false, &calm);
	print("calm", &calm);
	scenario(true, &r);
	print("flooded", &r);
	assert_int_equal(calm.limited, 0);
	assert_int_equal(calm.homes, HONEST * KITH_HOMES);
	assert_int_equal(calm.found, HONEST);
	assert_int_equal(r.homes, calm.homes);
	assert_int_equal(r.found, calm.found);
	/* They took all that they may, and asked for more. */
	assert_int_equal(r.leaves, KITH_LEAVES_PER_IDENTITY);
	assert_true(r.others > 0 && r.others <= KITH_SESSIONS_PER_IDENTITY);
	assert_true(r.of_members > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_person_takes_nothing_from_others) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
