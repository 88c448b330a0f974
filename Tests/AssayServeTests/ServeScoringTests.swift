import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayServe
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServeScoringTests {
  private let prompt = "How many apples are left?"
  private let responses = ["Anna has 3 apples.", "She has three apples left.", "3", "apples"]

  /// A rendered conversation that ends with the response.
  private func rendered(_ response: String) -> String {
    "<s><|user|>\(prompt)<|eot|><|assistant|>\(response)<|eot|>"
  }

  private func rows(_ ids: [String]) -> JSONValue {
    .array(
      zip(ids, responses).map {
        ["id": .string($0), "prompt": .string(prompt), "response": .string($1)]
      }
    )
  }

  private func scores(_ model: Model, samples: Int = 1) async throws -> [Score] {
    var options = ModelScorer.Options()
    options.critiques.samples = samples
    options.critiques.temperature = samples == 1 ? 0 : 0.5
    return try await ModelScorer(model, options: options).score(
      responses.map { .response(prompt: [.user(prompt)], response: $0) }
    )
  }

  private func records(_ text: String) throws -> [ScoreRecord] {
    try JSONDecoder().decode([ScoreRecord].self, from: Data(text.utf8))
  }

  @Test(
    "many clients at once get what scoring alone gives, bit for bit where that is asked for",
    .kernels,
    arguments: [ModelKind.classic, .cloud],
    [false, true]
  )
  func concurrent(_ kind: ModelKind, isBatchInvariant: Bool) async throws {
    let model = try TinyModels.make(kind)
    model.decoder.execution.isBatchInvariant = isBatchInvariant
    // Each alone, so that nothing is computed beside it.
    var alone: [Score] = []
    for response in responses {
      alone += try await ModelScorer(model).score([
        .response(prompt: [.user(prompt)], response: response)
      ])
    }
    let expected = alone
    try await withServer(kind, batchInvariant: isBatchInvariant) { client, _ in
      try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
        for index in 0..<24 {
          group.addTask {
            let row: JSONValue = [
              "prompt": .string(prompt), "response": .string(responses[index % responses.count]),
            ]
            return (index, try await client.post("/v1/rewards", row))
          }
        }
        for try await (index, answer) in group {
          #expect(answer.status == 200, "\(answer.text)")
          let record = try JSONDecoder().decode(ScoreRecord.self, from: Data(answer.text.utf8))
          let expected = expected[index % responses.count]
          #expect(record.id == "0")
          if isBatchInvariant {
            #expect(record.score == expected)
          } else {
            #expect(abs(record.score.value - expected.value) < 1e-5)
            #expect(record.score.critiques?.map(\.text) == expected.critiques?.map(\.text))
            #expect(record.score.scoredToken == expected.scoredToken)
          }
        }
      }
    }
  }

  @Test("a list gives a list, options stand beside it, and the seed is that of the command line")
  func list() async throws {
    let expected = try await scores(try TinyModels.make(.cloud), samples: 3)
    try await withServer(.cloud) { client, _ in
      let answer = try await client.post(
        "/v1/rewards",
        ["records": rows(["a", "b", "c", "d"]), "samples": 3, "model": "tiny"]
      )
      #expect(answer.status == 200, "\(answer.text)")
      let records = try records(answer.text)
      #expect(records.map(\.id) == ["a", "b", "c", "d"])
      for (record, score) in zip(records, expected) {
        #expect(record.score.critiques?.count == 3)
        #expect(record.score.critiques?.map(\.text) == score.critiques?.map(\.text))
        #expect(abs(record.score.value - score.value) < 1e-5)
      }
      let plain = try await client.post("/v1/rewards", rows(["a", "b", "c", "d"]))
      #expect(try self.records(plain.text).map { $0.score.critiques?.count } == [1, 1, 1, 1])
    }
  }

  @Test(
    "a response draws the same alone, in a list, in another order, and beside its like",
    .kernels
  )
  func draws() async throws {
    let model = try TinyModels.make(.cloud)
    model.decoder.execution.isBatchInvariant = true
    let expected = try await scores(model, samples: 2)
    try await withServer(.cloud, batchInvariant: true) { client, _ in
      for order in [[0, 1, 2, 3], [3, 1, 0, 2], [2], [1, 1, 3]] {
        let rows = order.map { index -> JSONValue in
          [
            "id": .string("\(index)"), "prompt": .string(prompt),
            "response": .string(responses[index]),
          ]
        }
        let answer = try await client.post("/v1/rewards", ["records": .array(rows), "samples": 2])
        #expect(answer.status == 200, "\(answer.text)")
        #expect(try records(answer.text).map(\.score) == order.map { expected[$0] })
      }
    }
  }

  @Test(
    "every protocol tells the same reward, raw unless a sigmoid is asked for",
    arguments: [ModelKind.classic, .cloud]
  )
  func protocols(_ kind: ModelKind) async throws {
    let model = try TinyModels.make(kind)
    let expected = try await scores(model).map(\.value)
    let texts = JSONValue.array(responses.map { .string(rendered($0)) })
    let first: JSONValue = .string(rendered(responses[0]))
    let messages: JSONValue = [
      ["role": "user", "content": .string(prompt)],
      ["role": "assistant", "content": [["type": "text", "text": .string(responses[0])]]],
    ]
    func near(_ values: [Double?], _ expected: [Double], _ answer: Answer) {
      #expect(answer.status == 200, "\(answer.text)")
      #expect(values.count == expected.count)
      for (value, expected) in zip(values, expected) {
        #expect(abs((value ?? .nan) - expected) < 1e-5, "\(answer.text)")
      }
    }
    let sigmoids = expected.map { 1 / (1 + Foundation.exp(-$0)) }
    try await withServer(kind) { client, _ in
      for path in ["/classify", "/v1/classify"] {
        let answer = try await client.post(
          path,
          ["model": "tiny", "input": texts, "use_activation": false, "add_special_tokens": false]
        )
        let data = answer.json?["data"]?.array ?? []
        near(data.map { $0["probs"]?.array?[0].double }, expected, answer)
        #expect(data.map { $0["index"]?.int } == [0, 1, 2, 3])
        #expect(answer.json?["transform"]?.string == "none")
        #expect(answer.headers["assay-transform"] == "none")
      }
      // The same as token ids: a list of lists, and one list.
      let ids = texts.array?.compactMap(\.string).map { text in
        JSONValue.array(model.tokenizer.encode(text).map { .number("\($0)") })
      }
      let lists = try #require(ids)
      for (input, expected) in [(JSONValue.array(lists), expected), (lists[0], [expected[0]])] {
        let answer = try await client.post("/classify", ["input": input])
        let data = answer.json?["data"]?.array ?? []
        near(data.map { $0["probs"]?.array?[0].double }, expected, answer)
      }
      for path in ["/pooling", "/v1/pooling"] {
        let answer = try await client.post(
          path,
          ["messages": messages, "task": "classify", "activation": true]
        )
        let data = answer.json?["data"]?.array ?? []
        near(data.map { $0["data"]?.array?[0].double }, [sigmoids[0]], answer)
        #expect(answer.json?["transform"]?.string == "sigmoid")
      }
      let sglang = try await client.post("/classify", ["model": "tiny", "text": texts])
      near(
        sglang.json?.array?.map { $0["embedding"]?.array?[0].double } ?? [],
        expected,
        sglang
      )
      let embeddings = try await client.post("/v1/embeddings", ["input": first])
      near(
        embeddings.json?["data"]?.array?.map { $0["embedding"]?.array?[0].double } ?? [],
        [expected[0]],
        embeddings
      )
      let openRLHF = try await client.post(
        "/get_reward",
        ["query": texts, "prompts": ["a", "b", "c", "d"], "labels": [nil, nil, nil, nil]]
      )
      near(openRLHF.json?["rewards"]?.array?.map(\.double) ?? [], expected, openRLHF)
      near(openRLHF.json?["scores"]?.array?.map(\.double) ?? [], sigmoids, openRLHF)
      near(
        openRLHF.json?["extra_logs"]?["reward"]?.array?.map(\.double) ?? [],
        expected,
        openRLHF
      )
      let factory = try await client.post(
        "/v1/score/evaluation",
        ["model": "tiny", "messages": texts, "max_length": 2048]
      )
      near(factory.json?["scores"]?.array?.map(\.double) ?? [], expected, factory)
      #expect(factory.json?["object"]?.string == "score.evaluation")
    }
  }

  /// A model whose scores are probabilities, and one whose scores are ratings.
  private static let others: [ServeSource] = [
    ServeSource(name: "probability") {
      try withTemporaryFolder { folder in
        try TinyModels.make(.languageModel).save(to: folder)
        return try Model.load(folder, choice: HeadChoice("probability:9-7"))
      }
    },
    ServeSource(name: "rating") {
      let model = try TinyModels.make(.classic)
      model.manifest.ratings = RatingManifest(name: nil, mean: 2, deviation: 1)
      return model
    },
  ]

  @Test("a sigmoid is for logits: of probabilities and ratings nothing is made")
  func kinds() async throws {
    try await withServer(Self.others[0], [Self.others[1]]) { client, _ in
      for kind in ["probability", "rating"] {
        let row: JSONValue = [
          "model": .string(kind), "prompt": .string(prompt), "response": .string(responses[0]),
        ]
        let record = try await client.post("/v1/rewards", row)
        #expect(record.json?["kind"]?.string == kind, "\(record.text)")
        let score = try #require(record.json?["score"]?.double)
        let trainer = try await client.post(
          "/get_reward",
          ["model": .string(kind), "query": [.string(rendered(responses[0]))]]
        )
        #expect(trainer.headers["assay-transform"] == "rewards=none, scores=none")
        for key in ["rewards", "scores"] {
          let value = try #require(trainer.json?[key]?.array?.first?.double, "\(trainer.text)")
          #expect(abs(value - score) < 1e-5)
        }
        let activated = try await client.post(
          "/classify",
          [
            "model": .string(kind), "input": .string(rendered(responses[0])),
            "use_activation": true,
          ]
        )
        guard kind == "probability" else {
          #expect(activated.status == 400 && activated.code == "unsupported_parameter")
          #expect(activated.text.contains("ratings"), "\(activated.text)")
          continue
        }
        let data = activated.json?["data"]?.array?.first
        let value = try #require(data?["probs"]?.array?.first?.double, "\(activated.text)")
        #expect(abs(value - score) < 1e-5 && activated.json?["transform"] == "none")
      }
    }
  }

  @Test("judgements are those of the command line", arguments: [ModelKind.judge, .pair])
  func judgements(_ kind: ModelKind) async throws {
    let pairs = (0..<3).map {
      PreferencePair(
        id: "p\($0)",
        prompt: [.user(prompt)],
        chosen: responses[$0],
        rejected: responses[$0 + 1]
      )
    }
    let model = try TinyModels.make(kind, contextTokens: 256)
    let expected = try await JudgeRater(model).judge(pairs)
    let body = JSONValue.array(
      pairs.map {
        [
          "id": .string($0.id), "prompt": .string(prompt),
          "responses": [.string($0.chosen), .string($0.rejected)],
        ]
      }
    )
    try await withServer(kind, contextTokens: 256) { client, _ in
      let answer = try await client.post("/v1/judgements", body)
      #expect(answer.status == 200, "\(answer.text)")
      let verdicts = try JSONDecoder().decode([PairVerdict].self, from: Data(answer.text.utf8))
      #expect(verdicts.map(\.id) == expected.map(\.id))
      for (verdict, expected) in zip(verdicts, expected) {
        #expect(abs((verdict.probability ?? 0) - (expected.probability ?? 1)) < 1e-5)
        #expect(verdict.tokens == expected.tokens)
      }
    }
  }

  @Test("judgements with reasons are those of the command line, votes and all")
  func rationales() async throws {
    let pair = PreferencePair(
      id: "p",
      prompt: [.user(prompt)],
      chosen: responses[0],
      rejected: responses[1]
    )
    var settings = JudgeSettings()
    settings.votes = 5
    settings.tokens = 20
    settings.seed = 4
    settings.prompts = .playground
    let model = try TinyModels.make(.languageModel, contextTokens: 256)
    let expected = try await JudgeRater(model, settings: settings).judge([pair])[0]
    try await withServer(.languageModel, contextTokens: 256) { client, _ in
      let answer = try await client.post(
        "/v1/judgements",
        [
          "id": "p", "prompt": .string(prompt), "chosen": .string(responses[0]),
          "rejected": .string(responses[1]), "votes": 5, "max_tokens": 20, "seed": 4,
          "task": "chain", "prompts": "playground",
        ]
      )
      #expect(answer.status == 200, "\(answer.text)")
      let verdict = try JSONDecoder().decode(PairVerdict.self, from: Data(answer.text.utf8))
      #expect(verdict.judgements.count == 6)
      #expect(verdict.judgements.map(\.text) == expected.judgements.map(\.text))
      #expect(verdict.tokens == expected.tokens)
    }
  }
}
