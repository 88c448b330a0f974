import AssayBase

extension JSONSchemaReader {
  /// A string: of some length, or of a pattern, which it matches as a whole.
  mutating func string(_ schema: JSONValue, _ place: String) throws(GrammarError) -> GrammarNode {
    let least = try count(schema, "minLength", place)
    let most = try count(schema, "maxLength", place)
    let pattern: (text: String, key: String)?
    if let given = schema["format"] {
      guard let format = given.string.flatMap({ JSONFormats.patterns[$0] }) else {
        let known = JSONFormats.patterns.keys.sorted().joined(separator: ", ")
        throw failure(
          place + "/format",
          "there is no format \(given.compact) here; there are \(known)"
        )
      }
      pattern = (format, "format")
    } else if let given = schema["pattern"] {
      guard let text = given.string else { throw failure(place + "/pattern", "expected a string") }
      pattern = (text, "pattern")
    } else {
      pattern = nil
    }
    guard let pattern else {
      guard least != nil || most != nil else { return json.string }
      guard least ?? 0 <= most ?? .max else {
        throw failure(place + "/minLength", "it is above maxLength")
      }
      let inside = GrammarNode.repeated(json.character, minimum: least ?? 0, maximum: most)
      return .sequence([.literal("\""), inside, .literal("\"")])
    }
    guard least == nil, most == nil, schema["pattern"] == nil || pattern.key == "pattern" else {
      throw failure(
        place + "/" + pattern.key,
        "it stands beside another rule of the string, which is not supported; write one pattern"
      )
    }
    let node: GrammarNode
    do {
      node = try RegexReader.read(pattern.text)
    } catch {
      throw failure(place + "/" + pattern.key, error.description)
    }
    return .sequence([.literal("\""), JSONGrammar.escaped(node), .literal("\"")])
  }

  /// A number within limits, as many digits as it may have.
  func number(
    _ schema: JSONValue,
    _ place: String,
    isWhole: Bool
  ) throws(GrammarError) -> GrammarNode {
    if let step = schema["multipleOf"] {
      guard isWhole, step.double == 1 else {
        throw failure(
          place + "/multipleOf",
          "it is not supported; leave it out, and look afterwards"
        )
      }
    }
    let low = try limit(schema, ["minimum", "exclusiveMinimum"], place, isWhole: isWhole)
    let high = try limit(schema, ["maximum", "exclusiveMaximum"], place, isWhole: isWhole)
    guard low != nil || high != nil else { return isWhole ? json.integer : json.number }
    let digits = isWhole ? 0 : min(6, max(low?.value.digits ?? 0, high?.value.digits ?? 0) + 2)
    var options: [GrammarNode] = []
    for places in 0...digits {
      let first = low.map { $0.value.scaled(places, isAbove: true, isStrict: $0.isStrict) }
      let last = high.map { $0.value.scaled(places, isAbove: false, isStrict: $0.isStrict) }
      options += NumberRange.nodes(
        from: max(first ?? .min, -NumberRange.largest),
        to: min(last ?? .max, NumberRange.largest),
        places: places
      )
    }
    guard !options.isEmpty else { throw failure(place, "no number lies within the limits") }
    return .choice(options)
  }

  /// The stricter of two limits of one side.
  private func limit(
    _ schema: JSONValue,
    _ keys: [String],
    _ place: String,
    isWhole: Bool
  ) throws(GrammarError) -> (value: ShortDecimal, isStrict: Bool)? {
    var found: (value: ShortDecimal, isStrict: Bool)?
    for (index, key) in keys.enumerated() {
      guard let given = schema[key] else { continue }
      guard case .number(let text) = given, let value = decimal(text, isWhole: isWhole) else {
        throw failure(
          place + "/" + key,
          "expected a number of at most \(isWhole ? 15 : 9) digits before the point and 6 behind it"
        )
      }
      guard found == nil else {
        throw failure(place + "/" + key, "it stands beside \(keys[0]); give one of them")
      }
      found = (value, index == 1)
    }
    return found
  }

  /// A limit; `nil` where it has too many digits.
  ///
  /// A whole number's may lie beyond all that are spelt, as those of 64 bits do, and limits none then.
  private func decimal(_ text: String, isWhole: Bool) -> ShortDecimal? {
    guard isWhole else { return ShortDecimal(text) }
    let end = NumberRange.largest + 1
    guard let value = Double(text), value.magnitude >= Double(end) else {
      return ShortDecimal(text, below: UInt(end))
    }
    return ShortDecimal(value < 0 ? -end : end)
  }
}

/// A decimal number of few digits.
struct ShortDecimal {
  /// The number times ten to the power of `digits`.
  let units: Int
  /// Digits behind the point.
  let digits: Int

  /// A whole number.
  init(_ whole: Int) { (units, digits) = (whole, 0) }

