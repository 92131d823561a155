/* The calls of the application, and what it may look at. */
#include <kith/core.h>

#include "base/alloc.h"
#include "base/sized.h"
#include "base/text.h"
#include "call/admit.h"
#include "call/challenge.h"
#include "call/cut.h"
#include "call/dial.h"
#include "call/early.h"
#include "call/ended.h"
#include "call/explain.h"
#include "call/follow.h"
#include "call/op.h"
#include "call/outage.h"
#include "call/ringing.h"
#include "call/spread.h"
#include "call/streams.h"
#include "call/talk.h"
#include "call/tell.h"
#include "core/certs.h"
#include "core/leaving.h"
#include "core/own.h"
#include "core/save.h"
#include "core/serving.h"
#include "core/settle.h"
#include "leaf/homeless.h"
#include "leaf/homes.h"
#include "leaf/leaf.h"
#include "leaf/sounding.h"
#include "leaf/watching.h"
#include "stream/stream.h"
#include "super/super.h"
#include "super/super.h"

#define WAIT_MAX_US (24 * 3600 * KITH_US_PER_S) /* nobody waits for longer, whatever is asked for */

static kith_time_us sane(kith_time_us us)
{
	return us < WAIT_MAX_US ? us : WAIT_MAX_US;
}

int kith_core_serve(struct kith_core *c, const char *service)
{
	if (c == NULL || service == NULL)
		return KITH_EINVAL;
	size_t len = strlen(service);
	if (len == 0 || len > KITH_SERVICE_MAX)
		return KITH_EINVAL;
	for (size_t i = 0; i < c->services_n; i++) {
		if (strcmp(c->services[i], service) == 0)
			return KITH_EEXIST;
	}
	if (c->services_n == KITH_SERVICES_MAX)
		return KITH_EFULL;
	const size_t one = sizeof *c->services, held = c->services_n * one;
	char(*grown)[KITH_SERVICE_MAX + 1] = kith_alloc_resize(c->alloc, c->services, held, held + one);
	if (grown == NULL)
		return KITH_ENOMEM;
	c->services = grown;
	kith_text_copy(c->services[c->services_n++], one, service);
	return 0;
}

int kith_core_call_early(struct kith_core *c, struct kith_now now, const char *name, const char *service,
			 kith_time_us timeout_us, struct kith_span early, kith_op *op)
{
	if (c == NULL || name == NULL || service == NULL || op == NULL || timeout_us < 0 ||
	    (early.p == NULL && early.len > 0))
		return KITH_EINVAL;
	if (early.len > KITH_EARLY_MAX)
		return KITH_EMSGSIZE;
	kith_core_enter(c, now);
	int err = KITH_EINVAL;
	if (strcmp(name, c->me.name) != 0)
		err = kith_dial_begin(c, KITH_OP_CALL, name, service, sane(timeout_us), early, op);
	kith_core_settle(c);
	return err;
}

int kith_core_call(struct kith_core *c, struct kith_now now, const char *name, const char *service,
		   kith_time_us timeout_us, kith_op *op)
{
	return kith_core_call_early(c, now, name, service, timeout_us, (struct kith_span){ NULL, 0 }, op);
}

int kith_core_early(struct kith_core *c, kith_session_id id, uint8_t out[KITH_EARLY_MAX])
{
	if (c == NULL || out == NULL)
		return KITH_EINVAL;
	struct kith_session *s = kith_peer_get(c, id);
	return s != NULL ? kith_early_give(c, s, out) : KITH_ENOENT;
}

int kith_core_lookup(struct kith_core *c, struct kith_now now, const char *name, kith_op *op)
{
	if (c == NULL || name == NULL || op == NULL)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	int err = kith_dial_begin(c, KITH_OP_LOOKUP, name, NULL, KITH_REQUEST_TIMEOUT_US, (struct kith_span){ NULL, 0 },
				  op);
	kith_core_settle(c);
	return err;
}

int kith_core_cancel(struct kith_core *c, struct kith_now now, kith_op id)
{
	if (c == NULL)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	struct kith_operation *op = kith_op_get(c, id);
	if (op != NULL)
		kith_dial_give_up(c, op, KITH_ECANCELED);
	kith_core_settle(c);
	return op != NULL ? 0 : KITH_ENOENT;
}

