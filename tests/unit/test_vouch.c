/* With sectors: witnesses that are far from a candidate's home are found, and so are those of a supernode that elected
 * itself by whoever takes its entry. */
#include "candidacy_world.h"

#include "core/serving.h"
#include "overlay/members_vouched.h"
#include "overlay/witnesses.h"
#include "super/members.h"
#include "super/vouch.h"
#include "wire/message_attest.h"

enum {
	BITS = 3,
	NARROW = 6, /* hardly anybody is near */
	FORGOTTEN = 6 /* of eight that may attest: two are too few */
};

static const struct kith_candidacy_options no_caps;
static struct cw cw;

static void start(void)
{
	memset(&cw, 0, sizeof cw);
	cw_start(&cw);
}

static struct kith_members *members_of(int node)
{
	return &cw.w.nodes[node].core->super->members;
}

static struct kith_id alices_id(void)
{
	const struct kith_core *c = cw.w.nodes[CW_ALICE].core;
	struct kith_id id;
	kith_ids_supernode(c->suite, &id, &c->trust.network, c->me.placement);
	return id;
}

/* The supernode goes over to sectors, and knows nobody of the list whom it is far from. Returns how many those are. */
static int forget_far(int node, uint8_t bits, const struct kith_id ids[], size_t n)
{
	struct kith_members *ms = members_of(node);
	int forgotten = 0;
	ms->sectors.bits = bits;
	ms->sectors.full = 8;
	ms->sectors.since = cw.w.now;
	for (size_t i = 0; i < n; i++) {
		uint32_t at = kith_members_lower(ms, &ids[i]);
		if (kith_members_get(ms, &ids[i]) == NULL || kith_sectors_near(&ms->sectors, ids[i].b))
			continue;
		kith_members_drop(ms, at);
		forgotten++;
	}
	return forgotten;
}

/* Those that attested alice, by their ids. */
static size_t witnesses_of_hers(struct kith_id out[KITH_ATTESTS_MAX])
{
	uint8_t bytes[KITH_ATTESTS_LEN_MAX];
	struct kith_attest list[KITH_ATTESTS_MAX];
	struct kith_endpoint at;
	size_t len = kith_candidacy_attests(cw.w.nodes[CW_ALICE].core, bytes, &at), found = 0;
	int n = kith_attests_read(list, test_span(bytes, len));
	for (int i = 0; i < n; i++) {
		const struct kith_member *m = kith_members_get_prefix(members_of(0), list[i].witness);
		assert_non_null(m);
		out[found++] = m->id;
	}
	return found;
}

static void begin(int node)
{
	struct kith_core *c = cw.w.nodes[node].core;
	kith_core_enter(c, world_clock(&cw.w));
	assert_int_equal(kith_serving_init(c, KITH_ROLE_AUTO, &(struct kith_terms){ .consent = KITH_CONSENT_YES }), 0);
	assert_int_equal(kith_serving_begin(c, KITH_ROLE_WHY_HELP), 0);
	kith_core_settle(c);
	world_drain(&cw.w, node);
}

/* ELECTED from alice to a supernode, and GOSSIP behind it. */
static void introduce_to(int node)
{
	struct kith_core *c = cw.w.nodes[CW_ALICE].core;
	struct kith_host host = { .endpoints_n = 1, .endpoints = { world_endpoint(node) } };
	memcpy(host.dh.b, cw.w.nodes[node].core->self.dh_pk, KITH_KEY_LEN);
	kith_core_enter(c, world_clock(&cw.w));
	c->super->members.sectors.bits = BITS;
	kith_super_introduce(c, &host);
	c->super->members.sectors.bits = 0;
	kith_core_settle(c);
	world_drain(&cw.w, CW_ALICE);
}

static const struct kith_session *alice_at(int node)
{
	return kith_sessions_of(&cw.w.nodes[node].core->sessions, cw.w.nodes[CW_ALICE].core->self.dh_pk);
}

/* A supernode that no one else tells of alice: the one that she is introduced to. It is no home of hers. */
static int stranger_of(const struct kith_id ids[], size_t n)
{
	for (int i = 0; i < CW_SUPERNODES; i++) {
		struct kith_members *ms = members_of(i);
		bool home = false, all = true;
		for (int k = 0; k < KITH_HOMES; k++)
			home = home || cw_home_of(&cw, k) == i;
		ms->sectors.bits = BITS;
		for (size_t k = 0; k < n; k++)
			all = all && !kith_sectors_near(&ms->sectors, ids[k].b);
		ms->sectors.bits = 0;
		if (!home && all)
			return i;
	}
	fail_msg("all are near a witness, or homes");
	return 0;
}

