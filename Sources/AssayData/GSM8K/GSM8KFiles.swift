import AssayBase
import AssayText
import Foundation

/// A question of GSM8K with its worked solution.
package struct GSM8KQuestion: Hashable, Sendable {
  package let question: String
  /// The solution with its calculator marks, without the answer's line.
  package let body: String
  package let answer: GSM8KNumberSpelling
  /// The row in the file, from 0.
  package let row: Int

  /// The solution as an assistant says it.
  package var solutionText: String {
    GSM8KText.withoutMarks(body) + "\nThe answer is \(answer.text)."
  }

  init(_ fields: RowFields) throws(RowFault) {
    question = try fields.requiredText("question")
    row = fields.index
    let parts = try fields.requiredText("answer").split(separator: "\n")
    guard parts.count > 1, let last = parts.last, last.hasPrefix("####"),
      let answer = GSM8KNumberSpelling(String(last.dropFirst(4)).trimmedAsPython)
    else {
      throw RowFault(
        kind: .wrongType,
        detail: "'answer' must be a solution that ends with a line '#### <number>'"
      )
    }
    self.answer = answer
    body = parts.dropLast().joined(separator: "\n")
  }
}

/// A test question with the solutions of four models.
struct GSM8KTestQuestion {
  static let models = ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"]

  struct Solution {
    let size: String
    let isCorrect: Bool
    /// `nil` where the model came to no answer.
    let text: String?
  }

  let question: String
  let row: Int
  let solutions: [Solution]

  init(_ fields: RowFields) throws(RowFault) {
    question = try fields.requiredText("question")
    row = fields.index
    var solutions: [Solution] = []
    for model in Self.models {
      let value = try fields.required(model)
      guard case .bool(let isCorrect)? = value["is_correct"],
        let text = value["solution"]?.string
      else {
        throw RowFields.wrongType(
          model,
          "an object with 'is_correct' (true or false) and 'solution' (a string)",
          value
        )
      }
      solutions.append(
        Solution(
          size: model.hasPrefix("6b") ? "6B" : "175B",
          isCorrect: isCorrect,
          text: GSM8KText.modelSolution(text)
        )
      )
    }
    self.solutions = solutions
  }
}

package enum GSM8KText {
  /// Returns a text without calculator marks, line ends as "\n", and no space at line ends.
  package static func withoutMarks(_ text: String) -> String {
    text.split(separator: "\n").map { line in
      var rest = line[...]
      var kept = ""
      while let open = rest.firstRange(of: "<<"),
        let close = rest[open.upperBound...].firstRange(of: ">>")
      {
        kept += rest[..<open.lowerBound]
        rest = rest[close.upperBound...]
      }
      return (kept + rest).trimmedAsPython
    }.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// Returns a model's solution with its last line `A: 18` as a sentence, `nil` without such a line.
  package static func modelSolution(_ text: String) -> String? {
    let lines = withoutMarks(text).split(separator: "\n")
    guard lines.count > 1, let last = lines.last, last.hasPrefix("A:") else { return nil }
    let answer = String(last.dropFirst(2)).trimmedAsPython
    guard !answer.isEmpty else { return nil }
    return (lines.dropLast() + ["The answer is \(answer)."]).joined(separator: "\n")
  }

  /// Returns what identifies a question: its words, without case and punctuation.
  static func key(_ question: String) -> String {
    String(
      String.UnicodeScalarView(
        question.lowercased().unicodeScalars.filter {
          $0.properties.isAlphabetic || $0.value.isDigit
        }
      )
    )
  }
}

extension UInt32 {
  fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
}

extension RowFields {
  fileprivate func requiredText(_ key: String) throws(RowFault) -> String {
    let value = try required(key)
    guard let text = value.string, !text.trimmedAsPython.isEmpty else {
      throw Self.wrongType(key, "a text", value)
    }
    return text.replacingOccurrences(of: "\r\n", with: "\n")
  }
}
