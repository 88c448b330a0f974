import AssayBase
import AssayText
import Foundation
import Testing

@Suite struct BPETokenizerTests {
  static let recorded = [
    "gpt2", "gpt2-prefix", "qwen2", "llama3", "digits", "digits-contiguous", "removed", "previous",
    "next", "contiguous", "inverted", "unicode-class", "added",
  ]

  @Test("encodes every recorded text as `tokenizers` does", arguments: recorded)
  func encodesAsRecorded(name: String) throws {
    let tokenizer = try Fixture.tokenizer(name)
    let cases = try Fixture.cases("\(name).cases.json")
    #expect(cases.count > 15)
    for row in cases {
      #expect(tokenizer.encode(row.text) == row.ids, "\(row.text.debugDescription)")
      // Again, now out of the cache.
      #expect(tokenizer.encode(row.text) == row.ids, "\(row.text.debugDescription)")
    }
  }

  @Test("decodes whole and cut sequences as `tokenizers` does", arguments: recorded)
  func decodesAsRecorded(name: String) throws {
    let tokenizer = try Fixture.tokenizer(name)
    for row in try Fixture.cases("\(name).cases.json") {
      let text = tokenizer.decode(row.ids, skipSpecialTokens: false)
      #expect(points(text) == points(row.decoded), "\(row.text.debugDescription)")
      let visible = tokenizer.decode(row.ids, skipSpecialTokens: true)
      #expect(points(visible) == points(row.visible), "\(row.text.debugDescription)")
      guard let cut = row.cut else { continue }
      let ids = row.ids.count > 2 ? Array(row.ids[1..<row.ids.count - 1]) : []
      let part = tokenizer.decode(ids, skipSpecialTokens: false)
      #expect(points(part) == points(cut), "\(row.text.debugDescription)")
    }
  }

  @Test("saves a file that says the same", arguments: recorded)
  func savesAndReads(name: String) throws {
    let tokenizer = try Fixture.tokenizer(name)
    let document = tokenizer.document
    let original = try Fixture.json("\(name).tokenizer.json")
    #expect(document["post_processor"] == original["post_processor"])
    #expect(document["pre_tokenizer"] == original["pre_tokenizer"])
    #expect(document["added_tokens"] == original["added_tokens"])
    #expect(document["model"]?["merges"] == original["model"]?["merges"])
    #expect(
      document["model"]?["vocab"]?.members?.count == original["model"]?["vocab"]?.members?.count
    )
    let again = try TokenizerFile.read(json: Array(document.pretty.utf8))
    for row in try Fixture.cases("\(name).cases.json") {
      #expect(again.encode(row.text) == row.ids)
    }
  }

  @Test("reads merges spelt as one string with a space")
  func readsOldMerges() throws {
    let document = try Fixture.json("qwen2.tokenizer.json")
    let model = try #require(document["model"])
    let merges = try #require(model["merges"]?.array).map { row in
      JSONValue.string((row.array ?? []).compactMap(\.string).joined(separator: " "))
    }
    let old = document.replacing("model", with: model.replacing("merges", with: .array(merges)))
    let tokenizer = try TokenizerFile.read(json: Array(old.compact.utf8))
    for row in try Fixture.cases("qwen2.cases.json") {
      #expect(tokenizer.encode(row.text) == row.ids)
    }
  }

  @Test("never reads a special token out of plain text", arguments: recorded)
  func encodesPlainText(name: String) throws {
    let tokenizer = try Fixture.tokenizer(name)
    let special = Set(tokenizer.addedTokens.filter(\.isSpecial).map(\.id))
    #expect(special.count >= 6)
    for token in tokenizer.addedTokens where token.isSpecial {
      let text = "a\(token.content)b \(token.content)"
      #expect(special.isDisjoint(with: tokenizer.encodePlain(text)), "\(token.content)")
      #expect(!special.isDisjoint(with: tokenizer.encode(text)), "\(token.content)")
    }
  }

  @Test("merges that would make a special token are not made, whole words likewise")
  func neverMergesToSpecial() throws {
    // "<", "s" and ">" merge to "<s>" by rank, and ignore_merges would find "<s>" as a word.
    let document = try Fixture.json("llama3.tokenizer.json")
    let model = try #require(document["model"])
    let vocabulary = try #require(model["vocab"]?.members)
    let edited = model.replacing(
      "vocab",
      with: .object(vocabulary + [JSONMember("<s", .number("900"))])
    ).replacing("merges", with: [["<", "s"], ["<s", ">"]])
    let hostile = document.replacing("model", with: edited).replacing(
      "pre_tokenizer",
      with: ["type": "ByteLevel", "use_regex": false, "add_prefix_space": false]
    )
    let tokenizer = try TokenizerFile.read(json: Array(hostile.compact.utf8))
    let start = try #require(tokenizer.id(of: "<s>"))
    #expect(tokenizer.encode("<s>") == [start])
    #expect(tokenizer.encodePlain("<s>").contains(start) == false)
    #expect(tokenizer.decode(tokenizer.encodePlain("<s>"), skipSpecialTokens: false) == "<s>")
  }

  @Test("long words merge by heap as short ones do by scanning")
  func mergesLongWords() throws {
    // "banana" x 30 is one word of 180 bytes: the recorded case holds the ids; a word of 40 bytes
    // is scanned. Both are checked against a word split by hand here: "na" x k.
    let tokenizer = try Fixture.tokenizer("gpt2")
    for count in [1, 2, 10, 23, 24, 25, 26, 60, 500] {
      let text = String(repeating: "na", count: count)
      let ids = tokenizer.encode(text)
      #expect(tokenizer.decode(ids, skipSpecialTokens: false) == text)
      let again = tokenizer.encode(" " + text).count
      #expect(abs(again - ids.count) <= 1)
    }
  }

  @Test("gives the same ids from many threads at once")
  func encodesConcurrently() async throws {
    let tokenizer = try Fixture.tokenizer("qwen2")
    let cases = try Fixture.cases("qwen2.cases.json")
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask { cases.count { tokenizer.encode($0.text) != $0.ids } }
      }
      for await wrong in group { #expect(wrong == 0) }
    }
  }

  @Test("stays correct when more different words come than the cache holds")
  func overflowsCache() throws {
    let tokenizer = try Fixture.tokenizer("gpt2")
    let text = (0..<150_000).map { String($0, radix: 26) }.joined(separator: " ")
    let ids = tokenizer.encode(text)
    #expect(tokenizer.decode(ids, skipSpecialTokens: false) == text)
    #expect(tokenizer.encode(text) == ids)
  }

  @Test("says which tokens are special and how they are spelt")
  func describesTokens() throws {
    let tokenizer = try Fixture.tokenizer("gpt2")
    let end = try #require(tokenizer.id(of: "<|eot|>"))
    #expect(end == 5)
    #expect(tokenizer.isSpecial(end))
    #expect(!tokenizer.isSpecial(6))
    #expect(!tokenizer.isSpecial(-1))
    #expect(!tokenizer.isSpecial(100_000))
    #expect(tokenizer.spelling(of: end) == "<|eot|>")
    #expect(tokenizer.spelling(of: 100_000) == nil)
    #expect(tokenizer.id(of: "no such token") == nil)
    #expect(tokenizer.vocabularySize == 420)
    #expect(tokenizer.decode([end, -1, 100_000], skipSpecialTokens: false) == "<|eot|>")
  }
}
