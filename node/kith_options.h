/* The options of kith: read wherever they stand, in front of the command or behind it, and held against what the
 * command takes. An option that a command would ignore is a mistake, and so is one that is given twice. */
#ifndef KITH_NODE_KITH_OPTIONS_H
#define KITH_NODE_KITH_OPTIONS_H

#include <stdio.h>

#include "kith_cli.h"

/* A set of options. */
#define CLI_SET(option) (UINT32_C(1) << (option))

/* Reads options and words. The first mistake goes to cli->error: it is told when the command is known.
 * cli_options_free in any case. */
void cli_options_read(struct cli *cli, int argc, const char **argv);
void cli_options_free(struct cli *cli);

/* Tells the mistake of reading, if there was one, or what is given and not taken. by is the option that chose this form
 * of the command, and CLI_NONE if it has one only; others is what its other forms take. CLI_OK or CLI_USAGE. */
int cli_options_check(const struct cli *cli, uint32_t takes, enum cli_option by, uint32_t others);

/* Lists these options. */
void cli_options_list(FILE *to, uint32_t set);

#endif
