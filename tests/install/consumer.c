/* The smallest program of an application: it must build against the installed headers alone. */
#include <kith/err.h>

#include <string.h>

int main(void)
{
	return strcmp(kith_err_name(KITH_EINVAL), "EINVAL") != 0;
}
