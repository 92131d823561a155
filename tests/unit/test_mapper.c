#include "gateway.h"

#include "host/mapper.h"

#define MS KITH_US_PER_MS
#define S KITH_US_PER_S

enum { UDP, TCP };

struct talk {
	struct kith_mapper m;
	kith_time_us now;
	uint8_t sent[KITH_PCP_REQUEST_MAX];
	size_t len;
};

static void begin(struct talk *t, unsigned ports)
{
	struct kith_portmap_ask ask = { .gateway = addr("192.168.1.1:0"), .self = addr("192.168.1.2:0"), .n = ports };
	ask.ports[UDP] = (struct kith_portmap_port){ KITH_PCP_UDP, 4433, { 1, 2, 3 } };
	ask.ports[TCP] = (struct kith_portmap_port){ KITH_PCP_TCP, 443, { 4, 5, 6 } };
	memset(t, 0, sizeof *t);
	t->now = 1000 * S;
	kith_mapper_begin(&t->m, t->now, &ask);
}

/* Lets time pass until something is due; whether that is a datagram, which lies in sent. */
static bool next(struct talk *t)
{
	if (kith_mapper_deadline(&t->m) > t->now)
		t->now = kith_mapper_deadline(&t->m);
	t->len = kith_mapper_next(&t->m, t->now, t->sent);
	return t->len > 0;
}

static void answer(struct talk *t, uint32_t epoch_s, uint32_t life_s)
{
	uint8_t in[GATEWAY_PCP_LEN];
	size_t len =
		t->sent[0] == 2 ? pcp_answer(t->sent, epoch_s, life_s, in) : pmp_answer(t->sent, epoch_s, life_s, in);
	kith_mapper_take(&t->m, t->now, in, len);
}

static bool is_mapped(const struct talk *t, unsigned i, const char *at)
{
	struct kith_addr outer, want = addr(at);
	return kith_mapper_mapped(&t->m, i, &outer) && kith_addr_equal(&outer, &want);
}

static bool is_mapped_at_all(const struct talk *t, unsigned i)
{
	struct kith_addr outer;
	return kith_mapper_mapped(&t->m, i, &outer);
}

/* ---- PCP ---- */

static void what_is_not_answered_is_sent_four_times_then_upnp_then_rest(void **state)
{
	struct talk t;
	struct kith_addr none = { 0 };
	(void)state;
	begin(&t, 1);
	const kith_time_us start = t.now, at[] = { 0, 250 * MS, 750 * MS, 1750 * MS };
	for (int i = 0; i < 4; i++) {
		assert_true(next(&t));
		assert_int_equal(t.now - start, at[i]);
		assert_int_equal(t.sent[0], 2);
	}
	assert_false(next(&t));
	assert_int_equal(t.now - start, 3750 * MS);
	assert_int_equal(t.m.method, KITH_PORTMAP_UPNP);
	assert_int_equal(kith_mapper_upnp(&t.m, t.now), UDP);
	kith_mapper_upnp_done(&t.m, t.now, UDP, &none);
	assert_int_equal(t.m.method, KITH_PORTMAP_NONE);
	assert_int_equal(kith_mapper_upnp(&t.m, t.now), -1);
	assert_int_equal(t.m.result, 0);
	const kith_time_us gave_up = t.now;
	assert_true(next(&t)); /* all again */
	assert_int_equal(t.now - gave_up, KITH_MAPPER_AGAIN_US);
	assert_int_equal(t.m.method, KITH_PORTMAP_PCP);
}

static void a_mapping_is_renewed_at_half_of_its_life_as_the_same_one(void **state)
{
	struct talk t;
	uint8_t first[KITH_PCP_REQUEST_MAX];
	(void)state;
	begin(&t, 1);
	assert_true(next(&t));
	memcpy(first, t.sent, sizeof first);
	t.sent[43]++; /* the router has given 4433 away, and maps 4434 */
	answer(&t, 10, 1200);
	assert_true(is_mapped(&t, UDP, "198.51.100.1:4434"));
	const kith_time_us mapped = t.now;
	assert_true(next(&t));
	assert_int_equal(t.now - mapped, 600 * S);
	assert_memory_equal(t.sent, first, 42); /* nonce and inner port */
	assert_int_equal(t.sent[42] << 8 | t.sent[43], 4434); /* it is to stay where it is */
	assert_memory_equal(t.sent + 56, "\xc6\x33\x64\x01", 4);
	answer(&t, 610, 1200);
	assert_true(is_mapped(&t, UDP, "198.51.100.1:4434"));
	assert_int_equal(kith_mapper_deadline(&t.m), t.now + 600 * S);
	assert_int_equal(t.m.lies, 0);
}

