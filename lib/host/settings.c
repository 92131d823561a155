/* Options and callbacks by name, on the heap: for bindings of other languages, which know no layout of ours. */
#include "host/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

/* ---- options ---- */

enum kind { FLAG, U16, U32, U64, SIZE, TIME, TEXT, ROLE, PRESENCE, CONSENT, ROOT, ADDR, BOOTSTRAP, TURN, ENDPOINT };

#define OPTION(name, kind)                                                                                             \
	{                                                                                                              \
#name, kind, offsetof(struct kith_node_options, name)                                                  \
	}

/* A member of terms, by its own name. */
#define TERM(name, kind)                                                                                               \
	{                                                                                                              \
#name, kind, offsetof(struct kith_node_options, terms.name)                                            \
	}

static const struct option {
	const char *name;
	enum kind kind;
	size_t at;
} options[] = {
	OPTION(role, ROLE),
	TERM(consent, CONSENT),
	TERM(on_battery, FLAG),
	TERM(on_metered, FLAG),
	TERM(leaves_max, U32),
	TERM(up_max, U64),
	TERM(down_max, U64),
	TERM(memory_max, U64),
	OPTION(root, ROOT),
	OPTION(open_label, TEXT),
	OPTION(key_path, TEXT),
	OPTION(chain_path, TEXT),
	OPTION(passphrase_path, TEXT),
	OPTION(state_dir, TEXT),
	OPTION(port, U16),
	OPTION(listen_tcp, U16),
	OPTION(no_tcp, FLAG),
	OPTION(proxy, TEXT),
	OPTION(web_listen, ADDR),
	OPTION(web_certificate, TEXT),
	OPTION(web_key, TEXT),
	OPTION(web_path, TEXT),
	OPTION(web_trust, TEXT),
	OPTION(no_port_mapping, FLAG),
	OPTION(no_lan, FLAG),
	OPTION(no_tcp_in, FLAG),
	OPTION(no_v4, FLAG),
	OPTION(no_v6, FLAG),
	OPTION(bind_v4, ADDR),
	OPTION(bind_v6, ADDR),
	{ "endpoint", ENDPOINT, 0 },
	OPTION(bootstrap, BOOTSTRAP),
	OPTION(turn, TURN),
	OPTION(driven, FLAG),
	OPTION(allow_loopback, FLAG),
	OPTION(no_offload, FLAG),
	OPTION(answer_strangers, FLAG),
	OPTION(presence, PRESENCE),
	OPTION(stun, FLAG),
	OPTION(sessions_max, U32),
	OPTION(tunnels_max, U32),
	OPTION(relay_rate, U64),
	OPTION(relay_owner_rate, U64),
	OPTION(stream_window_max, U32),
	OPTION(session_window_max, U32),
	OPTION(windows_max, SIZE),
	OPTION(leave_us, TIME),
	OPTION(linger_us, TIME),
	OPTION(election_pace, U32),
};

struct kith_node_options *kith_node_options_new(void)
{
	const struct kith_alloc *alloc = kith_system_alloc();
	struct kith_node_options *o = KITH_NEW(alloc, struct kith_node_options);
	if (o != NULL)
		kith_node_options_init(o);
	return o;
}

void kith_node_options_free(struct kith_node_options *o)
{
	const struct kith_alloc *alloc = kith_system_alloc();
	if (o == NULL)
		return;
	kith_node_options_deinit(o);
	KITH_FREE(alloc, o);
}

static int set_flag(bool *out, const char *value)
{
	bool yes = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
	if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return KITH_EINVAL;
	*out = yes;
	return 0;
}

