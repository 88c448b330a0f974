import AssayEvaluate
import AssayGenerate
import AssayReward
import AssayText
import Foundation
import Synchronization
import Testing

/// Answers by a function of the last turn and the draw, and remembers what it was asked.
private final class ScriptedWriter: Writer {
  let isHere = true
  private let log = Mutex<[WritingRequest]>([])
  private let answer: @Sendable (String, Int) -> String
  var asked: [[Message]] {
    log.withLock { log in
      log.map { if case .conversation(let messages) = $0.opening { messages } else { [] } }
    }
  }
  var requests: [WritingRequest] { log.withLock { $0 } }

  init(_ answer: @escaping @Sendable (String, Int) -> String) { self.answer = answer }

  func limit(_ asked: Int?, _ role: WritingRole) -> Int { asked ?? role.usualTokens }

  nonisolated(nonsending) func write(
    _ requests: [WritingRequest],
    onWritten: (Int, [Written]) throws -> Void
  ) async throws -> [[Written]] {
    log.withLock { $0 += requests }
    return try requests.enumerated().map { index, request in
      guard case .conversation(let messages) = request.opening else { return [] }
      let texts = (0..<request.draws).map { draw in
        let text = answer(messages.last?.content ?? "", draw)
        return Written(text: text, answer: text, usage: .init(prompt: 10, completion: 2))
      }
      try onWritten(index, texts)
      return texts
    }
  }
}

/// The letter under which a text is shown.
private func letter(of text: String, in question: String) -> String {
  for letter in ["A", "B", "C", "D"]
  where question.contains("[Start of assistant \(letter)'s answer]\n\(text)\n") {
    return letter
  }
  return "?"
}

@Suite struct ItemAskingTests {
  private let folder = TestFolder()

  private func evaluated(
    _ name: String,
    _ rows: [String],
    _ form: JudgingForm,
    votes: Int = 1,
    rule: VerdictRule = .strict,
    _ writer: ScriptedWriter
  ) async throws -> (results: BenchmarkResults, records: [BenchmarkRecord], any Benchmark) {
    let benchmark = try BenchmarkCatalogue.load(
      name,
      path: try folder.file(rows.joined(separator: "\n"), "\(name).jsonl")
    )
    let reading = ItemReading(for: writer, form: form, votes: votes, rule: rule)
    let method = EvaluationMethod.judge(
      try JudgeRater(writer),
      rule,
      ItemAsking(writer, reading)
    )
    let own = method.answerable(benchmark)
    let records = try await method.records(
      own,
      folder: folder.url,
      settings: recordSettings(),
      force: false,
      isCut: nil
    ) { _ in }
    // What is recorded is read as it was, with the texts.
    let file = folder.url.appendingPathComponent("scores-\(name).jsonl").path
    #expect(try BenchmarkRecords.open(file, for: benchmark).1 == records)
    return (try own.results(records), records, own)
  }

  private static func row(
    _ id: String,
    _ subset: String,
    _ chosen: [String],
    _ rejected: [String]
  ) -> String {
    let spelt = [chosen, rejected].map { list in
      "[" + list.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
    return
      #"{"id":"\#(id)","subset":"\#(subset)","prompt":"q \#(id)","chosen":\#(spelt[0]),"#
      + #""rejected":\#(spelt[1])}"#
  }

  /// Rates a response by the number in it; what has none gets no rating.
  private func rater() -> ScriptedWriter {
    ScriptedWriter { question, _ in
      let answer = question.components(separatedBy: "[Answer]\n").last ?? ""
      let number = answer.prefix { $0 != "\n" }.filter(\.isNumber)
      return number.isEmpty ? "No idea." : "It is so.\n\n\(number)"
    }
  }

  @Test(
    "RewardBench 2 by ratings: best of 4 shares the point, an unread rating is -1, ties by the formula"
  )
  func ratings() async throws {
    let rows = [
      Self.row("1", "Math", ["9"], ["3", "4", "5"]),  // alone on top: 1
      Self.row("2", "Math", ["9"], ["9", "4", "9"]),  // one of three on top: 1/3
      Self.row("3", "Math", ["3"], ["9", "4", "x"]),  // beaten: 0
      Self.row("4", "Math", ["x"], ["y", "z", "w"]),  // none can be read: 1/4
      Self.row("5", "Math", ["2"], ["y", "z", "w"]),  // the only one that can: 1
      Self.row("ref:0", "Ties", ["9"], ["1", "x"]),
      Self.row("tied:0", "Ties", ["8", "7"], ["2", "3"]),
    ]
    let writer = rater()
    let (results, records, _) = try await evaluated("rewardbench2", rows, .ratings, writer)
    let expected = (1 + 1.0 / 3 + 0 + 0.25 + 1) / 5
    #expect(isClose(results.sections["Math"]?.accuracy, expected))
    // ref: gap 9 - 1 = 8. tied: gap 7 - 3 = 4, spread 8 - 7 = 1; the least gap is 4.
    let ties = 0.3 + 0.3 + 0.2 + 0.2 + 0.01 * tanh(4.0 / 1 - 1)
    #expect(isClose(results.sections["Ties"]?.accuracy, ties))
    #expect(isClose(results.sections["overall"]?.accuracy, (expected + ties) / 2))
    #expect(records[2].content == .scores(BenchmarkScores(chosen: [3], rejected: [9, 4, -1])))
    // Of 27 ratings, those of x, y, z and w cannot be read: 1 + 4 + 3 + 1.
    #expect(isClose(results.sections["overall"]?.unparseableRate, 9.0 / 27))
    #expect(results.notes.contains { $0.contains("9 of 27 answers cannot be read") })
    #expect(records[0].tokens?.prompt == 40 && records[0].tokens?.completion == 8)
    // Of ties depth and detail need not count.
    let asked = writer.asked.compactMap(\.last?.content)
    #expect(asked.count == 27)
    #expect(
      asked.filter { $0.contains("need not count") }.allSatisfy {
        $0.contains("q ref:0") || $0.contains("q tied:0")
      }
    )
    #expect(asked.count { $0.contains("need not count") } == 7)
  }

