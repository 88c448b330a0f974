import AssayBase

/// What llama.cpp's converter makes of an architecture.
///
/// Source: github.com/ggml-org/llama.cpp, convert_hf_to_gguf.py.
struct GGUFForm: Sendable {
  /// Its name there, where that is not `model_type` without marks.
  var name: String?
  /// `model_type` of the architecture whose layout it takes.
  var modelType: String?
  /// Whether the rows of queries and keys are put into another order.
  var permutesHeads = false
  /// Keys of `config.json` that the file does not say, by those that it says.
  var unsaid: @Sendable (ConfigFile) throws -> [JSONMember] = { _ in [] }
}

/// What tells one architecture from the others: its names, its keys, its weights.
///
/// A new one is a file of this folder and a place in `all`.
package struct Architecture: Equatable, Sendable {
  /// `model_type` of its `config.json`.
  package let modelType: String
  /// What its class names begin with, before `ForCausalLM` and `ForSequenceClassification`.
  let className: String
  /// What the class of its sequence classifier begins with, where that is not `className`.
  var classifierName: String?
  /// `model_type` of models that read more than text, and have this one as `text_config`.
  var wrapperType: String?
  /// Names of its weights.
  let weights: WeightMap
  /// Keys with what they are where the file does not say, beyond those that all share.
  var defaults: [JSONMember] = []
  /// Reads its keys beyond those that all share, and refuses what is not computed.
  let read: @Sendable (ConfigFile, inout ModelConfiguration) throws -> Void
  /// Keys to write beyond those that all share.
  let members: @Sendable (ModelConfiguration) -> [JSONMember]
  /// What llama.cpp's converter makes of it.
  var gguf = GGUFForm()

  /// Whether it is an encoder: each token sees all others, and no text can be written.
  package var isEncoder: Bool { weights.encoder != nil }

  /// All that can be read.
  package static let all: [Architecture] = [
    .debertaV2, .gemma, .gemma2, .gemma3, .granite, .internlm2, .llama, .mistral, .mixtral, .olmo2,
    .phi3,
    .qwen2, .qwen3, .qwen3MoE, .smollm3,
  ]

  /// The architecture of a configuration, by its `model_type`, else by its class.
  ///
  /// - Parameter file: The configuration.
  /// - Returns: One of `all`.
  /// - Throws: `ModelError.configuration` where it is none of `all`, or where it does not say.
  static func named(in file: ConfigFile) throws -> Architecture {
    let known = all.map(\.modelType).joined(separator: ", ")
    let (type, name) = (try file.string("model_type"), try file.strings("architectures")?.first)
    if let type {
      guard let found = all.first(where: { $0.modelType == type || $0.wrapperType == type }) else {
        throw file.wrong("model_type", "\(type) is not supported; known are \(known)")
      }
      return found
    }
    guard let name else {
      throw file.wrong("model_type", "is missing, and architectures too; known are \(known)")
    }
    guard let found = all.first(where: { name.hasPrefix($0.className + "For") }) else {
      throw file.wrong("architectures", "\(name) is not supported; known are \(known)")
    }
    return found
  }

  /// Whether two are the same.
  package static func == (a: Architecture, b: Architecture) -> Bool { a.modelType == b.modelType }
}
