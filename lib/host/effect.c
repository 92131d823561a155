/* What the core asks of the host. The state is saved on the thread pool; sockets are opened and closed at once. What
 * the core gives up is undone, or runs out and is not told. Mapping a port is not here yet: KITH_ENOTSUP.
 */
#include "host/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "crypto/suite.h"

/* On the thread pool. */
static void save_work(uv_work_t *work)
{
	struct kith_save_job *job = work->data;
	struct kith_span bytes = { job->bytes, job->len };
	const struct kith_statedir *dir = &job->node->statedir;
	job->err = job->what == KITH_SAVE_CONTACTS ? kith_statedir_save_over(dir, KITH_HOST_CONTACTS_FILE, bytes)
						   : kith_statedir_save(dir, KITH_HOST_STATE_FILE, bytes);
}

static void forget(struct kith_save_job *job)
{
	const struct kith_alloc *alloc = job->node->alloc;
	job->node->saves[job->what] = NULL;
	kith_wipe(job->bytes, job->len);
	kith_alloc_free(alloc, job->bytes, job->len);
	KITH_FREE(alloc, job);
}

static void save_done(uv_work_t *work, int status)
{
	struct kith_save_job *job = work->data;
	struct kith_node *node = job->node;
	const enum kith_save what = job->what;
	const uint32_t effect = job->effect;
	int err = status != 0 ? KITH_ECANCELED : job->err;
	forget(job);
	if (node->core != NULL)
		kith_core_complete(node->core, kith_node_now(node), effect, err, NULL);
	if (err != 0 && !node->finishing)
		kith_trouble(node, KITH_TROUBLE_STATE, err,
			     what == KITH_SAVE_CONTACTS ? "the contacts could not be saved"
							: "the state could not be saved");
	kith_node_job_done(node);
}

static void complete(struct kith_node *node, uint32_t id, int err)
{
	kith_core_complete(node->core, kith_node_now(node), id, err, NULL);
	kith_node_touch(node);
}

static int save_start(struct kith_node *node, const struct kith_effect *effect)
{
	if (node->saves[effect->what] != NULL)
		return KITH_EAGAIN;
	struct kith_save_job *job = KITH_NEW(node->alloc, struct kith_save_job);
	if (job == NULL)
		return KITH_ENOMEM;
	job->bytes = kith_alloc_zero(node->alloc, effect->bytes.len);
	if (job->bytes == NULL) {
		KITH_FREE(node->alloc, job);
		return KITH_ENOMEM;
	}
	memcpy(job->bytes, effect->bytes.p, effect->bytes.len);
	job->len = effect->bytes.len;
	job->effect = effect->id;
	job->node = node;
	job->what = (enum kith_save)effect->what;
	job->work.data = job;
	node->saves[job->what] = job;
	if (uv_queue_work(node->loop, &job->work, save_work, save_done) != 0) {
		forget(job);
		return KITH_EIO;
	}
	node->jobs++;
	return 0;
}

static void save_begin(struct kith_node *node, const struct kith_effect *effect)
{
	if (node->statedir.dir < 0 || effect->bytes.len == 0) {
		complete(node, effect->id, 0);
		return;
	}
	int err = save_start(node, effect);
	if (err != 0)
		complete(node, effect->id, err);
}

void kith_effects_take(struct kith_node *node)
{
	struct kith_effect effect;
	while (kith_core_effect(node->core, &effect))
		switch (effect.type) {
		case KITH_EFFECT_SAVE:
			save_begin(node, &effect);
			break;
		case KITH_EFFECT_OPEN:
			complete(node, effect.id, kith_sockets_ask(node, &effect));
			break;
		case KITH_EFFECT_CLOSE:
			complete(node, effect.id, kith_sockets_dismiss(node, effect.transport));
			break;
		case KITH_EFFECT_CANCEL: /* a state is written to the end */
			kith_sockets_disown(node, effect.id);
			break;
		case KITH_EFFECT_MAP:
		case KITH_EFFECT_PRIVATE:
		default:
			complete(node, effect.id, KITH_ENOTSUP);
			break;
		}
}
