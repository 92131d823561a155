#include "describe.h"

#include "commands.h"
#include "serving.h"

static json_t *key_json(const struct kith_key *key)
{
	char text[KITH_KEY_TEXT_LEN + 1];
	return json_string(kith_key_format(key->b, text));
}

static json_t *addr_json(const struct kith_addr *addr)
{
	char text[KITH_ADDR_TEXT_MAX];
	return addr->family == KITH_FAMILY_NONE ? json_null() : json_string(kith_addr_format(addr, text));
}

static json_t *ms_json(kith_time_us us)
{
	return us <= 0 ? json_null() : json_real((double)us / 1000.0);
}

const char *path_kind_text(enum kith_path_class kind)
{
	switch (kind) {
	case KITH_PATH_CLASS_DIRECT:
		return "direct";
	case KITH_PATH_CLASS_RELAY:
		return "relay";
	case KITH_PATH_CLASS_TURN:
		return "turn";
	}
	return "unknown";
}

json_t *describe_path(const struct kith_path_info *path)
{
	return json_pack("{s:s, s:o, s:b, s:b, s:o, s:I}", "kind", path_kind_text(path->kind), "address",
			 addr_json(&path->remote), "sending", path->sending, "alive", path->alive, "rtt_ms",
			 ms_json(path->rtt_us), "heard_ms_ago", (json_int_t)(path->heard_us / KITH_US_PER_MS));
}

json_t *describe_paths(const struct kith_conn *conn)
{
	struct kith_path_info paths[PATHS_SHOWN_MAX];
	size_t n = kith_conn_paths(conn, paths, PATHS_SHOWN_MAX);
	json_t *list = json_array();
	for (size_t i = 0; i < n && i < PATHS_SHOWN_MAX; i++)
		json_array_append_new(list, describe_path(&paths[i]));
	return list;
}

json_t *describe_session(const struct kith_session_info *who)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:b, s:b}", "name", who->name, "service", who->service, "identity",
			 key_json(&who->identity), "device", key_json(&who->device), "we_called", who->initiator,
			 "open", who->open);
}

json_t *describe_device(const struct kith_found_device *device)
{
	json_t *homes = json_array();
	for (unsigned i = 0; i < device->homes_n && i < sizeof device->homes / sizeof device->homes[0]; i++)
		json_array_append_new(homes, addr_json(&device->homes[i].addr));
	return json_pack("{s:o, s:o, s:b, s:o, s:I, s:I}", "device", key_json(&device->device), "identity",
			 key_json(&device->identity), "online", device->online, "homes", homes, "sequence",
			 (json_int_t)device->seq, "expires", (json_int_t)(device->expires_ms / 1000));
}

static json_t *counters_json(const struct kith_stats *stats)
{
	json_t *all = json_object();
	for (unsigned i = 0; i < KITH_STAT_MAX; i++)
		if (stats->counter[i] != 0)
			json_object_set_new(all, kith_stat_name(i), json_integer((json_int_t)stats->counter[i]));
	return all;
}

static const char *state_text(enum kith_node_state state, bool connecting)
{
	switch (state) {
	case KITH_NODE_NEW:
		return "new";
	case KITH_NODE_STARTING:
		return "starting";
	case KITH_NODE_RUNNING:
		return connecting ? "connecting" : "running";
	case KITH_NODE_FAILED:
		return "failed";
	case KITH_NODE_CLOSING:
		return "leaving";
	case KITH_NODE_CLOSED:
		return "closed";
	}
	return "unknown";
}

enum { BOOTSTRAP_SHOWN_MAX = 64 };

static json_t *bootstrap_json(const struct kith_node *node)
{
	struct kith_bootstrap_info entries[BOOTSTRAP_SHOWN_MAX];
	json_t *list = json_array();
	size_t n = kith_node_bootstrap(node, entries, BOOTSTRAP_SHOWN_MAX);
	for (size_t i = 0; i < n && i < BOOTSTRAP_SHOWN_MAX; i++)
		json_array_append_new(list, json_pack("{s:s, s:i, s:o}", "host", entries[i].where, "addresses",
						      (int)entries[i].addrs_n, "error",
						      entries[i].err != 0 ? json_string(kith_strerror(entries[i].err))
									  : json_null()));
	return list;
}

/* Why a leaf has no home; null while it has one, or it is too early to tell. */
static json_t *homeless_json(const struct kith_node_info *info)
{
	const struct kith_homeless *h = &info->core.homeless;
	if (h->err == 0)
		return json_null();
	return json_pack("{s:s, s:s, s:I, s:I}", "code", kith_err_name(h->err), "why", info->homeless_why, "known",
			 (json_int_t)h->hosts, "silent", (json_int_t)h->silent);
}

static json_t *nat_json(const struct kith_nat_info *nat)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:i}", "mapping", nat->mapping, "allocation",
			 nat->allocation, "step", (int)nat->step, "port_low", (int)nat->port_low, "port_high",
			 (int)nat->port_high, "filtering", nat->filtering, "hairpin", nat->hairpin, "lifetime",
			 (int)nat->lifetime_s);
}

/* A leaf without a home, or a supernode that was told of others and knows none. */
static bool is_connecting(const struct kith_node *node, const struct kith_node_info *info)
{
	if (!info->serving.serving)
		return info->core.homes == 0;
	return info->core.members <= 1 && kith_node_bootstrap(node, NULL, 0) > 0;
}

