/* Answers of a node as text for people. */
#ifndef KITH_NODE_KITH_SHOW_H
#define KITH_NODE_KITH_SHOW_H

#include <jansson.h>

#include "files.h"

/* Appends a line. What there is no memory for is left out. */
void show_line(struct text *text, const char *fmt, ...) KITH_PRINTF(2, 3);

void show_answer(struct text *text, const char *command, const json_t *result);

#endif
