/* kith id: one's own identity and device, from fresh keys to a profile that a node runs with. */
#include "kith_profile.h"

#include "expiry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIBE_MAX = 64 * 1024 };

static int id_path(const struct cli *cli, char out[PATH_TEXT_MAX], const char *file)
{
	return path_join(out, cli->words[0], file) == 0
		       ? CLI_OK
		       : cli_fail(cli, CLI_FAILED, "%s: the path is too long", cli->words[0]);
}

static int id_new_open(const struct cli *cli)
{
	char path[PATH_TEXT_MAX], name[KITH_NAME_MAX + 1], line[256];
	struct passphrase pass;
	int code = id_path(cli, path, "key");
	if (code == CLI_OK)
		code = cli_passphrase(cli, &pass, path, true);
	if (code != CLI_OK)
		return code;
	int err =
		kith_profile_create_open_within(cli->words[0], cli->open, pass.b, pass.len, cli_argon2_mib(cli), name);
	passphrase_wipe(&pass);
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s cannot be made: %s", cli->words[0], kith_strerror(err));
	errno = 0;
	err = profile_write_bootstrap(cli->words[0], (const char *const *)cli->bootstrap, cli->loopback != 0);
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s/bootstrap cannot be written: %s", cli->words[0], file_why(err));
	(void)snprintf(line, sizeof line, "name: %s\n", name);
	return cli_result(
		cli, json_pack("{s:s, s:s, s:s}", "name", name, "open_network", cli->open, "profile", cli->words[0]),
		line);
}

int cli_id_new(const struct cli *cli)
{
	struct kith_secrets secrets;
	struct kith_seed identity;
	struct kith_key key;
	char text[KITH_KEY_TEXT_LEN + 1], line[256];
	int code = cli_words(cli, 1, 1, "DIR");
	if (code != CLI_OK)
		return code;
	if (cli->open != NULL)
		return id_new_open(cli);
	code = profile_new_key(cli, cli->words[0], &secrets);
	if (code != CLI_OK)
		return code;
	(void)kith_secrets_get(&secrets, KITH_SECRET_IDENTITY, &identity);
	kith_seed_public(&key, &identity);
	explicit_bzero(&identity, sizeof identity);
	kith_secrets_wipe(&secrets);
	(void)snprintf(line, sizeof line, "identity: %s\n", kith_key_format(key.b, text));
	return cli_result(cli, json_pack("{s:s, s:s}", "identity", text, "profile", cli->words[0]), line);
}

/* ---- enrolment ---- */

static int read_invitation(const struct cli *cli, const char *path, struct invitation *out, char **text, size_t *len)
{
	errno = 0;
	int err = file_read(path, text, len);
	if (err == 0)
		err = invitation_parse(out, *text);
	return err == 0 ? CLI_OK
			: cli_fail(cli, CLI_FAILED, "%s: %s", path,
				   err == KITH_EPROTO ? "it holds no invitation; expected what kith ca invite wrote"
						      : file_why(err));
}

static int make_request(const struct cli *cli, const struct invitation *invitation, struct text *out)
{
	struct kith_enrol request = { .flags = invitation->flags };
	struct kith_secrets secrets;
	struct kith_seed identity;
	uint8_t bytes[KITH_ENROL_LEN_MAX];
	int code = profile_secrets(cli, cli->words[0], &secrets);
	if (code != CLI_OK)
		return code;
	(void)kith_secrets_get(&secrets, KITH_SECRET_IDENTITY, &identity);
	kith_secrets_wipe(&secrets);
	kith_network_id(&request.network, &invitation->root);
	kith_issuer_id(request.issuer_id, &invitation->issuer);
	memcpy(request.nonce, invitation->nonce, sizeof request.nonce);
	(void)snprintf(request.name, sizeof request.name, "%s", invitation->name);
	int len = kith_enrol_make(bytes, &request, &identity);
	explicit_bzero(&identity, sizeof identity);
	int err = len < 0 ? len : text_add_armor(out, KITH_ARMOR_ENROL, (struct kith_span){ bytes, (size_t)len });
	return err == 0 ? CLI_OK : cli_fail(cli, CLI_FAILED, "the request cannot be made: %s", kith_strerror(err));
}

