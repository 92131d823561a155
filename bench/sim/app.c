/* What the user of a leaf does: knows some people, watches them, calls them and strangers, answers, hangs up. */
#include "sim/internal.h"

#include <stdlib.h>
#include <string.h>

#define LOSSY_PPM                                                                                                      \
	50000u /* from here on a look-up may take longer than it is given; it must not say that nobody is there */

static uint64_t app_draw(struct kith_sim *sim, struct kith_simnode *n)
{
	return kith_sim_draw(sim, KITH_SIM_DRAW_APP, n->id, n->app->draws++);
}

struct kith_simcontact *kith_sim_contact(const struct kith_simnode *n, uint32_t peer)
{
	for (uint32_t i = 0; n->app != NULL && i < n->app->contacts_n; i++) {
		if (n->app->contacts[i].node == peer)
			return &n->app->contacts[i];
	}
	return NULL;
}

struct kith_simcall *kith_sim_any_call(const struct kith_simnode *n)
{
	for (uint32_t i = 0; n->app != NULL && n->core != NULL && i < n->app->calls_n; i++) {
		if (n->app->calls[i]->used && n->app->calls[i]->open)
			return n->app->calls[i];
	}
	return NULL;
}

uint32_t kith_sim_app_calls(const struct kith_simnode *n)
{
	uint32_t calls = 0;
	for (uint32_t i = 0; n->app != NULL && i < n->app->calls_n; i++)
		calls += n->app->calls[i]->used;
	return calls;
}

/* Leaf i knows i + d and i - d for a few distances d, so that it is mutual. */
bool kith_sim_app_new(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_simapp *app = n->app = KITH_NEW(&sim->engine.alloc, struct kith_simapp);
	const bool sited = sim->options.site_leaves > 0;
	const uint32_t first = sited ? kith_sim_site(sim, n) : sim->options.supernodes;
	const uint32_t leaves = sited ? sim->options.site_leaves : sim->options.leaves;
	if (app == NULL)
		return false;
	app->armed = app->call_at = app->verify_at = KITH_TIME_NEVER;
	app->contacts_cap = 2 * sim->options.workload.contacts_n;
	if (app->contacts_cap > 0)
		app->contacts = KITH_NEW_ARRAY(&sim->engine.alloc, struct kith_simcontact, app->contacts_cap);
	if (app->contacts_cap > 0 && app->contacts == NULL)
		return false;
	for (uint32_t k = 0; k < sim->options.workload.contacts_n && leaves > 1; k++) {
		uint32_t d = 1 + kith_draw_below(kith_sim_draw(sim, KITH_SIM_DRAW_CONTACT, k, 0), leaves - 1);
		const uint32_t both[2] = { (n->id - first + d) % leaves, (n->id - first + leaves - d) % leaves };
		for (unsigned i = 0; i < 2 && app->contacts_n < app->contacts_cap; i++) {
			uint32_t peer = first + both[i];
			if (peer == n->id || kith_sim_contact(n, peer) != NULL)
				continue;
			uint64_t hit = kith_sim_draw(sim, KITH_SIM_DRAW_RELAY_ONLY, n->id, peer);
			struct kith_simcontact *c = &app->contacts[app->contacts_n++];
			c->node = peer;
			c->relay_only = kith_draw_hit(hit, sim->options.workload.relay_only_ppm);
		}
	}
	return true;
}

void kith_sim_app_free(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->app == NULL)
		return;
	KITH_FREE_ARRAY(&sim->engine.alloc, n->app->contacts, n->app->contacts_cap);
	for (uint32_t i = 0; i < n->app->calls_n; i++)
		KITH_FREE(&sim->engine.alloc, n->app->calls[i]);
	if (n->app->calls != NULL)
		KITH_FREE_ARRAY(&sim->engine.alloc, n->app->calls, KITH_SIM_CALLS_MAX);
	KITH_FREE(&sim->engine.alloc, n->app);
	n->app = NULL;
}

