/* Packets through a net. Up: from device to realm to NAT to realm, until a realm knows the destination. Across: the
 * core, or the inside of a NAT. Down: through the destination's NATs to an interface. */
#include "net/net.h"

#include <string.h>

#include "base/assert.h"
#include "net/draw.h"
#include "net/net_internal.h"

/* Streams of draws that have nothing to do with each other. */
#define STREAM_CORE UINT64_C(0x636f7265)
#define STREAM_LAN UINT64_C(0x6c616e)
#define STREAM_PAIR UINT64_C(0x70616972)
#define STREAM_UP_LOSS UINT64_C(0x75706c)
#define STREAM_DOWN_LOSS UINT64_C(0x646f776e)

static void end(struct kith_net_stats *stats, struct kith_net_outcome *out, enum kith_net_cause cause)
{
	out->cause = cause;
	stats->causes[cause]++;
}

static void fly(struct kith_net_outcome *out, const struct kith_net_flight *f)
{
	KITH_ASSERT(out->flights_n < KITH_LINK_COPIES_MAX);
	out->cause = KITH_NET_FLYING;
	out->flights[out->flights_n++] = *f;
}

static bool uplink_loses(const struct kith_net *net, uint32_t ppm, uint64_t stream, uint32_t device,
			 const struct kith_net_flight *f)
{
	if (ppm == 0)
		return false;
	uint64_t seed = kith_draw_hash(net->options.seed, stream, device);
	return kith_draw_hit(kith_draw(seed, f->from_device, (uint64_t)f->number << 1 | f->copy), ppm);
}

/* Away from f's device at f->at, which becomes the time at the other end. FLYING if it got there. */
static enum kith_net_cause uplink_up(struct kith_net *net, struct kith_net_flight *f)
{
	struct kith_net_device *d = &net->devices[f->device];
	const struct kith_net_profile *p = &net->options.profiles[d->profile];
	if (!kith_access_queue_push(&d->up, p->up_bytes_per_s, p->up_queue_bytes, f->at, f->pkt.len_bytes, &f->at))
		return KITH_NET_QUEUE;
	if (uplink_loses(net, p->up_loss_ppm, STREAM_UP_LOSS, f->device, f))
		return KITH_NET_LOSS;
	f->at += d->delay_us;
	return KITH_NET_FLYING;
}

/* What goes wrong between these two edges only. FLYING: nothing, or it takes so much longer. */
static enum kith_net_cause cross_pair(const struct kith_net *net, const struct kith_net_flight *f, uint32_t target,
				      kith_time_us *extra_us)
{
	const struct kith_net_way *way = kith_net_pair_way(net, f->device, target);
	struct kith_access_fate fate;
	if (way == NULL)
		return KITH_NET_FLYING;
	if (way->cut)
		return KITH_NET_PAIR_CUT;
	if (way->most_bytes > 0 && f->pkt.len_bytes > way->most_bytes)
		return KITH_NET_PAIR_SIZE;
	kith_access_draw(&way->faults, net->options.seed ^ STREAM_PAIR, f->from_device, f->number, &fate);
	if (fate.copies == 0)
		return KITH_NET_LOSS;
	*extra_us = way->extra_us + fate.extra_us[0];
	return KITH_NET_FLYING;
}

/* From f's device, whose uplink it has left at f->at, over the core to the target's uplink and along it. */
static void cross_core(const struct kith_net *net, struct kith_net_stats *stats, struct kith_net_flight *f,
		       uint32_t target, struct kith_net_outcome *out)
{
	const struct kith_net_device *a = &net->devices[f->device], *b = &net->devices[target];
	if (f->pkt.ttl <= net->options.core_hops) {
		end(stats, out, KITH_NET_TTL);
		return;
	}
	f->pkt.ttl = (uint8_t)(f->pkt.ttl - net->options.core_hops);
	if ((net->cut_to[a->group] >> b->group & 1) != 0) {
		end(stats, out, KITH_NET_PARTITION);
		return;
	}
	kith_time_us extra_us = 0;
	enum kith_net_cause cause = net->pairs_n > 0 ? cross_pair(net, f, target, &extra_us) : KITH_NET_FLYING;
	if (cause != KITH_NET_FLYING) {
		end(stats, out, cause);
		return;
	}
	struct kith_access_fate fate;
	kith_access_draw(&net->options.faults, net->options.seed ^ STREAM_CORE, f->from_device, f->number, &fate);
	if (fate.copies == 0) {
		end(stats, out, KITH_NET_LOSS);
		return;
	}
	struct kith_delay_point from = { f->device, a->country }, to = { target, b->country };
	kith_time_us at = f->at + kith_delay_one_way(&net->options.delay, from, to) + b->delay_us + extra_us;
	f->stage = KITH_NET_DOWN;
	f->realm = KITH_NET_CORE;
	f->device = target;
	for (unsigned i = 0; i < fate.copies; i++) {
		f->copy = (uint8_t)i;
		f->at = at + fate.extra_us[i];
		fly(out, f);
	}
	stats->duplicated += fate.copies - 1;
}

