import ArgumentParser
import AssayData

/// What becomes of a row that does not fit a model.
enum TooLong: String, ExpressibleByArgument, CaseIterable {
  case refuse, skip, cut
}

/// Options of commands that read rows, whatever their length.
struct ProblemOptions: ParsableArguments {
  @Flag(
    help: """
      Leave out rows that cannot be used, and count and name them. Default: stop at the first.
      """
  )
  var skipProblems = false

  /// What to do about rows with problems.
  var policy: ReadPolicy { skipProblems ? .skipping : .strict }

  /// Says what was left out, and refuses a file without rows.
  ///
  /// - Throws: `DataError.noRows`.
  func tell(_ report: ReadReport, of file: String) throws {
    if report.skippedCount > 0 { Output.error(report.description) }
    try report.requireRows(of: file)
  }
}

/// Options of commands that read rows into a model.
struct RowOptions: ParsableArguments {
  @OptionGroup var problems: ProblemOptions

  @Option(
    help: """
      What becomes of a row that is longer than the model reads: refuse, skip (left out and counted) or \
      cut (its beginning goes, and its record says so). Default: as --skip-problems.
      """
  )
  var tooLong: TooLong?

  /// What to do about rows with problems.
  var policy: ReadPolicy {
    let tooLong: ReadPolicy.Action? = self.tooLong.map { $0 == .skip ? .skip : .refuse }
    return ReadPolicy(
      problems.skipProblems ? .skip : .refuse,
      except: tooLong.map { [.tooLong: $0] } ?? [:]
    )
  }

  /// The limit that rows are read with; where long ones are cut, one that finds those only that cannot be
  /// rendered.
  func limit<Record>(_ limit: TokenLimit<Record>?) -> TokenLimit<Record>? {
    guard tooLong == .cut else { return limit }
    return limit.map { TokenLimit(maximumTokens: .max, measure: $0.measure) }
  }

  /// Refuses what models cannot do that compare, or are elsewhere.
  ///
  /// - Throws: `ValidationError`.
  func validate(canCut: Bool, isRemote: Bool = false) throws {
    guard !isRemote || tooLong == nil else {
      throw ValidationError("--too-long belongs to --model: an endpoint has limits of its own")
    }
    guard canCut || tooLong != .cut else {
      throw ValidationError("--too-long cut belongs to models that score; give refuse or skip")
    }
  }

  /// Marks rows that are cut; `nil` where none is.
  func marker<Record>(_ limit: TokenLimit<Record>?) -> ((Record) throws -> Bool)? {
    guard tooLong == .cut, let limit else { return nil }
    return { try limit.measure($0) > limit.maximumTokens }
  }

  /// Says how many rows were cut.
  func tellCut(_ count: Int, of total: Int) {
    guard count > 0 else { return }
    Output.error("\(count) of \(total) rows were cut: they are longer than the model reads")
  }

  /// As `ProblemOptions.tell`.
  func tell(_ report: ReadReport, of file: String) throws { try problems.tell(report, of: file) }
}
