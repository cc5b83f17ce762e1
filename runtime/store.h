/* SPDX-License-Identifier: 0BSD */
/*
 * Keeping what was learned over a power loss. The storage is two slots; a save
 * writes the one that load would not take, the contents before the header that
 * makes them valid. Whenever the power goes, one slot is whole.
 */
#ifndef RT_STORE_H
#define RT_STORE_H

#include <stddef.h>
#include <stdint.h>

#ifndef RT_API
#define RT_API
#define RT_PROTOTYPES
#endif

/* The caller's storage. Functions return 0 if they did what they were asked;
 * erase may be NULL. */
typedef struct rt_store {
	void *user;
	int (*read)(void *user, size_t offset, void *dst, size_t n);
	int (*write)(void *user, size_t offset, const void *src, size_t n);
	int (*erase)(void *user, size_t offset, size_t n);
	size_t capacity;
} rt_store;

#define RT_STORE_PARTS 2

/* What is saved. `model` and `layout` say whose it is and in which form: only
 * equal ones are loaded. */
typedef struct rt_saved {
	const unsigned char *model;	/* 8 bytes */
	uint32_t layout, step, seed;
	void *part[RT_STORE_PARTS];
	size_t bytes[RT_STORE_PARTS];
} rt_saved;

enum {
	RT_STORE_OK,
	RT_STORE_SIZE,		/* the capacity is too small */
	RT_STORE_FAILED,	/* a function of the storage said so */
	RT_STORE_CORRUPT,	/* no whole slot */
	RT_STORE_MODEL		/* a whole header, but of another model */
};

#ifdef RT_PROTOTYPES
RT_API int rt_save(const rt_saved *saved, const rt_store *store);

/* Fills step, seed and the parts; if it fails with RT_STORE_FAILED, the parts
 * may be damaged. */
RT_API int rt_load(rt_saved *saved, const rt_store *store);
#endif

#endif
