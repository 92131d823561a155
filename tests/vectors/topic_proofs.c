/* Challenge and answer, enrolment, and the texts that an issuer and an asker exchange for it. */
#include <string.h>

#include "identity/challenge.h"
#include "kith_invitation.h"
#include "topics.h"
#include "world.h"

static struct kith_challenge challenge_of(const struct world *w, const struct person *asker, const struct person *asked)
{
	struct kith_challenge c = { .network = w->network, .asker = asker->identity.pk, .asked = asked->identity.pk };
	vec_seed(c.nonce, "challenge");
	memcpy(c.context, "open the door", sizeof "open the door");
	return c;
}

static void challenge(struct vec_topic *topic, const struct world *w, const struct person *asker,
		      const struct person *asked)
{
	uint8_t question[KITH_CHALLENGE_LEN_MAX], proof[KITH_PROOF_LEN_MAX];
	struct kith_challenge c = challenge_of(w, asker, asked);
	struct kith_person person;
	struct world_trust t;
	struct vec v = vec_begin(topic, "challenge", "8.7", "Bob asks Alice to prove that she holds her keys.");
	vec_covers(&v, "object", "CHALLENGE");
	vec_bytes(v.in, "network_id", c.network.b, KITH_ID_LEN);
	vec_bytes(v.in, "asker", c.asker.b, KITH_KEY_LEN);
	vec_bytes(v.in, "asked", c.asked.b, KITH_KEY_LEN);
	vec_bytes(v.in, "nonce", c.nonce, sizeof c.nonce);
	vec_text(v.in, "context", c.context);
	struct kith_span q = vec_made(question, kith_challenge_write(question, &c));
	vec_span(v.out, "object", q);
	vec_end(&v);

	v = vec_begin(topic, "answer to a challenge", "8.7",
		      "Signed by the device, over the challenge and the answer.");
	vec_covers(&v, "object", "ANSWER");
	vec_span(v.in, "challenge", q);
	vec_span(v.in, "chain", asked->full);
	vec_bytes(v.in, "signer_seed", asked->device.sign.sk, 32);
	vec_text(v.in, "label_of_signature", KITH_SIGN_CHALLENGE);
	int len = kith_challenge_answer(w->suite, proof, q, &c, &asked->device.sign, asked->full);
	struct kith_span p = vec_made(proof, len);
	vec_span(v.out, "object", p);
	vec_end(&v);
	world_trust_init(w, &t);
	VEC_REQUIRE(kith_challenge_check(&t.trust, &w->now, q, p, &person) == 0);

	v = vec_begin(topic, "answer, to another challenge", "8.7",
		      "The nonce of the challenge that was sent is another.");
	c.nonce[0] ^= 1;
	struct kith_span other = vec_made(question, kith_challenge_write(question, &c));
	vec_bytes(v.in, "root", w->root.pk.b, KITH_KEY_LEN);
	vec_span(v.in, "challenge", other);
	vec_span(v.in, "object", p);
	vec_number(v.in, "now_s", WORLD_NOW_S);
	vec_refused(&v, kith_challenge_check(&t.trust, &w->now, other, p, &person),
		    "the signature is over another challenge");
	vec_end(&v);

	v = vec_begin(topic, "challenge for somebody else", "8.7", "Alice is given a challenge that names Bob.");
	struct kith_challenge wrong = challenge_of(w, asker, asker), expected = challenge_of(w, asker, asked);
	q = vec_made(question, kith_challenge_write(question, &wrong));
	vec_bytes(v.in, "network_id", w->network.b, KITH_ID_LEN);
	vec_bytes(v.in, "own_identity", asked->identity.pk.b, KITH_KEY_LEN);
	vec_bytes(v.in, "peer_identity", asker->identity.pk.b, KITH_KEY_LEN);
	vec_span(v.in, "object", q);
	vec_refused(&v, kith_challenge_answer(w->suite, proof, q, &expected, &asked->device.sign, asked->full),
		    "meant for another identity");
	vec_end(&v);
	world_trust_deinit(&t);
}

/* ---- a name is asked for and granted ---- */

static struct invitation invite(const struct world *w)
{
	struct invitation i = { .root = w->root.pk, .issuer = w->issuer.pk };
	vec_seed(i.nonce, "invitation");
	memcpy(i.name, "carol", sizeof "carol");
	return i;
}

static void invitation(struct vec_topic *topic, const struct invitation *i)
{
	struct text text = { 0 };
	struct invitation read;
	struct vec v = vec_begin(topic, "invitation", "8.8", "What the issuer gives to whom it invites: text.");
	vec_text(v.in, "name", i->name);
	vec_bytes(v.in, "root", i->root.b, KITH_KEY_LEN);
	vec_bytes(v.in, "issuer", i->issuer.b, KITH_KEY_LEN);
	vec_bytes(v.in, "nonce", i->nonce, sizeof i->nonce);
	vec_number(v.in, "flags", i->flags);
	VEC_REQUIRE(invitation_format(&text, i) == 0);
	VEC_REQUIRE(invitation_parse(&read, text.p) == 0 && memcmp(read.nonce, i->nonce, sizeof read.nonce) == 0);
	vec_text(v.out, "text", text.p);
	vec_end(&v);

	v = vec_begin(topic, "invitation, another title", "8.8", "The first line says another version.");
	text.p[strlen("KITH INVITATION ")] = '2';
	vec_text(v.in, "text", text.p);
	vec_refused(&v, invitation_parse(&read, text.p), "not an invitation of this version");
	vec_end(&v);
	text_free(&text);
}

