#include "support.h"

#include "base/addr.h"
#include "overlay/hostcache.h"

static const uint64_t seed[2] = { 1, 2 };
static struct test_alloc mem;
static struct test_random rnd;
static struct kith_blobs blobs;
static struct kith_hostcache hc;
static struct kith_now now;
static uint8_t file[KITH_HOSTCACHE_FILE_MAX], file2[KITH_HOSTCACHE_FILE_MAX];

static int setup(void **state)
{
	(void)state;
	test_alloc_init(&mem);
	test_random_init(&rnd, 3);
	kith_blobs_init(&blobs, &mem.alloc, 1000, seed);
	kith_hostcache_init(&hc, &mem.alloc, &blobs);
	now = (struct kith_now){ 0, 1000000, true };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_hostcache_deinit(&hc);
	kith_blobs_deinit(&blobs);
	test_alloc_check(&mem);
	return 0;
}

/* Host n in the /16 number prefix. */
static struct kith_host host_in(uint32_t n, uint8_t prefix)
{
	struct kith_host h = { .endpoints_n = 1 };
	h.dh.b[0] = 1;
	h.dh.b[30] = (uint8_t)(n >> 8);
	h.dh.b[31] = (uint8_t)n;
	h.endpoints[0].kind = KITH_TRANSPORT_UDP;
	h.endpoints[0].addr = (struct kith_addr){ .family = KITH_FAMILY_V4,
						  .port = 4500,
						  .ip = { 30, prefix, (uint8_t)(n >> 8), (uint8_t)n } };
	return h;
}

static struct kith_host host(uint32_t n)
{
	return host_in(n, (uint8_t)n);
}

static int add(const struct kith_host *h, uint32_t source, uint8_t flags)
{
	return kith_hostcache_add(&hc, h, source, flags);
}

static int add_n(uint32_t n, uint32_t source)
{
	struct kith_host h = host(n);
	return add(&h, source, 0);
}

static int find_n(uint32_t n)
{
	struct kith_host h = host(n);
	return kith_hostcache_find(&hc, &h.dh);
}

static const uint8_t ann[KITH_HOME_TAG_LEN] = { 1 }, ben[KITH_HOME_TAG_LEN] = { 2 };

/* What the author says in his entry of that number. */
static int take(const struct kith_host *h, uint64_t seq, const uint8_t author[KITH_HOME_TAG_LEN])
{
	struct kith_member_entry e = { .seq = seq, .device = h->dh, .endpoints_n = h->endpoints_n };
	memcpy(e.endpoints, h->endpoints, sizeof h->endpoints);
	return kith_hostcache_take(&hc, &e, author, 5);
}

static bool is_at(const struct kith_host *h)
{
	struct kith_host back;
	kith_hostcache_get(&hc, kith_hostcache_find(&hc, &h->dh), &back);
	return back.endpoints_n == h->endpoints_n && kith_endpoint_equal(&back.endpoints[0], &h->endpoints[0]);
}

static void a_host_is_kept_once_and_its_own_newer_entry_changes_its_addresses(void **state)
{
	(void)state;
	struct kith_host h = host(7), moved = host(7), back;
	assert_int_equal(take(&h, 10, ann), 0);
	moved.endpoints[0].addr.ip[3] = 99;
	moved.endpoints_n = 2;
	moved.endpoints[1] = (struct kith_endpoint){ { .family = KITH_FAMILY_V6, .port = 8, .ip = { 0x20, 1 } },
						     KITH_TRANSPORT_TLS,
						     0 };
	assert_int_equal(take(&moved, 10, ann), KITH_EEXIST);
	assert_int_equal(take(&moved, 9, ann), KITH_EEXIST);
	assert_true(is_at(&h));
	assert_int_equal(take(&moved, 11, ann), 0);
	assert_int_equal(hc.n, 1);
	assert_true(is_at(&moved));
	kith_hostcache_get(&hc, 0, &back);
	assert_true(kith_endpoint_equal(&back.endpoints[1], &moved.endpoints[1]));
}

static void what_nobody_signed_changes_nothing(void **state)
{
	(void)state;
	struct kith_host h = host(7), said = host(7);
	said.endpoints[0].addr.ip[3] = 99;
	assert_int_equal(take(&h, 10, ann), 0);
	assert_int_equal(add(&said, 5, 0), 0);
	assert_true(is_at(&h));
	kith_hostcache_failed(&hc, 0, 0, &rnd.random, KITH_ETIMEDOUT);
	assert_int_equal(add(&said, 5, 0), 0);
	assert_true(is_at(&h));
}

