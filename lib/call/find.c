#include "call/find.h"

#include "leaf/beyond.h"
#include "leaf/caught.h"
#include "leaf/homes.h"
#include "link/follow.h"

enum { LOOKUPS_MAX = 4 };

unsigned kith_find_tries(const struct kith_core *c)
{
	return kith_serves(c) ? 1 : LOOKUPS_MAX;
}

struct kith_session *kith_find_ask(struct kith_core *c, const struct kith_id *key, uint64_t token, unsigned first,
				   unsigned but, unsigned *used)
{
	uint8_t body[256], tokens[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	const struct kith_msg_find m = {
		.key = *key,
		.members = KITH_BEYOND_REPLICAS,
		.tokens = kith_follow_for(c, key, tokens),
	};
	size_t len = kith_msg_find_write(body, sizeof body, &m);
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		unsigned slot = (first + i) % KITH_HOMES;
		struct kith_session *s = kith_homes_session(c, &c->leaf.homes[slot]);
		if (s == NULL || (but & 1u << slot) != 0 ||
		    kith_session_request(c, s, KITH_REQ_LOOKUP, (struct kith_span){ body, len }, token) != 0)
			continue;
		*used = i + 1;
		return s;
	}
	return NULL;
}

unsigned kith_find_home(const struct kith_core *c, const struct kith_session *s)
{
	int slot = kith_homes_slot(c, s);
	return slot >= 0 ? 1u << slot : 0;
}

void kith_find_unanswered(struct kith_core *c, const struct kith_session *s)
{
	int slot = kith_homes_slot(c, s);
	bool heard = false;
	for (int i = 0; i < KITH_HOMES; i++) {
		const struct kith_session *other = kith_homes_session(c, &c->leaf.homes[i]);
		heard = heard || (i != slot && other != NULL &&
				  c->now.mono_us - kith_session_heard_at(other) < KITH_REQUEST_TIMEOUT_US);
	}
	if (slot >= 0 && heard)
		kith_caught_failed(c, (unsigned)slot, KITH_LIE_SILENT);
}

static bool vanished(struct kith_core *c, struct kith_spans reports, const struct kith_record *record)
{
	unsigned homes = 0;
	for (size_t i = 0; i < reports.n; i++) {
		struct kith_vanish vanish;
		if (kith_vanish_parse(&vanish, reports.at[i]) != 0)
			continue;
		int home = kith_vanish_verify(&vanish, record, homes, c->suite, &c->now);
		if (home >= 0)
			homes |= 1u << home;
	}
	return (unsigned)__builtin_popcount(homes) * 2 > record->homes_n;
}

size_t kith_find_read(struct kith_core *c, const struct kith_id *key, const char *name, const struct kith_msg_found *m,
		      struct kith_found out[KITH_DIAL_DEVICES_MAX])
{
	size_t n = 0;
	for (size_t i = 0; n < KITH_DIAL_DEVICES_MAX && i < m->records.n; i++) {
		struct kith_found *f = &out[n];
		if (kith_record_parse(&f->record, m->records.at[i]) != 0)
			continue;
		if (kith_record_verify(&f->record, &c->trust, &c->now, &f->person) != 0 ||
		    memcmp(f->record.key.b, key->b, KITH_ID_LEN) != 0 || strcmp(f->person.name, name) != 0)
			continue;
		f->online = f->record.homes_n > 0 && !(f->record.flags & KITH_RECORD_OFFLINE) &&
			    !vanished(c, m->vanished, &f->record);
		f->doubted = i < m->doubted.len ? m->doubted.p[i] : 0;
		n++;
	}
	return n;
}

void kith_find_tell(struct kith_core *c, kith_op op, const struct kith_found *f)
{
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_FOUND);
	if (ev == NULL)
		return;
	ev->op = op;
	memcpy(ev->name, f->person.name, sizeof ev->name);
	ev->found.device = f->person.device_dh;
	ev->found.identity = f->person.identity;
	ev->found.online = f->online;
	ev->found.seq = f->record.seq;
	ev->found.expires_ms = f->record.expires_ms;
	ev->found.homes_n = f->record.homes_n;
	for (size_t i = 0; i < f->record.homes_n; i++)
		ev->found.homes[i] = f->record.homes[i].host.endpoints[0];
}
