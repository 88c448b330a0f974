// Instances of the row kernels and their choice at run time.
#include "kernels.hpp"

#include "instructions.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

// The vectors never cross a call that is not inlined.
#pragma clang diagnostic ignored "-Wpsabi"

namespace ct {

namespace portable {
#include "kernels.inc"
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
namespace avx2 {
#include "kernels.inc"
}
#pragma clang attribute pop
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"), \
                   min_vector_width(512))), \
    apply_to = function)
namespace avx512 {
#define CT_WIDE_TILES  // 32 registers of 16 floats hold tiles of 6 by 4
#include "kernels.inc"
#undef CT_WIDE_TILES
}
#pragma clang attribute pop
#endif

template <class T>
const RowKernels<T> &row_kernels() {
  static const RowKernels<T> kernels = [] {
#if defined(__x86_64__)
    if (usable(Instructions::avx512)) return avx512::table<T>();
    if (usable(Instructions::avx2)) return avx2::table<T>();
#endif
    return portable::table<T>();
  }();
  return kernels;
}

template const RowKernels<float> &row_kernels<float>();
template const RowKernels<bf16> &row_kernels<bf16>();

}  // namespace ct

const char *ct_cpu_features(void) {
  if (ct::usable(ct::Instructions::amx)) return "amx";
  if (ct::usable(ct::Instructions::avx512)) return "avx512";
  return ct::usable(ct::Instructions::avx2) ? "avx2" : "portable";
}
