/* The public face of the core: construction, driving, draining, and the application's calls. */
#include <kith/core.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/sized.h"
#include "call/cut.h"
#include "call/early.h"
#include "call/ended.h"
#include "call/dial.h"
#include "call/op.h"
#include "call/outage.h"
#include "call/routes.h"
#include "call/listening.h"
#include "call/spread.h"
#include "call/talk.h"
#include "core/certs.h"
#include "core/dispatch.h"
#include "core/leaving.h"
#include "core/own.h"
#include "core/save.h"
#include "core/serving.h"
#include "core/settle.h"
#include "leaf/candidacy.h"
#include "leaf/homes.h"
#include "leaf/leaf.h"
#include "leaf/reach.h"
#include "leaf/turn.h"
#include "leaf/watching.h"
#include "link/lists.h"
#include "link/nearby.h"
#include "link/via.h"
#include "stream/stream.h"
#include "super/help.h"
#include "super/load.h"
#include "super/members.h"
#include "super/query.h"
#include "super/super.h"
#include "super/witness.h"

/* Windows of streams: sixteen sessions at their bound, or thousands that grew a little. */
#define WINDOWS_MAX (256u * 1024 * 1024)
enum { TICKS_MAX = 4096 }; /* timers fired in one tick; more wait for the next, at once */

/* ---- what cores share ---- */

static const struct kith_shared_options shared_defaults = {
	.size = sizeof shared_defaults,
	.packets_max = 256,
	.events_max = 1024,
	.blobs_max = 1000000,
};

void kith_shared_options_init_sized(struct kith_shared_options *o, size_t size)
{
	if (o == NULL || size < sizeof o->size)
		return;
	kith_sized_write(o, size, &shared_defaults, sizeof shared_defaults);
	o->size = size;
}

int kith_shared_new(struct kith_shared **out, const struct kith_shared_options *given)
{
	struct kith_shared_options full = shared_defaults;
	const struct kith_shared_options *o = &full;
	if (out == NULL || !kith_sized_read(&full, sizeof full, given) || o->alloc == NULL || o->random == NULL ||
	    o->packets_max < 32 || o->events_max < 32)
		return KITH_EINVAL;
	struct kith_shared *sh = KITH_NEW(o->alloc, struct kith_shared);
	if (sh == NULL)
		return KITH_ENOMEM;
	sh->alloc = o->alloc;
	sh->random = o->random;
	sh->events_max = o->events_max;
	if (kith_outbox_init(&sh->outbox, o->alloc, o->packets_max) == 0)
		kith_shared_wake(sh);
	if (sh->events == NULL) {
		kith_outbox_deinit(&sh->outbox);
		KITH_FREE(o->alloc, sh);
		return KITH_ENOMEM;
	}
	uint64_t seed[2] = { kith_rng_u64(o->random), kith_rng_u64(o->random) };
	kith_blobs_init(&sh->blobs, o->alloc, o->blobs_max, seed);
	*out = sh;
	return 0;
}

void kith_shared_rest(struct kith_shared *sh)
{
	if (sh == NULL || sh->events == NULL || sh->events_n > 0 || !kith_outbox_is_empty(&sh->outbox))
		return;
	KITH_FREE_ARRAY(sh->alloc, sh->events, sh->events_max);
	sh->events = NULL;
	sh->events_head = 0;
	kith_outbox_rest(&sh->outbox);
}

void kith_shared_free(struct kith_shared *sh)
{
	if (sh == NULL)
		return;
	kith_blobs_deinit(&sh->blobs);
	kith_outbox_deinit(&sh->outbox);
	KITH_FREE_ARRAY(sh->alloc, sh->events, sh->events_max);
	KITH_FREE(sh->alloc, sh);
}

/* ---- a core's life ---- */

static const struct kith_core_options core_defaults = {
	.size = sizeof core_defaults,
	.role = KITH_ROLE_LEAF,
	.sessions_max = KITH_SESSIONS_MAX,
	.tunnels_max = 10000,
	.relay_rate = 12500000,
	.relay_owner_rate = 1250000,
	.stream_window_max = KITH_STREAMS_WINDOW_MAX,
	.session_window_max = KITH_STREAMS_SESSION_MAX,
	.windows_max = WINDOWS_MAX,
	.answer_strangers = true,
	.election_pace = 1,
};

