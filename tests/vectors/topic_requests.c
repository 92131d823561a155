/* Requests and answers (PROTOCOL.md section 6): each kind once, as the frames that carry it, with bodies written by
 * wire/message. */
#include "identity/challenge.h"
#include "identity/revocation.h"
#include "requests.h"
#include "wire/message_gossip.h"
#include "wire/message_list.h"

/* ---- homes ---- */

static void attach(struct vec_topic *topic, const struct cast *c)
{
	struct draft d = begin(topic, "attach, first", "Inside the HELLO: an empty map.", "ATTACH", KITH_REQ_ATTACH);
	(void)(d.fields = vec_list(d.v.in, "fields"));
	end(&d, kith_msg_attach_write(d.body, sizeof d.body, &(struct kith_msg_attach){ .publish = false }));

	const struct kith_msg_attach m = { .record = c->record, .publish = true };
	d = begin(topic, "attach", "With the leaf's record, which this home is to publish.", "ATTACH", KITH_REQ_ATTACH);
	field_bytes(&d, KITH_B_ATTACH_RECORD, m.record);
	json_t *publish = field(&d, KITH_B_ATTACH_PUBLISH, "bool");
	vec_bool(publish, "value", true);
	end(&d, kith_msg_attach_write(d.body, sizeof d.body, &m));

	uint8_t observed[KITH_ENDPOINT_LEN_MAX];
	struct kith_writer w = kith_writer_of(observed, sizeof observed);
	const struct kith_msg_attached a = { .observed = world_endpoint("203.0.113.9:40000", KITH_TRANSPORT_UDP),
					     .unix_ms = WORLD_NOW_MS,
					     .wait_ms = 7000 };
	kith_endpoint_write(&w, &a.observed);
	d = begin_answer(topic, "attached", "The leaf as seen, the time, and within which time to look for more homes.",
			 "ATTACH", KITH_STATUS_OK);
	field_bytes(&d, KITH_B_ATTACHED_OBSERVED, vec_span_of(observed, kith_writer_len(&w)));
	field_uint(&d, KITH_B_ATTACHED_UNIX_MS, (uint64_t)a.unix_ms);
	field_uint(&d, KITH_B_ATTACHED_WAIT_MS, a.wait_ms);
	end(&d, kith_msg_attached_write(d.body, sizeof d.body, &a));
}

static void leave(struct vec_topic *topic, const struct cast *c)
{
	const struct kith_msg_leave m = { .in_ms = 60000, .members = { &c->entry, 1 } };
	struct draft d = begin(topic, "leave", "The home goes in a minute; use this one.", "LEAVE", KITH_REQ_LEAVE);
	field_uint(&d, KITH_B_LEAVE_MS, m.in_ms);
	field_list(&d, KITH_B_LEAVE_MEMBERS, m.members);
	end(&d, kith_msg_leave_write(d.body, sizeof d.body, &m));
	bare_answer(topic, "answer to leave", "LEAVE", KITH_STATUS_OK);
	const struct kith_msg_leave one = { .hosts = { c->hosts, 1 } };
	d = begin(topic, "move", "The home has too much to do; take this one in its place.", "MOVE", KITH_REQ_MOVE);
	field_uint(&d, KITH_B_LEAVE_MS, one.in_ms);
	field_list(&d, KITH_B_LEAVE_HOSTS, one.hosts);
	end(&d, kith_msg_leave_write(d.body, sizeof d.body, &one));
	bare_answer(topic, "answer to move", "MOVE", KITH_STATUS_OK);
	const struct kith_msg_help help = { .token = vec_span_of(c->prefix[0], sizeof c->prefix[0]) };
	d = begin(topic, "help", "Can you help me out? Here is some token.", "HELP", KITH_REQ_HELP);
	field_bytes(&d, KITH_B_HELP_TOKEN, help.token);
	end(&d, kith_msg_help_write(d.body, sizeof d.body, &help));
	const struct kith_msg_helped helped = { .places = 1000 };
	d = begin_answer(topic, "helped", "It will, and takes a thousand leaves for now.", "HELP", KITH_STATUS_OK);
	field_uint(&d, KITH_B_HELPED_PLACES, helped.places);
	end(&d, kith_msg_helped_write(d.body, sizeof d.body, &helped));
}

