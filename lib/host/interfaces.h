/* The addresses of this machine's interfaces, the way out that its packets take, and word of their changes.
 *
 * On Linux (rtnetlink), BSDs and macOS (route(4)) a routing socket tells of changes at once; elsewhere the list is
 * read every KITH_INTERFACES_POLL_MS, jittered, and when packets cannot be sent. Changes come in flurries, so the list
 * is read KITH_INTERFACES_SETTLE_MS after the first sign, and told only if it differs, or leads out another way: by
 * another interface, gateway or address of ours, or by an interface that was down in between, whatever it was plugged
 * into again.
 * Bounds: 16 addresses of each family; that of the way out goes first, then public ones, loopback last.
 * Never: link-local addresses, which mean nothing to others; a packet.
 */
#ifndef KITH_HOST_INTERFACES_H
#define KITH_HOST_INTERFACES_H

#include <uv.h>

#include <kith/core.h>

#define KITH_INTERFACES_POLL_MS 10000
#define KITH_INTERFACES_SETTLE_MS 200
#define KITH_INTERFACES_HINT_MS 1000
#define KITH_INTERFACE_ADDRS_MAX 16

/* One family's addresses; ports are 0. */
struct kith_interface_list {
	struct kith_addr addrs[KITH_INTERFACE_ADDRS_MAX];
	uint8_t prefix_bits[KITH_INTERFACE_ADDRS_MAX];
	size_t n;
};

/* How packets to the rest of the world leave. All zero: they do not, or nobody knows. */
struct kith_way_out {
	uint32_t interface;
	struct kith_addr gateway; /* family NONE: the network is the link itself */
	struct kith_addr source;
};

struct kith_interfaces {
	struct kith_interface_list v4, v6;
	struct kith_way_out out_v4, out_v6;
};

/* Reads them now. KITH_ENOMEM, KITH_EIO. */
int kith_interfaces_read(struct kith_interfaces *out, bool allow_loopback) KITH_MUST_USE;

/* What uv reports, sorted out behind the ways out that out has already: the rule alone. */
void kith_interfaces_sort_out(struct kith_interfaces *out, const uv_interface_address_t found[], int n,
			      bool allow_loopback);

struct kith_interface_watch {
	uv_timer_t timer;
	uv_poll_t poll;
	int fd; /* routing socket, -1: none, the timer repeats */
	const struct kith_random *random; /* borrowed */
	bool allow_loopback;
	bool flapped; /* an interface that leads out was down since the last look */
	struct kith_interfaces last;
	void (*changed)(void *ctx, const struct kith_interfaces *now);
	void *ctx;
	unsigned handles; /* to be closed */
	void (*closed)(void *ctx);
};

/* Starts watching: changed is called on the loop whenever the list is another than last (filled in by the caller
 * with kith_interfaces_read, with the other fields but the handles). KITH_EIO, KITH_ENOMEM; then nothing is open. */
int kith_interface_watch_start(struct kith_interface_watch *w, uv_loop_t *loop) KITH_MUST_USE;
void kith_interface_watch_stop(struct kith_interface_watch *w, void (*closed)(void *ctx));

/* Packets cannot be sent: looks soon, at most once in KITH_INTERFACES_HINT_MS. */
void kith_interface_watch_hint(struct kith_interface_watch *w);

/* The system's routing socket, or -1; and whether what it has to say (all of it is read) may mean a change. *flapped is
 * set if an interface that leads out by last is down, or was. */
int kith_interfaces_sys_open(void);
bool kith_interfaces_sys_read(int fd, const struct kith_interfaces *last, bool *flapped);

/* The link that packets to an address leave by. */
struct kith_interface_link {
	char name[32]; /* of the interface */
	uint32_t mtu; /* bytes of an IP packet; 0: not known */
};

/* False where the system cannot say. */
bool kith_interfaces_sys_link(const struct kith_addr *to, struct kith_interface_link *out);

/* The way out of a family; all zero where the system cannot say. */
void kith_interfaces_sys_way_out(uint8_t family, struct kith_way_out *out);

#endif
