#include "wire/message.h"

#include "base/assert.h"
#include "codec/cursor.h"
#include "wire/frame.h"
#include "wire/message_internal.h"

/* ---- what the kinds share ---- */

struct kith_msg_draft kith_msg_begin(uint8_t *out, size_t cap)
{
	struct kith_msg_draft d;
	kith_packer_init(&d.pk, out, cap);
	d.map = kith_pack_map_begin(&d.pk);
	return d;
}

size_t kith_msg_end(struct kith_msg_draft *d)
{
	kith_pack_map_end(&d->pk, d->map);
	return d->pk.bad ? 0 : d->pk.len;
}

void kith_msg_put_uint(struct kith_msg_draft *d, uint32_t key, uint64_t v)
{
	kith_pack_key(&d->pk, key);
	kith_pack_uint(&d->pk, v);
}

void kith_msg_put_bool(struct kith_msg_draft *d, uint32_t key, bool v)
{
	kith_pack_key(&d->pk, key);
	kith_pack_bool(&d->pk, v);
}

void kith_msg_put_bytes(struct kith_msg_draft *d, uint32_t key, const uint8_t *p, size_t len)
{
	kith_pack_key(&d->pk, key);
	kith_pack_bytes(&d->pk, p, len);
}

void kith_msg_put_list(struct kith_msg_draft *d, uint32_t key, struct kith_spans list)
{
	kith_pack_key(&d->pk, key);
	kith_pack_array(&d->pk, (uint32_t)list.n);
	for (size_t i = 0; i < list.n; i++)
		kith_pack_bytes(&d->pk, list.at[i].p, list.at[i].len);
}

bool kith_msg_get_uint(const struct kith_unpacked *in, uint32_t key, uint64_t max, uint64_t *out)
{
	return kith_unpack_get_uint(in, kith_unpack_root(in), key, max, out);
}

bool kith_msg_get_bytes(const struct kith_unpacked *in, uint32_t key, size_t len_max, struct kith_span *out)
{
	return kith_unpack_get_bytes(in, kith_unpack_root(in), key, len_max, out);
}

bool kith_msg_get_fixed(const struct kith_unpacked *in, uint32_t key, uint8_t *out, size_t len)
{
	return kith_unpack_get_fixed(in, kith_unpack_root(in), key, out, len);
}

struct kith_spans kith_msg_get_list(const struct kith_unpacked *in, uint32_t key, size_t len,
				    struct kith_msg_room *room)
{
	struct kith_unpack_list list = kith_unpack_list(in, kith_unpack_root(in), key);
	struct kith_spans out = { room->at + room->n, 0 };
	struct kith_span bytes;
	while (kith_unpack_list_next(&list, &bytes)) {
		if (len != 0 && bytes.len != len)
			continue;
		KITH_ASSERT(room->n < KITH_PACK_ITEMS_MAX); /* a place for every item of a body */
		room->at[room->n++] = bytes;
		out.n++;
	}
	return out;
}

/* ---- homes ---- */

size_t kith_msg_attach_write(uint8_t *out, size_t cap, const struct kith_msg_attach *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	if (m->record.p != NULL)
		kith_msg_put_bytes(&d, KITH_B_ATTACH_RECORD, m->record.p, m->record.len);
	if (m->record.p != NULL || m->publish)
		kith_msg_put_bool(&d, KITH_B_ATTACH_PUBLISH, m->publish);
	return kith_msg_end(&d);
}

int kith_msg_attach_read(struct kith_msg_attach *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	(void)kith_msg_get_bytes(&in, KITH_B_ATTACH_RECORD, KITH_RECORD_LEN_MAX, &out->record);
	(void)kith_unpack_get_bool(&in, kith_unpack_root(&in), KITH_B_ATTACH_PUBLISH, &out->publish);
	return 0;
}

size_t kith_msg_attached_write(uint8_t *out, size_t cap, const struct kith_msg_attached *m)
{
	uint8_t observed[KITH_ENDPOINT_LEN_MAX];
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	if (kith_endpoint_kind_known(m->observed.kind)) {
		struct kith_writer w = kith_writer_of(observed, sizeof observed);
		kith_endpoint_write(&w, &m->observed);
		kith_msg_put_bytes(&d, KITH_B_ATTACHED_OBSERVED, observed, kith_writer_len(&w));
	}
	kith_msg_put_uint(&d, KITH_B_ATTACHED_UNIX_MS, (uint64_t)m->unix_ms);
	if (m->wait_ms > 0)
		kith_msg_put_uint(&d, KITH_B_ATTACHED_WAIT_MS, m->wait_ms);
	return kith_msg_end(&d);
}