void kith_core_options_init_sized(struct kith_core_options *o, size_t size)
{
	if (o == NULL || size < sizeof o->size)
		return;
	kith_sized_write(o, size, &core_defaults, sizeof core_defaults);
	o->size = size;
}

static int take_devices(struct kith_core *c, struct kith_span list)
{
	if (list.len == 0)
		return 0;
	/* As our own chain, it may be ahead of a clock that is not set yet. */
	const struct kith_now undated = { c->now.mono_us, c->now.unix_ms, false };
	int err = kith_trust_devices_add(&c->trust, &undated, &c->me.identity, list, true);
	if (err < 0)
		return err;
	uint8_t *copy = kith_alloc_resize(c->alloc, NULL, 0, list.len);
	if (copy == NULL)
		return KITH_ENOMEM;
	memcpy(copy, list.p, list.len);
	c->devices = (struct kith_span){ copy, list.len };
	return 0;
}

static bool is_configured(const struct kith_core *c, const struct kith_host *host)
{
	for (size_t i = 0; i < c->bootstrap_n; i++) {
		for (unsigned k = 0; k < host->endpoints_n; k++) {
			if (kith_endpoint_equal(&c->bootstrap[i].at, &host->endpoints[k]))
				return true;
		}
	}
	return false;
}

/* The host cache follows the list: what is in it may be tried, what was in it gives way. */
static void follow_bootstrap(struct kith_core *c)
{
	struct kith_hostcache *hc = &c->leaf.cache;
	for (int i = hc->n - 1; i >= 0; i--) {
		struct kith_host host;
		kith_hostcache_get(hc, i, &host);
		if ((hc->at[i].flags & KITH_HOST_BOOTSTRAP) != 0 && !is_configured(c, &host))
			kith_hostcache_unconfigure(hc, i);
	}
	for (size_t i = 0; i < c->bootstrap_n; i++) {
		const struct kith_bootstrap *b = &c->bootstrap[i];
		struct kith_host host = { .endpoints_n = 1, .endpoints = { b->at } };
		if (b->has_key)
			host.dh = b->key;
		if (kith_hostcache_is_configured(hc, &b->at))
			continue;
		if (kith_hostcache_add(hc, &host, 0, KITH_HOST_BOOTSTRAP) < 0)
			KITH_LOG(c->log, KITH_LOG_WARN, "bootstrap_not_kept");
	}
}

static bool in_list(const struct kith_bootstrap list[], size_t n, const struct kith_bootstrap *host)
{
	for (size_t i = 0; i < n; i++) {
		if (kith_endpoint_equal(&list[i].at, &host->at))
			return true;
	}
	return false;
}

/* Replaces the list. Returns whether it is another one, or KITH_ENOMEM: then the old one stays. */
static int take_bootstrap(struct kith_core *c, const struct kith_bootstrap hosts[], size_t n)
{
	struct kith_bootstrap *list = n > 0 ? KITH_NEW_ARRAY(c->alloc, struct kith_bootstrap, n) : NULL;
	size_t before = c->bootstrap_n, after = 0, same = 0;
	if (n > 0 && list == NULL)
		return KITH_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (in_list(list, after, &hosts[i]))
			continue;
		same += in_list(c->bootstrap, before, &hosts[i]);
		list[after++] = hosts[i];
	}
	KITH_FREE_ARRAY(c->alloc, c->bootstrap, c->bootstrap_cap);
	c->bootstrap = list;
	c->bootstrap_n = after;
	c->bootstrap_cap = n;
	if (!kith_serves(c))
		follow_bootstrap(c);
	return same != before || same != after;
}

int kith_core_set_bootstrap(struct kith_core *c, struct kith_now now, const struct kith_bootstrap hosts[], size_t n)
{
	if (c == NULL || (hosts == NULL && n > 0))
		return KITH_EINVAL;
	if (n > KITH_BOOTSTRAP_MAX)
		return KITH_EFULL;
	kith_core_enter(c, now);
	int changed = take_bootstrap(c, hosts, n);
	if (changed > 0 && !kith_serves(c))
		kith_leaf_tick(c);
	kith_core_settle(c);
	return changed < 0 ? changed : 0;
}

