/* What `--help` prints: argp's form, in the order in which a command lists its
 * options and its children, each under its header. */
#ifndef FRONTEND_HELP_H
#define FRONTEND_HELP_H

#include <argp.h>
#include <stdio.h>

/* `name` is the command as it was called: "thimble plan". */
void help_print(FILE *, const struct argp *, const char *name);

/* --help and --usage, in place of argp's (ARGP_NO_HELP): the last child of a root
 * whose first is the command. */
extern const struct argp args_help;

#endif