/* To a neighbour behind the same NAT, after extra_us more. */
static void cross_lan(const struct kith_net *net, struct kith_net_stats *stats, struct kith_net_flight *f,
		      uint32_t realm, uint32_t target, kith_time_us extra_us, struct kith_net_outcome *out)
{
	struct kith_access_fate fate;
	kith_access_draw(&net->options.lan_faults, net->options.seed ^ STREAM_LAN, f->from_device, f->number, &fate);
	if (fate.copies == 0) {
		end(stats, out, KITH_NET_LOSS);
		return;
	}
	const kith_time_us at = f->at + extra_us + net->devices[target].delay_us;
	f->stage = KITH_NET_DOWN;
	f->realm = realm;
	f->device = target;
	for (unsigned i = 0; i < fate.copies; i++) {
		f->copy = (uint8_t)i;
		f->at = at + fate.extra_us[i];
		fly(out, f);
	}
	stats->duplicated += fate.copies - 1;
}

/* Through a NAT from its inside. True: f now leaves from the NAT itself; false: it has ended or was turned back. */
static bool nat_out(struct kith_net *net, struct kith_net_stats *stats, struct kith_net_flight *f, uint32_t device,
		    struct kith_net_outcome *out)
{
	struct kith_nat_packet p = { f->pkt.src, f->pkt.dst, f->pkt.proto, f->pkt.ttl };
	enum kith_nat_result r = kith_nat_outbound(&net->nats[net->devices[device].owner], f->at, &p);
	if (r != KITH_NAT_PASS && r != KITH_NAT_HAIRPIN) {
		end(stats, out, KITH_NET_NAT_OUT);
		return false;
	}
	f->pkt.src = p.src;
	f->pkt.dst = p.dst;
	f->pkt.ttl = p.ttl;
	if (r == KITH_NAT_PASS) {
		f->device = device;
		return true;
	}
	uint32_t target = kith_net_find(net, device, &f->pkt.dst);
	if (target == 0)
		end(stats, out, KITH_NET_NO_ROUTE);
	else
		cross_lan(net, stats, f, device, target, 0, out);
	return false;
}

/* From f's device outwards, at f->at. */
static void go_up(struct kith_net *net, struct kith_net_stats *stats, struct kith_net_flight *f,
		  struct kith_net_outcome *out)
{
	for (;;) {
		uint32_t realm = net->devices[f->device].realm;
		uint32_t target = kith_net_find(net, realm, &f->pkt.dst);
		if (target == 0 && realm == KITH_NET_CORE) {
			end(stats, out, KITH_NET_NO_ROUTE);
			return;
		}
		kith_time_us left = f->at;
		enum kith_net_cause cause = uplink_up(net, f);
		if (cause != KITH_NET_FLYING) {
			end(stats, out, cause);
			return;
		}
		if (target != 0 && realm == KITH_NET_CORE) {
			cross_core(net, stats, f, target, out);
			return;
		}
		if (target != 0) {
			cross_lan(net, stats, f, realm, target, net->options.lan_delay_us, out);
			return;
		}
		if (f->at > left) {
			f->stage = KITH_NET_UP;
			f->device = realm;
			fly(out, f);
			return;
		}
		if (!nat_out(net, stats, f, realm, out))
			return;
	}
}

static void deliver(const struct kith_net *net, struct kith_net_stats *stats, const struct kith_net_flight *f,
		    struct kith_net_outcome *out)
{
	uint32_t host = net->devices[f->device].owner;
	if ((net->hosts[host].cuts & KITH_NET_CUT_IN) != 0) {
		end(stats, out, KITH_NET_HOST_CUT);
		return;
	}
	out->delivery.host = host;
	out->delivery.device = f->device;
	out->delivery.pkt = f->pkt;
	end(stats, out, KITH_NET_DELIVERED);
}

/* Through the queue of the uplink. False: it has ended, or waits in the queue. */
static bool uplink_down(struct kith_net *net, struct kith_net_stats *stats, struct kith_net_flight *f,
			struct kith_net_outcome *out)
{
	struct kith_net_device *d = &net->devices[f->device];
	const struct kith_net_profile *p = &net->options.profiles[d->profile];
	if (uplink_loses(net, p->down_loss_ppm, STREAM_DOWN_LOSS, f->device, f)) {
		end(stats, out, KITH_NET_LOSS);
		return false;
	}
	kith_time_us now = f->at;
	if (!kith_access_queue_push(&d->down, p->down_bytes_per_s, p->down_queue_bytes, now, f->pkt.len_bytes,
				    &f->at)) {
		end(stats, out, KITH_NET_QUEUE);
		return false;
	}
	if (f->at == now)
		return true;
	f->stage = KITH_NET_IN;
	fly(out, f);
	return false;
}

