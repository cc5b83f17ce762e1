#include "ir/draw.h"

#include "ir/op.h"

bool draw_check(Unit *u, const Node *n, const Value *seed, const Value *part)
{
	if (seed->dtype != DT_U32 || numel(seed->shape) != 1) {
		error_at(u, n->loc, "the seed is %s%s, expected one u32",
		         dtype_name(seed->dtype),
		         shape_text(u->arena, seed->shape));
		return false;
	}
	if (part && (part->dtype != DT_I32 || part->shape.rank != 0)) {
		error_at(u, n->loc, "the part's number is %s%s, expected i32[]",
		         dtype_name(part->dtype),
		         shape_text(u->arena, part->shape));
		return false;
	}
	return true;
}

int draw_sequence(Kernel *k, const Value *seed, int64_t id)
{
	double offset = (double)(uint32_t)(id * 0x85ebca6b);
	Expr *s = k_load_flat(k, seed, k_const(0));
	return k_var(k, k_add(k, s, k_num(k, offset)));
}

Index draw_first(Kernel *k, const Value *part, int64_t elements)
{
	if (!part)
		return k_const(0);
	return k_scaled(k_indirect(k_var(k, k_load_at(k, part, NULL))),
	                elements);
}

Expr *draw_uniform(Kernel *k, int sequence, Index number)
{
	return k_uniform(k, k_get(k, sequence), k_index(k, number));
}
