// The interface of `CTorch`, behind which the engine and LibTorch are opened when something is first computed: a
// program that answers `--help` does without their 0.15 s of tables.
//
// Declared and defined functions are compared by the compiler; one that is missing here does not link.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "CTorch.h"

#if defined(__APPLE__)
static const char library[] = "@rpath/libAssayTorch.dylib";
#else
static const char library[] = "libAssayTorch.so";
#endif

// The exit status of what a command cannot do without.
enum { unavailable = 69 };

static void *engine;

static void open_engine(void) {
  engine = dlopen(library, RTLD_LAZY | RTLD_GLOBAL);
  if (engine) return;
  fprintf(stderr,
          "assay: LibTorch does not load (%s): it is expected beside the binary, where `make` and `make install` put "
          "it, or on the library path\n",
          dlerror());
  _exit(unavailable);
}

static void *find(const char *name) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_engine);
  void *function = dlsym(engine, name);
  if (function) return function;
  fprintf(stderr, "assay: %s is of another version than the binary (it has no %s): build both again\n", library, name);
  _exit(unavailable);
}

// Threads may look a function up at the same time: they find the same one.
#define FORWARD(result, name, parameters, arguments)                       \
  result name parameters {                                                 \
    static result(*_Atomic kept) parameters;                            \
    result(*known) parameters = kept;                                   \
    if (__builtin_expect(!known, 0)) kept = known = find(#name);        \
    return known arguments;                                                \
  }

FORWARD(const char *, ct_last_error, (void), ())
FORWARD(int, ct_device_available, (int device, bool *out), (device, out))
FORWARD(int, ct_set_threads, (int count), (count))
FORWARD(int, ct_get_threads, (void), ())
FORWARD(const char *, ct_cpu_features, (void), ())
FORWARD(bool, ct_composes, (void), ())
FORWARD(void, ct_free, (ct_tensor tensor), (tensor))
FORWARD(void, ct_release_memory, (void), ())
FORWARD(int, ct_from_data, (const void *data, const int64_t *shape, int rank, int dtype, ct_tensor *out),
        (data, shape, rank, dtype, out))
FORWARD(int, ct_from_memory, (void *data, const int64_t *shape, int rank, int dtype, void *context, void
        (*release)(void *), ct_tensor *out), (data, shape, rank, dtype, context, release, out))
FORWARD(int, ct_full, (const int64_t *shape, int rank, double value, int dtype, int device, ct_tensor *out),
        (shape, rank, value, dtype, device, out))
FORWARD(int, ct_empty, (const int64_t *shape, int rank, int dtype, int device, ct_tensor *out), (shape,
        rank, dtype, device, out))
FORWARD(int, ct_normal, (const int64_t *shape, int rank, double mean, double deviation, uint64_t seed, int
        dtype, ct_tensor *out), (shape, rank, mean, deviation, seed, dtype, out))
FORWARD(int, ct_arange, (int64_t start, int64_t end, int dtype, int device, ct_tensor *out), (start, end,
        dtype, device, out))
FORWARD(int, ct_rank, (ct_tensor tensor), (tensor))
FORWARD(void, ct_shape, (ct_tensor tensor, int64_t *out), (tensor, out))
FORWARD(int, ct_dtype, (ct_tensor tensor), (tensor))
FORWARD(int, ct_device, (ct_tensor tensor), (tensor))
FORWARD(int64_t, ct_count, (ct_tensor tensor), (tensor))
FORWARD(int, ct_copy_out, (ct_tensor tensor, int dtype, void *out, size_t byte_count), (tensor, dtype, out,
        byte_count))
FORWARD(int, ct_data_pointer, (ct_tensor tensor, const void **out), (tensor, out))
FORWARD(int, ct_binary, (int op, ct_tensor a, ct_tensor b, ct_tensor *out), (op, a, b, out))
FORWARD(int, ct_binary_scalar, (int op, ct_tensor a, double b, ct_tensor *out), (op, a, b, out))
FORWARD(int, ct_unary, (int op, ct_tensor a, ct_tensor *out), (op, a, out))
FORWARD(int, ct_reduce_all, (int op, ct_tensor a, ct_tensor *out), (op, a, out))
FORWARD(int, ct_reduce, (int op, ct_tensor a, int64_t axis, bool keep, ct_tensor *out), (op, a, axis, keep,
        out))
FORWARD(int, ct_linear, (ct_tensor x, ct_tensor weight, ct_tensor bias_or_null, ct_tensor *out), (x, weight,
        bias_or_null, out))
FORWARD(int, ct_layer_norm, (ct_tensor x, ct_tensor weight, ct_tensor bias, double epsilon, ct_tensor *out),
        (x, weight, bias, epsilon, out))
FORWARD(int, ct_where, (ct_tensor condition, ct_tensor a, ct_tensor b, ct_tensor *out), (condition, a, b,
        out))
FORWARD(int, ct_reshape, (ct_tensor a, const int64_t *shape, int rank, ct_tensor *out), (a, shape, rank, out))
FORWARD(int, ct_transpose, (ct_tensor a, int64_t first, int64_t second, ct_tensor *out), (a, first, second,
        out))
FORWARD(int, ct_narrow, (ct_tensor a, int64_t axis, int64_t start, int64_t length, ct_tensor *out), (a,
        axis, start, length, out))
FORWARD(int, ct_cat, (const ct_tensor *parts, int count, int64_t axis, ct_tensor *out), (parts, count, axis,
        out))
FORWARD(int, ct_index_select, (ct_tensor a, int64_t axis, ct_tensor indices, ct_tensor *out), (a, axis,
        indices, out))
FORWARD(int, ct_gather, (ct_tensor a, int64_t axis, ct_tensor indices, ct_tensor *out), (a, axis, indices,
        out))
FORWARD(int, ct_to_dtype, (ct_tensor a, int dtype, ct_tensor *out), (a, dtype, out))
FORWARD(int, ct_to_device, (ct_tensor a, int device, ct_tensor *out), (a, device, out))
FORWARD(int, ct_copy_in_place, (ct_tensor target, ct_tensor source), (target, source))
FORWARD(int, ct_fill_in_place, (ct_tensor target, double value), (target, value))
FORWARD(int, ct_add_in_place, (ct_tensor target, ct_tensor source, double scale), (target, source, scale))
FORWARD(int, ct_scale_in_place, (ct_tensor target, double factor), (target, factor))
FORWARD(int, ct_set_requires_grad, (ct_tensor tensor, bool on), (tensor, on))
FORWARD(bool, ct_requires_grad, (ct_tensor tensor), (tensor))
FORWARD(int, ct_backward, (ct_tensor scalar), (scalar))
FORWARD(int, ct_grad, (ct_tensor tensor, ct_tensor *out_or_null), (tensor, out_or_null))
FORWARD(int, ct_clear_grad, (ct_tensor tensor), (tensor))
FORWARD(uint32_t, ct_changes, (ct_tensor tensor), (tensor))
FORWARD(bool, ct_set_grad_enabled, (bool on), (on))
FORWARD(int, ct_recompute, (ct_tensor first, ct_tensor second, void *context, ct_pair_body body, void
        (*release)(void *), ct_tensor *first_out, ct_tensor *second_out), (first, second, context, body,
        release, first_out, second_out))
FORWARD(ct_tensor, ct_share, (ct_tensor tensor), (tensor))
FORWARD(int, ct_clip_gradients, (const ct_tensor *parameters, int count, double maximum, double *norm),
        (parameters, count, maximum, norm))
FORWARD(int, ct_scale_gradients, (const ct_tensor *parameters, int count, double factor), (parameters,
        count, factor))
FORWARD(int, ct_adamw, (const ct_tensor *parameters, const ct_tensor *first, const ct_tensor *second, const
        ct_tensor *steps, int count, double learning_rate, double beta1, double beta2, double weight_decay,
        double epsilon), (parameters, first, second, steps, count, learning_rate, beta1, beta2,
        weight_decay, epsilon))
FORWARD(bool, ct_group_available, (void), ())
FORWARD(int, ct_group_open, (const char *host, int port, const char *prefix, bool serves, int rank, int
        size, double timeout, ct_group *out, int *used_port), (host, port, prefix, serves, rank, size,
        timeout, out, used_port))
FORWARD(int, ct_group_connect, (ct_group group, double timeout), (group, timeout))
FORWARD(void, ct_group_close, (ct_group group), (group))
FORWARD(int, ct_group_set, (ct_group group, const char *key, const char *value), (group, key, value))
FORWARD(int, ct_group_get, (ct_group group, const char *key, double timeout, char *value, size_t size),
        (group, key, timeout, value, size))
FORWARD(int, ct_group_sum_numbers, (ct_group group, double *values, int count), (group, values, count))
FORWARD(int, ct_group_share, (ct_group group, const ct_tensor *tensors, const int *owners, int count),
        (group, tensors, owners, count))
FORWARD(int, ct_group_send, (ct_group group, ct_tensor tensor, int to), (group, tensor, to))
FORWARD(int, ct_group_receive, (ct_group group, ct_tensor tensor, int from), (group, tensor, from))
FORWARD(int, ct_reduction_open, (ct_group group, const ct_tensor *parameters, const int *owners, int count,
        ct_reduction *out), (group, parameters, owners, count, out))
FORWARD(void, ct_reduction_close, (ct_reduction reduction), (reduction))
FORWARD(int, ct_reduction_finish, (ct_reduction reduction, double *numbers, int count, double *holders),
        (reduction, numbers, count, holders))
FORWARD(int, ct_embedding, (ct_tensor weight, ct_tensor ids, ct_tensor *out), (weight, ids, out))
FORWARD(int, ct_rms_norm, (ct_tensor x, ct_tensor weight, double epsilon, double offset, ct_tensor *out),
        (x, weight, epsilon, offset, out))
FORWARD(int, ct_add_rms_norm, (ct_tensor x, ct_tensor residual, ct_tensor weight, double epsilon, double
        offset, ct_tensor *sum, ct_tensor *out), (x, residual, weight, epsilon, offset, sum, out))
FORWARD(int, ct_gated, (ct_tensor gate_up, int activation, ct_tensor *out), (gate_up, activation, out))
FORWARD(int, ct_head_norm, (ct_tensor qkv, ct_tensor query_weight, ct_tensor key_weight, int heads, int
        groups, double epsilon, double offset, ct_tensor *out), (qkv, query_weight, key_weight, heads,
        groups, epsilon, offset, out))
FORWARD(int, ct_rotary_attention, (ct_tensor qkv, ct_tensor positions, ct_tensor cosine, ct_tensor sine,
        const int64_t *lengths, int sequences, const ct_attention *options, ct_tensor *out, ct_tensor
        *rotated_or_null), (qkv, positions, cosine, sine, lengths, sequences, options, out,
        rotated_or_null))
FORWARD(int, ct_token_nll, (ct_tensor hidden, ct_tensor weight, ct_tensor targets, double soft_cap,
        ct_tensor *out), (hidden, weight, targets, soft_cap, out))
FORWARD(int64_t, ct_memory_held, (void), ())
FORWARD(int64_t, ct_memory_peak, (void), ())
FORWARD(void, ct_reset_memory_peak, (void), ())
FORWARD(int, ct_cache_store, (ct_tensor qkv, ct_tensor key_cache, ct_tensor value_cache, ct_tensor cells,
        int heads, int groups), (qkv, key_cache, value_cache, cells, heads, groups))
FORWARD(int, ct_cache_copy, (ct_tensor key_cache, ct_tensor value_cache, const int32_t *from, const int32_t
        *to, int count), (key_cache, value_cache, from, to, count))
FORWARD(int, ct_cached_attention, (ct_tensor qkv, ct_tensor key_cache, ct_tensor value_cache, ct_tensor
        tables, ct_tensor positions, ct_tensor cosine, ct_tensor sine, const ct_attention *options,
        ct_tensor *out), (qkv, key_cache, value_cache, tables, positions, cosine, sine, options, out))
FORWARD(int, ct_sample, (ct_tensor logits, const ct_sampling *settings, const int32_t *const *seen, const
        int32_t *seen_count, int32_t *tokens, float *log_probabilities), (logits, settings, seen,
        seen_count, tokens, log_probabilities))
FORWARD(int, ct_pack, (ct_tensor weight, int kind, ct_packed *out), (weight, kind, out))
FORWARD(void, ct_packed_free, (ct_packed packed), (packed))
FORWARD(int, ct_unpack, (ct_packed packed, int dtype, ct_tensor *out), (packed, dtype, out))
FORWARD(int, ct_frozen_linear, (ct_tensor x, ct_packed packed, ct_tensor *out), (x, packed, out))
FORWARD(int64_t, ct_packed_bytes, (ct_packed packed), (packed))
FORWARD(int, ct_packed_linear, (ct_tensor x, ct_packed packed, ct_tensor bias_or_null, const char
        *kernel_or_null, bool same_bits, ct_tensor *out), (x, packed, bias_or_null, kernel_or_null,
        same_bits, out))
FORWARD(const char *, ct_packed_kernels, (void), ())
FORWARD(bool, ct_packed_is_fast, (void), ())
FORWARD(int, ct_stepper_make, (ct_tensor embedding, const ct_tensor *blocks, const ct_attention *attention,
        int block_count, ct_tensor final_norm, ct_tensor output_weight, const ct_decoder *options,
        ct_stepper *out), (embedding, blocks, attention, block_count, final_norm, output_weight, options,
        out))
FORWARD(int, ct_stepper_make_packed, (ct_tensor embedding, const ct_tensor *blocks, const ct_packed
        *products, const ct_attention *attention, int block_count, ct_tensor final_norm, ct_packed
        output_weight, const ct_decoder *options, bool same_bits, ct_stepper *out), (embedding, blocks,
        products, attention, block_count, final_norm, output_weight, options, same_bits, out))
FORWARD(void, ct_stepper_free, (ct_stepper stepper), (stepper))
FORWARD(int, ct_stepper_step, (ct_stepper stepper, const ct_tensor *caches, const ct_tensor *angles, int
        count, const int32_t *tokens, const int32_t *tables, int table_width, const int32_t *positions,
        const uint8_t *wanted, const ct_sampling *settings, const int32_t *const *seen, const int32_t
        *seen_count, int32_t *picked, float *log_probabilities, ct_tensor *hidden), (stepper, caches,
        angles, count, tokens, tables, table_width, positions, wanted, settings, seen, seen_count, picked,
        log_probabilities, hidden))
