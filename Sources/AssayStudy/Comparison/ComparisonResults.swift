// What a comparison of methods comes to: `results.json` of `assay compare`.
import AssayEvaluate
import AssayReward
import Foundation

/// The results of a comparison: `seconds` and `methods` as in `ResultsFile`, and what else was measured.
package struct ComparisonResults: Codable, Equatable, Sendable {
  /// Accuracies of one seed.
  package struct SeedAccuracy: Codable, Equatable, Sendable {
    /// The method.
    package var method: String
    /// The suite.
    package var suite: String
    /// The section, `overall` for all pairs.
    package var section: String
    /// The seed.
    package var seed: Int
    /// The share of pairs that are right.
    package var accuracy: Double
  }

  /// A method beside the reference, paired by seed and pair.
  package struct Difference: Codable, Equatable, Sendable {
    /// The method.
    package var method: String
    /// What it is compared with.
    package var reference: String
    /// The suite.
    package var suite: String
    /// The section, `overall` for all pairs.
    package var section: String
    /// Accuracy of the method less that of the reference.
    package var difference: StudyInterval
    /// The exact sign test of pairs on which one does better, over all seeds.
    package var p: Double
    /// Pairs on which the method does better.
    package var onlyMethod: Int
    /// Pairs on which the reference does better.
    package var onlyReference: Int

    enum CodingKeys: String, CodingKey {
      case method, reference, suite, section, difference, p
      case onlyMethod = "only_method"
      case onlyReference = "only_reference"
    }
  }

  /// Accuracy by how many critiques or votes are aggregated.
  package struct SampleCurve: Codable, Equatable, Sendable {
    /// A number of critiques or votes.
    package struct Point: Codable, Equatable, Sendable {
      /// Critiques of each response, or votes on each pair.
      package var samples: Int
      /// The mean over disjoint groups of so many.
      package var accuracy: StudyInterval
    }

    /// The method.
    package var method: String
    /// The suite.
    package var suite: String
    /// The section, or the bin, that the pairs are of.
    package var section: String
    /// In ascending order.
    package var points: [Point]
    /// Accuracy with all less accuracy with one.
    package var gain: StudyInterval
  }

  /// Whether preference probabilities mean what they say.
  package struct CalibrationFigure: Codable, Equatable, Sendable {
    /// Pairs of similar probability.
    package struct Bin: Codable, Equatable, Sendable {
      /// Pairs.
      package var count: Int
      /// Mean probability of the preferred response, from 0.5 to 1.
      package var probability: Double
      /// How often it is the right one.
      package var frequency: Double
    }

    /// The method.
    package var method: String
    /// The suite.
    package var suite: String
    /// The mean distance of probability and frequency.
    package var expectedError: Double
    /// The mean squared distance of probability and outcome.
    package var brier: Double
    /// Judgements without probability, which are left out.
    package var missing: Int
    /// Those that are not empty.
    package var bins: [Bin]

    enum CodingKeys: String, CodingKey {
      case method, suite, brier, missing, bins
      case expectedError = "ece"
    }
  }

  /// What a judgement of a pair costs.
  package struct TokenFigure: Codable, Equatable, Sendable {
    /// The method.
    package var method: String
    /// Critiques of each response, or votes on each pair.
    package var samples: Int
    /// Mean tokens read of a pair.
    package var prompt: Double
    /// Mean tokens written of a pair.
    package var completion: Double
  }

  /// Accuracy by the share of the training pairs.
  package struct DataPoint: Codable, Equatable, Sendable {
    /// The method.
    package var method: String
    /// The suite.
    package var suite: String
    /// The section.
    package var section: String
    /// The share of the training pairs.
    package var share: Double
    /// The accuracy.
    package var accuracy: StudyInterval
  }

  /// Best-of-N with a method.
  package struct BestOf: Codable, Equatable, Sendable {
    /// The method that picks.
    package var method: String
    /// The seed; `nil` where seeds were pooled.
    package var seed: Int?
    /// The worth by number of responses.
    package var points: [BestOfNPoint]
    /// What picking out of all gains over a random pick.
    package var gain: StudyInterval

    /// Makes a curve.
    package init(method: String, seed: Int?, points: [BestOfNPoint], gain: StudyInterval) {
      self.method = method
      self.seed = seed
      self.points = points
      self.gain = gain
    }
  }

  /// What an iteration of STaR learnt from.
  package struct StarIteration: Codable, Equatable, Sendable {
    /// The method.
    package var method: String
    /// The seed.
    package var seed: Int
    /// From 1.
    package var iteration: Int
    /// Items all of whose judgements are right.
    package var allRight: Int
    /// Items none of whose judgements is right.
    package var allWrong: Int
    /// The others.
    package var mixed: Int
    /// The share of judgements without a readable verdict.
    package var unparseableRate: Double
    /// The share of judgements with the right verdict whose every claim is true; `nil` where nobody
    /// can tell.
    package var rightAndTrue: Double?

    /// Makes an iteration.
    package init(
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
  package struct Filter: Codable, Equatable, Sendable {
    /// The method.
    package var method: String
    /// The seed.
    package var seed: Int
    /// Pairs.
    package var pairs: Int
    /// Pairs that stay.
    package var keptPairs: Int
    /// Pairs dropped, by reason.
    package var droppedPairs: [String: Int]
    /// Critiques dropped, by reason.
    package var droppedCritiques: [String: Int]
    /// The share of true critiques before the filter, where they can be checked.
    package var trueBefore: StudyInterval?
    /// The same behind the filter.
    package var trueBehind: StudyInterval?
    /// The same behind the refinement.
    package var trueRefined: StudyInterval?

    /// Makes a filter's figures.
    package init(
      method: String,
      seed: Int,
      pairs: Int,
      keptPairs: Int,
      droppedPairs: [String: Int],
      droppedCritiques: [String: Int],
      trueBefore: StudyInterval? = nil,
      trueBehind: StudyInterval? = nil,
      trueRefined: StudyInterval? = nil
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

  /// Seconds that everything took.
  package var seconds: Double
  /// Method to suite to section; accuracies are means over seeds.
  package var methods: [String: [String: ResultsFile.Sections]] = [:]
  /// The methods in the order asked for.
  package var order: [String] = []
  /// All seeds.
  package var seeds: [Int] = []
  /// Into how many parts the held-out pairs are divided, of which each seed is evaluated on one; `nil`:
  /// every seed on all pairs.
  package var parts: Int?
  /// What all data are drawn from, where a seed draws them.
  package var worldSeed: Int?
  /// What intervals are over.
  package var intervals = ""
  /// Each seed's accuracies.
  package var seedAccuracies: [SeedAccuracy] = []
  /// Every method beside the reference.
  package var differences: [Difference] = []
  /// Accuracy by number of critiques or votes.
  package var sampleCurves: [SampleCurve] = []
  /// The same by bins of pairs, as their number of steps.
  package var binnedCurves: [SampleCurve] = []
  /// Calibration.
  package var calibration: [CalibrationFigure] = []
  /// Tokens of a judgement.
  package var tokens: [TokenFigure] = []
  /// Accuracy by share of the training pairs.
  package var dataEfficiency: [DataPoint] = []
  /// Best-of-N.
  package var bestOf: [BestOf] = []
  /// Revisions.
  package var revisions: [RevisionFigure] = []
  /// What STaR learnt from.
  package var star: [StarIteration] = []
  /// What filters did.
  package var filters: [Filter] = []
  /// What the search tried.
  package var trials: [Study.Trial] = []
  /// The start model on validation pairs.
  package var startModel: [String: Double] = [:]
  /// The papers' claims.
  package var claims: [ClaimTable.Result] = []

  /// Makes results without figures.
  package init(seconds: Double) { self.seconds = seconds }

  enum CodingKeys: String, CodingKey {
    case seconds, methods, order, seeds, parts, intervals, differences, calibration, tokens,
      revisions
    case star, filters, trials, claims
    case worldSeed = "world_seed"
    case seedAccuracies = "seed_accuracies"
    case sampleCurves = "sample_curves"
    case binnedCurves = "binned_curves"
    case dataEfficiency = "data_efficiency"
    case bestOf = "best_of"
    case startModel = "start_model"
  }

  /// The accuracies alone.
  package var file: ResultsFile { ResultsFile(seconds: seconds, methods: methods) }

  /// The results as JSON with sorted keys.
  ///
  /// - Throws: `EncodingError` where a figure is not a finite number.
  package func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }
}
