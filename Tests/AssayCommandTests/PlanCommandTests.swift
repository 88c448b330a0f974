import AssayModel
import AssayTestSupport
import Foundation
import Testing

// Memory is measured in a process that does nothing else.
@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct PlanCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  @Test("plan counts less where blocks are computed twice, and where a step has parts")
  func less() throws {
    let tiny = try TinyModels.make(.languageModel)
    // Of two blocks one is whole at a time either way.
    var configuration = tiny.decoder.configuration
    configuration.layerCount = 8
    try Model(
      decoder: Decoder(random: configuration, seed: 3),
      head: nil,
      tokenizer: tiny.tokenizer,
      template: tiny.template,
      manifest: tiny.manifest
    ).save(to: folder.url.appendingPathComponent("model"))
    let rows = (0..<48).map {
      #"{"id": "p\#($0)", "prompt": "How many \#($0)?", "chosen": "good", "rejected": "bad"}"#
    }
    let pairs = try folder.write(rows.joined(separator: "\n") + "\n", "pairs.jsonl")
    let recipe = try folder.write(
      """
      method: classic
      model: \(folder.path("model"))
      data: {train: \(pairs)}
      compute: {device: cpu}
      classic: {batch_pairs: 24}
      """,
      "recipe.yaml"
    )
    func bytes(_ setting: String? = nil) throws -> Int {
      let more = setting.map { ["--set", $0] } ?? []
      let result = try RunningCommand(
        ["plan", recipe, "--json", "--quiet", "--threads", "1", "--out", folder.path("run")] + more
      ).result()
      result.expect(0)
      let plan = try #require(try result.objects().first)
      let training = try #require((plan["trainings"] as? [[String: Any]])?.first)
      return try #require((training["memory"] as? [String: Int])?["activations"])
    }
    let whole = try bytes()
    #expect(try bytes("compute.recompute=true") < whole)
    #expect(try bytes("classic.accumulation=6") < whole)
  }
}
