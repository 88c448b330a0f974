// LibTorch's parallel loops on the pool: what its library calls of GNU OpenMP is called here.
//
// libgomp cuts a loop into as many parts as threads, and its threads spin at the end of each for
// milliseconds: beside another process a program of two threads on two cores ran at a fifth of its
// speed (2026-11). Here the members of a region are tasks of the pool, and whoever is free takes the
// next one. The calls are turned in the library's table of addresses; where that has another shape,
// all goes as before.
#if defined(__linux__)

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "parallel.hpp"

namespace ct {

namespace {

// The members of a region. They may meet at barriers, which few regions have: there, threads of
// their own take the members that nobody has begun.
struct Team {
  void (*body)(void *);
  void *data;
  int count;
  std::atomic<int> next{0}, arrived{0}, round{0};
  std::mutex mutex;
  std::vector<std::thread> threads;

  void run_next();
  void wait();
};

// What this thread is a member of.
thread_local Team *current = nullptr;
thread_local int own_index = 0;

void run_member(Team *team, int index) {
  current = team, own_index = index;
  team->body(team->data);
  current = nullptr;
}

void Team::run_next() {
  const int index = next.fetch_add(1, std::memory_order_relaxed);
  if (index < count) run_member(this, index);
}

void Team::wait() {
  for (int index = next.fetch_add(1, std::memory_order_relaxed); index < count;
       index = next.fetch_add(1, std::memory_order_relaxed)) {
    std::lock_guard lock(mutex);
    threads.emplace_back([this, index] { run_member(this, index); });
  }
  const int now = round.load(std::memory_order_acquire);
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
    arrived.store(0, std::memory_order_relaxed);
    round.fetch_add(1, std::memory_order_acq_rel);
    round.notify_all();
    return;
  }
  while (round.load(std::memory_order_acquire) == now) round.wait(now, std::memory_order_acquire);
}

void run_region(void (*body)(void *), void *data, int count) {
  Team team{body, data, count};
  parallel_tasks(count, [&](int64_t) { team.run_next(); });
  for (std::thread &thread : team.threads) thread.join();
}

// libgomp's own.
struct Originals {
  void (*parallel)(void (*)(void *), void *, unsigned, unsigned);
  void (*barrier)();
  int (*thread_num)(), (*num_threads)(), (*in_parallel)();
};
Originals originals;

void parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags) {
  if (!current && !in_task()) {
    const auto most = unsigned(std::min<int64_t>(thread_count(), at::get_num_threads()));
    if (threads == 0 && most > 1) return run_region(body, data, int(most));
    // Who asks for a number (MKL, oneDNN) may let its members wait for each other by means of its
    // own: one such region at a time has as many threads as members.
    static std::mutex one;
    std::unique_lock lock(one, std::defer_lock);
    if (threads > 1 && threads <= most && lock.try_lock()) {
      return run_region(body, data, int(threads));
    }
  }
  // Inside of a region or task another one has a single member.
  const unsigned wanted = current || in_task() || threads == 0 ? 1 : threads;
  Team *const outer = std::exchange(current, nullptr);
  originals.parallel(body, data, wanted, flags);
  current = outer;
}
void barrier() { return current ? current->wait() : originals.barrier(); }
int thread_num() { return current ? own_index : originals.thread_num(); }
int num_threads() { return current ? current->count : originals.num_threads(); }
int in_parallel() { return current || in_task() ? 1 : originals.in_parallel(); }

struct Turned {
  const char *name;
  void *to;
  void *original = nullptr;
  std::vector<void **> entries;  // where the address lies
};

// Writes an address into a table that may be read only.
void write_entry(void **entry, void *address) {
  const auto page = uintptr_t(sysconf(_SC_PAGESIZE));
  auto *start = reinterpret_cast<void *>(uintptr_t(entry) / page * page);
  if (mprotect(start, page, PROT_READ | PROT_WRITE) == 0) *entry = address;
}

