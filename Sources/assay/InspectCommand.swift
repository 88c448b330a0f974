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

  private struct Description: Encodable {
    let path: String
    let kind: String
    let family: String
    let parameters: Int
    let hiddenSize, layers, heads, groups, headWidth, feedForwardSize, vocabulary, context: Int
    let tiedEmbeddings: Bool
    let head: String?
    let template: String
    let endOfTurn: String
    let padToken: String?
    let padIsEnd: Bool
    let leadIn: String?
    let critiqueTokens: Int?
    let goldenDifference: Double?
  }

  func execute() async throws {
    let folder = try ModelPath.folder(model)
    let loaded = try Model.load(folder, device: .cpu)
    let configuration = loaded.decoder.configuration
    let description = Description(
      path: folder.path,
      kind: loaded.manifest.kind.rawValue,
      family: configuration.family.rawValue,
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
      endOfTurn: loaded.template.endOfTurn,
      padToken: loaded.template.padding,
      padIsEnd: loaded.template.padding == loaded.template.endOfTurn,
      leadIn: loaded.manifest.leadIn,
      critiqueTokens: loaded.manifest.critiqueTokens,
      goldenDifference: try loaded.verifyGolden()
    )
    if common.isJSON { return try Output.json(description) }
    let head = description.head.map { "\($0) head" } ?? "no reward head"
    Output.result(
      """
      \(description.path)
        kind        \(description.kind), \(head)
        parameters  \(description.parameters)
        decoder     \(description.family): hidden \(description.hiddenSize), \
      \(description.layers) layers, \(description.heads) heads (\(description.groups) key/value) of \
      \(description.headWidth), feed-forward \(description.feedForwardSize)
        vocabulary  \(description.vocabulary)\(description.tiedEmbeddings ? ", tied embeddings" : "")
        context     \(description.context) tokens
        template    \(description.template), turns end with \(description.endOfTurn), padding \
      \(description.padToken ?? "none")\(description.padIsEnd ? " (the end token: scores move!)" : "")
      """
    )
    if let leadIn = description.leadIn {
      Output.result(
        "  critiques   opened by \"\(leadIn)\", up to \(description.critiqueTokens ?? 0)"
      )
    }
    if let difference = description.goldenDifference {
      Output.result("  golden      scores differ from the saved ones by at most \(difference)")
    }
  }
}
