import AssayText
import Foundation

/// Preference pairs of grade-school mathematics: right solutions, and wrong ones by program.
///
/// The training questions of GSM8K are split by a hash of their text; each is paired with copies
/// of its solution in which one step is broken, with an oracle's critique of both. The suite
/// `solutions` pairs right and wrong solutions that real models wrote to the test questions; it
/// has no critiques, as no program knows where a model went wrong. Everything is a function of the
/// files and the seed; the split is one of the question alone.
///
/// Source: Cobbe et al. 2021 (arXiv:2110.14168), openai/grade-school-math `grade_school_math/data`.
package struct GSM8KPairs: Sendable {
  /// What became of the questions.
  package struct Report: Hashable, Sendable {
    /// Questions to train on.
    package internal(set) var trainQuestionCount = 0
    /// Training questions held out.
    package internal(set) var heldoutQuestionCount = 0
    /// Rows left out of the training file because they are test questions.
    package internal(set) var leakedQuestionCount = 0
    /// Questions without a broken solution, by the reason.
    package internal(set) var obstacleCounts: [GSM8KObstacle: Int] = [:]
    /// Pairs by how their rejected side was broken.
    package internal(set) var breakCounts: [GSM8KBreakKind: Int] = [:]
    /// Test questions.
    package internal(set) var testQuestionCount = 0
    /// Model solutions left out because they come to no answer.
    package internal(set) var unfinishedSolutionCount = 0
    /// Test questions that no model, or every model, solved.
    package internal(set) var unpairedTestQuestionCount = 0
  }

  /// Pairs of the training questions.
  package private(set) var train: [PreferencePair] = []
  /// Pairs of held-out training questions.
  package private(set) var heldout: [PreferencePair] = []
  /// Pairs of real model solutions of the test questions.
  package private(set) var solutions: [PreferencePair] = []
  /// Training questions with their right solutions, to learn language from.
  package private(set) var corpus: [[Message]] = []
  /// What became of the questions.
  package private(set) var report = Report()

  // Of a hash modulo 10: one question in ten is held out.
  private static let heldoutShare: UInt64 = 10

  /// Reads the data set and makes the pairs.
  ///
  /// - Parameters:
  ///   - folder: The folder with `train.jsonl` and `example_model_solutions.jsonl`.
  ///   - seed: What decides how solutions are broken and which model solutions are paired.
  ///   - breaksPerQuestion: Broken solutions of each question, at most.
  ///   - pairsPerTestQuestion: Pairs of model solutions of each test question, at most.
  ///   - propagates: Whether later steps and the answer use a broken step's result. Without it the
  ///     steps behind a break stay as they were, and most rejected solutions keep the right answer.
  /// - Precondition: Neither number of pairs is below 0.
  /// - Throws: `DataError` for a file that cannot be read, with file and line for a malformed row.
  package init(
    folder: URL,
    seed: UInt64,
    breaksPerQuestion: Int,
    pairsPerTestQuestion: Int,
    propagates: Bool = true
  ) throws {
    precondition(
      breaksPerQuestion >= 0 && pairsPerTestQuestion >= 0,
      "breaksPerQuestion is \(breaksPerQuestion), pairsPerTestQuestion \(pairsPerTestQuestion)"
    )
    let tests = try Self.read(folder, "example_model_solutions.jsonl", GSM8KTestQuestion.init)
    let questions = try Self.read(folder, "train.jsonl", GSM8KQuestion.init)
    let testKeys = Set(tests.map { GSM8KText.key($0.question) })
    for question in questions {
      guard !testKeys.contains(GSM8KText.key(question.question)) else {
        report.leakedQuestionCount += 1
        continue
      }
      let isHeldout = GSM8KRandom.hash(question.question) % Self.heldoutShare == 0
      let pairs = makePairs(
        question,
        split: isHeldout ? "heldout" : "train",
        seed: seed,
        count: breaksPerQuestion,
        propagates: propagates
      )
      if isHeldout {
        report.heldoutQuestionCount += 1
        heldout += pairs
      } else {
        report.trainQuestionCount += 1
        train += pairs
        corpus.append([.user(question.question), .assistant(question.solutionText)])
      }
    }
    for test in tests { pairSolutions(test, seed: seed, count: pairsPerTestQuestion) }
  }

  private static func read<Record>(
    _ folder: URL,
    _ name: String,
    _ parse: @escaping (RowFields) throws(RowFault) -> Record
  ) throws -> [Record] {
    var records: [Record] = []
    var next = 0
    func id(_ record: Record) -> String {
      next += 1
      return String(next)
    }
    _ = try readRecords(
      folder.appendingPathComponent(name).path,
      policy: .strict,
      limit: nil,
      id: id,
      parse: parse
    ) { records.append($0) }
    return records
  }

  private mutating func makePairs(
    _ question: GSM8KQuestion,
    split: String,
    seed: UInt64,
    count: Int,
    propagates: Bool
  ) -> [PreferencePair] {
    let solution: GSM8KSolution
    do {
      solution = try GSM8KSolution(body: question.body, answer: question.answer)
    } catch {
      report.obstacleCounts[error.obstacle, default: 0] += 1
      return []
    }
    var breaker = GSM8KBreaker(
      question: question.question,
      solution: solution,
      seed: seed,
      index: question.row,
      propagates: propagates
    )
    let breaks = breaker.breaks(count)
    if breaks.isEmpty { report.obstacleCounts[.noBreak, default: 0] += 1 }
    let gold = GSM8KResponse(of: solution)
    return breaks.enumerated().map { number, broken in
      report.breakCounts[broken.kind, default: 0] += 1
      return PreferencePair(
        id: "\(split)-\(question.row)-\(number)",
        prompt: [.user(question.question)],
        chosen: gold.text,
        rejected: broken.response.text,
        subset: broken.kind.rawValue,
        chosenCritique: gold.critique,
        rejectedCritique: broken.response.critique
      )
    }
  }

  /// Pairs a test question's right solutions with its wrong ones, each solution as rarely as can be.
  private mutating func pairSolutions(_ test: GSM8KTestQuestion, seed: UInt64, count: Int) {
    report.testQuestionCount += 1
    report.unfinishedSolutionCount += test.solutions.count { $0.text == nil }
    var random = GSM8KRandom(seed: GSM8KRandom.mixed(~seed) ^ UInt64(test.row))
    let right = random.shuffled(test.solutions.filter { $0.isCorrect && $0.text != nil })
    let wrong = random.shuffled(test.solutions.filter { !$0.isCorrect && $0.text != nil })
    var texts: Set<[String]> = []
    let count = min(count, right.count * wrong.count)
    guard !right.isEmpty, !wrong.isEmpty else {
      report.unpairedTestQuestionCount += 1
      return
    }
    for number in 0..<right.count * wrong.count where texts.count < count {
      // Along the diagonals of the table, so that the first pairs share no solution.
      let (row, diagonal) = (number % right.count, number / right.count)
      let (chosen, rejected) = (right[row], wrong[(row + diagonal) % wrong.count])
      guard let chosenText = chosen.text, let rejectedText = rejected.text,
        chosenText != rejectedText, texts.insert([chosenText, rejectedText]).inserted
      else { continue }
      solutions.append(
        PreferencePair(
          id: "solutions-\(test.row)-\(texts.count - 1)",
          prompt: [.user(test.question)],
          chosen: chosenText,
          rejected: rejectedText,
          subset: chosen.size == rejected.size
            ? chosen.size : "\(chosen.size)-over-\(rejected.size)"
        )
      )
    }
  }

  /// The counts, in a few lines.
  package var summary: String {
    let kinds = GSM8KBreakKind.allCases.map { "\(report.breakCounts[$0] ?? 0) \($0.rawValue)" }
    let obstacles = GSM8KObstacle.allCases.map {
      "\(report.obstacleCounts[$0] ?? 0) \($0.rawValue)"
    }
    return """
      GSM8K: \(train.count) training pairs of \(report.trainQuestionCount) questions, \
      \(heldout.count) held-out pairs of \(report.heldoutQuestionCount) questions, \
      \(solutions.count) pairs of model solutions of \(report.testQuestionCount) test questions
      broken by: \(kinds.joined(separator: ", "))
      without a break: \(obstacles.joined(separator: ", "))
      left out: \(report.leakedQuestionCount) test questions in the training file, \
      \(report.unfinishedSolutionCount) model solutions without an answer, \
      \(report.unpairedTestQuestionCount) test questions without a right or a wrong solution
      """
  }
}
