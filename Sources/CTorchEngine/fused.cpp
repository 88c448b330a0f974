// RMSNorm, gated units and the token loss as single operations with hand-written gradients.
//
// N rows, D hidden, F feed-forward width, V vocabulary. On devices without kernels of ours the
// same formulas are composed from LibTorch's operations, whose gradients it records itself.
#include "fused.hpp"
#include "matrix.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace ct {

// sum = x + residual, out = RMSNorm(sum); without residual sum is x itself.
struct RMSNorm : Function<RMSNorm> {
  static variable_list forward(AutogradContext *context, at::Tensor x,
                               std::optional<at::Tensor> other, at::Tensor weight,
                               double epsilon, double offset) {
    const int64_t D = x.size(-1), N = x.numel() / std::max<int64_t>(D, 1);
    x = x.contiguous();
    const bool add = other.has_value();
    at::Tensor residual = add ? other->contiguous() : at::Tensor();
    at::Tensor sum = add ? at::empty_like(x) : x, out = at::empty_like(x);
    at::Tensor scale = at::empty({N}, x.options().dtype(at::kFloat));
    weight = weight.to(x.scalar_type()).contiguous();
    by_type(x, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(N, 64, [&](int64_t begin, int64_t end, int64_t) {
        row_kernels<T>().rms_norm(pointer<T>(x), pointer<T>(residual), pointer<T>(weight),
                                  float(epsilon), float(offset), begin, end, D, pointer<T>(sum),
                                  pointer<T>(out), pointer<float>(scale));
      });
    });
    context->save_for_backward({sum, weight, scale});
    context->saved_data["add"] = add;
    context->saved_data["offset"] = offset;
    if (!add) return {out};
    return {sum, out};
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &sum = saved[0], &weight = saved[1], &scale = saved[2];
    const bool add = context->saved_data["add"].toBool();
    const float offset = float(context->saved_data["offset"].toDouble());
    at::Tensor d_out = gradients.back(), d_extra = add ? gradients[0] : at::Tensor();
    const int64_t D = sum.size(-1), N = sum.numel() / std::max<int64_t>(D, 1);
    if (!d_out.defined()) d_out = at::zeros_like(sum);
    d_out = d_out.contiguous();
    if (d_extra.defined()) d_extra = d_extra.contiguous();
    at::Tensor d_sum = at::empty_like(sum);
    at::Tensor d_weight = at::zeros({part_count(N, 64), D}, scale.options());
    by_type(sum, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(N, 64, [&](int64_t begin, int64_t end, int64_t part) {
        row_kernels<T>().rms_norm_backward(
            pointer<T>(d_out), pointer<T>(d_extra), pointer<T>(sum), pointer<T>(weight), offset,
            pointer<float>(scale), begin, end, D, pointer<T>(d_sum),
            pointer<float>(d_weight) + part * D);
      });
    });
    return {d_sum, add ? d_sum : at::Tensor(), d_weight.sum(0), at::Tensor(), at::Tensor()};
  }
};

static at::Tensor composed_rms_norm(const at::Tensor &x, const at::Tensor &weight, double epsilon,
                                    double offset) {
  at::Tensor wide = x.to(at::kFloat);
  at::Tensor scaled = wide * at::rsqrt(wide.square().mean({-1}, true) + epsilon);
  return (scaled * (weight.to(at::kFloat) + offset)).to(x.scalar_type());
}

// RMSNorm of parts of rows [N, width]: of `counts[i]` parts of `weights[i]`'s length each, one behind
// the other; what lies behind them stays as it is.
struct HeadNorm : Function<HeadNorm> {
  // Calls back for each row and weight with the first number of its parts and the first part's index.
  template <class Body>
  static void each(int64_t n, int64_t width, const at::Tensor (&weights)[2],
                   const int64_t (&counts)[2], const Body &body) {
    int64_t first = n * width, part = n * (counts[0] + counts[1]);
    for (int i = 0; i < 2; i++) {
      body(i, first, part);
      first += counts[i] * weights[i].size(0), part += counts[i];
    }
  }

