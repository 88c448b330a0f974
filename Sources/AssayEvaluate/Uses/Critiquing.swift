// Writes critiques of responses or of pairs, one record each.
import AssayBase
import AssayData
import AssayGenerate
import AssayReward
import AssayText

/// Writes critiques of responses, of both responses of pairs, or into pairs for training.
package struct Critiquing {
  /// What records are.
  package enum Form: Equatable, Sendable {
    /// Lines `{"id", "side", "critiques": [...]}`; a pair makes two of them.
    case critiques
    /// The pairs themselves, with a critique of each response.
    case pairs
  }

  /// What becomes one line: a response, or a pair.
  private struct Unit {
    let id: String
    let side: String?
    let pair: PreferencePair?
    let inputs: [ScoringInput]
    let isCut: Bool
  }

  private let units: [Unit]
  private let data: String
  private let form: Form
  private let critic: Critic
  private let samples: Int
  /// How many lines there will be.
  package var count: Int { units.count }

  /// Makes one.
  ///
  /// - Parameters:
  ///   - records: What is criticized, each with whether it does not fit and its front is cut.
  ///   - data: What to call them in errors.
  ///   - form: What is written.
  ///   - critic: What writes.
  ///   - samples: Critiques of each response; one where pairs are written.
  package init(
    _ records: [(record: JudgedRecord, isCut: Bool)],
    of data: String,
    form: Form,
    critic: Critic,
    samples: Int
  ) {
    self.data = data
    self.form = form
    self.critic = critic
    self.samples = samples
    units = records.flatMap { record, isCut in
      switch record {
      case .pair(let pair) where form == .pairs:
        return [Unit(id: pair.id, side: nil, pair: pair, inputs: record.inputs, isCut: isCut)]
      case .pair(let pair):
        return zip(["chosen", "rejected"], record.inputs).map { side, input in
          Unit(id: pair.id, side: side, pair: nil, inputs: [input], isCut: isCut)
        }
      case .response(let response):
        return [Unit(id: response.id, side: nil, pair: nil, inputs: record.inputs, isCut: isCut)]
      }
    }
  }

  /// Writes all critiques behind those that a file has.
  ///
  /// - Parameters:
  ///   - path: The file of records; `-` is standard output.
  ///   - onProgress: Called with the lines that are done, and the tokens since the last call, first
  ///     with those done before; what it throws ends the work.
  /// - Returns: How many critiques were written, and how many of them were cut or empty and left out
  ///   of pairs.
  /// - Throws: `EvaluateError.foreignRecord` for a line of other data, `DataError`, or what the critic
  ///   and `onProgress` throw.
  package func run(
    to path: String,
    onProgress: (_ done: Int, _ tokens: Int) throws -> Void
  ) async throws -> (written: Int, leftOut: Int) {
    let (log, recorded, _) = try RecordWriter.resume(path)
    try check(recorded, path)
    let first = recorded.count
    var (done, leftOut) = (first, 0)
    try onProgress(done, 0)
    let rest = units[first...]
    var own: [[Critique]] = []
    try await RewardError.inStretch(from: first) {
      _ = try await critic.write(rest.flatMap(\.inputs)) { _, critiques in
        own.append(critiques)
        let unit = units[done]
        guard own.count == unit.inputs.count else { return }
        try log.append(line(unit, own, &leftOut))
        let tokens = own.joined().map(\.tokens).reduce(0, +)
        own = []
        done += 1
        try onProgress(done, tokens)
      }
    }
    return (rest.map(\.inputs.count).reduce(0, +) * samples, leftOut)
  }

  private func line(_ unit: Unit, _ own: [[Critique]], _ leftOut: inout Int) throws -> JSONValue {
    let cut = unit.isCut ? [JSONMember("cut", true)] : []
    guard var pair = unit.pair else {
      let critiques = own[0].map { critique in
        JSONValue.object(
          [
            JSONMember("finish_reason", .string(critique.finishReason.rawValue)),
            JSONMember("text", .string(critique.text)),
          ] + (critique.statedScore.map { [JSONMember("stated_score", .number("\($0)"))] } ?? [])
        )
      }
      return .object(
        [JSONMember("critiques", .array(critiques)), JSONMember("id", .string(unit.id))]
          + (unit.side.map { [JSONMember("side", .string($0))] } ?? []) + cut
      )
    }
    let texts = own.map { $0[0].isUsable ? $0[0].text : nil }
    (pair.chosenCritique, pair.rejectedCritique) = (texts[0], texts[1])
    leftOut += texts.count { $0 == nil }
    return .object((pair.json.members ?? []) + cut)
  }

  /// Checks that the recorded lines are those of the first units.
  private func check(_ recorded: [JSONValue], _ path: String) throws {
    for (index, line) in recorded.enumerated() {
      let isOurs: Bool
      if index >= units.count || line["id"]?.string != units[index].id {
        isOurs = false
      } else if form == .pairs {
        isOurs = line["chosen"] != nil
      } else {
        isOurs =
          line["side"]?.string == units[index].side
          && line["critiques"]?.array?.count == samples
      }
      guard isOurs else {
        throw EvaluateError.foreignRecord(
          file: path,
          line: index + 1,
          expected: "\(data) with " + (form == .pairs ? "--as-pairs" : "--samples \(samples)")
        )
      }
    }
  }
}

extension Critique {
  /// Whether it has its end, and is not empty.
  fileprivate var isUsable: Bool { !finishReason.isCut && !text.allSatisfy(\.isWhitespace) }
}
