/* The issuers of a network: the present one and those before it.
 *
 * The ledger says which one is the present. Its files are issuer.key and issuer.cert; what is kept of a former one
 * carries its serial: issuer-1.key, issuer-1.cert. A renewal writes the new files under their serial too, and they take
 * their final names after the ledger was saved: until then the old issuer is whole, from then on the new one is. */
#include "kith_ca.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

json_t *ca_issuers(const struct ca *ca)
{
	return json_object_get(ca->ledger, "issuers");
}

void ca_add_issuer(struct ca *ca, const struct kith_issuer_cert *cert)
{
	char text[KITH_KEY_TEXT_LEN + 1];
	if (!json_is_array(ca_issuers(ca)))
		json_object_set_new(ca->ledger, "issuers", json_array());
	json_array_append_new(ca_issuers(ca),
			      json_pack("{s:I, s:s, s:I}", "serial", (json_int_t)cert->serial, "key",
					kith_key_format(cert->issuer.b, text), "expires", (json_int_t)cert->expires_s));
	json_object_set_new(ca->ledger, "issuer", json_integer((json_int_t)cert->serial));
}

const char *ca_serial_file(uint64_t serial, const char *suffix, char out[CA_FILE_MAX])
{
	(void)snprintf(out, CA_FILE_MAX, "issuer-%llu.%s", (unsigned long long)serial, suffix);
	return out;
}

int ca_settle(const struct ca *ca)
{
	static const char *const suffixes[] = { "key", "cert" };
	char file[CA_FILE_MAX], from[PATH_TEXT_MAX], to[PATH_TEXT_MAX];
	uint64_t serial = (uint64_t)json_integer_value(json_object_get(ca->ledger, "issuer"));
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		int code = ca_path(ca->cli, from, ca->dir, ca_serial_file(serial, suffixes[i], file));
		(void)snprintf(file, sizeof file, "issuer.%s", suffixes[i]);
		if (code == CLI_OK)
			code = ca_path(ca->cli, to, ca->dir, file);
		if (code != CLI_OK)
			return code;
		if (access(from, F_OK) == 0 && rename(from, to) != 0)
			return cli_fail(ca->cli, CLI_FAILED,
					"issuer %llu is certified, but %s cannot be renamed to %s: %s; every kith ca "
					"command tries again",
					(unsigned long long)serial, from, file, strerror(errno));
	}
	return CLI_OK;
}

static const char *key_of(const json_t *issuer)
{
	const char *key = json_string_value(json_object_get(issuer, "key"));
	return key != NULL ? key : "";
}

const char *ca_signer(const struct ca *ca, const json_t *cert)
{
	const json_t *serial = json_object_get(cert, "issuer");
	json_t *issuer;
	size_t i;
	if (serial == NULL) /* from a time when there could be only one */
		return key_of(json_array_get(ca_issuers(ca), 0));
	json_array_foreach(ca_issuers(ca), i, issuer)
	{
		if (json_integer_value(json_object_get(issuer, "serial")) == json_integer_value(serial))
			return key_of(issuer);
	}
	return "";
}

bool ca_is_present(const struct ca *ca, const char *key)
{
	char text[KITH_KEY_TEXT_LEN + 1];
	return strcmp(kith_key_format(ca->issuer.issuer.b, text), key) == 0;
}

bool ca_is_revoked(const struct ca *ca, const char *key)
{
	json_t *issuer;
	size_t i;
	json_array_foreach(json_object_get(ca->ledger, "revoked_issuers"), i, issuer)
	{
		if (strcmp(key_of(issuer), key) == 0)
			return true;
	}
	return false;
}

int64_t ca_expires(const struct ca *ca, const char *key)
{
	json_t *issuer;
	size_t i;
	int64_t latest = 0;
	json_array_foreach(ca_issuers(ca), i, issuer)
	{
		int64_t expires = json_integer_value(json_object_get(issuer, "expires"));
		if (strcmp(key_of(issuer), key) == 0 && expires > latest)
			latest = expires;
	}
	return latest;
}

