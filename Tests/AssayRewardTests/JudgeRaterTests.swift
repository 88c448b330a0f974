import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

/// Texts to write in turn, and what was asked for.
private final class Script {
  var texts: [String]
  var reasons: [FinishReason]
  var requests: [GenerationRequest] = []

  init(_ texts: [String], reasons: [FinishReason]? = nil) {
    self.texts = texts
    self.reasons = reasons ?? texts.map { _ in .stop }
  }
}

/// A model that writes by a script, and reads by its weights.
private struct ScriptedPort: ModelPort {
  let local: LocalPort
  let script: Script
  var text: ModelText { local.text }

  init(_ model: Model, _ script: Script) throws {
    local = try LocalPort(model)
    self.script = script
  }

  nonisolated(nonsending) func texts(
    _ requests: [GenerationRequest],
    onFinished: (Int, Generation) throws -> Void
  ) async throws -> [Generation] {
    let first = script.requests.count
    script.requests += requests
    let written = requests.enumerated().map { index, request in
      Generation(
        tokens: [1, 2],
        text: script.texts[(first + index) % script.texts.count],
        finishReason: script.reasons[(first + index) % script.texts.count],
        promptTokenCount: request.promptTokens.count
      )
    }
    // In any order.
    for (index, text) in written.enumerated().reversed() { try onFinished(index, text) }
    return written
  }

  nonisolated(nonsending) func values(
    _ passes: [ModelPass],
    _ reading: ModelPass.Reading,
    onRead: (Int, PassValue) throws -> Void
  ) async throws -> [PassValue] {
    try await local.values(passes, reading, onRead: onRead)
  }
}

@Suite struct JudgeRaterTests {
  let world: TinyReward
  init() throws { world = try TinyReward() }

  private func settings(votes: Int = 2) -> JudgeSettings {
    var settings = JudgeSettings()
    settings.votes = votes
    return settings
  }

  private func judged(
    _ texts: [String],
    reasons: [FinishReason]? = nil,
    votes: Int = 2
  ) async throws -> PairVerdict {
    let judge = try JudgeRater(
      ScriptedPort(world.judge(task: .chain), Script(texts, reasons: reasons)),
      settings: settings(votes: votes)
    )
    return try #require(try await judge.judge([world.pairs[0]]).first)
  }

  private func exchanged(_ pair: PreferencePair) -> PreferencePair {
    var pair = pair
    (pair.chosen, pair.rejected) = (pair.rejected, pair.chosen)
    return pair
  }

  // MARK: Rationales

  @Test("votes are counted by what each order's letter stands for")
  func votes() async throws {
    // Chosen is A in the first two, and B in the last two: votes chosen, rejected, chosen, chosen.
    let verdict = try await judged(["x [[A]]", "[[B]]", "[[B]]", "so [[B]]"], votes: 4)
    #expect(verdict.probability == 0.75)
    #expect(verdict.votes.chosen == 3 && verdict.votes.rejected == 1)
    #expect(verdict.votes.unparseable == 0)
    #expect(verdict.outcome == .win)
    // The first order has as many votes on both sides, so that it contradicts nothing.
    #expect(!verdict.flipped)
    #expect(verdict.judgements.map(\.order.rawValue).prefix(2) == ["chosen-first", "chosen-first"])
  }

  @Test("a judge that always prefers the response shown first is undecided, and flips")
  func position() async throws {
    let verdict = try await judged(["[[A]]"])
    #expect(verdict.probability == 0.5 && verdict.outcome == .tie && verdict.flipped)
    let other = try await judged(["[[A]]", "[[B]]"])
    #expect(other.probability == 1 && !other.flipped)
    let loss = try await judged(["[[B]]", "[[A]]"])
    #expect(loss.probability == 0 && loss.outcome == .loss && !loss.flipped)
  }

  @Test(
    "a judgement without a clear verdict is missing, and its order counts one half",
    arguments: ["", "A is shorter, B is longer.", "[[C]]", "[AB]", "[[AB]]", "[[ C ]]"]
  )
  func malformed(_ text: String) async throws {
    let verdict = try await judged([text, "[[A]]"])  // the second prefers rejected
    #expect(verdict.judgements[0].verdict == nil)
    #expect(verdict.votes.unparseable == 1)
    #expect(verdict.probability == 0.25 && !verdict.flipped)
  }

