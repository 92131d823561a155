/* Bodies of STREAM frames (PROTOCOL.md section 7). QUIC's own packets are those of the QUIC library that this was made
 * with; another one may arrange its frames in another way. */
#include <string.h>

#include "stream/stream.h"
#include "topics.h"
#include "wire/frame.h"
#include "world.h"

enum { CHANNEL = 7, NOW_US = 1000000 };

static const char greeting[] = "hello", reply[] = "hello yourself";

struct end {
	struct vec_random random;
	struct kith_streams *s;
	kith_time_us now;
};

static void end_init(struct end *e, bool initiator)
{
	struct kith_streams_config cfg;
	vec_random_init(&e->random, initiator ? "client" : "server");
	e->now = NOW_US;
	kith_streams_config_init(&cfg);
	cfg.alloc = vec_alloc();
	cfg.random = &e->random.random;
	cfg.initiator = initiator;
	cfg.now = e->now;
	VEC_REQUIRE(kith_streams_new(&e->s, &cfg) == 0);
}

static struct vec begin(struct vec_topic *topic, const char *name, const char *shows, bool initiator)
{
	struct vec v = vec_begin(topic, name, "7", shows);
	vec_covers(&v, "frame", "STREAM");
	vec_text(v.in, "from", initiator ? "initiator" : "responder");
	vec_number(v.in, "generation", 0);
	vec_number(v.in, "mark", 0);
	return v;
}

/* Whether the body is that of a QUIC packet with a short header to connection id 0; what README.md says of it. */
static void put_body(struct vec *v, const uint8_t *body, size_t len, uint64_t number)
{
	enum { SHORT_HEADER = 0x40, NUMBER_LEN = 3, CID_LEN = 2 };
	VEC_REQUIRE(len > KITH_STREAMS_HEADER + 1 + CID_LEN && (body[2] & 0xc0) == SHORT_HEADER);
	size_t header = 1 + CID_LEN + (size_t)(body[2] & NUMBER_LEN) + 1;
	size_t end = len - (KITH_STREAMS_TAG - KITH_STREAMS_CUT);
	uint8_t frame[KITH_STREAMS_PACKET + 3] = { KITH_FRAME_STREAM };
	vec_u64(v->mid, "packet_number", number);
	vec_bytes(v->mid, "connection_id", body + 3, CID_LEN);
	vec_bytes(v->mid, "quic_header", body + KITH_STREAMS_HEADER, header);
	vec_bytes(v->mid, "quic_frames", body + KITH_STREAMS_HEADER + header, end - KITH_STREAMS_HEADER - header);
	vec_bytes(v->mid, "tag_sent", body + end, len - end);
	vec_bytes(v->out, "body", body, len);
	frame[1] = (uint8_t)(len >> 8);
	frame[2] = (uint8_t)len;
	memcpy(frame + 3, body, len);
	vec_bytes(v->out, "frame", frame, len + 3);
}

static size_t output(struct end *e, uint8_t body[KITH_STREAMS_PACKET])
{
	kith_streams_tick(e->s, e->now);
	int n = kith_streams_output(e->s, e->now, body, KITH_STREAMS_PACKET);
	VEC_REQUIRE(n > 0);
	return (size_t)n;
}

static void flight(struct vec_topic *topic, struct end *client, struct end *server)
{
	uint8_t body[KITH_STREAMS_PACKET], read[64];
	uint64_t id;
	bool fin;
	struct kith_stream_event event;
	struct vec v = begin(topic, "first packet",
			     "The initiator opens stream 0 for channel 7 and writes: nothing precedes it.", true);
	VEC_REQUIRE(kith_streams_open(client->s, CHANNEL, &id) == 0);
	VEC_REQUIRE(kith_streams_write(client->s, id, (const uint8_t *)greeting, sizeof greeting - 1, true) > 0);
	vec_number(v.in, "stream", (int64_t)id);
	vec_number(v.in, "channel", CHANNEL);
	vec_bytes(v.in, "bytes", greeting, sizeof greeting - 1);
	vec_bool(v.in, "fin", true);
	size_t len = output(client, body);
	put_body(&v, body, len, 2);
	vec_end(&v);

	server->now += 20000;
	VEC_REQUIRE(kith_streams_input(server->s, server->now, body, len) == 0);
	VEC_REQUIRE(kith_streams_event(server->s, &event) && event.type == KITH_STREAM_OPENED &&
		    event.channel == CHANNEL);
	VEC_REQUIRE(kith_streams_read(server->s, server->now, event.id, read, sizeof read, &fin) ==
			    sizeof greeting - 1 &&
		    fin);
	v = begin(topic, "first packet back", "The responder acknowledges packet 2, and answers on the same stream.",
		  false);
	VEC_REQUIRE(kith_streams_write(server->s, event.id, (const uint8_t *)reply, sizeof reply - 1, true) > 0);
	vec_number(v.in, "stream", (int64_t)event.id);
	vec_bytes(v.in, "bytes", reply, sizeof reply - 1);
	vec_bool(v.in, "fin", true);
	len = output(server, body);
	put_body(&v, body, len, 2);
	vec_end(&v);
	VEC_REQUIRE(kith_streams_input(client->s, client->now + 40000, body, len) == 0);
	VEC_REQUIRE(kith_streams_read(client->s, client->now + 40000, id, read, sizeof read, &fin) ==
			    sizeof reply - 1 &&
		    fin);
}

