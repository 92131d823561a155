/* The entries of a NAT: one pool for mappings, permissions and local flows, two hash indexes, one recency list.
 *
 * By out key: mappings by inside endpoint and as much of the remote as the mapping kind tells apart.
 * By in key: mappings by external endpoint (with overloading: and remote), permissions by mapping serial and remote,
 * local flows by external endpoint and remote. A permission names its mapping by serial, so that it dies with it unseen
 * and is reclaimed by age.
 * Bounds: grows by half up to entries_max, then the least recently used entry makes room. Entry numbers stay valid
 * when the pool grows, pointers do not.
 */
#ifndef KITH_NET_NAT_TABLE_H
#define KITH_NET_NAT_TABLE_H

#include "net/nat.h"

#define KITH_NAT_NONE UINT32_MAX

enum kith_nat_kind { KITH_NAT_FREE, KITH_NAT_MAPPING, KITH_NAT_PERMISSION, KITH_NAT_LOCAL };

struct kith_nat_entry {
	kith_time_us used_at;
	uint32_t inside_ip, remote_ip;
	uint16_t inside_port, remote_port, external_port, external_index;
	uint32_t serial;
	uint8_t kind, proto, replied;
	uint32_t newer, older;
	uint32_t out_next, in_next; /* hash chains; out_next links the free list as well */
};

/* The live entry with the same keys as like, or KITH_NAT_NONE. One that is found dead is removed. */
uint32_t kith_nat_table_by_out(struct kith_nat *nat, kith_time_us now, const struct kith_nat_entry *like);
uint32_t kith_nat_table_by_in(struct kith_nat *nat, kith_time_us now, const struct kith_nat_entry *like);

/* Copies e in as the newest; KITH_NAT_NONE if there is no memory at all. */
uint32_t kith_nat_table_add(struct kith_nat *nat, kith_time_us now, const struct kith_nat_entry *e);

/* Makes it the newest, used now. */
void kith_nat_table_touch(struct kith_nat *nat, kith_time_us now, uint32_t i);

bool kith_nat_table_alive(const struct kith_nat *nat, kith_time_us now, const struct kith_nat_entry *e);

void kith_nat_table_clear(struct kith_nat *nat);

/* Gives back what many entries took, once most of the room is for dead ones. Entry numbers change. */
void kith_nat_table_trim(struct kith_nat *nat, kith_time_us now);

#endif
