/* Device lists; see devices.h. */
#include "identity/devices.h"

#include "base/assert.h"

KITH_STATIC_ASSERT(2 + 8 + 1 + KITH_DEVICES_MAX * KITH_KEY_LEN + 1 + KITH_EXT_MAX + KITH_SIG_LEN <=
			   KITH_DEVICES_LEN_MAX,
		   "a full list fits");

void kith_devices_write(struct kith_writer *w, const struct kith_devices *list)
{
	kith_object_write_header(w, KITH_OBJECT_DEVICES);
	kith_write_u64(w, list->number);
	kith_write_u8(w, list->n);
	kith_write_bytes(w, list->keys, (size_t)list->n * KITH_KEY_LEN);
	kith_object_write_ext(w, list->s.ext);
}

int kith_devices_sign(const struct kith_suite *suite, uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number,
		      const struct kith_key keys[], size_t n, struct kith_span ext,
		      const uint8_t identity_sk[KITH_SIGN_SK_LEN])
{
	uint8_t sorted[KITH_DEVICES_MAX][KITH_KEY_LEN];
	if (n > KITH_DEVICES_MAX)
		return KITH_EINVAL;
	for (size_t i = 0; i < n; i++) {
		size_t at = i;
		for (; at > 0 && memcmp(sorted[at - 1], keys[i].b, KITH_KEY_LEN) > 0; at--)
			memcpy(sorted[at], sorted[at - 1], KITH_KEY_LEN);
		memcpy(sorted[at], keys[i].b, KITH_KEY_LEN);
	}
	struct kith_devices list = { .number = number, .n = (uint8_t)n, .keys = sorted[0], .s.ext = ext };
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
	out->n = kith_read_u8(&r);
	out->keys = kith_read(&r, (size_t)out->n * KITH_KEY_LEN);
	if (r.bad || out->n > KITH_DEVICES_MAX)
		return KITH_EPROTO;
	for (size_t i = 1; i < out->n; i++)
		if (memcmp(out->keys + (i - 1) * KITH_KEY_LEN, out->keys + i * KITH_KEY_LEN, KITH_KEY_LEN) >= 0)
			return KITH_EPROTO;
	return kith_object_end(&r, list, &out->s);
}

bool kith_devices_has(const struct kith_devices *list, const struct kith_key *device)
{
	for (size_t i = 0; i < list->n; i++)
		if (memcmp(list->keys + i * KITH_KEY_LEN, device->b, KITH_KEY_LEN) == 0)
			return true;
	return false;
}
