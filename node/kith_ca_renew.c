/* kith ca renew: the network's root certifies another issuer, with a new key, or the present key anew (--keep-key).
 *
 * Everything is written under names that carry a serial; then the ledger is saved, which decides it; then the new files
 * take the places of the old (ca_settle), at the latest when the next command opens the directory. What fails before
 * the ledger is taken back. */
#include "kith_ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 4 };

struct renewal {
	struct ca *ca;
	struct kith_issuer_cert former, cert;
	struct kith_seed root;
	char made[FILES_MAX][PATH_TEXT_MAX]; /* files that count for nothing until the ledger is saved */
	unsigned made_n;
	json_t *carried, *lost; /* names whose newest certificate is by the former issuer; that are void */
	json_t *invitations; /* names of those that are void */
};

static void made_file(struct renewal *r, const char *path)
{
	(void)snprintf(r->made[r->made_n++], PATH_TEXT_MAX, "%s", path);
}

/* A copy of issuer.key or issuer.cert under the former serial. A key that is lost is no reason to stay without an
 * issuer. */
static int keep_former(struct renewal *r, const char *suffix, mode_t mode)
{
	const struct cli *cli = r->ca->cli;
	char file[CA_FILE_MAX], from[PATH_TEXT_MAX], to[PATH_TEXT_MAX], *text;
	size_t len;
	(void)snprintf(file, sizeof file, "issuer.%s", suffix);
	int code = ca_path(cli, from, r->ca->dir, file);
	ca_serial_file(r->former.serial, suffix, file);
	if (code == CLI_OK)
		code = ca_path(cli, to, r->ca->dir, file);
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = file_read(from, &text, &len);
	if (err == KITH_ENOENT)
		return CLI_OK;
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s cannot be read: %s", from, file_why(err));
	made_file(r, to);
	err = file_write(to, mode, text, len);
	explicit_bzero(text, len);
	free(text);
	return err == 0 ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s cannot be written: %s", to, file_why(err));
}

static int new_key(struct renewal *r)
{
	const struct cli *cli = r->ca->cli;
	struct passphrase pass;
	struct kith_seed seed;
	char file[CA_FILE_MAX], path[PATH_TEXT_MAX];
	int code = ca_path(cli, path, r->ca->dir, "issuer.key");
	if (code == CLI_OK)
		code = cli_passphrase(cli, &pass, path, true);
	if (code != CLI_OK)
		return code;
	ca_serial_file(r->cert.serial, "key", file);
	code = ca_path(cli, path, r->ca->dir, file);
	if (code == CLI_OK) {
		made_file(r, path);
		code = ca_write_key(cli, file, &pass, KITH_SECRET_ISSUER, true, &seed);
	}
	passphrase_wipe(&pass);
	if (code == CLI_OK)
		kith_seed_public(&r->cert.issuer, &seed);
	explicit_bzero(&seed, sizeof seed);
	return code == CLI_OK ? keep_former(r, "key", 0600) : code;
}

/* The root does not certify a key that nobody here has. */
static int same_key(struct renewal *r)
{
	struct kith_seed seed;
	struct kith_key key;
	char text[KITH_KEY_TEXT_LEN + 1];
	if (ca_is_revoked(r->ca, kith_key_format(r->former.issuer.b, text)))
		return cli_fail(r->ca->cli, CLI_FAILED,
				"--keep-key: the issuer's key is revoked, and so is whatever certifies it");
	int code = ca_seed(r->ca, "issuer.key", KITH_SECRET_ISSUER, &seed);
	if (code != CLI_OK)
		return code;
	kith_seed_public(&key, &seed);
	explicit_bzero(&seed, sizeof seed);
	r->cert.issuer = r->former.issuer;
	return memcmp(key.b, r->former.issuer.b, sizeof key.b) == 0
		       ? CLI_OK
		       : cli_fail(r->ca->cli, CLI_FAILED, "%s/issuer.key is not the key of issuer.cert", r->ca->dir);
}