/* The request goes out; it and the invitation stay in DIR/request, against which the answer is checked. */
int cli_id_request(const struct cli *cli)
{
	struct invitation invitation;
	struct text request = { 0 }, kept = { 0 };
	char path[PATH_TEXT_MAX], *text = NULL;
	size_t len;
	int code = cli_words(cli, 2, 2, "DIR INVITATION");
	if (code == CLI_OK)
		code = read_invitation(cli, cli->words[1], &invitation, &text, &len);
	if (code == CLI_OK)
		code = make_request(cli, &invitation, &request);
	if (code == CLI_OK)
		code = id_path(cli, path, "request");
	if (code == CLI_OK) {
		errno = 0;
		int err = text_add(&kept, text, len);
		if (err == 0)
			err = text_add(&kept, request.p, request.len);
		if (err == 0)
			err = file_write(path, 0600, kept.p, kept.len);
		if (err != 0)
			code = cli_fail(cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
	}
	if (code == CLI_OK)
		code = cli_write_out(cli, &request);
	free(text);
	text_free(&request);
	text_free(&kept);
	return code;
}

/* Whether the grant answers our request; its certificates into parts, which borrow from it. */
static int check_grant(const struct cli *cli, const struct armor *grant, const struct armor *asked,
		       const struct invitation *invitation, struct profile_parts *parts)
{
	const struct armor_piece *name = armor_find(grant, KITH_ARMOR_NAME),
				 *issuer = armor_find(grant, KITH_ARMOR_ISSUER);
	const struct armor_piece *own = armor_find(asked, KITH_ARMOR_ENROL);
	struct kith_enrol request;
	struct kith_id network;
	struct kith_name_cert cert;
	if (name == NULL || issuer == NULL || own == NULL)
		return cli_fail(cli, CLI_FAILED, "%s: it holds no grant; expected what kith ca issue --request wrote",
				cli->words[1]);
	kith_network_id(&network, &invitation->root);
	int err = kith_enrol_check(&request, own->bytes, &network, &invitation->issuer, invitation->nonce);
	if (err == 0)
		err = kith_enrol_accept(&cert, name->bytes, &request, &invitation->issuer);
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "the grant does not answer this profile's request: %s",
				kith_strerror(err));
	parts->root = invitation->root;
	parts->name = name->bytes;
	parts->issuer = issuer->bytes;
	parts->lists = grant;
	return CLI_OK;
}

int cli_id_accept(const struct cli *cli)
{
	struct profile_parts parts = { .label = cli->label,
				       .device_days = cli->days > 0 ? cli->days : DEVICE_DAYS,
				       .bootstrap = (const char *const *)cli->bootstrap,
				       .loopback = cli->loopback != 0 };
	struct invitation invitation;
	struct armor grant = { 0 }, asked = { 0 };
	struct kith_secrets secrets;
	char path[PATH_TEXT_MAX], *text = NULL;
	size_t len = 0;
	int code = cli_words(cli, 2, 2, "DIR GRANT");
	if (code == CLI_OK)
		code = id_path(cli, path, "request");
	if (code == CLI_OK && access(path, F_OK) != 0)
		code = cli_fail(cli, CLI_FAILED, "%s: %s; a grant answers a request: make one with kith id request",
				path, strerror(errno));
	if (code == CLI_OK)
		code = read_invitation(cli, path, &invitation, &text, &len);
	if (code == CLI_OK) {
		errno = 0;
		int err = armor_parse(&asked, text, len);
		if (err == 0)
			err = armor_read(&grant, cli->words[1]);
		if (err != 0)
			code = cli_fail(cli, CLI_FAILED, "%s: %s", cli->words[1], file_why(err));
	}
	if (code == CLI_OK)
		code = check_grant(cli, &grant, &asked, &invitation, &parts);
	parts.list_number = profile_list_number_of(cli->words[0]);
	if (code == CLI_OK)
		code = devices_read(cli, cli->words[0], &parts.devices);
	if (code == CLI_OK)
		code = profile_secrets(cli, cli->words[0], &secrets);
	if (code == CLI_OK) {
		code = profile_write(cli, cli->words[0], &secrets, &parts);
		kith_secrets_wipe(&secrets);
	}
	free(text);
	json_decref(parts.devices);
	armor_free(&grant);
	armor_free(&asked);
	if (code != CLI_OK)
		return code;
	char line[PATH_TEXT_MAX + 128];
	(void)snprintf(line, sizeof line, "name: %s\nprofile: %s\n", invitation.name, cli->words[0]);
	return cli_result(cli, json_pack("{s:s, s:s}", "name", invitation.name, "profile", cli->words[0]), line);
}

