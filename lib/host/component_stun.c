/* The component "stun": STUN messages (RFC 8489, 3489) by libnice's code. What it is given was checked by host/stun. */
#include <stun/stunagent.h>

#include "host/component.h"
#include "host/stun.h"

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

static size_t tell_address(StunAgent *agent, bool classic, const StunMessage *request,
			   const struct sockaddr_storage *from, socklen_t from_len, uint8_t *out)
{
	StunMessage answer;
	if (!stun_agent_init_response(agent, &answer, out, KITH_STUN_ANSWER_MAX, request))
		return 0;
	StunMessageReturn added =
		classic ? stun_message_append_addr(&answer, STUN_ATTRIBUTE_MAPPED_ADDRESS,
						   (const struct sockaddr *)from, from_len)
			: stun_message_append_xor_addr(&answer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, from, from_len);
	return added == STUN_MESSAGE_RETURN_SUCCESS ? stun_agent_finish_message(agent, &answer, NULL, 0) : 0;
}

static size_t answer(const uint8_t *in, size_t len, bool classic, const struct sockaddr_storage *from,
		     socklen_t from_len, uint8_t out[KITH_STUN_ANSWER_MAX])
{
	uint16_t known[] = { STUN_ATTRIBUTE_CHANGE_REQUEST, 0 }; /* attributes, ended by 0; the agent borrows them */
	StunCompatibility compatibility = classic ? STUN_COMPATIBILITY_RFC3489 : STUN_COMPATIBILITY_RFC5389;
	StunMessage request;
	StunAgent agent;
	stun_agent_init(&agent, known, compatibility, STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
	StunValidationStatus status = stun_agent_validate(&agent, &request, in, len, NULL, NULL);
	bool unknown = status == STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE;
	if ((status != STUN_VALIDATION_SUCCESS && !unknown) || stun_message_get_class(&request) != STUN_REQUEST ||
	    stun_message_get_method(&request) != STUN_BINDING)
		return 0;
	if (wants_change(&request)) {
		known[0] = 0; /* so that it is named among what is refused */
		unknown = true;
	}
	return unknown ? refuse_attributes(&agent, &request, out)
		       : tell_address(&agent, classic, &request, from, from_len, out);
}

static const struct kith_stun_codec codec = { answer };

extern const struct kith_component kith_component_stun;
KITH_EXPORT const struct kith_component kith_component_stun = { KITH_LIBRARY_VERSION, &codec };