/* Anybody can have somebody else's X25519 key certified beside an Ed25519 key of his own. */
static void who_signs_for_the_key_of_another_changes_nothing_that_works(void **state)
{
	(void)state;
	struct kith_host h = host(7), lie = host(7);
	lie.endpoints[0].addr.ip[3] = 66;
	assert_int_equal(take(&h, 10, ann), 0);
	assert_int_equal(take(&lie, 11, ben), KITH_EACCES);
	kith_hostcache_succeeded(&hc, 0, &now);
	kith_hostcache_failed(&hc, 0, 0, &rnd.random, KITH_ETIMEDOUT); /* a line that is down: not its fault */
	assert_int_equal(take(&lie, 12, ben), KITH_EACCES);
	assert_true(is_at(&h));
}

static void who_signed_first_for_the_key_of_another_gives_way_when_it_does_not_work(void **state)
{
	(void)state;
	struct kith_host h = host(7), lie = host(7);
	lie.endpoints[0].addr.ip[3] = 66;
	assert_int_equal(take(&lie, 99, ben), 0);
	assert_int_equal(take(&h, 10, ann), KITH_EACCES);
	kith_hostcache_failed(&hc, 0, 0, &rnd.random, KITH_ETIMEDOUT);
	assert_int_equal(take(&h, 10, ann), 0);
	assert_true(is_at(&h));
	/* Or when the handshake says whose key it is. */
	struct kith_host second = host(8);
	lie = host(8);
	lie.endpoints[0].addr.ip[3] = 66;
	assert_int_equal(take(&lie, 99, ben), 1);
	assert_int_equal(kith_hostcache_learn(&hc, 1, &second.dh, ann), 0);
	assert_int_equal(take(&lie, 100, ben), KITH_EACCES);
	assert_int_equal(take(&second, 10, ann), 1);
	assert_true(is_at(&second));
}

static void a_host_without_a_key_is_kept_once(void **state)
{
	(void)state;
	struct kith_host h = host(7);
	assert_int_equal(add(&h, 5, 0), 0);
	h.endpoints[0].addr.port = 0;
	assert_int_equal(add(&h, 6, 0), KITH_EINVAL);
	h = host(8);
	memset(&h.dh, 0, sizeof h.dh);
	assert_int_equal(add(&h, 0, 0), KITH_EINVAL);
	assert_int_equal(add(&h, 0, KITH_HOST_BOOTSTRAP), 1);
	assert_int_equal(add(&h, 0, KITH_HOST_BOOTSTRAP), 1);
	assert_int_equal(hc.n, 2);
}

static void a_bootstrap_host_learns_its_key(void **state)
{
	(void)state;
	struct kith_host h = host(1), other = host(2);
	struct kith_key key = h.dh;
	memset(&h.dh, 0, sizeof h.dh);
	int i = add(&h, 0, KITH_HOST_BOOTSTRAP);
	assert_int_equal(kith_hostcache_learn(&hc, i, &key, ann), 0);
	assert_int_equal(kith_hostcache_find(&hc, &key), i);
	assert_int_equal(kith_hostcache_learn(&hc, i, &key, ann), 0);
	assert_int_equal(add(&h, 0, KITH_HOST_BOOTSTRAP), i); /* the configuration again: the key stays */
	assert_int_equal(kith_hostcache_find(&hc, &key), i);
	/* Another bootstrap address turns out to be the same supernode. */
	memset(&other.dh, 0, sizeof other.dh);
	i = add(&other, 0, KITH_HOST_BOOTSTRAP);
	assert_int_equal(kith_hostcache_learn(&hc, i, &key, ann), KITH_EEXIST);
	assert_int_equal(hc.n, 1);
}

