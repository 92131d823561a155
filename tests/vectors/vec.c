#include "vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void vec_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	exit(2);
}

/* ---- topics and vectors ---- */

static void set(json_t *object, const char *key, json_t *value)
{
	VEC_REQUIRE(json_object_get(object, key) == NULL);
	VEC_REQUIRE(json_object_set_new(object, key, value) == 0);
}

struct vec vec_begin(struct vec_topic *topic, const char *name, const char *section, const char *shows)
{
	size_t i;
	json_t *other;
	json_array_foreach(topic->vectors, i, other)
		VEC_REQUIRE(strcmp(json_string_value(json_object_get(other, "name")), name) != 0);
	struct vec v = { .object = vec_item(topic->vectors) };
	vec_text(v.object, "name", name);
	vec_text(v.object, "section", section);
	vec_text(v.object, "shows", shows);
	(void)vec_list(v.object, "covers");
	v.in = vec_object(v.object, "in");
	v.mid = vec_object(v.object, "mid");
	v.out = vec_object(v.object, "out");
	return v;
}

void vec_covers(struct vec *v, const char *kind, const char *name)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%s %s", kind, name);
	VEC_REQUIRE(n > 0 && (size_t)n < sizeof text);
	VEC_REQUIRE(json_array_append_new(json_object_get(v->object, "covers"), json_string(text)) == 0);
}

static void refused(struct vec *v, const char *error, const char *why)
{
	VEC_REQUIRE(json_object_del(v->object, "out") == 0);
	v->out = NULL;
	json_t *object = vec_object(v->object, "refused");
	if (error != NULL)
		vec_text(object, "error", error);
	vec_text(object, "why", why);
}

void vec_refused(struct vec *v, int err, const char *why)
{
	char name[32];
	VEC_REQUIRE(err < 0);
	int n = snprintf(name, sizeof name, "KITH_%s", kith_err_name(err));
	VEC_REQUIRE(n > 0 && (size_t)n < sizeof name);
	refused(v, name, why);
}

void vec_dropped(struct vec *v, const char *why)
{
	refused(v, NULL, why);
}

void vec_drop(struct vec_topic *topic, struct vec *v)
{
	size_t last = json_array_size(topic->vectors) - 1;
	VEC_REQUIRE(json_array_get(topic->vectors, last) == v->object);
	VEC_REQUIRE(json_array_remove(topic->vectors, last) == 0);
}

void vec_end(struct vec *v)
{
	static const char *const parts[] = { "in", "mid", "out" };
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (json_object_size(json_object_get(v->object, parts[i])) == 0)
			(void)json_object_del(v->object, parts[i]);
	}
	if (json_array_size(json_object_get(v->object, "covers")) == 0)
		(void)json_object_del(v->object, "covers");
	VEC_REQUIRE(json_object_get(v->object, "out") != NULL || json_object_get(v->object, "refused") != NULL);
}

/* ---- values ---- */

static json_t *hex(const void *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = p;
	char *text = malloc(2 * len + 1);
	VEC_REQUIRE(text != NULL);
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * len] = '\0';
	json_t *value = json_string(text);
	free(text);
	return value;
}

void vec_bytes(json_t *object, const char *key, const void *p, size_t len)
{
	set(object, key, hex(p, len));
}

void vec_span(json_t *object, const char *key, struct kith_span span)
{
	vec_bytes(object, key, span.p, span.len);
}

void vec_number(json_t *object, const char *key, int64_t value)
{
	VEC_REQUIRE(value >= 0 && value < INT64_C(1) << 53);
	set(object, key, json_integer(value));
}

void vec_u64(json_t *object, const char *key, uint64_t value)
{
	uint8_t bytes[8];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_write_u64(&w, value);
	vec_bytes(object, key, bytes, sizeof bytes);
}

void vec_text(json_t *object, const char *key, const char *text)
{
	set(object, key, json_string(text));
}

void vec_bool(json_t *object, const char *key, bool value)
{
	set(object, key, json_boolean(value));
}

json_t *vec_list(json_t *object, const char *key)
{
	json_t *list = json_array();
	set(object, key, list);
	return list;
}

json_t *vec_object(json_t *object, const char *key)
{
	json_t *inner = json_object();
	set(object, key, inner);
	return inner;
}

json_t *vec_item(json_t *list)
{
	json_t *object = json_object();
	VEC_REQUIRE(json_array_append_new(list, object) == 0);
	return object;
}

void vec_item_bytes(json_t *list, const void *p, size_t len)
{
	VEC_REQUIRE(json_array_append_new(list, hex(p, len)) == 0);
}

void vec_address(json_t *object, const char *key, const struct kith_addr *addr)
{
	char text[KITH_ADDR_TEXT_MAX];
	vec_text(object, key, kith_addr_format(addr, text));
}

void vec_endpoint(json_t *object, const struct kith_endpoint *endpoint)
{
	vec_number(object, "transport", endpoint->kind);
	vec_address(object, "address", &endpoint->addr);
}

struct kith_span vec_made(const uint8_t *p, int len)
{
	if (len <= 0)
		fprintf(stderr, "made nothing: %s\n", kith_err_name(len));
	VEC_REQUIRE(len > 0);
	return vec_span_of(p, (size_t)len);
}

void vec_damage(uint8_t *p, size_t len, long at)
{
	size_t i = at >= 0 ? (size_t)at : len - (size_t)-at;
	VEC_REQUIRE(i < len);
	p[i] ^= 1;
}

/* ---- randomness and memory ---- */

static void block(uint8_t out[64], const char *label, uint64_t number)
{
	uint8_t bytes[8];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_write_u64(&w, number);
	struct kith_span parts[2] = { vec_span_of(label, strlen(label)), vec_span_of(bytes, sizeof bytes) };
	kith_suite_sodium()->blake2b(out, 64, vec_span_of(NULL, 0), parts, 2);
}

static void fill(void *ctx, uint8_t *out, size_t len)
{
	struct vec_random *r = ctx;
	uint8_t bytes[64];
	memset(r->last, 0, sizeof r->last);
	for (size_t at = 0; at < len; at += sizeof bytes) {
		block(bytes, r->label, r->drawn++);
		memcpy(out + at, bytes, len - at < sizeof bytes ? len - at : sizeof bytes);
		if (at == 0)
			memcpy(r->last, bytes, len < sizeof bytes ? len : sizeof bytes);
	}
}

void vec_random_init(struct vec_random *r, const char *label)
{
	*r = (struct vec_random){ .random = { fill, r }, .label = label };
}

void vec_seed(uint8_t out[32], const char *text)
{
	static const char label[] = "kith vectors ";
	struct kith_span parts[2] = { vec_span_of(label, sizeof label - 1), vec_span_of(text, strlen(text)) };
	kith_suite_sodium()->blake2b(out, 32, vec_span_of(NULL, 0), parts, 2);
}

static void *resize(void *ctx, void *p, size_t old_len, size_t new_len)
{
	(void)ctx;
	(void)old_len;
	if (new_len == 0) {
		free(p);
		return NULL;
	}
	void *fresh = realloc(p, new_len);
	VEC_REQUIRE(fresh != NULL);
	return fresh;
}

const struct kith_alloc *vec_alloc(void)
{
	static const struct kith_alloc alloc = { resize, NULL };
	return &alloc;
}
