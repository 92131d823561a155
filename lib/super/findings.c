#include "super/findings.h"

#include "base/assert.h"

static void forget(struct kith_core *c, struct kith_finding *d)
{
	kith_blob_unref(&c->shared->blobs, d->record);
	for (size_t h = 0; h < KITH_HOMES; h++)
		kith_blob_unref(&c->shared->blobs, d->reports[h]);
}

void kith_findings_clear(struct kith_core *c, struct kith_findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		forget(c, &f->at[i]);
	f->n = 0;
}

void kith_findings_record(struct kith_core *c, struct kith_findings *f, const struct kith_record *record)
{
	struct kith_finding *d = NULL;
	for (size_t i = 0; i < f->n; i++) {
		if (memcmp(f->at[i].device, record->device.b, KITH_DEVICE_ID_LEN) == 0)
			d = &f->at[i];
	}
	if (d == NULL && f->n == KITH_STORE_DEVICES)
		return;
	if (d != NULL && d->seq >= record->seq)
		return;
	struct kith_blob *blob = kith_blob_intern(&c->shared->blobs, record->bytes.p, record->bytes.len);
	if (blob == NULL)
		return;
	if (d == NULL)
		d = &f->at[f->n++];
	forget(c, d);
	memset(d, 0, sizeof *d);
	d->record = blob;
	d->seq = record->seq;
	memcpy(d->device, record->device.b, KITH_DEVICE_ID_LEN);
}

void kith_findings_report(struct kith_core *c, struct kith_findings *f, struct kith_span bytes)
{
	struct kith_vanish vanish;
	struct kith_record record;
	if (kith_vanish_parse(&vanish, bytes) != 0)
		return;
	for (size_t i = 0; i < f->n; i++) {
		struct kith_finding *d = &f->at[i];
		if (d->seq != vanish.seq || kith_record_parse(&record, kith_blob_span(d->record)) != 0)
			continue;
		int home = kith_vanish_verify(&vanish, &record, c->suite, &c->now);
		if (home >= 0 && d->reports[home] == NULL)
			d->reports[home] = kith_blob_intern(&c->shared->blobs, bytes.p, bytes.len);
	}
}

void kith_findings_stored(struct kith_core *c, struct kith_findings *f, const struct kith_id *key)
{
	for (const struct kith_stored *st = kith_store_get(&c->super->store, key); st != NULL; st = st->next) {
		struct kith_record record;
		if (kith_record_parse(&record, kith_blob_span(st->record)) == 0)
			kith_findings_record(c, f, &record);
		for (size_t h = 0; h < st->homes_n; h++) {
			if (st->reports[h] != NULL)
				kith_findings_report(c, f, kith_blob_span(st->reports[h]));
		}
	}
}

static void pack_spans(struct kith_packer *pk, uint32_t key, const struct kith_span list[], size_t n)
{
	kith_pack_key(pk, key);
	kith_pack_array(pk, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		kith_pack_bytes(pk, list[i].p, list[i].len);
}

void kith_findings_spans(const struct kith_findings *f, struct kith_findings_spans *out)
{
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < f->n; i++) {
		out->records[out->records_n++] = kith_blob_span(f->at[i].record);
		for (size_t h = 0; h < KITH_HOMES; h++) {
			if (f->at[i].reports[h] != NULL)
				out->vanished[out->vanished_n++] = kith_blob_span(f->at[i].reports[h]);
		}
	}
}

/* All records with all reports fit an answer, however long they are: what may have to be left out is members. */
#define ITEM_HEADER 3
#define LISTS_HEADER 16
KITH_STATIC_ASSERT(KITH_STORE_DEVICES *(KITH_RECORD_LEN_MAX + ITEM_HEADER) +
				   KITH_STORE_DEVICES * KITH_HOMES * (KITH_VANISH_LEN_MAX + ITEM_HEADER) +
				   LISTS_HEADER <=
			   KITH_ANSWER_MAX,
		   "what is found fits an answer");

size_t kith_findings_pack(const struct kith_findings_spans *spans, uint8_t out[KITH_ANSWER_MAX])
{
	for (size_t members_n = spans->members_n;; members_n--) {
		struct kith_packer pk;
		kith_packer_init(&pk, out, KITH_ANSWER_MAX);
		kith_pack_map(&pk, members_n > 0 ? 3 : 2);
		pack_spans(&pk, KITH_B_FOUND_RECORDS, spans->records, spans->records_n);
		pack_spans(&pk, KITH_B_FOUND_VANISHED, spans->vanished, spans->vanished_n);
		if (members_n > 0)
			pack_spans(&pk, KITH_B_FOUND_MEMBERS, spans->members, members_n);
		if (!pk.bad)
			return pk.len;
		KITH_ASSERT(members_n > 0);
	}
}
