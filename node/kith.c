/* kith, the command line: certificates, profiles, and questions to a running node. See kith(1). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith_options.h"

/* ---- what commands share ---- */

static int fail_with(const struct cli *cli, enum cli_exit code, json_t *more, const char *text)
{
	fprintf(stderr, "kith%s%s: %s\n", cli->command[0] != '\0' ? " " : "", cli->command, text);
	if (cli->json) {
		json_t *answer = json_pack("{s:b, s:i, s:s}", "ok", 0, "exit_code", (int)code, "error", text);
		if (answer != NULL && more != NULL)
			json_object_update(answer, more);
		if (answer != NULL)
			json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(answer);
	}
	return (int)code;
}

int cli_fail(const struct cli *cli, enum cli_exit code, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return fail_with(cli, code, NULL, text);
}

int cli_fail_ended(const struct cli *cli, enum cli_exit code, const char *ended, const char *text)
{
	json_t *more = json_pack("{s:s}", "ended", ended);
	if (!cli->json && !cli->quiet)
		fputs(ended, stdout);
	(void)fail_with(cli, code, more, text);
	json_decref(more);
	return (int)code;
}

int cli_result(const struct cli *cli, json_t *result, const char *text)
{
	if (cli->quiet) {
		json_decref(result);
		return CLI_OK;
	}
	if (!cli->json) {
		fputs(text, stdout);
	} else {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		putchar('\n');
	}
	json_decref(result);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "kith %s: cannot write to standard output: %s\n", cli->command, strerror(errno));
		return CLI_FAILED;
	}
	return CLI_OK;
}

int cli_words(const struct cli *cli, int min, int max, const char *what)
{
	if (cli->words_n >= min && cli->words_n <= max)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE, "expected: kith %s%s%s", cli->command, what[0] != '\0' ? " " : "", what);
}

int cli_passphrase(const struct cli *cli, struct passphrase *out, const char *key_path, bool is_new)
{
	out->len = 0;
	if (cli->no_passphrase && cli->passphrase_file != NULL)
		return cli_fail(cli, CLI_USAGE, "--no-passphrase and --passphrase-file exclude each other");
	if (cli->no_passphrase && cli->argon2_mib != 0)
		return cli_fail(cli, CLI_USAGE, "--argon2-memory has no effect with --no-passphrase");
	if (is_new && cli->no_passphrase)
		return CLI_OK;
	if (!is_new) {
		int needed = kith_keyfile_protected(key_path);
		if (needed == 0)
			return CLI_OK;
		if (needed < 0)
			return cli_fail(cli, CLI_FAILED, "the key file %s cannot be used: %s", key_path,
					kith_strerror(needed));
	}
	const char *file = cli->passphrase_file != NULL ? cli->passphrase_file : getenv(KITH_PASSPHRASE_ENV);
	errno = 0;
	int len = file != NULL ? kith_passphrase_read(file, out->b, sizeof out->b)
			       : kith_passphrase_ask(key_path, is_new, out->b, sizeof out->b);
	out->len = len > 0 ? (size_t)len : 0;
	if (len > 0)
		return CLI_OK;
	if (file != NULL)
		return cli_fail(cli, CLI_FAILED, "%s: %s: %s",
				cli->passphrase_file != NULL ? "--passphrase-file" : KITH_PASSPHRASE_ENV, file,
				len == KITH_EINVAL ? "its first line is empty or too long, or it is no file"
						   : file_why(len));
	if (len == KITH_ENOTSUP)
		return cli_fail(cli, CLI_FAILED,
				"a passphrase is needed for %s, and there is no terminal to ask on: use "
				"--passphrase-file%s",
				key_path, is_new ? " or --no-passphrase" : "");
	return cli_fail(cli, CLI_FAILED,
			len == KITH_ECANCELED ? "given up, nothing was changed"
					      : "the passphrase was empty, too long, or not the same twice");
}

void passphrase_wipe(struct passphrase *p)
{
	explicit_bzero(p, sizeof *p);
}

