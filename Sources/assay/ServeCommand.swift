import ArgumentParser
import AssayBase
import AssayModel
import AssayReward
import AssayServe
import AssayTrain
import Foundation

struct ServeCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serves a model over HTTP.",
    discussion: """
      Listens on this machine alone unless --host says otherwise; with the environment variable \
      ASSAY_API_KEY set, every request but GET /health needs it as bearer token. Rewards are raw \
      logits unless a request asks for a sigmoid, and rendered texts are read as they are. What a \
      request says goes before the options given here.

      POST /v1/rewards takes the lines of assay score, one or a list, and answers its records; POST \
      /v1/judgements does so for assay judge; POST /v1/chat/completions is OpenAI's, streams too. \
      POST /classify and /pooling are vLLM's (also below /v1), /classify with "text", /encode and \
      /v1/embeddings SGLang's, /get_reward OpenRLHF's, /v1/score/evaluation LLaMA-Factory's. GET \
      /v1/models, /health and /metrics (Prometheus) tell about the server.

      SIGINT and SIGTERM let running requests end within --grace seconds; the exit code is 130 or 143.
      """
  )

  @Option(help: "A model folder or a run folder.")
  var model: String

  @Option(help: "The name that clients ask for. Default: that of the folder.")
  var name: String?

  @Option(help: "The address to listen at.")
  var host = "127.0.0.1"

  @Option(help: "The port; 0 takes a free one, which the ready line names.")
  var port = 8000

  @Flag(help: "Lets other machines in without a key, where --host does.")
  var allowAnyone = false

  @Option(help: "Requests that may be unfinished at once; more are refused with status 429.")
  var maxQueue = 8192

  @Option(help: "Most of a request's body, in MiB; more is refused with status 413.")
  var maxBodyMib = 16

  @Option(help: "Seconds that a request may take, its answer included; else it ends with 504.")
  var timeout = 600.0

  @Option(help: "Seconds that running requests have when the server is told to stop.")
  var grace = 30.0

  @Option(help: "Critiques of each response, where a request does not say; a score is their mean.")
  var samples = 1

  @OptionGroup var draws: DrawOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port is 0 to 65535") }
    try Limit.check("--max-queue", maxQueue, in: 1...1_000_000)
    guard (1...4096).contains(maxBodyMib) else {
      throw ValidationError("--max-body-mib is 1 to 4096")
    }
    guard timeout > 0, timeout <= 86400 else {
      throw ValidationError("--timeout is above 0 and at most 86400")
    }
    guard (0...86400).contains(grace) else { throw ValidationError("--grace is 0 to 86400") }
    guard (1...256).contains(samples) else { throw ValidationError("--samples is 1 to 256") }
    if let name, name.isEmpty { throw ValidationError("--name is empty") }
  }

  // It answers what it has begun within --grace.
  var endsAtSignals: Bool { false }

  private struct Ready: Encodable {
    let url: String
    let host: String
    let port: Int
    let model: String
    let kind: String
  }

  func execute() async throws {
    let settings = try settings()
    try settings.validate()
    let folder = try ModelPath.folder(model)
    let load = try inference.loader(folder, common)
    let server = try await ModelServer(settings: settings, load: load)
    let (isQuiet, isJSON) = (common.isQuiet, common.isJSON)
    try await withThrowingTaskGroup(of: Int?.self) { group in
      group.addTask {
        try await server.run { address in
          let name = settings.modelName
          if isJSON {
            let ready = Ready(
              url: address.url,
              host: address.host,
              port: address.port,
              model: name,
              kind: address.kind.rawValue
            )
            try? Output.json(ready)
          }
          if !isQuiet {
            Output.error("serving \(name) (\(address.kind.rawValue)) at \(address.url)")
          }
        }
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
        if !isQuiet { Output.error("stopped: \(end)") }
        throw ExitCode(Interrupted(signal: Interruption.signal ?? SIGTERM).exitCode)
      }
    }
  }

  private func settings() throws -> ServeSettings {
    let folder = URL(fileURLWithPath: model).standardizedFileURL.lastPathComponent
    var settings = ServeSettings(modelName: name ?? folder)
    settings.host = host
    settings.port = port
    settings.key = try ServerKey(
      ProcessInfo.processInfo.environment[ServerKey.environmentVariable]
    )
    settings.allowsAnyone = allowAnyone
    settings.maximumRequests = maxQueue
    settings.maximumBodyBytes = maxBodyMib << 20
    settings.timeoutSeconds = timeout
    settings.graceSeconds = grace
    settings.critiques.samples = samples
    settings.critiques.tokens = draws.maxTokens
    settings.critiques.seed = common.seed
    settings.temperature = draws.temperature
    settings.topP = draws.topP
    return settings
  }
}
