/* Preloaded into a program under test (LD_PRELOAD).
 *
 *     KITH_FAULT_AT=N       the N-th file that gets its name does not get it: the process ends there,
 *     KITH_FAULT=error      or the call fails with EIO
 *     KITH_CLOCK_DAYS=N     it is N days later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { KILLED = 137, DAY_S = 24 * 60 * 60 };

static long number(const char *name)
{
	const char *text = getenv(name);
	return text != NULL ? strtol(text, NULL, 10) : 0;
}

static int is_due(void)
{
	static long count;
	const char *how = getenv("KITH_FAULT");
	if (++count != number("KITH_FAULT_AT"))
		return 0;
	if (how == NULL || strcmp(how, "error") != 0)
		_exit(KILLED);
	errno = EIO;
	return 1;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return is_due() ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int clock_gettime(clockid_t which, struct timespec *out)
{
	if (syscall(SYS_clock_gettime, which, out) != 0)
		return -1;
	if (which == CLOCK_REALTIME)
		out->tv_sec += number("KITH_CLOCK_DAYS") * DAY_S;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}
