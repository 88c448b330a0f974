// Parallel loops on the pool of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "pool.hpp"

namespace ct {

// Runs body(task) for every task below `count`, each thread taking the next one that is left.
// `body` must not throw.
template <class Body>
void parallel_tasks(int64_t count, const Body &body, bool is_short = false) {
  run_tasks(
      count, [](void *context, int64_t task) { (*static_cast<const Body *>(context))(task); },
      const_cast<Body *>(&body), is_short);
}

// Parts of `count` items, of at least `grain` each: several a thread, so that one that is not
// running holds little back, and as many for any small number of threads, so that sums by parts do
// not depend on it.
inline int64_t part_count(int64_t count, int64_t grain) {
  const int64_t whole = (count + grain - 1) / std::max<int64_t>(grain, 1);
  return std::min(whole, std::max<int64_t>(16, 4 * thread_count()));
}

// Runs body(begin, end, part) over [0, count) cut into `part_count(count, grain)` parts. `body` must
// not throw.
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body &body) {
  const int64_t parts = part_count(count, grain);
  parallel_tasks(parts, [&](int64_t part) {
    const int64_t begin = count * part / parts, end = count * (part + 1) / parts;
    if (begin < end) body(begin, end, part);
  });
}

}  // namespace ct
