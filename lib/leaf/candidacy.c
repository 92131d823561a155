#include "leaf/candidacy.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "leaf/homes.h"
#include "link/connect.h"
#include "link/knock.h"
#include "overlay/burst.h"
#include "overlay/pick.h"
#include "super/super.h"
#include "wire/message_attest.h"

#define SETTLE_US (30 * KITH_US_PER_S)
#define ALONE_US (60 * KITH_US_PER_S) /* without a home to ask */
#define BUSY_US (60 * KITH_US_PER_S) /* a home has one candidate a second measured, and each once in ten minutes */
#define LOOK_US (3600 * KITH_US_PER_S) /* whether the witnesses in our entry are members still; it is renewed in 4 h */
#define FLOOR_US (3 * KITH_US_PER_S) /* a witness that says nothing for so long has lost its turn */
#define REPORT_US (20 * KITH_US_PER_MS) /* for packets that were overtaken; what is lost costs the figure that much */
enum { RETRY_DOUBLINGS = 4 };

static const struct kith_span nothing = { NULL, 0 };

struct held {
	uint8_t bytes[KITH_ATTEST_LEN_MAX];
	uint8_t len;
	uint8_t witness[KITH_MEMBER_ID_PREFIX];
	int64_t at_s;
};

/* A stranger knocked, for the witness of a session. */
struct knocked {
	uint32_t session; /* 0: free */
	uint64_t number;
};

/* A question about a round of which packets may still come. */
struct report {
	uint32_t session; /* 0: there is none */
	uint16_t id, packets;
	uint8_t round;
	kith_time_us until;
};

struct kith_candidacy {
	struct kith_timer timer;
	struct kith_candidacy_options options;
	struct held held[KITH_ATTESTS_MAX]; /* of one endpoint; those that expired are history still */
	uint8_t held_n;
	uint8_t fresh; /* that came since the window opened */
	uint8_t failures; /* times of asking in a row after which too few came */
	bool asking; /* the window is open */
	bool found; /* the office was told where */
	enum kith_reached reached;
	struct kith_endpoint endpoint; /* that reached is about */
	kith_time_us ask_at, look_at;
	uint32_t told[KITH_HOMES]; /* sessions of homes that know what is held */
	uint32_t floor; /* session of the witness whose turn it is; 0: nobody's */
	kith_time_us floor_until;
	uint32_t train_session, sent_bytes;
	struct kith_burst_train train;
	struct kith_burst_heard heard;
	struct report report;
	struct knocked knocked[KITH_WITNESSES_IN_MAX];
};

