#include "session/allowance.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "wire/body.h"

enum whose { IDENTITY, DEVICE, PREFIX, NET };

static const struct kith_rate rates[KITH_CHARGES_N] = {
#define KITH_CHARGE_ROW(name, whose, tokens, seconds, burst) [KITH_CHARGE_##name] = { (tokens), (seconds), (burst) },
	KITH_CHARGE_MAP(KITH_CHARGE_ROW)
#undef KITH_CHARGE_ROW
};

static const uint8_t whose_is[KITH_CHARGES_N] = {
#define KITH_CHARGE_WHOSE(name, whose, tokens, seconds, burst) [KITH_CHARGE_##name] = (whose),
	KITH_CHARGE_MAP(KITH_CHARGE_WHOSE)
#undef KITH_CHARGE_WHOSE
};

static const uint32_t most[KITH_HOLDINGS_N] = {
#define KITH_HOLDING_ROW(name, most) [KITH_HOLDING_##name] = (most),
	KITH_HOLDING_MAP(KITH_HOLDING_ROW)
#undef KITH_HOLDING_ROW
};

void kith_allowance_init(struct kith_allowance *a, const struct kith_alloc *alloc, const struct kith_random *random,
			 uint32_t known_max, uint32_t strangers_max)
{
	kith_limiter_init(&a->strangers, alloc, random, strangers_max, rates);
	kith_limiter_init(&a->known, alloc, random, known_max, rates);
	a->held = NULL;
}

static void raise_to(uint32_t *max, uint32_t to)
{
	*max = *max > to ? *max : to;
}

void kith_allowance_widen(struct kith_allowance *a, uint32_t known_max, uint32_t strangers_max)
{
	raise_to(&a->known.buckets.max, known_max);
	raise_to(&a->strangers.buckets.max, strangers_max);
}

void kith_allowance_deinit(struct kith_allowance *a)
{
	if (a->known.alloc == NULL)
		return;
	kith_limiter_deinit(&a->known);
	kith_limiter_deinit(&a->strangers);
	for (unsigned i = 0; a->held != NULL && i < KITH_HOLDINGS_N; i++)
		kith_shares_deinit(&a->held[i]);
	KITH_FREE_ARRAY(a->known.alloc, a->held, KITH_HOLDINGS_N);
	a->held = NULL;
}

const struct kith_rate *kith_charge_rates(void)
{
	return rates;
}

bool kith_allowance_spend(struct kith_allowance *a, kith_time_us now, uint64_t who, enum kith_charge charge)
{
	struct kith_limiter *l = whose_is[charge] >= PREFIX ? &a->strangers : &a->known;
	return kith_limiter_allow(l, now, who, (uint8_t)charge);
}

static bool hold(struct kith_allowance *a)
{
	if (a->held != NULL)
		return true;
	a->held = KITH_NEW_ARRAY(a->known.alloc, struct kith_shares, KITH_HOLDINGS_N);
	for (unsigned i = 0; a->held != NULL && i < KITH_HOLDINGS_N; i++)
		kith_shares_init(&a->held[i], a->known.alloc, kith_holding_most((enum kith_holding)i),
				 a->known.buckets.seed);
	return a->held != NULL;
}

bool kith_allowance_take(struct kith_allowance *a, uint64_t who, enum kith_holding holding)
{
	return hold(a) && kith_shares_take(&a->held[holding], who);
}

int kith_allowance_take_of(struct kith_allowance *a, uint64_t who, enum kith_holding holding, uint32_t left)
{
	const uint32_t share = (left + KITH_FREE_SHARE - 1) / KITH_FREE_SHARE,
		       held = kith_allowance_held(a, who, holding);
	if (held >= share || held >= most[holding])
		return KITH_ELIMIT;
	return kith_allowance_take(a, who, holding) ? 0 : KITH_ENOMEM;
}

