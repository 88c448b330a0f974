/// Where a character of a rendered conversation comes from.
package enum TextOrigin: Hashable, Sendable {
  /// The template itself, the special tokens that it is given, and the names of roles.
  case template
  /// A message, by its index: its content, its tool calls, whatever it carries.
  case content(message: Int)
  /// What else the caller gave: tools, documents, further variables.
  case data
}

/// A conversation as a template wrote it, with the origin of each part.
package struct RenderedText: Hashable, Sendable {
  /// A stretch of text of one origin.
  package struct Span: Hashable, Sendable {
    /// The text; never empty.
    package var text: String
    /// Where it comes from.
    package var origin: TextOrigin

    /// Makes a stretch.
    package init(text: String, origin: TextOrigin) {
      self.text = text
      self.origin = origin
    }
  }

  /// The parts in order; neighbours differ in origin.
  package var spans: [Span]

  /// The whole as one text, as `transformers` returns it.
  package var text: String { spans.map(\.text).joined() }
}

/// Why a template cannot be read or rendered.
package struct JinjaError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of failure it is.
  package enum Kind: Equatable, Sendable {
    /// The template is not valid Jinja.
    case syntax
    /// An expression has no value, such as the sum of a text and a number.
    case evaluation
    /// The template itself refuses the conversation by `raise_exception`.
    case refused
    /// A limit on steps, size or nesting is reached.
    case limit
  }

  /// The line of the template, counted from 1.
  package var line: Int
  /// What kind of failure it is.
  package var kind: Kind
  /// What is wrong, without the place.
  package var reason: String

  /// One sentence: what happened, where, and why.
  package var description: String {
    switch kind {
    case .syntax: "The chat template is not valid Jinja at line \(line): \(reason)."
    case .evaluation: "The chat template fails at line \(line): \(reason)."
    case .refused: "The chat template refuses the conversation at line \(line): \(reason)"
    case .limit: "The chat template is stopped at line \(line): \(reason)."
    }
  }
}

/// What a rendering may use before it is stopped.
package struct JinjaLimits: Hashable, Sendable {
  /// Units of work: about one an expression or list item, and one for eight characters made.
  ///
  /// Each byte of the conversation allows for 32 more.
  package var steps = 2_000_000
  /// The longest text, in code points.
  package var textLength = 16_000_000
  /// How deep expressions, statements and macro calls may stand in each other.
  package var depth = 400

  /// Limits that no template in use comes near.
  package init() {}
}
