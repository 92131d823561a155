/* What is written, at level debug, about a packet that is dropped: why it did not open or verify. */
#include "core_tap.h"

enum { LINES = 64, FLOOD = 100, TOLD_MAX = 20 };

struct lines {
	struct kith_log log;
	char text[LINES][256];
	unsigned n;
};

static void keep_line(void *ctx, enum kith_log_level level, const char *line)
{
	struct lines *l = ctx;
	if (level != KITH_LOG_DEBUG || strncmp(line, "packet_dropped ", strlen("packet_dropped ")) != 0)
		return;
	assert_true(l->n < LINES);
	snprintf(l->text[l->n++], sizeof l->text[0], "%s", line);
}

/* Listens to what a node writes from now on. */
static void listen(struct lines *l, struct core_world *w, int node)
{
	memset(l, 0, sizeof *l);
	l->log = (struct kith_log){ .sink = keep_line, .ctx = l, .level = KITH_LOG_DEBUG };
	w->nodes[node].core->log = &l->log;
}

static void expect(struct lines *l, const char *text)
{
	assert_int_equal(l->n, 1);
	assert_non_null(strstr(l->text[0], text));
	l->n = 0;
}

/* A packet of that type that alice really sent to the first supernode. */
static struct world_packet genuine(struct core_world *w, uint8_t type, bool swallow)
{
	struct keeper k = {
		.type = type, .from = &w->nodes[WORLD_ALICE].addr, .to = &w->nodes[0].addr, .swallow = swallow
	};
	w->tap = keep_tap;
	w->tap_ctx = &k;
	for (unsigned i = 0; i < 100 && k.seen == 0; i++)
		world_run(w, KITH_US_PER_S);
	assert_true(k.seen > 0);
	w->tap = NULL;
	return k.packet;
}

static void inject_changed(struct core_world *w, const struct world_packet *p, size_t at, uint8_t flip)
{
	uint8_t bytes[2048];
	memcpy(bytes, p->data + KITH_PACKET_HEADROOM, p->len);
	bytes[at] ^= flip;
	inject(w, 0, &p->from, bytes, p->len);
}

static void a_sealed_packet_that_does_not_open_says_why(void **state)
{
	struct core_world w;
	struct lines l;
	(void)state;
	world_alice_and_bob(&w);
	struct world_packet p = genuine(&w, KITH_PKT_DATA, true);
	listen(&l, &w, 0);
	inject_changed(&w, &p, p.len - 1u, 1);
	expect(&l, "cause=DROP_NOT_AUTHENTIC why=tag ");
	inject_changed(&w, &p, 1, 0x30); /* another epoch */
	expect(&l, "cause=DROP_NOT_AUTHENTIC why=tag ");
	inject_changed(&w, &p, 15, 1);
	expect(&l, "cause=DROP_UNKNOWN_INDEX why=data_index ");
	inject_changed(&w, &p, 0, 0);
	assert_int_equal(l.n, 0); /* as it was sent, it opens */
	inject_changed(&w, &p, 0, 0);
	expect(&l, "cause=DROP_REPLAYED why=counter ");
	inject(&w, 0, &p.from, p.data + KITH_PACKET_HEADROOM, 10);
	expect(&l, "cause=DROP_TOO_SHORT why=type_and_length ");
	inject_changed(&w, &p, 0, 0x80);
	expect(&l, "cause=DROP_UNKNOWN_TYPE why=type ");
	core_world_deinit(&w);
}

static void a_first_message_that_is_refused_says_why(void **state)
{
	struct core_world w;
	struct lines l;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	int alice = world_start(&w, "alice", false);
	assert_int_equal(alice, WORLD_ALICE);
	struct keeper k = { .type = KITH_PKT_HELLO, .from = &w.nodes[alice].addr, .swallow = true };
	w.tap = keep_tap;
	w.tap_ctx = &k;
	for (unsigned i = 0; i < 20 && k.seen == 0; i++)
		world_run(&w, KITH_US_PER_S);
	assert_true(k.seen > 0);
	w.tap = NULL;
	struct world_packet p = k.packet;
	int to = world_node_at(&w, &p.to);
	listen(&l, &w, to);
	uint8_t bytes[2048];
	memcpy(bytes, p.data + KITH_PACKET_HEADROOM, p.len);
	bytes[40] ^= 1;
	inject(&w, to, &p.from, bytes, p.len);
	expect(&l, "cause=DROP_BAD_MAC why=mac1 ");
	bytes[40] ^= 1;
	bytes[1] = 9;
	inject(&w, to, &p.from, bytes, p.len);
	expect(&l, "cause=DROP_UNKNOWN_VERSION why=version ");
	bytes[1] = 1;
	core_world_deinit(&w);
}

