/* Look-ups through a home: the question, and the records of the answer, verified. */
#ifndef KITH_CALL_FIND_H
#define KITH_CALL_FIND_H

#include "link/state.h"

/* One verified record of an answer. */
struct kith_found {
	struct kith_record record;
	struct kith_person person;
	bool online;
	uint8_t doubted; /* bitmap of the record's homes that are none, by what the answer says */
};

/* How often an operation asks at most, through one home after the other. A supernode asks once: its own query goes to
 * one replica after the other. */
unsigned kith_find_tries(const struct kith_core *c);

/* Sends a LOOKUP through an attached home, beginning with number first; never through those in the set but. Returns its
 * session, NULL when there is none to ask. */
struct kith_session *kith_find_ask(struct kith_core *c, const struct kith_id *key, uint64_t token, unsigned first,
				   unsigned but, unsigned *used);

/* A session that a LOOKUP was not answered on: if it is a home's, and another home is heard, that one has failed. */
void kith_find_unanswered(struct kith_core *c, const struct kith_session *s);

/* The bit of a home in such a set, 0 for a session that is no home's. */
unsigned kith_find_home(const struct kith_core *c, const struct kith_session *s);

/* The valid records of an answer, of that name only. Returns how many. */
size_t kith_find_read(struct kith_core *c, const struct kith_id *key, const char *name, const struct kith_msg_found *m,
		      struct kith_found out[KITH_DIAL_DEVICES_MAX]);

/* Tells the application what a look-up found. */
void kith_find_tell(struct kith_core *c, kith_op op, const struct kith_found *f);

#endif
