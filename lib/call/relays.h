/* An end's half of tunnels: asking a supernode for one, and doing without one that ends or is limited.
 *
 * The callee's homes are asked one after the other; while calling, each of them gets a copy of the same HELLO.
 */
#ifndef KITH_CALL_RELAYS_H
#define KITH_CALL_RELAYS_H

#include "link/state.h"

/* Sends the HELLO to the callee: again over a tunnel there is, and through the next home. */
void kith_relays_carry(struct kith_core *c, struct kith_session *s);

/* While calling: a home of the callee opened no tunnel, or there are other homes now. The next one is asked at once. */
void kith_relays_refused(struct kith_core *c, struct kith_session *s);

/* Takes the peer's homes from its record: of a relay-only one not itself, which nobody may speak to. doubted: bitmap of
 * those that are none, as a look-up's answer said. */
void kith_relays_homes(struct kith_peer *peer, const struct kith_record *record, uint8_t doubted);

/* Whether any of the callee's homes may be asked for a tunnel: for a relay-only contact those that are ours too, or any
 * by way of a home of ours. */
bool kith_relays_reach(struct kith_core *c, const struct kith_peer *peer);

/* Asks the supernode at host to pass packet (may be empty: open the tunnel only) to the device of session s. The answer
 * becomes a path of s. KITH_ERELAYONLY: it would see our address, and may not. */
int kith_relays_ask(struct kith_core *c, struct kith_session *s, const struct kith_host *host,
		    struct kith_span packet) KITH_MUST_USE;

void kith_relays_on_answer(struct kith_core *c, struct kith_session *via, const struct kith_answer *answer);
void kith_relays_on_close(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* RELAY_LIMITED: the supernode at the other end of s drops what we send into a tunnel. Each session that uses the
 * tunnel notes it in its journal. False: malformed, or s is not a session with a supernode for its services. */
bool kith_relays_on_limited(struct kith_core *c, const struct kith_session *s, struct kith_span body);

/* Asks the relays of s to tell its peer where we are (LEG), so that the peer may try more ports there than at an
 * address that we only name. The peer was told that address already. */
void kith_relays_show(struct kith_core *c, const struct kith_session *s);

/* LEG of a supernode: where the other end of a tunnel is. False: malformed, or s is not a session with a supernode for
 * its services. */
bool kith_relays_on_leg(struct kith_core *c, const struct kith_session *s, struct kith_span body);

/* Those of the callee's homes may be asked again through which no path goes. False: a path goes through each. */
bool kith_relays_anew(struct kith_session *s);

/* Asks for a tunnel through the next home of the callee that was not asked yet, with packet inside. False: all were. */
bool kith_relays_next(struct kith_core *c, struct kith_session *s, struct kith_span packet);

/* The contact became relay-only: forgets its tunnels at supernodes that are no homes of ours, and without a word the
 * sessions with those supernodes that were for tunnels to it only. */
void kith_relays_withdraw(struct kith_core *c, struct kith_session *s);

/* Whether a session of our application sends through a tunnel of the supernode at the other end. */
bool kith_relays_in_use(const struct kith_core *c, const struct kith_session *via);

#endif
