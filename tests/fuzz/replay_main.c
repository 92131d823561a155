/* Runs a fuzz target over the files of a corpus, in builds without libFuzzer.
 *
 * Usage: fuzz_<name> <file or directory>... Every file is one input, in the order of its name, copied to a block of
 * exactly its size so that a sanitizer sees a read past the end. Directories are not descended into. Finding no input
 * at all is a failure: a corpus that went missing must not pass.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1u << 20) /* no message of ours is larger; libFuzzer's own default is far below */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	static uint8_t buf[INPUT_MAX];
	size_t len = fread(buf, 1, sizeof buf, f);
	int failed = ferror(f);
	fclose(f);
	if (failed) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return -1;
	}
	uint8_t *exact = malloc(len > 0 ? len : 1);
	if (exact == NULL)
		return -1;
	memcpy(exact, buf, len);
	/* Printed before, not after: the last line names the input that crashed. */
	fprintf(stderr, "%s (%zu bytes)\n", path, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	replayed++;
	return 0;
}

static int replay_directory(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	if (n < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	int rc = 0;
	for (int i = 0; i < n; i++) {
		char file[4096];
		struct stat st;
		int len = snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
		if (len > 0 && (size_t)len < sizeof file && stat(file, &st) == 0 && S_ISREG(st.st_mode))
			rc |= replay_file(file);
		free(names[i]);
	}
	free(names);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;
	for (int i = 1; i < argc; i++) {
		struct stat st;
		if (stat(argv[i], &st) != 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
			return 1;
		}
		rc |= S_ISDIR(st.st_mode) ? replay_directory(argv[i]) : replay_file(argv[i]);
	}
	printf("%u inputs replayed\n", replayed);
	return rc != 0 || replayed == 0;
}