static void members(struct vec_topic *topic, const struct cast *c)
{
	const struct kith_msg_members m = { .n = 3 };
	struct draft d = begin(topic, "members", "Name me three supernodes.", "MEMBERS", KITH_REQ_MEMBERS);
	field_uint(&d, KITH_B_MEMBERS_N, m.n);
	end(&d, kith_msg_members_write(d.body, sizeof d.body, &m));
	const struct kith_msg_named a = { .entries = { &c->entry, 1 } };
	d = begin_answer(topic, "answer to members", "There is one, by its own entry.", "MEMBERS", KITH_STATUS_OK);
	field_list(&d, KITH_B_MEMBERS_ENTRIES, a.entries);
	end(&d, kith_msg_named_write(d.body, sizeof d.body, &a));
}

/* ---- the directory ---- */

static void find(struct vec_topic *topic, const struct cast *c, const char *name, const char *kind_name, uint8_t kind)
{
	struct kith_span nearer[2] = { vec_span_of(c->prefix[0], sizeof c->prefix[0]),
				       vec_span_of(c->prefix[1], sizeof c->prefix[1]) };
	bool lookup = kind == KITH_REQ_LOOKUP, watch = kind == KITH_REQ_WATCH;
	uint8_t token[KITH_FOLLOW_LEN];
	kith_follow_token(c->w.suite, token, c->alice.device.sign.sk, 0);
	const struct kith_msg_find m = { .key = c->key,
					 .nearer = { lookup ? NULL : nearer, lookup ? 0 : 2 },
					 .members = lookup ? 2 : 0,
					 .tokens = vec_span_of(watch ? token : NULL, watch ? sizeof token : 0) };
	struct draft d = begin(topic, name,
			       lookup ? "A leaf asks its home for records of a name."
				      : "With the replicas that the asker knows, by the first halves of their ids.",
			       kind_name, kind);
	field_bytes(&d, KITH_B_FIND_KEY, vec_span_of(c->key.b, KITH_ID_LEN));
	if (!lookup)
		field_list(&d, KITH_B_FIND_NEARER, m.nearer);
	else
		field_uint(&d, KITH_B_FIND_MEMBERS, m.members);
	if (watch)
		field_bytes(&d, KITH_B_FIND_TOKENS, m.tokens);
	end(&d, kith_msg_find_write(d.body, sizeof d.body, &m));
}

static void found(struct vec_topic *topic, const struct cast *c, const char *name, const char *kind_name, bool members)
{
	static const uint8_t doubted = 2;
	const struct kith_msg_found m = { .records = { &c->record, 1 },
					  .vanished = { &c->vanish, 1 },
					  .members = { members ? &c->entry : NULL, members },
					  .doubted = { &doubted, !members } };
	struct draft d =
		begin_answer(topic, name,
			     members ? "A record, a report about it and a replica that was not named: two fragments."
				     : "A record, of whose homes the second is doubted, and a report about it.",
			     kind_name, KITH_STATUS_OK);
	field_list(&d, KITH_B_FOUND_RECORDS, m.records);
	field_list(&d, KITH_B_FOUND_VANISHED, m.vanished);
	if (members)
		field_list(&d, KITH_B_FOUND_MEMBERS, m.members);
	else
		field_bytes(&d, KITH_B_FOUND_DOUBTED, m.doubted);
	end(&d, kith_msg_found_write(d.body, sizeof d.body, &m));
}

static void finds(struct vec_topic *topic, const struct cast *c)
{
	find(topic, c, "lookup", "LOOKUP", KITH_REQ_LOOKUP);
	found(topic, c, "answer to lookup", "LOOKUP", false);
	bare_answer(topic, "answer to lookup, limited", "LOOKUP", KITH_STATUS_LIMITED);
	find(topic, c, "find", "FIND", KITH_REQ_FIND);
	found(topic, c, "answer to find", "FIND", true);
	find(topic, c, "watch", "WATCH", KITH_REQ_WATCH);
	found(topic, c, "answer to watch", "WATCH", true);
}

