/* The topics: each fills the file of its name. */
#ifndef KITH_TESTS_VECTORS_TOPICS_H
#define KITH_TESTS_VECTORS_TOPICS_H

#include "vec.h"

/* X(name of the file, function, what it is about) */
#define VEC_TOPIC_MAP(X)                                                                                               \
	X("keys", topic_keys, "Names, keys and ids: what follows from a seed, and from each other.")                   \
	X("certificates", topic_certificates, "Certificates, chains, lists of devices and revocations.")               \
	X("proofs", topic_proofs, "Challenge and answer, enrolment, invitation and grant.")                            \
	X("packets", topic_packets, "Outer packets without keys: TUNNEL, GONE, VERSION.")                              \
	X("handshake", topic_handshake, "WHO, IAM, HELLO, COOKIE, REPLY, the first DATA.")                             \
	X("rekey", topic_rekey, "The change of keys: REKEY, its answer, packets in the new keys.")                     \
	X("frames", topic_frames, "Each frame of sealed packets and of handshake payloads.")                           \
	X("requests", topic_requests, "Each request and its answer, as frames with their bodies.")                     \
	X("directory", topic_directory, "Presence records, vanish reports, member and host entries.")                  \
	X("replicas", topic_replicas, "Distance on the ring, and which members keep a key.")                           \
	X("gossip", topic_gossip, "How two tables of members become equal.")                                           \
	X("streams", topic_streams, "Bodies of STREAM frames: the first flight in both directions.")                   \
	X("files", topic_files, "Key files, armour, contacts, host cache.")

#define VEC_TOPIC_DECLARE(name, function, about) void function(struct vec_topic *topic);
VEC_TOPIC_MAP(VEC_TOPIC_DECLARE)
#undef VEC_TOPIC_DECLARE

#endif
