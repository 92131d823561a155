/* Noise handshakes with known keys and bytes: the cacophony vectors, in the Noise wiki's format, for the protocol that
 * kith speaks. All values are hex. Messages alternate, the initiator's first; those after the handshake (two) are
 * transport messages with empty additional data. Both sides have the same prologue.
 */
#ifndef KITH_TESTS_NOISE_CACOPHONY_H
#define KITH_TESTS_NOISE_CACOPHONY_H

#include <stddef.h>

#include "crypto/noise.h"

#define NOISE_VECTOR_MESSAGES 6

struct noise_vector {
	const char *name;
	const char *prologue;
	const char *init_static, *init_ephemeral, *init_remote_static;
	const char *resp_static, *resp_ephemeral;
	struct {
		const char *payload, *ciphertext;
	} messages[NOISE_VECTOR_MESSAGES];
};

static const struct noise_vector noise_vectors[] = {
	{
		.name = "Noise_IK_25519_ChaChaPoly_SHA256",
		.prologue = "4a6f686e2047616c74",
		.init_static = "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
		.init_ephemeral = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
		.init_remote_static = "31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62",
		.resp_static = "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
		.resp_ephemeral = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
		.messages = {
			{ "4c756477696720766f6e204d69736573",
			  "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944718da798efbcd91528520204f904b9bd"
			  "6c7413dccdc214d951e15253e39987f18146e8cd0873654207148333479d4d16c289f0294b29960a72f48e0b7bba2e89"
			  "083169825e59642148d492020664ccf7" },
			{ "4d757272617920526f746862617264",
			  "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088435361e70b2ed446e6c9ec387d1d6b3b84"
			  "0f194e373979d241b203c4acafccf5" },
			{ "462e20412e20486179656b",
			  "050e9f3c8fac16b68dbce8f8c4bfbf6617c897f9ada4aa29aa19c8" },
			{ "4361726c204d656e676572",
			  "344233a6cabb7141d80f3da2fedc311d9646bbb0f505afe403a667" },
			{ "4a65616e2d426170746973746520536179",
			  "62cdeeb172ad7ade7aa7d9e069da5790f12331bfa00177787a1d0810c67dc3b2b4" },
			{ "457567656e2042f6686d20766f6e2042617765726b",
			  "029bead1b40992327044d409d9a1f3ad8f36c3c452775d557e18bbeb2e8dfcead32d514024" },
		},
	},
};

#define NOISE_VECTORS (sizeof noise_vectors / sizeof noise_vectors[0])

#endif
