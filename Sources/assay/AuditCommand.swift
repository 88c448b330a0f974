import ArgumentParser
import AssayData
import AssayModel
import AssayReward

struct AuditCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Shows what would be scored, and fails where a score would be another one elsewhere.",
    discussion: """
      Of each row: the rendered text, its tokens, the token that is scored, special tokens that \
      messages spell, and the score alone, in a batch, padded on either side, and as transformers, TRL, \
      vLLM and SGLang read the row. Of the model: padding and ends, what other tools add around a text, \
      and the template's own system turn. Exit code 65 where a score differs; --accept names problems \
      that are known.
      """
  )

  @Option(help: "A model folder or a run folder.")
  var model: String

  @Option(help: "Responses or rendered texts, JSON Lines; - is standard input.")
  var data: String

  @Option(
    help: """
      A problem that does not fail, as --json and the report name it, such as doubled-bos. May be given \
      several times. Default: none.
      """
  )
  var accept: [AuditReport.Problem] = []

  @Option(
    help: """
      Differences that are rounding, of a score of up to 1 and in proportion above. Default: 0.0001 in \
      float32, 0.02 where weights or products are rounded.
      """
  )
  var tolerance: Double?

  @Option(
    help: """
      What becomes of a row that is longer than the model reads: refuse, skip (left out and counted) or \
      cut (its beginning goes, as `score` cuts it, and that is no failure). Default: it fails as a \
      problem, truncation.
      """
  )
  var tooLong: TooLong?

  @OptionGroup var problems: ProblemOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  /// What `--json` prints.
  private struct Result: Encodable {
    var passed: Bool
    var problems: [String: Int]
    var model: AuditedModel
    var rows: [AuditedRow]
  }

  func validate() throws {
    guard tolerance.map({ $0 >= 0 && $0.isFinite }) ?? true else {
      throw ValidationError("--tolerance is a number of at least 0")
    }
  }

  /// What does not fail.
  private var accepted: Set<AuditReport.Problem> {
    Set(accept).union(tooLong == .cut ? [.truncation] : [])
  }

  /// What is too long is a finding, where nothing else is asked for; what cannot be rendered is a row with
  /// a problem.
  private func reader(_ text: ModelText) throws -> ResponseReader {
    var limit = try TextLength(text).responses
    if tooLong == nil || tooLong == .cut {
      limit = TokenLimit(maximumTokens: .max, measure: limit.measure)
    }
    let policy = ReadPolicy(
      problems.skipProblems ? .skip : .refuse,
      except: tooLong.map { [.tooLong: $0 == .skip ? .skip : .refuse] } ?? [:]
    )
    return ResponseReader(policy: policy, limit: limit)
  }

  func execute() async throws {
    let loaded = try inference.load(model, common)
    let audit = try Audit(loaded, tolerance: tolerance)
    let (records, found) = try reader(ModelText(loaded)).read(data)
    try problems.tell(found, of: data)
    let report = try await audit.report(records)
    let failure = AuditFailure(report, model: model, accepted: accepted)
    if common.isJSON {
      let counts = report.problems.map { ($0.problem.rawValue, $0.rows) }
      try Output.json(
        Result(
          passed: failure == nil,
          problems: Dictionary(uniqueKeysWithValues: counts),
          model: report.model,
          rows: report.rows
        )
      )
    } else {
      try Output.result(report.lines.joined(separator: "\n"))
    }
    if let failure { throw failure }
  }
}

extension AuditReport.Problem: ExpressibleByArgument {}
