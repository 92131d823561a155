#include "link/renewed.h"

#include "link/connect_internal.h"

static const struct kith_span nothing = { NULL, 0 };

void kith_renewed_mark(struct kith_core *c)
{
	struct kith_session *s;
	uint32_t it = 0;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL)
		s->stale = true;
}

void kith_renewed_look(struct kith_core *c, struct kith_session *s)
{
	if (!s->stale || s->state != KITH_SESSION_OPEN || kith_session_heard_at(s) != c->now.mono_us)
		return;
	s->stale = kith_session_request(c, s, KITH_REQ_RENEWED, c->self.chain, kith_token(KITH_TOKEN_RENEWED, 0)) != 0;
}

void kith_renewed_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	(void)c;
	if (answer->err == KITH_ETIMEDOUT || answer->err == KITH_ELIMIT)
		s->stale = true;
}

/* Whether a chain is of the device at the other end, and nothing in it is older than what that has shown before. */
static uint8_t compare(const struct kith_chain *held, const struct kith_chain *fresh)
{
	if (memcmp(&held->device.dh, &fresh->device.dh, sizeof held->device.dh) != 0 ||
	    memcmp(&held->device.sign, &fresh->device.sign, sizeof held->device.sign) != 0 ||
	    strcmp(held->name.name, fresh->name.name) != 0 ||
	    memcmp(&held->identity, &fresh->identity, sizeof held->identity) != 0 ||
	    memcmp(&held->name.identity, &fresh->name.identity, sizeof held->name.identity) != 0)
		return KITH_STATUS_INVALID;
	return kith_chain_is_newer(fresh, held) ? KITH_STATUS_OK : KITH_STATUS_STALE;
}

static uint8_t take(struct kith_core *c, struct kith_session *s, struct kith_span bytes)
{
	struct kith_chain held, fresh;
	struct kith_person person;
	const struct kith_span now = kith_blob_span(s->chain);
	if (kith_chain_parse(&fresh, bytes) != 0 || s->chain == NULL || kith_chain_parse(&held, now) != 0)
		return KITH_STATUS_MALFORMED;
	if (bytes.len == now.len && memcmp(bytes.p, now.p, now.len) == 0)
		return KITH_STATUS_OK;
	uint8_t status = compare(&held, &fresh);
	if (status != KITH_STATUS_OK)
		return status;
	if (!kith_allowance_spend(&c->allowance, c->now.mono_us, kith_device_key(s->device), KITH_CHARGE_RENEWAL))
		return KITH_STATUS_LIMITED;
	if (kith_connect_check_chain(c, bytes, fresh.device.dh.b, kith_session_hop(s), &person) != 0)
		return KITH_STATUS_INVALID;
	struct kith_blob *chain = kith_blob_intern(&c->shared->blobs, bytes.p, bytes.len);
	if (chain == NULL)
		return KITH_STATUS_FULL;
	kith_blob_unref(&c->shared->blobs, s->chain);
	s->chain = chain;
	return KITH_STATUS_OK;
}

void kith_renewed_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	kith_session_answer(c, s, request->id, take(c, s, request->body), nothing);
}
