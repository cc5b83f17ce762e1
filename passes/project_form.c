#include "passes/project_form.h"

#include "ir/build.h"
#include "ir/op.h"

Value *project_product(Graph *g, Loc loc, Value *a, bool ta, Value *b, bool tb,
                       double alpha)
{
	Node *n = NEW(g, loc, op_Gemm, a, b);
	node_set_int(g, n, "transA", ta);
	node_set_int(g, n, "transB", tb);
	node_set_float(g, n, "alpha", alpha);
	return node_done(g, n);
}
