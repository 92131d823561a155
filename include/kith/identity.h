/* Names, ids, certificates, lists and key files: what a tool needs to run a network and to join one.
 *
 * Everything signed is a fixed layout in network byte order, described in PROTOCOL.md section 8: version, type, fields,
 * extensions, signature. Parsed structures borrow from the bytes they were parsed from. "Making" functions write
 * into the caller's buffer and return the length, or a negative code; what they make always parses.
 *
 * These functions use the real cryptographic suite. They are pure: no clock, no randomness of their own, no
 * allocation, no files; any thread may call them. Secrets that they are given are borrowed and never kept.
 */
#ifndef KITH_IDENTITY_H
#define KITH_IDENTITY_H

#include <kith/err.h>
#include <kith/export.h>
#include <kith/types.h>

/* Validity periods are widened by this much at both ends: nobody's clock is exact. */
#define KITH_CLOCK_TOLERANCE_MS (10 * 60 * 1000)

#define KITH_UNIX_S_MAX (((int64_t)1 << 40) - 1) /* times are unix seconds in 40 bits: no cliff in 2106 */
#define KITH_CONSTRAINT_MAX 31 /* longest name constraint, so that one character of name remains */
#define KITH_NETWORK_LABEL_MAX 64 /* longest label of an open network, without NUL */
#define KITH_ISSUER_ID_LEN 8 /* first bytes of BLAKE2b-256(issuer key) */
#define KITH_PLACEMENT_LEN 16 /* of what decides over a supernode's ids */
#define KITH_NONCE_LEN 32 /* challenges and enrolment */
#define KITH_EXT_MAX 128 /* extensions of one object */
#define KITH_CERT_MAX 320 /* longest certificate: fixed fields, longest texts and extensions fit */
#define KITH_CHAIN_MAX 640 /* longest chain: two fit a first packet of 1200 bytes with room for their usual form */
#define KITH_DEVICES_MAX 16 /* live devices of an identity */
#define KITH_DEVICE_TAG_LEN 8 /* by which a device list knows a device */
#define KITH_DEVICES_LEN_MAX 336 /* a full device list with extensions */
#define KITH_REVOKED_RANGES_MAX 512 /* with the keys: a list fits one answer of 16 KiB */
#define KITH_REVOKED_KEYS_MAX 240 /* of one list, as the ranges */
#define KITH_REVOCATION_LEN_MAX 16256 /* a full list */
#define KITH_ENROL_LEN_MAX 336 /* a full request */
#define KITH_PARAMS_LEN_MAX 352 /* parameters of a network, with extensions */

/* 32 secret bytes from which a key pair is made. The holder wipes them. */
struct kith_seed { /* fixed */
	uint8_t b[32]; /* the bytes */
};

/* ---- names, keys and ids ---- */

/* 1 to 32 of a-z, 0-9, '.', '-', '_'. */
KITH_EXPORT bool kith_name_valid(const char *name);

#define KITH_KEY_TEXT_LEN 52 /* lower-case base32 (RFC 4648, no padding) of 32 bytes */

/* Writes a key or an id as 52 characters and a NUL; returns out. */
KITH_EXPORT const char *kith_key_format(const uint8_t key[32], char out[KITH_KEY_TEXT_LEN + 1]);

/* The reverse. KITH_EINVAL unless it is exactly what kith_key_format writes. */
KITH_EXPORT int kith_key_parse(uint8_t key[32], const char *text) KITH_MUST_USE;

/* BLAKE2b-256(root key). */
KITH_EXPORT void kith_network_id(struct kith_id *out, const struct kith_key *root);

/* BLAKE2b-256("open", 0, label). KITH_EINVAL when the label is empty or too long. */
KITH_EXPORT int kith_network_id_open(struct kith_id *out, const char *label) KITH_MUST_USE;

/* The name that a key has in an open network: the first 160 bits of BLAKE2b-256(key), base32, 32 characters. */
KITH_EXPORT const char *kith_fingerprint(const struct kith_key *identity, char out[KITH_NAME_MAX + 1]);

/* BLAKE2b-256(network id, name): where the directory keeps a name. */
KITH_EXPORT void kith_directory_key(struct kith_id *out, const struct kith_id *network, const char *name);

/* BLAKE2b-256(network id, placement, 0). */
KITH_EXPORT void kith_supernode_id(struct kith_id *out, const struct kith_id *network,
				   const uint8_t placement[KITH_PLACEMENT_LEN]);

/* The id by which name certificates call their issuer. */
KITH_EXPORT void kith_issuer_id(uint8_t out[KITH_ISSUER_ID_LEN], const struct kith_key *issuer);

