// Rotary attention over packed sequences (training, prefill) and over a cache (decoding).
//
// N packed tokens, H query heads, G key/value heads, K head width, b sequences of length T.
#include "fused.hpp"

#include <torch/csrc/autograd/custom_function.h>

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace ct {

// Neighbouring sequences of one length, attended to in one call.
struct Group {
  int64_t start, count, length;
};

static std::vector<Group> groups_of(at::IntArrayRef lengths) {
  std::vector<Group> groups;
  int64_t start = 0;
  for (int64_t length : lengths) {
    if (!groups.empty() && groups.back().length == length) {
      groups.back().count++;
    } else {
      groups.push_back({start, 1, length});
    }
    start += length;
  }
  return groups;
}

static std::vector<int64_t> starts_of(at::IntArrayRef lengths) {
  std::vector<int64_t> starts;
  int64_t next = 0;
  for (int64_t length : lengths) {
    starts.push_back(next);
    next += length;
  }
  return starts;
}

// Heads [first, first + count) of packed rows as [b, count, T, K], each repeated `repeat` times.
static at::Tensor heads_of(const at::Tensor &rows, const Group &group, int64_t first,
                           int64_t count, int64_t K, int64_t repeat) {
  at::Tensor part = rows.narrow(0, group.start, group.count * group.length)
                        .narrow(1, first * K, count * K)
                        .unflatten(0, {group.count, group.length})
                        .unflatten(2, {count, K});  // [b, T, count, K]
  if (repeat > 1) {
    part = part.unsqueeze(3)
               .expand({group.count, group.length, count, repeat, K})
               .flatten(2, 3);  // [b, T, count * repeat, K]
  }
  return part.transpose(1, 2);
}

static at::Tensor rotated(const at::Tensor &qkv, const at::Tensor &positions,
                          const at::Tensor &cosine, const at::Tensor &sine, int64_t H, int64_t G,
                          float direction) {
  const int64_t N = qkv.size(0), K = qkv.size(1) / (H + 2 * G);
  at::Tensor out = at::empty_like(qkv);
  by_type(qkv, [&](auto *type) {
    using T = std::remove_pointer_t<decltype(type)>;
    parallel_for(N, 32, [&](int64_t begin, int64_t end, int) {
      row_kernels<T>().rotate(pointer<T>(qkv), qkv.size(1), pointer<int32_t>(positions),
                              pointer<float>(cosine), pointer<float>(sine), direction, begin, end,
                              H + G, H + 2 * G, K, pointer<T>(out), qkv.size(1));
    });
  });
  return out;
}

struct RotaryAttention : Function<RotaryAttention> {
  static at::Tensor forward(AutogradContext *context, at::Tensor qkv, at::Tensor positions,
                            at::Tensor cosine, at::Tensor sine, std::vector<int64_t> lengths,
                            int64_t H, int64_t G) {
    qkv = qkv.contiguous();
    const int64_t N = qkv.size(0), width = qkv.size(1), K = width / (H + 2 * G);
    at::Tensor out = at::empty({N, H * K}, qkv.options());
    at::Tensor lse = at::empty({N, H}, qkv.options().dtype(at::kFloat));
    std::vector<int64_t> starts = starts_of(lengths);
    by_type(qkv, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_tasks(int64_t(lengths.size()) * G, [&](int64_t task) {
        const int64_t s = task / G, start = starts[s];
        row_kernels<T>().attention(
            pointer<T>(qkv) + start * width, pointer<int32_t>(positions) + start,
            pointer<float>(cosine), pointer<float>(sine), lengths[s], task % G, H, G, K,
            pointer<T>(out) + start * H * K, pointer<float>(lse) + start * H);
      });
    });
    context->save_for_backward({qkv, positions, cosine, sine, out, lse});
    context->saved_data["lengths"] = lengths;
    context->saved_data["H"] = H;
    context->saved_data["G"] = G;
    return out;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &qkv = saved[0], &positions = saved[1], &cosine = saved[2], &sine = saved[3],
                     &out = saved[4], &lse = saved[5];
    auto lengths = context->saved_data["lengths"].toIntVector();
    const int64_t H = context->saved_data["H"].toInt(), G = context->saved_data["G"].toInt();
    const int64_t width = qkv.size(1), K = width / (H + 2 * G);
    at::Tensor d_out = gradients[0].contiguous(), d_qkv = at::empty_like(qkv);
    std::vector<int64_t> starts = starts_of(lengths);
    by_type(qkv, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_tasks(int64_t(lengths.size()) * G, [&](int64_t task) {
        const int64_t s = task / G, start = starts[s];
        row_kernels<T>().attention_backward(
            pointer<T>(qkv) + start * width, pointer<int32_t>(positions) + start,
            pointer<float>(cosine), pointer<float>(sine), lengths[s], task % G, H, G, K,
            pointer<T>(out) + start * H * K, pointer<float>(lse) + start * H,
            pointer<T>(d_out) + start * H * K, pointer<T>(d_qkv) + start * width);
      });
    });
    return {d_qkv, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(),
            at::Tensor()};
  }
};

