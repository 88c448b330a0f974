import AssayModel
import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct InferenceOptionTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private var responses: String {
    (0..<9).map {
      #"{"id": "\#($0)", "prompt": "How many?", "response": "\#(String(repeating: "3 ", count: $0 + 1))"}"#
    }.joined(separator: "\n")
  }

  private func scores(_ arguments: String...) throws -> [Double] {
    let result = try RunningCommand(["score"] + arguments + ["--threads", "1"]).result()
    result.expect(0)
    return try result.objects().compactMap { $0["score"] as? Double }
  }

  @Test("quantized weights change scores a little", .kernels)
  func weights() throws {
    let model = try folder.model(.classic)
    let file = try folder.write(responses, "data.jsonl")
    let plain = try scores("--model", model, "--data", file)
    let int8 = try scores("--model", model, "--data", file, "--weights", "int8")
    let int4 = try scores("--model", model, "--data", file, "--weights", "int4")
    func distance(_ other: [Double]) -> Double {
      zip(plain, other).map { abs($0 - $1) }.max() ?? .infinity
    }
    let spread = (plain.max() ?? 0) - (plain.min() ?? 0)
    #expect(plain.count == 9 && int8.count == 9 && int4.count == 9)
    #expect(distance(int8) > 0 && distance(int8) < distance(int4))
    #expect(distance(int8) < 0.1 * max(spread, 1))
  }

  @Test(
    "batch-invariant scores of a row do not depend on the rows beside it",
    .kernels,
    arguments: [ModelKind.classic, .cloud]
  )
  func batchInvariant(kind: ModelKind) throws {
    let model = try folder.model(kind)
    let whole = try folder.write(responses, "data.jsonl")
    let all = try scores("--model", model, "--data", whole, "--batch-invariant")
    let first = try folder.write(String(responses.prefix { $0 != "\n" }), "first.jsonl")
    let alone = try scores("--model", model, "--data", first, "--batch-invariant")
    #expect(alone.count == 1 && alone[0] == all[0])
  }

  @Test(
    "scores are the same on older instructions, and unknown ones are wrong use",
    arguments: [ModelKind.classic, .cloud]
  )
  func instructions(kind: ModelKind) throws {
    let model = try folder.model(kind)
    let words = [
      "score", "--model", model, "--data", try folder.write(responses, "data.jsonl"), "--threads",
      "1",
    ]
    let variable = Engine.kernelLimitVariable
    let all = try Engine.kernelLimits.map { limit in
      let result = try RunningCommand(words, environment: [variable: limit]).result()
      result.expect(0)
      return try result.objects().compactMap { $0["score"] as? Double }
    }
    for scores in all {
      #expect(scores.count == 9)
      #expect(zip(scores, all[0]).allSatisfy { abs($0 - $1) < 1e-4 }, "\(all)")
    }
    try RunningCommand(words, environment: [variable: "sse"]).result().expect(64, log: variable)
  }

  @Test("generate tells log probabilities, and the likeliest tokens'")
  func logProbabilities() throws {
    let model = try folder.model(.languageModel)
    let file = try folder.write(#"{"prompt": "How many?"}"#, "prompts.jsonl")
    let result = try assay(
      "generate",
      "--model",
      model,
      "--data",
      file,
      "--max-tokens",
      "4",
      "--logprobs",
      "2",
      "--threads",
      "1"
    )
    result.expect(0)
    let record = try #require(try result.objects().first)
    let tokens = try #require(record["logprobs"] as? [[String: Any]])
    let count = try #require((record["tokens"] as? [String: Int])?["completion"])
    #expect(tokens.count == count)
    for token in tokens {
      let top = try #require(token["top"] as? [[String: Any]])
      #expect(top.count == 2)
      // Greedy: the token is the likeliest one.
      #expect(top[0]["id"] as? Int == token["id"] as? Int)
      #expect(try #require(token["logprob"] as? Double) <= 0)
    }
  }

  @Test("what only our kernels do is refused where they do not compute")
  func composed() throws {
    let words = [
      "score", "--model", try folder.model(.classic), "--data",
      try folder.write(responses, "data.jsonl"), "--device", "cpu",
    ]
    let composed = ["ASSAY_OPERATIONS": "composed"]
    for options in [["--batch-invariant"], ["--weights", "int8"], ["--weights", "int4"]] {
      let result = try RunningCommand(words + options, environment: composed).result()
      result.expect(
        64,
        log: "\(options.joined(separator: " ")) needs Assay's own kernels",
        "ASSAY_OPERATIONS=composed"
      )
    }
    try RunningCommand(words, environment: composed).result().expect(0)
  }

  @Test("options that make no sense are wrong use")
  func wrongUse() throws {
    let model = try folder.model(.languageModel)
    let file = try folder.write(#"{"prompt": "How many?"}"#, "prompts.jsonl")
    try assay("generate", "--model", model, "--data", file, "--cache-mib", "0").expect(64)
    try assay("generate", "--model", model, "--data", file, "--weights", "int3").expect(64)
    try assay(
      "generate",
      "--generator",
      "openai:http://127.0.0.1:1",
      "--generator-model",
      "m",
      "--data",
      file,
      "--weights",
      "int8"
    ).expect(64, log: "--weights")
  }
}
