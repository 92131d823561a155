/* A witness has a stranger knock at its candidate: a leaf that consents to serve, its own or another member's.
 * PROTOCOL.md section 10.2.
 *
 * A NAT that lets in all ports of an address that was spoken to lets in whatever members send, since a candidate can
 * speak to all of them first. It cannot know where leaves are, and those that consent to serve do not hide it.
 * Which leaf of a supernode it is follows from the number to be told: whoever asks again, since a packet was lost, asks
 * the same one. Another one is asked only if the first does not answer or refuses. Else a league of leaves, one of
 * which passes the number on by other ways, had as many draws as it liked.
 * Bounds: KITH_KNOCK_MEMBERS members, and together with leaves KITH_KNOCKERS_MAX are asked; what each leaf sends is
 *   bounded by link/knock.
 * Never: a candidate judged; a leaf asked that did not consent; a packet sent by a supernode itself.
 */
#ifndef KITH_SUPER_KNOCK_H
#define KITH_SUPER_KNOCK_H

#include "link/state.h"
#include "wire/message_attest.h"

enum {
	KITH_KNOCK_MEMBERS = 8, /* where two of three members have no such leaf, 96 in 100 find one even so */
	KITH_KNOCKERS_MAX = 12
};

struct kith_knock {
	struct kith_msg_knock what;
	uint32_t knockers[KITH_KNOCKERS_MAX]; /* sessions of those that were asked; the last one is asked again */
	uint8_t n;
	struct kith_id members[KITH_KNOCK_MEMBERS]; /* drawn when the own leaves are used up */
	uint8_t members_n, members_at;
	uint8_t without; /* those asked that had no leaf to ask */
};

/* Draws the number; nobody is asked yet. */
void kith_knock_begin(struct kith_core *c, struct kith_knock *k, const struct kith_endpoint *at, uint64_t name);

/* Asks the last one again, or, if another is wanted or there is none, another. KITH_ENOENT: there is nobody else; or
 * why a request does not go out. */
int kith_knock_ask(struct kith_core *c, struct kith_knock *k, bool another, uint64_t token) KITH_MUST_USE;

/* Whether a session is that of the one that was asked last. */
bool kith_knock_is_of(const struct kith_knock *k, const struct kith_session *s);

/* KNOCK, from a member. */
void kith_knock_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

#endif
