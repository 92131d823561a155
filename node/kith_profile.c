#include "kith_profile.h"

#include "expiry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *date_text(int64_t unix_s, char out[DATE_TEXT_MAX])
{
	time_t t = (time_t)unix_s;
	struct tm tm;
	gmtime_r(&t, &tm);
	(void)strftime(out, DATE_TEXT_MAX, "%Y-%m-%d %H:%M:%SZ", &tm);
	return out;
}

static int new_secret(struct kith_secrets *secrets, enum kith_secret_kind kind)
{
	struct kith_seed seed;
	int err = random_fill(seed.b, sizeof seed.b);
	if (err == 0)
		err = kith_secrets_set(secrets, kind, &seed);
	explicit_bzero(&seed, sizeof seed);
	return err;
}

/* Fresh secrets into a key file that is never overwritten. DIR, if it is given, is made, and no empty one is left. */
static int write_new_key(const struct cli *cli, const char *path, const char *dir, const struct kith_secrets *secrets)
{
	struct passphrase pass;
	bool is_new = dir != NULL && access(dir, F_OK) != 0;
	errno = 0;
	int err = dir != NULL ? directory_make(dir) : 0;
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s cannot be made: %s", dir,
				err == KITH_EEXIST ? "it exists, and is no directory" : file_why(err));
	if (kith_keyfile_protected(path) != KITH_ENOENT)
		return cli_fail(cli, CLI_FAILED,
				"%s exists already; it is never overwritten: choose another one, or move it away",
				path);
	int code = cli_passphrase(cli, &pass, path, true);
	if (code != CLI_OK && is_new)
		(void)rmdir(dir);
	if (code != CLI_OK)
		return code;
	err = kith_keyfile_write_within(path, secrets, pass.b, pass.len, false, cli_argon2_mib(cli));
	passphrase_wipe(&pass);
	return err == 0 ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s cannot be written: %s", path, kith_strerror(err));
}

static int write_device_key(const struct cli *cli, const char *dir, const struct kith_secrets *secrets)
{
	char path[PATH_TEXT_MAX];
	if (path_join(path, dir, "key") != 0)
		return cli_fail(cli, CLI_FAILED, "%s: the path is too long", dir);
	return write_new_key(cli, path, dir, secrets);
}

/* Only one of the secrets, for a file of its own. */
static void only(const struct kith_secrets *all, enum kith_secret_kind kind, struct kith_secrets *out)
{
	struct kith_seed seed;
	memset(out, 0, sizeof *out);
	if (kith_secrets_get(all, kind, &seed) && kith_secrets_set(out, kind, &seed) != 0)
		abort(); /* an empty one has room for one */
	explicit_bzero(&seed, sizeof seed);
}

static int no_randomness(const struct cli *cli)
{
	return cli_fail(cli, CLI_FAILED, "there is no randomness: %s", strerror(errno));
}

int profile_new_key(const struct cli *cli, const char *dir, struct kith_secrets *secrets)
{
	struct kith_secrets one;
	memset(secrets, 0, sizeof *secrets);
	if (new_secret(secrets, KITH_SECRET_IDENTITY) != 0 || new_secret(secrets, KITH_SECRET_DEVICE) != 0)
		return no_randomness(cli);
	if (cli->identity == NULL)
		return write_device_key(cli, dir, secrets);
	only(secrets, KITH_SECRET_IDENTITY, &one);
	int code = write_new_key(cli, cli->identity, NULL, &one);
	only(secrets, KITH_SECRET_DEVICE, &one);
	if (code == CLI_OK)
		code = write_device_key(cli, dir, &one);
	kith_secrets_wipe(&one);
	return code;
}

int profile_new_device_key(const struct cli *cli, const char *dir, struct kith_secrets *secrets)
{
	struct kith_secrets device;
	if (new_secret(secrets, KITH_SECRET_DEVICE) != 0)
		return no_randomness(cli);
	only(secrets, KITH_SECRET_DEVICE, &device);
	int code = write_device_key(cli, dir, &device);
	kith_secrets_wipe(&device);
	return code;
}

