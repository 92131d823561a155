#include "core/serving.h"

#include "leaf/homes.h"
#include "leaf/leaf.h"
#include "leaf/promotion.h"
#include "super/help.h"
#include "super/members.h"

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

void kith_serving_consent(struct kith_core *c, const struct kith_super_options *terms)
{
	struct kith_qualification own = c->consent.own;
	c->consent = (struct kith_consent){ .own = own };
	if (terms == NULL)
		return;
	c->consent.may = true;
	c->consent.sessions_max = terms->sessions_max;
	c->consent.tunnels_max = terms->tunnels_max;
	c->consent.relay_rate = terms->relay_rate;
	c->consent.relay_owner_rate = terms->relay_owner_rate;
	c->consent.shard = terms->shard;
}

/* A node that has no address of its own choice is where others reached it. */
static void begin_elected(struct kith_core *c)
{
	const struct kith_consent *consent = &c->consent;
	const struct kith_super_options o = { .sessions_max = consent->sessions_max,
					      .tunnels_max = consent->tunnels_max,
					      .relay_rate = consent->relay_rate,
					      .relay_owner_rate = consent->relay_owner_rate,
					      .shard = consent->shard };
	const bool own_address = c->endpoints_n > 0;
	if (!own_address) {
		c->endpoints[0] = consent->own.at;
		c->endpoints_n = 1;
	}
	int err = consent->may ? kith_serving_begin(c, &o) : KITH_EACCES;
	KITH_LOG(c->log, err == 0 ? KITH_LOG_INFO : KITH_LOG_WARN, "promoted err=%s", kith_err_name(err));
	if (err != 0) {
		c->endpoints_n = own_address ? c->endpoints_n : 0;
		return;
	}
	kith_help_elected(c, kith_promotion_places(o.sessions_max));
	kith_super_greet(c, &c->leaf.asker);
}

bool kith_serving_elected(struct kith_core *c)
{
	bool begins = c->leaf.serve, ends = kith_serves(c) && c->super->help.done && !c->super->ending;
	c->leaf.serve = false;
	if (begins)
		begin_elected(c);
	if (ends) {
		KITH_LOG(c->log, KITH_LOG_INFO, "demoted");
		kith_serving_end(c);
	}
	return begins || ends;
}

static void keep_hosts(struct kith_core *c)
{
	const struct kith_member *known[HOSTS_KEPT];
	struct kith_supernode *sn = c->super;
	uint32_t n = kith_members_pick(&sn->members, c->random, c->now.mono_us, &sn->id, known, HOSTS_KEPT);
	for (uint32_t i = 0; i < n; i++) {
		struct kith_host host;
		kith_member_host(known[i], &host);
		int err = kith_hostcache_add(&c->leaf.cache, &host, 0, 0);
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
