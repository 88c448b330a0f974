// Which instructions kernels of ours may use.
#pragma once

#include <cstdlib>
#include <cstring>

namespace ct {

enum class Instructions { portable, avx2, avx512, amx };

// Whether this processor has them, and the environment's ASSAY_CPU (`portable`, `avx2`, `avx512` or
// `amx`, the newest that may be used) allows them. Each of them includes those before.
inline bool usable(Instructions wanted) {
  static const Instructions found = [] {
    Instructions most = Instructions::amx;
    const char *limit = std::getenv("ASSAY_CPU");
    if (limit && std::strcmp(limit, "portable") == 0) most = Instructions::portable;
    if (limit && std::strcmp(limit, "avx2") == 0) most = Instructions::avx2;
    if (limit && std::strcmp(limit, "avx512") == 0) most = Instructions::avx512;
    Instructions best = Instructions::portable;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      best = Instructions::avx2;
      if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        best = Instructions::avx512;
        if (__builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16")) {
          best = Instructions::amx;
        }
      }
    }
#endif
    return best < most ? best : most;
  }();
  return found >= wanted;
}

}  // namespace ct
