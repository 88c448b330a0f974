/// Words of a command line in which a negative number is the value of the option before it.
///
/// The parser would take it for an option of its own, and say that the value is missing.
enum NegativeValues {
  /// Joins each negative number with the option before it: `--seed -1` becomes `--seed=-1`.
  ///
  /// - Parameter words: The words, without the command's own name.
  /// - Returns: The words; those behind `--` as they are.
  static func joined(_ words: [String]) -> [String] {
    var result: [String] = []
    for (index, word) in words.enumerated() {
      guard !result.contains("--") else { return result + words[index...] }
      if Self.isNegative(word), let option = result.last, option.hasPrefix("--"),
        !option.contains("=")
      {
        result[result.count - 1] = "\(option)=\(word)"
      } else {
        result.append(word)
      }
    }
    return result
  }

  private static func isNegative(_ word: String) -> Bool {
    word.hasPrefix("-") && Double(word) != nil
  }
}
