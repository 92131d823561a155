#include "super/tunnels.h"

#include "base/rng.h"
#include "link/connect.h"
#include "link/refuse.h"

enum {
	/* bytes that may go back through a tunnel before the asker's address is proven: the callee's reply in its
	 * wrapping */
	TUNNEL_CREDIT = 620,
	TUNNELS_PER_OWNER = 256, /* local: one identity's */
	BATCH = 64 /* tunnels that end at a time */
};

#define OF_THE_CALLER UINT64_C(0x9e3779b97f4a7c15)

static const struct kith_span nothing = { NULL, 0 };

/* identity: who pays for the leg. */
static void leg_of(const struct kith_session *s, const struct kith_key *identity, struct kith_fwd_leg_spec *leg)
{
	const struct kith_hop *hop = kith_session_hop(s);
	memset(leg, 0, sizeof *leg);
	leg->remote = hop->remote;
	leg->transport = hop->transport;
	leg->session = s->index;
	leg->proven = s->state == KITH_SESSION_OPEN;
	if (s->hs != NULL && s->hs->len > TUNNEL_CREDIT) { /* of the HELLO's bytes; our own reply takes the rest */
		leg->credit = TUNNEL_CREDIT;
		if (s->state == KITH_SESSION_UNCONFIRMED)
			s->hs->len = (uint16_t)(s->hs->len - TUNNEL_CREDIT);
	}
	memcpy(leg->owner.b, identity->b, sizeof leg->owner.b);
}

/* Passes the packet on to the leaf, in the tunnel's wrapping. */
static void pass_on(struct kith_core *c, const struct kith_session *leaf, uint64_t tunnel, struct kith_span packet)
{
	struct kith_hop hop = *kith_session_hop(leaf);
	hop.tunnel = tunnel;
	uint8_t *out = packet.len > 0 ? kith_outbox_raw(&c->shared->outbox, &hop, packet.len) : NULL;
	if (out != NULL)
		memcpy(out, packet.p, packet.len);
}

/* Whether a leaf lets that identity call it. */
static bool admits(const struct kith_attached *leaf, const struct kith_key *identity)
{
	bool named = false;
	for (size_t at = 0; leaf->who != NULL && at < leaf->who->len && !named; at += KITH_ADMIT_LEN)
		named = memcmp(leaf->who->bytes + at, identity->b, KITH_ADMIT_LEN) == 0;
	return named == leaf->only;
}

/* Whether the caller may have one more tunnel opened. Of a chained one that is who asked the supernode s, by its word:
 * what it asks for under all names together is bounded, too. */
static bool may_introduce(struct kith_core *c, const struct kith_key *asker, const struct kith_msg_introduce *m)
{
	struct kith_allowance *a = &c->allowance;
	uint64_t who = kith_identity_key(asker);
	if (kith_refuse_level(c, KITH_OVERLOAD_RELAYS) ||
	    (m->second && !kith_allowance_spend(a, c->now.mono_us, who, KITH_CHARGE_CHAINING)))
		return false;
	if (m->second) /* at each supernode it has a bucket of its own: none can use up what it has at others */
		who = who * OF_THE_CALLER + kith_identity_key(&m->caller);
	return kith_allowance_spend(a, c->now.mono_us, who, KITH_CHARGE_INTRODUCTION);
}

static uint8_t open_legs(struct kith_core *c, const struct kith_fwd_leg_spec *a, const struct kith_fwd_leg_spec *b,
			 uint64_t ids[2])
{
	switch (kith_fwd_open(&c->super->fwd, c->now.mono_us, a, b, ids)) {
	case 0:
		return KITH_STATUS_OK;
	case KITH_ELIMIT:
		return KITH_STATUS_LIMITED;
	case KITH_ESTATE:
		return KITH_STATUS_LEAVING;
	default:
		return KITH_STATUS_FULL;
	}
}

/* leaf NULL: there is none. That costs the same, since it tells whoever asks again and again when somebody comes. */
static uint8_t open_tunnel(struct kith_core *c, const struct kith_session *s, const struct kith_msg_introduce *m,
			   const struct kith_session *leaf, uint64_t ids[2])
{
	struct kith_fwd_leg_spec a, b;
	struct kith_key identity;
	if (!kith_session_identity(c, s, &identity) || !may_introduce(c, &identity, m))
		return KITH_STATUS_LIMITED;
	/* Whom it refuses is told the same as of nobody. */
	if (leaf == NULL || !admits(leaf->attached, m->second ? &m->caller : &identity))
		return KITH_STATUS_NOT_FOUND;
	leg_of(s, &identity, &a);
	if (m->second) {
		memcpy(a.owner.b, m->caller.b, sizeof a.owner.b / 2);
		memcpy(a.owner.b + sizeof a.owner.b / 2, identity.b, sizeof a.owner.b / 2);
		a.out_id = m->leg;
	}
	leg_of(leaf, &leaf->attached->identity, &b);
	b.called = true;
	return open_legs(c, &a, &b, ids);
}

