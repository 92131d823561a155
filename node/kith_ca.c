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

enum { NAME_DAYS = 365, ISSUER_DAYS = 365 };

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
		err = kith_keyfile_write(path, &secrets, pass->b, pass->len, replace);
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
	struct kith_issuer_cert cert = { .serial = 1 };
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

	kith_network_id(&id, &ca->root);
	(void)kith_key_format(ca->issuer.issuer.b, issuer);
	(void)snprintf(
		lines, sizeof lines,
		"network: %s\nroot key: %s\nnetwork id: %s\nissuer key: %s\nissuer serial: %llu\nissuer expires: "
		"%s%s\ncertificates: %zu\n",
		label, kith_key_format(ca->root.b, root), kith_key_format(id.b, network), issuer,
		(unsigned long long)ca->issuer.serial, date_text(ca->issuer.expires_s, date),
		ca_is_revoked(ca, issuer)		      ? "  REVOKED"
		: ca->issuer.expires_s <= (int64_t)time(NULL) ? "  EXPIRED"
							      : "",
		n);
	if (text_add(&text, lines, strlen(lines)) != 0 || show_former(ca, &text) != 0)
		return cli_fail(ca->cli, CLI_FAILED, "%s", kith_strerror(KITH_ENOMEM));
	int code = cli_result(
		ca->cli,
		json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:b, s:O, s:I}", "network", label, "root", root, "id",
			  network, "issuer", issuer, "issuer_serial", (json_int_t)ca->issuer.serial, "issuer_expires",
			  (json_int_t)ca->issuer.expires_s, "constraint", ca->issuer.constraint, "issuer_revoked",
			  ca_is_revoked(ca, issuer), "issuers", ca_issuers(ca), "certificates", (json_int_t)n),
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

/* ---- issuing ---- */

/* The newest certificate of a name in the ledger; NULL: it has none. */
static json_t *newest_of(const struct ca *ca, const char *name)
{
	size_t i;
	json_t *cert, *found = NULL;
	json_array_foreach(json_object_get(ca->ledger, "certificates"), i,
			   cert) if (strcmp(json_string_value(json_object_get(cert, "name")), name) == 0) found = cert;
	return found;
}

static int check_issuer(const struct ca *ca)
{
	char key[KITH_KEY_TEXT_LEN + 1], date[DATE_TEXT_MAX];
	int64_t now = (int64_t)time(NULL);
	(void)date_text(ca->issuer.expires_s, date);
	if (ca_is_revoked(ca, kith_key_format(ca->issuer.issuer.b, key)))
		return cli_fail(ca->cli, CLI_FAILED,
				"this issuer is revoked: no node would accept what it signs; a new one: kith ca renew");
	if (ca->issuer.expires_s <= now)
		return cli_fail(ca->cli, CLI_FAILED,
				"this issuer's certificate expired on %s: no node would accept what it signs; a new "
				"one: kith ca renew",
				date);
	if (ca->issuer.expires_s - now <= (int64_t)EXPIRY_DAYS * SECONDS_PER_DAY)
		fprintf(stderr,
			"kith %s: the issuer's certificate ends on %s, and all it gave with it: kith ca renew\n",
			ca->cli->command, date);
	return CLI_OK;
}

static int check_name(const struct ca *ca, const char *name)
{
	if (!kith_name_valid(name))
		return cli_fail(ca->cli, CLI_USAGE, "%s: a name is 1 to 32 of a-z, 0-9, '.', '-', '_'", name);
	if (!kith_constraint_allows(ca->issuer.constraint, name))
		return cli_fail(ca->cli, CLI_FAILED, "%s: this issuer may only give names that end in %s", name,
				ca->issuer.constraint);
	return CLI_OK;
}

/* The i-th byte of a hex text, if it has one. */
static bool hex_byte(const char *hex, size_t i, unsigned long *out)
{
	char digits[3] = "", *end;
	if (strlen(hex) < 2 * i + 2)
		return false;
	memcpy(digits, hex + 2 * i, 2);
	*out = strtoul(digits, &end, 16);
	return *end == '\0';
}

/* Serial, times, placement; enters it into the ledger, which is saved before the certificate can be seen: a serial is
 * never given twice. */
