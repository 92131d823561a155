/* The node's sockets: its carriers, opened together, told to the core, and opened again when one fails.
 *
 * A socket that is of no more use (its carrier says that it broke) is closed, the core is told that the transport is
 * down, the application that there is trouble: once, however long it lasts. Then it is opened again: at once, and if
 * that does not help after KITH_SOCKET_RETRY_US, doubling up to KITH_SOCKET_RETRY_MAX_US, with full jitter; on the same
 * port, as others know it. A port that the system had chosen is given up for any other after PORT_ATTEMPTS failures. A
 * failure after KITH_SOCKET_GOOD_US of good service is a new story.
 * Those that the core asked for come besides, on ports that the system chooses, up to KITH_HOST_ASKED_MAX at once, and
 * never more than half of the files that the process may have; one of them that breaks is closed for good.
 */
#include "host/internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/rng.h"

enum { PORT_ATTEMPTS = 8 };

/* What came of opening one. */
struct outcome {
	int err;
	char why[KITH_CARRIER_WHY_MAX];
};

/* ---- opening and closing ---- */

static bool is_v4(const struct kith_socket *s)
{
	return s->row->family == KITH_FAMILY_V4;
}

static bool is_tcp(const struct kith_socket *s)
{
	return s->carrier->kind == KITH_TRANSPORT_TCP;
}

/* Its port is none that has to do with ours. */
static bool is_web(const struct kith_socket *s)
{
	return s->carrier->kind == KITH_TRANSPORT_TLS;
}

/* Whether nobody is looked for on the local network, or answered. A supernode is on no such network with those it
 * serves, and found by everybody. */
static bool is_deaf(const struct kith_node_options *o)
{
	return o->no_lan || o->role == KITH_ROLE_SUPERNODE;
}

static bool is_wanted(const struct kith_socket *s)
{
	const struct kith_node_options *o = &s->node->o;
	if (s->carrier->relayed) /* its server may be of the other family */
		return true;
	return !(is_v4(s) ? o->no_v4 : o->no_v6) && !((is_tcp(s) || is_web(s)) && o->no_tcp) &&
	       !(s->carrier->lan && is_deaf(o));
}

/* Whether strangers may connect: a supernode is there for them. */
static bool listens(const struct kith_node *node)
{
	return node->o.role == KITH_ROLE_SUPERNODE || node->o.listen_tcp != 0;
}

/* Connections of contacts, for as long as the core wants. */
static bool takes_in(const struct kith_socket *s)
{
	return s->purpose == KITH_PURPOSE_IN;
}

static uint16_t port_of(const struct kith_socket *s)
{
	struct kith_carrier_info info;
	s->carrier->info(s->self, &info);
	return info.port;
}

static int open_socket(struct kith_socket *s, uint16_t port, char *why)
{
	struct kith_node *node = s->node;
	struct kith_carrier_options o = { .alloc = node->buffers,
					  .stats = &node->stats,
					  .loop = node->loop,
					  .arg = s->row->arg,
					  .transport = s->id,
					  .bind = is_v4(s) ? node->o.bind_v4 : node->o.bind_v6,
					  /* of many for one NAT, none gets much: a train's buffers are not for it */
					  .offload = !node->o.no_offload && s->effect == 0,
					  .in = takes_in(s),
					  .listen = is_tcp(s) && (s->effect == 0 ? listens(node) : takes_in(s)),
					  .listen_too = s->effect == 0 ? node->o.listen_tcp : 0,
					  .proxy = node->proxy,
					  .ready = kith_exchange_ready,
					  .ctx = s };
	o.bind.family = s->row->family;
	o.bind.port = port;
	int err = s->carrier->open(&s->self, &o, why);
	if (err != 0)
		return err;
	if (s->effect == 0)
		s->purpose = s->carrier->relayed      ? KITH_PURPOSE_RELAYED
			     : s->carrier->lan	      ? KITH_PURPOSE_LAN
			     : is_web(s)	      ? KITH_PURPOSE_OUT
			     : !is_tcp(s) || o.listen ? KITH_PURPOSE_ANY
			     : o.proxy != NULL	      ? KITH_PURPOSE_HOMES
						      : KITH_PURPOSE_OUT;
	node->handles++;
	s->opened_at = kith_node_now(node).mono_us;
	return 0;
}

