import AssayBase
import AssayData
import AssayText
import Foundation
import Testing

@Suite struct RankedRowsTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func pairs(
    _ row: String,
    _ pairing: Pairing = .all,
    marginScale: Double = 0
  ) throws -> [PreferencePair] {
    var reader = PairReader()
    (reader.pairing, reader.marginScale) = (pairing, marginScale)
    return try reader.read(try folder.write([row])).pairs
  }

  private static let rated =
    #"{"id": "r", "prompt": "p", "responses": ["w", "x", "y", "z"], "ratings": [3, 5, 1, 3], "subset": "s"}"#

  @Test("every two responses that differ, the best with each other one, or with the worst")
  func pairing() throws {
    // x 5 is above w 3 and z 3, which are alike, and these above y 1.
    let all = try pairs(Self.rated)
    #expect(all.map { $0.chosen + $0.rejected } == ["xw", "xz", "xy", "wy", "zy"])
    #expect(all.map(\.id) == ["r:1-0", "r:1-3", "r:1-2", "r:0-2", "r:3-2"])
    #expect(all.allSatisfy { $0.prompt == [.user("p")] && $0.subset == "s" && $0.margin == nil })
    #expect(try pairs(Self.rated, .bestRest) == Array(all.prefix(3)))
    #expect(try pairs(Self.rated, .bestWorst) == [all[2]])
    #expect(try pairs(Self.rated, .bestRest, marginScale: 0.5).map(\.margin) == [1, 1, 2])
  }

  @Test("UltraFeedback's completions, by the mean of its aspects, else by the whole")
  func ultraFeedback() throws {
    let row =
      #"{"source": "evol", "instruction": "Add.", "models": ["a", "b"], "completions": ["#
      + #"{"model": "a", "response": "4", "overall_score": 9, "fine-grained_score": 2.5}, "#
      + #"{"model": "b", "response": "5", "overall_score": 7, "fine-grained_score": 4.75}, "#
      + #"{"model": "c", "response": "6", "overall_score": 4}]}"#
    let found = try pairs(row, .bestWorst)
    #expect(found.map { [$0.chosen, $0.rejected] } == [["5", "4"]])
    #expect(found[0].prompt == [.user("Add.")] && found[0].id == "0:1-0")
  }

  @Test("Nectar's answers: rank 1 is the best, and ranks give no margin")
  func nectar() throws {
    let row =
      #"{"prompt": "\n\nHuman: Hi\n\nAssistant: ", "answers": ["#
      + #"{"answer": "b", "model": "m", "rank": 2.0}, {"answer": "a", "model": "n", "rank": 1.0}]}"#
    let found = try pairs(row, marginScale: 1)
    #expect(found.map { [$0.chosen, $0.rejected] } == [["a", "b"]])
    #expect(found[0].prompt == [.user("Hi")] && found[0].margin == nil)
  }

  @Test("HelpSteer's two responses: below 0 the first is better, and the strength gives the margin")
  func strength() throws {
    let row =
      #"{"context": [{"role": "user", "content": "Hi"}], "response1": "a", "response2": "b", "#
      + #""overall_preference": -2, "domain": "general"}"#
    let found = try pairs(row, marginScale: 0.5)
    #expect(found.map { [$0.chosen, $0.rejected] } == [["a", "b"]])
    #expect(found[0].prompt == [.user("Hi")] && found[0].margin == 1)
    let other = #"{"prompt": "Hi", "response_1": "a", "response_2": "b", "preference_strength": 1}"#
    #expect(try pairs(other).map { [$0.chosen, $0.rejected] } == [["b", "a"]])
  }

  @Test("neighbouring rows of one prompt, rated by attributes, are pairs by their weighted sum")
  func attributes() throws {
    func row(_ prompt: String, _ response: String, _ helpful: Int, _ correct: Int) -> String {
      #"{"prompt": "\#(prompt)", "response": "\#(response)", "helpfulness": \#(helpful), "#
        + #""correctness": \#(correct), "verbosity": 4}"#
    }
    let rows = [
      row("p", "a", 2, 4), row("p", "b", 3, 1), row("q", "c", 1, 1), row("q", "d", 4, 4),
      row("r", "e", 4, 4), #"{"prompt": "s", "chosen": "f", "rejected": "g"}"#,
    ]
    let path = try folder.write(rows)
    var reader = PairReader(policy: .skipping)
    let (found, report) = try reader.read(path)
    #expect(found.map { $0.chosen + $0.rejected } == ["ba", "dc", "fg"])
    // The response that stands alone states no preference.
    #expect(report.skippedCounts == [.tied: 1] && report.rowCount == 4)
    // 2 + 4 is above 3 + 1.
    (reader.attributes, reader.marginScale) = (["helpfulness": 1, "correctness": 1], 0.5)
    let both = try reader.read(path).pairs
    #expect(both.map { $0.chosen + $0.rejected } == ["ab", "dc", "fg"])
    #expect(both.map(\.margin) == [1, 3, nil])
  }

  @Test("sums of attributes that differ by rounding alone are a tie")
  func rounding() throws {
    // 0.1 * 3 is 0.30000000000000004, and 0.3 * 1 is 0.3.
    let rows = [(3, 0), (0, 1), (1, 1)].enumerated().map { place, own in
      #"{"prompt": "p", "response": "\#(place)", "x": \#(own.0), "y": \#(own.1)}"#
    }
    var reader = PairReader(policy: .skipping)
    reader.attributes = ["x": 0.1, "y": 0.3]
    let tied = try reader.read(try folder.write(Array(rows.prefix(2))))
    #expect(tied.pairs.isEmpty && tied.report.skippedCounts == [.tied: 1])
    let found = try reader.read(try folder.write(rows)).pairs
    #expect(found.map { $0.chosen + $0.rejected } == ["20", "21"])
  }

  @Test("a file's own names of keys hold for rows that are joined")
  func columns() throws {
    let rows = [("a", 1), ("b", 4)].map { answer, help in
      #"{"question": "p", "answer": "\#(answer)", "help": \#(help), "part": "s", "prompt": "other"}"#
    }
    let names = [
      "prompt": "question", "response": "answer", "helpfulness": "help", "subset": "part",
    ]
    let path = try folder.write(rows)
    let found = try PairReader(columns: names).read(path).pairs
    #expect(found.map { [$0.chosen, $0.rejected] } == [["b", "a"]])
    #expect(found[0].prompt == [.user("p")] && found[0].subset == "s")
  }

  @Test(
    "what states no preference, or is broken, is refused, and named",
    arguments: [
      (#"{"prompt": "p", "responses": ["a", "b"], "ratings": [2, 2]}"#, "the same rating"),
      (#"{"prompt": "p", "responses": ["a", "b"], "ratings": [2]}"#, "a list of 2 numbers"),
      (#"{"prompt": "p", "responses": ["a", "b"], "ranks": [1, "x"]}"#, "a list of 2 numbers"),
      (#"{"prompt": "p", "answers": [{"answer": "a", "rank": 1}, {"rank": 2}]}"#, "'answers'"),
      (#"{"responses": ["a", "b"], "ratings": [1, 2]}"#, "'instruction' is missing"),
    ]
  )
  func refused(_ row: String, _ words: String) throws {
    let error = #expect(throws: DataError.self) { try pairs(row) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test("one pair that does not fit leaves the others of its row, and is counted")
  func limit() throws {
    let limit = TokenLimit<PreferencePair>(maximumTokens: 1) { $0.rejected == "y" ? 2 : 1 }
    let path = try folder.write([Self.rated])
    let (pairs, report) = try PairReader(policy: .skipping, limit: limit).read(path)
    #expect(pairs.map(\.rejected) == ["w", "z"])
    #expect(report.rowCount == 5 && report.keptCount == 2)
    #expect(report.skippedCounts == [.tooLong: 3])
  }
}
