/* A port of this node's at the router: asked for by a component, on a thread of its own.
 *
 * The loop says what is to be mapped and when the network changed, the thread says what became of it; between them are
 * a lock, a pipe in one direction and kith_post in the other. The thread is made when there is a reason to ask, sleeps
 * until a mapping is to be renewed, and ends when it is told to stop and has taken back what was mapped.
 * Bounds: whoever closes a node waits for that until its patience is over, and not at all if nothing was mapped. The
 * thread is then left alone: it knows no node any more, and frees what is left when it ends.
 * Never: blocks the loop; believes an outer address that is not public.
 */
#include "host/internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "host/portmap_link.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, STACK_BYTES = 256 * 1024 };

struct kith_portmap {
	struct kith_portmap_link link; /* first: the thread knows no more of it */
	const struct kith_alloc *alloc; /* for any thread */
	uv_thread_t thread;
	uv_file wake; /* the end that is written to */
	struct kith_component_file part; /* the thread's */

	uv_mutex_t lock; /* of the following */
	struct kith_node *node; /* NULL: it left the thread alone */
	struct kith_portmap_ask ask;
	struct kith_portmap_told told;
	bool changed, stop; /* for the thread */
	bool fresh, over; /* for the loop: told is new; the thread ends, and err is why */
	int err;
	char why[192];

	/* The loop's own. */
	bool ended; /* there is no thread: it had no component */
	uint16_t transports[KITH_PORTMAP_PORTS_MAX]; /* whose ports they are */
	struct kith_addr mapped[KITH_PORTMAP_PORTS_MAX];
	struct kith_portmap_info info;
};

/* ---- the thread's end ---- */

static void destroy(struct kith_portmap *pm)
{
	const struct kith_alloc *alloc = pm->alloc;
	(void)close(pm->link.wake);
	(void)close(pm->wake);
	uv_mutex_destroy(&pm->lock);
	KITH_FREE(alloc, pm);
}

static struct kith_portmap *of(struct kith_portmap_link *link)
{
	return (struct kith_portmap *)link;
}

static bool look(struct kith_portmap_link *link, struct kith_portmap_ask *ask, bool *changed)
{
	struct kith_portmap *pm = of(link);
	uint8_t bytes[16];
	while (read(link->wake, bytes, sizeof bytes) > 0) {}
	uv_mutex_lock(&pm->lock);
	const bool stop = pm->stop;
	*ask = pm->ask;
	*changed = pm->changed;
	pm->changed = false;
	uv_mutex_unlock(&pm->lock);
	return !stop;
}

static void hear(struct kith_node *node, void *arg);

/* Under the lock: the node cannot go while it is there. */
static void call_loop(struct kith_portmap *pm)
{
	int err = pm->node != NULL ? kith_post(pm->node, hear, NULL) : 0;
	(void)err; /* without memory for that it is told of with the next renewal; and who closes the node looks */
}

static void tell(struct kith_portmap_link *link, const struct kith_portmap_told *told)
{
	struct kith_portmap *pm = of(link);
	uv_mutex_lock(&pm->lock);
	pm->told = *told;
	pm->fresh = true;
	call_loop(pm);
	uv_mutex_unlock(&pm->lock);
}

