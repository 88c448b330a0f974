// What a comparison of methods comes to: `results.json` of `assay compare`.
import AssayReward
import Foundation

/// The results of a comparison: `seconds` and `methods` as in `ResultsFile`, and what else was measured.
public struct ComparisonResults: Codable, Equatable, Sendable {
  /// A figure with its 95 % interval.
  public struct Interval: Codable, Equatable, Sendable {
    /// The figure.
    public var value: Double
    /// The lower and the upper end.
    public var ci95: [Double]
    /// The number of items behind it.
    public var n: Int

    /// Makes an interval.
    public init(value: Double, lower: Double, upper: Double, n: Int) {
      self.value = value
      ci95 = [lower, upper]
      self.n = n
    }

    /// Makes an interval of an estimate.
    public init(_ estimate: Estimate) {
      self.init(
        value: estimate.value,
        lower: estimate.lower,
        upper: estimate.upper,
        n: estimate.count
      )
    }

    /// The lower end; an interval read from a file may lack it.
    public var lower: Double { ci95.first ?? value }
    /// The upper end.
    public var upper: Double { ci95.last ?? value }
  }

  /// Accuracies of one seed.
  public struct SeedAccuracy: Codable, Equatable, Sendable {
    /// The method.
    public var method: String
    /// The suite.
    public var suite: String
    /// The section, `overall` for all pairs.
    public var section: String
    /// The seed.
    public var seed: Int
    /// The share of pairs that are right.
    public var accuracy: Double
  }

  /// A method beside the reference, paired by seed and pair.
  public struct Difference: Codable, Equatable, Sendable {
    /// The method.
    public var method: String
    /// What it is compared with.
    public var reference: String
    /// The suite.
    public var suite: String
    /// The section, `overall` for all pairs.
    public var section: String
    /// Accuracy of the method less that of the reference.
    public var difference: Interval
    /// The exact McNemar test, of pairs that a method gets right under more than half of its seeds.
    public var p: Double
    /// Pairs that only the method gets right so.
    public var onlyMethod: Int
    /// Pairs that only the reference gets right so.
    public var onlyReference: Int

    enum CodingKeys: String, CodingKey {
      case method, reference, suite, section, difference, p
      case onlyMethod = "only_method"
      case onlyReference = "only_reference"
    }
  }

  /// Accuracy by how many critiques or votes are aggregated.
  public struct SampleCurve: Codable, Equatable, Sendable {
    /// A number of critiques or votes.
    public struct Point: Codable, Equatable, Sendable {
      /// Critiques of each response, or votes on each pair.
      public var samples: Int
      /// The mean over disjoint groups of so many.
      public var accuracy: Interval
    }

    /// The method.
    public var method: String
    /// The suite.
    public var suite: String
    /// The section, or the bin, that the pairs are of.
    public var section: String
    /// In ascending order.
    public var points: [Point]
    /// Accuracy with all less accuracy with one.
    public var gain: Interval
  }

  /// Whether preference probabilities mean what they say.
  public struct CalibrationFigure: Codable, Equatable, Sendable {
    /// Pairs of similar probability.
    public struct Bin: Codable, Equatable, Sendable {
      /// Pairs.
      public var count: Int
      /// Mean probability of the preferred response, from 0.5 to 1.
      public var probability: Double
      /// How often it is the right one.
      public var frequency: Double
    }

    /// The method.
    public var method: String
    /// The suite.
    public var suite: String
    /// The mean distance of probability and frequency.
    public var expectedError: Double
    /// The mean squared distance of probability and outcome.
    public var brier: Double
    /// Judgements without probability, which are left out.
    public var missing: Int
    /// Those that are not empty.
    public var bins: [Bin]

    enum CodingKeys: String, CodingKey {
      case method, suite, brier, missing, bins
      case expectedError = "ece"
    }
  }

  /// What a judgement of a pair costs.
  public struct TokenFigure: Codable, Equatable, Sendable {
    /// The method.
    public var method: String
    /// Critiques of each response, or votes on each pair.
    public var samples: Int
    /// Mean tokens read of a pair.
    public var prompt: Double
    /// Mean tokens written of a pair.
    public var completion: Double
  }

  /// Accuracy by the share of the training pairs.
  public struct DataPoint: Codable, Equatable, Sendable {
    /// The method.
    public var method: String
    /// The suite.
    public var suite: String
    /// The section.
    public var section: String
    /// The share of the training pairs.
    public var share: Double
    /// The accuracy.
    public var accuracy: Interval
  }

  /// Best-of-N with a method.
  public struct BestOf: Codable, Equatable, Sendable {
    /// The method that picks.
    public var method: String
    /// The seed; `nil` where seeds were pooled.
    public var seed: Int?
    /// The worth by number of responses.
    public var points: [BestOfNPoint]
    /// What picking out of all gains over a random pick.
    public var gain: Interval

    /// Makes a curve.
    public init(method: String, seed: Int?, points: [BestOfNPoint], gain: Interval) {
      self.method = method
      self.seed = seed
      self.points = points
      self.gain = gain
    }
  }

  /// What an iteration of STaR learnt from.
  public struct StarIteration: Codable, Equatable, Sendable {
    /// The method.
    public var method: String
    /// The seed.
    public var seed: Int
    /// From 1.
    public var iteration: Int
    /// Items all of whose judgements are right.
    public var allRight: Int
    /// Items none of whose judgements is right.
    public var allWrong: Int
    /// The others.
    public var mixed: Int
    /// The share of judgements without a readable verdict.
    public var unparseableRate: Double
    /// The share of judgements with the right verdict whose every claim is true; `nil` where nobody
    /// can tell.
    public var rightAndTrue: Double?

