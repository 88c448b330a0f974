import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct HelpTests {
  /// What the parser says of itself with `--experimental-dump-help`.
  private struct Tool: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable {
        let kind: String
        let name: String
      }
      let kind: String
      let names: [Name]?
      let valueName: String?
      let isOptional: Bool
      let isRepeating: Bool
      let shouldDisplay: Bool
      let abstract: String?
      let defaultValue: String?

      /// As it is spelt on the command line.
      var spelling: String {
        names?.first { $0.kind == "long" }.map { "--\($0.name)" } ?? "<\(valueName ?? "")>"
      }
    }
    struct Command: Decodable {
      let commandName: String
      let abstract: String?
      let arguments: [Argument]?
      let subcommands: [Command]?
    }
    let command: Command
  }

  /// Every command that does something, with the words that call it.
  private func commands() throws -> [(words: [String], command: Tool.Command)] {
    let result = try assay("--experimental-dump-help")
    let root = try JSONDecoder().decode(Tool.self, from: Data(result.output.utf8)).command
    func leaves(_ words: [String], _ command: Tool.Command) -> [([String], Tool.Command)] {
      let inner = (command.subcommands ?? []).filter { $0.commandName != "help" }
      guard !inner.isEmpty else { return [(words, command)] }
      return inner.flatMap { leaves(words + [$0.commandName], $0) }
    }
    return leaves([], root)
  }

  @Test("help of every command has every option with a text, and with its default")
  func options() throws {
    let commands = try commands()
    #expect(commands.count >= 9)
    for (words, command) in commands {
      let help = try RunningCommand(words + ["--help"]).result()
      help.expect(0)
      #expect(help.log.isEmpty)
      let name = words.joined(separator: " ")
      #expect(command.abstract?.isEmpty == false, "\(name)")
      // Lines are wrapped: compare words.
      let text = help.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      for argument in command.arguments ?? [] where argument.shouldDisplay {
        #expect(text.contains(argument.spelling), "\(name) \(argument.spelling)")
        let abstract = argument.abstract ?? ""
        #expect(!abstract.isEmpty, "\(name) \(argument.spelling) has no text")
        guard argument.kind == "option", argument.isOptional, !argument.isRepeating else {
          continue
        }
        let hasDefault =
          argument.defaultValue.map { text.contains("(default: \($0))") } ?? false
          || abstract.contains("Default:")
        #expect(hasDefault, "\(name) \(argument.spelling) does not say its default")
      }
    }
  }

  @Test("every command that reads rows has the switches for problems, and for what does not fit")
  func rows() throws {
    var found: [String] = []
    for (words, command) in try commands() where words[0] != "bench" {
      let options = (command.arguments ?? []).map(\.spelling)
      guard options.contains(where: ["--data", "--benchmark"].contains) else { continue }
      found.append(words[0])
      #expect(options.contains("--skip-problems"), "\(words)")
      // These read rows into no model.
      let isShort = ["tokenize", "render", "diff"].contains(words[0])
      #expect(options.contains("--too-long") != isShort, "\(words)")
    }
    #expect(found.count >= 13, "\(found)")
  }

  @Test("the top level lists every command with a line")
  func overview() throws {
    let help = try assay("--help")
    help.expect(0)
    for (words, _) in try commands() { #expect(help.output.contains("  \(words[0])")) }
    #expect(try assay("--version").output.split(separator: ".").count == 3)
  }

  #if os(Linux)
  @Test("help needs no LibTorch; what computes says in a sentence that there is none")
  func withoutEngine() throws {
    let folder = try WorkFolder()
    let alone = folder.url.appendingPathComponent("assay")
    try FileManager.default.copyItem(at: try #require(Binary.url), to: alone)
    func run(_ words: String...) throws -> CommandResult {
      try RunningCommand(words, executable: alone).result()
    }
    try run("--help").expect(0)
    try run("train", "--help").expect(0)
    let out = folder.path("world")
    try run("playground", "--out", out, "--train", "1", "--test", "1", "--quiet").expect(0)
    let model = try folder.model(.classic)
    let row = try folder.write(#"{"prompt": "a", "response": "b"}"#, "rows.jsonl")
    try run("score", "--model", model, "--data", row)
      .expect(69, log: "LibTorch does not load", "libAssayTorch.so", "beside the binary")
  }
  #endif
}