static void a_home_finds_witnesses_that_are_far(void **state)
{
	(void)state;
	start();
	const struct kith_id id = alices_id();
	struct kith_id key, ids[KITH_WITNESSES_MAX];
	const struct kith_member *found[KITH_WITNESSES_MAX];
	const struct kith_endpoint at = world_endpoint(CW_ALICE);
	kith_witnesses_key(cw.w.nodes[0].core->suite, &id, cw.w.nodes[0].core->now.unix_ms, &key);
	uint32_t n = kith_witnesses_find(members_of(0), &key, &at, found);
	assert_int_equal(n, KITH_WITNESSES_MAX);
	for (uint32_t i = 0; i < FORGOTTEN; i++)
		ids[i] = found[i]->id;
	for (int k = 0; k < KITH_HOMES; k++) { /* all of them are on the other side */
		struct kith_members *ms = members_of(cw_home_of(&cw, k));
		ms->sectors.self = kith_sectors_place(key.b) ^ UINT64_C(1) << 63;
	}
	cw_consent(&cw, &no_caps);
	while (cw.w.nodes[CW_ALICE].core->witnesses_until <= cw.w.now) { /* until she asks: look-ups name them again */
		for (int k = 0; k < KITH_HOMES; k++)
			(void)forget_far(cw_home_of(&cw, k), NARROW, ids, FORGOTTEN);
		world_run(&cw.w, 10 * KITH_US_PER_MS);
	}
	world_run(&cw.w, KITH_WITNESS_WINDOW_US + KITH_US_PER_S);
	assert_int_equal(cw_info(&cw).reached, KITH_REACHED_YES);
	core_world_deinit(&cw.w);
}

static void who_elected_itself_waits_until_its_witnesses_are_found(void **state)
{
	(void)state;
	struct kith_id ids[KITH_ATTESTS_MAX];
	start();
	assert_int_equal(cw_attest(&cw, &no_caps).reached, KITH_REACHED_YES);
	size_t n = witnesses_of_hers(ids);
	int node = stranger_of(ids, n);
	assert_int_equal(forget_far(node, BITS, ids, n), KITH_ATTESTS_NEEDED);
	begin(CW_ALICE);
	cw.w.nodes[CW_ALICE].core->super->introductions_left = 0;
	introduce_to(node);
	world_run(&cw.w, 4 * KITH_US_PER_S);
	assert_non_null(alice_at(node));
	assert_int_equal(alice_at(node)->role, KITH_ROLE_SUPERNODE);
	const struct kith_id id = alices_id();
	assert_false(kith_members_get(members_of(node), &id)->on_word); /* they were asked for, and are known */
	for (size_t i = 0; i < n; i++)
		assert_non_null(kith_members_get(members_of(node), &ids[i]));
	core_world_deinit(&cw.w);
}

/* Her witnesses are no members of anybody's: it is looked for them, and she stays a leaf. */
static void whose_witnesses_are_nowhere_is_no_supernode(void **state)
{
	(void)state;
	struct kith_id ids[KITH_ATTESTS_MAX];
	start();
	assert_int_equal(cw_attest(&cw, &no_caps).reached, KITH_REACHED_YES);
	size_t n = witnesses_of_hers(ids);
	int node = stranger_of(ids, n);
	begin(CW_ALICE);
	cw.w.nodes[CW_ALICE].core->super->introductions_left = 0;
	for (int i = 0; i < CW_SUPERNODES; i++) {
		for (size_t k = 0; k < n; k++) {
			struct kith_member *m = kith_members_get(members_of(i), &ids[k]);
			if (m != NULL)
				kith_members_bury(members_of(i), m);
			cw.w.nodes[i].muted = cw.w.nodes[i].muted ||
					      memcmp(cw.w.nodes[i].core->super->id.b, ids[k].b, KITH_ID_LEN) == 0;
		}
	}
	assert_int_equal(forget_far(node, BITS, ids, n), KITH_ATTESTS_NEEDED);
	introduce_to(node);
	world_run(&cw.w, 100 * KITH_US_PER_MS);
	assert_non_null(members_of(node)->absent);
	world_run(&cw.w, KITH_VOUCH_WAIT_US);
	const struct kith_id id = alices_id();
	assert_null(kith_members_get(members_of(node), &id));
	assert_int_equal(alice_at(node)->role, KITH_ROLE_LEAF);
	core_world_deinit(&cw.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_home_finds_witnesses_that_are_far),
		cmocka_unit_test(who_elected_itself_waits_until_its_witnesses_are_found),
		cmocka_unit_test(whose_witnesses_are_nowhere_is_no_supernode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
