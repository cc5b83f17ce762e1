/* What the checker of plans asks of a kernel's loops, by its own means. */
#ifndef PASSES_CHECK_OVERLAP_H
#define PASSES_CHECK_OVERLAP_H

#include "ir/kernel.h"
#include "ir/scan.h"

/* May the kernel run with the output `ahead` bytes before the input, both in one
 * memory? No byte may be stored to that has yet to be loaded. */
bool overlap_is_safe(Arena *, const Kernel *, const Value *in, const Value *out,
                     int64_t ahead);

/* The same of a Scan, its output o and its input i: part by part. */
bool scan_overlap_is_safe(const Node *, int i, int o, int64_t ahead);

#endif