static void carrier_closed(void *ctx)
{
	struct kith_node *node = ctx;
	node->handles--;
}

static void close_socket(struct kith_socket *s)
{
	if (s->self == NULL)
		return;
	s->carrier->close(s->self, carrier_closed, s->node);
	s->self = NULL;
	kith_exchange_unblocked(s);
}

/* One that was asked for is gone for good. */
static void forget(struct kith_socket *s)
{
	struct kith_node *node = s->node;
	close_socket(s);
	node->asked[s->id - KITH_HOST_SOCKETS_MAX] = NULL;
	KITH_FREE(node->alloc, s);
	if (--node->asked_n > 0)
		return;
	KITH_FREE_ARRAY(node->alloc, node->asked, KITH_HOST_ASKED_MAX);
	node->asked = NULL;
}

void kith_sockets_close(struct kith_node *node)
{
	struct kith_socket *s;
	for (uint16_t it = 0; (s = kith_socket_next(node, &it)) != NULL;) {
		if (s->effect != 0)
			forget(s);
		else
			close_socket(s);
	}
	KITH_FREE_ARRAY(node->alloc, node->asked,
			KITH_HOST_ASKED_MAX); /* still there if there was no memory for more */
	node->asked = NULL;
}

/* Opens all carriers, on the port that the first one gets. False: the system chose that port, and it is taken on
 * another address. */
static bool open_all(struct kith_node *node, struct outcome out[])
{
	uint16_t port = node->o.port;
	bool clash = false;
	for (size_t i = 0; i < node->sockets_n; i++) {
		struct kith_socket *s = &node->sockets[i];
		out[i] = (struct outcome){ .err = KITH_ENOTSUP };
		if (!is_wanted(s))
			continue;
		out[i].err = open_socket(s, port, out[i].why);
		clash = clash ||
			(out[i].err == KITH_EADDRINUSE && port != node->o.port && !s->carrier->lan && !is_web(s));
		if (out[i].err == 0 && port == 0 && !s->carrier->relayed)
			port = port_of(s);
	}
	return !clash;
}

/* Whether what was opened makes a node: 0, and troubles are told; or why not. */
static int judge(struct kith_node *node, const struct outcome out[], char *why)
{
	const struct outcome *worst = NULL;
	bool any = false, taken = false;
	for (size_t i = 0; i < node->sockets_n; i++) {
		if (node->sockets[i].carrier->spare)
			continue;
		any = any || out[i].err == 0;
		if (!is_wanted(&node->sockets[i]) || out[i].err == 0 || taken)
			continue;
		/* A port that was asked for and is taken: half a node would only confuse. */
		taken = out[i].err == KITH_EADDRINUSE && node->o.port != 0;
		if (worst == NULL || taken)
			worst = &out[i];
	}
	if (worst == NULL && !any)
		return KITH_ENOTSUP;
	if (worst != NULL && (taken || !any)) {
		memcpy(why, worst->why, sizeof worst->why);
		return worst->err;
	}
	for (size_t i = 0; i < node->sockets_n; i++) {
		bool told = node->sockets[i].carrier->spare && out[i].err == KITH_ENOTSUP; /* by others of its family */
		if (is_wanted(&node->sockets[i]) && out[i].err != 0 && !told)
			kith_trouble(node, KITH_TROUBLE_SOCKET, out[i].err, out[i].why);
	}
	return 0;
}

static bool add_row(struct kith_node *node, const struct kith_carrier_row *row)
{
	if (node->sockets_n == KITH_HOST_SOCKETS_MAX)
		return false;
	struct kith_socket *s = &node->sockets[node->sockets_n];
	s->id = (uint16_t)node->sockets_n++;
	s->node = node;
	s->row = row;
	s->carrier = row->carrier;
	return true;
}

