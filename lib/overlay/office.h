/* Whether this node may serve others, and what was said about it: its role and its user's word (<kith/role.h>), the
 * machine, the address that others found to work, and the requests for help.
 *
 * It decides nothing about others and does nothing: it is asked, and what is to happen is left behind in begin and end,
 * which core/serving carries out at the end of the call. A lower layer promotes by kith_office_ask and demotes by
 * kith_office_resign, and needs to know of nobody.
 *
 * Invariants: begin and end are never both set; neither is set for what is so already. With the role leaf nothing
 *   begins, with the role supernode nothing ends.
 * Timers: none. A question to the user is void after its time, and the next one comes KITH_OFFICE_ASK_US later at the
 *   earliest; it is looked at when it is asked for.
 * A node of role leaf needs none: where one is asked or told, NULL is such a node's.
 * Bounds: KITH_OFFICE_TRIALS endpoints that were tried; the oldest that works gives way, or the oldest.
 * Never: a clock, a core, an effect; a promotion that was not asked for by a supernode, the user or the operator.
 */
#ifndef KITH_OVERLAY_OFFICE_H
#define KITH_OVERLAY_OFFICE_H

#include <kith/role.h>

#include "base/limits.h"

#define KITH_OFFICE_ASK_US (3600 * KITH_US_PER_S) /* local: an application nags its user once an hour at most */
#define KITH_OFFICE_LEAVES_LEAST 200 /* local: a newcomer begins with a tenth, and fewer than 20 relieve nobody */
#define KITH_OFFICE_TRIALS (KITH_ENDPOINTS_MAX + 1)

/* An endpoint that others tried. */
struct kith_office_trial {
	struct kith_endpoint at; /* family NONE: free */
	int err; /* of the last try; 0: it works */
	int told; /* the last one that the application was told */
};

struct kith_office {
	uint8_t role; /* enum kith_role: what may be */
	bool serving; /* what is, as kith_office_began and _ended say */
	bool certified; /* the certificates alone allow to serve: nobody need have proven anything */
	bool configured; /* the options name an endpoint */
	bool barred; /* the network lets only those serve whom their certificates allow it, and ours do not */
	uint32_t leaves_max; /* for which the caps leave room */
	uint8_t hindrances; /* enum kith_hindrance */
	struct kith_terms terms;
	kith_time_us since; /* of what is */
	uint8_t changed; /* enum kith_role_reason: why it became so; NONE: it was made so */
	int err; /* of FAILED */
	bool asked; /* the user was, and has not answered; until asked_until */
	kith_time_us asked_until, ask_again_at;
	struct kith_endpoint found; /* proven to work from outside by others, until found_until; family NONE: none */
	kith_time_us found_until;
	uint32_t load; /* in thousandths, by whoever measures it */
	struct kith_office_trial trials[KITH_OFFICE_TRIALS];
	uint8_t trials_at; /* the next to give way */
	bool told_serving; /* what ROLE told last */
	bool lent; /* the node serves at found: its options name no endpoint */
	/* Left behind: */
	uint8_t begin, end; /* enum kith_role_reason: NONE, or why */
	bool tell_asked; /* ASKED is to be told */
};

/* certified, configured and leaves_max are the owner's to set. */
void kith_office_init(struct kith_office *o, enum kith_role role, const struct kith_terms *terms, kith_time_us now);

/* Whether terms can be: KITH_EINVAL if not. */
int kith_office_check(enum kith_role role, const struct kith_terms *terms) KITH_MUST_USE;

/* Another role, other terms: what serves and may not any more ends. */
void kith_office_set(struct kith_office *o, enum kith_role role, const struct kith_terms *terms, kith_time_us now);

/* Whether the network bars this node: then what serves ends. */
void kith_office_bar(struct kith_office *o, bool barred);

/* What keeps the node from serving; NONE: it may be asked. */
enum kith_role_reason kith_office_obstacle(const struct kith_office *o, kith_time_us now);

/* Why it is what it is: for people. seen: others see the node at an address that may be reached. */
enum kith_role_reason kith_office_why(const struct kith_office *o, kith_time_us now, bool seen);

/* A supernode asks for help, and was verified: the request is good for patience_us. 0: it begins when the call settles;
 * KITH_EAGAIN: the user is asked, begin is set by the answer; KITH_EACCES: it may not (kith_office_obstacle);
 * KITH_ESTATE: it serves already. */
int kith_office_ask(struct kith_office *o, kith_time_us now, kith_time_us patience_us) KITH_MUST_USE;

/* The user's word. */
void kith_office_consent(struct kith_office *o, enum kith_consent consent, kith_time_us now);

/* Bits of enum kith_hindrance. */
void kith_office_hinder(struct kith_office *o, unsigned hindrances);

/* It is not needed any more. Nothing if its role is supernode. */
void kith_office_resign(struct kith_office *o);

/* Others have found it at an endpoint and signed that, until then; NULL: that is void. */
void kith_office_found(struct kith_office *o, const struct kith_endpoint *at, kith_time_us until);

/* Somebody tried an endpoint of ours from outside: 0, or why it does not work. */
void kith_office_tried(struct kith_office *o, const struct kith_endpoint *at, int err);
bool kith_office_is_failing(const struct kith_office *o, const struct kith_endpoint *at);
/* A trial whose result the application was not told yet; NULL: none. Of one that always worked nothing is told. */
struct kith_office_trial *kith_office_untold(struct kith_office *o);

/* It serves from now on; does not any more; could not begin. */
void kith_office_began(struct kith_office *o, enum kith_role_reason why, kith_time_us now);
void kith_office_ended(struct kith_office *o, enum kith_role_reason why, kith_time_us now);
void kith_office_failed(struct kith_office *o, int err);

#endif
