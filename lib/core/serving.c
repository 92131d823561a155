#include "core/serving.h"

#include "leaf/homes.h"
#include "leaf/hosts.h"
#include "leaf/leaf.h"

enum { HOSTS_KEPT = 16 }; /* supernodes that the node goes on with as a leaf */

int kith_serving_begin(struct kith_core *c, const struct kith_super_options *o)
{
	if (kith_serves(c) || c->leaving)
		return KITH_ESTATE;
	int err = kith_super_new(c, o);
	if (err != 0)
		return err;
	c->self.role = KITH_ROLE_SUPERNODE;
	kith_leaf_rest(c);
	return 0;
}

static void keep_hosts(struct kith_core *c)
{
	const struct kith_member *known[HOSTS_KEPT];
	struct kith_supernode *sn = c->super;
	uint32_t n = kith_members_pick(&sn->members, c->random, c->now.mono_us, &sn->id, known, HOSTS_KEPT);
	for (uint32_t i = 0; i < n; i++) {
		int err = kith_hosts_keep(c, kith_member_entry_bytes(known[i]));
		(void)err; /* full: those it has are as good */
	}
}

void kith_serving_end(struct kith_core *c)
{
	if (!kith_serves(c) || c->super->ending)
		return;
	keep_hosts(c);
	c->self.role = KITH_ROLE_LEAF;
	kith_super_end(c);
}

void kith_serving_settle(struct kith_core *c)
{
	if (!kith_serves(c) || !c->super->ending)
		return;
	kith_super_free(c);
	kith_leaf_begin(c);
}
