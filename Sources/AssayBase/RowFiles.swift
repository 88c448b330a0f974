/// What files are called that rows are read from.
package enum RowFiles {
  /// Their endings: JSON Lines, JSON, tables of commas or tabs, each plain or packed, and Parquet.
  package static let endings: [String] =
    ["jsonl", "json", "csv", "tsv"].flatMap { ending in
      ["", ".gz", ".zst"].map { ".\(ending)\($0)" }
    } + [".parquet"]

  /// What the `datasets` library says of a data set, which are no rows.
  private static let descriptions = [
    "dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json",
  ]

  /// Tells whether a file's name is one of rows.
  ///
  /// - Parameter path: The file's name, with its folders.
  /// - Returns: Whether rows are read from such files.
  package static func holdsRows(_ path: String) -> Bool {
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    return !descriptions.contains(name) && endings.contains { name.hasSuffix($0) }
  }
}
