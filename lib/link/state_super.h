/* The supernode's half of the state of one core (link/state.h). */
#ifndef KITH_LINK_STATE_SUPER_H
#define KITH_LINK_STATE_SUPER_H

#include <kith/core.h>

#include "identity/posted.h"
#include "overlay/election.h"
#include "overlay/gossip.h"
#include "overlay/members.h"
#include "overlay/suspicion.h"
#include "presence/hedge.h"
#include "presence/held.h"
#include "presence/replicas.h"
#include "presence/store.h"
#include "presence/watch.h"
#include "relay/fwd.h"
#include "wire/attest.h"
#include "wire/busy.h"
#include "wire/record.h"

#define KITH_KEEPERS_MAX (KITH_REPLICA_GROUPS * KITH_REPLICAS)

/* How much a supernode has to do (super/load). */
struct kith_load {
	struct kith_core_load told; /* by the host ... */
	kith_time_us told_at; /* ... then; 0: never */
	kith_time_us at; /* when the figures were taken last, since when ... */
	uint64_t packets; /* ... so many came in */
	uint64_t relayed; /* bytes, in all, until then */
	uint32_t packets_s;
	uint16_t utilisation[KITH_RESOURCES_N]; /* permille */
	uint32_t permille, smooth; /* the highest of them: in the last second, and over the last 30 */
	uint8_t said; /* in our entry */
	kith_time_us said_at;
};

/* What it sends for itself (super/uplink). */
struct kith_uplink {
	kith_time_us free_at; /* when what was sent is through ... */
	kith_time_us owed_us; /* ... and as much later with what was decided on in this call */
	kith_time_us share_at; /* when what had to wait is through, in its share of the rate */
	kith_time_us settled_at; /* when what the leaves that came bring in their wake is */
};

/* Whom a supernode turns away (link/refuse). */
struct kith_refusals {
	uint8_t packet[KITH_BUSY_PACKET_MAX]; /* BUSY, for the one that is refused next */
	uint16_t len; /* 0: none was made */
	uint16_t retry_s; /* as it says */
	kith_time_us made_at;
	kith_time_us second_at; /* when the second began ... */
	uint32_t now, last; /* ... and how many were refused in it, and in the one before */
	uint64_t untold; /* refused since the operator was told */
	kith_time_us told_at; /* when told */
	bool told;
};

/* A supernode's part in the election (super/help). */
struct kith_help {
	struct kith_need need;
	bool asking; /* a leaf was asked, and has not answered yet */
	struct kith_host newcomer; /* who was asked last */
	uint32_t left; /* leaves that are still to be handed over to it ... */
	uint32_t share; /* ... one in so many a second */
	uint16_t round; /* counts what leaves are told, so that each is told once */
	kith_time_us next_at; /* the next step of handing over or draining */
	bool elected; /* this node was promoted */
	struct kith_tenure tenure;
	uint32_t places, places_step; /* leaves that it takes for now, and by how many that grows; 0: as many as come */
	kith_time_us places_at, looked_at;
	struct kith_looks looks;
	bool draining, done; /* it gives its office up; nobody is left */
	uint32_t drained_at_once; /* leaves a second */
	kith_time_us drain_by;
};

/* Who was told of an edition (super/bulletin). */
struct kith_told {
	uint8_t signer[KITH_ISSUER_ID_LEN];
	uint16_t to, has; /* bit for each partner: told of it; has said that it has it */
	uint64_t number;
	kith_time_us since; /* when it was new here */
};

struct kith_query; /* a look-up in the directory (super/query.c) */
struct kith_witness; /* candidates to be measured (super/witness.c) */
struct kith_seek; /* candidates of other members, and ours for them (super/seek.c) */
struct kith_echoes; /* packets of leaves that are to be sent back (super/echo.c) */
struct kith_vouching; /* supernodes whose witnesses are looked for (super/vouch.c) */
struct kith_candidacy; /* what a node that may become a supernode has been attested (leaf/candidacy.h) */

#define KITH_PARTNERS_CHOSEN 4 /* local: members that news are told to; about as many chose us */

/* A member with whom exchanges are again and again (super/partners.h). */
struct kith_partner {
	bool taken;
	struct kith_id id;
	uint64_t device; /* kith_device_key */
	kith_time_us since, used_at;
};

#define KITH_TESTS_MAX 64 /* local: members that do not answer, under test at once */

