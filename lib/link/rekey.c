#include "link/rekey.h"

void kith_rekey_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_unpacked pk;
	uint64_t epoch;
	uint8_t theirs[32], ours[32], body[64];
	uint8_t status = KITH_STATUS_MALFORMED;
	struct kith_packer out;
	kith_packer_init(&out, body, sizeof body);
	if (kith_unpack_parse(&pk, request->body) == 0 &&
	    kith_unpack_get_uint(&pk, kith_unpack_root(&pk), KITH_B_REKEY_EPOCH, 255, &epoch) &&
	    kith_unpack_get_fixed(&pk, kith_unpack_root(&pk), KITH_B_REKEY_KEY, theirs, sizeof theirs)) {
		int err = kith_rekey_answer(s, &c->self, c->alloc, c->now.mono_us, epoch, theirs, ours);
		status = err == 0 ? KITH_STATUS_OK : err == KITH_EEXIST ? KITH_STATUS_STALE : KITH_STATUS_FAILED;
		if (err == 0) {
			kith_pack_map(&out, 1);
			kith_pack_key(&out, KITH_B_REKEY_KEY);
			kith_pack_bytes(&out, ours, sizeof ours);
		}
	}
	kith_session_answer(c, s, request->id, status, (struct kith_span){ body, out.len });
}

void kith_rekey_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_unpacked pk;
	uint8_t theirs[32];
	if (answer->err == 0 && kith_unpack_parse(&pk, answer->body) == 0 &&
	    kith_unpack_get_fixed(&pk, kith_unpack_root(&pk), KITH_B_REKEY_KEY, theirs, sizeof theirs) &&
	    kith_rekey_finish(s, &c->self, c->now.mono_us, theirs) == 0)
		kith_stats_add(c->stats, KITH_STAT_REKEYS, 1);
	else
		kith_rekey_abandon(s, c->now.mono_us);
}

void kith_rekey_begin(struct kith_core *c, struct kith_session *s)
{
	uint8_t key[32], body[64];
	struct kith_packer pk;
	if (kith_rekey_ask(s, &c->self, c->alloc, key) != 0)
		return;
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 2);
	kith_pack_key(&pk, KITH_B_REKEY_EPOCH);
	kith_pack_uint(&pk, (uint8_t)(s->epoch + 1));
	kith_pack_key(&pk, KITH_B_REKEY_KEY);
	kith_pack_bytes(&pk, key, sizeof key);
	if (kith_session_request(c, s, KITH_REQ_REKEY, (struct kith_span){ body, pk.len },
				 kith_token(KITH_TOKEN_REKEY, 0)) != 0)
		kith_rekey_abandon(s, c->now.mono_us);
}
