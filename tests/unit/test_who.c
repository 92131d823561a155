/* WHO and IAM: a supernode whose key nobody knows is asked for its certificates. Who asks makes nothing there, and what
 * is answered must be a supernode's. */
#include "core_tap.h"

#include "link/who.h"
#include "session/guard.h"

enum { LEN = KITH_HS_HEADER + KITH_CHAIN_MAX, FLOOD = 500 };

/* Counts what a node sends to one address. */
struct answers {
	const struct kith_addr *to;
	unsigned n;
	size_t longest;
	uint8_t type;
	struct world_packet last;
};

static int answers_tap(struct core_world *w, struct world_packet *p)
{
	struct answers *a = w->tap_ctx;
	if (!kith_addr_equal(a->to, &p->to))
		return 1;
	a->n++;
	a->type = p->data[KITH_PACKET_HEADROOM];
	a->longest = p->len > a->longest ? p->len : a->longest;
	a->last = *p;
	return 0;
}

static void question(struct core_world *w, uint8_t packet[LEN], size_t len)
{
	memset(packet, 0, len);
	kith_hs_write(packet, KITH_PKT_WHO, 7, 0);
	kith_who_mac(w->pki.suite, &w->nodes[0].core->self.network, packet, len);
}

static void it_is_answered_with_certificates_and_nothing_is_kept(void **state)
{
	struct core_world w;
	uint8_t packet[LEN];
	struct kith_addr from = world_addr(20);
	struct answers a = { .to = &from };
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 2, (const char *const[]){ NULL });
	w.tap = answers_tap;
	w.tap_ctx = &a;
	const struct kith_core *c = w.nodes[0].core;
	uint32_t sessions = c->sessions.by_index.n;
	question(&w, packet, LEN);
	inject(&w, 0, &from, packet, LEN);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.type, KITH_PKT_IAM);
	assert_int_equal(a.longest, KITH_HS_HEADER + c->self.chain.len);
	assert_memory_equal(a.last.data + KITH_PACKET_HEADROOM + KITH_HS_HEADER, c->self.chain.p, c->self.chain.len);
	assert_int_equal(c->sessions.by_index.n, sessions);
	/* Of another network: told so. Of another version too. */
	packet[LEN - 1] ^= 1;
	inject(&w, 0, &from, packet, LEN);
	assert_int_equal(a.type, KITH_PKT_VERSION);
	packet[1]++;
	inject(&w, 0, &from, packet, LEN);
	assert_int_equal(a.n, 3);
	assert_int_equal(c->sessions.by_index.n, sessions);
	w.tap = NULL;
	core_world_deinit(&w);
}

static void no_answer_is_longer_than_its_question(void **state)
{
	struct core_world w;
	uint8_t packet[LEN];
	struct kith_addr from = world_addr(20);
	struct answers a = { .to = &from };
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 2, (const char *const[]){ NULL });
	w.tap = answers_tap;
	w.tap_ctx = &a;
	size_t answer = KITH_HS_HEADER + w.nodes[0].core->self.chain.len;
	for (size_t len = KITH_WHO_LEN_MIN; len <= LEN; len++) {
		from.ip[1] = (uint8_t)len; /* of many prefixes: not held to the rate of one */
		from.ip[2] = (uint8_t)(len >> 8);
		a.n = 0;
		a.longest = 0;
		question(&w, packet, len);
		inject(&w, 0, &from, packet, len);
		assert_int_equal(a.n, len >= answer);
		assert_true(a.longest <= len);
	}
	w.tap = NULL;
	core_world_deinit(&w);
}

static void a_prefix_is_answered_at_a_rate(void **state)
{
	struct core_world w;
	uint8_t packet[LEN];
	struct kith_addr from = world_addr(20);
	struct answers a = { .to = &from };
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 2, (const char *const[]){ NULL });
	w.tap = answers_tap;
	w.tap_ctx = &a;
	question(&w, packet, LEN);
	for (unsigned i = 0; i < FLOOD; i++)
		inject(&w, 0, &from, packet, LEN);
	assert_true(a.n > 0 && a.n <= 6 * KITH_HANDSHAKE_PREFIX_PER_S);
	w.tap = NULL;
	core_world_deinit(&w);
}

