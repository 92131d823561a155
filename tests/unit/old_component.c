/* The component "old", of a version that there never was. */
#include "host/component.h"

extern const struct kith_component kith_component_old;
KITH_EXPORT const struct kith_component kith_component_old = { "0.0.0", NULL };
