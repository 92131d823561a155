#include "leaf/record.h"

#include "leaf/caught.h"
#include "leaf/homes.h"
#include "leaf/hosts.h"
#include "link/follow.h"

#define AGAIN_US (5 * KITH_US_PER_S)

static const struct kith_span nothing = { NULL, 0 };

/* One endpoint less, of the home that names most: where else a home is can be missed, what a device list leaves out
 * cannot. False: each home names one. */
static bool name_less(struct kith_record *record)
{
	struct kith_host *most = &record->homes[0].host;
	for (size_t i = 1; i < record->homes_n; i++)
		if (record->homes[i].host.endpoints_n > most->endpoints_n)
			most = &record->homes[i].host;
	if (record->homes_n == 0 || most->endpoints_n <= 1)
		return false;
	most->endpoints_n--;
	return true;
}

static int make_record(struct kith_core *c, bool offline)
{
	struct kith_record record;
	uint8_t bytes[KITH_RECORD_LEN_MAX];
	memset(&record, 0, sizeof record);
	kith_ids_directory(c->suite, &record.key, &c->self.network, c->me.name);
	record.flags = offline ? KITH_RECORD_OFFLINE : 0;
	if (c->leaf.record_seq == 0)
		c->leaf.guard_at = c->now.mono_us + KITH_PRESENCE_STEP_MS * KITH_US_PER_MS;
	kith_follow_guard_own(c, &record);
	record.seq = kith_record_next_seq(c->leaf.record_seq, &c->now, record.guarded);
	record.expires_ms = (int64_t)record.seq + KITH_RECORD_LIFE_MS;
	record.chain = c->self.chain;
	record.devices = c->devices;
	for (size_t i = 0; !offline && i < KITH_HOMES; i++) {
		struct kith_person person;
		struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
		if (s == NULL || !kith_session_person(c, s, &person))
			continue;
		struct kith_home *home = &record.homes[record.homes_n++];
		home->host = c->leaf.homes[i].host;
		kith_home_tag(c->suite, home->tag, &person.device_sign);
	}
	int n = kith_record_make(c->suite, bytes, &record, c->self.sign_sk);
	while (n == KITH_EMSGSIZE && name_less(&record))
		n = kith_record_make(c->suite, bytes, &record, c->self.sign_sk);
	if (n == KITH_EMSGSIZE) { /* there are extensions in the certificates */
		record.devices = nothing;
		n = kith_record_make(c->suite, bytes, &record, c->self.sign_sk);
	}
	struct kith_blob *blob = n > 0 ? kith_blob_intern(&c->shared->blobs, bytes, (size_t)n) : NULL;
	if (blob == NULL)
		return n < 0 ? n : KITH_ENOMEM;
	kith_blob_unref(&c->shared->blobs, c->leaf.record);
	c->leaf.record = blob;
	c->leaf.record_seq = record.seq;
	c->leaf.record_at = c->now.mono_us;
	c->leaf.published = false;
	kith_save_soon(c);
	return 0;
}

static unsigned attached(struct kith_core *c)
{
	unsigned slots = 0;
	for (unsigned i = 0; i < KITH_HOMES; i++)
		slots |= kith_homes_session(c, &c->leaf.homes[i]) != NULL ? 1u << i : 0;
	return slots;
}

static uint8_t next_of(unsigned slots, uint8_t slot)
{
	do {
		slot = (uint8_t)((slot + 1) % KITH_HOMES);
	} while ((slots & 1u << slot) == 0);
	return slot;
}

/* Who is to bring the record to its replicas. What is news is brought by two homes, since one may say that it does, and
 * not do it. What only renews a record that is there is brought by one, each in turn, so that it shows which one does
 * not: one that is suspected of it first. */
static unsigned publishers(struct kith_core *c, unsigned slots, bool news)
{
	struct kith_audit *a = &c->leaf.audit;
	int suspect = kith_caught_suspect(c, KITH_LIE_NOT_PUBLISHED);
	if (c->leaving)
		return slots; /* a goodbye must not wait for a home that is dead */
	if (news)
		return 1u << c->leaf.primary | 1u << next_of(slots, c->leaf.primary);
	int denier = kith_caught_suspect(c, KITH_LIE_DENIES); /* which is asked */
	if (denier >= 0 && slots != 1u << denier)
		slots &= ~(1u << denier);
	a->turn = suspect >= 0 ? (uint8_t)suspect : next_of(slots, a->turn);
	return 1u << a->turn;
}

void kith_record_hand(struct kith_core *c, unsigned slots, bool publish)
{
	uint8_t body[KITH_REQUEST_MAX];
	const struct kith_msg_attach m = { .record = kith_blob_span(c->leaf.record), .publish = publish };
	size_t len = kith_msg_attach_write(body, sizeof body, &m);
	for (unsigned i = 0; len > 0 && i < KITH_HOMES; i++) {
		struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
		if ((slots & 1u << i) != 0 && s != NULL &&
		    kith_session_request(c, s, KITH_REQ_ATTACH, (struct kith_span){ body, len },
					 kith_token(KITH_TOKEN_ATTACH, 0)) == 0)
			c->leaf.homes[i].asking = true;
	}
}

void kith_leaf_publish(struct kith_core *c, bool news)
{
	struct kith_audit *a = &c->leaf.audit;
	c->leaf.publish_at = KITH_TIME_NEVER;
	if (kith_homes_primary(c) == NULL)
		return;
	if (make_record(c, c->leaving) != 0) { /* no memory; or no home's certificates hold, by this clock */
		c->leaf.publish_at = c->now.mono_us + AGAIN_US;
		return;
	}
	unsigned slots = attached(c);
	*a = (struct kith_audit){ .at = KITH_TIME_NEVER, .turn = a->turn, .replace_at = a->replace_at };
	a->publishers = (uint8_t)publishers(c, slots, news);
	a->held = (uint8_t)(slots & ~a->publishers);
	if (a->held != 0)
		a->at = (c->leaf.eased_until > c->now.mono_us ? c->leaf.eased_until : c->now.mono_us) + KITH_AUDIT_US;
	kith_homes_wake(c, a->at);
	kith_record_hand(c, a->publishers, true);
	kith_caught_fade(c);
	kith_hosts_renew(c);
	c->leaf.subscribe = true;
}
