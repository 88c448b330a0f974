// Autograd, gradient clipping and the fused optimizer step.
#include "internal.hpp"

#include <ATen/core/grad_mode.h>

using namespace ct;

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

int ct_clip_gradients(const ct_tensor *parameters, int count, double maximum, double *norm) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    std::vector<at::Tensor> gradients;
    for (int i = 0; i < count; i++) {
      const at::Tensor &gradient = parameters[i]->value.grad();
      if (gradient.defined()) gradients.push_back(gradient);
    }
    *norm = 0;
    if (gradients.empty()) return;
    std::vector<at::Tensor> norms = at::_foreach_norm(gradients, 2);
    double total = at::stack(norms).to(at::kDouble).norm().item<double>();
    *norm = total;
    // As torch.nn.utils.clip_grad_norm_: the factor is max / (norm + 1e-6), never above 1.
    double factor = maximum / (total + 1e-6);
    if (maximum > 0 && factor < 1) at::_foreach_mul_(gradients, factor);
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
