import AssayBase
import AssayTensor
import AssayText
import Foundation

/// Texts of a model here that are finished, each on the disk at once, whatever is written beside it.
///
/// Records are written in the order of the items, so that a text may wait long for one before it. What
/// is finished is found again behind an interruption, under the hash of all that it depends on. What is in
/// the file goes once the records are there.
package final class KeptTexts {
  private struct Line: Codable, Sendable {
    let key: String
    let text: Generation
  }

  private let log: RecordLog<Line>
  private let context: String
  /// What was there when the file was opened.
  private var known: [String: Generation] = [:]
  /// Whether a text was asked for since the file was opened or emptied.
  private var isAsked = false

  /// Opens or makes a file; a last line that was cut by a kill is dropped.
  ///
  /// - Parameters:
  ///   - url: The file.
  ///   - context: What texts depend on besides their requests: the model and its settings.
  ///   - others: Files of other processes, which may be writing them.
  /// - Throws: `FileError` where it cannot be opened or read.
  package init(_ url: URL, context: String, beside others: [URL] = []) throws {
    log = try RecordLog(url)
    self.context = context
    try log.forEach { known[$0.key] = $0.text }
    let decoder = JSONDecoder()
    for other in others {
      for line in (try? Data(contentsOf: other))?.split(separator: 0x0a) ?? [] {
        // The last one may be cut.
        guard let line = try? decoder.decode(Line.self, from: line) else { continue }
        known[line.key] = line.text
      }
    }
  }

  /// How many texts were found.
  package var count: Int { known.count }

  /// Empties the file, whose texts are in records now; where none was asked for yet, they are to come.
  ///
  /// - Throws: `FileError` where the file cannot be cut.
  package func empty() throws {
    guard isAsked else { return }
    isAsked = false
    try log.empty()
  }

  /// Removes the file, whose texts are all in records.
  package func remove() { try? FileManager.default.removeItem(at: log.url) }

  /// The text of a request, where it was found.
  func text(_ key: String) -> Generation? {
    isAsked = true
    return known[key]
  }

  /// Keeps a text.
  ///
  /// Damaged numbers are not kept: who asked for the text says what they mean.
  ///
  /// - Throws: `FileError` where it cannot be written.
  func append(_ key: String, _ text: Generation) throws {
    guard text.isFinite else { return }
    try log.append(Line(key: key, text: text))
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
