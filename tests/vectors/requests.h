/* A request or an answer in the making, and whom the bodies speak of: what the files of the topic "requests" share. The
 * fields of a body stand in "fields" as they are packed: key, type, value. */
#ifndef KITH_TESTS_VECTORS_REQUESTS_H
#define KITH_TESTS_VECTORS_REQUESTS_H

#include <string.h>

#include "topics.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "world.h"

enum { REQUEST_ID = 258, ANSWER_HEADER = 5 };

/* Who and what the bodies speak of. Points into itself. */
struct cast {
	struct world w;
	struct person alice, bob, haven, harbour;
	struct kith_id key; /* of alice */
	uint8_t record_bytes[KITH_RECORD_LEN_MAX], vanish_bytes[KITH_VANISH_LEN_MAX], entry_bytes[KITH_MEMBER_LEN_MAX];
	struct kith_span record, vanish, entry;
	uint8_t host_bytes[2][KITH_HOST_LEN_MAX];
	struct kith_span hosts[2];
	uint8_t prefix[2][KITH_MEMBER_ID_PREFIX];
};

static inline void cast_init(struct cast *c)
{
	memset(c, 0, sizeof *c);
	world_init(&c->w);
	world_person(&c->w, &c->alice, "alice");
	world_person(&c->w, &c->bob, "bob");
	world_supernode(&c->w, &c->haven, "haven", "198.51.100.7:4500");
	world_supernode(&c->w, &c->harbour, "harbour", "203.0.113.20:4500");
	kith_ids_directory(c->w.suite, &c->key, &c->w.network, "alice");
	struct person *const homes[] = { &c->haven, &c->harbour };
	const struct person *const of_record[] = { &c->haven, &c->harbour };
	struct kith_record record = world_record(&c->w, &c->alice, of_record, 2);
	c->record = world_record_sign(&c->w, &c->alice, &record, c->record_bytes);
	c->vanish = world_vanish(&c->w, &c->haven, &record, &c->alice.device.dh_pk, c->vanish_bytes);
	struct kith_member_entry entry = world_member(&c->harbour);
	c->entry = world_member_sign(&c->w, &c->harbour, &entry, c->entry_bytes);
	for (size_t i = 0; i < 2; i++) {
		struct kith_id id;
		struct kith_host host = world_home(&c->w, homes[i]).host;
		c->hosts[i] = vec_span_of(c->host_bytes[i], kith_host_make(c->host_bytes[i], &host));
		kith_ids_supernode(c->w.suite, &id, &c->w.network, homes[i]->name_terms.placement);
		memcpy(c->prefix[i], id.b, sizeof c->prefix[i]);
	}
}

/* ---- a vector in the making ---- */

struct draft {
	struct vec v;
	json_t *fields;
	uint8_t body[KITH_ANSWER_MAX];
	size_t len;
	uint8_t kind, status;
	bool answer;
};

static inline struct draft begin(struct vec_topic *topic, const char *name, const char *shows, const char *kind_name,
				 uint8_t kind)
{
	struct draft d = { .v = vec_begin(topic, name, "6.3", shows), .kind = kind };
	vec_covers(&d.v, "request", kind_name);
	vec_number(d.v.in, "request_id", REQUEST_ID);
	vec_number(d.v.in, "kind", kind);
	return d;
}

static inline struct draft begin_answer(struct vec_topic *topic, const char *name, const char *shows,
					const char *kind_name, uint8_t status)
{
	struct draft d = { .v = vec_begin(topic, name, "6.3", shows), .status = status, .answer = true };
	vec_covers(&d.v, "answer", kind_name);
	vec_number(d.v.in, "request_id", REQUEST_ID);
	vec_number(d.v.in, "status", status);
	return d;
}

static inline json_t *field(struct draft *d, uint32_t key, const char *type)
{
	if (d->fields == NULL)
		d->fields = vec_list(d->v.in, "fields");
	json_t *item = vec_item(d->fields);
	vec_number(item, "key", key);
	vec_text(item, "type", type);
	return item;
}

static inline void field_bytes(struct draft *d, uint32_t key, struct kith_span value)
{
	vec_span(field(d, key, "bytes"), "value", value);
}

static inline void field_uint(struct draft *d, uint32_t key, uint64_t value)
{
	vec_u64(field(d, key, "uint"), "value", value);
}

static inline void field_list(struct draft *d, uint32_t key, struct kith_spans list)
{
	json_t *values = vec_list(field(d, key, "list"), "value");
	for (size_t i = 0; i < list.n; i++)
		vec_item_bytes(values, list.at[i].p, list.at[i].len);
}

/* The frames of an answer: fragments of KITH_ANSWER_FRAGMENT bytes; of none, one that is empty. */
static inline void put_answer(struct draft *d)
{
	uint8_t count = d->len == 0 ? 1 : (uint8_t)((d->len + KITH_ANSWER_FRAGMENT - 1) / KITH_ANSWER_FRAGMENT);
	json_t *more = count > 1 ? vec_list(d->v.out, "more_frames") : NULL;
	for (uint8_t i = 0; i < count; i++) {
		uint8_t bytes[KITH_FRAMES_MAX];
		struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
		size_t at = (size_t)i * KITH_ANSWER_FRAGMENT, left = d->len - at;
		uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_ANSWER);
		kith_write_u16(&w, REQUEST_ID);
		kith_write_u8(&w, d->status);
		kith_write_u8(&w, i);
		kith_write_u8(&w, count);
		kith_write_bytes(&w, d->body + at, left < KITH_ANSWER_FRAGMENT ? left : KITH_ANSWER_FRAGMENT);
		kith_frame_end(&w, mark);
		VEC_REQUIRE(!w.bad);
		if (i == 0)
			vec_bytes(d->v.out, "frame", bytes, kith_writer_len(&w));
		else
			vec_item_bytes(more, bytes, kith_writer_len(&w));
	}
}

static inline void put_request(struct draft *d)
{
	uint8_t bytes[KITH_FRAMES_MAX];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_REQUEST);
	VEC_REQUIRE(d->len <= KITH_REQUEST_MAX);
	kith_write_u16(&w, REQUEST_ID);
	kith_write_u8(&w, d->kind);
	kith_write_bytes(&w, d->body, d->len);
	kith_frame_end(&w, mark);
	VEC_REQUIRE(!w.bad);
	vec_bytes(d->v.out, "frame", bytes, kith_writer_len(&w));
}

/* len: what a function of wire/message returned. */
static inline void end(struct draft *d, size_t len)
{
	VEC_REQUIRE(len > 0);
	d->len = len;
	vec_bytes(d->v.mid, "body", d->body, d->len);
	if (d->answer)
		put_answer(d);
	else
		put_request(d);
	vec_end(&d->v);
}

static inline void field_bool(struct draft *d, uint32_t key, bool value)
{
	json_t *item = field(d, key, "bool");
	vec_bool(item, "value", value);
}

static inline void field_endpoint(struct draft *d, uint32_t key, const struct kith_endpoint *e)
{
	uint8_t bytes[KITH_ENDPOINT_LEN_MAX];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_endpoint_write(&w, e);
	field_bytes(d, key, vec_span_of(bytes, kith_writer_len(&w)));
}

/* An answer without a body. */
static inline void bare_answer(struct vec_topic *topic, const char *name, const char *kind_name, uint8_t status)
{
	struct draft d =
		begin_answer(topic, name, "The status says it all: no bytes, and not an empty map.", kind_name, status);
	put_answer(&d);
	vec_end(&d.v);
}

/* Those by which candidates are attested and found. */
void requests_attest(struct vec_topic *topic, const struct cast *c);

#endif