static void subscribe(struct vec_topic *topic, const struct cast *c)
{
	struct kith_id other;
	kith_ids_directory(c->w.suite, &other, &c->w.network, "bob");
	struct kith_span keys[2] = { vec_span_of(c->key.b, KITH_ID_LEN), vec_span_of(other.b, KITH_ID_LEN) };
	uint8_t bytes[KITH_ID_LEN + KITH_FOLLOW_LEN] = { 0xb0, 0xb };
	kith_follow_token(c->w.suite, bytes + KITH_ID_LEN, c->bob.device.sign.sk, 0);
	const struct kith_span follow = vec_span_of(bytes, sizeof bytes);
	static const char *const texts[][2] = {
		{ "subscribe", "Two names are watched from now on." },
		{ "subscribe, drop", "One name is not watched any more, another one is, with a token." },
		{ "subscribe, brief", "One is, of whose news the records are left out." }
	};
	for (unsigned i = 0; i < 3; i++) {
		const struct kith_spans list = { keys, i == 0 ? 2 : 1 };
		struct kith_msg_subscribe m = { .follow = { &follow, i == 1 }, .brief = i == 2 };
		*(i == 1 ? &m.drop : &m.add) = list;
		struct draft d = begin(topic, texts[i][0], texts[i][1], "SUBSCRIBE", KITH_REQ_SUBSCRIBE);
		field_list(&d, i == 1 ? KITH_B_SUBSCRIBE_DROP : KITH_B_SUBSCRIBE_ADD, list);
		if (m.brief)
			field_bool(&d, KITH_B_SUBSCRIBE_BRIEF, true);
		if (m.follow.n > 0)
			field_list(&d, KITH_B_SUBSCRIBE_FOLLOW, m.follow);
		end(&d, kith_msg_subscribe_write(d.body, sizeof d.body, &m));
	}
	bare_answer(topic, "answer to subscribe", "SUBSCRIBE", KITH_STATUS_OK);
}

static void notice(struct vec_topic *topic, const struct cast *c, const char *kind_name, uint8_t kind)
{
	bool vanished = kind == KITH_REQ_VANISH, notify = kind == KITH_REQ_NOTIFY;
	const struct kith_spans list = { vanished ? &c->vanish : &c->record, 1 };
	struct kith_msg_notice m = { .has_key = notify, .key = c->key };
	struct draft d = begin(topic,
			       notify	  ? "notify"
			       : vanished ? "vanish"
					  : "store",
			       notify	  ? "News of a name, to whoever watches it."
			       : vanished ? "A home brings a report to a replica."
					  : "A home brings a record to a replica.",
			       kind_name, kind);
	if (vanished)
		m.vanished = list;
	else
		m.records = list;
	field_list(&d, vanished ? KITH_B_NOTICE_VANISHED : KITH_B_NOTICE_RECORDS, list);
	if (notify)
		field_bytes(&d, KITH_B_NOTICE_KEY, vec_span_of(c->key.b, KITH_ID_LEN));
	end(&d, kith_msg_notice_write(d.body, sizeof d.body, &m));
}

static void brief_notice(struct vec_topic *topic, const struct cast *c)
{
	uint8_t newest[KITH_NEWEST_LEN];
	struct kith_msg_notice m = { .has_key = true, .key = c->key, .has_newest = true };
	m.newest_seq = UINT64_C(1800001440000);
	memcpy(m.newest, c->bob.device.dh_pk.b, sizeof m.newest);
	struct kith_writer w = kith_writer_of(newest, sizeof newest);
	kith_write_bytes(&w, m.newest, sizeof m.newest);
	kith_write_u64(&w, m.newest_seq);
	struct draft d =
		begin(topic, "notify, brief", "The same, to a leaf that wants no records.", "NOTIFY", KITH_REQ_NOTIFY);
	field_bytes(&d, KITH_B_NOTICE_KEY, vec_span_of(c->key.b, KITH_ID_LEN));
	field_bytes(&d, KITH_B_NOTICE_NEWEST, vec_span_of(newest, sizeof newest));
	end(&d, kith_msg_notice_write(d.body, sizeof d.body, &m));
}

