import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct BenchCommandTests {
  @Test("bench generate counts new tokens over the whole time, and takes other lengths")
  func generate() throws {
    let result = try assay(
      "bench",
      "generate",
      "--shape",
      "s",
      "--prompts",
      "2",
      "--samples",
      "3",
      "--prompt-tokens",
      "300",
      "--new-tokens",
      "5",
      "--repeats",
      "1"
    )
    result.expect(0)
    let line = try #require(try result.objects().first)
    #expect(line["bench"] as? String == "generate")
    #expect(line["dtype"] as? String == "f32")
    #expect(line["prompt_tokens"] as? Int == 300)
    #expect(line["new_tokens"] as? Int == 5)
    let seconds = try #require(line["seconds"] as? Double)
    let rate = try #require(line["tokens_per_s"] as? Double)
    // 2 prompts x 3 samples x 5 tokens; the rate is rounded to a tenth, seconds to a millionth.
    #expect(abs(rate * seconds - 30) <= 0.06 * seconds + 1e-6 * rate)
  }

  @Test("bench score says how much arithmetic the scores need")
  func score() throws {
    let result = try assay("bench", "score", "--shape", "s", "--batch", "3", "--repeats", "1")
    result.expect(0)
    let line = try #require(try result.objects().first)
    #expect(line["bench"] as? String == "score")
    #expect(line["text_tokens"] as? Int == 96)
    // A text of T = 96 with D = H K = G K = 128, F = 512 and 4 layers: three blocks of
    // 96 (128 384 + 128 128 + 3 128 512) + 96 97 128 = 26357760; in the last one keys and values
    // 96 128 256, and for the scored token 128 128 + 2 96 128 + 128 128 + 3 128 512, in all
    // 3399680; and the head's 128.
    let multiplyAdds = try #require(line["multiply_adds"] as? Int)
    #expect(multiplyAdds == 3 * (3 * 26_357_760 + 3_399_680 + 128))
    let seconds = try #require(line["seconds"] as? Double)
    let operations = try #require(line["flops_per_s"] as? Double)
    #expect(abs(operations * seconds / Double(2 * multiplyAdds) - 1) < 1e-3)
    let texts = try #require(line["texts_per_s"] as? Double)
    #expect(abs(texts * seconds - 3) <= 0.006 * seconds + 1e-6 * texts)
  }
}
