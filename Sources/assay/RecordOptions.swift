import ArgumentParser
import AssayEvaluate

/// Options of commands that append records to a file.
struct RecordOptions: ParsableArguments {
  @Flag(
    help: """
      Begin the file of records anew, whatever it holds. Default: go on where it stopped; one that \
      was written with other settings is refused.
      """
  )
  var force = false

  /// Checks that a file's records were written with the settings given, and notes these beside it.
  ///
  /// - Parameters:
  ///   - out: The file of records; `nil` and `-` are left alone.
  ///   - settings: What the records depend on.
  ///   - common: Says whether a warning is wanted.
  /// - Throws: `EvaluateError.changedSettings`, or `DataError` where a file cannot be written.
  func claim(_ out: String?, _ settings: RecordSettings, _ common: CommonOptions) throws {
    guard let out, out != "-" else { return }
    guard case .unknown(let notes) = try settings.claim(out, force: force), !common.isQuiet else {
      return
    }
    Output.error("\(notes) is missing: what \(out) was written with is not checked")
  }
}
