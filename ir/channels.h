/* [N, C, D1, ...] as [N, C, S]: what the normalisations per channel share. */
#ifndef IR_CHANNELS_H
#define IR_CHANNELS_H

#include "ir/op.h"

typedef struct Channels {
	int64_t n, c, s;
	int outer, inner;   /* the loops over n and s */
} Channels;

Channels channels_of(Shape);
/* Inputs first .. last are floats [C], in[0]'s type. False after error_at(). */
bool channels_check(Unit *, const Node *, int first, int last);
/* out[o] is [C]. */
void channels_infer(Node *, int o);

/* Loops over the elements of one channel, and the element at which they stand;
 * c is the loop over channels. */
void channels_open(Kernel *, Channels *);
Index channels_at(const Channels *, int c);
void channels_close(Kernel *);

/* The statistics of channel c, each a scalar variable: the mean, 1 / sqrt(the
 * variance over count + epsilon), and the variance (over count - 1 if
 * `unbiased`). Two passes, for accuracy. */
typedef struct ChannelStatistics {
	int mean, inverse, variance;
} ChannelStatistics;

ChannelStatistics channels_statistics(Kernel *, const Value *x, Channels *,
                                      int c, double epsilon, bool unbiased);

/* [C] -> [C,1,..], which broadcasts with x; and the reverse, by summing. */
Value *channels_stretch(Graph *, Loc, Value *, Shape x);
Value *channels_sum(Graph *, Loc, Value *dx);

#endif
