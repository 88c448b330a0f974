// The element types of GGUF files, and how their blocks become float32.
//
// A quantized tensor is a row of blocks: a few scales, then small whole numbers in packed bits. d is
// a block's scale, m its minimum, q a number of few bits; a K type splits its block of 256 into
// groups whose scales are themselves small numbers.
//
// Source: github.com/ggml-org/llama.cpp, ggml/src/ggml-common.h (block layouts) and
// gguf-py/gguf/quants.py (`dequantize_blocks`), whose order of operations is kept: equal bit for bit.

/// An element type of a GGUF file; raw values are the format's.
enum GGUFType: UInt32, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q2K = 10
  case q3K = 11
  case q4K = 12
  case q5K = 13
  case q6K = 14
  case i32 = 26
  case i64 = 27
  case f64 = 28
  case bf16 = 30

  /// The format's name.
  var name: String {
    switch self {
    case .f32: "F32"
    case .f16: "F16"
    case .q4_0: "Q4_0"
    case .q4_1: "Q4_1"
    case .q5_0: "Q5_0"
    case .q5_1: "Q5_1"
    case .q8_0: "Q8_0"
    case .q2K: "Q2_K"
    case .q3K: "Q3_K"
    case .q4K: "Q4_K"
    case .q5K: "Q5_K"
    case .q6K: "Q6_K"
    case .i32: "I32"
    case .i64: "I64"
    case .f64: "F64"
    case .bf16: "BF16"
    }
  }

  /// The names of types that are known and not read, by the format's number.
  private static let others: [UInt32: String] = [
    9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL",
    21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 29: "IQ1_M", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4",
  ]

  /// What to call a type that is not read.
  static func name(ofUnsupported code: UInt32) -> String { others[code] ?? "number \(code)" }

  /// The type of plain elements, `nil` for quantized ones.
  var plain: DType? {
    switch self {
    case .f32: .float32
    case .f16: .float16
    case .bf16: .bfloat16
    case .f64: .float64
    case .i32: .int32
    case .i64: .int64
    default: nil
    }
  }

  /// Elements of one block.
  var blockCount: Int {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
    case .q2K, .q3K, .q4K, .q5K, .q6K: 256
    default: 1
    }
  }

  /// Bytes of one block.
  var blockBytes: Int {
    switch self {
    case .q4_0: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q2K: 84
    case .q3K: 110
    case .q4K: 144
    case .q5K: 176
    case .q6K: 210
    default: plain?.byteCount ?? 1
    }
  }

  /// Turns blocks of a quantized type into float32.
  ///
  /// - Parameters:
  ///   - source: `count` blocks of `blockBytes`.
  ///   - count: How many blocks.
  ///   - out: Room for `count * blockCount` numbers.
  /// - Precondition: The type is a quantized one.
  func dequantize(
    _ source: UnsafeRawPointer,
    count: Int,
    into out: UnsafeMutablePointer<Float>
  ) {
    let convert: (GGUFBlock, UnsafeMutablePointer<Float>) -> Void
    switch self {
    case .q4_0: convert = GGUFBlock.q4_0
    case .q4_1: convert = GGUFBlock.q4_1
    case .q5_0: convert = GGUFBlock.q5_0
    case .q5_1: convert = GGUFBlock.q5_1
    case .q8_0: convert = GGUFBlock.q8_0
    case .q2K: convert = GGUFBlock.q2K
    case .q3K: convert = GGUFBlock.q3K
    case .q4K: convert = GGUFBlock.q4K
    case .q5K: convert = GGUFBlock.q5K
    case .q6K: convert = GGUFBlock.q6K
    case .f32, .f16, .bf16, .f64, .i32, .i64:
      preconditionFailure("\(name) has no blocks")
    }
    for index in 0..<count {
      convert(GGUFBlock(source + index * blockBytes), out + index * blockCount)
    }
  }
}

/// One block of a quantized tensor.
struct GGUFBlock {
  private let bytes: UnsafePointer<UInt8>

  init(_ start: UnsafeRawPointer) { bytes = start.assumingMemoryBound(to: UInt8.self) }

  /// The half-precision number at a byte.
  private func half(_ offset: Int) -> Float {
    Float(Float16(bitPattern: UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8))
  }

  /// The 32 fifth bits that begin at a byte.
  private func bits(_ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
  }

  /// d, 16 bytes of two: `d (q - 8)`; the low halves are elements 0 to 15, the high ones the rest.
  static func q4_0(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (d, quants) = (block.half(0), block.bytes + 2)
    for index in 0..<16 {
      out[index] = d * Float(Int32(quants[index] & 15) - 8)
      out[index + 16] = d * Float(Int32(quants[index] >> 4) - 8)
    }
  }

  /// d, m, 16 bytes of two: `d q + m`.
  static func q4_1(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (d, m, quants) = (block.half(0), block.half(2), block.bytes + 4)
    for index in 0..<16 {
      out[index] = d * Float(quants[index] & 15) + m
      out[index + 16] = d * Float(quants[index] >> 4) + m
    }
  }

  /// d, 32 fifth bits, 16 bytes of two: `d (q - 16)`.
  static func q5_0(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (d, high, quants) = (block.half(0), block.bits(2), block.bytes + 6)
    for index in 0..<16 {
      let (low, top) = (high >> UInt32(index) & 1, high >> UInt32(index + 16) & 1)
      out[index] = d * Float(Int32(UInt32(quants[index] & 15) | low << 4) - 16)
      out[index + 16] = d * Float(Int32(UInt32(quants[index] >> 4) | top << 4) - 16)
    }
  }

