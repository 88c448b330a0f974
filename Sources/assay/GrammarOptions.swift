import ArgumentParser
import AssayBase
import AssayGenerate
import AssayText
import Foundation

/// Options of what a text may be.
struct GrammarOptions: ParsableArguments {
  @Option(
    parsing: .unconditionalSingleValue,
    help: "A text is this, or one of several such; may be given several times. Default: any."
  )
  var grammarChoice: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "A text matches this regular expression as a whole; see Documentation/grammar.md. Default: none.",
      valueName: "pattern"
    )
  )
  var grammarRegex: String?

  @Option(
    help: ArgumentHelp(
      "A text is JSON that the schema in this file admits; see Documentation/grammar.md. Default: none.",
      valueName: "file"
    )
  )
  var grammarJsonSchema: String?

  @Flag(name: .customLong("grammar-json"), help: "A text is a JSON object.")
  var isJSON = false

  func validate() throws {
    let given = [!grammarChoice.isEmpty, grammarRegex != nil, grammarJsonSchema != nil, isJSON]
    guard given.count(where: \.self) <= 1 else {
      throw ValidationError(
        "give one of --grammar-choice, --grammar-regex, --grammar-json-schema and --grammar-json"
      )
    }
    do {
      if !grammarChoice.isEmpty { _ = try Grammar.choice(grammarChoice) }
      if let grammarRegex { _ = try Grammar.regex(grammarRegex) }
    } catch {
      throw ValidationError("\(error)")
    }
  }

  /// What a text may be; `nil` where nothing is asked.
  ///
  /// - Throws: `GrammarError`, or `TextError` where the schema's file cannot be read.
  func grammar() throws -> Grammar? {
    if !grammarChoice.isEmpty { return try .choice(grammarChoice) }
    if let grammarRegex { return try .regex(grammarRegex) }
    if isJSON { return try .jsonObject() }
    guard let path = grammarJsonSchema else { return nil }
    return try .jsonSchema(try Self.schema(path))
  }

  private static func schema(_ path: String) throws -> JSONValue {
    let bytes = try TextFile.read(URL(fileURLWithPath: path))
    do {
      return try JSONValue(parsing: bytes)
    } catch {
      throw TextError.malformedJSON(file: path, reason: error.description)
    }
  }
}

/// The field in which an endpoint takes a grammar, as an option.
extension StructuredOutput: ExpressibleByArgument {}
