#include "call/explain.h"

#include <stdio.h>

#include "call/diagnosis.h"
#include "call/words.h"
#include "leaf/homes.h"
#include "link/via.h"

enum { JOURNAL_LINE_MAX = 200 };

static const char *state_text(uint8_t state)
{
	switch ((enum kith_path_state)state) {
	case KITH_PATH_NONE:
		return "unused";
	case KITH_PATH_CANDIDATE:
		return "being tried";
	case KITH_PATH_LIVE:
		return "alive";
	case KITH_PATH_SUSPECT:
		return "in doubt";
	case KITH_PATH_DEAD:
		return "dead";
	}
	return "?";
}

/* What it is not by UDP. */
static const char *carrier_text(uint8_t kind)
{
	return kind == KITH_TRANSPORT_TCP   ? " over TCP"
	       : kind == KITH_TRANSPORT_TLS ? " over TLS, as a web server"
					    : "";
}

static const char *class_text(const struct kith_path *p)
{
	return kith_path_is_relay(p) ? "relay " : kith_path_is_direct(p) ? "direct" : "turn  ";
}

static bool say_paths(struct kith_words *t, const struct kith_core *c, const struct kith_session *s)
{
	bool direct = false;
	const struct kith_path *sending = kith_pathset_sending(&s->paths);
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		char addr[KITH_ADDR_TEXT_MAX];
		kith_words_say(t, "path: %s %s %s%s, %s", p == sending ? "*" : " ", class_text(p),
			       kith_addr_format(&p->hop.remote, addr),
			       carrier_text(kith_transports_kind(&c->transports, p->hop.transport)),
			       state_text(p->state));
		if (p->srtt_us > 0)
			kith_words_say(t, ", round trip %u.%01u ms", p->srtt_us / 1000, p->srtt_us / 100 % 10);
		if (p->heard_at > 0)
			kith_words_say(t, ", heard %lld ms ago",
				       (long long)((c->now.mono_us - p->heard_at) / KITH_US_PER_MS));
		kith_words_say(t, "\n");
		direct = direct || (kith_path_is_direct(p) && p->state == KITH_PATH_LIVE);
	}
	return direct;
}

/* Whether a TURN server is on the way to that address, as far as is known. */
static bool is_turned(const struct kith_session *s, const struct kith_addr *at)
{
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		if (p->relayed != 0 && kith_addr_equal(&p->hop.remote, at))
			return true;
	}
	return false;
}

/* Whether a packet of the peer is known to have come straight. */
static bool heard_directly(const struct kith_session *s)
{
	const struct kith_journal *j = kith_pathset_journal(&s->paths);
	const struct kith_journal_entry *e;
	uint32_t it = 0;
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		if (kith_path_is_direct(p) && p->heard_at > 0)
			return true;
	}
	while ((e = kith_journal_read(j, &it)) != NULL) {
		if (e->what == KITH_JOURNAL_HEARD && !e->relay && !is_turned(s, &e->addr))
			return true;
	}
	return false;
}

/* Where our homes see us, by UDP. */
static void add_seen(const struct kith_core *c, struct kith_meeting *m)
{
	KITH_STATIC_ASSERT(KITH_HOMES <= KITH_DIAGNOSIS_SEEN_MAX, "each home sees us somewhere");
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		const struct kith_seen *seen = &c->leaf.seen[i];
		if (seen->addr.family != KITH_FAMILY_NONE &&
		    kith_transports_kind(&c->transports, seen->transport) == KITH_TRANSPORT_UDP)
			m->seen[m->seen_n++] = seen->addr;
	}
}

static void say_obstacle(struct kith_words *t, const struct kith_core *c, const struct kith_session *s,
			 const struct kith_punch *punch)
{
	struct kith_meeting m = {
		.peer = s->peer->name, .ours = &punch->ours, .theirs = &punch->theirs, .heard = heard_directly(s)
	};
	m.tcp = punch->tcp;
	const struct kith_addr *to = kith_punch_connected_to(punch);
	if (to != NULL)
		m.connected_to = *to;
	m.guessed = punch->range_tries.n > 0 || punch->spread_tries.n > 0;
	char why[KITH_DIAGNOSIS_TEXT_MAX];
	add_seen(c, &m);
	m.attached = !kith_serves(c) && kith_homes_count(c) > 0;
	m.by_web = kith_via_walled(c);
	kith_diagnosis_write(&m, why, sizeof why);
	kith_words_say(t, "relayed: %s", why);
}

