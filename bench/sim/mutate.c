/* Rules broken on purpose, by the engine and never in the library, so that tests see each invariant go red. */
#include "sim/internal.h"

#include "link/state.h"
#include "wire/packet.h"

#define BEGIN_US (20 * KITH_US_PER_S) /* the network has formed by then */
#define GROWTH_BYTES 2000u
enum { GROWTH_BLOCKS = 1000, IDLE_TALK_BYTES = 200 };

bool kith_sim_mutates(const struct kith_sim *sim, enum kith_simmutation mutation)
{
	return sim->options.mutation == mutation && sim->now >= BEGIN_US;
}

/* A packet straight from one leaf to another. */
static void leak(struct kith_sim *sim, struct kith_simnode *from, const struct kith_simnode *to)
{
	uint8_t bytes[32] = { KITH_PKT_DATA };
	struct kith_packet p = { .data = bytes, .len = sizeof bytes, .transport = KITH_SIM_TRANSPORT };
	p.local = from->local;
	p.remote = to->public;
	p.remote.port = to->local.port;
	sim->mutations++;
	kith_sim_send(sim, from, &p);
}

/* A packet from who hides to where a contact would listen that spied. */
static void leak_named(struct kith_sim *sim)
{
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		for (uint32_t k = sim->options.supernodes; k < sim->nodes_n && !sim->failed; k++) {
			const struct kith_simcontact *c = kith_sim_contact(&sim->nodes[i], k);
			struct kith_simnode named = { .public = kith_sim_trap_of(&sim->nodes[k]) };
			named.local.port = named.public.port;
			if (c != NULL && c->relay_only && sim->nodes[i].core != NULL)
				leak(sim, &sim->nodes[i], &named);
		}
	}
}

static void leak_some(struct kith_sim *sim, bool relay_only)
{
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		for (uint32_t k = sim->options.supernodes; k < sim->nodes_n && !sim->failed; k++) {
			struct kith_simnode *from = &sim->nodes[i];
			const struct kith_simcontact *c = kith_sim_contact(from, k);
			if (i == k || from->core == NULL ||
			    kith_sim_owner(sim, &sim->nodes[k].public) != &sim->nodes[k])
				continue;
			if (relay_only ? c != NULL && c->relay_only : !kith_sim_consented(sim, i, k))
				leak(sim, from, &sim->nodes[k]);
		}
	}
}

/* The bound of a table is taken back below what it holds; an idle leaf is told to have sent more. */
static void mutate_bounds(struct kith_sim *sim)
{
	struct kith_simnode *leaf = &sim->nodes[sim->nodes_n - 1];
	struct kith_core *c = sim->nodes[0].core;
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_TABLE_FULL) && c != NULL && c->sessions.by_index.n > 0) {
		c->sessions.by_index.max = c->sessions.by_index.n - 1;
		sim->mutations++;
	}
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_IDLE_TALKS)) {
		leaf->bytes_out += IDLE_TALK_BYTES;
		sim->mutations++;
	}
}

void kith_sim_mutate_sample(struct kith_sim *sim)
{
	mutate_bounds(sim);
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_LEAK_RELAY_ONLY))
		leak_some(sim, true);
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_LEAK_NAMED))
		leak_named(sim);
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_LEAK_STRANGER))
		leak_some(sim, false);
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_MEMORY_GROWS)) {
		const struct kith_alloc *a = &sim->nodes[sim->nodes_n - 1].account.alloc;
		for (int i = 0; i < GROWTH_BLOCKS; i++)
			(void)a->realloc_fn(a->ctx, NULL, 0, GROWTH_BYTES);
		sim->mutations++;
	}
}

void kith_sim_mutate_supernodes(struct kith_sim *sim)
{
	kith_sim_supers_changed(sim);
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		if (sim->options.mutation == KITH_SIM_MUTATE_FEW_SUPERNODES && i >= 2) {
			sim->nodes[i].mute = true;
			sim->mutations++;
		}
		for (uint32_t k = 0; k < sim->options.supernodes; k++) {
			if (sim->options.mutation != KITH_SIM_MUTATE_SPLIT_SUPERNODES || i % 2 == k % 2)
				continue;
			kith_net_partition(sim->net, (uint8_t)(i % KITH_SIM_GROUPS), (uint8_t)(k % KITH_SIM_GROUPS),
					   true);
			sim->mutations++;
		}
	}
}

void kith_sim_mutate_datagram(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c,
			      const struct kith_event *e)
{
	uint8_t copy[2048];
	struct kith_span data = { copy, e->data.len < sizeof copy ? e->data.len : sizeof copy };
	if (data.len > 0)
		memcpy(copy, e->data.p, data.len);
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_DATAGRAM_FLIP) && data.len > 0) {
		copy[data.len / 2] ^= 0x10;
		sim->mutations++;
	}
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_DATAGRAM_ASTRAY)) {
		for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
			struct kith_simnode *other = &sim->nodes[i];
			struct kith_simcall *call = other != n ? kith_sim_any_call(other) : NULL;
			if (call == NULL)
				continue;
			sim->mutations++;
			kith_sim_transfer_got(sim, other, call, e->channel, data);
			return;
		}
	}
	kith_sim_transfer_got(sim, n, c, e->channel, data);
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_DATAGRAM_TWICE) && !sim->failed) {
		sim->mutations++;
		kith_sim_transfer_got(sim, n, c, e->channel, data);
	}
}

size_t kith_sim_mutate_stream(struct kith_sim *sim, uint8_t *data, size_t len)
{
	if (len > 100 && kith_sim_mutates(sim, KITH_SIM_MUTATE_STREAM_FLIP)) {
		data[len / 2] ^= 1;
		sim->mutations++;
	}
	if (len > 100 && kith_sim_mutates(sim, KITH_SIM_MUTATE_STREAM_CUT)) {
		memmove(data + 50, data + 51, len - 51);
		sim->mutations++;
		return len - 1;
	}
	return len;
}

const uint8_t *kith_sim_mutate_packet(struct kith_sim *sim, const uint8_t *data, size_t len, uint8_t *scratch,
				      size_t cap)
{
	bool clear = kith_sim_mutates(sim, KITH_SIM_MUTATE_PLAINTEXT) && len >= 16 + KITH_SIM_MARKER_LEN;
	bool garbage = kith_sim_mutates(sim, KITH_SIM_MUTATE_GARBAGE) && len > 0 && data[0] == KITH_PKT_DATA;
	if ((!clear && !garbage) || len > cap)
		return data;
	memcpy(scratch, data, len);
	if (clear)
		memcpy(scratch + len - KITH_SIM_MARKER_LEN, KITH_SIM_MARKER, KITH_SIM_MARKER_LEN);
	if (garbage)
		scratch[0] = 0x77; /* none of ours */
	sim->mutations++;
	return scratch;
}
