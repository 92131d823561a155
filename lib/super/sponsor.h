/* A home has a leaf attested: it asks witnesses that the leaf did not choose, and keeps the figures of its leaves that
 * are attested already. PROTOCOL.md section 10.1.
 *
 * Witnesses that are far (overlay/sectors.h) are looked for as the replicas of a key are, and then asked.
 * The witnesses are asked about the address that the leaf's packets come from, or about another port of it: never about
 * an address that the leaf only names.
 * Bounds: one candidate a second, the same leaf once in KITH_WITNESS_AGAIN_US.
 * Never: a figure that was not attested by members; a leaf promoted (that is decided elsewhere).
 */
#ifndef KITH_SUPER_SPONSOR_H
#define KITH_SUPER_SPONSOR_H

#include "link/state.h"

/* ATTEST, from a leaf of ours, or from a supernode that elected itself. */
void kith_sponsor_on_attest(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* Those that are far were looked for: they are asked. */
void kith_sponsor_located(struct kith_core *c);

/* Attestations of an attached leaf whose witnesses were not known are looked at again. */
void kith_sponsor_look(struct kith_core *c, struct kith_session *s);

/* The figures of an attached leaf while they hold, else NULL. */
const struct kith_qualification *kith_sponsor_figures(const struct kith_core *c, const struct kith_session *s);

#endif
