/* A node's own key, certificates and role, looked at before it starts; see check.h. */
#include "host/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "crypto/suite.h"
#include "host/internal.h"
#include "host/keyfile.h"
#include "host/system.h"
#include "identity/keypair.h"
#include "identity/posted.h"

enum { BLOBS_MAX = 256, DATE_LEN = 32 };

struct check {
	const struct kith_node_options *o;
	const struct kith_now *now;
	struct kith_blobs blobs;
	struct kith_trust trust;
	struct kith_person me;
	enum kith_part part;
	char *why;
	size_t cap;
};

static const char *date(char out[DATE_LEN], int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;
	if (gmtime_r(&t, &tm) == NULL || strftime(out, DATE_LEN, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		(void)snprintf(out, DATE_LEN, "%lld s after 1970", (long long)unix_s);
	return out;
}

static void say(struct check *c, enum kith_part part, const char *words)
{
	c->part = part;
	(void)snprintf(c->why, c->cap, "%s", words);
}

/* ---- the chain ---- */

struct term {
	const char *whose;
	int64_t not_before_s, expires_s;
};

/* The certificate of the chain that is out of its time. */
static void say_time(struct check *c, int err)
{
	struct kith_chain chain;
	char when[DATE_LEN], clock[DATE_LEN];
	if (kith_chain_parse(&chain, c->o->chain) != 0)
		return;
	const struct term terms[] = { { "device", chain.device.not_before_s, chain.device.expires_s },
				      { "name", chain.name.not_before_s, chain.name.expires_s },
				      { "issuer", chain.issuer.not_before_s, chain.issuer.expires_s } };
	size_t n = chain.kind == KITH_CHAIN_OPEN ? 1 : chain.kind == KITH_CHAIN_BY_ID ? 2 : 3;
	const struct term *worst = &terms[0];
	for (size_t i = 1; i < n; i++)
		if (err == KITH_EEXPIRED ? terms[i].expires_s < worst->expires_s
					 : terms[i].not_before_s > worst->not_before_s)
			worst = &terms[i];
	bool over = err == KITH_EEXPIRED;
	(void)snprintf(c->why, c->cap, "the %s's certificate %s on %s, and the clock says %s", worst->whose,
		       over ? "ended" : "begins", date(when, over ? worst->expires_s : worst->not_before_s),
		       date(clock, c->now->unix_ms / 1000));
}

static int check_chain(struct check *c)
{
	int err = kith_trust_check(&c->trust, c->now, c->o->chain, &c->me);
	if (err == 0)
		return 0;
	say(c, err == KITH_ENOMEM ? KITH_PART_SYSTEM : KITH_PART_CHAIN, kith_strerror(err));
	if (err == KITH_EEXPIRED || err == KITH_ENOTYET)
		say_time(c, err);
	else if (err == KITH_ENETWORK)
		say(c, KITH_PART_CHAIN, "the certificates are of another network than the one that is configured");
	return err;
}

static int check_device(struct check *c, const struct kith_seed *device)
{
	struct kith_key dh, sign;
	if (device == NULL)
		return 0;
	kith_seed_device(&dh, &sign, device);
	if (memcmp(dh.b, c->me.device_dh.b, sizeof dh.b) == 0 &&
	    memcmp(sign.b, c->me.device_sign.b, sizeof sign.b) == 0)
		return 0;
	say(c, KITH_PART_KEY, "the key is of another device than the certificates");
	return KITH_EAUTH;
}

static int check_role(struct check *c)
{
	if (!KITH_SERVING && c->o->role != KITH_ROLE_LEAF) {
		say(c, KITH_PART_ROLE, "this build does not serve (KITH_BUILD_SERVING): its role can only be leaf");
		return KITH_ENOTSUP;
	}
	if (c->o->role != KITH_ROLE_SUPERNODE)
		return 0;
	if (c->trust.open || (c->me.flags & KITH_NAME_SUPERNODE) != 0)
		return 0;
	c->part = KITH_PART_ROLE;
	(void)snprintf(c->why, c->cap, "the name %s is not certified as a supernode", c->me.name);
	return KITH_EACCES;
}

/* ---- the lists ---- */

static int refuse_list(struct check *c, const char *what, size_t i, int err)
{
	c->part = KITH_PART_LIST;
	(void)snprintf(c->why, c->cap, "%s %zu is refused: %s", what, i + 1, kith_strerror(err));
	return err;
}

/* What they say of us, too: a node whose own name is revoked meets nobody. */
static int check_lists(struct check *c)
{
	const struct kith_node_options *o = c->o;
	for (size_t i = 0; i < o->issuers_n; i++) {
		int err = kith_trust_issuer_add(&c->trust, c->now, o->issuers[i]);
		if (err != 0)
			return refuse_list(c, "issuer's certificate", i, err);
	}
	for (size_t i = 0; i < o->revocations_n; i++) {
		int err = kith_trust_post(&c->trust, c->now, o->revocations[i]);
		if (err < 0)
			return refuse_list(c, "revocation list", i, err);
	}
	int err =
		o->devices.len == 0 ? 0 : kith_trust_devices_add(&c->trust, c->now, &c->me.identity, o->devices, true);
	if (err < 0)
		return refuse_list(c, "device list", 0, err);
	err = kith_trust_recheck(&c->trust, c->now, &c->me);
	if (err == 0)
		return 0;
	say(c, KITH_PART_CHAIN, "a list that is configured revokes this very name, its issuer or this device");
	return err;
}

static int check_all(struct check *c, const struct kith_seed *device)
{
	int err = check_chain(c);
	if (err == 0)
		err = check_device(c, device);
	if (err == 0)
		err = check_role(c);
	return err == 0 ? check_lists(c) : err;
}

int kith_check_identity(const struct kith_node_options *o, const struct kith_seed *device, const struct kith_now *now,
			enum kith_part *part, char *why, size_t cap)
{
	const struct kith_random *random = kith_system_random();
	struct check c = { .o = o, .now = now, .why = why, .cap = cap };
	uint64_t seed[2] = { kith_rng_u64(random), kith_rng_u64(random) };
	const struct kith_trust_options trust = { .suite = kith_suite_sodium(),
						  .alloc = kith_system_alloc(),
						  .blobs = &c.blobs,
						  .root = o->has_root ? &o->root : NULL,
						  .open_label =
							  o->open_label != NULL ? o->open_label : KITH_HOST_OPEN_LABEL,
						  .issuers_max = KITH_TRUST_ISSUERS_MAX,
						  .device_lists_max = 1,
						  .chains_max = 1,
						  .seed = { seed[0], seed[1] } };
	kith_blobs_init(&c.blobs, kith_system_alloc(), BLOBS_MAX, seed);
	int err = kith_trust_init(&c.trust, &trust);
	if (err != 0) {
		say(&c, KITH_PART_OPTIONS, "neither a root key nor a label of an open network");
	} else {
		err = check_all(&c, device);
		kith_trust_deinit(&c.trust);
	}
	kith_blobs_deinit(&c.blobs);
	*part = c.part;
	return err;
}

/* ---- before anything starts ---- */

/* Opens the key file, if it can be without asking. *known: whether device was filled in. */
static int open_key(const struct kith_node_options *o, struct kith_seed *device, bool *known)
{
	struct kith_keyfile file;
	struct kith_secrets secrets = { 0 };
	char pass[KITH_PASSPHRASE_MAX];
	int n = 0;
	int err = o->key_path == NULL ? KITH_ENOENT : kith_keyfile_load(&file, o->key_path);
	if (err != 0)
		return err;
	if (file.is_protected && o->passphrase != NULL) {
		n = o->passphrase(o->passphrase_ctx, o->key_path, pass, sizeof pass);
		err = n < 0 ? n : (size_t)n > sizeof pass ? KITH_EINVAL : 0;
	}
	if (err == 0 && (!file.is_protected || n > 0)) {
		err = kith_keyfile_unlock(&file, pass, (size_t)n, &secrets);
		if (err == 0)
			*known = kith_secrets_get(&secrets, KITH_SECRET_DEVICE, device);
		if (err == 0 && !*known)
			err = KITH_ENOENT;
	}
	kith_wipe(pass, sizeof pass);
	kith_wipe(&file, sizeof file);
	kith_secrets_wipe(&secrets);
	return err;
}

int kith_node_options_check(const struct kith_node_options *o, enum kith_part *part, char *why, size_t cap)
{
	struct kith_seed device;
	bool known;
	if (o == NULL || part == NULL || why == NULL || cap == 0)
		return KITH_EINVAL;
	*part = KITH_PART_NONE;
	why[0] = '\0';
	known = o->has_device;
	if (known)
		device = o->device;
	int err = kith_suite_sodium_init();
	if (err == 0 && !known)
		err = open_key(o, &device, &known);
	if (err != 0) {
		*part = KITH_PART_KEY;
		(void)snprintf(why, cap, "%s", kith_strerror(err));
		return err;
	}
	struct kith_now now = kith_clock_now();
	err = kith_check_identity(o, known ? &device : NULL, &now, part, why, cap);
	kith_wipe(&device, sizeof device);
	if (err == 0 && !known)
		*part = KITH_PART_KEY;
	return err;
}