static void notices(struct vec_topic *topic, const struct cast *c)
{
	notice(topic, c, "STORE", KITH_REQ_STORE);
	bare_answer(topic, "answer to store, not allowed", "STORE", KITH_STATUS_NOT_ALLOWED);
	notice(topic, c, "VANISH", KITH_REQ_VANISH);
	bare_answer(topic, "answer to vanish", "VANISH", KITH_STATUS_OK);
	notice(topic, c, "NOTIFY", KITH_REQ_NOTIFY);
	brief_notice(topic, c);
	bare_answer(topic, "answer to notify", "NOTIFY", KITH_STATUS_OK);
}

/* ---- tunnels ---- */

static void admit(struct vec_topic *topic, uint64_t tunnel)
{
	static const uint8_t who[] = { 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18 };
	struct kith_msg_admit m = { .tunnel = tunnel, .wish = 2 };
	struct draft d =
		begin(topic, "admit, a tunnel", "All that comes through it is wanted.", "ADMIT", KITH_REQ_ADMIT);
	field_uint(&d, KITH_B_ADMIT_TUNNEL, tunnel);
	field_uint(&d, KITH_B_ADMIT_WISH, m.wish);
	end(&d, kith_msg_admit_write(d.body, sizeof d.body, &m));
	m = (struct kith_msg_admit){ .has_who = true, .who = { who, sizeof who } };
	d = begin(topic, "admit, callers", "Two that may not call.", "ADMIT", KITH_REQ_ADMIT);
	field_bytes(&d, KITH_B_ADMIT_WHO, m.who);
	field_bool(&d, KITH_B_ADMIT_ONLY, false);
	end(&d, kith_msg_admit_write(d.body, sizeof d.body, &m));
	bare_answer(topic, "answer to admit", "ADMIT", KITH_STATUS_OK);
}

static void introduce(struct vec_topic *topic, const struct cast *c)
{
	static const uint8_t packet[] = { 0xe8, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0xaa, 0xbb };
	struct kith_msg_introduce m = { .packet = { packet, sizeof packet } };
	const uint64_t tunnel = UINT64_C(0x0011223344556677);
	memcpy(m.device, c->bob.device.dh_pk.b, sizeof m.device);
	struct draft d =
		begin(topic, "introduce", "A tunnel to Bob's device, and a packet to pass on (cut short here).",
		      "INTRODUCE", KITH_REQ_INTRODUCE);
	field_bytes(&d, KITH_B_INTRO_DEVICE, vec_span_of(m.device, sizeof m.device));
	field_bytes(&d, KITH_B_INTRO_PACKET, m.packet);
	end(&d, kith_msg_introduce_write(d.body, sizeof d.body, &m));
	d = begin_answer(topic, "introduced", "The asker's leg.", "INTRODUCE", KITH_STATUS_OK);
	field_uint(&d, KITH_B_INTRODUCED_TUNNEL, tunnel);
	end(&d, kith_msg_introduced_write(d.body, sizeof d.body, &(struct kith_msg_introduced){ tunnel }));
	d = begin_answer(topic, "introduced, the supernode itself", "An empty map: it answers by itself.", "INTRODUCE",
			 KITH_STATUS_OK);
	d.fields = vec_list(d.v.in, "fields");
	end(&d, kith_msg_introduced_write(d.body, sizeof d.body, &(struct kith_msg_introduced){ 0 }));

	const struct kith_msg_tunnel_close close = { .in_ms = 60000, .tunnel = tunnel };
	d = begin(topic, "tunnel close", "It ends in a minute.", "TUNNEL_CLOSE", KITH_REQ_TUNNEL_CLOSE);
	field_uint(&d, KITH_B_LEAVE_MS, close.in_ms);
	field_uint(&d, KITH_B_LEAVE_TUNNEL, close.tunnel);
	end(&d, kith_msg_tunnel_close_write(d.body, sizeof d.body, &close));
	bare_answer(topic, "answer to tunnel close", "TUNNEL_CLOSE", KITH_STATUS_OK);
	admit(topic, tunnel);
}

