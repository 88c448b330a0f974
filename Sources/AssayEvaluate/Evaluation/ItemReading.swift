// What a judge is asked about an item beside comparisons, and what its answers come to.
import AssayBase
import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayText

/// A judge that is asked for ratings, choices or steps.
package struct ItemAsking {
  /// What writes the answers.
  package let writer: any Writer
  /// What is asked, and how answers are read.
  package let reading: ItemReading

  /// Makes one.
  ///
  /// - Parameters:
  ///   - writer: What writes the answers.
  ///   - reading: What is asked, and how answers are read.
  package init(_ writer: any Writer, _ reading: ItemReading) {
    (self.writer, self.reading) = (writer, reading)
  }

  /// Whether items of a benchmark are asked such questions.
  package func asks(_ benchmark: any Benchmark) -> Bool {
    benchmark.items.contains { type(of: benchmark).question(of: $0, reading.form) != nil }
  }
}

/// What a judge is asked about items, and what comes of what it writes; it needs no weights.
package struct ItemReading: Sendable {
  /// How items are judged.
  package let form: JudgingForm
  /// How answers are read: `rewardBench` as the published script does.
  package let rule: VerdictRule
  /// Whether the template takes a system turn.
  private let takesSystem: Bool
  /// Answers to each question.
  private let votes: Int
  private let settings: JudgeSettings
  /// Most tokens of an answer; one about a whole solution takes more.
  private let (tokens, stepTokens): (Int, Int)

  /// The score of a response whose rating cannot be read.
  ///
  /// Source: allenai/reward-bench, rewardbench/generative_v2.py (`get_single_rating`).
  package static let unreadRating = -1.0

  /// Makes one.
  ///
  /// - Parameters:
  ///   - writer: What will write, which says how long answers may be.
  ///   - form: How items are judged.
  ///   - votes: Answers to each question: of ratings the mean counts, else what most of them say.
  ///   - settings: Temperature (`nil` is greedy for one vote, and 1 for more), tokens and seed.
  ///   - rule: How answers are read.
  ///   - takesSystem: Whether the model's template takes a system turn.
  package init(
    for writer: any Writer,
    form: JudgingForm,
    votes: Int = 1,
    settings: JudgeSettings = JudgeSettings(),
    rule: VerdictRule = .strict,
    takesSystem: Bool = true
  ) {
    (self.form, self.rule) = (form, rule)
    tokens = writer.limit(settings.tokens ?? Self.usualTokens, .judgement)
    stepTokens = writer.limit(settings.tokens ?? Self.usualStepTokens, .judgement)
    (self.votes, self.settings, self.takesSystem) = (max(1, votes), settings, takesSystem)
  }

  /// Most tokens where the settings do not say.
  ///
  /// Source: `max_tokens` of both published scripts.
  private static let (usualTokens, usualStepTokens) = (2048, 8192)

  /// The conversations about an item: one for each rating, else a single one.
  private func conversations(_ item: BenchmarkItem, _ question: ItemQuestion) -> [[Message]] {
    switch question {
    case .rating(let weighsDetail):
      return (item.chosen + item.rejected).map {
        ItemPrompts.rating(prompt: item.prompt, response: $0, weighsDetail: weighsDetail)
      }
    case .choice:
      let responses = item.chosen + item.rejected
      let messages = ItemPrompts.choice(
        prompt: item.prompt,
        responses: order(item).map { responses[$0] }
      )
      return [takesSystem ? messages : ItemPrompts.withoutSystem(messages)]
    case .step: return [ItemPrompts.firstError(problem: item.prompt, steps: item.steps)]
    }
  }

  /// The places of the responses in the order in which they are shown: the chosen one changes places with
  /// one that is drawn, by the item's texts and the seed.
  private func order(_ item: BenchmarkItem) -> [Int] {
    let texts = item.prompt.flatMap { [$0.role, $0.content] } + item.chosen + item.rejected
    let hash = Digest.hex(texts.map { "\($0.utf8.count):\($0)" }.joined())
    var random = SeededRandom(settings.seed, UInt64(hash.prefix(16), radix: 16) ?? 0)
    var order = Array(0..<(item.chosen.count + item.rejected.count))
    order.swapAt(0, random.below(order.count))
    return order
  }

  /// What a writer is asked about an item.
  ///
  /// - Parameters:
  ///   - item: The item.
  ///   - question: What is asked.
  /// - Returns: A request for each rating, else a single one.
  package func requests(_ item: BenchmarkItem, _ question: ItemQuestion) -> [WritingRequest] {
    var writing = WritingSettings()
    writing.maximumTokens = question == .step ? stepTokens : tokens
    writing.temperature = settings.temperature ?? (votes == 1 ? 0 : 1)
    writing.topP = settings.topP
    return conversations(item, question).map {
      WritingRequest(.conversation($0), settings: writing, seed: settings.seed, draws: votes)
    }
  }

  /// What answers about an item come to.
  ///
  /// A rating is the response's score, `unreadRating` where it cannot be read; a choice scores the chosen
  /// response 1 and all others 0, and all 0 where it cannot be read; of steps, those before the first wrong
  /// one score 1 and it and those behind it -1.
  ///
  /// - Parameters:
  ///   - item: The item.
  ///   - question: What was asked.
  ///   - written: The answers to each request.
  /// - Returns: The item's record.
  package func record(
    _ item: BenchmarkItem,
    _ question: ItemQuestion,
    _ written: [[Written]]
  ) -> BenchmarkRecord {
    let count = item.chosen.count + item.rejected.count
    let read = written.map { $0.map { self.read($0, question, count) } }
    let scores: BenchmarkScores
    switch question {
    case .rating:
      scores = BenchmarkScores(
        read.map { own in
          let ratings = own.compactMap { $0.map(Double.init) }
          return ratings.isEmpty
            ? Self.unreadRating : ratings.reduce(0, +) / Double(ratings.count)
        },
        of: item
      )
    case .choice:
      let best = Self.majority(read[0]).map { order(item)[$0] }
      scores = BenchmarkScores((0..<count).map { $0 == best ? 1 : 0 }, of: item)
    case .step:
      scores = OfficialRecord.scores(firstWrong: Self.majority(read[0]), item: item)
    }
    return BenchmarkRecord(
      id: item.id,
      content: .scores(scores),
      tokens: Self.tokens(written),
      texts: texts(written, read, question, count)
    )
  }

  /// What an answer says: a rating, the place of the response among those shown, or a step.
  private func read(_ written: Written, _ question: ItemQuestion, _ count: Int) -> Int? {
    let text = written.answer
    switch question {
    case .step: return ItemPrompts.boxedNumber(in: text)
    case .rating:
      if rule == .rewardBench { return ItemPrompts.publishedRating(in: text) }
      return written.finishReason.isCut ? nil : ItemPrompts.rating(in: text)
    case .choice:
      if rule == .rewardBench { return ItemPrompts.publishedChoice(in: text, of: count) }
      return written.finishReason.isCut ? nil : ItemPrompts.choice(in: text, of: count)
    }
  }

  private func texts(
    _ written: [[Written]],
    _ read: [[Int?]],
    _ question: ItemQuestion,
    _ count: Int
  ) -> [RecordedText] {
    written.enumerated().flatMap { place, own in
      zip(own, read[place]).map { text, said in
        // A critique of the whole solution is about the last of its beginnings.
        var recorded = RecordedText(place: question == .step ? count - 1 : place, text: text.answer)
        recorded.answer = said.map { .read(question == .choice ? Self.letter($0) : "\($0)") }
        if recorded.answer == nil { recorded.answer = .unread }
        if case .rating = question { recorded.score = said.map(Double.init) }
        return recorded
      }
    }
  }

  private static func letter(_ place: Int) -> String {
    String(UnicodeScalar(UInt8(65 + min(place, 25))))
  }

  /// What most answers say, the first of those that as many say; `nil` where none can be read.
  ///
  /// Source: QwenLM/ProcessBench, code/run_eval.py, which counts answers that can be read.
  static func majority(_ answers: [Int?]) -> Int? {
    let read = answers.compactMap(\.self)
    func votes(_ answer: Int) -> Int { read.count { $0 == answer } }
    let most = read.map(votes).max()
    return read.first { votes($0) == most }
  }

  /// A prompt counts once for all its draws.
  private static func tokens(_ written: [[Written]]) -> TokenCount {
    TokenCount(
      prompt: written.compactMap { $0.first?.usage?.prompt }.reduce(0, +),
      completion: written.joined().compactMap { $0.usage?.completion }.reduce(0, +)
    )
  }
}

