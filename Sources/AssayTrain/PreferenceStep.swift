import AssayModel
import AssayRun
import AssayTensor

/// The joint loss of a batch of pairs, and its gradients.
///
/// `w BT + v NLL`: the mean Bradley-Terry loss over all pairs of the batch, and the mean negative
/// log likelihood over all critique tokens of chosen and rejected together.
///
/// - Parameters:
///   - batch: Pairs as tokens.
///   - items: Their indices, for the report.
///   - model: What is trained; it has a head.
///   - weights: w and v; a loss with weight 0 is left out.
///   - centring: Weight of the centring term.
///   - accumulation: Parts that the batch is computed in; losses are means over all of them.
/// - Returns: The losses, and the share of pairs whose chosen reward is larger.
///
/// Source: Ankner et al. 2024 (arXiv:2408.11791) section 2.2; the token mean from their code.
package func preferenceStep(
  _ batch: [TrainingPair],
  items: [Int],
  model: Model,
  weights: (preference: Double, critique: Double),
  centring: Double,
  accumulation: Int
) -> StepReport {
  let targets = Double(
    max(1, batch.map { $0.chosen.targets.count + $0.rejected.targets.count }.reduce(0, +))
  )
  let device = model.decoder.device
  var (loss, reward, nll) = (0.0, 0.0, 0.0)
  var (tokens, right) = (0, 0)
  for part in parts(of: batch, count: accumulation) {
    let output = trainingForward(
      part.map(\.chosen) + part.map(\.rejected),
      decoder: model.decoder,
      head: model.head,
      positionJumps: model.positionJumps
    )
    guard let rewards = output.rewards else { continue }
    let P = part.count
    func optional(_ value: (TrainingPair) -> Double?, _ missing: Double) -> Tensor? {
      guard part.contains(where: { value($0) != nil }) else { return nil }
      return Tensor(part.map { Float(value($0) ?? missing) }).to(device)
    }
    let preference =
      bradleyTerryLoss(
        chosen: rewards.narrowed(axis: 0, start: 0, count: P),
        rejected: rewards.narrowed(axis: 0, start: P, count: P),
        margin: optional(\.margin, 0),
        probability: optional(\.probability, 1),
        centring: centring
      )
      * (Double(P) / Double(batch.count))
    var total = preference * weights.preference
    if weights.critique != 0, let losses = output.nll {
      let share = losses.sum() / targets
      nll += Double(share.item)
      total = weights.preference == 0 ? share * weights.critique : total + share * weights.critique
    }
    total.backward()
    loss += Double(total.item)
    reward += Double(preference.item)
    tokens += output.tokenCount
    let values = rewards.floats
    right += (0..<P).count { values[$0] > values[P + $0] }
  }
  var metrics = [Metric("accuracy", Double(right) / Double(batch.count))]
  if weights.critique != 0 {
    metrics += [Metric("preference_loss", reward), Metric("critique_loss", nll)]
  }
  return StepReport(loss: loss, metrics: metrics, tokens: tokens, items: items)
}