static kith_time_us call_gap(struct kith_sim *sim, struct kith_simnode *n)
{
	kith_time_us mean = sim->options.workload.call_gap_us;
	return mean / 4 + kith_sim_draw_time(app_draw(sim, n), mean * 3 / 2);
}

static void arm(struct kith_sim *sim, struct kith_simnode *n)
{
	const struct kith_simapp *app = n->app;
	kith_time_us at = app->call_at < app->verify_at ? app->call_at : app->verify_at;
	for (uint32_t i = 0; i < app->calls_n; i++) {
		const struct kith_simcall *c = app->calls[i];
		const kith_time_us due[] = { c->answer_at, c->datagram_at, c->hang_up_at, c->check_at };
		for (size_t k = 0; c->used && k < sizeof due / sizeof due[0]; k++)
			at = due[k] < at ? due[k] : at;
	}
	kith_sim_app_at(sim, n, at > sim->now ? at : sim->now);
}

void kith_sim_app_start(struct kith_sim *sim, struct kith_simnode *n)
{
	char name[KITH_NAME_MAX + 1];
	struct kith_simapp *app = n->app;
	int err = kith_core_serve(n->core, KITH_SIM_SERVICE);
	for (uint32_t i = 0; i < app->contacts_n && err == 0; i++) {
		struct kith_simcontact *c = &app->contacts[i];
		struct kith_simnode *peer = &sim->nodes[c->node];
		kith_sim_node_name(sim, c->node, name);
		kith_sim_node_keys(sim, peer);
		c->seen = KITH_SIM_SEEN_NOTHING;
		uint8_t flags = (uint8_t)(KITH_CONTACT_ACCEPTED | (c->relay_only ? KITH_CONTACT_RELAY_ONLY : 0));
		err = kith_core_pin(n->core, kith_sim_node_now(sim, n), name, &peer->identity, flags, false);
		if (err == 0 && sim->options.workload.watch)
			err = kith_core_watch(n->core, kith_sim_node_now(sim, n), name);
	}
	if (err != 0) {
		kith_sim_violate(sim, KITH_SIM_NODE_STARTS, n->id, KITH_SIM_NONE, "serve, pin or watch: %s",
				 kith_strerror(err));
		return;
	}
	app->call_at = sim->options.workload.call_gap_us > 0 ? sim->now + call_gap(sim, n) : KITH_TIME_NEVER;
	arm(sim, n);
}

void kith_sim_app_down(struct kith_sim *sim, struct kith_simnode *n)
{
	kith_sim_early_down(sim, n);
	/* Not freed: who is further up may look at one. */
	for (uint32_t i = 0; i < n->app->calls_n; i++)
		memset(n->app->calls[i], 0, sizeof *n->app->calls[i]);
	n->app->lookup = 0;
	n->app->armed = n->app->call_at = n->app->verify_at = KITH_TIME_NEVER;
	n->app->arms++;
}

/* ---- calls ---- */

/* Most leaves of large networks never call, and most others are in one call at a time: each place is taken when it is
 * needed first, and stays where it is. */
static struct kith_simcall *place_new(struct kith_sim *sim, struct kith_simapp *app)
{
	if (app->calls_n == KITH_SIM_CALLS_MAX)
		return NULL;
	if (app->calls == NULL)
		app->calls = KITH_NEW_ARRAY(&sim->engine.alloc, struct kith_simcall *, KITH_SIM_CALLS_MAX);
	struct kith_simcall *c = app->calls != NULL ? KITH_NEW(&sim->engine.alloc, struct kith_simcall) : NULL;
	if (c == NULL)
		kith_sim_out_of_memory(sim);
	else
		app->calls[app->calls_n++] = c;
	return c;
}

