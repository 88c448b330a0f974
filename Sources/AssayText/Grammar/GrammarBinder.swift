import Synchronization

/// Grammars of one tokenizer, of which the last ones are kept.
package final class GrammarBinder: Sendable {
  private struct Kept {
    var vocabulary: GrammarVocabulary?
    /// The latest last.
    var grammars: [TokenGrammar] = []
  }

  /// Most grammars that are kept.
  private static let most = 16

  private let tokenizer: any Tokenizer
  private let kept = Mutex(Kept())

  /// Makes a binder that knows nothing yet.
  ///
  /// - Parameter tokenizer: The tokenizer.
  package init(_ tokenizer: any Tokenizer) { self.tokenizer = tokenizer }

  /// The tokens of the tokenizer that a grammar allows.
  ///
  /// - Parameters:
  ///   - grammar: The grammar.
  ///   - ends: The tokens that end a text.
  /// - Returns: The same one as for an equal grammar before, where that is kept.
  /// - Throws: As `TokenGrammar.init`.
  package func bind(_ grammar: Grammar, ends: Set<Int32>) throws(GrammarError) -> TokenGrammar {
    try bind(grammar.source, ends: ends) { () throws(GrammarError) in grammar }
  }

  /// As above, of a grammar that is compiled where it is not known.
  ///
  /// - Parameters:
  ///   - source: What the grammar comes from.
  ///   - ends: The tokens that end a text.
  /// - Returns: The same one as for an equal grammar before, where that is kept.
  /// - Throws: As `TokenGrammar.init`, or what is wrong with the grammar.
  package func bind(
    _ source: Grammar.Source,
    ends: Set<Int32>
  ) throws(GrammarError) -> TokenGrammar {
    try bind(source, ends: ends) { () throws(GrammarError) in try .compiled(source) }
  }

  private func bind(
    _ source: Grammar.Source,
    ends: Set<Int32>,
    _ grammar: () throws(GrammarError) -> Grammar
  ) throws(GrammarError) -> TokenGrammar {
    let (known, vocabulary) = kept.withLock { kept in
      let place = kept.grammars.firstIndex { $0.grammar.source == source && $0.ends == ends }
      if let place { kept.grammars.append(kept.grammars.remove(at: place)) }
      let vocabulary = kept.vocabulary ?? GrammarVocabulary(tokenizer)
      kept.vocabulary = vocabulary
      return (place == nil ? nil : kept.grammars.last, vocabulary)
    }
    if let known { return known }
    let made = try TokenGrammar(grammar(), vocabulary, ends: ends)
    kept.withLock { kept in
      kept.grammars.append(made)
      if kept.grammars.count > Self.most { kept.grammars.removeFirst() }
    }
    return made
  }
}
