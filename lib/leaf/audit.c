#include "leaf/audit.h"

#include "base/rng.h"
#include "leaf/beyond.h"
#include "leaf/caught.h"
#include "leaf/homes.h"
#include "leaf/record.h"
#include "link/follow.h"

enum {
	STRANGERS =
		3, /* that are asked: when a home denies the record, the replicas that it names may be its friends */
	STRANGERS_ODDS = 16 /* one audit in so many asks no home: two homes may have agreed to lie for each other */
};

static const struct kith_spans none = { NULL, 0 };

static uint64_t token(const struct kith_core *c)
{
	return kith_token(KITH_TOKEN_AUDIT, (uint32_t)c->leaf.record_seq);
}

static void own_key(const struct kith_core *c, struct kith_id *out)
{
	kith_ids_directory(c->suite, out, &c->self.network, c->me.name);
}

/* It is over: the other homes are given the record, too. */
static void end(struct kith_core *c)
{
	struct kith_audit *a = &c->leaf.audit;
	a->at = KITH_TIME_NEVER;
	a->out = 0;
	kith_record_hand(c, a->held, false);
	a->held = 0;
}

/* The directory has the record. */
static void passed(struct kith_core *c)
{
	struct kith_audit *a = &c->leaf.audit;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "record_seen step=%u denied=%u failed=%u", a->step, a->denied, a->failed);
	if (a->step == KITH_AUDIT_AGAIN)
		kith_caught_failed_all(c, a->failed, KITH_LIE_NOT_PUBLISHED);
	else
		kith_caught_failed_all(c, a->denied, KITH_LIE_DENIES);
	end(c);
}

/* Nobody has it: all homes bring it now. Nothing is held against anybody before it is there. */
static void publish_again(struct kith_core *c)
{
	struct kith_audit *a = &c->leaf.audit;
	KITH_LOG(c->log, KITH_LOG_INFO, "record_not_seen publishers=%u", a->publishers);
	a->step = KITH_AUDIT_AGAIN;
	a->failed = a->publishers;
	a->publishers = (1u << KITH_HOMES) - 1;
	a->held = 0;
	a->at = c->now.mono_us + KITH_AUDIT_US;
	kith_record_hand(c, a->publishers, true);
}

/* No more answers are to come, and none had the record. */
static void missed(struct kith_core *c)
{
	struct kith_audit *a = &c->leaf.audit;
	if (a->step != KITH_AUDIT_AGAIN) {
		publish_again(c);
		return;
	}
	/* All homes lie, or all whom we asked, or the network is torn. */
	kith_caught_unsure_all(c, a->publishers, KITH_LIE_NOT_PUBLISHED);
	kith_caught_replace_one(c);
	end(c);
}

static void ask_others(struct kith_core *c, struct kith_spans named)
{
	struct kith_audit *a = &c->leaf.audit;
	struct kith_id key;
	own_key(c, &key);
	if (a->step == KITH_AUDIT_HOMES)
		a->step = KITH_AUDIT_OTHERS;
	a->at = KITH_TIME_NEVER;
	a->out = (uint8_t)kith_beyond_ask(c, &key, token(c), named, STRANGERS);
	if (a->out == 0)
		missed(c);
}

/* A home that was not given this record, and not asked for it yet: one that is suspected of saying so
 * first. */
static struct kith_session *witness(struct kith_core *c)
{
	const struct kith_audit *a = &c->leaf.audit;
	unsigned may = a->held & ~(unsigned)a->asked;
	int suspect = kith_caught_suspect(c, KITH_LIE_DENIES);
	if (suspect >= 0 && (may & 1u << suspect) != 0)
		return kith_homes_session(c, &c->leaf.homes[suspect]);
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
		if ((may & 1u << i) != 0 && s != NULL)
			return s;
	}
	return NULL;
}

static bool ask_home(struct kith_core *c)
{
	uint8_t body[256], tokens[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	struct kith_msg_find m = { .members = KITH_BEYOND_REPLICAS };
	struct kith_session *s = witness(c);
	own_key(c, &m.key);
	m.tokens = kith_follow_for(c, &m.key, tokens);
	size_t len = kith_msg_find_write(body, sizeof body, &m);
	if (s == NULL || kith_session_request(c, s, KITH_REQ_LOOKUP, (struct kith_span){ body, len }, token(c)) != 0)
		return false;
	c->leaf.audit.at = KITH_TIME_NEVER;
	c->leaf.audit.out = 1;
	c->leaf.audit.asked |= (uint8_t)(1u << kith_homes_slot(c, s));
	return true;
}

void kith_audit_tick(struct kith_core *c)
{
	struct kith_audit *a = &c->leaf.audit;
	if (a->at > c->now.mono_us)
		return;
	bool strangers =
		a->asked == 0 && kith_caught_suspect(c, 0) < 0 && kith_rng_below(c->random, STRANGERS_ODDS) == 0;
	if (a->step != KITH_AUDIT_HOMES || strangers || !ask_home(c))
		ask_others(c, none);
}

/* A record of ours that is not older than this one: another run signed it within this step, and what that saved is
 * lost. Replicas took ours for an old one. */
static bool is_outnumbered(struct kith_core *c, struct kith_spans records)
{
	uint64_t own = c->leaf.record_seq;
	for (size_t i = 0; i < records.n; i++) {
		struct kith_record r;
		struct kith_person person;
		if (kith_record_parse(&r, records.at[i]) != 0 || memcmp(r.device.b, c->self.dh_pk, KITH_KEY_LEN) != 0 ||
		    r.seq < own || kith_record_step((int64_t)r.seq) != kith_record_step((int64_t)own) ||
		    kith_record_verify(&r, &c->trust, &c->now, &person) != 0)
			continue;
		c->leaf.record_seq = r.seq;
		return true;
	}
	return false;
}

static bool is_there(const struct kith_core *c, struct kith_spans records)
{
	const struct kith_blob *own = c->leaf.record;
	for (size_t i = 0; i < records.n; i++) {
		if (own != NULL && records.at[i].len == own->len && memcmp(records.at[i].p, own->bytes, own->len) == 0)
			return true;
	}
	return false;
}

void kith_audit_on_answer(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_audit *a = &c->leaf.audit;
	struct kith_msg_room room;
	struct kith_msg_found m;
	if (answer->token != token(c) || a->out == 0)
		return;
	a->out--;
	if (kith_msg_found_read(&m, &room, answer->body) != 0)
		memset(&m, 0, sizeof m);
	if (answer->err == 0 && is_there(c, m.records)) {
		passed(c);
		return;
	}
	if (is_outnumbered(c, m.records)) {
		kith_leaf_publish(c, true);
		return;
	}
	int slot = kith_homes_slot(c, s);
	if (a->step == KITH_AUDIT_HOMES) {
		if (slot >= 0 && (answer->err == 0 || answer->err == KITH_ENOENT))
			a->denied |= (uint8_t)(1u << slot);
		a->at = c->now.mono_us + KITH_AUDIT_US;
		if (witness(c) == NULL)
			ask_others(c, m.members);
		return;
	}
	if (a->out == 0)
		missed(c);
}
