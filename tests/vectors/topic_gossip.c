/* Exchanges of gossip (PROTOCOL.md section 11): every body that two supernodes with different tables send each other. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "overlay/gossip.h"
#include "ring_world.h"
#include "topics.h"
#include "wire/message_gossip.h"

/* Of 16 children of the whole range one is larger than a list, so that its digest is sent. */
static const struct kith_gossip_to stranger = { .partner = KITH_MEMBERS_STRANGER };
static const struct kith_gossip_to whole = { .partner = KITH_MEMBERS_STRANGER, .digests = true };

enum { CROWD = 50, CROWD_DIGIT = 0xa, OTHERS = 6, NODES = CROWD + OTHERS };

struct pair {
	struct ring_world r;
	struct kith_members asker, answerer;
	struct vec_random random;
	uint8_t request[KITH_GOSSIP_REQUEST_MAX];
	size_t request_len;
	unsigned step;
};

/* The answerer has all. The asker lacks one of the crowd and one of the others, and has an older entry of another and a
 * newer one of a fourth. */
static void fill(struct pair *p)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct person node;
		ring_node(&p->r, &node, i, i, i < CROWD ? CROWD_DIGIT : -1);
		ring_join(&p->r, &p->answerer, &node, i == 1 ? 5 : 0, false);
		if (i != 0 && i != CROWD)
			ring_join(&p->r, &p->asker, &node, i == CROWD + 1 ? 9 : 0, i == CROWD + 2);
	}
}

static void put_tables(const struct pair *p, json_t *in)
{
	vec_bytes(in, "root", p->r.w.root.pk.b, KITH_KEY_LEN);
	vec_number(in, "now_ms", WORLD_NOW_MS);
	ring_put(&p->asker, vec_list(in, "asker"));
	ring_put(&p->answerer, vec_list(in, "answerer"));
}

static uint64_t salt_of(struct kith_span body)
{
	struct kith_msg_gossip m;
	VEC_REQUIRE(kith_msg_gossip_read(&m, body) == 0);
	return m.salt;
}

/* One request, its answer, and what the asker sends then. False when nothing follows. */
static bool step(struct vec_topic *topic, struct pair *p)
{
	static const char *const shows[] = {
		"The asker compares the whole range: a digest of depth 0.",
		"The asker goes on with what differed: a digest of depth 1, offers and wants.",
		"Deeper, and what is wanted.",
	};
	char name[64];
	uint8_t answer[KITH_ANSWER_MAX];
	struct kith_gossip_result there, here;
	const struct kith_now *now = &p->r.w.now;
	snprintf(name, sizeof name, "exchange, request %u", p->step + 1);
	struct vec v = vec_begin(topic, name, "11", shows[p->step < 2 ? p->step : 2]);
	vec_covers(&v, "request", "GOSSIP");
	if (p->step == 0)
		put_tables(p, v.in);
	vec_bytes(v.out, "body", p->request, p->request_len);
	vec_end(&v);

	int n = kith_gossip_answer(&p->answerer, now, &stranger, vec_span_of(p->request, p->request_len), answer,
				   sizeof answer, &there);
	VEC_REQUIRE(n > 0);
	snprintf(name, sizeof name, "exchange, answer %u", p->step + 1);
	v = vec_begin(topic, name, "11", "Lists of small children that differ, digests of large ones, entries wanted.");
	vec_covers(&v, "answer", "GOSSIP");
	vec_bytes(v.out, "body", answer, (size_t)n);
	if (there.follow_len > 0)
		vec_bytes(v.out, "own_request", there.follow, there.follow_len);
	vec_end(&v);

	VEC_REQUIRE(kith_gossip_answered(&p->asker, now, KITH_MEMBERS_STRANGER, vec_span_of(answer, (size_t)n),
					 &here) == 0);
	VEC_REQUIRE(here.refused == 0);
	memcpy(p->request, here.follow, here.follow_len);
	p->request_len = here.follow_len;
	p->step++;
	return here.follow_len > 0;
}

static void news_only(struct vec_topic *topic, struct pair *p)
{
	struct person node;
	struct kith_members ms;
	uint8_t body[KITH_GOSSIP_REQUEST_MAX];
	ring_table(&p->r, &ms);
	ring_node(&p->r, &node, NODES, NODES, -1);
	ring_join(&p->r, &ms, &node, 0, false);
	struct vec v = vec_begin(topic, "news", "11", "A request without digests: one entry is offered.");
	vec_covers(&v, "request", "GOSSIP");
	ring_put(&ms, vec_list(v.in, "asker"));
	size_t len = kith_gossip_request(&ms, &p->r.w.now, &p->random.random, &stranger, body);
	vec_u64(v.in, "salt", salt_of(vec_span_of(body, len)));
	vec_bytes(v.out, "body", body, len);
	vec_end(&v);
	kith_members_deinit(&ms);
}