/* ---- chained: this is the caller's home, and another supernode the callee's ---- */

static bool member_of(const struct kith_core *c, const struct kith_key *dh, struct kith_host *out)
{
	const struct kith_members *ms = &c->super->members;
	for (uint32_t i = 0; i < ms->n; i++) {
		if (!kith_member_live(ms->at[i]) || memcmp(ms->at[i]->blob->bytes, dh->b, sizeof dh->b) != 0)
			continue;
		kith_member_host(ms->at[i], out);
		return true;
	}
	return false;
}

/* Only to where a member says by its own entry that it is: what a record names is not spoken to. */
static uint8_t chain(struct kith_core *c, struct kith_session *s, const struct kith_request *request,
		     const struct kith_msg_introduce *m)
{
	struct kith_fwd_leg_spec a, b;
	struct kith_key identity;
	struct kith_host next;
	uint8_t body[KITH_REQUEST_MAX], status;
	uint64_t ids[2];
	uint32_t session;
	if (s->attached == NULL || s->state != KITH_SESSION_OPEN)
		return KITH_STATUS_NOT_ALLOWED;
	if (!kith_session_identity(c, s, &identity) || !may_introduce(c, &identity, m))
		return KITH_STATUS_LIMITED;
	if (!member_of(c, &m->via, &next))
		return KITH_STATUS_NOT_FOUND;
	leg_of(s, &identity, &a);
	b = (struct kith_fwd_leg_spec){ .session = s->index, .waits = true, .owner = a.owner };
	b.out_id = (uint64_t)request->id + 1;
	if ((status = open_legs(c, &a, &b, ids)) != KITH_STATUS_OK)
		return status;
	struct kith_msg_introduce on = { .packet = m->packet, .second = true, .caller = identity, .leg = ids[1] };
	memcpy(on.device, m->device, sizeof on.device);
	size_t len = kith_msg_introduce_write(body, sizeof body, &on);
	if (len > 0 &&
	    kith_connect_request(c, &next, KITH_USE_MEMBER, KITH_REQ_INTRODUCE, (struct kith_span){ body, len },
				 kith_token(KITH_TOKEN_CHAIN, ids[1]), &session) == 0)
		return KITH_STATUS_OK;
	(void)kith_fwd_close_leg(&c->super->fwd, s->index, ids[0], NULL);
	return KITH_STATUS_FAILED;
}

static uint8_t status_of(int err)
{
	if (err == KITH_ENOENT)
		return KITH_STATUS_NOT_FOUND;
	return err == KITH_ELIMIT ? KITH_STATUS_LIMITED : KITH_STATUS_FAILED;
}

void kith_tunnels_on_chained(struct kith_core *c, struct kith_session *via, const struct kith_answer *answer)
{
	const uint64_t id = (uint64_t)c->super->fwd.shard << 56 | kith_token_value(answer->token);
	const struct kith_hop *hop = kith_session_hop(via);
	struct kith_msg_introduced m = { .tunnel = 0 };
	struct kith_fwd_ends ends;
	uint8_t body[16];
	size_t len = 0;
	if (!kith_fwd_waiting(&c->super->fwd, id, &ends))
		return; /* whoever asked is gone */
	int err = answer->err != 0 ? answer->err : kith_msg_introduced_read(&m, answer->body);
	if (err == 0) {
		const struct kith_fwd_leg_spec spec = {
			.remote = hop->remote, .transport = hop->transport, .session = via->index, .out_id = m.tunnel
		};
		err = m.tunnel != 0 && hop->tunnel == 0 ? kith_fwd_join(&c->super->fwd, id, &spec) : KITH_EPROTO;
	}
	KITH_LOG(c->log, KITH_LOG_DEBUG, "chained asker=%08x next=%08x err=%d", ends.session[0], via->index, err);
	if (err == 0)
		len = kith_msg_introduced_write(body, sizeof body, &(struct kith_msg_introduced){ ends.id[0] });
	else
		(void)kith_fwd_close_leg(&c->super->fwd, ends.session[0], ends.id[0], NULL);
	struct kith_session *s = kith_sessions_get(&c->sessions, ends.session[0]);
	if (s != NULL)
		kith_session_answer(c, s, (uint16_t)(ends.id[1] - 1), err == 0 ? KITH_STATUS_OK : status_of(err),
				    (struct kith_span){ body, len });
}

