/* What NAME.h says of saving: the caller's storage, the three functions. */
#include "backend/c_program.h"

#include <string.h>

/* As runtime/store.h lays a part out: an entry, the name, the bytes. */
static int64_t saved_part(const char *name, int64_t bytes)
{
	return 16 + ((int64_t)strlen(name) + 3) / 4 * 4 + (bytes + 3) / 4 * 4;
}

static int64_t saved_bytes(const CProgram *c, bool weights_only)
{
	SavedPart *part;
	int nparts = saved_parts(c->arena, c->p, &part);
	int64_t n = 0;
	for (int i = 0; i < nparts; i++) {
		const Variable *v = part[i].var;
		if (weights_only && (!v || v->role == VAR_OPTIMIZER))
			continue;
		n += saved_part(part[i].name,
		                v ? shape_bytes(v->shape, v->dtype) : 4);
	}
	return n;
}

static void put_sizes(Writer *w, const CProgram *c)
{
	w_comment(w, "What a save consists of, in bytes: all of it, or with "
	             "weights_only.");
	w_raw(w, "#define %s_SAVED_BYTES %s\n", c->upper,
	      c_bytes(c, saved_bytes(c, false)));
	w_raw(w, "#define %s_SAVED_WEIGHTS_BYTES %s\n\n", c->upper,
	      c_bytes(c, saved_bytes(c, true)));
}

static const char store_help[] =
	"Storage that survives a power loss: flash, EEPROM, FRAM, a file. "
	"The caller fills this in; the rest of it is zero. The region is the "
	"caller's to give, and all of it is written; nothing else may write "
	"there. What lies in it before the first save does not matter.\n"
	"\n"
	"A slot, the room of one save, is four granules and then, in whole "
	"granules, SAVED_BYTES; a granule is `unit` rounded up to 64 bytes, "
	"and a sector a multiple of it. Smaller slots share a sector, larger "
	"ones take whole sectors; the region has two sectors, or two such "
	"rows of them, at the least, else ERROR_SIZE. More of them spread "
	"the wear: saves take one slot after the other.\n"
	"\n"
	"Functions return 0 if they did what they were asked; `at` counts "
	"from 0, with `base` in it. `read` takes any place and length in the "
	"region; where words are checked (ECC), it returns an error for one "
	"that is damaged, as the power may leave it, and does not stop the "
	"program. `program` gets one granule, from base on a whole number of "
	"them away; none is programmed twice without an erase, but for one "
	"whose bits all get programmed. `erase` gets one sector. Where "
	"programming overwrites (EEPROM, FRAM, a file), erase is NULL, and "
	"sector_bytes * sectors just the size.";

void c_put_store_type(Writer *w, const CProgram *c)
{
	const char *n = c->name;
	if (!c->p->train)
		return;
	put_sizes(w, c);
	w_comment(w, store_help);
	w_raw(w, "typedef struct %s_store {\n"
	      "\tvoid *user;\t\t/* passed to the functions */\n"
	      "\tint (*read)(void *user, uint32_t at, void *dst, size_t n);\n"
	      "\tint (*program)(void *user, uint32_t at, const void *src,\n"
	      "\t\tsize_t n);\n"
	      "\tint (*erase)(void *user, uint32_t at, size_t n);\n"
	      "\tuint32_t base;\t\t/* where the region begins */\n"
	      "\tuint32_t sector_bytes;\t/* that are erased at once, */\n"
	      "\tuint32_t sectors;\t/* and how many of them */\n"
	      "\tuint32_t unit;\t\t/* bytes programmed at once: 1 to 4096 */\n"
	      "\tint erases_to_zero;\t/* an erased byte is 0x00, not 0xff */\n"
	      "\tint weights_only;\t/* parameters and statistics: not the\n"
	      "\t\t\t\t * optimizer's state, nor lr and the like */\n"
	      "} %s_store;\n\n", n, n);
	w_raw(w, "typedef struct %s_store_info {\n"
	      "\tuint32_t slots, slot_bytes;\t/* of the region */\n"
	      "\tuint32_t slot;\t\t/* where the newest save is, */\n"
	      "\tuint32_t saves, step;\t/* how many there were, its step */\n"
	      "\tuint32_t erases;\t/* of the sector erased most; those that a\n"
	      "\t\t\t\t * power loss cut short are not counted */\n"
	      "} %s_store_info;\n\n", n, n);
}

void c_put_save_prototypes(Writer *w, const CProgram *c)
{
	const char *n = c->name;
	if (!c->p->train)
		return;
	w_comment(w, "Saves what is learned, step, seed, lr and the like. "
	             "Whenever the power goes, a load gives all of this save "
	             "or all of the one before. What is frozen is not saved; "
	             "where the next slot already holds the bytes of a "
	             "sector it is not written, and if nothing has changed, "
	             "nothing is. A slot that cannot be written is stepped "
	             "over. Uses the arena if unit is above 64.");
	w_line(w, "%s_status %s_save(const %s_t *k, const %s_store *store);", n,
	       n, n, n);
	w_raw(w, "\n");
	w_comment(w, "Restores the newest whole save into an instance that "
	             "init made. LOADED_WEIGHTS: the storage keeps weights "
	             "only; the optimizer's state and step are as after "
	             "init. On an error the instance is as before, except "
	             "that after ERROR_STORAGE it must be initialised again. "
	             "After a power loss in a save, programs a granule "
	             "that this one left half done or free; program may be "
	             "NULL. Uses the arena as save does.");
	w_line(w, "%s_status %s_load(%s_t *k, const %s_store *store);", n, n, n,
	       n);
	w_raw(w, "\n");
	w_comment(w, "Says what is in the storage; OK if there is something "
	             "to load. Writes nothing there.");
	w_line(w, "%s_status %s_inspect(const %s_t *k, const %s_store *store, "
	       "%s_store_info *info);", n, n, n, n, n);
	w_raw(w, "\n");
}
