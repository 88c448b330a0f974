import ArgumentParser
import AssayEvaluate

/// What a million tokens cost: `READ,WRITTEN`.
extension TokenPrice: ExpressibleByArgument {
  package init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let prices = parts.compactMap { Double(String($0)) }
    guard parts.count == 2, prices.count == 2, prices.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      return nil
    }
    self.init(prompt: prices[0], completion: prices[1])
  }
}

/// What tokens cost.
struct PriceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      What a million tokens cost in dollars, those read and those written, as 0.15,0.60: the results then \
      say what 1,000 pairs or items cost. Default: none.
      """,
      valueName: "read,written"
    )
  )
  var pricePerMillion: TokenPrice?
}
