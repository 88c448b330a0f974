import AssayModel
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
}
