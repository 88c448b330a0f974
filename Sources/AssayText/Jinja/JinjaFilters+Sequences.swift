/// Filters of sequences.
extension JinjaFilters {
  // MARK: Sequences

  private static let length: Filter = { evaluator, value, arguments in
    _ = try evaluator.arguments(arguments, "length", [])
    guard let length = evaluator.length(of: value) else {
      throw evaluator.fail("a \(value.typeName) has no length")
    }
    return .int(length)
  }

  private static func extreme(_ name: String, isMaximum: Bool) -> Filter {
    { evaluator, value, arguments in
      let values = try evaluator.optional(arguments, name, ["case_sensitive", "attribute"])
      let items = try evaluator.items(of: value)
      let path = evaluator.path(values[1] ?? .none)
      let isSensitive = values[0]?.isTrue ?? false
      guard var best = items.first else {
        return .undefined(JinjaUndefined(message: "'\(name)' of nothing"))
      }
      var key = try evaluator.folded(try evaluator.follow(path, from: best), isSensitive)
      for item in items.dropFirst() {
        let other = try evaluator.folded(try evaluator.follow(path, from: item), isSensitive)
        if try evaluator.holds(other, isMaximum ? .greater : .less, key) {
          (best, key) = (item, other)
        }
      }
      return best
    }
  }

  static let sequences: [String: Filter] = [
    "length": length,
    "count": length,
    "min": extreme("min", isMaximum: false),
    "max": extreme("max", isMaximum: true),
    "first": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "first", [])
      if case .iterator(let iterator) = value, let item = iterator.next() { return item }
      if case .text(let text) = value, !text.isEmpty { return .text(text[0]) }
      return try evaluator.items(of: value).first
        ?? .undefined(JinjaUndefined(message: "'first' of nothing"))
    },
    "last": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "last", [])
      if case .iterator = value { throw evaluator.fail("'last' does not take a generator") }
      if case .text(let text) = value, !text.isEmpty { return .text(text[text.count - 1]) }
      return try evaluator.items(of: value).last
        ?? .undefined(JinjaUndefined(message: "'last' of nothing"))
    },
    "list": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "list", [])
      return try evaluator.list(try evaluator.items(of: value))
    },
    "items": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "items", [])
      if value.isUndefined { return try evaluator.iterator([]) }
      guard case .dict(let dict) = value else { throw evaluator.fail("'items' takes a mapping") }
      return try evaluator.iterator(dict.keys.indices.map { dict.item($0) })
    },
    "join": { evaluator, value, arguments in
      let values = try evaluator.optional(arguments, "join", ["d", "attribute"])
      let separator = try evaluator.string(values[0] ?? .text(""))
      let path = evaluator.path(values[1] ?? .none)
      var result = JinjaText()
      for (index, item) in try evaluator.items(of: value).enumerated() {
        if index > 0 { result.append(separator) }
        result.append(try evaluator.string(try evaluator.follow(path, from: item)))
        try evaluator.checkLength(result.count)
      }
      return try evaluator.text(result)
    },
    "reverse": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "reverse", [])
      if case .text(let text) = value {
        return try evaluator.text(text.stepped((0..<text.count).reversed()))
      }
      let items = try evaluator.items(of: value).reversed()
      if case .iterator = value { return try evaluator.list(Array(items)) }
      return try evaluator.iterator(Array(items), named: "\(value.typeName)_reverseiterator")
    },
    "sum": { evaluator, value, arguments in
      let values = try evaluator.optional(arguments, "sum", ["attribute", "start"])
      let path = evaluator.path(values[0] ?? .none)
      var total = values[1] ?? .int(0)
      if case .text = total { throw evaluator.fail("'sum' does not add texts; use 'join'") }
      for item in try evaluator.items(of: value) {
        total = try evaluator.result(of: .plus, total, try evaluator.follow(path, from: item))
      }
      return total
    },
    "unique": { evaluator, value, arguments in
      let values = try evaluator.optional(arguments, "unique", ["case_sensitive", "attribute"])
      let path = evaluator.path(values[1] ?? .none)
      var seen: Set<JinjaKey> = []
      return try evaluator.iterator(
        try evaluator.items(of: value).filter { item in
          let found = try evaluator.follow(path, from: item)
          let key = try evaluator.folded(found, values[0]?.isTrue ?? false)
          return seen.insert(try evaluator.key(key)).inserted
        }
      )
    },
    "sort": { evaluator, value, arguments in
      let values = try evaluator.optional(
        arguments,
        "sort",
        ["reverse", "case_sensitive", "attribute"]
      )
      let items = try evaluator.items(of: value)
      var paths: [[JinjaValue]] = [evaluator.path(values[2] ?? .none)]
      if case .text(let text) = values[2] {
        paths = text.split(",").map { evaluator.path(.text($0)) }
      }
      let keys = try items.map { item in
        try evaluator.list(
          try paths.map {
            try evaluator.folded(
              try evaluator.follow($0, from: item),
              values[1]?.isTrue ?? false
            )
          }
        )
      }
      let order = try evaluator.sorted(keys, isReversed: values[0]?.isTrue ?? false)
      return try evaluator.list(order.map { items[$0] })
    },
    "dictsort": { evaluator, value, arguments in
      let values = try evaluator.optional(
        arguments,
        "dictsort",
        ["case_sensitive", "by", "reverse"]
      )
      guard case .dict(let dict) = value else { throw evaluator.fail("'dictsort' takes a mapping") }
      let by = try values[1].map { try evaluator.text($0, "dictsort").string } ?? "key"
      guard by == "key" || by == "value" else {
        throw evaluator.fail("'dictsort' sorts by 'key' or 'value'")
      }
      let keys = try (by == "key" ? dict.keys : dict.values).map {
        try evaluator.folded($0, values[0]?.isTrue ?? false)
      }
      let order = try evaluator.sorted(keys, isReversed: values[2]?.isTrue ?? false)
      return try evaluator.list(order.map { dict.item($0) })
    },
    "groupby": { evaluator, value, arguments in
      let values = try evaluator.optional(
        arguments,
        "groupby",
        ["attribute", "default", "case_sensitive"],
        required: 1
      )
      return try evaluator.grouped(
        try evaluator.items(of: value),
        path: evaluator.path(values[0] ?? .none),
        standard: values[1].flatMap { $0.isNone ? nil : $0 },
        isSensitive: values[2]?.isTrue ?? false
      )
    },
    "batch": { evaluator, value, arguments in
      let values = try evaluator.optional(
        arguments,
        "batch",
        ["linecount", "fill_with"],
        required: 1
      )
      let count = try evaluator.integer(values[0], "batch")
      var rows: [[JinjaValue]] = []
      for item in try evaluator.items(of: value) {
        if rows.isEmpty || rows[rows.count - 1].count == count { rows.append([]) }
        rows[rows.count - 1].append(item)
      }
      if let fill = values[1], !fill.isNone, let last = rows.last, last.count < count {
        try evaluator.charge(count)
        rows[rows.count - 1] += repeatElement(fill, count: count - last.count)
      }
      return try evaluator.iterator(try rows.map { try evaluator.list($0) })
    },
    "slice": { evaluator, value, arguments in
      let values = try evaluator.optional(arguments, "slice", ["slices", "fill_with"], required: 1)
      let items = try evaluator.items(of: value)
      let count = try evaluator.integer(values[0], "slice")
      guard count != 0 else { throw evaluator.fail("division by zero") }
      try evaluator.charge(max(0, count))
      var rows: [JinjaValue] = []
      var start = 0
      for index in 0..<max(0, count) {
        let isLonger = index < items.count % count
        let end = start + items.count / count + (isLonger ? 1 : 0)
        var row = Array(items[start..<end])
        if let fill = values[1], !fill.isNone, !isLonger { row.append(fill) }
        rows.append(try evaluator.list(row))
        start = end
      }
      return try evaluator.iterator(rows)
    },
  ]
}