  @Test(
    "RewardBench 2 by choice: one of A to D wherever it stands, 0.25 for none, and ties by ratings"
  )
  func choice() async throws {
    let rows =
      (0..<12).map { Self.row("\($0)", "Focus", ["good"], ["bad1", "bad2", "bad3"]) }
      + [
        Self.row("w", "Safety", ["bad9"], ["good", "bad2", "bad3"]),
        Self.row("u", "Safety", ["nothing"], ["bad1", "bad2", "bad3"]),
        Self.row("ref:0", "Ties", ["9"], ["1"]),
        Self.row("tied:0", "Ties", ["8", "7"], ["2", "3"]),
      ]
    let writer = ScriptedWriter { question, _ in
      if question.contains("[Answer]\n8") { return "8" }
      if question.contains("[Answer]\n") {
        return String(question.components(separatedBy: "[Answer]\n")[1].prefix(1))
      }
      return "Weighed. [[\(letter(of: "good", in: question))]]"
    }
    let (results, records, benchmark) = try await evaluated("rewardbench2", rows, .choice, writer)
    #expect(results.sections["Focus"]?.accuracy == 1)
    // 0 for the wrong one, 0.25 for the one that cannot be read.
    #expect(isClose(results.sections["Safety"]?.accuracy, 0.125))
    #expect(isClose(results.sections["Ties"]?.accuracy, 1 + 0.01 * tanh(3)))
    let shown = Set(writer.asked.compactMap(\.last?.content).map { letter(of: "good", in: $0) })
    #expect(shown.isSuperset(of: ["A", "B", "C", "D"]))
    #expect(writer.asked[0].first?.role == "system")
    #expect(
      writer.requests[0].settings.temperature == 0
        && writer.requests[0].settings.maximumTokens == 2048
    )
    // Where it stands depends on the item, not on its place; and the page shows the letter.
    #expect(records[0].texts[0].answer != nil)
    let official = try #require(
      OfficialOutput(benchmark, records, results.sections, model: "m")
    )
    #expect(official.text.contains("Generative RM") && official.text.contains("\"Ties\""))
  }

  @Test("what stands in the log is not asked about again")
  func resumes() async throws {
    let rows = [Self.row("1", "Math", ["9"], ["3", "4", "5"])]
    let first = ScriptedWriter { _, _ in "7" }
    _ = try await evaluated("rewardbench2", rows, .ratings, first)
    let second = ScriptedWriter { _, _ in "1" }
    let (results, _, _) = try await evaluated("rewardbench2", rows, .ratings, second)
    #expect(second.requests.isEmpty && results.sections["overall"]?.accuracy == 0.25)
    await #expect(throws: EvaluateError.self) {
      _ = try await self.evaluated("rewardbench2", rows, .choice, second)
    }
  }

  @Test("several votes: ratings count by their mean, choices by the most frequent")
  func votes() async throws {
    let rows = [Self.row("1", "Math", ["a"], ["b", "c", "d"])]
    let ratings = ScriptedWriter { question, draw in
      question.contains("[Answer]\na") ? ["6", "none", "9"][draw] : "7"
    }
    let (_, records, _) = try await evaluated("rewardbench2", rows, .ratings, votes: 3, ratings)
    #expect(records[0].content == .scores(BenchmarkScores(chosen: [7.5], rejected: [7, 7, 7])))
    #expect(ratings.requests[0].settings.temperature == 1)
  }

  private static func solution(_ id: Int, _ label: Int) -> String {
    #"{"id":"\#(id)","problem":"p\#(id)","steps":["s0","s1","s2"],"label":\#(label)}"#
  }

  @Test(
    "ProcessBench: the boxed paragraph is the first wrong one, and none that is read is never right"
  )
  func processBench() async throws {
    // Right, wrong place, unread; right, a step where there is none, unread.
    let rows = [1, 1, 2, -1, -1, -1].enumerated().map(Self.solution)
    let said = [
      "At first \\boxed{0}, no: \\boxed{ 1 }.", "\\boxed{2}", "paragraph 2", "\\boxed{-1}",
      "\\boxed{1}", "\\boxed{none}",
    ]
    let writer = ScriptedWriter { question, _ in
      said[(0..<6).first { question.contains("[Problem]\n\np\($0)\n") } ?? 0]
    }
    let (results, records, benchmark) = try await evaluated("processbench", rows, .pairs, writer)
    let name = "processbench"
    #expect(isClose(results.sections["\(name) error"]?.accuracy, 1.0 / 3))
    #expect(isClose(results.sections["\(name) correct"]?.accuracy, 1.0 / 3))
    // The harmonic mean of two thirds of one another's size: 1/3.
    #expect(isClose(results.sections["overall"]?.accuracy, 1.0 / 3))
    #expect(isClose(results.sections["overall"]?.unparseableRate, 2.0 / 6))
    let asked = try #require(writer.asked.first?.last?.content)
    #expect(asked.contains("<paragraph_1>\ns1\n</paragraph_1>") && asked.contains("\\boxed{}"))
    #expect(writer.asked[0].count == 1 && writer.requests[0].settings.maximumTokens == 8192)
    let official = try #require(OfficialOutput(benchmark, records, results.sections, model: "m"))
    let lines = official.text.split(separator: "\n")
    #expect(lines[0].contains(#""prediction":1,"match":true"#))
    #expect(lines[2].contains(#""prediction":null,"match":false"#))
    #expect(lines[4].contains(#""prediction":1,"match":false"#))
  }

  @Test("ProcessBench by votes: the most frequent answer of those that can be read")
  func majority() async throws {
    let writer = ScriptedWriter { question, draw in
      question.contains("p0")
        ? ["\\boxed{0}", "?", "\\boxed{1}", "\\boxed{1}"][draw]
        : ["\\boxed{-1}", "\\boxed{2}", "?", "?"][draw]
    }
    let rows = [Self.solution(0, 1), Self.solution(1, -1)]
    let (results, _, _) = try await evaluated("processbench", rows, .pairs, votes: 4, writer)
    // 1 of most votes; -1 and 2 have as many, and the first counts.
    #expect(results.sections["overall"]?.accuracy == 1)
  }
}

