/* What the topics of the test vectors share: building their JSON, fixed randomness, and what goes wrong.
 *
 * A topic is one file. A vector has a name, what it shows, the section of PROTOCOL.md that it belongs to, what it covers,
 * inputs, intermediate values and outputs, or, in the place of outputs, why the input is refused. README.md says it to
 * readers of the files.
 * Invariant: the same sources give the same bytes: no clock, no randomness but vec_random, members in the order in which
 * they are added.
 * Never: an error that is returned. Whatever does not go as meant ends the program.
 */
#ifndef KITH_TESTS_VECTORS_VEC_H
#define KITH_TESTS_VECTORS_VEC_H

#include <jansson.h>

#include "codec/cursor.h"
#include "crypto/suite.h"

/* Ends the program, with the place and the condition, unless it holds. */
#define VEC_REQUIRE(condition)                                                                                         \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			vec_fail(__FILE__, __LINE__, #condition);                                                      \
	} while (0)

/* The same for two error codes that must be equal. */
#define VEC_EXPECT(got, wanted)                                                                                        \
	do {                                                                                                           \
		if ((got) != (wanted))                                                                                 \
			vec_fail(__FILE__, __LINE__, kith_err_name(got));                                              \
	} while (0)

_Noreturn void vec_fail(const char *file, int line, const char *what);

/* ---- topics and vectors ---- */

struct vec_topic {
	const char *name; /* of the file, without ".json" */
	const char *about;
	void (*fill)(struct vec_topic *topic);
	json_t *vectors;
};

/* One vector in the making. Members are borrowed from the topic. */
struct vec {
	json_t *object, *in, *mid, *out;
};

/* The name is the topic's only one of its kind. */
struct vec vec_begin(struct vec_topic *topic, const char *name, const char *section, const char *shows);

/* What of the protocol it is an example of: a kind ("packet", "frame", "request", "answer", "object") and a name. */
void vec_covers(struct vec *v, const char *kind, const char *name);

/* The input is refused: drops the outputs. What a caller of this library is told, and why in words. */
void vec_refused(struct vec *v, int err, const char *why);
/* The same for what is dropped without an error code. */
void vec_dropped(struct vec *v, const char *why);

/* Takes the vector away again: what it told is told elsewhere. */
void vec_drop(struct vec_topic *topic, struct vec *v);

/* Leaves out what stayed empty. */
void vec_end(struct vec *v);

/* ---- values: bytes are hex; numbers that may pass 2^53 are hex of eight bytes ---- */

void vec_bytes(json_t *object, const char *key, const void *p, size_t len);
void vec_span(json_t *object, const char *key, struct kith_span span);
void vec_number(json_t *object, const char *key, int64_t value);
void vec_u64(json_t *object, const char *key, uint64_t value);
void vec_text(json_t *object, const char *key, const char *text);
void vec_bool(json_t *object, const char *key, bool value);
json_t *vec_list(json_t *object, const char *key);
json_t *vec_object(json_t *object, const char *key);
json_t *vec_item(json_t *list);
void vec_item_bytes(json_t *list, const void *p, size_t len);
void vec_address(json_t *object, const char *key, const struct kith_addr *addr);
/* Kind of transport, and address. */
void vec_endpoint(json_t *object, const struct kith_endpoint *endpoint);

static inline struct kith_span vec_span_of(const void *p, size_t len)
{
	return (struct kith_span){ p, len };
}

/* len is what a making function returned. */
struct kith_span vec_made(const uint8_t *p, int len);

/* Flips the lowest bit of the byte at that place; from the end if at is negative. */
void vec_damage(uint8_t *p, size_t len, long at);

/* ---- fixed randomness: BLAKE2b of a label and a counter ---- */

struct vec_random {
	struct kith_random random; /* what the library is given */
	const char *label;
	uint64_t drawn;
	uint8_t last[64]; /* the beginning of what was drawn last */
};

void vec_random_init(struct vec_random *r, const char *label);

/* 32 bytes that follow from a text: BLAKE2b("kith vectors " || text). */
void vec_seed(uint8_t out[32], const char *text);

/* malloc, which must not fail. */
const struct kith_alloc *vec_alloc(void);

#endif