  static at::Tensor forward(AutogradContext *context, at::Tensor x, at::Tensor query, at::Tensor key,
                            int64_t query_width, int64_t key_width, double epsilon, double offset) {
    x = x.contiguous();
    const at::Tensor weights[2] = {query.to(x.scalar_type()).contiguous(),
                                   key.to(x.scalar_type()).contiguous()};
    const int64_t counts[2] = {query_width / query.size(0), key_width / key.size(0)};
    const int64_t N = x.size(0), width = x.size(1), turned = query_width + key_width;
    at::Tensor out = at::empty_like(x);
    at::Tensor scale = at::empty({N, counts[0] + counts[1]}, x.options().dtype(at::kFloat));
    by_type(x, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(N, 32, [&](int64_t begin, int64_t end, int64_t) {
        for (int64_t n = begin; n < end; n++) {
          each(n, width, weights, counts, [&](int i, int64_t first, int64_t part) {
            row_kernels<T>().rms_norm(pointer<T>(x) + first, nullptr, pointer<T>(weights[i]),
                                      float(epsilon), float(offset), 0, counts[i],
                                      weights[i].size(0), nullptr, pointer<T>(out) + first,
                                      pointer<float>(scale) + part);
          });
          std::copy_n(pointer<T>(x) + n * width + turned, width - turned,
                      pointer<T>(out) + n * width + turned);
        }
      });
    });
    context->save_for_backward({x, weights[0], weights[1], scale});
    context->saved_data["widths"] = std::vector<int64_t>{query_width, key_width};
    context->saved_data["offset"] = offset;
    return out;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &scale = saved[3], weights[2] = {saved[1], saved[2]};
    const auto widths = context->saved_data["widths"].toIntVector();
    const float offset = float(context->saved_data["offset"].toDouble());
    const int64_t counts[2] = {widths[0] / weights[0].size(0), widths[1] / weights[1].size(0)};
    const int64_t N = x.size(0), width = x.size(1), turned = widths[0] + widths[1];
    at::Tensor d_out = gradients[0].contiguous(), d_x = at::empty_like(x);
    at::Tensor d_weights[2];
    for (int i = 0; i < 2; i++) {
      d_weights[i] = at::zeros({part_count(N, 32), weights[i].size(0)}, scale.options());
    }
    by_type(x, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(N, 32, [&](int64_t begin, int64_t end, int64_t own) {
        for (int64_t n = begin; n < end; n++) {
          each(n, width, weights, counts, [&](int i, int64_t first, int64_t part) {
            row_kernels<T>().rms_norm_backward(
                pointer<T>(d_out) + first, nullptr, pointer<T>(x) + first, pointer<T>(weights[i]),
                offset, pointer<float>(scale) + part, 0, counts[i], weights[i].size(0),
                pointer<T>(d_x) + first,
                pointer<float>(d_weights[i]) + own * weights[i].size(0));
          });
          std::copy_n(pointer<T>(d_out) + n * width + turned, width - turned,
                      pointer<T>(d_x) + n * width + turned);
        }
      });
    });
    return {d_x, d_weights[0].sum(0), d_weights[1].sum(0), at::Tensor(), at::Tensor(), at::Tensor(),
            at::Tensor()};
  }
};

struct Gated : Function<Gated> {
  static at::Tensor forward(AutogradContext *context, at::Tensor gate_up, int64_t activation) {
    gate_up = gate_up.contiguous();
    const int64_t F = gate_up.size(1) / 2, N = gate_up.size(0);
    at::Tensor out = at::empty({N, F}, gate_up.options());
    by_type(gate_up, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(N, 16, [&](int64_t begin, int64_t end, int64_t) {
        row_kernels<T>().gated(pointer<T>(gate_up), int(activation), begin, end, F, pointer<T>(out));
      });
    });
    context->save_for_backward({gate_up});
    context->saved_data["activation"] = activation;
    return out;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    at::Tensor gate_up = context->get_saved_variables()[0];
    const int activation = int(context->saved_data["activation"].toInt());
    at::Tensor d_out = gradients[0].contiguous(), d_gate_up = at::empty_like(gate_up);
    const int64_t F = gate_up.size(1) / 2, N = gate_up.size(0);
    by_type(gate_up, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(N, 16, [&](int64_t begin, int64_t end, int64_t) {
        row_kernels<T>().gated_backward(pointer<T>(gate_up), pointer<T>(d_out), activation, begin, end,
                                        F, pointer<T>(d_gate_up));
      });
    });
    return {d_gate_up, at::Tensor()};
  }
};

// -log softmax(hidden weight^T)[target], in row chunks, so that the logits of a large vocabulary
// never exist all at once: kept for the gradient while they are small, else computed again. A cap c
// makes c tanh(l / c) of a logit l, and multiplies its gradient with 1 - tanh(l / c)^2. A weight that is not
// trained gets no gradient.
struct TokenNLL : Function<TokenNLL> {
  static constexpr int64_t chunk_bytes = 64 << 20, kept_bytes = 512 << 20;

  static int64_t chunk_rows(const at::Tensor &weight) {
    int64_t row = weight.size(0) * weight.element_size();
    return std::max<int64_t>(16, chunk_bytes / std::max<int64_t>(row, 1));
  }

  static at::Tensor product(const at::Tensor &a, const at::Tensor &b) {
    return ours(a) && is_product_ours(a.scalar_type()) ? matrix_product(a, b) : at::mm(a, b);
  }

