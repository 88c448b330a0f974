// Row kernels of ours, one table for each instruction set, chosen at run time.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "CTorch.h"

namespace ct {

using bf16 = c10::BFloat16;

// Kernels for one storage type (float or bf16). All arithmetic is float32. Rows are contiguous.
template <class T>
struct RowKernels {
  // sum = x + residual (when residual), out = sum / rms(sum) * (weight + offset), scale[n] = 1 / rms.
  void (*rms_norm)(const T *x, const T *residual, const T *weight, float epsilon, float offset,
                   int64_t begin, int64_t end, int64_t width, T *sum, T *out, float *scale);
  // d_sum = gradient of rms_norm in its sum + d_extra (when given); d_weight accumulates.
  void (*rms_norm_backward)(const T *d_out, const T *d_extra, const T *sum, const T *weight,
                            float offset, const float *scale, int64_t begin, int64_t end, int64_t width,
                            T *d_sum, float *d_weight);
  // gate_up [N, 2F] -> activation(gate) * up [N, F]
  void (*gated)(const T *gate_up, int activation, int64_t begin, int64_t end, int64_t width, T *out);
  void (*gated_backward)(const T *gate_up, const T *d_out, int activation, int64_t begin,
                         int64_t end, int64_t width, T *d_gate_up);
  // Rotates the first `turned` heads of rows of `heads` heads by the angles of their positions
  // (`direction` 1, or -1 to undo) and copies the others. Rotary halves, as Hugging Face's.
  void (*rotate)(const T *in, int64_t in_stride, const int32_t *positions, const float *cosine,
                 const float *sine, float direction, int64_t begin, int64_t end, int64_t turned,
                 int64_t heads, int64_t width, T *out, int64_t out_stride);
  // nll[n] = logsumexp(logits[n]) - logits[n][target], lse[n] alike.
  void (*nll)(const T *logits, const int64_t *targets, int64_t begin, int64_t end,
              int64_t vocabulary, float *nll, float *lse);
  // logits -> (softmax - onehot) * gradient, in place.
  void (*nll_backward)(T *logits, const int64_t *targets, const float *lse, const float *gradient,
                       int64_t begin, int64_t end, int64_t vocabulary);
  // One query token a sequence against its pages, for sequences [begin, end) and the query heads of
  // key/value heads [first_group, last_group); see CTorch.h.
  void (*cached_attention)(const T *query, int64_t query_stride, const T *keys, const T *values,
                           const int32_t *tables, int64_t table_width, const int32_t *positions,
                           int64_t begin, int64_t end, int64_t first_group, int64_t last_group,
                           const ct_attention &options, int64_t width, T *out);
  // out[m][n] = x[m][k] packed[k][n] in float32, weights in panels of 64 columns, n in sixteens.
  // A row's sums are taken in one order, whatever m is.
  void (*product)(const float *x, int64_t x_stride, const float *packed, int64_t m, int64_t n,
                  int64_t k, float *out, int64_t out_stride);
  void (*sample)(const T *logits, int64_t begin, int64_t end, int64_t vocabulary,
                 const ct_sampling *settings, const int32_t *const *seen,
                 const int32_t *seen_count, int32_t *tokens, float *log_probabilities);
  // Rotary causal attention of one sequence (its first rows are given) for the query heads of
  // key/value head g. qkv [T, (H+2G)K], out [T, HK], lse [T, H].
  void (*attention)(const T *qkv, const int32_t *positions, const float *cosine,
                    const float *sine, int64_t count, int64_t g, const ct_attention &options,
                    int64_t width, T *out, float *lse);
  // Writes the gradient of the same columns of qkv.
  void (*attention_backward)(const T *qkv, const int32_t *positions, const float *cosine,
                             const float *sine, int64_t count, int64_t g,
                             const ct_attention &options, int64_t width, const T *out,
                             const float *lse, const T *d_out, T *d_qkv);
  // c[m][n] (+)= a[m][k] b[k][n], n in sixteens; a's element (i, p) lies at a[i ar + p ac].
  void (*tiles)(const float *a, int64_t ar, int64_t ac, const float *b, int64_t ldb, int64_t m,
                int64_t n, int64_t k, float *c, int64_t ldc, bool accumulate);
  // to[r][c] = from[r rs + c cs]; one of the strides is 1.
  void (*gather)(const T *from, int64_t rs, int64_t cs, int64_t rows, int64_t columns, float *to,
                 int64_t ld);
};

template <class T>
const RowKernels<T> &row_kernels();

}  // namespace ct
