// Rows that come in a request rather than in a file; the readers of files parse them.

import AssayBase
import AssayText

/// What is wrong with a row that came without a file.
package struct RowRefusal: Error, Equatable, Sendable {
  /// Which key, what was expected, what was found.
  package let detail: String

  /// Makes one.
  package init(detail: String) { self.detail = detail }
}

extension ResponseRecord {
  /// Reads a response to score, as `ResponseReader` does.
  ///
  /// - Parameters:
  ///   - row: An object.
  ///   - index: Its id where it has none.
  /// - Throws: `RowRefusal`.
  package init(row: JSONValue, index: Int) throws(RowRefusal) {
    do throws(RowFault) {
      try self.init(try RowFields(row, index: index))
    } catch {
      throw RowRefusal(detail: error.detail)
    }
  }
}

extension PreferencePair {
  /// Reads a pair that may have no label, as `PairReader.readUnlabelled` does.
  ///
  /// - Parameters:
  ///   - row: An object.
  ///   - index: Its id where it has none.
  /// - Throws: `RowRefusal`.
  package init(unlabelledRow row: JSONValue, index: Int) throws(RowRefusal) {
    do throws(RowFault) {
      let fields = try RowFields(row, index: index)
      try self.init(try fields.named() ?? fields)
    } catch {
      throw RowRefusal(detail: error.detail)
    }
  }
}

extension Message {
  /// Reads a list of messages, whose contents are texts or OpenAI's lists of text parts.
  ///
  /// - Parameters:
  ///   - value: The list.
  ///   - key: What it is called in the error.
  /// - Returns: At least one message.
  /// - Throws: `RowRefusal`.
  package static func list(_ value: JSONValue, key: String) throws(RowRefusal) -> [Message] {
    do throws(RowFault) {
      let fields = try RowFields(.object([JSONMember(key, value)]), index: 0)
      guard case .messages(let messages) = try fields.turns(key) else {
        throw RowFields.wrongType(key, "a list of messages", value)
      }
      return messages
    } catch {
      throw RowRefusal(detail: error.detail)
    }
  }
}
