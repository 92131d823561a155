/* Who may ask what: the letters of KITH_REQUEST_MAP against what a running node serves. */
#include "core_world.h"

#include "core/requests.h"
#include "core/settle.h"
#include "leaf/candidacy.h"
#include "wire/body.h"

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

/* The status that a request with an empty map is answered with; -1: it is being worked on. */
static int ask(struct core_world *w, int asked, struct kith_session *s, uint8_t kind)
{
	static uint16_t id = 30000;
	struct kith_core *c = w->nodes[asked].core;
	id++;
	uint8_t answer[64], body[4] = { (uint8_t)(id >> 8), (uint8_t)id, kind, 0x80 };
	struct kith_writer out = kith_writer_of(answer, sizeof answer);
	struct kith_span own;
	kith_core_enter(c, world_clock(w));
	assert_int_equal(kith_core_on_request(c, s, test_span(body, sizeof body), &own), id);
	kith_request_answer_embed(s->requests, id, &out);
	kith_core_settle(c);
	return kith_writer_len(&out) > 0 ? answer[KITH_FRAME_HEADER + 2] : -1;
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
		cmocka_unit_test(every_letter_of_the_table_is_one_that_the_dispatcher_knows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