  static at::Tensor logits_of(const at::Tensor &hidden, const at::Tensor &weight, double cap) {
    at::Tensor logits = linear_layer(hidden, weight).contiguous();
    return cap > 0 ? logits.div_(cap).tanh_().mul_(cap) : logits;
  }

  // Losses of rows of logits, and the logarithm of each row's sum of exponentials.
  static void losses_of(const at::Tensor &logits, const at::Tensor &targets, const at::Tensor &losses,
                        const at::Tensor &lse) {
    if (!ours(logits)) {
      const at::Tensor wide = logits.to(at::kFloat);
      lse.copy_(at::logsumexp(wide, {1}));
      losses.copy_(lse - wide.gather(1, targets.unsqueeze(1)).squeeze(1));
      return;
    }
    by_type(logits, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(logits.size(0), 4, [&](int64_t begin, int64_t end, int64_t) {
        row_kernels<T>().nll(pointer<T>(logits), targets.data_ptr<int64_t>(), begin, end,
                             logits.size(1), pointer<float>(losses), pointer<float>(lse));
      });
    });
  }

  // Makes of rows of logits the gradients of their losses, in place.
  static void slopes_of(at::Tensor &logits, const at::Tensor &targets, const at::Tensor &lse,
                        const at::Tensor &gradient) {
    if (!ours(logits)) {
      at::Tensor wide = (logits.to(at::kFloat) - lse.unsqueeze(1)).exp_();
      wide.scatter_add_(1, targets.unsqueeze(1), -at::ones_like(lse).unsqueeze(1));
      logits.copy_(wide.mul_(gradient.unsqueeze(1)));
      return;
    }
    by_type(logits, [&](auto *type) {
      using T = std::remove_pointer_t<decltype(type)>;
      parallel_for(logits.size(0), 4, [&](int64_t begin, int64_t end, int64_t) {
        row_kernels<T>().nll_backward(pointer<T>(logits), targets.data_ptr<int64_t>(),
                                      pointer<float>(lse), pointer<float>(gradient), begin, end,
                                      logits.size(1));
      });
    });
  }

  static at::Tensor forward(AutogradContext *context, at::Tensor hidden, at::Tensor weight,
                            at::Tensor targets, double cap) {
    const int64_t N = hidden.size(0), V = weight.size(0), step = chunk_rows(weight);
    TORCH_CHECK(N == 0 || (targets.min().item<int64_t>() >= 0 &&
                           targets.max().item<int64_t>() < V),
                "a target lies outside of 0..<", V);
    at::Tensor losses = at::empty({N}, hidden.options().dtype(at::kFloat));
    at::Tensor lse = at::empty_like(losses);
    const bool keep = N * V * weight.element_size() <= kept_bytes;
    variable_list saved = {hidden, weight, targets, lse};
    for (int64_t start = 0; start < N; start += step) {
      int64_t rows = std::min(step, N - start);
      at::Tensor logits = logits_of(hidden.narrow(0, start, rows), weight, cap);
      losses_of(logits, targets.narrow(0, start, rows), losses.narrow(0, start, rows),
                lse.narrow(0, start, rows));
      if (keep) saved.push_back(logits);
    }
    context->save_for_backward(saved);
    context->saved_data["cap"] = cap;
    return losses;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &hidden = saved[0], &weight = saved[1], &targets = saved[2], &lse = saved[3];
    at::Tensor gradient = gradients[0].to(at::kFloat).contiguous();
    const double cap = context->saved_data["cap"].toDouble();
    const int64_t N = hidden.size(0), V = weight.size(0), step = chunk_rows(weight);
    const bool trains = context->needs_input_grad(1);
    at::Tensor d_hidden = at::empty_like(hidden), d_weight;
    size_t index = 4;
    for (int64_t start = 0; start < N; start += step) {
      int64_t rows = std::min(step, N - start);
      at::Tensor part = hidden.narrow(0, start, rows);
      // A copy of what was kept: the gradient may be asked for twice.
      at::Tensor logits = index < saved.size() ? saved[index++].clone()
                                               : logits_of(part, weight, cap);
      at::Tensor slope = cap > 0 ? 1 - (logits / cap).square_() : at::Tensor();
      slopes_of(logits, targets.narrow(0, start, rows), lse.narrow(0, start, rows),
                gradient.narrow(0, start, rows));
      if (cap > 0) logits.mul_(slope);
      d_hidden.narrow(0, start, rows).copy_(product(logits, weight));
      if (!trains) continue;
      at::Tensor d_part = product(logits.t(), part).to(at::kFloat);
      d_weight = d_weight.defined() ? d_weight.add_(d_part) : d_part;
    }
    if (!trains) return {d_hidden, at::Tensor(), at::Tensor(), at::Tensor()};
    if (!d_weight.defined()) d_weight = at::zeros(weight.sizes(), lse.options());
    return {d_hidden, d_weight.to(weight.scalar_type()), at::Tensor(), at::Tensor()};
  }
};

}  // namespace ct