/* Of every name its newest certificate counts. */
static void sort_names(struct renewal *r)
{
	const json_t *certificates = json_object_get(r->ca->ledger, "certificates");
	json_t *seen = json_object();
	char former[KITH_KEY_TEXT_LEN + 1];
	(void)kith_key_format(r->former.issuer.b, former);
	for (size_t i = json_array_size(certificates); i > 0; i--) {
		const json_t *cert = json_array_get(certificates, i - 1);
		const char *name = json_string_value(json_object_get(cert, "name")), *signer = ca_signer(r->ca, cert);
		if (name == NULL || json_object_get(seen, name) != NULL)
			continue;
		json_object_set_new(seen, name, json_true());
		if (json_is_true(json_object_get(cert, "revoked")) ||
		    json_integer_value(json_object_get(cert, "expires")) <= (int64_t)time(NULL))
			continue;
		bool by_former = strcmp(signer, former) == 0;
		if (by_former && (r->ca->cli->keep_key || ca_is_good(r->ca, signer)))
			json_array_insert_new(r->carried, 0, json_string(name));
		else if (!ca_is_good(r->ca, signer))
			json_array_insert_new(r->lost, 0, json_string(name));
	}
	json_decref(seen);
}

/* An invitation names the issuer's key. */
static void drop_invitations(struct renewal *r)
{
	json_t *all = json_object_get(r->ca->ledger, "invitations"), *entry;
	size_t i;
	json_array_foreach(all, i, entry)
	{
		json_array_append(r->invitations, json_object_get(entry, "name"));
	}
	json_array_clear(all);
}

static int write_files(struct renewal *r)
{
	const struct cli *cli = r->ca->cli;
	char file[CA_FILE_MAX], path[PATH_TEXT_MAX];
	int code = ca_root_seed(r->ca, &r->root);
	if (code == CLI_OK)
		code = cli->keep_key ? same_key(r) : new_key(r);
	if (code == CLI_OK)
		code = keep_former(r, "cert", 0644);
	ca_serial_file(r->cert.serial, "cert", file);
	if (code == CLI_OK)
		code = ca_path(cli, path, r->ca->dir, file);
	if (code != CLI_OK)
		return code;
	made_file(r, path);
	return ca_write_cert(cli, file, &r->cert, &r->root);
}

static int commit(struct renewal *r)
{
	int code = write_files(r);
	if (code == CLI_OK) {
		sort_names(r);
		if (!r->ca->cli->keep_key)
			drop_invitations(r);
		ca_add_issuer(r->ca, &r->cert);
		code = ca_save(r->ca);
	}
	if (code == CLI_OK)
		return ca_settle(r->ca);
	while (r->made_n > 0)
		(void)unlink(r->made[--r->made_n]);
	return code;
}

/* ---- what is to be done next ---- */

static int add_names(struct text *out, const json_t *names)
{
	size_t i;
	json_t *name;
	int err = 0;
	json_array_foreach((json_t *)(uintptr_t)names, i, name)
	{
		const char *text = json_string_value(name);
		if (err == 0)
			err = text_add(out, "  ", 2);
		if (err == 0)
			err = text_add(out, text, strlen(text));
		if (err == 0)
			err = text_add(out, "\n", 1);
	}
	return err;
}

static int add_part(struct text *out, const json_t *names, const char *line)
{
	if (json_array_size(names) == 0)
		return 0;
	int err = text_add(out, line, strlen(line));
	return err == 0 ? add_names(out, names) : err;
}

