/* Every length, limit and timer of the protocol, with its reason. PROTOCOL.md repeats this table; tests hold them equal
 * where both sides must agree ("wire"); the others are local choices ("local").
 */
#ifndef KITH_BASE_LIMITS_H
#define KITH_BASE_LIMITS_H

#include <kith/identity.h> /* KITH_CHAIN_MAX, KITH_CLOCK_TOLERANCE_MS */
#include <kith/packet.h>
#include <kith/types.h>

/* ---- sizes ---- */
#define KITH_UDP_PAYLOAD 1200 /* wire: what every path carries: QUIC's floor (RFC 9000, 14), below 1280 of IPv6 */
#define KITH_TRANSPORT_HEADER 16 /* wire: type, epoch, way and counter (hidden), name */
#define KITH_TUNNEL_HEADER 12 /* wire: type, 3 reserved, tunnel id */
#define KITH_NAME_ROOM 11 /* wire: a frame NAME: it goes beside what a packet is for, where no tunnel's header stands */
/* 1156: the same on a tunnel */
#define KITH_FRAMES_MAX (KITH_UDP_PAYLOAD - KITH_TUNNEL_HEADER - KITH_TRANSPORT_HEADER - 16)
#define KITH_FRAME_HEADER 3 /* wire: type, length */
#define KITH_DATAGRAM_MAX 1100 /* wire: what an application may send; leaves room for an acknowledgement beside it */
#define KITH_STREAM_PACKET_MAX (KITH_FRAMES_MAX - KITH_FRAME_HEADER) /* 1153: one QUIC packet */
/* wire: a request body; one packet, never fragmented, so a stranger cannot make us hold pieces */
#define KITH_REQUEST_MAX 1100
#define KITH_ANSWER_MAX 16384 /* wire: an answer body; larger transfers page */
#define KITH_ANSWER_FRAGMENT 1024 /* wire: bytes of an answer in one frame */
#define KITH_NESTED_MAX 1040 /* wire: an introduced packet inside a request body */
/* Early data, KITH_EARLY_MAX bytes (<kith/types.h>), in a HELLO to a person. Where that is to ride in an INTRODUCE in
 * our own HELLO to a home, all of them fit in an open network, and 149 in one with an issuer: 1200 - (140 + 51 + short
 * chain 300 + 40) are the HELLO's, of which 140 are not payload, 48 are HELLO, 19 FRESH, 7 SERVICE ("chat"), 3 + 300
 * the chain by id, 3 the frame's. Where a tunnel is asked for in an open session there are KITH_NESTED_MAX: all of
 * them beside a chain of up to 608 bytes, beside the longest one (640) by id. What does not fit waits for the first
 * packet */

/* ---- handshake ---- */
#define KITH_HANDSHAKE_RETRY_US (300 * KITH_US_PER_MS) /* local: first retransmission; doubles, jittered 10 % */
/* local: to the next address, family, kind or supernode while none answers: RFC 8305 has 250 ms, and 100 at least */
#define KITH_STAGGER_US (200 * KITH_US_PER_MS)
#define KITH_HANDSHAKE_RETRY_MAX_US (4 * KITH_US_PER_S)
/* local: to a person, over two links each way: at 20 % loss 28 tries are needed */
#define KITH_DIAL_RETRY_MAX_US (1 * KITH_US_PER_S)
#define KITH_DIAL_ASK_MAX_US                                                                                           \
	(2400 * KITH_US_PER_MS) /* local: between two homes that are asked for a tunnel, while there is none */
#define KITH_HANDSHAKE_TIMEOUT_US (10 * KITH_US_PER_S) /* local: to a supernode */
#define KITH_DIAL_TIMEOUT_US (30 * KITH_US_PER_S) /* local: default for a call to a person, who may have to decide */
/* local: questions after contacts on the local network, of one address; eight times that of all there. A call asks
 * KITH_NEARBY_TRIES times at most, so eight can begin at once, and one a second after that */
