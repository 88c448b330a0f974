import Synchronization

/// Which tokens of a vocabulary a grammar allows where.
///
/// What is worked out once is kept, for all texts of the grammar. Safe to use from several threads.
package final class TokenGrammar: Sendable, Equatable {
  /// A letter whose probability is read where it may come.
  package struct Letter: Sendable, Hashable {
    /// Its text.
    package let text: String
    /// The tokens that are this text.
    package let tokens: [Int32]
  }

  /// The grammar.
  package let grammar: Grammar
  /// The tokens that end a text.
  package let ends: Set<Int32>
  let vocabulary: GrammarVocabulary
  /// The letters whose probability is read.
  package let letters: [Letter]
  private let automaton: GrammarAutomaton
  private let tables: Mutex<GrammarTables>

  /// Makes a grammar of tokens.
  ///
  /// - Parameters:
  ///   - grammar: What texts are allowed.
  ///   - vocabulary: The tokens.
  ///   - ends: The tokens that end a text.
  /// - Throws: `GrammarError.unspellable` where the vocabulary has not the bytes, or `tooLarge`.
  package init(
    _ grammar: Grammar,
    _ vocabulary: GrammarVocabulary,
    ends: Set<Int32>
  ) throws(GrammarError) {
    self.grammar = grammar
    self.ends = ends
    self.vocabulary = vocabulary
    // Only what single bytes can spell, so that every text that is begun can be ended.
    if vocabulary.spellable.allSatisfy(\.self) {
      automaton = grammar.automaton
    } else {
      do throws(GrammarError) {
        automaton = try GrammarAutomaton(grammar.rules, spellable: vocabulary.spellable)
      } catch {
        guard case .unspellable = error else { throw error }
        throw .unspellable(grammar: grammar.source.name)
      }
    }
    letters = automaton.decided.map {
      Letter(text: String(decoding: $0, as: UTF8.self), tokens: vocabulary.tokens(spelling: $0))
    }
    tables = Mutex(GrammarTables(automaton, vocabulary))
  }

  package static func == (left: TokenGrammar, right: TokenGrammar) -> Bool { left === right }

  /// The beginning of a text.
  package var start: GrammarCursor {
    let (state, epoch) = tables.withLock { ($0.machine.start, $0.epoch) }
    return GrammarCursor(grammar: self, state: state, epoch: epoch)
  }

  /// The most bytes that the shortest text has: it has no more tokens than that.
  package var shortest: Int { Int(automaton.distances[Int(automaton.starts[0])]) }

  fileprivate func withTables<Result: Sendable>(
    _ body: (inout GrammarTables) -> Result
  ) -> Result {
    tables.withLock { body(&$0) }
  }
}

/// A place in a text that a grammar allows.
package struct GrammarCursor: Sendable {
  /// The grammar.
  package let grammar: TokenGrammar
  fileprivate var state: Int32
  fileprivate var epoch: Int
  /// What was read, for the case that what is kept was dropped meanwhile.
  private var tokens: [Int32] = []

  fileprivate init(grammar: TokenGrammar, state: Int32, epoch: Int) {
    self.grammar = grammar
    self.state = state
    self.epoch = epoch
  }

  /// Reads a token.
  ///
  /// - Parameter token: A token that is no end.
  /// - Returns: Whether it is allowed; where not, the place is left for good.
  package mutating func take(_ token: Int32) -> Bool {
    state = atPlace { tables, here in tables.next(here, token) }
    tokens.append(token)
    return state >= 0
  }

  /// The tokens that may come next.
  ///
  /// Where few tokens are left, only those that leave room for the shortest end; where none does, all.
  ///
  /// - Parameter remaining: How many tokens the text may still have.
  /// - Returns: The mask; of a place that is left for good nothing is allowed.
  package mutating func mask(remaining: Int) -> TokenMask {
    let ends = grammar.ends
    return atPlace { tables, here in tables.mask(here, remaining: remaining, ends: ends) }
  }

  /// Does something at this place, whose number is found again where what is kept was dropped.
  private mutating func atPlace<Result: Sendable>(
    _ body: (inout GrammarTables, Int32) -> Result
  ) -> Result {
    let (here, known) = (state, epoch)
    let done: Result? = grammar.withTables { tables in
      tables.dropExcess()
      return tables.epoch == known ? body(&tables, here) : nil
    }
    if let done { return done }
    let read = tokens
    let (again, place, now) = grammar.withTables { tables in
      let place = here < 0 ? here : tables.place(behind: read)
      return (body(&tables, place), place, tables.epoch)
    }
    (state, epoch) = (place, now)
    return again
  }
}
