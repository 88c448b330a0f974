// A parallel loop on the thread team that LibTorch itself uses.
#pragma once

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace ct {

// Runs body(part, parts) on at most `wanted` threads at the same time: parts may wait for each other.
// `body` must not throw.
template <class Body>
void parallel_team(int64_t wanted, const Body &body) {
  using Entry = void (*)(void (*)(void *), void *, unsigned, unsigned);
  static const Entry enter = reinterpret_cast<Entry>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  using Index = int (*)();
  static const Index index = reinterpret_cast<Index>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
  static const Index team = reinterpret_cast<Index>(dlsym(RTLD_DEFAULT, "omp_get_num_threads"));
  const int64_t parts = std::min<int64_t>(at::get_num_threads(), wanted);
  if (parts <= 1 || !enter || !index || !team) return body(int64_t{0}, int64_t{1});
  enter(
      [](void *pointer) {
        (*static_cast<const Body *>(pointer))(int64_t{index()}, int64_t{team()});
      },
      const_cast<Body *>(&body), static_cast<unsigned>(parts), 0);
}

// Runs body(begin, end, part) over [0, count) cut into at most `at::get_num_threads()` parts of at
// least `grain` items, on LibTorch's own OpenMP team: a second pool would fight it for the cores
// (OpenMP workers spin for a while after each region). Falls back to one part where the runtime
// is not GNU OpenMP. `body` must not throw.
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body &body) {
  if (count <= 0) return;
  parallel_team((count + grain - 1) / std::max<int64_t>(grain, 1), [&](int64_t part, int64_t parts) {
    const int64_t begin = count * part / parts, end = count * (part + 1) / parts;
    if (begin < end) body(begin, end, static_cast<int>(part));
  });
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
