#include "ir/target.h"

#include <string.h>

#define CORTEX_M(cpu) "-mthumb -mcpu=cortex-" cpu
#define RV64(arch) "-march=" arch " -mabi=lp64d -mcmodel=medany"
#define HARD_FLOAT(fpu) " -mfloat-abi=hard -mfpu=" fpu

/*
 * A microcontroller's buffers need no more alignment than their elements, 8
 * bytes at most, and Helium's loads no more than that; elsewhere a buffer begins
 * a cache line.
 */
static const Core host = {
	.fpu = FPU_DOUBLE, .align = 64,
	.lanes = 16, .workspace = true,
};
static const Core generic = {
	.cpu = "generic",
	.fpu = FPU_DOUBLE, .align = 16,
};
static const Core cortex_m0plus = {
	CORTEX_M("m0plus"),
	.triple = "thumbv6m-none-eabi", .cpu = "cortex-m0plus",
	.align = 8, .plain = true,
};
static const Core cortex_m3 = {
	CORTEX_M("m3"),
	.triple = "thumbv7m-none-eabi", .cpu = "cortex-m3",
	.align = 8, .plain = true,
};
static const Core cortex_m4 = {
	CORTEX_M("m4") HARD_FLOAT("fpv4-sp-d16"),
	.triple = "thumbv7em-none-eabihf", .cpu = "cortex-m4",
	.vectors = "DSP", .fpu = FPU_SINGLE,
	.align = 8, .plain = true, .fused = true,
};
static const Core cortex_m7 = {
	CORTEX_M("m7") HARD_FLOAT("fpv5-d16"),
	.triple = "thumbv7em-none-eabihf", .cpu = "cortex-m7",
	.vectors = "DSP", .fpu = FPU_DOUBLE,
	.align = 8, .plain = true, .fused = true,
};
static const Core cortex_m33 = {
	CORTEX_M("m33") HARD_FLOAT("fpv5-sp-d16"),
	.triple = "thumbv8m.main-none-eabihf", .cpu = "cortex-m33",
	.vectors = "DSP", .fpu = FPU_SINGLE,
	.align = 8, .plain = true, .fused = true,
};
static const Core cortex_m55 = {
	CORTEX_M("m55") " -mfloat-abi=hard",
	.triple = "thumbv8.1m.main-none-eabihf", .cpu = "cortex-m55",
	.features = "+mve.fp,+fp-armv8d16,+fp64",
	.vectors = "DSP, Helium", .fpu = FPU_DOUBLE,
	.align = 8, .plain = true, .fused = true,
};
static const Core rv32imc = {
	"-march=rv32imc -mabi=ilp32",
	.triple = "riscv32-unknown-elf", .cpu = "generic-rv32",
	.features = "+m,+c", .abi = "ilp32",
	.align = 8, .plain = true,
};
static const Core rv32imac = {
	"-march=rv32imac -mabi=ilp32",
	.triple = "riscv32-unknown-elf", .cpu = "generic-rv32",
	.features = "+m,+a,+c", .abi = "ilp32",
	.align = 8, .plain = true,
};
static const Core rv32imafc = {
	"-march=rv32imafc -mabi=ilp32f",
	.triple = "riscv32-unknown-elf", .cpu = "generic-rv32",
	.features = "+m,+a,+f,+c", .abi = "ilp32f",
	.fpu = FPU_SINGLE,
	.align = 8, .plain = true, .fused = true,
};
static const Core rv32imafc_zve32f = {
	"-march=rv32imafc_zve32f -mabi=ilp32f",
	.triple = "riscv32-unknown-elf", .cpu = "generic-rv32",
	.features = "+m,+a,+f,+c,+zve32f", .abi = "ilp32f",
	.vectors = "RVV", .fpu = FPU_SINGLE,
	.align = 8, .plain = true, .fused = true,
};
static const Core rv64gc = {
	RV64("rv64gc"),
	.triple = "riscv64-unknown-elf", .cpu = "generic-rv64",
	.features = "+m,+a,+f,+d,+c", .abi = "lp64d",
	.fpu = FPU_DOUBLE,
	.align = 64, .plain = true, .fused = true,
};
static const Core rv64gcv = {
	RV64("rv64gcv"),
	.triple = "riscv64-unknown-elf", .cpu = "generic-rv64",
	.features = "+m,+a,+f,+d,+c,+v", .abi = "lp64d",
	.vectors = "RVV", .fpu = FPU_DOUBLE,
	.align = 64, .plain = true, .fused = true,
};
static const Core aarch64 = {
	"-march=armv8-a",
	.triple = "aarch64-unknown-linux-gnu", .cpu = "generic",
	.features = "+v8a,+neon",
	.vectors = "Neon", .fpu = FPU_DOUBLE,
	.align = 64, .lanes = 4, .workspace = true,
};
static const Core x86_64 = {
	"-march=x86-64",
	.triple = "x86_64-pc-linux-gnu", .cpu = "x86-64",
	.vectors = "SSE2", .fpu = FPU_DOUBLE,
	.align = 64, .lanes = 4, .workspace = true,
};
static const Core x86_64_v2 = {
	"-march=x86-64-v2",
	.triple = "x86_64-pc-linux-gnu", .cpu = "x86-64-v2",
	.vectors = "SSE4.2", .fpu = FPU_DOUBLE,
	.align = 64, .lanes = 4, .workspace = true,
};
static const Core x86_64_v3 = {
	"-march=x86-64-v3",
	.triple = "x86_64-pc-linux-gnu", .cpu = "x86-64-v3",
	.vectors = "AVX2", .fpu = FPU_DOUBLE,
	.align = 64, .lanes = 8, .workspace = true,
};
static const Core x86_64_v4 = {
	"-march=x86-64-v4",
	.triple = "x86_64-pc-linux-gnu", .cpu = "x86-64-v4",
	.vectors = "AVX-512", .fpu = FPU_DOUBLE,
	.align = 64, .lanes = 16, .workspace = true,
};

