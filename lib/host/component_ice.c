/* The component "ice": a TURN server as a carrier (host/carrier_turn), with libnice's code for its messages. */
#include "host/carrier_turn.h"

static const struct kith_ice_engine engine = { &kith_carrier_turn, kith_carrier_turn_info };

extern const struct kith_component kith_component_ice;
KITH_EXPORT const struct kith_component kith_component_ice = { KITH_LIBRARY_VERSION, &engine };
