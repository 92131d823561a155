/* Refusing before it costs anything: what is sent, what it costs, whom it is not said to. */
#include "core_tap.h"

#include "base/limits.h"
#include "link/connect.h"
#include "link/refuse.h"

static unsigned dhs, signatures;

static int counting_dh(uint8_t out[32], const uint8_t sk[32], const uint8_t pk[32])
{
	dhs++;
	return kith_suite_sodium()->dh(out, sk, pk);
}

static void counting_sign(uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t sk[KITH_SIGN_SK_LEN])
{
	signatures++;
	kith_suite_sodium()->sign(sig, p, len, sk);
}

/* From now on what this node does with keys is counted. */
static void count_at(struct core_world *w, int i)
{
	static struct kith_suite counting;
	counting = *kith_suite_sodium();
	counting.dh = counting_dh;
	counting.sign = counting_sign;
	w->nodes[i].core->suite = w->nodes[i].core->self.suite = &counting;
	dhs = signatures = 0;
}

/* From now on, as if its host said so every second. */
static void overload(struct core_world *w, int i, enum kith_overload_level level)
{
	struct kith_supernode *sn = w->nodes[i].core->super;
	sn->overload.level = (uint8_t)level;
	sn->load.told.busy_permille = level == KITH_OVERLOAD_ATTACHES ? 990 : 0;
	sn->load.told_at = w->now + 86400 * KITH_US_PER_S;
}

/* Counts packets of a type, and keeps how long the last one was. */
struct count {
	uint8_t type;
	int from, n;
	size_t len;
};

static int count_tap(struct core_world *w, struct world_packet *p)
{
	struct count *k = w->tap_ctx;
	if (p->data[KITH_PACKET_HEADROOM] == k->type && world_node_at(w, &p->from) == k->from) {
		k->n++;
		k->len = p->len;
	}
	return 1;
}

static void an_attach_is_refused_before_any_dh_and_signed_once_a_second(void **state)
{
	struct core_world w;
	struct kith_handshake hs;
	struct kith_addr from = world_addr(20);
	(void)state;
	world_alice_and_bob(&w);
	struct kith_self self = w.nodes[WORLD_ALICE].core->self;
	struct count busy = { .type = KITH_PKT_BUSY, .from = 1 };
	w.tap = count_tap;
	w.tap_ctx = &busy;
	overload(&w, 1, KITH_OVERLOAD_ATTACHES);
	count_at(&w, 1);
	for (uint32_t i = 0; i < 200; i++) {
		memset(&hs, 0, sizeof hs);
		hs.purpose = KITH_PURPOSE_ATTACH;
		assert_int_equal(kith_handshake_start(&hs, &self, w.nodes[1].core->self.dh_pk, i + 1,
						      test_span(NULL, 0), KITH_UDP_PAYLOAD),
				 0);
		from.port = (uint16_t)(1000 + i);
		inject(&w, 1, &from, hs.packet, hs.len);
	}
	assert_int_equal(busy.n, 200);
	assert_true(busy.len <= KITH_UDP_PAYLOAD);
	assert_int_equal(dhs, 0);
	assert_int_equal(signatures, 1);
	assert_int_equal(world_stat(&w, 1, KITH_STAT_REFUSE_OVERLOAD), 200);
	/* A HELLO of somebody who does not know the supernode's key gets nothing. */
	hs.packet[20] ^= 1;
	inject(&w, 1, &from, hs.packet, hs.len);
	assert_int_equal(busy.n, 200);
	/* A HELLO that is shorter than the answer gets the short one. */
	memset(&hs, 0, sizeof hs);
	hs.purpose = KITH_PURPOSE_ATTACH;
	assert_int_equal(kith_handshake_start(&hs, &self, w.nodes[1].core->self.dh_pk, 7, test_span(NULL, 0), 200), 0);
	struct count version = { .type = KITH_PKT_VERSION, .from = 1 };
	w.tap_ctx = &version;
	inject(&w, 1, &from, hs.packet, hs.len);
	assert_int_equal(version.n, 1);
	core_world_deinit(&w);
}

