/// Which pages of a cache are free.
struct PagePool {
  /// How many pages there are.
  let pageCount: Int
  private var free: [Int32]

  init(pageCount: Int) {
    self.pageCount = pageCount
    free = (0..<Int32(pageCount)).reversed()
  }

  /// How many pages are free.
  var freeCount: Int { free.count }

  /// Takes pages, or none where too few are free.
  mutating func take(_ count: Int) -> [Int32]? {
    guard count <= free.count else { return nil }
    let taken = Array(free.suffix(count).reversed())
    free.removeLast(count)
    return taken
  }

  /// Gives pages back.
  mutating func give(_ pages: some Sequence<Int32>) { free.append(contentsOf: pages) }
}
