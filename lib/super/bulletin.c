#include "super/bulletin.h"

#include "base/rng.h"
#include "super/members.h"

#define ALL_US (20 * KITH_US_PER_S)
enum { SHARE = 4 }; /* of the leaves that were not heard, at each look: not all at once */

static const struct kith_span nothing = { NULL, 0 };

static uint16_t bit_of(unsigned partner)
{
	return partner < KITH_MEMBERS_PARTNERS ? (uint16_t)(1u << partner) : 0;
}

/* The next edition from *i on, and who was told of it (NULL: not asked for). Places are the trust's; when another
 * signer or number has a place, nobody was told. */
static bool next(const struct kith_core *c, size_t *i, struct kith_trust_list *l, struct kith_told **told)
{
	while (kith_trust_list_at(&c->trust, &c->now, (*i)++, l)) {
		if (l->number == 0)
			continue;
		if (told == NULL)
			return true;
		struct kith_told *t = *told = &c->super->told[*i - 1];
		if (t->number != l->number || memcmp(t->signer, l->id, sizeof t->signer) != 0) {
			*t = (struct kith_told){ .number = l->number, .since = c->now.mono_us };
			memcpy(t->signer, l->id, sizeof t->signer);
		}
		return true;
	}
	return false;
}

uint64_t kith_bulletin_sum(const struct kith_core *c)
{
	struct kith_trust_list l;
	uint64_t sum = KITH_EDITIONS_NONE;
	for (size_t i = 0; next(c, &i, &l, NULL);) {
		const struct kith_edition e = kith_edition_of(&l);
		sum = kith_editions_mix(sum, &e);
	}
	return c->trust.open ? 0 : sum;
}

struct kith_span kith_bulletin_tell(struct kith_core *c, unsigned partner, uint64_t sum, size_t max, bool *all,
				    uint8_t out[KITH_EDITIONS_LEN_MAX])
{
	struct kith_writer w = kith_writer_of(out, max);
	struct kith_trust_list l;
	struct kith_told *told;
	uint16_t bit = bit_of(partner);
	*all = sum != 0 && sum != kith_bulletin_sum(c);
	for (size_t i = 0; kith_writer_space(&w) >= KITH_EDITION_LEN && next(c, &i, &l, &told);) {
		bool news = c->now.mono_us - told->since < KITH_LISTS_NEWS_US || (bit & ~told->to) != 0;
		if (!*all && (!news || (told->has & bit) != 0))
			continue;
		const struct kith_edition e = kith_edition_of(&l);
		if (kith_writer_space(&w) < (e.digest != NULL ? KITH_EDITION_LEN_MAX : KITH_EDITION_LEN))
			break;
		told->to |= bit;
		kith_edition_write(&w, &e);
	}
	return (struct kith_span){ out, kith_writer_len(&w) };
}

/* What the editions say of a thing's number; 0: nothing. */
static uint64_t number_in(struct kith_span editions, const struct kith_trust_list *l)
{
	struct kith_reader r = kith_reader_of_span(editions);
	struct kith_edition e;
	while (kith_edition_next(&r, &e)) {
		bool same =
			e.digest == NULL || e.number != l->number || memcmp(e.digest, l->digest, sizeof l->digest) == 0;
		if (e.kind == l->kind && memcmp(e.signer, l->id, KITH_ISSUER_ID_LEN) == 0 && same)
			return e.number;
	}
	return 0;
}

static void forget(struct kith_told *told, unsigned partner)
{
	told->to &= (uint16_t)~bit_of(partner);
	told->has &= (uint16_t)~bit_of(partner);
}

void kith_bulletin_knows(struct kith_core *c, unsigned partner, struct kith_span editions, bool all)
{
	struct kith_trust_list l;
	struct kith_told *told;
	for (size_t i = 0; next(c, &i, &l, &told);) {
		uint64_t number = number_in(editions, &l);
		if (number >= l.number) {
			told->to |= bit_of(partner);
			told->has |= bit_of(partner);
		} else if (all || number > 0) {
			forget(told, partner);
		}
	}
}

uint16_t kith_bulletin_untold(struct kith_core *c, uint16_t partners)
{
	struct kith_trust_list l;
	struct kith_told *told;
	uint16_t untold = 0;
	for (size_t i = 0; next(c, &i, &l, &told);)
		untold |= (uint16_t)(partners & ~told->to);
	return untold;
}

