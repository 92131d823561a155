/* The options of kithd's configuration that concern proxies and WebSockets: what each takes, what must fit together.
 * As the functions of kithd_config.c's table, each returns what is expected instead of a value that it cannot take. */
#ifndef KITH_NODE_KITHD_CONFIG_WEB_H
#define KITH_NODE_KITHD_CONFIG_WEB_H

#include "kithd_config.h"

const char *config_take_proxy(struct config *c, const char *value, int line);
const char *config_take_turn(struct config *c, const char *value, int line);
const char *config_take_web_listen(struct config *c, const char *value, int line);
const char *config_take_web_certificate(struct config *c, const char *value, int line);
const char *config_take_web_key(struct config *c, const char *value, int line);
const char *config_take_web_path(struct config *c, const char *value, int line);
const char *config_take_web_trust(struct config *c, const char *value, int line);

/* KITH_EINVAL, and the error is set. */
int config_web_check(struct config *c) KITH_MUST_USE;
void config_web_free(struct config *c);

#endif