/* The Ed25519 public key of a root, an issuer or an identity. */
KITH_EXPORT void kith_seed_public(struct kith_key *out, const struct kith_seed *seed);

/* The X25519 and Ed25519 public keys of a device; both secrets derive from the one seed. */
KITH_EXPORT void kith_seed_device(struct kith_key *dh, struct kith_key *sign, const struct kith_seed *seed);

/* ---- certificates ---- */

/* What every parsed object has besides its fields. Making functions read ext only (empty: no extensions). */
struct kith_signed { /* fixed */
	struct kith_span ext; /* extensions as they were received: type (top bit: critical), length, value ... */
	struct kith_span body; /* all that is signed */
	const uint8_t *sig; /* 64 bytes */
};

/* What the root lets an issuer do beyond giving names. */
enum kith_issuer_flags {
	KITH_ISSUER_SUPERNODES =
		1 << 0 /* its names may be supernodes: without it KITH_NAME_SUPERNODE counts for nothing */
};

/* Root -> issuer. */
struct kith_issuer_cert { /* fixed */
	struct kith_key issuer; /* Ed25519 */
	uint64_t serial; /* given by the root, ascending: of two for one key the higher is the newer */
	int64_t not_before_s, expires_s; /* unix seconds */
	char constraint[KITH_CONSTRAINT_MAX + 1]; /* ".example": only names that end in it; "": any name */
	uint8_t flags; /* enum kith_issuer_flags; unknown bits are kept and ignored */
	struct kith_signed s; /* signed by the root */
};

/* What a name may do beyond having one. */
enum kith_name_flags {
	KITH_NAME_SUPERNODE = 1 << 0 /* may serve as a supernode from the start, if its issuer may make such */
};

/* Issuer -> name. */
struct kith_name_cert { /* fixed */
	uint8_t issuer_id[KITH_ISSUER_ID_LEN]; /* of the issuer, who signs */
	char name[KITH_NAME_MAX + 1]; /* that is given */
	struct kith_key identity; /* Ed25519: to whom */
	uint64_t serial; /* given by the issuer, ascending */
	int64_t not_before_s, expires_s; /* unix seconds */
	uint8_t placement[KITH_PLACEMENT_LEN]; /* random at first, then copied at every renewal */
	uint8_t flags; /* enum kith_name_flags; unknown bits are kept and ignored */
	struct kith_signed s; /* signed by the issuer */
};

/* Identity -> device. */
struct kith_device_cert { /* fixed */
	struct kith_key dh, sign; /* X25519 and Ed25519 */
	int64_t not_before_s, expires_s; /* unix seconds */
	struct kith_signed s; /* signed by the identity */
};

/* Each writes at most KITH_CERT_MAX bytes and returns how many. A name certificate's issuer_id follows from the
 * signer's key. KITH_EINVAL: a field is out of its bounds (times out of order, extensions that are none ...);
 * KITH_ENAME: a name or a constraint is not one. */
KITH_EXPORT int kith_issuer_cert_make(uint8_t out[KITH_CERT_MAX], const struct kith_issuer_cert *cert,
				      const struct kith_seed *root) KITH_MUST_USE;
KITH_EXPORT int kith_name_cert_make(uint8_t out[KITH_CERT_MAX], const struct kith_name_cert *cert,
				    const struct kith_seed *issuer) KITH_MUST_USE;
KITH_EXPORT int kith_device_cert_make(uint8_t out[KITH_CERT_MAX], const struct kith_device_cert *cert,
				      const struct kith_seed *identity) KITH_MUST_USE;

/* Parse without verifying. KITH_EPROTO: not such a certificate; KITH_EVERSION; KITH_ENAME; KITH_ENOTSUP: a critical
 * extension that is unknown. */
KITH_EXPORT int kith_issuer_cert_parse(struct kith_issuer_cert *out, struct kith_span cert) KITH_MUST_USE;
KITH_EXPORT int kith_name_cert_parse(struct kith_name_cert *out, struct kith_span cert) KITH_MUST_USE;
KITH_EXPORT int kith_device_cert_parse(struct kith_device_cert *out, struct kith_span cert) KITH_MUST_USE;

/* Whether an issuer with this constraint may certify the name. */
KITH_EXPORT bool kith_constraint_allows(const char *constraint, const char *name);

/* Which certificates a chain has. */
enum kith_chain_kind {
	KITH_CHAIN_FULL = 1, /* issuer, name, device */
	KITH_CHAIN_BY_ID = 2, /* name, device; the verifier holds the issuer's certificate */
	KITH_CHAIN_OPEN = 3 /* identity key, device */
};