#define KITH_NEARBY_PER_S 4
#define KITH_NEARBY_BURST 32
#define KITH_NEARBY_TRIES 4 /* local: at 0, 300 ms, 900 ms and 2.1 s: multicast on a radio is sent once, and lost */
#define KITH_NEARBY_RETRY_US                                                                                           \
	(300 * KITH_US_PER_MS) /* local: doubles; an access point holds multicast for 100 to 300 ms */
#define KITH_DIAL_ALONE_US (5 * KITH_US_PER_S) /* local: without any home a call is not waited for longer */
#define KITH_COOKIE_LIFE_US (120 * KITH_US_PER_S) /* wire: a cookie secret's life, as WireGuard's */
/* local: a first message made ahead of our clock by more is not proven to be new: a start would have to be followed by
 * as long a time in which none is. Clocks that are kept are nearer */
#define KITH_EARLY_AHEAD_MS 5000
#define KITH_CANCEL_US (3 * KITH_US_PER_S) /* local: so long a callee is told that a call was given up: five times */
#define KITH_INCOMING_MAX 64 /* local: calls that wait for the application's answer */
#define KITH_INCOMING_PER_CALLER 4 /* local: of them by one identity: a few services, or a few devices of one person */
#define KITH_CUT_KEPT_US (10 * KITH_US_PER_S) /* local: what a session's end left unread: a host reads it at once */
#define KITH_CUTS_MAX 64 /* local: sessions of which that is kept: all of a busy client's, whose link failed */
#define KITH_ENDED_KEPT_US (60 * KITH_US_PER_S) /* local: what explained a session that ended: a person asks at once */
#define KITH_ENDED_MAX 16 /* local: sessions of which that is kept: who asks, asks about one of the last */
#define KITH_ENDED_TEXT_MAX 4096 /* local: bytes of each: all paths, and some 50 lines of the journal */
#define KITH_REPLIES_PER_S 8 /* local: copies of one first message that are answered: three homes, and repetitions */
/* local: sessions of contacts whose address is not proven yet: one in so many of the table, for 1 s at
 * KITH_HANDSHAKES_PER_S with the default one; but so many in any case */
#define KITH_UNCONFIRMED_SHARE 50
#define KITH_UNCONFIRMED_MIN 64
/* local: when there are as many as may be, a net (/16, /32) that has one in so many of them drives out no others */
#define KITH_UNCONFIRMED_NET 4
#define KITH_UNCONFIRMED_PER_IDENTITY 16 /* local: of one identity: all its devices begin at once, and again */
#define KITH_HANDSHAKES_PER_S 2000 /* local: first messages a second before cookies are asked for: a fifth of a core */
#define KITH_COOKIES_PER_S 8000 /* local: four times that, so that forged addresses cost a bounded share of a core */
#define KITH_BUSY_PER_S 500 /* local: signed refusals a second, 0.5 MB; who is refused beyond gets VERSION */
#define KITH_HANDSHAKE_PREFIX_PER_S 20 /* local: per /24 or /48 */
/* local: without proof, of one /16 or /32: a quarter of KITH_HANDSHAKES_PER_S. Of those the last quarter is for
 * prefixes that asked for nothing lately */
#define KITH_HANDSHAKE_NET_PER_S 500
#define KITH_HANDSHAKE_PREFIX_BURST 100 /* local: an office that begins to work, behind one address */

#define KITH_CALLS_PER_S 1 /* local: from one identity, burst of KITH_CALLS_BURST: whoever rings more is a nuisance */
#define KITH_CALLS_BURST 10
#define KITH_LOOKUPS_PER_S 5 /* local: by one identity of a home; nobody has so many friends that he need enumerate */
#define KITH_LOOKUPS_BURST 60
/* local: keys that one identity newly watches at a home; the burst is what one leaf may watch */
#define KITH_SUBSCRIPTIONS_PER_S 5
#define KITH_SUBSCRIPTIONS_BURST 512
#define KITH_SUBSCRIPTIONS_PER_IDENTITY                                                                                \
	2048 /* local: keys, of all its leaves at one home: four that watch all they may */
