import Foundation

/// SentencePiece's compiled map of characters: a double array of spellings, and what they become.
///
/// Source: `src/normalizer.cc` of google/sentencepiece; `spm_precompiled` of huggingface, which tries
/// whole characters of up to 5 bytes first and takes the shortest spelling that they start with.
struct CharacterMap: Sendable {
  private let units: [UInt32]
  private let replacements: [UInt8]

  /// Makes a map; `nil` where the bytes are no such map.
  init?(_ blob: [UInt8]) {
    func number(at index: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(blob[index + $1]) << (8 * UInt32($1)) }
    }
    guard blob.count >= 4 else { return nil }
    let size = Int(number(at: 0))
    guard size % 4 == 0, size > 0, size <= blob.count - 4 else { return nil }
    units = stride(from: 4, to: 4 + size, by: 4).map(number)
    replacements = Array(blob[(4 + size)...])
  }

  /// Returns a text with every character of the map replaced.
  func map(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    for character in String(decoding: text, as: UTF8.self) {
      if character.utf8.count < 6, let mapped = replacement(of: character.utf8) {
        result += mapped
        continue
      }
      for scalar in character.unicodeScalars {
        let bytes = UTF8.encode(scalar).map(Array.init) ?? []
        result += replacement(of: bytes).map(Array.init) ?? bytes
      }
    }
    return result
  }

  /// What the shortest spelling in the map becomes that bytes start with.
  private func replacement(of bytes: some Sequence<UInt8>) -> ArraySlice<UInt8>? {
    var node = 0
    guard var unit = unit(at: node) else { return nil }
    node ^= Self.offset(unit)
    for byte in bytes {
      guard byte != 0 else { return nil }
      node ^= Int(byte)
      guard let next = self.unit(at: node), next & 0x8000_00FF == UInt32(byte) else { return nil }
      unit = next
      node ^= Self.offset(unit)
      if unit >> 8 & 1 == 1 {
        guard let leaf = self.unit(at: node) else { return nil }
        let start = Int(leaf & 0x7FFF_FFFF)
        guard start <= replacements.count else { return nil }
        return replacements[start...].prefix { $0 != 0 }
      }
    }
    return nil
  }

  private func unit(at node: Int) -> UInt32? { node < units.count ? units[node] : nil }

  private static func offset(_ unit: UInt32) -> Int {
    Int(unit >> 10) << Int((unit & 1 << 9) >> 6)
  }
}