// The same from LibTorch's operations, for devices without kernels of ours.
static variable_list composed_attention(const at::Tensor &qkv, const at::Tensor &positions,
                                        const at::Tensor &cosine, const at::Tensor &sine,
                                        at::IntArrayRef lengths, int64_t H, int64_t G) {
  const int64_t K = qkv.size(1) / (H + 2 * G);
  at::Tensor turned_part = qkv.narrow(1, 0, (H + G) * K).unflatten(1, {H + G, K});
  at::Tensor index = positions.to(at::kLong);
  at::Tensor c = cosine.index_select(0, index).unsqueeze(1);  // [N, 1, K/2]
  at::Tensor s = sine.index_select(0, index).unsqueeze(1);
  auto halves = turned_part.to(at::kFloat).chunk(2, -1);
  at::Tensor turned = at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1)
                          .to(qkv.scalar_type())
                          .flatten(1);
  turned = at::cat({turned, qkv.narrow(1, (H + G) * K, G * K)}, 1);
  std::vector<at::Tensor> parts;
  for (const Group &group : groups_of(lengths)) {
    at::Tensor y = at::scaled_dot_product_attention(
        heads_of(turned, group, 0, H, K, 1), heads_of(turned, group, H, G, K, H / G),
        heads_of(turned, group, H + G, G, K, H / G), {}, 0.0, /*is_causal=*/true);
    parts.push_back(y.transpose(1, 2).reshape({group.count * group.length, H * K}));
  }
  return {at::cat(parts, 0), turned};
}

}  // namespace ct

using namespace ct;

static void check_heads(const at::Tensor &qkv, int heads, int groups) {
  TORCH_CHECK(qkv.dim() == 2 && heads > 0 && groups > 0 && heads % groups == 0 &&
                  qkv.size(1) > 0 && qkv.size(1) % (2 * (heads + 2 * groups)) == 0,
              "attention of ", qkv.sizes(), " with ", heads, " query and ", groups,
              " key/value heads");
}

static void check_positions(const at::Tensor &positions, int64_t count, const at::Tensor &cosine,
                            const at::Tensor &sine, int64_t K) {
  TORCH_CHECK(cosine.dim() == 2 && cosine.size(1) == K / 2 && cosine.sizes() == sine.sizes() &&
                  cosine.scalar_type() == at::kFloat && sine.scalar_type() == at::kFloat &&
                  cosine.is_contiguous() && sine.is_contiguous(),
              "a rotary table of cosines ", cosine.sizes(), " and sines ", sine.sizes(),
              " for heads of width ", K);
  TORCH_CHECK(positions.dim() == 1 && positions.size(0) == count &&
                  positions.scalar_type() == at::kInt && positions.is_contiguous(),
              count, " positions of type int32 expected, got ", positions.sizes());
  TORCH_CHECK(!positions.is_cpu() || count == 0 ||
                  (positions.min().item<int>() >= 0 &&
                   positions.max().item<int>() < cosine.size(0)),
              "a position lies outside of the ", cosine.size(0), " the model was set up for");
}

