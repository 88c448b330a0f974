/// Which pages of a cache are free, and how many use each of the others.
struct PagePool {
  /// How many pages there are.
  private(set) var pageCount: Int
  private var free: [Int32]
  private var uses: [Int32]
  private var prefixes = PrefixIndex()

  init(pageCount: Int) {
    self.pageCount = pageCount
    free = (0..<Int32(pageCount)).reversed()
    uses = Array(repeating: 0, count: pageCount)
  }

  /// Adds free pages, which are taken last.
  mutating func grow(to count: Int) {
    free.insert(contentsOf: (Int32(pageCount)..<Int32(count)).reversed(), at: 0)
    uses += Array(repeating: 0, count: count - pageCount)
    pageCount = count
  }

  /// How many pages are free.
  var freeCount: Int { free.count }

  /// Takes pages, or none where too few are free.
  mutating func take(_ count: Int) -> [Int32]? {
    guard count <= free.count else { return nil }
    let taken = Array(free.suffix(count).reversed())
    free.removeLast(count)
    for page in taken { uses[Int(page)] = 1 }
    return taken
  }

  /// Gives pages back; each is free when the last that uses it has given it back.
  mutating func give(_ pages: some Sequence<Int32>) {
    for page in pages {
      uses[Int(page)] -= 1
      guard uses[Int(page)] == 0 else { continue }
      prefixes.forget(page)
      free.append(page)
    }
  }

  /// Whether nobody uses a page.
  func isFree(_ page: Int32) -> Bool { uses[Int(page)] == 0 }

  /// Whether a page has one user.
  func isUsedOnce(_ page: Int32) -> Bool { uses[Int(page)] == 1 }

  /// The pages in use that hold a prompt's beginning, but for its last token.
  func known(_ prompt: [Int32], pageTokens: Int) -> [Int32] {
    prefixes.find(prompt, pageTokens: pageTokens, most: max(0, prompt.count - 1) / pageTokens)
  }

  /// Uses pages that others use too.
  mutating func share(_ pages: [Int32]) {
    for page in pages { uses[Int(page)] += 1 }
  }

  /// Remembers what a prompt's full pages hold, for prompts that begin alike.
  mutating func remember(_ prompt: [Int32], pages: [Int32], pageTokens: Int) {
    prefixes.add(prompt, pages: pages, pageTokens: pageTokens)
  }
}

/// Finds pages by the tokens that they and all pages before them hold.
private struct PrefixIndex {
  private struct Key: Hashable {
    /// The page before, -1 for the first; it is in use as long as the next one is.
    let previous: Int32
    let tokens: ArraySlice<Int32>
  }

  private var pageOf: [Key: Int32] = [:]
  private var keyOf: [Int32: Key] = [:]

  func find(_ prompt: [Int32], pageTokens: Int, most: Int) -> [Int32] {
    var found: [Int32] = []
    for index in 0..<most {
      let key = Key(
        previous: found.last ?? -1,
        tokens: prompt[index * pageTokens..<(index + 1) * pageTokens]
      )
      guard let page = pageOf[key] else { break }
      found.append(page)
    }
    return found
  }

  mutating func add(_ prompt: [Int32], pages: [Int32], pageTokens: Int) {
    for index in 0..<prompt.count / pageTokens {
      let key = Key(
        previous: index == 0 ? -1 : pages[index - 1],
        tokens: prompt[index * pageTokens..<(index + 1) * pageTokens]
      )
      // Another page may hold the same already; what follows is found behind that one.
      guard pageOf[key] == nil, keyOf[pages[index]] == nil else { continue }
      pageOf[key] = pages[index]
      keyOf[pages[index]] = key
    }
  }

  mutating func forget(_ page: Int32) {
    if let key = keyOf.removeValue(forKey: page) { pageOf[key] = nil }
  }
}
