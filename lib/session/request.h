/* Control requests of one session, both directions. PROTOCOL.md section 6.
 *
 * A request fits one packet; its answer may take up to 16 numbered fragments. The asker repeats a request until any
 * of the answer came, and then asks for the fragments that are missing; the answerer keeps what it answered and
 * repeats that, so that a request is carried out once however often it arrives.
 * Timers: the first retransmission after twice the round trip (300 ms when unknown), doubling to 3 s, given up after
 * 8 s.
 * While ELECTED is not answered, what only supernodes may ask waits.
 * Bounds: KITH_REQUESTS_MAX outstanding each way, and KITH_REQUESTS_WAITING more that wait for their turn, and are
 *   given up when there is no time left for an answer; kept answers KITH_ANSWERS_KEPT_BYTES in all, blobs that others
 *   hold as well not counted, the oldest goes first; when all slots are being worked on a further request is dropped
 *   and counted. The whole structure exists only while something is outstanding or kept for repetition; the ids go on
 *   from where they were (kith_path_env's request_id), since the other side may remember those that were used.
 */
#ifndef KITH_SESSION_REQUEST_H
#define KITH_SESSION_REQUEST_H

#include "path/pathset.h"
#include "wire/body.h"
#include "wire/frame.h"

#define KITH_ANSWERS_KEPT_BYTES (64 * 1024)
#define KITH_REQUESTS_WAITING 512 /* local: a home that republishes the records of its leaves to one replica */

struct kith_requests;
struct kith_kept_stretches;

/* An answer to a request of ours, or its end without one (err != 0, body empty). */
struct kith_answer {
	uint64_t token; /* as given to kith_request_send */
	uint8_t kind; /* enum kith_request_kind */
	uint8_t status; /* enum kith_status; meaningful when err is 0 or came from it */
	int err; /* 0, KITH_ETIMEDOUT, KITH_ECLOSED, or what the status stands for */
	struct kith_span body; /* borrowed until the next call on the session's requests */
};

/* A request of the other side. */
struct kith_request {
	uint16_t id; /* for kith_request_answer */
	uint8_t kind;
	struct kith_span body; /* borrowed from the packet */
};

enum kith_request_verdict { KITH_REQUEST_NEW, KITH_REQUEST_REPEATED, KITH_REQUEST_DROPPED, KITH_REQUEST_MALFORMED };

/* Sends a request. *rq is made when NULL. token comes back with the answer. KITH_EFULL, KITH_ENOMEM, KITH_EMSGSIZE. */
int kith_request_send(struct kith_requests **rq, const struct kith_path_env *env, uint8_t kind, struct kith_span body,
		      uint64_t token, kith_time_us rtt_us, kith_time_us timeout_us) KITH_MUST_USE;

/* The same for a request on a session that is not up yet. With w it travels in the handshake payload: its REQUEST
 * frame is written there, and it is repeated as an ordinary frame from kith_requests_started on, if no answer came
 * with the reply. Without w it is first sent then. */
int kith_request_embed(struct kith_requests **rq, const struct kith_path_env *env, uint8_t kind, struct kith_span body,
		       uint64_t token, kith_time_us timeout_us, struct kith_writer *w) KITH_MUST_USE;
/* The session is up: answers that waited for that are sent, and requests that were held begin to be repeated. */
void kith_requests_started(struct kith_requests *rq, const struct kith_path_env *env, kith_time_us rtt_us);

/* The handshake that requests were embedded in is made again: they are sent when the session is up, but for the first
 * of them, whose REQUEST frame is written to w if it fits there. rq may be NULL. */
void kith_requests_embed_again(struct kith_requests *rq, struct kith_writer *w);

/* Forgets a request by its token: an answer that still comes is ignored. */
void kith_request_cancel(struct kith_requests *rq, const struct kith_path_env *env, uint64_t token);

/* An ANSWER frame. True when it completed a request: *out says which. rq may be NULL. */
bool kith_request_on_answer(struct kith_requests *rq, const struct kith_path_env *env, struct kith_span body,
			    struct kith_answer *out);

/* A REQUEST frame. NEW: carry it out and answer, now or later. */
enum kith_request_verdict kith_request_on_request(struct kith_requests **rq, const struct kith_path_env *env,
						  struct kith_span body, struct kith_request *out);

/* Answers; ids that are no longer known are ignored (the asker gave up). stretches: of the body that lie in blobs, and
 * are not copied (session/kept.h); NULL: none. send false: the session may not send yet; the answer rides in the REPLY,
 * or is fetched by a repetition of the request. */
void kith_request_answer(struct kith_requests *rq, const struct kith_path_env *env, uint16_t id, uint8_t status,
			 struct kith_span body, const struct kith_kept_stretches *stretches, bool send);

/* Writes the answer, when it was already given and takes one frame, as an ANSWER frame into w (the REPLY's payload). */
void kith_request_answer_embed(struct kith_requests *rq, uint16_t id, struct kith_writer *w);

/* An ANSWER_MORE frame: repeats the fragments asked for. */
void kith_request_on_more(struct kith_requests *rq, const struct kith_path_env *env, struct kith_span body);

/* True while a request of ours is outstanding. rq may be NULL. */
bool kith_requests_busy(const struct kith_requests *rq);

/* When kith_requests_tick has work, KITH_TIME_NEVER if none. rq may be NULL. */
kith_time_us kith_requests_deadline(const struct kith_requests *rq);

/* Repeats what is due and forgets what is old; frees *rq when it is empty. To be called when kith_requests_expired has
 * no more to say. */
void kith_requests_tick(struct kith_requests **rq, const struct kith_path_env *env);

/* One request that has ended without an answer: call until false. closing: every outstanding one ends with
 * KITH_ECLOSED. */
bool kith_requests_expired(struct kith_requests *rq, const struct kith_path_env *env, bool closing,
			   struct kith_answer *out);

void kith_requests_free(struct kith_requests **rq, const struct kith_alloc *alloc);

/* The error that an answer's status stands for. */
int kith_status_err(uint8_t status);

#endif
