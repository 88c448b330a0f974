import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct JudgeCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func pairs(_ count: Int, labelled: Bool = true) throws -> String {
    let rows = (0..<count).map { index in
      let first = "Anna has \(index) apples."
      let second = "She has \(index + 1) left."
      return labelled
        ? #"{"id": "p\#(index)", "prompt": "How many?", "chosen": "\#(first)", "#
          + #""rejected": "\#(second)"}"#
        : #"{"id": "p\#(index)", "prompt": "How many?", "responses": ["\#(first)", "\#(second)"]}"#
    }
    return try folder.write(rows.joined(separator: "\n") + "\n", "pairs\(labelled).jsonl")
  }

  private func model(_ kind: ModelKind) throws -> String {
    try folder.model(kind, kind.rawValue, contextTokens: 512)
  }

  private func lines(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test("judge writes a verdict a pair", arguments: [ModelKind.judge, .pair])
  func judge(_ kind: ModelKind) throws {
    let result = try assay("judge", "--model", model(kind), "--data", pairs(3))
    result.expect(0, log: "accuracy", "of 3 pairs", "contradict", "unparseable 0.0 %")
    let objects = try result.objects()
    #expect(objects.map { $0["id"] as? String } == ["p0", "p1", "p2"])
    for object in objects {
      let probability = try #require(object["probability"] as? Double)
      #expect((0...1).contains(probability))
      #expect((object["judgements"] as? [Any])?.count == 2)
      #expect(object["flipped"] is Bool && object["tokens"] is [String: Int])
    }
    let other = try assay(
      "judge",
      "--model",
      model(kind),
      "--data",
      pairs(3, labelled: false),
      "--quiet"
    )
    #expect(other.output == result.output && other.log.isEmpty)
  }

  @Test("judge lets a language model write judgements, and decides behind those that were cut")
  func chains() throws {
    let arguments = [
      "judge", "--model", try model(.languageModel), "--data", try pairs(2), "--votes", "4",
      "--prompts", "playground", "--max-tokens", "5", "--seed", "3",
    ]
    // Random weights hardly give a letter any probability: that decides only where it is asked for.
    let unread = try RunningCommand(arguments).result()
    unread.expect(0, log: "unparseable 100.0 % of judgements", "2 pairs without verdict")
    for object in try unread.objects() {
      #expect(object["probability"] == nil)
      #expect((object["votes"] as? [String: Int])?["unparseable"] == 4)
    }
    let result = try RunningCommand(arguments + ["--letter-mass", "0"]).result()
    result.expect(0, log: "unparseable 0.0 % of judgements", "decided behind a cut 100.0 %")
    for object in try result.objects() {
      #expect(object["probability"] is Double)
      let judgements = try #require(object["judgements"] as? [[String: Any]])
      #expect(judgements.count == 4)
      for judgement in judgements {
        #expect(
          judgement["forced"] as? Bool == true && judgement["finish_reason"] as? String == "length"
        )
        let letters = try #require(judgement["letters"] as? [String: Double])
        let isA = try #require(letters["probability"]) > 0.5
        #expect(judgement["verdict"] as? String == (isA ? "A" : "B"))
      }
    }
  }

  @Test("judge goes on where it stopped, and refuses other records")
  func resume() throws {
    let (model, data, out) = (try model(.judge), try pairs(5), folder.path("verdicts.jsonl"))
    try assay("judge", "--model", model, "--data", data, "--out", out).expect(0)
    let whole = try String(contentsOfFile: out, encoding: .utf8)
    // Two lines, and a third that a kill cut.
    let kept = whole.split(separator: "\n").prefix(3).joined(separator: "\n").dropLast(9)
    try String(kept).write(toFile: out, atomically: true, encoding: .utf8)
    try assay("judge", "--model", model, "--data", data, "--out", out).expect(0, log: "of 5 pairs")
    #expect(try String(contentsOfFile: out, encoding: .utf8) == whole)
    try assay(
      "judge",
      "--model",
      model,
      "--data",
      data,
      "--out",
      out,
      "--task",
      "chain",
      "--votes",
      "4"
    ).expect(65, log: "--task token, now chain")
    // The same settings, of other pairs.
    let other = try folder.write(
      #"{"id": "x", "prompt": "How many?", "chosen": "1", "rejected": "2"}"# + "\n",
      "other.jsonl"
    )
    try assay("judge", "--model", model, "--data", other, "--out", out)
      .expect(65, log: "was not written from")
  }

  @Test("label orders pairs by the model's preference", arguments: [ModelKind.classic, .pair])
  func label(_ kind: ModelKind) throws {
    let (data, out) = (try pairs(6), folder.path("labels.jsonl"))
    let arguments = ["label", "--model", try model(kind), "--data", data, "--out", out]
    try RunningCommand(arguments + ["--labelled"]).result()
      .expect(0, log: "6 pairs labelled", "the given labels agree in")
    let text = try String(contentsOfFile: out, encoding: .utf8)
    for (index, line) in try lines(out).enumerated() {
      let probability = try #require(line["probability"] as? Double)
      let confidence = try #require(line["confidence"] as? Double)
      #expect(probability >= 0.5 && abs(confidence - (2 * probability - 1)) < 1e-12)
      let responses = [line["chosen"] as? String, line["rejected"] as? String]
      let given = ["Anna has \(index) apples.", "She has \(index + 1) left."]
      #expect(responses == given || responses == given.reversed())
    }
    // The labels do not depend on which response was called chosen, or on an interruption.
    let cut = text.split(separator: "\n").prefix(2).joined(separator: "\n") + "\n"
    try cut.write(toFile: out, atomically: true, encoding: .utf8)
    try RunningCommand(arguments).result().expect(0, log: "6 pairs labelled")
    #expect(try String(contentsOfFile: out, encoding: .utf8) == text)
    let third = folder.path("unlabelled.jsonl")
    try assay(
      "label",
      "--model",
      model(kind),
      "--data",
      pairs(6, labelled: false),
      "--out",
      third
    ).expect(0)
    #expect(try String(contentsOfFile: third, encoding: .utf8) == text)
    // What is written is read as pairs again.
    try assay("judge", "--model", model(.judge), "--data", out).expect(0, log: "of 6 pairs")
  }

  @Test("label leaves out what is not sure enough, and pairs without a verdict")
  func leftOut() throws {
    let out = folder.path("labels.jsonl")
    try assay(
      "label",
      "--model",
      model(.classic),
      "--data",
      pairs(4),
      "--out",
      out,
      "--minimum-confidence",
      "1"
    ).expect(0, log: "0 pairs labelled", "4 below the minimum confidence")
    try assay(
      "label",
      "--model",
      model(.languageModel),
      "--data",
      pairs(2),
      "--out",
      out,
      "--prompts",
      "playground",
      "--max-tokens",
      "4"
    ).expect(0, log: "0 pairs labelled", "2 without a verdict left out")
    #expect(try lines(out).isEmpty)
  }

  @Test("eval takes judges, and reports what flips and what cannot be read")
  func eval() throws {
    let out = folder.path("results")
    let result = try assay(
      "eval",
      "--model",
      model(.pair),
      "--benchmark",
      "pairs=\(pairs(4))",
      "--out",
      out
    )
    result.expect(0)
    #expect(result.output.contains("verdicts that flip with the order"))
    let results = try String(contentsOfFile: out + "/results.json", encoding: .utf8)
    #expect(results.contains("flip_rate") && results.contains("unparseable_rate"))
    #expect(try lines(out + "/scores-pairs.jsonl").allSatisfy { $0["verdicts"] is [String] })
    // Recorded verdicts give the same figures.
    let again = try assay(
      "eval",
      "--scores",
      out + "/scores-pairs.jsonl",
      "--benchmark",
      "pairs=\(pairs(4))"
    )
    let figures = result.output.split(separator: "\n").dropFirst(2)
    #expect(again.output.split(separator: "\n").dropFirst(2).elementsEqual(figures))
    try assay(
      "eval",
      "--model",
      model(.pair),
      "--benchmark",
      "pairs=\(pairs(4))",
      "--samples",
      "2"
    ).expect(64, log: "--votes")
    try assay(
      "eval",
      "--model",
      model(.classic),
      "--benchmark",
      "pairs=\(pairs(4))",
      "--votes",
      "2"
    ).expect(64, log: "belong to judges")
  }

  @Test("votes end where a verdict is sure, and not before two in each order")
  func confidence() throws {
    let arguments = [
      "judge", "--model", try model(.languageModel), "--data", try pairs(3), "--votes", "8",
      "--prompts", "playground", "--verdicts", "enforced", "--max-tokens", "12", "--seed", "3",
    ]
    func counts(_ more: [String]) throws -> [Int] {
      let result = try RunningCommand(arguments + more).result()
      result.expect(0)
      return try result.objects().map { ($0["judgements"] as? [Any])?.count ?? 0 }
    }
    #expect(try counts([]) == [8, 8, 8])
    // Nothing is less than sure by one half.
    #expect(try counts(["--confidence", "0.5"]) == [4, 4, 4])
    // Eight votes for one are sure to 511 of 512.
    #expect(try counts(["--confidence", "1"]) == [8, 8, 8])
  }

  @Test("a model that does not compare is refused with one sentence")
  func refused() throws {
    try assay("judge", "--model", model(.classic), "--data", pairs(1))
      .expect(65, log: "a classic model does not compare responses")
    try assay("judge", "--model", model(.judge), "--data", pairs(1), "--prompts", "x").expect(64)
    try assay("judge", "--model", model(.judge), "--data", pairs(1), "--votes", "0").expect(64)
    // Where all votes are drawn anyway, it would do nothing.
    for votes in [[], ["--votes", "4"], ["--votes", "8", "--task", "token"]] {
      try RunningCommand(
        ["judge", "--model", model(.judge), "--data", pairs(1), "--confidence", "0.9"] + votes
      ).result().expect(64, log: "give --votes above 4")
    }
    let out = folder.path("labels.jsonl")
    try assay(
      "label",
      "--model",
      model(.judge),
      "--data",
      pairs(1, labelled: false),
      "--out",
      out,
      "--labelled"
    ).expect(65, log: "'chosen' is missing")
  }
}
