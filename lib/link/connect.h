/* Making sessions: the initiator's half of the handshake, on whatever way its packets take.
 *
 * Where a first message to a supernode may go: link/ways.h.
 * Timers: HELLO again after 300 ms, doubling to 4 s, to the next address of the host each time, and to one by another
 * kind of transport as well: the first answer counts; given up after 10 s, a call with its operation. The message that
 * cancels a call is repeated for KITH_CANCEL_US.
 */
#ifndef KITH_LINK_CONNECT_H
#define KITH_LINK_CONNECT_H

#include "link/state.h"

/* Sends a request to a supernode, over the session there is or in the first message of a new one. use: further uses of
 * the session (bits of enum kith_session_use, may be 0). A host whose dh is zero is asked for it first (link/who.h).
 * *session: its index. */
int kith_connect_request(struct kith_core *c, const struct kith_host *host, uint8_t use, uint8_t kind,
			 struct kith_span body, uint64_t token, uint32_t *session) KITH_MUST_USE;

/* Dials a candidate back: a first message to the one endpoint that host has, with a request in it, whatever sessions
 * there are with that device. The session is not found by its device, so that nothing but *session refers to it.
 * from: the transport to dial from; NULL: as to anybody. */
int kith_connect_witness(struct kith_core *c, const struct kith_host *host, const uint16_t *from, uint8_t kind,
			 struct kith_span body, uint64_t token, uint32_t *session) KITH_MUST_USE;

/* What goes along with a call, if there is room (s->hs->early says so). */
struct kith_early {
	struct kith_span bytes; /* at most KITH_EARLY_MAX, or none */
	bool by_id; /* the callee holds our issuer's certificate: it may be left out for want of room */
	bool alone; /* the HELLO is sent in an open session, and need not fit beside another one */
};

/* Makes a session to a person's device, and its HELLO, for lib/call to send (s->hs->packet). */
struct kith_session *kith_connect_peer(struct kith_core *c, const struct kith_key *device, const char *service,
				       const struct kith_early *early);

/* Sends the HELLO over a hop. */
void kith_connect_send(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop);

/* The HELLO was not sent for lack of a hop, which counts as a try. */
void kith_connect_waited(struct kith_core *c, struct kith_session *s);

/* Gives up a call that was not answered yet. The callee is told, a few times and without an answer, by a first message
 * that takes back the one with the same call id; lib/call sends it. The session ends by itself after that. False: the
 * call was given up before, or the callee cannot be told. */
bool kith_connect_cancel(struct kith_core *c, struct kith_session *s) KITH_MUST_USE;

/* What a packet of the handshake came to, for core/dispatch. */
enum kith_link_event {
	KITH_LINK_NOTHING,
	KITH_LINK_OPENED, /* the session is up on our side */
	KITH_LINK_REFUSED /* the callee said no; the session is to be ended */
};

struct kith_link_result {
	enum kith_link_event event;
	struct kith_session *session;
	enum kith_close_reason reason; /* REFUSED */
	struct kith_span
		answer; /* OPENED: the ANSWER frame's body that came along, borrowed from payload; p NULL: none */
	uint8_t payload[KITH_UDP_PAYLOAD];
};

/* Handshake packets from the network, to the initiator. */
void kith_connect_on_reply(struct kith_core *c, const struct kith_hs_header *header, const struct kith_hop *from,
			   struct kith_link_result *out);
/* Why a HELLO is not answered: a hint, which anybody on the way can forge. The attempt goes on until its time is over,
 * since a REPLY may still come; one to a supernode that is full is not repeated. */
void kith_connect_on_version(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);
/* A supernode says that it takes nobody. The attempt that this is about, if the word is that of the very supernode that
 * was asked, and was made lately; its caller ends it. One is looked at for each HELLO that was sent: verifying costs
 * signatures. NULL: nothing follows from it. */
struct kith_session *kith_connect_on_busy(struct kith_core *c, struct kith_span packet, const struct kith_hop *from,
					  struct kith_busy *out);
void kith_connect_on_cookie(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

/* The handshake of an open session is over: the other side was heard in the session's keys. */
void kith_connect_forget(struct kith_core *c, struct kith_session *s);

/* The session's timer while it is not open: repeats or gives up. True: the HELLO of a call is due, and lib/call sends
 * it. */
bool kith_connect_tick(struct kith_core *c, struct kith_session *s) KITH_MUST_USE;
kith_time_us kith_connect_deadline(const struct kith_session *s);

#endif