/* ---- the others ---- */

static void gossip(struct vec_topic *topic, const struct cast *c)
{
	uint8_t offers[KITH_GOSSIP_OFFER_LEN];
	struct kith_writer w = kith_writer_of(offers, sizeof offers);
	kith_gossip_offer_write(&w, c->prefix[0], (uint64_t)WORLD_NOW_MS);
	const struct kith_msg_gossip m = { .salt = UINT64_C(0x0123456789abcdef),
					   .offers = { offers, sizeof offers },
					   .wants = { c->prefix[1], sizeof c->prefix[1] } };
	struct draft d = begin(topic, "gossip", "One is offered, one is wanted. More is in gossip.json.", "GOSSIP",
			       KITH_REQ_GOSSIP);
	field_uint(&d, KITH_B_GOSSIP_SALT, m.salt);
	field_bytes(&d, KITH_B_GOSSIP_OFFERS, m.offers);
	field_bytes(&d, KITH_B_GOSSIP_WANTS, m.wants);
	end(&d, kith_msg_gossip_write(d.body, sizeof d.body, &m));

	const struct kith_msg_gossiped a = { .salt = m.salt, .entries = { &c->entry, 1 }, .count = 2 };
	d = begin_answer(topic, "gossiped", "The entry that was wanted, of two that are held.", "GOSSIP",
			 KITH_STATUS_OK);
	field_uint(&d, KITH_B_GOSSIPED_SALT, a.salt);
	field_list(&d, KITH_B_GOSSIPED_ENTRIES, a.entries);
	field_uint(&d, KITH_B_GOSSIPED_COUNT, a.count);
	end(&d, kith_msg_gossiped_write(d.body, sizeof d.body, &a));
}