/* ---- renewal ---- */

static int renew_from(const struct cli *cli, const struct armor *armor, struct profile_parts *parts,
		      struct kith_chain *chain)
{
	const struct armor_piece *piece = armor_find(armor, KITH_ARMOR_CHAIN),
				 *issuer = armor_find(armor, KITH_ARMOR_ISSUER);
	int err = piece == NULL ? KITH_ENOENT : kith_chain_parse(chain, piece->bytes);
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s/chain cannot be used: %s", cli->words[0], kith_strerror(err));
	if (chain->kind == KITH_CHAIN_OPEN || issuer == NULL)
		return cli_fail(cli, CLI_FAILED,
				"%s/chain is of an open network, or lacks the issuer: make a new profile",
				cli->words[0]);
	/* A certificate is what was signed and the signature behind it. */
	parts->name.p = chain->name.s.body.p;
	parts->name.len = chain->name.s.body.len + 64;
	parts->issuer = issuer->bytes;
	parts->lists = armor;
	parts->list_number = profile_list_number(armor);
	return devices_read(cli, cli->words[0], &parts->devices);
}

/* --issuer: a later certificate of the same key takes the place of the one in the profile. */
static int newer_issuer(const struct cli *cli, struct armor *armor, struct profile_parts *parts)
{
	struct kith_issuer_cert held, newer;
	if (cli->issuer == NULL)
		return CLI_OK;
	errno = 0;
	int err = armor_read(armor, cli->issuer);
	const struct armor_piece *piece = err == 0 ? armor_find(armor, KITH_ARMOR_ISSUER) : NULL;
	if (piece == NULL || kith_issuer_cert_parse(&newer, piece->bytes) != 0 ||
	    kith_issuer_cert_parse(&held, parts->issuer) != 0)
		return cli_fail(cli, CLI_FAILED, "--issuer: %s: %s; expected a file with the issuer's certificate",
				cli->issuer,
				err != 0 && err != KITH_EPROTO ? file_why(err) : "it holds no issuer's certificate");
	if (memcmp(held.issuer.b, newer.issuer.b, sizeof held.issuer.b) != 0)
		return cli_fail(
			cli, CLI_FAILED,
			"--issuer: %s is of another key than the one that certified this name; the name needs a "
			"grant of the new issuer: kith ca invite, id request, ca issue, id accept",
			cli->issuer);
	if (newer.serial < held.serial)
		return cli_fail(cli, CLI_FAILED, "--issuer: %s is older than the certificate in the profile",
				cli->issuer);
	parts->issuer = piece->bytes;
	return CLI_OK;
}

int cli_id_renew(const struct cli *cli)
{
	struct profile_parts parts = { .label = cli->label, .device_days = cli->days > 0 ? cli->days : DEVICE_DAYS };
	struct kith_secrets secrets;
	struct kith_chain chain;
	struct armor armor = { 0 }, issuer = { 0 };
	char path[PATH_TEXT_MAX], network[PATH_TEXT_MAX], *text = NULL;
	size_t len;
	int code = cli_words(cli, 1, 1, "DIR");
	if (code == CLI_OK)
		code = id_path(cli, path, "chain");
	if (code == CLI_OK)
		code = id_path(cli, network, "network");
	if (code == CLI_OK) {
		errno = 0;
		int err = armor_read(&armor, path);
		if (err == 0)
			err = file_read(network, &text, &len);
		if (err == 0 && strlen(text) > KITH_KEY_TEXT_LEN)
			text[KITH_KEY_TEXT_LEN] = '\0';
		if (err == 0 && kith_key_parse(parts.root.b, text) != 0)
			err = KITH_EPROTO;
		code = err == 0 ? renew_from(cli, &armor, &parts, &chain)
				: cli_fail(cli, CLI_FAILED,
					   "%s: %s; expected a profile that kith id accept or ca issue completed",
					   text == NULL ? path : network,
					   err == KITH_EPROTO ? "it is damaged, or of an open network" : file_why(err));
	}
	if (code == CLI_OK)
		code = newer_issuer(cli, &issuer, &parts);
	if (code == CLI_OK)
		code = profile_secrets(cli, cli->words[0], &secrets);
	if (code == CLI_OK) {
		code = profile_write(cli, cli->words[0], &secrets, &parts);
		kith_secrets_wipe(&secrets);
	}
	free(text);
	json_decref(parts.devices);
	if (code == CLI_OK) {
		char line[128], date[DATE_TEXT_MAX];
		int64_t until = valid_until(parts.device_days);
		(void)snprintf(line, sizeof line, "device certified until %s\n", date_text(until, date));
		code = cli_result(cli, json_pack("{s:I}", "expires", (json_int_t)until), line);
	}
	armor_free(&armor);
	armor_free(&issuer);
	return code;
}

