/*
 * load_onnx: file, checks, inputs, initializers, nodes, outputs. Errors do not
 * stop it: a value that could not be made is marked, the nodes that read it are
 * passed over in silence, and all others are still looked at.
 */
#include "frontend/frontend.h"
#include "frontend/import.h"
#include "ir/batch_axis.h"

/* Statistics are kept by writing them over the old: who comes later would read
 * other numbers than the file says. */
static void check_statistics(Import *im)
{
	bool *kept = arena_array(im->u->arena, bool, im->model->nvars + 1);
	for (const Node *n = im->g->first; n; n = n->next) {
		for (int i = 0; i < n->nin; i++) {
			const Value *v = n->in[i];
			if (v && v->kind == V_VARIABLE && kept[v->var->id])
				error_at(im->u, n->loc, "reads '%s', a statistic "
				         "that a node before it updates", v->name);
		}
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				kept[n->out[o]->var->id] = true;
	}
}

/* ---- outputs ---- */

/* A warning only: exporters write shapes that are not true. */
static void compare_shape(Import *im, const OnnxPort *p, const Value *v)
{
	bool same = p->rank < 0 || p->rank == v->shape.rank;
	for (int i = 0; same && i < p->rank; i++)
		same = !p->dim[i].size || p->dim[i].param ||
		       p->dim[i].size == v->shape.dim[i];
	if (!same && !im->quiet)
		warn_at(im->u, (Loc){.node = p->name}, "this output has the shape "
		        "%s, which is not what the file says of it",
		        shape_text(im->u->arena, v->shape));
}

/* An output has memory of its own, also where the model returns an input, a
 * parameter or a constant as it is. */
static Value *own_value(Import *im, Value *v)
{
	if (v->kind == V_RESULT)
		return v;
	return APPLY(im->g, (Loc){0}, op_Copy, v);
}

static void import_outputs(Import *im)
{
	for (int i = 0; i < im->m->own.outputs; i++) {
		const OnnxPort *p = &im->m->output[i];
		Name *n = names_find(im->names, p->name);
		if (!n || !n->value)
			continue;
		if (!im->new_batch)
			compare_shape(im, p, n->value);
		graph_output(im->g, p->name, OUT_DATA, own_value(im, n->value));
	}
}

/* ---- the whole ---- */

static bool run(Import *im)
{
	int before = im->u->nerrors;
	import_nodes(im, "forward");
	check_statistics(im);
	import_step(im);
	if (im->u->nerrors != before)
		return false;
	import_outputs(im);
	if (!graph_find_batch(im->g, im->opt->batch_axis))
		return false;
	import_drop_unread(im);
	if (!im->quiet) {
		import_explain_folding(im);
		torch_explain(im);
	}
	return true;
}

/* The batch in the file: that dimension of the first input, most often the
 * first. 0: it is not fixed there. */
static int64_t exported_batch(const Import *im)
{
	for (int i = 0; i < im->m->ninputs; i++) {
		const OnnxPort *p = &im->m->input[i];
		const Name *n = names_find(im->names, p->name);
		if (!n->input || p->rank < 1)
			continue;
		const OnnxDim *d = &p->dim[n->value ? n->value->batch_axis : 0];
		return d->param ? 0 : d->size;
	}
	return 0;
}

/* The file has another batch than --batch: import it again, with the first
 * import at hand to see which shapes have the batch in them. */
static bool run_again(Import *im, int64_t old)
{
	im->before = im->names;
	im->old_batch = old;
	im->new_batch = im->opt->batch;
	im->quiet = true;
	im->folded = im->made = 0;
	im->ndropouts = 0;
	return run(im);
}

/* The file with all function calls replaced; its training step is a part of the
 * graph unless the user has another. */
static OnnxModel *read_model(Unit *u, const Options *opt)
{
	OnnxModel *m = onnx_read(u);
	if (m) {
		torch_read(u, m);
		torch_mend(u, m);
		torch_tie_folded(u, m);
		import_constants(u, m);
	}
	bool good = m && !import_is_split(u, m) && import_branches(u, m) &&
	            import_inline(u, m);
	for (int i = 0; good && i < m->ntrainings; i++)
		good = import_inline(u, m->training[i].initialization) &&
		       import_inline(u, m->training[i].algorithm);
	good = good && import_initialization(u, m);
	if (good)
		onnx_own(m);
	if (good && !opt->ignore_step)
		good = onnx_join(u, m);
	else if (good && onnx_trains(m))
		warn_at(u, (Loc){0}, "--loss is given: the training step in the "
		        "file is not used");
	return good ? m : NULL;
}

Graph *load_onnx(Unit *u, const Options *opt)
{
	int before = u->nerrors;
	OnnxModel *m = read_model(u, opt);
	if (!m)
		return NULL;
	Import im = {.u = u, .opt = opt, .m = m};
	if (!run(&im))
		return NULL;
	int64_t old = exported_batch(&im);
	if (opt->batch && old && old != opt->batch && !run_again(&im, old))
		return NULL;
	return u->nerrors == before ? im.g : NULL;
}
