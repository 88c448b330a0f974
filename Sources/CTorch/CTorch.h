// The C interface of Assay's compute engine over LibTorch.
//
// Every function that can fail returns 0, or a nonzero code whose text `ct_last_error` gives for
// the calling thread; no C++ exception leaves it. A `ct_tensor` is a reference that the caller
// owns and frees once. Shapes are row-major; N tokens, D hidden, H query heads, G key/value heads,
// K head width, F feed-forward width, V vocabulary, S sequences.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_s *ct_tensor;

enum { CT_OK = 0, CT_ERROR = 1, CT_OUT_OF_MEMORY = 2 };
enum {
  CT_F32 = 0,
  CT_BF16 = 1,
  CT_F16 = 2,
  CT_I64 = 3,
  CT_I32 = 4,
  CT_U8 = 5,
  CT_BOOL = 6,
  CT_F64 = 7,
};
enum { CT_CPU = 0, CT_CUDA = 1, CT_MPS = 2 };

// Errors, devices and threads.
const char *ct_last_error(void);
int ct_device_available(int device, bool *out);
int ct_set_threads(int count);
int ct_get_threads(void);
// The newest instructions that kernels may use: `amx`, `avx512`, `avx2` or `portable`. The environment's ASSAY_CPU
// (`portable`, `avx2`, `avx512`, `amx`) names the newest that kernels of ours may use.
const char *ct_cpu_features(void);
// Whether the environment's ASSAY_OPERATIONS is `composed`: then the CPU computes as other devices do, from
// LibTorch's operations instead of kernels of ours.
bool ct_composes(void);

// Tensors.
void ct_free(ct_tensor tensor);
// Gives freed memory that is kept for the next tensors back to the system.
void ct_release_memory(void);
int ct_from_data(const void *data, const int64_t *shape, int rank, int dtype, ct_tensor *out);
int ct_from_memory(void *data, const int64_t *shape, int rank, int dtype, void *context,
                   void (*release)(void *), ct_tensor *out);
int ct_full(const int64_t *shape, int rank, double value, int dtype, int device, ct_tensor *out);
int ct_empty(const int64_t *shape, int rank, int dtype, int device, ct_tensor *out);
int ct_normal(const int64_t *shape, int rank, double mean, double deviation, uint64_t seed,
              int dtype, ct_tensor *out);
int ct_arange(int64_t start, int64_t end, int dtype, int device, ct_tensor *out);
int ct_rank(ct_tensor tensor);
void ct_shape(ct_tensor tensor, int64_t *out);
int ct_dtype(ct_tensor tensor);
int ct_device(ct_tensor tensor);
int64_t ct_count(ct_tensor tensor);
int ct_copy_out(ct_tensor tensor, int dtype, void *out, size_t byte_count);
int ct_data_pointer(ct_tensor tensor, const void **out);

// Element-wise and linear algebra, with gradients.
enum {
  CT_ADD, CT_SUBTRACT, CT_MULTIPLY, CT_DIVIDE, CT_MATMUL, CT_MAXIMUM, CT_MINIMUM,
  CT_GREATER, CT_EQUAL
};
int ct_binary(int op, ct_tensor a, ct_tensor b, ct_tensor *out);
int ct_binary_scalar(int op, ct_tensor a, double b, ct_tensor *out);
enum {
  CT_NEGATE, CT_EXP, CT_LOG, CT_TANH, CT_SIGMOID, CT_LOG_SIGMOID, CT_SOFTPLUS, CT_SQRT, CT_SILU,
  CT_GELU, CT_ABS, CT_SQUARE, CT_RECIPROCAL, CT_DETACH, CT_CLONE, CT_CONTIGUOUS, CT_ISFINITE_ALL
};
int ct_unary(int op, ct_tensor a, ct_tensor *out);
enum { CT_SUM, CT_MEAN, CT_MAX, CT_ARGMAX, CT_LOG_SUM_EXP, CT_SOFTMAX, CT_LOG_SOFTMAX };
int ct_reduce_all(int op, ct_tensor a, ct_tensor *out);
int ct_reduce(int op, ct_tensor a, int64_t axis, bool keep, ct_tensor *out);
int ct_linear(ct_tensor x, ct_tensor weight, ct_tensor bias_or_null, ct_tensor *out);
// (x - mean) / sqrt(variance + epsilon) * weight + bias over the last dimension.
int ct_layer_norm(ct_tensor x, ct_tensor weight, ct_tensor bias, double epsilon, ct_tensor *out);
int ct_where(ct_tensor condition, ct_tensor a, ct_tensor b, ct_tensor *out);