int cli_open_key(const struct cli *cli, const char *path, struct kith_secrets *secrets)
{
	struct passphrase pass;
	int code = cli_passphrase(cli, &pass, path, false);
	if (code != CLI_OK)
		return code;
	int err = kith_keyfile_read(path, pass.b, pass.len, secrets);
	passphrase_wipe(&pass);
	return err == 0 ? CLI_OK
			: cli_fail(cli, CLI_FAILED, "the key file %s cannot be opened: %s", path, kith_strerror(err));
}

int cli_write_out(const struct cli *cli, const struct text *text)
{
	if (cli->out == NULL)
		return cli_result(cli, json_pack("{s:s}", "text", text->p), text->p);
	errno = 0;
	int err = file_write(cli->out, 0644, text->p, text->len);
	return err == 0 ? CLI_OK
			: cli_fail(cli, CLI_FAILED, "--out: %s cannot be written: %s", cli->out, file_why(err));
}

/* ---- the commands ---- */

/* What the same commands take; --json is for all of them. */
enum {
	OPENS_KEY = CLI_SET(CLI_PASSPHRASE_FILE),
	MAKES_KEY = OPENS_KEY | CLI_SET(CLI_NO_PASSPHRASE) | CLI_SET(CLI_ARGON2_MEMORY),
	BOOTSTRAPS = CLI_SET(CLI_BOOTSTRAP) | CLI_SET(CLI_LOOPBACK),
	CERTIFIES = OPENS_KEY | CLI_SET(CLI_IDENTITY),
	GIVES = CLI_SET(CLI_SUPERNODE),
	ISSUER_TERMS = CLI_SET(CLI_DAYS) | CLI_SET(CLI_CONSTRAINT) | CLI_SET(CLI_SUPERNODE),
	ASKS = CLI_SET(CLI_SOCKET) | CLI_SET(CLI_TIMEOUT),
	ASKS_OWN = CLI_SET(CLI_PROFILE) | CLI_SET(CLI_LOOPBACK) | CLI_SET(CLI_TIMEOUT) | OPENS_KEY,
	PINGS = CLI_SET(CLI_COUNT) | CLI_SET(CLI_INTERVAL)
};

/* A command, or one form of it: those with an option come before the one that is meant without it. */
struct command_form {
	const char *name;
	enum cli_option by; /* that makes it this form */
	const char *arguments, *what; /* NULL: shown with the form behind it */
	int (*run)(const struct cli *cli);
	uint32_t takes; /* besides by and --json */
};

