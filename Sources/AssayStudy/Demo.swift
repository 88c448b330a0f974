/// The study that ships in the binary, so that `assay demo` needs no file.
package enum Demo {
  /// The text of `Recipes/demo.yaml`.
  package static var specification: String {
    String(decoding: PackageResources.demo_yaml, as: UTF8.self)
  }
}