static void thread_main(void *arg)
{
	struct kith_portmap *pm = arg;
	sigset_t all;
	char why[sizeof pm->why] = "";
	/* No signal is for this thread; that of a router which hangs up would end the process. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
	int err = kith_component_load(&pm->part, "portmap", why, sizeof why);
	if (err == 0) {
		const struct kith_portmap_engine *engine = pm->part.component->table;
		engine->run(&pm->link);
	}
	kith_component_unload(&pm->part);
	uv_mutex_lock(&pm->lock);
	const bool alone = pm->node == NULL;
	pm->err = err;
	memcpy(pm->why, why, sizeof pm->why);
	pm->over = true;
	call_loop(pm);
	uv_mutex_unlock(&pm->lock);
	if (alone)
		destroy(pm);
}

/* ---- what is asked for ---- */

static bool is_v4_open(const struct kith_socket *s, enum kith_transport_kind kind)
{
	return s->self != NULL && s->row->family == KITH_FAMILY_V4 && s->carrier->kind == kind && !s->carrier->relayed;
}

/* Why nothing is asked for; NULL: there is reason to. */
static const char *why_not(const struct kith_node *node)
{
	const struct kith_interfaces *now = &node->watch.last;
	const struct kith_way_out *way = &now->out_v4;
	const struct kith_addr *bound = &node->o.bind_v4;
	static const uint8_t any[4];
	if (!KITH_PORTMAP)
		return "this libkith is built without it";
	if (node->o.no_port_mapping)
		return "the options say no";
	if (node->o.role == KITH_ROLE_SUPERNODE)
		return "a supernode has an address of its own";
	if (node->o.allow_loopback)
		return "loopback addresses are in use: this is a test network";
	for (size_t i = 0; i < now->v4.n; i++)
		if (kith_addr_scope(&now->v4.addrs[i]) == KITH_SCOPE_PUBLIC)
			return "this machine has a public address";
	if (way->gateway.family != KITH_FAMILY_V4 || kith_addr_scope(&way->source) != KITH_SCOPE_PRIVATE)
		return "there is no router of IPv4";
	if (bound->family == KITH_FAMILY_V4 && memcmp(bound->ip, any, sizeof any) != 0 &&
	    memcmp(bound->ip, way->source.ip, sizeof any) != 0)
		return "it listens at another address than that of the way out";
	for (size_t i = 0; i < node->sockets_n; i++)
		if (is_v4_open(&node->sockets[i], KITH_TRANSPORT_UDP))
			return NULL;
	return "there is no socket of IPv4";
}

static void add_port(const struct kith_node *node, struct kith_portmap_ask *ask, uint16_t transports[],
		     const struct kith_socket *s, uint8_t protocol)
{
	struct kith_carrier_info info;
	if (ask->n == KITH_PORTMAP_PORTS_MAX)
		return;
	s->carrier->info(s->self, &info);
	transports[ask->n] = s->id;
	struct kith_portmap_port *port = &ask->ports[ask->n++];
	port->protocol = protocol;
	port->port = info.port;
	node->random->fill(node->random->ctx, port->nonce, sizeof port->nonce);
}

/* The UDP socket first; then that which takes TCP connections. */
static void fill_in(const struct kith_node *node, struct kith_portmap_ask *ask, uint16_t transports[])
{
	memset(ask, 0, sizeof *ask);
	ask->gateway = node->watch.last.out_v4.gateway;
	ask->self = node->watch.last.out_v4.source;
	for (size_t i = 0; i < node->sockets_n && ask->n == 0; i++)
		if (is_v4_open(&node->sockets[i], KITH_TRANSPORT_UDP))
			add_port(node, ask, transports, &node->sockets[i], PROTOCOL_UDP);
	const struct kith_socket *s;
	for (uint16_t it = 0; (s = kith_socket_next(node, &it)) != NULL;)
		if (is_v4_open(s, KITH_TRANSPORT_TCP) &&
		    (s->purpose == KITH_PURPOSE_IN || s->purpose == KITH_PURPOSE_ANY))
			add_port(node, ask, transports, s, PROTOCOL_TCP);
}

static void wake(const struct kith_portmap *pm)
{
	ssize_t n = write(pm->wake, "", 1); /* full: it is awake */
	(void)n;
}

static struct kith_portmap *make(struct kith_node *node)
{
	const struct kith_alloc *alloc = kith_system_alloc();
	const uv_thread_options_t small = { UV_THREAD_HAS_STACK_SIZE, STACK_BYTES };
	uv_file ends[2];
	struct kith_portmap *pm = KITH_NEW(alloc, struct kith_portmap);
	if (pm == NULL)
		return NULL;
	*pm = (struct kith_portmap){ .alloc = alloc, .node = node, .changed = true };
	pm->info.state = KITH_PORTMAP_ASKING;
	fill_in(node, &pm->ask, pm->transports);
	if (uv_pipe(ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE) != 0) {
		KITH_FREE(alloc, pm);
		return NULL;
	}
	pm->link = (struct kith_portmap_link){ .wake = ends[0], .look = look, .tell = tell };
	pm->wake = ends[1];
	if (uv_mutex_init(&pm->lock) != 0) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		KITH_FREE(alloc, pm);
		return NULL;
	}
	if (uv_thread_create_ex(&pm->thread, &small, thread_main, pm) == 0)
		return pm;
	destroy(pm);
	return NULL;
}