static const struct command_form forms[] = {
	{ "net", CLI_NONE, "DIR", "a network for development on this machine, and its supernode", cli_net, 0 },
	{ "ca init", CLI_NONE, "DIR --network LABEL", "make a network: its root, and an issuer of names", cli_ca_init,
	  CLI_SET(CLI_NETWORK) | ISSUER_TERMS | MAKES_KEY },
	{ "ca show", CLI_NONE, "DIR", "the network's keys", cli_ca_show, 0 },
	{ "ca list", CLI_NONE, "DIR", "the certificates that were issued", cli_ca_list, 0 },
	{ "ca invite", CLI_NONE, "DIR NAME [--supernode]", "an invitation for somebody who wants a name", cli_ca_invite,
	  GIVES | CLI_SET(CLI_OUT) },
	{ "ca issue", CLI_REQUEST, "DIR --request FILE", "grant a request", cli_ca_issue,
	  CLI_SET(CLI_DAYS) | CLI_SET(CLI_FORCE) | CLI_SET(CLI_OUT) | OPENS_KEY },
	{ "ca issue", CLI_NONE, "DIR NAME --profile DIR", "make a whole profile here", cli_ca_issue,
	  CLI_SET(CLI_PROFILE) | GIVES | BOOTSTRAPS | CLI_SET(CLI_LABEL) | CLI_SET(CLI_DAYS) | CLI_SET(CLI_FORCE) |
		  MAKES_KEY },
	{ "ca revoke", CLI_GRACE, "DIR --grace DAYS", "bound the age of lists, by the root", cli_ca_revoke,
	  CLI_SET(CLI_DAYS) | CLI_SET(CLI_OUT) | OPENS_KEY },
	{ "ca revoke", CLI_NONE, "DIR NAME | --serial N | --issuer KEY", "put them on the revocation list",
	  cli_ca_revoke, CLI_SET(CLI_SERIAL) | CLI_SET(CLI_ISSUER) | CLI_SET(CLI_DAYS) | CLI_SET(CLI_OUT) | OPENS_KEY },
	{ "ca renew", CLI_KEEP_KEY, "DIR --keep-key [--days N]", "a new certificate of the present issuer",
	  cli_ca_renew, ISSUER_TERMS | OPENS_KEY },
	{ "ca renew", CLI_NONE, "DIR [--days N]", "another issuer", cli_ca_renew, ISSUER_TERMS | MAKES_KEY },
	{ "ca log", CLI_NONE, "list|head|prove|verify|audit ...", "the log of what was certified", cli_ca_log,
	  CLI_SET(CLI_ISSUER) | CLI_SET(CLI_OUT) },
	{ "ca network", CLI_NONE, "DIR all | certified", "who may be a supernode, by the root", cli_ca_network,
	  CLI_SET(CLI_OUT) | OPENS_KEY },
	{ "id new", CLI_OPEN, "DIR --open LABEL", "a whole profile, in an open network", cli_id_new,
	  BOOTSTRAPS | MAKES_KEY },
	{ "id new", CLI_NONE, "DIR", "a profile with fresh keys, that waits for a name", cli_id_new,
	  MAKES_KEY | CLI_SET(CLI_IDENTITY) },
	{ "id request", CLI_NONE, "DIR INVITATION", "ask for the name of an invitation", cli_id_request,
	  CLI_SET(CLI_OUT) | CERTIFIES },
	{ "id accept", CLI_NONE, "DIR GRANT", "take the issuer's answer into the profile", cli_id_accept,
	  CLI_SET(CLI_LABEL) | CLI_SET(CLI_DAYS) | BOOTSTRAPS | CERTIFIES },
	{ "id renew", CLI_NONE, "DIR [--days N] [--issuer FILE]", "certify the device anew", cli_id_renew,
	  CLI_SET(CLI_LABEL) | CLI_SET(CLI_DAYS) | CLI_SET(CLI_ISSUER) | CERTIFIES },
	{ "id devices", CLI_NONE, "list DIR | add DIR NEW | remove DIR DEVICE", "which devices the identity has",
	  cli_id_devices, CLI_SET(CLI_LABEL) | CLI_SET(CLI_DAYS) | CLI_SET(CLI_IDENTITY) | MAKES_KEY },
	{ "id show", CLI_NONE, "DIR | FILE", "a profile, or certificates and lists, in words", cli_id_show, 0 },
	{ "status", CLI_PROFILE, NULL, NULL, cli_query, ASKS_OWN },
	{ "status", CLI_NONE, "", "the node", cli_query, ASKS },
	{ "sessions", CLI_NONE, "", "the sessions of kithd itself", cli_query, ASKS },
	{ "lookup", CLI_PROFILE, NULL, NULL, cli_query, ASKS_OWN },
	{ "lookup", CLI_NONE, "NAME", "where a name is", cli_query, ASKS },
	{ "ping", CLI_PROFILE, NULL, NULL, cli_query, ASKS_OWN | PINGS },
	{ "ping", CLI_NONE, "NAME [--count N]", "call it, and measure every path", cli_query, ASKS | PINGS },
	{ "explain", CLI_PROFILE, NULL, NULL, cli_query, ASKS_OWN | CLI_SET(CLI_WAIT) },
	{ "explain", CLI_NONE, "NAME", "why data to it takes the path it takes", cli_query, ASKS | CLI_SET(CLI_WAIT) },
	{ "serve", CLI_NONE, "on | off | auto", "whether kithd serves others, until it reads its configuration again",
	  cli_query, ASKS },
	{ "revoke", CLI_NONE, "FILE", "give kithd a revocation list, a log's head, or parameters", cli_query, ASKS },
};

enum { FORMS_N = sizeof forms / sizeof forms[0] };

static uint32_t taken(const struct command_form *form)
{
	return form->takes | CLI_SET(form->by) | CLI_SET(CLI_JSON);
}

/* The commands of a group; "": all. */
static void list(FILE *to, const char *group)
{
	size_t len = strlen(group);
	for (size_t i = 0; i < FORMS_N; i++)
		if (forms[i].what != NULL &&
		    (len == 0 || (strncmp(forms[i].name, group, len) == 0 && forms[i].name[len] == ' ')))
			fprintf(to, "  kith %-10s %-36s %s\n", forms[i].name, forms[i].arguments, forms[i].what);
}

