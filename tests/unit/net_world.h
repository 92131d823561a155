/* A net with an event queue, for tests.
 *
 *    host A --- NAT a ---+------ core ------+--- NAT b --- host B
 *                        +---- server S ----+
 */
#ifndef KITH_TESTS_NET_WORLD_H
#define KITH_TESTS_NET_WORLD_H

#include "net/draw.h"
#include "net/net.h"

#include "support.h"

#define MS KITH_US_PER_MS
#define S KITH_US_PER_S
#define EVENTS_MAX 4096
#define INBOXES 64
#define PORT 5000

/* A net with an event queue: flights in order of time, then of sending. */
struct world {
	struct test_alloc mem;
	struct kith_net_options options;
	struct kith_net *net;
	struct kith_net_stats stats;
	struct kith_net_flight flights[EVENTS_MAX];
	unsigned flights_n;
	kith_time_us now;
	bool echo; /* hosts answer what they get, once each, to the source that they saw */
	struct {
		unsigned n;
		struct kith_net_delivery last;
		kith_time_us at;
		bool echoed;
	} inbox[INBOXES]; /* by host */
	uint64_t trace; /* hash of all that was delivered */
};

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	test_alloc_init(&w->mem);
	kith_net_options_init(&w->options);
	return w;
}

static inline struct world *world_start(struct world *w)
{
	w->net = kith_net_new(&w->mem.alloc, &w->options);
	assert_non_null(w->net);
	return w;
}

static inline void world_free(struct world *w)
{
	/* Every packet and copy has ended, with one cause. */
	uint64_t ended = 0;
	for (int i = 0; i < KITH_NET_CAUSES_N; i++)
		ended += w->stats.causes[i];
	assert_int_equal(ended + w->flights_n, w->stats.sent + w->stats.duplicated);
	assert_int_equal(w->stats.causes[KITH_NET_FLYING], 0);
	kith_net_free(w->net);
	test_alloc_check(&w->mem);
	free(w);
}

