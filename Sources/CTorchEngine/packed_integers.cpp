// Products with quantized weights in whole numbers, on AVX-512 VNNI and AMX.
//
// A row of x is a scale times 16-bit whole numbers, kept as two rows of bytes, high and low; sums
// of bytes times bytes are exact, so that every order and either instruction set gives the same
// bits. Rows are nearer to x than bfloat16 is, measured by the row's length: 16 bits of its largest
// number.
#include "instructions.hpp"
#include "packed.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <limits>

// The vectors never cross a call that is not inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define CT_VNNI \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"), min_vector_width(512)))
#define CT_VNNI_INLINE CT_VNNI static inline __attribute__((always_inline))
#define CT_AMX \
  __attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"), \
                 min_vector_width(512)))

namespace ct {

namespace {

constexpr int64_t int8_tile = 2 * tile_size, int4_tile = int4_tile_bytes;

CT_VNNI_INLINE __m512 load(const float *from, __mmask16 mask) {
  return _mm512_maskz_loadu_ps(mask, from);
}
CT_VNNI_INLINE __m512 load(const bf16 *from, __mmask16 mask) {
  const __m256i half = _mm256_maskz_loadu_epi16(mask, from);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
CT_VNNI_INLINE __mmask16 mask_of(int64_t left) {
  return left >= 16 ? __mmask16(0xffff) : __mmask16((1u << std::max<int64_t>(left, 0)) - 1);
}

template <class T>
CT_VNNI void quantize_row(const T *x, int64_t count, const IntegerRows &to, int64_t n) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  __m512i largest_bits = _mm512_setzero_si512();  // NaN is the largest
  for (int64_t i = 0; i < count; i += 16) {
    const __m512i bits = _mm512_castps_si512(load(x + i, mask_of(count - i)));
    largest_bits = _mm512_max_epu32(largest_bits, _mm512_and_si512(bits, magnitude));
  }
  const uint32_t bits = _mm512_reduce_max_epu32(largest_bits);
  float largest;
  __builtin_memcpy(&largest, &bits, sizeof largest);
  constexpr float limit = 32639;  // 127 * 256 + 127
  // A scale of NaN makes all that such a row gives NaN.
  const bool finite = std::isfinite(largest);
  to.scales[n] = finite ? largest / limit : std::numeric_limits<float>::quiet_NaN();
  const float inverse = finite && largest > 0 ? limit / largest : 0;
  const bool usable = std::isfinite(inverse) && inverse > 0;
  if (finite && !usable) to.scales[n] = 0;
  uint8_t *high = to.bytes + 2 * n * to.width, *low = high + to.width;
  const __m512i sign = _mm512_set1_epi32(to.is_signed ? 0 : 128);
  for (int64_t i = 0; i < to.width; i += 32) {
    int32_t sum = 0;
#pragma unroll
    for (int64_t j = i; j < i + 32; j += 16) {
      __m512i q = _mm512_setzero_si512();
      if (usable && j < count) {
        q = _mm512_cvtps_epi32(
            _mm512_mul_ps(load(x + j, mask_of(count - j)), _mm512_set1_ps(inverse)));
      }
      const __m512i h = _mm512_srai_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(128)), 8);
      const __m512i l = _mm512_sub_epi32(q, _mm512_slli_epi32(h, 8));
      _mm_storeu_si128(reinterpret_cast<__m128i *>(high + j),
                       _mm512_cvtepi32_epi8(_mm512_add_epi32(h, sign)));
      _mm_storeu_si128(reinterpret_cast<__m128i *>(low + j),
                       _mm512_cvtepi32_epi8(_mm512_add_epi32(l, sign)));
      sum += _mm512_reduce_add_epi32(q);
    }
    to.sums[(n * to.width + i) / 32] = -8 * sum;  // int4 weights are kept 8 too large
  }
}

CT_VNNI_INLINE __m512i four(const uint8_t *x) {
  int32_t bytes;
  __builtin_memcpy(&bytes, x, sizeof bytes);
  return _mm512_set1_epi32(bytes);
}

// 256 * high + low in float32, without what bytes of 128 too much add.
CT_VNNI_INLINE __m512 joined(__m512i high, __m512i low, __m512i offsets) {
  const __m512 h = _mm512_cvtepi32_ps(_mm512_sub_epi32(high, offsets));
  const __m512 l = _mm512_cvtepi32_ps(_mm512_sub_epi32(low, offsets));
  return _mm512_add_ps(_mm512_mul_ps(h, _mm512_set1_ps(256)), l);  // the product is exact
}

