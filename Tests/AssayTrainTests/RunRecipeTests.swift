import AssayRun
import AssayTrain
import Foundation
import Testing

@Suite struct RunRecipeTests {
  enum Method: String, Codable, CaseIterable, Sendable { case classic, cloud, judge }

  struct Optimizer: RecipeSection {
    var learningRate = 1e-5
    var betas = [0.9, 0.95]
    var clipNorm: Double?
    func validate(_ checks: inout RecipeChecks) {
      checks.require(learningRate > 0, "learningRate", "a number above 0")
      checks.require(betas.count == 2, "betas", "two numbers")
    }
  }

  struct Adapter: RecipeSection {
    var rank = 16
    var targets = ["q_proj", "v_proj"]
    func validate(_ checks: inout RecipeChecks) {
      checks.require(rank > 0, "rank", "a whole number above 0")
    }
  }

  struct Source: RecipeSection {
    var path = ""
    var weight: Float = 1
  }

  struct Config: RecipeSection {
    var method = Method.classic
    var name = "run"
    var seed: UInt64 = 17
    var steps: Int? = nil
    var packed = true
    var optimizer = Optimizer()
    var adapter: Adapter?
    var sources: [Source] = []
    var weights: [String: Double] = [:]
  }

  func resolve(_ text: String, _ overrides: [String] = [], base: Config = Config()) throws -> Config
  {
    try RecipeFile(text: text, name: "r.yaml")
      .resolve(Config.self, base: base, overrides: overrides).config
  }

  func problems(_ text: String, _ overrides: [String] = []) -> [String] {
    do {
      _ = try resolve(text, overrides)
      return []
    } catch RunError.invalidRecipe("r.yaml", let problems) {
      return problems
    } catch {
      return ["\(error)"]
    }
  }

