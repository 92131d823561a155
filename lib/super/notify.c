#include "super/notify.h"

/* One item to a request: a record fills most of a packet. 0: it does not fit. */
static size_t pack_news(uint8_t *out, size_t cap, const struct kith_id *key, uint32_t field, struct kith_span item)
{
	struct kith_packer pk;
	kith_packer_init(&pk, out, cap);
	kith_pack_map(&pk, 2);
	kith_pack_key(&pk, field);
	kith_pack_array(&pk, 1);
	kith_pack_bytes(&pk, item.p, item.len);
	kith_pack_key(&pk, KITH_B_NEWS_KEY);
	kith_pack_bytes(&pk, key->b, KITH_ID_LEN);
	return pk.bad ? 0 : pk.len;
}

/* Repeated as long as the watcher is believed to be there: news must not be lost to a move of its. Beyond the queue, it
 * learns it at its next renewal. */
static void notify(struct kith_core *c, uint32_t session, struct kith_span body)
{
	struct kith_session *s = kith_sessions_get(&c->sessions, session);
	if (s != NULL && s->state == KITH_SESSION_OPEN && body.len > 0 &&
	    kith_session_request_for(c, s, KITH_REQ_NOTIFY, body, kith_token(KITH_TOKEN_IGNORE, 0),
				     KITH_LEAF_VANISH_US) != 0)
		kith_stats_add(c->stats, KITH_STAT_NOTIFY_DROPPED, 1);
}

void kith_notify_one(struct kith_core *c, uint32_t session, const struct kith_id *key, uint32_t field,
		     struct kith_span item)
{
	uint8_t body[KITH_REQUEST_MAX];
	notify(c, session, (struct kith_span){ body, pack_news(body, sizeof body, key, field, item) });
}

void kith_notify_all(struct kith_core *c, const struct kith_watches *ws, const struct kith_id *key,
		     struct kith_span records[], size_t records_n, struct kith_span vanished[], size_t vanished_n)
{
	uint32_t refs[64];
	uint8_t body[KITH_REQUEST_MAX];
	for (uint32_t skip = 0, n = 1; n > 0; skip += n) {
		n = kith_watches_of(ws, key, skip, refs, 64);
		for (size_t i = 0; i < records_n + vanished_n; i++) {
			bool is_record = i < records_n;
			size_t len = pack_news(body, sizeof body, key,
					       is_record ? KITH_B_NEWS_RECORDS : KITH_B_NEWS_VANISHED,
					       is_record ? records[i] : vanished[i - records_n]);
			for (uint32_t k = 0; k < n; k++)
				notify(c, refs[k], (struct kith_span){ body, len });
		}
	}
}

static bool watched(const struct kith_core *c, const struct kith_id *key)
{
	uint32_t ref;
	return kith_watches_of(&c->super->interests, key, 0, &ref, 1) > 0;
}

void kith_notify_pass_on(struct kith_core *c, const struct kith_id *key, const struct kith_unpacked *pk)
{
	/* Readers verify what they read; so does the home, or any supernode could make it write to all who watch a
	 * name. */
	struct kith_record record;
	struct kith_vanish vanish;
	struct kith_person person;
	struct kith_span bytes;
	struct kith_unpack_list records = kith_unpack_list(pk, kith_unpack_root(pk), KITH_B_NEWS_RECORDS);
	struct kith_unpack_list vanished = kith_unpack_list(pk, kith_unpack_root(pk), KITH_B_NEWS_VANISHED);
	while (kith_unpack_list_next(&records, &bytes)) {
		if (watched(c, key) && kith_record_parse(&record, bytes) == 0 &&
		    memcmp(record.key.b, key->b, KITH_ID_LEN) == 0 &&
		    kith_record_verify(&record, &c->trust, &c->now, &person) == 0)
			kith_notify_all(c, &c->super->interests, key, &bytes, 1, NULL, 0);
	}
	while (kith_unpack_list_next(&vanished, &bytes)) {
		if (watched(c, key) && kith_vanish_parse(&vanish, bytes) == 0 &&
		    memcmp(vanish.key.b, key->b, KITH_ID_LEN) == 0)
			kith_notify_all(c, &c->super->interests, key, NULL, 0, &bytes, 1);
	}
}
