// Matrix products on the pool of threads.
#pragma once

#include "fused.hpp"

namespace ct {

// a [M, K] times b [K, N], plus a bias [N] where one is given: [M, N]. float32 on the CPU, with any
// strides. Each sum is taken in one order, whatever the number of threads is.
at::Tensor matrix_product(const at::Tensor &a, const at::Tensor &b, const at::Tensor &bias = {});

// x [..., I] times a weight [O, I], plus a bias [O] where one is given, with gradients.
at::Tensor linear_layer(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias = {});

}  // namespace ct
