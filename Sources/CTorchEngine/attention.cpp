// Rotary attention over packed sequences (training, prefill) and over a cache (decoding).
//
// N packed tokens, H query heads, G key/value heads, K head width, b sequences of length T.
#include "decode.hpp"
#include "fused.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>

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
    parallel_for(N, 32, [&](int64_t begin, int64_t end, int64_t) {
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
                            ct_attention options) {
    qkv = qkv.contiguous();
    const int64_t H = options.heads, G = options.groups;
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
            pointer<float>(cosine), pointer<float>(sine), lengths[s], task % G, options, K,
            pointer<T>(out) + start * H * K, pointer<float>(lse) + start * H);
      });
    });
    context->save_for_backward({qkv, positions, cosine, sine, out, lse});
    context->saved_data["lengths"] = lengths;
    context->saved_data["heads"] = std::vector<int64_t>{H, G, options.window};
    context->saved_data["scale"] = double(options.scale);
    context->saved_data["soft_cap"] = double(options.soft_cap);
    return out;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &qkv = saved[0], &positions = saved[1], &cosine = saved[2], &sine = saved[3],
                     &out = saved[4], &lse = saved[5];
    auto lengths = context->saved_data["lengths"].toIntVector();
    const auto heads = context->saved_data["heads"].toIntVector();
    const int64_t H = heads[0], G = heads[1];
    const ct_attention options{int32_t(H), int32_t(G),
                               float(context->saved_data["scale"].toDouble()),
                               float(context->saved_data["soft_cap"].toDouble()),
                               int32_t(heads[2])};
    const int64_t width = qkv.size(1), K = width / (H + 2 * G);
    at::Tensor d_out = gradients[0].contiguous(), d_qkv = at::empty_like(qkv);
    std::vector<int64_t> starts = starts_of(lengths);
    by_type(qkv, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_tasks(int64_t(lengths.size()) * G, [&](int64_t task) {
        const int64_t s = task / G, start = starts[s];
        row_kernels<T>().attention_backward(
            pointer<T>(qkv) + start * width, pointer<int32_t>(positions) + start,
            pointer<float>(cosine), pointer<float>(sine), lengths[s], task % G, options, K,
            pointer<T>(out) + start * H * K, pointer<float>(lse) + start * H,
            pointer<T>(d_out) + start * H * K, pointer<T>(d_qkv) + start * width);
      });
    });
    return {d_qkv, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

// The same from LibTorch's operations, for devices without kernels of ours.

// Which of keys `seen` tokens with these indices see: those up to their own, within the window.
static at::Tensor composed_mask(const at::Tensor &indices, int64_t keys, const ct_attention &options) {
  at::Tensor own = indices.unsqueeze(-1), key = at::arange(keys, indices.options());
  at::Tensor mask = key <= own;
  return options.window > 0 ? mask & (key > own - int64_t(options.window)) : mask;
}

// softmax(cap(scale q k)) v of q [..., T, K], k and v [..., keys, K]; no mask is causal.
static at::Tensor composed_softmax(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                                   const std::optional<at::Tensor> &mask,
                                   const ct_attention &options) {
  const double scale = options.scale > 0 ? options.scale : 1 / std::sqrt(double(q.size(-1)));
  if (options.soft_cap <= 0) {
    return at::scaled_dot_product_attention(q, k, v, mask, 0.0, !mask.has_value(), scale);
  }
  at::Tensor scores = at::matmul(q, k.transpose(-2, -1)).to(at::kFloat) * scale;
  scores = at::tanh(scores / options.soft_cap) * options.soft_cap;
  at::Tensor seen = mask.has_value() ? *mask
                                     : composed_mask(at::arange(q.size(-2), q.options().dtype(at::kLong)),
                                                     k.size(-2), options);
  scores = scores.masked_fill(seen.logical_not(), -std::numeric_limits<float>::infinity());
  return at::matmul(at::softmax(scores, -1).to(v.scalar_type()), v);
}

static at::Tensor composed_rotated(const at::Tensor &qkv, const at::Tensor &positions,
                                   const at::Tensor &cosine, const at::Tensor &sine, int64_t H,
                                   int64_t G) {
  const int64_t K = qkv.size(1) / (H + 2 * G);
  at::Tensor turned_part = qkv.narrow(1, 0, (H + G) * K).unflatten(1, {H + G, K});
  at::Tensor index = positions.to(at::kLong);
  at::Tensor c = cosine.index_select(0, index).unsqueeze(1);  // [N, 1, K/2]
  at::Tensor s = sine.index_select(0, index).unsqueeze(1);
  auto halves = turned_part.to(at::kFloat).chunk(2, -1);
  at::Tensor turned = at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1)
                          .to(qkv.scalar_type())
                          .flatten(1);
  return at::cat({turned, qkv.narrow(1, (H + G) * K, G * K)}, 1);
}

