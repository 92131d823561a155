/* Presence records, vanish reports and host entries on arbitrary bytes: what parses has its spans within the input, and
 * making it again gives the same bytes but for the signature, or fewer where endpoints were skipped; nothing that was
 * not signed verifies. */
#include "fuzz_world.h"

/* Exactly one host. */
static int host_parse(struct kith_host *out, struct kith_span bytes)
{
	struct kith_reader r = kith_reader_of_span(bytes);
	kith_host_read(&r, out);
	return kith_reader_done(&r) ? 0 : KITH_EPROTO;
}

static size_t host_make(uint8_t out[KITH_HOST_LEN_MAX], const struct kith_host *host)
{
	struct kith_writer to = kith_writer_of(out, KITH_HOST_LEN_MAX);
	kith_host_write(&to, host);
	return kith_writer_len(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fw w;

static void check_span(struct kith_span s, const uint8_t *data, size_t size)
{
	KITH_ASSERT(s.len == 0 || (s.p >= data && s.len <= size - (size_t)(s.p - data)));
}

static void check_same(const uint8_t *made, int len, const uint8_t *data, size_t size)
{
	KITH_ASSERT(len > 0 && (size_t)len == size);
	KITH_ASSERT(memcmp(made, data, size - KITH_SIG_LEN) == 0);
}

/* Endpoints of kinds that are not known, and what stands behind an address, are not written again. */
static void check_same_or_less(const uint8_t *made, int len, const uint8_t *data, size_t size)
{
	struct kith_record record;
	if (len < 0 || (size_t)len == size) {
		if (len > 0)
			check_same(made, len, data, size);
		return;
	}
	KITH_ASSERT(len > 0 && (size_t)len < size);
	KITH_ASSERT(kith_record_parse(&record, (struct kith_span){ made, (size_t)len }) == 0);
}

static void check_record(const struct kith_record *r, const uint8_t *data, size_t size)
{
	static const uint8_t sk[KITH_SIGN_SK_LEN] = { 1 };
	uint8_t out[KITH_RECORD_LEN_MAX];
	struct kith_person person;
	bool nowhere = false; /* a home with no endpoint that is known: nobody names such a one */
	check_span(r->devices, data, size);
	check_span(r->status, data, size);
	check_span(r->chain, data, size);
	KITH_ASSERT(kith_record_life_us(r, &w.now) <= KITH_RECORD_LIFE_MS * KITH_US_PER_MS);
	int len = kith_record_make(w.suite, out, r, sk);
	for (uint8_t i = 0; i < r->homes_n && len < 0; i++)
		nowhere = nowhere || r->homes[i].host.endpoints_n == 0;
	KITH_ASSERT(len > 0 || nowhere);
	check_same_or_less(out, len, data, size);
	int err = kith_record_verify(r, &w.trust, &w.now, &person);
	KITH_ASSERT(err <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kith_span bytes = { data, size };
	static const uint8_t sk[KITH_SIGN_SK_LEN] = { 1 };
	struct kith_record record;
	struct kith_vanish vanish;
	struct kith_host host;
	if (w.suite == NULL)
		fw_init(&w);
	if (kith_record_parse(&record, bytes) == 0)
		check_record(&record, data, size);
	if (kith_vanish_parse(&vanish, bytes) == 0) {
		uint8_t out[KITH_VANISH_LEN_MAX];
		check_same(out, kith_vanish_make(w.suite, out, &vanish, sk), data, size);
	}
	if (host_parse(&host, bytes) == 0) {
		uint8_t out[KITH_HOST_LEN_MAX];
		struct kith_host again;
		size_t len = host.endpoints_n > 0 ? host_make(out, &host) : 0;
		KITH_ASSERT(len < size || (len == size && memcmp(out, data, size) == 0));
		if (len > 0)
			KITH_ASSERT(host_parse(&again, (struct kith_span){ out, len }) == 0 &&
				    again.endpoints_n == host.endpoints_n);
	}
	return 0;
}
