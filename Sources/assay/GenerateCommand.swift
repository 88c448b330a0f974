import ArgumentParser
import AssayGenerate
import AssayModel
import AssayTensor
import AssayText
import AssayTrain
import Foundation

struct GenerateCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Samples text.",
    discussion: """
      Reads lines {"id", "prompt"} (a string or messages) or {"id", "text"} (taken as it is) and \
      writes one line a sample: {"id", "sample", "text", "finish_reason", "tokens"}.
      """
  )

  @Option(help: "A model folder or a run folder.")
  var model: String

  @Option(help: "Prompts, JSON Lines; - is standard input.")
  var data: String

  @Option(help: "Samples of each prompt.")
  var samples = 1

  @Option(help: "Temperature; 0 is greedy.")
  var temperature: Float = 0

  @Option(help: "Only this many most likely tokens are drawn from; 0 is all.")
  var topK = 0

  @Option(help: "The most likely tokens that together have this probability are drawn from.")
  var topP: Float = 1

  @Option(help: "Makes tokens that occurred less likely; 1 is off.")
  var repetitionPenalty: Float = 1

  @Option(help: "Most new tokens of a sample.")
  var maxTokens = 256

  @Option(help: "Ends a sample before this text; may be given several times.")
  var stop: [String] = []

  @OptionGroup var common: CommonOptions

  private struct Row: Decodable {
    enum Prompt: Decodable {
      case text(String)
      case messages([Message])
      init(from decoder: any Swift.Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
          self = .text(text)
        } else {
          self = .messages(try container.decode([Message].self))
        }
      }
    }
    let id: String?
    let prompt: Prompt?
    let text: String?
  }

  private struct Line: Encodable {
    struct Tokens: Encodable {
      let prompt: Int
      let completion: Int
    }
    let id: String
    let sample: Int
    let text: String
    let finishReason: String
    let tokens: Tokens
    enum CodingKeys: String, CodingKey {
      case id, sample, text, tokens
      case finishReason = "finish_reason"
    }
  }

  func validate() throws {
    guard samples > 0, maxTokens > 0 else {
      throw ValidationError("--samples and --max-tokens must be at least 1")
    }
    guard temperature >= 0, topK >= 0, topP > 0, topP <= 1, repetitionPenalty > 0 else {
      throw ValidationError(
        "--temperature and --top-k are at least 0, --top-p in (0, 1], --repetition-penalty above 0"
      )
    }
  }

  func execute() async throws {
    let loaded = try Model.load(
      try ModelPath.folder(model),
      dtype: common.dtype,
      device: try common.device()
    )
    guard loaded.decoder.isLanguageModel else {
      throw ModelError.lacks(
        path: model,
        part: "output embedding",
        hint: "a classifier cannot write text"
      )
    }
    let renderer = try loaded.renderer()
    var prompts: [(id: String, tokens: [Int32])] = []
    try InputLines.forEach(data) { number, bytes in
      guard let row = try? JSONDecoder().decode(Row.self, from: bytes) else {
        throw TrainingLineError(file: data, line: number, expected: "an object with \"prompt\"")
      }
      let tokens: [Int32]
      switch (row.prompt, row.text) {
      case (.text(let prompt)?, _):
        tokens = try renderer.generationPrefix(prompt: [.user(prompt)])
      case (.messages(let messages)?, _):
        tokens = try renderer.generationPrefix(prompt: messages)
      case (nil, let text?): tokens = loaded.tokenizer.encode(text)
      case (nil, nil):
        throw TrainingLineError(
          file: data,
          line: number,
          expected: "\"prompt\" or \"text\" in the object"
        )
      }
      prompts.append((row.id ?? String(prompts.count), tokens))
    }
    let engine = GenerationEngine(
      decoder: loaded.decoder,
      head: nil,
      tokenizer: loaded.tokenizer
    )
    let sampling = SamplingSettings(
      temperature: temperature,
      topK: topK,
      topP: topP,
      repetitionPenalty: repetitionPenalty
    )
    let progress = common.progress
    progress.handle(.stageStarted(name: "generate", number: 1, total: prompts.count, resumedAt: 0))
    for start in stride(from: 0, to: prompts.count, by: 256) {
      try Interruption.check()
      let part = Array(prompts[start..<min(start + 256, prompts.count)])
      let requests = part.enumerated().flatMap { offset, prompt in
        (0..<samples).map { sample in
          GenerationRequest(
            promptTokens: prompt.tokens,
            settings: sampling,
            maximumTokens: maxTokens,
            stopTokens: [renderer.endOfTurnID],
            stopStrings: stop,
            seed: common.seed &+ UInt64(start + offset) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(sample)
          )
        }
      }
      let written = try await engine.generate(requests)
      for (index, generation) in written.enumerated() {
        try Output.json(
          Line(
            id: part[index / samples].id,
            sample: index % samples,
            text: generation.text,
            finishReason: generation.finishReason.rawValue,
            tokens: .init(
              prompt: generation.promptTokenCount,
              completion: generation.tokens.count
            )
          )
        )
      }
      progress.handle(
        .step(
          done: start + part.count,
          total: prompts.count,
          metrics: [],
          tokens: written.map(\.tokens.count).reduce(0, +)
        )
      )
    }
  }
}
