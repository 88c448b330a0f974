import AssayBase
import AssayText
import Foundation
import Testing

@Suite struct BPETrainerTests {
  @Test("learns the merges that `tokenizers` learns from the same text")
  func learnsAsRecorded() throws {
    let recorded = try Fixture.json("training.json")
    let texts = try #require(recorded["texts"]?.array).compactMap(\.string)
    let special = try #require(recorded["special"]?.array).compactMap(\.string)
    let trainer = BPETrainer(vocabularySize: 400, specialTokens: special)
    let tokenizer = try trainer.train(texts)
    #expect(tokenizer.vocabularySize == 400)
    #expect(tokenizer.document["model"]?["merges"] == recorded["merges"])
    let again = try trainer.train(texts)
    #expect(again.document == tokenizer.document)
  }

  @Test("merges the most frequent pair first, worked out by hand")
  func mergesByFrequency() throws {
    // "aab" x 3 and "ab" x 2: (a, b) 5 times, (a, a) 3 times, then (a, ab) 3 times.
    let trainer = BPETrainer(vocabularySize: 258, specialTokens: [])
    let tokenizer = try trainer.train(["aab\naab\naab\nab\nab"])
    // A newline is never in one word with letters, so it is in no pair.
    let merges: JSONValue = [["a", "b"], ["a", "ab"]]
    #expect(tokenizer.document["model"]?["merges"] == merges)
    #expect(tokenizer.encode("aab").count == 1)
  }

  @Test("any text comes back, and digits stay single")
  func roundTrips() throws {
    var trainer = BPETrainer(vocabularySize: 300, specialTokens: ["<s>"])
    trainer.minimumFrequency = 1
    let tokenizer = try trainer.train(["12 12 12 the cat the cat 12"])
    for row in try Fixture.cases("gpt2.cases.json") {
      let ids = tokenizer.encodePlain(row.text)
      #expect(points(tokenizer.decode(ids, skipSpecialTokens: true)) == points(row.text))
    }
    #expect(tokenizer.encode("1212").count == 4)
    #expect(tokenizer.encode("<s>") == [0])
  }

  @Test("stops where no pair is frequent enough")
  func stopsEarly() throws {
    let trainer = BPETrainer(vocabularySize: 1000, specialTokens: ["<s>"])
    // Only (t, h) and (th, e) stand twice.
    let tokenizer = try trainer.train(["the", "the cow"])
    #expect(tokenizer.vocabularySize == 1 + 256 + 2)
    #expect(try trainer.train([String]()).vocabularySize == 257)
  }

  @Test("refuses a size without room and special tokens without a spelling of their own")
  func refusesBadOptions() throws {
    #expect(throws: TextError.vocabularyTooSmall(size: 256, minimum: 257)) {
      try BPETrainer(vocabularySize: 256, specialTokens: ["<s>"]).train(["a"])
    }
    for special in [["<s>", "<s>"], [""], ["a"]] {
      #expect(throws: TextError.self) {
        try BPETrainer(vocabularySize: 300, specialTokens: special).train(["a"])
      }
    }
  }

  @Test("saves a file that reads back equal")
  func savesAndReads() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var trainer = BPETrainer(vocabularySize: 290, specialTokens: ["<s>", "<|eot|>"])
    trainer.composes = true
    let tokenizer = try trainer.train(["caf\u{E9} au lait, caf\u{E9} au lait"])
    try tokenizer.save(to: folder)
    let again = try TokenizerFile.read(folder)
    #expect(again.document == tokenizer.document)
    #expect(again.encode("cafe\u{301}") == tokenizer.encode("caf\u{E9}"))
  }
}