int profile_secrets(const struct cli *cli, const char *dir, struct kith_secrets *secrets)
{
	struct kith_secrets apart;
	struct kith_seed identity;
	char path[PATH_TEXT_MAX];
	if (path_join(path, dir, "key") != 0)
		return cli_fail(cli, CLI_FAILED, "%s: the path is too long", dir);
	int code = cli_open_key(cli, path, secrets);
	if (code == CLI_OK && cli->identity != NULL) {
		code = cli_open_key(cli, cli->identity, &apart);
		bool found = code == CLI_OK && kith_secrets_get(&apart, KITH_SECRET_IDENTITY, &identity);
		if (code == CLI_OK)
			kith_secrets_wipe(&apart);
		if (code == CLI_OK && (!found || kith_secrets_set(secrets, KITH_SECRET_IDENTITY, &identity) != 0))
			code = cli_fail(cli, CLI_FAILED, "--identity: %s holds no identity", cli->identity);
		explicit_bzero(&identity, sizeof identity);
	}
	if (code == CLI_OK && !kith_secrets_get(secrets, KITH_SECRET_IDENTITY, &identity))
		code = cli_fail(cli, CLI_FAILED,
				"%s holds no identity; where its key is kept apart, say where: --identity FILE", path);
	explicit_bzero(&identity, sizeof identity);
	return code;
}

/* ---- the device list ---- */

uint64_t profile_list_number(const struct armor *chain)
{
	const struct armor_piece *piece = armor_find(chain, KITH_ARMOR_DEVICES);
	struct kith_devices list;
	return piece != NULL && kith_devices_parse(&list, piece->bytes) == 0 ? list.number : 0;
}

uint64_t profile_list_number_of(const char *dir)
{
	struct armor armor = { 0 };
	char path[PATH_TEXT_MAX];
	uint64_t number = 0;
	if (path_join(path, dir, "chain") == 0 && armor_read(&armor, path) == 0)
		number = profile_list_number(&armor);
	armor_free(&armor);
	return number;
}

/* The device's certificate, and the identity's list with it. */
static int certify(const struct kith_secrets *secrets, const struct profile_parts *parts, uint8_t cert[KITH_CERT_MAX],
		   int *cert_len, uint8_t list[KITH_DEVICES_LEN_MAX], int *list_len)
{
	struct kith_device_cert device = { 0 };
	struct kith_seed identity, own;
	if (!kith_secrets_get(secrets, KITH_SECRET_IDENTITY, &identity) ||
	    !kith_secrets_get(secrets, KITH_SECRET_DEVICE, &own))
		return KITH_ENOENT;
	kith_seed_device(&device.dh, &device.sign, &own);
	device.not_before_s = valid_from();
	device.expires_s = valid_until(parts->device_days);
	*cert_len = kith_device_cert_make(cert, &device, &identity);
	*list_len = devices_join(parts->devices, &device.sign, parts->label, device.expires_s);
	if (*list_len == 0)
		*list_len = devices_sign(parts->devices, parts->list_number, &identity, list);
	explicit_bzero(&identity, sizeof identity);
	explicit_bzero(&own, sizeof own);
	return *cert_len < 0 ? *cert_len : *list_len < 0 ? *list_len : 0;
}

