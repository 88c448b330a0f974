// Products of bfloat16 tiles on Intel's AMX, one thread at a time.
//
// A tile register holds 16 rows of 64 bytes: 32 inputs of 16 rows of x, or 16 pairs of inputs of 16
// outputs. Four accumulators stand for 16 rows of four panels, or for 32 rows of two; for int4, for
// 16 rows of four groups of a panel's inputs.
#include "instructions.hpp"
#include "packed.hpp"

#if defined(__x86_64__) && defined(__linux__)

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#define CT_AMX \
  __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl"), min_vector_width(512)))

namespace ct {

namespace {

struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == panel_state_bytes);

CT_AMX void begin(void *state) {
  // Whoever else uses tiles in this thread may count on their configuration.
  _tile_storeconfig(state);
  const TileConfiguration configuration;
  _tile_loadconfig(&configuration);
}

CT_AMX void end(void *state) { _tile_loadconfig(state); }

// Tiles ahead that a panel is asked for: its four streams may lie in the same sets of the first
// cache, where the processor's own prefetching fails.
constexpr int64_t tiles_ahead = 2;

CT_AMX void ask_for(const bf16 *tile) {
  const char *bytes = reinterpret_cast<const char *>(tile);
#pragma unroll
  for (int line = 0; line < 16; line++) _mm_prefetch(bytes + 64 * line, _MM_HINT_T0);
}

CT_AMX void few_rows(const bf16 *x, int64_t x_stride, const bf16 *p, int64_t count, int64_t stride,
                     int64_t tiles, float *c) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const int64_t ld = x_stride * sizeof(bf16);
  if (count == block_panels) {
    for (int64_t t = 0; t < tiles; t++, x += tile_inputs, p += tile_size) {
      // Behind a panel's last tiles: the next block's first ones.
      const bf16 *ahead = p + tiles_ahead * tile_size;
      if (t + tiles_ahead >= tiles) ahead += (block_panels - 1) * stride;
#pragma unroll
      for (int64_t panel = 0; panel < block_panels; panel++) ask_for(ahead + panel * stride);
      _tile_loadd(4, x, ld);
      _tile_loadd(5, p, 64);
      _tile_dpbf16ps(0, 4, 5);
      _tile_loadd(6, p + stride, 64);
      _tile_dpbf16ps(1, 4, 6);
      _tile_loadd(7, p + 2 * stride, 64);
      _tile_dpbf16ps(2, 4, 7);
      _tile_loadd(5, p + 3 * stride, 64);
      _tile_dpbf16ps(3, 4, 5);
    }
  } else {
    for (int64_t t = 0; t < tiles; t++, x += tile_inputs, p += tile_size) {
      _tile_loadd(4, x, ld);
      _tile_loadd(5, p, 64);
      _tile_dpbf16ps(0, 4, 5);
      if (count > 1) {
        _tile_loadd(6, p + stride, 64);
        _tile_dpbf16ps(1, 4, 6);
      }
      if (count > 2) {
        _tile_loadd(7, p + 2 * stride, 64);
        _tile_dpbf16ps(2, 4, 7);
      }
    }
  }
  constexpr int64_t to = block_columns * sizeof(float);
  _tile_stored(0, c, to);
  _tile_stored(1, c + 16, to);
  _tile_stored(2, c + 32, to);
  _tile_stored(3, c + 48, to);
}

// 32 rows of one or two panels.
CT_AMX void two_panels(const bf16 *x, int64_t x_stride, const bf16 *p, int64_t count,
                       int64_t stride, int64_t tiles, float *c) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const int64_t ld = x_stride * sizeof(bf16);
  const bf16 *below = x + 16 * x_stride, *other = count > 1 ? p + stride : p;
  for (int64_t t = 0; t < tiles; t++, x += tile_inputs, below += tile_inputs, p += tile_size,
               other += tile_size) {
    _tile_loadd(4, x, ld);
    _tile_loadd(6, p, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, below, ld);
    _tile_dpbf16ps(2, 5, 6);
    _tile_loadd(7, other, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(3, 5, 7);
  }
  constexpr int64_t to = block_columns * sizeof(float);
  _tile_stored(0, c, to);
  _tile_stored(2, c + 16 * block_columns, to);
  if (count > 1) {
    _tile_stored(1, c + 16, to);
    _tile_stored(3, c + 16 * block_columns + 16, to);
  }
}

void product(const bf16 *x, int64_t x_stride, int64_t rows, const bf16 *panels, int64_t count,
             int64_t stride, int64_t tiles, bool, float *c) {
  if (rows <= 16) return few_rows(x, x_stride, panels, count, stride, tiles, c);
  for (int64_t p = 0; p < count; p += 2) {
    two_panels(x, x_stride, panels + p * stride, std::min<int64_t>(2, count - p), stride, tiles,
               c + p * panel_outputs);
  }
}

// int4 weights as 128 + 8 + value, which bfloat16 holds exactly: the bits of 128 and four below them.
// A tile of 64 inputs becomes two of 32.
CT_AMX void widen(const uint8_t *from, bf16 *to) {
  const __m512i nibble = _mm512_set1_epi8(15), base = _mm512_set1_epi16(0x4300);
  const __m512i first = _mm512_set4_epi32(0x800d800c, 0x80098008, 0x80058004, 0x80018000);
  const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(2));
