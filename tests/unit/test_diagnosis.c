/* What stands between two nodes, by what they named: each kind has its sentence, and that sentence says what helps. */
#include "support.h"

#include "base/addr.h"
#include "call/diagnosis.h"

static struct kith_addr at(const char *text)
{
	struct kith_addr a;
	assert_int_equal(kith_addr_parse(&a, text), 0);
	return a;
}

static void name(struct kith_candidates *cs, enum kith_addr_kind kind, enum kith_transport_kind transport,
		 const char *text)
{
	struct kith_candidate *c = &cs->list[cs->n++];
	c->at.addr = at(text);
	c->at.kind = (uint8_t)transport;
	c->kind = (uint8_t)kind;
}

/* A node behind a NAT: one own address, and where others see it. */
static struct kith_candidates behind(const char *own, const char *outer, const char *other)
{
	struct kith_candidates cs;
	memset(&cs, 0, sizeof cs);
	name(&cs, KITH_ADDR_HOST, KITH_TRANSPORT_UDP, own);
	name(&cs, KITH_ADDR_OBSERVED, KITH_TRANSPORT_UDP, outer);
	if (other != NULL)
		name(&cs, KITH_ADDR_OBSERVED, KITH_TRANSPORT_UDP, other);
	return cs;
}

struct row {
	enum kith_obstacle obstacle;
	const char *says[5];
};

static void check(const struct kith_meeting *m, const struct row *row)
{
	static const char *const jargon[] = {
		"TTL", "candidate", "probe", "symmetric", "mapping", "relay", "  ", ".."
	};
	char text[KITH_DIAGNOSIS_TEXT_MAX];
	assert_int_equal(kith_diagnosis_obstacle(m), row->obstacle);
	size_t n = kith_diagnosis_write(m, text, sizeof text);
	assert_int_equal(n, strlen(text));
	assert_true(n < sizeof text - 1); /* nothing was cut */
	for (unsigned i = 0; i < 5 && row->says[i] != NULL; i++) {
		if (strstr(text, row->says[i]) == NULL)
			fail_msg("\"%s\" is not in: %s", row->says[i], text);
	}
	for (unsigned i = 0; i < sizeof jargon / sizeof jargon[0]; i++) {
		if (strstr(text, jargon[i]) != NULL)
			fail_msg("\"%s\" is in: %s", jargon[i], text);
	}
	assert_non_null(strstr(text, "What helps: "));
	/* However little room there is, it ends. */
	for (size_t cap = 0; cap <= n; cap++) {
		char cut[KITH_DIAGNOSIS_TEXT_MAX];
		memset(cut, 'x', sizeof cut);
		assert_true(kith_diagnosis_write(m, cut, cap) < (cap > 0 ? cap : 1));
		assert_true(cap == 0 || memchr(cut, '\0', cap) != NULL);
		assert_int_equal(cut[cap], 'x');
	}
}

static void each_obstacle_has_its_sentence(void **state)
{
	(void)state;
	struct kith_candidates keeps = behind("192.168.1.2:4433", "44.4.0.4:4433", NULL);
	struct kith_candidates varying = behind("192.168.1.2:4433", "44.4.0.4:60358", NULL);
	struct kith_candidates bob = behind("10.0.0.9:5000", "55.5.0.5:5000", NULL);
	struct kith_candidates bob_varying = behind("10.0.0.9:5000", "55.5.0.5:41001", "55.5.0.5:52002");
	struct kith_meeting m = { .peer = "bob", .ours = &varying, .theirs = &bob_varying, .attached = true };
	m.seen[m.seen_n++] = at("44.4.0.4:60358");
	m.seen[m.seen_n++] = at("44.4.0.4:62390");
	m.seen[m.seen_n++] = at("44.4.0.4:48441");
	check(&m, &(struct row){ KITH_OBSTACLE_BOTH_VARY,
				 { "your router uses another port for every destination (seen: 60358, 62390, 48441)",
				   "so does that of bob (seen: 41001, 52002)",
				   "forward UDP port 4433 on your router to 192.168.1.2,", "the same where bob is" } });
	m.theirs = &bob;
	check(&m, &(struct row){ KITH_OBSTACLE_OURS_VARIES, { "60358, 62390, 48441", "that of bob lets in only" } });
	m.ours = &keeps;
	m.seen_n = 1;
	m.seen[0] = at("44.4.0.4:4433");
	check(&m, &(struct row){ KITH_OBSTACLE_UNKNOWN, { "in either direction", "a firewall on one side" } });
	m.heard = true;
	check(&m, &(struct row){ KITH_OBSTACLE_INWARD, { "the packets of bob arrive here", "let UDP in there" } });
	m.theirs = &bob_varying;
	check(&m,
	      &(struct row){ KITH_OBSTACLE_THEIRS_VARIES, { "the router of bob uses another port", "41001, 52002" } });
}

