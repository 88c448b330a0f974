import CTorch

/// Computes two tensors of two others, without keeping what lies between for the gradients: where these are
/// asked for, it is computed once more.
///
/// Weights that the body reads get their gradients too. Costs a second forward pass of the part.
///
/// - Parameters:
///   - first: The first input.
///   - second: The second input.
///   - body: Computes the outputs; the same inputs give the same outputs.
/// - Returns: The outputs.
///
/// Source: Chen et al. 2016 (arXiv:1604.06174).
package func recomputed(
  _ first: Tensor,
  _ second: Tensor,
  _ body: @escaping (Tensor, Tensor) -> (Tensor, Tensor)
) -> (Tensor, Tensor) {
  var other: ct_tensor?
  let one = Tensor("recomputed") { out in
    ct_recompute(
      first.handle,
      second.handle,
      Unmanaged.passRetained(PairBody(body)).toOpaque(),
      { context, first, second, firstOut, secondOut in
        guard let context, let first, let second else { return }
        let body = Unmanaged<PairBody>.fromOpaque(context).takeUnretainedValue()
        let (one, other) = body.compute(Tensor(owning: first), Tensor(owning: second))
        firstOut?.pointee = ct_share(one.handle)
        secondOut?.pointee = ct_share(other.handle)
      },
      { context in context.map { Unmanaged<PairBody>.fromOpaque($0).release() } },
      out,
      &other
    )
  }
  return (one, other.map(Tensor.init(owning:)) ?? one)
}

/// A body, kept for as long as gradients may be asked for.
private final class PairBody {
  private let run: (Tensor, Tensor) -> (Tensor, Tensor)
  // Where failures are noted: devices compute gradients on threads of their own, which know of no scope.
  private let scope = ErrorScope.current

  init(_ run: @escaping (Tensor, Tensor) -> (Tensor, Tensor)) { self.run = run }

  func compute(_ first: Tensor, _ second: Tensor) -> (Tensor, Tensor) {
    ErrorScope.$current.withValue(ErrorScope.current ?? scope) { run(first, second) }
  }
}
