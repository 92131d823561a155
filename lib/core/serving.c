#include "core/serving.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "leaf/candidacy.h"
#include "leaf/homes.h"
#include "leaf/hosts.h"
#include "leaf/leaf.h"
#include "leaf/promotion.h"
#include "overlay/election.h"
#include "overlay/pick.h"
#include "super/help.h"
#include "super/members.h"
#include "super/partners.h"
#include "wire/token.h"

enum {
	HOSTS_KEPT = 16, /* supernodes that the node goes on with as a leaf */
	/* Bytes that one takes. A leaf: 967 with its session, and 1726 for what is interned of it (sim_idle_cost); a
	 * watch: 118 (the same). A record of the directory: KITH_RECORD_LEN_MAX and its place. */
	LEAF_COST = 2800,
	RECORD_COST = 1280,
	WATCH_COST = 128
};

/* Whether the certificates alone allow to serve. */
static bool certified(const struct kith_core *c)
{
	return c->trust.open || (c->me.flags & KITH_NAME_SUPERNODE) != 0;
}

/* ---- caps ---- */

static uint64_t capped(uint64_t value, uint64_t cap)
{
	return cap != 0 && cap < value ? cap : value;
}

/* How many fit into a share of the memory that serving may take; all that can be set if there is no cap. */
static uint32_t fitting(uint32_t most, uint64_t memory, unsigned cost)
{
	return memory == 0 ? most : (uint32_t)capped(most, memory / cost);
}

/* Half of the memory is for leaves; a replica keeps about as many records as its leaves have, and the rest is for both
 * kinds of watches. */
static uint32_t room_for_leaves(const struct kith_core *c, const struct kith_terms *t)
{
	return fitting((uint32_t)capped(c->limits.sessions_max, t->leaves_max), t->memory_max / 2, LEAF_COST);
}

static struct kith_super_options options_of(const struct kith_core *c)
{
	const struct kith_core_limits *l = &c->limits;
	static const struct kith_terms none;
	const struct kith_terms *t = kith_may_serve(c) ? &c->office->terms : &none;
	struct kith_super_options o = { .sessions_max = l->sessions_max, .tunnels_max = l->tunnels_max };
	o.shard = c->sessions.shard;
	o.leaves_max = room_for_leaves(c, t);
	o.records_max = fitting(KITH_SUPER_RECORDS_MAX, t->memory_max / 4, RECORD_COST);
	o.watches_max = fitting(KITH_SUPER_WATCHES_MAX, t->memory_max / 8, WATCH_COST);
	o.relay_rate = capped(capped(l->relay_rate, t->up_max), t->down_max);
	o.relay_owner_rate = capped(capped(l->relay_owner_rate, t->up_max), t->down_max);
	return o;
}

void kith_serving_limit(struct kith_core *c)
{
	const struct kith_super_options o = options_of(c);
	if (kith_may_serve(c))
		c->office->leaves_max = o.leaves_max;
	kith_super_limit(c, &o);
}

/* ---- beginning ---- */

int kith_serving_init(struct kith_core *c, enum kith_role role, const struct kith_terms *terms)
{
	if (!KITH_SERVING)
		return KITH_ENOTSUP;
	if (kith_may_serve(c))
		return 0;
	c->office = KITH_NEW(c->alloc, struct kith_office);
	if (c->office == NULL)
		return KITH_ENOMEM;
	kith_office_init(c->office, role, terms, c->now.mono_us);
	c->office->certified = certified(c);
	c->office->configured = c->endpoints_n > 0;
	c->office->leaves_max = room_for_leaves(c, terms);
	return 0;
}

void kith_serving_deinit(struct kith_core *c)
{
	if (kith_may_serve(c))
		KITH_FREE(c->alloc, c->office);
	c->office = NULL;
}

static void raise_to(uint32_t *max, uint32_t to)
{
	*max = *max > to ? *max : to;
}

/* Tables that a leaf's few sessions need small. They stay that large: what is in them is not thrown out. */
static void make_room(struct kith_core *c)
{
	raise_to(&c->trust.device_lists.max, KITH_TRUST_DEVICE_LISTS_SUPERNODE);
	raise_to(&c->trust.chains.max, KITH_TRUST_CHAINS_SUPERNODE);
	raise_to(&c->guard.seen.max, KITH_GUARD_SEEN_SUPERNODE);
	kith_allowance_widen(&c->allowance, KITH_ASKERS_MAX, KITH_ASKERS_MAX);
}

