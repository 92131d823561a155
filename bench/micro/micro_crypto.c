/* How fast the primitives and the handshake are on one core: one JSON line per figure and suite.
 *
 *     micro_crypto [--seconds=S] [--suite=sodium|sim|all] [--json|--text]
 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <popt.h>

#include "base/assert.h"
#include "crypto/noise.h"

#include "sim/suite_sim.h"

enum { PACKET_LEN = 1200, SMALL_LEN = 200, SIGNED_LEN = 300, AD_LEN = 16 };

struct bench {
	const struct kith_suite *suite;
	uint64_t counter;
	uint8_t key[KITH_AEAD_KEY_LEN];
	uint8_t packet[PACKET_LEN + KITH_AEAD_TAG_LEN];
	uint8_t message[SIGNED_LEN], sig[KITH_SIG_LEN];
	uint8_t sign_pk[KITH_KEY_LEN], sign_sk[KITH_SIGN_SK_LEN];
	uint8_t sk[2][KITH_DH_LEN], pk[2][KITH_DH_LEN], shared[KITH_DH_LEN];
	uint8_t e_sk[2][KITH_DH_LEN];
};

static const struct kith_span nothing = { NULL, 0 };

static void seal_open_len(struct bench *b, size_t len)
{
	static const uint8_t ad_bytes[AD_LEN];
	const struct kith_span ad = { ad_bytes, sizeof ad_bytes };
	b->suite->seal(b->packet, b->key, ++b->counter, ad, b->packet, len);
	KITH_ASSERT(b->suite->open(b->packet, b->key, b->counter, ad, b->packet, len + KITH_AEAD_TAG_LEN) == 0);
}

static void run_seal_open(struct bench *b)
{
	seal_open_len(b, PACKET_LEN);
}

static void run_seal_small(struct bench *b)
{
	b->suite->seal(b->packet, b->key, ++b->counter, nothing, b->packet, SMALL_LEN);
}

static void run_dh(struct bench *b)
{
	KITH_ASSERT(b->suite->dh(b->shared, b->sk[0], b->pk[1]) == 0);
}

static void run_dh_public(struct bench *b)
{
	b->suite->dh_public(b->shared, b->sk[0]);
}

static void run_sign(struct bench *b)
{
	const struct kith_span m = { b->message, sizeof b->message };
	kith_sign(b->suite, b->sig, KITH_SIGN_RECORD, m, b->sign_sk);
}

static void run_verify(struct bench *b)
{
	const struct kith_span m = { b->message, sizeof b->message };
	KITH_ASSERT(kith_verify(b->suite, b->sig, KITH_SIGN_RECORD, m, b->sign_pk) == 0);
}

static void run_blake2b(struct bench *b)
{
	const struct kith_span m = { b->message, 64 };
	b->suite->blake2b(b->shared, sizeof b->shared, nothing, &m, 1);
}

static void run_hmac(struct bench *b)
{
	const struct kith_span m = { b->message, 64 }, key = { b->key, sizeof b->key };
	b->suite->hmac(b->shared, key, &m, 1);
}

/* Both sides of an IK handshake up to the transport keys; fresh ephemerals, no payloads, no certificates. */
static void run_handshake(struct bench *b)
{
	struct kith_noise n[2];
	uint8_t msg[128], out[16], tx[2][32], rx[2][32], chain[2][32];
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < 8; k++)
			b->e_sk[i][k] = (uint8_t)(b->counter >> (8 * k));
		kith_noise_init(&n[i], b->suite, i == 0 ? b->pk[1] : NULL, nothing, b->sk[i], b->pk[i]);
	}
	b->counter++;
	for (int step = 0; step < 2; step++) {
		const int len = kith_noise_write(&n[step], msg, sizeof msg, nothing, b->e_sk[step]);
		const struct kith_span m = { msg, (size_t)len };

		KITH_ASSERT(len > 0 && kith_noise_read(&n[1 - step], out, sizeof out, m) == 0);
	}
	for (int i = 0; i < 2; i++) {
		kith_noise_split(&n[i], tx[i], rx[i], chain[i]);
		kith_noise_wipe(&n[i]);
	}
	KITH_ASSERT(memcmp(tx[0], rx[1], sizeof tx[0]) == 0 && memcmp(rx[0], tx[1], sizeof rx[0]) == 0);
}