  /// Reads a number; `nil` where it has too many digits.
  ///
  /// - Parameters:
  ///   - text: Its spelling in JSON.
  ///   - end: What its part before the point lies below.
  init?(_ text: String, below end: UInt = 1_000_000_000) {
    var text = text[...]
    var exponent = 0
    if let place = text.firstIndex(where: { $0 == "e" || $0 == "E" }) {
      guard let value = Int(text[text.index(after: place)...]) else { return nil }
      exponent = value
      text = text[..<place]
    }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    var fraction = parts.count > 1 ? String(parts[1]) : ""
    guard exponent.magnitude <= 15, var value = Int(parts[0] + fraction) else { return nil }
    var count = fraction.count - exponent
    while count < 0 {
      let (next, overflow) = value.multipliedReportingOverflow(by: 10)
      guard !overflow else { return nil }
      (value, count) = (next, count + 1)
    }
    while count > 0, value % 10 == 0 { (value, count) = (value / 10, count - 1) }
    fraction = ""
    guard count <= 6, value.magnitude / UInt(Self.power(count)) < end else { return nil }
    (units, digits) = (value, count)
  }

  /// Ten to a small power.
  static func power(_ exponent: Int) -> Int { (0..<exponent).reduce(1) { value, _ in value * 10 } }

  /// The nearest whole number of units of some digits that is not below, or not above, this.
  func scaled(_ places: Int, isAbove: Bool, isStrict: Bool) -> Int {
    guard places < digits else {
      let exact = units * Self.power(places - digits)
      return isStrict ? exact + (isAbove ? 1 : -1) : exact
    }
    let unit = Self.power(digits - places)
    let floor = (units - ((units % unit) + unit) % unit) / unit
    // Its last digit is not 0, so that it lies between two.
    return isAbove ? floor + 1 : floor
  }
}

/// Decimal spellings of the numbers between two others.
enum NumberRange {
  /// The largest number that is spelt, in units of its last digit.
  static let largest = 999_999_999_999_999

  /// The numbers from one to another, in units of the last of some digits behind the point.
  ///
  /// - Returns: Alternatives; none where no number lies between them.
  static func nodes(from low: Int, to high: Int, places: Int) -> [GrammarNode] {
    guard low <= high else { return [] }
    var options: [GrammarNode] = []
    if low < 0 {
      let spelt = positive(max(1, -high), -low, places)
      options += spelt.map { .sequence([.literal("-"), $0]) }
    }
    if high >= 0 { options += positive(max(0, low), high, places) }
    return options
  }

  private static func positive(_ low: Int, _ high: Int, _ places: Int) -> [GrammarNode] {
    guard low <= high else { return [] }
    var options: [GrammarNode] = []
    var width = places + 1
    var first = 0
    while first <= high {
      let last = ShortDecimal.power(width) - 1
      if last >= low {
        let (a, b) = (digits(max(low, first), width), digits(min(high, last), width))
        options.append(between(a[...], b[...], places))
      }
      guard width < 16 else { break }
      first = last + 1
      width += 1
    }
    return options
  }

  private static func digits(_ value: Int, _ width: Int) -> [UInt32] {
    let text = String(value).utf8.map { UInt32($0) - 0x30 }
    return [UInt32](repeating: 0, count: width - text.count) + text
  }

  /// The digits between two numbers of the same width, with a point before the last `places`.
  private static func between(
    _ low: ArraySlice<UInt32>,
    _ high: ArraySlice<UInt32>,
    _ places: Int
  ) -> GrammarNode {
    guard let a = low.first, let b = high.first else { return .empty }
    func digit(_ from: UInt32, _ to: UInt32) -> GrammarNode {
      let node = GrammarNode.characters(ScalarSet([0x30 + from...0x30 + to]))
      return places > 0 && low.count == places ? .sequence([.literal("."), node]) : node
    }
    let (restA, restB) = (low.dropFirst(), high.dropFirst())
    if a == b { return .sequence([digit(a, a), between(restA, restB, places)]) }
    let (zeros, nines) = (restA.map { _ in UInt32(0) }, restA.map { _ in UInt32(9) })
    if restA.allSatisfy({ $0 == 0 }), restB.allSatisfy({ $0 == 9 }) {
      return .sequence([digit(a, b), anyDigits(restA.count, places)])
    }
    var options: [GrammarNode] = [
      .sequence([digit(a, a), between(restA, nines[...], places)]),
      .sequence([digit(b, b), between(zeros[...], restB, places)]),
    ]
    if a + 1 < b {
      options.append(.sequence([digit(a + 1, b - 1), anyDigits(restA.count, places)]))
    }
    return .choice(options)
  }

  private static func anyDigits(_ count: Int, _ places: Int) -> GrammarNode {
    let digits = GrammarNode.characters(.digits)
    guard places > 0, count >= places else {
      return .repeated(digits, minimum: count, maximum: count)
    }
    return .sequence([
      .repeated(digits, minimum: count - places, maximum: count - places), .literal("."),
      .repeated(digits, minimum: places, maximum: places),
    ])
  }
}
