/* From kith_node_start to the started callback: keys and state on the thread pool, sockets, the core. Host names are
 * looked for meanwhile, and waited for by nobody. */
#include "host/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "core/save.h"
#include "crypto/suite.h"
#include "host/check.h"

static void fail(struct kith_node *node, enum kith_part part, int err, const char *why)
{
	node->state = KITH_NODE_FAILED;
	node->failed = part;
	enum kith_log_level level = node->cb.started != NULL ? KITH_LOG_DEBUG : KITH_LOG_ERROR;
	KITH_LOG(node->log, level, "start_failed err=%s why=\"%s\"", kith_err_name(err), kith_node_redacted(node, why));
	if (node->cb.started != NULL)
		node->cb.started(node, err, why, node->user);
	kith_node_touch(node);
}

/* ---- on the thread pool ---- */

static const char *const file_names[KITH_HOST_FILES] = { KITH_HOST_STATE_FILE, KITH_HOST_CONTACTS_FILE };

static int check_file(enum kith_save what, struct kith_span bytes)
{
	struct kith_contacts contacts;
	if (what == KITH_SAVE_STATE)
		return kith_state_check(kith_suite_sodium(), bytes);
	kith_contacts_init(&contacts, kith_system_alloc(), KITH_CONTACTS_DEFAULT_MAX);
	int err = kith_contacts_load(&contacts, kith_suite_sodium(), bytes);
	kith_contacts_deinit(&contacts);
	return err;
}

static void drop_file(struct kith_host_file *file)
{
	if (file->bytes != NULL)
		kith_wipe(file->bytes, file->len);
	kith_alloc_free(kith_system_alloc(), file->bytes, file->len);
	file->bytes = NULL;
	file->len = 0;
}

/* Takes in a whole file, or nothing of it. */
static int read_file(struct kith_node *node, enum kith_save what, const char *name, struct kith_host_file *file)
{
	int err = kith_statedir_load(&node->statedir, name, kith_system_alloc(), &file->bytes, &file->len);
	if (err == 0)
		err = check_file(what, (struct kith_span){ file->bytes, file->len });
	if (err != 0)
		drop_file(file);
	return err;
}

/* A file that cannot be used is no reason not to start: it is put aside, so that nothing overwrites it, and told. */
static void put_aside(struct kith_node *node, enum kith_save what, int err, struct kith_host_file *file)
{
	char to[KITH_STATE_NAME_MAX];
	const char *name = file_names[what];
	int moved = kith_statedir_aside(&node->statedir, name, to);
	file->trouble = err;
	if (moved == 0)
		(void)snprintf(file->why, sizeof file->why, "%.96s/%s cannot be used (%s): put aside as %s",
			       node->o.state_dir, name, kith_strerror(err), to);
	else
		(void)snprintf(file->why, sizeof file->why, "%.96s/%s cannot be used (%s), nor put aside (%s)",
			       node->o.state_dir, name, kith_strerror(err), kith_strerror(moved));
}

static void note(struct kith_host_file *file, const char *more)
{
	size_t len = strlen(file->why);
	(void)snprintf(file->why + len, sizeof file->why - len, "%s", more);
}

/* The contacts that were saved before the last ones. */
static int read_older_contacts(struct kith_node *node, int err, struct kith_host_file *file)
{
	int older = read_file(node, KITH_SAVE_CONTACTS, KITH_HOST_CONTACTS_FILE ".old", file);
	if (older == KITH_ENOMEM)
		return older;
	if (err == KITH_ENOENT && older == 0) {
		file->trouble = err;
		(void)snprintf(file->why, sizeof file->why, "%.96s/%s is missing", node->o.state_dir,
			       KITH_HOST_CONTACTS_FILE);
	}
	if (older == 0) {
		note(file, "; the contacts of the time before are used");
		older = kith_statedir_save(&node->statedir, KITH_HOST_CONTACTS_FILE,
					   (struct kith_span){ file->bytes, file->len });
		if (older != 0) /* there is one copy of them only; every change is saved again */
			KITH_LOG(node->log, KITH_LOG_WARN, "contacts_not_copied err=%s", kith_err_name(older));
	} else if (err != KITH_ENOENT)
		note(file, "; ALL CONTACTS ARE LOST: names that were pinned are not");
	return 0;
}

