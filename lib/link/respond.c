#include "link/respond.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "link/connect_internal.h"
#include "link/nearby.h"
#include "link/via.h"
#include "link/refuse.h"

#define DECIDE_US KITH_DIAL_TIMEOUT_US /* how long a call may ring */
enum { VERDICT_FRAME_LEN = KITH_FRAME_HEADER + 2, CROSSED_FRAME_LEN = KITH_FRAME_HEADER + 8 + 16 };

/* A candidate lets its witnesses in, which dial it at its own address, for as long as it waits for them. */
static bool expects_witness(const struct kith_core *c, const struct kith_hop *from)
{
	return c->now.mono_us < c->witnesses_until && c->witnesses_n < KITH_WITNESSES_IN_MAX && from->tunnel == 0;
}

/* Who contacts a leaf can be nothing else. A supernode that is attested anew is contacted by others too; its witness
 * says at once what it wants. */
static bool is_witness(const struct kith_core *c, const struct kith_first *first)
{
	enum { KIND_AT = 2 }; /* behind the id */
	const struct kith_span request = first->hello.request;
	return expects_witness(c, &first->from) &&
	       (!kith_serves(c) || (request.len > KIND_AT && request.p[KIND_AT] == KITH_REQ_MEASURE));
}

static void send_cookie(struct kith_core *c, const struct kith_hs_header *header, const struct kith_hop *from,
			bool anew)
{
	kith_drop(c, KITH_STAT_DROP_COOKIE_REQUIRED, from, anew ? "not_fresh" : "address_not_proven");
	if (!kith_guard_may_cookie(&c->guard, c->now.mono_us))
		return;
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, from, KITH_COOKIE_PACKET_LEN);
	if (out == NULL)
		return;
	kith_guard_cookie(&c->guard, c->now.mono_us, header, from, anew, out);
	kith_stats_add(c->stats, KITH_STAT_COOKIES_SENT, 1);
}

static void send_stored_reply(struct kith_core *c, const struct kith_session *s, const struct kith_hop *from)
{
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, from, s->hs->len);
	if (out != NULL)
		memcpy(out, s->hs->packet, s->hs->len);
}

/* The session that a first message made, while its handshake lasts; NULL when that is over, or when it made none. */
static struct kith_session *made_by(const struct kith_core *c, uint32_t index, const struct kith_person *person,
				    const uint8_t call_id[16])
{
	struct kith_session *s = index != 0 ? kith_sessions_get(&c->sessions, index) : NULL;
	bool same = s != NULL && s->hs != NULL && !s->initiator && s->state != KITH_SESSION_CLOSED &&
		    memcmp(s->device, person->device_dh.b, KITH_DEVICE_ID_LEN) == 0 &&
		    memcmp(s->hs->call_id, call_id, 16) == 0;
	return same ? s : NULL;
}

/* A caller repeats its HELLO for as long as it may ring. If its call stands for one of ours that was not sent yet, ours
 * is sent when nothing more is heard of the caller, which may be gone. */
static bool waits_long(const struct kith_session *s)
{
	return (s->use & KITH_USE_PEER) && (s->peer->op == 0 || s->peer->rival != 0);
}

/* A copy of the HELLO that made a session gets the same answer, over the hop that it came by, within a rate. */
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
		kith_drop(c, KITH_STAT_DROP_RATE_LIMITED, from, "copy_of_hello");
		return;
	}
	hs->tries++;
	s->paths.first.hop = *from; /* an answer to the last reply proves the hop that the reply took */
	send_stored_reply(c, s, from);
	kith_time_us longer = c->now.mono_us + KITH_HANDSHAKE_TIMEOUT_US;
	if (!waits_long(s) && (s->use & KITH_USE_PEER) && hs->give_up_at < longer) { /* it is there still */
		hs->give_up_at = longer;
		kith_session_touch(c, s);
	}
}

static void write_crossed(const struct kith_crossed *crossed, struct kith_writer *w)
{
	uint8_t *mark = kith_frame_begin(w, KITH_FRAME_CROSSED);
	kith_write_u64(w, (uint64_t)crossed->timestamp_ms);
	kith_write_bytes(w, crossed->call_id, sizeof crossed->call_id);
	kith_frame_end(w, mark);
}