static void what_is_configured_is_not_changed_by_what_the_network_says(void **state)
{
	(void)state;
	struct kith_host h = host(1), said = host(1), back;
	int i = add(&h, 0, KITH_HOST_BOOTSTRAP);
	said.endpoints[0].addr.ip[3] = 99;
	assert_int_equal(take(&said, 77, ann), KITH_EEXIST);
	kith_hostcache_get(&hc, i, &back);
	assert_int_equal(back.endpoints_n, 1);
	assert_true(kith_endpoint_equal(&back.endpoints[0], &h.endpoints[0]));
	/* A home knew of it first, by another address: the one that is configured comes before that. */
	struct kith_host second = host(2), elsewhere = host(2);
	elsewhere.endpoints[0].addr.ip[3] = 98;
	assert_true(add(&elsewhere, 5, 0) >= 0);
	i = add(&second, 0, KITH_HOST_BOOTSTRAP);
	kith_hostcache_get(&hc, i, &back);
	assert_int_equal(back.endpoints_n, 2);
	assert_true(kith_endpoint_equal(&back.endpoints[0], &second.endpoints[0]));
	/* The same where its key is learnt by asking. */
	struct kith_host third = host(3), bare = host(3);
	third.endpoints[0].addr.ip[3] = 97;
	memset(&bare.dh, 0, sizeof bare.dh);
	assert_true(add(&third, 5, 0) >= 0);
	i = add(&bare, 0, KITH_HOST_BOOTSTRAP);
	assert_int_equal(kith_hostcache_learn(&hc, i, &third.dh, ann), KITH_EEXIST);
	kith_hostcache_get(&hc, find_n(3), &back);
	assert_true(kith_endpoint_equal(&back.endpoints[0], &bare.endpoints[0]));
	assert_true(hc.at[find_n(3)].flags & KITH_HOST_BOOTSTRAP);
}

static void all_that_is_configured_has_a_place_and_takes_none_from_others(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < KITH_HOSTCACHE_MAX; i++)
		assert_true(add_n(i, 0) >= 0);
	assert_int_equal(add_n(500, 0), KITH_EFULL);
	for (uint32_t i = 0; i < 256; i++) {
		struct kith_host h = host(1000 + i);
		memset(&h.dh, 0, sizeof h.dh);
		assert_true(add(&h, 0, KITH_HOST_BOOTSTRAP) >= 0);
	}
	assert_int_equal(hc.n, KITH_HOSTCACHE_MAX + 256);
	/* Each is tried, however many failed before it. */
	bool tried[256] = { false };
	for (kith_time_us t = 0; t < 1000 * KITH_US_PER_S; t += KITH_US_PER_S / 10) {
		int i = kith_hostcache_pick(&hc, t, &rnd.random, KITH_PICK_ANY);
		struct kith_host h;
		if (i < 0)
			continue;
		kith_hostcache_get(&hc, i, &h);
		unsigned n = (unsigned)h.endpoints[0].addr.ip[2] << 8 | h.endpoints[0].addr.ip[3];
		if (n >= 1000)
			tried[n - 1000] = true;
		kith_hostcache_failed(&hc, i, t, &rnd.random, KITH_ETIMEDOUT);
	}
	for (size_t i = 0; i < 256; i++)
		assert_true(tried[i]);
	/* One that is configured no longer goes, or is one of the others once its key is known. */
	struct kith_key key = { { 1, 2, 3 } };
	assert_int_equal(kith_hostcache_learn(&hc, KITH_HOSTCACHE_MAX, &key, ann), 0);
	kith_hostcache_unconfigure(&hc, KITH_HOSTCACHE_MAX);
	assert_int_equal(hc.at[kith_hostcache_find(&hc, &key)].flags, 0);
	kith_hostcache_unconfigure(&hc, KITH_HOSTCACHE_MAX + 1);
	assert_int_equal(hc.n, KITH_HOSTCACHE_MAX + 255);
}

static void one_source_cannot_fill_the_cache(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(add_n(i, 77) >= 0, i < KITH_HOSTCACHE_PER_SOURCE);
	assert_true(add_n(20, 78) >= 0);
}

/* A home hands its leaf over: the leaf may know sixteen others that all work. */
static void one_that_is_tried_at_once_has_a_place_and_takes_none_of_those_in_use(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < KITH_HOSTCACHE_MAX; i++) {
		const struct kith_now later = { .mono_us = 1, .unix_ms = 1000 + (int64_t)i };
		kith_hostcache_succeeded(&hc, add_n(i, 100 + i), &later);
	}
	kith_hostcache_use(&hc, 2, true);
	struct kith_host keep[KITH_HOSTCACHE_MAX];
	for (int i = 0; i < KITH_HOSTCACHE_MAX; i++)
		kith_hostcache_get(&hc, i, &keep[i]);
	for (uint32_t i = 0; i < 2 * KITH_HOSTCACHE_PER_SOURCE;
	     i++) { /* the later ones for the first ones of the same home */
		const struct kith_host h = host(1000 + i);
		const struct kith_now later = { .mono_us = 1, .unix_ms = 2000 + (int64_t)i };
		kith_hostcache_succeeded(&hc, kith_hostcache_add_tried(&hc, &h, 7), &later);
		assert_int_equal(hc.n, KITH_HOSTCACHE_MAX);
	}
	for (int i = 0; i < KITH_HOSTCACHE_MAX; i++) /* anchors, the one in use, and who worked last */
		assert_true((kith_hostcache_find(&hc, &keep[i].dh) < 0) ==
			    (i > 2 && i < 3 + KITH_HOSTCACHE_PER_SOURCE));
	/* Nobody can give way: all are in use. */
	for (int i = 0; i < hc.n; i++)
		kith_hostcache_use(&hc, i, true);
	const struct kith_host last = host(2000);
	assert_int_equal(kith_hostcache_add_tried(&hc, &last, 8), KITH_EFULL);
}

