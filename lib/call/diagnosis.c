#include "call/diagnosis.h"

#include <string.h>

#include "base/addr.h"
#include "call/words.h"
#include "path/connections.h"

/* ---- facts ---- */

static bool is_udp(const struct kith_candidate *c)
{
	return c->at.kind == KITH_TRANSPORT_UDP;
}

static bool has_udp(const struct kith_candidates *cs)
{
	for (unsigned i = 0; i < cs->n; i++) {
		if (is_udp(&cs->list[i]))
			return true;
	}
	return false;
}

static bool has_family(const struct kith_candidates *cs, uint8_t family)
{
	for (unsigned i = 0; i < cs->n; i++) {
		if (cs->list[i].at.addr.family == family)
			return true;
	}
	return false;
}

static bool same_ip(const struct kith_addr *a, const struct kith_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static bool is_public(const struct kith_addr *a)
{
	return kith_addr_scope(a) == KITH_SCOPE_PUBLIC;
}

/* The address of a NAT: public, and no own one of the node. */
static bool is_outside(const struct kith_candidate *c)
{
	return is_udp(c) && c->kind != KITH_ADDR_HOST && c->kind != KITH_ADDR_RELAYED && is_public(&c->at.addr);
}

/* Ports of one outer address, as they were seen. */
struct ports {
	struct kith_addr at; /* family NONE: none was seen */
	uint16_t list[KITH_CANDIDATES_MAX + KITH_DIAGNOSIS_SEEN_MAX];
	unsigned n;
};

static void add_port(struct ports *p, const struct kith_addr *a)
{
	if (!is_public(a))
		return;
	if (p->n == 0)
		p->at = *a;
	if (!same_ip(&p->at, a))
		return;
	for (unsigned i = 0; i < p->n; i++) {
		if (p->list[i] == a->port)
			return;
	}
	if (p->n < sizeof p->list / sizeof p->list[0])
		p->list[p->n++] = a->port;
}

/* What is predicted was not seen. */
static struct ports ports_of(const struct kith_candidates *cs, const struct kith_addr seen[], unsigned seen_n)
{
	struct ports p;
	memset(&p, 0, sizeof p);
	for (unsigned i = 0; i < seen_n; i++)
		add_port(&p, &seen[i]);
	for (unsigned i = 0; i < cs->n; i++) {
		if (is_outside(&cs->list[i]) && cs->list[i].kind == KITH_ADDR_OBSERVED)
			add_port(&p, &cs->list[i].at.addr);
	}
	return p;
}

static bool varies(const struct kith_candidates *cs, const struct ports *p)
{
	return cs->nat.mapping == KITH_NATCLASS_MAPPING_ADDRESS || cs->nat.mapping == KITH_NATCLASS_MAPPING_PORT ||
	       (cs->nat.mapping == KITH_NATCLASS_MAPPING_UNKNOWN && p->n > 1);
}

static bool is_random(const struct kith_candidates *cs)
{
	return cs->nat.allocation == KITH_NATCLASS_ALLOCATION_RANDOM;
}

static bool steps(const struct kith_candidates *cs)
{
	return cs->nat.allocation == KITH_NATCLASS_ALLOCATION_STEP;
}

/* The outer address that both are seen at; NULL: there is none. */
static const struct kith_addr *shared(const struct kith_candidates *ours, const struct ports *p,
				      const struct kith_candidates *theirs)
{
	for (unsigned i = 0; i < theirs->n; i++) {
		const struct kith_candidate *c = &theirs->list[i];
		if (!is_outside(c))
			continue;
		if (p->n > 0 && same_ip(&p->at, &c->at.addr))
			return &c->at.addr;
		for (unsigned k = 0; k < ours->n; k++) {
			if (is_outside(&ours->list[k]) && same_ip(&ours->list[k].at.addr, &c->at.addr))
				return &c->at.addr;
		}
	}
	return NULL;
}

enum kith_obstacle kith_diagnosis_obstacle(const struct kith_meeting *m)
{
	const struct ports ours = ports_of(m->ours, m->seen, m->seen_n), theirs = ports_of(m->theirs, NULL, 0);
	bool v4 = has_family(m->ours, KITH_FAMILY_V4) && has_family(m->theirs, KITH_FAMILY_V4);
	bool v6 = has_family(m->ours, KITH_FAMILY_V6) && has_family(m->theirs, KITH_FAMILY_V6);
	if (m->attached && m->seen_n == 0)
		return KITH_OBSTACLE_UDP_OURS;
	if (!has_udp(m->theirs))
		return KITH_OBSTACLE_UDP_THEIRS;
	if (!v4 && !v6)
		return KITH_OBSTACLE_FAMILY;
	if (shared(m->ours, &ours, m->theirs) != NULL)
		return KITH_OBSTACLE_ONE_NAT;
	if (varies(m->ours, &ours))
		return varies(m->theirs, &theirs) ? KITH_OBSTACLE_BOTH_VARY : KITH_OBSTACLE_OURS_VARIES;
	if (varies(m->theirs, &theirs))
		return KITH_OBSTACLE_THEIRS_VARIES;
	return m->heard ? KITH_OBSTACLE_INWARD : KITH_OBSTACLE_UNKNOWN;
}

/* ---- words ---- */

static void say_ip(struct kith_words *t, const struct kith_addr *a)
{
	char with_port[KITH_ADDR_TEXT_MAX];
	const char *text = kith_addr_format(a, with_port);
	char *end = strrchr(with_port, ':');
	if (end != NULL)
		*end = '\0';
	kith_words_say(t, "%s", text);
}

/* " (seen: 60358, 62390, 48441)", or nothing when no two were seen. */
static void say_ports(struct kith_words *t, const struct ports *p)
{
	enum { SHOWN = 4 };
	for (unsigned i = 0; p->n > 1 && i < p->n && i < SHOWN; i++)
		kith_words_say(t, "%s%u", i == 0 ? " (seen: " : ", ", p->list[i]);
	if (p->n > 1)
		kith_words_say(t, ")");
}

static void say_guessed(struct kith_words *t, const struct kith_meeting *m)
{
	if (m->guessed)
		kith_words_say(t, "; some of its ports were tried, and none was the right one; they are tried again "
				  "after some minutes");
}

/* What a router is told to forward, and where: to the first own address behind it. */
static void say_forward(struct kith_words *t, const struct kith_candidates *ours)
{
	for (unsigned i = 0; i < ours->n; i++) {
		const struct kith_candidate *c = &ours->list[i];
		if (c->kind != KITH_ADDR_HOST || !is_udp(c) || kith_addr_scope(&c->at.addr) != KITH_SCOPE_PRIVATE)
			continue;
		kith_words_say(t, "forward UDP port %u on your router to ", c->at.addr.port);
		say_ip(t, &c->at.addr);
		kith_words_say(t, ", or switch on UPnP or NAT-PMP there");
		return;
	}
	kith_words_say(t, "forward a UDP port on your router to this machine, or switch on UPnP or NAT-PMP there");
}

static void say_what_helps(struct kith_words *t, const struct kith_meeting *m)
{
	kith_words_say(t, ". What helps: ");
	say_forward(t, m->ours);
	kith_words_say(t, "; or the same where %s is", m->peer);
}

/* What came of TCP, and the port that could be forwarded for it. */
static void say_tcp(struct kith_words *t, const struct kith_meeting *m)
{
	char at[KITH_ADDR_TEXT_MAX];
	if (!m->tcp)
		return;
	if (m->connected_to.family != KITH_FAMILY_NONE)
		kith_words_say(
			t,
			". TCP was tried as well, but no connection to %s came about: a firewall or router there "
			"lets none in",
			kith_addr_format(&m->connected_to, at));
	else
		kith_words_say(t, ". TCP was tried as well, but %s %s", m->peer,
			       kith_connections_named(m->theirs) ? "has no address for it that is reached from here"
								 : "takes no connections");
	for (unsigned i = 0; i < m->ours->n; i++) {
		const struct kith_candidate *c = &m->ours->list[i];
		if (c->at.kind != KITH_TRANSPORT_TCP || c->kind != KITH_ADDR_HOST)
			continue;
		kith_words_say(t, ", and from there none to you; TCP port %u is the one to let in here",
			       c->at.addr.port);
		return;
	}
}

static void say_families(struct kith_words *t, const struct kith_meeting *m)
{
	bool v6 = has_family(m->ours, KITH_FAMILY_V6);
	kith_words_say(t, "you have only %s, and %s has only %s. What helps: %s where %s", v6 ? "IPv6" : "IPv4",
		       m->peer, v6 ? "IPv4" : "IPv6", "IPv6", v6 ? m->peer : "you are");
	kith_words_say(t, v6 ? " is" : "");
}

static void say_no_udp(struct kith_words *t, const struct kith_meeting *m)
{
	bool ours = kith_diagnosis_obstacle(m) == KITH_OBSTACLE_UDP_OURS;
	if (ours)
		kith_words_say(t, "your network lets no UDP packet out, or none back in; you are connected by %s only",
			       m->by_web ? "TLS, as to a web server," : "TCP");
	else
		kith_words_say(t, "%s can be reached by TCP only, since UDP does not get out there", m->peer);
	kith_words_say(t, ". What helps: to let UDP out, with its answers, in the firewall where %s",
		       ours ? "you are" : m->peer);
	kith_words_say(t, ours ? "" : " is");
}

static void say_one_nat(struct kith_words *t, const struct kith_meeting *m, const struct kith_addr *at)
{
	const uint8_t ours = m->ours->nat.hairpin, theirs = m->theirs->nat.hairpin;
	kith_words_say(t, "you and %s share the public address ", m->peer);
	say_ip(t, at);
	if (ours == KITH_NATCLASS_HAIRPIN_YES || theirs == KITH_NATCLASS_HAIRPIN_YES) {
		kith_words_say(t,
			       ", whose router does connect its own users with each other, as was measured; so it is a "
			       "firewall in between. What helps: to let UDP in there, or on either machine");
		return;
	}
	kith_words_say(t,
		       ", whose router does not connect its own users with each other%s, and the addresses that you "
		       "have behind it do not reach each other either. What helps: to be in one network there (no "
		       "guest network, no isolation of clients), or a router that lets its users reach each other by "
		       "its public address",
		       ours == KITH_NATCLASS_HAIRPIN_NO ? ", as was measured" : "");
}

static void say_neither(struct kith_words *t, const struct kith_meeting *m)
{
	if (steps(m->ours) && steps(m->theirs))
		kith_words_say(t, ", both in steps: that was foretold, but others behind these routers took ports "
				  "meanwhile; it is tried again");
	else
		kith_words_say(t, ": neither can be told where the other's packets will come from");
	if (is_random(m->ours) || is_random(m->theirs))
		kith_words_say(t, ", and to guess it on both sides at once would take millions of packets");
	say_what_helps(t, m);
}

size_t kith_diagnosis_write(const struct kith_meeting *m, char *out, size_t cap)
{
	const struct ports ours = ports_of(m->ours, m->seen, m->seen_n), theirs = ports_of(m->theirs, NULL, 0);
	struct kith_words t = { out, 0, cap };
	if (cap == 0)
		return 0;
	out[0] = '\0';
	switch (kith_diagnosis_obstacle(m)) {
	case KITH_OBSTACLE_UDP_OURS:
	case KITH_OBSTACLE_UDP_THEIRS:
		say_no_udp(&t, m);
		break;
	case KITH_OBSTACLE_FAMILY:
		say_families(&t, m);
		break;
	case KITH_OBSTACLE_ONE_NAT:
		say_one_nat(&t, m, shared(m->ours, &ours, m->theirs));
		break;
	case KITH_OBSTACLE_BOTH_VARY:
		kith_words_say(&t, "your router uses another port for every destination");
		say_ports(&t, &ours);
		kith_words_say(&t, ", and so does that of %s", m->peer);
		say_ports(&t, &theirs);
		say_neither(&t, m);
		break;
	case KITH_OBSTACLE_OURS_VARIES:
		kith_words_say(&t, "your router uses another port for every destination");
		say_ports(&t, &ours);
		kith_words_say(&t, ", and that of %s lets in only what comes from where it has sent to", m->peer);
		say_guessed(&t, m);
		say_what_helps(&t, m);
		break;
	case KITH_OBSTACLE_THEIRS_VARIES:
		kith_words_say(&t, "the router of %s uses another port for every destination", m->peer);
		say_ports(&t, &theirs);
		kith_words_say(&t, ", and yours lets in only what comes from where it has sent to");
		say_guessed(&t, m);
		say_what_helps(&t, m);
		break;
	case KITH_OBSTACLE_INWARD:
		kith_words_say(&t,
			       "the packets of %s arrive here, but yours do not arrive there: a firewall on that side "
			       "drops them. "
			       "What "
			       "helps: to let UDP in there",
			       m->peer);
		break;
	case KITH_OBSTACLE_UNKNOWN:
	case KITH_OBSTACLES:
		kith_words_say(&t,
			       "no packet passes in either direction, and nothing was seen that explains it: mostly a "
			       "firewall on one "
			       "side that drops what nobody there has asked for");
		say_what_helps(&t, m);
		break;
	}
	say_tcp(&t, m);
	return t.len;
}
