/* What comes over a WebSocket connection: a request, an answer, and the frames behind them. The first byte chooses
 * which, and how many bytes come at once: what comes of it is the same however the bytes were cut. */
#include "fuzz_support.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/web_conn.h"

enum { FRAMES_OF_CLIENT, FRAMES_OF_SERVER, REQUEST, ANSWER, KINDS };

static const char request[] = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct outcome {
	int went, ended;
	unsigned packets;
	uint64_t sum;
};

static void fill(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 7, len);
}

static int go(struct kith_web_conn *c)
{
	static const struct kith_web_place place = { "h", "/ws", { .family = KITH_FAMILY_V4, .port = 443 } };
	const struct kith_web_terms terms = { .place = c->server ? NULL : &place, .path = "/ws" };
	char why[KITH_WEB_WHY_MAX];
	bool by_proxy;
	return kith_web_conn_go(c, &terms, why, &by_proxy);
}

static void take(struct kith_web_conn *c, struct outcome *o)
{
	uint8_t packet[KITH_TCP_PACKET_MAX];
	bool came = false;
	int n;
	while (o->ended == 0 && (n = kith_web_conn_receive(c, packet, &came)) != 0) {
		if (n < 0) {
			o->ended = n;
			return;
		}
		KITH_ASSERT(n <= KITH_TCP_PACKET_MAX);
		o->packets++;
		for (int i = 0; i < n; i++)
			o->sum = o->sum * 31 + packet[i];
		if (kith_web_conn_flush(c) != 0)
			o->ended = KITH_ECLOSED;
	}
}

static void feed(struct kith_web_conn *c, int fd, const uint8_t *data, size_t len, size_t step, struct outcome *o)
{
	uint8_t drain[4096];
	for (size_t at = 0; at < len && o->ended == 0 && o->went >= 0; at += step) {
		size_t n = len - at < step ? len - at : step;
		KITH_ASSERT(send(fd, data + at, n, MSG_NOSIGNAL) == (ssize_t)n);
		if (o->went == 0)
			o->went = go(c);
		if (o->went == 1)
			take(c, o);
		while (recv(fd, drain, sizeof drain, MSG_DONTWAIT) > 0)
			;
	}
}

static struct outcome talk(int kind, const uint8_t *data, size_t len, size_t step)
{
	const struct kith_random random = { fill, NULL };
	struct fz_alloc alloc;
	struct kith_web_conn c;
	struct outcome o = { 0 };
	char answer[KITH_WEB_SAYS_MAX];
	struct kith_web_request r;
	bool opens, server = kind == FRAMES_OF_CLIENT || kind == REQUEST;
	int fds[2];
	fz_alloc_init(&alloc);
	KITH_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	kith_web_conn_init(&c, fds[0], server, &alloc.alloc, &random);
	if (!server) {
		c.state = KITH_WEB_GREETING; /* the socket is there */
		(void)go(&c);
		KITH_ASSERT(c.state == KITH_WEB_ASKING);
	}
	if (kind == FRAMES_OF_CLIENT)
		feed(&c, fds[1], (const uint8_t *)request, sizeof request - 1, SIZE_MAX / 2, &o);
	if (kind == FRAMES_OF_SERVER) {
		kith_web_request_read(&r, (const uint8_t *)request, sizeof request - 1);
		memcpy(r.key, c.key, sizeof r.key);
		size_t n = kith_web_answer_write(answer, &r, "/ws", 0, &opens);
		feed(&c, fds[1], (const uint8_t *)answer, n, SIZE_MAX / 2, &o);
	}
	KITH_ASSERT(kind >= REQUEST || o.went == 1);
	feed(&c, fds[1], data, len, step, &o);
	kith_web_conn_deinit(&c);
	(void)close(fds[0]);
	(void)close(fds[1]);
	KITH_ASSERT(alloc.live_bytes == 0);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0 || len > 32 * 1024)
		return 0;
	int kind = data[0] % KINDS;
	struct outcome one = talk(kind, data + 1, len - 1, SIZE_MAX / 2);
	struct outcome other = talk(kind, data + 1, len - 1, 1 + data[0] / KINDS);
	KITH_ASSERT(one.packets == other.packets && one.sum == other.sum);
	KITH_ASSERT((one.ended == KITH_EPROTO) == (other.ended == KITH_EPROTO));
	return 0;
}
