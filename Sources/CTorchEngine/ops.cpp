// Element-wise operations, reductions and products. LibTorch records their gradients.
#include "matrix.hpp"

using namespace ct;

int ct_binary(int op, ct_tensor a, ct_tensor b, ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &x = a->value, &y = b->value;
    switch (op) {
      case CT_ADD: *out = wrap(at::add(x, y)); return;
      case CT_SUBTRACT: *out = wrap(at::sub(x, y)); return;
      case CT_MULTIPLY: *out = wrap(at::mul(x, y)); return;
      case CT_DIVIDE: *out = wrap(at::div(x, y)); return;
      case CT_MATMUL: *out = wrap(at::matmul(x, y)); return;
      case CT_MAXIMUM: *out = wrap(at::maximum(x, y)); return;
      case CT_MINIMUM: *out = wrap(at::minimum(x, y)); return;
      case CT_GREATER: *out = wrap(at::gt(x, y)); return;
      case CT_EQUAL: *out = wrap(at::eq(x, y)); return;
    }
    TORCH_CHECK(false, "unknown binary operation ", op);
  });
}

int ct_binary_scalar(int op, ct_tensor a, double b, ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &x = a->value;
    switch (op) {
      case CT_ADD: *out = wrap(at::add(x, b)); return;
      case CT_SUBTRACT: *out = wrap(at::sub(x, b)); return;
      case CT_MULTIPLY: *out = wrap(at::mul(x, b)); return;
      case CT_DIVIDE: *out = wrap(at::div(x, b)); return;
      case CT_GREATER: *out = wrap(at::gt(x, b)); return;
      case CT_EQUAL: *out = wrap(at::eq(x, b)); return;
      case CT_MAXIMUM: *out = wrap(at::clamp_min(x, b)); return;
      case CT_MINIMUM: *out = wrap(at::clamp_max(x, b)); return;
    }
    TORCH_CHECK(false, "unknown binary operation ", op);
  });
}

int ct_unary(int op, ct_tensor a, ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &x = a->value;
    switch (op) {
      case CT_NEGATE: *out = wrap(at::neg(x)); return;
      case CT_EXP: *out = wrap(at::exp(x)); return;
      case CT_LOG: *out = wrap(at::log(x)); return;
      case CT_TANH: *out = wrap(at::tanh(x)); return;
      case CT_SIGMOID: *out = wrap(at::sigmoid(x)); return;
      case CT_LOG_SIGMOID: *out = wrap(at::log_sigmoid(x)); return;
      case CT_SOFTPLUS: *out = wrap(at::neg(at::log_sigmoid(at::neg(x)))); return;
      case CT_SQRT: *out = wrap(at::sqrt(x)); return;
      case CT_SILU: *out = wrap(at::silu(x)); return;
      case CT_GELU: *out = wrap(at::gelu(x)); return;
      case CT_ABS: *out = wrap(at::abs(x)); return;
      case CT_SQUARE: *out = wrap(at::mul(x, x)); return;
      case CT_RECIPROCAL: *out = wrap(at::reciprocal(x)); return;
      case CT_DETACH: *out = wrap(x.detach()); return;
      case CT_CLONE: *out = wrap(x.clone()); return;
      case CT_CONTIGUOUS: *out = wrap(x.contiguous()); return;
      case CT_ISFINITE_ALL: *out = wrap(at::isfinite(x).all()); return;
    }
    TORCH_CHECK(false, "unknown unary operation ", op);
  });
}

int ct_reduce_all(int op, ct_tensor a, ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &x = a->value;
    switch (op) {
      case CT_SUM: *out = wrap(at::sum(x)); return;
      case CT_MEAN: *out = wrap(at::mean(x)); return;
      case CT_MAX: *out = wrap(at::max(x)); return;
    }
    TORCH_CHECK(false, "unknown reduction ", op);
  });
}

int ct_reduce(int op, ct_tensor a, int64_t axis, bool keep, ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &x = a->value;
    switch (op) {
      case CT_SUM: *out = wrap(at::sum(x, {axis}, keep)); return;
      case CT_MEAN: *out = wrap(at::mean(x, {axis}, keep)); return;
      case CT_MAX: *out = wrap(at::amax(x, {axis}, keep)); return;
      case CT_ARGMAX: *out = wrap(at::argmax(x, axis, keep)); return;
      case CT_LOG_SUM_EXP: *out = wrap(at::logsumexp(x, {axis}, keep)); return;
      case CT_SOFTMAX: *out = wrap(at::softmax(x, axis)); return;
      case CT_LOG_SOFTMAX: *out = wrap(at::log_softmax(x, axis)); return;
    }
    TORCH_CHECK(false, "unknown reduction ", op);
  });
}

int ct_linear(ct_tensor x, ct_tensor weight, ct_tensor bias, ct_tensor *out) {
  return guarded([&] {
    *out = wrap(linear_layer(x->value, weight->value, bias ? bias->value : at::Tensor()));
  });
}

int ct_layer_norm(ct_tensor x, ct_tensor weight, ct_tensor bias, double epsilon, ct_tensor *out) {
  return guarded([&] {
    const at::Tensor &w = weight->value;
    *out = wrap(at::layer_norm(x->value, w.sizes(), w, bias->value, epsilon));
  });
}

int ct_where(ct_tensor condition, ct_tensor a, ct_tensor b, ct_tensor *out) {
  return guarded([&] { *out = wrap(at::where(condition->value, a->value, b->value)); });
}

int ct_embedding(ct_tensor weight, ct_tensor ids, ct_tensor *out) {
  return guarded([&] { *out = wrap(at::embedding(weight->value, ids->value)); });
}
