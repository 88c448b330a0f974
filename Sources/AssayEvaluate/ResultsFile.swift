// What `demo`, `compare` and `eval` write as `results.json`.
import AssayBase
import AssayReward
import AssayText
import Foundation

/// The content of `results.json`.
///
/// ```json
/// {"seconds": 512.3, "methods": {"cloud": {"test": {"overall": {"accuracy": 0.83, "ci95": [0.82, 0.85],
///  "n": 4000}}, "ood": {}}}}
/// ```
package struct ResultsFile: Codable, Equatable, Sendable {
  /// An accuracy with its interval.
  package struct Figure: Codable, Equatable, Sendable {
    /// The share of items that are right, in [0, 1].
    package var accuracy: Double
    /// The lower and the upper end of the 95 % interval.
    package private(set) var ci95: [Double]
    /// The number of items.
    package var n: Int
    /// True where parts are absent that the benchmark's own figure counts; else `nil`.
    package var isPartial: Bool?
    /// Judges only: the share of items that are right in both orders.
    package var strict: Double?
    /// Judges only: the accuracy of the probabilities that are averaged over both orders, where they are known.
    package var orderAveraged: Double?
    /// Judges only: the share of items whose two orders contradict each other, of all items.
    package var flipRate: Double?
    /// Judges only: the share of items whose two orders differ at all, ties and unread ones too.
    package var inconsistentRate: Double?
    /// Judges only: the share of verdicts that prefer the response shown first; `nil` without verdicts.
    package var firstShare: Double?
    /// Judges only: the share of orders without a verdict.
    package var missingRate: Double?
    /// Judges only: the share of verdicts that could not be read.
    package var unparseableRate: Double?
    /// Judges only: the share of verdicts that were read behind a judgement cut short.
    package var forcedRate: Double?

    /// Makes a figure.
    package init(accuracy: Double, lower: Double, upper: Double, n: Int) {
      self.accuracy = accuracy
      ci95 = [lower, upper]
      self.n = n
    }

    /// Makes a figure of an estimate.
    package init(_ estimate: Estimate) {
      self.init(
        accuracy: estimate.value,
        lower: estimate.lower,
        upper: estimate.upper,
        n: estimate.count
      )
    }

    /// The figure and its interval, as a share of another whole.
    func scaled(by factor: Double) -> Figure {
      var figure = self
      figure.accuracy *= factor
      figure.ci95 = ci95.map { $0 * factor }
      return figure
    }

    /// Reads a figure.
    ///
    /// - Throws: `DecodingError` where `ci95` is not a list of two numbers.
    package init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      accuracy = try container.decode(Double.self, forKey: .accuracy)
      ci95 = try container.decode([Double].self, forKey: .ci95)
      n = try container.decode(Int.self, forKey: .n)
      isPartial = try container.decodeIfPresent(Bool.self, forKey: .isPartial)
      strict = try container.decodeIfPresent(Double.self, forKey: .strict)
      orderAveraged = try container.decodeIfPresent(Double.self, forKey: .orderAveraged)
      flipRate = try container.decodeIfPresent(Double.self, forKey: .flipRate)
      inconsistentRate = try container.decodeIfPresent(Double.self, forKey: .inconsistentRate)
      firstShare = try container.decodeIfPresent(Double.self, forKey: .firstShare)
      missingRate = try container.decodeIfPresent(Double.self, forKey: .missingRate)
      unparseableRate = try container.decodeIfPresent(Double.self, forKey: .unparseableRate)
      forcedRate = try container.decodeIfPresent(Double.self, forKey: .forcedRate)
      guard ci95.count == 2 else {
        throw DecodingError.dataCorruptedError(
          forKey: .ci95,
          in: container,
          debugDescription: "ci95 needs two numbers"
        )
      }
    }

    private enum CodingKeys: String, CodingKey {
      case accuracy, ci95, n
      case isPartial = "partial"
      case strict = "both_right"
      case orderAveraged = "order_averaged"
      case flipRate = "flip_rate"
      case inconsistentRate = "inconsistent_rate"
      case firstShare = "first_share"
      case missingRate = "missing_rate"
      case unparseableRate = "unparseable_rate"
      case forcedRate = "forced_rate"
    }
  }

  /// Section to figure; the whole is called `overall`.
  package typealias Sections = [String: Figure]

  /// What a model was evaluated on, and how.
  package struct Evaluation: Codable, Equatable, Sendable {
    /// A benchmark.
    package struct Part: Codable, Equatable, Sendable {
      /// The hash of the ids and texts of its items.
      package var items: String
      /// Items.
      package var n: Int
      /// Tokens read and written, of the items whose records tell.
      package var tokens: TokenCount
      /// What those score who know nothing, by baseline and section.
      package var baselines: [String: [String: Double]]?
      /// How good the texts are that were written; `nil` without texts.
      package var critiques: Critiques?
      /// Training prompts among the items; `nil` where no training data were given.
      package var leaks: Leaks?
      /// What speaks against the labels.
      package var labels: Labels?
      /// Rows of the benchmark's files that were left out; `nil`: none.
      package var leftOut: Int?
      /// Figures that are no accuracies, by section and name; `nil`: none.
      package var named: [String: [String: Double]]?
      /// By section, how often the best possible model would agree with a single annotator; `nil` where no
      /// items have several annotators.
      package var agreementCeiling: [String: Double]?
      /// What a million tokens cost; `nil` where nobody says.
      package var price: TokenPrice?
      /// Items that did not fit, and whose front was cut; `nil`: none.
      package var cut: Int?

      enum CodingKeys: String, CodingKey {
        case items, n, tokens, baselines, critiques, leaks, labels, cut, named, price
        case agreementCeiling = "agreement_ceiling"
        case leftOut = "left_out"
      }

      /// Makes one.
      package init(items: String, n: Int, tokens: TokenCount) {
        self.items = items
        self.n = n
        self.tokens = tokens
      }
    }

    /// What the records depend on, by option; of recorded scores, their file.
    package var settings: [String: String]
    /// By name.
    package var benchmarks: [String: Part] = [:]

    /// Makes one of no benchmark.
    package init(settings: [String: String]) { self.settings = settings }
  }

  /// The seconds that everything took; `nil` of `eval`, whose results are the same each time.
  package var seconds: Double?
  /// Method to split (`test`, `ood`) to section.
  package var methods: [String: [String: Sections]]
  /// What was evaluated and how, of `eval`.
  package var evaluation: Evaluation?

  /// Makes results.
  package init(seconds: Double?, methods: [String: [String: Sections]] = [:]) {
    self.seconds = seconds
    self.methods = methods
  }

  /// Reads results.
  ///
  /// - Parameter url: A `results.json`.
  /// - Throws: `EvaluateError.unreadableResults`.
  package init(contentsOf url: URL) throws {
    do {
      self = try JSONDecoder().decode(ResultsFile.self, from: try Data(contentsOf: url))
    } catch {
      let reason =
        switch error {
        case DecodingError.keyNotFound(let key, _): "the key \(key.stringValue) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context),
          DecodingError.valueNotFound(_, let context):
          "\(context.codingPath.map(\.stringValue).joined(separator: ".")): "
            + context.debugDescription
        default: error.fileReason
        }
      throw EvaluateError.unreadableResults(file: url.path, reason: reason)
    }
  }

  /// The results as JSON with sorted keys: equal results give equal bytes.
  ///
  /// - Throws: `EncodingError` where a figure is not a finite number.
  package func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  /// The splits that any method has: `test` and `ood` first, then others by name.
  package var splits: [String] {
    let names = Set(
      methods.values.flatMap { splits in
        splits.filter { !$0.value.isEmpty }.keys
      }
    )
    let first = ["test", "ood"].filter(names.contains)
    return first + names.subtracting(first).sorted()
  }

  /// The sections of a split: `overall` first, then by name.
  package func sections(of split: String) -> [String] {
    let names = Set(methods.values.flatMap { ($0[split] ?? [:]).keys })
    return names.filter { $0 == "overall" } + names.subtracting(["overall"]).sorted()
  }

  /// The results as a table for the terminal: a row a split and section, a column a method, in percent.
  ///
  /// - Parameter order: Methods that come first; others follow by name.
  /// - Returns: A table whose cells are `83.1 [81.9, 84.3]`, or `-` where a figure is missing.
  package func table(order: [String] = []) -> TextTable {
    let methods = Self.ordered(Array(methods.keys), order)
    var table = TextTable(
      [("split", .left), ("section", .left)] + methods.map { ($0, .right) } + [("n", .right)]
    )
    for split in splits {
      for section in sections(of: split) {
        let figures = methods.map { self.methods[$0]?[split]?[section] }
        let count = figures.compactMap { $0?.n }.max().map(String.init) ?? ""
        let cells = figures.map { figure in
          guard let figure else { return "-" }
          return "\(percent(figure.accuracy)) [\(percent(figure.ci95[0])), "
            + "\(percent(figure.ci95[1]))]"
        }
        let isPartial = figures.contains { $0?.isPartial == true }
        table.rows.append([split, section + (isPartial ? " (partial)" : "")] + cells + [count])
      }
    }
    return table
  }

  /// Names in the order asked for, others behind them by name.
  package static func ordered(_ names: [String], _ order: [String]) -> [String] {
    let first = order.filter(names.contains)
    return first + Set(names).subtracting(first).sorted()
  }
}

/// A share in percent with one decimal: 0.8312 is `83.1`.
package func percent(_ share: Double) -> String { String(format: "%.1f", 100 * share) }
