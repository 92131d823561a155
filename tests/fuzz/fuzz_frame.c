/* Inner frames on arbitrary bytes: written again they are the same bytes, up to where reading stopped; so are addresses in them. */
#include <stdlib.h>

#include "base/assert.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	struct kith_addr a;
	uint8_t out[KITH_ADDR_WIRE_MAX];
	kith_addr_read(&r, &a);
	if (r.bad)
		return;
	struct kith_writer w = kith_writer_of(out, sizeof out);
	kith_addr_write(&w, &a);
	KITH_ASSERT(!w.bad && memcmp(out, body.p, kith_writer_len(&w)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kith_reader r = kith_reader_of_span((struct kith_span){ data, size });
	struct kith_frame f;
	uint8_t *out = malloc(size + 1);
	KITH_ASSERT(out != NULL);
	struct kith_writer w = kith_writer_of(out, size);
	while (kith_frame_next(&r, &f)) {
		KITH_ASSERT(f.type != KITH_FRAME_PADDING && kith_frame_name(f.type) != NULL);
		KITH_ASSERT(f.body.p >= data && f.body.p + f.body.len <= data + size);
		uint8_t *mark = kith_frame_begin(&w, (enum kith_frame_type)f.type);
		kith_write_span(&w, f.body);
		kith_frame_end(&w, mark);
		check_address(f.body);
	}
	KITH_ASSERT(!w.bad && memcmp(out, data, kith_writer_len(&w)) == 0);
	KITH_ASSERT(r.bad || kith_writer_len(&w) == size || data[kith_writer_len(&w)] == KITH_FRAME_PADDING);
	free(out);
	return 0;
}
