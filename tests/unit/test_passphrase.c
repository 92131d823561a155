/* Passphrases out of files, pipes, and a terminal: a pseudo-terminal, at whose other end the test sits. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "support.h"

#include <kith/keyfile.h>

static char path[] = "/tmp/kith-test-passphrase.XXXXXX";

static int from_file(const void *bytes, size_t len, char out[KITH_PASSPHRASE_MAX])
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(close(fd), 0);
	return kith_passphrase_read(path, out, KITH_PASSPHRASE_MAX);
}

static void the_first_line_of_a_file_is_the_passphrase(void **state)
{
	char out[KITH_PASSPHRASE_MAX], longest[KITH_PASSPHRASE_MAX + 2];
	(void)state;
	assert_int_equal(from_file("correct horse\nbattery\n", 22, out), 13);
	assert_memory_equal(out, "correct horse", 13);
	assert_int_equal(from_file("windows\r\n", 9, out), 7);
	assert_int_equal(from_file("no end", 6, out), 6);
	memset(longest, 'x', sizeof longest);
	assert_int_equal(from_file(longest, KITH_PASSPHRASE_MAX, out), KITH_PASSPHRASE_MAX);
	assert_int_equal(from_file(longest, KITH_PASSPHRASE_MAX + 1, out), KITH_EINVAL);
	assert_int_equal(from_file("", 0, out), KITH_EINVAL);
	assert_int_equal(from_file("\nsecond", 7, out), KITH_EINVAL);
	assert_int_equal(from_file("a\0b\n", 4, out), KITH_EINVAL);
	assert_int_equal(from_file("\3", 1, out), KITH_EINVAL);
	assert_int_equal(kith_passphrase_read("/nonexistent/pass", out, sizeof out), KITH_ENOENT);
	assert_int_equal(kith_passphrase_read("/", out, sizeof out), KITH_EINVAL);
	assert_int_equal(kith_passphrase_read("/dev/null", out, sizeof out), KITH_EINVAL);
}

static void a_pipe_will_do_and_one_without_a_writer_does_not_hang(void **state)
{
	char out[KITH_PASSPHRASE_MAX], name[32];
	int ends[2];
	(void)state;
	assert_int_equal(pipe(ends), 0);
	(void)snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
	assert_int_equal(write(ends[1], "from a pipe\n", 12), 12);
	assert_int_equal(kith_passphrase_read(name, out, sizeof out), 11);
	assert_memory_equal(out, "from a pipe", 11);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(kith_passphrase_read(path, out, sizeof out), KITH_EINVAL);
	assert_int_equal(unlink(path), 0);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

/* ---- the terminal ---- */

struct terminal {
	int fd;
	pid_t pid;
	char shown[4096]; /* all that came */
	size_t shown_n;
};

/* In a child with a terminal of its own: asks, and exits with 0 if it got what was wanted, else with minus the code. */
static void terminal_init(struct terminal *t, bool is_new, const char *want)
{
	memset(t, 0, sizeof *t);
	t->pid = forkpty(&t->fd, NULL, NULL, NULL);
	assert_true(t->pid >= 0);
	if (t->pid > 0)
		return;
	char out[KITH_PASSPHRASE_MAX];
	struct termios before, after;
	(void)tcgetattr(STDIN_FILENO, &before);
	int len = kith_passphrase_ask("the key", is_new, out, sizeof out);
	if (tcgetattr(STDIN_FILENO, &after) != 0 || after.c_lflag != before.c_lflag)
		_exit(200); /* left silent */
	_exit(len < 0 ? -len : (size_t)len == strlen(want) && memcmp(out, want, (size_t)len) == 0 ? 0 : 201);
}

static void await(struct terminal *t, const char *text)
{
	while (strstr(t->shown, text) == NULL) {
		struct pollfd fd = { .fd = t->fd, .events = POLLIN };
		assert_int_equal(poll(&fd, 1, 5000), 1);
		ssize_t n = read(t->fd, t->shown + t->shown_n, sizeof t->shown - 1 - t->shown_n);
		assert_true(n > 0);
		t->shown_n += (size_t)n;
	}
}

