// Methods compared on equal terms: one world, one base, one start model, the same pairs, the same
// search budget; each method trained for each seed and evaluated on the same suites.
//
// Stages are kept in `stages/`, each in a folder named after what it is made from. Methods share
// those that they have in common, as the first critiques; a changed setting makes new stages and
// leaves the old ones where they are.
//
//   assay compare Recipes/papers.yaml --out runs/papers

import AssayBase
import AssayData
import AssayRun
import AssayTrain
import Foundation

/// Runs a comparison.
package struct StudyRecipe {
  /// All settings.
  package let config: StudyConfig
  /// All settings as YAML.
  package let resolved: String
  let file: RecipeFile
  let overrides: [String]

  /// Reads a specification and checks all of its settings, those of variants too.
  ///
  /// - Parameters:
  ///   - file: The specification.
  ///   - overrides: `a.b=value` texts that win over the file.
  /// - Throws: `RunError.invalidRecipe` with every problem found.
  package init(_ file: RecipeFile, overrides: [String] = []) throws {
    if let method = try file.setting("method", overrides: overrides),
      Methods.named(method) != nil
    {
      throw RunError.invalidRecipe(
        file: file.name,
        problems: ["method: \(method) is one method: run it by `assay train`"]
      )
    }
    let resolved = try file.resolve(StudyConfig.self, overrides: overrides)
    self.file = file
    self.overrides = overrides
    config = resolved.config
    self.resolved = resolved.yaml
    for name in config.methods {
      let settings = config.method(named: name)?.settings ?? []
      _ = try file.resolve(StudyConfig.self, overrides: overrides + settings)
    }
  }

  /// A study of these methods in which nothing has finished.
  func emptyStudy() throws -> Study {
    var study = Study(
      world: config.world,
      methods: try config.methods.compactMap { name in
        guard let (method, settings) = config.method(named: name) else { return nil }
        let takesShare = settings.count == 1 && settings[0].hasPrefix("share=")
        return Study.Method(
          name: name,
          base: method.name,
          settings: settings,
          share: takesShare ? try self.settings(of: name, factor: 1).share : nil
        )
      }
    )
    study.parts = config.evaluation.parts > 1 ? config.evaluation.parts : nil
    return study
  }

  /// The method of a part.
  ///
  /// - Throws: `RunError.invalidRecipe` where this comparison has none of that name.
  func method(of part: StudyPart) throws -> any Method {
    guard let (method, _) = config.method(named: part.method) else {
      throw RunError.invalidRecipe(
        file: part.method,
        problems: ["\(part.method) is no method of this comparison"]
      )
    }
    return method
  }

  /// The settings of a method or variant, with a learning rate that a search found.
  func settings(of name: String, factor: Double) throws -> StudyConfig {
    guard let (method, settings) = config.method(named: name) else { return config }
    var all = overrides + settings
    if factor != 1 {
      let rates = try file.resolve(StudyConfig.self, overrides: all).config.learningRates(
        of: method
      )
      all += zip(method.learningRateKeys, rates).map { "\($0)=\($1 * factor)" }
    }
    return try file.resolve(StudyConfig.self, overrides: all).config
  }
}
