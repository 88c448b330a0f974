// One decoding step of a decoder in bfloat16 by packed weights.
//
// Through LibTorch's operations a step is a dozen tensors and as many parallel regions a block, which
// cost a small batch as much as its attention does. Here buffers are kept, rows are few enough to be
// one part where they are, and products come right behind each other. Kernels and rounding are those
// of the separate operations, so that all bits are.
//
// S rows, D hidden, H query heads, G key/value heads, K head width, F feed-forward width,
// V vocabulary.
#include "stepper.hpp"

#include <algorithm>
#include <cmath>

using namespace ct;

int ct_stepper_make_packed(ct_tensor embedding, const ct_tensor *blocks, const ct_packed *products,
                           const ct_attention *attention, int block_count, ct_tensor final_norm,
                           ct_packed output_weight, const ct_decoder *options, bool same_bits,
                           ct_stepper *out) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    auto made = std::make_unique<ct_stepper_s>();
    made->is_packed = true, made->same_bits = same_bits;
    made->embedding = embedding->value;
    TORCH_CHECK(made->embedding.dim() == 2 && made->embedding.is_cpu() &&
                    made->embedding.is_contiguous() && readable(made->embedding),
                "an embedding in float32 or bfloat16 on the CPU expected, got ",
                made->embedding.scalar_type(), " ", made->embedding.sizes());
    made->final_norm = plain_of<bf16>(final_norm->value);
    made->packed_logits = PackedProduct(output_weight);
    made->D = made->embedding.size(1), made->V = shape_of(*output_weight).outputs;
    made->options = *options;
    TORCH_CHECK(block_count > 0, "a decoder without blocks");
    const int64_t H = made->H = attention->heads, G = made->G = attention->groups, D = made->D;
    for (int i = 0; i < block_count; i++, products += CT_BLOCK_PRODUCTS) {
      StepperBlock block;
      block.attention = attention[i];
      block.vectors(blocks + CT_BLOCK_PARTS * i,
                    [](const at::Tensor &x) { return plain_of<bf16>(x); });
      if (block.qkv_bias.defined()) block.qkv_bias = block.qkv_bias.to(at::kFloat);
      PackedShape shapes[CT_BLOCK_PRODUCTS];
      for (int part = 0; part < CT_BLOCK_PRODUCTS; part++) {
        shapes[part] = shape_of(*products[part]);
        TORCH_CHECK(shapes[part].is_whole, "a weight of ", shapes[part].inputs,
                    " inputs, which are no whole tiles");
        block.products[part] = PackedProduct(products[part]);
      }
      const PackedShape &qkv = shapes[CT_QKV_PRODUCT], &down = shapes[CT_DOWN_PRODUCT];
      const PackedShape &output = shapes[CT_OUTPUT_PRODUCT], &gate_up = shapes[CT_GATE_UP_PRODUCT];
      made->K = qkv.outputs / (H + 2 * G), made->F = down.inputs;
      TORCH_CHECK(qkv.inputs == D && output.inputs == H * made->K && gate_up.inputs == D &&
                      gate_up.outputs == 2 * made->F && down.outputs == D && output.outputs == D,
                  "the weights of block ", i, " do not fit each other");
      made->blocks.push_back(std::move(block));
    }
    TORCH_CHECK(shape_of(*output_weight).inputs == D && shape_of(*output_weight).is_whole,
                "the output embedding does not fit a width of ", D);
    *out = made.release();
  });
}

namespace {

struct PackedStep : StepCall<bf16> {
  // Numbers that are worth a part of a parallel loop.
  static constexpr int64_t least = 1 << 13;

  // Buffers of a thread, kept for the next step.
  struct Buffers {
    std::vector<bf16> numbers;
    std::vector<float> scales;
    std::vector<int64_t> places;
    bf16 *next = nullptr;
    bf16 *take(int64_t count) {
      bf16 *taken = next;
      next += (count + 31) / 32 * 32;
      return taken;
    }
  };

  template <class Body>
  void over_rows(int64_t rows, int64_t width, const Body &body) const {
    parallel_for(rows, std::max<int64_t>(1, least / width),
                 [&](int64_t begin, int64_t end, int64_t) { body(begin, end); });
  }

