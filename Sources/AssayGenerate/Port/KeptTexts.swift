import AssayBase
import AssayTensor
import AssayText
import Foundation

/// Texts of a model here that are finished, each on the disk at once, whatever is written beside it.
///
/// Records are written in the order of the items, so that a text may wait long for one before it. What
/// is finished is found again behind an interruption, under the hash of all that it depends on. The file
/// goes once the records are there.
package final class KeptTexts {
  private struct Line: Codable, Sendable {
    let key: String
    let text: Generation
  }

  private let log: RecordLog<Line>
  private let context: String
  private var known: [String: Generation] = [:]

  /// Opens or makes a file; a last line that was cut by a kill is dropped.
  ///
  /// - Parameters:
  ///   - url: The file.
  ///   - context: What texts depend on besides their requests: the model and its settings.
  /// - Throws: `FileError` where it cannot be opened or read.
  package init(_ url: URL, context: String) throws {
    log = try RecordLog(url)
    self.context = context
    try log.forEach { known[$0.key] = $0.text }
  }

  /// How many texts are known.
  package var count: Int { known.count }

  /// Removes the file, whose texts are all in records.
  package func remove() { try? FileManager.default.removeItem(at: log.url) }

  /// The text of a request, where it is known.
  func text(_ key: String) -> Generation? { known[key] }

  /// Keeps a text: it is in the file before it is known.
  ///
  /// Damaged numbers are not kept: who asked for the text says what they mean.
  ///
  /// - Throws: `FileError` where it cannot be written.
  func append(_ key: String, _ text: Generation) throws {
    guard text.isFinite else { return }
    try log.append(Line(key: key, text: text))
    known[key] = text
  }

  /// The hash of all that a request's text depends on.
  func key(_ request: GenerationRequest) -> String {
    let settings = request.settings
    let parts: [String] = [
      context, request.promptTokens.map(String.init).joined(separator: " "),
      "\(settings.temperature) \(settings.topK) \(settings.topP) \(settings.repetitionPenalty)",
      "\(request.maximumTokens) \(request.seed) \(request.draw)",
      request.stopTokens.sorted().map(String.init).joined(separator: " "),
      "\(request.wantsLogProbabilities) \(request.topLogProbabilities)",
      request.closing.map(String.init) ?? "", request.grammar.map { "\($0.grammar.source)" } ?? "",
    ]
    return Digest.hex((parts + request.stopStrings).map { "\($0.utf8.count):\($0)" }.joined())
  }
}

extension Generation {
  /// Whether all of its numbers are.
  fileprivate var isFinite: Bool {
    let tops = topLogProbabilities.joined().map(\.logProbability)
    return (reward ?? 0).isFinite && (logProbabilities + tops).allSatisfy(\.isFinite)
      && decision.values.allSatisfy(\.isFinite)
  }
}