static bool is_group(const char *word)
{
	return strcmp(word, "ca") == 0 || strcmp(word, "id") == 0;
}

static void usage(FILE *to, const char *group)
{
	fprintf(to, "usage: kith %s%sCOMMAND [OPTION...]\n\n", group, group[0] != '\0' ? " " : "");
	list(to, group);
	fprintf(to, "\nkith %s%sCOMMAND --help lists the options of a command; kith(1) explains them.\n", group,
		group[0] != '\0' ? " " : "");
}

/* The command of the first one or two words, which are taken away, in the form that the options choose. */
static const struct command_form *find(struct cli *cli)
{
	char both[64];
	for (size_t i = 0; i < FORMS_N; i++) {
		int used = strchr(forms[i].name, ' ') != NULL ? 2 : 1;
		if (cli->words_n < used || (forms[i].by != CLI_NONE && (cli->given & CLI_SET(forms[i].by)) == 0))
			continue;
		(void)snprintf(both, sizeof both, used == 2 ? "%s %s" : "%s", cli->words[0], cli->words[1]);
		if (strcmp(both, forms[i].name) != 0)
			continue;
		cli->command = forms[i].name;
		cli->words_n -= used;
		memmove(cli->words, cli->words + used, (size_t)cli->words_n * sizeof cli->words[0]);
		return &forms[i];
	}
	return NULL;
}

static int no_command(const struct cli *cli)
{
	const char *first = cli->words_n > 0 ? cli->words[0] : "", *second = cli->words_n > 1 ? cli->words[1] : NULL;
	bool group = is_group(first);
	bool asked = cli->help && (first[0] == '\0' || (group && second == NULL));
	if (!asked && first[0] != '\0' && (!group || second != NULL))
		fprintf(stderr, "kith: %s%s%s: there is no such command\n", first, group ? " " : "",
			group ? second : "");
	else if (!asked && cli->error[0] != '\0')
		return cli_fail(cli, CLI_USAGE, "%s", cli->error);
	usage(asked ? stdout : stderr, group ? first : "");
	return asked ? CLI_OK : CLI_USAGE;
}

/* All forms of a command, and what they take. */
static int help(const char *command)
{
	uint32_t takes = CLI_SET(CLI_HELP);
	for (size_t i = 0; i < FORMS_N; i++) {
		if (strcmp(forms[i].name, command) != 0)
			continue;
		takes |= taken(&forms[i]) & ~CLI_SET(CLI_NONE);
		if (forms[i].what != NULL)
			printf("usage: kith %s %s%s[OPTION...]\n    %s\n", command, forms[i].arguments,
			       forms[i].arguments[0] != '\0' ? " " : "", forms[i].what);
	}
	putchar('\n');
	cli_options_list(stdout, takes);
	return CLI_OK;
}

/* What the other forms of its command take, and the option that tells them apart. */
static uint32_t others(const struct command_form *form, enum cli_option *by)
{
	uint32_t takes = 0;
	*by = form->by;
	for (size_t i = 0; i < FORMS_N; i++) {
		if (&forms[i] == form || strcmp(forms[i].name, form->name) != 0)
			continue;
		takes |= taken(&forms[i]);
		if (forms[i].by != CLI_NONE)
			*by = forms[i].by;
	}
	return takes;
}

static int run(struct cli *cli)
{
	enum cli_option by;
	if (cli->given == CLI_SET(CLI_VERSION) && cli->words_n == 0) {
		printf("kith %s\n", KITH_VERSION);
		return CLI_OK;
	}
	const struct command_form *form = find(cli);
	if (form == NULL)
		return no_command(cli);
	if (cli->help)
		return help(form->name);
	uint32_t elsewhere = others(form, &by);
	int code = cli_options_check(cli, taken(form), by, elsewhere);
	return code == CLI_OK ? form->run(cli) : code;
}

int main(int argc, const char **argv)
{
	struct cli cli = { .command = "", .wait_s = -1 };
	cli_options_read(&cli, argc, argv);
	int code = run(&cli);
	cli_options_free(&cli);
	return code;
}
