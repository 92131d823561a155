/* The talk with a router that is to map ports; see mapper.h. */
#include "host/mapper.h"

#include <string.h>

enum {
	ADDRESS = KITH_PORTMAP_PORTS_MAX, /* the row of NAT-PMP's question */
	FIRST = 0 /* the mapping that decides about the method; without the others a node does well */
};
#define RENEW_LEAST_US (4 * KITH_US_PER_S) /* RFC 6887, 11.2.1 */
#define HUSH_US (10 * KITH_US_PER_S) /* what a router tells unasked makes us begin again no more often than that */

static bool is_mapped(const struct kith_mapper *m, unsigned i)
{
	return m->rows[i].until > 0;
}

static bool is_row(const struct kith_mapper *m, unsigned i)
{
	return i < m->ask.n || i == ADDRESS;
}

static void ask_now(struct kith_mapper_row *row, kith_time_us now)
{
	row->due = now;
	row->sent = 0;
}

static void rest(struct kith_mapper_row *row, kith_time_us until)
{
	row->due = until;
	row->sent = 0;
}

static void begin_method(struct kith_mapper *m, kith_time_us now, enum kith_portmap_method method)
{
	m->method = method;
	m->known = false;
	m->outer = (struct kith_addr){ 0 };
	m->again = now + KITH_MAPPER_AGAIN_US;
	for (unsigned i = 0; i <= ADDRESS; i++)
		m->rows[i] = (struct kith_mapper_row){ .due = i < m->ask.n ? now : KITH_TIME_NEVER };
	if (method == KITH_PORTMAP_NATPMP)
		m->rows[ADDRESS].due = now;
}

static void next_method(struct kith_mapper *m, kith_time_us now)
{
	begin_method(m, now, m->method == KITH_PORTMAP_UPNP ? KITH_PORTMAP_NONE : KITH_PORTMAP_UPNP);
}

void kith_mapper_begin(struct kith_mapper *m, kith_time_us now, const struct kith_portmap_ask *ask)
{
	*m = (struct kith_mapper){ .ask = *ask };
	begin_method(m, now, KITH_PORTMAP_PCP);
}

void kith_mapper_ports(struct kith_mapper *m, kith_time_us now, const struct kith_portmap_ask *ask)
{
	const unsigned had = m->ask.n;
	m->ask = *ask;
	for (unsigned i = had; i < ask->n; i++)
		m->rows[i] = (struct kith_mapper_row){ .due = m->method != KITH_PORTMAP_NONE ? now : KITH_TIME_NEVER };
	for (unsigned i = ask->n; i < had; i++)
		m->rows[i] = (struct kith_mapper_row){ .due = KITH_TIME_NEVER };
}

void kith_mapper_again(struct kith_mapper *m, kith_time_us now)
{
	if (m->method == KITH_PORTMAP_NONE)
		begin_method(m, now, KITH_PORTMAP_PCP);
	for (unsigned i = 0; i < m->ask.n; i++)
		ask_now(&m->rows[i], now);
}

/* ---- what comes to nothing ---- */

static void forget(struct kith_mapper_row *row)
{
	row->until = 0;
	rest(row, KITH_TIME_NEVER);
}

/* There will be no answer to what was asked for row i, or it was no. */
static void failed(struct kith_mapper *m, kith_time_us now, unsigned i)
{
	struct kith_mapper_row *row = &m->rows[i];
	if (m->leaving) {
		forget(row);
	} else if (is_mapped(m, i)) { /* a renewal: there is time left */
		kith_time_us in = (row->until - now) / 2;
		rest(row, now + (in > RENEW_LEAST_US ? in : RENEW_LEAST_US));
	} else if (i == FIRST || (i == ADDRESS && !is_mapped(m, FIRST))) {
		next_method(m, now);
	} else {
		rest(row, now + KITH_MAPPER_AGAIN_US);
	}
}

