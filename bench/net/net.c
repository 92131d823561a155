/* Building and changing a net; packets are in net_packet.c. */
#include "net/net.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "net/draw.h"
#include "net/net_internal.h"

/* The bounds that net.h states. */
KITH_STATIC_ASSERT(sizeof(struct kith_net_host) == 8, "bytes per host");
KITH_STATIC_ASSERT(sizeof(struct kith_net_device) == 56, "bytes per device");
KITH_STATIC_ASSERT(sizeof(struct kith_nat) <= 152, "bytes per NAT");

#define STREAM_NATS UINT64_C(0x6e6174) /* seeds of NATs, apart from all other streams */

void kith_net_options_init(struct kith_net_options *o)
{
	memset(o, 0, sizeof *o);
	o->seed = 1;
	o->hosts_max = 1000000;
	o->devices_max = 3000000;
	o->core_hops = 8;
	o->lan_delay_us = 100;
	o->delay.kind = KITH_DELAY_CONSTANT;
	o->delay.constant_us = 20 * KITH_US_PER_MS;
	o->delay.seed = 1;
}

struct kith_net *kith_net_new(const struct kith_alloc *alloc, const struct kith_net_options *options)
{
	struct kith_net *net = KITH_NEW(alloc, struct kith_net);
	if (net == NULL)
		return NULL;
	net->alloc = alloc;
	net->options = *options;
	net->devices_n = 1;
	kith_route_init(&net->route, alloc);
	return net;
}

void kith_net_free(struct kith_net *net)
{
	if (net == NULL)
		return;
	for (uint32_t i = 0; i < net->nats_n; i++)
		kith_nat_deinit(&net->nats[i]);
	KITH_FREE_ARRAY(net->alloc, net->nats, net->nats_cap);
	KITH_FREE_ARRAY(net->alloc, net->devices, net->devices_cap);
	KITH_FREE_ARRAY(net->alloc, net->hosts, net->hosts_cap);
	KITH_FREE_ARRAY(net->alloc, net->pairs, net->pairs_cap);
	kith_route_deinit(&net->route);
	KITH_FREE(net->alloc, net);
}

/* The array with room for one element more, grown by half if need be; NULL when out of memory. */
static void *reserve(const struct kith_alloc *alloc, void *p, uint32_t n, uint32_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	uint32_t fresh = *cap < 8 ? 8 : *cap + *cap / 2;
	void *grown = kith_alloc_resize(alloc, p, *cap * size, fresh * size);
	if (grown != NULL)
		*cap = fresh;
	return grown;
}

int kith_net_host_add(struct kith_net *net, uint32_t *host)
{
	if (net->hosts_n >= net->options.hosts_max)
		return KITH_EFULL;
	struct kith_net_host *grown = reserve(net->alloc, net->hosts, net->hosts_n, &net->hosts_cap, sizeof *grown);
	if (grown == NULL)
		return KITH_ENOMEM;
	net->hosts = grown;
	*host = net->hosts_n++;
	net->hosts[*host] = (struct kith_net_host){ 0, 0 };
	return 0;
}

/* --- addresses --- */

bool kith_net_owns(const struct kith_net *net, uint32_t device, uint32_t realm, const struct kith_addr *ip)
{
	const struct kith_net_device *d = &net->devices[device];
	if (d->realm != realm)
		return false;
	if (kith_net_kind(d) == KITH_NET_NAT)
		return kith_nat_owns(&net->nats[d->owner], ip);
	return ip->family == kith_net_family(d) && memcmp(ip->ip, d->ip, sizeof d->ip) == 0;
}

static bool route_owns(const void *ctx, uint32_t device, uint32_t realm, const struct kith_addr *ip)
{
	return kith_net_owns(ctx, device, realm, ip);
}

uint32_t kith_net_find(const struct kith_net *net, uint32_t realm, const struct kith_addr *ip)
{
	return kith_route_find(&net->route, realm, ip, route_owns, net);
}

/* The k-th address after a (of a NAT's pool). */
static struct kith_addr addr_after(const struct kith_addr *a, uint32_t k)
{
	struct kith_addr out = *a;
	for (int i = 3; i >= 0; i--) {
		k += out.ip[i];
		out.ip[i] = (uint8_t)k;
		k >>= 8;
	}
	return out;
}

