#include "support.h"

#include "message_cases.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
enum { LEAST, USUAL, MOST, SIZES_N };

/* ---- one message of each kind in three sizes ---- */

static uint8_t stuff[KITH_ANSWER_MAX]; /* bytes to borrow */
static struct kith_span items[KITH_PACK_ITEMS_MAX];

static struct kith_span bytes(size_t len)
{
	return (struct kith_span){ stuff, len };
}

/* n byte strings of len bytes, all different. */
static struct kith_spans list(size_t from, size_t n, size_t len)
{
	assert_true(from + n <= COUNT(items));
	for (size_t i = from; i < from + n; i++)
		items[i] = (struct kith_span){ stuff + i, len };
	return (struct kith_spans){ items + from, n };
}

static void fill(uint8_t *out, size_t len)
{
	memcpy(out, stuff + 7, len);
}

static void sample_home(struct message *m, int size)
{
	switch ((int)m->kind) {
	case MESSAGE_attach:
		m->as.attach.record = size == LEAST ? bytes(0) : bytes(size == USUAL ? 500 : KITH_RECORD_LEN_MAX);
		if (size == LEAST)
			m->as.attach.record.p = NULL;
		m->as.attach.publish = size == MOST;
		return;
	case MESSAGE_attached:
		m->as.attached.observed.kind = size == LEAST ? KITH_TRANSPORT_NONE : KITH_TRANSPORT_UDP;
		m->as.attached.observed.addr.family = size == LEAST   ? 0
						      : size == USUAL ? KITH_FAMILY_V4
								      : KITH_FAMILY_V6;
		m->as.attached.observed.addr.port = size == LEAST ? 0 : size == USUAL ? 4711 : 65535;
		fill(m->as.attached.observed.addr.ip, size == LEAST ? 0 : size == USUAL ? 4 : 16);
		m->as.attached.wait_ms = size == LEAST ? 0 : size == USUAL ? 7000 : UINT32_MAX;
		m->as.attached.unix_ms = size == LEAST ? 0 : size == USUAL ? INT64_C(1700000000000) : INT64_MAX;
		return;
	case MESSAGE_leave:
		m->as.leave.in_ms = size == LEAST ? 0 : size == USUAL ? 60000 : UINT64_MAX;
		m->as.leave.hosts = list(0, size == MOST, KITH_HOST_LEN_MAX); /* MOVE */
		m->as.leave.members = list(1, (size_t)size, 500);
		return;
	case MESSAGE_members:
		m->as.members.n = size == LEAST ? 0 : size == USUAL ? KITH_MEMBERS_TOLD_MAX : UINT64_MAX;
		return;
	case MESSAGE_named:
		m->as.named.entries = list(0, (size_t)size * 3, size == MOST ? KITH_MEMBER_LEN_MAX : 528);
		return;
	case MESSAGE_help:
		m->as.help.token = bytes(size == MOST ? KITH_HELP_TOKEN_MAX : (size_t)size * 300);
		return;
	case MESSAGE_helped:
		m->as.helped.places = size == LEAST ? 0 : size == USUAL ? 1000 : UINT64_MAX;
		return;
	}
}

static void sample_directory(struct message *m, int size)
{
	size_t n = size == MOST ? KITH_PACK_ITEMS_MAX - 9 : (size_t)size; /* all items of a body */
	switch ((int)m->kind) {
	case MESSAGE_find:
		fill(m->as.find.key.b, KITH_ID_LEN);
		m->as.find.members = size == MOST ? UINT64_MAX : (uint64_t)size;
		m->as.find.nearer = list(0, size == MOST ? 54 : (size_t)size * 6, KITH_MEMBER_ID_PREFIX);
		if (size != LEAST)
			m->as.find.tokens =
				bytes((size == MOST ? KITH_FOLLOW_TOKENS_MAX : 1) * (size_t)KITH_FOLLOW_LEN);
		return;
	case MESSAGE_found:
		m->as.found.records = list(0, n / 3, 40);
		m->as.found.vanished = list(n / 3, n / 3, size == MOST ? 0 : 40);
		m->as.found.members = list(n / 3 * 2, n / 3, size == MOST ? 100 : 40);
		if (size == MOST)
			m->as.found.doubted = bytes(n / 3);
		return;
	case MESSAGE_subscribe:
		m->as.subscribe.add = list(0, size == MOST ? 27 : (size_t)size, KITH_ID_LEN);
		m->as.subscribe.drop = list(27, size == MOST ? 2 : 0, KITH_ID_LEN);
		m->as.subscribe.follow = list(29, size == MOST ? 2 : (size_t)size, KITH_ID_LEN + KITH_FOLLOW_LEN);
		m->as.subscribe.brief = size == MOST;
		return;
	case MESSAGE_notice:
		m->as.notice.records = list(0, size == LEAST ? 0 : 1, size == MOST ? KITH_RECORD_LEN_MAX : 400);
		m->as.notice.vanished = list(1, 0, 0);
		m->as.notice.has_key = size == MOST;
		fill(m->as.notice.key.b, size == MOST ? KITH_ID_LEN : 0);
		m->as.notice.has_newest = size == MOST;
		fill(m->as.notice.newest, size == MOST ? KITH_DEVICE_ID_LEN : 0);
		m->as.notice.newest_seq = size == MOST ? UINT64_MAX : 0;
		return;
	}
}