static void a_flood_of_refused_ones_is_answered_at_a_rate(void **state)
{
	struct core_world w;
	struct kith_handshake hs;
	struct kith_addr from = world_addr(20);
	(void)state;
	world_alice_and_bob(&w);
	struct count busy = { .type = KITH_PKT_BUSY, .from = 1 };
	w.tap = count_tap;
	w.tap_ctx = &busy;
	overload(&w, 1, KITH_OVERLOAD_ATTACHES);
	memset(&hs, 0, sizeof hs);
	hs.purpose = KITH_PURPOSE_ATTACH;
	assert_int_equal(kith_handshake_start(&hs, &w.nodes[WORLD_ALICE].core->self, w.nodes[1].core->self.dh_pk, 1,
					      test_span(NULL, 0), KITH_UDP_PAYLOAD),
			 0);
	for (int i = 0; i < KITH_BUSY_PER_S + 300; i++)
		inject(&w, 1, &from, hs.packet, hs.len);
	assert_int_equal(busy.n, KITH_BUSY_PER_S);
	/* The more there were, the longer they are to stay away. */
	w.now += KITH_US_PER_S;
	inject(&w, 1, &from, hs.packet, hs.len);
	assert_int_equal(busy.n, KITH_BUSY_PER_S + 1);
	assert_int_equal(w.nodes[1].core->super->refusals.retry_s, KITH_BUSY_RETRY_MAX_S);
	core_world_deinit(&w);
}

static void those_who_are_attached_stay_and_others_are_served(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	world_alice_and_bob(&w);
	for (int k = 0; k < 3; k++)
		overload(&w, k, KITH_OVERLOAD_ATTACHES);
	world_run(&w, 100 * KITH_US_PER_S);
	for (int k = 0; k < 3; k++) {
		kith_core_info(w.nodes[k].core, &info);
		assert_int_equal(info.leaves, 2);
	}
	core_world_deinit(&w);
}

/* Four supernodes, of which the one is refused at is not lost for the network: the leaf takes another. */
static void who_is_refused_takes_an_alternate_and_comes_back_in_its_time(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 6, (const char *const[]){ NULL });
	for (int k = 0; k < 3; k++)
		overload(&w, k, KITH_OVERLOAD_ATTACHES);
	int i = world_start(&w, "carol", false);
	world_run(&w, 2 * KITH_US_PER_S);
	kith_core_info(w.nodes[i].core, &info);
	assert_int_equal(info.homes, 3); /* of whom it had not heard but by those who refused it */
	for (int k = 0; k < 3; k++)
		assert_int_equal(world_stat(&w, k, KITH_STAT_REFUSE_OVERLOAD), 1);
	assert_int_equal(w.nodes[i].core->leaf.attempts, 0); /* full is not dead: nothing is wrong with the line */
	core_world_deinit(&w);
}

static int flip_tap(struct core_world *w, struct world_packet *p)
{
	(void)w;
	if (p->data[KITH_PACKET_HEADROOM] == KITH_PKT_BUSY)
		p->data[KITH_PACKET_HEADROOM + 20] ^= 1; /* the time that it names */
	return 1;
}

static void a_refusal_that_somebody_else_wrote_ends_nothing(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	for (int k = 0; k < 3; k++)
		overload(&w, k, KITH_OVERLOAD_ATTACHES);
	w.tap = flip_tap;
	int i = world_start(&w, "carol", false);
	world_run(&w, KITH_US_PER_S);
	for (int k = 0; k < 3; k++)
		overload(&w, k, KITH_OVERLOAD_NONE);
	world_run(&w, 2 * KITH_US_PER_S); /* the HELLO is repeated, as if nothing had come */
	kith_core_info(w.nodes[i].core, &info);
	assert_int_equal(info.homes, 3);
	core_world_deinit(&w);
}

