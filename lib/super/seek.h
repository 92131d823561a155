/* Whom a supernode can ask for help: the best candidates among its own leaves, and those of other members.
 *
 * Who seeks asks up to eight members, drawn at random, for their best (NOMINATE). Each shows the certificates of one
 * leaf and its attestations; they are judged here as if the leaf had shown them, and nothing that the member says of
 * it counts. The best of them is asked by way of its home: HELP with our signed word, which the home makes sure of, and
 * asks its leaf with its own. PROTOCOL.md section 6.3.
 * Timers: SEEK_US for all answers, by whoever calls (super/help).
 * Bounds: one search at a time, KITH_ELECTION_CANDIDATES found; KITH_PASSED_MAX requests of others for leaves of ours
 *   at a time, and of each asker KITH_NOMINATE_BURST, then one in KITH_NOMINATE_SLOWER seconds.
 * Never: a decision that help is needed; a leaf named that did not consent, or whose attestations do not hold.
 */
#ifndef KITH_SUPER_SEEK_H
#define KITH_SUPER_SEEK_H

#include "link/state.h"

/* Leaves of ours that may be asked, from a random place of the table on. near: also those of our own prefix, which fall
 * silent with us. Returns how many. */
size_t kith_seek_own(struct kith_core *c, bool near, struct kith_session *out[KITH_ELECTION_CANDIDATES]);
/* The best of them; NULL: there is none. */
struct kith_session *kith_seek_best(const struct kith_core *c, struct kith_session *const own[], size_t n);

/* A leaf of ours said no, or nothing: it is not asked for an hour. */
void kith_seek_refused(struct kith_core *c, struct kith_session *s);

/* The body of HELP for a device, with our word; its length, or an error. */
int kith_seek_help_body(struct kith_core *c, const struct kith_key *device, uint8_t out[KITH_REQUEST_MAX]);

/* Asks members. False: there is nobody to ask. */
bool kith_seek_begin(struct kith_core *c);
bool kith_seek_active(const struct kith_core *c);
/* When the search is over, whoever has not answered; NEVER: there is none. */
kith_time_us kith_seek_until(const struct kith_core *c);
/* Takes an answer to NOMINATE. True: all have answered. */
bool kith_seek_heard(struct kith_core *c, const struct kith_answer *answer);
/* Takes out the best that was found, and where to ask for it. False: there is none left, and the search has ended. */
bool kith_seek_next(struct kith_core *c, struct kith_host *newcomer, struct kith_host *home);
void kith_seek_end(struct kith_core *c);

/* NOMINATE, and HELP, from a member; the leaf's answer to that. */
void kith_seek_on_nominate(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_seek_on_help(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_seek_on_passed(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

void kith_seek_deinit(struct kith_core *c);

#endif
