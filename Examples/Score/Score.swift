// Scores two responses, with the critiques that the scores were read from.
//
//   swift run -c release ScoreExample MODEL
//
// MODEL is a folder that `assay train` or `assay demo` made, or one in Hugging Face's layout.
import AssayKit
import Foundation

@main
struct ScoreExample {
  static func main() async throws {
    guard let path = CommandLine.arguments.dropFirst().first else {
      print("usage: ScoreExample MODEL")
      return
    }
    let model = try await RewardModel.load(URL(fileURLWithPath: path))
    let prompt = "anna has 14 apples. she gives 3 to bob. how many apples does anna have now?"
    let responses = ["11", "12"].map { Response(prompt: prompt, text: $0) }
    for (response, score) in zip(responses, try await model.score(responses)) {
      print(response.text, String(format: "%.3f", score.value), score.critiques.first?.text ?? "")
    }
  }
}