int kith_msg_attached_read(struct kith_msg_attached *out, struct kith_span body)
{
	struct kith_unpacked in;
	struct kith_span bytes;
	uint64_t unix_ms = 0, wait_ms = 0;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	if (kith_msg_get_bytes(&in, KITH_B_ATTACHED_OBSERVED, KITH_ENDPOINT_BYTES_MAX, &bytes)) {
		struct kith_reader r = kith_reader_of_span(bytes);
		if (!kith_endpoint_read(&r, &out->observed) || !kith_reader_done(&r))
			out->observed = (struct kith_endpoint){ 0 };
	}
	(void)kith_msg_get_uint(&in, KITH_B_ATTACHED_UNIX_MS, INT64_MAX, &unix_ms);
	out->unix_ms = (int64_t)unix_ms;
	(void)kith_msg_get_uint(&in, KITH_B_ATTACHED_WAIT_MS, UINT32_MAX, &wait_ms);
	out->wait_ms = (uint32_t)wait_ms;
	return 0;
}

size_t kith_msg_leave_write(uint8_t *out, size_t cap, const struct kith_msg_leave *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_LEAVE_MS, m->in_ms);
	if (m->hosts.n > 0)
		kith_msg_put_list(&d, KITH_B_LEAVE_HOSTS, m->hosts);
	if (m->members.n > 0 || m->hosts.n == 0)
		kith_msg_put_list(&d, KITH_B_LEAVE_MEMBERS, m->members);
	return kith_msg_end(&d);
}

int kith_msg_leave_read(struct kith_msg_leave *out, struct kith_msg_room *room, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	room->n = 0;
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	(void)kith_msg_get_uint(&in, KITH_B_LEAVE_MS, UINT64_MAX, &out->in_ms);
	out->hosts = kith_msg_get_list(&in, KITH_B_LEAVE_HOSTS, 0, room);
	out->members = kith_msg_get_list(&in, KITH_B_LEAVE_MEMBERS, 0, room);
	return 0;
}

size_t kith_msg_members_write(uint8_t *out, size_t cap, const struct kith_msg_members *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_MEMBERS_N, m->n);
	return kith_msg_end(&d);
}

int kith_msg_members_read(struct kith_msg_members *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	(void)kith_msg_get_uint(&in, KITH_B_MEMBERS_N, UINT64_MAX, &out->n);
	return 0;
}

size_t kith_msg_named_write(uint8_t *out, size_t cap, const struct kith_msg_named *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_list(&d, KITH_B_MEMBERS_ENTRIES, m->entries);
	return kith_msg_end(&d);
}

int kith_msg_named_read(struct kith_msg_named *out, struct kith_msg_room *room, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	room->n = 0;
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	out->entries = kith_msg_get_list(&in, KITH_B_MEMBERS_ENTRIES, 0, room);
	return 0;
}

size_t kith_msg_help_write(uint8_t *out, size_t cap, const struct kith_msg_help *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_HELP_TOKEN, m->token.p, m->token.len);
	return kith_msg_end(&d);
}

int kith_msg_help_read(struct kith_msg_help *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 ||
	    !kith_msg_get_bytes(&in, KITH_B_HELP_TOKEN, KITH_HELP_TOKEN_MAX, &out->token))
		return KITH_EPROTO;
	return 0;
}

size_t kith_msg_helped_write(uint8_t *out, size_t cap, const struct kith_msg_helped *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_HELPED_PLACES, m->places);
	return kith_msg_end(&d);
}

int kith_msg_helped_read(struct kith_msg_helped *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	(void)kith_msg_get_uint(&in, KITH_B_HELPED_PLACES, UINT64_MAX, &out->places);
	return 0;
}

/* ---- the directory ---- */

size_t kith_msg_find_write(uint8_t *out, size_t cap, const struct kith_msg_find *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_FIND_KEY, m->key.b, KITH_ID_LEN);
	if (m->nearer.n > 0)
		kith_msg_put_list(&d, KITH_B_FIND_NEARER, m->nearer);
	if (m->members > 0)
		kith_msg_put_uint(&d, KITH_B_FIND_MEMBERS, m->members);
	if (m->tokens.p != NULL)
		kith_msg_put_bytes(&d, KITH_B_FIND_TOKENS, m->tokens.p, m->tokens.len);
	return kith_msg_end(&d);
}

