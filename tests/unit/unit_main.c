/* The unit tests of one layer, as one program: each test_<module>.c keeps a main of its own, which support.h names
 * unit_<module>, and unit_modules.h, which CMake writes, lists them. A program for each file would be a hundred to link
 * after every change.
 *
 * ctest runs each module in a process of its own, so that one that crashes, hangs or leaks is known by its name.
 */
#include <stdio.h>
#include <string.h>

#include "support.h"
#include "unit_modules.h"

#undef main

#define UNIT_DECLARE(name) int unit_##name(void);
UNIT_MODULES(UNIT_DECLARE)

static const struct {
	const char *name;
	int (*run)(void);
} modules[] = {
#define UNIT_ROW(name) { #name, unit_##name },
	UNIT_MODULES(UNIT_ROW)
};

enum { MODULES_N = sizeof modules / sizeof *modules };

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s                    all modules\n"
		"       %s MODULE [PATTERN]   one module, and of it the tests whose names match (as \"a_call*\")\n"
		"modules:",
		program, program);
	for (int i = 0; i < MODULES_N; i++)
		fprintf(stderr, " %s", modules[i].name);
	fprintf(stderr, "\n");
	return 2;
}

int main(int argc, char **argv)
{
	int failed = 0, ran = 0;
	if (argc > 3 || (argc > 1 && argv[1][0] == '-'))
		return usage(argv[0]);
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	for (int i = 0; i < MODULES_N; i++) {
		if (argc > 1 && strcmp(argv[1], modules[i].name) != 0)
			continue;
		printf("%s\n", modules[i].name);
		fflush(stdout);
		ran++;
		if (modules[i].run() != 0) {
			fprintf(stderr, "%s failed\n", modules[i].name);
			failed++;
		}
	}
	if (ran == 0)
		return usage(argv[0]);
	return failed > 0 ? 1 : 0;
}
