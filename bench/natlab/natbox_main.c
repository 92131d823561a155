/* kith-natbox: an internet between TUN devices of network namespaces, in real time (box.h). Needs root.
 *
 *     kith-natbox [--seed N] [--hops N] FILE
 *
 * Each line of FILE is one of
 *     nat NAME at=ADDRESS PRESET [KEY=VALUE...]     a NAT of net/nat.h's presets, changed by
 *             mapping=, filtering=  independent, address, address-port
 *             allocation=  preserve, sequential, block, random;  step=, block=  numbers of ports;  ports=LOW-HIGH
 *             entries= addresses=  how many;  timeout= unreplied=  seconds;  hairpin= drop=  yes, no
 *     link NAME netns=NS dev=DEVICE net=PREFIX[,PREFIX...] [nat=NAME] [delay=MS] [loss=SHARE] [rate=BYTES/S]
 *             [queue=BYTES]     the device is a TUN device that exists; each way has this delay
 * Then it says {"event": "ready"}, and obeys lines on standard input, each answered by one JSON line:
 *     flow LINK LINK     packets and bytes so far, from the one to the other
 *     way LINK LINK [cut=yes] [loss=SHARE] [delay=MS] [reorder=SHARE late=MS] [most=BYTES]
 *             what the core does from now on to packets from the one to the other, besides: drops all, drops some,
 *             delays all, some, drops those that are larger; without words: nothing any more
 *     cut LINK, uncut LINK     all that goes up or down there is dropped
 *     flush NAT, rebind NAT, readdress NAT ADDRESS     it forgets all; and gives other ports; has another address
 *     counters, quit
 * It ends with its input. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <popt.h>

#include "natlab/boxfile.h"

#include <kith/err.h>

enum { EXIT_USAGE = 2, LINE_MAX_LEN = 256, BURST = 64, HOPS_DEFAULT = 6 };
#define POLL_MAX_US KITH_US_PER_S

struct program {
	struct kith_boxfile file;
	struct pollfd fds[KITH_BOX_LINKS_MAX + 1]; /* of links, by number, then standard input */
	char line[LINE_MAX_LEN];
	size_t line_len;
	bool done;
};

static void *reallocate(void *ctx, void *p, size_t old_len, size_t new_len)
{
	(void)ctx;
	(void)old_len;
	if (new_len > 0)
		return realloc(p, new_len);
	free(p);
	return NULL;
}

static const struct kith_alloc heap = { .realloc_fn = reallocate };

static kith_time_us now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (kith_time_us)t.tv_sec * KITH_US_PER_S + t.tv_nsec / 1000;
}

static void tell(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(object);
}

/* The device in its namespace; this process is in its own one again afterwards. Negative, and why, if not. */
static int open_tun(const struct kith_boxfile_link *link, int home, char *why, size_t why_len)
{
	char path[KITH_BOXFILE_NAME_MAX + 32];
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	snprintf(path, sizeof path, "/run/netns/%s", link->netns);
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", link->device);
	int ns = open(path, O_RDONLY | O_CLOEXEC), tun = -1;
	if (ns < 0 || setns(ns, CLONE_NEWNET) != 0) {
		snprintf(why, why_len, "%s: %s", path, strerror(errno));
	} else {
		tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0) {
			snprintf(why, why_len, "device %s of %s: %s", link->device, link->netns, strerror(errno));
			if (tun >= 0)
				close(tun);
			tun = -1;
		}
	}
	if (ns >= 0)
		close(ns);
	if (setns(home, CLONE_NEWNET) != 0)
		return -1;
	return tun;
}

static int open_links(struct program *p)
{
	char why[512] = "";
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < p->file.links_n; i++) {
		p->fds[i].fd = home >= 0 ? open_tun(&p->file.links[i], home, why, sizeof why) : -1;
		p->fds[i].events = POLLIN;
		if (p->fds[i].fd < 0) {
			fprintf(stderr, "kith-natbox: link %s: %s\n", p->file.links[i].name, why);
			return -1;
		}
	}
	p->fds[p->file.links_n] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
	close(home);
	return 0;
}

/* A device that is full, or down, loses it. */
static void deliver(void *user, int link, const uint8_t *bytes, size_t len)
{
	struct program *p = user;
	ssize_t n = write(p->fds[link].fd, bytes, len);
	(void)n;
}