  @Test("an empty recipe is the defaults, with nil settings spelt out")
  func defaults() throws {
    let resolved = try RecipeFile(text: "# nothing\n", name: "r.yaml").resolve(Config.self)
    #expect(resolved.config == Config())
    #expect(
      resolved.yaml == """
        method: classic
        name: run
        seed: 17
        steps: null
        packed: true
        optimizer:
          learning_rate: 1.0e-05
          betas: [0.9, 0.95]
          clip_norm: null
        adapter: null
        sources: []
        weights: {}

        """
    )
  }

  @Test("file over preset, and --set over file, the last one winning")
  func layers() throws {
    var preset = Config()
    preset.name = "tiny"
    preset.optimizer.learningRate = 1
    preset.steps = 5
    let config = try resolve(
      """
      method: cloud
      optimizer: {learning_rate: 2e-4}
      adapter:
        rank: 4
      sources:
        - path: a.jsonl
        - {path: "b c.jsonl", weight: 0.1}
      """,
      [
        "optimizer.betas=[0.8, 1]", "seed=9007199254740992", "seed=3", "packed=false",
        "weights.chat=2", "steps=null",
      ],
      base: preset
    )
    var expected = Config()
    expected.method = .cloud
    expected.name = "tiny"
    expected.optimizer = Optimizer(learningRate: 2e-4, betas: [0.8, 1], clipNorm: nil)
    expected.adapter = Adapter(rank: 4)
    expected.sources = [Source(path: "a.jsonl"), Source(path: "b c.jsonl", weight: 0.1)]
    expected.weights = ["chat": 2]
    expected.seed = 3
    expected.packed = false
    #expect(config == expected)
  }

  @Test("the resolved text resolves to the same settings and the same text")
  func roundTrip() throws {
    var config = Config()
    config.name = "yes: \"no\" \\ # \u{7f}\n- \u{e9}\u{2028}"
    config.seed = 1 << 53
    config.steps = -3
    config.optimizer.learningRate = 0.1 + 0.2
    config.adapter = Adapter(rank: 2, targets: ["on", "1e3", "", "-x", "a,b", "null", "x"])
    config.sources = [Source(path: "~", weight: 0.1), Source(path: "a/b.jsonl", weight: 1e-20)]
    config.weights = ["b.c": 1, "a": 1e300]
    let yaml = try RecipeFile.yaml(of: config)
    let resolved = try RecipeFile(text: yaml, name: "r.yaml").resolve(Config.self)
    #expect(resolved.config == config)
    #expect(resolved.yaml == yaml)
  }

  @Test("numbers may be spelt as people do")
  func spellings() throws {
    let config = try resolve(
      "seed: 1e6\nsteps: 10_000\noptimizer: {learning_rate: 3, clip_norm: .5}\nname: 007"
    )
    #expect(config.seed == 1_000_000)
    #expect(config.steps == 10_000)
    #expect(config.optimizer.learningRate == 3)
    #expect(config.optimizer.clipNorm == 0.5)
    #expect(config.name == "007")
  }

  @Test("every problem is listed, with its line and the nearest spelling")
  func everyProblem() {
    let found = problems(
      """
      methd: cloud
      optimizer:
        learning-rate: 1
        clip_norm: high
      seed: -1
      packed: yes
      learning_rate: 1
      method: clout
      sources: a.jsonl
      """,
      ["adapter.rnk=3", "steps=[1]", "nonsense"]
    )
    let keys =
      "known keys: method, name, seed, steps, packed, optimizer, adapter, sources, weights"
    let inner = "known keys of optimizer: learning_rate, betas, clip_norm"
    #expect(
      found == [
        "r.yaml:1: unknown key methd: did you mean method?; \(keys)",
        "r.yaml:3: unknown key optimizer.learning-rate: did you mean optimizer.learning_rate?; "
          + inner,
        "r.yaml:4: optimizer.clip_norm is high, expected a number",
        "r.yaml:5: seed is -1, expected a whole number >= 0",
        "r.yaml:6: packed is yes, expected true or false",
        "r.yaml:7: unknown key learning_rate: did you mean optimizer.learning_rate?; \(keys)",
        "r.yaml:8: method is clout, expected one of classic, cloud, judge; did you mean cloud?",
        "r.yaml:9: sources is a.jsonl, expected a list",
        "--set adapter.rnk=3: unknown key adapter.rnk: did you mean adapter.rank?; "
          + "known keys of adapter: rank, targets",
        "--set steps=[1]: steps is a list, expected a whole number",
        "--set nonsense: expected key.path=value, with a value in YAML",
      ]
    )
  }

  @Test("values that cannot be used are listed with where they were given")
  func validation() {
    #expect(
      problems("optimizer:\n  learning_rate: 0\n  betas: [1]\n", ["adapter.rank=0"]) == [
        "r.yaml:2: optimizer.learning_rate is 0.0, expected a number above 0",
        "r.yaml:3: optimizer.betas is [1.0], expected two numbers",
        "--set adapter.rank=0: adapter.rank is 0, expected a whole number above 0",
      ]
    )
  }

  @Test(
    "what is no YAML or no group of settings is an error with its place",
    arguments: [
      ("a: [1", "r.yaml:"), ("- 1\n", "r.yaml:1: the file is a list"),
      ("seed: 1\nseed: 2\n", "r.yaml:1: the group of settings that starts here gives seed twice"),
      ("just text", "r.yaml:1: the file is just text"), ("a: *b", "r.yaml:"),
      ("seed: 99999999999999999999", "r.yaml:1: seed is 99999999999999999999, expected"),
      (
        "steps: 2147483648",
        "r.yaml:1: steps is 2147483648, expected a whole number up to 2147483647"
      ),
      ("seed: \"3\"", "r.yaml:1: seed is the text \"3\", expected a whole number"),
      ("optimizer: {learning_rate: .nan}", "r.yaml:1: optimizer.learning_rate is .nan, expected"),
      ("name: null", "r.yaml:1: name is null, expected a text"),
      ("a: 1\n---\nb: 2", "r.yaml:"), ("\u{0}", "r.yaml:"),
    ]
  )
  func malformed(text: String, prefix: String) {
    let found = problems(text)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix(prefix) == true, "\(found)")
  }

  @Test("the method is known before the config type is")
  func peek() throws {
    let file = try RecipeFile(text: "method: cloud\n", name: "r.yaml")
    #expect(try file.setting("method") == "cloud")
    #expect(try file.setting("method", overrides: ["method=a", "methods=c", "method=b"]) == "b")
    #expect(try file.setting("preset") == nil)
  }

  @Test("differences name the settings, not the lines")
  func differences() throws {
    var changed = Config()
    changed.optimizer.learningRate = 1
    changed.adapter = Adapter()
    let lines = RecipeDifference.lines(
      from: try RecipeFile.yaml(of: Config()),
      to: try RecipeFile.yaml(of: changed)
    )
    #expect(
      lines == [
        "optimizer.learning_rate: 1.0e-05 -> 1.0", "adapter.rank: (absent) -> 16",
        "adapter.targets: (absent) -> [q_proj, v_proj]", "adapter: null -> (absent)",
      ]
    )
  }
}
