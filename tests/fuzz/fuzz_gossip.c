/* Gossip bodies on arbitrary bytes against a table of two dozen members. First byte: 0 the rest is a request, else an
 * answer. Whatever comes back is within its bounds and is itself understood. */
#include "fuzz_world.h"

#include "overlay/gossip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMBERS = 24 };

static const struct kith_gossip_to stranger = { .partner = KITH_MEMBERS_STRANGER };
static struct fw w;
static struct kith_members ms;
static uint8_t answer[KITH_ANSWER_MAX];
static struct kith_gossip_result result, second;

static void check_follow(void)
{
	KITH_ASSERT(result.follow_len <= sizeof result.follow);
	if (result.follow_len > 0) {
		const struct kith_span follow = { result.follow, result.follow_len };
		int len = kith_gossip_answer(&ms, &w.now, &stranger, follow, answer, sizeof answer, &second);
		KITH_ASSERT(len > 0 && len <= KITH_ANSWER_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (w.suite == NULL) {
		fw_init(&w);
		kith_members_init(&ms, &w.alloc, &w.blobs, &w.trust, MEMBERS + 1, fw_seed);
		for (uint8_t i = 0; i < MEMBERS; i++) {
			uint8_t buf[KITH_MEMBER_LEN_MAX];
			int merged = kith_members_merge(&ms, &w.now, fw_member(&w, i, buf), NULL);
			KITH_ASSERT(merged == KITH_MERGE_NEW);
		}
	}
	if (size == 0)
		return 0;
	const struct kith_span body = { data + 1, size - 1 };
	if (data[0] != 0) {
		if (kith_gossip_answered(&ms, &w.now, KITH_MEMBERS_STRANGER, body, &result) == 0)
			check_follow();
		return 0;
	}
	int len = kith_gossip_answer(&ms, &w.now, &stranger, body, answer, sizeof answer, &result);
	KITH_ASSERT(len == KITH_EPROTO || (len > 0 && len <= KITH_ANSWER_MAX));
	if (len > 0) {
		struct kith_span back = { answer, (size_t)len };
		int err = kith_gossip_answered(&ms, &w.now, KITH_MEMBERS_STRANGER, back, &second);
		KITH_ASSERT(err == 0);
		check_follow();
	}
	return 0;
}
