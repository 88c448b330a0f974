/// Processes that a run is planned for.
package struct PlannedProcesses {
  /// How many train together.
  package var count: Int
  /// How many of them share this machine's memory.
  package var onThisMachine: Int
  /// Whether each keeps the moments of a part alone.
  package var sharesMoments: Bool

  /// Describes processes; by default one.
  package init(count: Int = 1, onThisMachine: Int? = nil, sharesMoments: Bool = false) {
    self.count = count
    self.onThisMachine = onThisMachine ?? count
    self.sharesMoments = sharesMoments
  }
}
