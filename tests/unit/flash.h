/*
 * Storage for tests, as mean as the real ones: what may be programmed once
 * between two erases is programmed once, bits go one way, and power that goes
 * leaves a unit or a sector in any state, also one that reads differently each
 * time.
 */
#ifndef TESTS_FLASH_H
#define TESTS_FLASH_H

#include "runtime/store.h"

#include <criterion/criterion.h>
#include <string.h>

enum { FLASH_BYTES = 1 << 18, NEVER = 1 << 30 };

typedef enum FlashKind {
	NOR,       /* bits go from 1 to 0; erased by sectors */
	ECC,       /* words with a checksum: once, or to all zeros */
	EEPROM,    /* no erase */
} FlashKind;

typedef struct Flash {
	FlashKind kind;
	uint32_t base, sector, sectors, unit;
	unsigned char blank;
	int ops, cut;                 /* power goes in operation `cut` */
	int writes;                   /* units that were programmed */
	bool dead;
	int worn;                     /* a sector that no longer erases; -1 */
	int stuck;                    /* a byte whose bits stay erased; -1 */
	int broken_rules;
	uint64_t random;
	/* By byte; `weak`: bits that read as they like; ECC: words that do. */
	unsigned char byte[FLASH_BYTES], weak[FLASH_BYTES];
	bool used[FLASH_BYTES];       /* by unit: programmed since the erase */
	int erases[FLASH_BYTES / 64]; /* by sector */
} Flash;

static inline uint32_t flash_random(Flash *f)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15u;   /* splitmix64 */
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(z >> 32);
}

static inline uint32_t flash_bytes(const Flash *f)
{
	return f->sector * f->sectors;
}

/* What there is of it, which is less than it may be. */
static inline void flash_copy(Flash *to, const Flash *from)
{
	size_t n = flash_bytes(from);
	memcpy(to, from, offsetof(Flash, byte));
	memcpy(to->byte, from->byte, n);
	memcpy(to->weak, from->weak, n);
	memcpy(to->used, from->used, n / from->unit);
	memcpy(to->erases, from->erases, sizeof *to->erases * from->sectors);
}

static inline void flash_power_on(Flash *f)
{
	f->dead = false;
	f->cut = NEVER;
	f->ops = 0;
}

/* True if the power goes in this operation. */
static inline bool flash_op(Flash *f)
{
	f->dead = f->ops++ == f->cut;
	return f->dead;
}

static inline uint32_t flash_offset(Flash *f, uint32_t at, size_t n)
{
	cr_assert(at >= f->base && at - f->base + n <= flash_bytes(f));
	return at - f->base;
}

/* ---- reading ---- */

/* False if a word of it is damaged, which only checked ones tell. */
static inline bool flash_read_words(Flash *f, uint32_t at, uint32_t n,
                                    unsigned char *to)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!f->weak[at + i])
			continue;
		uint32_t end = (at + i) / f->unit * f->unit + f->unit;
		uint32_t r = flash_random(f) % 3;
		if (r == 1)
			return false;
		for (; i < n && at + i < end; i++)
			to[i] = r ? to[i] : f->blank;
		i--;
	}
	return true;
}

static inline int flash_read(void *user, uint32_t at, void *dst, size_t n)
{
	Flash *f = user;
	uint32_t o = flash_offset(f, at, n);
	unsigned char *to = dst;
	if (f->dead)
		return 1;
	memcpy(to, f->byte + o, n);
	if (f->kind == ECC)
		return !flash_read_words(f, o, (uint32_t)n, to);
	for (uint32_t i = 0; i < n; i++)
		if (f->weak[o + i])
			to[i] ^= (unsigned char)(f->weak[o + i] &
			                         flash_random(f));
	return 0;
}

/* ---- writing ---- */

/* Half of a change: none of it, all of it but one bit, one bit of it, each bit
 * as it likes, or all of it up to a byte. What is in between is weak. */
static inline void flash_tear(Flash *f, uint32_t at, const unsigned char *new,
                              uint32_t n)
{
	enum { NONE, ALL_BUT_ONE, ONE, ANY, UP_TO };
	uint32_t mode = flash_random(f) % 5, only = flash_random(f) % (8 * n);
	if (f->kind == ECC && mode != NONE) {
		memcpy(f->byte + at, new, n);
		memset(f->weak + at, 1, n);
		return;
	}
	for (uint32_t i = 0; i < n && mode != NONE; i++) {
		unsigned change = f->byte[at + i] ^ new[i], done = 0, weak = 0;
		unsigned one = i == only / 8 ? 1u << only % 8 : 0;
		if (mode == ALL_BUT_ONE || mode == ONE)
			weak = one;
		else if (mode == ANY)
			weak = flash_random(f) & flash_random(f);
		else if (8 * i >= only)
			weak = 0xff;
		if (mode == ALL_BUT_ONE || mode == UP_TO)
			done = 0xff;
		else if (mode == ANY)
			done = flash_random(f);
		f->weak[at + i] |= (unsigned char)(weak & change);
		f->byte[at + i] ^= (unsigned char)(done & change);
	}
}

