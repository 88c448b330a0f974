/// An expression, with how high the tree below it is.
final class JinjaExpression: Sendable {
  indirect enum Kind: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(JinjaText)
    case name(Int)
    case list([JinjaExpression])
    case tuple([JinjaExpression])
    case dict([(key: JinjaExpression, value: JinjaExpression)])
    case member(JinjaExpression, JinjaText)
    case item(JinjaExpression, JinjaExpression)
    case slice(JinjaExpression, [JinjaExpression?])
    case call(JinjaExpression, JinjaSyntaxArguments)
    case filters(JinjaExpression, [JinjaApplication])
    case test(JinjaExpression, JinjaApplication)
    case not(JinjaExpression)
    case sign(JinjaExpression, isMinus: Bool)
    case any([JinjaExpression])
    case all([JinjaExpression])
    case compare(JinjaExpression, [(comparison: JinjaComparison, right: JinjaExpression)])
    /// Operations of one precedence, from the left.
    case arithmetic(JinjaExpression, [(operation: JinjaOperation, right: JinjaExpression)])
    case concatenation([JinjaExpression])
    case conditional(test: JinjaExpression, yes: JinjaExpression, no: JinjaExpression?)
  }

  let kind: Kind
  let line: Int
  let height: Int

  init(_ kind: Kind, line: Int, height: Int) {
    self.kind = kind
    self.line = line
    self.height = height
  }
}

enum JinjaComparison: String {
  case equal = "==", notEqual = "!=", less = "<", lessEqual = "<="
  case greater = ">", greaterEqual = ">=", isIn = "in", isNotIn = "not in"
}

enum JinjaOperation: String {
  case plus = "+", minus = "-", times = "*", divided = "/"
  case floorDivided = "//", modulo = "%", power = "**"
}

/// The arguments of a call as they are written.
struct JinjaSyntaxArguments: Sendable {
  var positional: [JinjaExpression] = []
  var named: [(name: String, value: JinjaExpression)] = []
  /// `*args`.
  var list: JinjaExpression?
  /// `**kwargs`.
  var mapping: JinjaExpression?

  var all: [JinjaExpression] {
    positional + named.map(\.value) + [list, mapping].compactMap { $0 }
  }
}

/// A filter or test with its arguments.
struct JinjaApplication: Sendable {
  var name: String
  var arguments: JinjaSyntaxArguments
  var line: Int
}

/// What a value is assigned to.
indirect enum JinjaTarget: Sendable {
  case name(Int)
  case member(namespace: Int, name: String)
  case tuple([JinjaTarget])

  /// The ids of the variables that are assigned.
  var names: [Int] {
    switch self {
    case .name(let id): [id]
    case .member: []
    case .tuple(let targets): targets.flatMap(\.names)
    }
  }
}

/// A statement and its line.
struct JinjaStatement: Sendable {
  indirect enum Kind: Sendable {
    case data(JinjaText)
    case output(JinjaExpression)
    case set(JinjaTarget, JinjaExpression)
    case setBlock(JinjaTarget, [JinjaApplication], [JinjaStatement])
    case conditional([(test: JinjaExpression, body: [JinjaStatement])], otherwise: [JinjaStatement])
    case loop(JinjaLoopSyntax)
    case macro(JinjaMacro)
    case call(JinjaMacro, JinjaExpression)
    case filter([JinjaApplication], [JinjaStatement])
    case with([(target: JinjaTarget, value: JinjaExpression)], [JinjaStatement])
    /// Statements with variables of their own, such as a `generation` block.
    case scope([JinjaStatement])
    case breakLoop
    case continueLoop
  }

  var kind: Kind
  var line: Int
}

struct JinjaLoopSyntax: Sendable {
  var target: JinjaTarget
  var items: JinjaExpression
  var test: JinjaExpression?
  var isRecursive: Bool
  var body: [JinjaStatement]
  var otherwise: [JinjaStatement]
}

struct JinjaMacro: Sendable {
  var name: String
  var id: Int
  var parameters: [(name: String, id: Int, standard: JinjaExpression?)]
  var body: [JinjaStatement]
  /// Which of `caller`, `varargs` and `kwargs` the body asks for.
  var asksFor: Set<String>
}
