/// How a reward model's scores come of its hidden states: data, which a `HeadLayout` reads off a folder.
///
/// The hidden states at the places that `position` names go through `layers`, or are multiplied with
/// rows of the output embedding; `reading` makes numbers of what comes out, `normalizer` and `isCost`
/// the score.
package struct HeadDescriptor: Equatable, Sendable {
  /// What follows a linear layer.
  package enum Activation: String, Sendable {
    /// Nothing.
    case none
    /// `max(x, 0)`.
    case relu
    /// `max(x, 0.01 x)`.
    case leakyReLU = "leaky ReLU"
    /// `1.0507 x` above zero, `1.7581 (exp(x) - 1)` below.
    case selu = "SELU"
    /// The hyperbolic tangent.
    case tanh
    /// `x (1 + erf(x / sqrt(2))) / 2`.
    case gelu
  }

  /// A linear layer, `[rows, columns]` in the checkpoint, and what follows it.
  package struct Layer: Equatable, Sendable {
    /// What its weights' names begin with, before `.weight` and `.bias`.
    var name: String
    /// Numbers that come out.
    var rows: Int
    /// Numbers that go in.
    var columns: Int
    /// Whether there is a bias.
    var hasBias = false
    /// What follows.
    var activation = Activation.none
    /// Whether it reads two hidden states at once: its rows for the first, and below them those for the
    /// second, are multiplied with each, to be added up.
    var isSplit = false
    /// The name of a batch norm behind the activation, of which the running statistics are used.
    var norm: String?
  }

  /// How attributes are weighed for each text.
  package struct Gate: Equatable, Sendable {
    /// From a hidden state to a number an attribute.
    var layers: [Layer]
    /// Divides the numbers before the softmax.
    var temperature = 1.0
    /// Whether the weights are a softmax; otherwise they are the numbers themselves.
    var isSoftmax = true
    /// The weight that multiplies all of them, `[1]`.
    var scale: String?
    /// The matrix that attributes are multiplied with, `[A, A]`.
    var transform: String?
    /// The text whose last occurrence begins where the gate reads; `nil` reads where the head does.
    var pattern: String?
  }

  /// What is made of the rows at a place.
  package enum Reading: Equatable, Sendable {
    /// One of them.
    case row(Int)
    /// One less another.
    case difference(Int, Int)
    /// One's share of the softmax over all.
    case softmax(Int)
    /// The sigmoid of the first.
    case sigmoid
    /// The mean of the ratings from this one on, each as likely as the softmax over all rows says; the
    /// standard deviation stands beside it.
    case expected(first: Int)
    /// The mean of all, which are heads that learnt apart; their standard deviation stands beside it.
    case mean
    /// Attributes, the mean over so many quantiles each, which a gate weighs.
    case gated(Gate, quantiles: Int)
    /// Attributes, the mean and the deviation of a normal distribution each, whose means a gate weighs.
    case normals(Gate)
    /// How much better one response is than the other: the rows of the prompt and of each response, added
    /// up, go through tanh and this layer; its first mean less its second one.
    case compared(Layer)
    /// A distribution over so many levels from 0 to 1 an attribute; the mean level of the distribution
    /// that a gate mixes of them.
    case levels(Gate, count: Int)
  }

  /// Where a text has a prompt and two responses, by the tokens that stand before them.
  package struct Compared: Equatable, Sendable {
    /// Before the prompt.
    package var source: Int32
    /// Before the response that is A.
    package var first: Int32
    /// Before the other one.
    package var second: Int32
  }

  /// Mean and variance that scores are measured in.
  package struct Normalizer: Equatable, Sendable {
    /// Subtracted; 0 where scores are only scaled.
    var mean: Double
    /// The square of what they are divided by.
    var variance: Double

    /// `(x - mean) / (sqrt(variance) + 1e-8)`.
    func callAsFunction(_ x: Double) -> Double { (x - mean) / (variance.squareRoot() + 1e-8) }
  }

  /// What the layout is called.
  package var layout: String
  /// From a hidden state to the rows; none where rows of the output embedding are read.
  package var layers: [Layer] = []
  /// The ids whose logits are the rows; empty where `layers` make them.
  package var vocabulary: [Int32] = []
  /// Where hidden states are read.
  package var position = HeadPosition.last
  /// What is made of the rows.
  package var reading = Reading.row(0)
  /// What the number is measured in.
  package var normalizer: Normalizer?
  /// Whether less is better: the score is minus the number, which is given beside it.
  package var isCost = false
  /// Names of the attributes that stand beside the score, as many as the reading has.
  package var attributes: [String] = []
  /// Whether the model writes text as well.
  package var needsLanguageModel = false

  /// Numbers that the rows and the gate have together at a place.
  var width: Int {
    rowCount + (gate?.layers.last?.rows ?? 0)
  }

  /// Rows at a place.
  var rowCount: Int { layers.last?.rows ?? vocabulary.count }

  /// The gate, where there is one.
  var gate: Gate? {
    switch reading {
    case .gated(let gate, _), .levels(let gate, _), .normals(let gate): gate
    default: nil
    }
  }

  /// Heads whose mean is the score; 1 where there is one number.
  package var heads: Int { reading == .mean ? rowCount : 1 }

  /// Whether each of several steps is scored, and the score is the lowest.
  package var scoresSteps: Bool { position.isStepwise }

  /// Whether a standard deviation stands beside the score.
  package var hasDeviation: Bool {
    switch reading {
    case .mean, .expected: true
    default: false
    }
  }

  /// Whether a score is a rating, whose differences are no log-odds.
  package var isRating: Bool {
    if case .expected = reading { true } else { false }
  }

  /// Whether a score is from 0 to 1.
  package var isProbability: Bool {
    switch reading {
    case .softmax, .sigmoid: normalizer == nil && !isCost
    default: false
    }
  }

  /// One line for people: what is read where, and what is made of it.
  package var summary: String {
    (["\(source) at \(position)", reading.description] + ends).joined(separator: "; ")
  }

  /// The layers, or the ids whose logits are read, for people.
  package var source: String {
    guard vocabulary.isEmpty else {
      return "logits of the ids \(vocabulary.map(String.init).joined(separator: ", "))"
    }
    return layers.map { layer in
      let next = layer.activation == .none ? "" : ", \(layer.activation.rawValue)"
      return "\(layer.name) [\(layer.rows), \(layer.columns)]" + next
    }.joined(separator: ", ")
  }

  private var ends: [String] {
    (normalizer == nil ? [] : ["normalized"]) + (isCost ? ["a cost: the score is minus it"] : [])
  }
}

