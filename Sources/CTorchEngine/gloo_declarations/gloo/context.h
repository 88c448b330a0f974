// Declared here because LibTorch carries Gloo without its headers: as much as c10d's header reads.
#pragma once
#include <chrono>

namespace gloo {
class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};
}  // namespace gloo
