// Products with packed weights: bfloat16, or quantized, which are multiplied in whole numbers or
// made bfloat16 on the way.
//
// N rows, I inputs, O outputs.
#include "packed.hpp"

#include <atomic>
#include <cstring>

#include "float_panels.hpp"
#include "large_buffer.hpp"
#include "parallel.hpp"

struct ct_packed_s {
  int kind;
  int64_t outputs, inputs, panels, tiles;
  ct::LargeBuffer data;
  ct::FloatPanels floats;  // in place of data, of float32
  // One an output of int8, and 128 times the sum of its numbers.
  std::vector<float> scales;
  std::vector<int32_t> offsets;
  std::atomic<int> users{1};

  int64_t panel_bytes() const {
    if (kind == CT_PACK_I4) return tiles / 2 * ct::int4_tile_bytes;
    return tiles * ct::tile_size * (kind == CT_PACK_I8 ? 1 : 2);
  }
  const uint8_t *panel(int64_t p) const {
    return static_cast<const uint8_t *>(data.bytes) + p * panel_bytes();
  }
};

namespace ct {

namespace {

// Row o of the weights, or zeros behind the last, padded to whole tiles.
void read_row(const at::Tensor &weight, int64_t o, int64_t padded, float *row) {
  const int64_t I = weight.size(1);
  std::fill(row, row + padded, 0.0f);
  if (o >= weight.size(0)) return;
  by_type(weight, [&](auto *type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const T *from = pointer<T>(weight) + o * I;
    for (int64_t i = 0; i < I; i++) row[i] = float(from[i]);
  });
}

void pack_panel(ct_packed_s &packed, const at::Tensor &weight, int64_t p) {
  const int64_t width = packed.tiles * tile_inputs;
  std::vector<float> row(width);
  auto *bytes = const_cast<uint8_t *>(packed.panel(p));
  for (int64_t o = 0; o < panel_outputs; o++) {
    read_row(weight, p * panel_outputs + o, width, row.data());
    float largest = 0;
    for (float value : row) largest = std::max(largest, std::abs(value));
    const float scale = largest > 0 ? largest / 127 : 1;
    int32_t sum = 0;
    for (int64_t t = 0; t < packed.tiles; t++) {
      const float *part = row.data() + t * tile_inputs;
      float group = 0;  // the value that is -8
      for (int64_t i = 0; i < tile_inputs; i++) {
        if (std::abs(part[i]) > std::abs(group)) group = part[i];
      }
      // As it is kept: numbers are the nearest to the weight for the rounded scale.
      group = group == 0 ? 1 : float(bf16(group / -8));
      uint8_t *int4 = bytes + t / 2 * int4_tile_bytes;
      if (packed.kind == CT_PACK_I4) {
        reinterpret_cast<bf16 *>(int4 + 512)[t % 2 * panel_outputs + o] = bf16(group);
      }
      for (int64_t i = 0; i < tile_inputs; i++) {
        const int64_t place = t * tile_size + i / 2 * 32 + 2 * o + i % 2;
        switch (packed.kind) {
          case CT_PACK_BF16: reinterpret_cast<bf16 *>(bytes)[place] = bf16(part[i]); break;
          case CT_PACK_I8: {
            const auto value = int8_t(std::nearbyint(part[i] / scale));
            bytes[t * tile_size + i / 4 * 64 + 4 * o + i % 4] = uint8_t(value);
            sum += value;
            break;
          }
          default: {
            const int value =
                std::min(15, std::max(0, int(std::nearbyint(part[i] / group)) + 8));
            uint8_t &both = int4[t % 2 * 256 + i / 4 % 4 * 64 + 4 * o + i % 4];
            both = i >= 16 ? uint8_t((both & 15) | value << 4) : uint8_t(value);
          }
        }
      }
    }
    if (packed.kind == CT_PACK_I8) {
      packed.scales[p * panel_outputs + o] = scale;
      packed.offsets[p * panel_outputs + o] = 128 * sum;
    }
  }
}

// Rows in bfloat16, whole tiles wide; sixteens of them can be read.
struct Rows {
  const bf16 *rows;
  int64_t stride;
};

// Rows of x so, zeros behind the last.
struct PaddedRows : Rows {
  at::Tensor kept;

