/* A node's STUN server: its codec is a component, loaded where the option is on, and packets of its kind are taken out
 * before the core sees them. */
#include "host/internal.h"

#include <stdio.h>

#include "base/rng.h"

int kith_node_stun_load(struct kith_node *node, char why[KITH_HOST_WHY_MAX])
{
	char what[KITH_HOST_WHY_MAX - 16];
	int err = kith_component_load(&node->stun_part, "stun", what, sizeof what);
	if (err != 0)
		(void)snprintf(why, KITH_HOST_WHY_MAX, "no STUN server: %s", what);
	return err;
}

int kith_node_stun_begin(struct kith_node *node)
{
	uint64_t seed[2] = { kith_rng_u64(node->random), kith_rng_u64(node->random) };
	node->stun = kith_stun_new(node->alloc, node->stun_part.component->table, seed);
	return node->stun != NULL ? 0 : KITH_ENOMEM;
}

void kith_node_stun_end(struct kith_node *node)
{
	kith_stun_free(node->stun);
	node->stun = NULL;
	kith_component_unload(&node->stun_part);
}

static void answer(struct kith_socket *s, const struct kith_packet *p)
{
	struct kith_node *node = s->node;
	uint8_t out[KITH_STUN_ANSWER_MAX];
	uint32_t step = p->segment_len != 0 ? p->segment_len : p->len;
	for (uint32_t at = 0; at < p->len; at += step) {
		size_t len = p->len - at < step ? p->len - at : step;
		size_t n =
			kith_stun_answer(node->stun, kith_node_now(node).mono_us, p->data + at, len, &p->remote, out);
		struct kith_packet packet = {
			.data = out, .len = (uint32_t)n, .transport = p->transport, .remote = p->remote
		};
		if (n > 0)
			s->blocked = s->carrier->send(s->self, &packet, 1);
	}
}

size_t kith_node_stun_take(struct kith_socket *s, struct kith_packet packets[], size_t n)
{
	size_t left = 0;
	if (s->node->stun == NULL || s->carrier->kind != KITH_TRANSPORT_UDP || s->carrier->relayed)
		return n;
	for (size_t i = 0; i < n; i++) {
		if (kith_stun_is(packets[i].data, packets[i].len))
			answer(s, &packets[i]);
		else
			packets[left++] = packets[i];
	}
	return left;
}
