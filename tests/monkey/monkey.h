/* What the files of the monkey share: its state, its dice, and its promises. See monkey.c. */
#ifndef KITH_TESTS_MONKEY_H
#define KITH_TESTS_MONKEY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <kith/kith.h>

enum { NODES = 4, CONNS = 48, STREAMS = 96, CALLS = 64, PIECE = 20000, BASE_PORT = 20000, PORTS = 30000 };

struct conn_slot {
	struct kith_conn *conn; /* NULL: free */
	int node;
};

struct stream_slot {
	struct kith_stream *stream;
};

struct call_slot {
	struct kith_call *call;
	bool busy;
	int node;
};

struct monkey_node {
	struct kith_node *node;
	char name[KITH_NAME_MAX + 1];
	bool started, closing;
	size_t live; /* bytes that its allocator has given */
	struct kith_alloc alloc;
	unsigned calls, conns; /* open, that must have ended when it is closed */
};

struct monkey {
	uint64_t rng, seed;
	uv_loop_t loop;
	uv_timer_t tick;
	struct monkey_node nodes[NODES];
	struct conn_slot conns[CONNS];
	struct stream_slot streams[STREAMS];
	struct call_slot calls[CALLS];
	unsigned borrowed, depth, fail_in;
	uint16_t port;
	bool stopping, planted;
	uint64_t deadline_ns;
	unsigned long done_calls, done_closes, done_nodes, done_bytes;
	uint8_t bytes[PIECE]; /* what is written: zeros */
};

extern struct monkey monkey;

/* Says what is wrong, and the seed, and aborts. */
_Noreturn __attribute__((format(printf, 1, 2))) void monkey_wrong(const char *format, ...);

#define MUST(condition) ((condition) ? (void)0 : monkey_wrong("%s:%d: %s", __FILE__, __LINE__, #condition))

uint64_t monkey_roll(void);
unsigned monkey_pick(unsigned n); /* below n */
bool monkey_one_in(unsigned n);

/* ---- callbacks.c ---- */
extern const struct kith_node_callbacks monkey_node_callbacks;
extern const struct kith_stream_callbacks monkey_stream_callbacks;
void monkey_keep_stream(struct kith_stream *stream);
bool monkey_stream_room(void);
void monkey_read(struct kith_stream *stream);
int monkey_index(const struct kith_node *node);
void monkey_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user);
void monkey_done(struct kith_call *call, int err, void *user);
void monkey_found(struct kith_call *call, const struct kith_found_device *device, void *user);
void monkey_closed(struct kith_node *node, void *user);
void monkey_posted(struct kith_node *node, void *arg);
void monkey_released(const void *data, size_t len, int err, void *ctx);

/* ---- act.c ---- */
void monkey_act(void); /* does something */
void monkey_act_on_conn(struct kith_conn *conn);
void monkey_act_on_stream(struct kith_stream *stream);
void monkey_close_node(struct monkey_node *m);

#endif
