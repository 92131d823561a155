/* Bodies of GOSSIP requests and answers, as message.h has the others; overlay/gossip.h says what is done with them. The
 * rules of message.h hold, but for one: a part of another type or length than it should have makes a body malformed.
 *
 * Parts are runs of fixed layouts. Each is checked as a whole when its message is read: a walk over it ends at its end
 * and never fails.
 */
#ifndef KITH_WIRE_MESSAGE_GOSSIP_H
#define KITH_WIRE_MESSAGE_GOSSIP_H

#include "codec/cursor.h"
#include "wire/message_list.h"

#define KITH_GOSSIP_REQUEST_MAX 1000 /* below KITH_REQUEST_MAX; digests, offers and wants share it */
#define KITH_GOSSIP_FANOUT 16
#define KITH_GOSSIP_DEPTH_MAX 8 /* hex digits of the deepest range: 25,000 members are told apart by four */
#define KITH_GOSSIP_OFFER_LEN (KITH_MEMBER_ID_PREFIX + 8)
#define KITH_GOSSIP_DIGEST_LEN (5 + 8 * KITH_GOSSIP_FANOUT)
#define KITH_GOSSIP_DOUBT_SIGNED_LEN (2 * KITH_MEMBER_ID_PREFIX + 16)
#define KITH_GOSSIP_DOUBT_LEN (KITH_GOSSIP_DOUBT_SIGNED_LEN + KITH_SIG_LEN)
#define KITH_GOSSIP_LIST_HEADER_LEN 6
#define KITH_GOSSIP_ASKED_DIGESTS_MAX 7 /* that fit a request */
#define KITH_GOSSIP_TOLD_DIGESTS_MAX 16

/* All ids that begin with `depth` hex digits `path`. */
struct kith_gossip_range {
	uint8_t depth;
	uint32_t path;
};

/* Of a range of at most KITH_GOSSIP_DEPTH_MAX - 1 digits. */
struct kith_gossip_digest {
	struct kith_gossip_range range;
	uint64_t x[KITH_GOSSIP_FANOUT]; /* of each child */
};

struct kith_gossip_offer {
	const uint8_t *prefix; /* KITH_MEMBER_ID_PREFIX bytes of the id, borrowed */
	uint64_t seq;
};

/* Of a range of at least one digit. */
struct kith_gossip_list {
	struct kith_gossip_range range;
	uint8_t n;
	struct kith_span offers; /* n of them */
};

/* One supernode's word that another did not answer it (overlay/suspicion.h). Borrowed from its body. */
struct kith_gossip_doubt {
	const uint8_t *accused, *accuser; /* KITH_MEMBER_ID_PREFIX bytes of their ids */
	uint64_t seq; /* of the entry of the accused: a newer one is not doubted */
	uint64_t at_ms; /* unix ms, by the accuser's clock */
	const uint8_t *sig; /* KITH_SIG_LEN bytes, over all before it */
	struct kith_span bytes; /* all of it */
};

/* The next one of a run; false at its end. */
bool kith_gossip_digest_next(struct kith_reader *r, struct kith_gossip_digest *out);
bool kith_gossip_offer_next(struct kith_reader *r, struct kith_gossip_offer *out);
bool kith_gossip_list_next(struct kith_reader *r, struct kith_gossip_list *out);
bool kith_gossip_doubt_next(struct kith_reader *r, struct kith_gossip_doubt *out);

void kith_gossip_digest_write(struct kith_writer *w, const struct kith_gossip_digest *d);
void kith_gossip_offer_write(struct kith_writer *w, const uint8_t prefix[KITH_MEMBER_ID_PREFIX], uint64_t seq);
/* All but the signature: KITH_GOSSIP_DOUBT_SIGNED_LEN bytes. */
void kith_gossip_doubt_write(struct kith_writer *w, const uint8_t accused[KITH_MEMBER_ID_PREFIX], uint64_t seq,
			     uint64_t at_ms, const uint8_t accuser[KITH_MEMBER_ID_PREFIX]);
/* What comes before the n offers. */
void kith_gossip_list_header_write(struct kith_writer *w, struct kith_gossip_range range, uint8_t n);

/* GOSSIP. Parts that are empty are not written, and are the same as absent ones. */
struct kith_msg_gossip {
	uint64_t salt; /* 0 when it was not told */
	struct kith_span digests; /* at most KITH_GOSSIP_ASKED_DIGESTS_MAX */
	struct kith_span offers;
	struct kith_span wants; /* KITH_MEMBER_ID_PREFIX bytes each */
	struct kith_span cursor; /* KITH_MEMBER_ID_PREFIX bytes, or none: no page is asked for */
	struct kith_span doubts;
	struct kith_span editions; /* at most KITH_EDITIONS_LEN_MAX */
	uint64_t editions_sum; /* 0 when it was not told */
};

size_t kith_msg_gossip_write(uint8_t *out, size_t cap, const struct kith_msg_gossip *m);
int kith_msg_gossip_read(struct kith_msg_gossip *out, struct kith_span body) KITH_MUST_USE;

/* ... and its answer. */
struct kith_msg_gossiped {
	uint64_t salt; /* as asked */
	struct kith_span digests; /* at most KITH_GOSSIP_TOLD_DIGESTS_MAX */
	struct kith_span lists;
	struct kith_spans entries; /* member entries */
	struct kith_span cursor; /* where the next page begins; none: there is no more */
	uint32_t count; /* members held; 0 when it was not told */
	struct kith_span offers;
	struct kith_span doubts;
	struct kith_span editions;
	uint64_t editions_sum; /* 0: not all are told */
};

size_t kith_msg_gossiped_write(uint8_t *out, size_t cap, const struct kith_msg_gossiped *m);
int kith_msg_gossiped_read(struct kith_msg_gossiped *out, struct kith_msg_room *room,
			   struct kith_span body) KITH_MUST_USE;

#endif
