#include "super/echo.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "link/connect.h"
#include "overlay/pick.h"
#include "super/members.h"
#include "wire/message_attest.h"

#define OPEN_US (2 * KITH_US_PER_S)
enum { FIRST = 8, DRAWN = 8 };

static const struct kith_span nothing = { NULL, 0 };

/* What a leaf may have sent back. */
struct licence {
	uint64_t number;
	kith_time_us until;
	uint32_t session;
	uint8_t left; /* packets */
	uint8_t twice; /* of them that may pay for two */
	uint8_t n, delays_s[KITH_ECHO_DELAYS_MAX];
	bool asked; /* another supernode was asked to send one to other, and has not answered */
	struct kith_hop other;
};

struct due {
	kith_time_us at;
	uint64_t number;
	struct kith_hop to;
	uint8_t what;
};

struct kith_echoes {
	struct licence *licences;
	struct due *dues;
	uint32_t licences_n, licences_cap, dues_n, dues_cap;
	uint32_t opening; /* effect by which the second port was opened; 0: there is none */
	kith_time_us port_until;
};

/* Room for one more in an array of up to max items of that size. */
static bool grow(struct kith_core *c, void *array, uint32_t n, uint32_t *cap, uint32_t max, size_t size)
{
	void **at = (void **)array;
	if (n < *cap)
		return true;
	const uint32_t more = *cap == 0 ? FIRST : 2 * *cap < max ? 2 * *cap : max;
	void *got = more > n ? kith_alloc_resize(c->alloc, *at, *cap * size, more * size) : NULL;
	if (got == NULL)
		return false;
	*at = got;
	*cap = more;
	return true;
}

/* What was opened for the effect; NULL: nothing is, or not yet. */
static const struct kith_transport_kept *second_port(const struct kith_core *c)
{
	const struct kith_echoes *es = c->super->echoes;
	for (uint16_t i = 0; es->opening != 0 && i < c->transports.n; i++)
		if (c->transports.at[i].effect == es->opening)
			return &c->transports.at[i];
	return NULL;
}

static void close_port(struct kith_core *c)
{
	struct kith_echoes *es = c->super->echoes;
	const struct kith_transport_kept *port = second_port(c);
	uint32_t id;
	if (port != NULL) {
		const struct kith_effect e = { .type = KITH_EFFECT_CLOSE,
					       .deadline = c->now.mono_us + OPEN_US,
					       .transport = port->id };
		if (kith_effects_begin(&c->effects, &e, KITH_OWNER_NONE, 0, &id) != 0) {
			es->port_until = c->now.mono_us + OPEN_US; /* others are under way: again then */
			return;
		}
	} else if (es->opening != 0) {
		kith_effects_cancel(&c->effects, es->opening);
	}
	es->opening = 0;
}

void kith_echo_deinit(struct kith_core *c)
{
	struct kith_echoes *es = c->super->echoes;
	if (es == NULL)
		return;
	close_port(c);
	KITH_FREE_ARRAY(c->alloc, es->licences, es->licences_cap);
	KITH_FREE_ARRAY(c->alloc, es->dues, es->dues_cap);
	KITH_FREE(c->alloc, es);
	c->super->echoes = NULL;
}

static struct licence *find(const struct kith_core *c, uint64_t number)
{
	const struct kith_echoes *es = c->super->echoes;
	for (uint32_t i = 0; es != NULL && i < es->licences_n; i++)
		if (es->licences[i].number == number)
			return &es->licences[i];
	return NULL;
}

/* ---- requests ---- */

static uint8_t limited(struct kith_core *c)
{
	kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	return KITH_STATUS_LIMITED;
}

/* The place of a session: it has one number at a time. NULL: all are taken. */
static struct licence *place_for(struct kith_core *c, const struct kith_session *s)
{
	struct kith_echoes *es = c->super->echoes;
	if (es == NULL)
		es = c->super->echoes = KITH_NEW(c->alloc, struct kith_echoes);
	if (es == NULL)
		return NULL;
	for (uint32_t i = 0; i < es->licences_n; i++)
		if (es->licences[i].session == s->index)
			return &es->licences[i];
	if (!grow(c, &es->licences, es->licences_n, &es->licences_cap, KITH_ECHOES_LEAVES, sizeof *es->licences))
		return NULL;
	return &es->licences[es->licences_n++];
}