extension HeadDescriptor.Reading: CustomStringConvertible {
  /// What is made of the rows, for people.
  package var description: String {
    switch self {
    case .row(let row): "row \(row)"
    case .difference(let first, let second): "row \(first) less row \(second)"
    case .softmax(let row): "softmax of row \(row)"
    case .sigmoid: "sigmoid"
    case .mean: "mean of all rows"
    case .expected(let first): "mean of the ratings from \(first) on"
    case .gated(_, let quantiles):
      quantiles > 1 ? "attributes of \(quantiles) quantiles, gated" : "attributes, gated"
    case .compared: "the first response less the second"
    case .normals: "means of attributes, gated"
    case .levels(_, let count): "mean of \(count) levels, gated"
    }
  }
}

extension HeadDescriptor {
  /// A row for each of several heads: `score`, the layout of sequence classification, as we train it.
  static func linear(hiddenSize: Int, heads: Int = 1) -> HeadDescriptor {
    HeadDescriptor(
      layout: "linear",
      layers: [Layer(name: "score", rows: heads, columns: hiddenSize)],
      reading: heads > 1 ? .mean : .row(0)
    )
  }

  /// An encoder's: `Linear(D, D)`, GELU, `Linear(D, 1)` at the first token, with biases.
  static func pooled(hiddenSize D: Int) -> HeadDescriptor {
    HeadDescriptor(
      layout: "pooled",
      layers: [
        Layer(name: "pooler.dense", rows: D, columns: D, hasBias: true, activation: .gelu),
        Layer(name: "classifier", rows: 1, columns: D, hasBias: true),
      ],
      position: .first
    )
  }

  /// CLoud's: `Linear(D, D)`, tanh, `Linear(D, 1)`, with biases.
  static func cloud(hiddenSize D: Int) -> HeadDescriptor {
    HeadDescriptor(
      layout: "cloud",
      layers: [
        Layer(
          name: "reward_head.dense",
          rows: D,
          columns: D,
          hasBias: true,
          activation: .tanh
        ),
        Layer(name: "reward_head.out_proj", rows: 1, columns: D, hasBias: true),
      ],
      needsLanguageModel: true
    )
  }
}
