/* Files (PROTOCOL.md section 13). The key file's own key is made by Argon2id, which is the host's business: here it is
 * libsodium's. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "identity/contacts.h"
#include "identity/sealed.h"
#include "overlay/hostcache.h"
#include "topics.h"
#include "world.h"

static const struct kith_span nothing = { NULL, 0 };

static struct kith_secrets secrets_of(const struct person *p)
{
	struct kith_secrets secrets = { 0 };
	VEC_REQUIRE(kith_secrets_set(&secrets, KITH_SECRET_IDENTITY, &p->identity_seed) == 0);
	VEC_REQUIRE(kith_secrets_set(&secrets, KITH_SECRET_DEVICE, &p->device_seed) == 0);
	return secrets;
}

static void put_secrets(json_t *in, const struct kith_secrets *secrets)
{
	json_t *list = vec_list(in, "secrets");
	for (unsigned i = 0; i < secrets->n; i++) {
		json_t *secret = vec_item(list);
		vec_number(secret, "kind", secrets->items[i].kind);
		vec_bytes(secret, "secret", secrets->items[i].b, secrets->items[i].len);
	}
}

static void refused_key_file(struct vec_topic *topic, const struct world *w, const char *name, const char *shows,
			     struct kith_span file, const uint8_t *key, const char *passphrase, int err)
{
	struct kith_sealed sealed;
	struct kith_secrets secrets;
	struct vec v = vec_begin(topic, name, "13.2", shows);
	vec_span(v.in, "file", file);
	if (passphrase != NULL)
		vec_text(v.in, "passphrase", passphrase);
	int got = kith_sealed_parse(&sealed, file);
	if (got == 0)
		got = kith_sealed_open(w->suite, &sealed, key, &secrets);
	VEC_EXPECT(got, err);
	vec_refused(&v, err, kith_strerror(err));
	vec_end(&v);
}

static void derive(uint8_t key[32], const char *passphrase, const struct kith_sealed *head)
{
	VEC_REQUIRE(crypto_pwhash(key, 32, passphrase, strlen(passphrase), head->salt, head->ops,
				  (size_t)head->mem_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0);
}

static void key_file_sealed(struct vec_topic *topic, const struct world *w, const struct person *p)
{
	static const char passphrase[] = "correct horse battery staple";
	uint8_t file[KITH_SEALED_LEN_MAX], key[32], plain[KITH_SECRETS_LEN_MAX];
	struct kith_secrets secrets = secrets_of(p), opened;
	struct kith_sealed head = { .protection = KITH_PROTECTION_ARGON2ID, .ops = 2, .mem_kib = 64 };
	struct vec_random random;
	vec_random_init(&random, "key file");
	random.random.fill(random.random.ctx, head.salt, sizeof head.salt);
	random.random.fill(random.random.ctx, head.nonce, sizeof head.nonce);
	struct vec v = vec_begin(topic, "key file, sealed", "13.2",
				 "Argon2id with little memory, so that a test is quick; real files take 256 MiB.");
	vec_covers(&v, "object", "KEYS");
	vec_text(v.in, "passphrase", passphrase);
	vec_number(v.in, "passes", head.ops);
	vec_number(v.in, "memory_kib", head.mem_kib);
	vec_bytes(v.in, "salt", head.salt, sizeof head.salt);
	vec_bytes(v.in, "nonce", head.nonce, sizeof head.nonce);
	put_secrets(v.in, &secrets);
	derive(key, passphrase, &head);
	struct kith_writer writer = kith_writer_of(plain, sizeof plain);
	kith_secrets_write(&writer, &secrets);
	vec_bytes(v.mid, "key", key, sizeof key);
	vec_bytes(v.mid, "contents", plain, kith_writer_len(&writer));
	struct kith_span made = vec_made(file, kith_sealed_seal(w->suite, file, &head, key, &secrets));
	vec_bytes(v.mid, "header", file, KITH_SEALED_HEADER_LEN);
	vec_span(v.out, "file", made);
	vec_end(&v);
	VEC_REQUIRE(kith_sealed_parse(&head, made) == 0 && kith_sealed_open(w->suite, &head, key, &opened) == 0);

	derive(key, "Correct horse battery staple", &head);
	refused_key_file(topic, w, "key file, another passphrase", "One letter of it is a capital.", made, key,
			 "Correct horse battery staple", KITH_EPASSPHRASE);
	file[11] = 1; /* the first byte of the passes */
	refused_key_file(topic, w, "key file, too many passes", "A file from elsewhere must not keep us busy.", made,
			 key, passphrase, KITH_EPROTO);
}

