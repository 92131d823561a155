/* The device's certificate is renewed while the node runs: by whoever has renewed the chain file meanwhile, or by the
 * node itself, where the identity's key is at hand.
 *
 * On the thread pool: the chain file is read. If its chain is of this device and newer, that is used. Else the key file
 * is opened; if it holds the identity's secret, that signs a certificate with the life that the last one had, and the
 * chain goes back into its place in the file, as a whole or not at all. A chain that cannot be written is used all the
 * same. The secret is wiped before the pool is through. Two programs that renew at the same moment both make a valid
 * certificate; the file has one of them.
 * On the loop: the core is given the chain (kith_core_renew); what went wrong is told, once for each reason.
 * Timers: the core's, which asks by CERT_DUE. Bounds: one job at a time.
 * Never: asks for a passphrase, keeps one.
 */
#include "host/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "crypto/suite.h"
#include "identity/cert.h"

enum { FILE_MAX = 256 * 1024, DAY_S = 86400, ROUNDED_S = 3 * DAY_S };

#define BLOCK_BEGIN "-----BEGIN KITH "

/* The chain file, and where in it the chain is. */
struct chain_file {
	uint8_t *text;
	size_t len;
	size_t begin, end;
};

static struct kith_span span_of(const uint8_t *p, size_t len)
{
	return (struct kith_span){ p, len };
}

/* Finds the chain. Its length, or KITH_EPROTO. */
static int find_chain(struct chain_file *f, uint8_t out[KITH_CHAIN_MAX])
{
	uint8_t bytes[KITH_REVOCATION_LEN_MAX];
	const char *text = (const char *)f->text;
	enum kith_armor kind;
	size_t used;
	for (size_t at = 0; at < f->len; at += used) {
		int n = kith_armor_decode(&kind, bytes, sizeof bytes, text + at, f->len - at, &used);
		if (n < 0)
			return KITH_EPROTO;
		if (kind != KITH_ARMOR_CHAIN)
			continue;
		if (n > KITH_CHAIN_MAX)
			return KITH_EPROTO;
		f->end = at + used;
		f->begin = at;
		while (strncmp(text + f->begin, BLOCK_BEGIN, strlen(BLOCK_BEGIN)) != 0)
			f->begin++;
		memcpy(out, bytes, (size_t)n);
		return n;
	}
	return KITH_EPROTO;
}

static void drop(struct chain_file *f)
{
	kith_alloc_free(kith_system_alloc(), f->text, f->len);
	memset(f, 0, sizeof *f);
}

/* Puts the job's chain where the file has one. */
static int put_chain(const struct chain_file *f, const char *path, struct kith_span chain)
{
	const struct kith_alloc *alloc = kith_system_alloc();
	struct stat st;
	size_t cap = f->len + kith_armor_size(KITH_ARMOR_CHAIN, chain.len);
	uint8_t *text = kith_alloc_zero(alloc, cap);
	if (text == NULL)
		return KITH_ENOMEM;
	memcpy(text, f->text, f->begin);
	int n = kith_armor_encode((char *)text + f->begin, cap - f->begin, KITH_ARMOR_CHAIN, chain);
	int err = n < 0 ? n : stat(path, &st) != 0 ? kith_system_err(errno) : 0;
	if (err == 0) {
		memcpy(text + f->begin + n, f->text + f->end, f->len - f->end);
		err = kith_file_replace(AT_FDCWD, path, span_of(text, f->begin + (size_t)n + f->len - f->end), true);
	}
	if (err == 0 && chmod(path, st.st_mode & 0777) != 0)
		err = kith_system_err(errno);
	kith_alloc_free(alloc, text, cap);
	return err;
}

/* ---- the certificate ---- */

/* As long as the last one was. One of days begins with the day: everybody reads it in presence records. */
static void date(struct kith_device_cert *cert, int64_t now_s)
{
	int64_t life_s = cert->expires_s - cert->not_before_s;
	cert->not_before_s = life_s >= ROUNDED_S ? now_s / DAY_S * DAY_S : now_s;
	cert->expires_s = cert->not_before_s + life_s;
}