static int init_trust(struct kith_core *c, const struct kith_core_options *o)
{
	bool super = o->role == KITH_ROLE_SUPERNODE;
	struct kith_trust_options t = {
		.suite = c->suite,
		.alloc = c->alloc,
		.blobs = &c->shared->blobs,
		.root = o->root,
		.open_label = o->open_label,
		.issuers_max = KITH_TRUST_ISSUERS_MAX,
		.device_lists_max = super ? KITH_TRUST_DEVICE_LISTS_SUPERNODE : KITH_TRUST_DEVICE_LISTS_LEAF,
		.chains_max = super ? KITH_TRUST_CHAINS_SUPERNODE : KITH_TRUST_CHAINS_LEAF,
		.seed = { kith_rng_u64(c->random), kith_rng_u64(c->random) },
	};
	return kith_trust_init(&c->trust, &t);
}

/* What is torn costs what was in it, not the node. */
static void take_files(struct kith_core *c, const struct kith_core_options *o)
{
	int err = o->contacts.len > 0 ? kith_contacts_take(c, o->contacts) : 0;
	if (err != 0)
		KITH_LOG(c->log, KITH_LOG_ERROR, "contacts_not_loaded err=%s", kith_err_name(err));
	err = o->state.len > 0 ? kith_state_load(c, o->state) : 0;
	if (err != 0)
		KITH_LOG(c->log, KITH_LOG_WARN, "state_not_loaded err=%s", kith_err_name(err));
	/* The number of the token is lost: none that was given may open a record again. */
	if (c->contacts.n > 0 && (o->state.len == 0 || err != 0))
		c->follow_number = c->now.unix_ms > 0 ? (uint64_t)c->now.unix_ms : 0;
	if (c->contacts.n > 0)
		kith_contacts_keep(c);
}

static int build(struct kith_core *c, const struct kith_core_options *o, struct kith_now host)
{
	int err = kith_own_take(c, o, host);
	if (err == 0)
		err = take_devices(c, o->devices);
	if (err != 0)
		return err;
	bool super = o->role == KITH_ROLE_SUPERNODE;
	c->endpoints_n = (uint8_t)o->endpoints_n;
	memcpy(c->endpoints, o->endpoints, sizeof c->endpoints);
	c->self.features = KITH_FEATURE_STREAMS;
	c->self.role = KITH_ROLE_LEAF;
	kith_guard_init(&c->guard, c->suite, c->alloc, c->random, c->self.dh_pk, &c->self.network,
			super ? KITH_GUARD_SEEN_SUPERNODE : KITH_GUARD_SEEN_LEAF, c->now.unix_ms);
	if (!c->now.unix_trusted)
		c->guard.proven_from_s = UINT32_MAX;
	kith_allowance_init(&c->allowance, c->alloc, c->random, super ? KITH_ASKERS_MAX : KITH_ASKERS_LEAF_MAX,
			    super ? KITH_ASKERS_MAX : KITH_STRANGERS_LEAF_MAX);
	kith_link_init(&c->unconfirmed);
	take_files(c, o);
	err = o->role != KITH_ROLE_LEAF ? kith_serving_init(c, o->role, &o->terms) : 0;
	if (err == 0 && super)
		err = kith_serving_begin(c, KITH_ROLE_WHY_CONFIGURED);
	if (err == 0 && kith_may_serve(c))
		c->office->told_serving = c->office->serving;
	if (err == 0)
		err = take_bootstrap(c, o->bootstrap, o->bootstrap_n);
	if (err >= 0) {
		err = 0;
		kith_leaf_begin(c);
		kith_certs_tick(c);
	}
	return err;
}

static bool span_fits(struct kith_span s)
{
	return s.p != NULL || s.len == 0;
}

