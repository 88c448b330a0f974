// The pool: jobs in a few slots, workers that look for open ones.
#include "pool.hpp"

#include "machine.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>
#include <system_error>
#include <thread>

namespace ct {

namespace {

using Clock = std::chrono::steady_clock;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

int64_t wall_time() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

// What this thread has run for.
int64_t own_time() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
  timespec time;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0) {
    return time.tv_sec * 1'000'000'000ll + time.tv_nsec;
  }
#endif
  return wall_time();
}

// When this thread last began to run, as far as it knows.
thread_local int64_t running_since = 0;

// What threads know of others on their cores, and how they behave for it.
class Neighbours {
  // On a quiet machine threads spin for long before they sleep: waking them costs more than a core
  // that nobody else wants.
  static constexpr int64_t long_spin = 200'000, short_spin = 2'000;
  static constexpr int64_t stood_still = 100'000, busy_for = 50'000'000;
  // Below what the system lets a thread run for before another has its turn.
  static constexpr int64_t turn = 700'000;
  std::atomic<int64_t> busy_until{0};

 public:
  bool are_busy(int64_t now) const { return now < busy_until.load(std::memory_order_relaxed); }

  // Takes note that a thread did not run for so long although it wanted to.
  void stood(int64_t time, int64_t now) {
    if (time < stood_still) return;
    running_since = now;
    busy_until.store(now + busy_for, std::memory_order_relaxed);
  }

  // Called between tasks: lets others run before the system makes this thread do so in the middle of
  // a task, for which everybody would wait.
  void take_turns() {
    const int64_t now = wall_time();
    if (!are_busy(now) || now - running_since < turn) return;
    std::this_thread::yield();
    running_since = wall_time();
  }

  // Waits until `done` says so; false where it is time to sleep.
  template <class Done>
  bool spin(const Done &done) {
    if (done()) return true;
    int64_t last = wall_time();
    const int64_t end = last + (are_busy(last) ? short_spin : long_spin);
    while (last < end) {
      for (int i = 0; i < 16; i++) pause();
      if (done()) return true;
      const int64_t now = wall_time();
      stood(now - last, now);
      last = now;
    }
    return false;
  }
};

Neighbours neighbours;

constexpr uint32_t owned = 1u << 31, open = 1u << 30, inside = open - 1;

// A job of one caller: tasks that are left, and how many workers are at it.
struct alignas(128) Slot {
  std::atomic<uint32_t> state{0};
  std::atomic<uint32_t> helpers{0};  // workers that may take part
  std::atomic<int64_t> next{0}, count{0};
  void (*task)(void *, int64_t) = nullptr;
  void *context = nullptr;
  bool is_short = false;

  // Counts a worker in, where there is something to do for it.
  bool enter() {
    uint32_t seen = state.load(std::memory_order_acquire);
    while ((seen & open) && (seen & inside) < helpers.load(std::memory_order_relaxed) &&
           next.load(std::memory_order_relaxed) < count.load(std::memory_order_relaxed)) {
      if (state.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) return true;
    }
    return false;
  }
  void leave() {
    const uint32_t before = state.fetch_sub(1, std::memory_order_acq_rel);
    if ((before & inside) == 1 && !(before & open)) state.notify_one();
  }
  void work() {
    const int64_t all = count.load(std::memory_order_relaxed);
    auto each = [&](auto &&behind) {
      for (int64_t i = next.fetch_add(1, std::memory_order_relaxed); i < all;
           i = next.fetch_add(1, std::memory_order_relaxed)) {
        task(context, i);
        behind();
      }
    };
    if (is_short) return each([] {});
    const int64_t start = wall_time(), own_start = own_time();
    each([] { neighbours.take_turns(); });
    const int64_t end = wall_time();
    neighbours.stood(end - start - (own_time() - own_start), end);
  }
};

thread_local bool is_working = false;

