/* What survives a restart, and what a torn or altered file costs. */
#include "lists_world.h"

#include "base/limits.h"
#include "core/save.h"

/* Runs a node until it wants to save, and takes a copy of that. */
static size_t saved_state(struct core_world *w, int node, uint8_t *out, size_t cap)
{
	struct kith_effect effect;
	struct kith_core *c = w->nodes[node].core;
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	kith_state_save(c);
	assert_true(kith_core_effect(c, &effect));
	assert_false(kith_core_effect(c, &(struct kith_effect){ .id = 0 }));
	assert_int_equal(effect.type, KITH_EFFECT_SAVE);
	assert_int_equal(effect.what, KITH_SAVE_STATE);
	assert_true(effect.bytes.len > 0 && effect.bytes.len <= cap);
	memcpy(out, effect.bytes.p, effect.bytes.len);
	size_t len = effect.bytes.len;
	kith_core_complete(c, world_clock(w), effect.id, 0, NULL);
	world_drain(w, node);
	return len;
}

/* Takes a copy of the contacts that a node wants to save; 0: it wants to save none. */
static size_t saved_contacts(struct core_world *w, int node, uint8_t *out, size_t cap)
{
	struct kith_effect effect;
	struct kith_core *c = w->nodes[node].core;
	if (!kith_core_effect(c, &effect))
		return 0;
	assert_int_equal(effect.type, KITH_EFFECT_SAVE);
	assert_int_equal(effect.what, KITH_SAVE_CONTACTS);
	assert_true(effect.bytes.len <= cap);
	memcpy(out, effect.bytes.p, effect.bytes.len);
	size_t len = effect.bytes.len;
	kith_core_complete(c, world_clock(w), effect.id, 0, NULL);
	world_drain(w, node);
	return len;
}

static void restart(struct core_world *w, int node, struct kith_span state, struct kith_span contacts,
		    bool with_bootstrap)
{
	struct kith_core_options o;
	world_stop(w, node);
	world_options(w, node, &o);
	o.state = state;
	o.contacts = contacts;
	if (!with_bootstrap)
		o.bootstrap_n = 0;
	assert_int_equal(world_try_start(w, node, &o), 0);
}

static void a_node_finds_its_way_back_by_what_it_saved_alone(void **state)
{
	struct core_world w;
	static uint8_t file[1 << 20], contacts[1 << 12];
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob",
				       &w.nodes[WORLD_BOB].id.identity, KITH_CONTACT_RELAY_ONLY, false),
			 0);
	size_t contacts_len = saved_contacts(&w, WORLD_ALICE, contacts, sizeof contacts); /* at once */
	assert_true(contacts_len > 0);
	int64_t stamp = w.nodes[WORLD_ALICE].core->stamp_ms;
	uint64_t seq = w.nodes[WORLD_ALICE].core->leaf.record_seq;
	size_t len = saved_state(&w, WORLD_ALICE, file, sizeof file);
	restart(&w, WORLD_ALICE, test_span(file, len), test_span(contacts, contacts_len), false);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	assert_true(c->stamp_ms >= stamp);
	assert_true(c->leaf.record_seq >= seq);
	struct kith_key other = { { 1 } };
	assert_int_equal(kith_core_pin(c, world_clock(&w), "bob", &other, 0, false), KITH_EPINNED);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	struct kith_core_info info;
	kith_core_info(c, &info);
	assert_int_equal(info.homes, 3);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

/* So that a node that is cut off when it starts refuses whom it refused before. */
static void revocation_lists_survive_a_restart(void **state)
{
	struct core_world w;
	static uint8_t file[1 << 20];
	(void)state;
	world_alice_and_bob(&w);
	list_give(&w, 0, &(struct list_of){ .number = 3, .ranges = KITH_REVOKED_RANGES_MAX });
	list_give(&w, 0, &(struct list_of){ .issuer = &w.pki.issuer, .number = 8, .serial = 1 + WORLD_BOB });
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(list_number(&w, WORLD_ALICE, NULL), 3);
	size_t len = saved_state(&w, WORLD_ALICE, file, sizeof file);
	w.nodes[0].muted = w.nodes[1].muted = w.nodes[2].muted = true;
	restart(&w, WORLD_ALICE, test_span(file, len), test_span(NULL, 0), true);
	assert_int_equal(list_number(&w, WORLD_ALICE, NULL), 3);
	assert_int_equal(list_number(&w, WORLD_ALICE, &w.pki.issuer), 8);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	struct kith_person bob;
	assert_int_equal(kith_trust_check(&c->trust, &c->now,
					  test_span(w.nodes[WORLD_BOB].id.chain, w.nodes[WORLD_BOB].id.chain_len),
					  &bob),
			 KITH_EREVOKED);
	core_world_deinit(&w);
}