  void embed(bf16 *stream) const {
    const int64_t D = model.D;
    const float scale = model.options.embedding_scale;
    by_type(model.embedding, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      for (int64_t s = 0; s < S; s++) {
        const T *from = pointer<T>(model.embedding) + tokens[s] * D;
        bf16 *to = stream + s * D;
        for (int64_t i = 0; i < D; i++) to[i] = bf16(float(from[i]));
        for (int64_t i = 0; scale != 1 && i < D; i++) to[i] = bf16(float(to[i]) * scale);
      }
    });
  }

  // Rows [begin, end) of the norm of x, or of x where there is none; `stream`, if any, is added first.
  void norm(const at::Tensor &weight, const bf16 *x, bf16 *stream, int64_t begin, int64_t end,
            bf16 *out, float *scale) const {
    const int64_t D = model.D;
    if (weight.defined()) {
      row_kernels<bf16>().rms_norm(x, stream, pointer<bf16>(weight), model.options.epsilon,
                                   model.options.norm_offset, begin, end, D, stream, out, scale);
      return;
    }
    for (int64_t i = begin * D; i < end * D; i++) {
      if (stream) stream[i] = bf16(float(x[i]) + float(stream[i]));
      out[i] = stream ? stream[i] : x[i];
    }
  }

  // stream += update, or its own norm where it has one, scaled; normed = the norm of that by `weight`.
  void add(const bf16 *update, const at::Tensor &own, const at::Tensor &weight, bf16 *stream,
           bf16 *normed, float *scale) const {
    const int64_t D = model.D;
    const float factor = model.options.residual_scale;
    over_rows(S, D, [&](int64_t begin, int64_t end) {
      const bf16 *added = update;
      if (own.defined()) {
        norm(own, added, nullptr, begin, end, normed, scale);
        added = normed;
      }
      if (factor != 1) {
        for (int64_t i = begin * D; i < end * D; i++) normed[i] = bf16(float(added[i]) * factor);
        added = normed;
      }
      norm(weight, added, stream, begin, end, normed, scale);
    });
  }

