/* Supernodes that are reached by WebSockets inside TLS, as a web page is, where nothing else gets out.
 *
 * Who listens for them says so in web_listen of struct kith_node_options, with a certificate, or without one behind a
 * reverse proxy of its own. Who wants to reach one has "wss://host/path" among its bootstrap hosts; the host's name is
 * looked up like others, and asked by TLS for a certificate of that name, signed by an authority of the system's, or by
 * one in the file that web_trust names ("any": not looked at). Nothing depends on it: packets are sealed end to end.
 * Both need the component kith-web.so, from the directory "kith" beside the library, or the one that the environment
 * variable KITH_COMPONENT_PATH names. Without it a node that was to listen does not start (KITH_ENOTSUP); one that
 * knows such hosts does, and tells it (KITH_TROUBLE_WEB).
 */
#ifndef KITH_WEB_H
#define KITH_WEB_H

#include <kith/types.h>

struct kith_node;

/* By which kind of transport (enum kith_transport_kind) each home is reached now, in the order of kith_node_homes: TLS
 * for a WebSocket. Fills in up to n; returns how many homes there are. */
KITH_EXPORT size_t kith_node_home_kinds(const struct kith_node *node, uint8_t out[], size_t n);

#endif
