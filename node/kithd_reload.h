/* SIGHUP: kithd.conf is read again, whole and as strictly as at the start. What is wrong changes nothing and is logged
 * with file and line ("reload-refused"). What can change while the node runs does ("reloaded"); what cannot is named
 * ("restart-needed"). */
#ifndef KITH_NODE_KITHD_RELOAD_H
#define KITH_NODE_KITHD_RELOAD_H

#include "kithd_config.h"

/* running is the configuration that kithd was started with, and then what took effect of later ones; serving the same
 * of its role, but for what the command serve said since. forced: the log level is the command line's. */
void reload(struct kith_node *node, struct logger *log, struct config *running, struct serving *serving, bool forced);

#endif
