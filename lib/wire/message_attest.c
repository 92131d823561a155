#include "wire/message_attest.h"

#include "wire/message_internal.h"

static void put_endpoint(struct kith_msg_draft *d, uint32_t key, const struct kith_endpoint *e)
{
	uint8_t bytes[KITH_ENDPOINT_LEN_MAX];
	if (!kith_endpoint_kind_known(e->kind))
		return;
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_endpoint_write(&w, e);
	kith_msg_put_bytes(d, key, bytes, kith_writer_len(&w));
}

/* False, and kind 0: absent, or of a kind that is not known, or malformed. */
static bool get_endpoint(const struct kith_unpacked *in, uint32_t key, struct kith_endpoint *out)
{
	struct kith_span bytes;
	*out = (struct kith_endpoint){ 0 };
	if (!kith_msg_get_bytes(in, key, KITH_ENDPOINT_BYTES_MAX, &bytes))
		return false;
	struct kith_reader r = kith_reader_of_span(bytes);
	bool known = kith_endpoint_read(&r, out) && kith_reader_done(&r) && kith_endpoint_valid(out);
	if (!known)
		*out = (struct kith_endpoint){ 0 };
	return known;
}

static uint64_t get_uint(const struct kith_unpacked *in, uint32_t key, uint64_t max)
{
	uint64_t v = 0;
	return kith_msg_get_uint(in, key, max, &v) ? v : 0;
}

/* ---- ATTEST ---- */

size_t kith_msg_attest_write(uint8_t *out, size_t cap, const struct kith_msg_attest *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bool(&d, KITH_B_ATTEST_ASK, m->ask);
	put_endpoint(&d, KITH_B_ATTEST_ENDPOINT, &m->endpoint);
	if (m->up != 0)
		kith_msg_put_uint(&d, KITH_B_ATTEST_UP, m->up);
	if (m->down != 0)
		kith_msg_put_uint(&d, KITH_B_ATTEST_DOWN, m->down);
	if (m->held.p != NULL)
		kith_msg_put_bytes(&d, KITH_B_ATTEST_HELD, m->held.p, m->held.len);
	return kith_msg_end(&d);
}

int kith_msg_attest_read(struct kith_msg_attest *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	(void)kith_unpack_get_bool(&in, kith_unpack_root(&in), KITH_B_ATTEST_ASK, &out->ask);
	(void)get_endpoint(&in, KITH_B_ATTEST_ENDPOINT, &out->endpoint);
	out->up = (uint32_t)get_uint(&in, KITH_B_ATTEST_UP, UINT32_MAX);
	out->down = (uint32_t)get_uint(&in, KITH_B_ATTEST_DOWN, UINT32_MAX);
	(void)kith_msg_get_bytes(&in, KITH_B_ATTEST_HELD, KITH_ATTESTS_LEN_MAX, &out->held);
	return 0;
}

size_t kith_msg_asked_write(uint8_t *out, size_t cap, const struct kith_msg_asked *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_ASKED_WITNESSES, m->witnesses);
	return kith_msg_end(&d);
}

int kith_msg_asked_read(struct kith_msg_asked *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	out->witnesses = (uint8_t)get_uint(&in, KITH_B_ASKED_WITNESSES, UINT8_MAX);
	return 0;
}

/* ---- WITNESS ---- */

size_t kith_msg_witness_write(uint8_t *out, size_t cap, const struct kith_msg_witness *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_WITNESS_ID, m->id.b, KITH_ID_LEN);
	kith_msg_put_bytes(&d, KITH_B_WITNESS_DEVICE, m->device.b, KITH_KEY_LEN);
	put_endpoint(&d, KITH_B_WITNESS_ENDPOINT, &m->endpoint);
	if (m->up != 0)
		kith_msg_put_uint(&d, KITH_B_WITNESS_UP, m->up);
	if (m->down != 0)
		kith_msg_put_uint(&d, KITH_B_WITNESS_DOWN, m->down);
	if (m->held.p != NULL)
		kith_msg_put_bytes(&d, KITH_B_WITNESS_HELD, m->held.p, m->held.len);
	return kith_msg_end(&d);
}

