// One decoding step of a small float32 decoder on the CPU as one parallel region.
//
// Through LibTorch's operations a step of a small model is some forty parallel regions, allocations
// and matrix products of a shape that packs its weights anew each time. Here each thread takes its
// rows through all blocks and picks their tokens: rows depend on no other rows, and what one row
// gives is the same bit for bit whatever rows are beside it. Where there are too few rows for that,
// threads share each product's outputs.
//
// S rows, D hidden, H query heads, G key/value heads, K head width, F feed-forward width,
// V vocabulary, M pages a row.
#include "stepper.hpp"

#include <algorithm>
#include <cmath>

using namespace ct;

int ct_stepper_make(ct_tensor embedding, const ct_tensor *blocks, const ct_attention *attention,
                    int block_count, ct_tensor final_norm, ct_tensor output_weight,
                    const ct_decoder *options, ct_stepper *out) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    auto made = std::make_unique<ct_stepper_s>();
    made->embedding = plain(embedding->value);
    made->final_norm = plain(final_norm->value);
    made->logits.pack(plain(output_weight->value));
    made->D = made->embedding.size(1), made->V = made->logits.panels.outputs;
    made->options = *options;
    TORCH_CHECK(block_count > 0, "a decoder without blocks");
    made->H = attention->heads, made->G = attention->groups;
    const int64_t heads = made->H, groups = made->G;
    for (int i = 0; i < block_count; i++) {
      const ct_tensor *w = blocks + CT_BLOCK_PARTS * i;
      StepperBlock block;
      block.attention = attention[i];
      block.vectors(w, [](const at::Tensor &x) { return plain(x); });
      block.qkv.pack(plain(w[CT_QKV]->value));
      block.output.pack(plain(w[CT_OUTPUT]->value));
      block.gate_up.pack(plain(w[CT_GATE_UP]->value));
      block.down.pack(plain(w[CT_DOWN]->value));
      made->K = block.qkv.panels.outputs / (heads + 2 * groups), made->F = block.down.panels.inputs;
      TORCH_CHECK(block.qkv.panels.inputs == made->D && block.output.panels.inputs == heads * made->K &&
                      block.gate_up.panels.inputs == made->D && block.gate_up.panels.outputs == 2 * made->F &&
                      block.down.panels.outputs == made->D && block.output.panels.outputs == made->D,
                  "the weights of block ", i, " do not fit each other");
      for (int64_t width : {block.qkv.panels.outputs, made->D, made->F}) {
        TORCH_CHECK(width % 16 == 0, "a width of ", width, " is no multiple of 16");
      }
      made->blocks.push_back(std::move(block));
    }
    TORCH_CHECK(made->logits.panels.inputs == made->D, "the output embedding has width ",
                made->logits.panels.inputs, ", not ", made->D);
    *out = made.release();
  });
}

void ct_stepper_free(ct_stepper stepper) { delete stepper; }

namespace {

struct Step : StepCall<float> {
  // Buffers of a thread, kept for the next step.
  struct Buffers {
    std::vector<float> floats;
    float *next = nullptr;
    float *take(int64_t count) {
      float *taken = next;
      next += (count + 15) / 16 * 16;
      return taken;
    }
  };

  // out = x times the weight, some panels a task.
  void product(const PackedWeight &weight, const float *x, int64_t S, float *out,
               int64_t out_stride) const {
    constexpr int64_t least = 1 << 14;  // numbers of a weight that are worth a task
    const int64_t grain = std::max<int64_t>(1, least / (FloatPanels::panel * weight.panels.inputs));
    const int64_t count = weight.panels.count(), tasks = (count + grain - 1) / grain;
    parallel_tasks(
        tasks,
        [&](int64_t task) {
          const int64_t begin = task * grain;
          weight.panels.multiply(x, S, begin, std::min(count, begin + grain),
                                 out + begin * FloatPanels::panel, out_stride);
        },
        /*is_short=*/true);
  }

  // All blocks for few rows: products are split by outputs.
  void outputs(int64_t S) const {
    run(0, S, [&](const PackedWeight &weight, const float *x, int64_t rows, float *out,
                  int64_t out_stride) { product(weight, x, rows, out, out_stride); });
  }

  // All blocks for some of many rows, by one thread.
  void rows(int64_t begin, int64_t end) const {
    run(begin, end, [](const PackedWeight &weight, const float *x, int64_t rows, float *out,
                       int64_t out_stride) { weight(x, rows, out, out_stride); });
  }

  void embed(int64_t begin, int64_t S, float *stream) const {
    const float *embedding = model.embedding.data_ptr<float>();
    for (int64_t s = 0; s < S; s++) {
      std::memcpy(stream + s * model.D, embedding + tokens[begin + s] * model.D,
                  model.D * sizeof(float));
    }
    const float scale = model.options.embedding_scale;
    for (int64_t i = 0; scale != 1 && i < S * model.D; i++) stream[i] *= scale;
  }

