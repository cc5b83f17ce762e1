/*
 * ModelProto to OnnxModel: copies what the importer needs into the arena, so
 * that the protobuf tree, which is several times the size of the file, can go
 * before the graph is built.
 */
#include "frontend/onnx_proto.h"

#include <string.h>

typedef struct Decode {
	Unit *u;
	External files;
} Decode;

static const char *text(Decode *d, const char *s)
{
	return s ? arena_strndup(d->u->arena, s, strlen(s)) : "";
}

static const char *bytes(Decode *d, ProtobufCBinaryData b)
{
	return b.data ? arena_strndup(d->u->arena, (char *)b.data, b.len) : "";
}

static const char **texts(Decode *d, size_t n, char **s)
{
	const char **copy = arena_array(d->u->arena, const char *, n);
	for (size_t i = 0; i < n; i++)
		copy[i] = text(d, s[i]);
	return copy;
}

/* NULL: there is none of that key. */
static const char *metadata(Decode *d, size_t n,
                            Onnx__StringStringEntryProto **entry,
                            const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (entry[i]->key && entry[i]->value &&
		    !strcmp(entry[i]->key, key))
			return text(d, entry[i]->value);
	return NULL;
}

/* ---- attributes ---- */

/* Files before IR version 2 do not say which field is in use. */
static int attr_type(const Onnx__AttributeProto *a)
{
	if (a->has_type)
		return (int)a->type;
	return a->has_f ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT
	       : a->has_i ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT
	       : a->has_s ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING
	       : a->t ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR
	       : a->g ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH
	       : a->n_floats ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS
	                     : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
}

static void decode_ints(Decode *d, const Onnx__AttributeProto *a, OnnxAttr *out)
{
	int64_t *x = arena_array(d->u->arena, int64_t, a->n_ints);
	for (size_t i = 0; i < a->n_ints; i++)
		x[i] = a->ints[i];
	out->n = (int)a->n_ints;
	out->ints = x;
}

static void decode_floats(Decode *d, const Onnx__AttributeProto *a,
                          OnnxAttr *out)
{
	double *x = arena_array(d->u->arena, double, a->n_floats);
	for (size_t i = 0; i < a->n_floats; i++)
		x[i] = (double)a->floats[i];
	out->n = (int)a->n_floats;
	out->floats = x;
}

static void decode_strings(Decode *d, const Onnx__AttributeProto *a,
                           OnnxAttr *out)
{
	const char **x = arena_array(d->u->arena, const char *, a->n_strings);
	for (size_t i = 0; i < a->n_strings; i++)
		x[i] = bytes(d, a->strings[i]);
	out->n = (int)a->n_strings;
	out->strings = x;
}

static void decode_tensor(Decode *d, Loc loc, const Onnx__AttributeProto *a,
                          OnnxAttr *out)
{
	if (a->t)
		onnx_tensor(d->u, loc, a->t, &d->files, &out->t);
	else
		error_at(d->u, loc, "attribute '%s' has no tensor", out->name);
}

static OnnxNode *decode_nodes(Decode *, size_t n, Onnx__NodeProto **,
                              int64_t opset);

/* The opset is that of the node whose graph it is. */
static const OnnxBranch *decode_branch(Decode *d, Loc loc,
                                       const Onnx__GraphProto *g)
{
	OnnxBranch *b = g ? arena_new(d->u->arena, OnnxBranch) : NULL;
	if (!b)
		return NULL;
	b->ninits = (int)g->n_initializer;
	b->init = arena_array(d->u->arena, OnnxTensor, b->ninits);
	for (int i = 0; i < b->ninits; i++)
		onnx_tensor(d->u, loc, g->initializer[i], &d->files,
		            &b->init[i]);
	b->nnodes = (int)g->n_node;
	b->node = decode_nodes(d, g->n_node, g->node, 0);
	b->nin = (int)g->n_input;
	b->in = arena_array(d->u->arena, const char *, b->nin);
	for (int i = 0; i < b->nin; i++)
		b->in[i] = text(d, g->input[i]->name);
	b->nout = (int)g->n_output;
	b->out = arena_array(d->u->arena, const char *, b->nout);
	for (int i = 0; i < b->nout; i++)
		b->out[i] = text(d, g->output[i]->name);
	return b;
}

static bool is_branch(const char *name)
{
	return !strcmp(name, "then_branch") || !strcmp(name, "else_branch") ||
	       !strcmp(name, "body");
}

static void decode_attr(Decode *d, Loc loc, const Onnx__AttributeProto *a,
                        OnnxAttr *out)
{
	out->name = text(d, a->name);
	out->ref = a->ref_attr_name && *a->ref_attr_name
	           ? text(d, a->ref_attr_name) : NULL;
	if (out->ref)
		return;
	switch (attr_type(a)) {
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
		out->kind = OA_INT;
		out->i = a->i;
		return;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
		out->kind = OA_FLOAT;
		out->f = (double)a->f;
		return;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
		out->kind = OA_STRING;
		out->s = bytes(d, a->s);
		return;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
		out->kind = OA_INTS;
		decode_ints(d, a, out);
		return;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
		out->kind = OA_FLOATS;
		decode_floats(d, a, out);
		return;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
		out->kind = OA_STRINGS;
		decode_strings(d, a, out);
		return;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
		out->kind = OA_TENSOR;
		decode_tensor(d, loc, a, out);
		return;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH:
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPHS:
		out->kind = OA_GRAPH;
		if (is_branch(out->name))
			out->branch = decode_branch(d, loc, a->g);
		return;
	default:
		out->kind = OA_OTHER;
	}
}

