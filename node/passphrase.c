#include "passphrase.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "files.h"

void passphrase_wipe(struct passphrase *p)
{
	explicit_bzero(p, sizeof *p);
}

int passphrase_read(struct passphrase *out, const char *path)
{
	char *text;
	size_t len;

	out->len = 0;
	int err = file_read(path, &text, &len);
	if (err != 0)
		return err;
	size_t line = strcspn(text, "\r\n");
	if (line == 0 || line > sizeof out->b || memchr(text, '\0', line) != NULL) {
		err = KITH_EINVAL;
	} else {
		memcpy(out->b, text, line);
		out->len = line;
	}
	explicit_bzero(text, len);
	free(text);
	return err;
}

/* One line from the terminal, which shows nothing meanwhile. */
static int ask_once(int tty, struct passphrase *out, const char *what, const char *again)
{
	struct termios before, quiet;
	char c;

	dprintf(tty, "Passphrase for %s%s: ", what, again);
	if (tcgetattr(tty, &before) != 0)
		return KITH_ENOTSUP;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0)
		return KITH_ENOTSUP;
	out->len = 0;
	int err = 0;
	while (read(tty, &c, 1) == 1 && c != '\n') {
		if (out->len == sizeof out->b)
			err = KITH_EINVAL;
		else
			out->b[out->len++] = c;
	}
	(void)tcsetattr(tty, TCSAFLUSH, &before);
	dprintf(tty, "\n");
	return out->len == 0 ? KITH_EINVAL : err;
}

int passphrase_ask(struct passphrase *out, const char *what, bool is_new)
{
	struct passphrase repeated;
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (tty < 0)
		return KITH_ENOTSUP;
	int err = ask_once(tty, out, what, "");
	if (err == 0 && is_new) {
		err = ask_once(tty, &repeated, what, ", once more");
		if (err == 0 && (repeated.len != out->len || memcmp(repeated.b, out->b, out->len) != 0))
			err = KITH_EINVAL;
		passphrase_wipe(&repeated);
	}
	close(tty);
	if (err != 0)
		passphrase_wipe(out);
	return err;
}
