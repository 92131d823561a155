#include "super/super.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/rng.h"
#include "overlay/far.h"
#include "super/attach.h"
#include "super/bulletin.h"
#include "super/echo.h"
#include "super/help.h"
#include "super/interests.h"
#include "super/load.h"
#include "super/members.h"
#include "super/notify.h"
#include "super/partners.h"
#include "super/publish.h"
#include "super/query.h"
#include "super/seek.h"
#include "super/sponsor.h"
#include "super/suspect.h"
#include "super/tunnels.h"
#include "super/vouch.h"
#include "super/witness.h"

#define EXPIRE_US (5 * KITH_US_PER_S)
#define GUIDES_US (30 * KITH_US_PER_S) /* a thousand sectors take eight hours, a third of the life of an entry */
enum { BATCH = 64 };

static void limit_tables(struct kith_supernode *sn, const struct kith_super_options *o)
{
	sn->leaves_max = o->leaves_max;
	sn->store.max = o->records_max;
	sn->watches.max = sn->interests.max = o->watches_max;
}

/* Everything that cannot fail; memory is asked for when it is needed. */
static void init_tables(struct kith_core *c, const struct kith_super_options *o)
{
	struct kith_supernode *sn = c->super;
	uint64_t seed[2] = { kith_rng_u64(c->random), kith_rng_u64(c->random) };
	kith_members_init(&sn->members, c->alloc, &c->shared->blobs, &c->trust, KITH_MEMBERS_MAX, seed);
	kith_store_init(&sn->store, c->alloc, &c->shared->blobs, KITH_SUPER_RECORDS_MAX, seed);
	kith_watches_init(&sn->watches, c->alloc, &c->shared->blobs, &c->allowance, KITH_SUPER_WATCHES_MAX,
			  KITH_SUPER_WATCHES_MAX, KITH_SUBSCRIPTION_US, seed);
	kith_watches_init(&sn->interests, c->alloc, &c->shared->blobs, &c->allowance, KITH_SUPER_WATCHES_MAX,
			  KITH_WATCH_PER_LEAF, 0, seed);
	limit_tables(sn, o);
	kith_table_init(&sn->attached, c->alloc, o->sessions_max, KITH_TABLE_KEY(struct kith_attached, key), seed);
	kith_suspicion_init(&sn->suspicion, c->alloc);
	sn->run = (uint8_t)kith_rng_u32(c->random);
	sn->republish_at = KITH_TIME_NEVER;
	kith_held_init(&sn->held, c->alloc, &c->shared->blobs, seed);
	kith_held_init(&sn->unfinished, c->alloc, &c->shared->blobs, seed);
	kith_tunnels_init(c, o->shard, o->tunnels_max, o->relay_rate, o->relay_owner_rate);
	sn->timer.kind = KITH_TIMER_SUPERNODE;
}

int kith_super_new(struct kith_core *c, const struct kith_super_options *o)
{
	KITH_ASSERT(!kith_serves(c));
	if (c->endpoints_n == 0)
		return KITH_EINVAL;
	struct kith_supernode *sn = KITH_NEW(c->alloc, struct kith_supernode);
	if (sn == NULL)
		return KITH_ENOMEM;
	c->super = sn;
	init_tables(c, o);
	sn->elected = !kith_members_seeds(&sn->members, &c->me);
	sn->attests_len = (uint16_t)o->attests.len;
	if (o->attests.len > 0)
		memcpy(sn->attests, o->attests.p, o->attests.len);
	kith_super_forget_ahead(c);
	int err = kith_super_make_entry(c, 0);
	if (err != 0) {
		kith_super_free(c);
		return err;
	}
	sn->begun_at = c->now.mono_us;
	sn->self_due = c->now.mono_us;
	sn->gossip_at = c->now.mono_us;
	sn->expire_at = c->now.mono_us + EXPIRE_US;
	sn->load.at = c->now.mono_us;
	sn->overload.calm_since = sn->help.need.above_since = KITH_TIME_NEVER;
	kith_super_wake(c, c->now.mono_us);
	return 0;
}

void kith_super_free(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (!kith_serves(c))
		return;
	kith_timers_stop(&c->timers, &sn->timer);
	kith_witness_deinit(c);
	kith_echo_deinit(c);
	kith_seek_deinit(c);
	kith_vouch_deinit(c);
	kith_query_deinit(c);
	kith_tunnels_deinit(c);
	kith_table_deinit(&sn->attached);
	kith_watches_deinit(&sn->interests);
	kith_watches_deinit(&sn->watches);
	kith_held_deinit(&sn->unfinished);
	kith_held_deinit(&sn->held);
	kith_store_deinit(&sn->store);
	kith_suspicion_deinit(&sn->suspicion);
	kith_members_deinit(&sn->members);
	KITH_FREE(c->alloc, sn);
	c->super = NULL;
}

