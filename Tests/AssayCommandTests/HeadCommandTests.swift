import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct HeadCommandTests {
  private let folder: WorkFolder
  private let model: String
  private let data: String

  init() throws {
    folder = try WorkFolder()
    model = try folder.model(.languageModel)
    data = try folder.write(
      "{\"id\": \"7\", \"prompt\": \"How many?\", \"response\": \"She has 3.\"}",
      "data.jsonl"
    )
  }

  private func score(_ options: String...) throws -> [String: Any] {
    let arguments = ["score", "--model", model, "--data", data] + options
    let result = try RunningCommand(arguments, input: "", folder: nil).result()
    result.expect(0)
    return try #require(try result.objects().first)
  }

  @Test("a language model scores once --head says what its score is")
  func head() throws {
    try assay("score", "--model", model, "--data", data).expect(
      65,
      log: "no reward head",
      "--head (such as logit:0 or logit:Yes-No)"
    )
    let (first, second) = (try score("--head", "logit:9"), try score("--head", "logit:10"))
    let difference = try score("--head", "logit:9-10")
    let numbers = try [first, second, difference].map { try #require($0["score"] as? Double) }
    #expect(abs(numbers[0] - numbers[1] - numbers[2]) < 1e-5)
    let steps = try score("--head", "probability:9-10@turns")
    #expect((steps["steps"] as? [Double])?.count == 1 && steps["kind"] as? String == "probability")
  }

  @Test("assay.json may say it too")
  func manifest() throws {
    let chosen = try score("--head", "logit:9", "--question", "Is it?")
    let manifest = "{\"kind\": \"classic\", \"head\": \"logit:9\", \"question\": \"Is it?\"}"
    _ = try folder.write(manifest, "model/assay.json")
    #expect(try score()["score"] as? Double == chosen["score"] as? Double)
  }

  @Test("inspect says what is read where")
  func inspect() throws {
    let text = try assay("inspect", model, "--head", "logit:9-10@next").output
    #expect(
      text.contains("logits of the ids 9, 10 at the opened assistant's turn; row 0 less row 1")
    )
    let classic = try folder.model(.classic, "classic")
    let object = try #require(try assay("inspect", classic, "--json").objects().first)
    let rule = try #require(object["headRule"] as? [String: Any])
    #expect(object["head"] as? String == "linear")
    #expect(rule["reads"] as? String == "score [1, 16]")
    #expect(rule["position"] as? String == "the last token")
  }

  @Test("a wrong choice is 64, a token that is not there 65")
  func refusals() throws {
    try assay("score", "--model", model, "--data", data, "--head", "Yes").expect(
      64,
      log: "--head is logit:A"
    )
    try assay("score", "--model", model, "--data", data, "--head", "logit:Perhaps so").expect(
      65,
      log: "no token \"Perhaps so\""
    )
    let classic = try folder.model(.classic, "classic")
    try assay("score", "--model", classic, "--data", data, "--head", "row:1").expect(
      65,
      log: "has 1 rows, and --head asks for row 1"
    )
  }
}
