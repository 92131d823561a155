#include "wire/message_list.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/table.h"
#include "wire/message_internal.h"

KITH_STATIC_ASSERT(KITH_EDITION_LEN == KITH_ISSUER_ID_LEN + 8, "signer and number");
KITH_STATIC_ASSERT(KITH_REVOCATION_LEN_MAX + 8 <= KITH_ANSWER_MAX, "a full list fits one answer");
KITH_STATIC_ASSERT(KITH_EDITIONS_LEN_MAX + 8 <= KITH_REQUEST_MAX, "all editions fit one request");

bool kith_edition_next(struct kith_reader *r, struct kith_edition *out)
{
	if (kith_reader_left(r) == 0)
		return false;
	out->signer = kith_read(r, KITH_ISSUER_ID_LEN);
	out->number = kith_read_u64(r);
	return !r->bad;
}

void kith_edition_write(struct kith_writer *w, const uint8_t signer[KITH_ISSUER_ID_LEN], uint64_t number)
{
	kith_write_bytes(w, signer, KITH_ISSUER_ID_LEN);
	kith_write_u64(w, number);
}

uint64_t kith_editions_mix(uint64_t sum, const uint8_t signer[KITH_ISSUER_ID_LEN], uint64_t number)
{
	static const uint64_t key[2] = { KITH_EDITIONS_NONE, KITH_EDITIONS_NONE };
	uint8_t edition[KITH_EDITION_LEN];
	struct kith_writer w = kith_writer_of(edition, sizeof edition);
	kith_edition_write(&w, signer, number);
	return sum ^ kith_hash64(key, edition, sizeof edition);
}

size_t kith_msg_list_write(uint8_t *out, size_t cap, const struct kith_msg_list *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_LIST_SIGNER, m->signer, sizeof m->signer);
	if (m->cert)
		kith_msg_put_bool(&d, KITH_B_LIST_CERT, true);
	else
		kith_msg_put_uint(&d, KITH_B_LIST_NUMBER, m->number);
	return kith_msg_end(&d);
}

int kith_msg_list_read(struct kith_msg_list *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 ||
	    !kith_msg_get_fixed(&in, KITH_B_LIST_SIGNER, out->signer, sizeof out->signer))
		return KITH_EPROTO;
	(void)kith_msg_get_uint(&in, KITH_B_LIST_NUMBER, UINT64_MAX, &out->number);
	(void)kith_unpack_get_bool(&in, kith_unpack_root(&in), KITH_B_LIST_CERT, &out->cert);
	return 0;
}

size_t kith_msg_listed_write(uint8_t *out, size_t cap, const struct kith_msg_listed *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	if (m->list.p != NULL)
		kith_msg_put_bytes(&d, KITH_B_LISTED_LIST, m->list.p, m->list.len);
	if (m->cert.p != NULL)
		kith_msg_put_bytes(&d, KITH_B_LISTED_CERT, m->cert.p, m->cert.len);
	return kith_msg_end(&d);
}

int kith_msg_listed_read(struct kith_msg_listed *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	(void)kith_msg_get_bytes(&in, KITH_B_LISTED_LIST, KITH_REVOCATION_LEN_MAX, &out->list);
	(void)kith_msg_get_bytes(&in, KITH_B_LISTED_CERT, KITH_CERT_MAX, &out->cert);
	return 0;
}

size_t kith_msg_editions_write(uint8_t *out, size_t cap, const struct kith_msg_editions *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_EDITIONS, m->editions.p, m->editions.len);
	return kith_msg_end(&d);
}

int kith_msg_editions_read(struct kith_msg_editions *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 ||
	    !kith_msg_get_bytes(&in, KITH_B_EDITIONS, KITH_EDITIONS_LEN_MAX, &out->editions) ||
	    out->editions.len % KITH_EDITION_LEN != 0)
		return KITH_EPROTO;
	return 0;
}
