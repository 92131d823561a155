/* Every kind of message behind one table: reading, writing, and what a message holds as a flat list of numbers and byte
 * strings, by which two are compared. For the unit tests and the fuzz target of wire/message and message_gossip. */
#ifndef KITH_TESTS_MESSAGE_CASES_H
#define KITH_TESTS_MESSAGE_CASES_H

#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "wire/message.h"
#include "wire/message_attest.h"
#include "wire/message_gossip.h"
#include "wire/message_list.h"

/* X(kind): without lists; Y(kind): with lists, which need a room. */
#define MESSAGE_KINDS(X, Y)                                                                                            \
	X(attach)                                                                                                      \
	X(attached)                                                                                                    \
	Y(leave)                                                                                                       \
	X(help)                                                                                                        \
	X(helped)                                                                                                      \
	X(members)                                                                                                     \
	Y(named)                                                                                                       \
	Y(find)                                                                                                        \
	Y(found)                                                                                                       \
	Y(subscribe)                                                                                                   \
	Y(notice)                                                                                                      \
	X(introduce)                                                                                                   \
	X(introduced)                                                                                                  \
	X(tunnel_close)                                                                                                \
	X(admit)                                                                                                       \
	X(rekey)                                                                                                       \
	X(follow)                                                                                                      \
	X(rekeyed)                                                                                                     \
	X(gossip)                                                                                                      \
	Y(gossiped)                                                                                                    \
	X(attest)                                                                                                      \
	X(asked)                                                                                                       \
	X(witness)                                                                                                     \
	X(measure)                                                                                                     \
	X(measured)                                                                                                    \
	X(attested)                                                                                                    \
	X(knock)                                                                                                       \
	X(echo)                                                                                                        \
	X(echoed)                                                                                                      \
	X(nominated)                                                                                                   \
	X(elected)                                                                                                     \
	X(list)                                                                                                        \
	X(listed)                                                                                                      \
	X(editions)                                                                                                    \
	X(early)

enum message_kind {
#define MESSAGE_ENUM(kind) MESSAGE_##kind,
	MESSAGE_KINDS(MESSAGE_ENUM, MESSAGE_ENUM)
#undef MESSAGE_ENUM
		MESSAGE_KINDS_N
};

struct message {
	enum message_kind kind;
	union {
#define MESSAGE_MEMBER(kind) struct kith_msg_##kind kind;
		MESSAGE_KINDS(MESSAGE_MEMBER, MESSAGE_MEMBER)
#undef MESSAGE_MEMBER
	} as;
	struct kith_msg_room room;
};

static inline const char *message_name(enum message_kind kind)
{
	static const char *const names[] = {
#define MESSAGE_NAME(kind) #kind,
		MESSAGE_KINDS(MESSAGE_NAME, MESSAGE_NAME)
#undef MESSAGE_NAME
	};
	return names[kind];
}

static inline size_t message_write(uint8_t *out, size_t cap, const struct message *m)
{
	switch (m->kind) {
#define MESSAGE_WRITE(kind)                                                                                            \
	case MESSAGE_##kind:                                                                                           \
		return kith_msg_##kind##_write(out, cap, &m->as.kind);
		MESSAGE_KINDS(MESSAGE_WRITE, MESSAGE_WRITE)
#undef MESSAGE_WRITE
	case MESSAGE_KINDS_N:
		break;
	}
	return 0;
}

static inline int message_read(struct message *out, enum message_kind kind, struct kith_span body)
{
	out->kind = kind;
	switch (kind) {
#define MESSAGE_READ(kind)                                                                                             \
	case MESSAGE_##kind:                                                                                           \
		return kith_msg_##kind##_read(&out->as.kind, body);
#define MESSAGE_READ_LISTS(kind)                                                                                       \
	case MESSAGE_##kind:                                                                                           \
		return kith_msg_##kind##_read(&out->as.kind, &out->room, body);
		MESSAGE_KINDS(MESSAGE_READ, MESSAGE_READ_LISTS)
#undef MESSAGE_READ
#undef MESSAGE_READ_LISTS
	case MESSAGE_KINDS_N:
		break;
	}
	return KITH_EINVAL;
}

