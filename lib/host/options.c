/* Options and callbacks: defaults, and the deep copy that a node keeps. */
#include "host/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/sized.h"
#include "crypto/suite.h"
#include "overlay/office.h"

enum { LEAVE_US_DEFAULT = 2 * 1000 * 1000, SPANS_MAX = 64 };
/* A few MB over a slow link. Whoever waits for more says so. */
enum { LINGER_US_DEFAULT = 10 * 1000 * 1000 };

static const struct kith_node_options defaults = {
	.size = sizeof defaults,
	.role = KITH_ROLE_LEAF,
	.answer_strangers = true,
	.presence = KITH_PRESENCE_PUBLIC,
	.leave_us = LEAVE_US_DEFAULT,
	.linger_us = LINGER_US_DEFAULT,
};

void kith_node_options_init_sized(struct kith_node_options *o, size_t size)
{
	if (o == NULL || size < sizeof o->size)
		return;
	kith_sized_write(o, size, &defaults, sizeof defaults);
	o->size = size;
}

bool kith_options_read(struct kith_node_options *out, const struct kith_node_options *o)
{
	*out = defaults;
	return kith_sized_read(out, sizeof *out, o) && o->size >= offsetof(struct kith_node_options, role);
}

/* Aligned memory that is freed (and wiped) with the node. NULL when there is none. */
static void *own(struct kith_node *node, const void *bytes, size_t len)
{
	struct kith_owned *owned = kith_alloc_zero(node->alloc, sizeof *owned + len);
	if (owned == NULL)
		return NULL;
	owned->next = node->owned;
	owned->len = len;
	node->owned = owned;
	if (len > 0)
		memcpy(owned->bytes, bytes, len);
	return owned->bytes;
}

static bool own_text(struct kith_node *node, const char **text)
{
	if (*text == NULL)
		return true;
	*text = own(node, *text, strlen(*text) + 1);
	return *text != NULL;
}

static bool own_span(struct kith_node *node, struct kith_span *span)
{
	if (span->len == 0) {
		span->p = NULL;
		return true;
	}
	span->p = own(node, span->p, span->len);
	return span->p != NULL;
}

static bool own_spans(struct kith_node *node, const struct kith_span **spans, size_t n)
{
	if (n == 0) {
		*spans = NULL;
		return true;
	}
	struct kith_span *copy = own(node, *spans, n * sizeof **spans);
	if (copy == NULL)
		return false;
	*spans = copy;
	for (size_t i = 0; i < n; i++)
		if (!own_span(node, &copy[i]))
			return false;
	return true;
}

static bool own_texts(struct kith_node *node, const char *const **texts, size_t n)
{
	if (n == 0) {
		*texts = NULL;
		return true;
	}
	const char **copy = own(node, *texts, n * sizeof **texts);
	if (copy == NULL)
		return false;
	*texts = copy;
	for (size_t i = 0; i < n; i++)
		if (!own_text(node, &copy[i]))
			return false;
	return true;
}

/* What contradicts itself. */
static bool consistent(const struct kith_node_options *o)
{
	if (kith_office_check(o->role, &o->terms) != 0)
		return false;
	if ((!o->has_device && o->key_path == NULL) || o->chain.len == 0 || o->chain.len > KITH_CHAIN_MAX)
		return false;
	if ((o->no_v4 && o->no_v6) || (o->driven && o->loop != NULL))
		return false;
	if ((o->bind_v4.family != KITH_FAMILY_NONE && o->bind_v4.family != KITH_FAMILY_V4) ||
	    (o->bind_v6.family != KITH_FAMILY_NONE && o->bind_v6.family != KITH_FAMILY_V6))
		return false;
	if (o->stun && o->role == KITH_ROLE_LEAF)
		return false;
	struct kith_proxy proxy;
	if (o->proxy != NULL && (o->no_tcp || kith_proxy_parse(&proxy, o->proxy) != 0))
		return false;
	if ((o->web_certificate == NULL) != (o->web_key == NULL) ||
	    (o->web_path != NULL && !kith_web_path_valid(o->web_path)) ||
	    (o->web_listen.family != KITH_FAMILY_NONE && (o->no_tcp || o->web_listen.port == 0)))
		return false;
	if (o->turn_n > KITH_TURN_SERVERS_MAX)
		return false;
	for (size_t i = 0; i < o->turn_n; i++) {
		if (!kith_turn_valid(o->turn[i]))
			return false;
	}
	if (o->endpoints_n > sizeof o->endpoints / sizeof o->endpoints[0] || o->issuers_n > SPANS_MAX ||
	    o->revocations_n > SPANS_MAX)
		return false;
	return o->leave_us >= 0 && o->linger_us >= 0 && o->election_pace <= KITH_ELECTION_PACE_MAX;
}

int kith_options_copy(struct kith_node *node, const struct kith_node_options *o)
{
	struct kith_node_options *copy = &node->o;
	bool sized = kith_options_read(copy, o);
	copy->profile = NULL;
	if (!sized || !consistent(copy))
		return KITH_EINVAL;
	if (copy->open_label == NULL)
		copy->open_label = KITH_HOST_OPEN_LABEL;
	bool done = own_text(node, &copy->open_label) && own_text(node, &copy->key_path) &&
		    own_text(node, &copy->chain_path) && own_text(node, &copy->passphrase_path) &&
		    own_text(node, &copy->state_dir) && own_text(node, &copy->proxy) &&
		    own_text(node, &copy->web_certificate) && own_text(node, &copy->web_key) &&
		    own_text(node, &copy->web_path) && own_text(node, &copy->web_trust) &&
		    own_span(node, &copy->chain) && own_span(node, &copy->devices) &&
		    own_spans(node, &copy->issuers, copy->issuers_n) &&
		    own_spans(node, &copy->revocations, copy->revocations_n) &&
		    own_texts(node, &copy->bootstrap, copy->bootstrap_n) && own_texts(node, &copy->turn, copy->turn_n);
	return done ? 0 : KITH_ENOMEM;
}

void kith_options_free(struct kith_node *node)
{
	kith_wipe(&node->o.device, sizeof node->o.device);
	while (node->owned != NULL) {
		struct kith_owned *next = node->owned->next;
		kith_alloc_free(node->alloc, node->owned, sizeof *node->owned + node->owned->len);
		node->owned = next;
	}
}
