/* Whatever an application may do. */
#include "monkey.h"

void monkey_close_node(struct monkey_node *m)
{
	if (kith_node_close(m->node, monkey_closed) == 0) {
		MUST(!m->closing);
		m->closing = true;
	}
}

/* ---- what there is to do ---- */

static struct call_slot *free_call(int node)
{
	for (unsigned i = 0; i < CALLS; i++) {
		if (monkey.calls[i].busy)
			continue;
		monkey.calls[i] = (struct call_slot){ .busy = true, .node = node };
		return &monkey.calls[i];
	}
	return NULL;
}

static void began(struct call_slot *slot, int err)
{
	if (err != 0)
		*slot = (struct call_slot){ .call = NULL };
	else
		monkey.nodes[slot->node].calls++;
}

static void begin_call(struct monkey_node *m, unsigned what)
{
	struct call_slot *slot = free_call((int)(m - monkey.nodes));
	const char *name = monkey.nodes[monkey_pick(NODES)].name;
	if (slot == NULL)
		return;
	if (what == 0 && monkey_one_in(2))
		began(slot, kith_connect_early(m->node, name, "a", 0, "early", monkey_pick(6), monkey_connected, slot,
					       monkey_one_in(3) ? NULL : &slot->call));
	else if (what == 0)
		began(slot, kith_connect(m->node, name,
					 monkey_one_in(9)   ? "c"
					 : monkey_one_in(2) ? "a"
							    : "b",
					 monkey_one_in(3) ? (kith_time_us)monkey_pick(2000000) : 0, monkey_connected,
					 slot, monkey_one_in(3) ? NULL : &slot->call));
	else
		began(slot, kith_lookup(m->node, monkey_one_in(5) ? "nobody" : name, monkey_found, monkey_done, slot,
					monkey_one_in(3) ? NULL : &slot->call));
}

static void look(const struct monkey_node *m)
{
	struct kith_node_info info;
	struct kith_bootstrap_info entries[2];
	struct kith_addr homes[2];
	struct kith_contact contacts[2];
	char text[2000];
	struct kith_role_info role;
	MUST(kith_node_info(m->node, &info) == 0);
	int err = kith_node_role(m->node, &role);
	MUST(err == KITH_ESTATE || (err == 0 && role.serving == info.serving.serving));
	(void)kith_node_bootstrap(m->node, entries, monkey_pick(3));
	(void)kith_node_homes(m->node, homes, monkey_pick(3));
	(void)kith_contacts(m->node, contacts, monkey_pick(3));
	(void)kith_explain_last(m->node, monkey.nodes[monkey_pick(NODES)].name, text, monkey_pick(sizeof text));
	MUST(kith_node_stats(m->node) != NULL && kith_node_user(m->node) == m && kith_node_name(m->node) != NULL);
	/* They run on the loop of the monkey's, and are not to be driven. */
	MUST(kith_node_fd(m->node) == KITH_ESTATE && kith_node_timeout(m->node) == -1 &&
	     kith_node_process(m->node) == KITH_ESTATE);
}

/* The first node is everybody's supernode, and stays one. */
static void change_role(struct monkey_node *m)
{
	struct kith_node_options o;
	struct kith_node_info info;
	MUST(kith_node_info(m->node, &info) == 0);
	(void)kith_node_consent(m->node, (enum kith_consent)monkey_pick(4));
	kith_node_options_init(&o);
	o.role = (enum kith_role)monkey_pick(5);
	o.terms.consent = (enum kith_consent)monkey_pick(4);
	o.terms.on_battery = monkey_one_in(2);
	o.terms.leaves_max = monkey_pick(3);
	o.terms.memory_max = monkey_one_in(2) ? 0 : 1u << (18 + monkey_pick(5));
	const struct kith_addr at = { .family = KITH_FAMILY_V4, .port = info.port, .ip = { 127, 0, 0, 1 } };
	o.endpoints[0] = kith_endpoint_udp(&at);
	o.endpoints_n = monkey_pick(2);
	if (m != monkey.nodes)
		(void)!kith_node_set_role(m->node, &o);
}

static void act_on_trust(struct monkey_node *m, struct kith_span junk)
{
	struct kith_span own;
	struct kith_log_info log;
	(void)!kith_revoke(m->node, junk);
	(void)!kith_add_issuer(m->node, junk);
	(void)!kith_node_renew(m->node);
	(void)!kith_node_chain(m->node, &own);
	(void)kith_node_logs(m->node, &log, monkey_pick(2));
}