KITH_STATIC_ASSERT(KITH_STREAM_WINDOW_LEAST == KITH_STREAMS_WINDOW, "a stream begins with it");
KITH_STATIC_ASSERT(KITH_WINDOW_LIMIT == KITH_STREAMS_SESSION_LIMIT, "streams take what can be set");

static bool windows_fit(const struct kith_core_options *o)
{
	return o->stream_window_max >= KITH_STREAM_WINDOW_LEAST && o->session_window_max >= KITH_SESSION_WINDOW_LEAST &&
	       o->session_window_max >= o->stream_window_max && o->session_window_max <= KITH_WINDOW_LIMIT;
}

static bool options_fit(const struct kith_core_options *o)
{
	if (o->alloc == NULL || o->random == NULL || o->shared == NULL)
		return false;
	if (kith_office_check(o->role, &o->terms) != 0 || o->endpoints_n > KITH_ENDPOINTS_MAX)
		return false;
	if (o->relay_rate > KITH_RELAY_RATE_MAX || o->relay_owner_rate > KITH_RELAY_RATE_MAX ||
	    o->tunnels_max > KITH_TUNNELS_LIMIT || o->sessions_max > KITH_SESSIONS_LIMIT || !windows_fit(o))
		return false;
	if (o->presence < KITH_PRESENCE_STEPS || o->presence > KITH_PRESENCE_CONTACTS)
		return false;
	if (o->election_pace == 0 || o->election_pace > KITH_ELECTION_PACE_MAX)
		return false;
	return (o->bootstrap != NULL || o->bootstrap_n == 0) && o->bootstrap_n <= KITH_BOOTSTRAP_MAX &&
	       span_fits(o->chain) && span_fits(o->devices) && span_fits(o->state) && span_fits(o->contacts);
}

static int make(struct kith_core **out, const struct kith_core_options *o, struct kith_now now)
{
	struct kith_core *c = KITH_NEW(o->alloc, struct kith_core);
	if (c == NULL)
		return KITH_ENOMEM;
	c->alloc = o->alloc;
	c->random = o->random;
	c->shared = o->shared;
	c->suite = o->suite != NULL ? o->suite : kith_suite_sodium();
	c->stats = o->stats;
	c->log = o->log;
	kith_wall_not_before(&c->wall, o->earliest_ms);
	c->now = kith_wall_judge(&c->wall, now);
	c->answer_strangers = o->answer_strangers;
	c->admit_number = 1;
	c->presence = o->presence;
	c->allow_loopback = o->allow_loopback;
	c->pace = o->election_pace;
	c->stream_window_max = o->stream_window_max;
	c->session_window_max = o->session_window_max;
	c->windows.max = o->windows_max;
	c->limits = (struct kith_core_limits){ o->sessions_max, o->tunnels_max, o->relay_rate, o->relay_owner_rate };
	c->env = (struct kith_path_env){ .outbox = &c->shared->outbox,
					 .random = c->random,
					 .alloc = c->alloc,
					 .stats = c->stats,
					 .log = c->log,
					 .transports = &c->transports,
					 .sockets = KITH_SPREAD_SOCKETS,
					 .is_relay = kith_via_of_env,
					 .new_name = kith_session_new_name,
					 .asked_ms = &c->leaf.asked_ms,
					 .told = &c->shared->told };
	kith_outbox_claim(&c->shared->outbox, c, c->stats);
	kith_shared_wake(c->shared);
	kith_timers_init(&c->timers, c->alloc);
	kith_link_init(&c->cuts);
	kith_effects_init(&c->effects, c->alloc);
	kith_sessions_init(&c->sessions, c->alloc, c->random, o->sessions_max, o->shard);
	kith_contacts_init(&c->contacts, c->alloc, KITH_CONTACTS_DEFAULT_MAX);
	kith_followed_init(&c->followed, c->alloc);
	kith_hostcache_init(&c->leaf.cache, c->alloc, &c->shared->blobs);
	int err = kith_transports_init(&c->transports, c->alloc);
	if (err == 0)
		err = init_trust(c, o);
	if (err == 0) {
		c->self.suite = c->suite;
		c->self.random = c->random;
		c->self.network = c->trust.network;
		err = build(c, o, now);
	}
	if (err != 0) {
		kith_core_free(c);
		return err;
	}
	*out = c;
	return 0;
}

