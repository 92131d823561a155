/* Who may ask what: the letters of KITH_REQUEST_MAP against what a running node serves. */
#include "core_world.h"

#include "core/requests.h"
#include "core/settle.h"
#include "leaf/candidacy.h"
#include "wire/body.h"
#include "wire/message_attest.h"

enum situation {
	LEAF_AT_HOME, /* a supernode is asked by a leaf of its own */
	SUPERNODE_AT_SUPERNODE,
	HOME_AT_LEAF,
	PEER_AT_LEAF,
	WITNESS_AT_CANDIDATE, /* a supernode that dialled a leaf back */
	PEER_AT_SUPERNODE, /* of an application: that one of both is a supernode counts for nothing */
	SITUATIONS
};

/* The letters of wire/body.h that hold in each. */
static const char *const letters[SITUATIONS] = { "CO", "CSTO", "THO", "PO", "TWO", "PO" };

struct row {
	const char *name, *who;
	uint8_t kind;
};

static const struct row rows[] = {
#define ROW(name, value, who) { #name, who, value },
	KITH_REQUEST_MAP(ROW)
#undef ROW
};
#define ROWS (sizeof rows / sizeof rows[0])

static struct kith_session *session_of(struct core_world *w, int node, int other)
{
	struct kith_session *s = kith_sessions_of(&w->nodes[node].core->sessions, w->nodes[other].core->self.dh_pk);
	assert_non_null(s);
	assert_int_equal(s->state, KITH_SESSION_OPEN);
	return s;
}

/* What a session of alice with a supernode is when that has dialled her back. */
static struct kith_session *witness_of(struct core_world *w)
{
	static const struct kith_candidacy_options no_caps;
	struct kith_session *s = session_of(w, WORLD_ALICE, 0);
	kith_core_enter(w->nodes[WORLD_ALICE].core, world_clock(w));
	assert_int_equal(kith_candidacy_begin(w->nodes[WORLD_ALICE].core, &no_caps), 0);
	s->use = KITH_USE_WITNESS;
	s->initiator = false;
	kith_core_settle(w->nodes[WORLD_ALICE].core);
	world_drain(w, WORLD_ALICE);
	return s;
}

/* A settled world with a session in that situation: who is asked, and the session there. */
static struct kith_session *arrange(struct core_world *w, enum situation which, int *asked)
{
	kith_session_id theirs;
	world_alice_and_bob(w);
	switch (which) {
	case LEAF_AT_HOME:
		*asked = 0;
		return session_of(w, 0, WORLD_ALICE);
	case SUPERNODE_AT_SUPERNODE:
		*asked = 0;
		return session_of(w, 0, 1);
	case HOME_AT_LEAF:
		*asked = WORLD_ALICE;
		return session_of(w, WORLD_ALICE, 0);
	case WITNESS_AT_CANDIDATE:
		*asked = WORLD_ALICE;
		return witness_of(w);
	case PEER_AT_LEAF:
	case PEER_AT_SUPERNODE:
	case SITUATIONS:
		break;
	}
	*asked = which == PEER_AT_LEAF ? WORLD_BOB : 0;
	world_call(w, WORLD_ALICE, *asked, &theirs);
	struct kith_session *s = kith_sessions_get(&w->nodes[*asked].core->sessions, theirs);
	assert_non_null(s);
	return s;
}

/* The status that a request is answered with; -1: it is being worked on. */
static int ask_with(struct core_world *w, int asked, struct kith_session *s, uint8_t kind, struct kith_span body)
{
	static uint16_t id = 30000;
	struct kith_core *c = w->nodes[asked].core;
	id++;
	uint8_t answer[64], bytes[3 + KITH_REQUEST_MAX];
	struct kith_writer request = kith_writer_of(bytes, sizeof bytes);
	kith_write_u16(&request, id);
	kith_write_u8(&request, kind);
	kith_write_span(&request, body);
	struct kith_writer out = kith_writer_of(answer, sizeof answer);
	struct kith_span own;
	kith_core_enter(c, world_clock(w));
	assert_int_equal(kith_core_on_request(c, s, test_span(bytes, kith_writer_len(&request)), &own), id);
	kith_request_answer_embed(s->requests, id, &out);
	kith_core_settle(c);
	return kith_writer_len(&out) > 0 ? answer[KITH_FRAME_HEADER + 2] : -1;
}

