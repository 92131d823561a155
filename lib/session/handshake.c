#include "session/handshake.h"

#include "base/assert.h"

static bool take_once(struct kith_span *field, struct kith_span body)
{
	if (field->p != NULL)
		return false;
	*field = body;
	return true;
}

static bool parse_hello_frame(struct kith_hello *out, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	out->features = kith_read_u32(&r);
	uint64_t ms = kith_read_u64(&r);
	kith_read_bytes(&r, out->call_id, sizeof out->call_id);
	out->role = kith_read_u8(&r);
	out->name = kith_read_u64(&r);
	out->spare = kith_read_u64(&r);
	/* Longer is allowed: a later version may append fields. */
	if (r.bad || ms > INT64_MAX / 2 || out->name == 0)
		return false;
	out->timestamp_ms = (int64_t)ms;
	return true;
}

static bool parse_verdict(struct kith_hello *out, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	out->verdict = kith_read_u16(&r);
	out->verdict_text = kith_read_rest(&r);
	out->has_verdict = true;
	return !r.bad;
}

static bool parse_cancel(struct kith_hello *out, struct kith_span body)
{
	bool once = !out->cancel;
	(void)body; /* longer is allowed */
	out->cancel = true;
	return once;
}

static bool parse_crossed(struct kith_hello *out, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	bool once = !out->crossed;
	uint64_t ms = kith_read_u64(&r);
	if (r.bad || ms > INT64_MAX / 2)
		return false;
	kith_read_bytes(&r, out->crossed_id, sizeof out->crossed_id);
	out->crossed = true;
	out->crossed_ms = (int64_t)ms;
	return once && !r.bad;
}

bool kith_hello_parse(struct kith_hello *out, struct kith_span payload)
{
	struct kith_reader r = kith_reader_of_span(payload);
	struct kith_frame f;
	struct kith_span hello = { NULL, 0 }, verdict = { NULL, 0 };
	memset(out, 0, sizeof *out);
	while (kith_frame_next(&r, &f)) {
		bool ok = true;
		if (f.type == KITH_FRAME_HELLO)
			ok = take_once(&hello, f.body) && parse_hello_frame(out, f.body);
		else if (f.type == KITH_FRAME_CHAIN)
			ok = take_once(&out->chain, f.body);
		else if (f.type == KITH_FRAME_SERVICE)
			ok = take_once(&out->service, f.body) && f.body.len <= KITH_SERVICE_MAX;
		else if (f.type == KITH_FRAME_VERDICT)
			ok = take_once(&verdict, f.body) && parse_verdict(out, f.body);
		else if (f.type == KITH_FRAME_FRESH)
			ok = take_once(&out->fresh, f.body) && f.body.len == KITH_COOKIE_LEN;
		else if (f.type == KITH_FRAME_CANCEL)
			ok = parse_cancel(out, f.body);
		else if (f.type == KITH_FRAME_CROSSED)
			ok = parse_crossed(out, f.body);
		else if (f.type == KITH_FRAME_EARLY)
			ok = take_once(&out->early, f.body) && f.body.len > 0 && f.body.len <= KITH_EARLY_MAX;
		else if (f.type == KITH_FRAME_REQUEST)
			ok = take_once(&out->request, f.body);
		else if (f.type == KITH_FRAME_ANSWER)
			ok = take_once(&out->answer, f.body);
		else if (f.type < KITH_FRAME_HELLO) /* a frame of sealed packets; unknown ones above are skipped */
			ok = false;
		if (!ok)
			return false;
	}
	return !r.bad && hello.p != NULL && out->chain.p != NULL;
}

void kith_hello_write(struct kith_writer *w, const struct kith_self *self, int64_t timestamp_ms,
		      const uint8_t call_id[16], const uint64_t names[2], struct kith_span chain)
{
	uint8_t *mark = kith_frame_begin(w, KITH_FRAME_HELLO);
	kith_write_u32(w, self->features);
	kith_write_u64(w, (uint64_t)timestamp_ms);
	kith_write_bytes(w, call_id, 16);
	kith_write_u8(w, self->role);
	kith_write_u64(w, names[0]);
	kith_write_u64(w, names[1]);
	kith_frame_end(w, mark);
	mark = kith_frame_begin(w, KITH_FRAME_CHAIN);
	kith_write_span(w, chain);
	kith_frame_end(w, mark);
}

static void prologue(const struct kith_self *self, uint8_t out[5 + KITH_ID_LEN])
{
	static const uint8_t label[4] = { 'k', 'i', 't', 'h' };
	memcpy(out, label, sizeof label);
	out[4] = KITH_WIRE_VERSION;
	memcpy(out + 5, self->network.b, KITH_ID_LEN);
}

/* responder: NULL for the responder itself. */
static void begin(struct kith_handshake *hs, const struct kith_self *self, const uint8_t *responder)
{
	uint8_t bytes[5 + KITH_ID_LEN];
	prologue(self, bytes);
	hs->initiator = responder != NULL;
	kith_noise_init(&hs->noise, self->suite, responder, (struct kith_span){ bytes, sizeof bytes }, self->dh_sk,
			self->dh_pk);
}