/* What a leaf without any key but an address does with the answer, forged or not. */
struct forger {
	uint8_t chain[KITH_CHAIN_MAX]; /* in place of the supernode's, when len > 0 */
	size_t len;
	bool elsewhere; /* the answer comes from another address */
	unsigned hellos, answers;
	int asker; /* whose HELLOs count */
};

static int forge_tap(struct core_world *w, struct world_packet *p)
{
	struct forger *f = w->tap_ctx;
	uint8_t *bytes = p->data + KITH_PACKET_HEADROOM;
	f->hellos += bytes[0] == KITH_PKT_HELLO && kith_addr_equal(&p->from, &w->nodes[f->asker].addr);
	if (bytes[0] != KITH_PKT_IAM)
		return 1;
	f->answers++;
	if (f->elsewhere)
		p->from.port = (uint16_t)(p->from.port + 1);
	if (f->len > 0) {
		memcpy(bytes + KITH_HS_HEADER, f->chain, f->len);
		p->len = (uint16_t)(KITH_HS_HEADER + f->len);
	}
	return 1;
}

/* A leaf that knows the first supernode by its address. Returns how many homes it has after a few seconds. */
static unsigned homes_of_asker(struct core_world *w, struct forger *f, const char *whose)
{
	struct kith_core_info info;
	struct kith_core_options o;
	world_network(w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	int liar = world_add(w, whose, strcmp(whose, "super9") == 0);
	if (f->len > 0) {
		f->len = w->nodes[liar].id.chain_len;
		memcpy(f->chain, w->nodes[liar].id.chain, f->len);
	}
	int i = world_add(w, "carol", false);
	world_options(w, i, &o);
	o.bootstrap_n = 1;
	f->asker = i;
	w->tap = forge_tap;
	w->tap_ctx = f;
	assert_int_equal(world_try_start(w, i, &o), 0);
	world_run(w, 5 * KITH_US_PER_S);
	kith_core_info(w->nodes[i].core, &info);
	w->tap = NULL;
	core_world_deinit(w);
	return info.homes;
}

static void who_has_only_an_address_attaches_by_it(void **state)
{
	struct core_world w;
	struct forger f = { 0 };
	(void)state;
	assert_int_equal(homes_of_asker(&w, &f, "dave"), 1);
	assert_int_equal(f.answers, 1);
	assert_true(f.hellos > 0);
}

static void certificates_of_a_leaf_are_not_greeted(void **state)
{
	struct core_world w;
	struct forger f = { .len = 1 };
	(void)state;
	assert_int_equal(homes_of_asker(&w, &f, "dave"), 0);
	assert_true(f.answers > 0);
	assert_int_equal(f.hellos, 0);
}

static void another_supernode_than_the_one_there_is_greeted_in_vain(void **state)
{
	struct core_world w;
	struct forger f = { .len = 1 };
	(void)state;
	assert_int_equal(homes_of_asker(&w, &f, "super9"), 0);
	assert_true(f.hellos > 0);
}

static void an_answer_from_elsewhere_does_not_count(void **state)
{
	struct core_world w;
	struct forger f = { .elsewhere = true };
	(void)state;
	assert_int_equal(homes_of_asker(&w, &f, "dave"), 0);
	assert_true(f.answers > 0);
	assert_int_equal(f.hellos, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_answered_with_certificates_and_nothing_is_kept),
		cmocka_unit_test(no_answer_is_longer_than_its_question),
		cmocka_unit_test(a_prefix_is_answered_at_a_rate),
		cmocka_unit_test(who_has_only_an_address_attaches_by_it),
		cmocka_unit_test(certificates_of_a_leaf_are_not_greeted),
		cmocka_unit_test(another_supernode_than_the_one_there_is_greeted_in_vain),
		cmocka_unit_test(an_answer_from_elsewhere_does_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
