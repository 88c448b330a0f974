import ArgumentParser

/// What results are written as.
enum ResultFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, markdown, csv, html
}

/// The option of commands whose results have several forms.
struct FormatOptions: ParsableArguments {
  @Option(
    help: """
      What standard output has: table, json, markdown, csv or html (a page, of one benchmark). Default: \
      table.
      """
  )
  var format: ResultFormat?

  /// The form, with `--json` as one way to name it.
  func form(_ common: CommonOptions) -> ResultFormat {
    format ?? (common.isJSON ? .json : .table)
  }

  /// Refuses two forms, and a page of several benchmarks.
  ///
  /// - Throws: `ValidationError`.
  func validate(_ common: CommonOptions, benchmarks: Int) throws {
    guard !common.isJSON || format == nil || format == .json else {
      throw ValidationError("--json and --format name two forms; give one of them")
    }
    guard format != .html || benchmarks == 1 else {
      throw ValidationError(
        "a page is of one benchmark; give one --benchmark, or --out for all pages"
      )
    }
  }
}
