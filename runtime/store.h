/* SPDX-License-Identifier: 0BSD */
/*
 * Keeping what was learned in storage that may lose its power in the middle of
 * any operation.
 *
 * The region is a ring of slots; a save takes the next one. A slot is
 *
 *	mark    not blank: writing here has begun; between two erases, once
 *	head    three copies of rt_head, of which a save writes two, last
 *	parts	of each: rt_entry, its name, its bytes, padded to 4
 *
 * all in granules, the program unit rounded up to 64 bytes. A granule is
 * programmed once between two erases. Slots that share a sector are erased
 * together, and never with the newest save among them.
 *
 * A bit that lost its power half way may read as 0 now and as 1 later. So what
 * is half done is never built upon: a slot that was begun is erased or stepped
 * over, however it reads. And a head that may have been the last thing written
 * is settled before a load returns or a save erases an older one: what is
 * loaded is written once more, into a copy that is blank; what is passed over
 * has all its bits programmed.
 *
 * Numbers are in the byte order of the machine, which is little-endian
 * wherever thimble's programs run.
 */
#ifndef RT_STORE_H
#define RT_STORE_H

#include <stddef.h>
#include <stdint.h>

#ifndef RT_API
#define RT_API
#define RT_PROTOTYPES
#endif

/* The caller's storage; functions return 0 if they did what they were asked.
 * `erase` is NULL where programming overwrites. */
typedef struct rt_store {
	void *user;
	int (*read)(void *user, uint32_t at, void *dst, size_t n);
	int (*program)(void *user, uint32_t at, const void *src, size_t n);
	int (*erase)(void *user, uint32_t at, size_t n);
	uint32_t base, sector_bytes, sectors, unit;
	int erases_to_zero, weights_only;
} rt_store;

enum { RT_PARAMETER, RT_BUFFER, RT_OPTIMIZER, RT_SETTING };

/* A piece of what is saved, RT_SETTING from rt_saved.settings on, else from
 * rt_saved.state on. */
typedef struct rt_part {
	const char *name;
	char dtype[5];
	unsigned char kind;
	size_t offset, bytes;
} rt_part;

typedef struct rt_saved {
	const unsigned char *model;	/* 8 bytes: only what has the same, */
	const rt_part *part;		/* and the same parts, is loaded */
	int parts;
	unsigned char *state, *settings;
	uint32_t step, seed;
	unsigned char *buffer;		/* scratch, of a granule; not needed */
	size_t buffer_bytes;		/* if that is 64 bytes */
} rt_saved;

/* From what is fine to what is worst: of several, the last one is told. */
enum {
	RT_STORE_OK,
	RT_STORE_PARTIAL,	/* loaded; without optimizer and settings */
	RT_STORE_EMPTY,		/* nothing has been saved */
	RT_STORE_MODEL,		/* a whole save, of another model */
	RT_STORE_LAYOUT,	/* of the model, but of other parts */
	RT_STORE_VERSION,	/* in another version of this format */
	RT_STORE_CORRUPT,	/* damaged */
	RT_STORE_FAILED,	/* a function of the storage said so */
	RT_STORE_SIZE		/* not two slots, or no such geometry */
};

typedef struct rt_store_info {
	uint32_t slots, slot_bytes, slot, saves, step, erases;
} rt_store_info;

/* ---- what lies in a slot ---- */

#define RT_STORE_MAGIC 0x4c424854u	/* "THBL" */
#define RT_STORE_VERSION_NOW 2u

enum { RT_HEADS = 3, RT_HEADS_WRITTEN = 2, RT_WEIGHTS_ONLY = 1 };

/* 64 bytes; in every version magic and version come first, and the checksum of
 * what is before it last. */
typedef struct rt_head {
	uint32_t magic, version;
	unsigned char model[8];
	uint32_t layout;		/* checksum of the parts' names etc. */
	uint32_t sequence;		/* of the slot: one more for each */
	uint32_t step, seed;
	uint32_t erases;		/* of the slot's first sector */
	uint32_t saves;			/* up to this one */
	uint32_t bytes, crc;		/* of the parts */
	uint32_t parts, granule, flags;
	uint32_t head_crc;
} rt_head;

typedef struct rt_entry {
	uint32_t bytes, crc;
	char dtype[4];
	uint16_t name_bytes;
	unsigned char kind, zero;
} rt_entry;

/* A region, measured for what is saved. */
typedef struct rt_slots {
	const rt_saved *saved;
	const rt_store *store;
	uint32_t layout, parts, bytes;
	uint32_t granule, slot_bytes, group_bytes, per_group, slots;
	unsigned char blank;		/* an erased byte */
	unsigned char *buffer;		/* of a granule */
	uint64_t small[8];
} rt_slots;

/* A slot with a whole head, and which copies of it are. */
typedef struct rt_found {
	int any;
	uint32_t slot;
	unsigned copies;
	rt_head head;
} rt_found;

#ifdef RT_PROTOTYPES
/* Writes the next slot. Nothing is written if the newest save is the same. */
RT_API int rt_save(const rt_saved *, const rt_store *);

/* Fills step, seed and the parts from the newest whole slot. After
 * RT_STORE_FAILED the parts may be damaged. After RT_STORE_PARTIAL, step and
 * the parts of the optimizer are zero, and settings what they were. */
RT_API int rt_load(rt_saved *, const rt_store *);

/* Says RT_STORE_OK if there is something to load. */
RT_API int rt_inspect(const rt_saved *, const rt_store *, rt_store_info *);

/* The polynomial of zip and Ethernet; begins with 0. */
RT_API uint32_t rt_crc(uint32_t crc, const void *data, size_t n);

/* For rt_save. */
RT_API int rt_measure(rt_slots *, const rt_saved *, const rt_store *);
RT_API int rt_wants(const rt_slots *, const rt_part *);
RT_API uint32_t rt_pad(size_t n, uint32_t to);
RT_API uint32_t rt_slot_at(const rt_slots *, uint32_t slot);
RT_API unsigned char *rt_part_at(const rt_saved *, const rt_part *);
RT_API int rt_look(const rt_slots *, uint32_t slot, rt_found *);
RT_API int rt_find(const rt_slots *, rt_found *);
RT_API int rt_find_whole(const rt_slots *, rt_found *);
RT_API int rt_check_parts(const rt_slots *, uint32_t slot, uint32_t crc);
RT_API int rt_is_all(const rt_slots *, uint32_t at, uint32_t n,
	unsigned char byte);
RT_API int rt_put_head(const rt_slots *, uint32_t slot, int copy,
	const rt_head *);
RT_API int rt_confirm(const rt_slots *, const rt_found *);
#endif

#endif