static struct kith_simcall *call_new(struct kith_sim *sim, struct kith_simnode *n, uint32_t peer)
{
	uint32_t i = 0;
	while (i < n->app->calls_n && n->app->calls[i]->used)
		i++;
	struct kith_simcall *c = i < n->app->calls_n ? n->app->calls[i] : place_new(sim, n->app);
	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof *c);
	c->used = true;
	c->peer = peer;
	c->answer_at = c->datagram_at = c->hang_up_at = c->check_at = KITH_TIME_NEVER;
	return c;
}

static struct kith_simcall *call_by_op(const struct kith_simnode *n, kith_op op)
{
	for (uint32_t i = 0; op != 0 && i < n->app->calls_n; i++) {
		if (n->app->calls[i]->used && n->app->calls[i]->op == op)
			return n->app->calls[i];
	}
	return NULL;
}

static struct kith_simcall *call_by_session(const struct kith_simnode *n, kith_session_id session)
{
	for (uint32_t i = 0; session != 0 && i < n->app->calls_n; i++) {
		if (n->app->calls[i]->used && n->app->calls[i]->session == session)
			return n->app->calls[i];
	}
	return NULL;
}

/* The caller's side of a call that n was asked to take. */
static struct kith_simcall *call_of_caller(const struct kith_sim *sim, const struct kith_simnode *n, uint32_t caller)
{
	const struct kith_simnode *p = &sim->nodes[caller];
	for (uint32_t i = 0; p->app != NULL && i < p->app->calls_n; i++) {
		struct kith_simcall *c = p->app->calls[i];
		if (c->used && c->ours && c->peer == n->id && !c->open)
			return c;
	}
	return NULL;
}

static struct kith_simcall *place_call(struct kith_sim *sim, struct kith_simnode *n, uint32_t peer)
{
	char name[KITH_NAME_MAX + 1];
	struct kith_simcall *c = call_new(sim, n, peer);
	if (c == NULL)
		return NULL;
	const struct kith_simworkload *w = &sim->options.workload;
	sim->counts.calls++;
	c->ours = true;
	c->called_at = sim->now;
	c->check_at = sim->now + sim->options.bounds.talk_us + w->answer_us;
	kith_sim_node_name(sim, peer, name);
	if (call_of_caller(sim, n, peer) != NULL) /* each calls the other: neither is asked */
		kith_sim_consent(sim, n->id, peer);
	int err = kith_sim_early_call(sim, n, c, name);
	if (err != 0) {
		kith_sim_ended(sim, n->id, KITH_SIM_CALL_FAILED, c->called_at, err);
		c->op = 0;
		c->err = err;
		kith_sim_check_call(sim, n, c);
		c->used = false;
	}
	return c;
}

struct kith_simcall *kith_sim_call_kept(struct kith_sim *sim, struct kith_simnode *n, uint32_t peer)
{
	struct kith_simcall *c = place_call(sim, n, peer);
	if (c == NULL || !c->used)
		return NULL;
	c->kept = true;
	kith_sim_node_drain(sim, n);
	arm(sim, n);
	return c;
}

void kith_sim_call_hush(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, bool on)
{
	c->hushed = on;
	c->datagram_at = on ? KITH_TIME_NEVER : sim->now;
	arm(sim, n);
}

static uint32_t pick_peer(struct kith_sim *sim, struct kith_simnode *n)
{
	uint64_t d = app_draw(sim, n);
	bool stranger = n->app->contacts_n == 0 || kith_draw_hit(d, sim->options.workload.stranger_ppm);
	if (!stranger)
		return n->app->contacts[kith_draw_below(app_draw(sim, n), n->app->contacts_n)].node;
	if (sim->options.leaves < 2)
		return KITH_SIM_NONE;
	uint32_t other = kith_draw_below(app_draw(sim, n), sim->options.leaves - 1);
	uint32_t peer = sim->options.supernodes + other;
	return peer < n->id ? peer : peer + 1;
}