static void lend_endpoint(struct kith_core *c)
{
	const struct kith_office *o = c->office;
	if (c->endpoints_n > 0 || o->found.addr.family == KITH_FAMILY_NONE || c->now.mono_us >= o->found_until)
		return;
	c->endpoints[c->endpoints_n++] = o->found;
	c->office->lent = true;
}

static void take_back_endpoint(struct kith_core *c)
{
	if (c->office->lent)
		c->endpoints_n = 0;
	c->office->lent = false;
}

/* What says that a node may serve whose certificates do not: then it serves where it was attested, and nowhere else. */
static struct kith_span elected(struct kith_core *c, uint8_t room[KITH_ATTESTS_LEN_MAX])
{
	struct kith_endpoint at;
	size_t len = certified(c) ? 0 : kith_candidacy_attests(c, room, &at);
	if (len > 0) {
		c->office->lent = c->office->lent || c->endpoints_n == 0;
		c->endpoints[0] = at;
		c->endpoints_n = 1;
	}
	return (struct kith_span){ room, len };
}

int kith_serving_begin(struct kith_core *c, enum kith_role_reason why)
{
	if (kith_serves(c) || c->leaving)
		return KITH_ESTATE;
	if (!kith_may_serve(c))
		return KITH_EACCES;
	uint8_t attests[KITH_ATTESTS_LEN_MAX];
	struct kith_super_options o = options_of(c);
	lend_endpoint(c);
	o.attests = elected(c, attests);
	int err = kith_super_new(c, &o);
	if (err != 0) {
		take_back_endpoint(c);
		return err;
	}
	make_room(c);
	c->self.role = KITH_ROLE_SUPERNODE;
	kith_leaf_rest(c);
	kith_office_began(c->office, why, c->now.mono_us);
	return 0;
}

/* ---- ending ---- */

static void keep_hosts(struct kith_core *c)
{
	const struct kith_member *known[HOSTS_KEPT];
	struct kith_supernode *sn = c->super;
	uint32_t n = kith_members_pick(&sn->members, c->random, c->now.mono_us, &sn->id, known, HOSTS_KEPT);
	for (uint32_t i = 0; i < n; i++) {
		int err = kith_hosts_keep(c, kith_member_entry_bytes(known[i]));
		(void)err; /* full: those it has are as good */
	}
}

void kith_serving_end(struct kith_core *c, enum kith_role_reason why)
{
	if (!kith_serves(c) || c->super->ending)
		return;
	keep_hosts(c);
	c->self.role = KITH_ROLE_LEAF;
	kith_office_ended(c->office, why, c->now.mono_us);
	kith_super_end(c);
}

/* ---- the operator's word ---- */

static bool same_endpoints(const struct kith_core *c, const struct kith_endpoint at[], size_t n)
{
	bool same = !c->office->lent && n == c->endpoints_n;
	for (size_t i = 0; same && i < n; i++)
		same = kith_endpoint_equal(&c->endpoints[i], &at[i]);
	return same;
}

/* One that serves goes on with what others found if the options name none any more. */
static void take_endpoints(struct kith_core *c, const struct kith_endpoint at[], size_t n)
{
	memset(c->endpoints, 0, sizeof c->endpoints);
	if (n > 0)
		memcpy(c->endpoints, at, n * sizeof *at);
	c->endpoints_n = (uint8_t)n;
	c->office->configured = n > 0;
	c->office->lent = false;
	if (kith_serves(c) && !c->super->ending)
		lend_endpoint(c);
}

/* What a role, terms and endpoints that can be mean for a core that serves. */
static void follow(struct kith_core *c, bool moved)
{
	kith_serving_limit(c);
	if (!kith_serves(c) || c->super->ending || c->office->end != KITH_ROLE_WHY_NONE)
		return;
	if (c->endpoints_n == 0)
		kith_serving_end(c, KITH_ROLE_WHY_NO_ADDRESS);
	else if (moved) {
		KITH_LOG(c->log, KITH_LOG_INFO, "endpoints_changed");
		kith_super_announce(c);
	}
}

/* Serves by the operator's word, or everything stays as it was. */
static int begin_or_undo(struct kith_core *c, const struct kith_office *before, const struct kith_endpoint old[],
			 size_t old_n)
{
	int err = kith_serving_begin(c, KITH_ROLE_WHY_CONFIGURED);
	if (err == 0)
		return 0;
	take_endpoints(c, old, old_n);
	*c->office = *before;
	return err;
}