static void route_clear(struct kith_net *net, uint32_t device, uint32_t realm, const struct kith_addr *ip, uint32_t n)
{
	while (n-- > 0) {
		struct kith_addr a = addr_after(ip, n);
		kith_route_remove(&net->route, realm, &a, device);
	}
}

/* Enters n addresses from ip on, or none. Addresses that device has itself may be taken over. */
static int route_claim(struct kith_net *net, uint32_t device, uint32_t realm, const struct kith_addr *ip, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct kith_addr a = addr_after(ip, i);
		uint32_t has = kith_net_find(net, realm, &a);
		int err = has != 0 && has != device ? KITH_EEXIST : kith_route_add(&net->route, realm, &a, device);
		if (err != 0) {
			route_clear(net, device, realm, ip, i);
			return err;
		}
	}
	return 0;
}

/* --- devices --- */

/* A family that realm can carry, and a realm that exists. */
static bool realm_fits(const struct kith_net *net, uint32_t realm, const struct kith_addr *ip)
{
	if (realm == KITH_NET_CORE)
		return ip->family == KITH_FAMILY_V4 || ip->family == KITH_FAMILY_V6;
	return realm < net->devices_n && kith_net_kind(&net->devices[realm]) == KITH_NET_NAT &&
	       ip->family == KITH_FAMILY_V4;
}

/* How many NATs a packet from realm passes up to the core. */
static unsigned depth(const struct kith_net *net, uint32_t realm)
{
	unsigned n = 0;
	for (; realm != KITH_NET_CORE && n <= KITH_NET_LEVELS_MAX; realm = net->devices[realm].realm)
		n++;
	return n;
}

static void device_address(struct kith_net_device *d, enum kith_net_kind kind, uint32_t realm,
			   const struct kith_addr *ip)
{
	d->realm = realm;
	d->kind_family = (uint8_t)((unsigned)kind << 4 | ip->family);
	memcpy(d->ip, ip->ip, sizeof d->ip);
}

/* Appends a device and enters its n addresses; owner as in struct kith_net_device. */
static int device_add(struct kith_net *net, enum kith_net_kind kind, uint32_t owner, uint32_t realm,
		      const struct kith_addr *ip, uint32_t n, const struct kith_net_uplink *uplink)
{
	if (uplink->profile >= KITH_NET_PROFILES_MAX || uplink->country >= KITH_COUNTRIES_N ||
	    !realm_fits(net, realm, ip))
		return KITH_EINVAL;
	if (net->devices_n > net->options.devices_max)
		return KITH_EFULL;
	struct kith_net_device *grown =
		reserve(net->alloc, net->devices, net->devices_n, &net->devices_cap, sizeof *grown);
	if (grown == NULL)
		return KITH_ENOMEM;
	net->devices = grown;
	uint32_t device = net->devices_n;
	struct kith_net_device *d = &net->devices[device];
	memset(d, 0, sizeof *d);
	device_address(d, kind, realm, ip);
	d->owner = owner;
	d->delay_us = uplink->delay_us;
	d->profile = uplink->profile;
	d->country = uplink->country;
	int err = route_claim(net, device, realm, ip, n);
	if (err == 0)
		net->devices_n++;
	return err;
}

int kith_net_iface_add(struct kith_net *net, uint32_t host, uint32_t realm, const struct kith_addr *ip,
		       const struct kith_net_uplink *uplink, uint32_t *device)
{
	if (host >= net->hosts_n)
		return KITH_EINVAL;
	int err = device_add(net, KITH_NET_IFACE, host, realm, ip, 1, uplink);
	if (err != 0)
		return err;
	*device = net->devices_n - 1;
	uint32_t *at = &net->hosts[host].first;
	while (*at != 0)
		at = &net->devices[*at].next;
	*at = *device;
	return 0;
}

