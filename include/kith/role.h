/* What a node is to others, and under which terms it serves them: values that a core (<kith/core.h>) and a node
 * (<kith/serving.h>) share.
 *
 * A leaf has three supernodes for homes; a supernode serves leaves and other supernodes. A node of role auto is a leaf
 * until a supernode asks it for help, if whoever runs it consents, the machine is fit for it and others can reach it;
 * and a leaf again when it is not needed any more. The role changes while it runs, and no session of its application
 * ends by that.
 */
#ifndef KITH_ROLE_H
#define KITH_ROLE_H

#include <kith/types.h>

/* What a node may be. */
enum kith_role {
	KITH_ROLE_LEAF = 1, /* never serves */
	KITH_ROLE_SUPERNODE = 2, /* serves always; the certificates must allow it */
	/* begins as a leaf, and serves when it is asked to and may. Unless the consent is NO, and where nothing speaks
	 * against serving, supernodes measure it once a day: ten mebibytes, within the terms' up_max and down_max */
	KITH_ROLE_AUTO = 3
};

/* What the user says to serving others; matters in the role auto only. */
enum kith_consent {
	KITH_CONSENT_ASK, /* nothing yet: the application is told when the node is asked to serve, and answers then */
	KITH_CONSENT_YES, /* serves when it is asked to */
	KITH_CONSENT_NO /* does not, and stops if it does */
};

/* Who sees a device come and go. Contacts that were accepted see it at once: each is given a token when it is talked
 * to, and shows it to the supernodes that keep the record. That binds honest supernodes only: PROTOCOL.md, 16.4. */
enum kith_presence {
	/* others look the name up and call, but see comings and goings in steps of five minutes, so a call may have to
	 * wait for the next one. A device that never ran before is public for its first half hour */
	KITH_PRESENCE_STEPS,
	KITH_PRESENCE_PUBLIC, /* so does everybody */
	KITH_PRESENCE_CONTACTS /* others do not find the device, and their calls are not answered */
};

/* What of the machine speaks against serving others in the role auto: bits, as the host finds them. */
enum kith_hindrance {
	KITH_HINDRANCE_BATTERY = 1, /* it runs on a battery */
	KITH_HINDRANCE_METERED = 2 /* its way out is a mobile network, or traffic costs */
};

/* Under which terms a node serves. Zeros: asks, not on batteries nor metered networks, and the node's other limits are
 * the only ones. A cap counts from when it is set: what is there already stays. */
struct kith_terms { /* fixed */
	enum kith_consent consent; /* in the role auto */
	bool on_battery, on_metered; /* in the role auto: serves there, too */
	uint32_t leaves_max; /* attached leaves; further ones are told that it is full; 0: as many as sessions */
	/* Bytes a second that serving may take in each direction; 0: no cap. What is relayed comes in and goes out, so
	 * that relay_rate is lowered to the smaller of them; and load is counted against them. */
	uint64_t up_max, down_max;
	/* Bytes that leaves, records and watches may take: their numbers are held to what fits; 0: no cap, at least
	 * KITH_SERVING_MEMORY_LEAST otherwise. */
	uint64_t memory_max;
};

#define KITH_SERVING_MEMORY_LEAST (1024u * 1024) /* what memory_max is at least */
#define KITH_ELECTION_PACE_MAX 3600 /* an hour is a second: load is looked at once a second, and no sooner */

/* Why a node serves, or does not. X(symbol, name, whether it serves then, text) */
#define KITH_ROLE_REASON_MAP(X)                                                                                        \
	X(NONE, "none", false, "not started")                                                                          \
	X(CONFIGURED, "configured", true, "its role is supernode")                                                     \
	X(HELP, "help", true, "a supernode asked it for help")                                                         \
	X(LEAF, "leaf", false, "its role is leaf")                                                                     \
	X(REFUSED, "refused", false, "its user does not consent")                                                      \
	X(BATTERY, "battery", false, "the machine runs on a battery")                                                  \
	X(METERED, "metered", false, "the network is mobile or metered")                                               \
	X(NO_ADDRESS, "no-address", false, "no public address of it is known")                                         \
	X(UNPROVEN, "unproven", false, "nobody has proven yet that others can reach it")                               \
	X(CONSENT, "consent", false, "it was asked for help, and its user has not answered")                           \
	X(NOT_ASKED, "not-asked", false, "no supernode has asked it for help")                                         \
	X(IDLE, "idle", false, "it was not needed any more")                                                           \
	X(FAILED, "failed", false, "it could not begin to serve")                                                      \
	X(SMALL, "small", false, "its caps leave room for too few leaves")                                             \
	X(SLOW, "slow", false, "witnesses measured less bandwidth than a supernode needs")                             \
	X(NEW, "new", false, "others have not seen it for long enough")                                                \
	X(SELDOM, "seldom", false, "it was away for too much of the time")                                             \
	X(NETWORK, "network", false, "the network lets only those serve whose certificates say so")

/* The reasons, as KITH_ROLE_REASON_MAP lists them. */
enum kith_role_reason {
#define KITH_ROLE_REASON_ENUM(symbol, name, serves, text) KITH_ROLE_WHY_##symbol,
	KITH_ROLE_REASON_MAP(KITH_ROLE_REASON_ENUM) KITH_ROLE_WHY_MAX
#undef KITH_ROLE_REASON_ENUM
};

/* The sentence for a reason, and its name, such as "not-asked". Static storage. */
KITH_EXPORT const char *kith_role_reason_text(unsigned reason);
KITH_EXPORT const char *kith_role_reason_name(unsigned reason);

#define KITH_ENDPOINTS_MAX 4 /* that a node names for others to reach it */

/* An endpoint of a node that serves, or may. */
struct kith_own_endpoint { /* fixed */
	struct kith_endpoint at; /* where */
	bool found; /* not of the options: others found it to work */
	bool failing; /* others tried it in vain */
	uint64_t reserved[2];
};

/* What a node is to others now. */
struct kith_role_info { /* fixed */
	enum kith_role role; /* what it may be */
	bool serving; /* it is a supernode now */
	bool asked; /* it was asked to serve, and the application is to answer */
	enum kith_role_reason why; /* why it serves now, or does not */
	enum kith_role_reason changed; /* why it last began or ended; NONE: it never did */
	int err; /* why FAILED */
	kith_time_us since_us; /* how long it has been what it is */
	unsigned hindrances; /* enum kith_hindrance */
	uint32_t load; /* in thousandths of what the terms allow; 0: not measured */
	struct kith_terms terms; /* in force */
	uint64_t relay_rate; /* bytes a second for others, after all caps */
	uint32_t leaves_max; /* after all caps */
	uint32_t endpoints_n; /* how many of the next */
	struct kith_own_endpoint endpoints[KITH_ENDPOINTS_MAX + 1]; /* those of the options, and one that was found */
	/* What witnesses attested, by the attestations that it holds: how many there are (three are needed), and with
	 * three bytes a second each way, and for how long others have seen it; else 0. */
	uint32_t attestations, measured_up, measured_down;
	uint32_t election_pace; /* of the options: 1 but in test networks */
	kith_time_us seen_us;
	uint64_t reserved[5];
};

#endif
