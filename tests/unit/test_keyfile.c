/* Key files: what was put in comes out, and every way in which it can go wrong is told apart. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#include "host/keyfile.h"
#include "host/statedir.h"

#define PASS "correct horse"
#define PASS_LEN (sizeof PASS - 1)

struct place {
	char dir[64], path[96];
	struct kith_secrets secrets;
};

static void place_init(struct place *p)
{
	struct kith_seed seed;
	memset(p, 0, sizeof *p);
	strcpy(p->dir, "/tmp/kith-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof p->path, "%s/key", p->dir);
	memset(seed.b, 7, sizeof seed.b);
	assert_int_equal(kith_secrets_set(&p->secrets, KITH_SECRET_DEVICE, &seed), 0);
	memset(seed.b, 9, sizeof seed.b);
	assert_int_equal(kith_secrets_set(&p->secrets, KITH_SECRET_IDENTITY, &seed), 0);
}

static void place_deinit(struct place *p)
{
	char command[128];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	assert_int_equal(system(command), 0);
}

/* Costs that a test can pay. */
static int write_cheap(const struct place *p, const char *pass, size_t len, bool replace)
{
	return kith_keyfile_write_cost(p->path, &p->secrets, pass, len, replace, KITH_SEALED_OPS_MIN,
				       KITH_SEALED_MEM_KIB_MIN);
}

static void assert_secrets(const struct kith_secrets *got, const struct kith_secrets *want)
{
	assert_int_equal(got->n, want->n);
	for (size_t i = 0; i < want->n; i++) {
		assert_int_equal(got->items[i].kind, want->items[i].kind);
		assert_int_equal(got->items[i].len, want->items[i].len);
		assert_memory_equal(got->items[i].b, want->items[i].b, want->items[i].len);
	}
}

static void a_sealed_file_opens_with_its_passphrase(void **state)
{
	struct place p;
	struct kith_secrets got;
	struct stat st;
	(void)state;
	place_init(&p);
	assert_int_equal(write_cheap(&p, PASS, PASS_LEN, false), 0);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(kith_keyfile_protected(p.path), 1);
	assert_int_equal(kith_keyfile_read(p.path, PASS, PASS_LEN, &got), 0);
	assert_secrets(&got, &p.secrets);
	place_deinit(&p);
}

static void a_file_that_others_can_read_is_not_opened(void **state)
{
	static const mode_t bad[] = { 0640, 0604, 0620, 0602, 0644, 0666 }, good[] = { 0600, 0400 };
	struct place p;
	struct kith_secrets got;
	char pass[KITH_PASSPHRASE_MAX];
	(void)state;
	place_init(&p);
	assert_int_equal(write_cheap(&p, NULL, 0, false), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(chmod(p.path, bad[i]), 0);
		assert_int_equal(kith_keyfile_protected(p.path), KITH_EEXPOSED);
		assert_int_equal(kith_keyfile_read(p.path, NULL, 0, &got), KITH_EEXPOSED);
		assert_int_equal(kith_passphrase_read(p.path, pass, sizeof pass), KITH_EEXPOSED);
	}
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(chmod(p.path, good[i]), 0);
		assert_int_equal(kith_keyfile_read(p.path, NULL, 0, &got), 0);
		assert_true(kith_passphrase_read(p.path, pass, sizeof pass) > 0);
	}
	place_deinit(&p);
}

static void a_wrong_or_missing_passphrase_is_told(void **state)
{
	struct place p;
	struct kith_secrets got;
	(void)state;
	place_init(&p);
	assert_int_equal(write_cheap(&p, PASS, PASS_LEN, false), 0);
	assert_int_equal(kith_keyfile_read(p.path, "wrong", 5, &got), KITH_EPASSPHRASE);
	assert_int_equal(got.n, 0);
	assert_int_equal(kith_keyfile_read(p.path, PASS, PASS_LEN - 1, &got), KITH_EPASSPHRASE);
	assert_int_equal(kith_keyfile_read(p.path, NULL, 0, &got), KITH_EPASSPHRASE);
	place_deinit(&p);
}

static void an_unprotected_file_says_so(void **state)
{
	struct place p;
	struct kith_secrets got;
	(void)state;
	place_init(&p);
	assert_int_equal(write_cheap(&p, NULL, 0, false), 0);
	assert_int_equal(kith_keyfile_protected(p.path), 0);
	assert_int_equal(kith_keyfile_read(p.path, NULL, 0, &got), 0);
	assert_secrets(&got, &p.secrets);
	place_deinit(&p);
}

