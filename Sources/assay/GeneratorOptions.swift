import ArgumentParser
import AssayBase
import AssayGenerate
import AssayReward
import AssayTrain
import Foundation

/// `openai:URL`.
struct GeneratorAddress: ExpressibleByArgument {
  let address: EndpointAddress

  init?(argument: String) {
    guard let address = try? EndpointAddress(generator: argument) else { return nil }
    self.address = address
  }
}

/// Options of a model at an endpoint, in place of one on this machine.
struct GeneratorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      A model at an OpenAI-compatible endpoint in place of one on this machine: the URL before \
      /chat/completions, as in openai:http://localhost:8000/v1; /v1 is not added. The key, if it \
      needs one, is read from the environment's OPENAI_API_KEY. Default: none.
      """,
      valueName: "openai:URL"
    )
  )
  var generator: GeneratorAddress?

  @Option(help: "The model's name at the endpoint. Default: none; --generator needs one.")
  var generatorModel: String?

  @Option(
    help: """
      The file of the endpoint's answers, from which the same requests are answered later. Default: \
      FILE.requests.jsonl beside --out FILE, none without.
      """
  )
  var generatorCache: String?

  @Option(help: "Requests under way at once. Default: 8.")
  var concurrency: Int?

  @Option(help: "Seconds that the answer to a request may take. Default: 600.")
  var timeout: Double?

  @Option(
    help: """
      Times that a request is sent again after a rate limit, a failure of the server, a broken \
      connection or a time-out, after 1, 2, 4 ... 60 s or as the server asks. Default: 8; 2 where \
      nothing ever answered.
      """
  )
  var retries: Int?

  @Option(
    help: """
      The field in which the endpoint takes a grammar: structured_outputs (vLLM), guided (vLLM up to \
      0.11), or response_format (OpenAI; JSON only). Default: none, and no grammar is sent.
      """
  )
  var structuredOutput: StructuredOutput?

  func validate() throws {
    guard generator != nil else {
      guard generatorModel == nil, generatorCache == nil, concurrency == nil, timeout == nil,
        retries == nil, structuredOutput == nil
      else {
        throw ValidationError(
          "--generator-model, --generator-cache, --concurrency, --timeout, --retries and "
            + "--structured-output belong to --generator"
        )
      }
      return
    }
    guard generatorModel?.isEmpty == false else {
      throw ValidationError("give --generator-model, the model's name at the endpoint")
    }
    try Limit.check("--concurrency", concurrency, in: 1...10_000)
    try Limit.check("--retries", retries, in: 0...10_000)
    try Limit.check("--timeout", timeout, in: Limit.seconds)
  }

  /// Checks that there is either a model here or one elsewhere.
  ///
  /// - Throws: `ValidationError`.
  func validate(model: String?, common: CommonOptions, inference: InferenceOptions) throws {
    guard (model == nil) != (generator == nil) else {
      throw ValidationError("give either --model or --generator")
    }
    if generator != nil {
      guard common.deviceName == nil, common.computeType == nil, common.threads == nil else {
        throw ValidationError("--device, --dtype and --threads belong to --model")
      }
      guard inference.isDefault else {
        throw ValidationError("--weights, --batch-invariant and --cache-mib belong to --model")
      }
    }
  }
}