// Bytes ahead that a panel is asked for.
constexpr int64_t bytes_ahead = 4096;

template <int R>
CT_VNNI void int8_panel(const uint8_t *x, int64_t width, const uint8_t *panel,
                        const int32_t *offsets, float *c) {
  constexpr int U = R == 1 ? 4 : R == 2 ? 2 : 1;  // sums at once, to hide what one of them waits
  __m512i high[R][U] = {}, low[R][U] = {};
  for (int64_t i = 0; i < width; i += 4 * U) {
#pragma unroll
    for (int u = 0; u < U; u++) {
      const uint8_t *from = panel + (i + 4 * u) * panel_outputs;
      const __m512i weights = _mm512_loadu_si512(from);
      _mm_prefetch(reinterpret_cast<const char *>(from) + bytes_ahead, _MM_HINT_T0);
#pragma unroll
      for (int r = 0; r < R; r++) {
        const uint8_t *row = x + 2 * r * width + i + 4 * u;
        high[r][u] = _mm512_dpbusd_epi32(high[r][u], four(row), weights);
        low[r][u] = _mm512_dpbusd_epi32(low[r][u], four(row + width), weights);
      }
    }
  }
  const __m512i offset = _mm512_loadu_si512(offsets);
#pragma unroll
  for (int r = 0; r < R; r++) {
#pragma unroll
    for (int u = 1; u < U; u++) {
      high[r][0] = _mm512_add_epi32(high[r][0], high[r][u]);
      low[r][0] = _mm512_add_epi32(low[r][0], low[r][u]);
    }
    _mm512_storeu_ps(c + r * block_columns, joined(high[r][0], low[r][0], offset));
  }
}

CT_VNNI void vnni_int8(const IntegerRows &x, int64_t first, int64_t rows, const uint8_t *panels,
                       int64_t count, int64_t stride, const int32_t *offsets, float *c) {
  for (int64_t p = 0; p < count; p++, panels += stride, offsets += panel_outputs) {
    const uint8_t *from = x.bytes + 2 * first * x.width;
    float *to = c + p * panel_outputs;
    int64_t left = rows;
    for (; left >= 4; left -= 4, from += 8 * x.width, to += 4 * block_columns) {
      int8_panel<4>(from, x.width, panels, offsets, to);
    }
    for (; left >= 2; left -= 2, from += 4 * x.width, to += 2 * block_columns) {
      int8_panel<2>(from, x.width, panels, offsets, to);
    }
    if (left) int8_panel<1>(from, x.width, panels, offsets, to);
  }
}

// Tiles of int4 ahead of those that are multiplied which the second cache is asked for: the first one has
// too few places for what memory still owes.
constexpr int64_t tiles_ahead = 16;

// R rows of P panels, read side by side.
template <int R, int P>
CT_VNNI void int4_panels(const IntegerRows &x, int64_t first, const uint8_t *panels,
                         int64_t stride, float *c) {
  __m512 sum[R][P];
#pragma unroll
  for (int r = 0; r < R; r++) {
#pragma unroll
    for (int p = 0; p < P; p++) sum[r][p] = _mm512_setzero_ps();
  }
  const __m512i nibble = _mm512_set1_epi8(15);
  const int64_t tiles = x.width / 64, groups = x.width / 32;
  for (int64_t t = 0; t < tiles; t++, panels += int4_tile) {
#pragma unroll
    for (int p = 0; p < P; p++) {
      const uint8_t *tile = panels + p * stride;
      // Behind a panel's last tiles: the next block's first ones.
      const uint8_t *ahead = tile + tiles_ahead * int4_tile;
      if (t + tiles_ahead >= tiles) ahead += (P - 1) * stride;
#pragma unroll
      for (int line = 0; line < 9; line++) {
        _mm_prefetch(reinterpret_cast<const char *>(ahead) + 64 * line, _MM_HINT_T1);
      }
#pragma unroll
      for (int half = 0; half < 2; half++) {
        __m512i high[R], low[R];
#pragma unroll
        for (int r = 0; r < R; r++) {
          high[r] = _mm512_setzero_si512();
          low[r] = _mm512_set1_epi32(x.sums[(first + r) * groups + 2 * t + half]);
        }
#pragma unroll
        for (int v = 0; v < 4; v++) {
          const __m512i both = _mm512_loadu_si512(tile + half * 256 + v * 64);
          const __m512i even = _mm512_and_si512(both, nibble);
          const __m512i odd = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
#pragma unroll
          for (int r = 0; r < R; r++) {
            const uint8_t *row = x.bytes + 2 * (first + r) * x.width + t * 64 + half * 32 + v * 4;
            high[r] = _mm512_dpbusd_epi32(high[r], even, four(row));
            low[r] = _mm512_dpbusd_epi32(low[r], even, four(row + x.width));
            high[r] = _mm512_dpbusd_epi32(high[r], odd, four(row + 16));
            low[r] = _mm512_dpbusd_epi32(low[r], odd, four(row + x.width + 16));
          }
        }
        const auto *scales = reinterpret_cast<const bf16 *>(tile + 512) + half * panel_outputs;
        const __m512 scale = load(scales, 0xffff);
#pragma unroll
        for (int r = 0; r < R; r++) {
          const __m512i whole = _mm512_add_epi32(_mm512_slli_epi32(high[r], 8), low[r]);
          sum[r][p] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), scale, sum[r][p]);
        }
      }
    }
  }
