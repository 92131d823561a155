#include "session/session.h"

#include "base/alloc.h"
#include "base/assert.h"

/* Which block of KITH_REKEY_PACKETS packets the next one is in, modulo 256. */
static uint8_t block_of(const struct kith_session *s)
{
	return (uint8_t)(s->tx_counter / KITH_REKEY_PACKETS);
}

void kith_session_set_state(struct kith_session *s, enum kith_session_state state)
{
	static const uint8_t legal[] = {
		[KITH_SESSION_INITIATING] = 1 << KITH_SESSION_OPEN | 1 << KITH_SESSION_CLOSED,
		[KITH_SESSION_DECIDING] = 1 << KITH_SESSION_UNCONFIRMED | 1 << KITH_SESSION_CLOSED,
		[KITH_SESSION_UNCONFIRMED] = 1 << KITH_SESSION_OPEN | 1 << KITH_SESSION_CLOSED,
		[KITH_SESSION_OPEN] = 1 << KITH_SESSION_CLOSED,
		[KITH_SESSION_CLOSED] = 1 << KITH_SESSION_CLOSED,
	};
	KITH_ASSERT(legal[s->state] & 1 << state);
	s->state = (unsigned)state & 7;
}

const struct kith_hop *kith_session_hop(const struct kith_session *s)
{
	const struct kith_path *sending = kith_pathset_sending(&s->paths);
	return sending != NULL ? &sending->hop : &s->paths.first.hop;
}

kith_time_us kith_session_heard_at(const struct kith_session *s)
{
	kith_time_us at = s->paths.first.heard_at;
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		at = p->heard_at > at ? p->heard_at : at;
	}
	return at;
}

static void key_made(struct kith_session *s, kith_time_us now)
{
	s->keyed_s = (uint32_t)(now / KITH_US_PER_S);
	s->keyed_block = block_of(s);
}

void kith_session_take_keys(struct kith_session *s, kith_time_us now)
{
	KITH_ASSERT(s->hs != NULL && kith_noise_done(&s->hs->noise));
	kith_noise_split(&s->hs->noise, s->tx_key, s->rx_key, s->chain_key);
	key_made(s, now);
}

/* Hides, or shows, what stands between type and name. The tag is of the packet's every bit, so that no two masks are
 * equal but by chance. */
static void flip(uint8_t out[KITH_DATA_HIDDEN], const uint8_t in[KITH_DATA_HIDDEN], const struct kith_suite *suite,
		 const uint8_t key[32], const uint8_t *tag)
{
	uint8_t mask[KITH_MASK_LEN];
	suite->mask(mask, key, tag);
	for (size_t i = 0; i < KITH_DATA_HIDDEN; i++)
		out[i] = in[i] ^ mask[i];
}

static uint64_t nonce_of(const struct kith_data_mark *mark)
{
	return (uint64_t)mark->way << KITH_COUNTER_BITS | mark->counter;
}

static size_t seal_as(const struct kith_session *s, const struct kith_suite *suite, uint64_t name,
		      const struct kith_data_mark *mark, uint8_t *packet, size_t frames_len)
{
	uint8_t *body = packet + KITH_TRANSPORT_HEADER;
	kith_data_write(packet, mark, name);
	suite->seal(body, s->tx_key, nonce_of(mark), (struct kith_span){ packet, KITH_TRANSPORT_HEADER }, body,
		    frames_len);
	flip(packet + 1, packet + 1, suite, s->tx_key, body + frames_len);
	return KITH_TRANSPORT_HEADER + frames_len + KITH_AEAD_TAG_LEN;
}

size_t kith_session_seal(struct kith_session *s, const struct kith_suite *suite, uint64_t name, uint8_t *packet,
			 size_t frames_len)
{
	if (s->tx_counter >= KITH_REPLAY_COUNTER_END || (uint8_t)(block_of(s) - s->keyed_block) >= KITH_KEY_BLOCKS_MAX)
		return 0;
	const struct kith_data_mark mark = { .counter = s->tx_counter++, .epoch = s->epoch };
	return seal_as(s, suite, name, &mark, packet, frames_len);
}

size_t kith_session_seal_again(const struct kith_session *s, const struct kith_suite *suite, uint64_t name,
			       uint64_t counter, uint8_t way, uint8_t *packet, size_t frames_len)
{
	KITH_ASSERT(counter < s->tx_counter && way > 0 && way <= KITH_WAYS_MAX);
	const struct kith_data_mark mark = { .counter = counter, .epoch = s->epoch, .way = way };
	return seal_as(s, suite, name, &mark, packet, frames_len);
}

