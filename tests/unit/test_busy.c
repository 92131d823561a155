/* The signed refusal: comes back as it was made, fits what it answers, and is believed of a supernode only. */
#include "overlay_world.h"

#include "wire/busy.h"

static struct ow w;
static struct ow_node full, leaf, others[KITH_BUSY_HOSTS_MAX];
static uint8_t packet[KITH_BUSY_PACKET_MAX];

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sodium());
	ow_node(&w, &full, 1);
	ow_node_flags(&w, &leaf, 2, 0);
	for (uint32_t i = 0; i < KITH_BUSY_HOSTS_MAX; i++)
		ow_node(&w, &others[i], 10 + i);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ow_deinit(&w);
	return 0;
}

static struct kith_busy busy_of(const struct ow_node *node)
{
	struct kith_busy b = {
		.made_ms = w.now.unix_ms, .retry_s = 77, .hosts_n = KITH_BUSY_HOSTS_MAX, .chain = node->chain
	};
	for (uint8_t i = 0; i < KITH_BUSY_HOSTS_MAX; i++)
		b.hosts[i] = ow_home(&w, &others[i]).host;
	return b;
}

static struct kith_span made(const struct ow_node *node, const struct kith_busy *b)
{
	int n = kith_busy_make(w.suite, packet, b, node->device.sign.sk);
	assert_true(n > 0);
	return test_span(packet, (size_t)n);
}

static int verify(struct kith_span bytes)
{
	struct kith_busy b;
	struct kith_person p;
	uint32_t receiver;
	int err = kith_busy_parse(&b, &receiver, bytes);
	return err != 0 ? err : kith_busy_verify(&b, &w.trust, &w.now, &p);
}

static void it_comes_back_as_it_was_made_for_whoever_is_refused(void **state)
{
	struct kith_busy b = busy_of(&full), back;
	struct kith_span bytes = made(&full, &b);
	uint32_t receiver;
	(void)state;
	assert_int_equal(kith_packet_type(bytes), KITH_PKT_BUSY);
	for (uint32_t to = 1; to < 1000000; to *= 10) {
		kith_busy_address(packet, to);
		assert_int_equal(kith_busy_parse(&back, &receiver, bytes), 0);
		assert_int_equal(receiver, to);
		assert_int_equal(verify(bytes), 0); /* one signature for all */
	}
	assert_int_equal(back.made_ms, b.made_ms);
	assert_int_equal(back.retry_s, 77);
	assert_int_equal(back.hosts_n, KITH_BUSY_HOSTS_MAX);
	for (uint8_t i = 0; i < KITH_BUSY_HOSTS_MAX; i++) {
		assert_memory_equal(&back.hosts[i].dh, &others[i].device.dh_pk, KITH_KEY_LEN);
		assert_true(kith_endpoint_equal(&back.hosts[i].endpoints[0], &b.hosts[i].endpoints[0]));
	}
	assert_memory_equal(&back.device, &full.device.dh_pk, KITH_KEY_LEN);
}

/* Hosts with all their endpoints would need more than there is. */
static void alternates_that_do_not_fit_are_left_out(void **state)
{
	struct kith_busy b = busy_of(&full), back;
	uint32_t receiver;
	(void)state;
	for (uint8_t i = 0; i < KITH_BUSY_HOSTS_MAX; i++) {
		b.hosts[i].endpoints_n = KITH_HOST_ENDPOINTS_MAX;
		for (uint8_t k = 0; k < KITH_HOST_ENDPOINTS_MAX; k++)
			b.hosts[i].endpoints[k] = (struct kith_endpoint){
				{ .family = KITH_FAMILY_V6, .port = 9, .ip = { 0x20, 1, 0xd, 0xb9, i, k } },
				KITH_TRANSPORT_UDP,
				0
			};
	}
	uint8_t ext[KITH_EXT_MAX] = { 1, KITH_EXT_MAX - 2 };
	b.s.ext = test_span(ext, sizeof ext);
	struct kith_span bytes = made(&full, &b);
	assert_true(bytes.len <= KITH_BUSY_PACKET_MAX);
	assert_int_equal(kith_busy_parse(&back, &receiver, bytes), 0);
	assert_true(back.hosts_n > 0 && back.hosts_n < KITH_BUSY_HOSTS_MAX);
	assert_int_equal(verify(bytes), 0);
}

static void what_is_out_of_bounds_is_not_made(void **state)
{
	struct kith_busy b = busy_of(&full);
	(void)state;
	b.retry_s = 0;
	assert_int_equal(kith_busy_make(w.suite, packet, &b, full.device.sign.sk), KITH_EINVAL);
	b.retry_s = KITH_BUSY_RETRY_MAX_S + 1;
	assert_int_equal(kith_busy_make(w.suite, packet, &b, full.device.sign.sk), KITH_EINVAL);
	b.retry_s = 60;
	b.made_ms = -1;
	assert_int_equal(kith_busy_make(w.suite, packet, &b, full.device.sign.sk), KITH_EINVAL);
}

/* Each byte but the receiver's is under the signature, or decides about the packet. */
static void no_changed_byte_is_believed(void **state)
{
	struct kith_busy b = busy_of(&full);
	struct kith_span bytes = made(&full, &b);
	(void)state;
	for (size_t i = 0; i < bytes.len; i++) {
		packet[i] ^= 0x41;
		assert_true((verify(bytes) == 0) == (i >= 4 && i < 8));
		packet[i] ^= 0x41;
		assert_true(kith_packet_type(test_span(packet, i)) == 0 || verify(test_span(packet, i)) != 0);
	}
}

static void only_its_device_says_so_and_only_lately(void **state)
{
	struct kith_busy b = busy_of(&leaf); /* one that elected itself: no certificate calls it a supernode */
	(void)state;
	assert_int_equal(verify(made(&leaf, &b)), 0);
	b = busy_of(&full);
	assert_int_equal(verify(made(&leaf, &b)), KITH_ESIGNATURE);
	b.made_ms = w.now.unix_ms - KITH_BUSY_LIFE_MS - KITH_CLOCK_TOLERANCE_MS;
	assert_int_equal(verify(made(&full, &b)), 0);
	b.made_ms--;
	assert_int_equal(verify(made(&full, &b)), KITH_EEXPIRED);
	b.made_ms = w.now.unix_ms + KITH_CLOCK_TOLERANCE_MS;
	assert_int_equal(verify(made(&full, &b)), 0);
	b.made_ms++;
	assert_int_equal(verify(made(&full, &b)), KITH_ENOTYET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_back_as_it_was_made_for_whoever_is_refused),
		cmocka_unit_test(alternates_that_do_not_fit_are_left_out),
		cmocka_unit_test(what_is_out_of_bounds_is_not_made),
		cmocka_unit_test(no_changed_byte_is_believed),
		cmocka_unit_test(only_its_device_says_so_and_only_lately),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
