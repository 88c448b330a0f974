import ArgumentParser
import AssayModel

/// What is the score, where a model's folder does not say it.
struct HeadOptions: ParsableArguments {
  @Option(
    help: """
      What is the score, where the folder does not say it: logit:A or logit:A-B is a token's logit, \
      perhaps less another's, probability:A-B that of A of the two, of ids or texts of one token; \
      expected:1-5 is the mean of ratings as likely as their tokens; @next behind it reads at the opened assistant's turn, @turns with each step as a turn, @TOKEN at \
      each such token, else the last one is read. row:I, row:I-J and softmax:I choose of a head's rows, mean is the mean of all. \
      Default: the folder's own.
      """
  )
  var head: String?

  @Option(
    help: """
      What the user is made to ask behind a response, before the score is read at the opened \
      assistant's turn. Default: nothing.
      """
  )
  var question: String?

  func validate() throws {
    if let head, HeadChoice(head) == nil {
      throw ValidationError(
        "--head is logit:A, logit:A-B, probability:A-B, expected:1-5, row:I, row:I-J, softmax:I or mean, "
          + "not '\(head)'"
      )
    }
  }

  /// What `head` says.
  var choice: HeadChoice? { head.flatMap { HeadChoice($0) } }
}
