// What a judge is asked beside comparisons of two responses.
import AssayText

/// How a judge is asked to rate a response, to choose one of several, or to find the first wrong step.
///
/// The wording is Assay's own; what is asked for, in which order, and how the answer is to be given are the
/// benchmarks' own.
///
/// Source: allenai/reward-bench at 05a9005, rewardbench/generative_v2.py (`ratings_prompt`,
/// `ratings_prompt_ties`, `prompt_v2`); QwenLM/ProcessBench, code/templates/critique_template.txt; in
/// substance.
package enum ItemPrompts {
  /// The conversation that asks for a rating of a response from 1 to 10, behind an explanation.
  ///
  /// - Parameters:
  ///   - prompt: The conversation that was answered; roles are named where it has several turns.
  ///   - response: The response.
  ///   - weighsDetail: Whether depth and detail count too.
  /// - Returns: A user's turn.
  package static func rating(
    prompt: [Message],
    response: String,
    weighsDetail: Bool
  ) -> [Message] {
    let virtues =
      weighsDetail
      ? "how helpful, relevant, accurate, deep, creative and detailed it is"
      : "how helpful, relevant and accurate it is; how deep and detailed it is need not count"
    return [
      .user(
        "Judge the answer that an AI assistant gave to the query of a user, without taking sides.\n\n"
          + "1. Weigh \(virtues).\n2. Explain your judgement in a few sentences first.\n3. Then rate "
          + "the answer by a whole number from 1 to 10. Be as objective as you can. Write the number "
          + "alone, without any markup, and nothing behind it.\n\n"
          + "[Query]\n\(spelt(prompt))\n\n[Answer]\n\(response)\n\n[Your judgement]"
      )
    ]
  }

  /// The conversation that asks for the best of several responses, named by letters from A on, behind an
  /// explanation.
  ///
  /// - Parameters:
  ///   - prompt: The conversation that was answered.
  ///   - responses: The responses, in the order in which they are shown; at most 26.
  /// - Returns: A system turn and a user's.
  package static func choice(prompt: [Message], responses: [String]) -> [Message] {
    let names = letters(responses.count)
    let shown = zip(names, responses).map { name, response in
      "[Start of assistant \(name)'s answer]\n\(response)\n[End of assistant \(name)'s answer]"
    }
    let marks = names.map { "[[\($0)]] if assistant \($0) is best" }.joined(separator: ", ")
    return [
      .system(
        "You judge the answers of \(responses.count) AI assistants to a user's question, without "
          + "taking sides, and choose the assistant that does best what the user asked for. Weigh how "
          + "helpful, relevant, accurate, deep, creative and detailed the answers are. Compare them "
          + "and explain your choice in a few sentences first. Neither the order of the answers, nor "
          + "their length, nor what the assistants are called may matter. Then give the verdict in "
          + "exactly this form: \(marks)."
      ),
      .user("[Question]\n\(spelt(prompt))\n\n" + shown.joined(separator: "\n\n")),
    ]
  }

  /// The conversation that asks for the first wrong paragraph of a solution.
  ///
  /// - Parameters:
  ///   - problem: The problem.
  ///   - steps: The solution's paragraphs.
  /// - Returns: A user's turn.
  package static func firstError(problem: [Message], steps: [String]) -> [Message] {
    let tagged = steps.enumerated().map {
      "<paragraph_\($0)>\n\($1)\n</paragraph_\($0)>"
    }
    return [
      .user(
        "Here are a problem of mathematics and a solution of it. The solution's paragraphs stand "
          + "between tags that number them from 0.\n\n[Problem]\n\n\(spelt(problem))\n\n[Solution]\n\n"
          + tagged.joined(separator: "\n\n")
          + "\n\nGo through the solution and criticize it paragraph by paragraph. As soon as a "
          + "paragraph has an error, answer with the number of that paragraph, which is the earliest "
          + "one with an error. If no paragraph has one, answer with -1.\n\nGive the answer, a number, "
          + "in \\boxed{}."
      )
    ]
  }

  /// The same conversation for a template that takes no system turn: it opens the user's.
  package static func withoutSystem(_ messages: [Message]) -> [Message] {
    guard messages.count == 2, messages[0].role == "system" else { return messages }
    return [.user(messages[0].content + "\n\n" + messages[1].content)]
  }

  private static func spelt(_ prompt: [Message]) -> String {
    prompt.count == 1
      ? prompt[0].content
      : prompt.map { "\($0.role): \($0.content)" }.joined(separator: "\n")
  }

  /// The names of responses: A, B, C and so on.
  private static func letters(_ count: Int) -> [String] {
    (0..<count).map { String(UnicodeScalar(UInt8(65 + min($0, 25)))) }
  }
}

