#include "kith_options.h"

#include <errno.h>
#include <limits.h>
#include <popt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { NETWORK_LABEL_MAX = 64 }; /* as kith_network_id_open has it */

enum option_kind { FLAG, TEXT, LABEL, NUMBER, SERIAL, HOSTS };

struct option_row {
	const char *name;
	char letter;
	enum option_kind kind;
	size_t at; /* in struct cli */
	long long min, max; /* of numbers, and of the length of labels */
	const char *what, *argument;
};

#define AT(field) offsetof(struct cli, field)

static const struct option_row rows[CLI_OPTIONS_N] = {
	[CLI_HELP] = { "help", '?', FLAG, AT(help), 0, 0, "list the options of the command", NULL },
	[CLI_VERSION] = { "version", '\0', FLAG, AT(version), 0, 0, "print the version", NULL },
	[CLI_JSON] = { "json", '\0', FLAG, AT(json), 0, 0, "print JSON, errors too", NULL },
	[CLI_SOCKET] = { "socket", 's', TEXT, AT(socket), 0, 0,
			 "kithd's control socket; default " CONTROL_SOCKET_DEFAULT, "PATH" },
	[CLI_PROFILE] = { "profile", 'p', TEXT, AT(profile), 0, 0,
			  "ca issue: the profile to make; else: run a node of one's own with it", "DIR" },
	[CLI_COUNT] = { "count", 'n', NUMBER, AT(count), 1, 1000, "how many; default 5", "N" },
	[CLI_INTERVAL] = { "interval", '\0', NUMBER, AT(interval_ms), 10, 60000,
			   "milliseconds between two; default 200", "MS" },
	[CLI_WAIT] = { "wait", '\0', NUMBER, AT(wait_s), 0, 60, "seconds to wait for a direct path; default 3", "S" },
	[CLI_TIMEOUT] = { "timeout", '\0', NUMBER, AT(timeout_s), 1, 600, "seconds to wait for an answer; default 30",
			  "S" },
	[CLI_LOOPBACK] = { "allow-loopback", '\0', FLAG, AT(loopback), 0, 0,
			   "use loopback addresses; for a profile that is made: written into it", NULL },
	[CLI_NETWORK] = { "network", '\0', LABEL, AT(network), 1, NETWORK_LABEL_MAX, "what the network is called",
			  "LABEL" },
	[CLI_CONSTRAINT] = { "constraint", '\0', TEXT, AT(constraint), 0, 0,
			     "the issuer may only give names that end so", ".SUFFIX" },
	[CLI_SUPERNODE] = { "supernode", '\0', FLAG, AT(supernode), 0, 0,
			    "the name may serve as a supernode from the start; of an issuer: it may make such", NULL },
	[CLI_DAYS] = { "days", '\0', NUMBER, AT(days), 1, 36500,
		       "validity; default: issuer and name 365, device 90, list 30", "N" },
	[CLI_SERIAL] = { "serial", '\0', SERIAL, AT(serial), 1, LLONG_MAX, "of one certificate", "N" },
	[CLI_GRACE] = { "grace", '\0', NUMBER, AT(grace), 1, 36500,
			"days that nodes do with a late list; then they refuse calls", "N" },
	[CLI_ISSUER] = { "issuer", '\0', TEXT, AT(issuer), 0, 0,
			 "ca revoke: an issuer, by its key or its certificate; id renew: its newer certificate",
			 "KEY|FILE" },
	[CLI_IDENTITY] = { "identity", '\0', TEXT, AT(identity), 0, 0,
			   "the identity's key file, kept apart from the device's; id new makes it", "FILE" },
	[CLI_KEEP_KEY] = { "keep-key", '\0', FLAG, AT(keep_key), 0, 0,
			   "certify the present issuer's key anew; default: a new key", NULL },
	[CLI_REQUEST] = { "request", '\0', TEXT, AT(request), 0, 0, "what kith id request wrote", "FILE" },
	[CLI_BOOTSTRAP] = { "bootstrap", 'b', HOSTS, AT(bootstrap), 0, 0,
			    "supernode to ask first: host:port; may be repeated", "HOST" },
	[CLI_LABEL] = { "label", '\0', LABEL, AT(label), 1, DEVICE_LABEL_MAX,
			"what you call the device, in the profile's file devices; default main", "LABEL" },
	[CLI_OPEN] = { "open", '\0', LABEL, AT(open), 1, NETWORK_LABEL_MAX, "in the open network of that label",
		       "LABEL" },
	[CLI_OUT] = { "out", 'o', TEXT, AT(out), 0, 0, "write there instead of to standard output", "FILE" },
	[CLI_FORCE] = { "force", '\0', FLAG, AT(force), 0, 0, "give a name to another key than the one that had it",
			NULL },
	[CLI_PASSPHRASE_FILE] = { "passphrase-file", '\0', TEXT, AT(passphrase_file), 0, 0,
				  "its first line is the passphrase", "FILE" },
	[CLI_NO_PASSPHRASE] = { "no-passphrase", '\0', FLAG, AT(no_passphrase), 0, 0, "new key files are not protected",
				NULL },
	[CLI_ARGON2_MEMORY] = { "argon2-memory", '\0', NUMBER, AT(argon2_mib), KITH_KEYFILE_MIB_MIN,
				KITH_KEYFILE_MIB_MAX, "that new key files take to be opened; default 256", "MIB" },
};