static void maybe_lookup(struct kith_sim *sim, struct kith_simnode *n, uint32_t peer)
{
	char name[KITH_NAME_MAX + 1];
	if (n->app->lookup != 0 || !kith_draw_hit(app_draw(sim, n), sim->options.workload.lookup_ppm))
		return;
	n->app->lookup_at = sim->now;
	n->app->lookup_peer = peer;
	sim->counts.lookups++;
	int err = kith_core_lookup(n->core, kith_sim_node_now(sim, n), kith_sim_node_name(sim, peer, name),
				   &n->app->lookup);
	if (err != 0) {
		n->app->lookup = 0;
		kith_sim_ended(sim, n->id, KITH_SIM_LOOKUP_FAILED, sim->now, err);
	}
}

void kith_sim_app_verify(struct kith_sim *sim, struct kith_simnode *n)
{
	kith_time_us last =
		sim->options.verify_us - sim->options.bounds.talk_us - sim->options.workload.answer_us - KITH_US_PER_S;
	if (n->core == NULL)
		return;
	n->app->verify_at = sim->now + kith_sim_draw_time(app_draw(sim, n), last);
	arm(sim, n);
}

void kith_sim_hang_up(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	kith_sim_silence_end(sim, n, c, false);
	c->closing = true;
	c->hang_up_at = c->datagram_at = KITH_TIME_NEVER;
	(void)kith_core_close(n->core, kith_sim_node_now(sim, n), c->session, KITH_CLOSE_NORMAL);
}

static void answer(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	struct kith_simcall *theirs = call_of_caller(sim, n, c->peer);
	c->answer_at = KITH_TIME_NEVER;
	if (kith_draw_hit(app_draw(sim, n), sim->options.workload.reject_ppm)) {
		if (theirs != NULL)
			theirs->refused = true;
		(void)kith_core_reject(n->core, kith_sim_node_now(sim, n), c->session, KITH_CLOSE_REJECTED);
		c->used = false;
		return;
	}
	if (theirs != NULL)
		theirs->answered_us = sim->now - c->called_at;
	kith_sim_consent(sim, n->id, c->peer);
	c->accepted = true;
	if (kith_core_accept(n->core, kith_sim_node_now(sim, n), c->session) != 0)
		c->used = false;
}

/* The end of a call that has nothing more to do, or that took too long. */
static void call_end(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	const struct kith_simnode *peer = &sim->nodes[c->peer];
	kith_time_us lasted = sim->now - c->opened_at + sim->options.bounds.settle_us;
	if (!kith_sim_transfer_over(sim, c) && kith_sim_steady(sim, n, lasted) && kith_sim_steady(sim, peer, lasted))
		kith_sim_violate(sim, KITH_SIM_STREAM_FINISHES, n->id, c->peer, "not through after %lld ms",
				 (long long)((sim->now - c->opened_at) / KITH_US_PER_MS));
	kith_sim_hang_up(sim, n, c);
}

/* After anything that may have brought a call's transfer to its end. */
static void progress(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	if (c->used && c->ours && !c->kept && c->open && !c->over && !c->closing && kith_sim_transfer_over(sim, c)) {
		c->over = true;
		c->hang_up_at = sim->now + kith_sim_draw_time(app_draw(sim, n), sim->options.workload.hold_us);
	}
}

static void call_timer(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	if (c->answer_at <= sim->now)
		answer(sim, n, c);
	if (c->used && c->check_at <= sim->now) {
		c->check_at = KITH_TIME_NEVER;
		kith_sim_check_call(sim, n, c);
	}
	if (c->used && c->datagram_at <= sim->now)
		kith_sim_transfer_datagrams(sim, n, c);
	progress(sim, n, c);
	if (c->used && c->hang_up_at <= sim->now)
		call_end(sim, n, c);
}