/* Begins to use the next keys in both directions; the receive key used so far stays good for a while. */
static void install_next(struct kith_session *s, kith_time_us now)
{
	struct kith_rekey *rk = s->rekey;
	memcpy(rk->old_rx, s->rx_key, 32);
	rk->old_until = now + KITH_OLD_KEY_US;
	memcpy(s->tx_key, rk->next_tx, 32);
	memcpy(s->rx_key, rk->next_rx, 32);
	memcpy(s->chain_key, rk->next_chain, 32);
	kith_wipe(rk->next_tx, 3 * 32);
	rk->next_ready = false;
	rk->asking = false; /* an answer for keys that are not the next ones any more */
	kith_wipe(rk->e_sk, 32);
	rk->retry_at = 0;
	s->epoch++;
	key_made(s, now);
}

/* Shows what the packet hides, if it was made with this key. Another key shows anything, which hardly ever looks
 * right: the epoch has 4 bits, and the counter is not far beyond what came. */
static bool shows(const struct kith_session *s, const struct kith_suite *suite, const uint8_t key[32], unsigned epoch,
		  const struct kith_data_header *header, struct kith_data_mark *mark)
{
	uint8_t plain[KITH_DATA_HIDDEN];
	flip(plain, header->hidden, suite, key, header->sealed.p + header->sealed.len - KITH_AEAD_TAG_LEN);
	*mark = kith_data_mark_read(plain);
	return mark->epoch == (epoch & 15) && mark->counter < s->replay.top + KITH_COUNTER_AHEAD;
}

static uint64_t distance(const struct kith_session *s, const struct kith_data_mark *mark)
{
	return mark->counter > s->replay.top ? mark->counter - s->replay.top : s->replay.top - mark->counter;
}

/* The key that the packet was made with, of those that are good now, and what it hides: if it looks right with more
 * than one, that whose counter is next to what came last. A packet is opened once only, since that destroys it. */
static const uint8_t *key_of(const struct kith_session *s, const struct kith_suite *suite,
			     const struct kith_data_header *header, struct kith_data_mark *mark)
{
	const struct kith_rekey *rk = s->rekey;
	const uint8_t *keys[] = { s->rx_key, rk != NULL && rk->next_ready ? rk->next_rx : NULL,
				  rk != NULL && rk->old_until != 0 ? rk->old_rx : NULL };
	const unsigned epochs[] = { s->epoch, s->epoch + 1u, s->epoch - 1u };
	const uint8_t *best = NULL;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct kith_data_mark m;
		if (keys[i] == NULL || !shows(s, suite, keys[i], epochs[i], header, &m) ||
		    (best != NULL && distance(s, &m) >= distance(s, mark)))
			continue;
		best = keys[i];
		*mark = m;
	}
	return best;
}

enum kith_open_verdict kith_session_open(struct kith_session *s, const struct kith_suite *suite, kith_time_us now,
					 const struct kith_data_header *header, struct kith_span *frames,
					 uint64_t *counter)
{
	struct kith_data_mark mark;
	uint8_t ad[KITH_TRANSPORT_HEADER];
	const uint8_t *key = key_of(s, suite, header, &mark);
	if (key == NULL)
		return KITH_OPEN_NOT_AUTHENTIC;
	if (!kith_replay_check(&s->replay, mark.counter))
		return KITH_OPEN_REPLAYED;
	kith_data_write(ad, &mark, header->name);
	/* The packet lies in mutable host memory (the core's contract); the span type is const for all its other
	 * readers. */
	uint8_t *body = (uint8_t *)(uintptr_t)header->sealed.p;
	if (suite->open(body, key, nonce_of(&mark), (struct kith_span){ ad, sizeof ad }, header->sealed.p,
			header->sealed.len) != 0)
		return KITH_OPEN_NOT_AUTHENTIC;
	kith_replay_commit(&s->replay, mark.counter);
	if (s->rekey != NULL && key == s->rekey->next_rx)
		install_next(s, now);
	else if (s->rekey != NULL && key == s->rx_key && s->rekey->old_until == KITH_TIME_NEVER)
		s->rekey->old_until = now + KITH_OLD_KEY_US;
	*frames = (struct kith_span){ body, header->sealed.len - KITH_AEAD_TAG_LEN };
	*counter = mark.counter;
	return KITH_OPEN_OK;
}

bool kith_session_wants_rekey(const struct kith_session *s, kith_time_us now)
{
	const struct kith_rekey *rk = s->rekey;
	if (s->state != KITH_SESSION_OPEN || (rk != NULL && (rk->asking || now < rk->retry_at)))
		return false;
	/* Where data goes both ways the initiator asks by time, and the responder only if the initiator has not. */
	kith_time_us age = KITH_REKEY_US + (s->initiator ? 0 : KITH_REKEY_LAG_US);
	return now / KITH_US_PER_S - s->keyed_s >= age / KITH_US_PER_S || block_of(s) != s->keyed_block;
}

