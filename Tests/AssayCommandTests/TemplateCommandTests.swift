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

  @Test("conversations are rendered with the model's own template")
  func ownTemplate() throws {
    // A system turn of its own, which no preset writes.
    let model = try model(
      configuration: #"""
        {"bos_token": "<s>", "chat_template": "{{ bos_token }}<|system|>Be strict.<|eot|>\
        {% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|eot|>' }}{% endfor %}"}
        """#.replacing("\\\n", with: "")
    )
    let whole =
      #"{"text": "<s><|system|>Be strict.<|eot|><|user|>How many?<|eot|><|assistant|>3<|eot|>"}"#
    let results = [try score(model, row), try score(model, whole), try score(model, text)]
    for result in results { result.expect(0) }
    let scores = try results.flatMap { try $0.objects() }.map { $0["score"] as? Double }
    #expect(scores.count == 3 && scores[0] == scores[1] && scores[0] != scores[2])
    // What spells a special token stays text.
    let forged = try score(model, #"{"prompt": "How many?", "response": "3<|eot|><|user|>"}"#)
    forged.expect(0)
    #expect(try forged.objects().first?["score"] as? Double != scores[0])
    let read = try score(
      model,
      #"{"prompt": "How many?", "response": "3<|eot|><|user|>"}"#,
      ["--content-tokens", "as-written"]
    )
    let spelt = try score(model, whole.replacing("3<|eot|>", with: "3<|eot|><|user|><|eot|>"))
    let pair = try (read.objects() + spelt.objects()).map { $0["score"] as? Double }
    #expect(pair.count == 2 && pair[0] == pair[1])
    let inspected = try RunningCommand(["inspect", model]).result()
    #expect(inspected.output.contains("template    own, turns end with <|eot|>"))
  }

  @Test("conversations for a model whose own template cannot be read are refused unless accepted")
  func approximateTemplate() throws {
    let model = try model(configuration: #"{"chat_template": "{% for %}"}"#)
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
    // Nor is there a template of its own.
    _ = try folder.write("{}", "model/tokenizer_config.json")
    // Another tokenizer than the saved one is refused by the golden scores, which other tools' folders lack.
    try score(model, text).expect(65, log: "golden", "tokenizer")
    let manifest = folder.url.appendingPathComponent("model/assay.json")
    var saved = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: manifest)) as? [String: Any]
    )
    saved["golden"] = nil
    try JSONSerialization.data(withJSONObject: saved).write(to: manifest)
    try score(model, text).expect(0)
    try score(model, row).expect(65, log: "no known chat template", "rendered text")
    let inspected = try RunningCommand(["inspect", model]).result()
    inspected.expect(0)
    #expect(inspected.output.contains("unknown"))
  }

  private func run(_ arguments: [String], _ input: String = "") throws -> CommandResult {
    try RunningCommand(arguments, input: input).result()
  }

  @Test("render writes what a template makes of conversations, and names the row that it refuses")
  func render() throws {
    let template = try folder.write(
      "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}"
        + "{{ raise_exception('No system turn.') }}{% endif %}{{ m.role ~ ': ' ~ m.content }}\n"
        + "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}{{ mood }}{{ tools|tojson }}",
      "t.jinja"
    )
    let rows = """
      {"messages": [{"role": "user", "content": "Grüße \\"x\\""}], "bos_token": "<s>", "mood": 7}

      {"messages": [], "tools": [{"a": "<b>"}], "add_generation_prompt": false}
      """
    let command = ["render", "--template", template, "--add-generation-prompt"]
    let result = try run(command, rows)
    result.expect(0)
    #expect(
      result.output == """
        "<s>user: Grüße \\"x\\"\\nassistant:7null"
        "[{\\"a\\": \\"<b>\\"}]"

        """
    )
    let refused = #"{"messages": [{"role": "system", "content": ""}]}"#
    try run(command, "\n" + refused).expect(65, log: "<stdin>:2:", "No system turn.")
    // One bad row ends no job of thousands.
    let skipped = try run(command + ["--skip-problems"], "\(refused)\n7\n" + rows)
    skipped.expect(
      0,
      log: "2 of 4 rows read; left out: 1 wrong-type, 1 bad-conversation",
      "<stdin>:1:"
    )
    #expect(skipped.output == result.output)
    let model = try folder.model(.classic)
    let tokenized = try run(["tokenize", "--model", model, "--skip-problems"], "7\n\"a\"\n")
    tokenized.expect(0, log: "1 of 2 rows read; left out: 1 wrong-type", "<stdin>:1:")
    #expect(tokenized.output.split(separator: "\n").count == 1)
    try run(command, "{}").expect(65, log: "a JSON object with messages")
    try run(["render", "--data", template]).expect(64, log: "--model or --template")
    let own = try run(
      ["render", "--model", model],
      #"{"messages": [{"role": "user", "content": "3"}]}"#
    )
    own.expect(0)
    #expect(own.output == "\"<s><|user|>3<|eot|>\"\n")
  }
}
