/* kith ca revoke: an issuer's list of names' certificates, or the root's list of issuers. Each is made anew from the ledger and is
 * whole; its number grows by one. The ledger is saved before the list is written: a number is never given twice. */
#include "kith_ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LIST_DAYS = 30 };

/* What goes into a list, and where the ledger counts it. */
struct revoking {
	enum kith_revocation_signer signer;
	const char *counter, *file, *key_file;
	enum kith_secret_kind kind;
};

static const struct revoking of_names = { KITH_REVOKED_BY_ISSUER, "list_number", "revocations", "issuer.key",
					  KITH_SECRET_ISSUER };
static const struct revoking of_issuers = { KITH_REVOKED_BY_ROOT, "root_list_number", "root-revocations", "root.key",
					    KITH_SECRET_ROOT };

/* Marks what is meant in the ledger; returns how many there were. */
static int mark(const struct ca *ca)
{
	size_t i;
	json_t *cert;
	int n = 0;
	json_array_foreach(json_object_get(ca->ledger, "certificates"), i, cert)
	{
		bool meant = ca->cli->serial > 0
				     ? json_integer_value(json_object_get(cert, "serial")) == ca->cli->serial
				     : strcmp(json_string_value(json_object_get(cert, "name")), ca->cli->words[1]) == 0;
		if (meant) {
			json_object_set_new(cert, "revoked", json_true());
			n++;
		}
	}
	return n;
}

/* The issuer's key: 52 characters, or of a certificate in a file. */
static int issuer_key(const struct ca *ca, struct kith_key *out)
{
	struct armor armor = { 0 };
	struct kith_issuer_cert cert;
	const char *which = ca->cli->issuer;

	if (kith_key_parse(out->b, which) == 0)
		return CLI_OK;
	errno = 0;
	int err = armor_read(&armor, which);
	const struct armor_piece *piece = err == 0 ? armor_find(&armor, KITH_ARMOR_ISSUER) : NULL;
	if (piece != NULL && kith_issuer_cert_parse(&cert, piece->bytes) == 0)
		*out = cert.issuer;
	else
		err = err != 0 ? err : KITH_EPROTO;
	armor_free(&armor);
	if (err == 0)
		return CLI_OK;
	return cli_fail(
		ca->cli, err == KITH_ENOENT ? CLI_USAGE : CLI_FAILED,
		"--issuer: %s: %s; expected the issuer's key (52 characters, as kith ca show prints it), or a file "
		"with its certificate",
		which, err == KITH_EPROTO ? "it holds no issuer's certificate" : file_why(err));
}

static int mark_issuer(struct ca *ca)
{
	char text[KITH_KEY_TEXT_LEN + 1];
	struct kith_key key;
	json_t *issuers = json_object_get(ca->ledger, "revoked_issuers"), *entry;
	size_t i;

	int code = issuer_key(ca, &key);
	if (code != CLI_OK)
		return code;
	if (memcmp(key.b, ca->root.b, sizeof key.b) == 0)
		return cli_fail(ca->cli, CLI_FAILED,
				"--issuer: that is the root key; nothing is above it that could revoke it");
	(void)kith_key_format(key.b, text);
	if (!json_is_array(issuers)) {
		issuers = json_array();
		json_object_set_new(ca->ledger, "revoked_issuers", issuers);
	}
	json_array_foreach(issuers, i, entry)
	{
		const char *known = json_string_value(json_object_get(entry, "key"));
		if (known != NULL && strcmp(known, text) == 0)
			return CLI_OK; /* a new list with a later date all the same */
	}
	if (json_array_size(issuers) == KITH_REVOKED_KEYS_MAX)
		return cli_fail(ca->cli, CLI_FAILED, "a list holds at most %d issuers", KITH_REVOKED_KEYS_MAX);
	json_array_append_new(issuers, json_pack("{s:s, s:I}", "key", text, "revoked", (json_int_t)time(NULL)));
	return CLI_OK;
}

static size_t collect_serials(const struct ca *ca, struct kith_serial_range *out)
{
	json_t *cert;
	size_t i, n = 0;
	json_array_foreach(json_object_get(ca->ledger, "certificates"), i, cert)
	{
		if (!json_is_true(json_object_get(cert, "revoked")))
			continue;
		out[n].first = out[n].last = (uint64_t)json_integer_value(json_object_get(cert, "serial"));
		n++;
	}
	return n;
}

static size_t collect_issuers(const struct ca *ca, struct kith_key out[KITH_REVOKED_KEYS_MAX])
{
	json_t *issuer;
	size_t i, n = 0;
	json_array_foreach(json_object_get(ca->ledger, "revoked_issuers"), i, issuer)
	{
		const char *key = json_string_value(json_object_get(issuer, "key"));
		if (n < KITH_REVOKED_KEYS_MAX && key != NULL && kith_key_parse(out[n].b, key) == 0)
			n++;
	}
	return n;
}