/* The responder may open one first. */
static void responder_first(struct vec_topic *topic, struct end *server)
{
	uint8_t body[KITH_STREAMS_PACKET];
	uint64_t id;
	struct vec v = begin(
		topic, "first packet of the responder",
		"Whoever speaks first may: the responder opens its stream 1 on a connection of which it has heard "
		"nothing.",
		false);
	VEC_REQUIRE(kith_streams_open(server->s, CHANNEL, &id) == 0);
	VEC_REQUIRE(kith_streams_write(server->s, id, (const uint8_t *)greeting, sizeof greeting - 1, false) > 0);
	vec_number(v.in, "stream", (int64_t)id);
	vec_number(v.in, "channel", CHANNEL);
	vec_bytes(v.in, "bytes", greeting, sizeof greeting - 1);
	vec_bool(v.in, "fin", false);
	size_t len = output(server, body);
	put_body(&v, body, len, 2);
	vec_end(&v);
}

/* A responder that has nothing to send tells its wish for another path in a packet of its own. */
static void wish(struct vec_topic *topic, struct end *server)
{
	uint8_t body[KITH_STREAMS_PACKET];
	struct vec v =
		vec_begin(topic, "wish", "7", "The responder's path has changed: its first wish, without a packet.");
	vec_covers(&v, "frame", "STREAM");
	vec_number(v.in, "generation", 0);
	vec_number(v.in, "mark", 1);
	kith_streams_migrate(server->s, server->now);
	int n = kith_streams_output(server->s, server->now, body, sizeof body);
	VEC_REQUIRE(n == KITH_STREAMS_HEADER);
	const uint8_t frame[] = { KITH_FRAME_STREAM, 0, KITH_STREAMS_HEADER, body[0], body[1] };
	vec_bytes(v.out, "body", body, (size_t)n);
	vec_bytes(v.out, "frame", frame, sizeof frame);
	vec_end(&v);
}

static void others(struct vec_topic *topic)
{
	uint8_t body[8], generation;
	struct vec v = vec_begin(topic, "gone", "7", "No connection of generation 3 is here any more.");
	vec_number(v.in, "generation", 3);
	size_t len = kith_streams_gone(3, body, sizeof body);
	vec_bytes(v.out, "body", body, len);
	vec_end(&v);

	v = vec_begin(topic, "kind 3", "7", "A kind that is not defined.");
	body[0] = 3 << 6;
	vec_bytes(v.in, "body", body, len);
	VEC_REQUIRE(kith_streams_peek(body, len, -1, &generation) == KITH_STREAMS_DROP);
	vec_dropped(&v, "not a kind");
	vec_end(&v);

	v = vec_begin(topic, "late generation", "7", "A packet of generation 2 where the last one was 3.");
	body[0] = 0;
	body[1] = 2;
	vec_bytes(v.in, "body", body, len);
	vec_number(v.in, "last_generation", 3);
	VEC_REQUIRE(kith_streams_peek(body, len, 3, &generation) == KITH_STREAMS_DROP);
	vec_dropped(&v, "older than the last connection");
	vec_end(&v);
}

void topic_streams(struct vec_topic *topic)
{
	struct end client, server, other, quiet;
	end_init(&client, true);
	end_init(&server, false);
	end_init(&other, false);
	end_init(&quiet, false);
	flight(topic, &client, &server);
	responder_first(topic, &other);
	wish(topic, &quiet);
	others(topic);
	kith_streams_free(client.s);
	kith_streams_free(server.s);
	kith_streams_free(other.s);
	kith_streams_free(quiet.s);
}