/* 0, or KITH_ENOMEM: what could not be read for that must not be overwritten. */
static int take_file(struct kith_node *node, enum kith_save what, struct kith_host_file *file)
{
	int err = read_file(node, what, file_names[what], file);
	if (err == 0 || err == KITH_ENOMEM)
		return err;
	if (err != KITH_ENOENT)
		put_aside(node, what, err, file);
	return what == KITH_SAVE_CONTACTS ? read_older_contacts(node, err, file) : 0;
}

static void open_files(struct kith_node *node, struct kith_open_job *job)
{
	if (node->o.state_dir == NULL)
		return;
	job->part = KITH_PART_STATE;
	job->err = kith_statedir_open(&node->statedir, node->o.state_dir, job->why);
	for (int what = 0; job->err == 0 && what < KITH_HOST_FILES; what++) {
		job->err = take_file(node, (enum kith_save)what, &job->files[what]);
		if (job->err != 0)
			(void)snprintf(job->why, sizeof job->why, "cannot read %.128s/%s: %s", node->o.state_dir,
				       file_names[what], kith_strerror(job->err));
	}
}

static void open_work(uv_work_t *work)
{
	struct kith_node *node = work->data;
	struct kith_open_job *job = node->open;
	job->part = KITH_PART_SYSTEM;
	job->err = kith_suite_sodium_init();
	if (job->err != 0) {
		(void)snprintf(job->why, sizeof job->why, "libsodium cannot be used");
		return;
	}
	if (!node->o.has_device) {
		job->part = KITH_PART_KEY;
		job->err = kith_keyfile_unlock(&job->keyfile, job->pass, job->pass_len, &job->secrets);
		if (job->err != 0) {
			(void)snprintf(job->why, sizeof job->why, "cannot open the key file %s: %s", node->o.key_path,
				       kith_strerror(job->err));
			return;
		}
	}
	job->part = KITH_PART_COMPONENT;
	if (node->o.stun)
		job->err = kith_node_stun_load(node, job->why);
	if (job->err == 0)
		job->err = kith_web_load(node, job->why);
	if (job->err == 0)
		job->err = kith_ice_load(node, job->why);
	if (job->err == 0)
		open_files(node, job);
}

void kith_open_forget(struct kith_node *node)
{
	struct kith_open_job *job = node->open;
	if (job == NULL)
		return;
	for (int what = 0; what < KITH_HOST_FILES; what++)
		drop_file(&job->files[what]);
	kith_wipe(job, sizeof *job);
	KITH_FREE(node->alloc, job);
	node->open = NULL;
}

/* ---- what changes later ---- */

static void interfaces_changed(void *ctx, const struct kith_interfaces *now)
{
	struct kith_node *node = ctx;
	KITH_LOG(node->log, KITH_LOG_INFO, "interfaces_changed v4=%zu v6=%zu", now->v4.n, now->v6.n);
	if (node->core == NULL)
		return;
	kith_tell_transports(node, now);
	kith_serving_moved(node);
	kith_portmap_look(node);
	if (kith_resolver_wants(&node->resolver) && node->resolver.busy == 0) { /* there may be a resolver now */
		node->resolver.attempt = 0;
		kith_bootstrap_resolve(node);
	}
	kith_node_touch(node);
}

/* ---- the core ---- */

static bool pick_device(struct kith_node *node, struct kith_seed *out)
{
	if (!node->o.has_device)
		return kith_secrets_get(&node->open->secrets, KITH_SECRET_DEVICE, out);
	*out = node->o.device;
	return true;
}

/* Why there is no core, and which part of the options is to blame. */
static void blame(struct kith_node *node, const struct kith_seed *device, int err, char *why)
{
	struct kith_now now = kith_node_now(node);
	if (err == KITH_ENOENT) {
		node->failed = KITH_PART_KEY;
		(void)snprintf(why, KITH_HOST_WHY_MAX, "the key file %s holds no device key", node->o.key_path);
	} else if (err == KITH_ENOMEM ||
		   kith_check_identity(&node->o, device, &now, &node->failed, why, KITH_HOST_WHY_MAX) == 0) {
		node->failed = err == KITH_ENOMEM ? KITH_PART_SYSTEM : KITH_PART_OPTIONS;
		(void)snprintf(why, KITH_HOST_WHY_MAX, "%s", kith_strerror(err));
	}
}

