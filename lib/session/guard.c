#include "session/guard.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/rng.h"
#include "crypto/noise.h"
#include "wire/frame.h"

enum { WINDOW_RESERVE = 4 };
#define TUNNEL_SPREAD UINT64_C(0x9e3779b97f4a7c15) /* odd: different tunnels stay different */

enum { CALL_ID_KEPT = 8 /* of 16 bytes: drawn at random, and told apart for one device only */ };

/* First messages of a device that were accepted lately. Copies of calls that are made at the same time overtake each
 * other, so more than the newest is remembered. A message that is not newer than low_ms, and not here, must prove when
 * it was made. */
struct seen {
	uint8_t device[KITH_DEVICE_ID_LEN];
	int64_t low_ms;
	bool behind; /* low_ms is below what was the floor: some that were forgotten may be above it */
	uint8_t n, cap; /* of last: most devices have sent one */
	struct {
		int64_t timestamp_ms;
		uint8_t call_id[CALL_ID_KEPT];
		uint32_t session; /* the session that the message made: may be gone, and its index another's */
	} last[];
};

static size_t seen_len(unsigned cap)
{
	const struct seen *s = NULL;
	return sizeof *s + cap * sizeof s->last[0];
}

static void seen_free(const struct kith_alloc *alloc, struct seen *s)
{
	kith_alloc_free(alloc, s, seen_len(s->cap));
}

static void derive(const struct kith_suite *suite, uint8_t out[32], const char *label, const uint8_t key[32])
{
	struct kith_span parts[2] = { { (const uint8_t *)label, strlen(label) }, { key, 32 } };
	suite->blake2b(out, 32, (struct kith_span){ NULL, 0 }, parts, 2);
}

void kith_mac_keys_derive(struct kith_mac_keys *out, const struct kith_suite *suite, const uint8_t key[32])
{
	derive(suite, out->mac, "kith mac1", key);
	derive(suite, out->cookie, "kith cookie", key);
}

static void mac(const struct kith_suite *suite, uint8_t out[KITH_MAC_LEN], const uint8_t *key, size_t key_len,
		struct kith_span bytes)
{
	suite->blake2b(out, KITH_MAC_LEN, (struct kith_span){ key, key_len }, &bytes, 1);
}

/* Whatever was accepted until then was made before. */
static uint32_t proven_from(int64_t ms)
{
	return (uint32_t)((ms + KITH_EARLY_AHEAD_MS + 999) / 1000);
}

void kith_guard_init(struct kith_guard *g, const struct kith_suite *suite, const struct kith_alloc *alloc,
		     const struct kith_random *random, const uint8_t own_key[32], const struct kith_id *network,
		     uint32_t seen_max, int64_t start_ms)
{
	memset(g, 0, sizeof *g);
	g->suite = suite;
	g->random = random;
	g->alloc = alloc;
	g->floor_ms = start_ms;
	g->proven_from_s = proven_from(start_ms);
	g->hellos_per_s = KITH_HANDSHAKES_PER_S;
	struct kith_mac_keys keys;
	kith_mac_keys_derive(&keys, suite, own_key);
	memcpy(g->mac_key, keys.mac, 32);
	memcpy(g->cookie_key, keys.cookie, 32);
	kith_mac_keys_derive(&keys, suite, network->b);
	memcpy(g->who_key, keys.mac, 32);
	uint64_t seed[2] = { kith_rng_u64(random), kith_rng_u64(random) };
	kith_limiter_init(&g->unproven, alloc, random, KITH_GUARD_SOURCES, kith_charge_rates());
	kith_limiter_init(&g->proven, alloc, random, KITH_GUARD_SOURCES, kith_charge_rates());
	kith_limiter_init(&g->nets, alloc, random, KITH_GUARD_NETS, kith_charge_rates());
	kith_table_init(&g->seen, alloc, seen_max, KITH_TABLE_KEY(struct seen, device), seed);
}

void kith_guard_deinit(struct kith_guard *g)
{
	uint32_t it = 0;
	struct seen *s;
	while ((s = kith_table_next(&g->seen, &it)) != NULL)
		seen_free(g->alloc, s);
	kith_table_deinit(&g->seen);
	kith_limiter_deinit(&g->unproven);
	kith_limiter_deinit(&g->proven);
	kith_limiter_deinit(&g->nets);
	kith_wipe(g->secret, sizeof g->secret);
}

/* Takes out some device's timestamp to make room: the one at a random slot or the next behind it. */
static struct seen *evict(struct kith_guard *g)
{
	uint32_t it = kith_rng_below(g->random, g->seen.cap);
	const struct seen *victim = kith_table_next(&g->seen, &it);
	if (victim == NULL) {
		it = 0;
		victim = kith_table_next(&g->seen, &it);
	}
	return kith_table_remove(&g->seen, victim->device);
}