static void wake(struct kith_core *c, kith_time_us at)
{
	struct kith_timer *t = &c->candidacy->timer;
	if (at == KITH_TIME_NEVER || (kith_timer_is_set(t) && t->at <= at))
		return;
	if (kith_timers_set(&c->timers, t, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

static void hold(struct kith_core *c, const struct kith_attest *a);
static void tell_office(struct kith_core *c);

/* What was held before this node was started again: the newest is the first of the list. */
static void hold_again(struct kith_core *c)
{
	struct kith_attest list[KITH_ATTESTS_MAX];
	int n = c->old_attests != NULL ? kith_attests_read(list, kith_blob_span(c->old_attests)) : 0;
	while (n > 0)
		hold(c, &list[--n]);
	kith_blob_unref(&c->shared->blobs, c->old_attests);
	c->old_attests = NULL;
}

int kith_candidacy_begin(struct kith_core *c, const struct kith_candidacy_options *o)
{
	if (kith_consents(c))
		return KITH_ESTATE;
	struct kith_candidacy *cy = KITH_NEW(c->alloc, struct kith_candidacy);
	if (cy == NULL)
		return KITH_ENOMEM;
	c->candidacy = cy;
	cy->options = *o;
	cy->timer.kind = KITH_TIMER_CANDIDACY;
	cy->ask_at = c->now.mono_us + kith_rng_jitter(c->random, kith_pace_wait(c, SETTLE_US), 50);
	cy->look_at = c->now.mono_us + LOOK_US;
	hold_again(c);
	tell_office(c);
	wake(c, cy->ask_at);
	return 0;
}

void kith_candidacy_end(struct kith_core *c)
{
	if (!kith_consents(c))
		return;
	kith_timers_stop(&c->timers, &c->candidacy->timer);
	if (c->candidacy->found)
		kith_office_found(c->office, NULL, 0);
	KITH_FREE(c->alloc, c->candidacy);
	c->candidacy = NULL;
	c->witnesses_until = 0;
}

/* ---- what is held ---- */

static void forget_at(struct kith_candidacy *cy, uint8_t i)
{
	cy->held_n--;
	memmove(&cy->held[i], &cy->held[i + 1], (size_t)(cy->held_n - i) * sizeof cy->held[0]);
}

/* The newest first; an older one of the same witness goes, and so does the oldest of too many. */
static void hold(struct kith_core *c, const struct kith_attest *a)
{
	struct kith_candidacy *cy = c->candidacy;
	for (uint8_t i = 0; i < cy->held_n; i++) {
		if (memcmp(cy->held[i].witness, a->witness, sizeof a->witness) == 0) {
			forget_at(cy, i);
			break;
		}
	}
	if (cy->held_n == KITH_ATTESTS_MAX)
		cy->held_n--;
	memmove(&cy->held[1], &cy->held[0], cy->held_n * sizeof cy->held[0]);
	cy->held_n++;
	struct held *h = &cy->held[0];
	memcpy(h->bytes, a->bytes.p, a->bytes.len);
	h->len = (uint8_t)a->bytes.len;
	h->at_s = a->at_s;
	memcpy(h->witness, a->witness, sizeof h->witness);
	memset(cy->told, 0, sizeof cy->told);
	kith_save_soon(c);
}

static size_t write_held(const struct kith_candidacy *cy, uint8_t out[KITH_ATTESTS_LEN_MAX])
{
	struct kith_span list[KITH_ATTESTS_MAX];
	for (uint8_t i = 0; i < cy->held_n; i++)
		list[i] = (struct kith_span){ cy->held[i].bytes, cy->held[i].len };
	return kith_attests_write(out, list, cy->held_n);
}

size_t kith_candidacy_held(const struct kith_core *c, uint8_t out[KITH_ATTESTS_LEN_MAX])
{
	if (kith_consents(c))
		return write_held(c->candidacy, out);
	if (c->old_attests == NULL)
		return 0;
	const struct kith_span old = kith_blob_span(c->old_attests);
	memcpy(out, old.p, old.len);
	return old.len;
}

/* Those that hold now, at the endpoint of the newest. Returns how many. */
static size_t in_force(const struct kith_core *c, struct kith_attest out[KITH_ATTESTS_MAX])
{
	const struct kith_candidacy *cy = c->candidacy;
	size_t n = 0;
	for (uint8_t i = 0; i < cy->held_n; i++) {
		struct kith_attest a;
		if (kith_attest_parse(&a, (struct kith_span){ cy->held[i].bytes, cy->held[i].len }) == 0 &&
		    kith_attest_in_time(&a, &c->now) == 0 &&
		    (n == 0 || kith_endpoint_equal(&a.endpoint, &out[0].endpoint)))
			out[n++] = a;
	}
	return n;
}

/* Whether others would take its witness for a member: a leaf cannot tell, nor one from which it is far. */
static bool counts(const struct kith_core *c, const struct kith_attest *a)
{
	if (!kith_serves(c))
		return true;
	const struct kith_member *m = kith_members_get_prefix(&c->super->members, a->witness);
	return m != NULL ? kith_member_live(m) : !kith_sectors_near(&c->super->members.sectors, a->witness);
}

size_t kith_candidacy_attests(const struct kith_core *c, uint8_t out[KITH_ATTESTS_LEN_MAX],
			      struct kith_endpoint *endpoint)
{
	struct kith_attest list[KITH_ATTESTS_MAX];
	struct kith_span bytes[KITH_ATTESTS_NEEDED];
	size_t n = kith_consents(c) ? in_force(c, list) : 0, chosen = 0;
	for (size_t i = 0; i < n && chosen < KITH_ATTESTS_NEEDED; i++) {
		if (counts(c, &list[i]))
			bytes[chosen++] = list[i].bytes;
	}
	if (chosen < KITH_ATTESTS_NEEDED)
		return 0;
	*endpoint = list[0].endpoint;
	return kith_attests_write(out, bytes, KITH_ATTESTS_NEEDED);
}

bool kith_candidacy_info(const struct kith_core *c, struct kith_candidacy_info *out)
{
	struct kith_attest list[KITH_ATTESTS_MAX];
	struct kith_vouch vouches[KITH_ATTESTS_MAX];
	memset(out, 0, sizeof *out);
	if (!kith_consents(c))
		return false;
	out->reached = c->candidacy->reached;
	out->endpoint = c->candidacy->endpoint;
	size_t n = in_force(c, list);
	out->attestations = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		vouches[i] = (struct kith_vouch){ .attest = list[i] };
	if (n >= KITH_ATTESTS_NEEDED)
		kith_qualify_figures(vouches, n, &out->figures);
	return true;
}

/* ---- asking ---- */

static void ask_again(struct kith_core *c, kith_time_us after, uint32_t percent)
{
	c->candidacy->ask_at = c->now.mono_us + kith_rng_jitter(c->random, after, percent);
	wake(c, c->candidacy->ask_at);
}

/* A supernode to ask: a home, or, for a node that serves, a member. */
static int send_attest(struct kith_core *c, struct kith_session *home, bool ask)
{
	const struct kith_candidacy *cy = c->candidacy;
	uint8_t held[KITH_ATTESTS_LEN_MAX], body[KITH_REQUEST_MAX];
	struct kith_msg_attest m = {
		.ask = ask, .endpoint = cy->options.endpoint, .up = cy->options.up, .down = cy->options.down
	};
	m.held = (struct kith_span){ held, write_held(cy, held) };
	const struct kith_span span = { body, kith_msg_attest_write(body, sizeof body, &m) };
	const uint64_t token = ask ? kith_token(KITH_TOKEN_ATTEST, 0) : kith_token(KITH_TOKEN_IGNORE, 0);
	if (home != NULL)
		return kith_session_request(c, home, KITH_REQ_ATTEST, span, token);
	const struct kith_member *m1;
	struct kith_host host;
	uint32_t session;
	if (!kith_serves(c) ||
	    kith_members_pick(&c->super->members, c->random, c->now.mono_us, &c->super->id, &m1, 1) == 0)
		return KITH_EDETACHED;
	kith_member_host(m1, &host);
	return kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_ATTEST, span, token, &session);
}

static void open_window(struct kith_core *c)
{
	struct kith_candidacy *cy = c->candidacy;
	cy->asking = true;
	cy->fresh = 0;
	c->witnesses_n = 0;
	c->witnesses_until = c->now.mono_us + KITH_WITNESS_WINDOW_US;
	wake(c, c->witnesses_until);
}

static void ask(struct kith_core *c)
{
	struct kith_session *home = kith_serves(c) ? NULL : kith_homes_primary(c);
	if (c->leaving || (home == NULL && !kith_serves(c)) || send_attest(c, home, true) != 0) {
		ask_again(c, ALONE_US, 10);
		return;
	}
	c->candidacy->ask_at = KITH_TIME_NEVER;
	open_window(c);
}

static void say(struct kith_core *c, enum kith_reached reached)
{
	struct kith_candidacy *cy = c->candidacy;
	char text[KITH_ADDR_TEXT_MAX];
	bool bad = reached == KITH_REACHED_NOBODY || reached == KITH_REACHED_ELSEWHERE;
	cy->reached = reached;
	cy->endpoint = cy->options.endpoint;
	if (cy->endpoint.kind == 0 && c->leaf.seen[0].addr.family != KITH_FAMILY_NONE)
		cy->endpoint = kith_endpoint_udp(&c->leaf.seen[0].addr);
	KITH_LOG(c->log, bad ? KITH_LOG_WARN : KITH_LOG_INFO, "candidacy reached=%d dialled=%u attested=%u address=%s",
		 (int)reached, c->witnesses_n, cy->fresh, kith_log_addr(c->log, &cy->endpoint.addr, text));
}

/* What may be, and what the operator hears, follows: the office knows where others found this node, and for how long
 * that is attested; of an address that the operator named it is told whether it works from outside. */
static void tell_office(struct kith_core *c)
{
	struct kith_candidacy_info info;
	if (!kith_candidacy_info(c, &info))
		return;
	bool found = info.attestations >= KITH_ATTESTS_NEEDED;
	if (found)
		kith_office_found(c->office, &info.figures.endpoint,
				  c->now.mono_us + (info.figures.until_ms - c->now.unix_ms) * KITH_US_PER_MS);
	else if (c->candidacy->found)
		kith_office_found(c->office, NULL, 0);
	c->candidacy->found = found;
	if (c->candidacy->options.endpoint.kind == 0)
		return;
	if (info.reached == KITH_REACHED_YES)
		kith_office_tried(c->office, &info.endpoint, 0);
	else if (info.reached == KITH_REACHED_NOBODY || info.reached == KITH_REACHED_ELSEWHERE)
		kith_office_tried(c->office, &info.endpoint, KITH_EUNREACHABLE);
}

static void close_window(struct kith_core *c, enum kith_reached reached)
{
	struct kith_candidacy *cy = c->candidacy;
	cy->asking = false;
	c->witnesses_until = 0;
	say(c, reached);
	tell_office(c);
	if (reached == KITH_REACHED_YES) {
		cy->failures = 0;
		ask_again(c, KITH_ATTEST_RENEW_US, 10);
		return;
	}
	unsigned doublings = cy->failures < RETRY_DOUBLINGS ? cy->failures : RETRY_DOUBLINGS;
	cy->failures = cy->failures < UINT8_MAX ? cy->failures + 1 : UINT8_MAX;
	ask_again(c, kith_pace_wait(c, KITH_ATTEST_RETRY_US << doublings), 10);
}

void kith_candidacy_on_asked(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_msg_asked m;
	if (!kith_consents(c) || !c->candidacy->asking)
		return;
	if (answer->err == 0 && kith_msg_asked_read(&m, answer->body) == 0)
		return; /* it is waited for what becomes of it */
	if (answer->err == KITH_ELIMIT) { /* it has others measured now: nothing was tried */
		c->candidacy->asking = false;
		c->witnesses_until = 0;
		ask_again(c, kith_pace_wait(c, BUSY_US), 50);
		return;
	}
	close_window(c, answer->err == KITH_EACCES ? KITH_REACHED_ELSEWHERE : KITH_REACHED_UNKNOWN);
}

static void tell_homes(struct kith_core *c)
{
	struct kith_candidacy *cy = c->candidacy;
	struct kith_attest list[KITH_ATTESTS_MAX];
	if (kith_serves(c) || in_force(c, list) < KITH_ATTESTS_NEEDED)
		return;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
		if (s != NULL && s->state == KITH_SESSION_OPEN && cy->told[i] != s->index &&
		    send_attest(c, s, false) == 0)
			cy->told[i] = s->index;
	}
}

/* The homes, or, as a supernode, by a new entry. */
static void tell_all(struct kith_core *c)
{
	uint8_t list[KITH_ATTESTS_LEN_MAX];
	struct kith_endpoint endpoint;
	if (!kith_serves(c)) {
		tell_homes(c);
		return;
	}
	size_t len = kith_candidacy_attests(c, list, &endpoint);
	if (len > 0 && c->endpoints_n > 0 && kith_endpoint_equal(&endpoint, &c->endpoints[0]))
		kith_super_attested(c, (struct kith_span){ list, len });
}

/* Witnesses of a supernode that serves may have left meanwhile: others take their place in its entry, or new ones are
 * asked for. */
static void look_after_witnesses(struct kith_core *c)
{
	struct kith_candidacy *cy = c->candidacy;
	uint8_t list[KITH_ATTESTS_LEN_MAX];
	struct kith_endpoint endpoint;
	cy->look_at = c->now.mono_us + kith_rng_jitter(c->random, LOOK_US, 10);
	if (!kith_serves(c) || !c->super->elected)
		return;
	tell_all(c);
	kith_time_us soon = c->now.mono_us + kith_rng_jitter(c->random, ALONE_US, 50);
	if (kith_candidacy_attests(c, list, &endpoint) == 0 && cy->failures == 0 && cy->ask_at > soon && !cy->asking)
		cy->ask_at = soon;
}

void kith_candidacy_attached(struct kith_core *c)
{
	if (kith_consents(c))
		tell_homes(c);
}

/* ---- being measured ---- */

bool kith_candidacy_witnessed(struct kith_core *c, struct kith_session *s)
{
	if (!kith_consents(c) || s->initiator)
		return false;
	if ((s->use & KITH_USE_WITNESS) == 0 && s->use == 0 && c->now.mono_us < c->witnesses_until)
		s->use |= KITH_USE_WITNESS; /* it said what it is for only now */
	return (s->use & KITH_USE_WITNESS) != 0;
}

static bool is_from_witness(const struct kith_session *s)
{
	return s != NULL && !s->initiator && (s->use & KITH_USE_WITNESS) != 0;
}

/* Where the number for a session is kept, or can be: there are no more sessions of witnesses than places. */
static struct knocked *place_of(const struct kith_core *c, uint32_t session)
{
	struct knocked *k = c->candidacy->knocked, *free = NULL;
	for (size_t i = 0; i < KITH_WITNESSES_IN_MAX; i++) {
		if (k[i].session == session)
			return &k[i];
		if (free == NULL && !is_from_witness(kith_sessions_get(&c->sessions, k[i].session)))
			free = &k[i];
	}
	return free;
}

void kith_candidacy_on_knock(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	uint64_t name, number;
	uint32_t which;
	const struct kith_session *s = kith_consents(c) && from->tunnel == 0 && kith_knock_parse(&name, &number, packet)
					       ? kith_sessions_named(&c->sessions, name, &which)
					       : NULL;
	struct knocked *place = is_from_witness(s) ? place_of(c, s->index) : NULL;
	if (place == NULL) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, from, "knock");
		return;
	}
	*place = (struct knocked){ .session = s->index, .number = number };
}

