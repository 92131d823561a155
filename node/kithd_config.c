#include "kithd_config_web.h"

#include <confuse.h>
#include <errno.h>
#include <stddef.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SHOWN_MAX = 80 };

/* ---- the options ---- */

/* Takes a value, or returns what is expected instead. */
typedef const char *(*take_fn)(struct config *config, const char *value, int line);

/* In which roles it has an effect. */
enum roles { ANY_ROLE, NO_LEAF, AUTO_ONLY };

struct option {
	const char *name;
	bool list;
	enum roles roles;
	bool live; /* a change takes effect on SIGHUP */
	bool secret; /* it holds a password: no message repeats it */
	take_fn take; /* or a member of struct config: a flag, or a number */
	size_t flag_at, number_at;
	uint64_t min, max; /* of a number */
	const char *expected;
};

const char *config_keep(struct config_text *out, const char *value, int line)
{
	out->s = strdup(value);
	out->line = line;
	return out->s == NULL ? "memory, of which there is none left" : NULL;
}

static const char *take_path(struct config_text *out, const char *value, int line)
{
	return value[0] == '\0' ? "a path" : config_keep(out, value, line);
}

static const char *take_list(struct config_text *list, size_t *n, size_t max, const char *value, int line)
{
	if (*n == max)
		return "fewer files: this list is full";
	const char *expected = take_path(&list[*n], value, line);
	if (expected == NULL)
		(*n)++;
	return expected;
}

static const char *take_bool(bool *out, const char *value)
{
	static const char *const texts[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (strcmp(texts[i], value) == 0) {
			*out = i % 2 == 1;
			return NULL;
		}
	}
	return "yes or no";
}

/* A whole number with an optional k, M or G. */
static const char *take_number(uint64_t *out, const char *value, uint64_t min, uint64_t max, const char *expected)
{
	char *end;
	if (value[0] < '0' || value[0] > '9')
		return expected;
	errno = 0;
	uint64_t n = strtoull(value, &end, 10), factor = 1;
	if (errno != 0)
		return expected;
	if (*end == 'k' || *end == 'M' || *end == 'G')
		factor = *end == 'k' ? 1000 : *end == 'M' ? 1000 * 1000 : 1000 * 1000 * 1000;
	if (factor > 1)
		end++;
	if (*end != '\0' || n > max / factor || n * factor < min)
		return expected;
	*out = n * factor;
	return NULL;
}

static const char *take_role(struct config *c, const char *value, int line)
{
	(void)line;
	if (strcmp(value, "leaf") == 0)
		c->role = KITH_ROLE_LEAF;
	else if (strcmp(value, "supernode") == 0)
		c->role = KITH_ROLE_SUPERNODE;
	else if (strcmp(value, "auto") == 0)
		c->role = KITH_ROLE_AUTO;
	else
		return KITH_SERVING ? "auto, leaf or supernode" : "leaf";
	return KITH_SERVING || c->role == KITH_ROLE_LEAF ? NULL : "leaf: this kithd is built without serving";
}

/* Not contacts: it has none, and nobody would find it. */
static const char *take_presence(struct config *c, const char *value, int line)
{
	(void)line;
	if (strcmp(value, "public") == 0)
		c->presence = KITH_PRESENCE_PUBLIC;
	else if (strcmp(value, "steps") == 0)
		c->presence = KITH_PRESENCE_STEPS;
	else
		return "public or steps";
	return NULL;
}

static const char *take_profile(struct config *c, const char *value, int line)
{
	return take_path(&c->profile, value, line);
}

static const char *take_network(struct config *c, const char *value, int line)
{
	(void)line;
	return kith_key_parse(c->root.b, value) != 0
		       ? "the network's root key: 52 characters, as 'kith ca show' prints it"
		       : NULL;
}