static void lists(struct vec_topic *topic, const struct cast *c)
{
	const struct world *w = &c->w;
	uint8_t bytes[256], editions[2 * KITH_EDITION_LEN];
	struct kith_revocation list = { .signer = KITH_REVOKED_BY_ISSUER,
					.number = 7,
					.issued_s = WORLD_NOW_MS / 1000 - 60,
					.next_update_s = WORLD_NOW_MS / 1000 + 86400 };
	struct kith_msg_list m = { .number = 6 };
	kith_ids_issuer(w->suite, m.signer, &w->issuer.pk);
	memcpy(list.signer_id, m.signer, sizeof m.signer);
	int len = kith_revocation_sign(w->suite, bytes, sizeof bytes, &list, NULL, 0, &c->bob.identity.pk, 1,
				       w->issuer.sk);
	VEC_REQUIRE(len > 0);
	const struct kith_span signer = { m.signer, sizeof m.signer };
	struct draft d = begin(topic, "list", "The asker has number 6 of this issuer.", "LIST", KITH_REQ_LIST);
	field_bytes(&d, KITH_B_LIST_SIGNER, signer);
	field_uint(&d, KITH_B_LIST_NUMBER, m.number);
	end(&d, kith_msg_list_write(d.body, sizeof d.body, &m));
	struct kith_msg_listed a = { .list = { bytes, (size_t)len } };
	d = begin_answer(topic, "listed", "Number 7, which revokes bob's identity.", "LIST", KITH_STATUS_OK);
	field_bytes(&d, KITH_B_LISTED_LIST, a.list);
	end(&d, kith_msg_listed_write(d.body, sizeof d.body, &a));
	bare_answer(topic, "answer to list, there is no newer one", "LIST", KITH_STATUS_NOT_FOUND);

	m.kind = KITH_POSTED_HEAD;
	m.number = WORLD_NOW_MS;
	d = begin(topic, "list, of a log", "A newer head of the issuer's log is wanted.", "LIST", KITH_REQ_LIST);
	field_bytes(&d, KITH_B_LIST_SIGNER, signer);
	field_uint(&d, KITH_B_LIST_NUMBER, m.number);
	field_uint(&d, KITH_B_LIST_KIND, m.kind);
	end(&d, kith_msg_list_write(d.body, sizeof d.body, &m));
	m.kind = 0;
	m.cert = true;
	d = begin(topic, "list, of an issuer that is not known", "Its certificate comes first.", "LIST", KITH_REQ_LIST);
	field_bytes(&d, KITH_B_LIST_SIGNER, signer);
	field_bool(&d, KITH_B_LIST_CERT, true);
	end(&d, kith_msg_list_write(d.body, sizeof d.body, &m));
	a = (struct kith_msg_listed){ .cert = w->issuer_cert };
	d = begin_answer(topic, "listed, the certificate", "What the root certified.", "LIST", KITH_STATUS_OK);
	field_bytes(&d, KITH_B_LISTED_CERT, a.cert);
	end(&d, kith_msg_listed_write(d.body, sizeof d.body, &a));

	struct kith_writer wr = kith_writer_of(editions, sizeof editions);
	kith_edition_write(&wr, &(struct kith_edition){ KITH_POSTED_LIST, w->network.b, 3, NULL });
	kith_edition_write(&wr, &(struct kith_edition){ KITH_POSTED_LIST, m.signer, 7, NULL });
	const struct kith_msg_editions e = { { editions, kith_writer_len(&wr) } };
	d = begin(topic, "editions", "A home has number 3 of the root's list, and 7 of the issuer's.", "EDITIONS",
		  KITH_REQ_EDITIONS);
	field_bytes(&d, KITH_B_EDITIONS, e.editions);
	end(&d, kith_msg_editions_write(d.body, sizeof d.body, &e));
	bare_answer(topic, "answer to editions", "EDITIONS", KITH_STATUS_OK);
}

static void rekey(struct vec_topic *topic, const struct cast *c)
{
	const struct kith_msg_rekey m = { .epoch = 1, .ephemeral = c->alice.device.dh_pk };
	const struct kith_msg_rekeyed a = { .ephemeral = c->haven.device.dh_pk };
	struct draft d = begin(topic, "rekey", "The next epoch and a key. What becomes of it is in rekey.json.",
			       "REKEY", KITH_REQ_REKEY);
	field_uint(&d, KITH_B_REKEY_EPOCH, m.epoch);
	field_bytes(&d, KITH_B_REKEY_KEY, vec_span_of(m.ephemeral.b, KITH_KEY_LEN));
	end(&d, kith_msg_rekey_write(d.body, sizeof d.body, &m));
	d = begin_answer(topic, "rekeyed", "The other key.", "REKEY", KITH_STATUS_OK);
	field_bytes(&d, KITH_B_REKEY_KEY, vec_span_of(a.ephemeral.b, KITH_KEY_LEN));
	end(&d, kith_msg_rekeyed_write(d.body, sizeof d.body, &a));
	bare_answer(topic, "rekey, both at once", "REKEY", KITH_STATUS_STALE);
}

static void follow(struct vec_topic *topic, const struct cast *c)
{
	struct kith_msg_follow m;
	kith_follow_token(c->w.suite, m.token, c->alice.device.sign.sk, 0);
	struct draft d = begin(topic, "follow", "Alice's device gives a contact its token.", "FOLLOW", KITH_REQ_FOLLOW);
	field_bytes(&d, KITH_B_FOLLOW_TOKEN, vec_span_of(m.token, sizeof m.token));
	end(&d, kith_msg_follow_write(d.body, sizeof d.body, &m));
	bare_answer(topic, "answer to follow", "FOLLOW", KITH_STATUS_OK);
}

