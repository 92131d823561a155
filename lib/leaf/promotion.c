#include "leaf/promotion.h"

#include "leaf/homes.h"
#include "wire/token.h"

#define SERVE_US (1 * KITH_US_PER_S) /* the answer, and its repetitions, are on their way */
enum { FIRST_SHARE = 10 }; /* one place in so many, at first */

static const struct kith_span nothing = { NULL, 0 };

uint32_t kith_promotion_places(uint32_t sessions_max)
{
	return sessions_max >= FIRST_SHARE ? sessions_max / FIRST_SHARE : 1;
}

/* The token is this home's word about this node, and fresh. */
static uint8_t check_token(struct kith_core *c, const struct kith_session *s, struct kith_span bytes)
{
	struct kith_help_token token;
	struct kith_person person;
	if (kith_help_token_parse(&token, bytes) != 0)
		return KITH_STATUS_MALFORMED;
	if (memcmp(token.candidate.b, c->self.dh_pk, KITH_KEY_LEN) != 0 ||
	    memcmp(token.device.b, s->device, KITH_DEVICE_ID_LEN) != 0)
		return KITH_STATUS_NOT_ALLOWED;
	return kith_help_token_verify(&token, &c->trust, &c->now, &person) == 0 ? KITH_STATUS_OK : KITH_STATUS_INVALID;
}

static uint8_t judge(struct kith_core *c, const struct kith_session *s, struct kith_span body)
{
	struct kith_msg_help m;
	if (kith_msg_help_read(&m, body) != 0)
		return KITH_STATUS_MALFORMED;
	if (c->leaving)
		return KITH_STATUS_LEAVING;
	if (kith_serves(c) || !kith_may_serve(c) ||
	    kith_office_obstacle(c->office, c->now.mono_us) != KITH_ROLE_WHY_NONE)
		return KITH_STATUS_NOT_ALLOWED;
	uint8_t status = check_token(c, s, m.token);
	if (status != KITH_STATUS_OK || c->office->terms.consent != KITH_CONSENT_ASK)
		return status;
	/* The user is asked; should he consent within the token's life, the node serves though nobody waits for it. */
	int err = kith_office_ask(c->office, c->now.mono_us, KITH_HELP_LIFE_MS * KITH_US_PER_MS);
	return err == KITH_EAGAIN ? KITH_STATUS_LIMITED : KITH_STATUS_NOT_ALLOWED;
}

/* Where the asker is, so that its members are heard of first from it. */
static void remember(struct kith_core *c, const struct kith_session *s)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->state != KITH_HOME_ATTACHED || home->session != s->index)
			continue;
		if (c->leaf.asker == NULL)
			c->leaf.asker = KITH_NEW(c->alloc, struct kith_host);
		if (c->leaf.asker != NULL)
			*c->leaf.asker = home->host;
	}
}

void kith_promotion_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	uint8_t body[16];
	uint8_t status = judge(c, s, request->body);
	KITH_LOG(c->log, KITH_LOG_INFO, "help_asked session=%08x status=%u", s->index, status);
	if (status != KITH_STATUS_OK) {
		kith_session_answer(c, s, request->id, status, nothing);
		return;
	}
	const struct kith_msg_helped m = { .places = kith_promotion_places(c->office->leaves_max) };
	size_t len = kith_msg_helped_write(body, sizeof body, &m);
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, (struct kith_span){ body, len });
	remember(c, s);
	if (c->leaf.serve_at == 0) /* another one's word does not put it off */
		c->leaf.serve_at = c->now.mono_us + SERVE_US;
	kith_homes_wake(c, c->leaf.serve_at);
}

void kith_promotion_tick(struct kith_core *c)
{
	if (c->leaf.serve_at == 0)
		return;
	if (c->now.mono_us < c->leaf.serve_at) {
		kith_homes_wake(c, c->leaf.serve_at);
		return;
	}
	c->leaf.serve_at = 0;
	c->leaf.serve = true;
}
