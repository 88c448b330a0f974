// Trains a classic reward model on pairs in memory, evaluates it, and scores with it: no YAML.
//
//   swift run -c release TrainExample BASE OUT
//
// BASE is the folder of a model to start from, OUT the run folder; run again, it goes on.
import AssayKit
import Foundation

@main
struct TrainExample {
  static func main() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count == 2 else {
      print("usage: TrainExample BASE OUT")
      return
    }
    let pairs = (0..<64).map { number in
      Pair(
        id: "\(number)",
        prompt: [.user("What is \(number) + 1?")],
        chosen: "\(number + 1)",
        rejected: "\(number + 2)"
      )
    }
    var training = Training(
      method: "classic",
      model: URL(fileURLWithPath: arguments[0]),
      pairs: .list(Array(pairs.prefix(48)))
    )
    training.suites = ["test": .list(Array(pairs.suffix(16)))]
    training.settings = ["classic.epochs": 2, "classic.batch_pairs": 16]
    let trained = try await training.run(in: URL(fileURLWithPath: arguments[1])) { print($0) }
    for (section, figure) in trained.results["test"] ?? [:] {
      print(section, figure.accuracy, figure.interval)
    }
    let model = try await RewardModel.load(trained.folder)
    let scores = try await model.score([Response(prompt: "What is 70 + 1?", text: "71")])
    print(scores[0].value)
  }
}
