/* Why a session takes the path it takes, in words: a verdict by the paths and candidates that there are, and what the
 * journal of its path set still has. */
#ifndef KITH_CALL_EXPLAIN_H
#define KITH_CALL_EXPLAIN_H

#include "link/state.h"

size_t kith_explain_session(const struct kith_core *c, const struct kith_session *s, char *out, size_t cap);

/* The same of a session that has just ended. What does not fit is the oldest of what was tried, not the newest. */
size_t kith_explain_ending(const struct kith_core *c, const struct kith_session *s, char *out, size_t cap);

#endif
