/* The requests by which candidates are attested and found (PROTOCOL.md sections 6.3 and 10). */
#include "requests.h"
#include "wire/message_attest.h"

/* What haven says of alice, and a list of that alone. */
static struct kith_span attestation(const struct cast *c, const struct kith_endpoint *at,
				    uint8_t buf[1 + KITH_ATTEST_LEN_MAX], struct kith_span *list)
{
	struct kith_attest a = { .endpoint = *at,
				 .up = 1250000,
				 .down = 6250000,
				 .first_seen_s = WORLD_NOW_MS / 1000,
				 .availability = KITH_AVAILABILITY_FULL,
				 .at_s = WORLD_NOW_MS / 1000,
				 .hours = KITH_ATTEST_HOURS_MAX };
	kith_home_tag(c->w.suite, a.candidate, &c->alice.device.sign.pk);
	memcpy(a.witness, c->prefix[0], sizeof a.witness);
	int len = kith_attest_make(c->w.suite, buf + 1, &a, c->haven.device.sign.sk);
	VEC_REQUIRE(len > 0);
	buf[0] = (uint8_t)len;
	*list = vec_span_of(buf, 1 + (size_t)len);
	return vec_span_of(buf + 1, (size_t)len);
}

static void attest(struct vec_topic *topic, const struct cast *c, const struct kith_endpoint *at, struct kith_span held)
{
	const struct kith_msg_attest m = { .ask = true, .endpoint = *at, .up = 2000000, .held = held };
	struct draft d = begin(topic, "attest", "A leaf wants to be attested at a port of its choice.", "ATTEST",
			       KITH_REQ_ATTEST);
	field_bool(&d, KITH_B_ATTEST_ASK, true);
	field_endpoint(&d, KITH_B_ATTEST_ENDPOINT, at);
	field_uint(&d, KITH_B_ATTEST_UP, m.up);
	field_bytes(&d, KITH_B_ATTEST_HELD, held);
	end(&d, kith_msg_attest_write(d.body, sizeof d.body, &m));
	d = begin_answer(topic, "asked", "Five witnesses were asked.", "ATTEST", KITH_STATUS_OK);
	field_uint(&d, KITH_B_ASKED_WITNESSES, 5);
	end(&d, kith_msg_asked_write(d.body, sizeof d.body, &(struct kith_msg_asked){ 5 }));

	struct kith_msg_witness w = { .endpoint = *at, .up = m.up, .held = held };
	w.device = c->alice.device.dh_pk;
	kith_ids_supernode(c->w.suite, &w.id, &c->w.network, c->alice.name_terms.placement);
	d = begin(topic, "witness", "Her home has a member dial her back.", "WITNESS", KITH_REQ_WITNESS);
	field_bytes(&d, KITH_B_WITNESS_ID, vec_span_of(w.id.b, KITH_ID_LEN));
	field_bytes(&d, KITH_B_WITNESS_DEVICE, vec_span_of(w.device.b, KITH_KEY_LEN));
	field_endpoint(&d, KITH_B_WITNESS_ENDPOINT, at);
	field_uint(&d, KITH_B_WITNESS_UP, w.up);
	field_bytes(&d, KITH_B_WITNESS_HELD, held);
	end(&d, kith_msg_witness_write(d.body, sizeof d.body, &w));
	bare_answer(topic, "answer to witness, not allowed", "WITNESS", KITH_STATUS_NOT_ALLOWED);
}

static void measure(struct vec_topic *topic)
{
	static const uint8_t got[] = { 0xff, 0x03 };
	for (unsigned send = 0; send < 2; send++) {
		const struct kith_msg_measure m = { .round = 2, .send = send, .packets = 10, .rate = 131072 };
		struct draft d = begin(topic, send ? "measure, send" : "measure, say what came",
				       send ? "The candidate is to send the second round."
					    : "The second round has been sent to the candidate.",
				       "MEASURE", KITH_REQ_MEASURE);
		field_uint(&d, KITH_B_MEASURE_ROUND, m.round);
		field_bool(&d, KITH_B_MEASURE_SEND, send);
		field_uint(&d, KITH_B_MEASURE_PACKETS, m.packets);
		field_uint(&d, KITH_B_MEASURE_RATE, m.rate);
		end(&d, kith_msg_measure_write(d.body, sizeof d.body, &m));
	}
	const struct kith_msg_measured a = { .got = vec_span_of(got, sizeof got),
					     .proof = UINT64_C(0x1122334455667788),
					     .knock = 5 };
	struct draft d = begin_answer(topic, "measured", "All ten packets came.", "MEASURE", KITH_STATUS_OK);
	field_bytes(&d, KITH_B_MEASURED_GOT, a.got);
	field_uint(&d, KITH_B_MEASURED_PROOF, a.proof);
	field_uint(&d, KITH_B_MEASURED_KNOCK, a.knock);
	end(&d, kith_msg_measured_write(d.body, sizeof d.body, &a));
	bare_answer(topic, "answer to measure, another's turn", "MEASURE", KITH_STATUS_LIMITED);
}

