/* A candidate is attested by those that it did not choose, and gets the figures that they measured. */
#include "candidacy_world.h"

#include "overlay/witnesses.h"
#include "wire/message_attest.h"

static const struct kith_candidacy_options no_caps;
static struct cw cw;

static void start(void)
{
	memset(&cw, 0, sizeof cw);
	cw_start(&cw);
}

static struct kith_id id_of_alice(void)
{
	struct kith_core *c = cw.w.nodes[CW_ALICE].core;
	struct kith_id id;
	kith_ids_supernode(c->suite, &id, &c->trust.network, c->me.placement);
	return id;
}

/* The supernodes that may attest her, by the table of supernode 0. Returns how many. */
static uint32_t those_that_may(const struct kith_member *out[KITH_WITNESSES_MAX])
{
	const struct kith_core *c = cw.w.nodes[0].core;
	const struct kith_endpoint at = kith_endpoint_udp(&cw.w.nodes[CW_ALICE].addr);
	struct kith_id id = id_of_alice(), key;
	kith_witnesses_key(c->suite, &id, c->now.unix_ms, &key);
	return kith_witnesses_find(&c->super->members, &key, &at, out);
}

static void an_open_candidate_is_attested_by_three_and_its_homes_know(void **state)
{
	(void)state;
	start();
	struct kith_candidacy_info info = cw_attest(&cw, &no_caps);
	assert_int_equal(info.reached, KITH_REACHED_YES);
	assert_true(info.attestations >= KITH_ATTESTS_NEEDED);
	assert_true(kith_addr_equal(&info.figures.endpoint.addr, &cw.w.nodes[CW_ALICE].addr));
	for (int i = 0; i < KITH_HOMES; i++) {
		struct kith_core *home = cw.w.nodes[cw_home_of(&cw, i)].core;
		const struct kith_session *s = kith_sessions_of(&home->sessions, cw.w.nodes[CW_ALICE].core->self.dh_pk);
		const struct kith_qualification *q = kith_sponsor_figures(home, s);
		assert_non_null(q);
		assert_int_equal(q->up, info.figures.up);
		assert_int_equal(q->down, info.figures.down);
		assert_true(q->witnesses >= KITH_ATTESTS_NEEDED);
	}
	core_world_deinit(&cw.w);
}

/* What it costs her, of five witnesses: a mebibyte each way for each, and headers. */
static void attesting_costs_a_mebibyte_each_way_and_witness_at_most(void **state)
{
	(void)state;
	start();
	(void)cw_attest(&cw, &no_caps);
	assert_true(cw.burst_bytes > 1000000);
	assert_true(cw.burst_bytes <= KITH_WITNESSES * 2 * (uint64_t)KITH_BURST_BYTES_MAX * 11 / 10);
	core_world_deinit(&cw.w);
}

static void assert_near(uint32_t figure, uint32_t truth)
{
	if (figure < truth / 100 * 75 || figure > truth / 100 * 115)
		fail_msg("%u where the line has %u", figure, truth);
}

/* The next day they begin where they were, and need a fraction. */
static void being_attested_again_costs_a_fraction(void **state)
{
	(void)state;
	start();
	cw.rate = 500000;
	cw.queue = 200 * KITH_US_PER_MS;
	struct kith_candidacy_info info = cw_attest(&cw, &no_caps);
	const uint64_t first = cw.burst_bytes;
	assert_near(info.figures.up, cw.rate);
	world_run(&cw.w, 24 * 3600 * KITH_US_PER_S);
	struct kith_candidacy_info again = cw_info(&cw);
	assert_true(again.figures.until_ms > info.figures.until_ms);
	assert_near(again.figures.up, cw.rate);
	assert_near(again.figures.down, cw.rate);
	assert_true(cw.burst_bytes > first);
	assert_true(cw.burst_bytes - first <= first / 3);
	core_world_deinit(&cw.w);
}

/* Her NAT lets in whom she has spoken to: her homes, and nobody else. */
static void one_behind_a_port_restricted_nat_is_not_attested(void **state)
{
	(void)state;
	start();
	cw.nat = true;
	struct kith_candidacy_info info = cw_attest(&cw, &no_caps);
	assert_int_equal(info.reached, KITH_REACHED_NOBODY);
	assert_int_equal(info.attestations, 0);
	assert_true(cw.refused >= KITH_ATTESTS_NEEDED);
	assert_true(cw.hellos <= KITH_WITNESSES * 4); /* four first messages by each, and not again at once */
	core_world_deinit(&cw.w);
}

/* It says that it gives ten times of what its line carries. */
static void a_liar_by_ten_gets_what_it_has(void **state)
{
	(void)state;
	const uint32_t rates[] = { 125000, 500000 };
	for (size_t i = 0; i < 2; i++) {
		start();
		cw.rate = rates[i];
		cw.queue = 200 * KITH_US_PER_MS;
		const struct kith_candidacy_options claims = { .up = 10 * cw.rate, .down = 10 * cw.rate };
		struct kith_candidacy_info info = cw_attest(&cw, &claims);
		assert_int_equal(info.reached, KITH_REACHED_YES);
		assert_near(info.figures.up, cw.rate);
		assert_near(info.figures.down, cw.rate);
		core_world_deinit(&cw.w);
	}
}

