/* Key files and armour on arbitrary bytes. The first byte picks: a key file, whose header must come back the same and
 * whose plain contents, with the checksum put right, must seal to the same bytes; the contents of one; or a text, of
 * which any block that decodes must encode to something that decodes to the same. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "identity/sealed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHECKSUM_LEN = 32, TEXT_MAX = 4096 };

static void check_file(struct kith_span in)
{
	static const uint8_t key[KITH_AEAD_KEY_LEN];
	const struct kith_suite *suite = kith_suite_sodium();
	const struct kith_span no_key = { NULL, 0 };
	uint8_t file[KITH_SEALED_LEN_MAX], out[KITH_SEALED_LEN_MAX];
	struct kith_sealed sealed;
	struct kith_secrets secrets;
	if (in.len > sizeof file)
		return;
	struct kith_span copy = { file, in.len };
	memcpy(file, in.p, in.len);
	if (kith_sealed_parse(&sealed, copy) != 0)
		return;
	KITH_ASSERT(sealed.header.len + sealed.body.len == in.len && sealed.body.p == file + sealed.header.len);
	KITH_ASSERT(sealed.ops <= KITH_SEALED_OPS_MAX && sealed.mem_kib <= KITH_SEALED_MEM_KIB_MAX);
	if (sealed.protection == KITH_PROTECTION_NONE) {
		struct kith_span body = { file, in.len - CHECKSUM_LEN };
		suite->blake2b(file + body.len, CHECKSUM_LEN, no_key, &body, 1);
	}
	if (kith_sealed_open(suite, &sealed, key, &secrets) != 0)
		return;
	int len = kith_sealed_seal(suite, out, &sealed, key, &secrets);
	KITH_ASSERT(len == (int)in.len && memcmp(out, file, in.len) == 0);
}

static void check_contents(struct kith_span in)
{
	uint8_t out[KITH_SECRETS_LEN_MAX];
	struct kith_secrets secrets;
	if (kith_secrets_parse(&secrets, in) != 0)
		return;
	struct kith_writer w = kith_writer_of(out, sizeof out);
	kith_secrets_write(&w, &secrets);
	KITH_ASSERT(!w.bad && kith_writer_len(&w) == in.len && memcmp(out, in.p, in.len) == 0);
}

static void check_armor(struct kith_span in)
{
	static char text[2 * TEXT_MAX];
	static uint8_t bytes[TEXT_MAX], again[TEXT_MAX];
	enum kith_armor kind, kind_again;
	size_t used;
	if (in.len > TEXT_MAX)
		return;
	int len = kith_armor_decode(&kind, bytes, sizeof bytes, (const char *)in.p, in.len, &used);
	if (len < 0)
		return;
	struct kith_span decoded = { bytes, (size_t)len };
	KITH_ASSERT(used <= in.len);
	int text_len = kith_armor_encode(text, sizeof text, kind, decoded);
	KITH_ASSERT(text_len > 0 && (size_t)text_len + 1 == kith_armor_size(kind, decoded.len));
	KITH_ASSERT(kith_armor_decode(&kind_again, again, sizeof again, text, (size_t)text_len, &used) == len);
	KITH_ASSERT(kind_again == kind && used == (size_t)text_len && memcmp(again, bytes, decoded.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct kith_span in = { data + 1, size - 1 };
	switch (data[0] % 3) {
	case 0:
		check_file(in);
		break;
	case 1:
		check_contents(in);
		break;
	default:
		check_armor(in);
	}
	return 0;
}
