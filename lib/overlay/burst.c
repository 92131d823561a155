#include "overlay/burst.h"

#include <string.h>

#include "base/bytes.h"

#define ROUND_MIN_US (50 * KITH_US_PER_MS)
#define ROUND_MAX_US (500 * KITH_US_PER_MS)
enum { ROUND_PACKETS_MIN = 4, SEND_AT_ONCE = 32 };

/* How long a number of packets takes at a rate. */
static kith_time_us time_of(uint32_t packets, uint32_t rate)
{
	return (kith_time_us)((uint64_t)packets * KITH_BURST_PACKET * KITH_US_PER_S / rate);
}

void kith_burst_begin(struct kith_burst *b, uint32_t cap, uint32_t known, bool thorough)
{
	*b = (struct kith_burst){ .cap = cap, .known = known > KITH_BURST_FIRST ? known : 0, .thorough = thorough };
}

/* Of the round that comes next, if it is none that is repeated. */
static uint32_t next_rate(const struct kith_burst *b)
{
	if (b->known != 0)
		return b->known > UINT32_MAX / 5 * 4 ? UINT32_MAX : b->known + b->known / 4;
	if (b->rate == 0)
		return KITH_BURST_FIRST;
	return b->rate > UINT32_MAX / 2 ? UINT32_MAX : 2 * b->rate;
}

static uint32_t room_of(const struct kith_burst *b)
{
	uint32_t packets = (KITH_BURST_BYTES_MAX - b->bytes) / KITH_BURST_PACKET;
	return packets < KITH_BURST_PACKETS_MAX ? packets : KITH_BURST_PACKETS_MAX;
}

static bool plan(struct kith_burst *b, uint32_t packets)
{
	b->packets = (uint16_t)packets;
	b->bytes += packets * KITH_BURST_PACKET;
	b->round++;
	return true;
}

/* A last round, where it can be long enough. */
static bool plan_lasting(struct kith_burst *b)
{
	const uint32_t packets = room_of(b);
	if (!b->thorough || b->lasting || b->best < KITH_BURST_LEAST || packets < KITH_BURST_PACKETS_MAX / 2)
		return false;
	b->lasting = true;
	b->rate = b->best < 2 * KITH_BURST_LEAST ? b->best : 2 * KITH_BURST_LEAST;
	return plan(b, packets);
}

bool kith_burst_next(struct kith_burst *b, kith_time_us rtt_us)
{
	if (b->over)
		return plan_lasting(b);
	/* A round that is long against a round trip is measured well in spite of it. */
	kith_time_us time = 2 * rtt_us;
	if (time < ROUND_MIN_US)
		time = ROUND_MIN_US;
	if (time > ROUND_MAX_US)
		time = ROUND_MAX_US;
	if (!b->again)
		b->rate = next_rate(b);
	if (b->cap != 0 && b->rate > b->cap)
		b->rate = b->cap;
	uint64_t packets = (uint64_t)b->rate * (uint64_t)time / (KITH_BURST_PACKET * KITH_US_PER_S);
	const uint32_t room = room_of(b);
	if (packets < ROUND_PACKETS_MIN)
		packets = ROUND_PACKETS_MIN;
	if (packets > room)
		packets = room;
	b->over = packets < ROUND_PACKETS_MIN;
	return b->over ? plan_lasting(b) : plan(b, (uint32_t)packets);
}

/* The round at the figure of former days. */
static void judge_known(struct kith_burst *b, bool failed, uint32_t figure)
{
	const uint32_t known = b->known;
	b->known = 0;
	if (failed) {
		b->rate = b->best = 0;
		return;
	}
	b->over = b->over || b->rate == b->cap || figure < b->rate / 16 * 15;
	b->thorough = b->thorough && !(b->over && figure <= known + known / 16);
}

static void judge_lasting(struct kith_burst *b, uint32_t figure)
{
	if (figure < b->rate / 16 * 15)
		b->best = figure;
}

