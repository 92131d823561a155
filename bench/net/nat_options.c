/* Options of a NAT: defaults, the presets by name, and what makes sense together. */
#include "net/nat.h"

#include <string.h>

enum { ENTRIES_MAX_HOME = 4096 }; /* home routers hold 1,024 to 16,384 flows */
#define ENTRIES_MAX_CGN (1u << 20) /* a carrier's box, for a few thousand subscribers */
#define TIMEOUT_UDP_US (120 * KITH_US_PER_S) /* RFC 4787 REQ-5: at least two minutes */
#define TIMEOUT_TCP_US (7440 * KITH_US_PER_S) /* RFC 5382 REQ-5: at least two hours and four minutes */
#define TIMEOUT_UNREPLIED_US (30 * KITH_US_PER_S) /* nf_conntrack_udp_timeout */

struct preset {
	const char *name;
	enum kith_nat_dependence mapping, filtering;
	enum kith_nat_allocation allocation;
};

/* clang-format off */
static const struct preset presets[] = {
	{ "full-cone", KITH_NAT_INDEPENDENT, KITH_NAT_INDEPENDENT, KITH_NAT_PRESERVE },
	{ "restricted", KITH_NAT_INDEPENDENT, KITH_NAT_ADDRESS, KITH_NAT_PRESERVE },
	{ "port-restricted", KITH_NAT_INDEPENDENT, KITH_NAT_ADDRESS_PORT, KITH_NAT_PRESERVE },
	{ "symmetric-random", KITH_NAT_ADDRESS_PORT, KITH_NAT_ADDRESS_PORT, KITH_NAT_RANDOM },
	{ "symmetric-sequential", KITH_NAT_ADDRESS_PORT, KITH_NAT_ADDRESS_PORT, KITH_NAT_SEQUENTIAL },
	{ "symmetric-block", KITH_NAT_ADDRESS_PORT, KITH_NAT_ADDRESS_PORT, KITH_NAT_BLOCK },
	{ "blocked-udp", KITH_NAT_INDEPENDENT, KITH_NAT_ADDRESS_PORT, KITH_NAT_PRESERVE },
	{ "tcp443-only", KITH_NAT_INDEPENDENT, KITH_NAT_ADDRESS_PORT, KITH_NAT_PRESERVE },
	{ "linux-masquerade", KITH_NAT_ADDRESS_PORT, KITH_NAT_ADDRESS_PORT, KITH_NAT_PRESERVE },
	{ "cgn", KITH_NAT_INDEPENDENT, KITH_NAT_ADDRESS_PORT, KITH_NAT_BLOCK },
};
/* clang-format on */

#define PRESETS_N (sizeof presets / sizeof presets[0])

void kith_nat_options_init(struct kith_nat_options *o)
{
	memset(o, 0, sizeof *o);
	o->mapping = KITH_NAT_INDEPENDENT;
	o->filtering = KITH_NAT_ADDRESS_PORT;
	o->allocation = KITH_NAT_PRESERVE;
	o->pooling = KITH_NAT_PAIRED;
	o->port_min = 1024;
	o->port_max = 65535;
	o->sequential_step = 1;
	o->block_len = 512;
	o->external_n = 1;
	o->entries_max = ENTRIES_MAX_HOME;
	o->timeout_us = TIMEOUT_UDP_US;
	o->tcp_timeout_us = TIMEOUT_TCP_US;
	o->wan_input_drop = true;
}

int kith_nat_options_preset(struct kith_nat_options *o, const char *name)
{
	size_t i = 0;
	while (i < PRESETS_N && strcmp(presets[i].name, name) != 0)
		i++;
	if (i == PRESETS_N)
		return KITH_ENOENT;
	kith_nat_options_init(o);
	o->mapping = presets[i].mapping;
	o->filtering = presets[i].filtering;
	o->allocation = presets[i].allocation;
	if (strcmp(name, "blocked-udp") == 0 || strcmp(name, "tcp443-only") == 0)
		o->udp_blocked = true;
	if (strcmp(name, "tcp443-only") == 0)
		o->tcp_port_only = 443;
	if (strcmp(name, "linux-masquerade") == 0) {
		o->port_overload = true;
		o->inbound_refresh = true;
		o->unreplied_timeout_us = TIMEOUT_UNREPLIED_US;
	}
	if (strcmp(name, "cgn") == 0) {
		o->entries_max = ENTRIES_MAX_CGN;
		o->hairpin = true; /* RFC 6888 makes RFC 4787, and so REQ-9, binding for carriers */
	}
	return 0;
}

const char *kith_nat_preset_name(unsigned n)
{
	return n < PRESETS_N ? presets[n].name : NULL;
}

int kith_nat_options_check(const struct kith_nat_options *o)
{
	if (o->port_min == 0 || o->port_min > o->port_max || o->sequential_step == 0 || o->external_n == 0)
		return KITH_EINVAL;
	if (o->entries_max < KITH_NAT_ENTRIES_MIN || o->timeout_us <= 0 || o->tcp_timeout_us <= 0 ||
	    o->unreplied_timeout_us < 0)
		return KITH_EINVAL;
	if (o->allocation == KITH_NAT_BLOCK &&
	    (o->block_len == 0 || o->block_len > (uint32_t)o->port_max - o->port_min + 1))
		return KITH_EINVAL;
	/* Without the remote in it, an external port that two mappings share would be ambiguous. */
	if (o->port_overload && (o->mapping != KITH_NAT_ADDRESS_PORT || o->filtering != KITH_NAT_ADDRESS_PORT))
		return KITH_EINVAL;
	return 0;
}

const char *kith_nat_result_text(enum kith_nat_result r)
{
	static const char *const text[KITH_NAT_RESULTS_N] = {
#define RESULT_TEXT(name, words) [KITH_NAT_##name] = (words),
		KITH_NAT_RESULT_MAP(RESULT_TEXT)
#undef RESULT_TEXT
	};
	return (unsigned)r < KITH_NAT_RESULTS_N ? text[r] : "unknown";
}
