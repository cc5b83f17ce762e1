#include "passes/names.h"

#include "ir/op.h"
#include "ir/scan.h"
#include "ir/table.h"

#include <string.h>

bool name_is_made_up(const char *name)
{
	return name[0] == '_' && name[1] &&
	       !name[1 + strspn(name + 1, "0123456789")];
}

/* What an output is called in the literature, if an operator has several that
 * mean different things. */
static const char *role_of(const Node *n, int output)
{
	static const struct {
		const char *op, *role[4];
	} known[] = {
		{"BatchNormalizationMoments", {"moments"}},
		{"BatchNormalizationFinish",
		 {"mean", "inv_std", "running_mean", "running_var"}},
		{"BatchNormalizationStatistics",
		 {"mean", "inv_std", "running_mean", "running_var"}},
		{"BatchNormalizationSums", {"grad_slope", "grad_bias"}},
		{"LayerNormalization", {"normalized", "mean", "inv_std"}},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (!strcmp(n->op->name, known[i].op) && output < 4 &&
		    known[i].role[output])
			return known[i].role[output];
	return n->op->name;
}

/* "ConvGradInput" of "/6/Conv" is its "GradInput"; "Conv" is "". */
static const char *without_node(const char *role, const char *node)
{
	const char *slash = strrchr(node, '/');
	const char *last = slash ? slash + 1 : node;
	size_t n = strlen(last);
	bool begins = n && !strncmp(role, last, n) &&
	              (!role[n] || (role[n] >= 'A' && role[n] <= 'Z'));
	return begins ? role + n : role;
}

/* However often. */
static const char *reshaped(Arena *a, const char *name)
{
	static const char word[] = ".reshaped";
	size_t n = strlen(name), m = sizeof word - 1;
	return n >= m && !strcmp(name + n - m, word)
	       ? name : arena_printf(a, "%s%s", name, word);
}

/* What is only reshaped keeps its name, and what is computed again the node's. */
static const char *wish(Arena *a, const Node *n, int output)
{
	if (!strcmp(n->op->name, "Reshape") && n->in[0])
		return reshaped(a, n->in[0]->name);
	const char *node = n->loc.node && *n->loc.node ? n->loc.node
	                                               : n->op->name;
	const char *role = n->out[output]->memory == MEM_WORKSPACE ? "workspace"
	                   : n->nbody ? role_of(n->body[n->nbody - 1], 0)
	                   : role_of(n, output);
	role = without_node(role, node);
	if (n->again < 0)
		return arena_printf(a, "%s.%s", node, *role ? role : "value");
	return *role ? arena_printf(a, "%s.%s.again", node, role)
	             : arena_printf(a, "%s.again", node);
}

static const char *unique(Arena *a, Table *taken, const char *name)
{
	const char *free = name;
	for (int i = 2; !table_add(taken, free, (void *)name); i++)
		free = arena_printf(a, "%s.%d", name, i);
	return free;
}

void names_take(Table *taken, const Graph *g)
{
	for (const Node *n = g->first; n; n = n->next) {
		for (int i = 0; i < n->nin; i++)
			if (n->in[i])
				table_add(taken, n->in[i]->name, n->in[i]);
		for (int o = 0; o < n->nout; o++)
			if (!name_is_made_up(n->out[o]->name))
				table_add(taken, n->out[o]->name, n->out[o]);
	}
}

/* What a loop gives out is called as within it. */
static const char *inner_name(const Node *n, int output)
{
	const Graph *g = n->scan ? n->scan->graph : NULL;
	return g && output < g->noutputs && g->output[output].value
	       ? g->output[output].value->name : "_0";
}

/* A buffer has the name of the value that it was made for. */
static void name_value(const Plan *plan, Value *v, const char *name)
{
	const Place *p = &plan->place[v->id];
	Buffer *b = p->region == REGION_ARENA ? &plan->buffer[p->buffer] : NULL;
	if (b && !strcmp(b->name, v->name))
		b->name = name;
	v->name = name;
}

static void name_outputs(const Plan *plan, const Node *n, Table *taken)
{
	Arena *a = plan->graph->unit->arena;
	for (int o = 0; o < n->nout; o++) {
		const char *name = inner_name(n, o);
		if (!name_is_made_up(n->out[o]->name))
			continue;
		if (name_is_made_up(name))
			name = wish(a, n, o);
		name_value(plan, n->out[o], unique(a, taken, name));
	}
}

void plan_name(const Plan *plan)
{
	const Graph *g = plan->graph;
	Table *taken = table_create(g->unit->arena);
	names_take(taken, g);
	for (const Node *n = g->first; n; n = n->next) {
		if (n->scan && n->scan->plan)
			plan_name(n->scan->plan);
		name_outputs(plan, n, taken);
	}
}