/* The whole list anew, from the ledger. */
static int make_list(struct ca *ca, const struct revoking *what, const struct kith_seed *seed, struct text *out)
{
	size_t max = json_array_size(json_object_get(ca->ledger, "certificates")), ranges_n = 0, keys_n = 0;
	struct kith_serial_range *ranges = calloc(max + 1, sizeof *ranges);
	struct kith_key keys[KITH_REVOKED_KEYS_MAX];
	uint8_t *bytes = malloc(KITH_REVOCATION_LEN_MAX);
	struct kith_revocation list = { .signer = (uint8_t)what->signer };
	int len = KITH_ENOMEM;

	list.number = (uint64_t)json_integer_value(json_object_get(ca->ledger, what->counter)) + 1;
	list.issued_s = (int64_t)time(NULL);
	list.next_update_s = list.issued_s + (int64_t)(ca->cli->days > 0 ? ca->cli->days : LIST_DAYS) * SECONDS_PER_DAY;
	json_object_set_new(ca->ledger, what->counter, json_integer((json_int_t)list.number));
	if (ranges != NULL && what->signer == KITH_REVOKED_BY_ISSUER)
		ranges_n = collect_serials(ca, ranges);
	if (what->signer == KITH_REVOKED_BY_ROOT)
		keys_n = collect_issuers(ca, keys);
	if (ranges != NULL && bytes != NULL)
		len = kith_revocation_make(bytes, KITH_REVOCATION_LEN_MAX, &list, ranges, ranges_n, keys, keys_n, seed);
	int err = len < 0 ? len : text_add_armor(out, KITH_ARMOR_REVOCATION, (struct kith_span){ bytes, (size_t)len });
	free(ranges);
	free(bytes);
	return err == 0 ? CLI_OK : cli_fail(ca->cli, CLI_FAILED, "the list cannot be made: %s", kith_strerror(err));
}

static int revoke_marked(struct ca *ca, const struct revoking *what, const struct kith_seed *seed, int n)
{
	char path[PATH_TEXT_MAX], line[PATH_TEXT_MAX + 160];
	struct text text = { 0 };
	int code = make_list(ca, what, seed, &text);
	if (code == CLI_OK)
		code = ca_save(ca);
	if (code == CLI_OK)
		code = ca_path(ca->cli, path, ca->dir, what->file);
	errno = 0;
	int err = code == CLI_OK ? file_write(path, 0644, text.p, text.len) : 0;
	if (err != 0)
		code = cli_fail(ca->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
	if (code == CLI_OK && ca->cli->out != NULL)
		code = cli_write_out(ca->cli, &text);
	text_free(&text);
	if (code != CLI_OK)
		return code;
	json_int_t number = json_integer_value(json_object_get(ca->ledger, what->counter));
	(void)snprintf(line, sizeof line,
		       "%d %s revoked; list number %lld is in %s: give it to the nodes (kith revoke, or SIGHUP)\n", n,
		       what->signer == KITH_REVOKED_BY_ROOT ? "issuer" : "certificate(s)", (long long)number, path);
	return cli_result(ca->cli, json_pack("{s:i, s:I, s:s}", "revoked", n, "list_number", number, "file", path),
			  line);
}

/* The root's key may have been moved to a safe place, as it should. */
static int root_seed(const struct ca *ca, struct kith_seed *seed)
{
	char path[PATH_TEXT_MAX];
	struct kith_key key;

	int code = ca_path(ca->cli, path, ca->dir, of_issuers.key_file);
	if (code == CLI_OK && access(path, F_OK) != 0)
		code = cli_fail(ca->cli, CLI_FAILED,
				"%s: %s; issuers are revoked by the network's root: bring its key back there for this",
				path, strerror(errno));
	if (code == CLI_OK)
		code = ca_seed(ca, of_issuers.key_file, of_issuers.kind, seed);
	if (code != CLI_OK)
		return code;
	kith_seed_public(&key, seed);
	if (memcmp(key.b, ca->root.b, sizeof key.b) == 0)
		return CLI_OK;
	return cli_fail(ca->cli, CLI_FAILED, "%s is the root key of another network", path);
}

int cli_ca_revoke(const struct cli *cli)
{
	struct ca ca;
	struct kith_seed seed;
	bool issuer = cli->issuer != NULL;
	int words = cli->serial > 0 || issuer ? 1 : 2, n = 1;
	int code = cli_words(cli, words, words, "DIR NAME, or DIR --serial N, or DIR --issuer KEY|FILE");
	if (code == CLI_OK && issuer && cli->serial > 0)
		code = cli_fail(cli, CLI_USAGE, "--issuer and --serial exclude each other");
	if (code != CLI_OK)
		return code;
	code = ca_open(&ca, cli);
	if (code == CLI_OK && issuer) {
		code = mark_issuer(&ca);
		if (code == CLI_OK)
			code = root_seed(&ca, &seed);
	} else if (code == CLI_OK) {
		n = mark(&ca);
		code = n > 0 ? ca_seed(&ca, of_names.key_file, of_names.kind, &seed)
			     : cli_fail(cli, CLI_NOT_FOUND,
					"the ledger has no such certificate; kith ca list shows those that it has");
	}
	if (code == CLI_OK)
		code = revoke_marked(&ca, issuer ? &of_issuers : &of_names, &seed, n);
	explicit_bzero(&seed, sizeof seed);
	ca_close(&ca);
	return code;
}