/* So many lists, and heads, of which the first bytes say what they are. */
static struct kith_span editions(size_t lists_n, size_t heads_n)
{
	static uint8_t run[KITH_EDITIONS_LEN_MAX];
	struct kith_writer w = kith_writer_of(run, sizeof run);
	for (size_t i = 0; i < lists_n + heads_n; i++) {
		struct kith_edition e = { .kind = KITH_POSTED_LIST, .signer = stuff + i, .number = i };
		if (i >= lists_n) {
			e.kind = KITH_POSTED_HEAD;
			e.digest = stuff + i;
		}
		kith_edition_write(&w, &e);
	}
	assert_false(w.bad);
	return test_span(run, kith_writer_len(&w));
}

static void sample_gossip(struct message *m, int size)
{
	/* Zeros are a digest of depth 0; a list needs a depth, and must have as many offers as it says. */
	static uint8_t digests[KITH_GOSSIP_TOLD_DIGESTS_MAX * KITH_GOSSIP_DIGEST_LEN];
	static uint8_t lists[4 * (KITH_GOSSIP_LIST_HEADER_LEN + 3 * KITH_GOSSIP_OFFER_LEN)];
	struct kith_writer w = kith_writer_of(lists, sizeof lists);
	for (uint8_t i = 1; i <= 4; i++) {
		kith_gossip_list_header_write(&w, (struct kith_gossip_range){ (uint8_t)(2 * i), i }, 3);
		for (unsigned k = 0; k < 3; k++)
			kith_gossip_offer_write(&w, stuff + k, UINT64_MAX - k);
	}
	assert_true(kith_writer_len(&w) == sizeof lists && !w.bad);
	size_t n = (size_t)size;
	if (m->kind == MESSAGE_gossip) {
		m->as.gossip.salt = size == MOST ? UINT64_MAX : n;
		m->as.gossip.digests = (struct kith_span){ digests, n * 3 * KITH_GOSSIP_DIGEST_LEN };
		m->as.gossip.offers = bytes(n * 3 * KITH_GOSSIP_OFFER_LEN);
		m->as.gossip.wants = bytes(n * 3 * KITH_MEMBER_ID_PREFIX);
		m->as.gossip.cursor = bytes(size == MOST ? KITH_MEMBER_ID_PREFIX : 0);
		m->as.gossip.editions = editions(n, n);
		m->as.gossip.editions_sum = size == MOST ? UINT64_MAX : n;
		return;
	}
	m->as.gossiped.salt = size == MOST ? UINT64_MAX : n;
	m->as.gossiped.digests = (struct kith_span){ digests, n * 8 * KITH_GOSSIP_DIGEST_LEN };
	m->as.gossiped.lists = (struct kith_span){ lists, sizeof lists / 2 * n };
	m->as.gossiped.entries = list(0, n * 24, 200);
	m->as.gossiped.cursor = bytes(size == MOST ? KITH_MEMBER_ID_PREFIX : 0);
	m->as.gossiped.count = size == MOST ? UINT32_MAX : (uint32_t)n;
	m->as.gossiped.offers = bytes(n * 8 * KITH_GOSSIP_OFFER_LEN);
	m->as.gossiped.editions = size == MOST ? editions(KITH_LISTS_MAX + 1, KITH_LISTS_MAX - 1) : editions(n, 0);
	m->as.gossiped.editions_sum = size == MOST ? UINT64_MAX : n;
}

