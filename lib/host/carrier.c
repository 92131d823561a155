/* The table of carriers; see carrier.h. */
#include "host/carrier.h"

#include "host/carrier_lan.h"
#include "host/carrier_tcp.h"
#include "host/carrier_udp.h"

/* UDP over v4 first: the port that it is given is asked of all others. */
const struct kith_carrier_row kith_carriers[] = {
	{ &kith_carrier_udp, KITH_FAMILY_V4, NULL },
	{ &kith_carrier_udp, KITH_FAMILY_V6, NULL },
	{ &kith_carrier_tcp, KITH_FAMILY_V4, NULL },
	{ &kith_carrier_tcp, KITH_FAMILY_V6, NULL },
	{ &kith_carrier_lan, KITH_FAMILY_V4, &kith_lan_group_v4 },
	{ &kith_carrier_lan, KITH_FAMILY_V6, &kith_lan_group_v6 },
	{ NULL, KITH_FAMILY_NONE, NULL },
};