/* ---- show ---- */

/* "field: value" lines into an object; fields that come again become "field 2" and so on by their order. */
static json_t *lines_json(const char *text)
{
	json_t *object = json_object();
	while (*text != '\0') {
		char field[64], numbered[80];
		size_t line = strcspn(text, "\n");
		const char *colon = memchr(text, ':', line);
		if (colon != NULL) {
			size_t value_at = (size_t)(colon - text) + (colon[1] == ' ' ? 2 : 1);
			(void)snprintf(field, sizeof field, "%.*s", (int)(colon - text), text);
			(void)snprintf(numbered, sizeof numbered, "%s", field);
			for (int i = 2; json_object_get(object, numbered) != NULL; i++)
				(void)snprintf(numbered, sizeof numbered, "%s %d", field, i);
			json_object_set_new(object, numbered, json_stringn(text + value_at, line - value_at));
		}
		text += line + (text[line] == '\n' ? 1 : 0);
	}
	return object;
}

/* Which of a chain's certificates ends first, and what then. */
static void add_end(char words[DESCRIBE_MAX], const struct armor_piece *chain)
{
	char date[DATE_TEXT_MAX];
	size_t len = strlen(words);
	struct chain_end end = chain_end(chain->bytes, NULL, 0);
	if (end.which == NULL)
		return;
	(void)snprintf(words + len, DESCRIBE_MAX - len, "ends first: %s, %s\n", end.which,
		       date_text(end.expires_s, date));
	len = strlen(words);
	if (chain_ends_soon(&end))
		(void)snprintf(words + len, DESCRIBE_MAX - len, "renew: %s\n", chain_advice(&end));
}

int cli_id_show(const struct cli *cli)
{
	struct armor armor = { 0 };
	struct text text = { 0 };
	struct stat st;
	char path[PATH_TEXT_MAX];
	int code = cli_words(cli, 1, 1, "DIR, or FILE");
	if (code != CLI_OK)
		return code;
	bool dir = stat(cli->words[0], &st) == 0 && S_ISDIR(st.st_mode);
	if (dir)
		code = id_path(cli, path, "chain");
	else
		(void)snprintf(path, sizeof path, "%s", cli->words[0]);
	errno = 0;
	int err = code == CLI_OK ? armor_read(&armor, path) : 0;
	if (err != 0)
		code = cli_fail(cli, CLI_FAILED, "%s: %s%s", path,
				err == KITH_EPROTO ? "it holds no armoured text" : file_why(err),
				dir ? "; a profile without a chain waits for its grant (kith id accept)" : "");
	char *words = malloc(DESCRIBE_MAX);
	json_t *list = json_array();
	for (size_t i = 0; code == CLI_OK && words != NULL && i < armor.n; i++) {
		int n = armor.pieces[i].kind == KITH_ARMOR_KEYS
				? KITH_ENOTSUP
				: kith_identity_describe(armor.pieces[i].bytes, words, DESCRIBE_MAX);
		if (n == KITH_ENOTSUP)
			(void)snprintf(words, DESCRIBE_MAX, "type: key file\n");
		else if (n < 0)
			(void)snprintf(words, DESCRIBE_MAX, "type: damaged (%s)\n", kith_strerror(n));
		if (n >= 0 && armor.pieces[i].kind == KITH_ARMOR_CHAIN)
			add_end(words, &armor.pieces[i]);
		json_array_append_new(list, lines_json(words));
		if ((text.len > 0 && text_add(&text, "\n", 1) != 0) || text_add(&text, words, strlen(words)) != 0)
			code = cli_fail(cli, CLI_FAILED, "%s", kith_strerror(KITH_ENOMEM));
	}
	if (code == CLI_OK)
		code = cli_result(cli, json_incref(list), text.p != NULL ? text.p : "");
	json_decref(list);
	free(words);
	text_free(&text);
	armor_free(&armor);
	return code;
}