static int make_core(struct kith_node *node, const struct kith_bootstrap bootstrap[], size_t bootstrap_n, char *why)
{
	const struct kith_node_options *o = &node->o;
	struct kith_shared_options so;
	struct kith_core_options co;
	kith_shared_options_init(&so);
	so.alloc = node->buffers;
	so.random = node->random;
	int err = kith_shared_new(&node->shared, &so);
	if (err != 0)
		return err;
	kith_core_options_init(&co);
	co.role = o->role;
	co.alloc = node->alloc;
	co.random = node->random;
	co.shared = node->shared;
	co.stats = &node->stats;
	co.log = node->log;
	co.root = o->has_root ? &o->root : NULL;
	co.open_label = o->open_label;
	co.chain = o->chain;
	co.devices = o->devices;
	co.bootstrap = bootstrap;
	co.bootstrap_n = bootstrap_n;
	co.earliest_ms = kith_release_unix_ms();
	co.endpoints_n = kith_sockets_endpoints(node, o->endpoints, o->endpoints_n, co.endpoints);
	co.terms = o->terms;
	const struct kith_host_file *files = node->open->files;
	co.state = (struct kith_span){ files[KITH_SAVE_STATE].bytes, files[KITH_SAVE_STATE].len };
	co.contacts = (struct kith_span){ files[KITH_SAVE_CONTACTS].bytes, files[KITH_SAVE_CONTACTS].len };
	if (o->sessions_max != 0)
		co.sessions_max = o->sessions_max;
	if (o->tunnels_max != 0)
		co.tunnels_max = o->tunnels_max;
	if (o->relay_rate != 0)
		co.relay_rate = o->relay_rate;
	if (o->relay_owner_rate != 0)
		co.relay_owner_rate = o->relay_owner_rate;
	if (o->stream_window_max != 0)
		co.stream_window_max = o->stream_window_max;
	if (o->session_window_max != 0)
		co.session_window_max = o->session_window_max;
	if (o->windows_max != 0)
		co.windows_max = o->windows_max;
	if (o->election_pace != 0)
		co.election_pace = o->election_pace;
	co.allow_loopback = o->allow_loopback;
	co.answer_strangers = o->answer_strangers;
	co.presence = o->presence;
	err = pick_device(node, &co.device) ? kith_core_new(&node->core, &co, kith_node_now(node)) : KITH_ENOENT;
	if (err != 0)
		blame(node, &co.device, err, why);
	kith_wipe(&co.device, sizeof co.device);
	kith_wipe(&node->o.device, sizeof node->o.device);
	return err;
}

static void forget_services(struct kith_node *node)
{
	kith_alloc_free(node->alloc, node->services, node->services_n * sizeof *node->services);
	node->services = NULL;
	node->services_n = 0;
}

/* Services, lists and clock, once the core is there. */
static void equip_core(struct kith_node *node)
{
	for (size_t i = 0; i < node->services_n; i++)
		if (kith_core_serve(node->core, node->services[i]) != 0)
			KITH_LOG(node->log, KITH_LOG_ERROR, "service_refused name=%s", node->services[i]);
	forget_services(node);
	for (size_t i = 0; i < node->o.issuers_n; i++) {
		int err = kith_core_add_issuer(node->core, kith_node_now(node), node->o.issuers[i]);
		if (err != 0)
			kith_trouble(node, KITH_TROUBLE_LIST, err, "an issuer's certificate was refused");
	}
	for (size_t i = 0; i < node->o.revocations_n; i++) {
		int err = kith_core_revoke(node->core, kith_node_now(node), node->o.revocations[i]);
		if (err != 0)
			kith_trouble(node, KITH_TROUBLE_LIST, err, "a revocation list was refused");
	}
	kith_web_tell(node);
	/* Who is told may close the node, which forgets these. */
	for (int what = 0; node->open != NULL && what < KITH_HOST_FILES; what++) {
		const struct kith_host_file *file = &node->open->files[what];
		if (file->trouble != 0)
			kith_trouble(node, KITH_TROUBLE_STATE, file->trouble, file->why);
	}
}