int kith_sockets_open(struct kith_node *node, char *why)
{
	struct outcome out[KITH_HOST_SOCKETS_MAX];
	for (const struct kith_carrier_row *row = node->carriers; row->carrier != NULL; row++)
		if (!add_row(node, row))
			return KITH_EFULL;
	for (int i = 0; node->web != NULL && i < 2; i++)
		if (!add_row(node, &node->web->rows[i]))
			return KITH_EFULL;
	if (node->ice != NULL && !add_row(node, &node->ice->row))
		return KITH_EFULL;
	for (int attempt = 1; !open_all(node, out) && attempt < PORT_ATTEMPTS; attempt++)
		kith_sockets_close(node);
	return judge(node, out, why);
}

size_t kith_sockets_endpoints(const struct kith_node *node, const struct kith_endpoint at[], size_t n,
			      struct kith_endpoint out[KITH_ENDPOINTS_MAX])
{
	size_t used = n;
	memcpy(out, at, n * sizeof at[0]);
	for (size_t i = 0; i < node->sockets_n; i++) {
		const struct kith_socket *s = &node->sockets[i];
		const struct kith_endpoint *udp = NULL;
		bool named = !is_tcp(s) || s->self == NULL || s->purpose != KITH_PURPOSE_ANY;
		for (size_t k = 0; k < n; k++) {
			bool ours = at[k].addr.family == s->row->family;
			named = named || (ours && at[k].kind == KITH_TRANSPORT_TCP);
			udp = udp == NULL && ours && at[k].kind == KITH_TRANSPORT_UDP ? &at[k] : udp;
		}
		if (named || udp == NULL || used == KITH_ENDPOINTS_MAX)
			continue;
		out[used] = *udp;
		out[used].kind = KITH_TRANSPORT_TCP;
		if (node->o.listen_tcp != 0)
			out[used].addr.port = node->o.listen_tcp;
		used++;
	}
	return used;
}

/* ---- what the core is told ---- */

static void tell_transport(struct kith_socket *s, const struct kith_interfaces *interfaces)
{
	struct kith_node *node = s->node;
	struct kith_interface_list list = is_v4(s) ? interfaces->v4 : interfaces->v6;
	const struct kith_addr *bound = is_v4(s) ? &node->o.bind_v4 : &node->o.bind_v6;
	bool own = s->carrier->locals != NULL;
	if (s->self == NULL)
		return;
	if (own)
		s->carrier->locals(s->self, &list);
	struct kith_transport t = { .id = s->id,
				    .kind = (uint8_t)s->carrier->kind,
				    .family = s->row->family,
				    .purpose = s->purpose,
				    .up = list.n > 0,
				    .cost_ms = s->carrier->cost_ms,
				    .effect = s->effect };
	if (!t.up && !s->up)
		return;
	if (s->carrier->lan)
		t.remote = *(const struct kith_addr *)s->row->arg;
	if (kith_portmap_local(node, s->id, &t.locals[0]))
		t.locals_n++;
	for (size_t i = 0; i < list.n && t.locals_n < KITH_LOCALS_MAX; i++) {
		if (!own && bound->family != KITH_FAMILY_NONE &&
		    memcmp(bound->ip, list.addrs[i].ip, sizeof bound->ip) != 0)
			continue;
		struct kith_local *l = &t.locals[t.locals_n++];
		*l = (struct kith_local){ list.addrs[i], s->carrier->relayed ? KITH_ADDR_RELAYED : KITH_ADDR_HOST,
					  list.prefix_bits[i] };
		l->addr.port = port_of(s);
	}
	if (s->carrier->look != NULL)
		s->carrier->look(s->self, t.locals, t.locals_n);
	/* A transport that the core has no memory for now is told with the next change of interfaces. */
	s->up = kith_core_transport(node->core, kith_node_now(node), &t) == 0 && t.up;
	kith_node_touch(node);
}

void kith_tell_transports(struct kith_node *node, const struct kith_interfaces *interfaces)
{
	struct kith_socket *s;
	/* Those that cost nothing last: when they are told of, homes are looked for by all that there are. */
	for (uint16_t it = 0; (s = kith_socket_next(node, &it)) != NULL;)
		if (s->carrier->cost_ms > 0)
			tell_transport(s, interfaces);
	for (uint16_t it = 0; (s = kith_socket_next(node, &it)) != NULL;)
		if (s->carrier->cost_ms == 0)
			tell_transport(s, interfaces);
}

