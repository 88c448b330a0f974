extension AgreementCeiling {
  /// The mean ceiling of a benchmark's items, over all and by section and subset.
  ///
  /// - Parameter items: The items; those of fewer than two votes do not count.
  /// - Returns: By section, with `overall`; `nil` where no item counts.
  package static func shares(of items: [BenchmarkItem]) -> [String: Double]? {
    var found: [String: [Double]] = [:]
    for item in items where item.votes.count > 1 {
      for name in Set(["overall", item.section, item.subset]) where !name.isEmpty {
        found[name, default: []].append(share(of: item.votes))
      }
    }
    return found.isEmpty ? nil : found.mapValues { $0.reduce(0, +) / Double($0.count) }
  }
}