static json_t *mapping_json(const struct kith_node *node)
{
	static const char *const states[] = { "off", "missing", "asking", "mapped", "useless", "refused" };
	struct kith_portmap_info info;
	if (kith_node_portmap(node, &info) != 0)
		return json_null();
	return json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:s}", "state", states[info.state], "by",
			 kith_portmap_method_name(info.method), "udp", addr_json(&info.udp), "tcp",
			 addr_json(&info.tcp), "expires", (json_int_t)(info.expires_ms / 1000), "lies",
			 (json_int_t)info.lies, "why", info.why);
}

static json_t *turn_json(const struct kith_node *node)
{
	struct kith_turn_info info;
	if (kith_node_turn(node, &info) != 0 || info.state == KITH_TURN_OFF)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:o, s:i, s:I, s:I, s:o}", "state", kith_turn_state_name(info.state),
			 "server", addr_json(&info.server), "relayed", addr_json(&info.relayed), "expires_in_ms",
			 info.state == KITH_TURN_RELAYED ? json_integer((json_int_t)info.expires_in_ms) : json_null(),
			 "permissions", (int)info.permissions, "bad", (json_int_t)info.bad, "full",
			 (json_int_t)info.full, "error", info.err != 0 ? json_string(info.why) : json_null());
}

json_t *describe_node(const struct kith_node *node)
{
	struct kith_node_info info;
	struct kith_addr addrs[8];
	char network[KITH_KEY_TEXT_LEN + 1];
	json_t *homes = json_array();
	kith_node_info(node, &info);
	size_t n = kith_node_homes(node, addrs, sizeof addrs / sizeof addrs[0]);
	for (size_t i = 0; i < n && i < sizeof addrs / sizeof addrs[0]; i++)
		json_array_append_new(homes, addr_json(&addrs[i]));
	json_t *kinds = json_array();
	uint8_t kind[sizeof addrs / sizeof addrs[0]];
	n = kith_node_home_kinds(node, kind, sizeof kind);
	for (size_t i = 0; i < n && i < sizeof kind; i++)
		json_array_append_new(kinds, json_string(kith_transport_kind_name(kind[i])));
	json_t *tables = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sessions", (json_int_t)info.core.sessions,
				   "leaves", (json_int_t)info.core.leaves, "supernodes", (json_int_t)info.core.members,
				   "sectors", (json_int_t)info.core.sectors, "tunnels", (json_int_t)info.core.tunnels,
				   "records", (json_int_t)info.core.records, "watches", (json_int_t)info.core.watches);
	json_t *stun = json_pack("{s:I, s:I, s:I}", "answers", (json_int_t)info.stun_answers, "limited",
				 (json_int_t)info.stun_limited, "too_short", (json_int_t)info.stun_too_short);
	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:s, s:i, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, "
			 "s:o, s:o, s:o, s:o}",
			 "state", state_text(info.state, is_connecting(node, &info)), "role",
			 info.serving.serving ? "supernode" : "leaf", "serving", describe_serving(&info.serving),
			 "name", info.name, "identity", key_json(&info.identity), "device", key_json(&info.device),
			 "network", kith_key_format(info.network.b, network), "port", (int)info.port, "ipv4", info.v4,
			 "ipv6", info.v6, "observed_address", addr_json(&info.core.observed), "nat",
			 nat_json(&info.core.nat), "homes", homes, "homeless", homeless_json(&info), "bootstrap",
			 bootstrap_json(node), "tables", tables, "stun", stun, "clock_trusted", info.clock_trusted,
			 "counters", counters_json(kith_node_stats(node)), "mapping", mapping_json(node),
			 "home_carriers", kinds, "turn", turn_json(node));
}

enum { LOGS_MAX = 64 };

static json_t *head_json(struct kith_span head)
{
	char text[1024];
	int n = kith_armor_encode(text, sizeof text, KITH_ARMOR_LOG_HEAD, head);
	return n > 0 ? json_stringn(text, (size_t)n) : json_null();
}

static json_t *log_json(const struct kith_log_info *log)
{
	struct kith_certlog_head head;
	char root[KITH_KEY_TEXT_LEN + 1];
	if (kith_certlog_head_parse(&head, log->head) != 0)
		return NULL;
	json_t *forked = json_array();
	for (int i = 0; log->forked[0].len > 0 && i < 2; i++)
		json_array_append_new(forked, head_json(log->forked[i]));
	return json_pack("{s:o, s:I, s:I, s:s, s:o, s:o}", "issuer", key_json(&log->issuer), "size",
			 (json_int_t)head.size, "time", (json_int_t)(head.time_ms / 1000), "root",
			 kith_key_format(head.root.b, root), "head", head_json(log->head), "forked", forked);
}

json_t *describe_logs(const struct kith_node *node)
{
	struct kith_log_info logs[LOGS_MAX];
	json_t *list = json_array();
	size_t n = kith_node_logs(node, logs, LOGS_MAX);
	for (size_t i = 0; i < n && i < LOGS_MAX; i++) {
		json_t *log = log_json(&logs[i]);
		if (log != NULL)
			json_array_append_new(list, log);
	}
	return list;
}
