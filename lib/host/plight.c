/* What keeps a node from the network, in words: its clock, its certificates, the hosts that it asks. */
#include "host/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

enum { IP_UDP_HEADERS = 28 }; /* of IPv4: IPv6 has links of 1280 bytes at least */

static void add(char *out, size_t cap, const char *fmt, ...)
{
	size_t len = strlen(out);
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(out + len, cap - len, fmt, args);
	va_end(args);
}

/* "2 days and 3 hours" would be too exact for what people do about it. */
static void write_span(char *out, size_t cap, int64_t ms)
{
	int64_t min = (ms < 0 ? -ms : ms) / 60000;
	if (min < 120)
		(void)snprintf(out, cap, "%lld minutes", (long long)min);
	else if (min < 2 * 24 * 60)
		(void)snprintf(out, cap, "%lld hours", (long long)min / 60);
	else
		(void)snprintf(out, cap, "%lld days", (long long)min / (24 * 60));
}

void kith_plight_clock(struct kith_node *node, const struct kith_event *ev)
{
	char why[KITH_HOST_WHY_MAX], span[32];
	if (ev->err == 0) {
		kith_trouble(node, KITH_TROUBLE_CLOCK, 0, "the clock is right again");
	} else if (ev->count > 1) {
		write_span(span, sizeof span, ev->ahead_ms);
		(void)snprintf(why, sizeof why, "the clock is %s %s, as %u homes say", span,
			       ev->ahead_ms > 0 ? "slow" : "fast", ev->count);
		kith_trouble(node, KITH_TROUBLE_CLOCK, ev->err, why);
	} else {
		kith_trouble(node, KITH_TROUBLE_CLOCK, ev->err, "the clock is earlier than it can be");
	}
}

void kith_plight_lists(struct kith_node *node, const struct kith_event *ev)
{
	const char *why = ev->err == 0		   ? "the revocation lists are in time again"
			  : ev->err == KITH_ESTALE ? "the revocation lists are too old: calls are refused"
						   : "a newer revocation list is due";
	kith_trouble(node, KITH_TROUBLE_LISTS_LATE, ev->err, why);
}

void kith_plight_twice(struct kith_node *node, const struct kith_event *ev)
{
	char why[KITH_HOST_WHY_MAX], one[KITH_KEY_TEXT_LEN + 1], other[KITH_KEY_TEXT_LEN + 1];
	(void)snprintf(why, sizeof why, "%s is certified for two identities, %s and %s", ev->name,
		       kith_key_format(ev->identity.b, one), kith_key_format(ev->found.identity.b, other));
	kith_trouble(node, KITH_TROUBLE_NAME, KITH_ETWICE, why);
}

/* What a number of hosts came to, if there are any. */
static void add_hosts(char *out, size_t cap, unsigned n, const char *what)
{
	if (n > 0)
		add(out, cap, "%s %u %s", strchr(out, ':') != NULL ? "," : ":", n, what);
}

/* The first name that is not found. */
static const struct kith_resolve_entry *missing(const struct kith_node *node)
{
	for (size_t i = 0; i < node->resolver.n; i++)
		if (node->resolver.entries[i]->found_n == 0 && node->resolver.entries[i]->err != 0)
			return node->resolver.entries[i];
	return NULL;
}

static void add_all_hosts(char *out, size_t cap, const struct kith_homeless *h)
{
	add(out, cap, "of %u known supernodes none takes us", h->hosts);
	add_hosts(out, cap, h->silent, "do not answer");
	add_hosts(out, cap, h->network, "belong to another network, or have another key");
	add_hosts(out, cap, h->version, "speak another version");
	add_hosts(out, cap, h->rejected, "do not accept our certificates");
	if (h->theirs > 0)
		add(out, cap, "%s %u have certificates that do not hold (%s)", strchr(out, ':') != NULL ? "," : ":",
		    h->theirs, kith_strerror(h->theirs_err));
	add_hosts(out, cap, h->full, "are full");
	add_hosts(out, cap, h->unreachable, "cannot be reached from here");
	add_hosts(out, cap, h->others, "ended it");
}

void kith_homeless_text(const struct kith_node *node, const struct kith_homeless *h, char *out, size_t cap)
{
	const struct kith_resolve_entry *name = missing(node);
	out[0] = '\0';
	if (h->err == 0)
		return;
	if (h->err == KITH_EEXPIRED || h->err == KITH_ENOTYET || h->err == KITH_EREVOKED)
		add(out, cap, "our own %s; ", kith_strerror(h->err));
	if (h->hosts == 0 && name == NULL)
		add(out, cap, "no supernode is known");
	else if (h->hosts > 0)
		add_all_hosts(out, cap, h);
	if (name != NULL)
		add(out, cap, "%scannot resolve %.64s", h->hosts > 0 ? "; " : "", name->is.host);
}

void kith_plight_homeless(struct kith_node *node, const struct kith_event *ev)
{
	struct kith_core_info info;
	char why[KITH_HOST_WHY_MAX];
	kith_core_info(node->core, &info);
	kith_homeless_text(node, &info.homeless, why, sizeof why);
	node->resolver.attempt = 0;
	kith_bootstrap_resolve(node); /* a host may have moved */
	kith_trouble(node, KITH_TROUBLE_HOMELESS, ev->err, why);
}