bool ca_is_good(const struct ca *ca, const char *key)
{
	return !ca_is_revoked(ca, key) && ca_expires(ca, key) > (int64_t)time(NULL);
}

bool ca_is_first(const struct ca *ca, size_t i)
{
	const char *key = key_of(json_array_get(ca_issuers(ca), i));
	for (size_t j = 0; j < i; j++)
		if (strcmp(key_of(json_array_get(ca_issuers(ca), j)), key) == 0)
			return false;
	return true;
}

const char *ca_file(const struct ca *ca, const char *key, const char *suffix, char out[CA_FILE_MAX])
{
	json_t *issuer;
	size_t i;
	(void)snprintf(out, CA_FILE_MAX, "issuer.%s", suffix);
	if (ca_is_present(ca, key))
		return out;
	json_array_foreach(ca_issuers(ca), i, issuer)
	{
		if (strcmp(key_of(issuer), key) == 0)
			(void)ca_serial_file((uint64_t)json_integer_value(json_object_get(issuer, "serial")), suffix,
					     out);
	}
	return out;
}

/* ---- their lists ---- */

static const struct armor_piece *list_by(const struct armor *armor, const uint8_t id[KITH_ISSUER_ID_LEN])
{
	struct kith_revocation list;
	for (size_t i = 0; armor != NULL && i < armor->n; i++)
		if (armor->pieces[i].kind == KITH_ARMOR_REVOCATION &&
		    kith_revocation_parse(&list, armor->pieces[i].bytes) == 0 &&
		    memcmp(list.signer_id, id, KITH_ISSUER_ID_LEN) == 0)
			return &armor->pieces[i];
	return NULL;
}

static int add_with_cert(const struct ca *ca, const char *key, struct kith_span list, struct text *out)
{
	char file[CA_FILE_MAX], path[PATH_TEXT_MAX];
	struct armor armor = { 0 };
	int code = ca_path(ca->cli, path, ca->dir, ca_file(ca, key, "cert", file));
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = armor_read(&armor, path);
	const struct armor_piece *cert = err == 0 ? armor_find(&armor, KITH_ARMOR_ISSUER) : NULL;
	if (cert == NULL) {
		code = cli_fail(ca->cli, CLI_FAILED, "%s cannot be used: %s", path,
				err != 0 ? file_why(err) : "it holds no issuer's certificate");
	} else {
		err = text_add_armor(out, KITH_ARMOR_ISSUER, cert->bytes);
		if (err == 0)
			err = text_add_armor(out, KITH_ARMOR_REVOCATION, list);
		if (err != 0)
			code = cli_fail(ca->cli, CLI_FAILED, "%s", kith_strerror(err));
	}
	armor_free(&armor);
	return code;
}

int ca_lists(const struct ca *ca, const struct armor *fresh, struct text *out)
{
	char path[PATH_TEXT_MAX];
	struct armor before = { 0 };
	struct kith_key key;
	uint8_t id[KITH_ISSUER_ID_LEN];
	size_t i;
	json_t *issuer;
	int code = ca_path(ca->cli, path, ca->dir, "revocations");
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = armor_read(&before, path);
	if (err != 0 && err != KITH_ENOENT)
		code = cli_fail(ca->cli, CLI_FAILED, "%s cannot be used: %s", path, file_why(err));
	json_array_foreach(ca_issuers(ca), i, issuer)
	{
		const char *text = key_of(issuer);
		if (code != CLI_OK || !ca_is_first(ca, i) || !ca_is_good(ca, text) || kith_key_parse(key.b, text) != 0)
			continue;
		kith_issuer_id(id, &key);
		const struct armor_piece *list = list_by(fresh, id);
		if (list == NULL)
			list = list_by(&before, id);
		if (list != NULL)
			code = add_with_cert(ca, text, list->bytes, out);
	}
	armor_free(&before);
	return code;
}
