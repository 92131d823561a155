#include "overlay_world.h"

static struct ow w;
static struct ow_node alice, homes[4];

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sodium());
	ow_node(&w, &alice, 1);
	for (uint32_t i = 0; i < 4; i++)
		ow_node(&w, &homes[i], 10 + i);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ow_deinit(&w);
	return 0;
}

static int verify(struct kith_span bytes)
{
	struct kith_record r;
	struct kith_person p;
	int err = kith_record_parse(&r, bytes);
	return err != 0 ? err : kith_record_verify(&r, &w.trust, &w.now, &p);
}

static int verify_of(const struct kith_record *r)
{
	uint8_t buf[KITH_RECORD_LEN_MAX];
	return verify(ow_record_sign(&w, &alice, buf, r));
}

/* By value: the structures have padding. */
static void assert_same_host(const struct kith_host *a, const struct kith_host *b)
{
	assert_memory_equal(&a->dh, &b->dh, sizeof a->dh);
	assert_int_equal(a->endpoints_n, b->endpoints_n);
	for (uint8_t i = 0; i < a->endpoints_n; i++)
		assert_true(kith_endpoint_equal(&a->endpoints[i], &b->endpoints[i]));
}

static void a_record_comes_back_as_it_was_made(void **state)
{
	(void)state;
	uint8_t buf[KITH_RECORD_LEN_MAX], list[KITH_DEVICES_LEN_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 3), back;
	struct kith_person p;
	int list_len =
		kith_devices_sign(w.suite, list, 5, &alice.device.sign.pk, 1, test_span(NULL, 0), alice.identity.sk);
	assert_true(list_len > 0);
	r.flags = KITH_RECORD_RELAY_ONLY | 0x8000;
	r.devices = test_span(list, (size_t)list_len);
	r.status = test_span("sealed", 6);
	r.homes[1].host.endpoints_n = 2;
	r.homes[1].host.endpoints[1] = (struct kith_endpoint){
		{ .family = KITH_FAMILY_V6, .port = 9, .ip = { 0x20, 1, 0xd, 0xb9, 7 } }, KITH_TRANSPORT_UDP, 0
	};
	struct kith_span bytes = ow_record_sign(&w, &alice, buf, &r);
	assert_int_equal(kith_record_parse(&back, bytes), 0);
	assert_int_equal(back.flags, r.flags);
	assert_int_equal(back.seq, r.seq);
	assert_int_equal(back.expires_ms, r.expires_ms);
	assert_memory_equal(&back.key, &r.key, sizeof r.key);
	assert_int_equal(back.homes_n, 3);
	for (int i = 0; i < 3; i++) {
		assert_same_host(&back.homes[i].host, &r.homes[i].host);
		assert_memory_equal(back.homes[i].tag, r.homes[i].tag, KITH_HOME_TAG_LEN);
	}
	assert_int_equal(back.status.len, 6);
	assert_memory_equal(back.status.p, "sealed", 6);
	assert_int_equal(back.devices.len, list_len);
	assert_int_equal(back.chain.len, alice.chain.len);
	assert_memory_equal(&back.device, &alice.device.dh_pk, KITH_KEY_LEN);
	assert_int_equal(kith_record_verify(&back, &w.trust, &w.now, &p), 0);
	assert_string_equal(p.name, alice.name);
}

static void no_prefix_and_no_extension_of_a_record_parses(void **state)
{
	(void)state;
	uint8_t buf[KITH_RECORD_LEN_MAX + 1];
	struct kith_record r = ow_record_of(&w, &alice, homes, 3), back;
	r.status = test_span("x", 1);
	struct kith_span bytes = ow_record_sign(&w, &alice, buf, &r);
	for (size_t len = 0; len < bytes.len; len++) {
		uint8_t *exact = malloc(len + 1);
		memcpy(exact, buf, len);
		assert_int_not_equal(kith_record_parse(&back, test_span(exact, len)), 0);
		free(exact);
	}
	buf[bytes.len] = 0;
	assert_int_not_equal(kith_record_parse(&back, test_span(buf, bytes.len + 1)), 0);
}

