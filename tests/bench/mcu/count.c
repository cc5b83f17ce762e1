/*
 * A QEMU plugin: counts the instructions that run between two marks. What a
 * region is, the program says by calling mark_begin() and mark_end(); a line is
 * written for each one, in the order in which they ran:
 *
 *   INSTRUCTIONS FUNCTION...
 *
 * with the functions that ran in it. Counts are exact: two runs give the same.
 *
 *   cc -shared -fPIC -o count.so count.c
 *   qemu-system-arm ... -plugin file=count.so,out=FILE
 *
 * Of QEMU's plugin interface, version 1 (QEMU 5.2 to 8.2), what is used is
 * declared here: distributions leave the header out.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t Id;
typedef struct Block Block;
typedef struct Instruction Instruction;
typedef struct Info Info;
typedef void OnTranslation(Id, Block *);
typedef void OnRun(unsigned cpu, void *data);
typedef void OnExit(Id, void *data);
enum { NO_REGISTERS = 0, ADD_64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(Id, OnTranslation *);
void qemu_plugin_register_vcpu_tb_exec_cb(Block *, OnRun *, int, void *);
void qemu_plugin_register_vcpu_insn_exec_cb(Instruction *, OnRun *, int,
					    void *);
void qemu_plugin_register_vcpu_insn_exec_inline(Instruction *, int, void *,
						uint64_t);
void qemu_plugin_register_atexit_cb(Id, OnExit *, void *);
size_t qemu_plugin_tb_n_insns(const Block *);
Instruction *qemu_plugin_tb_get_insn(const Block *, size_t);
const char *qemu_plugin_insn_symbol(const Instruction *);

extern EXPORT int qemu_plugin_version;
EXPORT int qemu_plugin_install(Id, const Info *, int argc, char **argv);
int qemu_plugin_version = 1;

#define MAX_FUNCTIONS 512

/* QEMU gives callbacks no place of their own to keep things in. */
static uint64_t executed, at_begin;
static bool inside;
static FILE *out;
static struct {
	const char *name;
	bool ran;
} function[MAX_FUNCTIONS];
static int nfunctions;

static void on_begin(unsigned cpu, void *data)
{
	(void)cpu, (void)data;
	if (inside)
		return;
	inside = true;
	at_begin = executed;
	for (int i = 0; i < nfunctions; i++)
		function[i].ran = false;
}

static void on_end(unsigned cpu, void *data)
{
	(void)cpu, (void)data;
	if (!inside)
		return;
	inside = false;
	fprintf(out, "%llu", (unsigned long long)(executed - at_begin));
	for (int i = 0; i < nfunctions; i++)
		if (function[i].ran && strncmp(function[i].name, "mark_", 5))
			fprintf(out, " %s", function[i].name);
	fputc('\n', out);
}

static void on_block(unsigned cpu, void *data)
{
	(void)cpu;
	if (inside)
		*(bool *)data = true;
}

static bool *flag_of(const char *name)
{
	int i = 0;
	while (i < nfunctions && strcmp(function[i].name, name))
		i++;
	if (i == MAX_FUNCTIONS)
		abort();
	if (i == nfunctions)
		function[nfunctions++].name = strdup(name);
	return &function[i].ran;
}

static void on_translation(Id id, Block *block)
{
	(void)id;
	size_t n = qemu_plugin_tb_n_insns(block);
	for (size_t i = 0; i < n; i++) {
		Instruction *in = qemu_plugin_tb_get_insn(block, i);
		const char *name = qemu_plugin_insn_symbol(in);
		qemu_plugin_register_vcpu_insn_exec_inline(in, ADD_64,
							   &executed, 1);
		if (!name)
			continue;
		if (!strcmp(name, "mark_begin"))
			qemu_plugin_register_vcpu_insn_exec_cb(
			    in, on_begin, NO_REGISTERS, NULL);
		else if (!strcmp(name, "mark_end"))
			qemu_plugin_register_vcpu_insn_exec_cb(
			    in, on_end, NO_REGISTERS, NULL);
		else if (i == 0)
			qemu_plugin_register_vcpu_tb_exec_cb(
			    block, on_block, NO_REGISTERS, flag_of(name));
	}
}

static void on_exit_of_qemu(Id id, void *data)
{
	(void)id, (void)data;
	fclose(out);
}

int qemu_plugin_install(Id id, const Info *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = fopen(argv[0] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