int kith_core_watch(struct kith_core *c, struct kith_now now, const char *name)
{
	if (c == NULL || name == NULL)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	int err = kith_watching_add(c, name);
	kith_core_settle(c);
	return err;
}

int kith_core_unwatch(struct kith_core *c, struct kith_now now, const char *name)
{
	if (c == NULL || name == NULL)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	int err = kith_watching_remove(c, name);
	kith_core_settle(c);
	return err;
}

struct contact_change {
	struct kith_core *core;
	const char *name;
	uint8_t flags;
};

/* A contact that became relay-only loses its direct paths at once, a blocked one its sessions. */
static void apply_contact(void *ctx, struct kith_session *s)
{
	const struct contact_change *change = ctx;
	struct kith_core *c = change->core;
	if (!(s->use & KITH_USE_PEER) || s->peer == NULL || strcmp(s->peer->name, change->name) != 0)
		return;
	if (change->flags & KITH_CONTACT_BLOCKED) {
		kith_session_end(c, s, KITH_CLOSE_REJECTED, false);
	} else if ((change->flags & KITH_CONTACT_RELAY_ONLY) && !s->peer->relay_only) {
		kith_talk_relay_only(c, s);
	}
	kith_follow_exchange(c, s);
}

int kith_core_pin(struct kith_core *c, struct kith_now now, const char *name, const struct kith_key *identity,
		  uint8_t flags, bool confirm)
{
	if (c == NULL || name == NULL || identity == NULL)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	bool ends = kith_follow_ends(c, name, identity, flags);
	int err = kith_contacts_pin(&c->contacts, name, identity, flags);
	if (err == KITH_EPINNED && confirm) {
		err = kith_contacts_confirm(&c->contacts, name, identity);
		if (err == 0)
			err = kith_contacts_pin(&c->contacts, name, identity, flags);
	}
	if (err == 0) {
		struct contact_change change = { c, name, flags };
		if (ends)
			kith_follow_withdraw(c);
		if (flags & KITH_CONTACT_BLOCKED)
			kith_follow_forget(c, name);
		err = kith_sessions_each(&c->sessions, apply_contact, &change);
		kith_admit_changed(c);
		kith_contacts_keep(c);
	}
	kith_core_settle(c);
	return err;
}

int kith_core_unpin(struct kith_core *c, struct kith_now now, const char *name)
{
	if (c == NULL || name == NULL)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	bool ends = kith_follow_ends(c, name, NULL, 0);
	int err = kith_contacts_unpin(&c->contacts, name);
	if (err == 0) {
		kith_follow_forget(c, name);
		kith_admit_changed(c);
		kith_contacts_keep(c);
	}
	if (err == 0 && ends)
		kith_follow_withdraw(c);
	kith_core_settle(c);
	return err;
}

size_t kith_core_contacts(const struct kith_core *c, struct kith_contact out[], size_t n)
{
	if (c == NULL || (out == NULL && n > 0))
		return 0;
	for (size_t i = 0; i < n && i < c->contacts.n; i++)
		out[i] = c->contacts.items[i];
	return c->contacts.n;
}

int kith_core_revoke(struct kith_core *c, struct kith_now now, struct kith_span list)
{
	if (c == NULL || (list.p == NULL && list.len > 0))
		return KITH_EINVAL;
	kith_core_enter(c, now);
	int err = kith_trust_post(&c->trust, &c->now, list);
	c->lists.fresh = c->lists.fresh || err == 1;
	kith_core_settle(c);
	return err < 0 ? err : 0;
}

size_t kith_core_logs(const struct kith_core *c, struct kith_log_info out[], size_t n)
{
	size_t found = 0;
	if (c == NULL || (out == NULL && n > 0))
		return 0;
	for (size_t i = 0; i < c->trust.issuers_n; i++) {
		const struct kith_trust_issuer *issuer = &c->trust.issuers[i];
		struct kith_issuer_cert cert;
		if ((issuer->head == NULL && issuer->fork == NULL) ||
		    kith_issuer_cert_parse(&cert, kith_blob_span(issuer->cert)) != 0)
			continue;
		if (found++ >= n)
			continue;
		struct kith_log_info *log = &out[found - 1];
		memset(log, 0, sizeof *log);
		log->issuer = cert.issuer;
		log->head = kith_blob_span(issuer->head);
		if (issuer->fork != NULL && kith_fork_parse(log->forked, kith_blob_span(issuer->fork)) == 0)
			log->head = log->forked[1];
	}
	return found;
}

