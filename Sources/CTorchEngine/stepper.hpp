// The weights of a decoder, packed for single steps, and what a step is given.
//
// D hidden, H query heads, G key/value heads, K head width, F feed-forward width, V vocabulary.
#pragma once

#include "decode.hpp"
#include "float_panels.hpp"
#include "packed.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace ct {

// A weight that an optimizer may step.
struct PackedWeight {
  at::Tensor source;
  uint32_t version = 0;
  FloatPanels panels;

  void pack(const at::Tensor &weight) {
    source = weight;
    version = weight._version();
    panels.pack(weight);
  }
  // Packs again where an optimizer has stepped since.
  void refresh() {
    if (source._version() != version) pack(source);
  }
  void operator()(const float *x, int64_t rows, float *out, int64_t out_stride) const {
    panels.multiply(x, rows, 0, panels.count(), out, out_stride);
  }
};

// A packed weight of any format, which the caller may free before.
class PackedProduct {
  ct_packed packed = nullptr;

 public:
  PackedProduct() = default;
  explicit PackedProduct(ct_packed own) : packed(own) { retain(own); }
  PackedProduct(PackedProduct &&other) noexcept : packed(std::exchange(other.packed, nullptr)) {}
  PackedProduct &operator=(PackedProduct &&other) noexcept {
    std::swap(packed, other.packed);
    return *this;
  }
  ~PackedProduct() {
    if (packed) ct_packed_free(packed);
  }
  const ct_packed_s &operator*() const { return *packed; }
};

// What a block lacks is undefined. `qkv` to `down` are those in float32, `products` the others.
struct StepperBlock {
  at::Tensor input_norm, qkv_bias, query_norm, key_norm, attention_norm, middle_norm;
  at::Tensor feed_forward_norm;
  PackedWeight qkv, output, gate_up, down;
  PackedProduct products[CT_BLOCK_PRODUCTS];
  ct_attention attention;

  // The vectors of a block's parts, each read by `read`.
  template <class Read>
  void vectors(const ct_tensor *parts, const Read &read) {
    auto vector = [&](int part) { return parts[part] ? read(parts[part]->value) : at::Tensor(); };
    input_norm = vector(CT_INPUT_NORM), qkv_bias = vector(CT_QKV_BIAS);
    query_norm = vector(CT_QUERY_NORM), key_norm = vector(CT_KEY_NORM);
    attention_norm = vector(CT_ATTENTION_NORM), middle_norm = vector(CT_MIDDLE_NORM);
    feed_forward_norm = vector(CT_FEED_FORWARD_NORM);
  }
};

template <class T>
const at::Tensor &plain_of(const at::Tensor &x) {
  constexpr auto type = c10::CppTypeToScalarType<T>::value;
  TORCH_CHECK(x.is_cpu() && x.scalar_type() == type && x.is_contiguous(), "a contiguous ", type,
              " tensor on the CPU expected, got ", x.scalar_type(), " ", x.sizes());
  return x;
}
inline const at::Tensor &plain(const at::Tensor &x) { return plain_of<float>(x); }

}  // namespace ct

struct ct_stepper_s {
  at::Tensor embedding, final_norm;
  std::vector<ct::StepperBlock> blocks;
  ct::PackedWeight logits;
  ct::PackedProduct packed_logits;
  int64_t D, F, H, G, K, V;
  ct_decoder options;
  bool is_packed = false, same_bits = false;

  // The widest row between two norms.
  int64_t widest() const { return std::max({(H + 2 * G) * K, 2 * F, logits.panels.padded}); }

  const at::Tensor &norm_behind(size_t block) const {
    return block + 1 < blocks.size() ? blocks[block + 1].input_norm : final_norm;
  }

  // out = the norm of x, or x where there is none.
  void norm(const at::Tensor &weight, const float *x, int64_t rows, float *out, float *scale) const {
    if (!weight.defined()) {
      if (out != x) std::memcpy(out, x, rows * D * sizeof(float));
      return;
    }
    ct::row_kernels<float>().rms_norm(x, nullptr, weight.data_ptr<float>(), options.epsilon,
                                      options.norm_offset, 0, rows, D, nullptr, out, scale);
  }

  // stream += update, or its own norm where it has one, scaled; normed = the norm of that by `weight`.
  void add(const float *update, const at::Tensor &own, const at::Tensor &weight, float *stream,
           int64_t rows, float *normed, float *scale) const {
    if (own.defined()) {
      norm(own, update, rows, normed, scale);
      update = normed;
    }
    if (options.residual_scale != 1) {
      for (int64_t i = 0; i < rows * D; i++) normed[i] = update[i] * options.residual_scale;
      update = normed;
    }
    if (weight.defined()) {
      ct::row_kernels<float>().rms_norm(update, stream, weight.data_ptr<float>(), options.epsilon,
                                        options.norm_offset, 0, rows, D, stream, normed, scale);
      return;
    }
    for (int64_t i = 0; i < rows * D; i++) normed[i] = stream[i] += update[i];
  }
};

namespace ct {

// What one step reads and where it writes; S rows, one a sequence.
template <class T>
struct StepCall {
  const ct_stepper_s &model;
  int64_t S;
  std::vector<T *> keys, values;
  std::vector<const float *> cosine, sine;
  const int32_t *tokens, *tables, *positions;
  int64_t table_width;
  const ct_sampling *settings;
  const int32_t *const *seen;
  const int32_t *seen_count;
  const uint8_t *wanted;
  int32_t *picked;
  float *log_probabilities;
  T *hidden;
};

// A step in bfloat16 by packed weights.
void packed_step(const StepCall<bf16> &call);

}  // namespace ct