int kith_msg_find_read(struct kith_msg_find *out, struct kith_msg_room *room, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	room->n = 0;
	if (kith_unpack_parse(&in, body) != 0 || !kith_msg_get_fixed(&in, KITH_B_FIND_KEY, out->key.b, KITH_ID_LEN))
		return KITH_EPROTO;
	out->nearer = kith_msg_get_list(&in, KITH_B_FIND_NEARER, KITH_MEMBER_ID_PREFIX, room);
	(void)kith_msg_get_uint(&in, KITH_B_FIND_MEMBERS, UINT64_MAX, &out->members);
	if (kith_msg_get_bytes(&in, KITH_B_FIND_TOKENS, KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN, &out->tokens) &&
	    !kith_follow_well_formed(out->tokens))
		out->tokens = (struct kith_span){ NULL, 0 };
	return 0;
}

size_t kith_msg_found_write(uint8_t *out, size_t cap, const struct kith_msg_found *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_list(&d, KITH_B_FOUND_RECORDS, m->records);
	kith_msg_put_list(&d, KITH_B_FOUND_VANISHED, m->vanished);
	if (m->members.n > 0)
		kith_msg_put_list(&d, KITH_B_FOUND_MEMBERS, m->members);
	if (m->doubted.len > 0)
		kith_msg_put_bytes(&d, KITH_B_FOUND_DOUBTED, m->doubted.p, m->doubted.len);
	return kith_msg_end(&d);
}

int kith_msg_found_read(struct kith_msg_found *out, struct kith_msg_room *room, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	room->n = 0;
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	out->records = kith_msg_get_list(&in, KITH_B_FOUND_RECORDS, 0, room);
	out->vanished = kith_msg_get_list(&in, KITH_B_FOUND_VANISHED, 0, room);
	out->members = kith_msg_get_list(&in, KITH_B_FOUND_MEMBERS, 0, room);
	(void)kith_msg_get_bytes(&in, KITH_B_FOUND_DOUBTED, KITH_PACK_ITEMS_MAX, &out->doubted);
	if (out->doubted.len != out->records.n)
		out->doubted = (struct kith_span){ NULL, 0 };
	return 0;
}

size_t kith_msg_subscribe_write(uint8_t *out, size_t cap, const struct kith_msg_subscribe *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	if (m->add.n > 0)
		kith_msg_put_list(&d, KITH_B_SUBSCRIBE_ADD, m->add);
	if (m->drop.n > 0)
		kith_msg_put_list(&d, KITH_B_SUBSCRIBE_DROP, m->drop);
	if (m->brief)
		kith_msg_put_bool(&d, KITH_B_SUBSCRIBE_BRIEF, true);
	if (m->follow.n > 0)
		kith_msg_put_list(&d, KITH_B_SUBSCRIBE_FOLLOW, m->follow);
	return kith_msg_end(&d);
}

int kith_msg_subscribe_read(struct kith_msg_subscribe *out, struct kith_msg_room *room, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	room->n = 0;
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	out->add = kith_msg_get_list(&in, KITH_B_SUBSCRIBE_ADD, KITH_ID_LEN, room);
	out->drop = kith_msg_get_list(&in, KITH_B_SUBSCRIBE_DROP, KITH_ID_LEN, room);
	(void)kith_unpack_get_bool(&in, kith_unpack_root(&in), KITH_B_SUBSCRIBE_BRIEF, &out->brief);
	out->follow = kith_msg_get_list(&in, KITH_B_SUBSCRIBE_FOLLOW, 0, room);
	return 0;
}

bool kith_msg_follow_item(struct kith_span item, struct kith_span *key, struct kith_span *tokens)
{
	if (item.len < KITH_ID_LEN + KITH_FOLLOW_LEN)
		return false;
	*key = (struct kith_span){ item.p, KITH_ID_LEN };
	*tokens = (struct kith_span){ item.p + KITH_ID_LEN, item.len - KITH_ID_LEN };
	return kith_follow_well_formed(*tokens);
}

