/* Counters: what a node did, and what it dropped and why. Garbage from the network shows up here and nowhere else.
 *
 * One line per counter; new ones are appended at the end, so that the numbers of the enum stay.
 */
#ifndef KITH_STATS_H
#define KITH_STATS_H

#include <stdint.h>

#include <kith/export.h>

/* name, what it counts */
#define KITH_STAT_MAP(X)                                                                                               \
	/* traffic */                                                                                                  \
	X(PACKETS_IN, "packets received")                                                                              \
	X(PACKETS_OUT, "packets sent")                                                                                 \
	X(BYTES_IN, "bytes received, outer headers included")                                                          \
	X(BYTES_OUT, "bytes sent, outer headers included")                                                             \
	X(RELAYED_PACKETS, "packets forwarded for others")                                                             \
	X(RELAYED_BYTES, "bytes forwarded for others")                                                                 \
	/* packets dropped */                                                                                          \
	X(DROP_TOO_SHORT, "packets dropped: shorter than their header says")                                           \
	X(DROP_UNKNOWN_TYPE, "packets dropped: first byte is no type of ours")                                         \
	X(DROP_UNKNOWN_VERSION, "packets dropped: protocol version not spoken here")                                   \
	X(DROP_BAD_MAC, "packets dropped: first MAC of a handshake message is wrong")                                  \
	X(DROP_COOKIE_REQUIRED, "handshake messages answered with a cookie instead of being served")                   \
	X(DROP_RATE_LIMITED, "packets dropped: source is over its rate")                                               \
	X(DROP_UNKNOWN_INDEX, "packets dropped: receiver index belongs to no session")                                 \
	X(DROP_REPLAYED, "packets dropped: counter already seen, or older than the window")                            \
	X(DROP_NOT_AUTHENTIC, "packets dropped: do not decrypt")                                                       \
	X(DROP_MALFORMED_FRAME, "packets dropped: a frame in them is malformed")                                       \
	X(SKIP_UNKNOWN_FRAME, "frames skipped: type not known to this version")                                        \
	X(DROP_TUNNEL_UNKNOWN, "relay packets dropped: no such tunnel")                                                \
	X(DROP_TUNNEL_SOURCE, "relay packets dropped: not from the leg's proven address")                              \
	X(DROP_TUNNEL_CREDIT, "relay packets dropped: leg's address unproven and its byte credit used up")             \
	X(DROP_TUNNEL_UNWANTED, "relay packets dropped: more than a call, and the callee has not taken it")            \
	X(DROP_TUNNEL_LIMIT, "relay packets dropped: identity is over its rate")                                       \
	/* handshakes */                                                                                               \
	X(HANDSHAKES, "handshakes completed")                                                                          \
	X(REFUSE_NETWORK, "handshakes refused: other network")                                                         \
	X(REFUSE_CHAIN, "handshakes refused: certificate chain does not verify")                                       \
	X(REFUSE_EXPIRED, "handshakes refused: certificate expired")                                                   \
	X(REFUSE_NOT_YET, "handshakes refused: certificate not valid yet")                                             \
	X(REFUSE_REVOKED, "handshakes refused: certificate or key revoked")                                            \
	X(REFUSE_NAME, "handshakes refused: certified name is not the one expected")                                   \
	X(REFUSE_NOT_VIA_HOME, "handshakes refused: stranger did not come through a home")                             \
	X(REFUSE_TABLE_FULL, "handshakes refused: no room for another")                                                \
	X(REFUSE_STALE, "handshakes refused: timestamp not newer than the last one accepted")                          \
	/* sessions */                                                                                                 \
	X(SESSIONS_OPENED, "sessions opened")                                                                          \
	X(SESSIONS_CLOSED, "sessions closed, for whatever reason")                                                     \
	/* control requests */                                                                                         \
	X(REQUESTS_SENT, "requests sent, retransmissions not counted")                                                 \
	X(REQUESTS_RETRANSMITTED, "request packets sent again")                                                        \
	X(REQUESTS_DUPLICATE, "repeated requests answered from the stored answer")                                     \
	X(REQUESTS_TIMED_OUT, "requests given up without an answer")                                                   \
	X(REQUESTS_LIMITED, "requests of others refused by a limit")                                                   \
	X(STORE_REFUSED, "presence records refused: other supernodes are nearer to their key")                         \
	/* own resources */                                                                                            \
	X(EVENTS_DROPPED, "events dropped: application did not collect them in time")                                  \
	X(ALLOC_FAILED, "allocations that failed")                                                                     \
	X(OUTBOX_FULL, "packets not sent: the batch was full")                                                         \
	X(REFUSE_CALLER, "handshakes refused: that caller has too many calls waiting")                                 \
	X(REFUSE_CROSSED, "handshakes refused: both called at once, and our call goes on")                             \
	X(HOSTS_REFUSED, "addresses of supernodes that were not contacted: loopback, private, a port of others")       \
	X(REFUSE_LOOP, "handshakes refused: from ourselves")                                                           \
	X(REFUSE_MALFORMED, "handshakes refused: payload is malformed")                                                \
	X(REFUSE_BLOCKED, "handshakes refused: contact is blocked, or rejected by the application")                    \
	X(GONE_HINTS, "hints that the other side has forgotten a session")                                             \
	X(NOTIFY_DROPPED, "notices of the directory not sent: too much was waiting for its watcher")                   \
	X(COOKIES_SENT, "cookies sent")                                                                                \
	X(REKEYS, "rekeys completed")                                                                                  \
	/* paths */                                                                                                    \
	X(PROBES_SENT, "probes sent, keepalives that ask for an answer among them")                                    \
	X(PROBES_ANSWERED, "probes of others answered")                                                                \
	X(PROBES_LIMITED, "probes not sent: an address or a session was over its limit")                               \
	X(PATHS_VALIDATED, "paths that proved to carry packets both ways")                                             \
	X(PATHS_SUSPECT, "paths that fell under suspicion")                                                            \
	X(PATHS_TOO_SMALL, "paths given up that lost large packets and no small ones")                                 \
	X(PATHS_DEAD, "paths given up")                                                                                \
	X(PATHS_ROAMED, "paths that followed a peer to a new address")                                                 \
	X(PATH_SWITCHES, "changes of the path that a session sends on")                                                \
	X(PATH_REFUSED, "packets from unknown addresses that were not followed: no consent, relay-only, or no room")   \
	X(PACKETS_DUPLICATED, "packets sent on a second path while the first was in doubt")                            \
	X(DATAGRAMS_PACED, "datagrams refused until the path carries more")                                            \
	X(PACKETS_REPLAYED, "packets repeated byte for byte on another path")                                          \
	X(CANDIDATES_REFUSED, "addresses named by peers that were not probed")                                         \
	X(PUNCH_ROUNDS, "attempts to open a direct path")                                                              \
	X(TUNNELS_LIMITED, "times a sender was told that its relay packets are dropped: over a rate")                  \
	X(RELAY_LIMITED, "times a relay told that it drops what we send through it: over a rate")                      \
	X(RELAY_LIMITED_UNKNOWN, "times a relay told so about a tunnel that no session sends through")                 \
	X(TUNNEL_CLOSE_UNKNOWN, "times a supernode closed a tunnel of its own that no session uses")                   \
	X(UNCONFIRMED_OUT, "sessions given up before their address was proven, for newer ones")                        \
	X(VANISH_REFUSED, "vanish reports that did not hold beside the record known here, and were not told")          \
	X(REFUSE_OVERLOAD, "handshakes refused: this supernode takes no leaf now, to be there for those it has")       \
	X(LISTS_TAKEN, "revocation lists taken that another node had")                                                 \
	X(LISTS_REFUSED, "revocation lists refused that another node gave: they do not verify")                        \
	X(LISTS_FALSE, "revocation lists that another node told of, and did not have")                                 \
	X(LISTS_UNKNOWN, "revocation lists told of by a signer that the root did not certify")                         \
	X(LISTS_LIMITED, "revocation lists not asked for: who told of them told of too many, or told lies")            \
	X(LOOKUPS_FOUND, "names looked up for others or by this node's application that another supernode knew")       \
	X(LOOKUP_HOPS, "of those, how many supernodes asked one after the other it took in all")                       \
	X(SUPERNODES_LIMITED, "requests of supernodes refused when they came: their identity spent its allowance")     \
	X(SESSIONS_LIMITED, "sessions ended when they opened: their identity has its share of them")                   \
	X(TCP_REFUSED, "TCP connections of others not taken in: too many")                                             \
	X(TCP_MALFORMED, "TCP connections ended: what came was no packet behind its length")                           \
	X(TCP_USELESS, "TCP connections of others ended: nothing of use came")                                         \
	X(NEARBY_ASKED, "questions after a contact that were sent to the local network")                               \
	X(NEARBY_ANSWERED, "questions after this node on the local network that were answered")                        \
	X(NEARBY_OTHERS, "questions on the local network that were after others")                                      \
	X(NEARBY_FOUND, "contacts that answered on the local network")                                                 \
	X(DROP_OFF_LINK, "packets of the local network dropped: from somewhere else, or none for it")

/* The counters, as KITH_STAT_MAP lists them. */
enum kith_stat {
#define KITH_STAT_ENUM(name, text) KITH_STAT_##name,
	KITH_STAT_MAP(KITH_STAT_ENUM) KITH_STAT_MAX
#undef KITH_STAT_ENUM
};

#define KITH_STATS_ROOM 256 /* counters that there may come to be */

/* Counters only rise; they wrap after 2^64. Those from KITH_STAT_MAX on are of no use yet. */
struct kith_stats { /* fixed */
	uint64_t counter[KITH_STATS_ROOM]; /* by enum kith_stat */
};

/* The symbol of a counter, such as "DROP_REPLAYED", or NULL when stat is not below KITH_STAT_MAX. Static storage. */
KITH_EXPORT const char *kith_stat_name(unsigned stat);

/* What it counts, or NULL when stat is not below KITH_STAT_MAX. Static storage. */
KITH_EXPORT const char *kith_stat_text(unsigned stat);

#endif
