/* Revocation lists; see revocation.h. */
#include "identity/revocation.h"

#include "base/assert.h"

KITH_STATIC_ASSERT(2 + 1 + KITH_ISSUER_ID_LEN + 8 + 10 + 2 + KITH_REVOKED_RANGES_MAX * KITH_REVOKED_RANGE_LEN + 2 +
				   KITH_REVOKED_KEYS_MAX * KITH_KEY_LEN + 1 + KITH_EXT_MAX + KITH_SIG_LEN <=
			   KITH_REVOCATION_LEN_MAX,
		   "a full list fits");

static uint64_t load_u64(const uint8_t *p)
{
	struct kith_reader r = kith_reader_of(p, 8);
	return kith_read_u64(&r);
}

struct kith_serial_range kith_revocation_range(const struct kith_revocation *list, size_t i)
{
	KITH_ASSERT(i < list->ranges_n);
	const uint8_t *p = list->ranges + i * KITH_REVOKED_RANGE_LEN;
	struct kith_serial_range range = { load_u64(p), load_u64(p + 8) };
	return range;
}

int kith_revocation_view(struct kith_revocation *out, struct kith_span list)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = kith_object_begin(&r, list, KITH_OBJECT_REVOCATION);
	if (err != 0)
		return err;
	out->signer = kith_read_u8(&r);
	kith_read_bytes(&r, out->signer_id, KITH_ISSUER_ID_LEN);
	out->number = kith_read_u64(&r);
	kith_object_read_validity(&r, &out->issued_s, &out->next_update_s);
	out->ranges_n = kith_read_u16(&r);
	out->ranges = kith_read(&r, (size_t)out->ranges_n * KITH_REVOKED_RANGE_LEN);
	out->keys_n = kith_read_u16(&r);
	out->keys = kith_read(&r, (size_t)out->keys_n * KITH_KEY_LEN);
	if (r.bad || out->ranges_n > KITH_REVOKED_RANGES_MAX || out->keys_n > KITH_REVOKED_KEYS_MAX)
		return KITH_EPROTO;
	if (out->signer != KITH_REVOKED_BY_ROOT && out->signer != KITH_REVOKED_BY_ISSUER)
		return KITH_EPROTO;
	return kith_object_end(&r, list, &out->s);
}

int kith_revocation_grace(const struct kith_revocation *list, uint32_t *grace_s)
{
	struct kith_reader r = kith_reader_of_span(list->s.ext);
	while (kith_reader_left(&r) > 0) {
		uint8_t type = kith_read_u8(&r);
		size_t len = kith_read_u8(&r);
		if (type != KITH_EXT_LIST_GRACE) {
			(void)kith_read(&r, len);
			continue;
		}
		*grace_s = kith_read_u32(&r);
		return len == 4 ? 1 : KITH_EPROTO;
	}
	return 0;
}

int kith_revocation_parse(struct kith_revocation *out, struct kith_span list)
{
	int err = kith_revocation_view(out, list);
	if (err != 0)
		return err;
	uint32_t grace_s;
	if (kith_revocation_grace(out, &grace_s) < 0)
		return KITH_EPROTO;
	struct kith_serial_range last = { 0, 0 };
	for (size_t i = 0; i < out->ranges_n; i++) {
		struct kith_serial_range range = kith_revocation_range(out, i);
		/* Ranges that touch would have been merged: one set of serials has one encoding. */
		if (range.first > range.last || (i > 0 && (last.last == UINT64_MAX || range.first <= last.last + 1)))
			return KITH_EPROTO;
		last = range;
	}
	for (size_t i = 1; i < out->keys_n; i++)
		if (memcmp(out->keys + (i - 1) * KITH_KEY_LEN, out->keys + i * KITH_KEY_LEN, KITH_KEY_LEN) >= 0)
			return KITH_EPROTO;
	return 0;
}

