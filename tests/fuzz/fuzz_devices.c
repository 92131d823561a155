/* Device lists and the contacts' file on arbitrary bytes: whatever parses comes back the same bytes. The first byte
 * picks: a device list, or a contacts' file, whose checksum is put right so that what lies behind it is reached. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "identity/contacts.h"
#include "identity/devices.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHECKSUM_LEN = 32, FILE_MAX = 8192 };

static void *plain_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	(void)ctx;
	(void)old_len;
	if (new_len != 0)
		return realloc(p, new_len);
	free(p);
	return NULL;
}

static void check_devices(struct kith_span in)
{
	uint8_t out[KITH_DEVICES_LEN_MAX];
	struct kith_devices list;
	if (kith_devices_parse(&list, in) != 0)
		return;
	struct kith_writer w = kith_writer_of(out, sizeof out);
	kith_devices_write(&w, &list);
	KITH_ASSERT(!w.bad && kith_writer_len(&w) == list.s.body.len && list.s.body.len + KITH_SIG_LEN == in.len);
	KITH_ASSERT(memcmp(out, in.p, list.s.body.len) == 0);
	const struct kith_key any = { { 1 } };
	bool has = kith_devices_has(&list, &any); /* reads all tags */
	KITH_ASSERT(!has || list.n > 0);
}

static void check_contacts(struct kith_span in)
{
	static const struct kith_alloc alloc = { plain_realloc, NULL };
	const struct kith_suite *suite = kith_suite_sodium();
	const struct kith_span no_key = { NULL, 0 };
	uint8_t file[FILE_MAX], out[FILE_MAX];
	struct kith_contacts cs;
	if (in.len < CHECKSUM_LEN || in.len > sizeof file)
		return;
	struct kith_span body = { file, in.len - CHECKSUM_LEN }, whole = { file, in.len };
	memcpy(file, in.p, in.len);
	suite->blake2b(file + body.len, CHECKSUM_LEN, no_key, &body, 1);
	kith_contacts_init(&cs, &alloc, 100);
	if (kith_contacts_load(&cs, suite, whole) == 0) {
		KITH_ASSERT(kith_contacts_size(&cs) == in.len);
		KITH_ASSERT(kith_contacts_save(&cs, suite, out, sizeof out) == (int)in.len);
		KITH_ASSERT(memcmp(out, file, in.len) == 0);
		for (uint32_t i = 0; i < cs.n; i++)
			KITH_ASSERT(kith_contacts_get(&cs, cs.items[i].name) == &cs.items[i]);
	}
	kith_contacts_deinit(&cs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct kith_span in = { data + 1, size - 1 };
	if (data[0] % 2 == 0)
		check_devices(in);
	else
		check_contacts(in);
	return 0;
}
