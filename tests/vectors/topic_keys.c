/* Names, keys and ids (PROTOCOL.md section 8.1). */
#include <string.h>

#include "topics.h"
#include "world.h"

static void put_key(json_t *object, const char *key, const struct kith_key *value)
{
	vec_bytes(object, key, value->b, KITH_KEY_LEN);
}

static void signers(struct vec_topic *topic, const struct world *w)
{
	char text[KITH_KEY_TEXT_LEN + 1];
	struct vec v = vec_begin(topic, "root", "8.1", "A seed's Ed25519 key, its text, and the network's id.");
	vec_bytes(v.in, "seed", w->root_seed.b, sizeof w->root_seed.b);
	put_key(v.out, "public", &w->root.pk);
	vec_text(v.out, "text", kith_key_format(w->root.pk.b, text));
	vec_bytes(v.out, "network_id", w->network.b, KITH_ID_LEN);
	vec_end(&v);

	uint8_t id[KITH_ISSUER_ID_LEN];
	v = vec_begin(topic, "issuer", "8.1", "An issuer's key and id.");
	vec_bytes(v.in, "seed", w->issuer_seed.b, sizeof w->issuer_seed.b);
	put_key(v.out, "public", &w->issuer.pk);
	kith_ids_issuer(w->suite, id, &w->issuer.pk);
	vec_bytes(v.out, "issuer_id", id, sizeof id);
	vec_end(&v);
}

static void persons(struct vec_topic *topic, const struct world *w)
{
	struct person alice;
	char name[KITH_NAME_MAX + 1];
	world_person(w, &alice, "alice");
	struct vec v = vec_begin(topic, "identity", "8.1", "An identity, and its name in an open network.");
	vec_bytes(v.in, "seed", alice.identity_seed.b, sizeof alice.identity_seed.b);
	put_key(v.out, "public", &alice.identity.pk);
	kith_ids_fingerprint(w->suite, name, &alice.identity.pk);
	vec_text(v.out, "fingerprint", name);
	vec_end(&v);

	v = vec_begin(topic, "device", "8.1", "Both secrets of a device follow from one seed.");
	vec_bytes(v.in, "seed", alice.device_seed.b, sizeof alice.device_seed.b);
	vec_bytes(v.mid, "ed25519_seed", alice.device.sign.sk, 32);
	vec_bytes(v.out, "x25519_secret", alice.device.dh_sk, sizeof alice.device.dh_sk);
	put_key(v.out, "x25519_public", &alice.device.dh_pk);
	put_key(v.out, "ed25519_public", &alice.device.sign.pk);
	vec_end(&v);
}

static void ids(struct vec_topic *topic, const struct world *w)
{
	struct person haven;
	struct kith_id id;
	world_supernode(w, &haven, "haven", "198.51.100.7:4500");
	struct vec v = vec_begin(topic, "directory key", "8.1", "Where the directory keeps a name.");
	vec_bytes(v.in, "network_id", w->network.b, KITH_ID_LEN);
	vec_text(v.in, "name", "alice");
	kith_ids_directory(w->suite, &id, &w->network, "alice");
	vec_bytes(v.out, "directory_key", id.b, KITH_ID_LEN);
	vec_end(&v);

	v = vec_begin(topic, "supernode id", "8.1", "A place on the ring, from the certificate.");
	vec_bytes(v.in, "network_id", w->network.b, KITH_ID_LEN);
	vec_bytes(v.in, "placement", haven.name_terms.placement, KITH_PLACEMENT_LEN);
	kith_ids_supernode(w->suite, &id, &w->network, haven.name_terms.placement);
	vec_bytes(v.out, "supernode_id", id.b, KITH_ID_LEN);
	vec_end(&v);
}

static void open_network(struct vec_topic *topic, const struct world *w)
{
	static const char *const addresses[] = { "198.51.100.7:4500", "[2001:db8:1:2::7]:4500" };
	struct person haven;
	struct kith_id network, id;
	world_supernode(w, &haven, "haven", addresses[0]);
	struct vec v = vec_begin(topic, "open network", "8.1", "The id of an open network is its label's.");
	vec_text(v.in, "label", "playground");
	VEC_REQUIRE(kith_ids_network_open(w->suite, &network, "playground") == 0);
	vec_bytes(v.out, "network_id", network.b, KITH_ID_LEN);
	vec_end(&v);
	for (size_t i = 0; i < 2; i++) {
		struct kith_addr addr = world_addr(addresses[i]);
		v = vec_begin(topic, i == 0 ? "supernode id, open network, v4" : "supernode id, open network, v6",
			      "8.1", "There, a place on the ring follows from the identity and the address.");
		vec_bytes(v.in, "network_id", network.b, KITH_ID_LEN);
		put_key(v.in, "identity", &haven.identity.pk);
		vec_address(v.in, "address", &addr);
		VEC_REQUIRE(kith_ids_supernode_open(w->suite, &id, &network, &haven.identity.pk, &addr) == 0);
		vec_bytes(v.out, "supernode_id", id.b, KITH_ID_LEN);
		vec_end(&v);
	}
}

static void texts(struct vec_topic *topic)
{
	static const struct {
		const char *name, *shows, *text, *why;
	} cases[] = {
		{ "key text, capital", "One letter is a capital.",
		  "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "only lower case is a spelling" },
		{ "key text, spare bits", "The last character carries bits that no byte has.",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "the spare bits are not zero" },
		{ "key text, too short", "51 characters.", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "52 characters make a key" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t key[32];
		struct vec v = vec_begin(topic, cases[i].name, "8.1", cases[i].shows);
		vec_text(v.in, "text", cases[i].text);
		int err = kith_key_parse(key, cases[i].text);
		vec_refused(&v, err, cases[i].why);
		vec_end(&v);
	}
	static const char *const names[][2] = { { "no name, empty", "" },
						{ "no name, capital", "Alice" },
						{ "no name, blank", "alice example" },
						{ "no name, too long", "a23456789012345678901234567890123" } };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct vec v = vec_begin(topic, names[i][0], "8.1", "A name is 1 to 32 of a-z 0-9 . - _");
		vec_text(v.in, "name", names[i][1]);
		VEC_REQUIRE(!kith_name_valid(names[i][1]));
		vec_refused(&v, KITH_ENAME, "not a name");
		vec_end(&v);
	}
}

void topic_keys(struct vec_topic *topic)
{
	struct world w;
	world_init(&w);
	signers(topic, &w);
	persons(topic, &w);
	ids(topic, &w);
	open_network(topic, &w);
	texts(topic);
}