static int make_terms(struct ca *ca, const char *name, const struct kith_key *identity, uint8_t slots, uint8_t flags,
		      struct kith_name_cert *terms)
{
	char key[KITH_KEY_TEXT_LEN + 1], placement[2 * KITH_PLACEMENT_LEN + 1];
	json_t *before = newest_of(ca, name);
	json_int_t serial = json_integer_value(json_object_get(ca->ledger, "next_serial"));

	kith_key_format(identity->b, key);
	if (before != NULL && strcmp(json_string_value(json_object_get(before, "identity")), key) != 0 &&
	    !ca->cli->force)
		return cli_fail(ca->cli, CLI_FAILED,
				"%s is certified for another identity key; --force gives it to the new one "
				"(contacts that pinned the old one are asked), ca revoke takes it back",
				name);
	memset(terms, 0, sizeof *terms);
	const char *old = before != NULL ? json_string_value(json_object_get(before, "placement")) : NULL;
	if (old == NULL && random_fill(terms->placement, sizeof terms->placement) != 0)
		return cli_fail(ca->cli, CLI_FAILED, "there is no randomness: %s", strerror(errno));
	for (size_t i = 0; i < KITH_PLACEMENT_LEN; i++) {
		unsigned long byte = terms->placement[i];
		if (old != NULL && !hex_byte(old, i, &byte))
			return cli_fail(ca->cli, CLI_FAILED, "the ledger's placement of %s is damaged", name);
		terms->placement[i] = (uint8_t)byte;
		(void)snprintf(placement + 2 * i, 3, "%02lx", byte & 0xff);
	}
	(void)snprintf(terms->name, sizeof terms->name, "%s", name);
	terms->identity = *identity;
	terms->serial = (uint64_t)serial;
	terms->not_before_s = (int64_t)time(NULL);
	terms->expires_s =
		terms->not_before_s + (int64_t)(ca->cli->days > 0 ? ca->cli->days : NAME_DAYS) * SECONDS_PER_DAY;
	terms->slots = slots;
	terms->flags = flags;
	json_object_set_new(ca->ledger, "next_serial", json_integer(serial + 1));
	json_array_append_new(json_object_get(ca->ledger, "certificates"),
			      json_pack("{s:I, s:I, s:s, s:s, s:s, s:I, s:i, s:i}", "serial", serial, "issuer",
					(json_int_t)ca->issuer.serial, "name", name, "identity", key, "placement",
					placement, "expires", (json_int_t)terms->expires_s, "slots", (int)slots,
					"flags", (int)flags));
	return ca_save(ca);
}

static uint8_t wished_slots(const struct cli *cli)
{
	return (uint8_t)(cli->slots > 0 ? cli->slots : 1);
}

static uint8_t wished_flags(const struct cli *cli)
{
	return cli->supernode ? KITH_NAME_SUPERNODE : 0;
}

int cli_ca_invite(const struct cli *cli)
{
	struct ca ca;
	struct invitation invitation = { 0 };
	struct text text = { 0 };
	char nonce[KITH_KEY_TEXT_LEN + 1];
	int code = cli_words(cli, 2, 2, "DIR NAME");
	if (code != CLI_OK)
		return code;
	code = ca_open(&ca, cli);
	if (code == CLI_OK)
		code = check_issuer(&ca);
	if (code == CLI_OK)
		code = check_name(&ca, cli->words[1]);
	if (code == CLI_OK && random_fill(invitation.nonce, sizeof invitation.nonce) != 0)
		code = cli_fail(cli, CLI_FAILED, "there is no randomness: %s", strerror(errno));
	if (code == CLI_OK) {
		invitation.root = ca.root;
		invitation.issuer = ca.issuer.issuer;
		invitation.slots = wished_slots(cli);
		invitation.flags = wished_flags(cli);
		(void)snprintf(invitation.name, sizeof invitation.name, "%s", cli->words[1]);
		json_array_append_new(json_object_get(ca.ledger, "invitations"),
				      json_pack("{s:s, s:s, s:i, s:i, s:I}", "nonce",
						kith_key_format(invitation.nonce, nonce), "name", invitation.name,
						"slots", (int)invitation.slots, "flags", (int)invitation.flags, "made",
						(json_int_t)time(NULL)));
		code = ca_save(&ca);
	}
	if (code == CLI_OK)
		code = invitation_format(&text, &invitation) == 0 ? cli_write_out(cli, &text)
								  : cli_fail(cli, CLI_FAILED, "out of memory");
	text_free(&text);
	ca_close(&ca);
	return code;
}

