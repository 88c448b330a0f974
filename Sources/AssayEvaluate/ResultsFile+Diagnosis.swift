// What stands beside a benchmark's figures in `results.json`: critiques, baselines, leaks, labels.
import AssayReward
import Foundation

extension ResultsFile {
  /// A share with its interval.
  package struct Share: Codable, Equatable, Sendable {
    /// In [0, 1].
    package let share: Double
    /// The lower and the upper end of the 95 % interval.
    package let ci95: [Double]
    /// What was counted.
    package let n: Int

    /// Makes a share of an estimate.
    package init(_ estimate: Estimate) {
      (share, ci95, n) = (estimate.value, [estimate.lower, estimate.upper], estimate.count)
    }

    /// `83.1 % [81.9, 84.3]`.
    package var text: String {
      "\(percent(share)) % [\(ci95.map(percent).joined(separator: ", "))]"
    }
  }

  /// How good the texts are that a model wrote, beside its scores or verdicts.
  package struct Critiques: Codable, Equatable, Sendable {
    /// Texts.
    package var texts = 0
    /// How many equations of the texts are right; `nil` where they state none.
    package var rightEquations: Share?
    /// How many texts that state equations have a wrong one.
    package var textsWithWrongEquations: Share?
    /// How often the text alone tells which side is right, learnt from other prompts; `nil` where there are
    /// too few.
    package var textAlone: Share?
    /// How often the score or the verdict does, on the same items.
    package var scoreBeside: Share?
    /// How often both say something, and not the same.
    package var contradictions: Share?
    /// How often the score or the verdict is then right.
    package var scoreRightThere: Share?
    /// How often the marked step is the one that is named; `nil` where none is marked.
    package var namesStep: Share?
    /// How often it would be by chance.
    package var namesStepByChance: Double?
    /// How often a text is nearer to its own item's marked reason than to another item's; one half by
    /// chance, `nil` where none is marked.
    package var namesReason: Share?

    /// Makes one of nothing.
    package init() {}

    enum CodingKeys: String, CodingKey {
      case texts
      case rightEquations = "right_equations"
      case textsWithWrongEquations = "texts_with_wrong_equations"
      case textAlone = "text_alone"
      case scoreBeside = "score_beside"
      case contradictions
      case scoreRightThere = "score_right_there"
      case namesStep = "names_step"
      case namesStepByChance = "names_step_by_chance"
      case namesReason = "names_reason"
    }
  }

  /// Training data's prompts among a benchmark's.
  package struct Leaks: Codable, Equatable, Sendable {
    /// The training files' names.
    package var files: [String]
    /// Items whose prompt is a training prompt, but for case and white space.
    package var exact: Int
    /// Other items of whose runs of eight words at least 70 % stand in training prompts.
    package var near: Int
    /// Both, over all items.
    package var share: Double
    /// The benchmark's overall figure without these items; `nil` where that leaves none.
    package var clean: Figure?

    /// Makes one.
    package init(files: [String], exact: Int, near: Int, share: Double, clean: Figure?) {
      (self.files, self.exact, self.near) = (files, exact, near)
      (self.share, self.clean) = (share, clean)
    }
  }

  /// What speaks against a benchmark's labels.
  package struct Labels: Codable, Equatable, Sendable {
    /// The share of labels that the surest scores contradict: at most so many labels are wrong, if the
    /// model is not itself surely wrong; `nil` of verdicts.
    package var noise: Share?
    /// Pairs whose responses an earlier pair of the same prompt prefers the other way round.
    package var contradicting: Int
    /// Pairs that an earlier pair repeats.
    package var repeated: Int

    /// Makes one.
    package init(noise: Share?, contradicting: Int, repeated: Int) {
      (self.noise, self.contradicting, self.repeated) = (noise, contradicting, repeated)
    }
  }
}

extension ResultsFile.Critiques {
  /// What the figures say, a sentence each.
  package var sentences: [String] {
    var said: [String] = []
    if let right = rightEquations, let wrong = textsWithWrongEquations {
      said.append(
        "equations that are right: \(right.text) of \(right.n); texts with a wrong one: \(wrong.text) "
          + "of \(wrong.n)"
      )
    }
    if let namesStep, let chance = namesStepByChance {
      said.append(
        "the marked step is named in \(namesStep.text) of \(namesStep.n) (by chance "
          + "\(percent(chance)) %)"
      )
    }
    if let namesReason {
      said.append(
        "a text is nearer to its own marked reason than to another's: \(namesReason.text) of "
          + "\(namesReason.n) (by chance 50.0 %)"
      )
    }
    if let textAlone, let scoreBeside {
      said.append(
        "the text alone tells the right side: \(textAlone.text) of \(textAlone.n), what was read behind "
          + "it \(scoreBeside.text)"
      )
    }
    if let contradictions {
      let right =
        scoreRightThere.map { "; there the score or verdict is right in \($0.text)" } ?? ""
      said.append("text and score contradict each other: \(contradictions.text)\(right)")
    }
    return said
  }
}

extension ResultsFile.Leaks {
  /// What was found, in a sentence.
  package var sentence: String {
    guard exact + near > 0 else {
      return "no prompt is one of \(files.joined(separator: ", "))"
    }
    let rest = clean.map { "; without them \(percent($0.accuracy)) %" } ?? ""
    return "\(exact) prompts are training prompts and \(near) are near to them "
      + "(\(percent(share)) % of items)\(rest)"
  }
}

extension ResultsFile.Labels {
  /// What was found, a sentence each.
  package var sentences: [String] {
    var said: [String] = []
    if let noise {
      said.append("labels that sure scores contradict: \(noise.text), the most that can be wrong")
    }
    if contradicting > 0 {
      said.append("\(contradicting) pairs prefer what an earlier one rejects")
    }
    if repeated > 0 { said.append("\(repeated) pairs repeat an earlier one") }
    return said
  }
}

extension ResultsFile.Evaluation.Part {
  /// What those score who know nothing, over all.
  package var baselineSentence: String? {
    let names = [
      ("chance", "chance"), ("longer", "longer wins"), ("constant", "all alike"),
      ("shuffled", "shuffled"), ("shuffled-head", "its head shuffled"),
    ]
    let own = names.compactMap { key, name in
      baselines?[key]?["overall"].map { "\(name) \(percent($0)) %" }
    }
    return own.isEmpty ? nil : "for comparison: \(own.joined(separator: ", "))"
  }

  /// Figures that are no accuracies, a section each.
  package var namedSentences: [String] {
    (named ?? [:]).sorted { $0.key < $1.key }.map { section, figures in
      let own = figures.sorted { $0.key < $1.key }.map { name, value in
        "\(name) \(String(format: "%.3f", value))"
      }
      return "\(section): \(own.joined(separator: ", "))"
    }
  }

  /// What the annotators' agreement allows, over all.
  package var ceilingSentence: String? {
    agreementCeiling?["overall"].map {
      "annotators differ: nobody can agree with a single one of them in more than \(percent($0)) %"
    }
  }

  /// What 1,000 items cost; `nil` where no price is given.
  package var priceSentence: String? {
    price.map {
      "1,000 items cost \($0.text(of: tokens, per: n)) at \($0.text) for a million tokens"
    }
  }

  /// All that is said beside the figures, a sentence each.
  package var remarks: [String] {
    [baselineSentence, ceilingSentence, leaks?.sentence].compactMap(\.self) + namedSentences
      + (critiques?.sentences ?? []) + (labels?.sentences ?? [])
      + [priceSentence].compactMap(\.self)
  }
}
