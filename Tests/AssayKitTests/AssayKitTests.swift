import AssayKit
import AssayModel
import AssayTestSupport
import Foundation
import Testing

@Suite struct AssayKitTests {
  private let responses = ["11", "twelve"].map {
    AssayKit.Response(prompt: "how many apples?", text: $0)
  }

  private func folder(_ kind: ModelKind, contextTokens: Int = 384) throws -> URL {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-kit-\(UUID().uuidString)")
    try TinyModels.make(kind, contextTokens: contextTokens).save(to: url)
    return url
  }

  @Test("a critique-then-score model scores, and its critiques are what the score is the mean of")
  func critiques() async throws {
    let model = try await RewardModel.load(try folder(.cloud))
    #expect(model.abilities == [.scores, .criticizes])
    var sampling = Sampling(count: 3, temperature: 1, seed: 4)
    sampling.maximumTokens = 6
    let scores = try await model.score(responses, critiques: sampling)
    for score in scores {
      #expect(score.critiques.count == 3)
      let mean = score.critiques.map(\.score).reduce(0, +) / 3
      #expect(abs(score.value - mean) < 1e-9)
    }
    // What is drawn depends on the content, not on what is beside it.
    let alone = try await model.critique([responses[1]], sampling: sampling)
    #expect(alone[0].map(\.text) == scores[1].critiques.map(\.text))
  }

  @Test("a classic model scores without critiques, and says what it cannot do")
  func classic() async throws {
    let model = try await RewardModel.load(try folder(.classic))
    #expect(model.abilities == [.scores])
    let scores = try await model.score(responses)
    #expect(scores.allSatisfy { $0.critiques.isEmpty && $0.value.isFinite })
    #expect(scores[0].value != scores[1].value)
    await #expect(throws: AssayError.self) { try await model.critique(responses) }
    await #expect(throws: AssayError.self) { try await model.generate([[.user("hi")]]) }
    await #expect(throws: AssayError.self) {
      try await RewardModel.load(URL(fileURLWithPath: "/none"))
    }
    await #expect(throws: AssayError.self) {
      try await model.score(responses, critiques: Sampling(count: 0))
    }
  }

  @Test("a language model judges in both orders and writes")
  func languageModel() async throws {
    let model = try await RewardModel.load(try folder(.languageModel, contextTokens: 2048))
    #expect(model.abilities == [.judges, .writes])
    let pair = Pair(id: "p", prompt: [.user("how many?")], chosen: "one", rejected: "two")
    var sampling = Sampling(count: 4, temperature: 1)
    sampling.maximumTokens = 4
    let verdict = try await model.judge([pair], sampling: sampling)[0]
    #expect(verdict.id == "p" && verdict.reasons.count == 4)
    #expect(verdict.votes.chosen + verdict.votes.rejected + verdict.votes.unparseable == 4)
    let texts = try await model.generate([[.user("a")], [.user("b")]], sampling: sampling)
    #expect(texts.map(\.count) == [4, 4])
  }

  @Test("a language model scores once it is said which logit is its score")
  func chosenHead() async throws {
    let folder = try folder(.languageModel)
    defer { try? FileManager.default.removeItem(at: folder) }
    func score(_ head: String) async throws -> Score {
      var options = LoadingOptions()
      options.head = head
      let model = try await RewardModel.load(folder, options: options)
      #expect(model.abilities == [.scores])
      return try await model.score([Response(prompt: "How many?", text: "She has 3.")])[0]
    }
    let (first, second) = (try await score("logit:9"), try await score("logit:10"))
    let difference = try await score("logit:9-10")
    #expect(abs(first.value - second.value - difference.value) < 1e-5)
    #expect(first.steps.isEmpty && first.attributes.isEmpty)
    #expect(try await score("probability:9-10@turns").steps.count == 1)
    await #expect(throws: AssayError.self) { try await score("ninth") }
  }

  @Test("training from code makes a model with results, and goes on where nothing is left to do")
  func training() async throws {
    let base = try folder(.languageModel)
    let run = base.deletingLastPathComponent().appendingPathComponent("run-\(UUID().uuidString)")
    let pairs = (0..<12).map {
      Pair(id: "\($0)", prompt: [.user("how many?")], chosen: "\($0)", rejected: "no \($0)")
    }
    var training = Training(method: "classic", model: base, pairs: .list(pairs))
    training.suites = [
      "test": .list(Array(pairs.prefix(4))), "train": .list(Array(pairs.prefix(2))),
    ]
    training.settings = [
      "classic.batch_pairs": 4, "classic.optimizer.schedule.learning_rate": 0.01,
    ]
    let trained = try await training.run(in: run)
    #expect(trained.results["test"]?["overall"]?.count == 4)
    // A suite of this name leaves the training pairs as they are.
    #expect(trained.results["train"]?["overall"]?.count == 2)
    let kept = try String(
      contentsOf: run.appendingPathComponent("data-train.jsonl"),
      encoding: .utf8
    )
    #expect(kept.split(separator: "\n").count == 12)
    let model = try await RewardModel.load(trained.folder)
    #expect(model.abilities == [.scores])
    let again = try await training.run(in: run)
    #expect(again == trained)
    training.settings["classic.no_such_setting"] = 1
    await #expect(throws: AssayError.self) { try await training.run(in: run) }
    #expect(Training.methods.contains("classic"))
  }

  @Test("pairs that cannot be learnt from and names that leave the folder are refused")
  func refused() async throws {
    let base = URL(fileURLWithPath: "/none")
    let run = FileManager.default.temporaryDirectory
      .appendingPathComponent("run-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: run) }
    for probability in [Double.nan, .infinity, 0, 1] {
      let pair = Pair(
        id: "p",
        prompt: [.user("a?")],
        chosen: "b",
        rejected: "c",
        probability: probability
      )
      let training = Training(method: "classic", model: base, pairs: .list([pair]))
      let error = await #expect(throws: AssayError.self) { try await training.run(in: run) }
      #expect(error?.description.hasPrefix("The pair p has the probability ") == true)
    }
    for name in ["", "../x", "a/b", "a.b", "a=b", "a\nb", String(repeating: "x", count: 201)] {
      var training = Training(method: "classic", model: base, pairs: .file(base))
      training.suites = [name: .file(base)]
      let error = await #expect(throws: AssayError.self) { try await training.run(in: run) }
      #expect(error?.description.hasPrefix("Training.suites has the name") == true, "\(name)")
    }
  }

  @Test("judges draw and read letters as the commands do")
  func judging() async throws {
    let model = try await RewardModel.load(try folder(.languageModel, contextTokens: 2048))
    let pair = Pair(id: "p", prompt: [.user("how many?")], chosen: "one", rejected: "two")
    func reasons(_ topP: Double?) async throws -> [String] {
      var own = Sampling(count: 8, temperature: 1)
      own.maximumTokens = 16
      own.topP = topP
      return try await model.judge([pair], sampling: own)[0].reasons
    }
    let usual = try await reasons(nil)
    #expect(try await reasons(0.95) == usual)
    #expect(try await reasons(1) != usual)
    await #expect(throws: AssayError.self) { try await reasons(.nan) }
    // Of random weights the letters have too little of the probability to be a verdict.
    var greedy = Sampling()
    greedy.maximumTokens = 4
    let verdict = try await model.judge([pair], sampling: greedy)[0]
    #expect(verdict.votes.unparseable == 2 && verdict.probability == nil)
  }
}