int ct_rotary_attention(ct_tensor qkv, ct_tensor positions, ct_tensor cosine, ct_tensor sine,
                        const int64_t *lengths, int sequences, int heads, int groups,
                        ct_tensor *out, ct_tensor *rotated_or_null) {
  return guarded([&] {
    const at::Tensor &x = qkv->value;
    check_heads(x, heads, groups);
    std::vector<int64_t> sizes(lengths, lengths + sequences);
    int64_t total = 0;
    for (int64_t size : sizes) {
      TORCH_CHECK(size > 0, "a sequence of ", size, " tokens");
      total += size;
    }
    TORCH_CHECK(total == x.size(0), "lengths add up to ", total, " for ", x.size(0), " rows");
    check_positions(positions->value, x.size(0), cosine->value, sine->value,
                    x.size(1) / (heads + 2 * groups));
    if (ours(x)) {
      *out = wrap(RotaryAttention::apply(x, positions->value, cosine->value, sine->value, sizes,
                                         int64_t(heads), int64_t(groups)));
      if (rotated_or_null) {
        at::NoGradGuard no_grad;
        *rotated_or_null = wrap(rotated(x.contiguous(), positions->value, cosine->value,
                                        sine->value, heads, groups, 1));
      }
      return;
    }
    auto both = composed_attention(x, positions->value, cosine->value, sine->value, sizes, heads,
                                   groups);
    *out = wrap(both[0]);
    if (rotated_or_null) *rotated_or_null = wrap(both[1].detach());
  });
}

static void check_cache(const at::Tensor &keys, const at::Tensor &values, const at::Tensor &slots,
                        const at::Tensor &positions, const at::Tensor &qkv, int heads,
                        int groups) {
  const int64_t K = qkv.size(1) / (heads + 2 * groups);
  TORCH_CHECK(keys.dim() == 4 && keys.sizes() == values.sizes() && keys.size(1) == groups &&
                  keys.size(3) == K && keys.scalar_type() == qkv.scalar_type() &&
                  values.scalar_type() == qkv.scalar_type(),
              "a cache of ", keys.sizes(), " for ", groups, " key/value heads of width ", K,
              " and type ", qkv.scalar_type());
  TORCH_CHECK(slots.scalar_type() == at::kInt && slots.numel() == qkv.size(0) &&
                  slots.is_contiguous() && positions.scalar_type() == at::kInt &&
                  positions.numel() == qkv.size(0) && positions.is_contiguous(),
              "one slot and one position of type int32 a row expected");
  if (!slots.is_cpu() || slots.numel() == 0) return;
  TORCH_CHECK(slots.min().item<int>() >= 0 && slots.max().item<int>() < keys.size(0) &&
                  positions.min().item<int>() >= 0 && positions.max().item<int>() < keys.size(2),
              "a slot or position lies outside of the cache of ", keys.sizes());
}

int ct_cache_store(ct_tensor qkv, ct_tensor key_cache, ct_tensor value_cache, ct_tensor slots,
                   ct_tensor positions, int heads, int groups) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    const at::Tensor &x = qkv->value, &keys = key_cache->value, &values = value_cache->value;
    const at::Tensor &s = slots->value, &p = positions->value;
    check_heads(x, heads, groups);
    check_cache(keys, values, s, p, x, heads, groups);
    const int64_t H = heads, G = groups, K = x.size(1) / (H + 2 * G), N = x.size(0);
    if (!ours(x)) {
      at::Tensor k = x.narrow(1, H * K, G * K).unflatten(1, {G, K});
      at::Tensor v = x.narrow(1, (H + G) * K, G * K).unflatten(1, {G, K});
      at::Tensor slot = s.to(at::kLong).unsqueeze(1), position = p.to(at::kLong).unsqueeze(1);
      at::Tensor group = at::arange(G, slot.options()).unsqueeze(0);
      at::Tensor k_cache = keys, v_cache = values;
      k_cache.index_put_({slot, group, position}, k);
      v_cache.index_put_({slot, group, position}, v);
      return;
    }
    const int64_t T = keys.size(2), size = x.element_size();
    TORCH_CHECK(x.is_contiguous() && keys.is_contiguous() && values.is_contiguous(),
                "the cache and its rows must be contiguous");
    auto *from = static_cast<const char *>(x.data_ptr());
    auto *k = static_cast<char *>(keys.data_ptr()), *v = static_cast<char *>(values.data_ptr());
    const int32_t *slot = s.data_ptr<int32_t>(), *position = p.data_ptr<int32_t>();
    parallel_for(N, 64, [&](int64_t begin, int64_t end, int) {
      for (int64_t n = begin; n < end; n++) {
        for (int64_t g = 0; g < G; g++) {
          int64_t at = ((slot[n] * G + g) * T + position[n]) * K * size;
          const char *row = from + n * x.size(1) * size;
          std::memcpy(k + at, row + (H + g) * K * size, K * size);
          std::memcpy(v + at, row + (H + G + g) * K * size, K * size);
        }
      }
    });
  });
}