size_t kith_msg_notice_write(uint8_t *out, size_t cap, const struct kith_msg_notice *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	if (m->records.n > 0)
		kith_msg_put_list(&d, KITH_B_NOTICE_RECORDS, m->records);
	if (m->vanished.n > 0)
		kith_msg_put_list(&d, KITH_B_NOTICE_VANISHED, m->vanished);
	if (m->has_key)
		kith_msg_put_bytes(&d, KITH_B_NOTICE_KEY, m->key.b, KITH_ID_LEN);
	if (m->has_newest) {
		uint8_t newest[KITH_NEWEST_LEN];
		struct kith_writer w = kith_writer_of(newest, sizeof newest);
		kith_write_bytes(&w, m->newest, sizeof m->newest);
		kith_write_u64(&w, m->newest_seq);
		kith_msg_put_bytes(&d, KITH_B_NOTICE_NEWEST, newest, sizeof newest);
	}
	return kith_msg_end(&d);
}

int kith_msg_notice_read(struct kith_msg_notice *out, struct kith_msg_room *room, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	room->n = 0;
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	out->records = kith_msg_get_list(&in, KITH_B_NOTICE_RECORDS, 0, room);
	out->vanished = kith_msg_get_list(&in, KITH_B_NOTICE_VANISHED, 0, room);
	out->has_key = kith_msg_get_fixed(&in, KITH_B_NOTICE_KEY, out->key.b, KITH_ID_LEN);
	uint8_t newest[KITH_NEWEST_LEN];
	out->has_newest = kith_msg_get_fixed(&in, KITH_B_NOTICE_NEWEST, newest, sizeof newest);
	if (out->has_newest) {
		struct kith_reader r = kith_reader_of_span((struct kith_span){ newest, sizeof newest });
		kith_read_bytes(&r, out->newest, sizeof out->newest);
		out->newest_seq = kith_read_u64(&r);
	}
	return 0;
}

/* ---- tunnels ---- */

size_t kith_msg_introduce_write(uint8_t *out, size_t cap, const struct kith_msg_introduce *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_INTRO_DEVICE, m->device, sizeof m->device);
	kith_msg_put_bytes(&d, KITH_B_INTRO_PACKET, m->packet.p, m->packet.len);
	if (m->chained)
		kith_msg_put_bytes(&d, KITH_B_INTRO_VIA, m->via.b, sizeof m->via.b);
	if (m->second) {
		kith_msg_put_bytes(&d, KITH_B_INTRO_FOR, m->caller.b, sizeof m->caller.b);
		kith_msg_put_uint(&d, KITH_B_INTRO_LEG, m->leg);
	}
	return kith_msg_end(&d);
}

int kith_msg_introduce_read(struct kith_msg_introduce *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 ||
	    !kith_msg_get_fixed(&in, KITH_B_INTRO_DEVICE, out->device, sizeof out->device))
		return KITH_EPROTO;
	(void)kith_msg_get_bytes(&in, KITH_B_INTRO_PACKET, KITH_NESTED_MAX, &out->packet);
	out->chained = kith_msg_get_fixed(&in, KITH_B_INTRO_VIA, out->via.b, sizeof out->via.b);
	out->second = kith_msg_get_fixed(&in, KITH_B_INTRO_FOR, out->caller.b, sizeof out->caller.b);
	if (out->second && (!kith_msg_get_uint(&in, KITH_B_INTRO_LEG, UINT64_MAX, &out->leg) || out->leg == 0))
		return KITH_EPROTO;
	return out->chained && out->second ? KITH_EPROTO : 0; /* two supernodes, and never more */
}

size_t kith_msg_introduced_write(uint8_t *out, size_t cap, const struct kith_msg_introduced *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	if (m->tunnel != 0)
		kith_msg_put_uint(&d, KITH_B_INTRODUCED_TUNNEL, m->tunnel);
	return kith_msg_end(&d);
}

int kith_msg_introduced_read(struct kith_msg_introduced *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	if (kith_unpack_root(&in)->count == 0)
		return 0;
	bool named = kith_msg_get_uint(&in, KITH_B_INTRODUCED_TUNNEL, UINT64_MAX, &out->tunnel);
	return named && out->tunnel != 0 ? 0 : KITH_EPROTO;
}

size_t kith_msg_tunnel_close_write(uint8_t *out, size_t cap, const struct kith_msg_tunnel_close *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_LEAVE_MS, m->in_ms);
	kith_msg_put_uint(&d, KITH_B_LEAVE_TUNNEL, m->tunnel);
	return kith_msg_end(&d);
}