void kith_burst_judge(struct kith_burst *b, unsigned arrived, kith_time_us elapsed_us)
{
	kith_time_us planned = time_of(b->packets, b->rate);
	if (elapsed_us < planned)
		elapsed_us = planned;
	if (elapsed_us < 1)
		elapsed_us = 1;
	if (arrived > b->packets)
		arrived = b->packets;
	uint64_t figure = (uint64_t)arrived * KITH_BURST_PACKET * KITH_US_PER_S / (uint64_t)elapsed_us;
	unsigned lost = b->packets - arrived;
	if (figure > b->rate)
		figure = b->rate;
	if (b->lasting) {
		judge_lasting(b, (uint32_t)figure);
		return;
	}
	if (figure > b->best)
		b->best = (uint32_t)figure;
	bool failed = figure < b->rate / 4 * 3 || (lost > 1 && lost > b->packets / 8u);
	if (b->known != 0) {
		judge_known(b, failed, (uint32_t)figure);
		return;
	}
	b->over = b->over || (failed ? b->again : b->rate == b->cap || b->rate == UINT32_MAX);
	b->again = failed;
}

kith_time_us kith_burst_span(unsigned arrived, kith_time_us first_at, kith_time_us last_at)
{
	if (arrived < 2)
		return KITH_US_PER_S; /* one packet says nothing */
	return (last_at - first_at) * (kith_time_us)arrived / (kith_time_us)(arrived - 1);
}

kith_time_us kith_burst_answered(const struct kith_burst *b, kith_time_us until_us, kith_time_us rtt_us)
{
	kith_time_us most = time_of(b->packets, b->rate) / 2;
	return until_us - (rtt_us < most ? rtt_us : most);
}

uint64_t kith_burst_nonce(const struct kith_suite *suite, const uint8_t key[KITH_BURST_KEY_LEN], uint8_t round,
			  uint16_t seq)
{
	const uint8_t which[3] = { round, (uint8_t)(seq >> 8), (uint8_t)seq };
	const struct kith_span part = { which, sizeof which };
	uint8_t out[16];
	suite->blake2b(out, sizeof out, (struct kith_span){ key, KITH_BURST_KEY_LEN }, &part, 1);
	return kith_bytes_number(out, sizeof(uint64_t));
}

unsigned kith_burst_proven(const struct kith_suite *suite, const uint8_t key[KITH_BURST_KEY_LEN], uint8_t round,
			   uint16_t packets, struct kith_span got, uint64_t proof)
{
	unsigned arrived = 0;
	for (uint16_t i = 0; i < packets && i / 8u < got.len; i++) {
		if ((got.p[i / 8] >> (i % 8) & 1) == 0)
			continue;
		proof ^= kith_burst_nonce(suite, key, round, i);
		arrived++;
	}
	return proof == 0 ? arrived : 0;
}

unsigned kith_burst_due(const struct kith_burst_train *t, kith_time_us now)
{
	unsigned left = (unsigned)(t->packets - t->sent);
	if (left == 0 || now < t->begun)
		return 0;
	uint64_t due = 1 + (uint64_t)(now - t->begun) * t->rate / (KITH_BURST_PACKET * KITH_US_PER_S);
	due = due > t->sent ? due - t->sent : 0;
	if (due > left)
		due = left;
	return due < SEND_AT_ONCE ? (unsigned)due : SEND_AT_ONCE;
}

kith_time_us kith_burst_due_at(const struct kith_burst_train *t)
{
	return t->sent == t->packets ? KITH_TIME_NEVER : t->begun + time_of(t->sent, t->rate) + 1;
}

bool kith_burst_hear(struct kith_burst_heard *h, uint8_t round, uint16_t seq, uint64_t nonce, kith_time_us now)
{
	if (seq >= KITH_BURST_PACKETS_MAX || round < h->round)
		return false;
	if (round != h->round)
		*h = (struct kith_burst_heard){ .round = round, .first_at = now };
	const uint8_t bit = (uint8_t)(1u << (seq % 8));
	if (h->got[seq / 8] & bit)
		return false;
	h->got[seq / 8] |= bit;
	h->proof ^= nonce;
	h->arrived++;
	h->last_at = now;
	return true;
}
