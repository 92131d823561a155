/* A node's certificate, renewed while it runs: by itself, by others, or not at all, which is told. */
#include <stdlib.h>
#include <sys/stat.h>

#include "host_world.h"

enum { HOUR_S = 3600 };

struct told {
	int n;
	int err;
	char why[KITH_HOST_WHY_MAX];
};

/* A leaf of an open network with one supernode. */
struct renewal {
	struct world w;
	struct party home, leaf;
	struct told told;
	char bootstrap[32], path[128];
	const char *list[1];
};

static void note(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	struct party *p = user;
	struct told *t = &KITH_CONTAINER_OF(p, struct renewal, leaf)->told;
	(void)node;
	if (what != KITH_TROUBLE_CERTIFICATE)
		return;
	t->n++;
	t->err = err;
	(void)snprintf(t->why, sizeof t->why, "%s", why);
}

static void read_file(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t n = fread(out, 1, cap - 1, f);
	out[n] = '\0';
	(void)fclose(f);
}

static void chain_of(const char *path, struct kith_chain *out, uint8_t bytes[KITH_CHAIN_MAX])
{
	char text[8192];
	enum kith_armor kind;
	read_file(path, text, sizeof text);
	int n = kith_armor_decode(&kind, bytes, KITH_CHAIN_MAX, text, strlen(text), NULL);
	assert_true(n > 0 && kind == KITH_ARMOR_CHAIN);
	assert_int_equal(kith_chain_parse(out, test_span(bytes, (size_t)n)), 0);
}

/* Certifies the leaf's device anew, from and until so many seconds from now. */
static void certify(struct renewal *r, int64_t from_s, int64_t until_s)
{
	uint8_t bytes[KITH_CHAIN_MAX], cert[KITH_CERT_MAX];
	struct kith_secrets secrets;
	struct kith_seed identity;
	struct kith_id network;
	struct kith_chain chain;
	char text[2048], key[128];
	int64_t now_s = kith_clock_unix_ms() / 1000;
	(void)snprintf(key, sizeof key, "%s/key", r->leaf.dir);
	chain_of(r->path, &chain, bytes);
	assert_int_equal(kith_keyfile_read(key, NULL, 0, &secrets), 0);
	assert_true(kith_secrets_get(&secrets, KITH_SECRET_IDENTITY, &identity));
	assert_int_equal(kith_network_id_open(&network, "playground"), 0);
	chain.device.not_before_s = now_s + from_s;
	chain.device.expires_s = now_s + until_s;
	int n = kith_device_cert_make(cert, &chain.device, &identity);
	assert_true(n > 0);
	n = kith_chain_make_open(bytes, &network, &chain.identity, test_span(cert, (size_t)n));
	assert_true(n > 0);
	assert_true(kith_armor_encode(text, sizeof text, KITH_ARMOR_CHAIN, test_span(bytes, (size_t)n)) > 0);
	FILE *f = fopen(r->path, "w");
	assert_non_null(f);
	(void)fprintf(f, "# ours\n%s# the end\n", text);
	(void)fclose(f);
}

/* Seals the leaf's key file anew, without the identity's secret if that is offline. */
static void seal(struct renewal *r, const char *pass, bool offline)
{
	struct kith_secrets secrets, kept = { 0 };
	struct kith_seed seed;
	char key[128];
	(void)snprintf(key, sizeof key, "%s/key", r->leaf.dir);
	assert_int_equal(kith_keyfile_read(key, NULL, 0, &secrets), 0);
	assert_true(kith_secrets_get(&secrets, KITH_SECRET_DEVICE, &seed));
	assert_int_equal(kith_secrets_set(&kept, KITH_SECRET_DEVICE, &seed), 0);
	assert_true(kith_secrets_get(&secrets, KITH_SECRET_IDENTITY, &seed));
	if (!offline)
		assert_int_equal(kith_secrets_set(&kept, KITH_SECRET_IDENTITY, &seed), 0);
	assert_int_equal(kith_keyfile_write_within(key, &kept, pass, strlen(pass), true, KITH_KEYFILE_MIB_MIN), 0);
}

static void renewal_init(struct renewal *r)
{
	struct kith_node_options o;
	memset(r, 0, sizeof *r);
	world_init(&r->w);
	(void)snprintf(r->bootstrap, sizeof r->bootstrap, "127.0.0.1:%u", supernode_init(&r->home, &r->w));
	r->list[0] = r->bootstrap;
	party_options(&r->leaf, &r->w, "leaf", &o);
	kith_node_options_deinit(&o);
	(void)snprintf(r->path, sizeof r->path, "%s/chain", r->leaf.dir);
}

static int pass_is_word(void *ctx, const char *path, char *out, size_t cap)
{
	(void)ctx;
	(void)path;
	assert_true(cap >= 4);
	memcpy(out, "word", 4);
	return 4;
}

/* Starts the leaf with what its profile holds by now. */
static void start(struct renewal *r, const char *chain_path, const char *passphrase_path)
{
	struct kith_node_options o;
	struct kith_node_callbacks cb;
	char why[256];
	kith_node_options_init(&o);
	assert_int_equal(kith_node_options_load(&o, r->leaf.dir, why, sizeof why), 0);
	assert_string_equal(o.chain_path, r->path);
	o.loop = &r->w.loop;
	o.alloc = &r->w.alloc.alloc;
	o.allow_loopback = true;
	o.bind_v4 = (struct kith_addr){ .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } };
	o.no_v6 = true;
	o.bootstrap = r->list;
	o.bootstrap_n = 1;
	o.chain_path = chain_path;
	o.passphrase_path = passphrase_path;
	o.passphrase = pass_is_word;
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.published = on_published;
	cb.trouble = note;
	assert_int_equal(kith_node_new(&r->leaf.node, &o, &cb, &r->leaf), 0);
	kith_node_options_deinit(&o);
	assert_int_equal(kith_node_start(r->leaf.node), 0);
}