#define KITH_WATCHES_MOST 1048576 /* local: watches that can be counted of one identity: more than a table has */
#define KITH_FREE_SHARE 4 /* local: of the watches that are free one identity holds one in so many at most */
#define KITH_INTRODUCTIONS_PER_S 2 /* local: by one identity: it can certify itself any number of devices */
#define KITH_INTRODUCTIONS_BURST 30
/* local: vanish reports by one home that a replica tells: all leaves of a home may lose their power at once */
#define KITH_VANISHES_PER_S 16
#define KITH_VANISHES_BURST 2048
/* local: buckets of a supernode for what identities ask for, of each kind that they do; as many for prefixes. Of 2,000
 * leaves and all members that it talks to there are 20,000 */
#define KITH_ASKERS_MAX 65536
#define KITH_ASKERS_LEAF_MAX 1024 /* local: the same of a leaf, of identities: whoever calls it, and its homes */
#define KITH_STRANGERS_LEAF_MAX 64 /* local: and of prefixes */

/* local: "no such session" to, or heard from, one /24 or /48: a restart is noticed, a flood is not echoed. And
 * RELAY_LIMITED heard of one relay, which tells one person once a second */
#define KITH_GONE_PER_S 10
/* wire: a session's PROBEs that a GONE draws: an end that lost it answers each of them by the next GONE */
#define KITH_GONE_ASK_US (1 * KITH_US_PER_S)

/* ---- session ---- */
/* local: leaf to home; RFC 4787 allows NATs to forget after 120 s, 30 s is met */
#define KITH_KEEPALIVE_US (25 * KITH_US_PER_S)
/* local: the same where it was measured how long the NAT keeps a mapping (leaf/gauge.h): within these */
#define KITH_KEEPALIVE_LEAST_US (9 * KITH_US_PER_S)
#define KITH_KEEPALIVE_MOST_US (55 * KITH_US_PER_S) /* a home asks after KITH_LEAF_SILENT_US */
/* local: between people, where the first word must not meet a way that is closed: half of 20 s, which is met, too */
#define KITH_PEER_KEEPALIVE_US (9 * KITH_US_PER_S)
#define KITH_KEEPALIVE_ANSWERED 3 /* wire: every how many keepalives a home answers, so idle leaves cost it little */
#define KITH_REKEY_US (300 * KITH_US_PER_S) /* local: a key's age before data in it triggers a new one */
#define KITH_REKEY_LAG_US (10 * KITH_US_PER_S) /* local: the responder lets the initiator ask first for so long */
#define KITH_REKEY_RETRY_US (10 * KITH_US_PER_S) /* local: after an attempt that failed; > KITH_REQUEST_TIMEOUT_US */
/* local: a new key is asked for when the counter passes a multiple of this; far below ChaCha20-Poly1305's limit */
#define KITH_REKEY_PACKETS (UINT64_C(1) << 32)
#define KITH_KEY_BLOCKS_MAX 16 /* local: multiples of it that one key may pass: then the session ends */
/* local: a counter so far beyond all that came shows that the packet was made with another key: it is what one may
 * seal */
#define KITH_COUNTER_AHEAD (KITH_KEY_BLOCKS_MAX * KITH_REKEY_PACKETS)
#define KITH_WAYS_MAX 15 /* wire: copies of one packet, each sealed in its own way: DATA says it in 4 bits */
#define KITH_OLD_KEY_US (10 * KITH_US_PER_S) /* wire: how long packets in the previous key are still opened */
#define KITH_SESSIONS_MAX 100000 /* local: default bound */

/* ---- requests ---- */
#define KITH_REQUESTS_MAX 8 /* wire: outstanding per session and direction */
/* local: first retransmission without a known round trip; doubles */
#define KITH_REQUEST_RETRY_US (300 * KITH_US_PER_MS)
#define KITH_REQUEST_RETRY_MAX_US (3 * KITH_US_PER_S)
#define KITH_REQUEST_TIMEOUT_US (8 * KITH_US_PER_S)
#define KITH_ANSWER_KEEP_US (10 * KITH_US_PER_S) /* local: how long an answer is kept for duplicates; > timeout */