static const char *take_open(struct config *c, const char *value, int line)
{
	struct kith_id id;
	if (kith_network_id_open(&id, value) != 0)
		return "a label of 1 to 64 characters";
	return config_keep(&c->open_label, value, line);
}

static const char *take_chain(struct config *c, const char *value, int line)
{
	return take_path(&c->chain, value, line);
}

static const char *take_key(struct config *c, const char *value, int line)
{
	return take_path(&c->key, value, line);
}

static const char *take_passphrase_file(struct config *c, const char *value, int line)
{
	return take_path(&c->passphrase_file, value, line);
}

static const char *take_state(struct config *c, const char *value, int line)
{
	return take_path(&c->state, value, line);
}

static const char *take_control(struct config *c, const char *value, int line)
{
	return take_path(&c->control, value, line);
}

static const char *take_issuers(struct config *c, const char *value, int line)
{
	return take_list(c->issuers, &c->issuers_n, CONFIG_LISTS_MAX, value, line);
}

static const char *take_revocations(struct config *c, const char *value, int line)
{
	return take_list(c->revocations, &c->revocations_n, CONFIG_LISTS_MAX, value, line);
}

static const char *take_listen(struct config *c, const char *value, int line)
{
	struct kith_addr addr;
	(void)line;
	if (kith_addr_parse(&addr, value) != 0)
		return "an address and a port, such as \"0.0.0.0:4433\" or \"[::]:4433\" (no host names)";
	struct kith_addr *own = addr.family == KITH_FAMILY_V4 ? &c->listen_v4 : &c->listen_v6;
	const struct kith_addr *other = addr.family == KITH_FAMILY_V4 ? &c->listen_v6 : &c->listen_v4;
	if (own->family != KITH_FAMILY_NONE)
		return "at most one address of each family; 0.0.0.0 and [::] stand for all";
	if (other->family != KITH_FAMILY_NONE && other->port != addr.port)
		return "the same port for both families";
	*own = addr;
	return NULL;
}

static const char *take_advertise(struct config *c, const char *value, int line)
{
	static const struct kith_addr none;
	struct kith_addr addr;
	(void)line;
	if (kith_addr_parse(&addr, value) != 0 || addr.port == 0 || memcmp(addr.ip, none.ip, sizeof addr.ip) == 0)
		return "an address and a port that others can reach, such as \"198.51.100.7:4433\" (no host names, no "
		       "wildcards)";
	if (c->advertise_n == sizeof c->advertise / sizeof c->advertise[0])
		return "at most four addresses";
	c->advertise[c->advertise_n++] = addr;
	return NULL;
}

static const char *take_bootstrap(struct config *c, const char *value, int line)
{
	if (!kith_bootstrap_valid(value))
		return "\"host:port\", \"1.2.3.4:port\" or \"[v6]:port\" with a port from 1 to 65535, or "
		       "\"wss://host/path\", "
		       "and behind a blank the supernode's key of 52 characters if it is known";
	if (c->bootstrap_n == CONFIG_BOOTSTRAP_MAX)
		return "at most 32 hosts";
	return config_keep(&c->bootstrap[c->bootstrap_n++], value, line);
}

static const char *take_log_level(struct config *c, const char *value, int line)
{
	(void)line;
	return log_level_parse(&c->log_level, value) ? NULL : "error, warn, info or debug";
}

static const char *take_log_format(struct config *c, const char *value, int line)
{
	static const char *const texts[] = { "text", "json", "journal" };
	(void)line;
	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (strcmp(texts[i], value) == 0) {
			c->log_format = (enum log_format)i;
			return NULL;
		}
	}
	return "text, json or journal";
}

#define LIVE true
#define AT(member) offsetof(struct config, member)
#define TAKE(function) .take = (function)
#define FLAG(member) .flag_at = AT(member)
#define NUMBER(member, least, most, what) .number_at = AT(member), .min = (least), .max = (most), .expected = (what)
#define RATE(member) NUMBER(member, 1000, KITH_RELAY_RATE_MAX, "bytes per second from 1k to 10G, such as 12500k or 12M")