  // Rotates queries and keys, stores and attends.
  void attend(size_t i, bf16 *qkv, bf16 *mixed) const {
    const int64_t H = model.H, G = model.G, K = model.K, width = (H + 2 * G) * K;
    const StepperBlock &block = model.blocks[i];
    const auto &kernels = row_kernels<bf16>();
    // All rows first: several may be of one sequence.
    over_rows(S, width, [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; block.query_norm.defined() && s < end; s++) {
        head_norm(block.query_norm, qkv + s * width, H * K);
        head_norm(block.key_norm, qkv + s * width + H * K, G * K);
      }
      kernels.rotate(qkv, width, positions, cosine[i], sine[i], 1, begin, end, H + G, H + 2 * G, K,
                     qkv, width);
      store_rows(qkv, keys[i], values[i], tables, table_width, positions, begin, end, H, G, K);
    });
    auto read = [&](int64_t begin, int64_t end, int64_t first, int64_t last) {
      kernels.cached_attention(qkv, width, keys[i], values[i], tables, table_width, positions,
                               begin, end, first, last, block.attention, K, mixed);
    };
    const int64_t threads = thread_count();
    if (S < 2 * threads) {
      return parallel_tasks(S * G, [&](int64_t task) {
        read(task / G, task / G + 1, task % G, task % G + 1);
      });
    }
    // Some neighbours together: sequences that share pages read those once.
    parallel_for(S, std::max<int64_t>(1, S / (4 * threads)),
                 [&](int64_t begin, int64_t end, int64_t) { read(begin, end, 0, G); });
  }

  // Norms parts of a row in place, each as long as the weight.
  void head_norm(const at::Tensor &weight, bf16 *row, int64_t width) const {
    const int64_t count = width / weight.size(0);
    float scale[64];
    for (int64_t first = 0; first < count; first += 64) {
      bf16 *part = row + first * weight.size(0);
      row_kernels<bf16>().rms_norm(part, nullptr, pointer<bf16>(weight), model.options.epsilon,
                                   model.options.norm_offset, 0,
                                   std::min<int64_t>(64, count - first), weight.size(0), nullptr,
                                   part, scale);
    }
  }

  // Scales and bounds logits as the model does, each operation rounded.
  void finish(bf16 *logits, int64_t begin, int64_t end) const {
    const float scale = model.options.logit_scale, cap = model.options.logit_cap;
    if (scale == 1 && cap <= 0) return;
    for (int64_t i = begin * model.V; i < end * model.V; i++) {
      if (scale != 1) logits[i] = bf16(float(logits[i]) * scale);
      if (cap <= 0) continue;
      logits[i] = bf16(std::tanh(float(bf16(float(logits[i]) / cap))));
      logits[i] = bf16(float(logits[i]) * cap);
    }
  }

  void pick(const std::vector<int64_t> &rows, bf16 *logits) const {
    parallel_for(int64_t(rows.size()), 1, [&](int64_t begin, int64_t end, int64_t) {
      finish(logits, begin, end);
      for (int64_t n = begin; n < end; n++) {
        const int64_t s = rows[n];
        row_kernels<bf16>().sample(logits + n * model.V, 0, 1, model.V, settings + s, seen + s,
                                   seen_count + s, picked + s, log_probabilities + s);
      }
    });
  }

  void run() const {
    const int64_t D = model.D, F = model.F, V = model.V, HK = model.H * model.K;
    const int64_t width = HK + 2 * model.G * model.K, padded = (S + 15) / 16 * 16;
    static thread_local Buffers buffers;
    buffers.places.clear();
    for (int64_t s = 0; s < S; s++) {
      if (wanted[s]) buffers.places.push_back(s);
    }
    const int64_t picks = int64_t(buffers.places.size());
    // Products read sixteens of rows.
    const int64_t largest = S * std::max(width, 2 * F);
    const int64_t needed = padded * (D + F + HK) + 2 * S * D + largest + 8 * 32;
    if (int64_t(buffers.numbers.size()) < needed) buffers.numbers.resize(needed);
    if (int64_t(buffers.scales.size()) < S) buffers.scales.resize(S);
    buffers.next = buffers.numbers.data();
    bf16 *normed = buffers.take(padded * D), *inner = buffers.take(padded * F);
    bf16 *mixed = buffers.take(padded * HK), *stream = buffers.take(S * D);
    bf16 *update = buffers.take(S * D), *large = buffers.take(largest);
    float *scale = buffers.scales.data();
    auto product = [&](const PackedProduct &weight, const bf16 *x, int64_t rows,
                       const at::Tensor &bias, bf16 *out) {
      multiply_rows(*weight, x, rows, bias.defined() ? bias.data_ptr<float>() : nullptr,
                    model.same_bits, out);
    };
    embed(stream);
    over_rows(S, D, [&](int64_t begin, int64_t end) {
      norm(model.blocks[0].input_norm, stream, nullptr, begin, end, normed, scale);
    });
    for (size_t i = 0; i < model.blocks.size(); i++) {
      const StepperBlock &block = model.blocks[i];
      product(block.products[CT_QKV_PRODUCT], normed, S, block.qkv_bias, large);
      attend(i, large, mixed);
      product(block.products[CT_OUTPUT_PRODUCT], mixed, S, {}, update);
      add(update, block.attention_norm, block.middle_norm, stream, normed, scale);
      product(block.products[CT_GATE_UP_PRODUCT], normed, S, {}, large);
      over_rows(S, F, [&](int64_t begin, int64_t end) {
        row_kernels<bf16>().gated(large, model.options.activation, begin, end, F, inner);
      });
      product(block.products[CT_DOWN_PRODUCT], inner, S, {}, update);
      add(update, block.feed_forward_norm, model.norm_behind(i), stream, normed, scale);
    }
    std::copy_n(normed, S * D, hidden);
    if (picks == 0) return;
    for (int64_t n = 0; n < picks; n++) {
      if (buffers.places[n] != n) std::copy_n(normed + buffers.places[n] * D, D, normed + n * D);
    }
    const at::Tensor logits = at::empty({picks, V}, at::kBFloat16);
    product(model.packed_logits, normed, picks, {}, pointer<bf16>(logits));
    pick(buffers.places, pointer<bf16>(logits));
  }
};

}  // namespace

namespace ct {

void packed_step(const StepCall<bf16> &call) { PackedStep{call}.run(); }

}  // namespace ct
