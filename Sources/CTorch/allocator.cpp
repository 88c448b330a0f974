// A CPU allocator that keeps freed blocks for the next step.
//
// A training step allocates the same few hundred buffers again and again. From malloc, buffers of
// megabytes are fresh pages each time: measured on 2 cores of a Sapphire Rapids server (2026-11),
// page faults were 10 % of a training step of the 1.1 M parameter model.
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#if defined(__linux__)
#include <malloc.h>
#include <sys/mman.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "CTorch.h"

namespace ct {

class KeepingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &release, c10::Device(c10::kCPU)};
    void *pointer = take(bytes);
    return {pointer, pointer, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void *target, const void *source, size_t bytes) const override {
    std::memcpy(target, source, bytes);
  }

  static void release_kept() {
    Shared &state = shared();
    std::lock_guard lock(state.mutex);
    for (auto &[size, pointers] : state.free) {
      for (void *pointer : pointers) give_back(static_cast<char *>(pointer) - header, size);
    }
    state.free.clear();
    state.kept = 0;
  }

  // Bytes that the system gave, those that are kept included, and the most of them.
  static std::atomic<int64_t> held, peak;

 private:
  static constexpr size_t header = 64, kept_from = 16 << 10, kept_limit = size_t(1) << 30;
  static constexpr size_t huge_from = 4 << 20, huge_page = 2 << 20;

  struct Shared {
    std::mutex mutex;
    std::unordered_map<size_t, std::vector<void *>> free;
    size_t kept = 0;
  };
  // Never destroyed: tensors may outlive static destruction.
  static Shared &shared() {
    static Shared *state = new Shared;
    return *state;
  }

  // Rounds up to an eighth of the power of two below, so that batches of slightly different size
  // share blocks.
  static size_t rounded(size_t bytes) {
    size_t step = 64;
    if (bytes >= kept_from) step = (size_t(1) << (63 - __builtin_clzll(bytes))) / 8;
    return (bytes + step - 1) / step * step;
  }

  static void *take(size_t bytes) {
    size_t size = rounded(bytes);
    if (size >= kept_from) {
      Shared &state = shared();
      std::lock_guard lock(state.mutex);
      auto found = state.free.find(size);
      if (found != state.free.end() && !found->second.empty()) {
        void *pointer = found->second.back();
        found->second.pop_back();
        state.kept -= size;
        return pointer;
      }
    }
    void *base = nullptr;
    size_t alignment = size >= huge_from ? huge_page : 64;
    if (size > SIZE_MAX / 2 || posix_memalign(&base, alignment, size + header) != 0) {
      TORCH_CHECK(false, "not enough memory: ", bytes, " bytes asked for");
    }
#if defined(__linux__)
    if (size >= huge_from) madvise(base, size + header, MADV_HUGEPAGE);
#endif
    const int64_t now = held += int64_t(size + header);
    for (int64_t most = peak; now > most && !peak.compare_exchange_weak(most, now);) {}
    *static_cast<size_t *>(base) = size;
    return static_cast<char *>(base) + header;
  }

  static void release(void *pointer) {
    if (!pointer) return;
    void *base = static_cast<char *>(pointer) - header;
    size_t size = *static_cast<size_t *>(base);
    if (size >= kept_from) {
      Shared &state = shared();
      std::lock_guard lock(state.mutex);
      if (state.kept + size <= kept_limit) {
        state.free[size].push_back(pointer);
        state.kept += size;
        return;
      }
    }
    give_back(base, size);
  }

  static void give_back(void *base, size_t size) {
    held -= int64_t(size + header);
    std::free(base);
  }
};

std::atomic<int64_t> KeepingAllocator::held{0}, KeepingAllocator::peak{0};

static KeepingAllocator allocator;
// A priority above LibTorch's own default of 0 makes it the CPU allocator.
static const bool installed = [] {
  c10::SetCPUAllocator(&allocator, /*priority=*/1);
  return true;
}();

}  // namespace ct

int64_t ct_memory_held(void) { return ct::KeepingAllocator::held; }

int64_t ct_memory_peak(void) { return ct::KeepingAllocator::peak; }

void ct_reset_memory_peak(void) {
  ct::KeepingAllocator::peak = ct::KeepingAllocator::held.load();
}

void ct_release_memory(void) {
  ct::KeepingAllocator::release_kept();
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}