static void early(struct vec_topic *topic)
{
	static const uint8_t words[] = "are you there?";
	const struct kith_msg_early m = { vec_span_of(words, sizeof words - 1) };
	struct draft d = begin(topic, "early", "What did not go along with a call.", "EARLY", KITH_REQ_EARLY);
	field_bytes(&d, KITH_B_EARLY_BYTES, m.bytes);
	end(&d, kith_msg_early_write(d.body, sizeof d.body, &m));
	bare_answer(topic, "answer to early", "EARLY", KITH_STATUS_OK);
}

/* No maps: the objects as they stand. */
static void challenge(struct vec_topic *topic, const struct cast *c)
{
	struct kith_challenge q = { .network = c->w.network,
				    .asker = c->bob.identity.pk,
				    .asked = c->alice.identity.pk };
	vec_seed(q.nonce, "challenge");
	struct draft d =
		begin(topic, "challenge", "The challenge as it stands: no map.", "CHALLENGE", KITH_REQ_CHALLENGE);
	int len = kith_challenge_write(d.body, &q);
	struct kith_span question = vec_made(d.body, len);
	vec_span(d.v.in, "object", question);
	end(&d, question.len);

	uint8_t copy[KITH_CHALLENGE_LEN_MAX];
	memcpy(copy, question.p, question.len);
	struct draft a =
		begin_answer(topic, "answer to a challenge", "The answer as it stands.", "CHALLENGE", KITH_STATUS_OK);
	len = kith_challenge_answer(c->w.suite, a.body, vec_span_of(copy, question.len), &q, &c->alice.device.sign,
				    c->alice.full);
	vec_span(a.v.in, "object", vec_made(a.body, len));
	end(&a, (size_t)len);
}

static void renewed(struct vec_topic *topic, const struct cast *c)
{
	struct draft d = begin(topic, "renewed", "The chain as it stands: no map.", "RENEWED", KITH_REQ_RENEWED);
	memcpy(d.body, c->alice.full.p, c->alice.full.len);
	vec_span(d.v.in, "object", c->alice.full);
	end(&d, c->alice.full.len);
	bare_answer(topic, "answer to renewed", "RENEWED", KITH_STATUS_OK);
}

/* ---- how bodies are read ---- */

/* What is before the directory key of alice, if that is there, and what is behind it. */
struct body_case {
	const char *name, *shows, *why; /* why NULL: it is taken */
	uint8_t head[16];
	uint8_t head_len;
	bool key;
	uint8_t tail_len;
	uint8_t tail[12];
};

