/* The word by which a node is asked for help: for one node, by one supernode, for a few minutes. */
#include "overlay_world.h"

#include "wire/token.h"

static struct ow w;
static struct ow_node asker, other, candidate;
static uint8_t buf[KITH_HELP_TOKEN_MAX];

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sodium());
	ow_node(&w, &asker, 1);
	ow_node(&w, &other, 2);
	ow_node(&w, &candidate, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ow_deinit(&w);
	return 0;
}

static struct kith_help_token usual(void)
{
	return (struct kith_help_token){ .candidate = candidate.device.dh_pk,
					 .seq = (uint64_t)w.now.unix_ms,
					 .expires_ms = w.now.unix_ms + KITH_HELP_LIFE_MS,
					 .chain = asker.chain };
}

static struct kith_span made(const struct kith_help_token *t, const struct ow_node *by)
{
	int n = kith_help_token_make(w.suite, buf, t, by->device.sign.sk);
	assert_true(n > 0);
	return test_span(buf, (size_t)n);
}

static int verify(struct kith_span bytes)
{
	struct kith_help_token t;
	struct kith_person p;
	int err = kith_help_token_parse(&t, bytes);
	return err != 0 ? err : kith_help_token_verify(&t, &w.trust, &w.now, &p);
}

static void it_comes_back_as_it_was_made_and_no_changed_byte_is_believed(void **state)
{
	struct kith_help_token t = usual(), back;
	struct kith_span bytes = made(&t, &asker);
	(void)state;
	assert_int_equal(kith_help_token_parse(&back, bytes), 0);
	assert_memory_equal(&back.candidate, &t.candidate, KITH_KEY_LEN);
	assert_memory_equal(&back.device, &asker.device.dh_pk, KITH_KEY_LEN);
	assert_int_equal(back.seq, t.seq);
	assert_int_equal(back.expires_ms, t.expires_ms);
	assert_int_equal(verify(bytes), 0);
	for (size_t i = 0; i < bytes.len; i++) {
		buf[i] ^= 0x21;
		assert_int_not_equal(verify(bytes), 0);
		buf[i] ^= 0x21;
		assert_int_not_equal(verify(test_span(buf, i)), 0);
	}
	assert_int_equal(verify(made(&t, &other)), KITH_ESIGNATURE); /* under another's chain */
}

static void it_holds_for_ten_minutes_and_no_longer(void **state)
{
	struct kith_help_token t = usual();
	const struct kith_now then = w.now;
	(void)state;
	struct kith_span bytes = made(&t, &asker);
	w.now.unix_ms = t.expires_ms + KITH_CLOCK_TOLERANCE_MS;
	assert_int_equal(verify(bytes), 0);
	w.now.unix_ms++;
	assert_int_equal(verify(bytes), KITH_EEXPIRED);
	w.now.unix_ms = then.unix_ms - KITH_CLOCK_TOLERANCE_MS - 1;
	assert_int_equal(verify(bytes), KITH_ENOTYET);
	w.now = then;
	t.expires_ms++;
	assert_int_equal(kith_help_token_make(w.suite, buf, &t, asker.device.sign.sk), KITH_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_back_as_it_was_made_and_no_changed_byte_is_believed),
		cmocka_unit_test(it_holds_for_ten_minutes_and_no_longer),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