/* Checks the request against every invitation that is open; takes out the one it answers. */
static int match_request(struct ca *ca, struct kith_span request, struct kith_enrol *out, json_t **invitation)
{
	json_t *invitations = json_object_get(ca->ledger, "invitations"), *entry;
	struct kith_id network;
	int err = KITH_EAUTH;
	size_t i;

	kith_network_id(&network, &ca->root);
	json_array_foreach(invitations, i, entry)
	{
		uint8_t nonce[KITH_NONCE_LEN];
		const char *name = json_string_value(json_object_get(entry, "name"));
		const char *text = json_string_value(json_object_get(entry, "nonce"));
		if (name == NULL || text == NULL || kith_key_parse(nonce, text) != 0)
			continue;
		err = kith_enrol_check(out, request, &network, &ca->issuer.issuer, nonce);
		if (err == KITH_EAUTH)
			continue;
		if (err == 0 && strcmp(out->name, name) != 0)
			err = KITH_ENAME;
		break;
	}
	if (err != 0)
		return cli_fail(ca->cli, CLI_FAILED, "the request is refused: %s",
				err == KITH_EAUTH   ? "it answers no invitation that is still open (each is good once)"
				: err == KITH_ENAME ? "it asks for another name than it was invited for"
				: err == KITH_ECHAIN
					? "it answers an invitation of another issuer, maybe of the one before a "
					  "renewal: invite again"
					: kith_strerror(err));
	*invitation = json_incref(entry);
	json_array_remove(invitations, i);
	return CLI_OK;
}

/* What a newcomer should know from the start. */
static int lists_now(const struct ca *ca, struct armor *out)
{
	struct text text = { 0 };
	memset(out, 0, sizeof *out);
	int code = ca_lists(ca, NULL, &text);
	int err = code == CLI_OK && text.len > 0 ? armor_parse(out, text.p, text.len) : 0;
	text_free(&text);
	return err == 0 ? code : cli_fail(ca->cli, CLI_FAILED, "revocations: %s", kith_strerror(err));
}

static int write_grant(struct ca *ca, struct kith_span cert)
{
	struct armor lists;
	struct text text = { 0 };
	int code = lists_now(ca, &lists);
	int err = text_add_armor(&text, KITH_ARMOR_NAME, cert);
	if (err == 0)
		err = text_add_armor(&text, KITH_ARMOR_ISSUER, ca->issuer_cert);
	if (err == 0)
		err = text_add_lists(&text, &lists, ca->issuer_cert);
	if (code == CLI_OK)
		code = err == 0 ? cli_write_out(ca->cli, &text)
				: cli_fail(ca->cli, CLI_FAILED, "%s", kith_strerror(err));
	armor_free(&lists);
	text_free(&text);
	return code;
}

static int issue_to_request(struct ca *ca, const struct kith_seed *seed)
{
	struct armor armor;
	struct kith_enrol request;
	struct kith_name_cert terms;
	uint8_t cert[KITH_CERT_MAX];
	json_t *invitation = NULL;

	errno = 0;
	int err = armor_read(&armor, ca->cli->request);
	const struct armor_piece *piece = err == 0 ? armor_find(&armor, KITH_ARMOR_ENROL) : NULL;
	int code = CLI_OK;
	if (piece == NULL)
		code = cli_fail(ca->cli, CLI_FAILED, "--request: %s: %s", ca->cli->request,
				err != 0 && err != KITH_EPROTO
					? file_why(err)
					: "it holds no request; expected what kith id request wrote");
	if (piece != NULL && code == CLI_OK)
		code = match_request(ca, piece->bytes, &request, &invitation);
	if (code == CLI_OK)
		code = make_terms(ca, request.name, &request.identity,
				  (uint8_t)json_integer_value(json_object_get(invitation, "slots")),
				  (uint8_t)json_integer_value(json_object_get(invitation, "flags")), &terms);
	if (code == CLI_OK) {
		int len = kith_enrol_grant(cert, &request, &terms, seed);
		code = len < 0 ? cli_fail(ca->cli, CLI_FAILED, "the certificate cannot be made: %s", kith_strerror(len))
			       : write_grant(ca, (struct kith_span){ cert, (size_t)len });
	}
	json_decref(invitation);
	armor_free(&armor);
	return code;
}

