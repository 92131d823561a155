#include "path/candidate.h"

#include <kith/err.h>

#include "base/addr.h"

enum { PORT_MIN = 1024, PORT_HTTPS = 443 };

void kith_candidates_write(struct kith_writer *w, const struct kith_candidates *cs)
{
	kith_write_u8(w, cs->generation);
	kith_natclass_write(w, &cs->nat);
	kith_write_u8(w, cs->n);
	for (unsigned i = 0; i < cs->n; i++) {
		kith_write_u8(w, cs->list[i].kind);
		kith_endpoint_write(w, &cs->list[i].at);
	}
}

int kith_candidates_read(struct kith_candidates *out, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	memset(out, 0, sizeof *out);
	out->generation = kith_read_u8(&r);
	kith_natclass_read(&r, &out->nat);
	uint8_t n = kith_read_u8(&r);
	for (unsigned i = 0; i < n && !r.bad; i++) {
		struct kith_candidate c = { .kind = kith_read_u8(&r) };
		if (!kith_endpoint_read(&r, &c.at) || out->n == KITH_CANDIDATES_MAX)
			continue;
		kith_addr_normalise(&c.at.addr);
		out->list[out->n++] = c;
	}
	return kith_reader_done(&r) ? 0 : KITH_EPROTO;
}

static bool same_ip(const struct kith_addr *a, const struct kith_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool kith_candidates_same(const struct kith_candidate a[], size_t a_n, const struct kith_candidate b[], size_t b_n)
{
	if (a_n != b_n)
		return false;
	for (size_t i = 0; i < a_n; i++) {
		if (a[i].kind != b[i].kind || a[i].transport != b[i].transport ||
		    a[i].prefix_bits != b[i].prefix_bits || !kith_endpoint_equal(&a[i].at, &b[i].at))
			return false;
	}
	return true;
}

static bool on_own_network(const struct kith_addr *addr, const struct kith_own_list *ours)
{
	for (unsigned i = 0; i < ours->n; i++) {
		const struct kith_candidate *o = &ours->list[i];
		if (o->kind == KITH_ADDR_HOST &&
		    kith_addr_same_prefix(addr, &o->at.addr, kith_prefix_bits(addr->family, o->prefix_bits)))
			return true;
	}
	return false;
}

/* Where a TURN server relays is the server's, and says nothing about networks. */
static bool is_of_node(const struct kith_candidate *c)
{
	return c->kind != KITH_ADDR_RELAYED && kith_addr_scope(&c->at.addr) == KITH_SCOPE_PUBLIC;
}

/* Both are seen at one public address: behind one NAT, where private addresses of either may lead to the other. */
static bool behind_one_nat(const struct kith_own_list *ours, const struct kith_candidates *theirs)
{
	for (unsigned i = 0; i < ours->n; i++) {
		if (!is_of_node(&ours->list[i]))
			continue;
		for (unsigned j = 0; j < theirs->n; j++) {
			if (is_of_node(&theirs->list[j]) && same_ip(&ours->list[i].at.addr, &theirs->list[j].at.addr))
				return true;
		}
	}
	return false;
}

enum kith_refusal kith_candidate_check_source(const struct kith_addr *addr, unsigned allow)
{
	switch (kith_addr_scope(addr)) {
	case KITH_SCOPE_NONE:
		return KITH_REFUSAL_SCOPE;
	case KITH_SCOPE_LOOPBACK:
		return (allow & KITH_ALLOW_LOOPBACK) ? KITH_REFUSAL_NONE : KITH_REFUSAL_LOOPBACK;
	case KITH_SCOPE_LINK:
		return KITH_REFUSAL_LINK_LOCAL;
	case KITH_SCOPE_PRIVATE:
	case KITH_SCOPE_PUBLIC:
		break;
	}
	return addr->port == 0 ? KITH_REFUSAL_PORT : KITH_REFUSAL_NONE;
}

enum kith_refusal kith_candidate_check(const struct kith_candidate *c, const struct kith_candidates *theirs,
				       const struct kith_own_list *ours, unsigned allow)
{
	const struct kith_addr *addr = &c->at.addr;
	if (c->kind < KITH_ADDR_HOST || c->kind > KITH_ADDR_RELAYED)
		return KITH_REFUSAL_KIND;
	enum kith_refusal refusal = kith_candidate_check_source(addr, allow);
	if (refusal != KITH_REFUSAL_NONE)
		return refusal;
	if (addr->port < PORT_MIN && addr->port != PORT_HTTPS)
		return KITH_REFUSAL_PORT;
	for (unsigned i = 0; i < ours->n; i++) {
		if (kith_addr_equal(&ours->list[i].at.addr, addr))
			return KITH_REFUSAL_SELF;
	}
	if (kith_addr_scope(addr) == KITH_SCOPE_PRIVATE && !(allow & KITH_ALLOW_PRIVATE) &&
	    !on_own_network(addr, ours) && !behind_one_nat(ours, theirs))
		return KITH_REFUSAL_PRIVATE;
	return KITH_REFUSAL_NONE;
}
