/* Which members keep a key (PROTOCOL.md section 10). */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "presence/replicas.h"
#include "ring_world.h"
#include "topics.h"

enum { NODES = 24, GROUP_OF_ONE_PREFIX = 3 };

static void put_group(const struct kith_members *ms, const struct kith_id *key, uint32_t group, json_t *list)
{
	const struct kith_member *out[KITH_REPLICAS];
	uint32_t n = kith_replicas_find(ms, key, group, out);
	for (uint32_t i = 0; i < n; i++)
		vec_item_bytes(list, out[i]->id.b, KITH_ID_LEN);
}

static void one_key(struct vec_topic *topic, const struct kith_members *ms, const char *name, const char *shows,
		    const struct kith_id *key)
{
	struct vec v = vec_begin(topic, name, "10", shows);
	ring_put(ms, vec_list(v.in, "members"));
	vec_bytes(v.in, "key", key->b, KITH_ID_LEN);
	json_t *walk = vec_list(v.mid, "walk");
	struct kith_member_walk w;
	const struct kith_member *m;
	kith_member_walk_init(&w, ms, key);
	while ((m = kith_member_walk_next(&w)) != NULL)
		vec_item_bytes(walk, m->id.b, KITH_ID_LEN);
	put_group(ms, key, 0, vec_list(v.out, "replicas"));
	put_group(ms, key, 1, vec_list(v.out, "next"));
	vec_end(&v);
}

/* The key in the middle between two neighbours, so that both are at the same distance; false if there is none. */
static bool halfway(const struct kith_id *a, const struct kith_id *b, struct kith_id *out)
{
	unsigned carry = 0;
	for (unsigned i = KITH_ID_LEN; i-- > 0;) {
		unsigned sum = (unsigned)a->b[i] + b->b[i] + carry;
		out->b[i] = (uint8_t)sum;
		carry = sum >> 8;
	}
	unsigned odd = out->b[KITH_ID_LEN - 1] & 1;
	for (unsigned i = 0; i < KITH_ID_LEN; i++) {
		unsigned low = out->b[i] & 1;
		out->b[i] = (uint8_t)(out->b[i] >> 1 | carry << 7);
		carry = low;
	}
	return odd == 0;
}

static void keys(struct vec_topic *topic, const struct world *w, const struct kith_members *ms)
{
	struct kith_id key, last;
	kith_ids_directory(w->suite, &key, &w->network, "alice");
	one_key(topic, ms, "directory key of alice", "24 members, three of one /16 network, one that has left.", &key);
	memset(key.b, 0, sizeof key.b);
	one_key(topic, ms, "key zero", "The walk goes both ways round the end of the ring.", &key);
	memset(last.b, 0xff, sizeof last.b);
	one_key(topic, ms, "the last key", "The same place, one step back.", &last);
	one_key(topic, ms, "a member's own id", "Distance 0 comes first.", &ms->at[5]->id);
	uint32_t i = 0;
	while (!kith_member_live(ms->at[i]) || !kith_member_live(ms->at[i + 1]) ||
	       !halfway(&ms->at[i]->id, &ms->at[i + 1]->id, &key)) {
		i++;
		VEC_REQUIRE(i + 1 < ms->n);
	}
	one_key(topic, ms, "halfway between two", "Of two at the same distance the clockwise one is first.", &key);
}

void topic_replicas(struct vec_topic *topic)
{
	struct ring_world *r = KITH_NEW(vec_alloc(), struct ring_world);
	struct kith_members ms, few;
	struct kith_id key;
	ring_init(r);
	ring_table(r, &ms);
	ring_table(r, &few);
	for (unsigned i = 0; i < NODES; i++) {
		struct person p;
		ring_node(r, &p, i, i < GROUP_OF_ONE_PREFIX ? 0 : i, -1);
		ring_join(r, &ms, &p, 0, i == NODES - 1);
		if (i < GROUP_OF_ONE_PREFIX + 2)
			ring_join(r, &few, &p, 0, false);
	}
	keys(topic, &r->w, &ms);
	kith_ids_directory(r->w.suite, &key, &r->w.network, "alice");
	one_key(topic, &few, "fewer than six", "Five members in three networks: those skipped fill up.", &key);
	kith_members_deinit(&few);
	kith_members_deinit(&ms);
	ring_deinit(r);
	KITH_FREE(vec_alloc(), r);
}
