/* The supernodes that a leaf hears of: by their own word only. */
#include "leaf_world.h"

#include "base/limits.h"
#include "core/settle.h"
#include "leaf/hosts.h"
#include "wire/attest.h"

/* Six supernodes; bob is told of the first three. */
static struct core_world w;

static int setup(void **state)
{
	(void)state;
	world_far_apart(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	core_world_deinit(&w);
	return 0;
}

static struct kith_core *bob(void)
{
	return w.nodes[WORLD_FAR_BOB].core;
}

static int cached(int super)
{
	return kith_hostcache_find(&bob()->leaf.cache, &w.nodes[super].id.device_dh);
}

static bool knows_at_its_address(int super)
{
	struct kith_host host;
	struct kith_endpoint at = world_endpoint(super);
	int i = cached(super);
	if (i < 0)
		return false;
	kith_hostcache_get(&bob()->leaf.cache, i, &host);
	return host.endpoints_n == 1 && kith_endpoint_equal(&host.endpoints[0], &at);
}

static const struct kith_session *home(void)
{
	for (int i = 0; i < KITH_HOMES; i++) {
		const struct kith_session *s = kith_homes_session(bob(), &bob()->leaf.homes[i]);
		if (s != NULL)
			return s;
	}
	return NULL;
}

static bool learn(struct kith_span entry)
{
	kith_core_enter(bob(), world_clock(&w));
	bool fresh = kith_hosts_learn(bob(), home(), (struct kith_spans){ &entry, 1 });
	kith_core_settle(bob());
	return fresh;
}

/* The entry of a supernode as it signed it, with an address and a number of ours. */
static struct kith_span entry_of(int super, uint8_t last, uint64_t later, uint8_t out[KITH_MEMBER_LEN_MAX])
{
	struct kith_core *c = w.nodes[super].core;
	struct kith_member_entry e;
	assert_int_equal(kith_member_parse(&e, test_span(c->super->entry, c->super->entry_len)), 0);
	e.endpoints[0].addr.ip[3] = last;
	e.seq += later;
	int len = kith_member_make(c->suite, out, &e, c->self.sign_sk);
	assert_true(len > 0);
	return test_span(out, (size_t)len);
}

static void a_leaf_hears_of_those_that_it_was_not_told_of(void **state)
{
	(void)state;
	for (int i = 3; i < 6; i++)
		assert_true(knows_at_its_address(i));
}

static void an_entry_that_its_subject_did_not_sign_changes_nothing(void **state)
{
	uint8_t bytes[KITH_MEMBER_LEN_MAX];
	(void)state;
	struct kith_span lie = entry_of(4, 99, 1, bytes);
	bytes[lie.len - 1] ^= 1;
	assert_false(learn(lie));
	world_drain(&w, WORLD_FAR_BOB);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 1);
	assert_true(knows_at_its_address(4));
	/* Signed by another supernode with keys of its own, but for the subject's. */
	lie = entry_of(4, 99, 1, bytes);
	struct kith_member_entry e;
	assert_int_equal(kith_member_parse(&e, lie), 0);
	uint8_t forged[KITH_MEMBER_LEN_MAX];
	int len = kith_member_make(bob()->suite, forged, &e, w.nodes[0].core->self.sign_sk);
	assert_true(len > 0);
	assert_false(learn(test_span(forged, (size_t)len)));
	assert_true(knows_at_its_address(4));
}

static void a_newer_entry_of_its_subject_does(void **state)
{
	uint8_t bytes[KITH_MEMBER_LEN_MAX];
	(void)state;
	assert_true(learn(entry_of(4, 99, 1, bytes)));
	assert_false(knows_at_its_address(4));
	assert_true(cached(4) >= 0);
}

static void one_who_is_leaving_is_no_host(void **state)
{
	struct kith_core *c = w.nodes[4].core;
	struct kith_member_entry e;
	uint8_t bytes[KITH_MEMBER_LEN_MAX];
	(void)state;
	kith_hostcache_deinit(&bob()->leaf.cache);
	kith_hostcache_init(&bob()->leaf.cache, bob()->alloc, &bob()->shared->blobs);
	assert_int_equal(kith_member_parse(&e, test_span(c->super->entry, c->super->entry_len)), 0);
	e.flags = KITH_MEMBER_LEFT;
	int len = kith_member_make(c->suite, bytes, &e, c->self.sign_sk);
	assert_true(len > 0);
	assert_false(learn(test_span(bytes, (size_t)len)));
	assert_true(cached(4) < 0);
	assert_int_equal(kith_hosts_keep(bob(), test_span(c->super->entry, c->super->entry_len)), 0);
	assert_true(cached(4) >= 0);
}

