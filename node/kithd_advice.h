/* What helps against a failed start, by what failed and not by its code alone: EACCES of a key file, of a port and of
 * a role ask for different things. */
#ifndef KITH_NODE_KITHD_ADVICE_H
#define KITH_NODE_KITHD_ADVICE_H

#include <stdbool.h>

#include <kith/kith.h>

/* One sentence for the operator. Static storage. */
const char *advice(enum kith_part part, int err);

/* For the control socket, which is kithd's and no part of the library's options. */
const char *advice_control(int err);

/* For a trouble that the operator can do something about; NULL: there is nothing to say. */
const char *advice_trouble(enum kith_trouble what, int err);

/* Whether trying again may help although nobody mends anything: a port is given up, a disk gets room. */
bool mends_itself(enum kith_part part, int err);

/* "key", "socket" ...: the part in a log. */
const char *part_text(enum kith_part part);

#endif
