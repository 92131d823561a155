/* A node from kith_node_new to kith_node_free, and what can be asked about it. */
#include "host/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/sized.h"
#include "crypto/suite.h"

#define WAIT_MAX_US (24 * 3600 * KITH_US_PER_S) /* nobody waits for longer, whatever is asked for */
enum { PATIENCE_MS = 500 }; /* beyond leave_us, in case that the core does not say that it left */

/* ---- beginning ---- */

static int ask_passphrase(struct kith_node *node)
{
	struct kith_open_job *job = node->open;
	if (node->o.has_device)
		return 0;
	int err = kith_keyfile_load(&job->keyfile, node->o.key_path);
	if (err != 0 || !job->keyfile.is_protected)
		return err;
	if (node->o.passphrase == NULL)
		return KITH_EPASSPHRASE;
	int n = node->o.passphrase(node->o.passphrase_ctx, node->o.key_path, job->pass, sizeof job->pass);
	if (n < 0)
		return n;
	if ((size_t)n > sizeof job->pass)
		return KITH_EINVAL;
	job->pass_len = (size_t)n;
	return 0;
}

static void release(struct kith_node *node)
{
	const struct kith_alloc *alloc = node->alloc;
	kith_core_free(node->core);
	kith_shared_free(node->shared);
	kith_thread_free_loop(node);
	kith_node_stun_end(node);
	kith_web_end(node);
	kith_ice_end(node);
	kith_statedir_close(&node->statedir);
	kith_resolver_deinit(&node->resolver);
	kith_table_deinit(&node->conns);
	if (node->events_cap > 0)
		KITH_FREE_ARRAY(alloc, node->events, node->events_cap);
	kith_alloc_free(alloc, node->event_data, node->event_data_cap);
	kith_alloc_free(alloc, node->services, node->services_n * sizeof *node->services);
	kith_open_forget(node);
	kith_options_free(node);
	if (node->proxy != NULL) {
		kith_wipe(node->proxy, sizeof *node->proxy);
		KITH_FREE(alloc, node->proxy);
	}
	if (node->renewed != NULL)
		kith_alloc_free(alloc, node->renewed, KITH_CHAIN_MAX);
	KITH_FREE(alloc, node);
}

static int parse_proxy(struct kith_node *node)
{
	node->proxy = KITH_NEW(node->alloc, struct kith_proxy);
	return node->proxy == NULL ? KITH_ENOMEM : kith_proxy_parse(node->proxy, node->o.proxy);
}

static int fill_in(struct kith_node *node, const struct kith_node_options *o, const struct kith_node_callbacks *cb,
		   void *user)
{
	size_t bad;
	kith_link_init(&node->all_conns);
	kith_link_init(&node->closing_conns);
	kith_link_init(&node->held_conns);
	kith_link_init(&node->calls);
	kith_link_init(&node->streams_work);
	node->statedir.dir = node->statedir.lock = -1;
	node->user = user;
	if (cb != NULL && !kith_sized_read(&node->cb, sizeof node->cb, cb))
		return KITH_EINVAL;
	uint64_t seed[2] = { kith_rng_u64(node->random), kith_rng_u64(node->random) };
	kith_table_init(&node->conns, node->alloc, KITH_HOST_CONNS_MAX, KITH_TABLE_KEY(struct kith_conn, id), seed);
	int err = kith_options_copy(node, o);
	if (err == 0 && node->o.proxy != NULL)
		err = parse_proxy(node);
	if (err == 0)
		err = kith_resolver_init(&node->resolver, node->alloc, node->o.bootstrap, node->o.bootstrap_n, &bad);
	if (err == 0)
		err = kith_suite_sodium_init();
	if (err == 0 && !node->o.has_root)
		err = kith_network_id_open(&node->network, node->o.open_label);
	else if (err == 0)
		kith_network_id(&node->network, &node->o.root);
	return err != 0 ? err : ask_passphrase(node);
}

int kith_node_new(struct kith_node **out, const struct kith_node_options *o, const struct kith_node_callbacks *cb,
		  void *user)
{
	if (out == NULL)
		return KITH_EINVAL;
	*out = NULL;
	struct kith_node_options full;
	if (!kith_options_read(&full, o))
		return KITH_EINVAL;
	kith_wipe(&full.device, sizeof full.device);
	const struct kith_alloc *alloc = full.alloc != NULL ? full.alloc : kith_system_alloc();
	struct kith_node *node = KITH_NEW(alloc, struct kith_node);
	if (node == NULL)
		return KITH_ENOMEM;
	node->alloc = alloc;
	node->buffers = full.alloc != NULL ? full.alloc : kith_system_pages();
	node->random = full.random != NULL ? full.random : kith_system_random();
	if (full.log != NULL) {
		node->log_copy = *full.log;
		node->log = &node->log_copy;
	}
	node->carriers = kith_carriers;
	node->root = "/";
	node->open = KITH_NEW(alloc, struct kith_open_job);
	int err = node->open != NULL ? fill_in(node, o, cb, user) : KITH_ENOMEM;
	if (err == 0)
		err = kith_thread_init(node);
	if (err != 0) {
		release(node);
		return err;
	}
	*out = node;
	return 0;
}

