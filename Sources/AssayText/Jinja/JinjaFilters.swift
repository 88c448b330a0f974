/// The filters of Jinja2, with the `tojson` of `transformers`.
///
/// Source: Jinja2 3.1.6, `filters.py`.
enum JinjaFilters {
  typealias Filter =
    @Sendable (JinjaEvaluator, JinjaValue, JinjaArguments) throws -> JinjaValue

  /// The filters by name.
  static let all: [String: Filter] = texts.merging(numbers) { $1 }
    .merging(sequences) { $1 }
    .merging(choices) { $1 }
    .merging(refused) { $1 }

  /// Filters that Jinja2 has and no chat template needs.
  private static let refused: [String: Filter] = {
    let reasons = [
      "random": "its result would differ from run to run",
      "pprint": "it is for debugging",
      "urlize": "it writes HTML",
      "striptags": "it reads HTML",
      "xmlattr": "it writes HTML",
      "wordwrap": "no chat template is known to need it",
    ]
    return Dictionary(
      uniqueKeysWithValues: reasons.map { name, reason in
        let filter: Filter = { evaluator, _, _ in
          throw evaluator.fail("the filter '\(name)' is not supported: \(reason)")
        }
        return (name, filter)
      }
    )
  }()

  // MARK: Texts

  private static func simple(
    _ name: String,
    _ body: @escaping @Sendable (JinjaText) -> JinjaText
  ) -> Filter {
    { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, name, [])
      return try evaluator.text(body(try evaluator.string(value)))
    }
  }

  private static let texts: [String: Filter] = [
    "upper": simple("upper") { $0.uppercased() },
    "lower": simple("lower") { $0.lowercased() },
    "capitalize": simple("capitalize") { $0.capitalized() },
    "title": simple("title") { $0.titledAtWords() },
    "string": simple("string") { $0 },
    "safe": simple("safe") { $0 },
    "escape": simple("escape") { $0.escapedForHTML() },
    "e": simple("e") { $0.escapedForHTML() },
    "forceescape": simple("forceescape") { $0.escapedForHTML() },
    "trim": { evaluator, value, arguments in
      let set = try evaluator.arguments(arguments, "trim", ["chars"])[0]
      let text = try evaluator.string(value)
      return try evaluator.text(text.stripped(try evaluator.optionalText(set, "trim")))
    },
    "replace": { evaluator, value, arguments in
      let values = try evaluator.optional(
        arguments,
        "replace",
        ["old", "new", "count"],
        required: 2
      )
      let limit = try values[2].flatMap { $0.isNone ? nil : try evaluator.integer($0, "replace") }
      return try evaluator.replaced(
        try evaluator.string(value),
        try evaluator.string(values[0] ?? .none),
        try evaluator.string(values[1] ?? .none),
        limit ?? -1
      )
    },
    "center": { evaluator, value, arguments in
      let width = try evaluator.optional(arguments, "center", ["width"])[0]
      let number = try width.map { try evaluator.integer($0, "center") } ?? 80
      try evaluator.checkLength(number)
      return try evaluator.text(
        try evaluator.string(value).padded(to: number, alignment: .center)
      )
    },
    "format": { evaluator, value, arguments in
      let format = try evaluator.string(value)
      guard !arguments.named.isEmpty else {
        return try evaluator.text(
          try evaluator.formatted(format, try evaluator.tuple(arguments.positional))
        )
      }
      guard arguments.positional.isEmpty else {
        throw evaluator.fail("'format' takes positions or names, not both")
      }
      let named = try evaluator.dict(arguments.named.map { (.text($0.name), $0.value) })
      return try evaluator.text(try evaluator.formatted(format, named))
    },
    "indent": { evaluator, value, arguments in
      let values = try evaluator.optional(arguments, "indent", ["width", "first", "blank"])
      let indention: JinjaText
      if case .text(let text) = values[0] {
        indention = text
      } else {
        let width = try values[0].map { try evaluator.integer($0, "indent") } ?? 4
        try evaluator.checkLength(width)
        indention = JinjaText(String(repeating: " ", count: max(0, width)))
      }
      return try evaluator.indented(
        try evaluator.text(value, "indent"),
        by: indention,
        first: values[1]?.isTrue ?? false,
        blank: values[2]?.isTrue ?? false
      )
    },
    "truncate": { evaluator, value, arguments in
      let values = try evaluator.optional(
        arguments,
        "truncate",
        ["length", "killwords", "end", "leeway"]
      )
      let length = try values[0].map { try evaluator.integer($0, "truncate") } ?? 255
      let end = try values[2].map { try evaluator.text($0, "truncate") } ?? "..."
      let leeway = try values[3].flatMap { $0.isNone ? nil : try evaluator.integer($0, "truncate") }
      guard length >= end.count, leeway ?? 5 >= 0 else {
        throw evaluator.fail("'truncate' is given a length below that of its end")
      }
      guard let count = evaluator.length(of: value) else {
        throw evaluator.fail("a \(value.typeName) has no length")
      }
      if count <= length || count - length <= leeway ?? 5 { return value }
      let text = try evaluator.text(value, "truncate")
      var result = text[0..<length - end.count]
      if !(values[1]?.isTrue ?? false), let space = result.lastIndex(of: [" "]) {
        result = result[0..<space]
      }
      result.append(end)
      return try evaluator.text(result)
    },
    "wordcount": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "wordcount", [])
      let text = try evaluator.string(value)
      try evaluator.charge(text.count / 8)
      var (count, wasWord) = (0, false)
      for scalar in text.scalars {
        let isWord = scalar == "_" || scalar.isPythonAlphanumeric
        if isWord, !wasWord { count += 1 }
        wasWord = isWord
      }
      return .int(count)
    },
    "urlencode": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "urlencode", [])
      return try evaluator.text(try evaluator.encodedForURL(value))
    },
    "tojson": { evaluator, value, arguments in
      try evaluator.text(try evaluator.json(value, try evaluator.jsonStyle(arguments)))
    },
  ]

  // MARK: Choices

  private static let standard: Filter = { evaluator, value, arguments in
    let values = try evaluator.optional(arguments, "default", ["default_value", "boolean"])
    let isMissing = value.isUndefined || (values[1]?.isTrue ?? false && !value.isTrue)
    return isMissing ? values[0] ?? .text("") : value
  }

  private static func select(_ name: String, keeps: Bool, byAttribute: Bool) -> Filter {
    { evaluator, value, arguments in
      guard value.isTrue else { return try evaluator.iterator([]) }
      var positional = arguments.positional[...]
      var path: [JinjaValue] = []
      if byAttribute {
        guard let attribute = positional.popFirst() else {
          throw evaluator.fail("'\(name)' needs the name of an attribute")
        }
        path = evaluator.path(attribute)
      }
      let test = try positional.popFirst().map { try evaluator.text($0, name).string }
      let rest = JinjaArguments(positional: Array(positional), named: arguments.named)
      return try evaluator.iterator(
        try evaluator.items(of: value).filter { item in
          let found = try evaluator.follow(path, from: item)
          guard let test else { return found.isTrue == keeps }
          return try evaluator.passes(test, found, rest) == keeps
        }
      )
    }
  }

  private static let choices: [String: Filter] = [
    "default": standard,
    "d": standard,
    "select": select("select", keeps: true, byAttribute: false),
    "reject": select("reject", keeps: false, byAttribute: false),
    "selectattr": select("selectattr", keeps: true, byAttribute: true),
    "rejectattr": select("rejectattr", keeps: false, byAttribute: true),
    "map": { evaluator, value, arguments in
      guard value.isTrue else { return try evaluator.iterator([]) }
      let items = try evaluator.items(of: value)
      if arguments.positional.isEmpty, arguments.named.contains(where: { $0.name == "attribute" }) {
        let values = try evaluator.optional(arguments, "map", ["attribute", "default"])
        let path = evaluator.path(values[0] ?? .none)
        let standard = values[1].flatMap { $0.isNone ? nil : $0 }
        return try evaluator.iterator(
          try items.map { try evaluator.follow(path, from: $0, standard: standard) }
        )
      }
      guard let filter = arguments.positional.first else {
        throw evaluator.fail("'map' needs the name of a filter")
      }
      let name = try evaluator.text(filter, "map").string
      let rest = JinjaArguments(
        positional: Array(arguments.positional.dropFirst()),
        named: arguments.named
      )
      return try evaluator.iterator(try items.map { try evaluator.apply(name, to: $0, rest) })
    },
    "attr": { evaluator, value, arguments in
      let name = try evaluator.text(
        try evaluator.arguments(arguments, "attr", ["name"], required: 1)[0],
        "attr"
      ).string
      return try evaluator.attribute(name, of: value)
        ?? .undefined(JinjaUndefined(name: name, of: value))
    },
  ]
}

