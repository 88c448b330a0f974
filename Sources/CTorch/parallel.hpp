// A parallel loop on the thread team that LibTorch itself uses.
#pragma once

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace ct {

// Runs body(begin, end, part) over [0, count) cut into at most `at::get_num_threads()` parts of at
// least `grain` items, on LibTorch's own OpenMP team: a second pool would fight it for the cores
// (OpenMP workers spin for a while after each region). Falls back to one part where the runtime
// is not GNU OpenMP. `body` must not throw.
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body &body) {
  using Entry = void (*)(void (*)(void *), void *, unsigned, unsigned);
  static const Entry enter = reinterpret_cast<Entry>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  using Index = int (*)();
  static const Index index = reinterpret_cast<Index>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
  static const Index team = reinterpret_cast<Index>(dlsym(RTLD_DEFAULT, "omp_get_num_threads"));
  if (count <= 0) return;
  int64_t parts =
      std::min<int64_t>(at::get_num_threads(), (count + grain - 1) / std::max<int64_t>(grain, 1));
  if (parts <= 1 || !enter || !index || !team) return body(int64_t{0}, count, 0);
  struct Work {
    const Body &body;
    int64_t count;
  } work{body, count};
  enter(
      [](void *pointer) {
        auto *work = static_cast<Work *>(pointer);
        int64_t parts = team(), part = index();
        int64_t begin = work->count * part / parts, end = work->count * (part + 1) / parts;
        if (begin < end) work->body(begin, end, static_cast<int>(part));
      },
      &work, static_cast<unsigned>(parts), 0);
}

// Runs body(task) for every task below `count`, each thread taking the next one that is left: for
// tasks of unequal length.
template <class Body>
void parallel_tasks(int64_t count, const Body &body) {
  std::atomic<int64_t> next{0};
  parallel_for(std::min<int64_t>(count, at::get_num_threads()), 1, [&](int64_t, int64_t, int) {
    for (int64_t task = next++; task < count; task = next++) body(task);
  });
}

inline int part_limit() { return std::max(1, at::get_num_threads()); }

}  // namespace ct