static void no_flipped_bit_of_a_record_verifies(void **state)
{
	(void)state;
	uint8_t buf[KITH_RECORD_LEN_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 2);
	struct kith_span bytes = ow_record_sign(&w, &alice, buf, &r);
	assert_int_equal(verify(bytes), 0);
	for (size_t i = 0; i < bytes.len; i++) {
		buf[i] ^= (uint8_t)(1u << (i % 8));
		assert_int_not_equal(verify(bytes), 0);
		buf[i] ^= (uint8_t)(1u << (i % 8));
	}
	assert_int_equal(verify(bytes), 0);
}

static void a_record_that_does_not_fit_is_not_made(void **state)
{
	(void)state;
	uint8_t buf[KITH_RECORD_LEN_MAX], list[KITH_DEVICES_LEN_MAX] = { 0 };
	struct kith_record good = ow_record_of(&w, &alice, homes, 3), r = good;
	r.devices = test_span(list, sizeof list);
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EMSGSIZE);
	r = good;
	r.status = test_span(list, KITH_RECORD_STATUS_MAX + 1);
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EINVAL);
	r = good;
	r.expires_ms = (int64_t)r.seq + KITH_RECORD_LIFE_MS + 1;
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EINVAL);
	r = good;
	r.homes_n = 4;
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EINVAL);
	r = good;
	r.homes[0].host.endpoints[0].addr.port = 0;
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EINVAL);
	r = good;
	memset(&r.homes[2].host.dh, 0, sizeof r.homes[2].host.dh);
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EINVAL);
	r = good;
	r.chain.len--;
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EINVAL);
}

static void a_goodbye_has_no_homes_and_only_a_goodbye(void **state)
{
	(void)state;
	uint8_t buf[KITH_RECORD_LEN_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 0);
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EINVAL);
	r.flags = KITH_RECORD_OFFLINE;
	assert_int_equal(verify_of(&r), 0);
	r.homes_n = 1;
	r.homes[0] = ow_home(&w, &homes[0]);
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EINVAL);
}

static void times_are_held_against_the_clock_with_tolerance(void **state)
{
	(void)state;
	const int64_t tolerance = KITH_CLOCK_TOLERANCE_MS;
	struct kith_record r = ow_record_of(&w, &alice, homes, 1);
	r.seq = (uint64_t)(OW_NOW_MS + tolerance);
	assert_int_equal(verify_of(&r), 0);
	r.seq++;
	assert_int_equal(verify_of(&r), KITH_ENOTYET);
	w.now.unix_trusted = false; /* real time may be later than we think */
	assert_int_equal(verify_of(&r), 0);
	w.now.unix_trusted = true;
	r.seq = (uint64_t)(OW_NOW_MS - tolerance - KITH_RECORD_LIFE_MS);
	r.expires_ms = OW_NOW_MS - tolerance;
	assert_int_equal(verify_of(&r), 0);
	r.expires_ms--;
	assert_int_equal(verify_of(&r), KITH_EEXPIRED);
	w.now.unix_trusted = false; /* a lower bound is enough to know that it is over */
	assert_int_equal(verify_of(&r), KITH_EEXPIRED);
}

static void a_holder_never_keeps_a_record_longer_than_its_validity(void **state)
{
	(void)state;
	struct kith_record r = ow_record_of(&w, &alice, homes, 1);
	assert_int_equal(kith_record_life_us(&r, &w.now), KITH_RECORD_LIFE_MS * KITH_US_PER_MS);
	w.now.unix_ms = r.expires_ms + KITH_CLOCK_TOLERANCE_MS - 5;
	assert_int_equal(kith_record_life_us(&r, &w.now), 5 * KITH_US_PER_MS);
	w.now.unix_ms += 5;
	assert_int_equal(kith_record_life_us(&r, &w.now), 0);
	w.now.unix_ms += INT64_C(1) << 40;
	assert_int_equal(kith_record_life_us(&r, &w.now), 0);
}