#pragma unroll
  for (int64_t half = 0; half < 2; half++, to += tile_size) {
#pragma unroll
    for (int64_t v = 0; v < 4; v++) {
      const __m512i both = _mm512_loadu_si512(from + 256 * half + 64 * v);
      const __m512i low = _mm512_and_si512(both, nibble);
      const __m512i high = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
      auto store = [&](__m512i bytes, __m512i places, int64_t row) CT_AMX {
        _mm512_storeu_si512(to + 32 * row,
                            _mm512_or_si512(_mm512_shuffle_epi8(bytes, places), base));
      };
      store(low, first, 2 * v);
      store(low, second, 2 * v + 1);
      store(high, first, 8 + 2 * v);
      store(high, second, 9 + 2 * v);
    }
  }
}

constexpr int64_t chunk_tiles = 4;  // of 64 inputs: they stay in the first cache

// The next two groups' products with 16 rows of x, in tiles `first` and the one behind.
#define CT_TWO_GROUPS(first, second, x, numbers) \
  _tile_zero(first); \
  _tile_zero(second); \
  _tile_loadd(4, x, ld); \
  _tile_loadd(5, numbers, 64); \
  _tile_dpbf16ps(first, 4, 5); \
  _tile_dpbf16ps(first, 4, 7); \
  _tile_loadd(6, x + tile_inputs, ld); \
  _tile_loadd(5, numbers + tile_size, 64); \
  _tile_dpbf16ps(second, 6, 5); \
  _tile_dpbf16ps(second, 6, 7)

// Adds 16 rows of `tiles` tiles of 64 inputs of a panel to c: each group's sums times its scales.
CT_AMX void add_groups(const bf16 *x, int64_t x_stride, const bf16 *numbers, const uint8_t *tile,
                       int64_t tiles, float *c) {
  alignas(64) float sums[4][16][16];
  __m512 total[16];
#pragma unroll
  for (int r = 0; r < 16; r++) total[r] = _mm512_loadu_ps(c + r * block_columns);
  const int64_t ld = x_stride * sizeof(bf16);
  auto add = [&](int place, const uint8_t *scales) CT_AMX {
    const __m512i bits = _mm512_cvtepu16_epi32(
        _mm256_loadu_si256(reinterpret_cast<const __m256i *>(scales)));
    const __m512 scale = _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
#pragma unroll
    for (int r = 0; r < 16; r++) {
      total[r] = _mm512_fmadd_ps(_mm512_load_ps(sums[place][r]), scale, total[r]);
    }
  };
  for (int64_t t = 0; t < tiles; t += 2, x += 4 * tile_inputs, numbers += 4 * tile_size,
               tile += 2 * int4_tile_bytes) {
    const bool is_last = t + 1 == tiles;
    CT_TWO_GROUPS(0, 1, x, numbers);
    if (!is_last) {
      CT_TWO_GROUPS(2, 3, x + 2 * tile_inputs, numbers + 2 * tile_size);
    }
    _tile_stored(0, sums[0], 64);
    _tile_stored(1, sums[1], 64);
    if (!is_last) {
      _tile_stored(2, sums[2], 64);
      _tile_stored(3, sums[3], 64);
    }
    add(0, tile + 512);
    add(1, tile + 544);
    if (!is_last) {
      add(2, tile + int4_tile_bytes + 512);
      add(3, tile + int4_tile_bytes + 544);
    }
  }
#pragma unroll
  for (int r = 0; r < 16; r++) _mm512_storeu_ps(c + r * block_columns, total[r]);
}

#undef CT_TWO_GROUPS

CT_AMX void int4_product(const bf16 *x, int64_t x_stride, int64_t rows, const uint8_t *panels,
                         int64_t count, int64_t stride, int64_t tiles, float *c) {
  alignas(64) bf16 numbers[chunk_tiles * 2 * tile_size];
  // What is 136 too much is taken off by another product.
  alignas(64) bf16 base[tile_size];
  std::fill(base, base + tile_size, bf16(-136.0f));
  _tile_loadd(7, base, 64);
  std::fill(c, c + (rows + 15) / 16 * 16 * block_columns, 0.0f);
  for (int64_t first = 0; first < tiles; first += chunk_tiles) {
    const int64_t some = std::min(chunk_tiles, tiles - first);
    for (int64_t p = 0; p < count; p++) {
      const uint8_t *tile = panels + p * stride + first * int4_tile_bytes;
      for (int64_t t = 0; t < some; t++) {
        widen(tile + t * int4_tile_bytes, numbers + 2 * t * tile_size);
      }
      for (int64_t r = 0; r < rows; r += 16) {
        add_groups(x + r * x_stride + first * 2 * tile_inputs, x_stride, numbers, tile, some,
                   c + r * block_columns + p * panel_outputs);
      }
    }
  }
}

bool tiles_allowed() {
  if (!usable(Instructions::amx)) return false;
  // Linux gives a process the tile registers when it asks for them.
  constexpr int request = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request, tile_data) == 0;
}

}  // namespace

const PanelKernel *amx_panel_kernel() {
  static const PanelKernel kernel{
      product, int4_product, begin, end, true, true, amx_integer_kernel(), "amx"};
  static const bool allowed = tiles_allowed();
  return allowed ? &kernel : nullptr;
}

}  // namespace ct

#endif