extension RecordSettings {
  /// Notes how a judge is asked about items.
  package mutating func set(_ reading: ItemReading) { reading.note(in: &self) }
}

extension ItemReading {
  fileprivate func note(in settings: inout RecordSettings) {
    settings.set("--judge-by", form.rawValue)
    settings.set("--votes", votes)
    settings.set("--temperature", self.settings.temperature ?? (votes == 1 ? 0 : 1))
    settings.set("--top-p", self.settings.topP)
    settings.set("--max-tokens", self.settings.tokens.map(String.init) ?? "default")
  }

  /// The limit of a benchmark's items for a model here.
  ///
  /// - Parameters:
  ///   - benchmark: The benchmark.
  ///   - text: The model's texts.
  /// - Returns: The limit; `nil` where nothing is asked but which of two responses is better.
  package func limit(
    of benchmark: any Benchmark.Type,
    _ text: ModelText
  ) -> TokenLimit<BenchmarkItem>? {
    guard form != .pairs || benchmark == ProcessBench.self else { return nil }
    return TokenLimit(maximumTokens: text.contextTokens) { item in
      guard let question = benchmark.question(of: item, form) else { return 0 }
      return try requests(item, question).map { request in
        guard case .conversation(let messages) = request.opening else { return 0 }
        return try text.renderer.generationPrefix(prompt: messages).count
          + request.settings.maximumTokens + 1
      }.max() ?? 0
    }
  }
}