/* Another thread has posted something, or frees the node. */
static void woken(uv_async_t *async)
{
	struct kith_node *node = async->data;
	kith_thread_run_posted(node);
	if (kith_thread_close_asked(node))
		(void)kith_node_close(node, NULL);
}

int kith_node_start(struct kith_node *node)
{
	int err = kith_node_check(node);
	if (err != 0)
		return err;
	if (node->state != KITH_NODE_NEW)
		return KITH_ESTATE;
	node->state = KITH_NODE_STARTING;
	err = kith_drive_start(node);
	if (err == 0)
		err = kith_thread_open(node, woken);
	if (err == 0)
		err = kith_open_begin(node);
	if (err == 0 && node->own && !node->o.driven)
		err = kith_thread_start(node);
	if (err == 0)
		return 0;
	node->state = KITH_NODE_FAILED;
	(void)kith_node_close(node, NULL);
	/* No thread will do it. */
	if (node->own)
		(void)uv_run(node->loop, UV_RUN_DEFAULT);
	return err;
}

/* ---- end ---- */

static void end_now(uv_timer_t *timer)
{
	struct kith_node *node = timer->data;
	node->left = node->impatient = true;
	kith_node_touch(node);
}

/* What streams have finished is sent, as at the close of a connection. Returns for how long that may be waited for. */
static kith_time_us linger(struct kith_node *node)
{
	kith_time_us longest = 0;
	for (struct kith_link *l = node->all_conns.next; l != &node->all_conns; l = l->next) {
		struct kith_conn *conn = KITH_LINKED(l, struct kith_conn, all_link);
		if (kith_conn_finishes(conn))
			(void)kith_conn_close(conn, KITH_CLOSE_LEAVING);
		if (conn->state == KITH_CONN_LINGERING && conn->linger_us > longest)
			longest = conn->linger_us;
	}
	return longest;
}

int kith_node_close(struct kith_node *node, void (*closed)(struct kith_node *node, void *user))
{
	int err = kith_node_check(node);
	if (err != 0)
		return err;
	if (node->state == KITH_NODE_NEW || node->state == KITH_NODE_CLOSING || node->state == KITH_NODE_CLOSED)
		return KITH_ESTATE;
	bool running = node->state == KITH_NODE_RUNNING;
	node->state = KITH_NODE_CLOSING;
	node->closed = closed;
	kith_open_cancel(node);
	if (running) {
		kith_time_us leave = node->o.leave_us, longest = linger(node);
		kith_time_us patience =
			(leave < WAIT_MAX_US ? leave : WAIT_MAX_US) + (longest < WAIT_MAX_US ? longest : WAIT_MAX_US);
		node->leave_due = true;
		kith_portmap_stop(node);
		uint64_t patience_ms = (uint64_t)(patience / KITH_US_PER_MS) + PATIENCE_MS;
		(void)uv_timer_start(&node->close_timer, end_now, patience_ms, 0);
	} else {
		(void)uv_timer_start(&node->close_timer, end_now, 0, 0);
	}
	kith_node_touch(node);
	return 0;
}

int kith_node_free(struct kith_node *node)
{
	if (node == NULL)
		return 0;
	if (node->threaded) {
		uv_thread_t self = uv_thread_self();
		if (uv_thread_equal(&self, &node->thread))
			return KITH_ESTATE;
		kith_thread_ask_close(node);
		(void)uv_thread_join(&node->thread);
	} else if (node->processing || (node->state != KITH_NODE_NEW && node->state != KITH_NODE_CLOSED)) {
		return KITH_ESTATE;
	} else if (node->own) {
		(void)uv_loop_close(node->loop);
	}
	uv_mutex_destroy(&node->post_lock);
	release(node);
	return 0;
}

/* ---- what may be asked and told ---- */

int kith_serve(struct kith_node *node, const char *service)
{
	int wrong = kith_node_check(node);
	if (wrong != 0)
		return wrong;
	if (node->state == KITH_NODE_CLOSING || node->state == KITH_NODE_CLOSED)
		return KITH_ESTATE;
	size_t len = service == NULL ? 0 : strlen(service);
	if (len == 0 || len > KITH_SERVICE_MAX)
		return KITH_EINVAL;
	if (node->core != NULL)
		return kith_core_serve(node->core, service);
	for (size_t i = 0; i < node->services_n; i++)
		if (strcmp(node->services[i], service) == 0)
			return KITH_EEXIST;
	if (node->services_n == KITH_HOST_SERVICES_MAX)
		return KITH_EFULL;
	const size_t one = sizeof *node->services, held = node->services_n * one;
	char(*grown)[KITH_SERVICE_MAX + 1] = kith_alloc_resize(node->alloc, node->services, held, held + one);
	if (grown == NULL)
		return KITH_ENOMEM;
	node->services = grown;
	memcpy(node->services[node->services_n++], service, len + 1);
	return 0;
}