static void refused(struct kith_mapper *m, kith_time_us now, unsigned i, uint16_t result)
{
	m->result = result;
	m->rows[i].until = 0;
	failed(m, now, i);
}

static void let_run_out(struct kith_mapper *m, kith_time_us now)
{
	for (unsigned i = 0; i < m->ask.n && !m->leaving; i++) {
		if (!is_mapped(m, i) || m->rows[i].until > now)
			continue;
		m->rows[i].until = 0;
		ask_now(&m->rows[i], now);
		if (i == FIRST)
			begin_method(m, now, KITH_PORTMAP_PCP);
	}
}

/* ---- the end ---- */

void kith_mapper_leave(struct kith_mapper *m, kith_time_us now)
{
	let_run_out(m, now);
	m->leaving = true;
	for (unsigned i = 0; i <= ADDRESS; i++)
		rest(&m->rows[i], i < m->ask.n && is_mapped(m, i) ? now : KITH_TIME_NEVER);
}

bool kith_mapper_done(const struct kith_mapper *m)
{
	for (unsigned i = 0; i < m->ask.n; i++)
		if (is_mapped(m, i))
			return false;
	return m->leaving;
}

/* ---- what is sent ---- */

static size_t write(struct kith_mapper *m, unsigned i, uint8_t out[KITH_PCP_REQUEST_MAX])
{
	if (i == ADDRESS)
		return kith_pmp_write_address(out);
	const struct kith_portmap_port *port = &m->ask.ports[i];
	struct kith_pcp_map map = { .self = m->ask.self,
				    .protocol = port->protocol,
				    .inner = port->port,
				    .outer_port = is_mapped(m, i) ? m->rows[i].outer_port : port->port,
				    .life_s = m->leaving ? 0 : KITH_MAPPER_LIFE_S };
	memcpy(map.nonce, port->nonce, sizeof map.nonce);
	if (is_mapped(m, i))
		map.outer = m->outer;
	return m->method == KITH_PORTMAP_PCP ? kith_pcp_write_map(&map, out) : kith_pmp_write_map(&map, out);
}

size_t kith_mapper_next(struct kith_mapper *m, kith_time_us now, uint8_t out[KITH_PCP_REQUEST_MAX])
{
	const unsigned tries = m->leaving ? KITH_MAPPER_LEAVE_TRIES : KITH_MAPPER_TRIES;
	let_run_out(m, now);
	if (m->method == KITH_PORTMAP_NONE && now >= m->again && !m->leaving)
		begin_method(m, now, KITH_PORTMAP_PCP);
	for (unsigned i = 0; i <= ADDRESS; i++) {
		struct kith_mapper_row *row = &m->rows[i];
		if (m->method == KITH_PORTMAP_NONE || m->method == KITH_PORTMAP_UPNP)
			return 0;
		if (!is_row(m, i) || row->due > now)
			continue;
		if (row->sent == tries) {
			failed(m, now, i);
			continue;
		}
		/* With each renewal the router's own address is asked for, too: it may have got another. */
		if (m->method == KITH_PORTMAP_NATPMP && i == FIRST && row->sent == 0 && !m->leaving)
			ask_now(&m->rows[ADDRESS], now);
		size_t len = write(m, i, out);
		row->due = now + (KITH_MAPPER_FIRST_US << row->sent);
		row->sent++;
		return len;
	}
	return 0;
}

kith_time_us kith_mapper_deadline(const struct kith_mapper *m)
{
	kith_time_us first = KITH_TIME_NEVER;
	if (m->method == KITH_PORTMAP_NONE)
		return m->leaving ? KITH_TIME_NEVER : m->again;
	for (unsigned i = 0; i <= ADDRESS; i++) {
		const struct kith_mapper_row *row = &m->rows[i];
		if (is_row(m, i) && row->due < first)
			first = row->due;
		if (is_row(m, i) && row->until > 0 && row->until < first && !m->leaving)
			first = row->until;
	}
	return first;
}

