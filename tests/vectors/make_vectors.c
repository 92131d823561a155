/* Writes the test vectors of the protocol, or holds those that are there against what would be written.
 *
 *     make_vectors DIR           writes DIR/<topic>.json
 *     make_vectors --check DIR   says which differ; exit code 1 if any does
 *
 * The files depend on the sources alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topics.h"
#include "wire/packet.h"

enum { PATH_MAX_LEN = 4096 };

static char *text_of(struct vec_topic *topic)
{
	json_t *root = json_object();
	VEC_REQUIRE(root != NULL);
	vec_text(root, "topic", topic->name);
	vec_text(root, "about", topic->about);
	vec_number(root, "protocol", KITH_WIRE_VERSION);
	topic->vectors = vec_list(root, "vectors");
	topic->fill(topic);
	char *text = json_dumps(root, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	VEC_REQUIRE(text != NULL);
	json_decref(root);
	return text;
}

/* The bytes must be followed by a newline and nothing else. */
static bool same(FILE *file, const char *text)
{
	for (const char *at = text; *at != '\0'; at++) {
		if (getc(file) != (unsigned char)*at)
			return false;
	}
	return getc(file) == '\n' && getc(file) == EOF;
}

static bool handle(struct vec_topic *topic, const char *dir, bool check)
{
	char path[PATH_MAX_LEN];
	int n = snprintf(path, sizeof path, "%s/%s.json", dir, topic->name);
	VEC_REQUIRE(n > 0 && n < PATH_MAX_LEN);
	char *text = text_of(topic);
	FILE *file = fopen(path, check ? "rb" : "wb");
	bool good;
	if (check)
		good = file != NULL && same(file, text);
	else
		good = file != NULL && fputs(text, file) >= 0 && putc('\n', file) == '\n';
	if (file != NULL && fclose(file) != 0)
		good = false;
	if (!good)
		fprintf(stderr, "%s: %s\n", path, check ? "differs from what the library makes" : "cannot be written");
	free(text);
	return good;
}

int main(int argc, char **argv)
{
	static const struct vec_topic topics[] = {
#define VEC_TOPIC_ROW(name, function, about) { name, about, function, NULL },
		VEC_TOPIC_MAP(VEC_TOPIC_ROW)
#undef VEC_TOPIC_ROW
	};
	bool check = argc == 3 && strcmp(argv[1], "--check") == 0, good = true;
	if (argc != (check ? 3 : 2)) {
		fprintf(stderr, "usage: make_vectors [--check] DIR\n");
		return 2;
	}
	VEC_REQUIRE(kith_suite_sodium_init() == 0);
	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
		struct vec_topic topic = topics[i];
		good = handle(&topic, argv[argc - 1], check) && good;
	}
	if (!good && check)
		fprintf(stderr, "if the change is meant: make_vectors %s, and say so in CHANGELOG.md\n",
			argv[argc - 1]);
	return good ? 0 : 1;
}
