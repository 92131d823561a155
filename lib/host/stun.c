/* The STUN server; see stun.h. Messages are parsed and made by libnice's STUN code. */
#include "host/stun.h"

#include <string.h>

#include <stun/stunagent.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/table.h"
#include "host/sockaddr.h"

enum {
	REQUEST_LEN_MAX = 548
}; /* RFC 8489, 6.1: without knowledge of the path, requests are shorter than 576 bytes with headers */

struct row {
	kith_time_us at;
	uint32_t millitokens;
};

struct kith_stun {
	const struct kith_alloc *alloc;
	StunAgent agent;
	uint64_t seed[2];
	uint64_t answered, limited;
	struct row rows[KITH_STUN_ROWS];
};

static const uint16_t known_attributes[] = { 0 };

struct kith_stun *kith_stun_new(const struct kith_alloc *alloc, const uint64_t seed[2])
{
	struct kith_stun *stun = KITH_NEW(alloc, struct kith_stun);
	if (stun == NULL)
		return NULL;
	stun->alloc = alloc;
	memcpy(stun->seed, seed, sizeof stun->seed);
	for (size_t i = 0; i < KITH_STUN_ROWS; i++)
		stun->rows[i].millitokens = KITH_STUN_BURST * 1000;
	stun_agent_init(&stun->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
	return stun;
}

void kith_stun_free(struct kith_stun *stun)
{
	if (stun != NULL)
		KITH_FREE(stun->alloc, stun);
}

static bool take_token(struct kith_stun *stun, kith_time_us now, const struct kith_addr *from)
{
	uint64_t prefix = kith_addr_limit_prefix(from);
	struct row *row = &stun->rows[kith_hash64(stun->seed, &prefix, sizeof prefix) % KITH_STUN_ROWS];

	if (now > row->at) {
		kith_time_us passed = now - row->at;
		if (passed > 2 * KITH_STUN_BURST * KITH_US_PER_S / KITH_STUN_RATE)
			passed = 2 * KITH_STUN_BURST * KITH_US_PER_S / KITH_STUN_RATE;
		uint32_t gained = (uint32_t)(passed * KITH_STUN_RATE / 1000);
		/* Time that was not enough for a whole unit is kept for the next time. */
		row->at = gained == 0 && row->at != 0 ? row->at : now;
		row->millitokens += gained;
		if (row->millitokens > KITH_STUN_BURST * 1000)
			row->millitokens = KITH_STUN_BURST * 1000;
	}
	if (row->millitokens < 1000) {
		stun->limited++;
		return false;
	}
	row->millitokens -= 1000;
	return true;
}

static size_t refuse_attributes(struct kith_stun *stun, const StunMessage *request, uint8_t *out)
{
	StunMessage answer;
	return stun_agent_build_unknown_attributes_error(&stun->agent, &answer, out, KITH_STUN_ANSWER_MAX, request);
}

static size_t tell_address(struct kith_stun *stun, const StunMessage *request, const struct kith_addr *from,
			   uint8_t *out)
{
	struct sockaddr_storage ss;
	StunMessage answer;

	socklen_t len = kith_sockaddr_set(&ss, from);
	if (len == 0 || !stun_agent_init_response(&stun->agent, &answer, out, KITH_STUN_ANSWER_MAX, request))
		return 0;
	if (stun_message_append_xor_addr(&answer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &ss, len) !=
	    STUN_MESSAGE_RETURN_SUCCESS)
		return 0;
	return stun_agent_finish_message(&stun->agent, &answer, NULL, 0);
}

size_t kith_stun_answer(struct kith_stun *stun, kith_time_us now, const uint8_t *in, size_t len,
			const struct kith_addr *from, uint8_t out[KITH_STUN_ANSWER_MAX])
{
	static const uint8_t cookie[4] = { 0x21, 0x12, 0xa4, 0x42 };
	StunMessage request;
	size_t n = 0;

	if (len < STUN_MESSAGE_HEADER_LENGTH || len > REQUEST_LEN_MAX || len % 4 != 0 ||
	    memcmp(in + 4, cookie, sizeof cookie) != 0)
		return 0;
	StunValidationStatus status = stun_agent_validate(&stun->agent, &request, in, len, NULL, NULL);
	bool unknown = status == STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE;
	if ((status != STUN_VALIDATION_SUCCESS && !unknown) || stun_message_get_class(&request) != STUN_REQUEST ||
	    stun_message_get_method(&request) != STUN_BINDING || !take_token(stun, now, from))
		return 0;
	n = unknown ? refuse_attributes(stun, &request, out) : tell_address(stun, &request, from, out);
	if (n > 0)
		stun->answered++;
	return n;
}

void kith_stun_counts(const struct kith_stun *stun, uint64_t *answered, uint64_t *limited)
{
	*answered = stun->answered;
	*limited = stun->limited;
}
