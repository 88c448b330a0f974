import AssayEvaluate
import Foundation
import Testing

@Suite struct BenchmarkErrorTests {
  private let folder = TestFolder()

  @Test(
    "a file that does not fit is refused with its place and one sentence",
    arguments: [
      ("rewardbench", "d.jsonl", "", "the file has no rows"),
      ("rewardbench", "d.jsonl", " \n\n", "the file has no rows"),
      ("rewardbench", "d.json", "[]", "the file has no rows"),
      ("rewardbench", "d.json", "[1", "expected JSON Lines or one JSON list of rows"),
      ("rewardbench", "d.jsonl", "{}\n", ":1: the key 'subset' is missing"),
      (
        "rewardbench", "d.jsonl", "\n{\"subset\": 3}",
        ":2: 'subset' must be a string, found a number"
      ),
      ("rewardbench", "d.json", "[{\"subset\":\"a\",\"prompt\":\"q\"}]", ":1: the key 'chosen'"),
      ("rewardbench", "d.json", "[[]]", ":1: not a JSON object: found a list"),
      (
        "rewardbench", "d.jsonl",
        #"{"subset":"a","prompt":"q","chosen":["a","b"],"rejected":"c"}"#, "is it version 2?"
      ),
      (
        "rewardbench2", "d.jsonl",
        #"{"id":"7","subset":"Ties","prompt":"q","chosen":["a"],"rejected":["c"]}"#,
        ":1: an id of the subset Ties is ref:N or tied:N, found '7'"
      ),
      (
        "rewardbench2", "d.jsonl", #"{"subset":"Math","prompt":"q","chosen":[],"rejected":["c"]}"#,
        ":1: 'chosen' must be a string or a list of at least one string, found a list"
      ),
      (
        "rm-bench", "d.jsonl", #"{"prompt":"q","chosen":["a"],"rejected":["c"]}"#,
        ":1: the domain is unknown"
      ),
      (
        "rm-bench", "chat_filtered.jsonl", #"{"prompt":"q","chosen":["a"],"rejected":["c"]}"#,
        ":1: 'chosen' and 'rejected' must have 3 responses each, found 1 and 1"
      ),
      (
        "judgebench", "d.jsonl",
        #"{"response_A":"a","response_B":"b","label":"A","source":"s","question":"q"}"#,
        ":1: 'label' must be A>B or B>A, found 'A'"
      ),
      (
        "llmbar", "d.json", #"[{"input":"q","output_1":"a","output_2":"b","label":1.5}]"#,
        ":1: 'label' must be a whole number, found a number"
      ),
      (
        "auto-j", "d.json", #"[{"prompt":"q","response 1":"a","response 2":"b","label":3}]"#,
        ":1: 'label' must be 0, 1 or 2, found 3"
      ),
      ("pandalm", "d.json", #"[{"annotator1":0}]"#, ":1: the key 'annotator2' is missing"),
      ("ppe", "d.jsonl", #"{"prompt":"q"}"#, ":1: a row needs 'winner'"),
      (
        "ppe", "d.jsonl",
        #"{"prompt":"q","scores":[1,1],"sampled_conflict_pairs":[[0,1]],"response_1":"a"}"#,
        ":1: 'sampled_conflict_pairs' must hold pairs of responses with different scores, found [0,1]"
      ),
      (
        "rmb", "d.jsonl", #"{"conversation_input":[{"role":"user"}],"bon_best":{}}"#,
        ":1: 'conversation_input' must be a string or a list of messages with role and content, found an object"
      ),
      ("crosseval", "d.jsonl", #"{"prompt":"q"}"#, ":1: the key 'response_1' is missing"),
      (
        "hhh", "d.jsonl", #"{"input":"q","target_scores":{"a":1}}"#,
        ":1: a row needs a right and a wrong response"
      ),
      (
        "processbench", "d.jsonl", #"{"problem":"q","steps":["a"],"label":1}"#,
        ":1: 'label' must be -1 or one of the 1 steps, found 1"
      ),
      ("pairs", "d.jsonl", #"{"chosen":"a"}"#, ":1: the key 'rejected' is missing"),
      ("pairs", "d.jsonl", "", "the file has no pairs"),
      (
        "judgebench", "d.jsonl",
        (0..<2).map { _ in
          #"{"id":"x","response_A":"a","response_B":"b","label":"A>B","source":"s","question":"q"}"#
        }.joined(separator: "\n"), ":2: the id 'x' was used before, in "
      ),
    ]
  )
  func files(name: String, file: String, text: String, reason: String) throws {
    let path = try folder.file(text, file)
    let error = sentence { _ = try BenchmarkCatalogue.load(name, path: path) }
    #expect(error.hasPrefix(path), "\(error)")
    #expect(error.contains(reason), "\(error)")
  }

  @Test("a path that is missing, an empty folder, a packed file, an unknown name")
  func paths() throws {
    #expect(
      sentence { _ = try BenchmarkCatalogue.load("hhh", path: "nowhere") }
        == "nowhere: no such file; give a file that exists, or - for standard input."
    )
    _ = try folder.file("text", "notes.txt")
    #expect(
      sentence { _ = try BenchmarkCatalogue.load("hhh", path: folder.url.path) }
        == "\(folder.url.path): the folder holds no file of rows (.json, .jsonl, .csv, .tsv, plain or packed, or "
        + ".parquet)."
    )
    let packed = folder.url.appendingPathComponent("d.jsonl")
    try Data([0x1F, 0x8B, 8, 0]).write(to: packed)
    #expect(
      sentence { _ = try BenchmarkCatalogue.load("hhh", path: packed.path) }
        .hasPrefix("\(packed.path): the gzip data is damaged")
    )
    #expect(
      sentence { _ = try BenchmarkCatalogue.load("rewardbench3", path: packed.path) }
        .hasPrefix("There is no benchmark 'rewardbench3'; known are pairs, rewardbench,")
    )
  }