static void knock(struct vec_topic *topic, const struct kith_endpoint *at)
{
	const struct kith_msg_knock m = { .endpoint = *at,
					  .name = UINT64_C(0x01a1b2c3d4e5f607),
					  .number = UINT64_C(0x1122334455667788) };
	struct draft d = begin(topic, "knock", "A witness has a leaf of its own knock at the candidate.", "KNOCK",
			       KITH_REQ_KNOCK);
	field_endpoint(&d, KITH_B_KNOCK_ENDPOINT, at);
	field_uint(&d, KITH_B_KNOCK_NAME, m.name);
	field_uint(&d, KITH_B_KNOCK_NUMBER, m.number);
	end(&d, kith_msg_knock_write(d.body, sizeof d.body, &m));
	bare_answer(topic, "answer to knock", "KNOCK", KITH_STATUS_OK);
}

static void echo(struct vec_topic *topic, const struct kith_endpoint *at)
{
	static const uint8_t delays[] = { 13, 18, 28 };
	struct kith_msg_echo m = { .n = sizeof delays };
	memcpy(m.delays_s, delays, sizeof delays);
	struct draft d = begin(topic, "echo", "A leaf is to gauge its NAT, with three delays.", "ECHO", KITH_REQ_ECHO);
	field_bytes(&d, KITH_B_ECHO_DELAYS, vec_span_of(delays, sizeof delays));
	end(&d, kith_msg_echo_write(d.body, sizeof d.body, &m));
	const struct kith_msg_echoed a = { .number = UINT64_C(0x1122334455667788) };
	d = begin_answer(topic, "echoed", "The number for its packets.", "ECHO", KITH_STATUS_OK);
	field_uint(&d, KITH_B_ECHOED_NUMBER, a.number);
	end(&d, kith_msg_echoed_write(d.body, sizeof d.body, &a));
	m = (struct kith_msg_echo){ .to = *at, .number = a.number };
	d = begin(topic, "echo, for another", "The home has another supernode send one.", "ECHO", KITH_REQ_ECHO);
	field_endpoint(&d, KITH_B_ECHO_TO, at);
	field_uint(&d, KITH_B_ECHO_NUMBER, m.number);
	end(&d, kith_msg_echo_write(d.body, sizeof d.body, &m));
	bare_answer(topic, "answer to echo, for another", "ECHO", KITH_STATUS_OK);
}

static void nominate(struct vec_topic *topic, const struct cast *c, struct kith_span held)
{
	struct draft d = begin(topic, "nominate", "A member asks whom it could ask for help. There is no body.",
			       "NOMINATE", KITH_REQ_NOMINATE);
	put_request(&d);
	vec_end(&d.v);
	const struct kith_msg_nominated m = { .chain = c->alice.full, .attests = held };
	d = begin_answer(topic, "nominated", "The best leaf's certificates, and its attestations (one, here).",
			 "NOMINATE", KITH_STATUS_OK);
	field_bytes(&d, KITH_B_NOMINATED_CHAIN, m.chain);
	field_bytes(&d, KITH_B_NOMINATED_ATTESTS, m.attests);
	end(&d, kith_msg_nominated_write(d.body, sizeof d.body, &m));
	bare_answer(topic, "answer to nominate, nobody", "NOMINATE", KITH_STATUS_NOT_FOUND);
}

void requests_attest(struct vec_topic *topic, const struct cast *c)
{
	const struct kith_endpoint at = world_endpoint("203.0.113.9:4500", KITH_TRANSPORT_UDP);
	uint8_t buf[1 + KITH_ATTEST_LEN_MAX];
	struct kith_span held;
	const struct kith_msg_attested m = { .attest = attestation(c, &at, buf, &held) };
	attest(topic, c, &at, held);
	measure(topic);
	knock(topic, &at);
	echo(topic, &at);
	nominate(topic, c, held);
	struct draft d = begin(topic, "attested", "What the witness found.", "ATTESTED", KITH_REQ_ATTESTED);
	field_bytes(&d, KITH_B_ATTESTED_ATTEST, m.attest);
	end(&d, kith_msg_attested_write(d.body, sizeof d.body, &m));
	bare_answer(topic, "answer to attested", "ATTESTED", KITH_STATUS_OK);
	const struct kith_msg_elected e = { .entry = c->entry };
	d = begin(topic, "elected", "A supernode introduces itself by its entry.", "ELECTED", KITH_REQ_ELECTED);
	field_bytes(&d, KITH_B_ELECTED_ENTRY, e.entry);
	end(&d, kith_msg_elected_write(d.body, sizeof d.body, &e));
	bare_answer(topic, "answer to elected, a witness is not known", "ELECTED", KITH_STATUS_NOT_FOUND);
}
