/* The responder's half of the handshake. */
#include "role/connect.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "role/connect_internal.h"
#include "role/crossing.h"
#include "role/op.h"
#include "role/requests.h"
#include "role/ring.h"

#define DECIDE_US KITH_DIAL_TIMEOUT_US /* how long a call may ring */
#define VERDICT_FRAME_LEN (KITH_FRAME_HEADER + 2)
#define CROSSED_FRAME_LEN (KITH_FRAME_HEADER + 8 + 16)

static void send_cookie(struct kith_core *c, const struct kith_hs_header *header, const struct kith_hop *from,
			bool anew)
{
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, from, KITH_COOKIE_PACKET_LEN);
	kith_stats_add(c->stats, KITH_STAT_DROP_COOKIE_REQUIRED, 1);
	if (out == NULL)
		return;
	kith_guard_cookie(&c->guard, c->now.mono_us, header, from, anew, out);
	kith_stats_add(c->stats, KITH_STAT_COOKIES_SENT, 1);
}

/* A leaf is reached through the tunnels of its homes only; a supernode by anybody. */
bool kith_connect_may_answer(const struct kith_core *c, const struct kith_hop *from)
{
	if (c->super != NULL)
		return true;
	if (from->tunnel == 0)
		return false;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		const struct kith_session *s =
			home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
		if (s != NULL && kith_addr_equal(&kith_session_hop(s)->remote, &from->remote))
			return true;
	}
	return false;
}

static void send_stored_reply(struct kith_core *c, const struct kith_session *s, const struct kith_hop *from)
{
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, from, s->hs->len);
	if (out != NULL)
		memcpy(out, s->hs->packet, s->hs->len);
}

/* The session that a first message made, while its handshake lasts; NULL when that is over, or it made none. */
static struct kith_session *made_by(const struct kith_core *c, uint32_t index, const struct kith_person *person,
				    const uint8_t call_id[16])
{
	struct kith_session *s = index != 0 ? kith_sessions_get(&c->sessions, index) : NULL;
	bool same = s != NULL && s->hs != NULL && !s->initiator && s->state != KITH_SESSION_CLOSED &&
		    memcmp(s->device, person->device_dh.b, KITH_DEVICE_ID_LEN) == 0 &&
		    memcmp(s->hs->call_id, call_id, 16) == 0;
	return same ? s : NULL;
}

/* A caller repeats its HELLO for as long as it may ring. Where its call stands for one of ours that was not made yet,
 * ours is made when nothing more is heard of it: its author may be gone. */
static bool waits_long(const struct kith_session *s)
{
	return (s->use & KITH_USE_PEER) && (s->peer->op == 0 || s->peer->rival != 0);
}

/* A copy of the HELLO that made a session: the same answer again, on the way it came, within a rate. */
static void repeat_reply(struct kith_core *c, struct kith_session *s, const struct kith_hop *from)
{
	struct kith_handshake *hs = s->hs;
	if (s->state != KITH_SESSION_UNCONFIRMED)
		return;
	if (c->now.mono_us - hs->sent_at >= KITH_US_PER_S) {
		hs->sent_at = c->now.mono_us;
		hs->tries = 0;
	}
	if (hs->tries == KITH_REPLIES_PER_S) {
		kith_stats_add(c->stats, KITH_STAT_DROP_RATE_LIMITED, 1);
		return;
	}
	hs->tries++;
	s->paths.first.hop = *from; /* the way that the last reply took is the one that an answer to it proves */
	send_stored_reply(c, s, from);
	kith_time_us longer = c->now.mono_us + KITH_HANDSHAKE_TIMEOUT_US;
	if (!waits_long(s) && (s->use & KITH_USE_PEER) && hs->give_up_at < longer) { /* it is there still */
		hs->give_up_at = longer;
		kith_session_touch(c, s);
	}
}

/* Both called at once, and this answer is to be the answer to our own call as well: names that one, so that the other
 * side knows the copies of it that are still on their way. */
static void write_crossed(struct kith_core *c, const struct kith_session *s, struct kith_writer *w)
{
	const struct kith_session *ours = s->peer != NULL ? kith_peer_get(c, s->peer->rival) : NULL;
	if (ours == NULL || ours->hs == NULL)
		return;
	uint8_t *mark = kith_frame_begin(w, KITH_FRAME_CROSSED);
	kith_write_u64(w, (uint64_t)ours->hs->timestamp_ms);
	kith_write_bytes(w, ours->hs->call_id, sizeof ours->hs->call_id);
	kith_frame_end(w, mark);
}