// MARK: - Reading what a judge wrote

extension ItemPrompts {
  /// The rating that ends a text; `nil` where no whole number from 1 to 10 does.
  ///
  /// `9/10` is 9, and `7.5` is none; stars and a full stop behind the number do not matter.
  package static func rating(in text: String) -> Int? {
    var tail = text[...]
    while let last = tail.last, last.isWhitespace || "*_.".contains(last) { tail.removeLast() }
    if tail.hasSuffix("/10") { tail.removeLast(3) }
    let digits = tail.reversed().prefix(while: isDigit).reversed()
    let before = tail.dropLast(digits.count).last
    guard let rating = Int(String(digits)), (1...10).contains(rating),
      before.map({ !isWord($0) && !".-/".contains($0) }) ?? true
    else { return nil }
    return rating
  }

  /// The rating by the published script's rule: a number from 1 to 10 at the end, whatever stands before
  /// it, so that `9/10` is 10 and `7.5` is 5.
  ///
  /// Source: allenai/reward-bench, rewardbench/generative_v2.py (`get_single_rating`).
  package static func publishedRating(in text: String) -> Int? {
    var tail = text[...]
    while tail.last?.isWhitespace == true { tail.removeLast() }
    let digits = tail.reversed().prefix(while: isDigit).reversed()
    guard let rating = Int(String(digits)), (1...10).contains(rating), digits.first != "0",
      tail.dropLast(digits.count).last.map({ !isWord($0) }) ?? true
    else { return nil }
    return rating
  }

  /// Which of several responses a text chooses, by the last letter in two brackets.
  ///
  /// - Parameters:
  ///   - text: A judgement.
  ///   - count: How many responses there are.
  /// - Returns: The place of the response among those shown; `nil` where no letter names one.
  package static func choice(in text: String, of count: Int) -> Int? {
    let names = letters(count)
    for open in text.ranges(of: "[[").reversed() {
      guard let close = text[open.upperBound...].firstRange(of: "]]") else { continue }
      let content = text[open.upperBound..<close.lowerBound]
      let words = content.split { !isWord($0) }
      let isNamed = words.count == 2 && shownNames.contains(words[0].lowercased())
      guard let word = words.last, words.count == 1 || isNamed,
        let place = names.firstIndex(of: word.uppercased())
      else { continue }
      return place
    }
    return nil
  }

  /// What may stand before a letter in its mark.
  private static let shownNames = ["assistant", "answer", "response"]

  /// The choice by the published script's rule: the first letter of the alphabet whose mark stands anywhere.
  ///
  /// Source: allenai/reward-bench, rewardbench/generative_v2.py (`process_judgement`).
  package static func publishedChoice(in text: String, of count: Int) -> Int? {
    letters(count).firstIndex { text.contains("[[\($0)]]") }
  }

  /// The number in the last `\boxed{}`; `nil` where there is none.
  ///
  /// Source: QwenLM/ProcessBench, code/run_eval.py (`extract_answer`).
  package static func boxedNumber(in text: String) -> Int? {
    let mark = "\\boxed{"
    for open in text.ranges(of: mark).reversed() {
      guard let close = text[open.upperBound...].firstIndex(of: "}") else { continue }
      var content = text[open.upperBound..<close]
      while content.first?.isWhitespace == true { content.removeFirst() }
      while content.last?.isWhitespace == true { content.removeLast() }
      return Int(content)
    }
    return nil
  }

  private static func isDigit(_ character: Character) -> Bool {
    character.isASCII && character.isNumber
  }

  private static func isWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }
}