static void *field(struct cli *cli, const struct option_row *row)
{
	return (char *)cli + row->at;
}

/* ---- reading ---- */

static void refuse(struct cli *cli, const char *fmt, ...) KITH_PRINTF(2, 3);

static void refuse(struct cli *cli, const char *fmt, ...)
{
	va_list args;
	if (cli->error[0] != '\0')
		return; /* the first one counts */
	va_start(args, fmt);
	(void)vsnprintf(cli->error, sizeof cli->error, fmt, args);
	va_end(args);
}

static void take_number(struct cli *cli, const struct option_row *row, const char *text)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < row->min || n > row->max)
		refuse(cli, "--%s: found \"%s\"; expected a number from %lld to %lld", row->name, text, row->min,
		       row->max);
	else if (row->kind == SERIAL)
		memcpy(field(cli, row), &n, sizeof n);
	else
		memcpy(field(cli, row), &(int){ (int)n }, sizeof(int));
}

/* 1 to max characters, none of which a terminal would obey. */
static bool is_label(const char *text, size_t max)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return len > 0 && len <= max;
}

static void take_host(struct cli *cli, char *text)
{
	size_t n = 0;
	while (n < CLI_BOOTSTRAP_MAX && cli->bootstrap[n] != NULL)
		n++;
	if (n == CLI_BOOTSTRAP_MAX)
		refuse(cli, "--bootstrap: more than %d hosts", CLI_BOOTSTRAP_MAX);
	else if (!kith_bootstrap_valid(text))
		refuse(cli,
		       "--bootstrap: found \"%s\"; expected host:port, 1.2.3.4:port or [v6]:port with a port from 1 to "
		       "65535, and behind a blank the supernode's key if it is known",
		       text);
	else
		cli->bootstrap[n] = text;
	if (n == CLI_BOOTSTRAP_MAX || cli->bootstrap[n] == NULL)
		free(text);
}

/* text is malloc'd; NULL for flags. */
static void take(struct cli *cli, const struct option_row *row, char *text)
{
	switch (row->kind) {
	case FLAG:
		memcpy(field(cli, row), &(int){ 1 }, sizeof(int));
		break;
	case LABEL:
		if (!is_label(text, (size_t)row->max))
			refuse(cli, "--%s: found \"%s\"; expected 1 to %lld printable characters", row->name, text,
			       row->max);
		memcpy(field(cli, row), &text, sizeof text);
		break;
	case TEXT:
		memcpy(field(cli, row), &text, sizeof text);
		break;
	case NUMBER:
	case SERIAL:
		take_number(cli, row, text);
		free(text);
		break;
	case HOSTS:
		take_host(cli, text);
		break;
	}
}

