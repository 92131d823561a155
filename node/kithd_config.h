/* kithd's configuration file: kithd.conf(5). Read once, checked wholly before anything starts.
 *
 * Every mistake is one message: the file and line, the option, what was found, what is expected, and where it helps
 * what to do. The first one ends the reading. An option given twice is a mistake; so is one that has no effect in the
 * role.
 *
 * libconfuse does the grammar; it gets the text with comments blanked out, since its 3.3 counts the line of a '#'
 * comment three times. */
#ifndef KITH_NODE_KITHD_CONFIG_H
#define KITH_NODE_KITHD_CONFIG_H

#include <kith/kith.h>

#include "files.h"
#include "kithd_log.h"
#include "serving.h"

#define CONFIG_LISTS_MAX 16 /* files of issuers, and of revocation lists */
#define CONFIG_BOOTSTRAP_MAX 32
#define CONFIG_ERROR_MAX 1024

/* A text and the line that it was given in; s is NULL when it was not. */
struct config_text {
	char *s;
	int line;
};

struct config {
	struct config_text path; /* of the file itself */
	struct config_text profile, chain, key, passphrase_file, state, control, open_label, proxy;
	struct config_text web_certificate, web_key, web_path, web_trust, turn[KITH_TURN_SERVERS_MAX];
	size_t turn_n;
	struct config_text bootstrap[CONFIG_BOOTSTRAP_MAX], issuers[CONFIG_LISTS_MAX], revocations[CONFIG_LISTS_MAX];
	size_t bootstrap_n, issuers_n, revocations_n;

	enum kith_role role;
	enum kith_presence presence;
	struct kith_key root;
	struct kith_addr listen_v4, listen_v6, web_listen; /* family NONE: not given */
	struct kith_addr advertise[4];
	size_t advertise_n;
	enum kith_log_level log_level;
	enum log_format log_format;
	bool log_clear, stun, ping, allow_loopback, offload, tcp, tcp_in, serve_on_battery, serve_on_metered,
		port_mapping, lan;
	uint64_t serve_leaves_max, serve_up_max, serve_down_max, serve_memory_max; /* 0: no cap */
	uint64_t sessions_max, tunnels_max, relay_rate, relay_identity_rate, stream_window_max, session_window_max,
		windows_max, leave_timeout, election_pace, listen_tcp; /* 0: the library's default */

	int lines[64]; /* of each option, by its place in the table of kithd_config.c; 0: not given */
	char *values[64]; /* as they were written, each with a newline behind it; NULL: not given */
	int line_count;
	char error[CONFIG_ERROR_MAX];
};

/* Reads and checks the text of the file. On error, which config->error then tells, KITH_EINVAL. config_free in any
 * case. */
int config_read(struct config *config, const char *path) KITH_MUST_USE;
void config_free(struct config *config);

/* Keeps a copy; what is expected instead, if there is no memory. */
const char *config_keep(struct config_text *out, const char *value, int line);

/* Sets the error unless there is one: "file:line: ..."; line 0: of the file as a whole. Returns KITH_EINVAL. */
int config_refuse(struct config *config, int line, const char *fmt, ...) KITH_PRINTF(3, 4);

/* Where an option was given; 0: it was not. */
int config_line(const struct config *config, const char *option);

/* Names the options whose change from running to fresh takes effect after a restart only, as "a, b"; "" for none. */
void config_restart_needed(const struct config *running, const struct config *fresh, char *out, size_t cap);

/* Tells which options that can change while kithd runs have another value in fresh, as "a: 1 -> 2, b: ..."; "" for
 * none. */
void config_changed(const struct config *running, const struct config *fresh, char *out, size_t cap);

/* What running says of those options is from now on what fresh said, which is of no use any more. */
void config_take_live(struct config *running, struct config *fresh);

/* What the files named in the configuration hold. */
struct credentials {
	struct armor chain, lists[2 * CONFIG_LISTS_MAX];
	size_t lists_n;
	struct kith_span issuers[ARMOR_PIECES_MAX], revocations[ARMOR_PIECES_MAX];
	size_t issuers_n, revocations_n;
	const char *bootstrap[CONFIG_BOOTSTRAP_MAX], *turn[KITH_TURN_SERVERS_MAX];
};

/* Fills in options from the configuration and the files that it names; options borrow from both. KITH_EINVAL, and
 * config->error tells. */
int config_apply(struct config *config, struct credentials *credentials,
		 struct kith_node_options *options) KITH_MUST_USE;
void credentials_free(struct credentials *credentials);

/* What the configuration says of serving others. */
void config_serving(const struct config *config, struct serving *out);

/* Reads the revocation lists again and gives each to visit. KITH_EINVAL, and config->error tells. */
int config_revocations(struct config *config, void (*visit)(void *ctx, const char *path, struct kith_span list),
		       void *ctx) KITH_MUST_USE;

#endif
