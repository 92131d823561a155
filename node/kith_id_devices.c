/* kith id devices: which devices an identity has. Its list is signed and numbered, and stands in the profile's chain;
 * what the devices are called and until when they are certified stands in the file "devices" beside it (JSON), since a
 * list holds keys only. The list counts, that file is for people. */
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
	struct profile_list list;
	json_t *named; /* of DIR/devices */
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

static int read_named(struct holder *h)
{
	char path[PATH_TEXT_MAX], *text;
	size_t len;
	int code = holder_path(h, path, "devices");
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = file_read(path, &text, &len);
	if (err == KITH_ENOENT) {
		h->named = json_array();
		return CLI_OK;
	}
	if (err != 0)
		return cli_fail(h->cli, CLI_FAILED, "%s cannot be read: %s", path, file_why(err));
	h->named = json_loadb(text, len, 0, NULL);
	free(text);
	return json_is_array(h->named) ? CLI_OK : cli_fail(h->cli, CLI_FAILED, "%s is damaged", path);
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
		code = read_named(h);
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
	profile_list_read(&h->armor, &h->list);
	return CLI_OK;
}

static void holder_close(struct holder *h)
{
	armor_free(&h->armor);
	json_decref(h->named);
}

/* ---- what the devices are called ---- */

static json_t *named(const struct holder *h, const char *key)
{
	json_t *entry;
	size_t i;
	json_array_foreach(h->named, i, entry)
	{
		const char *its = json_string_value(json_object_get(entry, "key"));
		if (its != NULL && strcmp(its, key) == 0)
			return entry;
	}
	return NULL;
}

