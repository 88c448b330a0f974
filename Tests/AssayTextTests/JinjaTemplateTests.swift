import AssayBase
import AssayText
import Foundation
import Testing

/// What `Scripts/record_chat_templates.py` recorded of Jinja2 and transformers.
private struct RecordedTemplates {
  let document: JSONValue

  init() throws { document = try Fixture.json("chat-templates.json") }

  var now: Date { Date(timeIntervalSince1970: document["now"]?.double ?? 0) }

  var specialTokens: [String: String] {
    var tokens: [String: String] = [:]
    for member in document["tokens"]?.members ?? [] { tokens[member.key] = member.value.string }
    return tokens
  }

  func input(_ conversation: String, prompt: Bool) -> JinjaTemplate.Input {
    let row = document["conversations"]?[conversation]
    return JinjaTemplate.Input(
      messages: row?["messages"]?.array ?? [],
      tools: row?["tools"]?.array,
      documents: row?["documents"]?.array,
      addsGenerationPrompt: prompt,
      specialTokens: specialTokens,
      variables: row?["variables"]?.members ?? []
    )
  }
}

/// What a rendering came to, in the recorder's words.
private func outcome(_ render: () throws -> RenderedText) -> String {
  do {
    return "text: " + (try render().text)
  } catch let error as JinjaError {
    return error.kind == .refused ? "refused: " + error.reason : "error"
  } catch {
    return "another error: \(error)"
  }
}

private func expected(_ row: JSONValue) -> String {
  if let text = row["text"]?.string { return "text: " + text }
  return row["error"]?.string == "refused" ? "refused: " + (row["message"]?.string ?? "") : "error"
}

/// Renders a template that reads no conversation.
private func rendered(_ source: String, _ variables: [JSONMember] = []) throws -> String {
  try JinjaTemplate(source).render(.init(messages: [], variables: variables)).text
}

@Suite("JinjaTemplate")
struct JinjaTemplateTests {
  @Test("renders templates in the manner of 33 families as transformers does")
  func families() throws {
    setenv("TZ", "UTC", 1)
    tzset()
    let recorded = try RecordedTemplates()
    var templates: [String: JinjaTemplate] = [:]
    for member in recorded.document["templates"]?.members ?? [] {
      templates[member.key] = try JinjaTemplate(member.value.string ?? "")
    }
    #expect(templates.count == 33)
    let cases = recorded.document["cases"]?.array ?? []
    #expect(cases.count > 900)
    for row in cases {
      let name = row["template"]?.string ?? ""
      let conversation = row["conversation"]?.string ?? ""
      let input = recorded.input(conversation, prompt: row["prompt"]?.bool ?? false)
      let template = try #require(templates[name])
      let found = outcome { try template.render(input, now: recorded.now) }
      #expect(points(found) == points(expected(row)), "\(name), \(conversation)")
    }
  }

  @Test("gives expressions and statements the values that Jinja2 gives them")
  func pieces() throws {
    setenv("TZ", "UTC", 1)
    tzset()
    let recorded = try RecordedTemplates()
    let variables = recorded.document["variables"]?.members ?? []
    let pieces = recorded.document["pieces"]?.array ?? []
    #expect(pieces.count > 200)
    for row in pieces {
      let source = row["template"]?.string ?? ""
      let found = outcome {
        try JinjaTemplate(source).render(
          .init(messages: [], variables: variables),
          now: recorded.now
        )
      }
      #expect(points(found) == points(expected(row)), "\(source)")
    }
  }

