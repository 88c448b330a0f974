import AssayTensor
import AssayTestSupport
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
      // Narrow weights are cut finer than wide ones.
      (13, 64, 1100), (32, 96, 1040),
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

  @Test(
    "a weight that is not trained multiplies as it is kept, with the gradient of the rows",
    arguments: WeightFormat.allCases
  )
  func frozen(format: WeightFormat) throws {
    for (rows, inputs, outputs) in [(3, 40, 50), (70, 64, 130)] {
      let weight = rounded(numbers(outputs * inputs, 1), [outputs, inputs]).to(.float32)
      let packed = try #require(PackedWeight(weight, format: format))
      let kept = packed.unpacked(.float32)
      // Steps of 8 bits are a 127th of at most 1; of 4 bits an 8th, with a scale of 8 bits of precision.
      let bound: Float =
        switch format {
        case .plain: 0
        case .int8: 0.51 / 127
        case .int4: 1.02 / 8
        }
      let apart = zip(kept.floats, weight.floats).map { abs($0 - $1) }.max()
      #expect(kept.shape == [outputs, inputs] && (apart ?? 1) <= bound)
      let x = Tensor(numbers(rows * inputs, 3), [rows, inputs])
      let slopes = Tensor(numbers(rows * outputs, 4), [rows, outputs])
      x.setRequiresGradientInPlace()
      let product = packed.frozen(x)
      (product * slopes).sum().backward()
      expectClose(product.floats, linear(x.detached(), kept).floats, relative: 1e-5, absolute: 1e-5)
      let wanted = slopes.matmul(kept).floats
      expectClose(x.gradient?.floats ?? [], wanted, relative: 1e-5, absolute: 1e-5)
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
        let all = packed(Tensor(values, [50, inputs]), kernels: kernel, isBatchInvariant: true)
          .floats
        for count in [1, 2, 15, 31] {
          let first = 50 - count
          let part = packed(
            Tensor(Array(values[(first * inputs)...]), [count, inputs]),
            kernels: kernel,
            isBatchInvariant: true
          ).floats
          #expect(part == Array(all[(first * outputs)...]), "\(kernel) \(format) \(count)")
        }
      }
    }
  }

  /// Which of the kernels multiply in whole numbers.
  private let integerKernels = PackedWeight.kernels.filter { ["avx512_vnni", "amx"].contains($0) }

  @Test("whole numbers lose less than bfloat16 does, and give the same bits with every kernel")
  func integers() throws {
    let (inputs, outputs, rows) = (160, 70, 8)
    let weight = Tensor(numbers(outputs * inputs, 4), [outputs, inputs])
    let x = Tensor(numbers(rows * inputs, 5), [rows, inputs])
    let unit = Tensor(
      (0..<inputs * inputs).map { $0 % (inputs + 1) == 0 ? Float(1) : 0 },
      [inputs, inputs]
    )
    for format in [WeightFormat.int8, .int4] {
      let packed = try #require(PackedWeight(weight, format: format))
      var first: [Float]?
      for kernel in integerKernels {
        // The weight as it is kept: unit vectors read its columns.
        let columns = packed(unit, kernels: kernel, isBatchInvariant: true).floats
        let kept = (0..<outputs * inputs).map { columns[$0 % inputs * outputs + $0 / inputs] }
        let actual = packed(x, kernels: kernel).floats
        let wanted = expected(x, kept, [Float](repeating: 0, count: outputs), inputs: inputs)
        // Half of 1/32639 of a number below 1 and a weight below 1.2, 160 times.
        #expect(zip(actual, wanted).allSatisfy { abs($0 - $1) < 160 * 1.2 / 65278 })
        #expect(actual == first ?? actual, "\(kernel) \(format)")
        first = actual
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
        // Rounding both to bfloat16 moves each of 192 products by 2^-8 of 1/3 or so, both ways.
        #expect(zip(best, other).allSatisfy { abs($0 - $1) < 0.1 }, "\(format) \(kernel)")
      }
      // int8 keeps a scale and a sum of each output beside; int4 half a scale for 16 numbers.
      let bits = format == .int8 ? 8.0 : 4.5
      #expect(Double(packed.byteCount) < Double(values.count) * bits / 8 + 8 * 80 + 1)
    }
  }

  @Test(
    "int4 gives the same with few rows and with many, but for rounding",
    arguments: [12, 40, 130]
  )
  func manyRows(rows: Int) throws {
    // One group of inputs more than whole tiles have, and outputs that fill no panel.
    let (inputs, outputs) = (352, 90)
    let weight = Tensor(numbers(outputs * inputs, 11), [outputs, inputs])
    let packed = try #require(PackedWeight(weight, format: .int4))
    // Rows that bfloat16 holds exactly.
    let x = rounded(numbers(rows * inputs, 12), [rows, inputs]).to(.float32)
    let bias = numbers(outputs, 13)
    let unit = Tensor(
      (0..<inputs * inputs).map { $0 % (inputs + 1) == 0 ? Float(1) : 0 },
      [inputs, inputs]
    )
    let columns = packed(unit, kernels: "portable").floats
    let kept = (0..<outputs * inputs).map { columns[$0 % inputs * outputs + $0 / inputs] }
    let wanted = expected(x, kept, bias, inputs: inputs)
    for kernel in PackedWeight.kernels {
      let actual = packed(x, bias: Tensor(bias), kernels: kernel).floats
      // Weights below 1.2 round to bfloat16 where the kernel has nothing better: 2^-9 of each, and
      // errors of 352 products with numbers below 1 add up as a random walk does.
      let distance = zip(actual, wanted).map { abs($0 - $1) }.max() ?? .infinity
      #expect(distance < 0.06, "\(kernel): \(distance)")
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
