#include "host/tcp_shunned.h"

#include "base/addr.h"
#include "base/alloc.h"

void kith_tcp_shun(struct kith_tcp_shunned *s, const struct kith_alloc *alloc, const struct kith_addr *remote,
		   uint64_t until_ms)
{
	if (s->list == NULL)
		s->list = KITH_NEW_ARRAY(alloc, struct kith_tcp_shunned_one, KITH_TCP_SHUNNED_MAX);
	if (s->list != NULL)
		s->list[s->next++ % KITH_TCP_SHUNNED_MAX] = (struct kith_tcp_shunned_one){ *remote, until_ms };
}

bool kith_tcp_is_shunned(const struct kith_tcp_shunned *s, const struct kith_addr *remote, uint64_t now_ms)
{
	for (unsigned i = 0; s->list != NULL && i < KITH_TCP_SHUNNED_MAX; i++) {
		if (now_ms < s->list[i].until_ms && kith_addr_equal(&s->list[i].remote, remote))
			return true;
	}
	return false;
}

void kith_tcp_shunned_deinit(struct kith_tcp_shunned *s, const struct kith_alloc *alloc)
{
	KITH_FREE_ARRAY(alloc, s->list, KITH_TCP_SHUNNED_MAX);
	s->list = NULL;
}
