/* The component "web": packets inside WebSockets (host/carrier_web), with OpenSSL for TLS and wslay for frames. */
#include "host/carrier_web.h"

static int make(void **shared, const struct kith_web_config *config, char *why, size_t cap)
{
	struct kith_web_tls *tls;
	int err = kith_web_tls_new(&tls, config, why, cap);
	*shared = tls;
	return err;
}

static void drop(void *shared)
{
	kith_web_tls_free(shared);
}

static const struct kith_web_engine engine = { &kith_carrier_web, make, drop };

extern const struct kith_component kith_component_web;
KITH_EXPORT const struct kith_component kith_component_web = { KITH_LIBRARY_VERSION, &engine };
