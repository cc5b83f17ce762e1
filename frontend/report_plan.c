/* The steps and buffers of a Plan, as JSON. */
#include "frontend/report_plan.h"

#include "ir/op.h"
#include "ir/scan.h"

#include <string.h>

const Plan *report_plan(const Program *p)
{
	return p->train ? p->train : p->infer;
}

json_t *text_json(const char *text)
{
	Arena *scratch = arena_create();
	json_t *j = json_string(text ? text : "");
	if (!j) {
		char *ascii = arena_printf(scratch, "%s", text);
		for (char *c = ascii; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		j = json_string(ascii);
	}
	arena_destroy(scratch);
	return j;
}

/* The buffer that the value is in, or -1. */
static int buffer_of(const Plan *plan, const Value *v)
{
	const Place *p = v ? &plan->place[v->id] : NULL;
	return p && p->region == REGION_ARENA ? p->buffer : -1;
}

/* ---- buffers ---- */

const Node **plan_writers(Arena *a, const Plan *plan)
{
	const Node **writer = arena_array(a, const Node *, plan->nbuffers + 1);
	for (int i = plan->nsteps - 1; i >= 0; i--) {
		const Node *n = plan->step[i];
		for (int o = 0; o < n->nout; o++) {
			int b = buffer_of(plan, n->out[o]);
			if (b >= 0)
				writer[b] = n;
		}
	}
	for (int i = 0; i < plan->graph->ninputs; i++) {
		int b = buffer_of(plan, plan->graph->input[i]);
		if (b >= 0)
			writer[b] = NULL;
	}
	return writer;
}

static bool is_made_up(const char *name)
{
	return name[0] == '_' && name[1] &&
	       strspn(name + 1, "0123456789") == strlen(name + 1);
}

const char *plan_title(Arena *a, const Buffer *b, const Node *writer)
{
	if (!writer || !writer->loc.node || !is_made_up(b->name))
		return b->name;
	return arena_printf(a, "%s %s", writer->op->name, writer->loc.node);
}

/* What it takes from step to step; an empty list: all of it. */
static json_t *windows_json(const Buffer *b)
{
	json_t *list = json_array();
	for (int i = 0; i < b->nwindows; i++) {
		const BufferWindow *w = &b->window[i];
		json_array_append_new(list, json_pack(
			"{s:i, s:i, s:I, s:I}", "first", w->first,
			"last", w->last, "low", (json_int_t)w->low,
			"high", (json_int_t)w->high));
	}
	return list;
}

static bool was_listed(const Plan *plan, int step, int output)
{
	const Value *v = plan->step[step]->out[output];
	const Place *p = &plan->place[v->id];
	for (int s = 0; s <= step; s++) {
		const Node *n = plan->step[s];
		for (int o = 0; o < n->nout && (s < step || o < output); o++) {
			const Place *q = &plan->place[n->out[o]->id];
			if (q->base == p->base && q->offset == p->offset &&
			    value_bytes(n->out[o]) == value_bytes(v))
				return true;
		}
	}
	return false;
}

static json_t *part_json(const Plan *plan, int buffer, const Value *v)
{
	int64_t low = plan->place[v->id].offset - plan->buffer[buffer].offset;
	return json_pack("{s:o, s:I, s:I}", "name", text_json(v->name), "low",
	                 (json_int_t)low, "high",
	                 (json_int_t)(low + value_bytes(v)));
}

/* By buffer: the values that are only a part of it, with the bytes that each is
 * in. */
static json_t **parts_json(Arena *a, const Plan *plan)
{
	json_t **list = arena_array(a, json_t *, plan->nbuffers + 1);
	for (int i = 0; i < plan->nbuffers; i++)
		list[i] = json_array();
	for (int s = 0; s < plan->nsteps; s++)
		for (int o = 0; o < plan->step[s]->nout; o++) {
			const Value *v = plan->step[s]->out[o];
			int b = buffer_of(plan, v);
			if (b >= 0 && value_bytes(v) <
			    value_bytes(plan->place[v->id].base) &&
			    !was_listed(plan, s, o))
				json_array_append_new(list[b],
				                      part_json(plan, b, v));
		}
	return list;
}

json_t *plan_buffers_json(const Plan *plan)
{
	Arena *scratch = arena_create();
	const Node **writer = plan_writers(scratch, plan);
	json_t **parts = parts_json(scratch, plan);
	json_t *list = json_array();
	for (int i = 0; i < plan->nbuffers; i++) {
		const Buffer *b = &plan->buffer[i];
		json_array_append_new(list, json_pack(
			"{s:o, s:s, s:I, s:I, s:i, s:i, s:o, s:o, s:s, s:o}",
			"name", text_json(b->name),
			"class", memory_class_name(b->memory),
			"bytes", (json_int_t)b->bytes,
			"offset", (json_int_t)b->offset,
			"first", b->first, "last", b->last,
			"windows", windows_json(b),
			"parts", parts[i],
			"op", writer[i] ? writer[i]->op->name : "",
			"node", text_json(writer[i] ? writer[i]->loc.node
			                            : NULL)));
	}
	arena_destroy(scratch);
	return list;
}

/* ---- steps ---- */

/* The buffers of the values, each once. */
static json_t *buffers_of(const Plan *plan, int n, Value *const v[])
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++) {
		int b = buffer_of(plan, v[i]);
		for (int k = 0; k < i; k++)
			if (buffer_of(plan, v[k]) == b)
				b = -1;
		if (b >= 0)
			json_array_append_new(list, json_integer(b));
	}
	return list;
}

