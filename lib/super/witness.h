/* A witness dials candidates back and measures them, one at a time. PROTOCOL.md section 10.2.
 *
 * A candidate's home names it. The witness makes sure that it is one of those that may attest it, and that the
 * candidate has not spoken to it, dials the address that the home has proven, measures both ways on that session
 * (overlay/burst), and signs what it found. It attests what it saw itself, but for since when the candidate has been
 * there, which it takes over from attestations of members that the candidate shows (overlay/qualify).
 * It dials from a port of its own for each candidate, which nobody can know before: a NAT lets in who was spoken to,
 * and the candidate may have spoken to all supernodes. Without one (a host that opens none) it dials as ever. Then
 * some leaf has to knock (super/knock), since a NAT may let in all ports of an address that was spoken to. Where no
 * member has a leaf that consents to serve, it goes on without.
 * A candidate that has spoken to it is refused. Where members are so few that its homes are needed (overlay/witnesses),
 * it is not; but then there is no going on without a knock.
 *
 * Timers: a port has OPEN_US to open. A leaf has KNOCKER_US to say that it knocked; it is asked to three times, and
 *   each time it is looked twice whether that came. A measurement has KITH_WITNESS_TURN_US after it began; until it may
 *   begin, since the candidate is measured by others, it is asked once a second, for KITH_WITNESS_WINDOW_US. A round of
 *   which nothing more comes ends after 300 ms and a round trip.
 * Bounds: KITH_WITNESS_QUEUE candidates wait, more are refused (FULL); KITH_WITNESS_REMEMBERED dialled in
 *   KITH_WITNESS_AGAIN_US, none of them twice, and KITH_WITNESS_PER_PREFIX of one /24 or /48: more are refused
 * (LIMITED).
 *   What one costs is four first messages of 1200 bytes to an address that does not answer, and KITH_BURST_BYTES_MAX
 *   each way to one that does.
 * Never: an address dialled that no home has proven; a figure that it did not measure.
 */
#ifndef KITH_SUPER_WITNESS_H
#define KITH_SUPER_WITNESS_H

#include "link/state.h"
#include "wire/message_attest.h"

/* A candidate that a home names: by the session s, or this node itself, of which s is a leaf. Returns the status for
 * the home. */
uint8_t kith_witness_take(struct kith_core *c, const struct kith_session *s,
			  const struct kith_msg_witness *m) KITH_MUST_USE;

/* WITNESS, from the candidate's home. */
void kith_witness_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* The port is open, or will not be: what was asked for under that id has ended. */
void kith_witness_opened(struct kith_core *c, uint32_t effect);

/* The candidate answers, sends a packet of a round (false: malformed), is gone. */
void kith_witness_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);
bool kith_witness_on_burst(struct kith_core *c, struct kith_session *s, struct kith_span body);
void kith_witness_lost(struct kith_core *c, const struct kith_session *s);

void kith_witness_tick(struct kith_core *c);
void kith_witness_deinit(struct kith_core *c);

#endif