void kith_plight_failing(struct kith_node *node, const struct kith_event *ev)
{
	char why[KITH_HOST_WHY_MAX], span[32];
	if (ev->err == KITH_EEXIST) {
		(void)snprintf(why, sizeof why, "another node uses this profile, and each takes the other's homes");
	} else if (ev->err == KITH_ESKEW) {
		write_span(span, sizeof span, ev->ahead_ms);
		(void)snprintf(why, sizeof why, "no home takes our record: by their clocks ours is %s %s", span,
			       ev->ahead_ms > 0 ? "slow" : "fast");
	} else {
		(void)snprintf(why, sizeof why, "homes end what they began right away: %s", kith_strerror(ev->err));
	}
	kith_trouble(node, KITH_TROUBLE_ATTACH, ev->err, why);
}

void kith_plight_endpoint(struct kith_node *node, const struct kith_event *ev)
{
	char why[KITH_HOST_WHY_MAX], addr[KITH_ADDR_TEXT_MAX];
	kith_addr_format(&ev->endpoint.addr, addr);
	if (ev->err == 0)
		(void)snprintf(why, sizeof why, "others can reach us at %s again", addr);
	else
		(void)snprintf(why, sizeof why, "others cannot reach us at %s, as they tried: %s", addr,
			       kith_strerror(ev->err));
	kith_trouble(node, KITH_TROUBLE_ENDPOINT, ev->err, why);
}

void kith_plight_mtu(struct kith_node *node, const struct kith_addr *to)
{
	char why[KITH_HOST_WHY_MAX];
	struct kith_interface_link link;
	bool known = kith_interfaces_sys_link(to, &link);
	bool here = known && link.mtu > 0 && link.mtu < KITH_UDP_PAYLOAD + IP_UDP_HEADERS;
	if (!here)
		link = (struct kith_interface_link){ .name = "?" }; /* told once, whichever router it was */
	if (strcmp(node->told_link.name, link.name) == 0 && node->told_link.mtu == link.mtu)
		return;
	node->told_link = link;
	if (here)
		(void)snprintf(why, sizeof why,
			       "%s carries packets of %u bytes at most: ours go in parts, which some networks lose",
			       link.name, (unsigned)link.mtu);
	else
		(void)snprintf(why, sizeof why, "%s",
			       "a link on the way carries no packets of 1228 bytes: ours go in parts, which some "
			       "networks lose");
	kith_trouble(node, KITH_TROUBLE_MTU, KITH_EMSGSIZE, why);
}

void kith_plight_proxy(struct kith_node *node, int err)
{
	char why[KITH_HOST_WHY_MAX], at[KITH_ADDR_TEXT_MAX];
	if (node->told_proxy == err)
		return;
	node->told_proxy = err;
	kith_addr_format(&node->proxy->at, at);
	if (err == KITH_EACCES)
		(void)snprintf(why, sizeof why,
			       "the proxy %s refuses us: is the user, or the password, right? may it connect "
			       "to the supernodes' ports?",
			       at);
	else if (err == KITH_EPROTO)
		(void)snprintf(why, sizeof why, "what answers at %s is no proxy of the kind that is configured (%s)",
			       at, node->proxy->kind == KITH_PROXY_HTTP ? "HTTP" : "SOCKS 5");
	else
		(void)snprintf(why, sizeof why, "a supernode was not reached through the proxy %s: %s", at,
			       kith_strerror(err));
	kith_trouble(node, KITH_TROUBLE_PROXY, err, why);
}

void kith_plight_web(struct kith_node *node, const struct kith_carrier_error *e)
{
	char why[KITH_HOST_WHY_MAX];
	if (kith_addr_equal(&node->told_web, &e->remote))
		return;
	node->told_web = e->remote;
	if (e->err == KITH_EACCES)
		(void)snprintf(why, sizeof why, "%.160s; if it is right, name its file by web_trust", e->why);
	else
		(void)snprintf(why, sizeof why, "%.160s", e->why);
	kith_trouble(node, KITH_TROUBLE_WEB, e->err, why);
}

static const char *lie_text(enum kith_lie lie)
{
	switch (lie) {
#define KITH_LIE_TEXT(name, value, text)                                                                               \
	case KITH_LIE_##name:                                                                                          \
		return text;
		KITH_LIE_MAP(KITH_LIE_TEXT)
#undef KITH_LIE_TEXT
	}
	return "does not work";
}

void kith_plight_caught(struct kith_node *node, const struct kith_event *ev)
{
	char why[KITH_HOST_WHY_MAX];
	(void)snprintf(why, sizeof why, "the home %s %s: another one takes its place", ev->name, lie_text(ev->lie));
	kith_trouble(node, KITH_TROUBLE_CAUGHT, KITH_EPROTO, why);
}

void kith_plight_forked(struct kith_node *node, const struct kith_event *ev)
{
	char why[KITH_HOST_WHY_MAX], key[KITH_KEY_TEXT_LEN + 1];
	(void)snprintf(why, sizeof why, "the issuer %s keeps two logs: two heads that it signed contradict each other",
		       kith_key_format(ev->identity.b, key));
	kith_trouble(node, KITH_TROUBLE_LOG, KITH_ETWICE, why);
}