static int make_reply(struct kith_core *c, struct kith_session *s, uint16_t verdict, uint16_t answered,
		      const struct kith_crossed *crossed)
{
	uint8_t payload[KITH_UDP_PAYLOAD], brief[KITH_CHAIN_MAX];
	size_t len_max = s->hs->len; /* the HELLO's, kept here by new_responder, less what goes back otherwise */
	size_t overhead = KITH_HS_HEADER + kith_noise_overhead(&s->hs->noise);
	if (len_max <= overhead)
		return KITH_EMSGSIZE;
	size_t room = len_max - overhead < sizeof payload ? len_max - overhead : sizeof payload;
	const uint64_t names[2] = { kith_sessions_name(&c->sessions, s), kith_sessions_name(&c->sessions, s) };
	struct kith_writer w = kith_writer_of(payload, room);
	kith_hello_write(&w, &c->self, s->hs->timestamp_ms, s->hs->call_id, names, c->self.chain);
	if (w.bad ||
	    kith_writer_space(&w) < VERDICT_FRAME_LEN + CROSSED_FRAME_LEN) { /* the caller may know our issuer */
		w = kith_writer_of(payload, room);
		kith_hello_write(&w, &c->self, s->hs->timestamp_ms, s->hs->call_id, names,
				 kith_chain_brief(c->self.chain, brief));
	}
	if (s->use & KITH_USE_PEER) {
		uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_VERDICT);
		kith_write_u16(&w, verdict);
		kith_frame_end(&w, mark);
		if (crossed != NULL)
			write_crossed(crossed, &w);
	}
	if (answered != 0)
		kith_request_answer_embed(s->requests, answered, &w);
	if (w.bad)
		return KITH_EMSGSIZE;
	return kith_handshake_reply(s->hs, &c->self, s->index, s->hs->peer_index,
				    (struct kith_span){ payload, kith_writer_len(&w) }, len_max);
}

void kith_respond_reply(struct kith_core *c, struct kith_session *s, uint16_t verdict, uint16_t answered,
			const struct kith_crossed *crossed)
{
	struct kith_hop from = s->paths.first.hop;
	if (make_reply(c, s, verdict, answered, crossed) != 0) {
		kith_session_end(c, s, KITH_CLOSE_PROTOCOL, false);
		return;
	}
	if (s->state == KITH_SESSION_DECIDING) {
		c->deciding--;
		kith_session_set_state(s, KITH_SESSION_UNCONFIRMED);
	}
	/* The answer is kept as long as the other side repeats its HELLO. */
	s->hs->give_up_at = c->now.mono_us + (waits_long(s) ? KITH_DIAL_TIMEOUT_US : KITH_HANDSHAKE_TIMEOUT_US);
	s->hs->next_at = KITH_TIME_NEVER;
	s->hs->sent_at = c->now.mono_us;
	s->hs->tries = 0;
	s->hs->refused = verdict != 0;
	if (!s->hs->refused)
		kith_session_take_keys(s, c->now.mono_us);
	send_stored_reply(c, s, &from);
	kith_session_touch(c, s);
}

/* A new responder session for an accepted HELLO. */
static struct kith_session *new_responder(struct kith_core *c, const struct kith_first *first,
					  enum kith_session_state state)
{
	struct kith_session *s = kith_session_new(c, state);
	if (s == NULL) {
		kith_drop(c, KITH_STAT_REFUSE_TABLE_FULL, &first->from, "no_memory");
		return NULL;
	}
	kith_pathset_init(&s->paths, c->now.mono_us, &first->from, false, 0);
	s->hs = KITH_NEW(c->alloc, struct kith_handshake);
	if (s->hs == NULL) {
		kith_session_drop(c, s);
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return NULL;
	}
	*s->hs = first->hs;
	s->hs->len = (uint16_t)first->packet_len;
	s->hs->peer_index = first->peer_index;
	/* Where a supernode is, all may know: it does not hide that it moves. */
	kith_pathset_name(&s->paths, first->hello.name, kith_serves(c) ? 0 : first->hello.spare);
	s->hs->next_at = KITH_TIME_NEVER;
	s->hs->give_up_at = c->now.mono_us + KITH_HANDSHAKE_TIMEOUT_US;
	return s;
}