static void a_renewal_that_fails_is_tried_until_the_mapping_ends(void **state)
{
	struct talk t;
	unsigned sent = 0;
	(void)state;
	begin(&t, 1);
	assert_true(next(&t));
	answer(&t, 10, 1200);
	const kith_time_us mapped = t.now;
	assert_true(next(&t));
	for (int i = 0; i < 3; i++)
		assert_true(next(&t));
	assert_false(next(&t)); /* nothing came: half of what is left is waited for */
	assert_true(is_mapped_at_all(&t, UDP));
	assert_true(next(&t));
	assert_in_range(t.now - mapped, 895 * S, 905 * S);
	while (is_mapped_at_all(&t, UDP) && sent < 100)
		sent += next(&t);
	assert_int_equal(t.now - mapped, 1200 * S);
	assert_in_range(sent, 4, 48); /* no flood: no burst of four comes sooner than 4 s after another */
	assert_int_equal(t.m.method, KITH_PORTMAP_PCP); /* from the beginning */
	assert_int_equal(t.sent[0], 2);
}

/* Whether that answer is a lie, after which the request is sent again and an honest answer is taken. */
static void lies(const char *what, void (*change)(uint8_t *in, size_t *len))
{
	struct talk t;
	uint8_t in[KITH_PCP_ANSWER_MAX];
	begin(&t, 1);
	assert_true(next(&t));
	size_t len = pcp_answer(t.sent, 10, 3600, in);
	change(in, &len);
	kith_mapper_take(&t.m, t.now, in, len);
	if (is_mapped_at_all(&t, UDP) || t.m.lies != 1)
		fail_msg("%s: taken, or not counted", what);
	assert_true(next(&t));
	answer(&t, 10, 3600);
	assert_true(is_mapped(&t, UDP, "198.51.100.1:4433"));
	assert_int_equal(t.m.lies, 1);
}

static void change_len(uint8_t *in, size_t *len)
{
	(void)in;
	*len -= 4;
}

static void change_nonce(uint8_t *in, size_t *len)
{
	(void)len;
	in[35] ^= 1;
}

static void change_protocol(uint8_t *in, size_t *len)
{
	(void)len;
	in[36] = KITH_PCP_TCP;
}

static void change_inner(uint8_t *in, size_t *len)
{
	(void)len;
	in[41] ^= 1;
}

static void change_outer_port(uint8_t *in, size_t *len)
{
	(void)len;
	in[42] = in[43] = 0;
}

static void change_outer(uint8_t *in, size_t *len)
{
	(void)len;
	memset(in + 56, 0, 4);
}

static void change_family(uint8_t *in, size_t *len)
{
	(void)len;
	in[44] = 0x20;
}

static void change_life_none(uint8_t *in, size_t *len)
{
	(void)len;
	put_u32(in + 4, 0);
}

static void change_life_short(uint8_t *in, size_t *len)
{
	(void)len;
	put_u32(in + 4, KITH_MAPPER_LIFE_LEAST_S - 1);
}

static void change_life_long(uint8_t *in, size_t *len)
{
	(void)len;
	put_u32(in + 4, KITH_MAPPER_LIFE_MAX_S + 1);
}

static void lies_are_counted_and_change_nothing(void **state)
{
	(void)state;
	lies("malformed", change_len);
	lies("another nonce", change_nonce);
	lies("another protocol", change_protocol);
	lies("another port", change_inner);
	lies("outer port 0", change_outer_port);
	lies("outer address 0", change_outer);
	lies("an outer address of IPv6", change_family);
	lies("a life of 0", change_life_none);
	lies("a life that is too short", change_life_short);
	lies("a life that is too long", change_life_long);
}

