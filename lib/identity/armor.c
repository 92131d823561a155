/* Armour: objects and key files as text that survives mail, terminals and configuration files. Standard base64 in
 * lines of 64 between BEGIN and END lines. Decoding is strict about alphabet and padding, and forgiving about line
 * ends. */
#include <string.h>

#include <kith/identity.h>

enum { LINE_LEN = 64, BYTES_PER_LINE = 48 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char begin_mark[] = "-----BEGIN KITH ", end_mark[] = "-----END KITH ", rest_mark[] = "-----";

static const char *const labels[] = {
#define KITH_ARMOR_LABEL(name, label) label,
	KITH_ARMOR_MAP(KITH_ARMOR_LABEL)
#undef KITH_ARMOR_LABEL
};

enum { LABELS = sizeof labels / sizeof labels[0] };

size_t kith_armor_size(enum kith_armor kind, size_t len)
{
	size_t chars = (len + 2) / 3 * 4, lines = (len + BYTES_PER_LINE - 1) / BYTES_PER_LINE;
	size_t marks = strlen(begin_mark) + strlen(end_mark) + 2 * (strlen(labels[kind]) + strlen(rest_mark) + 1);
	return marks + chars + lines + 1;
}

static char *put(char *out, const char *text)
{
	while (*text != '\0')
		*out++ = *text++;
	return out;
}

static char *put_mark(char *out, const char *mark, enum kith_armor kind)
{
	return put(put(put(put(out, mark), labels[kind]), rest_mark), "\n");
}

int kith_armor_encode(char *out, size_t cap, enum kith_armor kind, struct kith_span bytes)
{
	if ((size_t)kind >= LABELS || cap < kith_armor_size(kind, bytes.len))
		return KITH_EMSGSIZE;
	char *p = put_mark(out, begin_mark, kind);
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t v = (uint32_t)bytes.p[i] << 16;
		if (left > 1)
			v |= (uint32_t)bytes.p[i + 1] << 8;
		if (left > 2)
			v |= bytes.p[i + 2];
		*p++ = alphabet[v >> 18];
		*p++ = alphabet[v >> 12 & 63];
		*p++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
		*p++ = left > 2 ? alphabet[v & 63] : '=';
		if ((i + 3) % BYTES_PER_LINE == 0 || left <= 3)
			*p++ = '\n';
	}
	p = put_mark(p, end_mark, kind);
	*p = '\0';
	return (int)(p - out);
}

static int value_of(char c)
{
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
	return at != NULL ? (int)(at - alphabet) : -1;
}

/* Where the text "mark" stands in [p, end), or NULL. */
static const char *find(const char *p, const char *end, const char *mark)
{
	size_t len = strlen(mark);
	for (; (size_t)(end - p) >= len; p++)
		if (memcmp(p, mark, len) == 0)
			return p;
	return NULL;
}

/* Skips "mark LABEL-----" at p; NULL if it is not there. */
static const char *skip_mark(const char *p, const char *end, const char *mark, size_t kind)
{
	const char *const parts[] = { mark, labels[kind], rest_mark };
	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(parts[i]);
		if ((size_t)(end - p) < len || memcmp(p, parts[i], len) != 0)
			return NULL;
		p += len;
	}
	return p;
}

/* Base64 between two marks. Every byte string has one encoding but for white space. */
static int decode(uint8_t *out, size_t cap, const char *p, const char *end)
{
	size_t n = 0, digits = 0, pads = 0;
	uint32_t v = 0;
	for (; p < end; p++) {
		if (*p == '\n' || *p == '\r' || *p == ' ' || *p == '\t')
			continue;
		int value = *p == '=' ? 0 : value_of(*p);
		if (value < 0 || (pads > 0 && (*p != '=' || digits == 0)))
			return KITH_EPROTO;
		if (*p == '=' && (++pads > 2 || digits < 2))
			return KITH_EPROTO;
		v = v << 6 | (uint32_t)value;
		if (++digits < 4)
			continue;
		size_t bytes = 3 - pads;
		if ((pads == 1 && (v & 0xff) != 0) || (pads == 2 && (v & 0xffff) != 0))
			return KITH_EPROTO;
		if (cap - n < bytes)
			return KITH_EMSGSIZE;
		for (size_t i = 0; i < bytes; i++)
			out[n++] = (uint8_t)(v >> (16 - 8 * i));
		digits = 0;
		v = 0;
	}
	return digits == 0 ? (int)n : KITH_EPROTO;
}

int kith_armor_decode(enum kith_armor *kind, uint8_t *out, size_t cap, const char *text, size_t len, size_t *used)
{
	const char *end = text + len, *begin = find(text, end, begin_mark), *body = NULL;
	size_t label = 0;
	if (begin == NULL)
		return KITH_ENOENT;
	for (size_t i = 0; i < LABELS && body == NULL; i++) {
		body = skip_mark(begin, end, begin_mark, i);
		label = i;
	}
	if (body == NULL)
		return KITH_EPROTO;
	const char *close = find(body, end, rest_mark);
	const char *after = close != NULL ? skip_mark(close, end, end_mark, label) : NULL;
	if (after == NULL)
		return KITH_EPROTO;
	int n = decode(out, cap, body, close);
	if (n < 0)
		return n;
	if (after < end && *after == '\r')
		after++;
	if (after < end && *after == '\n')
		after++;
	*kind = (enum kith_armor)label;
	if (used != NULL)
		*used = (size_t)(after - text);
	return n;
}
