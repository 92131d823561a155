/* The initiator's half of the handshake, and what both halves share. */
#include "link/connect.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/rng.h"
#include "link/connect_internal.h"
#include "link/via.h"
#include "link/ways.h"

#define COOKIE_SPACING_US (20 * KITH_US_PER_MS)
enum { INTRODUCE_COST = 40 }; /* most bytes around an introduced packet in an INTRODUCE request frame */

static void count_refusal(struct kith_core *c, int err, const struct kith_hop *from)
{
	enum kith_stat stat = KITH_STAT_REFUSE_CHAIN;
	if (err == KITH_ENETWORK)
		stat = KITH_STAT_REFUSE_NETWORK;
	else if (err == KITH_EEXPIRED)
		stat = KITH_STAT_REFUSE_EXPIRED;
	else if (err == KITH_ENOTYET)
		stat = KITH_STAT_REFUSE_NOT_YET;
	else if (err == KITH_EREVOKED)
		stat = KITH_STAT_REFUSE_REVOKED;
	else if (err == KITH_ENAME)
		stat = KITH_STAT_REFUSE_NAME;
	kith_drop(c, stat, from, kith_err_name(err));
}

/* ---- initiator ---- */

static struct kith_session *new_initiator(struct kith_core *c)
{
	struct kith_session *s = kith_session_new(c, KITH_SESSION_INITIATING);
	if (s == NULL)
		return NULL;
	s->initiator = true;
	s->hs = KITH_NEW(c->alloc, struct kith_handshake);
	if (s->hs != NULL) {
		c->random->fill(c->random->ctx, s->hs->call_id, sizeof s->hs->call_id);
		return s;
	}
	kith_session_drop(c, s);
	return NULL;
}

/* What every HELLO says, with the epoch that a COOKIE asked for. */
static void begin_payload(struct kith_core *c, struct kith_session *s, struct kith_writer *w, struct kith_span chain)
{
	s->hs->timestamp_ms = kith_stamp(c);
	const uint64_t names[2] = { kith_sessions_name(&c->sessions, s), kith_sessions_name(&c->sessions, s) };
	kith_hello_write(w, &c->self, s->hs->timestamp_ms, s->hs->call_id, names, chain);
	if (!s->hs->has_epoch)
		return;
	uint8_t *mark = kith_frame_begin(w, KITH_FRAME_FRESH);
	kith_write_bytes(w, s->hs->epoch, KITH_COOKIE_LEN);
	kith_frame_end(w, mark);
}

/* Makes the HELLO to a supernode. A request of req.len bytes goes along when it fits (then *embedded). */
static int make_hello(struct kith_core *c, struct kith_session *s, const uint8_t key[32], bool short_chain,
		      uint8_t kind, struct kith_span req, uint64_t token, bool *embedded)
{
	uint8_t payload[KITH_UDP_PAYLOAD], brief[KITH_CHAIN_MAX];
	struct kith_writer w = kith_writer_of(payload, KITH_UDP_PAYLOAD - KITH_IK_HELLO_OVERHEAD);
	begin_payload(c, s, &w, short_chain ? kith_chain_brief(c->self.chain, brief) : c->self.chain);
	*embedded = kind != 0 && kith_writer_space(&w) >= KITH_FRAME_HEADER + 3 + req.len;
	if (*embedded) {
		int err =
			kith_request_embed(&s->requests, kith_env(c, s), kind, req, token, KITH_REQUEST_TIMEOUT_US, &w);
		if (err != 0)
			return err;
	}
	return kith_handshake_start(s->hs, &c->self, key, s->index, (struct kith_span){ payload, kith_writer_len(&w) },
				    KITH_UDP_PAYLOAD);
}

/* The same once more, with the full chain; the request that was to go along still does if there is room. */
static int make_hello_again(struct kith_core *c, struct kith_session *s, const uint8_t key[32])
{
	uint8_t payload[KITH_UDP_PAYLOAD];
	struct kith_writer w = kith_writer_of(payload, KITH_UDP_PAYLOAD - KITH_IK_HELLO_OVERHEAD);
	begin_payload(c, s, &w, c->self.chain);
	kith_requests_embed_again(s->requests, &w);
	return kith_handshake_start(s->hs, &c->self, key, s->index, (struct kith_span){ payload, kith_writer_len(&w) },
				    KITH_UDP_PAYLOAD);
}