int kith_net_nat_add(struct kith_net *net, uint32_t realm, const struct kith_nat_options *options,
		     const struct kith_alloc *alloc, const struct kith_addr *ip, const struct kith_net_uplink *uplink,
		     uint32_t *device)
{
	if (depth(net, realm < net->devices_n ? realm : KITH_NET_CORE) >= KITH_NET_LEVELS_MAX)
		return KITH_EINVAL;
	struct kith_nat *grown = reserve(net->alloc, net->nats, net->nats_n, &net->nats_cap, sizeof *grown);
	if (grown == NULL)
		return KITH_ENOMEM;
	net->nats = grown;
	int err = kith_nat_init(&net->nats[net->nats_n], options, alloc != NULL ? alloc : net->alloc, ip,
				kith_draw(net->options.seed, STREAM_NATS, net->devices_n));
	if (err != 0)
		return err;
	err = device_add(net, KITH_NET_NAT, net->nats_n, realm, ip, options->external_n, uplink);
	if (err != 0)
		return err;
	net->nats_n++;
	*device = net->devices_n - 1;
	return 0;
}

void kith_net_public_v4(uint32_t i, struct kith_addr *out)
{
	memset(out, 0, sizeof *out);
	out->family = KITH_FAMILY_V4;
	/* 11/8 to 99/8 hold no special range. An odd factor permutes the lower 24 bits. */
	const uint32_t first = 11, nets = 89;
	uint32_t low = (i / nets * UINT32_C(0x9e3779)) & 0xffffff;
	out->ip[0] = (uint8_t)(first + i % nets);
	out->ip[1] = (uint8_t)(low >> 16);
	out->ip[2] = (uint8_t)(low >> 8);
	out->ip[3] = (uint8_t)low;
}

/* --- faults and changes --- */

void kith_net_set_faults(struct kith_net *net, const struct kith_access_faults *faults)
{
	net->options.faults = *faults;
}

void kith_net_host_cut(struct kith_net *net, uint32_t host, unsigned cuts)
{
	KITH_ASSERT(host < net->hosts_n && cuts <= (KITH_NET_CUT_OUT | KITH_NET_CUT_IN));
	net->hosts[host].cuts = cuts;
}

uint32_t kith_net_edge(const struct kith_net *net, uint32_t device)
{
	KITH_ASSERT(device > 0 && device < net->devices_n);
	while (net->devices[device].realm != KITH_NET_CORE)
		device = net->devices[device].realm;
	return device;
}

void kith_net_group_set(struct kith_net *net, uint32_t device, uint8_t group)
{
	KITH_ASSERT(group < KITH_NET_GROUPS_MAX);
	net->devices[kith_net_edge(net, device)].group = group;
}

void kith_net_partition(struct kith_net *net, uint8_t from, uint8_t to, bool cut)
{
	KITH_ASSERT(from < KITH_NET_GROUPS_MAX && to < KITH_NET_GROUPS_MAX);
	uint64_t bit = UINT64_C(1) << to;
	net->cut_to[from] = cut ? net->cut_to[from] | bit : net->cut_to[from] & ~bit;
}

