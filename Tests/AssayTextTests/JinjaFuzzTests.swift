import AssayBase
import AssayText
import Testing

@Suite("Jinja templates that are damaged")
struct JinjaFuzzTests {
  /// Pieces that a template is made of, so that mutations get past the lexer.
  private static let pieces = [
    "{%", "%}", "{{", "}}", "{%-", "-%}", "{#", "#}", "for", "in", "if", "else", "endif", "endfor",
    "set", "macro", "endmacro", "call", "is", "not", "loop", ".", "[", "]", "(", ")", "|", ",", ":",
    "=", "==", "~", "+", "-", "*", "**", "%", "/", "'", "\"", "\\", "\n", " ", "0", "-1",
    "9999999999",
    "1e308", "messages", "content", "tojson", "map", "range", "namespace", "'x'", "none", "true",
    "recursive", "caller()", "[::-1]", "|list", "|join", "\u{0}", "é", "\u{10FFFF}",
  ]

  /// Returns a template with some pieces inserted, removed, doubled or moved.
  static func mutated(_ source: String, _ random: inout SeededRandom) -> String {
    var scalars = Array(source.unicodeScalars)
    for _ in 0...Int(random.next() % 6) {
      let place = Int(random.next() % UInt64(scalars.count + 1))
      let end = min(scalars.count, place + Int(random.next() % 12))
      switch random.next() % 4 {
      case 0: scalars.removeSubrange(place..<end)
      case 1: scalars.insert(contentsOf: scalars[place..<end], at: place)
      case 2:
        let moved = Array(scalars[place..<end])
        scalars.removeSubrange(place..<end)
        scalars.insert(contentsOf: moved, at: Int(random.next() % UInt64(scalars.count + 1)))
      default:
        let piece = pieces[Int(random.next() % UInt64(pieces.count))]
        scalars.insert(contentsOf: Array(piece.unicodeScalars), at: place)
      }
    }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return String(text)
  }

  @Test("render or fail with a sentence, and never take more than their limits")
  func mutations() throws {
    let document = try Fixture.json("chat-templates.json")
    let sources =
      (document["templates"]?.members ?? []).compactMap(\.value.string)
      + (document["pieces"]?.array ?? []).compactMap { $0["template"]?.string }
    let conversations = document["conversations"]?.members ?? []
    var limits = JinjaLimits()
    limits.steps = 50_000
    var random = SeededRandom(7)
    var renderings = 0
    for index in 0..<3000 {
      let source = Self.mutated(sources[index % sources.count], &random)
      let row = conversations[Int(random.next() % UInt64(conversations.count))].value
      do {
        _ = try JinjaTemplate(source).render(
          .init(
            messages: row["messages"]?.array ?? [],
            tools: row["tools"]?.array,
            variables: document["variables"]?.members ?? []
          ),
          limits: limits
        )
        renderings += 1
      } catch let error as JinjaError {
        #expect(!error.reason.isEmpty)
      }
    }
    // The damage leaves enough templates whole for the evaluator to be tested too.
    #expect(renderings > 300)
  }
}
