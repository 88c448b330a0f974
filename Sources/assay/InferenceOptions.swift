import ArgumentParser
import AssayModel
import AssayTensor
import AssayText
import Foundation

/// Options of commands that read or write text with a model on this machine.
struct InferenceOptions: ParsableArguments {
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var heads: HeadOptions

  @Option(
    help: """
      Memory for keys and values of texts that are written at once, in MiB; a text that needs more \
      is refused. Default: 1024.
      """
  )
  var cacheMib: Int?

  @Flag(
    help: """
      Render conversations with the nearest built-in chat template where the model's own cannot be \
      followed exactly: other tokens than it was trained on. Default: such conversations are refused.
      """
  )
  var approximateTemplate = false

  @Option(
    help: """
      What becomes of a special token's spelling in what people and models wrote: text keeps it text, \
      as-written reads the token, as transformers does. Default: text.
      """
  )
  var contentTokens = SequenceRenderer.ContentTokens.text

  func validate() throws {
    try Limit.check("--cache-mib", cacheMib, in: Limit.mebibytes)
  }

  /// Whether none of them is given.
  var isDefault: Bool {
    kernels.weights == .plain && !kernels.batchInvariant && cacheMib == nil
      && !approximateTemplate && contentTokens == .text && heads.head == nil
      && heads.question == nil
  }

  /// Loads a model as these options say.
  ///
  /// - Parameters:
  ///   - path: A model folder or a run folder.
  ///   - common: Type and device.
  /// - Returns: The model.
  /// - Throws: What loading throws, or `ValidationError` where the device cannot do it.
  func load(_ path: String, _ common: CommonOptions) throws -> Model {
    try load(try ModelPath.folder(path), common)
  }

  /// As `load(_:_:)`, of a model folder.
  func load(_ folder: URL, _ common: CommonOptions) throws -> Model {
    try loader(folder, common)()
  }

  /// What loads a model as these options say, on the thread that calls it.
  ///
  /// - Throws: `ValidationError` where the device cannot do it.
  func loader(
    _ folder: URL,
    _ common: CommonOptions,
    beside bases: SharedBases? = nil
  ) throws -> @Sendable () throws -> Model {
    let device = try kernels.device(common)
    let (dtype, kernels, cacheMib) = (common.dtype, kernels, cacheMib)
    let (approximateTemplate, contentTokens) = (approximateTemplate, contentTokens)
    let (choice, question) = (heads.choice, heads.question)
    return {
      let model = try Model.load(
        folder,
        dtype: dtype,
        device: device,
        approximateTemplate: approximateTemplate,
        choice: choice,
        question: question,
        beside: bases
      )
      kernels.apply(to: model)
      model.decoder.packForInference()
      try model.checkGolden(folder.path)
      if let cacheMib { model.cacheBytes = cacheMib << 20 }
      model.contentTokens = contentTokens
      return model
    }
  }
}

extension SequenceRenderer.ContentTokens: ExpressibleByArgument {}