/* What bob writes when alice calls him with the certificates that she shows now. */
static void expect_of_call(struct core_world *w, const char *text)
{
	struct lines l;
	listen(&l, w, WORLD_BOB);
	world_dial(w, WORLD_ALICE, "bob", 2 * KITH_US_PER_S);
	world_run(w, 3 * KITH_US_PER_S);
	assert_true(l.n > 0);
	for (unsigned i = 0; i < l.n; i++) {
		if (strstr(l.text[i], "cause=REFUSE_") != NULL)
			assert_non_null(strstr(l.text[i], text));
	}
	assert_non_null(strstr(l.text[0], "cause=REFUSE_"));
	w->nodes[WORLD_BOB].core->log = NULL;
	world_run(w, 2 * KITH_CANCEL_US); /* until the call is taken back */
}

static void certificates_that_do_not_hold_say_which_rule_they_break(void **state)
{
	struct core_world w;
	uint8_t forged[KITH_CHAIN_MAX];
	(void)state;
	world_alice_and_bob(&w);
	struct kith_span *chain = &w.nodes[WORLD_ALICE].core->self.chain, good = *chain;
	memcpy(forged, good.p, good.len);
	forged[good.len - 1] ^= 1; /* the signature on the device certificate */
	*chain = test_span(forged, good.len);
	expect_of_call(&w, "cause=REFUSE_CHAIN why=ESIGNATURE ");
	*chain = w.nodes[0].core->self.chain;
	expect_of_call(&w, "cause=REFUSE_CHAIN why=ECHAIN ");
	*chain = good;
	world_show(&w, WORLD_ALICE, &(struct world_cert){ .name = "alice", .from_s = -7200, .until_s = -3600 });
	expect_of_call(&w, "cause=REFUSE_EXPIRED why=EEXPIRED ");
	core_world_deinit(&w);
}

static void addresses_are_written_only_where_the_log_may_have_them(void **state)
{
	struct core_world w;
	struct lines l;
	char text[KITH_ADDR_TEXT_MAX];
	(void)state;
	world_alice_and_bob(&w);
	listen(&l, &w, 0);
	const struct kith_addr *from = &w.nodes[WORLD_BOB].addr;
	uint8_t garbage[40] = { 0xEF };
	inject(&w, 0, from, garbage, sizeof garbage);
	assert_null(strstr(l.text[0], kith_addr_format(from, text)));
	expect(&l, "from=v4[redacted] ");
	l.log.clear = true;
	inject(&w, 0, from, garbage, sizeof garbage);
	expect(&l, kith_addr_format(from, text));
	core_world_deinit(&w);
}

static void a_flood_is_told_at_a_rate_and_what_was_left_out_is_counted(void **state)
{
	struct core_world w;
	struct lines l;
	(void)state;
	world_alice_and_bob(&w);
	listen(&l, &w, 0);
	uint8_t garbage[40] = { 0xEF };
	uint64_t before = world_stat(&w, 0, KITH_STAT_DROP_UNKNOWN_TYPE);
	for (unsigned i = 0; i < FLOOD; i++)
		inject(&w, 0, &w.nodes[WORLD_BOB].addr, garbage, sizeof garbage);
	assert_int_equal(l.n, TOLD_MAX);
	assert_int_equal(world_stat(&w, 0, KITH_STAT_DROP_UNKNOWN_TYPE) - before, FLOOD);
	assert_non_null(strstr(l.text[TOLD_MAX - 1], "untold=0"));
	world_run(&w, KITH_US_PER_S);
	l.n = 0;
	inject(&w, 0, &w.nodes[WORLD_BOB].addr, garbage, sizeof garbage);
	expect(&l, "untold=80");
	inject(&w, 0, &w.nodes[WORLD_BOB].addr, garbage, sizeof garbage);
	expect(&l, "untold=0");
	core_world_deinit(&w);
}

static void nothing_is_written_at_another_level(void **state)
{
	struct core_world w;
	struct lines l;
	(void)state;
	world_alice_and_bob(&w);
	listen(&l, &w, 0);
	l.log.level = KITH_LOG_INFO;
	uint8_t garbage[40] = { 0xEF };
	inject(&w, 0, &w.nodes[WORLD_BOB].addr, garbage, sizeof garbage);
	assert_int_equal(l.n, 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_packet_that_does_not_open_says_why),
		cmocka_unit_test(a_first_message_that_is_refused_says_why),
		cmocka_unit_test(certificates_that_do_not_hold_say_which_rule_they_break),
		cmocka_unit_test(addresses_are_written_only_where_the_log_may_have_them),
		cmocka_unit_test(a_flood_is_told_at_a_rate_and_what_was_left_out_is_counted),
		cmocka_unit_test(nothing_is_written_at_another_level),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