    /// Makes an iteration.
    public init(
      method: String,
      seed: Int,
      iteration: Int,
      allRight: Int,
      allWrong: Int,
      mixed: Int,
      unparseableRate: Double,
      rightAndTrue: Double?
    ) {
      self.method = method
      self.seed = seed
      self.iteration = iteration
      self.allRight = allRight
      self.allWrong = allWrong
      self.mixed = mixed
      self.unparseableRate = unparseableRate
      self.rightAndTrue = rightAndTrue
    }

    enum CodingKeys: String, CodingKey {
      case method, seed, iteration, mixed
      case allRight = "all_right"
      case allWrong = "all_wrong"
      case unparseableRate = "unparseable_rate"
      case rightAndTrue = "right_and_true"
    }
  }

  /// What a filter of critiques did.
  public struct Filter: Codable, Equatable, Sendable {
    /// The method.
    public var method: String
    /// The seed.
    public var seed: Int
    /// Pairs.
    public var pairs: Int
    /// Pairs that stay.
    public var keptPairs: Int
    /// Pairs dropped, by reason.
    public var droppedPairs: [String: Int]
    /// Critiques dropped, by reason.
    public var droppedCritiques: [String: Int]
    /// The share of true critiques before the filter, where they can be checked.
    public var trueBefore: Interval?
    /// The same behind the filter.
    public var trueBehind: Interval?
    /// The same behind the refinement.
    public var trueRefined: Interval?

    /// Makes a filter's figures.
    public init(
      method: String,
      seed: Int,
      pairs: Int,
      keptPairs: Int,
      droppedPairs: [String: Int],
      droppedCritiques: [String: Int],
      trueBefore: Interval? = nil,
      trueBehind: Interval? = nil,
      trueRefined: Interval? = nil
    ) {
      self.method = method
      self.seed = seed
      self.pairs = pairs
      self.keptPairs = keptPairs
      self.droppedPairs = droppedPairs
      self.droppedCritiques = droppedCritiques
      self.trueBefore = trueBefore
      self.trueBehind = trueBehind
      self.trueRefined = trueRefined
    }

    enum CodingKeys: String, CodingKey {
      case method, seed, pairs
      case keptPairs = "kept_pairs"
      case droppedPairs = "dropped_pairs"
      case droppedCritiques = "dropped_critiques"
      case trueBefore = "true_before"
      case trueBehind = "true_behind"
      case trueRefined = "true_refined"
    }
  }

  /// A trial of the search for a learning rate.
  public struct Trial: Codable, Equatable, Sendable {
    /// The method.
    public var method: String
    /// What its learning rate was multiplied with.
    public var factor: Double
    /// Accuracy on the validation pairs.
    public var accuracy: Double
    /// Whether it is used.
    public var isChosen: Bool

    /// Makes a trial.
    public init(method: String, factor: Double, accuracy: Double, isChosen: Bool) {
      self.method = method
      self.factor = factor
      self.accuracy = accuracy
      self.isChosen = isChosen
    }

    enum CodingKeys: String, CodingKey {
      case method, factor, accuracy
      case isChosen = "chosen"
    }
  }

  /// Seconds that everything took.
  public var seconds: Double
  /// Method to suite to section; accuracies are means over seeds.
  public var methods: [String: [String: ResultsFile.Sections]] = [:]
  /// The methods in the order asked for.
  public var order: [String] = []
  /// All seeds.
  public var seeds: [Int] = []
  /// What intervals are over.
  public var intervals = ""
  /// Each seed's accuracies.
  public var seedAccuracies: [SeedAccuracy] = []
  /// Every method beside the reference.
  public var differences: [Difference] = []
  /// Accuracy by number of critiques or votes.
  public var sampleCurves: [SampleCurve] = []
  /// The same by bins of pairs, as their number of steps.
  public var binnedCurves: [SampleCurve] = []
  /// Calibration.
  public var calibration: [CalibrationFigure] = []
  /// Tokens of a judgement.
  public var tokens: [TokenFigure] = []
  /// Accuracy by share of the training pairs.
  public var dataEfficiency: [DataPoint] = []
  /// Best-of-N.
  public var bestOf: [BestOf] = []
  /// Revisions.
  public var revisions: [RevisionFigure] = []
  /// What STaR learnt from.
  public var star: [StarIteration] = []
  /// What filters did.
  public var filters: [Filter] = []
  /// What the search tried.
  public var trials: [Trial] = []
  /// The start model on validation pairs.
  public var startModel: [String: Double] = [:]
  /// The papers' claims.
  public var claims: [ClaimTable.Result] = []

  /// Makes results without figures.
  public init(seconds: Double) { self.seconds = seconds }

  enum CodingKeys: String, CodingKey {
    case seconds, methods, order, seeds, intervals, differences, calibration, tokens, revisions
    case star, filters, trials, claims
    case seedAccuracies = "seed_accuracies"
    case sampleCurves = "sample_curves"
    case binnedCurves = "binned_curves"
    case dataEfficiency = "data_efficiency"
    case bestOf = "best_of"
    case startModel = "start_model"
  }

  /// The accuracies alone.
  public var file: ResultsFile { ResultsFile(seconds: seconds, methods: methods) }

  /// The results as JSON with sorted keys.
  ///
  /// - Throws: `EncodingError` where a figure is not a finite number.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }
}
