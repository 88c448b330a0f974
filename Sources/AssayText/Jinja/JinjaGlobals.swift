import Foundation

/// The functions that every template may call.
///
/// Source: Jinja2 3.1.6, `defaults.py` and `sandbox.py`; transformers, `chat_template_utils.py`.
enum JinjaGlobals {
  /// The functions by name, each made when a template asks for it.
  static let all: [String: @Sendable () -> JinjaCallable] = [
    "range": { JinjaCallable("range", body: range) },
    "dict": {
      let keys = JinjaCallable("fromkeys", body: fromKeys)
      return JinjaCallable("dict", attributes: [("fromkeys", .callable(keys))], body: dict)
    },
    "namespace": { JinjaCallable("namespace", body: namespace) },
    "cycler": { JinjaCallable("cycler", body: cycler) },
    "joiner": { JinjaCallable("joiner", body: joiner) },
    "lipsum": {
      JinjaCallable("lipsum") { evaluator, _ in
        throw evaluator.fail("'lipsum' is not supported: its result would differ from run to run")
      }
    },
    "raise_exception": {
      JinjaCallable("raise_exception") { evaluator, arguments in
        let message = try evaluator.arguments(
          arguments,
          "raise_exception",
          ["message"],
          required: 1
        )[0]
        throw evaluator.fail(try evaluator.string(message).string, kind: .refused)
      }
    },
    "strftime_now": { JinjaCallable("strftime_now", body: timeNow) },
  ]

  /// The sandbox makes no longer ranges.
  private static let maximumRange = 100_000

  private static func range(
    _ evaluator: JinjaEvaluator,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    let names = ["start", "stop", "step"]
    guard arguments.named.isEmpty else { throw evaluator.fail("'range' takes no named arguments") }
    let values = try evaluator.arguments(arguments, "range", names, required: 1)
    let numbers = try values.prefix(max(1, arguments.positional.count)).map {
      try evaluator.integer($0, "range")
    }
    let (start, stop) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
    let step = numbers.count > 2 ? numbers[2] : 1
    guard step != 0 else { throw evaluator.fail("the step of a range cannot be 0") }
    let (distance, overflows) = stop.subtractingReportingOverflow(start)
    let isEmpty = distance == 0 || (distance < 0) == (step > 0)
    let count = isEmpty ? 0 : (distance.magnitude - 1) / step.magnitude + 1
    guard !overflows, count <= maximumRange else {
      throw evaluator.fail("a range of more than \(maximumRange) numbers", kind: .limit)
    }
    return .range(JinjaRange(start: start, stop: stop, step: step, count: Int(count)))
  }

  /// The pairs that `dict` and `namespace` are called with.
  private static func pairs(
    _ evaluator: JinjaEvaluator,
    _ function: String,
    _ arguments: JinjaArguments
  ) throws -> [(JinjaValue, JinjaValue)] {
    var pairs: [(JinjaValue, JinjaValue)] = []
    let positional = JinjaArguments(positional: arguments.positional)
    if let value = try evaluator.optional(positional, function, ["pairs"])[0] {
      if case .dict(let dict) = value {
        pairs = Array(zip(dict.keys, dict.values))
      } else {
        for pair in try evaluator.items(of: value) {
          let parts = try evaluator.items(of: pair)
          guard parts.count == 2 else { throw evaluator.fail("'\(function)' takes pairs") }
          pairs.append((parts[0], parts[1]))
        }
      }
    }
    return pairs + arguments.named.map { (.text($0.name), $0.value) }
  }

  private static func dict(
    _ evaluator: JinjaEvaluator,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    try evaluator.dict(try pairs(evaluator, "dict", arguments))
  }

  /// `dict.fromkeys(keys, value)`.
  static func fromKeys(
    _ evaluator: JinjaEvaluator,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    let values = try evaluator.arguments(arguments, "fromkeys", ["keys", "value"], required: 1)
    return try evaluator.dict(try evaluator.items(of: values[0]).map { ($0, values[1]) })
  }

  private static func namespace(
    _ evaluator: JinjaEvaluator,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    try evaluator.namespace(
      try pairs(evaluator, "namespace", arguments).map { key, value in
        let name = try evaluator.text(key, "namespace").string
        try evaluator.checkNamespaceName(name)
        return (name, value)
      }
    )
  }

  private static func cycler(
    _ evaluator: JinjaEvaluator,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    let items = arguments.positional
    guard !items.isEmpty, arguments.named.isEmpty else {
      throw evaluator.fail("'cycler' needs values")
    }
    guard case .namespace(let cycle) = try evaluator.namespace([]) else { return .none }
    let place = Place()
    func turn(to index: Int) {
      place.index = index
      cycle["current"] = items[index]
    }
    cycle["next"] = try evaluator.callable("next", holding: items) { _, _ in
      defer { turn(to: (place.index + 1) % items.count) }
      return items[place.index]
    }
    cycle["reset"] = try evaluator.callable("reset") { _, _ in
      turn(to: 0)
      return .none
    }
    turn(to: 0)
    return .namespace(cycle)
  }

  private static func joiner(
    _ evaluator: JinjaEvaluator,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    let separator = try evaluator.optional(arguments, "joiner", ["sep"])[0] ?? .text(", ")
    let place = Place()
    return try evaluator.callable("joiner", holding: [separator]) { _, _ in
      defer { place.index = 1 }
      return place.index == 0 ? .text("") : separator
    }
  }

  private final class Place { var index = 0 }

  /// `strftime_now(format)`: the local time, as C's `strftime` writes it.
  private static func timeNow(
    _ evaluator: JinjaEvaluator,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    let value = try evaluator.arguments(arguments, "strftime_now", ["format"], required: 1)[0]
    let format = try evaluator.text(value, "strftime_now").string
    guard format.utf8.count <= 1000, !format.utf8.contains(0) else {
      throw evaluator.fail("'strftime_now' takes a format of at most 1000 characters")
    }
    var seconds = time_t(evaluator.now.timeIntervalSince1970.rounded(.down))
    var parts = tm()
    localtime_r(&seconds, &parts)
    // The mark at the front tells an empty result from one that does not fit.
    var buffer = [CChar](repeating: 0, count: 16_384)
    let length = strftime(&buffer, buffer.count, "." + prepared(format, evaluator.now), &parts)
    guard length > 0 else { throw evaluator.fail("'strftime_now' makes too long a text") }
    let bytes = buffer[1..<length].map { UInt8(bitPattern: $0) }
    return try evaluator.text(JinjaText(String(decoding: bytes, as: UTF8.self)))
  }

  /// The format without what Python itself fills in: microseconds, and the zone, which is not known.
  private static func prepared(_ format: String, _ now: Date) -> String {
    var result = ""
    var isDirective = false
    let fraction = now.timeIntervalSince1970 - now.timeIntervalSince1970.rounded(.down)
    for character in format {
      guard isDirective else {
        isDirective = character == "%"
        if !isDirective { result.append(character) }
        continue
      }
      isDirective = false
      switch character {
      case "f": result += String(format: "%06d", Int(fraction * 1_000_000))
      case "z", "Z": break
      default: result += "%\(character)"
      }
    }
    return result + (isDirective ? "%" : "")
  }
}