static void a_full_cache_gives_up_what_failed_and_never_what_works(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < KITH_HOSTCACHE_MAX; i++)
		assert_true(add_n(i, 0) >= 0);
	assert_int_equal(add_n(100, 0), KITH_EFULL); /* untried ones are as good as the newcomer */
	for (uint32_t i = 0; i < KITH_HOSTCACHE_MAX; i++)
		kith_hostcache_succeeded(&hc, find_n(i), &now);
	assert_int_equal(add_n(100, 0), KITH_EFULL);
	kith_hostcache_failed(&hc, find_n(5), 0, &rnd.random, KITH_ETIMEDOUT);
	kith_hostcache_failed(&hc, find_n(6), 0, &rnd.random, KITH_ETIMEDOUT);
	kith_hostcache_failed(&hc, find_n(6), 0, &rnd.random, KITH_ETIMEDOUT);
	assert_true(add_n(100, 0) >= 0);
	assert_int_equal(find_n(6), KITH_ENOENT);
	kith_hostcache_use(&hc, find_n(5), true);
	assert_int_equal(add_n(101, 0), KITH_EFULL); /* it is in use */
	kith_hostcache_use(&hc, find_n(5), false);
	assert_true(add_n(101, 0) >= 0);
	assert_int_equal(find_n(5), KITH_ENOENT);
}

/* It said when it may be asked again, and all that were refused with it come at other times. */
static void one_that_is_full_is_asked_when_it_said_and_up_to_as_long_after(void **state)
{
	enum { TIMES = 200 };
	kith_time_us earliest = KITH_TIME_NEVER, latest = 0;
	(void)state;
	assert_true(add_n(1, 0) >= 0);
	for (int k = 0; k < TIMES; k++) {
		kith_hostcache_full(&hc, find_n(1), 5, &rnd.random, 60 * KITH_US_PER_S);
		kith_time_us at = kith_hostcache_retry_at(&hc);
		earliest = at < earliest ? at : earliest;
		latest = at > latest ? at : latest;
	}
	assert_true(earliest >= 5 + 60 * KITH_US_PER_S && latest < 5 + 120 * KITH_US_PER_S);
	assert_true(latest - earliest > 50 * KITH_US_PER_S); /* all of the time is used */
	kith_hostcache_forgive(&hc); /* our line is there again: that makes no room at the host */
	assert_int_equal(kith_hostcache_pick(&hc, 60 * KITH_US_PER_S, &rnd.random, KITH_PICK_ANY), KITH_ENOENT);
	/* Whoever did not say how long is left alone for the same time as who refuses few. */
	kith_hostcache_failed(&hc, find_n(1), 5, &rnd.random, KITH_EFULL);
	assert_true(kith_hostcache_retry_at(&hc) >= 5 + 45 * KITH_US_PER_S);
	assert_true(kith_hostcache_retry_at(&hc) < 5 + 90 * KITH_US_PER_S);
}

