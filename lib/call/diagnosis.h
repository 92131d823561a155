/* Why two nodes do not reach each other directly, and what would help, for somebody who has never read this code.
 *
 * It goes by what both ends have named and what others have seen: whose NAT has another port for every destination,
 * whether both are behind one, which families and transports they have in common. What is not known is not guessed:
 * then it says so, and what helps in most networks.
 * Never: a measurement, a packet, a decision; words that a reader would have to look up.
 */
#ifndef KITH_CALL_DIAGNOSIS_H
#define KITH_CALL_DIAGNOSIS_H

#include "path/candidate.h"

#define KITH_DIAGNOSIS_SEEN_MAX 4

/* What stands between two nodes. The first that applies is told. */
enum kith_obstacle {
	KITH_OBSTACLE_UDP_OURS, /* no UDP packet gets out of our network */
	KITH_OBSTACLE_UDP_THEIRS,
	KITH_OBSTACLE_FAMILY, /* one has only v4, the other only v6 */
	KITH_OBSTACLE_ONE_NAT, /* both are behind one that does not connect them */
	KITH_OBSTACLE_BOTH_VARY, /* both NATs have another port for each destination */
	KITH_OBSTACLE_OURS_VARIES, /* ours has, and the other lets in only what comes from where it has sent to */
	KITH_OBSTACLE_THEIRS_VARIES,
	KITH_OBSTACLE_INWARD, /* theirs arrive here, ours do not arrive there */
	KITH_OBSTACLE_UNKNOWN, /* nothing passes, and nothing tells why */
	KITH_OBSTACLES
};

struct kith_meeting {
	const char *peer; /* its name */
	const struct kith_candidates *ours, *theirs; /* as they were named */
	struct kith_addr seen[KITH_DIAGNOSIS_SEEN_MAX]; /* where our homes see us, by UDP */
	uint8_t seen_n;
	bool attached; /* there are homes; if none of them sees us by UDP, it does not get out */
	bool by_web; /* and all of them are reached by WebSockets only */
	bool heard; /* packets of the peer came straight */
	bool guessed; /* random ports were tried, and none was hit */
	bool tcp; /* connections were an option here: it was tried in vain to connect, or to be connected to */
	struct kith_addr connected_to; /* where we tried it last; family NONE: nowhere */
};

enum kith_obstacle kith_diagnosis_obstacle(const struct kith_meeting *m);

/* One sentence or two, without a line's end: what it is, then what would help. Returns its length, less than cap; what
 * does not fit is cut. KITH_DIAGNOSIS_TEXT_MAX is enough. */
#define KITH_DIAGNOSIS_TEXT_MAX 800
size_t kith_diagnosis_write(const struct kith_meeting *m, char *out, size_t cap);

#endif
