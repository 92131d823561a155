/* kith, the command line: certificates, profiles, and questions to a running node. See kith(1). */
#include <errno.h>
#include <limits.h>
#include <popt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kith_cli.h"

#define NETWORK_LABEL_MAX ((size_t)64) /* as kith_network_id_open has it */

/* ---- what commands share ---- */

int cli_fail(const struct cli *cli, enum cli_exit code, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	fprintf(stderr, "kith %s: %s\n", cli->command, text);
	if (cli->json) {
		json_t *answer = json_pack("{s:b, s:i, s:s}", "ok", 0, "exit_code", (int)code, "error", text);
		if (answer != NULL)
			json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(answer);
	}
	return (int)code;
}

int cli_result(const struct cli *cli, json_t *result, const char *text)
{
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
	errno = 0;
	if (cli->out == NULL) {
		fwrite(text->p, 1, text->len, stdout);
		return fflush(stdout) == 0
			       ? CLI_OK
			       : cli_fail(cli, CLI_FAILED, "cannot write to standard output: %s", strerror(errno));
	}
	int err = file_write(cli->out, 0644, text->p, text->len);
	return err == 0 ? CLI_OK
			: cli_fail(cli, CLI_FAILED, "--out: %s cannot be written: %s", cli->out, file_why(err));
}

/* ---- the commands ---- */

struct command_word {
	const char *name, *arguments, *what;
	int (*run)(const struct cli *cli);
};

static const struct command_word commands[] = {
	{ "ca init", "DIR --network LABEL", "make a network: its root, and an issuer of names", cli_ca_init },
	{ "ca show", "DIR", "the network's keys", cli_ca_show },
	{ "ca list", "DIR", "the certificates that were issued", cli_ca_list },
	{ "ca invite", "DIR NAME [--supernode] [--days N]", "an invitation for somebody who wants a name",
	  cli_ca_invite },
	{ "ca issue", "DIR --request FILE | DIR NAME --profile DIR", "grant a request; or make a whole profile here",
	  cli_ca_issue },
	{ "ca revoke", "DIR NAME | DIR --serial N | DIR --issuer KEY", "put them on the revocation list",
	  cli_ca_revoke },
	{ "ca renew", "DIR [--keep-key] [--days N]", "another issuer, or a new certificate of the present one",
	  cli_ca_renew },
	{ "id new", "DIR [--open LABEL]", "a profile with fresh keys", cli_id_new },
	{ "id request", "DIR INVITATION", "ask for the name of an invitation", cli_id_request },
	{ "id accept", "DIR GRANT", "take the issuer's answer into the profile", cli_id_accept },
	{ "id renew", "DIR [--days N] [--issuer FILE]", "certify the device anew", cli_id_renew },
	{ "id show", "DIR | FILE", "a profile, or certificates and lists, in words", cli_id_show },
	{ "status", "", "the node", cli_query },
	{ "sessions", "", "the sessions of kithd itself", cli_query },
	{ "lookup", "NAME", "where a name is", cli_query },
	{ "ping", "NAME [--count N]", "call it, and measure every path", cli_query },
	{ "explain", "NAME", "why data to it takes the path it takes", cli_query },
	{ "revoke", "FILE", "give kithd a revocation list, at once", cli_query },
};

#define COMMANDS_N (sizeof commands / sizeof commands[0])

/* The commands that begin so. */
static void list(FILE *to, const char *begin)
{
	for (size_t i = 0; i < COMMANDS_N; i++)
		if (strncmp(commands[i].name, begin, strlen(begin)) == 0)
			fprintf(to, "  kith %-10s %-50s %s\n", commands[i].name, commands[i].arguments,
				commands[i].what);
}

static bool is_group(const char *word)
{
	return strcmp(word, "ca") == 0 || strcmp(word, "id") == 0;
}

static void usage(FILE *to)
{
	fputs("usage: kith COMMAND [OPTION...]\n\n", to);
	list(to, "");
	fputs("\nkith COMMAND --help lists the options of all commands; kith(1) explains them.\n", to);
}