/// How answers are read.
@Suite struct ItemPromptsTests {
  @Test(
    "a rating is the whole number from 1 to 10 that ends the text",
    arguments: [
      ("Good.\n\n9", 9, 9), ("Rating: 10\n", 10, 10), ("9/10", 9, 10), ("**8**", 8, nil),
      ("8.", 8, nil),
      ("7.5", nil, 5), ("11", nil, nil), ("0", nil, nil), ("x7", nil, nil), ("7 points", nil, nil),
      ("", nil, nil),
    ] as [(String, Int?, Int?)]
  )
  func rating(_ text: String, _ own: Int?, _ published: Int?) {
    #expect(ItemPrompts.rating(in: text) == own)
    #expect(ItemPrompts.publishedRating(in: text) == published)
  }

  @Test(
    "a choice is the last letter in brackets, by the published rule the first of the alphabet",
    arguments: [
      ("[[C]]", 2, 2), ("[[A]] is worse than [[D]]", 3, 0), ("[[ **b** ]]", 1, nil),
      ("[[Assistant D]]", 3, nil),
      ("[[E]]", nil, nil), ("[[A>B]]", nil, nil), ("none", nil, nil),
    ] as [(String, Int?, Int?)]
  )
  func choice(_ text: String, _ own: Int?, _ published: Int?) {
    #expect(ItemPrompts.choice(in: text, of: 4) == own)
    #expect(ItemPrompts.publishedChoice(in: text, of: 4) == published)
  }

  @Test("what is boxed last is the answer, where it is a number")
  func boxed() {
    #expect(ItemPrompts.boxedNumber(in: "\\boxed{3} then \\boxed{-1}") == -1)
    #expect(ItemPrompts.boxedNumber(in: "\\boxed{3} then \\boxed{three}") == nil)
    #expect(ItemPrompts.boxedNumber(in: "\\boxed{3} then \\boxed{4") == 3)
    #expect(ItemPrompts.boxedNumber(in: "3") == nil)
  }

  @Test("a template without system turns has the system's words at the user's")
  func withoutSystem() {
    let asked = ItemPrompts.choice(prompt: [.user("q")], responses: ["a", "b"])
    let merged = ItemPrompts.withoutSystem(asked)
    #expect(merged.count == 1 && merged[0].content == asked[0].content + "\n\n" + asked[1].content)
  }
}