static void homes_are_of_different_prefixes_and_sources(void **state)
{
	(void)state;
	uint32_t sources[] = { 1, 1, 2, 3, 3 };
	uint8_t prefixes[] = { 1, 2, 1, 3, 3 };
	for (int round = 0; round < 100; round++) {
		for (uint32_t i = 0; i < 5; i++) {
			struct kith_host h = host_in(i, prefixes[i]);
			assert_true(add(&h, sources[i], 0) >= 0);
		}
		uint32_t used_sources[8] = { 0 }, used_prefixes[8] = { 0 };
		int n = 0, i;
		while ((i = kith_hostcache_pick(&hc, 0, &rnd.random, KITH_PICK_STRICT)) >= 0) {
			struct kith_host h;
			kith_hostcache_get(&hc, i, &h);
			assert_int_equal(used_sources[hc.at[i].source]++, 0);
			assert_int_equal(used_prefixes[h.endpoints[0].addr.ip[1]]++, 0);
			kith_hostcache_use(&hc, i, true);
			n++;
		}
		assert_true(n >= 2);
		while ((i = kith_hostcache_pick(&hc, 0, &rnd.random, KITH_PICK_SAME_PREFIX)) >= 0) {
			assert_int_equal(used_sources[hc.at[i].source]++, 0);
			kith_hostcache_use(&hc, i, true);
			n++;
		}
		assert_int_equal(n, 3); /* three sources, one each */
		while ((i = kith_hostcache_pick(&hc, 0, &rnd.random, KITH_PICK_ANY)) >= 0) {
			kith_hostcache_use(&hc, i, true);
			n++;
		}
		assert_int_equal(n, 5);
		kith_hostcache_deinit(&hc);
	}
}

static void what_worked_is_tried_before_the_unknown_and_both_before_bootstrap(void **state)
{
	(void)state;
	struct kith_host boot = host(50);
	assert_true(add(&boot, 0, KITH_HOST_BOOTSTRAP) >= 0);
	for (uint32_t i = 0; i < 6; i++)
		assert_true(add_n(i, 0) >= 0);
	for (uint32_t i = 0; i < 3; i++)
		kith_hostcache_succeeded(&hc, find_n(i), &now); /* the first two become anchors */
	const char *order = "aasuuub";
	for (int step = 0; order[step] != '\0'; step++) {
		int i = kith_hostcache_pick(&hc, 0, &rnd.random, KITH_PICK_ANY);
		assert_true(i >= 0);
		const struct kith_hostcache_entry *e = &hc.at[i];
		char kind = (e->flags & KITH_HOST_ANCHOR)      ? 'a'
			    : e->success_ms		       ? 's'
			    : (e->flags & KITH_HOST_BOOTSTRAP) ? 'b'
							       : 'u';
		assert_int_equal(kind, order[step]);
		kith_hostcache_use(&hc, i, true);
	}
	assert_int_equal(kith_hostcache_pick(&hc, 0, &rnd.random, KITH_PICK_ANY), KITH_ENOENT);
	assert_true(kith_hostcache_retry_at(&hc) == KITH_TIME_NEVER);
}

static void a_failed_host_waits_for_its_backoff(void **state)
{
	(void)state;
	int i = add_n(1, 0);
	kith_time_us t = 0;
	for (int k = 0; k < 30; k++) {
		kith_hostcache_failed(&hc, i, t, &rnd.random, KITH_ETIMEDOUT);
		kith_time_us at = kith_hostcache_retry_at(&hc);
		assert_true(at >= t + KITH_US_PER_S && at <= t + 120 * KITH_US_PER_S);
		assert_int_equal(kith_hostcache_pick(&hc, at - 1, &rnd.random, KITH_PICK_ANY), KITH_ENOENT);
		assert_int_equal(kith_hostcache_pick(&hc, at, &rnd.random, KITH_PICK_ANY), i);
		t = at;
	}
	kith_hostcache_succeeded(&hc, i, &now);
	assert_int_equal(kith_hostcache_pick(&hc, t, &rnd.random, KITH_PICK_STRICT), i);
}

/* One of another source failed and may be tried again; one of the same source as the host in use was never tried. */
static void who_failed_comes_after_everybody_who_did_not(void **state)
{
	(void)state;
	assert_true(add_n(1, 7) >= 0);
	assert_true(add_n(2, 8) >= 0);
	assert_true(add_n(3, 7) >= 0);
	kith_hostcache_use(&hc, find_n(1), true);
	kith_hostcache_failed(&hc, find_n(2), 0, &rnd.random, KITH_ETIMEDOUT);
	kith_time_us at = hc.at[find_n(2)].retry_at;
	assert_int_equal(kith_hostcache_pick(&hc, at, &rnd.random, KITH_PICK_STRICT), find_n(2));
	assert_int_equal(kith_hostcache_pick(&hc, at, &rnd.random, KITH_PICK_ANY), find_n(3));
	kith_hostcache_use(&hc, find_n(3), true);
	assert_int_equal(kith_hostcache_pick(&hc, at, &rnd.random, KITH_PICK_ANY), find_n(2));
}

static uint32_t anchors(void)
{
	uint32_t n = 0;
	for (int i = 0; i < hc.n; i++)
		n += (hc.at[i].flags & KITH_HOST_ANCHOR) != 0;
	return n;
}

