/* What QUIC calls: the messages of the handshake that start.c plays, null keys, connection ids, and news of streams.
 *
 * All keys are empty: "encrypting" appends the tag that stream.h describes, "decrypting" wants to see it. A callback
 * never frees the connection: it notes the error in streams.failed and makes QUIC return.
 */
#include "stream/internal.h"

#include <string.h>

#include "base/assert.h"

enum { DUMMY_LEN = 8 }; /* of keys and nonces */

static const uint8_t dummy[DUMMY_LEN];
static const uint8_t message = 1; /* of the handshake, for both ends: they know all that it could tell */

static int fail(struct kith_streams *s, int error)
{
	if (s->failed == 0)
		s->failed = error;
	return NGTCP2_ERR_CALLBACK_FAILURE;
}

/* ---- null protection ---- */

/* A nonce of zeros, mixed with the packet number, is the packet number. */
static uint64_t number_of(const uint8_t *nonce, size_t nonce_len)
{
	uint64_t number = 0;
	KITH_ASSERT(nonce_len == DUMMY_LEN);
	for (size_t i = 0; i < DUMMY_LEN; i++)
		number = number << 8 | nonce[i];
	return number;
}

static void make_tag(const uint8_t *nonce, size_t nonce_len, uint8_t out[KITH_STREAMS_TAG])
{
	uint64_t number = number_of(nonce, nonce_len);
	memset(out, 0, KITH_STREAMS_TAG);
	out[0] = (uint8_t)(number >> 8);
	out[1] = (uint8_t)(number >> 16);
}

static int encrypt(uint8_t *dest, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *ctx,
		   const uint8_t *plain, size_t len, const uint8_t *nonce, size_t nonce_len, const uint8_t *aad,
		   size_t aad_len)
{
	struct kith_quic_space *space = ctx->native_handle;
	(void)aad, (void)aad_len;
	/* The only other caller checks the tag of a Retry packet, and has room for less than ours. */
	if (aead->max_overhead != KITH_STREAMS_TAG || space == NULL)
		return NGTCP2_ERR_DECRYPT;
	space->sent = number_of(nonce, nonce_len) + 1;
	if (dest != plain && len > 0)
		memmove(dest, plain, len);
	make_tag(nonce, nonce_len, dest + len);
	return 0;
}

static int decrypt(uint8_t *dest, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *ctx,
		   const uint8_t *cipher, size_t len, const uint8_t *nonce, size_t nonce_len, const uint8_t *aad,
		   size_t aad_len)
{
	uint8_t tag[KITH_STREAMS_TAG];
	uint64_t number = number_of(nonce, nonce_len), largest_ack;
	struct kith_quic_space *space = ctx->native_handle;
	(void)aead, (void)aad, (void)aad_len;
	if (space == NULL) /* other keys than the first: there are none */
		return NGTCP2_ERR_DECRYPT;
	make_tag(nonce, nonce_len, tag);
	if (len <= KITH_STREAMS_TAG || memcmp(cipher + len - KITH_STREAMS_TAG, tag, sizeof tag) != 0 ||
	    (!space->s->starting &&
	     (!kith_quic_vet(cipher, len - KITH_STREAMS_TAG, space->s->challenge, &largest_ack) ||
	      !kith_quic_could_know(space, number, largest_ack) ||
	      !kith_quic_admit(space->s, cipher, len - KITH_STREAMS_TAG)))) {
		space->s->packets_refused++;
		return NGTCP2_ERR_DECRYPT;
	}
	if (!space->s->starting) {
		kith_quic_seen(space, number);
		space->s->taken_at = space->s->pace_at;
	}
	memmove(dest, cipher, len - KITH_STREAMS_TAG);
	return 0;
}

static int hp_mask(uint8_t *dest, const ngtcp2_crypto_cipher *hp, const ngtcp2_crypto_cipher_ctx *ctx,
		   const uint8_t *sample)
{
	(void)hp, (void)ctx, (void)sample;
	memset(dest, 0, NGTCP2_HP_MASKLEN);
	return 0;
}