/* A chain, as kith_chain_parse takes it apart: whatever its kind has not is zero. */
struct kith_chain { /* fixed */
	uint8_t kind; /* enum kith_chain_kind */
	uint8_t network[4]; /* first bytes of the network's id: tells "wrong network" from "forged" */
	struct kith_key identity; /* open chains only; else in name */
	struct kith_issuer_cert issuer; /* full chains only */
	struct kith_name_cert name; /* not in open chains */
	struct kith_device_cert device; /* in every chain */
};

/* Joins certificates into a chain; an empty issuer makes one by id. Nothing is verified but that each parses and that
 * the issuer's key has the id that the name certificate states (KITH_ECHAIN). KITH_EMSGSIZE beyond KITH_CHAIN_MAX; else
 * errors as kith_name_cert_parse. */
KITH_EXPORT int kith_chain_make(uint8_t out[KITH_CHAIN_MAX], const struct kith_id *network, struct kith_span issuer,
				struct kith_span name, struct kith_span device) KITH_MUST_USE;
KITH_EXPORT int kith_chain_make_open(uint8_t out[KITH_CHAIN_MAX], const struct kith_id *network,
				     const struct kith_key *identity, struct kith_span device) KITH_MUST_USE;

/* Parses without verifying. KITH_ECHAIN: other certificates than the kind asks for, or in another order; else errors as
 * kith_name_cert_parse. */
KITH_EXPORT int kith_chain_parse(struct kith_chain *out, struct kith_span chain) KITH_MUST_USE;

/* ---- lists ---- */

/* The live devices of an identity. A device absent from the highest list seen is refused. Everybody reads lists in
 * records, so they say what checking needs and no more: a tag for each device, which who knows the device's key can
 * make, and others, made up, to 3, 6, 12 or 16 in all. Tags of a device in two lists have nothing in common. */
struct kith_devices { /* fixed */
	uint64_t number; /* higher supersedes lower */
	uint8_t n; /* how many tags there are */
	const uint8_t *tags; /* n of KITH_DEVICE_TAG_LEN bytes, ascending */
	struct kith_signed s; /* signed by the identity */
};

/* keys: n Ed25519 keys of devices, in any order. number is max(last + 1, unix ms), which may be rounded down, since
 * everybody reads it: a list that is ahead of the clock is refused. KITH_EINVAL for more than KITH_DEVICES_MAX keys, or
 * one given twice. A list of no device refuses every device.
 * Parses without verifying: KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP. */
KITH_EXPORT int kith_devices_make(uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number, const struct kith_key keys[],
				  size_t n, const struct kith_seed *identity) KITH_MUST_USE;
KITH_EXPORT int kith_devices_parse(struct kith_devices *out, struct kith_span list) KITH_MUST_USE;
KITH_EXPORT bool kith_devices_has(const struct kith_devices *list, const struct kith_key *device);

/* Who has signed a revocation list. */
enum kith_revocation_signer {
	KITH_REVOKED_BY_ROOT = 1, /* serials and keys of issuers */
	KITH_REVOKED_BY_ISSUER = 2 /* serials of name certificates and identity keys */
};

/* Serials of certificates that were revoked. */
struct kith_serial_range { /* fixed */
	uint64_t first, last; /* both revoked */
};

/* The one extension that is defined: in the root's list, for how many seconds (4 bytes, big-endian) after a list's next
 * update calls are still made and taken. Without it there is no such bound. */
#define KITH_EXT_LIST_GRACE 1

/* Parsed: ranges and keys are borrowed, ascending and disjoint. */
struct kith_revocation { /* fixed */
	uint8_t signer; /* enum kith_revocation_signer */
	uint8_t signer_id[KITH_ISSUER_ID_LEN]; /* the issuer's id; for the root the first bytes of the network's */
	uint64_t number; /* higher supersedes lower; each list is whole */
	int64_t issued_s, next_update_s; /* unix seconds */
	uint16_t ranges_n, keys_n;
	const uint8_t *ranges; /* 16 bytes each: first, last */
	const uint8_t *keys; /* 32 bytes each */
	struct kith_signed s; /* signed by its signer */
};

/* Makes a list out of ranges (sorted and merged) and keys (sorted, duplicates dropped). Of list, the fields signer,
 * number, issued_s, next_update_s and s.ext are read; signer_id follows from the signer's key. out has cap bytes;
 * KITH_REVOCATION_LEN_MAX always suffices. KITH_EFULL beyond the bounds, KITH_EMSGSIZE when cap is too small,
 * KITH_EINVAL: a field or a range is out of order. Parses without verifying: KITH_EPROTO, KITH_EVERSION,
 * KITH_ENOTSUP. */
