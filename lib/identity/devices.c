/* Device lists; see devices.h. */
#include "identity/devices.h"

#include "base/assert.h"
#include "base/limits.h"

enum { MARKS_LEN = KITH_DEVICES_MAX * KITH_DEVICE_MARK_LEN, HASH_LEN = 32 };

KITH_STATIC_ASSERT(2 + 8 + KITH_DEVICES_SALT_LEN + MARKS_LEN + 1 + KITH_EXT_MAX + KITH_SIG_LEN == KITH_DEVICES_LEN_MAX,
		   "a list with the most of extensions");

void kith_devices_write(struct kith_writer *w, const struct kith_devices *list)
{
	kith_object_write_header(w, KITH_OBJECT_DEVICES);
	kith_write_u64(w, list->number);
	kith_write_bytes(w, list->salt, sizeof list->salt);
	kith_write_bytes(w, list->marks, MARKS_LEN);
	kith_object_write_ext(w, list->s.ext);
}

/* Puts a row among n others, which ascend. */
static void insert(uint8_t *rows, size_t n, size_t len, const uint8_t *row)
{
	size_t at = n;
	for (; at > 0 && memcmp(rows + (at - 1) * len, row, len) > 0; at--)
		memcpy(rows + at * len, rows + (at - 1) * len, len);
	memcpy(rows + at * len, row, len);
}

void kith_devices_mark(const struct kith_suite *suite, uint8_t out[KITH_DEVICE_MARK_LEN],
		       const uint8_t salt[KITH_DEVICES_SALT_LEN], const struct kith_key *device)
{
	static const char label[] = "kith device mark v1"; /* with its NUL */
	const struct kith_span parts[] = { { (const uint8_t *)label, sizeof label },
					   { salt, KITH_DEVICES_SALT_LEN },
					   { device->b, KITH_KEY_LEN } },
			       no_key = { NULL, 0 };
	uint8_t hash[HASH_LEN];
	suite->blake2b(hash, sizeof hash, no_key, parts, 3);
	memcpy(out, hash, KITH_DEVICE_MARK_LEN);
}

/* What nobody can foresee or tell from marks but the identity: it is another for each list. */
static void list_secret(const struct kith_suite *suite, uint8_t out[HASH_LEN], uint64_t number, const uint8_t *keys,
			size_t n, const uint8_t identity_sk[KITH_SIGN_SK_LEN])
{
	static const char label[] = "kith device list filling v1"; /* with its NUL */
	uint8_t bytes[8];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_write_u64(&w, number);
	const struct kith_span parts[] = { { (const uint8_t *)label, sizeof label },
					   { bytes, sizeof bytes },
					   { keys, n * KITH_KEY_LEN } },
			       key = { identity_sk, KITH_SEED_LEN };
	suite->blake2b(out, HASH_LEN, key, parts, 3);
}

static void draw(const struct kith_suite *suite, uint8_t *out, size_t len, const uint8_t secret[HASH_LEN],
		 uint8_t which)
{
	const struct kith_span key = { secret, HASH_LEN }, part = { &which, 1 };
	uint8_t hash[HASH_LEN];
	suite->blake2b(hash, sizeof hash, key, &part, 1);
	memcpy(out, hash, len);
}

int kith_devices_sign(const struct kith_suite *suite, uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number,
		      const struct kith_key keys[], size_t n, struct kith_span ext,
		      const uint8_t identity_sk[KITH_SIGN_SK_LEN])
{
	uint8_t sorted[KITH_DEVICES_MAX][KITH_KEY_LEN], marks[MARKS_LEN], mark[KITH_DEVICE_MARK_LEN], secret[HASH_LEN];
	struct kith_devices list = { .number = number, .marks = marks, .s.ext = ext };
	if (n > KITH_DEVICES_MAX)
		return KITH_EINVAL;
	for (size_t i = 0; i < n; i++)
		insert(sorted[0], i, KITH_KEY_LEN, keys[i].b);
	list_secret(suite, secret, number, sorted[0], n, identity_sk);
	draw(suite, list.salt, sizeof list.salt, secret, 0);
	for (size_t i = 0; i < KITH_DEVICES_MAX; i++) {
		if (i < n)
			kith_devices_mark(suite, mark, list.salt, &keys[i]);
		else
			draw(suite, mark, sizeof mark, secret, (uint8_t)(1 + i));
		insert(marks, i, sizeof mark, mark);
	}
	kith_wipe(secret, sizeof secret);
	struct kith_writer w = kith_writer_of(out, KITH_DEVICES_LEN_MAX);
	kith_devices_write(&w, &list);
	int len = kith_object_sign(suite, &w, KITH_SIGN_DEVICES, identity_sk);
	struct kith_span whole = { out, len > 0 ? (size_t)len : 0 };
	return len > 0 && kith_devices_parse(&list, whole) == 0 ? len : KITH_EINVAL;
}

int kith_devices_parse(struct kith_devices *out, struct kith_span list)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = kith_object_begin(&r, list, KITH_OBJECT_DEVICES);
	if (err != 0)
		return err;
	out->number = kith_read_u64(&r);
	kith_read_bytes(&r, out->salt, sizeof out->salt);
	out->marks = kith_read(&r, MARKS_LEN);
	if (r.bad)
		return KITH_EPROTO;
	for (size_t i = KITH_DEVICE_MARK_LEN; i < MARKS_LEN; i += KITH_DEVICE_MARK_LEN)
		if (memcmp(out->marks + i - KITH_DEVICE_MARK_LEN, out->marks + i, KITH_DEVICE_MARK_LEN) >= 0)
			return KITH_EPROTO;
	return kith_object_end(&r, list, &out->s);
}

bool kith_devices_lists(const struct kith_suite *suite, const struct kith_devices *list, const struct kith_key *device)
{
	uint8_t mark[KITH_DEVICE_MARK_LEN];
	kith_devices_mark(suite, mark, list->salt, device);
	for (size_t i = 0; i < MARKS_LEN; i += sizeof mark)
		if (memcmp(list->marks + i, mark, sizeof mark) == 0)
			return true;
	return false;
}
