/* kith, the command line: what its commands share. Each command is a function that gets its words and options, prints
 * its result (text, or one JSON value with --json) to standard output and its complaint to standard error, and returns
 * the exit code. */
#ifndef KITH_NODE_KITH_CLI_H
#define KITH_NODE_KITH_CLI_H

#include <jansson.h>

#include <kith/kith.h>

#include "files.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3, /* nobody has that name, or is online under it */
	CLI_UNREACHABLE = 4, /* no answer in time, no path, cut off */
	CLI_NO_KITHD = 5 /* the control socket cannot be reached */
};

enum { CLI_BOOTSTRAP_MAX = 16, CLI_WORDS_MAX = 6 };

#define CONTROL_SOCKET_DEFAULT "/run/kith/control"

struct passphrase {
	char b[KITH_PASSPHRASE_MAX];
	size_t len;
};

enum cli_option {
	CLI_NONE,
	CLI_HELP,
	CLI_VERSION,
	CLI_JSON,
	CLI_SOCKET,
	CLI_PROFILE,
	CLI_COUNT,
	CLI_INTERVAL,
	CLI_WAIT,
	CLI_TIMEOUT,
	CLI_LOOPBACK,
	CLI_NETWORK,
	CLI_CONSTRAINT,
	CLI_SUPERNODE,
	CLI_DAYS,
	CLI_SERIAL,
	CLI_GRACE,
	CLI_ISSUER,
	CLI_IDENTITY,
	CLI_KEEP_KEY,
	CLI_REQUEST,
	CLI_BOOTSTRAP,
	CLI_LABEL,
	CLI_OPEN,
	CLI_OUT,
	CLI_FORCE,
	CLI_PASSPHRASE_FILE,
	CLI_NO_PASSPHRASE,
	CLI_ARGON2_MEMORY,
	CLI_OPTIONS_N
};

#define DEVICE_LABEL_MAX 16 /* of what a device is called, in its owner's own files */

struct cli {
	const char *command; /* such as "ca issue" */
	struct poptContext_s *context; /* owner of the words; freed with the rest */
	const char *words[CLI_WORDS_MAX]; /* what is neither command nor option */
	int words_n;
	uint32_t given; /* which options were: CLI_SET */
	/* Options; texts are NULL and numbers 0 when not given (wait_s: -1). */
	int help, version, json, no_passphrase, supernode, loopback, force, keep_key;
	char *passphrase_file, *network, *constraint, *out, *request, *profile, *label, *open, *socket, *issuer,
		*identity;
	char *bootstrap[CLI_BOOTSTRAP_MAX + 1]; /* NULL-terminated */
	long long serial;
	int days, grace, count, interval_ms, timeout_s, wait_s, argon2_mib;
	char error[512]; /* the first mistake in them; "": none */
	int quiet; /* a step of another command: its result is not printed */
};

/* Of new key files, in MiB. */
static inline uint32_t cli_argon2_mib(const struct cli *cli)
{
	return cli->argon2_mib > 0 ? (uint32_t)cli->argon2_mib : KITH_KEYFILE_MIB_DEFAULT;
}

/* Complains: "kith COMMAND: text" to standard error, and {"ok": false ...} to standard output with --json. Returns
 * code. */
int cli_fail(const struct cli *cli, enum cli_exit code, const char *fmt, ...) KITH_PRINTF(3, 4);

/* The same, and what is known of the last session that ended: on standard output, or in the object. */
int cli_fail_ended(const struct cli *cli, enum cli_exit code, const char *ended, const char *text);

/* Prints the result with --json, else text. Takes the reference. Returns CLI_OK, or CLI_FAILED when standard output is
 * gone. */
int cli_result(const struct cli *cli, json_t *result, const char *text);

/* Checks the number of words; what says which ones are expected. CLI_OK or CLI_USAGE. */
int cli_words(const struct cli *cli, int min, int max, const char *what);

void passphrase_wipe(struct passphrase *p);

/* The passphrase for a key file: of a new one (asked for twice), or one to be opened (asked for only if it is
 * protected). len 0: none. CLI_OK, or a complaint. */
int cli_passphrase(const struct cli *cli, struct passphrase *out, const char *key_path, bool is_new);

/* Opens a key file with the passphrase that it needs. */
int cli_open_key(const struct cli *cli, const char *path, struct kith_secrets *secrets);

/* Writes to --out (mode 0644), or to standard output. */
int cli_write_out(const struct cli *cli, const struct text *text);

int cli_net(const struct cli *cli);
int cli_ca_init(const struct cli *cli);
int cli_ca_show(const struct cli *cli);
int cli_ca_list(const struct cli *cli);
int cli_ca_invite(const struct cli *cli);
int cli_ca_issue(const struct cli *cli);
int cli_ca_revoke(const struct cli *cli);
int cli_ca_renew(const struct cli *cli);
int cli_ca_log(const struct cli *cli);
int cli_ca_network(const struct cli *cli);
int cli_id_new(const struct cli *cli);
int cli_id_request(const struct cli *cli);
int cli_id_accept(const struct cli *cli);
int cli_id_renew(const struct cli *cli);
int cli_id_devices(const struct cli *cli);
int cli_id_show(const struct cli *cli);
int cli_query(const struct cli *cli); /* status, sessions, lookup, ping, explain, revoke */

#endif
