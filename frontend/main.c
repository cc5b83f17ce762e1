/*
 * The command line: `thimble COMMAND ...`. Each command is one cmd_*.c.
 *
 * Exit status: 0 done; 1 the model, the data or the machine is at fault; 2
 * wrong usage.
 */
#include "frontend/cmd_common.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"inspect", cmd_inspect, "what is in a model, what would train, all "
	                         "that stands in the way"},
	{"compile", cmd_compile, "a model to C that infers and trains"},
	{"plan", cmd_plan, "the memory that the C will use, without writing it"},
	{"train", cmd_train, "compile, build and train on this machine"},
	{"run", cmd_run, "inference or training steps on given arrays"},
	{"export", cmd_export, "trained weights back into the ONNX file"},
	{"pack", cmd_pack, "places items of a CSV file in one block of memory"},
	{"ops", cmd_ops, "the operators"},
	{"targets", cmd_targets, "the cores and parts that --target takes"},
};

enum { NCOMMANDS = (int)(sizeof commands / sizeof commands[0]) };

static void usage(FILE *f)
{
	fprintf(f, "Usage: thimble COMMAND [ARGUMENT...]\n"
	        "ONNX in, C that trains out.\n\n");
	for (int i = 0; i < NCOMMANDS; i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].help);
	fprintf(f, "\n`thimble COMMAND --help` says more, with examples.\n"
	        "Exit status: 0 done; 1 the model, the data or the machine is "
	        "at fault; 2 wrong usage.\n");
}

static int find(const char *name)
{
	for (int i = 0; i < NCOMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return i;
	fprintf(stderr, "thimble: '%s' is not a command\n\n", name);
	usage(stderr);
	return -1;
}

/* argv[0] becomes "thimble COMMAND", which argp shows in its messages. */
static int run(int i, int argc, char **argv)
{
	char name[64];
	snprintf(name, sizeof name, "thimble %s", commands[i].name);
	argv[0] = name;
	return commands[i].run(argc, argv);
}

static int help(int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[] = {NULL, option, NULL};
	if (argc < 2) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	int i = find(argv[1]);
	return i < 0 ? EXIT_USAGE : run(i, 2, arguments);
}

int main(int argc, char **argv)
{
	json_set_alloc_funcs(memory_alloc, free);
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("thimble %s\n", THIMBLE_VERSION);
		return EXIT_SUCCESS;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return help(argc - 1, argv + 1);
	int i = find(argv[1]);
	return i < 0 ? EXIT_USAGE : run(i, argc - 1, argv + 1);
}
