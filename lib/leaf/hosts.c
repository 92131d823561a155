#include "leaf/hosts.h"

#include "base/rng.h"
#include "leaf/caught.h"
#include "wire/attest.h"

#define LACKING_US (10 * KITH_US_PER_S)
enum {
	A_FEW = 3, /* with each record: not all that is known should be one home's choice */
	VAIN_MAX = 5 /* doublings of the records between two questions: once in three hours, where all are known */
};

/* Whether an entry that no certificate calls a supernode's shows attestations of it, in time, by as many witnesses as
 * it takes. A leaf does not know the witnesses' keys, so it cannot tell whether they said so: that members have checked
 * it is its home's word, and a home can pass off as supernodes others than those that the issuer named. */
static bool attested(const struct kith_core *c, const struct kith_member_entry *entry)
{
	struct kith_attest list[KITH_ATTESTS_MAX];
	uint8_t tag[KITH_HOME_TAG_LEN];
	int n = kith_attests_read(list, entry->attest), counted = 0;
	kith_home_tag(c->suite, tag, &entry->sign);
	for (int i = 0; i < n; i++) {
		bool good = memcmp(list[i].candidate, tag, sizeof tag) == 0 &&
			    kith_endpoint_equal(&list[i].endpoint, &entry->endpoints[0]) &&
			    kith_attest_in_time(&list[i], &c->now) == 0;
		for (int k = 0; k < i; k++)
			good = good && memcmp(list[k].witness, list[i].witness, sizeof list[i].witness) != 0;
		counted += good;
	}
	return counted >= KITH_ATTESTS_NEEDED;
}

int kith_hosts_verify(struct kith_core *c, const struct kith_member_entry *entry)
{
	struct kith_person person;
	/* A leaf dials few of those that it is told of. */
	int err = kith_member_verify_once(entry, &c->trust, &c->now, &person);
	if (err == 0 && !c->trust.open && (person.flags & KITH_NAME_SUPERNODE) == 0 && !attested(c, entry))
		err = KITH_EACCES;
	return err;
}

/* A home's own word of where else it is, for our records: whoever calls us may reach it by another kind only. */
static void add_to_home(struct kith_core *c, const struct kith_member_entry *entry)
{
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->state != KITH_HOME_ATTACHED || !kith_key_equal(&home->host.dh, &entry->device))
			continue;
		for (uint8_t k = 0; k < entry->endpoints_n; k++)
			kith_host_add(&home->host, &entry->endpoints[k]);
	}
}

/* A verified entry goes into the cache, but our own and a goodbye. */
static int take(struct kith_core *c, struct kith_span bytes, uint32_t source)
{
	struct kith_member_entry entry;
	uint8_t author[KITH_HOME_TAG_LEN];
	int err = kith_member_parse(&entry, bytes);
	if (err == 0)
		err = kith_hosts_verify(c, &entry);
	if (err != 0)
		return err;
	if ((entry.flags & KITH_MEMBER_LEFT) != 0 || memcmp(entry.device.b, c->self.dh_pk, KITH_KEY_LEN) == 0)
		return KITH_EEXIST;
	add_to_home(c, &entry);
	kith_home_tag(c->suite, author, &entry.sign);
	int at = kith_hostcache_take(&c->leaf.cache, &entry, author, source);
	return at < 0 ? at : 0;
}

/* Whoever names supernodes has verified their entries. One of a later version, or out of time, is nobody's fault. */
static void blame(struct kith_core *c, const struct kith_session *from)
{
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		if (c->leaf.homes[i].state == KITH_HOME_ATTACHED && c->leaf.homes[i].session == from->index)
			kith_caught_failed(c, i, KITH_LIE_FORGES);
	}
}