static void what_was_guessed_in_vain_is_said_and_what_is_not_worth_it(void **state)
{
	(void)state;
	struct kith_candidates keeps = behind("192.168.1.2:4433", "44.4.0.4:4433", NULL);
	struct kith_candidates bob = behind("10.0.0.9:5000", "55.5.0.5:5000", NULL);
	struct kith_meeting m = { .peer = "bob", .ours = &keeps, .theirs = &bob, .attached = true, .seen_n = 1 };
	m.seen[0] = at("44.4.0.4:4433");
	m.guessed = true;
	bob.nat.mapping = KITH_NATCLASS_MAPPING_PORT;
	bob.nat.allocation = KITH_NATCLASS_ALLOCATION_RANDOM;
	check(&m, &(struct row){ KITH_OBSTACLE_THEIRS_VARIES,
				 { "yours lets in only", "some of its ports were tried", "What helps: " } });
	keeps.nat.mapping = KITH_NATCLASS_MAPPING_PORT;
	m.guessed = false;
	check(&m,
	      &(struct row){ KITH_OBSTACLE_BOTH_VARY, { "so does that of bob", "would take millions of packets" } });
	keeps.nat.allocation = bob.nat.allocation = KITH_NATCLASS_ALLOCATION_STEP;
	check(&m, &(struct row){ KITH_OBSTACLE_BOTH_VARY, { "both in steps", "it is tried again", "What helps: " } });
}

/* What both ends said of their NATs counts before what few observations show. */
static void a_measured_class_is_believed(void **state)
{
	(void)state;
	struct kith_candidates keeps = behind("192.168.1.2:4433", "44.4.0.4:4433", NULL);
	struct kith_candidates bob = behind("10.0.0.9:5000", "55.5.0.5:5000", NULL);
	struct kith_meeting m = { .peer = "bob", .ours = &keeps, .theirs = &bob, .attached = true, .seen_n = 1 };
	m.seen[0] = at("44.4.0.4:4433");
	bob.nat.mapping = KITH_NATCLASS_MAPPING_PORT;
	check(&m, &(struct row){ KITH_OBSTACLE_THEIRS_VARIES, { "the router of bob uses another port" } });
	keeps.nat.mapping = KITH_NATCLASS_MAPPING_ADDRESS;
	check(&m, &(struct row){ KITH_OBSTACLE_BOTH_VARY, { "and so does that of bob" } });
	/* A NAT that was rebound is seen at two ports, and is none that varies. */
	bob.nat.mapping = keeps.nat.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	m.seen[m.seen_n++] = at("44.4.0.4:4434");
	assert_int_equal(kith_diagnosis_obstacle(&m), KITH_OBSTACLE_UNKNOWN);
}

