import AssayData
import AssayRun

/// How many items of the Playground are made.
package struct PlaygroundSection: RecipeSection {
  /// Training pairs, over all sections.
  ///
  /// Default: 8000.
  package var train = 8000
  /// Test pairs, over all sections.
  ///
  /// Default: 2000.
  package var test = 2000
  /// Out-of-distribution pairs, over all sections.
  ///
  /// Default: 1000.
  package var ood = 1000
  /// Worked solutions to pretrain on.
  ///
  /// Default: 40000.
  package var corpus = 40000

  /// Longer pairs to test on, over all sections, where kinds are held out: then `ood` is of these kinds,
  /// and the suite `long` of more steps.
  ///
  /// Default: 1000.
  package var long = 1000
  /// Whether kinds of task, contents and wordings are held out of training: the suite `ood` has them at
  /// the lengths of training, and `long` the known ones at lengths beyond.
  ///
  /// Default: false, `ood` is of more steps.
  package var holdsOut = false
  /// The share of training and test pairs of which both responses are right, and the label is that of an
  /// annotator with a taste that no prompt tells of.
  ///
  /// Default: 0.
  package var taste = 0.0
  /// The share of training pairs whose label is turned round.
  ///
  /// Default: 0.
  package var labelFlips = 0.0
  /// The share of a stronger teacher's critiques with a slip in their working.
  ///
  /// Default: 0.1.
  package var teacherSlips = 0.1
  /// The share of them whose conclusion is turned round.
  ///
  /// Default: 0.05.
  package var teacherNoise = 0.05
  /// How often the teacher misreads a task of one of its own misconceptions.
  ///
  /// Default: 0.1.
  package var teacherMisconceptions = 0.1
  /// In how many ways it words its critiques, from 1 to 6.
  ///
  /// Default: 6.
  package var teacherParaphrases = 6

  /// Makes a section of defaults.
  package init() {}

  /// How good a stronger teacher is.
  var teacher: TeacherStrength {
    TeacherStrength(
      slips: teacherSlips,
      verdictNoise: teacherNoise,
      misconceptions: teacherMisconceptions,
      paraphrases: teacherParaphrases
    )
  }

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (train, "train"), (test, "test"), (ood, "ood"), (long, "long"), (corpus, "corpus"),
    ] { checks.require(value > 0, name, "a number above 0") }
    for (value, name) in [
      (taste, "taste"), (labelFlips, "labelFlips"), (teacherSlips, "teacherSlips"),
      (teacherNoise, "teacherNoise"), (teacherMisconceptions, "teacherMisconceptions"),
    ] { checks.require((0...1).contains(value), name, "a share from 0 to 1") }
    checks.require(
      (1...TeacherStrength.mostParaphrases).contains(teacherParaphrases),
      "teacherParaphrases",
      "a number from 1 to \(TeacherStrength.mostParaphrases)"
    )
  }
}