/* ---- paths ---- */
#define KITH_PATHS_MAX 8 /* per session: hot set of five, room for candidates that just proved themselves */
#define KITH_PATHS_HOT 5
#define KITH_CANDIDATES_MAX 8 /* wire: addresses one side may name */
#define KITH_PROBE_FAST_US (1 * KITH_US_PER_S) /* local: probing a path in doubt */
#define KITH_STANDBY_US (5 * KITH_US_PER_S) /* local: standbys while data flows, jittered */
/* local: no answer at all: longer than a Wi-Fi roam */
#define KITH_PATH_ALL_DEAD_US (15 * KITH_US_PER_S)
#define KITH_DEAD_RETRY_MAX_US (60 * KITH_US_PER_S) /* local: between two probes of a path when all are dead */
/* local: an application's session of which nothing is heard is kept for so long, unless it says otherwise */
#define KITH_PATIENCE_US (60 * KITH_US_PER_S)
/* local: nothing heard for so long is told to the application: a path that takes over takes less */
#define KITH_INTERRUPTED_US (1 * KITH_US_PER_S)
#define KITH_INTERRUPTED_MAX                                                                                           \
	1024 /* local: sessions of a node that wait so: memory that their peers may never ask for */
/* local: a machine that did nothing for so long was asleep: what is due by then is tried before it is given up */
#define KITH_ASLEEP_US (5 * KITH_US_PER_S)
#define KITH_PATH_UNANSWERED_US (1 * KITH_US_PER_S) /* local: data to a home without any answer, before it is asked */
/* local: wait for an answer on a path of unknown round trip */
#define KITH_PATH_PERIOD_DEFAULT_US (300 * KITH_US_PER_MS)
#define KITH_PATH_PERIOD_MAX_US (3 * KITH_US_PER_S)
#define KITH_PATH_ACK_EVERY 2 /* wire: data packets per PATH_ACK, as QUIC acknowledges */
#define KITH_PATH_ACK_DELAY_US (20 * KITH_US_PER_MS) /* wire: longest wait with one; a voice packet's spacing */
/* local: fast flows need no more than 200 a second to show life */
#define KITH_PATH_ACK_SPACING_US (5 * KITH_US_PER_MS)
#define KITH_PATH_ACK_SLACK_US (35 * KITH_US_PER_MS) /* wire: KITH_PATH_ACK_DELAY_US and 15 ms for schedulers */
#define KITH_SILENCE_MIN_US (40 * KITH_US_PER_MS) /* local: shortest silence that is suspicious: two voice packets */
#define KITH_SILENCE_FACTOR 3 /* local: times the mean distance of packets */
/* wire: earliest IDLE mark; half of KITH_SILENCE_MIN_US, to be there in time */
#define KITH_IDLE_MARK_US (20 * KITH_US_PER_MS)
#define KITH_FLOW_GAP_US (250 * KITH_US_PER_MS) /* local: a longer pause ends a run of data packets */
/* wire: packets that make a flow (of which silence means something); one more at the receiver */
#define KITH_FLOW_RUN 4
/* local: detectors and retained packets are dropped after that much quiet */
#define KITH_FLOW_KEEP_US (10 * KITH_US_PER_S)
#define KITH_DUPLICATE_PERCENT 20 /* local: of the data packets of KITH_DUPLICATE_WINDOW_US */
#define KITH_DUPLICATE_WINDOW_US (10 * KITH_US_PER_S)
#define KITH_DUPLICATE_BURST 64 /* local: on top: a failure at 50 packets/s costs about 45 duplicates */
#define KITH_DOUBT_PACKETS 2 /* local: unsettled ones that are repeated at once when a path comes into doubt */
#define KITH_RETAIN_PACKETS 64 /* local: a voice call's 1.2 s; bulk streams repair themselves */
#define KITH_RETAIN_BYTES 65536 /* local: memory an active session may hold for replay */
#define KITH_PACE_INITIAL_BYTES 12000 /* local: datagrams on a new path, at once and in a round trip: RFC 6928's ten */
#define KITH_PACE_FLOOR_BYTES 1200 /* local: least in a round trip: one datagram, as RFC 8085 grants anybody */
#define KITH_PACE_ROUND_MIN_US (10 * KITH_US_PER_MS) /* local: shortest round; PATH_ACKs are 5 ms apart */
#define KITH_PACE_LOSS_PERCENT 3 /* local: more slows datagrams down; Wi-Fi loses less than that by itself */
#define KITH_PACE_CUT_US (2 * KITH_US_PER_S) /* local: data without any PATH_ACK, before it is cut to the floor ... */
#define KITH_PACE_STOP_US (8 * KITH_US_PER_S) /* local: ... and without any PROBE_ACK, before it stops */
#define KITH_SWITCH_GAIN_US (5 * KITH_US_PER_MS) /* local: a better path is at least that much and ... */
#define KITH_SWITCH_GAIN_PERCENT 10 /* ... that much better ... */
#define KITH_SWITCH_HOLD_US (1 * KITH_US_PER_S) /* ... for that long: so that two equals do not flap */
/* local: how much slower than a relay a direct path may be: it costs nobody else */
#define KITH_DIRECT_BONUS_US (50 * KITH_US_PER_MS)
/* local: what a path by a TURN server counts beyond its round trip. A tunnel counts 30 ms more: a supernode does it for
 * others, such a server is there for it */