/* Puts other contents in place. */
static void put(const struct place *p, const void *bytes, size_t len)
{
	assert_int_equal(kith_file_replace(AT_FDCWD, p->path, test_span(bytes, len), true), 0);
}

static void damage_is_not_taken_for_a_wrong_passphrase(void **state)
{
	struct place p;
	struct kith_secrets got;
	char text[KITH_KEYFILE_LEN_MAX];
	(void)state;
	place_init(&p);
	assert_int_equal(write_cheap(&p, PASS, PASS_LEN, false), 0);
	int fd = open(p.path, O_RDONLY);
	ssize_t len = read(fd, text, sizeof text);
	assert_true(len > 100);
	assert_int_equal(close(fd), 0);
	/* Cut off anywhere: no armour, no header, or no contents. */
	for (size_t n = 0; n + 1 < (size_t)len; n += 7) {
		put(&p, text, n);
		assert_int_equal(kith_keyfile_read(p.path, PASS, PASS_LEN, &got), KITH_EPROTO);
	}
	put(&p, "-----BEGIN KITH CHAIN-----\nAAAA\n-----END KITH CHAIN-----\n", 56);
	assert_int_equal(kith_keyfile_read(p.path, PASS, PASS_LEN, &got), KITH_EPROTO);
	place_deinit(&p);
}

static void every_altered_bit_is_noticed(void **state)
{
	struct place p;
	struct kith_secrets got;
	struct kith_keyfile file;
	(void)state;
	place_init(&p);
	assert_int_equal(write_cheap(&p, PASS, PASS_LEN, false), 0);
	assert_int_equal(kith_keyfile_load(&file, p.path), 0);
	for (size_t i = 0; i < file.len; i++) {
		file.bytes[i] ^= 1;
		/* A changed cost would be paid before it is noticed: its bytes are left to the test of the format. */
		bool cost = i >= 11 && i < 19;
		if (!cost) {
			int err = kith_keyfile_unlock(&file, PASS, PASS_LEN, &got);
			assert_true(err == KITH_EPROTO || err == KITH_EVERSION || err == KITH_EPASSPHRASE);
			assert_int_equal(got.n, 0);
		}
		file.bytes[i] ^= 1;
	}
	assert_int_equal(kith_keyfile_unlock(&file, PASS, PASS_LEN, &got), 0);
	place_deinit(&p);
}

static void bare_files_of_other_tools_are_read(void **state)
{
	struct place p;
	struct kith_secrets got;
	struct kith_keyfile file;
	(void)state;
	place_init(&p);
	assert_int_equal(write_cheap(&p, PASS, PASS_LEN, false), 0);
	assert_int_equal(kith_keyfile_load(&file, p.path), 0);
	put(&p, file.bytes, file.len);
	assert_int_equal(kith_keyfile_read(p.path, PASS, PASS_LEN, &got), 0);
	assert_secrets(&got, &p.secrets);
	place_deinit(&p);
}

static void a_file_is_replaced_only_if_asked_to(void **state)
{
	struct place p;
	struct kith_secrets got, before;
	(void)state;
	place_init(&p);
	before = p.secrets;
	assert_int_equal(write_cheap(&p, NULL, 0, false), 0);
	struct kith_seed seed = { { 1 } };
	assert_int_equal(kith_secrets_set(&p.secrets, KITH_SECRET_ROOT, &seed), 0);
	assert_int_equal(write_cheap(&p, NULL, 0, false), KITH_EEXIST);
	assert_int_equal(kith_keyfile_read(p.path, NULL, 0, &got), 0);
	assert_secrets(&got, &before);
	assert_int_equal(write_cheap(&p, NULL, 0, true), 0);
	assert_int_equal(kith_keyfile_read(p.path, NULL, 0, &got), 0);
	assert_secrets(&got, &p.secrets);
	place_deinit(&p);
}

