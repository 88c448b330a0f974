// Cores of this process, by LibTorch's count and by the limits of control groups, and its turns.
#include "machine.hpp"

#include <ATen/Parallel.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace ct {

namespace {

// Cores by a file of version 2, "QUOTA PERIOD" or "max PERIOD"; 0 where it has no limit.
double cores_of(const std::string &path) {
  std::ifstream file(path);
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return std::strtod(quota.c_str(), nullptr) / period;
}

double number_in(const std::string &path) {
  std::ifstream file(path);
  double value = 0;
  return file >> value ? value : 0;
}

// Cores by version 1, whose quota is -1 where there is no limit.
double old_cores_of(const std::string &folder) {
  const double quota = number_in(folder + "/cpu.cfs_quota_us");
  const double period = number_in(folder + "/cpu.cfs_period_us");
  return quota > 0 && period > 0 ? quota / period : 0;
}

// The folder of this process below the mount of control groups; empty where it is not known.
std::string group_folder(bool is_old) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (is_old ? controllers.find(",cpu,") != std::string::npos : controllers == ",,") {
      return line.substr(second + 1);
    }
  }
  return "";
}

// The smallest limit of the group and those around it; 0 where there is none.
double limit_of_groups() {
  double least = 0;
  auto take = [&](double cores) {
    if (cores > 0 && (least == 0 || cores < least)) least = cores;
  };
  for (const bool is_old : {false, true}) {
    const std::string mount = is_old ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup";
    std::string folder = group_folder(is_old);
    while (true) {
      take(is_old ? old_cores_of(mount + folder) : cores_of(mount + folder + "/cpu.max"));
      if (folder.empty() || folder == "/") break;
      folder.erase(folder.rfind('/'));
    }
  }
  return least;
}

}  // namespace

int64_t machine_threads() {
  const int64_t cores = std::max(1, at::get_num_threads());
  const double limit = limit_of_groups();
  if (limit <= 0) return cores;
  return std::clamp<int64_t>(int64_t(std::ceil(limit - 0.01)), 1, cores);
}

#if defined(__linux__) && defined(SYS_sched_setattr)

void take_short_turns() {
  // As in linux/sched/types.h, which not all systems have.
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {};
  constexpr uint32_t usual_policy = 0;  // SCHED_OTHER
  constexpr uint64_t turn = 100'000;    // ns, the least there is; usual are some milliseconds
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  if (attributes.policy != usual_policy) return;
  attributes.runtime = turn;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

#else

void take_short_turns() {}

#endif

}  // namespace ct