static const struct option options[] = {
	{ "role", false, ANY_ROLE, LIVE, TAKE(take_role) },
	{ "profile", false, ANY_ROLE, false, TAKE(take_profile) },
	{ "network", false, ANY_ROLE, false, TAKE(take_network) },
	{ "open_network", false, ANY_ROLE, false, TAKE(take_open) },
	{ "chain", false, ANY_ROLE, false, TAKE(take_chain) },
	{ "key", false, ANY_ROLE, false, TAKE(take_key) },
	{ "passphrase_file", false, ANY_ROLE, false, TAKE(take_passphrase_file) },
	{ "state", false, ANY_ROLE, false, TAKE(take_state) },
	{ "issuers", true, ANY_ROLE, LIVE, TAKE(take_issuers) },
	{ "revocations", true, ANY_ROLE, LIVE, TAKE(take_revocations) },
	{ "listen", true, ANY_ROLE, false, TAKE(take_listen) },
	{ "listen_tcp", false, ANY_ROLE, false, NUMBER(listen_tcp, 1, UINT16_MAX, "a port, such as 443") },
	{ "tcp", false, ANY_ROLE, false, FLAG(tcp) },
	{ "tcp_in", false, ANY_ROLE, false, FLAG(tcp_in) },
	{ "proxy", false, ANY_ROLE, false, TAKE(config_take_proxy) },
	{ "web_listen", false, NO_LEAF, false, TAKE(config_take_web_listen) },
	{ "web_certificate", false, NO_LEAF, false, TAKE(config_take_web_certificate) },
	{ "web_key", false, NO_LEAF, false, TAKE(config_take_web_key) },
	{ "web_path", false, NO_LEAF, false, TAKE(config_take_web_path) },
	{ "web_trust", false, ANY_ROLE, false, TAKE(config_take_web_trust) },
	{ "turn", true, ANY_ROLE, false, TAKE(config_take_turn), .secret = true },
	{ "port_mapping", false, ANY_ROLE, LIVE, FLAG(port_mapping) },
	{ "lan", false, ANY_ROLE, false, FLAG(lan) },
	{ "advertise", true, NO_LEAF, LIVE, TAKE(take_advertise) },
	{ "bootstrap", true, ANY_ROLE, LIVE, TAKE(take_bootstrap) },
	{ "control", false, ANY_ROLE, false, TAKE(take_control) },
	{ "log_level", false, ANY_ROLE, LIVE, TAKE(take_log_level) },
	{ "log_format", false, ANY_ROLE, LIVE, TAKE(take_log_format) },
	{ "log_clear", false, ANY_ROLE, LIVE, FLAG(log_clear) },
	{ "stun", false, NO_LEAF, LIVE, FLAG(stun) },
	{ "ping", false, ANY_ROLE, false, FLAG(ping) },
	{ "presence", false, ANY_ROLE, false, TAKE(take_presence) },
	{ "allow_loopback", false, ANY_ROLE, false, FLAG(allow_loopback) },
	{ "offload", false, ANY_ROLE, false, FLAG(offload) },
	{ "sessions_max", false, ANY_ROLE, LIVE, NUMBER(sessions_max, 1, 100000, "a number from 1 to 100000") },
	{ "tunnels_max", false, NO_LEAF, LIVE, NUMBER(tunnels_max, 1, 1000000, "a number from 1 to 1000000") },
	{ "relay_rate", false, NO_LEAF, LIVE, RATE(relay_rate) },
	{ "relay_identity_rate", false, NO_LEAF, LIVE, RATE(relay_identity_rate) },
	{ "serve_on_battery", false, AUTO_ONLY, LIVE, FLAG(serve_on_battery) },
	{ "serve_on_metered", false, AUTO_ONLY, LIVE, FLAG(serve_on_metered) },
	{ "serve_leaves_max", false, NO_LEAF, LIVE, NUMBER(serve_leaves_max, 1, 100000, "a number from 1 to 100000") },
	{ "serve_up_max", false, NO_LEAF, LIVE, RATE(serve_up_max) },
	{ "serve_down_max", false, NO_LEAF, LIVE, RATE(serve_down_max) },
	{ "serve_memory_max", false, NO_LEAF, LIVE,
	  NUMBER(serve_memory_max, KITH_SERVING_MEMORY_LEAST, UINT64_C(1) << 40, "bytes from 1048576, such as 64M") },
	{ "stream_window_max", false, ANY_ROLE, false,
	  NUMBER(stream_window_max, KITH_STREAM_WINDOW_LEAST, KITH_WINDOW_LIMIT,
		 "bytes from 262144 to 1G, such as 8M") },
	{ "session_window_max", false, ANY_ROLE, false,
	  NUMBER(session_window_max, KITH_SESSION_WINDOW_LEAST, KITH_WINDOW_LIMIT,
		 "bytes from 1048576 to 1G, such as 16M") },
	{ "windows_max", false, ANY_ROLE, false, NUMBER(windows_max, 1, SIZE_MAX, "bytes, such as 256M") },
	{ "election_pace", false, NO_LEAF, false,
	  NUMBER(election_pace, 1, KITH_ELECTION_PACE_MAX, "a number from 1 to 3600, and 1 but in a test network") },
	{ "leave_timeout", false, ANY_ROLE, LIVE, NUMBER(leave_timeout, 1, 60, "seconds from 1 to 60") },
};