/* A member that did not answer (super/suspect.h). */
struct kith_test {
	struct kith_id id;
	kith_time_us at; /* when it is tested again; NEVER: a test is under way */
	kith_time_us began; /* the last test */
	uint8_t tries; /* in vain */
};

/* The supernode's half; NULL in leaves. */
enum { KITH_QUERY_BLOCK = 16, KITH_QUERY_BLOCKS = 64 }; /* KITH_QUERIES_MAX in all (super/query.h) */

struct kith_supernode {
	struct kith_members members;
	struct kith_store store;
	struct kith_watches watches; /* replica: WATCH of homes */
	struct kith_watches interests; /* home: SUBSCRIBE of its leaves */
	struct kith_fwd fwd;
	struct kith_query
		*queries[KITH_QUERY_BLOCKS]; /* of KITH_QUERY_BLOCK each, taken as they are needed, and kept */
	uint32_t query_blocks, queries_n, next_query;
	struct kith_hedge hedge; /* how long replicas take */
	struct kith_query *done; /* look-ups of this node's own application, the first that ended first */
	struct kith_timer timer;
	struct kith_id id; /* ours */
	bool ending; /* freed when the ends of its sessions were told */
	uint8_t lost; /* bit i: endpoint i was an address of our own interface, and is no more */
	uint8_t entry[KITH_MEMBER_LEN_MAX]; /* our own member entry */
	uint16_t entry_len;
	uint8_t run; /* drawn when this half was made (wire/record.h) */
	uint64_t entry_seq;
	kith_time_us entry_at, gossip_at, expire_at;
	kith_time_us self_due; /* when our own presence record is signed next */
	uint8_t self_record[KITH_RECORD_LEN_MAX];
	uint16_t self_len;
	uint32_t self_copies[KITH_KEEPERS_MAX]; /* as those of a leaf */
	unsigned exchanges; /* gossip begun so far */
	struct kith_partner partners[KITH_MEMBERS_PARTNERS]; /* the first ones chosen by us, the others chose us */
	kith_time_us changed_at; /* members came, went or moved */
	kith_time_us doubt_at; /* when members are held against the network's parameters; 0: they were */
	struct kith_told told[KITH_POSTED_MAX]; /* by the place of the thing in the trust */
	kith_time_us posted_at; /* when a posted thing was new here; 0: none was */
	struct kith_suspicion suspicion;
	struct kith_test tests[KITH_TESTS_MAX];
	uint8_t tests_n;
	uint8_t refutations; /* lately */
	kith_time_us refuted_at; /* when we signed our entry anew because somebody doubted us */
	kith_time_us answered_at; /* some member answered or asked us: it is not our own line that is dead */
	kith_time_us dead_at; /* when one that was found dead is tested again */
	kith_time_us wave_until; /* many come back: until then all that were found dead are tested */
	uint32_t leaves, leaves_max;
	uint32_t suspects; /* members with failures, about: whether a search is worth it */
	struct kith_table attached; /* kith_attached by directory key, one device of each name */
	uint32_t recheck; /* keys of interests: where looking at their replicas has got to */
	bool rechecking;
	kith_time_us guides_at; /* when the next sector is asked for guides */
	uint32_t guides_turn;
	kith_time_us republish_at; /* when records are brought to replicas that are new; NEVER */
	struct kith_witness *witness; /* NULL until there is a candidate to be measured */
	struct kith_seek *seek; /* NULL until somebody asks */
	struct kith_echoes *echoes; /* NULL while no leaf gauges its NAT */
	struct kith_vouching *vouching; /* NULL until there is one */
	kith_time_us sponsored_at; /* when witnesses were last asked for a candidate */
	kith_time_us begun_at; /* when this half was made */
	bool elected; /* our certificate does not call us a supernode: our entry needs attestations */
	uint8_t introductions_left; /* exchanges that begin with our entry, since nobody may know us yet */
	uint16_t attests_len;
	uint8_t attests[KITH_ATTESTS_LEN_MAX]; /* for our entry */
	struct kith_overload overload; /* what is refused for the sake of those who are here (super/load) */
	struct kith_load load;
	struct kith_uplink uplink;
	struct kith_help help;
	struct kith_held held; /* news of presence that wait, under load (super/notify) */
	struct kith_held unfinished; /* and such as not all watchers have been told of */
	struct kith_refusals refusals;
};

#endif
