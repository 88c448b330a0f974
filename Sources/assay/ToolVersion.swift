/// The version of the tool, by semantic versioning.
enum ToolVersion {
  static let text = "0.1.0"
}