static struct kith_endpoint endpoint(int size)
{
	struct kith_endpoint e = { .kind = size == LEAST ? KITH_TRANSPORT_NONE : KITH_TRANSPORT_UDP };
	if (size == LEAST)
		return e;
	e.addr.family = size == USUAL ? KITH_FAMILY_V4 : KITH_FAMILY_V6;
	e.addr.port = 4711;
	fill(e.addr.ip, size == USUAL ? 4 : 16);
	return e;
}

static void sample_attest(struct message *m, int size)
{
	const struct kith_span held = bytes(size == MOST ? KITH_ATTESTS_LEN_MAX : 300), none = { NULL, 0 };
	const uint32_t cap = size == LEAST ? 0 : size == USUAL ? 1250000 : UINT32_MAX;
	switch ((int)m->kind) {
	case MESSAGE_attest:
		m->as.attest = (struct kith_msg_attest){ size != LEAST, endpoint(size), cap, cap, none };
		if (size != LEAST)
			m->as.attest.held = held;
		return;
	case MESSAGE_asked:
		m->as.asked.witnesses = size == MOST ? UINT8_MAX : (uint8_t)(size * 5);
		return;
	case MESSAGE_witness:
		m->as.witness.endpoint = endpoint(size == LEAST ? USUAL : size);
		m->as.witness.up = m->as.witness.down = cap;
		fill(m->as.witness.id.b, KITH_ID_LEN);
		fill(m->as.witness.device.b, KITH_KEY_LEN);
		if (size != LEAST)
			m->as.witness.held = held;
		return;
	case MESSAGE_measure:
		m->as.measure.round = size == MOST ? UINT8_MAX : (uint8_t)size;
		m->as.measure.send = size == USUAL;
		m->as.measure.packets = size == MOST ? UINT16_MAX : (uint16_t)(size * 60);
		m->as.measure.rate = cap;
		m->as.measure.knock = size == MOST;
		return;
	case MESSAGE_measured:
		if (size != LEAST)
			m->as.measured.got = bytes(size == MOST ? KITH_MEASURED_GOT_MAX : 8);
		m->as.measured.proof = size == LEAST ? 0 : UINT64_MAX - (uint64_t)size;
		m->as.measured.knock = size == LEAST ? 0 : UINT64_MAX - (uint64_t)size;
		return;
	case MESSAGE_nominated:
		m->as.nominated.chain = bytes(size == MOST ? KITH_CHAIN_MAX : (size_t)size * 300);
		m->as.nominated.attests = bytes(size == MOST ? KITH_ATTESTS_LEN_MAX : (size_t)size * 129);
		return;
	case MESSAGE_knock:
		m->as.knock.endpoint = endpoint(size == LEAST ? USUAL : size);
		m->as.knock.name = size == MOST ? UINT64_MAX : (uint64_t)size + 1;
		m->as.knock.number = size == MOST ? UINT64_MAX : (uint64_t)size + 1;
		return;
	case MESSAGE_echo: /* the least is of a supernode */
		m->as.echo = size == LEAST ? (struct kith_msg_echo){ .to = endpoint(USUAL), .number = 1 }
					   : (struct kith_msg_echo){ .n = (uint8_t)size, .delays_s = { 1, 2 } };
		return;
	case MESSAGE_echoed:
		m->as.echoed.number = size == MOST ? UINT64_MAX : (uint64_t)size + 1;
		return;
	case MESSAGE_attested:
		m->as.attested.attest = bytes(size == MOST ? KITH_ATTEST_LEN_MAX : (size_t)size * 128);
		return;
	case MESSAGE_elected:
		m->as.elected.entry = bytes(size == MOST ? KITH_MEMBER_LEN_MAX : (size_t)size * 528);
		return;
	}
}

