/* The component's thread with a scripted router on loopback. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway.h"

#include "host/component.h"
#include "host/mapper.h"
#include "host/portmap_link.h"

extern const struct kith_component kith_component_portmap;

enum { PATIENCE_S = 20, PORT_ATTEMPTS = 50 };

struct node {
	struct kith_portmap_link link; /* first */
	uv_mutex_t lock;
	uv_cond_t cond;
	struct kith_portmap_ask ask;
	struct kith_portmap_told told;
	bool changed, stop;
	int wake;
	uv_thread_t thread;
};

static bool look(struct kith_portmap_link *link, struct kith_portmap_ask *ask, bool *changed)
{
	struct node *n = (struct node *)link;
	char bytes[8];
	while (read(link->wake, bytes, sizeof bytes) > 0) {}
	uv_mutex_lock(&n->lock);
	*ask = n->ask;
	*changed = n->changed;
	n->changed = false;
	bool stop = n->stop;
	uv_mutex_unlock(&n->lock);
	return !stop;
}

static void tell(struct kith_portmap_link *link, const struct kith_portmap_told *told)
{
	struct node *n = (struct node *)link;
	uv_mutex_lock(&n->lock);
	n->told = *told;
	uv_cond_signal(&n->cond);
	uv_mutex_unlock(&n->lock);
}

static void thread_main(void *arg)
{
	struct node *n = arg;
	const struct kith_portmap_engine *engine = kith_component_portmap.table;
	engine->run(&n->link);
}

static void node_init(struct node *n, const struct sockaddr_in *gateway)
{
	uv_file ends[2];
	memset(n, 0, sizeof *n);
	assert_int_equal(uv_mutex_init(&n->lock), 0);
	assert_int_equal(uv_cond_init(&n->cond), 0);
	assert_int_equal(uv_pipe(ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE), 0);
	n->link = (struct kith_portmap_link){ ends[0], look, tell };
	n->wake = ends[1];
	n->ask = (struct kith_portmap_ask){ .gateway = addr("127.0.0.1:1"), .self = addr("127.0.0.1:0"), .n = 1 };
	n->ask.gateway.port = ntohs(gateway->sin_port);
	n->ask.ports[0] = (struct kith_portmap_port){ KITH_PCP_UDP, 4433, { 1, 2, 3 } };
	n->changed = true;
	assert_int_equal(uv_thread_create(&n->thread, thread_main, n), 0);
}

/* Waits for that to be told. */
static struct kith_portmap_told await(struct node *n, enum kith_portmap_state state)
{
	uint64_t until = uv_hrtime() + (uint64_t)PATIENCE_S * 1000000000u;
	uv_mutex_lock(&n->lock);
	while (n->told.state != state && uv_hrtime() < until)
		(void)uv_cond_timedwait(&n->cond, &n->lock, until - uv_hrtime());
	struct kith_portmap_told told = n->told;
	uv_mutex_unlock(&n->lock);
	assert_int_equal(told.state, state);
	return told;
}

static void stop(struct node *n)
{
	uv_mutex_lock(&n->lock);
	n->stop = true;
	uv_mutex_unlock(&n->lock);
	assert_int_equal(write(n->wake, "", 1), 1);
}

static void node_deinit(struct node *n)
{
	assert_int_equal(uv_thread_join(&n->thread), 0);
	assert_int_equal(close(n->link.wake), 0);
	assert_int_equal(close(n->wake), 0);
	uv_cond_destroy(&n->cond);
	uv_mutex_destroy(&n->lock);
}

/* ---- the router ---- */

static int bound(uint16_t port, struct sockaddr_in *at)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	socklen_t len = sizeof *at;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	*at = (struct sockaddr_in){ .sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(fd, (struct sockaddr *)at, sizeof *at) != 0) {
		assert_int_equal(close(fd), 0);
		return -1;
	}
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &len), 0);
	return fd;
}