static struct kith_session *start(struct kith_core *c, const struct kith_host *host, const uint16_t *from, uint8_t use,
				  uint8_t kind, struct kith_span body, uint64_t token)
{
	static const struct kith_key no_key;
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX];
	bool known = memcmp(&host->dh, &no_key, sizeof no_key) != 0;
	uint8_t ways_n = kith_ways_to(c, host, from, ways);
	struct kith_session *s = ways_n > 0 ? new_initiator(c) : NULL;
	if (s == NULL)
		return NULL;
	memcpy(s->hs->ways, ways, sizeof ways[0] * ways_n);
	s->hs->ways_n = ways_n;
	s->hs->purpose = kind == KITH_REQ_ATTACH ? KITH_PURPOSE_ATTACH : KITH_PURPOSE_UNSAID;
	/* With a long request the issuer's certificate is left out, since supernodes hold it. A supernode that does not
	 * stays silent, and the second try brings it (kith_connect_tick). */
	bool long_request = KITH_IK_HELLO_OVERHEAD + 56 + c->self.chain.len + 6 + body.len > KITH_UDP_PAYLOAD;
	bool embedded = false;
	int err = 0;
	if (known)
		err = make_hello(c, s, host->dh.b, long_request, kind, body, token, &embedded);
	else
		kith_handshake_ask(s->hs, &c->self, s->index);
	if (err == 0 && kind != 0 && !embedded)
		err = kith_request_embed(&s->requests, kith_env(c, s), kind, body, token, KITH_REQUEST_TIMEOUT_US,
					 NULL);
	if (err != 0) {
		kith_session_drop(c, s);
		return NULL;
	}
	s->use |= use;
	if (known)
		memcpy(s->device, host->dh.b, KITH_DEVICE_ID_LEN);
	if (known && (use & KITH_USE_WITNESS) == 0)
		(void)kith_sessions_bind(&c->sessions, s);
	kith_pathset_init(&s->paths, c->now.mono_us, &ways[0], false, KITH_PATHSET_INITIATOR);
	s->hs->give_up_at = c->now.mono_us + KITH_HANDSHAKE_TIMEOUT_US;
	kith_connect_send(c, s, &ways[0]);
	return s;
}

/* The session that we have with the supernode at one of these addresses. A second one with it would replace the first,
 * and with it a home. All sessions are looked at: hosts without a key are those of a configuration, and few. */
static struct kith_session *reached(const struct kith_core *c, const struct kith_host *host)
{
	struct kith_session *s;
	uint32_t it = 0;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (s->state != KITH_SESSION_OPEN || !s->initiator || s->role != KITH_ROLE_SUPERNODE ||
		    (s->use & (KITH_USE_PEER | KITH_USE_WITNESS)) != 0)
			continue;
		const struct kith_hop *hop = kith_session_hop(s);
		for (uint8_t i = 0; hop->tunnel == 0 && i < host->endpoints_n; i++) {
			if (kith_addr_equal(&host->endpoints[i].addr, &hop->remote))
				return s;
		}
	}
	return NULL;
}

int kith_connect_request(struct kith_core *c, const struct kith_host *host, uint8_t use, uint8_t kind,
			 struct kith_span body, uint64_t token, uint32_t *session)
{
	static const struct kith_key no_key;
	bool keyed = memcmp(&host->dh, &no_key, sizeof no_key) != 0;
	if (keyed && memcmp(host->dh.b, c->self.dh_pk, 32) == 0)
		return KITH_EINVAL;
	struct kith_session *s = keyed ? kith_sessions_of(&c->sessions, host->dh.b) : reached(c, host);
	if (s != NULL && s->state == KITH_SESSION_OPEN) {
		kith_session_use(c, s, use);
		*session = s->index;
		return kith_session_request(c, s, kind, body, token);
	}
	if (s != NULL && s->state != KITH_SESSION_CLOSED) {
		s->use |= use;
		*session = s->index;
		return kith_request_embed(&s->requests, kith_env(c, s), kind, body, token, KITH_REQUEST_TIMEOUT_US,
					  NULL);
	}
	s = start(c, host, NULL, use, kind, body, token);
	if (s == NULL)
		return KITH_EUNREACHABLE;
	*session = s->index;
	return 0;
}

