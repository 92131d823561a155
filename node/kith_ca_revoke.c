/* kith ca revoke: an issuer's list of names' certificates, or the root's list of issuers. Each is made anew from the
 * ledger and is whole; its number grows by one. The ledger is saved before the list is written: a number is never given
 * twice. */
#include "kith_ca.h"

#include "expiry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LIST_DAYS = 30 };

static bool is_meant(const struct ca *ca, const json_t *cert)
{
	const char *name = json_string_value(json_object_get(cert, "name"));
	return ca->cli->serial > 0 ? json_integer_value(json_object_get(cert, "serial")) == ca->cli->serial
				   : name != NULL && strcmp(name, ca->cli->words[1]) == 0;
}

/* Marks what is meant in the ledger; returns how many there were. */
static int mark(const struct ca *ca)
{
	size_t i;
	json_t *cert;
	int n = 0;
	json_array_foreach(json_object_get(ca->ledger, "certificates"), i, cert)
	{
		if (is_meant(ca, cert)) {
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
	json_t *issuers = json_object_get(ca->ledger, "revoked_issuers");
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
	if (ca_is_revoked(ca, text))
		return CLI_OK; /* a new list with a later date all the same */
	if (json_array_size(issuers) == KITH_REVOKED_KEYS_MAX)
		return cli_fail(ca->cli, CLI_FAILED, "a list holds at most %d issuers", KITH_REVOKED_KEYS_MAX);
	json_array_append_new(issuers, json_pack("{s:s, s:I}", "key", text, "revoked", (json_int_t)time(NULL)));
	return CLI_OK;
}

/* Everything that the key's owner certified and that is revoked. */
static size_t collect_serials(const struct ca *ca, const char *signer, struct kith_serial_range *out)
{
	json_t *cert;
	size_t i, n = 0;
	json_array_foreach(json_object_get(ca->ledger, "certificates"), i, cert)
	{
		if (!json_is_true(json_object_get(cert, "revoked")) || strcmp(ca_signer(ca, cert), signer) != 0)
			continue;
		out[n].first = out[n].last = (uint64_t)json_integer_value(json_object_get(cert, "serial"));
		n++;
	}
	return n;
}

static size_t collect_issuers(const struct ca *ca, struct kith_key *out)
{
	json_t *issuer;
	size_t i, n = 0;
	json_array_foreach(json_object_get(ca->ledger, "revoked_issuers"), i, issuer)
	{
		const char *key = json_string_value(json_object_get(issuer, "key"));
		if (key != NULL && n < KITH_REVOKED_KEYS_MAX && kith_key_parse(out[n].b, key) == 0)
			n++;
	}
	return n;
}

/* The bound on the age of lists, for the root's. Returns the extension's length, 0 where none was set. */
static size_t grace_ext(const struct ca *ca, uint8_t out[6])
{
	json_int_t days = json_integer_value(json_object_get(ca->ledger, "grace_days"));
	uint32_t seconds = (uint32_t)days * SECONDS_PER_DAY;
	if (days <= 0)
		return 0;
	out[0] = KITH_EXT_LIST_GRACE;
	out[1] = 4;
	for (int i = 0; i < 4; i++)
		out[2 + i] = (uint8_t)(seconds >> (24 - 8 * i));
	return 6;
}

/* signer NULL: the root's list. Its number comes from the ledger's counter, which all issuers share and which no
 * renewal sets back. */
static int make_list(const struct ca *ca, const char *signer, const struct kith_seed *seed, struct text *out)
{
	const char *counter = signer != NULL ? "list_number" : "root_list_number";
	size_t n = json_array_size(json_object_get(ca->ledger, "certificates")), ranges_n = 0, keys_n = 0;
	struct kith_serial_range *ranges = calloc(n + 1, sizeof *ranges);
	uint8_t *bytes = malloc(KITH_REVOCATION_LEN_MAX);
	struct kith_key keys[KITH_REVOKED_KEYS_MAX];
	struct kith_revocation list = { .signer = signer != NULL ? KITH_REVOKED_BY_ISSUER : KITH_REVOKED_BY_ROOT,
					.issued_s = (int64_t)time(NULL) };
	uint8_t ext[6];
	int len = KITH_ENOMEM;
	if (signer == NULL)
		list.s.ext = (struct kith_span){ ext, grace_ext(ca, ext) };
	list.number = (uint64_t)json_integer_value(json_object_get(ca->ledger, counter)) + 1;
	list.next_update_s = list.issued_s + (int64_t)(ca->cli->days > 0 ? ca->cli->days : LIST_DAYS) * SECONDS_PER_DAY;
	json_object_set_new(ca->ledger, counter, json_integer((json_int_t)list.number));
	if (ranges != NULL && signer != NULL)
		ranges_n = collect_serials(ca, signer, ranges);
	if (signer == NULL)
		keys_n = collect_issuers(ca, keys);
	if (ranges != NULL && bytes != NULL)
		len = kith_revocation_make(bytes, KITH_REVOCATION_LEN_MAX, &list, ranges, ranges_n, keys, keys_n, seed);
	int err = len < 0 ? len : text_add_armor(out, KITH_ARMOR_REVOCATION, (struct kith_span){ bytes, (size_t)len });
	free(ranges);
	free(bytes);
	return err == 0 ? CLI_OK : cli_fail(ca->cli, CLI_FAILED, "the list cannot be made: %s", kith_strerror(err));
}

/* The list of one issuer, by its own key, be it the present one or a former. */
static int make_list_of(const struct ca *ca, const char *signer, struct text *out)
{
	char file[CA_FILE_MAX], text[KITH_KEY_TEXT_LEN + 1];
	struct kith_seed seed;
	struct kith_key key;
	int code = ca_seed(ca, ca_file(ca, signer, "key", file), KITH_SECRET_ISSUER, &seed);
	if (code != CLI_OK)
		return code;
	kith_seed_public(&key, &seed);
	code = strcmp(kith_key_format(key.b, text), signer) == 0
		       ? make_list(ca, signer, &seed, out)
		       : cli_fail(ca->cli, CLI_FAILED, "%s/%s is not the key of the issuer %s", ca->dir, file, signer);
	explicit_bzero(&seed, sizeof seed);
	return code;
}

static bool has_meant(const struct ca *ca, const char *signer)
{
	json_t *cert;
	size_t i;
	json_array_foreach(json_object_get(ca->ledger, "certificates"), i, cert)
	{
		if (is_meant(ca, cert) && strcmp(ca_signer(ca, cert), signer) == 0)
			return true;
	}
	return false;
}

/* The lists of every issuer that certified what is meant. Of one that is revoked or has expired no node would take a
 * list, nor a name. */
static int make_lists(const struct ca *ca, struct text *out)
{
	json_t *issuer;
	size_t i;
	int code = CLI_OK;
	json_array_foreach(ca_issuers(ca), i, issuer)
	{
		const char *key = json_string_value(json_object_get(issuer, "key"));
		if (code == CLI_OK && key != NULL && ca_is_first(ca, i) && ca_is_good(ca, key) && has_meant(ca, key))
			code = make_list_of(ca, key, out);
	}
	return code;
}

/* The ledger first, so that no number is given twice; then the list, and --out. */
static int publish(struct ca *ca, const char *file, const struct text *lists, char path[PATH_TEXT_MAX])
{
	int code = ca_save(ca);
	if (code == CLI_OK)
		code = ca_path(ca->cli, path, ca->dir, file);
	errno = 0;
	int err = code == CLI_OK && lists->len > 0 ? file_write(path, 0644, lists->p, lists->len) : 0;
	if (err != 0)
		code = cli_fail(ca->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
	if (code == CLI_OK && ca->cli->out != NULL && lists->len > 0)
		code = cli_write_out(ca->cli, lists);
	return code;
}

static int revoke_names(struct ca *ca)
{
	char path[PATH_TEXT_MAX], line[PATH_TEXT_MAX + 160];
	struct text fresh = { 0 }, all = { 0 };
	struct armor armor = { 0 };
	int n = mark(ca);
	if (n == 0)
		return cli_fail(ca->cli, CLI_NOT_FOUND,
				"the ledger has no such certificate; kith ca list shows those that it has");
	int code = make_lists(ca, &fresh);
	int err = code == CLI_OK && fresh.len > 0 ? armor_parse(&armor, fresh.p, fresh.len) : 0;
	if (err != 0)
		code = cli_fail(ca->cli, CLI_FAILED, "%s", kith_strerror(err));
	if (code == CLI_OK && fresh.len > 0)
		code = ca_lists(ca, &armor, &all);
	if (code == CLI_OK)
		code = publish(ca, "revocations", &all, path);
	bool made = fresh.len > 0;
	armor_free(&armor);
	text_free(&fresh);
	text_free(&all);
	if (code != CLI_OK)
		return code;
	json_int_t number = json_integer_value(json_object_get(ca->ledger, "list_number"));
	if (made)
		(void)snprintf(line, sizeof line,
			       "%d certificate(s) revoked; list number %lld is in %s: give it to a supernode, "
			       "which passes it on (kith revoke, or SIGHUP)\n",
			       n, (long long)number, path);
	else
		(void)snprintf(line, sizeof line,
			       "%d certificate(s) revoked; the issuer is revoked or has expired: they were void, and "
			       "there is no list to make\n",
			       n);
	return cli_result(ca->cli,
			  json_pack("{s:i, s:I, s:o}", "revoked", n, "list_number", number, "file",
				    made ? json_string(path) : json_null()),
			  line);
}

static int root_list(struct ca *ca)
{
	char path[PATH_TEXT_MAX], line[2 * PATH_TEXT_MAX + 160], key[KITH_KEY_TEXT_LEN + 1];
	struct kith_seed seed;
	struct text list = { 0 };
	int code = ca->cli->issuer != NULL ? mark_issuer(ca) : CLI_OK;
	if (code == CLI_OK && ca->cli->grace > 0)
		json_object_set_new(ca->ledger, "grace_days", json_integer(ca->cli->grace));
	if (code == CLI_OK)
		code = ca_root_seed(ca, &seed);
	if (code == CLI_OK)
		code = make_list(ca, NULL, &seed, &list);
	explicit_bzero(&seed, sizeof seed);
	if (code == CLI_OK)
		code = publish(ca, "root-revocations", &list, path);
	text_free(&list);
	if (code != CLI_OK)
		return code;
	json_int_t number = json_integer_value(json_object_get(ca->ledger, "root_list_number"));
	bool present = ca_is_revoked(ca, kith_key_format(ca->issuer.issuer.b, key));
	int n = snprintf(
		line, sizeof line,
		"%s; list number %lld is in %s: give it to a supernode, which passes it on (kith revoke, or SIGHUP)\n",
		ca->cli->issuer != NULL ? "1 issuer revoked" : "the age of lists is bounded", (long long)number, path);
	if (present && n > 0 && (size_t)n < sizeof line)
		(void)snprintf(line + n, sizeof line - (size_t)n,
			       "the network has no issuer now; a new one: kith ca renew %s\n", ca->dir);
	return cli_result(
		ca->cli,
		json_pack("{s:i, s:I, s:s}", "revoked", ca->cli->issuer != NULL, "list_number", number, "file", path),
		line);
}

int cli_ca_revoke(const struct cli *cli)
{
	struct ca ca;
	bool issuer = cli->issuer != NULL;
	int words = cli->serial > 0 || issuer || cli->grace > 0 ? 1 : 2;
	int code = cli_words(cli, words, words, "DIR NAME, or DIR --serial N, or DIR --issuer KEY|FILE");
	if (code == CLI_OK && issuer && cli->serial > 0)
		code = cli_fail(cli, CLI_USAGE, "--issuer and --serial exclude each other");
	if (code != CLI_OK)
		return code;
	code = ca_open(&ca, cli);
	if (code == CLI_OK)
		code = issuer || cli->grace > 0 ? root_list(&ca) : revoke_names(&ca);
	ca_close(&ca);
	return code;
}