// Finds the calls of one loaded library that are looked up by these names.
void find(const dl_phdr_info &library, Turned *calls, size_t count) {
  const ElfW(Dyn) *part = nullptr;
  for (int i = 0; i < library.dlpi_phnum; i++) {
    if (library.dlpi_phdr[i].p_type == PT_DYNAMIC) {
      part = reinterpret_cast<const ElfW(Dyn) *>(library.dlpi_addr + library.dlpi_phdr[i].p_vaddr);
    }
  }
  if (!part) return;
  const ElfW(Sym) *symbols = nullptr;
  const char *names = nullptr;
  struct {
    const ElfW(Rela) *first = nullptr;
    size_t bytes = 0;
  } tables[2];
  auto pointer = [&](ElfW(Addr) address) {
    return address < library.dlpi_addr ? library.dlpi_addr + address : address;
  };
  for (; part->d_tag != DT_NULL; part++) {
    const auto at = pointer(part->d_un.d_ptr);
    switch (part->d_tag) {
      case DT_SYMTAB: symbols = reinterpret_cast<const ElfW(Sym) *>(at); break;
      case DT_STRTAB: names = reinterpret_cast<const char *>(at); break;
      case DT_JMPREL: tables[0].first = reinterpret_cast<const ElfW(Rela) *>(at); break;
      case DT_PLTRELSZ: tables[0].bytes = part->d_un.d_val; break;
      case DT_RELA: tables[1].first = reinterpret_cast<const ElfW(Rela) *>(at); break;
      case DT_RELASZ: tables[1].bytes = part->d_un.d_val; break;
      default: break;
    }
  }
  if (!symbols || !names) return;
  for (const auto &table : tables) {
    for (size_t i = 0; table.first && i < table.bytes / sizeof(ElfW(Rela)); i++) {
      const ElfW(Rela) &entry = table.first[i];
      const size_t symbol = entry.r_info >> 32;
      if (symbol == 0 || symbols[symbol].st_shndx != SHN_UNDEF) continue;
      const char *name = names + symbols[symbol].st_name;
      for (size_t c = 0; c < count; c++) {
        if (std::strcmp(name, calls[c].name) != 0) continue;
        calls[c].entries.push_back(reinterpret_cast<void **>(library.dlpi_addr + entry.r_offset));
      }
    }
  }
}

// Turns LibTorch's calls, all or none.
bool turn_all() {
  constexpr size_t call_count = 5;
  Turned calls[call_count] = {
      {"GOMP_parallel", reinterpret_cast<void *>(parallel)},
      {"GOMP_barrier", reinterpret_cast<void *>(barrier)},
      {"omp_get_thread_num", reinterpret_cast<void *>(thread_num)},
      {"omp_get_num_threads", reinterpret_cast<void *>(num_threads)},
      {"omp_in_parallel", reinterpret_cast<void *>(in_parallel)},
  };
  for (Turned &call : calls) {
    call.original = dlsym(RTLD_DEFAULT, call.name);
    if (!call.original) return false;
  }
  originals = {reinterpret_cast<decltype(Originals::parallel)>(calls[0].original),
               reinterpret_cast<decltype(Originals::barrier)>(calls[1].original),
               reinterpret_cast<decltype(Originals::thread_num)>(calls[2].original),
               reinterpret_cast<decltype(Originals::num_threads)>(calls[3].original),
               reinterpret_cast<decltype(Originals::in_parallel)>(calls[4].original)};
  dl_iterate_phdr(
      [](dl_phdr_info *library, size_t, void *found) {
        if (std::string_view(library->dlpi_name).find("libtorch_cpu.so") != std::string_view::npos) {
          find(*library, static_cast<Turned *>(found), call_count);
        }
        return 0;
      },
      calls);
  for (const Turned &call : calls) {
    if (call.entries.empty()) return false;
  }
  for (const Turned &call : calls) {
    for (void **entry : call.entries) write_entry(entry, call.to);
  }
  return true;
}

// When the program starts.
[[maybe_unused]] const bool are_turned = turn_all();

}  // namespace

}  // namespace ct

#endif