/* Whoever contacts us has shown certificates, but not yet that it is where it says. All such have a share of the table,
 * and the oldest gives way: an honest one needs a round trip. False: this identity has its share of that, or there is
 * no room, and its net has a large part of it. */
static bool wait_for_proof(struct kith_core *c, struct kith_session *s, uint64_t identity, uint64_t net)
{
	const uint32_t share = c->sessions.by_index.max / KITH_UNCONFIRMED_SHARE;
	const uint32_t max = share > KITH_UNCONFIRMED_MIN ? share : KITH_UNCONFIRMED_MIN;
	const bool full = c->unconfirmed_n >= max;
	struct kith_allowance *a = &c->allowance;
	if (full && kith_allowance_held(a, net, KITH_HOLDING_UNPROVEN_NET) >= max / KITH_UNCONFIRMED_NET)
		return false;
	if (!kith_allowance_take(a, identity, KITH_HOLDING_UNPROVEN))
		return false;
	if (!kith_allowance_take(a, net, KITH_HOLDING_UNPROVEN_NET)) {
		kith_allowance_give(a, identity, KITH_HOLDING_UNPROVEN);
		return false;
	}
	if (full) {
		const struct kith_handshake *oldest = KITH_LINKED(c->unconfirmed.next, struct kith_handshake, waiting);
		struct kith_session *gone = kith_sessions_get(&c->sessions, oldest->session);
		KITH_ASSERT(gone != NULL);
		kith_session_end(c, gone, KITH_CLOSE_LIMIT, true);
		kith_stats_add(c->stats, KITH_STAT_UNCONFIRMED_OUT, 1);
	}
	s->hs->session = s->index;
	s->hs->identity = identity;
	s->hs->net = net;
	kith_link_init(&s->hs->waiting);
	kith_link_append(&c->unconfirmed, &s->hs->waiting);
	c->unconfirmed_n++;
	return true;
}

/* Whether the table has a place for whoever that is: the last ones are for identities without any. A device that comes
 * back takes its own. */
static bool has_place(const struct kith_core *c, const struct kith_first *first, uint64_t identity, bool call)
{
	const struct kith_allowance *a = &c->allowance;
	static const enum kith_holding sessions[] = { KITH_HOLDING_SESSION, KITH_HOLDING_PEER, KITH_HOLDING_LEAF,
						      KITH_HOLDING_UNPROVEN };
	const bool back = !call && kith_sessions_of(&c->sessions, first->person.device_dh.b) != NULL;
	uint32_t held = 0;
	for (size_t i = 0; i < sizeof sessions / sizeof sessions[0]; i++)
		held += kith_allowance_held(a, identity, sessions[i]);
	return back ||
	       kith_shares_reserve(c->sessions.by_index.n, c->sessions.by_index.max, KITH_SESSIONS_RESERVE, held);
}

struct kith_session *kith_respond_begin(struct kith_core *c, const struct kith_first *first, bool call)
{
	const uint64_t identity = kith_identity_key(&first->person.identity);
	if (!has_place(c, first, identity, call)) {
		kith_drop(c, KITH_STAT_REFUSE_TABLE_FULL, &first->from, "reserve");
		return NULL;
	}
	struct kith_session *s = new_responder(c, first, call ? KITH_SESSION_DECIDING : KITH_SESSION_UNCONFIRMED);
	if (s == NULL)
		return NULL;
	memcpy(s->device, first->person.device_dh.b, KITH_DEVICE_ID_LEN);
	memcpy(s->hs->call_id, first->hello.call_id, sizeof s->hs->call_id);
	s->hs->timestamp_ms = first->hello.timestamp_ms;
	s->features = (uint8_t)(first->hello.features & c->self.features);
	c->deciding += call;
	if (!kith_connect_keep_chain(c, s, first->hello.chain, first->hello.role)) {
		kith_session_end(c, s, KITH_CLOSE_LIMIT, false); /* not remembered: a copy may find more memory */
		return NULL;
	}
	if (!call && !wait_for_proof(c, s, identity, kith_addr_diversity_prefix(&first->from.remote))) {
		kith_drop(c, KITH_STAT_DROP_RATE_LIMITED, &first->from, "unproven");
		kith_session_end(c, s, KITH_CLOSE_LIMIT, false);
		return NULL;
	}
	kith_guard_remember(&c->guard, &c->now, first->person.device_dh.b, first->hello.timestamp_ms,
			    first->hello.call_id, s->index);
	if (call) {
		s->use |= KITH_USE_PEER;
		s->hs->give_up_at = c->now.mono_us + DECIDE_US;
	} else if (is_witness(c, first)) {
		s->use |= KITH_USE_WITNESS;
		c->witnesses_n++;
	}
	return s;
}

