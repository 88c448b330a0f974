import ArgumentParser
import AssayRun
import Foundation

/// Options and commands that there are not.
enum Misspelling {
  /// What the parser says of itself.
  private struct Tool: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable {
        let name: String
      }
      let names: [Name]?
    }
    struct Command: Decodable {
      let commandName: String
      let arguments: [Argument]?
      let subcommands: [Command]?

      /// The command that words lead to.
      func command(_ words: [String]) -> Command {
        guard let name = words.first,
          let next = subcommands?.first(where: { $0.commandName == name })
        else { return self }
        return next.command(Array(words.dropFirst()))
      }
    }
    let command: Command
  }

  private static func root(_ tool: any ParsableCommand.Type) -> Tool.Command? {
    let dump = tool._dumpHelp()
    return try? JSONDecoder().decode(Tool.self, from: Data(dump.utf8)).command
  }

  /// Refuses help on a command that there is not.
  ///
  /// - Parameters:
  ///   - words: The arguments.
  ///   - tool: The whole tool.
  /// - Throws: `ValidationError`.
  static func checkHelp(_ words: [String], of tool: any ParsableCommand.Type) throws {
    guard words.first == "help", words.count > 1, let root = root(tool) else { return }
    var command = root
    for word in words.dropFirst() where !word.hasPrefix("-") {
      let names = (command.subcommands ?? []).map(\.commandName)
      guard let next = command.subcommands?.first(where: { $0.commandName == word }) else {
        throw ValidationError("there is no command '\(word)'\(hint(word, names))")
      }
      command = next
    }
  }

  /// Names a command that there is not, or the first option that the command has not.
  ///
  /// - Parameters:
  ///   - words: The arguments.
  ///   - tool: The whole tool.
  /// - Throws: `ValidationError`.
  static func checkOptions(_ words: [String], of tool: any ParsableCommand.Type) throws {
    guard let root = root(tool) else { return }
    let names = (root.subcommands ?? []).map(\.commandName)
    if let first = words.first, !first.hasPrefix("-"), !names.contains(first) {
      throw ValidationError("there is no command '\(first)'\(hint(first, names))")
    }
    let command = root.command(words)
    let known =
      (command.arguments ?? []).flatMap { $0.names ?? [] }.map(\.name) + ["help", "version"]
    for word in words.prefix(while: { $0 != "--" }) where word.hasPrefix("--") {
      let name = String(word.dropFirst(2).prefix { $0 != "=" })
      guard known.contains(name) else {
        throw ValidationError("there is no option '--\(name)'\(hint(name, known, "--"))")
      }
    }
  }

  private static func hint(_ word: String, _ known: [String], _ prefix: String = "") -> String {
    // Exchanged letters are two edits, and the commonest slip.
    let exchanged = known.first { $0.sorted() == word.sorted() }
    return (exchanged ?? nearestSpelling(of: word, among: known)).map {
      "; did you mean '\(prefix)\($0)'?"
    } ?? ""
  }
}
