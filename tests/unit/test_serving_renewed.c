/* An elected supernode's attestations are renewed while it serves: a day of it. */
#include "serving_world.h"

/* A day later its attestations are over: it has others by then, of a supernode that serves. */
static void it_is_attested_anew_while_it_serves(void **state)
{
	(void)state;
	start();
	assert_int_equal(cw_attest(&cw, &no_caps).reached, KITH_REACHED_YES);
	assert_int_equal(begin(CW_ALICE), 0);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	struct kith_qualification before = cw_info(&cw).figures;
	world_run(&cw.w, 23 * 3600 * KITH_US_PER_S);
	struct kith_candidacy_info after = cw_info(&cw);
	assert_int_equal(after.reached, KITH_REACHED_YES);
	assert_true(after.figures.until_ms > before.until_ms + 15 * 3600 * 1000);
	assert_int_equal(after.figures.first_seen_s, before.first_seen_s); /* renewing does not reset it */
	assert_int_equal(known_by(), CW_SUPERNODES);
	/* Others have her entry with the new ones. */
	struct kith_member_entry entry;
	struct kith_attest list[KITH_ATTESTS_MAX];
	struct kith_id id = cw.w.nodes[CW_ALICE].core->super->id;
	const struct kith_member *m = kith_members_get(&cw.w.nodes[0].core->super->members, &id);
	assert_int_equal(kith_member_parse(&entry, kith_member_entry_bytes(m)), 0);
	assert_int_equal(kith_attests_read(list, entry.attest), KITH_ATTESTS_NEEDED);
	for (int i = 0; i < KITH_ATTESTS_NEEDED; i++)
		assert_true(kith_attest_until_ms(&list[i]) > before.until_ms + 15 * 3600 * 1000);
	core_world_deinit(&cw.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_attested_anew_while_it_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
