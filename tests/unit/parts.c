/*
 * Nodes on parts of the batch. Every operator on every example, with every
 * subset of its inputs in parts: where node_parts() says yes, the node for the
 * parts, run once for each, gives what the whole node gives, rows bit for bit.
 * What must get a yes, and what a no, is listed by name.
 */
#include "ir/parts.h"

#include "ir/text.h"
#include "tests/unit/op_case.h"
#include "tests/unit/parts_forms.h"
#include "tests/unit/parts_run.h"

static bool divide(Division *d, Case *c, unsigned mask, int64_t parts)
{
	*d = (Division){.g = c->g, .n = c->n, .parts = parts};
	cr_assert(c->n->nin <= MOST_IN && c->n->nout <= MOST_OUT);
	for (int i = 0; i < c->n->nin; i++)
		d->part[i] = mask >> i & 1;
	return node_parts(c->n, d->part, parts, d->kind);
}

static const char *describe(const Division *d)
{
	char *text = arena_printf(d->g->unit->arena, "in %lld parts: ",
	                          (long long)d->parts);
	for (int i = 0; i < d->n->nin; i++)
		text = arena_printf(d->g->unit->arena, "%s%c", text,
		                    d->part[i] ? 'p' : '.');
	return text;
}

/* Nobody reads it; for several samples it is no row for each. */
static bool is_scratch(const OpDef *op, int o)
{
	return (op == &op_GRURecurrence && o == 2) ||
	       (op == &op_GRURecurrenceGrad && o == 3);
}

static void compare(Case *c, const Division *d)
{
	void **whole = buffers_make(c, false), **parts;
	run_node(c, c->n, whole, false);
	parts = arena_array(c->unit.arena, void *, c->g->nvalues);
	memcpy(parts, whole, sizeof *parts * (size_t)c->g->nvalues);
	for (int o = 0; o < c->n->nout; o++)
		parts[c->n->out[o]->id] = arena_calloc(
			c->unit.arena, (size_t)numel(c->n->out[o]->shape), 8);
	run_division(d, parts);
	for (int o = 0; o < c->n->nout; o++) {
		const Value *v = c->n->out[o];
		if (v->memory == MEM_WORKSPACE || is_scratch(c->op, o))
			continue;
		if (d->kind[o] == PART_ROWS)
			cr_expect(!memcmp(parts[v->id], whole[v->id],
			                  (size_t)value_bytes(v)),
			          "%s, example %d, %s: other bits",
			          c->op->name, c->index, describe(d));
		expect_same(c, describe(d), v, parts, v, whole, 1e-5);
	}
}

static void check_parts(Case *c)
{
	for (unsigned mask = 1; mask < 1u << c->n->nin; mask++)
		for (int64_t parts = 2; parts <= 4; parts += 2) {
			Division d;
			if (divide(&d, c, mask, parts))
				compare(c, &d);
		}
}
FOR_EACH_OPERATOR(parts)

/* ---- what must be divided, and how; what must not ---- */

static Case *form_case(const Form *f, int index)
{
	Arena *a = arena_create();
	Case *c = arena_new(a, Case);
	char *text = arena_printf(a, "graph \"test\" of \"m\"\n");
	const char *type = f->inputs;
	for (int i = 0; *type; i++) {
		size_t length = strcspn(type, " ");
		text = arena_printf(a, "%sinput %%%c data %.*s\n", text,
		                    'a' + i, (int)length, type);
		type += length + strspn(type + length, " ");
	}
	*c = (Case){.unit = {f->node, a, stderr, 0, 0}, .index = index,
	            .random = (uint64_t)index + 1};
	c->g = graph_parse(&c->unit, NULL, arena_printf(
		a, "%s%s\noutput \"y\" data %%y\n", text, f->node));
	cr_assert_not_null(c->g, "%s", f->node);
	c->n = c->g->first;
	c->op = c->n->op;
	for (int i = 0; i < c->g->ninputs; i++) {
		const Value *v = c->g->input[i];
		bool floats = dtype_is_float(v->dtype);
		c->data[i] = arena_array(a, Scalar, numel(v->shape));
		for (int64_t e = 0; e < numel(v->shape); e++)
			c->data[i][e] = random_scalar(c, v->dtype,
			                              floats ? 0.25 : 0, 2);
	}
	return c;
}