static struct kith_rekey *get_rekey(struct kith_session *s, const struct kith_alloc *alloc)
{
	if (s->rekey == NULL)
		s->rekey = KITH_NEW(alloc, struct kith_rekey);
	return s->rekey;
}

int kith_rekey_ask(struct kith_session *s, const struct kith_self *self, const struct kith_alloc *alloc,
		   uint8_t e_pk[32])
{
	struct kith_rekey *rk = get_rekey(s, alloc);
	if (rk == NULL)
		return KITH_ENOMEM;
	self->random->fill(self->random->ctx, rk->e_sk, 32);
	self->suite->dh_public(e_pk, rk->e_sk);
	rk->asking = true;
	return 0;
}

/* chain' , seed = HKDF(chain, DH); initiator's and responder's sending keys = HKDF(seed, ""). */
static int derive_next(struct kith_session *s, const struct kith_suite *suite, const uint8_t e_sk[32],
		       const uint8_t their_e[32])
{
	uint8_t shared[32], seed[32], keys[2][32];
	struct kith_rekey *rk = s->rekey;
	int err = suite->dh(shared, e_sk, their_e);
	if (err == 0) {
		kith_noise_hkdf2(suite, s->chain_key, (struct kith_span){ shared, 32 }, rk->next_chain, seed);
		kith_noise_hkdf2(suite, seed, (struct kith_span){ NULL, 0 }, keys[0], keys[1]);
		memcpy(rk->next_tx, keys[s->initiator ? 0 : 1], 32);
		memcpy(rk->next_rx, keys[s->initiator ? 1 : 0], 32);
	}
	kith_wipe(shared, sizeof shared);
	kith_wipe(seed, sizeof seed);
	kith_wipe(keys, sizeof keys);
	return err;
}

int kith_rekey_answer(struct kith_session *s, const struct kith_self *self, const struct kith_alloc *alloc,
		      kith_time_us now, uint64_t epoch, const uint8_t their_e[32], uint8_t e_pk[32])
{
	uint8_t e_sk[32];
	if (s->state != KITH_SESSION_OPEN || epoch != (uint8_t)(s->epoch + 1))
		return KITH_ESTATE;
	struct kith_rekey *rk = get_rekey(s, alloc);
	if (rk == NULL)
		return KITH_ENOMEM;
	if (rk->asking && memcmp(self->dh_pk, s->device, KITH_DEVICE_ID_LEN) < 0)
		return KITH_EEXIST;
	rk->asking = false;
	kith_wipe(rk->e_sk, 32);
	self->random->fill(self->random->ctx, e_sk, 32);
	self->suite->dh_public(e_pk, e_sk);
	int err = derive_next(s, self->suite, e_sk, their_e);
	kith_wipe(e_sk, 32);
	rk->next_ready = err == 0;
	rk->retry_at = now + KITH_REKEY_RETRY_US; /* for the other side to use them first */
	return err;
}

int kith_rekey_finish(struct kith_session *s, const struct kith_self *self, kith_time_us now, const uint8_t their_e[32])
{
	struct kith_rekey *rk = s->rekey;
	if (rk == NULL || !rk->asking)
		return KITH_ESTATE;
	int err = derive_next(s, self->suite, rk->e_sk, their_e);
	if (err == 0) {
		install_next(s, now);
		rk->old_until =
			KITH_TIME_NEVER; /* the answerer goes on with the old keys until it hears us in the new ones */
	}
	return err;
}

void kith_rekey_abandon(struct kith_session *s, kith_time_us now)
{
	if (s->rekey == NULL)
		return;
	s->rekey->asking = false;
	kith_wipe(s->rekey->e_sk, 32);
	s->rekey->retry_at = now + KITH_REKEY_RETRY_US;
}

kith_time_us kith_rekey_deadline(const struct kith_session *s)
{
	const struct kith_rekey *rk = s->rekey;
	if (rk == NULL)
		return KITH_TIME_NEVER;
	kith_time_us at = rk->old_until != 0 ? rk->old_until : KITH_TIME_NEVER;
	bool idle = !rk->asking && !rk->next_ready && rk->old_until == 0;
	return idle ? rk->retry_at : at;
}

void kith_rekey_tick(struct kith_session *s, const struct kith_alloc *alloc, kith_time_us now)
{
	struct kith_rekey *rk = s->rekey;
	if (rk == NULL)
		return;
	if (rk->old_until != 0 && rk->old_until <= now) {
		rk->old_until = 0;
		kith_wipe(rk->old_rx, 32);
	}
	if (rk->asking || rk->next_ready || rk->old_until != 0 || rk->retry_at > now)
		return;
	kith_wipe(rk, sizeof *rk);
	KITH_FREE(alloc, s->rekey);
	s->rekey = NULL;
}