/* The caller has given up, whether its call rings or was answered just now. A refusal stays, to be repeated. */
static void on_cancel(struct kith_core *c, struct kith_session *s)
{
	if ((s->use & KITH_USE_PEER) && !s->hs->refused)
		kith_session_end(c, s, KITH_CLOSE_CANCELED, true);
}

/* Whether the message is new. A message is remembered once it made a session; until then its copies count as new.
 */
static bool fresh(struct kith_core *c, const struct kith_hs_header *header, struct kith_first *first)
{
	const struct kith_hello *hello = &first->hello;
	const struct kith_person *person = &first->person;
	const struct kith_hop *from = &first->from;
	bool made_now = hello->fresh.p != NULL && kith_guard_epoch(&c->guard, c->now.mono_us, hello->fresh.p);
	uint32_t index = 0;
	struct kith_session *s;
	switch (kith_guard_judge(&c->guard, &c->now, person->device_dh.b, hello->timestamp_ms, hello->call_id, made_now,
				 &index)) {
	case KITH_FRESH:
		first->proven =
			kith_guard_proves(&c->guard, &c->now, person->device_dh.b, hello->timestamp_ms, made_now);
		return true;
	case KITH_SAME:
		s = made_by(c, index, person, hello->call_id);
		if (s == NULL)
			kith_drop(c, KITH_STAT_REFUSE_STALE, from, "hello_again");
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

static enum kith_respond_event on_authentic(struct kith_core *c, const struct kith_hs_header *header,
					    size_t payload_len, struct kith_first *first)
{
	struct kith_hello *hello = &first->hello;
	const struct kith_noise *noise = &first->hs.noise;
	if (!kith_hello_parse(hello, (struct kith_span){ first->payload, payload_len })) {
		kith_drop(c, KITH_STAT_REFUSE_MALFORMED, &first->from, "hello_payload");
		return KITH_RESPOND_DONE;
	}
	if (memcmp(noise->rs, c->self.dh_pk, 32) == 0) {
		kith_drop(c, KITH_STAT_REFUSE_LOOP, &first->from, "own_key");
		return KITH_RESPOND_DONE;
	}
	bool call = hello->service.p != NULL;
	int err = kith_connect_check_chain(c, hello->chain, noise->rs, &first->from, &first->person);
	if (err != 0) {
		kith_refuse_version(c, header->sender, first->packet_len, &first->from,
				    err == KITH_ENETWORK ? KITH_WHY_STRANGE : KITH_WHY_CERTIFICATE);
		return KITH_RESPOND_DONE;
	}
	bool witness = !call && hello->role == KITH_ROLE_SUPERNODE && expects_witness(c, &first->from);
	if (call && !kith_serves(c) && !kith_via_home(c, &first->from) &&
	    !kith_nearby_lets_in(c, &first->from, &first->person.identity)) {
		kith_drop(c, KITH_STAT_REFUSE_NOT_VIA_HOME, &first->from, "call_not_via_home");
		return KITH_RESPOND_DONE;
	}
	if (!call && !kith_serves(c) && !witness) { /* a leaf serves nobody but callers */
		kith_drop(c, KITH_STAT_REFUSE_NOT_VIA_HOME, &first->from, "no_call");
		return KITH_RESPOND_DONE;
	}
	if (!fresh(c, header, first))
		return KITH_RESPOND_DONE;
	if (hello->cancel) { /* the call itself has not come yet, and will be taken for a known one */
		kith_guard_remember(&c->guard, &c->now, first->person.device_dh.b, hello->timestamp_ms, hello->call_id,
				    0);
		return KITH_RESPOND_DONE;
	}
	return call ? KITH_RESPOND_CALL : KITH_RESPOND_CONTACT;
}

/* What costs no DH: false when the message ends here. */
static bool pass_guard(struct kith_core *c, const struct kith_hs_header *header, size_t packet_len,
		       const struct kith_hop *from)
{
	if (!kith_connect_may_answer(c, from) && !expects_witness(c, from) && !kith_nearby_lets_in(c, from, NULL)) {
		kith_drop(c, KITH_STAT_REFUSE_NOT_VIA_HOME, from, "no_home");
		return false;
	}
	if (packet_len < KITH_COOKIE_PACKET_LEN) { /* even a COOKIE would be longer than the packet */
		kith_drop(c, KITH_STAT_DROP_TOO_SHORT, from, "hello_too_short");
		return false;
	}
	/* Before the source's rate, and before a cookie: this costs less, and is no more than came. */
	if (kith_refuse_wanted(c, header, from) && kith_guard_genuine(&c->guard, header)) {
		kith_refuse_busy(c, header, packet_len, from);
		return false;
	}
	const bool home = !kith_serves(c) && kith_via_home(c, from);
	switch (kith_guard_check(&c->guard, c->now.mono_us, header, from, home)) {
	case KITH_GUARD_BAD_MAC:
		kith_drop(c, KITH_STAT_DROP_BAD_MAC, from, "mac1");
		kith_refuse_version(c, header->sender, packet_len, from, KITH_WHY_STRANGE);
		return false;
	case KITH_GUARD_LIMITED:
		kith_drop(c, KITH_STAT_DROP_RATE_LIMITED, from, "hello_rate");
		return false;
	case KITH_GUARD_COOKIE:
		send_cookie(c, header, from, false);
		return false;
	case KITH_GUARD_PASS:
		break;
	}
	if (kith_serves(c) && c->sessions.by_index.n >= c->sessions.by_index.max) { /* before it costs anything */
		kith_drop(c, KITH_STAT_REFUSE_TABLE_FULL, from, "sessions"); /* it came in a tunnel */
		return false;
	}
	return true;
}

enum kith_respond_event kith_respond_on_hello(struct kith_core *c, const struct kith_hs_header *header,
					      size_t packet_len, const struct kith_hop *from, struct kith_first *out)
{
	out->peer_index = header->sender;
	out->from = *from;
	out->packet_len = packet_len;
	if (!pass_guard(c, header, packet_len, from))
		return KITH_RESPOND_DONE;
	enum kith_respond_event event = KITH_RESPOND_DONE;
	int n = kith_handshake_read_hello(&out->hs, &c->self, header, out->payload);
	if (n < 0) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "hello_noise");
		kith_refuse_version(c, header->sender, packet_len, from, KITH_WHY_STRANGE);
	} else {
		event = on_authentic(c, header, (size_t)n, out);
	}
	if (event ==
	    KITH_RESPOND_DONE) /* with keys in it by now; what the guard refuses has none, and costs no wiping */
		kith_respond_forget(out);
	return event;
}

void kith_respond_forget(struct kith_first *first)
{
	kith_handshake_wipe(&first->hs);
}

void kith_respond_confirmed(struct kith_core *c, struct kith_session *s)
{
	/* Only the hop that our reply took is proven: the holder of the keys may write any address on a packet. The hop
	 * that this packet came by is a stranger's, and is probed. */
	struct kith_hop proven = s->paths.first.hop;
	kith_session_proven(c, s);
	kith_connect_bind(c, s);
	kith_connect_opened(c, s, &proven);
	if ((s->use & (KITH_USE_LEAF | KITH_USE_WITNESS)) != 0 || kith_session_count(c, s))
		return;
	kith_stats_add(c->stats, KITH_STAT_SESSIONS_LIMITED, 1);
	kith_session_end(c, s, KITH_CLOSE_LIMIT, false);
}
