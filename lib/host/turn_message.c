#include "host/turn_message.h"

#include <string.h>

#include "host/sockaddr.h"

enum { HEADER_LEN = 20, TYPES_MASK = 0xc0, PADDING = 4, UDP = 17 /* as IP numbers it */ };

void kith_turn_agent_init(StunAgent *agent)
{
	stun_agent_init(agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_LONG_TERM_CREDENTIALS | STUN_AGENT_USAGE_NO_INDICATION_AUTH);
}

/* ---- out ---- */

static StunMethod method_of(enum kith_turn_request what)
{
	switch (what) {
	case KITH_TURN_ALLOCATE:
		return STUN_ALLOCATE;
	case KITH_TURN_REFRESH:
		return STUN_REFRESH;
	case KITH_TURN_PERMIT:
		break;
	}
	return STUN_CREATEPERMISSION;
}

static bool put(StunMessage *m, StunAttribute type, const void *bytes, size_t len)
{
	return stun_message_append_bytes(m, type, bytes, len) == STUN_MESSAGE_RETURN_SUCCESS;
}

static bool put_peer(StunMessage *m, const struct kith_addr *peer)
{
	struct sockaddr_storage ss;
	const socklen_t len = kith_sockaddr_set(&ss, peer);
	return len != 0 && stun_message_append_xor_addr(m, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &ss, len) ==
				   STUN_MESSAGE_RETURN_SUCCESS;
}

static bool put_body(StunMessage *m, const struct kith_turn_ask *ask)
{
	const uint32_t transport = (uint32_t)UDP << 24;
	switch (ask->what) {
	case KITH_TURN_ALLOCATE:
		return stun_message_append32(m, STUN_ATTRIBUTE_REQUESTED_TRANSPORT, transport) ==
			       STUN_MESSAGE_RETURN_SUCCESS &&
		       stun_message_append32(m, STUN_ATTRIBUTE_LIFETIME, KITH_TURN_LIFE_S) ==
			       STUN_MESSAGE_RETURN_SUCCESS;
	case KITH_TURN_REFRESH:
		return stun_message_append32(m, STUN_ATTRIBUTE_LIFETIME, ask->life_s) == STUN_MESSAGE_RETURN_SUCCESS;
	case KITH_TURN_PERMIT:
		break;
	}
	return put_peer(m, ask->peer);
}

size_t kith_turn_write(StunAgent *agent, const struct kith_turn_ask *ask, uint8_t out[KITH_TURN_REQUEST_MAX],
		       uint8_t id[KITH_TURN_ID_LEN])
{
	const struct kith_turn_challenge *c = ask->challenge;
	const struct kith_turn_account *a = ask->account;
	const bool sign = c != NULL && c->realm_len > 0;
	StunMessage m;
	if (!stun_agent_init_request(agent, &m, out, KITH_TURN_REQUEST_MAX, method_of(ask->what)) || !put_body(&m, ask))
		return 0;
	if (sign && (!put(&m, STUN_ATTRIBUTE_USERNAME, a->user, strlen(a->user)) ||
		     !put(&m, STUN_ATTRIBUTE_REALM, c->realm, c->realm_len) ||
		     !put(&m, STUN_ATTRIBUTE_NONCE, c->nonce, c->nonce_len)))
		return 0;
	stun_message_id(&m, id);
	return stun_agent_finish_message(agent, &m, sign ? (const uint8_t *)a->password : NULL,
					 sign ? strlen(a->password) : 0);
}

void kith_turn_forget(StunAgent *agent, const uint8_t id[KITH_TURN_ID_LEN])
{
	StunTransactionId copy;
	memcpy(copy, id, sizeof copy);
	(void)stun_agent_forget_transaction(agent, copy);
}

size_t kith_turn_wrap(StunAgent *agent, const struct kith_addr *peer, const uint8_t *data, size_t len, uint8_t *out,
		      size_t cap)
{
	StunMessage m;
	/* libnice pads behind what it has made sure of. */
	if (cap < PADDING || !stun_agent_init_indication(agent, &m, out, cap - (PADDING - 1), STUN_IND_SEND) ||
	    !put_peer(&m, peer) || !put(&m, STUN_ATTRIBUTE_DATA, data, len))
		return 0;
	return stun_agent_finish_message(agent, &m, NULL, 0);
}

/* ---- in ---- */