int kith_core_add_issuer(struct kith_core *c, struct kith_now now, struct kith_span cert)
{
	if (c == NULL || (cert.p == NULL && cert.len > 0))
		return KITH_EINVAL;
	kith_core_enter(c, now);
	int err = kith_trust_issuer_add(&c->trust, &c->now, cert);
	kith_core_settle(c);
	return err;
}

int kith_core_renew(struct kith_core *c, struct kith_now now, struct kith_span chain)
{
	if (c == NULL || (chain.p == NULL && chain.len > 0))
		return KITH_EINVAL;
	kith_core_enter(c, now);
	int err = kith_own_renew(c, chain);
	kith_core_settle(c);
	return err;
}

int kith_core_limit(struct kith_core *c, struct kith_now now, const struct kith_core_limits *l)
{
	if (c == NULL || l == NULL || l->relay_rate > KITH_RELAY_RATE_MAX ||
	    l->relay_owner_rate > KITH_RELAY_RATE_MAX || l->tunnels_max > KITH_TUNNELS_LIMIT ||
	    l->sessions_max > KITH_SESSIONS_LIMIT)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	c->sessions.by_index.max = c->sessions.by_device.max = l->sessions_max;
	c->limits = *l;
	kith_serving_limit(c);
	kith_core_settle(c);
	return 0;
}

int kith_core_set_role(struct kith_core *c, struct kith_now now, enum kith_role role, const struct kith_terms *terms,
		       const struct kith_endpoint endpoints[], size_t n)
{
	if (c == NULL || terms == NULL || (endpoints == NULL && n > 0) || n > KITH_ENDPOINTS_MAX)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	int err = c->leaving ? KITH_ESTATE : kith_serving_set_role(c, role, terms, endpoints, n);
	kith_core_settle(c);
	return err;
}

int kith_core_consent(struct kith_core *c, struct kith_now now, enum kith_consent consent)
{
	if (c == NULL || (consent != KITH_CONSENT_ASK && consent != KITH_CONSENT_YES && consent != KITH_CONSENT_NO))
		return KITH_EINVAL;
	kith_core_enter(c, now);
	if (kith_may_serve(c))
		kith_office_consent(c->office, consent, c->now.mono_us);
	kith_core_settle(c);
	return 0;
}

void kith_core_hinder(struct kith_core *c, struct kith_now now, unsigned hindrances)
{
	if (c == NULL)
		return;
	kith_core_enter(c, now);
	if (kith_may_serve(c))
		kith_office_hinder(c->office, hindrances);
	kith_spread_allow(c);
	kith_core_settle(c);
}

void kith_core_role_info(const struct kith_core *c, struct kith_now now, struct kith_role_info *out)
{
	if (out == NULL)
		return;
	memset(out, 0, sizeof *out);
	if (c != NULL)
		kith_serving_info(c, now.mono_us, out);
}

int kith_core_challenge(struct kith_core *c, struct kith_now now, kith_session_id id, const char *context, kith_op *op)
{
	if (c == NULL || context == NULL || op == NULL)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	struct kith_session *s = kith_peer_get(c, id);
	int err = s == NULL			  ? KITH_ENOENT
		  : s->state != KITH_SESSION_OPEN ? KITH_ESTATE
						  : kith_challenge_begin(c, s, context, op);
	kith_core_settle(c);
	return err;
}

int kith_core_accept(struct kith_core *c, struct kith_now now, kith_session_id id)
{
	if (c == NULL)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	struct kith_session *s = kith_peer_get(c, id);
	int err = s == NULL ? KITH_ENOENT : s->state != KITH_SESSION_DECIDING ? KITH_ESTATE : 0;
	if (err == 0)
		kith_ringing_decide(c, s, 0);
	kith_core_settle(c);
	return err;
}

int kith_core_reject(struct kith_core *c, struct kith_now now, kith_session_id id, enum kith_close_reason reason)
{
	if (c == NULL)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	struct kith_session *s = kith_peer_get(c, id);
	int err = s == NULL ? KITH_ENOENT : s->state != KITH_SESSION_DECIDING ? KITH_ESTATE : 0;
	if (err == 0) {
		s->peer->told = false; /* who rejects needs no CLOSED */
		kith_ringing_decide(c, s, (uint16_t)(reason != KITH_CLOSE_NORMAL ? reason : KITH_CLOSE_REJECTED));
	}
	kith_core_settle(c);
	return err;
}

