/* Open networks: no root, no issuer, a name is the fingerprint of its own key. */
#include "core_world.h"

enum { ALICE = 3, BOB = 4, NODES };

#define LABEL "try it"

/* Makes node i's certificate as one does in an open network: its identity vouches for its device, and that is all. */
static void issue(struct core_world *w, int i, const char *label)
{
	struct world_node *n = &w->nodes[i];
	struct kith_signer identity;
	struct kith_device_keys keys;
	struct kith_id network;
	uint8_t device[KITH_CERT_MAX];
	world_identity(w, i, false, &identity);
	kith_device_keys_from_seed(&keys, w->pki.suite, &n->id.device);
	struct kith_device_cert dc = { .dh = keys.dh_pk,
				       .sign = keys.sign.pk,
				       .not_before_s = WORLD_UNIX_MS / 1000 - 86400,
				       .expires_s = WORLD_UNIX_MS / 1000 + 30 * 86400 };
	assert_int_equal(kith_network_id_open(&network, label), 0);
	int len = kith_device_cert_sign(w->pki.suite, device, &dc, identity.sk);
	assert_true(len > 0);
	len = kith_chain_make_open(n->id.chain, &network, &identity.pk, test_span(device, (size_t)len));
	assert_true(len > 0);
	n->id.chain_len = (size_t)len;
	n->id.devices_len = 0;
	n->id.identity = identity.pk;
	kith_fingerprint(&identity.pk, n->name);
}

static void options(struct core_world *w, int i, const char *label, struct kith_core_options *o)
{
	issue(w, i, label);
	world_options(w, i, o);
	o->root = NULL;
	o->open_label = label;
}

static int start(struct core_world *w, bool supernode)
{
	struct kith_core_options o;
	int i = world_add(w, "any", supernode);
	options(w, i, LABEL, &o);
	assert_int_equal(world_try_start(w, i, &o), 0);
	return i;
}

/* Three supernodes and two leaves, settled. */
static void open_network(struct core_world *w)
{
	core_world_init(w, kith_suite_sodium(), 1);
	w->log = getenv("KITH_TEST_LOG") != NULL;
	for (int i = 0; i < 3; i++)
		start(w, true);
	world_run(w, 10 * KITH_US_PER_S);
	start(w, false);
	start(w, false);
	world_run(w, 5 * KITH_US_PER_S);
}

static void supernodes_and_leaves_find_each_other_without_an_authority(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	open_network(&w);
	for (int i = 0; i < 3; i++) {
		kith_core_info(w.nodes[i].core, &info);
		assert_int_equal(info.members, 3);
		assert_int_equal(info.leaves, 2);
		assert_int_equal(info.records, 5);
	}
	for (int i = ALICE; i <= BOB; i++) {
		kith_core_info(w.nodes[i].core, &info);
		assert_int_equal(info.homes, 3);
		assert_non_null(world_event(&w, i, KITH_EVENT_PUBLISHED, 0));
	}
	core_world_deinit(&w);
}

static void the_id_of_a_supernode_follows_from_its_key_and_its_prefix(void **state)
{
	struct core_world w;
	(void)state;
	open_network(&w);
	const struct kith_members *members = &w.nodes[1].core->super->members;
	for (int i = 0; i < 3; i++) {
		struct kith_id id;
		uint8_t prefix[4] = { 4, w.nodes[i].addr.ip[0], w.nodes[i].addr.ip[1], w.nodes[i].addr.ip[2] };
		struct kith_span parts[] = { test_span(w.nodes[i].core->self.network.b, KITH_ID_LEN),
					     test_span(w.nodes[i].id.identity.b, KITH_KEY_LEN),
					     test_span(prefix, sizeof prefix) };
		w.pki.suite->blake2b(id.b, sizeof id.b, test_span(NULL, 0), parts, 3);
		assert_non_null(kith_members_get(members, &id));
	}
	core_world_deinit(&w);
}

static void a_person_is_called_by_fingerprint_and_is_who_has_that_key(void **state)
{
	struct core_world w;
	struct kith_session_info info;
	kith_session_id theirs;
	(void)state;
	open_network(&w);
	kith_session_id ours = world_call(&w, ALICE, BOB, &theirs);
	assert_int_equal(kith_core_session_info(w.nodes[ALICE].core, ours, &info), 0);
	assert_string_equal(info.name, w.nodes[BOB].name);
	assert_memory_equal(info.identity.b, w.nodes[BOB].id.identity.b, KITH_KEY_LEN);
	const struct world_event *incoming = world_event(&w, BOB, KITH_EVENT_INCOMING, 0);
	assert_non_null(incoming);
	assert_string_equal(incoming->ev.name, w.nodes[ALICE].name);
	int since = w.events_n;
	assert_int_equal(world_say(&w, ALICE, ours, "hello", 5), 0);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, BOB, KITH_EVENT_DATAGRAM, since));
	/* And a supernode, which is a person too. */
	world_call(&w, BOB, 0, NULL);
	core_world_deinit(&w);
}

static int end_of(const struct core_world *w, int node, kith_op op)
{
	const struct world_event *e = world_event(w, node, KITH_EVENT_OP_DONE, 0);
	assert_non_null(e);
	assert_int_equal(e->ev.op, op);
	return e->ev.err;
}