// Layout.
int ct_reshape(ct_tensor a, const int64_t *shape, int rank, ct_tensor *out);
int ct_transpose(ct_tensor a, int64_t first, int64_t second, ct_tensor *out);
int ct_narrow(ct_tensor a, int64_t axis, int64_t start, int64_t length, ct_tensor *out);
int ct_cat(const ct_tensor *parts, int count, int64_t axis, ct_tensor *out);
int ct_index_select(ct_tensor a, int64_t axis, ct_tensor indices, ct_tensor *out);
int ct_gather(ct_tensor a, int64_t axis, ct_tensor indices, ct_tensor *out);
int ct_to_dtype(ct_tensor a, int dtype, ct_tensor *out);
int ct_to_device(ct_tensor a, int device, ct_tensor *out);
int ct_copy_in_place(ct_tensor target, ct_tensor source);
int ct_fill_in_place(ct_tensor target, double value);
int ct_add_in_place(ct_tensor target, ct_tensor source, double scale);
int ct_scale_in_place(ct_tensor target, double factor);

// Gradients.
int ct_set_requires_grad(ct_tensor tensor, bool on);
bool ct_requires_grad(ct_tensor tensor);
int ct_backward(ct_tensor scalar);
int ct_grad(ct_tensor tensor, ct_tensor *out_or_null);
int ct_clear_grad(ct_tensor tensor);
// How often the numbers were changed in place.
uint32_t ct_changes(ct_tensor tensor);
bool ct_set_grad_enabled(bool on);
// Computes two tensors of two others by a body whose own intermediate results are not kept: where
// gradients are asked for, it runs once more. It owns the handles that it is given, and gives handles
// up that it makes by ct_share. `release` is called with the context once nothing needs it.
typedef void (*ct_pair_body)(void *context, ct_tensor first, ct_tensor second,
                             ct_tensor *first_out, ct_tensor *second_out);
int ct_recompute(ct_tensor first, ct_tensor second, void *context, ct_pair_body body,
                 void (*release)(void *), ct_tensor *first_out, ct_tensor *second_out);
// Another handle of the same tensor.
ct_tensor ct_share(ct_tensor tensor);
int ct_clip_gradients(const ct_tensor *parameters, int count, double maximum, double *norm);
int ct_scale_gradients(const ct_tensor *parameters, int count, double factor);
int ct_adamw(const ct_tensor *parameters, const ct_tensor *first, const ct_tensor *second,
             const ct_tensor *steps, int count, double learning_rate, double beta1, double beta2,
             double weight_decay, double epsilon);

// Processes that train together. Where several meet: a store of short texts under a host's port, which
// one of them serves; `prefix` keeps its keys apart from other programs'. Port 0 lets the system choose.
typedef struct ct_group_s *ct_group;
bool ct_group_available(void);
int ct_group_open(const char *host, int port, const char *prefix, bool serves, int rank, int size,
                  double timeout, ct_group *out, int *used_port);
// Waits for all of them; sums need it.
int ct_group_connect(ct_group group, double timeout);
void ct_group_close(ct_group group);
int ct_group_set(ct_group group, const char *key, const char *value);
// Waits for the key.
int ct_group_get(ct_group group, const char *key, double timeout, char *value, size_t size);
// Sums over all processes, in place, the same bits in each.
int ct_group_sum_numbers(ct_group group, double *values, int count);
// Gives all processes the numbers of tensors that one of them, each tensor's owner, has.
int ct_group_share(ct_group group, const ct_tensor *tensors, const int *owners, int count);
// From one process to another, in the order in which they are sent; shapes and types are known to both.
int ct_group_send(ct_group group, ct_tensor tensor, int to);
int ct_group_receive(ct_group group, ct_tensor tensor, int from);
// Sums of the gradients of the same parameters in every process, step after step, which go out while a
// backward pass still makes others. `owners`: the process that is given the sum of each parameter's
// gradient, null where all are; the others have none behind it.
typedef struct ct_reduction_s *ct_reduction;
int ct_reduction_open(ct_group group, const ct_tensor *parameters, const int *owners, int count,
                      ct_reduction *out);
void ct_reduction_close(ct_reduction reduction);
// Ends a step: sends what is left, waits, and sums numbers too. `holders` is how many processes had a
// gradient of each parameter; where it is 0 there is none behind either.
int ct_reduction_finish(ct_reduction reduction, double *numbers, int count, double *holders);