static size_t u16_at(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* libnice reads as many bytes of these as they have to have, whatever the attribute says. */
static bool is_whole(uint16_t type, uint16_t len)
{
	if (type == STUN_ATTRIBUTE_MESSAGE_INTEGRITY)
		return len == 20;
	return type != STUN_ATTRIBUTE_FINGERPRINT || len == 4;
}

/* Attributes (a type, a length, a value that is padded to four bytes) up to the very end. */
static bool is_laid_out(const uint8_t *in, size_t len)
{
	if (len < HEADER_LEN || (in[0] & TYPES_MASK) != 0 || len % PADDING != 0 || u16_at(in + 2) != len - HEADER_LEN)
		return false;
	for (size_t at = HEADER_LEN; at < len;) {
		const size_t padded = 4 + (u16_at(in + at + 2) + PADDING - 1) / PADDING * PADDING;
		if (padded > len - at || !is_whole((uint16_t)u16_at(in + at), (uint16_t)u16_at(in + at + 2)))
			return false;
		at += padded;
	}
	return true;
}

static bool take_addr(const StunMessage *m, StunAttribute type, struct kith_addr *out)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	memset(&ss, 0, sizeof ss);
	return stun_message_find_xor_addr(m, type, &ss, &len) == STUN_MESSAGE_RETURN_SUCCESS &&
	       kith_sockaddr_get(out, (const struct sockaddr *)&ss) && out->port != 0;
}

/* libnice strips quotes and NULs at both ends before it hashes, and does not stop where nothing is left. */
static bool is_hashable(const uint8_t *word, size_t len)
{
	return memchr(word, '"', len) == NULL && memchr(word, 0, len) == NULL;
}

/* False: it is not there, or nothing that a server would tell. */
static bool take_word(const StunMessage *m, StunAttribute type, uint8_t out[KITH_TURN_WORD_MAX], uint16_t *len)
{
	const void *at = stun_message_find(m, type, len);
	if (at == NULL || *len == 0 || *len > KITH_TURN_WORD_MAX || !is_hashable(at, *len)) {
		*len = 0;
		return false;
	}
	memcpy(out, at, *len);
	return true;
}

static void take_packet(const StunMessage *m, struct kith_turn_heard *out)
{
	uint16_t len = 0;
	const uint8_t *data = stun_message_find(m, STUN_ATTRIBUTE_DATA, &len);
	if (stun_message_get_method(m) != STUN_IND_DATA || data == NULL ||
	    !take_addr(m, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &out->peer))
		return;
	out->data = (struct kith_span){ data, len };
	out->told = KITH_TURN_TOLD_PACKET;
}

static void take_done(const StunMessage *m, struct kith_turn_heard *out)
{
	out->told = KITH_TURN_TOLD_DONE;
	if (stun_message_find32(m, STUN_ATTRIBUTE_LIFETIME, &out->life_s) != STUN_MESSAGE_RETURN_SUCCESS)
		out->life_s = KITH_TURN_LIFE_S;
	if (!take_addr(m, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &out->relayed))
		memset(&out->relayed, 0, sizeof out->relayed);
}

static void take_error(StunAgent *agent, const StunMessage *m, struct kith_turn_heard *out)
{
	struct kith_turn_challenge *c = &out->challenge;
	if (stun_message_find_error(m, &out->error) != STUN_MESSAGE_RETURN_SUCCESS)
		return;
	out->told = KITH_TURN_TOLD_ERROR;
	kith_turn_forget(agent, out->id); /* what was not proven is still waited for there */
	if (!take_word(m, STUN_ATTRIBUTE_REALM, c->realm, &c->realm_len) ||
	    !take_word(m, STUN_ATTRIBUTE_NONCE, c->nonce, &c->nonce_len))
		c->realm_len = c->nonce_len = 0;
}

void kith_turn_read(StunAgent *agent, const uint8_t *in, size_t len, struct kith_turn_heard *out)
{
	StunMessage m;
	memset(out, 0, sizeof *out);
	if (!is_laid_out(in, len))
		return;
	const StunValidationStatus status = stun_agent_validate(agent, &m, in, len, NULL, NULL);
	if (status == STUN_VALIDATION_NOT_STUN || status == STUN_VALIDATION_INCOMPLETE_STUN)
		return;
	const StunClass class = stun_message_get_class(&m);
	const bool proven = status == STUN_VALIDATION_SUCCESS;
	stun_message_id(&m, out->id);
	if (class == STUN_INDICATION && proven)
		take_packet(&m, out);
	else if (class == STUN_RESPONSE && proven)
		take_done(&m, out);
	else if (class == STUN_ERROR && status != STUN_VALIDATION_UNMATCHED_RESPONSE)
		take_error(agent, &m, out);
}
