import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import Foundation

struct CalibrateCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "The judge card: what gold labels tell of a reward model or a judge.",
    discussion: """
      Rates pairs that people labelled, as they are and with the worse response changed in ways that \
      make it no better, and writes card.json and card.html: agreement, calibration, the confidence \
      for a wanted precision, and each bias with the smallest effect that could have been seen. 200 \
      labels are enough to say something; see Documentation/calibrate.md. Every rating is recorded at \
      once: run again, it goes on where it stopped, and with --records it asks no model.
      """
  )

  @OptionGroup var source: ModelOptions
  @OptionGroup var card: CardOptions
  @OptionGroup var rows: RowOptions
  @OptionGroup var judging: JudgeOptions
  @OptionGroup var draws: DrawOptions
  @OptionGroup var records: RecordOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try card.validate(source, judging, draws, common)
    try rows.validate(canCut: false, isRemote: source.model == nil)
    if source.isRemote {
      try judging.validateRemote()
      try judging.validate(samples: card.samples, scores: false)
    }
  }

  func execute() async throws {
    let files = try CardFiles(URL(fileURLWithPath: card.out))
    guard let given = card.records else {
      return try await source.open(out: card.out, isOutputFree: false, common) { model in
        try await rate(by: model, files)
      }
    }
    let (run, file) = (try card.run(rows), URL(fileURLWithPath: given))
    try tell(JudgeCard(run, outcomes: run.recorded(in: file), of: file, card.questions), files)
  }

  private func rate(by model: ModelSource, _ files: CardFiles) async throws {
    try judging.validate(samples: card.samples, scores: model.scores)
    let kept = try card.keep ? keptFolder(of: model) : nil
    let critiques = draws.critiques(samples: card.samples, seed: common.seed)
    var settings = judging.settings(draws, seed: common.seed)
    // The probes of an item begin alike.
    settings.sharesPrefixes = true
    let limit = try model.length(critiques: critiques, judging: settings)?.pairs
    let run = try card.run(rows, limit)
    let rater = try model.rater(critiques: critiques, judging: settings)
    var written = model.settings(source.inference, common)
    if let judge = rater as? JudgeRater {
      written.set(judge)
    } else {
      written.set(critiques, tokens: critiques.tokens)
    }
    try records.claim(files.records.path, written, common)
    let progress = Progress("calibrate", total: run.ratings.count, common)
      .following(model, itemTokens: model.pairTokens(rater, critiques))
    let start = Date()
    let place = model.place(files.records.path, of: rater)
    let outcomes = try await model.keeping(beside: place, written, anew: records.force) {
      try await run.run(
        by: rater,
        to: files.records,
        fits: { pair in try limit.map { try $0.measure(pair) <= $0.maximumTokens } ?? true },
        onProgress: progress.update
      )
    }
    progress.finish(seconds: Date().timeIntervalSince(start))
    let made = try JudgeCard(run, outcomes: outcomes, of: files.records, card.questions)
    try tell(made, files)
    if let kept { try CardFiles(kept).write(made) }
  }

  private func tell(_ made: JudgeCard, _ files: CardFiles) throws {
    try files.write(made)
    if common.isJSON { return try Output.json(made) }
    try Output.result(made.text)
  }

  private func keptFolder(of model: ModelSource) throws -> URL {
    guard case .here(_, let folder, let path) = model, folder.isFolder else {
      throw ValidationError("--keep needs a model folder, which this model is not")
    }
    guard FileManager.default.isWritableFile(atPath: folder.path) else {
      throw FileError.fileSystem(action: "write", path: path, reason: "the folder is read-only")
    }
    return folder
  }
}

extension URL {
  /// Whether there is a folder, or a link to one.
  var isFolder: Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }
}
