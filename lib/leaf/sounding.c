#include "leaf/sounding.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/text.h"
#include "leaf/places.h"
#include "link/connect.h"

#define SETTLE_US (3 * KITH_US_PER_S) /* until all homes have said where they see us, after the first who did */

enum { PICKS_MAX = 6, NAMED = 1 };

struct kith_sounding {
	struct kith_sighting at[KITH_SOUNDINGS]; /* of supernodes that are no homes, n of them */
	uint8_t n, next;
	uint32_t session; /* of the one that was asked last; 0: none */
	kith_time_us wait_until; /* for its word; 0: nothing is waited for */
	struct met {
		uint64_t device; /* kith_device_key; 0: none */
		struct kith_seen seen;
		kith_time_us at;
	} met[KITH_SOUNDING_MET]; /* the last place is the oldest */
};

/* False: that transport tells nothing of the NAT for UDP. */
static bool sighting_of(const struct kith_core *c, const struct kith_seen *told, const struct kith_addr *by,
			kith_time_us at, struct kith_sighting *out)
{
	struct kith_transport t;
	if (told->addr.family != KITH_FAMILY_V4 || !kith_transports_get(&c->transports, told->transport, &t) ||
	    t.kind != KITH_TRANSPORT_UDP || t.purpose != KITH_PURPOSE_ANY || t.locals_n == 0)
		return false;
	*out = (struct kith_sighting){ .seen = told->addr, .by = *by, .at = at, .transport = told->transport };
	out->local_port = t.locals[0].addr.port;
	for (size_t i = 0; i < t.locals_n; i++)
		out->own = out->own || kith_addr_equal(&t.locals[i].addr, &told->addr);
	return true;
}

static size_t gather(const struct kith_core *c, struct kith_sighting out[KITH_NATSENSE_MAX])
{
	const struct kith_sounding *so = c->leaf.sounding;
	size_t n = 0;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		const struct kith_session *s =
			home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
		if (s != NULL && sighting_of(c, &c->leaf.seen[i], &kith_session_hop(s)->remote, home->since, &out[n]))
			n++;
	}
	for (size_t i = 0; so != NULL && i < so->n; i++)
		out[n++] = so->at[i];
	return n;
}

/* Some home has said lately that it sees us elsewhere, and others may say so soon. */
static bool moves(const struct kith_core *c)
{
	uint32_t now_ms = (uint32_t)(c->now.mono_us / KITH_US_PER_MS);
	for (size_t i = 0; i < KITH_HOMES; i++) {
		if (c->leaf.seen_ms[i] != 0 && (now_ms - c->leaf.seen_ms[i]) * KITH_US_PER_MS < SETTLE_US)
			return true;
	}
	return false;
}

void kith_sounding_look(const struct kith_core *c, struct kith_natclass *out)
{
	struct kith_sighting list[KITH_NATSENSE_MAX];
	size_t n = gather(c, list);
	kith_natsense(list, n, &c->nat, out);
	if (kith_natclass_depends(out) && !kith_natclass_depends(&c->nat) && moves(c))
		*out = c->nat;
}

void kith_sounding_info(const struct kith_core *c, struct kith_nat_info *out)
{
	struct kith_natclass nat;
	kith_sounding_look(c, &nat);
	kith_text_copy(out->mapping, sizeof out->mapping, kith_natclass_mapping_text(&nat));
	kith_text_copy(out->allocation, sizeof out->allocation, kith_natclass_allocation_text(&nat));
	out->step = nat.step;
	out->port_low = nat.port_low;
	out->port_high = nat.port_high;
	out->lifetime_s = nat.lifetime_s;
	kith_text_copy(out->filtering, sizeof out->filtering, kith_natclass_filtering_text(&nat));
	kith_text_copy(out->hairpin, sizeof out->hairpin, kith_natclass_hairpin_text(&nat));
}

