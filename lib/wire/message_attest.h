/* Bodies of the requests by which a candidate is attested: as wire/message.h has it. PROTOCOL.md section 6. */
#ifndef KITH_WIRE_MESSAGE_ATTEST_H
#define KITH_WIRE_MESSAGE_ATTEST_H

#include "wire/attest.h"
#include "wire/message.h"
#include "wire/packet.h"

#define KITH_MEASURED_GOT_MAX 64 /* wire: bytes of the bitmap: KITH_BURST_PACKETS_MAX / 8 */

/* ATTEST. */
struct kith_msg_attest {
	bool ask; /* have me attested */
	struct kith_endpoint endpoint; /* where to dial; kind 0: where the home sees the asker */
	uint32_t up, down; /* the operator's caps, bytes a second; 0: none */
	struct kith_span held; /* list of attestations, at most KITH_ATTESTS_LEN_MAX; NULL: none */
};

size_t kith_msg_attest_write(uint8_t *out, size_t cap, const struct kith_msg_attest *m);
int kith_msg_attest_read(struct kith_msg_attest *out, struct kith_span body) KITH_MUST_USE;

/* ... and its answer. */
struct kith_msg_asked {
	uint8_t witnesses; /* that were asked */
};

size_t kith_msg_asked_write(uint8_t *out, size_t cap, const struct kith_msg_asked *m);
int kith_msg_asked_read(struct kith_msg_asked *out, struct kith_span body) KITH_MUST_USE;

/* WITNESS. The first three must be there. */
struct kith_msg_witness {
	struct kith_id id; /* supernode id of the candidate */
	struct kith_key device; /* X25519 key */
	struct kith_endpoint endpoint;
	uint32_t up, down;
	struct kith_span held;
};

size_t kith_msg_witness_write(uint8_t *out, size_t cap, const struct kith_msg_witness *m);
int kith_msg_witness_read(struct kith_msg_witness *out, struct kith_span body) KITH_MUST_USE;

/* MEASURE. */
struct kith_msg_measure {
	uint8_t round;
	bool send; /* the candidate sends; else it says what came */
	uint16_t packets; /* 0: it only answers */
	uint32_t rate; /* bytes a second */
	bool knock; /* has somebody knocked? The rest is nothing */
};

size_t kith_msg_measure_write(uint8_t *out, size_t cap, const struct kith_msg_measure *m);
int kith_msg_measure_read(struct kith_msg_measure *out, struct kith_span body) KITH_MUST_USE;

/* ... and its answer, when the candidate was to say what came. */
struct kith_msg_measured {
	struct kith_span got; /* at most KITH_MEASURED_GOT_MAX; NULL: nothing */
	uint64_t proof;
	uint64_t knock; /* the number that came; 0: nobody has knocked, or it was not asked */
};

size_t kith_msg_measured_write(uint8_t *out, size_t cap, const struct kith_msg_measured *m);
int kith_msg_measured_read(struct kith_msg_measured *out, struct kith_span body) KITH_MUST_USE;

/* KNOCK. All must be there; none is 0. */
struct kith_msg_knock {
	struct kith_endpoint endpoint; /* the candidate's */
	uint64_t name; /* its name of the session that is its witness's */
	uint64_t number;
};

size_t kith_msg_knock_write(uint8_t *out, size_t cap, const struct kith_msg_knock *m);
int kith_msg_knock_read(struct kith_msg_knock *out, struct kith_span body) KITH_MUST_USE;

/* ECHO: of a leaf with delays, of a supernode with the rest. */
struct kith_msg_echo {
	uint8_t n, delays_s[KITH_ECHO_DELAYS_MAX]; /* none is 0 */
	struct kith_endpoint to; /* kind 0: it is a leaf's */
	uint64_t number; /* with to: not 0 */
};

size_t kith_msg_echo_write(uint8_t *out, size_t cap, const struct kith_msg_echo *m);
int kith_msg_echo_read(struct kith_msg_echo *out, struct kith_span body) KITH_MUST_USE;

/* ... and the answer to a leaf: the number, not 0. */
struct kith_msg_echoed {
	uint64_t number;
};

size_t kith_msg_echoed_write(uint8_t *out, size_t cap, const struct kith_msg_echoed *m);
int kith_msg_echoed_read(struct kith_msg_echoed *out, struct kith_span body) KITH_MUST_USE;

/* The answer to NOMINATE, whose request has no body. Both must be there. */
struct kith_msg_nominated {
	struct kith_span chain; /* at most KITH_CHAIN_MAX */
	struct kith_span attests; /* at most KITH_ATTESTS_LEN_MAX */
};

size_t kith_msg_nominated_write(uint8_t *out, size_t cap, const struct kith_msg_nominated *m);
int kith_msg_nominated_read(struct kith_msg_nominated *out, struct kith_span body) KITH_MUST_USE;

/* ATTESTED. */
struct kith_msg_attested {
	struct kith_span attest; /* at most KITH_ATTEST_LEN_MAX; must be there */
};

size_t kith_msg_attested_write(uint8_t *out, size_t cap, const struct kith_msg_attested *m);
int kith_msg_attested_read(struct kith_msg_attested *out, struct kith_span body) KITH_MUST_USE;

/* ELECTED. */
struct kith_msg_elected {
	struct kith_span entry; /* at most KITH_MEMBER_LEN_MAX; must be there */
};

size_t kith_msg_elected_write(uint8_t *out, size_t cap, const struct kith_msg_elected *m);
int kith_msg_elected_read(struct kith_msg_elected *out, struct kith_span body) KITH_MUST_USE;

#endif