static void where_udp_or_a_family_is_missing(void **state)
{
	(void)state;
	struct kith_candidates keeps = behind("192.168.1.2:4433", "44.4.0.4:4433", NULL);
	struct kith_candidates bob = behind("10.0.0.9:5000", "55.5.0.5:5000", NULL), none, six;
	struct kith_meeting m = { .peer = "bob", .ours = &keeps, .theirs = &bob, .attached = true };
	check(&m, &(struct row){ KITH_OBSTACLE_UDP_OURS, { "your network lets no UDP packet out", "by TCP only" } });
	m.by_web = true;
	check(&m, &(struct row){ KITH_OBSTACLE_UDP_OURS,
				 { "lets no UDP packet out", "by TLS, as to a web server, only" } });
	m.by_web = false;
	m.attached = false; /* nobody could have seen it */
	assert_int_equal(kith_diagnosis_obstacle(&m), KITH_OBSTACLE_UNKNOWN);
	memset(&none, 0, sizeof none);
	name(&none, KITH_ADDR_HOST, KITH_TRANSPORT_TCP, "55.5.0.5:443");
	m.theirs = &none;
	check(&m, &(struct row){ KITH_OBSTACLE_UDP_THEIRS, { "bob can be reached by TCP only" } });
	memset(&six, 0, sizeof six);
	name(&six, KITH_ADDR_HOST, KITH_TRANSPORT_UDP, "[2001:4860:1::7]:4433");
	m.theirs = &six;
	check(&m, &(struct row){ KITH_OBSTACLE_FAMILY,
				 { "you have only IPv4, and bob has only IPv6", "IPv6 where you are" } });
	m.theirs = &keeps;
	m.ours = &six;
	check(&m, &(struct row){ KITH_OBSTACLE_FAMILY, { "you have only IPv6", "IPv6 where bob is" } });
}

/* After the sentence about UDP, what came of TCP; and nothing of it where it was no option. */
static void what_came_of_tcp_is_said(void **state)
{
	(void)state;
	struct kith_candidates keeps = behind("192.168.1.2:4433", "44.4.0.4:4433", NULL);
	struct kith_candidates bob = behind("10.0.0.9:5000", "55.5.0.5:5000", NULL);
	struct kith_meeting m = { .peer = "bob", .ours = &keeps, .theirs = &bob, .attached = true };
	char text[KITH_DIAGNOSIS_TEXT_MAX];
	kith_diagnosis_write(&m, text, sizeof text);
	assert_null(strstr(text, "TCP was tried"));
	m.tcp = true;
	check(&m, &(struct row){ KITH_OBSTACLE_UDP_OURS, { "TCP was tried as well, but bob takes no connections" } });
	name(&keeps, KITH_ADDR_HOST, KITH_TRANSPORT_TCP, "192.168.1.2:4433");
	check(&m, &(struct row){ KITH_OBSTACLE_UDP_OURS,
				 { "bob takes no connections", "TCP port 4433 is the one to let in here" } });
	name(&bob, KITH_ADDR_HOST, KITH_TRANSPORT_TCP, "10.0.0.9:5000");
	check(&m, &(struct row){ KITH_OBSTACLE_UDP_OURS, { "bob has no address for it that is reached from here" } });
	m.connected_to = at("55.5.0.5:5000");
	check(&m, &(struct row){ KITH_OBSTACLE_UDP_OURS,
				 { "no connection to 55.5.0.5:5000 came about", "a firewall or router there" } });
}

static void two_behind_one_router(void **state)
{
	(void)state;
	struct kith_candidates keeps = behind("192.168.1.2:4433", "44.4.0.4:4433", NULL);
	struct kith_candidates bob = behind("192.168.7.9:5000", "44.4.0.4:5000", NULL);
	struct kith_meeting m = { .peer = "bob", .ours = &keeps, .theirs = &bob, .attached = true, .seen_n = 1 };
	m.seen[0] = at("44.4.0.4:4433");
	check(&m, &(struct row){ KITH_OBSTACLE_ONE_NAT,
				 { "you and bob share the public address 44.4.0.4,", "guest network" } });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_obstacle_has_its_sentence),
		cmocka_unit_test(a_measured_class_is_believed),
		cmocka_unit_test(what_was_guessed_in_vain_is_said_and_what_is_not_worth_it),
		cmocka_unit_test(where_udp_or_a_family_is_missing),
		cmocka_unit_test(what_came_of_tcp_is_said),
		cmocka_unit_test(two_behind_one_router),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
