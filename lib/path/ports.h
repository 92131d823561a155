/* In which order the ports of a range are tried, each once.
 *
 * Where ports of that range were seen lately, others are more likely: of four that are tried, three lie there, and one
 * outside, until either part is used up. Within each part they follow at a stride that meets all of it, from a random
 * place on, so that no port comes before others everywhere.
 * Invariants: a pure function of the order and the number; all ports of the range have one number each.
 * Never: memory for what was tried.
 */
#ifndef KITH_PATH_PORTS_H
#define KITH_PATH_PORTS_H

#include <stdint.h>

struct kith_ports {
	uint16_t low, high; /* all of them, both included */
	uint16_t near_low, near_high; /* the part that comes first, within the range; 0, 0: there is none */
	uint32_t start; /* random */
};

uint32_t kith_ports_count(const struct kith_ports *p);

/* The port with number i, which is below the count. */
uint16_t kith_ports_at(const struct kith_ports *p, uint32_t i);

/* The whole range of a NAT with random ports that was seen to give those from seen_low to seen_high: from few ports, it
 * is guessed to reach half as far again. */
struct kith_ports kith_ports_around(uint16_t seen_low, uint16_t seen_high);

#endif