/* Identity, device and certificates in one go, for those who trust the issuer with their keys: tests, and supernodes of
 * one operator. */
static int issue_profile(struct ca *ca, const struct kith_seed *seed)
{
	const struct cli *cli = ca->cli;
	struct profile_parts parts = { .root = ca->root,
				       .issuer = ca->issuer_cert,
				       .device_days = DEVICE_DAYS,
				       .device_number = 1,
				       .list_number = (uint64_t)time(NULL),
				       .label = cli->label != NULL ? cli->label : DEVICE_LABEL_DEFAULT,
				       .bootstrap = (const char *const *)cli->bootstrap };
	struct kith_secrets secrets;
	struct kith_seed identity;
	struct kith_key key;
	struct kith_name_cert terms = { 0 };
	struct armor lists = { 0 };
	uint8_t cert[KITH_CERT_MAX];

	int code = check_name(ca, cli->words[1]);
	if (code == CLI_OK && newest_of(ca, cli->words[1]) != NULL && !cli->force)
		code = cli_fail(cli, CLI_FAILED,
				"%s has a certificate already; --force makes another one, for a new key",
				cli->words[1]);
	if (code == CLI_OK)
		code = profile_new_key(cli, cli->profile, &secrets);
	if (code != CLI_OK)
		return code;
	(void)kith_secrets_get(&secrets, KITH_SECRET_IDENTITY, &identity);
	kith_seed_public(&key, &identity);
	explicit_bzero(&identity, sizeof identity);
	code = make_terms(ca, cli->words[1], &key, wished_slots(cli), wished_flags(cli), &terms);
	if (code == CLI_OK) {
		int len = kith_name_cert_make(cert, &terms, seed);
		parts.name = (struct kith_span){ cert, len > 0 ? (size_t)len : 0 };
		code = len < 0 ? cli_fail(cli, CLI_FAILED, "the certificate cannot be made: %s", kith_strerror(len))
			       : lists_now(ca, &lists);
		parts.lists = &lists;
	}
	if (code == CLI_OK)
		code = profile_write(cli, cli->profile, &secrets, &parts);
	kith_secrets_wipe(&secrets);
	armor_free(&lists);
	if (code != CLI_OK)
		return code;
	char text[PATH_TEXT_MAX + 128];
	(void)snprintf(text, sizeof text, "%s: serial %llu, profile %s\n", terms.name, (unsigned long long)terms.serial,
		       cli->profile);
	return cli_result(cli,
			  json_pack("{s:s, s:I, s:s}", "name", terms.name, "serial", (json_int_t)terms.serial,
				    "profile", cli->profile),
			  text);
}

int cli_ca_issue(const struct cli *cli)
{
	struct ca ca;
	struct kith_seed seed;
	bool request = cli->request != NULL;
	int code = cli_words(cli, request ? 1 : 2, request ? 1 : 2, "DIR --request FILE, or DIR NAME --profile DIR");
	if (code == CLI_OK && !request && cli->profile == NULL)
		code = cli_fail(
			cli, CLI_USAGE,
			"--profile is missing: the directory to make; or give --request FILE instead of a name");
	if (code != CLI_OK)
		return code;
	code = ca_open(&ca, cli);
	if (code == CLI_OK)
		code = check_issuer(&ca);
	if (code == CLI_OK)
		code = ca_seed(&ca, "issuer.key", KITH_SECRET_ISSUER, &seed);
	if (code == CLI_OK)
		code = request ? issue_to_request(&ca, &seed) : issue_profile(&ca, &seed);
	explicit_bzero(&seed, sizeof seed);
	ca_close(&ca);
	return code;
}
