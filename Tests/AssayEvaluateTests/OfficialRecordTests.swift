import AssayEvaluate
import Foundation
import Testing

/// Records as other scripts write them.
@Suite struct OfficialRecordTests {
  private let folder = TestFolder()

  private func contents(
    _ name: String,
    rows: [String],
    records: [String]
  ) throws -> [BenchmarkRecord.Content] {
    let benchmark = try BenchmarkCatalogue.load(
      name,
      path: try folder.file(rows.joined(separator: "\n"))
    )
    let path = try folder.file(records.joined(separator: "\n"), "records.jsonl")
    return try BenchmarkRecords.read(path, for: benchmark).map(\.content)
  }

  @Test("JudgeBench's judgments name the letter shown first in each game, or nothing")
  func judgeBench() throws {
    func row(_ id: String, _ label: String, _ more: String = "") -> String {
      #"{"pair_id":"\#(id)","source":"livebench-math","question":"q","response_A":"1","#
        + #""response_B":"2","label":"\#(label)"\#(more)}"#
    }
    let judgments = #","judgments":[{"decision":"A>B"},{"decision":"B>A"}]"#
    let rows = ["x", "y"].map { row($0, $0 == "x" ? "A>B" : "B>A") }
    let read = try contents(
      "judgebench",
      rows: rows,
      records: [
        row("x", "A>B", judgments),
        row("y", "B>A", #","judgments":[null,{"decision":"A>B"}]"#),
      ]
    )
    // In y B is right: A in the second game, where B is shown first.
    #expect(read == [.verdicts([.chosen, .chosen]), .verdicts([.unparseable, .chosen])])
    let single = try contents(
      "judgebench",
      rows: [rows[0]],
      records: [row("x", "A>B", #","judgments":[{"decision":"B>A"}]"#)]
    )
    #expect(single == [.verdicts([.rejected])])
  }

  @Test("LLMBar's result.json names the file's output in both orders, and has no ids")
  func llmBar() throws {
    func row(_ label: Int, _ more: String = "") -> String {
      #"{"input":"i","output_1":"a","output_2":"b","label":\#(label)\#(more)}"#
    }
    func results(_ first: String, _ second: String) -> String {
      #","results":[["metrics","stop"],{"swap = False":{"winner":\#(first)},"swap = True":{"winner":\#(second)}}]"#
    }
    let read = try contents(
      "llmbar",
      rows: [row(1), row(2)],
      records: [row(1, results(#""1""#, #""2""#)), row(2, results(#""2""#, "null"))]
    )
    #expect(read == [.verdicts([.chosen, .rejected]), .verdicts([.chosen, .unparseable])])
  }

  @Test("ProcessBench's predictions are right, wrong, or nothing that could be right")
  func processBench() throws {
    func row(_ id: Int, _ label: Int) -> String {
      #"{"id":"\#(id)","problem":"p","steps":["s0","s1","s2"],"label":\#(label)}"#
    }
    let said = ["1", "2", "-1", "null", "null", "7"]
    let labels = [1, 1, -1, -1, 0, 2]
    let benchmark = try BenchmarkCatalogue.load(
      "processbench",
      path: try folder.file(labels.enumerated().map { row($0, $1) }.joined(separator: "\n"))
    )
    let path = try folder.file(
      said.enumerated().map { #"{"id":"\#($0)","prediction":\#($1),"match":true}"# }
        .joined(separator: "\n"),
      "records.jsonl"
    )
    let records = try BenchmarkRecords.read(path, for: benchmark)
    // Whether "match" says so or not: of four with an error the first alone, of two without one the first.
    let sections = try benchmark.results(records).sections
    #expect(sections["data error"]?.accuracy == 0.25)
    #expect(sections["data correct"]?.accuracy == 0.5)
  }

  /// What is written for a benchmark's own script.
  private func official(_ name: String, rows: [String], records: [String]) throws
    -> (output: OfficialOutput?, sections: ResultsFile.Sections, benchmark: any Benchmark)
  {
    let benchmark = try BenchmarkCatalogue.load(
      name,
      path: try folder.file(rows.joined(separator: "\n"))
    )
    let path = try folder.file(records.joined(separator: "\n"), "records.jsonl")
    let read = try BenchmarkRecords.read(path, for: benchmark)
    let sections = try benchmark.results(read).sections
    return (OfficialOutput(benchmark, read, sections, model: "m"), sections, benchmark)
  }

  @Test(
    "what is written for a benchmark's own script says the same when it is read again",
    arguments: ["judgebench", "llmbar", "processbench"]
  )
  func written(name: String) throws {
    let (rows, records): ([String], [String])
    switch name {
    case "judgebench":
      rows = ["A>B", "B>A", "B>A"].enumerated().map {
        #"{"pair_id":"\#($0)","source":"livebench-math","question":"q","response_A":"1","#
          + #""response_B":"2","label":"\#($1)"}"#
      }
      records = [#"["A>B","A>B"]"#, #"["B>A",null]"#, #"["A=B","A>B"]"#].enumerated().map {
        #"{"id":"\#($0)","verdicts":\#($1)}"#
      }
    case "llmbar":
      rows = [1, 2, 2].map { #"{"input":"i","output_1":"a","output_2":"b","label":\#($0)}"# }
      records = [#"["A>B","A>B"]"#, #"["B>A",null]"#, #"["B>A","A>B"]"#].enumerated().map {
        #"{"id":"\#($0)","verdicts":\#($1)}"#
      }
    default:
      rows = [-1, 1].map { #"{"problem":"p","steps":["s0","s1"],"label":\#($0)}"# }
      records = [
        #"{"id":"0","chosen":[1,-1]}"#, #"{"id":"1","chosen":1,"rejected":-1}"#,
      ]
    }
    let (output, sections, benchmark) = try official(name, rows: rows, records: records)
    let own = try #require(output)
    #expect(own.name == "official-\(name).jsonl")
    let path = try folder.file(own.text, "official.jsonl")
    let again = try BenchmarkRecords.read(path, for: benchmark)
    #expect(try benchmark.results(again).sections["overall"] == sections["overall"])
  }

  @Test("RewardBench's and RM-Bench's tables get their own keys")
  func tables() throws {
    let (output, _, _) = try official(
      "rewardbench",
      rows: ["hep-go", "hep-go", "donotanswer"].enumerated().map {
        #"{"id":"\#($0)","prompt":"q","chosen":"a","rejected":"b","subset":"\#($1)"}"#
      },
      records: (0..<3).map { #"{"id":"\#($0)","chosen":\#($0),"rejected":0.5}"# }
    )
    #expect(
      output?.text
        == #"{"model":"m","model_type":"Seq. Classifier","donotanswer":1.0,"hep-go":0.5}"# + "\n"
    )
    #expect(output?.name == "official-rewardbench.json")
    let matrix = try official(
      "rm-bench",
      rows: [
        #"{"id":"x","prompt":"q","chosen":["a","b","c"],"rejected":["d","e","f"],"domain":"chat"}"#
      ],
      records: [#"{"id":"x","chosen":[1,2,3],"rejected":[0,0.5,4]}"#]
    )
    #expect(
      matrix.output?.text
        == #"{"id":"x","domain":"chat","score_chosen":[1.0,2.0,3.0],"score_rejected":[0.0,0.5,4.0]}"#
        + "\n"
    )
  }

  @Test("Auto-J's output is the place of the better response, in the order of its rows")
  func autoJ() throws {
    let rows = [0, 1, 2].map {
      #"{"scenario":"s","label":\#($0),"prompt":"q","response 1":"a","response 2":"b"}"#
    }
    let records = [0, 0, 2].map { #"{"output":\#($0),"output_critique":"..."}"# }
    #expect(
      try contents("auto-j", rows: rows, records: records)
        == [.verdicts([.chosen]), .verdicts([.rejected]), .verdicts([.tie])]
    )
  }

  @Test("RewardBench's own scores stand beside the texts, and several of a response are averaged")
  func rewardBench() throws {
    let row = #"{"id":"1","subset":"alpacaeval-easy","prompt":"q","chosen":"a","rejected":"b""#
    let read = try contents(
      "rewardbench",
      rows: [row + "}"],
      records: [row + #","scores_chosen":[1.0,3.0],"scores_rejected":0.5}"#]
    )
    #expect(read == [.scores(BenchmarkScores(chosen: [2], rejected: [0.5]))])
    let own = try contents(
      "rewardbench",
      rows: [row + "}"],
      records: [#"{"id":"1","chosen":[[1,2]],"rejected":[0,1]}"#]
    )
    #expect(own == [.scores(BenchmarkScores(chosen: [1.5], rejected: [0.5]))])
  }

  @Test("RM-Bench's and RewardBench 2's own scores, and files of columns, are read as they are")
  func otherScores() throws {
    let matrix =
      #"{"id":"x","prompt":"q","chosen":["a","b","c"],"rejected":["d","e","f"],"domain":"chat"}"#
    let read = try contents(
      "rm-bench",
      rows: [matrix],
      records: [#"{"id":"x","score_chosen":[1,2,3],"score_rejected":[0,0.5,4]}"#]
    )
    #expect(read == [.scores(BenchmarkScores(chosen: [1, 2, 3], rejected: [0, 0.5, 4]))])
    let second = try contents(
      "rewardbench2",
      rows: [
        #"{"id":"1","prompt":"q","chosen":["a"],"rejected":["b","c","d"],"subset":"Math"}"#
      ],
      records: [#"{"id":["1"],"scores":[[[2],[0],[1],[3]]],"results":[0],"subset":["Math"]}"#]
    )
    #expect(second == [.scores(BenchmarkScores(chosen: [2], rejected: [0, 1, 3]))])
    let row = #""subset":"hep-go","prompt":"q","chosen":"a","rejected":"b"}"#
    let columns = try contents(
      "rewardbench",
      rows: [#"{"id":"1","# + row, #"{"id":"2","# + row],
      records: [
        #"{"id":["2","1"],"scores_chosen":[1.5,[2]],"scores_rejected":[0,1],"model":"m"}"#
      ]
    )
    #expect(
      columns == [
        .scores(BenchmarkScores(chosen: [2], rejected: [1])),
        .scores(BenchmarkScores(chosen: [1.5], rejected: [0])),
      ]
    )
  }

  @Test("what assay judge writes is read by the majority of each order")
  func ownJudgements() throws {
    func judgement(_ order: String, _ verdict: String) -> String {
      #"{"order":"\#(order)","verdict":\#(verdict),"text":"t"}"#
    }
    let judgements = [
      judgement("chosen-first", #""A""#), judgement("chosen-first", #""A""#),
      judgement("chosen-first", #""B""#), judgement("rejected-first", "null"),
    ]
    let read = try contents(
      "pairs",
      rows: [pairLines([("a", "s")])],
      records: [
        #"{"id":"a","probability":1,"judgements":[\#(judgements.joined(separator: ","))]}"#
      ]
    )
    #expect(read == [.verdicts([.chosen, .unparseable])])
  }
}