/* Posted things beside news: what is told, and the sum of all. */
static void editions(struct vec_topic *topic, struct pair *p)
{
	static const uint64_t numbers[] = { 7, UINT64_C(0x0102030405060708) };
	struct kith_members ms;
	struct kith_gossip_to to = { .partner = KITH_MEMBERS_STRANGER, .editions_sum = KITH_EDITIONS_NONE };
	uint8_t body[KITH_GOSSIP_REQUEST_MAX], signers[2][KITH_ISSUER_ID_LEN], digest[32],
		told[2 * KITH_EDITION_LEN + KITH_EDITION_LEN_MAX];
	struct kith_writer w = kith_writer_of(told, sizeof told);
	struct vec v =
		vec_begin(topic, "editions", "11.2",
			  "The root's list, an issuer's, and the head of that one's log are told of, and are all "
			  "that there are.");
	vec_covers(&v, "request", "GOSSIP");
	memcpy(signers[0], p->r.w.network.b, KITH_ISSUER_ID_LEN);
	kith_ids_issuer(p->r.w.suite, signers[1], &p->r.w.issuer.pk);
	json_t *list = vec_list(v.in, "held");
	for (size_t i = 0; i < 2; i++) {
		json_t *item = vec_item(list);
		vec_bytes(item, "signer", signers[i], KITH_ISSUER_ID_LEN);
		vec_u64(item, "number", numbers[i]);
		const struct kith_edition e = { KITH_POSTED_LIST, signers[i], numbers[i], NULL };
		kith_edition_write(&w, &e);
		to.editions_sum = kith_editions_mix(to.editions_sum, &e);
	}
	struct kith_edition head = { KITH_POSTED_HEAD, signers[1], WORLD_NOW_MS, digest };
	vec_seed(digest, "head");
	vec_u64(v.in, "time", WORLD_NOW_MS);
	vec_bytes(v.in, "digest", digest, KITH_POSTED_DIGEST_LEN);
	kith_edition_write(&w, &head);
	to.editions_sum = kith_editions_mix(to.editions_sum, &head);
	to.editions = vec_span_of(told, kith_writer_len(&w));
	ring_table(&p->r, &ms);
	size_t len = kith_gossip_request(&ms, &p->r.w.now, &p->random.random, &to, body);
	vec_u64(v.in, "salt", salt_of(vec_span_of(body, len)));
	vec_u64(v.mid, "sum", to.editions_sum);
	vec_bytes(v.out, "body", body, len);
	vec_end(&v);
	kith_members_deinit(&ms);
}

static void refused(struct vec_topic *topic, struct pair *p)
{
	static const struct {
		const char *name, *shows, *why;
		uint8_t bytes[12];
		size_t len;
	} cases[] = {
		{ "half an offer",
		  "Key 2 has 3 bytes.",
		  "offers are 24 bytes each",
		  { 0x82, 0, 1, 2, 0xc4, 3, 1, 2, 3 },
		  9 },
		{ "half an edition",
		  "Key 6 has 3 bytes.",
		  "an edition has 17 or 33 bytes",
		  { 0x82, 0, 1, 6, 0xc4, 3, 1, 2, 3 },
		  9 },
		{ "a list instead of a map", "The body is an array.", "a body is a map", { 0x90 }, 1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t answer[KITH_ANSWER_MAX];
		struct kith_gossip_result result;
		struct vec v = vec_begin(topic, cases[i].name, "11", cases[i].shows);
		vec_bytes(v.in, "body", cases[i].bytes, cases[i].len);
		vec_refused(&v,
			    kith_gossip_answer(&p->answerer, &p->r.w.now, &stranger,
					       vec_span_of(cases[i].bytes, cases[i].len), answer, sizeof answer,
					       &result),
			    cases[i].why);
		vec_end(&v);
	}
}

void topic_gossip(struct vec_topic *topic)
{
	struct pair *p = KITH_NEW(vec_alloc(), struct pair);
	ring_init(&p->r);
	ring_table(&p->r, &p->asker);
	ring_table(&p->r, &p->answerer);
	vec_random_init(&p->random, "gossip");
	fill(p);
	memset(p->asker.recent, 0, sizeof p->asker.recent); /* told long ago: only digests find what is missing */
	memset(p->answerer.recent, 0, sizeof p->answerer.recent);
	p->request_len = kith_gossip_request(&p->asker, &p->r.w.now, &p->random.random, &whole, p->request);
	while (step(topic, p))
		VEC_REQUIRE(p->step < 9);
	news_only(topic, p);
	editions(topic, p);
	refused(topic, p);
	kith_members_deinit(&p->asker);
	kith_members_deinit(&p->answerer);
	ring_deinit(&p->r);
	KITH_FREE(vec_alloc(), p);
}
