/* Endpoints on the wire: an address and what it speaks. Candidates, host entries and member entries name them so.
 *
 * kind 1, length 1, then as many bytes; they begin with an address (family 1, port 2, ip 4 or 16). What is after it is
 * for later versions (a TLS carrier's server name, a range of ports) and is skipped.
 * Invariant: a kind or a family that is not known here is skipped by its length and is no error, so that a version
 *   which knows more can name more. Known are UDP, TCP, TLS and the private ones, whether or not this node has a
 *   transport of that kind: that is asked when somebody wants to send there.
 * Never: a decision whether an endpoint may be sent to.
 */
#ifndef KITH_WIRE_ENDPOINT_H
#define KITH_WIRE_ENDPOINT_H

#include "wire/frame.h"

#define KITH_ENDPOINT_LEN_MAX (2 + KITH_ADDR_WIRE_MAX) /* that is written */
#define KITH_ENDPOINT_BYTES_MAX (2 + 255) /* wire: that is read */

/* Whether a kind can be named on the wire. */
bool kith_endpoint_kind_known(uint8_t kind);

/* Known, with a port, at an address that packets may be sent to: what host entries and member entries must name. */
bool kith_endpoint_valid(const struct kith_endpoint *e);

/* Turns bad when the kind cannot be named. */
void kith_endpoint_write(struct kith_writer *w, const struct kith_endpoint *e);

/* True: out is filled in, with any address. False: skipped, or, with r->bad set, malformed. */
bool kith_endpoint_read(struct kith_reader *r, struct kith_endpoint *out);

/* n 1 (at least one), n endpoints, each kith_endpoint_valid. Reading keeps the first max of those that are known and
 * returns how many: 0 as well when all were skipped. */
void kith_endpoints_write(struct kith_writer *w, const struct kith_endpoint list[], uint8_t n, uint8_t max);
uint8_t kith_endpoints_read(struct kith_reader *r, struct kith_endpoint list[], uint8_t max);

#endif
