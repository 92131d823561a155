#include "overlay/suspicion.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "codec/cursor.h"

enum {
	SUSPECTED_FIRST = 8, /* capacity of the first allocation */
	STRANGERS_TOLD = 4, /* of each doubt; partners are told anyway */
	PREFIXES_LOOKED_AT = 64 /* members, to find out whether there are prefixes enough */
};

void kith_suspicion_init(struct kith_suspicion *sus, const struct kith_alloc *alloc)
{
	*sus = (struct kith_suspicion){ .alloc = alloc };
}

void kith_suspicion_deinit(struct kith_suspicion *sus)
{
	KITH_FREE_ARRAY(sus->alloc, sus->at, sus->cap);
	*sus = (struct kith_suspicion){ .alloc = sus->alloc };
}

void kith_doubt_make(const struct kith_suite *suite, uint8_t out[KITH_GOSSIP_DOUBT_LEN], const struct kith_member *m,
		     int64_t at_ms, const struct kith_id *self, const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	struct kith_writer w = kith_writer_of(out, KITH_GOSSIP_DOUBT_LEN);
	kith_gossip_doubt_write(&w, m->id.b, m->seq, at_ms > 0 ? (uint64_t)at_ms : 0, self->b);
	const struct kith_span body = { out, KITH_GOSSIP_DOUBT_SIGNED_LEN };
	kith_sign(suite, out + KITH_GOSSIP_DOUBT_SIGNED_LEN, KITH_SIGN_DOUBT, body, sign_sk);
}

/* ---- what is held ---- */

static struct kith_suspected *find(const struct kith_suspicion *sus, const uint8_t prefix[KITH_MEMBER_ID_PREFIX])
{
	for (uint32_t i = 0; i < sus->n; i++) {
		if (memcmp(sus->at[i].id.b, prefix, KITH_MEMBER_ID_PREFIX) == 0)
			return &sus->at[i];
	}
	return NULL;
}

const struct kith_suspected *kith_suspicion_get(const struct kith_suspicion *sus, const struct kith_id *id)
{
	return find(sus, id->b);
}

static void drop(struct kith_suspicion *sus, uint32_t i)
{
	sus->ours -= sus->at[i].ours;
	sus->n--;
	memmove(&sus->at[i], &sus->at[i + 1], (sus->n - i) * sizeof *sus->at);
}

void kith_suspicion_answered(struct kith_suspicion *sus, const struct kith_id *id)
{
	struct kith_suspected *s = find(sus, id->b);
	if (s != NULL) {
		sus->ours -= s->ours;
		s->ours = false;
	}
}

static struct kith_suspected *make(struct kith_suspicion *sus, const struct kith_member *m, kith_time_us now)
{
	if (sus->n == KITH_SUSPECTED_MAX)
		drop(sus, 0);
	if (sus->n == sus->cap) {
		uint32_t cap = sus->cap > 0 ? 2 * sus->cap : SUSPECTED_FIRST;
		struct kith_suspected *at =
			kith_alloc_resize(sus->alloc, sus->at, sus->cap * sizeof *at, cap * sizeof *at);
		if (at == NULL)
			return NULL;
		sus->at = at;
		sus->cap = cap;
	}
	struct kith_suspected *s = &sus->at[sus->n++];
	*s = (struct kith_suspected){ .id = m->id, .seq = m->seq, .since = now };
	return s;
}

/* ---- taking ---- */

/* Whether the live members are in so many prefixes that each needs to count but once. */
static bool prefixes_enough(const struct kith_members *ms)
{
	uint64_t seen[KITH_ACCUSERS + 1];
	uint32_t n = 0;
	for (uint32_t i = 0; i < ms->n && i < PREFIXES_LOOKED_AT && n <= KITH_ACCUSERS; i++) {
		bool known = !kith_member_live(ms->at[i]);
		for (uint32_t k = 0; k < n; k++)
			known = known || seen[k] == ms->at[i]->prefix;
		if (!known)
			seen[n++] = ms->at[i]->prefix;
	}
	return n > KITH_ACCUSERS;
}

