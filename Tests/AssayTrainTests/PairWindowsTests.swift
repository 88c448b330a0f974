import AssayData
import AssayRun
import AssayText
import AssayTrain
import Foundation
import Testing

@Suite struct PairWindowsTests {
  /// Ten pairs, 0 to 9.
  private func windows(
    _ world: TinyWorld,
    size: Int,
    isShuffled: Bool = true,
    seed: Int = 1
  ) throws -> PairWindows {
    let file = world.file("ten.jsonl")
    let lines = (0..<10).map { #"{"prompt": "p\#($0)", "chosen": "right", "rejected": "wrong"}"# }
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
    return PairWindows(size: size, seed: seed, isShuffled: isShuffled, events: { _ in }) {
      try PairReader().stream(file.path)
    }
  }

  private func prompts(_ pairs: [PreferencePair]) -> [Int] {
    pairs.compactMap { $0.prompt.first.flatMap { Int($0.content.dropFirst()) } }
  }

  @Test(
    "windows have neighbours of the file, behind whose end it begins again",
    arguments: [3, 10, 64]
  )
  func order(size: Int) throws {
    let world = try TinyWorld()
    let plain = try windows(world, size: size, isShuffled: false)
    #expect(prompts(try plain.pairs(at: Array(0..<25))) == (0..<25).map { $0 % 10 })
    let shuffled = prompts(try windows(world, size: size).pairs(at: Array(0..<3 * size)))
    for start in stride(from: 0, to: 3 * size, by: size) {
      let window = shuffled[start..<start + size]
      #expect(window.sorted() == (start..<start + size).map { $0 % 10 }.sorted())
    }
    #expect(shuffled != (0..<3 * size).map { $0 % 10 })
  }

  @Test("a place has the same pair wherever the reading began, and another with another seed")
  func places() throws {
    let world = try TinyWorld()
    let all = prompts(try windows(world, size: 4).pairs(at: Array(0..<40)))
    let later = try windows(world, size: 4)
    #expect(prompts(try later.pairs(at: Array(22..<40))) == Array(all[22..<40]))
    // Back to the start.
    #expect(prompts(try later.pairs(at: Array(0..<6))) == Array(all[0..<6]))
    #expect(prompts(try windows(world, size: 4, seed: 2).pairs(at: Array(0..<40))) != all)
  }

  @Test("a file without pairs ends the reading, and so does a recipe that cannot read in windows")
  func refusals() throws {
    let world = try TinyWorld()
    let file = world.file("none.jsonl")
    try Data().write(to: file)
    let none = PairWindows(size: 4, seed: 1, isShuffled: true, events: { _ in }) {
      try PairReader().stream(file.path)
    }
    #expect(throws: TrainingError.self) { try none.pairs(at: [0]) }
    let window = "data:\n  window: 8\n"
    for (recipe, key) in [
      (TinyRecipe.classic(world).replacing("data:\n", with: window), "compute.steps"),
      (
        TinyRecipe.cloud(world, onPolicy: false).replacing("data:\n", with: window)
          .replacing("checkpoint_steps: 2", with: "checkpoint_steps: 2, steps: 4"), "data.window"
      ),
    ] {
      let error = #expect(throws: RunError.self) {
        try Recipe(try RecipeFile(text: recipe, name: "tiny.yaml"))
      }
      #expect("\(error as Any)".contains(key))
    }
  }
}
