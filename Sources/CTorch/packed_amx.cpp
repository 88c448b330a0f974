// Products of bfloat16 tiles on Intel's AMX, one thread at a time.
//
// A tile register holds 16 rows of 64 bytes: 32 inputs of 16 rows of x, or 16 pairs of inputs of 16
// outputs. Four accumulators stand for 16 rows of four panels, or for 32 rows of two.
#include "packed.hpp"

#if defined(__x86_64__) && defined(__linux__)

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#define CT_AMX __attribute__((target("amx-tile,amx-bf16,avx512f")))

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
             int64_t stride, int64_t tiles, float *c) {
  if (rows <= 16) return few_rows(x, x_stride, panels, count, stride, tiles, c);
  for (int64_t p = 0; p < count; p += 2) {
    two_panels(x, x_stride, panels + p * stride, std::min<int64_t>(2, count - p), stride, tiles,
               c + p * panel_outputs);
  }
}

bool tiles_allowed() {
  if (!__builtin_cpu_supports("amx-tile") || !__builtin_cpu_supports("amx-bf16")) return false;
  // Linux gives a process the tile registers when it asks for them.
  constexpr int request = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request, tile_data) == 0;
}

}  // namespace

const PanelKernel *amx_panel_kernel() {
  static const PanelKernel kernel{product, begin, end, true, amx_integer_kernel(), "amx"};
  static const bool allowed = tiles_allowed();
  return allowed ? &kernel : nullptr;
}

}  // namespace ct

#endif