/* The device to reach is this supernode itself. What goes back for it counts as our own. */
static struct kith_span introduce_self(struct kith_core *c, struct kith_session *s, uint16_t id,
				       struct kith_span packet)
{
	const struct kith_msg_introduced none = { .tunnel = 0 };
	uint8_t body[8];
	size_t len = kith_msg_introduced_write(body, sizeof body, &none);
	kith_session_answer(c, s, id, KITH_STATUS_OK, (struct kith_span){ body, len });
	if (kith_packet_type(packet) != KITH_PKT_HELLO)
		return nothing;
	if (s->state == KITH_SESSION_UNCONFIRMED && s->hs != NULL)
		s->hs->len = (uint16_t)(s->hs->len > packet.len ? s->hs->len - packet.len : 0);
	return packet;
}

void kith_tunnels_rebind(struct kith_core *c, const struct kith_session *s, bool proven)
{
	const struct kith_hop *hop = kith_session_hop(s);
	if (kith_serves(c))
		(void)kith_fwd_rebind(&c->super->fwd, s->index, &hop->remote, hop->transport, proven);
}

void kith_tunnels_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request,
			     struct kith_span *own)
{
	struct kith_msg_introduce m;
	*own = nothing;
	if (kith_msg_introduce_read(&m, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	if (m.second && s->role != KITH_ROLE_SUPERNODE) {
		kith_session_answer(c, s, request->id, KITH_STATUS_NOT_ALLOWED, nothing);
		return;
	}
	if (memcmp(m.device, c->self.dh_pk, KITH_DEVICE_ID_LEN) == 0 && !m.second) {
		*own = introduce_self(c, s, request->id, m.packet);
		return;
	}
	const struct kith_session *leaf = kith_sessions_of(&c->sessions, m.device);
	if (leaf != NULL && (leaf == s || !(leaf->use & KITH_USE_LEAF) || leaf->state != KITH_SESSION_OPEN))
		leaf = NULL;
	/* Only what begins or continues a session may be passed on: nothing that makes the leaf speak for us. */
	uint8_t type = kith_packet_type(m.packet);
	if (m.packet.len > 0 && type != KITH_PKT_HELLO && type != KITH_PKT_DATA) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	uint64_t ids[2];
	uint8_t status = m.chained ? chain(c, s, request, &m) : open_tunnel(c, s, &m, leaf, ids);
	if (status == KITH_STATUS_LIMITED)
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	uint8_t body[16];
	size_t len = 0;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "introduction asker=%08x leaf=%08x bytes=%zu status=%u", s->index,
		 leaf != NULL ? leaf->index : 0, m.packet.len, status);
	if (status == KITH_STATUS_OK && m.chained) {
		kith_session_use(c, s, KITH_USE_TUNNEL);
		return; /* kith_tunnels_on_chained answers */
	}
	if (status == KITH_STATUS_OK) {
		kith_session_use(c, s, KITH_USE_TUNNEL);
		pass_on(c, leaf, ids[1], m.packet);
		len = kith_msg_introduced_write(body, sizeof body, &(struct kith_msg_introduced){ .tunnel = ids[0] });
	}
	kith_session_answer(c, s, request->id, status, (struct kith_span){ body, len });
}

/* Whom a leaf lets call it, from now on. */
static bool take_who(struct kith_core *c, struct kith_attached *leaf, const struct kith_msg_admit *m)
{
	struct kith_blob *who = NULL;
	if (m->who.len > 0 && (who = kith_blob_intern(&c->shared->blobs, m->who.p, m->who.len)) == NULL) {
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return false;
	}
	kith_blob_unref(&c->shared->blobs, leaf->who);
	leaf->who = who;
	leaf->only = m->only;
	return true;
}

void kith_tunnels_on_admit(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_admit m;
	uint8_t status = KITH_STATUS_OK;
	if (kith_msg_admit_read(&m, request->body) != 0)
		status = KITH_STATUS_MALFORMED;
	else if (s->attached == NULL || s->state != KITH_SESSION_OPEN)
		status = KITH_STATUS_NOT_ALLOWED;
	else if (m.has_who && !take_who(c, s->attached, &m))
		status = KITH_STATUS_FULL;
	else if (m.tunnel != 0 && !kith_fwd_admit(&c->super->fwd, s->index, m.tunnel, (enum kith_fwd_wish)m.wish))
		status = KITH_STATUS_NOT_FOUND;
	kith_session_answer(c, s, request->id, status, nothing);
}

/* A sender into a tunnel is over a rate, and loses packets. It is told, so that it need not guess. */
static void tell_limited(struct kith_core *c, const struct kith_fwd_out *out, enum kith_relay_limit limit)
{
	const struct kith_session *s = kith_sessions_get(&c->sessions, out->session);
	if (s == NULL || s->state != KITH_SESSION_OPEN)
		return;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "tunnel_limited session=%08x limit=%d", s->index, (int)limit);
	struct kith_writer *w = kith_outbox_begin(&c->shared->outbox, s->index, NULL, 0, KITH_FRAME_RELAY_LIMITED,
						  KITH_RELAY_LIMITED_BODY);
	kith_write_u64(w, out->tunnel);
	kith_write_u8(w, (uint8_t)limit);
	kith_outbox_end(&c->shared->outbox);
	kith_stats_add(c->stats, KITH_STAT_TUNNELS_LIMITED, 1);
}