/* With an empty map. */
static int ask(struct core_world *w, int asked, struct kith_session *s, uint8_t kind)
{
	static const uint8_t empty[] = { 0x80 };
	return ask_with(w, asked, s, kind, test_span(empty, sizeof empty));
}

static bool may(const struct row *row, enum situation which)
{
	for (const char *l = row->who; *l != '\0'; l++) {
		if (strchr(letters[which], *l) != NULL)
			return true;
	}
	return false;
}

static void requests_are_served_to_whom_the_table_says(void **state)
{
	(void)state;
	for (int which = 0; which < SITUATIONS; which++) {
		for (size_t i = 0; i < ROWS; i++) {
			struct core_world w;
			int asked;
			struct kith_session *s = arrange(&w, (enum situation)which, &asked);
			/* Only who is attached has subscriptions: a rule of the handler, about what both have done. */
			bool expected = may(&rows[i], (enum situation)which) &&
					!(rows[i].kind == KITH_REQ_SUBSCRIBE && which == SUPERNODE_AT_SUPERNODE);
			int status = ask(&w, asked, s, rows[i].kind);
			if ((status != KITH_STATUS_NOT_ALLOWED) != expected)
				fail_msg("%s in situation %d: status %d", rows[i].name, which, status);
			world_drain(&w, asked);
			core_world_deinit(&w);
		}
	}
}

static void kinds_that_are_not_in_the_table_are_answered_as_unknown(void **state)
{
	(void)state;
	for (int which = 0; which < SITUATIONS; which++) {
		struct core_world w;
		int asked;
		struct kith_session *s = arrange(&w, (enum situation)which, &asked);
		for (unsigned kind = 0; kind < 256; kind++) {
			bool known = false;
			for (size_t i = 0; i < ROWS; i++)
				known = known || rows[i].kind == kind;
			if (!known)
				assert_int_equal(ask(&w, asked, s, (uint8_t)kind), KITH_STATUS_UNKNOWN);
			world_drain(&w, asked);
		}
		core_world_deinit(&w);
	}
}

/* A body that gets as far as costing something, where the kind is not charged for whatever comes. */
static size_t body_of(uint8_t kind, uint8_t out[KITH_REQUEST_MAX])
{
	static uint8_t bytes[KITH_ID_LEN] = { 1 };
	const struct kith_span key = { bytes, sizeof bytes };
	const struct kith_msg_find find = { .key = { { 7 } } };
	const struct kith_msg_subscribe subscribe = { .add = { &key, 1 } };
	const struct kith_msg_introduce introduce = { .device = { 1, 2, 3 } };
	const struct kith_msg_tunnel_close closing = { .tunnel = 5 };
	const struct kith_msg_members members = { .n = 3 };
	const struct kith_msg_list list = { .signer = { 1 } };
	const struct kith_msg_echo echo = { .n = 1, .delays_s = { 20 } };
	bytes[0]++; /* a key that is watched already costs nothing */
	switch (kind) {
	case KITH_REQ_LOOKUP:
		return kith_msg_find_write(out, KITH_REQUEST_MAX, &find);
	case KITH_REQ_SUBSCRIBE:
		return kith_msg_subscribe_write(out, KITH_REQUEST_MAX, &subscribe);
	case KITH_REQ_INTRODUCE:
		return kith_msg_introduce_write(out, KITH_REQUEST_MAX, &introduce);
	case KITH_REQ_TUNNEL_CLOSE:
		return kith_msg_tunnel_close_write(out, KITH_REQUEST_MAX, &closing);
	case KITH_REQ_MEMBERS:
		return kith_msg_members_write(out, KITH_REQUEST_MAX, &members);
	case KITH_REQ_LIST:
		return kith_msg_list_write(out, KITH_REQUEST_MAX, &list);
	case KITH_REQ_ECHO:
		return kith_msg_echo_write(out, KITH_REQUEST_MAX, &echo);
	default:
		out[0] = 0x80;
		return 1;
	}
}

/* What only a leaf may do, and what a leaf does now and then for nothing: the situation in which it costs. */
static enum situation costly(const struct row *row)
{
	static const enum situation order[] = { SUPERNODE_AT_SUPERNODE, HOME_AT_LEAF, WITNESS_AT_CANDIDATE,
						PEER_AT_LEAF };
	if (row->kind == KITH_REQ_SUBSCRIBE || row->kind == KITH_REQ_ECHO)
		return LEAF_AT_HOME;
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		if (may(row, order[i]))
			return order[i];
	}
	fail_msg("%s: nobody may ask it", row->name);
	return SITUATIONS;
}

