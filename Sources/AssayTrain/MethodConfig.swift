import AssayRun

/// The settings of a recipe of one method: which there are depends on the method.
struct MethodConfig: RecipeSection {
  /// The method's name.
  var method = ""
  /// The model to start from: its folder, or a run folder.
  var model = ""
  /// A file of conversations: lines `{"messages": [...]}` or `{"text": ...}`.
  var corpus = ""
  /// What is learnt from, and the suites.
  var data = DataSection()
  /// The suites, where nothing is learnt.
  var suites = SuiteSection()
  /// Where and how it computes.
  var compute = ComputeSection()
  /// What is read again while it learns.
  var replay = ReplaySection()
  /// The method's own settings.
  var settings = MethodSettings()
  /// How its model is evaluated.
  var evaluation = EvaluationSection()

  /// Makes the settings of no method.
  init() {}

  /// Makes the defaults of a method.
  init(_ method: any Method) { self.method = method.name }

  private enum Part: String {
    case method, model, corpus, data, compute, replay, evaluation

    var key: RecipeKey { RecipeKey(rawValue) }
  }

  /// Writes the settings that the method has.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: RecipeKey.self)
    try container.encode(method, forKey: Part.method.key)
    guard let kind = Methods.named(method) else { return }
    let learnt = kind.data(settings)
    if learnt == .corpus {
      try container.encode(corpus, forKey: Part.corpus.key)
    } else {
      try container.encode(model, forKey: Part.model.key)
      if learnt == .none {
        try container.encode(suites, forKey: Part.data.key)
      } else {
        try container.encode(data, forKey: Part.data.key)
      }
    }
    try container.encode(compute, forKey: Part.compute.key)
    if learnt != .corpus, learnt != .none {
      try container.encode(replay, forKey: Part.replay.key)
    }
    try settings.encode(kind.sections, isShared: false, to: encoder)
    if kind.givesPreferences { try container.encode(evaluation, forKey: Part.evaluation.key) }
  }

  /// Reads the settings that the method has.
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: RecipeKey.self)
    func read<Value: Decodable>(_ value: inout Value, _ part: Part) throws {
      if let found = try container.decodeIfPresent(Value.self, forKey: part.key) { value = found }
    }
    try read(&method, .method)
    try read(&model, .model)
    try read(&corpus, .corpus)
    try read(&compute, .compute)
    try read(&replay, .replay)
    try read(&evaluation, .evaluation)
    guard let kind = Methods.named(method) else { return }
    settings = try MethodSettings(kind.sections, isShared: false, from: decoder)
    if kind.data(settings) == .none { try read(&suites, .data) } else { try read(&data, .data) }
  }

  /// Reports settings that cannot be used.
  func validate(_ checks: inout RecipeChecks) {
    let learnt = Methods.named(method)?.data(settings)
    checks.require(
      learnt == .corpus || !model.isEmpty,
      "model",
      "the folder of the model to start from"
    )
    checks.require(
      learnt != .corpus || !corpus.isEmpty,
      "corpus",
      "the path of a file of conversations"
    )
    let reads = Methods.named(method)?.readsWindows ?? false
    checks.require(
      data.window == 0 || reads,
      "data.window",
      "0: this method reads its data whole before it learns"
    )
    checks.require(
      data.window == 0 || compute.steps != nil,
      "compute.steps",
      "a number of steps beside `data.window`: how many pairs there are is not known before"
    )
    let holdsOut = data.validation != nil || data.heldOut > 0
    let watches = Methods.named(method)?.watchesHeldOut ?? false
    checks.require(
      evaluation.every == 0 || watches,
      "evaluation.every",
      "0: this method does not look at held-out items while it learns"
    )
    checks.require(
      evaluation.every == 0 || !watches || holdsOut,
      "evaluation.every",
      "0, or beside it `data.validation` or `data.held_out`, which say what is looked at"
    )
    checks.require(
      evaluation.every > 0 || !holdsOut,
      "evaluation.every",
      "a number of steps: `data` holds items out that would not be looked at"
    )
    checks.require(
      compute.adapter.rank == 0 || (learnt != .corpus && learnt != MethodData.none),
      "compute.adapter.rank",
      "0: this method trains no model that is there"
    )
  }
}
