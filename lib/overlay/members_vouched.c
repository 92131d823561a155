#include "overlay/members_vouched.h"

#include <string.h>

#include "base/alloc.h"

/* What is known of the witness that an attestation names. */
static void look_up(const struct kith_members *ms, struct kith_vouch *v)
{
	const struct kith_member *m = kith_members_get_prefix(ms, v->attest.witness);
	struct kith_member_entry entry;
	struct kith_chain chain;
	if (m == NULL || !kith_member_live(m) || kith_member_parse(&entry, kith_member_entry_bytes(m)) != 0 ||
	    kith_chain_parse(&chain, entry.chain) != 0)
		return;
	v->known = true;
	v->sign = entry.sign;
	v->identity = chain.kind == KITH_CHAIN_OPEN ? chain.identity : chain.name.identity;
	v->prefix = m->prefix;
}

static int read_vouches(const struct kith_members *ms, struct kith_span attests,
			struct kith_vouch out[KITH_ATTESTS_MAX])
{
	struct kith_attest parsed[KITH_ATTESTS_MAX];
	int n = kith_attests_read(parsed, attests);
	for (int i = 0; i < n; i++) {
		out[i] = (struct kith_vouch){ .attest = parsed[i] };
		look_up(ms, &out[i]);
	}
	return n;
}

int kith_members_qualify(const struct kith_members *ms, const struct kith_now *now, const struct kith_qualify_who *who,
			 const struct kith_endpoint *endpoint, struct kith_span attests, struct kith_qualification *out)
{
	struct kith_vouch vouches[KITH_ATTESTS_MAX];
	int n = read_vouches(ms, attests, vouches);
	memset(out, 0, sizeof *out);
	return n < 0 ? n : kith_qualify(ms->trust->suite, now, who, endpoint, vouches, (size_t)n, out);
}

void kith_members_history(const struct kith_members *ms, const struct kith_now *now, const struct kith_qualify_who *who,
			  struct kith_span attests, struct kith_history *out)
{
	struct kith_vouch vouches[KITH_ATTESTS_MAX];
	int n = read_vouches(ms, attests, vouches);
	kith_qualify_history(ms->trust->suite, now, who, vouches, n > 0 ? (size_t)n : 0, out);
}

bool kith_members_seeds(const struct kith_members *ms, const struct kith_person *person)
{
	return ms->trust->open || (person->flags & KITH_NAME_SUPERNODE) != 0;
}

/* Whether an entry may stand in the table. One that the issuer does not name a supernode must be attested, where it
 * says that it is, and does not take the place of another device of its identity. held: NULL when it would be new. */
int kith_members_check(const struct kith_members *ms, const struct kith_now *now, const struct kith_member_entry *entry,
		       const struct kith_member *held, struct kith_person *person)
{
	struct kith_qualification figures;
	int err = kith_member_verify(entry, ms->trust, now, person);
	if (err != 0 || kith_members_seeds(ms, person))
		return err;
	if (ms->trust->certified_only)
		return KITH_EACCES;
	if (held != NULL && kith_member_live(held) && held->expires_ms >= now->unix_ms &&
	    memcmp(held->blob->bytes, entry->device.b, KITH_KEY_LEN) != 0)
		return KITH_EEXIST;
	const struct kith_qualify_who who = { .sign = entry->sign, .identity = person->identity };
	return kith_members_qualify(ms, now, &who, &entry->endpoints[0], entry->attest, &figures);
}

/* ---- witnesses that are not known ---- */

/* NULL: without memory, or with a full view. */
static struct kith_absent *absent(struct kith_members *ms)
{
	if (ms->absent == NULL && ms->sectors.bits > 0)
		ms->absent = KITH_NEW(ms->alloc, struct kith_absent);
	return ms->absent;
}

bool kith_members_seek(struct kith_members *ms, const struct kith_now *now, struct kith_span attests)
{
	struct kith_attest list[KITH_ATTESTS_MAX];
	struct kith_absent *a = absent(ms);
	int n = a != NULL ? kith_attests_read(list, attests) : 0;
	bool sought = false;
	for (int i = 0; i < n; i++) {
		if (kith_members_get_prefix(ms, list[i].witness) == NULL &&
		    !kith_sectors_near(&ms->sectors, list[i].witness))
			sought = kith_absent_want(a, now->mono_us, list[i].witness, ms->teller) || sought;
	}
	return sought;
}

bool kith_members_on_word(struct kith_members *ms, const struct kith_now *now, const struct kith_id *id,
			  struct kith_span attests)
{
	if (ms->word || ms->sectors.bits == 0)
		return ms->word;
	if (kith_sectors_near(&ms->sectors, id->b)) {
		if (ms->teller != 0)
			(void)kith_members_seek(ms, now, attests);
		return false;
	}
	struct kith_absent *a = absent(ms);
	return a != NULL && ms->teller != 0 && kith_absent_told(a, now->mono_us, id->b, ms->teller);
}

void kith_members_doubt(struct kith_members *ms)
{
	for (uint32_t i = 0; i < ms->n; i++)
		ms->at[i]->on_word = true;
	ms->rechecked = 0;
}

/* Whether a member whose entry was looked at stays: on a word still (true in *later: until its witnesses were looked
 * for), or since its attestations count. */
static bool stays(struct kith_members *ms, const struct kith_now *now, struct kith_member *m, bool *later)
{
	struct kith_member_entry entry;
	struct kith_person person;
	int err = kith_member_parse(&entry, kith_member_entry_bytes(m));
	if (err == 0)
		err = kith_members_check(ms, now, &entry, m, &person);
	m->on_word = err != 0;
	if (err == KITH_ENOENT && ms->sectors.bits > 0) {
		if (!kith_member_near(ms, m))
			return true;
		bool sought = kith_members_seek(ms, now, entry.attest);
		*later = *later || sought;
		return sought;
	}
	return err == 0;
}

uint32_t kith_members_recheck(struct kith_members *ms, const struct kith_now *now, uint32_t n, bool *more)
{
	uint32_t gone = 0;
	for (; ms->rechecked < ms->n && n > 0; ms->rechecked++) {
		struct kith_member *m = ms->at[ms->rechecked];
		if (!m->on_word)
			continue;
		n--;
		if (stays(ms, now, m, &ms->recheck_again))
			continue;
		kith_members_drop(ms, ms->rechecked--);
		gone++;
	}
	if (ms->rechecked >= ms->n && ms->recheck_again) {
		ms->rechecked = 0;
		ms->recheck_again = false;
	}
	*more = ms->rechecked < ms->n;
	return gone;
}
