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
		unsigned known = 0;
		for (unsigned h = 0; h < KITH_HOMES; h++)
			known |= d->reports[h] != NULL ? 1u << h : 0;
		int home = kith_vanish_verify(&vanish, &record, known, c->suite, &c->now);
		if (home >= 0)
			d->reports[home] = kith_blob_intern(&c->shared->blobs, bytes.p, bytes.len);
	}
}

void kith_findings_stored(struct kith_core *c, struct kith_findings *f, const struct kith_id *key,
			  struct kith_span tokens)
{
	for (const struct kith_stored *st = kith_store_get(&c->super->store, key); st != NULL; st = st->next) {
		const struct kith_store_view view = kith_store_view(st, c->suite, &c->now, tokens);
		struct kith_record record;
		if (kith_record_parse(&record, kith_blob_span(view.record)) != 0)
			continue;
		kith_findings_record(c, f, &record);
		for (size_t h = 0; h < KITH_HOMES; h++) {
			if (view.reports[h] != NULL)
				kith_findings_report(c, f, kith_blob_span(view.reports[h]));
		}
	}
}

KITH_STATIC_ASSERT(KITH_STORE_DEVICES *(1 + KITH_HOMES) <= KITH_PACK_ITEMS_MAX, "what is found fits a room");

void kith_findings_message(const struct kith_findings *f, struct kith_msg_room *room, struct kith_msg_found *out)
{
	memset(out, 0, sizeof *out);
	room->n = 0;
	out->records.at = room->at;
	for (size_t i = 0; i < f->n; i++)
		room->at[room->n++] = kith_blob_span(f->at[i].record);
	out->records.n = room->n;
	out->vanished.at = room->at + room->n;
	for (size_t i = 0; i < f->n; i++) {
		for (size_t h = 0; h < KITH_HOMES; h++) {
			if (f->at[i].reports[h] != NULL)
				room->at[room->n++] = kith_blob_span(f->at[i].reports[h]);
		}
	}
	out->vanished.n = room->n - out->records.n;
}

static uint8_t doubts_of(const struct kith_members *ms, const struct kith_finding *d)
{
	struct kith_record record;
	uint8_t doubts = 0;
	int err = kith_record_parse(&record, kith_blob_span(d->record));
	KITH_ASSERT(err == 0); /* it parsed when it was found */
	for (uint8_t i = 0; i < record.homes_n; i++)
		doubts |= (uint8_t)((unsigned)kith_members_refute(ms, &record.homes[i]) << i);
	return doubts;
}

struct kith_span kith_findings_doubts(const struct kith_core *c, const struct kith_findings *f,
				      uint8_t room[KITH_STORE_DEVICES])
{
	bool some = false;
	for (uint8_t i = 0; i < f->n; i++) {
		room[i] = doubts_of(&c->super->members, &f->at[i]);
		some = some || room[i] != 0;
	}
	return (struct kith_span){ room, some ? f->n : 0 };
}

/* All records with all reports fit an answer, however long they are; only members may have to be left out. */
enum { ITEM_HEADER = 3, LISTS_HEADER = 28 };
KITH_STATIC_ASSERT(KITH_STORE_DEVICES *(KITH_RECORD_LEN_MAX + ITEM_HEADER) +
				   KITH_STORE_DEVICES * KITH_HOMES * (KITH_VANISH_LEN_MAX + ITEM_HEADER) +
				   LISTS_HEADER <=
			   KITH_ANSWER_MAX,
		   "what is found fits an answer");

static size_t write_answer(uint8_t out[KITH_ANSWER_MAX], const struct kith_msg_found *found)
{
	struct kith_msg_found m = *found;
	for (;; m.members.n--) {
		size_t len = kith_msg_found_write(out, KITH_ANSWER_MAX, &m);
		if (len > 0)
			return len;
		KITH_ASSERT(m.members.n > 0);
	}
}

void kith_findings_answer(struct kith_core *c, struct kith_session *s, uint16_t id, const struct kith_findings *f,
			  const struct kith_msg_found *found)
{
	uint8_t body[KITH_ANSWER_MAX];
	struct kith_kept_stretch kept[KITH_STORE_DEVICES];
	const struct kith_kept_stretches records = { &c->shared->blobs, kept, f->n };
	for (uint8_t i = 0; i < f->n; i++)
		kept[i] = (struct kith_kept_stretch){ f->at[i].record, 0 };
	size_t len = f->n + found->members.n > 0 ? write_answer(body, found) : 0;
	kith_session_answer_shared(c, s, id, f->n > 0 && len > 0 ? KITH_STATUS_OK : KITH_STATUS_NOT_FOUND,
				   (struct kith_span){ body, len }, &records);
}