/* Far in the future and without a clock to tell: no sum of such a time and a tolerance may overflow. */
static void times_at_the_end_of_time_are_refused(void **state)
{
	(void)state;
	const int64_t end = INT64_MAX / 2;
	uint8_t buf[KITH_RECORD_LEN_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 1), back;
	struct kith_person p;
	const struct kith_now unsure = { .mono_us = 0, .unix_ms = w.now.unix_ms, .unix_trusted = false };
	r.seq = (uint64_t)end - 1;
	r.expires_ms = end;
	struct kith_span bytes = ow_record_sign(&w, &alice, buf, &r);
	assert_int_equal(kith_record_parse(&back, bytes), 0);
	assert_int_equal(kith_record_verify(&back, &w.trust, &unsure, &p), 0);
	assert_int_equal(kith_record_verify(&back, &w.trust, &w.now, &p), KITH_ENOTYET);
	assert_int_equal(kith_record_life_us(&back, &unsure), KITH_US_PER_MS);
	/* One more in the signed bytes: flags 2, key 32 and seq 8 stand before it. */
	for (uint64_t at = (uint64_t)end + 1; at != 0; at = at == (uint64_t)end + 1 ? INT64_MAX : 0) {
		struct kith_writer out = kith_writer_of(buf + 2 + 2 + 32, 16);
		kith_write_u64(&out, at - 1);
		kith_write_u64(&out, at);
		assert_int_equal(kith_record_parse(&back, bytes), KITH_EPROTO);
	}
	r.expires_ms = INT64_MAX;
	r.seq = INT64_MAX - 1;
	assert_int_equal(kith_record_make(w.suite, buf, &r, alice.device.sign.sk), KITH_EINVAL);
	struct kith_vanish vanish = { .at_ms = INT64_MAX };
	assert_int_equal(kith_vanish_make(w.suite, buf, &vanish, alice.device.sign.sk), KITH_EINVAL);
}

static void sequences_rise_even_when_the_clock_falls(void **state)
{
	(void)state;
	uint64_t seq = kith_record_next_seq(0, &w.now, false);
	assert_int_equal(seq, OW_NOW_MS);
	w.now.unix_ms -= 1000000;
	assert_int_equal(kith_record_next_seq(seq, &w.now, false), seq + 1);
	w.now.unix_ms = -5;
	assert_int_equal(kith_record_next_seq(0, &w.now, false), 1);
}

/* What was signed at any time of a minute tells the minute, and how many came before it in that minute. */
static void a_sequence_tells_the_minute_and_counts_within_it(void **state)
{
	(void)state;
	uint64_t seq = 0;
	assert_int_equal(OW_NOW_MS % KITH_RECORD_GRAIN_MS, 0);
	for (unsigned n = 0; n < 5; n++) {
		w.now.unix_ms = OW_NOW_MS + KITH_RECORD_GRAIN_MS - 5 + n;
		seq = kith_record_next_seq(seq, &w.now, false);
		assert_int_equal(seq, OW_NOW_MS + n);
	}
	w.now.unix_ms = OW_NOW_MS + KITH_RECORD_GRAIN_MS;
	assert_int_equal(kith_record_next_seq(seq, &w.now, false), OW_NOW_MS + KITH_RECORD_GRAIN_MS);
	/* Entries of supernodes, which are no persons' habits, are as fine as the clock. */
	w.now.unix_ms = OW_NOW_MS + 1234;
	assert_int_equal(kith_member_next_seq(OW_NOW_MS + 7, &w.now), OW_NOW_MS + 1234);
	assert_int_equal(kith_member_next_seq(OW_NOW_MS + 1234, &w.now), OW_NOW_MS + 1235);
}

/* Signed in the last moment of its minute it still outlives two renewals, at whoever takes it then. */
static void a_record_of_the_last_moment_of_a_minute_lives_long_enough(void **state)
{
	(void)state;
	struct kith_record r = ow_record_of(&w, &alice, homes, 1);
	w.now.unix_ms = OW_NOW_MS + KITH_RECORD_GRAIN_MS - 1;
	r.seq = kith_record_next_seq(0, &w.now, false);
	r.expires_ms = (int64_t)r.seq + KITH_RECORD_LIFE_MS;
	assert_true(kith_record_life_us(&r, &w.now) > 2 * KITH_RECORD_REFRESH_US);
	assert_true(r.expires_ms - w.now.unix_ms > 2 * KITH_RECORD_REFRESH_US / KITH_US_PER_MS);
}