  @Test(
    "recorded scores that do not fit are refused",
    arguments: [
      (#"{"id":"a","chosen":1,"rejected":0}"#, "1 of 2 items have none (b)"),
      (
        #"{"id":"a","chosen":1,"rejected":0}"# + "\n" + #"{"id":"x","chosen":1,"rejected":0}"#
          + "\n" + #"{"id":"a","chosen":1,"rejected":0}"#,
        "1 of 2 items have none (b); 1 lines have an id that no item has (x); 1 lines repeat an id (a)."
      ),
      (#"{"chosen":1,"rejected":0}"#, ":1: the key 'id' is missing"),
      (#"{"id":[],"chosen":1}"#, ":1: 'id' must be a string or a number, found a list"),
      (#"{"id":"a","chosen":1}"#, ":1: the key 'rejected' is missing"),
      (
        #"{"id":"a","chosen":"1","rejected":0}"#,
        ":1: 'chosen' must be a number or a list of numbers"
      ),
      (
        #"{"id":"a","chosen":[[]],"rejected":0}"#,
        ":1: 'chosen' has a response without a score"
      ),
      (#"{"id":"a","chosen":1e999,"rejected":0}"#, ":1: 'chosen' must be finite, found 1e999"),
      (#"{"id":"a","chosen":NaN,"rejected":0}"#, ":1: 'chosen' must be finite, found NaN"),
      (
        #"{"id":"a","chosen":1e308,"rejected":0}"#,
        ":1: 'chosen' must be from -1e150 to 1e150, found 1e308"
      ),
      (
        #"{"id":"a","chosen":1,"rejected":[[0,-1e200]]}"#,
        ":1: 'rejected' must be from -1e150 to 1e150, found -1e200"
      ),
      (
        #"{"id":"a","chosen":1,"rejected":0,"tokens":{"prompt":9000000000000000000,"completion":1}}"#,
        ":1: 'tokens' must have counts from 0 to 1000000000000, found prompt 9000000000000000000"
      ),
      (
        #"{"id":"a","chosen":1,"rejected":0,"tokens":{"prompt":1,"completion":-1}}"#,
        ":1: 'tokens' must have counts from 0 to 1000000000000, found completion -1"
      ),
      (
        #"{"id":"a","verdicts":["A>B"]}"#,
        ":1: 'verdicts' must hold two, one for each order, found 1"
      ),
      (#"{"id":"a","verdicts":[1,2]}"#, ":1: 'verdicts' must hold strings or null, found a number"),
      (
        #"{"id":"a","verdicts":["A>B","B>A"],"chosen":1}"#,
        "a line has scores or verdicts, not both"
      ),
      ("", "the file has no rows"),
    ]
  )
  func records(text: String, reason: String) throws {
    let benchmark = try BenchmarkCatalogue.load(
      "pairs",
      path: try folder.file(pairLines([("a", "s"), ("b", "s")]))
    )
    let path = try folder.file(text, "scores.jsonl")
    let error = sentence { _ = try BenchmarkRecords.read(path, for: benchmark) }
    #expect(error.hasPrefix(path), "\(error)")
    #expect(error.contains(reason), "\(error)")
  }

  @Test("only the first missing ids are named")
  func manyMissing() throws {
    let benchmark = try BenchmarkCatalogue.load(
      "pairs",
      path: try folder.file(pairLines((0..<9).map { ("i\($0)", "s") }))
    )
    let path = try folder.file(#"{"id":"i4","chosen":1,"rejected":0}"#, "scores.jsonl")
    #expect(
      sentence { _ = try BenchmarkRecords.read(path, for: benchmark) }.hasSuffix(
        "exactly one line, but 8 of 9 items have none (i0, i1, i2, ...)."
      )
    )
  }

  @Test("verdicts about more than a pair are refused")
  func verdicts() throws {
    let benchmark = try BenchmarkCatalogue.load(
      "rewardbench2",
      path: try folder.file(#"{"subset":"Math","prompt":"q","chosen":["a"],"rejected":["b","c"]}"#)
    )
    let path = try folder.file(#"{"id":0,"verdicts":["A>B","B>A"]}"#, "v.jsonl")
    #expect(
      sentence { _ = try BenchmarkRecords.read(path, for: benchmark) }.contains(
        "the item '0' of rewardbench2 is no pair that a verdict could be about"
      )
    )
  }
}