int kith_connect_witness(struct kith_core *c, const struct kith_host *host, const uint16_t *from, uint8_t kind,
			 struct kith_span body, uint64_t token, uint32_t *session)
{
	if (host->endpoints_n != 1 || memcmp(host->dh.b, c->self.dh_pk, sizeof host->dh.b) == 0)
		return KITH_EINVAL;
	struct kith_session *s = start(c, host, from, KITH_USE_WITNESS, kind, body, token);
	if (s == NULL)
		return KITH_EUNREACHABLE;
	s->hs->give_up_at = c->now.mono_us + KITH_WITNESS_DIAL_US;
	*session = s->index;
	return 0;
}

/* The full chain, but where only the other leaves room for early data in a HELLO to a person. *early: what of it fits,
 * beside FRESH, so that a HELLO that is made anew has the same. */
static struct kith_span chain_beside(const struct kith_core *c, const struct kith_handshake *hs, const char *service,
				     struct kith_span brief, size_t most, struct kith_span *early)
{
	enum { HELLO_LEN = 48, FRESH_LEN = KITH_FRAME_HEADER + KITH_COOKIE_LEN };
	const size_t others = KITH_IK_HELLO_OVERHEAD + HELLO_LEN + FRESH_LEN + KITH_FRAME_HEADER + strlen(service) +
			      KITH_FRAME_HEADER + early->len + KITH_FRAME_HEADER;
	if (hs->cancel)
		early->len = 0;
	if (early->len == 0 || others + c->self.chain.len <= most)
		return c->self.chain;
	if (hs->by_id && others + brief.len <= most)
		return brief;
	early->len = 0;
	return c->self.chain;
}

/* Makes the HELLO to a person, as long as fits an introduction inside our own first message to a home. The reply may be
 * no longer. */
static int make_call(struct kith_core *c, struct kith_session *s, const uint8_t key[32], const char *service,
		     struct kith_span early)
{
	uint8_t payload[KITH_UDP_PAYLOAD], buf[KITH_CHAIN_MAX];
	struct kith_writer w = kith_writer_of(payload, sizeof payload);
	const struct kith_span brief = kith_chain_brief(c->self.chain, buf);
	size_t around = KITH_IK_HELLO_OVERHEAD + 48 + 3 + brief.len + INTRODUCE_COST;
	size_t pad_to = around < KITH_UDP_PAYLOAD ? KITH_UDP_PAYLOAD - around : 0;
	begin_payload(c, s, &w,
		      chain_beside(c, s->hs, service, brief, s->hs->alone ? KITH_NESTED_MAX : pad_to, &early));
	uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_SERVICE);
	kith_write_bytes(&w, (const uint8_t *)service, strlen(service));
	kith_frame_end(&w, mark);
	if (s->hs->cancel)
		kith_frame_end(&w, kith_frame_begin(&w, KITH_FRAME_CANCEL));
	s->hs->early = early.len > 0;
	if (s->hs->early) {
		mark = kith_frame_begin(&w, KITH_FRAME_EARLY);
		kith_write_span(&w, early);
		kith_frame_end(&w, mark);
	}
	if (w.bad)
		return KITH_EMSGSIZE;
	int err = kith_handshake_start(s->hs, &c->self, key, s->index,
				       (struct kith_span){ payload, kith_writer_len(&w) }, pad_to);
	return err == 0 && s->hs->len > KITH_NESTED_MAX ? KITH_EMSGSIZE : err;
}

