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
// Quantized panels hold tiles of 64 inputs. int8: [16 fours of inputs][16 outputs][4]. int4: two
// groups of 32 inputs, each [4][16 outputs][4] bytes, of which byte v holds four v low and four
// v + 4 high, 8 more than their values; then the scales of both groups, [2][16 outputs] in bfloat16.
constexpr int64_t int4_tile_bytes = 2 * 256 + 2 * panel_outputs * sizeof(bf16);

// c[rows][64] = x[rows][32 tiles] times up to four panels of `tiles` tiles, which lie `panel_stride`
// numbers apart, in float32. At most 32 rows; x and c have room for sixteens of them. A row's sums
// are taken in one order, whatever is beside it. `reads_on`: the panels behind these come next, from
// memory.
using PanelProduct = void (*)(const bf16 *x, int64_t x_stride, int64_t rows, const bf16 *panels,
                              int64_t panel_count, int64_t panel_stride, int64_t tiles,
                              bool reads_on, float *c);

// The same for int4 weights of `tiles` tiles of 64 inputs, whose panels lie `panel_stride` bytes
// apart.
using Int4Product = void (*)(const bf16 *x, int64_t x_stride, int64_t rows, const uint8_t *panels,
                             int64_t panel_count, int64_t panel_stride, int64_t tiles, float *c);

// Rows of 16-bit whole numbers and a scale each, as bytes: [rows][high, low][width].
struct IntegerRows {
  uint8_t *bytes;
  float *scales;
  int32_t *sums;  // [rows][width / 32], -8 times the sum of the numbers
  int64_t width;
  bool is_signed;  // or bytes are 128 more than their values
};
void quantize_rows(const float *x, int64_t stride, int64_t count, const IntegerRows &to,
                   int64_t begin, int64_t end);
void quantize_rows(const bf16 *x, int64_t stride, int64_t count, const IntegerRows &to,
                   int64_t begin, int64_t end);

// c[rows][64] of up to 32 rows and four panels, before the scales of rows and of outputs. `offsets`
// is 128 times the sum of each output's int8 weights. Memory holds whole sixteens of rows.
using IntegerProduct = void (*)(const IntegerRows &x, int64_t first, int64_t rows,
                                const uint8_t *panels, int64_t panel_count, int64_t panel_stride,
                                const int32_t *offsets, float *c);
struct IntegerKernel {
  IntegerProduct int8, int4;
};
// Null where the processor has none.
const IntegerKernel *vnni_kernel();
const IntegerKernel *amx_integer_kernel();

// The best of this processor. Between `begin` and `end` it may change a thread's tile registers.
struct PanelKernel {
  PanelProduct product;
  // Null where int4 weights are made bfloat16.
  Int4Product int4;
  void (*begin)(void *state);
  void (*end)(void *state);
  // Whether it is worth its while for many rows, too.
  bool is_fast;
  // Whether it takes the rows by sixteens and four panels at once, in tile registers.
  bool has_tiles;
  // Null where quantized weights are made bfloat16.
  const IntegerKernel *integers;
  const char *name;
};
constexpr int64_t panel_state_bytes = 64;
const PanelKernel &panel_kernel();

// All that this processor has, the best last.
std::vector<PanelKernel> panel_kernels();
// Quantized tiles to bfloat16, `tiles` tiles of 64 inputs.
void expand_int8(const uint8_t *from, int64_t tiles, bf16 *to);
void expand_int4(const uint8_t *from, int64_t tiles, bf16 *to);
// What is done with products c[rows][64] of a block. Null parts leave them as they are.
struct BlockEnd {
  const float *row_scales;  // [rows]
  const float *scales;      // [columns]
  const float *bias;        // [columns]
};
// Products to out[rows][columns], rounded; rows of `out` lie `stride` numbers apart.
void store_block(const float *c, int64_t rows, int64_t columns, const BlockEnd &end, float *out,
                 int64_t stride);
void store_block(const float *c, int64_t rows, int64_t columns, const BlockEnd &end, bf16 *out,
                 int64_t stride);

// A packed weight [O, I] as its numbers are, in a type; not of float32 panels.
at::Tensor unpacked(const ct_packed_s &packed, at::ScalarType type);
// One that the caller has for as long as it is not freed, and whoever retains it.
void retain(ct_packed_s *packed);
// `is_whole`: its inputs are whole tiles of numbers that are not float32.
struct PackedShape {
  int64_t outputs, inputs;
  bool is_whole;
};
PackedShape shape_of(const ct_packed_s &packed);
// x[rows][inputs] times a weight whose inputs are whole tiles, plus a bias[outputs] or null, to
// out[rows][outputs]: bit for bit as ct_packed_linear. Sixteens of rows can be read.
void multiply_rows(const ct_packed_s &packed, const bf16 *x, int64_t rows, const float *bias,
                   bool same_bits, bf16 *out);

}  // namespace ct
