/* A TURN server with one client, as far as a test needs one: it answers requests by libnice's code, as that of the
 * other side. What it does wrong, the test says. */
#ifndef KITH_TEST_TURN_SERVER_H
#define KITH_TEST_TURN_SERVER_H

#include "support.h"

#include "base/addr.h"
#include "host/sockaddr.h"
#include "host/turn_client.h"

#define TURN_REALM "example.org"

struct turn_server {
	StunAgent agent;
	const char *user, *password;
	char nonce[16]; /* the one that it takes */
	struct kith_addr relayed;
	uint32_t life_s; /* that it grants */
	int refuses; /* what is signed is answered by that error; 0: it is granted */
	int refuses_peers; /* the same for permissions */
	unsigned allocated, refreshed, permitted, given_up, unauthorized, stale; /* what it has answered */
	struct kith_addr peer; /* of the last permission */
};

static inline struct kith_addr turn_addr(const char *text)
{
	struct kith_addr a;
	assert_int_equal(kith_addr_parse(&a, text), 0);
	return a;
}

static inline void turn_server_init(struct turn_server *s)
{
	*s = (struct turn_server){ .user = "alice",
				   .password = "secret",
				   .nonce = "first",
				   .relayed = turn_addr("198.51.100.7:50000"),
				   .life_s = 600 };
	stun_agent_init(&s->agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_LONG_TERM_CREDENTIALS | STUN_AGENT_USAGE_NO_INDICATION_AUTH);
}

static inline size_t turn_server_error(struct turn_server *s, const StunMessage *request, int error, uint8_t *out)
{
	StunMessage m;
	assert_true(stun_agent_init_error(&s->agent, &m, out, KITH_TURN_REQUEST_MAX, request, (StunError)error));
	if (error == 401 || error == 438) {
		stun_message_append_string(&m, STUN_ATTRIBUTE_REALM, TURN_REALM);
		stun_message_append_string(&m, STUN_ATTRIBUTE_NONCE, s->nonce);
	}
	return stun_agent_finish_message(&s->agent, &m, NULL, 0);
}

static inline bool turn_server_knows(StunAgent *agent, StunMessage *message, uint8_t *username, uint16_t len,
				     uint8_t **password, size_t *password_len, void *ctx)
{
	struct turn_server *s = ctx;
	(void)agent;
	(void)message;
	if (len != strlen(s->user) || memcmp(username, s->user, len) != 0)
		return false;
	*password = (uint8_t *)(uintptr_t)s->password;
	*password_len = strlen(s->password);
	return true;
}

static inline size_t turn_server_grant(struct turn_server *s, const StunMessage *request, uint8_t *out)
{
	struct sockaddr_storage ss;
	StunMessage m;
	uint32_t life_s = s->life_s;
	socklen_t len = sizeof ss;
	assert_true(stun_agent_init_response(&s->agent, &m, out, KITH_TURN_REQUEST_MAX, request));
	switch ((int)stun_message_get_method(request)) {
	case STUN_ALLOCATE:
		s->allocated++;
		len = kith_sockaddr_set(&ss, &s->relayed);
		stun_message_append_xor_addr(&m, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &ss, len);
		stun_message_append32(&m, STUN_ATTRIBUTE_LIFETIME, life_s);
		break;
	case STUN_REFRESH:
		stun_message_find32(request, STUN_ATTRIBUTE_LIFETIME, &life_s);
		s->given_up += life_s == 0;
		s->refreshed += life_s != 0;
		stun_message_append32(&m, STUN_ATTRIBUTE_LIFETIME, life_s == 0 ? 0 : s->life_s);
		break;
	case STUN_CREATEPERMISSION:
		s->permitted++;
		memset(&ss, 0, sizeof ss);
		stun_message_find_xor_addr(request, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &ss, &len);
		assert_true(kith_sockaddr_get(&s->peer, (struct sockaddr *)&ss));
		break;
	default:
		fail();
	}
	return stun_agent_finish_message(&s->agent, &m, NULL, 0);
}

/* What it answers to a request; 0: nothing. */
static inline size_t turn_server_answer(struct turn_server *s, const uint8_t *in, size_t len,
					uint8_t out[KITH_TURN_REQUEST_MAX])
{
	StunMessage request;
	char nonce[64];
	const StunValidationStatus status = stun_agent_validate(&s->agent, &request, in, len, turn_server_knows, s);
	const bool peers = stun_message_get_method(&request) == STUN_CREATEPERMISSION;
	if (stun_message_get_class(&request) != STUN_REQUEST)
		return 0;
	if (status != STUN_VALIDATION_SUCCESS) {
		s->unauthorized++;
		return turn_server_error(s, &request, 401, out);
	}
	assert_int_equal(stun_message_find_string(&request, STUN_ATTRIBUTE_NONCE, nonce, sizeof nonce),
			 STUN_MESSAGE_RETURN_SUCCESS);
	if (strcmp(nonce, s->nonce) != 0) {
		s->stale++;
		return turn_server_error(s, &request, 438, out);
	}
	if (peers ? s->refuses_peers != 0 : s->refuses != 0)
		return turn_server_error(s, &request, peers ? s->refuses_peers : s->refuses, out);
	return turn_server_grant(s, &request, out);
}

/* What it passes on of a peer. */
static inline size_t turn_server_data(struct turn_server *s, const char *peer, const void *data, size_t len,
				      uint8_t out[KITH_TURN_REQUEST_MAX])
{
	struct sockaddr_storage ss;
	const struct kith_addr from = turn_addr(peer);
	const socklen_t ss_len = kith_sockaddr_set(&ss, &from);
	StunMessage m;
	assert_true(stun_agent_init_indication(&s->agent, &m, out, KITH_TURN_REQUEST_MAX, STUN_IND_DATA));
	stun_message_append_xor_addr(&m, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &ss, ss_len);
	stun_message_append_bytes(&m, STUN_ATTRIBUTE_DATA, data, len);
	return stun_agent_finish_message(&s->agent, &m, NULL, 0);
}

#endif