  // Adds the bias to queries, keys and values, rotates them, stores and attends.
  void attend(size_t i, int64_t begin, int64_t S, float *qkv, float *mixed) const {
    const int64_t H = model.H, G = model.G, K = model.K, width = (H + 2 * G) * K;
    const StepperBlock &block = model.blocks[i];
    if (block.qkv_bias.defined()) {
      const float *bias = block.qkv_bias.data_ptr<float>();
      for (int64_t s = 0; s < S; s++) {
        for (int64_t j = 0; j < width; j++) qkv[s * width + j] += bias[j];
      }
    }
    for (int64_t s = 0; block.query_norm.defined() && s < S; s++) {
      head_norm(block.query_norm, qkv + s * width, H * K);
      head_norm(block.key_norm, qkv + s * width + H * K, G * K);
    }
    row_kernels<float>().rotate(qkv, width, positions + begin, cosine[i], sine[i], 1, 0, S, H + G,
                                H + 2 * G, K, qkv, width);
    const int32_t *own = tables + begin * table_width;
    store_rows(qkv, keys[i], values[i], own, table_width, positions + begin, 0, S, H, G, K);
    row_kernels<float>().cached_attention(qkv, width, keys[i], values[i], own, table_width,
                                          positions + begin, 0, S, 0, G, block.attention, K, mixed);
  }

  // Norms parts of a row in place, each as long as the weight.
  void head_norm(const at::Tensor &weight, float *row, int64_t width) const {
    const int64_t count = width / weight.size(0);
    float scale[64];
    for (int64_t first = 0; first < count; first += 64) {
      float *part = row + first * weight.size(0);
      row_kernels<float>().rms_norm(part, nullptr, weight.data_ptr<float>(), model.options.epsilon,
                                    model.options.norm_offset, 0,
                                    std::min<int64_t>(64, count - first), weight.size(0), nullptr,
                                    part, scale);
    }
  }

  // Moves the rows whose next token is wanted together; gives their number.
  int64_t gather(int64_t begin, int64_t S, float *normed) const {
    int64_t count = 0;
    for (int64_t s = 0; s < S; s++) {
      if (!wanted[begin + s]) continue;
      if (count != s) {
        std::memcpy(normed + count * model.D, normed + s * model.D, model.D * sizeof(float));
      }
      count++;
    }
    return count;
  }

  // Scales and bounds logits of wanted rows as the model does.
  void finish(float *logits, int64_t count) const {
    const float scale = model.options.logit_scale, cap = model.options.logit_cap;
    if (scale == 1 && cap <= 0) return;
    for (int64_t i = 0; i < count * model.logits.panels.padded; i++) {
      logits[i] *= scale;
      if (cap > 0) logits[i] = cap * std::tanh(logits[i] / cap);
    }
  }

  void pick(int64_t begin, int64_t end, float *logits) const {
    finish(logits, std::count_if(wanted + begin, wanted + end, [](uint8_t w) { return w != 0; }));
    int64_t count = 0;
    for (int64_t s = begin; s < end; s++) {
      if (!wanted[s]) continue;
      row_kernels<float>().sample(logits + count++ * model.logits.panels.padded, 0, 1, model.V,
                                  settings + s, seen + s, seen_count + s, picked + s,
                                  log_probabilities + s);
    }
  }