/* ---- what a message holds ---- */

struct message_flat {
	uint64_t num[16];
	struct kith_span span[KITH_PACK_ITEMS_MAX]; /* borrowed from the body */
	struct kith_span copied[3]; /* copied into the message */
	size_t nums, spans, copies;
};

static inline void flat_num(struct message_flat *f, uint64_t num)
{
	KITH_ASSERT(f->nums < sizeof f->num / sizeof f->num[0]);
	f->num[f->nums++] = num;
}

static inline void flat_span(struct message_flat *f, struct kith_span span)
{
	KITH_ASSERT(f->spans < KITH_PACK_ITEMS_MAX);
	f->span[f->spans++] = span;
}

static inline void flat_spans(struct message_flat *f, struct kith_spans list)
{
	flat_num(f, list.n);
	for (size_t i = 0; i < list.n; i++)
		flat_span(f, list.at[i]);
}

static inline void flat_copy(struct message_flat *f, const uint8_t *p, size_t len)
{
	KITH_ASSERT(f->copies < sizeof f->copied / sizeof f->copied[0]);
	f->copied[f->copies++] = (struct kith_span){ p, len };
}

static inline void flat_attach(struct message_flat *f, const struct kith_msg_attach *m)
{
	flat_num(f, m->record.p != NULL);
	flat_num(f, m->publish);
	flat_span(f, m->record);
}

static inline void flat_attached(struct message_flat *f, const struct kith_msg_attached *m)
{
	flat_num(f, m->observed.kind);
	flat_num(f, m->observed.addr.family);
	flat_num(f, m->observed.addr.port);
	flat_num(f, (uint64_t)m->unix_ms);
	flat_num(f, m->wait_ms);
	flat_copy(f, m->observed.addr.ip, sizeof m->observed.addr.ip);
}

static inline void flat_help(struct message_flat *f, const struct kith_msg_help *m)
{
	flat_span(f, m->token);
}

static inline void flat_helped(struct message_flat *f, const struct kith_msg_helped *m)
{
	flat_num(f, m->places);
}

static inline void flat_leave(struct message_flat *f, const struct kith_msg_leave *m)
{
	flat_num(f, m->in_ms);
	flat_spans(f, m->hosts);
	flat_spans(f, m->members);
}

static inline void flat_members(struct message_flat *f, const struct kith_msg_members *m)
{
	flat_num(f, m->n);
}

static inline void flat_named(struct message_flat *f, const struct kith_msg_named *m)
{
	flat_spans(f, m->entries);
}

static inline void flat_find(struct message_flat *f, const struct kith_msg_find *m)
{
	flat_copy(f, m->key.b, sizeof m->key.b);
	flat_spans(f, m->nearer);
	flat_num(f, m->members);
	flat_span(f, m->tokens);
}

static inline void flat_found(struct message_flat *f, const struct kith_msg_found *m)
{
	flat_spans(f, m->records);
	flat_spans(f, m->vanished);
	flat_spans(f, m->members);
	flat_span(f, m->doubted);
}

static inline void flat_subscribe(struct message_flat *f, const struct kith_msg_subscribe *m)
{
	flat_spans(f, m->add);
	flat_spans(f, m->drop);
	flat_num(f, m->brief);
	flat_spans(f, m->follow);
}

static inline void flat_notice(struct message_flat *f, const struct kith_msg_notice *m)
{
	flat_spans(f, m->records);
	flat_spans(f, m->vanished);
	flat_num(f, m->has_key);
	flat_copy(f, m->key.b, sizeof m->key.b);
	flat_num(f, m->has_newest);
	flat_copy(f, m->newest, sizeof m->newest);
	flat_num(f, m->newest_seq);
}

static inline void flat_introduce(struct message_flat *f, const struct kith_msg_introduce *m)
{
	flat_copy(f, m->device, sizeof m->device);
	flat_span(f, m->packet);
}