/* ---- nodes ---- */

static Loc node_loc(const OnnxNode *n, const char *name, int index, Arena *a)
{
	Loc loc = {.node = name, .op = n->op};
	if (!*name)
		loc.node = n->nout && *n->out[0] ? n->out[0]
		           : arena_printf(a, "#%d", index);
	return loc;
}

static void decode_node(Decode *d, const Onnx__NodeProto *n, int index,
                        OnnxNode *out)
{
	out->op = text(d, n->op_type);
	out->domain = text(d, n->domain);
	if (!strcmp(out->domain, "ai.onnx"))
		out->domain = "";
	out->nin = (int)n->n_input;
	out->nout = (int)n->n_output;
	out->in = texts(d, n->n_input, n->input);
	out->out = texts(d, n->n_output, n->output);
	out->loc = node_loc(out, text(d, n->name), index, d->u->arena);
	out->nattr = (int)n->n_attribute;
	out->attr = arena_array(d->u->arena, OnnxAttr, out->nattr);
	for (int i = 0; i < out->nattr; i++)
		decode_attr(d, out->loc, n->attribute[i], &out->attr[i]);
	out->torch_call = metadata(d, n->n_metadata_props, n->metadata_props,
	                           "pkg.torch.onnx.fx_node");
}

static OnnxNode *decode_nodes(Decode *d, size_t n, Onnx__NodeProto **nodes,
                              int64_t opset)
{
	OnnxNode *out = arena_array(d->u->arena, OnnxNode, n);
	for (size_t i = 0; i < n; i++) {
		decode_node(d, nodes[i], (int)i, &out[i]);
		out[i].opset = opset;
	}
	return out;
}

/* 0: the default domain is not imported. */
static int64_t find_opset(size_t n, Onnx__OperatorSetIdProto **sets)
{
	int64_t version = 0;
	for (size_t i = 0; i < n; i++) {
		const char *domain = sets[i]->domain;
		if (!domain || !*domain || !strcmp(domain, "ai.onnx"))
			version = sets[i]->version;
	}
	return version;
}

/* ---- the graph ---- */

static void decode_dims(Decode *d, const Onnx__TensorShapeProto *s,
                        OnnxPort *out)
{
	out->rank = (int)s->n_dim;
	for (size_t i = 0; i < s->n_dim; i++) {
		const Onnx__TensorShapeProto__Dimension *dim = s->dim[i];
		bool param = dim->value_case ==
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
		bool value = dim->value_case ==
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		if (value && dim->dim_value > 0)
			out->dim[i].size = dim->dim_value;
		if (param && dim->dim_param && *dim->dim_param)
			out->dim[i].param = text(d, dim->dim_param);
	}
}

