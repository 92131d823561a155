/* The loop that a node lives on, and the way onto it from other threads. */
#include "host/internal.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "host/system.h"

int kith_thread_init(struct kith_node *node)
{
	if (uv_mutex_init(&node->post_lock) != 0)
		return KITH_EIO;
	node->posted_tail = &node->posted;
	node->own = node->o.loop == NULL;
	node->loop = node->own ? KITH_NEW(node->alloc, uv_loop_t) : node->o.loop;
	int err = node->loop == NULL ? UV_ENOMEM : 0;
	if (err == 0 && node->own)
		err = uv_loop_init(node->loop);
	if (err == 0 && node->own) /* how long it waits is what it does not work: host/lag */
		(void)uv_loop_configure(node->loop, UV_METRICS_IDLE_TIME);
	if (err != 0) {
		uv_mutex_destroy(&node->post_lock);
		kith_thread_free_loop(node);
		node->loop = NULL;
	}
	return kith_system_uv_err(err);
}

void kith_thread_free_loop(struct kith_node *node)
{
	if (node->own && node->loop != NULL)
		KITH_FREE(node->alloc, node->loop);
}

static void thread_main(void *arg)
{
	struct kith_node *node = arg;
	uv_mutex_lock(&node->post_lock); /* until the one that started it has noted which thread this is */
	uv_mutex_unlock(&node->post_lock);
	(void)uv_run(node->loop, UV_RUN_DEFAULT);
	/* Every handle was closed, or the loop would not have ended. */
	int err = uv_loop_close(node->loop);
	KITH_ASSERT(err == 0);
}

int kith_thread_open(struct kith_node *node, uv_async_cb woken)
{
	int err = uv_async_init(node->loop, &node->async, woken);
	if (err != 0)
		return kith_system_uv_err(err);
	node->async.data = node;
	node->handles++;
	uv_mutex_lock(&node->post_lock);
	node->post_open = true;
	uv_mutex_unlock(&node->post_lock);
	return 0;
}

int kith_thread_start(struct kith_node *node)
{
	uv_mutex_lock(&node->post_lock);
	int err = uv_thread_create(&node->thread, thread_main, node);
	atomic_store_explicit(&node->threaded, err == 0, memory_order_release);
	uv_mutex_unlock(&node->post_lock);
	return kith_system_uv_err(err);
}

void kith_thread_run_posted(struct kith_node *node)
{
	uv_mutex_lock(&node->post_lock);
	struct kith_posted *list = node->posted;
	node->posted = NULL;
	node->posted_tail = &node->posted;
	node->posted_n = 0;
	uv_mutex_unlock(&node->post_lock);
	while (list != NULL) {
		struct kith_posted *p = list;
		list = p->next;
		p->fn(node, p->arg);
		/* Made on another thread: not by the node's allocator, which is the loop's. */
		(void)kith_system_alloc()->realloc_fn(NULL, p, sizeof *p, 0);
	}
}

void kith_thread_stop_posts(struct kith_node *node)
{
	uv_mutex_lock(&node->post_lock);
	node->post_open = false;
	uv_mutex_unlock(&node->post_lock);
	kith_thread_run_posted(node);
}

void kith_thread_ask_close(struct kith_node *node)
{
	uv_mutex_lock(&node->post_lock);
	node->close_wanted = true;
	if (node->post_open)
		(void)uv_async_send(&node->async);
	uv_mutex_unlock(&node->post_lock);
}

bool kith_thread_close_asked(struct kith_node *node)
{
	uv_mutex_lock(&node->post_lock);
	bool asked = node->close_wanted;
	uv_mutex_unlock(&node->post_lock);
	return asked;
}

int kith_post(struct kith_node *node, void (*fn)(struct kith_node *node, void *arg), void *arg)
{
	if (node == NULL || fn == NULL)
		return KITH_EINVAL;
	struct kith_posted *p = kith_system_alloc()->realloc_fn(NULL, NULL, 0, sizeof *p);
	if (p == NULL)
		return KITH_ENOMEM;
	p->next = NULL;
	p->fn = fn;
	p->arg = arg;
	uv_mutex_lock(&node->post_lock);
	int err = !node->post_open ? KITH_ECLOSED : node->posted_n == KITH_HOST_POSTS_MAX ? KITH_EFULL : 0;
	if (err == 0) {
		node->posted_n++;
		*node->posted_tail = p;
		node->posted_tail = &p->next;
		/* Under the lock: the handle is not closed while post_open holds. */
		(void)uv_async_send(&node->async);
	}
	uv_mutex_unlock(&node->post_lock);
	if (err != 0)
		(void)kith_system_alloc()->realloc_fn(NULL, p, sizeof *p, 0);
	return err;
}