static void two_anchors_of_different_prefix_and_source_last_until_they_fail_for_good(void **state)
{
	(void)state;
	struct kith_host a = host_in(1, 1), b = host_in(2, 1), c = host_in(3, 3), d = host_in(4, 4), e = host_in(5, 5);
	int ia = add(&a, 9, 0), ib = add(&b, 8, 0), ic = add(&c, 9, 0), id = add(&d, 7, 0), ie = add(&e, 6, 0);
	kith_hostcache_succeeded(&hc, ia, &now);
	kith_hostcache_succeeded(&hc, ib, &now); /* same prefix */
	kith_hostcache_succeeded(&hc, ic, &now); /* same source */
	assert_int_equal(anchors(), 1);
	kith_hostcache_succeeded(&hc, id, &now);
	kith_hostcache_succeeded(&hc, ie, &now);
	assert_int_equal(anchors(), 2);
	assert_true((hc.at[ia].flags & hc.at[id].flags & KITH_HOST_ANCHOR) != 0);
	for (int i = 0; i < 9; i++)
		kith_hostcache_failed(&hc, ia, 0, &rnd.random, KITH_ETIMEDOUT);
	assert_int_equal(anchors(), 2);
	kith_hostcache_failed(&hc, ia, 0, &rnd.random, KITH_ETIMEDOUT);
	assert_int_equal(anchors(), 1);
	kith_hostcache_succeeded(&hc, ie, &now);
	assert_true((hc.at[ie].flags & KITH_HOST_ANCHOR) != 0);
}

static void the_file_brings_back_hosts_and_anchors(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		assert_true(add_n(i, i + 1) >= 0);
	now.unix_ms = 5000;
	kith_hostcache_succeeded(&hc, find_n(4), &now);
	kith_hostcache_succeeded(&hc, find_n(2), &now);
	now.unix_ms = 6000;
	kith_hostcache_succeeded(&hc, find_n(3), &now);
	struct kith_host boot = host(99);
	assert_true(add(&boot, 0, KITH_HOST_BOOTSTRAP) >= 0);
	struct kith_host h = host(5);
	assert_true(take(&h, 10, ann) >= 0);
	size_t len = kith_hostcache_save(&hc, test_span(NULL, 0), file);
	kith_hostcache_deinit(&hc);
	assert_int_equal(kith_hostcache_load(&hc, test_span(file, len), 0), 6);
	assert_int_equal(anchors(), 2);
	assert_true((hc.at[find_n(4)].flags & hc.at[find_n(2)].flags & KITH_HOST_ANCHOR) != 0);
	assert_int_equal(hc.at[find_n(3)].success_ms, 6000);
	assert_int_equal(hc.at[find_n(5)].source, 6);
	assert_int_equal(take(&h, 10, ann), KITH_EEXIST); /* whose word it is, too */
	assert_int_equal(take(&h, 11, ben), KITH_EACCES);
	assert_int_equal(find_n(99), KITH_ENOENT); /* the configuration says that one */
	assert_int_equal(kith_hostcache_save(&hc, test_span(NULL, 0), file2), len);
	assert_memory_equal(file, file2, len);
}

static void the_file_grows_to_two_hundred_and_keeps_the_latest(void **state)
{
	(void)state;
	size_t len = 0;
	for (uint32_t batch = 0; batch < 20; batch++) {
		for (uint32_t i = 0; i < KITH_HOSTCACHE_MAX; i++)
			assert_true(add_n(batch * 16 + i, 0) >= 0);
		size_t next = kith_hostcache_save(&hc, test_span(file, len), file2);
		memcpy(file, file2, next);
		len = next;
		kith_hostcache_deinit(&hc);
	}
	uint32_t seen = 0;
	for (uint32_t from = 0; from < 200; from += 8) {
		assert_int_equal(kith_hostcache_load(&hc, test_span(file, len), from), KITH_HOSTCACHE_MAX);
		for (uint32_t n = 112; n < 320; n++) /* twelve batches and half of one */
			seen += find_n(n) >= 0;
		for (uint32_t n = 0; n < 112; n++)
			assert_int_equal(find_n(n), KITH_ENOENT);
		kith_hostcache_deinit(&hc);
	}
	assert_int_equal(seen, 25 * 16);
	assert_true(len <= KITH_HOSTCACHE_FILE_MAX);
}

