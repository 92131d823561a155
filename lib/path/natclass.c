#include "path/natclass.h"

#include <stdio.h>

#include <kith/err.h>

#define KITH_NATCLASS_WORD(name, text) text,
static const char *const mappings[] = { KITH_NATCLASS_MAPPING_MAP(KITH_NATCLASS_WORD) };
static const char *const filterings[] = { KITH_NATCLASS_FILTERING_MAP(KITH_NATCLASS_WORD) };
static const char *const allocations[] = { KITH_NATCLASS_ALLOCATION_MAP(KITH_NATCLASS_WORD) };
static const char *const hairpins[] = { KITH_NATCLASS_HAIRPIN_MAP(KITH_NATCLASS_WORD) };
#undef KITH_NATCLASS_WORD

/* The fields in the order of the wire. */
static const struct field {
	const char *name;
	const char *const *words; /* NULL: a number */
	uint8_t words_n;
	uint8_t len;
	uint8_t offset;
} fields[] = {
	{ "mapping", mappings, KITH_NATCLASS_MAPPINGS, 1, offsetof(struct kith_natclass, mapping) },
	{ "filtering", filterings, KITH_NATCLASS_FILTERINGS, 1, offsetof(struct kith_natclass, filtering) },
	{ "allocation", allocations, KITH_NATCLASS_ALLOCATIONS, 1, offsetof(struct kith_natclass, allocation) },
	{ "hairpin", hairpins, KITH_NATCLASS_HAIRPINS, 1, offsetof(struct kith_natclass, hairpin) },
	{ "hops", NULL, 0, 1, offsetof(struct kith_natclass, hops) },
	{ "step", NULL, 0, 2, offsetof(struct kith_natclass, step) },
	{ "low", NULL, 0, 2, offsetof(struct kith_natclass, port_low) },
	{ "high", NULL, 0, 2, offsetof(struct kith_natclass, port_high) },
	{ "lifetime", NULL, 0, 2, offsetof(struct kith_natclass, lifetime_s) },
};

enum { FIELDS = sizeof fields / sizeof fields[0] };

static uint16_t get(const struct kith_natclass *c, const struct field *f)
{
	const uint8_t *at = (const uint8_t *)c + f->offset;
	uint16_t v = *at;
	if (f->len == sizeof v)
		memcpy(&v, at, sizeof v);
	return v;
}

static void set(struct kith_natclass *c, const struct field *f, uint16_t v)
{
	uint8_t *at = (uint8_t *)c + f->offset;
	if (f->len == sizeof v)
		memcpy(at, &v, sizeof v);
	else
		*at = (uint8_t)v;
}

bool kith_natclass_equal(const struct kith_natclass *a, const struct kith_natclass *b)
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (get(a, &fields[i]) != get(b, &fields[i]))
			return false;
	}
	return true;
}

void kith_natclass_write(struct kith_writer *w, const struct kith_natclass *c)
{
	size_t known = FIELDS;
	uint8_t len = 0;
	while (known > 0 && get(c, &fields[known - 1]) == 0)
		known--;
	for (size_t i = 0; i < known; i++)
		len = (uint8_t)(len + fields[i].len);
	kith_write_u8(w, len);
	for (size_t i = 0; i < known; i++) {
		if (fields[i].len == 1)
			kith_write_u8(w, (uint8_t)get(c, &fields[i]));
		else
			kith_write_u16(w, get(c, &fields[i]));
	}
}

void kith_natclass_read(struct kith_reader *r, struct kith_natclass *out)
{
	memset(out, 0, sizeof *out);
	struct kith_reader inner = kith_reader_of_span(kith_read_span(r, kith_read_u8(r)));
	for (size_t i = 0; i < FIELDS && kith_reader_left(&inner) >= fields[i].len; i++) {
		uint16_t v = (uint16_t)kith_read_uint(&inner, fields[i].len);
		if (fields[i].words == NULL || v < fields[i].words_n)
			set(out, &fields[i], v);
	}
}

const char *kith_natclass_mapping_text(const struct kith_natclass *c)
{
	return mappings[c->mapping < KITH_NATCLASS_MAPPINGS ? c->mapping : 0];
}

const char *kith_natclass_allocation_text(const struct kith_natclass *c)
{
	return allocations[c->allocation < KITH_NATCLASS_ALLOCATIONS ? c->allocation : 0];
}

const char *kith_natclass_filtering_text(const struct kith_natclass *c)
{
	return filterings[c->filtering < KITH_NATCLASS_FILTERINGS ? c->filtering : 0];
}

const char *kith_natclass_hairpin_text(const struct kith_natclass *c)
{
	return hairpins[c->hairpin < KITH_NATCLASS_HAIRPINS ? c->hairpin : 0];
}

const char *kith_natclass_format(const struct kith_natclass *c, char out[KITH_NATCLASS_TEXT_MAX])
{
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < FIELDS; i++) {
		uint16_t v = get(c, &fields[i]);
		const char *blank = n > 0 ? " " : "";
		if (v == 0)
			continue;
		if (fields[i].words != NULL)
			n += (size_t)snprintf(out + n, KITH_NATCLASS_TEXT_MAX - n, "%s%s=%s", blank, fields[i].name,
					      v < fields[i].words_n ? fields[i].words[v] : "?");
		else
			n += (size_t)snprintf(out + n, KITH_NATCLASS_TEXT_MAX - n, "%s%s=%u", blank, fields[i].name,
					      (unsigned)v);
	}
	if (n == 0)
		(void)snprintf(out, KITH_NATCLASS_TEXT_MAX, "%s", "unknown");
	return out;
}

/* The value of the len characters at s, or 0: no field has a word for "unknown". */
static uint16_t value_of(const struct field *f, const char *s, size_t len)
{
	for (uint16_t i = 1; i < f->words_n; i++) {
		if (strlen(f->words[i]) == len && memcmp(f->words[i], s, len) == 0)
			return i;
	}
	unsigned v = 0;
	for (size_t i = 0; f->words == NULL && i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || v > UINT16_MAX)
			return 0;
		v = 10 * v + (unsigned)(s[i] - '0');
	}
	return v <= (f->len == 1 ? UINT8_MAX : UINT16_MAX) ? (uint16_t)v : 0;
}

static const struct field *field_of(const char *s, size_t len)
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (strlen(fields[i].name) == len && memcmp(fields[i].name, s, len) == 0)
			return &fields[i];
	}
	return NULL;
}

int kith_natclass_parse(struct kith_natclass *out, const char *text)
{
	struct kith_natclass c = { 0 };
	const char *s = text;
	if (text == NULL)
		return KITH_EINVAL;
	while (strcmp(text, "unknown") != 0) {
		size_t name = strcspn(s, "= "), len;
		const struct field *f = s[name] == '=' ? field_of(s, name) : NULL;
		if (f == NULL || get(&c, f) != 0)
			return KITH_EINVAL;
		s += name + 1;
		len = strcspn(s, " ");
		uint16_t v = value_of(f, s, len);
		if (v == 0)
			return KITH_EINVAL;
		set(&c, f, v);
		s += len;
		if (*s++ == '\0')
			break;
	}
	*out = c;
	return 0;
}
