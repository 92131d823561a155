/* Addresses to which no connection is made for a while: the last KITH_TCP_SHUNNED_MAX of them.
 *
 * Never: a clock.
 */
#ifndef KITH_HOST_TCP_SHUNNED_H
#define KITH_HOST_TCP_SHUNNED_H

#include <kith/types.h>

#define KITH_TCP_SHUNNED_MAX 256

struct kith_tcp_shunned_one {
	struct kith_addr remote;
	uint64_t until_ms;
};

struct kith_tcp_shunned {
	struct kith_tcp_shunned_one *list; /* KITH_TCP_SHUNNED_MAX, from the first on */
	uint16_t next;
};

/* Without memory it is not shunned. */
void kith_tcp_shun(struct kith_tcp_shunned *s, const struct kith_alloc *alloc, const struct kith_addr *remote,
		   uint64_t until_ms);
bool kith_tcp_is_shunned(const struct kith_tcp_shunned *s, const struct kith_addr *remote, uint64_t now_ms);
void kith_tcp_shunned_deinit(struct kith_tcp_shunned *s, const struct kith_alloc *alloc);

#endif