void kith_sim_app_timer(struct kith_sim *sim, struct kith_simnode *n)
{
	/* Nothing is begun, and nothing armed, while it says goodbye. */
	if (n->core == NULL || n->leaving)
		return;
	if (n->app->call_at <= sim->now) {
		uint32_t peer = pick_peer(sim, n);
		n->app->call_at = sim->now + call_gap(sim, n);
		if (peer != KITH_SIM_NONE) {
			maybe_lookup(sim, n, peer);
			(void)place_call(sim, n, peer);
		}
	}
	if (n->app->verify_at <= sim->now) {
		n->app->verify_at = KITH_TIME_NEVER;
		uint32_t peer = n->app->contacts_n > 0 ? n->app->contacts[0].node : pick_peer(sim, n);
		if (peer != KITH_SIM_NONE)
			(void)place_call(sim, n, peer);
	}
	for (uint32_t i = 0; i < n->app->calls_n && !sim->failed; i++) {
		if (n->app->calls[i]->used)
			call_timer(sim, n, n->app->calls[i]);
	}
	kith_sim_node_drain(sim, n);
	if (n->core != NULL)
		arm(sim, n);
}

/* ---- events ---- */

static void incoming(struct kith_sim *sim, struct kith_simnode *n, const struct kith_event *e)
{
	uint32_t peer = kith_sim_node_named(sim, e->name);
	struct kith_simcall *c = peer != KITH_SIM_NONE ? call_new(sim, n, peer) : NULL;
	if (peer == KITH_SIM_NONE || strcmp(e->service, KITH_SIM_SERVICE) != 0) {
		kith_sim_violate(sim, KITH_SIM_PAIRS_TALK, n->id, peer, "incoming from '%s' for '%s'", e->name,
				 e->service);
		return;
	}
	if (c == NULL) {
		struct kith_simcall *theirs = call_of_caller(sim, n, peer);
		if (theirs != NULL)
			theirs->refused = true;
		(void)kith_core_reject(n->core, kith_sim_node_now(sim, n), e->session, KITH_CLOSE_BUSY);
		return;
	}
	c->session = e->session;
	c->called_at = sim->now;
	c->answer_at = sim->now + kith_sim_draw_time(app_draw(sim, n), sim->options.workload.answer_us);
}

static void opened(struct kith_sim *sim, struct kith_simnode *n, const struct kith_event *e)
{
	struct kith_simcall *by_op = call_by_op(n, e->op), *by_session = call_by_session(n, e->session);
	if ((e->op != 0 && by_op == NULL) || (by_op == NULL && by_session == NULL)) {
		kith_sim_violate(sim, KITH_SIM_OPS_END_ONCE, n->id, KITH_SIM_NONE,
				 "opened: session %u, op %u is unknown", e->session, e->op);
		return;
	}
	if (by_op != NULL) {
		sim->counts.calls_opened++;
		kith_sim_sample(sim, n->id, KITH_SIM_OPEN, sim->now - by_op->called_at);
		by_op->op = 0;
	}
	/* When both called at once, the one session may be known as an incoming one already. */
	struct kith_simcall *c = by_session != NULL ? by_session : by_op;
	if (by_op != NULL && by_op != c) {
		c->ours = true;
		c->called_at = by_op->called_at;
		by_op->used = false;
	}
	kith_time_us longest = sim->options.workload.hold_us;
	if (longest < sim->options.bounds.stream_us)
		longest = sim->options.bounds.stream_us;
	c->session = e->session;
	if (c->open)
		return;
	c->open = true;
	if (c->ours)
		kith_sim_pair_note(sim, n, c, false);
	c->opened_at = sim->now;
	c->answer_at = c->check_at = KITH_TIME_NEVER;
	if (c->ours && !c->kept)
		c->hang_up_at = sim->now + longest;
	kith_sim_transfer_begin(sim, n, c);
}

