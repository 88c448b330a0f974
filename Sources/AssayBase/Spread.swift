/// The mean of numbers, and how far they lie about it.
package struct Spread: Equatable, Sendable {
  /// The mean; not a number where there are none.
  package let mean: Double
  /// The standard deviation, over the number less one; `nil` of fewer than two.
  package let deviation: Double?

  /// Measures numbers.
  package init(_ numbers: [Double]) {
    let mean = numbers.reduce(0, +) / Double(numbers.count)
    self.mean = mean
    let squares = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = numbers.count > 1 ? (squares / Double(numbers.count - 1)).squareRoot() : nil
  }
}
