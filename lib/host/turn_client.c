#include "host/turn_client.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/assert.h"

enum { /* RFC 8489, 14.8; RFC 8656, 15 */
       TRY_ALTERNATE = 300,
       UNAUTHORIZED = 401,
       FORBIDDEN = 403,
       MISMATCH = 437,
       STALE_NONCE = 438,
       WRONG_CREDENTIALS = 441,
       QUOTA = 486,
       CAPACITY = 508
};

/* ---- how it ends ---- */

static void fail(struct kith_turn_client *c, int err, const char *why)
{
	char text[KITH_ADDR_TEXT_MAX];
	if (c->state == KITH_TURN_FAILED)
		return;
	c->state = KITH_TURN_FAILED;
	c->err = err;
	memset(&c->relayed, 0, sizeof c->relayed);
	memset(c->permits, 0, sizeof c->permits);
	for (size_t i = 0; i < KITH_TURN_REQUESTS; i++)
		c->pending[i].used = false;
	(void)snprintf(c->why, sizeof c->why, "%s: %s", kith_addr_format(&c->account->server, text), why);
}

/* What a person may do about it; NULL: the code has to do. */
static const char *words_of(int error)
{
	switch (error) {
	case TRY_ALTERNATE:
		return "it sends us to another server (300), which is not asked; name that one";
	case UNAUTHORIZED:
	case WRONG_CREDENTIALS:
		return "the user or the password is wrong (401)";
	case FORBIDDEN:
		return "it does not serve us (403)";
	case MISMATCH:
		return "it does not know us any more (437)";
	case STALE_NONCE:
		return "it takes none of the nonces that it tells (438)";
	case QUOTA:
		return "this user has all that it may have (486)";
	case CAPACITY:
		return "it has no room (508)";
	default:
		return NULL;
	}
}

static void refused(struct kith_turn_client *c, int error)
{
	char text[64];
	const char *words = words_of(error);
	const bool lasts =
		error == UNAUTHORIZED || error == WRONG_CREDENTIALS || error == FORBIDDEN || error == TRY_ALTERNATE;
	if (words == NULL)
		(void)snprintf(text, sizeof text, "it does not relay for us (%d)", error);
	fail(c, lasts ? KITH_EACCES : KITH_EUNREACHABLE, words != NULL ? words : text);
}

void kith_turn_client_deaf(struct kith_turn_client *c)
{
	fail(c, KITH_EUNREACHABLE, "nobody listens there");
}

/* ---- requests ---- */

static void drop(struct kith_turn_client *c, struct kith_turn_pending *p)
{
	kith_turn_forget(&c->agent, p->id);
	p->used = false;
}

/* Written anew: with a new id, and the challenge that there is now. */
static bool put_request(struct kith_turn_client *c, struct kith_turn_pending *p, kith_time_us now)
{
	const struct kith_turn_ask ask = { .what = (enum kith_turn_request)p->what,
					   .account = c->account,
					   .challenge = &c->challenge,
					   .life_s = KITH_TURN_LIFE_S,
					   .peer = &p->peer };
	p->len = (uint16_t)kith_turn_write(&c->agent, &ask, p->bytes, p->id);
	p->sent = 0;
	p->sign = c->challenge.realm_len > 0;
	p->due = now;
	p->used = p->len > 0;
	return p->used;
}

/* The first place is that of the allocation itself. False: too many are under way. */
static bool ask(struct kith_turn_client *c, kith_time_us now, enum kith_turn_request what, const struct kith_addr *peer)
{
	const bool own = what != KITH_TURN_PERMIT;
	for (size_t i = own ? 0 : 1; i < (own ? 1 : KITH_TURN_REQUESTS); i++) {
		struct kith_turn_pending *p = &c->pending[i];
		if (p->used)
			continue;
		p->what = (uint8_t)what;
		p->nonces = 0;
		p->peer = peer != NULL ? *peer : (struct kith_addr){ 0 };
		return put_request(c, p, now);
	}
	return false;
}