static void license(struct kith_core *c, struct kith_session *s, uint16_t id, const struct kith_msg_echo *m)
{
	uint8_t status = KITH_STATUS_OK, body[16], longest_s = 0;
	struct licence *l = NULL;
	if ((s->use & KITH_USE_LEAF) == 0 || s->state != KITH_SESSION_OPEN)
		status = KITH_STATUS_NOT_ALLOWED;
	else if (!kith_session_spend(c, s, KITH_CHARGE_ECHO))
		status = limited(c);
	else if ((l = place_for(c, s)) == NULL)
		status = KITH_STATUS_FULL;
	if (l == NULL) {
		kith_session_answer(c, s, id, status, nothing);
		return;
	}
	*l = (struct licence){ .session = s->index, .left = KITH_ECHO_PACKETS, .twice = KITH_ECHO_TWICE, .n = m->n };
	do
		l->number = kith_rng_u64(c->random);
	while (l->number == 0);
	memcpy(l->delays_s, m->delays_s, m->n);
	for (uint8_t i = 0; i < m->n; i++)
		longest_s = m->delays_s[i] > longest_s ? m->delays_s[i] : longest_s;
	l->until = c->now.mono_us + longest_s * KITH_US_PER_S + KITH_ECHO_GRACE_US;
	kith_super_wake(c, l->until);
	const size_t len = kith_msg_echoed_write(body, sizeof body, &(struct kith_msg_echoed){ l->number });
	kith_session_answer(c, s, id, status, (struct kith_span){ body, len });
}

static void send(struct kith_core *c, const struct kith_hop *to, uint64_t number, uint8_t what)
{
	const struct kith_echo e = { .what = what, .number = number, .seen = to->remote };
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, to, KITH_ECHO_PACKET_LEN);
	if (out != NULL)
		kith_echo_write(out, &e);
}

/* For another supernode, which has seen its leaf there. */
static uint8_t send_for(struct kith_core *c, const struct kith_session *s, const struct kith_msg_echo *m)
{
	struct kith_hop hop = { .remote = m->to.addr };
	if (s->role != KITH_ROLE_SUPERNODE || m->to.kind != KITH_TRANSPORT_UDP ||
	    kith_candidate_check_source(&m->to.addr, kith_allowed_scopes(c)) != KITH_REFUSAL_NONE ||
	    kith_transports_for(&c->transports, &m->to, &hop.transport) != 0)
		return KITH_STATUS_NOT_ALLOWED;
	if (!kith_session_spend(c, s, KITH_CHARGE_ECHO_FOR) ||
	    !kith_allowance_spend(&c->allowance, c->now.mono_us, kith_addr_limit_prefix(&hop.remote),
				  KITH_CHARGE_KNOCK_THERE))
		return limited(c);
	send(c, &hop, m->number, KITH_ECHO_OTHER);
	return KITH_STATUS_OK;
}

void kith_echo_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_echo m;
	if (kith_msg_echo_read(&m, request->body) != 0)
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
	else if (c->leaving)
		kith_session_answer(c, s, request->id, KITH_STATUS_LEAVING, nothing);
	else if (m.to.kind == 0)
		license(c, s, request->id, &m);
	else
		kith_session_answer(c, s, request->id, send_for(c, s, &m), nothing);
}

/* ---- packets ---- */

static bool is_ours(const struct kith_core *c, const struct kith_addr *addr)
{
	for (uint8_t i = 0; i < c->endpoints_n; i++)
		if (c->endpoints[i].addr.family == addr->family &&
		    memcmp(c->endpoints[i].addr.ip, addr->ip, sizeof addr->ip) == 0)
			return true;
	return false;
}

/* Some member at another address than ours, and the leaf's: of those drawn one that there is a session with, if any. */
static bool other_supernode(struct kith_core *c, const struct kith_addr *leaf, struct kith_host *out)
{
	const struct kith_member *drawn[DRAWN];
	const uint32_t n =
		kith_members_pick(&c->super->members, c->random, c->now.mono_us, &c->super->id, drawn, DRAWN);
	bool found = false;
	for (uint32_t i = 0; i < n; i++) {
		struct kith_host host;
		kith_member_host(drawn[i], &host);
		const struct kith_addr *at = &host.endpoints[0].addr;
		const bool met = kith_sessions_of(&c->sessions, host.dh.b) != NULL;
		if (host.endpoints[0].kind != KITH_TRANSPORT_UDP || at->family != leaf->family || is_ours(c, at) ||
		    memcmp(at->ip, leaf->ip, sizeof at->ip) == 0 || (found && !met))
			continue;
		*out = host;
		found = true;
		if (met)
			break;
	}
	return found;
}

static void ask_other(struct kith_core *c, struct licence *l, const struct kith_hop *from)
{
	uint8_t bytes[64];
	struct kith_host host;
	uint32_t session;
	const struct kith_msg_echo m = { .to = kith_endpoint_udp(&from->remote), .number = l->number };
	const struct kith_span body = { bytes, kith_msg_echo_write(bytes, sizeof bytes, &m) };
	if (l->asked || !other_supernode(c, &from->remote, &host))
		return;
	kith_super_introduce(c, &host);
	l->other = *from;
	l->asked = kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_ECHO, body,
					kith_token(KITH_TOKEN_ECHO, l->number), &session) == 0;
}