extension JinjaText {
  /// Jinja2's own `title`: words begin behind white space, hyphens and opening brackets.
  func titledAtWords() -> JinjaText {
    let marks: Set<Unicode.Scalar> = ["-", "(", "{", "[", "<"]
    func isMark(_ index: Int) -> Bool {
      scalars[index].isPythonSpace || marks.contains(scalars[index])
    }
    var result = JinjaText()
    var start = 0
    while start < count {
      var end = start
      while end < count, isMark(end) == isMark(start) { end += 1 }
      result.append(self[start].uppercased())
      result.append(self[start + 1..<end].lowercased())
      start = end
    }
    return result
  }

  /// The text with the five characters of HTML spelt out, as markupsafe's `escape` has it.
  func escapedForHTML() -> JinjaText {
    let names: [Unicode.Scalar: String] = [
      "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", "\"": "&#34;",
    ]
    return mapped { names[$1] ?? String($1) }
  }
}

extension JinjaEvaluator {
  fileprivate func indented(
    _ text: JinjaText,
    by indention: JinjaText,
    first: Bool,
    blank: Bool
  ) throws -> JinjaValue {
    var whole = text
    whole.append("\n")
    try charge(text.count / 2)
    let lines = whole.lines()
    try checkLength(text.count + (lines.count + 1) * (indention.count + 1))
    var result = first ? indention : JinjaText()
    for (index, line) in lines.enumerated() {
      if index > 0 {
        result.append("\n")
        if blank || !line.isEmpty { result.append(indention) }
      }
      result.append(line)
    }
    return try self.text(result)
  }