/* Writes one Noise message with its header into hs->packet, padding the payload so that the packet has pad_to bytes. */
static int write_message(struct kith_handshake *hs, uint8_t type, uint32_t sender, uint32_t receiver,
			 struct kith_span payload, size_t pad_to, const uint8_t *e_sk)
{
	size_t trailer = type == KITH_PKT_HELLO ? KITH_HS_TRAILER : 0;
	size_t overhead = KITH_HS_HEADER + kith_noise_overhead(&hs->noise) + trailer;
	if (overhead + payload.len > KITH_UDP_PAYLOAD)
		return KITH_EMSGSIZE;
	uint8_t padded[KITH_UDP_PAYLOAD] = { 0 };
	size_t len = payload.len;
	if (len > 0)
		memcpy(padded, payload.p, len);
	if (overhead + len < pad_to)
		len = pad_to - overhead;
	kith_hs_write(hs->packet, type, sender, receiver);
	hs->packet[3] = type == KITH_PKT_HELLO ? hs->purpose : 0;
	int n = kith_noise_write(&hs->noise, hs->packet + KITH_HS_HEADER, sizeof hs->packet - KITH_HS_HEADER - trailer,
				 (struct kith_span){ padded, len }, e_sk);
	kith_wipe(padded, sizeof padded);
	if (n < 0)
		return n;
	hs->len = (uint16_t)(KITH_HS_HEADER + (size_t)n + trailer);
	return 0;
}

void kith_handshake_ask(struct kith_handshake *hs, const struct kith_self *self, uint32_t sender)
{
	hs->initiator = hs->who = true;
	hs->len = KITH_HS_HEADER + KITH_CHAIN_MAX; /* no answer is longer */
	memset(hs->packet, 0, hs->len);
	kith_hs_write(hs->packet, KITH_PKT_WHO, sender, 0);
	kith_who_mac(self->suite, &self->network, hs->packet, hs->len);
}

int kith_handshake_start(struct kith_handshake *hs, const struct kith_self *self, const uint8_t responder[32],
			 uint32_t sender, struct kith_span payload, size_t pad_to)
{
	uint8_t e_sk[32];
	KITH_ASSERT(pad_to <= KITH_UDP_PAYLOAD);
	begin(hs, self, responder);
	hs->who = false;
	kith_mac_keys_derive(&hs->mac_keys, self->suite, responder);
	self->random->fill(self->random->ctx, e_sk, sizeof e_sk);
	int err = write_message(hs, KITH_PKT_HELLO, sender, 0, payload, pad_to, e_sk);
	kith_wipe(e_sk, sizeof e_sk);
	if (err == 0)
		kith_mac_write(self->suite, &hs->mac_keys, hs->has_cookie ? hs->cookie : NULL, hs->packet, hs->len);
	return err;
}

int kith_handshake_cookie(struct kith_handshake *hs, struct kith_span packet)
{
	uint8_t epoch[KITH_COOKIE_LEN];
	bool anew;
	if (hs->packet[0] != KITH_PKT_HELLO)
		return KITH_ESTATE;
	const struct kith_suite *suite = hs->noise.suite;
	int err = kith_cookie_open(suite, &hs->mac_keys, hs->packet + hs->len - KITH_HS_TRAILER, packet, hs->cookie,
				   epoch, &anew);
	if (err != 0)
		return err;
	hs->has_cookie = true;
	kith_mac_write(suite, &hs->mac_keys, hs->cookie, hs->packet, hs->len);
	if (!anew || (hs->has_epoch && memcmp(epoch, hs->epoch, sizeof epoch) == 0))
		return 0;
	memcpy(hs->epoch, epoch, sizeof epoch);
	hs->has_epoch = true;
	return 1;
}

/* Reads with a copy of the state, and keeps it only when the message was genuine. */
static int read_message(struct kith_handshake *hs, const struct kith_hs_header *header, uint8_t *buf)
{
	struct kith_noise trial = hs->noise;
	int n = kith_noise_read(&trial, buf, KITH_UDP_PAYLOAD, header->noise);
	if (n >= 0)
		hs->noise = trial;
	kith_noise_wipe(&trial);
	return n;
}

int kith_handshake_read_reply(struct kith_handshake *hs, const struct kith_hs_header *header, uint8_t *buf)
{
	if (!hs->initiator || hs->noise.step != 1)
		return KITH_ESTATE;
	return read_message(hs, header, buf);
}

int kith_handshake_read_hello(struct kith_handshake *hs, const struct kith_self *self,
			      const struct kith_hs_header *header, uint8_t *buf)
{
	memset(hs, 0, sizeof *hs);
	begin(hs, self, NULL);
	return read_message(hs, header, buf);
}

int kith_handshake_reply(struct kith_handshake *hs, const struct kith_self *self, uint32_t sender, uint32_t receiver,
			 struct kith_span payload, size_t len_max)
{
	uint8_t e_sk[32];
	KITH_ASSERT(!hs->initiator && hs->noise.step == 1);
	if (KITH_HS_HEADER + kith_noise_overhead(&hs->noise) + payload.len > len_max)
		return KITH_EMSGSIZE;
	self->random->fill(self->random->ctx, e_sk, sizeof e_sk);
	int err = write_message(hs, KITH_PKT_REPLY, sender, receiver, payload, 0, e_sk);
	kith_wipe(e_sk, sizeof e_sk);
	return err;
}

void kith_handshake_wipe(struct kith_handshake *hs)
{
	kith_noise_wipe(&hs->noise);
	kith_wipe(hs, sizeof *hs);
}
