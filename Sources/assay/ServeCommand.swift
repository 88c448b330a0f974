import ArgumentParser
import AssayBase
import AssayModel
import AssayReward
import AssayServe
import Foundation

struct ServeCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serves models over HTTP.",
    discussion: """
      Listens on this machine alone unless --host says otherwise; with the environment variable \
      ASSAY_API_KEY set, every request but GET /health and /ping needs it as bearer token. Rewards are raw \
      logits unless a request asks for a sigmoid. What a request says goes before the options given \
      here.

      POST /v1/rewards takes the lines of assay score, one or a list, and answers its records; POST \
      /v1/judgements does so for assay judge; POST /v1/groups takes a prompt and several responses. \
      /v1/chat/completions, /v1/completions and /v1/embeddings are OpenAI's; /classify, /pooling, \
      /score, /rerank, /tokenize and /detokenize vLLM's; /classify with "text" and /encode SGLang's; \
      /get_reward OpenRLHF's, /v1/score/evaluation LLaMA-Factory's, /compare NeMo Gym's. GET \
      /openapi.json describes them; /v1/models, /health and /metrics (Prometheus) tell about the \
      server.

      SIGINT and SIGTERM let running requests end within --grace seconds; the exit code is 130 or 143.
      """
  )

  @OptionGroup var served: ServedModelOptions
  @OptionGroup var listening: ListeningOptions
  @OptionGroup var draws: DrawOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  @Option(help: "Critiques of each response, where a request does not say; a score is their mean.")
  var samples = 1

  func validate() throws {
    guard (1...256).contains(samples) else { throw ValidationError("--samples is 1 to 256") }
  }

  // It answers what it has begun within --grace.
  var endsAtSignals: Bool { false }

  private struct Ready: Encodable {
    struct Model: Encodable {
      let name: String
      let kind: String
    }

    let url: String
    let host: String
    let port: Int
    let model: String
    let kind: String
    let models: [Model]

    init(_ address: ModelServer.Address) {
      (url, host, port) = (address.url, address.host, address.port)
      models = address.models.map { Model(name: $0.name, kind: $0.kind.rawValue) }
      (model, kind) = (models.first?.name ?? "", models.first?.kind ?? "")
    }
  }

  func execute() async throws {
    var settings = try listening.settings()
    settings.version = ToolVersion.text
    settings.critiques.samples = samples
    settings.critiques.tokens = draws.maxTokens
    settings.critiques.seed = common.seed
    (settings.temperature, settings.topP) = (draws.temperature, draws.topP)
    try settings.validate()
    let sources = try served.sources(inference, common)
    let server = try await ModelServer(sources.first, sources.others, settings: settings)
    try await withThrowingTaskGroup(of: Int?.self) { group in
      group.addTask {
        try await server.run { tell($0) }
        return nil
      }
      group.addTask {
        while Interruption.signal == nil { try await Task.sleep(for: .milliseconds(50)) }
        return await server.stop()
      }
      defer { group.cancelAll() }
      for try await cut in group {
        guard let cut else { continue }
        let end = cut == 0 ? "all requests were answered" : "\(cut) requests were cut"
        if !common.isQuiet { Output.error("stopped: \(end)") }
        throw ExitCode(Interrupted(signal: Interruption.signal ?? SIGTERM).exitCode)
      }
    }
  }

  /// Says that the server is ready.
  private func tell(_ address: ModelServer.Address) {
    if common.isJSON { try? Output.json(Ready(address)) }
    guard !common.isQuiet else { return }
    let names = address.models.map { "\($0.name) (\($0.kind.rawValue))" }
    Output.error("serving \(names.joined(separator: ", ")) at \(address.url)")
  }
}
