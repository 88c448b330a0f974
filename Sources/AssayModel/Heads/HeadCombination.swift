// From the rows at a text's places to its score, in double precision: a few numbers a text.
// A attributes, Q quantiles, L levels, H numbers between two layers.

import AssayBase
import Foundation

/// What a forward pass says of one text.
package struct PassValue: Equatable, Sendable {
  /// The one number: a score, a probability or a log likelihood.
  package var value: Double
  /// The numbers beside it: of attributes, or of steps.
  package var parts: [Double]

  /// Makes one.
  package init(value: Double, parts: [Double] = []) {
    self.value = value
    self.parts = parts
  }
}

/// What is made of the rows of a head.
struct HeadCombination {
  private let descriptor: HeadDescriptor
  private let scale: Double
  /// Row by row, `[A, A]`; `nil` changes nothing.
  private let transform: [Double]?
  /// The mean row of the layer behind compared rows, `[H]`; its bias is the same for both responses.
  private let second: [Double]

  /// Makes one.
  init(
    _ descriptor: HeadDescriptor,
    scale: Double? = nil,
    transform: [Double]? = nil,
    second: [Double] = []
  ) {
    self.descriptor = descriptor
    self.scale = scale ?? 1
    self.transform = transform
    self.second = second
  }

  /// The score of one text.
  ///
  /// - Parameter rows: The numbers at each place, the gate's place first where there is one of its own.
  /// - Returns: The score, with attributes or steps beside it.
  func callAsFunction(_ rows: [[Double]]) -> PassValue {
    guard let last = rows.last, let first = rows.first else { return PassValue(value: .nan) }
    let count = descriptor.rowCount
    let value: PassValue
    switch descriptor.reading {
    case .gated(let gate, let quantiles):
      let weights = weights(gate, Array(first[count...]))
      value = gated(Array(last[..<count]), weights, quantiles: quantiles)
    case .compared:
      guard rows.count == 3 else { return PassValue(value: .nan) }
      value = PassValue(value: quality(rows[0], rows[1]) - quality(rows[0], rows[2]))
    case .normals(let gate):
      let weights = weights(gate, Array(first[count...]))
      let means = weights.indices.map { last[2 * $0] }
      value = PassValue(
        value: zip(weights, means).reduce(0) { $0 + $1.0 * $1.1 },
        parts: means
      )
    case .levels(let gate, let levels):
      let weights = weights(gate, Array(first[count...]))
      value = PassValue(value: mean(Array(last[..<count]), weights, levels: levels))
    case .expected(let first):
      value = Self.expected(Self.softmax(Array(last[..<count])), first: first)
    case .mean:
      let spread = Spread(Array(last[..<count]))
      value = PassValue(value: spread.mean, parts: spread.deviation.map { [$0] } ?? [])
    case .row, .difference, .softmax, .sigmoid:
      let numbers = rows.map(number)
      value =
        descriptor.scoresSteps
        ? PassValue(value: numbers.min() ?? .nan, parts: numbers)
        : PassValue(value: numbers.last ?? .nan)
    }
    return finished(value)
  }

  /// The number of one place.
  private func number(_ rows: [Double]) -> Double {
    switch descriptor.reading {
    case .row(let row): rows[row]
    case .difference(let first, let second): rows[first] - rows[second]
    case .softmax(let row): Self.softmax(rows)[row]
    case .sigmoid: 1 / (1 + exp(-rows[0]))
    case .gated, .normals, .compared, .levels, .mean, .expected: .nan
    }
  }

  /// The mean rating of a distribution, and its standard deviation.
  private static func expected(_ shares: [Double], first: Int) -> PassValue {
    let ratings = shares.indices.map { Double(first + $0) }
    let mean = zip(shares, ratings).reduce(0) { $0 + $1.0 * $1.1 }
    let variance = zip(shares, ratings).reduce(0) { $0 + $1.0 * ($1.1 - mean) * ($1.1 - mean) }
    return PassValue(value: mean, parts: [variance.squareRoot()])
  }

  private func finished(_ value: PassValue) -> PassValue {
    var value = value
    if let normalizer = descriptor.normalizer { value.value = normalizer(value.value) }
    if descriptor.isCost { value = PassValue(value: -value.value, parts: [value.value]) }
    return value
  }

  /// `w tanh(s + r)`, of what a prompt and a response add up to.
  private func quality(_ prompt: [Double], _ response: [Double]) -> Double {
    let H = second.count
    return (0..<H).reduce(0) { $0 + second[$1] * tanh(prompt[$1] + response[H + $1]) }
  }

  /// What the gate weighs the attributes with.
  private func weights(_ gate: HeadDescriptor.Gate, _ numbers: [Double]) -> [Double] {
    guard gate.isSoftmax else { return numbers }
    return Self.softmax(numbers.map { $0 / gate.temperature }).map { $0 * scale }
  }

  /// `sum_a g_a (e T)_a`, where `e_a` is the mean over the quantiles of attribute a.
  private func gated(_ rows: [Double], _ weights: [Double], quantiles: Int) -> PassValue {
    let A = weights.count
    let expected = (0..<A).map { attribute in
      rows[attribute * quantiles..<(attribute + 1) * quantiles].reduce(0, +) / Double(quantiles)
    }
    let adjusted =
      transform.map { matrix in
        (0..<A).map { column in
          (0..<A).reduce(0) { $0 + expected[$1] * matrix[$1 * A + column] }
        }
      } ?? expected
    return PassValue(
      value: zip(weights, adjusted).reduce(0) { $0 + $1.0 * $1.1 },
      // Whoever has quantiles gives its attributes behind the matrix, others before it.
      parts: quantiles > 1 ? adjusted : expected
    )
  }

  /// The mean level, from 0 to 1, of `sum_a g_a softmax(rows_a)`.
  private func mean(_ rows: [Double], _ weights: [Double], levels L: Int) -> Double {
    weights.enumerated().reduce(0) { sum, next in
      let shares = Self.softmax(Array(rows[next.offset * L..<(next.offset + 1) * L]))
      let mean = shares.enumerated().reduce(0) {
        $0 + $1.element * Double($1.offset) / Double(max(1, L - 1))
      }
      return sum + next.element * mean
    }
  }

  private static func softmax(_ x: [Double]) -> [Double] {
    let largest = x.max() ?? 0
    let powers = x.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}
