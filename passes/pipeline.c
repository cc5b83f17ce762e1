#include "passes/pass.h"

#include "ir/text.h"

#include <string.h>

/* Order matters; the reason is beside it. */
static const struct Row {
	const Pass *pass;
	unsigned stages;
} rows[] = {
	{&pass_integers,   /* as the file has them, before identities move them */
	 STAGE_FUNCTION},
	{&pass_fold,       /* constants first: identities look for them */
	 STAGE_FORWARD | STAGE_FUNCTION},
	{&pass_simplify,   /* transposes become flags before they get gradients */
	 STAGE_FORWARD | STAGE_FUNCTION},
	{&pass_recognise,  /* what has a gradient of its own, before it gets one */
	 STAGE_FORWARD},
	{&pass_batch_first, /* leaves transposes for the next to merge */
	 STAGE_DIVIDED},
	{&pass_sink,       /* the batch first, before gradients double it */
	 STAGE_FORWARD | STAGE_DIVIDED},
	{&pass_segment,    /* whichever is first */
	 STAGE_SEGMENTED},
	{&pass_simplify,   /* reshapes meet where transposes have gone */
	 STAGE_FORWARD | STAGE_DIVIDED | STAGE_SEGMENTED},
	{&pass_cse,        /* gradients rebuild what others have built, and data
	                    * were transposed for each that reads them */
	 STAGE_FUNCTION | STAGE_DIVIDED},
	{&pass_dce,        /* the passes above leave the nodes they bypassed */
	 STAGE_FORWARD | STAGE_FUNCTION | STAGE_DIVIDED | STAGE_SEGMENTED},
	{&pass_views,      /* before fusion makes sums of gradients one node */
	 STAGE_FUNCTION},
	{&pass_dce,        /* what was added up */
	 STAGE_FUNCTION},
	{&pass_split_norm, /* differentiation is done; shows elementwise parts */
	 STAGE_FUNCTION},
	{&pass_split_batch, /* the statistics; what follows sees the parts */
	 STAGE_FUNCTION},
	{&pass_mask,       /* bits may be recomputed; fusion hides who reads */
	 STAGE_FUNCTION},
	{&pass_checkpoint, /* what is cheap may then be cheaper from a segment */
	 STAGE_FUNCTION},
	{&pass_recompute,  /* single operators are cheap; fused ones less so */
	 STAGE_FUNCTION},
	{&pass_dce,        /* values that are only recomputed */
	 STAGE_FUNCTION},
	{&pass_tile,       /* who reads what is final; bands are fused like others */
	 STAGE_FUNCTION},
	{&pass_fuse,       /* last of the rewrites: it hides its members */
	 STAGE_FUNCTION},
	{&pass_loss_parts, /* chains as scan; a batch in parts has no use for it */
	 STAGE_FUNCTION},
	{&pass_scan,       /* takes whole chains; leaves updates outside */
	 STAGE_FUNCTION | STAGE_ARRANGED},
	{&pass_join_updates, /* which then are all that reads their gradient */
	 STAGE_FUNCTION | STAGE_ARRANGED},
	{&pass_fuse_conv_grad, /* where it was asked for, before the next */
	 STAGE_FUNCTION},
	{&pass_fuse_update, /* after the chains that end in updates */
	 STAGE_FUNCTION | STAGE_ARRANGED | STAGE_PART},
	{&pass_outputs,    /* memory is final: no rewrite may undo its copies */
	 STAGE_FUNCTION},
	{&pass_workspace,  /* a property of the final nodes */
	 STAGE_FUNCTION | STAGE_ARRANGED | STAGE_PART},
	{&pass_order, 0},
	{&pass_in_place, 0},
};

enum { NROWS = (int)(sizeof rows / sizeof rows[0]) };

const Pass *pass_at(int i)
{
	return i < NROWS ? rows[i].pass : NULL;
}

const Pass *pass_find(const char *name)
{
	for (int i = 0; i < NROWS; i++)
		if (!strcmp(rows[i].pass->name, name))
			return rows[i].pass;
	return NULL;
}

bool pass_is_disabled(const Pass *p, const Options *o)
{
	for (int i = 0; i < o->disable.n; i++)
		if (!strcmp(o->disable.name[i], p->name))
			return !p->required;
	return false;
}

void options_disable(Arena *a, Options *o, const char *pass)
{
	const char **name = arena_array(a, const char *, o->disable.n + 1);
	for (int i = 0; i < o->disable.n; i++)
		name[i] = o->disable.name[i];
	name[o->disable.n++] = pass;
	o->disable.name = name;
}

static void dump(const Graph *g, const Pass *p, const Options *o)
{
	if (!o->dump_after || (strcmp(o->dump_after, p->name) &&
	                       strcmp(o->dump_after, "all")))
		return;
	fprintf(o->dump, "# %s after %s\n", g->name, p->name);
	graph_print(o->dump, g, false);
}

void run_pipeline(Graph *g, Stage stage, const Options *o)
{
	for (int i = 0; i < NROWS; i++) {
		const Pass *p = rows[i].pass;
		if (!(rows[i].stages & stage) || pass_is_disabled(p, o))
			continue;
		graph_have(g, p->needs);
		if (p->run(g, o))
			g->facts &= p->keeps;
		graph_verify(g);
		dump(g, p, o);
	}
}