int kith_msg_tunnel_close_read(struct kith_msg_tunnel_close *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 || !kith_msg_get_uint(&in, KITH_B_LEAVE_TUNNEL, UINT64_MAX, &out->tunnel))
		return KITH_EPROTO;
	(void)kith_msg_get_uint(&in, KITH_B_LEAVE_MS, UINT64_MAX, &out->in_ms);
	return 0;
}

size_t kith_msg_admit_write(uint8_t *out, size_t cap, const struct kith_msg_admit *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	if (m->tunnel != 0) {
		kith_msg_put_uint(&d, KITH_B_ADMIT_TUNNEL, m->tunnel);
		kith_msg_put_uint(&d, KITH_B_ADMIT_WISH, m->wish);
	}
	if (m->has_who) {
		kith_msg_put_bytes(&d, KITH_B_ADMIT_WHO, m->who.p, m->who.len);
		kith_msg_put_bool(&d, KITH_B_ADMIT_ONLY, m->only);
	}
	return kith_msg_end(&d);
}

int kith_msg_admit_read(struct kith_msg_admit *out, struct kith_span body)
{
	enum { WISHES_MAX = 2 };
	struct kith_unpacked in;
	uint64_t wish = 0;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	bool named = kith_msg_get_uint(&in, KITH_B_ADMIT_TUNNEL, UINT64_MAX, &out->tunnel) && out->tunnel != 0;
	if (named && !kith_msg_get_uint(&in, KITH_B_ADMIT_WISH, WISHES_MAX, &wish))
		return KITH_EPROTO;
	out->wish = (uint8_t)wish;
	out->has_who = kith_msg_get_bytes(&in, KITH_B_ADMIT_WHO, KITH_ADMIT_LEN * KITH_ADMIT_MAX, &out->who);
	if (out->has_who)
		(void)kith_unpack_get_bool(&in, kith_unpack_root(&in), KITH_B_ADMIT_ONLY, &out->only);
	return (named || out->has_who) && out->who.len % KITH_ADMIT_LEN == 0 ? 0 : KITH_EPROTO;
}

/* ---- peer sessions ---- */

size_t kith_msg_follow_write(uint8_t *out, size_t cap, const struct kith_msg_follow *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_FOLLOW_TOKEN, m->token, sizeof m->token);
	return kith_msg_end(&d);
}

int kith_msg_follow_read(struct kith_msg_follow *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 ||
	    !kith_msg_get_fixed(&in, KITH_B_FOLLOW_TOKEN, out->token, sizeof out->token))
		return KITH_EPROTO;
	return 0;
}

size_t kith_msg_early_write(uint8_t *out, size_t cap, const struct kith_msg_early *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_EARLY_BYTES, m->bytes.p, m->bytes.len);
	return kith_msg_end(&d);
}

int kith_msg_early_read(struct kith_msg_early *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 ||
	    !kith_msg_get_bytes(&in, KITH_B_EARLY_BYTES, KITH_EARLY_MAX, &out->bytes) || out->bytes.len == 0)
		return KITH_EPROTO;
	return 0;
}

/* ---- any session ---- */

size_t kith_msg_rekey_write(uint8_t *out, size_t cap, const struct kith_msg_rekey *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_REKEY_EPOCH, m->epoch);
	kith_msg_put_bytes(&d, KITH_B_REKEY_KEY, m->ephemeral.b, KITH_KEY_LEN);
	return kith_msg_end(&d);
}

int kith_msg_rekey_read(struct kith_msg_rekey *out, struct kith_span body)
{
	struct kith_unpacked in;
	uint64_t epoch;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 || !kith_msg_get_uint(&in, KITH_B_REKEY_EPOCH, UINT8_MAX, &epoch) ||
	    !kith_msg_get_fixed(&in, KITH_B_REKEY_KEY, out->ephemeral.b, KITH_KEY_LEN))
		return KITH_EPROTO;
	out->epoch = (uint8_t)epoch;
	return 0;
}

size_t kith_msg_rekeyed_write(uint8_t *out, size_t cap, const struct kith_msg_rekeyed *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_bytes(&d, KITH_B_REKEY_KEY, m->ephemeral.b, KITH_KEY_LEN);
	return kith_msg_end(&d);
}

int kith_msg_rekeyed_read(struct kith_msg_rekeyed *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0 ||
	    !kith_msg_get_fixed(&in, KITH_B_REKEY_KEY, out->ephemeral.b, KITH_KEY_LEN))
		return KITH_EPROTO;
	return 0;
}