static void answer_knocked(struct kith_core *c, struct kith_session *s, uint16_t id)
{
	const struct knocked *k = place_of(c, s->index);
	const struct kith_msg_measured m = { .knock = k != NULL && k->session == s->index ? k->number : 0 };
	uint8_t body[64];
	const struct kith_span span = { body, kith_msg_measured_write(body, sizeof body, &m) };
	kith_session_answer(c, s, id, KITH_STATUS_OK, span);
}

void kith_candidacy_on_knock_asked(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_knock m;
	uint8_t status = KITH_STATUS_NOT_ALLOWED; /* who does not consent to serve does not show where it is */
	if (kith_msg_knock_read(&m, request->body) != 0)
		status = KITH_STATUS_MALFORMED;
	else if (kith_consents(c) && !c->leaving)
		status = kith_knock_send(c, s, &m);
	kith_session_answer(c, s, request->id, status, nothing);
}

/* Whether it is the turn of this witness, from now on. */
static bool take_floor(struct kith_core *c, struct kith_session *s)
{
	struct kith_candidacy *cy = c->candidacy;
	if (cy->floor != s->index) {
		if (cy->floor != 0 && c->now.mono_us < cy->floor_until)
			return false;
		cy->floor = s->index;
		cy->sent_bytes = 0;
		cy->train = (struct kith_burst_train){ 0 };
		cy->heard = (struct kith_burst_heard){ 0 };
		cy->report.session = 0;
	}
	cy->floor_until = c->now.mono_us + FLOOR_US;
	return true;
}