int kith_core_close(struct kith_core *c, struct kith_now now, kith_session_id id, enum kith_close_reason reason)
{
	return kith_core_close_after(c, now, id, reason, 0);
}

int kith_core_close_after(struct kith_core *c, struct kith_now now, kith_session_id id, enum kith_close_reason reason,
			  kith_time_us linger_us)
{
	if (c == NULL || linger_us < 0)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	struct kith_session *s = kith_peer_get(c, id);
	if (s != NULL && s->state == KITH_SESSION_DECIDING)
		kith_ringing_decide(c, s, (uint16_t)KITH_CLOSE_REJECTED);
	if (s != NULL)
		kith_talk_linger(c, s, reason, sane(linger_us));
	kith_core_settle(c);
	return s != NULL ? 0 : KITH_ENOENT;
}

int kith_core_patience(struct kith_core *c, struct kith_now now, kith_session_id id, kith_time_us patience_us)
{
	if (c == NULL || patience_us <= 0)
		return KITH_EINVAL;
	kith_core_enter(c, now);
	struct kith_session *s = kith_peer_get(c, id);
	if (s != NULL)
		kith_outage_patience(c, s, patience_us);
	kith_core_settle(c);
	return s != NULL ? 0 : KITH_ENOENT;
}

int kith_core_send(struct kith_core *c, struct kith_now now, kith_session_id id, uint16_t channel, const uint8_t *data,
		   size_t len)
{
	if (c == NULL || (data == NULL && len > 0))
		return KITH_EINVAL;
	kith_core_enter(c, now);
	struct kith_session *s = kith_peer_get(c, id);
	int err = s == NULL ? KITH_ENOENT : kith_talk_send(c, s, channel, (struct kith_span){ data, len });
	if (err == 0)
		s->used_at = c->now.mono_us;
	if (s != NULL)
		kith_session_touch(c, s);
	kith_core_settle(c);
	return err;
}

size_t kith_core_datagram_max(const struct kith_core *c, kith_session_id id)
{
	if (c == NULL)
		return 0;
	const struct kith_session *s = kith_peer_get((struct kith_core *)(uintptr_t)c, id);
	return s != NULL && s->state == KITH_SESSION_OPEN ? KITH_DATAGRAM_MAX : 0;
}

/* ---- streams ---- */

/* After a call on streams: what they want to send goes out. */
static void stream_done(struct kith_core *c, struct kith_session *s)
{
	s->used_at = c->now.mono_us;
	kith_talk_streams_pump(c, s);
	kith_session_touch(c, s);
	kith_core_settle(c);
}

/* The open session of a stream call, with streams; NULL and *err when there is none. */
static struct kith_session *stream_session(struct kith_core *c, struct kith_now now, kith_session_id id, bool make,
					   int *err)
{
	*err = KITH_EINVAL;
	if (c == NULL)
		return NULL;
	kith_core_enter(c, now);
	struct kith_session *s = kith_peer_get(c, id);
	*err = 0;
	if (s == NULL)
		*err = KITH_ENOENT;
	else if (s->state != KITH_SESSION_OPEN)
		*err = KITH_ESTATE;
	else if (!(s->features & KITH_FEATURE_STREAMS))
		*err = KITH_ENOTSUP;
	else if (make && kith_talk_streams(c, s) == NULL)
		*err = KITH_ENOMEM;
	else if (s->peer->streams == NULL)
		*err = KITH_ENOENT;
	return *err == 0 ? s : NULL;
}

int kith_core_stream_open(struct kith_core *c, struct kith_now now, kith_session_id id, uint16_t channel,
			  uint64_t *stream)
{
	if (stream == NULL)
		return KITH_EINVAL;
	int err;
	struct kith_session *s = stream_session(c, now, id, true, &err);
	if (s == NULL)
		return err;
	err = kith_streams_open(s->peer->streams, channel, stream);
	stream_done(c, s);
	return err == KITH_ECLOSED ? KITH_ESTATE : err; /* what they carried is being read; then there are new ones */
}