static void a_router_that_refuses_is_asked_by_upnp(void **state)
{
	struct talk t;
	uint8_t in[GATEWAY_PCP_LEN];
	(void)state;
	begin(&t, 1);
	assert_true(next(&t));
	size_t len = pcp_answer(t.sent, 10, 1800, in);
	in[3] = KITH_PCP_REFUSED;
	kith_mapper_take(&t.m, t.now, in, len);
	assert_int_equal(t.m.method, KITH_PORTMAP_UPNP);
	assert_int_equal(t.m.result, KITH_PCP_REFUSED);
	assert_int_equal(t.m.lies, 0);
}

static void a_second_port_that_is_refused_takes_nothing_from_the_first(void **state)
{
	struct talk t;
	uint8_t in[GATEWAY_PCP_LEN];
	(void)state;
	begin(&t, 2);
	assert_true(next(&t));
	answer(&t, 10, 3600);
	assert_true(next(&t));
	assert_int_equal(t.sent[36], KITH_PCP_TCP);
	size_t len = pcp_answer(t.sent, 10, 1800, in);
	in[3] = KITH_PCP_REFUSED;
	kith_mapper_take(&t.m, t.now, in, len);
	assert_int_equal(t.m.method, KITH_PORTMAP_PCP);
	assert_true(is_mapped(&t, UDP, "198.51.100.1:4433"));
	assert_false(is_mapped_at_all(&t, TCP));
	assert_int_equal(kith_mapper_deadline(&t.m), t.now + 1800 * S);
}

/* A leaf begins to take connections in, and ceases to. */
static void a_port_more_takes_nothing_from_the_first(void **state)
{
	struct talk t;
	(void)state;
	begin(&t, 1);
	assert_true(next(&t));
	answer(&t, 10, 3600);
	assert_true(is_mapped(&t, UDP, "198.51.100.1:4433"));
	struct kith_portmap_ask ask = t.m.ask;
	ask.ports[ask.n++] = (struct kith_portmap_port){ .protocol = KITH_PCP_TCP, .port = 4433, .nonce = { 9 } };
	kith_mapper_ports(&t.m, t.now, &ask);
	assert_true(is_mapped(&t, UDP, "198.51.100.1:4433"));
	assert_int_equal(kith_mapper_deadline(&t.m), t.now);
	assert_true(next(&t));
	assert_int_equal(t.sent[36], KITH_PCP_TCP);
	answer(&t, 10, 3600);
	assert_true(is_mapped_at_all(&t, TCP));
	ask.n = 1;
	kith_mapper_ports(&t.m, t.now, &ask);
	assert_true(is_mapped(&t, UDP, "198.51.100.1:4433"));
	assert_false(is_mapped_at_all(&t, TCP));
	assert_int_equal(kith_mapper_deadline(&t.m), t.now + 1800 * S);
}

/* ---- a router that begins anew ---- */

static void a_router_that_has_lost_its_mappings_is_asked_at_once(void **state)
{
	struct talk t;
	uint8_t news[24];
	(void)state;
	begin(&t, 2);
	for (int i = 0; i < 2; i++) {
		assert_true(next(&t));
		answer(&t, 5000, 3600);
	}
	t.now += 100 * S;
	kith_mapper_take(&t.m, t.now, news, pcp_announcement(5100, news)); /* as it should be */
	assert_true(kith_mapper_deadline(&t.m) > t.now);
	kith_mapper_take(&t.m, t.now, news, pcp_announcement(5102, news)); /* a clock that is a little fast */
	assert_true(kith_mapper_deadline(&t.m) > t.now);
	kith_mapper_take(&t.m, t.now, news, pcp_announcement(1, news));
	assert_int_equal(kith_mapper_deadline(&t.m), t.now);
	assert_true(is_mapped_at_all(&t, UDP)); /* it may be there still */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kith_mapper_next(&t.m, t.now, t.sent), GATEWAY_PCP_LEN);
		assert_int_equal(t.sent[36], i == UDP ? KITH_PCP_UDP : KITH_PCP_TCP);
		answer(&t, 1, 3600);
	}
	assert_int_equal(kith_mapper_next(&t.m, t.now, t.sent), 0);
	assert_int_equal(kith_mapper_deadline(&t.m), t.now + 1800 * S);
	/* Told by the answer to a renewal: the other mapping is asked for, too. */
	assert_true(next(&t));
	answer(&t, 3, 3600);
	assert_int_equal(kith_mapper_next(&t.m, t.now, t.sent), GATEWAY_PCP_LEN);
	assert_int_equal(t.sent[36], KITH_PCP_TCP);
	assert_int_equal(t.m.lies, 0);
}

