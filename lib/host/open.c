/* From kith_node_start to the started callback: keys and state on the thread pool, host names by the resolver,
 * sockets, the core. */
#include "host/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "crypto/suite.h"

enum { PORT_ATTEMPTS = 8 };

/* Such texts hold host names, addresses and paths: for the application, and for logs only if they may. */
static const char *redacted(const struct kith_node *node, const char *why)
{
	return node->log->clear ? why : "[redacted]";
}

void kith_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why)
{
	KITH_LOG(node->log, KITH_LOG_WARN, "trouble what=%d err=%s why=\"%s\"", (int)what, kith_err_name(err),
		 redacted(node, why));
	if (node->cb.trouble != NULL)
		node->cb.trouble(node, what, err, why, node->user);
}

static void fail(struct kith_node *node, int err, const char *why)
{
	node->state = KITH_NODE_FAILED;
	KITH_LOG(node->log, KITH_LOG_ERROR, "start_failed err=%s why=\"%s\"", kith_err_name(err), redacted(node, why));
	if (node->cb.started != NULL)
		node->cb.started(node, err, why, node->user);
	kith_drive_pump(node);
}

/* ---- on the thread pool ---- */

static void open_files(struct kith_node *node, struct kith_open_job *job)
{
	if (node->o.state_dir == NULL)
		return;
	job->err = kith_statedir_open(&node->statedir, node->o.state_dir, job->why);
	if (job->err != 0)
		return;
	int err = kith_statedir_load(&node->statedir, KITH_HOST_STATE_FILE, kith_system_alloc(), &job->state,
				     &job->state_len, &job->state_ms);
	if (err != 0 && err != KITH_ENOENT) {
		job->err = err;
		(void)snprintf(job->why, sizeof job->why, "cannot read %s/" KITH_HOST_STATE_FILE ": %s",
			       node->o.state_dir, kith_strerror(err));
	}
}

static void open_work(uv_work_t *work)
{
	struct kith_node *node = work->data;
	struct kith_open_job *job = &node->open;

	job->err = kith_suite_sodium_init();
	if (job->err != 0) {
		(void)snprintf(job->why, sizeof job->why, "libsodium cannot be used");
		return;
	}
	if (!node->o.has_device) {
		job->err = kith_keyfile_unlock(&job->keyfile, job->pass, job->pass_len, &job->secrets);
		if (job->err != 0) {
			(void)snprintf(job->why, sizeof job->why, "cannot open the key file %s: %s", node->o.key_path,
				       kith_strerror(job->err));
			return;
		}
	}
	open_files(node, job);
}

static void wipe_job(struct kith_node *node)
{
	struct kith_open_job *job = &node->open;

	kith_wipe(job->pass, sizeof job->pass);
	kith_wipe(&job->keyfile, sizeof job->keyfile);
	kith_secrets_wipe(&job->secrets);
	if (job->state != NULL)
		kith_wipe(job->state, job->state_len);
	kith_alloc_free(kith_system_alloc(), job->state, job->state_len);
	job->state = NULL;
	job->state_len = 0;
}

/* ---- sockets ---- */

static int open_socket(struct kith_node *node, enum kith_host_transport which, uint16_t port, char *why)
{
	bool v4 = which == KITH_TRANSPORT_UDP_V4;
	struct kith_socket *s = &node->sockets[which];
	struct kith_udp_options o = { .alloc = node->alloc,
				      .transport = (uint16_t)which,
				      .offload = !node->o.no_offload };

	o.bind = v4 ? node->o.bind_v4 : node->o.bind_v6;
	o.bind.family = v4 ? KITH_FAMILY_V4 : KITH_FAMILY_V6;
	o.bind.port = port;
	s->node = node;
	return kith_udp_open(&s->udp, &o, why);
}

static void close_socket(struct kith_node *node, enum kith_host_transport which)
{
	kith_udp_close(node->sockets[which].udp);
	node->sockets[which].udp = NULL;
}

/* Opens both families on one port. One family that this machine does not have is no error, both are. */
static int open_sockets(struct kith_node *node, char *why)
{
	char why6[KITH_UDP_WHY_MAX];
	int err4 = 0, err6 = 0;

	for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
		uint16_t port = node->o.port;
		err4 = err6 = KITH_ENOTSUP;
		why[0] = why6[0] = '\0';
		if (!node->o.no_v4) {
			err4 = open_socket(node, KITH_TRANSPORT_UDP_V4, port, why);
			if (err4 == 0)
				port = kith_udp_port(node->sockets[KITH_TRANSPORT_UDP_V4].udp);
		}
		if (!node->o.no_v6)
			err6 = open_socket(node, KITH_TRANSPORT_UDP_V6, port, why6);
		/* The port that v4 was given may be somebody else's on v6: ask for another. */
		if (node->o.port != 0 || err4 != 0 || err6 != KITH_EADDRINUSE)
			break;
		if (attempt + 1 < PORT_ATTEMPTS)
			close_socket(node, KITH_TRANSPORT_UDP_V4);
	}
	if (err4 != 0 && err6 != 0) {
		if (why[0] == '\0')
			memcpy(why, why6, sizeof why6);
		return node->o.no_v4 ? err6 : err4;
	}
	/* A port that was asked for and is taken: half a node would only confuse. */
	if (err4 == KITH_EADDRINUSE || (err6 == KITH_EADDRINUSE && node->o.port != 0)) {
		if (err6 == KITH_EADDRINUSE)
			memcpy(why, why6, sizeof why6);
		return KITH_EADDRINUSE;
	}
	if (err4 != 0 && !node->o.no_v4)
		kith_trouble(node, KITH_TROUBLE_SOCKET, err4, why);
	if (err6 != 0 && !node->o.no_v6)
		kith_trouble(node, KITH_TROUBLE_SOCKET, err6, why6);
	return 0;
}

