/// The methods of Python's texts and mappings that templates may call.
///
/// Source: Python 3.11, `str` and `dict`.
enum JinjaMethods {
  typealias TextMethod =
    @Sendable (JinjaEvaluator, JinjaText, JinjaArguments) throws -> JinjaValue
  typealias DictMethod =
    @Sendable (JinjaEvaluator, JinjaDict, JinjaArguments) throws -> JinjaValue

  /// Methods that the sandbox refuses, as they change what they belong to.
  static let changing: (dict: Set<String>, list: Set<String>) = (
    ["clear", "pop", "popitem", "setdefault", "update"],
    ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"]
  )

  /// Names at which an attribute of a mapping is a method rather than an item.
  static let dictNames = Set((changing.dict + Array(dict.keys)).map { JinjaText($0) })

  static let dict: [String: DictMethod] = [
    "keys": { evaluator, dict, arguments in
      _ = try evaluator.arguments(arguments, "keys", [])
      return .view(JinjaView(dict: dict, kind: .keys))
    },
    "values": { evaluator, dict, arguments in
      _ = try evaluator.arguments(arguments, "values", [])
      return .view(JinjaView(dict: dict, kind: .values))
    },
    "items": { evaluator, dict, arguments in
      _ = try evaluator.arguments(arguments, "items", [])
      return .view(JinjaView(dict: dict, kind: .items))
    },
    "get": { evaluator, dict, arguments in
      guard arguments.named.isEmpty else { throw evaluator.fail("'get' takes no named arguments") }
      let values = try evaluator.arguments(arguments, "get", ["key", "default"], required: 1)
      return dict[try evaluator.key(values[0])] ?? values[1]
    },
    "copy": { evaluator, dict, arguments in
      _ = try evaluator.arguments(arguments, "copy", [])
      return .dict(dict)
    },
    "fromkeys": { evaluator, _, arguments in
      try JinjaGlobals.fromKeys(evaluator, arguments)
    },
  ]

  static let text: [String: TextMethod] = plain.merging(searching) { $1 }
    .merging(splitting) { $1 }
    .merging(asking) { $1 }

  /// A method without arguments that gives a text.
  private static func simple(
    _ name: String,
    _ body: @escaping @Sendable (JinjaText) -> JinjaText
  ) -> TextMethod {
    { evaluator, text, arguments in
      _ = try evaluator.arguments(arguments, name, [])
      return try evaluator.text(body(text))
    }
  }

  private static func strip(_ name: String, left: Bool, right: Bool) -> TextMethod {
    { evaluator, text, arguments in
      let set = try evaluator.arguments(arguments, name, ["chars"])[0]
      return try evaluator.text(
        text.stripped(try evaluator.optionalText(set, name), left: left, right: right)
      )
    }
  }

  private static func pad(_ name: String, _ alignment: JinjaText.Alignment) -> TextMethod {
    { evaluator, text, arguments in
      let values = try evaluator.optional(arguments, name, ["width", "fill"], required: 1)
      let width = try evaluator.integer(values[0], name)
      let fill = try values[1].map { try evaluator.text($0, name) } ?? " "
      guard fill.count == 1 else { throw evaluator.fail("'\(name)' fills with one character") }
      try evaluator.checkLength(width)
      return try evaluator.text(text.padded(to: width, with: fill.scalars[0], alignment: alignment))
    }
  }

