#include "wire/message_list.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/table.h"
#include "wire/message_internal.h"

KITH_STATIC_ASSERT(KITH_EDITION_LEN == 1 + KITH_ISSUER_ID_LEN + 8, "kind, signer and number");
KITH_STATIC_ASSERT(KITH_EDITION_LEN_MAX == KITH_EDITION_LEN + KITH_POSTED_DIGEST_LEN, "and a digest");
KITH_STATIC_ASSERT(KITH_REVOCATION_LEN_MAX + 8 <= KITH_ANSWER_MAX, "a full list fits one answer");
KITH_STATIC_ASSERT(KITH_EDITIONS_TOLD_LEN + 8 <= KITH_REQUEST_MAX, "what is told at once fits a request");

bool kith_edition_next(struct kith_reader *r, struct kith_edition *out)
{
	if (kith_reader_left(r) == 0)
		return false;
	out->kind = kith_read_u8(r);
	out->signer = kith_read(r, KITH_ISSUER_ID_LEN);
	out->number = kith_read_u64(r);
	out->digest = (out->kind & KITH_POSTED_DIGEST) != 0 ? kith_read(r, KITH_POSTED_DIGEST_LEN) : NULL;
	return !r->bad;
}

bool kith_editions_check(struct kith_span run)
{
	struct kith_reader r = kith_reader_of_span(run);
	struct kith_edition e;
	while (kith_edition_next(&r, &e)) {}
	return !r.bad && run.len <= KITH_EDITIONS_LEN_MAX;
}

void kith_edition_write(struct kith_writer *w, const struct kith_edition *e)
{
	kith_write_u8(w, e->kind);
	kith_write_bytes(w, e->signer, KITH_ISSUER_ID_LEN);
	kith_write_u64(w, e->number);
	if (e->digest != NULL)
		kith_write_bytes(w, e->digest, KITH_POSTED_DIGEST_LEN);
}

struct kith_edition kith_edition_of(const struct kith_trust_list *l)
{
	return (struct kith_edition){ .kind = l->kind,
				      .signer = l->id,
				      .number = l->number,
				      .digest = (l->kind & KITH_POSTED_DIGEST) != 0 ? l->digest : NULL };
}

uint64_t kith_editions_mix(uint64_t sum, const struct kith_edition *e)
{
	static const uint64_t key[2] = { KITH_EDITIONS_NONE, KITH_EDITIONS_NONE };
	uint8_t edition[KITH_EDITION_LEN_MAX];
	struct kith_writer w = kith_writer_of(edition, sizeof edition);
	kith_edition_write(&w, e);
	return sum ^ kith_hash64(key, edition, kith_writer_len(&w));
}

size_t kith_msg_list_write(uint8_t *out, size_t cap, const struct kith_msg_list *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_LIST_SIGNER, m->signer, sizeof m->signer);
	if (m->cert)
		kith_msg_put_bool(&d, KITH_B_LIST_CERT, true);
	else
		kith_msg_put_uint(&d, KITH_B_LIST_NUMBER, m->number);
	if (m->kind != 0 && m->kind != KITH_POSTED_LIST)
		kith_msg_put_uint(&d, KITH_B_LIST_KIND, m->kind);
	return kith_msg_end(&d);
}

int kith_msg_list_read(struct kith_msg_list *out, struct kith_span body)
{
	struct kith_unpacked in;
	uint64_t kind = KITH_POSTED_LIST;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 ||
	    !kith_msg_get_fixed(&in, KITH_B_LIST_SIGNER, out->signer, sizeof out->signer))
		return KITH_EPROTO;
	(void)kith_msg_get_uint(&in, KITH_B_LIST_NUMBER, UINT64_MAX, &out->number);
	(void)kith_unpack_get_bool(&in, kith_unpack_root(&in), KITH_B_LIST_CERT, &out->cert);
	(void)kith_msg_get_uint(&in, KITH_B_LIST_KIND, UINT8_MAX, &kind);
	out->kind = (uint8_t)kind;
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
	    !kith_editions_check(out->editions))
		return KITH_EPROTO;
	return 0;
}
