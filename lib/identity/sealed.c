/* Key files; see sealed.h. */
#include "identity/sealed.h"

#include "base/assert.h"

enum { MAGIC_LEN = 8, CHECKSUM_LEN = 32 };

static bool known_kind(uint8_t kind)
{
	return kind >= KITH_SECRET_IDENTITY && kind <= KITH_SECRET_PRESENCE;
}

bool kith_secrets_get(const struct kith_secrets *secrets, enum kith_secret_kind kind, struct kith_seed *out)
{
	for (size_t i = 0; i < secrets->n; i++) {
		if (secrets->items[i].kind != (uint8_t)kind || secrets->items[i].len != sizeof out->b)
			continue;
		memcpy(out->b, secrets->items[i].b, sizeof out->b);
		return true;
	}
	return false;
}

int kith_secrets_set(struct kith_secrets *secrets, enum kith_secret_kind kind, const struct kith_seed *seed)
{
	size_t at = 0;
	while (at < secrets->n && secrets->items[at].kind < (uint8_t)kind)
		at++;
	struct kith_secret *item = &secrets->items[at];
	if (at == secrets->n || item->kind != (uint8_t)kind) {
		if (secrets->n == KITH_SECRETS_MAX)
			return KITH_EFULL;
		memmove(item + 1, item, (secrets->n - at) * sizeof *item);
		secrets->n++;
	}
	memset(item, 0, sizeof *item);
	item->kind = (uint8_t)kind;
	item->len = sizeof seed->b;
	memcpy(item->b, seed->b, sizeof seed->b);
	return 0;
}

void kith_secrets_wipe(struct kith_secrets *secrets)
{
	kith_wipe(secrets, sizeof *secrets);
}

int kith_secrets_parse(struct kith_secrets *out, struct kith_span plain)
{
	int last = -1;
	memset(out, 0, sizeof *out);
	if (plain.len == 0)
		return KITH_EPROTO;
	struct kith_reader r = kith_reader_of_span(plain);
	size_t n = kith_read_u8(&r);
	if (n > KITH_SECRETS_MAX)
		return KITH_EPROTO;
	for (size_t i = 0; i < n; i++) {
		struct kith_secret *item = &out->items[i];
		item->kind = kith_read_u8(&r);
		item->len = kith_read_u8(&r);
		if (r.bad || item->kind <= last || item->len > KITH_SECRET_LEN_MAX ||
		    (known_kind(item->kind) && item->len != sizeof(struct kith_seed))) {
			r.bad = true;
			break;
		}
		last = item->kind;
		kith_read_bytes(&r, item->b, item->len);
	}
	if (!kith_reader_done(&r)) {
		kith_secrets_wipe(out);
		return KITH_EPROTO;
	}
	out->n = (uint8_t)n;
	return 0;
}

void kith_secrets_write(struct kith_writer *w, const struct kith_secrets *secrets)
{
	KITH_ASSERT(secrets->n <= KITH_SECRETS_MAX);
	kith_write_u8(w, secrets->n);
	for (size_t i = 0; i < secrets->n; i++) {
		const struct kith_secret *item = &secrets->items[i];
		kith_write_u8(w, item->kind);
		kith_write_u8(w, item->len);
		kith_write_bytes(w, item->b, item->len);
	}
}

/* Unprotected files have zeros where the parameters would be: one file, one encoding. */
static bool parameters_valid(const struct kith_sealed *s)
{
	static const uint8_t zeros[KITH_XNONCE_LEN];
	if (s->protection == KITH_PROTECTION_ARGON2ID)
		return s->ops >= KITH_SEALED_OPS_MIN && s->ops <= KITH_SEALED_OPS_MAX &&
		       s->mem_kib >= KITH_SEALED_MEM_KIB_MIN && s->mem_kib <= KITH_SEALED_MEM_KIB_MAX;
	return s->protection == KITH_PROTECTION_NONE && s->ops == 0 && s->mem_kib == 0 &&
	       memcmp(s->salt, zeros, sizeof s->salt) == 0 && memcmp(s->nonce, zeros, sizeof s->nonce) == 0;
}

