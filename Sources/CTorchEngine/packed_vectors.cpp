// Products of bfloat16 tiles on vectors, and quantized tiles made bfloat16.
#include "packed.hpp"

#include "instructions.hpp"

#include <cstring>
#include <type_traits>

// The vectors never cross a call that is not inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define CT_INLINE static inline __attribute__((always_inline))

namespace ct {

typedef float vf __attribute__((ext_vector_type(16)));
typedef int32_t vi __attribute__((ext_vector_type(16)));
typedef uint32_t vu __attribute__((ext_vector_type(16)));

// Registers decide: with 32 wide ones two panels fit, and halve what is read of rows.
#define CT_PANELS_AT_ONCE 1
namespace portable {
#include "packed_vectors.inc"
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
namespace avx2 {
#include "packed_vectors.inc"
}
#pragma clang attribute pop
#undef CT_PANELS_AT_ONCE
#define CT_PANELS_AT_ONCE 2
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"), \
                   min_vector_width(512))), \
    apply_to = function)
namespace avx512 {
#include "packed_vectors.inc"
}
#pragma clang attribute pop
#pragma clang attribute push( \
    __attribute__((target("avx512bf16,avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"), \
                   min_vector_width(512))), \
    apply_to = function)
namespace avx512_bf16 {
#define CT_BF16_DOTS
#include "packed_vectors.inc"
#undef CT_BF16_DOTS
}
#pragma clang attribute pop
#endif
#undef CT_PANELS_AT_ONCE

const PanelKernel *amx_panel_kernel();

namespace {

void nothing(void *) {}

PanelKernel of_vectors(PanelProduct product, const char *name, bool is_fast = false) {
  return {product, nullptr, nothing, nothing, is_fast, false, nullptr, name};
}

struct VectorKernels {
  PanelKernel kernel = of_vectors(portable::panel_product, "portable");
  void (*int8)(const uint8_t *, int64_t, bf16 *) = portable::expand_int8;
  void (*int4)(const uint8_t *, int64_t, bf16 *) = portable::expand_int4;
  void (*store_f32)(const float *, int64_t, int64_t, const BlockEnd &, float *,
                    int64_t) = portable::store_f32;
  void (*store_bf16)(const float *, int64_t, int64_t, const BlockEnd &, bf16 *,
                     int64_t) = portable::store_bf16;
};

const VectorKernels &vector_kernels() {
  static const VectorKernels found = [] {
    VectorKernels kernels;
#if defined(__x86_64__)
    const bool wide = usable(Instructions::avx512);
    if (wide && __builtin_cpu_supports("avx512bf16")) {
      kernels.kernel = of_vectors(avx512_bf16::panel_product, "avx512_bf16", true);
      kernels.int8 = avx512_bf16::expand_int8, kernels.int4 = avx512_bf16::expand_int4;
      kernels.store_f32 = avx512_bf16::store_f32, kernels.store_bf16 = avx512_bf16::store_bf16;
    } else if (wide) {
      kernels.kernel = of_vectors(avx512::panel_product, "avx512");
      kernels.int8 = avx512::expand_int8, kernels.int4 = avx512::expand_int4;
      kernels.store_f32 = avx512::store_f32, kernels.store_bf16 = avx512::store_bf16;
    } else if (usable(Instructions::avx2)) {
      kernels.kernel = of_vectors(avx2::panel_product, "avx2");
      kernels.int8 = avx2::expand_int8, kernels.int4 = avx2::expand_int4;
      kernels.store_f32 = avx2::store_f32, kernels.store_bf16 = avx2::store_bf16;
    }
#endif
    return kernels;
  }();
  return found;
}

}  // namespace

const PanelKernel &panel_kernel() {
#if defined(__x86_64__) && defined(__linux__)
  if (const PanelKernel *tiles = amx_panel_kernel()) return *tiles;
#endif
  static const PanelKernel best = [] {
    PanelKernel kernel = vector_kernels().kernel;
    if (vnni_kernel()) kernel.integers = vnni_kernel(), kernel.name = "avx512_vnni";
    return kernel;
  }();
  return best;
}

std::vector<PanelKernel> panel_kernels() {
  std::vector<PanelKernel> all{of_vectors(portable::panel_product, "portable")};
#if defined(__x86_64__)
  const std::string best = vector_kernels().kernel.name;
  if (best != "portable") all.push_back(of_vectors(avx2::panel_product, "avx2"));
  if (best.starts_with("avx512")) all.push_back(of_vectors(avx512::panel_product, "avx512"));
  if (best == "avx512_bf16") all.push_back(vector_kernels().kernel);
  if (const IntegerKernel *integers = vnni_kernel()) {
    all.push_back(vector_kernels().kernel);
    all.back().integers = integers, all.back().name = "avx512_vnni";
  }
#if defined(__linux__)
  if (const PanelKernel *tiles = amx_panel_kernel()) all.push_back(*tiles);
#endif
#endif
  return all;
}

void expand_int8(const uint8_t *from, int64_t tiles, bf16 *to) {
  vector_kernels().int8(from, tiles, to);
}
void expand_int4(const uint8_t *from, int64_t tiles, bf16 *to) {
  vector_kernels().int4(from, tiles, to);
}
void store_block(const float *c, int64_t rows, int64_t columns, const BlockEnd &end, float *out,
                 int64_t stride) {
  vector_kernels().store_f32(c, rows, columns, end, out, stride);
}
void store_block(const float *c, int64_t rows, int64_t columns, const BlockEnd &end, bf16 *out,
                 int64_t stride) {
  vector_kernels().store_bf16(c, rows, columns, end, out, stride);
}

}  // namespace ct