/* A supernode that starts with lists tells its leaves of them. */
static void a_home_that_was_restarted_tells_of_the_lists_that_it_kept(void **state)
{
	struct core_world w;
	static uint8_t file[1 << 20];
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	list_give(&w, 0, &(struct list_of){ .number = 3 });
	world_run(&w, KITH_US_PER_S);
	size_t len = saved_state(&w, 0, file, sizeof file);
	restart(&w, 0, test_span(file, len), test_span(NULL, 0), true);
	int leaf = world_start(&w, "alice", false);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(list_number(&w, leaf, NULL), 3);
	core_world_deinit(&w);
}

/* Timestamps of handshakes and sequence numbers of records rise although the wall clock was set back a little. */
static void numbers_rise_across_a_restart_with_a_clock_set_back(void **state)
{
	struct core_world w;
	static uint8_t file[1 << 20];
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	c->stamp_ms += 300 * 1000; /* as if it had run five minutes ahead */
	c->leaf.record_seq += 300 * 1000;
	int64_t stamp = c->stamp_ms;
	uint64_t seq = c->leaf.record_seq;
	size_t len = saved_state(&w, WORLD_ALICE, file, sizeof file);
	restart(&w, WORLD_ALICE, test_span(file, len), test_span(NULL, 0), true);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_true(w.nodes[WORLD_ALICE].core->stamp_ms > stamp);
	assert_true(w.nodes[WORLD_ALICE].core->leaf.record_seq > seq);
	core_world_deinit(&w);
}

/* What the others hold of a supernode is replaced by what it signs after a restart, although its clock was set back. */
static void a_supernode_s_entry_and_record_are_newer_after_a_restart_with_a_clock_set_back(void **state)
{
	struct core_world w;
	static uint8_t file[1 << 20];
	struct kith_core_options o;
	(void)state;
	world_alice_and_bob(&w);
	const struct kith_supernode *sn = w.nodes[1].core->super;
	struct kith_id id = sn->id;
	struct kith_members *seen = &w.nodes[0].core->super->members;
	uint64_t entry = sn->entry_seq, record = w.nodes[1].core->leaf.record_seq;
	assert_int_equal(kith_members_get(seen, &id)->seq, entry);
	w.nodes[1].core->super->entry_seq += 60000; /* as when it was renewed after the record */
	entry += 60000;
	assert_true(entry > record);
	size_t len = saved_state(&w, 1, file, sizeof file);
	world_stop(&w, 1);
	world_options(&w, 1, &o);
	o.state = test_span(file, len);
	for (int64_t back_ms = 60 * 1000; back_ms <= 8 * 60 * 1000; back_ms += 7 * 60 * 1000) {
		struct kith_now clock = world_clock(&w);
		clock.unix_ms -= back_ms;
		assert_int_equal(kith_core_new(&w.nodes[1].core, &o, clock), 0);
		assert_true(w.nodes[1].core->super->entry_seq > entry);
		assert_true(w.nodes[1].core->super->entry_seq > record);
		world_stop(&w, 1);
	}
	assert_int_equal(world_try_start(&w, 1, &o), 0);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_true(kith_members_get(seen, &id)->seq > entry);
	core_world_deinit(&w);
}

/* A supernode that has no leaf and takes none still has something to save. */
static void a_supernode_saves_when_it_has_signed(void **state)
{
	struct core_world w;
	struct kith_effect effect;
	struct kith_core_options o;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 3);
	int i = world_add(&w, "s0", true);
	world_options(&w, i, &o);
	assert_int_equal(kith_core_new(&w.nodes[i].core, &o, world_clock(&w)), 0);
	bool saved = false;
	for (int k = 0; k < 10 && !saved; k++) {
		struct kith_packet out[8];
		w.now += KITH_US_PER_S;
		kith_core_tick(w.nodes[i].core, world_clock(&w));
		while (kith_core_poll(w.nodes[i].core, world_clock(&w), out, 8) > 0) {}
		saved = kith_core_effect(w.nodes[i].core, &effect);
	}
	assert_true(saved);
	kith_core_complete(w.nodes[i].core, world_clock(&w), effect.id, 0, NULL);
	core_world_deinit(&w);
}

