#include "link/state.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"

#define SAVE_US (5 * KITH_US_PER_S)
#define BEYOND_US (400 * KITH_US_PER_MS) /* a handshake and a question far away */
enum { DROPS_TOLD_MAX = 20 }; /* lines a second */

void kith_session_touch(struct kith_core *c, struct kith_session *s)
{
	if (s->touched)
		return;
	KITH_ASSERT(c->touched_n < c->touched_cap);
	s->touched = true;
	c->touched[c->touched_n++] = s;
}

void kith_session_proven(struct kith_core *c, struct kith_session *s)
{
	if (s->hs == NULL || s->hs->waiting.next == NULL)
		return;
	kith_link_remove(&s->hs->waiting);
	s->hs->waiting.next = NULL;
	kith_allowance_give(&c->allowance, s->hs->identity, KITH_HOLDING_UNPROVEN);
	kith_allowance_give(&c->allowance, s->hs->net, KITH_HOLDING_UNPROVEN_NET);
	c->unconfirmed_n--;
}

void kith_session_drop(struct kith_core *c, struct kith_session *s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->touched_n; i++) {
		if (c->touched[i] != s)
			c->touched[n++] = c->touched[i];
	}
	c->touched_n = n;
	kith_sessions_remove(&c->sessions, &c->shared->blobs, &c->env, s);
}

const struct kith_path_env *kith_env(struct kith_core *c, struct kith_session *s)
{
	kith_session_touch(c, s);
	c->env.session = s->index;
	c->env.request_id = &s->request_id;
	return &c->env;
}

static bool reserve_touched(struct kith_core *c)
{
	if (c->sessions.by_index.n <= c->touched_cap)
		return true;
	uint32_t cap = c->touched_cap == 0 ? 4 : 2 * c->touched_cap;
	struct kith_session **p = kith_alloc_resize(c->alloc, c->touched, c->touched_cap * sizeof *p, cap * sizeof *p);
	if (p == NULL)
		return false;
	c->touched = p;
	c->touched_cap = cap;
	return true;
}

struct kith_session *kith_session_new(struct kith_core *c, enum kith_session_state state)
{
	struct kith_session *s = kith_sessions_new(&c->sessions, state);
	if (s == NULL)
		return NULL;
	if (!reserve_touched(c)) {
		kith_sessions_remove(&c->sessions, &c->shared->blobs, &c->env, s);
		return NULL;
	}
	s->timer.kind = KITH_TIMER_SESSION;
	kith_session_touch(c, s);
	return s;
}

void kith_shared_wake(struct kith_shared *sh)
{
	/* Not zeroed: the pages of a queue that is hardly used are not touched. */
	if (sh->events == NULL)
		sh->events = kith_alloc_resize(sh->alloc, NULL, 0, sh->events_max * sizeof *sh->events);
	if (sh->events == NULL || kith_outbox_wake(&sh->outbox))
		return;
	KITH_FREE_ARRAY(sh->alloc, sh->events, sh->events_max);
	sh->events = NULL;
}

struct kith_event *kith_event_push(struct kith_core *c, enum kith_event_type type)
{
	struct kith_shared *sh = c->shared;
	if (sh->events == NULL || sh->events_n == sh->events_max) {
		kith_stats_add(c->stats, KITH_STAT_EVENTS_DROPPED, 1);
		return NULL;
	}
	struct kith_event *ev = &sh->events[(sh->events_head + sh->events_n++) % sh->events_max];
	memset(ev, 0, sizeof *ev);
	ev->type = type;
	return ev;
}

bool kith_has_room(const struct kith_core *c)
{
	const struct kith_shared *sh = c->shared;
	return sh->events != NULL && sh->events_n + c->ended_n < sh->events_max - sh->events_max / 4 &&
	       kith_outbox_has_room(&sh->outbox, 8);
}