int kith_msg_witness_read(struct kith_msg_witness *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 || !kith_msg_get_fixed(&in, KITH_B_WITNESS_ID, out->id.b, KITH_ID_LEN) ||
	    !kith_msg_get_fixed(&in, KITH_B_WITNESS_DEVICE, out->device.b, KITH_KEY_LEN) ||
	    !get_endpoint(&in, KITH_B_WITNESS_ENDPOINT, &out->endpoint))
		return KITH_EPROTO;
	out->up = (uint32_t)get_uint(&in, KITH_B_WITNESS_UP, UINT32_MAX);
	out->down = (uint32_t)get_uint(&in, KITH_B_WITNESS_DOWN, UINT32_MAX);
	(void)kith_msg_get_bytes(&in, KITH_B_WITNESS_HELD, KITH_ATTESTS_LEN_MAX, &out->held);
	return 0;
}

/* ---- MEASURE ---- */

size_t kith_msg_measure_write(uint8_t *out, size_t cap, const struct kith_msg_measure *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_MEASURE_ROUND, m->round);
	kith_msg_put_bool(&d, KITH_B_MEASURE_SEND, m->send);
	kith_msg_put_uint(&d, KITH_B_MEASURE_PACKETS, m->packets);
	kith_msg_put_uint(&d, KITH_B_MEASURE_RATE, m->rate);
	if (m->knock)
		kith_msg_put_bool(&d, KITH_B_MEASURE_KNOCK, true);
	return kith_msg_end(&d);
}

int kith_msg_measure_read(struct kith_msg_measure *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	out->round = (uint8_t)get_uint(&in, KITH_B_MEASURE_ROUND, UINT8_MAX);
	(void)kith_unpack_get_bool(&in, kith_unpack_root(&in), KITH_B_MEASURE_SEND, &out->send);
	out->packets = (uint16_t)get_uint(&in, KITH_B_MEASURE_PACKETS, UINT16_MAX);
	out->rate = (uint32_t)get_uint(&in, KITH_B_MEASURE_RATE, UINT32_MAX);
	(void)kith_unpack_get_bool(&in, kith_unpack_root(&in), KITH_B_MEASURE_KNOCK, &out->knock);
	return 0;
}

size_t kith_msg_measured_write(uint8_t *out, size_t cap, const struct kith_msg_measured *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	if (m->got.p != NULL)
		kith_msg_put_bytes(&d, KITH_B_MEASURED_GOT, m->got.p, m->got.len);
	kith_msg_put_uint(&d, KITH_B_MEASURED_PROOF, m->proof);
	if (m->knock != 0)
		kith_msg_put_uint(&d, KITH_B_MEASURED_KNOCK, m->knock);
	return kith_msg_end(&d);
}

int kith_msg_measured_read(struct kith_msg_measured *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	(void)kith_msg_get_bytes(&in, KITH_B_MEASURED_GOT, KITH_MEASURED_GOT_MAX, &out->got);
	out->proof = get_uint(&in, KITH_B_MEASURED_PROOF, UINT64_MAX);
	out->knock = get_uint(&in, KITH_B_MEASURED_KNOCK, UINT64_MAX);
	return 0;
}

/* ---- KNOCK ---- */

size_t kith_msg_knock_write(uint8_t *out, size_t cap, const struct kith_msg_knock *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	put_endpoint(&d, KITH_B_KNOCK_ENDPOINT, &m->endpoint);
	kith_msg_put_uint(&d, KITH_B_KNOCK_NAME, m->name);
	kith_msg_put_uint(&d, KITH_B_KNOCK_NUMBER, m->number);
	return kith_msg_end(&d);
}

int kith_msg_knock_read(struct kith_msg_knock *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 || !get_endpoint(&in, KITH_B_KNOCK_ENDPOINT, &out->endpoint))
		return KITH_EPROTO;
	out->name = get_uint(&in, KITH_B_KNOCK_NAME, UINT64_MAX);
	out->number = get_uint(&in, KITH_B_KNOCK_NUMBER, UINT64_MAX);
	return out->name != 0 && out->number != 0 ? 0 : KITH_EPROTO;
}