#define KITH_RELAYED_COST_MS 20
#define KITH_RELAYED_TARGETS 3 /* local: of a peer's addresses that a round probes by a TURN server of ours */
#define KITH_RELAYED_PEERS 6 /* local: that one session has named there ... */
#define KITH_RELAYED_PEERS_US (300 * KITH_US_PER_S) /* ... in the time that such a server lets them in */
#define KITH_RELAYS_LIVE 2 /* local: relays a peer session holds: one may vanish unannounced */
#define KITH_RELAYS_TALK 3 /* local: while it talks: direct path and two relays may vanish at once */
#define KITH_TALK_RUN 100 /* local: data packets without a pause that are talk: 2 s of voice, not a message */
/* local: until the caller is reminded that a relay is missing; doubles, to 32 s, and to 256 s if only talk wants it */
#define KITH_RELAY_ASK_US (1 * KITH_US_PER_S)
#define KITH_RELAY_DOUBLINGS 5
#define KITH_RELAY_DOUBLINGS_TALK 8
#define KITH_STRANGERS_MAX 2 /* local: unknown hops of one session that are looked into at once */
#define KITH_PATH_MEMORY_US (60 * KITH_US_PER_S) /* local: candidates and journal of an unused one-path session */
#define KITH_JOURNAL_MAX 64 /* local: one punch with eight addresses writes about 40 entries */
/* local: a relay that stays over its limit is written down again after that; doubles, so that the rest is still
 * there */
#define KITH_JOURNAL_AGAIN_US (10 * KITH_US_PER_S)
#define KITH_JOURNAL_AGAIN_MAX_US (640 * KITH_US_PER_S)
/* wire: body of a PROBE on an unproven path: pays for answer and PROBE back (108 of 111) */
#define KITH_PROBE_PADDED 76
#define KITH_KEEPALIVE_BODY 10 /* wire: pays for a PROBE back, when a NAT has moved the leaf, and no more */
#define KITH_PUNCH_OFFER_US (250 * KITH_US_PER_MS) /* local: first repetition of CANDIDATES and PUNCH; doubles */
#define KITH_PUNCH_OFFER_MAX_US (2 * KITH_US_PER_S) /* local: both directions of a lossy relay must work once */
#define KITH_PUNCH_OFFERS 12 /* local: then the peer is taken for unwilling until it speaks */
#define KITH_PUNCH_OWD_US (40 * KITH_US_PER_MS) /* local: half a relay round trip nobody has measured yet */
#define KITH_PUNCH_LEAD_US (5 * KITH_US_PER_MS) /* local: between opener and first probe: they must not be reordered */
#define KITH_PUNCH_GRACE_US (150 * KITH_US_PER_MS) /* local: with 2 RTT, after the last probe of a round */
#define KITH_PUNCH_TTL 4 /* local: of an opener while the own NATs are uncounted: leaves a home, seldom a carrier */
#define KITH_PUNCH_ROUNDS 4 /* local: 97.6 % of the successes seen in the wild are first tries */
#define KITH_PUNCH_PAUSE_US (1 * KITH_US_PER_S) /* local: before the second round; doubles */
#define KITH_PUNCH_AGAIN_US (60 * KITH_US_PER_S) /* local: after the last round, while the session is used */
#define KITH_PUNCH_RENEW_US (500 * KITH_US_PER_MS) /* local: what was foretold is named anew within it, or is not */
#define KITH_PUNCH_RESTART_US (2 * KITH_US_PER_S) /* local: a peer cannot make us start over more often */
#define KITH_PROBES_PER_ADDRESS 20 /* wire: to one address in one round, which the peer may have made up */
#define KITH_PROBES_WINDOW 160 /* local: to all such addresses of a session in KITH_PROBES_WINDOW_US */
/* wire: what a PROBE to an address that the peer named costs, headers of UDP and IPv4 included: what came from the
 * peer pays for it */
