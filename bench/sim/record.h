/* What kith-sim writes down of a run beyond its end: a line of JSON for each thing that happened, and figures of the
 * network every so often.
 */
#ifndef KITH_SIM_RECORD_H
#define KITH_SIM_RECORD_H

#include <stdio.h>

#include <jansson.h>

#include "sim/sim.h"

/* Writes a line to ctx, a FILE: {"at_s":..., "what":..., "node":..., "ms":..., "err":...}, err of what came to nothing
 * only. */
void kith_sim_record_write(void *ctx, const struct kith_simrecord *record);

/* The figures of now, as another element of each list in series: seconds, how many nodes are up, attached, have three
 * homes, serve; and what happened since the start. An object that is empty at first gets its lists. */
void kith_sim_series_take(const struct kith_sim *sim, json_t *series);

#endif