/* What v replaces: itself, or as an output of the Scan that it is computed in. */
static const Variable *replaced(const Value *v, const Node *scan)
{
	for (int o = 0; scan && o < scan->nout; o++)
		if (scan->scan->graph->noutputs > o &&
		    scan->scan->graph->output[o].value == v)
			return scan->out[o]->var;
	return v->var;
}

/* The variables that the node replaces, or adds to. scan: NULL, or that whose
 * part it computes. */
static json_t *variables_of(const Node *n, const Node *scan)
{
	json_t *list = json_array();
	for (int o = 0; o < n->nout; o++) {
		const Variable *var = n->out[o] ? replaced(n->out[o], scan)
		                                : NULL;
		if (var)
			json_array_append_new(list, text_json(var->name));
	}
	return list;
}

static bool in_place(const Plan *plan, const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		for (int i = 0; i < n->nin; i++)
			if (buffer_of(plan, n->out[o]) >= 0 &&
			    buffer_of(plan, n->out[o]) ==
			    buffer_of(plan, n->in[i]))
				return !plan_skips(plan, n);
	return false;
}

static int largest_id(const Plan *plan)
{
	int most = 0;
	for (int i = 0; i < plan->nsteps; i++) {
		const Node *n = plan->step[i];
		for (int k = -1; k < n->nbody; k++) {
			const Node *m = k < 0 ? n : n->body[k];
			most = m->id > most ? m->id : most;
			most = m->again > most ? m->again : most;
		}
	}
	return most;
}

/* Appends the ONNX nodes of what is computed and is in `done`, and returns the
 * flops for that. The first computation may be gone: then the first repetition
 * is in its place. */
static int64_t add_repeats(json_t *list, bool *done, const Node *n, Arena *a)
{
	int64_t flops = 0;
	for (int i = 0; i < n->nbody; i++)
		flops += add_repeats(list, done, n->body[i], a);
	if (n->nbody)
		return flops;
	bool *seen = &done[n->again < 0 ? n->id : n->again];
	if (!*seen) {
		*seen = true;
		return 0;
	}
	json_array_append_new(list, text_json(n->loc.node));
	return node_cost(n).flops;
}

static int64_t flops_of(Arena *a, const Plan *plan, const Node *n)
{
	return plan_skips(plan, n) ? 0 : node_cost(n).flops;
}

/* A plan of which steps are listed: the function's, or a Scan's for one part. */
typedef struct Listing {
	Arena *arena;
	const Plan *plan;
	const struct Listing *outer;   /* of a Scan: what the node is in, */
	const Node *scan;              /*   and the node */
	bool *done;                    /* by node: it has been computed once */
	const Node **member;           /* of a Scan: the member that a node of
	                                * its graph was made for, by id, or NULL */
} Listing;

static json_t *list_steps(const Plan *, const Listing *outer, const Node *scan,
                          bool *done);

/* The graph of a Scan has a node for each member, in their order; between them
 * are some that add up. */
