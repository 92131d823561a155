/* A cheap, deterministic stand-in for the crypto suite: same sizes, same failures, no security whatsoever.
 *
 * What holds: dh is symmetric and refuses the all-zero key; a signature fails for any other message, key or signature;
 * open fails for any changed bit of ciphertext, tag, additional data, nonce or key; sealed bytes do not show the
 * plaintext; hashes depend on the concatenation of the parts only and spread like random 64-bit words.
 * What does not: anybody can compute a shared secret or a signature from public keys alone. Collisions of hashes are
 * those of a 128-bit checksum. For simulations and tests only, so it lives in bench/ and is in no installed library.
 */
#ifndef KITH_BENCH_SUITE_SIM_H
#define KITH_BENCH_SUITE_SIM_H

#include "crypto/suite.h"

const struct kith_suite *kith_suite_sim(void);

#endif