/* Attestations of bob at an address, by the witnesses of these numbers; whoever signed them. */
static struct kith_span attests_of(const char *witnesses, const struct kith_endpoint *at, int64_t age_s,
				   uint8_t out[KITH_ATTESTS_LEN_MAX])
{
	uint8_t bytes[KITH_ATTESTS_MAX][KITH_ATTEST_LEN_MAX];
	struct kith_span list[KITH_ATTESTS_MAX];
	struct kith_chain chain;
	size_t n = 0;
	assert_int_equal(kith_chain_parse(&chain, bob()->self.chain), 0);
	for (; witnesses[n] != '\0'; n++) {
		struct kith_attest a = { .endpoint = *at, .up = 1000, .down = 1000, .hours = KITH_ATTEST_HOURS_MAX };
		a.at_s = a.first_seen_s = bob()->now.unix_ms / 1000 - age_s;
		memset(a.witness, witnesses[n], sizeof a.witness);
		kith_home_tag(bob()->suite, a.candidate, &chain.device.sign);
		int len = kith_attest_make(bob()->suite, bytes[n], &a, bob()->self.sign_sk);
		assert_true(len > 0);
		list[n] = test_span(bytes[n], (size_t)len);
	}
	return test_span(out, kith_attests_write(out, list, n));
}

/* What bob, whose certificate allows no supernode, comes to when he says that he is one. */
static int elected(const char *witnesses, const struct kith_endpoint *at, int64_t age_s)
{
	const struct kith_core *super = w.nodes[4].core;
	uint8_t bytes[KITH_MEMBER_LEN_MAX], attests[KITH_ATTESTS_LEN_MAX];
	struct kith_member_entry e;
	assert_int_equal(kith_member_parse(&e, test_span(super->super->entry, super->super->entry_len)), 0);
	e.endpoints[0] = world_endpoint(WORLD_FAR_BOB);
	e.attest = attests_of(witnesses, at, age_s, attests);
	e.chain = bob()->self.chain;
	int len = kith_member_make(bob()->suite, bytes, &e, bob()->self.sign_sk);
	assert_true(len > 0);
	assert_int_equal(kith_member_parse(&e, test_span(bytes, (size_t)len)), 0);
	return kith_hosts_verify(bob(), &e);
}

static void who_elected_himself_shows_three_attestations(void **state)
{
	const struct kith_endpoint there = world_endpoint(WORLD_FAR_BOB), elsewhere = world_endpoint(4);
	(void)state;
	assert_int_equal(elected("", &there, 0), KITH_EACCES);
	assert_int_equal(elected("ab", &there, 0), KITH_EACCES);
	assert_int_equal(elected("aba", &there, 0), KITH_EACCES);
	assert_int_equal(elected("abc", &elsewhere, 0), KITH_EACCES);
	assert_int_equal(elected("abc", &there, (int64_t)30 * 3600), KITH_EACCES);
	assert_int_equal(elected("abc", &there, 0), 0);
}

/* Sends MEMBERS from bob to his first home, and returns how many entries came. */
static size_t asked(uint64_t n)
{
	struct kith_leaf *leaf = &bob()->leaf;
	kith_hostcache_deinit(&leaf->cache);
	kith_hostcache_init(&leaf->cache, bob()->alloc, &bob()->shared->blobs);
	uint8_t body[16];
	size_t len = kith_msg_members_write(body, sizeof body, &(struct kith_msg_members){ .n = n });
	kith_core_enter(bob(), world_clock(&w));
	struct kith_session *s = kith_homes_session(bob(), &leaf->homes[0]);
	assert_int_equal(kith_session_request(bob(), s, KITH_REQ_MEMBERS, test_span(body, len),
					      kith_token(KITH_TOKEN_MEMBERS, 0)),
			 0);
	kith_core_settle(bob());
	world_drain(&w, WORLD_FAR_BOB);
	world_run(&w, KITH_US_PER_S);
	return leaf->cache.n;
}

static void a_home_names_as_many_as_it_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(asked(0), 0);
	assert_int_equal(asked(2), 2);
	assert_int_equal(asked(UINT64_MAX), KITH_HOSTCACHE_PER_SOURCE); /* all but itself, which are five */
}

static void who_hears_nothing_new_asks_more_and_more_seldom(void **state)
{
	struct kith_leaf *leaf = &bob()->leaf;
	(void)state;
	world_run(&w, 20 * KITH_RECORD_REFRESH_US); /* before supernodes sign new entries */
	assert_true(leaf->hosts_vain >= 4);
	/* Somebody new: with the next question all is as it was. */
	leaf->hosts_skipped = UINT8_MAX - 1;
	kith_hostcache_deinit(&leaf->cache);
	kith_hostcache_init(&leaf->cache, bob()->alloc, &bob()->shared->blobs);
	world_run(&w, 2 * KITH_RECORD_REFRESH_US);
	assert_true(leaf->cache.n > 0);
	assert_true(leaf->hosts_vain <= 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_leaf_hears_of_those_that_it_was_not_told_of),
		T(an_entry_that_its_subject_did_not_sign_changes_nothing),
		T(a_newer_entry_of_its_subject_does),
		T(one_who_is_leaving_is_no_host),
		T(who_elected_himself_shows_three_attestations),
		T(a_home_names_as_many_as_it_is_asked_for),
		T(who_hears_nothing_new_asks_more_and_more_seldom),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
