/*
 * Sums in lanes. A sum over a loop is a chain in which each addition waits for
 * the one before it, and no compiler may reorder it. Here the loop is cut into
 * `lanes` sums side by side, which fit one vector register, and is often more
 * accurate too:
 *
 *   for i in 0..n: s += f(i)   becomes
 *   for i in 0..n/2: a += f(2i), b += f(2i+1);  s += a + b, and the rest
 *
 * Only the order of additions changes. Everything else in the loop, stores
 * included, happens in the order it did; a loop of several sums and no stores
 * becomes one loop for each.
 *
 * Stmt.u.loop.lanes of such a loop, where it goes through memory in order and
 * there are no guards: its body is so many copies of one. The first is at the
 * loop's variable, whose factors are all that number; the next is one element
 * on, and adds to the variables behind those of the first.
 */
#ifndef IR_LANES_H
#define IR_LANES_H

#include "ir/kernel.h"

void kernel_split_sums(Kernel *, int lanes);

#endif