bool kith_hosts_learn(struct kith_core *c, const struct kith_session *from, struct kith_spans entries)
{
	struct kith_person person;
	bool fresh = false;
	if (!kith_session_person(c, from, &person))
		return false;
	for (size_t i = 0; i < entries.n; i++) {
		int err = take(c, entries.at[i], kith_hostcache_source(&person.device_dh));
		fresh = fresh || err == 0;
		if (err == KITH_EPROTO || err == KITH_ESIGNATURE)
			blame(c, from);
		if (err != 0 && err != KITH_EEXIST && err != KITH_EFULL)
			KITH_LOG(c->log, KITH_LOG_DEBUG, "host_not_taken err=%s", kith_err_name(err));
	}
	return fresh;
}

int kith_hosts_keep(struct kith_core *c, struct kith_span entry)
{
	return take(c, entry, 0);
}

static void ask(struct kith_core *c, struct kith_session *s, uint64_t n)
{
	uint8_t body[16];
	size_t len = kith_msg_members_write(body, sizeof body, &(struct kith_msg_members){ .n = n });
	int err = kith_session_request(c, s, KITH_REQ_MEMBERS, (struct kith_span){ body, len },
				       kith_token(KITH_TOKEN_MEMBERS, 0));
	(void)err; /* not possible now: another home is asked another time */
}

unsigned kith_hosts_spare(const struct kith_core *c)
{
	unsigned n = 0;
	for (int i = 0; i < c->leaf.cache.n; i++)
		n += c->leaf.cache.at[i].failures == 0 && (c->leaf.cache.at[i].flags & KITH_HOST_USED) == 0;
	return n;
}

void kith_hosts_attached(struct kith_core *c, struct kith_session *s, kith_time_us wait)
{
	struct kith_leaf *leaf = &c->leaf;
	if (kith_hosts_spare(c) + KITH_HOMES >= KITH_HOSTCACHE_MAX)
		return;
	if (wait == 0)
		ask(c, s, KITH_HOSTS_WANTED);
	else if (leaf->fill_at == 0)
		leaf->fill_at = c->now.mono_us + wait + kith_rng_below(c->random, (uint32_t)(2 * wait));
}

static void ask_in_turn(struct kith_core *c, uint64_t n)
{
	struct kith_leaf *leaf = &c->leaf;
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		leaf->asked_hosts = (uint8_t)((leaf->asked_hosts + 1) % KITH_HOMES);
		const struct kith_home_slot *home = &leaf->homes[leaf->asked_hosts];
		struct kith_session *s =
			home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
		if (s == NULL)
			continue;
		ask(c, s, n);
		return;
	}
}

kith_time_us kith_hosts_tick(struct kith_core *c)
{
	struct kith_leaf *leaf = &c->leaf;
	if (leaf->fill_at == 0)
		return KITH_TIME_NEVER;
	if (leaf->fill_at > c->now.mono_us)
		return leaf->fill_at;
	leaf->fill_at = 0;
	ask_in_turn(c, KITH_HOSTS_WANTED);
	return KITH_TIME_NEVER;
}

kith_time_us kith_hosts_lacking(struct kith_core *c)
{
	if (c->now.mono_us >= c->leaf.hosts_at) {
		c->leaf.hosts_at = c->now.mono_us + LACKING_US;
		ask_in_turn(c, KITH_HOSTS_WANTED);
	}
	return c->leaf.hosts_at;
}

void kith_hosts_renew(struct kith_core *c)
{
	struct kith_leaf *leaf = &c->leaf;
	if (c->leaving || leaf->fill_at != 0 || kith_hosts_spare(c) + KITH_HOMES >= KITH_HOSTCACHE_MAX ||
	    ++leaf->hosts_skipped < 1u << leaf->hosts_vain)
		return;
	leaf->hosts_skipped = 0;
	ask_in_turn(c, A_FEW);
}

bool kith_hosts_on_members(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_msg_room room;
	struct kith_msg_named m;
	if (answer->err != 0 || kith_msg_named_read(&m, &room, answer->body) != 0)
		return false;
	if (!kith_hosts_learn(c, s, m.entries)) {
		c->leaf.hosts_vain = c->leaf.hosts_vain < VAIN_MAX ? (uint8_t)(c->leaf.hosts_vain + 1) : VAIN_MAX;
		return false;
	}
	c->leaf.hosts_vain = 0;
	return true;
}
