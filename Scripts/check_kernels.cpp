// Checks the row and panel kernels against plain loops, without LibTorch: for processors that the
// tests do not run on. Scripts/check_kernels.py builds it for one and runs it under emulation.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "kernels.hpp"
#include "packed.hpp"

using namespace ct;
using Numbers = std::vector<double>;

static int failures = 0;
static std::mt19937 generator(7);

static Numbers random(int64_t count, double spread = 1) {
  std::normal_distribution<double> normal(0, spread);
  Numbers made(count);
  for (double &x : made) x = normal(generator);
  return made;
}
template <class T>
static std::vector<T> typed(Numbers &x) {  // rounds x too
  std::vector<T> made(x.size());
  for (size_t i = 0; i < x.size(); i++) made[i] = T(float(x[i])), x[i] = double(float(made[i]));
  return made;
}
template <class T>
static void compare(const char *what, const std::vector<T> &actual, const Numbers &expected,
                    double bound) {
  double worst = 0, largest = 1e-30;
  for (size_t i = 0; i < expected.size(); i++) {
    worst = std::max(worst, std::abs(double(float(actual[i])) - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  const bool good = actual.size() == expected.size() && worst <= bound * largest;
  if (!good) failures++;
  printf("%s %-34s %.1e of the largest, at most %.0e\n", good ? "ok  " : "FAIL", what,
         worst / largest, bound);
}
// d[i] of sum(weights * f(x)) by central differences, for every `each`-th place.
static Numbers gradient(Numbers x, const Numbers &weights,
                        const std::function<Numbers(const Numbers &)> &f, size_t each = 1) {
  auto value = [&] {
    const Numbers y = f(x);
    double sum = 0;
    for (size_t i = 0; i < y.size(); i++) sum += weights[i] * y[i];
    return sum;
  };
  Numbers made;
  for (size_t i = 0; i < x.size(); i += each) {
    const double kept = x[i], step = 1e-5;
    x[i] = kept + step;
    const double above = value();
    x[i] = kept - step;
    made.push_back((above - value()) / (2 * step));
    x[i] = kept;
  }
  return made;
}

// ---- Plain versions ----

static Numbers plain_norm(const Numbers &x, const Numbers &weight) {
  const size_t D = weight.size();
  Numbers out(x.size());
  for (size_t n = 0; n < x.size() / D; n++) {
    double squares = 0;
    for (size_t i = 0; i < D; i++) squares += x[n * D + i] * x[n * D + i];
    for (size_t i = 0; i < D; i++) {
      out[n * D + i] = x[n * D + i] / std::sqrt(squares / D + 1e-5) * (weight[i] + 0.5);
    }
  }
  return out;
}
static Numbers plain_gated(const Numbers &x, int activation, size_t F) {
  Numbers out(x.size() / 2);
  for (size_t n = 0; n < out.size() / F; n++) {
    for (size_t i = 0; i < F; i++) {
      const double g = x[n * 2 * F + i];
      const double z = std::sqrt(8 / std::acos(-1.0)) * (g + 0.044715 * g * g * g);
      const double gate = g / (1 + std::exp(activation == CT_GATE_SILU ? -g : -z));
      out[n * F + i] = gate * x[n * 2 * F + F + i];
    }
  }
  return out;
}
static Numbers plain_rotation(const Numbers &x, const Numbers &angles, int64_t turned, int64_t heads,
                              int64_t K) {
  Numbers out = x;
  for (size_t n = 0; n < x.size() / (heads * K); n++) {
    for (int64_t h = 0; h < turned; h++) {
      for (int64_t i = 0; i < K / 2; i++) {
        const double c = std::cos(angles[n * K / 2 + i]), s = std::sin(angles[n * K / 2 + i]);
        const size_t a = (n * heads + h) * K + i, b = a + K / 2;
        out[a] = x[a] * c - x[b] * s, out[b] = x[b] * c + x[a] * s;
      }
    }
  }
  return out;
}
// Causal attention of turned rows [T, (H + 2G) K].
static Numbers plain_attention(const Numbers &x, const ct_attention &options, int64_t K) {
  const int64_t H = options.heads, G = options.groups;
  const double scale = options.scale > 0 ? options.scale : 1 / std::sqrt(double(K));
  const int64_t width = (H + 2 * G) * K, T = x.size() / width;
  Numbers out(T * H * K, 0);
  for (int64_t t = 0; t < T; t++) {
    for (int64_t h = 0; h < H; h++) {
      const int64_t g = h / (H / G);
      Numbers weights(t + 1, 0);
      double sum = 0;
      for (int64_t j = 0; j <= t; j++) {
        if (options.window > 0 && j <= t - options.window) continue;
        double dot = 0;
        for (int64_t i = 0; i < K; i++) dot += x[t * width + h * K + i] * x[j * width + (H + g) * K + i];
        dot *= scale;
        if (options.soft_cap > 0) dot = options.soft_cap * std::tanh(dot / options.soft_cap);
        sum += weights[j] = std::exp(dot);
      }
      for (int64_t j = 0; j <= t; j++) {
        for (int64_t i = 0; i < K; i++) {
          out[(t * H + h) * K + i] += weights[j] / sum * x[j * width + (H + G + g) * K + i];
        }
      }
    }
  }
  return out;
}

// ---- Checks, in shapes that do not fill whole vectors ----

template <class T>
static void check_rows(double bound) {
  const auto &kernels = row_kernels<T>();
  const int64_t N = 3, D = 40, F = 24;
  Numbers x = random(N * D), weight = random(D);
  auto tx = typed<T>(x), tw = typed<T>(weight);
  std::vector<T> out(N * D), sum(N * D);
  std::vector<float> scale(N);
  kernels.rms_norm(tx.data(), nullptr, tw.data(), 1e-5f, 0.5f, 0, N, D, sum.data(), out.data(), scale.data());
  compare("rms_norm", out, plain_norm(x, weight), bound);
  Numbers d = random(N * D);
  auto td = typed<T>(d);
  std::vector<T> back(N * D);
  std::vector<float> weight_back(D, 0);
  kernels.rms_norm_backward(td.data(), nullptr, tx.data(), tw.data(), 0.5f, scale.data(), 0, N,
                            D, back.data(), weight_back.data());
  compare("rms_norm_backward", back,
          gradient(x, d, [&](const Numbers &x) { return plain_norm(x, weight); }), bound);
  compare("rms_norm_backward, weight", weight_back,
          gradient(weight, d, [&](const Numbers &weight) { return plain_norm(x, weight); }), bound);

  Numbers both = random(N * 2 * F), dy = random(N * F);
  auto tb = typed<T>(both), tdy = typed<T>(dy);
  std::vector<T> gated(N * F), gated_back(N * 2 * F);
  for (int activation : {CT_GATE_SILU, CT_GATE_GELU}) {
    kernels.gated(tb.data(), activation, 0, N, F, gated.data());
    compare("gated", gated, plain_gated(both, activation, F), bound);
    kernels.gated_backward(tb.data(), tdy.data(), activation, 0, N, F, gated_back.data());
    auto plain = [&](const Numbers &x) { return plain_gated(x, activation, F); };
    compare("gated_backward", gated_back, gradient(both, dy, plain), bound);
  }

  const int64_t V = 53;
  Numbers logits = random(N * V, 3);
  auto tl = typed<T>(logits);
  const std::vector<int64_t> targets{0, 30, 52};
  std::vector<float> nll(N), lse(N);
  kernels.nll(tl.data(), targets.data(), 0, N, V, nll.data(), lse.data());
  Numbers expected(N), slopes(N * V);
  std::vector<int32_t> largest(N);
  for (int64_t n = 0; n < N; n++) {
    double total = 0;
    for (int64_t v = 0; v < V; v++) {
      total += std::exp(logits[n * V + v]);
      if (logits[n * V + v] > logits[n * V + largest[n]]) largest[n] = int32_t(v);
    }
    expected[n] = std::log(total) - logits[n * V + targets[n]];
    for (int64_t v = 0; v < V; v++) {
      slopes[n * V + v] = std::exp(logits[n * V + v]) / total - (v == targets[n]);
    }
  }
  compare("nll", nll, expected, 1e-6);
  std::vector<ct_sampling> settings(N, ct_sampling{0, 1, 1, 0, 5, 0, 0, nullptr, nullptr});
  std::vector<const int32_t *> seen(N, nullptr);
  std::vector<int32_t> seen_count(N, 0), picked(N);
  std::vector<float> log_probability(N);
  kernels.sample(tl.data(), 0, N, V, settings.data(), seen.data(), seen_count.data(), picked.data(),
                 log_probability.data());
  Numbers best(largest.begin(), largest.end());
  compare("sample, greedy", picked, best, 0);
  // 5,000 draws of one row: frequencies within five standard deviations of the largest.
  Numbers frequencies(V), wanted(V);
  const int draws = 5000;
  settings[0].temperature = 1;
  for (int i = 0; i < draws; i++) {
    settings[0].step = i;
    kernels.sample(tl.data(), 0, 1, V, settings.data(), seen.data(), seen_count.data(), picked.data(),
                   log_probability.data());
    frequencies[picked[0]] += 1.0 / draws;
  }
  for (int64_t v = 0; v < V; v++) wanted[v] = slopes[v] + (v == targets[0]);
  compare("sample, frequencies", frequencies, wanted, 5 * 0.5 / std::sqrt(double(draws)) / 0.3);
  kernels.nll_backward(tl.data(), targets.data(), lse.data(), std::vector<float>{1}.data(), 0, 1, V);
  tl.resize(V), slopes.resize(V);
  compare("nll_backward", tl, slopes, bound);
}

template <class T>
static void check_attention(double bound, const ct_attention &options, int64_t K) {
  const auto &kernels = row_kernels<T>();
  const int64_t H = options.heads, G = options.groups;
  const int64_t N = 21, width = (H + 2 * G) * K;
  Numbers x = random(N * width), angles = random(N * K / 2, 2);
  auto tx = typed<T>(x);
  std::vector<float> cosine(angles.size()), sine(angles.size());
  for (size_t i = 0; i < angles.size(); i++) cosine[i] = std::cos(angles[i]), sine[i] = std::sin(angles[i]);
  std::vector<int32_t> positions(N);
  for (int64_t n = 0; n < N; n++) positions[n] = int32_t(n);
  std::vector<T> turned(N * width);
  kernels.rotate(tx.data(), width, positions.data(), cosine.data(), sine.data(), 1, 0, N, H + G,
                 H + 2 * G, K, turned.data(), width);
  const Numbers plain = plain_rotation(x, angles, H + G, H + 2 * G, K);
  compare("rotate", turned, plain, bound);
  auto whole = [&](const Numbers &x) {
    return plain_attention(plain_rotation(x, angles, H + G, H + 2 * G, K), options, K);
  };
  const Numbers expected = whole(x);
  std::vector<T> out(N * H * K), back(N * width);
  std::vector<float> lse(N * H);
  for (int64_t g = 0; g < G; g++) {
    kernels.attention(tx.data(), positions.data(), cosine.data(), sine.data(), N, g, options, K,
                      out.data(), lse.data());
  }
  compare("attention", out, expected, bound);
  Numbers d = random(N * H * K);
  auto td = typed<T>(d);
  for (int64_t g = 0; g < G; g++) {
    kernels.attention_backward(tx.data(), positions.data(), cosine.data(), sine.data(), N, g, options,
                               K, out.data(), lse.data(), td.data(), back.data());
  }
  constexpr size_t each = 17;
  std::vector<T> some;
  for (size_t i = 0; i < back.size(); i += each) some.push_back(back[i]);
  compare("attention_backward", some, gradient(x, d, whole, each), bound);

  // The last three rows as new tokens of sequences that share their pages.
  const int64_t M = (N + CT_PAGE - 1) / CT_PAGE;
  std::vector<T> keys(M * G * K * CT_PAGE, T(0.0f)), values(keys.size(), T(0.0f));
  for (int64_t n = 0; n < N; n++) {
    for (int64_t g = 0; g < G; g++) {
      for (int64_t i = 0; i < K; i++) {
        const int64_t head = n / CT_PAGE * G + g, offset = n % CT_PAGE;
        keys[(head * K + i) * CT_PAGE + offset] = turned[n * width + (H + g) * K + i];
        values[(head * CT_PAGE + offset) * K + i] = turned[n * width + (H + G + g) * K + i];
      }
    }
  }
  std::vector<int32_t> tables;
  for (int row = 0; row < 3; row++) {
    for (int64_t page = 0; page < M; page++) tables.push_back(int32_t(page));
  }
  std::vector<T> last(3 * H * K);
  kernels.cached_attention(turned.data() + (N - 3) * width, width, keys.data(), values.data(),
                           tables.data(), M, positions.data() + N - 3, 0, 3, options, K, last.data());
  compare("cached_attention", last, Numbers(expected.end() - 3 * H * K, expected.end()), bound);
}

static void check_products() {
  const int64_t M = 13, K = 96, O = 80;
  Numbers x = random(M * K), weight = random(O * K);
  auto fx = typed<float>(x), fw = typed<float>(weight);
  Numbers expected(M * O, 0);
  auto multiply = [&] {
    for (int64_t m = 0; m < M; m++) {
      for (int64_t o = 0; o < O; o++) {
        double sum = 0;
        for (int64_t k = 0; k < K; k++) sum += x[m * K + k] * weight[o * K + k];
        expected[m * O + o] = sum;
      }
    }
  };
  multiply();
  std::vector<float> packed(O * K), out(M * O);
  for (int64_t o = 0; o < O; o++) {
    const int64_t first = o / 64 * 64, width = std::min<int64_t>(64, O - first);
    for (int64_t k = 0; k < K; k++) packed[first * K + k * width + o - first] = fw[o * K + k];
  }
  row_kernels<float>().product(fx.data(), K, packed.data(), M, O, K, out.data(), O);
  compare("product", out, expected, 1e-6);

  // Panels of 16 outputs in bfloat16, as the layout says: [16 pairs][16 outputs][2] a tile.
  auto bx = typed<bf16>(x), bw = typed<bf16>(weight);
  multiply();
  const int64_t tiles = K / tile_inputs, panels = O / panel_outputs;
  std::vector<bf16> tiled(O * K), rows(16 * K, bf16(0.0f));
  std::copy(bx.begin(), bx.end(), rows.begin());
  for (int64_t o = 0; o < O; o++) {
    for (int64_t k = 0; k < K; k++) {
      const int64_t tile = o / panel_outputs * tiles + k / tile_inputs, i = k % tile_inputs;
      tiled[tile * tile_size + i / 2 * 32 + 2 * (o % panel_outputs) + i % 2] = bw[o * K + k];
    }
  }
  for (const PanelKernel &kernel : panel_kernels()) {
    std::vector<float> all(M * O);
    alignas(64) uint8_t state[panel_state_bytes];
    kernel.begin(state);
    for (int64_t first = 0; first < panels; first += block_panels) {
      alignas(64) float c[block_rows * block_columns];
      const int64_t count = std::min(block_panels, panels - first);
      kernel.product(rows.data(), K, M, tiled.data() + first * tiles * tile_size, count,
                     tiles * tile_size, tiles, true, c);
      store_block(c, M, count * panel_outputs, BlockEnd{nullptr, nullptr, nullptr},
                  all.data() + first * panel_outputs, O);
    }
    kernel.end(state);
    compare((std::string("panel product, ") + kernel.name).c_str(), all, expected, 1e-6);
  }
}

int main() {
  printf("instructions of the row kernels: %s\n", ct_cpu_features());
  check_rows<float>(1e-6);
  check_rows<bf16>(1e-2);
  const std::pair<ct_attention, int64_t> attentions[] = {
      {{4, 4, 0, 0, 0}, 32}, {{6, 2, 0, 0, 0}, 20}, {{2, 1, 0, 0, 0}, 64},
      {{4, 2, 0.3f, 1.5f, 0}, 16}, {{3, 1, 0, 0, 5}, 20}, {{2, 2, 0, 2, 17}, 32},
  };
  for (const auto &[options, K] : attentions) {
    printf("%d query heads, %d key/value heads of width %ld, scale %g, cap %g, window %d\n",
           options.heads, options.groups, long(K), options.scale, options.soft_cap, options.window);
    check_attention<float>(1e-6, options, K);
    check_attention<bf16>(1e-2, options, K);
  }
  check_products();
  printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
  return failures ? 1 : 0;
}