int kith_core_new(struct kith_core **out, const struct kith_core_options *o, struct kith_now now)
{
	struct kith_core_options full = core_defaults;
	int err = KITH_EINVAL;
	if (out != NULL && kith_sized_read(&full, sizeof full, o) && options_fit(&full))
		err = make(out, &full, now);
	kith_wipe(&full.device, sizeof full.device);
	return err;
}

static void free_sessions(struct kith_core *c)
{
	struct kith_session *s;
	uint32_t it = 0;
	/* Ending sessions may begin no others: leaving is set. Take one at a time, since each end changes the tables.
	 */
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (s->peer != NULL && (s->use & KITH_USE_PEER)) {
			kith_streams_free(s->peer->streams);
			kith_blob_unref(&c->shared->blobs, s->peer->challenge);
			kith_early_over(c, s);
			KITH_FREE(c->alloc, s->peer);
		} else if (s->attached != NULL && (s->use & KITH_USE_LEAF)) {
			kith_blob_unref(&c->shared->blobs, s->attached->record);
			kith_blob_unref(&c->shared->blobs, s->attached->who);
			KITH_FREE(c->alloc, s->attached->candidate);
			KITH_FREE(c->alloc, s->attached);
		}
		kith_timers_stop(&c->timers, &s->timer);
		kith_sessions_remove(&c->sessions, &c->shared->blobs, &c->env, s);
		it = 0;
	}
}

void kith_core_free(struct kith_core *c)
{
	if (c == NULL)
		return;
	const struct kith_alloc *alloc = c->alloc;
	if (c->shared->outbox.owner ==
	    c) { /* packets that were not polled are lost, and the next core must not find them */
		kith_outbox_drop(&c->shared->outbox);
		c->shared->events_n = 0;
	}
	kith_outbox_claim(&c->shared->outbox, c, c->stats);
	c->leaving = true;
	free_sessions(c);
	kith_cut_free_all(c);
	kith_ended_free_all(c);
	kith_spread_deinit(c);
	kith_listening_deinit(c);
	KITH_FREE(c->alloc, c->env.paces);
	kith_routes_deinit(c);
	kith_sessions_deinit(&c->sessions);
	kith_candidacy_end(c);
	kith_super_free(c);
	kith_serving_deinit(c);
	kith_ops_deinit(c);
	kith_nearby_deinit(c);
	kith_watching_deinit(c);
	kith_leaf_deinit(c);
	kith_lists_deinit(c);
	kith_allowance_deinit(&c->allowance);
	kith_guard_deinit(&c->guard);
	kith_contacts_deinit(&c->contacts);
	kith_own_deinit(c);
	kith_followed_deinit(&c->followed);
	kith_blob_unref(&c->shared->blobs, c->old_hosts_blob);
	kith_blob_unref(&c->shared->blobs, c->old_attests);
	if (c->trust.alloc != NULL)
		kith_trust_deinit(&c->trust);
	kith_alloc_free(alloc, (uint8_t *)(uintptr_t)c->devices.p, c->devices.len);
	kith_effects_deinit(&c->effects);
	KITH_FREE_ARRAY(alloc, c->bootstrap, c->bootstrap_cap);
	kith_alloc_free(alloc, c->services, c->services_n * sizeof *c->services);
	KITH_FREE_ARRAY(alloc, c->touched, c->touched_cap);
	kith_timers_deinit(&c->timers);
	kith_transports_deinit(&c->transports);
	c->shared->outbox.owner = NULL;
	kith_wipe(c, sizeof *c);
	KITH_FREE(alloc, c);
}

/* ---- driving ---- */