  PaddedRows(const at::Tensor &x, int64_t tiles) : Rows{} {
    const int64_t N = x.size(0), I = x.size(1), width = tiles * tile_inputs;
    if (x.scalar_type() == at::kBFloat16 && I == width && N % 16 == 0) {
      rows = pointer<bf16>(x), stride = I, kept = x;
      return;
    }
    kept = at::empty({(N + 15) / 16 * 16, width}, x.options().dtype(at::kBFloat16));
    rows = pointer<bf16>(kept), stride = width;
    bf16 *to = pointer<bf16>(kept);
    by_type(x, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      const T *from = pointer<T>(x);
      parallel_for(kept.size(0), 64, [&](int64_t begin, int64_t end, int64_t) {
        for (int64_t n = begin; n < end; n++) {
          bf16 *row = to + n * width;
          const int64_t count = n < N ? I : 0;
          for (int64_t i = 0; i < count; i++) row[i] = bf16(float(from[n * I + i]));
          std::fill(row + count, row + width, bf16(0.0f));
        }
      });
    });
  }
};

// The panels of a block in bfloat16: as they lie, or expanded into a buffer of the thread.
const bf16 *expanded(const ct_packed_s &packed, int64_t first, int64_t count) {
  if (packed.kind == CT_PACK_BF16) return reinterpret_cast<const bf16 *>(packed.panel(first));
  static thread_local std::vector<bf16> buffer;
  const int64_t tiles = count * packed.tiles;
  if (int64_t(buffer.size()) < tiles * tile_size) buffer.resize(tiles * tile_size);
  const auto expand = packed.kind == CT_PACK_I8 ? expand_int8 : expand_int4;
  expand(packed.panel(first), tiles / 2, buffer.data());
  return buffer.data();
}

// Stores the block's products behind row `row` and column `column`; `row_scales` may be null.
template <class T>
void store_block(const ct_packed_s &packed, const float *c, const float *row_scales,
                 const float *bias, int64_t row, int64_t rows, int64_t column, int64_t columns,
                 T *out) {
  const BlockEnd end{row_scales ? row_scales + row : nullptr,
                     packed.kind == CT_PACK_I8 ? packed.scales.data() + column : nullptr,
                     bias ? bias + column : nullptr};
  store_block(c, rows, columns, end, out + row * packed.outputs + column, packed.outputs);
}

// Runs body(task) for all tasks of `unit` panels; few rows go stretch by stretch.
template <class Body>
void over_panels(const ct_packed_s &packed, int64_t unit, int64_t rows, int64_t few,
                 const Body &body) {
  const int64_t tasks = (packed.panels + unit - 1) / unit;
  if (rows > few) return parallel_tasks(tasks, body);
  // They take as long as reading the weight does, which goes best stretch by stretch.
  parallel_for(tasks, 1, [&](int64_t begin, int64_t end, int64_t) {
    for (int64_t task = begin; task < end; task++) body(task);
  });
}

// Whether int4 weights are multiplied without their scales, group by group. Scaling the sums of so
// many rows costs more than scaling the weights does.
bool in_groups(const ct_packed_s &packed, const PanelKernel &kernel, int64_t rows) {
  constexpr int64_t most = 96;
  return packed.kind == CT_PACK_I4 && kernel.int4 && rows <= most;
}

template <class T>
void multiply(const ct_packed_s &packed, const Rows &x, int64_t N, const float *bias, T *out,
              const PanelKernel &kernel) {
  const bool groups = in_groups(packed, kernel, N);
  const bool is_once = N <= block_rows;
  // Of narrow weights threads would have unequal numbers of whole blocks.
  const bool is_narrow = packed.panels < 16 * block_panels;
  const int64_t unit = is_once && is_narrow && !kernel.has_tiles ? block_panels / 2 : block_panels;
  auto part = [&](int64_t task) {
    alignas(64) float c[block_rows * block_columns];
    alignas(64) uint8_t state[panel_state_bytes];
    const int64_t first = task * unit;
    const int64_t count = std::min(unit, packed.panels - first);
    const bf16 *panels = groups ? nullptr : expanded(packed, first, count);
    const int64_t column = first * panel_outputs;
    const int64_t columns = std::min(count * panel_outputs, packed.outputs - column);
    kernel.begin(state);
    for (int64_t n = 0; n < N; n += block_rows) {
      const int64_t rows = std::min(block_rows, N - n);
      const bf16 *from = x.rows + n * x.stride;
      if (groups) {
        kernel.int4(from, x.stride, rows, packed.panel(first), count, packed.panel_bytes(),
                    packed.tiles / 2, c);
      } else {
        kernel.product(from, x.stride, rows, panels, count, packed.tiles * tile_size, packed.tiles,
                       is_once && packed.kind == CT_PACK_BF16, c);
      }
      store_block(packed, c, nullptr, bias, n, rows, column, columns, out);
    }
    kernel.end(state);
  };
  over_panels(packed, unit, N, kernel.has_tiles ? 16 : block_rows, part);
}

template <class T>
void multiply_integers(const ct_packed_s &packed, const T *x, int64_t N, const float *bias, T *out,
                       const PanelKernel &kernel) {
  const int64_t width = packed.tiles * tile_inputs, padded = (N + 15) / 16 * 16;
  static thread_local std::vector<uint8_t> bytes;
  static thread_local std::vector<int32_t> sums;
  static thread_local std::vector<float> scales;
  auto room = [](auto &kept, int64_t count) {
    if (int64_t(kept.size()) < count) kept.resize(count);
    return kept.data();
  };
  const IntegerRows rows{room(bytes, padded * 2 * width), room(scales, padded),
                         room(sums, padded * width / 32), width, packed.kind == CT_PACK_I4};
  parallel_for(N, 16, [&](int64_t begin, int64_t end, int64_t) {
    quantize_rows(x, packed.inputs, packed.inputs, rows, begin, end);
  });
  const auto product = packed.kind == CT_PACK_I8 ? kernel.integers->int8 : kernel.integers->int4;
  over_panels(packed, block_panels, N, 16, [&](int64_t task) {
    alignas(64) float c[block_rows * block_columns];
    alignas(64) uint8_t state[panel_state_bytes];
    const int64_t first = task * block_panels, column = first * panel_outputs;
    const int64_t count = std::min(block_panels, packed.panels - first);
    const int64_t columns = std::min(count * panel_outputs, packed.outputs - column);
    const int32_t *offsets = packed.offsets.empty() ? nullptr : packed.offsets.data() + column;
    kernel.begin(state);
    for (int64_t n = 0; n < N; n += block_rows) {
      const int64_t some = std::min(block_rows, N - n);
      product(rows, n, some, packed.panel(first), count, packed.panel_bytes(), offsets, c);
      store_block(packed, c, rows.scales, bias, n, some, column, columns, out);
    }
    kernel.end(state);
  });
}

// Whether products are in whole numbers. int4 turns to floats at every group of 32 inputs, which
// costs more than bfloat16 does for many rows.
bool in_integers(const ct_packed_s &packed, const PanelKernel &kernel, int64_t rows,
                 bool same_bits) {
  const int64_t few = kernel.int4 ? 8 : 24;
  if (!kernel.integers || packed.kind == CT_PACK_BF16) return false;
  return packed.kind == CT_PACK_I8 || same_bits || rows <= few;
}

// The same in float32.
void multiply_floats(const FloatPanels &panels, const at::Tensor &x, const float *bias,
                     float *out) {
  const int64_t N = x.size(0), O = panels.outputs;
  parallel_tasks(panels.count(), [&](int64_t p) {
    alignas(64) float c[block_rows * block_columns];
    const int64_t column = p * panels.panel, columns = std::min(panels.panel, O - column);
    for (int64_t n = 0; n < N; n += block_rows) {
      const int64_t rows = std::min(block_rows, N - n);
      panels.multiply(pointer<float>(x) + n * x.size(1), rows, p, p + 1, c, block_columns);
      const BlockEnd end{nullptr, nullptr, bias ? bias + column : nullptr};
      store_block(c, rows, columns, end, out + n * O + column, O);
    }
  });
}

const PanelKernel &named(const char *name) {
  if (!name) return panel_kernel();
  static const std::vector<PanelKernel> all = panel_kernels();
  for (const PanelKernel &kernel : all) {
    if (std::strcmp(kernel.name, name) == 0) return kernel;
  }
  TORCH_CHECK(false, "this processor has no kernels '", name, "'");
}

}  // namespace