static ngtcp2_crypto_ctx null_crypto(void)
{
	return (ngtcp2_crypto_ctx){
		.aead = { .max_overhead = KITH_STREAMS_TAG },
		.max_encryption = UINT64_MAX, /* no key to wear out: never a key update of our own */
		.max_decryption_failure = UINT64_MAX,
	};
}

static int install_initial(struct kith_streams *s, ngtcp2_conn *conn)
{
	ngtcp2_crypto_ctx crypto = null_crypto();
	ngtcp2_crypto_aead_ctx aead = { &s->space };
	ngtcp2_crypto_cipher_ctx cipher = { 0 };
	ngtcp2_conn_set_initial_crypto_ctx(conn, &crypto);
	return ngtcp2_conn_install_initial_key(conn, &aead, dummy, &cipher, &aead, dummy, &cipher, DUMMY_LEN);
}

static int install_handshake(struct kith_streams *s, ngtcp2_conn *conn)
{
	ngtcp2_crypto_ctx crypto = null_crypto();
	ngtcp2_crypto_aead_ctx aead = { &s->space };
	ngtcp2_crypto_cipher_ctx cipher = { 0 };
	ngtcp2_conn_set_crypto_ctx(conn, &crypto);
	int rv = ngtcp2_conn_install_rx_handshake_key(conn, &aead, dummy, DUMMY_LEN, &cipher);
	return rv != 0 ? rv : ngtcp2_conn_install_tx_handshake_key(conn, &aead, dummy, DUMMY_LEN, &cipher);
}

static int install_others(struct kith_streams *s, ngtcp2_conn *conn)
{
	ngtcp2_crypto_aead_ctx aead = { &s->space };
	ngtcp2_crypto_cipher_ctx cipher = { 0 };
	int rv = ngtcp2_conn_install_rx_key(conn, dummy, DUMMY_LEN, &aead, dummy, DUMMY_LEN, &cipher);
	return rv != 0 ? rv : ngtcp2_conn_install_tx_key(conn, dummy, DUMMY_LEN, &aead, dummy, DUMMY_LEN, &cipher);
}

/* Only ever prepared: no key is worn out here, and a peer's change of keys is refused. */
static int update_key(ngtcp2_conn *conn, uint8_t *rx_secret, uint8_t *tx_secret, ngtcp2_crypto_aead_ctx *rx_ctx,
		      uint8_t *rx_iv, ngtcp2_crypto_aead_ctx *tx_ctx, uint8_t *tx_iv, const uint8_t *rx_old,
		      const uint8_t *tx_old, size_t len, void *user)
{
	(void)conn, (void)rx_ctx, (void)tx_ctx, (void)rx_old, (void)tx_old, (void)user;
	KITH_ASSERT(len == DUMMY_LEN);
	memset(rx_secret, 0, len);
	memset(tx_secret, 0, len);
	memset(rx_iv, 0, DUMMY_LEN);
	memset(tx_iv, 0, DUMMY_LEN);
	return 0;
}

static void delete_aead(ngtcp2_conn *conn, ngtcp2_crypto_aead_ctx *ctx, void *user)
{
	(void)conn, (void)ctx, (void)user;
}

static void delete_cipher(ngtcp2_conn *conn, ngtcp2_crypto_cipher_ctx *ctx, void *user)
{
	(void)conn, (void)ctx, (void)user;
}

/* ---- handshake ---- */
static int submit(ngtcp2_conn *conn, ngtcp2_crypto_level level)
{
	return ngtcp2_conn_submit_crypto_data(conn, level, &message, sizeof message);
}