static void sample_list(struct message *m, int size)
{
	switch ((int)m->kind) {
	case MESSAGE_list:
		fill(m->as.list.signer, KITH_ISSUER_ID_LEN);
		m->as.list.number = size == MOST ? 0 : (uint64_t)size * UINT32_MAX;
		m->as.list.cert = size == MOST;
		return;
	case MESSAGE_listed:
		if (size == USUAL)
			m->as.listed.cert = bytes(KITH_CERT_MAX);
		if (size == MOST)
			m->as.listed.list = bytes(KITH_REVOCATION_LEN_MAX);
		return;
	case MESSAGE_editions:
		m->as.editions.editions = size == MOST ? editions(KITH_LISTS_MAX + 1, KITH_LISTS_MAX - 1)
						       : editions((size_t)size, (size_t)size);
		return;
	}
}

static void sample_tunnel(struct message *m, int size)
{
	const uint64_t number = size == MOST ? UINT64_MAX : (uint64_t)size;
	switch ((int)m->kind) {
	case MESSAGE_introduce:
		fill(m->as.introduce.device, KITH_DEVICE_ID_LEN);
		m->as.introduce.packet = bytes(size == MOST ? KITH_NESTED_MAX : (size_t)size * 300);
		return;
	case MESSAGE_introduced:
		m->as.introduced.tunnel = number;
		return;
	case MESSAGE_tunnel_close:
		m->as.tunnel_close = (struct kith_msg_tunnel_close){ size == MOST ? number : number * 60000, number };
		return;
	case MESSAGE_admit:
		m->as.admit = (struct kith_msg_admit){ .tunnel = number, .wish = (uint8_t)(size % 3) };
		m->as.admit.has_who = size != USUAL;
		if (m->as.admit.has_who) {
			m->as.admit.only = size == MOST;
			m->as.admit.who = bytes((size == MOST ? KITH_ADMIT_MAX : (size_t)size) * KITH_ADMIT_LEN);
		}
		return;
	}
}

static void sample_secret(struct message *m, int size)
{
	if (m->kind == MESSAGE_rekey) {
		m->as.rekey.epoch = size == MOST ? UINT8_MAX : (uint8_t)size;
		fill(m->as.rekey.ephemeral.b, KITH_KEY_LEN);
	} else if (m->kind == MESSAGE_rekeyed) {
		fill(m->as.rekeyed.ephemeral.b, KITH_KEY_LEN);
	} else if (m->kind == MESSAGE_early) {
		m->as.early.bytes = bytes(size == MOST ? KITH_EARLY_MAX : (size_t)size + 1);
	} else {
		fill(m->as.follow.token, KITH_FOLLOW_LEN);
	}
}

static void sample(struct message *m, enum message_kind kind, int size)
{
	memset(m, 0, sizeof *m);
	m->kind = kind;
	for (size_t i = 0; i < sizeof stuff; i++)
		stuff[i] = (uint8_t)(i * 7 + (i >> 8));
	switch (kind) {
	case MESSAGE_attach:
	case MESSAGE_attached:
	case MESSAGE_leave:
	case MESSAGE_help:
	case MESSAGE_helped:
	case MESSAGE_members:
	case MESSAGE_named:
		sample_home(m, size);
		return;
	case MESSAGE_find:
	case MESSAGE_found:
	case MESSAGE_subscribe:
	case MESSAGE_notice:
		sample_directory(m, size);
		return;
	case MESSAGE_introduce:
	case MESSAGE_introduced:
	case MESSAGE_tunnel_close:
	case MESSAGE_admit:
		sample_tunnel(m, size);
		return;
	case MESSAGE_rekey:
	case MESSAGE_rekeyed:
	case MESSAGE_follow:
	case MESSAGE_early:
		sample_secret(m, size);
		return;
	case MESSAGE_attest:
	case MESSAGE_asked:
	case MESSAGE_witness:
	case MESSAGE_measure:
	case MESSAGE_measured:
	case MESSAGE_attested:
	case MESSAGE_knock:
	case MESSAGE_echo:
	case MESSAGE_echoed:
	case MESSAGE_nominated:
	case MESSAGE_elected:
		sample_attest(m, size);
		return;
	case MESSAGE_gossip:
	case MESSAGE_gossiped:
		sample_gossip(m, size);
		return;
	case MESSAGE_list:
	case MESSAGE_listed:
	case MESSAGE_editions:
		sample_list(m, size);
		return;
	case MESSAGE_KINDS_N:
		return;
	}
}

