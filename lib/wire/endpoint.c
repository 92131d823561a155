#include "wire/endpoint.h"

#include "base/addr.h"

bool kith_endpoint_kind_known(uint8_t kind)
{
	switch (kind) {
#define KITH_ENDPOINT_KNOWN(name, value, text, named)                                                                  \
	case value:                                                                                                    \
		return named;
		KITH_TRANSPORT_KIND_MAP(KITH_ENDPOINT_KNOWN)
#undef KITH_ENDPOINT_KNOWN
	default:
		return kind >= KITH_TRANSPORT_PRIVATE;
	}
}

bool kith_endpoint_valid(const struct kith_endpoint *e)
{
	return kith_endpoint_kind_known(e->kind) && e->addr.port != 0 && kith_addr_scope(&e->addr) != KITH_SCOPE_NONE;
}

void kith_endpoint_write(struct kith_writer *w, const struct kith_endpoint *e)
{
	if (!kith_endpoint_kind_known(e->kind)) {
		w->bad = true;
		return;
	}
	kith_write_u8(w, e->kind);
	uint8_t *len = kith_write(w, 1);
	size_t before = kith_writer_len(w);
	kith_addr_write(w, &e->addr);
	if (len != NULL && !w->bad)
		*len = (uint8_t)(kith_writer_len(w) - before);
}

bool kith_endpoint_read(struct kith_reader *r, struct kith_endpoint *out)
{
	memset(out, 0, sizeof *out);
	out->kind = kith_read_u8(r);
	struct kith_span bytes = kith_read_span(r, kith_read_u8(r));
	if (r->bad || !kith_endpoint_kind_known(out->kind))
		return false;
	if (bytes.len > 0 && bytes.p[0] != KITH_FAMILY_V4 && bytes.p[0] != KITH_FAMILY_V6)
		return false;
	struct kith_reader inner = kith_reader_of_span(bytes);
	kith_addr_read(&inner, &out->addr);
	r->bad = inner.bad;
	return !r->bad;
}

void kith_endpoints_write(struct kith_writer *w, const struct kith_endpoint list[], uint8_t n, uint8_t max)
{
	if (n == 0 || n > max) {
		w->bad = true;
		return;
	}
	kith_write_u8(w, n);
	for (uint8_t i = 0; i < n; i++) {
		if (!kith_endpoint_valid(&list[i]))
			w->bad = true;
		kith_endpoint_write(w, &list[i]);
	}
}

uint8_t kith_endpoints_read(struct kith_reader *r, struct kith_endpoint list[], uint8_t max)
{
	uint8_t n = kith_read_u8(r), kept = 0;
	if (n == 0)
		r->bad = true;
	for (uint8_t i = 0; i < n && !r->bad; i++) {
		struct kith_endpoint e;
		if (!kith_endpoint_read(r, &e))
			continue;
		if (!kith_endpoint_valid(&e))
			r->bad = true;
		else if (kept < max)
			list[kept++] = e;
	}
	return r->bad ? 0 : kept;
}
