import Foundation

#if !canImport(Darwin)
// Foundation on Linux composes with code points cut to 16 bits (U+20052 U+0301 becomes U+0154,
// found with Swift 6.3.1), so the standard library's own forms are used there.
@_spi(_Unicode) import Swift
#endif

extension String {
  /// The text in Unicode normalisation form C.
  var composedCanonically: String {
    betweenNewCharacters { text in
      #if canImport(Darwin)
      text.precomposedStringWithCanonicalMapping.unicodeScalars
      #else
      text._nfc
      #endif
    }
  }

  /// The text in Unicode normalisation form D.
  var decomposedCanonically: String {
    betweenNewCharacters { text in
      #if canImport(Darwin)
      text.decomposedStringWithCanonicalMapping.unicodeScalars
      #else
      text._nfd
      #endif
    }
  }

  /// The text with a change of what stands between characters that the tables of `tokenizers`, which
  /// are Unicode's version 9, leave alone: they neither move nor combine there.
  private func betweenNewCharacters(_ change: (String) -> some Sequence<Unicode.Scalar>) -> String {
    var result = UnicodeScalarView()
    for piece in unicodeScalars.split(
      omittingEmptySubsequences: false,
      whereSeparator: { $0.value >= 0x860 && !$0.isKnown(inUnicode: 9) }
    ) {
      if piece.startIndex > unicodeScalars.startIndex {
        result.append(unicodeScalars[unicodeScalars.index(before: piece.startIndex)])
      }
      result.append(contentsOf: change(String(piece)))
    }
    return String(result)
  }

  /// The text with compatibility characters spelt out: in form KD once it is decomposed canonically,
  /// in form KC once it is composed.
  var withoutCompatibilityCharacters: String {
    var result = UnicodeScalarView()
    for scalar in unicodeScalars {
      // What came to Unicode later has no mapping in the tables of `tokenizers`.
      if scalar.value < 0xA0 || !scalar.isKnown(inUnicode: 9) {
        result.append(scalar)
      } else {
        // One by one: what stands around a character does not change its own mapping.
        result.append(
          contentsOf: String(scalar).decomposedStringWithCompatibilityMapping.unicodeScalars
        )
      }
    }
    return String(result)
  }

  /// Makes a text of scalars.
  init(scalars: some Sequence<Unicode.Scalar>) {
    var view = UnicodeScalarView()
    for scalar in scalars { view.append(scalar) }
    self.init(view)
  }
}