static void a_file_that_is_torn_or_altered_is_refused_and_the_node_starts_without(void **state)
{
	struct core_world w;
	static uint8_t file[1 << 20], copy[1 << 20];
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob",
				       &w.nodes[WORLD_BOB].id.identity, 0, false),
			 0);
	world_drain(&w, WORLD_ALICE);
	size_t len = saved_state(&w, WORLD_ALICE, file, sizeof file);
	struct kith_core_options o;
	int fresh = world_add(&w, "carol", false);
	world_options(&w, fresh, &o);
	assert_int_equal(kith_core_new(&w.nodes[fresh].core, &o, world_clock(&w)), 0);
	struct kith_core *c = w.nodes[fresh].core;
	world_drain(&w, fresh);
	for (size_t cut = 0; cut < len; cut += cut < 100 || cut + 100 > len ? 1 : 37)
		assert_true(kith_state_load(c, test_span(file, cut)) < 0);
	for (size_t i = 0; i < len; i += i < 100 || i + 100 > len ? 1 : 37) {
		memcpy(copy, file, len);
		copy[i] ^= 1;
		assert_true(kith_state_load(c, test_span(copy, len)) < 0);
	}
	memcpy(copy, file, len);
	copy[8] += 4; /* of a later version */
	assert_int_equal(kith_state_load(c, test_span(copy, len)), KITH_EVERSION);
	assert_int_equal(c->stamp_ms, 0);
	assert_null(kith_contacts_get(&c->contacts, "bob"));
	world_stop(&w, fresh);
	copy[8] -= 4;
	copy[len / 2] ^= 1;
	restart(&w, WORLD_ALICE, test_span(copy, len), test_span(NULL, 0), true);
	world_run(&w, 10 * KITH_US_PER_S);
	struct kith_core_info info;
	kith_core_info(w.nodes[WORLD_ALICE].core, &info);
	assert_int_equal(info.homes, 3);
	core_world_deinit(&w);
}

static int pin(struct core_world *w, const char *name, uint8_t flags)
{
	struct kith_key key = { { 7 } };
	return kith_core_pin(w->nodes[WORLD_ALICE].core, world_clock(w), name, &key, flags, false);
}

/* Contacts are written when they changed, and only then. */
static void contacts_are_saved_once_for_each_change(void **state)
{
	struct core_world w;
	struct kith_effect effect;
	static uint8_t first[1 << 12], second[1 << 12], cache[1 << 20];
	(void)state;
	world_alice_and_bob(&w);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(saved_contacts(&w, WORLD_ALICE, first, sizeof first), 0);
	assert_int_equal(pin(&w, "carol", 0), 0);
	size_t len = saved_contacts(&w, WORLD_ALICE, first, sizeof first);
	assert_true(len > 0);
	assert_int_equal(pin(&w, "carol", 0), 0); /* as it is */
	assert_int_equal(saved_contacts(&w, WORLD_ALICE, second, sizeof second), 0);
	(void)saved_state(&w, WORLD_ALICE, cache, sizeof cache); /* alone */

	/* One that changes while the last save is out is saved after it, and one that failed again. */
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	assert_int_equal(pin(&w, "carol", KITH_CONTACT_BLOCKED), 0);
	assert_true(kith_core_effect(c, &effect));
	assert_int_equal(pin(&w, "dave", 0), 0);
	assert_false(kith_core_effect(c, &(struct kith_effect){ .id = 0 }));
	kith_core_complete(c, world_clock(&w), effect.id, 0, NULL);
	assert_true(kith_core_effect(c, &effect));
	assert_int_equal(effect.what, KITH_SAVE_CONTACTS);
	kith_core_complete(c, world_clock(&w), effect.id, KITH_EIO, NULL);
	bool again = false;
	for (int i = 0; i < 20 && !again; i++) {
		struct kith_packet out[64];
		w.now += KITH_US_PER_S;
		kith_core_tick(c, world_clock(&w));
		while (kith_core_poll(c, world_clock(&w), out, 64) > 0) {}
		while (!again && kith_core_effect(c, &effect))
			again = effect.what == KITH_SAVE_CONTACTS;
	}
	assert_true(again);
	assert_true(effect.bytes.len > len);
	core_world_deinit(&w);
}

/* A file of the version before this one, which held the contacts as well. */
static size_t write_version_1(const struct kith_core *c, uint8_t *out, size_t cap)
{
	struct kith_writer w = kith_writer_of(out, cap);
	kith_write_bytes(&w, (const uint8_t *)"KITHSTAT", 8);
	kith_write_u8(&w, 1);
	kith_write_u64(&w, 77);
	kith_write_u64(&w, 78);
	kith_write_u64(&w, 79);
	kith_write_u32(&w, 0);
	kith_write_u32(&w, (uint32_t)kith_contacts_size(&c->contacts));
	uint8_t *contacts = kith_write(&w, kith_contacts_size(&c->contacts));
	assert_true(kith_contacts_save(&c->contacts, c->suite, contacts, kith_contacts_size(&c->contacts)) > 0);
	struct kith_span part = { out, kith_writer_len(&w) };
	c->suite->blake2b(kith_write(&w, 16), 16, test_span("KITHSTAT", 8), &part, 1);
	assert_false(w.bad);
	return kith_writer_len(&w);
}