#define OPTIONS_N (sizeof options / sizeof options[0])
_Static_assert(OPTIONS_N <= sizeof((struct config *)0)->lines / sizeof(int), "a line number for each option");

static size_t option_find(const char *name)
{
	size_t i = 0;
	while (i < OPTIONS_N && strcmp(options[i].name, name) != 0)
		i++;
	return i;
}

/* ---- messages ---- */

int config_refuse(struct config *c, int line, const char *fmt, ...)
{
	char *out = c->error;
	size_t cap = sizeof c->error;
	va_list args;
	int n;
	if (out[0] != '\0')
		return KITH_EINVAL; /* the first one counts */
	if (line > 0)
		n = snprintf(out, cap, "%s:%d: ", c->path.s, line);
	else
		n = snprintf(out, cap, "%s: ", c->path.s);
	if (n < 0 || (size_t)n >= cap)
		return KITH_EINVAL;
	va_start(args, fmt);
	(void)vsnprintf(out + n, cap - (size_t)n, fmt, args);
	va_end(args);
	return KITH_EINVAL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits that lead from one word to the other (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	enum { WORD_MAX = 32 };
	size_t row[WORD_MAX + 1], la = strlen(a), lb = strlen(b);
	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];
			row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
			diagonal = above;
		}
	}
	return row[lb];
}

static void refuse_unknown(struct config *c, int line, const char *name)
{
	size_t best = 0;
	for (size_t i = 1; i < OPTIONS_N; i++)
		if (distance(options[i].name, name) < distance(options[best].name, name))
			best = i;
	if (distance(options[best].name, name) <= 3)
		(void)config_refuse(c, line, "%s: there is no such option; did you mean %s?", name, options[best].name);
	else
		(void)config_refuse(c, line, "%s: there is no such option; kithd.conf(5) lists them", name);
}

/* ---- libconfuse, whose callbacks carry no context ---- */

static struct config *reading;

static void on_error(cfg_t *cfg, const char *fmt, va_list args)
{
	char text[256], name[64];
	(void)vsnprintf(text, sizeof text, fmt, args);
	if (sscanf(text, "no such option '%63[^']'", name) == 1)
		refuse_unknown(reading, cfg->line, name);
	else
		(void)config_refuse(
			reading, cfg->line,
			"%s; expected: option = value, or option = {value, value}, with texts in double quotes", text);
}

