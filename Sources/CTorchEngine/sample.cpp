// Picking tokens from logits.
#include "fused.hpp"

using namespace ct;

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
      parallel_for(x.size(0), 1, [&](int64_t begin, int64_t end, int64_t) {
        row_kernels<T>().sample(pointer<T>(x), begin, end, x.size(1), settings, seen, seen_count,
                                tokens, log_probabilities);
      });
    });
  });
}