static int save_named(const struct holder *h)
{
	char path[PATH_TEXT_MAX];
	int code = holder_path(h, path, "devices");
	char *text = code == CLI_OK ? json_dumps(h->named, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = text == NULL ? KITH_ENOMEM : file_write(path, 0600, text, strlen(text));
	free(text);
	return err == 0 ? CLI_OK : cli_fail(h->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
}

/* Of a device that is in the list: {key, label, number, expires, own}; what nobody wrote down is left out. */
static json_t *entry_of(const struct holder *h, const struct kith_key *device)
{
	char key[KITH_KEY_TEXT_LEN + 1];
	json_t *known = named(h, kith_key_format(device->b, key)), *entry;
	bool own = memcmp(device->b, h->chain.device.sign.b, sizeof device->b) == 0;
	entry = json_pack("{s:s, s:b}", "key", key, "own", own);
	if (own)
		known = NULL;
	if (own)
		json_object_update_new(entry, json_pack("{s:s, s:I, s:I}", "label", h->chain.device.label, "number",
							(json_int_t)h->chain.device.number, "expires",
							(json_int_t)h->chain.device.expires_s));
	if (known != NULL)
		json_object_update(entry, known);
	return entry;
}

static json_int_t highest_number(const struct holder *h)
{
	json_int_t highest = (json_int_t)h->chain.device.number;
	json_t *entry;
	size_t i;
	json_array_foreach(h->named, i, entry)
	{
		json_int_t number = json_integer_value(json_object_get(entry, "number"));
		if (number > highest)
			highest = number;
	}
	return highest;
}

/* ---- list ---- */

static int devices_list(struct holder *h)
{
	struct text text = { 0 };
	char line[256], date[DATE_TEXT_MAX];
	json_t *all = json_array(), *entry;
	size_t i;
	for (i = 0; i < h->list.n; i++)
		json_array_append_new(all, entry_of(h, &h->list.keys[i]));
	json_array_foreach(all, i, entry)
	{
		const char *label = json_string_value(json_object_get(entry, "label"));
		json_int_t expires = json_integer_value(json_object_get(entry, "expires"));
		int n = snprintf(line, sizeof line, "%4lld  %-16s  %s  until %s%s\n",
				 (long long)json_integer_value(json_object_get(entry, "number")),
				 label != NULL ? label : "?", json_string_value(json_object_get(entry, "key")),
				 expires > 0 ? date_text(expires, date) : "?",
				 json_is_true(json_object_get(entry, "own")) ? "  this one" : "");
		if (text_add(&text, line, (size_t)n) != 0)
			break;
	}
	int code =
		cli_result(h->cli, json_pack("{s:I, s:o}", "list_number", (json_int_t)h->list.number, "devices", all),
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
	profile_list_read(&armor, &h->list);
	armor_free(&armor);
	return code;
}

static int devices_add(struct holder *h)
{
	const struct cli *cli = h->cli;
	const char *to = cli->words[2];
	char key[KITH_KEY_TEXT_LEN + 1], line[PATH_TEXT_MAX + 160];
	struct kith_secrets secrets;
	struct kith_key dh, sign;
	struct kith_seed device;
	struct profile_parts parts = { .root = h->root,
				       .issuer = armor_find(&h->armor, KITH_ARMOR_ISSUER)->bytes,
				       .name = { h->chain.name.s.body.p, h->chain.name.s.body.len + 64 },
				       .lists = &h->armor,
				       .label = cli->label != NULL ? cli->label : DEVICE_LABEL_DEFAULT,
				       .device_days = cli->days > 0 ? cli->days : DEVICE_DAYS,
				       .device_number = (uint32_t)(highest_number(h) + 1),
				       .list = h->list };
	if (h->list.n == KITH_DEVICES_MAX)
		return cli_fail(cli, CLI_FAILED, "an identity has at most %d devices: remove one", KITH_DEVICES_MAX);
	int code = profile_secrets(cli, h->dir, &secrets);
	if (code == CLI_OK)
		code = profile_new_device_key(cli, to, &secrets);
	if (code == CLI_OK)
		code = copy_bootstrap(h, to);
	if (code == CLI_OK)
		code = profile_write(cli, to, &secrets, &parts);
	(void)kith_secrets_get(&secrets, KITH_SECRET_DEVICE, &device);
	kith_seed_device(&dh, &sign, &device);
	explicit_bzero(&device, sizeof device);
	kith_secrets_wipe(&secrets);
	if (code != CLI_OK)
		return code;
	int64_t until = valid_until(parts.device_days);
	json_array_append_new(h->named, json_pack("{s:s, s:s, s:I, s:I}", "key", kith_key_format(sign.b, key), "label",
						  parts.label, "number", (json_int_t)parts.device_number, "expires",
						  (json_int_t)until));
	code = save_named(h);
	if (code == CLI_OK)
		code = adopt_list(h, to);
	if (code != CLI_OK)
		return code;
	(void)snprintf(line, sizeof line, "%s: device %u, profile %s: move it to the device\nlist: %llu\n", key,
		       parts.device_number, to, (unsigned long long)h->list.number);
	return cli_result(cli,
			  json_pack("{s:s, s:I, s:s, s:I}", "key", key, "number", (json_int_t)parts.device_number,
				    "profile", to, "list_number", (json_int_t)h->list.number),
			  line);
}

/* The place in the list of what is meant: a key, a number or a label. n: nothing, or several. */
static size_t find_meant(const struct holder *h, const char *meant)
{
	size_t found = h->list.n, hits = 0;
	for (size_t i = 0; i < h->list.n; i++) {
		char number[32];
		json_t *entry = entry_of(h, &h->list.keys[i]);
		const char *label = json_string_value(json_object_get(entry, "label"));
		(void)snprintf(number, sizeof number, "%lld",
			       (long long)json_integer_value(json_object_get(entry, "number")));
		if (strcmp(json_string_value(json_object_get(entry, "key")), meant) == 0 ||
		    strcmp(number, meant) == 0 || (label != NULL && strcmp(label, meant) == 0)) {
			found = i;
			hits++;
		}
		json_decref(entry);
	}
	return hits == 1 ? found : h->list.n;
}

static int devices_remove(struct holder *h)
{
	const struct cli *cli = h->cli;
	char key[KITH_KEY_TEXT_LEN + 1], line[PATH_TEXT_MAX + 256];
	uint8_t bytes[KITH_DEVICES_LEN_MAX];
	struct kith_secrets secrets;
	struct kith_seed identity;
	size_t at = find_meant(h, cli->words[2]);
	if (at == h->list.n)
		return cli_fail(cli, CLI_NOT_FOUND,
				"%s: no device, or more than one, is called so; kith id devices list shows them",
				cli->words[2]);
	struct kith_key gone = h->list.keys[at];
	if (memcmp(gone.b, h->chain.device.sign.b, sizeof gone.b) == 0)
		return cli_fail(cli, CLI_FAILED,
				"that is the device of this profile; remove it from the profile of another one");
	int code = profile_secrets(cli, h->dir, &secrets);
	if (code != CLI_OK)
		return code;
	(void)kith_secrets_get(&secrets, KITH_SECRET_IDENTITY, &identity);
	kith_secrets_wipe(&secrets);
	h->list.keys[at] = h->list.keys[--h->list.n];
	int len = profile_list_sign(&h->list, &identity, bytes);
	explicit_bzero(&identity, sizeof identity);
	if (len < 0)
		return cli_fail(cli, CLI_FAILED, "the list cannot be made: %s", kith_strerror(len));
	code = put_list(h, (struct kith_span){ bytes, (size_t)len });
	if (code != CLI_OK)
		return code;
	(void)kith_key_format(gone.b, key);
	json_t *entry;
	size_t i;
	json_array_foreach(h->named, i, entry)
	{
		if (entry == named(h, key))
			break;
	}
	if (i < json_array_size(h->named))
		json_array_remove(h->named, i);
	code = save_named(h);
	if (code != CLI_OK)
		return code;
	struct kith_devices list = { 0 };
	if (kith_devices_parse(&list, (struct kith_span){ bytes, (size_t)len }) != 0)
		return cli_fail(cli, CLI_FAILED, "the list that was made cannot be read");
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
