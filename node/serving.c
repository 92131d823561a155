#include "serving.h"

#include <string.h>

void serving_options(const struct serving *s, enum kith_role role, struct kith_node_options *o)
{
	bool super = role == KITH_ROLE_SUPERNODE;
	o->role = role;
	o->terms = s->terms;
	o->endpoints_n = super ? s->listening_n : s->advertised_n;
	memcpy(o->endpoints, super ? s->listening : s->advertised, sizeof o->endpoints);
}

static const char *why_not(const struct serving *s, int err)
{
	if (err == KITH_EACCES)
		return "the name is not certified as a supernode: kith ca issue --supernode; with role = auto it "
		       "serves when supernodes ask it for help";
	if (err == KITH_ENOTSUP)
		return "this kithd is built without serving (KITH_BUILD_SERVING): its role can only be leaf";
	if (err == KITH_EINVAL && s->listening_n == 0)
		return "others must know where to reach it: advertise = {\"address:port\"}";
	if (err == KITH_ESTATE)
		return "the node does not run yet, or not any more";
	return kith_strerror(err);
}

int serving_set(struct serving *s, struct kith_node *node, enum kith_role role, const char **why)
{
	struct kith_node_options o;
	kith_node_options_init(&o);
	serving_options(s, role, &o);
	int err = kith_node_set_role(node, &o);
	if (err == 0)
		s->role = role;
	else
		*why = why_not(s, err);
	return err;
}

const char *role_text(enum kith_role role)
{
	switch (role) {
	case KITH_ROLE_LEAF:
		return "leaf";
	case KITH_ROLE_SUPERNODE:
		return "supernode";
	case KITH_ROLE_AUTO:
		return "auto";
	}
	return "unknown";
}

bool serving_word(const char *word, enum kith_role *role)
{
	static const struct {
		const char *word;
		enum kith_role role;
	} words[] = { { "on", KITH_ROLE_SUPERNODE }, { "off", KITH_ROLE_LEAF }, { "auto", KITH_ROLE_AUTO } };
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(words[i].word, word) != 0)
			continue;
		*role = words[i].role;
		return true;
	}
	return false;
}

/* ---- in status ---- */

static json_t *cap_json(uint64_t cap)
{
	return cap == 0 ? json_null() : json_integer((json_int_t)cap);
}

static json_t *endpoints_json(const struct kith_role_info *info)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < info->endpoints_n; i++) {
		const struct kith_own_endpoint *own = &info->endpoints[i];
		char addr[KITH_ADDR_TEXT_MAX];
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b}", "address",
						      kith_addr_format(&own->at.addr, addr), "carrier",
						      kith_transport_kind_name(own->at.kind), "found_by_others",
						      own->found, "failing", own->failing));
	}
	return list;
}

/* null: the node does not have itself attested. */
static json_t *attested_json(const struct kith_role_info *info)
{
	if (info->attestations == 0)
		return json_null();
	return json_pack("{s:i, s:I, s:I, s:I}", "attestations", (int)info->attestations, "up",
			 (json_int_t)info->measured_up, "down", (json_int_t)info->measured_down, "seen_s",
			 (json_int_t)(info->seen_us / KITH_US_PER_S));
}

json_t *describe_serving(const struct kith_role_info *info)
{
	json_t *caps = json_pack("{s:I, s:I, s:o, s:o, s:o}", "leaves", (json_int_t)info->leaves_max, "relay_rate",
				 (json_int_t)info->relay_rate, "up", cap_json(info->terms.up_max), "down",
				 cap_json(info->terms.down_max), "memory", cap_json(info->terms.memory_max));
	return json_pack(
		"{s:s, s:b, s:s, s:s, s:I, s:b, s:s, s:f, s:b, s:b, s:o, s:o, s:o, s:I}", "role", role_text(info->role),
		"serves", info->serving, "why", kith_role_reason_name(info->why), "reason",
		kith_role_reason_text(info->why), "since_s", (json_int_t)(info->since_us / KITH_US_PER_S), "asked",
		info->asked, "last_change", kith_role_reason_name(info->changed), "load", (double)info->load / 1000.0,
		"on_battery", (info->hindrances & KITH_HINDRANCE_BATTERY) != 0, "metered",
		(info->hindrances & KITH_HINDRANCE_METERED) != 0, "caps", caps, "endpoints", endpoints_json(info),
		"attested", attested_json(info), "election_pace", (json_int_t)info->election_pace);
}