static int start_watching(struct kith_node *node)
{
	struct kith_interface_watch *w = &node->watch;
	w->random = node->random;
	w->allow_loopback = node->o.allow_loopback;
	w->changed = interfaces_changed;
	w->ctx = node;
	int err = kith_interfaces_read(&w->last, w->allow_loopback);
	if (err != 0) /* there may be a list later */
		KITH_LOG(node->log, KITH_LOG_WARN, "interfaces_not_read err=%s", kith_err_name(err));
	err = kith_interface_watch_start(w, node->loop);
	node->watching = err == 0;
	return err;
}

static void take_name(struct kith_node *node)
{
	if (node->chain.kind == KITH_CHAIN_OPEN)
		(void)kith_fingerprint(&node->chain.identity, node->name);
	else
		memcpy(node->name, node->chain.name.name, sizeof node->name);
}

static int run(struct kith_node *node, char *why)
{
	/* Every name that an entry can have, four each: 10 kB. */
	struct kith_bootstrap bootstrap[KITH_RESOLVE_ENTRIES_MAX * KITH_RESOLVE_PER_NAME];
	size_t n = kith_resolver_result(&node->resolver, bootstrap, sizeof bootstrap / sizeof bootstrap[0]);

	node->failed = KITH_PART_SOCKET;
	int err = kith_sockets_open(node, why);
	if (err != 0)
		return err;
	node->failed = KITH_PART_SYSTEM;
	err = make_core(node, bootstrap, n, why);
	if (err == 0)
		err = kith_chain_parse(&node->chain, node->o.chain);
	if (err != 0)
		return err;
	take_name(node);
	err = node->o.stun ? kith_node_stun_begin(node) : 0;
	if (err == 0)
		err = start_watching(node);
	return err != 0 ? err : kith_serving_watch(node);
}

/* ---- the order of things ---- */

/* The files are read: everything else is at hand. Names that were not found yet come later. */
static void proceed(struct kith_node *node)
{
	char why[KITH_HOST_WHY_MAX] = "";
	int err = run(node, why);
	if (err != 0) {
		kith_open_forget(node);
		kith_sockets_close(node);
		fail(node, node->failed, err, why[0] != '\0' ? why : kith_strerror(err));
		return;
	}
	node->failed = KITH_PART_NONE;
	node->state = KITH_NODE_RUNNING;
	equip_core(node);
	kith_open_forget(node);
	kith_tell_transports(node, &node->watch.last);
	kith_portmap_look(node);
	kith_core_tick(node->core, kith_node_now(node));
	if (node->state == KITH_NODE_RUNNING && node->cb.started != NULL)
		node->cb.started(node, 0, "", node->user);
	kith_node_touch(node);
}

static void open_done(uv_work_t *work, int status)
{
	struct kith_node *node = work->data;
	char why[KITH_HOST_WHY_MAX];
	int err = node->open->err;
	enum kith_part part = node->open->part;
	node->open->busy = false;
	memcpy(why, node->open->why, sizeof why);
	if (status == 0 && node->state == KITH_NODE_STARTING && err == 0)
		proceed(node);
	kith_open_forget(node);
	if (status == 0 && node->state == KITH_NODE_STARTING && err != 0)
		fail(node, part, err, why);
	kith_node_job_done(node);
}

int kith_open_begin(struct kith_node *node)
{
	node->open->work.data = node;
	if (uv_queue_work(node->loop, &node->open->work, open_work, open_done) != 0)
		return KITH_EIO;
	node->open->busy = true;
	node->jobs++;
	kith_bootstrap_resolve(node);
	return 0;
}

void kith_open_cancel(struct kith_node *node)
{
	if (node->open != NULL && node->open->busy)
		(void)uv_cancel((uv_req_t *)&node->open->work);
	else
		kith_open_forget(node);
	kith_bootstrap_cancel(node);
}
