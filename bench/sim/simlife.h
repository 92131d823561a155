/* How long nodes stay, and when they come: from published measurements, in integers.
 *
 * Session lengths are Weibull-distributed, as those of KAD are (Steiner, En-Najjary, Biersack: Long term study of peer
 * behavior in the KAD DHT, IEEE/ACM ToN 17(5), 2009). The shape, 0.57, is the one at which two figures for Skype's
 * supernodes (Guha, Daswani, Jain: An experimental study of the Skype peer-to-peer VoIP system, IPTPS 2006) hold
 * together: the median session is 5.5 hours, and of the supernodes that are up 95 % are still so an hour later. The
 * scale is given by the median; leaves have the same shape with another median, which is a choice.
 * Who is up when a run begins has been so for a while: what is left of such a session is drawn from the residual life
 * of that distribution (median 3.6 times that of a session, since long ones are met more often).
 *
 * The day: Skype's clients follow normal working hours, wherever they are (the same paper). The shares by hour here are
 * shaped after that sentence; they are no measured series. Hours are local by country (whole ones, of the country's
 * largest city, without summer time).
 * Never: floating point, state.
 */
#ifndef KITH_SIM_SIMLIFE_H
#define KITH_SIM_SIMLIFE_H

#include <kith/types.h>

#define KITH_SIMLIFE_SUPER_MEDIAN_US (330 * 60 * KITH_US_PER_S) /* 5.5 hours */

/* From one draw: a whole session, and what is left of one that is met. At most 108 and 149 medians. */
kith_time_us kith_simlife_session(uint64_t draw, kith_time_us median_us);
kith_time_us kith_simlife_residual(uint64_t draw, kith_time_us median_us);

/* Exponentially distributed with mean 1, in 1/65536, at most 10: for processes without memory. */
uint32_t kith_simlife_exponential_q16(uint64_t draw);

/* Of those who ever are, the share that is up at that time of day, in parts per million of the busiest hour. */
uint32_t kith_simlife_day_ppm(kith_time_us utc, uint8_t country);

#endif