/* Writes a sample into out (KITH_ANSWER_MAX bytes); returns its length. */
static size_t sample_body(uint8_t *out, enum message_kind kind, int size)
{
	static struct message m;
	sample(&m, kind, size);
	size_t len = message_write(out, KITH_ANSWER_MAX, &m);
	assert_true(len > 0);
	return len;
}

/* Checks a body in a block of exactly its length, so that the sanitizer sees any read past the end. */
static int check_exact(enum message_kind kind, const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len + (len == 0));
	assert_non_null(copy);
	memcpy(copy, p, len);
	int err = message_check(kind, (struct kith_span){ copy, len });
	free(copy);
	return err;
}

/* ---- tests ---- */

static void what_is_written_is_read_back(void **state)
{
	(void)state;
	static struct message m, back;
	static uint8_t body[KITH_ANSWER_MAX];
	for (int kind = 0; kind < MESSAGE_KINDS_N; kind++) {
		for (int size = 0; size < SIZES_N; size++) {
			sample(&m, (enum message_kind)kind, size);
			size_t len = message_write(body, sizeof body, &m);
			if (len == 0 || message_read(&back, m.kind, (struct kith_span){ body, len }) != 0 ||
			    !message_same(&m, &back) || !message_within(&back, (struct kith_span){ body, len }))
				fail_msg("%s, size %d", message_name(m.kind), size);
		}
	}
}

static void what_does_not_fit_is_not_written(void **state)
{
	(void)state;
	static struct message m;
	static uint8_t body[KITH_ANSWER_MAX + 1];
	for (int kind = 0; kind < MESSAGE_KINDS_N; kind++) {
		sample(&m, (enum message_kind)kind, USUAL);
		size_t len = message_write(body, KITH_ANSWER_MAX, &m);
		for (size_t cap = 0; cap < len; cap++) {
			memset(body, 0xee, sizeof body);
			assert_int_equal(message_write(body, cap, &m), 0);
			assert_int_equal(body[cap], 0xee);
		}
		assert_int_equal(message_write(body, len, &m), len);
	}
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	static uint8_t body[KITH_ANSWER_MAX + 1];
	for (int kind = 0; kind < MESSAGE_KINDS_N; kind++) {
		for (int size = 0; size < SIZES_N; size++) {
			size_t len = sample_body(body, (enum message_kind)kind, size);
			for (size_t cut = 0; cut < len; cut++)
				assert_int_equal(check_exact((enum message_kind)kind, body, cut), KITH_EPROTO);
			body[len] = 0xc0;
			assert_int_equal(check_exact((enum message_kind)kind, body, len + 1), KITH_EPROTO);
		}
	}
}

/* Each byte by each value, in the long ones by a few; check_exact asserts what must hold of what is accepted. */
static void every_damaged_byte_is_refused_or_harmless(void **state)
{
	(void)state;
	static uint8_t body[KITH_ANSWER_MAX];
	size_t accepted = 0, refused = 0;
	for (int kind = 0; kind < MESSAGE_KINDS_N; kind++) {
		for (int size = 0; size < SIZES_N; size++) {
			size_t len = sample_body(body, (enum message_kind)kind, size);
			unsigned step = len < 300 ? 1 : len < 2000 ? 37 : 127;
			for (size_t at = 0; at < len; at++) {
				uint8_t was = body[at];
				for (unsigned by = 1; by < 256; by += step) {
					body[at] = (uint8_t)(was ^ by);
					int err = check_exact((enum message_kind)kind, body, len);
					accepted += err == 0;
					refused += err != 0;
				}
				body[at] = was;
			}
		}
	}
	assert_true(accepted > 10000 && refused > 10000);
}

static void unknown_keys_are_skipped(void **state)
{
	(void)state;
	static uint8_t body[KITH_ANSWER_MAX + 8];
	static struct message m, back;
	static const uint8_t more[] = { 100, 0x93, 1, 0xc4, 0, 0x80 }; /* [1, h'', {}] */
	for (int kind = 0; kind < MESSAGE_KINDS_N; kind++) {
		if (kind == MESSAGE_introduced)
			continue; /* an empty map with one more key is no empty map: below */
		size_t len = sample_body(body, (enum message_kind)kind, USUAL);
		assert_int_equal(message_read(&m, (enum message_kind)kind, (struct kith_span){ body, len }), 0);
		uint8_t longer[KITH_ANSWER_MAX];
		memcpy(longer, body, len);
		longer[0]++;
		memcpy(longer + len, more, sizeof more);
		struct kith_span span = { longer, len + sizeof more };
		assert_int_equal(message_read(&back, (enum message_kind)kind, span), 0);
		assert_true(message_same(&m, &back));
	}
}