  template <class Product>
  void run(int64_t begin, int64_t end, const Product &product) const {
    const auto &kernels = row_kernels<float>();
    const int64_t D = model.D, F = model.F, H = model.H, G = model.G, K = model.K;
    const int64_t S = end - begin, width = (H + 2 * G) * K, logit_width = model.logits.panels.padded;
    const int64_t wide = model.widest();
    static thread_local Buffers buffers;
    const int64_t needed = S * (3 * D + wide + F + H * K + 1) + 8 * 16;
    if (int64_t(buffers.floats.size()) < needed) buffers.floats.resize(needed);
    buffers.next = buffers.floats.data();
    float *stream = buffers.take(S * D), *normed = buffers.take(S * D);
    float *update = buffers.take(S * D), *large = buffers.take(S * wide);
    float *inner = buffers.take(S * F), *mixed = buffers.take(S * H * K);
    float *scale = buffers.take(S);
    embed(begin, S, stream);
    auto norm = [&](const at::Tensor &weight) { model.norm(weight, stream, S, normed, scale); };
    auto add = [&](const at::Tensor &own, const at::Tensor &weight) {
      model.add(update, own, weight, stream, S, normed, scale);
    };
    norm(model.blocks[0].input_norm);
    for (size_t i = 0; i < model.blocks.size(); i++) {
      const StepperBlock &block = model.blocks[i];
      product(block.qkv, normed, S, large, width);
      attend(i, begin, S, large, mixed);
      product(block.output, mixed, S, update, D);
      add(block.attention_norm, block.middle_norm);
      product(block.gate_up, normed, S, large, 2 * F);
      kernels.gated(large, model.options.activation, 0, S, F, inner);
      product(block.down, inner, S, update, D);
      add(block.feed_forward_norm, model.norm_behind(i));
    }
    std::memcpy(hidden + begin * D, normed, S * D * sizeof(float));
    product(model.logits, normed, gather(begin, S, normed), large, logit_width);
    pick(begin, end, large);
  }
};

void check_range(const int32_t *values, int64_t count, int64_t limit, const char *what) {
  for (int64_t i = 0; i < count; i++) {
    TORCH_CHECK(values[i] >= 0 && values[i] < limit, what, ": ", values[i],
                " lies outside of 0..<", limit);
  }
}

// Takes the caches and angles of all blocks, and checks what a step would read.
template <class T>
void take(StepCall<T> &call, const ct_tensor *caches, const ct_tensor *angles) {
  const ct_stepper_s &model = call.model;
  const int64_t S = call.S, K = model.K, pages = caches[0]->value.size(0);
  int64_t positions_known = call.table_width * CT_PAGE;
  for (size_t i = 0; i < model.blocks.size(); i++) {
    const at::Tensor &keys = plain_of<T>((*caches++)->value);
    const at::Tensor &values = plain_of<T>((*caches++)->value);
    TORCH_CHECK(keys.sizes() == at::IntArrayRef({pages, model.G, K, CT_PAGE}) &&
                    values.sizes() == at::IntArrayRef({pages, model.G, CT_PAGE, K}),
                "a cache of ", keys.sizes(), " and ", values.sizes(), " for ", model.G,
                " key/value heads of width ", K);
    call.keys.push_back(pointer<T>(keys)), call.values.push_back(pointer<T>(values));
    const at::Tensor &c = plain((*angles++)->value), &s = plain((*angles++)->value);
    TORCH_CHECK(c.dim() == 2 && c.size(1) == K / 2 && c.sizes() == s.sizes(),
                "a rotary table of cosines ", c.sizes(), " and sines ", s.sizes(),
                " for heads of width ", K);
    positions_known = std::min(positions_known, c.size(0));
    call.cosine.push_back(c.data_ptr<float>()), call.sine.push_back(s.data_ptr<float>());
  }
  check_range(call.tokens, S, model.embedding.size(0), "tokens");
  check_range(call.tables, S * call.table_width, pages, "pages");
  check_range(call.positions, S, positions_known, "positions");
  for (int64_t n = 0; n < S; n++) check_range(call.seen[n], call.seen_count[n], model.V, "seen tokens");
}

void float_step(ct_stepper_s &model, const Step &step) {
  for (StepperBlock &block : model.blocks) {
    for (PackedWeight *weight : {&block.qkv, &block.output, &block.gate_up, &block.down}) {
      weight->refresh();
    }
  }
  model.logits.refresh();
  const int64_t S = step.S;
  constexpr int64_t few = 4;
  const int64_t most = is_machine_busy() ? 8 : 32;
  if (S <= few) return step.outputs(S);
  const int64_t threads = thread_count();
  const int64_t some = std::clamp<int64_t>((S + threads - 1) / threads, few, most);
  parallel_tasks((S + some - 1) / some, [&](int64_t task) {
    step.rows(task * some, std::min(S, (task + 1) * some));
  });
}

}  // namespace

int ct_stepper_step(ct_stepper stepper, const ct_tensor *caches, const ct_tensor *angles, int count,
                    const int32_t *tokens, const int32_t *tables, int table_width,
                    const int32_t *positions, const uint8_t *wanted, const ct_sampling *settings,
                    const int32_t *const *seen, const int32_t *seen_count, int32_t *picked,
                    float *log_probabilities, ct_tensor *hidden) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    auto run = [&](auto *type, const auto &body) {
      using T = std::remove_pointer_t<decltype(type)>;
      at::Tensor out = at::empty({count, stepper->D}, c10::CppTypeToScalarType<T>::value);
      StepCall<T> call{*stepper, count,    {},   {},         {},     {},     tokens,
                       tables,   positions, table_width, settings, seen, seen_count, wanted,
                       picked,   log_probabilities, pointer<T>(out)};
      take(call, caches, angles);
      body(call);
      *hidden = wrap(out);
    };
    if (stepper->is_packed) {
      run(static_cast<bf16 *>(nullptr), packed_step);
    } else {
      run(static_cast<float *>(nullptr),
          [&](const StepCall<float> &call) { float_step(*stepper, Step{call}); });
    }
  });
}