static void act_on_node(struct monkey_node *m)
{
	const struct kith_key key = { { (uint8_t)monkey_pick(2) } };
	const struct kith_span junk = { monkey.bytes, monkey_pick(200) };
	struct kith_node_options o;
	char name[] = { (char)('a' + monkey_pick(4)), '\0' };
	const char *other = monkey.nodes[monkey_pick(NODES)].name;
	switch (monkey_pick(17)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		begin_call(m, 0);
		break;
	case 5:
		begin_call(m, 1);
		break;
	case 6:
		(void)!kith_watch(m->node, other);
		break;
	case 7:
		(void)kith_unwatch(m->node, other);
		break;
	case 8:
		(void)!kith_pin(m->node, monkey_one_in(2) ? name : other, &key, (uint8_t)monkey_pick(4),
				monkey_one_in(2));
		break;
	case 9:
		(void)kith_unpin(m->node, monkey_one_in(2) ? name : other);
		break;
	case 10:
		act_on_trust(m, junk);
		break;
	case 11:
		kith_node_options_init(&o);
		(void)!kith_node_adjust(m->node, &o);
		break;
	case 12:
		(void)!kith_post(m->node, monkey_posted, m);
		break;
	case 13:
		(void)!kith_serve(m->node, name);
		break;
	case 14:
		if (monkey_one_in(m == monkey.nodes ? 200 : 40))
			monkey_close_node(m);
		break;
	case 15:
		change_role(m);
		break;
	default:
		look(m);
		break;
	}
}

static void open_stream(struct kith_conn *conn)
{
	struct kith_stream *stream;
	if (!monkey_stream_room() || kith_stream_open(conn, 3, &monkey_stream_callbacks, &monkey.streams, &stream) != 0)
		return;
	monkey_keep_stream(stream);
}

static void look_at_conn(const struct kith_conn *conn)
{
	struct kith_session_info who;
	struct kith_path_info paths[3];
	char text[2000];
	(void)kith_conn_info(conn, &who);
	(void)kith_conn_paths(conn, paths, monkey_pick(4));
	(void)kith_ping(conn);
	(void)kith_explain(conn, text, monkey_pick(sizeof text));
}

static void challenge(struct kith_conn *conn)
{
	struct call_slot *slot = free_call(monkey_index(kith_conn_node(conn)));
	if (slot != NULL)
		began(slot, kith_challenge(conn, "prove it", monkey_done, slot, monkey_one_in(2) ? NULL : &slot->call));
}

void monkey_act_on_conn(struct kith_conn *conn)
{
	size_t most = kith_conn_datagram_max(conn);
	switch (monkey_pick(14)) {
	case 0:
		(void)!kith_conn_accept(conn);
		break;
	case 1:
		if (monkey_one_in(4))
			(void)kith_conn_reject(conn, KITH_CLOSE_BUSY);
		break;
	case 2:
		if (monkey_one_in(3))
			(void)kith_conn_close(conn, KITH_CLOSE_NORMAL);
		break;
	case 3:
		(void)kith_conn_linger(conn, (kith_time_us)monkey_pick(500000));
		(void)kith_conn_patience(conn, (kith_time_us)monkey_pick(500000));
		(void)kith_conn_early(conn, (uint8_t[KITH_EARLY_MAX]){ 0 });
		break;
	case 4:
		challenge(conn);
		break;
	case 5:
		look_at_conn(conn);
		break;
	case 6:
	case 7:
	case 8:
		(void)!kith_conn_send(conn, 1, monkey.bytes, monkey_pick((unsigned)most + 2));
		break;
	default:
		open_stream(conn);
		break;
	}
}

void monkey_act_on_stream(struct kith_stream *stream)
{
	switch (monkey_pick(12)) {
	case 0:
	case 1:
	case 2:
		(void)!kith_stream_write(stream, monkey.bytes, monkey_pick(sizeof monkey.bytes));
		break;
	case 3:
	case 4:
		if (kith_stream_write_borrowed(stream, monkey.bytes, monkey_pick(sizeof monkey.bytes), monkey_released,
					       &monkey.borrowed) == 0)
			monkey.borrowed++;
		break;
	case 5:
	case 6:
		(void)kith_stream_finish(stream);
		break;
	case 7:
		if (monkey_one_in(4))
			(void)kith_stream_reset(stream, monkey_roll() >> monkey_pick(4));
		break;
	case 8:
		if (monkey_one_in(4))
			(void)kith_stream_stop(stream, monkey_roll() >> monkey_pick(4));
		break;
	case 9:
		if (monkey_one_in(4))
			(void)kith_stream_close(stream);
		break;
	case 10:
		(void)kith_stream_set_callbacks(stream, &monkey_stream_callbacks, &monkey.streams);
		MUST(kith_stream_user(stream) == &monkey.streams);
		break;
	default:
		monkey_read(stream);
		break;
	}
}

void monkey_act(void)
{
	unsigned what = monkey_pick(10);
	if (what < 2) {
		struct monkey_node *m = &monkey.nodes[monkey_pick(NODES)];
		if (m->node != NULL)
			act_on_node(m);
	} else if (what < 5) {
		struct kith_conn *conn = monkey.conns[monkey_pick(CONNS)].conn;
		if (conn != NULL)
			monkey_act_on_conn(conn);
	} else if (what < 9) {
		struct kith_stream *stream = monkey.streams[monkey_pick(STREAMS)].stream;
		if (stream != NULL)
			monkey_act_on_stream(stream);
	} else {
		struct call_slot *slot = &monkey.calls[monkey_pick(CALLS)];
		if (slot->busy && slot->call != NULL && monkey_one_in(3))
			(void)kith_call_cancel(slot->call);
	}
}