static void a_key_that_comes_twice_is_refused(void **state)
{
	(void)state;
	static uint8_t body[KITH_ANSWER_MAX + 8];
	for (int kind = 0; kind < MESSAGE_KINDS_N; kind++) {
		for (int size = 0; size < SIZES_N; size++) {
			size_t len = sample_body(body, (enum message_kind)kind, size);
			body[0] += 2;
			memcpy(body + len, "\x64\xc0\x64\xc0", 4);
			assert_int_equal(check_exact((enum message_kind)kind, body, len + 4), KITH_EPROTO);
		}
	}
}

/* What each kind says to bodies that have something other than it should. */
#define KEY16 "c410000102030405060708090a0b0c0d0e0f"
#define KEY32 "c420000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"

static void mandatory_keys_are_missed(void **state)
{
	(void)state;
	static const struct {
		enum message_kind kind;
		const char *hex, *why;
	} rows[] = {
		{ MESSAGE_find, "80", "no key" },
		{ MESSAGE_find, "8100" KEY16, "16 bytes" },
		{ MESSAGE_find, "8100d920000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f", "text" },
		{ MESSAGE_find, "8100c0", "nil" },
		{ MESSAGE_find, "8101" KEY32, "under another key" },
		{ MESSAGE_introduce, "80", "no device" },
		{ MESSAGE_introduce, "8101c40100", "a packet only" },
		{ MESSAGE_introduce, "8100" KEY32, "32 bytes" },
		{ MESSAGE_introduce, "810005", "a number" },
		{ MESSAGE_introduced, "8100c40101", "bytes" },
		{ MESSAGE_introduced, "810000", "tunnel 0" },
		{ MESSAGE_introduced, "8100d0ff", "negative" },
		{ MESSAGE_introduced, "810105", "another key only: no empty map" },
		{ MESSAGE_tunnel_close, "80", "no tunnel" },
		{ MESSAGE_tunnel_close, "810005", "the time only" },
		{ MESSAGE_tunnel_close, "8102c3", "a truth value" },
		{ MESSAGE_rekey, "80", "neither" },
		{ MESSAGE_rekey, "810001", "no ephemeral" },
		{ MESSAGE_rekey, "8101" KEY32, "no epoch" },
		{ MESSAGE_rekey, "8200cd010001" KEY32, "epoch 256" },
		{ MESSAGE_rekey, "82000101" KEY16, "half an ephemeral" },
		{ MESSAGE_follow, "80", "no token" },
		{ MESSAGE_follow, "8100" KEY32, "32 bytes" },
		{ MESSAGE_early, "80", "nothing" },
		{ MESSAGE_early, "8100c400", "no bytes" },
		{ MESSAGE_rekeyed, "80", "no ephemeral" },
		{ MESSAGE_rekeyed, "810191" KEY32, "an array of one" },
		{ MESSAGE_rekeyed, "8101" KEY16, "16 bytes" },
		{ MESSAGE_witness, "8200" KEY32 "01" KEY32, "no endpoint" },
		{ MESSAGE_witness, "8200" KEY32 "02c409010704100001020304", "no device" },
		{ MESSAGE_witness,
		  "8301" KEY32 "02c40901070410000102030403"
		  "05",
		  "no id" },
		{ MESSAGE_witness, "8300" KEY32 "01" KEY32 "02c409010704000001020304", "no port" },
		{ MESSAGE_attested, "8100a161", "text" },
		{ MESSAGE_attested, "8101c40101", "another key only" },
		{ MESSAGE_elected, "810005", "a number" },
		{ MESSAGE_list, "810105", "no signer" },
		{ MESSAGE_list, "8100" KEY16, "16 bytes" },
		{ MESSAGE_editions, "80", "none" },
		{ MESSAGE_editions, "8100c40101", "less than one" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t body[128];
		size_t len = test_hex(body, sizeof body, rows[i].hex);
		if (check_exact(rows[i].kind, body, len) != KITH_EPROTO)
			fail_msg("%s: %s", message_name(rows[i].kind), rows[i].why);
	}
}

/* Optional keys of another type or length are as if they were not there. */
static void what_is_not_as_it_should_be_counts_as_absent(void **state)
{
	(void)state;
	static const struct {
		enum message_kind kind;
		const char *hex, *same_as;
	} rows[] = {
		{ MESSAGE_attach, "8200a2616201c3", "8101c3" }, /* text for the record */
		{ MESSAGE_attach, "82000001c0", "80" }, /* a number, and nil */
		{ MESSAGE_attach, "810101", "80" }, /* 1 is not true */
		{ MESSAGE_attached, "80", "810200" },
		{ MESSAGE_attached, "8100c406040000010203", "80" }, /* an address cut short */
		{ MESSAGE_attached, "8100c408040000010203040a", "80" }, /* and one with a byte behind it */
		{ MESSAGE_attached, "8100c40709000001020304", "80" }, /* of no family */
		{ MESSAGE_named, "8100c40100", "80" }, /* bytes for a list */
		{ MESSAGE_named, "81009305a16180", "80" }, /* a list of other things */
		{ MESSAGE_members, "8100c3", "80" },
		{ MESSAGE_attached, "8102cf8000000000000000", "80" }, /* a time that no clock shows */
		{ MESSAGE_attached, "82020004cf0000000100000000", "810200" }, /* a wait that takes 33 bits */
		{ MESSAGE_leave, "820080038101c0", "80" },
		{ MESSAGE_leave, "820080018101c0", "80" },
		{ MESSAGE_helped, "8100a161", "80" }, /* text for a number */
		{ MESSAGE_found, "83000001c0028101c40101", "80" },
		{ MESSAGE_found, "820091c4010103c4020101", "810091c40101" }, /* two bytes of doubts for one record */
		{ MESSAGE_subscribe, "820092" KEY16 KEY32 "0191c400", "810091" KEY32 },
		{ MESSAGE_notice, "8102" KEY16, "80" },
		{ MESSAGE_notice, "8103" KEY16, "80" }, /* a device, and no sequence */
		{ MESSAGE_subscribe, "810201", "80" }, /* 1 is not true */
		{ MESSAGE_find, "8200" KEY32 "0192" KEY32 KEY16, "8200" KEY32 "0191" KEY16 },
		{ MESSAGE_introduce, "8200" KEY16 "01a161", "8100" KEY16 },
		{ MESSAGE_tunnel_close, "8200c00207", "810207" },
		{ MESSAGE_list, "8300c4080102030405060708010a0201",
		  "8200c4080102030405060708010a" }, /* 1 is not true */
		{ MESSAGE_listed, "820005010a", "80" },
	};
	static struct message a, b;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t left[256], right[256];
		size_t left_len = test_hex(left, sizeof left, rows[i].hex);
		size_t right_len = test_hex(right, sizeof right, rows[i].same_as);
		if (message_read(&a, rows[i].kind, (struct kith_span){ left, left_len }) != 0 ||
		    message_read(&b, rows[i].kind, (struct kith_span){ right, right_len }) != 0 ||
		    !message_same(&a, &b))
			fail_msg("%s: %s", message_name(rows[i].kind), rows[i].hex);
	}
}