static void what_cannot_be_read_or_written_is_told(void **state)
{
	struct place p;
	struct kith_secrets got;
	(void)state;
	place_init(&p);
	assert_int_equal(kith_keyfile_read(p.path, NULL, 0, &got), KITH_ENOENT);
	assert_int_equal(kith_keyfile_protected(p.path), KITH_ENOENT);
	assert_int_equal(kith_keyfile_read(p.dir, NULL, 0, &got), KITH_EPROTO);
	assert_int_equal(kith_keyfile_write("/nonexistent/key", &p.secrets, NULL, 0, false), KITH_ENOENT);
	assert_int_equal(kith_keyfile_write(NULL, &p.secrets, NULL, 0, false), KITH_EINVAL);
	assert_int_equal(kith_keyfile_write(p.path, &p.secrets, NULL, 5, false), KITH_EINVAL);
	assert_int_equal(kith_keyfile_write_cost(p.path, &p.secrets, PASS, PASS_LEN, false, KITH_SEALED_OPS_MAX + 1, 8),
			 KITH_EINVAL);
	place_deinit(&p);
}

static void a_small_machine_has_files_of_less_memory(void **state)
{
	struct place p;
	struct kith_secrets got;
	struct kith_keyfile file;
	struct kith_sealed sealed;
	(void)state;
	place_init(&p);
	for (uint32_t mib = 8; mib <= 64; mib += 56) {
		assert_int_equal(kith_keyfile_write_within(p.path, &p.secrets, PASS, PASS_LEN, true, mib), 0);
		assert_int_equal(kith_keyfile_load(&file, p.path), 0);
		assert_int_equal(kith_sealed_parse(&sealed, test_span(file.bytes, file.len)), 0);
		assert_int_equal(sealed.mem_kib, mib * 1024);
		assert_int_equal(sealed.ops, mib == 8 ? 16 : 12); /* 12 x 64 = 3 x 256 */
		assert_int_equal(kith_keyfile_read(p.path, PASS, PASS_LEN, &got), 0);
		assert_secrets(&got, &p.secrets);
	}
	assert_int_equal(kith_keyfile_write_within(p.path, &p.secrets, PASS, PASS_LEN, true, 7), KITH_EINVAL);
	assert_int_equal(kith_keyfile_write_within(p.path, &p.secrets, PASS, PASS_LEN, true, 1025), KITH_EINVAL);
	assert_int_equal(kith_keyfile_read(p.path, PASS, PASS_LEN, &got), 0); /* nothing was replaced */
	place_deinit(&p);
}

/* The header is read by whoever has the file, and must not make him allocate at its will. */
static void a_file_that_asks_for_too_much_is_refused_unopened(void **state)
{
	static const uint32_t mem_kib[] = { 7, 1024 * 1024 + 1, 100 * 1024 * 1024, UINT32_MAX },
			      ops[] = { 0, 17, UINT32_MAX };
	struct place p;
	struct kith_keyfile file;
	struct kith_secrets got;
	(void)state;
	place_init(&p);
	assert_int_equal(write_cheap(&p, PASS, PASS_LEN, false), 0);
	assert_int_equal(kith_keyfile_load(&file, p.path), 0);
	const struct kith_keyfile good = file;
	uint8_t *at = file.bytes + 8 + 2 + 1; /* magic, object header, protection */
	for (size_t i = 0; i < sizeof mem_kib / sizeof mem_kib[0]; i++) {
		file = good;
		for (int b = 0; b < 4; b++)
			at[4 + b] = (uint8_t)(mem_kib[i] >> (24 - 8 * b));
		assert_int_equal(kith_keyfile_unlock(&file, PASS, PASS_LEN, &got), KITH_EPROTO);
	}
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		file = good;
		for (int b = 0; b < 4; b++)
			at[b] = (uint8_t)(ops[i] >> (24 - 8 * b));
		assert_int_equal(kith_keyfile_unlock(&file, PASS, PASS_LEN, &got), KITH_EPROTO);
	}
	assert_int_equal(kith_keyfile_unlock(&good, PASS, PASS_LEN, &got), 0);
	place_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_file_opens_with_its_passphrase),
		cmocka_unit_test(a_file_that_others_can_read_is_not_opened),
		cmocka_unit_test(a_wrong_or_missing_passphrase_is_told),
		cmocka_unit_test(an_unprotected_file_says_so),
		cmocka_unit_test(damage_is_not_taken_for_a_wrong_passphrase),
		cmocka_unit_test(every_altered_bit_is_noticed),
		cmocka_unit_test(bare_files_of_other_tools_are_read),
		cmocka_unit_test(a_file_is_replaced_only_if_asked_to),
		cmocka_unit_test(what_cannot_be_read_or_written_is_told),
		cmocka_unit_test(a_small_machine_has_files_of_less_memory),
		cmocka_unit_test(a_file_that_asks_for_too_much_is_refused_unopened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