static int make_reply(struct kith_core *c, struct kith_session *s, uint16_t verdict, uint16_t answered)
{
	uint8_t payload[KITH_UDP_PAYLOAD];
	size_t len_max = s->hs->len; /* of the HELLO, kept here by new_responder, less what goes back in other ways */
	size_t overhead = KITH_HS_HEADER + kith_noise_overhead(&s->hs->noise);
	if (len_max <= overhead)
		return KITH_EMSGSIZE;
	size_t room = len_max - overhead < sizeof payload ? len_max - overhead : sizeof payload;
	struct kith_writer w = kith_writer_of(payload, room);
	kith_hello_write(&w, &c->self, s->hs->timestamp_ms, s->hs->call_id, c->self.chain);
	if (w.bad ||
	    kith_writer_space(&w) < VERDICT_FRAME_LEN + CROSSED_FRAME_LEN) { /* the caller may know our issuer */
		w = kith_writer_of(payload, room);
		kith_hello_write(&w, &c->self, s->hs->timestamp_ms, s->hs->call_id, c->self.chain_short);
	}
	if (s->use & KITH_USE_PEER) {
		uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_VERDICT);
		kith_write_u16(&w, verdict);
		kith_frame_end(&w, mark);
		write_crossed(c, s, &w);
	}
	if (answered != 0)
		kith_request_answer_embed(s->requests, answered, &w);
	if (w.bad)
		return KITH_EMSGSIZE;
	return kith_handshake_reply(s->hs, &c->self, s->index, s->peer_index,
				    (struct kith_span){ payload, kith_writer_len(&w) }, len_max);
}

/* Answers a HELLO and waits for the first packet in the new keys; after a refusal only for repetitions of the HELLO. */
static void reply(struct kith_core *c, struct kith_session *s, uint16_t verdict, uint16_t answered)
{
	struct kith_hop from = s->paths.first.hop;
	if (make_reply(c, s, verdict, answered) != 0) {
		kith_session_end(c, s, KITH_CLOSE_PROTOCOL, false);
		return;
	}
	if (s->state == KITH_SESSION_DECIDING) {
		c->deciding--;
		kith_ring_stop(c, s);
		kith_session_set_state(s, KITH_SESSION_UNCONFIRMED);
	}
	/* As long as the other side repeats its HELLO, the answer must be there to be repeated. */
	s->hs->give_up_at = c->now.mono_us + (waits_long(s) ? KITH_DIAL_TIMEOUT_US : KITH_HANDSHAKE_TIMEOUT_US);
	s->hs->next_at = KITH_TIME_NEVER;
	s->hs->sent_at = c->now.mono_us;
	s->hs->tries = 0;
	s->hs->refused = verdict != 0;
	if (kith_noise_done(&s->hs->noise) && !s->hs->refused)
		kith_session_take_keys(s, c->now.mono_us);
	send_stored_reply(c, s, &from);
	kith_session_touch(c, s);
}

void kith_connect_decide(struct kith_core *c, struct kith_session *s, uint16_t verdict)
{
	KITH_ASSERT(s->state == KITH_SESSION_DECIDING);
	reply(c, s, verdict, 0);
}

/* A new responder session for an accepted HELLO; hs is moved into it. */
static struct kith_session *new_responder(struct kith_core *c, const struct kith_handshake *hs,
					  const struct kith_hs_header *header, size_t packet_len,
					  const struct kith_hop *from, enum kith_session_state state)
{
	struct kith_session *s = kith_session_new(c, state);
	if (s == NULL) {
		kith_stats_add(c->stats, KITH_STAT_REFUSE_TABLE_FULL, 1);
		return NULL;
	}
	kith_pathset_init(&s->paths, c->now.mono_us, from, false, 0);
	s->hs = KITH_NEW(c->alloc, struct kith_handshake);
	if (s->hs == NULL) {
		kith_sessions_remove(&c->sessions, &c->shared->blobs, &c->env, s);
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return NULL;
	}
	*s->hs = *hs;
	s->hs->len = (uint16_t)packet_len;
	s->peer_index = header->sender;
	s->hs->next_at = KITH_TIME_NEVER;
	s->hs->give_up_at = c->now.mono_us + KITH_HANDSHAKE_TIMEOUT_US;
	return s;
}

/* A person calls; op is our own call of the same person, if there is one, 0 if not. */
static void on_call(struct kith_core *c, struct kith_session *s, const struct kith_hello *hello,
		    const struct kith_person *person, kith_op op)
{
	s->use |= KITH_USE_PEER;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "called session=%08x", s->index);
	s->hs->give_up_at = c->now.mono_us + DECIDE_US;
	kith_session_touch(c, s);
	unsigned verdict;
	if (kith_ring_incoming(c, s, person, hello->service, op, &verdict))
		return; /* the application decides */
	kith_connect_decide(c, s, (uint16_t)verdict);
}

/* A node contacts this supernode. */
static void on_contact(struct kith_core *c, struct kith_session *s, const struct kith_hello *hello)
{
	uint16_t answered = 0;
	if (hello->request.p != NULL)
		answered = kith_core_on_request(c, s, hello->request);
	if (s->state != KITH_SESSION_CLOSED)
		reply(c, s, 0, answered);
}

