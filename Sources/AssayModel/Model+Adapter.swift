// Training an adapter in place of a decoder's weights.

import AssayBase
import AssayTensor
import AssayText
import Foundation

extension Model {
  /// Has products of low rank trained in place of the decoder's weights, which stay as they are.
  ///
  /// - Parameters:
  ///   - options: How they are made.
  ///   - base: The folder that the model was loaded from.
  ///   - seed: Their random numbers are a function of it.
  /// - Throws: `ModelError.lacks` where a target is no layer of the model.
  package func addAdapter(_ options: LowRankOptions, beside base: URL, seed: UInt64) throws {
    let known = decoder.weights.lowRankTargets
    if let unknown = options.targets.first(where: { !known.contains($0) }) {
      throw ModelError.lacks(
        path: base.path,
        part: "layer \(unknown)",
        hint: "an adapter's targets are of " + known.joined(separator: ", ")
      )
    }
    decoder.weights.addLowRank(options, seed: seed)
    adapter = AdapterTraining(options: options, base: base)
  }

  /// Keeps the blocks' weights, beside which an adapter is trained, in few bits; what is learnt is merged into those
  /// of the folder.
  ///
  /// - Parameter format: How they are kept; plain leaves them as they are.
  package func freezeBase(_ format: WeightFormat) {
    guard format != .plain, adapter != nil else { return }
    adapter?.isPacked = true
    decoder.weights.freeze(format)
  }

  /// Writes the adapter under training as PEFT reads it, and merges it into the weights.
  ///
  /// The head goes along whole, with the tokenizer, the template and golden scores of the merged model.
  /// Without an adapter nothing is done.
  ///
  /// - Parameter folder: The folder; made where it does not exist.
  /// - Throws: `TensorError.cannotWrite`, `TextError`, `ModelError`; what reading the base again throws, where it was
  ///   kept in few bits.
  ///
  /// Source: `peft` `tuners/lora/config.py`, `utils/save_and_load.py`.
  package func mergeAdapter(writingTo folder: URL) throws {
    guard let adapter else { return }
    let classifies = head?.kind == .linear && !manifest.kind.writes
    let own = (classifies ? ["score"] : []).map { JSONValue.string($0) }
    let layers = decoder.weights.lowRank.flatMap { $0.parts.filter { $0.trained != nil } }
    let targets = Set(layers.compactMap { $0.layer.split(separator: ".").last.map(String.init) })
    let options = adapter.options
    let config = JSONValue.object([
      JSONMember("peft_type", .string("LORA")),
      JSONMember("task_type", .string(classifies ? "SEQ_CLS" : "CAUSAL_LM")),
      JSONMember("base_model_name_or_path", .string(adapter.base.standardizedFileURL.path)),
      JSONMember("r", .number("\(options.rank)")),
      JSONMember("lora_alpha", .number("\(options.alpha)")),
      JSONMember("lora_dropout", .number("0.0")),
      JSONMember("bias", .string("none")),
      JSONMember("use_rslora", .bool(options.isRankStabilized)),
      JSONMember("use_dora", .bool(options.hasMagnitudes)),
      JSONMember("target_modules", .array(targets.sorted().map { .string($0) })),
      JSONMember("modules_to_save", own.isEmpty ? .null : .array(own)),
      JSONMember("fan_in_fan_out", false),
      JSONMember("inference_mode", true),
    ])
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw TensorError.cannotWrite(file: folder.path, reason: error.fileReason)
    }
    try TextFile.write(
      Array((config.pretty + "\n").utf8),
      to: folder.appendingPathComponent(Adapter.fileName)
    )
    let weights = trained.map { parameter in
      (
        name: Adapter.prefix + parameter.name,
        tensor: withoutGradients { parameter.value.detached().to(.cpu).contiguous() }
      )
    }
    try Safetensors.writeFolder(weights, to: folder, name: "adapter_model")
    if adapter.isPacked {
      let base = try Model.loadWeights(adapter.base, dtype: nil, device: decoder.device)
      decoder.weights.unpack(as: base.decoder.weights)
    }
    decoder.weights.mergeLowRank()
    self.adapter = nil
    try Adapter.writeCompanions(of: self, to: folder)
  }
}