static void tell_transport(struct kith_node *node, enum kith_host_transport which,
			   const struct kith_interface_list *list, const struct kith_addr *bound)
{
	struct kith_socket *s = &node->sockets[which];
	struct kith_transport t = { .id = (uint16_t)which,
				    .up = list->n > 0,
				    .family = which == KITH_TRANSPORT_UDP_V4 ? KITH_FAMILY_V4 : KITH_FAMILY_V6 };

	if (s->udp == NULL || (!t.up && !s->up))
		return;
	for (size_t i = 0; i < list->n; i++) {
		if (bound->family != KITH_FAMILY_NONE && memcmp(bound->ip, list->addrs[i].ip, sizeof bound->ip) != 0)
			continue;
		t.locals[t.locals_n] = list->addrs[i];
		t.locals[t.locals_n].port = kith_udp_port(s->udp);
		t.prefix_bits[t.locals_n] = list->prefix_bits[i];
		t.locals_n++;
	}
	s->up = t.up;
	kith_core_transport(node->core, kith_drive_now(node), &t);
	kith_node_touch(node);
}

void kith_tell_transports(struct kith_node *node, const struct kith_interfaces *interfaces)
{
	tell_transport(node, KITH_TRANSPORT_UDP_V4, &interfaces->v4, &node->o.bind_v4);
	tell_transport(node, KITH_TRANSPORT_UDP_V6, &interfaces->v6, &node->o.bind_v6);
}

static void interfaces_changed(void *ctx, const struct kith_interfaces *now)
{
	struct kith_node *node = ctx;

	KITH_LOG(node->log, KITH_LOG_INFO, "interfaces_changed v4=%zu v6=%zu", now->v4.n, now->v6.n);
	if (node->core == NULL)
		return;
	kith_tell_transports(node, now);
	kith_drive_pump(node);
}

/* ---- the core ---- */

static bool pick_device(struct kith_node *node, struct kith_seed *out)
{
	if (!node->o.has_device)
		return kith_secrets_get(&node->open.secrets, KITH_SECRET_DEVICE, out);
	*out = node->o.device;
	return true;
}

static int make_core(struct kith_node *node, const struct kith_bootstrap bootstrap[], size_t bootstrap_n)
{
	const struct kith_node_options *o = &node->o;
	struct kith_shared_options so;
	struct kith_core_options co;

	kith_shared_options_init(&so);
	so.alloc = node->alloc;
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
	memcpy(co.addrs, o->addrs, sizeof co.addrs);
	co.addrs_n = o->addrs_n;
	co.state.p = node->open.state;
	co.state.len = node->open.state_len;
	if (o->sessions_max != 0)
		co.sessions_max = o->sessions_max;
	if (o->tunnels_max != 0)
		co.tunnels_max = o->tunnels_max;
	if (o->relay_rate != 0)
		co.relay_rate = o->relay_rate;
	if (o->relay_owner_rate != 0)
		co.relay_owner_rate = o->relay_owner_rate;
	co.allow_loopback = o->allow_loopback;
	co.answer_strangers = o->answer_strangers;
	err = pick_device(node, &co.device) ? kith_core_new(&node->core, &co, kith_drive_now(node)) : KITH_ENOENT;
	kith_wipe(&co.device, sizeof co.device);
	kith_wipe(&node->o.device, sizeof node->o.device);
	return err;
}