static void a_torn_or_altered_file_is_refused_whole(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		assert_true(add_n(i, 0) >= 0);
	size_t len = kith_hostcache_save(&hc, test_span(NULL, 0), file);
	kith_hostcache_deinit(&hc);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1);
		memcpy(exact, file, cut);
		assert_int_equal(kith_hostcache_load(&hc, test_span(exact, cut), 0), KITH_EPROTO);
		free(exact);
	}
	for (size_t bit = 0; bit < 8 * len; bit++) {
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_true(kith_hostcache_load(&hc, test_span(file, len), 0) < 0);
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(hc.n, 0);
	/* Saving over a broken file starts a new one. */
	assert_true(add_n(9, 0) >= 0);
	size_t fresh = kith_hostcache_save(&hc, test_span(file, len - 1), file2);
	assert_int_equal(kith_hostcache_load(&hc, test_span(file2, fresh), 0), 0);
	assert_int_equal(hc.n, 1);
}

static void failed_hosts_make_room_for_others_from_the_file(void **state)
{
	(void)state;
	size_t len = 0;
	for (uint32_t batch = 0; batch < 3; batch++) {
		for (uint32_t i = 0; i < KITH_HOSTCACHE_MAX; i++)
			assert_true(add_n(batch * 16 + i, 0) >= 0);
		len = kith_hostcache_save(&hc, test_span(file, len), file2);
		memcpy(file, file2, len);
		kith_hostcache_deinit(&hc);
	}
	assert_int_equal(kith_hostcache_load(&hc, test_span(file, len), 0), 16);
	for (int i = 0; i < hc.n; i++)
		kith_hostcache_failed(&hc, i, 0, &rnd.random, KITH_ETIMEDOUT);
	assert_int_equal(kith_hostcache_load(&hc, test_span(file, len), 20), 16);
	assert_true(kith_hostcache_pick(&hc, 0, &rnd.random, KITH_PICK_STRICT) >= 0);
}

static void running_out_of_memory_leaves_the_cache_as_it_was(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < KITH_HOSTCACHE_MAX; n++) {
		for (long fail = 0;; fail++) {
			uint16_t had = hc.n;
			mem.fail_after = fail;
			int err = add_n(n, 0);
			mem.fail_after = -1;
			if (err >= 0)
				break;
			assert_int_equal(err, KITH_ENOMEM);
			assert_int_equal(hc.n, had);
			assert_true(fail < 10);
		}
	}
}

static void who_lied_is_the_last_to_be_picked_and_that_is_not_forgotten(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_true(add_n(i, i + 1) >= 0);
	kith_hostcache_succeeded(&hc, find_n(0), &now);
	assert_int_equal(anchors(), 1);
	assert_false(kith_hostcache_lied(&hc, find_n(0)));
	assert_true(kith_hostcache_lied(&hc, find_n(0)));
	assert_int_equal(anchors(), 0);
	size_t len = kith_hostcache_save(&hc, test_span(NULL, 0), file);
	kith_hostcache_deinit(&hc);
	assert_int_equal(kith_hostcache_load(&hc, test_span(file, len), 0), 3);
	for (int k = 0; k < 2; k++) { /* even after those that fail */
		int i = kith_hostcache_pick(&hc, 0, &rnd.random, KITH_PICK_ANY);
		assert_true(i != find_n(0));
		kith_hostcache_failed(&hc, i, -1000 * KITH_US_PER_S, &rnd.random, KITH_ETIMEDOUT);
		kith_hostcache_use(&hc, i, k == 1);
	}
	assert_true(kith_hostcache_pick(&hc, 0, &rnd.random, KITH_PICK_ANY) != find_n(0));
	for (uint32_t i = 1; i < 3; i++)
		kith_hostcache_use(&hc, find_n(i), true);
	assert_int_equal(kith_hostcache_pick(&hc, 0, &rnd.random, KITH_PICK_ANY), find_n(0));
	kith_hostcache_succeeded(&hc, find_n(0), &now);
	assert_int_equal(anchors(), 0);
}

static bool in_memory(uint32_t n)
{
	struct kith_host h = host(n);
	return kith_hostcache_find(&hc, &h.dh) >= 0;
}

