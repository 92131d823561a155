/* Profiles: what is made can be loaded, and what is wrong with one is said with the file's name. */
#include "host_world.h"

static void put(const char *dir, const char *file, const char *text)
{
	char path[160];
	(void)snprintf(path, sizeof path, "%s/%s", dir, file);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

struct home {
	char dir[64], name[KITH_NAME_MAX + 1], why[256];
	struct kith_node_options o;
};

static void home_init(struct home *h)
{
	memset(h, 0, sizeof *h);
	strcpy(h->dir, "/tmp/kith-test-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	assert_int_equal(kith_profile_create_open(h->dir, "playground", NULL, 0, h->name), 0);
	kith_node_options_init(&h->o);
}

static int load(struct home *h)
{
	return kith_node_options_load(&h->o, h->dir, h->why, sizeof h->why);
}

static void home_deinit(struct home *h)
{
	kith_node_options_deinit(&h->o);
	remove_tree(h->dir);
}

static void what_was_made_is_loaded(void **state)
{
	struct home h;
	struct kith_chain chain;
	struct kith_secrets secrets;
	struct kith_key dh, sign;
	struct kith_seed device;
	char name[KITH_NAME_MAX + 1];
	(void)state;
	home_init(&h);
	assert_int_equal(load(&h), 0);
	assert_false(h.o.has_root);
	assert_string_equal(h.o.open_label, "playground");
	assert_int_equal(h.o.bootstrap_n, 0);
	assert_int_equal(kith_chain_parse(&chain, h.o.chain), 0);
	assert_int_equal(chain.kind, KITH_CHAIN_OPEN);
	/* Everybody reads it in records: it tells days. */
	assert_int_equal(chain.device.not_before_s % 86400, 0);
	assert_int_equal(chain.device.expires_s % 86400, 0);
	assert_string_equal(kith_fingerprint(&chain.identity, name), h.name);
	assert_int_equal(kith_keyfile_read(h.o.key_path, NULL, 0, &secrets), 0);
	assert_true(kith_secrets_get(&secrets, KITH_SECRET_DEVICE, &device));
	kith_seed_device(&dh, &sign, &device);
	assert_memory_equal(&dh, &chain.device.dh, sizeof dh);
	assert_memory_equal(&sign, &chain.device.sign, sizeof sign);
	home_deinit(&h);
}

static void a_profile_is_not_made_over_another(void **state)
{
	struct home h;
	char name[KITH_NAME_MAX + 1];
	(void)state;
	home_init(&h);
	assert_int_equal(kith_profile_create_open(h.dir, "playground", NULL, 0, name), KITH_EEXIST);
	assert_string_equal(name, "");
	assert_int_equal(kith_profile_create_open("/nonexistent/dir", "playground", NULL, 0, name), KITH_ENOENT);
	assert_int_equal(kith_profile_create_open(h.dir, "", NULL, 0, name), KITH_EINVAL);
	char long_label[KITH_NETWORK_LABEL_MAX + 2];
	memset(long_label, 'x', sizeof long_label - 1);
	long_label[sizeof long_label - 1] = '\0';
	assert_int_equal(kith_profile_create_open(h.dir, long_label, NULL, 0, name), KITH_EINVAL);
	home_deinit(&h);
}

static void bootstrap_lines_and_comments_are_read(void **state)
{
	struct home h;
	(void)state;
	home_init(&h);
	put(h.dir, "bootstrap", "# two of them\n\n  home.example:7000\r\n[2001:db8::1]:7001\n");
	assert_int_equal(load(&h), 0);
	assert_int_equal(h.o.bootstrap_n, 2);
	assert_string_equal(h.o.bootstrap[0], "home.example:7000");
	put(h.dir, "bootstrap", "home.example\n");
	assert_int_equal(load(&h), KITH_EPROTO);
	assert_non_null(strstr(h.why, "/bootstrap:"));
	home_deinit(&h);
}

static void a_bootstrap_file_can_allow_loopback(void **state)
{
	struct home h;
	(void)state;
	home_init(&h);
	put(h.dir, "bootstrap", "loopback\n127.0.0.1:7000\n");
	assert_int_equal(load(&h), 0);
	assert_true(h.o.allow_loopback);
	assert_int_equal(h.o.bootstrap_n, 1);
	assert_string_equal(h.o.bootstrap[0], "127.0.0.1:7000");
	put(h.dir, "bootstrap", "127.0.0.1:7000\n");
	assert_int_equal(load(&h), 0); /* what one profile asks for is not asked for by the next */
	assert_false(h.o.allow_loopback);
	h.o.allow_loopback = true;
	assert_int_equal(load(&h), 0); /* what the program wants stays */
	assert_true(h.o.allow_loopback);
	put(h.dir, "bootstrap", "127.0.0.1:7000\nloop back\n");
	assert_int_equal(load(&h), KITH_EPROTO);
	assert_non_null(strstr(h.why, "line 2"));
	home_deinit(&h);
}

static void more_bootstrap_hosts_than_a_node_asks_are_refused(void **state)
{
	char lines[(KITH_RESOLVE_ENTRIES_MAX + 1) * 16] = "loopback\n";
	struct home h;
	(void)state;
	home_init(&h);
	for (size_t i = 0, at = strlen(lines); i < KITH_RESOLVE_ENTRIES_MAX; i++)
		at += (size_t)snprintf(lines + at, sizeof lines - at, "a%zu:7000\n", i);
	put(h.dir, "bootstrap", lines);
	assert_int_equal(load(&h), 0);
	assert_int_equal(h.o.bootstrap_n, KITH_RESOLVE_ENTRIES_MAX);
	strcat(lines, "b:7000\n");
	put(h.dir, "bootstrap", lines);
	assert_int_equal(load(&h), KITH_EFULL);
	assert_non_null(strstr(h.why, "too many hosts"));
	home_deinit(&h);
}

static void a_root_key_makes_a_closed_network(void **state)
{
	struct home h;
	struct kith_key root = { { 5, 6, 7 } };
	char text[KITH_KEY_TEXT_LEN + 1];
	(void)state;
	home_init(&h);
	put(h.dir, "network", kith_key_format(root.b, text));
	assert_int_equal(load(&h), 0);
	assert_true(h.o.has_root);
	assert_memory_equal(&h.o.root, &root, sizeof root);
	home_deinit(&h);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *file, *text;
	} bad[] = { { "network", "" },
		    { "network", "open" },
		    { "network", "open \n" },
		    { "network", "whatever" },
		    { "chain", "" },
		    { "chain", "-----BEGIN KITH CHAIN-----\nAAAA\n-----END KITH CHAIN-----\n" },
		    { "chain", "-----BEGIN KITH KEY FILE-----\nAAAA\n-----END KITH KEY FILE-----\n" } };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct home h;
		home_init(&h);
		put(h.dir, bad[i].file, bad[i].text);
		assert_int_equal(load(&h), KITH_EPROTO);
		assert_non_null(strstr(h.why, bad[i].file));
		assert_null(h.o.profile);
		home_deinit(&h);
	}
	struct kith_node_options o;
	char why[256];
	kith_node_options_init(&o);
	assert_int_equal(kith_node_options_load(&o, "/nonexistent", why, sizeof why), KITH_ENOENT);
	assert_non_null(strstr(why, "/nonexistent/network"));
	assert_int_equal(kith_node_options_load(&o, "/nonexistent", NULL, 0), KITH_ENOENT);
}