  @Test("names the line and the reason of a failure")
  func failures() throws {
    let unclosed = #expect(throws: JinjaError.self) { try JinjaTemplate("a\n{% if x %}\nb") }
    #expect(
      unclosed?.description
        == "The chat template is not valid Jinja at line 3: the template ends where 'elif' or "
        + "'else' or 'endif' is looked for."
    )
    let sum = #expect(throws: JinjaError.self) { try rendered("\n\n{{ 1 + 'a' }}") }
    #expect(
      sum?.description
        == "The chat template fails at line 3: '+' does not go between a int and a str."
    )
    let refused = #expect(throws: JinjaError.self) {
      try rendered("{{ raise_exception('Only two turns.') }}")
    }
    #expect(refused?.kind == .refused)
    #expect(refused?.reason == "Only two turns.")
  }

  @Test(
    "stops what does not end",
    arguments: [
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
      "{% set n = namespace(t='xxxxxxxx') %}{% for a in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
      "{% set n = namespace(t=[1]) %}{% for a in range(99) %}{% set n.t = n.t + n.t %}{% endfor %}",
      "{% set n = namespace(t=[1]) %}{% for a in range(99) %}{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.t }}",
      "{% set n = namespace(t=1) %}{% for a in range(9999) %}{% set n.t = [n.t] %}{% endfor %}",
      "{{ 'x' * 999999999999 }}", "{{ [1] * 999999999 }}", "{{ 'x'.ljust(9999999999) }}",
      "{{ '%99999999999d' % 1 }}", "{{ 'ab'|replace('', 'x' * 9999999) }}",
      "{{ range(100001) }}", "{{ 'x'|indent(999999999) }}", "{{ '{:>999999999999}'.format(1) }}",
      "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    ]
  )
  func endless(source: String) throws {
    let error = #expect(throws: JinjaError.self) { try rendered(source) }
    #expect(error?.kind == .limit)
  }

  @Test("reads templates nested as deep as it says, and refuses deeper ones")
  func nesting() throws {
    func brackets(_ count: Int) -> String {
      "{{ " + String(repeating: "(", count: count) + "1" + String(repeating: ")", count: count)
        + " }}"
    }
    #expect(try rendered(brackets(60)) == "1")
    for source in [
      brackets(100_000),
      String(repeating: "{% if 1 %}", count: 100_000),
      "{{ " + String(repeating: "not ", count: 100_000) + "1 }}",
      "{{ " + String(repeating: "-", count: 100_000) + "1 }}",
      "{{ a" + String(repeating: ".b", count: 100_000) + " }}",
      "{{ " + String(repeating: "1 if ", count: 100_000) + "1 }}",
      "{{ " + String(repeating: "[", count: 100_000),
    ] {
      let error = #expect(throws: JinjaError.self) { try JinjaTemplate(source) }
      #expect(error?.kind == .syntax)
    }
    // A long sum is not a deep one.
    #expect(try rendered("{{ 1" + String(repeating: " + 1", count: 5000) + " }}") == "5001")
  }

  @Test("takes numbers at the ends of what 64 bits hold")
  func extremes() throws {
    let low = "(-9223372036854775807 - 1)"
    let source = """
      {{ 'x'.ljust(\(low)) }}{{ 'x'.zfill(\(low)) }}{{ 'x'|center(\(low)) }}{{ 'abc'[\(low):] }}
      {{- 'abc'[:\(low):-1] }}{{ 'abc'[::\(low)] }}{{ range(0, 9223372036854775807, 9223372036854775806) }}
      {{- \(low) // -1 if false }}{{ \(low) % -1 }}{{ 'abc'.find('c', \(low)) }}{{ [1]|batch(\(low))|list }}
      """
    #expect(
      try rendered(source) == "xxxabccbacrange(0, 9223372036854775807, 9223372036854775806)02[[1]]"
    )
    for failing in ["\(low) - 1", "\(low) // -1", "-\(low)", "(0 - 1e300)|filesizeformat"] {
      #expect(throws: JinjaError.self) { try rendered("{{ \(failing) }}") }
    }
  }

  @Test("lets go of namespaces and macros that hold themselves")
  func cycles() throws {
    let source = """
      {% set n = namespace() %}{% set n.n = n %}{% macro f() %}{{ f }}{% endmacro %}
      {%- for a in range(20000) %}{% set n.m = namespace(p=n.m) %}{% set n.f = f %}{% endfor %}done
      """
    #expect(try rendered(source) == "done")
  }
}

@Suite("RenderedText")
struct RenderedTextTests {
  private func spans(_ source: String, _ messages: [JSONValue]) throws -> [RenderedText.Span] {
    try JinjaTemplate(source).render(
      .init(
        messages: messages,
        tools: [["name": "<|end|>"]],
        specialTokens: ["bos_token": "<s>"],
        variables: [JSONMember("extra", "<x>")]
      )
    ).spans
  }

  private func span(_ text: String, _ origin: TextOrigin) -> RenderedText.Span {
    RenderedText.Span(text: text, origin: origin)
  }

  @Test("tells the template's text from that of messages and other data")
  func origins() throws {
    let found = try spans(
      "{{ bos_token }}{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}"
        + "{% endfor %}{{ extra }}{{ tools | tojson }}",
      [
        ["role": "user", "content": "a<|end|>"], ["role": "assistant", "content": "b"],
      ]
    )
    #expect(
      found == [
        span("<s><|user|>", .template), span("a<|end|>", .content(message: 0)),
        span("<|end|><|assistant|>", .template), span("b", .content(message: 1)),
        span("<|end|>", .template), span("<x>[{\"name\": \"<|end|>\"}]", .data),
      ]
    )
  }

  @Test("keeps the origin through filters, methods and formats")
  func operations() throws {
    let message: JSONValue = ["role": "user", "content": "  One <b>; two "]
    let inner = TextOrigin.content(message: 0)
    let cases: [(String, [RenderedText.Span])] = [
      ("{{ c | trim | upper }}", [span("ONE <B>; TWO", inner)]),
      ("{{ c.strip().split('; ')[1] ~ '!' }}", [span("two", inner), span("!", .template)]),
      (
        "{{ '[%s]' % c.strip() }}",
        [span("[", .template), span("One <b>; two", inner), span("]", .template)]
      ),
      ("{{ '{}.'.format(c[2:5]) }}", [span("One", inner), span(".", .template)]),
      ("{{ c.strip() | replace('; two', '>') }}", [span("One <b>", inner), span(">", .template)]),
      ("{{ [c[2:5], 'x'] | join('-') }}", [span("One", inner), span("-x", .template)]),
      ("{{ {'k': c[2:5]} | tojson }}", [span("{\"k\": \"One\"}", inner)]),
      ("{{ [c[2:5]] }}", [span("['", .template), span("One", inner), span("']", .template)]),
      (
        "{% macro m(t) %}({{ t }}){% endmacro %}{{ m(c[2:5]) }}",
        [span("(", .template), span("One", inner), span(")", .template)]
      ),
      (
        "{% set x %}{{ c[2:5] }}.{% endset %}{{ x[::-1] }}",
        [span(".", .template), span("enO", inner)]
      ),
      ("{{ c[2:5] | length }}", [span("3", .template)]),
    ]
    for (source, expected) in cases {
      #expect(try spans("{% set c = messages[0].content %}" + source, [message]) == expected)
    }
  }

  @Test("takes a role for the template's own only where it is a name")
  func roles() throws {
    let found = try spans(
      "{{ messages[0].role }}{{ messages[1].role }}",
      [["role": "tool"], ["role": "x|><|end"]]
    )
    #expect(found == [span("tool", .template), span("x|><|end", .content(message: 1))])
  }
}