static variable_list composed_attention(const at::Tensor &qkv, const at::Tensor &positions,
                                        const at::Tensor &cosine, const at::Tensor &sine,
                                        at::IntArrayRef lengths, const ct_attention &options) {
  const int64_t H = options.heads, G = options.groups, K = qkv.size(1) / (H + 2 * G);
  at::Tensor turned = composed_rotated(qkv, positions, cosine, sine, H, G);
  std::vector<at::Tensor> parts;
  for (const Group &group : groups_of(lengths)) {
    std::optional<at::Tensor> mask;
    if (options.window > 0) {
      at::Tensor indices = at::arange(group.length, qkv.options().dtype(at::kLong));
      mask = composed_mask(indices, group.length, options);
    }
    at::Tensor y = composed_softmax(
        heads_of(turned, group, 0, H, K, 1), heads_of(turned, group, H, G, K, H / G),
        heads_of(turned, group, H + G, G, K, H / G), mask, options);
    parts.push_back(y.transpose(1, 2).reshape({group.count * group.length, H * K}));
  }
  return {parts.empty() ? qkv.new_empty({0, H * K}) : at::cat(parts, 0), turned};
}

}  // namespace ct

using namespace ct;

static void check_heads(const at::Tensor &qkv, int heads, int groups) {
  TORCH_CHECK(qkv.dim() == 2 && heads > 0 && groups > 0 && heads % groups == 0 &&
                  qkv.size(1) > 0 && qkv.size(1) % (2 * (heads + 2 * groups)) == 0,
              "attention of ", qkv.sizes(), " with ", heads, " query and ", groups,
              " key/value heads");
}

static void check_table(const at::Tensor &cosine, const at::Tensor &sine, int64_t K) {
  TORCH_CHECK(cosine.dim() == 2 && cosine.size(1) == K / 2 && cosine.sizes() == sine.sizes() &&
                  cosine.scalar_type() == at::kFloat && sine.scalar_type() == at::kFloat &&
                  cosine.is_contiguous() && sine.is_contiguous(),
              "a rotary table of cosines ", cosine.sizes(), " and sines ", sine.sizes(),
              " for heads of width ", K);
}

static void check_positions(const at::Tensor &positions, int64_t count, const at::Tensor &cosine,
                            const at::Tensor &sine, int64_t K) {
  check_table(cosine, sine, K);
  TORCH_CHECK(positions.dim() == 1 && positions.size(0) == count &&
                  positions.scalar_type() == at::kInt && positions.is_contiguous(),
              count, " positions of type int32 expected, got ", positions.sizes());
  TORCH_CHECK(!positions.is_cpu() || count == 0 ||
                  (positions.min().item<int>() >= 0 &&
                   positions.max().item<int>() < cosine.size(0)),
              "a position lies outside of the ", cosine.size(0), " the model was set up for");
}

