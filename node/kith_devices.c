#include "kith_devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LABEL_DEFAULT "main"

/* Whether the profile's chain has a device list. */
static bool has_list(const char *dir)
{
	struct armor armor = { 0 };
	char path[PATH_TEXT_MAX];
	bool has = path_join(path, dir, "chain") == 0 && armor_read(&armor, path) == 0 &&
		   armor_find(&armor, KITH_ARMOR_DEVICES) != NULL;
	armor_free(&armor);
	return has;
}

static bool is_entry(const json_t *entry)
{
	const char *key = json_string_value(json_object_get(entry, "key"));
	struct kith_key parsed;
	return key != NULL && kith_key_parse(parsed.b, key) == 0;
}

static bool is_whole(const json_t *devices)
{
	json_t *entry;
	size_t i;
	json_array_foreach(devices, i, entry)
	{
		if (!is_entry(entry))
			return false;
	}
	return json_is_array(devices) && i <= KITH_DEVICES_MAX;
}

int devices_read(const struct cli *cli, const char *dir, json_t **out)
{
	char path[PATH_TEXT_MAX], *text;
	size_t len;
	*out = NULL;
	if (path_join(path, dir, "devices") != 0)
		return cli_fail(cli, CLI_FAILED, "%s: the path is too long", dir);
	errno = 0;
	int err = file_read(path, &text, &len);
	if (err == KITH_ENOENT && !has_list(dir)) {
		*out = json_array();
		return CLI_OK;
	}
	if (err == KITH_ENOENT)
		return cli_fail(cli, CLI_FAILED,
				"%s is missing; it says which devices there are, and a list without it would leave the "
				"others out: bring it back, or write [] into it to begin with this device alone",
				path);
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s cannot be read: %s", path, file_why(err));
	*out = json_loadb(text, len, 0, NULL);
	free(text);
	if (is_whole(*out))
		return CLI_OK;
	json_decref(*out);
	*out = NULL;
	return cli_fail(cli, CLI_FAILED, "%s is damaged", path);
}

int devices_write(const char *dir, const json_t *devices)
{
	char path[PATH_TEXT_MAX], *text = json_dumps(devices, JSON_INDENT(1) | JSON_SORT_KEYS);
	int err = text == NULL ? KITH_ENOMEM : path_join(path, dir, "devices");
	if (err == 0)
		err = file_write(path, 0600, text, strlen(text));
	free(text);
	return err;
}

json_t *devices_find(const json_t *devices, const struct kith_key *device)
{
	char key[KITH_KEY_TEXT_LEN + 1];
	json_t *entry;
	size_t i;
	(void)kith_key_format(device->b, key);
	json_array_foreach(devices, i, entry)
	{
		if (strcmp(json_string_value(json_object_get(entry, "key")), key) == 0)
			return entry;
	}
	return NULL;
}

static json_int_t highest_number(const json_t *devices)
{
	json_int_t highest = 0;
	json_t *entry;
	size_t i;
	json_array_foreach(devices, i, entry)
	{
		json_int_t number = json_integer_value(json_object_get(entry, "number"));
		if (number > highest)
			highest = number;
	}
	return highest;
}

int devices_join(json_t *devices, const struct kith_key *device, const char *label, int64_t expires_s)
{
	char key[KITH_KEY_TEXT_LEN + 1];
	json_t *entry = devices_find(devices, device);
	if (entry == NULL && json_array_size(devices) >= KITH_DEVICES_MAX)
		return KITH_EFULL;
	if (entry == NULL) {
		entry = json_pack("{s:s, s:s, s:I}", "key", kith_key_format(device->b, key), "label", LABEL_DEFAULT,
				  "number", highest_number(devices) + 1);
		json_array_append_new(devices, entry);
	}
	if (label != NULL)
		json_object_set_new(entry, "label", json_string(label));
	json_object_set_new(entry, "expires", json_integer((json_int_t)expires_s));
	return 0;
}

int devices_sign(const json_t *devices, uint64_t last, const struct kith_seed *identity,
		 uint8_t out[KITH_DEVICES_LEN_MAX])
{
	struct kith_key keys[KITH_DEVICES_MAX];
	struct timespec now;
	uint64_t number = 0;
	json_t *entry;
	size_t i;
	json_array_foreach(devices, i, entry)
	{
		const char *key = json_string_value(json_object_get(entry, "key"));
		if (i == KITH_DEVICES_MAX || key == NULL || kith_key_parse(keys[i].b, key) != 0)
			return KITH_EINVAL;
	}
	if (clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec > 0)
		number = (uint64_t)now.tv_sec / 60 * 60 * 1000; /* everybody reads it: the minute will do */
	/* A last number that is ahead was given by a clock that was wrong: nobody took that list, so we begin again. */
	if (number <= last && last <= number + KITH_CLOCK_TOLERANCE_MS)
		number = last + 1;
	return kith_devices_make(out, number, keys, i, identity);
}