int kith_core_stream_write(struct kith_core *c, struct kith_now now, kith_session_id id, uint64_t stream,
			   const uint8_t *data, size_t len, bool fin)
{
	if (data == NULL && len > 0)
		return KITH_EINVAL;
	int err;
	struct kith_session *s = stream_session(c, now, id, false, &err);
	if (s == NULL)
		return err;
	int n = kith_streams_write(s->peer->streams, stream, data, len, fin);
	stream_done(c, s);
	return n;
}

/* Of a session that has ended. */
static int read_cut(struct kith_core *c, kith_session_id id, uint64_t stream, uint8_t *out, size_t cap, bool *fin)
{
	struct kith_streams *left = kith_cut_get(c, id);
	int n = left != NULL ? kith_streams_read(left, c->now.mono_us, stream, out, cap, fin) : KITH_ENOENT;
	if (left != NULL && n < 0 && !kith_streams_unread(left))
		kith_cut_done(c, id);
	kith_core_settle(c);
	return n;
}

int kith_core_stream_read(struct kith_core *c, struct kith_now now, kith_session_id id, uint64_t stream, uint8_t *out,
			  size_t cap, bool *fin)
{
	if ((out == NULL && cap > 0) || fin == NULL)
		return KITH_EINVAL;
	int err;
	*fin = false;
	struct kith_session *s = stream_session(c, now, id, false, &err);
	if (s == NULL)
		return err == KITH_ENOENT ? read_cut(c, id, stream, out, cap, fin) : err;
	int n = kith_streams_read(s->peer->streams, c->now.mono_us, stream, out, cap, fin);
	stream_done(c, s);
	return n;
}

int kith_core_stream_reset(struct kith_core *c, struct kith_now now, kith_session_id id, uint64_t stream, uint64_t code)
{
	int err;
	struct kith_session *s = stream_session(c, now, id, false, &err);
	if (s == NULL)
		return err;
	err = kith_streams_reset(s->peer->streams, stream, code);
	stream_done(c, s);
	return err;
}

static int stop_cut(struct kith_core *c, kith_session_id id, uint64_t stream, uint64_t code)
{
	struct kith_streams *left = kith_cut_get(c, id);
	int err = left != NULL ? kith_streams_stop(left, stream, code) : KITH_ENOENT;
	if (left != NULL && !kith_streams_unread(left))
		kith_cut_done(c, id);
	kith_core_settle(c);
	return err;
}

int kith_core_stream_stop(struct kith_core *c, struct kith_now now, kith_session_id id, uint64_t stream, uint64_t code)
{
	int err;
	struct kith_session *s = stream_session(c, now, id, false, &err);
	if (s == NULL)
		return err == KITH_ENOENT ? stop_cut(c, id, stream, code) : err;
	err = kith_streams_stop(s->peer->streams, stream, code);
	stream_done(c, s);
	return err;
}

/* ---- leaving ---- */

void kith_core_leave(struct kith_core *c, struct kith_now now, kith_time_us grace_us)
{
	if (c == NULL)
		return;
	kith_core_enter(c, now);
	if (!c->leaving) {
		c->leaving = true;
		grace_us = grace_us > 0 ? sane(grace_us) : 0;
		c->leave_by = c->now.mono_us + grace_us;
		kith_dial_leave(c);
		kith_leaf_leave(c);
		kith_super_leave(c, grace_us);
		if (kith_timer_is_set(&c->save_timer)) { /* what changed lately must not wait */
			kith_timers_stop(&c->timers, &c->save_timer);
			kith_state_save(c);
		}
		kith_leaving_tick(c);
	}
	kith_core_settle(c);
}

/* ---- looking in ---- */

static void describe(struct kith_core *c, const struct kith_session *s, struct kith_session_info *out)
{
	struct kith_person person;
	memcpy(out->name, s->peer->name, sizeof out->name);
	memcpy(out->service, s->peer->service, sizeof out->service);
	out->initiator = s->initiator;
	out->open = s->state == KITH_SESSION_OPEN;
	if (kith_session_person(c, s, &person)) {
		out->identity = person.identity;
		out->device = person.device_dh;
	}
}

int kith_core_session_info_sized(const struct kith_core *c, kith_session_id id, struct kith_session_info *out,
				 size_t size)
{
	if (c == NULL || out == NULL)
		return KITH_EINVAL;
	struct kith_core *core = (struct kith_core *)(uintptr_t)c; /* checking a chain counts its use, no more */
	const struct kith_session *s = kith_peer_get(core, id);
	struct kith_session_info info;
	memset(&info, 0, sizeof info);
	if (s != NULL)
		describe(core, s, &info);
	kith_sized_write(out, size, &info, sizeof info);
	return s != NULL ? 0 : KITH_ENOENT;
}

