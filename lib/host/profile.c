/* Profiles: the directory that says who a node is (<kith/keyfile.h> describes its files). */
#include "host/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "crypto/suite.h"

enum {
	FILE_MAX = 256 * 1024, /* certificates, and revocation lists of 16 KiB */
	OPEN_YEARS = 10,
	DAY_S = 86400
};

struct place {
	const char *dir;
	char *why;
	size_t cap;
};

static int complain(const struct place *at, const char *file, int err, const char *text)
{
	if (at->why != NULL && at->cap > 0)
		(void)snprintf(at->why, at->cap, "%s/%s: %s", at->dir, file, text != NULL ? text : kith_strerror(err));
	return err;
}

static bool join_path(char out[KITH_PROFILE_PATH_MAX], const char *dir, const char *file)
{
	int n = snprintf(out, KITH_PROFILE_PATH_MAX, "%s/%s", dir, file);
	return n > 0 && n < KITH_PROFILE_PATH_MAX;
}

/* The whole file with a NUL behind it; free *cap bytes. */
static int read_text(const struct place *at, const char *file, char **out, size_t *cap)
{
	const struct kith_alloc *alloc = kith_system_alloc();
	char path[KITH_PROFILE_PATH_MAX];
	uint8_t *bytes;
	size_t len;
	*out = NULL;
	*cap = 0;
	if (!join_path(path, at->dir, file))
		return complain(at, file, KITH_EINVAL, "the path is too long");
	int err = kith_file_read(AT_FDCWD, path, FILE_MAX, alloc, &bytes, &len);
	if (err != 0)
		return complain(at, file, err, NULL);
	char *text = kith_alloc_resize(alloc, bytes, len, len + 1);
	if (text == NULL) {
		kith_alloc_free(alloc, bytes, len);
		return complain(at, file, KITH_ENOMEM, NULL);
	}
	text[len] = '\0';
	*out = text;
	*cap = len + 1;
	return 0;
}

static void free_text(char *text, size_t cap)
{
	kith_alloc_free(kith_system_alloc(), text, cap);
}

static int load_network(struct kith_node_options *o, struct kith_profile *p, const struct place *at)
{
	struct kith_id id;
	char *text;
	size_t cap;
	int err = read_text(at, "network", &text, &cap);
	if (err != 0)
		return err;
	text[strcspn(text, "\r\n")] = '\0';
	if (strncmp(text, "open ", 5) == 0 && kith_network_id_open(&id, text + 5) == 0) {
		o->has_root = false;
		memcpy(p->open_label, text + 5, strlen(text + 5) + 1);
		o->open_label = p->open_label;
	} else if (kith_key_parse(o->root.b, text) == 0) {
		o->has_root = true;
	} else {
		err = complain(at, "network", KITH_EPROTO,
			       "must be a root key of 52 characters, or \"open\" and a label");
	}
	free_text(text, cap);
	return err;
}

static int keep(struct kith_span spans[KITH_PROFILE_SPANS_MAX], size_t *n, const uint8_t *bytes, size_t len)
{
	if (*n == KITH_PROFILE_SPANS_MAX)
		return KITH_EFULL;
	uint8_t *copy = kith_alloc_zero(kith_system_alloc(), len);
	if (copy == NULL)
		return KITH_ENOMEM;
	memcpy(copy, bytes, len);
	spans[*n].p = copy;
	spans[*n].len = len;
	(*n)++;
	return 0;
}

/* One block of the chain file. */
static int take_block(struct kith_node_options *o, struct kith_profile *p, enum kith_armor kind, const uint8_t *bytes,
		      size_t len)
{
	switch (kind) {
	case KITH_ARMOR_CHAIN:
		if (o->chain.len > 0 || len > sizeof p->chain)
			return KITH_EPROTO;
		memcpy(p->chain, bytes, len);
		o->chain.p = p->chain;
		o->chain.len = len;
		return 0;
	case KITH_ARMOR_DEVICES:
		if (o->devices.len > 0 || len > sizeof p->devices)
			return KITH_EPROTO;
		memcpy(p->devices, bytes, len);
		o->devices.p = p->devices;
		o->devices.len = len;
		return 0;
	case KITH_ARMOR_ISSUER:
		return keep(p->issuers, &p->issuers_n, bytes, len);
	case KITH_ARMOR_REVOCATION:
	case KITH_ARMOR_LOG_HEAD:
	case KITH_ARMOR_PARAMS:
		return keep(p->revocations, &p->revocations_n, bytes, len);
	case KITH_ARMOR_NAME:
	case KITH_ARMOR_DEVICE:
	case KITH_ARMOR_ENROL:
	case KITH_ARMOR_KEYS:
		break;
	}
	return KITH_EPROTO;
}

