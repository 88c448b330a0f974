import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct ExitCodeTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private let response = #"{"prompt": "How many?", "response": "3"}"#

  @Test(
    "wrong use is 64",
    arguments: [
      ["score", "--no-such-option"], ["frobnicate"], ["score"], ["train"],
      ["playground", "--out", "x", "--threads", "0"],
      ["playground", "--out", "x", "--train", "-1"],
      ["bench", "train", "--repeats", "0"], ["bench", "train", "--write-ids", "x"],
      ["bench", "generate", "--new-tokens", "0"], ["bench", "score", "--batch", "0"],
      ["tokenize", "--model", "m", "--device", "tpu"],
      ["tokenize", "--model", "m", "--dtype", "f8"], ["pull", "nothing"],
    ]
  )
  func wrongUse(arguments: [String]) throws {
    let result = try RunningCommand(arguments, folder: folder).result()
    result.expect(64, log: "Error:")
    #expect(result.output.isEmpty)
  }

  @Test(
    "a negative number is named as the value of the option before it",
    arguments: [
      ["generate", "--data", "d", "--model", "m", "--seed", "-1"],
      ["score", "--model", "m", "--data", "d", "--samples", "-1"],
      ["judge", "--model", "m", "--data", "d", "--max-tokens", "-1"],
    ]
  )
  func negative(arguments: [String]) throws {
    let result = try RunningCommand(arguments, folder: folder).result()
    result.expect(64, log: arguments[arguments.count - 2])
    #expect(!result.log.contains("Missing"), "\(result.log)")
  }

  @Test("malformed data is 65, with file and line")
  func malformedData() throws {
    let model = try folder.model(.classic)
    let bad = try folder.write(response + "\n{\"prompt\": 7}\n", "bad.jsonl")
    try assay("score", "--model", model, "--data", bad).expect(65, log: "bad.jsonl:2:")
    try assay(
      "critique",
      "--model",
      try folder.model(.cloud, "critic"),
      "--data",
      bad,
      "--out",
      folder.path("c.jsonl"),
      "--responses"
    ).expect(65, log: "bad.jsonl:2:")
    let prompts = try folder.write("{\"prompt\": \"a\"}\n\nnot json\n", "prompts.jsonl")
    let language = try folder.model(.languageModel, "language")
    try assay("generate", "--model", language, "--data", prompts, "--max-tokens", "8")
      .expect(65, log: "prompts.jsonl:3:")
    let strings = try folder.write("\"a\"\n{}\n", "strings.jsonl")
    try assay("tokenize", "--model", model, "--data", strings).expect(65, log: "strings.jsonl:2:")
    try assay("tokenize", "--model", model, input: "7\n").expect(65, log: "<stdin>:1:")
    let corpus = try folder.write("{\"text\": \"a\"}\n[]\n", "corpus.jsonl")
    let recipe = try folder.write("method: pretrain\ncorpus: \(corpus)\n", "pretrain.yaml")
    try assay("train", recipe, "--out", folder.path("run")).expect(65, log: "corpus.jsonl:2:")
  }

  @Test("a malformed recipe is 65, with file and line of every problem")
  func malformedRecipe() throws {
    let recipe = try folder.write(
      "method: pretrain\ncorpus: c\nbase:\n  layers: 3\n  epochs: many\n",
      "bad.yaml"
    )
    try assay("train", recipe).expect(65, log: "bad.yaml:4", "layers", "bad.yaml:5", "epochs")
    try assay("train", recipe, "--set", "base.epochs").expect(65, log: "base.epochs")
    let list = try folder.write("- method: pretrain\n", "list.yaml")
    try assay("train", list).expect(65, log: "list.yaml: this is no group of settings")
    let yaml = try folder.write("method: [\n", "no.yaml")
    try assay("train", yaml).expect(65, log: "no.yaml")
  }

  @Test("a damaged model is 65, with the file and the key")
  func damagedModel() throws {
    let model = try folder.model(.classic)
    let data = try folder.write(response, "data.jsonl")
    let config = folder.path("model/config.json")
    let text = try String(contentsOfFile: config, encoding: .utf8)
    let damaged = text.replacing(/"hidden_size"\s*:\s*16/, with: "\"hidden_size\": 18")
    #expect(damaged != text)
    try damaged.write(toFile: config, atomically: true, encoding: .utf8)
    try assay("score", "--model", model, "--data", data).expect(65, log: "model")
    try "{".write(toFile: config, atomically: true, encoding: .utf8)
    try assay("score", "--model", model, "--data", data).expect(65, log: "config.json")
  }

  @Test("a model that cannot do what is asked is 65")
  func wrongModel() throws {
    let language = try folder.model(.languageModel)
    let data = try folder.write(response, "data.jsonl")
    try assay("score", "--model", language, "--data", data).expect(65, log: "no reward head")
    let classic = try folder.model(.classic, "classic")
    let prompts = try folder.write("{\"prompt\": \"a\"}", "prompts.jsonl")
    try assay("generate", "--model", classic, "--data", prompts).expect(
      65,
      log: "cannot write text"
    )
  }

  @Test("missing input is 66")
  func missing() throws {
    let model = try folder.model(.classic)
    let data = try folder.write(response, "data.jsonl")
    try assay("score", "--model", folder.path("none"), "--data", data).expect(66, log: "none")
    try assay("score", "--model", model, "--data", folder.path("none.jsonl"))
      .expect(66, log: "none.jsonl")
    try assay("tokenize", "--model", folder.path("none")).expect(66, log: "none")
    try assay("tokenize", "--model", folder.path("tokenizer.json")).expect(
      66,
      log: "tokenizer.json"
    )
    try assay("inspect", folder.path("none")).expect(66, log: "none")
    try assay("train", folder.path("none.yaml"), "--out", folder.path("run"))
      .expect(66, log: "none.yaml: No such file or directory; give a recipe, a file in YAML.")
    let language = try folder.model(.languageModel, "language")
    try assay("generate", "--model", language, "--data", folder.path("none.jsonl"))
      .expect(66, log: "none.jsonl")
    try assay("train", folder.path("none.yaml")).expect(66, log: "none.yaml")
    let recipe = try folder.write("method: pretrain\ncorpus: nowhere.jsonl\n", "r.yaml")
    try assay("train", recipe, "--out", folder.path("run")).expect(66, log: "nowhere.jsonl")
    let classic = try folder.write(
      "method: classic\nmodel: nowhere\ndata: {train: \(data)}\n",
      "c.yaml"
    )
    try assay("train", classic, "--out", folder.path("run")).expect(66, log: "nowhere")
    let pairs = try folder.write(
      "method: classic\nmodel: \(model)\ndata: {train: nowhere.jsonl}\n",
      "d.yaml"
    )
    try assay("train", pairs, "--out", folder.path("run")).expect(66, log: "nowhere.jsonl")
  }

  @Test("a device that is not there is 69")
  func device() throws {
    #if os(Linux)
    let absent = "mps"
    #else
    let absent = "cuda"
    #endif
    let model = try folder.model(.classic)
    let data = try folder.write(response, "data.jsonl")
    try assay("score", "--model", model, "--data", data, "--device", absent)
      .expect(69, log: absent)
  }

  @Test("an --out that cannot be written is 73")
  func unwritable() throws {
    // A file where a folder would have to be: refused to every user, root too.
    let blocked = try folder.write("", "file") + "/out"
    try assay(
      "playground",
      "--out",
      blocked,
      "--train",
      "1",
      "--test",
      "1",
      "--ood",
      "1",
      "--corpus",
      "1"
    )
    .expect(73, log: blocked)
    let recipe = try folder.write("method: pretrain\ncorpus: c.jsonl\n", "r.yaml")
    try assay("train", recipe, "--out", blocked).expect(73, log: blocked)
    try assay("demo", "--out", blocked).expect(73, log: blocked)
    let model = try folder.model(.cloud)
    let data = try folder.write(response, "data.jsonl")
    try assay("critique", "--model", model, "--data", data, "--out", blocked)
      .expect(73, log: blocked)
  }
}
