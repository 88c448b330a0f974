// P passes, R rows, D hidden.

import AssayTensor
import Foundation

/// Tokens that one forward pass reads, and the place that decides.
package struct ModelPass: Sendable, Hashable {
  /// What is made of the hidden states.
  package enum Reading: Sendable, Equatable {
    /// What the reward head makes of its places.
    case reward
    /// The probability of A at the index: of a pair model's head, or between the tokens of two letters,
    /// one or several of each; of these, `parts` has the probability of both together among all tokens.
    case verdict(letters: [[Int32]])
    /// The log likelihood, in nats, of the tokens from the index on.
    case likelihood
  }

  /// The tokens, which are not padded.
  package let tokens: [Int32]
  /// Indices of them, at which a reward head reads; at least one.
  package let places: [Int]
  /// The position of the first token: others put padding before it.
  package let start: Int
  /// The index that decides: the last place.
  package var index: Int { places.last ?? 0 }

  /// Makes one with a single place.
  package init(tokens: [Int32], index: Int, start: Int = 0) {
    self.init(tokens: tokens, places: [index], start: start)
  }

  /// Makes one with the places of a head, as `HeadPlaces` finds them.
  package init(tokens: [Int32], places: [Int], start: Int = 0) {
    self.tokens = tokens
    self.places = places
    self.start = start
  }
}

/// Reads passes by a model's weights, without gradients.
package struct PassReader {
  let decoder: Decoder
  let head: RewardHead?
  private let keepsCasts: Bool

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - decoder: The model's trunk.
  ///   - head: What turns hidden states into rewards; `nil` gives none.
  ///   - keepsCasts: Whether casts of weights are kept for the next reading.
  package init(_ decoder: Decoder, head: RewardHead?, keepsCasts: Bool = true) {
    self.decoder = decoder
    self.head = head
    self.keepsCasts = keepsCasts
  }

  /// Reads passes together, packed without padding.
  ///
  /// - Parameters:
  ///   - passes: What is read; the index of a likelihood is above 0.
  ///   - reading: What is made of the hidden states.
  /// - Returns: One value a pass.
  /// - Throws: `ModelError.lacks` where the reading needs a head; `TensorError` where memory runs out.
  package func read(_ passes: [ModelPass], _ reading: ModelPass.Reading) throws -> [PassValue] {
    guard !passes.isEmpty else { return [] }
    switch reading {
    case .reward: return try rewards(passes)
    case .verdict(let letters):
      if letters.isEmpty {
        let head = try requireHead()
        if case .compared = head.descriptor.position {
          return try rewards(passes).map { PassValue(value: 1 / (1 + exp(-$0.value))) }
        }
        return try readings(passes) { hidden, _ in head(hidden).sigmoid() }.map {
          PassValue(value: Double($0))
        }
      }
      return try verdicts(passes, letters)
    case .likelihood: return try likelihoods(passes).map { PassValue(value: $0) }
    }
  }

  private func rewards(_ passes: [ModelPass]) throws -> [PassValue] {
    let head = try requireHead()
    let width = head.descriptor.width
    let numbers = try readings(passes) { hidden, _ in
      head.rows(hidden) { hidden, ids in
        let ids = Tensor(ids.map(Int64.init)).to(decoder.device)
        return decoder.logits(hidden, of: ids, training: !keepsCasts)
      }
    }.map(Double.init)
    var next = 0
    return passes.map { pass in
      let rows = pass.places.indices.map {
        Array(numbers[next + $0 * width..<next + ($0 + 1) * width])
      }
      next += pass.places.count * width
      return head.value(rows)
    }
  }

  private func requireHead() throws -> RewardHead {
    guard let head else {
      throw ModelError.lacks(path: "the weights", part: "reward head", hint: "use a reward model")
    }
    return head
  }

  /// What `body` makes of the hidden states at the passes' places.
  private func readings(
    _ passes: [ModelPass],
    _ body: (Tensor, Range<Int>) -> Tensor
  ) throws -> [Float] {
    try withTensorErrors {
      withoutGradients {
        let isMoved = passes.contains { $0.start > 0 }
        let batch = PackedBatch(
          passes.map(\.tokens),
          device: decoder.device,
          isRounded: true,
          positions: isMoved
            ? passes.map { pass in pass.tokens.indices.map { Int32(pass.start + $0) } } : nil
        )
        let rows = zip(batch.starts, passes).flatMap { start, pass in
          pass.places.map { Int64(start + $0) }
        }
        let hidden = decoder(batch, rows: Tensor(rows).to(decoder.device), training: !keepsCasts)
        return decoder.readings(hidden, body)
      }
    }
  }

  private func verdicts(_ passes: [ModelPass], _ letters: [[Int32]]) throws -> [PassValue] {
    let numbers: [Float] = try withTensorErrors {
      try withoutGradients {
        // Some rows of the output embedding: A's logit less B's decides.
        let ids = Tensor(letters.joined().map { Int64($0) }).to(decoder.device)
        let (count, all) = (letters[0].count, letters.map(\.count).reduce(0, +))
        return try readings(passes) { hidden, rows in
          let logits = decoder.logits(hidden, of: ids, training: !keepsCasts)  // [R, all]
          let first = logits.narrowed(axis: 1, start: 0, count: count)
            .logSumExp(axis: 1, keeping: true)  // [R, 1]
          let second = logits.narrowed(axis: 1, start: count, count: all - count)
            .logSumExp(axis: 1, keeping: true)  // [R, 1]
          let whole = logSumExp(of: hidden, count: rows.count)  // [R, 1]
          let mass = (logits - whole).exp().sum(axis: 1, keeping: true)  // [R, 1]
          return .concatenated([(first - second).sigmoid(), mass], axis: 1)  // [R, 2]
        }
      }
    }
    return passes.indices.map {
      PassValue(value: Double(numbers[2 * $0]), parts: [min(1, Double(numbers[2 * $0 + 1]))])
    }
  }

  /// Rows whose logits of all tokens are there at once.
  private static let logitRows = 32

  /// The logarithm of the sum of all tokens' exponentials: `[R, D]` to `[R, 1]`, float32.
  private func logSumExp(of hidden: Tensor, count: Int) -> Tensor {
    .concatenated(
      stride(from: 0, to: count, by: Self.logitRows).map { start in
        let rows = hidden.narrowed(axis: 0, start: start, count: min(Self.logitRows, count - start))
        return decoder.logits(rows, training: !keepsCasts).to(.float32)
          .logSumExp(axis: 1, keeping: true)
      }
    )
  }

  private func likelihoods(_ passes: [ModelPass]) throws -> [Double] {
    try withTensorErrors {
      withoutGradients {
        let batch = PackedBatch(passes.map(\.tokens), device: decoder.device, isRounded: true)
        var rows: [Int64] = []
        var targets: [Int64] = []
        for (pass, first) in zip(passes, batch.starts) {
          for index in pass.index..<pass.tokens.count {
            rows.append(Int64(first + index - 1))
            targets.append(Int64(pass.tokens[index]))
          }
        }
        let hidden = decoder(batch, rows: Tensor(rows).to(decoder.device), training: !keepsCasts)
        let losses = decoder.readings(hidden) { hidden, rows in
          decoder.tokenLosses(
            hidden,
            targets: Tensor(Array(targets[rows])).to(decoder.device),
            training: !keepsCasts
          )
        }
        var next = 0
        return passes.map { pass in
          let count = pass.tokens.count - pass.index
          defer { next += count }
          return -losses[next..<next + count].map(Double.init).reduce(0, +)
        }
      }
    }
  }
}