static inline void flat_introduced(struct message_flat *f, const struct kith_msg_introduced *m)
{
	flat_num(f, m->tunnel);
}

static inline void flat_tunnel_close(struct message_flat *f, const struct kith_msg_tunnel_close *m)
{
	flat_num(f, m->in_ms);
	flat_num(f, m->tunnel);
}

static inline void flat_admit(struct message_flat *f, const struct kith_msg_admit *m)
{
	flat_num(f, m->tunnel);
	flat_num(f, m->wish);
	flat_num(f, m->has_who);
	flat_num(f, m->only);
	flat_span(f, m->who);
}

static inline void flat_rekey(struct message_flat *f, const struct kith_msg_rekey *m)
{
	flat_num(f, m->epoch);
	flat_copy(f, m->ephemeral.b, sizeof m->ephemeral.b);
}

static inline void flat_follow(struct message_flat *f, const struct kith_msg_follow *m)
{
	flat_copy(f, m->token, sizeof m->token);
}

static inline void flat_early(struct message_flat *f, const struct kith_msg_early *m)
{
	flat_span(f, m->bytes);
}

static inline void flat_rekeyed(struct message_flat *f, const struct kith_msg_rekeyed *m)
{
	flat_copy(f, m->ephemeral.b, sizeof m->ephemeral.b);
}

static inline void flat_gossip(struct message_flat *f, const struct kith_msg_gossip *m)
{
	flat_num(f, m->salt);
	flat_span(f, m->digests);
	flat_span(f, m->offers);
	flat_span(f, m->wants);
	flat_span(f, m->cursor);
	flat_span(f, m->doubts);
	flat_span(f, m->editions);
	flat_num(f, m->editions_sum);
}

static inline void flat_gossiped(struct message_flat *f, const struct kith_msg_gossiped *m)
{
	flat_num(f, m->salt);
	flat_num(f, m->count);
	flat_span(f, m->digests);
	flat_span(f, m->lists);
	flat_span(f, m->cursor);
	flat_span(f, m->offers);
	flat_span(f, m->doubts);
	flat_span(f, m->editions);
	flat_num(f, m->editions_sum);
	flat_spans(f, m->entries);
}

static inline void flat_list(struct message_flat *f, const struct kith_msg_list *m)
{
	flat_copy(f, m->signer, sizeof m->signer);
	flat_num(f, m->number);
	flat_num(f, m->cert);
}

static inline void flat_held(struct message_flat *f, struct kith_span held)
{
	flat_num(f, held.p != NULL);
	flat_span(f, held);
}

static inline void flat_listed(struct message_flat *f, const struct kith_msg_listed *m)
{
	flat_held(f, m->list);
	flat_held(f, m->cert);
}

static inline void flat_editions(struct message_flat *f, const struct kith_msg_editions *m)
{
	flat_span(f, m->editions);
}

static inline void flat_endpoint(struct message_flat *f, const struct kith_endpoint *e)
{
	flat_num(f, e->kind);
	flat_num(f, e->addr.family);
	flat_num(f, e->addr.port);
	flat_copy(f, e->addr.ip, sizeof e->addr.ip);
}

static inline void flat_attest(struct message_flat *f, const struct kith_msg_attest *m)
{
	flat_num(f, m->ask);
	flat_endpoint(f, &m->endpoint);
	flat_num(f, m->up);
	flat_num(f, m->down);
	flat_held(f, m->held);
}

static inline void flat_asked(struct message_flat *f, const struct kith_msg_asked *m)
{
	flat_num(f, m->witnesses);
}

static inline void flat_witness(struct message_flat *f, const struct kith_msg_witness *m)
{
	flat_copy(f, m->id.b, sizeof m->id.b);
	flat_copy(f, m->device.b, sizeof m->device.b);
	flat_endpoint(f, &m->endpoint);
	flat_num(f, m->up);
	flat_num(f, m->down);
	flat_held(f, m->held);
}