  fileprivate func encodedForURL(_ value: JinjaValue) throws -> JinjaText {
    func quoted(_ value: JinjaValue, isQuery: Bool) throws -> JinjaText {
      try string(value).mapped { _, scalar in
        let isPlain =
          scalar.isASCII && (scalar.isPythonAlphanumeric || "_.-~".unicodeScalars.contains(scalar))
        if isPlain || (scalar == "/" && !isQuery) { return String(scalar) }
        if scalar == " ", isQuery { return "+" }
        return String(scalar).utf8.map {
          "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true)
        }.joined()
      }
    }
    let pairs: [JinjaValue]
    switch value {
    case .text, .none, .bool, .int, .float: return try quoted(value, isQuery: false)
    case .dict(let dict): pairs = dict.keys.indices.map { dict.item($0) }
    default: pairs = try items(of: value)
    }
    var result = JinjaText()
    for (index, pair) in pairs.enumerated() {
      let parts = try items(of: pair)
      guard parts.count == 2 else { throw fail("'urlencode' takes pairs") }
      if index > 0 { result.append("&") }
      result.append(try quoted(parts[0], isQuery: true))
      result.append("=")
      result.append(try quoted(parts[1], isQuery: true))
    }
    return result
  }

  fileprivate func jsonStyle(_ arguments: JinjaArguments) throws -> JinjaJSONStyle {
    let values = try optional(
      arguments,
      "tojson",
      ["ensure_ascii", "indent", "separators", "sort_keys"]
    )
    var style = JinjaJSONStyle(
      indent: nil,
      item: ", ",
      key: ": ",
      isASCII: values[0]?.isTrue ?? false,
      sortsKeys: values[3]?.isTrue ?? false
    )
    switch values[1] {
    case nil, .some(.none): break
    case .text(let text): style.indent = text
    case .some(let value):
      let width = try integer(value, "tojson")
      guard width <= 1000 else { throw fail("'tojson' indents by at most 1000") }
      style.indent = JinjaText(String(repeating: " ", count: max(0, width)))
    }
    if style.indent != nil { style.item = "," }
    if let separators = values[2], !separators.isNone {
      let parts = try items(of: separators)
      guard parts.count == 2 else { throw fail("'tojson' takes two separators") }
      style.item = try text(parts[0], "tojson")
      style.key = try text(parts[1], "tojson")
    }
    return style
  }
}