/* Wi-Fi: packets are lost, and overtake each other. The figures are lower, and not by much; now and then the end of a
 * burst is lost, and what is down is taken for less than half. */
static void a_line_that_loses_and_jitters_is_measured_too(void **state)
{
	enum { LINES = 10 };
	unsigned low = 0;
	(void)state;
	for (unsigned line = 0; line < LINES; line++) {
		start();
		for (unsigned draws = 0; draws < line; draws++) /* so that others are lost */
			(void)kith_rng_below(&cw.w.random.random, 100);
		cw.rate = 500000;
		cw.queue = 200 * KITH_US_PER_MS;
		cw.loss_percent = 2;
		cw.jitter = 10 * KITH_US_PER_MS;
		struct kith_candidacy_info info = cw_attest(&cw, &no_caps);
		assert_int_equal(info.reached, KITH_REACHED_YES);
		assert_true(info.figures.up > cw.rate / 2 && info.figures.up < cw.rate / 100 * 115);
		assert_true(info.figures.down > cw.rate / 4 && info.figures.down < cw.rate / 100 * 115);
		low += info.figures.down <= cw.rate / 2;
		core_world_deinit(&cw.w);
	}
	assert_true(low <= LINES / 10);
}

static void the_cap_of_the_operator_holds(void **state)
{
	(void)state;
	start();
	const struct kith_candidacy_options caps = { .up = 200000, .down = 100000 };
	struct kith_candidacy_info info = cw_attest(&cw, &caps);
	assert_int_equal(info.reached, KITH_REACHED_YES);
	assert_true(info.figures.up <= 200000 && info.figures.up > 150000);
	assert_true(info.figures.down <= 100000 && info.figures.down > 75000);
	core_world_deinit(&cw.w);
}

/* They follow from her id and the day, and none of them is a home of hers: those she has spoken to. */
static void a_candidate_cannot_choose_its_witnesses(void **state)
{
	(void)state;
	const struct kith_member *may[KITH_WITNESSES_MAX];
	uint8_t list[KITH_ATTESTS_LEN_MAX];
	struct kith_attest held[KITH_ATTESTS_MAX];
	struct kith_endpoint at;
	start();
	uint32_t n = those_that_may(may);
	assert_true(n >= KITH_WITNESSES + KITH_HOMES);
	(void)cw_attest(&cw, &no_caps);
	size_t len = kith_candidacy_attests(cw.w.nodes[CW_ALICE].core, list, &at);
	assert_int_equal(kith_attests_read(held, test_span(list, len)), KITH_ATTESTS_NEEDED);
	for (int i = 0; i < KITH_ATTESTS_NEEDED; i++) {
		bool among = false;
		for (uint32_t k = 0; k < n; k++)
			among = among || memcmp(may[k]->id.b, held[i].witness, sizeof held[i].witness) == 0;
		assert_true(among);
		for (int k = 0; k < KITH_HOMES; k++)
			assert_memory_not_equal(cw.w.nodes[cw_home_of(&cw, k)].core->super->id.b, held[i].witness,
						sizeof held[i].witness);
	}
	core_world_deinit(&cw.w);
}

/* Supernode `from`, in league with her, has another one asked to be her witness. */
static void have_asked(int from, int witness, const struct kith_endpoint *at)
{
	struct kith_core *c = cw.w.nodes[from].core;
	struct kith_msg_witness m = { .id = id_of_alice(), .endpoint = *at };
	struct kith_member *member;
	struct kith_host host;
	uint8_t body[KITH_REQUEST_MAX];
	uint32_t session;
	memcpy(m.device.b, cw.w.nodes[CW_ALICE].core->self.dh_pk, sizeof m.device.b);
	size_t len = kith_msg_witness_write(body, sizeof body, &m);
	kith_core_enter(c, world_clock(&cw.w));
	member = kith_members_get(&c->super->members, &cw.w.nodes[witness].core->super->id);
	assert_non_null(member);
	kith_member_host(member, &host);
	assert_int_equal(kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_WITNESS, test_span(body, len),
					      kith_token(KITH_TOKEN_IGNORE, 0), &session),
			 0);
	kith_core_settle(c);
	world_drain(&cw.w, from);
	world_run(&cw.w, 5 * KITH_US_PER_S);
}