struct Pool {
  static constexpr int slot_count = 32;
  Slot slots[slot_count];
  alignas(128) std::atomic<uint32_t> signal{0};
  alignas(128) std::atomic<int64_t> sleeping{0};
  std::atomic<int64_t> threads{machine_threads()}, started{0};
  std::mutex mutex;

  // Takes part in an open job; false where there is none.
  bool help() {
    for (Slot &slot : slots) {
      if (!slot.enter()) continue;
      slot.work();
      slot.leave();
      return true;
    }
    return false;
  }

  void serve() {
    take_short_turns();
    is_working = true;
    while (true) {
      const uint32_t seen = signal.load(std::memory_order_seq_cst);
      if (help()) continue;
      auto called = [&] { return signal.load(std::memory_order_acquire) != seen; };
      if (neighbours.spin(called)) continue;
      sleeping.fetch_add(1, std::memory_order_seq_cst);
      signal.wait(seen, std::memory_order_seq_cst);
      sleeping.fetch_sub(1, std::memory_order_relaxed);
      running_since = wall_time();
    }
  }

  void start(int64_t wanted) {
    if (started.load(std::memory_order_acquire) >= wanted) return;
    std::lock_guard lock(mutex);
    while (started.load(std::memory_order_relaxed) < wanted) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::system_error &) {
        return;  // the caller does without
      }
      started.fetch_add(1, std::memory_order_release);
    }
  }

  Slot *take() {
    for (Slot &slot : slots) {
      uint32_t none = 0;
      if (slot.state.load(std::memory_order_relaxed) == 0 &&
          slot.state.compare_exchange_strong(none, owned, std::memory_order_acq_rel)) {
        return &slot;
      }
    }
    return nullptr;
  }

  void finish(Slot &slot) {
    slot.state.fetch_and(~open, std::memory_order_acq_rel);
    auto alone = [&] { return (slot.state.load(std::memory_order_acquire) & inside) == 0; };
    if (!neighbours.spin(alone)) {
      while (true) {
        const uint32_t seen = slot.state.load(std::memory_order_acquire);
        if ((seen & inside) == 0) break;
        slot.state.wait(seen, std::memory_order_acquire);
      }
      running_since = wall_time();
    }
    slot.state.store(0, std::memory_order_release);
  }

  void run(int64_t count, void (*task)(void *, int64_t), void *context, bool is_short) {
    const int64_t helpers = std::min(threads.load(std::memory_order_relaxed), count) - 1;
    Slot *slot = helpers > 0 && !is_working ? take() : nullptr;
    if (!slot) {
      for (int64_t i = 0; i < count; i++) task(context, i);
      return;
    }
    start(helpers);
    static thread_local const bool has_short_turns [[maybe_unused]] = (take_short_turns(), true);
    slot->task = task, slot->context = context, slot->is_short = is_short;
    slot->count.store(count, std::memory_order_relaxed);
    slot->helpers.store(uint32_t(helpers), std::memory_order_relaxed);
    slot->next.store(0, std::memory_order_relaxed);
    slot->state.store(owned | open, std::memory_order_release);
    signal.fetch_add(1, std::memory_order_seq_cst);
    if (!is_short || !neighbours.are_busy(wall_time())) {
      const int64_t asleep = std::min(helpers, sleeping.load(std::memory_order_seq_cst));
      for (int64_t i = 0; i < asleep; i++) signal.notify_one();
    }
    is_working = true;
    slot->work();
    is_working = false;
    finish(*slot);
  }
};

// Never destroyed: workers wait in it until the process ends.
Pool &pool() {
  static Pool *made = new Pool;
  return *made;
}

}  // namespace

void run_tasks(int64_t count, void (*task)(void *, int64_t), void *context, bool is_short) {
  pool().run(count, task, context, is_short);
}

bool is_machine_busy() { return neighbours.are_busy(wall_time()); }

bool in_task() { return is_working; }

int64_t thread_count() { return pool().threads.load(std::memory_order_relaxed); }

void set_thread_count(int64_t count) {
  pool().threads.store(std::max<int64_t>(1, count), std::memory_order_relaxed);
}

}  // namespace ct
