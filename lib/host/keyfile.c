/* Key files; see keyfile.h. */
#include "host/keyfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "host/statedir.h"
#include "host/system.h"

KITH_STATIC_ASSERT(KITH_KEYFILE_MIB_DEFAULT == KITH_SEALED_MEM_KIB_DEFAULT / 1024, "what is made by default");
KITH_STATIC_ASSERT(KITH_KEYFILE_MIB_MAX == KITH_SEALED_MEM_KIB_MAX / 1024, "what may be written can be read");

static int derive(uint8_t key[KITH_AEAD_KEY_LEN], const char *pass, size_t pass_len, const struct kith_sealed *sealed)
{
	KITH_STATIC_ASSERT(KITH_SEALED_SALT_LEN == crypto_pwhash_SALTBYTES, "Argon2id's salt");
	if (crypto_pwhash(key, KITH_AEAD_KEY_LEN, pass, pass_len, sealed->salt, sealed->ops,
			  (size_t)sealed->mem_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return KITH_ENOMEM; /* the only reason to fail with parameters within the bounds */
	return 0;
}

/* The bytes of the file: armoured, or (from other tools) bare. */
static int decode(struct kith_keyfile *file, const uint8_t *text, size_t len)
{
	enum kith_armor kind;
	if (len >= sizeof KITH_SEALED_MAGIC - 1 && memcmp(text, KITH_SEALED_MAGIC, sizeof KITH_SEALED_MAGIC - 1) == 0) {
		if (len > sizeof file->bytes)
			return KITH_EPROTO;
		memcpy(file->bytes, text, len);
		file->len = len;
		return 0;
	}
	int n = kith_armor_decode(&kind, file->bytes, sizeof file->bytes, (const char *)text, len, NULL);
	if (n < 0 || kind != KITH_ARMOR_KEYS)
		return KITH_EPROTO;
	file->len = (size_t)n;
	return 0;
}

static struct kith_span span_of(const struct kith_keyfile *file)
{
	struct kith_span span = { file->bytes, file->len };
	return span;
}

/* Not what keeps a thief out, but what tells an owner that nothing does: so it may look before the file is opened. */
static int check_mode(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && kith_mode_exposes(st.st_mode) ? KITH_EEXPOSED : 0;
}

int kith_keyfile_load(struct kith_keyfile *file, const char *path)
{
	const struct kith_alloc *alloc = kith_system_alloc();
	struct kith_sealed sealed;
	uint8_t *text;
	size_t len;
	memset(file, 0, sizeof *file);
	int err = check_mode(path);
	if (err != 0)
		return err;
	err = kith_file_read(AT_FDCWD, path, KITH_KEYFILE_LEN_MAX, alloc, &text, &len);
	if (err != 0)
		return err == KITH_EMSGSIZE || err == KITH_EINVAL ? KITH_EPROTO : err;
	err = len == 0 ? KITH_EPROTO : decode(file, text, len);
	if (err == 0)
		err = kith_sealed_parse(&sealed, span_of(file));
	if (err == 0)
		file->is_protected = sealed.protection == KITH_PROTECTION_ARGON2ID;
	if (text != NULL)
		kith_wipe(text, len);
	kith_alloc_free(alloc, text, len);
	return err;
}

int kith_keyfile_unlock(const struct kith_keyfile *file, const char *pass, size_t pass_len,
			struct kith_secrets *secrets)
{
	uint8_t key[KITH_AEAD_KEY_LEN];
	struct kith_sealed sealed;
	memset(secrets, 0, sizeof *secrets);
	int err = kith_suite_sodium_init();
	if (err == 0)
		err = kith_sealed_parse(&sealed, span_of(file));
	if (err != 0)
		return err;
	if (sealed.protection == KITH_PROTECTION_NONE)
		return kith_sealed_open(kith_suite_sodium(), &sealed, NULL, secrets);
	if (pass == NULL || pass_len == 0)
		return KITH_EPASSPHRASE;
	err = derive(key, pass, pass_len, &sealed);
	if (err == 0)
		err = kith_sealed_open(kith_suite_sodium(), &sealed, key, secrets);
	kith_wipe(key, sizeof key);
	return err;
}

int kith_keyfile_read(const char *path, const char *pass, size_t pass_len, struct kith_secrets *secrets)
{
	struct kith_keyfile file;
	memset(secrets, 0, sizeof *secrets);
	int err = kith_keyfile_load(&file, path);
	if (err == 0)
		err = kith_keyfile_unlock(&file, pass, pass_len, secrets);
	kith_wipe(&file, sizeof file);
	return err;
}

int kith_keyfile_protected(const char *path)
{
	struct kith_keyfile file;
	int err = kith_keyfile_load(&file, path);
	bool is_protected = file.is_protected;
	kith_wipe(&file, sizeof file);
	return err != 0 ? err : is_protected;
}

/* Armours the sealed bytes and puts the file in place. */
static int store(const char *path, const uint8_t *bytes, size_t len, bool replace)
{
	char text[KITH_KEYFILE_LEN_MAX];
	int n = kith_armor_encode(text, sizeof text, KITH_ARMOR_KEYS, (struct kith_span){ bytes, len });
	if (n < 0)
		return n;
	int err = kith_file_replace(AT_FDCWD, path, (struct kith_span){ (const uint8_t *)text, (size_t)n }, replace);
	kith_wipe(text, sizeof text);
	return err;
}

int kith_keyfile_write_cost(const char *path, const struct kith_secrets *secrets, const char *pass, size_t pass_len,
			    bool replace, uint32_t ops, uint32_t mem_kib)
{
	uint8_t key[KITH_AEAD_KEY_LEN], bytes[KITH_SEALED_LEN_MAX];
	struct kith_sealed head;
	memset(&head, 0, sizeof head);
	if (path == NULL || secrets == NULL || pass_len > 0xffff || (pass == NULL && pass_len > 0))
		return KITH_EINVAL;
	int err = kith_suite_sodium_init();
	if (err != 0)
		return err;
	head.protection = KITH_PROTECTION_NONE;
	if (pass_len > 0) {
		const struct kith_random *random = kith_system_random();
		head.protection = KITH_PROTECTION_ARGON2ID;
		head.ops = ops;
		head.mem_kib = mem_kib;
		random->fill(random->ctx, head.salt, sizeof head.salt);
		random->fill(random->ctx, head.nonce, sizeof head.nonce);
		err = derive(key, pass, pass_len, &head);
	}
	if (err == 0) {
		int n = kith_sealed_seal(kith_suite_sodium(), bytes, &head, pass_len > 0 ? key : NULL, secrets);
		err = n < 0 ? n : store(path, bytes, (size_t)n, replace);
	}
	kith_wipe(key, sizeof key);
	kith_wipe(bytes, sizeof bytes);
	return err;
}

int kith_keyfile_write_within(const char *path, const struct kith_secrets *secrets, const char *pass, size_t pass_len,
			      bool replace, uint32_t mem_mib)
{
	if (pass_len > 0 && (mem_mib < KITH_KEYFILE_MIB_MIN || mem_mib > KITH_KEYFILE_MIB_MAX))
		return KITH_EINVAL;
	/* Less memory, more passes: the product is what a guess costs. */
	uint32_t ops = KITH_SEALED_OPS_DEFAULT;
	while (ops < KITH_SEALED_OPS_MAX && ops * mem_mib < KITH_SEALED_OPS_DEFAULT * KITH_KEYFILE_MIB_DEFAULT)
		ops++;
	return kith_keyfile_write_cost(path, secrets, pass, pass_len, replace, ops, mem_mib * 1024);
}

int kith_keyfile_write(const char *path, const struct kith_secrets *secrets, const char *pass, size_t pass_len,
		       bool replace)
{
	return kith_keyfile_write_within(path, secrets, pass, pass_len, replace, KITH_KEYFILE_MIB_DEFAULT);
}
