// A weight is three things: what is trained, its cast for inference, and its packing for inference.
// The last two are kept, and made anew once the first has changed.

import AssayTensor

/// The last cast of a weight, for inference.
private struct CastCache {
  private var kept: (cast: Tensor, changes: Int)?

  mutating func callAsFunction(_ value: Tensor, _ dtype: DType) -> Tensor {
    let changes = value.changeCount
    if let kept, kept.changes == changes, kept.cast.dtype == dtype { return kept.cast }
    let cast = withoutGradients { value.to(dtype) }
    kept = (cast, changes)
    return cast
  }
}

/// The last packing of a weight, for inference.
private struct PackingCache {
  private var kept: (packing: PackedWeight, changes: Int)?

  mutating func callAsFunction(
    _ value: Tensor,
    _ format: WeightFormat,
    _ dtype: DType
  ) -> PackedWeight? {
    let changes = value.changeCount
    if let kept, kept.changes == changes, kept.packing.format == format,
      kept.packing.dtype == dtype
    {
      return kept.packing
    }
    kept = PackedWeight(value, format: format, dtype: dtype).map { ($0, changes) }
    return kept?.packing
  }
}

/// A weight as a decoder computes with it.
final class Weight {
  /// What several models may have in common.
  private final class Store {
    var parameter: Parameter?
    var casts = CastCache()
    var packings = PackingCache()
    var packedForGood: PackedWeight?

    init(_ parameter: Parameter) { self.parameter = parameter }
  }

  private let store: Store
  /// What is trained in its place, or an adapter adds to it; `nil` where the weight is alone.
  private(set) var lowRank: LowRank?
  /// That of its specification.
  let name: String

  init(_ parameter: Parameter) {
    store = Store(parameter)
    name = parameter.name
  }

  /// Another model's weight with an adapter's products beside it.
  init(_ other: Weight, beside lowRank: LowRank) {
    (store, name, self.lowRank) = (other.store, other.name, lowRank)
  }

  /// What is trained; `nil` once the weight is packed for good.
  var parameter: Parameter? { store.parameter }

  /// The weight in a compute type.
  ///
  /// With gradients the cast is part of the graph; for inference, and of a weight that is not trained,
  /// it is kept.
  func callAsFunction(_ dtype: DType, training: Bool) -> Tensor {
    guard let value = parameter?.value else {
      return .failed(name, reason: "is packed for inference; load the model again to train it")
    }
    guard value.dtype != dtype else { return value }
    return training && value.requiresGradient ? value.to(dtype) : store.casts(value, dtype)
  }

  /// Rows of the weight in a compute type: what is not asked for is not cast.
  ///
  /// - Parameters:
  ///   - ids: Which rows, `[N]`, int64.
  ///   - dtype: The compute type.
  /// - Returns: `[N, columns]`.
  func rows(_ ids: Tensor, _ dtype: DType) -> Tensor {
    guard let value = parameter?.value else { return callAsFunction(dtype, training: true) }
    return embedding(value, ids).to(dtype)
  }

  /// The weight packed for products with few rows.
  func packed(_ execution: Execution) -> PackedWeight? {
    guard let value = parameter?.value else { return store.packedForGood }
    return store.packings(value, execution.weights, execution.dtype)
  }

  /// Packs the weight, and gives up its plain form.
  func packForGood(_ execution: Execution) {
    guard let packing = packed(execution) else { return }
    (store.packedForGood, store.parameter) = (packing, nil)
    forget()
  }

  /// The packing of a weight that has no plain form.
  var frozen: PackedWeight? { parameter == nil ? store.packedForGood : nil }

  /// Takes the plain form of another model's weight in place of the packing.
  func unpack(as other: Weight) {
    (store.parameter, store.packedForGood) = (other.parameter, nil)
  }

  /// Has products of low rank trained in its place.
  func add(_ spec: WeightSpec, _ options: LowRankOptions, seed: UInt64) {
    lowRank = parameter.flatMap { LowRank(beside: $0.value, spec, options, seed: seed) }
  }

  /// Makes one float32 weight of itself and its products of low rank.
  func merge() {
    guard let lowRank, let value = parameter?.value else { return }
    store.parameter = Parameter(name, lowRank.merged(into: value))
    self.lowRank = nil
    forget()
  }

  private func forget() { (store.casts, store.packings) = (CastCache(), PackingCache()) }
}
