/// Reads regular expressions that an automaton can follow.
///
/// Literals, `.` (all but a line feed), classes, `\d \w \s` and their opposites (ASCII), escapes of
/// characters, groups with and without a name, alternatives, and the quantifiers `* + ? {n} {n,} {,m}
/// {n,m}`, whose lazy forms mean the same here. `^` at the beginning and `$` at the end change nothing,
/// as the whole text is matched. What looks around, refers back or switches modes is refused.
///
/// Source: the syntax of Python's `re` and of ECMA-262, where they agree.
struct RegexReader {
  /// Most repetitions of one quantifier.
  private static let mostRepetitions = 10_000
  /// Deepest nesting of groups.
  private static let deepest = 200
  /// Most states and steps of the automaton of a pattern alone.
  private static let mostStates = 50_000
  private static let mostSteps = 4_000_000

  private let pattern: String
  private let scalars: [Unicode.Scalar]
  private var place = 0
  private var depth = 0

  private init(_ pattern: String) {
    self.pattern = pattern
    scalars = Array(pattern.unicodeScalars)
  }

  /// Reads a pattern and makes sure that its automaton is of a reasonable size.
  ///
  /// - Parameter pattern: The pattern.
  /// - Returns: What a text may be.
  /// - Throws: `GrammarError.regex` or `regexTooLarge`.
  static func read(_ pattern: String) throws(GrammarError) -> GrammarNode {
    var reader = RegexReader(pattern)
    let node = try reader.alternatives()
    guard reader.place == reader.scalars.count else { throw reader.failure("it closes no group") }
    do throws(GrammarError) {
      let automaton = try GrammarAutomaton(GrammarRules(node, name: "pattern"))
      var machine = GrammarMachine(automaton)
      guard machine.explore(mostStates: mostStates, mostSteps: mostSteps) else {
        throw GrammarError.tooLarge(
          reason: "needs more than \(mostStates) states, or too long to build"
        )
      }
    } catch {
      switch error {
      case .tooLarge(let reason): throw .regexTooLarge(pattern: pattern, reason: reason)
      case .unspellable: throw reader.failure("it matches no text", at: 0)
      default: throw error
      }
    }
    return node
  }

  private func failure(_ reason: String, at place: Int? = nil) -> GrammarError {
    .regex(pattern: pattern, character: (place ?? self.place) + 1, reason: reason)
  }

  private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

  private mutating func takes(_ text: String) -> Bool {
    let wanted = Array(text.unicodeScalars)
    guard scalars[place...].starts(with: wanted) else { return false }
    place += wanted.count
    return true
  }

  // MARK: Structure