/* A port whose neighbour below is free as well: news of the router are heard there. */
static int router(struct sockaddr_in *at)
{
	for (int i = 0; i < PORT_ATTEMPTS; i++) {
		struct sockaddr_in other;
		int fd = bound(0, at), below = bound((uint16_t)(ntohs(at->sin_port) - 1), &other);
		assert_true(fd >= 0);
		if (below >= 0) {
			assert_int_equal(close(below), 0);
			return fd;
		}
		assert_int_equal(close(fd), 0);
	}
	fail_msg("no two ports side by side");
	return -1;
}

static void hear(int fd, uint8_t request[KITH_PCP_REQUEST_MAX], struct sockaddr_in *from)
{
	socklen_t len = sizeof *from;
	assert_int_equal(recvfrom(fd, request, KITH_PCP_REQUEST_MAX, 0, (struct sockaddr *)from, &len),
			 GATEWAY_PCP_LEN);
}

static void answer(int fd, const uint8_t *request, uint32_t epoch_s, uint32_t life_s, const struct sockaddr_in *to)
{
	uint8_t out[GATEWAY_PCP_LEN];
	size_t len = pcp_answer(request, epoch_s, life_s, out);
	assert_int_equal(sendto(fd, out, len, 0, (const struct sockaddr *)to, sizeof *to), len);
}

static void a_router_is_asked_again_until_it_answers_and_at_the_end_told_to_forget(void **state)
{
	struct sockaddr_in at, from, news;
	uint8_t first[KITH_PCP_REQUEST_MAX], request[KITH_PCP_REQUEST_MAX], out[24];
	struct node n;
	(void)state;
	int fd = router(&at);
	node_init(&n, &at);
	hear(fd, first, &from); /* which is lost */
	hear(fd, request, &from);
	assert_memory_equal(request, first, sizeof first);
	answer(fd, request, 5, 0, &from); /* a lie */
	hear(fd, request, &from);
	answer(fd, request, 5, 3600, &from);
	struct kith_portmap_told told = await(&n, KITH_PORTMAP_MAPPED);
	struct kith_addr outer = addr("198.51.100.1:4433");
	assert_int_equal(told.method, KITH_PORTMAP_PCP);
	assert_true(kith_addr_equal(&told.outer[0], &outer));
	assert_int_equal(told.lies, 1);
	assert_in_range(told.life_us, 3590 * KITH_US_PER_S, 3600 * KITH_US_PER_S);

	/* It restarts, says so, and is asked anew; what comes from elsewhere is not heard. */
	news = at;
	news.sin_port = htons((uint16_t)(ntohs(at.sin_port) - 1));
	size_t len = pcp_announcement(0, out);
	assert_int_equal(sendto(fd, out, len, 0, (struct sockaddr *)&news, sizeof news), len);
	hear(fd, request, &from);
	assert_memory_equal(request + 24, first + 24, 12); /* by the same nonce */
	answer(fd, request, 1, 3600, &from);

	stop(&n);
	hear(fd, request, &from);
	assert_int_equal(get_u32(request + 4), 0); /* the lifetime that is asked for */
	answer(fd, request, 1, 0, &from);
	node_deinit(&n);
	assert_int_equal(close(fd), 0);
}

static void where_nobody_listens_it_says_so_and_ends_when_it_is_told_to(void **state)
{
	struct sockaddr_in at;
	struct node n;
	(void)state;
	int fd = router(&at);
	assert_int_equal(close(fd), 0);
	node_init(&n, &at);
	struct kith_portmap_told told = await(&n, KITH_PORTMAP_REFUSED);
	assert_int_equal(told.result, 0);
	assert_int_equal(told.outer[0].family, KITH_FAMILY_NONE);
	stop(&n);
	node_deinit(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_router_is_asked_again_until_it_answers_and_at_the_end_told_to_forget),
		cmocka_unit_test(where_nobody_listens_it_says_so_and_ends_when_it_is_told_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