static void contacts_of_an_older_state_file_get_their_own(void **state)
{
	struct core_world w;
	static uint8_t old[1 << 12], contacts[1 << 12];
	struct kith_core_options o;
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(pin(&w, "carol", KITH_CONTACT_BLOCKED), 0);
	size_t len = write_version_1(w.nodes[WORLD_ALICE].core, old, sizeof old);
	world_stop(&w, WORLD_ALICE);
	world_options(&w, WORLD_ALICE, &o);
	o.state = test_span(old, len);
	struct kith_core *c;
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), 0);
	w.nodes[WORLD_ALICE].core = c;
	assert_int_equal(c->stamp_ms, 77);
	assert_int_equal(c->leaf.record_seq, 78);
	assert_int_equal(kith_contacts_get(&c->contacts, "carol")->flags, KITH_CONTACT_BLOCKED);
	len = saved_contacts(&w, WORLD_ALICE, contacts, sizeof contacts);
	assert_true(len > 0);

	/* The file of their own counts from then on. */
	world_stop(&w, WORLD_ALICE);
	struct kith_contacts none;
	kith_contacts_init(&none, &w.alloc.alloc, 1);
	assert_int_equal(kith_contacts_load(&none, w.pki.suite, test_span(contacts, len)), 0);
	none.items[0].flags = 0;
	assert_true(kith_contacts_save(&none, w.pki.suite, contacts, len) > 0);
	kith_contacts_deinit(&none);
	o.contacts = test_span(contacts, len);
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), 0);
	w.nodes[WORLD_ALICE].core = c;
	assert_int_equal(kith_contacts_get(&c->contacts, "carol")->flags, 0);
	assert_int_equal(saved_contacts(&w, WORLD_ALICE, contacts, sizeof contacts), 0); /* they are there already */
	core_world_deinit(&w);
}

static void a_save_that_failed_is_tried_again(void **state)
{
	struct core_world w;
	struct kith_effect effect;
	(void)state;
	world_alice_and_bob(&w);
	world_run(&w, 30 * KITH_US_PER_S);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	kith_core_tick(c, world_clock(&w));
	kith_state_save(c);
	assert_true(kith_core_effect(c, &effect));
	assert_int_equal(effect.what, KITH_SAVE_STATE);
	uint32_t id = effect.id;
	kith_state_save(c); /* one is out: later */
	assert_false(kith_core_effect(c, &effect));
	kith_core_complete(c, world_clock(&w), id + 1, KITH_EIO, NULL); /* another's */
	kith_core_complete(c, world_clock(&w), id, KITH_EIO, NULL);
	bool again = false;
	for (int i = 0; i < 20 && !again; i++) {
		w.now += KITH_US_PER_S;
		kith_core_tick(c, world_clock(&w));
		struct kith_packet out[64];
		while (kith_core_poll(c, world_clock(&w), out, 64) > 0) {}
		again = kith_core_effect(c, &effect);
	}
	assert_true(again);
	assert_true(effect.id != id && effect.bytes.len > 0);
	kith_core_complete(c, world_clock(&w), effect.id, 0, NULL);
	core_world_deinit(&w);
}

static void heads_of_logs_and_proofs_of_two_logs_are_kept(void **state)
{
	static uint8_t file[64 * 1024];
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	for (int i = 0; i < 2; i++) { /* a head; then another of the same size */
		assert_int_equal(head_give(&w, 0, 12, (uint8_t)(1 + i), 1000 + i), 0);
		size_t len = saved_state(&w, 0, file, sizeof file);
		restart(&w, 0, test_span(file, len), test_span(NULL, 0), true);
		assert_int_equal(head_holders(&w, 12), 1);
		assert_int_equal(fork_holders(&w), i);
	}
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_finds_its_way_back_by_what_it_saved_alone),
		cmocka_unit_test(revocation_lists_survive_a_restart),
		cmocka_unit_test(a_home_that_was_restarted_tells_of_the_lists_that_it_kept),
		cmocka_unit_test(numbers_rise_across_a_restart_with_a_clock_set_back),
		cmocka_unit_test(a_supernode_s_entry_and_record_are_newer_after_a_restart_with_a_clock_set_back),
		cmocka_unit_test(a_supernode_saves_when_it_has_signed),
		cmocka_unit_test(a_file_that_is_torn_or_altered_is_refused_and_the_node_starts_without),
		cmocka_unit_test(contacts_are_saved_once_for_each_change),
		cmocka_unit_test(contacts_of_an_older_state_file_get_their_own),
		cmocka_unit_test(a_save_that_failed_is_tried_again),
		cmocka_unit_test(heads_of_logs_and_proofs_of_two_logs_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
