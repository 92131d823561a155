/* The state file on arbitrary bytes, with a sum that is right: what is taken in can be written, and what is written is taken in again.
 *
 * First byte: 0 the rest is the whole file; else the rest follows the magic and the version, and is summed. */
#include "fuzz_node.h"

#include "core/save.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SUM_LEN = 16, HEAD_LEN = 9 };

static void check_saved(struct fn *f)
{
	struct kith_effect effect;
	struct kith_core *c = f->node[0].core;
	kith_outbox_claim(&f->shared->outbox, c, c->stats);
	kith_state_save(c);
	bool due = kith_core_effect(c, &effect);
	KITH_ASSERT(due && effect.bytes.len > 0);
	uint8_t *copy = malloc(effect.bytes.len);
	KITH_ASSERT(copy != NULL);
	size_t len = effect.bytes.len;
	memcpy(copy, effect.bytes.p, len);
	kith_core_complete(c, fn_clock(f), effect.id, 0);
	fn_drain(f, 0);
	fn_start(f, 1, false, (struct kith_span){ NULL, 0 });
	int err = kith_state_load(f->node[1].core, (struct kith_span){ copy, len });
	KITH_ASSERT(err == 0);
	KITH_ASSERT(f->node[1].core->contacts.n == c->contacts.n);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t head[HEAD_LEN] = { 'K', 'I', 'T', 'H', 'S', 'T', 'A', 'T', 1 };
	struct fn f;
	if (size == 0 || size > 65536)
		return 0;
	size_t body = size - 1, len = data[0] == 0 ? body : HEAD_LEN + body + SUM_LEN;
	uint8_t *file = malloc(len + 1);
	KITH_ASSERT(file != NULL);
	fn_init(&f);
	if (data[0] == 0) {
		memcpy(file, data + 1, body);
	} else {
		struct kith_span part = { file, HEAD_LEN + body };
		memcpy(file, head, HEAD_LEN);
		memcpy(file + HEAD_LEN, data + 1, body);
		f.pki.suite->blake2b(file + HEAD_LEN + body, SUM_LEN, (struct kith_span){ head, 8 }, &part, 1);
	}
	fn_start(&f, 0, false, (struct kith_span){ file, len });
	fn_tick(&f, 0);
	check_saved(&f);
	free(file);
	fn_deinit(&f);
	return 0;
}
