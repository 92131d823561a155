/* kith ca: the two authorities of a network, its root and an issuer, in one directory.
 *
 *     root.key, issuer.key   key files; root.key is only needed to certify or to revoke an issuer, and may be moved
 *                            away
 *     issuer.cert            the issuer's certificate
 *     issuer-N.key, .cert    of the issuer before, whose serial was N, once there was a renewal
 *     revocations            the issuers' revocation lists, once there is one
 *     root-revocations       the root's, of issuers, once there is one
 *     ledger                 JSON: issuers, what was issued and who was invited. Replaced as a whole; without it no
 *                            serial is safe to give
 *     lock                   held while a command runs */
#include "kith_ca.h"

#include "expiry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ISSUER_DAYS = 365 };

/* ---- the directory ---- */

int ca_path(const struct cli *cli, char out[PATH_TEXT_MAX], const char *dir, const char *file)
{
	return path_join(out, dir, file) == 0 ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s: the path is too long", dir);
}

static int ca_lock(struct ca *ca)
{
	char path[PATH_TEXT_MAX];
	int code = ca_path(ca->cli, path, ca->dir, "lock");
	if (code != CLI_OK)
		return code;
	ca->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (ca->lock < 0 || flock(ca->lock, LOCK_EX) != 0)
		return cli_fail(ca->cli, CLI_FAILED, "%s cannot be locked: %s", path, strerror(errno));
	return CLI_OK;
}