struct kith_session *kith_connect_peer(struct kith_core *c, const struct kith_key *device, const char *service,
				       const struct kith_early *early)
{
	struct kith_session *s = new_initiator(c);
	if (s == NULL)
		return NULL;
	s->hs->by_id = early->by_id, s->hs->alone = early->alone;
	if (make_call(c, s, device->b, service, early->bytes) != 0) {
		kith_session_drop(c, s);
		return NULL;
	}
	memcpy(s->device, device->b, KITH_DEVICE_ID_LEN);
	struct kith_hop none = { 0 };
	kith_pathset_init(&s->paths, c->now.mono_us, &none, false, KITH_PATHSET_INITIATOR);
	s->hs->give_up_at = KITH_TIME_NEVER;
	s->hs->next_at = KITH_TIME_NEVER;
	return s;
}

/* Makes the HELLO again, for a responder that sent a COOKIE or may lack our issuer's certificate, or to take a call
 * back. */
static bool remake(struct kith_core *c, struct kith_session *s)
{
	uint8_t key[32];
	memcpy(key, s->hs->noise.rs, 32);
	kith_noise_wipe(&s->hs->noise);
	int err = s->use & KITH_USE_PEER ? make_call(c, s, key, s->peer->service, kith_blob_span(s->peer->early.ours))
					 : make_hello_again(c, s, key);
	if (err == 0)
		return true;
	kith_session_end(c, s, KITH_CLOSE_PROTOCOL, false);
	return false;
}

/* When the HELLO is due again: the one place where that is set. */
static void due_again(struct kith_core *c, struct kith_session *s, kith_time_us most, unsigned jitter_percent)
{
	struct kith_handshake *hs = s->hs;
	const bool first_round = hs->tries + 1 < hs->ways_n; /* a way is left that was not tried */
	const unsigned rounds = hs->ways_n > 1 ? hs->tries - (hs->ways_n - 1u) : hs->tries;
	kith_time_us wait = first_round ? KITH_STAGGER_US : KITH_HANDSHAKE_RETRY_US << (rounds < 4 ? rounds : 4);
	if (wait > most)
		wait = most;
	if (hs->tries < UINT8_MAX)
		hs->tries++;
	hs->next_at = c->now.mono_us + kith_rng_jitter(c->random, wait, jitter_percent);
	kith_session_touch(c, s);
}

void kith_connect_waited(struct kith_core *c, struct kith_session *s)
{
	due_again(c, s, KITH_DIAL_ASK_MAX_US, 0); /* nothing was sent that would have to be spread */
}

static void put(struct kith_core *c, const struct kith_handshake *hs, const struct kith_hop *hop)
{
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, hop, hs->len);
	if (out != NULL)
		memcpy(out, hs->packet, hs->len);
}

void kith_connect_send(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop)
{
	struct kith_handshake *hs = s->hs;
	put(c, hs, hop);
	hs->sent_at = c->now.mono_us;
	due_again(c, s, s->use & KITH_USE_PEER ? KITH_DIAL_RETRY_MAX_US : KITH_HANDSHAKE_RETRY_MAX_US, 10);
}

bool kith_connect_cancel(struct kith_core *c, struct kith_session *s)
{
	KITH_ASSERT(s->state == KITH_SESSION_INITIATING && (s->use & KITH_USE_PEER));
	if (s->hs->cancel)
		return false;
	s->hs->cancel = true;
	s->hs->tries = 0;
	s->hs->give_up_at = c->now.mono_us + KITH_CANCEL_US;
	return remake(c, s);
}

bool kith_connect_may_prove(struct kith_core *c, const struct kith_session *s, const struct kith_hop *from)
{
	for (unsigned i = 0; i < s->hs->ways_n; i++) {
		if (kith_hop_equal(&s->hs->ways[i], from))
			return true;
	}
	return (s->use & KITH_USE_PEER) && kith_via_callee(c, s, from);
}

/* This address of a supernode answers: the others need not be tried. */
static void settle_way(struct kith_core *c, struct kith_session *s, const struct kith_hop *from)
{
	kith_ways_answered(c, s->hs, from);
	s->paths.first.hop = s->hs->ways[0] = *from;
	s->hs->ways_n = 1;
	s->hs->way = 0;
	s->hs->answered = true;
}

