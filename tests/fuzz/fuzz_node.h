/* Cores for fuzz targets: the simulated suite, a counting allocator, and a network of which the target is the postman.
 * Everything follows from the input, so that a crash repeats. */
#ifndef KITH_FUZZ_NODE_H
#define KITH_FUZZ_NODE_H

#include <stdlib.h>
#include <string.h>

#include <kith/core.h>

#include "base/assert.h"
#include "link/state.h"
#include "sim/simpki.h"
#include "sim/suite_sim.h"

#define FN_UNIX_MS INT64_C(1800000000000)
#define FN_NODES 4

struct fn_node {
	struct kith_core *core;
	struct kith_addr addr;
	struct kith_simcredentials id;
	bool supernode;
};

struct fn {
	struct kith_alloc alloc;
	struct kith_random random;
	struct kith_simpki pki;
	struct kith_shared *shared;
	struct fn_node node[FN_NODES];
	kith_time_us now;
	size_t live;
	uint64_t seed;
	/* Called for every packet that leaves a node. */
	void (*post)(struct fn *f, unsigned from, const struct kith_packet *p);
	uint64_t counter; /* for the post function */
};

static inline void *fn_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	struct fn *f = ctx;
	f->live += new_len;
	f->live -= old_len;
	if (new_len == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, new_len);
}

static inline void fn_fill(void *ctx, uint8_t *out, size_t len)
{
	struct fn *f = ctx;
	for (size_t i = 0; i < len; i++) {
		f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(f->seed >> 56);
	}
}

static inline struct kith_now fn_clock(const struct fn *f)
{
	return (struct kith_now){ f->now, FN_UNIX_MS + f->now / 1000, true };
}

static inline void fn_init(struct fn *f)
{
	struct kith_shared_options o;
	memset(f, 0, sizeof *f);
	f->alloc = (struct kith_alloc){ fn_realloc, f };
	f->random = (struct kith_random){ fn_fill, f };
	f->seed = 1;
	f->now = 1;
	kith_simpki_init(&f->pki, kith_suite_sim(), 1, FN_UNIX_MS / 1000);
	kith_shared_options_init(&o);
	o.alloc = &f->alloc;
	o.random = &f->random;
	o.packets_max = 64;
	o.events_max = 64;
	int err = kith_shared_new(&f->shared, &o);
	KITH_ASSERT(err == 0);
}

static inline void fn_drain(struct fn *f, unsigned i)
{
	struct kith_packet out[16];
	struct kith_event ev;
	struct kith_effect effect;
	struct kith_core *c = f->node[i].core;
	bool again = true;
	while (again) {
		size_t n;
		again = false;
		while ((n = kith_core_poll(c, fn_clock(f), out, 16)) > 0) {
			for (size_t k = 0; k < n; k++) {
				KITH_ASSERT(out[k].len > 0 && out[k].len <= KITH_UDP_PAYLOAD);
				if (f->post != NULL)
					f->post(f, i, &out[k]);
			}
		}
		kith_session_id incoming = 0;
		while (kith_core_event(c, &ev)) {
			if (ev.type == KITH_EVENT_INCOMING)
				incoming = ev.session;
		}
		while (kith_core_effect(c, &effect)) {
			kith_core_complete(c, fn_clock(f), effect.id, 0, NULL);
			again = true;
		}
		if (incoming != 0) {
			int err = kith_core_accept(c, fn_clock(f), incoming);
			KITH_ASSERT(err == 0 || err == KITH_ENOENT || err == KITH_ESTATE);
			again = true;
		}
	}
}

static inline void fn_tick(struct fn *f, unsigned i)
{
	kith_core_tick(f->node[i].core, fn_clock(f));
	fn_drain(f, i);
}

/* Gives a node its name and address, and starts it. Node 0 is everybody's bootstrap. */
static inline void fn_start(struct fn *f, unsigned i, bool supernode, struct kith_span state)
{
	struct kith_core_options o;
	struct kith_bootstrap boot = {
		.at = { { .family = KITH_FAMILY_V4, .port = 4000, .ip = { 20, 1, 1, 1 } }, KITH_TRANSPORT_UDP, 0 },
		.has_key = true
	};
	struct kith_key unused;
	char name[8] = { 'n', (char)('a' + i) };
	struct fn_node *n = &f->node[i];
	n->supernode = supernode;
	n->addr = (struct kith_addr){ .family = KITH_FAMILY_V4,
				      .port = (uint16_t)(4000 + i),
				      .ip = { (uint8_t)(20 + i), 1, 1, 1 } };
	kith_simpki_issue(&f->pki, i, name, supernode, &n->id);
	kith_simpki_keys(&f->pki, 0, &unused, &boot.key);
	kith_core_options_init(&o);
	o.role = supernode ? KITH_ROLE_SUPERNODE : KITH_ROLE_LEAF;
	o.alloc = &f->alloc;
	o.random = &f->random;
	o.suite = f->pki.suite;
	o.shared = f->shared;
	o.root = &f->pki.root.pk;
	o.device = n->id.device;
	o.chain = (struct kith_span){ n->id.chain, n->id.chain_len };
	o.devices = (struct kith_span){ n->id.devices, n->id.devices_len };
	o.bootstrap = &boot;
	o.bootstrap_n = 1;
	o.state = state;
	if (supernode) {
		o.endpoints[0] = kith_endpoint_udp(&n->addr);
		o.endpoints_n = 1;
	}
	int err = kith_core_new(&n->core, &o, fn_clock(f));
	KITH_ASSERT(err == 0);
	fn_drain(f, i);
	struct kith_transport t = { .kind = KITH_TRANSPORT_UDP, .up = true, .family = KITH_FAMILY_V4, .locals_n = 1 };
	t.locals[0] = (struct kith_local){ n->addr, KITH_ADDR_HOST, 24 };
	kith_core_transport(n->core, fn_clock(f), &t);
	fn_drain(f, i);
	err = kith_core_serve(n->core, "chat");
	KITH_ASSERT(err == 0);
}

static inline void fn_deinit(struct fn *f)
{
	f->post = NULL;
	for (unsigned i = 0; i < FN_NODES; i++)
		kith_core_free(f->node[i].core);
	kith_shared_free(f->shared);
	KITH_ASSERT(f->live == 0);
}

#endif