static void rotate(struct kith_guard *g, kith_time_us now)
{
	if (g->seeded && now - g->secret_at < KITH_COOKIE_LIFE_US)
		return;
	/* After a long pause the previous secret is older than its life, too: replace both. */
	if (!g->seeded || now - g->secret_at >= 2 * KITH_COOKIE_LIFE_US)
		g->random->fill(g->random->ctx, g->secret[1], 32);
	else
		memcpy(g->secret[1], g->secret[0], 32);
	g->random->fill(g->random->ctx, g->secret[0], 32);
	g->secret_at = now;
	g->seeded = true;
}

static void cookie_of(const struct kith_guard *g, unsigned which, const struct kith_hop *from,
		      uint8_t out[KITH_COOKIE_LEN])
{
	uint8_t bytes[KITH_ADDR_WIRE_MAX + 16];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_addr_write(&w, &from->remote);
	kith_write_u16(&w, from->transport);
	kith_write_u64(&w, from->tunnel);
	mac(g->suite, out, g->secret[which], 32, (struct kith_span){ bytes, kith_writer_len(&w) });
}

static bool cookie_valid(struct kith_guard *g, kith_time_us now, const struct kith_hs_header *hs,
			 const struct kith_hop *from)
{
	rotate(g, now);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t cookie[KITH_COOKIE_LEN], want[KITH_MAC_LEN];
		cookie_of(g, i, from, cookie);
		mac(g->suite, want, cookie, sizeof cookie, hs->authed2);
		if (kith_equal_secret(want, hs->mac2, KITH_MAC_LEN))
			return true;
	}
	return false;
}

static void epoch_of(const struct kith_guard *g, unsigned which, uint8_t out[KITH_COOKIE_LEN])
{
	static const char label[] = "kith epoch";
	mac(g->suite, out, g->secret[which], 32, (struct kith_span){ (const uint8_t *)label, sizeof label - 1 });
}

bool kith_guard_epoch(struct kith_guard *g, kith_time_us now, const uint8_t epoch[KITH_COOKIE_LEN])
{
	rotate(g, now);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t ours[KITH_COOKIE_LEN];
		epoch_of(g, i, ours);
		if (kith_equal_secret(ours, epoch, KITH_COOKIE_LEN))
			return true;
	}
	return false;
}

bool kith_guard_genuine(const struct kith_guard *g, const struct kith_hs_header *hs)
{
	uint8_t want[KITH_MAC_LEN];
	mac(g->suite, want, g->mac_key, 32, hs->authed);
	return kith_equal_secret(want, hs->mac1, KITH_MAC_LEN);
}

static void turn_window(struct kith_guard *g, kith_time_us now)
{
	if (now - g->window_at < KITH_US_PER_S)
		return;
	g->window_at = now;
	g->window_hellos = g->window_cookies = 0;
}

static bool allow(struct kith_limiter *l, kith_time_us now, uint64_t prefix, enum kith_charge charge)
{
	return kith_limiter_allow(l, now, prefix, (uint8_t)charge);
}

bool kith_guard_may_cookie(struct kith_guard *g, kith_time_us now)
{
	turn_window(g, now);
	return g->window_cookies < KITH_COOKIES_PER_S && ++g->window_cookies;
}

/* Whether the rate of all that are not proven has room for that prefix: its last quarter, if it asked for nothing
 * lately. */
static bool window_open(const struct kith_guard *g, kith_time_us now, uint64_t prefix)
{
	const uint32_t kept = g->hellos_per_s / WINDOW_RESERVE;
	if (g->window_hellos + kept < g->hellos_per_s)
		return true;
	return g->window_hellos < g->hellos_per_s &&
	       kith_limiter_rested(&g->unproven, now, prefix, KITH_CHARGE_HANDSHAKE);
}

/* Whose rate a message counts to. Homes draw the numbers of their tunnels: none can aim at another one's. */
static uint64_t source_of(const struct kith_hop *from, bool home)
{
	uint64_t prefix = kith_addr_limit_prefix(&from->remote);
	return home ? prefix + from->tunnel * TUNNEL_SPREAD : prefix;
}

enum kith_guard_verdict kith_guard_check(struct kith_guard *g, kith_time_us now, const struct kith_hs_header *hs,
					 const struct kith_hop *from, bool home)
{
	static const uint8_t zero[KITH_MAC_LEN];
	if (!kith_guard_genuine(g, hs))
		return KITH_GUARD_BAD_MAC;
	turn_window(g, now);
	uint64_t prefix = source_of(from, home);
	if (!kith_equal_secret(hs->mac2, zero, KITH_MAC_LEN) && cookie_valid(g, now, hs, from))
		return allow(&g->proven, now, prefix, KITH_CHARGE_HANDSHAKE_PROVEN) ? KITH_GUARD_PASS
										    : KITH_GUARD_LIMITED;
	/* Messages beyond the rate may have a forged source: the real owner of the address still gets in, by the
	 * cookie. */
	if (!window_open(g, now, prefix) || !allow(&g->unproven, now, prefix, KITH_CHARGE_HANDSHAKE) ||
	    !allow(&g->nets, now, kith_addr_diversity_prefix(&from->remote), KITH_CHARGE_HANDSHAKE_NET))
		return KITH_GUARD_COOKIE;
	g->window_hellos++;
	return KITH_GUARD_PASS;
}

