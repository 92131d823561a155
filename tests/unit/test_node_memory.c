/* What an idle node costs a process that has many: no receive buffers, packet slots and queues of its own. */
#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>

#include "host_world.h"

#include "host/carrier_udp.h"
#include "host/udp_internal.h"
#include "link/state.h"

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

enum {
	FIRST = 2,
	MORE = 100,
	LIVE_BYTES_MAX = 16300, /* of the node's own allocator */
	GIVEN_BYTES_MAX = 17200, /* with what libuv takes, and the C library's own */
	PRIVATE_BYTES_MAX = 20 * 1000 /* in whole pages, which differ by 600 bytes from run to run */
};

/* The allocator of those who name none, counted, and not written to: what is not used is to stay untouched. */
struct counter {
	struct kith_alloc alloc;
	size_t live_bytes;
};

static void *counted(void *ctx, void *p, size_t old_len, size_t new_len)
{
	struct counter *c = ctx;
	c->live_bytes += new_len - old_len;
	return kith_system_pages()->realloc_fn(NULL, p, old_len, new_len);
}

struct crowd {
	struct world w;
	struct counter counter;
	uint16_t port;
	struct party leaf[FIRST + MORE];
};

/* The supernode is another process, so that its memory is not counted. Returns when it answers at the port. */
static pid_t fork_home(struct crowd *c)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct world w;
		struct party home;
		world_init(&w);
		uint16_t port = supernode_init(&home, &w);
		remove_tree(w.dir);
		if (write(ends[1], &port, sizeof port) == (ssize_t)sizeof port)
			(void)uv_run(&w.loop, UV_RUN_DEFAULT); /* until it is killed */
		_exit(1);
	}
	assert_int_equal(read(ends[0], &c->port, sizeof c->port), sizeof c->port);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return child;
}

static void add_leaf(struct party *p, struct crowd *c, const char *label)
{
	struct kith_node_options o;
	char bootstrap[32];
	const char *list[1] = { bootstrap };
	party_options(p, &c->w, label, &o);
	(void)snprintf(bootstrap, sizeof bootstrap, "127.0.0.1:%u", c->port);
	o.bootstrap = list;
	o.bootstrap_n = 1;
	o.alloc = &c->counter.alloc;
	party_new(p, &o);
	assert_int_equal(kith_node_start(p->node), 0);
	UNTIL(&c->w, p->started);
}

static bool is_at_rest(const struct party *p)
{
	const struct kith_node *node = p->node;
	const struct kith_udp_carrier *udp = node->sockets[0].self;
	return node->shared->events == NULL && node->events_cap == 0 && udp->udp->rx == NULL;
}

static bool are_at_rest(const struct crowd *c, size_t leaves)
{
	for (size_t i = 0; i < leaves; i++)
		if (!is_at_rest(&c->leaf[i]))
			return false;
	return true;
}

static void add_leaves(struct crowd *c, size_t from, size_t to)
{
	char label[16];
	for (size_t i = from; i < to; i++) {
		(void)snprintf(label, sizeof label, "leaf%zu", i);
		add_leaf(&c->leaf[i], c, label);
	}
	for (size_t i = from; i < to; i++)
		UNTIL(&c->w, c->leaf[i].published);
	UNTIL(&c->w, are_at_rest(c, to));
}

/* Of this process alone, in bytes, as the kernel counts it. */
static size_t private_bytes(void)
{
	char line[256];
	size_t kib = 0, n;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "Private_Dirty: %zu kB", &n) == 1)
			kib = n;
	if (f != NULL)
		(void)fclose(f);
	return kib * 1024;
}

/* What the C library has given out, to everybody. */
static size_t malloc_bytes(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static void a_further_idle_node_costs_little(void **state)
{
	struct crowd *c = calloc(1, sizeof *c);
	(void)state;
	pid_t home = fork_home(c);
	world_init(&c->w);
	c->counter.alloc = (struct kith_alloc){ counted, &c->counter };
	add_leaves(c, 0, FIRST);
	size_t live = c->counter.live_bytes, given = malloc_bytes(), own = private_bytes();
	add_leaves(c, FIRST, FIRST + MORE);
	live = (c->counter.live_bytes - live) / MORE;
	given = (malloc_bytes() - given) / MORE;
	own = own > 0 ? (private_bytes() - own) / MORE : 0;
	print_message("a further idle leaf: %zu bytes of its allocator, %zu of malloc, %zu private\n", live, given,
		      own);
	assert_true(live <= LIVE_BYTES_MAX);
	if (!SANITIZED) {
		assert_true(given <= GIVEN_BYTES_MAX);
		assert_true(own <= PRIVATE_BYTES_MAX);
	}
	for (size_t i = 0; i < FIRST + MORE; i++)
		assert_int_equal(kith_node_close(c->leaf[i].node, on_node_closed), 0);
	for (size_t i = 0; i < FIRST + MORE; i++)
		UNTIL(&c->w, c->leaf[i].closed);
	assert_int_equal(c->counter.live_bytes, 0);
	assert_int_equal(kill(home, SIGKILL), 0);
	assert_int_equal(waitpid(home, NULL, 0), home);
	world_deinit(&c->w);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_further_idle_node_costs_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