void kith_connect_greet(struct kith_core *c, struct kith_session *s, const uint8_t key[32], const struct kith_hop *from)
{
	memcpy(s->device, key, KITH_DEVICE_ID_LEN);
	if ((s->use & KITH_USE_WITNESS) == 0 && kith_sessions_of(&c->sessions, key) == NULL)
		(void)kith_sessions_bind(&c->sessions, s);
	if (make_hello_again(c, s, key) != 0) {
		kith_session_end(c, s, KITH_CLOSE_PROTOCOL, false);
		return;
	}
	settle_way(c, s, from);
	s->hs->tries = 0;
	kith_connect_send(c, s, from);
}

void kith_connect_on_cookie(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	uint32_t receiver;
	bool anew;
	const uint8_t *nonce, *sealed;
	struct kith_session *s = NULL;
	if (kith_cookie_parse(&receiver, &anew, &nonce, &sealed, packet))
		s = kith_sessions_get(&c->sessions, receiver);
	if (s == NULL || s->state != KITH_SESSION_INITIATING) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, from, "cookie_index");
		return;
	}
	if (!kith_connect_may_prove(c, s, from)) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "cookie_source");
		return;
	}
	/* Two nodes must not chase each other with cookies. */
	if (s->hs->has_cookie && c->now.mono_us - s->hs->sent_at < COOKIE_SPACING_US)
		return;
	int made = kith_handshake_cookie(s->hs, packet);
	if (made < 0) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "cookie_seal");
		return;
	}
	if (made == 1 && !remake(c, s))
		return;
	if (!(s->use & KITH_USE_PEER))
		settle_way(c, s, from);
	kith_connect_send(c, s, from); /* by the same hop: the second MAC is valid for no other */
}

void kith_connect_on_version(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	uint32_t receiver;
	bool spoken;
	uint8_t why;
	struct kith_session *s = NULL;
	kith_drop(c, KITH_STAT_DROP_UNKNOWN_VERSION, from, "version_packet");
	if (kith_version_parse(&receiver, &spoken, &why, packet))
		s = kith_sessions_get(&c->sessions, receiver);
	if (s == NULL || s->state != KITH_SESSION_INITIATING || (s->use & KITH_USE_PEER) ||
	    !kith_connect_may_prove(c, s, from))
		return;
	s->hs->why = (int8_t)(!spoken			    ? KITH_EVERSION
			      : why == KITH_WHY_STRANGE	    ? KITH_ENETWORK
			      : why == KITH_WHY_FULL	    ? KITH_EFULL
			      : why == KITH_WHY_CERTIFICATE ? KITH_EREJECTED
							    : 0);
	if (s->hs->why != KITH_EFULL)
		return;
	s->hs->next_at = KITH_TIME_NEVER;
	kith_session_touch(c, s);
}

static bool busy_holds(struct kith_core *c, const struct kith_session *s, const struct kith_busy *busy,
		       const struct kith_hop *from)
{
	struct kith_person person;
	if (s->hs->who || memcmp(busy->device.b, s->hs->noise.rs, KITH_DEVICE_ID_LEN) != 0)
		return false;
	if (memcmp(busy->device.b, c->self.dh_pk, KITH_DEVICE_ID_LEN) == 0)
		return false;
	int err = kith_busy_verify(busy, &c->trust, &c->now, &person);
	if (err != 0)
		count_refusal(c, err, from);
	return err == 0;
}

struct kith_session *kith_connect_on_busy(struct kith_core *c, struct kith_span packet, const struct kith_hop *from,
					  struct kith_busy *out)
{
	uint32_t receiver;
	struct kith_session *s = NULL;
	if (kith_busy_parse(out, &receiver, packet) == 0)
		s = kith_sessions_get(&c->sessions, receiver);
	if (s == NULL || s->state != KITH_SESSION_INITIATING || (s->use & KITH_USE_PEER)) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, from, "busy_index");
		return NULL;
	}
	if (!kith_connect_may_prove(c, s, from) || s->hs->busy_tries == s->hs->tries) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "busy_source");
		return NULL;
	}
	s->hs->busy_tries = s->hs->tries;
	if (!busy_holds(c, s, out, from)) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "busy_seal");
		return NULL;
	}
	s->hs->why = KITH_EFULL;
	return s;
}