void kith_bulletin_partner(struct kith_core *c, unsigned partner)
{
	for (size_t i = 0; i < KITH_POSTED_MAX; i++)
		forget(&c->super->told[i], partner);
}

void kith_bulletin_news(struct kith_core *c)
{
	c->super->gossip_at = c->super->posted_at = c->now.mono_us;
	kith_super_wake(c, c->now.mono_us);
}

/* ---- leaves ---- */

/* Tells a leaf some of all editions, which begin at *at. False: it could not be told. */
static bool tell_some(struct kith_core *c, struct kith_session *s, struct kith_span all, size_t *at)
{
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_reader r = kith_reader_of(all.p + *at, all.len - *at);
	struct kith_edition e;
	size_t len = 0;
	while (kith_edition_next(&r, &e) && all.len - *at - kith_reader_left(&r) <= KITH_EDITIONS_TOLD_LEN)
		len = all.len - *at - kith_reader_left(&r);
	const struct kith_msg_editions m = { { all.p + *at, len } };
	*at += len;
	return kith_session_request(c, s, KITH_REQ_EDITIONS,
				    (struct kith_span){ body, kith_msg_editions_write(body, sizeof body, &m) },
				    kith_token(KITH_TOKEN_EDITIONS, 0)) == 0;
}

static bool is_untold(const struct kith_core *c, const struct kith_session *s)
{
	return (s->use & KITH_USE_LEAF) && s->attached->list_round != c->lists.round && s->state == KITH_SESSION_OPEN;
}

static void tell(struct kith_core *c, struct kith_session *s)
{
	uint8_t editions[KITH_EDITIONS_LEN_MAX];
	bool all, told = true;
	const struct kith_span run =
		kith_bulletin_tell(c, KITH_MEMBERS_STRANGER, 1, KITH_EDITIONS_LEN_MAX, &all, editions);
	for (size_t at = 0; told && at < run.len;)
		told = tell_some(c, s, run, &at);
	if (told)
		s->attached->list_round = c->lists.round;
}

void kith_bulletin_look(struct kith_core *c, struct kith_session *s)
{
	if (kith_serves(c) && is_untold(c, s) && kith_session_heard_at(s) == c->now.mono_us)
		tell(c, s);
}

void kith_bulletin_tick(struct kith_core *c)
{
	const kith_time_us since = c->now.mono_us - c->super->posted_at;
	struct kith_session *s;
	uint32_t it = 0;
	if (c->super->posted_at == 0 || since > KITH_LISTS_NEWS_US)
		return;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (is_untold(c, s) && (since >= ALL_US || kith_rng_u32(c->random) % SHARE == 0))
			tell(c, s);
	}
}

void kith_bulletin_on_told(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	if (answer->err == KITH_ETIMEDOUT && (s->use & KITH_USE_LEAF))
		s->attached->list_round = (uint16_t)(c->lists.round - 1); /* when it is heard again */
}

/* ---- handing out ---- */

/* What a question is answered with: in the place of a head the proof that its issuer keeps two logs. */
static bool find(struct kith_core *c, const struct kith_msg_list *m, struct kith_trust_list *l)
{
	if (m->kind == KITH_POSTED_HEAD && !m->cert &&
	    kith_trust_posted_of(&c->trust, &c->now, KITH_POSTED_FORK, m->signer, l) && l->number > 0)
		return true;
	return kith_trust_posted_of(&c->trust, &c->now, m->kind, m->signer, l) && l->valid &&
	       (m->cert ? l->cert.len > 0 : l->number > m->number);
}

void kith_bulletin_on_list(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	uint8_t body[KITH_ANSWER_MAX];
	struct kith_msg_list m;
	struct kith_trust_list l;
	struct kith_msg_listed found = { .list = nothing };
	uint8_t status = KITH_STATUS_NOT_FOUND;
	size_t len = 0;
	if (kith_msg_list_read(&m, request->body) != 0) {
		status = KITH_STATUS_MALFORMED;
	} else if (!kith_session_spend(c, s, KITH_CHARGE_LOOKUP)) {
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
		status = KITH_STATUS_LIMITED;
	} else if (find(c, &m, &l)) {
		if (m.cert)
			found.cert = l.cert;
		else
			found.list = l.list;
		len = kith_msg_listed_write(body, sizeof body, &found);
		status = KITH_STATUS_OK;
	}
	kith_session_answer(c, s, request->id, status, (struct kith_span){ body, len });
}
