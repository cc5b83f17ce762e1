/*
 * The same of a program all of whose convolutions have forms for their columns:
 * it does without the others.
 */
#define RT_CONV_OTHER 0

#include "tests/runtime/test_conv_order.c"
