#include "leaf/beyond.h"

#include "leaf/hosts.h"
#include "leaf/places.h"
#include "link/connect.h"
#include "link/follow.h"
#include "session/request.h"

static bool ask_host(struct kith_core *c, const struct kith_host *host, uint8_t kind, const struct kith_id *key,
		     uint64_t token)
{
	uint8_t body[256], tokens[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	uint32_t session;
	const struct kith_msg_find m = { .key = *key, .tokens = kith_follow_for(c, key, tokens) };
	size_t len = kith_msg_find_write(body, sizeof body, &m);
	return kith_connect_request(c, host, 0, kind, (struct kith_span){ body, len }, token, &session) == 0;
}

static unsigned ask_replicas(struct kith_core *c, const struct kith_id *key, uint64_t token, struct kith_spans named)
{
	unsigned asked = 0;
	for (size_t i = 0; i < named.n && asked < KITH_BEYOND_REPLICAS; i++) {
		struct kith_member_entry entry;
		if (kith_member_parse(&entry, named.at[i]) != 0)
			continue;
		struct kith_host host = { .dh = entry.device };
		for (uint8_t k = 0; k < entry.endpoints_n; k++)
			kith_host_add(&host, &entry.endpoints[k]);
		if (kith_place_in_use(c, &host) || kith_hosts_verify(c, &entry) != 0)
			continue;
		asked += ask_host(c, &host, KITH_REQ_FIND, key, token);
	}
	return asked;
}

/* Such as no home of ours suggested, as far as there are any: they would be the first to be homes in their place. */
static unsigned ask_strangers(struct kith_core *c, const struct kith_id *key, uint64_t token, unsigned max)
{
	struct kith_hostcache *hc = &c->leaf.cache;
	int taken[KITH_BEYOND_STRANGERS_MAX];
	unsigned n = 0, asked = 0;
	while (n < max && (taken[n] = kith_hostcache_pick(hc, c->now.mono_us, c->random, KITH_PICK_ANY)) >= 0)
		kith_hostcache_use(hc, taken[n++], true);
	for (unsigned i = 0; i < n; i++) {
		struct kith_host host;
		kith_hostcache_use(hc, taken[i], false);
		kith_hostcache_get(hc, taken[i], &host);
		asked += !kith_place_in_use(c, &host) && ask_host(c, &host, KITH_REQ_LOOKUP, key, token);
	}
	return asked;
}

unsigned kith_beyond_ask(struct kith_core *c, const struct kith_id *key, uint64_t token, struct kith_spans named,
			 unsigned strangers)
{
	return ask_replicas(c, key, token, named) + ask_strangers(c, key, token, strangers);
}

void kith_beyond_answered(struct kith_core *c, struct kith_session *s)
{
	if (s->use == 0 && s->initiator && s->state == KITH_SESSION_OPEN && !kith_requests_busy(s->requests))
		kith_session_end(c, s, KITH_CLOSE_NORMAL, false);
}
