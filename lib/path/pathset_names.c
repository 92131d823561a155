#include "path/pathset_internal.h"

void kith_pathset_name(struct kith_pathset *ps, uint64_t name, uint64_t spare)
{
	ps->first.name = name; /* of the handshake's path, or of none: then for the one that comes */
	ps->spare = spare;
	for (unsigned i = 1; i < kith_ps_count(ps); i++)
		kith_ps_path(ps, i)->name = name;
}

/* The path through that transport but path p: between people the sending one if it is; else the one on which the other
 * side was heard last, since the sending one may still lead to where a leaf was. -1: there is none. */
static int through(const struct kith_pathset *ps, uint16_t transport, const struct kith_path *but)
{
	bool peer = kith_ps_has(ps, KITH_PATHSET_PEER);
	int found = -1;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_pathset_path(ps, i);
		if (p == but || p->hop.transport != transport)
			continue;
		bool later = !peer && found >= 0 && p->heard_at > kith_pathset_path(ps, (unsigned)found)->heard_at;
		if (found < 0 || later || (peer && i == ps->sending))
			found = (int)i;
	}
	return found;
}

uint64_t kith_pathset_name_on(const struct kith_pathset *ps, const struct kith_hop *hop)
{
	int i = kith_ps_find(ps, hop);
	if (i < 0)
		i = through(ps, hop->transport, NULL);
	if (i < 0)
		i = ps->sending < kith_ps_count(ps) ? ps->sending : 0;
	return i > 0 ? kith_pathset_path(ps, (unsigned)i)->name : ps->first.name;
}

/* The peer may answer under the old name until it has heard of a new one, so every packet tells one. */
static void rename_path(struct kith_path *p, uint64_t name)
{
	p->name = name;
	p->flags |= KITH_PATH_RENAMED;
}

void kith_ps_name_new(struct kith_pathset *ps, struct kith_path *p)
{
	int like = through(ps, p->hop.transport, p);
	if (like >= 0) {
		const struct kith_path *q = kith_ps_path(ps, (unsigned)like);
		p->name = q->name;
		p->flags |= q->flags & KITH_PATH_RENAMED;
		return;
	}
	p->name = ps->first.name;
	if (ps->spare == 0 || kith_ps_is_stranger(p)) /* whoever repeats a packet from elsewhere uses up none */
		return;
	rename_path(p, ps->spare);
	ps->spare = 0;
}

/* The spare name, or one that took a spare's place since: as when both families of addresses move, one after the other.
 * 0: there is none. */
static uint64_t fresh_name(const struct kith_pathset *ps)
{
	for (unsigned i = 0; ps->spare == 0 && i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_pathset_path(ps, i);
		if ((p->flags & KITH_PATH_RENAMED) != 0)
			return p->name;
	}
	return ps->spare;
}

void kith_pathset_moved(struct kith_pathset *ps, const struct kith_transports *ts, uint16_t transport)
{
	const uint64_t spare = fresh_name(ps);
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		struct kith_path *p = kith_ps_path(ps, i);
		if (!kith_transports_moves_with(ts, p->hop.transport, transport))
			continue;
		rename_path(p, spare != 0 ? spare : p->name);
		ps->spare = 0;
	}
}

void kith_pathset_tell_name(const struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
			    struct kith_writer *w)
{
	int i = kith_ps_find(ps, hop);
	if (i < 0 || env->new_name == NULL || kith_writer_space(w) < KITH_NAME_ROOM)
		return;
	const struct kith_path *p = kith_pathset_path(ps, (unsigned)i);
	if ((p->flags & KITH_PATH_RENAMED) == 0 || kith_ps_is_stranger(p)) /* what may go to a stranger is counted */
		return;
	uint8_t *mark = kith_frame_begin(w, KITH_FRAME_NAME);
	kith_write_u64(w, env->new_name(env));
	kith_frame_end(w, mark);
}

static void give_spare(const struct kith_path_env *env, const struct kith_path *p)
{
	if (env->new_name == NULL)
		return;
	struct kith_writer *w =
		kith_outbox_begin(env->outbox, env->session, &p->hop, 0, KITH_FRAME_SPARE, KITH_NAME_BODY);
	kith_write_u64(w, env->new_name(env));
	kith_outbox_end(env->outbox);
}

int kith_ps_on_name(struct kith_pathset *ps, const struct kith_path_env *env, int i, const struct kith_frame *frame)
{
	struct kith_reader r = kith_reader_of_span(frame->body);
	uint64_t name = kith_read_u64(&r);
	if (r.bad || name == 0)
		return KITH_EPROTO;
	if (i < 0)
		return 0;
	struct kith_path *p = kith_ps_path(ps, (unsigned)i);
	if (frame->type == KITH_FRAME_NAME) {
		p->name = name;
		if (p->state !=
		    KITH_PATH_CANDIDATE) /* else it may be forgotten, and the name with it: it is told again */
			give_spare(env, p);
	} else if ((p->flags & KITH_PATH_RENAMED) != 0 && env->renewed) {
		p->flags &= (uint8_t)~KITH_PATH_RENAMED;
		ps->spare = name;
	}
	return 0;
}
