import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

/// A real model, where `assay pull smollm2` has brought it.
@Suite(
  .enabled(
    if: PulledModel.smolLM2.isPresent,
    "SmolLM2 is not in the cache: `assay pull smollm2` brings it"
  )
)
struct SmolLM2Tests {
  /// What Scripts/record_smollm2.py recorded.
  private struct Record: Decodable {
    struct Case: Decodable {
      let text: String
      let ids: [Int32]
      let tokens: [Int32]
      let logprobs: [Float]
      let written: String
    }
    let cases: [Case]
  }

  @Test("writes what transformers writes greedily, 20 texts of 60 tokens")
  func greedy() throws {
    let data = try Data(contentsOf: Fixture.folder("smollm2.json"))
    let cases = try JSONDecoder().decode(Record.self, from: data).cases
    #expect(cases.count == 20)
    let model = try Model.load(PulledModel.smolLM2.file)
    for one in cases {
      #expect(model.tokenizer.encode(one.text) == one.ids, "\(one.text)")
      #expect(model.tokenizer.decode(one.tokens, skipSpecialTokens: false) == one.written)
      // Each token is the likeliest behind those before it: then writing greedily gives them all.
      let count = one.tokens.count
      let batch = PackedBatch([one.ids + one.tokens.dropLast()])
      let rows = Tensor((0..<count).map { Int64(one.ids.count - 1 + $0) })
      let hidden = model.decoder(batch, rows: rows, training: false)
      let logits = model.decoder.logits(hidden, training: false).floats
      let width = logits.count / count
      for (index, token) in one.tokens.enumerated() {
        let row = logits[index * width..<(index + 1) * width]
        let largest = row.max() ?? .nan
        let sum = row.reduce(into: 0.0) { $0 += exp(Double($1 - largest)) }
        #expect(row.firstIndex(of: largest) == row.startIndex + Int(token), "\(one.text) \(index)")
        let difference = abs(Float(-log(sum)) - one.logprobs[index])
        #expect(difference < 1e-3, "\(one.text) \(index)")
      }
    }
  }
}