static inline bool flash_all_programmed(const Flash *f,
                                        const unsigned char *new)
{
	for (uint32_t i = 0; i < f->unit; i++)
		if ((new[i] ^ f->blank) != 0xff)
			return false;
	return true;
}

static inline bool flash_is_weak(const Flash *f, uint32_t at)
{
	for (uint32_t i = 0; i < f->unit; i++)
		if (f->weak[at + i])
			return true;
	return false;
}

static inline bool flash_differs(const Flash *f, uint32_t at,
                                 const unsigned char *old)
{
	return flash_is_weak(f, at) || memcmp(f->byte + at, old, f->unit);
}

static inline void flash_program_unit(Flash *f, uint32_t at,
                                      const unsigned char *src)
{
	unsigned char new[4096];
	bool zeros = flash_all_programmed(f, src);
	bool torn = flash_is_weak(f, at);
	for (uint32_t i = 0; i < f->unit; i++)
		new[i] = f->kind == EEPROM ? src[i]
		         : f->blank ? src[i] & f->byte[at + i]
		                    : src[i] | f->byte[at + i];
	f->broken_rules += f->kind != EEPROM && f->used[at / f->unit] &&
	                   !zeros && !torn;
	f->writes++;
	if (flash_op(f)) {
		unsigned char old[4096];
		memcpy(old, f->byte + at, f->unit);
		flash_tear(f, at, new, f->unit);
		f->used[at / f->unit] |= flash_differs(f, at, old);
		return;
	}
	f->used[at / f->unit] = true;
	memcpy(f->byte + at, new, f->unit);
	if (f->stuck >= 0)
		f->byte[f->stuck] = f->blank;
	for (uint32_t i = 0; i < f->unit; i++)
		if (f->kind != ECC || zeros)
			f->weak[at + i] &= f->kind == EEPROM ? 0 : f->blank
				? new[i] : (unsigned char)~new[i];
}

static inline int flash_program(void *user, uint32_t at, const void *src,
                                size_t n)
{
	Flash *f = user;
	uint32_t o = flash_offset(f, at, n);
	f->broken_rules += o % f->unit || n % f->unit;
	for (size_t i = 0; i < n && !f->dead; i += f->unit)
		flash_program_unit(f, o + (uint32_t)i,
		                   (const unsigned char *)src + i);
	return f->dead;
}

static inline void flash_clear(Flash *f, uint32_t at,
                               const unsigned char *blank)
{
	memcpy(f->byte + at, blank, f->unit);
	memset(f->weak + at, 0, f->unit);
	f->used[at / f->unit] = false;
}

static inline int flash_erase(void *user, uint32_t at, size_t n)
{
	Flash *f = user;
	uint32_t o = flash_offset(f, at, n);
	unsigned char blank[4096];
	f->broken_rules += o % f->sector || n != f->sector;
	if (f->dead || (int)(o / f->sector) == f->worn)
		return 1;
	memset(blank, f->blank, sizeof blank);
	bool torn = flash_op(f), nearly = torn && flash_random(f) % 2;
	uint32_t only = flash_random(f) % (f->sector / f->unit) * f->unit;
	for (uint32_t i = 0; i < f->sector; i += f->unit)
		if (torn && (!nearly || i == only))
			flash_tear(f, o + i, blank, f->unit);
		else
			flash_clear(f, o + i, blank);
	if (torn)
		return 1;
	f->erases[o / f->sector]++;
	return 0;
}

static inline void flash_init(Flash *f, FlashKind kind, uint32_t sector,
                              uint32_t sectors, uint32_t unit,
                              bool erases_to_zero)
{
	memset(f, 0, sizeof *f);
	f->kind = kind;
	f->base = 0x08020000u;
	f->sector = sector;
	f->sectors = sectors;
	f->unit = unit;
	f->blank = erases_to_zero ? 0 : 0xff;
	f->worn = f->stuck = -1;
	f->random = 1;
	cr_assert_leq(flash_bytes(f), FLASH_BYTES);
	for (uint32_t i = 0; i < FLASH_BYTES; i++)
		f->byte[i] = (unsigned char)(i * 37 + i / 251);
	memset(f->used, true, sizeof f->used);   /* whatever was there */
	flash_power_on(f);
}

static inline rt_store flash_store(Flash *f)
{
	return (rt_store){
		.user = f, .read = flash_read, .program = flash_program,
		.erase = f->kind == EEPROM ? NULL : flash_erase,
		.base = f->base, .sector_bytes = f->sector,
		.sectors = f->sectors, .unit = f->unit,
		.erases_to_zero = !f->blank,
	};
}

#endif