static void renewal_deinit(struct renewal *r)
{
	party_close(&r->leaf);
	party_close(&r->home);
	world_deinit(&r->w);
}

/* ---- by itself ---- */

static void a_node_whose_certificate_has_ended_certifies_itself_and_gets_in(void **state)
{
	struct renewal r;
	struct kith_chain chain;
	uint8_t bytes[KITH_CHAIN_MAX];
	char text[8192];
	struct stat st;
	(void)state;
	renewal_init(&r);
	certify(&r, -3 * HOUR_S, -2 * HOUR_S);
	assert_int_equal(chmod(r.path, 0640), 0);
	start(&r, r.path, NULL);
	UNTIL(&r.w, r.told.n > 0 && r.leaf.published);
	assert_int_equal(r.told.n, 1);
	assert_int_equal(r.told.err, 0);
	chain_of(r.path, &chain, bytes);
	int64_t left_s = chain.device.expires_s - kith_clock_unix_ms() / 1000;
	assert_true(left_s > HOUR_S - 60 && left_s <= HOUR_S); /* as long as the last one was */
	read_file(r.path, text, sizeof text);
	assert_int_equal(strncmp(text, "# ours\n-----BEGIN", 17), 0); /* all else stands where it stood */
	assert_string_equal(text + strlen(text) - 10, "# the end\n");
	assert_true(stat(r.path, &st) == 0 && (st.st_mode & 0777) == 0640);
	renewal_deinit(&r);
}

static void a_passphrase_in_a_file_is_read_again(void **state)
{
	struct renewal r;
	char path[160];
	(void)state;
	renewal_init(&r);
	certify(&r, -3 * HOUR_S, HOUR_S / 2);
	seal(&r, "word", false);
	(void)snprintf(path, sizeof path, "%s/pass", r.leaf.dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs("word\n", f) >= 0);
	(void)fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	start(&r, r.path, path);
	UNTIL(&r.w, r.told.n > 0);
	assert_int_equal(r.told.err, 0);
	renewal_deinit(&r);
}

static void a_chain_that_cannot_be_written_is_used_and_that_is_told(void **state)
{
	struct renewal r;
	struct kith_chain chain;
	(void)state;
	renewal_init(&r);
	certify(&r, -3 * HOUR_S, -2 * HOUR_S);
	start(&r, "/nowhere/chain", NULL);
	UNTIL(&r.w, r.told.n > 0 && r.leaf.published);
	assert_int_equal(r.told.err, KITH_ENOENT);
	assert_non_null(strstr(r.told.why, "/nowhere/chain"));
	assert_int_equal(kith_chain_parse(&chain, r.leaf.node->o.chain), 0);
	assert_true(chain.device.expires_s > kith_clock_unix_ms() / 1000);
	renewal_deinit(&r);
}

/* ---- by others ---- */

static void what_another_program_renewed_is_taken_and_left_as_it_is(void **state)
{
	struct renewal r;
	char before[8192], after[8192];
	(void)state;
	renewal_init(&r);
	certify(&r, -HOUR_S, HOUR_S);
	start(&r, r.path, NULL);
	UNTIL(&r.w, r.leaf.published);
	assert_int_equal(kith_node_renew(r.leaf.node), 0); /* there is nothing newer */
	UNTIL(&r.w, r.leaf.node->renewing == NULL);
	assert_int_equal(r.told.n, 0);
	certify(&r, 0, 24 * HOUR_S);
	read_file(r.path, before, sizeof before);
	assert_int_equal(kith_node_renew(r.leaf.node), 0);
	UNTIL(&r.w, r.told.n > 0);
	assert_int_equal(r.told.err, 0);
	read_file(r.path, after, sizeof after);
	assert_string_equal(before, after);
	assert_true(r.leaf.node->chain.device.expires_s > kith_clock_unix_ms() / 1000 + 23 * HOUR_S);
	renewal_deinit(&r);
}

/* ---- not at all ---- */

static void without_the_identitys_key_it_is_told_what_to_do(void **state)
{
	struct renewal r;
	(void)state;
	renewal_init(&r);
	certify(&r, -3 * HOUR_S, HOUR_S / 2);
	seal(&r, "", true);
	start(&r, r.path, NULL);
	UNTIL(&r.w, r.told.n > 0);
	assert_int_equal(r.told.err, KITH_ENOENT);
	assert_non_null(strstr(r.told.why, "the identity's key is not in the key file"));
	assert_non_null(strstr(r.told.why, "kith id renew"));
	renewal_deinit(&r);
}

static void without_the_passphrase_it_is_told_what_to_do(void **state)
{
	struct renewal r;
	(void)state;
	renewal_init(&r);
	certify(&r, -3 * HOUR_S, HOUR_S / 2);
	seal(&r, "word", false);
	start(&r, r.path, NULL);
	UNTIL(&r.w, r.told.n > 0);
	assert_int_equal(r.told.err, KITH_EPASSPHRASE);
	assert_non_null(strstr(r.told.why, "kith id renew"));
	renewal_deinit(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_whose_certificate_has_ended_certifies_itself_and_gets_in),
		cmocka_unit_test(a_passphrase_in_a_file_is_read_again),
		cmocka_unit_test(a_chain_that_cannot_be_written_is_used_and_that_is_told),
		cmocka_unit_test(what_another_program_renewed_is_taken_and_left_as_it_is),
		cmocka_unit_test(without_the_identitys_key_it_is_told_what_to_do),
		cmocka_unit_test(without_the_passphrase_it_is_told_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