/* Finds the command in the first one or two words, and says how many they were. */
static const struct command_word *find(int argc, const char **argv, int *used)
{
	char both[64];
	for (size_t i = 0; i < COMMANDS_N; i++) {
		*used = strchr(commands[i].name, ' ') != NULL ? 2 : 1;
		if (argc <= *used)
			continue;
		(void)snprintf(both, sizeof both, *used == 2 ? "%s %s" : "%s", argv[1], argv[2]);
		if (strcmp(both, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int read_arguments(struct cli *cli, poptContext context)
{
	poptSetOtherOptionHelp(context, "[OPTION...]");
	int rc = poptGetNextOpt(context), code = CLI_OK;
	if (rc < -1)
		code = cli_fail(cli, CLI_USAGE, "%s: %s", poptBadOption(context, POPT_BADOPTION_NOALIAS),
				poptStrerror(rc));
	const char *word;
	while (code == CLI_OK && (word = poptGetArg(context)) != NULL) {
		if (cli->words_n == CLI_WORDS_MAX)
			code = cli_fail(cli, CLI_USAGE, "too many words");
		else
			cli->words[cli->words_n++] = word;
	}
	return code;
}

static int parse(struct cli *cli, int argc, const char **argv)
{
	struct poptOption table[] = {
		{ "json", '\0', POPT_ARG_NONE, &cli->json, 0, "print JSON", NULL },
		{ "socket", 's', POPT_ARG_STRING, &cli->socket, 0,
		  "kithd's control socket; default " CONTROL_SOCKET_DEFAULT, "PATH" },
		{ "profile", 'p', POPT_ARG_STRING, &cli->profile, 0,
		  "questions: run a node of one's own with this profile; ca issue: the profile to make", "DIR" },
		{ "count", 'n', POPT_ARG_STRING, &cli->numbers[CLI_COUNT], 0, "ping: how many; default 5", "N" },
		{ "interval", '\0', POPT_ARG_STRING, &cli->numbers[CLI_INTERVAL], 0,
		  "ping: milliseconds between two; default 200", "MS" },
		{ "wait", '\0', POPT_ARG_STRING, &cli->numbers[CLI_WAIT], 0,
		  "explain: seconds to wait for a direct path; default 3", "S" },
		{ "timeout", '\0', POPT_ARG_STRING, &cli->numbers[CLI_TIMEOUT], 0,
		  "seconds to wait for an answer; default 30", "S" },
		{ "allow-loopback", '\0', POPT_ARG_NONE, &cli->loopback, 0, "with --profile: use loopback addresses",
		  NULL },
		{ "network", '\0', POPT_ARG_STRING, &cli->network, 0, "ca init: what the network is called", "LABEL" },
		{ "constraint", '\0', POPT_ARG_STRING, &cli->constraint, 0,
		  "ca init, ca renew: the issuer may only give names that end so", ".SUFFIX" },
		{ "supernode", '\0', POPT_ARG_NONE, &cli->supernode, 0,
		  "ca: the name may serve as a supernode from the start", NULL },
		{ "slots", '\0', POPT_ARG_STRING, &cli->numbers[CLI_SLOTS], 0,
		  "ca: supernodes that the name may run; default 1", "N" },
		{ "days", '\0', POPT_ARG_STRING, &cli->numbers[CLI_DAYS], 0,
		  "validity; default: issuer and name 365, device 90, list 30", "N" },
		{ "serial", '\0', POPT_ARG_STRING, &cli->numbers[CLI_SERIAL], 0, "ca revoke: of one certificate", "N" },
		{ "issuer", '\0', POPT_ARG_STRING, &cli->issuer, 0,
		  "ca revoke: an issuer, by its key or its certificate; id renew: its newer certificate", "KEY|FILE" },
		{ "keep-key", '\0', POPT_ARG_NONE, &cli->keep_key, 0,
		  "ca renew: certify the present issuer's key anew; default: a new key", NULL },
		{ "request", '\0', POPT_ARG_STRING, &cli->request, 0, "ca issue: what kith id request wrote", "FILE" },
		{ "bootstrap", 'b', POPT_ARG_ARGV, &cli->bootstrap, 0,
		  "supernode to ask first: host:port; may be repeated", "HOST" },
		{ "label", '\0', POPT_ARG_STRING, &cli->label, 0, "what the device is called; default main", "LABEL" },
		{ "open", '\0', POPT_ARG_STRING, &cli->open, 0, "id new: in the open network of that label", "LABEL" },
		{ "out", 'o', POPT_ARG_STRING, &cli->out, 0, "write there instead of to standard output", "FILE" },
		{ "force", '\0', POPT_ARG_NONE, &cli->force, 0,
		  "ca: give a name to another key than the one that had it", NULL },
		{ "passphrase-file", '\0', POPT_ARG_STRING, &cli->passphrase_file, 0,
		  "its first line is the passphrase", "FILE" },
		{ "no-passphrase", '\0', POPT_ARG_NONE, &cli->no_passphrase, 0, "new key files are not protected",
		  NULL },
		POPT_AUTOHELP POPT_TABLEEND
	};
	cli->context = poptGetContext("kith", argc, argv, table, 0); /* the words are its own */
	return read_arguments(cli, cli->context);
}

static int check_numbers(struct cli *cli)
{
	static const struct {
		const char *name;
		long long min, max;
	} rules[CLI_NUMBERS_N] = {
		[CLI_DAYS] = { "--days", 1, 36500 },	     [CLI_SLOTS] = { "--slots", 1, 255 },
		[CLI_COUNT] = { "--count", 1, 1000 },	     [CLI_INTERVAL] = { "--interval", 10, 60000 },
		[CLI_TIMEOUT] = { "--timeout", 1, 600 },     [CLI_WAIT] = { "--wait", 0, 60 },
		[CLI_SERIAL] = { "--serial", 1, LLONG_MAX },
	};
	long long found[CLI_NUMBERS_N] = { [CLI_WAIT] = -1 };

	for (size_t i = 0; i < CLI_NUMBERS_N; i++) {
		const char *text = cli->numbers[i];
		char *end;
		if (text == NULL)
			continue;
		errno = 0;
		found[i] = strtoll(text, &end, 10);
		if (errno != 0 || end == text || *end != '\0' || found[i] < rules[i].min || found[i] > rules[i].max)
			return cli_fail(cli, CLI_USAGE, "%s: found \"%s\"; expected a number from %lld to %lld",
					rules[i].name, text, rules[i].min, rules[i].max);
	}
	cli->days = (int)found[CLI_DAYS];
	cli->slots = (int)found[CLI_SLOTS];
	cli->count = (int)found[CLI_COUNT];
	cli->interval_ms = (int)found[CLI_INTERVAL];
	cli->timeout_s = (int)found[CLI_TIMEOUT];
	cli->wait_s = (int)found[CLI_WAIT];
	cli->serial = found[CLI_SERIAL];
	return CLI_OK;
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

static int check_texts(const struct cli *cli)
{
	const struct {
		const char *name, *text;
		size_t max;
	} labels[] = { { "--network", cli->network, NETWORK_LABEL_MAX },
		       { "--open", cli->open, NETWORK_LABEL_MAX },
		       { "--label", cli->label, KITH_LABEL_MAX } };

	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
		if (labels[i].text != NULL && !is_label(labels[i].text, labels[i].max))
			return cli_fail(cli, CLI_USAGE, "%s: found \"%s\"; expected 1 to %zu printable characters",
					labels[i].name, labels[i].text, labels[i].max);
	for (char **host = cli->bootstrap; host != NULL && *host != NULL; host++)
		if (!kith_bootstrap_valid(*host))
			return cli_fail(
				cli, CLI_USAGE,
				"--bootstrap: found \"%s\"; expected host:port, 1.2.3.4:port or [v6]:port with a "
				"port from 1 to 65535, and behind a blank the supernode's key if it is known",
				*host);
	return CLI_OK;
}

static void cli_free(struct cli *cli)
{
	if (cli->context != NULL)
		(void)poptFreeContext(cli->context);
	char *texts[] = { cli->passphrase_file, cli->network, cli->constraint, cli->out,    cli->request,
			  cli->profile,		cli->label,   cli->open,       cli->socket, cli->issuer };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		free(texts[i]);
	for (size_t i = 0; i < CLI_NUMBERS_N; i++)
		free(cli->numbers[i]);
	for (size_t i = 0; cli->bootstrap != NULL && cli->bootstrap[i] != NULL; i++)
		free(cli->bootstrap[i]);
	free(cli->bootstrap);
}

int main(int argc, const char **argv)
{
	struct cli cli = { .command = "" };
	int used;
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("kith %s\n", KITH_VERSION);
		return CLI_OK;
	}
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? CLI_USAGE : CLI_OK;
	}
	const struct command_word *command = find(argc, argv, &used);
	if (command == NULL && is_group(argv[1])) {
		fprintf(stderr, "kith %s: found \"%s\"; expected one of these:\n", argv[1], argc > 2 ? argv[2] : "");
		list(stderr, argv[1]);
		return CLI_USAGE;
	}
	if (command == NULL) {
		fprintf(stderr, "kith: %s%s%s: there is no such command\n", argv[1], argc > 2 ? " " : "",
			argc > 2 ? argv[2] : "");
		usage(stderr);
		return CLI_USAGE;
	}
	cli.command = command->name;
	int code = parse(&cli, argc - used, argv + used);
	if (code == CLI_OK)
		code = check_numbers(&cli);
	if (code == CLI_OK)
		code = check_texts(&cli);
	if (code == CLI_OK)
		code = command->run(&cli);
	cli_free(&cli);
	return code;
}
