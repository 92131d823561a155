/* Handshake payloads on arbitrary bytes: what is understood lies within them, and reads back the same from what it is written as. */
#include <stdlib.h>

#include "base/assert.h"
#include "session/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const uint8_t *data, size_t size, struct kith_span s)
{
	KITH_ASSERT(s.p == NULL || (s.p >= data && s.p + s.len <= data + size));
}

static void same(struct kith_span a, struct kith_span b)
{
	KITH_ASSERT((a.p == NULL) == (b.p == NULL) && a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0));
}

static void put(struct kith_writer *w, enum kith_frame_type type, struct kith_span body)
{
	if (body.p == NULL)
		return;
	uint8_t *mark = kith_frame_begin(w, type);
	kith_write_span(w, body);
	kith_frame_end(w, mark);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kith_hello h, again;
	if (size > 65536 || !kith_hello_parse(&h, (struct kith_span){ data, size }))
		return 0;
	inside(data, size, h.chain);
	inside(data, size, h.service);
	inside(data, size, h.request);
	inside(data, size, h.answer);
	inside(data, size, h.verdict_text);
	KITH_ASSERT(h.timestamp_ms >= 0 && h.service.len <= KITH_SERVICE_MAX);
	struct kith_self self = { .features = h.features, .role = h.role };
	uint8_t *out = malloc(size + 8);
	KITH_ASSERT(out != NULL);
	struct kith_writer w = kith_writer_of(out, size + 8);
	kith_hello_write(&w, &self, h.timestamp_ms, h.call_id, h.chain);
	put(&w, KITH_FRAME_SERVICE, h.service);
	put(&w, KITH_FRAME_REQUEST, h.request);
	put(&w, KITH_FRAME_ANSWER, h.answer);
	if (h.has_verdict) {
		uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_VERDICT);
		kith_write_u16(&w, h.verdict);
		kith_write_span(&w, h.verdict_text);
		kith_frame_end(&w, mark);
	}
	KITH_ASSERT(!w.bad);
	bool parsed = kith_hello_parse(&again, (struct kith_span){ out, kith_writer_len(&w) });
	KITH_ASSERT(parsed && again.features == h.features && again.timestamp_ms == h.timestamp_ms &&
		    again.role == h.role);
	KITH_ASSERT(memcmp(again.call_id, h.call_id, sizeof h.call_id) == 0);
	KITH_ASSERT(again.has_verdict == h.has_verdict && again.verdict == h.verdict);
	same(h.chain, again.chain);
	same(h.service, again.service);
	same(h.request, again.request);
	same(h.answer, again.answer);
	free(out);
	return 0;
}