int kith_serving_set_role(struct kith_core *c, enum kith_role role, const struct kith_terms *terms,
			  const struct kith_endpoint endpoints[], size_t n)
{
	struct kith_endpoint old[KITH_ENDPOINTS_MAX];
	if (kith_office_check(role, terms) != 0)
		return KITH_EINVAL;
	if (!KITH_SERVING && role != KITH_ROLE_LEAF)
		return KITH_ENOTSUP;
	if (role == KITH_ROLE_SUPERNODE && !certified(c))
		return KITH_EACCES;
	if (role == KITH_ROLE_SUPERNODE && n == 0)
		return KITH_EINVAL;
	if (role == KITH_ROLE_LEAF && !kith_may_serve(c))
		return 0;
	int err = kith_serving_init(c, KITH_ROLE_LEAF, terms);
	if (err != 0)
		return err;
	const struct kith_office before = *c->office;
	const size_t old_n = before.lent ? 0 : c->endpoints_n;
	const bool moved = !same_endpoints(c, endpoints, n);
	memcpy(old, c->endpoints, sizeof old);
	if (moved)
		take_endpoints(c, endpoints, n);
	kith_office_set(c->office, role, terms, c->now.mono_us);
	if (role == KITH_ROLE_SUPERNODE && !kith_serves(c))
		return begin_or_undo(c, &before, old, old_n);
	follow(c, moved);
	return 0;
}

/* ---- at the end of a call ---- */

static void fail(struct kith_core *c, int err)
{
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_ROLE);
	kith_office_failed(c->office, err);
	KITH_LOG(c->log, KITH_LOG_WARN, "serving_not_begun err=%s", kith_err_name(err));
	if (ev == NULL)
		return;
	ev->role_reason = KITH_ROLE_WHY_FAILED;
	ev->err = err;
}

/* A home has asked for help and was told that it comes; or what served has drained, since it is not needed any more. */
static void follow_election(struct kith_core *c)
{
	if (c->leaf.serve) {
		int err = kith_office_ask(c->office, c->now.mono_us, KITH_HELP_LIFE_MS * KITH_US_PER_MS);
		KITH_LOG(c->log, KITH_LOG_INFO, "help_given err=%s", kith_err_name(err));
	}
	c->leaf.serve = false;
	if (kith_serves(c) && c->super->help.done && !c->super->ending)
		kith_office_resign(c->office);
}

/* Who was asked begins with a part of the leaves that it may take, and is known to who asked first. */
static void begin_small(struct kith_core *c)
{
	kith_help_elected(c, kith_promotion_places(c->super->leaves_max));
	if (c->leaf.asker != NULL)
		kith_partners_greet(c, c->leaf.asker);
}

static uint32_t rate_cap(uint64_t bytes)
{
	return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

/* A node that may be asked has itself attested: that others find it, and how fast it is. One that its operator made a
 * supernode does not need it. */
static void follow_consent(struct kith_core *c)
{
	const struct kith_office *o = c->office;
	enum kith_role_reason why = kith_office_obstacle(o, c->now.mono_us);
	if (o->role == KITH_ROLE_SUPERNODE)
		return;
	bool wanted = !c->leaving && (why == KITH_ROLE_WHY_NONE || why == KITH_ROLE_WHY_UNPROVEN);
	if (!wanted) {
		kith_candidacy_end(c);
		return;
	}
	if (kith_consents(c))
		return;
	struct kith_candidacy_options options = { .up = rate_cap(o->terms.up_max),
						  .down = rate_cap(o->terms.down_max) };
	if (o->configured && c->endpoints_n > 0)
		options.endpoint = c->endpoints[0];
	int err = kith_candidacy_begin(c, &options);
	(void)err; /* without memory now: looked at again at the end of the next call */
}

/* What the network's parameters say of who may serve. */
static void follow_params(struct kith_core *c)
{
	bool barred = c->trust.certified_only && !certified(c);
	if (c->office->barred != barred)
		kith_office_bar(c->office, barred);
}

bool kith_serving_look(struct kith_core *c)
{
	struct kith_office *o = c->office;
	if (!kith_may_serve(c))
		return false;
	follow_params(c);
	follow_consent(c);
	follow_election(c);
	if (o->begin == KITH_ROLE_WHY_NONE && o->end == KITH_ROLE_WHY_NONE)
		return false;
	enum kith_role_reason begin = (enum kith_role_reason)o->begin, end = (enum kith_role_reason)o->end;
	o->begin = o->end = KITH_ROLE_WHY_NONE;
	if (end != KITH_ROLE_WHY_NONE)
		kith_serving_end(c, end);
	int err = begin != KITH_ROLE_WHY_NONE ? kith_serving_begin(c, begin) : 0;
	if (err != 0 && err != KITH_ESTATE)
		fail(c, err);
	else if (begin == KITH_ROLE_WHY_HELP && kith_serves(c))
		begin_small(c);
	return true;
}

static void tell_role(struct kith_core *c)
{
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_ROLE);
	if (ev == NULL)
		return;
	ev->serving = c->office->told_serving = c->office->serving;
	ev->role_reason = (enum kith_role_reason)c->office->changed;
	KITH_LOG(c->log, KITH_LOG_INFO, "role serving=%d why=%s", ev->serving,
		 kith_role_reason_name(c->office->changed));
}