static void a_record_under_somebody_elses_key_is_refused(void **state)
{
	(void)state;
	struct kith_record r = ow_record_of(&w, &alice, homes, 1);
	kith_ids_directory(w.suite, &r.key, &w.network, homes[0].name);
	assert_int_equal(verify_of(&r), KITH_ENAME);
}

static void a_record_signed_by_another_device_is_refused(void **state)
{
	(void)state;
	uint8_t buf[KITH_RECORD_LEN_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 1);
	assert_int_equal(verify(ow_record_sign(&w, &homes[0], buf, &r)), KITH_ESIGNATURE);
}

static void a_list_that_comes_along_and_leaves_the_device_out_revokes_it(void **state)
{
	(void)state;
	uint8_t list[KITH_DEVICES_LEN_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 1);
	assert_int_equal(verify_of(&r), 0);
	int len =
		kith_devices_sign(w.suite, list, 9, &homes[0].device.sign.pk, 1, test_span(NULL, 0), alice.identity.sk);
	r.devices = test_span(list, (size_t)len);
	assert_int_equal(verify_of(&r), KITH_EREVOKED);
	r.devices.len = 0;
	assert_int_equal(verify_of(&r), KITH_EREVOKED); /* and the trust remembers */
}

/* A newer list has the device again, an older one that leaves it out is looked at no more, and what leaves out a device
 * leaves out no other. */
static void the_newest_list_counts_whichever_record_brings_it(void **state)
{
	(void)state;
	uint8_t list[KITH_DEVICES_LEN_MAX], older[KITH_DEVICES_LEN_MAX];
	const struct kith_key both[] = { alice.device.sign.pk, homes[0].device.sign.pk };
	struct kith_record r = ow_record_of(&w, &alice, homes, 1);
	const struct kith_span none = test_span(NULL, 0);
	int len = kith_devices_sign(w.suite, list, 20, both, 2, none, alice.identity.sk);
	int older_len = kith_devices_sign(w.suite, older, 19, both + 1, 1, none, alice.identity.sk);
	assert_true(len > 0 && older_len == len); /* one device of two, and both of them, look alike */
	r.devices = test_span(list, (size_t)len);
	assert_int_equal(verify_of(&r), 0);
	r.devices = test_span(older, (size_t)older_len);
	assert_int_equal(verify_of(&r), 0);
	len = kith_devices_sign(w.suite, list, 21, both + 1, 1, none, alice.identity.sk);
	r.devices = test_span(list, (size_t)len);
	assert_int_equal(verify_of(&r), KITH_EREVOKED);
	r.devices = test_span(older, (size_t)older_len);
	assert_int_equal(verify_of(&r), KITH_EREVOKED);
}

/* What it costs to name the devices: PROTOCOL.md 9 has the figure for up to three. */
static void a_usual_record_says_how_long_it_is(void **state)
{
	(void)state;
	uint8_t buf[KITH_RECORD_LEN_MAX], list[KITH_DEVICES_LEN_MAX];
	struct kith_key keys[KITH_DEVICES_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 3);
	r.homes[1].host.endpoints_n = 2;
	r.homes[1].host.endpoints[1] = r.homes[1].host.endpoints[0];
	r.homes[1].host.endpoints[1].addr.family = KITH_FAMILY_V6;
	r.homes[1].host.endpoints[1].addr.ip[0] = 0x20;
	const size_t bare = ow_record_sign(&w, &alice, buf, &r).len;
	assert_int_equal(bare, 318 + alice.chain.len);
	for (size_t i = 0; i < KITH_DEVICES_MAX; i++)
		memset(keys[i].b, (int)i + 1, sizeof keys[i].b);
	for (size_t n = 1; n <= KITH_DEVICES_MAX; n++) {
		int len = kith_devices_sign(w.suite, list, 5, keys, n, test_span(NULL, 0), alice.identity.sk);
		r.devices = test_span(list, (size_t)len);
		size_t whole = ow_record_sign(&w, &alice, buf, &r).len;
		assert_int_equal(whole, bare + 76 + 8u * (n <= 3 ? 3 : n <= 6 ? 6 : n <= 12 ? 12 : 16));
		print_message("devices %zu: record of %zu bytes, of which chain %zu, list %d\n", n, whole,
			      alice.chain.len, len);
	}
}

