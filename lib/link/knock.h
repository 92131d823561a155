/* Sends a candidate a packet as a stranger, for a witness that has a session with it. PROTOCOL.md section 10.2.
 *
 * The packet is all that is sent: 20 bytes of which its asker chooses sixteen, once for each request, which is longer.
 * Bounds: of each asker and towards each prefix (/24, /48) KITH_KNOCKS_BURST, then one in KITH_KNOCKS_SLOWER seconds.
 *   No address that no packet of a session could come from.
 * Never: an answer that is heard; a packet that nobody asked for.
 */
#ifndef KITH_LINK_KNOCK_H
#define KITH_LINK_KNOCK_H

#include "link/state.h"
#include "wire/message_attest.h"

/* Returns the status for whoever asked on that session. */
uint8_t kith_knock_send(struct kith_core *c, const struct kith_session *asker,
			const struct kith_msg_knock *m) KITH_MUST_USE;

#endif
