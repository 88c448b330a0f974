import AssayBase
import AssayText
import Foundation

/// The key that requests must carry; it is never shown.
package struct ServerKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// Where the key comes from: never the command line, which other users of a machine can read.
  package static let environmentVariable = "ASSAY_API_KEY"

  private let digest: [UInt8]

  /// Takes a key, without white space around it; `nil` for an empty one.
  ///
  /// - Parameter text: The key.
  /// - Throws: `ServeError.malformedKey` where a header could not carry it.
  package init?(_ text: String?) throws(ServeError) {
    let secret = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    guard !secret.isEmpty else { return nil }
    guard secret.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw ServeError.malformedKey
    }
    digest = Self.digest(secret)
  }

  /// Whether an `Authorization` header carries the key, in a time that does not depend on it.
  ///
  /// Hashes are compared, all bytes of them: neither the key's length nor a right beginning shows.
  package func allows(authorization: String?) -> Bool {
    let words = (authorization ?? "").split(separator: " ", maxSplits: 1)
    let given = words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : ""
    let difference = zip(Self.digest(given), digest).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
    return difference == 0
  }

  private static func digest(_ text: String) -> [UInt8] { Array(Digest.hex(text).utf8) }

  /// A place holder.
  package var description: String { "[key]" }
  /// A place holder.
  package var debugDescription: String { description }
  /// A mirror without children.
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}