static void a_list_by_another_identity_is_refused(void **state)
{
	(void)state;
	uint8_t list[KITH_DEVICES_LEN_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 1);
	int len =
		kith_devices_sign(w.suite, list, 9, &alice.device.sign.pk, 1, test_span(NULL, 0), homes[0].identity.sk);
	r.devices = test_span(list, (size_t)len);
	assert_int_equal(verify_of(&r), KITH_ESIGNATURE);
	r.devices.len = 0;
	assert_int_equal(verify_of(&r), 0);
}

/* ---- vanish reports ---- */

static void only_a_listed_home_can_report_and_only_on_that_sequence(void **state)
{
	(void)state;
	uint8_t buf[KITH_RECORD_LEN_MAX], vbuf[KITH_VANISH_LEN_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 3), parsed;
	assert_int_equal(kith_record_parse(&parsed, ow_record_sign(&w, &alice, buf, &r)), 0);
	struct kith_vanish v;
	for (int i = 0; i < 4; i++) {
		struct kith_span bytes = ow_vanish(&w, &homes[i], vbuf, &parsed, &parsed.device);
		assert_int_equal(bytes.len, 179);
		assert_int_equal(kith_vanish_parse(&v, bytes), 0);
		int home = kith_vanish_verify(&v, &parsed, 0, w.suite, &w.now);
		assert_int_equal(home, i < 3 ? i : KITH_EACCES);
	}
	assert_int_equal(kith_vanish_parse(&v, ow_vanish(&w, &homes[0], vbuf, &parsed, &parsed.device)), 0);
	assert_int_equal(kith_vanish_verify(&v, &parsed, 6, w.suite, &w.now), 0);
	assert_int_equal(kith_vanish_verify(&v, &parsed, 1, w.suite, &w.now), KITH_EEXIST);
	v.at_ms = (int64_t)parsed.seq - KITH_CLOCK_TOLERANCE_MS - 1;
	assert_int_equal(kith_vanish_verify(&v, &parsed, 0, w.suite, &w.now), KITH_EEXPIRED);
	v.at_ms++; /* the signature is over the bytes, which are the same */
	assert_int_equal(kith_vanish_verify(&v, &parsed, 0, w.suite, &w.now), 0);
	assert_int_equal(kith_vanish_parse(&v, ow_vanish(&w, &homes[0], vbuf, &parsed, &parsed.device)), 0);
	struct kith_record other = parsed;
	other.seq++;
	assert_int_equal(kith_vanish_verify(&v, &other, 0, w.suite, &w.now), KITH_ENOENT);
	other = parsed;
	other.device.b[0] ^= 1;
	assert_int_equal(kith_vanish_verify(&v, &other, 0, w.suite, &w.now), KITH_ENOENT);
	other = parsed;
	other.key.b[0] ^= 1;
	assert_int_equal(kith_vanish_verify(&v, &other, 0, w.suite, &w.now), KITH_ENOENT);
}