void kith_echo_on_answer(struct kith_core *c, const struct kith_answer *answer)
{
	const struct kith_echoes *es = c->super->echoes;
	for (uint32_t i = 0; es != NULL && i < es->licences_n; i++) {
		struct licence *l = &es->licences[i];
		if (!l->asked ||
		    kith_token_value(kith_token(KITH_TOKEN_ECHO, l->number)) != kith_token_value(answer->token))
			continue;
		l->asked = false;
		if (answer->err == 0)
			send(c, &l->other, l->number, KITH_ECHO_OTHER);
	}
}

/* The first one that asks for it only has the port opened: it is asked again. */
static void send_from_port(struct kith_core *c, const struct licence *l, const struct kith_hop *from)
{
	struct kith_echoes *es = c->super->echoes;
	const struct kith_transport_kept *port = second_port(c);
	const struct kith_effect e = { .type = KITH_EFFECT_OPEN,
				       .deadline = c->now.mono_us + OPEN_US,
				       .count = 1,
				       .kind = KITH_TRANSPORT_UDP,
				       .family = from->remote.family,
				       .purpose = KITH_PURPOSE_PUNCH };
	es->port_until = c->now.mono_us + KITH_ECHO_PORT_US;
	kith_super_wake(c, es->port_until);
	if (port == NULL) {
		if (es->opening == 0 && kith_effects_begin(&c->effects, &e, KITH_OWNER_NONE, 0, &es->opening) != 0)
			es->opening = 0;
		return;
	}
	struct kith_hop hop = { .remote = from->remote, .transport = port->id };
	if (!port->up || port->family != from->remote.family)
		return;
	send(c, &hop, l->number, KITH_ECHO_PORT);
	send(c, from, l->number, KITH_ECHO_PORT);
}

static void send_later(struct kith_core *c, const struct licence *l, const struct kith_hop *from, uint8_t what)
{
	struct kith_echoes *es = c->super->echoes;
	if (!grow(c, &es->dues, es->dues_n, &es->dues_cap, KITH_ECHOES_DUE, sizeof *es->dues))
		return;
	const kith_time_us at = c->now.mono_us + l->delays_s[what - 1] * KITH_US_PER_S;
	es->dues[es->dues_n++] = (struct due){ .at = at, .number = l->number, .to = *from, .what = what };
	kith_super_wake(c, at);
}

void kith_echo_on_packet(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	struct kith_echo e = { 0 };
	const bool question = kith_echo_parse(&e, packet) && e.seen.family == KITH_FAMILY_NONE;
	struct licence *l = question ? find(c, e.number) : NULL;
	const bool twice = e.what == KITH_ECHO_OTHER || e.what == KITH_ECHO_PORT;
	if (l == NULL || l->until <= c->now.mono_us || l->left == 0 || from->tunnel != 0 || e.paid != twice ||
	    (twice && l->twice == 0) || (!twice && e.what > l->n) ||
	    kith_transports_kind(&c->transports, from->transport) != KITH_TRANSPORT_UDP ||
	    kith_candidate_check_source(&from->remote, kith_allowed_scopes(c)) != KITH_REFUSAL_NONE) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, from, "echo");
		return;
	}
	l->left--;
	l->twice = (uint8_t)(l->twice - twice);
	if (e.what == KITH_ECHO_OTHER)
		ask_other(c, l, from);
	else if (e.what == KITH_ECHO_PORT)
		send_from_port(c, l, from);
	else if (e.what == KITH_ECHO_AT_ONCE)
		send(c, from, e.number, e.what);
	else
		send_later(c, l, from, e.what);
}

/* ---- as time passes ---- */

kith_time_us kith_echo_tick(struct kith_core *c)
{
	struct kith_echoes *es = c->super->echoes;
	kith_time_us next = KITH_TIME_NEVER;
	if (es == NULL)
		return next;
	for (uint32_t i = es->dues_n; i-- > 0;) {
		if (es->dues[i].at <= c->now.mono_us) {
			send(c, &es->dues[i].to, es->dues[i].number, es->dues[i].what);
			es->dues[i] = es->dues[--es->dues_n];
		} else if (es->dues[i].at < next) {
			next = es->dues[i].at;
		}
	}
	for (uint32_t i = es->licences_n; i-- > 0;) {
		if (es->licences[i].until <= c->now.mono_us)
			es->licences[i] = es->licences[--es->licences_n];
		else if (es->licences[i].until < next)
			next = es->licences[i].until;
	}
	if (es->opening != 0 && es->port_until <= c->now.mono_us)
		close_port(c);
	if (es->opening != 0 && es->port_until < next)
		next = es->port_until;
	if (es->dues_n == 0 && es->licences_n == 0 && es->opening == 0)
		kith_echo_deinit(c);
	return next;
}
