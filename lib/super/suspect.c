#include "super/suspect.h"

#include "base/rng.h"
#include "super/members.h"

#define SLOW_US (3 * KITH_US_PER_S) /* whoever was heard within that is slow, and there */
#define TEST_US (3 * KITH_US_PER_S)
#define DEAD_TEST_US KITH_US_PER_S /* the first HELLO and a repetition */
#define DEAD_FEW_US (20 * KITH_US_PER_S)
#define DEAD_MANY_US KITH_US_PER_S
#define WAVE_US (3 * KITH_US_PER_S)
#define WAVE_STEP_US (50 * KITH_US_PER_MS)
#define BACKOFF_US KITH_US_PER_S
#define BACKOFF_MAX_US (30 * KITH_US_PER_S)
#define REFUTE_US (2 * KITH_US_PER_S)
#define REFUTE_CALM_US (600 * KITH_US_PER_S)
enum {
	BACKOFF_DOUBLINGS = 5,
	REFUTE_DOUBLINGS = 5, /* 2 s to 64 s */
	MANY = 4, /* one in so many found dead is more than chance */
	WAVE = 10 /* one in so many: enough for others to come back with one */
};

/* ---- tests ---- */

static struct kith_test *test_of(struct kith_supernode *sn, const struct kith_id *id)
{
	for (uint8_t i = 0; i < sn->tests_n; i++) {
		if (memcmp(sn->tests[i].id.b, id->b, KITH_ID_LEN) == 0)
			return &sn->tests[i];
	}
	return NULL;
}

static void test_drop(struct kith_supernode *sn, struct kith_test *t)
{
	*t = sn->tests[--sn->tests_n];
}

void kith_suspect_test(struct kith_core *c, const struct kith_member *m)
{
	struct kith_supernode *sn = c->super;
	if (sn->tests_n == KITH_TESTS_MAX || m->dead || test_of(sn, &m->id) != NULL)
		return;
	sn->tests[sn->tests_n++] = (struct kith_test){ .id = m->id, .at = c->now.mono_us };
	kith_super_wake(c, c->now.mono_us);
}

static void own_doubt(struct kith_core *c, const struct kith_member *m, uint8_t out[KITH_GOSSIP_DOUBT_LEN])
{
	kith_doubt_make(c->suite, out, m, c->now.unix_ms, &c->super->id, c->self.sign_sk);
}

/* Two silences, and others answered: that is told. One that is far could not refute it in time, since doubts go round
 * among those near; it is held for dead here, and nowhere else, until it shows a newer entry. */
static void doubt(struct kith_core *c, struct kith_member *m)
{
	struct kith_supernode *sn = c->super;
	if (!kith_member_near(&sn->members, m)) {
		if (kith_member_live(m))
			kith_members_bury(&sn->members, m);
		return;
	}
	uint8_t bytes[KITH_GOSSIP_DOUBT_LEN];
	struct kith_gossip_doubt d;
	own_doubt(c, m, bytes);
	struct kith_reader r = kith_reader_of_span((struct kith_span){ bytes, sizeof bytes });
	if (!kith_gossip_doubt_next(&r, &d) || kith_suspicion_take(&sn->suspicion, &sn->members, &c->now, &sn->id, &d,
								   KITH_MEMBERS_STRANGER) != KITH_DOUBT_NEW)
		return;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "member_doubted id=%02x%02x%02x", m->id.b[0], m->id.b[1], m->id.b[2]);
	sn->gossip_at = c->now.mono_us;
	kith_super_wake(c, c->now.mono_us);
}

static void test_failed(struct kith_core *c, struct kith_test *t, struct kith_member *m)
{
	bool we_hear = c->super->answered_at > t->began;
	if (t->at != KITH_TIME_NEVER)
		return; /* that was an older request */
	if (we_hear) {
		doubt(c, m);
		t->tries = (uint8_t)(t->tries + (t->tries < BACKOFF_DOUBLINGS));
	}
	kith_time_us pause = we_hear && t->tries > 0 ? BACKOFF_US << (t->tries - 1) : BACKOFF_US;
	t->at = c->now.mono_us + kith_rng_jitter(c->random, pause < BACKOFF_MAX_US ? pause : BACKOFF_MAX_US, 20);
	kith_super_wake(c, t->at);
}