static int give_passphrase(void *ctx, const char *path, char *out, size_t cap)
{
	const char *pass = ctx;
	assert_non_null(strstr(path, "/key"));
	assert_true(cap >= strlen(pass));
	memcpy(out, pass, strlen(pass));
	return (int)strlen(pass);
}

/* Protects the profile's key file at costs that a test can pay. */
static void protect(const struct home *h, const char *pass)
{
	struct kith_secrets secrets;
	char path[128];
	(void)snprintf(path, sizeof path, "%s/key", h->dir);
	assert_int_equal(kith_keyfile_read(path, NULL, 0, &secrets), 0);
	assert_int_equal(kith_keyfile_write_cost(path, &secrets, pass, strlen(pass), true, KITH_SEALED_OPS_MIN,
						 KITH_SEALED_MEM_KIB_MIN),
			 0);
}

static int start_with(struct world *w, struct home *h, char *pass)
{
	struct party p;
	memset(&p, 0, sizeof p);
	p.world = w;
	assert_int_equal(load(h), 0);
	h->o.loop = &w->loop;
	h->o.alloc = &w->alloc.alloc;
	h->o.passphrase = give_passphrase;
	h->o.passphrase_ctx = pass;
	party_new(&p, &h->o);
	assert_int_equal(kith_node_start(p.node), 0);
	UNTIL(w, p.started);
	party_close(&p);
	return p.start_err;
}

static void a_node_opens_a_protected_key_file(void **state)
{
	char good[] = "correct horse", bad[] = "wrong";
	struct world w;
	struct home h;
	(void)state;
	world_init(&w);
	home_init(&h);
	protect(&h, good);
	assert_int_equal(start_with(&w, &h, good), 0);
	assert_int_equal(start_with(&w, &h, bad), KITH_EPASSPHRASE);
	struct kith_node *node;
	assert_int_equal(load(&h), 0);
	h.o.passphrase = NULL;
	assert_int_equal(kith_node_new(&node, &h.o, NULL, NULL), KITH_EPASSPHRASE);
	assert_null(node);
	home_deinit(&h);
	world_deinit(&w);
}

static void a_key_of_another_device_is_refused(void **state)
{
	struct world w;
	struct home h, other;
	char pass[] = "";
	char command[256];
	(void)state;
	world_init(&w);
	home_init(&h);
	home_init(&other);
	(void)snprintf(command, sizeof command, "cp '%s/key' '%s/key'", other.dir, h.dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(start_with(&w, &h, pass), KITH_EAUTH);
	home_deinit(&other);
	home_deinit(&h);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_made_is_loaded),
		cmocka_unit_test(a_profile_is_not_made_over_another),
		cmocka_unit_test(bootstrap_lines_and_comments_are_read),
		cmocka_unit_test(a_bootstrap_file_can_allow_loopback),
		cmocka_unit_test(more_bootstrap_hosts_than_a_node_asks_are_refused),
		cmocka_unit_test(a_root_key_makes_a_closed_network),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_node_opens_a_protected_key_file),
		cmocka_unit_test(a_key_of_another_device_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