static void a_router_that_comes_to_be_there_is_asked_but_not_at_its_every_word(void **state)
{
	struct talk t;
	uint8_t news[24];
	struct kith_addr none = { 0 };
	(void)state;
	begin(&t, 1);
	kith_mapper_next(&t.m, t.now, t.sent);
	for (int i = 0; i < 2; i++) {
		kith_mapper_deaf(&t.m, t.now); /* nobody listens at the port: not waited for */
		assert_int_equal(t.m.method, KITH_PORTMAP_UPNP);
		kith_mapper_upnp_done(&t.m, t.now, UDP, &none);
		assert_int_equal(t.m.method, KITH_PORTMAP_NONE);
		kith_mapper_take(&t.m, t.now, news, pcp_announcement(1, news));
		assert_int_equal(t.m.method, i == 0 ? KITH_PORTMAP_PCP : KITH_PORTMAP_NONE);
		kith_mapper_next(&t.m, t.now, t.sent);
	}
	t.now += 10 * S;
	kith_mapper_take(&t.m, t.now, news, pcp_announcement(11, news));
	assert_int_equal(t.m.method, KITH_PORTMAP_PCP);
}

static void another_network_asks_at_once(void **state)
{
	struct talk t;
	(void)state;
	begin(&t, 1);
	assert_true(next(&t));
	answer(&t, 10, 3600);
	t.now += S;
	kith_mapper_again(&t.m, t.now);
	assert_int_equal(kith_mapper_deadline(&t.m), t.now);
	assert_true(next(&t));
	assert_true(is_mapped_at_all(&t, UDP)); /* until the router says otherwise */
}

/* ---- NAT-PMP ---- */

static void a_router_that_knows_nothing_newer_is_asked_by_nat_pmp(void **state)
{
	static const uint8_t unknown[] = { 0, 0x81, 0, 1, 0, 0, 0, 9 };
	static const uint8_t address[] = { 0, 0x80, 0, 0, 0, 0, 0, 9, 198, 51, 100, 1 };
	static const uint8_t moved[] = { 0, 0x80, 0, 0, 0, 0, 0, 9, 198, 51, 100, 2 };
	struct talk t;
	bool asked[3] = { false };
	(void)state;
	begin(&t, 2);
	assert_true(next(&t));
	kith_mapper_take(&t.m, t.now, unknown, sizeof unknown);
	assert_int_equal(t.m.method, KITH_PORTMAP_NATPMP);
	while (kith_mapper_next(&t.m, t.now, t.sent) > 0) {
		assert_int_equal(t.sent[0], 0);
		assert_false(asked[t.sent[1]]); /* each once */
		asked[t.sent[1]] = true;
		if (t.sent[1] > 0)
			answer(&t, 9, 3600);
		assert_false(is_mapped_at_all(&t, UDP)); /* the address is not known yet */
	}
	assert_true(asked[0] && asked[1] && asked[2]);
	kith_mapper_take(&t.m, t.now, address, sizeof address);
	assert_true(is_mapped(&t, UDP, "198.51.100.1:4433"));
	assert_true(is_mapped(&t, TCP, "198.51.100.1:443"));
	kith_mapper_take(&t.m, t.now, moved, sizeof moved); /* told unasked: it has got another */
	assert_true(is_mapped(&t, UDP, "198.51.100.2:4433"));
	assert_int_equal(t.m.lies, 0);
	assert_true(next(&t)); /* renewed, and the address is asked for again */
	answer(&t, 9 + 1800, 3600);
	bool address_too = false;
	while (kith_mapper_next(&t.m, t.now, t.sent) > 0)
		address_too = address_too || t.sent[1] == 0;
	assert_true(address_too);
}

/* ---- UPnP ---- */

