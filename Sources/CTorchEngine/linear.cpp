// Linear layers whose products and their gradients are ours.
//
// N rows, I inputs, O outputs.
#include <torch/csrc/autograd/custom_function.h>

#include <torch/custom_class.h>

#include "matrix.hpp"
#include "packed.hpp"

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace ct {

namespace {

struct Linear : Function<Linear> {
  static at::Tensor forward(AutogradContext *context, at::Tensor x, at::Tensor weight,
                            std::optional<at::Tensor> bias) {
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    return matrix_product(x, weight.t(), bias.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &d_out = gradients[0];
    auto wanted = [&](size_t input) { return context->needs_input_grad(input); };
    const bool has_bias = context->saved_data["bias"].toBool();
    return {wanted(0) ? matrix_product(d_out, weight) : at::Tensor(),
            wanted(1) ? matrix_product(d_out.t(), x) : at::Tensor(),
            has_bias && wanted(2) ? d_out.sum(0) : at::Tensor()};
  }
};

// Keeps a packed weight for as long as gradients may be asked for.
struct PackedUse : torch::CustomClassHolder {
  explicit PackedUse(ct_packed packed) : packed(packed) { retain(packed); }
  PackedUse(const PackedUse &) = delete;
  ~PackedUse() override { ct_packed_free(packed); }
  ct_packed packed;
};

// Rows times a packed weight that is not trained: it is unpacked for the product and again for the gradient, so
// that no plain form of it is kept.
struct FrozenLinear : Function<FrozenLinear> {
  static at::Tensor forward(AutogradContext *context, at::Tensor x,
                            c10::intrusive_ptr<PackedUse> weight) {
    context->saved_data["weight"] = c10::IValue::make_capsule(weight);
    return linear_layer(x, unpacked(*weight->packed, x.scalar_type()));
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto holder = context->saved_data["weight"].toCapsule();
    auto weight = c10::static_intrusive_pointer_cast<PackedUse>(holder);
    const at::Tensor &d_out = gradients[0];
    const at::Tensor plain = unpacked(*weight->packed, d_out.scalar_type());
    const bool is_ours = !composes() && is_product_ours(d_out.scalar_type());
    return {is_ours ? matrix_product(d_out, plain) : at::mm(d_out, plain), at::Tensor()};
  }
};

bool fits(const at::Tensor &x, const at::Tensor &weight) {
  constexpr int64_t few = 16;  // rows for which arranging the weight costs more than it saves
  return !composes() && x.is_cpu() && weight.is_cpu() && x.scalar_type() == weight.scalar_type() &&
         x.dim() > 0 && weight.dim() == 2 && x.size(-1) == weight.size(1) &&
         x.numel() >= few * x.size(-1) && is_product_ours(x.scalar_type());
}

}  // namespace

at::Tensor linear_layer(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  if (!fits(x, weight)) return at::linear(x, weight, bias);
  const at::Tensor rows = x.reshape({-1, x.size(-1)});
  at::Tensor out;
  if (bias.defined()) {
    TORCH_CHECK(bias.dim() == 1 && bias.size(0) == weight.size(0) &&
                    bias.scalar_type() == weight.scalar_type(),
                "a bias ", bias.scalar_type(), " ", bias.sizes(), " for a weight ", weight.sizes());
  }
  if (at::GradMode::is_enabled()) {
    out = Linear::apply(rows, weight, bias.defined() ? std::optional(bias) : std::nullopt);
  } else {
    out = matrix_product(rows, weight.t(), bias);
  }
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return out.view(shape);
}

}  // namespace ct

int ct_frozen_linear(ct_tensor x, ct_packed packed, ct_tensor *out) {
  return ct::guarded([&] {
    const at::Tensor &rows = x->value;
    TORCH_CHECK(rows.dim() == 2 && ct::readable(rows),
                "rows in float32 or bfloat16 on the CPU expected, got ", rows.scalar_type(), " ",
                rows.sizes());
    *out = ct::wrap(ct::FrozenLinear::apply(rows, c10::make_intrusive<ct::PackedUse>(packed)));
  });
}