int kith_sealed_parse(struct kith_sealed *out, struct kith_span file)
{
	memset(out, 0, sizeof *out);
	if (file.p == NULL || file.len < KITH_SEALED_HEADER_LEN || memcmp(file.p, KITH_SEALED_MAGIC, MAGIC_LEN) != 0)
		return KITH_EPROTO;
	struct kith_reader r;
	struct kith_span object = { file.p + MAGIC_LEN, file.len - MAGIC_LEN };
	int err = kith_object_begin(&r, object, KITH_OBJECT_KEYS);
	if (err != 0)
		return err;
	out->protection = kith_read_u8(&r);
	out->ops = kith_read_u32(&r);
	out->mem_kib = kith_read_u32(&r);
	kith_read_bytes(&r, out->salt, sizeof out->salt);
	kith_read_bytes(&r, out->nonce, sizeof out->nonce);
	size_t len = kith_read_u16(&r);
	out->header.p = file.p;
	out->header.len = KITH_SEALED_HEADER_LEN;
	out->body = kith_read_span(&r, len);
	if (!kith_reader_done(&r) || !parameters_valid(out))
		return KITH_EPROTO;
	size_t overhead = out->protection == KITH_PROTECTION_NONE ? CHECKSUM_LEN : KITH_AEAD_TAG_LEN;
	return len > overhead && len - overhead <= KITH_SECRETS_LEN_MAX ? 0 : KITH_EPROTO;
}

static void checksum(const struct kith_suite *suite, uint8_t out[CHECKSUM_LEN], struct kith_span header,
		     struct kith_span plain)
{
	const struct kith_span no_key = { NULL, 0 }, parts[] = { header, plain };
	suite->blake2b(out, CHECKSUM_LEN, no_key, parts, 2);
}

int kith_sealed_open(const struct kith_suite *suite, const struct kith_sealed *sealed,
		     const uint8_t key[KITH_AEAD_KEY_LEN], struct kith_secrets *out)
{
	memset(out, 0, sizeof *out);
	if (sealed->protection == KITH_PROTECTION_NONE) {
		uint8_t sum[CHECKSUM_LEN];
		struct kith_span plain = { sealed->body.p, sealed->body.len - CHECKSUM_LEN };
		checksum(suite, sum, sealed->header, plain);
		if (memcmp(sum, plain.p + plain.len, CHECKSUM_LEN) != 0)
			return KITH_EPROTO;
		return kith_secrets_parse(out, plain);
	}
	if (key == NULL)
		return KITH_EINVAL;
	uint8_t plain[KITH_SECRETS_LEN_MAX];
	struct kith_span opened = { plain, sealed->body.len - KITH_AEAD_TAG_LEN };
	int err = suite->xopen(plain, key, sealed->nonce, sealed->header, sealed->body.p, sealed->body.len);
	err = err != 0 ? KITH_EPASSPHRASE : kith_secrets_parse(out, opened);
	kith_wipe(plain, sizeof plain);
	return err;
}

int kith_sealed_seal(const struct kith_suite *suite, uint8_t out[KITH_SEALED_LEN_MAX], const struct kith_sealed *head,
		     const uint8_t key[KITH_AEAD_KEY_LEN], const struct kith_secrets *secrets)
{
	bool plain = head->protection == KITH_PROTECTION_NONE;
	if (!parameters_valid(head) || (!plain && key == NULL) || secrets->n > KITH_SECRETS_MAX)
		return KITH_EINVAL;
	uint8_t contents[KITH_SECRETS_LEN_MAX];
	struct kith_writer c = kith_writer_of(contents, sizeof contents);
	struct kith_secrets check;
	kith_secrets_write(&c, secrets);
	struct kith_span content = { contents, kith_writer_len(&c) };
	int err = c.bad ? KITH_EINVAL : kith_secrets_parse(&check, content);
	kith_secrets_wipe(&check);
	if (err == 0) {
		struct kith_writer w = kith_writer_of(out, KITH_SEALED_LEN_MAX);
		size_t len = content.len + (plain ? CHECKSUM_LEN : KITH_AEAD_TAG_LEN);
		kith_write_bytes(&w, (const uint8_t *)KITH_SEALED_MAGIC, MAGIC_LEN);
		kith_object_write_header(&w, KITH_OBJECT_KEYS);
		kith_write_u8(&w, head->protection);
		kith_write_u32(&w, head->ops);
		kith_write_u32(&w, head->mem_kib);
		kith_write_bytes(&w, head->salt, sizeof head->salt);
		kith_write_bytes(&w, head->nonce, sizeof head->nonce);
		kith_write_u16(&w, (uint16_t)len);
		struct kith_span header = { out, kith_writer_len(&w) };
		uint8_t *body = kith_write(&w, len);
		KITH_ASSERT(body != NULL && header.len == KITH_SEALED_HEADER_LEN);
		if (plain) {
			memcpy(body, content.p, content.len);
			checksum(suite, body + content.len, header, content);
		} else {
			suite->xseal(body, key, head->nonce, header, content.p, content.len);
		}
		err = (int)kith_writer_len(&w);
	}
	kith_wipe(contents, sizeof contents);
	return err == KITH_EPROTO ? KITH_EINVAL : err;
}
