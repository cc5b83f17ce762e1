/* The conversion functions, for the table that lists them, and what several of
 * them need. */
#ifndef FRONTEND_IMPORT_RULES_H
#define FRONTEND_IMPORT_RULES_H

#include "frontend/import.h"

/* Input i as a shape of constant, non-negative dimensions. */
bool site_shape(Site *, int i, Shape *out);
/* A new node of the ONNX node's own name and first `nin` inputs. */
Node *site_node(Site *, int nin);

/* The same of a convolution, whose weight is input `weight`. */
Node *site_conv(Site *, int weight);

/* Output 0 is drawn anew in each step, like input 0 or of the shape: scale times
 * a number in [0, 1), or a normal one, plus offset. */
bool draw_random(Site *, bool is_normal, double scale, double offset, DType,
                 Shape);

/* Part of a weight: blocks of `size` elements, from element `at` of v on. */
enum { MAX_BLOCKS = 4 };

typedef struct Blocks {
	Value *v;
	int64_t at, size;
	Value *source;               /* a value of just these blocks, */
	int64_t order[MAX_BLOCKS];   /*   in this order; NULL: none */
} Blocks;

/* Finds the source of `count` blocks: import_blocks.c. */
void blocks_find(Blocks *, int count);

bool convert_constant(Site *);
bool convert_constant_of_shape(Site *);
bool convert_shape(Site *);
bool convert_size(Site *);
bool convert_range(Site *);
bool convert_nonzero(Site *);
bool convert_eye_like(Site *);
bool convert_cast(Site *);
bool convert_cast_like(Site *);

bool convert_identity(Site *);
bool convert_reshape(Site *);
bool convert_flatten(Site *);
bool convert_squeeze(Site *);
bool convert_unsqueeze(Site *);
bool convert_expand(Site *);
bool convert_tile(Site *);

bool convert_slice(Site *);
bool convert_split(Site *);
bool convert_split_to_sequence(Site *);
bool convert_sequence_at(Site *);
bool convert_pad(Site *);
bool convert_trilu(Site *);
bool convert_top_k(Site *);

bool convert_reduce(Site *);
bool convert_cumulated(Site *);
bool convert_clip(Site *);
bool convert_softmax(Site *);
bool convert_dropout(Site *);
bool convert_mean(Site *);
bool convert_erfc(Site *);
bool convert_loop_concat(Site *);
bool convert_cross_entropy(Site *);

bool convert_conv(Site *);
bool convert_conv_integer(Site *);
bool convert_qlinear_conv(Site *);
bool convert_matmul_integer(Site *);
bool convert_qlinear_matmul(Site *);
bool convert_conv_transpose(Site *);
bool convert_pool(Site *);
bool convert_global_lp_pool(Site *);
bool convert_max_unpool(Site *);
bool convert_batch_norm(Site *);

bool convert_instance_norm(Site *);
bool convert_group_norm(Site *);
bool convert_mean_variance_norm(Site *);
bool convert_lp_norm(Site *);
bool convert_lrn(Site *);

bool convert_depth_to_space(Site *);
bool convert_space_to_depth(Site *);
bool convert_quantize(Site *);
bool convert_dequantize(Site *);
bool convert_dynamic_quantize(Site *);

bool convert_attention(Site *);
bool convert_rotary(Site *);
bool convert_einsum(Site *);
bool convert_resize(Site *);
bool convert_upsample(Site *);
bool convert_one_hot(Site *);
bool convert_hardmax(Site *);
bool convert_scatter(Site *);

bool convert_gradient(Site *);
bool convert_adam(Site *);
bool convert_adagrad(Site *);
bool convert_momentum(Site *);
bool convert_own_adam(Site *);
bool convert_own_rmsprop(Site *);
bool convert_random(Site *);
bool convert_bernoulli(Site *);

bool convert_scaler(Site *);
bool convert_imputer(Site *);
bool convert_binarizer(Site *);
bool convert_normalizer(Site *);
bool convert_linear_regressor(Site *);
bool convert_linear_classifier(Site *);
bool convert_array_feature_extractor(Site *);
bool convert_zip_map(Site *);

bool convert_lstm(Site *);
bool convert_gru(Site *);
bool convert_rnn(Site *);

#endif
