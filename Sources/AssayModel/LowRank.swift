// What is trained in place of a weight, or an adapter adds to one: a product of low rank beside it.
//
// N rows, W [O, I] the weight, A [r, I] and B [O, r] what is trained, s its scale, m [O] DoRA's
// magnitudes.

import AssayTensor
import Foundation

/// How products of low rank are made.
package struct LowRankOptions: Equatable, Sendable {
  /// r, the rank of each product.
  package var rank: Int
  /// The product is multiplied by this over the rank, or over its root.
  package var alpha: Double
  /// Whether the scale is `alpha / sqrt(r)`.
  package var isRankStabilized = false
  /// Whether rows keep magnitudes of their own (DoRA).
  package var hasMagnitudes = false
  /// The last parts of the names of layers that get one, such as `q_proj`; empty is every linear layer of
  /// the blocks.
  package var targets: [String] = []

  /// Makes options.
  package init(rank: Int, alpha: Double) {
    self.rank = rank
    self.alpha = alpha
  }

  /// s, what products are multiplied by.
  ///
  /// Source: Hu et al. 2021 (arXiv:2106.09685) section 4.1; Kalajdzievski 2023 (arXiv:2312.03732).
  var scale: Double { alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank)) }
}

extension ModelConfiguration {
  /// How many numbers the blocks' linear layers have, without those that experts are chosen by.
  package var productParameterCount: Int {
    weightSpecs.blocks.flatMap(\.products).map { $0.shape.reduce(1, *) }.reduce(0, +)
  }

  /// How many numbers products of low rank have beside the blocks' linear layers.
  package func lowRankCount(_ options: LowRankOptions) -> Int {
    weightSpecs.blocks.flatMap(\.products).flatMap(\.pieces).map { piece in
      let last = piece.name.split(separator: ".").dropLast().last.map(String.init) ?? ""
      guard options.targets.isEmpty || options.targets.contains(last) else { return 0 }
      let (O, I) = (piece.shape[0], piece.shape[1])
      return options.rank * (O + I) + (options.hasMagnitudes ? O : 0)
    }.reduce(0, +)
  }
}

/// What an adapter under training is, and stands beside.
struct AdapterTraining {
  let options: LowRankOptions
  /// The base model's folder.
  let base: URL
  /// Whether its weights are kept in few bits.
  var isPacked = false
}

/// The products of low rank beside a weight, one for each of the tensors that it is joined from.
final class LowRank {
  /// Of one tensor of a checkpoint.
  struct Part {
    /// The layer's name there, without `.weight`.
    let layer: String
    /// O, the rows that it has of the joined weight.
    let rows: Int
    /// A, B and m; `nil` where the layer gets none.
    let trained: (a: Parameter, b: Parameter, magnitude: Parameter?)?
  }

  let parts: [Part]
  private let scale: Double
  private let spec: WeightSpec
  /// Of an adapter that is not trained: what products are made of, in the type that was asked for last.
  private var fixed: Factors?

  /// Whether it is an adapter's that is not trained.
  var isFixed: Bool { fixed != nil }

  /// A of all parts below each other, `[R, I]`, `s B` of each in its rows and columns, `[O, R]`, and what rows are
  /// multiplied by, `[O]`.
  private struct Factors {
    var a: Tensor
    var b: Tensor
    var rows: Tensor?

    func to(_ dtype: DType) -> Factors {
      Factors(a: a.to(dtype), b: b.to(dtype), rows: rows?.to(dtype))
    }
  }