static int next_steps(const struct renewal *r, struct text *out)
{
	static const char again[] = "kith ca invite, kith id request, kith ca issue --request, kith id accept";
	char line[PATH_TEXT_MAX + 512], date[DATE_TEXT_MAX];
	bool keep = r->ca->cli->keep_key != 0;
	(void)date_text(r->former.expires_s, date);
	if (keep)
		(void)snprintf(
			line, sizeof line,
			"these names %s %s; with the new certificate they hold on: kith id renew PROFILE --issuer "
			"%s/issuer.cert\n",
			r->former.expires_s > (int64_t)time(NULL) ? "are good until" : "are void since", date,
			r->ca->dir);
	else
		(void)snprintf(
			line, sizeof line,
			"these names are good until they expire, at the latest on %s: their chains carry the former "
			"issuer's certificate. Before that, certify them anew: %s\n",
			date, again);
	int err = add_part(out, r->carried, line);
	(void)snprintf(line, sizeof line,
		       "these names are void, since their issuer is revoked or has expired; certify them anew: %s\n",
		       again);
	if (err == 0)
		err = add_part(out, r->lost, line);
	if (err == 0)
		err = add_part(out, r->invitations,
			       "these invitations are void, since they name the former issuer; invite again:\n");
	return err;
}

static int report(const struct renewal *r)
{
	const struct ca *ca = r->ca;
	char key[KITH_KEY_TEXT_LEN + 1], former[KITH_KEY_TEXT_LEN + 1], date[DATE_TEXT_MAX], before[DATE_TEXT_MAX],
		file[CA_FILE_MAX], lines[PATH_TEXT_MAX + 512];
	struct text text = { 0 };
	bool revoked = ca_is_revoked(ca, kith_key_format(r->former.issuer.b, former));
	(void)kith_key_format(r->cert.issuer.b, key);
	ca_serial_file(r->former.serial, "cert", file);
	(void)snprintf(
		lines, sizeof lines,
		"issuer key: %s\nserial: %llu\nissuer expires: %s\nformer certificate: serial %llu, until %s%s, kept "
		"as %s/%s\n",
		key, (unsigned long long)r->cert.serial, date_text(r->cert.expires_s, date),
		(unsigned long long)r->former.serial, date_text(r->former.expires_s, before),
		revoked ? "  REVOKED" : "", ca->dir, file);
	int err = text_add(&text, lines, strlen(lines));
	if (err == 0)
		err = next_steps(r, &text);
	if (err != 0) /* it is done all the same */
		text_free(&text);
	int code = cli_result(ca->cli,
			      json_pack("{s:s, s:I, s:I, s:s, s:b, s:{s:s, s:I, s:I, s:b, s:s}, s:O, s:O, s:O}",
					"issuer", key, "serial", (json_int_t)r->cert.serial, "expires",
					(json_int_t)r->cert.expires_s, "constraint", r->cert.constraint, "kept_key",
					ca->cli->keep_key != 0, "former", "issuer", former, "serial",
					(json_int_t)r->former.serial, "expires", (json_int_t)r->former.expires_s,
					"revoked", revoked, "file", file, "names_by_former", r->carried, "names_void",
					r->lost, "invitations_void", r->invitations),
			      text.p != NULL ? text.p : lines);
	text_free(&text);
	return code;
}

static uint64_t next_serial(const struct ca *ca)
{
	uint64_t highest = ca->issuer.serial;
	json_t *issuer;
	size_t i;
	json_array_foreach(ca_issuers(ca), i, issuer)
	{
		uint64_t serial = (uint64_t)json_integer_value(json_object_get(issuer, "serial"));
		if (serial > highest)
			highest = serial;
	}
	return highest + 1;
}

int cli_ca_renew(const struct cli *cli)
{
	struct ca ca;
	struct renewal r = { .ca = &ca };
	int code = cli_words(cli, 1, 1, "DIR");
	if (code != CLI_OK)
		return code;
	code = ca_open(&ca, cli);
	if (code == CLI_OK)
		code = ca_constraint(cli, ca.issuer.constraint, r.cert.constraint);
	if (code == CLI_OK) {
		r.carried = json_array();
		r.lost = json_array();
		r.invitations = json_array();
		r.former = ca.issuer;
		r.cert.serial = next_serial(&ca);
		r.cert.flags = ca_issuer_flags(cli, ca.issuer.flags);
		code = commit(&r);
	}
	explicit_bzero(&r.root, sizeof r.root);
	if (code == CLI_OK)
		code = report(&r);
	json_decref(r.carried);
	json_decref(r.lost);
	json_decref(r.invitations);
	ca_close(&ca);
	return code;
}
