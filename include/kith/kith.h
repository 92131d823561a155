/* Everything of libkith's public API. <kith/core.h>, for hosts that bring their own input and output, comes along. */
#ifndef KITH_KITH_H
#define KITH_KITH_H

#include <kith/certlog.h>
#include <kith/close.h>
#include <kith/core.h>
#include <kith/err.h>
#include <kith/events.h>
#include <kith/identity.h>
#include <kith/keyfile.h>
#include <kith/log.h>
#include <kith/node.h>
#include <kith/portmap.h>
#include <kith/presence.h>
#include <kith/role.h>
#include <kith/serving.h>
#include <kith/session.h>
#include <kith/stats.h>
#include <kith/transport.h>
#include <kith/trouble.h>
#include <kith/turn.h>
#include <kith/types.h>
#include <kith/version.h>
#include <kith/web.h>

#endif
