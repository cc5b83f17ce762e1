/*
 * A graph of the file, node by node: each is converted by its rule, or by its
 * operator's own attributes.
 */
#include "frontend/frontend.h"
#include "frontend/import.h"

#include <ctype.h>
#include <string.h>

/* ---- one node ---- */

static bool generated(const Value *v)
{
	return v->name[0] == '_' && isdigit((unsigned char)v->name[1]);
}

/* A result is called what the file calls it, unless the file's name looks like
 * a generated one. */
static void rename_value(Import *im, Value *v, const char *name)
{
	if (!generated(v) || (v->kind != V_RESULT && v->kind != V_CONST))
		return;
	v->name = name;
	if (generated(v))
		v->name = arena_printf(im->u->arena, "onnx%s", name);
}

/* What a Loop yields: each input, if the time that makes it has run. */
static bool is_yield(const OnnxNode *n)
{
	return !strcmp(n->domain, OWN_DOMAIN) && !strcmp(n->op, "LoopConcat");
}

/* False if an input is missing because of an error reported earlier. */
static bool gather_inputs(Site *s)
{
	for (int i = 0; i < s->n->nin; i++) {
		if (!*s->n->in[i])
			continue;
		Name *n = names_find(s->im->names, s->n->in[i]);
		if ((!n || !n->value) && !is_yield(s->n))
			return false;
		s->in[i] = n ? n->value : NULL;
		s->nin = i + 1;
	}
	return true;
}

static char kind_letter(OnnxAttrKind k)
{
	return "-ifstIFSgo"[k];
}

/* attrs: " axis:i axes:I", the names and kinds that are understood. */
static bool known_attr(const char *attrs, const OnnxAttr *a)
{
	size_t n = strlen(a->name);
	for (const char *p = attrs; (p = strchr(p, ' ')); p++)
		if (!strncmp(p + 1, a->name, n) && p[n + 1] == ':' &&
		    p[n + 2] == kind_letter(a->kind))
			return true;
	return false;
}

/* Attributes that change nothing here: float8 rounding, the precision that
 * a statistic is kept in, Dropout's own seed. */
static const char harmless[] = " saturate:i stash_type:i seed:i round_mode:s";

static bool check_attrs(Site *s, const Rule *rule, const OpDef *op)
{
	bool ok = true;
	for (int i = 0; i < s->n->nattr; i++) {
		const OnnxAttr *a = &s->n->attr[i];
		bool known = known_attr(harmless, a) ||
		             (rule && rule->attrs && known_attr(rule->attrs, a)) ||
		             (op && op_attr(op, a->name) >= 0) ||
		             old_attr(s, a->name);
		if (!known)
			site_error(s, "attribute '%s' is not supported", a->name);
		ok &= known;
	}
	return ok;
}

static const char *subgraph_attr(const OnnxNode *n)
{
	for (int i = 0; i < n->nattr; i++)
		if (n->attr[i].kind == OA_GRAPH)
			return n->attr[i].name;
	return NULL;
}

bool onnx_supports(const char *name)
{
	const OpDef *op = op_find(name);
	return rule_find(name) || (op && op->since);
}

static const char *full_name(const Site *s)
{
	const OnnxNode *n = s->n;
	return *n->domain ? arena_printf(s->im->u->arena, "%s.%s", n->domain,
	                                 n->op) : n->op;
}

/* What no input can change: is there such an operator? */
static bool check_operator(const Site *s)
{
	const OnnxNode *n = s->n;
	const char *subgraph = subgraph_attr(n), *name = full_name(s);
	if (*n->domain && !rule_find(name))
		site_error(s, "operators of the domain '%s' are not supported%s",
		           n->domain, !strcmp(n->domain, ML_DOMAIN)
		           ? ", but for linear models and scalers: it has no "
		             "gradient, or would need strings"
		           : ": export it as operators of ONNX");
	else if (subgraph)
		site_error(s, "control flow is not supported (attribute '%s' is a "
		           "graph), but for an If whose condition is known "
		           "and a Loop whose trip count is a constant of the "
		           "file, at most %d: export with its loops "
		           "unrolled (in Keras: unroll=True)", subgraph,
		           MOST_ITERATIONS);
	else if (!onnx_supports(name))
		site_unsupported(s);
	else
		return true;
	return false;
}