static void key_file_plain(struct vec_topic *topic, const struct world *w, const struct person *p)
{
	uint8_t file[KITH_SEALED_LEN_MAX];
	struct kith_secrets secrets = secrets_of(p);
	struct kith_sealed head = { .protection = KITH_PROTECTION_NONE };
	struct vec v = vec_begin(topic, "key file, plain", "13.2", "For a supernode that starts unattended.");
	vec_covers(&v, "object", "KEYS");
	put_secrets(v.in, &secrets);
	struct kith_span made = vec_made(file, kith_sealed_seal(w->suite, file, &head, NULL, &secrets));
	vec_span(v.out, "file", made);
	vec_end(&v);

	size_t cap = kith_armor_size(KITH_ARMOR_KEYS, made.len);
	char *text = malloc(cap);
	VEC_REQUIRE(text != NULL && kith_armor_encode(text, cap, KITH_ARMOR_KEYS, made) > 0);
	v = vec_begin(topic, "armour", "13.3", "The same in armour.");
	vec_span(v.in, "bytes", made);
	vec_text(v.in, "label", "KEY FILE");
	vec_text(v.out, "text", text);
	vec_end(&v);

	enum kith_armor kind;
	uint8_t bytes[KITH_SEALED_LEN_MAX];
	v = vec_begin(topic, "armour, broken", "13.3", "A character that is none of base64's.");
	text[strcspn(text, "\n") + 5] = '!';
	vec_text(v.in, "text", text);
	vec_refused(&v, kith_armor_decode(&kind, bytes, sizeof bytes, text, strlen(text), NULL), "not base64");
	vec_end(&v);
	free(text);

	vec_damage(file, made.len, -1);
	refused_key_file(topic, w, "key file, torn", "The last byte of the checksum is another.", made, NULL, NULL,
			 KITH_EPROTO);
}

static void contacts(struct vec_topic *topic, const struct world *w, const struct person *a, const struct person *b)
{
	struct kith_contacts cs;
	uint8_t bytes[256];
	kith_contacts_init(&cs, vec_alloc(), 16);
	VEC_REQUIRE(kith_contacts_pin(&cs, b->name, &b->identity.pk, KITH_CONTACT_ACCEPTED | KITH_CONTACT_RELAY_ONLY) ==
		    0);
	VEC_REQUIRE(kith_contacts_pin(&cs, a->name, &a->identity.pk, KITH_CONTACT_ACCEPTED) == 0);
	struct vec v = vec_begin(topic, "contacts", "13.1", "Two pinned names; ascending by name.");
	vec_covers(&v, "object", "CONTACTS");
	json_t *list = vec_list(v.in, "contacts");
	for (unsigned i = 0; i < cs.n; i++) {
		json_t *contact = vec_item(list);
		vec_text(contact, "name", cs.items[i].name);
		vec_number(contact, "flags", cs.items[i].flags);
		vec_bytes(contact, "identity", cs.items[i].identity.b, KITH_KEY_LEN);
	}
	struct kith_span made = vec_made(bytes, kith_contacts_save(&cs, w->suite, bytes, sizeof bytes));
	vec_span(v.out, "file", made);
	vec_end(&v);

	v = vec_begin(topic, "contacts, torn", "13.1", "A byte of the checksum is another.");
	vec_damage(bytes, made.len, -1);
	vec_span(v.in, "file", made);
	vec_refused(&v, kith_contacts_load(&cs, w->suite, made), "the checksum is wrong");
	vec_end(&v);
	kith_contacts_deinit(&cs);
}