/* clang-format off */
static const struct body_case body_cases[] = {
	{ "body, unknown key", "{ 0: key, 1: [], 77: nil }: 77 is skipped.", NULL,
	  { 0x83, 0x00, 0xc4, 32 }, 4, true, 4, { 0x01, 0x90, 0x4d, 0xc0 } },
	{ "body, long lengths", "Key 0 in two bytes, the length in four: no shortest form is asked for.", NULL,
	  { 0x81, 0xcc, 0x00, 0xc6, 0, 0, 0, 32 }, 8, true, 0, { 0 } },
	{ "body, eight deep", "{ 0: key, 5: [[[[[[[]]]]]]] }: the map and seven arrays.", NULL,
	  { 0x82, 0x00, 0xc4, 32 }, 4, true, 8, { 0x05, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x90 } },
	{ "body, of no bytes", "No body is not an empty map.", "no body",
	  { 0 }, 0, false, 0, { 0 } },
	{ "body, an empty map", "FIND needs a key.", "the key is missing",
	  { 0x80 }, 1, false, 0, { 0 } },
	{ "body, key as a string", "The directory key as a str: counts as absent.", "the key is missing",
	  { 0x81, 0x00, 0xd9, 32 }, 4, true, 0, { 0 } },
	{ "body, key too short", "Three bytes: counts as absent.", "the key is missing",
	  { 0x81, 0x00, 0xc4, 3, 1, 2, 3 }, 7, false, 0, { 0 } },
	{ "body, keys out of order", "{ 1: true, 0: key }", "keys ascend",
	  { 0x82, 0x01, 0xc3, 0x00, 0xc4, 32 }, 6, true, 0, { 0 } },
	{ "body, a key twice", "{ 0: true, 0: key }", "keys ascend",
	  { 0x82, 0x00, 0xc3, 0x00, 0xc4, 32 }, 6, true, 0, { 0 } },
	{ "body, a negative key", "{ -1: true, 0: key }", "keys are not negative",
	  { 0x82, 0xff, 0xc3, 0x00, 0xc4, 32 }, 6, true, 0, { 0 } },
	{ "body, a key of 33 bits", "{ 0: key, 4294967296: true }", "keys have at most 32 bits",
	  { 0x82, 0x00, 0xc4, 32 }, 4, true, 10, { 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0xc3 } },
	{ "body, a negative number", "{ 0: key, 5: -1 }", "no negative numbers",
	  { 0x82, 0x00, 0xc4, 32 }, 4, true, 2, { 0x05, 0xff } },
	{ "body, a float", "{ 0: key, 5: 1.0 }", "no floats",
	  { 0x82, 0x00, 0xc4, 32 }, 4, true, 6, { 0x05, 0xca, 0x3f, 0x80, 0, 0 } },
	{ "body, an extension", "{ 0: key, 5: ext }", "no extension types",
	  { 0x82, 0x00, 0xc4, 32 }, 4, true, 4, { 0x05, 0xd4, 1, 0 } },
	{ "body, an array", "[ key ]: the outermost value is no map.", "a body is a map",
	  { 0x91, 0xc4, 32 }, 3, true, 0, { 0 } },
	{ "body, a byte behind", "{ 0: key } and a byte more.", "bytes after the end",
	  { 0x81, 0x00, 0xc4, 32 }, 4, true, 1, { 0 } },
	{ "body, cut short", "{ 0: 32 bytes } of which there are none.", "shorter than it says",
	  { 0x81, 0x00, 0xc4, 32 }, 4, false, 0, { 0 } },
	{ "body, nine deep", "{ 0: key, 5: [[[[[[[[]]]]]]]] }", "depth at most 8",
	  { 0x82, 0x00, 0xc4, 32 }, 4, true, 9, { 0x05, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x90 } },
};
/* clang-format on */

/* All are read as the body of a FIND. */
static void bodies(struct vec_topic *topic, const struct cast *c)
{
	for (size_t i = 0; i < sizeof body_cases / sizeof body_cases[0]; i++) {
		const struct body_case *b = &body_cases[i];
		uint8_t bytes[sizeof b->head + KITH_ID_LEN + sizeof b->tail];
		struct kith_msg_find m;
		struct kith_msg_room room;
		struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
		kith_write_bytes(&w, b->head, b->head_len);
		kith_write_bytes(&w, c->key.b, b->key ? KITH_ID_LEN : 0);
		kith_write_bytes(&w, b->tail, b->tail_len);
		struct kith_span body = vec_span_of(bytes, kith_writer_len(&w));
		struct vec v = vec_begin(topic, b->name, "6.1", b->shows);
		vec_span(v.in, "body_of_find", body);
		int err = kith_msg_find_read(&m, &room, body);
		if (b->why != NULL) {
			vec_refused(&v, err, b->why);
		} else {
			VEC_EXPECT(err, 0);
			vec_bytes(v.out, "key", m.key.b, KITH_ID_LEN);
		}
		vec_end(&v);
	}
}

void topic_requests(struct vec_topic *topic)
{
	struct cast c;
	cast_init(&c);
	attach(topic, &c);
	leave(topic, &c);
	members(topic, &c);
	finds(topic, &c);
	subscribe(topic, &c);
	notices(topic, &c);
	introduce(topic, &c);
	requests_attest(topic, &c);
	gossip(topic, &c);
	lists(topic, &c);
	rekey(topic, &c);
	challenge(topic, &c);
	renewed(topic, &c);
	follow(topic, &c);
	early(topic);
	bodies(topic, &c);
}