extension JinjaEvaluator {
  /// The parts of an attribute's path, such as `a.b.0`.
  func path(_ attribute: JinjaValue) -> [JinjaValue] {
    guard case .text(let text) = attribute else { return attribute.isNone ? [] : [attribute] }
    return text.split(".").map { part in
      let isNumber = !part.isEmpty && part.scalars.allSatisfy(\.isPythonDigit)
      return (isNumber ? Int(part.string) : nil).map { .int($0) } ?? .text(part)
    }
  }

  /// Follows a path of items.
  func follow(
    _ path: [JinjaValue],
    from value: JinjaValue,
    standard: JinjaValue? = nil
  ) throws -> JinjaValue {
    var value = value
    for part in path {
      value = try item(part, of: value)
      if let standard, value.isUndefined { value = standard }
    }
    return value
  }

  /// What is compared where case does not count.
  func folded(_ value: JinjaValue, _ isSensitive: Bool) throws -> JinjaValue {
    guard !isSensitive, case .text(let value) = value else { return value }
    return try text(value.lowercased())
  }

  /// The places of values in their order; equal ones keep theirs.
  func sorted(_ values: [JinjaValue], isReversed: Bool = false) throws -> [Int] {
    let wanted: JinjaComparison = isReversed ? .greater : .less
    return try values.indices.sorted { left, right in
      if try holds(values[left], wanted, values[right]) { return true }
      return try left < right && !holds(values[right], wanted, values[left])
    }
  }

  fileprivate func grouped(
    _ items: [JinjaValue],
    path: [JinjaValue],
    standard: JinjaValue?,
    isSensitive: Bool
  ) throws -> JinjaValue {
    let found = try items.map { try follow(path, from: $0, standard: standard) }
    let keys = try found.map { try folded($0, isSensitive) }
    var groups: [(name: JinjaValue, key: JinjaValue, items: [JinjaValue])] = []
    for place in try sorted(keys) {
      if let last = groups.last, try areEqual(last.key, keys[place]) {
        groups[groups.count - 1].items.append(items[place])
      } else {
        groups.append((found[place], keys[place], [items[place]]))
      }
    }
    return try list(
      try groups.map { group in
        .tuple(JinjaList([group.name, try list(group.items)], names: ["grouper", "list"]))
      }
    )
  }
}