void kith_sounding_update(struct kith_core *c)
{
	char text[KITH_NATCLASS_TEXT_MAX];
	struct kith_natclass class;
	kith_sounding_look(c, &class);
	if (!kith_natclass_depends(&class))
		kith_sounding_free(c);
	if (kith_natclass_equal(&class, &c->nat))
		return;
	c->nat = class;
	KITH_LOG(c->log, KITH_LOG_INFO, "nat class=\"%s\"", kith_natclass_format(&class, text));
}

static void keep(struct kith_sounding *so, const struct kith_sighting *o)
{
	for (size_t i = 0; i < so->n; i++) {
		if (kith_addr_equal(&so->at[i].by, &o->by)) {
			so->at[i] = *o;
			return;
		}
	}
	so->at[so->next] = *o;
	so->next = (uint8_t)((so->next + 1) % KITH_SOUNDINGS);
	so->n = so->n < KITH_SOUNDINGS ? (uint8_t)(so->n + 1) : so->n;
}

static struct kith_sounding *memory(struct kith_core *c)
{
	if (c->leaf.sounding == NULL)
		c->leaf.sounding = KITH_NEW(c->alloc, struct kith_sounding);
	if (c->leaf.sounding == NULL)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	return c->leaf.sounding;
}

/* The mapping that was made last. */
static bool newest(const struct kith_core *c, struct kith_sighting *out)
{
	struct kith_sighting list[KITH_NATSENSE_MAX];
	size_t n = gather(c, list), best = 0;
	for (size_t i = 1; i < n; i++)
		best = list[i].at > list[best].at ? i : best;
	if (n > 0)
		*out = list[best];
	return n > 0;
}

static bool predictable(const struct kith_core *c)
{
	return kith_natclass_steps(&c->nat);
}

/* Says hello to that supernode, if there is no session with it, and no mapping either. */
static bool ask(struct kith_core *c, const struct kith_host *host)
{
	const struct kith_sounding *so = c->leaf.sounding;
	uint8_t body[16];
	for (size_t i = 0; i < so->n; i++) {
		if (kith_addr_equal(&so->at[i].by, &host->endpoints[0].addr) &&
		    c->now.mono_us - so->at[i].at < KITH_SOUNDING_AGAIN_US)
			return false;
	}
	size_t len = kith_msg_members_write(body, sizeof body, &(struct kith_msg_members){ .n = NAMED });
	return !kith_place_in_use(c, host) && kith_sessions_of(&c->sessions, host->dh.b) == NULL &&
	       kith_connect_request(c, host, 0, KITH_REQ_MEMBERS, (struct kith_span){ body, len },
				    kith_token(KITH_TOKEN_IGNORE, 0), &c->leaf.sounding->session) == 0;
}

/* Some supernode of the host cache; those that were looked at are in use meanwhile, so that another one comes. */
static bool ask_any(struct kith_core *c)
{
	struct kith_hostcache *hc = &c->leaf.cache;
	int seen[PICKS_MAX];
	unsigned n = 0;
	bool asked = false;
	while (!asked && n < PICKS_MAX &&
	       (seen[n] = kith_hostcache_pick(hc, c->now.mono_us, c->random, KITH_PICK_ANY)) >= 0) {
		struct kith_host host;
		kith_hostcache_get(hc, seen[n], &host);
		kith_hostcache_use(hc, seen[n++], true);
		asked = ask(c, &host);
	}
	while (n > 0)
		kith_hostcache_use(hc, seen[--n], false);
	return asked;
}

/* The supernode was spoken to before, and the mapping is still that one: ports only rise. */
static bool is_old(const struct kith_core *c, const struct kith_sighting *o)
{
	struct kith_sighting last;
	return predictable(c) && newest(c, &last) && (int16_t)(o->seen.port - last.seen.port) <= 0;
}