KITH_EXPORT int kith_revocation_make(uint8_t *out, size_t cap, const struct kith_revocation *list,
				     const struct kith_serial_range ranges[], size_t ranges_n,
				     const struct kith_key keys[], size_t keys_n,
				     const struct kith_seed *signer) KITH_MUST_USE;
KITH_EXPORT int kith_revocation_parse(struct kith_revocation *out, struct kith_span list) KITH_MUST_USE;
KITH_EXPORT bool kith_revocation_has_serial(const struct kith_revocation *list, uint64_t serial);
KITH_EXPORT bool kith_revocation_has_key(const struct kith_revocation *list, const struct kith_key *key);
KITH_EXPORT struct kith_serial_range kith_revocation_range(const struct kith_revocation *list, size_t i);

/* ---- the parameters of a network, which its root signs ---- */

/* Who may be a supernode. */
enum kith_eligible {
	KITH_ELIGIBLE_ALL = 0, /* who is certified so (KITH_NAME_SUPERNODE), and who elected itself */
	KITH_ELIGIBLE_CERTIFIED = 1 /* who is certified so, and nobody else. Values that are not known count as this */
};

/* What all nodes of a network go by. They do not expire. */
struct kith_params { /* fixed */
	uint8_t network[KITH_ISSUER_ID_LEN]; /* the first bytes of its id */
	uint64_t number; /* higher supersedes lower; not 0 */
	int64_t issued_s; /* unix seconds */
	uint8_t eligible; /* enum kith_eligible; without parameters: all */
	struct kith_signed s; /* signed by the root */
};

/* network follows from the root's key. The length; KITH_EINVAL: a field is out of its bounds. Parses without verifying:
 * KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP. */
KITH_EXPORT int kith_params_make(uint8_t out[KITH_PARAMS_LEN_MAX], const struct kith_params *params,
				 const struct kith_seed *root) KITH_MUST_USE;
KITH_EXPORT int kith_params_parse(struct kith_params *out, struct kith_span object) KITH_MUST_USE;

/* ---- enrolment: the issuer's nonce, signed by the identity key that asks for a name ---- */

/* A request for a name's certificate. */
struct kith_enrol { /* fixed */
	struct kith_id network; /* in which a name is wanted */
	uint8_t issuer_id[KITH_ISSUER_ID_LEN]; /* of whom it is wanted */
	uint8_t nonce[KITH_NONCE_LEN]; /* from the issuer, used once */
	struct kith_key identity; /* the key that is to have the name */
	char name[KITH_NAME_MAX + 1]; /* that is wanted */
	uint8_t flags; /* enum kith_name_flags that are wished for; the issuer decides */
	struct kith_signed s; /* signed by the identity */
};

/* The request. identity is filled in from the seed. KITH_ENAME; KITH_EINVAL: extensions that are none. */
KITH_EXPORT int kith_enrol_make(uint8_t out[KITH_ENROL_LEN_MAX], const struct kith_enrol *request,
				const struct kith_seed *identity) KITH_MUST_USE;

/* The issuer's check against what it expects: KITH_ENETWORK, KITH_ECHAIN (another issuer), KITH_EAUTH (another
 * nonce), KITH_ESIGNATURE, or KITH_EPROTO, KITH_EVERSION, KITH_ENAME, KITH_ENOTSUP. */
KITH_EXPORT int kith_enrol_check(struct kith_enrol *out, struct kith_span request, const struct kith_id *network,
				 const struct kith_key *issuer, const uint8_t nonce[KITH_NONCE_LEN]) KITH_MUST_USE;

/* The answer: a name certificate on the issuer's terms (serial, times, flags, placement, s.ext are read from
 * terms). Errors as kith_name_cert_make. */
KITH_EXPORT int kith_enrol_grant(uint8_t out[KITH_CERT_MAX], const struct kith_enrol *request,
				 const struct kith_name_cert *terms, const struct kith_seed *issuer) KITH_MUST_USE;

/* The asker's check that the answer is for its name and key (KITH_ENAME, KITH_EAUTH) and by that issuer (KITH_ECHAIN,
 * KITH_ESIGNATURE); else errors as kith_name_cert_parse. */
KITH_EXPORT int kith_enrol_accept(struct kith_name_cert *out, struct kith_span answer, const struct kith_enrol *request,
				  const struct kith_key *issuer) KITH_MUST_USE;

/* ---- contacts and key files ---- */

