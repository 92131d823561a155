#include "net/nat_table.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "net/draw.h"

/* Entry and index heads per entry: 48 and twice 2 bytes. A million idle leaves behind a NAT each have four entries, and
 * twenty while they measure it. */
KITH_STATIC_ASSERT(sizeof(struct kith_nat_entry) <= 56, "NAT entries stay small");

/* Of each index: a chain for two entries. */
static uint32_t heads_n(uint32_t cap)
{
	return (cap + 1) / 2;
}

static size_t block_len_bytes(uint32_t cap)
{
	return (size_t)cap * sizeof(struct kith_nat_entry) + 2 * (size_t)heads_n(cap) * sizeof(uint32_t);
}

/* The room after cap: half as much again, since most NATs never have many entries, and there are many NATs. */
static uint32_t cap_after(uint32_t cap, uint32_t max)
{
	const uint32_t more = cap == 0 ? KITH_NAT_ENTRIES_MIN : cap / 2;
	return max - cap < more ? max : cap + more;
}

static uint32_t *out_heads(const struct kith_nat *nat)
{
	return (uint32_t *)(void *)(nat->entries + nat->cap);
}

static uint32_t *in_heads(const struct kith_nat *nat)
{
	return out_heads(nat) + heads_n(nat->cap);
}

static uint32_t out_slot(const struct kith_nat *nat, const struct kith_nat_entry *e)
{
	uint64_t inside = (uint64_t)e->inside_ip << 32 | (uint32_t)e->inside_port << 8 | e->proto;
	uint64_t remote = (uint64_t)e->remote_ip << 32 | e->remote_port;
	return kith_draw_below(kith_draw_hash(nat->seed, inside, remote), heads_n(nat->cap));
}

static bool out_same(const struct kith_nat_entry *a, const struct kith_nat_entry *b)
{
	return a->kind == b->kind && a->proto == b->proto && a->inside_ip == b->inside_ip &&
	       a->inside_port == b->inside_port && a->remote_ip == b->remote_ip && a->remote_port == b->remote_port;
}

/* Whether the remote is part of the in key. */
static bool in_has_remote(const struct kith_nat *nat, const struct kith_nat_entry *e)
{
	return e->kind != KITH_NAT_MAPPING || nat->options->port_overload;
}

static uint32_t in_slot(const struct kith_nat *nat, const struct kith_nat_entry *e)
{
	uint64_t tag = (uint64_t)e->kind << 56 | (uint64_t)e->proto << 48;
	uint64_t local =
		e->kind == KITH_NAT_PERMISSION ? e->serial : (uint64_t)e->external_index << 16 | e->external_port;
	uint64_t remote = in_has_remote(nat, e) ? (uint64_t)e->remote_ip << 16 | e->remote_port : 0;
	return kith_draw_below(kith_draw_hash(nat->seed, tag | local, remote), heads_n(nat->cap));
}

static bool in_same(const struct kith_nat *nat, const struct kith_nat_entry *a, const struct kith_nat_entry *b)
{
	if (a->kind != b->kind || a->proto != b->proto)
		return false;
	if (in_has_remote(nat, a) && (a->remote_ip != b->remote_ip || a->remote_port != b->remote_port))
		return false;
	if (a->kind == KITH_NAT_PERMISSION)
		return a->serial == b->serial;
	return a->external_index == b->external_index && a->external_port == b->external_port;
}

static void link_chains(struct kith_nat *nat, uint32_t i)
{
	struct kith_nat_entry *e = &nat->entries[i];
	if (e->kind == KITH_NAT_MAPPING) {
		uint32_t *head = &out_heads(nat)[out_slot(nat, e)];
		e->out_next = *head;
		*head = i;
	}
	uint32_t *head = &in_heads(nat)[in_slot(nat, e)];
	e->in_next = *head;
	*head = i;
}

