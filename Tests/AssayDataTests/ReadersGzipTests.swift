import AssayData
import Foundation
import Testing

@Suite struct ReadersGzipTests {
  @Test("reads gzip whatever the file is called, and members joined")
  func readsGzip() throws {
    let folder = try TemporaryFolder()
    for name in ["data.jsonl.gz", "data.jsonl"] {
      let path = try folder.write(Packed.pair, name)
      #expect(try PairReader().read(path).pairs.map(\.chosen) == ["a"])
    }
    let joined = try folder.write(Packed.pair + Packed.pair + [0, 0, 0])
    #expect(try PairReader().read(joined).pairs.map(\.id) == ["0", "1"])
  }

  @Test("every truncation is refused")
  func refusesTruncated() throws {
    let folder = try TemporaryFolder()
    for count in 2..<Packed.pair.count {
      let path = try folder.write(Packed.pair[..<count])
      let error = #expect(throws: DataError.self) {
        try PairReader(policy: .skipping).read(path)
      }
      guard case .corruptCompression(path, _) = error else {
        Issue.record("\(count): \(String(describing: error))")
        return
      }
    }
  }

  @Test("damaged data is refused: the checksum, the body, text behind the end")
  func refusesDamaged() throws {
    let folder = try TemporaryFolder()
    var checksum = Packed.pair
    checksum[checksum.count - 6] ^= 1
    var body = Packed.pair
    body[10] = 0x07
    for bytes in [checksum, body, Packed.pair + Array("text".utf8)] {
      let path = try folder.write(bytes)
      let error = #expect(throws: DataError.self) {
        try PairReader(policy: .skipping).read(path)
      }
      guard case .corruptCompression = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test("no changed byte of a gzip file crashes or passes for other data")
  func survivesChangedBytes() throws {
    let folder = try TemporaryFolder()
    for index in Packed.pair.indices.dropFirst(2) {
      var changed = Packed.pair
      changed[index] ^= 0x55
      let path = try folder.write(changed)
      do {
        // Time, system and flags in the header may change without harm.
        #expect(try PairReader().read(path).pairs.map(\.chosen) == ["a"])
        #expect(index < 10)
      } catch is DataError {}
    }
  }
}