static const struct {
	const char *name, *unit;
	void (*run)(struct bench *b);
	size_t bytes; /* of payload each, 0 where that says nothing */
} benches[] = {
	{ "seal_open_1200", "packets/s", run_seal_open, PACKET_LEN },
	{ "seal_200", "packets/s", run_seal_small, SMALL_LEN },
	{ "dh", "ops/s", run_dh, 0 },
	{ "dh_public", "ops/s", run_dh_public, 0 },
	{ "sign_300", "ops/s", run_sign, 0 },
	{ "verify_300", "ops/s", run_verify, 0 },
	{ "blake2b_64", "ops/s", run_blake2b, 0 },
	{ "hmac_64", "ops/s", run_hmac, 0 },
	{ "handshake_ik_both_sides", "handshakes/s", run_handshake, 0 },
};

static double cpu_seconds(void)
{
	struct timespec ts;
	/* CPU time, so that another process on the core does not count. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void bench_init(struct bench *b, const struct kith_suite *suite)
{
	memset(b, 0, sizeof *b);
	b->suite = suite;
	memset(b->key, 7, sizeof b->key);
	for (uint8_t i = 0; i < 2; i++) {
		memset(b->sk[i], 0x31 + i, sizeof b->sk[i]);
		memset(b->e_sk[i], 0x41 + i, sizeof b->e_sk[i]);
		suite->dh_public(b->pk[i], b->sk[i]);
	}
	suite->sign_keypair(b->sign_pk, b->sign_sk, b->sk[0]);
	run_sign(b);
}

/* Runs for about that long, in rounds that double, so that reading the clock costs nothing. Returns the seconds
 * taken. */
static double measure(struct bench *b, void (*run)(struct bench *b), double seconds, uint64_t *times)
{
	const double start = cpu_seconds();
	double taken = 0;
	uint64_t round = 1;
	*times = 0;
	while (taken < seconds) {
		for (uint64_t i = 0; i < round; i++)
			run(b);
		*times += round;
		taken = cpu_seconds() - start;
		if (taken < seconds / 4)
			round *= 2;
	}
	return taken;
}

static void report(const struct kith_suite *suite, double seconds, bool text)
{
	struct bench b;
	bench_init(&b, suite);
	for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
		uint64_t times;
		const double taken = measure(&b, benches[i].run, seconds, &times);
		const double rate = (double)times / taken;
		const double gbit = rate * (double)benches[i].bytes * 8 / 1e9;

		if (text)
			printf("%-8s %-26s %14.0f %-12s %10.1f ns\n", suite->name, benches[i].name, rate,
			       benches[i].unit, 1e9 / rate);
		else
			printf("{\"bench\":\"crypto\",\"suite\":\"%s\",\"name\":\"%s\",\"unit\":\"%s\",\"rate\":%.0f,"
			       "\"ns\":%.1f,\"gbit_per_s\":%.3f,\"times\":%" PRIu64 ",\"cpu_s\":%.3f}\n",
			       suite->name, benches[i].name, benches[i].unit, rate, 1e9 / rate, gbit, times, taken);
		fflush(stdout);
	}
}

int main(int argc, const char **argv)
{
	double seconds = 1.0;
	const char *which = "all";
	int json = 1, text = 0;
	const struct poptOption options[] = {
		{ "seconds", 's', POPT_ARG_DOUBLE | POPT_ARGFLAG_SHOW_DEFAULT, &seconds, 0, "CPU time for each figure",
		  "S" },
		{ "suite", 0, POPT_ARG_STRING | POPT_ARGFLAG_SHOW_DEFAULT, &which, 0, "sodium, sim or all", "NAME" },
		{ "json", 0, POPT_ARG_NONE, &json, 0, "one JSON object per line (the default)", NULL },
		{ "text", 0, POPT_ARG_NONE, &text, 0, "a table instead", NULL },
		POPT_AUTOHELP POPT_TABLEEND
	};
	const struct kith_suite *suites[] = { kith_suite_sodium(), kith_suite_sim() };
	poptContext ctx = poptGetContext("micro_crypto", argc, argv, options, 0);
	const int opt = poptGetNextOpt(ctx);
	bool any = false;
	if (opt < -1 || poptPeekArg(ctx) != NULL || seconds <= 0) {
		if (opt < -1)
			fprintf(stderr, "%s: %s\n", poptBadOption(ctx, 0), poptStrerror(opt));
		poptPrintUsage(ctx, stderr, 0);
		poptFreeContext(ctx);
		return 2;
	}
	if (kith_suite_sodium_init() != 0) {
		fprintf(stderr, "libsodium cannot be initialised\n");
		poptFreeContext(ctx);
		return 1;
	}
	for (size_t i = 0; i < 2; i++) {
		if (strcmp(which, "all") == 0 || strcmp(which, suites[i]->name) == 0) {
			report(suites[i], seconds, text != 0);
			any = true;
		}
	}
	if (!any)
		fprintf(stderr, "no such suite: %s\n", which);
	poptFreeContext(ctx);
	return any ? 0 : 2;
}
