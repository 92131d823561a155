/* The STUN server; see stun.h. Messages are parsed and made by libnice's STUN code. */
#include "host/stun.h"

#include <string.h>

#include <stun/stunagent.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/bytes.h"
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
	StunAgent agent, classic; /* RFC 8489; RFC 3489, which has no magic cookie */
	uint16_t known[2]; /* attributes that the agents know, ended by 0 */
	uint64_t seed[2];
	uint64_t answered, limited;
	struct row rows[KITH_STUN_ROWS];
};

struct kith_stun *kith_stun_new(const struct kith_alloc *alloc, const uint64_t seed[2])
{
	struct kith_stun *stun = KITH_NEW(alloc, struct kith_stun);
	if (stun == NULL)
		return NULL;
	stun->alloc = alloc;
	memcpy(stun->seed, seed, sizeof stun->seed);
	for (size_t i = 0; i < KITH_STUN_ROWS; i++)
		stun->rows[i].millitokens = KITH_STUN_BURST * 1000;
	stun_agent_init(&stun->agent, stun->known, STUN_COMPATIBILITY_RFC5389, STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
	stun_agent_init(&stun->classic, stun->known, STUN_COMPATIBILITY_RFC3489, STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
	return stun;
}

void kith_stun_free(struct kith_stun *stun)
{
	if (stun != NULL)
		KITH_FREE(stun->alloc, stun);
}

static bool take_token(struct kith_stun *stun, kith_time_us now, const struct kith_addr *from)
{
	uint8_t prefix[sizeof(uint64_t)];
	kith_number_bytes(prefix, sizeof prefix, kith_addr_limit_prefix(from));
	struct row *row = &stun->rows[kith_hash64(stun->seed, prefix, sizeof prefix) % KITH_STUN_ROWS];
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

/* Whether the answer is to come from elsewhere. Classic clients send the attribute with all flags clear, too. */
static bool wants_change(const StunMessage *request)
{
	uint32_t flags;
	switch (stun_message_find32(request, STUN_ATTRIBUTE_CHANGE_REQUEST, &flags)) {
	case STUN_MESSAGE_RETURN_SUCCESS:
		return flags != 0;
	case STUN_MESSAGE_RETURN_NOT_FOUND:
		return false;
	case STUN_MESSAGE_RETURN_INVALID:
	case STUN_MESSAGE_RETURN_NOT_ENOUGH_SPACE:
	case STUN_MESSAGE_RETURN_UNSUPPORTED_ADDRESS:
		break;
	}
	return true;
}

static size_t refuse_attributes(StunAgent *agent, const StunMessage *request, uint8_t *out)
{
	StunMessage answer;
	return stun_agent_build_unknown_attributes_error(agent, &answer, out, KITH_STUN_ANSWER_MAX, request);
}

static size_t tell_address(StunAgent *agent, bool classic, const StunMessage *request, const struct kith_addr *from,
			   uint8_t *out)
{
	struct sockaddr_storage ss;
	StunMessage answer;
	socklen_t len = kith_sockaddr_set(&ss, from);
	if (len == 0 || !stun_agent_init_response(agent, &answer, out, KITH_STUN_ANSWER_MAX, request))
		return 0;
	StunMessageReturn added =
		classic ? stun_message_append_addr(&answer, STUN_ATTRIBUTE_MAPPED_ADDRESS, (const struct sockaddr *)&ss,
						   len)
			: stun_message_append_xor_addr(&answer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &ss, len);
	return added == STUN_MESSAGE_RETURN_SUCCESS ? stun_agent_finish_message(agent, &answer, NULL, 0) : 0;
}

size_t kith_stun_answer(struct kith_stun *stun, kith_time_us now, const uint8_t *in, size_t len,
			const struct kith_addr *from, uint8_t out[KITH_STUN_ANSWER_MAX])
{
	static const uint8_t cookie[4] = { 0x21, 0x12, 0xa4, 0x42 };
	StunMessage request;
	size_t n = 0;
	if (len < STUN_MESSAGE_HEADER_LENGTH || len > REQUEST_LEN_MAX || len % 4 != 0)
		return 0;
	bool classic = memcmp(in + 4, cookie, sizeof cookie) != 0;
	StunAgent *agent = classic ? &stun->classic : &stun->agent;
	stun->known[0] = STUN_ATTRIBUTE_CHANGE_REQUEST;
	StunValidationStatus status = stun_agent_validate(agent, &request, in, len, NULL, NULL);
	bool unknown = status == STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE;
	if ((status != STUN_VALIDATION_SUCCESS && !unknown) || stun_message_get_class(&request) != STUN_REQUEST ||
	    stun_message_get_method(&request) != STUN_BINDING || !take_token(stun, now, from))
		return 0;
	if (wants_change(&request)) {
		stun->known[0] = 0; /* so that it is named among what is refused */
		unknown = true;
	}
	n = unknown ? refuse_attributes(agent, &request, out) : tell_address(agent, classic, &request, from, out);
	if (n > 0)
		stun->answered++;
	return n;
}

void kith_stun_counts(const struct kith_stun *stun, uint64_t *answered, uint64_t *limited)
{
	*answered = stun->answered;
	*limited = stun->limited;
}
