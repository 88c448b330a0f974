// SHA-256, for the fingerprints of run folders and the keys of requests.
import Crypto

/// The SHA-256 hash of bytes that arrive in pieces, as hexadecimal digits.
package struct Digest {
  private var hash = SHA256()

  /// Starts a hash of no bytes.
  package init() {}

  /// Adds bytes.
  package mutating func update(_ bytes: some Sequence<UInt8>) {
    let isContiguous: Void? = bytes.withContiguousStorageIfAvailable {
      hash.update(bufferPointer: UnsafeRawBufferPointer($0))
    }
    if isContiguous == nil { hash.update(data: Array(bytes)) }
  }

  /// Returns the hash of everything added, as 64 lower-case hexadecimal digits.
  package func finalized() -> String {
    hash.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0" + digits : digits
    }.joined()
  }

  /// Returns the hash of a text's UTF-8 bytes.
  package static func hex(_ text: String) -> String {
    var digest = Digest()
    digest.update(text.utf8)
    return digest.finalized()
  }
}
