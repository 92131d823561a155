#include "link/refuse.h"

#include "base/addr.h"
#include "overlay/pick.h"

#define MADE_EVERY_US (1 * KITH_US_PER_S)
#define TELL_EVERY_US (60 * KITH_US_PER_S)
enum {
	RESERVE = 16, /* one place in so many is not for leaves */
	DRAWN = 16, /* members from which the alternates are taken */
	RETRY_S = 45 /* least time; whoever obeys adds as much again at random, so it is 67 s at the mean */
};

static bool is_full(const struct kith_core *c)
{
	return c->sessions.by_index.n >= c->sessions.by_index.max;
}

bool kith_refuse_level(const struct kith_core *c, enum kith_overload_level level)
{
	return kith_serves(c) && c->super->overload.level >= (uint8_t)level;
}

/* Sessions, of which leaves may be one. */
static uint32_t sessions_for_leaves(const struct kith_core *c)
{
	return c->sessions.by_index.max - c->sessions.by_index.max / RESERVE;
}

bool kith_refuse_attach(const struct kith_core *c)
{
	if (!kith_serves(c))
		return false;
	const struct kith_help *h = &c->super->help; /* one that drains, or is new and begins with a part */
	return h->draining || (h->places != 0 && c->super->leaves >= h->places) ||
	       kith_refuse_level(c, KITH_OVERLOAD_ATTACHES) || c->sessions.by_index.n >= sessions_for_leaves(c);
}

bool kith_refuse_another(const struct kith_core *c)
{
	const uint32_t leaves = c->super->leaves_max, sessions = sessions_for_leaves(c);
	const uint32_t kept = (leaves < sessions ? leaves : sessions) / KITH_LEAVES_RESERVE;
	return c->super->leaves + kept >= leaves || c->sessions.by_index.n + kept >= sessions;
}

bool kith_refuse_wanted(const struct kith_core *c, const struct kith_hs_header *header, const struct kith_hop *from)
{
	if (!kith_serves(c) || from->tunnel != 0 || header->type != KITH_PKT_HELLO)
		return false;
	return is_full(c) || (header->purpose == KITH_PURPOSE_ATTACH && kith_refuse_attach(c));
}

void kith_refuse_version(struct kith_core *c, uint32_t asker, size_t packet_len, const struct kith_hop *from,
			 enum kith_version_why why)
{
	if (!kith_serves(c) || from->tunnel != 0 || packet_len < KITH_VERSION_PACKET_LEN ||
	    !kith_allowance_spend(&c->allowance, c->now.mono_us, kith_addr_limit_prefix(&from->remote),
				  KITH_CHARGE_HINT))
		return;
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, from, KITH_VERSION_PACKET_LEN);
	if (out != NULL)
		kith_version_write(out, asker, why);
}

/* ---- the one packet of a second ---- */

/* Members that may be asked instead: of some that are drawn, those with the least load by their own word. */
static uint8_t alternates(struct kith_core *c, struct kith_host out[KITH_BUSY_HOSTS_MAX])
{
	const struct kith_supernode *sn = c->super;
	const struct kith_member *drawn[DRAWN];
	uint32_t n = kith_members_pick(&sn->members, c->random, c->now.mono_us, &sn->id, drawn, DRAWN);
	uint8_t taken = 0;
	for (; taken < KITH_BUSY_HOSTS_MAX && taken < n; taken++) {
		uint32_t best = taken;
		for (uint32_t i = taken + 1u; i < n; i++)
			best = drawn[i]->load < drawn[best]->load ? i : best;
		const struct kith_member *m = drawn[best];
		drawn[best] = drawn[taken];
		drawn[taken] = m;
		kith_member_host(m, &out[taken]);
	}
	return taken;
}

static uint16_t retry_s(const struct kith_refusals *r)
{
	uint32_t more = r->last < KITH_BUSY_RETRY_MAX_S - RETRY_S ? r->last : KITH_BUSY_RETRY_MAX_S - RETRY_S;
	return (uint16_t)(RETRY_S + more);
}

/* Makes the packet anew if it is of another second. False: there is none. */
static bool renew(struct kith_core *c, struct kith_refusals *r)
{
	if (r->len > 0 && c->now.mono_us - r->made_at < MADE_EVERY_US)
		return true;
	struct kith_busy busy = { .made_ms = c->now.unix_ms, .retry_s = retry_s(r), .chain = c->self.chain };
	busy.hosts_n = alternates(c, busy.hosts);
	int len = kith_busy_make(c->suite, r->packet, &busy, c->self.sign_sk);
	r->len = len > 0 ? (uint16_t)len : 0;
	r->retry_s = busy.retry_s;
	r->made_at = c->now.mono_us;
	return len > 0;
}

/* ---- refusing ---- */

/* How many were refused in this second and in the one before. */
static void count(struct kith_refusals *r, kith_time_us now)
{
	kith_time_us passed = now - r->second_at;
	if (passed >= KITH_US_PER_S) {
		r->last = passed < 2 * KITH_US_PER_S ? r->now : 0;
		r->now = 0;
		r->second_at = now;
	}
	r->now++;
	r->untold++;
}

/* The operator hears of it at once, and then how many there were. */
static void tell(struct kith_core *c, struct kith_refusals *r)
{
	if (r->told && c->now.mono_us - r->told_at < TELL_EVERY_US)
		return;
	KITH_LOG(c->log, KITH_LOG_WARN, "refusing why=%s refused=%llu sessions=%u leaves=%u retry_s=%u",
		 is_full(c)					      ? "full"
		 : c->super->overload.level >= KITH_OVERLOAD_ATTACHES ? "overload"
								      : "reserve",
		 (unsigned long long)r->untold, c->sessions.by_index.n, c->super->leaves, r->retry_s);
	r->told = true;
	r->told_at = c->now.mono_us;
	r->untold = 0;
}

void kith_refuse_busy(struct kith_core *c, const struct kith_hs_header *header, size_t packet_len,
		      const struct kith_hop *from)
{
	struct kith_refusals *r = &c->super->refusals;
	bool full = is_full(c);
	kith_drop(c, full ? KITH_STAT_REFUSE_TABLE_FULL : KITH_STAT_REFUSE_OVERLOAD, from,
		  full ? "sessions" : "attach");
	count(r, c->now.mono_us);
	bool signedly = r->now <= KITH_BUSY_PER_S && renew(c, r) && r->len <= packet_len;
	tell(c, r);
	if (!signedly) {
		kith_refuse_version(c, header->sender, packet_len, from, KITH_WHY_FULL);
		return;
	}
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, from, r->len);
	if (out == NULL)
		return;
	memcpy(out, r->packet, r->len);
	kith_busy_address(out, header->sender);
}