/* The same ports of the same sockets keep their nonces: it is the same mapping. */
static void ask_again(struct kith_node *node, struct kith_portmap *pm)
{
	struct kith_portmap_ask ask;
	fill_in(node, &ask, pm->transports);
	uv_mutex_lock(&pm->lock);
	for (unsigned i = 0; i < ask.n && i < pm->ask.n; i++)
		memcpy(ask.ports[i].nonce, pm->ask.ports[i].nonce, sizeof ask.ports[i].nonce);
	pm->ask = ask;
	pm->changed = true;
	uv_mutex_unlock(&pm->lock);
	wake(pm);
}

void kith_portmap_stop(struct kith_node *node)
{
	struct kith_portmap *pm = node->portmap;
	if (!KITH_PORTMAP || pm == NULL || pm->ended)
		return;
	uv_mutex_lock(&pm->lock);
	pm->stop = true;
	uv_mutex_unlock(&pm->lock);
	wake(pm);
}

void kith_portmap_look(struct kith_node *node)
{
	const bool wanted = node->state == KITH_NODE_RUNNING && why_not(node) == NULL;
	if (!KITH_PORTMAP || (node->portmap != NULL && node->portmap->ended))
		return; /* a component that is not there does not come */
	if (wanted && node->portmap == NULL)
		node->portmap = make(node);
	else if (wanted && !node->portmap->stop)
		ask_again(node, node->portmap);
	else if (!wanted)
		kith_portmap_stop(node);
}

/* ---- what became of it ---- */

static bool is_public(const struct kith_addr *addr)
{
	return addr->family == KITH_FAMILY_V4 && kith_addr_scope(addr) == KITH_SCOPE_PUBLIC;
}

void kith_portmap_judge(const struct kith_portmap_told *told, int64_t unix_ms, struct kith_portmap_info *out)
{
	char text[KITH_ADDR_TEXT_MAX];
	memset(out, 0, sizeof *out);
	out->state = told->state;
	out->lies = told->lies;
	if (told->state == KITH_PORTMAP_REFUSED && told->result != 0)
		(void)snprintf(out->why, sizeof out->why, "the router refuses (result %u); asked again later",
			       told->result);
	else if (told->state == KITH_PORTMAP_REFUSED)
		(void)snprintf(out->why, sizeof out->why,
			       "no router that maps ports has answered, by PCP, NAT-PMP or UPnP; asked again later");
	if (told->state != KITH_PORTMAP_MAPPED)
		return;
	out->method = told->method;
	out->udp = told->outer[0];
	out->tcp = told->outer[1];
	out->expires_ms = unix_ms + told->life_us / 1000;
	if (is_public(&out->udp))
		return;
	out->state = KITH_PORTMAP_USELESS;
	(void)snprintf(out->why, sizeof out->why,
		       "the router maps %s, which is no public address: it is behind another",
		       kith_addr_format(&out->udp, text));
}

/* Once for each change of what others can use; a renewal is none. */
static void log_change(const struct kith_node *node, const struct kith_portmap_info *info)
{
	char text[KITH_ADDR_TEXT_MAX];
	if (info->state == KITH_PORTMAP_MAPPED)
		KITH_LOG(node->log, KITH_LOG_INFO, "port_mapped outer=%s by=%s",
			 kith_node_redacted(node, kith_addr_format(&info->udp, text)),
			 kith_portmap_method_name(info->method));
	else if (info->state != KITH_PORTMAP_ASKING)
		KITH_LOG(node->log, KITH_LOG_INFO, "port_not_mapped why=\"%s\"", kith_node_redacted(node, info->why));
}

