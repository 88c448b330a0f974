#if canImport(Darwin)
import Foundation
#else
// Foundation on Linux composes with code points cut to 16 bits (U+20052 U+0301 becomes U+0154,
// found with Swift 6.3.1), so the standard library's own form C is used there.
@_spi(_Unicode) import Swift
#endif

extension String {
  /// The text in Unicode normalisation form C.
  var composedCanonically: String {
    #if canImport(Darwin)
    return precomposedStringWithCanonicalMapping
    #else
    var scalars = String.UnicodeScalarView()
    for scalar in _nfc { scalars.append(scalar) }
    return String(scalars)
    #endif
  }
}
