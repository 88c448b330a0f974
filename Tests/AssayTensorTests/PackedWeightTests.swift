import AssayTensor
import Testing

@Suite struct PackedWeightTests {
  /// Numbers that look random, in [-1, 1).
  private func numbers(_ count: Int, _ seed: UInt64) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 33)) / Float(1 << 30) - 1
    }
  }

  private func rounded(_ values: [Float], _ shape: [Int]) -> Tensor {
    Tensor(values, shape).to(.bfloat16)
  }

  /// Sums in double precision, of numbers as they are after rounding to bfloat16.
  private func expected(_ x: Tensor, _ weight: [Float], _ bias: [Float], inputs: Int) -> [Float] {
    let rows = x.to(.float32).floats
    return (0..<rows.count / inputs).flatMap { n in
      bias.indices.map { o in
        var sum = Double(bias[o])
        for i in 0..<inputs {
          sum += Double(rows[n * inputs + i]) * Double(weight[o * inputs + i])
        }
        return Float(sum)
      }
    }
  }

  @Test("gives the product with every kernel of this processor", arguments: PackedWeight.kernels)
  func product(kernel: String) throws {
    for (rows, inputs, outputs) in [
      (1, 32, 16), (3, 64, 48), (16, 96, 64), (17, 40, 50), (33, 129, 70), (70, 64, 130),
    ] {
      let weight = rounded(numbers(outputs * inputs, 1), [outputs, inputs])
      let bias = numbers(outputs, 2)
      let x = rounded(numbers(rows * inputs, 3), [rows, inputs]).to(.float32)
      let packed = try #require(PackedWeight(weight))
      let actual = packed(x, bias: Tensor(bias), kernels: kernel).floats
      let wanted = expected(x, weight.to(.float32).floats, bias, inputs: inputs)
      let distance = zip(actual, wanted).map { abs($0 - $1) }.max() ?? .infinity
      #expect(actual.count == rows * outputs)
      #expect(distance < 1e-4, "\(rows) rows, \(inputs) inputs, \(outputs) outputs: \(distance)")
    }
  }

  @Test("a row's product is the same bit for bit whatever rows are beside it")
  func invariance() throws {
    let (inputs, outputs) = (160, 90)
    let weight = Tensor(numbers(outputs * inputs, 4), [outputs, inputs])
    let values = numbers(50 * inputs, 5)
    for format in WeightFormat.allCases {
      let packed = try #require(PackedWeight(weight, format: format))
      for kernel in PackedWeight.kernels {
        let all = packed(Tensor(values, [50, inputs]), kernels: kernel).floats
        for count in [1, 2, 15, 31] {
          let first = 50 - count
          let part = packed(
            Tensor(Array(values[(first * inputs)...]), [count, inputs]),
            kernels: kernel
          ).floats
          #expect(part == Array(all[(first * outputs)...]), "\(kernel) \(format) \(count)")
        }
      }
    }
  }

  @Test("all kernels agree on quantized weights, which are as near as their bits allow")
  func quantized() throws {
    let (inputs, outputs, rows) = (192, 80, 5)
    let values = numbers(outputs * inputs, 6)
    let weight = Tensor(values, [outputs, inputs])
    // One row a unit vector reads a column of the weight back.
    let unit = Tensor(
      (0..<rows * inputs).map { $0 % inputs == 7 * ($0 / inputs) ? Float(1) : 0 },
      [rows, inputs]
    )
    for (format, bound) in [(WeightFormat.int8, Float(1) / 254), (.int4, Float(1) / 7.9)] {
      let packed = try #require(PackedWeight(weight, format: format))
      let read = packed(unit).floats
      for row in 0..<rows {
        for output in 0..<outputs {
          let (value, actual) = (values[output * inputs + 7 * row], read[row * outputs + output])
          #expect(abs(value - actual) <= bound * 1.02, "\(format) \(value) \(actual)")
        }
      }
      let x = Tensor(numbers(rows * inputs, 8), [rows, inputs])
      let best = packed(x).floats
      for kernel in PackedWeight.kernels {
        let other = packed(x, kernels: kernel).floats
        #expect(zip(best, other).allSatisfy { abs($0 - $1) < 1e-3 }, "\(format) \(kernel)")
      }
      // int8 keeps its scales beside; int4 one for 32 numbers.
      let bits = format == .int8 ? 8.0 : 5.0
      #expect(Double(packed.byteCount) < Double(values.count) * bits / 8 + 4 * 80 + 1)
    }
  }

  @Test("a weight of zeros, and rows of zeros, give zeros and the bias")
  func zeros() throws {
    for format in WeightFormat.allCases {
      let packed = try #require(
        PackedWeight(Tensor([Float](repeating: 0, count: 64 * 20), [20, 64]), format: format)
      )
      let bias = numbers(20, 9)
      #expect(packed(Tensor(numbers(128, 10), [2, 64]), bias: Tensor(bias)).floats == bias + bias)
    }
  }
}