static int load_chain(struct kith_node_options *o, struct kith_profile *p, const struct place *at)
{
	uint8_t bytes[KITH_REVOCATION_LEN_MAX];
	struct kith_chain parsed;
	char *text;
	size_t cap, used;
	int err = read_text(at, "chain", &text, &cap);
	if (err != 0)
		return err;
	o->chain.len = o->devices.len = 0;
	for (const char *rest = text; err == 0; rest += used) {
		enum kith_armor kind;
		int n = kith_armor_decode(&kind, bytes, sizeof bytes, rest, strlen(rest), &used);
		if (n == KITH_ENOENT)
			break;
		err = n < 0 ? n : take_block(o, p, kind, bytes, (size_t)n);
	}
	free_text(text, cap);
	if (err == 0)
		err = o->chain.len == 0 ? KITH_EPROTO : kith_chain_parse(&parsed, o->chain);
	o->issuers = p->issuers;
	o->issuers_n = p->issuers_n;
	o->revocations = p->revocations;
	o->revocations_n = p->revocations_n;
	return err == 0 ? 0
			: complain(at, "chain", err,
				   err == KITH_EPROTO ? "must hold one CHAIN in armour, and lists" : NULL);
}

/* One line of the bootstrap file, which p->text keeps. */
static int take_bootstrap_line(struct kith_node_options *o, struct kith_profile *p, const char *line)
{
	if (strcmp(line, "loopback") == 0) {
		p->loopback = p->loopback || !o->allow_loopback;
		o->allow_loopback = true;
		return 0;
	}
	if (!kith_bootstrap_valid(line))
		return KITH_EPROTO;
	if (p->lines_n == KITH_RESOLVE_ENTRIES_MAX)
		return KITH_EFULL;
	p->lines[p->lines_n++] = line;
	return 0;
}

static int load_bootstrap(struct kith_node_options *o, struct kith_profile *p, const struct place *at)
{
	int err = read_text(at, "bootstrap", &p->text, &p->text_len);
	if (err != 0)
		return err == KITH_ENOENT ? 0 : err;
	char *next = p->text;
	for (unsigned number = 1; next != NULL && err == 0; number++) {
		char why[112], *line = next + strspn(next, " \t");
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		if (*line != '\0' && *line != '#')
			err = take_bootstrap_line(o, p, line);
		(void)snprintf(why, sizeof why, "line %u: %s", number,
			       err == KITH_EFULL
				       ? "too many hosts"
				       : "a line must be host:port, and a key of 52 characters if any; or loopback");
		if (err != 0)
			err = complain(at, "bootstrap", err, why);
	}
	o->bootstrap = p->lines;
	o->bootstrap_n = p->lines_n;
	return err;
}

/* Whether the caller's struct has the member that owns things: it is the last of the first version. */
static bool knows_profiles(const struct kith_node_options *o)
{
	return o != NULL && o->size >= offsetof(struct kith_node_options, profile) + sizeof o->profile;
}

static bool knows_chain_path(const struct kith_node_options *o)
{
	return o->size >= offsetof(struct kith_node_options, chain_path) + sizeof o->chain_path;
}

struct kith_profile *kith_profile_of(struct kith_node_options *o)
{
	if (!knows_profiles(o))
		return NULL;
	if (o->profile == NULL)
		o->profile = kith_alloc_zero(kith_system_alloc(), sizeof *o->profile);
	return o->profile;
}

const char *kith_profile_keep(struct kith_profile *p, const char *text)
{
	size_t len = strlen(text) + 1;
	struct kith_owned *owned = kith_alloc_zero(kith_system_alloc(), sizeof *owned + len);
	if (owned == NULL)
		return NULL;
	owned->len = len;
	owned->next = p->owned;
	p->owned = owned;
	memcpy(owned->bytes, text, len);
	return (const char *)owned->bytes;
}

