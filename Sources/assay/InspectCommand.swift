import ArgumentParser
import AssayModel
import AssayTensor
import AssayText
import Foundation

struct InspectCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Says what a model is."
  )

  @Argument(help: "A model folder or a run folder.")
  var model: String

  @OptionGroup var common: CommonOptions

  /// What a judge was trained to read and write.
  private struct Judge: Encodable {
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

  private struct Description: Encodable {
    let path: String
    let kind: String
    let family: String
    let parameters: Int
    let hiddenSize, layers, heads, groups, headWidth, feedForwardSize, vocabulary, context: Int
    let tiedEmbeddings: Bool
    let head: String?
    let template: String
    let templateIsExact: Bool
    /// Why conversations are refused; `nil` where they are rendered.
    let templateRefusal: String?
    let endOfTurn: String
    let padToken: String?
    let padIsEnd: Bool
    let leadIn: String?
    let critiqueTokens: Int?
    let judge: Judge?
    let goldenDifference: Double?
  }

  func execute() async throws {
    let folder = try ModelPath.folder(model)
    let loaded = try Model.load(folder, device: .cpu)
    let configuration = loaded.decoder.configuration
    let description = Description(
      path: folder.path,
      kind: loaded.manifest.kind.rawValue,
      family: configuration.architecture.modelType,
      parameters: loaded.parameters.map(\.value.count).reduce(0, +),
      hiddenSize: configuration.hiddenSize,
      layers: configuration.layerCount,
      heads: configuration.headCount,
      groups: configuration.groupCount,
      headWidth: configuration.headWidth,
      feedForwardSize: configuration.feedForwardSize,
      vocabulary: configuration.vocabularySize,
      context: configuration.contextTokens,
      tiedEmbeddings: configuration.tiesEmbeddings,
      head: loaded.head?.kind.rawValue,
      template: loaded.template.name,
      templateIsExact: loaded.templateRefusal == nil,
      templateRefusal: loaded.templateRefusal?.description,
      endOfTurn: loaded.template.endOfTurn,
      padToken: loaded.template.padding,
      padIsEnd: loaded.template.padding == loaded.template.endOfTurn,
      leadIn: loaded.manifest.leadIn,
      critiqueTokens: loaded.manifest.critiqueTokens,
      judge: loaded.manifest.judge.map { Judge($0) },
      goldenDifference: try loaded.verifyGolden()
    )
    if common.isJSON { return try Output.json(description) }
    let head = description.head.map { "\($0) head" } ?? "no reward head"
    try Output.result(
      """
      \(description.path)
        kind        \(description.kind), \(head)
        parameters  \(description.parameters)
        decoder     \(description.family): hidden \(description.hiddenSize), \
      \(description.layers) layers, \(description.heads) heads (\(description.groups) key/value) of \
      \(description.headWidth), feed-forward \(description.feedForwardSize)
        vocabulary  \(description.vocabulary)\(description.tiedEmbeddings ? ", tied embeddings" : "")
        context     \(description.context) tokens
        template    \(description.template)\
      \(description.templateIsExact ? "" : " (not exact: conversations are refused)"), turns end with \
      \(description.endOfTurn.isEmpty ? "no known token" : description.endOfTurn), padding \
      \(description.padToken ?? "none")\(description.padIsEnd ? " (the end token: scores move!)" : "")
      """
    )
    if let refusal = description.templateRefusal {
      try Output.result("              \(refusal)")
    }
    if let leadIn = description.leadIn {
      try Output.result(
        "  critiques   opened by \"\(leadIn)\", up to \(description.critiqueTokens ?? 0)"
      )
    }
    if let judge = description.judge {
      try Output.result(
        """
          judge       \(judge.taskText(isPair: loaded.manifest.kind == .pair)), up to \(judge.tokens) tokens, wording "\(judge.wording)"
          asked       \(judge.asked)
        """
      )
    }
    if let difference = description.goldenDifference {
      try Output.result("  golden      scores differ from the saved ones by at most \(difference)")
    }
  }
}