static void answer_report(struct kith_core *c)
{
	struct kith_candidacy *cy = c->candidacy;
	struct kith_session *s = kith_sessions_get(&c->sessions, cy->report.session);
	uint8_t body[128];
	struct kith_msg_measured m = { .proof = 0 };
	cy->report.session = 0;
	if (s == NULL || s->state != KITH_SESSION_OPEN)
		return;
	if (cy->heard.round == cy->report.round) {
		m.got = (struct kith_span){ cy->heard.got, (cy->report.packets + 7u) / 8 };
		m.proof = cy->heard.proof;
	}
	const struct kith_span span = { body, kith_msg_measured_write(body, sizeof body, &m) };
	kith_session_answer(c, s, cy->report.id, KITH_STATUS_OK, span);
}

static bool complete(const struct kith_candidacy *cy)
{
	return cy->heard.round == cy->report.round && cy->heard.arrived >= cy->report.packets;
}

static void send_due(struct kith_core *c)
{
	struct kith_candidacy *cy = c->candidacy;
	struct kith_session *s = kith_sessions_get(&c->sessions, cy->train_session);
	unsigned n = kith_burst_due(&cy->train, c->now.mono_us);
	if (s == NULL || s->state != KITH_SESSION_OPEN) {
		cy->train.sent = cy->train.packets;
		return;
	}
	if (n > 0 && kith_outbox_has_room(&c->shared->outbox, n)) {
		for (; n > 0; n--)
			kith_session_burst(c, s, cy->train.round, cy->train.sent++, 0);
	}
	kith_time_us next = kith_burst_due_at(&cy->train);
	wake(c, next > c->now.mono_us ? next : c->now.mono_us + KITH_US_PER_MS);
}