static void type(struct terminal *t, const char *text)
{
	assert_int_equal(write(t->fd, text, strlen(text)), strlen(text));
}

static int terminal_end(struct terminal *t)
{
	int status;
	await(t, ": \r\n"); /* the prompt is behind it, and the line is ended for the one who types */
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	(void)close(t->fd);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void the_terminal_is_asked_and_shows_nothing(void **state)
{
	struct terminal t;
	(void)state;
	terminal_init(&t, false, "correct horse");
	await(&t, "Passphrase for the key: ");
	type(&t, "correct horse\n");
	assert_int_equal(terminal_end(&t), 0);
	assert_null(strstr(t.shown, "horse"));
}

static void a_new_one_is_asked_for_twice(void **state)
{
	struct terminal t;
	(void)state;
	for (int same = 0; same < 2; same++) {
		terminal_init(&t, true, "correct horse");
		await(&t, "Passphrase for the key: ");
		type(&t, "correct horse\n");
		await(&t, "Passphrase for the key, once more: ");
		type(&t, same ? "correct horse\n" : "correct house\n");
		assert_int_equal(terminal_end(&t), same ? 0 : KITH_EINVAL);
	}
}

static void what_cannot_be_one_is_refused(void **state)
{
	struct terminal t;
	(void)state;
	terminal_init(&t, false, "");
	await(&t, "key: ");
	type(&t, "\n");
	assert_int_equal(terminal_end(&t), KITH_EINVAL);
	terminal_init(&t, false, "");
	await(&t, "key: ");
	type(&t, "\4"); /* Ctrl-D */
	assert_int_equal(terminal_end(&t), KITH_EINVAL);
}

static void ctrl_c_gives_up_and_leaves_the_terminal_as_it_was(void **state)
{
	struct terminal t;
	(void)state;
	terminal_init(&t, true, "");
	await(&t, "key: ");
	type(&t, "half\3"); /* without waiting for the end of the line */
	assert_int_equal(terminal_end(&t), KITH_ECANCELED);
}

static void without_a_terminal_it_says_so(void **state)
{
	char out[KITH_PASSPHRASE_MAX];
	int status;
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)setsid();
		_exit(-kith_passphrase_ask("x", false, out, sizeof out));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), -KITH_ENOTSUP);
}

static void a_node_is_given_one_from_ctx_or_the_environment(void **state)
{
	char out[KITH_PASSPHRASE_MAX], missing[] = "/nonexistent/pass";
	(void)state;
	(void)from_file("from a file\n", 12, out);
	assert_int_equal(setenv(KITH_PASSPHRASE_ENV, missing, 1), 0);
	assert_int_equal(kith_passphrase(path, "x", out, sizeof out), 11); /* ctx goes first */
	assert_int_equal(kith_passphrase(NULL, "x", out, sizeof out), KITH_EPASSPHRASE);
	assert_int_equal(setenv(KITH_PASSPHRASE_ENV, path, 1), 0);
	assert_int_equal(kith_passphrase(NULL, "x", out, sizeof out), 11);
	assert_int_equal(kith_passphrase(missing, "x", out, sizeof out), KITH_EPASSPHRASE);
	assert_int_equal(unsetenv(KITH_PASSPHRASE_ENV), 0);
}

static int make_file(void **state)
{
	(void)state;
	return close(mkstemp(path));
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_of_a_file_is_the_passphrase),
		cmocka_unit_test(a_pipe_will_do_and_one_without_a_writer_does_not_hang),
		cmocka_unit_test(the_terminal_is_asked_and_shows_nothing),
		cmocka_unit_test(a_new_one_is_asked_for_twice),
		cmocka_unit_test(what_cannot_be_one_is_refused),
		cmocka_unit_test(ctrl_c_gives_up_and_leaves_the_terminal_as_it_was),
		cmocka_unit_test(without_a_terminal_it_says_so),
		cmocka_unit_test(a_node_is_given_one_from_ctx_or_the_environment),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
