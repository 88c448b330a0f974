/// Processes that work at a stage's records together: the first keeps them, the others follow into the
/// stage and hand it theirs.
package protocol StageProcesses: Sendable {
  /// This process's number, from 0.
  var rank: Int { get }
  /// How many there are.
  var size: Int { get }

  /// Has the other processes follow into a stage; for the first one to call.
  ///
  /// - Throws: Where they are gone.
  func begin(_ stage: String) throws

  /// Adds up numbers over all processes, which all call it in turn.
  ///
  /// - Parameter numbers: This process's; as many in every one.
  /// - Returns: The sums, the same in every process.
  /// - Throws: Where one is gone.
  func sum(_ numbers: [Double]) throws -> [Double]
}

/// The processes that share the running recipe's stages.
package enum SharedStages {
  /// They; `nil` where there is this one alone.
  @TaskLocal package static var processes: (any StageProcesses)?
}