  private static let plain: [String: TextMethod] = [
    "upper": simple("upper") { $0.uppercased() },
    "lower": simple("lower") { $0.lowercased() },
    "title": simple("title") { $0.titled() },
    "capitalize": simple("capitalize") { $0.capitalized() },
    "swapcase": simple("swapcase") { $0.swappedCase() },
    "strip": strip("strip", left: true, right: true),
    "lstrip": strip("lstrip", left: true, right: false),
    "rstrip": strip("rstrip", left: false, right: true),
    "ljust": pad("ljust", .left),
    "rjust": pad("rjust", .right),
    "center": pad("center", .center),
    "zfill": { evaluator, text, arguments in
      let width = try evaluator.integer(
        try evaluator.arguments(arguments, "zfill", ["width"], required: 1)[0],
        "zfill"
      )
      try evaluator.checkLength(width)
      let isSigned = ["+", "-"].contains(text.scalars.first)
      var result = text[0..<(isSigned ? 1 : 0)]
      let digits = text[(isSigned ? 1 : 0)..<text.count]
      result.append(digits.padded(to: max(0, width) - result.count, with: "0", alignment: .right))
      return try evaluator.text(result)
    },
    "replace": { evaluator, text, arguments in
      let values = try evaluator.optional(
        arguments,
        "replace",
        ["old", "new", "count"],
        required: 2
      )
      let limit = try values[2].map { try evaluator.integer($0, "replace") } ?? -1
      return try evaluator.replaced(
        text,
        try evaluator.text(values[0], "replace"),
        try evaluator.text(values[1], "replace"),
        limit
      )
    },
    "removeprefix": { evaluator, text, arguments in
      let part = try evaluator.text(
        try evaluator.arguments(arguments, "removeprefix", ["prefix"], required: 1)[0],
        "removeprefix"
      )
      return try evaluator.text(text.hasPrefix(part) ? text[part.count..<text.count] : text)
    },
    "removesuffix": { evaluator, text, arguments in
      let part = try evaluator.text(
        try evaluator.arguments(arguments, "removesuffix", ["suffix"], required: 1)[0],
        "removesuffix"
      )
      return try evaluator.text(text.hasSuffix(part) ? text[0..<text.count - part.count] : text)
    },
    "format": { evaluator, text, arguments in
      try evaluator.text(try evaluator.formatted(text, arguments))
    },
    "join": { evaluator, text, arguments in
      let value = try evaluator.arguments(arguments, "join", ["items"], required: 1)[0]
      var result = JinjaText()
      for (index, item) in try evaluator.items(of: value).enumerated() {
        if index > 0 { result.append(text) }
        result.append(try evaluator.text(item, "join"))
        try evaluator.checkLength(result.count)
      }
      return try evaluator.text(result)
    },
    "expandtabs": { evaluator, text, arguments in
      let value = try evaluator.optional(arguments, "expandtabs", ["tabsize"])[0]
      let size = try value.map { try evaluator.integer($0, "expandtabs") } ?? 8
      try evaluator.checkLength(size)
      var result = JinjaText()
      var column = 0
      for index in 0..<text.count {
        if text.scalars[index] == "\t" {
          let width = size > 0 ? size - column % size : 0
          result.append(
            [Unicode.Scalar](repeating: " ", count: width),
            origin: text.origin(at: index)
          )
          column += width
          try evaluator.checkLength(result.count)
        } else {
          result.append(text, index..<index + 1)
          column = ["\n", "\r"].contains(text.scalars[index]) ? 0 : column + 1
        }
      }
      return try evaluator.text(result)
    },
  ]

  // MARK: Searching

  /// The part of a text that the optional bounds of `find` and such name.
  private static func bounds(
    _ evaluator: JinjaEvaluator,
    _ text: JinjaText,
    _ start: JinjaValue,
    _ end: JinjaValue
  ) throws -> (low: Int, high: Int) {
    func bound(_ value: JinjaValue, _ standard: Int) throws -> Int {
      if value.isNone { return standard }
      let number = try evaluator.integer(value, "find")
      return number < 0 ? max(0, number + text.count) : number
    }
    return (try bound(start, 0), min(try bound(end, text.count), text.count))
  }

  private static func find(_ name: String, fromRight: Bool, mustFind: Bool) -> TextMethod {
    { evaluator, text, arguments in
      let values = try evaluator.arguments(arguments, name, ["sub", "start", "end"], required: 1)
      let part = try evaluator.text(values[0], name)
      let (low, high) = try bounds(evaluator, text, values[1], values[2])
      try evaluator.charge(text.count / 8)
      let place =
        fromRight
        ? text.lastIndex(of: part.scalars, from: low, to: high)
        : text.firstIndex(of: part.scalars, from: low, to: high)
      guard place != nil || !mustFind else {
        throw evaluator.fail("the text that '\(name)' looks for is not there")
      }
      return .int(place ?? -1)
    }
  }

  private static func affix(_ name: String, atStart: Bool) -> TextMethod {
    { evaluator, text, arguments in
      let values = try evaluator.arguments(arguments, name, ["affix", "start", "end"], required: 1)
      let (low, high) = try bounds(evaluator, text, values[1], values[2])
      guard low <= high else { return .bool(false) }
      let part = text[low..<high]
      func matches(_ value: JinjaValue) throws -> Bool {
        let affix = try evaluator.text(value, name)
        return atStart ? part.hasPrefix(affix) : part.hasSuffix(affix)
      }
      guard case .tuple(let options) = values[0] else { return .bool(try matches(values[0])) }
      return .bool(try options.items.contains { try matches($0) })
    }
  }

  private static let searching: [String: TextMethod] = [
    "find": find("find", fromRight: false, mustFind: false),
    "rfind": find("rfind", fromRight: true, mustFind: false),
    "index": find("index", fromRight: false, mustFind: true),
    "rindex": find("rindex", fromRight: true, mustFind: true),
    "startswith": affix("startswith", atStart: true),
    "endswith": affix("endswith", atStart: false),
    "count": { evaluator, text, arguments in
      let values = try evaluator.arguments(
        arguments,
        "count",
        ["sub", "start", "end"],
        required: 1
      )
      let part = try evaluator.text(values[0], "count")
      let (low, high) = try bounds(evaluator, text, values[1], values[2])
      guard low <= high else { return .int(0) }
      try evaluator.charge(text.count / 8)
      if part.isEmpty { return .int(high - low + 1) }
      return .int(text[low..<high].indices(of: part.scalars).count)
    },
  ]

  // MARK: Splitting