at::Tensor unpacked(const ct_packed_s &packed, at::ScalarType type) {
  TORCH_CHECK(packed.kind != CT_PACK_F32, "float32 panels are not unpacked");
  at::Tensor made = at::empty({packed.outputs, packed.inputs}, at::TensorOptions().dtype(type));
  by_type(made, [&](auto *kind) {
    using T = std::remove_pointer_t<decltype(kind)>;
    parallel_for(packed.panels, 4, [&](int64_t begin, int64_t end, int64_t) {
      for (int64_t p = begin; p < end; p++) {
        const bf16 *panel = expanded(packed, p, 1);
        const int64_t first = p * panel_outputs, count = std::min(panel_outputs, packed.outputs - first);
        for (int64_t o = 0; o < count; o++) {
          const float scale = packed.kind == CT_PACK_I8 ? packed.scales[first + o] : 1;
          T *row = pointer<T>(made) + (first + o) * packed.inputs;
          for (int64_t i = 0; i < packed.inputs; i++) {
            const int64_t place = i / tile_inputs * tile_size + i % tile_inputs / 2 * 32 + 2 * o + i % 2;
            row[i] = T(float(panel[place]) * scale);
          }
        }
      }
    });
  });
  return made;
}

void retain(ct_packed_s *packed) { packed->users++; }