static int sign_chain(struct kith_renew_job *job, const struct kith_seed *identity)
{
	uint8_t bytes[KITH_CERT_MAX];
	struct kith_chain held = job->held;
	struct kith_device_cert cert = held.device;
	struct kith_key pk;
	const bool open = held.kind == KITH_CHAIN_OPEN;
	kith_seed_public(&pk, identity);
	if (memcmp(&pk, open ? &held.identity : &held.name.identity, sizeof pk) != 0)
		return KITH_EAUTH;
	date(&cert, kith_clock_unix_ms() / 1000);
	int n = kith_device_cert_make(bytes, &cert, identity);
	if (n < 0)
		return n;
	const struct kith_span device = span_of(bytes, (size_t)n);
	const struct kith_signed *issuer = &held.issuer.s, *name = &held.name.s;
	n = open ? kith_chain_make_open(job->chain, &job->node->network, &pk, device)
		 : kith_chain_make(job->chain, &job->node->network,
				   span_of(issuer->body.p, issuer->body.len > 0 ? issuer->body.len + 64 : 0),
				   span_of(name->body.p, name->body.len + 64), device);
	job->len = n > 0 ? (size_t)n : 0;
	return n < 0 ? n : 0;
}

static int open_key(const struct kith_node_options *o, struct kith_secrets *secrets)
{
	struct kith_keyfile file;
	char pass[KITH_PASSPHRASE_MAX];
	int n = 0, err = o->key_path == NULL ? KITH_ENOENT : kith_keyfile_load(&file, o->key_path);
	if (err != 0)
		return err;
	if (file.is_protected) {
		n = o->passphrase_path == NULL ? KITH_EPASSPHRASE
					       : kith_passphrase_read(o->passphrase_path, pass, sizeof pass);
		err = n < 0 ? n : 0;
	}
	if (err == 0)
		err = kith_keyfile_unlock(&file, pass, (size_t)n, secrets);
	kith_wipe(pass, sizeof pass);
	kith_wipe(&file, sizeof file);
	return err;
}

/* What the job came to when the key is not at hand, and what the user does about it. */
static int say(struct kith_renew_job *job, int err)
{
	const char *key = job->node->o.key_path, *what = kith_strerror(err);
	const char *advice = "renew it with kith id renew, and reload the node";
	if (err == KITH_ENOENT || err == KITH_EAUTH)
		what = "the identity's key is not in the key file";
	else if (err == KITH_EPASSPHRASE && job->node->o.passphrase_path == NULL)
		what = "the key file is protected, and no file has its passphrase";
	(void)snprintf(job->why, sizeof job->why,
		       "the device's certificate is due, and not renewed by itself: %s%s%.96s%s; %s", what,
		       key != NULL ? " (" : "", key != NULL ? key : "", key != NULL ? ")" : "", advice);
	return err;
}

static int make(struct kith_renew_job *job)
{
	struct kith_secrets secrets = { 0 };
	struct kith_seed identity;
	int err = open_key(&job->node->o, &secrets);
	if (err == 0 && !kith_secrets_get(&secrets, KITH_SECRET_IDENTITY, &identity))
		err = KITH_ENOENT;
	kith_secrets_wipe(&secrets);
	if (err == 0)
		err = sign_chain(job, &identity);
	kith_wipe(&identity, sizeof identity);
	return err == 0 ? 0 : say(job, err);
}

/* Whether the chain of the file is this device's, and newer than ours. */
static bool is_newer(const struct kith_renew_job *job, size_t len)
{
	struct kith_chain theirs;
	return kith_chain_parse(&theirs, span_of(job->chain, len)) == 0 &&
	       memcmp(&theirs.device.sign, &job->held.device.sign, sizeof theirs.device.sign) == 0 &&
	       kith_chain_is_newer(&theirs, &job->held);
}

