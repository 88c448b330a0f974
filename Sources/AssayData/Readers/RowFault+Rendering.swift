// Rows that a model's chat template cannot render: what is wrong is the row, and others go on.

import AssayText

extension TokenLimit {
  /// Returns how many tokens a record has.
  ///
  /// - Throws: `RowFault` where the chat template has no place for what the record says; what `measure`
  ///   throws otherwise.
  package func measured(_ record: Record) throws -> Int {
    do {
      return try measure(record)
    } catch let error as TextError {
      guard let fault = RowFault(error) else { throw error }
      throw fault
    }
  }

  /// Refuses a record that is too long.
  ///
  /// - Returns: Its tokens.
  /// - Throws: `RowFault`, also where it cannot be rendered; what `measure` throws otherwise.
  @discardableResult
  func checked(_ record: Record) throws -> Int {
    let count = try measured(record)
    guard count > maximumTokens else { return count }
    throw RowFault(
      kind: .tooLong,
      detail: "\(count) tokens, more than the limit of \(maximumTokens)"
    )
  }

  /// This limit and another one, of another model that reads the same records.
  package func and(_ other: TokenLimit?) -> TokenLimit {
    guard let other else { return self }
    return TokenLimit(maximumTokens: maximumTokens) { record in
      try other.checked(record)
      return try measure(record)
    }
  }
}

extension RowFault {
  /// The fault of a row that cannot be rendered; `nil` where the model's own files are at fault.
  fileprivate init?(_ error: TextError) {
    switch error {
    case .unknownRole, .template, .omittedContent, .notPair: break
    default: return nil
    }
    let sentence = error.description
    let isClosed = sentence.hasSuffix(".") && !sentence.hasSuffix("..")
    let words = isClosed ? sentence.dropLast() : sentence[...]
    self.init(kind: .badConversation, detail: words.prefix(1).lowercased() + words.dropFirst())
  }
}
