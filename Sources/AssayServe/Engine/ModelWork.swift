import AssayGenerate
import AssayModel
import AssayText

/// What a request asks of the model.
enum ModelWork: Sendable {
  /// Texts to write.
  case texts([GenerationRequest])
  /// Texts to read in one forward pass each.
  case passes([ModelPass], ModelPass.Reading)

  /// How many texts are written or read.
  var count: Int {
    switch self {
    case .texts(let requests): requests.count
    case .passes(let passes, _): passes.count
    }
  }

  /// Tokens to read, a prompt of several texts once.
  var promptTokens: Int {
    switch self {
    case .texts(let requests): Set(requests.map(\.promptTokens)).map(\.count).reduce(0, +)
    case .passes(let passes, _): passes.map(\.tokens.count).reduce(0, +)
    }
  }
}

/// What becomes of the texts of a job; each is known by its place in the work.
enum ModelEvent: Sendable {
  /// A token of a text that is being written.
  case token(place: Int, GenerationSession.Token)
  /// A text is written.
  case text(place: Int, Generation)
  /// A text is read.
  case value(place: Int, PassValue)
}