static int client_initial(ngtcp2_conn *conn, void *user)
{
	int rv = install_initial(user, conn);
	rv = rv != 0 ? rv : submit(conn, NGTCP2_CRYPTO_LEVEL_INITIAL);
	return rv == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int recv_client_initial(ngtcp2_conn *conn, const ngtcp2_cid *dcid, void *user)
{
	(void)dcid;
	return install_initial(user, conn) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int initiator_is_answered(struct kith_streams *s, ngtcp2_conn *conn)
{
	int rv = kith_quic_learn_params(s);
	rv = rv != 0 ? rv : install_handshake(s, conn);
	rv = rv != 0 ? rv : install_others(s, conn);
	rv = rv != 0 ? rv : submit(conn, NGTCP2_CRYPTO_LEVEL_HANDSHAKE);
	if (rv == 0)
		ngtcp2_conn_handshake_completed(conn);
	return rv;
}

static int responder_is_called(struct kith_streams *s, ngtcp2_conn *conn)
{
	int rv = kith_quic_learn_params(s);
	rv = rv != 0 ? rv : install_handshake(s, conn);
	return rv != 0 ? rv : submit(conn, NGTCP2_CRYPTO_LEVEL_INITIAL);
}

static int responder_is_confirmed(struct kith_streams *s, ngtcp2_conn *conn)
{
	int rv = install_others(s, conn);
	if (rv == 0) {
		ngtcp2_conn_handshake_completed(conn);
		s->confirmed = true;
	}
	return rv;
}

static int recv_crypto(ngtcp2_conn *conn, ngtcp2_crypto_level level, uint64_t offset, const uint8_t *p, size_t len,
		       void *user)
{
	struct kith_streams *s = user;
	int rv;
	(void)offset, (void)p, (void)len;
	KITH_ASSERT(s->starting); /* no CRYPTO frame is let in later */
	if (level != NGTCP2_CRYPTO_LEVEL_INITIAL)
		rv = responder_is_confirmed(s, conn);
	else if (s->cfg.initiator)
		rv = initiator_is_answered(s, conn);
	else
		rv = responder_is_called(s, conn);
	return rv == 0 ? 0 : fail(s, KITH_ENOMEM);
}

static int handshake_confirmed(ngtcp2_conn *conn, void *user)
{
	struct kith_streams *s = user;
	(void)conn;
	s->confirmed = true;
	return 0;
}

/* QUIC's Retry is not part of this protocol; nobody sends one. */
static int recv_retry(ngtcp2_conn *conn, const ngtcp2_pkt_hd *hd, void *user)
{
	(void)conn, (void)hd;
	return fail(user, KITH_EPROTO);
}

/* Another version neither. */
static int version_negotiation(ngtcp2_conn *conn, uint32_t version, const ngtcp2_cid *dcid, void *user)
{
	(void)conn, (void)version, (void)dcid;
	return fail(user, KITH_EPROTO);
}

/* ---- randomness and connection ids ---- */
static void quic_rand(uint8_t *dest, size_t len, const ngtcp2_rand_ctx *ctx)
{
	const struct kith_streams *s = ctx->native_handle;
	s->cfg.random->fill(s->cfg.random->ctx, dest, len);
}

/* Until a new path is validated, a responder's limit is lifted by hand (see lift_limit in quic.c). */
static int path_validation(ngtcp2_conn *conn, uint32_t flags, const ngtcp2_path *path,
			   ngtcp2_path_validation_result result, void *user)
{
	struct kith_streams *s = user;
	(void)conn, (void)flags, (void)path;
	s->validating = result != NGTCP2_PATH_VALIDATION_RESULT_SUCCESS;
	return 0;
}

static int path_challenge(ngtcp2_conn *conn, uint8_t *data, void *user)
{
	struct kith_streams *s = user;
	(void)conn;
	s->cfg.random->fill(s->cfg.random->ctx, data, NGTCP2_PATH_CHALLENGE_DATALEN);
	memcpy(s->challenge, data, sizeof s->challenge);
	s->challenging = true;
	return 0;
}

ngtcp2_cid kith_quic_cid(uint64_t number)
{
	ngtcp2_cid cid = { .datalen = QUIC_CID_LEN };
	cid.data[0] = (uint8_t)(number >> 8);
	cid.data[1] = (uint8_t)number;
	return cid;
}

/* Stateless reset is not part of this protocol (kith_streams_gone is its like): tokens are random and forgotten. */
static int new_cid(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t len, void *user)
{
	struct kith_streams *s = user;
	(void)conn;
	KITH_ASSERT(len == QUIC_CID_LEN);
	*cid = kith_quic_cid(s->cid_next++);
	s->cfg.random->fill(s->cfg.random->ctx, token, NGTCP2_STATELESS_RESET_TOKENLEN);
	return 0;
}

/* ---- streams ---- */
static int stream_open(ngtcp2_conn *conn, int64_t id, void *user)
{
	struct kith_streams *s = user;
	if (!ngtcp2_is_bidi_stream(id))
		return fail(s, KITH_EPROTO); /* the limit of the others is 0 */
	struct kith_quic_stream *st = kith_quic_stream_create(s, (uint64_t)id);
	if (st == NULL)
		return fail(s, KITH_ENOMEM);
	st->flags |= STREAM_IN_QUIC;
	return ngtcp2_conn_set_stream_user_data(conn, id, st) == 0 ? 0 : fail(s, KITH_EPROTO);
}

static int recv_stream(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t offset, const uint8_t *p, size_t len,
		       void *user, void *stream_user)
{
	struct kith_streams *s = user;
	(void)conn, (void)id, (void)offset;
	if (stream_user == NULL)
		return 0;
	int rv = kith_quic_stream_deliver(s, stream_user, p, len, (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
	return rv == 0 ? 0 : fail(s, rv);
}

static int acked_stream(ngtcp2_conn *conn, int64_t id, uint64_t offset, uint64_t len, void *user, void *stream_user)
{
	(void)conn, (void)id, (void)offset;
	if (stream_user != NULL)
		kith_quic_stream_on_acked(user, stream_user, (size_t)len);
	return 0;
}

static int stream_reset(ngtcp2_conn *conn, int64_t id, uint64_t final_size, uint64_t code, void *user,
			void *stream_user)
{
	(void)conn, (void)id, (void)final_size;
	if (stream_user != NULL)
		kith_quic_stream_on_reset(user, stream_user, code);
	return 0;
}

static int stream_close(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t code, void *user, void *stream_user)
{
	(void)conn, (void)flags, (void)id, (void)code;
	if (stream_user != NULL)
		kith_quic_stream_on_closed(user, stream_user);
	return 0;
}

static int more_stream_data(ngtcp2_conn *conn, int64_t id, uint64_t max, void *user, void *stream_user)
{
	(void)conn, (void)id, (void)max;
	if (stream_user != NULL)
		kith_quic_stream_wants_to_send(user, stream_user);
	return 0;
}

const ngtcp2_callbacks kith_quic_callbacks = {
	.client_initial = client_initial,
	.recv_client_initial = recv_client_initial,
	.recv_crypto_data = recv_crypto,
	.handshake_confirmed = handshake_confirmed,
	.encrypt = encrypt,
	.decrypt = decrypt,
	.hp_mask = hp_mask,
	.recv_stream_data = recv_stream,
	.acked_stream_data_offset = acked_stream,
	.stream_open = stream_open,
	.stream_close = stream_close,
	.stream_reset = stream_reset,
	.extend_max_stream_data = more_stream_data,
	.recv_retry = recv_retry,
	.rand = quic_rand,
	.get_new_connection_id = new_cid,
	.path_validation = path_validation,
	.get_path_challenge_data = path_challenge,
	.update_key = update_key,
	.delete_crypto_aead_ctx = delete_aead,
	.delete_crypto_cipher_ctx = delete_cipher,
	.version_negotiation = version_negotiation,
};
