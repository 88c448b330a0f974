/// Macros and `call` blocks.
extension JinjaEvaluator {
  private func id(of name: String) -> Int? { names.firstIndex(of: name) }

  /// A macro as a value, which sees the variables around it.
  func function(of macro: JinjaMacro) throws -> JinjaValue {
    let home = scope
    scopes.append(home)
    try charge(8)
    let callable = JinjaCallable(
      macro.name,
      attributes: [("name", .text(macro.name))]
    ) { evaluator, arguments in
      try evaluator.call(macro, in: home, arguments)
    }
    callables.append(callable)
    return .callable(callable)
  }

  private func call(
    _ macro: JinjaMacro,
    in home: JinjaScope,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    let inner = JinjaScope(parent: home)
    var named = arguments.named
    var missing: [(id: Int, name: String, standard: JinjaExpression?)] = []
    for (index, parameter) in macro.parameters.enumerated() {
      if index < arguments.positional.count {
        inner.set(parameter.id, arguments.positional[index])
      } else if let place = named.firstIndex(where: { $0.name == parameter.name }) {
        inner.set(parameter.id, named.remove(at: place).value)
      } else {
        missing.append((parameter.id, parameter.name, parameter.standard))
      }
    }
    let extra = arguments.positional.dropFirst(macro.parameters.count)
    guard extra.isEmpty || macro.asksFor.contains("varargs") else {
      throw fail("the macro '\(macro.name)' takes no more than \(macro.parameters.count) arguments")
    }
    if macro.asksFor.contains("caller"), let id = id(of: "caller") {
      let place = named.firstIndex { $0.name == "caller" }
      inner.set(
        id,
        place.map { named.remove(at: $0).value }
          ?? .undefined(JinjaUndefined(message: "the macro was called without a 'call' block"))
      )
    }
    if macro.asksFor.contains("kwargs"), let id = id(of: "kwargs") {
      inner.set(id, try dict(named.map { (.text($0.name), $0.value) }))
    } else if let unknown = named.first {
      throw fail("the macro '\(macro.name)' takes no argument named '\(unknown.name)'")
    }
    if macro.asksFor.contains("varargs"), let id = id(of: "varargs") {
      inner.set(id, try tuple(Array(extra)))
    }
    return try within(inner) {
      for parameter in missing {
        let message = "parameter '\(parameter.name)' was not provided"
        let value = try parameter.standard.map { try evaluate($0) }
        inner.set(parameter.id, value ?? .undefined(JinjaUndefined(message: message)))
      }
      return .text(try captured { _ = try run(macro.body) })
    }
  }
}