static void take(struct kith_node *node, struct kith_portmap *pm, const struct kith_portmap_told *told)
{
	const struct kith_portmap_info before = pm->info;
	bool moved = false;
	kith_portmap_judge(told, kith_node_now(node).unix_ms, &pm->info);
	for (unsigned i = 0; i < KITH_PORTMAP_PORTS_MAX; i++) {
		struct kith_addr outer = is_public(&told->outer[i]) ? told->outer[i] : (struct kith_addr){ 0 };
		moved = moved || !kith_addr_equal(&outer, &pm->mapped[i]);
		pm->mapped[i] = outer;
	}
	if (before.state != pm->info.state || moved)
		log_change(node, &pm->info);
	node->locals_due = node->locals_due || moved;
	kith_node_touch(node);
}

/* The thread is over: it was told to stop, or had no component. */
static void end(struct kith_node *node, struct kith_portmap *pm)
{
	(void)uv_thread_join(&pm->thread);
	pm->ended = true;
	for (unsigned i = 0; i < KITH_PORTMAP_PORTS_MAX; i++) {
		node->locals_due = node->locals_due || pm->mapped[i].family != KITH_FAMILY_NONE;
		pm->mapped[i] = (struct kith_addr){ 0 };
	}
	if (pm->err != 0) {
		memset(&pm->info, 0, sizeof pm->info);
		pm->info.state = KITH_PORTMAP_MISSING;
		memcpy(pm->info.why, pm->why, sizeof pm->info.why);
		log_change(node, &pm->info);
	} else {
		destroy(pm);
		node->portmap = NULL;
		kith_portmap_look(node); /* it may be wanted again */
	}
	kith_node_touch(node);
}

static void hear(struct kith_node *node, void *arg)
{
	struct kith_portmap *pm = node->portmap;
	struct kith_portmap_told told;
	(void)arg;
	if (pm == NULL || pm->ended)
		return;
	uv_mutex_lock(&pm->lock);
	const bool fresh = pm->fresh, over = pm->over;
	told = pm->told;
	pm->fresh = false;
	uv_mutex_unlock(&pm->lock);
	if (fresh)
		take(node, pm, &told);
	if (over)
		end(node, pm);
}

bool kith_portmap_busy(const struct kith_node *node)
{
	const struct kith_portmap *pm = node->portmap;
	return KITH_PORTMAP && pm != NULL && !pm->ended && pm->info.udp.family != KITH_FAMILY_NONE;
}

void kith_portmap_abandon(struct kith_node *node)
{
	struct kith_portmap *pm = node->portmap;
	node->portmap = NULL;
	if (!KITH_PORTMAP || pm == NULL)
		return;
	uv_mutex_lock(&pm->lock);
	const bool over = pm->over;
	pm->node = NULL;
	pm->stop = true;
	wake(pm);
	if (!over) /* it frees what is left, but not before the lock is free */
		(void)pthread_detach(pm->thread);
	uv_mutex_unlock(&pm->lock);
	if (over && !pm->ended)
		(void)uv_thread_join(&pm->thread);
	if (over)
		destroy(pm);
}

bool kith_portmap_local(const struct kith_node *node, uint16_t transport, struct kith_local *out)
{
	const struct kith_portmap *pm = node->portmap;
	for (unsigned i = 0; KITH_PORTMAP && pm != NULL && i < KITH_PORTMAP_PORTS_MAX; i++) {
		if (pm->mapped[i].family == KITH_FAMILY_NONE || pm->transports[i] != transport)
			continue;
		*out = (struct kith_local){ .addr = pm->mapped[i], .kind = KITH_ADDR_MAPPED };
		return true;
	}
	return false;
}

/* ---- what may be asked ---- */

const char *kith_portmap_method_name(unsigned method)
{
	static const char *const names[] = { "none", "pcp", "natpmp", "upnp" };
	return names[method < sizeof names / sizeof names[0] ? method : 0];
}

int kith_node_portmap(const struct kith_node *node, struct kith_portmap_info *out)
{
	int err = out != NULL ? kith_node_check(node) : KITH_EINVAL;
	if (out != NULL)
		memset(out, 0, sizeof *out);
	if (err != 0)
		return err;
	const char *off = why_not(node);
	if (off != NULL)
		(void)snprintf(out->why, sizeof out->why, "%s", off);
	else if (node->portmap != NULL)
		*out = node->portmap->info;
	else
		(void)snprintf(out->why, sizeof out->why, "the node does not run");
	return 0;
}
