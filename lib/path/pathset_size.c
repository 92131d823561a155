/* Packets that are lost for their size: a link with a small MTU whose routers do not say so, or a firewall that drops
 * what is large. Small packets, and so probes, pass there, and a path would be found well again and again while nothing
 * that is large arrives.
 *
 * A path whose large packets are in doubt owes one: its probes come in pairs, a small one and one as large as the data,
 * and only the answer to the large one counts, or the acknowledgement of a packet that was as large. It comes into
 * doubt when the sending path does while large packets are unsettled, and when some were lost while others arrived, and
 * no large one was seen to arrive for SIZED_US; then it is asked twice before it is suspected, since what is lost may
 * be lost for any reason. When it dies, and the small probes were answered, that is kept: the next direct path has to
 * carry a large packet before data goes there. A path that is the only one is not held to it.
 * Bounds: nothing is asked while no packet is larger than SMALL bytes, which every link carries.
 */
#include "path/pathset_internal.h"

enum {
	SMALL = 500, /* bytes of frames: with all headers less than the 576 bytes of RFC 791 */
	SIZED_US = 500000
};

static void owe(struct kith_path *p, unsigned bytes)
{
	if (bytes <= SMALL || bytes <= kith_path_owes(p))
		return;
	p->owes_bytes = bytes & 0xfffu;
	p->passes_small = 0;
	kith_probe_anew(&p->probe); /* what is under way is small */
}

void kith_ps_size_doubt(struct kith_pathset *ps, struct kith_path *p)
{
	const struct kith_flow *flow = kith_ps_flow(ps);
	if (flow != NULL)
		owe(p, kith_retain_largest(&flow->retain, flow->flight.acked));
}

void kith_ps_size_lost(struct kith_pathset *ps, const struct kith_path_env *env, uint32_t lost)
{
	struct kith_flow *flow = ps->more->flow;
	struct kith_path *p = kith_ps_path(ps, ps->sending);
	if (lost == 0 || flow->largest <= SMALL || p->state != KITH_PATH_LIVE || kith_path_owes(p) > 0 ||
	    p->tries > 0 || env->now - flow->sized_at < SIZED_US || !kith_ps_has_other(ps, ps->sending))
		return;
	flow->sized_at = env->now;
	owe(p, flow->largest);
	if (kith_ps_probe(ps, env, p))
		kith_ps_due(ps, p, env->now + kith_path_period(p));
}

/* It owes nothing any more. */
static void settle(struct kith_pathset *ps, struct kith_path *p)
{
	p->owes_bytes = 0;
	p->passes_small = 0;
	if (ps->more != NULL && !kith_path_is_relay(p))
		ps->more->hole = 0;
}

void kith_ps_size_arrived(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, uint64_t counter)
{
	struct kith_flow *flow = ps->more->flow;
	struct kith_path *p = kith_ps_path(ps, i);
	if (flow->largest <= SMALL && kith_path_owes(p) == 0)
		return; /* a voice call, mostly: nothing is looked for */
	unsigned len = kith_retain_len(&flow->retain, counter);
	if (i == ps->sending && len > SMALL && len >= flow->largest)
		flow->sized_at = env->now;
	if (kith_path_owes(p) == 0 || len < kith_path_owes(p))
		return;
	settle(ps, p);
	if (p->state != KITH_PATH_LIVE)
		return;
	p->tries = 0;
	kith_ps_rest(ps, env, i);
}

void kith_ps_size_new(struct kith_pathset *ps, struct kith_path *p)
{
	if (ps->more != NULL && ps->more->hole > 0 && !kith_path_is_relay(p))
		owe(p, ps->more->hole);
}

bool kith_ps_size_answered(struct kith_pathset *ps, unsigned i, bool large)
{
	struct kith_path *p = kith_ps_path(ps, i);
	if (kith_path_owes(p) == 0)
		return true;
	if (!large && (p->state == KITH_PATH_LIVE || kith_ps_has_other(ps, i))) {
		p->passes_small = 1;
		return false;
	}
	settle(ps, p);
	return true;
}

void kith_ps_size_dead(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_path *p)
{
	if (kith_path_owes(p) == 0 || !p->passes_small)
		return;
	kith_stats_add(env->stats, KITH_STAT_PATHS_TOO_SMALL, 1);
	kith_ps_journal(ps, env, KITH_JOURNAL_TOO_SMALL, &p->hop, p->owes_bytes);
	if (ps->more != NULL && !kith_path_is_relay(p))
		ps->more->hole = p->owes_bytes;
}

void kith_ps_size_forget(struct kith_pathset *ps)
{
	if (ps->more != NULL)
		ps->more->hole = 0;
}