/* Sends GOSSIP, with what we hold of that member itself if it was found dead. */
static void ask(struct kith_core *c, const struct kith_member *m, kith_time_us give_up_us)
{
	struct kith_host host;
	uint8_t doubts[KITH_GOSSIP_DOUBTS_LEN_MAX], body[KITH_GOSSIP_REQUEST_MAX];
	const struct kith_gossip_to to = {
		.partner = KITH_MEMBERS_STRANGER,
		.doubts = kith_suspect_tell(c, KITH_MEMBERS_STRANGER, m, doubts),
	};
	size_t len = kith_gossip_request(&c->super->members, &c->now, c->random, &to, body);
	kith_member_host(m, &host);
	kith_super_gossip_with(c, &host, (struct kith_span){ body, len }, give_up_us);
}

static kith_time_us run_tests(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	kith_time_us next = KITH_TIME_NEVER;
	for (uint8_t i = 0; i < sn->tests_n;) {
		struct kith_test *t = &sn->tests[i];
		const struct kith_member *m = kith_members_get(&sn->members, &t->id);
		bool lost = t->at == KITH_TIME_NEVER && c->now.mono_us - t->began > 2 * KITH_HANDSHAKE_TIMEOUT_US;
		if (m == NULL || !kith_member_live(m)) {
			test_drop(sn, t);
			continue;
		}
		if (t->at <= c->now.mono_us || lost) {
			t->at = KITH_TIME_NEVER;
			t->began = c->now.mono_us;
			ask(c, m, TEST_US);
		}
		next = t->at < next ? t->at : next;
		i++;
	}
	return next;
}

/* ---- those that were found dead ---- */

static const struct kith_member *any_dead(struct kith_core *c)
{
	const struct kith_members *ms = &c->super->members;
	uint32_t start = ms->n > 0 ? kith_rng_below(c->random, ms->n) : 0;
	for (uint32_t i = 0; ms->dead > 0 && i < ms->n; i++) {
		const struct kith_member *m = ms->at[(start + i) % ms->n];
		if (m->dead && (m->flags & KITH_MEMBER_LEFT) == 0)
			return m;
	}
	return NULL;
}

static bool many_dead(const struct kith_core *c, uint32_t one_in)
{
	const struct kith_members *ms = &c->super->members;
	return ms->dead > 0 && ms->dead * one_in >= kith_members_live(ms) + ms->dead;
}

static kith_time_us test_dead(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (sn->members.dead == 0)
		return KITH_TIME_NEVER;
	kith_time_us pause = c->now.mono_us < sn->wave_until ? WAVE_STEP_US
			     : many_dead(c, MANY)	     ? DEAD_MANY_US
							     : DEAD_FEW_US;
	if (sn->dead_at > c->now.mono_us + 2 * pause)
		sn->dead_at = c->now.mono_us + kith_rng_jitter(c->random, pause, 20);
	if (sn->dead_at > c->now.mono_us)
		return sn->dead_at;
	const struct kith_member *m = any_dead(c);
	if (m != NULL)
		ask(c, m, DEAD_TEST_US);
	sn->dead_at = c->now.mono_us + kith_rng_jitter(c->random, pause, 20);
	return sn->dead_at;
}

void kith_suspect_returned(struct kith_core *c)
{
	if (!many_dead(c, WAVE))
		return;
	c->super->wave_until = c->now.mono_us + WAVE_US;
	c->super->dead_at = c->now.mono_us;
	kith_super_wake(c, c->now.mono_us);
}

/* ---- what was heard ---- */

void kith_suspect_alive(struct kith_core *c, struct kith_member *m)
{
	struct kith_supernode *sn = c->super;
	struct kith_test *t = test_of(sn, &m->id);
	if (t != NULL)
		test_drop(sn, t);
	if (m->failures > 0) {
		sn->suspects -= sn->suspects > 0;
		kith_super_republish_soon(c);
	}
	kith_member_alive(m, c->now.mono_us);
	kith_suspicion_answered(&sn->suspicion, &m->id);
}

static void silent(struct kith_core *c, struct kith_session *s, struct kith_member *m)
{
	struct kith_supernode *sn = c->super;
	struct kith_test *t = test_of(sn, &m->id);
	if (m->failures == 0) {
		sn->suspects++;
		kith_super_republish_soon(c);
	}
	kith_member_failed(m, c->now.mono_us);
	/* The next test is by a handshake: this session may be dead while the member is not. */
	if (s->state == KITH_SESSION_OPEN && (s->use & ~(KITH_USE_MEMBER | KITH_USE_WATCH)) == 0)
		kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
	if (t != NULL)
		test_failed(c, t, m);
	else
		kith_suspect_test(c, m);
}

