/* kith id devices: which devices an identity has, as the profile's file "devices" has them (kith_devices.h). Their list
 * is signed from it, and numbered, and stands in the profile's chain. */
#include "kith_profile.h"

#include "expiry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The profile that the identity's holder keeps. */
struct holder {
	const struct cli *cli;
	const char *dir;
	struct armor armor; /* of DIR/chain */
	struct kith_chain chain;
	struct kith_key root;
	uint64_t list_number;
	json_t *devices; /* of DIR/devices */
};

static int holder_path(const struct holder *h, char out[PATH_TEXT_MAX], const char *file)
{
	return path_join(out, h->dir, file) == 0 ? CLI_OK
						 : cli_fail(h->cli, CLI_FAILED, "%s: the path is too long", h->dir);
}

static int read_root(struct holder *h)
{
	char path[PATH_TEXT_MAX], *text = NULL;
	size_t len;
	int code = holder_path(h, path, "network");
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = file_read(path, &text, &len);
	if (err == 0) {
		text[strcspn(text, "\r\n")] = '\0';
		err = kith_key_parse(h->root.b, text) == 0 ? 0 : KITH_EPROTO;
	}
	free(text);
	return err == 0 ? CLI_OK
			: cli_fail(h->cli, CLI_FAILED, "%s: %s", path,
				   err == KITH_EPROTO ? "an open network has no device lists" : file_why(err));
}

static int holder_open(struct holder *h, const struct cli *cli)
{
	char path[PATH_TEXT_MAX];
	memset(h, 0, sizeof *h);
	h->cli = cli;
	h->dir = cli->words[1];
	int code = holder_path(h, path, "chain");
	if (code == CLI_OK)
		code = read_root(h);
	if (code == CLI_OK)
		code = devices_read(cli, h->dir, &h->devices);
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = armor_read(&h->armor, path);
	const struct armor_piece *chain = err == 0 ? armor_find(&h->armor, KITH_ARMOR_CHAIN) : NULL;
	if (err == 0)
		err = chain == NULL ? KITH_EPROTO : kith_chain_parse(&h->chain, chain->bytes);
	if (err == 0 && (h->chain.kind == KITH_CHAIN_OPEN || armor_find(&h->armor, KITH_ARMOR_ISSUER) == NULL))
		err = KITH_EPROTO;
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s: %s; expected a profile that kith id accept or ca issue completed",
				path, file_why(err));
	h->list_number = profile_list_number(&h->armor);
	return CLI_OK;
}

static void holder_close(struct holder *h)
{
	armor_free(&h->armor);
	json_decref(h->devices);
}

static bool is_own(const struct holder *h, const json_t *entry)
{
	return devices_find(h->devices, &h->chain.device.sign) == entry;
}

/* ---- list ---- */

static int devices_list(struct holder *h)
{
	struct text text = { 0 };
	char line[256], date[DATE_TEXT_MAX];
	json_t *all = json_deep_copy(h->devices), *entry;
	size_t i;
	json_array_foreach(all, i, entry)
	{
		bool own = is_own(h, json_array_get(h->devices, i));
		const char *label = json_string_value(json_object_get(entry, "label"));
		if (own) /* a running node renews it */
			json_object_set_new(entry, "expires", json_integer(h->chain.device.expires_s));
		json_int_t expires = json_integer_value(json_object_get(entry, "expires"));
		json_object_set_new(entry, "own", json_boolean(own));
		int n = snprintf(line, sizeof line, "%4lld  %-16s  %s  until %s%s\n",
				 (long long)json_integer_value(json_object_get(entry, "number")),
				 label != NULL ? label : "?", json_string_value(json_object_get(entry, "key")),
				 expires > 0 ? date_text(expires, date) : "?", own ? "  this one" : "");
		if (text_add(&text, line, (size_t)n) != 0)
			break;
	}
	int code =
		cli_result(h->cli, json_pack("{s:I, s:o}", "list_number", (json_int_t)h->list_number, "devices", all),
			   text.p != NULL ? text.p : "");
	text_free(&text);
	return code;
}

/* ---- a new list ---- */