#define KITH_PROBE_COST 139
#define KITH_PUNCH_PADDED 900 /* wire: body of a PUNCH: pays for probes */
#define KITH_PROBES_WINDOW_US (20 * KITH_US_PER_S)
/* wire: ports tried at one address that a relay has named as the peer's: a block of that many customers' share */
#define KITH_PROBES_RANGE 2000
#define KITH_PROBES_RANGE_US (20 * KITH_US_PER_S) /* wire: between the beginnings of two such attempts */
/* wire: between two such probes of a node, of all its sessions together: 200 a second, 28 kB/s with all headers */
#define KITH_PROBES_RANGE_PACE_US (5 * KITH_US_PER_MS)
#define KITH_PROBES_RANGE_TRIES 2 /* wire: such attempts of a session in a row; then it rests */
#define KITH_PROBES_RANGE_REST_US (300 * KITH_US_PER_S) /* wire: rest of a range, and of a spread */
/* wire: sockets that one packet each leaves from, towards one address: of 64,512 ports, 180 probes hit one of them
 * every second time, 1,200 in 99 cases of 100 */
#define KITH_SPREAD_SOCKETS 256
/* wire: where they are ports of a block, which may have as few as 64; 32 probes hit one of 512 in two cases of three */
#define KITH_SPREAD_BLOCK 16
#define KITH_SPREAD_MIN 32 /* local: with fewer, 2,000 probes hit in fewer than two cases of three */
#define KITH_SPREAD_AFTER_US                                                                                           \
	(20 * KITH_US_PER_MS) /* local: with a round trip: if no spread is needed, it is direct by then */
#define KITH_SPREAD_PACE_US (2 * KITH_US_PER_MS) /* wire: between two bursts of such packets */
#define KITH_SPREAD_BURST 8 /* wire: packets in each: 4,000 a second, for 64 ms */
/* local: how long the sockets are there for a hit: 2,000 probes take 10 s */
#define KITH_SPREAD_WAIT_US (12 * KITH_US_PER_S)
#define KITH_SPREAD_KEPT 32 /* local: sockets that hit, and carry a path; with as many there is no further spread */
/* wire: connections to addresses that the peer named (path/connections): to so many of them at a time, ... */
#define KITH_CONNECT_ADDRESSES 4
#define KITH_CONNECT_AGAIN_US (20 * KITH_US_PER_S) /* wire: ... to each of them once in that time, ... */
#define KITH_CONNECT_TRIES 3 /* wire: ... so often in a row; then it rests */
#define KITH_CONNECT_REST_US (300 * KITH_US_PER_S) /* wire: ... for that time */
/* wire: between two such connections of a node, of all its sessions together: 4 a second. Each may take the 10 s of a
 * dial (host/carrier_tcp), so 40 of its 64 are theirs at most, and the others are for homes */
#define KITH_CONNECT_PACE_US (250 * KITH_US_PER_MS)
/* wire: what one costs: four SYNs of 60 bytes if nobody answers; if somebody does, the handshake, a PROBE and the end.
 * What came from the peer pays for it */
