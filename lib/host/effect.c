/* What the core asks of the host, carried out on the thread pool: saving the state. */
#include "host/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "crypto/suite.h"

/* On the thread pool. */
static void save_work(uv_work_t *work)
{
	struct kith_node *node = work->data;
	struct kith_span bytes = { node->save.bytes, node->save.len };

	node->save.err = kith_statedir_save(&node->statedir, KITH_HOST_STATE_FILE, bytes);
}

static void save_done(uv_work_t *work, int status)
{
	struct kith_node *node = work->data;
	int err = status != 0 ? KITH_ECANCELED : node->save.err;

	node->save.busy = false;
	kith_wipe(node->save.bytes, node->save.len);
	kith_alloc_free(node->alloc, node->save.bytes, node->save.len);
	node->save.bytes = NULL;
	if (node->core != NULL)
		kith_core_complete(node->core, kith_node_now(node), node->save.effect, err, NULL);
	if (err != 0 && !node->finishing)
		kith_trouble(node, KITH_TROUBLE_STATE, err, "the state could not be saved");
	kith_node_job_done(node);
}

static void save_begin(struct kith_node *node, const struct kith_effect *effect)
{
	struct kith_save_job *job = &node->save;
	int err = 0;

	if (node->statedir.dir < 0 || effect->bytes.len == 0) {
		kith_core_complete(node->core, kith_node_now(node), effect->id, 0, NULL);
		kith_node_touch(node);
		return;
	}
	if (job->busy)
		err = KITH_EAGAIN;
	else
		job->bytes = kith_alloc_zero(node->alloc, effect->bytes.len);
	if (err == 0 && job->bytes == NULL)
		err = KITH_ENOMEM;
	if (err == 0) {
		memcpy(job->bytes, effect->bytes.p, effect->bytes.len);
		job->len = effect->bytes.len;
		job->effect = effect->id;
		job->work.data = node;
		if (uv_queue_work(node->loop, &job->work, save_work, save_done) == 0) {
			job->busy = true;
			node->jobs++;
			return;
		}
		kith_alloc_free(node->alloc, job->bytes, job->len);
		job->bytes = NULL;
		err = KITH_EIO;
	}
	kith_core_complete(node->core, kith_node_now(node), effect->id, err, NULL);
	kith_node_touch(node);
}

void kith_effects_take(struct kith_node *node)
{
	struct kith_effect effect;

	while (kith_core_effect(node->core, &effect))
		switch (effect.type) {
		case KITH_EFFECT_SAVE:
			save_begin(node, &effect);
			break;
		case KITH_EFFECT_CANCEL: /* a state is written to the end */
			break;
		case KITH_EFFECT_OPEN:
		case KITH_EFFECT_CLOSE:
		case KITH_EFFECT_MAP:
		case KITH_EFFECT_RESOLVE:
		case KITH_EFFECT_PRIVATE:
		default:
			kith_core_complete(node->core, kith_node_now(node), effect.id, KITH_ENOTSUP, NULL);
			break;
		}
}
