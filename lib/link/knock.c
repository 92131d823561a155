#include "link/knock.h"

#include "base/addr.h"

static bool spend(struct kith_core *c, const struct kith_session *asker, const struct kith_addr *to)
{
	return kith_session_spend(c, asker, KITH_CHARGE_KNOCK) &&
	       kith_allowance_spend(&c->allowance, c->now.mono_us, kith_addr_limit_prefix(to), KITH_CHARGE_KNOCK_THERE);
}

uint8_t kith_knock_send(struct kith_core *c, const struct kith_session *asker, const struct kith_msg_knock *m)
{
	struct kith_hop hop = { .remote = m->endpoint.addr };
	if (m->endpoint.kind != KITH_TRANSPORT_UDP ||
	    kith_candidate_check_source(&m->endpoint.addr, kith_allowed_scopes(c)) != KITH_REFUSAL_NONE ||
	    kith_transports_for(&c->transports, &m->endpoint, &hop.transport) != 0)
		return KITH_STATUS_NOT_ALLOWED;
	if (!spend(c, asker, &hop.remote))
		return KITH_STATUS_LIMITED;
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, &hop, KITH_KNOCK_PACKET_LEN);
	if (out == NULL)
		return KITH_STATUS_FULL;
	kith_knock_write(out, m->name, m->number);
	return KITH_STATUS_OK;
}
