#include "call/follow.h"

#include "leaf/record.h"
#include "leaf/watching.h"
#include "link/follow.h"

static const struct kith_span nothing = { NULL, 0 };

static bool may_follow(uint8_t flags)
{
	return (flags & (KITH_CONTACT_ACCEPTED | KITH_CONTACT_BLOCKED)) == KITH_CONTACT_ACCEPTED;
}

/* The contact at the other end; NULL if it is none. */
static const struct kith_contact *contact_of(const struct kith_core *c, const struct kith_session *s)
{
	bool pinned = kith_contacts_check(&c->contacts, s->peer->name, &s->peer->identity) == 0;
	return pinned ? kith_contacts_get(&c->contacts, s->peer->name) : NULL;
}

static void give(struct kith_core *c, struct kith_session *s)
{
	struct kith_msg_follow m;
	uint8_t body[32];
	kith_follow_own(c, m.token);
	size_t len = kith_msg_follow_write(body, sizeof body, &m);
	/* One that is lost with its session is given when they talk next. */
	s->peer->gave = kith_session_request(c, s, KITH_REQ_FOLLOW, (struct kith_span){ body, len },
					     kith_token(KITH_TOKEN_IGNORE, 0)) == 0;
	s->peer->gave_number = c->follow_number;
}

static void take(struct kith_core *c, const struct kith_session *s)
{
	struct kith_followed_item item;
	kith_ids_directory(c->suite, &item.key, &c->self.network, s->peer->name);
	memcpy(item.device, s->device, sizeof item.device);
	memcpy(item.token, s->peer->token, sizeof item.token);
	int err = kith_followed_put(&c->followed, &item);
	if (err < 0)
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	if (err != 1)
		return;
	kith_save_soon(c);
	kith_watching_again(c, &item.key);
}

void kith_follow_exchange(struct kith_core *c, struct kith_session *s)
{
	const struct kith_contact *contact = contact_of(c, s);
	if (s->state != KITH_SESSION_OPEN || contact == NULL || (contact->flags & KITH_CONTACT_BLOCKED))
		return;
	if (may_follow(contact->flags) && (!s->peer->gave || s->peer->gave_number != c->follow_number))
		give(c, s);
	if (s->peer->given)
		take(c, s);
}

void kith_follow_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_follow m;
	if (kith_msg_follow_read(&m, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
	s->peer->given = true;
	memcpy(s->peer->token, m.token, sizeof s->peer->token);
	kith_follow_exchange(c, s);
}

static void give_again(void *ctx, struct kith_session *s)
{
	if ((s->use & KITH_USE_PEER) && s->peer != NULL)
		kith_follow_exchange(ctx, s);
}

bool kith_follow_ends(const struct kith_core *c, const char *name, const struct kith_key *identity, uint8_t flags)
{
	const struct kith_contact *contact = kith_contacts_get(&c->contacts, name);
	return contact != NULL && may_follow(contact->flags) &&
	       (!may_follow(flags) || identity == NULL || !kith_key_equal(identity, &contact->identity));
}

void kith_follow_withdraw(struct kith_core *c)
{
	uint64_t now = c->now.unix_ms > 0 ? (uint64_t)c->now.unix_ms : 0;
	c->follow_number = now > c->follow_number ? now : c->follow_number + 1;
	kith_save_soon(c);
	if (!kith_serves(c) && c->leaf.record != NULL)
		kith_leaf_publish(c, true);
	if (kith_sessions_each(&c->sessions, give_again, c) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

void kith_follow_forget(struct kith_core *c, const char *name)
{
	struct kith_id key;
	kith_ids_directory(c->suite, &key, &c->self.network, name);
	if (kith_followed_drop(&c->followed, &key))
		kith_save_soon(c);
}