void kith_drop(struct kith_core *c, enum kith_stat cause, const struct kith_hop *from, const char *why)
{
	static const struct kith_addr nowhere;
	char text[KITH_ADDR_TEXT_MAX];
	kith_stats_add(c->stats, cause, 1);
	if (c->log == NULL || c->log->level < KITH_LOG_DEBUG)
		return;
	if (c->now.mono_us - c->drops_at >= KITH_US_PER_S) {
		c->drops_at = c->now.mono_us;
		c->drops_told = 0;
	}
	if (c->drops_told == DROPS_TOLD_MAX) {
		c->drops_untold++;
		return;
	}
	c->drops_told++;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "packet_dropped cause=%s why=%s from=%s tunnel=%d untold=%u",
		 kith_stat_name(cause), why, kith_log_addr(c->log, from != NULL ? &from->remote : &nowhere, text),
		 from != NULL && from->tunnel != 0, c->drops_untold);
	c->drops_untold = 0;
}

uint64_t kith_identity_key(const struct kith_key *identity)
{
	uint64_t key = kith_bytes_number(identity->b, sizeof key);
	return key != 0 ? key : 1;
}

uint64_t kith_device_key(const uint8_t device[KITH_DEVICE_ID_LEN])
{
	return kith_bytes_number(device, sizeof(uint64_t));
}

int64_t kith_stamp(struct kith_core *c)
{
	c->stamp_ms = c->now.unix_ms > c->stamp_ms ? c->now.unix_ms : c->stamp_ms + 1;
	return c->stamp_ms;
}

bool kith_session_may_serve(struct kith_core *c, const struct kith_session *s, const struct kith_person *person)
{
	struct kith_id id;
	if (c->trust.open || (person->flags & KITH_NAME_SUPERNODE))
		return true;
	if (c->trust.certified_only)
		return false;
	if (!kith_serves(c))
		return s->initiator && s->hs != NULL;
	kith_ids_supernode(c->suite, &id, &c->trust.network, person->placement);
	const struct kith_member *m = kith_members_get(&c->super->members, &id);
	return m != NULL && kith_member_live(m) && memcmp(m->blob->bytes, person->device_dh.b, KITH_KEY_LEN) == 0;
}

bool kith_session_person(struct kith_core *c, const struct kith_session *s, struct kith_person *out)
{
	/* The signatures are remembered, so this costs parsing and a hash; an expired certificate is found here. */
	return s->chain != NULL && kith_trust_check(&c->trust, &c->now, kith_blob_span(s->chain), out) == 0;
}

bool kith_session_identity(struct kith_core *c, const struct kith_session *s, struct kith_key *out)
{
	struct kith_person person;
	if ((s->use & KITH_USE_LEAF) != 0) {
		*out = s->attached->identity;
		return true;
	}
	if (!kith_session_person(c, s, &person))
		return false;
	*out = person.identity;
	return true;
}

bool kith_session_spend(struct kith_core *c, const struct kith_session *s, enum kith_charge charge)
{
	struct kith_key who;
	return kith_session_identity(c, s, &who) &&
	       kith_allowance_spend(&c->allowance, c->now.mono_us, kith_identity_key(&who), charge);
}

uint64_t kith_session_payer(struct kith_core *c, const struct kith_session *s)
{
	struct kith_key who;
	return kith_session_identity(c, s, &who) ? kith_identity_key(&who) : kith_device_key(s->device);
}

/* By certificates that held when the session was made, and may not any more. */
static uint64_t owner_of(const struct kith_session *s)
{
	struct kith_chain chain;
	KITH_ASSERT(s->chain != NULL);
	int err = kith_chain_parse(&chain, kith_blob_span(s->chain));
	KITH_ASSERT(err == 0);
	return kith_identity_key(chain.kind == KITH_CHAIN_OPEN ? &chain.identity : &chain.name.identity);
}

static enum kith_holding holding_of(const struct kith_session *s)
{
	return s->use & KITH_USE_PEER ? KITH_HOLDING_PEER : KITH_HOLDING_SESSION;
}

bool kith_session_count(struct kith_core *c, struct kith_session *s)
{
	KITH_ASSERT(!s->counted);
	s->counted = kith_allowance_take(&c->allowance, owner_of(s), holding_of(s));
	return s->counted;
}