static void tell_asked(struct kith_core *c)
{
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_ASKED);
	if (ev == NULL)
		return;
	ev->within_us = c->office->asked_until - c->now.mono_us;
	c->office->tell_asked = false;
}

static void tell_trial(struct kith_core *c, struct kith_office_trial *trial)
{
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_ENDPOINT);
	if (ev == NULL)
		return;
	ev->endpoint = trial->at;
	ev->err = trial->told = trial->err;
}

/* What finds no room is told at the end of a later call. */
static void tell(struct kith_core *c)
{
	struct kith_office_trial *trial;
	if (!kith_may_serve(c) || !kith_has_room(c))
		return;
	if (c->office->told_serving != c->office->serving)
		tell_role(c);
	if (c->office->tell_asked)
		tell_asked(c);
	while (kith_has_room(c) && (trial = kith_office_untold(c->office)) != NULL)
		tell_trial(c, trial);
}

void kith_serving_settle(struct kith_core *c)
{
	if (kith_serves(c) && c->super->ending) {
		kith_super_free(c);
		take_back_endpoint(c);
		kith_leaf_begin(c);
	}
	tell(c);
}

/* ---- what is ---- */

/* Whether homes see the node at an address that this network can reach: it may be a NAT's. */
static bool is_seen(const struct kith_core *c)
{
	const unsigned allow = kith_allowed_scopes(c);
	bool some = false;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		enum kith_addr_scope scope = kith_addr_scope(&c->leaf.seen[i].addr);
		some = some || scope == KITH_SCOPE_PUBLIC ||
		       (scope == KITH_SCOPE_PRIVATE && (allow & KITH_ALLOW_PRIVATE) != 0) ||
		       (scope == KITH_SCOPE_LOOPBACK && (allow & KITH_ALLOW_LOOPBACK) != 0);
	}
	return some;
}

static void add_endpoint(const struct kith_core *c, const struct kith_endpoint *at, bool found,
			 struct kith_role_info *out)
{
	struct kith_own_endpoint *own = &out->endpoints[out->endpoints_n++];
	own->at = *at;
	own->found = found;
	own->failing = kith_office_is_failing(c->office, at);
}

/* What witnesses attested, and whether that is why nobody asks. */
static void add_attested(const struct kith_core *c, struct kith_role_info *out)
{
	struct kith_candidacy_info info;
	if (!kith_candidacy_info(c, &info))
		return;
	const struct kith_qualification *q = &info.figures;
	out->attestations = info.attestations;
	if (q->until_ms == 0)
		return;
	out->measured_up = q->up;
	out->measured_down = q->down;
	out->seen_us = c->now.unix_ms * KITH_US_PER_MS - q->first_seen_s * KITH_US_PER_S;
	enum kith_role_reason lacks = kith_election_lacks(q, c->now.unix_ms, c->pace);
	if (out->why == KITH_ROLE_WHY_NOT_ASKED && lacks != KITH_ROLE_WHY_NONE)
		out->why = lacks;
}

void kith_serving_info(const struct kith_core *c, kith_time_us now, struct kith_role_info *out)
{
	const struct kith_office *o = c->office;
	const struct kith_super_options caps = options_of(c);
	memset(out, 0, sizeof *out);
	out->role = KITH_ROLE_LEAF;
	out->why = KITH_ROLE_WHY_LEAF;
	if (!kith_may_serve(c))
		return;
	out->role = (enum kith_role)o->role;
	out->serving = o->serving;
	out->asked = o->asked && now < o->asked_until;
	out->why = kith_office_why(o, now, is_seen(c));
	out->changed = (enum kith_role_reason)o->changed;
	out->err = o->err;
	out->since_us = now - o->since;
	out->hindrances = o->hindrances;
	out->load = o->load;
	out->terms = o->terms;
	out->relay_rate = caps.relay_rate;
	out->leaves_max = caps.leaves_max;
	out->election_pace = c->pace;
	add_attested(c, out);
	for (size_t i = 0; i < c->endpoints_n; i++)
		add_endpoint(c, &c->endpoints[i], c->office->lent, out);
	if (!c->office->lent && o->found.addr.family != KITH_FAMILY_NONE && now < o->found_until)
		add_endpoint(c, &o->found, true, out);
}