enum kith_guard_verdict kith_guard_who(struct kith_guard *g, kith_time_us now, const struct kith_who *who,
				       const struct kith_hop *from)
{
	uint8_t want[KITH_MAC_LEN];
	mac(g->suite, want, g->who_key, 32, who->authed);
	if (!kith_equal_secret(want, who->mac1, KITH_MAC_LEN))
		return KITH_GUARD_BAD_MAC;
	const uint64_t prefix = kith_addr_limit_prefix(&from->remote);
	return allow(&g->unproven, now, prefix, KITH_CHARGE_HANDSHAKE) ? KITH_GUARD_PASS : KITH_GUARD_LIMITED;
}

void kith_guard_cookie(struct kith_guard *g, kith_time_us now, const struct kith_hs_header *hs,
		       const struct kith_hop *from, bool anew, uint8_t out[KITH_COOKIE_PACKET_LEN])
{
	uint8_t plain[2 * KITH_COOKIE_LEN], nonce[KITH_XNONCE_LEN], sealed[KITH_COOKIE_SEALED_LEN];
	rotate(g, now);
	cookie_of(g, 0, from, plain);
	epoch_of(g, 0, plain + KITH_COOKIE_LEN);
	g->random->fill(g->random->ctx, nonce, sizeof nonce);
	g->suite->xseal(sealed, g->cookie_key, nonce, (struct kith_span){ hs->mac1, KITH_MAC_LEN }, plain,
			sizeof plain);
	kith_cookie_write(out, hs->sender, anew, nonce, sealed);
}

/* The latest time that a message may name now. */
static int64_t latest(const struct kith_now *now)
{
	return now->unix_trusted ? now->unix_ms + KITH_CLOCK_TOLERANCE_MS : INT64_MAX;
}

enum kith_freshness kith_guard_judge(const struct kith_guard *g, const struct kith_now *now,
				     const uint8_t device[KITH_DEVICE_ID_LEN], int64_t timestamp_ms,
				     const uint8_t call_id[16], bool made_now, uint32_t *session)
{
	const struct seen *s = kith_table_get(&g->seen, device);
	bool old = s != NULL && timestamp_ms <= s->low_ms;
	for (uint32_t i = 0; s != NULL && i < s->n; i++) {
		if (memcmp(s->last[i].call_id, call_id, CALL_ID_KEPT) == 0) {
			*session = s->last[i].session;
			return KITH_SAME;
		}
		old = old || s->last[i].timestamp_ms == timestamp_ms;
	}
	if (made_now)
		return KITH_FRESH;
	bool newer = s != NULL ? !old : timestamp_ms > g->floor_ms;
	return newer && timestamp_ms <= latest(now) ? KITH_FRESH : KITH_UNSURE;
}

bool kith_guard_proves(struct kith_guard *g, const struct kith_now *now, const uint8_t device[KITH_DEVICE_ID_LEN],
		       int64_t timestamp_ms, bool made_now)
{
	const struct seen *s = kith_table_get(&g->seen, device);
	const int64_t floor_ms = s != NULL && !s->behind ? s->low_ms : g->floor_ms;
	if (!now->unix_trusted) { /* what comes until the clock is set counts as from before the start */
		g->proven_from_s = UINT32_MAX;
		return false;
	}
	if (g->proven_from_s == UINT32_MAX)
		g->proven_from_s = proven_from(now->unix_ms);
	return !made_now && timestamp_ms > floor_ms && timestamp_ms > (int64_t)g->proven_from_s * 1000 &&
	       timestamp_ms <= now->unix_ms + KITH_EARLY_AHEAD_MS;
}

static int64_t newest(const struct seen *s)
{
	int64_t ms = s->low_ms;
	for (uint32_t i = 0; i < s->n; i++)
		ms = s->last[i].timestamp_ms > ms ? s->last[i].timestamp_ms : ms;
	return ms;
}

static void raise_floor(struct kith_guard *g, int64_t ms)
{
	if (ms > g->floor_ms)
		g->floor_ms = ms;
}

