import AssayBase
import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// Spells every id as two letters and a full stop at each multiple of 16, so that strings span ids.
struct LetterTokenizer: Tokenizer {
  let vocabularySize = 64

  private func spelling(_ id: Int32) -> String {
    let letters = Array("abcdefghijklmnop")
    return String([letters[Int(id) / 16 % 16], letters[Int(id) % 16]])
  }

  func encode(_ text: String) -> [Int32] { encodePlain(text) }

  func encodePlain(_ text: String) -> [Int32] {
    let letters = Array("abcdefghijklmnop")
    let values = text.compactMap { letters.firstIndex(of: $0) }
    return stride(from: 0, to: values.count - 1, by: 2).map {
      Int32(values[$0] * 16 + values[$0 + 1])
    }
  }

  func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
    ids.map(spelling).joined()
  }

  func id(of token: String) -> Int32? { encodePlain(token).first }
  var document: JSONValue { .null }
}

/// One byte a token: characters beyond ASCII span tokens.
struct ByteTokenizer: Tokenizer {
  let vocabularySize = 64
  let bytes: [UInt8]

  func encode(_ text: String) -> [Int32] { encodePlain(text) }

  func encodePlain(_ text: String) -> [Int32] {
    text.utf8.compactMap { byte in bytes.firstIndex(of: byte).map(Int32.init) }
  }

  func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
    String(decoding: ids.map { bytes[Int($0)] }, as: UTF8.self)
  }

  func id(of token: String) -> Int32? { encodePlain(token).first }
  var document: JSONValue { .null }
}

/// A small model with grouped heads and large weights, so that its choices are far apart.
func makeDecoder(dtype: DType = .float32, context: Int = 128) -> Decoder {
  var configuration = ModelConfiguration(
    hiddenSize: 48,
    layerCount: 3,
    headCount: 4,
    groupCount: 2,
    feedForwardSize: 80,
    vocabularySize: 64
  )
  configuration.contextTokens = context
  configuration.initializerRange = 0.2
  return Decoder(random: configuration, seed: 11, execution: Execution(dtype: dtype))
}

func makeHead() -> RewardHead { RewardHead(random: .cloud, hiddenSize: 48, seed: 5) }

func makePrompt(_ length: Int, seed: Int32 = 0) -> [Int32] {
  (0..<Int32(length)).map { ($0 &* 37 &+ seed &* 11 &+ $0 &* $0 &* 3) % 64 }
}

/// Logits of the last token, by reading the whole sequence.
func fullLogits(_ decoder: Decoder, _ tokens: [Int32]) -> [Float] {
  withoutGradients {
    let rows = Tensor([Int64(tokens.count - 1)])
    let hidden = decoder(PackedBatch([tokens]), rows: rows, training: false)
    return decoder.logits(hidden, training: false).to(.float32).floats
  }
}

/// The reward of the last token, by reading the whole sequence.
func fullReward(_ decoder: Decoder, _ head: RewardHead, _ tokens: [Int32]) -> Float {
  withoutGradients {
    let rows = Tensor([Int64(tokens.count - 1)])
    return head(decoder(PackedBatch([tokens]), rows: rows, training: false)).floats[0]
  }
}

func argmax(_ values: [Float]) -> Int32 {
  Int32(values.indices.max { values[$0] < values[$1] } ?? 0)
}
