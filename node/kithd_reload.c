#include "kithd_reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 64, NAMES_MAX = 512 };

struct reloading {
	struct kith_node *node;
	struct logger *log;
	struct serving *serving;
	struct config fresh;
	struct credentials credentials;
	struct kith_node_options options;
};

static void take_list(void *ctx, const char *path, struct kith_span list)
{
	const struct reloading *r = ctx;
	int err = kith_revoke(r->node, list);
	if (err == 0 || err == KITH_EEXIST)
		log_event(r->log, KITH_LOG_INFO, "revocations-read", "{s:s}", "file", path);
	else
		log_event(r->log, KITH_LOG_WARN, "revocations-refused", "{s:s, s:s}", "file", path, "why",
			  kith_strerror(err));
}

static void take_issuers(const struct reloading *r)
{
	for (size_t i = 0; i < r->options.issuers_n; i++) {
		int err = kith_add_issuer(r->node, r->options.issuers[i]);
		if (err != 0 && err != KITH_EEXIST)
			log_event(r->log, KITH_LOG_WARN, "issuer-refused", "{s:s}", "why", kith_strerror(err));
	}
}

/* Whether the node's entry ("host:port") stands in the list still, however it is written there. */
static bool is_listed(const struct reloading *r, const char *where)
{
	for (size_t i = 0; i < r->options.bootstrap_n; i++) {
		char entry[sizeof((struct kith_bootstrap_info *)0)->where], text[KITH_ADDR_TEXT_MAX];
		struct kith_addr addr;
		(void)snprintf(entry, sizeof entry, "%.*s", (int)strcspn(r->options.bootstrap[i], " \t"),
			       r->options.bootstrap[i]);
		if (strcmp(kith_addr_parse(&addr, entry) == 0 ? kith_addr_format(&addr, text) : entry, where) == 0)
			return true;
	}
	return false;
}

static bool is_shorter(const struct reloading *r)
{
	struct kith_bootstrap_info entries[ENTRIES_MAX];
	size_t n = kith_node_bootstrap(r->node, entries, ENTRIES_MAX);
	for (size_t i = 0; i < n && i < ENTRIES_MAX; i++)
		if (!is_listed(r, entries[i].where))
			return true;
	return false;
}

static void tell_restart(const struct reloading *r, const struct config *running)
{
	char names[NAMES_MAX];
	config_restart_needed(running, &r->fresh, names, sizeof names);
	bool shorter = is_shorter(r);
	if (names[0] != '\0' || shorter)
		log_event(r->log, KITH_LOG_WARN, "restart-needed", "{s:s+, s:s}", "options", names,
			  !shorter	     ? ""
			  : names[0] != '\0' ? ", bootstrap"
					     : "bootstrap",
			  "why",
			  shorter ? "these take effect when kithd is started again; hosts that were taken out of "
				    "bootstrap are used until then"
				  : "these take effect when kithd is started again");
}

/* Role and limits, or neither. Returns whether they were taken; it is told if not. */
static bool adjust(struct reloading *r)
{
	struct serving fresh;
	const char *why = NULL;
	config_serving(&r->fresh, &fresh);
	int err = serving_set(&fresh, r->node, fresh.configured, &why);
	if (err != 0 && err != KITH_ESTATE) {
		(void)config_refuse(&r->fresh, config_line(&r->fresh, "role"), "role: %s", why);
		log_event(r->log, KITH_LOG_ERROR, "reload-refused", "{s:s}", "why", r->fresh.error);
		return false;
	}
	if (err == 0)
		err = kith_node_adjust(r->node, &r->options);
	if (err == 0) {
		*r->serving = fresh;
		return true;
	}
	if (err != KITH_ESTATE) /* it was that before, and is it again */
		(void)!serving_set(r->serving, r->node, r->serving->role, &why);
	log_event(r->log, KITH_LOG_ERROR, "reload-refused", "{s:s}", "why",
		  err == KITH_ESTATE ? "the node does not run yet, or not any more: nothing was changed"
				     : kith_strerror(err));
	return false;
}

static void apply(struct reloading *r, struct config *running, bool forced)
{
	char changed[NAMES_MAX];
	if (!adjust(r))
		return;
	if (!forced)
		logger_set_level(r->log, r->fresh.log_level);
	r->log->format = r->fresh.log_format;
	r->log->clear = r->log->hook.clear = r->fresh.log_clear;
	take_issuers(r);
	int err = config_revocations(&r->fresh, take_list, r);
	if (err != 0) /* a file that has changed since it was checked */
		log_event(r->log, KITH_LOG_WARN, "revocations-refused", "{s:s}", "why", r->fresh.error);
	err = kith_node_renew(r->node);
	if (err != 0)
		log_event(r->log, KITH_LOG_WARN, "chain-not-read", "{s:s}", "why", kith_strerror(err));
	config_changed(running, &r->fresh, changed, sizeof changed);
	log_event(r->log, KITH_LOG_INFO, "reloaded", "{s:s, s:s}", "log_level", log_level_text(r->log->level),
		  "changed", changed);
	tell_restart(r, running);
	config_take_live(running, &r->fresh);
}

void reload(struct kith_node *node, struct logger *log, struct config *running, struct serving *serving, bool forced)
{
	struct reloading *r = calloc(1, sizeof *r);
	if (r == NULL) {
		log_event(log, KITH_LOG_ERROR, "reload-refused", "{s:s}", "why", kith_strerror(KITH_ENOMEM));
		return;
	}
	r->node = node;
	r->log = log;
	r->serving = serving;
	kith_node_options_init(&r->options);
	if (config_read(&r->fresh, running->path.s) != 0 || config_apply(&r->fresh, &r->credentials, &r->options) != 0)
		log_event(log, KITH_LOG_ERROR, "reload-refused", "{s:s}", "why", r->fresh.error);
	else
		apply(r, running, forced);
	kith_node_options_deinit(&r->options);
	credentials_free(&r->credentials);
	config_free(&r->fresh);
	free(r);
}