/* Keeps what was written, to be compared when the file is read again. */
static int note_value(struct config *c, size_t i, const char *value, int line)
{
	struct text text = { c->values[i], c->values[i] != NULL ? strlen(c->values[i]) : 0 };
	int err = text_add(&text, value, strlen(value));
	if (err == 0)
		err = text_add(&text, "\n", 1);
	c->values[i] = text.p;
	return err == 0 ? 0 : config_refuse(c, line, "out of memory");
}

static const char *take(struct config *c, const struct option *o, const char *value, int line)
{
	if (o->take != NULL)
		return o->take(c, value, line);
	if (o->flag_at != 0)
		return take_bool((bool *)((char *)c + o->flag_at), value);
	uint64_t n = 0;
	const char *expected = take_number(&n, value, o->min, o->max, o->expected);
	if (expected == NULL)
		memcpy((char *)c + o->number_at, &n, sizeof n);
	return expected;
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t i = option_find(opt->name);
	struct config *c = reading;
	if (c->lines[i] != 0 && !options[i].list)
		return config_refuse(c, cfg->line, "%s: given twice; the first is in line %d. Remove one", opt->name,
				     c->lines[i]);
	if (c->lines[i] == 0)
		c->lines[i] = cfg->line;
	const char *expected = take(c, &options[i], value, cfg->line);
	if (expected != NULL && options[i].secret)
		return config_refuse(c, cfg->line, "%s: what was found is not that; expected %s", opt->name, expected);
	if (expected != NULL)
		return config_refuse(c, cfg->line, "%s: found \"%s\"; expected %s", opt->name, value, expected);
	*(const char **)result = value;
	return note_value(c, i, value, cfg->line);
}

/* Blanks out '#' and "//" comments outside of quotes, and refuses what cannot be text. */
static int blank_comments(struct config *c, char *text, size_t len)
{
	char quote = 0;
	bool comment = false;
	int line = 1;
	for (size_t i = 0; i < len; i++) {
		char ch = text[i];
		if (ch == '\n') {
			comment = false;
			line++;
		} else if ((unsigned char)ch < ' ' && ch != '\t' && ch != '\r') {
			return config_refuse(c, line, "a control character (%d); expected plain text", ch);
		} else if (comment) {
			text[i] = ' ';
		} else if (quote != 0) {
			if (ch == '\\' && i + 1 < len && text[i + 1] != '\n')
				i++;
			else if (ch == quote)
				quote = 0;
		} else if (ch == '"' || ch == '\'') {
			quote = ch;
		} else if (ch == '#' ||
			   (ch == '/' && text[i + 1] == '/' && (i == 0 || strchr(" \t\n", text[i - 1]) != NULL))) {
			comment = true;
			text[i] = ' ';
		}
	}
	c->line_count = line > 1 && text[len - 1] == '\n' ? line - 1 : line;
	return 0;
}

static int parse(struct config *c, const char *text)
{
	cfg_opt_t table[OPTIONS_N + 1];
	const cfg_opt_t end = CFG_END();
	for (size_t i = 0; i < OPTIONS_N; i++) {
		cfg_opt_t one = CFG_STR_CB(options[i].name, NULL, CFGF_NONE, on_value);
		cfg_opt_t many = CFG_STR_LIST_CB(options[i].name, NULL, CFGF_NONE, on_value);
		table[i] = options[i].list ? many : one;
	}
	table[OPTIONS_N] = end;
	cfg_t *cfg = cfg_init(table, CFGF_NONE);
	if (cfg == NULL)
		return config_refuse(c, 0, "out of memory");
	cfg_set_error_function(cfg, on_error);
	reading = c;
	int result = cfg_parse_buf(cfg, text);
	reading = NULL;
	cfg_free(cfg);
	if (result == CFG_SUCCESS)
		return 0;
	return config_refuse(c, c->line_count, "cannot be understood");
}