/* ---- commands: each takes the words behind it, and returns what is told; NULL: they are wrong ---- */

static json_t *do_flow(struct program *p, char *words)
{
	char *rest = NULL, *from = strtok_r(words, " ", &rest), *to = strtok_r(NULL, " ", &rest);
	int a = from != NULL ? kith_boxfile_find_link(&p->file, from) : KITH_ENOENT;
	int b = to != NULL ? kith_boxfile_find_link(&p->file, to) : KITH_ENOENT;
	if (a < 0 || b < 0)
		return NULL;
	struct kith_box_flow f = kith_box_flow(p->file.box, a, b);
	return json_pack("{s:s, s:I, s:I}", "event", "flow", "packets", (json_int_t)f.packets, "bytes",
			 (json_int_t)f.bytes);
}

static json_t *do_way(struct program *p, char *words)
{
	char why[128];
	if (kith_boxfile_set_way(&p->file, words, why, sizeof why) == 0)
		return json_pack("{s:s}", "event", "way");
	return json_pack("{s:s, s:s}", "event", "refused", "why", why);
}

static json_t *set_cut(struct program *p, const char *name, bool cut)
{
	int link = kith_boxfile_find_link(&p->file, name);
	if (link < 0)
		return NULL;
	kith_box_cut(p->file.box, link, cut);
	return json_pack("{s:s, s:s}", "event", cut ? "cut" : "uncut", "link", name);
}

static json_t *do_cut(struct program *p, char *words)
{
	return set_cut(p, words, true);
}

static json_t *do_uncut(struct program *p, char *words)
{
	return set_cut(p, words, false);
}

/* Its NAT; NULL: there is none of that name. */
static struct kith_nat *nat_of(struct program *p, const char *name)
{
	int nat = name != NULL ? kith_boxfile_find_nat(&p->file, name) : KITH_ENOENT;
	return nat >= 0 ? kith_box_nat(p->file.box, nat) : NULL;
}

static json_t *on_nat(struct program *p, const char *name, void (*act)(struct kith_nat *nat), const char *event)
{
	struct kith_nat *nat = nat_of(p, name);
	if (nat == NULL)
		return NULL;
	act(nat);
	return json_pack("{s:s, s:s}", "event", event, "nat", name);
}

static json_t *do_flush(struct program *p, char *words)
{
	return on_nat(p, words, kith_nat_flush, "flushed");
}

static json_t *do_rebind(struct program *p, char *words)
{
	return on_nat(p, words, kith_nat_rebind, "rebound");
}

static json_t *do_readdress(struct program *p, char *words)
{
	char *rest = NULL, *name = strtok_r(words, " ", &rest), *text = strtok_r(NULL, " ", &rest);
	struct kith_nat *nat = nat_of(p, name);
	struct kith_addr addr;
	if (nat == NULL || text == NULL || !kith_boxfile_address(text, &addr) || addr.family != KITH_FAMILY_V4)
		return NULL;
	kith_nat_readdress(nat, &addr);
	return json_pack("{s:s, s:s}", "event", "readdressed", "nat", name);
}

static json_t *do_counters(struct program *p, char *words)
{
	const struct kith_box_counters *c = kith_box_counters(p->file.box);
	(void)words;
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "event", "counters", "in",
			 (json_int_t)c->in, "out", (json_int_t)c->out, "unread", (json_int_t)c->unread, "unroutable",
			 (json_int_t)c->unroutable, "hops", (json_int_t)c->hops, "refused", (json_int_t)c->refused,
			 "untranslated", (json_int_t)c->untranslated, "lost", (json_int_t)c->lost, "full",
			 (json_int_t)c->full);
}

static json_t *do_quit(struct program *p, char *words)
{
	(void)words;
	p->done = true;
	return json_pack("{s:s}", "event", "bye");
}