/* ---- what comes ---- */

/* Whether the router has lost its mappings since it last spoke: RFC 6887, 8.5. */
static bool has_lost(const struct kith_mapper *m, kith_time_us now, uint32_t epoch_s)
{
	int64_t theirs = (int64_t)epoch_s - m->epoch_s, ours = (now - m->epoch_at) / KITH_US_PER_S;
	return m->known && (theirs < -1 || ours + 2 < theirs - theirs / 16 || theirs + 2 < ours - ours / 16);
}

/* Takes its epoch; if it has lost its mappings, all but the one at `but` are asked for. */
static void hear_epoch(struct kith_mapper *m, kith_time_us now, uint32_t epoch_s, unsigned but)
{
	const bool lost = has_lost(m, now, epoch_s);
	m->known = true;
	m->epoch_s = epoch_s;
	m->epoch_at = now;
	for (unsigned i = 0; i < m->ask.n && lost && !m->leaving; i++)
		if (i != but)
			ask_now(&m->rows[i], now);
}

static bool is_of(const struct kith_portmap_port *port, const struct kith_pcp_answer *a)
{
	return port->protocol == a->protocol && port->port == a->inner &&
	       (a->kind == KITH_PMP_MAPPED || memcmp(port->nonce, a->nonce, sizeof port->nonce) == 0);
}

static bool is_sane(const struct kith_pcp_answer *a)
{
	static const uint8_t none[4];
	bool somewhere = a->outer.family == KITH_FAMILY_V4 && memcmp(a->outer.ip, none, sizeof none) != 0;
	if (a->kind == KITH_PMP_ADDRESS)
		return somewhere;
	return (somewhere || a->kind == KITH_PMP_MAPPED) && a->outer_port != 0 &&
	       a->life_s >= KITH_MAPPER_LIFE_LEAST_S && a->life_s <= KITH_MAPPER_LIFE_MAX_S;
}

static void take_mapped(struct kith_mapper *m, kith_time_us now, const struct kith_pcp_answer *a)
{
	unsigned i = 0;
	while (i < m->ask.n && !is_of(&m->ask.ports[i], a))
		i++;
	if (i == m->ask.n) {
		m->lies++;
		return;
	}
	struct kith_mapper_row *row = &m->rows[i];
	if (row->sent == 0) /* a second answer to what was sent twice */
		return;
	if (m->leaving) {
		forget(row);
	} else if (a->result != KITH_PCP_SUCCESS) {
		refused(m, now, i, a->result);
	} else if (!is_sane(a)) {
		m->lies++;
	} else {
		hear_epoch(m, now, a->epoch_s, i);
		row->until = now + a->life_s * KITH_US_PER_S;
		row->outer_port = a->outer_port;
		rest(row, now + a->life_s * KITH_US_PER_S / 2);
		if (a->kind == KITH_PCP_MAPPED)
			m->outer = a->outer;
	}
}

/* NAT-PMP: asked for, or told because it has changed. */
static void take_address(struct kith_mapper *m, kith_time_us now, const struct kith_pcp_answer *a)
{
	struct kith_mapper_row *row = &m->rows[ADDRESS];
	const bool asked = row->sent > 0;
	if (a->result != KITH_PCP_SUCCESS && asked) {
		m->result = a->result;
		rest(row, KITH_TIME_NEVER);
		failed(m, now, ADDRESS);
	} else if (a->result == KITH_PCP_SUCCESS && is_sane(a)) {
		hear_epoch(m, now, a->epoch_s, ADDRESS);
		m->outer = a->outer;
		rest(row, KITH_TIME_NEVER);
	} else {
		m->lies++;
	}
}

/* The answer is of no request in particular: to any of those under way. */
static void take_error(struct kith_mapper *m, kith_time_us now, const struct kith_pcp_answer *a)
{
	for (unsigned i = 0; i <= ADDRESS; i++) {
		if (!is_row(m, i) || m->rows[i].sent == 0)
			continue;
		refused(m, now, i, a->result);
		return;
	}
	m->lies++;
}