static struct kith_span request(struct vec_topic *topic, const struct world *w, const struct invitation *i,
				const struct person *asker, struct kith_enrol *e, uint8_t buf[KITH_ENROL_LEN_MAX])
{
	*e = (struct kith_enrol){ .network = w->network, .identity = asker->identity.pk, .flags = i->flags };
	kith_ids_issuer(w->suite, e->issuer_id, &w->issuer.pk);
	memcpy(e->nonce, i->nonce, sizeof e->nonce);
	memcpy(e->name, i->name, sizeof e->name);
	struct vec v = vec_begin(topic, "enrolment request", "8.8", "Signed by the identity that asks.");
	vec_covers(&v, "object", "ENROL");
	vec_bytes(v.in, "network_id", e->network.b, KITH_ID_LEN);
	vec_bytes(v.in, "issuer_id", e->issuer_id, sizeof e->issuer_id);
	vec_bytes(v.in, "nonce", e->nonce, sizeof e->nonce);
	vec_bytes(v.in, "identity", e->identity.b, KITH_KEY_LEN);
	vec_text(v.in, "name", e->name);
	vec_number(v.in, "flags", e->flags);
	struct kith_span made = vec_made(buf, kith_enrol_sign(w->suite, buf, e, &asker->identity));
	vec_bytes(v.in, "signer_seed", asker->identity.sk, 32);
	vec_text(v.in, "label_of_signature", KITH_SIGN_ENROL);
	vec_bytes(v.mid, "signed", made.p, made.len - KITH_SIG_LEN);
	vec_span(v.out, "object", made);
	vec_end(&v);
	return made;
}

static void bad_request(struct vec_topic *topic, const struct world *w, const struct invitation *i,
			struct kith_span made)
{
	struct kith_enrol read;
	uint8_t nonce[KITH_NONCE_LEN];
	VEC_REQUIRE(kith_enrol_verify(w->suite, &read, made, &w->network, &w->issuer.pk, i->nonce) == 0);
	memcpy(nonce, i->nonce, sizeof nonce);
	nonce[0] ^= 1;
	struct vec v =
		vec_begin(topic, "enrolment request, another nonce", "8.8", "The issuer handed out another nonce.");
	vec_bytes(v.in, "network_id", w->network.b, KITH_ID_LEN);
	vec_bytes(v.in, "issuer", w->issuer.pk.b, KITH_KEY_LEN);
	vec_bytes(v.in, "nonce", nonce, sizeof nonce);
	vec_span(v.in, "object", made);
	vec_refused(&v, kith_enrol_verify(w->suite, &read, made, &w->network, &w->issuer.pk, nonce),
		    "it answers no invitation that is open");
	vec_end(&v);
}

static void grant(struct vec_topic *topic, const struct world *w, const struct person *asker,
		  const struct kith_enrol *e, struct kith_span asked)
{
	uint8_t cert[KITH_CERT_MAX];
	struct kith_name_cert terms = asker->name_terms, read;
	struct text text = { 0 };
	struct vec v = vec_begin(topic, "grant", "8.8",
				 "The issuer's answer: the name's certificate, then the issuer's, both in armour.");
	vec_span(v.in, "request", asked);
	vec_u64(v.in, "serial", terms.serial);
	vec_number(v.in, "not_before_s", terms.not_before_s);
	vec_number(v.in, "expires_s", terms.expires_s);
	vec_bytes(v.in, "placement", terms.placement, sizeof terms.placement);
	vec_bytes(v.in, "signer_seed", w->issuer.sk, 32);
	struct kith_span made = vec_made(cert, kith_enrol_issue(w->suite, cert, e, &terms, &w->issuer));
	VEC_REQUIRE(kith_enrol_receive(w->suite, &read, made, e, &w->issuer.pk) == 0);
	vec_span(v.in, "issuer_certificate", w->issuer_cert);
	vec_span(v.mid, "name_certificate", made);
	VEC_REQUIRE(text_add_armor(&text, KITH_ARMOR_NAME, made) == 0);
	VEC_REQUIRE(text_add_armor(&text, KITH_ARMOR_ISSUER, w->issuer_cert) == 0);
	vec_text(v.out, "text", text.p);
	text_free(&text);
	vec_end(&v);
}

void topic_proofs(struct vec_topic *topic)
{
	struct world w;
	struct person alice, bob, carol;
	struct kith_enrol e;
	uint8_t bytes[KITH_ENROL_LEN_MAX];
	world_init(&w);
	world_person(&w, &alice, "alice");
	world_person(&w, &bob, "bob");
	world_person(&w, &carol, "carol");
	challenge(topic, &w, &bob, &alice);
	struct invitation i = invite(&w);
	invitation(topic, &i);
	struct kith_span made = request(topic, &w, &i, &carol, &e, bytes);
	bad_request(topic, &w, &i, made);
	grant(topic, &w, &carol, &e, made);
}