/* XX: nothing is known of the caller yet; what it is told is public. */
static void on_hello_xx(struct kith_core *c, const struct kith_handshake *hs, const struct kith_hs_header *header,
			size_t packet_len, const struct kith_hop *from)
{
	struct kith_session *s = new_responder(c, hs, header, packet_len, from, KITH_SESSION_UNCONFIRMED);
	if (s == NULL)
		return;
	c->random->fill(c->random->ctx, s->hs->call_id, sizeof s->hs->call_id);
	s->hs->timestamp_ms = c->now.unix_ms;
	reply(c, s, 0, 0);
}

/* The caller has given up, whether it rings or was answered just now. A refusal stays, to be repeated. */
static void on_cancel(struct kith_core *c, struct kith_session *s)
{
	if ((s->use & KITH_USE_PEER) && !s->hs->refused)
		kith_session_end(c, s, KITH_CLOSE_CANCELED, true);
}

/* Whether a new call may ring here. *op: our own call that it is taken as the answer to, or 0. */
static bool may_ring(struct kith_core *c, const struct kith_hello *hello, const struct kith_person *person, kith_op *op)
{
	enum kith_stat refusal = KITH_STAT_DROP_RATE_LIMITED;
	if (kith_crossing_judge(c, hello, person, op) == KITH_CROSSING_OURS)
		refusal = KITH_STAT_REFUSE_CROSSED;
	else if (!kith_limiter_allow(&c->calls, c->now.mono_us, kith_identity_key(&person->identity)))
		refusal = KITH_STAT_DROP_RATE_LIMITED;
	else if (c->deciding >= KITH_INCOMING_MAX)
		refusal = KITH_STAT_REFUSE_TABLE_FULL;
	else if (*op == 0 && kith_ring_count(c, &person->identity) >= KITH_INCOMING_PER_CALLER)
		refusal = KITH_STAT_REFUSE_CALLER;
	else
		return true;
	kith_stats_add(c->stats, refusal, 1);
	return false;
}

/* Whether the message is a new one. It is remembered once it made a session: until then its repetitions count as new.
 */
static bool fresh(struct kith_core *c, const struct kith_hs_header *header, const struct kith_hello *hello,
		  const struct kith_person *person, const struct kith_hop *from)
{
	bool made_now = hello->fresh.p != NULL && kith_guard_epoch(&c->guard, c->now.mono_us, hello->fresh.p);
	uint32_t index = 0;
	struct kith_session *s;
	switch (kith_guard_judge(&c->guard, person->device_dh.b, hello->timestamp_ms, hello->call_id, made_now,
				 &index)) {
	case KITH_FRESH:
		return true;
	case KITH_SAME:
		s = made_by(c, index, person, hello->call_id);
		if (s == NULL)
			kith_stats_add(c->stats, KITH_STAT_REFUSE_STALE, 1);
		else if (hello->cancel)
			on_cancel(c, s);
		else
			repeat_reply(c, s, from);
		return false;
	case KITH_UNSURE:
		send_cookie(c, header, from, true);
		return false;
	}
	return false;
}

static void on_hello_ik(struct kith_core *c, struct kith_handshake *hs, struct kith_span payload,
			const struct kith_hs_header *header, size_t packet_len, const struct kith_hop *from)
{
	struct kith_hello hello;
	struct kith_person person;
	if (!kith_hello_parse(&hello, payload)) {
		kith_stats_add(c->stats, KITH_STAT_REFUSE_MALFORMED, 1);
		return;
	}
	if (memcmp(hs->noise.rs, c->self.dh_pk, 32) == 0) {
		kith_stats_add(c->stats, KITH_STAT_REFUSE_LOOP, 1);
		return;
	}
	bool call = hello.service.p != NULL;
	if (kith_connect_check_chain(c, hello.chain, hs->noise.rs, &person) != 0)
		return;
	if (!call && c->super == NULL) { /* a leaf serves nobody but callers */
		kith_stats_add(c->stats, KITH_STAT_REFUSE_NOT_VIA_HOME, 1);
		return;
	}
	if (!fresh(c, header, &hello, &person, from))
		return;
	if (hello.cancel) { /* the call itself has not come yet: it will find that it is known */
		kith_guard_remember(&c->guard, person.device_dh.b, hello.timestamp_ms, hello.call_id, 0);
		return;
	}
	kith_op op = 0;
	if (call && !may_ring(c, &hello, &person, &op))
		return;
	memcpy(hs->call_id, hello.call_id, sizeof hs->call_id);
	hs->timestamp_ms = hello.timestamp_ms;
	struct kith_session *s =
		new_responder(c, hs, header, packet_len, from, call ? KITH_SESSION_DECIDING : KITH_SESSION_UNCONFIRMED);
	if (s == NULL)
		return;
	memcpy(s->device, person.device_dh.b, KITH_DEVICE_ID_LEN);
	s->features = (uint8_t)(hello.features & c->self.features);
	c->deciding += call;
	if (!kith_connect_keep_chain(c, s, hello.chain, hello.role)) { /* not remembered: a copy may find more memory */
		kith_session_end(c, s, KITH_CLOSE_LIMIT, false);
		return;
	}
	kith_guard_remember(&c->guard, person.device_dh.b, hello.timestamp_ms, hello.call_id, s->index);
	if (call)
		on_call(c, s, &hello, &person, op);
	else
		on_contact(c, s, &hello);
}