static void no_flipped_bit_of_a_vanish_report_verifies(void **state)
{
	(void)state;
	uint8_t buf[KITH_RECORD_LEN_MAX], vbuf[KITH_VANISH_LEN_MAX];
	struct kith_record r = ow_record_of(&w, &alice, homes, 3), parsed;
	assert_int_equal(kith_record_parse(&parsed, ow_record_sign(&w, &alice, buf, &r)), 0);
	struct kith_span bytes = ow_vanish(&w, &homes[1], vbuf, &parsed, &parsed.device);
	struct kith_vanish v;
	for (size_t i = 0; i < 8 * bytes.len; i++) {
		vbuf[i / 8] ^= (uint8_t)(1u << (i % 8));
		int err = kith_vanish_parse(&v, bytes);
		assert_true(err != 0 || kith_vanish_verify(&v, &parsed, 0, w.suite, &w.now) < 0);
		vbuf[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_not_equal(kith_vanish_parse(&v, test_span(vbuf, len)), 0);
	assert_int_equal(kith_vanish_parse(&v, bytes), 0);
	assert_int_equal(kith_vanish_verify(&v, &parsed, 0, w.suite, &w.now), 1);
	w.now.unix_ms -= KITH_CLOCK_TOLERANCE_MS + 1;
	assert_int_equal(kith_vanish_verify(&v, &parsed, 0, w.suite, &w.now), KITH_ENOTYET);
}

/* ---- member entries ---- */

static int member_verify(const struct ow_node *node, const struct kith_member_entry *e, struct kith_id *id)
{
	uint8_t buf[KITH_MEMBER_LEN_MAX];
	struct kith_member_entry back;
	struct kith_person p;
	assert_int_equal(kith_member_parse(&back, ow_entry_sign(&w, node, buf, e)), 0);
	assert_int_equal(back.endpoints_n, e->endpoints_n);
	for (uint8_t i = 0; i < e->endpoints_n; i++)
		assert_true(kith_endpoint_equal(&back.endpoints[i], &e->endpoints[i]));
	assert_int_equal(kith_member_id(&back, &w.trust, id), 0);
	return kith_member_verify(&back, &w.trust, &w.now, &p);
}

static void a_member_entry_verifies_and_its_id_is_that_of_its_placement(void **state)
{
	(void)state;
	struct kith_id id, expected;
	struct kith_chain chain;
	struct kith_member_entry e = ow_entry_of(&w, &homes[0]);
	e.endpoints_n = 4;
	for (uint32_t i = 1; i < 4; i++)
		e.endpoints[i] = ow_endpoint(90 + i, i);
	e.attest = test_span("witnesses", 9);
	e.load = 77;
	assert_int_equal(member_verify(&homes[0], &e, &id), 0);
	assert_int_equal(kith_chain_parse(&chain, homes[0].chain), 0);
	kith_ids_supernode(w.suite, &expected, &w.network, chain.name.placement);
	assert_memory_equal(&id, &expected, sizeof id);
}

static void a_member_without_the_flag_is_refused(void **state)
{
	(void)state;
	struct kith_id id;
	struct ow_node plain;
	ow_node_flags(&w, &plain, 77, 0);
	struct kith_member_entry e = ow_entry_of(&w, &plain);
	assert_int_equal(member_verify(&plain, &e, &id), KITH_EACCES);
}

static void a_member_entry_is_held_against_the_clock(void **state)
{
	(void)state;
	struct kith_id id;
	struct kith_member_entry e = ow_entry_of(&w, &homes[0]);
	e.seq += KITH_CLOCK_TOLERANCE_MS + 1;
	assert_int_equal(member_verify(&homes[0], &e, &id), KITH_ENOTYET);
	e = ow_entry_of(&w, &homes[0]);
	e.seq -= KITH_MEMBER_LIFE_MS;
	e.expires_ms = OW_NOW_MS - KITH_CLOCK_TOLERANCE_MS - 1;
	assert_int_equal(member_verify(&homes[0], &e, &id), KITH_EEXPIRED);
	uint8_t buf[KITH_MEMBER_LEN_MAX];
	e = ow_entry_of(&w, &homes[0]);
	e.expires_ms++;
	assert_int_equal(kith_member_make(w.suite, buf, &e, homes[0].device.sign.sk), KITH_EINVAL);
	e = ow_entry_of(&w, &homes[0]);
	e.endpoints_n = 0;
	assert_int_equal(kith_member_make(w.suite, buf, &e, homes[0].device.sign.sk), KITH_EINVAL);
}

static void no_flipped_bit_of_a_member_entry_verifies(void **state)
{
	(void)state;
	uint8_t buf[KITH_MEMBER_LEN_MAX];
	struct kith_span bytes = ow_entry(&w, &homes[0], buf, 0);
	struct kith_member_entry e;
	struct kith_person p;
	for (size_t i = 0; i < bytes.len; i++) {
		buf[i] ^= (uint8_t)(1u << (i % 8));
		int err = kith_member_parse(&e, bytes);
		assert_true(err != 0 || kith_member_verify(&e, &w.trust, &w.now, &p) != 0);
		buf[i] ^= (uint8_t)(1u << (i % 8));
	}
	assert_int_equal(kith_member_parse(&e, bytes), 0);
	assert_int_equal(kith_member_verify(&e, &w.trust, &w.now, &p), 0);
}

/* ---- host entries and addresses ---- */

static void a_host_entry_comes_back_and_bad_ones_do_not(void **state)
{
	(void)state;
	uint8_t buf[KITH_HOST_LEN_MAX];
	struct kith_host h = ow_home(&w, &homes[0]).host, back;
	size_t len = kith_host_make(buf, &h);
	assert_int_equal(len, 32 + 1 + 2 + 7);
	assert_int_equal(kith_host_parse(&back, test_span(buf, len)), 0);
	assert_same_host(&back, &h);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(kith_host_parse(&back, test_span(buf, cut)), KITH_EPROTO);
	buf[38] = 224; /* multicast */
	assert_int_equal(kith_host_parse(&back, test_span(buf, len)), KITH_EPROTO);
	buf[38] = 20;
	buf[32] = 0; /* no endpoint */
	assert_int_equal(kith_host_parse(&back, test_span(buf, 33)), KITH_EPROTO);
	buf[32] = 3; /* more than there are */
	assert_int_equal(kith_host_parse(&back, test_span(buf, len)), KITH_EPROTO);
}

/* What a later version names is no reason to lose the rest. */
static void a_host_entry_with_kinds_of_a_later_version_keeps_what_is_known(void **state)
{
	(void)state;
	uint8_t buf[KITH_HOST_LEN_MAX];
	struct kith_host h = ow_home(&w, &homes[0]).host, back;
	h.endpoints_n = 3;
	h.endpoints[1] = h.endpoints[2] = h.endpoints[0];
	h.endpoints[1].kind = KITH_TRANSPORT_TLS;
	h.endpoints[2].kind = KITH_TRANSPORT_PRIVATE;
	size_t len = kith_host_make(buf, &h);
	assert_int_equal(kith_host_parse(&back, test_span(buf, len)), 0);
	assert_same_host(&back, &h);
	buf[33 + 9] = 99;
	assert_int_equal(kith_host_parse(&back, test_span(buf, len)), 0);
	assert_int_equal(back.endpoints_n, 2);
	assert_true(kith_endpoint_equal(&back.endpoints[1], &h.endpoints[2]));
	buf[33] = buf[33 + 18] = 99; /* none is left: still a home whose word counts */
	assert_int_equal(kith_host_parse(&back, test_span(buf, len)), 0);
	assert_int_equal(back.endpoints_n, 0);
}

/* Its id and its prefix follow from the first endpoint: all must read the same one. */
static void a_member_entry_begins_with_what_everybody_speaks(void **state)
{
	(void)state;
	uint8_t buf[KITH_MEMBER_LEN_MAX];
	struct kith_member_entry e = ow_entry_of(&w, &alice), back;
	e.endpoints_n = 2;
	e.endpoints[1] = e.endpoints[0];
	e.endpoints[1].kind = KITH_TRANSPORT_TCP;
	struct kith_span bytes = ow_entry_sign(&w, &alice, buf, &e);
	assert_int_equal(kith_member_parse(&back, bytes), 0);
	assert_int_equal(back.endpoints_n, 2);
	buf[22 + 9] = 99;
	assert_int_equal(kith_member_parse(&back, bytes), 0);
	assert_int_equal(back.endpoints_n, 1);
	buf[22] = KITH_TRANSPORT_TCP;
	assert_int_equal(kith_member_parse(&back, bytes), KITH_EPROTO);
	buf[22] = KITH_TRANSPORT_UDP;
	buf[24] = 5; /* of a family that is not known: the second one must not take its place */
	buf[22 + 9] = KITH_TRANSPORT_UDP;
	assert_int_equal(kith_member_parse(&back, bytes), KITH_EPROTO);
	e.endpoints[0].kind = KITH_TRANSPORT_TCP;
	assert_int_equal(kith_member_make(w.suite, buf, &e, alice.device.sign.sk), KITH_EINVAL);
}

/* At most one of each kind and family, and no more than an entry holds. */
static void a_host_names_each_kind_and_family_once(void **state)
{
	(void)state;
	struct kith_host h = { .endpoints_n = 0 };
	for (uint32_t i = 0; i < 3; i++) {
		struct kith_endpoint e = ow_endpoint(1, i);
		kith_host_add(&h, &e);
		e.addr.family = KITH_FAMILY_V6;
		kith_host_add(&h, &e);
	}
	assert_int_equal(h.endpoints_n, 2);
	for (uint8_t kind = KITH_TRANSPORT_PRIVATE; kind < KITH_TRANSPORT_PRIVATE + 4; kind++) {
		struct kith_endpoint e = ow_endpoint(1, 1);
		e.kind = kind;
		kith_host_add(&h, &e);
	}
	assert_int_equal(h.endpoints_n, KITH_HOST_ENDPOINTS_MAX);
}

static void an_open_network_places_by_identity_and_prefix(void **state)
{
	(void)state;
	struct kith_trust trust;
	struct kith_trust_options o = { .suite = w.suite,
					.alloc = &w.mem.alloc,
					.blobs = &w.blobs,
					.open_label = "playground",
					.issuers_max = 1,
					.device_lists_max = 4,
					.chains_max = 4 };
	assert_int_equal(kith_trust_init(&trust, &o), 0);
	uint8_t cert[KITH_CERT_MAX], chain[KITH_CHAIN_MAX], buf[KITH_MEMBER_LEN_MAX];
	struct kith_device_cert dc = { .dh = alice.device.dh_pk,
				       .sign = alice.device.sign.pk,
				       .not_before_s = OW_NOW_MS / 1000,
				       .expires_s = OW_NOW_MS / 1000 + 86400 };
	int len = kith_device_cert_sign(w.suite, cert, &dc, alice.identity.sk);
	len = kith_chain_make_open(chain, &trust.network, &alice.identity.pk, test_span(cert, (size_t)len));
	struct kith_member_entry e = ow_entry_of(&w, &alice), back;
	struct kith_person p;
	struct kith_id id[3];
	e.chain = test_span(chain, (size_t)len);
	for (uint32_t i = 0; i < 3; i++) {
		e.endpoints[0] = ow_endpoint(5, i == 2 ? 256 : i); /* the first two share a /24 */
		assert_int_equal(kith_member_parse(&back, ow_entry_sign(&w, &alice, buf, &e)), 0);
		assert_int_equal(kith_member_verify(&back, &trust, &w.now, &p), 0);
		assert_int_equal(kith_member_id(&back, &trust, &id[i]), 0);
	}
	assert_memory_equal(&id[0], &id[1], sizeof id[0]);
	assert_memory_not_equal(&id[0], &id[2], sizeof id[0]);
	kith_trust_deinit(&trust);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_record_comes_back_as_it_was_made),
		T(no_prefix_and_no_extension_of_a_record_parses),
		T(no_flipped_bit_of_a_record_verifies),
		T(a_record_that_does_not_fit_is_not_made),
		T(a_goodbye_has_no_homes_and_only_a_goodbye),
		T(times_are_held_against_the_clock_with_tolerance),
		T(a_holder_never_keeps_a_record_longer_than_its_validity),
		T(times_at_the_end_of_time_are_refused),
		T(sequences_rise_even_when_the_clock_falls),
		T(a_sequence_tells_the_minute_and_counts_within_it),
		T(a_record_of_the_last_moment_of_a_minute_lives_long_enough),
		T(a_record_under_somebody_elses_key_is_refused),
		T(a_record_signed_by_another_device_is_refused),
		T(a_list_that_comes_along_and_leaves_the_device_out_revokes_it),
		T(the_newest_list_counts_whichever_record_brings_it),
		T(a_usual_record_says_how_long_it_is),
		T(a_list_by_another_identity_is_refused),
		T(only_a_listed_home_can_report_and_only_on_that_sequence),
		T(no_flipped_bit_of_a_vanish_report_verifies),
		T(a_member_entry_verifies_and_its_id_is_that_of_its_placement),
		T(a_member_without_the_flag_is_refused),
		T(a_member_entry_is_held_against_the_clock),
		T(no_flipped_bit_of_a_member_entry_verifies),
		T(a_host_entry_comes_back_and_bad_ones_do_not),
		T(a_host_entry_with_kinds_of_a_later_version_keeps_what_is_known),
		T(a_member_entry_begins_with_what_everybody_speaks),
		T(a_host_names_each_kind_and_family_once),
		T(an_open_network_places_by_identity_and_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
