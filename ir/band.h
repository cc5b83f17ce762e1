/*
 * Nodes on bands: of a result [N, C, D1, ...] some rows, consecutive indexes
 * along D1, from those rows of its inputs that they depend on. For each operator:
 * which these are, and the node that computes the band. What spatial tiling is
 * made of.
 */
#ifndef IR_BAND_H
#define IR_BAND_H

#include "ir/graph.h"

enum { BAND_AXIS = 2 };

/* Rows [first, end); none: an input of which the node reads all. */
typedef struct Band {
	int64_t first, end;
} Band;

static inline bool band_is_empty(Band b)
{
	return b.first >= b.end;
}

/* The least band that has both. */
Band band_hull(Band, Band);

/* May the node be computed in bands? */
bool node_has_bands(const Node *);
/* Sets in[i], by input, to the rows that it takes for that band of the result, at
 * least one. False if the operator has no bands, or this one would depend on
 * padding alone. */
bool node_band(const Node *, Band out, Band in[]);
/* The node for the band, where node_band() says yes: in[i] is just those rows of
 * n's input, and the input itself where these are none. */
Value *node_make_band(Graph *, const Node *, Band out, Value *const in[]);

/* ---- the operators' rules, OpDef.bands ---- */

typedef struct BandRule {
	/* As node_band(); in[] is all empty. */
	bool (*rows)(const Node *, Band out, Band in[]);
	/* The attributes of the band's node, which are those of all of it. NULL:
	 * they remain. */
	void (*adapt)(Graph *, Node *band, const Node *, Band out);
} BandRule;

extern const BandRule
	bands_elementwise,   /* the same rows, where an input is not broadcast */
	bands_first,         /* the same rows of the first input */
	bands_window;        /* those under the windows, of the first input */

bool band_of_all(const Node *, Band out, Band in[]);   /* the same of all inputs */
/* starts, ends and axes are those of the rows. */
void band_slice(Graph *, Node *, Band rows);

#endif
