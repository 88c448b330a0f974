/// Which contents and wordings an item may have, where some are held out of training.
enum PlaygroundContent {
  /// All of them.
  case all
  /// Those of training.
  case train
  /// Those of training, and some that are the test's alone.
  case test
  /// Those held out.
  case unseen

  /// The contents of a split.
  init(_ split: PlaygroundSplit, holdsOut: Bool) {
    switch split {
    case _ where !holdsOut: self = .all
    case .corpus: self = .all
    case .train: self = .train
    case .test, .ood: self = .test
    case .unseen: self = .unseen
    }
  }

  /// Of the contents with these names, those that may occur: by their hash a sixth is held out, and a
  /// sixth the test's alone.
  func picks<Element>(_ elements: [Element], name: (Element) -> String) -> [Element] {
    guard self != .all else { return elements }
    return elements.filter { element in
      let part = PlaygroundRandom.hash(name(element)) % 6
      return switch self {
      case .all: true
      case .train: part > 1
      case .test: part > 0
      case .unseen: part == 0
      }
    }
  }

  /// Of wordings, those that may occur: the last `held` are held out.
  func wordings(_ count: Int, held: Int) -> [Int] {
    switch self {
    case .all: Array(0..<count)
    case .train, .test: Array(0..<(count - held))
    case .unseen: Array((count - held)..<count)
    }
  }
}