static bool is_same(struct kith_span a, struct kith_span b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* Whether the list is the root's, or of one of these issuers that has not expired. */
static bool is_wanted(const struct armor *armor, struct kith_span own, struct kith_span list_bytes)
{
	struct kith_revocation list;
	struct kith_issuer_cert cert;
	uint8_t id[KITH_ISSUER_ID_LEN];
	if (kith_revocation_parse(&list, list_bytes) != 0)
		return false;
	if (list.signer == KITH_REVOKED_BY_ROOT)
		return true;
	for (size_t i = 0; i <= armor->n; i++) {
		struct kith_span bytes = i < armor->n ? armor->pieces[i].bytes : own;
		if ((i < armor->n && armor->pieces[i].kind != KITH_ARMOR_ISSUER) ||
		    kith_issuer_cert_parse(&cert, bytes) != 0 || cert.expires_s <= (int64_t)time(NULL))
			continue;
		kith_issuer_id(id, &cert.issuer);
		if (memcmp(id, list.signer_id, sizeof id) == 0)
			return true;
	}
	return false;
}

int text_add_lists(struct text *text, const struct armor *lists, struct kith_span own)
{
	struct kith_issuer_cert cert;
	int err = 0;
	for (size_t i = 0; err == 0 && i < lists->n; i++) {
		const struct armor_piece *piece = &lists->pieces[i];
		bool wanted = false;
		if (piece->kind == KITH_ARMOR_ISSUER)
			wanted = !is_same(piece->bytes, own) && kith_issuer_cert_parse(&cert, piece->bytes) == 0 &&
				 cert.expires_s > (int64_t)time(NULL);
		else if (piece->kind == KITH_ARMOR_REVOCATION)
			wanted = is_wanted(lists, own, piece->bytes);
		if (wanted)
			err = text_add_armor(text, piece->kind, piece->bytes);
	}
	return err;
}

static int write_chain(const char *dir, const struct kith_secrets *secrets, const struct profile_parts *parts)
{
	uint8_t cert[KITH_CERT_MAX], list[KITH_DEVICES_LEN_MAX], chain[KITH_CHAIN_MAX];
	struct kith_id network;
	struct text text = { 0 };
	char path[PATH_TEXT_MAX];
	int cert_len, list_len;
	int err = certify(secrets, parts, cert, &cert_len, list, &list_len);
	if (err != 0)
		return err;
	kith_network_id(&network, &parts->root);
	int len = kith_chain_make(chain, &network, parts->issuer, parts->name,
				  (struct kith_span){ cert, (size_t)cert_len });
	if (len < 0)
		return len;
	err = text_add_armor(&text, KITH_ARMOR_CHAIN, (struct kith_span){ chain, (size_t)len });
	if (err == 0)
		err = text_add_armor(&text, KITH_ARMOR_DEVICES, (struct kith_span){ list, (size_t)list_len });
	if (err == 0)
		err = text_add_armor(&text, KITH_ARMOR_ISSUER, parts->issuer);
	if (err == 0 && parts->lists != NULL)
		err = text_add_lists(&text, parts->lists, parts->issuer);
	if (err == 0)
		err = devices_write(dir, parts->devices);
	if (err == 0)
		err = path_join(path, dir, "chain");
	if (err == 0)
		err = file_write(path, 0644, text.p, text.len);
	text_free(&text);
	return err;
}

static int add_line(struct text *text, const char *line)
{
	int err = text_add(text, line, strlen(line));
	return err == 0 ? text_add(text, "\n", 1) : err;
}

static int write_text(const char *dir, const char *name, const struct text *text)
{
	char path[PATH_TEXT_MAX];
	int err = path_join(path, dir, name);
	return err == 0 ? file_write(path, 0644, text->p, text->len) : err;
}

int profile_write_bootstrap(const char *dir, const char *const *hosts, bool loopback)
{
	struct text text = { 0 };
	int err = loopback ? add_line(&text, "loopback") : 0;
	for (size_t i = 0; err == 0 && hosts != NULL && hosts[i] != NULL; i++)
		err = add_line(&text, hosts[i]);
	if (err == 0 && text.len > 0)
		err = write_text(dir, "bootstrap", &text);
	text_free(&text);
	return err;
}

static int write_network(const char *dir, const struct kith_key *root)
{
	struct text text = { 0 };
	char key[KITH_KEY_TEXT_LEN + 1];
	int err = add_line(&text, kith_key_format(root->b, key));
	if (err == 0)
		err = write_text(dir, "network", &text);
	text_free(&text);
	return err;
}

int profile_write(const struct cli *cli, const char *dir, const struct kith_secrets *secrets,
		  const struct profile_parts *parts)
{
	errno = 0;
	int err = write_network(dir, &parts->root);
	if (err == 0)
		err = profile_write_bootstrap(dir, parts->bootstrap, parts->loopback);
	if (err == 0) /* last: what makes it a profile */
		err = write_chain(dir, secrets, parts);
	return err == 0 ? CLI_OK
			: cli_fail(cli, CLI_FAILED, "the profile %s cannot be written: %s", dir, file_why(err));
}
