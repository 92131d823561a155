/* Pinned contacts: which identity key a name had when the user first trusted it, and what the user allows it.
 *
 * A name that is certified for another key than the pinned one stays unaccepted (KITH_EPINNED) until the user
 * confirms that very key. Sorted by name, searched by bisection; saved with a checksum (it guards against torn files,
 * not against whoever can write them).
 * Bounds: max given at init; when full, new pins are refused (KITH_EFULL): a pin is never evicted.
 * Never: a decision by itself to accept or to replace a key.
 */
#ifndef KITH_IDENTITY_CONTACTS_H
#define KITH_IDENTITY_CONTACTS_H

#include "base/alloc.h"
#include "identity/object.h"

#define KITH_CONTACTS_DEFAULT_MAX 2048 /* more than an address book holds; 150 KB at most */
#define KITH_CONTACTS_MAX 65535 /* of the file's format */
#define KITH_CONTACTS_SUM_LEN 32 /* at the end of what is saved */

struct kith_contacts {
	struct kith_contact *items; /* ascending by name */
	uint32_t n, cap, max;
	const struct kith_alloc *alloc; /* borrowed */
};

/* max is at most KITH_CONTACTS_MAX. Nothing is allocated yet. */
void kith_contacts_init(struct kith_contacts *cs, const struct kith_alloc *alloc, uint32_t max);
void kith_contacts_deinit(struct kith_contacts *cs);

/* NULL when the name is not pinned. Valid until the next change. */
const struct kith_contact *kith_contacts_get(const struct kith_contacts *cs, const char *name);

/* Whether the name is pinned and blocked. */
bool kith_contacts_blocked(const struct kith_contacts *cs, const char *name);

/* 0: pinned to this key; KITH_ENOENT: not pinned; KITH_EPINNED: pinned to another. */
int kith_contacts_check(const struct kith_contacts *cs, const char *name,
			const struct kith_key *identity) KITH_MUST_USE;

/* Pins a new name, or sets the flags of one pinned to this key. KITH_EPINNED (and nothing changes) when it is pinned
 * to another; KITH_ENAME, KITH_EFULL, KITH_ENOMEM. */
int kith_contacts_pin(struct kith_contacts *cs, const char *name, const struct kith_key *identity,
		      uint8_t flags) KITH_MUST_USE;

/* Forgets a name, its flags and its key. KITH_ENOENT. */
int kith_contacts_unpin(struct kith_contacts *cs, const char *name) KITH_MUST_USE;

/* The user confirmed that the name now has this key: replaces the pinned one and keeps the flags. KITH_ENOENT. */
int kith_contacts_confirm(struct kith_contacts *cs, const char *name, const struct kith_key *identity) KITH_MUST_USE;

/* The length that kith_contacts_save writes. */
size_t kith_contacts_size(const struct kith_contacts *cs);

/* Returns the length, KITH_EMSGSIZE when cap is less than kith_contacts_size. */
int kith_contacts_save(const struct kith_contacts *cs, const struct kith_suite *suite, uint8_t *out,
		       size_t cap) KITH_MUST_USE;

/* Replaces all contacts by those saved. KITH_EPROTO (torn, altered or not sorted), KITH_EVERSION, KITH_EFULL (more
 * than max), KITH_ENOMEM: nothing changes. */
int kith_contacts_load(struct kith_contacts *cs, const struct kith_suite *suite, struct kith_span saved) KITH_MUST_USE;

#endif