void kith_super_heard_of(struct kith_core *c, struct kith_session *s, int err)
{
	if (!kith_serves(c))
		return;
	bool never_up = err == KITH_ECLOSED && s->chain == NULL;
	bool failed = never_up || (err == KITH_ETIMEDOUT && c->now.mono_us - kith_session_heard_at(s) >= SLOW_US);
	bool answered = err != KITH_ETIMEDOUT && err != KITH_ECLOSED;
	if (answered)
		c->super->answered_at = c->now.mono_us;
	if (!failed && (!answered || (c->super->suspects == 0 && c->super->tests_n == 0)))
		return; /* nobody to clear */
	struct kith_member *m = kith_super_member_of(c, s);
	if (m == NULL)
		return;
	if (failed)
		silent(c, s, m);
	else
		kith_suspect_alive(c, m);
}

/* ---- doubts ---- */

/* Somebody doubts us: our entry is signed anew. True: just now. */
static bool refute(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	kith_time_us since = c->now.mono_us - sn->refuted_at;
	if (sn->refuted_at != 0 && since > REFUTE_CALM_US)
		sn->refutations = 0;
	if (sn->refuted_at != 0 && since < (REFUTE_US << sn->refutations) && sn->refutations > 0)
		return false;
	if (kith_super_make_entry(c, 0) != 0)
		return false;
	sn->refuted_at = c->now.mono_us;
	sn->refutations = (uint8_t)(sn->refutations + (sn->refutations < REFUTE_DOUBLINGS));
	kith_super_learnt(c);
	return true;
}

static bool doubted(struct kith_core *c, const struct kith_gossip_doubt *d)
{
	struct kith_supernode *sn = c->super;
	const struct kith_member *accuser = kith_members_get_prefix(&sn->members, d->accuser);
	const struct kith_span body = { d->bytes.p, KITH_GOSSIP_DOUBT_SIGNED_LEN };
	if (c->leaving || accuser == NULL ||
	    kith_verify(c->suite, d->sig, KITH_SIGN_DOUBT, body, accuser->blob->bytes + KITH_KEY_LEN) != 0)
		return false;
	if (d->seq >= sn->entry_seq)
		return refute(c);
	kith_members_tell(&sn->members, &sn->id, 0, true); /* the newer entry has not arrived there */
	return false;
}

static void hear(struct kith_core *c, const struct kith_gossip_doubt *d, unsigned partner)
{
	struct kith_supernode *sn = c->super;
	const struct kith_member *m = kith_members_get_prefix(&sn->members, d->accused);
	if (m == NULL || !kith_member_near(&sn->members, m)) /* of none that we know well */
		return;
	if (kith_suspicion_take(&sn->suspicion, &sn->members, &c->now, &sn->id, d, partner) != KITH_DOUBT_NEW)
		return;
	sn->gossip_at = c->now.mono_us;
	kith_super_wake(c, c->now.mono_us);
	bool spoke = m->heard_at != 0 && c->now.mono_us - m->heard_at < SLOW_US;
	uint32_t live = kith_members_live(&sn->members), near = kith_members_near(&sn->members);
	if (!spoke && kith_rng_below(c->random, near < live ? near : live) < KITH_TESTERS)
		kith_suspect_test(c, m);
}

bool kith_suspect_on_doubts(struct kith_core *c, unsigned partner, struct kith_span doubts)
{
	struct kith_reader r = kith_reader_of_span(doubts);
	struct kith_gossip_doubt d;
	bool refuted = false;
	while (kith_gossip_doubt_next(&r, &d)) {
		if (memcmp(d.accused, c->super->id.b, KITH_MEMBER_ID_PREFIX) == 0)
			refuted = doubted(c, &d) || refuted;
		else
			hear(c, &d, partner);
	}
	return refuted;
}

struct kith_span kith_suspect_tell(struct kith_core *c, unsigned partner, const struct kith_member *m,
				   uint8_t out[KITH_GOSSIP_DOUBTS_LEN_MAX])
{
	size_t len = 0;
	if (m != NULL && m->dead) {
		own_doubt(c, m, out);
		len = KITH_GOSSIP_DOUBT_LEN;
	}
	len += kith_suspicion_tell(&c->super->suspicion, partner, out + len, KITH_GOSSIP_DOUBTS_LEN_MAX - len);
	return (struct kith_span){ out, len };
}

kith_time_us kith_suspect_tick(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (kith_suspicion_settle(&sn->suspicion, &sn->members, c->now.mono_us) > 0)
		kith_super_learnt(c);
	kith_time_us tests = run_tests(c), dead = test_dead(c);
	kith_time_us next = kith_suspicion_next_deadline(&sn->suspicion, c->now.mono_us);
	next = tests < next ? tests : next;
	return dead < next ? dead : next;
}
