// Products of matrices in float32, cut into blocks that whoever is free takes.
//
// LibTorch's cut a product into as many parts as there are threads, which wait for the last of them.
// M rows, N columns, K summed over.
#include "matrix.hpp"

#include "instructions.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace ct {

namespace {

constexpr int64_t panel = 64;         // columns of b that are kept together
constexpr int64_t most_rows = 96;     // of a task
// Of K that are summed at a time: a panel of them stays in the first cache.
constexpr int64_t some_inputs = 128;

// A matrix by its strides, one of which is 1.
struct Strided {
  at::Tensor kept;
  int64_t rs, cs;

  explicit Strided(const at::Tensor &x)
      : kept(x.stride(0) == 1 || x.stride(1) == 1 ? x : x.contiguous()), rs(kept.stride(0)),
        cs(kept.stride(1)) {}

  // Whether rows are what kernels read, as they lie.
  bool is_plain() const { return cs == 1 && kept.scalar_type() == at::kFloat; }
  const float *row(int64_t r, int64_t c) const { return kept.data_ptr<float>() + r * rs + c; }

  // A block of it in float32.
  void read(int64_t r, int64_t c, int64_t rows, int64_t columns, float *to, int64_t ld) const {
    by_type(kept, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      row_kernels<T>().gather(pointer<T>(kept) + r * rs + c * cs, rs, cs, rows, columns, to, ld);
    });
  }
};

// b in panels, [N / 64][K][64 or what is left, in sixteens, zeros behind].
struct Panels {
  int64_t K, N, padded;
  at::Tensor kept;
  float *numbers;

  explicit Panels(const at::Tensor &b)
      : K(b.size(0)), N(b.size(1)), padded((N + 15) / 16 * 16),
        kept(at::empty({padded * K}, b.options().dtype(at::kFloat))), numbers(kept.data_ptr<float>()) {
    const Strided from(b);
    const int64_t stretch = 1024, stretches = (K + stretch - 1) / stretch;
    parallel_tasks(count() * stretches, [&](int64_t task) {
      const int64_t p = task / stretches, first = task % stretches * stretch;
      const int64_t rows = std::min(stretch, K - first), whole = width(p);
      const int64_t columns = std::min(whole, N - p * panel);
      float *to = at(p, first);
      from.read(first, p * panel, rows, columns, to, whole);
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
    rows = most_rows, panels = b.count();
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
  float *out;

  // Adds the products of inputs [k, k + depth) of rows [begin, end) and panel p.
  void add(const float *x, int64_t xr, int64_t begin, int64_t end, int64_t p, int64_t k,
           int64_t depth) const {
    const int64_t N = b.N, whole = b.width(p), columns = std::min(whole, N - p * panel);
    const auto multiply = row_kernels<float>().tiles;
    float *to = out + begin * N + p * panel;
    const int64_t rows = end - begin;
    if (columns == whole) {
      return multiply(x, xr, 1, b.at(p, k), whole, rows, whole, depth, to, N, k > 0 || bias);
    }
    alignas(64) float part[most_rows * panel];
    multiply(x, xr, 1, b.at(p, k), whole, rows, whole, depth, part, panel, false);
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
      const float *x;
      int64_t xr = a.rs;
      if (a.is_plain()) {
        x = a.row(begin, k);
      } else {
        xr = some_inputs + 16;  // rows that lie in different sets of the cache
        if (buffer.empty()) buffer.resize(most_rows * xr);
        a.read(begin, k, end - begin, depth, buffer.data(), xr);
        x = buffer.data();
      }
      for (int64_t p = first; p < last; p++) add(x, xr, begin, end, p, k, depth);
    }
  }
};

// The fastest of some runs, in seconds.
template <class Multiply>
double seconds_of(const Multiply &multiply) {
  double best = 1e9;
  for (int i = 0; i < 8; i++) {
    const auto start = std::chrono::steady_clock::now();
    multiply();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

}  // namespace

at::Tensor matrix_product(const at::Tensor &x, const at::Tensor &y, const at::Tensor &bias) {
  const int64_t M = x.size(0), K = x.size(1), N = y.size(1);
  at::Tensor out = at::empty({M, N}, x.options().dtype(at::kFloat));
  const at::Tensor added = bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
  if (M == 0 || N == 0 || K == 0) {
    return (added.defined() ? out.copy_(added.expand_as(out)) : out.zero_()).to(x.scalar_type());
  }
  const Strided a(x);
  const Panels b(y);
  const Product product{a, b, added.defined() ? added.data_ptr<float>() : nullptr,
                        out.data_ptr<float>()};
  const Cut cut(M, K, b);
  parallel_tasks(cut.tasks, [&](int64_t task) {
    const int64_t begin = task % cut.row_tasks * cut.rows;
    const int64_t first = task / cut.row_tasks * cut.panels;
    product.task(begin, std::min(M, begin + cut.rows), first,
                 std::min(b.count(), first + cut.panels));
  });
  return out.to(x.scalar_type());
}

bool is_product_ours(at::ScalarType type) {
  // By enough that no other run of the program finds otherwise.
  constexpr double clearly = 1.25;
  auto ratio = [](at::ScalarType type) {
    const at::Tensor x = at::ones({256, 512}, type), y = at::ones({512, 512}, type);
    return seconds_of([&] { matrix_product(x, y); }) / seconds_of([&] { at::mm(x, y); });
  };
  if (type == at::kFloat) {
    static const bool is_float_ours = usable(Instructions::avx2) || ratio(at::kFloat) < clearly;
    return is_float_ours;
  }
  static const bool is_widened = ratio(at::kBFloat16) * clearly < 1;
  return type == at::kBFloat16 && is_widened;
}

}  // namespace ct