/* Somebody else's session there, of the same kind as that of the first. */
static struct kith_session *another(struct core_world *w, enum situation which)
{
	switch (which) {
	case LEAF_AT_HOME:
		return session_of(w, 0, WORLD_BOB);
	case SUPERNODE_AT_SUPERNODE:
		return session_of(w, 0, 2);
	case HOME_AT_LEAF:
		return session_of(w, WORLD_ALICE, 1);
	case PEER_AT_LEAF:
	case WITNESS_AT_CANDIDATE:
	case PEER_AT_SUPERNODE:
	case SITUATIONS:
		break;
	}
	return NULL;
}

static void nobody_has_asked(struct kith_allowance *a, const struct kith_random *random)
{
	const struct kith_alloc *alloc = a->known.alloc;
	const uint32_t max = a->known.buckets.max;
	kith_limiter_deinit(&a->known);
	kith_limiter_init(&a->known, alloc, random, max, kith_charge_rates());
}

/* Of each kind as many are served at once as its charge's burst. The next one is LIMITED, and whoever else asks is not
 * touched by it. */
static void each_kind_is_limited_beyond_its_burst(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct core_world w;
		int asked, status = 0;
		uint8_t bytes[KITH_REQUEST_MAX];
		enum kith_charge charge = KITH_CHARGES_N;
		const enum situation which = costly(&rows[i]);
		struct kith_session *s = arrange(&w, which, &asked);
		struct kith_core *c = w.nodes[asked].core;
		struct kith_span body = test_span(bytes, body_of(rows[i].kind, bytes));
		(void)kith_request_charged(rows[i].kind, &charge);
		assert_in_range(charge, 0, KITH_CHARGES_N - 1);
		if (rows[i].kind == KITH_REQ_RENEWED) { /* by device, for certificates that are new: test_renewed */
			core_world_deinit(&w);
			continue;
		}
		kith_core_enter(c, world_clock(&w));
		kith_core_settle(c);
		nobody_has_asked(&c->allowance, c->random);
		const uint64_t who = kith_session_payer(c, s),
			       limited = world_stat(&w, asked, KITH_STAT_REQUESTS_LIMITED);
		const uint64_t of_members = world_stat(&w, asked, KITH_STAT_SUPERNODES_LIMITED);
		for (uint32_t k = 1; k < kith_charge_rates()[charge].burst; k++)
			assert_true(kith_allowance_spend(&c->allowance, c->now.mono_us, who, charge));
		const uint8_t use = s->use;
		status = ask_with(&w, asked, s, rows[i].kind, body);
		if (status == KITH_STATUS_LIMITED || status == KITH_STATUS_NOT_ALLOWED)
			fail_msg("%s: status %d within the burst", rows[i].name, status);
		body.len = body_of(rows[i].kind, bytes);
		const uint8_t after = s->use;
		s->use = use; /* a home that leaves is none any more */
		status = ask_with(&w, asked, s, rows[i].kind, body);
		if (status != KITH_STATUS_LIMITED)
			fail_msg("%s: status %d beyond the burst", rows[i].name, status);
		s->use = after;
		assert_int_equal(world_stat(&w, asked, KITH_STAT_REQUESTS_LIMITED), limited + 1);
		if (kith_request_charged(rows[i].kind, &charge) && s->role == KITH_ROLE_SUPERNODE)
			assert_int_equal(world_stat(&w, asked, KITH_STAT_SUPERNODES_LIMITED), of_members + 1);
		struct kith_session *other = another(&w, which);
		if (other != NULL && ask_with(&w, asked, other, rows[i].kind, body) == KITH_STATUS_LIMITED)
			fail_msg("%s: another is limited, too", rows[i].name);
		world_drain(&w, asked);
		core_world_deinit(&w);
	}
}

/* A letter that nobody has, or everybody has, says nothing. */
static void every_letter_of_the_table_is_one_that_the_dispatcher_knows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		assert_true(strlen(rows[i].who) > 0);
		for (const char *l = rows[i].who; *l != '\0'; l++)
			assert_non_null(strchr("CSTHPOW", *l));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_served_to_whom_the_table_says),
		cmocka_unit_test(kinds_that_are_not_in_the_table_are_answered_as_unknown),
		cmocka_unit_test(each_kind_is_limited_beyond_its_burst),
		cmocka_unit_test(every_letter_of_the_table_is_one_that_the_dispatcher_knows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