#pragma unroll
  for (int r = 0; r < R; r++) {
#pragma unroll
    for (int p = 0; p < P; p++) {
      _mm512_storeu_ps(c + r * block_columns + p * panel_outputs, sum[r][p]);
    }
  }
}

// All rows of P panels.
template <int P>
CT_VNNI void int4_rows(const IntegerRows &x, int64_t first, int64_t rows, const uint8_t *panels,
                       int64_t stride, float *c) {
  for (; rows >= 4; rows -= 4, first += 4, c += 4 * block_columns) {
    int4_panels<4, P>(x, first, panels, stride, c);
  }
  for (; rows >= 2; rows -= 2, first += 2, c += 2 * block_columns) {
    int4_panels<2, P>(x, first, panels, stride, c);
  }
  if (rows) int4_panels<1, P>(x, first, panels, stride, c);
}

void vnni_int4(const IntegerRows &x, int64_t first, int64_t rows, const uint8_t *panels,
               int64_t count, int64_t stride, const int32_t *, float *c) {
  int64_t p = 0;
  // Few rows have too few sums at once for one panel; of many each panel is read again from the first cache.
  for (; rows < 4 && p + 2 <= count; p += 2) {
    int4_rows<2>(x, first, rows, panels + p * stride, stride, c + p * panel_outputs);
  }
  for (; p < count; p++) {
    int4_rows<1>(x, first, rows, panels + p * stride, stride, c + p * panel_outputs);
  }
}

#if defined(__linux__)

// The rows of a panel whose two rows of bytes each have sums.
CT_VNNI_INLINE void store_rows(const int32_t (*sums)[16], int64_t rows, const int32_t *offsets,
                               float *c) {
  const __m512i offset = _mm512_loadu_si512(offsets);
  for (int64_t r = 0; r < rows; r++) {
    const __m512i high = _mm512_load_si512(sums[2 * r]), low = _mm512_load_si512(sums[2 * r + 1]);
    _mm512_storeu_ps(c + r * block_columns, joined(high, low, offset));
  }
}

// 8 rows of up to four panels, in 16 rows of bytes.
CT_AMX void amx_rows(const IntegerRows &x, int64_t first, int64_t rows, const uint8_t *p,
                     int64_t count, int64_t stride, const int32_t *offsets, float *c) {
  constexpr int64_t tiles_ahead = 2;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const uint8_t *row = x.bytes + 2 * first * x.width;
  const int64_t tiles = x.width / 64;
  for (int64_t t = 0; t < tiles; t++, row += 64, p += int8_tile) {
    const uint8_t *ahead = p + tiles_ahead * int8_tile;
    if (t + tiles_ahead >= tiles) ahead += (count - 1) * stride;
    for (int64_t panel = 0; panel < count; panel++, ahead += stride) {
#pragma unroll
      for (int line = 0; line < 16; line++) {
        _mm_prefetch(reinterpret_cast<const char *>(ahead) + 64 * line, _MM_HINT_T0);
      }
    }
    _tile_loadd(4, row, x.width);
    _tile_loadd(5, p, 64);
    _tile_dpbusd(0, 4, 5);
    if (count > 1) {
      _tile_loadd(6, p + stride, 64);
      _tile_dpbusd(1, 4, 6);
    }
    if (count > 2) {
      _tile_loadd(7, p + 2 * stride, 64);
      _tile_dpbusd(2, 4, 7);
    }
    if (count > 3) {
      _tile_loadd(5, p + 3 * stride, 64);
      _tile_dpbusd(3, 4, 5);
    }
  }
  alignas(64) int32_t sums[4][16][16];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(2, sums[2], 64);
  _tile_stored(3, sums[3], 64);
  for (int64_t panel = 0; panel < count; panel++) {
    store_rows(sums[panel], rows, offsets + panel * panel_outputs, c + panel * panel_outputs);
  }
}