void kith_session_uncount(struct kith_core *c, struct kith_session *s)
{
	if (s->counted)
		kith_allowance_give(&c->allowance, owner_of(s), holding_of(s));
	s->counted = false;
}

bool kith_session_asks_seldom(struct kith_core *c, struct kith_session *s)
{
	if ((s->use & KITH_USE_LEAF) == 0)
		return false;
	uint16_t now_ms = (uint16_t)((uint64_t)(c->now.mono_us / KITH_US_PER_MS) | 1); /* never 0 */
	uint16_t since_ms = (uint16_t)(now_ms - s->attached->asked_ms); /* once in 66 s it may seem to be less */
	if (s->attached->asked_ms != 0 && since_ms < 1000)
		return false;
	s->attached->asked_ms = now_ms;
	return true;
}

bool kith_session_asks_for_itself(struct kith_core *c, const struct kith_session *s, const struct kith_id *key)
{
	struct kith_person person;
	struct kith_id own;
	if ((s->use & KITH_USE_LEAF) == 0)
		return false;
	if (s->attached->record != NULL)
		return memcmp(s->attached->key.b, key->b, KITH_ID_LEN) == 0;
	if (!kith_session_person(c, s, &person))
		return false;
	kith_ids_directory(c->suite, &own, &c->self.network, person.name);
	return memcmp(own.b, key->b, KITH_ID_LEN) == 0;
}

kith_time_us kith_session_unused_at(const struct kith_session *s)
{
	if (s->use & KITH_USE_WATCH) /* renewed at half of its life */
		return s->used_at + KITH_SUBSCRIPTION_US;
	if (s->turned_away && s->use == 0) /* it is in the way of others, and stays while the question may come again */
		return s->used_at + KITH_REQUEST_TIMEOUT_US;
	if (s->initiator)
		return s->used_at + ((s->use & KITH_USE_TUNNEL)
					     ? KITH_TUNNEL_IDLE_US
					     : KITH_SESSION_UNUSED_US - KITH_SESSION_ASKER_EARLIER_US);
	return s->used_at + ((s->use & KITH_USE_TUNNEL) ? 2 * KITH_TUNNEL_IDLE_US : KITH_SESSION_UNUSED_US);
}

void kith_session_use(struct kith_core *c, struct kith_session *s, uint8_t use)
{
	unsigned flags = 0;
	kith_session_touch(c, s);
	s->use |= use;
	s->used_at = c->now.mono_us;
	if (use & KITH_USE_HOME)
		flags |= KITH_PATHSET_HOME;
	if (use & KITH_USE_LEAF)
		flags |= KITH_PATHSET_ATTACHED;
	if (flags != 0 && s->state == KITH_SESSION_OPEN)
		kith_pathset_allow(&s->paths, kith_env(c, s), (uint16_t)flags);
}

static int send_request(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
			uint64_t token, kith_time_us beyond_us, kith_time_us timeout_us)
{
	if (s->state != KITH_SESSION_OPEN)
		return KITH_ESTATE;
	s->used_at = c->now.mono_us;
	return kith_request_send(&s->requests, kith_env(c, s), kind, body, token,
				 kith_pathset_rtt_us(&s->paths) + beyond_us, timeout_us);
}

int kith_session_request_for(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
			     uint64_t token, kith_time_us timeout_us)
{
	return send_request(c, s, kind, body, token, 0, timeout_us);
}

int kith_session_request_through(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
				 uint64_t token)
{
	return send_request(c, s, kind, body, token, BEYOND_US, KITH_REQUEST_TIMEOUT_US);
}

int kith_session_request(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
			 uint64_t token)
{
	return kith_session_request_for(c, s, kind, body, token, KITH_REQUEST_TIMEOUT_US);
}

void kith_session_answer(struct kith_core *c, struct kith_session *s, uint16_t id, uint8_t status,
			 struct kith_span body)
{
	kith_session_answer_shared(c, s, id, status, body, NULL);
}