PackedShape shape_of(const ct_packed_s &packed) {
  return {packed.outputs, packed.inputs,
          packed.kind != CT_PACK_F32 && packed.inputs == packed.tiles * tile_inputs};
}

void multiply_rows(const ct_packed_s &packed, const bf16 *x, int64_t rows, const float *bias,
                   bool same_bits, bf16 *out) {
  const PanelKernel &kernel = panel_kernel();
  if (in_integers(packed, kernel, rows, same_bits)) {
    return multiply_integers(packed, x, rows, bias, out, kernel);
  }
  multiply(packed, Rows{x, packed.inputs}, rows, bias, out, kernel);
}

}  // namespace ct

using namespace ct;

int ct_pack(ct_tensor weight, int kind, ct_packed *out) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    const at::Tensor w = weight->value.contiguous();
    TORCH_CHECK(w.dim() == 2 && w.numel() > 0 && readable(w),
                "a matrix in float32 or bfloat16 on the CPU expected, got ", w.scalar_type(), " ",
                w.sizes());
    auto made = std::make_unique<ct_packed_s>();
    made->kind = kind, made->outputs = w.size(0), made->inputs = w.size(1);
    if (kind == CT_PACK_F32) {
      made->floats.pack(w);
      *out = made.release();
      return;
    }
    made->panels = (made->outputs + panel_outputs - 1) / panel_outputs;
    made->tiles = (made->inputs + tile_inputs - 1) / tile_inputs;
    if (kind == CT_PACK_I8 || kind == CT_PACK_I4) made->tiles += made->tiles % 2;
    made->data.resize(made->panels * made->panel_bytes());
    if (kind == CT_PACK_I8) {
      made->scales.resize(made->panels * panel_outputs);
      made->offsets.resize(made->panels * panel_outputs);
    }
    parallel_for(made->panels, 8, [&](int64_t begin, int64_t end, int64_t) {
      for (int64_t p = begin; p < end; p++) pack_panel(*made, w, p);
    });
    *out = made.release();
  });
}

void ct_packed_free(ct_packed packed) {
  if (--packed->users == 0) delete packed;
}

int ct_unpack(ct_packed packed, int dtype, ct_tensor *out) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    *out = wrap(unpacked(*packed, scalar_type(dtype)));
  });
}

int64_t ct_packed_bytes(ct_packed packed) {
  return int64_t(packed->data.size + packed->floats.bytes() + packed->scales.size() * sizeof(float) +
                 packed->offsets.size() * sizeof(int32_t));
}

bool ct_packed_is_fast(void) { return panel_kernel().is_fast; }

const char *ct_packed_kernels(void) {
  static const std::string names = [] {
    std::string joined;
    for (const PanelKernel &kernel : panel_kernels()) {
      joined += (joined.empty() ? "" : " ") + std::string(kernel.name);
    }
    return joined;
  }();
  return names.c_str();
}

int ct_packed_linear(ct_tensor x, ct_packed packed, ct_tensor bias_or_null,
                     const char *kernel_or_null, bool same_bits, ct_tensor *out) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    const at::Tensor rows = x->value.contiguous();
    TORCH_CHECK(rows.dim() == 2 && rows.size(1) == packed->inputs && readable(rows),
                "rows of ", packed->inputs, " in float32 or bfloat16 on the CPU expected, got ",
                rows.scalar_type(), " ", rows.sizes());
    at::Tensor bias;
    if (bias_or_null) {
      bias = bias_or_null->value.to(at::kFloat).contiguous();
      TORCH_CHECK(bias.numel() == packed->outputs, "a bias of ", bias.sizes(), " for ",
                  packed->outputs, " outputs");
    }
    const int64_t N = rows.size(0);
    at::Tensor made = at::empty({N, packed->outputs}, rows.options());
    const float *added = bias.defined() ? bias.data_ptr<float>() : nullptr;
    if (packed->kind == CT_PACK_F32) {
      TORCH_CHECK(rows.scalar_type() == at::kFloat, "float32 rows expected, got ",
                  rows.scalar_type());
      multiply_floats(packed->floats, rows, added, pointer<float>(made));
      *out = wrap(made);
      return;
    }
    const PanelKernel &kernel = named(kernel_or_null);
    if (in_integers(*packed, kernel, N, same_bits)) {
      by_type(rows, [&](auto *type) {
        using T = std::remove_pointer_t<decltype(type)>;
        multiply_integers(*packed, pointer<T>(rows), N, added, pointer<T>(made), kernel);
      });
      *out = wrap(made);
      return;
    }
    const PaddedRows padded(rows, packed->tiles);
    by_type(rows, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      multiply(*packed, padded, N, added, pointer<T>(made), kernel);
    });
    *out = wrap(made);
  });
}