static const char *answer_name(int answer)
{
	static const char *const names[] = {"no", "whole", "rows", "sum",
	                                    "mean"};
	return names[answer + 1];
}

/* The parts of the input that the node reads as its i-th. */
static bool is_part(const Form *f, const Case *c, int i)
{
	for (int g = 0; g < c->g->ninputs; g++)
		if (c->g->input[g] == c->n->in[i])
			return f->parts[g] == 'p';
	return false;
}

static void check_form(const Form *f, int index)
{
	Case *c = form_case(f, index);
	unsigned mask = 0;
	Division d;
	for (int i = 0; i < c->n->nin; i++)
		mask |= (unsigned)is_part(f, c, i) << i;
	int answer = divide(&d, c, mask, 2) ? (int)d.kind[0] : NO;
	cr_expect_eq(answer, (int)f->answer, "%s of %s, %s: %s, expected %s",
	             f->node, f->inputs, describe(&d), answer_name(answer),
	             answer_name(f->answer));
	for (int o = 0; answer != NO && o < c->n->nout; o++)
		cr_expect_eq((int)d.kind[o], answer, "%s: output %d", f->node,
		             o);
	if (answer != NO)
		compare(c, &d);
	case_free(c);
}

Test(parts, forms)
{
	for (int i = 0; i < NFORMS; i++)
		check_form(&forms[i], i);
}

/* Those that no example divides: they look at the whole batch, or have no
 * examples. A new operator is to be divided, or listed. */
Test(parts, all_operators)
{
	static const OpDef *const never[] = {
		&op_BatchNormalizationTrain, &op_BatchNormalizationStatistics,
		&op_BatchNormalizationGrad, &op_BatchNormalizationFinish,
		&op_ClassWeightTotal, &op_Fused, &op_FusedUpdate,
		&op_FusedConvGrad, &op_Scan,
		&op_SGDUpdate, &op_SGDAccumulate,
		&op_MomentumUpdate, &op_MomentumAccumulate,
		&op_AdamUpdate,
		&op_RMSpropUpdate, &op_AdagradUpdate,
		&op_LowRankUpdate, &op_SubspaceIteration, &op_SVD,
		&op_MergeRows, &op_CountMinUpdate,
		&op_LionUpdate, &op_SM3Update, &op_AdafactorUpdate,
		&op_BlockwiseUpdate, &op_BlockwiseDecode,
		&op_CountSketchMomentumUpdate,
		&op_Adam, &op_Adagrad, &op_Momentum, &op_Gradient,
		/* They count over all of the batch. */
		&op_MaxPoolIndices, &op_RandomUniform,
		/* A tuple of indices may name any row. */
		&op_ScatterND,
	};
	for (int i = 0; i < nops; i++) {
		const OpDef *op = all_ops[i];
		bool any = false, expected = true;
		for (size_t e = 0; e < sizeof never / sizeof never[0]; e++)
			expected &= op != never[e];
		for (int e = 0; e < op->nexamples && !any; e++) {
			Case *c = case_make(op, e);
			Division d;
			for (unsigned m = 1; m < 1u << c->n->nin; m++)
				any |= divide(&d, c, m, 2);
			case_free(c);
		}
		cr_expect_eq(any, expected, "%s %s", op->name,
		             any ? "is divided" : "is never divided");
	}
}

Test(parts, workspace_is_not_taken_along)
{
	Form f = {"f32[32,64] f32[64,48]", "p.", ROWS,
	          "%y f32[32,48] = MatMul(%a, %b)"};
	Case *c = form_case(&f, 0);
	Division d;
	node_add_output(c->g, c->n, DT_U8, (Shape){1, {c->op->workspace(c->n)}})
		->memory = MEM_WORKSPACE;
	cr_assert(divide(&d, c, 1, 4));
	cr_expect_eq(d.kind[0], PART_ROWS);
	cr_expect_eq(d.kind[1], PART_WHOLE);
	compare(c, &d);
	case_free(c);
}