/* ---- what the core asks for ---- */

/* It is closed, and the core told so. */
static void dismiss(struct kith_socket *s)
{
	struct kith_node *node = s->node;
	const bool in = takes_in(s);
	struct kith_transport t = { .id = s->id,
				    .kind = (uint8_t)s->carrier->kind,
				    .family = s->row->family,
				    .closed = true,
				    .effect = s->effect };
	forget(s);
	if (in)
		kith_portmap_look(node);
	(void)kith_core_transport(node->core, kith_node_now(node), &t);
	kith_node_touch(node);
}

/* A carrier that speaks what is asked for. NULL: there is none, or the node is told not to use that family. */
static const struct kith_socket *model_of(const struct kith_node *node, const struct kith_effect *e)
{
	for (size_t i = 0; i < node->sockets_n; i++) {
		const struct kith_socket *s = &node->sockets[i];
		if (s->carrier->kind == e->kind && s->row->family == e->family && is_wanted(s) && !s->carrier->relayed)
			return s;
	}
	return NULL;
}

/* The port that the node has for UDP: who forwards a port by hand forwards that one. 0: it has none. */
static uint16_t node_port(const struct kith_node *node)
{
	return node->sockets_n > 0 && node->sockets[0].self != NULL ? port_of(&node->sockets[0]) : 0;
}

static int ask_one(struct kith_node *node, const struct kith_socket *model, const struct kith_effect *e)
{
	char why[KITH_CARRIER_WHY_MAX];
	size_t at = 0;
	if (node->asked == NULL)
		node->asked = KITH_NEW_ARRAY(node->alloc, struct kith_socket *, KITH_HOST_ASKED_MAX);
	if (node->asked == NULL)
		return KITH_ENOMEM;
	while (at < KITH_HOST_ASKED_MAX && node->asked[at] != NULL)
		at++;
	if (at == KITH_HOST_ASKED_MAX)
		return KITH_EFULL;
	struct kith_socket *s = KITH_NEW(node->alloc, struct kith_socket);
	if (s == NULL)
		return KITH_ENOMEM;
	node->asked_n++;
	*s = (struct kith_socket){ .node = node,
				   .carrier = model->carrier,
				   .row = model->row,
				   .id = (uint16_t)(KITH_HOST_SOCKETS_MAX + at),
				   .purpose = e->purpose,
				   .effect = e->id };
	node->asked[at] = s;
	int err = open_socket(s, takes_in(s) ? node_port(node) : 0, why);
	if (err == KITH_EADDRINUSE && takes_in(s))
		err = open_socket(s, 0, why);
	if (err != 0) {
		KITH_LOG(node->log, KITH_LOG_INFO, "socket_not_opened effect=%u err=%s", e->id, kith_err_name(err));
		forget(s);
		return err;
	}
	tell_transport(s, &node->watch.last);
	if (takes_in(s))
		kith_portmap_look(node);
	if (s->up)
		return 0;
	dismiss(s); /* no address, or the core has no room */
	return KITH_EUNREACHABLE;
}

/* How many of so many: where files are few, the half of them is the program's. */
static unsigned as_files_go(unsigned count)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur / 2 >= count)
		return count;
	return files.rlim_cur >= 2 ? (unsigned)(files.rlim_cur / 2) : 1;
}

int kith_sockets_ask(struct kith_node *node, const struct kith_effect *e)
{
	const struct kith_socket *model = model_of(node, e);
	const unsigned count = as_files_go(e->count);
	int err = e->count == 0 ? KITH_EINVAL : 0;
	unsigned opened = 0;
	if (model == NULL || e->remote.family != KITH_FAMILY_NONE)
		return KITH_ENOTSUP;
	if (e->purpose == KITH_PURPOSE_IN && (e->kind != KITH_TRANSPORT_TCP || node->o.no_tcp_in))
		return KITH_ENOTSUP;
	while (opened < count && err == 0 && (err = ask_one(node, model, e)) == 0)
		opened++;
	return opened > 0 ? 0 : err;
}