  private mutating func alternatives() throws(GrammarError) -> GrammarNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw failure("groups are nested too deeply") }
    var options = [try sequence()]
    while takes("|") { options.append(try sequence()) }
    return options.count == 1 ? options[0] : .choice(options)
  }

  private mutating func sequence() throws(GrammarError) -> GrammarNode {
    var parts: [GrammarNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      if scalar == "^" {
        guard parts.isEmpty, depth == 1 else {
          throw failure("^ stands elsewhere than at the beginning; the whole text is matched")
        }
        place += 1
      } else if scalar == "$" {
        guard depth == 1, place + 1 == scalars.count || scalars[place + 1] == "|" else {
          throw failure("$ stands elsewhere than at the end; the whole text is matched")
        }
        place += 1
      } else {
        parts.append(try quantified(try atom()))
      }
    }
    return parts.count == 1 ? parts[0] : .sequence(parts)
  }

  private mutating func quantified(_ atom: GrammarNode) throws(GrammarError) -> GrammarNode {
    let start = place
    let limits: (Int, Int?)
    switch next {
    case "*": limits = (0, nil)
    case "+": limits = (1, nil)
    case "?": limits = (0, 1)
    case "{":
      guard let counted = try counts() else {
        throw failure("{ is no count such as {2,5}; write \\{ for the character")
      }
      limits = counted
      place -= 1
    default: return atom
    }
    place += 1
    if next == "+" { throw failure("possessive quantifiers are not supported") }
    if next == "?" { place += 1 }
    if let after = next, "*+?{".unicodeScalars.contains(after) {
      throw failure("a quantifier follows a quantifier; put a group around what is repeated")
    }
    guard limits.0 <= limits.1 ?? limits.0 else {
      throw failure("the least count is above the most", at: start)
    }
    return .repeated(atom, minimum: limits.0, maximum: limits.1)
  }

  /// Reads `{n}`, `{n,}`, `{,m}` or `{n,m}`.
  private mutating func counts() throws(GrammarError) -> (Int, Int?)? {
    let start = place
    place += 1
    let low = try count(start)
    var high = low
    if takes(",") { high = try count(start) } else if low == nil { return nil }
    guard takes("}"), low != nil || high != nil else { return nil }
    return (low ?? 0, high)
  }

  private mutating func count(_ start: Int) throws(GrammarError) -> Int? {
    var value: Int?
    while let scalar = next, ("0"..."9").contains(scalar) {
      value = (value ?? 0) * 10 + Int(scalar.value - 0x30)
      place += 1
      guard value ?? 0 <= Self.mostRepetitions else {
        throw failure("it repeats more than \(Self.mostRepetitions) times", at: start)
      }
    }
    return value
  }

  private mutating func atom() throws(GrammarError) -> GrammarNode {
    guard let scalar = next else { return .empty }
    switch scalar {
    case "(": return try group()
    case "[": return .characters(try characterClass())
    case ".":
      place += 1
      return .characters(ScalarSet(of: "\n").inverted)
    case "\\":
      place += 1
      return .characters(try escaped(inClass: false))
    case "*", "+", "?": throw failure("nothing stands before \(scalar)")
    case "{": throw failure("nothing stands before {; write \\{ for the character")
    default:
      place += 1
      return .characters(ScalarSet([scalar.value...scalar.value]))
    }
  }

  private mutating func group() throws(GrammarError) -> GrammarNode {
    let start = place
    place += 1
    if takes("?") {
      if takes("P<") || next == "<" && !["=", "!"].contains(following) {
        _ = takes("<")
        while let scalar = next,
          scalar.properties.isAlphabetic || ScalarSet.words.contains(scalar.value)
        { place += 1 }
        guard takes(">") else { throw failure("the group's name has no end", at: start) }
      } else if !takes(":") {
        throw failure(
          "groups that look around, refer back or switch modes, such as (?= and (?i), are not supported",
          at: start
        )
      }
    }
    let node = try alternatives()
    guard takes(")") else { throw failure("the group has no end", at: start) }
    return node
  }

  private var following: Unicode.Scalar? {
    place + 1 < scalars.count ? scalars[place + 1] : nil
  }

  // MARK: Characters

  private mutating func escaped(inClass: Bool) throws(GrammarError) -> ScalarSet {
    guard let scalar = next else { throw failure("a \\ stands at the end") }
    let start = place - 1
    place += 1
    switch scalar {
    case "d": return .digits
    case "D": return ScalarSet.digits.inverted
    case "w": return .words
    case "W": return ScalarSet.words.inverted
    case "s": return .spaces
    case "S": return ScalarSet.spaces.inverted
    case "n": return ScalarSet(of: "\n")
    case "r": return ScalarSet(of: "\r")
    case "t": return ScalarSet(of: "\t")
    case "f": return ScalarSet([0x0C...0x0C])
    case "v": return ScalarSet([0x0B...0x0B])
    case "b" where inClass: return ScalarSet([0x08...0x08])
    case "x": return try number(digits: 2, start)
    case "u":
      guard takes("{") else { return try number(digits: 4, start) }
      return try number(digits: nil, start)
    case "0" where !("0"..."9").contains(next ?? "a"): return ScalarSet([0...0])
    default:
      guard !ScalarSet.words.contains(scalar.value) else {
        throw failure("\\\(scalar) is not supported", at: start)
      }
      return ScalarSet([scalar.value...scalar.value])
    }
  }

  /// Reads a code point of some hexadecimal digits, or of those up to `}`.
  private mutating func number(digits: Int?, _ start: Int) throws(GrammarError) -> ScalarSet {
    var text = ""
    while let scalar = next, ScalarSet.hexadecimal.contains(scalar.value), text.count < digits ?? 6
    {
      text.unicodeScalars.append(scalar)
      place += 1
    }
    let isWhole = digits == nil ? takes("}") && !text.isEmpty : text.count == digits
    guard isWhole, let value = UInt32(text, radix: 16), Unicode.Scalar(value) != nil else {
      throw failure("this is no code point of a character", at: start)
    }
    return ScalarSet([value...value])
  }

  private mutating func characterClass() throws(GrammarError) -> ScalarSet {
    let start = place
    place += 1
    let isInverted = takes("^")
    var ranges: [ClosedRange<UInt32>] = []
    var isFirst = true
    while let scalar = next, scalar != "]" || isFirst {
      if scalar == "]" { throw failure("an empty class; write \\] for the character") }
      isFirst = false
      let low = try member()
      // A hyphen before the end is itself.
      guard next == "-", following != "]", following != nil else {
        ranges += low.ranges
        continue
      }
      let hyphen = place
      place += 1
      let high = try member()
      guard let from = low.single, let to = high.single, from <= to else {
        throw failure("this is no range of characters", at: hyphen)
      }
      ranges.append(from...to)
    }
    guard takes("]") else { throw failure("the class has no end", at: start) }
    let set = isInverted ? ScalarSet(ranges).inverted : ScalarSet(ranges)
    guard !set.isEmpty else { throw failure("the class has no characters", at: start) }
    return set
  }

  private mutating func member() throws(GrammarError) -> ScalarSet {
    guard let scalar = next else { throw failure("the class has no end") }
    place += 1
    if scalar == "\\" { return try escaped(inClass: true) }
    if scalar == "[", let after = next, [":", ".", "="].contains(after) {
      throw failure("classes by name, such as [:alpha:], are not supported", at: place - 1)
    }
    return ScalarSet([scalar.value...scalar.value])
  }
}

extension ScalarSet {
  /// The only scalar in it, if it has one.
  fileprivate var single: UInt32? {
    ranges.count == 1 && ranges[0].count == 1 ? ranges[0].lowerBound : nil
  }
}