static void a_record_or_packet_that_is_too_long_counts_as_absent(void **state)
{
	(void)state;
	static struct message m, back;
	uint8_t body[KITH_REQUEST_MAX + 100];
	sample(&m, MESSAGE_attach, MOST);
	m.as.attach.record.len++;
	size_t len = message_write(body, sizeof body, &m);
	assert_int_equal(message_read(&back, MESSAGE_attach, (struct kith_span){ body, len }), 0);
	assert_null(back.as.attach.record.p);
	assert_true(back.as.attach.publish);
	sample(&m, MESSAGE_introduce, MOST);
	m.as.introduce.packet.len++;
	len = message_write(body, sizeof body, &m);
	assert_int_equal(message_read(&back, MESSAGE_introduce, (struct kith_span){ body, len }), 0);
	assert_int_equal(back.as.introduce.packet.len, 0);
}

/* An array of items of no bytes each: what surrounds them takes three items, a key that must be there two. */
static void a_list_has_as_many_items_as_a_body(void **state)
{
	(void)state;
	static uint8_t body[2 * KITH_PACK_ITEMS_MAX + 8];
	static struct message m;
	for (uint32_t n = 0; n < 300; n++) {
		struct kith_writer w = kith_writer_of(body, sizeof body);
		kith_write_bytes(&w, (const uint8_t *)"\x81\x00\xdc", 3);
		kith_write_u16(&w, (uint16_t)n);
		for (uint32_t i = 0; i < n && i < KITH_PACK_ITEMS_MAX; i++)
			kith_write_bytes(&w, (const uint8_t *)"\xc4\x00", 2);
		int err = message_read(&m, MESSAGE_found, (struct kith_span){ body, kith_writer_len(&w) });
		assert_int_equal(err, n + 3 <= KITH_PACK_ITEMS_MAX ? 0 : KITH_EPROTO);
		if (err == 0)
			assert_int_equal(m.as.found.records.n, n);
	}
}