#define KITH_CONNECT_COST 400
#define KITH_CONNECT_SOON_US (100 * KITH_US_PER_MS) /* local: UDP is hopeless, unless both are on one network */
/* local: besides a round trip; the probes of a round that succeeds are answered by then, in most cases */
#define KITH_CONNECT_LATER_US (700 * KITH_US_PER_MS)
#define KITH_CONNECT_TURN_US (300 * KITH_US_PER_MS) /* local: the initiator's turn, where either could connect */
/* local: how long a leaf listens after nobody wanted that any more: two attempts of a session that stays relayed */
#define KITH_LISTEN_KEEP_US (150 * KITH_US_PER_S)
/* wire: probes after the first packet heard, so that the other side learns of it under loss */
#define KITH_CONFIRMATIONS 3

/* ---- homes and presence ---- */
#define KITH_HOMES 3
/* wire: longest time for which a home has a leaf wait with looking for others */
#define KITH_ATTACH_WAIT_US (20 * KITH_US_PER_S)
/* local: leaves of one identity at a home: twice the devices that can be found under a key (KITH_STORE_DEVICES), for
 * those that came back and are not missed yet */
#define KITH_LEAVES_PER_IDENTITY 16
/* local: the last places for leaves, one in so many, are for identities that have none there: they outnumber nobody */
#define KITH_LEAVES_RESERVE 8
/* local: other sessions that one identity has begun at a supernode: one for each device that it may have
 * (KITH_DEVICES_MAX) */
#define KITH_SESSIONS_PER_IDENTITY 16
#define KITH_SESSIONS_RESERVE 16 /* local: of all sessions the last, one in so many, are for identities without any */
/* local: of look-ups, tunnels and records the last, one in so many, are for identities without any of them there */
#define KITH_TABLES_RESERVE 8
/* local: open sessions of applications by calls of one identity: as many as its tunnels through one relay */
#define KITH_PEERS_PER_IDENTITY 256
#define KITH_LEAF_SILENT_US (65 * KITH_US_PER_S) /* local: a leaf that missed two keepalives is asked, then reported */
/* wire: stated bound for an unclean exit, but for the way of the news */
#define KITH_LEAF_VANISH_US (75 * KITH_US_PER_S)
#define KITH_RECORD_LIFE_MS (60 * 60 * 1000) /* wire: longest validity of a presence record */
/* wire: to what a record and a vanish report tell the time, so that nobody reads habits off them */
#define KITH_RECORD_GRAIN_MS (60 * 1000)
/* wire: comings and goings are shown in steps of this, from 1970 on, to those without a token: so long a first call to
 * somebody who came may have to wait, and so coarse is what a follower learns */
#define KITH_PRESENCE_STEP_MS (5 * 60 * 1000)
#define KITH_RECORD_REFRESH_US (24 * 60 * KITH_US_PER_S) /* local: two tries before a record lapses */
#define KITH_REPLICAS 6 /* wire: copies of a record */
#define KITH_READ_PARALLEL 3 /* local: replicas asked at once */
#define KITH_SUBSCRIPTION_US (10 * 60 * KITH_US_PER_S) /* wire: life of a subscription; renewed at half, +-20 % */

/* ---- posted things, such as revocation lists ---- */
#define KITH_LISTS_MAX 65 /* wire: signers of whom a node keeps what they posted: the root, and 64 issuers */
#define KITH_LISTS_TOLD_LEN 136 /* local: bytes of editions in one GOSSIP request: eight lists, or four heads */
/* local: lists that one identity is asked for, because it told of them: all that there may be, twice over */
#define KITH_LISTS_BURST 160
#define KITH_LISTS_SLOWER 60 /* local: ... and then one in so many seconds */
#define KITH_LIST_LIE_COST 40 /* local: of those, for a list that was told of and did not come: four, and it is over */
#define KITH_LISTS_NEWS_US                                                                                             \
	(60 * KITH_US_PER_S) /* local: so long a new list is told of again: who was told may be gone */
#define KITH_LIST_TIMEOUT_US (4 * KITH_US_PER_S) /* local: then another that told of it is asked */

