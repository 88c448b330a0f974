// Labels pairs of responses by what a rater prefers.
import AssayBase
import AssayData
import AssayReward
import AssayText
import Foundation

/// Labels pairs, and writes those that are labelled, in the pairs' order.
package struct Labelling {
  /// The pairs.
  package let pairs: [PreferencePair]
  /// What to call them in errors.
  package let data: String
  /// What prefers.
  package let rater: any Rater
  /// Labels of less confidence are left out.
  package let minimumConfidence: Double
  /// Whether a pair does not fit, which its line then says; `nil`: none.
  package let isCut: ((PreferencePair) throws -> Bool)?

  /// Pairs that are rated together.
  private static let stretch = 64

  /// Makes a labelling.
  package init(
    _ pairs: [PreferencePair],
    of data: String,
    by rater: any Rater,
    minimumConfidence: Double,
    isCut: ((PreferencePair) throws -> Bool)? = nil
  ) {
    self.pairs = pairs
    self.data = data
    self.rater = rater
    self.minimumConfidence = minimumConfidence
    self.isCut = isCut
  }

  /// Labels all pairs behind those that a file has.
  ///
  /// - Parameters:
  ///   - path: The file of labelled pairs.
  ///   - onProgress: Called with the pairs that are done, and the tokens since the last call, first
  ///     with those done before; what it throws ends the work.
  /// - Returns: What became of the pairs.
  /// - Throws: `EvaluateError.foreignRecord` for a line of other pairs, `DataError`, or what the rater
  ///   and `onProgress` throw.
  package func run(
    to path: String,
    onProgress: (_ done: Int, _ tokens: Int) throws -> Void
  ) async throws -> LabelTally {
    let (writer, lines, _) = try RecordWriter.resume(path)
    var tally = LabelTally()
    let resumed = try recorded(lines, path, &tally)
    try onProgress(resumed, 0)
    // Sums depend on what is packed together: a stretch that was cut short is read again as a whole.
    // What a judge writes does not.
    let isWritten = (rater as? JudgeRater)?.task == .chain
    let first = isWritten ? resumed : resumed / Self.stretch * Self.stretch
    for start in stride(from: first, to: pairs.count, by: Self.stretch) {
      try Interruption.check()
      let part = Array(pairs[start..<min(start + Self.stretch, pairs.count)])
      try await RewardError.inStretch(from: start) {
        _ = try await rater.outcomes(part, suite: "") { index, outcome in
          if start + index >= resumed {
            try write(part[index], outcome.probability, to: writer, &tally)
          }
          try onProgress(
            start + index + 1,
            outcome.promptTokens + outcome.completionTokens
          )
        }
      }
    }
    return tally
  }

  private func write(
    _ pair: PreferencePair,
    _ probability: Double?,
    to writer: RecordWriter,
    _ tally: inout LabelTally
  ) throws {
    guard let probability else {
      tally.missing += 1
      return
    }
    let label = Label(pair, probability)
    guard label.confidence >= minimumConfidence else {
      tally.unsure += 1
      return
    }
    try writer.append(label.json(isCut: try isCut?(pair) ?? false))
    tally.add(probability, of: pair)
  }

  /// How many pairs were done before: those up to the last one that is written.
  private func recorded(
    _ lines: [JSONValue],
    _ path: String,
    _ tally: inout LabelTally
  ) throws -> Int {
    var done = 0
    for (number, line) in lines.enumerated() {
      let place = pairs[done...].firstIndex { $0.id == line["id"]?.string }
      guard let place, line["confidence"]?.double != nil else {
        throw EvaluateError.foreignRecord(file: path, line: number + 1, expected: data)
      }
      tally.leftOut += place - done
      let probability = line["probability"]?.double ?? 1
      let own = Label.keepsOrder(line, pairs[place]) ? probability : 1 - probability
      tally.add(own, of: pairs[place])
      done = place + 1
    }
    return done
  }
}

/// A pair in the order of its label.
private struct Label {
  let pair: PreferencePair
  /// From 0 for a tie to 1.
  let confidence: Double

  init(_ given: PreferencePair, _ probability: Double) {
    var pair = given
    if probability < 0.5 {
      (pair.chosen, pair.rejected) = (given.rejected, given.chosen)
      (pair.chosenCritique, pair.rejectedCritique) = (
        given.rejectedCritique, given.chosenCritique
      )
    }
    let own = max(probability, 1 - probability)
    // Readers take a missing probability as certain, and refuse 1.
    pair.probability = own < 1 ? own : nil
    pair.margin = nil  // it was that of the given label
    self.pair = pair
    confidence = 2 * own - 1
  }

  func json(isCut: Bool) -> JSONValue {
    .object(
      (pair.json.members ?? []) + [JSONMember("confidence", .number("\(confidence)"))]
        + (isCut ? [JSONMember("cut", true)] : [])
    )
  }

  /// Whether a written line has the given order of a pair.
  static func keepsOrder(_ line: JSONValue, _ pair: PreferencePair) -> Bool {
    let chosen = line["chosen"]
    return (chosen?.string ?? chosen?.array?.last?["content"]?.string) == pair.chosen
  }
}

/// What became of pairs that were to be labelled.
package struct LabelTally: Equatable, Sendable {
  /// Pairs that were labelled.
  package private(set) var labelled = 0
  /// How right each label is by the one that was given: 1, 0, or one half for a tie; see `PairGrade`.
  ///
  /// Given ties are left out.
  package private(set) var outcomes: [Double] = []
  /// Pairs without a verdict.
  package fileprivate(set) var missing = 0
  /// Pairs below the minimum confidence.
  package fileprivate(set) var unsure = 0
  /// Pairs left out before an interruption, for either reason.
  package fileprivate(set) var leftOut = 0

  fileprivate mutating func add(_ probability: Double, of pair: PreferencePair) {
    labelled += 1
    let given = (pair.probability ?? 1) - 0.5
    guard given != 0 else { return }
    let margin = given > 0 ? probability - 0.5 : 0.5 - probability
    outcomes.append(PairGrade.Mark(margin: margin).credit)
  }

  /// One line for people.
  ///
  /// - Parameter isLabelled: Whether the given order was true, so that agreement is accuracy.
  /// - Returns: How many pairs were labelled, and how many left out for which reason.
  package func text(isLabelled: Bool) -> String {
    var parts = ["\(labelled) pairs labelled"]
    if missing > 0 { parts.append("\(missing) without a verdict left out") }
    if unsure > 0 { parts.append("\(unsure) below the minimum confidence left out") }
    if leftOut > 0 { parts.append("\(leftOut) left out before the interruption") }
    if isLabelled, let share = try? Statistics.accuracy(outcomes) {
      let figures = [share.value, share.lower, share.upper].map {
        String(format: "%.1f", 100 * $0)
      }
      parts.append("the given labels agree in \(figures[0]) % [\(figures[1]), \(figures[2])]")
    }
    return parts.joined(separator: ", ")
  }
}