/* What a contact is allowed. */
enum kith_contact_flags {
	KITH_CONTACT_ACCEPTED = 1 << 0, /* candidates and presence details may be given */
	KITH_CONTACT_RELAY_ONLY =
		1 << 1, /* nothing goes to it but through homes of our own: no candidate, no probe, no call */
	KITH_CONTACT_BLOCKED = 1 << 2 /* calls are not answered, as if nobody were there; overrides the others */
};

/* A name that is pinned. */
struct kith_contact { /* fixed */
	char name[KITH_NAME_MAX + 1]; /* that is pinned */
	uint8_t flags; /* enum kith_contact_flags */
	struct kith_key identity; /* the key that it is pinned to */
};

/* What a secret of a key file is. */
enum kith_secret_kind {
	KITH_SECRET_IDENTITY = 1,
	KITH_SECRET_DEVICE = 2,
	KITH_SECRET_ROOT = 3,
	KITH_SECRET_ISSUER = 4,
	KITH_SECRET_PRESENCE = 5 /* the key that accepted contacts are given */
};

#define KITH_SECRETS_MAX 8 /* of one key file */
#define KITH_SECRET_LEN_MAX 64 /* bytes of one */

/* One secret of a key file. */
struct kith_secret { /* fixed */
	uint8_t kind; /* enum kith_secret_kind; unknown kinds are carried along */
	uint8_t len; /* 32 for the kinds above */
	uint8_t b[KITH_SECRET_LEN_MAX]; /* the first len bytes */
};

/* What a key file holds: at most one secret of each kind, ascending by kind. */
struct kith_secrets { /* fixed */
	uint8_t n; /* how many there are */
	struct kith_secret items[KITH_SECRETS_MAX]; /* the first n */
};

/* False when there is none of that kind; out is then untouched. */
KITH_EXPORT bool kith_secrets_get(const struct kith_secrets *secrets, enum kith_secret_kind kind,
				  struct kith_seed *out);

/* Adds or replaces. KITH_EFULL. */
KITH_EXPORT int kith_secrets_set(struct kith_secrets *secrets, enum kith_secret_kind kind,
				 const struct kith_seed *seed) KITH_MUST_USE;

/* Overwrites all of it. */
KITH_EXPORT void kith_secrets_wipe(struct kith_secrets *secrets);

/* ---- text ---- */

/* Any object above in words, one "field: value" per line, into out (always NUL-terminated). The length without NUL,
 * KITH_EMSGSIZE when it was cut, KITH_EPROTO: none of them; else errors as its parsing function. */
KITH_EXPORT int kith_identity_describe(struct kith_span object, char *out, size_t cap) KITH_MUST_USE;

/* Armour: base64 between "-----BEGIN KITH <label>-----" and "-----END KITH <label>-----", lines of 64. */
#define KITH_ARMOR_MAP(X)                                                                                              \
	X(ISSUER, "ISSUER CERTIFICATE")                                                                                \
	X(NAME, "NAME CERTIFICATE")                                                                                    \
	X(DEVICE, "DEVICE CERTIFICATE")                                                                                \
	X(CHAIN, "CHAIN")                                                                                              \
	X(DEVICES, "DEVICE LIST")                                                                                      \
	X(REVOCATION, "REVOCATION LIST")                                                                               \
	X(ENROL, "ENROLMENT REQUEST")                                                                                  \
	X(KEYS, "KEY FILE")                                                                                            \
	X(LOG_HEAD, "LOG HEAD")                                                                                        \
	X(PARAMS, "NETWORK PARAMETERS")

/* What an armoured text holds. */
enum kith_armor {
#define KITH_ARMOR_ENUM(name, label) KITH_ARMOR_##name,
	KITH_ARMOR_MAP(KITH_ARMOR_ENUM)
#undef KITH_ARMOR_ENUM
};

/* The length that kith_armor_encode writes for len bytes, NUL included. */
KITH_EXPORT size_t kith_armor_size(enum kith_armor kind, size_t len);

/* Returns the length without NUL; KITH_EMSGSIZE when cap is less than kith_armor_size. */
KITH_EXPORT int kith_armor_encode(char *out, size_t cap, enum kith_armor kind, struct kith_span bytes) KITH_MUST_USE;

/* Decodes the first block in text (len characters; what stands before it is skipped) into out and returns its length.
 * *used, if not NULL, is where the text after the block begins. KITH_ENOENT: no block; KITH_EPROTO: broken;
 * KITH_EMSGSIZE. */
KITH_EXPORT int kith_armor_decode(enum kith_armor *kind, uint8_t *out, size_t cap, const char *text, size_t len,
				  size_t *used) KITH_MUST_USE;

#endif
