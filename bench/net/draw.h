/* Counter-based random numbers: a draw is a pure function of (seed, stream, number), so that a run is repeatable in
 * whatever order, and on however many threads, its events are worked off.
 *
 * The mixer is splitmix64's finaliser (Steele, Lea, Flood 2014), applied once per argument. Not for cryptography.
 * Integers only: equal on every platform. Never: state, a clock.
 */
#ifndef KITH_NET_DRAW_H
#define KITH_NET_DRAW_H

#include <kith/types.h>

#define KITH_PPM 1000000u /* probabilities are in parts per million */

/* 64 uniform bits. */
uint64_t kith_draw(uint64_t seed, uint64_t stream, uint64_t number);

/* True with the given probability, from one draw's upper half. 0 is never, KITH_PPM and more is always. */
bool kith_draw_hit(uint64_t draw, uint32_t ppm);

/* Uniform in [0, n), from one draw's upper half; n > 0. */
uint32_t kith_draw_below(uint64_t draw, uint32_t n);

/* Bell-shaped in [0, max], mean max / 2, from one draw (sum of four 16-bit uniforms). */
kith_time_us kith_draw_bell(uint64_t draw, kith_time_us max);

/* Standard normal in units of 2^-16, within ±6: the sum of twelve uniforms, hence three draws of this stream. */
int32_t kith_draw_normal_q16(uint64_t seed, uint64_t stream, uint64_t number);

/* Hash of three words for tables; the same mixer. */
uint64_t kith_draw_hash(uint64_t a, uint64_t b, uint64_t c);

#endif
