// Helpers of the fused operations.
#pragma once

#include <cstdlib>
#include <cstring>

#include "internal.hpp"
#include "kernels.hpp"
#include "parallel.hpp"

namespace ct {

// Whether formulas are composed from LibTorch's operations on the CPU too, as they are elsewhere.
inline bool composes() {
  static const bool asked = [] {
    const char *value = std::getenv("ASSAY_OPERATIONS");
    return value && std::strcmp(value, "composed") == 0;
  }();
  return asked;
}

// Whether kernels of ours can read a tensor.
inline bool readable(const at::Tensor &x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

// Whether they compute where an operation has both forms.
inline bool ours(const at::Tensor &x) { return readable(x) && !composes(); }

// Calls body with a null pointer of the storage type, so that a generic lambda can name it.
template <class Body>
void by_type(const at::Tensor &x, Body &&body) {
  if (x.scalar_type() == at::kFloat) {
    body(static_cast<float *>(nullptr));
  } else {
    TORCH_CHECK(x.scalar_type() == at::kBFloat16, "float32 or bfloat16 expected, got ",
                x.scalar_type());
    body(static_cast<bf16 *>(nullptr));
  }
}

template <class T>
T *pointer(const at::Tensor &x) {
  return x.defined() ? reinterpret_cast<T *>(x.data_ptr()) : nullptr;
}

}  // namespace ct
