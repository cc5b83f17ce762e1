/* thimble targets: what the emitted code may run on, from the targets' records. */
#include "frontend/cmd_common.h"
#include "ir/target.h"

#include <inttypes.h>

static const struct argp argp = {
	.parser = args_list,
	.children = args_list_children,
	.doc = "Lists what --target takes: cores, with what their floating-point "
	       "unit computes with and their vector instructions, and parts: a "
	       "core with RAM in one piece and with flash (- where it is "
	       "another chip), in bytes.\v"
	       "Examples:\n"
	       "  thimble targets\n"
	       "  thimble targets --json | jq -r '.[] | "
	       "select(.ram_bytes >= 262144).name'",
};

static void print_json(void)
{
	json_t *list = json_array();
	for (int i = 0; i < ntargets; i++) {
		const Target *t = &all_targets[i];
		json_array_append_new(list, json_pack(
			"{s:s, s:s, s:I, s:I, s:s, s:s, s:i, s:s, s:s}",
			"name", t->name, "core", target_core(t)->name,
			"ram_bytes", (json_int_t)t->ram_bytes,
			"flash_bytes", (json_int_t)t->flash_bytes,
			"fpu", fpu_name(t->core->fpu),
			"vectors", t->core->vectors ? t->core->vectors : "",
			"align_bytes", t->core->align,
			"flags", t->core->flags ? t->core->flags : "",
			"about", t->help));
	}
	json_print(stdout, list);
}

static void print_core(const Target *t)
{
	printf("%-14s %-7s %-12s %s\n", t->name, fpu_name(t->core->fpu),
	       t->core->vectors ? t->core->vectors : "-", t->help);
	if (t->core->flags)
		printf("%35s  %s\n", "", t->core->flags);
}

static void print_part(const Target *t)
{
	printf("%-14s %-14s %8" PRId64, t->name, target_core(t)->name,
	       t->ram_bytes);
	if (t->flash_bytes)
		printf(" %8" PRId64, t->flash_bytes);
	else
		printf(" %8s", "-");
	printf("  %s\n", t->help);
}

static void print_text(void)
{
	printf("%-14s %-7s %-12s %s\n", "core", "floats", "vectors", "");
	for (int i = 0; i < ntargets; i++)
		if (!all_targets[i].ram_bytes)
			print_core(&all_targets[i]);
	printf("\n%-14s %-14s %8s %8s\n", "part", "core", "RAM", "flash");
	for (int i = 0; i < ntargets; i++)
		if (all_targets[i].ram_bytes)
			print_part(&all_targets[i]);
}

int cmd_targets(int argc, char **argv)
{
	Args args = {.arena = arena_create()};
	Session s;
	command_parse(&argp, argc, argv, &args);
	session_open(&s, &args, "thimble");
	if (args.json)
		print_json();
	else
		print_text();
	return session_close(&s);
}
