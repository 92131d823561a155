/* Drives a core by its contract: after every change it is emptied, and its deadline is waited for.
 *
 * Whatever changes something sets dirty (kith_node_touch) and calls nobody. The pump looks after that twice in a turn
 * of the loop: when all that came in was read, so that a turn does what it caused, and right before the loop waits, for
 * timers and for what the application changed outside of our callbacks.
 */
#include "host/internal.h"

static void timer_fired(uv_timer_t *timer);

static void arm_timer(struct kith_node *node)
{
	kith_time_us deadline = node->core != NULL ? kith_core_deadline(node->core) : KITH_TIME_NEVER;
	kith_time_us now = kith_node_now(node).mono_us;
	for (struct kith_link *l = node->held_conns.next; l != &node->held_conns; l = l->next) {
		const struct kith_conn *conn = KITH_LINKED(l, struct kith_conn, work_link);
		deadline = conn->linger_until < deadline ? conn->linger_until : deadline;
	}
	if (node->dirty)
		deadline = now;
	if (deadline == KITH_TIME_NEVER) {
		(void)uv_timer_stop(&node->timer);
		return;
	}
	/* Rounded up: a tick that comes too early does nothing and costs a turn of the loop. */
	kith_time_us in_us = deadline > now ? deadline - now : 0;
	(void)uv_timer_start(&node->timer, timer_fired, (uint64_t)((in_us + KITH_US_PER_MS - 1) / KITH_US_PER_MS), 0);
}

static void pump(struct kith_node *node)
{
	if (node->finishing)
		return;
	for (int round = 0; round < KITH_HOST_ROUNDS; round++) {
		node->dirty = false;
		if (node->core != NULL) {
			kith_exchange_drain(node);
			kith_effects_take(node); /* here, as a carrier may be closed, and none is reading now */
		}
		kith_sockets_check(node);
		kith_event_dispatch(node);
		kith_event_work(node);
		kith_finish_leave(node);
		if (!node->dirty)
			break;
	}
	kith_exchange_rest(node);
	if (node->left)
		kith_finish_begin(node);
	else
		arm_timer(node);
}

static void timer_fired(uv_timer_t *timer)
{
	struct kith_node *node = timer->data;
	if (node->core != NULL)
		kith_core_tick(node->core, kith_node_now(node));
	pump(node);
}

static void after_reading(uv_check_t *check)
{
	struct kith_node *node = check->data;
	if (node->dirty)
		pump(node);
}

/* A supernode is told how its loop fares, if the loop counts how long it waits: one of the application's does if it was
 * configured so. */
static void tell_load(struct kith_node *node)
{
	struct kith_core_load load;
	struct timespec ran;
	size_t resident = 0;
	uint64_t idle_us = uv_metrics_idle_time(node->loop) / 1000;
	if (node->core == NULL || node->finishing || node->o.role == KITH_ROLE_LEAF || idle_us == 0 ||
	    !kith_lag_turn(&node->lag, kith_node_now(node).mono_us, idle_us) ||
	    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran) != 0)
		return;
	kith_lag_take(&node->lag, (uint64_t)ran.tv_sec * KITH_US_PER_S + (uint64_t)ran.tv_nsec / 1000, &load);
	if (uv_resident_set_memory(&resident) == 0) {
		uint64_t all = uv_get_total_memory(), bound = uv_get_constrained_memory();
		load.memory = resident;
		load.memory_max = bound != 0 && bound < all ? bound : all;
	}
	kith_core_load(node->core, kith_node_now(node), &load);
	kith_node_touch(node);
}

static void before_waiting(uv_prepare_t *prepare)
{
	struct kith_node *node = prepare->data;
	tell_load(node);
	if (node->dirty)
		pump(node);
	if (node->finishing)
		kith_finish_look(node);
}

int kith_drive_start(struct kith_node *node)
{
	/* None of these can fail on any system that libuv runs on. */
	if (uv_timer_init(node->loop, &node->timer) != 0 || uv_timer_init(node->loop, &node->close_timer) != 0 ||
	    uv_timer_init(node->loop, &node->resolve_timer) != 0 || uv_timer_init(node->loop, &node->mend_timer) != 0 ||
	    uv_prepare_init(node->loop, &node->prepare) != 0 || uv_check_init(node->loop, &node->check) != 0)
		return KITH_EIO;
	node->timer.data = node->close_timer.data = node->prepare.data = node->check.data = node;
	node->resolve_timer.data = node->mend_timer.data = node;
	node->handles += 5; /* the prepare handle is the last, and not counted */
	return uv_prepare_start(&node->prepare, before_waiting) == 0 && uv_check_start(&node->check, after_reading) == 0
		       ? 0
		       : KITH_EIO;
}
