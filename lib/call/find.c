#include "call/find.h"

struct kith_session *kith_find_ask(struct kith_core *c, const struct kith_id *key, uint64_t token, unsigned first,
				   unsigned *used)
{
	uint8_t body[64];
	struct kith_packer pk;
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 1);
	kith_pack_key(&pk, KITH_B_FIND_KEY);
	kith_pack_bytes(&pk, key->b, KITH_ID_LEN);
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[(first + i) % KITH_HOMES];
		struct kith_session *s =
			home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
		if (s == NULL ||
		    kith_session_request(c, s, KITH_REQ_LOOKUP, (struct kith_span){ body, pk.len }, token) != 0)
			continue;
		*used = i + 1;
		return s;
	}
	return NULL;
}

static bool vanished(struct kith_core *c, const struct kith_unpacked *pk, const struct kith_record *record)
{
	struct kith_unpack_list list = kith_unpack_list(pk, kith_unpack_root(pk), KITH_B_FOUND_VANISHED);
	struct kith_span bytes;
	unsigned homes = 0;
	while (kith_unpack_list_next(&list, &bytes)) {
		struct kith_vanish vanish;
		if (kith_vanish_parse(&vanish, bytes) != 0)
			continue;
		int home = kith_vanish_verify(&vanish, record, c->suite, &c->now);
		if (home >= 0)
			homes |= 1u << home;
	}
	return (unsigned)__builtin_popcount(homes) * 2 > record->homes_n;
}

size_t kith_find_read(struct kith_core *c, const struct kith_id *key, const char *name, const struct kith_unpacked *pk,
		      struct kith_found out[KITH_DIAL_DEVICES_MAX])
{
	size_t n = 0;
	struct kith_unpack_list list = kith_unpack_list(pk, kith_unpack_root(pk), KITH_B_FOUND_RECORDS);
	struct kith_span bytes;
	while (n < KITH_DIAL_DEVICES_MAX && kith_unpack_list_next(&list, &bytes)) {
		struct kith_found *f = &out[n];
		if (kith_record_parse(&f->record, bytes) != 0)
			continue;
		if (kith_record_verify(&f->record, &c->trust, &c->now, &f->person) != 0 ||
		    memcmp(f->record.key.b, key->b, KITH_ID_LEN) != 0 || strcmp(f->person.name, name) != 0)
			continue;
		f->online = f->record.homes_n > 0 && !(f->record.flags & KITH_RECORD_OFFLINE) &&
			    !vanished(c, pk, &f->record);
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
	memcpy(ev->found.label, f->person.label, sizeof ev->found.label);
	ev->found.device = f->person.device_dh;
	ev->found.identity = f->person.identity;
	ev->found.online = f->online;
	ev->found.seq = f->record.seq;
	ev->found.expires_ms = f->record.expires_ms;
	ev->found.homes_n = f->record.homes_n;
	for (size_t i = 0; i < f->record.homes_n; i++)
		ev->found.homes[i] = f->record.homes[i].host.addrs[0];
}
