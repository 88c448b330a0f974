// Memory for weights, which are read once a step, from end to end.
#pragma once

#include <cstdlib>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ct {

// Bytes that large pages may back.
struct LargeBuffer {
  void *bytes = nullptr;
  size_t size = 0;

  // What was there is lost.
  void resize(size_t wanted) {
    if (bytes && wanted == size) return;
    std::free(bytes);
    bytes = nullptr;
    constexpr size_t page = 2 << 20;
    size = wanted;
    const size_t alignment = wanted < page ? 64 : page;
    bytes = std::aligned_alloc(alignment, (wanted + alignment - 1) / alignment * alignment);
    if (!bytes) throw std::bad_alloc();
#if defined(__linux__)
    if (alignment == page) madvise(bytes, wanted, MADV_HUGEPAGE);
#endif
  }
  LargeBuffer() = default;
  LargeBuffer(LargeBuffer &&other) noexcept
      : bytes(std::exchange(other.bytes, nullptr)), size(std::exchange(other.size, 0)) {}
  LargeBuffer &operator=(LargeBuffer &&) = delete;
  ~LargeBuffer() { std::free(bytes); }
};

}  // namespace ct
