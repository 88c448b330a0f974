import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct TemplateCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private let row = #"{"prompt": "How many?", "response": "3"}"#
  private let text = #"{"text": "<s><|user|>How many?<|eot|><|assistant|>3<|eot|>"}"#

  /// A classic model whose tokenizer configuration is replaced.
  private func model(configuration: String) throws -> String {
    let path = try folder.model(.classic)
    _ = try folder.write(configuration, "model/tokenizer_config.json")
    return path
  }

  private func score(_ model: String, _ rows: String, _ options: [String] = []) throws
    -> CommandResult
  {
    let data = try folder.write(rows, "data.jsonl")
    return try RunningCommand(["score", "--model", model, "--data", data] + options).result()
  }

  @Test("conversations for a model whose own template is not followed are refused unless accepted")
  func approximateTemplate() throws {
    // A system turn of its own, which no preset writes.
    let model = try model(
      configuration: #"""
        {"chat_template": "{{ '<s><|system|>Be strict.<|eot|>' }}{% for m in messages %}x{% endfor %}"}
        """#
    )
    try score(model, row).expect(65, log: "--approximate-template", "rendered text")
    let near = try score(model, row, ["--approximate-template"])
    near.expect(0)
    let rendered = try score(model, text)
    rendered.expect(0)
    // The preset renders the row to that text.
    let scores = try (near.objects() + rendered.objects()).map { $0["score"] as? Double }
    #expect(scores.count == 2 && scores[0] == scores[1])
    let inspected = try RunningCommand(["inspect", model]).result()
    inspected.expect(0)
    #expect(inspected.output.contains("not exact"))
    let described = try RunningCommand(["inspect", model, "--json"]).result().objects()
    #expect(described.first?["templateIsExact"] as? Bool == false)
  }

  @Test("a model without any known template scores rendered texts and refuses conversations")
  func unknownTemplate() throws {
    let model = try folder.model(.classic)
    // Another spelling of the assistant's mark: no preset fits any more.
    let file = folder.url.appendingPathComponent("model/tokenizer.json")
    let tokenizer = try String(contentsOf: file, encoding: .utf8)
    try tokenizer.replacing("<|assistant|>", with: "<|helper|>")
      .write(to: file, atomically: true, encoding: .utf8)
    try score(model, text).expect(0)
    try score(model, row).expect(65, log: "no known chat template", "rendered text")
    let inspected = try RunningCommand(["inspect", model]).result()
    inspected.expect(0)
    #expect(inspected.output.contains("unknown"))
  }
}