/* ---- ECHO ---- */

size_t kith_msg_echo_write(uint8_t *out, size_t cap, const struct kith_msg_echo *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	if (m->n > 0)
		kith_msg_put_bytes(&d, KITH_B_ECHO_DELAYS, m->delays_s, m->n);
	put_endpoint(&d, KITH_B_ECHO_TO, &m->to);
	if (m->number != 0)
		kith_msg_put_uint(&d, KITH_B_ECHO_NUMBER, m->number);
	return kith_msg_end(&d);
}

int kith_msg_echo_read(struct kith_msg_echo *out, struct kith_span body)
{
	struct kith_unpacked in;
	struct kith_span delays;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	if (get_endpoint(&in, KITH_B_ECHO_TO, &out->to)) {
		out->number = get_uint(&in, KITH_B_ECHO_NUMBER, UINT64_MAX);
		return out->number != 0 ? 0 : KITH_EPROTO;
	}
	if (!kith_msg_get_bytes(&in, KITH_B_ECHO_DELAYS, KITH_ECHO_DELAYS_MAX, &delays) || delays.len == 0 ||
	    memchr(delays.p, 0, delays.len) != NULL)
		return KITH_EPROTO;
	out->n = (uint8_t)delays.len;
	memcpy(out->delays_s, delays.p, delays.len);
	return 0;
}

size_t kith_msg_echoed_write(uint8_t *out, size_t cap, const struct kith_msg_echoed *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_ECHOED_NUMBER, m->number);
	return kith_msg_end(&d);
}

int kith_msg_echoed_read(struct kith_msg_echoed *out, struct kith_span body)
{
	struct kith_unpacked in;
	out->number = kith_unpack_parse(&in, body) == 0 ? get_uint(&in, KITH_B_ECHOED_NUMBER, UINT64_MAX) : 0;
	return out->number != 0 ? 0 : KITH_EPROTO;
}

/* ---- NOMINATE ---- */

size_t kith_msg_nominated_write(uint8_t *out, size_t cap, const struct kith_msg_nominated *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_NOMINATED_CHAIN, m->chain.p, m->chain.len);
	kith_msg_put_bytes(&d, KITH_B_NOMINATED_ATTESTS, m->attests.p, m->attests.len);
	return kith_msg_end(&d);
}

int kith_msg_nominated_read(struct kith_msg_nominated *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	return kith_unpack_parse(&in, body) == 0 &&
			       kith_msg_get_bytes(&in, KITH_B_NOMINATED_CHAIN, KITH_CHAIN_MAX, &out->chain) &&
			       kith_msg_get_bytes(&in, KITH_B_NOMINATED_ATTESTS, KITH_ATTESTS_LEN_MAX, &out->attests)
		       ? 0
		       : KITH_EPROTO;
}

/* ---- what came of it ---- */

static int read_only_bytes(struct kith_span body, uint32_t key, size_t len_max, struct kith_span *out)
{
	struct kith_unpacked in;
	*out = (struct kith_span){ NULL, 0 };
	return kith_unpack_parse(&in, body) == 0 && kith_msg_get_bytes(&in, key, len_max, out) ? 0 : KITH_EPROTO;
}

size_t kith_msg_attested_write(uint8_t *out, size_t cap, const struct kith_msg_attested *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_ATTESTED_ATTEST, m->attest.p, m->attest.len);
	return kith_msg_end(&d);
}

int kith_msg_attested_read(struct kith_msg_attested *out, struct kith_span body)
{
	return read_only_bytes(body, KITH_B_ATTESTED_ATTEST, KITH_ATTEST_LEN_MAX, &out->attest);
}

size_t kith_msg_elected_write(uint8_t *out, size_t cap, const struct kith_msg_elected *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_ELECTED_ENTRY, m->entry.p, m->entry.len);
	return kith_msg_end(&d);
}

int kith_msg_elected_read(struct kith_msg_elected *out, struct kith_span body)
{
	return read_only_bytes(body, KITH_B_ELECTED_ENTRY, KITH_MEMBER_LEN_MAX, &out->entry);
}