int ct_rotary_attention(ct_tensor qkv, ct_tensor positions, ct_tensor cosine, ct_tensor sine,
                        const int64_t *lengths, int sequences, const ct_attention *options,
                        ct_tensor *out, ct_tensor *rotated_or_null) {
  return guarded([&] {
    const at::Tensor &x = qkv->value;
    const int heads = options->heads, groups = options->groups;
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
                                         *options));
      if (rotated_or_null) {
        at::NoGradGuard no_grad;
        *rotated_or_null = wrap(rotated(x.contiguous(), positions->value, cosine->value,
                                        sine->value, heads, groups, 1));
      }
      return;
    }
    auto both = composed_attention(x, positions->value, cosine->value, sine->value, sizes, *options);
    *out = wrap(both[0]);
    if (rotated_or_null) *rotated_or_null = wrap(both[1].detach());
  });
}

// Letters of the cache: P = CT_PAGE tokens a page, M pages a row of the tables.
static void check_cache(const at::Tensor &keys, const at::Tensor &values, const at::Tensor &x,
                        int64_t G, int64_t K) {
  TORCH_CHECK(keys.dim() == 4 && values.dim() == 4 && keys.size(0) == values.size(0) &&
                  keys.size(1) == G && values.size(1) == G && keys.size(2) == K &&
                  values.size(3) == K && keys.size(3) == CT_PAGE && values.size(2) == CT_PAGE &&
                  keys.scalar_type() == x.scalar_type() &&
                  values.scalar_type() == x.scalar_type(),
              "a cache of keys ", keys.sizes(), " and values ", values.sizes(), " for ", G,
              " key/value heads of width ", K, " and type ", x.scalar_type());
  TORCH_CHECK(keys.is_contiguous() && values.is_contiguous(), "the cache must be contiguous");
}

static void check_indices(const at::Tensor &indices, int64_t limit, const char *what) {
  TORCH_CHECK(indices.scalar_type() == at::kInt && indices.is_contiguous(), what,
              " of type int32 expected");
  if (!indices.is_cpu()) return;
  const int32_t *p = indices.data_ptr<int32_t>();
  for (int64_t i = 0; i < indices.numel(); i++) {
    TORCH_CHECK(p[i] >= 0 && p[i] < limit, what, ": ", p[i], " lies outside of 0..<", limit);
  }
}

int ct_cache_store(ct_tensor qkv, ct_tensor key_cache, ct_tensor value_cache, ct_tensor cells,
                   int heads, int groups) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    const at::Tensor &x = qkv->value, &keys = key_cache->value, &values = value_cache->value;
    const at::Tensor &cell = cells->value;
    check_heads(x, heads, groups);
    const int64_t H = heads, G = groups, K = x.size(1) / (H + 2 * G), N = x.size(0);
    check_cache(keys, values, x, G, K);
    TORCH_CHECK(cell.dim() == 1 && cell.size(0) == N, "one cell a row expected");
    check_indices(cell, keys.size(0) * CT_PAGE, "cells");
    if (!ours(x)) {
      at::Tensor index = cell.to(at::kLong).unsqueeze(1);
      at::Tensor page = at::floor_divide(index, CT_PAGE), offset = at::remainder(index, CT_PAGE);
      at::Tensor group = at::arange(G, index.options()).unsqueeze(0);
      at::Tensor k_cache = keys.transpose(2, 3), v_cache = values;
      k_cache.index_put_({page, group, offset}, x.narrow(1, H * K, G * K).unflatten(1, {G, K}));
      v_cache.index_put_({page, group, offset},
                         x.narrow(1, (H + G) * K, G * K).unflatten(1, {G, K}));
      return;
    }
    TORCH_CHECK(x.is_contiguous(), "rows must be contiguous");
    const int32_t *to = cell.data_ptr<int32_t>();
    by_type(x, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(N, 64, [&](int64_t begin, int64_t end, int64_t) {
        for (int64_t n = begin; n < end; n++) {
          store_row(pointer<T>(x) + n * x.size(1), to[n], H, G, K, pointer<T>(keys),
                    pointer<T>(values));
        }
      });
    });
  });
}

