/// What the agreement of annotators allows.
package enum AgreementCeiling {
  /// How often whoever gives the commonest vote agrees with a single annotator: its share of the votes.
  ///
  /// - Parameter votes: At least one.
  /// - Returns: A share.
  package static func share(of votes: [Double]) -> Double {
    let counts = Dictionary(grouping: votes, by: \.self).values.map(\.count)
    return Double(counts.max() ?? 0) / Double(votes.count)
  }
}