/* A leaf of another version does not say what its HELLO is for. */
static void an_attach_that_was_not_announced_is_refused_after_the_handshake(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	for (int k = 0; k < 3; k++)
		overload(&w, k, KITH_OVERLOAD_ATTACHES);
	int i = world_add(&w, "carol", false);
	struct kith_core_options o;
	world_options(&w, i, &o);
	assert_int_equal(world_try_start(&w, i, &o), 0);
	uint32_t session;
	struct kith_host host = { .endpoints_n = 1, .endpoints = { world_endpoint(1) } };
	memcpy(host.dh.b, w.nodes[1].core->self.dh_pk, KITH_KEY_LEN);
	world_run(&w, 10 * KITH_US_PER_S);
	/* A session for something else there is, and ATTACH goes over it. */
	kith_core_tick(w.nodes[i].core, world_clock(&w));
	assert_int_equal(kith_connect_request(w.nodes[i].core, &host, 0, KITH_REQ_LOOKUP, test_span("\x80", 1),
					      kith_token(KITH_TOKEN_IGNORE, 0), &session),
			 0);
	kith_core_tick(w.nodes[i].core, world_clock(&w));
	world_drain(&w, i);
	world_run(&w, 100 * KITH_US_PER_S);
	kith_core_info(w.nodes[i].core, &info);
	assert_int_equal(info.homes, 0);
	kith_core_info(w.nodes[1].core, &info);
	assert_int_equal(info.leaves, 0);
	core_world_deinit(&w);
}

/* Places for those who are no leaves: members and callers get in when leaves do not any more. */
static void a_sixteenth_of_the_table_is_not_for_leaves(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_table *t = &w.nodes[1].core->sessions.by_index;
	t->max = 32;
	while (t->n < 30) { /* strangers that do not attach */
		struct kith_session *s = kith_session_new(w.nodes[1].core, KITH_SESSION_DECIDING);
		assert_non_null(s);
	}
	struct kith_hs_header attach = { .type = KITH_PKT_HELLO, .purpose = KITH_PURPOSE_ATTACH };
	struct kith_hs_header other = { .type = KITH_PKT_HELLO };
	struct kith_hop hop = { .remote = world_addr(20) };
	assert_true(kith_refuse_wanted(w.nodes[1].core, &attach, &hop));
	assert_false(kith_refuse_wanted(w.nodes[1].core, &other, &hop));
	t->n += 2; /* full */
	assert_true(kith_refuse_wanted(w.nodes[1].core, &other, &hop));
	hop.tunnel = 5; /* nothing is said into a tunnel */
	assert_false(kith_refuse_wanted(w.nodes[1].core, &other, &hop));
	t->n -= 2;
	core_world_deinit(&w);
}

static unsigned warnings;
static char told[256];

static void on_log(void *ctx, enum kith_log_level level, const char *text)
{
	(void)ctx;
	if (level == KITH_LOG_WARN && strstr(text, "refusing") != NULL) {
		warnings++;
		snprintf(told, sizeof told, "%s", text);
	}
}

static void the_operator_is_told_at_once_and_then_once_a_minute(void **state)
{
	struct core_world w;
	struct kith_handshake hs;
	struct kith_addr from = world_addr(20);
	const struct kith_log log = { .sink = on_log, .level = KITH_LOG_WARN };
	(void)state;
	world_alice_and_bob(&w);
	overload(&w, 1, KITH_OVERLOAD_ATTACHES);
	w.nodes[1].core->log = &log;
	memset(&hs, 0, sizeof hs);
	hs.purpose = KITH_PURPOSE_ATTACH;
	assert_int_equal(kith_handshake_start(&hs, &w.nodes[WORLD_ALICE].core->self, w.nodes[1].core->self.dh_pk, 1,
					      test_span(NULL, 0), KITH_UDP_PAYLOAD),
			 0);
	for (int i = 0; i < 61; i++) {
		inject(&w, 1, &from, hs.packet, hs.len);
		assert_int_equal(warnings, i < 60 ? 1 : 2);
		w.now += KITH_US_PER_S;
	}
	assert_non_null(strstr(told, "why=overload refused=60 "));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attach_is_refused_before_any_dh_and_signed_once_a_second),
		cmocka_unit_test(a_flood_of_refused_ones_is_answered_at_a_rate),
		cmocka_unit_test(those_who_are_attached_stay_and_others_are_served),
		cmocka_unit_test(who_is_refused_takes_an_alternate_and_comes_back_in_its_time),
		cmocka_unit_test(a_refusal_that_somebody_else_wrote_ends_nothing),
		cmocka_unit_test(an_attach_that_was_not_announced_is_refused_after_the_handshake),
		cmocka_unit_test(a_sixteenth_of_the_table_is_not_for_leaves),
		cmocka_unit_test(the_operator_is_told_at_once_and_then_once_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
