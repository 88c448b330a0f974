// How a model is loaded, and how it writes.
import AssayGenerate
import AssayReward
import AssayTensor

/// How a model is loaded.
public struct LoadingOptions: Hashable, Sendable {
  /// Where it computes.
  public enum Processor: String, CaseIterable, Sendable {
    /// The processor.
    case cpu
    /// An NVIDIA GPU.
    case cuda
    /// An Apple GPU.
    case mps
  }

  /// What it computes in.
  public enum Precision: String, CaseIterable, Sendable {
    /// float32.
    case float32
    /// bfloat16: half the memory.
    case bfloat16
  }

  /// Where it computes.
  ///
  /// Default: the processor.
  public var processor = Processor.cpu
  /// What it computes in.
  ///
  /// Default: float32.
  public var precision = Precision.float32
  /// Memory for keys and values of texts that are written at once, in bytes.
  ///
  /// Default: 1 GiB.
  public var cacheBytes = 1 << 30
  /// What the score is, where the folder does not say it, as `assay score --head` spells it: `logit:0`.
  ///
  /// Default: what the folder says.
  public var head: String?

  /// Makes options of defaults.
  public init() {}

  var device: Device {
    switch processor {
    case .cpu: .cpu
    case .cuda: .cuda
    case .mps: .mps
    }
  }

  var dtype: DType { precision == .float32 ? .float32 : .bfloat16 }
}

/// How texts are drawn: critiques, judgements, completions.
///
/// What is drawn for an item is a function of its content, these settings and the seed alone.
public struct Sampling: Hashable, Sendable {
  /// Texts of each item; a judge writes half of them in each order.
  ///
  /// Default: what the call says.
  public var count: Int?
  /// Temperature; 0 is greedy.
  ///
  /// Default: greedy for one critique and two judgements, else warmer.
  public var temperature: Double?
  /// The most likely tokens that together have this probability are drawn from.
  ///
  /// Default: 0.95 for judgements, 1 for other texts.
  public var topP: Double?
  /// Tokens that a text may have.
  ///
  /// Default: what the model was trained for.
  public var maximumTokens: Int?
  /// Seed of the draws.
  ///
  /// Default: 0.
  public var seed: UInt64 = 0

  /// Makes settings of defaults.
  public init(count: Int? = nil, temperature: Double? = nil, seed: UInt64 = 0) {
    self.count = count
    self.temperature = temperature
    self.seed = seed
  }

  var critiques: CritiqueSettings {
    var settings = CritiqueSettings()
    settings.samples = count ?? 1
    settings.temperature =
      temperature.map(Float.init) ?? CritiqueSettings.usualTemperature(samples: settings.samples)
    settings.topP = topP.map(Float.init) ?? settings.topP
    settings.tokens = maximumTokens
    settings.seed = seed
    return settings
  }

  var judgements: JudgeSettings {
    var settings = JudgeSettings()
    settings.votes = count ?? 2
    settings.temperature = temperature.map(Float.init)
    settings.topP = topP.map(Float.init) ?? settings.topP
    settings.tokens = maximumTokens
    settings.seed = seed
    // As the commands and the server read letters.
    settings.letterMass = nil
    return settings
  }

  /// Throws where a setting cannot be used.
  func check() throws {
    guard (count ?? 1) > 0 else {
      throw AssayError("Sampling.count is \(count ?? 0): give at least 1.")
    }
    guard (temperature ?? 0) >= 0, (temperature ?? 0).isFinite else {
      throw AssayError("Sampling.temperature is \(temperature ?? 0): give at least 0.")
    }
    if let topP, !(topP > 0 && topP <= 1) {
      throw AssayError("Sampling.topP is \(topP): give a number above 0 and at most 1.")
    }
    guard (maximumTokens ?? 1) > 0 else {
      throw AssayError("Sampling.maximumTokens is \(maximumTokens ?? 0): give at least 1.")
    }
  }
}