int kith_connect_check_chain(struct kith_core *c, struct kith_span chain, const uint8_t key[32],
			     const struct kith_hop *from, struct kith_person *person)
{
	int err = kith_trust_check(&c->trust, &c->now, chain, person);
	if (err == 0 && key != NULL && memcmp(person->device_dh.b, key, 32) != 0)
		err = KITH_ECHAIN;
	if (err != 0)
		count_refusal(c, err, from);
	return err;
}

bool kith_connect_keep_chain(struct kith_core *c, struct kith_session *s, struct kith_span chain, uint8_t role)
{
	s->chain = kith_blob_intern(&c->shared->blobs, chain.p, chain.len);
	if (s->chain == NULL) {
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return false;
	}
	struct kith_person person;
	bool serves = role == KITH_ROLE_SUPERNODE && kith_session_person(c, s, &person) &&
		      kith_session_may_serve(c, s, &person);
	s->role = serves ? KITH_ROLE_SUPERNODE : KITH_ROLE_LEAF;
	return true;
}

static uint8_t path_flags(const struct kith_core *c, const struct kith_session *s)
{
	/* A peer session opens only after it was accepted; homes and members do not hide their addresses from each
	 * other. */
	unsigned flags = KITH_PATHSET_CONSENT | (s->initiator ? KITH_PATHSET_INITIATOR : 0u);
	if (s->use & KITH_USE_PEER)
		flags |= KITH_PATHSET_PEER;
	if ((s->use & KITH_USE_PEER) && s->peer->relay_only)
		flags |= KITH_PATHSET_RELAY_ONLY;
	if (s->use & KITH_USE_HOME)
		flags |= KITH_PATHSET_HOME;
	if (s->use & KITH_USE_LEAF)
		flags |= KITH_PATHSET_ATTACHED;
	unsigned allow = kith_allowed_scopes(c);
	if (allow & KITH_ALLOW_LOOPBACK)
		flags |= KITH_PATHSET_ALLOW_LOOPBACK;
	if (allow & KITH_ALLOW_PRIVATE)
		flags |= KITH_PATHSET_ALLOW_PRIVATE;
	return (uint8_t)flags;
}

void kith_connect_forget(struct kith_core *c, struct kith_session *s)
{
	if (s->hs == NULL)
		return;
	kith_handshake_wipe(s->hs);
	KITH_FREE(c->alloc, s->hs);
	s->hs = NULL;
}

/* The session is up on our side. */
void kith_connect_bind(struct kith_core *c, struct kith_session *s)
{
	if (s->use & (KITH_USE_PEER | KITH_USE_WITNESS))
		return;
	struct kith_session *old = kith_sessions_bind(&c->sessions, s);
	/* Both sides may begin at the same moment. Then both sessions work, and stay until they are unused: the two
	 * sides see the opposite order, so that both sessions would end. */
	if (old == NULL || old->initiator != s->initiator)
		return;
	s->use |= old->use & KITH_USE_WATCH; /* its watches here go over to this session */
	kith_session_end(c, old, KITH_CLOSE_REPLACED, false);
}

void kith_connect_opened(struct kith_core *c, struct kith_session *s, const struct kith_hop *from)
{
	kith_time_us rtt = 0;
	if (s->initiator && s->hs->tries == 1) /* an answer to the only HELLO measures a round trip */
		rtt = c->now.mono_us - s->hs->sent_at;
	kith_session_set_state(s, KITH_SESSION_OPEN);
	uint64_t name = s->paths.first.name, spare = s->paths.spare;
	kith_pathset_deinit(&s->paths, kith_env(c, s));
	kith_pathset_init(&s->paths, c->now.mono_us, from, true, path_flags(c, s));
	kith_pathset_name(&s->paths, name, spare);
	kith_pathset_weigh(&s->paths, kith_env(c, s));
	kith_connect_forget(c, s);
	s->used_at = c->now.mono_us;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "session_opened session=%08x use=%u initiator=%d relayed=%d", s->index, s->use,
		 s->initiator, from->tunnel != 0);
	kith_stats_add(c->stats, KITH_STAT_HANDSHAKES, 1);
	kith_stats_add(c->stats, KITH_STAT_SESSIONS_OPENED, 1);
	kith_requests_started(s->requests, kith_env(c, s), rtt > 0 && rtt < KITH_US_PER_S ? rtt : 0);
}