void kith_super_end(struct kith_core *c)
{
	uint32_t it = 0;
	struct kith_session *s;
	c->super->ending = true;
	kith_timers_stop(&c->timers, &c->super->timer);
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (!(s->use & (KITH_USE_PEER | KITH_USE_HOME)))
			kith_session_end(c, s, KITH_CLOSE_LEAVING, false);
	}
}

void kith_super_lost(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason)
{
	if (!kith_serves(c))
		return;
	kith_tunnels_lost(c, s);
	kith_witness_lost(c, s);
	const struct kith_session *next =
		reason == KITH_CLOSE_REPLACED ? kith_sessions_of(&c->sessions, s->device) : NULL;
	if (next != NULL) /* the same node, in another session */
		kith_watches_rename(&c->super->watches, s->index, next->index);
	else
		(void)kith_watches_drop(&c->super->watches, s->index);
	kith_attach_lost(c, s, reason);
}

static void expire(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	sn->expire_at = c->now.mono_us + EXPIRE_US;
	kith_far_settle(&sn->members, c->now.mono_us, &sn->id);
	(void)kith_members_expire(&sn->members, &c->now);
	bool more;
	if (sn->doubt_at != 0 && sn->doubt_at <= c->now.mono_us) {
		kith_members_doubt(&sn->members);
		sn->doubt_at = 0;
	}
	if (!kith_super_is_young(c) && kith_members_recheck(&sn->members, &c->now, BATCH, &more) > 0)
		kith_super_republish_soon(c);
	while (kith_store_expire(&sn->store, c->now.mono_us, BATCH) == BATCH) {}
	while (kith_watches_expire(&sn->watches, c->now.mono_us, BATCH) == BATCH) {}
	kith_tunnels_expire(c);
	kith_bulletin_tick(c);
}

/* One sector after the other is asked who is there now, our own first: what is far is not told of by gossip. */
static void look_for_guides(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	const struct kith_sectors *s = &sn->members.sectors;
	static const struct kith_span nothing = { NULL, 0 };
	struct kith_id point;
	sn->guides_at = c->now.mono_us + kith_rng_jitter(c->random, GUIDES_US, 20);
	if (s->bits == 0)
		return;
	uint64_t sector = (kith_sectors_of(s, s->self) + sn->guides_turn++) & ((UINT64_C(1) << s->bits) - 1);
	kith_sectors_point(s, &sn->id, sector, &point);
	if (kith_query_locate(c, &point, 0, KITH_REQ_FIND, nothing, 0) != 0)
		KITH_LOG(c->log, KITH_LOG_DEBUG, "guides_not_looked_for");
}

void kith_super_tick(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (c->leaving)
		return;
	if (sn->gossip_at <= c->now.mono_us)
		kith_partners_exchange(c);
	kith_super_wake(c, kith_suspect_tick(c));
	if (sn->expire_at <= c->now.mono_us) {
		expire(c);
		kith_load_look(c);
	}
	if (c->now.mono_us - sn->entry_at >= KITH_MEMBER_RENEW_US && kith_super_make_entry(c, 0) != 0)
		KITH_LOG(c->log, KITH_LOG_WARN, "entry_not_renewed");
	if (sn->republish_at <= c->now.mono_us) {
		kith_publish_again(c);
		kith_interests_recheck(c);
	}
	if (sn->self_due <= c->now.mono_us)
		kith_publish_self(c);
	kith_publish_located(c);
	kith_sponsor_located(c);
	if (sn->guides_at <= c->now.mono_us)
		look_for_guides(c);
	kith_super_wake(c, sn->guides_at);
	kith_super_wake(c, kith_vouch_tick(c));
	kith_super_wake(c, kith_echo_tick(c));
	kith_super_wake(c, kith_interests_tick(c));
	kith_super_wake(c, kith_notify_tick(c));
	kith_super_wake(c, kith_help_look(c));
	if (sn->republish_at != KITH_TIME_NEVER)
		kith_super_wake(c, sn->republish_at);
	kith_super_wake(c, sn->self_due);
	kith_super_wake(c, sn->gossip_at);
	kith_super_wake(c, sn->expire_at);
}

void kith_super_attested(struct kith_core *c, struct kith_span attests)
{
	struct kith_supernode *sn = c->super;
	if (!kith_serves(c) || !sn->elected || attests.len == 0 || c->leaving ||
	    (attests.len == sn->attests_len && memcmp(attests.p, sn->attests, attests.len) == 0))
		return;
	memcpy(sn->attests, attests.p, attests.len);
	sn->attests_len = (uint16_t)attests.len;
	if (kith_super_make_entry(c, 0) != 0)
		KITH_LOG(c->log, KITH_LOG_WARN, "entry_not_renewed");
	kith_super_learnt(c);
}

void kith_super_clock_set(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	kith_super_forget_ahead(c);
	if (kith_super_make_entry(c, 0) != 0)
		KITH_LOG(c->log, KITH_LOG_WARN, "entry_not_renewed");
	kith_publish_self(c);
	sn->gossip_at = c->now.mono_us;
	kith_super_wake(c, sn->gossip_at);
}

