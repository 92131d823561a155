/* Candidates that lie: leaves that consent to serve (candidates_ppm) and say what is not so, to be asked to. As in
 * lies.c, the library has no line of it; enum kith_simfalse says what each does. What they send by ATTEST is changed in
 * front of kith_session_request, by the linker. */
#include "sim/internal.h"

#include "link/state.h"
#include "wire/message_attest.h"

enum { SEEN_DAYS = 30, PUNCH_LEN = 64 };

int __wrap_kith_session_request(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
				uint64_t token);
int __real_kith_session_request(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
				uint64_t token);

/* As if each witness had found it ten times as fast, and had seen it for a month; signed by the only key that it has.
 * Without any, one is made up of each supernode. */
static size_t forged(struct kith_core *c, struct kith_sim *sim, struct kith_span held,
		     uint8_t out[KITH_ATTESTS_LEN_MAX])
{
	struct kith_attest list[KITH_ATTESTS_MAX];
	uint8_t bytes[KITH_ATTESTS_MAX][KITH_ATTEST_LEN_MAX];
	struct kith_span spans[KITH_ATTESTS_MAX];
	const struct kith_simnode *self = kith_sim_node_of(c);
	int n = kith_attests_read(list, held);
	struct kith_key own;
	size_t made = 0;
	memcpy(own.b, c->self.sign_pk, sizeof own.b);
	for (int i = 0; i < KITH_ATTESTS_MAX; i++) {
		struct kith_attest a = { .endpoint = kith_endpoint_udp(&self->public), .at_s = c->now.unix_ms / 1000 };
		const struct kith_core *witness = kith_sim_core(sim, (uint32_t)i);
		if (i < n)
			a = list[i];
		else if (witness == NULL || witness->super == NULL)
			continue;
		else
			memcpy(a.witness, witness->super->id.b, sizeof a.witness);
		a.endpoint.addr.port = self->local.port;
		kith_home_tag(c->suite, a.candidate, &own);
		a.up = a.down = 10000000;
		a.availability = KITH_AVAILABILITY_FULL;
		a.hours = KITH_ATTEST_HOURS_MAX;
		a.first_seen_s = a.at_s - SEEN_DAYS * 86400;
		int len = kith_attest_make(c->suite, bytes[made], &a, c->self.sign_sk);
		if (len > 0) {
			spans[made] = (struct kith_span){ bytes[made], (size_t)len };
			made++;
		}
	}
	return kith_attests_write(out, spans, made);
}

/* A packet to each supernode from the socket that they will dial, so that its NAT lets them in. */
static void punch(struct kith_sim *sim, struct kith_simnode *n)
{
	uint8_t nothing[PUNCH_LEN] = { 0 };
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		struct kith_packet p = { .transport = KITH_SIM_TRANSPORT,
					 .remote = sim->nodes[i].local,
					 .data = nothing,
					 .len = sizeof nothing,
					 .ttl = 64 };
		kith_sim_send(sim, n, &p);
	}
}

static size_t lying(struct kith_core *c, struct kith_msg_attest *m, uint8_t *out, size_t cap)
{
	struct kith_simnode *n = kith_sim_node_of(c);
	struct kith_sim *sim = kith_sim_of(n);
	uint8_t held[KITH_ATTESTS_LEN_MAX];
	switch (n->falsehood) {
	case KITH_SIM_FALSE_FORGE:
		m->held = (struct kith_span){ held, forged(c, sim, m->held, held) };
		break;
	case KITH_SIM_FALSE_ELSEWHERE:
		m->endpoint = kith_endpoint_udp(&sim->nodes[sim->options.supernodes].public);
		m->endpoint.addr.port = KITH_SIM_SUPER_PORT;
		break;
	case KITH_SIM_FALSE_PUNCH:
		punch(sim, n);
		break;
	case KITH_SIM_FALSE_BOAST: /* by its operator's caps; see node.c */
	case KITH_SIM_FALSE_NOT:
	case KITH_SIM_FALSE_N:
		break;
	}
	return kith_msg_attest_write(out, cap, m);
}

int __wrap_kith_session_request(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
				uint64_t token)
{
	uint8_t out[KITH_REQUEST_MAX];
	struct kith_msg_attest m;
	if (kind != KITH_REQ_ATTEST || kith_sim_node_of(c)->falsehood == KITH_SIM_FALSE_NOT ||
	    kith_msg_attest_read(&m, body) != 0)
		return __real_kith_session_request(c, s, kind, body, token);
	const struct kith_span said = { out, lying(c, &m, out, sizeof out) };
	return __real_kith_session_request(c, s, kind, said, token);
}