/* Into f's NAT from outside; then f waits for the device behind it. False: it has ended. */
static bool nat_in(struct kith_net *net, struct kith_net_stats *stats, struct kith_net_flight *f,
		   struct kith_net_outcome *out)
{
	struct kith_nat_packet p = { f->pkt.src, f->pkt.dst, f->pkt.proto, f->pkt.ttl };
	struct kith_nat *nat = &net->nats[net->devices[f->device].owner];
	if (kith_nat_inbound(nat, f->at, &p) != KITH_NAT_PASS) {
		end(stats, out, KITH_NET_NAT_IN);
		return false;
	}
	f->pkt.dst = p.dst;
	f->pkt.ttl = p.ttl;
	uint32_t target = kith_net_find(net, f->device, &f->pkt.dst);
	if (target == 0) {
		end(stats, out, KITH_NET_NO_ROUTE);
		return false;
	}
	f->realm = f->device;
	f->device = target;
	f->stage = KITH_NET_DOWN;
	return true;
}

/* At the outer end of its device's uplink, or through it, at f->at. */
static void go_down(struct kith_net *net, struct kith_net_stats *stats, struct kith_net_flight *f,
		    struct kith_net_outcome *out)
{
	for (;;) {
		/* It may have moved meanwhile. */
		if (!kith_net_owns(net, f->device, f->realm, &f->pkt.dst)) {
			end(stats, out, KITH_NET_NO_ROUTE);
			return;
		}
		if (f->stage == KITH_NET_DOWN && !uplink_down(net, stats, f, out))
			return;
		if (kith_net_kind(&net->devices[f->device]) == KITH_NET_IFACE) {
			deliver(net, stats, f, out);
			return;
		}
		if (!nat_in(net, stats, f, out))
			return;
		if (net->devices[f->device].delay_us > 0) {
			f->at += net->devices[f->device].delay_us;
			fly(out, f);
			return;
		}
	}
}

/* The host's interface with that address, or its first of that family; 0 if none. */
static uint32_t source_iface(const struct kith_net *net, uint32_t host, const struct kith_addr *src)
{
	static const uint8_t unspecified[sizeof src->ip];
	bool any = memcmp(src->ip, unspecified, sizeof unspecified) == 0;
	uint32_t i = net->hosts[host].first;
	for (; i != 0; i = net->devices[i].next) {
		const struct kith_net_device *d = &net->devices[i];
		if (kith_net_family(d) == src->family && (any || memcmp(d->ip, src->ip, sizeof d->ip) == 0))
			break;
	}
	return i;
}

void kith_net_send(struct kith_net *net, struct kith_net_stats *stats, kith_time_us now, uint32_t host,
		   const struct kith_net_packet *pkt, struct kith_net_outcome *out)
{
	KITH_ASSERT(host < net->hosts_n);
	memset(out, 0, sizeof *out);
	stats->sent++;
	struct kith_net_flight f = { .at = now, .pkt = *pkt, .from_host = host };
	f.device = f.from_device = source_iface(net, host, &pkt->src);
	if (f.device == 0) {
		end(stats, out, KITH_NET_SOURCE);
		return;
	}
	struct kith_net_device *d = &net->devices[f.device];
	/* Numbered first: whether an earlier packet was cut must not change the fate of a later one. */
	f.number = d->packets++;
	memcpy(f.pkt.src.ip, d->ip, sizeof d->ip);
	if (f.pkt.ttl == 0)
		f.pkt.ttl = KITH_NET_TTL_DEFAULT;
	if ((net->hosts[host].cuts & KITH_NET_CUT_OUT) != 0)
		end(stats, out, KITH_NET_HOST_CUT);
	else if (pkt->dst.family != pkt->src.family)
		end(stats, out, KITH_NET_NO_ROUTE);
	else
		go_up(net, stats, &f, out);
}

void kith_net_advance(struct kith_net *net, struct kith_net_stats *stats, const struct kith_net_flight *flight,
		      struct kith_net_outcome *out)
{
	KITH_ASSERT(flight->device > 0 && flight->device < net->devices_n);
	memset(out, 0, sizeof *out);
	struct kith_net_flight f = *flight;
	if (f.stage != KITH_NET_UP)
		go_down(net, stats, &f, out);
	else if (nat_out(net, stats, &f, f.device, out))
		go_up(net, stats, &f, out);
}
