// Agreement beyond chance of a judge with the labels, and with itself in the other order.
import AssayReward
import Foundation

extension BenchmarkTally {
  /// Cohen's kappa of the outputs that a judge prefers, in each of the two orders, with the labelled ones, and
  /// of the two orders with each other; `nil` without two verdicts of each item, or where chance alone agrees.
  ///
  /// What cannot be read, and a tie, are answers of their own.
  var kappaSentence: String? {
    var answers: [[Int]] = [[], [], []]
    for (item, record) in zip(items, records) {
      guard record.pairs.count == 1, record.pairs[0].count == 2 else { return nil }
      let label = item.isChosenFirst ? 1 : 2
      for (order, verdict) in record.pairs[0].enumerated() {
        switch verdict {
        case .chosen: answers[order].append(label)
        case .rejected: answers[order].append(3 - label)
        case .tie: answers[order].append(0)
        case .unparseable: answers[order].append(-1)
        }
      }
      answers[2].append(label)
    }
    guard let first = Self.kappa(answers[0], answers[2]),
      let second = Self.kappa(answers[1], answers[2]), let own = Self.kappa(answers[0], answers[1])
    else { return nil }
    func decimal(_ value: Double) -> String { String(format: "%.3f", value) }
    return
      "Cohen's kappa with the labels is \(decimal((first + second) / 2)) (\(decimal(first)) and "
      + "\(decimal(second)) in the two orders), of the orders with each other \(decimal(own))"
  }

  /// Cohen's kappa of two lists of answers: `(agreement - chance) / (1 - chance)`; `nil` where chance is sure.
  ///
  /// Source: Cohen 1960, "A coefficient of agreement for nominal scales".
  static func kappa(_ first: [Int], _ second: [Int]) -> Double? {
    let count = Double(first.count)
    guard count > 0 else { return nil }
    let agreement = Double(zip(first, second).count { $0 == $1 }) / count
    let chance =
      Set(first).reduce(0.0) { sum, answer in
        sum + Double(first.count { $0 == answer }) * Double(second.count { $0 == answer })
      } / (count * count)
    return chance < 1 ? (agreement - chance) / (1 - chance) : nil
  }
}