/* Sixteen hosts of four supernodes in memory, and five more of each that do not fit. */
static void hosts_that_were_put_aside_are_drawn_when_those_in_memory_fail(void **state)
{
	(void)state;
	uint32_t in = 0, aside = 0, drawn = 0;
	for (uint32_t n = 1; n <= 40; n++) {
		struct kith_host h = host(n);
		int i = add(&h, 10 + n % 4, 0);
		in += i >= 0;
		aside += i == KITH_EFULL;
	}
	assert_int_equal(in, KITH_HOSTCACHE_MAX);
	assert_int_equal(aside, 40 - KITH_HOSTCACHE_MAX);
	assert_int_equal(hc.aside_n, 24); /* room for those, and not for all that there could be */
	assert_int_equal(kith_hostcache_draw(&hc, now.mono_us, &rnd.random), KITH_ENOENT); /* none failed */
	bool seen[41] = { false };
	for (int round = 0; round < 40; round++) {
		int i = kith_hostcache_pick(&hc, now.mono_us, &rnd.random, KITH_PICK_ANY);
		if (i < 0 || hc.at[i].failures > 0) {
			i = kith_hostcache_draw(&hc, now.mono_us, &rnd.random);
			drawn += i >= 0;
		}
		assert_true(i >= 0);
		for (uint32_t n = 1; n <= 40; n++) {
			struct kith_host h = host(n);
			if (kith_hostcache_find(&hc, &h.dh) == i) {
				assert_false(seen[n]); /* each is tried before one is tried again */
				seen[n] = true;
			}
		}
		kith_hostcache_failed(&hc, i, now.mono_us, &rnd.random, KITH_ETIMEDOUT);
	}
	assert_int_equal(drawn, 40 - KITH_HOSTCACHE_MAX);
	/* All failed: those put aside have their pause too. */
	assert_int_equal(kith_hostcache_draw(&hc, now.mono_us, &rnd.random), KITH_ENOENT);
	assert_true(kith_hostcache_draw(&hc, now.mono_us + 61 * KITH_US_PER_S, &rnd.random) >= 0);
}

static void what_one_supernode_suggests_takes_the_places_of_no_other_aside(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= 8; n++) {
		struct kith_host h = host(n);
		(void)add(&h, 4, 0); /* five are kept, three put aside */
	}
	for (uint32_t n = 100; n < 1100; n++) {
		struct kith_host h = host_in(n, (uint8_t)n);
		(void)add(&h, 5, 0);
	}
	uint32_t kept = 0, others = 0;
	for (int i = 0; i < hc.aside_n; i++) {
		kept += hc.aside[i].blob != NULL && hc.aside[i].source == 4;
		others += hc.aside[i].blob != NULL && hc.aside[i].source == 5;
	}
	assert_int_equal(kept, 3);
	assert_in_range(others, 1, KITH_HOSTCACHE_ASIDE / 4);
	assert_true(in_memory(1));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_host_is_kept_once_and_its_own_newer_entry_changes_its_addresses),
		T(what_nobody_signed_changes_nothing),
		T(who_signs_for_the_key_of_another_changes_nothing_that_works),
		T(who_signed_first_for_the_key_of_another_gives_way_when_it_does_not_work),
		T(a_host_without_a_key_is_kept_once),
		T(a_bootstrap_host_learns_its_key),
		T(what_is_configured_is_not_changed_by_what_the_network_says),
		T(all_that_is_configured_has_a_place_and_takes_none_from_others),
		T(one_source_cannot_fill_the_cache),
		T(one_that_is_tried_at_once_has_a_place_and_takes_none_of_those_in_use),
		T(one_that_is_tried_at_once_has_a_place_and_takes_none_of_those_in_use),
		T(a_full_cache_gives_up_what_failed_and_never_what_works),
		T(one_that_is_full_is_asked_when_it_said_and_up_to_as_long_after),
		T(homes_are_of_different_prefixes_and_sources),
		T(what_worked_is_tried_before_the_unknown_and_both_before_bootstrap),
		T(a_failed_host_waits_for_its_backoff),
		T(who_failed_comes_after_everybody_who_did_not),
		T(two_anchors_of_different_prefix_and_source_last_until_they_fail_for_good),
		T(who_lied_is_the_last_to_be_picked_and_that_is_not_forgotten),
		T(the_file_brings_back_hosts_and_anchors),
		T(the_file_grows_to_two_hundred_and_keeps_the_latest),
		T(a_torn_or_altered_file_is_refused_whole),
		T(failed_hosts_make_room_for_others_from_the_file),
		T(hosts_that_were_put_aside_are_drawn_when_those_in_memory_fail),
		T(what_one_supernode_suggests_takes_the_places_of_no_other_aside),
		T(running_out_of_memory_leaves_the_cache_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
