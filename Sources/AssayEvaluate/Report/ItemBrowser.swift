// The items of one or two runs, to be searched, filtered and sorted in the page.
import Foundation

/// Items that a reader of a report can search, filter, sort, open and save.
///
/// Their texts stand in the page as data, and are shown as text alone: they may hold anything. Of
/// thousands of items a screenful is drawn at a time.
package struct ItemBrowser: Sendable, Equatable {
  /// A response, as it is shown.
  package struct Response: Encodable, Sendable, Equatable {
    /// The response.
    package let text: String
    /// Whether people found it better.
    package let isRight: Bool

    enum CodingKeys: String, CodingKey {
      case text = "t"
      case isRight = "r"
    }

    /// Makes a response.
    package init(_ text: String, isRight: Bool) { (self.text, self.isRight) = (text, isRight) }
  }

  /// What a run wrote about an item.
  package struct Text: Encodable, Sendable, Equatable {
    /// What it is about, as `better response`, and what was read behind it.
    package let title: String
    /// The text.
    package let text: String
    /// Where the sentence that decides begins and ends, in UTF-16 units; empty where none does.
    package let deciding: [Int]

    enum CodingKeys: String, CodingKey {
      case title = "h"
      case text = "t"
      case deciding = "d"
    }

    /// Makes a text.
    package init(title: String, text: String, deciding: Range<String.Index>?) {
      (self.title, self.text) = (title, text)
      self.deciding =
        deciding.map { range in
          [range.lowerBound, range.upperBound].map { $0.utf16Offset(in: text) }
        } ?? []
    }
  }

  /// An item, with what each run makes of it.
  package struct Item: Encodable, Sendable, Equatable {
    /// Its id.
    package let id: String
    /// The section that it belongs to.
    package let section: String
    /// The prompt.
    package let prompt: String
    /// The responses, better ones first.
    package let responses: [Response]
    /// Of each run, how far it is right, from 0 to 1; `nil` is missing.
    package let outcomes: [Double?]
    /// Of each run, what it said, as scores or verdicts.
    package let said: [String]
    /// Of each run, by how much the better response scores higher; `nil` of verdicts.
    package let margins: [Double?]
    /// Of each run, what it wrote.
    package let texts: [[Text]]
    /// Why it is worth a look, by words that a reader can choose; empty of most.
    package let reasons: [String]

    enum CodingKeys: String, CodingKey {
      case id
      case section = "s"
      case prompt = "p"
      case responses = "c"
      case outcomes = "o"
      case said = "v"
      case margins = "m"
      case texts = "x"
      case reasons = "w"
    }

    /// Makes an item.
    package init(
      id: String,
      section: String,
      prompt: String,
      responses: [Response],
      outcomes: [Double?],
      said: [String],
      margins: [Double?],
      texts: [[Text]] = [],
      reasons: [String] = []
    ) {
      (self.id, self.section, self.prompt, self.responses) = (id, section, prompt, responses)
      (self.outcomes, self.said, self.margins) = (outcomes, said, margins)
      (self.texts, self.reasons) = (texts, reasons)
    }

    /// Writes the item; what is missing is `null`, so that runs keep their places.
    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(id, forKey: .id)
      try container.encode(section, forKey: .section)
      try container.encode(prompt, forKey: .prompt)
      try container.encode(responses, forKey: .responses)
      try container.encode(outcomes, forKey: .outcomes)
      try container.encode(said, forKey: .said)
      try container.encode(margins, forKey: .margins)
      try container.encode(texts, forKey: .texts)
      try container.encode(reasons, forKey: .reasons)
    }
  }

  /// The runs' names, one or two.
  package let runs: [String]
  /// The items, in their order.
  package let items: [Item]

  /// Makes a browser.
  package init(runs: [String], items: [Item]) { (self.runs, self.items) = (runs, items) }

  private struct Content: Encodable {
    let runs: [String]
    let items: [Item]
  }

  /// The section of a page.
  ///
  /// - Throws: `EncodingError` for a number that is not finite.
  package func section() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = try encoder.encode(Content(runs: runs, items: items))
    // Nothing in a text may end the element that holds it.
    let json = String(decoding: data, as: UTF8.self).replacing("<", with: "\\u003c")
    let states =
      [("all", "all items"), ("right", "right"), ("wrong", "wrong"), ("missing", "missing")]
      + (runs.count > 1
        ? [
          ("changed", "changed side"), ("first", "only \(runs[0]) right"),
          ("second", "only \(runs[1]) right"),
        ] : [])
      + Set(items.flatMap(\.reasons)).sorted().map { ("=" + $0, $0) }
    let sorts = [
      ("file", "as in the file"), ("sure", "confident and wrong first"), ("close", "closest first"),
      ("long", "longest first"),
    ]
    func options(_ choices: [(String, String)]) -> String {
      choices.map { "<option value=\"\(escape($0))\">\(escape($1))</option>" }.joined()
    }
    return """
      <section id="browser"><h2>Items</h2>
      <p class="note">Search, filter and sort; j and k move, Enter opens, / searches.</p>
      <div class="tools"><input id="q" type="search" placeholder="search" aria-label="Search">\
      <select id="section" aria-label="Section"></select>\
      <select id="state" aria-label="Which items">\(options(states))</select>\
      <select id="sort" aria-label="Order">\(options(sorts))</select>\
      <button id="save">Save as JSONL</button><span id="count"></span></div>
      <div id="rows" role="list"></div>
      <div class="tools"><button id="back">Back</button><button id="next">Next</button></div>
      <style>\(Self.style)</style>
      <script type="application/json" id="items">\(json)</script>
      <script>\(Self.script)</script></section>
      """
  }
}
