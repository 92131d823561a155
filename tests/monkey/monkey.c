/* A monkey of the public API: it does whatever an application may do, at any time and in any callback, with nodes that
 * come and go, closes everywhere, and memory that fails. What it looks for is found by sanitizers, by the library's
 * asserts, and by a few promises that it checks itself: that nothing comes after a handle's last callback, that each
 * last callback comes once, that each operation and each borrowed piece ends once, and that all memory comes back.
 *
 *     kith-monkey [--seconds N] [--seed S] [--plant]
 *
 * A seed gives the same choices; when they meet what the kernel does differs from run to run. --plant breaks one of
 * those promises, so that it can be seen that the monkey notices. tests/monkey/covers.py holds its calls against the
 * headers.
 */
#include "monkey.h"

#include <stdarg.h>

struct monkey monkey;

void monkey_wrong(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fprintf(stderr, "kith-monkey: ");
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nrun again: kith-monkey --seed %llu\n", (unsigned long long)monkey.seed);
	abort();
}

uint64_t monkey_roll(void) /* splitmix64 */
{
	uint64_t z = (monkey.rng += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

unsigned monkey_pick(unsigned n)
{
	return (unsigned)(monkey_roll() % n);
}

bool monkey_one_in(unsigned n)
{
	return monkey_pick(n) == 0;
}

/* ---- memory that fails now and then ---- */

static void *monkey_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	struct monkey_node *m = ctx;
	if (new_len == 0) {
		m->live -= old_len;
		free(p);
		return NULL;
	}
	if (monkey.fail_in > 0 && --monkey.fail_in == 0) {
		monkey.fail_in = monkey_one_in(3) ? 1 : 0; /* sometimes several in a row */
		return NULL;
	}
	void *out = realloc(p, new_len);
	if (out != NULL)
		m->live += new_len - old_len;
	return out;
}

/* ---- a node's life ---- */

static void fill_in(struct kith_node_options *o, int i)
{
	char text[64];
	MUST(kith_node_options_set(o, "allow_loopback", "true") == 0);
	MUST(kith_node_options_set(o, "bind_v4", "127.0.0.1") == 0);
	MUST(kith_node_options_set(o, "no_v6", "true") == 0);
	MUST(kith_node_options_set(o, "leave_us", monkey_one_in(2) ? "0" : "200000") == 0);
	MUST(kith_node_options_set(o, "linger_us", monkey_one_in(2) ? "0" : "300000") == 0);
	(void)snprintf(text, sizeof text, "127.0.0.1:%u", monkey.port);
	if (i == 0) {
		MUST(kith_node_options_set(o, "role", "supernode") == 0);
		MUST(kith_node_options_set(o, "endpoint", text) == 0);
		(void)snprintf(text, sizeof text, "%u", monkey.port);
		MUST(kith_node_options_set(o, "port", text) == 0);
	} else {
		MUST(kith_node_options_set(o, "bootstrap", text) == 0);
	}
	MUST(kith_node_options_set_loop(o, &monkey.loop) == 0);
}

static void make_node(int i)
{
	struct monkey_node *m = &monkey.nodes[i];
	struct kith_node_options *o = kith_node_options_new();
	MUST(o != NULL && m->node == NULL);
	*m = (struct monkey_node){ .alloc = { monkey_realloc, m } };
	MUST(kith_node_options_open(o, "monkeys", m->name) == 0);
	fill_in(o, i);
	o->alloc = &m->alloc;
	int err = kith_node_new(&m->node, o, &monkey_node_callbacks, m);
	kith_node_options_free(o);
	if (err != 0) {
		MUST(err == KITH_ENOMEM && m->node == NULL && m->live == 0);
		return;
	}
	(void)!kith_serve(m->node, "a");
	(void)!kith_serve(m->node, "b");
	if (monkey_one_in(20)) { /* never started */
		MUST(kith_node_free(m->node) == 0);
		MUST(m->live == 0);
		m->node = NULL;
		return;
	}
	MUST(kith_node_start(m->node) == 0);
}

/* ---- the run ---- */

static void stop(void)
{
	bool any = false;
	monkey.fail_in = 0;
	for (int i = 0; i < NODES; i++) {
		any = any || monkey.nodes[i].node != NULL;
		if (monkey.nodes[i].node != NULL && !monkey.nodes[i].closing)
			monkey_close_node(&monkey.nodes[i]);
	}
	if (!any)
		uv_close((uv_handle_t *)&monkey.tick, NULL);
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
	monkey.stopping = monkey.stopping || uv_hrtime() > monkey.deadline_ns;
	if (monkey.stopping) {
		stop();
		return;
	}
	if (monkey.fail_in == 0 && monkey_one_in(50))
		monkey.fail_in = 1 + monkey_pick(200);
	for (int i = 0; i < NODES; i++)
		if (monkey.nodes[i].node == NULL && monkey_one_in(5))
			make_node(i);
	for (unsigned n = monkey_pick(20); n > 0; n--)
		monkey_act();
}

static bool option(int *i, int argc, char **argv, const char *name, unsigned long long *out)
{
	if (strcmp(argv[*i], name) != 0 || *i + 1 >= argc)
		return false;
	*out = strtoull(argv[++*i], NULL, 10);
	return true;
}

int main(int argc, char **argv)
{
	unsigned long long seconds = 10, given = uv_hrtime() ^ (unsigned long long)uv_os_getpid();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--plant") == 0) {
			monkey.planted = true;
		} else if (!option(&i, argc, argv, "--seconds", &seconds) &&
			   !option(&i, argc, argv, "--seed", &given)) {
			fprintf(stderr, "usage: kith-monkey [--seconds N] [--seed S] [--plant]\n");
			return 2;
		}
	}
	monkey.rng = monkey.seed = given;
	monkey.port = (uint16_t)(BASE_PORT + (unsigned)uv_os_getpid() % PORTS);
	fprintf(stderr, "kith-monkey: kith %s, --seed %llu\n", kith_version(), (unsigned long long)monkey.seed);
	monkey.deadline_ns = uv_hrtime() + seconds * 1000000000;
	MUST(uv_loop_init(&monkey.loop) == 0 && uv_timer_init(&monkey.loop, &monkey.tick) == 0);
	MUST(uv_timer_start(&monkey.tick, tick, 0, 2) == 0);
	(void)uv_run(&monkey.loop, UV_RUN_DEFAULT);
	MUST(uv_loop_close(&monkey.loop) == 0 && monkey.borrowed == 0);
	for (unsigned i = 0; i < CALLS; i++)
		MUST(!monkey.calls[i].busy);
	fprintf(stderr, "kith-monkey: %lu nodes, %lu operations, %lu handles ended, %lu bytes read\n",
		monkey.done_nodes, monkey.done_calls, monkey.done_closes, monkey.done_bytes);
	if (monkey.done_nodes < 2 || monkey.done_calls == 0 || monkey.done_bytes == 0)
		monkey_wrong("hardly anything was done");
	return 0;
}