/* Whether a doubt by that member adds anything. */
static bool adds(const struct kith_suspected *s, const struct kith_members *ms, const struct kith_member *accuser)
{
	bool same_prefix = false;
	if (s == NULL)
		return true;
	for (uint8_t i = 0; i < s->n; i++) {
		if (s->by[i].accuser == kith_bytes_number(accuser->id.b, sizeof(uint64_t)))
			return false;
		same_prefix = same_prefix || s->by[i].prefix == accuser->prefix;
	}
	return s->n < KITH_ACCUSERS && !(same_prefix && prefixes_enough(ms));
}

static int check_time(const struct kith_gossip_doubt *doubt, const struct kith_now *now)
{
	if (doubt->at_ms > INT64_MAX / 2)
		return KITH_ENOTYET;
	int64_t ahead = (int64_t)doubt->at_ms - now->unix_ms;
	if (!now->unix_trusted)
		return 0;
	return ahead > KITH_CLOCK_TOLERANCE_MS ? KITH_ENOTYET : ahead < -KITH_CLOCK_TOLERANCE_MS ? KITH_EEXPIRED : 0;
}

static void know(struct kith_suspected *s, const struct kith_member *accuser, unsigned partner)
{
	for (uint8_t i = 0; s != NULL && i < s->n; i++) {
		if (s->by[i].accuser == kith_bytes_number(accuser->id.b, sizeof(uint64_t)) &&
		    partner < KITH_MEMBERS_PARTNERS)
			s->by[i].told |= (uint16_t)(1u << partner);
	}
}

int kith_suspicion_take(struct kith_suspicion *sus, const struct kith_members *ms, const struct kith_now *now,
			const struct kith_id *self, const struct kith_gossip_doubt *doubt, unsigned partner)
{
	const struct kith_member *m = kith_members_get_prefix(ms, doubt->accused);
	const struct kith_member *accuser = kith_members_get_prefix(ms, doubt->accuser);
	bool own = accuser != NULL && memcmp(accuser->id.b, self->b, KITH_ID_LEN) == 0;
	if (m == NULL || accuser == NULL || m == accuser || !kith_member_live(accuser) ||
	    (!own && kith_member_newcomer(accuser, now->mono_us)))
		return KITH_DOUBT_UNKNOWN;
	struct kith_suspected *s = find(sus, m->id.b);
	know(s, accuser, partner);
	if (!kith_member_live(m) || m->seq != doubt->seq || memcmp(m->id.b, self->b, KITH_ID_LEN) == 0 ||
	    (s != NULL && s->seq == doubt->seq && !adds(s, ms, accuser)))
		return doubt->seq > m->seq ? KITH_DOUBT_UNKNOWN : KITH_DOUBT_OLD;
	int err = check_time(doubt, now);
	const struct kith_span body = { doubt->bytes.p, KITH_GOSSIP_DOUBT_SIGNED_LEN };
	if (err == 0 &&
	    kith_verify(ms->trust->suite, doubt->sig, KITH_SIGN_DOUBT, body, accuser->blob->bytes + KITH_KEY_LEN) != 0)
		err = KITH_ESIGNATURE;
	if (err != 0)
		return err;
	if (s != NULL && s->seq != doubt->seq) { /* of an entry that is no more */
		drop(sus, (uint32_t)(s - sus->at));
		s = NULL;
	}
	s = s != NULL ? s : make(sus, m, now->mono_us);
	if (s == NULL)
		return KITH_ENOMEM;
	struct kith_doubt *d = &s->by[s->n++];
	*d = (struct kith_doubt){ .accuser = kith_bytes_number(accuser->id.b, sizeof(uint64_t)),
				  .prefix = accuser->prefix,
				  .left = STRANGERS_TOLD };
	memcpy(d->bytes, doubt->bytes.p, sizeof d->bytes);
	know(s, accuser, partner);
	sus->ours += own && !s->ours;
	s->ours = s->ours || own;
	return KITH_DOUBT_NEW;
}