// Fused operations of the decoder, with gradients (kernels of ours on the CPU, composed elsewhere).
int ct_embedding(ct_tensor weight, ct_tensor ids, ct_tensor *out);
// x / sqrt(mean(x^2) + epsilon) * (weight + offset)
int ct_rms_norm(ct_tensor x, ct_tensor weight, double epsilon, double offset, ct_tensor *out);
int ct_add_rms_norm(ct_tensor x, ct_tensor residual, ct_tensor weight, double epsilon,
                    double offset, ct_tensor *sum, ct_tensor *out);
// gate_up [N, 2F] -> activation(gate) * up [N, F]
enum { CT_GATE_SILU, CT_GATE_GELU };  // the latter by tanh
int ct_gated(ct_tensor gate_up, int activation, ct_tensor *out);
// RMSNorm of queries and keys of qkv [N, (H+2G)K], each head by itself where the weight is [K], all
// together where it is as long as they are.
int ct_head_norm(ct_tensor qkv, ct_tensor query_weight, ct_tensor key_weight, int heads, int groups,
                 double epsilon, double offset, ct_tensor *out);
// softmax(soft_cap tanh(scale q k / soft_cap)) v over the last `window` tokens.
typedef struct {
  int32_t heads, groups;
  float scale;     // 0 is 1 / sqrt(K)
  float soft_cap;  // 0 is none
  int32_t window;  // 0 is all tokens, 1 a token itself
} ct_attention;
// qkv [N, (H+2G)K], positions i32 [N], cosine and sine f32 [T, K/2], lengths of the S sequences
// that lie one behind the other in the N rows: causal attention within each, [N, HK].
int ct_rotary_attention(ct_tensor qkv, ct_tensor positions, ct_tensor cosine, ct_tensor sine,
                        const int64_t *lengths, int sequences, const ct_attention *options,
                        ct_tensor *out, ct_tensor *rotated_or_null);
// Negative log likelihood of targets i64 [N] under hidden [N, D] times weight [V, D], f32 [N];
// soft_cap bounds logits, 0 does not.
int ct_token_nll(ct_tensor hidden, ct_tensor weight, ct_tensor targets, double soft_cap,
                 ct_tensor *out);

// Bytes of tensors on the CPU, those kept for the next ones included, and the most that were in use at once
// since `ct_reset_memory_peak`.
int64_t ct_memory_held(void);
int64_t ct_memory_peak(void);
void ct_reset_memory_peak(void);

// Inference.
// Keys and values lie in pages of CT_PAGE = P tokens: keys [pages, G, K, P], values
// [pages, G, P, K]. A token's cell is its page times P plus its place in the page. A sequence has a
// row of page numbers; sequences may share pages that none of them writes to.
enum { CT_PAGE = 16 };
// Stores the key and value parts of rotated qkv rows, row n in cells[n] (i32 [N]).
int ct_cache_store(ct_tensor qkv, ct_tensor key_cache, ct_tensor value_cache, ct_tensor cells,
                   int heads, int groups);
// Copies whole pages.
int ct_cache_copy(ct_tensor key_cache, ct_tensor value_cache, const int32_t *from,
                  const int32_t *to, int count);
// One new token a sequence: rotates its query and key, stores key and value, attends to
// positions 0...positions[s] through row s of tables i32 [S, M]. qkv [S, (H+2G)K] -> [S, HK].
// Neighbouring sequences that begin with the same pages read them together. Several tokens of one
// sequence are as many rows: each sees those at positions before its own.
int ct_cached_attention(ct_tensor qkv, ct_tensor key_cache, ct_tensor value_cache,
                        ct_tensor tables, ct_tensor positions, ct_tensor cosine, ct_tensor sine,
                        const ct_attention *options, ct_tensor *out);
typedef struct {
  float temperature;         // 0 is greedy
  float top_p;               // 1 is off
  float repetition_penalty;  // 1 is off
  int32_t top_k;             // 0 is off
  uint64_t seed;             // of the request
  uint64_t step;             // index of the token in the request
  int32_t top_count;         // how many likeliest tokens are told, at most V
  int32_t *top_tokens;       // their ids, the likeliest first
  float *top_log_probabilities;
  // A bit an id, the lowest first: only ids of set bits are picked, and others have no probability;
  // ids behind the last word are of unset bits. Null is off. At least one bit is set.
  const uint64_t *mask;
  int64_t mask_words;
  int32_t read_count;           // ids whose log probability by the logits as they are is told
  const int32_t *read_tokens;   // these ids, below V
  float *read_log_probabilities;
} ct_sampling;
// Picks one token a row of logits f32/bf16 [S, V]; seen[s] points at seen_count[s] ids that the
// repetition penalty applies to (null is none).
int ct_sample(ct_tensor logits, const ct_sampling *settings, const int32_t *const *seen,
              const int32_t *seen_count, int32_t *tokens, float *log_probabilities);

