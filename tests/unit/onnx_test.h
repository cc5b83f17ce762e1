/* For the tests of the reader: a model loaded from tests/models/reader, with
 * what was said about it, and its graph run by the interpreter. */
#ifndef TESTS_ONNX_TEST_H
#define TESTS_ONNX_TEST_H

#include "frontend/frontend.h"
#include "frontend/onnx_model.h"
#include "ir/op.h"
#include "ir/verify.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODELS SOURCE_DIR "/tests/models/reader/"

typedef struct Loaded {
	Unit u;
	Graph *g;       /* NULL: refused */
	char *said;     /* all messages */
	size_t size;
} Loaded;

static inline Loaded *load_with(const char *path, Options o)
{
	Loaded *l = calloc(1, sizeof *l);
	l->u.path = path;
	l->u.arena = arena_create();
	l->u.messages = open_memstream(&l->said, &l->size);
	l->g = load_onnx(&l->u, &o);
	fflush(l->u.messages);
	if (l->g)
		graph_verify(l->g);
	return l;
}

static inline Loaded *load(const char *path)
{
	return load_with(path, (Options){0});
}

static inline void unload(Loaded *l)
{
	fclose(l->u.messages);
	free(l->said);
	arena_destroy(l->u.arena);
	free(l);
}

/* With a seed among the inputs, where something draws. Storage of every value,
 * by id. */
static inline void **run_graph(Graph *g, const void *const input[])
{
	Arena *a = g->unit->arena;
	void **buf = arena_array(a, void *, g->nvalues);
	for (int i = 0; i < g->ninputs; i++)
		buf[g->input[i]->id] = (void *)(uintptr_t)input[i];
	for (int i = 0; i < g->nvarvalues; i++)
		buf[g->varvalue[i]->id] =
			(void *)(uintptr_t)g->varvalue[i]->var->data;
	for (Node *n = g->first; n; n = n->next) {
		for (int i = 0; i < n->nin; i++)
			if (n->in[i] && n->in[i]->kind == V_CONST)
				buf[n->in[i]->id] =
					(void *)(uintptr_t)n->in[i]->data;
		for (int o = 0; o < n->nout; o++)
			buf[n->out[o]->id] = arena_calloc(a,
				(size_t)numel(n->out[o]->shape) + 1, 8);
		kernel_eval(kernel_of(a, n), buf, false);
	}
	return buf;
}

/* The folder of real exports, beside the checkout or where THIMBLE_SHARED says;
 * NULL, which is said: there is none. */
static inline const char *reference_models(void)
{
	static char path[4096];
	const char *shared = getenv("THIMBLE_SHARED");
	snprintf(path, sizeof path, "%s/reference/models",
	         shared ? shared : SOURCE_DIR "/../shared");
	if (!access(path, R_OK))
		return path;
	/* A warning of Criterion's would count as a failure. */
	fprintf(stderr, "no reference models in %s: skipped\n", path);
	return NULL;
}

static inline const Value *find_value(const Graph *g, const char *name)
{
	for (int i = 0; i < g->ninputs; i++)
		if (!strcmp(g->input[i]->name, name))
			return g->input[i];
	for (int i = 0; i < g->nvarvalues; i++)
		if (!strcmp(g->varvalue[i]->name, name))
			return g->varvalue[i];
	for (Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (!strcmp(n->out[o]->name, name))
				return n->out[o];
	return NULL;
}

static inline Node *find_node(const Graph *g, const char *name)
{
	for (Node *n = g->first; n; n = n->next)
		if (n->loc.node && !strcmp(n->loc.node, name))
			return n;
	return NULL;
}

static inline double attr_of(const Node *n, const char *name)
{
	const Attr *a = &n->attr[op_attr(n->op, name)];
	return n->op->attrs[op_attr(n->op, name)].kind == ATTR_FLOAT
	       ? a->f : (double)a->i;
}

static inline void expect_shape(const Loaded *l, const char *name, Shape want)
{
	const Value *v = NULL;
	for (int i = 0; l->g && i < l->g->noutputs; i++)
		if (!strcmp(l->g->output[i].name, name))
			v = l->g->output[i].value;
	if (!v && l->g)
		v = find_value(l->g, name);
	cr_assert_not_null(v, "no value '%s': %s", name, l->said);
	cr_expect(shape_equal(v->shape, want), "%s is %s, expected %s", name,
	          shape_text(l->u.arena, v->shape),
	          shape_text(l->u.arena, want));
}

#endif
