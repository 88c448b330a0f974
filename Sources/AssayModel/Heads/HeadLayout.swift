/// A published way of keeping a reward model's head: how it is recognised, and what it computes.
///
/// A new one is a function that makes a descriptor of what a folder has, and a place in `all`.
package struct HeadLayout: Sendable {
  /// What the layout is called.
  package let name: String
  /// The descriptor of a folder of this layout; `nil` of another; throws where a part is missing.
  let recognise: @Sendable (HeadEvidence) throws -> HeadDescriptor?

  /// All that are known, in the order in which they are tried.
  package static let all: [HeadLayout] = [
    .cloud, .levels, .gated, .normals, .processMLP, .mlp, .internlm2, .starling, .athene, .process,
    .summary,
    .regression, .scoreModel, .compared, .pooled, .score,
  ]

  /// The head of a folder.
  ///
  /// - Parameter evidence: What is known of the folder.
  /// - Returns: Its descriptor; `nil` where the folder is a language model or has no head at all.
  /// - Throws: `HeadError` where a part of the head is missing, or where the class has code of its own and
  ///   none of the weights that it would be known by: such a folder is never given a random head.
  package static func recognise(_ evidence: HeadEvidence) throws -> HeadDescriptor? {
    for layout in all {
      guard let descriptor = try layout.recognise(evidence) else { continue }
      if case .rows = evidence.choice, layout.name != score.name {
        throw HeadError.weight(
          name: descriptor.layers.last?.name ?? "",
          reason:
            "is a \(descriptor.layout) layout, whose rows are known; --head row and softmax choose of "
            + "several labels of score.weight"
        )
      }
      return descriptor
    }
    guard evidence.isPlain else { throw unknown(evidence) }
    if case .rows = evidence.choice {
      throw HeadError.weight(
        name: "score.weight",
        reason: "is missing, and --head asks for its rows"
      )
    }
    return nil
  }

  /// A class of its own whose head is not known.
  static func unknown(_ evidence: HeadEvidence) -> HeadError {
    let others = evidence.strangers
    let some = others.prefix(4).joined(separator: ", ")
    let more = others.count > 4 ? " and \(others.count - 4) more" : ""
    return .setting(
      key: "architectures",
      reason:
        "\(evidence.className) is a class with code of its own, and the folder has no weights of a "
        + "head that is known (\(known)); "
        + (others.isEmpty ? "the head's weights are missing" : "what it has is \(some)\(more)")
    )
  }

  private static var known: String { all.map(\.name).joined(separator: ", ") }
}