static void unlink_chains(struct kith_nat *nat, uint32_t i)
{
	struct kith_nat_entry *e = &nat->entries[i];
	uint32_t *at = &in_heads(nat)[in_slot(nat, e)];
	while (*at != i)
		at = &nat->entries[*at].in_next;
	*at = e->in_next;
	if (e->kind != KITH_NAT_MAPPING)
		return;
	at = &out_heads(nat)[out_slot(nat, e)];
	while (*at != i)
		at = &nat->entries[*at].out_next;
	*at = e->out_next;
}

static void link_newest(struct kith_nat *nat, uint32_t i)
{
	struct kith_nat_entry *e = &nat->entries[i];
	e->newer = KITH_NAT_NONE;
	e->older = nat->newest;
	if (nat->newest != KITH_NAT_NONE)
		nat->entries[nat->newest].newer = i;
	else
		nat->oldest = i;
	nat->newest = i;
}

static void unlink_age(struct kith_nat *nat, uint32_t i)
{
	const struct kith_nat_entry *e = &nat->entries[i];
	if (e->newer != KITH_NAT_NONE)
		nat->entries[e->newer].older = e->older;
	else
		nat->newest = e->older;
	if (e->older != KITH_NAT_NONE)
		nat->entries[e->older].newer = e->newer;
	else
		nat->oldest = e->newer;
}

static void remove_entry(struct kith_nat *nat, uint32_t i)
{
	unlink_chains(nat, i);
	unlink_age(nat, i);
	nat->entries[i].kind = KITH_NAT_FREE;
	nat->entries[i].out_next = nat->free;
	nat->free = i;
	nat->n--;
}

bool kith_nat_table_alive(const struct kith_nat *nat, kith_time_us now, const struct kith_nat_entry *e)
{
	const struct kith_nat_options *o = nat->options;
	kith_time_us timeout_us = o->timeout_us;
	if (e->proto == KITH_NAT_TCP)
		timeout_us = o->tcp_timeout_us;
	else if (!e->replied && o->unreplied_timeout_us > 0)
		timeout_us = o->unreplied_timeout_us;
	return now - e->used_at < timeout_us;
}

/* Removes i if it is dead. */
static bool reap(struct kith_nat *nat, kith_time_us now, uint32_t i)
{
	if (kith_nat_table_alive(nat, now, &nat->entries[i]))
		return false;
	remove_entry(nat, i);
	nat->counters.expired++;
	return true;
}

uint32_t kith_nat_table_by_out(struct kith_nat *nat, kith_time_us now, const struct kith_nat_entry *like)
{
	if (nat->cap == 0)
		return KITH_NAT_NONE;
	uint32_t i = out_heads(nat)[out_slot(nat, like)];
	while (i != KITH_NAT_NONE && !out_same(&nat->entries[i], like))
		i = nat->entries[i].out_next;
	return i == KITH_NAT_NONE || reap(nat, now, i) ? KITH_NAT_NONE : i;
}

uint32_t kith_nat_table_by_in(struct kith_nat *nat, kith_time_us now, const struct kith_nat_entry *like)
{
	if (nat->cap == 0)
		return KITH_NAT_NONE;
	uint32_t i = in_heads(nat)[in_slot(nat, like)];
	while (i != KITH_NAT_NONE && !in_same(nat, &nat->entries[i], like))
		i = nat->entries[i].in_next;
	return i == KITH_NAT_NONE || reap(nat, now, i) ? KITH_NAT_NONE : i;
}