int ca_save(struct ca *ca)
{
	char path[PATH_TEXT_MAX];
	int code = ca_path(ca->cli, path, ca->dir, "ledger");
	char *text = code == CLI_OK ? json_dumps(ca->ledger, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = text == NULL ? KITH_ENOMEM : file_write(path, 0600, text, strlen(text));
	free(text);
	return err == 0 ? CLI_OK : cli_fail(ca->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
}

static int ca_read_ledger(struct ca *ca)
{
	char path[PATH_TEXT_MAX], *text;
	size_t len;
	int code = ca_path(ca->cli, path, ca->dir, "ledger");
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = file_read(path, &text, &len);
	if (err != 0)
		return cli_fail(ca->cli, CLI_FAILED, "%s cannot be read: %s; make a network first: kith ca init", path,
				file_why(err));
	ca->ledger = json_loadb(text, len, 0, NULL);
	free(text);
	const char *root = json_string_value(json_object_get(ca->ledger, "root"));
	if (root == NULL || kith_key_parse(ca->root.b, root) != 0 ||
	    !json_is_array(json_object_get(ca->ledger, "certificates")) ||
	    !json_is_array(json_object_get(ca->ledger, "invitations")))
		return cli_fail(ca->cli, CLI_FAILED, "%s is damaged", path);
	return CLI_OK;
}

int ca_open(struct ca *ca, const struct cli *cli)
{
	struct stat st;
	char path[PATH_TEXT_MAX];
	memset(ca, 0, sizeof *ca);
	ca->cli = cli;
	ca->lock = -1;
	ca->dir = cli->words[0];
	int code = ca_path(cli, path, ca->dir, "issuer.cert");
	if (code == CLI_OK)
		code = stat(ca->dir, &st) != 0 ? cli_fail(cli, CLI_FAILED, "%s: %s; make a network first: kith ca init",
							  ca->dir, strerror(errno))
		       : !S_ISDIR(st.st_mode)
			       ? cli_fail(cli, CLI_FAILED, "%s: it is no directory; expected what kith ca init made",
					  ca->dir)
			       : ca_lock(ca);
	if (code == CLI_OK)
		code = ca_read_ledger(ca);
	if (code == CLI_OK)
		code = ca_settle(ca);
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = armor_read(&ca->issuer_armor, path);
	const struct armor_piece *cert = err == 0 ? armor_find(&ca->issuer_armor, KITH_ARMOR_ISSUER) : NULL;
	if (cert != NULL)
		ca->issuer_cert = cert->bytes;
	if (cert == NULL || kith_issuer_cert_parse(&ca->issuer, ca->issuer_cert) != 0)
		return cli_fail(cli, CLI_FAILED, "%s cannot be used: %s", path,
				err != 0 ? file_why(err) : "it holds no issuer's certificate");
	if (ca_issuers(ca) == NULL) /* of a time when there could be only one */
		ca_add_issuer(ca, &ca->issuer);
	json_int_t present = json_integer_value(json_object_get(ca->ledger, "issuer"));
	if ((uint64_t)present != ca->issuer.serial)
		return cli_fail(cli, CLI_FAILED, "%s is of issuer %llu, but the ledger's is %lld", path,
				(unsigned long long)ca->issuer.serial, (long long)present);
	return CLI_OK;
}

void ca_close(struct ca *ca)
{
	armor_free(&ca->issuer_armor);
	json_decref(ca->ledger);
	if (ca->lock >= 0)
		close(ca->lock);
}

int ca_seed(const struct ca *ca, const char *file, enum kith_secret_kind kind, struct kith_seed *seed)
{
	struct kith_secrets secrets;
	char path[PATH_TEXT_MAX];
	int code = ca_path(ca->cli, path, ca->dir, file);
	if (code == CLI_OK)
		code = cli_open_key(ca->cli, path, &secrets);
	if (code != CLI_OK)
		return code;
	bool found = kith_secrets_get(&secrets, kind, seed);
	kith_secrets_wipe(&secrets);
	return found ? CLI_OK
		     : cli_fail(ca->cli, CLI_FAILED, "%s holds no %s key", path,
				kind == KITH_SECRET_ROOT ? "root" : "issuer's");
}

int ca_root_seed(const struct ca *ca, struct kith_seed *seed)
{
	static const char file[] = "root.key";
	char path[PATH_TEXT_MAX];
	struct kith_key key;
	int code = ca_path(ca->cli, path, ca->dir, file);
	if (code == CLI_OK && access(path, F_OK) != 0)
		code = cli_fail(ca->cli, CLI_FAILED,
				"%s: %s; issuers are certified and revoked by the network's root: bring its key back "
				"there for this",
				path, strerror(errno));
	if (code == CLI_OK)
		code = ca_seed(ca, file, KITH_SECRET_ROOT, seed);
	if (code != CLI_OK)
		return code;
	kith_seed_public(&key, seed);
	if (memcmp(key.b, ca->root.b, sizeof key.b) == 0)
		return CLI_OK;
	return cli_fail(ca->cli, CLI_FAILED, "%s is the root key of another network", path);
}

int ca_write_key(const struct cli *cli, const char *file, const struct passphrase *pass, enum kith_secret_kind kind,
		 bool replace, struct kith_seed *seed)
{
	struct kith_secrets secrets = { 0 };
	char path[PATH_TEXT_MAX];
	int code = ca_path(cli, path, cli->words[0], file);
	if (code != CLI_OK)
		return code;
	int err = random_fill(seed->b, sizeof seed->b);
	if (err == 0)
		err = kith_secrets_set(&secrets, kind, seed);
	if (err == 0)
		err = kith_keyfile_write_within(path, &secrets, pass->b, pass->len, replace, cli_argon2_mib(cli));
	kith_secrets_wipe(&secrets);
	return err == 0 ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s cannot be written: %s", path, kith_strerror(err));
}

int ca_constraint(const struct cli *cli, const char *given, char out[KITH_CONSTRAINT_MAX + 1])
{
	const char *wanted = cli->constraint != NULL ? cli->constraint : given;
	if (strlen(wanted) > KITH_CONSTRAINT_MAX)
		return cli_fail(cli, CLI_USAGE, "--constraint: at most %d characters", KITH_CONSTRAINT_MAX);
	(void)snprintf(out, KITH_CONSTRAINT_MAX + 1, "%s", wanted);
	return CLI_OK;
}

uint8_t ca_issuer_flags(const struct cli *cli, uint8_t given)
{
	if (cli->supernode)
		return given | KITH_ISSUER_SUPERNODES;
	return cli->constraint != NULL ? given & (uint8_t)~KITH_ISSUER_SUPERNODES : given;
}

int ca_write_cert(const struct cli *cli, const char *file, struct kith_issuer_cert *cert, const struct kith_seed *root)
{
	uint8_t bytes[KITH_CERT_MAX];
	struct text text = { 0 };
	char path[PATH_TEXT_MAX];
	cert->not_before_s = (int64_t)time(NULL);
	cert->expires_s = cert->not_before_s + (int64_t)(cli->days > 0 ? cli->days : ISSUER_DAYS) * SECONDS_PER_DAY;
	int len = kith_issuer_cert_make(bytes, cert, root);
	if (len < 0)
		return cli_fail(
			cli, CLI_USAGE,
			"--constraint: found \"%s\"; expected a dot and characters of names, such as \".example\"",
			cert->constraint);
	int code = ca_path(cli, path, cli->words[0], file);
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = text_add_armor(&text, KITH_ARMOR_ISSUER, (struct kith_span){ bytes, (size_t)len });
	if (err == 0)
		err = file_write(path, 0644, text.p, text.len);
	text_free(&text);
	return err == 0 ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
}

/* ---- init ---- */

static int init_files(struct ca *ca, struct kith_seed *root, struct kith_seed *issuer)
{
	static const char *const files[] = { "root.key", "issuer.key", "ledger" };
	const struct cli *cli = ca->cli;
	struct passphrase pass;
	struct kith_issuer_cert cert = { .serial = 1, .flags = ca_issuer_flags(cli, KITH_ISSUER_SUPERNODES) };
	struct kith_key key;
	char path[PATH_TEXT_MAX], text[KITH_KEY_TEXT_LEN + 1];
	int code = ca_constraint(cli, "", cert.constraint);
	/* root.key may have been moved to a safe place: the others tell that there is a network as well. */
	for (size_t i = sizeof files / sizeof files[0]; i > 0 && code == CLI_OK; i--) {
		code = ca_path(cli, path, ca->dir, files[i - 1]);
		if (code == CLI_OK && access(path, F_OK) == 0)
			code = cli_fail(cli, CLI_FAILED, "%s exists already; a network's root is never overwritten",
					path);
	}
	if (code == CLI_OK)
		code = cli_passphrase(cli, &pass, path, true);
	if (code != CLI_OK)
		return code;
	code = ca_write_key(cli, "root.key", &pass, KITH_SECRET_ROOT, false, root);
	if (code == CLI_OK)
		code = ca_write_key(cli, "issuer.key", &pass, KITH_SECRET_ISSUER, false, issuer);
	passphrase_wipe(&pass);
	if (code == CLI_OK) {
		kith_seed_public(&cert.issuer, issuer);
		code = ca_write_cert(cli, "issuer.cert", &cert, root);
	}
	if (code != CLI_OK)
		return code;
	kith_seed_public(&key, root);
	ca->ledger = json_pack("{s:s, s:s, s:i, s:i, s:[], s:[]}", "network", cli->network, "root",
			       kith_key_format(key.b, text), "next_serial", 1, "list_number", 0, "certificates",
			       "invitations");
	ca_add_issuer(ca, &cert);
	code = ca_save(ca);
	if (code != CLI_OK)
		return code;
	char line[512];
	(void)snprintf(line, sizeof line, "network: %s\nroot key: %s\n", cli->network, text);
	return cli_result(cli, json_pack("{s:s, s:s}", "network", cli->network, "root", text), line);
}

int cli_ca_init(const struct cli *cli)
{
	struct ca ca = { .cli = cli, .lock = -1 };
	struct kith_seed root, issuer;
	int code = cli_words(cli, 1, 1, "DIR --network LABEL");
	if (code == CLI_OK && (cli->network == NULL || cli->network[0] == '\0'))
		code = cli_fail(cli, CLI_USAGE, "--network is missing: what the network is called");
	if (code != CLI_OK)
		return code;
	ca.dir = cli->words[0];
	errno = 0;
	int err = directory_make(ca.dir);
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s cannot be made: %s", ca.dir,
				err == KITH_EEXIST ? "it exists, and is no directory" : file_why(err));
	code = ca_lock(&ca);
	if (code == CLI_OK)
		code = init_files(&ca, &root, &issuer);
	explicit_bzero(&root, sizeof root);
	explicit_bzero(&issuer, sizeof issuer);
	ca_close(&ca);
	return code;
}

/* ---- show, list ---- */

/* Those before the present one, by their last certificates. */
static int show_former(const struct ca *ca, struct text *out)
{
	char line[256], date[DATE_TEXT_MAX], file[CA_FILE_MAX];
	json_t *issuer;
	size_t i;
	int err = 0;
	json_array_foreach(ca_issuers(ca), i, issuer)
	{
		const char *key = json_string_value(json_object_get(issuer, "key"));
		if (key == NULL || !ca_is_first(ca, i) || ca_is_present(ca, key))
			continue;
		int n = snprintf(line, sizeof line, "former issuer: %s, until %s%s, in %s\n", key,
				 date_text(ca_expires(ca, key), date), ca_is_revoked(ca, key) ? "  REVOKED" : "",
				 ca_file(ca, key, "cert", file));
		if (err == 0)
			err = text_add(out, line, (size_t)n);
	}
	return err;
}

static int show(const struct ca *ca)
{
	struct kith_id id;
	struct text text = { 0 };
	char root[KITH_KEY_TEXT_LEN + 1], issuer[KITH_KEY_TEXT_LEN + 1], network[KITH_KEY_TEXT_LEN + 1],
		date[DATE_TEXT_MAX], lines[1024];
	const char *label = json_string_value(json_object_get(ca->ledger, "network"));
	size_t n = json_array_size(json_object_get(ca->ledger, "certificates"));
	bool makes_supernodes = (ca->issuer.flags & KITH_ISSUER_SUPERNODES) != 0;
	kith_network_id(&id, &ca->root);
	(void)kith_key_format(ca->issuer.issuer.b, issuer);
	(void)snprintf(
		lines, sizeof lines,
		"network: %s\nroot key: %s\nnetwork id: %s\nissuer key: %s\nissuer serial: %llu\nissuer expires: "
		"%s%s\nissuer makes supernodes: %s\ncertificates: %zu\n",
		label, kith_key_format(ca->root.b, root), kith_key_format(id.b, network), issuer,
		(unsigned long long)ca->issuer.serial, date_text(ca->issuer.expires_s, date),
		ca_is_revoked(ca, issuer)		      ? "  REVOKED"
		: ca->issuer.expires_s <= (int64_t)time(NULL) ? "  EXPIRED"
							      : "",
		makes_supernodes ? "yes" : "no", n);
	if (text_add(&text, lines, strlen(lines)) != 0 || show_former(ca, &text) != 0)
		return cli_fail(ca->cli, CLI_FAILED, "%s", kith_strerror(KITH_ENOMEM));
	int code = cli_result(
		ca->cli,
		json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:b, s:b, s:O, s:I}", "network", label, "root", root,
			  "id", network, "issuer", issuer, "issuer_serial", (json_int_t)ca->issuer.serial,
			  "issuer_expires", (json_int_t)ca->issuer.expires_s, "constraint", ca->issuer.constraint,
			  "issuer_supernodes", makes_supernodes, "issuer_revoked", ca_is_revoked(ca, issuer), "issuers",
			  ca_issuers(ca), "certificates", (json_int_t)n),
		text.p);
	text_free(&text);
	return code;
}

