/* Revocation lists in a core_world. */
#ifndef KITH_TESTS_LISTS_WORLD_H
#define KITH_TESTS_LISTS_WORLD_H

#include "core_world.h"

#include "identity/certlog.h"
#include "identity/object.h"
#include "identity/params.h"

struct list_of {
	const struct kith_signer *issuer; /* NULL: the root */
	uint64_t number;
	uint64_t serial; /* that it revokes; 0: none */
	size_t ranges; /* more, of serials that nobody has */
	int64_t due_s; /* from the world's begin; 0: a year */
	bool grace; /* the root's: half an hour after that it is too old */
};

/* Signed by signer, whoever the list says signed it. */
static inline struct kith_span list_signed(struct core_world *w, const struct list_of *of,
					   const struct kith_signer *signer, uint8_t out[KITH_REVOCATION_LEN_MAX])
{
	static const uint8_t ext[] = { KITH_EXT_LIST_GRACE, 4, 0, 0, 1800 >> 8, 1800 & 0xff };
	static struct kith_serial_range ranges[KITH_REVOKED_RANGES_MAX];
	struct kith_revocation list = { .signer = of->issuer != NULL ? KITH_REVOKED_BY_ISSUER : KITH_REVOKED_BY_ROOT,
					.number = of->number,
					.issued_s = WORLD_UNIX_MS / 1000,
					.next_update_s =
						WORLD_UNIX_MS / 1000 + (of->due_s != 0 ? of->due_s : 365 * 86400),
					.s.ext = { ext, of->grace ? sizeof ext : 0 } };
	size_t n = 0;
	if (of->serial != 0)
		ranges[n++] = (struct kith_serial_range){ of->serial, of->serial };
	for (size_t i = 0; i < of->ranges; i++)
		ranges[n++] = (struct kith_serial_range){ 1000000 + 2 * i, 1000000 + 2 * i };
	memcpy(list.signer_id, w->pki.network.b, sizeof list.signer_id);
	if (of->issuer != NULL)
		kith_ids_issuer(w->pki.suite, list.signer_id, &of->issuer->pk);
	int len =
		kith_revocation_sign(w->pki.suite, out, KITH_REVOCATION_LEN_MAX, &list, ranges, n, NULL, 0, signer->sk);
	assert_true(len > 0);
	return test_span(out, (size_t)len);
}

/* Given to a node by its operator. */
static inline void list_give(struct core_world *w, int node, const struct list_of *of)
{
	uint8_t buf[KITH_REVOCATION_LEN_MAX];
	struct kith_span list = list_signed(w, of, of->issuer != NULL ? of->issuer : &w->pki.root, buf);
	assert_int_equal(kith_core_revoke(w->nodes[node].core, world_clock(w), list), 0);
	world_drain(w, node);
}

/* A head of the log of the network's issuer: size, a byte of its root, and how long after the world's begin. */
static inline struct kith_span head_signed(struct core_world *w, uint64_t size, uint8_t root, int64_t at_ms,
					   const struct kith_signer *signer, uint8_t out[KITH_CERTLOG_HEAD_LEN_MAX])
{
	struct kith_writer wr = kith_writer_of(out, KITH_CERTLOG_HEAD_LEN_MAX);
	struct kith_certlog_head head = { .size = size, .time_ms = WORLD_UNIX_MS + at_ms, .root = { { root } } };
	kith_ids_issuer(w->pki.suite, head.issuer_id, &w->pki.issuer.pk);
	kith_certlog_head_write(&wr, &head);
	int len = kith_object_sign(w->pki.suite, &wr, KITH_SIGN_LOG_HEAD, signer->sk);
	assert_true(len > 0);
	return test_span(out, (size_t)len);
}

static inline int head_give(struct core_world *w, int node, uint64_t size, uint8_t root, int64_t at_ms)
{
	uint8_t buf[KITH_CERTLOG_HEAD_LEN_MAX];
	int err = kith_core_revoke(w->nodes[node].core, world_clock(w),
				   head_signed(w, size, root, at_ms, &w->pki.issuer, buf));
	world_drain(w, node);
	return err;
}

/* The network's parameters, given to a node by its operator. */
static inline int params_give(struct core_world *w, int node, uint64_t number, enum kith_eligible eligible,
			      const struct kith_signer *signer)
{
	uint8_t buf[KITH_PARAMS_LEN_MAX];
	struct kith_params p = { .number = number, .issued_s = WORLD_UNIX_MS / 1000, .eligible = (uint8_t)eligible };
	memcpy(p.network, w->pki.network.b, sizeof p.network);
	int len = kith_params_sign(w->pki.suite, buf, &p, signer->sk);
	assert_true(len > 0);
	int err = kith_core_revoke(w->nodes[node].core, world_clock(w), test_span(buf, (size_t)len));
	world_drain(w, node);
	return err;
}

/* How many nodes hold a head of that size; and how many hold the proof that there are two logs. */
static inline int head_holders(struct core_world *w, uint64_t size)
{
	int n = 0;
	for (int i = 0; i < w->n; i++) {
		struct kith_log_info log;
		struct kith_certlog_head head;
		if (kith_core_logs(w->nodes[i].core, &log, 1) == 1 && kith_certlog_head_parse(&head, log.head) == 0)
			n += head.size == size;
	}
	return n;
}

static inline int fork_holders(struct core_world *w)
{
	int n = 0;
	for (int i = 0; i < w->n; i++) {
		struct kith_log_info log;
		n += kith_core_logs(w->nodes[i].core, &log, 1) == 1 && log.forked[0].len > 0 && log.forked[1].len > 0;
	}
	return n;
}

/* The number of the newest list that a node has of a signer (NULL: the root). */
static inline uint64_t list_number(const struct core_world *w, int node, const struct kith_signer *issuer)
{
	const struct kith_core *c = w->nodes[node].core;
	struct kith_trust_list l;
	uint8_t id[KITH_ISSUER_ID_LEN];
	memcpy(id, w->pki.network.b, sizeof id);
	if (issuer != NULL)
		kith_ids_issuer(w->pki.suite, id, &issuer->pk);
	return kith_trust_list_of(&c->trust, &c->now, id, &l) ? l.number : 0;
}

static inline int list_holders(const struct core_world *w, int from, int to, const struct kith_signer *issuer,
			       uint64_t number)
{
	int n = 0;
	for (int i = from; i < to; i++)
		n += list_number(w, i, issuer) == number;
	return n;
}

/* The session of a node with another one. */
static inline struct kith_session *list_session(struct core_world *w, int node, int with)
{
	struct kith_session *s = kith_sessions_of(&w->nodes[node].core->sessions, w->nodes[with].id.device_dh.b);
	assert_non_null(s);
	return s;
}

#endif