int kith_sockets_dismiss(struct kith_node *node, uint16_t transport)
{
	struct kith_socket *s = kith_socket_find(node, transport);
	if (s == NULL)
		return KITH_ENOENT;
	if (s->effect == 0)
		return KITH_EACCES;
	dismiss(s);
	return 0;
}

void kith_sockets_disown(struct kith_node *node, uint32_t effect)
{
	struct kith_socket *s;
	for (uint16_t it = KITH_HOST_SOCKETS_MAX; (s = kith_socket_next(node, &it)) != NULL;)
		if (s->effect == effect)
			dismiss(s);
}

/* ---- mending ---- */

static void try_again(uv_timer_t *timer);

static void mend_later(struct kith_node *node)
{
	unsigned attempt = 0;
	for (size_t i = 0; i < node->sockets_n; i++)
		if (node->sockets[i].mending && node->sockets[i].attempts > attempt)
			attempt = node->sockets[i].attempts;
	kith_time_us in = attempt == 0 ? 0
				       : kith_rng_backoff(node->random, KITH_SOCKET_RETRY_US, KITH_SOCKET_RETRY_MAX_US,
							  attempt - 1);
	(void)uv_timer_start(&node->mend_timer, try_again, (uint64_t)(in / KITH_US_PER_MS), 0);
}

/* Tells the core that the transport is back, with the addresses that there are now. */
static bool mend(struct kith_socket *s)
{
	struct kith_node *node = s->node;
	uint16_t port = node->o.port == 0 && s->attempts >= PORT_ATTEMPTS ? 0 : s->port;
	char why[KITH_CARRIER_WHY_MAX];
	s->attempts++;
	if (open_socket(s, port, why) != 0)
		return false;
	s->mending = false;
	KITH_LOG(node->log, KITH_LOG_WARN, "socket_reopened transport=%d port=%u attempts=%u", s->id, port_of(s),
		 s->attempts);
	tell_transport(s, &node->watch.last);
	kith_portmap_look(node); /* the port may be another */
	return true;
}

static void try_again(uv_timer_t *timer)
{
	struct kith_node *node = timer->data;
	bool left = false;
	if (node->core == NULL || node->finishing)
		return;
	for (size_t i = 0; i < node->sockets_n; i++)
		left = (node->sockets[i].mending && !mend(&node->sockets[i])) || left;
	if (left)
		mend_later(node);
	kith_node_touch(node);
}

static void give_up(struct kith_socket *s, int err)
{
	struct kith_node *node = s->node;
	bool again = s->attempts > 0 && kith_node_now(node).mono_us - s->opened_at < KITH_SOCKET_GOOD_US;
	struct kith_transport t = {
		.id = s->id, .kind = (uint8_t)s->carrier->kind, .family = s->row->family, .purpose = s->purpose
	};
	char why[KITH_HOST_WHY_MAX];
	s->port = port_of(s);
	s->up = false;
	s->mending = true;
	close_socket(s);
	(void)kith_core_transport(node->core, kith_node_now(node), &t);
	kith_node_touch(node);
	if (!again) {
		s->attempts = 0;
		(void)snprintf(why, sizeof why, "the %s socket for IPv%d, port %u, failed; opening it again",
			       s->carrier->name, is_v4(s) ? 4 : 6, s->port);
		kith_trouble(node, KITH_TROUBLE_SOCKET, err, why);
	}
	mend_later(node);
}

/* What the router maps, or where a TURN server relays, is another: the core is told of all transports again, which
 * changes nothing of the others. */
static void retell(struct kith_node *node)
{
	if (!node->locals_due || node->core == NULL)
		return;
	node->locals_due = false;
	struct kith_socket *s;
	for (uint16_t it = 0; (s = kith_socket_next(node, &it)) != NULL;)
		if (is_v4(s) && (s->effect == 0 || takes_in(s)))
			tell_transport(s, &node->watch.last);
}

void kith_sockets_check(struct kith_node *node)
{
	struct kith_socket *s;
	retell(node);
	for (uint16_t it = 0; (s = kith_socket_next(node, &it)) != NULL;) {
		int err = node->core != NULL && s->self != NULL ? s->carrier->broken(s->self) : 0;
		if (err != 0 && s->effect != 0)
			dismiss(s);
		else if (err != 0)
			give_up(s, err);
	}
}
