// A weight in float32, in the order in which a product reads it.
#pragma once

#include <cstring>

#include "fused.hpp"
#include "large_buffer.hpp"

namespace ct {

// A weight [O, I] in panels of 64 outputs: [ceil(O / 64)][I][64 or what is left, in sixteens].
class FloatPanels {
  LargeBuffer memory;

  float *numbers() const { return static_cast<float *>(memory.bytes); }

 public:
  static constexpr int64_t panel = 64;
  // Outputs, inputs, and outputs with the zeros behind the last.
  int64_t outputs = 0, inputs = 0, padded = 0;

  // `weight` is contiguous, in float32 or bfloat16.
  void pack(const at::Tensor &weight) {
    outputs = weight.size(0), inputs = weight.size(1), padded = (outputs + 15) / 16 * 16;
    memory.resize(padded * inputs * sizeof(float));
    std::memset(memory.bytes, 0, memory.size);
    by_type(weight, [&](auto *type) {
      const auto *from = pointer<std::remove_pointer_t<decltype(type)>>(weight);
      parallel_for(count(), 1, [&](int64_t begin, int64_t end, int64_t) {
        for (int64_t p = begin; p < end; p++) {
          float *to = numbers() + p * panel * inputs;
          for (int64_t o = 0; o < std::min(width(p), outputs - p * panel); o++) {
            const auto *row = from + (p * panel + o) * inputs;
            for (int64_t i = 0; i < inputs; i++) to[i * width(p) + o] = float(row[i]);
          }
        }
      });
    });
  }

  int64_t count() const { return (padded + panel - 1) / panel; }
  int64_t bytes() const { return int64_t(memory.size); }
  // Outputs of a panel, with zeros.
  int64_t width(int64_t p) const { return std::min(panel, padded - p * panel); }

  // out[rows][the panels' outputs] = x[rows][I] times panels [begin, end). A row's sums are taken in
  // one order, whatever is beside it.
  void multiply(const float *x, int64_t rows, int64_t begin, int64_t end, float *out,
                int64_t out_stride) const {
    if (begin >= end) return;
    row_kernels<float>().product(x, inputs, numbers() + begin * panel * inputs, rows,
                                 std::min(end * panel, padded) - begin * panel, inputs, out,
                                 out_stride);
  }
};

}  // namespace ct
