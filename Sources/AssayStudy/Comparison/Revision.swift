import AssayReward
import Foundation

/// What revisions with and without a critique come to.
package struct RevisionFigure: Codable, Equatable, Sendable {
  /// One way to revise.
  package struct Way: Codable, Equatable, Sendable {
    /// Accuracy behind the revision.
    package var accuracy: StudyInterval
    /// Accuracy behind less accuracy before, paired.
    package var gain: StudyInterval
    /// The share of wrong responses that became right; `nil` where none was wrong.
    package var corrected: StudyInterval?
    /// The share of right responses that became wrong; `nil` where none was right.
    package var broken: StudyInterval?
  }

  /// The critic.
  package var method: String
  /// The seed.
  package var seed: Int?
  /// Accuracy of the first responses.
  package var before: StudyInterval
  /// With a critique.
  package var guided: Way
  /// Without one.
  package var unguided: Way
  /// Accuracy with a critique less accuracy without, paired.
  package var difference: StudyInterval

  /// Computes the figures.
  ///
  /// - Parameters:
  ///   - outcomes: At least one.
  ///   - method: The critic.
  ///   - seed: The seed that the critic was trained with.
  /// - Throws: `StatisticsError.empty`.
  package init(_ outcomes: [RevisionOutcome], method: String, seed: Int? = nil) throws {
    self.method = method
    self.seed = seed
    let before = outcomes.map { $0.before ? 1.0 : 0 }
    let guided = outcomes.map { $0.guided ? 1.0 : 0 }
    let unguided = outcomes.map { $0.unguided ? 1.0 : 0 }
    self.before = .init(try Statistics.accuracy(before))
    func way(_ behind: [Double]) throws -> Way {
      let wrong = behind.indices.filter { before[$0] == 0 }.map { behind[$0] }
      let right = behind.indices.filter { before[$0] == 1 }.map { 1 - behind[$0] }
      return Way(
        accuracy: .init(try Statistics.accuracy(behind)),
        gain: .init(try Statistics.pairedDifference(behind, before)),
        corrected: wrong.isEmpty ? nil : .init(try Statistics.accuracy(wrong)),
        broken: right.isEmpty ? nil : .init(try Statistics.accuracy(right))
      )
    }
    self.guided = try way(guided)
    self.unguided = try way(unguided)
    difference = .init(try Statistics.pairedDifference(guided, unguided))
  }
}