/* What version 1 puts on the wire, and the least of it. */
static void bodies_are_as_the_protocol_says(void **state)
{
	(void)state;
	static const struct {
		enum message_kind kind;
		const char *hex;
	} rows[] = {
		{ MESSAGE_attach, "80" },
		{ MESSAGE_attached, "810200" },
		{ MESSAGE_leave, "8200000390" },
		{ MESSAGE_help, "8100c400" },
		{ MESSAGE_helped, "810000" },
		{ MESSAGE_members, "810000" },
		{ MESSAGE_named, "810090" },
		{ MESSAGE_find, "8100c42031383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc030a" },
		{ MESSAGE_found, "8200900190" },
		{ MESSAGE_subscribe, "80" },
		{ MESSAGE_notice, "80" },
		{ MESSAGE_introduce, "8200c41031383f464d545b626970777e858c939a01c400" },
		{ MESSAGE_introduced, "80" },
		{ MESSAGE_tunnel_close, "8200000200" },
		{ MESSAGE_admit, "8202c40003c2" },
		{ MESSAGE_rekey, "82000001c42031383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc030a" },
		{ MESSAGE_follow, "8100c41031383f464d545b626970777e858c939a" },
		{ MESSAGE_early, "8100c40100" },
		{ MESSAGE_rekeyed, "8101c42031383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc030a" },
		{ MESSAGE_gossip, "810000" },
		{ MESSAGE_gossiped, "8200000500" },
		{ MESSAGE_attest, "8100c2" },
		{ MESSAGE_asked, "810000" },
		{ MESSAGE_witness, "8300c42031383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc030a"
				   "01c42031383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc030a"
				   "02c409010704126731383f46" },
		{ MESSAGE_measure, "84000001c202000300" },
		{ MESSAGE_measured, "810100" },
		{ MESSAGE_attested, "8100c400" },
		{ MESSAGE_knock, "8300c409010704126731383f4601010201" },
		{ MESSAGE_echo, "8201c409010704126731383f460201" },
		{ MESSAGE_echoed, "810001" },
		{ MESSAGE_nominated, "8200c40001c400" },
		{ MESSAGE_elected, "8100c400" },
		{ MESSAGE_list, "8200c40831383f464d545b620100" },
		{ MESSAGE_listed, "80" },
		{ MESSAGE_editions, "8100c400" },
	};
	assert_int_equal(COUNT(rows), MESSAGE_KINDS_N);
	for (size_t i = 0; i < COUNT(rows); i++) {
		static uint8_t body[KITH_ANSWER_MAX];
		uint8_t want[128];
		size_t want_len = test_hex(want, sizeof want, rows[i].hex);
		assert_int_equal(sample_body(body, rows[i].kind, LEAST), want_len);
		assert_memory_equal(body, want, want_len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(what_does_not_fit_is_not_written),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_damaged_byte_is_refused_or_harmless),
		cmocka_unit_test(unknown_keys_are_skipped),
		cmocka_unit_test(a_key_that_comes_twice_is_refused),
		cmocka_unit_test(mandatory_keys_are_missed),
		cmocka_unit_test(what_is_not_as_it_should_be_counts_as_absent),
		cmocka_unit_test(a_record_or_packet_that_is_too_long_counts_as_absent),
		cmocka_unit_test(a_list_has_as_many_items_as_a_body),
		cmocka_unit_test(bodies_are_as_the_protocol_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