static void read_option(struct cli *cli, enum cli_option option, char *text)
{
	const struct option_row *row = &rows[option];
	bool again = (cli->given & CLI_SET(option)) != 0 && row->kind != HOSTS;
	cli->given |= CLI_SET(option);
	if (!again) {
		take(cli, row, text);
		return;
	}
	refuse(cli, "--%s: given twice", row->name);
	free(text);
}

void cli_options_read(struct cli *cli, int argc, const char **argv)
{
	struct poptOption table[CLI_OPTIONS_N + 1];
	const struct poptOption end = POPT_TABLEEND;
	const char *word;
	int rc;
	for (int i = CLI_NONE + 1; i < CLI_OPTIONS_N; i++) {
		struct poptOption option = { rows[i].name, rows[i].letter, POPT_ARG_STRING, NULL, i, NULL, NULL };
		if (rows[i].kind == FLAG)
			option.argInfo = POPT_ARG_NONE;
		table[i - 1] = option;
	}
	table[CLI_OPTIONS_N - 1] = end;
	cli->context = poptGetContext("kith", argc, argv, table, 0); /* the words are its own */
	while ((rc = poptGetNextOpt(cli->context)) != -1) {
		if (rc < -1)
			refuse(cli, "%s: %s", poptBadOption(cli->context, POPT_BADOPTION_NOALIAS), poptStrerror(rc));
		else
			read_option(cli, (enum cli_option)rc, poptGetOptArg(cli->context));
	}
	while ((word = poptGetArg(cli->context)) != NULL) {
		if (cli->words_n == CLI_WORDS_MAX)
			refuse(cli, "too many words");
		else
			cli->words[cli->words_n++] = word;
	}
}

void cli_options_free(struct cli *cli)
{
	for (int i = CLI_NONE + 1; i < CLI_OPTIONS_N; i++) {
		char *text = NULL;
		if (rows[i].kind == TEXT || rows[i].kind == LABEL)
			memcpy(&text, field(cli, &rows[i]), sizeof text);
		free(text);
	}
	for (size_t i = 0; i < CLI_BOOTSTRAP_MAX; i++)
		free(cli->bootstrap[i]);
	if (cli->context != NULL)
		(void)poptFreeContext(cli->context);
}

/* ---- what a command takes ---- */

int cli_options_check(const struct cli *cli, uint32_t takes, enum cli_option by, uint32_t others)
{
	if (cli->error[0] != '\0')
		return cli_fail(cli, CLI_USAGE, "%s", cli->error);
	for (int i = CLI_NONE + 1; i < CLI_OPTIONS_N; i++) {
		if ((cli->given & ~takes & CLI_SET(i)) == 0)
			continue;
		if (by != CLI_NONE && (cli->given & CLI_SET(by)) != 0)
			return cli_fail(cli, CLI_USAGE, "--%s has no effect with --%s", rows[i].name, rows[by].name);
		if (by != CLI_NONE && (others & CLI_SET(i)) != 0)
			return cli_fail(cli, CLI_USAGE, "--%s has no effect without --%s", rows[i].name, rows[by].name);
		return cli_fail(cli, CLI_USAGE, "--%s has no effect here; kith %s --help lists what has", rows[i].name,
				cli->command);
	}
	return CLI_OK;
}

void cli_options_list(FILE *to, uint32_t set)
{
	char left[48];
	for (int i = CLI_NONE + 1; i < CLI_OPTIONS_N; i++) {
		const char *argument = rows[i].argument;
		if ((set & CLI_SET(i)) == 0)
			continue;
		(void)snprintf(left, sizeof left, "--%s%s%s", rows[i].name, argument != NULL ? " " : "",
			       argument != NULL ? argument : "");
		if (rows[i].letter != '\0')
			fprintf(to, "  -%c, %-24s  %s\n", rows[i].letter, left, rows[i].what);
		else
			fprintf(to, "      %-24s  %s\n", left, rows[i].what);
	}
}