static void a_mapping_by_upnp_is_renewed_and_taken_back(void **state)
{
	struct talk t;
	struct kith_addr outer = addr("198.51.100.1:50000"), none = { 0 };
	(void)state;
	begin(&t, 1);
	assert_true(next(&t));
	kith_mapper_deaf(&t.m, t.now);
	assert_int_equal(kith_mapper_upnp(&t.m, t.now), UDP);
	kith_mapper_upnp_done(&t.m, t.now, UDP, &outer);
	assert_true(is_mapped(&t, UDP, "198.51.100.1:50000"));
	assert_int_equal(kith_mapper_upnp(&t.m, t.now), -1);
	assert_int_equal(kith_mapper_deadline(&t.m), t.now + 1800 * S);
	t.now += 1800 * S;
	assert_int_equal(kith_mapper_next(&t.m, t.now, t.sent), 0);
	assert_int_equal(kith_mapper_upnp(&t.m, t.now), UDP);
	kith_mapper_upnp_done(&t.m, t.now, UDP, &none); /* it does not answer now: there is time */
	assert_true(is_mapped_at_all(&t, UDP));
	assert_int_equal(kith_mapper_deadline(&t.m), t.now + 900 * S);
	kith_mapper_leave(&t.m, t.now);
	assert_false(kith_mapper_done(&t.m));
	assert_int_equal(kith_mapper_upnp(&t.m, t.now), UDP);
	kith_mapper_upnp_done(&t.m, t.now, UDP, &outer);
	assert_true(kith_mapper_done(&t.m));
}

/* ---- the end ---- */

static void what_is_mapped_is_taken_back_and_not_waited_for_long(void **state)
{
	struct talk t;
	(void)state;
	begin(&t, 2);
	assert_true(next(&t));
	answer(&t, 10, 3600);
	assert_true(next(&t)); /* the second one is on its way, and not mapped */
	const kith_time_us left = t.now;
	kith_mapper_leave(&t.m, t.now);
	for (int i = 0; i < KITH_MAPPER_LEAVE_TRIES; i++) {
		assert_false(kith_mapper_done(&t.m));
		assert_true(next(&t));
		assert_int_equal(get_u32(t.sent + 4), 0); /* lifetime */
		assert_int_equal(t.sent[36], KITH_PCP_UDP);
	}
	assert_false(next(&t));
	assert_true(kith_mapper_done(&t.m));
	assert_int_equal(t.now - left, 750 * MS);
	/* An answer ends it at once. */
	begin(&t, 1);
	assert_true(next(&t));
	answer(&t, 10, 3600);
	kith_mapper_leave(&t.m, t.now);
	assert_true(next(&t));
	answer(&t, 10, 0);
	assert_true(kith_mapper_done(&t.m));
	/* Nothing was mapped: nothing is to be done. */
	begin(&t, 1);
	kith_mapper_leave(&t.m, t.now);
	assert_true(kith_mapper_done(&t.m));
	assert_int_equal(kith_mapper_next(&t.m, t.now, t.sent), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_answered_is_sent_four_times_then_upnp_then_rest),
		cmocka_unit_test(a_mapping_is_renewed_at_half_of_its_life_as_the_same_one),
		cmocka_unit_test(a_renewal_that_fails_is_tried_until_the_mapping_ends),
		cmocka_unit_test(lies_are_counted_and_change_nothing),
		cmocka_unit_test(a_router_that_refuses_is_asked_by_upnp),
		cmocka_unit_test(a_second_port_that_is_refused_takes_nothing_from_the_first),
		cmocka_unit_test(a_port_more_takes_nothing_from_the_first),
		cmocka_unit_test(a_router_that_has_lost_its_mappings_is_asked_at_once),
		cmocka_unit_test(a_router_that_comes_to_be_there_is_asked_but_not_at_its_every_word),
		cmocka_unit_test(another_network_asks_at_once),
		cmocka_unit_test(a_router_that_knows_nothing_newer_is_asked_by_nat_pmp),
		cmocka_unit_test(a_mapping_by_upnp_is_renewed_and_taken_back),
		cmocka_unit_test(what_is_mapped_is_taken_back_and_not_waited_for_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