/* DIR/chain with another list in it; everything else stays. */
static int put_list(const struct holder *h, struct kith_span list)
{
	struct text text = { 0 };
	char path[PATH_TEXT_MAX];
	int code = holder_path(h, path, "chain"), err = 0;
	for (size_t i = 0; err == 0 && i < h->armor.n; i++) {
		const struct armor_piece *piece = &h->armor.pieces[i];
		if (piece->kind == KITH_ARMOR_DEVICES)
			continue;
		err = text_add_armor(&text, piece->kind, piece->bytes);
		if (err == 0 && piece->kind == KITH_ARMOR_CHAIN)
			err = text_add_armor(&text, KITH_ARMOR_DEVICES, list);
	}
	errno = 0;
	if (err == 0 && code == CLI_OK)
		err = file_write(path, 0644, text.p, text.len);
	text_free(&text);
	return err == 0 || code != CLI_OK
		       ? code
		       : cli_fail(h->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
}

static int copy_bootstrap(const struct holder *h, const char *to)
{
	char from[PATH_TEXT_MAX], path[PATH_TEXT_MAX], *text;
	size_t len;
	int code = holder_path(h, from, "bootstrap");
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = path_join(path, to, "bootstrap");
	if (err == 0)
		err = file_read(from, &text, &len);
	if (err == KITH_ENOENT)
		return CLI_OK;
	if (err == 0) {
		err = file_write(path, 0644, text, len);
		free(text);
	}
	return err == 0 ? CLI_OK : cli_fail(h->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
}

/* The new device's list is the holder's as well. */
static int adopt_list(struct holder *h, const char *from)
{
	struct armor armor = { 0 };
	char path[PATH_TEXT_MAX];
	errno = 0;
	int err = path_join(path, from, "chain");
	if (err == 0)
		err = armor_read(&armor, path);
	const struct armor_piece *list = err == 0 ? armor_find(&armor, KITH_ARMOR_DEVICES) : NULL;
	int code =
		list != NULL ? put_list(h, list->bytes) : cli_fail(h->cli, CLI_FAILED, "%s: %s", path, file_why(err));
	h->list_number = profile_list_number(&armor);
	armor_free(&armor);
	return code;
}

static int save_devices(const struct holder *h)
{
	errno = 0;
	int err = devices_write(h->dir, h->devices);
	return err == 0 ? CLI_OK
			: cli_fail(h->cli, CLI_FAILED, "%s/devices cannot be written: %s", h->dir, file_why(err));
}

static int devices_add(struct holder *h)
{
	const struct cli *cli = h->cli;
	const char *to = cli->words[2];
	char line[PATH_TEXT_MAX + 160];
	struct kith_secrets secrets;
	struct profile_parts parts = { .root = h->root,
				       .issuer = armor_find(&h->armor, KITH_ARMOR_ISSUER)->bytes,
				       .name = { h->chain.name.s.body.p, h->chain.name.s.body.len + 64 },
				       .lists = &h->armor,
				       .label = cli->label,
				       .device_days = cli->days > 0 ? cli->days : DEVICE_DAYS,
				       .devices = h->devices,
				       .list_number = h->list_number };
	const size_t before = json_array_size(h->devices);
	if (before == KITH_DEVICES_MAX)
		return cli_fail(cli, CLI_FAILED, "an identity has at most %d devices: remove one", KITH_DEVICES_MAX);
	int code = profile_secrets(cli, h->dir, &secrets);
	if (code == CLI_OK)
		code = profile_new_device_key(cli, to, &secrets);
	if (code == CLI_OK)
		code = copy_bootstrap(h, to);
	if (code == CLI_OK)
		code = profile_write(cli, to, &secrets, &parts);
	kith_secrets_wipe(&secrets);
	if (code == CLI_OK)
		code = save_devices(h);
	if (code == CLI_OK)
		code = adopt_list(h, to);
	if (code != CLI_OK)
		return code;
	const json_t *entry = json_array_get(h->devices, before);
	const char *key = json_string_value(json_object_get(entry, "key"));
	const json_int_t number = json_integer_value(json_object_get(entry, "number"));
	(void)snprintf(line, sizeof line, "%s: device %lld, profile %s: move it to the device\nlist: %llu\n", key,
		       (long long)number, to, (unsigned long long)h->list_number);
	return cli_result(cli,
			  json_pack("{s:s, s:I, s:s, s:I}", "key", key, "number", number, "profile", to, "list_number",
				    (json_int_t)h->list_number),
			  line);
}

/* The place among the devices of what is meant: a key, a number or a label. n: nothing, or several. */
static size_t find_meant(const struct holder *h, const char *meant)
{
	size_t found = 0, hits = 0, i;
	json_t *entry;
	json_array_foreach(h->devices, i, entry)
	{
		char number[32];
		const char *label = json_string_value(json_object_get(entry, "label"));
		(void)snprintf(number, sizeof number, "%lld",
			       (long long)json_integer_value(json_object_get(entry, "number")));
		if (strcmp(json_string_value(json_object_get(entry, "key")), meant) == 0 ||
		    strcmp(number, meant) == 0 || (label != NULL && strcmp(label, meant) == 0)) {
			found = i;
			hits++;
		}
	}
	return hits == 1 ? found : json_array_size(h->devices);
}

static int devices_remove(struct holder *h)
{
	const struct cli *cli = h->cli;
	char key[KITH_KEY_TEXT_LEN + 1], line[PATH_TEXT_MAX + 256];
	uint8_t bytes[KITH_DEVICES_LEN_MAX];
	struct kith_devices list = { 0 };
	struct kith_secrets secrets;
	struct kith_seed identity;
	size_t at = find_meant(h, cli->words[2]);
	const json_t *entry = json_array_get(h->devices, at);
	if (entry == NULL)
		return cli_fail(cli, CLI_NOT_FOUND,
				"%s: no device, or more than one, is called so; kith id devices list shows them",
				cli->words[2]);
	if (is_own(h, entry))
		return cli_fail(cli, CLI_FAILED,
				"that is the device of this profile; remove it from the profile of another one");
	(void)snprintf(key, sizeof key, "%s", json_string_value(json_object_get(entry, "key")));
	int code = profile_secrets(cli, h->dir, &secrets);
	if (code != CLI_OK)
		return code;
	(void)kith_secrets_get(&secrets, KITH_SECRET_IDENTITY, &identity);
	kith_secrets_wipe(&secrets);
	json_array_remove(h->devices, at);
	int len = devices_sign(h->devices, h->list_number, &identity, bytes);
	explicit_bzero(&identity, sizeof identity);
	if (len < 0 || kith_devices_parse(&list, (struct kith_span){ bytes, (size_t)len }) != 0)
		return cli_fail(cli, CLI_FAILED, "the list cannot be made: %s", kith_strerror(len));
	code = save_devices(h); /* first: whoever is left out stays so, whatever comes between */
	if (code == CLI_OK)
		code = put_list(h, (struct kith_span){ bytes, (size_t)len });
	if (code != CLI_OK)
		return code;
	(void)snprintf(line, sizeof line,
		       "removed: %s\nlist: %llu; it counts once a node with the profile %s has started anew and "
		       "published it\n",
		       key, (unsigned long long)list.number, h->dir);
	return cli_result(cli, json_pack("{s:s, s:I}", "removed", key, "list_number", (json_int_t)list.number), line);
}

int cli_id_devices(const struct cli *cli)
{
	static const char usage[] = "list DIR, or add DIR NEW, or remove DIR KEY|NUMBER|LABEL";
	struct holder h;
	const char *verb = cli->words_n > 0 ? cli->words[0] : "";
	bool list = strcmp(verb, "list") == 0, add = strcmp(verb, "add") == 0;
	if (!list && !add && strcmp(verb, "remove") != 0)
		return cli_fail(cli, CLI_USAGE, "expected: kith id devices %s", usage);
	int code = cli_words(cli, list ? 2 : 3, list ? 2 : 3, usage);
	if (code == CLI_OK && !add && (cli->label != NULL || cli->days > 0))
		code = cli_fail(cli, CLI_USAGE, "--label and --days are for kith id devices add");
	if (code != CLI_OK)
		return code;
	code = holder_open(&h, cli);
	if (code == CLI_OK)
		code = list ? devices_list(&h) : add ? devices_add(&h) : devices_remove(&h);
	holder_close(&h);
	return code;
}
