// The weights of a small float32 decoder, packed for single steps.
//
// D hidden, H query heads, G key/value heads, K head width, F feed-forward width, V vocabulary.
#pragma once

#include "decode.hpp"
#include "float_panels.hpp"

#include <algorithm>
#include <cstring>
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

// What a block lacks is undefined.
struct StepperBlock {
  at::Tensor input_norm, qkv_bias, query_norm, key_norm, attention_norm, middle_norm;
  at::Tensor feed_forward_norm;
  PackedWeight qkv, output, gate_up, down;
  ct_attention attention;
};

inline const at::Tensor &plain(const at::Tensor &x) {
  TORCH_CHECK(x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous(),
              "a contiguous float32 tensor on the CPU expected, got ", x.scalar_type(), " ",
              x.sizes());
  return x;
}

}  // namespace ct

struct ct_stepper_s {
  at::Tensor embedding, final_norm;
  std::vector<ct::StepperBlock> blocks;
  ct::PackedWeight logits;
  int64_t D, F, H, G, K, V;
  ct_decoder options;

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