#define K * 1024
#define M * 1024 * 1024

/* Memories are those of the makers' data sheets; where a part comes in several
 * sizes, of the largest. What is not next to the rest is not counted. */
const Target all_targets[] = {
	{"host", "this machine's CPU", &host, 0, 0},
	{"generic", "any C99 compiler; no packing workspace", &generic, 0, 0},
	{"cortex-m0plus", "Armv6-M", &cortex_m0plus, 0, 0},
	{"cortex-m3", "Armv7-M", &cortex_m3, 0, 0},
	{"cortex-m4", "Armv7E-M", &cortex_m4, 0, 0},
	{"cortex-m7", "Armv7E-M, caches", &cortex_m7, 0, 0},
	{"cortex-m33", "Armv8-M", &cortex_m33, 0, 0},
	{"cortex-m55", "Armv8.1-M", &cortex_m55, 0, 0},
	{"rv32imc", "RISC-V, 32 bit", &rv32imc, 0, 0},
	{"rv32imac", "RISC-V, 32 bit", &rv32imac, 0, 0},
	{"rv32imafc", "RISC-V, 32 bit", &rv32imafc, 0, 0},
	{"rv32imafc_zve32f", "RISC-V, 32 bit, vectors 1.0 of 32",
	 &rv32imafc_zve32f, 0, 0},
	{"rv64gc", "RISC-V, 64 bit", &rv64gc, 0, 0},
	{"rv64gcv", "RISC-V, 64 bit, vectors 1.0", &rv64gcv, 0, 0},
	{"aarch64", "Armv8-A, 64 bit", &aarch64, 0, 0},
	{"x86-64", "any of 64 bit", &x86_64, 0, 0},
	{"x86-64-v2", "from 2009 on", &x86_64_v2, 0, 0},
	{"x86-64-v3", "from 2013 on", &x86_64_v3, 0, 0},
	{"x86-64-v4", "from 2017 on", &x86_64_v4, 0, 0},
	{"rp2040", "Raspberry Pi", &cortex_m0plus, 264 K, 0},
	{"rp2350", "Raspberry Pi", &cortex_m33, 520 K, 0},
	{"stm32f103", "ST, medium density", &cortex_m3, 20 K, 128 K},
	{"stm32f407", "ST, SRAM1 and SRAM2", &cortex_m4, 128 K, 1 M},
	{"stm32f411", "ST", &cortex_m4, 128 K, 512 K},
	{"stm32f446", "ST, SRAM1 and SRAM2", &cortex_m4, 128 K, 512 K},
	{"stm32f746", "ST, DTCM, SRAM1 and SRAM2", &cortex_m7, 320 K, 1 M},
	{"stm32g071", "ST", &cortex_m0plus, 36 K, 128 K},
	{"stm32h743", "ST, AXI SRAM", &cortex_m7, 512 K, 2 M},
	{"stm32l476", "ST, SRAM1", &cortex_m4, 96 K, 1 M},
	{"stm32l4r5", "ST, SRAM1 to SRAM3", &cortex_m4, 640 K, 2 M},
	{"stm32u585", "ST, SRAM1 to SRAM3", &cortex_m33, 768 K, 2 M},
	{"nrf52832", "Nordic", &cortex_m4, 64 K, 512 K},
	{"nrf52840", "Nordic", &cortex_m4, 256 K, 1 M},
	{"nrf5340", "Nordic, application core", &cortex_m33, 512 K, 1 M},
	{"samd21", "Microchip", &cortex_m0plus, 32 K, 256 K},
	{"same54", "Microchip", &cortex_m4, 256 K, 1 M},
	{"esp32c3", "Espressif, without the cache", &rv32imc, 384 K, 0},
	{"fe310", "SiFive", &rv32imac, 16 K, 0},
	{"gd32vf103", "GigaDevice", &rv32imac, 32 K, 128 K},
	{"ch32v307", "WCH", &rv32imafc, 64 K, 256 K},
};

const int ntargets = (int)(sizeof all_targets / sizeof all_targets[0]);

const Target *target_find(const char *name)
{
	for (int i = 0; i < ntargets; i++)
		if (!strcmp(all_targets[i].name, name))
			return &all_targets[i];
	return NULL;
}

const Target *target_or_host(const Target *t)
{
	return t ? t : &all_targets[0];
}

const Target *target_core(const Target *t)
{
	const Target *core = all_targets;
	while (core->core != t->core)
		core++;
	return core;
}

const char *fpu_name(Fpu fpu)
{
	static const char *const name[] = {"none", "single", "double"};
	return name[fpu];
}