bool kith_revocation_has_serial(const struct kith_revocation *list, uint64_t serial)
{
	size_t low = 0, high = list->ranges_n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct kith_serial_range range = kith_revocation_range(list, mid);
		if (serial < range.first)
			high = mid;
		else if (serial > range.last)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

bool kith_revocation_has_key(const struct kith_revocation *list, const struct kith_key *key)
{
	size_t low = 0, high = list->keys_n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = memcmp(key->b, list->keys + mid * KITH_KEY_LEN, KITH_KEY_LEN);
		if (order == 0)
			return true;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

/* Inserts a row of len bytes into n ascending rows; equal rows may stand side by side. */
static void insert_row(uint8_t *rows, size_t n, const uint8_t *row, size_t len)
{
	size_t at = n;
	while (at > 0 && memcmp(rows + (at - 1) * len, row, len) > 0)
		at--;
	memmove(rows + (at + 1) * len, rows + at * len, (n - at) * len);
	memcpy(rows + at * len, row, len);
}

/* Sorts in place (big-endian rows sort as their numbers do), then merges what overlaps or touches. */
static size_t put_ranges(uint8_t *rows, const struct kith_serial_range ranges[], size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t row[KITH_REVOKED_RANGE_LEN];
		struct kith_writer w = kith_writer_of(row, sizeof row);
		kith_write_u64(&w, ranges[i].first);
		kith_write_u64(&w, ranges[i].last);
		insert_row(rows, i, row, sizeof row);
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *row = rows + i * KITH_REVOKED_RANGE_LEN;
		uint8_t *end = kept > 0 ? rows + (kept - 1) * KITH_REVOKED_RANGE_LEN + 8 : NULL;
		if (end != NULL && (load_u64(end) == UINT64_MAX || load_u64(row) <= load_u64(end) + 1)) {
			if (load_u64(row + 8) > load_u64(end))
				memmove(end, row + 8, 8);
			continue;
		}
		memmove(rows + kept * KITH_REVOKED_RANGE_LEN, row, KITH_REVOKED_RANGE_LEN);
		kept++;
	}
	return kept;
}

static size_t put_keys(uint8_t *rows, const struct kith_key keys[], size_t n)
{
	struct kith_revocation so_far = { .keys = rows };
	for (size_t i = 0; i < n; i++) {
		if (kith_revocation_has_key(&so_far, &keys[i]))
			continue;
		insert_row(rows, so_far.keys_n, keys[i].b, KITH_KEY_LEN);
		so_far.keys_n++;
	}
	return so_far.keys_n;
}

int kith_revocation_sign(const struct kith_suite *suite, uint8_t *out, size_t cap, const struct kith_revocation *list,
			 const struct kith_serial_range ranges[], size_t ranges_n, const struct kith_key keys[],
			 size_t keys_n, const uint8_t sk[KITH_SIGN_SK_LEN])
{
	struct kith_writer w = kith_writer_of(out, cap);
	if (ranges_n > KITH_REVOKED_RANGES_MAX || keys_n > KITH_REVOKED_KEYS_MAX)
		return KITH_EFULL;
	for (size_t i = 0; i < ranges_n; i++)
		if (ranges[i].first > ranges[i].last)
			return KITH_EINVAL;
	if (list->issued_s < 0 || list->issued_s > list->next_update_s || list->next_update_s > KITH_UNIX_S_MAX ||
	    list->s.ext.len > KITH_EXT_MAX)
		return KITH_EINVAL;
	kith_object_write_header(&w, KITH_OBJECT_REVOCATION);
	kith_write_u8(&w, list->signer);
	kith_write_bytes(&w, list->signer_id, KITH_ISSUER_ID_LEN);
	kith_write_u64(&w, list->number);
	kith_object_write_time(&w, list->issued_s);
	kith_object_write_time(&w, list->next_update_s);
	uint8_t *count = kith_write(&w, 2);
	uint8_t *rows = kith_write(&w, ranges_n * KITH_REVOKED_RANGE_LEN);
	if (rows == NULL)
		return KITH_EMSGSIZE;
	size_t kept = put_ranges(rows, ranges, ranges_n);
	struct kith_writer counted = kith_writer_of(count, 2);
	kith_write_u16(&counted, (uint16_t)kept);
	w.len = (size_t)(rows - w.start) + kept * KITH_REVOKED_RANGE_LEN;

	count = kith_write(&w, 2);
	rows = kith_write(&w, keys_n * KITH_KEY_LEN);
	if (rows == NULL)
		return KITH_EMSGSIZE;
	kept = put_keys(rows, keys, keys_n);
	counted = kith_writer_of(count, 2);
	kith_write_u16(&counted, (uint16_t)kept);
	w.len = (size_t)(rows - w.start) + kept * KITH_KEY_LEN;

	kith_object_write_ext(&w, list->s.ext);
	int len = kith_object_sign(suite, &w, KITH_SIGN_REVOCATION, sk);
	if (len < 0)
		return len;
	struct kith_revocation check;
	struct kith_span whole = { out, (size_t)len };
	return kith_revocation_parse(&check, whole) == 0 ? len : KITH_EINVAL;
}
