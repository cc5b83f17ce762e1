/* What the fuse-update pass makes of gradients. */
#ifndef PASSES_FUSE_UPDATE_H
#define PASSES_FUSE_UPDATE_H

#include "ir/graph.h"

/* Bytes of the gradient that n computes which are in memory at a time if what
 * reads it is fused with it: a tile, none, or all of it where that cannot be.
 * `workspace`: may kernels have one? */
int64_t fused_gradient_bytes(const Node *n, bool workspace);

#endif