size_t kith_core_paths(const struct kith_core *c, struct kith_now now, kith_session_id id, struct kith_path_info out[],
		       size_t n)
{
	if (c == NULL || (out == NULL && n > 0))
		return 0;
	const struct kith_session *s = kith_peer_get((struct kith_core *)(uintptr_t)c, id);
	return s != NULL && s->state == KITH_SESSION_OPEN ? kith_tell_paths(c, s, now.mono_us, out, n) : 0;
}

size_t kith_core_explain(const struct kith_core *c, struct kith_now now, kith_session_id id, char *out, size_t cap)
{
	if (c == NULL || (out == NULL && cap > 0))
		return 0;
	const struct kith_session *s = kith_peer_get((struct kith_core *)(uintptr_t)c, id);
	return s != NULL ? kith_explain_session(c, s, out, cap) : kith_ended_explain(c, now.mono_us, id, out, cap);
}

size_t kith_core_explain_last(const struct kith_core *c, struct kith_now now, const char *name, char *out, size_t cap)
{
	if (c == NULL || name == NULL || (out == NULL && cap > 0))
		return 0;
	return kith_ended_explain_last(c, now.mono_us, name, out, cap);
}

/* Fields that tell one run from another, in a fixed order, without pointers and padding. */
static void hash_state(const struct kith_core *c, uint8_t out[32])
{
	uint8_t bytes[96];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	uint64_t sum = 0;
	uint32_t it = 0;
	const struct kith_session *s;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL)
		sum += (s->tx_counter * 31 + s->replay.top) * 0x9e3779b97f4a7c15u ^ s->index;
	kith_write_u64(&w, sum);
	kith_write_u32(&w, c->sessions.by_index.n);
	kith_write_u64(&w, (uint64_t)c->stamp_ms);
	kith_write_u64(&w, c->leaf.record_seq);
	kith_write_u64(&w, (uint64_t)kith_timers_next(&c->timers));
	kith_super_hash(c, &w);
	kith_write_bytes(&w, c->self.dh_pk, 32);
	struct kith_span part = { bytes, kith_writer_len(&w) };
	c->suite->blake2b(out, 32, (struct kith_span){ NULL, 0 }, &part, 1);
}

void kith_core_info(const struct kith_core *c, struct kith_core_info *out)
{
	if (c == NULL || out == NULL)
		return;
	unsigned clock_homes;
	memset(out, 0, sizeof *out);
	kith_homeless_info(c, &out->homeless);
	out->clock_trusted = c->now.unix_trusted;
	out->clock_ahead_ms = kith_wall_homes_ahead(&c->wall, &clock_homes);
	out->clock_homes = clock_homes;
	out->sessions = c->sessions.by_index.n;
	out->homes = kith_homes_count(c);
	out->memory_records = c->shared->blobs.bytes;
	for (size_t i = 0; i < KITH_HOMES && out->observed.family == KITH_FAMILY_NONE; i++)
		out->observed = c->leaf.seen[i].addr;
	kith_sounding_info(c, &out->nat);
	kith_super_info(c, out);
	hash_state(c, out->hash);
}

size_t kith_core_homes(const struct kith_core *c, struct kith_addr out[], size_t n)
{
	if (c == NULL || (out == NULL && n > 0))
		return 0;
	size_t used = 0;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		if (c->leaf.homes[i].state != KITH_HOME_ATTACHED)
			continue;
		if (used < n)
			out[used] = c->leaf.homes[i].host.endpoints[0].addr;
		used++;
	}
	return used;
}

size_t kith_core_home_kinds(const struct kith_core *c, uint8_t out[], size_t n)
{
	if (c == NULL || (out == NULL && n > 0))
		return 0;
	size_t used = 0;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		if (c->leaf.homes[i].state != KITH_HOME_ATTACHED)
			continue;
		const struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.homes[i].session);
		const uint16_t by = s != NULL ? kith_session_hop(s)->transport : UINT16_MAX; /* no transport's */
		if (used++ < n)
			out[used - 1] = kith_transports_kind(&c->transports, by);
	}
	return used;
}