/* Where (from, to) is in the sorted pairs, or belongs. */
static uint32_t pair_slot(const struct kith_net *net, uint32_t from, uint32_t to)
{
	uint32_t low = 0, high = net->pairs_n;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct kith_net_pair *p = &net->pairs[mid];
		if (p->from < from || (p->from == from && p->to < to))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct kith_net_way *kith_net_pair_way(const struct kith_net *net, uint32_t from, uint32_t to)
{
	uint32_t i = pair_slot(net, from, to);
	return i < net->pairs_n && net->pairs[i].from == from && net->pairs[i].to == to ? &net->pairs[i].way : NULL;
}

int kith_net_pair_set(struct kith_net *net, uint32_t from, uint32_t to, const struct kith_net_way *way)
{
	from = kith_net_edge(net, from);
	to = kith_net_edge(net, to);
	uint32_t i = pair_slot(net, from, to);
	bool known = kith_net_pair_way(net, from, to) != NULL;
	if (way == NULL) {
		net->pairs_n -= known ? 1 : 0;
		if (known)
			memmove(&net->pairs[i], &net->pairs[i + 1], (net->pairs_n - i) * sizeof net->pairs[0]);
		return 0;
	}
	if (!known && net->pairs_n >= KITH_NET_CUT_PAIRS_MAX)
		return KITH_EFULL;
	struct kith_net_pair *grown = reserve(net->alloc, net->pairs, net->pairs_n, &net->pairs_cap, sizeof *grown);
	if (grown == NULL)
		return KITH_ENOMEM;
	net->pairs = grown;
	if (!known) {
		memmove(&net->pairs[i + 1], &net->pairs[i], (net->pairs_n - i) * sizeof net->pairs[0]);
		net->pairs_n++;
	}
	net->pairs[i] = (struct kith_net_pair){ from, to, *way };
	return 0;
}

int kith_net_pair_cut(struct kith_net *net, uint32_t from, uint32_t to, bool cut)
{
	static const struct kith_net_way nothing_passes = { .cut = true };
	return kith_net_pair_set(net, from, to, cut ? &nothing_passes : NULL);
}

/* Whether realm is device's inside, or deeper. */
static bool realm_behind(const struct kith_net *net, uint32_t realm, uint32_t device)
{
	while (realm != KITH_NET_CORE && realm != device)
		realm = net->devices[realm].realm;
	return realm == device;
}

int kith_net_move(struct kith_net *net, uint32_t device, uint32_t realm, const struct kith_addr *ip)
{
	KITH_ASSERT(device > 0 && device < net->devices_n);
	struct kith_net_device *d = &net->devices[device];
	bool is_nat = kith_net_kind(d) == KITH_NET_NAT;
	if (!realm_fits(net, realm, ip) || realm_behind(net, realm, device))
		return KITH_EINVAL;
	if (is_nat && (ip->family != KITH_FAMILY_V4 || depth(net, realm) >= KITH_NET_LEVELS_MAX))
		return KITH_EINVAL;
	uint32_t n = is_nat ? net->nats[d->owner].options->external_n : 1;
	struct kith_addr old;
	kith_net_address(net, device, &old);
	uint32_t old_realm = d->realm;
	int err = route_claim(net, device, realm, ip, n);
	if (err != 0)
		return err;
	route_clear(net, device, old_realm, &old, n);
	device_address(d, kith_net_kind(d), realm, ip);
	if (is_nat)
		kith_nat_readdress(&net->nats[d->owner], ip);
	return 0;
}

static struct kith_nat *nat_of(struct kith_net *net, uint32_t device)
{
	KITH_ASSERT(device > 0 && device < net->devices_n && kith_net_kind(&net->devices[device]) == KITH_NET_NAT);
	return &net->nats[net->devices[device].owner];
}

void kith_net_nat_flush(struct kith_net *net, uint32_t device)
{
	kith_nat_flush(nat_of(net, device));
}

void kith_net_nat_rebind(struct kith_net *net, uint32_t device)
{
	kith_nat_rebind(nat_of(net, device));
}

/* --- looking --- */

const struct kith_nat *kith_net_nat(const struct kith_net *net, uint32_t device)
{
	if (device == 0 || device >= net->devices_n || kith_net_kind(&net->devices[device]) != KITH_NET_NAT)
		return NULL;
	return &net->nats[net->devices[device].owner];
}

void kith_net_address(const struct kith_net *net, uint32_t device, struct kith_addr *out)
{
	KITH_ASSERT(device > 0 && device < net->devices_n);
	const struct kith_net_device *d = &net->devices[device];
	memset(out, 0, sizeof *out);
	out->family = (uint8_t)kith_net_family(d);
	memcpy(out->ip, d->ip, sizeof d->ip);
}

uint32_t kith_net_realm(const struct kith_net *net, uint32_t device)
{
	KITH_ASSERT(device > 0 && device < net->devices_n);
	return net->devices[device].realm;
}

uint32_t kith_net_first_iface(const struct kith_net *net, uint32_t host)
{
	KITH_ASSERT(host < net->hosts_n);
	return net->hosts[host].first;
}

const char *kith_net_cause_text(enum kith_net_cause cause)
{
	static const char *const text[KITH_NET_CAUSES_N] = {
#define CAUSE_TEXT(name, words) [KITH_NET_##name] = (words),
		KITH_NET_CAUSE_MAP(CAUSE_TEXT)
#undef CAUSE_TEXT
	};
	return (unsigned)cause < KITH_NET_CAUSES_N ? text[cause] : "unknown";
}