  /// Makes products that add nothing yet: A is random and B zero; `nil` where no layer is meant.
  ///
  /// A's numbers have the variance that PyTorch gives those of a linear layer, drawn as normal.
  ///
  /// - Parameters:
  ///   - value: The weight.
  ///   - spec: What is to be known of it.
  ///   - options: How they are made.
  ///   - seed: Every number is a function of it and of the layer's name.
  init?(beside value: Tensor, _ spec: WeightSpec, _ options: LowRankOptions, seed: UInt64) {
    let pieces = withoutGradients { spec.cut(value) }
    parts = zip(spec.pieces, pieces).map { piece, cut in
      let tensor = cut.tensor
      let layer = piece.name.hasSuffix(".weight") ? String(piece.name.dropLast(7)) : piece.name
      let last = layer.split(separator: ".").last.map(String.init) ?? layer
      guard options.targets.isEmpty || options.targets.contains(last) else {
        return Part(layer: layer, rows: piece.shape[0], trained: nil)
      }
      let (O, I) = (piece.shape[0], piece.shape[1])
      let a = Tensor.normal(
        [options.rank, I],
        deviation: (1 / (3 * Double(I))).squareRoot(),
        seed: layer.utf8.reduce(seed &+ 0xCBF2_9CE4_8422_2325) {
          ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
      )
      let magnitude = options.hasMagnitudes ? Self.norms(tensor.to(.float32)) : nil
      func parameter(_ suffix: String, _ value: Tensor) -> Parameter {
        Parameter("\(layer).lora_\(suffix)", value)
      }
      return Part(
        layer: layer,
        rows: O,
        trained: (
          parameter("A.weight", a.to(tensor.device)),
          parameter("B.weight", .zeros([O, options.rank], device: tensor.device)),
          magnitude.map { parameter("magnitude_vector", $0) }
        )
      )
    }
    scale = options.scale
    self.spec = spec
    guard parts.contains(where: { $0.trained != nil }) else { return nil }
  }

  /// Takes products that are not trained.
  ///
  /// - Parameters:
  ///   - parts: Those of each tensor of a checkpoint, with their scale in B.
  ///   - spec: What is to be known of the weight.
  ///   - weight: The weight, for the lengths of its rows; asked for where there are magnitudes.
  init(_ parts: [Part], _ spec: WeightSpec, beside weight: () -> Tensor) {
    (self.parts, self.spec, scale) = (parts, spec, 1)
    fixed = withoutGradients { factors(weight) }
  }

  /// All numbers that are trained, in a fixed order.
  var parameters: [Parameter] {
    parts.compactMap(\.trained).flatMap { [$0.a, $0.b] + ($0.magnitude.map { [$0] } ?? []) }
  }

  /// Rows times the weight with its products: `x (W + s B A)^T`, and with magnitudes each of its rows
  /// times `m / |W + s B A|`, whose divisor has no gradient.
  ///
  /// - Parameters:
  ///   - x: `[N, I]`.
  ///   - base: `x W^T`, `[N, O]`.
  ///   - weight: W, for the lengths of rows.
  ///   - bias: `[O]`.
  /// - Returns: `[N, O]`.
  ///
  /// Source: Hu et al. 2021 (arXiv:2106.09685) eq. 3; Liu et al. 2024 (arXiv:2402.09353) eq. 5, 11.
  func product(_ x: Tensor, base: Tensor, weight: () -> Tensor, bias: Tensor?) -> Tensor {
    let factors = factors(weight, as: x.dtype)
    var sum = base + linear(linear(x, factors.a), factors.b)
    if let rows = factors.rows { sum = sum * rows }
    return bias.map { sum + $0 } ?? sum
  }

  /// What products are made of, in a compute type; made once where nothing is trained.
  private func factors(_ weight: () -> Tensor, as dtype: DType) -> Factors {
    guard let fixed else { return factors(weight).to(dtype) }
    guard fixed.a.dtype != dtype else { return fixed }
    let cast = withoutGradients { fixed.to(dtype) }
    self.fixed = cast
    return cast
  }

  private func factors(_ weight: () -> Tensor) -> Factors {
    let (a, b) = joined
    return Factors(a: a, b: b, rows: rowFactors(weight))
  }

  /// A of all parts below each other, `[R, I]`, and `s B` of each in its rows and columns, `[O, R]`: the rows are
  /// read once for all parts.
  private var joined: (a: Tensor, b: Tensor) {
    let all = parts.compactMap(\.trained)
    let width = all.map { $0.a.value.shape[0] }.reduce(0, +)
    var column = 0
    let rows = parts.map { part -> Tensor in
      let device = all[0].a.value.device
      guard let trained = part.trained else { return .zeros([part.rows, width], device: device) }
      let rank = trained.a.value.shape[0]
      defer { column += rank }
      let sides = [column, width - column - rank].map {
        Tensor.zeros([part.rows, $0], device: device)
      }
      return .concatenated([sides[0], trained.b.value, sides[1]], axis: 1)
    }
    return (
      .concatenated(all.map(\.a.value)), ordered(.concatenated(rows), axis: 0) * scale
    )
  }

  /// The weight with its products in it, float32.
  func merged(into value: Tensor) -> Tensor {
    withoutGradients {
      let sum = value.to(.float32) + ordered(product(value), axis: 0) * scale
      return rowFactors({ value }).map { sum * $0.reshaped([-1, 1]) } ?? sum
    }
  }

  /// `B A` of the parts below each other, `[O, I]`, float32.
  private func product(_ value: Tensor) -> Tensor {
    .concatenated(
      parts.map { part in
        guard let (a, b, _) = part.trained else {
          return .zeros([part.rows, value.shape[1]], device: value.device)
        }
        return b.value.matmul(a.value)
      }
    )
  }

  /// `m / |W + s B A|` of each row, float32; one where a layer has no magnitudes; `nil` where none has.
  private func rowFactors(_ value: () -> Tensor) -> Tensor? {
    guard parts.contains(where: { $0.trained?.magnitude != nil }) else { return nil }
    let value = value()
    let norms = withoutGradients {
      spec.cut(Self.norms(value.to(.float32) + ordered(product(value), axis: 0) * scale))
    }
    let factors = zip(parts, norms).map { part, norms in
      part.trained?.magnitude.map { $0.value / norms.tensor }
        ?? .ones([part.rows], device: value.device)
    }
    return ordered(.concatenated(factors), axis: 0)
  }

  /// Rows of the parts in the order of the joined weight.
  private func ordered(_ x: Tensor, axis: Int) -> Tensor {
    guard let order = spec.order else { return x }
    return x.selected(axis: axis, Tensor(order.map(Int64.init)).to(x.device))
  }

  /// The length of each row.
  private static func norms(_ x: Tensor) -> Tensor { (x * x).sum(axis: 1).squareRoot() }
}