static void renew_work(uv_work_t *work)
{
	struct kith_renew_job *job = work->data;
	struct chain_file file = { 0 };
	const char *path = job->node->o.chain_path;
	int n = path == NULL ? KITH_ENOENT
			     : kith_file_read(AT_FDCWD, path, FILE_MAX, kith_system_alloc(), &file.text, &file.len);
	if (n == 0)
		n = find_chain(&file, job->chain);
	if (n > 0 && is_newer(job, (size_t)n)) {
		job->len = (size_t)n;
	} else if (!job->take_only) {
		job->err = make(job);
		if (job->err == 0 && path != NULL)
			job->saved = n < 0 ? n : put_chain(&file, path, span_of(job->chain, job->len));
	}
	drop(&file);
}

/* ---- on the loop ---- */

/* The chain that the node was given is wiped with the node; this one lies in it. */
static int use(struct kith_node *node, const struct kith_renew_job *job)
{
	if (node->renewed == NULL)
		node->renewed = kith_alloc_zero(node->alloc, KITH_CHAIN_MAX);
	int err = node->renewed == NULL
			  ? KITH_ENOMEM
			  : kith_core_renew(node->core, kith_node_now(node), span_of(job->chain, job->len));
	if (err != 0)
		return err;
	memcpy(node->renewed, job->chain, job->len);
	node->o.chain = span_of(node->renewed, job->len);
	return kith_chain_parse(&node->chain, node->o.chain);
}

/* Each reason once, and that it is over. */
static void tell(struct kith_node *node, int err, const char *why)
{
	if (err == 0 || err != node->renew_told)
		kith_trouble(node, KITH_TROUBLE_CERTIFICATE, err, why);
	node->renew_told = err;
}

static void renew_done(uv_work_t *work, int status)
{
	struct kith_renew_job *job = work->data;
	struct kith_node *node = job->node;
	char why[KITH_HOST_WHY_MAX];
	node->renewing = NULL;
	if (status == 0 && node->state == KITH_NODE_RUNNING && node->core != NULL) {
		int err = job->err == 0 && job->len > 0 ? use(node, job) : job->err;
		if (err != 0 && job->err == 0)
			(void)snprintf(why, sizeof why, "the renewed certificate is not taken: %s", kith_strerror(err));
		else if (job->saved != 0)
			(void)snprintf(why, sizeof why,
				       "the certificate was renewed, and %.96s could not be written: %s",
				       node->o.chain_path, kith_strerror(job->saved));
		if (err != 0)
			tell(node, err, job->err != 0 ? job->why : why);
		else if (job->saved != 0)
			tell(node, job->saved, why);
		else if (job->len > 0)
			tell(node, 0, "the device's certificate was renewed");
	}
	kith_wipe(job, sizeof *job);
	KITH_FREE(node->alloc, job);
	kith_node_job_done(node);
}

int kith_renew_begin(struct kith_node *node, bool take_only)
{
	if (node->renewing != NULL)
		return 0;
	struct kith_renew_job *job = KITH_NEW(node->alloc, struct kith_renew_job);
	if (job == NULL)
		return KITH_ENOMEM;
	job->node = node;
	job->take_only = take_only;
	job->work.data = job;
	/* Apart from the node's: that one may change only after the job. */
	memcpy(job->ours, node->o.chain.p, node->o.chain.len);
	int err = kith_chain_parse(&job->held, span_of(job->ours, node->o.chain.len));
	if (err == 0 && uv_queue_work(node->loop, &job->work, renew_work, renew_done) != 0)
		err = KITH_EIO;
	if (err != 0) {
		KITH_FREE(node->alloc, job);
		return err;
	}
	node->renewing = job;
	node->jobs++;
	return 0;
}

void kith_renew_due(struct kith_node *node)
{
	int err = kith_renew_begin(node, false);
	if (err != 0)
		KITH_LOG(node->log, KITH_LOG_WARN, "certificate_not_renewed err=%s", kith_err_name(err));
}
