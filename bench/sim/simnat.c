#include "sim/simnat.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "net/draw.h"
#include "net/nat.h"

#define WEIGHT_MAX 1000000u

const char *kith_simnat_name(unsigned kind)
{
	return kind == KITH_SIMNAT_OPEN ? "open" : kith_nat_preset_name(kind - 1);
}

static bool is_named(unsigned kind, const char *name)
{
	const char *has = kith_simnat_name(kind);
	return has != NULL && strcmp(has, name) == 0;
}

bool kith_simnat_blocked(unsigned kind)
{
	return is_named(kind, "blocked-udp") || is_named(kind, "tcp443-only");
}

bool kith_simnat_is_cgn(unsigned kind)
{
	return is_named(kind, "cgn");
}

/* KITH_SIMNAT_KINDS_MAX if there is none. */
static unsigned find_kind(const char *name, size_t len)
{
	if (len == 9 && memcmp(name, "symmetric", len) == 0)
		return find_kind("symmetric-random", 16);
	for (unsigned i = 0; i < KITH_SIMNAT_KINDS_MAX && kith_simnat_name(i) != NULL; i++) {
		if (strlen(kith_simnat_name(i)) == len && memcmp(kith_simnat_name(i), name, len) == 0)
			return i;
	}
	return KITH_SIMNAT_KINDS_MAX;
}

void kith_simnat_mix_init(struct kith_simnat_mix *mix)
{
	int err = kith_simnat_mix_parse(mix, "open=3,full-cone=10,restricted=7,port-restricted=45,symmetric-random=7,"
					     "symmetric-sequential=5,symmetric-block=3,linux-masquerade=10,cgn=10");
	KITH_ASSERT(err == 0);
}

/* One "kind=weight"; the rest in *text, past the comma. */
static int parse_one(struct kith_simnat_mix *mix, uint32_t *seen, const char **text)
{
	const char *p = *text;
	size_t len = strcspn(p, "=,");
	unsigned kind = find_kind(p, len);
	uint32_t weight = 0;
	if (kind == KITH_SIMNAT_KINDS_MAX || p[len] != '=' || (*seen >> kind & 1) != 0)
		return KITH_EINVAL;
	p += len + 1;
	if (*p < '0' || *p > '9')
		return KITH_EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		weight = weight * 10 + (uint32_t)(*p - '0');
		if (weight > WEIGHT_MAX)
			return KITH_EINVAL;
	}
	if (*p == ',' && p[1] != '\0')
		p++;
	else if (*p != '\0')
		return KITH_EINVAL;
	*seen |= 1u << kind;
	mix->weight[kind] = weight;
	*text = p;
	return 0;
}

int kith_simnat_mix_parse(struct kith_simnat_mix *mix, const char *text)
{
	uint32_t seen = 0, sum = 0;
	memset(mix, 0, sizeof *mix);
	do {
		if (parse_one(mix, &seen, &text) != 0)
			return KITH_EINVAL;
	} while (*text != '\0');
	for (unsigned i = 0; i < KITH_SIMNAT_KINDS_MAX; i++)
		sum += mix->weight[i];
	return sum > 0 ? 0 : KITH_EINVAL;
}

const char *kith_simnat_mix_format(const struct kith_simnat_mix *mix, char *out, size_t cap)
{
	size_t used = 0;
	KITH_ASSERT(cap > 0);
	out[0] = '\0';
	for (unsigned i = 0; i < KITH_SIMNAT_KINDS_MAX; i++) {
		if (mix->weight[i] == 0)
			continue;
		int n = snprintf(out + used, cap - used, "%s%s=%u", used > 0 ? "," : "", kith_simnat_name(i),
				 mix->weight[i]);
		if (n < 0 || (size_t)n >= cap - used)
			break;
		used += (size_t)n;
	}
	return out;
}

static uint32_t sum_of(const struct kith_simnat_mix *mix)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < KITH_SIMNAT_KINDS_MAX; i++)
		sum += mix->weight[i];
	return sum;
}

double kith_simnat_share(const struct kith_simnat_mix *mix, unsigned a, unsigned b)
{
	const double sum = sum_of(mix);
	return (a == b ? 1 : 2) * (mix->weight[a] / sum) * (mix->weight[b] / sum);
}

unsigned kith_simnat_pick(const struct kith_simnat_mix *mix, uint64_t draw)
{
	uint32_t at = kith_draw_below(draw, sum_of(mix));
	for (unsigned i = 0; i < KITH_SIMNAT_KINDS_MAX; i++) {
		if (at < mix->weight[i])
			return i;
		at -= mix->weight[i];
	}
	KITH_ASSERT(false);
	return 0;
}

unsigned kith_simnat_turn(const struct kith_simnat_mix *mix, uint32_t n)
{
	unsigned kinds[KITH_SIMNAT_KINDS_MAX], kinds_n = 0;
	for (unsigned i = 0; i < KITH_SIMNAT_KINDS_MAX; i++) {
		if (mix->weight[i] > 0)
			kinds[kinds_n++] = i;
	}
	KITH_ASSERT(kinds_n > 0);
	return kinds[n % kinds_n];
}
