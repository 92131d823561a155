/* Connections between nodes, as a host's carrier makes them: a SYN that is repeated, the answer to it, and packets.
 * What waits for a connection waits here; what is lost is lost, as if the carrier had dropped it.
 *
 * A SYN and its answer are packets of one byte that no core sends. They count for what TCP's headers are, and are held
 * to the invariants as all packets are. Nobody is dialled back, and nothing is refused: where nobody listens, nobody
 * answers.
 */
#include "sim/internal.h"

enum {
	SYN = 0xf5,
	SYN_ANSWER = 0xf6,
	WAITING_MAX = 4, /* packets */
	SYNS = 4, /* at 0, 1, 3, 7 s */
	SYN_BYTES = 60, /* headers of IPv4 and TCP, with options */
	DATA_BYTES = 54 /* the same, and a length */
};
#define DIAL_US (10 * KITH_US_PER_S)

struct kith_simconn {
	struct kith_simconn *next;
	struct kith_addr remote;
	uint32_t serial;
	uint16_t port, transport;
	bool open;
	uint8_t syns, waiting_n;
	struct kith_simbuf *waiting[WAITING_MAX];
};

static void emit(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simconn *conn, const uint8_t *data,
		 size_t len, size_t bytes)
{
	const struct kith_net_packet out = {
		.src = n->local, .dst = conn->remote, .len_bytes = (uint32_t)bytes, .proto = KITH_NAT_TCP
	};
	kith_sim_emit(sim, n, &out, conn->port, data, len);
}

static void say(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simconn *conn, uint8_t what)
{
	emit(sim, n, conn, &what, 1, SYN_BYTES);
}

static struct kith_simconn *add(struct kith_sim *sim, struct kith_simnode *n, const struct kith_addr *remote,
				uint16_t port, uint16_t transport)
{
	struct kith_simconn *conn = KITH_NEW(&sim->engine.alloc, struct kith_simconn);
	if (conn == NULL) {
		kith_sim_out_of_memory(sim);
		return NULL;
	}
	conn->remote = *remote;
	conn->port = port;
	conn->transport = transport;
	conn->serial = ++sim->effects;
	conn->next = n->conns;
	n->conns = conn;
	return conn;
}

static void drop(struct kith_sim *sim, struct kith_simnode *n, struct kith_simconn *conn)
{
	struct kith_simconn **at = &n->conns;
	while (*at != conn)
		at = &(*at)->next;
	*at = conn->next;
	for (unsigned i = 0; i < conn->waiting_n; i++)
		kith_sim_buf_drop(sim, conn->waiting[i]);
	KITH_FREE(&sim->engine.alloc, conn);
}

void kith_simtcp_drop(struct kith_sim *sim, struct kith_simnode *n, uint16_t transport)
{
	for (struct kith_simconn *conn = n->conns, *next; conn != NULL; conn = next) {
		next = conn->next;
		if (transport == 0 || conn->transport == transport)
			drop(sim, n, conn);
	}
}

static struct kith_simconn *find(const struct kith_simnode *n, const struct kith_addr *remote, uint16_t port)
{
	struct kith_simconn *conn = n->conns;
	while (conn != NULL && !(kith_addr_equal(&conn->remote, remote) && (port == 0 || conn->port == port)))
		conn = conn->next;
	return conn;
}

static void again(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_simconn *conn, kith_time_us in)
{
	const struct kith_simcontrol c = { .kind = KITH_SIM_EFFECT, .a = n->id, .b = conn->serial };
	kith_sim_control_at(sim, sim->now + in, &c);
}

void kith_simtcp_due(struct kith_sim *sim, struct kith_simnode *n, uint32_t serial)
{
	struct kith_simconn *conn = n->conns;
	while (conn != NULL && conn->serial != serial)
		conn = conn->next;
	if (conn == NULL || conn->open)
		return;
	if (conn->syns == SYNS) {
		drop(sim, n, conn);
		return;
	}
	say(sim, n, conn, SYN);
	conn->syns++;
	again(sim, n, conn, conn->syns < SYNS ? KITH_US_PER_S << (conn->syns - 1) : DIAL_US - 7 * KITH_US_PER_S);
}

static struct kith_simconn *dial(struct kith_sim *sim, struct kith_simnode *n, const struct kith_addr *remote)
{
	const uint64_t draw = kith_sim_draw(sim, KITH_SIM_DRAW_EFFECT, n->id, sim->effects + 1);
	struct kith_simconn *conn = add(sim, n, remote, (uint16_t)(20000 + kith_draw_below(draw, 40000)), KITH_SIM_TCP);
	if (conn == NULL)
		return NULL;
	say(sim, n, conn, SYN);
	conn->syns = 1;
	again(sim, n, conn, KITH_US_PER_S);
	return conn;
}

void kith_simtcp_send(struct kith_sim *sim, struct kith_simnode *n, const struct kith_packet *p, const uint8_t *data,
		      size_t len)
{
	struct kith_simconn *conn = find(n, &p->remote, 0);
	if (conn == NULL && p->transport == KITH_SIM_TCP && !kith_sim_is_super(n))
		conn = dial(sim, n, &p->remote);
	if (conn == NULL)
		return;
	if (conn->open)
		emit(sim, n, conn, data, len, len + DATA_BYTES);
	else if (conn->waiting_n < WAITING_MAX && (conn->waiting[conn->waiting_n] = kith_sim_buf_new(sim, data, len)))
		conn->waiting_n++;
}

static void opened(struct kith_sim *sim, struct kith_simnode *n, struct kith_simconn *conn)
{
	conn->open = true;
	for (unsigned i = 0; i < conn->waiting_n; i++) {
		const struct kith_simbuf *buf = conn->waiting[i];
		emit(sim, n, conn, buf->bytes + KITH_PACKET_HEADROOM, buf->len, buf->len + DATA_BYTES);
		kith_sim_buf_drop(sim, conn->waiting[i]);
	}
	conn->waiting_n = 0;
}

uint16_t kith_simtcp_came(struct kith_sim *sim, struct kith_simnode *n, const struct kith_net_packet *pkt, uint8_t type,
			  size_t len)
{
	struct kith_simconn *conn = find(n, &pkt->src, pkt->dst.port);
	if (len == 1 && type == SYN) {
		const uint16_t transport = kith_sim_listener(n, pkt->dst.port);
		if (conn == NULL && transport != 0)
			conn = add(sim, n, &pkt->src, pkt->dst.port, transport);
		if (conn != NULL) {
			conn->open = true;
			say(sim, n, conn, SYN_ANSWER);
		}
		return 0;
	}
	if (len == 1 && type == SYN_ANSWER) {
		if (conn != NULL && !conn->open)
			opened(sim, n, conn);
		return 0;
	}
	return conn != NULL ? conn->transport : 0;
}
