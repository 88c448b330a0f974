// What a run needs before it starts: memory, disk and time, and whether that is there.

import AssayModel
import AssayRun
import AssayTensor
import Foundation

/// What one stage needs: a training, or the writing of texts.
package struct TrainingPlan: Encodable, Equatable, Sendable {
  /// The stage's name.
  package var stage: String
  /// Optimizer steps; none where texts are written.
  package var steps: Int
  /// How many texts are written; none where it trains.
  package var texts: Int
  /// Tokens of the largest part of a step, which are in memory together, or of the longest question with its text.
  package var partTokens: Int
  /// Bytes of the weights.
  package var weightBytes: Int
  /// Bytes of the gradients of what is trained.
  package var gradientBytes: Int
  /// Bytes of AdamW's two moments of it.
  package var momentBytes: Int
  /// Bytes of what lies between.
  package var activationBytes: Int
  /// Bytes of keys and values at most, where texts are written.
  package var cacheBytes: Int
  /// Bytes of the program, the tokenizer and the data.
  package var otherBytes: Int
  /// Bytes of the files that are in memory while the model is loaded.
  package var loadedBytes: Int
  /// Bytes of the weights while an adapter is merged and the model is saved.
  package var savingBytes: Int
  /// Bytes on the disk at most: checkpoints, the best weights, the model.
  package var diskBytes: Int
  /// Seconds of a step on average, from measured ones.
  package var stepSeconds: Double

  /// Makes a plan; see the properties.
  package init(
    stage: String,
    steps: Int = 0,
    texts: Int = 0,
    partTokens: Int,
    weightBytes: Int,
    gradientBytes: Int = 0,
    momentBytes: Int = 0,
    activationBytes: Int,
    cacheBytes: Int,
    otherBytes: Int,
    loadedBytes: Int,
    savingBytes: Int = 0,
    diskBytes: Int = 0,
    stepSeconds: Double = 0
  ) {
    self.stage = stage
    (self.steps, self.texts) = (steps, texts)
    self.partTokens = partTokens
    self.weightBytes = weightBytes
    self.gradientBytes = gradientBytes
    self.momentBytes = momentBytes
    self.activationBytes = activationBytes
    self.cacheBytes = cacheBytes
    self.otherBytes = otherBytes
    self.loadedBytes = loadedBytes
    self.savingBytes = savingBytes
    self.diskBytes = diskBytes
    self.stepSeconds = stepSeconds
  }

  /// Bytes of memory at most: while it computes, or while the model is loaded or saved.
  package var memoryBytes: Int {
    let working = weightBytes + gradientBytes + momentBytes + activationBytes + cacheBytes
    return otherBytes + max(working, weightBytes + loadedBytes, savingBytes)
  }

  /// Seconds of all steps.
  package var seconds: Double { Double(steps) * stepSeconds }

  private enum CodingKeys: String, CodingKey {
    case stage, steps, texts, seconds
    case partTokens = "part_tokens"
    case memoryBytes = "memory_bytes"
    case parts = "memory"
    case diskBytes = "disk_bytes"
    case stepSeconds = "step_s"
  }

  /// What the memory is for, by name.
  var parts: KeyValuePairs<String, Int> {
    [
      "weights": weightBytes, "gradients": gradientBytes, "moments": momentBytes,
      "activations": activationBytes, "cache": cacheBytes, "other": otherBytes,
    ]
  }

  /// Writes the figures and their sums.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(stage, forKey: .stage)
    try container.encode(steps, forKey: .steps)
    try container.encode(texts, forKey: .texts)
    try container.encode(partTokens, forKey: .partTokens)
    try container.encode(memoryBytes, forKey: .memoryBytes)
    try container.encode(Dictionary(uniqueKeysWithValues: parts.map { ($0, $1) }), forKey: .parts)
    try container.encode(diskBytes, forKey: .diskBytes)
    try container.encode(stepSeconds, forKey: .stepSeconds)
    try container.encode(seconds, forKey: .seconds)
  }
}