/* ---- attestation ---- */
#define KITH_WITNESSES_IN_MAX 8 /* local: that a candidate lets in at a time of asking: as many as may attest it */
#define KITH_WITNESS_WINDOW_US (90 * KITH_US_PER_S) /* local: for so long: five, one after the other, 15 s each */
#define KITH_WITNESS_TURN_US (15 * KITH_US_PER_S) /* local: most that one measurement may take */
/* local: a candidate has to answer in: four first messages, to an address that may be a victim's */
#define KITH_WITNESS_DIAL_US (3 * KITH_US_PER_S)
#define KITH_WITNESS_QUEUE 8 /* local: candidates that wait at a witness, which measures one at a time */
/* local: a candidate, and a home for a leaf, is not asked about again for so long: nobody has a victim dialled often */
#define KITH_WITNESS_AGAIN_US (10 * 60 * KITH_US_PER_S)
#define KITH_WITNESS_PER_PREFIX 4 /* local: candidates of one /24 or /48 that a witness dials in that time */
#define KITH_WITNESS_REMEMBERED 64 /* local: candidates dialled in that time: more are refused */
/* local: knocks for one asker, and at one /24 or /48: five witnesses of a candidate want one each, three if it is lost
 */
#define KITH_KNOCKS_BURST 8
#define KITH_KNOCKS_SLOWER 10 /* local: ... and then one in so many seconds */
/* local: times that one identity may gauge its NATs: each device when it comes to a network, and some hours later */
#define KITH_ECHOES_BURST 8
#define KITH_ECHOES_SLOWER 300 /* local: ... and then once in so many seconds */
#define KITH_KNOCK_SETTLED_US (10 * 60 * KITH_US_PER_S) /* local: a leaf knocks when it has consented for so long */
/* local: a witness that has served for so long, not one that has just begun, needs no knock where no leaf consents */
#define KITH_KNOCK_ALONE_US (3600 * KITH_US_PER_S)
#define KITH_NOMINATE_BURST 8 /* local: candidates named to one member, and asked for it: a search, and who refuses */
#define KITH_NOMINATE_SLOWER 15 /* local: ... and then one in so many seconds */
#define KITH_PASSED_MAX 4 /* local: leaves that a home asks for others at a time */
#define KITH_ATTEST_RENEW_US (20 * 3600 * KITH_US_PER_S) /* local: attestations hold for 25 hours */
#define KITH_ATTEST_RETRY_US (15 * 60 * KITH_US_PER_S) /* local: after too few came; doubles to 4 hours */

/* ---- relay ---- */
#define KITH_TUNNEL_IDLE_US (120 * KITH_US_PER_S) /* wire: a silent tunnel is dropped; standbys speak every 9 s */
#define KITH_TUNNEL_DRAIN_US (60 * KITH_US_PER_S) /* wire: closing is announced this long ahead */
/* wire: packets each way through a tunnel that who was called does not want yet: a first message and its answer, with
 * repetitions; at most 10 kB. For one that rings for long half as many more every KITH_TUNNEL_IDLE_US / 8 */
#define KITH_TUNNEL_CALL_PACKETS 8
#define KITH_TUNNEL_CALLS 32 /* local: such tunnels towards one leaf at one home: the oldest gives way */
#define KITH_TUNNEL_CALLS_PER_CALLER 4 /* local: of them by one identity; from the third on each has half the packets */
#define KITH_ADMIT_MAX 128 /* wire: callers that a leaf names to its homes: 8 bytes each, in one request */
#define KITH_ADMIT_LEN 8 /* wire: the first bytes of an identity key */
#define KITH_TUNNEL_TELL_US (1 * KITH_US_PER_S) /* local: who is over a rate is told at most so often */
#define KITH_TUNNEL_CLOSES_PER_S 10 /* local: TUNNEL_CLOSE by one identity */
/* local: what one identity may have opened through one relay, which may go all at once */
#define KITH_TUNNEL_CLOSES_BURST 256
#define KITH_ADMISSIONS_PER_S 10 /* local: ADMIT by one identity ... */
#define KITH_ADMISSIONS_BURST 512 /* local: ... every tunnel of its calls wanted, and given back */

#endif
