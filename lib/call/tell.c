#include "call/tell.h"

#include "stream/stream.h"

void kith_tell_identity_changed(struct kith_core *c, const struct kith_person *person)
{
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_IDENTITY_CHANGED);
	if (ev == NULL)
		return;
	memcpy(ev->name, person->name, sizeof ev->name);
	ev->identity = person->identity;
}

void kith_tell_person(struct kith_event *ev, const struct kith_session *s, const struct kith_person *person)
{
	ev->session = s->index;
	memcpy(ev->name, person->name, sizeof ev->name);
	memcpy(ev->service, s->peer->service, sizeof ev->service);
	ev->identity = person->identity;
}

void kith_tell_closed(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, bool remote)
{
	struct kith_event *ev = s->peer->told ? kith_event_push(c, KITH_EVENT_CLOSED) : NULL;
	s->peer->told = false;
	if (ev == NULL)
		return;
	ev->session = s->index;
	ev->reason = reason;
	ev->remote = remote;
	bool waited = s->peer->linger_until != 0 && s->peer->streams != NULL;
	ev->err = waited && kith_streams_owes(s->peer->streams) ? KITH_ETIMEDOUT : 0;
	memcpy(ev->name, s->peer->name, sizeof ev->name);
}

size_t kith_tell_paths(const struct kith_core *c, const struct kith_session *s, kith_time_us now,
		       struct kith_path_info out[], size_t n)
{
	const struct kith_path *sending = kith_pathset_sending(&s->paths);
	size_t count = kith_pathset_count(&s->paths);
	for (size_t i = 0; i < count && i < n; i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, (unsigned)i);
		out[i] = (struct kith_path_info){
			.kind = kith_path_is_relay(p)	 ? KITH_PATH_CLASS_RELAY
				: kith_path_is_direct(p) ? KITH_PATH_CLASS_DIRECT
							 : KITH_PATH_CLASS_TURN,
			.remote = p->hop.remote,
			.transport = p->hop.transport,
			.carrier = kith_transports_kind(&c->transports, p->hop.transport),
			.sending = p == sending,
			.alive = p->state == KITH_PATH_LIVE,
			.rtt_us = p->srtt_us,
			.heard_us = p->heard_at > 0 ? now - p->heard_at : KITH_TIME_NEVER,
		};
	}
	return count;
}

void kith_tell_path(struct kith_core *c, struct kith_session *s)
{
	struct kith_path_info info[KITH_PATHS_MAX];
	size_t n = kith_tell_paths(c, s, c->now.mono_us, info, KITH_PATHS_MAX);
	for (size_t i = 0; i < n && i < KITH_PATHS_MAX; i++) {
		if (!info[i].sending)
			continue;
		struct kith_event *ev = kith_event_push(c, KITH_EVENT_PATH);
		if (ev != NULL) {
			ev->session = s->index;
			ev->path = info[i];
		}
		return;
	}
}
