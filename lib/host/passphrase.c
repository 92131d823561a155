/* Where a passphrase comes from: a file, or the terminal; see <kith/keyfile.h>. Never the command line, and of the
 * environment only the name of a file: others can see both.
 *
 * The terminal's settings are restored before anything is returned. Its signal keys are off meanwhile, so that Ctrl-C
 * and Ctrl-Z cannot leave it silent; Ctrl-C gives up.
 */
#include <kith/keyfile.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "host/system.h"

enum { CTRL_C = 3 };

/* Reads one line. Its length; KITH_EINVAL: empty, longer than cap, or with a NUL in it. */
static int read_line(int fd, char *out, size_t cap)
{
	size_t len = 0;
	char c = 0;
	ssize_t n;
	while ((n = read(fd, &c, 1)) == 1 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		if (c == '\n' || c == '\r')
			break;
		if (c == CTRL_C)
			return KITH_ECANCELED;
		if (len == cap || c == '\0')
			return KITH_EINVAL;
		out[len++] = c;
	}
	if (n < 0)
		return kith_system_err(errno);
	return len == 0 ? KITH_EINVAL : (int)len;
}

int kith_passphrase_read(const char *path, char *out, size_t cap)
{
	struct stat st;
	/* Without O_NONBLOCK a pipe that nobody writes to would hang in here. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return kith_system_err(errno);
	int err = fstat(fd, &st) != 0 ? kith_system_err(errno) : 0;
	if (err == 0 && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		err = KITH_EINVAL;
	if (err == 0 && kith_mode_exposes(st.st_mode))
		err = KITH_EEXPOSED;
	if (err == 0 && fcntl(fd, F_SETFL, 0) != 0)
		err = kith_system_err(errno);
	if (err == 0)
		err = read_line(fd, out, cap);
	(void)close(fd);
	return err == KITH_ECANCELED ? KITH_EINVAL : err;
}

static bool say(int tty, const char *text)
{
	size_t len = strlen(text);
	return write(tty, text, len) == (ssize_t)len;
}

static int ask_once(int tty, const char *what, const char *again, char *out, size_t cap)
{
	struct termios before, quiet;
	if (tcgetattr(tty, &before) != 0)
		return KITH_ENOTSUP;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ISIG);
	quiet.c_cc[VEOL] = CTRL_C; /* which is then read at once */
	if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0)
		return KITH_ENOTSUP;
	bool said = say(tty, "Passphrase for ") && say(tty, what) && say(tty, again) && say(tty, ": ");
	int len = said ? read_line(tty, out, cap) : KITH_ENOTSUP;
	/* What is left of a line that was too long is thrown away with it. */
	(void)tcsetattr(tty, TCSAFLUSH, &before);
	(void)say(tty, "\n");
	return len;
}

int kith_passphrase_ask(const char *what, bool is_new, char *out, size_t cap)
{
	char repeated[KITH_PASSPHRASE_MAX];
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return KITH_ENOTSUP;
	int len = ask_once(tty, what, "", out, cap);
	if (len > 0 && is_new) {
		int again = ask_once(tty, what, ", once more", repeated, sizeof repeated);
		if (again != len || memcmp(repeated, out, (size_t)len) != 0)
			again = again < 0 ? again : KITH_EINVAL;
		explicit_bzero(repeated, sizeof repeated);
		if (again < 0) {
			explicit_bzero(out, (size_t)len);
			len = again;
		}
	}
	(void)close(tty);
	return len;
}

int kith_passphrase(void *ctx, const char *path, char *out, size_t cap)
{
	const char *file = ctx != NULL ? ctx : getenv(KITH_PASSPHRASE_ENV);
	int len = file != NULL ? kith_passphrase_read(file, out, cap) : kith_passphrase_ask(path, false, out, cap);
	return len > 0 ? len : KITH_EPASSPHRASE;
}