  private static func split(_ name: String, fromRight: Bool) -> TextMethod {
    { evaluator, text, arguments in
      let values = try evaluator.optional(arguments, name, ["sep", "maxsplit"])
      let limit = try values[1].map { try evaluator.integer($0, name) } ?? -1
      try evaluator.charge(text.count)
      var parts: [JinjaText]
      if let separator = try evaluator.optionalText(values[0] ?? .none, name) {
        guard !separator.isEmpty else { throw evaluator.fail("'\(name)' needs a separator") }
        parts =
          fromRight
          ? text.splitFromRight(separator, limit: limit) : text.split(separator, limit: limit)
      } else {
        parts = text.splitAtSpace(limit: limit, fromRight: fromRight)
      }
      return try evaluator.list(parts.map { .text($0) })
    }
  }

  private static func partition(_ name: String, fromRight: Bool) -> TextMethod {
    { evaluator, text, arguments in
      let value = try evaluator.arguments(arguments, name, ["sep"], required: 1)[0]
      let separator = try evaluator.text(value, name)
      guard !separator.isEmpty else { throw evaluator.fail("'\(name)' needs a separator") }
      try evaluator.charge(text.count / 8)
      let place =
        fromRight
        ? text.lastIndex(of: separator.scalars) : text.firstIndex(of: separator.scalars)
      guard let place else {
        let parts: [JinjaText] = fromRight ? ["", "", text] : [text, "", ""]
        return try evaluator.tuple(parts.map { .text($0) })
      }
      let end = place + separator.count
      let parts = [text[0..<place], separator, text[end..<text.count]]
      return try evaluator.tuple(parts.map { .text($0) })
    }
  }

  private static let splitting: [String: TextMethod] = [
    "split": split("split", fromRight: false),
    "rsplit": split("rsplit", fromRight: true),
    "partition": partition("partition", fromRight: false),
    "rpartition": partition("rpartition", fromRight: true),
    "splitlines": { evaluator, text, arguments in
      let keeps = try evaluator.arguments(arguments, "splitlines", ["keepends"])[0].isTrue
      try evaluator.charge(text.count)
      return try evaluator.list(text.lines(keepsEnds: keeps).map { .text($0) })
    },
  ]

  // MARK: Questions

  /// A question that every character of a text that is not empty must answer with yes.
  private static func all(
    _ name: String,
    _ body: @escaping @Sendable (Unicode.Scalar) -> Bool
  ) -> TextMethod {
    ask(name) { !$0.isEmpty && $0.scalars.allSatisfy(body) }
  }

  private static func ask(
    _ name: String,
    _ body: @escaping @Sendable (JinjaText) -> Bool
  ) -> TextMethod {
    { evaluator, text, arguments in
      _ = try evaluator.arguments(arguments, name, [])
      try evaluator.charge(text.count / 8)
      return .bool(body(text))
    }
  }

  private static let asking: [String: TextMethod] = [
    "isalpha": all("isalpha") { $0.isPythonAlpha },
    "isdecimal": all("isdecimal") { $0.isPythonDecimal },
    "isdigit": all("isdigit") { $0.isPythonDigit },
    "isnumeric": all("isnumeric") { $0.isPythonNumeric },
    "isalnum": all("isalnum") { $0.isPythonAlphanumeric },
    "isspace": all("isspace") { $0.isPythonSpace },
    "isascii": ask("isascii") { $0.scalars.allSatisfy(\.isASCII) },
    "isprintable": ask("isprintable") { $0.scalars.allSatisfy(\.isPythonPrintable) },
    "islower": ask("islower") { $0.isCase(upper: false) },
    "isupper": ask("isupper") { $0.isCase(upper: true) },
    "istitle": ask("istitle") { $0.isTitle },
    "isidentifier": ask("isidentifier") { text in
      guard let first = text.scalars.first else { return false }
      return (first == "_" || first.properties.isXIDStart)
        && text.scalars.allSatisfy(\.properties.isXIDContinue)
    },
  ]
}

/// What methods and filters read from their arguments.
extension JinjaEvaluator {
  /// An argument that must be a text.
  func text(_ value: JinjaValue?, _ function: String) throws -> JinjaText {
    switch value {
    case .text(let text): return text
    case .undefined(let undefined): throw fail(undefined.message)
    default: throw fail("'\(function)' takes a text, not a \((value ?? .none).typeName)")
    }
  }

  /// An argument that is a text or none.
  func optionalText(_ value: JinjaValue, _ function: String) throws -> JinjaText? {
    value.isNone ? nil : try text(value, function)
  }

  /// An argument that must be an integer.
  func integer(_ value: JinjaValue?, _ function: String) throws -> Int {
    if case .undefined(let undefined) = value { throw fail(undefined.message) }
    guard let number = value?.integer else {
      throw fail("'\(function)' takes an integer, not a \((value ?? .none).typeName)")
    }
    return number
  }

  /// `replace`, unless the result would be too long.
  func replaced(
    _ whole: JinjaText,
    _ old: JinjaText,
    _ new: JinjaText,
    _ limit: Int
  ) throws -> JinjaValue {
    try charge(whole.count / 8)
    let places = old.isEmpty ? whole.count + 1 : whole.indices(of: old.scalars, limit: limit).count
    let used = limit < 0 ? places : min(places, limit)
    try checkLength(whole.count + used * new.count)
    return try text(whole.replacing(old, with: new, limit: limit))
  }
}