/* A router tells that it is there, where none had answered. */
static void take_news(struct kith_mapper *m, kith_time_us now, const struct kith_pcp_answer *a)
{
	bool news = a->kind == KITH_PCP_ANNOUNCED || a->kind == KITH_PMP_ADDRESS;
	if (!news || m->leaving || now < m->hushed)
		return;
	m->hushed = now + HUSH_US;
	begin_method(m, now, KITH_PORTMAP_PCP);
}

void kith_mapper_take(struct kith_mapper *m, kith_time_us now, const uint8_t *in, size_t len)
{
	struct kith_pcp_answer a;
	if (!kith_pcp_read(&a, in, len)) {
		m->lies++;
		return;
	}
	const bool older = a.kind == KITH_PMP_MAPPED || a.kind == KITH_PMP_ADDRESS || a.kind == KITH_PMP_ERROR;
	if (m->method == KITH_PORTMAP_NONE || m->method == KITH_PORTMAP_UPNP) {
		take_news(m, now, &a);
	} else if (older &&
		   m->method == KITH_PORTMAP_PCP) { /* it knows nothing newer; and speaks that by itself, too */
		if (a.result == KITH_PCP_VERSION && m->rows[FIRST].sent > 0 && !m->leaving)
			begin_method(m, now, KITH_PORTMAP_NATPMP);
	} else if (!older && m->method == KITH_PORTMAP_NATPMP) {
		return; /* of a router that tells both kinds */
	} else if (a.kind == KITH_PCP_ANNOUNCED) {
		hear_epoch(m, now, a.epoch_s, ADDRESS);
	} else if (a.kind == KITH_PMP_ADDRESS) {
		take_address(m, now, &a);
	} else if (a.kind == KITH_PCP_ERROR || a.kind == KITH_PMP_ERROR) {
		take_error(m, now, &a);
	} else {
		take_mapped(m, now, &a);
	}
}

void kith_mapper_deaf(struct kith_mapper *m, kith_time_us now)
{
	const bool asks = m->method == KITH_PORTMAP_PCP || m->method == KITH_PORTMAP_NATPMP;
	for (unsigned i = 0; i < m->ask.n && m->leaving; i++)
		forget(&m->rows[i]);
	if (asks && !m->leaving && !is_mapped(m, FIRST) && m->rows[FIRST].sent > 0)
		next_method(m, now);
}

/* ---- UPnP ---- */

int kith_mapper_upnp(struct kith_mapper *m, kith_time_us now)
{
	let_run_out(m, now);
	for (unsigned i = 0; i < m->ask.n && m->method == KITH_PORTMAP_UPNP; i++)
		if (m->rows[i].due <= now)
			return (int)i;
	return -1;
}

void kith_mapper_upnp_done(struct kith_mapper *m, kith_time_us now, int i, const struct kith_addr *outer)
{
	struct kith_mapper_row *row = &m->rows[i];
	if (m->leaving || outer->family != KITH_FAMILY_V4 || outer->port == 0) {
		failed(m, now, (unsigned)i);
		return;
	}
	m->outer = *outer;
	m->outer.port = 0;
	row->outer_port = outer->port;
	row->until = now + KITH_MAPPER_LIFE_S * KITH_US_PER_S;
	rest(row, now + KITH_MAPPER_LIFE_S * KITH_US_PER_S / 2);
}

bool kith_mapper_mapped(const struct kith_mapper *m, unsigned i, struct kith_addr *outer)
{
	*outer = m->outer;
	outer->port = m->rows[i].outer_port;
	if (is_mapped(m, i) && m->outer.family == KITH_FAMILY_V4)
		return true;
	*outer = (struct kith_addr){ 0 };
	return false;
}
