#include "kith_show.h"

#include "kith_profile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void show_line(struct text *text, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(line, sizeof line - 1, fmt, args);
	va_end(args);
	size_t n = strlen(line);
	line[n++] = '\n';
	int ignored = text_add(text, line, n);
	(void)ignored;
}

static const char *string(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s != NULL ? s : "-";
}

static long long integer(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static double real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static void show_paths(struct text *text, const json_t *paths)
{
	size_t i;
	json_t *path;
	char rtt[32];
	json_array_foreach(paths, i, path)
	{
		if (json_is_number(json_object_get(path, "rtt_ms")))
			(void)snprintf(rtt, sizeof rtt, "%.1f ms", real(path, "rtt_ms"));
		else
			(void)snprintf(rtt, sizeof rtt, "not measured");
		show_line(text, "  %s %-6s  %-28s  %-12s  %s", is_true(path, "sending") ? "*" : " ",
			  string(path, "kind"), string(path, "address"), rtt,
			  is_true(path, "alive") ? "alive" : "dead");
	}
}

/* Only what is amiss. */
static void show_bootstrap(struct text *text, const json_t *entries)
{
	size_t i;
	json_t *entry;
	json_array_foreach(entries, i, entry)
	{
		if (integer(entry, "addresses") > 0)
			continue;
		if (json_is_string(json_object_get(entry, "error")))
			show_line(text, "bootstrap: %s does not resolve (%s); trying again", string(entry, "host"),
				  string(entry, "error"));
		else
			show_line(text, "bootstrap: %s is being looked for", string(entry, "host"));
	}
}

static void show_end(struct text *text, const json_t *end)
{
	char date[DATE_TEXT_MAX];
	if (!json_is_object(end))
		return;
	show_line(text, "certificates: good until %s, the %s's ends first%s%s",
		  date_text(integer(end, "expires"), date), string(end, "first"),
		  is_true(end, "soon") ? "; SOON: " : "", is_true(end, "soon") ? string(end, "advice") : "");
}

static void show_logs(struct text *text, const json_t *logs)
{
	char date[DATE_TEXT_MAX];
	json_t *log;
	size_t i;
	json_array_foreach(logs, i, log)
		show_line(text, "log of %s: %lld certificates, by its head of %s%s", string(log, "issuer"),
			  integer(log, "size"), date_text(integer(log, "time"), date),
			  json_array_size(json_object_get(log, "forked")) > 0
				  ? "; IT KEEPS TWO LOGS: --json shows the heads that contradict each other"
				  : "");
}

static const char *since_text(long long s, char out[32])
{
	static const struct {
		long long s;
		const char *unit;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;
	while (i + 1 < sizeof units / sizeof units[0] && s < 2 * units[i].s)
		i++;
	(void)snprintf(out, 32, "%lld %s", s / units[i].s, units[i].unit);
	return out;
}

/* A cap of bytes a second, or of bytes, if there is one. */
static void show_cap(char *line, size_t cap, const json_t *caps, const char *key, const char *unit)
{
	size_t len = strlen(line);
	if (json_is_integer(json_object_get(caps, key)))
		(void)snprintf(line + len, cap - len, ", %s %lld %s", key, integer(caps, key), unit);
}

/* What witnesses attested; three are needed. */
static void show_attested(struct text *text, const json_t *a)
{
	char since[32];
	if (!json_is_object(a))
		return;
	if (integer(a, "up") == 0)
		show_line(text, "attested: by %lld witnesses, and three are needed", integer(a, "attestations"));
	else
		show_line(text, "attested: by %lld witnesses, up %lld bytes/s, down %lld bytes/s, seen for %s",
			  integer(a, "attestations"), integer(a, "up"), integer(a, "down"),
			  since_text(integer(a, "seen_s"), since));
}

static void show_serving(struct text *text, const json_t *s)
{
	const json_t *caps = json_object_get(s, "caps");
	char since[32], line[256];
	size_t i;
	json_t *endpoint;
	if (!json_is_object(s))
		return;
	show_line(text, "role: %s, a %s since %s: %s", string(s, "role"), is_true(s, "serves") ? "supernode" : "leaf",
		  since_text(integer(s, "since_s"), since), string(s, "reason"));
	if (strcmp(string(s, "role"), "leaf") == 0)
		return;
	(void)snprintf(line, sizeof line, "%lld leaves, %lld bytes/s for others", integer(caps, "leaves"),
		       integer(caps, "relay_rate"));
	show_cap(line, sizeof line, caps, "up", "bytes/s");
	show_cap(line, sizeof line, caps, "down", "bytes/s");
	show_cap(line, sizeof line, caps, "memory", "bytes");
	if (is_true(s, "serves"))
		show_line(text, "load: %.0f %% of at most %s", 100 * real(s, "load"), line);
	else
		show_line(text, "would serve: at most %s", line);
	show_attested(text, json_object_get(s, "attested"));
	if (integer(s, "election_pace") > 1)
		show_line(text, "a test network: supernodes elect themselves %lld times as fast as usual",
			  integer(s, "election_pace"));
	json_array_foreach(json_object_get(s, "endpoints"), i, endpoint) show_line(
		text, "reached at: %s%s%s%s", string(endpoint, "address"),
		strcmp(string(endpoint, "carrier"), "tcp") == 0 ? " over TCP" : "",
		is_true(endpoint, "found_by_others") ? ", as others found" : "",
		is_true(endpoint, "failing") ? "; NOT: others tried in vain, see its firewall and router" : "");
}

/* What a router maps to it. */
static void show_mapping(struct text *text, const json_t *m)
{
	const char *by = string(m, "by");
	char date[DATE_TEXT_MAX];
	if (strcmp(string(m, "state"), "mapped") != 0) {
		show_line(text, "mapped: no, %s",
			  string(m, "why")[0] != '\0' ? string(m, "why") : "the router is asked");
		return;
	}
	show_line(text, "mapped: %s by %s until %s", string(m, "udp"),
		  strcmp(by, "pcp") == 0      ? "PCP"
		  : strcmp(by, "natpmp") == 0 ? "NAT-PMP"
					      : "UPnP",
		  date_text(integer(m, "expires"), date));
	if (json_is_string(json_object_get(m, "tcp")))
		show_line(text, "mapped: %s over TCP", string(m, "tcp"));
}

/* "TURN: 198.51.100.7:50000 by 192.0.2.1:3478, 2 permissions" */
static void show_turn(struct text *text, const json_t *t)
{
	if (!json_is_object(t))
		return;
	if (strcmp(string(t, "state"), "relayed") == 0)
		show_line(text, "TURN: %s by %s, %lld permissions", string(t, "relayed"), string(t, "server"),
			  integer(t, "permissions"));
	else
		show_line(text, "TURN: %s, %s", string(t, "state"), string(t, "server"));
	if (json_is_string(json_object_get(t, "error")))
		show_line(text, "TURN, last error: %s", string(t, "error"));
}

/* "NAT: another port for each destination (random, 9814 to 44957 seen)" */
static void show_nat(struct text *text, const json_t *nat)
{
	static const struct {
		const char *mapping, *words;
	} known[] = {
		{ "none", "none" },
		{ "independent", "one address for all destinations" },
		{ "address", "another port for each destination's address" },
		{ "port", "another port for each destination" },
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(string(nat, "mapping"), known[i].mapping) != 0)
			continue;
		if (integer(nat, "step") > 0)
			show_line(text, "NAT: %s, in steps of %lld", known[i].words, integer(nat, "step"));
		else if (integer(nat, "port_high") > 0)
			show_line(text, "NAT: %s, %s, %lld to %lld seen", known[i].words, string(nat, "allocation"),
				  integer(nat, "port_low"), integer(nat, "port_high"));
		else
			show_line(text, "NAT: %s", known[i].words);
	}
}

/* "NAT lets in: whoever was sent to (address and port); mappings last 118 s or more; hairpin: no" */
static void show_measured(struct text *text, const json_t *nat)
{
	const char *filtering = string(nat, "filtering"), *hairpin = string(nat, "hairpin");
	const long long lifetime_s = integer(nat, "lifetime");
	if (lifetime_s == 0)
		return;
	show_line(text, "NAT lets in: %s; mappings last %lld s or more; its own users meet by it: %s",
		  strcmp(filtering, "none") == 0      ? "everybody"
		  : strcmp(filtering, "address") == 0 ? "addresses that were sent to"
		  : strcmp(filtering, "port") == 0    ? "addresses and ports that were sent to"
						      : "unknown",
		  lifetime_s, hairpin);
}

/* How a home is reached, unless it is as usual. */
static const char *by_carrier(const json_t *carrier)
{
	const char *name = json_is_string(carrier) ? json_string_value(carrier) : "";
	return strcmp(name, "tls") == 0 ? " over TLS, as a web server" : strcmp(name, "tcp") == 0 ? " over TCP" : "";
}

static void show_status(struct text *text, const json_t *r)
{
	const json_t *tables = json_object_get(r, "tables");
	size_t i;
	const char *key;
	json_t *home, *value;
	show_line(text, "name: %s", string(r, "name"));
	show_line(text, "device: %s", string(r, "device"));
	show_line(text, "identity: %s", string(r, "identity"));
	show_line(text, "network: %s", string(r, "network"));
	show_end(text, json_object_get(r, "certificates"));
	show_logs(text, json_object_get(r, "logs"));
	show_line(text, "state: %s %s, UDP port %lld%s%s", string(r, "state"), string(r, "role"), integer(r, "port"),
		  is_true(r, "ipv4") ? ", IPv4" : "", is_true(r, "ipv6") ? ", IPv6" : "");
	show_serving(text, json_object_get(r, "serving"));
	show_line(text, "seen from outside: %s", string(r, "observed_address"));
	show_mapping(text, json_object_get(r, "mapping"));
	show_turn(text, json_object_get(r, "turn"));
	show_nat(text, json_object_get(r, "nat"));
	show_measured(text, json_object_get(r, "nat"));
	json_array_foreach(json_object_get(r, "homes"), i, home)
		show_line(text, "home: %s%s", json_string_value(home) != NULL ? json_string_value(home) : "-",
			  by_carrier(json_array_get(json_object_get(r, "home_carriers"), i)));
	if (json_is_object(json_object_get(r, "homeless")))
		show_line(text, "no home: %s", string(json_object_get(r, "homeless"), "why"));
	if (json_is_false(json_object_get(r, "clock_trusted")))
		show_line(text, "the clock is wrong: it is earlier than it can be");
	show_bootstrap(text, json_object_get(r, "bootstrap"));
	json_object_foreach((json_t *)(uintptr_t)tables, key, value)
		show_line(text, "%s: %lld", key, (long long)json_integer_value(value));
	json_object_foreach(json_object_get(r, "counters"), key, value)
		show_line(text, "count %s: %lld", key, (long long)json_integer_value(value));
}

static void show_sessions(struct text *text, const json_t *r)
{
	size_t i;
	json_t *session;
	json_array_foreach(json_object_get(r, "sessions"), i, session)
	{
		show_line(text, "%s, service %s, %s, for %.1f s, device %s", string(session, "name"),
			  string(session, "service"), is_true(session, "we_called") ? "we called" : "called us",
			  (double)integer(session, "age_ms") / 1000.0, string(session, "device"));
		show_paths(text, json_object_get(session, "paths"));
	}
	if (i == 0)
		show_line(text, "no sessions");
}

static void show_lookup(struct text *text, const json_t *r)
{
	size_t i, j;
	json_t *device, *home;
	show_line(text, "%s: %zu device(s), found in %.1f ms", string(r, "name"),
		  json_array_size(json_object_get(r, "devices")), real(r, "time_ms"));
	json_array_foreach(json_object_get(r, "devices"), i, device)
	{
		show_line(text, "  %s: %s", string(device, "device"), is_true(device, "online") ? "online" : "offline");
		json_array_foreach(json_object_get(device, "homes"), j, home)
			show_line(text, "    home %s", json_string_value(home) != NULL ? json_string_value(home) : "-");
	}
}

static void show_changes(struct text *text, const json_t *changes)
{
	size_t i;
	json_t *change;
	json_array_foreach(changes, i, change)
		show_line(text, "after %.1f ms data went %s by %s", real(change, "at_ms"), string(change, "kind"),
			  string(change, "address"));
}

static void show_ping(struct text *text, const json_t *r)
{
	const json_t *rtts = json_object_get(r, "rtt_ms");
	size_t n = json_array_size(rtts);
	double least = 0, most = 0, sum = 0;
	for (size_t i = 0; i < n; i++) {
		double rtt = json_number_value(json_array_get(rtts, i));
		least = i == 0 || rtt < least ? rtt : least;
		most = rtt > most ? rtt : most;
		sum += rtt;
	}
	show_line(text, "%s: connected in %.1f ms", string(r, "name"), real(r, "connect_ms"));
	show_changes(text, json_object_get(r, "changes"));
	show_line(text, "%lld sent, %lld came back; round trip least %.1f, mean %.1f, most %.1f ms", integer(r, "sent"),
		  integer(r, "received"), least, n > 0 ? sum / (double)n : 0.0, most);
	show_paths(text, json_object_get(r, "paths"));
}

/* As they are; without memory what is shown is shorter. */
static void show_words(struct text *text, const char *words)
{
	int ignored = text_add(text, words, strlen(words));
	(void)ignored;
}

static void show_explain(struct text *text, const json_t *r)
{
	const char *words = string(r, "text");
	if (json_object_get(r, "connect_ms") != NULL)
		show_line(text, "called %s: connected in %.1f ms", string(r, "name"), real(r, "connect_ms"));
	show_changes(text, json_object_get(r, "changes"));
	show_words(text, words);
	if (words[0] == '\0' || words[strlen(words) - 1] != '\n')
		show_line(text, "%s", "");
	const char *ended = json_string_value(json_object_get(r, "ended"));
	if (ended != NULL) {
		show_line(text, "%s", "");
		show_words(text, ended);
	}
}

void show_answer(struct text *text, const char *command, const json_t *result)
{
	static const struct {
		const char *command;
		void (*show)(struct text *text, const json_t *result);
	} shows[] = { { "status", show_status },
		      { "sessions", show_sessions },
		      { "lookup", show_lookup },
		      { "ping", show_ping },
		      { "explain", show_explain } };
	for (size_t i = 0; i < sizeof shows / sizeof shows[0]; i++)
		if (strcmp(shows[i].command, command) == 0)
			shows[i].show(text, result);
	if (strcmp(command, "serve") == 0)
		show_serving(text, json_object_get(result, "serving"));
	if (strcmp(command, "revoke") == 0)
		show_line(text, "%lld list(s), head(s) or parameters taken", integer(result, "lists"));
}
