/// An error that a person or a program marked in a response.
package struct MarkedError: Equatable, Sendable {
  /// Which of the item's rejected responses has it.
  package var response = 0
  /// What is wrong, in words; `nil` where only the step is known.
  package var reason: String?
  /// The first wrong step, from 0; `nil` where only the reason is known.
  package var step: Int?
  /// The steps of the response; empty where no step is marked.
  package var steps: [String] = []
}