static bool is_busy(const struct kith_turn_client *c)
{
	return c->pending[0].used;
}

void kith_turn_client_init(struct kith_turn_client *c, const struct kith_turn_account *account, kith_time_us now)
{
	memset(c, 0, sizeof *c);
	c->account = account;
	c->state = KITH_TURN_ASKING;
	kith_turn_agent_init(&c->agent);
	if (!ask(c, now, KITH_TURN_ALLOCATE, NULL))
		fail(c, KITH_ENOMEM, "there is no randomness for a request");
}

/* ---- permissions ---- */

static struct kith_addr without_port(const struct kith_addr *addr)
{
	struct kith_addr out = *addr;
	out.port = 0;
	return out;
}

static struct kith_turn_permit *find(struct kith_turn_client *c, const struct kith_addr *peer)
{
	const struct kith_addr at = without_port(peer);
	for (size_t i = 0; i < KITH_TURN_PERMITS_MAX; i++) {
		if (kith_addr_equal(&c->permits[i].peer, &at))
			return &c->permits[i];
	}
	return NULL;
}

/* A place for one more; NULL: all are in use. */
static struct kith_turn_permit *place(struct kith_turn_client *c, kith_time_us now)
{
	struct kith_turn_permit *oldest = &c->permits[0];
	for (size_t i = 0; i < KITH_TURN_PERMITS_MAX; i++) {
		struct kith_turn_permit *p = &c->permits[i];
		if (p->peer.family == KITH_FAMILY_NONE)
			return p;
		oldest = p->used < oldest->used ? p : oldest;
	}
	return now - oldest->used >= KITH_TURN_PERMIT_IDLE_US ? oldest : NULL;
}

/* Whether packets may go there: the server has been told, or is told before them. */
static bool permit(struct kith_turn_client *c, kith_time_us now, const struct kith_addr *peer)
{
	const struct kith_addr at = without_port(peer);
	struct kith_turn_permit *p = find(c, peer);
	if (p != NULL && p->refused && now - p->asked < KITH_TURN_REFUSED_US)
		return false;
	if (p == NULL || p->refused) {
		struct kith_turn_permit *to = p != NULL ? p : place(c, now);
		if (to == NULL || !ask(c, now, KITH_TURN_PERMIT, &at)) {
			c->full++;
			return false;
		}
		*to = (struct kith_turn_permit){ .peer = at, .asked = now };
		p = to;
	}
	p->used = now;
	return true;
}

/* When it has to be named again, or is forgotten. */
static kith_time_us permit_due(const struct kith_turn_permit *p)
{
	return p->asked + KITH_TURN_PERMIT_US;
}

static void renew_permits(struct kith_turn_client *c, kith_time_us now)
{
	for (size_t i = 0; i < KITH_TURN_PERMITS_MAX; i++) {
		struct kith_turn_permit *p = &c->permits[i];
		if (p->peer.family == KITH_FAMILY_NONE || now < permit_due(p))
			continue;
		if (p->refused || p->used <= p->asked)
			memset(p, 0, sizeof *p);
		else if (ask(c, now, KITH_TURN_PERMIT, &p->peer))
			p->asked = now;
		else
			p->asked += KITH_US_PER_S; /* others are asked for now: it lasts for a minute more */
	}
}

unsigned kith_turn_client_permits(const struct kith_turn_client *c)
{
	unsigned n = 0;
	for (size_t i = 0; i < KITH_TURN_PERMITS_MAX; i++)
		n += c->permits[i].granted;
	return n;
}

/* ---- time ---- */

static kith_time_us wait_of(const struct kith_turn_pending *p)
{
	return KITH_TURN_FIRST_US << (p->sent - 1);
}

/* A request had no answer: one for a permission is of that peer only. */
static void unanswered(struct kith_turn_client *c, struct kith_turn_pending *p)
{
	const bool alone = p->what == KITH_TURN_PERMIT;
	struct kith_turn_permit *permitted = alone ? find(c, &p->peer) : NULL;
	drop(c, p);
	if (permitted != NULL)
		memset(permitted, 0, sizeof *permitted);
	if (!alone)
		fail(c, KITH_EUNREACHABLE, "no answer");
}