int kith_revoke(struct kith_node *node, struct kith_span list)
{
	int err = kith_node_check(node);
	if (err != 0)
		return err;
	if (node->core == NULL)
		return KITH_ESTATE;
	kith_node_touch(node);
	return kith_core_revoke(node->core, kith_node_now(node), list);
}

int kith_add_issuer(struct kith_node *node, struct kith_span cert)
{
	int err = kith_node_check(node);
	if (err != 0)
		return err;
	if (node->core == NULL)
		return KITH_ESTATE;
	kith_node_touch(node);
	return kith_core_add_issuer(node->core, kith_node_now(node), cert);
}

int kith_node_renew(struct kith_node *node)
{
	int err = kith_node_check(node);
	if (err != 0)
		return err;
	return node->state == KITH_NODE_RUNNING ? kith_renew_begin(node, true) : KITH_ESTATE;
}

size_t kith_node_logs(const struct kith_node *node, struct kith_log_info out[], size_t n)
{
	return kith_node_check(node) == 0 && node->core != NULL ? kith_core_logs(node->core, out, n) : 0;
}

int kith_node_chain(const struct kith_node *node, struct kith_span *chain)
{
	int err = kith_node_check(node);
	if (err != 0 || chain == NULL)
		return err != 0 ? err : KITH_EINVAL;
	*chain = node->o.chain;
	return 0;
}

static void name_ourselves(const struct kith_node *node, struct kith_node_info *out)
{
	const struct kith_chain *chain = &node->chain;
	out->device = chain->device.dh;
	out->identity = chain->kind == KITH_CHAIN_OPEN ? chain->identity : chain->name.identity;
	memcpy(out->name, node->name, sizeof out->name);
}

static void describe_socket(const struct kith_socket *s, struct kith_node_info *out)
{
	struct kith_carrier_info info;
	if (s->self == NULL)
		return;
	s->carrier->info(s->self, &info);
	out->send_queue_full += info.queue_full;
	if (s->carrier->spare)
		return; /* what it has tells nothing of the port that others know */
	out->port = info.port;
	out->offload = out->offload || info.offload;
	out->v4 = out->v4 || s->row->family == KITH_FAMILY_V4;
	out->v6 = out->v6 || s->row->family == KITH_FAMILY_V6;
}

static void count_stun(const struct kith_stun *stun, struct kith_node_info *out)
{
	struct kith_stun_counts counts;
	kith_stun_counts(stun, &counts);
	out->stun_answers = counts.answered;
	out->stun_limited = counts.limited;
	out->stun_too_short = counts.too_short;
}

static void describe_node(const struct kith_node *node, struct kith_node_info *out)
{
	out->state = node->state;
	out->role = node->o.role;
	out->network = node->network;
	if (node->chain.kind != 0)
		name_ourselves(node, out);
	for (size_t i = 0; i < node->sockets_n; i++)
		describe_socket(&node->sockets[i], out);
	if (node->stun != NULL)
		count_stun(node->stun, out);
	out->failed = node->state == KITH_NODE_FAILED ? node->failed : KITH_PART_NONE;
	if (node->core != NULL) {
		kith_core_info(node->core, &out->core);
		kith_core_role_info(node->core, kith_node_now(node), &out->serving);
	}
	out->clock_trusted = out->core.clock_trusted;
	kith_homeless_text(node, &out->core.homeless, out->homeless_why, sizeof out->homeless_why);
}

int kith_node_info_sized(const struct kith_node *node, struct kith_node_info *out, size_t size)
{
	struct kith_node_info info;
	int err = out != NULL ? kith_node_check(node) : KITH_EINVAL;
	memset(&info, 0, sizeof info);
	if (err == 0)
		describe_node(node, &info);
	if (out != NULL)
		kith_sized_write(out, size, &info, sizeof info);
	return err;
}

size_t kith_node_homes(const struct kith_node *node, struct kith_addr out[], size_t n)
{
	return kith_node_check(node) == 0 && node->core != NULL ? kith_core_homes(node->core, out, n) : 0;
}

const struct kith_stats *kith_node_stats(const struct kith_node *node)
{
	return kith_node_check(node) == 0 ? &node->stats : NULL;
}

const char *kith_node_name(const struct kith_node *node)
{
	return kith_node_check(node) == 0 ? node->name : NULL;
}

void *kith_node_user(const struct kith_node *node)
{
	return node != NULL ? node->user : NULL;
}
