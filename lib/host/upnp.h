/* One router's UPnP-IGD, by miniupnpc: found, asked for mappings, asked to take them back. Blocks, for seconds.
 *
 * What miniupnpc found is used only if it is on the default router itself, description and control both: any machine
 * of the network may answer a search.
 * Never: reads XML, which is miniupnpc's work alone.
 */
#ifndef KITH_HOST_UPNP_H
#define KITH_HOST_UPNP_H

#include "host/portmap_link.h"

struct kith_upnp;

/* Looks for it. NULL: there is none. */
struct kith_upnp *kith_upnp_find(const struct kith_addr *gateway, const struct kith_addr *self);
void kith_upnp_free(struct kith_upnp *u);

/* Maps a port, or renews that, for life_s; at the outer port of *outer if that is not 0. *outer is then the outer
 * address. False: it does not want to; *outer has family NONE. */
bool kith_upnp_map(struct kith_upnp *u, const struct kith_portmap_port *port, uint32_t life_s, struct kith_addr *outer);
/* Takes the mapping of an outer port back. */
void kith_upnp_unmap(struct kith_upnp *u, const struct kith_portmap_port *port, uint16_t outer);

/* Whether an URL's host is that address, in digits. */
bool kith_upnp_is_at(const char *url, const struct kith_addr *addr);

#endif
