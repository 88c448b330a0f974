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

  @OptionGroup var heads: HeadOptions
  @OptionGroup var common: CommonOptions

  func execute() async throws {
    let folder = try ModelPath.folder(model)
    let loaded = try Model.load(
      folder,
      device: .cpu,
      choice: heads.choice,
      question: heads.question
    )
    let configuration = loaded.decoder.configuration
    let description = InspectedModel(
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
      head: loaded.head?.descriptor.layout,
      headRule: loaded.head.map {
        InspectedHead($0.descriptor, question: loaded.manifest.question)
      },
      template: loaded.template.name,
      templateIsExact: loaded.templateRefusal == nil,
      templateRefusal: loaded.templateRefusal?.description,
      endOfTurn: loaded.template.endOfTurn,
      padToken: loaded.template.padding,
      padIsEnd: loaded.template.padding == loaded.template.endOfTurn,
      leadIn: loaded.manifest.leadIn,
      critiqueTokens: loaded.manifest.critiqueTokens,
      judge: loaded.manifest.judge.map { InspectedJudge($0) },
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
    if let head = loaded.head?.descriptor { try Output.result("  head        \(head.summary)") }
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