/* Confirms the keys at once: the responder may send nothing before, and forgets a session that is not confirmed. Where
 * nothing else follows, as after a request that the HELLO has brought, a lost packet must be noticed. */
static void confirm(struct kith_core *c, struct kith_session *s)
{
	struct kith_writer *w = kith_outbox_begin(&c->shared->outbox, s->index, NULL, 0, KITH_FRAME_KEEPALIVE, 1);
	kith_write_u8(w, 0);
	kith_outbox_end(&c->shared->outbox);
	if (!(s->use & KITH_USE_PEER))
		kith_pathset_expect(&s->paths, c->now.mono_us);
}

/* The callee takes this call for its own, which is still to come or has come already, and must not ring here. */
static void forget_crossed(struct kith_core *c, struct kith_session *s, const struct kith_hello *hello,
			   const struct kith_person *person)
{
	uint32_t index = 0;
	if (!hello->crossed)
		return;
	if (kith_guard_judge(&c->guard, &c->now, person->device_dh.b, hello->crossed_ms, hello->crossed_id, true,
			     &index) != KITH_SAME) {
		kith_guard_remember(&c->guard, &c->now, person->device_dh.b, hello->crossed_ms, hello->crossed_id, 0);
		return;
	}
	/* It rang here, and what it said was told, unless it waits there still. */
	const struct kith_session *theirs = index != 0 ? kith_sessions_get(&c->sessions, index) : NULL;
	s->peer->early.told = theirs == NULL || !(theirs->use & KITH_USE_PEER) || theirs->peer == NULL ||
			      theirs->peer->early.told || memcmp(theirs->device, s->device, sizeof s->device) != 0;
}

/* The source of a supernode's answer says which of its addresses works. A person answers through a tunnel that we may
 * not know yet. */
static struct kith_hop way_of_reply(const struct kith_session *s, const struct kith_hop *from)
{
	for (unsigned i = 0; i < s->hs->ways_n; i++) {
		if (kith_hop_equal(&s->hs->ways[i], from))
			return *from;
	}
	return s->use & KITH_USE_PEER ? *from : s->paths.first.hop;
}

/* Whether the responder is the person that we called, or a supernode if we wanted one. */
static bool right_responder(const struct kith_session *s, const struct kith_person *person)
{
	if (s->use & KITH_USE_PEER)
		return strcmp(person->name, s->peer->name) == 0 &&
		       memcmp(&person->identity, &s->peer->identity, sizeof person->identity) == 0;
	if (s->use & KITH_USE_WITNESS) /* a candidate, whose key the handshake has proven */
		return true;
	return s->role == KITH_ROLE_SUPERNODE;
}

/* What a reply says, and whose certificates came with it. 0, or an error. */
static int check_reply(struct kith_core *c, struct kith_session *s, struct kith_span payload,
		       const struct kith_hop *from, struct kith_hello *hello, struct kith_person *person)
{
	if (!kith_hello_parse(hello, payload)) {
		kith_drop(c, KITH_STAT_REFUSE_MALFORMED, from, "reply_payload");
		return KITH_EPROTO;
	}
	int err = kith_connect_check_chain(c, hello->chain, s->hs->noise.rs, from, person);
	s->hs->why = (int8_t)err;
	if (err != 0)
		return err;
	if (memcmp(s->hs->noise.rs, c->self.dh_pk, 32) == 0) { /* a bootstrap address that is our own */
		kith_drop(c, KITH_STAT_REFUSE_LOOP, from, "own_key");
		return KITH_EINVAL;
	}
	return 0;
}

