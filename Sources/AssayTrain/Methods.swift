/// All methods: the one list that `train`, `compare`, the help, the documentation and the tests read.
package enum Methods {
  /// The methods, in the order in which they are shown.
  package static let all: [any Method] = [
    PretrainMethod(),
    ClassicMethod(),
    ClassicCriticMethod(),
    RegressionMethod(),
    PairMethod(),
    UntrainedJudge.chain,
    UntrainedJudge.token,
    UntrainedCritic.plain,
    UntrainedCritic.meta,
    JudgeReplayMethod(),
    GenRMMethod(),
    StarMethod.sft,
    StarMethod.rationalizer,
    StarMethod.dpo,
    StarMethod.ipo,
    GRPOMethod(),
    CritiqueSFTMethod(),
    CloudMethod(),
    CriticRMMethod.rank,
    CriticRMMethod.summ,
  ]

  /// The names of all methods.
  package static var names: [String] { all.map(\.name) }

  /// The method of a name.
  package static func named(_ name: String) -> (any Method)? { all.first { $0.name == name } }
}
