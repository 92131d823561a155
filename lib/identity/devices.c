/* Device lists; see devices.h. */
#include "identity/devices.h"

#include "base/assert.h"

enum { TAGS_LEAST = 3 }; /* a telephone, a laptop and a tablet look like any one of them */

KITH_STATIC_ASSERT(2 + 8 + 1 + KITH_DEVICES_MAX * KITH_DEVICE_TAG_LEN + 1 + KITH_EXT_MAX + KITH_SIG_LEN <=
			   KITH_DEVICES_LEN_MAX,
		   "a full list fits");

static const struct kith_span tag_label = { (const uint8_t *)"kith device tag v1", 19 }; /* with its zero byte */
static const struct kith_span fill_label = { (const uint8_t *)"kith device fill v1", 20 };

/* First bytes of the hash of label, number and what: of a device's key, or, with the identity's secret, of nothing. */
static void make_tag(const struct kith_suite *suite, uint8_t out[KITH_DEVICE_TAG_LEN], struct kith_span key,
		     struct kith_span label, uint64_t number, struct kith_span what)
{
	uint8_t bytes[8], digest[32];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_write_u64(&w, number);
	const struct kith_span parts[] = { label, { bytes, sizeof bytes }, what };
	suite->blake2b(digest, sizeof digest, key, parts, 3);
	memcpy(out, digest, KITH_DEVICE_TAG_LEN);
}

static void tag_of(const struct kith_suite *suite, uint8_t out[KITH_DEVICE_TAG_LEN], uint64_t number,
		   const struct kith_key *device)
{
	const struct kith_span no_key = { NULL, 0 };
	make_tag(suite, out, no_key, tag_label, number, (struct kith_span){ device->b, sizeof device->b });
}

/* One that stands for no device, and that nobody without the secret key tells from one that does. */
static void tag_of_nobody(const struct kith_suite *suite, uint8_t out[KITH_DEVICE_TAG_LEN], uint64_t number, size_t i,
			  const uint8_t identity_sk[KITH_SIGN_SK_LEN])
{
	const uint8_t index = (uint8_t)i;
	make_tag(suite, out, (struct kith_span){ identity_sk, KITH_KEY_LEN }, fill_label, number,
		 (struct kith_span){ &index, 1 });
}

static size_t tags_for(size_t devices)
{
	size_t tags = TAGS_LEAST;
	while (tags < devices)
		tags *= 2;
	return tags < KITH_DEVICES_MAX ? tags : KITH_DEVICES_MAX;
}

void kith_devices_write(struct kith_writer *w, const struct kith_devices *list)
{
	kith_object_write_header(w, KITH_OBJECT_DEVICES);
	kith_write_u64(w, list->number);
	kith_write_u8(w, list->n);
	kith_write_bytes(w, list->tags, (size_t)list->n * KITH_DEVICE_TAG_LEN);
	kith_object_write_ext(w, list->s.ext);
}

int kith_devices_sign(const struct kith_suite *suite, uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number,
		      const struct kith_key keys[], size_t n, struct kith_span ext,
		      const uint8_t identity_sk[KITH_SIGN_SK_LEN])
{
	uint8_t tags[KITH_DEVICES_MAX][KITH_DEVICE_TAG_LEN], tag[KITH_DEVICE_TAG_LEN];
	if (n > KITH_DEVICES_MAX)
		return KITH_EINVAL;
	const size_t all = tags_for(n);
	for (size_t i = 0; i < all; i++) {
		size_t at = i;
		if (i < n)
			tag_of(suite, tag, number, &keys[i]);
		else
			tag_of_nobody(suite, tag, number, i, identity_sk);
		for (; at > 0 && memcmp(tags[at - 1], tag, sizeof tag) > 0; at--)
			memcpy(tags[at], tags[at - 1], sizeof tag);
		memcpy(tags[at], tag, sizeof tag);
	}
	struct kith_devices list = { .number = number, .n = (uint8_t)all, .tags = tags[0], .s.ext = ext };
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
	out->tags = kith_read(&r, (size_t)out->n * KITH_DEVICE_TAG_LEN);
	if (r.bad || out->n > KITH_DEVICES_MAX)
		return KITH_EPROTO;
	for (size_t i = 1; i < out->n; i++) {
		const uint8_t *tag = out->tags + i * KITH_DEVICE_TAG_LEN;
		if (memcmp(tag - KITH_DEVICE_TAG_LEN, tag, KITH_DEVICE_TAG_LEN) >= 0)
			return KITH_EPROTO;
	}
	return kith_object_end(&r, list, &out->s);
}

bool kith_devices_holds(const struct kith_suite *suite, const struct kith_devices *list, const struct kith_key *device)
{
	uint8_t tag[KITH_DEVICE_TAG_LEN];
	tag_of(suite, tag, list->number, device);
	for (size_t i = 0; i < list->n; i++)
		if (memcmp(list->tags + i * KITH_DEVICE_TAG_LEN, tag, sizeof tag) == 0)
			return true;
	return false;
}
