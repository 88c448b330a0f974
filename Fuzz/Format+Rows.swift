import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayRun
import AssayStudy
import AssayText
import Foundation

extension Format {
  /// What people and other programs write: rows, benchmarks and their records, answers, grammars.
  static var written: [Format] {
    [
      Format(name: "rows", seeds: lines("rows.jsonl"), isText: true) { _, file in
        var readers: [() throws -> Void] = []
        for policy in [ReadPolicy.skipping, .strict] {
          readers += [
            { _ = try PairReader(policy: policy).read(file.path) },
            { _ = try PairReader(policy: policy).readUnlabelled(file.path) },
            { _ = try ResponseReader(policy: policy).read(file.path) },
            { _ = try PromptReader(.conversationsOrTexts, policy: policy).read(file.path) },
            { _ = try PromptReader(.candidates, policy: policy).read(file.path) },
            { _ = try RatingReader(policy: policy).read(file.path) },
            { _ = try JudgedReader(.asFirstRow, policy: policy).read(file.path) },
          ]
        }
        try each(readers)
      },
      Format(name: "benchmarks", seeds: lines("benchmarks.jsonl"), isText: true) { _, file in
        try each(
          BenchmarkCatalogue.all.map { type -> () throws -> Void in
            {
              let benchmark = try BenchmarkCatalogue.load(type.name, path: file.path)
              // What is read of records is counted.
              let (own, records) = try BenchmarkRecords.open(file.path, for: benchmark)
              _ = try own.results(records)
            }
          }
        )
      },
      Format(name: "answers", seeds: lines("answers.jsonl"), isText: true) { bytes, _ in
        let text = String(decoding: bytes, as: UTF8.self)
        _ = RetryAfter.seconds(text)
        _ = ChatCompletion.failure(body: bytes)
        if ChatCompletion(body: bytes) == nil { _ = try EndpointAddress(text) }
      },
      Format(name: "grammars", seeds: lines("grammars.txt"), isText: true) { bytes, _ in
        if let schema = try? JSONValue(parsing: bytes), schema.members != nil {
          _ = try Grammar.jsonSchema(schema)
        } else {
          _ = try Grammar.regex(String(decoding: bytes, as: UTF8.self))
        }
      },
      Format(name: "studies", seeds: files("Recipes", ".yaml"), isText: true) { bytes, _ in
        let text = String(decoding: bytes, as: UTF8.self)
        _ = try StudyRecipe(try RecipeFile(text: text, name: "study"))
      },
    ]
  }

  /// Calls all readers; fails where none of them reads it.
  private static func each(_ readers: [() throws -> Void]) throws {
    var last: (any Error)?
    var count = 0
    for reader in readers {
      do {
        try reader()
        count += 1
      } catch {
        precondition(!String(describing: error).isEmpty, "an error without a word")
        last = error
      }
    }
    if count == 0, let last { throw last }
  }

  /// The lines of a file of seeds, each alone and all together.
  private static func lines(_ name: String) -> (URL) throws -> [[UInt8]] {
    { checkout in
      let data = try Data(contentsOf: checkout.appendingPathComponent("Fuzz/Seeds/" + name))
      return [Array(data)] + data.split(separator: 0x0a).map { Array($0) }
    }
  }
}