static void hostcache(struct vec_topic *topic, const struct world *w, const struct person supernodes[], unsigned n)
{
	struct kith_blobs blobs;
	struct kith_hostcache hc;
	uint8_t file[KITH_HOSTCACHE_FILE_MAX];
	static const uint64_t seed[2] = { 1, 2 };
	kith_blobs_init(&blobs, vec_alloc(), 64, seed);
	kith_hostcache_init(&hc, vec_alloc(), &blobs);
	struct vec v = vec_begin(topic, "host cache", "13.4",
				 "Two hosts; one worked and is an anchor, the other suggested it.");
	json_t *list = vec_list(v.in, "hosts");
	for (unsigned i = 0; i < n; i++) {
		struct kith_host host = world_home(w, &supernodes[i]).host;
		uint32_t source = i == 0 ? kith_hostcache_source(&supernodes[1].device.dh_pk) : 0;
		struct kith_member_entry entry = { .seq = 1000 + i, .device = host.dh, .endpoints_n = 1 };
		uint8_t author[KITH_HOME_TAG_LEN];
		entry.endpoints[0] = host.endpoints[0];
		kith_home_tag(w->suite, author, &supernodes[i].device.sign.pk);
		int at = kith_hostcache_take(&hc, &entry, author, source);
		VEC_REQUIRE(at >= 0);
		if (i == 0)
			kith_hostcache_succeeded(&hc, at, &w->now);
		json_t *item = vec_item(list);
		vec_number(item, "flags", hc.at[at].flags);
		vec_number(item, "failures", hc.at[at].failures);
		vec_number(item, "success_ms", hc.at[at].success_ms);
		vec_number(item, "source", source);
		vec_bytes(item, "x25519", host.dh.b, KITH_KEY_LEN);
		vec_address(item, "address", &host.endpoints[0].addr);
		vec_number(item, "seq", (int64_t)entry.seq);
		vec_bytes(item, "author", author, sizeof author);
	}
	size_t len = kith_hostcache_save(&hc, nothing, file);
	struct kith_span made = vec_span_of(file, len);
	vec_bytes(v.mid, "checked", file, len - KITH_HOSTCACHE_FILE_SUM);
	vec_bytes(v.out, "checksum", file + len - KITH_HOSTCACHE_FILE_SUM, KITH_HOSTCACHE_FILE_SUM);
	vec_span(v.out, "file", made);
	vec_end(&v);

	v = vec_begin(topic, "host cache, altered", "13.4", "A byte of the first host is another.");
	vec_damage(file, len, 20);
	vec_span(v.in, "file", made);
	vec_refused(&v, kith_hostcache_load(&hc, made, 0), "the checksum is wrong");
	vec_end(&v);
	kith_hostcache_deinit(&hc);
	kith_blobs_deinit(&blobs);
}

static void siphash(struct vec_topic *topic)
{
	/* The checksum of the host cache, and the hash of gossip: the same function of two 64-bit numbers. */
	const uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
	uint8_t bytes[15];
	for (uint8_t i = 0; i < sizeof bytes; i++)
		bytes[i] = i;
	struct vec v =
		vec_begin(topic, "siphash", "13.4",
			  "The example of SipHash's paper: key bytes 00 to 0f, message 00 to 0e. Keys are written "
			  "as two numbers here, k0 and k1, which SipHash reads little-endian.");
	vec_u64(v.in, "k0", key[0]);
	vec_u64(v.in, "k1", key[1]);
	vec_bytes(v.in, "message", bytes, sizeof bytes);
	vec_u64(v.out, "hash", kith_hash64(key, bytes, sizeof bytes));
	vec_end(&v);
}

void topic_files(struct vec_topic *topic)
{
	struct world w;
	struct person alice, bob, supernodes[2];
	world_init(&w);
	world_person(&w, &alice, "alice");
	world_person(&w, &bob, "bob");
	world_supernode(&w, &supernodes[0], "haven", "198.51.100.7:4500");
	world_supernode(&w, &supernodes[1], "harbour", "203.0.113.20:4500");
	key_file_sealed(topic, &w, &alice);
	key_file_plain(topic, &w, &alice);
	contacts(topic, &w, &alice, &bob);
	siphash(topic);
	hostcache(topic, &w, supernodes, 2);
}
