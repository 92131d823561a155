/* An observer of all packets of all leaves, who tries to find those again that joined another network. What is the
 * same, or nearly so, at two networks of one leaf is a link: a name, a counter's field, sealed bytes, a tunnel's id. It
 * keeps the last place of each thing that it saw; what else it could go by, PROTOCOL.md has in 16.4.
 */
#include "sim/internal.h"

#include "wire/packet.h"

enum { NEAR = 1000, SAMPLE = 8, PLACES = 256 };

/* So that numbers of different kinds are different keys. */
#define OF_SAMPLE UINT64_C(0x9e3779b97f4a7c15)
#define OF_COUNTER UINT64_C(0xc2b2ae3d27d4eb4f)
#define OF_TUNNEL UINT64_C(0x165667b19e3779f9)

static uint64_t number(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | p[i];
	return v;
}

static uint32_t mark_of(const struct kith_simnode *n)
{
	return n->id * PLACES + n->place % PLACES + 1;
}

/* Whether that was seen of this leaf at an earlier place. */
static bool was_elsewhere(const struct kith_sim *sim, const struct kith_simnode *n, uint64_t key)
{
	const uint32_t *seen = kith_simmap_get(&sim->links, key), now = mark_of(n);
	return seen != NULL && *seen != now && (*seen - 1) / PLACES == n->id;
}

static void remember(struct kith_sim *sim, const struct kith_simnode *n, uint64_t key)
{
	uint32_t *seen = kith_simmap_at(&sim->links, key);
	if (seen == NULL)
		kith_sim_out_of_memory(sim);
	else if (*seen == 0)
		*seen = mark_of(n);
}

void kith_sim_link(struct kith_sim *sim, const struct kith_simnode *n, const uint8_t *data, size_t len)
{
	if (!sim->options.linking || kith_sim_is_super(n) || n->hasty || len < KITH_TUNNEL_HEADER)
		return;
	if (data[0] == KITH_PKT_TUNNEL) {
		uint64_t tunnel = number(data + 4, 8) ^ OF_TUNNEL;
		sim->counts.linked_tunnels += was_elsewhere(sim, n, tunnel);
		remember(sim, n, tunnel);
	}
	if (data[0] != KITH_PKT_DATA || len < KITH_TRANSPORT_HEADER + SAMPLE)
		return;
	uint64_t name = number(data + 1 + KITH_DATA_HIDDEN, 8), counter = number(data + 1, KITH_DATA_HIDDEN) / NEAR;
	uint64_t sample = number(data + KITH_TRANSPORT_HEADER, SAMPLE) ^ OF_SAMPLE;
	bool linked = was_elsewhere(sim, n, name) || was_elsewhere(sim, n, sample);
	for (uint64_t near = counter - 1; near != counter + 2; near++)
		linked = linked || was_elsewhere(sim, n, near ^ OF_COUNTER);
	sim->counts.moved_packets += n->place > 0;
	sim->counts.linked_packets += linked;
	remember(sim, n, name);
	remember(sim, n, sample);
	remember(sim, n, counter ^ OF_COUNTER);
}
