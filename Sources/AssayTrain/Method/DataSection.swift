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
  /// What each attribute counts where rows rate one response each, and neighbours answer one prompt, as
  /// HelpSteer's do: by the sum they are paired.
  package var attributes = ["helpfulness": 1.0]
  /// Suites to evaluate on, by name.
  package var suites: [String: String] = [:]
  /// A file like `train` that is looked at while a method learns, as `evaluation.every` says.
  ///
  /// Default: null, none.
  package var validation: String?
  /// The share of training prompts, drawn by the seed, that are held out for that, with all of their rows.
  ///
  /// Default: 0, none.
  package var heldOut = 0.0
  /// Whether batches are shuffled; without, they are in the order of the file.
  ///
  /// Default: true.
  package var shuffle = true
  /// Pairs that are in memory, where the file is read while they are learnt.
  ///
  /// They are shuffled among themselves alone. Asks for `compute.steps`; of `classic` alone.
  ///
  /// Default: 0, all: the file is read whole before.
  package var window = 0
  /// Longest sequence of a pair, in tokens.
  ///
  /// Default: null, what the model reads.
  package var maximumTokens: Int?
  /// What becomes of a row that is longer: `refuse`, `skip`, `cut-prompt` (its front goes) or `cut-response`
  /// (its end goes); what is cut is counted.
  ///
  /// Default: null, as `problems` says.
  package var tooLong: OverLong?
  /// What happens to rows that cannot be used: `refuse` stops, `skip` counts and reports them.
  package var problems = ReadPolicy.Action.refuse

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require((0...0.5).contains(heldOut), "heldOut", "a share from 0 to 0.5")
    checks.require(
      validation == nil || heldOut == 0,
      "heldOut",
      "0 beside `validation`: one of them says what is held out"
    )
    checks.require(!train.isEmpty, "train", "the path of a file of pairs")
    checks.require(marginScale >= 0, "marginScale", "a number of at least 0")
    checks.require(window >= 0, "window", "a number of at least 0")
    checks.require(
      window == 0 || heldOut == 0,
      "heldOut",
      "0 beside `window`: a file that is not read whole has no share; give `validation`"
    )
    checks.require((maximumTokens ?? 1) > 0, "maximumTokens", "a number above 0, or null")
  }

  /// How rows are read where that is not the usual way, for fingerprints.
  package var reading: String? {
    var parts = columns.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    func add(_ isUnusual: Bool, _ text: String) { if isUnusual { parts.append(text) } }
    if let maximumTokens { parts.append("at most \(maximumTokens) tokens") }
    if let tooLong { parts.append("longer ones: \(tooLong.rawValue)") }
    add(heldOut != 0, "a share of \(heldOut) held out")
    add(!shuffle, "in the order of the file")
    add(window != 0, "in windows of \(window)")
    add(problems != .refuse, problems.rawValue)
    add(pairing != .all, pairing.rawValue)
    let counted = attributes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    add(attributes != ["helpfulness": 1], "by " + counted.joined(separator: " and "))
    add(marginScale != 0, "margins of \(marginScale)")
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
    let reader = try reader(model: model, compute: compute, leadIn: leadIn)
    let (pairs, report) = try reader.read(path)
    if report.isWorthTelling { events(.warning(report.description)) }
    return pairs
  }

  /// The training pairs in windows, read while they are learnt.
  ///
  /// - Throws: What reading the model's files throws.
  func windows(model: URL, compute: ComputeSection, events: @escaping RunEventHandler) throws
    -> PairWindows
  {
    let reader = try reader(model: model, compute: compute, leadIn: nil)
    return PairWindows(
      size: window,
      seed: compute.seed,
      isShuffled: shuffle,
      events: events
    ) { [train] in try reader.stream(train) }
  }

  /// What reads pairs, measured by the tokens that a model would read.
  private func reader(model: URL, compute: ComputeSection, leadIn: String?) throws -> PairReader {
    let (renderer, limit) = try self.limit(model, compute)
    let cut = LengthCut(maximumTokens: limit, action: tooLong) { prompt, response, critique in
      guard let leadIn, let critique else {
        return try renderer.render(prompt: prompt, response: response).tokens.count
      }
      return try renderer.render(
        prompt: prompt,
        response: response,
        critique: critique,
        leadIn: leadIn,
        trainsLeadIn: false
      ).tokens.count
    }
    var reader = PairReader(policy: policy, limit: cut.ofPairs, columns: columns)
    (reader.pairing, reader.marginScale, reader.attributes) = (pairing, marginScale, attributes)
    return reader
  }

  /// What to do about rows with problems.
  private var policy: ReadPolicy {
    ReadPolicy(problems, except: tooLong?.action.map { [.tooLong: $0] } ?? [:])
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
      policy: policy,
      limit: LengthCut(maximumTokens: limit, action: tooLong) { prompt, response, _ in
        try renderer.render(prompt: prompt, response: response).tokens.count
      }.ofRatings,
      columns: columns
    )
    let (responses, report) = try reader.read(path)
    if report.isWorthTelling { events(.warning(report.description)) }
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
      (reader.pairing, reader.marginScale, reader.attributes) = (pairing, marginScale, attributes)
      return Suite(name: name, pairs: try reader.read(path).pairs)
    }
  }

  /// Reads the suites, by their names: chosen is what a pair's label prefers, and ties are left out.
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
      let pairs = try pairs(path, model: model, compute: compute, leadIn: nil, events: events)
      let decided = pairs.compactMap(\.decided)
      if decided.count < pairs.count {
        events(
          .warning(
            "\(pairs.count - decided.count) of \(pairs.count) pairs of suite '\(name)' are labelled as ties "
              + "(probability 0.5): nobody can be right about them, and they are left out"
          )
        )
      }
      return Suite(name: name, pairs: decided)
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