// A weight [O, I] on the CPU rearranged for products with few rows: in bfloat16, or quantized. int8
// has a scale an output, int4 one for each 32 inputs of an output.
typedef struct ct_packed_s *ct_packed;
// float32 weights are for sums in a fixed order.
enum { CT_PACK_BF16 = 0, CT_PACK_I8 = 1, CT_PACK_I4 = 2, CT_PACK_F32 = 3 };
int ct_pack(ct_tensor weight, int kind, ct_packed *out);
void ct_packed_free(ct_packed packed);
// Its numbers as they are kept, [O, I]; not of CT_PACK_F32.
int ct_unpack(ct_packed packed, int dtype, ct_tensor *out);
// x [N, I] times a weight that is not trained, with the gradient of x. Not of CT_PACK_F32.
int ct_frozen_linear(ct_tensor x, ct_packed packed, ct_tensor *out);
int64_t ct_packed_bytes(ct_packed packed);
// x [N, I] times the weight, plus a bias [O]: [N, O] in the type of x, summed in float32. x is
// rounded to bfloat16, but not for float32 weights; for quantized ones to 16-bit whole numbers where
// the processor has such products, and to bfloat16 elsewhere. What a row gives is the same bit for
// bit whatever rows are beside it; with int4 where `same_bits` asks for that, or both have at most 8
// rows. Kernels are chosen by the processor, or by name out of those that
// `ct_packed_kernels` lists with spaces between.
int ct_packed_linear(ct_tensor x, ct_packed packed, ct_tensor bias_or_null,
                     const char *kernel_or_null, bool same_bits, ct_tensor *out);
const char *ct_packed_kernels(void);
// Whether it beats LibTorch for many rows, too.
bool ct_packed_is_fast(void);

// A small float32 decoder on the CPU, its weights packed for steps of one token a sequence. `blocks`
// holds CT_BLOCK_PARTS tensors a block, null where it has none; widths are multiples of 16.
enum {
  CT_INPUT_NORM,         // [D]
  CT_QKV,                // [(H+2G)K, D]
  CT_QKV_BIAS,           // [(H+2G)K]
  CT_QUERY_NORM,         // as in ct_head_norm
  CT_KEY_NORM,
  CT_OUTPUT,             // [D, HK]
  CT_ATTENTION_NORM,     // [D], of what attention adds
  CT_MIDDLE_NORM,        // [D]
  CT_GATE_UP,            // [2F, D]
  CT_DOWN,               // [D, F]
  CT_FEED_FORWARD_NORM,  // [D], of what the feed-forward part adds
  CT_BLOCK_PARTS
};
typedef struct ct_stepper_s *ct_stepper;
typedef struct {
  float epsilon, norm_offset;
  float embedding_scale, residual_scale, logit_scale;  // 1 is none
  float logit_cap;                                     // 0 is none
  int32_t activation;
} ct_decoder;
int ct_stepper_make(ct_tensor embedding, const ct_tensor *blocks, const ct_attention *attention,
                    int block_count, ct_tensor final_norm, ct_tensor output_weight,
                    const ct_decoder *options, ct_stepper *out);
// The same of a decoder in bfloat16, of any size, by packed weights whose inputs are whole tiles: CT_BLOCK_PRODUCTS
// of each block, which `blocks` then has as null. The embedding may be float32; other parts are
// bfloat16. A step gives what separate operations give, bit for bit.
enum { CT_QKV_PRODUCT, CT_OUTPUT_PRODUCT, CT_GATE_UP_PRODUCT, CT_DOWN_PRODUCT, CT_BLOCK_PRODUCTS };
int ct_stepper_make_packed(ct_tensor embedding, const ct_tensor *blocks, const ct_packed *products,
                           const ct_attention *attention, int block_count, ct_tensor final_norm,
                           ct_packed output_weight, const ct_decoder *options, bool same_bits,
                           ct_stepper *out);
void ct_stepper_free(ct_stepper stepper);
// Reads one token of each of `count` sequences; `caches` holds the key and value cache of each
// block, `angles` its cosines and sines, tables is [count, table_width]. Picks a token for the rows that are wanted and leaves the
// others' places as they are; hidden states after the final norm [count, D].
int ct_stepper_step(ct_stepper stepper, const ct_tensor *caches, const ct_tensor *angles, int count,
                    const int32_t *tokens, const int32_t *tables, int table_width,
                    const int32_t *positions, const uint8_t *wanted, const ct_sampling *settings,
                    const int32_t *const *seen, const int32_t *seen_count, int32_t *picked,
                    float *log_probabilities, ct_tensor *hidden);

#ifdef __cplusplus
}
#endif
#endif