bool kith_tunnels_on_leg(struct kith_core *c, const struct kith_session *s, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	uint64_t tunnel = kith_read_u64(&r), other_id;
	uint32_t other_session;
	struct kith_addr at;
	if (r.bad || (s->use & KITH_USE_PEER))
		return false;
	if (!kith_allowance_spend(&c->allowance, c->now.mono_us, kith_device_key(s->device), KITH_CHARGE_RELAY_HINT)) {
		kith_stats_add(c->stats, KITH_STAT_DROP_RATE_LIMITED, 1);
		return true;
	}
	if (!kith_fwd_leg(&c->super->fwd, tunnel, s->index, &at, &other_id, &other_session))
		return true; /* it is over, or not proven yet */
	const struct kith_session *other = kith_sessions_get(&c->sessions, other_session);
	if (other == NULL || other->state != KITH_SESSION_OPEN)
		return true;
	struct kith_writer *w = kith_outbox_begin(&c->shared->outbox, other->index, NULL, 0, KITH_FRAME_LEG,
						  KITH_LEG_BODY + KITH_ADDR_WIRE_MAX);
	kith_write_u64(w, other_id);
	kith_addr_write(w, &at);
	kith_outbox_end(&c->shared->outbox);
	return true;
}

bool kith_tunnels_forward(struct kith_core *c, struct kith_packet *packet)
{
	struct kith_fwd_out out;
	enum kith_stat stat = KITH_STAT_DROP_TUNNEL_UNKNOWN;
	if (!kith_serves(c))
		return false;
	enum kith_fwd_verdict verdict = kith_fwd_train(&c->super->fwd, c->now.mono_us, packet->data, packet->len,
						       packet->segment_len, &packet->remote, packet->transport, &out);
	switch (verdict) {
	case KITH_FWD_FORWARD: {
		struct kith_packet relayed = *packet;
		relayed.remote = out.remote;
		relayed.transport = out.transport;
		relayed.local = (struct kith_addr){ 0 };
		relayed.ttl = 0;
		kith_outbox_relay(&c->shared->outbox, &relayed);
		return true;
	}
	case KITH_FWD_MIXED:
		return false;
	case KITH_FWD_UNKNOWN:
		return false; /* perhaps we are an end of that tunnel ourselves */
	case KITH_FWD_MALFORMED:
		stat = KITH_STAT_DROP_TOO_SHORT;
		break;
	case KITH_FWD_WRONG_SOURCE:
		stat = KITH_STAT_DROP_TUNNEL_SOURCE;
		break;
	case KITH_FWD_UNWANTED:
		stat = KITH_STAT_DROP_TUNNEL_UNWANTED;
		break;
	case KITH_FWD_NO_CREDIT:
		stat = KITH_STAT_DROP_TUNNEL_CREDIT;
		break;
	case KITH_FWD_LIMITED_OWNER:
	case KITH_FWD_LIMITED_ALL:
		stat = KITH_STAT_DROP_TUNNEL_LIMIT;
		break;
	}
	kith_drop(c, stat, NULL, "relayed");
	if (out.tell)
		tell_limited(c, &out, verdict == KITH_FWD_LIMITED_ALL ? KITH_RELAY_LIMIT_ALL : KITH_RELAY_LIMIT_OWNER);
	return true;
}