static inline struct kith_addr ep(uint32_t ip, uint16_t port)
{
	struct kith_addr a = { .family = KITH_FAMILY_V4, .port = port };
	for (int i = 0; i < 4; i++)
		a.ip[i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

static inline struct kith_addr lan(uint32_t host)
{
	return ep(0xc0a80100u + host, 0); /* 192.168.1.x */
}

static inline struct kith_addr public(uint32_t i)
{
	struct kith_addr a;
	kith_net_public_v4(i, &a);
	return a;
}

static inline bool same(struct kith_addr a, struct kith_addr b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

static inline bool same_ip(struct kith_addr a, struct kith_addr b)
{
	a.port = b.port = 0;
	return same(a, b);
}

static const struct kith_net_uplink plain = { 0 };
static const struct kith_net_uplink ms20 = { .delay_us = 20 * 1000 };

static inline uint32_t add_iface(struct world *w, uint32_t host, uint32_t realm, struct kith_addr ip,
				 struct kith_net_uplink uplink)
{
	uint32_t device;
	assert_int_equal(kith_net_iface_add(w->net, host, realm, &ip, &uplink, &device), 0);
	return device;
}

static inline uint32_t add_host(struct world *w, uint32_t realm, struct kith_addr ip)
{
	uint32_t host;
	assert_int_equal(kith_net_host_add(w->net, &host), 0);
	(void)add_iface(w, host, realm, ip, plain);
	return host;
}

static inline uint32_t add_nat(struct world *w, uint32_t realm, const struct kith_nat_options *o, struct kith_addr ip,
			       struct kith_net_uplink uplink)
{
	uint32_t device;
	assert_int_equal(kith_net_nat_add(w->net, realm, o, NULL, &ip, &uplink, &device), 0);
	return device;
}

static inline const struct kith_nat_options *preset(const char *name)
{
	static struct kith_nat_options all[16];
	for (unsigned i = 0; kith_nat_preset_name(i) != NULL; i++)
		if (strcmp(kith_nat_preset_name(i), name) == 0) {
			assert_int_equal(kith_nat_options_preset(&all[i], name), 0);
			return &all[i];
		}
	fail_msg("no preset %s", name);
	return NULL;
}

static inline enum kith_net_cause take(struct world *w, const struct kith_net_outcome *o)
{
	for (unsigned i = 0; i < o->flights_n; i++) {
		assert_true(w->flights_n < EVENTS_MAX && o->flights[i].at >= w->now);
		w->flights[w->flights_n++] = o->flights[i];
	}
	assert_int_equal(o->cause == KITH_NET_FLYING, o->flights_n > 0);
	if (o->cause == KITH_NET_DELIVERED) {
		uint32_t host = o->delivery.host;
		assert_true(host < INBOXES);
		w->inbox[host].n++;
		w->inbox[host].last = o->delivery;
		w->inbox[host].at = w->now;
		w->trace = kith_draw_hash(w->trace, host, (uint64_t)w->now << 16 | o->delivery.pkt.src.port);
	}
	return o->cause;
}

static inline enum kith_net_cause send_packet(struct world *w, uint32_t host, struct kith_addr src,
					      struct kith_addr dst, uint8_t ttl, uint32_t len_bytes)
{
	struct kith_net_packet p = { src, dst, len_bytes, KITH_NAT_UDP, ttl };
	struct kith_net_outcome o;
	kith_net_send(w->net, &w->stats, w->now, host, &p, &o);
	return take(w, &o);
}

/* From port PORT of the host's first interface. */
static inline enum kith_net_cause send_to(struct world *w, uint32_t host, struct kith_addr dst)
{
	return send_packet(w, host, ep(0, PORT), dst, 64, 100);
}

/* The earliest flight, of equal ones the one that was sent first; EVENTS_MAX if none is due by until. */
static inline unsigned earliest(const struct world *w, kith_time_us until)
{
	unsigned first = 0;
	for (unsigned i = 1; i < w->flights_n; i++)
		if (w->flights[i].at < w->flights[first].at)
			first = i;
	return w->flights_n > 0 && w->flights[first].at <= until ? first : EVENTS_MAX;
}

/* Advances the earliest flight that is due by until; what became of it, FLYING if none is due. */
static inline enum kith_net_cause step(struct world *w, kith_time_us until)
{
	unsigned first = earliest(w, until);
	if (first == EVENTS_MAX)
		return KITH_NET_FLYING;
	struct kith_net_flight f = w->flights[first];
	memmove(&w->flights[first], &w->flights[first + 1], (--w->flights_n - first) * sizeof f);
	w->now = f.at;
	struct kith_net_outcome o;
	kith_net_advance(w->net, &w->stats, &f, &o);
	enum kith_net_cause cause = take(w, &o);
	if (cause == KITH_NET_DELIVERED && w->echo && !w->inbox[o.delivery.host].echoed) {
		w->inbox[o.delivery.host].echoed = true;
		(void)send_packet(w, o.delivery.host, o.delivery.pkt.dst, o.delivery.pkt.src, 64, 100);
	}
	return cause;
}

static inline void run(struct world *w, kith_time_us until)
{
	while (earliest(w, until) != EVENTS_MAX)
		(void)step(w, until);
	w->now = until;
}

static inline unsigned got(struct world *w, uint32_t host)
{
	unsigned n = w->inbox[host].n;
	w->inbox[host].n = 0;
	return n;
}

/* What host looks like to the server; the server's address is public(0). */
static inline struct kith_addr observed(struct world *w, uint32_t host, uint32_t server)
{
	struct kith_addr dst = public(0);
	dst.port = 3478;
	w->inbox[server].n = 0;
	(void)send_to(w, host, dst);
	run(w, w->now + 500 * MS);
	return got(w, server) == 1 ? w->inbox[server].last.pkt.src : ep(0, 0);
}

#endif
