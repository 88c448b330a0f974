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