static kith_time_us quiet_at(const struct kith_turn_client *c)
{
	const kith_time_us last = c->sent_at < c->heard_at ? c->sent_at : c->heard_at;
	return last + KITH_TURN_QUIET_US < c->refresh_at ? last + KITH_TURN_QUIET_US : c->refresh_at;
}

static void keep(struct kith_turn_client *c, kith_time_us now)
{
	if (c->state != KITH_TURN_RELAYED)
		return;
	if (now >= c->until) {
		fail(c, KITH_EUNREACHABLE, "it was not renewed in time");
		return;
	}
	if (now >= quiet_at(c) && !is_busy(c))
		(void)ask(c, now, KITH_TURN_REFRESH, NULL);
	renew_permits(c, now);
}

size_t kith_turn_client_next(struct kith_turn_client *c, kith_time_us now, uint8_t out[KITH_TURN_REQUEST_MAX])
{
	keep(c, now);
	for (size_t i = 0; i < KITH_TURN_REQUESTS; i++) {
		struct kith_turn_pending *p = &c->pending[i];
		if (!p->used || now < p->due)
			continue;
		if (p->sent == KITH_TURN_TRIES) {
			unanswered(c, p);
			continue;
		}
		p->sent++;
		p->due = now + wait_of(p);
		c->sent_at = now;
		memcpy(out, p->bytes, p->len);
		return p->len;
	}
	return 0;
}

kith_time_us kith_turn_client_deadline(const struct kith_turn_client *c)
{
	kith_time_us at = KITH_TIME_NEVER;
	for (size_t i = 0; i < KITH_TURN_REQUESTS; i++) {
		if (c->pending[i].used && c->pending[i].due < at)
			at = c->pending[i].due;
	}
	if (c->state != KITH_TURN_RELAYED)
		return at;
	at = c->until < at ? c->until : at;
	if (!is_busy(c) && quiet_at(c) < at)
		at = quiet_at(c);
	for (size_t i = 0; i < KITH_TURN_PERMITS_MAX; i++) {
		const struct kith_turn_permit *p = &c->permits[i];
		if (p->peer.family != KITH_FAMILY_NONE && permit_due(p) < at)
			at = permit_due(p);
	}
	return at;
}

/* ---- packets ---- */

size_t kith_turn_client_wrap(struct kith_turn_client *c, kith_time_us now, const struct kith_addr *peer,
			     const uint8_t *data, size_t len, uint8_t *out, size_t cap)
{
	if (c->state != KITH_TURN_RELAYED || !permit(c, now, peer))
		return 0;
	c->sent_at = now;
	return kith_turn_wrap(&c->agent, peer, data, len, out, cap);
}

static struct kith_turn_pending *pending_of(struct kith_turn_client *c, const struct kith_turn_heard *h)
{
	for (size_t i = 0; i < KITH_TURN_REQUESTS; i++) {
		struct kith_turn_pending *p = &c->pending[i];
		if (p->used && p->sent > 0 && memcmp(p->id, h->id, sizeof p->id) == 0)
			return p;
	}
	return NULL;
}

/* An address that others can send to. */
static bool is_useful(const struct kith_addr *addr)
{
	const enum kith_addr_scope scope = kith_addr_scope(addr);
	return addr->family == KITH_FAMILY_V4 && addr->port != 0 &&
	       (scope == KITH_SCOPE_PUBLIC || scope == KITH_SCOPE_PRIVATE || scope == KITH_SCOPE_LOOPBACK);
}

static void live(struct kith_turn_client *c, kith_time_us now, uint32_t life_s)
{
	const uint32_t most = life_s < KITH_TURN_LIFE_MAX_S ? life_s : KITH_TURN_LIFE_MAX_S;
	const uint32_t s = most > KITH_TURN_LIFE_LEAST_S ? most : KITH_TURN_LIFE_LEAST_S;
	c->until = now + s * KITH_US_PER_S;
	c->refresh_at = now + s * KITH_US_PER_S / 2;
}