/// What a run needs, and what there is.
package struct RunPlan: Encodable, Equatable, Sendable {
  /// Its trainings, and the writing of texts before them, in their order.
  package var trainings: [TrainingPlan]
  /// How many processes of this machine need that memory, each.
  package var processes: Int
  /// Memory that they may have; `nil` where that cannot be told.
  package var allowedBytes: Int?
  /// Free bytes of the disk that the run folder is on; `nil` where that cannot be told.
  package var freeDiskBytes: Int?
  /// The settings that would make it fit, as `a.b=value`; none where it fits, or nothing is known that would.
  package var remedy: [String] = []
  /// Whether it would fit with moments that the processes share.
  package var wantsSharedMoments = false

  enum CodingKeys: String, CodingKey {
    case trainings, processes, remedy
    case wantsSharedMoments = "wants_shard_moments"
    case allowedBytes = "allowed_bytes"
    case freeDiskBytes = "free_disk_bytes"
  }

  /// Makes a plan.
  package init(
    trainings: [TrainingPlan],
    processes: Int = 1,
    allowedBytes: Int?,
    freeDiskBytes: Int?,
    remedy: [String] = []
  ) {
    self.trainings = trainings
    self.processes = processes
    self.allowedBytes = allowedBytes
    self.freeDiskBytes = freeDiskBytes
    self.remedy = remedy
  }

  /// The training with most memory.
  private var largest: TrainingPlan? { trainings.max { $0.memoryBytes < $1.memoryBytes } }

  /// Bytes on the disk of all trainings.
  package var diskBytes: Int { trainings.map(\.diskBytes).reduce(0, +) }

  /// Whether memory suffices.
  var fitsMemory: Bool {
    guard let allowedBytes, let largest else { return true }
    return processes * largest.memoryBytes <= allowedBytes
  }

  /// Why it cannot run, in one sentence with what to do; `nil` where it can.
  package var refusal: String? {
    if let allowedBytes, let largest, !fitsMemory {
      let options =
        (wantsSharedMoments ? ["--shard-moments"] : []) + remedy.map { "--set \($0)" }
      let hint =
        options.isEmpty
        ? "take a smaller model or a machine with more memory"
        : "it fits with " + options.joined(separator: " ")
      let each = processes > 1 ? " in each of \(processes) processes" : ""
      return "stage \(largest.stage) needs \(Self.size(largest.memoryBytes)) of memory\(each), and "
        + "\(Self.size(allowedBytes)) are there: \(hint)"
    }
    if let freeDiskBytes, diskBytes > freeDiskBytes {
      return
        "the run needs \(Self.size(diskBytes)) of disk, and \(Self.size(freeDiskBytes)) are free: "
        + "choose another --out, or fewer compute.kept_checkpoints"
    }
    return nil
  }

  /// A table of what each training needs, and what there is.
  package var text: String {
    var lines: [String] = []
    func add(_ name: String, _ value: String) {
      lines.append("  " + name.padding(toLength: 14, withPad: " ", startingAt: 0) + value)
    }
    for plan in trainings {
      lines.append(
        plan.texts > 0
          ? "\(plan.stage): \(plan.texts) texts, at most \(plan.partTokens) tokens each with its question"
          : "\(plan.stage): \(plan.steps) steps, at most \(plan.partTokens) tokens at once"
      )
      for (name, bytes) in plan.parts where bytes > 0 { add(name, Self.size(bytes)) }
      add("memory", Self.size(plan.memoryBytes))
      guard plan.steps > 0 else { continue }
      add("disk", Self.size(plan.diskBytes))
      add("time", "\(Self.duration(plan.seconds)), \(Self.duration(plan.stepSeconds)) a step")
    }
    let total = trainings.map(\.seconds).reduce(0, +)
    lines.append("all: \(Self.duration(total)) of training, \(Self.size(diskBytes)) of disk")
    if let allowedBytes {
      let each = processes > 1 ? ", for \(processes) processes as above" : ""
      lines.append("there: \(Self.size(allowedBytes)) of memory\(each)")
    }
    return lines.joined(separator: "\n")
  }

  /// Bytes as MiB or GiB.
  static func size(_ bytes: Int) -> String {
    let mebibytes = Double(bytes) / Double(1 << 20)
    return mebibytes < 1024
      ? String(format: "%.0f MiB", mebibytes) : String(format: "%.1f GiB", mebibytes / 1024)
  }

  private static func duration(_ seconds: Double) -> String {
    switch seconds {
    case ..<1: String(format: "%.0f ms", 1000 * seconds)
    case ..<120: String(format: "%.1f s", seconds)
    case ..<7200: String(format: "%.0f min", seconds / 60)
    default: String(format: "%.1f h", seconds / 3600)
    }
  }
}
