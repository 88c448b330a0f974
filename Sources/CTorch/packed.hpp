// Weights rearranged for products with few rows, and their kernels.
#pragma once

#include "internal.hpp"
#include "kernels.hpp"

namespace ct {

// Outputs of a panel, inputs of a tile; a tile holds 16 pairs of inputs of 16 outputs in bfloat16,
// [16 pairs][16 outputs][2]: what one tile register of AMX takes, and a vector a pair elsewhere.
constexpr int64_t panel_outputs = 16, tile_inputs = 32, tile_size = panel_outputs * tile_inputs;
// Panels and rows that a kernel computes at once, at most.
constexpr int64_t block_panels = 4, block_rows = 32;
constexpr int64_t block_columns = block_panels * panel_outputs;

// c[rows][64] = x[rows][32 tiles] times up to four panels of `tiles` tiles, which lie `panel_stride`
// numbers apart, in float32. At most 32 rows; x and c have room for sixteens of them. A row's sums
// are taken in one order, whatever is beside it.
using PanelProduct = void (*)(const bf16 *x, int64_t x_stride, int64_t rows, const bf16 *panels,
                              int64_t panel_count, int64_t panel_stride, int64_t tiles, float *c);

// The best of this processor. Between `begin` and `end` it may change a thread's tile registers.
struct PanelKernel {
  PanelProduct product;
  void (*begin)(void *state);
  void (*end)(void *state);
  // Whether it is worth its while for many rows, too.
  bool is_fast;
  const char *name;
};
constexpr int64_t panel_state_bytes = 64;
const PanelKernel &panel_kernel();

// All that this processor has, the best last.
std::vector<PanelKernel> panel_kernels();
// Quantized numbers of tiles to bfloat16; see `pack_panel`.
void expand_int8(const int8_t *from, int64_t tiles, bf16 *to);
void expand_int4(const uint8_t *from, const float *scales, int64_t tiles, bf16 *to);

}  // namespace ct