int ct_cached_attention(ct_tensor qkv, ct_tensor key_cache, ct_tensor value_cache,
                        ct_tensor slots, ct_tensor positions, ct_tensor cosine, ct_tensor sine,
                        int heads, int groups, ct_tensor *out) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    const at::Tensor &x = qkv->value, &keys = key_cache->value, &values = value_cache->value;
    const at::Tensor &s = slots->value, &p = positions->value;
    check_heads(x, heads, groups);
    check_positions(p, x.size(0), cosine->value, sine->value, x.size(1) / (heads + 2 * groups));
    check_cache(keys, values, s, p, x, heads, groups);
    const int64_t H = heads, G = groups, K = x.size(1) / (H + 2 * G), S = x.size(0);
    if (!ours(x)) {
      std::vector<int64_t> ones(S, 1);
      at::Tensor turned =
          composed_attention(x, p, cosine->value, sine->value, ones, H, G)[1];
      ct_tensor_s row{turned};
      TORCH_CHECK(ct_cache_store(&row, key_cache, value_cache, slots, positions, heads, groups) ==
                      CT_OK, ct_last_error());
      at::Tensor slot = s.to(at::kLong), position = p.to(at::kLong);
      int64_t longest = position.max().item<int64_t>() + 1;
      at::Tensor k = keys.index_select(0, slot).narrow(2, 0, longest);    // [S, G, T, K]
      at::Tensor v = values.index_select(0, slot).narrow(2, 0, longest);  // [S, G, T, K]
      at::Tensor mask = (at::arange(longest, slot.options()).unsqueeze(0) <=
                         position.unsqueeze(1)).unsqueeze(1).unsqueeze(1);  // [S, 1, 1, T]
      at::Tensor q = turned.narrow(1, 0, H * K).unflatten(1, {H, 1, K}).flatten(1, 2).unsqueeze(2);
      at::Tensor y = at::scaled_dot_product_attention(
          q, k.repeat_interleave(H / G, 1), v.repeat_interleave(H / G, 1), mask);
      *out = wrap(y.flatten(1));
      return;
    }
    at::Tensor turned = rotated(x.contiguous(), p, cosine->value, sine->value, H, G, 1);
    ct_tensor_s row{turned};
    TORCH_CHECK(ct_cache_store(&row, key_cache, value_cache, slots, positions, heads, groups) ==
                    CT_OK, ct_last_error());
    at::Tensor y = at::empty({S, H * K}, x.options());
    by_type(x, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(S * G, 1, [&](int64_t begin, int64_t end, int) {
        row_kernels<T>().cached_attention(
            pointer<T>(turned), turned.size(1), pointer<T>(keys), pointer<T>(values),
            pointer<int32_t>(s), pointer<int32_t>(p), begin, end, keys.size(2), H, G, K,
            pointer<T>(y));
      });
    });
    *out = wrap(y);
  });
}

int ct_sample(ct_tensor logits, const ct_sampling *settings, const int32_t *const *seen,
              const int32_t *seen_count, int32_t *tokens, float *log_probabilities) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    at::Tensor x = logits->value.to(at::kCPU).contiguous();
    if (!ours(x)) x = x.to(at::kFloat);
    TORCH_CHECK(x.dim() == 2 && x.size(1) > 0, "logits [S, V] expected, got ", x.sizes());
    for (int64_t n = 0; seen && n < x.size(0); n++) {
      for (int32_t j = 0; j < seen_count[n]; j++) {
        TORCH_CHECK(seen[n][j] >= 0 && seen[n][j] < x.size(1), "a seen token ", seen[n][j],
                    " lies outside of 0..<", x.size(1));
      }
    }
    by_type(x, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(x.size(0), 1, [&](int64_t begin, int64_t end, int) {
        row_kernels<T>().sample(pointer<T>(x), begin, end, x.size(1), settings, seen, seen_count,
                                tokens, log_probabilities);
      });
    });
  });
}
