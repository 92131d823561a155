/* The socket for all on the link: what one sends the others on this machine hear, on the interfaces that it was told
 * of, and what was not sent to the group nobody does. Over loopback, which needs no network. */
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/carrier_lan.h"
#include "host/sockaddr.h"

struct end {
	struct test_alloc alloc;
	uv_loop_t loop;
	void *self;
	unsigned ready;
	bool closed;
};

/* One of this process alone: other tests run beside it. */
static struct kith_addr group;

static int setup(void **state)
{
	const int pid = getpid();
	(void)state;
	group = kith_lan_group_v4;
	group.ip[2] = (uint8_t)(pid >> 8);
	group.ip[3] = (uint8_t)pid;
	return 0;
}

static void on_ready(void *ctx, unsigned ready)
{
	struct end *e = ctx;
	e->ready |= ready;
}

static void on_closed(void *ctx)
{
	struct end *e = ctx;
	e->closed = true;
}

static const struct kith_local loopback = { { KITH_FAMILY_V4, 0, 0, { 127, 0, 0, 1 } }, KITH_ADDR_HOST, 8 };

static bool end_open(struct end *e)
{
	char why[KITH_CARRIER_WHY_MAX];
	memset(e, 0, sizeof *e);
	test_alloc_init(&e->alloc);
	assert_int_equal(uv_loop_init(&e->loop), 0);
	const struct kith_carrier_options o = {
		.alloc = &e->alloc.alloc, .loop = &e->loop, .arg = &group, .transport = 4, .ready = on_ready, .ctx = e
	};
	return kith_carrier_lan.open(&e->self, &o, why) == 0;
}

static void end_close(struct end *e)
{
	kith_carrier_lan.close(e->self, on_closed, e);
	while (!e->closed)
		uv_run(&e->loop, UV_RUN_ONCE);
	assert_int_equal(uv_loop_close(&e->loop), 0);
	test_alloc_check(&e->alloc);
}

static void say(struct end *e, const char *text)
{
	uint8_t bytes[64];
	struct kith_packet p = { .data = bytes, .len = (uint32_t)strlen(text), .remote = group };
	memcpy(bytes, text, p.len);
	assert_false(kith_carrier_lan.send(e->self, &p, 1));
}

/* Waits for packets, and takes up to n. */
static int hear(struct end *e, struct kith_packet out[], size_t n)
{
	while (e->ready == 0)
		uv_run(&e->loop, UV_RUN_ONCE);
	e->ready = 0;
	return kith_carrier_lan.receive(e->self, out, n);
}

static void what_one_sends_all_hear(void **state)
{
	struct end a, b;
	struct kith_packet in[4];
	(void)state;
	assert_true(end_open(&a));
	assert_true(end_open(&b)); /* beside the first, on one port */
	kith_carrier_lan.look(a.self, &loopback, 1);
	kith_carrier_lan.look(b.self, &loopback, 1);
	say(&a, "where");
	assert_int_equal(hear(&b, in, 4), 1);
	assert_int_equal(in[0].len, 5);
	assert_memory_equal(in[0].data, "where", 5);
	assert_int_equal(in[0].transport, 4);
	assert_memory_equal(in[0].remote.ip, loopback.addr.ip, 4);
	assert_int_equal(hear(&a, in, 4), 1); /* itself, too: who asks knows its own question */
	kith_carrier_lan.rest(a.self);
	kith_carrier_lan.rest(b.self);
	end_close(&a);
	end_close(&b);
}

static void an_interface_that_is_left_is_neither_spoken_to_nor_heard(void **state)
{
	struct end a, b;
	struct kith_packet in[4];
	(void)state;
	assert_true(end_open(&a));
	assert_true(end_open(&b));
	kith_carrier_lan.look(a.self, &loopback, 1);
	say(&a, "one"); /* b has joined nothing yet */
	kith_carrier_lan.look(b.self, &loopback, 1);
	say(&a, "two");
	assert_int_equal(hear(&b, in, 4), 1);
	assert_memory_equal(in[0].data, "two", 3);
	kith_carrier_lan.look(a.self, NULL, 0);
	say(&a, "three"); /* goes nowhere */
	kith_carrier_lan.look(a.self, &loopback, 1);
	say(&a, "four");
	assert_int_equal(hear(&b, in, 4), 1);
	assert_memory_equal(in[0].data, "four", 4);
	end_close(&a);
	end_close(&b);
}

static void what_is_not_sent_to_the_group_is_not_heard(void **state)
{
	struct end a;
	struct kith_packet in[4];
	struct sockaddr_storage ss;
	struct kith_addr to = loopback.addr;
	(void)state;
	assert_true(end_open(&a));
	kith_carrier_lan.look(a.self, &loopback, 1);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	to.port = KITH_LAN_PORT;
	const socklen_t len = kith_sockaddr_set(&ss, &to);
	(void)sendto(fd, "straight", 8, 0, (struct sockaddr *)&ss, len); /* may say that nobody is there */
	close(fd);
	say(&a, "to all");
	assert_int_equal(hear(&a, in, 4), 1);
	assert_int_equal(in[0].len, 6);
	end_close(&a);
}

static void a_flood_is_taken_by_the_batch(void **state)
{
	struct end a;
	struct kith_packet in[64];
	int got = 0;
	(void)state;
	assert_true(end_open(&a));
	kith_carrier_lan.look(a.self, &loopback, 1);
	for (int i = 0; i < 20; i++)
		say(&a, "where");
	while (got < 20) {
		const int n = hear(&a, in, 64);
		assert_in_range(n, 1, KITH_LAN_BATCH);
		got += n;
	}
	end_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_sends_all_hear),
		cmocka_unit_test(an_interface_that_is_left_is_neither_spoken_to_nor_heard),
		cmocka_unit_test(what_is_not_sent_to_the_group_is_not_heard),
		cmocka_unit_test(a_flood_is_taken_by_the_batch),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
