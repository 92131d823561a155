/* Certificates, chains and lists in words, for the command line and for logs of an operator. One "field: value" per
 * line. Nothing is verified: what is printed is what the bytes claim. */
#include <stdarg.h>
#include <stdio.h>

#include "identity/cert.h"
#include "identity/certlog.h"
#include "identity/challenge.h"

struct text {
	char *out;
	size_t cap, len;
	bool cut;
};

enum { DATE_TEXT_MAX = 48, RANGES_SHOWN_MAX = 32 };

KITH_PRINTF(2, 3)
static void add(struct text *t, const char *fmt, ...)
{
	va_list args;
	size_t space = t->cap - t->len;
	va_start(args, fmt);
	int n = vsnprintf(t->out + t->len, space, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= space) {
		t->cut = true;
		t->len = t->cap - 1;
		return;
	}
	t->len += (size_t)n;
}

/* "2026-01-31 23:59:59Z" of unix seconds; civil calendar from days, as in H. Hinnant's "chrono-compatible low-level
 * date algorithms". */
static const char *date(int64_t unix_s, char out[DATE_TEXT_MAX])
{
	int64_t days = unix_s / 86400 + 719468, s = unix_s % 86400; /* days since 0000-03-01 */
	int64_t era = days / 146097, doe = days % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
	int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
	(void)snprintf(out, DATE_TEXT_MAX, "%lld-%02d-%02d %02d:%02d:%02dZ", (long long)year, (int)month, (int)day,
		       (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
	return out;
}

static void add_key(struct text *t, const char *field, const uint8_t key[32])
{
	char text[KITH_KEY_TEXT_LEN + 1];
	add(t, "%s: %s\n", field, kith_key_format(key, text));
}

static void add_hex(struct text *t, const char *field, const uint8_t *p, size_t len)
{
	add(t, "%s: ", field);
	for (size_t i = 0; i < len; i++)
		add(t, "%02x", p[i]);
	add(t, "\n");
}

static void add_validity(struct text *t, int64_t from_s, int64_t to_s)
{
	char text[DATE_TEXT_MAX];
	add(t, "not before: %s\n", date(from_s, text));
	add(t, "expires: %s\n", date(to_s, text));
}

static void add_issuer(struct text *t, const struct kith_issuer_cert *c)
{
	add(t, "type: issuer certificate\n");
	add_key(t, "issuer key", c->issuer.b);
	add(t, "serial: %llu\n", (unsigned long long)c->serial);
	add_validity(t, c->not_before_s, c->expires_s);
	add(t, "names: %s\n", c->constraint[0] != '\0' ? c->constraint : "any");
	add(t, "supernodes: %s\n", (c->flags & KITH_ISSUER_SUPERNODES) != 0 ? "yes" : "no");
}

static void add_name(struct text *t, const struct kith_name_cert *c)
{
	add(t, "type: name certificate\n");
	add(t, "name: %s\n", c->name);
	add_key(t, "identity key", c->identity.b);
	add_hex(t, "issuer id", c->issuer_id, KITH_ISSUER_ID_LEN);
	add(t, "serial: %llu\n", (unsigned long long)c->serial);
	add_validity(t, c->not_before_s, c->expires_s);
	add_hex(t, "placement", c->placement, KITH_PLACEMENT_LEN);
	add(t, "supernode: %s\n", (c->flags & KITH_NAME_SUPERNODE) != 0 ? "yes" : "no");
}

static void add_device(struct text *t, const struct kith_device_cert *c)
{
	add(t, "type: device certificate\n");
	add_key(t, "x25519 key", c->dh.b);
	add_key(t, "ed25519 key", c->sign.b);
	add_validity(t, c->not_before_s, c->expires_s);
}

static void add_chain(struct text *t, const struct kith_chain *c)
{
	static const char *const kinds[] = { "", "full", "issuer by id", "open network" };
	add(t, "type: chain\n");
	add(t, "kind: %s\n", kinds[c->kind]);
	add_hex(t, "network", c->network, sizeof c->network);
	if (c->kind == KITH_CHAIN_OPEN)
		add_key(t, "identity key", c->identity.b);
	if (c->kind == KITH_CHAIN_FULL)
		add_issuer(t, &c->issuer);
	if (c->kind != KITH_CHAIN_OPEN)
		add_name(t, &c->name);
	add_device(t, &c->device);
}

static void add_devices(struct text *t, const struct kith_devices *list)
{
	add(t, "type: device list\n");
	add(t, "number: %llu\n", (unsigned long long)list->number);
	add(t, "tags: %u\n", list->n);
	for (size_t i = 0; i < list->n; i++)
		add_hex(t, "tag", list->tags + i * KITH_DEVICE_TAG_LEN, KITH_DEVICE_TAG_LEN);
}

static void add_revocation(struct text *t, const struct kith_revocation *list)
{
	char text[DATE_TEXT_MAX];
	add(t, "type: revocation list\n");
	add(t, "signer: %s\n", list->signer == KITH_REVOKED_BY_ROOT ? "root" : "issuer");
	add_hex(t, "signer id", list->signer_id, KITH_ISSUER_ID_LEN);
	add(t, "number: %llu\n", (unsigned long long)list->number);
	add(t, "issued: %s\n", date(list->issued_s, text));
	add(t, "next update: %s\n", date(list->next_update_s, text));
	add(t, "ranges: %u\n", list->ranges_n);
	for (size_t i = 0; i < list->ranges_n && i < RANGES_SHOWN_MAX; i++) {
		struct kith_serial_range range = kith_revocation_range(list, i);
		add(t, "serials: %llu-%llu\n", (unsigned long long)range.first, (unsigned long long)range.last);
	}
	add(t, "keys: %u\n", list->keys_n);
	for (size_t i = 0; i < list->keys_n && i < RANGES_SHOWN_MAX; i++)
		add_key(t, "key", list->keys + i * KITH_KEY_LEN);
}

static void add_enrol(struct text *t, const struct kith_enrol *request)
{
	add(t, "type: enrolment request\n");
	add(t, "name: %s\n", request->name);
	add_key(t, "identity key", request->identity.b);
	add_key(t, "network id", request->network.b);
	add_hex(t, "issuer id", request->issuer_id, KITH_ISSUER_ID_LEN);
	add_hex(t, "nonce", request->nonce, KITH_NONCE_LEN);
	add(t, "supernode: %s\n", (request->flags & KITH_NAME_SUPERNODE) != 0 ? "yes" : "no");
}

static void add_log_head(struct text *t, const struct kith_certlog_head *head)
{
	char text[DATE_TEXT_MAX];
	add(t, "type: log head\n");
	add_hex(t, "issuer id", head->issuer_id, KITH_ISSUER_ID_LEN);
	add(t, "size: %llu\n", (unsigned long long)head->size);
	add_key(t, "root", head->root.b);
	add(t, "made: %s\n", date(head->time_ms / 1000, text));
}

static void add_params(struct text *t, const struct kith_params *p)
{
	char text[DATE_TEXT_MAX];
	add(t, "type: network parameters\n");
	add_hex(t, "network id", p->network, KITH_ISSUER_ID_LEN);
	add(t, "number: %llu\n", (unsigned long long)p->number);
	add(t, "issued: %s\n", date(p->issued_s, text));
	add(t, "supernodes: %s\n",
	    p->eligible == KITH_ELIGIBLE_ALL ? "certified ones, and others that elect themselves"
					     : "certified ones only");
}

static int describe(struct text *t, struct kith_span object)
{
	union {
		struct kith_issuer_cert issuer;
		struct kith_name_cert name;
		struct kith_device_cert device;
		struct kith_chain chain;
		struct kith_devices devices;
		struct kith_revocation revocation;
		struct kith_enrol enrol;
		struct kith_certlog_head log_head;
		struct kith_params params;
	} u;
	int err = KITH_EPROTO;

/* Parses as one kind of object and, if it is one, describes it. */
#define DESCRIBE(type, member, parse, add_it)                                                                          \
	if (object.p[1] == (uint8_t)(type)) {                                                                          \
		err = parse(&u.member, object);                                                                        \
		if (err == 0)                                                                                          \
			add_it(t, &u.member);                                                                          \
	}
	DESCRIBE(KITH_OBJECT_ISSUER, issuer, kith_issuer_cert_parse, add_issuer)
	DESCRIBE(KITH_OBJECT_NAME, name, kith_name_cert_parse, add_name)
	DESCRIBE(KITH_OBJECT_DEVICE, device, kith_device_cert_parse, add_device)
	DESCRIBE(KITH_OBJECT_CHAIN, chain, kith_chain_parse, add_chain)
	DESCRIBE(KITH_OBJECT_DEVICES, devices, kith_devices_parse, add_devices)
	DESCRIBE(KITH_OBJECT_REVOCATION, revocation, kith_revocation_parse, add_revocation)
	DESCRIBE(KITH_OBJECT_ENROL, enrol, kith_enrol_parse, add_enrol)
	DESCRIBE(KITH_OBJECT_LOG_HEAD, log_head, kith_certlog_head_parse, add_log_head)
	DESCRIBE(KITH_OBJECT_PARAMS, params, kith_params_parse, add_params)
#undef DESCRIBE
	return err;
}

int kith_identity_describe(struct kith_span object, char *out, size_t cap)
{
	struct text t = { out, cap, 0, false };
	if (cap == 0)
		return KITH_EMSGSIZE;
	out[0] = '\0';
	if (object.p == NULL || object.len < KITH_OBJECT_HEADER_LEN)
		return KITH_EPROTO;
	int err = describe(&t, object);
	if (err != 0)
		return err;
	return t.cut ? KITH_EMSGSIZE : (int)t.len;
}