  /// d, m, 32 fifth bits, 16 bytes of two: `d q + m`.
  static func q5_1(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (d, m) = (block.half(0), block.half(2))
    let (high, quants) = (block.bits(4), block.bytes + 8)
    for index in 0..<16 {
      let (low, top) = (high >> UInt32(index) & 1, high >> UInt32(index + 16) & 1)
      out[index] = d * Float(UInt32(quants[index] & 15) | low << 4) + m
      out[index + 16] = d * Float(UInt32(quants[index] >> 4) | top << 4) + m
    }
  }

  /// d, 32 signed bytes: `q d`.
  static func q8_0(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (d, quants) = (block.half(0), block.bytes + 2)
    for index in 0..<32 { out[index] = Float(Int8(bitPattern: quants[index])) * d }
  }

  /// 16 bytes of scale and minimum, 64 bytes of four, d, m: `(d s) q - m t` in groups of 16.
  static func q2K(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (scales, quants) = (block.bytes, block.bytes + 16)
    let (d, m) = (block.half(80), block.half(82))
    for group in 0..<16 {
      let (half, shift) = (group / 8, UInt8(group % 8 / 2 * 2))
      let (scale, minimum) = (d * Float(scales[group] & 15), m * Float(scales[group] >> 4))
      let from = quants + 32 * half + 16 * (group % 2)
      for index in 0..<16 {
        out[16 * group + index] = scale * Float(from[index] >> shift & 3) - minimum
      }
    }
  }

  /// 32 bytes of third bits, 64 bytes of four, 16 scales of 6 bits, d: `(d (s - 32)) q`, where q is
  /// 4 less without its third bit.
  static func q3K(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (high, quants, scales) = (block.bytes, block.bytes + 32, block.bytes + 96)
    let d = block.half(108)
    for group in 0..<16 {
      let (half, shift) = (group / 8, UInt8(group % 8 / 2 * 2))
      let low = group < 8 ? scales[group] & 15 : scales[group - 8] >> 4
      let top = scales[8 + group % 4] >> UInt8(group / 4 * 2) & 3
      let scale = d * Float(Int32(low | top << 4) - 32)
      let (bit, column) = (UInt8(group / 2), 16 * (group % 2))
      let from = quants + 32 * half + column
      for index in 0..<16 {
        let third = Int32(high[column + index] >> bit & 1)
        out[16 * group + index] = scale * Float(Int32(from[index] >> shift & 3) - 4 * (1 - third))
      }
    }
  }

  /// Scale and minimum of a group of 32, 6 bits each, of the 12 bytes that Q4_K and Q5_K have.
  private func scaleAndMinimum(_ group: Int) -> (scale: Float, minimum: Float) {
    let packed = bytes + 4
    guard group >= 4 else { return (Float(packed[group] & 63), Float(packed[group + 4] & 63)) }
    let (scaleTop, minimumTop) = (packed[group - 4] >> 6, packed[group] >> 6)
    return (
      Float(packed[group + 4] & 15 | scaleTop << 4), Float(packed[group + 4] >> 4 | minimumTop << 4)
    )
  }

  /// d, m, 8 scales and minima, 128 bytes of two: `(d s) q - m t` in groups of 32.
  static func q4K(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (d, m, quants) = (block.half(0), block.half(2), block.bytes + 16)
    for group in 0..<8 {
      let pair = block.scaleAndMinimum(group)
      let (scale, minimum) = (d * pair.scale, m * pair.minimum)
      let (from, shift) = (quants + 32 * (group / 2), UInt8(group % 2 * 4))
      for index in 0..<32 {
        out[32 * group + index] = scale * Float(from[index] >> shift & 15) - minimum
      }
    }
  }

  /// d, m, 8 scales and minima, 32 bytes of fifth bits, 128 bytes of two: `(d s) q - m t`.
  static func q5K(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (d, m) = (block.half(0), block.half(2))
    let (high, quants) = (block.bytes + 16, block.bytes + 48)
    for group in 0..<8 {
      let pair = block.scaleAndMinimum(group)
      let (scale, minimum) = (d * pair.scale, m * pair.minimum)
      let (from, shift) = (quants + 32 * (group / 2), UInt8(group % 2 * 4))
      for index in 0..<32 {
        let fifth = high[index] >> UInt8(group) & 1
        out[32 * group + index] = scale * Float(from[index] >> shift & 15 | fifth << 4) - minimum
      }
    }
  }

  /// 128 bytes of two, 64 bytes of four upper pairs of bits, 16 signed scales, d: `(d s) (q - 32)`.
  static func q6K(_ block: GGUFBlock, _ out: UnsafeMutablePointer<Float>) {
    let (low, high, scales) = (block.bytes, block.bytes + 128, block.bytes + 192)
    let d = block.half(208)
    for group in 0..<16 {
      let (half, row, column) = (group / 8, group % 8 / 2, 16 * (group % 2))
      let scale = d * Float(Int8(bitPattern: scales[group]))
      let (lows, lowShift) = (low + 64 * half + 32 * (row % 2) + column, UInt8(row / 2 * 4))
      let (highs, highShift) = (high + 32 * half + column, UInt8(row * 2))
      for index in 0..<16 {
        let q = lows[index] >> lowShift & 15 | (highs[index] >> highShift & 3) << 4
        out[16 * group + index] = scale * Float(Int32(q) - 32)
      }
    }
  }
}
