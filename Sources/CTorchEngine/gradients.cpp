// Autograd, gradient clipping and the fused optimizer step.
#include "internal.hpp"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <memory>

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace ct {

// A body of the caller's, and what it needs.
struct PairBody : torch::CustomClassHolder {
  PairBody(void *context, ct_pair_body body, void (*release)(void *))
      : context(context), body(body), release(release) {}
  PairBody(const PairBody &) = delete;
  ~PairBody() override { release(context); }

  variable_list run(const at::Tensor &first, const at::Tensor &second) const {
    ct_tensor outs[2] = {nullptr, nullptr};
    body(context, wrap(first), wrap(second), &outs[0], &outs[1]);
    std::unique_ptr<ct_tensor_s> one(outs[0]), other(outs[1]);
    TORCH_CHECK(one && other, "a recomputed part gave no tensors");
    return {one->value, other->value};
  }

  void *context;
  ct_pair_body body;
  void (*release)(void *);
};

// Keeps a part's inputs alone, and runs it again for its gradients.
//
// Source: Chen et al. 2016 (arXiv:1604.06174).
struct Recomputed : Function<Recomputed> {
  // The anchor asks for gradients, so that weights get theirs where neither input has any.
  static variable_list forward(AutogradContext *context, at::Tensor first, at::Tensor second,
                               at::Tensor anchor, c10::intrusive_ptr<PairBody> body) {
    context->save_for_backward({first, second});
    context->saved_data["body"] = c10::IValue::make_capsule(body);
    context->saved_data["asked"] = std::vector<int64_t>{first.requires_grad(),
                                                        second.requires_grad()};
    variable_list out = body->run(first, second);
    if (out[0].is_same(out[1])) out[1] = out[1].clone();
    return out;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    auto asked = context->saved_data["asked"].toIntVector();
    auto holder = context->saved_data["body"].toCapsule();
    auto body = c10::static_intrusive_pointer_cast<PairBody>(holder);
    at::AutoGradMode recording(true);
    at::Tensor inputs[2];
    for (int i = 0; i < 2; i++) inputs[i] = saved[i].detach().requires_grad_(asked[i] != 0);
    variable_list out = body->run(inputs[0], inputs[1]), roots, given;
    for (int i = 0; i < 2; i++) {
      if (!gradients[i].defined() || !out[i].requires_grad()) continue;
      roots.push_back(out[i]);
      given.push_back(gradients[i]);
    }
    if (!roots.empty()) torch::autograd::backward(roots, given);
    return {inputs[0].grad(), inputs[1].grad(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace ct

int ct_recompute(ct_tensor first, ct_tensor second, void *context, ct_pair_body body,
                 void (*release)(void *), ct_tensor *first_out, ct_tensor *second_out) {
  auto holder = c10::make_intrusive<PairBody>(context, body, release);
  return guarded([&] {
    at::Tensor anchor = at::zeros({}, first->value.options().dtype(at::kFloat));
    anchor.requires_grad_(at::GradMode::is_enabled());
    variable_list out = Recomputed::apply(first->value, second->value, anchor, holder);
    *first_out = wrap(out[0]);
    *second_out = wrap(out[1]);
  });
}

ct_tensor ct_share(ct_tensor tensor) { return wrap(tensor->value); }

int ct_set_requires_grad(ct_tensor tensor, bool on) {
  return guarded([&] { tensor->value.set_requires_grad(on); });
}

bool ct_requires_grad(ct_tensor tensor) { return tensor->value.requires_grad(); }

int ct_backward(ct_tensor scalar) {
  return guarded([&] { scalar->value.backward(); });
}

int ct_grad(ct_tensor tensor, ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &gradient = tensor->value.grad();
    *out = gradient.defined() ? wrap(gradient) : nullptr;
  });
}

int ct_clear_grad(ct_tensor tensor) {
  return guarded([&] { tensor->value.mutable_grad().reset(); });
}

uint32_t ct_changes(ct_tensor tensor) { return tensor->value._version(); }

bool ct_set_grad_enabled(bool on) {
  bool before = at::GradMode::is_enabled();
  at::GradMode::set_enabled(on);
  return before;
}

static std::vector<at::Tensor> gradients(const ct_tensor *parameters, int count) {
  std::vector<at::Tensor> all;
  for (int i = 0; i < count; i++) {
    const at::Tensor &gradient = parameters[i]->value.grad();
    if (gradient.defined()) all.push_back(gradient);
  }
  return all;
}

int ct_clip_gradients(const ct_tensor *parameters, int count, double maximum, double *norm) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    std::vector<at::Tensor> all = gradients(parameters, count);
    *norm = 0;
    if (all.empty()) return;
    std::vector<at::Tensor> norms = at::_foreach_norm(all, 2);
    double total = at::stack(norms).to(at::kCPU).to(at::kDouble).norm().item<double>();
    *norm = total;
    // As torch.nn.utils.clip_grad_norm_: the factor is max / (norm + 1e-6), never above 1.
    double factor = maximum / (total + 1e-6);
    if (maximum > 0 && factor < 1) at::_foreach_mul_(all, factor);
  });
}

int ct_scale_gradients(const ct_tensor *parameters, int count, double factor) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    std::vector<at::Tensor> all = gradients(parameters, count);
    if (!all.empty()) at::_foreach_mul_(all, factor);
  });
}

int ct_adamw(const ct_tensor *parameters, const ct_tensor *first, const ct_tensor *second,
             const ct_tensor *steps, int count, double learning_rate, double beta1, double beta2,
             double weight_decay, double epsilon) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    std::vector<at::Tensor> values, gradients, means, squares, counts;
    for (int i = 0; i < count; i++) {
      const at::Tensor &gradient = parameters[i]->value.grad();
      if (!gradient.defined()) continue;
      steps[i]->value.add_(1);
      values.push_back(parameters[i]->value);
      gradients.push_back(gradient);
      means.push_back(first[i]->value);
      squares.push_back(second[i]->value);
      counts.push_back(steps[i]->value);
    }
    if (values.empty()) return;
    at::_fused_adamw_(values, gradients, means, squares, {}, counts, learning_rate, beta1, beta2,
                      weight_decay, epsilon, /*amsgrad=*/false, /*maximize=*/false);
    // Packed copies of weights see by the version that they are out of date.
    for (const at::Tensor &value : values) value.unsafeGetTensorImpl()->bump_version();
  });
}