static bool convert(Site *s)
{
	const Rule *rule = rule_find(full_name(s));
	const OpDef *op = rule ? NULL : op_find(s->n->op);
	if (!check_attrs(s, rule, op) || !old_align(s))
		return false;
	return rule ? rule->convert(s) : convert_default(s);
}

static bool define_outputs(Site *s)
{
	bool ok = true;
	for (int o = 0; o < s->n->nout; o++) {
		if (!*s->n->out[o])
			continue;
		Name *n = names_find(s->im->names, s->n->out[o]);
		if (!s->out[o] && n->uses) {
			site_error(s, "output %d, '%s', is not supported", o,
			           n->text);
			ok = false;
		}
		n->value = s->out[o];
		if (n->value)
			rename_value(s->im, n->value, n->text);
	}
	return ok;
}

/* A node of a branch that is not taken, or not known to be. */
static bool is_skipped(const Import *im, const OnnxNode *n)
{
	for (int i = 0; i < n->nguards; i++) {
		const Name *c = names_find(im->names, n->guard[i].condition);
		const KnownInput *known = import_known(im, c ? c->text : "");
		const void *data = known ? known->data
			: c && c->value && c->value->kind == V_CONST
			? known_data(c->value) : NULL;
		if (!data || (*(const uint8_t *)data != 0) != n->guard[i].then)
			return true;
	}
	return false;
}

/* An If whose condition is known has the values of the branch that is taken. */
static void import_if(Site *s)
{
	int n;
	const int64_t *condition;
	const Name *c = names_find(s->im->names, s->n->in[0]);
	s->in[0] = c ? c->value : NULL;
	s->nin = 1;
	if (!s->in[0] || !site_const_ints(s, 0, "cond", &n, &condition))
		return;
	if (n != 1) {
		site_error(s, "its condition has %d elements, expected one", n);
		return;
	}
	const char **from = s->n->in + 1 + (*condition ? 0 : s->nout);
	for (int o = 0; o < s->nout; o++) {
		const Name *taken = names_find(s->im->names, from[o]);
		if (!*s->n->out[o] || !taken || !taken->value)
			continue;
		names_find(s->im->names, s->n->out[o])->value = taken->value;
	}
}

static bool is_flat_if(const OnnxNode *n)
{
	return !strcmp(n->op, "If") && n->nin == 1 + 2 * n->nout;
}

static void import_node(Import *im, const OnnxNode *n)
{
	Arena *a = im->u->arena;
	if (is_skipped(im, n))
		return;
	Site s = {
		.im = im, .n = n, .loc = n->loc, .opset = n->opset,
		.in = arena_array(a, Value *, n->nin + 1),
		.out = arena_array(a, Value *, n->nout + 1), .nout = n->nout,
	};
	int before = im->u->nerrors;
	if (is_flat_if(n)) {
		import_if(&s);
		return;
	}
	if (!*n->op || !check_operator(&s) || !gather_inputs(&s))
		return;
	if (convert(&s) && define_outputs(&s))
		batch_follow(&s);
	else if (im->u->nerrors == before)
		site_error(&s, "an input or an attribute that it needs is "
		           "missing");
}

/* ---- all of them ---- */

/* A C identifier from the file's name. */
static const char *model_name(Unit *u, const Options *o)
{
	if (o->name)
		return o->name;
	const char *slash = strrchr(u->path, '/');
	const char *base = slash ? slash + 1 : u->path;
	const char *dot = strrchr(base, '.');
	size_t n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	bool digit = !n || isdigit((unsigned char)*base);
	char *name = arena_printf(u->arena, "%s%.*s", digit ? "m" : "", (int)n,
	                          base);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) || (unsigned char)*p > 127)
			*p = '_';
	return name;
}

void import_nodes(Import *im, const char *graph)
{
	Unit *u = im->u;
	im->model = model_create(u, model_name(u, im->opt));
	im->g = graph_create(im->model, graph);
	im->names = names_create(u->arena, (size_t)im->m->ninits +
	                                   2 * (size_t)im->m->nnodes);
	if (!import_check_sizes(im))
		return;
	import_check(im);
	import_uses(im);
	import_inputs(im);
	torch_declare(im);
	import_initializers(im);
	for (int i = 0; i < im->m->nnodes; i++)
		if (im->live[i])
			import_node(im, &im->m->node[i]);
}