static void op_done(struct kith_sim *sim, struct kith_simnode *n, const struct kith_event *e)
{
	struct kith_simcall *c = call_by_op(n, e->op);
	if (c == NULL && (e->op == 0 || e->op != n->app->lookup)) {
		kith_sim_violate(sim, KITH_SIM_OPS_END_ONCE, n->id, KITH_SIM_NONE,
				 "op %u has ended before, or never began", e->op);
		return;
	}
	if (c == NULL) {
		const struct kith_simnode *peer = &sim->nodes[n->app->lookup_peer];
		kith_time_us window = sim->now - n->app->lookup_at + sim->options.bounds.settle_us;
		n->app->lookup = 0;
		if (e->err != 0)
			kith_sim_ended(sim, n->id, KITH_SIM_LOOKUP_FAILED, n->app->lookup_at, e->err);
		if (e->err == 0)
			kith_sim_sample(sim, n->id, KITH_SIM_LOOKUP, sim->now - n->app->lookup_at);
		else if (kith_sim_steady(sim, n, window) && kith_sim_steady(sim, peer, window) &&
			 (e->err != KITH_ETIMEDOUT || sim->options.faults.link.loss_ppm < LOSSY_PPM))
			kith_sim_violate(sim, KITH_SIM_PAIRS_TALK, n->id, peer->id, "look-up: %s",
					 kith_strerror(e->err));
		return;
	}
	c->op = 0;
	c->err = e->err;
	if (c->refused || e->err == KITH_EREJECTED) {
		kith_sim_ended(sim, n->id, KITH_SIM_CALL_REFUSED, c->called_at, e->err);
	} else {
		kith_sim_ended(sim, n->id, KITH_SIM_CALL_FAILED, c->called_at, e->err);
		kith_sim_check_call(sim, n, c);
	}
	c->used = false;
}

static void caught(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_event *e)
{
	static const char prefix[] = "super-";
	unsigned long node = strncmp(e->name, prefix, sizeof prefix - 1) == 0
				     ? strtoul(e->name + sizeof prefix - 1, NULL, 10)
				     : KITH_SIM_NONE;
	kith_sim_check_named(sim, n, node < sim->options.supernodes ? (uint32_t)node : KITH_SIM_NONE, e->lie);
}

/* A contact that was told to be offline is there, with three homes. Two of them that lie are believed. */
static void gone_wrongly(struct kith_sim *sim, const struct kith_simnode *contact)
{
	uint32_t homes, liars = kith_sim_lying_homes(sim, contact, &homes);
	if (homes < KITH_HOMES || !kith_sim_steady(sim, contact, sim->options.bounds.settle_us))
		return;
	if (2 * liars > homes)
		sim->counts.offline_by_most++;
	else
		sim->counts.offline_wrongly++;
}

static void presence(struct kith_sim *sim, struct kith_simnode *n, const struct kith_event *e)
{
	uint32_t peer = kith_sim_node_named(sim, e->name);
	struct kith_simcontact *c = peer != KITH_SIM_NONE ? kith_sim_contact(n, peer) : NULL;
	if (c == NULL || kith_sim_mutates(sim, e->online ? KITH_SIM_MUTATE_NO_ONLINE : KITH_SIM_MUTATE_NO_OFFLINE))
		return;
	if (!e->online && c->seen == KITH_SIM_SEEN_ONLINE)
		gone_wrongly(sim, &sim->nodes[peer]);
	c->seen = e->online ? KITH_SIM_SEEN_ONLINE : KITH_SIM_SEEN_OFFLINE;
	c->seen_at = sim->now;
}

static void path(struct kith_sim *sim, const struct kith_simnode *n, struct kith_simcall *c, const struct kith_event *e)
{
	if (c != NULL)
		kith_sim_silence_path(sim, n, c, e->path.kind == KITH_PATH_CLASS_DIRECT);
	if (c == NULL || e->path.kind != KITH_PATH_CLASS_DIRECT || c->direct)
		return;
	c->direct = true;
	if (c->ours) {
		sim->counts.calls_direct++;
		kith_sim_pair_note(sim, n, c, true);
		kith_sim_sample(sim, n->id, KITH_SIM_DIRECT, c->open ? sim->now - c->opened_at : 0);
	}
}