/* There are homes, and none of them sees us by UDP: that is to be said, and not what came of it. */
static bool is_without_udp(const struct kith_core *c)
{
	struct kith_meeting m = { .seen_n = 0 };
	add_seen(c, &m);
	return m.seen_n == 0 && !kith_serves(c) && kith_homes_count(c) > 0;
}

/* What there is to say before anything was tried: by what is there now, since the journal forgets. NULL: it was. */
static const char *why_untried(const struct kith_core *c, const struct kith_session *s)
{
	struct kith_candidate own;
	const struct kith_punch *punch = kith_pathset_punch(&s->paths);
	if (s->peer->relay_only)
		return "relayed, since the contact is relay-only; allow direct paths to change that";
	if (kith_own_candidates(c, &own, 1) == 0)
		return "relayed, since we have no address to offer; is a network interface up?";
	if (punch == NULL)
		return "relayed; the session was idle, and a direct path is tried again when data flows";
	if (punch->theirs.n == 0)
		return "relayed, since the peer has not named any address (relay-only there, or not yet)";
	if (punch->state == KITH_PUNCH_OFFERED || punch->state == KITH_PUNCH_TOLD)
		return "relayed; an attempt to open a direct path waits for the peer's answer";
	if (kith_punch_connects(punch, c->now.mono_us))
		return "relayed; a direct path is being tried, over TCP";
	if (punch->n_targets == 0 && !punch->tcp && !is_without_udp(c))
		return "relayed, since no address of the peer may be probed (see the reasons below)";
	if (punch->state == KITH_PUNCH_PROBING || punch->state == KITH_PUNCH_WAITING ||
	    kith_punch_guesses(punch, c->now.mono_us))
		return "relayed; a direct path is being tried";
	return NULL;
}

static int journal_line(const struct kith_core *c, const struct kith_journal_entry *e, char *out, size_t cap)
{
	char what[160];
	return snprintf(out, cap, "%8lld ms ago: %s\n", (long long)((c->now.mono_us - e->at) / KITH_US_PER_MS),
			kith_journal_describe(e, what, sizeof what));
}

/* How many of the oldest entries to leave out, so that the others fit. */
static uint32_t surplus(const struct kith_core *c, const struct kith_journal *j, size_t room)
{
	const struct kith_journal_entry *e;
	char line[JOURNAL_LINE_MAX];
	size_t all = 0;
	uint32_t n = 0;
	for (uint32_t it = 0; (e = kith_journal_read(j, &it)) != NULL;)
		all += (size_t)journal_line(c, e, line, sizeof line);
	for (uint32_t it = 0; all > room && (e = kith_journal_read(j, &it)) != NULL; n++)
		all -= (size_t)journal_line(c, e, line, sizeof line);
	return n;
}

static void say_journal(struct kith_words *t, const struct kith_core *c, const struct kith_journal *j, uint32_t skip)
{
	const struct kith_journal_entry *e;
	char line[JOURNAL_LINE_MAX];
	uint32_t n = 0;
	for (uint32_t it = 0; (e = kith_journal_read(j, &it)) != NULL; n++) {
		if (n < skip)
			continue;
		(void)journal_line(c, e, line, sizeof line);
		kith_words_say(t, "%s", line);
	}
}

static void say_verdict(struct kith_words *t, const struct kith_core *c, const struct kith_session *s)
{
	bool direct = say_paths(t, c, s);
	const char *why = direct			     ? "direct"
			  : kith_pathset_in_doubt(&s->paths) ? "none: no path answers"
							     : why_untried(c, s);
	kith_words_say(t, "verdict: ");
	if (why != NULL)
		kith_words_say(t, "%s", why);
	else
		say_obstacle(t, c, s, kith_pathset_punch(&s->paths));
	kith_words_say(t, "\n");
}

static size_t explain(const struct kith_core *c, const struct kith_session *s, bool newest, char *out, size_t cap)
{
	struct kith_words t = { out, 0, cap };
	const struct kith_journal *j = kith_pathset_journal(&s->paths);
	if (cap == 0)
		return 0;
	out[0] = '\0';
	kith_words_say(&t, "session: %s, %s, service %s\n", s->peer->name, s->initiator ? "we called" : "called us",
		       s->peer->service);
	say_verdict(&t, c, s);
	say_journal(&t, c, j, newest ? surplus(c, j, cap - 1 - t.len) : 0);
	return t.len;
}

size_t kith_explain_session(const struct kith_core *c, const struct kith_session *s, char *out, size_t cap)
{
	return explain(c, s, false, out, cap);
}

size_t kith_explain_ending(const struct kith_core *c, const struct kith_session *s, char *out, size_t cap)
{
	return explain(c, s, true, out, cap);
}
