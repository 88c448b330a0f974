import AssayData
import AssayGenerate
import AssayText

extension GenerateCommand {
  /// What the model is asked for a prompt.
  func request(_ prompt: PromptRecord, _ grammar: Grammar?) -> WritingRequest {
    var settings = WritingSettings()
    settings.temperature = temperature
    settings.topK = topK
    settings.topP = topP
    settings.repetitionPenalty = repetitionPenalty
    settings.maximumTokens = maxTokens
    settings.stop = stop
    settings.alternatives = logprobs
    settings.grammar = grammar
    let opening: WritingRequest.Opening =
      switch prompt.content {
      case .messages(let messages): .conversation(messages)
      case .text(let text): .rendered(text)
      }
    return WritingRequest(opening, settings: settings, seed: common.seed, draws: samples)
  }
}
