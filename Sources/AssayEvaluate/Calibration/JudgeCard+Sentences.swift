// The findings of a card in words.
import AssayText
import Foundation

extension JudgeCard {
  /// A sentence a finding.
  var findings: [Sentence] {
    [agreed, ordered, unread, annotated, calibrated, kept].compactMap(\.self)
      + probes.map(probed) + [cost].compactMap(\.self)
      + (tooLong > 0
        ? [Sentence(tone: .open, text: "\(tooLong) changed pairs were too long to be rated.")] : [])
  }

  private var agreed: Sentence {
    let accuracy = agreement.accuracy
    let isBetter = accuracy.ci95[0] > 0.5
    return Sentence(
      tone: isBetter ? .good : .bad,
      text: "\(model) agrees with the gold labels in \(interval(accuracy)) of \(accuracy.n) pairs"
        + " (kappa \(decimal(agreement.kappa.value)))"
        + (isBetter ? "" : ", which is not told from chance")
        + "; whoever prefers the longer response does in \(percent(agreement.longerWins.value)) %."
    )
  }

  private var ordered: Sentence? {
    guard let flipRate = agreement.flipRate else { return nil }
    return Sentence(
      tone: .plain,
      text: "The order of the two responses turns \(percent(flipRate)) % of its verdicts round; "
        + "\(interval(agreement.bothOrders)) are right in both orders."
    )
  }

  private var unread: Sentence? {
    guard agreement.unreadShare > 0 else { return nil }
    return Sentence(
      tone: .bad,
      text:
        "\(percent(agreement.unreadShare)) % of its judgements cannot be read, which counts a half."
    )
  }

  private var annotated: Sentence? {
    guard let annotators else { return nil }
    let alpha = annotators.alpha.map { alpha in
      let ends = annotators.alphaCI95.map(decimal).joined(separator: ", ")
      return " (Krippendorff's alpha \(decimal(alpha)) [\(ends)])"
    }
    let isBelow = annotators.withRater.ci95[1] < annotators.between.value
    return Sentence(
      tone: isBelow ? .bad : .good,
      text:
        "Annotators agree with each other in \(percent(annotators.between.value)) %\(alpha ?? "") "
        + "and with the rater in \(interval(annotators.withRater)); no rater can agree with them in "
        + "more than \(percent(annotators.ceiling.value)) %."
    )
  }

  private var calibrated: Sentence? {
    guard let calibration else { return nil }
    let off = "Its probabilities are off by \(percent(calibration.raw.ece)) points on average (ECE)"
    guard let temperature = calibration.temperature, let mended = calibration.withTemperature else {
      return Sentence(tone: .plain, text: off + "; too few items to mend that.")
    }
    let isMended = mended.logLoss < calibration.raw.logLoss
    return Sentence(
      tone: isMended ? .open : .good,
      text: off
        + (isMended
          ? "; divided by a temperature of \(decimal(temperature)) its logits are off by "
            + "\(percent(mended.ece)) on held-out items."
          : "; no temperature mends that on held-out items.")
    )
  }

  private var kept: Sentence? {
    let wanted = "\(percent(threshold.wanted)) %"
    guard let confidence = threshold.confidence else {
      return Sentence(tone: .bad, text: "No confidence makes it right in \(wanted).")
    }
    guard let precision = threshold.precision else {
      return Sentence(
        tone: .open,
        text:
          "It is right in \(wanted) where it is at least \(decimal(confidence)) sure, but no item "
          + "held out is."
      )
    }
    return Sentence(
      tone: precision.ci95[1] < threshold.wanted ? .bad : .plain,
      text: "To be right in \(wanted), keep what it is at least \(decimal(confidence)) sure of: on "
        + "held-out items that is right in \(interval(precision)), and keeps "
        + "\(interval(threshold.coverage))."
    )
  }

  private var cost: Sentence? {
    questions.price.map { price in
      Sentence(
        tone: .plain,
        text:
          "1,000 pairs as they are cost \(price.text(of: tokens, per: items)) at \(price.text) for a "
          + "million tokens."
      )
    }
  }

  private func probed(_ finding: ProbeFinding) -> Sentence {
    let ends = finding.effect.ci95.map { String(format: "%+.1f", 100 * $0) }
    let size =
      "\(String(format: "%+.1f", 100 * finding.effect.value)) points [\(ends.joined(separator: ", "))]"
    let object = finding.probe.changesResponse ? "the worse response" : "a response"
    let name = finding.probe.title.prefix(1).uppercased() + finding.probe.title.dropFirst()
    let seen = "\(percent(finding.detectable)) points"
    switch finding.verdict {
    case .found:
      let direction = finding.effect.value > 0 ? "raises" : "lowers"
      return Sentence(
        tone: .bad,
        text: "\(name) \(direction) the preference for \(object) by \(size), "
          + "\(probability(finding.correctedPValue)) after correction."
      )
    case .none:
      return Sentence(
        tone: .good,
        text: "\(name) has no effect that matters: \(size); one of \(seen) would have been found."
      )
    case .cannotTell:
      return Sentence(
        tone: .open,
        text:
          "\(name): \(size), which does not tell: only an effect of \(seen) would have been found."
      )
    }
  }

  private func interval(_ figure: CardFigure) -> String {
    let ends = figure.ci95.map(percent).joined(separator: ", ")
    return "\(percent(figure.value)) % [\(ends)]"
  }

  private func decimal(_ value: Double) -> String { String(format: "%.2f", value) }

  private func probability(_ value: Double) -> String {
    value < 0.001 ? "p < 0.001" : String(format: "p = %.3f", value)
  }

  /// The findings, a line each.
  package var text: String {
    sentences.map { sentence in
      let mark =
        switch sentence.tone {
        case .good: "+"
        case .bad: "!"
        case .open: "?"
        case .plain: " "
        }
      return "\(mark) \(sentence.text)"
    }.joined(separator: "\n")
  }
}
