/* UPnP-IGD by miniupnpc; see upnp.h. */
#include "host/upnp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>

#include "host/pcp.h"

enum {
	SEARCH_MS = 1000, /* for each kind of device that is looked for */
	TTL = 2, /* as UPnP has it */
	CONFLICT = 718, /* another machine has that port */
	PERMANENT_ONLY = 725, /* it knows no leases */
	PORTS_TRIED = 3,
	FREE_PORT = 49152, /* of ports that nobody is given for good */
	FREE_PORTS = 16384,
	LAN_TEXT = 64
};

struct kith_upnp {
	struct UPNPUrls urls;
	struct IGDdatas data;
	char self[INET_ADDRSTRLEN];
};

bool kith_upnp_is_at(const char *url, const struct kith_addr *addr)
{
	static const char scheme[] = "http://";
	char host[INET_ADDRSTRLEN];
	if (url == NULL || strncmp(url, scheme, sizeof scheme - 1) != 0 ||
	    inet_ntop(AF_INET, addr->ip, host, sizeof host) == NULL)
		return false;
	const char *at = url + sizeof scheme - 1;
	size_t len = strcspn(at, ":/");
	return len == strlen(host) && strncmp(at, host, len) == 0;
}

/* Whether the one device is a router's, on that router, and says that it is connected. */
static bool is_router(struct kith_upnp *u, const struct UPNPDev *device, const struct kith_addr *gateway)
{
	char lan[LAN_TEXT];
	if (!kith_upnp_is_at(device->descURL, gateway))
		return false;
	struct UPNPDev one = *device;
	one.pNext = NULL;
	int kind = UPNP_GetValidIGD(&one, &u->urls, &u->data, lan, sizeof lan);
	if (kind == 1 && kith_upnp_is_at(u->urls.controlURL, gateway))
		return true;
	if (kind != 0)
		FreeUPNPUrls(&u->urls);
	return false;
}

struct kith_upnp *kith_upnp_find(const struct kith_addr *gateway, const struct kith_addr *self)
{
	int err = 0;
	struct kith_upnp *u = calloc(1, sizeof *u);
	if (u == NULL || inet_ntop(AF_INET, self->ip, u->self, sizeof u->self) == NULL) {
		free(u);
		return NULL;
	}
	struct UPNPDev *all = upnpDiscover(SEARCH_MS, u->self, NULL, UPNP_LOCAL_PORT_ANY, 0, TTL, &err);
	const struct UPNPDev *device = all;
	while (device != NULL && !is_router(u, device, gateway))
		device = device->pNext;
	freeUPNPDevlist(all);
	if (device != NULL)
		return u;
	free(u);
	return NULL;
}

void kith_upnp_free(struct kith_upnp *u)
{
	if (u != NULL)
		FreeUPNPUrls(&u->urls);
	free(u);
}

static const char *protocol_of(const struct kith_portmap_port *port)
{
	return port->protocol == KITH_PCP_TCP ? "TCP" : "UDP";
}

static int add(const struct kith_upnp *u, const struct kith_portmap_port *port, uint16_t outer, uint32_t life_s)
{
	char outside[8], inside[8], life[16];
	(void)snprintf(outside, sizeof outside, "%u", outer);
	(void)snprintf(inside, sizeof inside, "%u", port->port);
	(void)snprintf(life, sizeof life, "%u", life_s);
	return UPNP_AddPortMapping(u->urls.controlURL, u->data.first.servicetype, outside, inside, u->self, "kith",
				   protocol_of(port), NULL, life);
}

/* Another one each time, and not the same for all machines. */
static uint16_t other_port(const struct kith_portmap_port *port, unsigned attempt)
{
	return (uint16_t)(FREE_PORT + (port->nonce[2 * attempt] << 8 | port->nonce[2 * attempt + 1]) % FREE_PORTS);
}

bool kith_upnp_map(struct kith_upnp *u, const struct kith_portmap_port *port, uint32_t life_s, struct kith_addr *outer)
{
	char text[40] = ""; /* as much as the library may write */
	uint16_t at = outer->port != 0 ? outer->port : port->port;
	memset(outer, 0, sizeof *outer);
	int err = add(u, port, at, life_s);
	for (unsigned i = 0; err == CONFLICT && i < PORTS_TRIED; i++) {
		at = other_port(port, i);
		err = add(u, port, at, life_s);
	}
	if (err == PERMANENT_ONLY)
		err = add(u, port, at, 0);
	if (err != UPNPCOMMAND_SUCCESS)
		return false;
	if (UPNP_GetExternalIPAddress(u->urls.controlURL, u->data.first.servicetype, text) != UPNPCOMMAND_SUCCESS ||
	    inet_pton(AF_INET, text, outer->ip) != 1) {
		kith_upnp_unmap(u, port, at);
		return false;
	}
	outer->family = KITH_FAMILY_V4;
	outer->port = at;
	return true;
}

void kith_upnp_unmap(struct kith_upnp *u, const struct kith_portmap_port *port, uint16_t outer)
{
	char outside[8];
	(void)snprintf(outside, sizeof outside, "%u", outer);
	(void)UPNP_DeletePortMapping(u->urls.controlURL, u->data.first.servicetype, outside, protocol_of(port), NULL);
}
