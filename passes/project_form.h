/* What project.c is made of, also for its forms in files of their own. */
#ifndef PASSES_PROJECT_FORM_H
#define PASSES_PROJECT_FORM_H

#include "passes/project.h"

/* alpha op(a) op(b). */
Value *project_product(Graph *, Loc, Value *a, bool ta, Value *b, bool tb,
                       double alpha);

#endif
