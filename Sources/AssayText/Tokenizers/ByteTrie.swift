/// A trie of byte strings, made once: a node's children lie side by side, by byte.
struct ByteTrie: Sendable {
  /// The number that belongs to the string that ends at each node; -1 for none.
  private(set) var values: [Int32] = []
  /// The byte that leads to each node, and the nodes that its children are.
  private var labels: [UInt8] = []
  private var firstChild: [Int32] = []
  private var childCount: [UInt16] = []
  /// The root's children, which long texts ask for most.
  private var roots = [Int32](repeating: -1, count: 256)

  /// Makes a trie; of equal strings the first one counts.
  init(_ entries: [(key: [UInt8], value: Int32)]) {
    let sorted = entries.enumerated().sorted { left, right in
      left.element.key == right.element.key
        ? left.offset < right.offset : left.element.key.lexicographicallyPrecedes(right.element.key)
    }.map(\.element)
    // Breadth first, so that the children of a node are next to one another.
    var ranges = [(low: 0, high: sorted.count, depth: 0)]
    appendNode(label: 0)
    var node = 0
    while node < ranges.count {
      var (low, high, depth) = ranges[node]
      while low < high, sorted[low].key.count == depth {
        if values[node] < 0 { values[node] = sorted[low].value }
        low += 1
      }
      firstChild[node] = Int32(ranges.count)
      while low < high {
        let byte = sorted[low].key[depth]
        var end = low + 1
        while end < high, sorted[end].key[depth] == byte { end += 1 }
        ranges.append((low, end, depth + 1))
        appendNode(label: byte)
        childCount[node] += 1
        low = end
      }
      high = low
      node += 1
    }
    for child in 0..<Int(childCount[0]) { roots[Int(labels[1 + child])] = Int32(1 + child) }
  }

  private mutating func appendNode(label: UInt8) {
    values.append(-1)
    labels.append(label)
    firstChild.append(0)
    childCount.append(0)
  }

  /// Returns the node behind a byte, or -1.
  @inline(__always)
  func child(of node: Int32, _ byte: UInt8) -> Int32 {
    if node == 0 { return roots[Int(byte)] }
    var low = Int(firstChild[Int(node)])
    var high = low + Int(childCount[Int(node)])
    while low < high {
      let middle = (low + high) / 2
      if labels[middle] == byte { return Int32(middle) }
      if labels[middle] < byte { low = middle + 1 } else { high = middle }
    }
    return -1
  }

  /// Returns the number of a whole string, or -1.
  func value(of key: some Sequence<UInt8>) -> Int32 {
    var node: Int32 = 0
    for byte in key {
      node = child(of: node, byte)
      if node < 0 { return -1 }
    }
    return values[Int(node)]
  }
}
