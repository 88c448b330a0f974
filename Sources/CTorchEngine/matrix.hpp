// Matrix products on the pool of threads.
#pragma once

#include "fused.hpp"

namespace ct {

// a [M, K] times b [K, N], plus a bias [N] where one is given: [M, N]. All of one type, float32 or
// bfloat16, which is multiplied in float32; on the CPU, with any strides. Each sum is taken in one
// order, whatever the number of threads is.
at::Tensor matrix_product(const at::Tensor &a, const at::Tensor &b, const at::Tensor &bias = {});

// Whether `matrix_product` is the way for this type: for float32 on processors with AVX2; elsewhere,
// and for bfloat16, where LibTorch's products are slower, which is measured once.
bool is_product_ours(at::ScalarType type);

// x [..., I] times a weight [O, I], plus a bias [O] where one is given, with gradients.
at::Tensor linear_layer(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias = {});

}  // namespace ct
