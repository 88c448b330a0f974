import Foundation

/// Memory of this process.
package enum ProcessMemory {
  /// The memory that is resident now, in bytes; where the system does not tell it, the most so far.
  package static var residentBytes: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return peakMB << 20 }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// What this process may have in all: what it has, and what the system or its control group has left, in
  /// bytes; `nil` where that cannot be told.
  ///
  /// Source: docs.kernel.org, filesystems/proc (MemAvailable), admin-guide/cgroup-v2 (memory.max).
  package static var allowedBytes: Int? {
    func read(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
    return allowed(
      resident: residentBytes,
      system: read("/proc/meminfo"),
      limit: read("/sys/fs/cgroup/memory.max"),
      used: read("/sys/fs/cgroup/memory.current"),
      statistics: read("/sys/fs/cgroup/memory.stat")
    )
  }

  /// The same of what these files say.
  ///
  /// Files that the system keeps in memory (`inactive_file`) give way where a group has no more.
  package static func allowed(
    resident: Int,
    system: String?,
    limit: String?,
    used: String?,
    statistics: String?
  ) -> Int? {
    func number(_ text: String?, _ key: String) -> Int? {
      (text ?? "").split(separator: "\n").first { $0.hasPrefix(key) }
        .flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }
    }
    func whole(_ text: String?) -> Int? {
      text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
    let left = number(system, "MemAvailable:").map { $0 << 10 }
    var leftOfGroup: Int?
    if let limit = whole(limit), let used = whole(used) {
      leftOfGroup = max(0, limit - used + (number(statistics, "inactive_file") ?? 0))
    }
    return [left, leftOfGroup].compactMap(\.self).min().map { resident + $0 }
  }

  /// The most memory that was resident so far, in MiB.
  package static var peakMB: Int {
    var usage = rusage()
    #if os(Linux)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Int(usage.ru_maxrss) / 1024
    #else
    getrusage(RUSAGE_SELF, &usage)
    return Int(usage.ru_maxrss) / (1024 * 1024)
    #endif
  }
}