using namespace ct;

bool ct_composes(void) { return composes(); }

static void check_norm(const at::Tensor &x, const at::Tensor &weight) {
  TORCH_CHECK(x.dim() >= 1 && weight.dim() == 1 && x.size(-1) == weight.size(0),
              "RMSNorm of ", x.sizes(), " with a weight of ", weight.sizes());
}

int ct_rms_norm(ct_tensor x, ct_tensor weight, double epsilon, double offset, ct_tensor *out) {
  return guarded([&] {
    check_norm(x->value, weight->value);
    *out = wrap(ours(x->value)
                    ? RMSNorm::apply(x->value, std::optional<at::Tensor>(), weight->value, epsilon,
                                     offset)[0]
                    : composed_rms_norm(x->value, weight->value, epsilon, offset));
  });
}

int ct_add_rms_norm(ct_tensor x, ct_tensor residual, ct_tensor weight, double epsilon,
                    double offset, ct_tensor *sum, ct_tensor *out) {
  return guarded([&] {
    check_norm(x->value, weight->value);
    TORCH_CHECK(x->value.sizes() == residual->value.sizes() &&
                    x->value.scalar_type() == residual->value.scalar_type(),
                "a residual of ", residual->value.sizes(), " for ", x->value.sizes());
    if (ours(x->value)) {
      const std::optional<at::Tensor> added(residual->value);
      auto both = RMSNorm::apply(x->value, added, weight->value, epsilon, offset);
      *sum = wrap(both[0]);
      *out = wrap(both[1]);
    } else {
      at::Tensor total = x->value + residual->value;
      *out = wrap(composed_rms_norm(total, weight->value, epsilon, offset));
      *sum = wrap(total);
    }
  });
}

int ct_head_norm(ct_tensor qkv, ct_tensor query_weight, ct_tensor key_weight, int heads, int groups,
                 double epsilon, double offset, ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &x = qkv->value, &query = query_weight->value, &key = key_weight->value;
    TORCH_CHECK(x.dim() == 2 && heads > 0 && groups > 0 && x.size(1) % (heads + 2 * groups) == 0,
                "head norms of ", x.sizes(), " with ", heads, " query and ", groups,
                " key/value heads");
    const int64_t K = x.size(1) / (heads + 2 * groups);
    auto fits = [&](const at::Tensor &weight, int64_t count) {
      return weight.dim() == 1 && (weight.size(0) == K || weight.size(0) == count * K);
    };
    TORCH_CHECK(fits(query, heads) && fits(key, groups), "head norms of weights ", query.sizes(),
                " and ", key.sizes(), " for heads of width ", K);
    if (ours(x)) {
      *out = wrap(HeadNorm::apply(x, query, key, heads * K, groups * K, epsilon, offset));
      return;
    }
    auto normed = [&](const at::Tensor &weight, int64_t first, int64_t count) {
      at::Tensor part = x.narrow(1, first * K, count * K).unflatten(1, {-1, weight.size(0)});
      return composed_rms_norm(part, weight, epsilon, offset).flatten(1);
    };
    *out = wrap(at::cat({normed(query, 0, heads), normed(key, heads, groups),
                         x.narrow(1, (heads + groups) * K, groups * K)}, 1));
  });
}

int ct_gated(ct_tensor gate_up, int activation, ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &x = gate_up->value;
    TORCH_CHECK(x.dim() == 2 && x.size(1) % 2 == 0, "a gated unit of ", x.sizes());
    if (ours(x)) {
      *out = wrap(Gated::apply(x, int64_t(activation)));
    } else {
      auto parts = x.chunk(2, 1);
      *out = wrap((activation == CT_GATE_SILU ? at::silu(parts[0]) : at::gelu(parts[0], "tanh")) *
                  parts[1]);
    }
  });
}

int ct_token_nll(ct_tensor hidden, ct_tensor weight, ct_tensor targets, double soft_cap,
                 ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &h = hidden->value, &w = weight->value, &t = targets->value;
    TORCH_CHECK(h.dim() == 2 && w.dim() == 2 && h.size(1) == w.size(1) && t.dim() == 1 &&
                    t.size(0) == h.size(0) && t.scalar_type() == at::kLong &&
                    h.scalar_type() == w.scalar_type(),
                "token loss of hidden ", h.sizes(), ", weight ", w.sizes(), ", targets ",
                t.sizes());
    *out = wrap(TokenNLL::apply(h, w, t.contiguous(), soft_cap));
  });
}