/* Services, lists and clock, once the core is there. */
static void equip_core(struct kith_node *node)
{
	for (size_t i = 0; i < node->services_n; i++)
		if (kith_core_serve(node->core, node->services[i]) != 0)
			KITH_LOG(node->log, KITH_LOG_ERROR, "service_refused name=%s", node->services[i]);
	for (size_t i = 0; i < node->o.issuers_n; i++) {
		int err = kith_core_add_issuer(node->core, kith_drive_now(node), node->o.issuers[i]);
		if (err != 0)
			kith_trouble(node, KITH_TROUBLE_LIST, err, "an issuer's certificate was refused");
	}
	for (size_t i = 0; i < node->o.revocations_n; i++) {
		int err = kith_core_revoke(node->core, kith_drive_now(node), node->o.revocations[i]);
		if (err != 0)
			kith_trouble(node, KITH_TROUBLE_LIST, err, "a revocation list was refused");
	}
	if (!kith_drive_now(node).unix_trusted)
		kith_trouble(node, KITH_TROUBLE_CLOCK, KITH_ENOTYET, "the clock is earlier than it can be");
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

static int run(struct kith_node *node, char *why)
{
	/* Every name that an entry can have, four each: 10 kB. */
	struct kith_bootstrap bootstrap[KITH_RESOLVE_ENTRIES_MAX * KITH_RESOLVE_PER_NAME];
	size_t n = kith_resolver_result(&node->resolver, bootstrap, sizeof bootstrap / sizeof bootstrap[0]);

	int err = open_sockets(node, why);
	if (err != 0)
		return err;
	err = make_core(node, bootstrap, n);
	if (err == 0)
		err = kith_chain_parse(&node->chain, node->o.chain);
	if (err != 0) {
		(void)snprintf(why, KITH_HOST_WHY_MAX, "%s: %s",
			       err == KITH_ENOENT ? "the key file holds no device key" : "certificates and keys",
			       kith_strerror(err));
		return err;
	}
	if (node->o.stun) {
		uint64_t seed[2] = { kith_rng_u64(node->random), kith_rng_u64(node->random) };
		node->stun = kith_stun_new(node->alloc, seed);
		if (node->stun == NULL)
			return KITH_ENOMEM;
	}
	for (size_t i = 0; i < KITH_HOST_SOCKETS; i++)
		if (node->sockets[i].udp != NULL && (err = kith_drive_socket_start(&node->sockets[i])) != 0)
			return err;
	return start_watching(node);
}

/* ---- the order of things ---- */

static void proceed(struct kith_node *node);

static void resolve_done(void *ctx)
{
	struct kith_node *node = ctx;

	for (size_t i = 0; i < node->resolver.n; i++) {
		char why[KITH_HOST_WHY_MAX];
		const struct kith_resolve_entry *e = &node->resolver.entries[i];
		if (e->err == 0 || node->state != KITH_NODE_STARTING)
			continue;
		(void)snprintf(why, sizeof why, "cannot resolve %.*s", (int)sizeof why - 32, e->host);
		kith_trouble(node, KITH_TROUBLE_BOOTSTRAP, e->err, why);
	}
	proceed(node);
	kith_node_job_done(node);
}

static void resolve_begin(struct kith_node *node)
{
	if (kith_resolver_start(&node->resolver, node->loop, resolve_done, node))
		node->jobs++;
}

static void resolve_again(uv_timer_t *timer)
{
	struct kith_node *node = timer->data;
	if (node->state == KITH_NODE_STARTING)
		resolve_begin(node);
}

/* Nobody to ask: no address, and nothing remembered from an earlier run. */
static bool must_resolve_again(struct kith_node *node)
{
	if (node->resolver.n == 0 || node->open.state_len > 0 || kith_resolver_result(&node->resolver, NULL, 0) > 0)
		return false;
	kith_time_us in = kith_rng_backoff(node->random, KITH_RESOLVE_RETRY_US, KITH_RESOLVE_RETRY_MAX_US,
					   node->resolver.attempt++);
	(void)uv_timer_start(&node->once_timer, resolve_again, (uint64_t)(in / KITH_US_PER_MS), 0);
	return true;
}

/* Whatever was asked for came back: on to the next step, when all of it has. */
static void proceed(struct kith_node *node)
{
	char why[KITH_HOST_WHY_MAX] = "";

	if (node->state != KITH_NODE_STARTING || !node->open.done || node->resolver.busy > 0 ||
	    must_resolve_again(node))
		return;
	kith_clock_init(&node->clock, node->open.state_ms);
	int err = run(node, why);
	wipe_job(node);
	if (err != 0) {
		fail(node, err, why[0] != '\0' ? why : kith_strerror(err));
		return;
	}
	node->state = KITH_NODE_RUNNING;
	equip_core(node);
	kith_tell_transports(node, &node->watch.last);
	kith_core_tick(node->core, kith_drive_now(node));
	if (node->state == KITH_NODE_RUNNING && node->cb.started != NULL)
		node->cb.started(node, 0, "", node->user);
	kith_drive_pump(node);
}

static void open_done(uv_work_t *work, int status)
{
	struct kith_node *node = work->data;

	node->open.busy = false;
	node->open.done = true;
	if (status != 0 || node->state != KITH_NODE_STARTING) {
		wipe_job(node);
	} else if (node->open.err != 0) {
		wipe_job(node);
		fail(node, node->open.err, node->open.why);
	} else {
		proceed(node);
	}
	kith_node_job_done(node);
}

int kith_open_begin(struct kith_node *node)
{
	node->open.work.data = node;
	if (uv_queue_work(node->loop, &node->open.work, open_work, open_done) != 0)
		return KITH_EIO;
	node->open.busy = true;
	node->jobs++;
	resolve_begin(node);
	return 0;
}

void kith_open_cancel(struct kith_node *node)
{
	if (node->open.busy)
		(void)uv_cancel((uv_req_t *)&node->open.work);
	else
		wipe_job(node);
	kith_resolver_cancel(&node->resolver);
}