int cli_ca_show(const struct cli *cli)
{
	struct ca ca;
	int code = cli_words(cli, 1, 1, "DIR");
	if (code != CLI_OK)
		return code;
	code = ca_open(&ca, cli);
	if (code == CLI_OK)
		code = show(&ca);
	ca_close(&ca);
	return code;
}

int cli_ca_list(const struct cli *cli)
{
	struct ca ca;
	struct text text = { 0 };
	char line[256], date[DATE_TEXT_MAX];
	size_t i;
	json_t *cert;
	int code = cli_words(cli, 1, 1, "DIR");
	if (code != CLI_OK)
		return code;
	code = ca_open(&ca, cli);
	json_t *certificates = code == CLI_OK ? json_object_get(ca.ledger, "certificates") : NULL;
	json_array_foreach(certificates, i, cert)
	{
		int n = snprintf(line, sizeof line, "%6lld  %-32s  until %s%s\n",
				 (long long)json_integer_value(json_object_get(cert, "serial")),
				 json_string_value(json_object_get(cert, "name")),
				 date_text(json_integer_value(json_object_get(cert, "expires")), date),
				 json_is_true(json_object_get(cert, "revoked")) ? "  REVOKED"
				 : ca_is_revoked(&ca, ca_signer(&ca, cert))	? "  ISSUER REVOKED"
										: "");
		if (text_add(&text, line, (size_t)n) != 0)
			break;
	}
	if (code == CLI_OK)
		code = cli_result(cli, json_incref(certificates), text.p != NULL ? text.p : "");
	text_free(&text);
	ca_close(&ca);
	return code;
}