void kith_core_input(struct kith_core *c, struct kith_now now, struct kith_packet packets[], size_t n)
{
	if (c == NULL || packets == NULL)
		return;
	kith_core_enter(c, now);
	for (size_t i = 0; i < n; i++) {
		struct kith_packet *p = &packets[i];
		if (p->data == NULL)
			continue;
		kith_stats_add(c->stats, KITH_STAT_BYTES_IN, p->len);
		uint32_t step = p->segment_len != 0 && p->segment_len < p->len ? p->segment_len : p->len;
		uint32_t count = step != 0 ? (p->len + step - 1) / step : 1;
		kith_stats_add(c->stats, KITH_STAT_PACKETS_IN, count);
		if (kith_serves(c))
			c->super->load.packets += count;
		if (step == p->len || kith_dispatch_train(c, p)) {
			if (step == p->len)
				kith_dispatch_packet(c, p);
			continue;
		}
		for (uint32_t at = 0; at < p->len; at += step) {
			struct kith_packet one = *p;
			one.data = p->data + at;
			one.len = p->len - at < step ? p->len - at : step;
			one.segment_len = 0;
			kith_dispatch_packet(c, &one);
		}
	}
	kith_core_settle(c);
}

static void fire(struct kith_core *c, struct kith_timer *t)
{
	switch ((enum kith_timer_kind)t->kind) {
	case KITH_TIMER_SESSION:
		kith_settle_tick(c, KITH_CONTAINER_OF(t, struct kith_session, timer));
		return;
	case KITH_TIMER_LEAF:
		kith_leaf_tick(c);
		return;
	case KITH_TIMER_SUPERNODE:
		if (kith_serves(c))
			kith_super_tick(c);
		return;
	case KITH_TIMER_OP:
		kith_dial_tick(c, KITH_CONTAINER_OF(t, struct kith_operation, timer));
		return;
	case KITH_TIMER_QUERY:
		if (kith_serves(c))
			kith_query_tick(c, kith_query_of_timer(t));
		return;
	case KITH_TIMER_WATCHING:
		kith_watching_tick(c);
		return;
	case KITH_TIMER_SAVE:
		kith_state_save(c);
		return;
	case KITH_TIMER_LEAVE:
		kith_leaving_tick(c);
		return;
	case KITH_TIMER_EFFECTS:
		break; /* whatever is late is settled with the call */
	case KITH_TIMER_CERTS:
		kith_certs_tick(c);
		return;
	case KITH_TIMER_CUT:
		kith_cut_tick(c);
		return;
	case KITH_TIMER_WITNESS:
		if (kith_serves(c))
			kith_witness_tick(c);
		return;
	case KITH_TIMER_CANDIDACY:
		kith_candidacy_tick(c);
		return;
	case KITH_TIMER_SPREAD:
		kith_spread_tick(c);
		return;
	case KITH_TIMER_LISTENING:
		kith_listening_tick(c);
		return;
	}
}

void kith_core_tick(struct kith_core *c, struct kith_now now)
{
	if (c == NULL)
		return;
	kith_core_enter(c, now);
	kith_settle_woken(c);
	kith_ended_expire(c);
	struct kith_timer *t;
	for (int i = 0; i < TICKS_MAX && kith_has_room(c) && (t = kith_timers_pop(&c->timers, c->now.mono_us)) != NULL;
	     i++)
		fire(c, t);
	kith_core_settle(c);
}

size_t kith_core_poll(struct kith_core *c, struct kith_now now, struct kith_packet out[], size_t n)
{
	if (c == NULL || out == NULL)
		return 0;
	kith_core_look(c, now);
	return kith_outbox_poll(&c->shared->outbox, out, n);
}

kith_time_us kith_core_deadline(const struct kith_core *c)
{
	return c != NULL ? kith_timers_next(&c->timers) : KITH_TIME_NEVER;
}

bool kith_core_event_sized(struct kith_core *c, struct kith_event *out, size_t size)
{
	if (c == NULL || out == NULL || c->shared->events_n == 0)
		return false;
	struct kith_shared *sh = c->shared;
	kith_sized_write(out, size, &sh->events[sh->events_head], sizeof *out);
	sh->events_head = (sh->events_head + 1) % sh->events_max;
	sh->events_n--;
	return true;
}

/* ---- what the host tells ---- */