static void tell_leaves(struct kith_core *c, kith_time_us grace_us)
{
	uint8_t body[KITH_REQUEST_MAX];
	size_t len = kith_super_leave_write(c, (uint64_t)(grace_us / KITH_US_PER_MS), body);
	struct kith_session *s;
	uint32_t it = 0;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if ((s->use & KITH_USE_LEAF) && s->state == KITH_SESSION_OPEN &&
		    kith_session_request(c, s, KITH_REQ_LEAVE, (struct kith_span){ body, len },
					 kith_token(KITH_TOKEN_IGNORE, 0)) != 0)
			KITH_LOG(c->log, KITH_LOG_DEBUG, "leaf_not_told");
	}
}

void kith_super_leave(struct kith_core *c, kith_time_us grace_us)
{
	if (!kith_serves(c))
		return;
	tell_leaves(c, grace_us);
	kith_tunnels_drain(c, grace_us);
	if (kith_super_make_entry(c, KITH_MEMBER_LEFT) != 0)
		return;
	kith_partners_goodbye(c);
}

static const struct kith_local *local_at(const struct kith_transport *t, const struct kith_addr *addr)
{
	for (size_t i = 0; i < t->locals_n; i++) {
		if (kith_addr_equal(&t->locals[i].addr, addr))
			return &t->locals[i];
	}
	return NULL;
}

/* An address of the interface that can stand for one that is gone: as public as that, and no endpoint yet. */
static const struct kith_local *heir_of(const struct kith_core *c, const struct kith_transport *t,
					const struct kith_addr *gone)
{
	for (size_t i = 0; i < t->locals_n; i++) {
		const struct kith_addr *addr = &t->locals[i].addr;
		bool taken = false;
		for (size_t k = 0; k < c->endpoints_n; k++)
			taken = taken || kith_addr_equal(&c->endpoints[k].addr, addr);
		if (!taken && kith_addr_scope(addr) == kith_addr_scope(gone))
			return &t->locals[i];
	}
	return NULL;
}

void kith_super_readdress(struct kith_core *c, const struct kith_transport *before, const struct kith_transport *now)
{
	struct kith_supernode *sn = c->super;
	bool changed = false;
	for (unsigned i = 0; kith_serves(c) && i < c->endpoints_n; i++) {
		struct kith_endpoint *at = &c->endpoints[i];
		const uint8_t bit = (uint8_t)(1u << i);
		if (at->kind != now->kind || at->addr.family != now->family)
			continue;
		if (local_at(now, &at->addr) != NULL)
			sn->lost &= (uint8_t)~bit;
		else if (local_at(before, &at->addr) != NULL)
			sn->lost |= bit;
		const struct kith_local *heir = (sn->lost & bit) != 0 ? heir_of(c, now, &at->addr) : NULL;
		if (heir == NULL)
			continue;
		at->addr = heir->addr;
		sn->lost &= (uint8_t)~bit;
		changed = true;
	}
	if (!changed || c->leaving)
		return;
	KITH_LOG(c->log, KITH_LOG_INFO, "endpoints_changed");
	kith_super_announce(c);
}

void kith_super_announce(struct kith_core *c)
{
	if (kith_super_make_entry(c, 0) != 0)
		KITH_LOG(c->log, KITH_LOG_WARN, "entry_not_renewed");
	kith_super_learnt(c);
	kith_publish_self(c);
}

void kith_super_limit(struct kith_core *c, const struct kith_super_options *o)
{
	struct kith_supernode *sn = c->super;
	if (!kith_serves(c))
		return;
	sn->attached.max = o->sessions_max;
	limit_tables(sn, o);
	kith_tunnels_limit(c, o->tunnels_max, o->relay_rate, o->relay_owner_rate);
}

void kith_super_info(const struct kith_core *c, struct kith_core_info *out)
{
	const struct kith_supernode *sn = c->super;
	if (!kith_serves(c))
		return;
	out->leaves = sn->leaves;
	out->members = kith_members_live(&sn->members);
	out->supernodes = kith_members_estimate(&sn->members);
	out->sectors = sn->members.sectors.bits > 0 ? 1u << sn->members.sectors.bits : 0;
	out->tunnels = kith_tunnels_count(c, NULL);
	out->records = sn->store.n;
	out->watches = sn->watches.n;
	out->load_permille = sn->load.smooth;
	out->packets_s = sn->load.packets_s;
	out->overload = sn->overload.level;
	if (c->now.mono_us - sn->refusals.second_at < 2 * KITH_US_PER_S)
		out->refused_s = sn->refusals.now > sn->refusals.last ? sn->refusals.now : sn->refusals.last;
}

void kith_super_hash(const struct kith_core *c, struct kith_writer *w)
{
	const struct kith_supernode *sn = c->super;
	kith_write_u32(w, kith_serves(c) ? sn->members.n : 0);
	kith_write_u32(w, kith_serves(c) ? sn->store.n : 0);
	uint64_t bytes = 0;
	kith_write_u32(w, kith_serves(c) ? kith_tunnels_count(c, &bytes) : 0);
	kith_write_u64(w, bytes);
}