static void a_fingerprint_that_nobody_has_is_not_found(void **state)
{
	struct core_world w;
	char name[KITH_NAME_MAX + 1];
	(void)state;
	open_network(&w);
	/* One character off. */
	snprintf(name, sizeof name, "%s", w.nodes[BOB].name);
	name[5] = name[5] == 'a' ? 'b' : 'a';
	kith_op op = world_dial(&w, ALICE, name, 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(end_of(&w, ALICE, op), KITH_ENOENT);
	assert_null(world_event(&w, BOB, KITH_EVENT_INCOMING, 0));
	core_world_deinit(&w);
}

/* What is not a fingerprint cannot be anybody here; "bob" is a name only where somebody certifies it. */
static void a_friendly_name_is_nobody(void **state)
{
	struct core_world w;
	(void)state;
	open_network(&w);
	kith_op op = world_dial(&w, ALICE, "bob", 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(end_of(&w, ALICE, op), KITH_ENOENT);
	core_world_deinit(&w);
}

/* Bob shows mallory's chain under his own record: the name that he claims is not that of the key. */
static void who_shows_another_key_than_was_called_is_refused(void **state)
{
	struct core_world w;
	(void)state;
	open_network(&w);
	struct kith_signer other;
	struct kith_device_keys keys;
	uint8_t device[KITH_CERT_MAX];
	static uint8_t chain[KITH_CHAIN_MAX];
	world_identity(&w, BOB, true, &other);
	kith_device_keys_from_seed(&keys, w.pki.suite, &w.nodes[BOB].id.device);
	struct kith_device_cert dc = { .dh = keys.dh_pk,
				       .sign = keys.sign.pk,
				       .not_before_s = WORLD_UNIX_MS / 1000 - 86400,
				       .expires_s = WORLD_UNIX_MS / 1000 + 86400 };
	int len = kith_device_cert_sign(w.pki.suite, device, &dc, other.sk);
	assert_true(len > 0);
	len = kith_chain_make_open(chain, &w.nodes[BOB].core->self.network, &other.pk, test_span(device, (size_t)len));
	assert_true(len > 0);
	w.nodes[BOB].core->self.chain = test_span(chain, (size_t)len);
	kith_op op = world_dial(&w, ALICE, w.nodes[BOB].name, 5 * KITH_US_PER_S);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_true(end_of(&w, ALICE, op) < 0);
	assert_true(world_stat(&w, ALICE, KITH_STAT_REFUSE_NAME) > 0);
	assert_null(world_event(&w, ALICE, KITH_EVENT_OPENED, 0));
	core_world_deinit(&w);
}

static void networks_of_different_labels_do_not_mix(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	open_network(&w);
	int carol = world_add(&w, "any", false);
	options(&w, carol, "another", &o);
	assert_int_equal(world_try_start(&w, carol, &o), 0);
	world_run(&w, 30 * KITH_US_PER_S);
	struct kith_core_info info;
	kith_core_info(w.nodes[carol].core, &info);
	assert_int_equal(info.homes, 0);
	core_world_deinit(&w);
}

static void certificates_of_the_other_kind_of_network_are_no_identity_here(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	struct kith_core *c = NULL;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 1);
	int i = world_add(&w, "alice", false);
	world_options(&w, i, &o); /* certified by an authority */
	o.root = NULL;
	o.open_label = LABEL;
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_ENETWORK);
	options(&w, i, LABEL, &o); /* by itself */
	o.root = &w.pki.root.pk;
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_ENETWORK);
	options(&w, i, "another", &o);
	o.open_label = LABEL;
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_ENETWORK);
	options(&w, i, LABEL, &o);
	o.open_label = NULL;
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_EINVAL);
	o.open_label = "";
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_EINVAL);
	assert_null(c);
	core_world_deinit(&w);
}

static void there_is_nobody_to_take_revocations_or_issuers_from(void **state)
{
	struct core_world w;
	(void)state;
	open_network(&w);
	struct kith_core *c = w.nodes[ALICE].core;
	struct kith_span cert = test_span(w.pki.issuer_cert, w.pki.issuer_len);
	assert_true(kith_core_add_issuer(c, world_clock(&w), cert) < 0);
	assert_true(kith_core_revoke(c, world_clock(&w), cert) < 0);
	world_drain(&w, ALICE);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(supernodes_and_leaves_find_each_other_without_an_authority),
		cmocka_unit_test(the_id_of_a_supernode_follows_from_its_key_and_its_prefix),
		cmocka_unit_test(a_person_is_called_by_fingerprint_and_is_who_has_that_key),
		cmocka_unit_test(a_fingerprint_that_nobody_has_is_not_found),
		cmocka_unit_test(a_friendly_name_is_nobody),
		cmocka_unit_test(who_shows_another_key_than_was_called_is_refused),
		cmocka_unit_test(networks_of_different_labels_do_not_mix),
		cmocka_unit_test(certificates_of_the_other_kind_of_network_are_no_identity_here),
		cmocka_unit_test(there_is_nobody_to_take_revocations_or_issuers_from),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
