/* A node that consents to serve has itself attested: it asks a home, lets witnesses in for a while, sends and receives
 * what they measure with, and keeps their attestations. PROTOCOL.md section 10.
 *
 * What is kept: the newest attestation of each of the last witnesses, of one endpoint. They are shown to every home,
 * and to the next witnesses, so that what was seen on former days is not lost.
 * One witness measures at a time; others are told to wait (LIMITED). Each has a leaf knock before, whose number is kept
 * for it to ask.
 *
 * A supernode that elected itself names three in its entry whose witnesses are members still, and asks for new ones
 * when there are not three.
 * Timers: looks after that once an hour; asks 30 s after it has a home, and again 20 hours later; when too few
 * attestations came after 15 minutes,
 *   doubling to 4 hours. Witnesses are let in for KITH_WITNESS_WINDOW_US after asking. Packets of a round are sent when
 *   they are due. A question about a round that has not arrived in full is answered after 20 ms at the latest.
 * Bounds: KITH_WITNESSES_IN_MAX sessions at a time of asking; for each measurement KITH_BURST_BYTES_MAX bytes sent, at
 *   no more than the operator's cap.
 * Never: served by this file (core/serving does); a figure of its own that others believe.
 */
#ifndef KITH_LEAF_CANDIDACY_H
#define KITH_LEAF_CANDIDACY_H

#include "link/state.h"
#include "wire/attest.h"

/* What the operator gives. */
struct kith_candidacy_options {
	struct kith_endpoint endpoint; /* that is advertised; kind 0: where homes see this node */
	uint32_t up, down; /* bytes a second at most; 0: no cap */
};

enum kith_reached {
	KITH_REACHED_UNKNOWN, /* not asked yet, or the home could not have it tried */
	KITH_REACHED_YES, /* witnesses reached us: attested */
	KITH_REACHED_SOME, /* too few did */
	KITH_REACHED_NOBODY, /* nobody did: the endpoint does not work from outside */
	KITH_REACHED_ELSEWHERE /* the advertised endpoint has another address than the one that the home sees */
};

/* What came of asking, for whoever shows it to the operator. */
struct kith_candidacy_info {
	enum kith_reached reached;
	struct kith_endpoint endpoint; /* that it is about; kind 0: not known yet */
	uint8_t attestations; /* held that hold now */
	struct kith_qualification figures; /* by all that are held; unverified: this node need not know its witnesses */
};

/* Consents; attestations of the state file are held again. KITH_ESTATE: did already; KITH_ENOMEM. */
int kith_candidacy_begin(struct kith_core *c, const struct kith_candidacy_options *o) KITH_MUST_USE;
/* Consents no more: forgets the attestations as well. */
void kith_candidacy_end(struct kith_core *c);

/* False: this node does not consent. */
bool kith_candidacy_info(const struct kith_core *c, struct kith_candidacy_info *out);

/* The attestations for our own member entry, KITH_ATTESTS_NEEDED at most, and where they attest us. The length; 0: too
 * few. */
size_t kith_candidacy_attests(const struct kith_core *c, uint8_t out[KITH_ATTESTS_LEN_MAX],
			      struct kith_endpoint *endpoint);

/* All that are held, or were when the state file was written, as a list to be saved. The length. */
size_t kith_candidacy_held(const struct kith_core *c, uint8_t out[KITH_ATTESTS_LEN_MAX]);

/* A home took us: it is to be asked, or told. */
void kith_candidacy_attached(struct kith_core *c);

void kith_candidacy_on_asked(struct kith_core *c, const struct kith_answer *answer);
void kith_candidacy_on_measure(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
/* A packet by which a stranger shows, to the witness of a session, that strangers reach us. */
void kith_candidacy_on_knock(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);
/* KNOCK, from a home: we are to be the stranger of another candidate. */
void kith_candidacy_on_knock_asked(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_candidacy_on_attested(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
/* False: malformed. */
bool kith_candidacy_on_burst(struct kith_core *c, struct kith_session *s, struct kith_span body);

/* Whether a session is that of a witness, which may measure us. */
bool kith_candidacy_witnessed(struct kith_core *c, struct kith_session *s);
/* The session of a witness has ended. */
void kith_candidacy_lost(struct kith_core *c, const struct kith_session *s);
void kith_candidacy_tick(struct kith_core *c);

#endif