static const Node **find_members(Arena *a, const Node *scan)
{
	const Graph *g = scan->scan->graph;
	const Node **member = arena_array(a, const Node *, g->nnodes + 1);
	int i = 0;
	for (const Node *n = g->first; n; n = n->next)
		for (int k = i; k < scan->nbody && !member[n->id]; k++)
			if (n->op == scan->body[k]->op &&
			    n->loc.node == scan->body[k]->loc.node) {
				member[n->id] = scan->body[k];
				i = k + 1;
			}
	return member;
}

/* The buffers around the Scan that the node writes to, for this part. */
static json_t *outer_writes(const Listing *l, const Node *n)
{
	json_t *list = json_array();
	for (int i = 0; i < n->nout; i++) {
		const Place *p = &l->plan->place[n->out[i]->id];
		int o = p->region == REGION_OUTER
		        ? scan_output(l->scan, p->base) : -1;
		int b = o < 0 ? -1 : buffer_of(l->outer->plan, l->scan->out[o]);
		if (b >= 0)
			json_array_append_new(list, json_integer(b));
	}
	return list;
}

/* What runs for each part, in an arena that is the Scan's workspace. */
static void add_parts(json_t *step, const Listing *l, const Node *n, bool *done)
{
	const Scan *s = n->scan;
	json_object_update_new(step, json_pack(
		"{s:I, s:i, s:o, s:o}", "parts", (json_int_t)s->parts,
		"workspace", buffer_of(l->plan, node_workspace(n)),
		"steps", list_steps(s->plan, l, n, done),
		"buffers", plan_buffers_json(s->plan)));
}

static bool *copy_done(const Listing *l)
{
	int n = largest_id(l->plan) + 1;
	bool *copy = arena_array(l->arena, bool, n);
	memcpy(copy, l->done, sizeof *copy * (size_t)n);
	return copy;
}

/* Lists what the node computes a second time; the flops for that. */
static int64_t repeats_of(const Listing *l, const Node *n, json_t *list)
{
	const Node *m = l->scan ? l->member[n->id] : n;
	if (!m || plan_skips(l->plan, n))
		return 0;
	int64_t flops = add_repeats(list, l->done, m, l->arena);
	return l->scan ? flops / l->scan->scan->parts : flops;
}

static json_t *step_json(const Listing *l, int i, int64_t live)
{
	const Plan *plan = l->plan;
	const Node *n = plan->step[i];
	json_t *fused = json_array(), *again = json_array();
	bool *done = n->scan ? copy_done(l) : NULL;
	int64_t repeated = repeats_of(l, n, again);
	for (int k = 0; k < n->nbody; k++)
		json_array_append_new(fused,
		                      json_string(n->body[k]->op->name));
	json_t *step = json_pack(
		"{s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:b}",
		"op", n->op->name, "node", text_json(n->loc.node),
		"flops", (json_int_t)flops_of(l->arena, plan, n),
		"recomputed_flops", (json_int_t)repeated,
		"live_bytes", (json_int_t)live,
		"reads", buffers_of(plan, n->nin, n->in),
		"writes", buffers_of(plan, n->nout, n->out),
		"updates", variables_of(n, l->scan),
		"fused", fused, "recomputes", again,
		"in_place", in_place(plan, n), "view", plan_skips(plan, n));
	if (l->scan)
		json_object_set_new(step, "outer_writes", outer_writes(l, n));
	if (n->scan)
		add_parts(step, l, n, done);
	return step;
}

static json_t *list_steps(const Plan *plan, const Listing *outer,
                          const Node *scan, bool *done)
{
	Arena *scratch = arena_create();
	int64_t *live = arena_array(scratch, int64_t, plan->nsteps + 1);
	Listing l = {scratch, plan, outer, scan, done,
	             scan ? find_members(scratch, scan) : NULL};
	json_t *list = json_array();
	plan_live(plan, live);
	for (int i = 0; i < plan->nsteps; i++)
		json_array_append_new(list, step_json(&l, i, live[i]));
	arena_destroy(scratch);
	return list;
}

json_t *plan_steps_json(const Plan *plan)
{
	Arena *scratch = arena_create();
	bool *done = arena_array(scratch, bool, largest_id(plan) + 1);
	json_t *list = list_steps(plan, NULL, NULL, done);
	arena_destroy(scratch);
	return list;
}