/* One that is not among the eight, or that she has spoken to, does not dial, whoever asks. */
static void a_witness_makes_sure_that_it_is_one(void **state)
{
	(void)state;
	const struct kith_member *may[KITH_WITNESSES_MAX];
	start();
	const struct kith_endpoint at = kith_endpoint_udp(&cw.w.nodes[CW_ALICE].addr);
	unsigned others = 0;
	uint32_t n = those_that_may(may);
	assert_int_equal(n, KITH_WITNESSES_MAX); /* of twelve */
	for (int i = 0; i < CW_SUPERNODES; i++) {
		const struct kith_core *c = cw.w.nodes[i].core;
		bool among = false, home = false;
		for (uint32_t k = 0; k < n; k++)
			among = among || memcmp(may[k]->id.b, c->super->id.b, KITH_ID_LEN) == 0;
		for (int k = 0; k < KITH_HOMES; k++)
			home = home || cw_home_of(&cw, k) == i;
		others += !among && !home;
		int before = cw.hellos;
		have_asked((i + 1) % CW_SUPERNODES, i, &at);
		assert_int_equal(cw.hellos > before, among && !home);
	}
	assert_true(others > 0);
	core_world_deinit(&cw.w);
}

/* Nobody consents: whoever is dialled so does not answer, as a leaf does not. */
static void who_does_not_ask_is_not_measured(void **state)
{
	(void)state;
	const struct kith_member *may[KITH_WITNESSES_MAX];
	start();
	const struct kith_endpoint at = kith_endpoint_udp(&cw.w.nodes[CW_ALICE].addr);
	(void)those_that_may(may);
	uint64_t refused = world_stat(&cw.w, CW_ALICE, KITH_STAT_REFUSE_NOT_VIA_HOME);
	for (int i = 0; i < CW_SUPERNODES; i++)
		have_asked((i + 1) % CW_SUPERNODES, i, &at);
	assert_true(cw.hellos > 0);
	assert_int_equal(world_stat(&cw.w, CW_ALICE, KITH_STAT_REFUSE_NOT_VIA_HOME) - refused, cw.hellos);
	assert_int_equal(cw.burst_bytes, 0);
	core_world_deinit(&cw.w);
}

static int to_victim; /* packets to an address of nobody's */

static int count_victim(struct core_world *w, struct world_packet *p)
{
	const struct kith_addr victim = world_addr(WORLD_NODES + 5);
	to_victim += memcmp(p->to.ip, victim.ip, 4) == 0;
	return cw_tap(w, p);
}

/* She names an address that is not hers. */
static void dialled_is_only_where_the_candidate_s_packets_come_from(void **state)
{
	(void)state;
	start();
	to_victim = 0;
	cw.w.tap = count_victim;
	const struct kith_candidacy_options elsewhere = { .endpoint = world_endpoint(WORLD_NODES + 5) };
	struct kith_candidacy_info info = cw_attest(&cw, &elsewhere);
	assert_int_equal(info.reached, KITH_REACHED_ELSEWHERE);
	assert_int_equal(info.attestations, 0);
	assert_int_equal(to_victim, 0);
	assert_int_equal(cw.hellos, 0);
	core_world_deinit(&cw.w);
}

/* Another port of her address may be dialled; this one does not work, and she is told. */
static void an_advertised_port_that_does_not_work_is_found_out(void **state)
{
	(void)state;
	start();
	struct kith_candidacy_options other = { .endpoint = world_endpoint(CW_ALICE) };
	other.endpoint.addr.port++;
	struct kith_candidacy_info info = cw_attest(&cw, &other);
	assert_int_equal(info.reached, KITH_REACHED_NOBODY);
	assert_true(kith_endpoint_equal(&info.endpoint, &other.endpoint));
	assert_int_equal(info.attestations, 0);
	core_world_deinit(&cw.w);
}

/* A home that lies can have an address dialled that is no candidate's, but not often: by each witness four of a
 * network in ten minutes, four first messages each. */
static void a_victim_is_dialled_seldom(void **state)
{
	(void)state;
	start();
	to_victim = 0;
	cw.w.tap = count_victim;
	struct kith_endpoint victim = world_endpoint(WORLD_NODES + 5);
	for (int round = 0; round < 10; round++) {
		victim.addr.port++;
		for (int i = 0; i < CW_SUPERNODES; i++)
			have_asked((i + 1) % CW_SUPERNODES, i, &victim);
	}
	assert_true(to_victim > 0);
	/* It is always the same candidate: once. */
	assert_true(to_victim <= CW_SUPERNODES * 4);
	core_world_deinit(&cw.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_candidate_is_attested_by_three_and_its_homes_know),
		cmocka_unit_test(attesting_costs_a_mebibyte_each_way_and_witness_at_most),
		cmocka_unit_test(being_attested_again_costs_a_fraction),
		cmocka_unit_test(one_behind_a_port_restricted_nat_is_not_attested),
		cmocka_unit_test(a_liar_by_ten_gets_what_it_has),
		cmocka_unit_test(a_line_that_loses_and_jitters_is_measured_too),
		cmocka_unit_test(the_cap_of_the_operator_holds),
		cmocka_unit_test(a_candidate_cannot_choose_its_witnesses),
		cmocka_unit_test(a_witness_makes_sure_that_it_is_one),
		cmocka_unit_test(who_does_not_ask_is_not_measured),
		cmocka_unit_test(dialled_is_only_where_the_candidate_s_packets_come_from),
		cmocka_unit_test(an_advertised_port_that_does_not_work_is_found_out),
		cmocka_unit_test(a_victim_is_dialled_seldom),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