/* ---- what must fit together ---- */

int config_line(const struct config *c, const char *name)
{
	return c->lines[option_find(name)];
}

static const char *value_of(const struct config *c, size_t i)
{
	return c->values[i] != NULL ? c->values[i] : "";
}

void config_restart_needed(const struct config *running, const struct config *fresh, char *out, size_t cap)
{
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < OPTIONS_N; i++) {
		if (options[i].live || strcmp(value_of(running, i), value_of(fresh, i)) == 0)
			continue;
		int n = snprintf(out + at, cap - at, "%s%s", at > 0 ? ", " : "", options[i].name);
		if (n < 0 || (size_t)n >= cap - at)
			return;
		at += (size_t)n;
	}
}

/* Appends to out: false when it is full. */
static bool append(char *out, size_t cap, size_t *at, const char *fmt, ...) KITH_PRINTF(4, 5);

static bool append(char *out, size_t cap, size_t *at, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(out + *at, cap - *at, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= cap - *at)
		return false;
	*at += (size_t)n;
	return true;
}

/* What was written for an option, without the newline behind it; of a list, how long it is. */
static const char *shown(const struct config *c, size_t i, char out[VALUE_SHOWN_MAX])
{
	const char *value = value_of(c, i);
	unsigned lines = 0;
	for (const char *p = value; *p != '\0'; p++)
		lines += *p == '\n';
	if (value[0] == '\0')
		(void)snprintf(out, VALUE_SHOWN_MAX, "default");
	else if (options[i].list)
		(void)snprintf(out, VALUE_SHOWN_MAX, "%u given", lines);
	else
		(void)snprintf(out, VALUE_SHOWN_MAX, "%.*s", (int)strcspn(value, "\n"), value);
	return out;
}

void config_changed(const struct config *running, const struct config *fresh, char *out, size_t cap)
{
	char before[VALUE_SHOWN_MAX], after[VALUE_SHOWN_MAX];
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < OPTIONS_N; i++) {
		if (!options[i].live || strcmp(value_of(running, i), value_of(fresh, i)) == 0)
			continue;
		if (!append(out, cap, &at, "%s%s: %s -> %s", at > 0 ? ", " : "", options[i].name,
			    shown(running, i, before), shown(fresh, i, after)))
			return;
	}
}

void config_take_live(struct config *running, struct config *fresh)
{
	for (size_t i = 0; i < OPTIONS_N; i++) {
		char *value = running->values[i];
		if (!options[i].live)
			continue;
		running->values[i] = fresh->values[i];
		fresh->values[i] = value;
	}
}

static int check_identity(struct config *c)
{
	int network = config_line(c, "network"), open = config_line(c, "open_network");
	if (network != 0 && open != 0)
		return config_refuse(c, network > open ? network : open,
				     "network and open_network: a node is in one network; remove one of the two (the "
				     "other is in line %d)",
				     network > open ? open : network);
	if (c->profile.s != NULL)
		return 0;
	const char *missing = c->key.s == NULL ? "key" : c->chain.s == NULL ? "chain" : NULL;
	if (missing == NULL && network == 0 && open == 0)
		missing = "network";
	if (missing == NULL)
		return 0;
	return config_refuse(
		c, c->line_count,
		"%s: missing; expected either profile = \"directory made by kith id new\", or key, chain and network",
		missing);
}

static int check_windows(struct config *c)
{
	struct kith_core_options defaults;
	kith_core_options_init(&defaults);
	uint64_t stream = c->stream_window_max != 0 ? c->stream_window_max : defaults.stream_window_max;
	uint64_t session = c->session_window_max != 0 ? c->session_window_max : defaults.session_window_max;
	int line = config_line(c, "session_window_max");
	if (stream <= session)
		return 0;
	return config_refuse(
		c, line != 0 ? line : config_line(c, "stream_window_max"),
		"session_window_max: %llu is less than stream_window_max, %llu: all streams together hold no "
		"less than one may",
		(unsigned long long)session, (unsigned long long)stream);
}

