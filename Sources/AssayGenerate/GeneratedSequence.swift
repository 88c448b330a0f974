import AssayModel
import AssayTensor
import AssayText
import Foundation

/// A request on its way; its tokens lie at the positions behind the prompt's.
final class GeneratedSequence {
  /// What the next step does with the sequence.
  enum State {
    /// Reads the newest token and picks another.
    case writing
    /// Reads the last token of the text; the closing token comes next.
    case ending
    /// Reads the closing token, for its reward.
    case closing
    /// Nothing: the result is there.
    case done
  }

  /// The request's index.
  let index: Int
  let request: GenerationRequest
  private let seed: UInt64
  /// How many pages of its own it takes.
  let ownPages: Int
  /// Pages that no other sequence uses.
  var pages: [Int32] = []
  /// All its pages in the order of positions.
  var table: [Int32] = []
  var group: PromptGroup?
  var state = State.writing
  /// The token to read next, at `position`.
  var next: Int32 = 0
  var position: Int
  private(set) var tokens: [Int32] = []
  private(set) var logProbabilities: [Float] = []
  private(set) var topLogProbabilities: [[TokenLogProbability]] = []
  /// The text where a stop string cut it.
  private(set) var text: String?
  var finishReason = FinishReason.length
  var scanner: StopScanner?
  /// Where the text stands in its grammar, and the tokens that may come next.
  private var cursor: GrammarCursor?
  private(set) var mask: TokenMask?
  /// The probabilities of letters where the grammar last let the model decide.
  private(set) var decision: [String: Double] = [:]
  /// Different ids of prompt and text, where a penalty asks for them.
  private var seen: [Int32] = []
  private var isSeen: Set<Int32> = []

  init(index: Int, request: GenerationRequest, ownPages: Int) {
    self.index = index
    self.request = request
    seed = request.settings.temperature == 0 ? 0 : request.drawSeed
    self.ownPages = ownPages
    position = request.promptTokens.count
    scanner = StopScanner(request.stopStrings)
    request.promptTokens.forEach(see)
    cursor = request.grammar?.start
    mask = cursor?.mask(remaining: request.maximumTokens)
  }

  var samplingRow: SamplingRow {
    SamplingRow(
      settings: request.settings,
      seed: seed,
      step: tokens.count,
      seen: seen,
      topCount: request.topLogProbabilities,
      mask: mask?.words,
      readTokens: mask?.decides == true ? request.grammar?.letters.flatMap(tokens(of:)) ?? [] : []
    )
  }

  /// The tokens that are a letter, however spelt.
  private func tokens(of letter: TokenGrammar.Letter) -> [Int32] {
    letter.tokens + (request.spellings[letter.text] ?? [])
  }

  /// Appends a picked token, which the next step reads.
  func add(_ token: Int32, _ logProbability: Float, top: [TokenLogProbability]) {
    tokens.append(token)
    if request.topLogProbabilities > 0 { topLogProbabilities.append(top) }
    if request.wantsLogProbabilities { logProbabilities.append(logProbability) }
    next = token
    see(token)
    // A token that is not allowed, of logits that are no numbers, ends the text.
    _ = cursor?.take(token)
    mask = cursor?.mask(remaining: request.maximumTokens - tokens.count)
  }

  /// Notes what the model gives the letters that it may decide between now.
  func decide(_ read: [TokenLogProbability]) {
    guard let letters = request.grammar?.letters, !read.isEmpty else { return }
    for letter in letters {
      let own = tokens(of: letter)
      decision[letter.text] = read.filter { own.contains($0.id) }
        .reduce(0) { $0 + exp(Double($1.logProbability)) }
    }
  }

  /// Why the grammar ends the text: it is complete, or left.
  var grammarEnd: FinishReason? {
    guard let mask, mask.isComplete else { return nil }
    return mask.mayEnd ? .stop : .length
  }

  /// Drops the tokens from a stop string on.
  func cut(to kept: Int, text: String) {
    tokens.removeLast(tokens.count - kept)
    logProbabilities.removeLast(max(0, logProbabilities.count - kept))
    topLogProbabilities.removeLast(max(0, topLogProbabilities.count - kept))
    self.text = text
  }

  /// Lets the next steps read what is left of the text and then the closing token.
  func prepareToClose() {
    let read = position - request.promptTokens.count
    if tokens.count > read {
      state = .ending
    } else {
      position = request.promptTokens.count + tokens.count
      close()
    }
  }

  /// Lets the next step read the closing token.
  func close() {
    state = .closing
    next = request.closing ?? 0
  }

  private func see(_ token: Int32) {
    guard request.settings.repetitionPenalty != 1 else { return }
    if isSeen.insert(token).inserted { seen.append(token) }
  }
}

/// Sequences with one prompt and the pages of it.
final class PromptGroup {
  let prompt: [Int32]
  /// All sequences, the first last, until the prompt is read.
  var all: [GeneratedSequence]
  /// Those that have no place in the batch yet, the first last.
  var waiting: [GeneratedSequence]
  /// Sequences that are not finished.
  var remaining: Int
  /// The prompt's pages that the group owns.
  var pages: [Int32] = []
  /// The prompt's pages.
  let promptTable: [Int32]
  /// Pages that the prompt's end is to be copied to.
  var copies: [Int32] = []
  /// Sequences with pages that wait until the prompt is read.
  var seated: [GeneratedSequence] = []
  /// Tokens whose keys and values are there, or are computed now.
  var readCount: Int

  init(prompt: [Int32], sequences: [GeneratedSequence], pages: [Int32], readCount: Int) {
    self.prompt = prompt
    self.readCount = readCount
    all = sequences
    waiting = sequences
    remaining = sequences.count
    self.pages = pages
    promptTable = pages
  }

  /// Tokens to read still.
  var unreadCount: Int { prompt.count - readCount }
  /// Whether the whole prompt's keys and values are there.
  var isRead: Bool { unreadCount == 0 }
  /// Full pages of the prompt.
  var sharedPages: Int { prompt.count / DecoderCache.pageTokens }
  /// 1 where the prompt ends inside of a page.
  var partialPages: Int { prompt.count % DecoderCache.pageTokens == 0 ? 0 : 1 }
}
