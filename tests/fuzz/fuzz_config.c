/* kithd's configuration on arbitrary text: it is taken, or refused with a message; nothing is leaked. */
#include "fuzz_support.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kithd_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	static int fd = -1;
	static char path[64];
	if (fd < 0) {
		fd = memfd_create("kithd.conf", MFD_CLOEXEC);
		KITH_ASSERT(fd >= 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	KITH_ASSERT(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	int err = config_read(&config, path);
	KITH_ASSERT(memchr(config.error, '\0', sizeof config.error) != NULL);
	if (err == 0) {
		KITH_ASSERT(config.error[0] == '\0');
		KITH_ASSERT(config.profile.s != NULL || (config.key.s != NULL && config.chain.s != NULL));
		KITH_ASSERT(config.bootstrap_n <= CONFIG_BOOTSTRAP_MAX && config.issuers_n <= CONFIG_LISTS_MAX);
	} else {
		KITH_ASSERT(err == KITH_EINVAL && config.error[0] != '\0');
	}
	config_free(&config);
	return 0;
}