/* One identity gets no more than all together: a larger number would say nothing. */
static int check_rates(struct config *c)
{
	struct kith_core_options defaults;
	kith_core_options_init(&defaults);
	uint64_t all = c->relay_rate != 0 ? c->relay_rate : defaults.relay_rate;
	if (c->relay_identity_rate <= all) {
		if (c->relay_identity_rate == 0 && defaults.relay_owner_rate > all)
			c->relay_identity_rate = all;
		return 0;
	}
	return config_refuse(
		c, config_line(c, "relay_identity_rate"),
		"relay_identity_rate: %llu is more than relay_rate, %llu: one identity gets no more than all "
		"together",
		(unsigned long long)c->relay_identity_rate, (unsigned long long)all);
}

/* What has no effect in the role is a mistake. */
static int check_roles(struct config *c)
{
	for (size_t i = 0; i < OPTIONS_N; i++) {
		enum roles roles = options[i].roles;
		if (c->lines[i] == 0 || roles == ANY_ROLE || c->role == KITH_ROLE_AUTO)
			continue;
		if (c->role == KITH_ROLE_LEAF)
			return config_refuse(c, c->lines[i],
					     "%s: has no effect in the role leaf; remove it, or set role = %s",
					     options[i].name, roles == AUTO_ONLY ? "auto" : "auto, or supernode");
		if (roles == AUTO_ONLY)
			return config_refuse(
				c, c->lines[i],
				"%s: has no effect in the role supernode, which serves in any case; remove "
				"it, or set role = auto",
				options[i].name);
	}
	return 0;
}

static int check(struct config *c)
{
	if (check_identity(c) != 0 || check_windows(c) != 0 || check_rates(c) != 0)
		return KITH_EINVAL;
	if (check_roles(c) != 0 || config_web_check(c) != 0)
		return KITH_EINVAL;
	if (c->role == KITH_ROLE_SUPERNODE && c->listen_v4.port == 0 && c->listen_v6.port == 0)
		return config_refuse(c,
				     config_line(c, "listen") != 0 ? config_line(c, "listen") : config_line(c, "role"),
				     "listen: a supernode needs a fixed port that others can know, such as listen = "
				     "{\"0.0.0.0:4433\"}");
	return 0;
}

int config_read(struct config *c, const char *path)
{
	char *text;
	size_t len;
	memset(c, 0, sizeof *c);
	c->role = KITH_SERVING ? KITH_ROLE_AUTO : KITH_ROLE_LEAF;
	c->presence = KITH_PRESENCE_PUBLIC;
	c->log_level = KITH_LOG_INFO;
	c->ping = c->offload = c->tcp = c->tcp_in = c->port_mapping = c->lan = true;
	if (config_keep(&c->path, path, 0) != NULL)
		return KITH_ENOMEM;
	errno = 0;
	int err = file_read(path, &text, &len);
	if (err != 0)
		return config_refuse(c, 0, "the configuration file cannot be read: %s", file_why(err));
	err = blank_comments(c, text, len);
	if (err == 0)
		err = parse(c, text);
	if (err == 0)
		err = check(c);
	free(text);
	return err;
}

static void list_free(struct config_text *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].s);
}

void config_free(struct config *c)
{
	struct config_text single[] = { c->path,  c->profile, c->chain,	     c->key,  c->passphrase_file,
					c->state, c->control, c->open_label, c->proxy };
	config_web_free(c);
	list_free(single, sizeof single / sizeof single[0]);
	list_free(c->bootstrap, c->bootstrap_n);
	list_free(c->issuers, c->issuers_n);
	list_free(c->revocations, c->revocations_n);
	for (size_t i = 0; i < OPTIONS_N; i++)
		free(c->values[i]);
}
