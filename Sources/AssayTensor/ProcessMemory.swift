import Foundation

/// Memory of this process.
package enum ProcessMemory {
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
