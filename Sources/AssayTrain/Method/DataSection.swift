import AssayData
import AssayEvaluate
import AssayModel
import AssayRun
import AssayText
import Foundation

/// Where the pairs of a recipe are.
package struct DataSection: RecipeSection {
  /// Training pairs: JSON Lines, plain or gzip, in one of TRL's four shapes.
  package var train = ""
  /// What the files call a key, by what it is called here, such as `prompt: question`.
  ///
  /// Default: none is called otherwise.
  package var columns: [String: String] = [:]
  /// Which pairs are made of rows with several rated responses: `all`, `best-rest` or `best-worst`.
  package var pairing = Pairing.all
  /// What the difference of two such ratings is multiplied with to be a pair's margin.
  ///
  /// Default: 0, no margin.
  package var marginScale = 0.0
  /// Suites to evaluate on, by name.
  package var suites: [String: String] = [:]
  /// Longest sequence of a pair, in tokens.
  ///
  /// Default: null, what the model reads.
  package var maximumTokens: Int?
  /// What happens to rows that cannot be used: `refuse` stops, `skip` counts and reports them.
  package var problems = ReadPolicy.Action.refuse

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!train.isEmpty, "train", "the path of a file of pairs")
    checks.require(marginScale >= 0, "marginScale", "a number of at least 0")
    checks.require((maximumTokens ?? 1) > 0, "maximumTokens", "a number above 0, or null")
  }

  /// How rows are read where that is not the usual way, for fingerprints.
  package var reading: String? {
    let parts =
      columns.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
      + (maximumTokens.map { ["at most \($0) tokens"] } ?? [])
      + (problems == .refuse ? [] : [problems.rawValue])
      + (pairing == .all ? [] : [pairing.rawValue])
      + (marginScale == 0 ? [] : ["margins of \(marginScale)"])
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// Reads the training pairs, measured by the tokens that a model would read.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - model: The folder of the model that will read them.
  ///   - compute: Says whether its chat template may be approximated.
  ///   - leadIn: What opens critiques; `nil` where none are read.
  ///   - events: Hears what was dropped.
  /// - Returns: The pairs that can be used.
  /// - Throws: `DataError` with file and line, or what reading the model's files throws.
  package func pairs(
    _ path: String,
    model: URL,
    compute: ComputeSection,
    leadIn: String?,
    events: RunEventHandler
  ) throws -> [PreferencePair] {
    let (renderer, limit) = try self.limit(model, compute)
    var reader = PairReader(
      policy: ReadPolicy(problems),
      limit: TokenLimit(maximumTokens: limit) { pair in
        try [(pair.chosen, pair.chosenCritique), (pair.rejected, pair.rejectedCritique)].map {
          response,
          critique in
          if let leadIn, let critique {
            return try renderer.render(
              prompt: pair.prompt,
              response: response,
              critique: critique,
              leadIn: leadIn,
              trainsLeadIn: false
            ).tokens.count
          }
          return try renderer.render(prompt: pair.prompt, response: response).tokens.count
        }.max() ?? 0
      },
      columns: columns
    )
    (reader.pairing, reader.marginScale) = (pairing, marginScale)
    let (pairs, report) = try reader.read(path)
    if report.skippedCount > 0 { events(.warning(report.description)) }
    return pairs
  }

  /// Reads rated responses, measured by the tokens that a model would read.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - name: The name of the rating, where rows have several.
  ///   - model: The folder of the model that will read them.
  ///   - compute: Says whether its chat template may be approximated.
  ///   - events: Hears what was dropped.
  /// - Returns: The responses that can be used.
  /// - Throws: As `pairs(_:model:compute:leadIn:events:)`.
  func ratings(
    _ path: String,
    named name: String?,
    model: URL,
    compute: ComputeSection,
    events: RunEventHandler
  ) throws -> [RatedResponse] {
    let (renderer, limit) = try self.limit(model, compute)
    let reader = RatingReader(
      name: name,
      policy: ReadPolicy(problems),
      limit: TokenLimit(maximumTokens: limit) {
        try renderer.render(prompt: $0.prompt, response: $0.response).tokens.count
      },
      columns: columns
    )
    let (responses, report) = try reader.read(path)
    if report.skippedCount > 0 { events(.warning(report.description)) }
    return responses
  }

  /// What makes tokens of texts for a model, and how many a sequence may have.
  private func limit(
    _ model: URL,
    _ compute: ComputeSection
  ) throws -> (SequenceRenderer, Int) {
    let tokenizer = try ModelFiles.tokenizer(at: model)
    let detected = try ModelFiles.chat(at: model, tokenizer: tokenizer)
    let chat = compute.approximateTemplate ? detected.approximated : detected
    let context = try ModelFiles.configuration(at: model).contextTokens
    let renderer = try SequenceRenderer(
      tokenizer: tokenizer,
      template: chat.template,
      scoredToken: .lastOfTemplate,
      refusal: chat.refusal
    )
    return (renderer, min(maximumTokens ?? context, context))
  }

  /// The pairs of all suites, however long they are.
  ///
  /// - Throws: `DataError` with file and line.
  package func rows() throws -> [Suite] {
    try suites.sorted { $0.key < $1.key }.map { name, path in
      var reader = PairReader(policy: ReadPolicy(problems), columns: columns)
      (reader.pairing, reader.marginScale) = (pairing, marginScale)
      return Suite(name: name, pairs: try reader.read(path).pairs)
    }
  }

  /// Reads the suites, by their names.
  ///
  /// - Parameters:
  ///   - model: The folder of the model that will read them.
  ///   - compute: Says whether its chat template may be approximated.
  ///   - events: Hears what was dropped.
  /// - Returns: The suites.
  /// - Throws: As `pairs(_:model:compute:leadIn:events:)`.
  package func readSuites(
    model: URL,
    compute: ComputeSection,
    events: RunEventHandler
  ) throws -> [Suite] {
    try suites.sorted { $0.key < $1.key }.map { name, path in
      Suite(
        name: name,
        pairs: try pairs(path, model: model, compute: compute, leadIn: nil, events: events)
      )
    }
  }
}

/// The suites of a recipe that trains nothing.
package struct SuiteSection: RecipeSection {
  /// What the files call a key, by what it is called here, such as `prompt: question`.
  ///
  /// Default: none is called otherwise.
  package var columns: [String: String] = [:]
  /// Suites to evaluate on, by name.
  package var suites: [String: String] = [:]
  /// Longest sequence of a pair, in tokens.
  ///
  /// Default: null, what the model reads.
  package var maximumTokens: Int?
  /// What happens to rows that cannot be used: `refuse` stops, `skip` counts and reports them.
  package var problems = ReadPolicy.Action.refuse

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!suites.isEmpty, "suites", "names of suites with their files of pairs")
    checks.require((maximumTokens ?? 1) > 0, "maximumTokens", "a number above 0, or null")
  }

  /// The same suites beside no training data.
  var data: DataSection {
    var data = DataSection()
    data.columns = columns
    data.suites = suites
    data.maximumTokens = maximumTokens
    data.problems = problems
    return data
  }
}