  @Test("a place that is preferred gains nothing where texts of one order break off")
  func balance() async throws {
    // Always the first: four votes for chosen in one order, one that can be read in the other.
    let verdict = try await judged(
      ["[[A]]", "[[A]]", "[[A]]", "[[A]]", "[[A]]", "?", "?", "?"],
      votes: 8
    )
    #expect(verdict.votes.chosen == 4 && verdict.votes.rejected == 1)
    #expect(verdict.probability == 0.5 && verdict.outcome == .tie && verdict.flipped)
  }

  @Test("the last mark is the verdict, whatever was weighed before it")
  func lastMark() async throws {
    let verdict = try await judged(["[[A]] or [[B]]", "[[A]]"])
    #expect(verdict.judgements.map(\.verdict) == [.b, .a])
    #expect(verdict.votes.unparseable == 0 && verdict.probability == 0)
  }

  @Test("a judgement that its length cut is decided by the letters behind it, whatever it holds")
  func cut() async throws {
    let (first, last) = ("[[A]] is", "[[B]]")
    let verdict = try await judged([first, last], reasons: [.length, .stop])
    let judgement = verdict.judgements[0]
    #expect(judgement.finishReason == .length && judgement.text == first)
    #expect(judgement.isForced == true && verdict.judgements[1].isForced == nil)
    #expect(judgement.probability == nil && verdict.votes.unparseable == 0)
    // What the same text, ended by the mark, would be worth is the mark's likelihood.
    let likely = try await likelihood("[[A]] is [[A]]")
    #expect(try await likelihood("[[A]] is [[ a ]]") == likely)
    let letters = try #require(judgement.letters)
    #expect(abs(letters.probability - likely) < 1e-5 && letters.mass > 0 && letters.mass < 1)
    #expect(judgement.verdict == (likely > 0.5 ? .a : .b))
    #expect(verdict.probability == (likely > 0.5 ? 1 : 0.5))
  }

  @Test("behind a judgement that was cut, likelihoods are read as behind others")
  func cutLikelihood() async throws {
    var settings = settings()
    settings.aggregation = .likelihood
    let judge = try JudgeRater(
      ScriptedPort(world.judge(task: .chain), Script(["so"], reasons: [.length])),
      settings: settings
    )
    let verdict = try #require(try await judge.judge([world.pairs[0]]).first)
    let likely = try await likelihood("so [[A]]")
    #expect(abs(try #require(verdict.judgements[0].probability) - likely) < 1e-5)
    #expect(verdict.judgements.allSatisfy { $0.isForced == true })
  }

  /// The likelihood of A behind what stands before a text's mark, with chosen first.
  private func likelihood(_ text: String) async throws -> Double {
    var settings = settings()
    settings.aggregation = .likelihood
    let judge = try JudgeRater(
      ScriptedPort(world.judge(task: .chain), Script([text])),
      settings: settings
    )
    let verdict = try #require(try await judge.judge([world.pairs[0]]).first)
    return try #require(verdict.judgements[0].probability)
  }

  @Test("without any verdict there is no probability")
  func unparseable() async throws {
    let verdict = try await judged(["who knows"], votes: 6)
    #expect(verdict.probability == nil && verdict.outcome == .missing && verdict.isMissing)
    #expect(verdict.votes.unparseable == 6 && !verdict.flipped)
  }

