/* One side of a punch, whose packets are looked at and whose peer is the test. */
#ifndef KITH_TEST_PUNCH_SIDE_H
#define KITH_TEST_PUNCH_SIDE_H

#include "support.h"

#include "path/punch.h"
#include "path/transports.h"

#define MS ((kith_time_us)1000)
#define S ((kith_time_us)1000000)

enum { MUCH = 100000 }; /* bytes heard, that pay for more than any limit allows */

struct side {
	struct kith_punch punch;
	struct kith_punch_view view;
	struct kith_path_env env;
	struct kith_outbox outbox;
	struct kith_journal *journal;
	struct test_alloc alloc;
	struct test_random random;
	struct kith_stats stats;
};

static inline bool adopt_none(struct kith_pathset *ps, const struct kith_hop *hop)
{
	(void)ps;
	(void)hop;
	return false;
}

static struct kith_transport_kept sockets[] = {
	{ .id = 1, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4, .up = true },
	{ .id = 2, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V6, .up = true },
};
static const struct kith_transports all = { .at = sockets, .n = 2, .cap = 2 };

static inline struct side *side_new(bool initiator)
{
	struct side *s = calloc(1, sizeof *s);
	assert_non_null(s);
	test_alloc_init(&s->alloc);
	test_random_init(&s->random, 7);
	assert_int_equal(kith_outbox_init(&s->outbox, &s->alloc.alloc, 300), 0);
	kith_outbox_claim(&s->outbox, s, &s->stats);
	s->env = (struct kith_path_env){ .now = 1000 * S,
					 .outbox = &s->outbox,
					 .random = &s->random.random,
					 .alloc = &s->alloc.alloc,
					 .stats = &s->stats,
					 .transports = &all };
	s->view = (struct kith_punch_view){ .env = &s->env,
					    .journal = &s->journal,
					    .initiator = initiator,
					    .allowed = true,
					    .consent = true,
					    .used = true,
					    .adopt = adopt_none };
	kith_punch_init(&s->punch, KITH_UDP_PAYLOAD);
	return s;
}

static inline void side_free(struct side *s)
{
	kith_journal_free(&s->journal, &s->alloc.alloc);
	kith_outbox_deinit(&s->outbox);
	test_alloc_check(&s->alloc);
	free(s);
}

/* What left since the last look. */
struct sent {
	unsigned candidates, punches, openers, probes;
	unsigned n_candidates; /* in the last CANDIDATES */
	uint8_t round, generation, ttl;
	uint16_t sockets; /* in the last PUNCH */
	uint16_t transport; /* of the last probe, which went to last */
	struct kith_addr last;
};

static inline struct sent look(struct side *s)
{
	struct sent out = { 0 };
	struct kith_open_packet *p;
	while ((p = kith_outbox_next_open(&s->outbox)) != NULL) {
		struct kith_reader r = kith_reader_of(p->frames, p->len);
		struct kith_frame f;
		while (kith_frame_next(&r, &f)) {
			struct kith_candidates cs;
			if (f.type == KITH_FRAME_CANDIDATES) {
				assert_false(p->pinned);
				assert_int_equal(kith_candidates_read(&cs, f.body), 0);
				out.candidates++;
				out.n_candidates = cs.n;
			} else if (f.type == KITH_FRAME_PUNCH) {
				out.punches++;
				out.round = f.body.p[0];
				out.generation = f.body.p[1];
				out.sockets = f.body.len > 2 ? (uint16_t)(f.body.p[2] << 8 | f.body.p[3]) : 0;
				assert_int_equal(f.body.len, KITH_PUNCH_PADDED);
			} else {
				assert_int_equal(f.type, KITH_FRAME_PROBE);
				assert_true(p->pinned && p->hop.tunnel == 0);
				/* what gets through is paid for; what dies on its way need not be */
				assert_true(f.body.len == KITH_PROBE_PADDED ||
					    (p->ttl != 0 && f.body.len == KITH_PROBE_BODY));
				out.probes += p->ttl == 0;
				out.openers += p->ttl != 0;
				if (p->ttl != 0)
					out.ttl = p->ttl;
				out.last = p->hop.remote;
				out.transport = p->hop.transport;
			}
		}
	}
	struct kith_packet none;
	assert_int_equal(kith_outbox_poll(&s->outbox, &none, 1), 0);
	return out;
}

static inline void offer(struct side *s, const char *addr, uint8_t hops)
{
	struct kith_candidate c = { .kind = KITH_ADDR_OBSERVED, .transport = 1 };
	c.at.kind = KITH_TRANSPORT_UDP;
	assert_int_equal(kith_addr_parse(&c.at.addr, addr), 0);
	struct kith_natclass nat = { .hops = hops };
	kith_punch_offer(&s->punch, &s->view, &c, 1, &nat);
}

static inline void hear_candidates(struct side *s, uint8_t generation, const char *const addrs[], unsigned n)
{
	struct kith_candidates cs = { .generation = generation, .n = (uint8_t)n };
	uint8_t buf[KITH_CANDIDATES_BODY_MAX];
	for (unsigned i = 0; i < n; i++) {
		cs.list[i].kind = KITH_ADDR_OBSERVED;
		cs.list[i].at.kind = KITH_TRANSPORT_UDP;
		assert_int_equal(kith_addr_parse(&cs.list[i].at.addr, addrs[i]), 0);
	}
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_candidates_write(&w, &cs);
	const struct kith_candidates *known = &s->punch.theirs;
	int others = known->n > 0 && (known->generation != generation || known->n != n);
	assert_int_equal(kith_punch_on_candidates(&s->punch, &s->view, test_span(buf, kith_writer_len(&w))), others);
}

static inline void hear_punch(struct side *s, uint8_t round, uint8_t generation)
{
	uint8_t body[2] = { round, generation };
	kith_punch_heard(&s->punch, KITH_PUNCH_PADDED);
	assert_int_equal(kith_punch_on_punch(&s->punch, &s->view, test_span(body, 2)), 0);
}

static inline void run_until(struct side *s, kith_time_us at)
{
	while (s->punch.next_at <= at) {
		kith_time_us before = s->punch.next_at;
		if (before > s->env.now)
			s->env.now = before;
		kith_punch_tick(&s->punch, &s->view);
		assert_true(s->punch.next_at > s->env.now);
	}
	s->env.now = at;
}

/* A peer of that class, seen at one address, which predicts another if next is not NULL. */
static inline void hear_class(struct side *s, uint8_t generation, const struct kith_natclass *nat, const char *seen,
			      const char *next)
{
	struct kith_candidates cs = { .generation = generation, .n = next != NULL ? 2 : 1, .nat = *nat };
	uint8_t buf[KITH_CANDIDATES_BODY_MAX];
	for (unsigned i = 0; i < cs.n; i++) {
		cs.list[i].kind = i == 0 ? KITH_ADDR_OBSERVED : KITH_ADDR_PREDICTED;
		cs.list[i].at.kind = KITH_TRANSPORT_UDP;
		assert_int_equal(kith_addr_parse(&cs.list[i].at.addr, i == 0 ? seen : next), 0);
	}
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_candidates_write(&w, &cs);
	assert_true(kith_punch_on_candidates(&s->punch, &s->view, test_span(buf, kith_writer_len(&w))) >= 0);
}

#endif