/* More room; only called with every entry in use. */
static bool grow(struct kith_nat *nat)
{
	uint32_t cap = cap_after(nat->cap, nat->options->entries_max);
	struct kith_nat_entry *entries = kith_alloc_zero(nat->alloc, block_len_bytes(cap));
	if (entries == NULL)
		return false;
	if (nat->n > 0)
		memcpy(entries, nat->entries, nat->n * sizeof *entries);
	kith_alloc_free(nat->alloc, nat->entries, block_len_bytes(nat->cap));
	nat->entries = entries;
	nat->cap = cap;
	memset(out_heads(nat), 0xff, 2 * (size_t)heads_n(cap) * sizeof(uint32_t)); /* KITH_NAT_NONE */
	/* Oldest first, so that the chains do not depend on when the pool grew. */
	for (uint32_t i = nat->oldest; i != KITH_NAT_NONE; i = entries[i].newer)
		link_chains(nat, i);
	nat->free = KITH_NAT_NONE;
	for (uint32_t i = cap; i-- > nat->n;) {
		entries[i].out_next = nat->free;
		nat->free = i;
	}
	return true;
}

/* Leaves at least one free entry, or returns false. */
static bool make_room(struct kith_nat *nat, kith_time_us now)
{
	/* Two for every one that comes: the dead never pile up, and the cost per packet is bounded. */
	for (int k = 0; k < 2 && nat->oldest != KITH_NAT_NONE; k++)
		if (!reap(nat, now, nat->oldest))
			break;
	if (nat->free != KITH_NAT_NONE || (nat->cap < nat->options->entries_max && grow(nat)))
		return true;
	if (nat->oldest == KITH_NAT_NONE)
		return false;
	remove_entry(nat, nat->oldest);
	nat->counters.evicted++;
	return true;
}

uint32_t kith_nat_table_add(struct kith_nat *nat, kith_time_us now, const struct kith_nat_entry *e)
{
	KITH_ASSERT(e->kind != KITH_NAT_FREE);
	if (!make_room(nat, now))
		return KITH_NAT_NONE;
	uint32_t i = nat->free;
	nat->free = nat->entries[i].out_next;
	nat->n++;
	nat->entries[i] = *e;
	nat->entries[i].used_at = now;
	link_chains(nat, i);
	link_newest(nat, i);
	return i;
}

void kith_nat_table_touch(struct kith_nat *nat, kith_time_us now, uint32_t i)
{
	nat->entries[i].used_at = now;
	if (nat->newest == i)
		return;
	unlink_age(nat, i);
	link_newest(nat, i);
}

void kith_nat_table_trim(struct kith_nat *nat, kith_time_us now)
{
	enum { SPARSE = 4 };
	uint32_t cap = KITH_NAT_ENTRIES_MIN, n = 0;
	while (nat->cap >= SPARSE * cap && nat->oldest != KITH_NAT_NONE && reap(nat, now, nat->oldest)) {}
	if (nat->cap < SPARSE * cap || nat->n > nat->cap / SPARSE)
		return;
	while (cap < nat->n)
		cap = cap_after(cap, nat->options->entries_max);
	struct kith_nat_entry *entries = cap < nat->cap ? kith_alloc_zero(nat->alloc, block_len_bytes(cap)) : NULL;
	if (entries == NULL)
		return;
	const struct kith_nat before = *nat;
	nat->entries = entries;
	nat->cap = cap;
	nat->newest = nat->oldest = nat->free = KITH_NAT_NONE;
	memset(out_heads(nat), 0xff, 2 * (size_t)heads_n(cap) * sizeof(uint32_t)); /* KITH_NAT_NONE */
	for (uint32_t i = before.oldest; i != KITH_NAT_NONE; i = before.entries[i].newer) {
		entries[n] = before.entries[i];
		link_chains(nat, n);
		link_newest(nat, n++);
	}
	for (uint32_t i = cap; i-- > n;) {
		entries[i].out_next = nat->free;
		nat->free = i;
	}
	kith_alloc_free(nat->alloc, before.entries, block_len_bytes(before.cap));
}

void kith_nat_table_clear(struct kith_nat *nat)
{
	kith_alloc_free(nat->alloc, nat->entries, block_len_bytes(nat->cap));
	nat->entries = NULL;
	nat->n = nat->cap = 0;
	nat->free = nat->newest = nat->oldest = KITH_NAT_NONE;
}