  @Test("an odd number of votes is rounded up, and two are greedy, more are drawn")
  func requests() async throws {
    let script = Script(["[[A]]"])
    let judge = try JudgeRater(
      ScriptedPort(world.judge(task: .chain), script),
      settings: settings(votes: 3)
    )
    let verdict = try #require(try await judge.judge([world.pairs[0]]).first)
    #expect(verdict.judgements.count == 4 && script.requests.count == 4)
    #expect(script.requests.allSatisfy { $0.settings.temperature == 1 && $0.settings.topP == 0.95 })
    // Neighbours share their prefix; every draw has a seed of its own.
    #expect(script.requests[0].promptTokens == script.requests[1].promptTokens)
    #expect(script.requests[1].promptTokens != script.requests[2].promptTokens)
    #expect(Set(script.requests.map(\.drawSeed)).count == 4)
    #expect(script.requests.allSatisfy { $0.maximumTokens == 16 })
    // Both prefixes are read once; every text is two tokens and an end.
    #expect(
      verdict.tokens.prompt
        == script.requests[0].promptTokens.count + script.requests[2].promptTokens.count
    )
    #expect(verdict.tokens.completion == 12)
    let greedy = Script(["[[A]]"])
    _ = try await JudgeRater(ScriptedPort(world.judge(task: .chain), greedy)).judge([world.pairs[0]]
    )
    #expect(greedy.requests.map(\.settings.temperature) == [0, 0])
  }

  @Test("a pair draws the same wherever it stands")
  func places() async throws {
    let whole = Script(["[[A]]"])
    let model = world.judge(task: .chain)
    _ = try await JudgeRater(ScriptedPort(model, whole), settings: settings(votes: 4)).judge(
      world.pairs
    )
    let part = Script(["[[A]]"])
    let judge = try JudgeRater(ScriptedPort(model, part), settings: settings(votes: 4))
    _ = try await judge.judge(Array(world.pairs[5...]))
    #expect(part.requests == Array(whole.requests[20...]))
  }

  @Test("a language model judges untrained, in English, with a built-in engine")
  func untrained() async throws {
    let model = world.model(.languageModel, head: nil, contextTokens: 4096)
    var settings = settings()
    settings.tokens = 4
    let judge = try JudgeRater(model, settings: settings)
    #expect(judge.task == .chain && judge.prompts == .english)
    let verdict = try #require(try await judge.judge([world.pairs[0]]).first)
    #expect(verdict.judgements.count == 2)
    #expect(verdict.judgements.allSatisfy { $0.text != nil })
    #expect(verdict.tokens.completion <= 10)
  }

  // MARK: One pass

  @Test("exchanging the responses gives one minus the probability", arguments: [true, false])
  func symmetry(_ isPair: Bool) async throws {
    let judge = try JudgeRater(world.judge(isPair ? .pair : .judge))
    let verdicts = try await judge.judge(world.pairs)
    let others = try await judge.judge(world.pairs.map(exchanged))
    for (verdict, other) in zip(verdicts, others) {
      let (probability, opposite) = (
        try #require(verdict.probability), try #require(other.probability)
      )
      #expect(abs(probability + opposite - 1) < 1e-5)
      #expect(verdict.flipped == other.flipped)
      #expect((0...1).contains(probability))
    }
    // A random model is no constant.
    #expect(Set(verdicts.map { Int(($0.probability ?? 0) * 1e6) }).count > 3)
  }

  @Test("a pair model's probability is the logistic function of its head, over both orders")
  func pairHead() async throws {
    let model = world.judge(.pair)
    let pair = world.pairs[1]
    let verdict = try #require(try await JudgeRater(model).judge([pair]).first)
    var values: [Double] = []
    for (a, b) in [(pair.chosen, pair.rejected), (pair.rejected, pair.chosen)] {
      let turns = RolePrompts.playground.judge(prompt: pair.prompt, a: a, b: b, task: .token)
      let tokens = try model.renderer().renderForLanguageModel(turns, targets: .all).tokens
      let end = try #require(tokens.lastIndex(of: try model.renderer().endOfTurnID))
      values.append(1 / (1 + exp(-(try #require(reward(model, tokens, at: end))))))
    }
    #expect(abs(try #require(verdict.probability) - (values[0] + 1 - values[1]) / 2) < 1e-5)
    #expect(abs(try #require(verdict.judgements[0].probability) - values[0]) < 1e-5)
    #expect(verdict.flipped == ((values[0] > 0.5) == (values[1] > 0.5)))
    #expect(verdict.votes.unparseable == 0)
  }

  @Test("a judge of letters compares the two letters' probabilities alone")
  func letters() async throws {
    let model = world.judge()
    let pair = world.pairs[2]
    let judge = try JudgeRater(model)
    let verdict = try #require(try await judge.judge([pair]).first)
    let turns = RolePrompts.playground.judge(
      prompt: pair.prompt,
      a: pair.chosen,
      b: pair.rejected,
      task: .token
    )
    let prefix = try model.renderer().generationPrefix(prompt: turns)
    let hidden = hiddenState(model, prefix, at: prefix.count - 1)
    let logits = withoutGradients { model.decoder.logits(hidden, training: false).floats }
    // P(A) / (P(A) + P(B)) of a softmax is the logistic function of the logits' difference.
    let ids = try ["A", "B"].map { try #require(world.tokenizer.encodePlain($0).first) }
    let difference = Double(logits[Int(ids[0])] - logits[Int(ids[1])])
    #expect(
      abs(try #require(verdict.judgements[0].probability) - 1 / (1 + exp(-difference))) < 1e-5
    )
    // Both letters' share of the softmax over all tokens.
    let highest = Double(logits.max() ?? 0)
    let whole = logits.map { exp(Double($0) - highest) }.reduce(0, +)
    let own = ids.map { exp(Double(logits[Int($0)]) - highest) }.reduce(0, +)
    let read = try #require(verdict.judgements[0].letters)
    #expect(abs(read.mass - own / whole) < 1e-5)
    #expect(read.probability == verdict.judgements[0].probability)
  }

  @Test("below a mass of both letters nothing is read, by default where no letter was trained")
  func mass() async throws {
    var settings = settings()
    settings.task = .token
    settings.letterMass = nil
    let trained = try JudgeRater(world.judge(), settings: settings)
    #expect(trained.reading.letterMass == 0)
    #expect(try await trained.judge(world.pairs).allSatisfy { $0.votes.unparseable == 0 })
    // Random weights give two letters of 300 tokens next to nothing.
    let other = try JudgeRater(world.model(.languageModel, head: nil), settings: settings)
    #expect(other.reading.letterMass == 0.25)
    let verdicts = try await other.judge(world.pairs)
    for judgement in verdicts.flatMap(\.judgements) {
      #expect(judgement.verdict == nil && judgement.probability == nil)
      #expect(try #require(judgement.letters).mass < 0.25)
    }
    #expect(verdicts.allSatisfy { $0.isMissing })
    settings.letterMass = 0
    let all = try JudgeRater(world.model(.languageModel, head: nil), settings: settings)
    #expect(try await all.judge(world.pairs).allSatisfy { !$0.isMissing })
    let tally = try VerdictTally(verdicts)
    #expect(tally.unparseableRate == 1)
    #expect(try #require(tally.letterMass) < 0.25)
  }

  @Test("letters that are written have the numbers of a pass, and prompts are read in part once")
  func shared() async throws {
    let model = world.judge()
    let pair = world.pairs[0]
    let pairs = world.pairs.map {
      PreferencePair(id: $0.id, prompt: pair.prompt, chosen: pair.chosen, rejected: $0.rejected)
    }
    var settings = settings()
    settings.task = .token
    // One that was not trained to judge may put a space before its letter.
    for model in [model, world.model(.languageModel, head: nil)] {
      settings.sharesPrefixes = false
      let passes = try await JudgeRater(model, settings: settings).judge(pairs)
      settings.sharesPrefixes = true
      let written = try await JudgeRater(model, settings: settings).judge(pairs)
      #expect(written.map(\.id) == passes.map(\.id))
      for (one, other) in zip(written.flatMap(\.judgements), passes.flatMap(\.judgements)) {
        let (letters, expected) = (try #require(one.letters), try #require(other.letters))
        #expect(abs(letters.probability - expected.probability) < 1e-4)
        #expect(abs(letters.mass - expected.mass) < 1e-4)
        #expect(one.verdict == other.verdict && one.order == other.order)
      }
    }
    // A pair model has no letters: it is read as ever.
    let logits = world.judge(.pair)
    let read = try await JudgeRater(logits).judge(pairs)
    #expect(try await JudgeRater(logits, settings: settings).judge(pairs) == read)
  }

  @Test("packing pairs into batches changes nothing")
  func batches() async throws {
    let model = world.judge(.pair)
    let one = try await JudgeRater(LocalPort(model, passTokens: 1)).judge(world.pairs)
    let all = try await JudgeRater(model).judge(world.pairs)
    for (left, right) in zip(one, all) {
      #expect(abs((left.probability ?? 0) - (right.probability ?? 1)) < 1e-5)
    }
  }

  // MARK: Errors

  @Test("a pair that does not fit is an error that names it", arguments: [true, false])
  func tooLong(_ isPair: Bool) async throws {
    let judge = try JudgeRater(world.judge(isPair ? .pair : .judge, contextTokens: 12))
    let error = await #expect(throws: RewardError.self) {
      try await RewardError.inStretch(from: 7) { try await judge.judge([world.pairs[0]]) }
    }
    guard case .tooLong(7, let tokens, 12) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(tokens > 12)
  }

  @Test("models that score single responses do not judge", arguments: [ModelKind.classic, .cloud])
  func scorers(_ kind: ModelKind) throws {
    #expect(throws: RewardError.noJudge(kind: kind.rawValue)) {
      try JudgeRater(world.model(kind))
    }
    #expect(throws: RewardError.noHead(kind: "pair")) { try ModelScorer(world.judge(.pair)) }
  }
}

@Suite struct VerdictLikelihoodTests {
  /// The log probability of the last tokens of a sequence, from logits and without packing.
  private func logProbability(_ model: Model, _ tokens: [Int32], from start: Int) -> Double {
    withoutGradients {
      let hidden = model.decoder(PackedBatch([tokens]), rows: nil, training: false)
      let V = model.decoder.configuration.vocabularySize
      let logits = model.decoder.logits(hidden, training: false).floats.map(Double.init)
      return (start..<tokens.count).map { index in
        let row = logits[(index - 1) * V..<index * V]
        let top = row.max() ?? 0
        let total = row.map { exp($0 - top) }.reduce(0, +)
        return row[row.startIndex + Int(tokens[index])] - top - log(total)
      }.reduce(0, +)
    }
  }

  @Test("the likelihood is that of one mark against the other behind the rationale written")
  func workedExample() async throws {
    let world = try TinyReward()
    let model = world.judge(task: .chain)
    var settings = JudgeSettings()
    settings.aggregation = .likelihood
    let texts = ["A is good. [[A]]", "nothing"]
    let judge = try JudgeRater(ScriptedPort(model, Script(texts)), settings: settings)
    let verdict = try #require(try await judge.judge([world.pairs[0]]).first)
    let renderer = try model.renderer()
    let asked = RolePrompts.playground.judge(world.pairs[0], .chosenFirst, task: .chain)
    let start = try renderer.generationPrefix(prompt: asked).count
    let values = try Verdict.allCases.map { verdict in
      let text = "A is good. \(verdict.mark)"
      let tokens = try renderer.renderForLanguageModel(
        asked + [.assistant(text)],
        targets: .assistant
      ).tokens
      return logProbability(model, tokens, from: start)
    }
    let expected = 1 / (1 + exp(values[1] - values[0]))
    let probability = try #require(verdict.judgements[0].probability)
    #expect(abs(probability - expected) < 1e-4)
    // The other order has no verdict: it is missing, and counts one half.
    #expect(verdict.judgements[1].probability == nil)
    #expect(verdict.votes.unparseable == 1)
    #expect(verdict.probability == (probability + 0.5) / 2)
  }

  @Test("behind what the context has no room for no likelihood is read")
  func tooLong() async throws {
    let world = try TinyReward()
    var settings = JudgeSettings()
    settings.aggregation = .likelihood
    let renderer = try world.judge(task: .chain).renderer()
    let asked = RolePrompts.playground.judge(world.pairs[0], .chosenFirst, task: .chain)
    // Longer than what a judge asks for beyond its prompt.
    let rationale = String(repeating: "A is good. ", count: 12)
    let counts = try Verdict.allCases.map { verdict in
      try renderer.renderForLanguageModel(
        asked + [.assistant(rationale + verdict.mark)],
        targets: .assistant
      ).tokens.count
    }
    let needed = try #require(counts.max())
    for (contextTokens, isRead) in [(needed, true), (needed - 1, false)] {
      let model = world.judge(task: .chain, contextTokens: contextTokens)
      let script = Script([rationale + "[[A]]", "nothing"])
      let judge = try JudgeRater(ScriptedPort(model, script), settings: settings)
      let verdict = try #require(try await judge.judge([world.pairs[0]]).first)
      #expect((verdict.judgements[0].probability != nil) == isRead)
    }
  }

  @Test("what was voted for does not change the likelihood, only what was written before it")
  func votes() async throws {
    let world = try TinyReward()
    var settings = JudgeSettings()
    settings.aggregation = .likelihood
    func probabilities(_ texts: [String]) async throws -> [Double?] {
      let judge = try JudgeRater(
        ScriptedPort(world.judge(task: .chain), Script(texts)),
        settings: settings
      )
      return try await judge.judge([world.pairs[1]])[0].judgements.map(\.probability)
    }
    let first = try await probabilities(["so [[A]]"])
    #expect(first == (try await probabilities(["so [[B]]"])))
    #expect(first != (try await probabilities(["because [[A]]"])))
  }

  @Test("the mark that counts is the last: it is the one whose likelihood is read")
  func lastMark() async throws {
    let world = try TinyReward()
    var settings = JudgeSettings()
    settings.aggregation = .likelihood
    func probability(_ text: String) async throws -> Double? {
      let judge = try JudgeRater(
        ScriptedPort(world.judge(task: .chain), Script([text])),
        settings: settings
      )
      return try await judge.judge([world.pairs[1]])[0].judgements[0].probability
    }
    let whole = try await probability("at first [[A]], but no. [[B]]")
    #expect(whole == (try await probability("at first [[A]], but no. [[A]]")))
    #expect(whole != (try await probability("at first [[A]]")))
  }
}