bool kith_sounding_heard(struct kith_core *c, struct kith_session *s, const struct kith_seen *told)
{
	struct kith_sighting o;
	bool infrastructure = !(s->use & KITH_USE_PEER) && s->role == KITH_ROLE_SUPERNODE;
	if (!infrastructure || !kith_natclass_depends(&c->nat))
		return false;
	/* Only of a session that is new is it known when its mapping was made. */
	bool fresh = s->initiator && (uint32_t)(c->now.mono_us / KITH_US_PER_S) - s->keyed_s <= 1;
	struct kith_sounding *so = memory(c);
	if (!fresh || so == NULL || !sighting_of(c, told, &kith_session_hop(s)->remote, c->now.mono_us, &o))
		return true;
	if (is_old(c, &o)) {
		if (s->index == so->session && c->now.mono_us < so->wait_until)
			c->leaf.sounded = !ask_any(c);
		return true;
	}
	keep(so, &o);
	kith_sounding_update(c);
	c->leaf.sounded = true;
	return true;
}

bool kith_sounding_begin(struct kith_core *c)
{
	struct kith_sighting last;
	if (!predictable(c) || !newest(c, &last) || c->now.mono_us - last.at < KITH_SOUNDING_FRESH_US)
		return false;
	struct kith_sounding *so = memory(c);
	if (so == NULL)
		return false;
	if (c->now.mono_us < so->wait_until)
		return true;
	kith_sounding_done(c);
	if (!ask_any(c))
		return false;
	so->wait_until = c->now.mono_us + KITH_SOUNDING_WAIT_US;
	return true;
}

void kith_sounding_done(struct kith_core *c)
{
	struct kith_sounding *so = c->leaf.sounding;
	struct kith_session *s = so != NULL ? kith_sessions_get(&c->sessions, so->session) : NULL;
	if (so == NULL)
		return;
	so->session = 0;
	so->wait_until = 0;
	if (s != NULL && s->use == 0 && s->initiator && s->state == KITH_SESSION_OPEN)
		kith_session_end(c, s, KITH_CLOSE_NORMAL, false);
}

void kith_sounding_met(struct kith_core *c, const struct kith_session *s, const struct kith_seen *told)
{
	struct kith_transport t;
	/* A socket of a spread is not there for long, and nobody else can be told of it. */
	const bool lasts = kith_transports_get(&c->transports, told->transport, &t) && t.purpose == KITH_PURPOSE_ANY;
	struct kith_sounding *so = lasts && kith_natclass_depends(&c->nat) ? memory(c) : NULL;
	uint64_t device = kith_device_key(s->device);
	unsigned i = 0;
	if (so == NULL)
		return;
	while (i + 1 < KITH_SOUNDING_MET && so->met[i].device != device)
		i++;
	memmove(&so->met[1], &so->met[0], i * sizeof so->met[0]);
	so->met[0] = (struct met){ device, *told, c->now.mono_us };
}

/* Where that peer saw us lately. */
static size_t add_met(const struct kith_core *c, const struct kith_session *s, struct kith_candidate list[], size_t n)
{
	const struct kith_sounding *so = c->leaf.sounding;
	for (unsigned i = 0; so != NULL && i < KITH_SOUNDING_MET; i++) {
		const struct met *m = &so->met[i];
		if (m->device != kith_device_key(s->device) || c->now.mono_us - m->at > KITH_SOUNDING_MET_US)
			continue;
		list[n] = (struct kith_candidate){ .at = kith_endpoint_udp(&m->seen.addr),
						   .transport = m->seen.transport };
		list[n++].kind = KITH_ADDR_OBSERVED;
		break;
	}
	return n;
}

size_t kith_sounding_predict(const struct kith_core *c, const struct kith_session *s, struct kith_candidate list[],
			     size_t n, size_t cap)
{
	struct kith_sighting last;
	if (n < cap && kith_natclass_depends(&c->nat))
		n = add_met(c, s, list, n);
	if (!predictable(c) || n == cap || !newest(c, &last) || last.seen.port > UINT16_MAX - c->nat.step)
		return n;
	struct kith_candidate next = { .at = kith_endpoint_udp(&last.seen), .transport = last.transport };
	next.kind = KITH_ADDR_PREDICTED;
	next.at.addr.port = (uint16_t)(last.seen.port + c->nat.step);
	list[n++] = next;
	return n;
}

void kith_sounding_free(struct kith_core *c)
{
	KITH_FREE(c->alloc, c->leaf.sounding);
	c->leaf.sounding = NULL;
}
