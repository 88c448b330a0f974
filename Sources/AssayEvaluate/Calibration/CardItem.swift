import AssayData

/// A gold item with what the rater said of it.
struct CardItem {
  let gold: GoldItem
  let judgement: CardJudgement
  /// The number of its prompt: items of one prompt are not independent.
  let cluster: Int

  /// By how many characters the better response is longer.
  var lengthGain: Int {
    gold.pair.chosen.unicodeScalars.count - gold.pair.rejected.unicodeScalars.count
  }
}
