/* What of this machine speaks against serving others: it runs on a battery, or its way out is a mobile or metered
 * network.
 *
 * Read from files, as Linux and its daemons have them; where there are none nothing is known, and nothing speaks
 * against it:
 *
 *     sys/class/power_supply/N/    a battery or UPS of the machine (not of a mouse) discharges, and no other supply is
 *                                  on
 *     sys/class/net/NAME/          DEVTYPE=wwan, or raw IP: the way out is a modem
 *     run/systemd/netif/leases/N   the DHCP server said ANDROID_METERED: the way out is a telephone
 *
 * What NetworkManager knows (its property Metered) is not asked for: that needs a client of D-Bus.
 *
 * Timers: read on the thread pool every KITH_POWER_POLL_MS, since a battery may take its time to answer, and when the
 *   way out changed. What differs from what was told last counts when a second reading, KITH_POWER_SETTLE_MS later,
 *   says the same: a plug that is pulled and put back is none. The first reading counts at once.
 * Bounds: KITH_POWER_SUPPLIES_MAX supplies (further ones are not looked at), 4 KiB of a file.
 * Never: writes, waits on the loop.
 */
#ifndef KITH_HOST_POWER_H
#define KITH_HOST_POWER_H

#include <uv.h>

#include <kith/role.h>

#define KITH_POWER_POLL_MS 60000
#define KITH_POWER_SETTLE_MS 5000
#define KITH_POWER_SUPPLIES_MAX 32
#define KITH_POWER_WAYS 2 /* one of each family */

/* An interface that packets leave by. */
struct kith_power_way {
	uint32_t interface; /* 0: there is none */
	char name[UV_IF_NAMESIZE]; /* "": not known */
};

/* Bits of enum kith_hindrance. root: where sys and run are; "/" on the machine itself. */
unsigned kith_power_read(const char *root, const struct kith_power_way ways[KITH_POWER_WAYS]);

struct kith_power_watch {
	uv_timer_t timer;
	uv_work_t work;
	bool busy, stale, stopped; /* a job runs; its result will be old; no more */
	bool told; /* once */
	unsigned last, seen, found; /* that was told, that was read last, that the job has read */
	struct kith_power_way ways[KITH_POWER_WAYS]; /* for the job */
	const char *root; /* borrowed */
	/* Fills in the ways out, zeroed before. */
	void (*ways_of)(void *ctx, struct kith_power_way out[KITH_POWER_WAYS]);
	void (*changed)(void *ctx, unsigned hindrances);
	void *ctx;
	unsigned open; /* handle and job that are to end */
	void (*closed)(struct kith_power_watch *w);
};

/* root, the callbacks and ctx are filled in, all else is zero. changed comes on the loop, with the first reading if
 * anything speaks against it. KITH_EIO. */
int kith_power_watch_start(struct kith_power_watch *w, uv_loop_t *loop) KITH_MUST_USE;
/* closed comes later; changed no more. */
void kith_power_watch_stop(struct kith_power_watch *w, void (*closed)(struct kith_power_watch *w));
/* The way out is another: reads now. */
void kith_power_watch_look(struct kith_power_watch *w);

#endif