bool kith_tunnels_in_use(const struct kith_core *c, const struct kith_session *via)
{
	return kith_serves(c) && kith_table_get(&c->super->fwd.sessions, &via->index) != NULL;
}

/* Tunnels that end: their ends are told, but for a session that is gone. */
static void tell_ends(struct kith_core *c, const struct kith_fwd_ends *ends, size_t n, kith_time_us in_us,
		      uint32_t gone)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t side = 0; side < 2; side++) {
			struct kith_session *s = kith_sessions_get(&c->sessions, ends[i].session[side]);
			uint8_t body[32];
			if (s == NULL || s->state != KITH_SESSION_OPEN || s->index == gone)
				continue;
			const struct kith_msg_tunnel_close m = {
				.in_ms = (uint64_t)(in_us / KITH_US_PER_MS),
				.tunnel = ends[i].id[side],
			};
			size_t len = kith_msg_tunnel_close_write(body, sizeof body, &m);
			/* If this is lost or refused, the end notices by its own probes. */
			int err = kith_session_request(c, s, KITH_REQ_TUNNEL_CLOSE, (struct kith_span){ body, len },
						       kith_token(KITH_TOKEN_IGNORE, 0));
			(void)err;
		}
	}
}

void kith_tunnels_on_close(struct kith_core *c, const struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_tunnel_close m;
	struct kith_fwd_ends ends;
	if (kith_msg_tunnel_close_read(&m, request->body) == 0 && m.in_ms == 0 && /* else it goes on until then */
	    kith_fwd_close_leg(&c->super->fwd, s->index, m.tunnel, &ends))
		tell_ends(c, &ends, 1, 0, s->index);
}

void kith_tunnels_lost(struct kith_core *c, const struct kith_session *s)
{
	struct kith_fwd_ends ends[BATCH];
	size_t n;
	do {
		n = kith_fwd_close_session(&c->super->fwd, s->index, ends, BATCH);
		tell_ends(c, ends, n, 0, s->index);
	} while (n == BATCH);
}

void kith_tunnels_expire(struct kith_core *c)
{
	struct kith_fwd_ends ends[BATCH];
	size_t n;
	do { /* an end that only listens would never find out by itself */
		n = kith_fwd_expire(&c->super->fwd, c->now.mono_us, ends, BATCH);
		tell_ends(c, ends, n, 0, 0);
	} while (n == BATCH);
}

void kith_tunnels_drain(struct kith_core *c, kith_time_us grace_us)
{
	struct kith_fwd_ends ends[BATCH];
	size_t n;
	while ((n = kith_fwd_drain_all(&c->super->fwd, c->now.mono_us, ends, BATCH)) > 0)
		tell_ends(c, ends, n, grace_us, 0);
}

/* ---- the table ---- */

static struct kith_fwd_limits limits_of(uint32_t tunnels_max, uint64_t rate, uint64_t owner_rate)
{
	return (struct kith_fwd_limits){ .tunnels_max = tunnels_max,
					 .tunnels_per_owner = TUNNELS_PER_OWNER,
					 .rate = rate,
					 .burst = rate / 4,
					 .owner_rate = owner_rate,
					 .owner_burst = owner_rate / 4,
					 .call_packets = KITH_TUNNEL_CALL_PACKETS,
					 .calls = KITH_TUNNEL_CALLS,
					 .calls_per_owner = KITH_TUNNEL_CALLS_PER_CALLER };
}

void kith_tunnels_init(struct kith_core *c, uint8_t shard, uint32_t tunnels_max, uint64_t rate, uint64_t owner_rate)
{
	struct kith_fwd_limits limits = limits_of(tunnels_max, rate, owner_rate);
	uint64_t seed[2] = { kith_rng_u64(c->random), kith_rng_u64(c->random) };
	kith_fwd_init(&c->super->fwd, c->alloc, c->random, &limits, shard, seed);
}

void kith_tunnels_deinit(struct kith_core *c)
{
	kith_fwd_deinit(&c->super->fwd);
}

void kith_tunnels_limit(struct kith_core *c, uint32_t tunnels_max, uint64_t rate, uint64_t owner_rate)
{
	struct kith_fwd_limits limits = limits_of(tunnels_max, rate, owner_rate);
	kith_fwd_limit(&c->super->fwd, &limits);
}

uint32_t kith_tunnels_count(const struct kith_core *c, uint64_t *bytes)
{
	if (bytes != NULL)
		*bytes = c->super->fwd.bytes;
	return c->super->fwd.n;
}
