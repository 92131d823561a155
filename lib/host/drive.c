/* Drives a core by its contract: after every change it is emptied, and its deadline is waited for. */
#include "host/internal.h"

static void timer_fired(uv_timer_t *timer);

static void arm_timer(struct kith_node *node)
{
	kith_time_us deadline = node->core != NULL ? kith_core_deadline(node->core) : KITH_TIME_NEVER;
	kith_time_us now = kith_node_now(node).mono_us;

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

void kith_drive_pump(struct kith_node *node)
{
	if (node->pumping || node->finishing || node->state == KITH_NODE_CLOSED)
		return;
	node->pumping = true;
	for (int round = 0; round < KITH_HOST_ROUNDS; round++) {
		node->dirty = false;
		if (node->core != NULL)
			kith_exchange_drain(node);
		kith_sockets_check(node);
		kith_event_dispatch(node);
		kith_event_work(node);
		if (!node->dirty)
			break;
	}
	node->pumping = false;
	if (node->left)
		kith_node_finish(node);
	else
		arm_timer(node);
}

static void timer_fired(uv_timer_t *timer)
{
	struct kith_node *node = timer->data;

	if (node->core != NULL)
		kith_core_tick(node->core, kith_node_now(node));
	kith_drive_pump(node);
}
