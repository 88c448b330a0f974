import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Foundation
import Testing

@Suite struct RegressionTests {
  private let corpus: [[Message]] = [
    [.user("How many?"), .assistant("Three.")], [.user("And now?"), .assistant("Four, I think.")],
  ]

  private func model() throws -> Model {
    Engine.threads = 1
    let model = try TinyModel.make(corpus: corpus, head: .cloud, kind: .classic)
    model.parameters.forEach { $0.value.setRequiresGradientInPlace() }
    return model
  }

  private func items(_ model: Model, _ ratings: [Float]) throws -> [RatedSequence] {
    let renderer = try model.renderer()
    return try ratings.enumerated().map { index, rating in
      let scored = try renderer.render(
        prompt: [.user("How many?")],
        response: String(repeating: "ab ", count: index + 1)
      )
      return RatedSequence(
        sequence: TrainingSequence(scored, withTargets: false),
        rating: rating
      )
    }
  }

  @Test("ratings are standardised: 2, 4, 9 have mean 5 and deviation root of 26 thirds")
  func scale() throws {
    let scale = try RatingScale([2, 4, 9], stage: "s")
    #expect(abs(scale.mean - 5) < 1e-12)
    // ((2 - 5)^2 + (4 - 5)^2 + (9 - 5)^2) / 3 = 26 / 3
    #expect(abs(scale.deviation - (26.0 / 3).squareRoot()) < 1e-12)
    #expect(abs(scale.standardised(9) * scale.deviation - 4) < 1e-12)
    let refused: [([Double], String)] = [
      ([], "every row was dropped or none given"),
      ([3, 3], "all ratings are 3.0, so there is no difference to learn"),
    ]
    for (ratings, hint) in refused {
      #expect(throws: TrainingError.noData(stage: "s", hint: hint)) {
        try RatingScale(ratings, stage: "s")
      }
    }
  }

  @Test("the loss is the mean squared error of the scores, in any number of parts")
  func loss() throws {
    let model = try model()
    let batch = try items(model, [-1, 0.5, 2])
    let scores = withoutGradients {
      batch.map {
        trainingForward([$0.sequence], decoder: model.decoder, head: model.head).rewards?.item ?? 0
      }
    }
    let expected = zip(scores, [Float(-1), 0.5, 2]).reduce(0.0) {
      $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) / 3
    }
    for parts in 1...3 {
      let report = RegressionObjective().step(batch, model: model, accumulation: parts)
      #expect(abs(report.loss - expected) < 1e-5, "\(parts)")
    }
  }

  @Test("gradients of the head are those of finite differences")
  func gradients() throws {
    let model = try model()
    let batch = try items(model, [-1, 0.5, 2])
    _ = RegressionObjective().step(batch, model: model)
    let bias = try #require(model.head?.parameters.last?.value)
    let gradient = try #require(bias.gradient?.floats.first)
    func loss(_ shift: Float) -> Double {
      bias.copyInPlace(bias.detached() + Double(shift))
      defer { bias.copyInPlace(bias.detached() - Double(shift)) }
      return RegressionObjective().step(batch, model: model).loss
    }
    // The loss is quadratic in the bias, so that central differences have no error of their own.
    let slope = (loss(0.1) - loss(-0.1)) / 0.2
    #expect(abs(slope - Double(gradient)) < 1e-3 * max(1, abs(slope)), "\(slope) \(gradient)")
  }

  @Test("a head that took the scale puts out mean + deviation times what it put out before")
  func affine() throws {
    let model = try model()
    let sequences = try items(model, [0, 0]).map(\.sequence)
    func scores() -> [Float] {
      withoutGradients {
        trainingForward(sequences, decoder: model.decoder, head: model.head).rewards?.floats ?? []
      }
    }
    let before = scores()
    try RatingScale([2, 4, 9], stage: "s").apply(to: model)
    let deviation = Float((26.0 / 3).squareRoot())
    expectClose(scores(), before.map { $0 * deviation + 5 }, relative: 1e-4)
  }

  @Test("ratings are read as numbers, or by name out of several")
  func reading() throws {
    let folder = try TemporaryFolder()
    func read(_ line: String, named name: String? = nil) throws -> [RatedResponse] {
      let file = folder.url.appendingPathComponent("ratings.jsonl")
      try line.write(to: file, atomically: true, encoding: .utf8)
      return try RatingReader(name: name).read(file.path).responses
    }
    let one = #"{"id": 7, "prompt": "p", "response": "r", "rating": 7.5}"#
    #expect(
      try read(one) == [
        RatedResponse(id: "7", prompt: [.user("p")], response: "r", rating: 7.5)
      ]
    )
    let many = #"{"prompt": "p", "response": "r", "rating": {"help": 3, "style": 1}}"#
    #expect(try read(many, named: "style").map(\.rating) == [1])
    for (line, name, words) in [
      (one, "help", "'rating' must be an object of named ratings, found a number"),
      (many, nil, "'rating' has several ratings: name one of them (help, style)"),
      (many, "truth", "'rating' has no number 'truth' (help, style)"),
      (#"{"prompt": "p", "response": "r"}"#, nil, "the key 'rating' is missing"),
    ] {
      let error = #expect(throws: DataError.self) { try read(line, named: name) }
      #expect("\(error.map { "\($0)" } ?? "")".contains(words))
    }
  }

  @Test("a model that learnt the length of responses scores them by it, in its unit")
  func learns() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    func rows(_ counts: [Int]) -> String {
      counts.map {
        let text = String(repeating: "yes ", count: $0)
        return #"{"prompt": "p", "response": "\#(text).", "rating": {"length": \#(100 + 10 * $0)}}"#
      }.joined(separator: "\n")
    }
    let file = world.file("ratings.jsonl")
    try rows((0..<48).map { 1 + $0 % 8 }).write(to: file, atomically: true, encoding: .utf8)
    let pair = #"{"prompt": "p", "chosen": "yes yes yes yes yes yes .", "rejected": "yes ."}"#
    try pair.write(to: world.file("test.jsonl"), atomically: true, encoding: .utf8)
    let run = world.file("run")
    try await runRecipe(
      """
      method: regression
      model: \(world.base.path)
      data: {train: \(file.path), suites: {test: \(world.file("test.jsonl").path)}}
      compute: {device: cpu}
      regression: {rating: length, batch_responses: 8, epochs: 12, optimizer: {schedule: {learning_rate: 0.003}}}
      """,
      in: run
    )
    let outcome = try #require(
      try RecordLog<PairOutcome>(run.appendingPathComponent("02-evaluate/records.jsonl"))
        .records().first
    )
    let (long, short) = (outcome.chosen?.first ?? 0, outcome.rejected?.first ?? 0)
    // Six times "yes" is rated 160, once 110; the mean of all is 145, their deviation 22.9.
    #expect(abs(long - 160) < 15 && abs(short - 110) < 15, "\(long) \(short)")
    let folder = try #require(RunFolder.lastCheckpoint(in: run))
    let model = try Model.load(folder)
    let ratings = try #require(model.manifest.ratings)
    #expect(ratings.name == "length" && abs(ratings.mean - 145) < 1e-9)
    let score = try await ModelScorer(model).score([.response(prompt: [.user("p")], response: "a")])
    #expect(score.first?.kind == .rating)
  }
}