void kith_allowance_give(struct kith_allowance *a, uint64_t who, enum kith_holding holding)
{
	KITH_ASSERT(a->held != NULL);
	kith_shares_give(&a->held[holding], who);
}

uint32_t kith_holding_most(enum kith_holding holding)
{
	return most[holding];
}

uint32_t kith_allowance_held(const struct kith_allowance *a, uint64_t who, enum kith_holding holding)
{
	return a->held != NULL ? kith_shares_held(&a->held[holding], who) : 0;
}

/* ---- requests ---- */

/* X(request, charge, where): it is charged ...
 *   DOOR    when it comes, whatever is in it
 *   WITHIN  by its handler: by what is in it, or not at all */
#define KITH_REQUEST_CHARGE_MAP(X)                                                                                     \
	X(ATTACH, ATTACHING, DOOR)                                                                                     \
	X(LOOKUP, LOOKUP, WITHIN) /* a leaf's own record, now and then, is free */                                     \
	X(SUBSCRIBE, SUBSCRIPTION, WITHIN) /* each key that is new */                                                  \
	X(INTRODUCE, INTRODUCTION, WITHIN)                                                                             \
	X(NOTIFY, NOTICE, DOOR)                                                                                        \
	X(LEAVE, HOME_WORD, DOOR)                                                                                      \
	X(TUNNEL_CLOSE, TUNNEL_CLOSING, WITHIN)                                                                        \
	X(ATTEST, ATTESTING, DOOR)                                                                                     \
	X(MEASURE, MEASURING, DOOR)                                                                                    \
	X(ATTESTED, MEASURING, DOOR)                                                                                   \
	X(ELECTED, ENTRY, DOOR)                                                                                        \
	X(MOVE, HOME_WORD, DOOR)                                                                                       \
	X(HELP, HOME_WORD, DOOR) /* and NOMINATION, if it is to be passed on */                                        \
	X(MEMBERS, LOOKUP, WITHIN) /* of a leaf, now and then, free */                                                 \
	X(STORE, STORING, DOOR)                                                                                        \
	X(FIND, READING, DOOR) /* and LOOKUP, of who is no supernode */                                                \
	X(WATCH, READING, DOOR)                                                                                        \
	X(VANISH, STORING, DOOR) /* and VANISH_REPORT, if it is told on */                                             \
	X(GOSSIP, GOSSIPING, DOOR)                                                                                     \
	X(WITNESS, WITNESSING, DOOR)                                                                                   \
	X(LIST, LOOKUP, WITHIN)                                                                                        \
	X(EDITIONS, HOME_WORD, DOOR)                                                                                   \
	X(KNOCK, KNOCK_ASKED, DOOR) /* and KNOCK, of a leaf */                                                         \
	X(ECHO, ECHO, WITHIN) /* and ECHO_FOR, of a supernode */                                                       \
	X(ADMIT, ADMISSION, DOOR)                                                                                      \
	X(NOMINATE, NOMINATION, WITHIN)                                                                                \
	X(REKEY, REKEYING, DOOR)                                                                                       \
	X(CHALLENGE, PROOF, DOOR)                                                                                      \
	X(RENEWED, RENEWAL, WITHIN) /* what is held already is free */                                                 \
	X(FOLLOW, FOLLOWING, DOOR)                                                                                     \
	X(EARLY, FOLLOWING, DOOR)

enum { WITHIN, DOOR };

bool kith_request_charged(uint8_t kind, enum kith_charge *charge)
{
	switch ((enum kith_request_kind)kind) {
#define KITH_REQUEST_CHARGE_CASE(request, what, where)                                                                 \
	case KITH_REQ_##request:                                                                                       \
		*charge = KITH_CHARGE_##what;                                                                          \
		return (where) == DOOR;
		KITH_REQUEST_CHARGE_MAP(KITH_REQUEST_CHARGE_CASE)
#undef KITH_REQUEST_CHARGE_CASE
	}
	return false;
}