static struct seen *new_seen(struct kith_guard *g, const uint8_t device[KITH_DEVICE_ID_LEN], int64_t timestamp_ms)
{
	if (g->seen.n == g->seen.max) {
		struct seen *victim = evict(g);
		raise_floor(g, newest(victim));
		seen_free(g->alloc, victim);
	}
	struct seen *s = kith_alloc_zero(g->alloc, seen_len(1));
	if (s == NULL)
		return NULL;
	s->cap = 1;
	memcpy(s->device, device, KITH_DEVICE_ID_LEN);
	s->behind = timestamp_ms <= g->floor_ms;
	s->low_ms = s->behind ? timestamp_ms - 1 : g->floor_ms;
	if (kith_table_put(&g->seen, s) == 0)
		return s;
	seen_free(g->alloc, s);
	return NULL;
}

/* With room for a message more. As it was, if it has as many as it may, or there is no memory. */
static struct seen *grown(struct kith_guard *g, struct seen *s)
{
	const bool full = s->n == s->cap && s->cap < KITH_GUARD_REMEMBERED;
	struct seen *more = full ? kith_alloc_zero(g->alloc, seen_len(s->cap + 1u)) : NULL;
	if (more == NULL)
		return s;
	memcpy(more, s, seen_len(s->cap));
	more->cap++;
	(void)kith_table_remove(&g->seen, s->device);
	seen_free(g->alloc, s);
	/* A slot has just become free, so this needs no memory. */
	int err = kith_table_put(&g->seen, more);
	KITH_ASSERT(err == 0);
	return more;
}

void kith_guard_remember(struct kith_guard *g, const struct kith_now *now, const uint8_t device[KITH_DEVICE_ID_LEN],
			 int64_t timestamp_ms, const uint8_t call_id[16], uint32_t session)
{
	if (timestamp_ms > latest(now)) /* once more it is taken with the epoch only */
		timestamp_ms = latest(now);
	struct seen *s = kith_table_get(&g->seen, device);
	s = s != NULL ? grown(g, s) : new_seen(g, device, timestamp_ms);
	if (s == NULL) { /* not remembered, so nothing this old may be believed */
		raise_floor(g, timestamp_ms);
		return;
	}
	unsigned slot = s->n;
	if (s->n == s->cap) { /* the oldest gives way */
		slot = 0;
		for (unsigned i = 1; i < s->n; i++)
			slot = s->last[i].timestamp_ms < s->last[slot].timestamp_ms ? i : slot;
		if (s->last[slot].timestamp_ms > s->low_ms)
			s->low_ms = s->last[slot].timestamp_ms;
	} else {
		s->n++;
	}
	s->last[slot].timestamp_ms = timestamp_ms;
	memcpy(s->last[slot].call_id, call_id, CALL_ID_KEPT);
	s->last[slot].session = session;
}

void kith_mac_write(const struct kith_suite *suite, const struct kith_mac_keys *keys, const uint8_t *cookie,
		    uint8_t *hello, size_t len)
{
	KITH_ASSERT(len >= KITH_HS_HEADER + KITH_HS_TRAILER);
	uint8_t *mac1 = hello + len - KITH_HS_TRAILER, *mac2 = mac1 + KITH_MAC_LEN;
	mac(suite, mac1, keys->mac, 32, (struct kith_span){ hello, (size_t)(mac1 - hello) });
	if (cookie != NULL)
		mac(suite, mac2, cookie, KITH_COOKIE_LEN, (struct kith_span){ hello, (size_t)(mac2 - hello) });
	else
		memset(mac2, 0, KITH_MAC_LEN);
}

void kith_who_mac(const struct kith_suite *suite, const struct kith_id *network, uint8_t *packet, size_t len)
{
	struct kith_mac_keys keys;
	KITH_ASSERT(len >= KITH_WHO_LEN_MIN);
	kith_mac_keys_derive(&keys, suite, network->b);
	mac(suite, packet + len - KITH_MAC_LEN, keys.mac, 32, (struct kith_span){ packet, len - KITH_MAC_LEN });
}

int kith_cookie_open(const struct kith_suite *suite, const struct kith_mac_keys *keys, const uint8_t mac1[KITH_MAC_LEN],
		     struct kith_span packet, uint8_t cookie[KITH_COOKIE_LEN], uint8_t epoch[KITH_COOKIE_LEN],
		     bool *anew)
{
	uint32_t receiver;
	const uint8_t *nonce, *sealed;
	uint8_t plain[2 * KITH_COOKIE_LEN];
	if (!kith_cookie_parse(&receiver, anew, &nonce, &sealed, packet))
		return KITH_EPROTO;
	int err = suite->xopen(plain, keys->cookie, nonce, (struct kith_span){ mac1, KITH_MAC_LEN }, sealed,
			       KITH_COOKIE_SEALED_LEN);
	if (err != 0)
		return err;
	memcpy(cookie, plain, KITH_COOKIE_LEN);
	memcpy(epoch, plain + KITH_COOKIE_LEN, KITH_COOKIE_LEN);
	return 0;
}
