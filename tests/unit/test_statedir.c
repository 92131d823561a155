/* The state directory against what disks and people do to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#include "host/statedir.h"

struct place {
	char dir[64], path[96];
	struct test_alloc alloc;
	struct kith_statedir d;
	char why[KITH_STATE_WHY_MAX];
};

static void place_init(struct place *p)
{
	memset(p, 0, sizeof *p);
	test_alloc_init(&p->alloc);
	strcpy(p->dir, "/tmp/kith-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof p->path, "%s/state", p->dir);
}

static void place_deinit(struct place *p)
{
	char command[128];
	kith_statedir_close(&p->d);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	assert_int_equal(system(command), 0);
	test_alloc_check(&p->alloc);
}

static void open_place(struct place *p)
{
	assert_int_equal(kith_statedir_open(&p->d, p->path, p->why), 0);
	assert_string_equal(p->why, "");
}

static int save(const struct place *p, const char *text)
{
	return kith_statedir_save(&p->d, "file", test_span(text, strlen(text)));
}

static void assert_holds(struct place *p, const char *text)
{
	uint8_t *bytes;
	size_t len;
	assert_int_equal(kith_statedir_load(&p->d, "file", &p->alloc.alloc, &bytes, &len), 0);
	assert_int_equal(len, strlen(text));
	if (len > 0)
		assert_memory_equal(bytes, text, len);
	p->alloc.alloc.realloc_fn(&p->alloc, bytes, len, 0);
}

static int files_in(const char *dir)
{
	char command[160];
	(void)snprintf(command, sizeof command, "exit $(ls -A '%s' | wc -l)", dir);
	return WEXITSTATUS(system(command));
}

static void a_file_is_replaced_as_a_whole(void **state)
{
	struct place p;
	struct stat st;
	char path[128];
	(void)state;
	place_init(&p);
	open_place(&p);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(save(&p, "a longer first version"), 0);
	assert_holds(&p, "a longer first version");
	assert_int_equal(save(&p, "second"), 0);
	assert_holds(&p, "second");
	assert_int_equal(save(&p, ""), 0);
	assert_holds(&p, "");
	(void)snprintf(path, sizeof path, "%s/file", p.path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(files_in(p.path), 2); /* it, and the lock */
	place_deinit(&p);
}

static void what_is_missing_is_told(void **state)
{
	struct place p;
	uint8_t *bytes;
	size_t len;
	(void)state;
	place_init(&p);
	open_place(&p);
	assert_int_equal(kith_statedir_load(&p.d, "file", &p.alloc.alloc, &bytes, &len), KITH_ENOENT);
	assert_null(bytes);
	kith_statedir_close(&p.d);
	assert_int_equal(kith_statedir_open(&p.d, "/nonexistent/state", p.why), KITH_ENOENT);
	assert_non_null(strstr(p.why, "/nonexistent/state"));
	assert_int_equal(kith_statedir_open(&p.d, "/dev/null", p.why), KITH_ENOENT);
	place_deinit(&p);
}

static void a_second_node_is_kept_out_and_told_who_is_in(void **state)
{
	struct place p;
	struct kith_statedir second;
	char pid[32];
	(void)state;
	place_init(&p);
	open_place(&p);
	assert_int_equal(kith_statedir_open(&second, p.path, p.why), KITH_ESTATE);
	(void)snprintf(pid, sizeof pid, "(process %ld)", (long)getpid());
	assert_non_null(strstr(p.why, pid));
	assert_int_equal(second.dir, -1);
	kith_statedir_close(&p.d);
	assert_int_equal(kith_statedir_open(&p.d, p.path, NULL), 0);
	place_deinit(&p);
}