int ct_cache_copy(ct_tensor key_cache, ct_tensor value_cache, const int32_t *from,
                  const int32_t *to, int count) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    for (const at::Tensor &cache : {key_cache->value, value_cache->value}) {
      for (int i = 0; i < count; i++) cache.select(0, to[i]).copy_(cache.select(0, from[i]));
    }
  });
}

int ct_cached_attention(ct_tensor qkv, ct_tensor key_cache, ct_tensor value_cache,
                        ct_tensor tables, ct_tensor positions, ct_tensor cosine, ct_tensor sine,
                        const ct_attention *options, ct_tensor *out) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    const at::Tensor &x = qkv->value, &keys = key_cache->value, &values = value_cache->value;
    const at::Tensor &t = tables->value, &p = positions->value;
    check_heads(x, options->heads, options->groups);
    const int64_t H = options->heads, G = options->groups, K = x.size(1) / (H + 2 * G), S = x.size(0);
    check_cache(keys, values, x, G, K);
    check_table(cosine->value, sine->value, K);
    TORCH_CHECK(t.dim() == 2 && t.size(0) == S && t.size(1) > 0, "page tables of ", t.sizes(),
                " for ", S, " sequences");
    const int64_t M = t.size(1);
    check_indices(t, keys.size(0), "pages");
    TORCH_CHECK(p.dim() == 1 && p.size(0) == S, "one position a row expected");
    check_indices(p, std::min(cosine->value.size(0), M * CT_PAGE), "positions");
    if (!ours(x)) {
      at::Tensor turned = composed_rotated(x, p, cosine->value, sine->value, H, G);
      at::Tensor position = p.to(at::kLong), table = t.to(at::kLong);
      at::Tensor place = at::floor_divide(position, CT_PAGE).unsqueeze(1);
      at::Tensor page = table.gather(1, place).squeeze(1);
      at::Tensor cell = (page * CT_PAGE + at::remainder(position, CT_PAGE)).to(at::kInt);
      ct_tensor_s row{turned}, cell_row{cell};
      TORCH_CHECK(ct_cache_store(&row, key_cache, value_cache, &cell_row, options->heads,
                                 options->groups) == CT_OK,
                  ct_last_error());
      auto read = [&](const at::Tensor &cache) {  // [S, G, M P, K]
        return cache.index_select(0, table.flatten())
            .unflatten(0, {S, M})
            .transpose(1, 2)
            .flatten(2, 3);
      };
      at::Tensor k = read(keys.transpose(2, 3)), v = read(values);
      at::Tensor mask =
          composed_mask(position, M * CT_PAGE, *options).unsqueeze(1).unsqueeze(1);  // [S, 1, 1, M P]
      at::Tensor q = turned.narrow(1, 0, H * K).unflatten(1, {H, K}).unsqueeze(2);
      at::Tensor y = composed_softmax(q, k.repeat_interleave(H / G, 1),
                                      v.repeat_interleave(H / G, 1), mask, *options);
      *out = wrap(y.flatten(1));
      return;
    }
    at::Tensor turned = rotated(x.contiguous(), p, cosine->value, sine->value, H, G, 1);
    at::Tensor y = at::empty({S, H * K}, x.options());
    const int32_t *table = t.data_ptr<int32_t>(), *position = p.data_ptr<int32_t>();
    by_type(x, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      // All rows first: several may be of one sequence.
      parallel_for(S, 64, [&](int64_t begin, int64_t end, int64_t) {
        store_rows(pointer<T>(turned), pointer<T>(keys), pointer<T>(values), table, M, position,
                   begin, end, H, G, K);
      });
      // Some neighbours together: sequences that share pages read those once.
      const int64_t some = std::max<int64_t>(1, S / (4 * thread_count()));
      parallel_for(S, some, [&](int64_t begin, int64_t end, int64_t) {
        row_kernels<T>().cached_attention(pointer<T>(turned), x.size(1), pointer<T>(keys),
                                          pointer<T>(values), table, M, position, begin, end, 0, G,
                                          *options, K, pointer<T>(y));
      });
    });
    *out = wrap(y);
  });
}
