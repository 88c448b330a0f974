/// Why a folder's head cannot be read.
package enum HeadError: Error, Equatable, Sendable {
  /// A weight that the layout has is missing or has a shape that does not fit.
  case weight(name: String, reason: String)
  /// A setting that the layout needs is missing or wrong.
  case setting(key: String, reason: String)
  /// A token that the head reads is not in the vocabulary.
  case token(String)
}