static void granted(struct kith_turn_client *c, kith_time_us now, const struct kith_turn_pending *p,
		    const struct kith_turn_heard *h)
{
	struct kith_turn_permit *permitted;
	switch ((enum kith_turn_request)p->what) {
	case KITH_TURN_ALLOCATE:
		if (!is_useful(&h->relayed)) {
			fail(c, KITH_EPROTO, "it relays at no address of IPv4 that others can send to");
			return;
		}
		c->relayed = h->relayed;
		c->state = KITH_TURN_RELAYED;
		live(c, now, h->life_s);
		break;
	case KITH_TURN_REFRESH:
		live(c, now, h->life_s);
		break;
	case KITH_TURN_PERMIT:
		permitted = find(c, &p->peer);
		if (permitted != NULL)
			permitted->granted = true;
		break;
	}
}

/* The same again, signed or with the new nonce. False: that was tried. */
static bool try_again(struct kith_turn_client *c, kith_time_us now, struct kith_turn_pending *p,
		      const struct kith_turn_heard *h)
{
	const bool first = h->error == UNAUTHORIZED && !p->sign;
	if (h->challenge.realm_len == 0 || !(first || (h->error == STALE_NONCE && p->nonces < KITH_TURN_NONCES)))
		return false;
	c->challenge = h->challenge;
	p->nonces = (uint8_t)(p->nonces + !first);
	return put_request(c, p, now);
}

static void denied(struct kith_turn_client *c, kith_time_us now, struct kith_turn_pending *p,
		   const struct kith_turn_heard *h)
{
	const bool alone = p->what == KITH_TURN_PERMIT;
	if (try_again(c, now, p, h))
		return;
	p->used = false;
	struct kith_turn_permit *permitted = alone ? find(c, &p->peer) : NULL;
	if (permitted != NULL) {
		permitted->refused = true;
		permitted->granted = false;
		permitted->asked = now;
	}
	/* One that it does not let in is that peer's matter; all else is ours. */
	if (!alone ||
	    (h->error != FORBIDDEN && h->error != QUOTA && h->error != CAPACITY && words_of(h->error) != NULL))
		refused(c, h->error);
}

bool kith_turn_client_take(struct kith_turn_client *c, kith_time_us now, const uint8_t *in, size_t len,
			   struct kith_addr *peer, struct kith_span *data)
{
	struct kith_turn_heard h;
	KITH_ASSERT(c != NULL);
	kith_turn_read(&c->agent, in, len, &h);
	struct kith_turn_permit *from = h.told == KITH_TURN_TOLD_PACKET ? find(c, &h.peer) : NULL;
	struct kith_turn_pending *p =
		h.told == KITH_TURN_TOLD_DONE || h.told == KITH_TURN_TOLD_ERROR ? pending_of(c, &h) : NULL;
	if (from == NULL && p == NULL) {
		c->bad++;
		return false;
	}
	c->heard_at = now;
	if (from != NULL) {
		from->used = now;
		*peer = h.peer;
		*data = h.data;
		return true;
	}
	if (h.told == KITH_TURN_TOLD_ERROR) {
		denied(c, now, p, &h);
	} else {
		p->used = false;
		granted(c, now, p, &h);
	}
	return false;
}

size_t kith_turn_client_leave(struct kith_turn_client *c, uint8_t out[KITH_TURN_REQUEST_MAX])
{
	const struct kith_turn_ask give_up = {
		.what = KITH_TURN_REFRESH, .account = c->account, .challenge = &c->challenge, .life_s = 0
	};
	uint8_t id[KITH_TURN_ID_LEN];
	return c->state == KITH_TURN_RELAYED ? kith_turn_write(&c->agent, &give_up, out, id) : 0;
}
