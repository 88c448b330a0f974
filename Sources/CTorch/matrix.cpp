// Products of float32 matrices, cut into blocks that whoever is free takes.
//
// LibTorch's cut a product into as many parts as there are threads, which wait for the last of them.
// M rows, N columns, K summed over.
#include "matrix.hpp"

#include <algorithm>

namespace ct {

namespace {

constexpr int64_t panel = 64;         // columns of b that are kept together
constexpr int64_t some_inputs = 128;  // of K that are summed at a time: a panel of them stays in the first cache

// A matrix by its strides, one of which is 1.
struct Strided {
  at::Tensor kept;
  const float *numbers;
  int64_t rs, cs;

  explicit Strided(const at::Tensor &x)
      : kept(x.stride(0) == 1 || x.stride(1) == 1 ? x : x.contiguous()),
        numbers(kept.data_ptr<float>()), rs(kept.stride(0)), cs(kept.stride(1)) {}
};

// b in panels, [N / 64][K][64 or what is left, in sixteens, zeros behind].
struct Panels {
  int64_t K, N, padded;
  at::Tensor kept;
  float *numbers;

  explicit Panels(const at::Tensor &b)
      : K(b.size(0)), N(b.size(1)), padded((N + 15) / 16 * 16),
        kept(at::empty({padded * K}, b.options())), numbers(kept.data_ptr<float>()) {
    const Strided from(b);
    const int64_t stretch = 1024, stretches = (K + stretch - 1) / stretch;
    parallel_tasks(count() * stretches, [&](int64_t task) {
      const int64_t p = task / stretches, first = task % stretches * stretch;
      const int64_t rows = std::min(stretch, K - first), whole = width(p);
      const int64_t columns = std::min(whole, N - p * panel);
      float *to = at(p, first);
      row_kernels<float>().gather(from.numbers + first * from.rs + p * panel * from.cs, from.rs,
                                  from.cs, rows, columns, to, whole);
      for (int64_t r = 0; r < rows; r++) std::fill(to + r * whole + columns, to + (r + 1) * whole, 0.0f);
    });
  }
  int64_t count() const { return (padded + panel - 1) / panel; }
  int64_t width(int64_t p) const { return std::min(panel, padded - p * panel); }
  float *at(int64_t p, int64_t k) const { return numbers + p * panel * K + k * width(p); }
};

// How the result is cut into tasks: rows and panels of each.
struct Cut {
  int64_t rows, panels, row_tasks, tasks;

  Cut(int64_t M, int64_t K, const Panels &b) {
    const int64_t wanted = 8 * thread_count(), least = 1 << 20;  // products worth a task
    rows = 96, panels = b.count();
    auto count = [&] {
      row_tasks = (M + rows - 1) / rows;
      tasks = row_tasks * ((b.count() + panels - 1) / panels);
    };
    auto is_worth = [&] { return rows * K * panels * panel >= 2 * least; };
    for (count(); tasks < wanted && rows > 24 && is_worth(); count()) rows /= 2;
    for (; tasks < wanted && panels > 1 && is_worth(); count()) panels = (panels + 1) / 2;
    for (; panels > 8; count()) panels = (panels + 1) / 2;
  }
};

struct Product {
  const Strided &a;
  const Panels &b;
  const float *bias;
  int64_t M;
  float *out;

  // Adds the products of inputs [k, k + depth) of rows [begin, end) and panel p.
  void add(const float *x, int64_t xr, int64_t xc, int64_t begin, int64_t end, int64_t p, int64_t k,
           int64_t depth) const {
    const int64_t N = b.N, whole = b.width(p), columns = std::min(whole, N - p * panel);
    const auto multiply = row_kernels<float>().tiles;
    float *to = out + begin * N + p * panel;
    const int64_t rows = end - begin;
    if (columns == whole) {
      return multiply(x, xr, xc, b.at(p, k), whole, rows, whole, depth, to, N, k > 0 || bias);
    }
    alignas(64) float part[96 * panel];
    multiply(x, xr, xc, b.at(p, k), whole, rows, whole, depth, part, panel, false);
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t c = 0; c < columns; c++) {
        float &sum = to[r * N + c];
        sum = (k > 0 || bias ? sum : 0) + part[r * panel + c];
      }
    }
  }

  void task(int64_t begin, int64_t end, int64_t first, int64_t last) const {
    static thread_local std::vector<float> buffer;
    const int64_t N = b.N;
    for (int64_t r = begin; bias && r < end; r++) {
      std::copy(bias + first * panel, bias + std::min(N, last * panel), out + r * N + first * panel);
    }
    for (int64_t k = 0; k < b.K; k += some_inputs) {
      const int64_t depth = std::min(some_inputs, b.K - k);
      const float *x = a.numbers + begin * a.rs + k * a.cs;
      int64_t xr = a.rs;
      if (a.cs != 1) {
        xr = some_inputs + 16;
        if (buffer.empty()) buffer.resize(96 * xr);
        row_kernels<float>().gather(x, a.rs, a.cs, end - begin, depth, buffer.data(), xr);
        x = buffer.data();
      }
      for (int64_t p = first; p < last; p++) add(x, xr, 1, begin, end, p, k, depth);
    }
  }
};

}  // namespace

at::Tensor matrix_product(const at::Tensor &x, const at::Tensor &y, const at::Tensor &bias) {
  const int64_t M = x.size(0), K = x.size(1), N = y.size(1);
  at::Tensor out = at::empty({M, N}, x.options());
  if (M == 0 || N == 0) return out;
  if (K == 0) return bias.defined() ? out.copy_(bias.expand_as(out)) : out.zero_();
  const at::Tensor added = bias.defined() ? bias.contiguous() : bias;
  const Strided a(x);
  const Panels b(y);
  const Product product{a, b, added.defined() ? added.data_ptr<float>() : nullptr, M,
                        out.data_ptr<float>()};
  const Cut cut(M, K, b);
  parallel_tasks(cut.tasks, [&](int64_t task) {
    const int64_t begin = task % cut.row_tasks * cut.rows;
    const int64_t first = task / cut.row_tasks * cut.panels;
    product.task(begin, std::min(M, begin + cut.rows), first,
                 std::min(b.count(), first + cut.panels));
  });
  return out;
}

}  // namespace ct
