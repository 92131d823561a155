/* What a node's options own: what was read from a profile, made in memory, or set by name. */
#ifndef KITH_HOST_PROFILE_H
#define KITH_HOST_PROFILE_H

#include "host/internal.h"

enum { KITH_PROFILE_SPANS_MAX = 16, KITH_PROFILE_PATH_MAX = 4096 };

struct kith_profile {
	char key_path[KITH_PROFILE_PATH_MAX], chain_path[KITH_PROFILE_PATH_MAX], state_dir[KITH_PROFILE_PATH_MAX];
	char open_label[KITH_NETWORK_LABEL_MAX + 1];
	uint8_t chain[KITH_CHAIN_MAX], devices[KITH_DEVICES_LEN_MAX];
	struct kith_span issuers[KITH_PROFILE_SPANS_MAX], revocations[KITH_PROFILE_SPANS_MAX]; /* allocated */
	size_t issuers_n, revocations_n;
	char *text; /* of the bootstrap file; lines points into it, or into owned */
	size_t text_len;
	const char *lines[KITH_RESOLVE_ENTRIES_MAX];
	size_t lines_n;
	const char *turn[KITH_TURN_SERVERS_MAX]; /* in owned */
	bool loopback; /* it is this profile that allows loopback addresses */
	struct kith_owned *owned; /* texts that were set */
	struct kith_log log;
};

/* That of o, made if there is none yet. NULL: no memory, or o was made by a program that knows of none. */
struct kith_profile *kith_profile_of(struct kith_node_options *o);

/* Copies a text, and frees it with the rest. NULL: no memory. */
const char *kith_profile_keep(struct kith_profile *p, const char *text);

#endif