void kith_session_answer_shared(struct kith_core *c, struct kith_session *s, uint16_t id, uint8_t status,
				struct kith_span body, const struct kith_kept_stretches *stretches)
{
	s->used_at = c->now.mono_us;
	kith_request_answer(s->requests, kith_env(c, s), id, status, body, stretches, s->state == KITH_SESSION_OPEN);
}

static void say_close(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason)
{
	struct kith_writer *w = kith_outbox_begin(&c->shared->outbox, s->index, NULL, 0, KITH_FRAME_CLOSE, 2);
	kith_write_u16(w, (uint16_t)reason);
	kith_outbox_end(&c->shared->outbox);
}

void kith_session_end(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, bool remote)
{
	if (s->state == KITH_SESSION_CLOSED)
		return;
	bool was_open = s->state == KITH_SESSION_OPEN;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "session_ended session=%08x use=%u state=%u reason=%u remote=%d", s->index,
		 s->use, s->state, reason, remote);
	if (s->state == KITH_SESSION_DECIDING)
		c->deciding--;
	if (was_open && !remote)
		say_close(c, s, reason);
	if (was_open)
		kith_stats_add(c->stats, KITH_STAT_SESSIONS_CLOSED, 1);
	kith_session_proven(c, s);
	kith_session_uncount(c, s);
	kith_session_set_state(s, KITH_SESSION_CLOSED);
	kith_timers_stop(&c->timers, &s->timer);
	s->ended.next = NULL;
	s->ended.reason = (uint16_t)reason;
	s->ended.remote = remote;
	if (c->ended == NULL)
		c->ended = s;
	else
		c->ended_last->ended.next = s;
	c->ended_last = s;
	c->ended_n++;
}

void kith_transport_doubt(struct kith_core *c, uint16_t transport, int err)
{
	uint32_t it = 0;
	struct kith_session *s;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (s->state == KITH_SESSION_OPEN)
			kith_pathset_link_event(&s->paths, kith_env(c, s), transport, NULL, err);
	}
}

void kith_transport_moved(struct kith_core *c, uint16_t transport)
{
	uint32_t it = 0;
	struct kith_session *s;
	c->sessions.names.moved = c->sessions.names.next;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (s->state == KITH_SESSION_OPEN)
			kith_pathset_moved(&s->paths, &c->transports, transport);
	}
}

uint64_t kith_session_new_name(const struct kith_path_env *env)
{
	struct kith_core *c = KITH_CONTAINER_OF(env, struct kith_core, env);
	return kith_names_new(&c->sessions.names, env->session);
}

size_t kith_own_candidates(const struct kith_core *c, struct kith_candidate out[], size_t n)
{
	return kith_transports_candidates(&c->transports, c->leaf.seen, KITH_HOMES, c->allow_loopback, out, n);
}

unsigned kith_allowed_scopes(const struct kith_core *c)
{
	unsigned allow = c->allow_loopback ? KITH_ALLOW_LOOPBACK : 0;
	for (size_t i = 0; i < c->bootstrap_n; i++)
		allow |= kith_addr_scope(&c->bootstrap[i].at.addr) == KITH_SCOPE_PRIVATE ? KITH_ALLOW_PRIVATE : 0u;
	for (size_t i = 0; i < c->endpoints_n; i++)
		allow |= kith_addr_scope(&c->endpoints[i].addr) == KITH_SCOPE_PRIVATE ? KITH_ALLOW_PRIVATE : 0u;
	return allow;
}

void kith_save_soon(struct kith_core *c)
{
	c->save_timer.kind = KITH_TIMER_SAVE;
	if (!kith_timer_is_set(&c->save_timer) &&
	    kith_timers_set(&c->timers, &c->save_timer, c->now.mono_us + SAVE_US) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

void kith_session_burst(struct kith_core *c, struct kith_session *s, uint8_t round, uint16_t seq, uint64_t nonce)
{
	struct kith_writer *w =
		kith_outbox_begin(&c->shared->outbox, s->index, NULL, 0, KITH_FRAME_BURST, KITH_BURST_BODY);
	kith_burst_write(w, round, seq, nonce);
	kith_outbox_end(&c->shared->outbox);
	s->used_at = c->now.mono_us;
}
