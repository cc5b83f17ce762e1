/*
 * The text form of graphs, for --dump-after and for tests: printed and read
 * back, the same text again.
 *
 *   graph "train" of "model"
 *   variable "fc.weight" parameter f32[2,3] mutable = {1, 2, 3, 4, 5, 6}
 *   variable "fc.weight/exp_avg" optimizer f32[2,3] mutable fill 0
 *   input %x data f32[4,3]
 *   input %t target fed i32[4]
 *   input %lr hyper f32[] initial 0.01
 *   read %fc.weight "fc.weight"
 *   const %c f32[] = {0.5}
 *   %y f32[4,2] = MatMul(%x, %t) {attr=1, list=[1, 2], text="a"} @ "node" "op"
 *   %w f32[2,3] parameters -> "fc.weight" = Sub(%fc.weight, %d)
 *   %a f32[4] = Fused(%b) {
 *     %i f32[4] = Relu(%b)
 *     %a f32[4] = Add(%i, %b)
 *   }
 *   output "loss" loss %l
 *
 * Names with other characters than letters, digits and _ . / : - are quoted:
 * %"a b". An input that is absent is _. A word after a type is what the memory
 * is for, if not activations. A # starts a comment.
 */
#ifndef IR_TEXT_H
#define IR_TEXT_H

#include "ir/graph.h"

/* Without `full`, contents of more than 64 elements are left out: {...}; such a
 * text does not read back. */
void graph_print(FILE *, const Graph *, bool full);

/* Reads one graph. model: NULL for a new one; else its variables of the same
 * names and types are the graph's. NULL after an error, which was reported with
 * its line. What comes back passes graph_verify(). */
Graph *graph_parse(Unit *, Model *, const char *text);

/* Words that both directions use. */
const char *input_role_name(InputRole);
const char *output_role_name(OutputRole);
const char *variable_role_name(VariableRole);

#endif
