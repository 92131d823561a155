#include "expiry.h"

#include <string.h>
#include <time.h>

static int64_t day(int64_t s)
{
	return s - s % SECONDS_PER_DAY;
}

int64_t valid_from(void)
{
	return day((int64_t)time(NULL));
}

int64_t valid_until(int days)
{
	return day((int64_t)time(NULL) + SECONDS_PER_DAY - 1) + (int64_t)days * SECONDS_PER_DAY;
}

static void narrow(struct chain_end *end, int64_t expires_s, const char *which)
{
	if (end->which != NULL && end->expires_s <= expires_s)
		return;
	end->expires_s = expires_s;
	end->which = which;
}

/* The latest certificate of that issuer: a newer one replaces those before it. */
static int64_t issuer_end(const uint8_t id[KITH_ISSUER_ID_LEN], const struct kith_span issuers[], size_t n)
{
	struct kith_issuer_cert cert;
	uint8_t its[KITH_ISSUER_ID_LEN];
	int64_t latest = 0;
	for (size_t i = 0; i < n; i++) {
		if (kith_issuer_cert_parse(&cert, issuers[i]) != 0)
			continue;
		kith_issuer_id(its, &cert.issuer);
		if (memcmp(its, id, sizeof its) == 0 && cert.expires_s > latest)
			latest = cert.expires_s;
	}
	return latest;
}

struct chain_end chain_end(struct kith_span bytes, const struct kith_span issuers[], size_t n)
{
	struct chain_end end = { 0, NULL };
	struct kith_chain chain;
	if (bytes.p == NULL || kith_chain_parse(&chain, bytes) != 0)
		return end;
	narrow(&end, chain.device.expires_s, "device");
	if (chain.kind != KITH_CHAIN_OPEN)
		narrow(&end, chain.name.expires_s, "name");
	if (chain.kind == KITH_CHAIN_FULL)
		narrow(&end, chain.issuer.expires_s, "issuer");
	int64_t issuer_s = chain.kind == KITH_CHAIN_BY_ID ? issuer_end(chain.name.issuer_id, issuers, n) : 0;
	if (issuer_s > 0)
		narrow(&end, issuer_s, "issuer");
	return end;
}

int64_t chain_days(const struct chain_end *end)
{
	int64_t left_s = end->expires_s - (int64_t)time(NULL);
	return left_s >= 0 ? left_s / SECONDS_PER_DAY : -1 - (-left_s - 1) / SECONDS_PER_DAY;
}

bool chain_ends_soon(const struct chain_end *end)
{
	return end->which != NULL && chain_days(end) < EXPIRY_DAYS;
}

const char *chain_advice(const struct chain_end *end)
{
	if (strcmp(end->which, "device") == 0)
		return "certify the device anew (kith id renew), and reload kithd";
	if (strcmp(end->which, "name") == 0)
		return "ask the issuer for a new grant (kith ca invite, id request, ca issue, id accept), "
		       "and reload kithd";
	return "the network needs a new issuer (kith ca renew), "
	       "then this name a new grant (kith ca invite, id request, ca issue, id accept)";
}

json_t *describe_end(const struct chain_end *end)
{
	if (end->which == NULL)
		return json_null();
	return json_pack("{s:I, s:s, s:I, s:b, s:s?}", "expires", (json_int_t)end->expires_s, "first", end->which,
			 "days", (json_int_t)chain_days(end), "soon", chain_ends_soon(end), "advice",
			 chain_ends_soon(end) ? chain_advice(end) : NULL);
}