void kith_connect_on_hello(struct kith_core *c, const struct kith_hs_header *header, size_t packet_len,
			   const struct kith_hop *from)
{
	uint8_t buf[KITH_UDP_PAYLOAD];
	struct kith_handshake hs;
	/* Whoever calls a leaf knows its key; the other pattern would tell a stranger who lives here. */
	if (!kith_connect_may_answer(c, from) || (c->super == NULL && header->pattern == KITH_NOISE_XX)) {
		kith_stats_add(c->stats, KITH_STAT_REFUSE_NOT_VIA_HOME, 1);
		return;
	}
	if (packet_len < KITH_COOKIE_PACKET_LEN) { /* even a cookie would be more than came */
		kith_stats_add(c->stats, KITH_STAT_DROP_TOO_SHORT, 1);
		return;
	}
	enum kith_guard_verdict verdict = kith_guard_check(&c->guard, c->now.mono_us, header, from);
	switch (verdict) {
	case KITH_GUARD_BAD_MAC:
		kith_stats_add(c->stats, KITH_STAT_DROP_BAD_MAC, 1);
		return;
	case KITH_GUARD_LIMITED:
		kith_stats_add(c->stats, KITH_STAT_DROP_RATE_LIMITED, 1);
		return;
	case KITH_GUARD_COOKIE:
		send_cookie(c, header, from, false);
		return;
	case KITH_GUARD_PASS:
		break;
	}
	int n = kith_handshake_read_hello(&hs, &c->self, header, buf);
	if (n < 0)
		kith_stats_add(c->stats, KITH_STAT_DROP_NOT_AUTHENTIC, 1);
	else if (header->pattern == KITH_NOISE_XX)
		on_hello_xx(c, &hs, header, packet_len, from);
	else
		on_hello_ik(c, &hs, (struct kith_span){ buf, (size_t)n }, header, packet_len, from);
	kith_handshake_wipe(&hs);
}

void kith_connect_on_finish(struct kith_core *c, const struct kith_hs_header *header)
{
	uint8_t buf[KITH_UDP_PAYLOAD];
	struct kith_hello hello;
	struct kith_person person;
	struct kith_session *s = kith_sessions_get(&c->sessions, header->receiver);
	if (s == NULL || s->state != KITH_SESSION_UNCONFIRMED || s->hs == NULL) {
		kith_stats_add(c->stats, KITH_STAT_DROP_UNKNOWN_INDEX, 1);
		return;
	}
	int n = kith_handshake_read_finish(s->hs, header, buf);
	if (n < 0) {
		kith_stats_add(c->stats, KITH_STAT_DROP_NOT_AUTHENTIC, 1);
		return;
	}
	bool parsed = kith_hello_parse(&hello, (struct kith_span){ buf, (size_t)n });
	if (!parsed)
		kith_stats_add(c->stats, KITH_STAT_REFUSE_MALFORMED, 1);
	if (!parsed || kith_connect_check_chain(c, hello.chain, s->hs->noise.rs, &person) != 0) {
		kith_session_end(c, s, KITH_CLOSE_CERTIFICATE, false);
		return;
	}
	memcpy(s->device, person.device_dh.b, KITH_DEVICE_ID_LEN);
	s->features = (uint8_t)(hello.features & c->self.features);
	if (!kith_connect_keep_chain(c, s, hello.chain, hello.role)) {
		kith_session_end(c, s, KITH_CLOSE_LIMIT, false);
		return;
	}
	kith_session_take_keys(s, c->now.mono_us);
	kith_connect_confirmed(c, s);
}

void kith_connect_confirmed(struct kith_core *c, struct kith_session *s)
{
	/* Proven is the way that our reply took, and no other: whoever knows the keys may write any address on a
	 * packet. The way that this one came is a stranger's, and is probed. */
	struct kith_hop proven = s->paths.first.hop;
	kith_connect_bind(c, s);
	kith_connect_opened(c, s, &proven);
	if (c->super != NULL)
		(void)kith_fwd_rebind(&c->super->fwd, s->index, &proven.remote, proven.transport, true);
}
