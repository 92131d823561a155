#include "leaf/moving.h"

#include "base/addr.h"
#include "leaf/homes.h"

static const struct kith_span nothing = { NULL, 0 };

/* Another home than the one that asks is in the newcomer's network. */
static bool crowds(const struct kith_core *c, const struct kith_host *host, uint32_t asker)
{
	uint64_t prefix = kith_addr_diversity_prefix(&host->endpoints[0].addr);
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->state != KITH_HOME_FREE && home->session != asker &&
		    kith_addr_diversity_prefix(&home->host.endpoints[0].addr) == prefix)
			return true;
	}
	return false;
}

static uint8_t move(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_msg_room room;
	struct kith_msg_leave m;
	struct kith_host host;
	if (kith_msg_leave_read(&m, &room, body) != 0 || m.hosts.n != 1 || kith_host_parse(&host, m.hosts.at[0]) != 0)
		return KITH_STATUS_MALFORMED;
	if (c->leaving || host.endpoints_n == 0 || memcmp(host.dh.b, c->self.dh_pk, 32) == 0 ||
	    crowds(c, &host, s->index))
		return KITH_STATUS_NOT_ALLOWED;
	if (c->leaf.moved_at != 0 && c->now.mono_us - c->leaf.moved_at < KITH_MOVE_US)
		return KITH_STATUS_LIMITED;
	int err = kith_homes_replace(c, s, &host);
	if (err == 0)
		c->leaf.moved_at = c->now.mono_us;
	return err == 0 ? KITH_STATUS_OK : err == KITH_EFULL ? KITH_STATUS_FULL : KITH_STATUS_NOT_ALLOWED;
}

void kith_moving_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	kith_session_answer(c, s, request->id, move(c, s, request->body), nothing);
}
