import AssayReward
import Foundation

/// Whether a response was right before and behind its revisions.
public struct RevisionOutcome: Codable, Equatable, Sendable {
  /// The prompt's id.
  public var id: String
  /// Whether the first response was right.
  public var before: Bool
  /// Whether the response revised with a critique is right.
  public var guided: Bool
  /// Whether the response revised without one is right.
  public var unguided: Bool

  /// Makes an outcome.
  public init(id: String, before: Bool, guided: Bool, unguided: Bool) {
    self.id = id
    self.before = before
    self.guided = guided
    self.unguided = unguided
  }
}

/// What revisions with and without a critique come to.
public struct RevisionFigure: Codable, Equatable, Sendable {
  /// One way to revise.
  public struct Way: Codable, Equatable, Sendable {
    /// Accuracy behind the revision.
    public var accuracy: ComparisonResults.Interval
    /// Accuracy behind less accuracy before, paired.
    public var gain: ComparisonResults.Interval
    /// The share of wrong responses that became right; `nil` where none was wrong.
    public var corrected: ComparisonResults.Interval?
    /// The share of right responses that became wrong; `nil` where none was right.
    public var broken: ComparisonResults.Interval?
  }

  /// The critic.
  public var method: String
  /// The seed.
  public var seed: Int?
  /// Accuracy of the first responses.
  public var before: ComparisonResults.Interval
  /// With a critique.
  public var guided: Way
  /// Without one.
  public var unguided: Way
  /// Accuracy with a critique less accuracy without, paired.
  public var difference: ComparisonResults.Interval

  /// Computes the figures.
  ///
  /// - Parameters:
  ///   - outcomes: At least one.
  ///   - method: The critic.
  ///   - seed: The seed that the critic was trained with.
  /// - Throws: `StatisticsError.empty`.
  public init(_ outcomes: [RevisionOutcome], method: String, seed: Int? = nil) throws {
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