int kith_node_options_load(struct kith_node_options *o, const char *dir, char *why, size_t cap)
{
	struct place at = { dir, why, cap };
	if (why != NULL && cap > 0)
		why[0] = '\0';
	if (dir == NULL || !knows_profiles(o))
		return KITH_EINVAL;
	kith_node_options_deinit(o);
	struct kith_profile *p = kith_profile_of(o);
	if (p == NULL)
		return KITH_ENOMEM;
	int err = join_path(p->key_path, dir, "key") && join_path(p->chain_path, dir, "chain") &&
				  join_path(p->state_dir, dir, "state")
			  ? 0
			  : complain(&at, "key", KITH_EINVAL, "the path is too long");
	if (err == 0)
		err = load_network(o, p, &at);
	if (err == 0)
		err = load_chain(o, p, &at);
	if (err == 0)
		err = load_bootstrap(o, p, &at);
	if (err != 0) {
		kith_node_options_deinit(o);
		return err;
	}
	o->key_path = p->key_path;
	if (knows_chain_path(o))
		o->chain_path = p->chain_path;
	o->state_dir = p->state_dir;
	return 0;
}

void kith_node_options_deinit(struct kith_node_options *o)
{
	const struct kith_alloc *alloc = kith_system_alloc();
	if (!knows_profiles(o))
		return;
	struct kith_profile *p = o->profile;
	kith_wipe(&o->device, sizeof o->device);
	o->has_device = false;
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->issuers_n; i++)
		(void)alloc->realloc_fn(alloc->ctx, (void *)(uintptr_t)p->issuers[i].p, p->issuers[i].len, 0);
	for (size_t i = 0; i < p->revocations_n; i++)
		(void)alloc->realloc_fn(alloc->ctx, (void *)(uintptr_t)p->revocations[i].p, p->revocations[i].len, 0);
	free_text(p->text, p->text_len);
	if (p->loopback)
		o->allow_loopback = false;
	if (o->log == &p->log)
		o->log = NULL;
	while (p->owned != NULL) {
		struct kith_owned *next = p->owned->next;
		kith_alloc_free(alloc, p->owned, sizeof *p->owned + p->owned->len);
		p->owned = next;
	}
	KITH_FREE(alloc, p);
	o->profile = NULL;
	o->open_label = NULL;
	o->key_path = o->state_dir = NULL;
	if (knows_chain_path(o))
		o->chain_path = NULL;
	if (o->size >= offsetof(struct kith_node_options, turn_n) + sizeof o->turn_n)
		o->turn_n = 0;
	o->chain.len = o->devices.len = 0;
	o->bootstrap_n = o->issuers_n = o->revocations_n = 0;
}

/* ---- making one ---- */

/* Writes text to a file that must not exist yet. */
static int write_text(const char *dir, const char *file, const char *text)
{
	char path[KITH_PROFILE_PATH_MAX];
	if (!join_path(path, dir, file))
		return KITH_EINVAL;
	return kith_file_replace(AT_FDCWD, path, (struct kith_span){ (const uint8_t *)text, strlen(text) }, false);
}

/* A device of an identity, certified by itself. Returns the chain's length. */
static int make_open_chain(uint8_t chain[KITH_CHAIN_MAX], const struct kith_id *network,
			   const struct kith_seed *identity, const struct kith_seed *device)
{
	uint8_t cert[KITH_CERT_MAX];
	struct kith_device_cert d;
	struct kith_key pk;
	memset(&d, 0, sizeof d);
	kith_seed_public(&pk, identity);
	kith_seed_device(&d.dh, &d.sign, device);
	d.not_before_s = kith_clock_unix_ms() / 1000 / DAY_S * DAY_S; /* its records are public */
	d.expires_s = d.not_before_s + (int64_t)OPEN_YEARS * 365 * DAY_S;
	int n = kith_device_cert_make(cert, &d, identity);
	return n < 0 ? n : kith_chain_make_open(chain, network, &pk, (struct kith_span){ cert, (size_t)n });
}

static int write_open_chain(const char *dir, const struct kith_id *network, const struct kith_seed *identity,
			    const struct kith_seed *device)
{
	uint8_t chain[KITH_CHAIN_MAX];
	char text[2048];
	int n = make_open_chain(chain, network, identity, device);
	if (n > 0)
		n = kith_armor_encode(text, sizeof text, KITH_ARMOR_CHAIN, (struct kith_span){ chain, (size_t)n });
	return n < 0 ? n : write_text(dir, "chain", text);
}