// 16 rows of two panels.
CT_AMX void amx_two_panels(const IntegerRows &x, int64_t first, int64_t rows, const uint8_t *p,
                           int64_t stride, const int32_t *offsets, float *c) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const uint8_t *row = x.bytes + 2 * first * x.width, *below = row + 16 * x.width;
  const uint8_t *other = p + stride;
  for (int64_t t = 0; t < x.width / 64;
       t++, row += 64, below += 64, p += int8_tile, other += int8_tile) {
    _tile_loadd(4, row, x.width);
    _tile_loadd(6, p, 64);
    _tile_dpbusd(0, 4, 6);
    _tile_loadd(5, below, x.width);
    _tile_dpbusd(2, 5, 6);
    _tile_loadd(7, other, 64);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(3, 5, 7);
  }
  alignas(64) int32_t sums[2][32][16];
  _tile_stored(0, sums[0], 64);
  _tile_stored(2, sums[0][16], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(3, sums[1][16], 64);
  for (int64_t panel = 0; panel < 2; panel++) {
    store_rows(sums[panel], rows, offsets + panel * panel_outputs, c + panel * panel_outputs);
  }
}

void amx_int8(const IntegerRows &x, int64_t first, int64_t rows, const uint8_t *panels,
              int64_t count, int64_t stride, const int32_t *offsets, float *c) {
  for (int64_t r = 0; r < rows;) {
    float *to = c + r * block_columns;
    if (rows - r <= 8) {
      return amx_rows(x, first + r, rows - r, panels, count, stride, offsets, to);
    }
    const int64_t some = std::min<int64_t>(16, rows - r);
    int64_t p = 0;
    for (; p + 2 <= count; p += 2) {
      amx_two_panels(x, first + r, some, panels + p * stride, stride, offsets + p * panel_outputs,
                     to + p * panel_outputs);
    }
    if (p < count) {
      for (int64_t half = 0; half < some; half += 8) {
        amx_rows(x, first + r + half, std::min<int64_t>(8, some - half), panels + p * stride, 1,
                 stride, offsets + p * panel_outputs,
                 to + half * block_columns + p * panel_outputs);
      }
    }
    r += some;
  }
}

#endif

}  // namespace

void quantize_rows(const float *x, int64_t stride, int64_t count, const IntegerRows &to,
                   int64_t begin, int64_t end) {
  for (int64_t n = begin; n < end; n++) quantize_row(x + n * stride, count, to, n);
}
void quantize_rows(const bf16 *x, int64_t stride, int64_t count, const IntegerRows &to,
                   int64_t begin, int64_t end) {
  for (int64_t n = begin; n < end; n++) quantize_row(x + n * stride, count, to, n);
}

const IntegerKernel *vnni_kernel() {
  static const IntegerKernel kernel{vnni_int8, vnni_int4};
  static const bool has =
      usable(Instructions::avx512) && __builtin_cpu_supports("avx512vnni");
  return has ? &kernel : nullptr;
}

const IntegerKernel *amx_integer_kernel() {
#if defined(__linux__)
  static const IntegerKernel kernel{amx_int8, vnni_int4};
  if (vnni_kernel() && __builtin_cpu_supports("amx-int8")) return &kernel;
#endif
  return vnni_kernel();
}

}  // namespace ct

#else

namespace ct {

void quantize_rows(const float *, int64_t, int64_t, const IntegerRows &, int64_t, int64_t) {}
void quantize_rows(const bf16 *, int64_t, int64_t, const IntegerRows &, int64_t, int64_t) {}
const IntegerKernel *vnni_kernel() { return nullptr; }
const IntegerKernel *amx_integer_kernel() { return nullptr; }

}  // namespace ct

#endif
