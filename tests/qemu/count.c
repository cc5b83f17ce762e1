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
 *   qemu-system-arm ... -plugin file=count.so,out=FILE[,writes=FILE]
 *
 * `writes` is for what was written to in all regions together: a line FIRST END,
 * in hexadecimal, for each run of bytes, in the order of their addresses.
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
typedef uint32_t Access;
typedef void OnAccess(unsigned cpu, Access, uint64_t address, void *data);
enum { NO_REGISTERS = 0, ADD_64 = 0, WRITES = 2 };

void qemu_plugin_register_vcpu_tb_trans_cb(Id, OnTranslation *);
void qemu_plugin_register_vcpu_tb_exec_cb(Block *, OnRun *, int, void *);
void qemu_plugin_register_vcpu_insn_exec_cb(Instruction *, OnRun *, int,
					    void *);
void qemu_plugin_register_vcpu_insn_exec_inline(Instruction *, int, void *,
						uint64_t);
void qemu_plugin_register_atexit_cb(Id, OnExit *, void *);
void qemu_plugin_register_vcpu_mem_cb(Instruction *, OnAccess *, int, int,
				      void *);
unsigned qemu_plugin_mem_size_shift(Access);
bool qemu_plugin_mem_is_store(Access);
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

/* ---- what is written ---- */

/* A bit for each byte of 32-bit memory, in blocks that exist once needed. */
enum { BLOCK_BITS = 16, BLOCK = 1 << BLOCK_BITS, BLOCKS = 1 << 16 };

static FILE *writes;
static uint8_t *written[BLOCKS];

static void note_write(uint32_t address)
{
	uint8_t **block = &written[address >> BLOCK_BITS];
	if (!*block && !(*block = calloc(1, BLOCK / 8)))
		abort();
	(*block)[address % BLOCK / 8] |= (uint8_t)(1u << address % 8);
}

static void on_write(unsigned cpu, Access access, uint64_t address, void *data)
{
	(void)cpu, (void)data;
	/* QEMU 7.2 also reports loads. */
	if (!inside || !qemu_plugin_mem_is_store(access))
		return;
	for (uint32_t i = 0; i < 1u << qemu_plugin_mem_size_shift(access); i++)
		note_write((uint32_t)address + i);
}

static bool is_written(uint64_t address)
{
	const uint8_t *block = written[address >> BLOCK_BITS];
	return block && block[address % BLOCK / 8] >> address % 8 & 1;
}

static void put_writes(void)
{
	const uint64_t end = (uint64_t)BLOCK * BLOCKS;
	bool run = false;
	for (uint64_t at = 0; at < end; at++) {
		if (!run && !written[at >> BLOCK_BITS]) {
			at |= BLOCK - 1;
			continue;
		}
		if (is_written(at) != run)
			fprintf(writes, run ? " %llx\n" : "%llx",
				(unsigned long long)at);
		run = is_written(at);
	}
	fputs(run ? " 100000000\n" : "", writes);
	fclose(writes);
}

/* ---- what runs ---- */

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
		if (writes)
			qemu_plugin_register_vcpu_mem_cb(
			    in, on_write, NO_REGISTERS, WRITES, NULL);
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
	if (writes)
		put_writes();
}

int qemu_plugin_install(Id id, const Info *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
		else if (!strncmp(argv[i], "writes=", 7))
			writes = fopen(argv[i] + 7, "w");
		else
			return -1;
	}
	if (!out || (argc > 1 && !writes))
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