static int write_profile(const char *dir, const char *label, const char *pass, size_t pass_len, uint32_t mem_mib,
			 const struct kith_secrets *secrets)
{
	char path[KITH_PROFILE_PATH_MAX], line[KITH_NETWORK_LABEL_MAX + 16];
	struct kith_seed identity, device;
	struct kith_id network;
	int err = kith_network_id_open(&network, label);
	if (err == 0 && mkdir(dir, 0700) != 0 && errno != EEXIST)
		err = kith_system_err(errno);
	if (err == 0)
		err = join_path(path, dir, "key")
			      ? kith_keyfile_write_within(path, secrets, pass, pass_len, false, mem_mib)
			      : KITH_EINVAL;
	if (err != 0)
		return err;
	(void)kith_secrets_get(secrets, KITH_SECRET_IDENTITY, &identity);
	(void)kith_secrets_get(secrets, KITH_SECRET_DEVICE, &device);
	err = write_open_chain(dir, &network, &identity, &device);
	kith_wipe(&identity, sizeof identity);
	kith_wipe(&device, sizeof device);
	(void)snprintf(line, sizeof line, "open %s\n", label);
	return err != 0 ? err : write_text(dir, "network", line);
}

int kith_profile_create_open_within(const char *dir, const char *label, const char *pass, size_t pass_len,
				    uint32_t mem_mib, char name[KITH_NAME_MAX + 1])
{
	const struct kith_random *random = kith_system_random();
	struct kith_secrets secrets;
	struct kith_seed identity, device;
	struct kith_key pk;
	name[0] = '\0';
	if (dir == NULL || label == NULL)
		return KITH_EINVAL;
	int err = kith_suite_sodium_init();
	if (err != 0)
		return err;
	memset(&secrets, 0, sizeof secrets);
	random->fill(random->ctx, identity.b, sizeof identity.b);
	random->fill(random->ctx, device.b, sizeof device.b);
	err = kith_secrets_set(&secrets, KITH_SECRET_IDENTITY, &identity);
	if (err == 0)
		err = kith_secrets_set(&secrets, KITH_SECRET_DEVICE, &device);
	if (err == 0)
		err = write_profile(dir, label, pass, pass_len, mem_mib, &secrets);
	if (err == 0) {
		kith_seed_public(&pk, &identity);
		(void)kith_fingerprint(&pk, name);
	}
	kith_wipe(&identity, sizeof identity);
	kith_wipe(&device, sizeof device);
	kith_secrets_wipe(&secrets);
	return err;
}

int kith_profile_create_open(const char *dir, const char *label, const char *pass, size_t pass_len,
			     char name[KITH_NAME_MAX + 1])
{
	return kith_profile_create_open_within(dir, label, pass, pass_len, KITH_KEYFILE_MIB_DEFAULT, name);
}

static int open_in_memory(struct kith_node_options *o, struct kith_profile *p, const char *label,
			  char name[KITH_NAME_MAX + 1])
{
	const struct kith_random *random = kith_system_random();
	struct kith_seed identity;
	struct kith_id network;
	struct kith_key pk;
	int err = kith_network_id_open(&network, label);
	if (err != 0)
		return err;
	random->fill(random->ctx, identity.b, sizeof identity.b);
	random->fill(random->ctx, o->device.b, sizeof o->device.b);
	kith_seed_public(&pk, &identity);
	int n = make_open_chain(p->chain, &network, &identity, &o->device);
	kith_wipe(&identity, sizeof identity);
	if (n < 0)
		return n;
	o->has_root = false;
	o->has_device = true;
	o->chain = (struct kith_span){ p->chain, (size_t)n };
	memcpy(p->open_label, label, strlen(label) + 1);
	o->open_label = p->open_label;
	(void)kith_fingerprint(&pk, name);
	return 0;
}

int kith_node_options_open(struct kith_node_options *o, const char *label, char name[KITH_NAME_MAX + 1])
{
	if (name != NULL)
		name[0] = '\0';
	if (!knows_profiles(o) || label == NULL || name == NULL)
		return KITH_EINVAL;
	kith_node_options_deinit(o);
	struct kith_profile *p = kith_profile_of(o);
	int err = p != NULL ? kith_suite_sodium_init() : KITH_ENOMEM;
	if (err == 0)
		err = open_in_memory(o, p, label, name);
	if (err != 0)
		kith_node_options_deinit(o);
	return err;
}