/* A round to send: within the operator's cap and what a measurement may cost, whatever the witness wants. */
static bool begin_train(struct kith_core *c, struct kith_session *s, const struct kith_msg_measure *m)
{
	struct kith_candidacy *cy = c->candidacy;
	uint32_t bytes = (uint32_t)m->packets * KITH_BURST_PACKET;
	if (m->packets > KITH_BURST_PACKETS_MAX || m->rate == 0 || bytes > KITH_BURST_BYTES_MAX - cy->sent_bytes)
		return false;
	uint32_t rate = cy->options.up != 0 && m->rate > cy->options.up ? cy->options.up : m->rate;
	const kith_time_us lasts = (kith_time_us)((uint64_t)bytes * KITH_US_PER_S / rate);
	cy->floor_until += lasts < KITH_WITNESS_TURN_US ? lasts : KITH_WITNESS_TURN_US;
	cy->sent_bytes += bytes;
	cy->train_session = s->index;
	cy->train = (struct kith_burst_train){
		.begun = c->now.mono_us, .rate = rate, .packets = m->packets, .round = m->round
	};
	return true;
}

void kith_candidacy_on_measure(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_measure m;
	struct kith_candidacy *cy = c->candidacy;
	if (kith_msg_measure_read(&m, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	if (s->state != KITH_SESSION_OPEN) { /* inside the HELLO: the witness's address is not proven */
		kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
		return;
	}
	if (m.knock) {
		answer_knocked(c, s, request->id);
		return;
	}
	if (!take_floor(c, s) || (m.send && m.packets > 0 && !begin_train(c, s, &m))) {
		kith_session_answer(c, s, request->id, KITH_STATUS_LIMITED, nothing);
		return;
	}
	if (m.send || m.packets == 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
		if (m.send && m.packets > 0)
			send_due(c);
		return;
	}
	cy->report = (struct report){ s->index, request->id, m.packets, m.round, c->now.mono_us + REPORT_US };
	if (complete(cy))
		answer_report(c);
	else
		wake(c, cy->report.until);
}

bool kith_candidacy_on_burst(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	uint8_t round;
	uint16_t seq;
	uint64_t nonce;
	struct kith_candidacy *cy = c->candidacy;
	if (!kith_burst_read(body, &round, &seq, &nonce))
		return false;
	if (!kith_consents(c) || !take_floor(c, s))
		return true;
	(void)kith_burst_hear(&cy->heard, round, seq, nonce, c->now.mono_us);
	if (cy->report.session == s->index && complete(cy))
		answer_report(c);
	return true;
}

void kith_candidacy_on_attested(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_candidacy *cy = c->candidacy;
	struct kith_msg_attested m;
	struct kith_attest a;
	struct kith_person witness;
	struct kith_key own;
	uint8_t tag[KITH_HOME_TAG_LEN];
	if (kith_msg_attested_read(&m, request->body) != 0 || kith_attest_parse(&a, m.attest) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	memcpy(own.b, c->self.sign_pk, sizeof own.b);
	kith_home_tag(c->suite, tag, &own);
	if (!kith_session_person(c, s, &witness) || memcmp(tag, a.candidate, sizeof tag) != 0 ||
	    kith_attest_in_time(&a, &c->now) != 0 || kith_attest_verify(&a, c->suite, &witness.device_sign) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_INVALID, nothing);
		return;
	}
	hold(c, &a);
	cy->fresh++;
	if (cy->floor == s->index)
		cy->floor = 0; /* the next, please */
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
	if (cy->fresh < KITH_ATTESTS_NEEDED)
		return;
	tell_office(c); /* before the homes, any of which may then ask for help */
	tell_all(c);
}

void kith_candidacy_lost(struct kith_core *c, const struct kith_session *s)
{
	struct kith_candidacy *cy = c->candidacy;
	if (!kith_consents(c))
		return;
	if (cy->floor == s->index)
		cy->floor = 0;
	if (cy->report.session == s->index)
		cy->report.session = 0;
	if (cy->train_session == s->index)
		cy->train.sent = cy->train.packets;
}

void kith_candidacy_tick(struct kith_core *c)
{
	struct kith_candidacy *cy = c->candidacy;
	kith_time_us now = c->now.mono_us;
	if (cy->report.session != 0 && cy->report.until <= now)
		answer_report(c);
	if (cy->train.sent < cy->train.packets)
		send_due(c);
	if (cy->asking && c->witnesses_until <= now)
		close_window(c, cy->fresh >= KITH_ATTESTS_NEEDED ? KITH_REACHED_YES
				: c->witnesses_n > 0		 ? KITH_REACHED_SOME
								 : KITH_REACHED_NOBODY);
	if (cy->ask_at <= now)
		ask(c);
	if (cy->look_at <= now)
		look_after_witnesses(c);
	tell_homes(c);
	if (cy->report.session != 0)
		wake(c, cy->report.until);
	if (cy->asking)
		wake(c, c->witnesses_until);
	wake(c, cy->ask_at);
	wake(c, cy->look_at);
}