/* ---- deciding ---- */

/* As many as there are others who could say so, where these are fewer. Only whom we doubt ourselves counts as gone, so
 * that nobody can make himself a majority by doubting all others. */
static uint32_t needed(const struct kith_suspicion *sus, const struct kith_members *ms)
{
	uint32_t live = kith_members_live(ms), there = live > sus->ours ? live - sus->ours : 0;
	if (there >= KITH_ACCUSERS)
		return KITH_ACCUSERS;
	return there > 1 ? there : 1;
}

uint32_t kith_suspicion_settle(struct kith_suspicion *sus, struct kith_members *ms, kith_time_us now)
{
	uint32_t died = 0;
	for (uint32_t i = 0; i < sus->n;) {
		struct kith_suspected *s = &sus->at[i];
		struct kith_member *m = kith_members_get(ms, &s->id);
		bool gone = m == NULL || m->seq != s->seq || (m->flags & KITH_MEMBER_LEFT) != 0;
		if (gone || now - s->since >= KITH_SUSPICION_US) {
			drop(sus, i);
			continue;
		}
		bool spoke = m->heard_at >= s->since;
		if (!s->decided && !spoke && s->n >= needed(sus, ms) && now - s->since >= KITH_SUSPICION_HOLD_US) {
			kith_members_bury(ms, m);
			s->decided = true;
			sus->ours -= s->ours; /* it is not live any more, and so not counted among those */
			s->ours = false;
			died++;
		}
		i++;
	}
	return died;
}

kith_time_us kith_suspicion_next_deadline(const struct kith_suspicion *sus, kith_time_us now)
{
	kith_time_us at = KITH_TIME_NEVER;
	for (uint32_t i = 0; i < sus->n; i++) {
		const struct kith_suspected *s = &sus->at[i];
		bool held = !s->decided && now - s->since < KITH_SUSPICION_HOLD_US;
		kith_time_us due = s->since + (held ? KITH_SUSPICION_HOLD_US : KITH_SUSPICION_US);
		at = due < at ? due : at;
	}
	return at;
}

/* ---- telling ---- */

size_t kith_suspicion_tell(struct kith_suspicion *sus, unsigned partner, uint8_t *out, size_t max)
{
	struct kith_writer w = kith_writer_of(out, max);
	for (uint32_t i = sus->n; i-- > 0;) {
		for (uint8_t k = 0; k < sus->at[i].n && kith_writer_space(&w) >= KITH_GOSSIP_DOUBT_LEN; k++) {
			struct kith_doubt *d = &sus->at[i].by[k];
			bool stranger = partner >= KITH_MEMBERS_PARTNERS;
			if (stranger ? d->left == 0 : (d->told >> partner & 1) != 0)
				continue;
			if (stranger)
				d->left--;
			else
				d->told |= (uint16_t)(1u << partner);
			kith_write_bytes(&w, d->bytes, sizeof d->bytes);
		}
	}
	return kith_writer_len(&w);
}

uint16_t kith_suspicion_untold(const struct kith_suspicion *sus, uint16_t partners)
{
	uint16_t untold = 0;
	for (uint32_t i = 0; i < sus->n; i++) {
		for (uint8_t k = 0; k < sus->at[i].n; k++)
			untold |= (uint16_t)(partners & ~sus->at[i].by[k].told);
	}
	return untold;
}

void kith_suspicion_partner(struct kith_suspicion *sus, unsigned partner)
{
	for (uint32_t i = 0; i < sus->n && partner < KITH_MEMBERS_PARTNERS; i++) {
		for (uint8_t k = 0; k < sus->at[i].n; k++)
			sus->at[i].by[k].told &= (uint16_t) ~(1u << partner);
	}
}