static inline void flat_measure(struct message_flat *f, const struct kith_msg_measure *m)
{
	flat_num(f, m->round);
	flat_num(f, m->send);
	flat_num(f, m->packets);
	flat_num(f, m->rate);
	flat_num(f, m->knock);
}

static inline void flat_measured(struct message_flat *f, const struct kith_msg_measured *m)
{
	flat_held(f, m->got);
	flat_num(f, m->proof);
	flat_num(f, m->knock);
}

static inline void flat_knock(struct message_flat *f, const struct kith_msg_knock *m)
{
	flat_endpoint(f, &m->endpoint);
	flat_num(f, m->name);
	flat_num(f, m->number);
}

static inline void flat_echo(struct message_flat *f, const struct kith_msg_echo *m)
{
	flat_copy(f, m->delays_s, m->n);
	flat_endpoint(f, &m->to);
	flat_num(f, m->number);
}

static inline void flat_echoed(struct message_flat *f, const struct kith_msg_echoed *m)
{
	flat_num(f, m->number);
}

static inline void flat_attested(struct message_flat *f, const struct kith_msg_attested *m)
{
	flat_span(f, m->attest);
}

static inline void flat_nominated(struct message_flat *f, const struct kith_msg_nominated *m)
{
	flat_span(f, m->chain);
	flat_span(f, m->attests);
}

static inline void flat_elected(struct message_flat *f, const struct kith_msg_elected *m)
{
	flat_span(f, m->entry);
}

static inline void message_flatten(const struct message *m, struct message_flat *f)
{
	f->nums = f->spans = f->copies = 0;
	switch (m->kind) {
#define MESSAGE_FLAT(kind)                                                                                             \
	case MESSAGE_##kind:                                                                                           \
		flat_##kind(f, &m->as.kind);                                                                           \
		return;
		MESSAGE_KINDS(MESSAGE_FLAT, MESSAGE_FLAT)
#undef MESSAGE_FLAT
	case MESSAGE_KINDS_N:
		return;
	}
}

static inline bool same_span(struct kith_span a, struct kith_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool message_same(const struct message *a, const struct message *b)
{
	struct message_flat fa, fb;
	message_flatten(a, &fa);
	message_flatten(b, &fb);
	bool same = a->kind == b->kind && fa.nums == fb.nums && fa.spans == fb.spans && fa.copies == fb.copies &&
		    memcmp(fa.num, fb.num, fa.nums * sizeof fa.num[0]) == 0;
	for (size_t i = 0; same && i < fa.spans; i++)
		same = same_span(fa.span[i], fb.span[i]);
	for (size_t i = 0; same && i < fa.copies; i++)
		same = same_span(fa.copied[i], fb.copied[i]);
	return same;
}

/* Whether all that a message borrows lies in the body that it was read from. */
static inline bool message_within(const struct message *m, struct kith_span body)
{
	struct message_flat f;
	message_flatten(m, &f);
	for (size_t i = 0; i < f.spans; i++) {
		struct kith_span s = f.span[i];
		if (s.p == NULL ? s.len > 0
				: s.p < body.p || s.p > body.p + body.len || s.len > (size_t)(body.p + body.len - s.p))
			return false;
	}
	return true;
}

/* Reads a body; when it is accepted, what it says must come back the same after it was written. Returns what reading
 * said. */
static inline int message_check(enum message_kind kind, struct kith_span body)
{
	static uint8_t written[KITH_PACK_LEN_MAX];
	static struct message first, second;
	int err = message_read(&first, kind, body);
	KITH_ASSERT(err == 0 || err == KITH_EPROTO);
	if (err != 0)
		return err;
	KITH_ASSERT(message_within(&first, body));
	size_t len = message_write(written, sizeof written, &first);
	if (len == 0) { /* lists, keys and salts that were left out are written, and may be a few bytes too many */
		KITH_ASSERT(body.len > sizeof written - 32);
		return 0;
	}
	int again = message_read(&second, kind, (struct kith_span){ written, len });
	KITH_ASSERT(again == 0 && message_same(&first, &second));
	return 0;
}

#endif