/* Digits only. */
static bool number(const char *value, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	if (*value == '\0')
		return false;
	for (const char *c = value; *c != '\0'; c++) {
		uint64_t digit = (uint64_t)(*c - '0');
		if (*c < '0' || *c > '9' || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

static int set_number(void *out, enum kind kind, const char *value)
{
	static const uint64_t most[] = {
		[U16] = UINT16_MAX, [U32] = UINT32_MAX, [U64] = UINT64_MAX, [SIZE] = SIZE_MAX, [TIME] = INT64_MAX
	};
	uint64_t n;
	if (!number(value, most[kind], &n))
		return KITH_EINVAL;
	if (kind == U16)
		*(uint16_t *)out = (uint16_t)n;
	else if (kind == U32)
		*(uint32_t *)out = (uint32_t)n;
	else if (kind == SIZE)
		*(size_t *)out = (size_t)n;
	else if (kind == TIME)
		*(kith_time_us *)out = (kith_time_us)n;
	else
		*(uint64_t *)out = n;
	return 0;
}

static int set_text(struct kith_profile *p, const char **out, const char *value)
{
	const char *kept = kith_profile_keep(p, value);
	if (kept == NULL)
		return KITH_ENOMEM;
	*out = kept;
	return 0;
}

/* An address alone, or with a port that is ignored. */
static int set_addr(struct kith_addr *out, const char *value)
{
	char text[KITH_ADDR_TEXT_MAX + 8];
	if (kith_addr_parse(out, value) == 0)
		return 0;
	int n = snprintf(text, sizeof text, strchr(value, ':') != NULL ? "[%s]:1" : "%s:1", value);
	if (n < 0 || (size_t)n >= sizeof text)
		return KITH_EINVAL;
	return kith_addr_parse(out, text);
}

/* One more in a list of n, which kept (max texts) holds from then on. */
static int add_text(struct kith_profile *p, const char *const **list, size_t *n, const char *kept[], size_t max,
		    const char *value)
{
	if (*n >= max)
		return KITH_EFULL;
	for (size_t i = 0; *list != kept && i < *n; i++) /* the application's own, until now */
		kept[i] = (*list)[i];
	int err = set_text(p, &kept[*n], value);
	if (err != 0)
		return err;
	*list = kept;
	(*n)++;
	return 0;
}

static int add_bootstrap(struct kith_node_options *o, struct kith_profile *p, const char *value)
{
	if (!kith_bootstrap_valid(value))
		return KITH_EINVAL;
	int err = add_text(p, &o->bootstrap, &o->bootstrap_n, p->lines, KITH_RESOLVE_ENTRIES_MAX, value);
	p->lines_n = err == 0 ? o->bootstrap_n : p->lines_n;
	return err;
}

static int add_turn(struct kith_node_options *o, struct kith_profile *p, const char *value)
{
	if (!kith_turn_valid(value))
		return KITH_EINVAL;
	return add_text(p, &o->turn, &o->turn_n, p->turn, KITH_TURN_SERVERS_MAX, value);
}

static int add_endpoint(struct kith_node_options *o, const char *value)
{
	struct kith_addr addr;
	if (o->endpoints_n == sizeof o->endpoints / sizeof o->endpoints[0])
		return KITH_EFULL;
	int err = kith_addr_parse(&addr, value);
	if (err == 0)
		o->endpoints[o->endpoints_n++] = kith_endpoint_udp(&addr);
	return err;
}

/* Its place, or -1. */
static int find_text(const char *const texts[], int n, const char *value)
{
	for (int i = 0; i < n; i++)
		if (texts[i] != NULL && strcmp(texts[i], value) == 0)
			return i;
	return -1;
}

static int set_role(enum kith_role *out, const char *value)
{
	static const char *const texts[] = {
		[KITH_ROLE_LEAF] = "leaf", [KITH_ROLE_SUPERNODE] = "supernode", [KITH_ROLE_AUTO] = "auto"
	};
	int role = find_text(texts, KITH_ROLE_AUTO + 1, value);
	if (role >= 0)
		*out = (enum kith_role)role;
	return role >= 0 ? 0 : KITH_EINVAL;
}

static int set_presence(enum kith_presence *out, const char *value)
{
	static const char *const texts[] = { [KITH_PRESENCE_STEPS] = "steps",
					     [KITH_PRESENCE_PUBLIC] = "public",
					     [KITH_PRESENCE_CONTACTS] = "contacts" };
	int presence = find_text(texts, KITH_PRESENCE_CONTACTS + 1, value);
	if (presence >= 0)
		*out = (enum kith_presence)presence;
	return presence >= 0 ? 0 : KITH_EINVAL;
}

static int set_consent(enum kith_consent *out, const char *value)
{
	static const char *const texts[] = {
		[KITH_CONSENT_ASK] = "ask", [KITH_CONSENT_YES] = "yes", [KITH_CONSENT_NO] = "no"
	};
	int consent = find_text(texts, KITH_CONSENT_NO + 1, value);
	if (consent >= 0)
		*out = (enum kith_consent)consent;
	return consent >= 0 ? 0 : KITH_EINVAL;
}

static int set_root(struct kith_node_options *o, const char *value)
{
	int err = kith_key_parse(o->root.b, value);
	o->has_root = o->has_root || err == 0;
	return err;
}

static int set(struct kith_node_options *o, struct kith_profile *p, const struct option *option, const char *value)
{
	void *out = (uint8_t *)o + option->at;
	switch (option->kind) {
	case FLAG:
		return set_flag(out, value);
	case U16:
	case U32:
	case U64:
	case SIZE:
	case TIME:
		return set_number(out, option->kind, value);
	case TEXT:
		return set_text(p, out, value);
	case ROLE:
		return set_role(out, value);
	case PRESENCE:
		return set_presence(out, value);
	case CONSENT:
		return set_consent(out, value);
	case ROOT:
		return set_root(o, value);
	case ADDR:
		return set_addr(out, value);
	case BOOTSTRAP:
		return add_bootstrap(o, p, value);
	case TURN:
		return add_turn(o, p, value);
	case ENDPOINT:
		return add_endpoint(o, value);
	}
	return KITH_EINVAL;
}

int kith_node_options_set(struct kith_node_options *o, const char *name, const char *value)
{
	if (o == NULL || o->size < sizeof *o || name == NULL || value == NULL)
		return KITH_EINVAL;
	struct kith_profile *p = kith_profile_of(o);
	if (p == NULL)
		return KITH_ENOMEM;
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (strcmp(options[i].name, name) == 0)
			return set(o, p, &options[i], value);
	return KITH_ENOENT;
}

int kith_node_options_set_loop(struct kith_node_options *o, struct uv_loop_s *loop)
{
	if (o == NULL)
		return KITH_EINVAL;
	o->loop = loop;
	return 0;
}

int kith_node_options_set_log(struct kith_node_options *o,
			      void (*sink)(void *ctx, enum kith_log_level level, const char *line), void *ctx,
			      enum kith_log_level level, bool clear)
{
	if (o == NULL || sink == NULL)
		return KITH_EINVAL;
	struct kith_profile *p = kith_profile_of(o);
	if (p == NULL)
		return KITH_ENOMEM;
	p->log = (struct kith_log){ .sink = sink, .ctx = ctx, .level = level, .clear = clear };
	o->log = &p->log;
	return 0;
}

int kith_node_options_set_passphrase(struct kith_node_options *o, kith_passphrase_fn fn, void *ctx)
{
	if (o == NULL)
		return KITH_EINVAL;
	o->passphrase = fn;
	o->passphrase_ctx = ctx;
	return 0;
}

/* ---- callbacks ---- */

struct row {
	const char *name;
	size_t at;
};

#define ROW(type, member)                                                                                              \
	{                                                                                                              \
#member, offsetof(struct type, member)                                                                 \
	}
/* Every member of the struct has its row. */
#define WHOLE(rows, type)                                                                                              \
	KITH_STATIC_ASSERT(sizeof(rows) / sizeof((rows)[0]) * sizeof(kith_any_fn) + sizeof(size_t) ==                  \
				   sizeof(struct type),                                                                \
			   "a callback has no row")

static const struct row node_rows[] = {
	ROW(kith_node_callbacks, started),	 ROW(kith_node_callbacks, attached),
	ROW(kith_node_callbacks, published),	 ROW(kith_node_callbacks, incoming),
	ROW(kith_node_callbacks, presence),	 ROW(kith_node_callbacks, identity_changed),
	ROW(kith_node_callbacks, cert_expiring), ROW(kith_node_callbacks, trouble),
	ROW(kith_node_callbacks, role),		 ROW(kith_node_callbacks, asked),
};
WHOLE(node_rows, kith_node_callbacks);

static const struct row conn_rows[] = {
	ROW(kith_conn_callbacks, opened),      ROW(kith_conn_callbacks, path_changed),
	ROW(kith_conn_callbacks, datagram),    ROW(kith_conn_callbacks, writable),
	ROW(kith_conn_callbacks, stream),      ROW(kith_conn_callbacks, closed),
	ROW(kith_conn_callbacks, interrupted), ROW(kith_conn_callbacks, resumed),
	ROW(kith_conn_callbacks, early),
};
WHOLE(conn_rows, kith_conn_callbacks);

static const struct row stream_rows[] = {
	ROW(kith_stream_callbacks, readable), ROW(kith_stream_callbacks, writable), ROW(kith_stream_callbacks, fin),
	ROW(kith_stream_callbacks, reset),    ROW(kith_stream_callbacks, stopped),  ROW(kith_stream_callbacks, closed),
};
WHOLE(stream_rows, kith_stream_callbacks);

static void *make(size_t size)
{
	void *cb = kith_alloc_zero(kith_system_alloc(), size);
	if (cb != NULL)
		memcpy(cb, &size, sizeof size);
	return cb;
}

static void discard(void *cb, size_t size)
{
	if (cb != NULL)
		kith_alloc_free(kith_system_alloc(), cb, size);
}

static int set_callback(void *cb, const struct row rows[], size_t n, const char *name, kith_any_fn fn)
{
	if (cb == NULL || name == NULL)
		return KITH_EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		memcpy((uint8_t *)cb + rows[i].at, &fn, sizeof fn);
		return 0;
	}
	return KITH_ENOENT;
}

struct kith_node_callbacks *kith_node_callbacks_new(void)
{
	return make(sizeof(struct kith_node_callbacks));
}

void kith_node_callbacks_free(struct kith_node_callbacks *cb)
{
	discard(cb, sizeof *cb);
}

int kith_node_callbacks_set(struct kith_node_callbacks *cb, const char *name, kith_any_fn fn)
{
	return set_callback(cb, node_rows, sizeof node_rows / sizeof node_rows[0], name, fn);
}

struct kith_conn_callbacks *kith_conn_callbacks_new(void)
{
	return make(sizeof(struct kith_conn_callbacks));
}

void kith_conn_callbacks_free(struct kith_conn_callbacks *cb)
{
	discard(cb, sizeof *cb);
}

int kith_conn_callbacks_set(struct kith_conn_callbacks *cb, const char *name, kith_any_fn fn)
{
	return set_callback(cb, conn_rows, sizeof conn_rows / sizeof conn_rows[0], name, fn);
}

struct kith_stream_callbacks *kith_stream_callbacks_new(void)
{
	return make(sizeof(struct kith_stream_callbacks));
}

void kith_stream_callbacks_free(struct kith_stream_callbacks *cb)
{
	discard(cb, sizeof *cb);
}

int kith_stream_callbacks_set(struct kith_stream_callbacks *cb, const char *name, kith_any_fn fn)
{
	return set_callback(cb, stream_rows, sizeof stream_rows / sizeof stream_rows[0], name, fn);
}