static void decode_port(Decode *d, const Onnx__ValueInfoProto *v, OnnxPort *out)
{
	out->name = text(d, v->name);
	out->rank = -1;
	if (!v->type ||
	    v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return;
	const Onnx__TypeProto__Tensor *t = v->type->tensor_type;
	out->type = t->elem_type;
	if (t->shape && t->shape->n_dim <= MAX_RANK)
		decode_dims(d, t->shape, out);
	else if (t->shape)
		error_at(d->u, (Loc){.node = out->name}, "has %zu dimensions, at "
		         "most %d are supported", t->shape->n_dim, MAX_RANK);
}

static OnnxPort *decode_ports(Decode *d, size_t n, Onnx__ValueInfoProto **v)
{
	OnnxPort *out = arena_array(d->u->arena, OnnxPort, n);
	for (size_t i = 0; i < n; i++)
		decode_port(d, v[i], &out[i]);
	return out;
}

static void decode_initializers(Decode *d, const Onnx__GraphProto *g,
                                OnnxModel *m)
{
	m->ninits = (int)g->n_initializer;
	m->init = arena_array(d->u->arena, OnnxTensor, m->ninits);
	for (int i = 0; i < m->ninits; i++)
		onnx_tensor(d->u, (Loc){0}, g->initializer[i], &d->files,
		            &m->init[i]);
	for (size_t i = 0; i < g->n_sparse_initializer; i++) {
		const Onnx__TensorProto *t = g->sparse_initializer[i]->values;
		error_at(d->u, (Loc){0}, "initializer '%s' is sparse, which is "
		         "not supported", t && t->name ? t->name : "");
	}
}

static void decode_notes(Decode *d, const Onnx__GraphProto *g, OnnxModel *m)
{
	m->torch_signature = metadata(d, g->n_metadata_props, g->metadata_props,
		"pkg.torch.export.ExportedProgram.graph_signature");
	m->folded = arena_array(d->u->arena, OnnxFolded, g->n_value_info);
	for (size_t i = 0; i < g->n_value_info; i++) {
		const Onnx__ValueInfoProto *v = g->value_info[i];
		const char *from = metadata(d, v->n_metadata_props,
			v->metadata_props, "pkg.onnxscript.optimizer.folded_from");
		if (from)
			m->folded[m->nfolded++] = (OnnxFolded){text(d, v->name),
			                                       from};
	}
}

static void decode_functions(Decode *d, const Onnx__ModelProto *p, OnnxModel *m)
{
	m->nfunctions = (int)p->n_functions;
	m->function = arena_array(d->u->arena, OnnxFunction, m->nfunctions);
	for (int i = 0; i < m->nfunctions; i++) {
		const Onnx__FunctionProto *f = p->functions[i];
		int64_t opset = find_opset(f->n_opset_import, f->opset_import);
		m->function[i] = (OnnxFunction){
			.domain = text(d, f->domain), .name = text(d, f->name),
			.nin = (int)f->n_input, .nout = (int)f->n_output,
			.in = texts(d, f->n_input, f->input),
			.out = texts(d, f->n_output, f->output),
			.nnodes = (int)f->n_node,
			.node = decode_nodes(d, f->n_node, f->node,
			                     opset ? opset : m->opset),
		};
	}
}

static void decode_graph(Decode *d, const Onnx__GraphProto *g, OnnxModel *m)
{
	decode_initializers(d, g, m);
	m->ninputs = (int)g->n_input;
	m->input = decode_ports(d, g->n_input, g->input);
	m->noutputs = (int)g->n_output;
	m->output = decode_ports(d, g->n_output, g->output);
	m->nnodes = (int)g->n_node;
	m->node = decode_nodes(d, g->n_node, g->node, m->opset);
}

/* ---- training ---- */

/* One of the training's graphs, empty if there is none. */
static OnnxModel *decode_part(Decode *d, const Onnx__GraphProto *g,
                              const OnnxModel *of)
{
	OnnxModel *m = arena_new(d->u->arena, OnnxModel);
	m->opset = of->opset;
	m->nfunctions = of->nfunctions;
	m->function = of->function;
	if (g)
		decode_graph(d, g, m);
	return m;
}

static OnnxBinding *decode_bindings(Decode *d, size_t n,
                                    Onnx__StringStringEntryProto **pairs)
{
	OnnxBinding *out = arena_array(d->u->arena, OnnxBinding, n);
	for (size_t i = 0; i < n; i++)
		out[i] = (OnnxBinding){text(d, pairs[i]->key),
		                       text(d, pairs[i]->value)};
	return out;
}

static void decode_training(Decode *d, const Onnx__ModelProto *p, OnnxModel *m)
{
	m->ntrainings = (int)p->n_training_info;
	m->training = arena_array(d->u->arena, OnnxTraining, m->ntrainings);
	for (int i = 0; i < m->ntrainings; i++) {
		const Onnx__TrainingInfoProto *t = p->training_info[i];
		m->training[i] = (OnnxTraining){
			.initialization = decode_part(d, t->initialization, m),
			.algorithm = decode_part(d, t->algorithm, m),
			.nfirst = (int)t->n_initialization_binding,
			.first = decode_bindings(d, t->n_initialization_binding,
			                         t->initialization_binding),
			.nupdates = (int)t->n_update_binding,
			.update = decode_bindings(d, t->n_update_binding,
			                          t->update_binding),
		};
	}
}

static OnnxModel *decode_model(Decode *d, const Onnx__ModelProto *p)
{
	if (!p->graph) {
		error_at(d->u, (Loc){0}, "is not an ONNX model: it has no graph");
		return NULL;
	}
	OnnxModel *m = arena_new(d->u->arena, OnnxModel);
	m->ir_version = p->ir_version;
	m->opset = find_opset(p->n_opset_import, p->opset_import);
	m->producer = text(d, p->producer_name);
	m->producer_version = text(d, p->producer_version);
	decode_graph(d, p->graph, m);
	decode_functions(d, p, m);
	decode_training(d, p, m);
	decode_notes(d, p->graph, m);
	return m;
}

static const char *folder_of(Unit *u)
{
	const char *slash = strrchr(u->path, '/');
	if (!slash)
		return ".";
	return slash == u->path ? "/" : arena_strndup(u->arena, u->path,
	                                   (size_t)(slash - u->path));
}

OnnxModel *onnx_read(Unit *u)
{
	OnnxBytes b;
	if (!onnx_map(u, u->path, &b))
		return NULL;
	ProtobufCMessage *p = onnx_unpack(u, u->path,
	                                  &onnx__model_proto__descriptor, b);
	Decode d = {.u = u, .files = external_open(u, folder_of(u))};
	OnnxModel *m = p ? decode_model(&d, (Onnx__ModelProto *)p) : NULL;
	if (p)
		onnx_unpacked_free(p);
	onnx_unmap(b);
	return m;
}
