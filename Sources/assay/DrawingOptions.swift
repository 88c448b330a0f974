import ArgumentParser
import AssayEvaluate

/// The policy of `bon`, and how it answers.
struct DrawingOptions: ParsableArguments {
  @OptionGroup var policy: PolicyOptions

  @Option(
    help: """
      Prompts, JSON Lines with "id" and "prompt", or "question" and "answer". Default: none, see \
      --candidates.
      """
  )
  var data: String?

  @Option(help: "Responses of the policy to each prompt.")
  var samples = 16

  @Option(help: "Temperature of the policy.")
  var temperature: Float = 1

  @Option(help: "Most new tokens of a response.")
  var maxTokens = 256

  /// Checks that there are either a policy and prompts, or candidates.
  ///
  /// - Throws: `ValidationError`.
  func validate(candidates: String?) throws {
    guard (candidates == nil) != (!policy.isGiven && data == nil) else {
      throw ValidationError("give either --policy or --generator and --data, or --candidates")
    }
    guard candidates != nil || (policy.isGiven && data != nil) else {
      throw ValidationError("--data and either --policy or --generator belong together")
    }
    try Limit.check("--samples", samples, in: 2...Limit.count.upperBound)
    try Limit.check("--max-tokens", maxTokens, in: Limit.tokens)
    try Limit.check("--temperature", temperature, in: Limit.temperature)
    guard temperature > 0 else {
      throw ValidationError("--temperature is above 0, or all samples are alike")
    }
  }

  /// Notes how the policy answers.
  func note(in settings: inout RecordSettings) {
    settings.set("--samples", samples)
    settings.set("--temperature", temperature)
    settings.set("--max-tokens", maxTokens)
  }

  /// How the policy answers.
  func drawing(seed: UInt64) -> BestOfNRun.Drawing {
    BestOfNRun.Drawing(
      samples: samples,
      temperature: temperature,
      maximumTokens: maxTokens,
      seed: seed
    )
  }
}
