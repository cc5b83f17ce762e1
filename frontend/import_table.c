/*
 * The operators that are not read as they stand: what converts them (those of
 * other domains than ONNX's have it in front of their name), and which
 * attributes that understands. All others need an operator of their name in
 * ir/ops, and every attribute they have must be one of its attributes.
 *
 * Kinds of attributes: i integer, f float, s string, t tensor; I, F, S
 * lists.
 */
#include "frontend/import_rules.h"

#include <string.h>

#define REDUCE(name) \
	{name, convert_reduce, " axes:I keepdims:i noop_with_empty_axes:i"}
#define WINDOW " auto_pad:s kernel_shape:I strides:I pads:I dilations:I"

#define RECURRENT " activations:S clip:f direction:s hidden_size:i layout:i"

static const Rule rules[] = {
	{"Constant", convert_constant, " value:t value_float:f value_floats:F"
	                               " value_int:i value_ints:I"},
	{"ConstantOfShape", convert_constant_of_shape, " value:t"},
	{"Shape", convert_shape, " start:i end:i"},
	{"Size", convert_size, ""},
	{"Range", convert_range, ""},
	{"NonZero", convert_nonzero, ""},
	{"EyeLike", convert_eye_like, " dtype:i k:i"},
	{"Cast", convert_cast, " to:i"},
	{"CastLike", convert_cast_like, ""},

	{"Identity", convert_identity, ""},
	{"Reshape", convert_reshape, " allowzero:i"},
	{"Flatten", convert_flatten, " axis:i"},
	{"Squeeze", convert_squeeze, " axes:I"},
	{"Unsqueeze", convert_unsqueeze, " axes:I"},
	{"Expand", convert_expand, ""},
	{"Tile", convert_tile, ""},

	{"Slice", convert_slice, " starts:I ends:I axes:I"},
	{"Split", convert_split, " axis:i split:I num_outputs:i"},
	{"SplitToSequence", convert_split_to_sequence, " axis:i keepdims:i"},
	{"SequenceAt", convert_sequence_at, ""},
	{"Pad", convert_pad, " mode:s pads:I value:f"},
	{"Trilu", convert_trilu, " upper:i"},
	{"TopK", convert_top_k, " axis:i k:i largest:i sorted:i"},

	REDUCE("ReduceSum"), REDUCE("ReduceMean"), REDUCE("ReduceMax"),
	REDUCE("ReduceMin"), REDUCE("ReduceProd"), REDUCE("ReduceL1"),
	REDUCE("ReduceL2"), REDUCE("ReduceSumSquare"), REDUCE("ReduceLogSum"),
	REDUCE("ReduceLogSumExp"),
	{"CumSum", convert_cumulated, " exclusive:i reverse:i"},
	{"CumProd", convert_cumulated, " exclusive:i reverse:i"},
	{"Clip", convert_clip, " min:f max:f"},
	{"Softmax", convert_softmax, " axis:i"},
	{"LogSoftmax", convert_softmax, " axis:i"},
	{"Dropout", convert_dropout, " ratio:f"},
	{"Mean", convert_mean, ""},
	{"Erfc", convert_erfc, ""},
	{"SoftmaxCrossEntropyLoss", convert_cross_entropy,
	 " ignore_index:i reduction:s"},

	{"Conv", convert_conv, WINDOW " group:i"},
	{"ConvTranspose", convert_conv_transpose,
	 WINDOW " group:i output_padding:I output_shape:I"},
	{"MaxPool", convert_pool, WINDOW " ceil_mode:i storage_order:i"},
	{"MaxUnpool", convert_max_unpool, " kernel_shape:I strides:I pads:I"},
	{"AveragePool", convert_pool, WINDOW " ceil_mode:i count_include_pad:i"},
	{"LpPool", convert_pool, WINDOW " ceil_mode:i p:i"},
	{"GlobalLpPool", convert_global_lp_pool, " p:i"},
	{"BatchNormalization", convert_batch_norm,
	 " epsilon:f momentum:f training_mode:i spatial:i"},

	{"InstanceNormalization", convert_instance_norm, " epsilon:f"},
	{"GroupNormalization", convert_group_norm, " epsilon:f num_groups:i"},
	{"MeanVarianceNormalization", convert_mean_variance_norm, " axes:I"},
	{"LRN", convert_lrn, " alpha:f beta:f bias:f size:i"},
	{"LpNormalization", convert_lp_norm, " axis:i p:i"},

	{"DepthToSpace", convert_depth_to_space, " blocksize:i mode:s"},
	{"SpaceToDepth", convert_space_to_depth, " blocksize:i mode:s"},
	{"QuantizeLinear", convert_quantize,
	 " axis:i output_dtype:i block_size:i precision:i"},
	{"DequantizeLinear", convert_dequantize,
	 " axis:i output_dtype:i block_size:i"},
	{"ConvInteger", convert_conv_integer, WINDOW " group:i"},
	{"QLinearConv", convert_qlinear_conv, WINDOW " group:i"},
	{"MatMulInteger", convert_matmul_integer, ""},
	{"QLinearMatMul", convert_qlinear_matmul, ""},
	{"DynamicQuantizeLinear", convert_dynamic_quantize, ""},

	{"Attention", convert_attention,
	 " is_causal:i kv_num_heads:i q_num_heads:i qk_matmul_output_mode:i"
	 " scale:f softcap:f softmax_precision:i left_window_size:i"
	 " right_window_size:i"},
	{"RotaryEmbedding", convert_rotary,
	 " interleaved:i num_heads:i rotary_embedding_dim:i"},
	{"Einsum", convert_einsum, " equation:s"},
	{"Resize", convert_resize,
	 " mode:s coordinate_transformation_mode:s nearest_mode:s"
	 " cubic_coeff_a:f exclude_outside:i extrapolation_value:f"
	 " antialias:i axes:I keep_aspect_ratio_policy:s"},
	{"Upsample", convert_upsample, " mode:s scales:F"},
	{"OneHot", convert_one_hot, " axis:i"},
	{"Hardmax", convert_hardmax, " axis:i"},
	{"Scatter", convert_scatter, " axis:i"},

	{TRAINING_DOMAIN ".Gradient", convert_gradient, " xs:S y:s zs:S"},
	{TRAINING_DOMAIN ".Adam", convert_adam,
	 " alpha:f beta:f epsilon:f norm_coefficient:f"
	 " norm_coefficient_post:f"},
	{TRAINING_DOMAIN ".Adagrad", convert_adagrad,
	 " decay_factor:f epsilon:f norm_coefficient:f"},
	{TRAINING_DOMAIN ".Momentum", convert_momentum,
	 " alpha:f beta:f mode:s norm_coefficient:f"},
	{OWN_DOMAIN ".LoopConcat", convert_loop_concat, ""},
	{OWN_DOMAIN ".AdamUpdate", convert_own_adam, ""},
	{OWN_DOMAIN ".AdamWUpdate", convert_own_adam, ""},
	{OWN_DOMAIN ".RMSpropUpdate", convert_own_rmsprop, ""},
	{OWN_DOMAIN ".RMSpropMomentumUpdate", convert_own_rmsprop, ""},
	{"RandomNormal", convert_random, " dtype:i mean:f scale:f seed:f shape:I"},
	{"RandomNormalLike", convert_random, " dtype:i mean:f scale:f seed:f"},
	{"RandomUniform", convert_random, " dtype:i high:f low:f seed:f shape:I"},
	{"RandomUniformLike", convert_random, " dtype:i high:f low:f seed:f"},
	{"Bernoulli", convert_bernoulli, " dtype:i seed:f"},

	{ML_DOMAIN ".Scaler", convert_scaler, " offset:F scale:F"},
	{ML_DOMAIN ".Imputer", convert_imputer,
	 " imputed_value_floats:F replaced_value_float:f"},
	{ML_DOMAIN ".Binarizer", convert_binarizer, " threshold:f"},
	{ML_DOMAIN ".Normalizer", convert_normalizer, " norm:s"},
	{ML_DOMAIN ".LinearRegressor", convert_linear_regressor,
	 " coefficients:F intercepts:F targets:i post_transform:s"},
	{ML_DOMAIN ".LinearClassifier", convert_linear_classifier,
	 " coefficients:F intercepts:F classlabels_ints:I classlabels_strings:S"
	 " multi_class:i post_transform:s"},
	{ML_DOMAIN ".ArrayFeatureExtractor", convert_array_feature_extractor,
	 ""},
	{ML_DOMAIN ".ZipMap", convert_zip_map,
	 " classlabels_int64s:I classlabels_strings:S"},

	{"LSTM", convert_lstm, RECURRENT " input_forget:i"},
	{"GRU", convert_gru, RECURRENT " linear_before_reset:i"},
	{"RNN", convert_rnn, RECURRENT},
};

const Rule *rule_find(const char *op)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (!strcmp(rules[i].op, op))
			return &rules[i];
	return NULL;
}

const Rule *rule_at(int i)
{
	return i < (int)(sizeof rules / sizeof *rules) ? &rules[i] : NULL;
}
