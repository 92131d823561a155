#include "path/pathset_internal.h"

void kith_pathset_name(struct kith_pathset *ps, uint64_t name, uint64_t spare)
{
	ps->first.name = name; /* of the handshake's path, or of none: then for the one that comes */
	ps->spare = spare;
	for (unsigned i = 1; i < kith_ps_count(ps); i++)
		kith_ps_path(ps, i)->name = name;
}

uint64_t kith_pathset_name_on(const struct kith_pathset *ps, const struct kith_hop *hop)
{
	int i = kith_ps_find(ps, hop);
	if (i < 0)
		i = ps->sending < kith_ps_count(ps) ? ps->sending : 0;
	return i > 0 ? kith_pathset_path(ps, (unsigned)i)->name : ps->first.name;
}
