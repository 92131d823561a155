/* kith ca network: the parameters of the network, which the root signs. The ledger is saved before they are written: a
 * number is never given twice. */
#include "kith_ca.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int make(struct ca *ca, enum kith_eligible eligible, struct text *out)
{
	uint8_t bytes[KITH_PARAMS_LEN_MAX];
	struct kith_seed seed;
	struct kith_params params = { .issued_s = (int64_t)time(NULL), .eligible = (uint8_t)eligible };
	params.number = (uint64_t)json_integer_value(json_object_get(ca->ledger, "params_number")) + 1;
	json_object_set_new(ca->ledger, "params_number", json_integer((json_int_t)params.number));
	int code = ca_root_seed(ca, &seed);
	if (code != CLI_OK)
		return code;
	int len = kith_params_make(bytes, &params, &seed);
	explicit_bzero(&seed, sizeof seed);
	int err = len < 0 ? len : text_add_armor(out, KITH_ARMOR_PARAMS, (struct kith_span){ bytes, (size_t)len });
	return err == 0 ? CLI_OK
			: cli_fail(ca->cli, CLI_FAILED, "the parameters cannot be made: %s", kith_strerror(err));
}

static int write(struct ca *ca, const struct text *params, char path[PATH_TEXT_MAX])
{
	int code = ca_save(ca);
	if (code == CLI_OK)
		code = ca_path(ca->cli, path, ca->dir, "network-parameters");
	errno = 0;
	int err = code == CLI_OK ? file_write(path, 0644, params->p, params->len) : 0;
	if (err != 0)
		code = cli_fail(ca->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
	return code == CLI_OK && ca->cli->out != NULL ? cli_write_out(ca->cli, params) : code;
}

static int network(struct ca *ca, enum kith_eligible eligible)
{
	char path[PATH_TEXT_MAX], line[PATH_TEXT_MAX + 160];
	struct text params = { 0 };
	int code = make(ca, eligible, &params);
	if (code == CLI_OK)
		code = write(ca, &params, path);
	text_free(&params);
	if (code != CLI_OK)
		return code;
	json_int_t number = json_integer_value(json_object_get(ca->ledger, "params_number"));
	(void)snprintf(
		line, sizeof line,
		"parameters number %lld are in %s: give them to a supernode, which passes them on (kith revoke, or "
		"SIGHUP)\n",
		(long long)number, path);
	return cli_result(ca->cli, json_pack("{s:I, s:s}", "number", number, "file", path), line);
}

int cli_ca_network(const struct cli *cli)
{
	static const char usage[] = "DIR all | certified";
	struct ca ca;
	int code = cli_words(cli, 2, 2, usage);
	if (code != CLI_OK)
		return code;
	bool all = strcmp(cli->words[1], "all") == 0;
	if (!all && strcmp(cli->words[1], "certified") != 0)
		return cli_fail(cli, CLI_USAGE, "%s: expected all or certified: who may be a supernode", cli->words[1]);
	code = ca_open(&ca, cli);
	if (code == CLI_OK)
		code = network(&ca, all ? KITH_ELIGIBLE_ALL : KITH_ELIGIBLE_CERTIFIED);
	ca_close(&ca);
	return code;
}