void kith_connect_on_reply(struct kith_core *c, const struct kith_hs_header *header, const struct kith_hop *from,
			   struct kith_link_result *out)
{
	struct kith_hello hello;
	struct kith_person person;
	struct kith_session *s = kith_sessions_get(&c->sessions, header->receiver);
	out->event = KITH_LINK_NOTHING;
	if (s == NULL || s->state != KITH_SESSION_INITIATING) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, from, "reply_index");
		return;
	}
	/* The REPLY proves who answers, not where: what it says of its way counts only if the HELLO could go there. */
	if ((s->use & KITH_USE_PEER) && !kith_via_callee(c, s, from)) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "reply_source");
		return;
	}
	int n = kith_handshake_read_reply(s->hs, header, out->payload);
	if (n < 0) {
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, from, "reply_noise");
		return;
	}
	/* From here on the responder itself speaks, and an error ends the session. */
	if (check_reply(c, s, (struct kith_span){ out->payload, (size_t)n }, from, &hello, &person) != 0) {
		kith_session_end(c, s, KITH_CLOSE_CERTIFICATE, false);
		return;
	}
	out->session = s;
	if ((s->use & KITH_USE_PEER) && (!hello.has_verdict || hello.verdict != 0)) {
		out->event = KITH_LINK_REFUSED;
		out->reason = hello.has_verdict ? (enum kith_close_reason)hello.verdict : KITH_CLOSE_PROTOCOL;
		return;
	}
	kith_pathset_name(&s->paths, hello.name, kith_serves(c) ? 0 : hello.spare);
	s->features = (uint8_t)(hello.features & c->self.features);
	if (!kith_connect_keep_chain(c, s, hello.chain, hello.role)) {
		kith_session_end(c, s, KITH_CLOSE_LIMIT, false);
		return;
	}
	if (!right_responder(s, &person)) {
		kith_drop(c, KITH_STAT_REFUSE_NAME, from, "not_who_was_called");
		kith_session_end(c, s, KITH_CLOSE_CERTIFICATE, false);
		return;
	}
	if (s->use & KITH_USE_PEER)
		forget_crossed(c, s, &hello, &person);
	kith_session_take_keys(s, c->now.mono_us);
	kith_connect_bind(c, s);
	struct kith_hop way = way_of_reply(s, from);
	kith_ways_answered(c, s->hs, &way);
	kith_connect_opened(c, s, &way);
	confirm(c, s);
	out->event = KITH_LINK_OPENED;
	out->answer = hello.answer;
}

/* A leaf is reached only through the tunnels of its homes, a supernode by anybody. */
bool kith_connect_may_answer(const struct kith_core *c, const struct kith_hop *from)
{
	return kith_serves(c) || kith_via_home(c, from);
}

/* ---- time ---- */

kith_time_us kith_connect_deadline(const struct kith_session *s)
{
	if (s->hs == NULL)
		return KITH_TIME_NEVER;
	return s->hs->next_at < s->hs->give_up_at ? s->hs->next_at : s->hs->give_up_at;
}

bool kith_connect_tick(struct kith_core *c, struct kith_session *s)
{
	if (c->now.mono_us >= s->hs->give_up_at) {
		kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
		return false;
	}
	if (c->now.mono_us < s->hs->next_at)
		return false;
	if (s->state != KITH_SESSION_INITIATING)
		return false;
	if (s->use & KITH_USE_PEER)
		return true;
	bool silent = s->hs->tries == 2 && !s->hs->who; /* it may lack our issuer's certificate */
	if (silent && !remake(c, s))
		return false;
	s->hs->way = (uint8_t)((s->hs->way + 1) % s->hs->ways_n);
	s->paths.first.hop = s->hs->ways[s->hs->way];
	kith_connect_send(c, s, &s->paths.first.hop);
	int other = kith_ways_other(c, s->hs);
	if (other >= 0)
		put(c, s->hs, &s->hs->ways[other]);
	return false;
}