static void the_lock_ends_with_its_process(void **state)
{
	struct place p;
	(void)state;
	place_init(&p);
	pid_t child = fork();
	if (child == 0) {
		struct kith_statedir d;
		_exit(kith_statedir_open(&d, p.path, NULL) == 0 ? 42 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 42);
	open_place(&p);
	place_deinit(&p);
}

static void leftovers_of_a_crash_do_no_harm(void **state)
{
	struct place p;
	char path[128];
	(void)state;
	place_init(&p);
	open_place(&p);
	assert_int_equal(save(&p, "old"), 0);
	(void)snprintf(path, sizeof path, "%s/file.tmp", p.path);
	int fd = open(path, O_WRONLY | O_CREAT, 0444);
	assert_int_equal(write(fd, "torn", 4), 4);
	assert_int_equal(close(fd), 0);
	assert_holds(&p, "old");
	assert_int_equal(save(&p, "new"), 0);
	assert_holds(&p, "new");
	assert_int_equal(files_in(p.path), 2);
	place_deinit(&p);
}

static void a_link_in_place_of_the_temporary_file_is_not_followed(void **state)
{
	struct place p;
	char path[128], victim[128];
	struct stat st;
	(void)state;
	place_init(&p);
	open_place(&p);
	(void)snprintf(victim, sizeof victim, "%s/victim", p.dir);
	(void)snprintf(path, sizeof path, "%s/file.tmp", p.path);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(save(&p, "mine"), 0);
	assert_int_equal(stat(victim, &st), -1);
	assert_holds(&p, "mine");
	place_deinit(&p);
}

static void a_file_is_never_overwritten_unless_asked_to(void **state)
{
	struct place p;
	(void)state;
	place_init(&p);
	open_place(&p);
	assert_int_equal(kith_file_replace(p.d.dir, "file", test_span("one", 3), false), 0);
	assert_int_equal(kith_file_replace(p.d.dir, "file", test_span("two", 3), false), KITH_EEXIST);
	assert_holds(&p, "one");
	assert_int_equal(files_in(p.path), 2);
	place_deinit(&p);
}

static void a_file_that_is_no_file_is_refused(void **state)
{
	struct place p;
	uint8_t *bytes;
	size_t len;
	char path[128];
	(void)state;
	place_init(&p);
	open_place(&p);
	(void)snprintf(path, sizeof path, "%s/file", p.path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(kith_statedir_load(&p.d, "file", &p.alloc.alloc, &bytes, &len), KITH_EINVAL);
	assert_int_equal(unlink(path), 0);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, (off_t)KITH_STATE_FILE_MAX + 1), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(kith_statedir_load(&p.d, "file", &p.alloc.alloc, &bytes, &len), KITH_EMSGSIZE);
	assert_null(bytes);
	place_deinit(&p);
}

static void running_out_of_memory_loses_nothing(void **state)
{
	struct place p;
	uint8_t *bytes;
	size_t len;
	(void)state;
	place_init(&p);
	open_place(&p);
	assert_int_equal(save(&p, "kept"), 0);
	p.alloc.fail_after = 0;
	assert_int_equal(kith_statedir_load(&p.d, "file", &p.alloc.alloc, &bytes, &len), KITH_ENOMEM);
	assert_null(bytes);
	p.alloc.fail_after = -1;
	assert_holds(&p, "kept");
	place_deinit(&p);
}

/* Runs body in a process that has a file system of 64 kB at the place's directory. Needs root; skipped without. */
static void on_small_disk(struct place *p, unsigned long flags, int (*body)(struct place *p))
{
	if (geteuid() != 0)
		skip();
	if (mount("kith", p->dir, "tmpfs", 0, "size=64k") != 0)
		skip();
	open_place(p);
	assert_int_equal(save(p, "old"), 0);
	if (flags != 0)
		kith_statedir_close(&p->d); /* or it is busy */
	int failed = flags != 0 ? mount("kith", p->dir, NULL, MS_REMOUNT | flags, "size=64k") : 0;
	if (failed == 0)
		failed = body(p);
	kith_statedir_close(&p->d);
	assert_int_equal(umount2(p->dir, MNT_DETACH), 0);
	assert_int_equal(failed, 0);
}

static int full_disk(struct place *p)
{
	static uint8_t big[128 * 1024];
	if (kith_statedir_save(&p->d, "file", test_span(big, sizeof big)) != KITH_ENOSPC)
		return 1;
	assert_holds(p, "old");
	if (files_in(p->path) != 2)
		return 2;
	/* Room was given back, so that a smaller one fits. */
	return save(p, "new") != 0;
}

static void a_full_disk_loses_nothing(void **state)
{
	struct place p;
	(void)state;
	place_init(&p);
	on_small_disk(&p, 0, full_disk);
	place_deinit(&p);
}

static int read_only_disk(struct place *p)
{
	if (kith_statedir_open(&p->d, p->path, p->why) != KITH_EACCES || strstr(p->why, p->path) == NULL)
		return 1;
	/* Became read-only while it was open. */
	p->d.dir = open(p->path, O_RDONLY | O_DIRECTORY);
	if (save(p, "new") != KITH_EACCES)
		return 2;
	assert_holds(p, "old");
	return 0;
}

static void a_read_only_disk_is_told(void **state)
{
	struct place p;
	(void)state;
	place_init(&p);
	on_small_disk(&p, MS_RDONLY, read_only_disk);
	place_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_replaced_as_a_whole),
		cmocka_unit_test(what_is_missing_is_told),
		cmocka_unit_test(a_second_node_is_kept_out_and_told_who_is_in),
		cmocka_unit_test(the_lock_ends_with_its_process),
		cmocka_unit_test(leftovers_of_a_crash_do_no_harm),
		cmocka_unit_test(a_link_in_place_of_the_temporary_file_is_not_followed),
		cmocka_unit_test(a_file_is_never_overwritten_unless_asked_to),
		cmocka_unit_test(a_file_that_is_no_file_is_refused),
		cmocka_unit_test(running_out_of_memory_loses_nothing),
		cmocka_unit_test(a_full_disk_loses_nothing),
		cmocka_unit_test(a_read_only_disk_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