static void obey(struct program *p, char *line)
{
	static const struct {
		const char *name;
		json_t *(*run)(struct program *p, char *words);
	} commands[] = { { "flow", do_flow },	      { "way", do_way },
			 { "cut", do_cut },	      { "uncut", do_uncut },
			 { "flush", do_flush },	      { "rebind", do_rebind },
			 { "counters", do_counters }, { "readdress", do_readdress },
			 { "quit", do_quit } };
	char *words = line + strcspn(line, " ");
	json_t *answer = NULL;
	if (*words != '\0')
		*words++ = '\0';
	for (size_t i = 0; i < sizeof commands / sizeof commands[0] && answer == NULL; i++)
		if (strcmp(commands[i].name, line) == 0)
			answer = commands[i].run(p, words);
	if (answer == NULL)
		answer =
			json_pack("{s:s, s:s}", "event", "refused", "why",
				  "expected a command of natbox_main.c, with links, NATs and addresses that there are");
	tell(answer);
}

static void read_commands(struct program *p)
{
	char *end;
	ssize_t n = read(STDIN_FILENO, p->line + p->line_len, sizeof p->line - 1 - p->line_len);
	if (n <= 0) { /* its end, or a line without one */
		p->done = true;
		return;
	}
	p->line_len += (size_t)n;
	p->line[p->line_len] = '\0';
	while ((end = strchr(p->line, '\n')) != NULL) {
		*end = '\0';
		size_t len = (size_t)(end + 1 - p->line);
		obey(p, p->line);
		p->line_len -= len;
		memmove(p->line, p->line + len, p->line_len + 1);
	}
}

static void read_link(struct program *p, int link)
{
	uint8_t bytes[KITH_BOX_PACKET_LEN_MAX];
	for (int i = 0; i < BURST; i++) {
		ssize_t n = read(p->fds[link].fd, bytes, sizeof bytes);
		if (n <= 0)
			return;
		kith_box_input(p->file.box, now_us(), link, bytes, (size_t)n);
	}
}

static void drive(struct program *p)
{
	while (!p->done) {
		kith_time_us now = now_us(), due = kith_box_due(p->file.box);
		kith_time_us wait = due <= now ? 0 : due - now < POLL_MAX_US ? due - now : POLL_MAX_US;
		struct timespec timeout = { (time_t)(wait / KITH_US_PER_S), (long)(wait % KITH_US_PER_S * 1000) };
		if (ppoll(p->fds, (nfds_t)p->file.links_n + 1, &timeout, NULL) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < p->file.links_n; i++)
			if (p->fds[i].revents != 0)
				read_link(p, i);
		if (p->fds[p->file.links_n].revents != 0)
			read_commands(p);
		kith_box_run(p->file.box, now_us(), deliver, p);
	}
}

static int run(long seed, int hops, const char *path)
{
	static struct program p;
	char why[512];
	if (kith_boxfile_read(&p.file, &heap, (uint64_t)seed, (uint8_t)hops, path, why, sizeof why) != 0) {
		fprintf(stderr, "kith-natbox: %s\n", why);
		return EXIT_USAGE;
	}
	int err = open_links(&p);
	if (err == 0) {
		tell(json_pack("{s:s, s:i}", "event", "ready", "links", p.file.links_n));
		drive(&p);
	}
	kith_box_free(p.file.box);
	return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, const char **argv)
{
	long seed = 1;
	int hops = HOPS_DEFAULT;
	struct poptOption table[] = { { "seed", 's', POPT_ARG_LONG | POPT_ARGFLAG_SHOW_DEFAULT, &seed, 0,
					"of what NATs and links draw", "N" },
				      { "hops", 'h', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &hops, 0,
					"routers between two links", "N" },
				      POPT_AUTOHELP POPT_TABLEEND };
	poptContext context = poptGetContext("kith-natbox", argc, argv, table, 0);
	poptSetOtherOptionHelp(context, "[OPTION...] FILE");
	int c = poptGetNextOpt(context), code = EXIT_USAGE;
	const char *path = poptGetArg(context);
	if (c < -1)
		fprintf(stderr, "kith-natbox: %s: %s\n", poptBadOption(context, 0), poptStrerror(c));
	else if (path == NULL || poptPeekArg(context) != NULL)
		fprintf(stderr, "kith-natbox: expected one file: kith-natbox --help says what is in it\n");
	else if (hops < 0 || hops > 60)
		fprintf(stderr, "kith-natbox: --hops: expected 0 to 60\n");
	else
		code = run(seed, hops, path);
	poptFreeContext(context);
	return code;
}