int kith_core_transport(struct kith_core *c, struct kith_now now, const struct kith_transport *t)
{
	if (c == NULL || t == NULL)
		return KITH_EINVAL;
	struct kith_transport before = { .id = t->id };
	bool known = kith_transports_get(&c->transports, t->id, &before);
	kith_core_enter(c, now);
	int err = kith_transports_set(&c->transports, t);
	if (err != 0) {
		KITH_LOG(c->log, KITH_LOG_ERROR, "transport_refused id=%u kind=%u locals=%zu err=%s", t->id, t->kind,
			 t->locals_n, kith_err_name(err));
		kith_core_settle(c);
		return err;
	}
	const bool punch = t->purpose == KITH_PURPOSE_PUNCH || before.purpose == KITH_PURPOSE_PUNCH;
	const bool relayed = t->purpose == KITH_PURPOSE_RELAYED;
	const bool in = relayed || t->purpose == KITH_PURPOSE_IN || before.purpose == KITH_PURPOSE_IN;
	if (punch || t->purpose == KITH_PURPOSE_LAN) { /* nobody comes by it; what is for the link carries no session */
		if (punch && known)
			kith_transport_doubt(c, t->id, t->up ? 0 : t->closed ? KITH_ECLOSED : KITH_EDETACHED);
		kith_core_settle(c);
		return 0;
	}
	if (in && known && !t->up)
		kith_transport_doubt(c, t->id, t->closed ? KITH_ECLOSED : KITH_EDETACHED);
	if (in || kith_transports_only_mapped(&before, t)) { /* nothing has moved: there is more, or less, to offer */
		kith_talk_offer_all(c, true);
		kith_core_settle(c);
		return 0;
	}
	if (t->up && !before.up)
		kith_hostcache_forgive(&c->leaf.cache);
	if (known && t->up && !kith_serves(c))
		kith_transport_moved(c, t->id);
	if (known)
		kith_transport_doubt(c, t->id, t->up ? 0 : t->closed ? KITH_ECLOSED : KITH_EDETACHED);
	if (t->up)
		kith_outage_hurry(c);
	kith_talk_offer_all(c, true);
	kith_super_readdress(c, &before, t);
	if (!kith_serves(c) && t->up) {
		kith_reach_again(c);
		kith_turn_again(c);
		if (t->cost_ms == 0)
			kith_leaf_tick(c);
		else /* the host may be about to tell of a better one */
			kith_homes_wake(c, c->now.mono_us);
	}
	kith_core_settle(c);
	return 0;
}

void kith_core_load(struct kith_core *c, struct kith_now now, const struct kith_core_load *load)
{
	if (c == NULL || load == NULL)
		return;
	kith_core_enter(c, now);
	if (kith_serves(c) && !c->super->ending) {
		kith_load_told(c, load);
		kith_super_wake(c, kith_help_look(c));
	}
	kith_core_settle(c);
}

void kith_core_send_error(struct kith_core *c, struct kith_now now, uint16_t transport, const struct kith_addr *remote,
			  int err)
{
	if (c == NULL || remote == NULL)
		return;
	kith_core_enter(c, now);
	uint32_t it = 0;
	struct kith_session *s;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (s->state != KITH_SESSION_OPEN)
			continue;
		for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
			struct kith_hop hop = kith_pathset_path(&s->paths, i)->hop;
			if (hop.transport == transport && kith_addr_equal(&hop.remote, remote))
				kith_pathset_link_event(&s->paths, kith_env(c, s), transport, &hop, err);
		}
	}
	kith_core_settle(c);
}

bool kith_core_effect_sized(struct kith_core *c, struct kith_effect *out, size_t size)
{
	struct kith_effect next;
	if (c == NULL || out == NULL || !kith_effects_next(&c->effects, &next))
		return false;
	kith_sized_write(out, size, &next, sizeof next);
	return true;
}

void kith_core_complete(struct kith_core *c, struct kith_now now, uint32_t id, int err,
			const struct kith_effect_result *result)
{
	if (c == NULL || (result != NULL && result->addrs_n > KITH_EFFECT_ADDRS_MAX))
		return;
	kith_core_enter(c, now);
	(void)kith_effects_complete(&c->effects, id, err, result);
	kith_core_settle(c);
}
