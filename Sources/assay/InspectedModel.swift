import AssayModel
import AssayReward
import AssayTensor
import AssayText

/// What a judge was trained to read and write.
struct InspectedJudge: Encodable {
  let task: RolePrompts.JudgeTask
  let wording: String
  /// The system turn; `nil` where there is none.
  let system: String?
  /// The user's turn, with places.
  let question: String
  let tokens: Int

  init(_ manifest: JudgeManifest) {
    let prompts = manifest.prompts
    let isChain = manifest.task == .chain
    let system = isChain ? prompts.chainSystem : prompts.tokenSystem
    task = manifest.task
    wording = prompts.name
    self.system = system.isEmpty ? nil : system
    question = prompts.comparison + (isChain ? prompts.chainQuestion : prompts.tokenQuestion)
    tokens = manifest.tokens
  }

  /// What the task is, for people; a pair model reads what a letter is asked for with.
  func taskText(isPair: Bool) -> String {
    guard task == .token else { return "chain (reasons, then a verdict)" }
    return isPair ? "one logit" : "token (a letter)"
  }

  /// What it is asked, on one line.
  var asked: String {
    let whole = (system.map { "system \"\($0)\", user " } ?? "") + "\"\(question)\""
    return whole.replacing("\n", with: "\\n")
  }
}

/// What the head computes.
struct InspectedHead: Encodable {
  /// Names and shapes of its layers, or ids whose logits are read.
  let reads: String
  /// Which tokens are read.
  let position: String
  /// What is made of the rows.
  let reading: String
  let isCost: Bool
  let isNormalized: Bool
  let attributes: [String]
  /// Asked behind a response, before the score is read.
  let question: String?

  init(_ descriptor: HeadDescriptor, question: String?) {
    reads = descriptor.source
    position = "\(descriptor.position)"
    reading = "\(descriptor.reading)"
    isCost = descriptor.isCost
    isNormalized = descriptor.normalizer != nil
    attributes = descriptor.attributes
    self.question = question
  }
}

/// What a model is, as JSON or as lines.
struct InspectedModel: Encodable {
  let path: String
  let kind: String
  let family: String
  let parameters: Int
  let hiddenSize, layers, heads, groups, headWidth, feedForwardSize, vocabulary, context: Int
  let tiedEmbeddings: Bool
  let head: String?
  let headRule: InspectedHead?
  let template: String
  let templateIsExact: Bool
  /// Why conversations are refused; `nil` where they are rendered.
  let templateRefusal: String?
  let endOfTurn: String
  let padToken: String?
  let padIsEnd: Bool
  let leadIn: String?
  let critiqueTokens: Int?
  let judge: InspectedJudge?
  let goldenDifference: Double?
  /// The findings of the card that is kept beside it; `nil` where there is none.
  let card: [String]?

  /// - Throws: `RewardError` where its saved scores are not met.
  init(_ model: Model, path: String, card: KeptCard?) throws {
    let configuration = model.decoder.configuration
    self.path = path
    kind = model.manifest.kind.rawValue
    family = configuration.architecture.modelType
    parameters = model.parameters.map(\.value.count).reduce(0, +)
    hiddenSize = configuration.hiddenSize
    layers = configuration.layerCount
    heads = configuration.headCount
    groups = configuration.groupCount
    headWidth = configuration.headWidth
    feedForwardSize = configuration.feedForwardSize
    vocabulary = configuration.vocabularySize
    context = model.contextTokens
    tiedEmbeddings = configuration.tiesEmbeddings
    head = model.head?.descriptor.layout
    headRule = model.head.map { InspectedHead($0.descriptor, question: model.manifest.question) }
    template = model.template.name
    templateIsExact = model.templateRefusal == nil
    templateRefusal = model.templateRefusal?.description
    endOfTurn = model.template.endOfTurn
    padToken = model.template.padding
    padIsEnd = model.template.padding == model.template.endOfTurn
    leadIn = model.manifest.leadIn
    critiqueTokens = model.manifest.critiqueTokens
    judge = model.manifest.judge.map { InspectedJudge($0) }
    goldenDifference = try model.verifyGolden()
    self.card = card?.sentences
  }

  /// The lines for people.
  ///
  /// - Parameter descriptor: The head's, whose rule is a line.
  /// - Returns: Lines.
  /// - Returns: The lines.
  func text(head descriptor: HeadDescriptor?) -> String {
    let ends = endOfTurn.isEmpty ? "no known token" : endOfTurn
    var lines = [
      path,
      "  kind        \(kind), \(head.map { "\($0) head" } ?? "no reward head")",
      "  parameters  \(parameters)",
      "  decoder     \(family): hidden \(hiddenSize), \(layers) layers, \(heads) heads "
        + "(\(groups) key/value) of \(headWidth), feed-forward \(feedForwardSize)",
      "  vocabulary  \(vocabulary)\(tiedEmbeddings ? ", tied embeddings" : "")",
      "  context     \(context) tokens",
      "  template    \(template)"
        + (templateIsExact ? "" : " (not exact: conversations are refused)")
        + ", turns end with \(ends), padding \(padToken ?? "none")"
        + (padIsEnd ? " (the end token: scores move!)" : ""),
    ]
    if let descriptor { lines.append("  head        \(descriptor.summary)") }
    if let templateRefusal { lines.append("              \(templateRefusal)") }
    if let leadIn {
      lines.append("  critiques   opened by \"\(leadIn)\", up to \(critiqueTokens ?? 0)")
    }
    if let judge {
      lines += [
        "  judge       \(judge.taskText(isPair: kind == ModelKind.pair.rawValue)), "
          + "up to \(judge.tokens) tokens, wording \"\(judge.wording)\"",
        "  asked       \(judge.asked)",
      ]
    }
    if let goldenDifference {
      lines.append("  golden      scores differ from the saved ones by at most \(goldenDifference)")
    }
    lines += (card ?? []).enumerated().map { ($0 == 0 ? "  card        " : "              ") + $1 }
    return lines.joined(separator: "\n")
  }
}
