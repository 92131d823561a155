/* What the files that write and read messages share: a body being written, and the keys of one that was parsed. */
#ifndef KITH_WIRE_MESSAGE_INTERNAL_H
#define KITH_WIRE_MESSAGE_INTERNAL_H

#include "wire/message.h"

/* A body being written: one map. */
struct kith_msg_draft {
	struct kith_packer pk;
	struct kith_pack_map map;
};

struct kith_msg_draft kith_msg_begin(uint8_t *out, size_t cap);
size_t kith_msg_end(struct kith_msg_draft *d); /* the length, or 0 when it did not fit */

void kith_msg_put_uint(struct kith_msg_draft *d, uint32_t key, uint64_t v);
void kith_msg_put_bool(struct kith_msg_draft *d, uint32_t key, bool v);
void kith_msg_put_bytes(struct kith_msg_draft *d, uint32_t key, const uint8_t *p, size_t len);
void kith_msg_put_list(struct kith_msg_draft *d, uint32_t key, struct kith_spans list);

/* As kith_unpack_get_*, of the outermost map. */
bool kith_msg_get_uint(const struct kith_unpacked *in, uint32_t key, uint64_t max, uint64_t *out);
bool kith_msg_get_bytes(const struct kith_unpacked *in, uint32_t key, size_t len_max, struct kith_span *out);
bool kith_msg_get_fixed(const struct kith_unpacked *in, uint32_t key, uint8_t *out, size_t len);
/* len: of each item, others are left out; 0: any. */
struct kith_spans kith_msg_get_list(const struct kith_unpacked *in, uint32_t key, size_t len,
				    struct kith_msg_room *room);

#endif