static void closed(struct kith_sim *sim, const struct kith_simnode *n, struct kith_simcall *c,
		   const struct kith_event *e)
{
	if (c == NULL)
		return;
	kith_sim_silence_end(sim, n, c, e->reason == KITH_CLOSE_TIMED_OUT);
	if (c->op == 0)
		c->used = false;
}

static void done(struct kith_sim *sim, struct kith_simnode *n, const struct kith_event *e)
{
	op_done(sim, n, e);
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_OP_TWICE) && !sim->failed)
		op_done(sim, n, e);
}

static void received(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, const struct kith_event *e)
{
	if (e->type == KITH_EVENT_EARLY)
		kith_sim_early_heard(sim, n, e->session, c != NULL ? c->peer : KITH_SIM_NONE);
	if (c == NULL || e->type == KITH_EVENT_EARLY)
		return;
	if (e->type == KITH_EVENT_DATAGRAM)
		kith_sim_mutate_datagram(sim, n, c, e);
	else
		kith_sim_transfer_stream(sim, n, c, e);
}

/* What its core found, and decided on: who lies, and whether it serves. */
static void judged(struct kith_sim *sim, struct kith_simnode *n, const struct kith_event *e)
{
	if (e->type == KITH_EVENT_CAUGHT)
		caught(sim, n, e);
	else if (e->type == KITH_EVENT_ROLE)
		kith_sim_check_role(sim, n);
	else if (e->op != 0 && e->op == n->app->lookup)
		kith_sim_check_found(sim, n, &sim->nodes[n->app->lookup_peer], e->found.seq, "found");
}

void kith_sim_app_event(struct kith_sim *sim, struct kith_simnode *n, const struct kith_event *e)
{
	struct kith_simcall *c = call_by_session(n, e->session);
	switch (e->type) {
	case KITH_EVENT_INCOMING:
		incoming(sim, n, e);
		break;
	case KITH_EVENT_OPENED:
		opened(sim, n, e);
		break;
	case KITH_EVENT_OP_DONE:
		done(sim, n, e);
		break;
	case KITH_EVENT_CLOSED:
		closed(sim, n, c, e);
		break;
	case KITH_EVENT_PATH:
		path(sim, n, c, e);
		break;
	case KITH_EVENT_EARLY:
	case KITH_EVENT_DATAGRAM:
	case KITH_EVENT_STREAM:
		received(sim, n, c, e);
		break;
	case KITH_EVENT_PRESENCE:
		presence(sim, n, e);
		break;
	case KITH_EVENT_WRITABLE:
		if (c != NULL && c->open && !c->closing)
			kith_sim_transfer_datagrams(sim, n, c);
		break;
	case KITH_EVENT_FOUND:
	case KITH_EVENT_ROLE:
	case KITH_EVENT_CAUGHT:
		judged(sim, n, e);
		break;
	case KITH_EVENT_ATTACHED:
	case KITH_EVENT_PUBLISHED:
	case KITH_EVENT_IDENTITY_CHANGED:
	case KITH_EVENT_NAME_TWICE:
	case KITH_EVENT_LISTS_LATE:
	case KITH_EVENT_CERT_EXPIRING:
	case KITH_EVENT_CLOCK:
	case KITH_EVENT_HOMELESS:
	case KITH_EVENT_ATTACH_FAILING:
	case KITH_EVENT_LEFT:
	case KITH_EVENT_INTERRUPTED:
	case KITH_EVENT_RESUMED:
	case KITH_EVENT_ASKED:
	case KITH_EVENT_ENDPOINT:
	case KITH_EVENT_CERT_DUE:
	case KITH_EVENT_LOG_FORKED:
		break;
	}
	c = call_by_session(n, e->session);
	if (c != NULL)
		progress(sim, n, c);
	arm(sim, n);
}
